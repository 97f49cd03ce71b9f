// Restore's bench: the picture before and after, the search that leads from one to the other, what is painted over it.
(() => {
  const E = gan.element, {button, copyOf, same} = gan, {SIDE, encode, decode, fill} = gan.regions;
  const rooms = gan.rooms.restore;
  const MOST_COLOURS = 6;
  const PRESS = {enlarge: "Enlarge it", colour: "Colour it", fill: "Fill the hole", noise: "Clean it", copy: "Copy it"};

  rooms.bench = tab => {
    const bench = standing();
    bench.film = filmOf(tab.now, bench.after);
    bench.search = searchOf(tab, bench);
    bench.stage.append(bench.tasks,
      E("div", {class: "triple"}, bench.before.element, bench.after.element, bench.truth.element), bench.tools,
      E("div", {class: "buttons"}, ...bench.search.buttons, bench.save), bench.search.progress,
      bench.said, bench.verdict, bench.meter, bench.caption, bench.film.element);
    tab.parts.stage.element.replaceChildren(bench.stage);
    bench.quiet = () => { bench.said.hidden = true; };
    bench.show = answer => show(tab, bench, answer);
    bench.drawTasks = () =>
      bench.tasks.replaceChildren(...Object.entries(tab.names).map(([task, name]) => taskOf(tab, task, name)));
    // the sentence stands where it is seen: a link's over the tab, any other under the picture
    bench.refuse = (text, {link = false} = {}) => {
      const {said, stage, verdict} = bench;
      said.textContent = /[.!?]$/.test(text) ? text : `${text}.`; said.hidden = false;
      if (link) tab.parts.five.element.prepend(said); else stage.insertBefore(said, verdict);
      tab.tell();
      if (!link) said.scrollIntoView({block: "nearest"});
    };
    tab.parts.stage.watch("value", () => heard(tab, bench));
    return bench;
  };

  // what stands on the bench, and the words under it
  function standing() {
    const before = rooms.tile("Before", "restore-before"), after = rooms.tile("After", "restore-after");
    const truth = rooms.tile("Truth", "restore-true-picture");
    const paint = E("canvas", {class: "brushed", width: 768, height: 768, "aria-hidden": true});
    before.frame.append(paint);
    return {
      before, after, truth, paint,
      stage: E("div", {class: "restoring"}),
      tasks: E("div", {class: "tasks", role: "group", "aria-label": "What happened to the picture"}),
      tools: E("div", {class: "tools", id: "restore-tools", hidden: true}),
      save: E("a", {class: "plain-link", id: "restore-save", download: "restored.webp", hidden: true}, "Save"),
      said: E("p", {class: "said", id: "restore-error", role: "alert", hidden: true}),
      verdict: E("p", {class: "verdict", id: "restore-verdict", role: "status"}),
      meter: E("p", {class: "caption", id: "restore-meter", hidden: true}),
      caption: E("p", {class: "caption", id: "restore-caption"}),
    };
  }

  // a task as a button, with the picture that was recorded for it
  function taskOf(tab, task, name) {
    const known = tab.recorded[task], on = tab.now.recipe.task === task;
    const icon = known ? E("img", {src: known.before, alt: "", class: task === "enlarge" ? "hard" : ""}) : null;
    return E("button", {type: "button", class: `plain task ${on ? "on" : ""}`, "data-task": task, "aria-pressed": on,
      onclick: () => tab.chooseTask(task)}, icon, name);
  }

  // --- the search as a film, with its loss and how much each code counts

  function filmOf(now, after) {
    const canvas = E("canvas", {class: "film", hidden: true, "aria-hidden": true}), film = gan.film(canvas);
    after.frame.append(canvas);
    const scrub = E("input", {type: "range", id: "restore-film", min: 0, max: 1, step: 0.01, value: 1,
      "aria-label": "The search from its start to its end", oninput: () => scrubbed(+scrub.value)});
    const says = E("output", {for: "restore-film"}), shares = sharesOf();
    const curve = E("canvas", {class: "curve", width: 1280, height: 120, role: "img",
      "aria-label": "The loss after each step, on a logarithmic scale"});
    const element = E("div", {class: "watched"},
      E("div", {class: "field"}, E("label", {for: "restore-film"}, "Watch it being found"), scrub, says), curve,
      E("p", {class: "caption"}, "How far it is from what was observed, after each step"), shares.bars, shares.says);
    function scrubbed(share) {
      const result = now.answer && now.answer.result;
      if (!result || !film.ready()) return;
      film.draw(share); canvas.hidden = share >= 1;
      const step = result.film_steps[Math.round(share * (result.film_steps.length - 1))];
      says.textContent = `step ${step} of ${result.steps}`;
      drawCurve(curve, result.curve, step / Math.max(1, result.steps));
    }
    function load(result) {
      now.film = result.film; scrub.value = 1;
      film.load(result.film, result.film_steps.length).then(() => scrubbed(+scrub.value)).catch(() => {});
    }
    return {
      element,
      begin: () => { canvas.hidden = true; element.hidden = false; drawCurve(curve, null, 1); },
      soFar: losses => drawCurve(curve, losses, 1),
      show: result => {
        canvas.hidden = true; element.hidden = !result;
        if (!result) return;
        if (now.film !== result.film) load(result); else scrubbed(+scrub.value);
        shares.draw(result.importance);
      },
    };
  }

  // the loss after each step, on a scale of powers of ten, with a dot at the share `at` of its way
  function drawCurve(canvas, curve, at) {
    const pen = canvas.getContext("2d"), wide = canvas.width, high = canvas.height, ink = getComputedStyle(canvas);
    pen.clearRect(0, 0, wide, high);
    if (!curve || curve.length < 2) return;
    const logs = curve.map(value => Math.log10(Math.max(value, 1e-9)));
    const top = Math.max(...logs), low = Math.min(...logs), span = Math.max(top - low, 1e-6);
    const x = i => 3 + i / (curve.length - 1) * (wide - 6), y = value => 6 + (top - value) / span * (high - 12);
    pen.lineWidth = 3; pen.strokeStyle = ink.color; pen.beginPath();
    logs.forEach((value, i) => i ? pen.lineTo(x(i), y(value)) : pen.moveTo(x(i), y(value)));
    pen.stroke();
    const place = Math.round(Math.min(Math.max(at, 0), 1) * (curve.length - 1));
    pen.fillStyle = ink.color; pen.beginPath(); pen.arc(x(place), y(logs[place]), 7, 0, 7); pen.fill();
  }

  function sharesOf() {
    const bars = E("div", {class: "shares", role: "img"}), says = E("p", {class: "caption", id: "restore-shares-says"});
    const bar = height => { const made = E("span"); made.style.height = `${height}%`; return made; };
    const draw = importance => {
      const most = Math.max(...importance), percents = importance.map(share => Math.round(100 * share));
      const least = Math.min(...percents), highest = Math.max(...percents), many = importance.length;
      bars.replaceChildren(...importance.map(share => bar(100 * share / most)));
      bars.setAttribute("aria-label", `How much each code counts, in per cent: ${percents.join(", ")}`);
      says.textContent = many > 1 ? `How much each of the ${many} codes counts: `
        + (least === highest ? `about ${least} %` : `${least} to ${highest} %`) : "One code makes the picture.";
    };
    return {bars, says, draw};
  }

  // --- the search: one at a time

  function searchOf(tab, bench) {
    const {bus, now, parts, listeners} = tab, {after, film} = bench;
    const go = button("restore-start", "Start", () => begin(), "first");
    const stopper = button("restore-stop", "Stop and keep the best", () => stop());
    const found = E("span", {class: "caption", id: "restore-found", hidden: true},
      "Found. For another one from another start, press Another answer.");
    const meter = E("progress", {max: 1, value: 0, "aria-label": "Steps made"}), saying = E("span");
    const progress = E("p", {class: "progress", id: "restore-progress", role: "status"}, meter, saying);
    progress.hidden = stopper.hidden = true;
    function begin() {
      bench.quiet();
      if (!tab.current()) return;
      now.running = {key: rooms.keyOf(now.recipe) + Math.random(), recipe: copyOf(now.recipe)};
      meter.value = 0; saying.textContent = "Beginning …";
      after.show("", "nothing is found yet", false); after.label.textContent = "So far";
      film.begin();
      bus.trigger("start", {key: now.running.key});
      tab.tell();
    }
    function stop() { bus.trigger("stop", {kind: "search"}); saying.textContent = "Stopping …"; }
    function ended(text = "") {                         // without a picture: what stood before stands again
      now.running = null;
      if (now.answer) bench.show(now.answer);
      if (text) bench.refuse(text); else tab.tell();
    }
    function hear(news) {
      if (news.error || news.ended) { ended(news.error || news.says); return; }
      if (news.done) {
        now.running = null;
        if (same(news.done.recipe, now.recipe)) bench.show(news.done);
      } else {
        saying.textContent = news.says; meter.value = news.share || 0;
        if (news.src) { after.show(news.src, `the picture so far: ${news.says}`, false); film.soFar(news.curve); }
      }
      tab.tell();
    }
    parts.run.watch("value", () => {
      const news = parts.run.props.value;
      if (news && news.key === "link" && news.error) bench.refuse(news.error, {link: true});
      else if (news && now.running && news.key === now.running.key) hear(news);
    });
    listeners.push(() => {
      const result = tab.current() && now.answer.result;
      const ready = result && !result.stopped && !tab.replayed() && !now.running;
      go.textContent = PRESS[now.recipe.task]; go.disabled = !tab.current();
      go.hidden = !!now.running || ready; found.hidden = !ready;
      stopper.hidden = progress.hidden = !now.running;
      bench.stage.classList.toggle("searching", !!now.running);
    });
    return {buttons: [go, stopper, found], progress, begin, stop};
  }

  // --- the answer to the recipe

  function heard(tab, bench) {
    const {bus, now, parts, undo} = tab, answer = parts.stage.props.value;
    if (answer.error) {
      if (!same(answer.asked, now.recipe)) return;                // something else was wanted since
      now.recipe = copyOf(now.good); bus.props.value = copyOf(now.good);
      if (undo.length && same(undo[undo.length - 1], now.good)) undo.pop();
      if (now.answer) bench.show(now.answer);
      now.refused = true; bench.refuse(answer.error); now.refused = false;
      return;
    }
    if (!answer.recipe || !(same(answer.asked, now.recipe) || same(answer.recipe, now.recipe))) return;
    now.recipe = copyOf(answer.recipe);
    const known = tab.replayed();
    bench.show(known && !answer.result ? {...answer, result: known.result} : answer);
  }

  function show(tab, bench, answer) {
    const {now} = tab, {stage, search} = bench;
    now.answer = answer; now.good = copyOf(answer.recipe);
    if (now.running && !same(now.running.recipe, answer.recipe)) {
      search.stop(); now.running = null;                // its best is kept
    }
    stage.classList.remove("stale");
    stage.classList.toggle("large", answer.setup.side >= 256);
    tab.network(answer.setup);
    drawGiven(bench, answer);
    if (!now.running) drawFound(bench, answer);         // else what is found so far, and its words, stay
    tab.tell();
  }

  // what is given: the picture before, and the truth where somebody knows it
  function drawGiven({before, truth, caption, paint}, answer) {
    const {recipe, setup} = answer, enlarged = recipe.task === "enlarge";
    before.show(answer.before, `before: ${answer.alt}`, enlarged);
    truth.show(answer.truth, answer.truth ? "the true picture" : "nobody knows the true picture", false);
    truth.element.hidden = !answer.truth;
    before.label.textContent = enlarged ? `Before: ${setup.observed} x ${setup.observed}` : "Before";
    truth.label.textContent = recipe.shows === "upload" ? "Your picture" : "Truth";
    caption.textContent = answer.caption;
    fill(paint, new Uint8Array(SIDE * SIDE));
  }

  // what was found, if anything was
  function drawFound({after, film, verdict, meter, save}, {recipe, result}) {
    const measured = result && result.meter;
    after.show(result ? result.src : "", result ? `after: ${result.verdict}` : "not restored yet", false);
    after.label.textContent = result ? "After" : `After: press ${PRESS[recipe.task]}`;
    verdict.textContent = result ? result.verdict : ""; verdict.hidden = !result;
    save.hidden = !result || recipe.shows !== "upload";
    meter.hidden = !measured; meter.textContent = measured ? measured.says : "";
    if (result) save.href = result.src;
    film.show(result);
  }

  // --- painting: a hole, or colours as hints

  rooms.painting = tab => {
    const {bench, now} = tab, {before, paint, tools, refuse} = bench;
    const colours = [];                             // {hex, bits}, those under the one that is painted with
    const brush = gan.brush({frame: before.frame, pixelAt: e => gan.pixelAt(before.frame, e),
      active: () => !!now.painting, changed: draw});
    const use = () => { const words = used(tab, brush, colours, colour.value); if (words) refuse(words); };
    const {kinds, colour, colourField, count} = toolsOf(tools, brush, colours, {draw, use, open});
    function draw() {
      fill(paint, new Uint8Array(SIDE * SIDE));
      if (now.painting === "hints") {
        for (const one of colours) fill(paint, one.bits, 0, one.hex, false);
        fill(paint, brush.bits, 0, colour.value, false);
      } else if (now.painting) fill(paint, brush.bits);
      kinds.mark();
      const number = [brush, ...colours].reduce((sum, one) => sum + one.bits.reduce((a, b) => a + b, 0), 0);
      count.textContent = number ? `${(100 * number / SIDE ** 2).toFixed(1)} % of the picture`
        : "Draw over the picture before.";
    }
    function open(what) {                           // "hole", "hints" or "": nothing
      now.painting = what;
      tools.hidden = !what; colourField.hidden = what !== "hints";
      bench.stage.classList.toggle("painting", !!what); before.frame.classList.toggle("painting", !!what);
      colours.length = 0;
      if (now.answer) {
        const {answer} = now, src = what === "hole" && answer.truth || answer.before;
        before.show(src, `before: ${answer.alt}`, answer.recipe.task === "enlarge");
      }
      brush.size = +kinds.width.value;
      brush.start(what === "hole" && now.recipe.region ? decode(now.recipe.region) : null);
      draw();
      focusable(before.frame, !!what);
      if (what) inSight(before.element, before.frame);
    }
    return {open};
  };

  function toolsOf(tools, brush, colours, {draw, use, open}) {
    const kinds = gan.brushTools("restore", brush, draw, {id: "restore-width", max: 16, value: 6});
    // another colour: what is painted stays in the last one
    const keep = () => {
      if (brush.bits.some(bit => bit)) { colours.push({hex: colour.dataset.last, bits: brush.bits}); brush.start(); }
      colour.dataset.last = colour.value;
      draw();
    };
    const colour = E("input", {type: "color", id: "restore-colour", value: "#b05a32",
      "aria-label": "Colour of the hint", onchange: keep});
    colour.dataset.last = colour.value;
    const count = E("span", {class: "caption", role: "status", id: "restore-count"});
    const colourField = E("label", {class: "size"}, "Colour ", colour);
    const clear = button("restore-clear", "Clear", () => { colours.length = 0; brush.clear(); });
    tools.replaceChildren(
      E("div", {class: "buttons"}, ...kinds.buttons, button("restore-undo-stroke", "Undo stroke", brush.undo), clear),
      E("label", {class: "size"}, "Width ", kinds.width), colourField,
      E("div", {class: "buttons"}, button("restore-use", "Use it", use, "first"),
        button("restore-cancel", "Cancel", () => open("")), count));
    return {kinds, colour, colourField, count};
  }

  // what is painted becomes part of the recipe, or is refused with the words that this returns
  function used(tab, brush, colours, hex) {
    const any = brush.bits.some(bit => bit);
    if (tab.now.painting === "hole") {
      if (!any) return "No hole is painted yet: draw over the picture before with a finger or the mouse.";
      tab.set({region: encode([...brush.bits])});
      return "";
    }
    if (any) colours.push({hex, bits: brush.bits});
    if (!colours.length) return "No colour is painted yet: draw over the picture before with a finger or the mouse.";
    if (colours.length > MOST_COLOURS) return `These are ${colours.length} colours: paint at most ${MOST_COLOURS}.`;
    tab.set({hints: colours.map(one => `${one.hex.slice(1)}.${encode([...one.bits])}`).join("~")});
    return "";
  }

  function focusable(frame, on) {
    const names = {tabindex: "-1", role: "group", "aria-label": "Draw over this picture with a finger or the mouse"};
    for (const [name, text] of Object.entries(names)) on ? frame.setAttribute(name, text) : frame.removeAttribute(name);
  }

  function inSight(element, focused) {
    const box = element.getBoundingClientRect();
    if (box.top < 0 || box.bottom > innerHeight) element.scrollIntoView({block: "start"});
    focused.focus({preventScroll: true});
  }
})();
