// Restore, in the browser: the bench of bench.html. What was recorded is replayed here; the server is asked when
// somebody presses Start. The search, what is painted, and a visitor's own picture (own.js) are functions of the tab.
(() => {
  const E = gan.element, {button, copyOf, same} = gan, {SIDE, encode, decode, fill} = gan.regions;
  const MOST = 6;                   // colours that are painted as hints

  // The bench as the tab's stage.
  gan.stages.restore = tab => {
    const {now, parts, listeners} = tab, {tasks: recorded = {}, room} = parts.stage.props.value, {fresh, steers} = room;
    Object.assign(now, {running: null, painting: ""});
    Object.assign(tab, room, {recorded,
      replayed: () => Object.values(recorded).find(one => same(one.recipe, {...now.recipe, ...steers}))});
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
      // how far knobs are turned is no other picture
      keep: patch => { Object.assign(now.recipe, patch); now.saved = copyOf(now.recipe); tab.send(); tab.tell(); },
      formed: ({name}) => name === "edit" && (now.recipe.amounts || []).some(amount => amount)
        ? Object.fromEntries(now.recipe.amounts.map((amount, i) => [`knob-${i + 1}`, amount])) : null,
      // a picture of Steer or Paint, as the network draws it before any knob, for that same network to restore
      take: ({model, seed, psi, label}) => {
        const other = model === now.recipe.model ? {} : {...fresh, ...steers};
        tab.set({...other, model, label, shows: "steer", picture: seed, psi, hints: "", own: "", as_is: false});
        parts.stage.element.scrollIntoView({block: "center"});
      },
    });
    controls(tab, parts.controls);
    tab.network = gan.models(tab, {take: ({model, label}) =>
      tab.set({...fresh, ...steers, model, label, shows: "", own: "", as_is: false,
        picture: now.recipe.picture % (now.setup || {pictures: 1e4}).pictures})});
    listeners.push(() => bench.stage.classList.toggle("stale", !tab.current()));
    return bench;
  };

  // --- the bench: before, after, truth

  // a picture with its name under it; `hard` ones are shown with hard pixels, as what they are
  function tileOf(image) {
    const frame = image.parentElement, element = frame.parentElement, label = element.lastChild;
    const show = (src, alt, hard = false) => {
      if (src) image.src = src; else image.removeAttribute("src");
      image.alt = alt;
      image.classList.toggle("hard", hard); frame.classList.toggle("empty", !src);
    };
    return {element, frame, label, show};
  }

  function benchOf(tab) {
    const {now, parts} = tab;
    parts.stage.element.innerHTML = tab.html;
    const stage = parts.stage.element.firstChild, at = name => stage.querySelector(`#restore-${name}`);
    const bench = {stage, at, link: "Link to exactly these settings", press: () => tab.presses[now.recipe.task],
      pressed: (name, act) => at(name).addEventListener("click", () => act()),
      before: tileOf(at("before")), after: tileOf(at("after")), truth: tileOf(at("true-picture"))};
    const said = at("error"), verdict = at("verdict");
    bench.quiet = () => { said.hidden = true; };
    // the sentence stands where it is seen: a link's over the tab, any other under the picture
    bench.refuse = (text, {link = false} = {}) => {
      said.textContent = /[.!?]$/.test(text) ? text : `${text}.`; said.hidden = false;
      if (link) parts.five.element.before(said); else stage.insertBefore(said, verdict);
      if (!link) said.scrollIntoView({block: "nearest"});
    };
    bench.show = answer => {
      if (!answer.tasks) show(tab, bench, answer);
      else if (tab.replayed()) show(tab, bench, tab.replayed());             // what the tab arrived with
      else tab.bus.trigger("change", {});
    };
    bench.film = filmOf(now, bench);
    searching(tab, bench);
    bench.paint = painting(tab, bench);
    stage.querySelector(".tasks").append(...Object.entries(tab.names).map(([task, name]) => taskOf(tab, task, name)));
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
      const knobs = Object.fromEntries(Object.keys(tab.steers).map(name => [name, now.recipe[name]]));
      tab.set(known && ["model", "shows", "picture", "label"].every(ours) ? {...copyOf(known.recipe), ...knobs}
        : {...tab.fresh, task, start: 0, as_is: now.recipe.as_is && task !== "copy"});
    }}, icon, name);
    tab.listeners.push(() => {
      element.classList.toggle("on", now.recipe.task === task);
      element.setAttribute("aria-pressed", now.recipe.task === task);
    });
    return element;
  }

  function show(tab, {stage, at, before, after, truth, film, press, stop}, answer) {
    const {now} = tab, {recipe, setup, result} = answer, enlarged = recipe.task === "enlarge";
    const own = recipe.shows === "upload", verdict = at("verdict"), meter = at("meter"), save = at("save");
    Object.assign(now, {answer, setup, good: copyOf(recipe)});
    if (now.running && !same(now.running.recipe, recipe)) { stop(); now.running = null; }            // its best is kept
    stage.classList.toggle("large", setup.side >= 256);
    tab.network(setup); gan.limits("restore", setup);
    before.show(answer.before, `before: ${answer.alt}`, enlarged);
    truth.show(answer.truth, answer.truth ? "the true picture" : "nobody knows the true picture");
    truth.element.hidden = !answer.truth;
    before.label.textContent = enlarged ? `Before: ${setup.observed} x ${setup.observed}` : "Before";
    truth.label.textContent = own ? "Your picture" : "Truth";
    at("caption").textContent = answer.caption;
    if (!now.running) {                             // else what is found so far, and its words, stay
      const found = result || {src: "", verdict: "", meter: ""};
      after.show(found.src, result ? `after: ${found.verdict}` : "not restored yet");
      after.label.textContent = result ? "After" : `After: press ${press()}`;
      verdict.textContent = found.verdict; verdict.hidden = !result;
      meter.textContent = found.meter; meter.hidden = !found.meter;
      save.hidden = !result || !own; if (result) save.href = found.src;
      film.show(result);
    }
    tab.tell();
  }

  // --- its search: begun, watched and stopped; afterwards its film, its loss, and how much each code counts

  function searching(tab, bench) {
    const {bus, now, parts, listeners} = tab, {stage, at, pressed, after, film} = bench;
    const go = at("begin"), stopper = at("stop"), found = at("found"), progress = at("progress");
    const [meter, saying] = progress.children;
    bench.begin = () => {
      bench.quiet();
      if (!tab.current()) return;
      now.running = {key: JSON.stringify(now.recipe) + Math.random(), recipe: copyOf(now.recipe)};
      meter.value = 0; saying.textContent = "Beginning …";
      after.show("", "nothing is found yet"); after.label.textContent = "So far";
      film.soFar("");
      bus.trigger("start", {key: now.running.key});
      tab.tell();
    };
    bench.stop = () => { bus.trigger("stop", {kind: "search"}); saying.textContent = "Stopping …"; };
    pressed("begin", bench.begin);
    pressed("stop", bench.stop);
    function hear(news) {
      if (news.error || news.ended || news.done) now.running = null;
      if (news.error || news.ended) {               // without a picture: what stood before stands again
        if (now.answer) bench.show(now.answer);
        if (news.error || news.says) bench.refuse(news.error || news.says);
      } else if (news.done) {
        if (same(news.done.recipe, now.recipe)) bench.show(news.done);
      } else {
        saying.textContent = news.says; meter.value = news.share || 0;
        if (news.src) { after.show(news.src, `the picture so far: ${news.says}`); film.soFar(news.watched); }
      }
      tab.tell();
    }
    parts.run.hear(news => { if (now.running && news.key === now.running.key) hear(news); });
    listeners.push(() => {
      const result = tab.current() && now.answer.result;
      const ready = result && !result.stopped && !tab.replayed() && !now.running;
      go.textContent = bench.press(); go.disabled = !tab.current();
      go.hidden = !!now.running || ready; found.hidden = !ready;
      stopper.hidden = progress.hidden = !now.running;
      stage.classList.toggle("searching", !!now.running);
    });
  }

  // the slider through the film of the search, which lies over the picture after; the rest is the server's HTML
  function filmOf(now, {stage, after}) {
    const canvas = after.frame.querySelector("canvas"), film = gan.film(canvas);
    const element = stage.querySelector(".watched");
    let loaded = "";
    function scrubbed() {
      const result = now.answer && now.answer.result, scrub = element.querySelector("input");
      if (!result || !scrub || !film.ready()) return;
      const share = +scrub.value, step = result.film_steps[Math.round(share * (result.film_steps.length - 1))];
      film.draw(share); canvas.hidden = share >= 1;
      element.querySelector("output").textContent = `step ${step} of ${result.steps}`;
      const {points} = element.querySelector("polyline") || {}, dot = element.querySelector("circle");
      if (!points) return;
      const {x, y} = points[Math.round(Math.min(1, step / Math.max(1, result.steps)) * (points.length - 1))];
      dot.setAttribute("cx", x); dot.setAttribute("cy", y);
    }
    element.addEventListener("input", scrubbed);
    return {
      soFar: html => { canvas.hidden = true; element.hidden = false; element.innerHTML = html; },
      show: result => {
        canvas.hidden = true; element.hidden = !result;
        if (!result) return;
        if (loaded !== result.film || !element.querySelector("input")) element.innerHTML = result.watched;
        if (loaded === result.film) return scrubbed();
        loaded = result.film;
        film.load(result.film, result.film_steps.length).then(scrubbed).catch(() => {});
      },
    };
  }

  // --- beside it: which picture, what happens to it

  function controls(tab, part) {
    const {now, listeners} = tab, {fields, words} = part.props.value;
    const pictures = () => now.setup ? now.setup.pictures : 1000;
    const another = button("restore-another", "Another picture",
      () => tab.set({picture: Math.floor(Math.random() * pictures()), hints: ""}));
    const undo = button("restore-undo", "Undo", () => tab.undo());
    const slots = gan.fieldsOf(tab, fields, words);
    part.element.replaceChildren(...slots.slice(0, 2), E("div", {class: "buttons"}, another,
      button("restore-again", "Another answer", () => tab.set({start: (now.recipe.start + 1) % 1000})), undo,
      button("restore-back", "Back to start", () => tab.set(copyOf(tab.arrival)))),
    E("div", {class: "options"}, ...slots.slice(2)));
    listeners.push(() => {
      another.hidden = !(now.setup && now.setup.controls.picture);
      undo.hidden = !tab.canUndo();
    });
  }

  // a region or coloured regions, painted over the picture before
  gan.kinds.paint = (tab, {name, says, clear, cleared}) => {
    const clearing = button(`restore-clear-${name}`, clear, () => tab.set({[name]: ""}));
    return {element: E("div", {class: "buttons"}, button(`restore-paint-${name}`, says, () => tab.bench.paint(name)),
      clearing), draw: recipe => { clearing.hidden = recipe[name] === cleared; }};
  };

  function painting(tab, {at, pressed, before, refuse, stage}) {
    const {now} = tab, colours = [], tools = at("tools"), canvas = before.frame.querySelector("canvas");
    const colour = at("colour"), count = at("count"), [kindsOf, widthOf, coloured] = tools.children;
    const brush = gan.brush({frame: before.frame, pixelAt: e => gan.pixelAt(before.frame, e),
      active: () => !!now.painting, changed: () => draw()});
    const kinds = gan.brushTools("restore", brush, () => draw(), {id: "restore-width", max: 16, value: 6});
    kindsOf.prepend(...kinds.buttons); widthOf.append(kinds.width);
    const any = () => brush.bits.some(bit => bit);
    // what is painted stays in its colour; colours: {hex, bits}, those under the one that is painted with
    const keep = hex => { if (any()) { colours.push({hex, bits: brush.bits}); brush.start(); } };
    let last = colour.value;
    colour.addEventListener("change", () => { keep(last); last = colour.value; draw(); });
    pressed("undo-stroke", brush.undo);
    pressed("clear", () => { colours.length = 0; brush.clear(); });
    pressed("use", use);
    pressed("cancel", () => open(""));
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
    // what is painted becomes part of the recipe, or is refused
    function use() {
      const hole = now.painting === "region", draws = "draw over the picture before with a finger or the mouse.";
      if (!hole) keep(colour.value);
      if (hole ? !any() : !colours.length) refuse(`No ${hole ? "hole" : "colour"} is painted yet: ${draws}`);
      else if (colours.length > MOST) refuse(`These are ${colours.length} colours: paint at most ${MOST}.`);
      else tab.set(hole ? {region: encode([...brush.bits])}
        : {hints: colours.map(one => `${one.hex.slice(1)}.${encode([...one.bits])}`).join("~")});
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

  // --- how far the knobs are turned that edit what was restored stands in the recipe, and so in its code

  gan.drawn.kept_knobs = (tab, result) => {
    if (result.keeps) return;
    result.keeps = true;
    result.addEventListener("change", () => {
      const turned = [...result.querySelectorAll("input[name^=knob-]")].map(one => +one.value);
      if (!result.classList.contains("stale")) tab.keep({amounts: tab.steers.amounts.map((_, i) => turned[i] || 0)});
    });
  };

  // --- five answers: which comes closest to the picture under the flap? Pressing one is a guess

  gan.drawn.flap = (tab, result) => {
    const five = result.querySelector(".five"), truth = result.querySelector("[data-truth]");
    const says = name => { document.getElementById(`${tab.name}-${name}`).textContent = five.dataset[name]; };
    ["sentence", "lead"].forEach(says);              // those of the answers on screen, not of the bench
    const lift = chosen => {
      if (!truth.dataset.truth) return;
      const image = truth.querySelector("img");
      Object.assign(image, {src: truth.dataset.truth, alt: "the real picture"});
      truth.classList.remove("empty"); truth.querySelector(".flap").remove(); truth.dataset.truth = "";
      truth.parentElement.querySelector("figcaption").textContent = "The real one";
      result.querySelector(".verdict").textContent = chosen.dataset.says;
      result.querySelectorAll(".lifted").forEach(one => { one.hidden = false; });
      for (const answer of five.querySelectorAll("[data-close]")) {
        for (const name of ["tabindex", "role", "aria-label"]) answer.removeAttribute(name);
        answer.parentElement.querySelector("figcaption").textContent = answer.dataset.close;
      }
      if (chosen.dataset.close) chosen.parentElement.classList.add("guessed");
    };
    for (const one of five.querySelectorAll("[data-says]")) gan.onPress(one, () => lift(one));
  };
})();
