// Paint, in the browser: one recipe; tapping a part or painting a region writes it, and the knobs follow a moment
// later. Every room is a function of the tab: what it fills is among `tab.parts`, what it shows is `tab.now`.
(() => {
  const NEEDED = ["recipe", "base", "stage", "strip", "knobs", "facts", "models", "steer"];
  const WHAT = ["model", "seed", "psi", "label", "region", "layers", "size", "lam"], LARGEST_SEED = 999999;
  const E = gan.element, {copyOf, same} = gan, {encode, decode, outline} = gan.regions, rooms = gan.rooms.paint = {};
  gan.paintTools = {encode, decode};

  // what the knobs of a region rest on, and what one knob does
  rooms.regionKey = recipe => JSON.stringify(WHAT.map(name => recipe[name]));
  rooms.knobKey = recipe => JSON.stringify([rooms.regionKey(recipe), recipe.method, recipe.forbid, recipe.knob]);

  rooms.canvas = (kind, size = 768) => E("canvas", {class: kind, "aria-hidden": true, width: size, height: size});

  // a map of change with the region's outline, of two pictures as data URIs; it says in words what it shows
  rooms.smallMap = ([before, after], region, crop, says) => {
    const map = rooms.canvas("map-pixels", 1), line = rooms.canvas("map-line", 384);
    const pictures = [before, after].map(src => { const image = new Image(); image.src = src; return image; });
    Promise.all(pictures.map(image => image.decode())).then(() => {
      gan.mapOfChange(map, ...pictures);
      outline(line, decode(region), crop);
    }).catch(() => {});
    return E("div", {class: "map", role: "img", "aria-label": says}, map, line);
  };

  // what all rooms know. `now`: the recipe on screen, the last good one and its answer; `fresh`: its first knob is
  // turned as soon as there is one; `standin`: ReSeFa's knobs stand in for LowRankGAN's, which are being found;
  // `finding` and `tried`: the keys of the regions whose knobs are, and last were, looked for
  function tabOf(parts) {
    const bus = parts.recipe, arrival = copyOf(bus.props.value), listeners = [];
    const now = {recipe: copyOf(arrival), good: copyOf(arrival), saved: copyOf(arrival), setup: null, strip: "",
      dragging: false, fresh: false, standin: false, touched: false, finding: "", tried: "", painting: false};
    const regionNow = () => rooms.regionKey(now.recipe);
    return {
      parts, bus, arrival, now, listeners, regionNow,
      tell: () => listeners.forEach(listener => listener()),
      // whether the region on screen is that of the last answer, and whether its knobs are being found
      here: () => now.setup && rooms.regionKey(now.good) === regionNow(),
      busy: () => !!now.finding && now.finding === regionNow(),
    };
  }

  // --- the recipe: read, written, undone

  function recipeOf(tab) {
    const {bus, now, parts, arrival, tell} = tab, history = gan.history(now);
    const flat = () => arrival.amounts.map(() => 0);
    // a sentence stands until the visitor does something else
    const heard = () => { tab.stage.said.hidden = true; };
    const send = () => {
      const {model, seed, psi, label} = now.recipe;
      parts.base.props.value = {version: 1, model, seed, psi, label};
      bus.props.value = copyOf(now.recipe);
    };
    const set = patch => { heard(); Object.assign(now.recipe, patch); history.remember(); send(); tell(); };
    // another region, picture or way of finding: its knobs are not there yet, and the first is turned when they are
    const look = patch => {
      if (now.standin) now.recipe.method = "lowrank";
      Object.assign(now, {fresh: true, standin: false, touched: false, tried: ""});
      set({amounts: flat(), knob: 0, ...patch});
    };
    const turn = (knob, amount, {rest}) => {
      heard();
      now.recipe.amounts[knob] = amount;
      Object.assign(now, {dragging: !rest, touched: true, fresh: false});
      if (rest) history.remember();
      if (rest || !(knob === now.recipe.knob && tab.stage.film.ready())) send();
      tell();
    };
    const halfWay = knob => now.setup && now.setup.knobs[knob] ? Math.round(now.setup.knobs[knob].reach * 6) / 10 : 0;
    const choose = knob => {
      now.touched = true;
      set({knob, amounts: now.recipe.amounts.map((amount, i) => i === knob ? amount || halfWay(knob) : 0)});
      tab.stage.askFilm();
    };
    bus.watch("value", () => {                  // set by the server: a link
      now.recipe = copyOf(bus.props.value);
      if (same(now.recipe, arrival)) tab.stage.waiting(false);
      history.remember(); tell();
    });
    return {history, flat, heard, send, set, look, turn, halfWay, choose};
  }

  // what is done with whole recipes
  function movesOf(tab) {
    const {now, history, heard, look, send, tell} = tab;
    const settled = () => { now.fresh = now.standin = false; };
    return {
      anotherFace: () => { now.another = true; look({seed: Math.floor(Math.random() * LARGEST_SEED)}); },
      undo: () => { heard(); if (history.any()) { history.back(); settled(); send(); tell(); } },
      backToStart: () => { heard(); now.recipe = copyOf(tab.arrival); settled(); history.remember(); send(); tell(); },
      // another picture, with the region where it has that part; of another network, its default region
      take: ({model, seed, psi, label}) => {
        tab.painting.open(false);
        now.another = model === now.recipe.model;
        const region = now.another ? {} : {region: "", layers: "all", lam: 0, size: 0, forbid: true};
        look({model, seed, psi, label, ...region});
      },
    };
  }

  // --- folds, which may come later

  function foldsOf(tab) {
    const {now, listeners} = tab, {regionKey} = rooms;
    const tables = (part, name, press, says, more = {}) => rooms.experiment(tab, part, name, {press, says, ...more,
      draw: (result, value) => { result.innerHTML = value.html || ""; }});
    listeners.push(() => gan.addresses.shows("paint", now.query));
    return gan.late("paint", {
      link: part => listeners.push(gan.link(part, "paint", {query: () => now.query})),
      more: part => rooms.settings(tab, part),
      ban: part => rooms.ban(tab, part),
      faces: part => rooms.faces(tab, part),
      refuse: part => rooms.refuse(tab, part),
      compare: part => tables(part, "compare", "Compare methods",
        "Turning one direction of each method until the region changes equally …", {keyOf: regionKey}),
      weights: part => tables(part, "weights", "Lambda: ranks, spectra and a picture each",
        "Solving for several values of lambda …", {keyOf: regionKey}),
      truth: part => {
        tables(part, "truth", "Look it up", "Looking it up …");
        part.element.querySelector("button").click();
      },
    });
  }

  // the arrival's knob moves once by itself
  function playOnce({now, arrival, stage, beside, tell}) {
    const {film, main, frame, canvas} = stage, most = () => +main.range.max;
    gan.playOnce(frame, {
      from: (arrival.amounts[arrival.knob] / most() + 1) / 2,
      ready: () => film.ready() && !now.touched && same(now.recipe, arrival) && !frame.classList.contains("was"),
      draw: share => { stage.drawFilm(share); main.show((2 * share - 1) * most()); },
      done: () => { canvas.hidden = true; beside.drawMap(stage.after); tell(); },
    });
  }

  gan.tab("paint", "Paint", NEEDED, parts => {
    const tab = tabOf(parts), {now, bus} = tab, opening = parts.stage.props.value;
    Object.assign(tab, recipeOf(tab));
    tab.moves = movesOf(tab);
    tab.stage = rooms.stage(tab);
    tab.finding = rooms.finding(tab);
    tab.stage.place(tab.finding);
    tab.painting = rooms.painting(tab);
    tab.beside = rooms.beside(tab);
    const grow = foldsOf(tab);
    gan.paint = {now, set: tab.set, look: tab.look, choose: tab.choose, take: tab.moves.take};
    if (opening.src) tab.stage.show(opening);
    tab.stage.film.take();
    playOnce(tab);
    if (opening.error) {                        // of a link, before this script was there
      tab.stage.refuse(opening.error);
      now.refused = true;
    }
    if (!opening.src) bus.trigger("change", {});
    grow();
  });
})();
