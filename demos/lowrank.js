// Paint, in the browser: one recipe; tapping a part or painting a region writes it, and the knobs follow a moment later.
(() => {
  const NEEDED = ["recipe", "base", "stage", "strip", "knobs", "facts", "models", "steer"];
  const WHAT = ["model", "seed", "psi", "label", "region", "layers", "size", "lam"];
  const SIDE = 64, UNDO = 50, LARGEST_SEED = 999999;
  const copyOf = value => JSON.parse(JSON.stringify(value));
  const E = gan.element;

  const {encode, decode, outline, fill} = gan.regions;

  const mapOf = gan.mapOfChange;
  const sheetCanvas = (kind, size = 768) => { const made = E("canvas", {class: kind, "aria-hidden": true}); made.width = made.height = size; return made; };
  // a map with its outline, of two pictures as data URIs; it says in words what it shows
  function smallMap(before, after, region, crop, says) {
    const map = sheetCanvas("map-pixels", 1), line = sheetCanvas("map-line", 384), pictures = [before, after].map(src => { const image = new Image(); image.src = src; return image; });
    Promise.all(pictures.map(image => image.decode())).then(() => { mapOf(map, ...pictures); outline(line, decode(region), crop); }).catch(() => {});
    return E("div", {class: "map", role: "img", "aria-label": says}, map, line);
  }
  gan.paintTools = {encode, decode};

  function start(parts) {
    const bus = parts.recipe, arrival = copyOf(bus.props.value);
    const now = {recipe: copyOf(arrival), good: copyOf(arrival), saved: copyOf(arrival), setup: null, strip: "", dragging: false,
      fresh: false, standin: false, touched: false, finding: "", tried: "", painting: false};
    const undo = [], seen = [], listeners = [];
    const tell = () => listeners.forEach(listener => listener(now));
    const regionKey = recipe => JSON.stringify(WHAT.map(name => recipe[name]));
    const knobKey = recipe => JSON.stringify([regionKey(recipe), recipe.method, recipe.forbid, recipe.knob]);
    const stripKey = recipe => JSON.stringify({...recipe, amounts: recipe.amounts.map((a, i) => i === recipe.knob ? 0 : a)});
    const button = (id, text, onclick, kind = "") => E("button", {id, type: "button", class: `plain ${kind}`, onclick}, text);

    // --- the recipe: read, written, undone

    const send = () => {
      const {model, seed, psi, label} = now.recipe;
      parts.base.props.value = {version: 1, model, seed, psi, label};
      bus.props.value = copyOf(now.recipe);
    };
    function remember() {
      if (gan.same(now.saved, now.recipe)) return;
      undo.push(now.saved);
      if (undo.length > UNDO) undo.shift();
      now.saved = copyOf(now.recipe);
    }
    const heard = () => { said.hidden = true; };        // a sentence stands until the visitor does something else
    function set(patch) { heard(); Object.assign(now.recipe, patch); remember(); send(); tell(); }
    const flat = () => arrival.amounts.map(() => 0);
    // another region, picture or way of finding: its knobs are not there yet, and the first is turned when they are
    function look(patch) {
      if (now.standin) now.recipe.method = "lowrank";
      Object.assign(now, {fresh: true, standin: false, touched: false, tried: ""});
      set({amounts: flat(), knob: 0, ...patch});
    }
    function turn(knob, amount, {rest}) {
      heard();
      now.recipe.amounts[knob] = amount;
      now.dragging = !rest; now.touched = true; now.fresh = false;
      if (rest) remember();
      if (rest || !(knob === now.recipe.knob && film())) send();
      tell();
    }
    const choose = knob => { now.touched = true; set({knob, amounts: now.recipe.amounts.map((amount, i) => i === knob ? amount || halfWay(knob) : 0)}); askStrip(); };
    const halfWay = knob => now.setup && now.setup.knobs[knob] ? Math.round(now.setup.knobs[knob].reach * 6) / 10 : 0;
    function anotherFace() { seen.push(now.recipe.seed); now.another = true; look({seed: Math.floor(Math.random() * LARGEST_SEED)}); }
    const undoOne = () => { heard(); if (undo.length) { now.recipe = undo.pop(); now.saved = copyOf(now.recipe); now.fresh = now.standin = false; send(); tell(); } };
    const backToStart = () => { heard(); now.recipe = copyOf(arrival); now.fresh = now.standin = false; remember(); send(); tell(); };
    bus.watch("value", () => {                  // set by the server: a link
      now.recipe = copyOf(bus.props.value);
      if (gan.same(now.recipe, arrival)) waiting(false);
      remember(); tell();
    });

    // --- the stage: picture with outline, parts to tap, the chosen knob, verdict

    const after = E("img", {class: "after", alt: ""}), before = E("img", {class: "before", alt: ""}), filmCanvas = E("canvas", {class: "film", "aria-hidden": true, hidden: true});
    const line = sheetCanvas("line"), paint = sheetCanvas("brushed"), licence = E("span", {class: "tag licence"});
    const frame = E("div", {class: "photo region"}, after, before, filmCanvas, line, paint, licence);
    const map = {pixels: sheetCanvas("map-pixels", 1), line: sheetCanvas("map-line")};
    const mapFrame = E("div", {class: "map", id: "paint-map", role: "img", "aria-label": "Map of change"}, map.pixels, map.line);
    const filmOf = gan.film(filmCanvas);
    const film = () => filmOf.ready() && now.strip === stripKey(now.recipe);
    const crop = () => now.setup ? now.setup.crop : 0;
    const main = gan.knob({
      id: "paint-knob", reach: 6,
      input: amount => {
        showBefore(false);
        turn(now.recipe.knob, amount, {rest: false});
        if (film()) { filmOf.draw((amount / +main.range.max + 1) / 2); filmCanvas.hidden = false; mapOf(map.pixels, before, filmCanvas); painted(amount); }
      },
      commit: amount => turn(now.recipe.knob, amount, {rest: true}),
    });
    const chips = E("div", {class: "chips", role: "group", "aria-label": "Parts of the picture"});
    const progress = E("p", {class: "progress", role: "status", id: "paint-progress"}), meter = E("progress", {max: 1, value: 0, "aria-label": "Finding knobs"});
    const saying = E("span"), stopper = button("paint-stop", "Stop", () => bus.trigger("stop", {}));
    const finder = button("paint-find", "Find knobs", () => find(true), "first");
    const verdict = E("p", {class: "verdict", id: "paint-verdict", role: "status"});
    const said = E("p", {class: "said", id: "paint-error", role: "alert", hidden: true});
    const caption = E("p", {class: "caption", id: "paint-caption"});
    progress.append(meter, saying, stopper);
    progress.hidden = finder.hidden = true;
    const tools = E("div", {class: "tools", id: "paint-tools", hidden: true});
    parts.stage.element.replaceChildren(E("figure", {class: "stage"}, frame, chips, tools, E("div", {class: "scrub"}, main.element),
      E("figcaption", {}, progress, finder, verdict, said, caption)));
    const waiting = on => parts.stage.element.classList.toggle("waiting", on);
    const asked = new URLSearchParams(location.search);
    if (asked.get("tab") === "paint" && [...asked.keys()].some(name => name !== "tab" && name in arrival || name === "v")
      && asked.toString() !== new URLSearchParams(parts.stage.props.value.query).toString()) { waiting(true); setTimeout(() => waiting(false), 8000); }
    const painted = amount => { frame.dataset.painted = amount; };
    const showBefore = on => { frame.classList.toggle("was", on); buttons.before.setAttribute("aria-pressed", on); };
    const askStrip = () => {
      if (film() || !now.setup || !now.setup.knobs.length || now.setup.slow && now.setup.seconds > 1) return;
      bus.trigger("strip", {key: stripKey(now.recipe)});
    };
    for (const name of ["pointerenter", "focusin", "touchstart"]) main.element.addEventListener(name, askStrip, {passive: true});

    const bare = name => ({painted: "Painted"}[name] || name[0].toUpperCase() + name.slice(1));
    function chip(name) {
      const on = now.recipe.region === name;
      return E("button", {type: "button", class: `plain chip ${on ? "first" : ""}`, "data-part": name, "aria-pressed": on, onclick: () => pick(name)}, bare(name));
    }
    const pick = name => { if (now.recipe.region !== name) look({region: name}); };
    const opener = button("paint-own", "Paint my own", () => painting(true));
    let chipped = "";
    function drawChips() {
      const parts_ = now.setup ? now.setup.offered : [], region = now.recipe.region, isPart = now.setup && region in now.setup.parts;
      const names = [...parts_, ...(isPart && !parts_.includes(region) ? [region] : [])], key = JSON.stringify([names, region]);
      if (chipped === key) return;
      chipped = key;
      const held = document.activeElement && document.activeElement.dataset.part;
      opener.classList.toggle("first", !!now.setup && !isPart);
      chips.replaceChildren(...names.map(chip), opener);
      const again = held && chips.querySelector(`[data-part="${held}"]`);
      if (again) again.focus();
    }
    const drawOutline = () => { const bits = decode(now.setup ? now.setup.region : ""); outline(line, bits, crop()); outline(map.line, bits, crop()); };
    // another picture, with the region where it has that part; of another network, its default region
    function take({model, seed, psi, label}) {
      seen.length = 0; painting(false);
      now.another = model === now.recipe.model;
      look({model, seed, psi, label, ...(now.another ? {} : {region: "", layers: "all", lam: 0, size: 0, forbid: true})});
    }
    const network = gan.models(parts.models, "paint", {current: () => now.recipe.model, take});

    // a tap on the picture chooses the part under the finger
    frame.addEventListener("click", e => {
      if (now.painting || !now.setup) return;
      const spot = pixelAt(e), name = Object.keys(now.setup.parts).find(part => decode(now.setup.parts[part])[spot.y * SIDE + spot.x]);
      if (name) pick(name);
    });
    const pixelAt = e => {
      const box = frame.getBoundingClientRect(), hold = value => Math.min(Math.max(Math.floor(value), 0), SIDE - 1);
      const down = crop() + (e.clientY - box.top) / box.height * (1 - 2 * crop());
      return {x: hold((e.clientX - box.left) / box.width * SIDE), y: hold(down * SIDE)};
    };

    // --- painting: brush, rubber, box; by mouse, pen or finger

    const brush = gan.brush({frame, pixelAt, active: () => now.painting, changed: () => { said.hidden = true; drawTools(); }});
    const toolNames = {brush: "Brush", rubber: "Rubber", box: "Box"};
    const toolButtons = Object.fromEntries(Object.entries(toolNames).map(([name, text]) => [name, button(`paint-${name}`, text, () => { brush.tool = name; drawTools(); })]));
    const size = E("input", {type: "range", id: "paint-size", min: 1, max: 12, step: 1, value: 4, "aria-label": "Width of the brush, in 64ths of the picture", oninput: () => { brush.size = +size.value; }});
    const undoStroke = button("paint-undo-stroke", "Undo", brush.undo);
    const clear = button("paint-clear", "Clear", brush.clear);
    const use = button("paint-use", "Find knobs", () => {
      const text = brush.bits.some(bit => bit) ? encode([...brush.bits]) : "";
      if (!text) { said.textContent = "Nothing is painted yet: draw over the picture with a finger or the mouse, then press Find knobs."; said.hidden = false; return; }
      painting(false); look({region: text});
    }, "first");
    const count = E("span", {class: "caption", role: "status", id: "paint-count"});
    tools.replaceChildren(E("div", {class: "buttons"}, ...Object.values(toolButtons), undoStroke, clear), E("label", {class: "size"}, "Width ", size),
      E("div", {class: "buttons"}, use, button("paint-cancel", "Cancel", () => painting(false)), count));
    function drawTools() {
      fill(paint, brush.bits, crop());
      for (const [name, one] of Object.entries(toolButtons)) one.setAttribute("aria-pressed", name === brush.tool), one.classList.toggle("on", name === brush.tool);
      const number = brush.bits.reduce((a, b) => a + b, 0);
      undoStroke.disabled = !brush.past.length; clear.disabled = !number;
      count.textContent = number ? `${(100 * number / SIDE ** 2).toFixed(number < 41 ? 1 : 0)} % of the picture` : "Draw over the picture.";
    }
    function painting(on) {
      now.painting = on;
      said.hidden = true;
      frame.classList.toggle("painting", on);
      parts.stage.element.classList.toggle("painting", on);
      tools.hidden = !on; chips.hidden = on;
      if (on) { showBefore(false); brush.past = []; brush.bits = now.setup && !(now.recipe.region in now.setup.parts) ? decode(now.setup.region) : new Uint8Array(SIDE * SIDE); drawTools(); toolButtons[brush.tool].focus({preventScroll: true}); }
    }
    // --- finding knobs: progress, Stop, ReSeFa's first

    function find(wanted) {
      const plan = now.setup.plan, key = regionKey(now.recipe);
      if (plan.size === null) return;
      if (wanted && plan.size !== now.recipe.size) { now.recipe.size = plan.size; now.agreed = true; send(); tell(); return; }
      if (now.finding === key) return;
      now.finding = key; now.tried = key; now.agreed = false;
      said.hidden = true;
      bus.trigger("find", {key});
      tell();
    }
    parts.facts.watch("value", () => {
      const news = parts.facts.props.value;
      if (!news || news.key !== now.finding || news.key !== regionKey(now.recipe)) return;
      if (news.error) { said.textContent = news.error; said.hidden = false; now.finding = ""; tell(); return; }
      if (news.stopped) { now.finding = ""; now.stopped = true; tell(); return; }
      saying.textContent = news.says; meter.value = news.share || 0;
      if (news.first && now.fresh && !now.standin && now.recipe.method === "lowrank" && !news.solved && now.recipe.forbid) { now.standin = true; now.recipe.method = "resefa"; send(); }
      if (news.solved) {
        now.finding = "";
        const told = copyOf(bus.props.value);
        if (now.standin && !now.touched) { now.standin = false; now.recipe.method = "lowrank"; now.recipe.amounts = now.fresh ? flat() : now.recipe.amounts; }
        if (gan.same(told, now.recipe)) bus.trigger("change", {}); else send();        // an equal value would not be asked about
      }
      tell();
    });

    async function show(answer) {
      if (answer.error) {
        waiting(false);
        if (now.another) { now.another = false; look({region: ""}); return; }             // the new face has no such part
        said.textContent = answer.error; said.hidden = false;
        now.recipe = copyOf(now.good); now.saved = copyOf(now.good); now.refused = true;
        const asks = !gan.same(bus.props.value, now.good);
        send(); tell();
        if (!asks && now.answer) parts.stage.props.value = now.answer;
        return;
      }
      if (now.recipe.region === "") now.recipe.region = answer.recipe.region;
      const current = gan.same(answer.recipe, now.recipe);
      if (!current && (answer.late || now.dragging && film())) return;
      now.refused = now.another = false;
      now.setup = answer.setup; now.good = copyOf(answer.recipe); now.answer = answer;
      const sentence = document.getElementById("paint-sentence");
      if (sentence) sentence.textContent = answer.sentence;
      frame.style.aspectRatio = mapFrame.style.aspectRatio = answer.setup.aspect || 1;
      frame.classList.toggle("large", answer.setup.side >= 256);
      licence.textContent = answer.setup.bundled === false ? `Licence: ${answer.setup.licence}` : "";
      network(answer.setup);
      buttons.another.textContent = `Another ${answer.setup.noun === "portrait" ? "face" : answer.setup.noun}`;
      if (answer.before) before.src = answer.before;
      if (answer.src) after.src = answer.src;
      after.alt = answer.alt; caption.textContent = answer.caption;
      frame.classList.toggle("rough", !answer.src);
      now.query = answer.query;
      if (!answer.setup.solved && current) {
        if (answer.setup.plan.asks && !now.agreed) now.tried = regionKey(now.recipe);
        if (now.tried !== regionKey(now.recipe) || now.agreed) find(false);
      } else if (answer.setup.solved && current && answer.exact === false) bus.trigger("exact", {});
      if (answer.setup.solved && now.fresh && current && answer.setup.knobs.length && !now.dragging) {
        if (!now.standin) now.fresh = false;
        now.recipe.amounts = flat(); now.recipe.amounts[0] = halfWay(0); now.recipe.knob = 0;
        if (!now.standin) remember();
        send(); tell(); return;
      }
      if (answer.setup.solved && current && !now.standin) now.fresh = false;
      drawOutline(); tell();
      await Promise.all([after, before].filter(image => image.src).map(image => image.decode().catch(() => {})));
      waiting(false);
      if (answer.src && after.src === answer.src && (current || !film())) { filmCanvas.hidden = true; mapOf(map.pixels, before, after); }
      if (answer.src) { painted(answer.recipe.amounts[answer.recipe.knob]); frame.dataset.seed = answer.recipe.seed; }
      mapFrame.setAttribute("aria-label", `Map of change with the outline of ${answer.setup.name}. ${answer.verdict}`);
    }
    parts.stage.watch("value", () => show(parts.stage.props.value));
    const takeStrip = async () => {
      const strip = parts.strip.props.value;
      if (!strip || !strip.src) return;
      await filmOf.load(strip.src, strip.frames);
      now.strip = strip.key === "arrival" ? stripKey(arrival) : strip.key;
    };
    parts.strip.watch("value", takeStrip);
    parts.steer.watch("value", () => {
      const to = parts.steer.props.value;
      if (!to || !to.recipe) return;
      gan.visit("steer", "Steer", steer => steer.set(to.recipe));
    });

    // --- beside it: the map, the ban, the region's other knobs

    const buttons = {
      another: button("paint-another", "Another face", anotherFace), before: button("paint-before", "Show before", () => showBefore(!frame.classList.contains("was"))),
      undo: button("paint-undo", "Undo", undoOne), back: button("paint-back", "Back to start", backToStart),
      steer: button("paint-use-steer", "Use in Steer", () => bus.trigger("steer", {key: "steer"})),
    };
    buttons.steer.title = "These knobs, as far as they are turned, on the same picture in Steer";
    const doors = gan.takeTo("paint", {Steer: () => gan.visit("steer", "Steer", steer => steer.take(now.recipe)),
      Restore: () => gan.visit("restore", "Restore", restore => restore.take(now.recipe))});
    const ban = E("input", {type: "checkbox", id: "paint-forbid", role: "switch", onchange: () => { now.touched = true; set({forbid: ban.checked}); }});
    const ready = button("paint-ready", "LowRankGAN\u2019s knobs are ready: show them", () => { now.standin = false; now.touched = false; now.fresh = true; set({method: "lowrank", amounts: flat(), knob: 0}); });
    const eyebrow = E("p", {class: "eyebrow"});
    const rows = arrival.amounts.map((_, i) => {
      const knob = gan.knob({id: `paint-knob-${i + 1}`, reach: 6, input: amount => turn(i, amount, {rest: false}), commit: amount => turn(i, amount, {rest: true})});
      knob.title.addEventListener("click", () => choose(i));
      knob.title.title = "Put this knob under the picture";
      return knob;
    });
    parts.knobs.element.replaceChildren(
      E("div", {class: "mapped"}, mapFrame, E("div", {class: "beside"},
        E("p", {class: "caption"}, "Where it changes: black nothing, white 48 of 255 levels or more."),
        E("label", {class: "switch"}, ban, E("span", {}, "Forbid changes outside")),
        E("div", {class: "buttons"}, buttons.before, buttons.another, buttons.undo, buttons.back, buttons.steer), doors.element)),
      ready, eyebrow, E("div", {class: "knobs"}, ...rows.map(knob => knob.element)));
    const called = (knob, facts) => facts.title ? `${knob + 1} \u00b7 ${facts.title}` : `Knob ${knob + 1}`;
    listeners.push(() => {
      const setup = now.setup, here = setup && regionKey(now.good) === regionKey(now.recipe), knobs = here ? setup.knobs : [];
      const busy = !!now.finding && now.finding === regionKey(now.recipe);
      progress.hidden = !busy;
      finder.hidden = busy || !here || setup.solved || setup.plan.size === null;
      finder.textContent = setup && setup.plan.asks ? "Find knobs" : "Find knobs again";
      verdict.textContent = !here ? "" : setup.solved ? now.answer.verdict : busy ? "" : setup.plan.says || `Not searched to the end: press \u201c${finder.textContent}\u201d.`;
      verdict.hidden = !verdict.textContent;
      main.element.hidden = !knobs[now.recipe.knob];
      rows.forEach((knob, i) => {
        knob.element.hidden = !knobs[i] || i === now.recipe.knob;
        if (!knobs[i]) return;
        knob.name(called(i, knobs[i]), knobs[i].also, knobs[i].low, knobs[i].high, knobs[i].reach);
        if (document.activeElement !== knob.range || !now.dragging) knob.show(now.recipe.amounts[i]);
      });
      const facts = knobs[now.recipe.knob];
      if (facts) { main.name(called(now.recipe.knob, facts), facts.also, facts.low, facts.high, facts.reach); if (!now.dragging) main.show(now.recipe.amounts[now.recipe.knob]); }
      eyebrow.textContent = knobs.length > 1 ? `More knobs of ${setup.name} (${setup.method}${now.standin ? busy ? ", while LowRankGAN\u2019s are being found" : "; LowRankGAN\u2019s were not found to the end" : ""})` : "";
      ready.hidden = !(now.standin && now.touched && !busy);
      ban.checked = now.recipe.forbid;
      buttons.undo.disabled = !undo.length;
      buttons.steer.disabled = !knobs.length;
      doors.moved(now.recipe.amounts.some(amount => amount));
      drawChips();
    });

    // --- the experiments: recorded for the arrival, made again when asked

    function experiment(part, name, press, draw, {says, keyOf = knobKey, data = () => ({}), first = () => {}} = {}) {
      const result = E("div", {class: "result"}), line_ = E("p", {class: "caption", role: "status"});
      let asked = "";
      const go = button(`paint-${name}-go`, press, () => { first(); asked = keyOf(now.recipe); bus.trigger(name, {key: asked, ...data()}); mark(); });
      part.element.replaceChildren(result, line_, E("div", {class: "buttons"}, go));
      const value = () => part.props.value || {};
      const own = () => value().key && (value().key === "arrival" ? keyOf(arrival) : value().key) === keyOf(now.recipe);
      const busy = () => asked && asked === keyOf(now.recipe) && (!own() || value().partial);
      const mark = () => {
        result.classList.toggle("stale", !!value().key && !own());
        const solved = now.setup && now.setup.solved, stale = value().key && !own();
        line_.textContent = busy() ? value().says && own() ? value().says : says : value().error && own() ? value().error
          : now.setup && !solved ? `${stale ? "This was another knob or picture. " : ""}This waits for the region\u2019s knobs, which have not been found yet.`
          : stale ? "This was another knob or picture: press to make it again." : "";
        go.disabled = !!busy() || !solved;
        go.title = go.disabled ? line_.textContent : "";
      };
      part.watch("value", () => { if (!value().partial) asked = ""; if (!value().error) draw(result, value()); mark(); });
      listeners.push(mark);
      if (value().key || value().html) draw(result, value());
      mark();
    }
    const tile = (src, alt, region) => {
      const edge = sheetCanvas("line", 384);
      outline(edge, decode(region), crop());
      return E("div", {class: "tile"}, E("img", {src, alt, draggable: false}), region ? edge : null);
    };
    function banCell(part) {
      experiment(part, "ban", "Compare with and without the ban", (result, value) => {
        if (!value.sides) return;
        const factor = one => E("li", {}, `${one.name}: ${gan.signed(one.amount)} sd`);
        result.replaceChildren(E("p", {class: "aha"}, value.verdict), E("div", {class: "sides"}, ...value.sides.map(side => E("section", {},
          E("h4", {}, side.title), E("div", {class: "pictures"}, tile(side.picture, `The picture, changes outside: ${side.title.toLowerCase()}`, value.region),
            smallMap(value.before, side.picture, value.region, crop(), `Map of change, ${side.title.toLowerCase()}: inside ${Math.round(side.inside * 127.5)} of 255 levels, outside ${(side.outside * 127.5).toFixed(1)}`)),
          E("p", {class: "caption"}, value.reader ? "What the reader says moved most:" : "No reader can say what moved in this network\u2019s pictures."),
          E("ul", {class: "moved"}, ...side.top.map(factor))))));
      }, {says: "Drawing both \u2026", keyOf: recipe => knobKey({...recipe, forbid: true})});
    }
    function faces(part) {
      let first = (part.props.value || {}).first || 0;
      experiment(part, "faces", "Try on eight other faces", (result, value) => {
        if (!value.rows) return;
        result.replaceChildren(E("p", {class: "aha"}, value.verdict), E("div", {class: "faces"}, ...value.rows.map(row => E("div", {class: "face"},
          E("div", {class: "pictures"}, tile(row.pictures[0], "before", row.region), tile(row.pictures[1], `after: ${row.says}`, ""),
            smallMap(...row.pictures, row.region, crop(), `map of change: ${row.says}`)), E("p", {class: "caption"}, row.says)))), E("p", {class: "caption"}, value.caption));
      }, {says: "Drawing eight others \u2026", data: () => ({first}), first: () => { first += 8; }});
    }
    function refuse(part) {
      experiment(part, "refuse", "Ask every part of this picture", (result, value) => {
        result.innerHTML = value.html || "";
      }, {says: "Asking every part \u2026", keyOf: recipe => JSON.stringify(["model", "seed", "psi", "label", "layers", "size"].map(name => recipe[name]))});
      const said_ = E("p", {class: "aha", id: "paint-finding"});
      part.element.prepend(said_);
      part.element.lastChild.append(button("paint-corner", "Try the upper left corner", () => { if (now.setup) { look({region: now.setup.corner}); parts.stage.element.scrollIntoView({block: "nearest"}); } }));
      listeners.push(() => { said_.textContent = now.answer && now.setup && now.setup.solved ? now.answer.finding : ""; });
    }
    const tables = (name, press, says, more = {}) => part => experiment(part, name, press, (result, value) => { result.innerHTML = value.html || ""; }, {says, ...more});

    function more(part) {
      const field = (name, control, hint) => E("div", {class: "field"}, E("label", {for: control.id}, ...name), control, hint);
      const word = key => { const found = part.props.value.words[key]; return [found.plain + " ", E("small", {}, found.term)]; };
      const seed = E("input", {id: "paint-seed", type: "text", inputmode: "numeric", autocomplete: "off", onchange: () => look({seed: /^\d{1,15}$/.test(seed.value.trim()) ? +seed.value : seed.value})});
      const psi = E("input", {id: "paint-psi", type: "range", min: 0, max: 1, step: 0.05, oninput: () => { psiSays.textContent = psi.value; }, onchange: () => look({psi: +psi.value})});
      const psiSays = E("output", {for: "paint-psi"}), psiField = field(word("psi"), psi, psiSays);
      const lam = E("input", {id: "paint-lam", type: "text", inputmode: "decimal", autocomplete: "off", placeholder: "searched for", onchange: () => look({lam: lam.value.trim() === "" ? 0 : lam.value})});
      const lamSays = E("p", {class: "caption"});
      const layers = E("input", {id: "paint-layers", type: "text", autocomplete: "off", onchange: () => look({layers: layers.value})}), layersSays = E("p", {class: "caption"});
      const methods = E("fieldset", {id: "paint-method", class: "choices rows"}, E("legend", {}, ...word("method")), ...part.props.value.methods.map(key => E("label", {title: part.props.value.words[key].tip},
        E("input", {type: "radio", name: "paint-method", value: key, onchange: () => look({method: key})}), E("span", {}, ...word(key)))));
      part.element.replaceChildren(E("div", {class: "fields"}, field(word("seed"), seed), psiField, field(word("layers"), layers, layersSays), field(word("lambda"), lam, lamSays), methods));
      const mark = () => {
        const write = (input, value) => { if (document.activeElement !== input || now.refused) input.value = value; };
        write(seed, now.recipe.seed); write(lam, now.recipe.lam || ""); write(layers, now.recipe.layers);
        psi.value = now.recipe.psi; psiSays.textContent = now.recipe.psi;
        psiField.hidden = !(now.setup && now.setup.truncation);
        layersSays.textContent = now.setup ? `${now.setup.layers.join(", ")}, or numbers such as 0-3,6` : "";
        lamSays.textContent = now.setup && now.setup.weight ? `Here: ${now.setup.weight}. ${now.recipe.method === "official" ? "Empty: 1/60, as published." : "Empty: searched for, so that a sixteenth to a quarter of all ways are protected."}` : "";
        const shownMethod = now.standin ? "lowrank" : now.recipe.method;
        methods.querySelectorAll("input").forEach(radio => { radio.checked = radio.value === shownMethod; });
      };
      listeners.push(mark); mark();
    }
    const link = part => listeners.push(gan.link(part, "paint", {query: () => now.query}));
    listeners.push(() => gan.addresses.shows("paint", now.query));
    const late = {link, more, ban: banCell, faces, refuse,
      compare: tables("compare", "Compare methods", "Turning one direction of each method until the region changes equally \u2026", {keyOf: regionKey}),
      weights: tables("weights", "Lambda: ranks, spectra and a picture each", "Solving for several values of lambda \u2026", {keyOf: regionKey}),
      truth: tables("truth", "Look it up", "Looking it up \u2026")};
    const grown = new Set();
    const grow = () => Object.entries(late).forEach(([name, build]) => {
      const part = gan.parts.paint[name];
      if (part && !grown.has(part.element)) { grown.add(part.element); build(part); if (name === "truth") part.element.querySelector("button").click(); }
    });
    document.addEventListener("gan:paint", grow);
    gan.paint = {now, set, look, choose, take};
    if (parts.stage.props.value.src) show(parts.stage.props.value);
    takeStrip();
    gan.playOnce(frame, {
      from: (arrival.amounts[arrival.knob] / +main.range.max + 1) / 2,
      ready: () => film() && !now.touched && gan.same(now.recipe, arrival) && !frame.classList.contains("was"),
      draw: share => { filmOf.draw(share); filmCanvas.hidden = false; mapOf(map.pixels, before, filmCanvas); main.show((2 * share - 1) * +main.range.max); },
      done: () => { filmCanvas.hidden = true; mapOf(map.pixels, before, after); tell(); },
    });
    const refusal = parts.stage.props.value.error;              // of a link, before this script was there
    if (refusal) { said.textContent = refusal; said.hidden = false; now.refused = true; }
    if (!parts.stage.props.value.src) bus.trigger("change", {});
    grow();
  }

  gan.addresses.tab("paint", "Paint");
  let started = null;
  document.addEventListener("gan:paint", () => {
    const parts = gan.parts.paint || {};
    if (!NEEDED.every(name => parts[name])) return;
    if (started !== parts.stage.element) { started = parts.stage.element; start({...parts}); }
  });
})();
