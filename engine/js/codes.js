// Codes: of seeds, as PyTorch draws and core/generators maps them, and moved along directions.
import {EngineError} from "./pack.js";

// torch.Generator().manual_seed(seed) on a CPU: MT19937.
export class Twister {
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = Number(BigInt.asUintN(32, BigInt(seed)));
    for (let i = 1; i < 624; i++) {
      const before = this.state[i - 1];
      this.state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
    }
    this.at = 624;
    this.next = null;
  }

  bits() {
    if (this.at === 624) {
      const {state} = this;
      for (let i = 0; i < 624; i++) {
        const y = (state[i] & 0x80000000) | (state[(i + 1) % 624] & 0x7fffffff);
        state[i] = state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.at = 0;
    }
    let y = this.state[this.at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  uniform() {                                       // float32: 24 bits
    return (this.bits() & 0xffffff) / 2 ** 24;
  }

  double() {                                        // 53 bits of two draws, the first one on top
    const high = this.bits(), low = this.bits();
    return ((high & 0x1fffff) * 2 ** 32 + low) / 2 ** 53;
  }

  normal() {                                        // two at a time; how fewer than 16 are drawn
    if (this.next !== null) {
      const kept = this.next;
      this.next = null;
      return kept;
    }
    const angle = 2 * Math.PI * this.double(), radius = Math.sqrt(-2 * Math.log1p(-this.double()));
    this.next = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

// torch.randn(n) of a seed, within 1e-5: Box and Muller's transform between number i and i + 8 of each 16.
export function normal(seed, n) {
  const twister = new Twister(seed);
  if (n < 16) return Float32Array.from({length: n}, () => twister.normal());
  const z = Float32Array.from({length: n}, () => twister.uniform());
  const transform = (k) => {
    for (let i = k; i < k + 8; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - z[i])), angle = 2 * Math.PI * z[i + 8];
      z[i] = radius * Math.cos(angle);
      z[i + 8] = radius * Math.sin(angle);
    }
  };
  for (let k = 0; k + 16 <= n; k += 16) transform(k);
  if (n % 16) {                                     // the last 16 are drawn once more
    for (let i = n - 16; i < n; i++) z[i] = twister.uniform();
    transform(n - 16);
  }
  return z;
}

// 2 * torch.rand(n) - 1 of a seed
export function uniform(seed, n) {
  const twister = new Twister(seed);
  return Float32Array.from({length: n}, () => 2 * twister.uniform() - 1);
}

// Codes [slots * dim] of a seed; `read(name)` gives a tensor of the pack. psi moves them towards their mean in the
// first `cutoff` slots.
export function codesOf(head, read, seed, {psi = 1, label = 0, cutoff = Infinity} = {}) {
  const {codes: made, slots, dim, classes} = head;
  if (!made) throw new EngineError("This pack was made without what turns seeds into codes.");
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new EngineError(`A seed is a whole number from 0 on, not ${seed}.`);
  if (!Number.isFinite(psi)) throw new EngineError(`psi is a number, not ${psi}.`);
  if (classes && !(Number.isInteger(label) && label >= 0 && label < classes))
    throw new EngineError(`Label ${label}: this network has the classes 0 to ${classes - 1}.`);
  const z = (made.distribution === "uniform" ? uniform : normal)(seed, made.z), codes = new Float32Array(slots * dim);
  if (made.how === "mapping") return mapped(head, read, z, {psi, label, cutoff, codes});
  const named = classes ? row(read("codes.classes"), label) : [];
  const noise = dim - named.length, normalised = made.how === "normalised" ? unit(z) : z;
  for (let slot = 0; slot < slots; slot++) {
    const own = slot ? new Float32Array(noise) : normalised;
    const part = made.how === "chunks" ? z.subarray(slot * noise, (slot + 1) * noise) : own;
    const share = made.noise && slot < cutoff ? psi : 1;
    codes.set(Float32Array.from(part, (x) => share * x), slot * dim);
    codes.set(named, slot * dim + noise);
  }
  return codes;
}

const row = ({shape, values}, i) => values.subarray(i * shape[1], (i + 1) * shape[1]);

function unit(z) {
  const scale = 1 / Math.sqrt(z.reduce((sum, v) => sum + v * v, 0) / z.length + 1e-8);
  return Float64Array.from(z, (v) => v * scale);
}

// StyleGAN2's mapping, in float64 as in core
function mapped({codes: {layers, slope, gain}, slots, dim, classes}, read, z, {psi, label, cutoff, codes}) {
  let x = unit(z);
  if (classes) x = Float64Array.from([...x, ...row(read("codes.classes"), label)]);
  for (let k = 0; k < layers; k++) {
    const weight = read(`codes.weight.${k}`).values, bias = read(`codes.bias.${k}`).values, inputs = x;
    x = Float64Array.from(bias, (b, o) => {
      let sum = b;
      for (let i = 0, at = o * inputs.length; i < inputs.length; i++, at++) sum += weight[at] * inputs[i];
      return (sum < 0 ? slope * sum : sum) * gain;
    });
  }
  const average = read("codes.average").values;
  for (let slot = 0; slot < slots; slot++)
    for (let i = 0; i < dim; i++) {
      const w = Math.fround(x[i]), near = psi !== 1 && slot < cutoff;
      codes[slot * dim + i] = near ? average[i] + Math.fround(psi) * Math.fround(w - average[i]) : w;
    }
  return codes;
}

// core.codes.edit: codes [n * slots * dim] moved by sum_i amounts[i] * vectors[i], in float64. Each vector has `dim`
// numbers, or `dim` for each of the slots that it moves.
export function edited({slots: total, dim}, codes, {vectors, slots}, amounts) {
  if (amounts.length > vectors.length)
    throw new EngineError(`${amounts.length} amounts for ${vectors.length} directions: give at most one each.`);
  const own = vectors[0]?.length === slots.length * dim, fits = own || vectors[0]?.length === dim;
  if (codes.length % (total * dim) || !fits || !slots.every((slot) => slot >= 0 && slot < total))
    throw new EngineError("These directions were made for another network.");
  const moved = Float32Array.from(codes), moving = [...amounts.keys()].filter((i) => amounts[i]);
  if (!moving.length) return moved;                 // nothing to move stays equal to the bit
  for (let at = 0; at < codes.length; at += total * dim)
    slots.forEach((slot, k) => {
      for (let i = 0; i < dim; i++) {
        let shift = 0;
        for (const j of moving) shift += amounts[j] * vectors[j][(own ? k * dim : 0) + i];
        moved[at + slot * dim + i] = codes[at + slot * dim + i] + shift;
      }
    });
  return moved;
}
