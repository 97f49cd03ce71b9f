// Restore, in the browser: the bench. What was recorded is replayed here; the server is asked when somebody presses
// Start. What stands on it, what is painted over it, and what belongs to a visitor's own picture are functions of the
// tab: `gan.rooms.restore`.
(() => {
  const E = gan.element, {button, copyOf, same} = gan, {SIDE, encode, decode, fill} = gan.regions, MOST_COLOURS = 6;
  const PRESS = {enlarge: "Enlarge it", colour: "Colour it", fill: "Fill the hole", noise: "Clean it", copy: "Copy it"};
  const rooms = gan.rooms.restore = {};

  // a picture with its name under it; `hard` ones are shown with hard pixels, as what they are
  rooms.tile = (name, id) => {
    const image = E("img", {alt: "", draggable: false, id}), label = E("figcaption", {}, name);
    const frame = E("div", {class: "seen"}, image);
    const show = (src, alt, hard) => {
      if (src) image.src = src; else image.removeAttribute("src");
      image.alt = alt;
      image.classList.toggle("hard", !!hard); frame.classList.toggle("empty", !src);
    };
    return {element: E("figure", {class: "framed"}, frame, label), frame, image, label, show};
  };

  // The bench as the tab's stage.
  gan.stages.restore = tab => {
    const {now, parts, listeners} = tab, {tasks: recorded = {}, names, fresh} = parts.stage.props.value;
    Object.assign(now, {running: null, painting: "", own: null});
    Object.assign(tab, {recorded, names, fresh,
      replayed: () => Object.values(recorded).find(one => same(one.recipe, now.recipe))});
    if (recorded.enlarge) tab.arrival = copyOf(recorded.enlarge.recipe);     // a link may have been there already
    const bench = tab.bench = benchOf(tab), {set, undo} = tab;
    const changed = () => {
      bench.quiet(); bench.paint("");
      if (tab.replayed()) bench.show(tab.replayed());
    };
    Object.assign(tab, {
      set: patch => { set(patch); changed(); }, undo: () => { undo(); changed(); },
      linked: () => { if (bench.stage.offsetParent) bench.stage.scrollIntoView({block: "start"}); },
      busy: () => !!now.running,
      waits: ({name}) => now.running && name === "edit"
        ? "A search is running: when it has ended, its picture can be edited." : !tab.current(),
      refine: field => field.name !== "shows" || !now.own ? field
        : {...field, options: {...field.options, upload: "your own picture"},
          resets: {...field.resets, own: now.own.token}},
      // a picture of Steer or Paint, as the network draws it before any knob, for that same network to restore
      take: ({model, seed, psi, label}) => {
        const other = model === now.recipe.model ? {} : fresh;
        tab.set({...other, model, label, shows: "steer", picture: seed, psi, hints: "", own: "", as_is: false});
        parts.stage.element.scrollIntoView({block: "center"});
      },
    });
    controls(tab, parts.controls);
    tab.network = gan.models(tab, {take: ({model, label}) =>
      tab.set({...fresh, model, label, shows: "", own: "", as_is: false,
        picture: now.recipe.picture % (now.setup || {pictures: 1e4}).pictures})});
    rooms.owning(tab);
    listeners.push(() => bench.stage.classList.toggle("stale", !tab.current()));
    const refusal = parts.run.props.value;          // of a link, before this script was there
    if (refusal && refusal.error) bench.refuse(refusal.error, {link: true});
    return bench;
  };

  // --- the bench: before, after, truth

  function benchOf(tab) {
    const {now, parts, listeners} = tab, words = (kind, id, more = {}) =>
      E("p", {class: kind, id: `restore-${id}`, ...more});
    const before = rooms.tile("Before", "restore-before"), after = rooms.tile("After", "restore-after");
    const truth = rooms.tile("Truth", "restore-true-picture"), tasks = E("div", {class: "tasks", role: "group",
      "aria-label": "What happened to the picture"});
    const bench = {before, after, truth, link: "Link to exactly these settings",
      tools: E("div", {class: "tools", id: "restore-tools", hidden: true}),
      save: E("a", {class: "plain-link", id: "restore-save", download: "restored.webp", hidden: true}, "Save"),
      said: words("said", "error", {role: "alert", hidden: true}), verdict: words("verdict", "verdict",
        {role: "status"}), meter: words("caption", "meter", {hidden: true}), caption: words("caption", "caption"),
      stage: E("div", {class: "restoring"}), press: () => PRESS[now.recipe.task]};
    bench.quiet = () => { bench.said.hidden = true; };
    // the sentence stands where it is seen: a link's over the tab, any other under the picture
    bench.refuse = (text, {link = false} = {}) => {
      const {said, stage, verdict} = bench;
      said.textContent = /[.!?]$/.test(text) ? text : `${text}.`; said.hidden = false;
      if (link) parts.five.element.before(said); else stage.insertBefore(said, verdict);
      if (!link) said.scrollIntoView({block: "nearest"});
    };
    bench.show = answer => {
      if (!answer.tasks) show(tab, bench, answer);
      else if (tab.replayed()) show(tab, bench, tab.replayed());             // what the tab arrived with
      else tab.bus.trigger("change", {});
    };
    Object.assign(bench, rooms.search(tab, bench));
    bench.stage.append(tasks,
      E("div", {class: "triple"}, before.element, after.element, truth.element), bench.tools,
      E("div", {class: "buttons"}, ...bench.buttons, bench.save), bench.progress,
      bench.said, bench.verdict, bench.meter, bench.caption, bench.film.element);
    parts.stage.element.replaceChildren(bench.stage);
    bench.paint = painting(tab, bench);
    const doors = Object.entries(tab.names).map(([task, name]) => taskOf(tab, task, name));
    tasks.append(...doors.map(one => one.element));
    listeners.push(() => doors.forEach(one => one.draw(now.recipe)));
    parts.stage.watch("value", () => {
      const answer = parts.stage.props.value, mine = recipe => !!recipe && same(recipe, now.recipe);
      if (answer.tasks || answer.asked && !mine(answer.asked) && !mine(answer.recipe)) return;      // something else
      const drawn = gan.answered(tab, answer);
      if (answer.error) {
        if (now.answer) bench.show(now.answer);
        bench.refuse(answer.error);
      } else if (drawn) {
        const known = tab.replayed();
        bench.show(known && !answer.result ? {...answer, result: known.result} : answer);
      }
    });
    return bench;
  }

  // a task as a button, with the picture that was recorded for it. The picture stays, whatever is done to it; a record
  // is of one picture, and counts where that is the visitor's
  function taskOf(tab, task, name) {
    const known = tab.recorded[task], {now} = tab;
    const icon = known ? E("img", {src: known.before, alt: "", class: task === "enlarge" ? "hard" : ""}) : null;
    const element = E("button", {type: "button", class: "plain task", "data-task": task, onclick: () => {
      const ours = name => known.recipe[name] === now.recipe[name];
      tab.set(known && ["model", "shows", "picture", "label"].every(ours) ? copyOf(known.recipe)
        : {...tab.fresh, task, start: 0, as_is: now.recipe.as_is && task !== "copy"});
    }}, icon, name);
    return {element, draw: recipe => {
      element.classList.toggle("on", recipe.task === task);
      element.setAttribute("aria-pressed", recipe.task === task);
    }};
  }

  function show(tab, bench, answer) {
    const {now} = tab, {stage, before, truth, caption} = bench, {recipe, setup} = answer;
    Object.assign(now, {answer, setup, good: copyOf(recipe)});
    if (now.running && !same(now.running.recipe, recipe)) { bench.stop(); now.running = null; }      // its best is kept
    stage.classList.toggle("large", setup.side >= 256);
    tab.network(setup);
    const enlarged = recipe.task === "enlarge";
    before.show(answer.before, `before: ${answer.alt}`, enlarged);
    truth.show(answer.truth, answer.truth ? "the true picture" : "nobody knows the true picture", false);
    truth.element.hidden = !answer.truth;
    before.label.textContent = enlarged ? `Before: ${setup.observed} x ${setup.observed}` : "Before";
    truth.label.textContent = recipe.shows === "upload" ? "Your picture" : "Truth";
    caption.textContent = answer.caption;
    if (!now.running) found(bench, answer);             // else what is found so far, and its words, stay
    tab.tell();
  }

  // what was found, if anything was
  function found({after, film, verdict, meter, save, press}, {recipe, result}) {
    after.show(result ? result.src : "", result ? `after: ${result.verdict}` : "not restored yet", false);
    after.label.textContent = result ? "After" : `After: press ${press()}`;
    verdict.textContent = result ? result.verdict : ""; verdict.hidden = !result;
    save.hidden = !result || recipe.shows !== "upload";
    meter.textContent = result ? result.meter : ""; meter.hidden = !meter.textContent;
    if (result) save.href = result.src;
    film.show(result);
  }

  // --- beside it: which picture, what happens to it

  function controls(tab, part) {
    const {now, listeners} = tab, {fields, words} = part.props.value, random = count =>
      Math.floor(Math.random() * count);
    const another = button("restore-another", "Another picture",
      () => tab.set({picture: random(now.setup ? now.setup.pictures : 1000), hints: ""}));
    const undo = button("restore-undo", "Undo", () => tab.undo());
    const slots = gan.fieldsOf(tab, fields, words);
    part.element.replaceChildren(...slots.slice(0, 2), E("div", {class: "buttons"}, another,
      button("restore-again", "Another answer", () => tab.set({start: (now.recipe.start + 1) % 1000})), undo,
      button("restore-back", "Back to start", () => tab.set(copyOf(tab.arrival)))),
    E("div", {class: "options"}, ...slots.slice(2)));
    listeners.push(() => {
      another.hidden = now.recipe.shows === "upload";
      undo.hidden = !tab.canUndo();
    });
  }

  // a region or coloured regions, painted over the picture before
  gan.kinds.paint = (tab, {name, says, clear, cleared}) => {
    const clearing = button(`restore-clear-${name}`, clear, () => tab.set({[name]: ""}));
    return {element: E("div", {class: "buttons"}, button(`restore-paint-${name}`, says, () => tab.bench.paint(name)),
      clearing), draw: recipe => { clearing.hidden = recipe[name] === cleared; }};
  };

  function painting(tab, {before, tools, refuse, stage}) {
    const {now} = tab, colours = [], canvas = E("canvas", {class: "brushed", width: 768, height: 768,
      "aria-hidden": true});                        // colours: {hex, bits}, those under the one that is painted with
    before.frame.append(canvas);
    const brush = gan.brush({frame: before.frame, pixelAt: e => gan.pixelAt(before.frame, e),
      active: () => !!now.painting, changed: () => draw()});
    const kinds = gan.brushTools("restore", brush, () => draw(), {id: "restore-width", max: 16, value: 6});
    const any = () => brush.bits.some(bit => bit);
    // another colour: what is painted stays in the last one
    const colour = E("input", {type: "color", id: "restore-colour", value: "#b05a32", "aria-label": "Colour of the hint",
      onchange: () => {
        if (any()) { colours.push({hex: colour.dataset.last, bits: brush.bits}); brush.start(); }
        colour.dataset.last = colour.value;
        draw();
      }});
    colour.dataset.last = colour.value;
    const count = E("span", {class: "caption", role: "status", id: "restore-count"});
    const coloured = E("label", {class: "size"}, "Colour ", colour);
    tools.replaceChildren(E("div", {class: "buttons"}, ...kinds.buttons,
      button("restore-undo-stroke", "Undo stroke", brush.undo),
      button("restore-clear", "Clear", () => { colours.length = 0; brush.clear(); })),
    E("label", {class: "size"}, "Width ", kinds.width), coloured, E("div", {class: "buttons"},
      button("restore-use", "Use it", () => { const why = use(); if (why) refuse(why); }, "first"),
      button("restore-cancel", "Cancel", () => open("")), count));
    function draw() {
      fill(canvas, new Uint8Array(SIDE * SIDE));
      for (const one of colours) fill(canvas, one.bits, 0, one.hex, false);
      if (now.painting === "hints") fill(canvas, brush.bits, 0, colour.value, false);
      else if (now.painting) fill(canvas, brush.bits);
      kinds.mark();
      const number = [brush, ...colours].reduce((sum, one) => sum + one.bits.reduce((a, b) => a + b, 0), 0);
      count.textContent = number ? `${(100 * number / SIDE ** 2).toFixed(1)} % of the picture`
        : "Draw over the picture before.";
    }
    // what is painted becomes part of the recipe, or is refused with the words that this returns
    function use() {
      const draws = "draw over the picture before with a finger or the mouse.";
      if (now.painting === "region") {
        if (!any()) return `No hole is painted yet: ${draws}`;
        tab.set({region: encode([...brush.bits])});
        return "";
      }
      if (any()) { colours.push({hex: colour.value, bits: brush.bits}); brush.start(); }
      if (!colours.length) return `No colour is painted yet: ${draws}`;
      if (colours.length > MOST_COLOURS) return `These are ${colours.length} colours: paint at most ${MOST_COLOURS}.`;
      tab.set({hints: colours.map(one => `${one.hex.slice(1)}.${encode([...one.bits])}`).join("~")});
      return "";
    }
    function open(what) {                           // "region", "hints" or "": nothing
      const {answer, recipe} = now, names = {tabindex: "-1", role: "group",
        "aria-label": "Draw over this picture with a finger or the mouse"};
      now.painting = what;
      tools.hidden = !what; coloured.hidden = what !== "hints";
      stage.classList.toggle("painting", !!what); before.frame.classList.toggle("painting", !!what);
      colours.length = 0;
      if (answer) before.show(what === "region" && answer.truth || answer.before, `before: ${answer.alt}`,
        answer.recipe.task === "enlarge");
      brush.size = +kinds.width.value;
      brush.start(what === "region" && recipe.region ? decode(recipe.region) : null);
      draw();
      for (const [name, text] of Object.entries(names))
        if (what) before.frame.setAttribute(name, text); else before.frame.removeAttribute(name);
      if (!what) return;
      const box = before.element.getBoundingClientRect();
      if (box.top < 0 || box.bottom > innerHeight) before.element.scrollIntoView({block: "start"});
      before.frame.focus({preventScroll: true});
    }
    return open;
  }
})();
