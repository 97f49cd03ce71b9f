// The stage of Paint: a picture whose parts can be tapped or painted over, and the map of what a knob changes. A region
// that is chosen gets knobs of its own, and the first is turned for all to see.
(() => {
  const E = gan.element, {button, same} = gan, {SIDE, encode, decode, fill, outline} = gan.regions;
  const NOTHING = "Nothing is painted yet: draw over the picture with a finger or the mouse, then press Find knobs.";
  const REGION = ["model", "seed", "psi", "label", "region", "layers", "size", "lam", "turn", "right", "down",
    "directions", "reading", "found", "paste"];
  const BRUSH = ["task", "other", "own", "depth", "dy", "dx", "rotate", "grow", "mirror"];      // what is done next with the region
  const OTHER = {region: "", layers: "all", lam: 0, size: 0, forbid: true, directions: "", reading: ""};      // of another network
  const regionOf = recipe => JSON.stringify(REGION.map(name => recipe[name]));
  const canvas = (kind, size = 768) => E("canvas", {class: kind, "aria-hidden": true, width: size, height: size});

  gan.stages.paint = store => {
    const {now, parts, listeners} = store, photo = photoOf(), stage = gan.stage(store, photo);
    const crop = () => now.setup ? now.setup.crop : 0, map = mapOf(), state = {turn: "", tried: "", standin: false};
    Object.assign(stage, {crop, map, state, moved: source => gan.mapOfChange(map.pixels, photo.before, source)});
    stage.painting = paintingOf(store, stage);
    stage.chips = chipsOf(store, stage);
    photo.element.after(stage.chips.element, stage.painting.tools);
    looks(store, stage);
    const beside = gan.beside(store, stage, parts.beside);
    place(store, stage, beside);
    listeners.push(() => needed(store), () => found(store, stage), () => drawn(store, stage, beside));
    store.waits = cell => now.setup && now.setup.ready === false && !["truth", "paste"].includes(cell.name)
      ? "This waits for the region’s knobs, which have not been found yet." : false;
    store.busy = () => stage.prepare.busy() || !!state.turn;
    const {ask} = stage.prepare; stage.prepare.ask = values => ask({turn: +!!state.later, ...values});
    parts.steer.watch("value", () => {
      const to = parts.steer.props.value;
      if (to && to.recipe) gan.visit("steer", steer => steer.set(to.recipe));
      if (to && to.error) { stage.error.textContent = to.error; stage.error.hidden = false; }
    });
    playOnce(store, stage);
    return stage;
  };
  gan.stages.paint.needs = ["steer"];

  // the arrival's knob moves once by itself
  function playOnce({now, arrival, tell}, {photo, film, main, map}) {
    const most = () => +main.range.max;
    gan.playOnce(photo.element, {
      from: (arrival.amounts[arrival.knob] / most() + 1) / 2,
      ready: () => film.ready() && same(now.recipe, arrival) && !photo.element.classList.contains("was"),
      draw: share => {
        film.draw(share); photo.canvas.hidden = false; main.show((2 * share - 1) * most());
        gan.mapOfChange(map.pixels, photo.before, photo.canvas);
      },
      done: () => { photo.canvas.hidden = true; gan.mapOfChange(map.pixels, photo.before, photo.after); tell(); },
    });
  }

  // --- another region, picture or way of finding knobs

  function looks(store, {state, prepare, painting}) {
    const {now, arrival} = store, flat = () => arrival.amounts.map(() => 0);
    // the chosen knob alone is turned, at least half of its way
    store.chosen = knob => {
      const facts = now.setup && now.setup.knobs[knob], half = facts ? Math.round(facts.reach * 6) / 10 : 0;
      return {amounts: now.recipe.amounts.map((amount, i) => i === knob ? amount || half : 0)};
    };
    // its knobs are not there yet, and the first is turned when they are, where none is turned by what is asked for
    store.look = patch => {
      Object.assign(state, {tried: "", standin: false});
      store.set({amounts: flat(), knob: 0, ...(state.resefa ? {method: "lowrank"} : {}), ...patch});
      state.turn = patch.amounts ? "" : regionOf(now.recipe);
      state.resefa = false;
      store.tell();
    };
    store.change = patch => {
      if (!Object.keys(patch).every(name => BRUSH.includes(name))) return store.look(patch);
      const {dy, dx, rotate, grow, mirror} = now.recipe;
      if (patch.task === "move" && !dy && !dx && !rotate && grow === 100 && !mirror) patch = {...patch, dy: 4};      // to see it move
      for (const one of [now.recipe, now.saved, now.answer && now.answer.recipe]) if (one) Object.assign(one, patch);
      store.tell();                                 // the picture is the same: its cell alone reads them
    };
    store.slide = () => {};                         // another truncation is another picture: it counts when it rests
    store.another = () => { state.another = true; store.look({seed: Math.floor(Math.random() * 1e6)}); };
    store.take = ({model, seed, psi, label, turn = 0, right = 0, down = 0, found = "", paste = ""}) => {
      painting.open(false);
      state.another = model === now.recipe.model;
      const method = now.recipe.method === "file" ? "lowrank" : now.recipe.method;      // a file is of one network
      store.look({model, seed, psi, label, turn, right, down, found, paste, ...(state.another ? {} : {...OTHER, method})});
    };
    // knobs that were found elsewhere, such as a word that was taught, become those of the region
    store.useKnobs = ({model, seed, psi, label, turn, right, down, found, paste, layers, directions, reading}) => {
      painting.open(false);
      state.another = true;
      const region = model === now.recipe.model ? now.recipe.region : "";
      store.look({model, seed, psi, label, turn, right, down, found, paste, region, layers, method: "file", directions,
        reading, forbid: true});
    };
    // the other picture has no such part
    store.remedy = () => {
      const {another} = state;
      Object.assign(state, {another: false, turn: ""});            // what was refused is not looked for
      if (another) store.look({region: ""});
      return another;
    };
    for (const name of ["undo", "previous", "backToStart"]) {
      const go = store[name];
      store[name] = () => { Object.assign(state, {turn: "", tried: "", standin: false}); go(); };
    }
  }

  // the controls of the second brush that what is done needs
  function needed({now: {setup, recipe: {task}}}) {
    const form = ["dy", "dx", "rotate", "grow", "mirror"], controls = setup && setup.controls || {};
    const away = {own: ["other"], move: ["other"], remove: ["other", ...form]}[task] || [];
    for (const name of ["other", ...form]) controls[name] = away.includes(name) ? null : controls[name] || {};
    if (setup) setup.controls = controls;
  }

  // An answer stands: what it lacks is looked for, without being asked where that is quick.
  function found({now, current}, {state, prepare}) {
    const {setup, recipe, answer} = now;
    if (!setup || !current() || now.dragging) return;
    state.another = false;
    if (state.turn && !same(JSON.parse(state.turn)[4] || recipe.region, recipe.region)) state.turn = "";
    const key = regionOf(recipe) + recipe.method;
    if (state.tried === key || answer.exact === false && setup.ready !== false) return;
    const turn = !!state.turn, wanted = turn || setup.ready === false;
    state.turn = "";
    if (!wanted) return;
    state.tried = key;
    state.standin = turn && recipe.method === "lowrank" && setup.ready === false;
    if (setup.ready !== false || !setup.plan.asks) prepare.ask({turn: +turn, agreed: 0});
    else state.later = turn;                        // asked for by the button
  }

  // --- the picture, and the map of change

  function photoOf() {
    const after = E("img", {class: "after", alt: ""}), before = E("img", {class: "before", alt: ""});
    const film = E("canvas", {class: "film", "aria-hidden": true, hidden: true});
    const line = canvas("line"), brushed = canvas("brushed"), licence = E("span", {class: "tag licence"});
    const element = E("div", {class: "photo region"}, after, before, film, line, brushed, licence);
    const network = gan.networkOf(element, licence);
    const split = on => { if (!on) element.classList.remove("was"); };
    return {element, after, before, canvas: film, line, brushed, network, split, isSplit: () => true};
  }

  function mapOf() {
    const pixels = canvas("map-pixels", 1), line = canvas("map-line");
    const attributes = {class: "map", id: "paint-map", role: "img", "aria-label": "Map of change"};
    return {pixels, line, frame: E("div", attributes, pixels, line)};
  }

  // the map, and beside it the ban and the buttons, above the other knobs
  function place(store, {photo, map, state, prepare}, {buttons, row, taken}) {
    const {now, parts, listeners} = store;
    const steer = button("paint-use-steer", "Use in Steer", () => parts.steer.trigger("ask", {key: "steer"}));
    steer.title = "These knobs, as far as they are turned, on the same picture in Steer";
    buttons.before = button("paint-before", "Show before",
      () => buttons.before.setAttribute("aria-pressed", photo.element.classList.toggle("was")));
    const ban = gan.toggle("paint-forbid", "Forbid changes outside", forbid => store.set({forbid}));
    const ready = button("paint-ready", "LowRankGAN’s knobs are ready: show them",
      () => store.look({method: "lowrank"}));
    row.prepend(buttons.before); row.append(steer);
    const says = E("p", {class: "caption"}, "Where it changes: black nothing, white 48 of 255 levels or more.");
    parts.beside.element.prepend(
      E("div", {class: "mapped"}, map.frame, E("div", {class: "beside"}, says, ban, row, taken)), ready);
    listeners.push(() => {
      ban.control.checked = now.recipe.forbid;
      steer.disabled = !(now.setup && now.setup.knobs.length && store.current());
      ready.hidden = !state.resefa || prepare.busy();
    });
  }

  // what is drawn over the picture and beside it, once the answer stands
  async function drawn({now, current}, {photo, map, crop, film, chips, state}, {buttons}) {
    chips.draw(); gan.drawn.finding({now});
    buttons.before.setAttribute("aria-pressed", photo.element.classList.contains("was"));
    const {answer, setup} = now;
    if (answer && current()) state.resefa = state.standin && answer.recipe.method === "resefa";
    if (!answer || state.drawn === answer) return;
    state.drawn = answer;
    for (const line of [photo.line, map.line]) outline(line, decode(setup.region), crop());
    map.frame.style.aspectRatio = setup.aspect || 1;
    map.frame.setAttribute("aria-label", `Map of change with the outline of ${setup.name}. ${answer.verdict}`);
    const drawn = [photo.after, photo.before].filter(image => image.src);
    await Promise.all(drawn.map(image => image.decode().catch(() => {})));
    if (answer === now.answer && (current() || !film.ready())) gan.mapOfChange(map.pixels, photo.before, photo.after);
  }

  // --- the parts of the picture to choose from, by name or by a tap on the part itself

  function chipsOf(store, {photo, crop, painting}) {
    const {now} = store, element = E("div", {class: "chips", role: "group", "aria-label": "Parts of the picture"});
    const pick = name => { if (now.recipe.region !== name) store.look({region: name}); };
    const opener = button("paint-mine", "Paint my own", () => painting.open(true));
    const chip = name => E("button", {type: "button", class: `plain chip ${now.recipe.region === name ? "first" : ""}`,
      "data-part": name, "aria-pressed": now.recipe.region === name, onclick: () => pick(name)},
    name[0].toUpperCase() + name.slice(1));
    let state = "";
    const draw = () => {
      const {setup, recipe: {region}} = now, offered = setup ? setup.offered : [];
      const isPart = setup && region in setup.parts;
      const names = [...offered, ...(isPart && !offered.includes(region) ? [region] : [])];
      if (state === JSON.stringify([names, region])) return;
      state = JSON.stringify([names, region]);
      const held = document.activeElement && document.activeElement.dataset.part;
      opener.classList.toggle("first", !!setup && !isPart);
      element.replaceChildren(...names.map(chip), opener);
      const again = held && element.querySelector(`[data-part="${held}"]`);
      if (again) again.focus();
    };
    photo.element.addEventListener("click", e => {
      if (painting.on() || !now.setup) return;
      const {x, y} = gan.pixelAt(photo.element, e, crop()), {parts} = now.setup;
      const name = Object.keys(parts).find(part => decode(parts[part])[y * SIDE + x]);
      if (name) pick(name);
    });
    return {element, draw};
  }

  // --- painting: brush, rubber, box; by mouse, pen or finger

  function paintingOf(store, {photo, crop, error}) {
    const {now, parts} = store, frame = photo.element;
    const tools = E("div", {class: "tools", id: "paint-tools", hidden: true});
    let painting = false;
    const brush = gan.brush({frame, pixelAt: e => gan.pixelAt(frame, e, crop()), active: () => painting,
      changed: () => { error.hidden = true; draw(); }});
    const kinds = gan.brushTools("paint", brush, draw, {id: "paint-size", max: 12, value: 4});
    const undo = button("paint-undo-stroke", "Undo", brush.undo), clear = button("paint-clear", "Clear", brush.clear);
    const count = E("span", {class: "caption", role: "status", id: "paint-count"});
    const use = button("paint-use", "Find knobs", () => {
      if (!brush.bits.some(bit => bit)) { error.textContent = NOTHING; error.hidden = false; return; }
      open(false);
      store.look({region: encode([...brush.bits])});
    }, "first");
    tools.replaceChildren(E("div", {class: "buttons"}, ...kinds.buttons, undo, clear),
      E("label", {class: "size"}, "Width ", kinds.width),
      E("div", {class: "buttons"}, use, button("paint-cancel", "Cancel", () => open(false)), count));
    function draw() {
      fill(photo.brushed, brush.bits, crop());
      kinds.mark();
      const number = brush.bits.reduce((a, b) => a + b, 0), share = 100 * number / SIDE ** 2;
      undo.disabled = !brush.past.length; clear.disabled = !number;
      count.textContent = number ? `${share.toFixed(number < 41 ? 1 : 0)} % of the picture` : "Draw over the picture.";
    }
    function open(on) {
      painting = on;
      error.hidden = true;
      for (const one of [frame, parts.stage.element]) one.classList.toggle("painting", on);
      tools.hidden = !on; tools.previousElementSibling.hidden = on;      // the chips
      if (!on) return;
      photo.split(false);
      brush.start(now.setup && !(now.recipe.region in now.setup.parts) ? decode(now.setup.region) : null);
      draw(); kinds.focus();
    }
    return {open, tools, on: () => painting};
  }

  // --- in the experiments: what is known of the region on screen; a region's edge, and maps of change with it

  gan.drawn.finding = ({now}) => {
    const said = document.querySelector("[data-finding]"), {answer, setup} = now;
    if (said) said.textContent = answer && setup.ready !== false ? answer.finding : "";
  };

  gan.drawn.regions = (tab, result) => {
    for (const edge of result.querySelectorAll("canvas[data-region]"))
      outline(edge, decode(edge.dataset.region), +edge.dataset.crop);
    for (const map of result.querySelectorAll("canvas[data-change]")) {
      const row = [...map.closest(".pictures").querySelectorAll("img")], ends = [row[0], row[row.length - 1]];
      Promise.all(ends.map(one => one.decode())).then(() => gan.mapOfChange(map, ...ends)).catch(() => {});
    }
  };
})();
