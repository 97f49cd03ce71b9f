// A lesson in a page that has no server: guess, then this device measures.
//
//   lesson(document.getElementById("lesson"), {engine, network: () => engine.open("portraits.pack")});
//
// engine: an Engine, or null where the browser has no WebAssembly SIMD: then answers are the recorded ones.
import {fixed, floats, Lab, MEASURED} from "./measured.js";

const BASE = new URL(".", import.meta.url);
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
const filled = (text, values) => text.replace(/{(\w+)}/g, (all, name) => values[name] ?? all);
const E = (tag, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
};

export async function lesson(element, {engine = null, network}) {
  const data = await (await fetch(new URL("lesson.json", BASE))).json(), {words} = data;
  const lab = engine && new Lab(data, {engine, network, base: BASE}), page = {data, words, lab, asked: []};
  page.score = E("p", {className: "lesson-score", role: "status"});
  page.asked = data.questions.map((question, i) => new Question(page, question, i));
  const say = (text) => filled(text, {things: data.things});
  element.setAttribute("aria-labelledby", "lesson-title");
  element.replaceChildren(
    E("h2", {id: "lesson-title"}, words.title), E("p", {className: "lesson-lead"}, say(words.lead)), printing(page),
    E("ol", {className: "lesson-questions"}, ...page.asked.map((one) => one.element)), page.score, answers(page));
  return page;
}

// --- one question

class Question {
  constructor(page, question, i) {
    Object.assign(this, {page, question, chosen: null, last: null, running: false, final: null});
    const {words} = page, {name, asks, guesses} = question, id = `lesson-${name}`;
    const choose = (k) => { this.chosen = k; this.button.disabled = false; this.say(""); };
    const radio = (k) => ({type: "radio", name: id, value: k, autocomplete: "off", onchange: () => choose(k)});
    const guess = (text, k) => E("label", {className: "lesson-guess"}, E("input", radio(k)), E("span", {}, text));
    this.fieldset = E("fieldset", {}, E("legend", {}, words.guess), ...guesses.map(guess));
    this.button = E("button", {type: "button", disabled: true, onclick: () => this.pressed()}, words.measure);
    this.said = E("span", {className: "lesson-said", role: "status"}, words.choose);
    this.bar = E("progress", {hidden: true, ariaLabel: words.measure});
    this.result = E("div", {className: "lesson-result", hidden: true, tabIndex: -1});
    const tried = name === "turns" && page.lab ? [trial(page)] : [];
    this.element = E("li", {className: "lesson-question", id}, E("h3", {}, asks), this.fieldset, ...tried,
      E("p", {className: "lesson-row"}, this.button, this.bar, this.said),
      this.result, E("p", {className: "lesson-write"}, words.write));
  }

  say(text) {
    this.said.textContent = text;
  }

  pressed() {
    if (this.running) this.stop();
    else this.measure();
  }

  // What is being measured is still finished, a second at most.
  stop() {
    if (this.running) this.button.disabled = true;
    this.running = false;
  }

  // Measures until it is done or stopped; where this device cannot, the recorded answer stands for it.
  async measure() {
    const {words, lab, asked} = this.page;
    for (const other of asked) if (other !== this) other.stop();
    for (const input of this.fieldset.elements) input.disabled = true;
    this.running = true;
    this.button.textContent = words.stop;
    try {
      if (!lab) throw new Error(words.cannot);
      await this.loaded();
      for await (const state of MEASURED[this.question.name](lab, this.question)) {
        this.last = state;
        this.shown();
        if (!this.running) break;
      }
    } catch (error) {
      this.failed = error.message;
    }
    this.running = false;
    this.ended();
  }

  async loaded() {
    const {words, lab, data: {things, reader: {size}}} = this.page;
    this.say(words.opening);
    await lab.network();
    const total = megabytes(size);
    await lab.reader((loaded) => this.say(filled(words.loading, {things, loaded: megabytes(loaded), total})));
    this.say("");
  }

  shown() {
    const {words, data: {things}} = this.page, {done, total, rows, numbers} = this.last;
    Object.assign(this.bar, {hidden: false, max: total, value: done});
    this.element.dataset.done = done;
    const head = filled(words.measured, {done, things});
    this.fill(E("p", {className: "lesson-done"}, filled(words.progress, {done, total, things})),
      E("p", {}, E("b", {}, head), " ", filled(this.question.answer, {...numbers, things})),
      table(filled(this.question.unit, {things}), rows));
  }

  ended() {
    const {words, data: {things}} = this.page, {question, last, failed} = this;
    const complete = last && last.done === last.total;
    this.failed = "";
    this.button.disabled = false;
    this.button.textContent = last ? words.more : words.measure;
    const held = document.activeElement === this.button;
    this.button.hidden = Boolean(complete);
    this.final = last ? last.right : question.right;
    this.say(failed || (complete ? "" : last ? words.stopped : ""));
    if (last) this.shown();
    else this.fill();
    this.bar.hidden = true;
    this.result.prepend(...this.judged());
    const rest = [recorded(this.page, question), question.rule];
    this.result.append(...rest.filter(Boolean).map((text) => E("p", {className: "lesson-more"},
      filled(text, {...last?.numbers, things}))));
    if (held && complete) this.result.focus();      // its button is gone
    this.page.score.textContent = score(this.page);
    this.page.told();
  }

  judged() {
    const {words} = this.page, {guesses} = this.question;
    if (this.final === null || this.final === undefined) return [];
    const text = this.final === this.chosen ? words.right
      : filled(words.wrong, {guess: guesses[this.chosen], right: guesses[this.final]});
    return [E("p", {className: "lesson-verdict"}, text)];
  }

  fill(...children) {
    this.result.replaceChildren(...children);
    this.result.hidden = false;
  }
}

function recorded({words, data: {things}}, {recorded: said, made}) {
  const head = made ? filled(words.made, {made, things}) : words.recorded;
  return said ? `${head} ${said}` : filled(words.unrecorded, {things});
}

function score({words, asked}) {
  const told = asked.filter(({final}) => final !== null && final !== undefined);
  const right = told.filter(({final, chosen}) => final === chosen).length;
  return told.length ? filled(words.so_far, {right, asked: told.length}) : "";
}

function table(unit, rows) {
  const most = Math.max(...rows.map(({value}) => value), 1e-9);
  const wide = (value) => `width: calc(${value / most} * (100% - 4.5em))`;         // the number beside it has room
  const row = ({label, value, text, hit}) => E("tr", {className: hit ? "hit" : ""}, E("th", {scope: "row"}, label),
    E("td", {}, Object.assign(E("span", {className: "lesson-bar"}), {style: wide(value)}), text));
  return E("table", {className: "lesson-table"}, E("caption", {}, unit), E("tbody", {}, ...rows.map(row)));
}

// --- a picture to look for the answer oneself

function trial({data, words, lab}) {
  const canvas = E("canvas", {width: 64, height: 64, role: "img", ariaLabel: words.picture});
  const knob = E("select", {}, ...data.knobs.map((_, i) => E("option", {value: i}, String(i + 1))));
  const range = E("input", {type: "range", min: -data.reach, max: data.reach, step: 0.05, value: 0});
  const vectors = data.knobs.map(({vector}) => floats(vector));
  let face = 0, codes = null;
  async function draw() {
    const network = await lab.network(), k = +knob.value;
    codes ??= await network.codes(data.first + face, {psi: data.psi});
    const directions = {vectors: [vectors[k]], slots: data.slots};
    const drawn = await network.draw(network.edit(codes, directions, [data.knobs[k].step * range.value]),
                                     {lane: "lesson trial"});
    range.ariaValueText = fixed(+range.value, 1);
    if (!drawn) return;
    const [picture] = drawn.pictures;
    if (canvas.width !== picture.width) canvas.width = canvas.height = picture.width;
    canvas.getContext("2d").putImageData(picture, 0, 0);
    canvas.dataset.drawn = `${k} ${range.value}`;
  }
  const seen = () => draw().catch(() => { made.hidden = true; });
  knob.onchange = () => { range.value = 0; seen(); };
  range.oninput = seen;
  const next = () => { face = (face + 1) % data.faces; codes = null; seen(); };
  const another = E("button", {type: "button", onclick: next}, words.another);
  const made = E("div", {className: "lesson-try"}, canvas, E("div", {}, E("p", {}, words.try),
    E("label", {}, words.knob, " ", knob), E("label", {}, words.turned, " ", range), another));
  seen();
  return made;
}

// --- on paper

function printing(page) {
  const {words} = page, box = E("input", {type: "checkbox"}), root = document.documentElement;
  const print = () => {
    page.told();
    root.classList.add("lesson-prints");
    root.classList.toggle("lesson-tells", box.checked);
    window.print();
    root.classList.remove("lesson-prints", "lesson-tells");
  };
  return E("p", {className: "lesson-row lesson-print"}, E("button", {type: "button", onclick: print}, words.print),
    E("label", {}, box, ` ${words.answers}`));
}

// The second page: what was measured here, else what was recorded.
function answers(page) {
  const {words, data: {questions, things}} = page, list = E("ol");
  page.told = () => list.replaceChildren(...page.asked.map(({question, last}) => {
    const now = last && filled(`${words.measured} ${question.answer}`, {...last.numbers, done: last.done, things});
    return E("li", {}, E("b", {}, question.asks), E("br"), [now, recorded(page, question)].filter(Boolean).join(" "));
  }));
  page.told();
  return E("section", {className: "lesson-answers"}, E("h3", {}, words.sheet_answers), list);
}
