// A generator in the visitor's own browser. docs/engine.md shows how it is used.
//
//   const engine = new Engine(), network = await engine.open("portraits.pack");
//   const codes = await network.codes(7, {psi: 0.7}), drawn = await network.draw(codes);
//   canvas.getContext("2d").putImageData(drawn.pictures[0], 0, 0);
import {edited} from "./codes.js";
import {EngineError, headOf} from "./pack.js";

export {EngineError};

// The smallest module with an instruction of SIMD.
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

export class Engine {
  // wasm: where generator.wasm lies, where not beside this file.
  constructor({wasm = new URL("generator.wasm", import.meta.url)} = {}) {
    if (!Engine.supported()) throw new EngineError("This browser has no WebAssembly SIMD.");
    this.module = fetched(wasm).then((bytes) => WebAssembly.compile(bytes));
    this.module.catch(() => {});                    // open() says it
    this.worker = new Worker(new URL("worker.js", import.meta.url), {type: "module"});
    this.worker.onmessage = ({data}) => this.answered(data);
    this.worker.onerror = () => this.fail("The engine could not be loaded: load the page again.");
    this.answers = new Map();                       // by number: {resolve, reject} of what the worker was asked
    this.requests = [];                             // of pictures, oldest first
    this.busy = false;
    this.count = 0;
    this.failed = "";
  }

  static supported() {
    return typeof WebAssembly === "object" && typeof Worker === "function" && WebAssembly.validate(SIMD);
  }

  // A network, or a reader, from a pack's address, or from its bytes (an ArrayBuffer, which moves into the worker).
  // progress(bytes so far, bytes in all): while it loads.
  async open(pack, {progress = () => {}} = {}) {
    const bytes = pack instanceof ArrayBuffer ? pack : fetched(pack, progress);
    const [module, buffer] = await Promise.all([this.module, bytes]);
    const number = ++this.count;
    const facts = await this.ask({kind: "open", network: number, module, buffer}, [buffer]);
    return new (facts.names ? Reader : Network)(this, number, facts);
  }

  // Gives up all networks; what is under way is answered with null.
  close() {
    this.worker.terminate();
    this.fail("The engine was closed.");
  }

  // --- for Network

  ask(message, moved = []) {
    if (this.failed) return Promise.reject(new EngineError(this.failed));
    return new Promise((resolve, reject) => {
      const id = ++this.count;
      this.answers.set(id, {resolve, reject});
      this.worker.postMessage({...message, id}, moved);
    });
  }

  answered({id, answer, error}) {
    const {resolve, reject} = this.answers.get(id);
    this.answers.delete(id);
    if (error === undefined) resolve(answer);
    else reject(new EngineError(error));
  }

  fail(sentence) {
    this.failed ||= sentence;
    for (const {reject} of this.answers.values()) reject(new EngineError(this.failed));
    this.answers.clear();
    for (const request of this.requests.splice(0)) request.resolve(null);
  }

  // Pictures of a request. An older one of the same network and lane that has not begun is answered with null; one that
  // has begun is finished: while a knob moves faster than pictures are made, every picture that is made is seen.
  request(request) {
    if (this.failed) return Promise.reject(new EngineError(this.failed));
    this.drop((other) => other.network === request.network && other.lane === request.lane && !other.begun);
    return new Promise((resolve, reject) => {
      this.requests.push({...request, resolve, reject, made: [], begun: false});
      this.next();
    });
  }

  drop(which) {
    for (const request of this.requests.filter(which)) request.resolve(null);
    this.requests = this.requests.filter((request) => !which(request));
  }

  // Draws one picture of the request that has the fewest left; of those, of the oldest.
  async next() {
    if (this.busy || !this.requests.length) return;
    this.busy = true;
    const left = ({codes, made}) => codes.length - made.length;
    const request = this.requests.reduce((best, other) => (left(other) < left(best) ? other : best));
    request.begun = true;
    const i = request.made.length, {kind, network, reader, codes, places, from, image, mixture} = request;
    try {
      request.made.push(
        await this.ask({kind, network, reader, codes: codes[i], place: places[i], from, image, mixture}));
    } catch (error) {
      request.reject(error);
    }
    this.busy = false;
    if (request.made.length === i || !left(request)) {
      this.requests = this.requests.filter((other) => other !== request);
      request.resolve(request.made);                // changes nothing where it failed or was dropped
    }
    this.next();
  }
}

// A network that is open. resolution, slots, dim, movable, classes, reads, architecture, dtype and about are what the
// pack's header says; layers: how many; numbers: {name: {shape, values}}.
export class Network {
  constructor(engine, number, facts) {
    Object.assign(this, facts, {engine, number, places: new Map()});
  }

  // Pictures of codes [n * slots * dim]: {pictures: n of ImageData, from: the layer that each began with, milliseconds:
  // of each}; null where a newer request for the same lane came before it began.
  //
  // lane: pictures that follow each other; what one drew is what its next request may keep. from: the layer to begin
  // with at the latest (0: the whole); layers whose codes have not changed are left out anyway. image: also give
  // images, Float32Arrays [3][R][R] in about -1 to 1.
  //
  // mixture: {importances, layer, unit}, as core.inversion.multicode.Mixer has them: all the codes make one picture.
  async draw(codes, {lane = "", from = Infinity, image = false, mixture} = {}) {
    const each = mixture ? [Float32Array.from(codes)] : this.each(codes);
    const places = each.map((_, i) => this.place(`${i} ${lane}`));
    const request = {kind: "draw", network: this.number, lane, codes: each, places, from, image, mixture};
    const made = await this.engine.request(request);
    return made && {
      pictures: made.map(({levels}) => new ImageData(levels, this.resolution, this.resolution)),
      from: made.map((one) => one.from),
      milliseconds: made.map((one) => one.milliseconds),
      images: image ? made.map((one) => one.image) : undefined,
    };
  }

  // What a reader says of the pictures of codes [n * slots * dim]: {readings: n of Float32Array, one number for each of
  // reader.names, milliseconds: of each picture, drawn and read}; null as for draw. Nothing that is drawn leaves the
  // worker, but with `image`: images, as draw gives them.
  async read(codes, reader, {lane = "read", from = Infinity, image = false} = {}) {
    if (reader.resolution !== this.resolution)
      throw new EngineError(
        `This reader reads pictures of ${reader.resolution} pixels a side; this network draws ${this.resolution}.`);
    const each = this.each(codes), places = each.map(() => this.place(`read ${lane}`));
    const request = {kind: "read", network: this.number, reader: reader.number, lane, codes: each, places, from, image};
    const made = await this.engine.request(request);
    return made && {
      readings: made.map((one) => one.readings),
      milliseconds: made.map((one) => one.milliseconds),
      images: image ? made.map((one) => one.image) : undefined,
    };
  }

  // Codes [n * slots * dim] one by one.
  each(codes) {
    const size = this.slots * this.dim, n = codes.length / size;
    if (!Number.isInteger(n) || !n)
      throw new EngineError(
        `Codes of this network have ${this.slots} x ${this.dim} numbers each; these are ${codes.length}.`);
    return Array.from({length: n}, (_, i) => Float32Array.from(codes.slice(i * size, (i + 1) * size)));
  }

  place(name) {
    if (!this.places.has(name)) this.places.set(name, this.places.size);
    return this.places.get(name);
  }

  // Codes [n * slots * dim] of the seeds from `seed` on. psi, label, cutoff: as in core.generators.
  async codes(seed, {n = 1, ...how} = {}) {
    return (await this.engine.ask({kind: "codes", network: this.number, seed, n, how})).codes;
  }

  // Codes moved by sum_i amounts[i] * directions.vectors[i] in directions.slots.
  edit(codes, directions, amounts) {
    return edited(this, codes, directions, amounts);
  }

  // The first layer that reads one of the slots; as many as there are layers where none does.
  start(slots) {
    const found = this.reads.findIndex((read) => read.some((slot) => slots.includes(slot)));
    return found < 0 ? this.layers : found;
  }

  async close() {
    this.engine.drop((request) => request.network === this.number);
    await this.engine.ask({kind: "close", network: this.number});
  }
}

// A reader that is open, for Network.read: names, one for each number that it gives of a picture; resolution,
// architecture, dtype and about are what the pack's header says.
export class Reader {
  constructor(engine, number, facts) {
    Object.assign(this, facts, {engine, number});
  }

  async close() {
    this.engine.drop((request) => request.reader === this.number);
    await this.engine.ask({kind: "close", network: this.number});
  }
}

// The bytes at an address, as an ArrayBuffer.
async function fetched(url, progress = null) {
  const name = String(url).split(/[?#]/)[0].split("/").at(-1);
  const answer = await fetch(url).catch(() => null);
  if (!answer) throw new EngineError(`${name} could not be loaded: is there a connection?`);
  if (!answer.ok) throw new EngineError(`${name} could not be loaded: the server answered ${answer.status}.`);
  if (!progress || !answer.body) return answer.arrayBuffer();
  const parts = [], reader = answer.body.getReader();
  let loaded = 0, total = null;
  try {
    for (let piece; !(piece = await reader.read()).done; ) {
      parts.push(piece.value);
      loaded += piece.value.length;
      total ??= headOf(parts.length > 1 ? await joined(parts) : piece.value)?.total ?? null;
      progress(loaded, total);
    }
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError(`${name} broke off while it was loaded: load the page again.`);
  }
  return (await joined(parts)).buffer;
}

const joined = async (parts) => new Uint8Array(await new Blob(parts).arrayBuffer());
