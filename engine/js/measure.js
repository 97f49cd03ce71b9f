// What turning knobs changes, read off the pictures that were drawn: the numbers of core/truth/scores.py.
//
//   for await (const {done, total, changes} of turned(network, reader, codes, knobs, {spread, signal}))
//     show(changes.map(mean), done, total);

const FOUND = 2;                                    // standard deviations over a knob's way from -2 to +2 steps

// Turns knobs by `amount` steps to either side, face by face. knobs: {vector, slots, step}, as for Network.edit.
// spread: the factors' standard deviations. Yields {done, total, changes, differences} after each slice of the faces,
// the first of one face, later ones of about `seconds`; changes [knob][face][factor] are those of a step so far, and
// differences [knob][face] that of the two pictures, in levels of 255 a step (RMS). Stops where the signal is aborted.
export async function* turned(network, reader, codes, knobs, {spread, amount = 1, seconds = 1, signal, lane} = {}) {
  const changes = knobs.map(() => []), differences = knobs.map(() => []);
  for await (const {some, done, total} of slices(network, codes, seconds)) {
    for (const [k, {vector, slots, step}] of knobs.entries()) {
      const directions = {vectors: [vector], slots};
      const both = [1, -1].map((sign) => network.edit(some, directions, [sign * amount * step]));
      const made = await network.read(inTurn(both, network), reader, {lane, image: true});
      if (!made || signal?.aborted) return;
      for (let i = 0; i < made.readings.length; i += 2) {
        const [plus, minus] = made.readings.slice(i, i + 2);
        changes[k].push(Array.from(plus, (x, f) => (spread[f] > 0 ? (x - minus[f]) / (2 * amount) / spread[f] : 0)));
        differences[k].push(apart(made.images[i], made.images[i + 1]) / (2 * amount));
      }
    }
    yield {done, total, changes, differences};
  }
}

// Reads the pictures of codes in slices. Yields {done, total, readings}, of [picture][factor] so far.
export async function* readings(network, reader, codes, {seconds = 1, signal, lane} = {}) {
  const found = [];
  for await (const {some, done, total} of slices(network, codes, seconds)) {
    const made = await network.read(some, reader, {lane});
    if (!made || signal?.aborted) return;
    found.push(...made.readings);
    yield {done, total, readings: found};
  }
}

// Codes in slices, {some, done, total}: each is as large as the one before says that `seconds` allow.
async function* slices({slots, dim}, codes, seconds) {
  const size = slots * dim, total = codes.length / size;
  for (let done = 0, many = 1; done < total; ) {
    const began = performance.now(), next = Math.min(total, done + many);
    yield {some: codes.slice(done * size, next * size), done: next, total};
    const pace = (next - done) / Math.max(performance.now() - began, 1);
    done = next;
    many = Math.max(1, Math.min(2 * many, Math.floor(1000 * seconds * pace)));
  }
}

// Of two sets of codes each picture's two, one behind the other: where few slots differ, few layers are drawn anew.
function inTurn([plus, minus], {slots, dim}) {
  const size = slots * dim, codes = new Float32Array(2 * plus.length);
  for (let at = 0; at < plus.length; at += size) {
    codes.set(plus.subarray(at, at + size), 2 * at);
    codes.set(minus.subarray(at, at + size), 2 * at + size);
  }
  return codes;
}

function apart(a, b) {
  const cut = (x) => Math.max(-1, Math.min(1, x));
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (cut(a[i]) - cut(b[i])) ** 2;
  return 127.5 * Math.sqrt(sum / a.length);
}

// --- numbers; rows are [face][factor], and changes [knob][face][factor]

const average = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const columns = (rows) => Array.from(rows[0], (_, f) => rows.map((row) => row[f]));

export const mean = (rows) => columns(rows).map(average);

// Of each factor, over n - 1.
export function deviation(rows) {
  return columns(rows).map((values) => {
    const middle = average(values);
    return Math.sqrt(values.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (values.length - 1));
  });
}

// Of each factor, the share of the faces that move in the sense of the mean.
export function sameSign(rows) {
  return columns(rows).map((values) => {
    const sense = Math.sign(average(values));
    return values.filter((x) => Math.sign(x) === sense).length / values.length;
  });
}

// The number of the factor that a knob moves most.
export function strongest(rows) {
  const sizes = mean(rows).map(Math.abs);
  return sizes.indexOf(Math.max(...sizes));
}

// The strongest factor's share of all that moves.
export function purity(rows) {
  const sizes = mean(rows).map(Math.abs);
  return Math.max(...sizes) / Math.max(1e-12, sizes.reduce((a, b) => a + b, 0));
}

// The numbers of the factors that knobs find by experiment: each finds the one that it changes most, where its way from
// -2 to +2 steps moves that by 2 standard deviations or more. readable: of each factor, whether it counts.
export function foundByEffect(changes, readable) {
  const found = new Set();
  for (const rows of changes) {
    const sizes = mean(rows).map((x, f) => (readable[f] ? 4 * Math.abs(x) : 0)), most = Math.max(...sizes);
    if (most >= FOUND) found.add(sizes.indexOf(most));
  }
  return [...found].sort((a, b) => a - b);
}

// Spearman's: the correlation of ranks, equal values sharing theirs; 0 where one does not vary.
export function rankCorrelation(a, b) {
  const below = (values, x) => values.filter((y) => y < x).length;
  const equal = (values, x) => values.filter((y) => y === x).length;
  const ranks = (values) => values.map((x) => below(values, x) + (equal(values, x) - 1) / 2);
  const [x, y] = [ranks(a), ranks(b)].map((r) => r.map((value) => value - average(r)));
  const product = (p, q) => p.reduce((sum, value, i) => sum + value * q[i], 0);
  const scale = Math.sqrt(product(x, x) * product(y, y));
  return scale > 0 ? product(x, y) / scale : 0;
}
