// Steer, in the browser: one recipe; every control writes it, every part of the tab shows it. Every room is a function
// of the tab: what it fills is among `tab.parts`, what it shows is `tab.now`.
(() => {
  const CELLS = ["grid", "faces", "truth", "read"];
  const NEEDED = ["recipe", "stage", "strip", "knobs", "facts", "models"], LARGEST_SEED = 999999;
  const {copyOf, same} = gan, rooms = gan.rooms.steer = {};

  // what all rooms know. `now`: the recipe on screen, the last good one and its answer; `measuring`: which knobs are
  // being measured, and how far that is; `seen`: the pictures before this one
  function tabOf(parts) {
    const bus = parts.recipe, arrival = copyOf(bus.props.value), listeners = [];
    const now = {recipe: copyOf(arrival), good: copyOf(arrival), saved: copyOf(arrival), setup: null, strip: "",
      dragging: false};
    return {name: "steer", cells: {}, forgets: [], parts, bus, arrival, now, listeners, seen: [], tell: () => listeners.forEach(listener => listener())};
  }

  // --- the recipe: read, written, undone

  function recipeOf(tab) {
    const {bus, now, arrival, tell} = tab, history = gan.history(now);
    const send = () => { bus.props.value = copyOf(now.recipe); };
    const set = patch => { Object.assign(now.recipe, patch); history.remember(); send(); tell(); };
    // a slow network's first look is there, and nobody is moving it: ask for the picture itself
    const sharpen = () => {
      const {answer, dragging, recipe} = now;
      if (!dragging && answer && answer.exact === false && same(answer.recipe, recipe)) bus.trigger("exact", {});
    };
    const turn = (knob, amount, {rest}) => {
      now.recipe.amounts[knob] = amount;
      now.dragging = !rest;
      if (rest) history.remember();
      const filmed = knob === now.recipe.knob && tab.stage.film.ready();
      if (rest || !filmed && !tab.stage.follow()) send();
      if (rest) sharpen();
      tell();
    };
    const choose = knob => { set({knob}); tab.stage.askFilm(); };
    bus.watch("value", () => {                  // set by the server: a link, a saved edit, a found knob
      now.recipe = copyOf(bus.props.value);
      if (same(now.recipe, arrival)) tab.stage.waiting(false);
      history.remember(); tell();
    });
    return {history, send, set, sharpen, turn, choose};
  }

  // what is done with whole recipes
  function movesOf(tab) {
    const {now, arrival, seen, history, set, send, tell} = tab;
    const flat = () => arrival.amounts.map(() => 0), randomSeed = () => Math.floor(Math.random() * LARGEST_SEED);
    return {
      anotherFace: () => { seen.push(now.recipe.seed); set({seed: randomSeed()}); },
      previousFace: () => { if (seen.length) set({seed: seen.pop()}); },
      undo: () => { if (history.any()) { history.back(); send(); tell(); } },
      backToStart: () => {
        now.recipe = {...copyOf(arrival), amounts: flat()};
        history.remember(); send(); tell();
      },
      surprise: () => {
        const knob = Math.floor(Math.random() * arrival.amounts.length), sign = Math.random() < 0.5 ? -1 : 1;
        const amount = sign * (1.5 + Math.round(Math.random() * 10) / 10);
        seen.push(now.recipe.seed);
        set({seed: randomSeed(), knob, amounts: arrival.amounts.map((_, i) => i === knob ? amount : 0)});
      },
      // another picture, as the network draws it, under the knobs that are on screen; another network's under its own
      take: ({model, seed, psi, label}) => {
        const own = {method: "sefa", mode: "paper", layers: "all", knob: 0, directions: ""};
        seen.push(now.recipe.seed);
        set({model, seed, psi, label, amounts: flat(), ...(model === now.recipe.model ? {} : own)});
      },
    };
  }

  // --- folds, mounted when they open

  function foldsOf(tab) {
    const {now, listeners} = tab;
    listeners.push(() => gan.addresses.shows("steer", now.query));
    return gan.late("steer", {
      link: part => listeners.push(gan.link(part, "steer", {query: () => now.query, note: () => now.note})),
      more: part => rooms.settings(tab, part),
      ...Object.fromEntries(CELLS.map(name => [name, part => { tab.cells[name] = gan.cell(tab, part); }])),
      compare: part => rooms.compare(tab, part),
    });
  }

  gan.tab("steer", "Steer", NEEDED, parts => {
    const tab = tabOf(parts), {now, bus, arrival} = tab, opening = parts.stage.props.value;
    Object.assign(tab, recipeOf(tab));
    tab.moves = movesOf(tab);
    tab.stage = rooms.stage(tab);
    tab.beside = rooms.beside(tab);
    const grow = foldsOf(tab);
    gan.steer = {now, set: tab.set, choose: tab.choose, take: tab.moves.take};
    if (opening.src) tab.stage.show(opening);
    tab.stage.film.take();
    tab.stage.photo.split(!!arrival.amounts[arrival.knob]);
    if (!opening.src) bus.trigger("change", {});
    grow();
  });
})();
