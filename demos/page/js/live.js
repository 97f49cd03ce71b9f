// Drawing in this browser while a knob moves: the engine (engine/js) where it can draw the open network. At rest the
// server's picture takes its place.
(() => {
  const MOST = 3;                                   // networks that stay open
  const off = new URLSearchParams(location.search).get("engine") === "server";
  const here = path => new URL(path, document.baseURI).href, networks = new Map();
  let engine = null;

  const begun = () => engine ??= import(here(`${gan.engine}engine.js`)).then(({Engine}) => new Engine());
  const floats = text => new Float32Array(Uint8Array.from(atob(text), one => one.charCodeAt(0)).buffer);

  const read = live => {
    const vectors = floats(live.vectors), size = vectors.length / live.count;
    return {codes: floats(live.codes), slots: live.slots,
      vectors: [...Array(live.count).keys()].map(i => vectors.subarray(i * size, (i + 1) * size))};
  };
  function put(canvas, picture) {
    const {width, height} = picture;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }

  // Draws the images of a cell that brings codes and directions: [data-draw] is "face,knob,amount". `failed` is called
  // where the browser cannot.
  async function fill(element, lane, failed) {
    const place = element.querySelector("[data-here]");
    if (!place) return;
    const live = JSON.parse(place.dataset.here), faces = live.faces.map(floats), {vectors, slots} = read(live);
    const images = [...element.querySelectorAll("[data-draw]")], one = faces[0].length, pen = document.createElement("canvas");
    try {
      const network = await opened(live.pack), codes = new Float32Array(images.length * one);
      images.forEach((image, i) => {
        const [face, knob, amount] = image.dataset.draw.split(",").map(Number);
        codes.set(network.edit(faces[face], {vectors, slots}, vectors.map((_, k) => k === knob ? amount : 0)), i * one);
      });
      const drawn = await network.draw(codes, {lane});
      for (const [i, picture] of (drawn ? drawn.pictures : []).entries()) {       // none: newer ones were asked for
        put(pen, picture);
        images[i].src = pen.toDataURL();
      }
    } catch { failed(); }
  }

  // Draws the picture of a cell that brings its codes as its knobs stand, until the answer brings the server's.
  gan.turnHere = async (element, lane, moved) => {
    const place = element.querySelector("[data-turned]"), image = element.querySelector("[data-live] img");
    if (off || !place || !image) return;
    const live = place.live ??= JSON.parse(place.dataset.turned), {mixture} = live, pen = document.createElement("canvas");
    try {
      const network = await opened(live.pack);
      if (!moved) return;
      const {codes, vectors, slots} = live.read ??= read(live);
      const amounts = vectors.map((_, i) => +(element.querySelector(`[name=knob-${i + 1}]`) || {value: 0}).value);
      const mixed = mixture && {...mixture, importances: live.importances ??= floats(mixture.importances)};
      const drawn = await network.draw(network.edit(codes, {vectors, slots}, amounts), {lane, mixture: mixed});
      if (!drawn) return;
      put(pen, drawn.pictures[0]);
      image.src = pen.toDataURL();
      place.drawn = true;
      gan.drawnHere();
    } catch { place.drawn = false; /* then the server draws alone, as without it */ }
  };
  gan.turnsHere = element => !!(element.querySelector("[data-turned]") || {}).drawn;

  // the network of a pack, which is loaded once; one that Start has open serves here too
  function opened(pack) {
    const {model, w, ...more} = Object.fromEntries(new URLSearchParams(pack.split("?")[1]));
    const there = (globalThis.ganNetworks || new Map()).get(`${model} ${w}`);
    if (there && Object.keys(more).join() === "v") return there;
    const found = networks.get(pack) || begun().then(one => one.open(here(pack)));
    networks.delete(pack); networks.set(pack, found);
    found.catch(() => networks.delete(pack));       // the next one who asks tries again
    for (const [other, one] of [...networks].slice(0, -MOST)) {
      networks.delete(other); one.then(network => { network.closed = true; network.close(); }, () => {});
    }
    return found;
  }

  // `fits(answer)`: is the answer of the knobs on screen? `seen(amounts)`: a picture was drawn into `canvas`.
  gan.live = ({now, name}, canvas, fits, seen) => {
    let network = null, pack = "", facts = null, of = null, round = 0;
    const wanted = () => !off && now.answer && now.answer.live && fits(now.answer) ? now.answer.live : null;
    const stands = () => !!network && !network.closed;         // others may have taken its place
    const ready = () => stands() && !!wanted() && wanted().pack === pack;
    const open = async () => {
      const live = wanted();
      if (!live || live.pack === pack && !(network && network.closed)) return;
      pack = live.pack; network = null;
      const found = await opened(pack).catch(() => null);       // then the server draws, as without it
      if (live.pack === pack) network = found;
    };
    const known = live => {
      if (of !== live) facts = read(of = live);
      return facts;
    };
    const draw = amounts => paint(known(wanted()).codes, amounts);
    // of another picture number, or more or less unusual
    const glimpse = async ({seed, psi, label, amounts}) => {
      const {live} = now.answer, mine = round;
      if (off || !network || !live || live.pack !== pack) return;
      known(live);
      const codes = await network.codes(seed, {psi, label}).catch(() => null);
      if (codes && mine === round) paint(codes, amounts);
    };
    const paint = async (codes, amounts) => {
      const {vectors, slots} = facts, mine = round, moves = amounts.slice(0, vectors.length);
      const drawn = await network.draw(network.edit(codes, {vectors, slots}, moves), {lane: name}).catch(() => null);
      if (!drawn || mine !== round) return;
      put(canvas, drawn.pictures[0]);
      canvas.hidden = false;
      canvas.dataset.drawn = "here";
      gan.drawnHere();
      seen(amounts);
    };
    return {able: () => !!wanted() && (pack !== wanted().pack || !!network), ready, open, draw, glimpse, fill,
      stop: () => { round++; }};
  };

  // the line at the foot of the page says who draws
  gan.drawnHere = () => {
    const line = document.getElementById("who-draws");
    if (line && line.hidden) gan.say(line, "While a knob moves, your browser draws.");
  };
})();
