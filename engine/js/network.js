// A network in memory, run layer by layer.
//
// What a layer leaves (its state) is kept for every place: a place holds one picture. When a picture is drawn there
// again, layers begin with the first that reads a slot whose code has changed.
import {EngineError} from "./pack.js";
import {Program} from "./program.js";

const KEPT = 96 * 2 ** 20;                          // bytes of state, of all places together
const MOST_PLACES = 64;
const ENDS = ["none", "tanh", "sigmoid"];

export class Network extends Program {
  laidOut() {
    const {head} = this;
    this.codes = this.room(head.slots * head.dim);
    let before = {};
    this.layers = head.layers.map(({ops, state}) => {
      const names = {...before}, steps = this.compiled(ops, names, new Set(Object.values(state)));
      before = Object.fromEntries(Object.entries(state).map(([name, reg]) => [name, this.named(names, reg)]));
      return steps;
    });
    const names = {...before};
    this.last = this.compiled(head.end.ops, names, new Set());
    this.drawn = this.named(names, head.end.ops.length ? "image" : "rgb");
    this.floats = this.room(3 * head.resolution ** 2);
    this.levels = this.room(head.resolution ** 2);
    this.places = [];
    this.limit = Math.max(2, Math.min(MOST_PLACES, Math.floor(KEPT / (4 * this.state))));
  }

  // Draws codes [slots * dim] at a place; returns the layer that it began with, at most `from`.
  draw(codes, place = 0, from = Infinity) {
    const {slots, dim, reads} = this.head, index = Math.min(place, this.limit - 1);
    if (codes.length !== slots * dim)
      throw new EngineError(`A code of this network has ${slots} x ${dim} numbers, not ${codes.length}.`);
    if (!codes.every(Number.isFinite)) throw new EngineError("A code holds a number that is not finite.");
    while (this.places.length <= index) {
      this.places.push({state: this.room(this.state), codes: null});
      this.grow();
    }
    const at = this.places[index], start = Math.min(from, at.codes ? this.start(changed(codes, at.codes, dim)) : 0);
    new Float32Array(this.memory.buffer, this.codes, codes.length).set(codes);
    at.codes = null;
    for (let k = start; k < this.layers.length; k++) for (const step of this.layers[k]) step(at.state);
    at.codes = Float32Array.from(codes);
    for (const step of this.last) step(at.state);
    this.coloured(at.state);
    return start;
  }

  // The first layer that reads one of the slots (a Set); as many as there are layers where none does.
  start(slots) {
    const found = this.head.reads.findIndex((read) => read.some((slot) => slots.has(slot)));
    return found < 0 ? this.layers.length : found;
  }

  coloured(s) {
    const {head, run, drawn} = this, [channels, h, w] = drawn.shape, from = this.at(drawn, s);
    const kind = ENDS.indexOf(head.end.kind);
    if (kind > 0) run.ended(from, channels * drawn.size, kind);
    run.coloured(from, this.floats, this.levels, channels, h, w, ...head.end.board);
  }

  // Copies of what was drawn last: the image [3][R][R], and its levels as RGBA.
  image() {
    return new Float32Array(this.memory.buffer, this.floats, 3 * this.head.resolution ** 2).slice();
  }

  rgba() {
    return new Uint8ClampedArray(this.memory.buffer, this.levels, 4 * this.head.resolution ** 2).slice();
  }
}

function changed(codes, before, dim) {
  const slots = new Set();
  for (let i = 0; i < codes.length; i++) if (codes[i] !== before[i]) slots.add(Math.floor(i / dim));
  return slots;
}
