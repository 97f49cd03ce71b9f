// Paint's stage: the picture whose parts can be tapped or painted over, the chosen knob, the search for knobs.
(() => {
  const E = gan.element, {button, copyOf, same} = gan, {SIDE, encode, decode, fill} = gan.regions;
  const rooms = gan.rooms.paint;
  const NOTHING = "Nothing is painted yet: draw over the picture with a finger or the mouse, then press Find knobs.";

  rooms.stage = tab => {
    const {now, parts} = tab, stage = picturesOf();
    stage.film = gan.strip(parts.strip, stage.canvas, now, tab.arrival);
    stage.crop = () => now.setup ? now.setup.crop : 0;
    stage.painted = amount => { stage.frame.dataset.painted = amount; };
    stage.showBefore = on => {
      stage.frame.classList.toggle("was", on);
      tab.beside.buttons.before.setAttribute("aria-pressed", on);
    };
    stage.drawFilm = share => {
      stage.film.draw(share); stage.canvas.hidden = false;
      tab.beside.drawMap(stage.canvas);
    };
    stage.askFilm = () => {
      const {setup} = now;
      if (stage.film.ready() || !setup || !setup.knobs.length || setup.slow && setup.seconds > 1) return;
      tab.bus.trigger("strip", {key: stage.film.key()});
    };
    stage.refuse = text => { stage.said.textContent = text; stage.said.hidden = false; };
    stage.place = finding => place(tab, finding);
    stage.show = answer => show(tab, answer);
    stage.main = mainOf(tab, stage);
    stage.chips = chipsOf(tab, stage);
    stage.network = gan.models(parts.models, "paint", {current: () => now.recipe.model, take: tab.moves.take});
    parts.stage.watch("value", () => stage.show(parts.stage.props.value));
    return stage;
  };

  // all of the stage, in its order
  function place({parts, stage, arrival}, {progress, finder}) {
    const {frame, chips, tools, main, verdict, said, caption} = stage;
    parts.stage.element.replaceChildren(E("figure", {class: "stage"}, frame, chips.element, tools,
      E("div", {class: "scrub"}, main.element), E("figcaption", {}, progress, finder, verdict, said, caption)));
    stage.waiting = gan.waiting("paint", parts.stage, arrival, 8000);
  }

  // the picture after and before, its outline, what is painted over it, and the words under it
  function picturesOf() {
    const after = E("img", {class: "after", alt: ""}), before = E("img", {class: "before", alt: ""});
    const canvas = E("canvas", {class: "film", "aria-hidden": true, hidden: true});
    const line = rooms.canvas("line"), paint = rooms.canvas("brushed"), licence = E("span", {class: "tag licence"});
    return {
      after, before, canvas, line, paint, licence,
      frame: E("div", {class: "photo region"}, after, before, canvas, line, paint, licence),
      tools: E("div", {class: "tools", id: "paint-tools", hidden: true}),
      verdict: E("p", {class: "verdict", id: "paint-verdict", role: "status"}),
      said: E("p", {class: "said", id: "paint-error", role: "alert", hidden: true}),
      caption: E("p", {class: "caption", id: "paint-caption"}),
    };
  }

  // the chosen knob, under the picture
  function mainOf(tab, stage) {
    const {now, turn} = tab;
    const main = gan.knob({
      id: "paint-knob", reach: 6,
      input: amount => {
        stage.showBefore(false);
        turn(now.recipe.knob, amount, {rest: false});
        if (stage.film.ready()) { stage.drawFilm((amount / +main.range.max + 1) / 2); stage.painted(amount); }
      },
      commit: amount => turn(now.recipe.knob, amount, {rest: true}),
    });
    for (const name of ["pointerenter", "focusin", "touchstart"])
      main.element.addEventListener(name, stage.askFilm, {passive: true});
    return main;
  }

  // the parts of the picture to choose from, by name or by a tap on the part itself
  function chipsOf(tab, stage) {
    const {now} = tab, element = E("div", {class: "chips", role: "group", "aria-label": "Parts of the picture"});
    const pick = name => { if (now.recipe.region !== name) tab.look({region: name}); };
    const opener = button("paint-own", "Paint my own", () => tab.painting.open(true));
    const bare = name => name === "painted" ? "Painted" : name[0].toUpperCase() + name.slice(1);
    function chip(name) {
      const on = now.recipe.region === name;
      return E("button", {type: "button", class: `plain chip ${on ? "first" : ""}`, "data-part": name,
        "aria-pressed": on, onclick: () => pick(name)}, bare(name));
    }
    let drawn = "";
    function drawChips() {
      const {setup, recipe: {region}} = now, offered = setup ? setup.offered : [];
      const isPart = setup && region in setup.parts;
      const names = [...offered, ...(isPart && !offered.includes(region) ? [region] : [])];
      const key = JSON.stringify([names, region]);
      if (drawn === key) return;
      drawn = key;
      const held = document.activeElement && document.activeElement.dataset.part;
      opener.classList.toggle("first", !!setup && !isPart);
      element.replaceChildren(...names.map(chip), opener);
      const again = held && element.querySelector(`[data-part="${held}"]`);
      if (again) again.focus();
    }
    stage.frame.addEventListener("click", e => {
      if (now.painting || !now.setup) return;
      const {x, y} = gan.pixelAt(stage.frame, e, stage.crop()), {parts} = now.setup;
      const name = Object.keys(parts).find(part => decode(parts[part])[y * SIDE + x]);
      if (name) pick(name);
    });
    return {element, draw: drawChips};
  }

  // --- the answer to the recipe

  async function show(tab, answer) {
    const {now, bus, stage} = tab, {after, before, canvas, film} = stage, {setup} = answer;
    if (answer.error) { refused(tab, answer.error); return; }
    if (now.recipe.region === "") now.recipe.region = answer.recipe.region;
    const current = same(answer.recipe, now.recipe);
    if (!current && (answer.late || now.dragging && film.ready())) return;
    Object.assign(now, {refused: false, another: false, setup, good: copyOf(answer.recipe), answer});
    now.query = answer.query;
    drawAnswer(tab, answer);
    if (current && !setup.solved) tab.finding.seek(setup.plan);
    if (current && setup.solved && answer.exact === false) bus.trigger("exact", {});
    if (current && setup.solved && now.fresh && setup.knobs.length && !now.dragging) { turnFirst(tab); return; }
    if (current && setup.solved && !now.standin) now.fresh = false;
    tab.beside.drawOutline(decode(setup.region)); tab.tell();
    await Promise.all([after, before].filter(image => image.src).map(image => image.decode().catch(() => {})));
    stage.waiting(false);
    if (answer.src && after.src === answer.src && (current || !film.ready())) {
      canvas.hidden = true;
      tab.beside.drawMap(after);
    }
    if (answer.src) {
      stage.painted(answer.recipe.amounts[answer.recipe.knob]);
      stage.frame.dataset.seed = answer.recipe.seed;
    }
    tab.beside.describeMap(`Map of change with the outline of ${setup.name}. ${answer.verdict}`);
  }

  function refused(tab, error) {
    const {now, stage} = tab;
    stage.waiting(false);
    if (now.another) {                          // the new face has no such part
      now.another = false;
      tab.look({region: ""});
      return;
    }
    stage.refuse(error);
    gan.standAgain(tab);
  }

  // the first knob of another region is turned for all to see
  function turnFirst({now, flat, halfWay, history, send, tell}) {
    if (!now.standin) now.fresh = false;
    now.recipe.amounts = flat(); now.recipe.amounts[0] = halfWay(0); now.recipe.knob = 0;
    if (!now.standin) history.remember();
    send(); tell();
  }

  // the picture and its words; without a picture what was there stays, marked as rough
  function drawAnswer({stage, beside}, answer) {
    const {setup} = answer, {frame, after, before} = stage, sentence = document.getElementById("paint-sentence");
    if (sentence) sentence.textContent = answer.sentence;
    frame.style.aspectRatio = beside.mapFrame.style.aspectRatio = setup.aspect || 1;
    frame.classList.toggle("large", setup.side >= 256);
    stage.licence.textContent = setup.bundled === false ? `Licence: ${setup.licence}` : "";
    stage.network(setup);
    beside.buttons.another.textContent = `Another ${setup.noun === "portrait" ? "face" : setup.noun}`;
    if (answer.before) before.src = answer.before;
    if (answer.src) after.src = answer.src;
    after.alt = answer.alt; stage.caption.textContent = answer.caption;
    frame.classList.toggle("rough", !answer.src);
  }

  // --- finding knobs: progress, Stop, ReSeFa's first

  rooms.finding = tab => {
    const {bus, now, parts, stage} = tab, {regionNow, send, tell} = tab;
    const meter = E("progress", {max: 1, value: 0, "aria-label": "Finding knobs"}), saying = E("span");
    const progress = E("p", {class: "progress", role: "status", id: "paint-progress"},
      meter, saying, button("paint-stop", "Stop", () => bus.trigger("stop", {})));
    const finder = button("paint-find", "Find knobs", () => find(true), "first");
    progress.hidden = finder.hidden = true;
    function find(wanted) {
      const {plan} = now.setup, key = regionNow();
      if (plan.size === null) return;
      if (wanted && plan.size !== now.recipe.size) {
        now.recipe.size = plan.size; now.agreed = true;
        send(); tell(); return;
      }
      if (now.finding === key) return;
      now.finding = key; now.tried = key; now.agreed = false;
      stage.said.hidden = true;
      bus.trigger("find", {key});
      tell();
    }
    // a region is searched once without being asked; what takes long waits until somebody agrees
    function seek(plan) {
      if (plan.asks && !now.agreed) now.tried = regionNow();
      if (now.tried !== regionNow() || now.agreed) find(false);
    }
    parts.facts.watch("value", () => {
      const news = parts.facts.props.value;
      if (!news || news.key !== now.finding || news.key !== regionNow()) return;
      if (news.error || news.stopped) {
        if (news.error) stage.refuse(news.error);
        now.finding = ""; tell(); return;
      }
      saying.textContent = news.says; meter.value = news.share || 0;
      if (news.first && !news.solved) standIn(tab);
      if (news.solved) { now.finding = ""; solved(tab); }
      tell();
    });
    tab.listeners.push(() => {
      const {setup} = now, busy = tab.busy(), here = tab.here(), {verdict} = stage;
      progress.hidden = !busy;
      finder.hidden = busy || !here || setup.solved || setup.plan.size === null;
      finder.textContent = setup && setup.plan.asks ? "Find knobs" : "Find knobs again";
      verdict.textContent = !here ? "" : setup.solved ? now.answer.verdict : busy ? ""
        : setup.plan.says || `Not searched to the end: press “${finder.textContent}”.`;
      verdict.hidden = !verdict.textContent;
    });
    return {seek, progress, finder};
  };

  // ReSeFa's knobs are there first: they stand in for LowRankGAN's
  function standIn({now, send}) {
    if (!now.fresh || now.standin || now.recipe.method !== "lowrank" || !now.recipe.forbid) return;
    now.standin = true; now.recipe.method = "resefa";
    send();
  }

  // LowRankGAN's knobs are there: they take their place, unless somebody has turned the others
  function solved({now, bus, flat, send}) {
    const told = copyOf(bus.props.value);
    if (now.standin && !now.touched) {
      now.standin = false; now.recipe.method = "lowrank";
      if (now.fresh) now.recipe.amounts = flat();
    }
    // an equal value would not be asked about
    if (same(told, now.recipe)) bus.trigger("change", {}); else send();
  }

  // --- painting: brush, rubber, box; by mouse, pen or finger

  rooms.painting = tab => {
    const {now, parts, stage} = tab, {frame, said, tools, paint, crop} = stage;
    const brush = gan.brush({frame, pixelAt: e => gan.pixelAt(frame, e, crop()), active: () => now.painting,
      changed: () => { said.hidden = true; draw(); }});
    const kinds = gan.brushTools("paint", brush, draw, {id: "paint-size", max: 12, value: 4});
    const undo = button("paint-undo-stroke", "Undo", brush.undo), clear = button("paint-clear", "Clear", brush.clear);
    const count = E("span", {class: "caption", role: "status", id: "paint-count"});
    const use = button("paint-use", "Find knobs", () => {
      if (!brush.bits.some(bit => bit)) {
        stage.refuse(NOTHING);
        return;
      }
      const region = encode([...brush.bits]);
      open(false); tab.look({region});
    }, "first");
    tools.replaceChildren(E("div", {class: "buttons"}, ...kinds.buttons, undo, clear),
      E("label", {class: "size"}, "Width ", kinds.width),
      E("div", {class: "buttons"}, use, button("paint-cancel", "Cancel", () => open(false)), count));
    function draw() {
      fill(paint, brush.bits, crop());
      kinds.mark();
      const number = brush.bits.reduce((a, b) => a + b, 0), share = 100 * number / SIDE ** 2;
      undo.disabled = !brush.past.length; clear.disabled = !number;
      count.textContent = number ? `${share.toFixed(number < 41 ? 1 : 0)} % of the picture` : "Draw over the picture.";
    }
    function open(on) {
      now.painting = on;
      said.hidden = true;
      frame.classList.toggle("painting", on);
      parts.stage.element.classList.toggle("painting", on);
      tools.hidden = !on; stage.chips.element.hidden = on;
      if (!on) return;
      stage.showBefore(false);
      brush.start(now.setup && !(now.recipe.region in now.setup.parts) ? decode(now.setup.region) : null);
      draw(); kinds.focus();
    }
    return {open};
  };
})();
