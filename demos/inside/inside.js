// Look inside, in the browser: one recipe; a tap on a channel writes it, and the picture follows a moment later. Every
// room is a function of the tab: what it fills is among `tab.parts`, what it shows is `tab.now`.
(() => {
  const NEEDED = ["recipe", "base", "facts", "film", "stage", "controls", "models", "few"];
  const PICTURE = ["model", "seed", "label", "psi"];
  const RESTS_ON = {few: PICTURE, alike: ["model", "label"], truth: ["model"],      // an experiment, by its name
    cross: [...PICTURE, "other", "gates", "mix"], cut: [...PICTURE, "gates", "pieces", "weighted"],
    compare: [...PICTURE, "gate"]};
  const E = gan.element, {button, copyOf, same} = gan, rooms = gan.rooms.inside = {};

  // a slider with its name on one side and what it says on the other
  rooms.scrub = (name, control, says) =>
    E("div", {class: "field scrub"}, E("label", {for: control.id}, ...name), control, says);

  // what all rooms know. `now`: the recipe on screen, the last good one and its answer, what is known of the network,
  // the key of the film
  function tabOf(parts) {
    const bus = parts.recipe, arrival = copyOf(bus.props.value || {}), listeners = [];
    const {words} = parts.controls.props.value;
    const now = {recipe: copyOf(arrival), good: copyOf(arrival), answer: null, facts: null, film: ""};
    const word = key => gan.word(words[key]);
    return {
      parts, bus, arrival, now, listeners, word, undo: [],
      tell: () => listeners.forEach(listener => listener()),
      current: () => !!now.answer && same(now.answer.recipe, now.recipe),
      facts: () => now.facts && now.facts.model === now.recipe.model ? now.facts : null,
      field: (key, control, hint) => gan.field(word(key), control, {title: words[key].tip, hint}),
    };
  }

  // --- the recipe

  function recipeOf(tab) {
    const {bus, now, undo} = tab, stale = () => tab.stage.element.classList.add("stale");
    const set = patch => {
      undo.push(copyOf(now.recipe));
      now.recipe = {...now.recipe, ...patch};
      tab.stage.said.hidden = true; stale();
      bus.props.value = copyOf(now.recipe);
      tab.tell();
    };
    const back = () => {
      if (!undo.length) return;
      now.recipe = undo.pop(); stale();
      bus.props.value = copyOf(now.recipe); tab.tell();
    };
    bus.watch("value", () => {                      // set by the server: a link
      if (!bus.props.value || same(bus.props.value, now.recipe)) return;
      now.recipe = copyOf(bus.props.value); stale(); tab.tell();
    });
    return {set, back};
  }

  // --- experiments: asked for, watched, stopped

  // `draw(result, value)` shows what the server says; `lead` stands above; only what `streams` can be stopped
  rooms.experiment = (tab, part, name, {press, says, draw, streams = true, lead = []}) => {
    const {bus, now, listeners} = tab, value = () => part.props.value || {};
    const key = () => JSON.stringify(RESTS_ON[name].map(field => now.recipe[field]));
    const result = E("div", {class: "result"}), line = E("p", {class: "caption", role: "status"});
    const meter = E("progress", {max: 1, value: 0, hidden: true, "aria-label": "How far it is"});
    let asked = "", of = "";
    const go = button(`inside-${name}-go`, press, () => {
      of = key(); asked = JSON.stringify(now.recipe) + Math.random();
      bus.trigger(name, {key: asked}); mark();
    }, "first");
    const stop = button(`inside-${name}-stop`, "Stop", () => bus.trigger("stop", {kind: name}));
    part.element.replaceChildren(...lead, E("div", {class: "buttons"}, go, stop),
      E("p", {class: "progress"}, meter, line), result);
    function mark() {
      const busy = !!asked, shown = value(), ended = shown.error || (shown.ended ? "Stopped." : "");
      stop.hidden = !busy || !streams;
      meter.hidden = !busy || shown.key !== asked || shown.share === undefined; meter.value = shown.share || 0;
      line.textContent = busy ? shown.key === asked && shown.says || says : ended;
      line.parentElement.hidden = !line.textContent;
      go.disabled = busy || !tab.current();
      result.classList.toggle("stale", !!result.dataset.of && result.dataset.of !== key());
    }
    part.watch("value", () => {
      const shown = value();
      if (shown.key === asked && !shown.partial) asked = "";
      if (!shown.error) { draw(result, shown); if (shown.verdict) result.dataset.of = of; }
      mark();
    });
    listeners.push(mark); mark();
  };

  // --- cells and folds that may come later

  function foldsOf(tab) {
    const {now, listeners} = tab, query = () => now.answer && now.answer.query;
    const tables = (part, name, press, says, streams) => rooms.experiment(tab, part, name, {press, says, streams,
      draw: (result, {html, verdict}) => {
        if (!html) return;
        const shown = E("div"); shown.innerHTML = html;
        result.replaceChildren(...(verdict ? [E("p", {class: "aha"}, verdict)] : []), shown);
      }});
    listeners.push(() => gan.addresses.shows("inside", query()));
    return gan.late("inside", {
      link: part => listeners.push(gan.link(part, "inside", {query, says: "Link to exactly these settings"})),
      more: part => rooms.settings(tab, part),
      cross: part => rooms.cross(tab, part),
      cut: part => rooms.cut(tab, part),
      alike: part => tables(part, "alike", "Compare the classes", "Comparing …", false),
      compare: part => tables(part, "compare", "Measure every channel of this gate", "Measuring …", true),
      truth: part => {
        tables(part, "truth", "Look it up", "Looking it up …", false);
        askOnce(tab, part.element.querySelector("button"));
      },
    });
  }

  // once a network: what was measured of it is only looked up
  function askOnce({now, listeners, current}, go) {
    let asked = "";
    const ask = () => { if (current() && asked !== now.recipe.model) { asked = now.recipe.model; go.click(); } };
    listeners.push(ask); ask();
  }

  gan.tab("inside", "Look inside", NEEDED, parts => {
    const tab = tabOf(parts), {now, bus, arrival} = tab, recorded = copyOf(parts.stage.props.value || {});
    Object.assign(tab, recipeOf(tab));
    tab.stage = rooms.stage(tab);
    tab.controls = rooms.controls(tab);
    rooms.few(tab);
    const grow = foldsOf(tab);
    gan.inside = {now, set: tab.set};
    tab.controls.takeFacts();
    if (recorded.recipe) tab.stage.show(recorded); else if (recorded.error) tab.stage.refuse(recorded.error);
    if (!recorded.recipe && arrival.model) bus.trigger("change", {});
    tab.stage.takeFilm();
    grow();
    tab.tell();
  });
})();
