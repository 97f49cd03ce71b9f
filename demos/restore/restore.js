// Restore, in the browser: one recipe; what was recorded is replayed here, and the server is asked when somebody
// presses Start. Every room is a function of the tab: what it fills is among `tab.parts`, what it shows is `tab.now`.
(() => {
  const NEEDED = ["recipe", "base", "run", "five", "stage", "controls", "models", "layers", "mug", "edit", "own"];
  const E = gan.element, {copyOf, same} = gan, rooms = gan.rooms.restore = {};

  // where another task, network or picture begins
  rooms.RESET = {kind: "", amount: 0, region: "", hints: "", keep: null, codes: 0, layer: -1, steps: 0, optimiser: "",
    loss: ""};
  rooms.keyOf = recipe => JSON.stringify(recipe);

  // a picture with its name under it; `hard` ones are shown with hard pixels, as what they are
  rooms.tile = (name, id) => {
    const image = E("img", {alt: "", draggable: false, id}), label = E("figcaption", {}, name);
    const frame = E("div", {class: "seen"}, image);
    const show = (src, alt, hard) => {
      if (src) image.src = src; else image.removeAttribute("src");
      image.alt = alt;
      image.classList.toggle("hard", !!hard); frame.classList.toggle("empty", !src);
    };
    return {element: E("figure", {class: "restore-tile"}, frame, label), frame, image, label, show};
  };
  rooms.radio = (name, value, text, checked, onchange) =>
    E("label", {}, E("input", {type: "radio", name, value, checked, onchange}), E("span", {}, text));

  // what all rooms know. `now`: the recipe on screen, the last good one, its answer, the search that runs, what is
  // painted ("hole" or "hints"), the visitor's own picture; `listeners` are told of every change, `forgets` once an own
  // picture is deleted
  function tabOf(parts) {
    const bus = parts.recipe, {tasks: recorded = {}, names} = parts.stage.props.value || {};
    const arrival = copyOf(recorded.enlarge ? recorded.enlarge.recipe : bus.props.value);
    const now = {recipe: copyOf(bus.props.value), good: copyOf(arrival), answer: null, running: null, refused: false,
      painting: "", own: null, film: ""};
    const listeners = [];
    return {
      parts, bus, recorded, names, arrival, now, listeners, undo: [], forgets: [],
      tell: () => listeners.forEach(listener => listener()),
      setup: () => now.answer && now.answer.setup,
      current: () => now.answer && same(now.answer.recipe, now.recipe),
      replayed: () => Object.values(recorded).find(one => same(one.recipe, now.recipe)),
    };
  }

  // --- the recipe

  function recipeOf(tab) {
    const {bus, now} = tab;
    const set = (patch, {whole = false} = {}) => {
      tab.undo.push(copyOf(now.recipe));
      now.recipe = whole ? copyOf(patch) : {...now.recipe, ...patch};
      tab.bench.quiet();
      tab.painting.open("");
      bus.props.value = copyOf(now.recipe);
      if (tab.replayed()) tab.bench.show(tab.replayed()); else tab.bench.stage.classList.add("stale");
      tab.tell();
    };
    // a picture of Steer or Paint, as the network draws it before any knob, for that same network to restore
    const take = ({model, seed, psi, label}) => {
      const picture = {model, label, shows: "steer", picture: seed, psi, hints: "", own: "", as_is: false};
      set({...(model === now.recipe.model ? {} : rooms.RESET), ...picture});
      tab.parts.stage.element.scrollIntoView({block: "center"});
    };
    // the picture stays, whatever is done to it; a record is of one picture, and counts where that is the visitor's
    const chooseTask = task => {
      const known = tab.recorded[task], ours = name => known.recipe[name] === now.recipe[name];
      if (known && ["model", "shows", "picture", "label"].every(ours)) set(known.recipe, {whole: true});
      else set({...rooms.RESET, task, start: 0, as_is: now.recipe.as_is && task !== "copy"});
    };
    bus.watch("value", () => {                      // set by the server: a link
      if (same(bus.props.value, now.recipe)) return;
      const {stage} = tab.bench;
      now.recipe = copyOf(bus.props.value); stage.classList.add("stale"); tab.tell();
      if (stage.offsetParent) stage.scrollIntoView({block: "start"});
    });
    return {set, take, chooseTask};
  }

  // --- experiments: recorded for the arrival, made again when asked

  // `draw(result, value)` shows what the server says; what was made of an own picture goes with it, and what another
  // network than today's made is marked
  rooms.experiment = (tab, part, name, {press, says, draw}) => {
    const {bus, now, listeners, forgets} = tab, value = () => part.props.value || {};
    const result = E("div", {class: "result"}), line = E("p", {class: "caption", role: "status"});
    let asked = "", owned = false, wanted = tab.arrival.model, network = wanted;
    const go = gan.button(`restore-${name}-go`, press, () => {
      owned = now.recipe.shows === "upload"; wanted = now.recipe.model;
      asked = rooms.keyOf(now.recipe) + Math.random();
      bus.trigger(name, {key: asked}); mark();
    });
    const stop = gan.button(`restore-${name}-stop`, "Stop", () => bus.trigger("stop", {kind: name}));
    part.element.replaceChildren(result, line, E("div", {class: "buttons"}, go, stop));
    function mark() {
      const {key, partial, error, ended} = value(), busy = asked && (key !== asked || partial);
      const other = !busy && result.firstChild && network !== now.recipe.model;
      stop.hidden = !busy;
      result.classList.toggle("stale", !!other);
      line.textContent = busy ? key === asked && value().says || says : error || (ended ? "Stopped."
        : other ? "Another network’s: press the button to ask the one above." : "");
      go.disabled = !!busy || !tab.current();
    }
    forgets.push(() => { if (owned) { result.replaceChildren(); asked = ""; mark(); } });
    part.watch("value", () => {
      if (value().key === asked && !value().partial) asked = "";
      if (!value().error) { network = wanted; draw(result, value()); }
      mark();
    });
    listeners.push(mark);
    if (value().key || value().html) draw(result, value());
    mark();
  };

  // --- folds, which may come later

  function foldsOf(tab) {
    const {now, listeners} = tab, query = () => now.answer && now.answer.query;
    const tables = (part, name, press, says) => rooms.experiment(tab, part, name, {press, says,
      draw: (result, value) => { if (value.html) result.innerHTML = value.html; }});
    listeners.push(() => gan.addresses.shows("restore", query()));
    return gan.late("restore", {
      link: part => listeners.push(gan.link(part, "restore",
        {query, note: () => now.answer && now.answer.note, says: "Link to exactly these settings"})),
      more: part => rooms.settings(tab, part),
      compare: part =>
        tables(part, "compare", "Compare with tools without a GAN", "Restoring it, then trying the others …"),
      truth: part => {
        tables(part, "truth", "Look it up", "Looking it up …");
        part.element.querySelector("button").click();
      },
    });
  }

  gan.tab("restore", "Restore", NEEDED, parts => {
    const tab = tabOf(parts), {bus, now} = tab;
    Object.assign(tab, recipeOf(tab));
    tab.five = rooms.five(tab);
    tab.bench = rooms.bench(tab);
    tab.painting = rooms.painting(tab);
    tab.network = rooms.controls(tab);
    for (const open of [rooms.layers, rooms.mug, rooms.editing, rooms.owning]) open(tab);
    const grow = foldsOf(tab), refusal = parts.run.props.value;     // of a link, before this script was there
    gan.restore = {now, set: tab.set, five: tab.five, take: tab.take};
    if (tab.replayed()) tab.bench.show(tab.replayed()); else bus.trigger("change", {});
    if (refusal && refusal.error) tab.bench.refuse(refusal.error, {link: true});
    grow();
    tab.tell();
  });
})();
