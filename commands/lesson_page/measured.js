// What the lesson measures, each question in slices of faces: the same numbers as core/truth/scores.py for the same
// seeds. Every question yields {done, total, rows, numbers, right}: what is shown so far, the numbers of its sentence,
// and which guess they make right.
import {
  deviation, foundByEffect, mean, purity, rankCorrelation, readings, sameSign, strongest, turned,
} from "../engine/measure.js";

export const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
export const fixed = (value, digits = 2) => value.toFixed(digits).replace("-", "−");
const largest = (values) => values.indexOf(Math.max(...values));
const percent = (share) => fixed(100 * share, 0);

export class Lab {
  // engine: an Engine; network: gives the Network that draws; base: where the files of the lesson lie.
  constructor(data, {engine, network, base}) {
    Object.assign(this, {data, engine, base, draws: network, kept: {}});
    this.knobs = data.knobs.map(({vector, step}) => ({vector: floats(vector), step, slots: data.slots}));
  }

  network() {
    return this.kept.network ??= this.once("network", this.draws());
  }

  // The reader, loaded when it is first asked for; progress(bytes so far, bytes in all).
  reader(progress) {
    const open = () => this.engine.open(new URL(this.data.reader.file, this.base), {progress});
    return this.kept.reader ??= this.once("reader", open());
  }

  // What failed is tried again the next time.
  once(name, promise) {
    promise.catch(() => { this.kept[name] = null; });
    return promise;
  }

  async codes(psi) {
    const {first, faces} = this.data;
    return (await this.network()).codes(first, {n: faces, psi});
  }

  // One measurement by name, which goes on where it stopped, however many questions look at it.
  async *shared(name, begin) {
    const run = this.kept[name] ??= {steps: await begin(await this.network(), await this.reader()), last: null};
    for (;;) {
      if (run.last) yield run.last;
      if (run.last?.done === run.last?.total && run.last) return;
      run.next ??= run.steps.next();
      try {
        const {value, done} = await run.next;
        if (done) throw new Error("The measurement broke off: load the page again.");
        run.last = value;
      } catch (error) {
        this.kept[name] = null;
        throw error;
      } finally {
        run.next = null;
      }
    }
  }

  turned(name, knobs) {
    const {factors, psi} = this.data, spread = factors.map(({sd}) => sd);
    return this.shared(name, async (network, reader) =>
      turned(network, reader, await this.codes(psi), knobs, {spread, lane: `lesson ${name}`}));
  }

  spread(psi) {
    const name = `spread ${psi}`;
    return this.shared(name, async (network, reader) =>
      readings(network, reader, await this.codes(psi), {lane: `lesson ${name}`}));
  }
}

// Of a measurement of the knobs, by `tell(changes, state)`.
async function* ofKnobs(lab, tell) {
  for await (const state of lab.turned("knobs", lab.knobs)) yield {...state, ...tell(state.changes, state)};
}

const bar = (label, value, text, hit = false) => ({label, value, text, hit});
const knobName = (lab, i) => `${lab.data.words.knob} ${i + 1}`;

export const MEASURED = {
  found: (lab, {values}) => ofKnobs(lab, (changes) => {
    const {factors} = lab.data, found = foundByEffect(changes, factors.map(({readable}) => readable));
    const rows = changes.map((rows, i) => {
      const sizes = mean(rows).map((x, f) => (factors[f].readable ? 4 * Math.abs(x) : 0)), most = largest(sizes);
      return bar(`${knobName(lab, i)}: ${factors[most].short}`, sizes[most], fixed(sizes[most]), sizes[most] >= 2);
    });
    const names = found.map((f) => factors[f].short).join(", ");
    const right = values.findIndex((end) => found.length <= end);
    return {rows, right, numbers: {count: found.length, of: factors.filter(({readable}) => readable).length,
      names: names && `: ${names}`}};
  }),

  turns: (lab) => ofKnobs(lab, (changes) => {
    const sizes = turning(lab, changes), order = sizes.map((_, i) => i).sort((a, b) => sizes[b] - sizes[a]);
    const [first, second] = order;
    const rows = sizes.map((size, i) => bar(knobName(lab, i), size, fixed(size), i === first));
    return {rows, right: first, numbers: {knob: first + 1, amount: fixed(sizes[first]), second: second + 1,
      less: fixed(sizes[second])}};
  }),

  pure: (lab, {values}) => ofKnobs(lab, (changes) => {
    const {factors} = lab.data, shares = changes.map(purity), what = changes.map(strongest), [a, b] = values;
    const rows = shares.map((share, i) =>
      bar(`${knobName(lab, i)}: ${factors[what[i]].short}`, share, `${percent(share)} %`, values.includes(i)));
    const purest = largest(shares);
    return {rows, right: shares[a] > shares[b] ? 0 : 1, numbers: {a: a + 1, b: b + 1, first: percent(shares[a]),
      second: percent(shares[b]), what: factors[what[a]].short, other: factors[what[b]].short, purest: purest + 1,
      share: percent(shares[purest]), knobs: shares.length}};
  }),

  // The knob that turns the head furthest, in the layers of each group alone.
  async *layers(lab, {values, guesses, groups}) {
    const knob = await turner(lab), whole = lab.knobs[knob], {turn, slots} = lab.data;
    const parts = [...values.map((group) => lab.data.groups[group]), slots].map((some) => ({...whole, slots: some}));
    for await (const state of lab.turned(`layers of ${knob}`, parts)) {
      const sizes = state.changes.map((rows) => Math.abs(mean(rows)[turn])), all = sizes.pop();
      const most = largest(sizes), rows = sizes.map((size, i) => bar(guesses[i], size, fixed(size), i === most));
      const numbers = {knob: knob + 1, group: groups[values[most]], amount: fixed(sizes[most]), all: fixed(all)};
      yield {...state, rows, right: most, numbers};
    }
  },

  same: (lab, {values}) => ofKnobs(lab, (changes) => {
    const {factors} = lab.data, what = changes.map(strongest);
    const shares = changes.map((rows, i) => sameSign(rows)[what[i]]);
    const average = shares.reduce((a, b) => a + b) / shares.length, least = shares.indexOf(Math.min(...shares));
    const away = values.map((share) => -Math.abs(share - 100 * average));
    const rows = shares.map((share, i) =>
      bar(`${knobName(lab, i)}: ${factors[what[i]].short}`, share, percent(share), share === 1));
    return {rows, right: largest(away), numbers: {mean: fixed(100 * average, 1), knobs: shares.length,
      all: shares.filter((share) => share === 1).length, knob: least + 1, least: percent(shares[least])}};
  }),

  eigen: (lab) => ofKnobs(lab, (_, {differences}) => {
    const sizes = differences.map((values) => values.reduce((a, b) => a + b) / values.length), most = largest(sizes);
    const rows = sizes.map((size, i) => bar(knobName(lab, i), size, fixed(size, 1), i === most));
    const agree = rankCorrelation(lab.data.knobs.map(({score}) => score), sizes);
    return {rows, right: most ? 1 : 0, numbers: {first: fixed(sizes[0], 1), most: most + 1, size: fixed(sizes[most], 1),
      agree: fixed(agree)}};
  }),

  async *hides(lab, {values}) {
    const {half_way: half, factors} = lab.data, ways = [lab.spread(1), lab.spread(half)], at = [];
    for (let done = 0, total = 1; done < total; ) {
      for (const i of [0, 1])                       // each has a pace of its own: who is ahead waits
        if (!at[i] || at[i].done === done) at[i] = (await ways[i].next()).value;
      done = Math.min(at[0].done, at[1].done); total = at[0].total;
      if (done < 2) continue;
      const spreads = at.map(({readings}) => deviation(readings.slice(0, done)));
      const kept = values.map((f) => spreads[1][f] / spreads[0][f]), least = kept.indexOf(Math.min(...kept));
      const rows = values.map((f, i) => bar(factors[f].short, kept[i], `${percent(kept[i])} %`, i === least));
      const last = largest(kept), first = factors[values[least]].short;
      yield {done, total, rows, right: least, numbers: {first: first[0].toUpperCase() + first.slice(1),
        a: percent(kept[least]), last: factors[values[last]].short, z: percent(kept[last])}};
    }
  },
};

// How far each knob turns the head a step.
const turning = ({data: {turn}}, changes) => changes.map((rows) => Math.abs(mean(rows)[turn]));

// The number of the knob that turns the head furthest, as far as a few faces tell, or all that were measured.
async function turner(lab) {
  let last;
  for await (last of lab.turned("knobs", lab.knobs)) if (last.done >= Math.min(4, last.total)) break;
  return largest(turning(lab, last.changes));
}
