// Start: a head that turns, drawn in the visitor's own browser; the same in the page and in a folder of its own.
import {Engine} from "./engine/engine.js";

const BASE = new URL(".", import.meta.url), TURNING = 5200;   // milliseconds that it turns by itself
const view = document.getElementById("start-view"), $ = name => view.querySelector(`.start-${name}`);
const [photo, canvas, range, said, told, next] = ["photo", "canvas", "range", "said", "told", "next"].map($);
const say = (line, text) => { line.textContent = text; line.hidden = !text && line !== said; };
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const by = new URLSearchParams(location.search).get("engine") !== "server" && Engine.supported();
const E = (tag, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
};

// amounts: steps by knob; face: its number among the recorded ones, or one of a seed; network: once it draws
export const now = {net: null, network: null, face: null, knob: null, psi: null, amounts: new Map(), heard: [],
  films: new Map()};
const tell = () => now.heard.forEach(one => one());
const numbers = text => new Float32Array(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);
const megabytes = bytes => (bytes / 1e6).toFixed(1);

// --- the network

const opened = new Map();
export let engine = null;                             // where nothing is drawn here

// A pack as it is sent: gzip of where its float16 numbers begin and how many they are, and these with high bytes first.
// A server that names the encoding has it unpacked on the way.
async function fetched({pack, size: sent_size, plain: unpacked}) {
  const answer = await fetch(new URL(pack, BASE)), parts = [];
  const size = answer.headers.get("content-encoding") ? unpacked : sent_size;
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  let loaded = 0;
  for (let piece, reader = answer.body.getReader(); !(piece = await reader.read()).done;) {
    parts.push(piece.value); loaded += piece.value.length;
    say(said, `Loading the network: ${megabytes(Math.min(loaded, size))} of ${megabytes(size)} MB`);
  }
  const sent = new Blob(parts), [first, second] = new Uint8Array(await sent.slice(0, 2).arrayBuffer());
  const zipped = first === 31 && second === 139, unzip = () => new DecompressionStream("gzip");
  const stream = zipped ? sent.stream().pipeThrough(unzip()) : sent.stream();
  const bytes = await new Response(stream).arrayBuffer(), places = new DataView(bytes), from = new Uint8Array(bytes, 8);
  const start = places.getUint32(0, true), n = places.getUint32(4, true), pairs = from.slice();
  for (let i = 0, to = start; i < n; i++, to += 2) { pairs[to] = from[start + n + i]; pairs[to + 1] = from[start + i]; }
  return pairs.buffer;
}

// The tabs of the page draw with the networks that are open here, see page/js/live.js.
const shared = globalThis.ganNetworks ??= new Map();
export const networkOf = net => {
  if (!opened.has(net)) {
    opened.set(net, fetched(net).then(pack => engine.open(pack)));
    shared.set(`${net.name} ${net.weights}`, opened.get(net));
  }
  return opened.get(net);
};

// the code of a face [slots * dim], recorded or of a seed; one that is recorded for one slot is that of all
function codeOf({codes}) {
  const {slots, dim} = now.network, found = typeof codes === "string" ? numbers(codes) : codes;
  return found.length === slots * dim ? found : Float32Array.from({length: slots * dim}, (_, i) => found[i % dim]);
}

export const knobs = () => now.net.knobs;
export const knob = id => knobs().find(one => one.id === id);
const directions = () => now.net.directions ||= {slots: [...Array(now.network.slots).keys()],
  vectors: knobs().map(one => numbers(one.vector))};

// the face's code with knobs turned: amounts in steps, by knob
export const moved = (amounts, face = now.face) => now.network.edit(codeOf(face), directions(),
  knobs().map(({id, step}) => step * (amounts.get(id) || 0)));

export function paint(target, picture) {
  if (target.width !== picture.width) target.width = target.height = picture.width;
  target.getContext("2d").putImageData(picture, 0, 0);
}

// --- the picture

export async function draw() {
  const {id, far} = knob(now.knob), amount = now.amounts.get(id) || 0, wanted = JSON.stringify([...now.amounts]);
  if (now.network) {
    const drawn = await now.network.draw(moved(now.amounts), {lane: "start"});
    if (!drawn) return;
    paint(canvas, drawn.pictures[0]);
    Object.assign(view.dataset, {live: "engine", drawn: wanted, milliseconds: drawn.milliseconds[0].toFixed(1)});
    globalThis.gan?.drawnHere?.();                  // the page's foot says so
  } else if (!now.net.pictures.game) return;        // there is no film of it, and it is still on its way
  else {
    const strip = await film(`film-${now.net.chips.findIndex(one => one.knob === id)}`), side = strip.naturalHeight;
    cut(canvas, strip, Math.round((amount / far + 1) / 2 * (strip.naturalWidth / side - 1)), side);
    Object.assign(view.dataset, {live: "film", drawn: wanted});
  }
  if (canvas.hidden) { canvas.hidden = false; $("still").style.visibility = "hidden"; }
}

// What was recorded, where nothing is drawn live.
function cut(target, strip, i, side) {
  target.width = target.height = side;
  target.getContext("2d").drawImage(strip, i * side, 0, side, side, 0, 0, side, side);
}
async function picture(name) {
  const image = E("img", {src: new URL(now.net.pictures[name], BASE).href});
  await image.decode();
  return image;
}
function film(name) {
  const {net, films} = now, key = `${net.name} ${name}`;
  return films.get(key) || films.set(key, picture(name)).get(key);
}

function show() {
  const {id, title, low, high, far, verdict} = knob(now.knob), amount = now.amounts.get(id) || 0;
  const side = amount && low ? `, towards ${amount < 0 ? low : high}` : "";
  Object.assign(range, {min: -far, max: far, value: amount, ariaLabel: `${title}: from ${low} to ${high}`,
    ariaValueText: `${amount.toFixed(1)}${side}`});
  $("low").textContent = low; $("high").textContent = high; $("verdict").textContent = verdict;
  for (const one of $("chips").children) one.ariaPressed = String(one.dataset.knob === now.knob);
  $("still").alt = canvas.ariaLabel = `A face that the network drew, picture number ${now.face.seed}${side}`;
  view.dataset.seed = now.face.seed;
  doors(); tell();
}

export function turn(id, amount) {
  now.amounts.set(id, Math.max(-knob(id).far, Math.min(knob(id).far, amount)));
  show(); draw();
}
export function choose(id) { now.knob = id; show(); draw(); }
export function face(one) { now.face = one; show(); draw(); game.ask(); }

// --- the hand

const rest = () => { now.touched = true; };
function turnOnce() {
  if (still || now.touched) return;
  const id = now.knob, begun = performance.now();
  const step = time => {
    const share = Math.min(1, Math.max(0, (time - begun) / TURNING));
    const ease = Math.sin(2 * Math.PI * share) * Math.sin(Math.PI * share) ** .3;
    if (now.touched || now.knob !== id) return;
    turn(id, share < 1 ? .85 * knob(id).far * ease : 0);
    if (share < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

function hand() {
  let from = null;
  const place = e => from.amount + (e.clientX - from.x) / photo.clientWidth * 2 * from.far;
  for (const name of ["pointerdown", "keydown"]) view.addEventListener(name, rest, true);
  photo.addEventListener("pointerdown", e => {
    from = {x: e.clientX, amount: now.amounts.get(now.knob) || 0, far: knob(now.knob).far};
    photo.setPointerCapture(e.pointerId);
  });
  photo.addEventListener("pointermove", e => { if (from) turn(now.knob, place(e)); });
  for (const end of ["pointerup", "pointercancel"]) photo.addEventListener(end, () => { from = null; });
  guarded(range, amount => turn(now.knob, amount));
}

// Who scrolls with a finger on a slider scrolls: it counts once the finger has moved sideways, or was a tap.
export function guarded(slider, act) {
  let touch = null;
  const on = (name, heard) => slider.addEventListener(name, heard, {passive: true});
  on("touchstart", ({touches: [{clientX: x, clientY: y}]}) => { touch = {x, y, value: slider.value, way: ""}; });
  on("touchmove", ({touches: [{clientX, clientY}]}) => {
    const [dx, dy] = [Math.abs(clientX - touch.x), Math.abs(clientY - touch.y)];
    if (Math.max(dx, dy) > 6) touch.way ||= dx > dy ? "slide" : "scroll";
  });
  for (const end of ["touchend", "touchcancel"]) on(end, () => setTimeout(last => {
    if (!last || last !== touch) return;
    if (end === "touchcancel" || last.way === "scroll") slider.value = last.value;
    touch = null; act(+slider.value);
  }, 0, touch));
  on("input", () => { if (!touch || touch.way === "slide") act(+slider.value); });
}

// --- the game: what does a knob do?

const game = {
  at: 0, knew: 0, done: false,
  async ask() {
    const {game: rounds, aside} = now.net;
    $("game").hidden = !rounds.length;
    if (!rounds.length) return;
    const {knob: id, answers} = rounds[game.at], number = +id.split("-")[1] + 1, places = [...$("three").children];
    if (!game.done) {
      view.querySelector("#start-question").textContent = now.words.game.replace("{number}", number);
      $("count").textContent = `${game.at + 1} of ${rounds.length}${game.at ? ` · ${game.knew} right` : ""}`;
      $("answers").replaceChildren(...answers.map((text, i) =>
        E("button", {type: "button", onclick: () => game.answer(i)}, text)));
      say(told, ""); next.hidden = true;
    }
    if (now.network) {
      const sides = [-aside, 0, aside].map(amount => moved(new Map([[id, amount]])));
      const codes = new Float32Array(3 * sides[0].length);
      sides.forEach((one, i) => codes.set(one, i * one.length));
      const drawn = await now.network.draw(codes, {lane: "game"});
      if (drawn) drawn.pictures.forEach((one, i) => paint(places[i], one));
    } else {
      const strip = await film("game");
      places.forEach((one, i) => cut(one, strip, 3 * game.at + i, strip.naturalHeight));
    }
  },
  answer(chosen) {
    const {game: rounds} = now.net, {answers, right, says} = rounds[game.at], knew = right.includes(chosen);
    game.knew += knew; game.done = true;
    [...$("answers").children].forEach((one, i) => {
      one.disabled = true;
      one.classList.toggle("right", right.includes(i)); one.classList.toggle("wrong", i === chosen && !knew);
      if (right.includes(i)) one.prepend("✓ ");
    });
    const last = game.at + 1 === rounds.length;
    const chance = rounds.reduce((sum, one) => sum + one.right.length / one.answers.length, 0);
    const end = last ? ` You knew ${game.knew} of ${rounds.length}; by guessing one knows ${chance.toFixed(1)}.` : "";
    told.hidden = false;
    told.replaceChildren(E("b", {}, knew ? "Right. " : `It was ${answers[right[0]]}. `), says, end);
    $("count").textContent = `${game.at + 1} of ${rounds.length} · ${game.knew} right`;
    next.textContent = last ? "Play again" : "Next knob"; next.hidden = false; next.focus({preventScroll: true});
  },
  next() {
    const last = game.at + 1 === now.net.game.length;
    game.at = last ? 0 : game.at + 1; game.done = false;
    if (last) game.knew = 0;
    game.ask(); $("answers").firstChild.focus({preventScroll: true});
  },
};

// --- where it goes on

// The face goes along, as the network draws it. Inside the page a door opens its tab; else it is a link.
function doors() {
  for (const door of $("doors").querySelectorAll("[data-takes]")) {
    const address = new URL(door.href);
    for (const [name, value] of [["model", now.net.name], ["seed", now.face.seed], ["psi", now.psi ?? now.net.psi]])
      address.searchParams.set(name, value);
    door.href = address;
  }
}
$("doors").addEventListener("click", e => {
  const door = e.target.closest("a"), tab = door && door.dataset.tab, {gan} = window;
  if (!tab || !gan || !gan.visit || view.closest(".start-alone") || e.ctrlKey || e.metaKey || e.shiftKey) return;
  e.preventDefault();
  gan.visit(tab, own => {
    if ("takes" in door.dataset) own.take({model: now.net.name, seed: now.face.seed, psi: now.net.psi, label: 0});
  });
});

// --- which network

async function open(net) {
  const before = now.net;
  Object.assign(now, {net, face: net.faces[0], knob: net.chips[0].knob, amounts: new Map(), network: null, psi: null});
  Object.assign(game, {at: 0, knew: 0, done: false});
  for (const one of $("networks").children) one.ariaPressed = String(one.dataset.name === net.name);
  $("chips").replaceChildren(...net.chips.map(({knob: id, word}) => {
    const made = E("button", {type: "button", onclick: () => choose(id)}, word);
    made.dataset.knob = id;
    return made;
  }));
  if (before) {
    $("still").src = new URL(net.pictures.still, BASE);
    canvas.hidden = true; $("still").style.visibility = "";
  }
  view.querySelector(":scope > .start-lead").textContent = net.lead;
  $("proof").textContent = net.proof;
  say($("licence"), net.bundled ? "" : `${net.title}: ${net.licence}`);
  $("another").hidden = !by;
  show();
  if (!before) hand();
  if (by) {
    try {
      const network = await networkOf(net);
      if (now.net !== net) return;
      now.network = network; say(said, "Drawn live, in this browser."); show();
    } catch (error) {
      if (now.net !== net) return;
      $("another").hidden = true;
      const film = net.pictures.game ? "this is a film of it, recorded before" : "choose the other one";
      say(said, `The network could not be loaded (${error.message}): ${film}.`);
    }
  } else say(said, "This is a recorded film: nothing is drawn in this browser.");
  if (now.network || net.pictures.game) await Promise.all([draw(), game.ask()]);     // of others there is no film
  if (!before) turnOnce();
}

async function begin() {
  if (by) engine = new Engine();
  const {networks, ...words} = await (await fetch(new URL("data.json", BASE))).json();
  now.words = words;
  next.addEventListener("click", game.next);
  $("another").addEventListener("click", () => {
    const {faces} = now.net;
    now.psi = null;                                 // as they were recorded
    face(faces[(faces.indexOf(now.face) + 1) % faces.length]);
  });
  $("networks").hidden = !by || networks.length < 2;  // of others there is no film
  $("networks").replaceChildren(...networks.map(net => {
    const text = net.bundled ? words.bundled : `${net.title.split(" (")[0]}, ${megabytes(net.size)} MB`;
    const made = E("button", {type: "button", onclick: () => { if (net !== now.net) open(net); }}, text);
    made.dataset.name = net.name;
    return made;
  }));
  await open(networks[0]);
}

// Where a link has opened another tab, nothing is loaded until this one is in sight.
const start = () => begin().catch(error =>
  say(said, `This page could not be loaded whole (${error.message}): load it again.`));
if (view.offsetParent) start();
else new IntersectionObserver((seen, watcher) => {
  if (seen[0].isIntersecting) { watcher.disconnect(); start(); }
}).observe(view);
