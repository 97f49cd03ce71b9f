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
    this.left = [];                                 // by layer: the maps of its state
    this.layers = head.layers.map(({ops, state}) => {
      const names = {...before}, steps = this.compiled(ops, names, new Set(Object.values(state)));
      before = Object.fromEntries(Object.entries(state).map(([name, reg]) => [name, this.named(names, reg)]));
      this.left.push(before);
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
    const {dim} = this.head, at = this.placed(place);
    const start = Math.min(from, at.codes ? this.start(changed(codes, at.codes, dim)) : 0);
    at.codes = null;
    this.ran(codes, at, start, this.layers.length);
    at.codes = Float32Array.from(codes);
    this.ended(at);
    return start;
  }

  // Draws N codes [N * slots * dim] that are mixed after `layer` layers by importances [N * channels], as
  // core.inversion.multicode.Mixer; unit: its. Returns `layer`.
  mix(codes, {importances, layer, unit}, place = 0) {
    const {slots, dim} = this.head, size = slots * dim, n = codes.length / size;
    const left = layer ? this.left[layer - 1] ?? {} : {}, maps = [left.x, left.rgb].filter(Boolean);
    const channels = layer ? maps.reduce((sum, {shape}) => sum + shape[0], 0) : dim;
    if (!Number.isInteger(n) || !channels || importances.length !== n * channels)
      throw new EngineError("These importances were made for another network.");
    if (!importances.every(Number.isFinite)) throw new EngineError("An importance is not finite.");
    const each = Array.from({length: n}, (_, c) => codes.subarray(c * size, (c + 1) * size));
    if (!layer) return this.draw(summed(each, (c, i) => importances[c * dim + i % dim]), place);
    const at = this.placed(place), sums = maps.map(({shape, size}) => new Float32Array(shape[0] * size));
    at.codes = null;
    each.forEach((one, c) => {
      this.ran(one, at, 0, layer);
      let first = c * channels;
      maps.forEach((map, m) => {
        const x = this.values(map, at.state), sum = sums[m];
        for (let k = 0, i = 0; k < map.shape[0]; k++, first++)
          for (const end = i + map.size; i < end; i++) sum[i] += importances[first] * x[i];
      });
    });
    if (unit) normalised(sums[0], maps[0]);
    maps.forEach((map, m) => this.values(map, at.state).set(sums[m]));
    this.ran(summed(each, () => 1 / n), at, layer, this.layers.length);
    this.ended(at);
    return layer;
  }

  // The numbers of a state's map, channel by channel, rows padded.
  values(map, s) {
    return new Float32Array(this.memory.buffer, this.at(map, s), map.shape[0] * map.size);
  }

  placed(place) {
    const index = Math.min(place, this.limit - 1);
    while (this.places.length <= index) {
      this.places.push({state: this.room(this.state), codes: null});
      this.grow();
    }
    return this.places[index];
  }

  ran(codes, at, start, stop) {
    const {slots, dim} = this.head;
    if (codes.length !== slots * dim)
      throw new EngineError(`A code of this network has ${slots} x ${dim} numbers, not ${codes.length}.`);
    if (!codes.every(Number.isFinite)) throw new EngineError("A code holds a number that is not finite.");
    new Float32Array(this.memory.buffer, this.codes, codes.length).set(codes);
    for (let k = start; k < stop; k++) for (const step of this.layers[k]) step(at.state);
  }

  ended(at) {
    for (const step of this.last) step(at.state);
    this.coloured(at.state);
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

// The sum of codes, number i of code c times weight(c, i).
function summed(codes, weight) {
  return Float32Array.from(codes[0], (_, i) => codes.reduce((sum, one, c) => sum + weight(c, i) * one[i], 0));
}

// Mean square 1 over the channels of every pixel.
function normalised(x, {shape: [channels], size}) {
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += x[c * size + i] ** 2;
    const scale = 1 / Math.sqrt(sum / channels + 1e-8);
    for (let c = 0; c < channels; c++) x[c * size + i] *= scale;
  }
}

function changed(codes, before, dim) {
  const slots = new Set();
  for (let i = 0; i < codes.length; i++) if (codes[i] !== before[i]) slots.add(Math.floor(i / dim));
  return slots;
}
