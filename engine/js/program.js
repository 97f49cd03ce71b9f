// A program of a pack, laid out over generator.wasm's memory; network.js and reader.js run it.
import {EngineError, product} from "./pack.js";

export const SPARE = 16;                            // floats behind a map, see generator.c
export const fours = (n) => (n + 3) & ~3;

// What is laid out, a subclass says: `laidOut` makes rooms and compiles operations.
export class Program {
  constructor(instance, {head, numbers}) {
    Object.assign(this, {head, run: instance.exports, memory: instance.exports.memory});
    this.top = instance.exports.__heap_base.value;
    this.setup = [];                                // what is computed once, when the weights are there
    this.weights = this.room(numbers.length);
    this.state = this.scratch = this.mostScratch = 0;
    this.laidOut();
    this.temporary = this.room(this.mostScratch);
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

  // A tensor's numbers, copied.
  numbers(name) {
    const {shape, fixed} = this.tensor(name);
    return {shape, values: new Float32Array(this.memory.buffer, fixed, product(shape)).slice()};
  }
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

  // A convolution of stride 2: it reads the map's even and odd rows and columns from frames of their own.
  strided(net, op, names, kept) {
    const from = net.named(names, op.of), kernel = net.tensor(op.kernel), [inputs, h, w] = from.shape;
    const [, height, width] = op.shape, half = (n) => Math.ceil(n / 2), at = (n) => Math.floor(n / 2);
    const most = (axis, sign) => Math.max(0, ...op.taps.map((tap) => sign * at(tap[axis])));
    const top = most(0, -1), left = most(1, -1);
    const rows = top + Math.max(half(h), height + most(0, 1));
    const row = fours(left + Math.max(half(w), fours(width) + most(1, 1))), plane = rows * row;
    const framed = net.room(4 * inputs * plane + row + SPARE), origin = framed + 4 * (top * row + left);
    const place = ([i, j]) => (2 * (i & 1) + (j & 1)) * plane + at(i) * row + at(j);
    const read = gathered(net, kernel, op.taps), offsets = net.integers(op.taps.map(place));
    const to = (names[op.to] = net.register(op.shape, kept));
    return (s) => {
      net.run.parted(net.at(from, s), framed, inputs, h, w, rows, row, top, left);
      net.run.conv(origin, read, net.at(to, s), offsets, op.taps.length, inputs, 4 * kernel.shape[0], height, width,
                   row, 4 * plane, fours(width), height * fours(width));
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
