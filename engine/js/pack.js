// A pack (engine/pack.py): one line of JSON, then numbers. docs/engine.md has the format.
const FORMAT = "ganatomy-engine", VERSION = 1;

// What is wrong, in a sentence for whoever sees the page.
export class EngineError extends Error {}

// The header at the beginning of `bytes`, or null where its line is not complete yet.
export function headOf(bytes) {
  const known = new TextEncoder().encode("{"), end = bytes.indexOf(10);
  if (bytes.length && bytes[0] !== known[0]) throw new EngineError("This file is no pack of a network.");
  if (end < 0) return null;
  let head;
  try {
    head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  } catch {
    throw new EngineError("This file is no pack of a network.");
  }
  if (head.format !== FORMAT) throw new EngineError("This file is no pack of a network.");
  if (head.version !== VERSION)
    throw new EngineError(
      `This pack is of version ${head.version}, and this page reads version ${VERSION}: load the page again.`);
  return {head, begins: end + 1, total: end + 1 + head.bytes};
}

// {head, numbers}: every tensor in one Float32Array, float16 widened; head.tensors[name] becomes {at, shape, count}.
export function unpacked(buffer) {
  const bytes = new Uint8Array(buffer), found = headOf(bytes);
  if (!found) throw new EngineError("This file is no pack of a network.");
  const {head, begins, total} = found;
  if (bytes.length !== total)
    throw new EngineError(`The pack has ${bytes.length} bytes instead of ${total}: load the page again.`);
  if (crc32(bytes.subarray(begins)) !== head.crc32)
    throw new EngineError("The pack was damaged on its way: load the page again.");
  const tensors = {}, all = Object.entries(head.tensors), halves = ends(all, "float16"), whole = ends(all, "float32");
  if (2 * halves + 4 * whole !== head.bytes) throw new EngineError("The pack's tensors do not fill it: make it again.");
  for (const [name, [kind, at, shape]] of all)
    tensors[name] = {at: kind === "float16" ? at : halves + at, shape, count: product(shape)};
  const numbers = new Float32Array(halves + whole);
  if (halves) widen(new Uint16Array(buffer, begins, halves), numbers);
  numbers.set(new Float32Array(buffer, begins + 2 * halves, whole), halves);
  return {head: {...head, tensors}, numbers};
}

export const product = (shape) => shape.reduce((a, b) => a * b, 1);

// Tensors begin at multiples of 4 numbers.
function ends(tensors, kind) {
  const of = tensors.map(([, place]) => place).filter((place) => place[0] === kind);
  return Math.max(0, ...of.map(([, at, shape]) => at + 4 * Math.ceil(product(shape) / 4)));
}

// By a table of all 65,536: exact, also for subnormals.
function widen(halves, to) {
  const table = new Float32Array(65536);
  for (let i = 0; i < 65536; i++) {
    const exponent = (i >> 10) & 31, fraction = i & 1023;
    const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction;
    table[i] = i >> 15 ? -size : size;
  }
  for (let i = 0; i < halves.length; i++) to[i] = table[halves[i]];
}

function crc32(bytes) {
  const table = new Uint32Array(256).map((_, i) => {
    for (let bit = 0; bit < 8; bit++) i = i & 1 ? 0xedb88320 ^ (i >>> 1) : i >>> 1;
    return i;
  });
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
