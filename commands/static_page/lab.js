// What the folder has beyond Start: every knob, any picture, a strip to save.
import {choose, face, guarded, knob, knobs, moved, now, turn} from "./start.js";

const $ = id => document.getElementById(`lab-${id}`), lab = document.getElementById("lab"), sliders = new Map();
const FRAMES = 7, TIMES = 3;                        // of a strip; pixels of the file for one of the network's
let shown = null, asked = 0;

const E = (tag, attributes, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
};
const nameOf = ({id, title}) => {
  const [kind, number] = id.split("-");
  return kind === "sefa" ? `Knob ${+number + 1}${title ? ` · ${title}` : ""}` : title;
};

function slider(one) {
  const {id, low, high, far} = one, name = nameOf(one);
  const range = E("input", {type: "range", id: `lab-${id}`, min: -far, max: far, step: 0.05, value: 0});
  guarded(range, amount => { now.knob = id; turn(id, amount); });
  sliders.set(id, range);
  const ends = low ? E("div", {className: "lab-ends"}, E("span", {}, low), E("span", {}, high)) : "";
  return E("div", {}, E("label", {htmlFor: range.id}, name), range, ends);
}

// another network has other knobs
function build() {
  shown = now.net; sliders.clear();
  const of = kind => knobs().filter(({id}) => id.startsWith(kind)).map(slider), named = of("pure");
  $("sefa").replaceChildren(...of("sefa")); $("named").replaceChildren(...named);
  $("by-name").hidden = !named.length;
}

function heard() {
  lab.hidden = !now.network;
  if (!now.network) return;
  if (shown !== now.net) build();
  for (const [id, range] of sliders) {
    const amount = now.amounts.get(id) || 0;
    if (+range.value !== amount) range.value = amount;
    range.ariaValueText = amount.toFixed(1);
  }
  if (document.activeElement !== $("seed")) $("seed").value = now.face.seed;
  if (document.activeElement !== $("psi")) $("psi").value = now.psi ?? now.net.psi;
}

// a picture of any number, as usual or unusual as asked for
async function other(seed) {
  const psi = +$("psi").value, last = ++asked, net = now.net;
  const codes = await now.network.codes(seed, {psi});
  if (last !== asked || net !== now.net) return;
  now.psi = psi; face({seed, codes});
}

async function strip() {
  const {id, far} = knob(now.knob), {resolution: side} = now.network, {bundled, licence, title} = now.net;
  const at = i => far * (2 * i / (FRAMES - 1) - 1);
  const codes = Array.from({length: FRAMES}, (_, i) => moved(new Map([...now.amounts, [id, at(i)]])));
  const all = new Float32Array(FRAMES * codes[0].length);
  codes.forEach((one, i) => all.set(one, i * one.length));
  const drawn = await now.network.draw(all, {lane: "strip"});
  if (!drawn) return;
  const small = E("canvas", {width: FRAMES * side, height: side}), large = E("canvas", {width: TIMES * FRAMES * side});
  drawn.pictures.forEach((one, i) => small.getContext("2d").putImageData(one, i * side, 0));
  large.height = TIMES * side + (bundled ? 0 : 24);
  const to = large.getContext("2d");
  to.imageSmoothingQuality = "high";
  to.drawImage(small, 0, 0, TIMES * FRAMES * side, TIMES * side);
  if (!bundled) {                                   // what may be done with it goes with the picture
    to.fillStyle = "#fff"; to.fillRect(0, TIMES * side, large.width, 24);
    to.fillStyle = "#222"; to.font = "13px sans-serif"; to.fillText(`${title}: ${licence}`, 6, TIMES * side + 17);
  }
  const file = await new Promise(done => large.toBlob(done, "image/png")), href = URL.createObjectURL(file);
  E("a", {href, download: `${now.net.name}-picture${now.face.seed}-${id}.png`}).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
  $("said").textContent = `A strip of ${FRAMES} pictures was saved: ${nameOf(knob(id))}.`;
}

$("face").addEventListener("submit", e => { e.preventDefault(); other(+$("seed").value); });
$("psi").addEventListener("input", () => other(now.face.seed));
$("back").addEventListener("click", () => { now.amounts.clear(); choose(now.knob); });
$("strip").addEventListener("click", strip);
now.heard.push(heard);
if (now.net) heard();

// the picture follows, small, while its own place is out of sight
const near = document.querySelector(".lab-near"), copy = near.firstChild;
const canvas = document.querySelector(".start-canvas");
new IntersectionObserver(([seen]) => { near.hidden = seen.isIntersecting || !now.network; follow(); }, {threshold: .25})
  .observe(document.querySelector(".start-photo"));
function follow() {
  if (near.hidden) return;
  copy.width = canvas.width; copy.height = canvas.height;
  copy.getContext("2d").drawImage(canvas, 0, 0);
}
new MutationObserver(follow).observe(document.getElementById("start-view"),
  {attributes: true, attributeFilter: ["data-drawn", "data-milliseconds", "data-seed"]});

// A file that falls here would take the page's place in the window.
for (const kind of ["dragover", "drop"]) document.addEventListener(kind, e => {
  if (!e.dataTransfer || !e.dataTransfer.types.includes("Files")) return;
  e.preventDefault();
  if (kind === "drop") document.querySelector(".start-said").textContent = "This page has no server, so it opens no "
    + "files: the whole page does, `python app.py` or a Space.";
});
