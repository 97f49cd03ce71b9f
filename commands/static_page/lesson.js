// The lesson below Start: it shares the engine, and the network that Start has opened first.
import {engine, networkOf, now} from "./start.js";
import {lesson} from "./lesson/lesson.js";

const place = document.getElementById("lesson");
if (!now.networks) await new Promise(done => now.heard.push(done));
lesson(place, {engine, network: () => networkOf(now.networks[0])});
new IntersectionObserver(([seen]) => document.body.classList.toggle("lesson-seen", seen.isIntersecting)).observe(place);
