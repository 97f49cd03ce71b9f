// Restore, in the browser: one recipe; what was recorded is replayed here, and the server is asked when somebody presses Start.
(() => {
  const NEEDED = ["recipe", "base", "run", "five", "stage", "controls", "models", "layers", "mug", "edit", "own"];
  const {SIDE, encode, decode, fill} = gan.regions;
  const MOST_COLOURS = 6, LARGEST_FILE = 20 * 2 ** 20;
  const RESET = {kind: "", amount: 0, region: "", hints: "", keep: null, codes: 0, layer: -1, steps: 0, optimiser: "", loss: ""};
  const KINDS = {box: "means of blocks", bicubic: "bicubic", middle: "middle pixels, as published", specks: "lost pixels, known which", gaussian: "noise everywhere"};
  const PRESS = {enlarge: "Enlarge it", colour: "Colour it", fill: "Fill the hole", noise: "Clean it", copy: "Copy it"};
  const copyOf = value => JSON.parse(JSON.stringify(value));
  const E = gan.element;
  const button = (id, text, onclick, kind = "") => E("button", {id, type: "button", class: `plain ${kind}`, onclick}, text);
  const keyOf = recipe => JSON.stringify(recipe);

  // a picture with its name under it; `small` ones are shown with hard pixels, as what they are
  function tile(name, id) {
    const image = E("img", {alt: "", draggable: false, id}), label = E("figcaption", {}, name), frame = E("div", {class: "seen"}, image);
    return {element: E("figure", {class: "restore-tile"}, frame, label), frame, image, label,
      show: (src, alt, hard) => { if (src) image.src = src; else image.removeAttribute("src"); image.alt = alt; image.classList.toggle("hard", !!hard); frame.classList.toggle("empty", !src); }};
  }

  // the loss after each step, on a scale of powers of ten
  function drawCurve(canvas, curve, at) {
    const pen = canvas.getContext("2d"), wide = canvas.width, high = canvas.height, ink = getComputedStyle(canvas);
    pen.clearRect(0, 0, wide, high);
    if (!curve || curve.length < 2) return;
    const logs = curve.map(value => Math.log10(Math.max(value, 1e-9))), top = Math.max(...logs), low = Math.min(...logs), span = Math.max(top - low, 1e-6);
    const x = i => 3 + i / (curve.length - 1) * (wide - 6), y = value => 6 + (top - value) / span * (high - 12);
    pen.lineWidth = 3; pen.strokeStyle = ink.color; pen.beginPath();
    logs.forEach((value, i) => i ? pen.lineTo(x(i), y(value)) : pen.moveTo(x(i), y(value)));
    pen.stroke();
    const place = Math.round(Math.min(Math.max(at, 0), 1) * (curve.length - 1));
    pen.fillStyle = ink.color; pen.beginPath(); pen.arc(x(place), y(logs[place]), 7, 0, 7); pen.fill();
  }

  function start(parts) {
    const bus = parts.recipe, stageValue = parts.stage.props.value || {}, recorded = stageValue.tasks || {}, names = stageValue.names;
    const arrival = copyOf(recorded.enlarge ? recorded.enlarge.recipe : bus.props.value);
    const now = {recipe: copyOf(bus.props.value), good: copyOf(arrival), answer: null, running: null, refused: false, painting: "", own: null, film: ""};
    const listeners = [], undo = [], forgets = [];      // forgets: what shows an own picture, once that is deleted
    const tell = () => listeners.forEach(listener => listener());
    const setup = () => now.answer && now.answer.setup;
    const current = () => now.answer && gan.same(now.answer.recipe, now.recipe);

    // --- the recipe

    function set(patch, {whole = false} = {}) {
      undo.push(copyOf(now.recipe));
      now.recipe = whole ? copyOf(patch) : {...now.recipe, ...patch};
      said.hidden = true;
      painting("");
      bus.props.value = copyOf(now.recipe);
      if (replayed()) show(replayed()); else { stage.classList.add("stale"); }
      tell();
    }
    const replayed = () => Object.values(recorded).find(one => gan.same(one.recipe, now.recipe));
    // a picture of Steer or Paint, as the network draws it before any knob, to be damaged and restored by that same network
    const take = ({model, seed, psi, label}) => {
      set({...(model === now.recipe.model ? {} : RESET), model, label, shows: "steer", picture: seed, psi, hints: "", own: "", as_is: false});
      parts.stage.element.scrollIntoView({block: "center"});
    };
    // the picture stays, whatever is done to it; a record is of one picture, and counts where that is the visitor's
    const chooseTask = task => {
      const known = recorded[task];
      if (known && ["model", "shows", "picture", "label"].every(name => known.recipe[name] === now.recipe[name])) return set(known.recipe, {whole: true});
      set({...RESET, task, start: 0, as_is: now.recipe.as_is && task !== "copy"});
    };
    bus.watch("value", () => {                      // set by the server: a link
      if (gan.same(bus.props.value, now.recipe)) return;
      now.recipe = copyOf(bus.props.value); stage.classList.add("stale"); tell();
      if (stage.offsetParent) stage.scrollIntoView({block: "start"});
    });

    // --- which comes closest? All words belong to the answers on screen: those of `shown`

    const five = (() => {
      const element = parts.five.element, value = () => parts.five.props.value || {};
      const mosaic = tile("", "restore-mosaic"), faces = Array.from({length: 5}, (_, i) => tile(`Answer ${i + 1}`, `restore-face-${i + 1}`)), truth = tile("The real one", "restore-real");
      const cover = E("button", {type: "button", id: "restore-flap", class: "flap", onclick: () => lift(true)}, "Lift the flap");
      const verdict = E("p", {class: "verdict", id: "restore-five-verdict", role: "status"}), says = E("p", {class: "caption", id: "restore-five-says", role: "status"});
      const more = button("restore-five-go", "", () => ask(base || now.recipe, base ? (shown.first || 0) + 5 : 0));
      const stop = button("restore-five-stop", "Stop", () => { if (asked) bus.trigger("stop", {kind: "five"}); });
      const another = button("restore-five-other", "The picture on the bench instead", () => ask(now.recipe, 0));
      const rows = E("div", {class: "five"}, mosaic.element, ...faces.map(one => one.element), truth.element);
      const opening = value();
      let shown = opening, whole = opening, base = opening.recipe || null, asked = "", wanted = null, said = "", lifted = false, guess = 0;
      function ask(recipe, first) {
        wanted = copyOf(recipe); said = "";
        asked = keyOf(wanted) + Math.random();
        bus.trigger("five", {key: asked, first, recipe: wanted}); draw();
      }
      faces.forEach((one, i) => {
        const choose = () => { if (one.frame.tabIndex === 0) { guess = i + 1; lift(true); } };
        one.frame.addEventListener("click", choose);
        one.frame.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); choose(); } });
      });
      function lift(on) { lifted = on; if (!on) guess = 0; draw(); }
      function back() { shown = whole; base = whole === opening ? opening.recipe || null : whole.of; lift(false); }
      function words() {
        for (const [id, text] of [["restore-sentence", shown.sentence], ["restore-lead", shown.lead]]) if (text) document.getElementById(id).textContent = text;
        mosaic.label.textContent = shown.label || "What is left";
        if (!shown.verdict) return "";
        if (!shown.flap) return shown.verdict;
        if (!lifted) return `${shown.agreement || ""} Tap the one that you think comes closest.`.trim();
        const decibels = i => `answer ${i + 1}, ${shown.closeness[i].toFixed(1)} dB`, best = shown.closeness.indexOf(Math.max(...shown.closeness));
        const chosen = guess === best + 1 ? `You chose the closest: ${decibels(best)}.` : `${guess ? `You chose ${decibels(guess - 1)}. ` : ""}Closest: ${decibels(best)}.`;
        return `${chosen} None of the five is real. ${shown.verdict}`;
      }
      function draw() {
        const bare = !shown.faces && !shown.sentence, closeness = shown.closeness && (lifted || !shown.flap) ? shown.closeness : [];
        element.classList.toggle("waiting", bare); rows.classList.toggle("flapless", shown.flap === false);
        verdict.textContent = words(); verdict.hidden = !verdict.textContent;
        mosaic.show(shown.observed || "", "what is left of the picture", shown.hard);
        faces.forEach((one, i) => {
          const src = shown.faces && shown.faces[i], open = !!src && !!shown.truth && !lifted;
          one.show(src, `answer ${i + 1} of five`, false);
          if (open) { one.frame.tabIndex = 0; one.frame.setAttribute("role", "button"); one.frame.setAttribute("aria-label", `Answer ${i + 1}: does it come closest to the real one?`); }
          else for (const name of ["tabindex", "role", "aria-label"]) one.frame.removeAttribute(name);
          one.element.classList.toggle("guessed", guess === i + 1);
          one.label.textContent = closeness.length ? `${closeness[i].toFixed(1)} dB` : `Answer ${i + 1}`;
        });
        truth.show(lifted ? shown.truth : "", lifted ? "the real picture" : "", false);
        truth.element.hidden = shown.flap === false;
        cover.hidden = lifted || !shown.truth;
        truth.label.textContent = lifted ? "The real one" : shown.truth ? "Under the flap" : "The real one";
        says.textContent = asked ? shown.key === asked && shown.says ? shown.says : "Finding five answers \u2026" : said;
        more.textContent = base ? "Five more answers" : "Find five answers";
        more.disabled = !!asked; stop.hidden = !asked;
        another.hidden = !!asked || !base || gan.same(base, now.recipe);
      }
      parts.five.watch("value", () => {
        const news = value();
        if (news.key !== asked) return;                 // another five were wanted since
        if (news.error || news.ended && !(news.faces && news.faces.length)) {
          asked = ""; said = news.error || "Stopped before the first answer.";
          back(); return;
        }
        if (shown.key !== asked) { lifted = false; guess = 0; }
        shown = {...news, of: wanted}; base = wanted;
        if (!news.partial) { asked = ""; whole = shown; said = news.ended ? `Stopped after ${news.faces.length} of 5.` : ""; }
        draw();
      });
      element.replaceChildren(rows, verdict,
        E("div", {class: "buttons"}, more, stop, another, says));
      truth.frame.append(cover);
      listeners.push(draw);
      forgets.push(() => { if (base && base.shows === "upload") { whole = opening; asked = ""; said = ""; back(); } });
      return {lift};
    })();

    // --- the bench: before, after, truth; progress; the search as a film; curve and importances

    const before = tile("Before", "restore-before"), after = tile("After", "restore-after"), truth = tile("Truth", "restore-true-picture");
    const paint = E("canvas", {class: "brushed", width: 768, height: 768, "aria-hidden": true}), filmCanvas = E("canvas", {class: "film", hidden: true, "aria-hidden": true});
    before.frame.append(paint); after.frame.append(filmCanvas);
    const film = gan.film(filmCanvas);
    const tasks = E("div", {class: "tasks", role: "group", "aria-label": "What happened to the picture"});
    const found = E("span", {class: "caption", id: "restore-found", hidden: true}, "Found. For another one from another start, press Another answer.");
    const go = button("restore-start", "Start", () => begin(), "first"), stopper = button("restore-stop", "Stop and keep the best", () => stopIt());
    const meter = E("progress", {max: 1, value: 0, "aria-label": "Steps made"}), saying = E("span"), progress = E("p", {class: "progress", id: "restore-progress", role: "status"}, meter, saying);
    const verdict = E("p", {class: "verdict", id: "restore-verdict", role: "status"}), said = E("p", {class: "said", id: "restore-error", role: "alert", hidden: true});
    const caption = E("p", {class: "caption", id: "restore-caption"}), own = E("p", {class: "caption", id: "restore-meter", hidden: true});
    const scrub = E("input", {type: "range", id: "restore-film", min: 0, max: 1, step: 0.01, value: 1, "aria-label": "The search from its start to its end", oninput: () => scrubbed(+scrub.value)});
    const scrubSays = E("output", {for: "restore-film"}), curve = E("canvas", {class: "curve", width: 1280, height: 120, role: "img", "aria-label": "The loss after each step, on a logarithmic scale"});
    const shares = E("div", {class: "shares", role: "img"});
    const save = E("a", {class: "plain-link", id: "restore-save", download: "restored.webp", hidden: true}, "Save");
    const tools = E("div", {class: "tools", id: "restore-tools", hidden: true});
    const watch = E("div", {class: "watched"}, E("div", {class: "field"}, E("label", {for: "restore-film"}, "Watch it being found"), scrub, scrubSays), curve, E("p", {class: "caption"}, "How far it is from what was observed, after each step"), shares, E("p", {class: "caption", id: "restore-shares-says"}));
    const stage = E("div", {class: "restoring"}, tasks, E("div", {class: "triple"}, before.element, after.element, truth.element), tools,
      E("div", {class: "buttons"}, go, stopper, found, save), progress, said, verdict, own, caption, watch);
    parts.stage.element.replaceChildren(stage);
    progress.hidden = stopper.hidden = true;

    function drawTasks() {
      tasks.replaceChildren(...Object.entries(names).map(([task, name]) => {
        const icon = recorded[task] ? E("img", {src: recorded[task].before, alt: "", class: task === "enlarge" ? "hard" : ""}) : null;
        return E("button", {type: "button", class: `plain task ${now.recipe.task === task ? "on" : ""}`, "data-task": task, "aria-pressed": now.recipe.task === task, onclick: () => chooseTask(task)}, icon, name);
      }));
    }
    const scrubbed = share => {
      if (!now.answer || !now.answer.result || !film.ready()) return;
      const result = now.answer.result, last = result.film_steps.length - 1;
      film.draw(share); filmCanvas.hidden = share >= 1;
      const step = result.film_steps[Math.round(share * last)];
      scrubSays.textContent = `step ${step} of ${result.steps}`;
      drawCurve(curve, result.curve, step / Math.max(1, result.steps));
    };
    function begin() {
      said.hidden = true;
      if (!current()) return;
      now.running = {key: keyOf(now.recipe) + Math.random(), recipe: copyOf(now.recipe)};
      meter.value = 0; saying.textContent = "Beginning \u2026";
      after.show("", "nothing is found yet", false); after.label.textContent = "So far";
      filmCanvas.hidden = true; watch.hidden = false; drawCurve(curve, null, 1);
      bus.trigger("start", {key: now.running.key});
      tell();
    }
    function stopIt() { bus.trigger("stop", {kind: "search"}); saying.textContent = "Stopping \u2026"; }
    function ended(text = "") {                         // without a picture: what stood before stands again
      now.running = null;
      if (now.answer) show(now.answer);
      if (text) refuse(text); else tell();
    }
    parts.run.watch("value", () => {
      const news = parts.run.props.value;
      if (news && news.key === "link" && news.error) { refuse(news.error, {link: true}); return; }
      if (!news || !now.running || news.key !== now.running.key) return;
      if (news.error || news.ended) { ended(news.error || news.says); return; }
      if (news.done) { now.running = null; if (gan.same(news.done.recipe, now.recipe)) show(news.done); tell(); return; }
      saying.textContent = news.says; meter.value = news.share || 0;
      if (news.src) { after.show(news.src, `the picture so far: ${news.says}`, false); drawCurve(curve, news.curve, 1); }
      tell();
    });
    // the sentence stands where it is seen: a link's over the tab, any other under the picture
    const refuse = (text, {link = false} = {}) => {
      said.textContent = /[.!?]$/.test(text) ? text : `${text}.`; said.hidden = false;
      if (link) parts.five.element.prepend(said); else stage.insertBefore(said, verdict);
      tell();
      if (!link) said.scrollIntoView({block: "nearest"});
    };
    parts.stage.watch("value", () => {
      const answer = parts.stage.props.value;
      if (answer.error) {
        if (!gan.same(answer.asked, now.recipe)) return;            // something else was wanted since
        now.recipe = copyOf(now.good); bus.props.value = copyOf(now.good);
        if (undo.length && gan.same(undo[undo.length - 1], now.good)) undo.pop();
        if (now.answer) show(now.answer);
        now.refused = true; refuse(answer.error); now.refused = false;
        return;
      }
      if (!answer.recipe || !(gan.same(answer.asked, now.recipe) || gan.same(answer.recipe, now.recipe))) return;
      now.recipe = copyOf(answer.recipe);
      const known = replayed();
      show(known && !answer.result ? {...answer, result: known.result} : answer);
    });

    function show(answer) {
      now.answer = answer; now.good = copyOf(answer.recipe);
      const result = answer.result, size = answer.setup;
      if (now.running && !gan.same(now.running.recipe, answer.recipe)) { stopIt(); now.running = null; }     // its best is kept
      stage.classList.remove("stale");
      stage.classList.toggle("large", size.side >= 256);
      network(size);
      before.show(answer.before, `before: ${answer.alt}`, answer.recipe.task === "enlarge");
      truth.show(answer.truth, answer.truth ? "the true picture" : "nobody knows the true picture", false);
      truth.element.hidden = !answer.truth;
      before.label.textContent = answer.recipe.task === "enlarge" ? `Before: ${size.observed} x ${size.observed}` : "Before";
      truth.label.textContent = answer.recipe.shows === "upload" ? "Your picture" : "Truth";
      caption.textContent = answer.caption;
      fill(paint, new Uint8Array(SIDE * SIDE));
      if (now.running) { tell(); return; }              // what is found so far, and its words, stay
      after.show(result ? result.src : "", result ? `after: ${result.verdict}` : "not restored yet", false);
      after.label.textContent = result ? "After" : `After: press ${PRESS[answer.recipe.task]}`;
      filmCanvas.hidden = true; watch.hidden = !result;
      verdict.textContent = result ? result.verdict : ""; verdict.hidden = !result;
      save.hidden = !result || answer.recipe.shows !== "upload";
      own.hidden = !(result && result.meter); own.textContent = result && result.meter ? result.meter.says : "";
      if (result) {
        save.href = result.src;
        if (now.film !== result.film) { now.film = result.film; scrub.value = 1; film.load(result.film, result.film_steps.length).then(() => scrubbed(+scrub.value)).catch(() => {}); }
        else scrubbed(+scrub.value);
        const most = Math.max(...result.importance);
        shares.replaceChildren(...result.importance.map(share => { const bar = E("span"); bar.style.height = `${100 * share / most}%`; return bar; }));
        const percents = result.importance.map(share => Math.round(100 * share)), least = Math.min(...percents), most_ = Math.max(...percents);
        shares.setAttribute("aria-label", `How much each code counts, in per cent: ${percents.join(", ")}`);
        document.getElementById("restore-shares-says").textContent = result.importance.length > 1 ? `How much each of the ${result.importance.length} codes counts: ${least === most_ ? `about ${least} %` : `${least} to ${most_} %`}` : "One code makes the picture.";
      }
      tell();
    }

    // --- painting: a hole, or colours as hints

    const pixelAt = e => {
      const box = before.frame.getBoundingClientRect(), hold = value => Math.min(Math.max(Math.floor(value), 0), SIDE - 1);
      return {x: hold((e.clientX - box.left) / box.width * SIDE), y: hold((e.clientY - box.top) / box.height * SIDE)};
    };
    const brush = gan.brush({frame: before.frame, pixelAt, active: () => !!now.painting, changed: () => drawPaint()});
    const colours = [];                             // {hex, bits}, those under the one that is painted with
    const colour = E("input", {type: "color", id: "restore-colour", value: "#b05a32", "aria-label": "Colour of the hint", onchange: () => keepColour(colour.dataset.last)});
    colour.dataset.last = colour.value;
    const width = E("input", {type: "range", id: "restore-width", min: 1, max: 16, step: 1, value: 6, "aria-label": "Width of the brush, in 64ths of the picture", oninput: () => { brush.size = +width.value; }});
    const count = E("span", {class: "caption", role: "status", id: "restore-count"});
    const kinds = {brush: "Brush", rubber: "Rubber", box: "Box"};
    const toolButtons = Object.fromEntries(Object.entries(kinds).map(([kind, text]) => [kind, button(`restore-${kind}`, text, () => { brush.tool = kind; drawPaint(); })]));
    const colourField = E("label", {class: "size"}, "Colour ", colour);
    tools.replaceChildren(E("div", {class: "buttons"}, ...Object.values(toolButtons), button("restore-undo-stroke", "Undo stroke", brush.undo), button("restore-clear", "Clear", () => { colours.length = 0; brush.clear(); })),
      E("label", {class: "size"}, "Width ", width), colourField,
      E("div", {class: "buttons"}, button("restore-use", "Use it", () => usePaint(), "first"), button("restore-cancel", "Cancel", () => painting("")), count));
    function keepColour(hex) {
      if (brush.bits.some(bit => bit)) { colours.push({hex, bits: brush.bits}); brush.start(); }
      colour.dataset.last = colour.value;
      drawPaint();
    }
    function drawPaint() {
      fill(paint, new Uint8Array(SIDE * SIDE));
      if (now.painting === "hints") { for (const one of colours) fill(paint, one.bits, 0, one.hex, false); fill(paint, brush.bits, 0, colour.value, false); }
      else if (now.painting) fill(paint, brush.bits);
      for (const [kind, one] of Object.entries(toolButtons)) { one.setAttribute("aria-pressed", kind === brush.tool); one.classList.toggle("on", kind === brush.tool); }
      const number = brush.bits.reduce((a, b) => a + b, 0) + colours.reduce((sum, one) => sum + one.bits.reduce((a, b) => a + b, 0), 0);
      count.textContent = number ? `${(100 * number / SIDE ** 2).toFixed(1)} % of the picture` : "Draw over the picture before.";
    }
    function painting(what) {
      now.painting = what;
      tools.hidden = !what; colourField.hidden = what !== "hints";
      stage.classList.toggle("painting", !!what); before.frame.classList.toggle("painting", !!what);
      colours.length = 0;
      if (now.answer) before.show(what === "hole" && now.answer.truth || now.answer.before, `before: ${now.answer.alt}`, now.answer.recipe.task === "enlarge");
      brush.size = +width.value;
      brush.start(what === "hole" && now.recipe.region ? decode(now.recipe.region) : null);
      drawPaint();
      for (const [name, text] of Object.entries({tabindex: "-1", role: "group", "aria-label": "Draw over this picture with a finger or the mouse"}))
        what ? before.frame.setAttribute(name, text) : before.frame.removeAttribute(name);
      if (what) inSight(before.element, before.frame);
    }
    function inSight(element, focused) {
      const box = element.getBoundingClientRect();
      if (box.top < 0 || box.bottom > innerHeight) element.scrollIntoView({block: "start"});
      focused.focus({preventScroll: true});
    }
    function usePaint() {
      const any = brush.bits.some(bit => bit);
      if (now.painting === "hole") {
        if (!any) { refuse("No hole is painted yet: draw over the picture before with a finger or the mouse."); return; }
        set({region: encode([...brush.bits])});
        return;
      }
      if (any) colours.push({hex: colour.value, bits: brush.bits});
      if (!colours.length) { refuse("No colour is painted yet: draw over the picture before with a finger or the mouse."); return; }
      if (colours.length > MOST_COLOURS) { refuse(`These are ${colours.length} colours: paint at most ${MOST_COLOURS}.`); return; }
      set({hints: colours.map(one => `${one.hex.slice(1)}.${encode([...one.bits])}`).join("~")});
    }

    // --- the controls beside it

    const controls = parts.controls.element, showNames = parts.controls.props.value.shows;
    const network = gan.models(parts.models, "restore", {
      current: () => now.recipe.model,
      take: recipe => { set({...RESET, model: recipe.model, label: recipe.label, shows: "", own: "", as_is: false, picture: now.recipe.picture}); },
    });
    const writable = input => document.activeElement !== input || now.refused;     // who types is not disturbed, unless it was refused
    const number = E("input", {id: "restore-picture", type: "text", inputmode: "numeric", autocomplete: "off", onchange: () => set({picture: /^\d{1,6}$/.test(number.value.trim()) ? +number.value : number.value})});
    const another = button("restore-another", "Another picture", () => set({picture: Math.floor(Math.random() * (setup() ? setup().pictures : 1000)), hints: ""}));
    const again = button("restore-again", "Another answer", () => set({start: (now.recipe.start + 1) % 1000}));
    const back = button("restore-back", "Back to start", () => set(arrival, {whole: true}));
    const undoOne = button("restore-undo", "Undo", () => { if (undo.length) { const last = undo.pop(); set(last, {whole: true}); undo.pop(); tell(); } });
    const options = E("div", {class: "options"}), shows = E("fieldset", {class: "choices", id: "restore-shows"});
    controls.replaceChildren(shows, E("div", {class: "field"}, E("label", {for: "restore-picture"}, "Picture number"), number), E("div", {class: "buttons"}, another, again, undoOne, back), options);
    const radio = (name, value, text, on, onchange) => E("label", {}, E("input", {type: "radio", name, value, checked: on, onchange}), E("span", {}, text));
    function drawControls() {
      const recipe = now.recipe, size = setup();
      if (!size) return;
      const others = size.shows.filter(name => name === "steer" ? recipe.shows === name : name !== "upload" || now.own);
      shows.replaceChildren(E("legend", {}, "What is restored"), ...others.map(name => radio("restore-shows", name, showNames[name], recipe.shows === name, () => set(name === "upload" ? {shows: name, own: now.own.token, loss: ""} : {shows: name, own: "", as_is: false, loss: "", picture: recipe.picture % size.pictures}))));
      const rows = [];
      if (recipe.shows === "upload" && recipe.task !== "copy") rows.push(E("label", {class: "switch"}, E("input", {type: "checkbox", role: "switch", id: "restore-as-is", checked: recipe.as_is, onchange: e => set({as_is: e.target.checked, loss: ""})}), E("span", {}, "It is damaged already: take it as it is")));
      if (recipe.task === "enlarge") rows.push(E("fieldset", {class: "choices", id: "restore-factor"}, E("legend", {}, "How many times"), ...size.factors.map(factor => radio("restore-factor", factor, `${factor} x`, recipe.amount === factor, () => set({amount: factor, loss: ""})))));
      if (size.kinds.length > 1) rows.push(E("fieldset", {class: "choices rows", id: "restore-kind"}, E("legend", {}, recipe.task === "enlarge" ? "How it was shrunk" : "What kind of noise"), ...size.kinds.map(kind => radio("restore-kind", kind, KINDS[kind], recipe.kind === kind, () => set({kind, amount: recipe.task === "enlarge" ? recipe.amount : 0, keep: null})))));
      if (recipe.task === "noise" && size.range) {
        const shown = amount => recipe.kind === "specks" ? `${Math.round(100 * amount)} % lost` : `${Math.round(127.5 * amount)} of 255 levels`;
        const says = E("output", {for: "restore-amount"}, shown(recipe.amount));
        rows.push(E("div", {class: "field"}, E("label", {for: "restore-amount"}, "How much"), E("input", {id: "restore-amount", type: "range", min: size.range[0], max: size.range[1], step: 0.01, value: recipe.amount, oninput: e => { says.textContent = shown(+e.target.value); }, onchange: e => set({amount: +e.target.value})}), says));
      }
      if (recipe.task === "fill") rows.push(E("div", {class: "buttons"}, button("restore-paint-hole", "Paint the hole", () => painting("hole")), recipe.region !== recorded_hole() ? button("restore-middle", "The middle quarter", () => set({region: ""})) : null));
      if (recipe.task === "colour") rows.push(E("div", {class: "buttons"}, button("restore-paint-hints", "Paint colours as hints", () => painting("hints")), recipe.hints ? button("restore-no-hints", "Without hints", () => set({hints: ""})) : null),
        E("p", {class: "caption"}, recipe.hints ? `${recipe.hints.split("~").length} colour${recipe.hints.includes("~") ? "s" : ""} painted.` : "Grey says nothing of the hue of a shirt: tell it, or press Another answer for another plausible colouring."));
      if (["enlarge", "fill", "colour", "noise"].includes(recipe.task) && recipe.kind !== "gaussian") rows.push(E("label", {class: "switch"}, E("input", {type: "checkbox", role: "switch", id: "restore-keep", checked: recipe.keep, onchange: e => set({keep: e.target.checked})}), E("span", {}, "Put back what was observed")));
      options.replaceChildren(...rows);
    }
    // what had the keyboard's focus is made anew under it: its successor gets it
    function keepingFocus(draw) {
      const held = document.activeElement, {id, name, value, dataset} = held || {};
      draw();
      if (!held || held.isConnected) return;
      const next = id ? document.getElementById(id) : name ? document.querySelector(`#restore-controls input[name="${name}"][value="${value}"]`)
        : dataset && dataset.task ? document.querySelector(`[data-task="${dataset.task}"]`) : null;
      if (next) next.focus({preventScroll: true});
    }
    const recorded_hole = () => recorded.fill ? recorded.fill.recipe.region : "";
    let drawn = "";
    listeners.push(() => {
      const state = JSON.stringify([now.recipe, setup(), !!now.own]);
      if (state !== drawn) { drawn = state; keepingFocus(() => { drawTasks(); drawControls(); }); }
      if (writable(number)) number.value = now.recipe.picture;
      number.parentElement.hidden = another.hidden = now.recipe.shows === "upload";
      const ready = current() && now.answer.result && !now.answer.result.stopped && !replayed() && !now.running;
      go.textContent = PRESS[now.recipe.task]; go.disabled = !current();
      go.hidden = !!now.running || ready; found.hidden = !ready;
      stopper.hidden = progress.hidden = !now.running;
      stage.classList.toggle("searching", !!now.running);
      undoOne.hidden = !undo.length;
    });

    // --- experiments: recorded for the arrival, made again when asked

    function experiment(part, name, press, draw, {says, keyFor = () => keyOf(now.recipe), lead = null} = {}) {
      const result = E("div", {class: "result"}), line = E("p", {class: "caption", role: "status"});
      let asked = "", owned = false;
      const value = () => part.props.value || {};
      forgets.push(() => { if (owned) { result.replaceChildren(); asked = ""; mark(); } });
      const goNow = button(`restore-${name}-go`, press, () => { owned = now.recipe.shows === "upload"; asked = keyFor() + Math.random(); bus.trigger(name, {key: asked}); mark(); });
      const stopNow = button(`restore-${name}-stop`, "Stop", () => bus.trigger("stop", {kind: name}));
      part.element.replaceChildren(...(lead ? [lead] : []), result, line, E("div", {class: "buttons"}, goNow, stopNow));
      const mark = () => {
        const busy = asked && (value().key !== asked || value().partial);
        stopNow.hidden = !busy;
        line.textContent = busy ? value().key === asked && value().says ? value().says : says : value().error || (value().ended ? "Stopped." : "");
        goNow.disabled = !!busy || !current();
      };
      part.watch("value", () => { if (value().key === asked && !value().partial) asked = ""; if (!value().error) draw(result, value()); mark(); });
      listeners.push(mark);
      if (value().key || value().html) draw(result, value());
      mark();
    }
    const small = (src, alt, text) => E("figure", {class: "restore-tile"}, E("div", {class: "seen"}, E("img", {src, alt, draggable: false})), E("figcaption", {}, text));
    experiment(parts.layers, "layers", "Try it on the picture above", (result, value) => {
      if (!value.rows) return;
      const head = E("tr", {}, E("td", {}), ...value.counts.map(count => E("th", {scope: "col"}, `${count} code${count > 1 ? "s" : ""}`)));
      const rows = value.rows.map(row => E("tr", {}, E("th", {scope: "row"}, row.name), ...row.cells.map((cell, i) => E("td", {}, small(cell.src, `copy with ${value.counts[i]} code${value.counts[i] > 1 ? "s" : ""}, mixed ${row.name}: ${cell.psnr.toFixed(1)} dB`, `${cell.psnr.toFixed(1)} dB`)))));
      result.replaceChildren(E("p", {class: "aha"}, value.verdict || ""), E("div", {class: "layered"}, small(value.truth, "the picture that is copied", "the picture"), E("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": "Copies by layer and number of codes"}, E("table", {class: "layer-table"}, E("thead", {}, head), E("tbody", {}, ...rows)))));
    }, {says: "Copying it fifteen times \u2026"});
    experiment(parts.mug, "mug", "Ask this network again", (result, value) => {
      if (!value.rows) return;
      const column = (title, face, mug) => E("div", {class: "mugged"}, E("p", {class: "caption"}, title), face, mug);
      result.replaceChildren(E("p", {class: "aha"}, value.verdict || ""), E("div", {class: "scroll mugs", tabindex: 0, role: "region", "aria-label": "A face and a mug copied after each layer"},
        column("what is copied", small(value.truths.face, "the face that is copied", "face"), small(value.truths.mug, "the mug that is copied", "mug")),
        ...value.rows.map(row => column(row.name, small(row.face.src, `the face copied, ${row.name}`, `${row.face.psnr.toFixed(1)} dB`), small(row.mug.src, `the mug copied, ${row.name}`, `${row.mug.psnr.toFixed(1)} dB`)))),
        E("p", {class: "caption"}, value.samples ? `Closeness: median of ${value.samples} faces and ${value.samples} mugs, 10 codes.` : ""));
    }, {says: "Copying faces and mugs \u2026"});

    // --- edit what was restored

    (function editing() {
      const element = parts.edit.element, image = tile("Edited", "restore-edited"), verdictLine = E("p", {class: "verdict", role: "status", id: "restore-edit-verdict"}), note = E("p", {class: "caption"}), waits = E("p", {class: "caption"});
      const row = E("div", {class: "knobs two"}), opener = button("restore-edit-go", "Edit this face", () => { note.textContent = "Finding its codes \u2026"; bus.trigger("knobs", {key: "knobs"}); });
      let knobs = [], amounts = [], of = "";
      const ask = () => bus.trigger("edit", {key: "edit", amounts});
      element.replaceChildren(E("div", {class: "edited"}, image.element, E("div", {class: "edit-side"}, row, verdictLine)), note, waits, E("div", {class: "buttons"}, opener));
      parts.edit.watch("value", () => {
        const value = parts.edit.props.value || {};
        if (value.error) { note.textContent = value.error; return; }
        note.textContent = "";
        if (value.knobs) {
          amounts = value.knobs.map(() => 0); of = keyOf(now.recipe);
          knobs = value.knobs.map((facts, i) => {
            const turned = () => { amounts[i] = +knob.range.value; ask(); };
            const knob = gan.knob({id: `restore-knob-${i + 1}`, reach: facts.reach, input: turned, commit: turned});
            knob.name(facts.title ? `${i + 1} \u00b7 ${facts.title}` : `Knob ${i + 1}`, "", facts.low || "one way", facts.high || "the other way", facts.reach);
            knob.show(0);
            return knob;
          });
          row.replaceChildren(...knobs.map(knob => knob.element));
          ask();
        }
        if (value.src) { image.show(value.src, `the restored picture, edited. ${value.verdict}`, false); image.label.textContent = value.codes === 1 ? "Its one code moved" : `All ${value.codes} codes moved together`; verdictLine.textContent = amounts.some(Boolean) ? value.verdict : ""; verdictLine.hidden = !verdictLine.textContent; }
        tell();
      });
      listeners.push(() => {
        const stale = of && of !== keyOf(now.recipe);
        element.classList.toggle("stale", !!stale);
        image.element.hidden = !image.image.src;
        opener.hidden = !!of && !stale || !!now.running;
        opener.disabled = !current();
        waits.textContent = now.running ? "A search is running: when it has ended, its picture can be edited." : stale && !note.textContent ? "This was another picture: press Edit this face again." : "";
        verdictLine.hidden = !verdictLine.textContent;
      });
      forgets.push(() => { image.show("", "", false); row.replaceChildren(); verdictLine.textContent = ""; of = ""; });
    })();

    // --- an own picture

    (function owning() {
      const element = parts.own.element, input = E("input", {type: "file", accept: "image/*", id: "restore-own-file", class: "sr", "aria-label": "Choose a picture of yours"});
      const camera = E("input", {type: "file", accept: "image/*", capture: "user", class: "sr", "aria-label": "Take a photo", id: "restore-camera"});
      const said_ = E("p", {class: "said", role: "alert", id: "restore-own-error", hidden: true}), shown = E("div", {class: "brought", hidden: true}), note = E("p", {class: "caption", role: "status", id: "restore-own-note"});
      const choose = button("restore-choose", "Choose a picture", () => input.click()), photo = button("restore-photo", "Take a photo", () => camera.click());
      const copy = button("restore-own-copy", "Restore it", () => bench({task: "copy"}), "first"), twin = button("restore-twin", "My cartoon twin", () => bench({task: "copy", codes: 1, layer: 0}));
      const remove = button("restore-forget", "Delete it now", () => { bus.trigger("forget", {}); });
      const learned = E("p", {class: "caption", id: "restore-own-learned"});
      const SEEN = {portrait: "cartoon people; your photo will come back as one.", object: "drawn objects; your photo will come back as one."};
      listeners.push(() => {
        const noun = setup() ? setup().noun : "portrait";
        learned.textContent = `This network has only ever seen ${SEEN[noun] || "pictures of one kind; your photo will come back as one of them."}`;
        twin.textContent = noun === "portrait" ? "My cartoon twin" : "Its nearest picture";
      });
      const refused = text => { said_.textContent = text; said_.hidden = false; };
      function bench(patch) {
        const fresh = {...RESET, ...patch, shows: "upload", own: now.own.token, as_is: false};
        if (!gan.same({...now.recipe, ...fresh}, now.recipe)) set(fresh);
        now.wanted = true;
        stage.scrollIntoView({block: "center"});
      }
      listeners.push(() => { if (now.wanted && current() && !now.running) { now.wanted = false; if (!now.answer.result) begin(); } });
      for (const one of [input, camera]) one.addEventListener("change", () => {
        const file = one.files[0];
        one.value = "";
        said_.hidden = true;
        if (!file) return;
        if (file.size > LARGEST_FILE) { refused(`This file has ${Math.round(file.size / 2 ** 20)} MB; a picture may have ${LARGEST_FILE / 2 ** 20}: save it smaller.`); return; }
        note.textContent = "Sending it \u2026";
        const reader = new FileReader();
        reader.onload = () => bus.trigger("own", {picture: String(reader.result).includes(";base64,") ? reader.result : "data:;base64,"});
        reader.onerror = () => refused("This file cannot be read: choose another.");
        reader.readAsDataURL(file);
      });
      parts.own.watch("value", () => {
        const value = parts.own.props.value || {};
        note.textContent = "";
        if (value.error) { refused(value.error); return; }
        if (value.forgotten) {
          now.own = null; shown.hidden = true; note.textContent = "It is deleted.";
          forgets.forEach(forget => forget());
          if (now.recipe.shows === "upload") set(arrival, {whole: true});
          tell(); return;
        }
        now.own = value;
        const side = Math.min(value.width, value.height), cut = E("div", {class: "cut"});
        Object.assign(cut.style, {width: `${100 * side / value.width}%`, height: `${100 * side / value.height}%`, left: `${50 - 50 * side / value.width}%`, top: `${50 - 50 * side / value.height}%`});
        shown.replaceChildren(E("div", {class: "whole"}, E("img", {src: value.thumb, alt: "your picture, with the square that is used"}), cut), E("div", {}, E("p", {class: "caption"}, `${value.note} It is made ${setup().side} x ${setup().side}, the size of this network\u2019s pictures. It will be deleted in ${value.minutes} minutes.`), E("div", {class: "buttons"}, copy, twin, remove)));
        shown.hidden = false;
        tell();
      });
      element.replaceChildren(learned, E("div", {class: "buttons"}, choose, photo, input, camera), note, said_, shown);
    })();

    // --- folds, which may come later

    const tables = (name, press, says) => part => experiment(part, name, press, (result, value) => { if (value.html) result.innerHTML = value.html; }, {says});
    function more(part) {
      const {words, losses, ways} = part.props.value;
      const word = key => [words[key].plain + " ", E("small", {}, words[key].term)];
      const field = (key, control, hint) => E("div", {class: "field"}, E("label", {for: control.id, title: words[key].tip}, ...word(key)), control, hint);
      const whole = (name, key) => { const input = E("input", {id: `restore-setting-${name}`, type: "text", inputmode: "numeric", autocomplete: "off", onchange: () => set({[name]: /^-?\d{1,6}$/.test(input.value.trim()) ? +input.value : input.value})}); return input; };
      const inputs = {codes: whole("codes"), layer: whole("layer"), steps: whole("steps"), start: whole("start")}, layerSays = E("p", {class: "caption"});
      const losses_ = E("fieldset", {class: "choices rows", id: "restore-loss"}), ways_ = E("fieldset", {class: "choices rows", id: "restore-optimiser"}), hints_ = E("p", {class: "caption", id: "restore-compared"});
      part.element.replaceChildren(E("div", {class: "fields"}, field("codes", inputs.codes), field("mixed", inputs.layer, layerSays), field("steps", inputs.steps), field("start", inputs.start), losses_, ways_), hints_);
      let drawnFor = "";
      const mark = () => {
        for (const [name, input] of Object.entries(inputs)) if (writable(input)) input.value = now.recipe[name];
        if (!setup()) return;
        layerSays.textContent = `0 to ${setup().last}; now: ${setup().layer}`;
        const state = JSON.stringify([now.recipe.loss, now.recipe.optimiser, setup().losses, setup().vgg]);
        if (state === drawnFor) return;
        drawnFor = state;
        losses_.replaceChildren(E("legend", {}, ...word("loss")), ...setup().losses.map(name => radio("restore-loss", name, losses[name], now.recipe.loss === name, () => set({loss: name}))));
        ways_.replaceChildren(E("legend", {}, ...word("optimiser")), ...Object.entries(ways).map(([name, text]) => radio("restore-optimiser", name, text, now.recipe.optimiser === name, () => set({optimiser: name}))));
        hints_.textContent = [now.recipe.optimiser === "official" ? "The published code takes 1500 to 3000 plain steps; here it may take up to 1000." : "", setup().vgg || ""].filter(Boolean).join(" ");
      };
      listeners.push(mark); mark();
    }
    const link = part => listeners.push(gan.link(part, "restore", {query: () => now.answer && now.answer.query, note: () => now.answer && now.answer.note, says: "Link to exactly these settings"}));
    listeners.push(() => gan.addresses.shows("restore", now.answer && now.answer.query));
    const late = {link, more, compare: tables("compare", "Compare with tools without a GAN", "Restoring it, then trying the others \u2026"), truth: tables("truth", "Look it up", "Looking it up \u2026")};
    const grown = new Set();
    const grow = () => Object.entries(late).forEach(([name, build]) => {
      const part = gan.parts.restore[name];
      if (part && !grown.has(part.element)) { grown.add(part.element); build(part); if (name === "truth") part.element.querySelector("button").click(); }
    });
    document.addEventListener("gan:restore", grow);
    gan.restore = {now, set, five, take};
    if (replayed()) show(replayed()); else bus.trigger("change", {});
    const refusal = parts.run.props.value;                      // of a link, before this script was there
    if (refusal && refusal.error) refuse(refusal.error, {link: true});
    grow();
    tell();
  }

  gan.addresses.tab("restore", "Restore");
  let started = null;
  document.addEventListener("gan:restore", () => {
    const parts = gan.parts.restore || {};
    if (!NEEDED.every(name => parts[name])) return;
    if (started !== parts.stage.element) { started = parts.stage.element; start({...parts}); }
  });
})();
