// The lesson below Start: it shares the engine, and the network that Start has opened first.
import {engine, networkOf, now} from "./start.js";
import {lesson} from "./lesson/lesson.js";

const place = document.getElementById("lesson");
if (!now.net) await new Promise(done => now.heard.push(done));
const {net} = now;
lesson(place, {engine, network: () => networkOf(net)});
new IntersectionObserver(([seen]) => document.body.classList.toggle("lesson-seen", seen.isIntersecting)).observe(place);
