// A network in memory: the program of a pack, laid out over generator.wasm's memory and run layer by layer.
//
// What a layer leaves (its state) is kept for every place: a place holds one picture. When a picture is drawn there
// again, layers begin with the first that reads a slot whose code has changed.
import {EngineError, product} from "./pack.js";

const SPARE = 16;                                   // floats behind a map, see generator.c
const KEPT = 96 * 2 ** 20;                          // bytes of state, of all places together
const MOST_PLACES = 64;
const ENDS = ["none", "tanh", "sigmoid"];
const fours = (n) => (n + 3) & ~3;

export class Network {
  constructor(instance, {head, numbers}) {
    Object.assign(this, {head, run: instance.exports, memory: instance.exports.memory});
    this.top = instance.exports.__heap_base.value;
    this.setup = [];                                // what is computed once, when the weights are there
    this.weights = this.room(numbers.length);
    this.codes = this.room(head.slots * head.dim);
    this.state = this.scratch = this.mostScratch = 0;
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
    this.temporary = this.room(this.mostScratch);
    this.places = [];
    this.limit = Math.max(2, Math.min(MOST_PLACES, Math.floor(KEPT / (4 * this.state))));
    this.grow();
    new Float32Array(this.memory.buffer, this.weights, numbers.length).set(numbers);
    for (const step of this.setup) step();
    this.setup = null;
  }

  // --- memory

  room(count) {
    const at = this.top;
    this.top = (at + 4 * count + 63) & ~63;
    return at;
  }

  // The address of whole numbers that never change.
  integers(values) {
    const at = this.room(values.length);
    this.setup.push(() => new Int32Array(this.memory.buffer, at, values.length).set(values));
    return at;
  }

  grow() {
    const missing = this.top - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
  }

  // Room for a map or vector: kept for every place, or given up at the end of its layer.
  register(shape, kept) {
    const [channels, size] = shape.length === 3 ? [fours(shape[0]), shape[1] * fours(shape[2])] : [1, product(shape)];
    const count = channels * fours(size) + SPARE, name = kept ? "state" : "scratch", offset = 4 * this[name];
    this[name] += (count + 15) & ~15;
    this.mostScratch = Math.max(this.mostScratch, this.scratch);
    return {shape, kept, offset, size};
  }

  // Where it lies while place `s` (the address of its state) is drawn.
  at(reg, s) {
    return reg.fixed ?? (reg.kept ? s : this.temporary) + reg.offset;
  }

  tensor(name) {
    const found = this.head.tensors[name];
    if (!found) throw new EngineError(`The pack lacks the tensor ${name}: make it again.`);
    return {shape: found.shape, fixed: this.weights + 4 * found.at};
  }

  named(names, name) {
    if (name.includes(".")) return this.tensor(name);
    if (!names[name]) throw new EngineError(`The pack reads ${name} before it is made: make it again.`);
    return names[name];
  }

  address(names, name) {
    if (name === undefined) return () => 0;
    const reg = this.named(names, name);
    return (s) => this.at(reg, s);
  }

  // --- the program

  compiled(ops, names, kept) {
    this.scratch = 0;
    return ops.map((op) => {
      if (!Object.hasOwn(OPERATIONS, op.op))
        throw new EngineError(`The pack asks for ${op.op}, which this page does not know: load the page again.`);
      return OPERATIONS[op.op](this, op, names, kept.has(op.to));
    });
  }

  // The frame in which a convolution reads its map, zeros around it: as large as its taps and vectors ask for.
  frame([channels, h, w], phases, [, height, width], alone) {
    const pixels = phases.flat();
    const most = (axis, sign) => Math.max(0, ...pixels.map((tap) => sign * tap[axis]));
    const top = most(0, -1), left = most(1, -1);
    const below = Math.max(0, (alone ? height : Math.ceil(height / 2)) - 1 + most(0, 1) - (h - 1));
    const across = fours(alone ? width : Math.ceil(width / 2)) + most(1, 1);
    const rows = top + h + below, row = fours(left + Math.max(w, across));
    return {top, left, rows, row, plane: rows * row, count: channels * rows * row + row + SPARE};
  }

  // --- drawing

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

  // A tensor's numbers, copied.
  read(name) {
    const {shape, fixed} = this.tensor(name);
    return {shape, values: new Float32Array(this.memory.buffer, fixed, product(shape)).slice()};
  }
}

function changed(codes, before, dim) {
  const slots = new Set();
  for (let i = 0; i < codes.length; i++) if (codes[i] !== before[i]) slots.add(Math.floor(i / dim));
  return slots;
}

// --- the operations of engine/program.py: (network, operation, names, kept?) => a step that runs at a place's state

const OPERATIONS = {
  constant(net, op, names) {
    names[op.to] = {...net.tensor(op.tensor), shape: op.shape, size: op.shape[1] * fours(op.shape[2])};
    return () => {};
  },

  second_moment(net, op, names) {
    const {dim} = net.head, to = (names[op.to] = net.register([dim], false));
    return (s) => net.run.second_moment(net.codes + 4 * op.slot * dim, net.at(to, s), dim);
  },

  affine(net, op, names, kept) {
    const {dim} = net.head, weight = net.tensor(op.weight), [rows, columns] = weight.shape, bias = net.tensor(op.bias);
    const of = op.of && net.named(names, op.of), first = (op.first + dim) % dim;
    const code = net.codes + 4 * (op.slot * dim + first);
    const to = (names[op.to] = net.register(op.shape, kept));
    return (s) => net.run.affine(weight.fixed, of ? net.at(of, s) : code, bias.fixed, net.at(to, s), rows, columns);
  },

  demodulate(net, op, names) {
    const {kernel, scale} = names[op.of], [groups, taps, inputs] = kernel.shape, out = 4 * groups;
    const power = net.room(inputs * out), to = (names[op.to] = net.register([out], false));
    net.setup.push(() => net.run.squares(kernel.fixed, power, inputs, out, taps));
    return (s) => net.run.demodulate(scale(s), power, net.at(to, s), inputs, out, op.gain);
  },

  conv(net, op, names, kept) {
    const from = net.named(names, op.of), kernel = net.tensor(op.kernel), [inputs, h, w] = from.shape;
    const scale = net.address(names, op.scale), shift = net.address(names, op.shift), slope = op.slope ?? 1;
    const [out, height, width] = op.shape, alone = op.phases.length === 1, filter = op.filter ?? false;
    const {top, left, rows, row, plane, count} = net.frame(from.shape, op.phases, op.shape, alone);
    const framed = net.room(count), origin = framed + 4 * (top * row + left);
    const to = net.register(filter ? [out, 2 * h, 2 * w] : op.shape, kept);
    const woven = alone ? null : planes(net, op, w);
    const steps = op.phases.map((phase, p) => {
      const read = gathered(net, kernel, phase), offsets = net.integers(phase.map(([i, j]) => i * row + j));
      const high = alone ? height : (height + 1 - (p >> 1)) >> 1, wide = alone ? width : (width + 1 - (p & 1)) >> 1;
      const target = woven?.at ?? to, offset = woven ? 4 * (p * woven.size + woven.first) : 0;
      const toRow = woven?.row ?? fours(width), toPlane = woven?.plane ?? height * fours(width);
      return (s) => net.run.conv(origin, read, net.at(target, s) + offset, offsets, phase.length, inputs,
                                 4 * kernel.shape[0], high, wide, row, plane, toRow, toPlane);
    });
    names[op.to] = {...to, kernel, scale};
    return (s) => {
      net.run.framed(net.at(from, s), scale(s), shift(s), slope, framed, inputs, h, w, rows, row, top, left);
      for (const step of steps) step(s);
      if (woven) woven.weave(net.at(woven.at, s), net.at(to, s), woven.size, woven.plane, woven.row, out,
                             ...(filter ? [h, w] : [height, width]));
    };
  },

  finish(net, op, names) {
    const x = names[op.to], {slope = 1, clamp = 0} = op;
    const [norm, bias, noise, gain, shift] =
      ["norm", "bias", "noise", "gain", "shift"].map((name) => net.address(names, op[name]));
    return (s) => net.run.finish(net.at(x, s), x.shape[0], x.size, norm(s), bias(s), noise(s), slope, clamp,
                                 gain(s), shift(s));
  },

  pixel_norm(net, op, names) {
    const x = names[op.to];
    return (s) => net.run.pixel_norm(net.at(x, s), x.shape[0], x.size);
  },

  add(net, op, names) {
    const x = names[op.to], y = net.named(names, op.of);
    return (s) => net.run.add(net.at(x, s), net.at(y, s), x.shape[0] * x.size);
  },

  add_doubled: (net, op, names) => added(net, op, names, net.run.add_doubled),

  add_filtered: (net, op, names) => added(net, op, names, net.run.add_filtered),

  pool(net, op, names) {
    const x = net.named(names, op.of), to = (names[op.to] = net.register(op.shape, false));
    return (s) => net.run.pool(net.at(x, s), net.at(to, s), ...x.shape);
  },

  attend(net, op, names) {
    const [query, key, value] = [op.query, op.key, op.value].map((name) => net.named(names, name));
    const to = (names[op.to] = net.register(op.shape, false)), row = net.register([key.size], false);
    return (s) => net.run.attend(net.at(query, s), net.at(key, s), net.at(value, s), net.at(to, s), net.at(row, s),
                                 query.shape[0], value.shape[0], query.size, key.size);
  },
};

function added(net, op, names, run) {
  const x = names[op.to], y = net.named(names, op.of);
  return (s) => run(net.at(x, s), net.at(y, s), ...x.shape);
}

// Where four phases of a result lie one behind the other, and what weaves them into one map. The filter of StyleGAN2's
// up-sampling reads zeros around each phase, so its planes are never shared.
function planes(net, {shape: [out, height, width], filter}, w) {
  const row = filter ? w + 8 : fours(Math.ceil(width / 2)), plane = (Math.ceil(height / 2) + (filter ? 1 : 0)) * row;
  const size = fours(out) * plane + SPARE, first = filter ? row + 1 : 0;
  const at = filter ? {fixed: net.room(4 * size)} : net.register([4 * size], false);
  return {row, plane, size, first, at, weave: filter ? net.run.filtered : net.run.interleave};
}

// The address of the kernel of one phase: the pack's own where its taps are that phase's, else one that is made once.
function gathered(net, kernel, phase) {
  const [groups, all, inputs] = kernel.shape, taps = phase.length;
  if (taps === all && phase.every(([, , from], t) => from.length === 1 && from[0] === t)) return kernel.fixed;
  const made = net.room(4 * groups * inputs * taps);
  net.setup.push(() => phase.forEach(([, , from], t) =>
    from.forEach((source) => net.run.gather(kernel.fixed, made, groups, inputs, all, source, taps, t))));
  return made;
}
