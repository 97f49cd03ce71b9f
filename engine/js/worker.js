// The worker: networks and readers by number. One message in, one answer out; a picture takes one message, so that a
// newer request waits for one picture at most.
import {codesOf} from "./codes.js";
import {Network} from "./network.js";
import {EngineError, unpacked} from "./pack.js";
import {Reader} from "./reader.js";

const networks = new Map();

function opened(number) {
  if (!networks.has(number)) throw new EngineError("This network was closed: open it again.");
  return networks.get(number);
}

function readerFacts({head: {architecture, dtype, resolution, names, about}}) {
  return {architecture, dtype, resolution, names, about};
}

function networkFacts(made) {
  const {architecture, dtype, resolution, slots, dim, movable, classes, reads, about} = made.head;
  const named = Object.keys(made.head.tensors).filter((name) => name.startsWith("numbers."));
  const numbers = Object.fromEntries(named.map((name) => [name.slice(8), made.numbers(name)]));
  const facts = {architecture, dtype, resolution, slots, dim, movable, classes, reads, about};
  return {...facts, numbers, layers: made.layers.length};
}

const ANSWERS = {
  async open({network, module, buffer}) {
    const pack = unpacked(buffer), kind = pack.head.kind === "reader" ? Reader : Network;
    const made = new kind(await WebAssembly.instantiate(module), pack);
    networks.set(network, made);
    return kind === Reader ? readerFacts(made) : networkFacts(made);
  },

  // One picture: of one code, or of several that are mixed as `mixture` says.
  draw({network, codes, place, from, image, mixture}) {
    const net = opened(network), before = performance.now();
    const start = mixture ? net.mix(codes, mixture, place) : net.draw(codes, place, from);
    const milliseconds = performance.now() - before;
    return {from: start, milliseconds, levels: net.rgba(), image: image ? net.image() : null};
  },

  // What a reader says of a picture; only its numbers leave the worker, and with `image` the picture.
  read({network, reader, codes, place, from, image}) {
    const net = opened(network), by = opened(reader), before = performance.now(), start = net.draw(codes, place, from);
    const drawn = net.image(), readings = by.read(drawn);
    return {from: start, milliseconds: performance.now() - before, readings, image: image ? drawn : null};
  },

  codes({network, seed, n, how}) {
    const net = opened(network), size = net.head.slots * net.head.dim;
    const kept = new Map(), codes = new Float32Array(n * size);
    const read = (name) => kept.get(name) ?? kept.set(name, net.numbers(name)).get(name);
    for (let i = 0; i < n; i++) codes.set(codesOf(net.head, read, seed + i, how), i * size);
    return {codes};
  },

  close({network}) {
    networks.delete(network);
    return {};
  },
};

addEventListener("message", async ({data}) => {
  try {
    const answer = await ANSWERS[data.kind](data);
    const moved = Object.values(answer).filter(ArrayBuffer.isView).map((values) => values.buffer);
    postMessage({id: data.id, answer}, moved);
  } catch (error) {
    const said = error instanceof EngineError ? error.message
      : error instanceof RangeError ? "There is not enough memory for this network."
        : `The network could not be drawn here: ${error.message}.`;
    postMessage({id: data.id, error: said});
  }
});
