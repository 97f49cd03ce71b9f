// Steer, in the browser: one recipe; every control writes it, every part of the tab shows it.
(() => {
  const NEEDED = ["recipe", "stage", "strip", "knobs", "facts", "models"];
  const PATIENCE = 20;            // seconds of drawing that begin without being asked for
  const IN_SIGHT = 6, UNDO = 50, LARGEST_SEED = 999999;
  const copyOf = value => JSON.parse(JSON.stringify(value));
  const E = gan.element;
  const called = (knob, facts) => facts && facts.title ? `${knob + 1} \u00b7 ${facts.title}` : `Knob ${knob + 1}`;

  function start(parts) {
    const bus = parts.recipe, arrival = copyOf(bus.props.value);
    const now = {recipe: copyOf(arrival), good: copyOf(arrival), saved: copyOf(arrival), setup: null, strip: "", dragging: false};
    const undo = [], seen = [], listeners = [];
    const tell = () => listeners.forEach(listener => listener(now));

    // --- the recipe: read, written, undone

    const send = () => { bus.props.value = copyOf(now.recipe); };
    function remember() {
      if (gan.same(now.saved, now.recipe)) return;
      undo.push(now.saved);
      if (undo.length > UNDO) undo.shift();
      now.saved = copyOf(now.recipe);
    }
    function set(patch) {
      Object.assign(now.recipe, patch);
      remember(); send(); tell();
    }
    function turn(knob, amount, {rest}) {
      now.recipe.amounts[knob] = amount;
      now.dragging = !rest;
      if (rest) remember();
      if (rest || !(knob === now.recipe.knob && film())) send();
      if (rest) sharpen();
      tell();
    }
    // a slow network's first look is there, and nobody is moving it: ask for the picture itself
    const sharpen = () => {
      if (!now.dragging && now.answer && now.answer.exact === false && gan.same(now.answer.recipe, now.recipe)) bus.trigger("exact", {});
    };
    const choose = knob => { set({knob}); askStrip(); };
    const anotherFace = () => { seen.push(now.recipe.seed); set({seed: Math.floor(Math.random() * LARGEST_SEED)}); };
    const previousFace = () => { if (seen.length) set({seed: seen.pop()}); };
    const undoOne = () => { if (undo.length) { now.recipe = undo.pop(); now.saved = copyOf(now.recipe); send(); tell(); } };
    const backToStart = () => { now.recipe = {...copyOf(arrival), amounts: arrival.amounts.map(() => 0)}; remember(); send(); tell(); };
    function surprise() {
      const knob = Math.floor(Math.random() * arrival.amounts.length), amount = (Math.random() < 0.5 ? -1 : 1) * (1.5 + Math.round(Math.random() * 10) / 10);
      seen.push(now.recipe.seed);
      set({seed: Math.floor(Math.random() * LARGEST_SEED), knob, amounts: arrival.amounts.map((_, i) => i === knob ? amount : 0)});
    }
    // another picture, as the network draws it, under the knobs that are on screen; another network's under its own
    function take({model, seed, psi, label}) {
      seen.push(now.recipe.seed);
      const other = model === now.recipe.model ? {} : {method: "sefa", mode: "paper", layers: "all", knob: 0, directions: ""};
      set({model, seed, psi, label, amounts: arrival.amounts.map(() => 0), ...other});
    }
    bus.watch("value", () => {                  // set by the server: a link, a saved edit, a found knob
      now.recipe = copyOf(bus.props.value);
      if (gan.same(now.recipe, arrival)) waiting(false);
      remember(); tell();
    });

    // --- the stage: picture, chosen knob, verdict

    const photo = gan.photo(), filmOf = gan.film(photo.canvas);
    const stripKey = recipe => JSON.stringify({...recipe, amounts: recipe.amounts.map((a, i) => i === recipe.knob ? 0 : a)});
    const film = () => filmOf.ready() && now.strip === stripKey(now.recipe);
    const main = gan.knob({
      id: "steer-knob", reach: 3,
      input: amount => {
        photo.split(false);
        turn(now.recipe.knob, amount, {rest: false});
        if (film()) { filmOf.draw((amount / +main.range.max + 1) / 2); photo.canvas.hidden = false; painted(amount); }
      },
      commit: amount => turn(now.recipe.knob, amount, {rest: true}),
    });
    const caption = E("p", {class: "caption", id: "steer-caption"});
    const verdict = E("p", {class: "verdict", id: "steer-verdict", role: "status"});
    const grade = E("p", {class: "caption", id: "steer-grade"});
    const said = E("p", {class: "said", id: "steer-error", role: "alert", hidden: true});
    const measure = E("button", {class: "plain", id: "steer-measure", type: "button", hidden: true, onclick: () => { now.measuring = {key: now.setup.key, says: "Measuring \u2026"}; bus.trigger("measure", {}); tell(); }}, "Measure these knobs");
    parts.stage.element.replaceChildren(E("figure", {class: "stage"}, photo.element, E("div", {class: "scrub"}, main.element),
      E("figcaption", {}, verdict, grade, measure, said, caption)));
    // a link is on its way: the arrival picture would be another one than was asked for
    const asked = new URLSearchParams(location.search), linked = [null, "steer"].includes(asked.get("tab")) && ["v", ...Object.keys(arrival)].some(name => asked.has(name))
      && asked.toString() !== new URLSearchParams(parts.stage.props.value.query).toString();
    const waiting = on => parts.stage.element.classList.toggle("waiting", on);
    let answers = 0;
    if (linked) { waiting(true); setTimeout(() => waiting(false), 6000); }
    const painted = amount => { photo.element.dataset.painted = amount; };
    let filming = "";
    const askStrip = () => {
      const key = stripKey(now.recipe), slow = now.setup && now.setup.slow;
      if (film() || slow && filming === key) return;
      filming = key;
      bus.trigger(slow ? "film" : "strip", {key});
    };
    const network = gan.models(parts.models, "steer", {
      current: () => now.recipe.model,
      take: recipe => { seen.length = 0; set(recipe); },
    });
    for (const name of ["pointerenter", "focusin", "touchstart"]) main.element.addEventListener(name, askStrip, {passive: true});

    async function show(answer) {
      if (answer.error) {
        said.textContent = answer.error; said.hidden = false; waiting(false);
        now.recipe = copyOf(now.good); now.saved = copyOf(now.good); now.refused = true;
        const asks = !gan.same(bus.props.value, now.good);
        send(); tell();
        if (!asks && now.answer) parts.stage.props.value = now.answer;      // a refused link changed no recipe: nobody will answer
        return;
      }
      if (!now.refused) said.hidden = true;             // the answer to the restored recipe leaves the sentence standing
      now.refused = false;
      now.setup = answer.setup;
      now.good = copyOf(answer.recipe); now.answer = answer;
      const current = gan.same(answer.recipe, now.recipe);
      if (!current && (answer.late || now.dragging && film())) return;
      photo.element.classList.toggle("rough", answer.exact === false);
      sharpen();
      if (answer.exact === false && now.dragging && film()) { tell(); return; }
      photo.network(answer.setup); network(answer.setup); about(answer.setup);
      const sentence = document.getElementById("steer-sentence");
      if (sentence && answer.sentence) sentence.textContent = answer.sentence;
      if (answer.src) photo.after.src = answer.src;             // nothing yet: what was there stays, marked as rough
      if (answer.before) photo.before.src = answer.before;
      photo.after.alt = answer.alt;
      caption.textContent = answer.caption;
      photo.split(photo.isSplit());
      if (answer.src) await photo.after.decode().catch(() => {});
      if (++answers > 1 || !gan.same(answer.recipe, arrival)) waiting(false);
      if (photo.after.src === answer.src && (current || !film())) photo.canvas.hidden = true;
      painted(answer.recipe.amounts[answer.recipe.knob]);
      photo.element.dataset.seed = answer.recipe.seed;
      now.query = answer.query; now.note = answer.note;
      tell();
    }
    const about = facts => {
      const line = document.getElementById("steer-about");
      if (line) line.textContent = facts.about;
      buttons.another.textContent = `Another ${facts.noun === "portrait" ? "face" : facts.noun}`;
    };
    parts.stage.watch("value", () => show(parts.stage.props.value));
    const takeStrip = async () => {
      const strip = parts.strip.props.value;
      if (!strip || !strip.src) return;
      await filmOf.load(strip.src, strip.frames);
      now.strip = strip.key === "arrival" ? stripKey(arrival) : strip.key;
    };
    parts.strip.watch("value", takeStrip);
    parts.facts.watch("value", () => {
      const facts = parts.facts.props.value;
      if (!facts || facts.failed) now.measuring = null;
      else if (facts.progress) now.measuring = {key: facts.key, says: facts.progress};
      else {
        now.measuring = null;
        if (now.setup && facts.key === now.setup.key) now.setup = facts;
      }
      tell();
    });

    // --- the other knobs, and what is done with faces

    const knobOf = i => gan.knob({id: `steer-knob-${i + 1}`, reach: 3,
      input: amount => turn(i, amount, {rest: false}),
      commit: amount => turn(i, amount, {rest: true})});
    const button = (id, text, onclick, kind = "") => E("button", {id, type: "button", class: `plain ${kind}`, onclick}, text);
    const buttons = {
      another: button("steer-another", "Another face", anotherFace, "first"), previous: button("steer-previous", "Previous", previousFace),
      undo: button("steer-undo", "Undo", undoOne), back: button("steer-back", "Back to start", backToStart),
    };
    const doors = gan.takeTo("steer", {Paint: () => gan.visit("paint", "Paint", paint => paint.take(now.recipe)),
      Restore: () => gan.visit("restore", "Restore", restore => restore.take(now.recipe))});
    const eyebrow = E("p", {class: "eyebrow"});
    const column = (first, last) => {
      const rows = [];
      for (let i = first; i < last; i++) {
        const knob = knobOf(i);
        const head = knob.title;
        head.addEventListener("click", () => choose(i));
        head.title = "Put this knob under the picture";
        rows.push({i, knob});
      }
      listeners.push(() => rows.forEach(({i, knob}) => {
        const facts = now.setup && now.setup.knobs[i];
        knob.element.hidden = !facts || i === now.recipe.knob;
        if (!facts) return;
        knob.name(called(i, facts), facts.also, facts.low, facts.high, now.setup.reach);
        if (document.activeElement !== knob.range || !now.dragging) knob.show(now.recipe.amounts[i]);
      }));
      return rows.map(row => row.knob.element);
    };
    parts.knobs.element.replaceChildren(
      E("div", {class: "buttons"}, ...Object.values(buttons)), doors.element, eyebrow, E("div", {class: "knobs"}, ...column(0, IN_SIGHT)));

    listeners.push(() => {
      const facts = now.setup && now.setup.knobs[now.recipe.knob];
      buttons.undo.disabled = !undo.length;
      buttons.previous.disabled = !seen.length;
      doors.moved(now.recipe.amounts.some(amount => amount));
      eyebrow.textContent = now.setup && now.setup.knobs.length > 1 ? `More knobs, ${now.setup.order}` : "";
      if (!facts) return;
      main.name(called(now.recipe.knob, facts), facts.also, facts.low, facts.high, now.setup.reach);
      if (!now.dragging) main.show(now.recipe.amounts[now.recipe.knob]);
      const measuring = now.measuring && now.measuring.key === now.setup.key;
      verdict.textContent = measuring ? now.measuring.says : facts.verdict;
      grade.textContent = now.setup.grade || "";
      measure.hidden = !now.setup.measurable || !!measuring;
    });

    // --- the fold "More controls": mounted when it opens

    function more(part) {
      const setup = () => now.setup || {layers: ["all"]};
      const field = (name, control, hint) => E("div", {class: "field"}, E("label", {for: control.id}, ...name), control, hint);
      const named = key => { const word = part.props.value.words[key]; return [word.plain + " ", E("small", {}, word.term)]; };
      const seed = E("input", {id: "steer-seed", type: "text", inputmode: "numeric", autocomplete: "off", onchange: () => { seen.push(now.recipe.seed); set({seed: /^\d{1,15}$/.test(seed.value.trim()) ? +seed.value : seed.value}); }});
      const psi = E("input", {id: "steer-psi", type: "range", min: 0, max: 1, step: 0.05,
        oninput: () => { now.recipe.psi = +psi.value; psiSays.textContent = psi.value; send(); }, onchange: () => set({psi: +psi.value})});
      const psiSays = E("output", {for: "steer-psi"});
      const groups = E("fieldset", {id: "steer-layers", class: "choices"}, E("legend", {}, ...named("layers")));
      const own = E("input", {id: "steer-own", type: "text", placeholder: "0-3,6", "aria-label": "Layers by number, such as 0-3,6", onchange: () => set({layers: own.value})});
      const label = E("input", {id: "steer-label", type: "text", autocomplete: "off", onchange: () => set({label: /^\d{1,6}$/.test(label.value.trim()) ? +label.value : label.value})});
      const psiField = field(named("psi"), psi, psiSays), labelField = field(named("label"), label);
      part.element.replaceChildren(E("div", {class: "knobs two"}, ...column(IN_SIGHT, arrival.amounts.length)),
        E("div", {class: "fields"}, field(named("seed"), seed), psiField, labelField, groups),
        E("div", {class: "buttons"}, button("steer-surprise", "Surprise me", surprise)));
      let drawn = "";
      listeners.push(() => {
        if (document.activeElement !== seed || now.refused) seed.value = now.recipe.seed;
        psi.value = now.recipe.psi; psiSays.textContent = now.recipe.psi;
        psiField.hidden = !setup().truncation;
        labelField.hidden = !setup().classes;
        if (document.activeElement !== label || now.refused) label.value = now.answer && now.answer.recipe.label === now.recipe.label && setup().label_name || now.recipe.label;
        const choices = [...setup().layers, ...(setup().layers.length > 1 ? ["own"] : [])];
        if (drawn !== choices.join()) {
          drawn = choices.join();
          groups.replaceChildren(groups.firstChild, ...choices.map(name => E("label", {title: part.props.value.words[name].tip},
            E("input", {type: "radio", name: "steer-layers", value: name, onchange: () => name === "own" ? own.focus() : set({layers: name})}),
            part.props.value.words[name].plain)), choices.includes("own") ? own : "");
        }
        const kind = choices.includes(now.recipe.layers) ? now.recipe.layers : "own";
        groups.querySelectorAll("input[type=radio]").forEach(radio => { radio.checked = radio.value === kind; });
        if (document.activeElement !== own || now.refused) own.value = kind === "own" ? now.recipe.layers : "";
      });
      tell();
    }

    // --- sheets of pictures: made when they come into sight and no longer fit the recipe

    // `pictures` to draw: of a network that takes long, the visitor is told the time first and asked
    function sheet(part, name, keyOf, draw, says, {data = () => ({}), pictures = () => 0} = {}) {
      let visible = false, asked = "", timer = 0;
      const progress = E("p", {class: "caption", role: "status"}), go = button(`steer-${name}-go`, "Draw them", () => ask(keyOf(now.recipe)));
      go.hidden = true;
      part.element.append(progress, go);
      const ask = key => { asked = key; bus.trigger(name, {key, ...data()}); look(); };
      const value = () => part.props.value || {};
      const ofNow = () => (value().key === "arrival" ? keyOf(arrival) : value().key) === keyOf(now.recipe);
      const fresh = () => ofNow() && !value().partial;
      const look = () => {
        const key = keyOf(now.recipe), cost = pictures() * (now.setup && now.setup.slow ? now.setup.seconds : 0), waits = asked === key;
        const time = cost < 90 ? `about ${Math.round(cost)} s` : `about ${Math.round(cost / 60)} minutes`;
        part.element.classList.toggle("stale", !fresh() && !(ofNow() && waits));
        go.hidden = fresh() || waits || cost <= PATIENCE;
        progress.textContent = fresh() ? "" : !go.hidden ? `${pictures()} pictures with this network take ${time} on this machine.`
          : ofNow() && value().says || (cost ? `${says} (${time})` : says);
        clearTimeout(timer);
        if (visible && !fresh() && !waits && cost <= PATIENCE && !now.dragging) timer = setTimeout(() => ask(key), 400);
      };
      new IntersectionObserver(seen => { visible = seen[0].isIntersecting; look(); }).observe(part.element);
      part.watch("value", () => { if (!value().partial) asked = ""; draw(); look(); });
      listeners.push(look);
      draw();
    }
    const card = (pictures, alt) => E("div", {class: "pictures"}, ...pictures.map(src => E("img", {src, alt: "", draggable: false})));

    function grid(part) {
      const list = E("div", {class: "grid", id: "steer-grid-list", role: "listbox", tabindex: 0, "aria-label": "All knobs: choose one"});
      part.element.replaceChildren(list);
      const mark = () => list.querySelectorAll("[role=option]").forEach(option => {
        const on = +option.dataset.knob === now.recipe.knob;
        option.setAttribute("aria-selected", on);
        if (on) list.setAttribute("aria-activedescendant", option.id);
      });
      list.addEventListener("click", e => { const option = e.target.closest("[role=option]"); if (option) choose(+option.dataset.knob); });
      list.addEventListener("keydown", e => {
        const count = list.querySelectorAll("[role=option]").length, step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key];
        if (!step) return;
        e.preventDefault();
        choose((now.recipe.knob + step + count) % count);
      });
      const keyOf = recipe => JSON.stringify([recipe.model, recipe.label, recipe.seed, recipe.psi, recipe.method, recipe.mode, recipe.layers, recipe.directions]);
      sheet(part, "grid", keyOf, () => {
        const rows = (part.props.value || {}).rows || [];
        list.replaceChildren(...rows.map((row, i) => {
          const facts = now.setup && now.setup.knobs[i];
          return E("div", {class: "card", role: "option", id: `steer-grid-${i + 1}`, "data-knob": i, "aria-label": called(i, facts)},
            card(row), E("span", {class: "card-name"}, called(i, facts)),
            E("span", {class: "card-strength"}, [facts && facts.also, facts && facts.strength ? `strength ${facts.strength}` : ""].filter(Boolean).join(" \u00b7 ")));
        }));
        mark();
      }, "Drawing every knob on three pictures \u2026", {pictures: () => 6 * (now.setup ? now.setup.knobs.length : 0)});
      listeners.push(mark);
    }
    function faces(part) {
      const keyOf = recipe => JSON.stringify([recipe.model, recipe.label, recipe.psi, recipe.method, recipe.mode, recipe.layers, recipe.directions, recipe.knob]);
      let first = (part.props.value || {}).first || 0;
      const shown = E("div", {class: "faces"}), caption = E("p", {class: "caption"});
      part.element.replaceChildren(shown, caption, E("div", {class: "buttons"},
        button("steer-try", "Try on other faces", () => { first += 8; bus.trigger("faces", {first, key: keyOf(now.recipe)}); })));
      sheet(part, "faces", keyOf, () => {
        const value = part.props.value || {};
        if (value.alt) { shown.setAttribute("role", "img"); shown.setAttribute("aria-label", value.alt); }
        shown.replaceChildren(...(value.rows || []).map(row => E("div", {class: "face"}, card(row))));
        caption.textContent = value.caption || "";
      }, "Drawing eight others \u2026", {data: () => ({first}), pictures: () => 24});
    }
    function truth(part) {
      const keyOf = recipe => JSON.stringify([now.setup ? now.setup.key : "", now.setup ? now.setup.measurable : "", recipe.knob]);
      const tables = E("div");
      part.element.replaceChildren(tables);
      sheet(part, "truth", keyOf, () => { tables.innerHTML = (part.props.value || {}).html || ""; }, "Looking it up \u2026");
    }
    function compare(part) {
      const words = part.props.value.words, name = recipe => recipe.method === "sefa" ? `sefa/${recipe.mode}` : recipe.method;
      const group = E("fieldset", {id: "steer-method", class: "choices rows"}, E("legend", {}, words.method.plain + " ", E("small", {}, words.method.term)),
        ...part.props.value.methods.map(key => E("label", {title: words[key].tip},
          E("input", {type: "radio", name: "steer-method", value: key, disabled: key === "file", onchange: () => {
            const [method, mode] = key.split("/");
            set({method, mode: mode || now.recipe.mode, directions: ""});
          }}), E("span", {}, words[key].plain + " ", E("small", {}, key === "file" ? `${words[key].term}: open one below` : words[key].term)))));
      part.element.replaceChildren(group);
      const mark = () => group.querySelectorAll("input").forEach(radio => { radio.checked = radio.value === name(now.recipe); });
      listeners.push(mark); mark();
    }

    const link = part => listeners.push(gan.link(part, "steer", {query: () => now.query, note: () => now.note}));
    listeners.push(() => gan.addresses.shows("steer", now.query));

    const late = {link, more, grid, faces, truth, compare};
    const grown = new Set();
    const grow = () => Object.entries(late).forEach(([name, build]) => {
      const part = gan.parts.steer[name];
      if (part && !grown.has(part.element)) { grown.add(part.element); build(part); }
    });
    document.addEventListener("gan:steer", grow);
    gan.steer = {now, set, choose, take};
    if (parts.stage.props.value.src) show(parts.stage.props.value);
    takeStrip();
    photo.split(!!arrival.amounts[arrival.knob]);
    if (!parts.stage.props.value.src) bus.trigger("change", {});
    grow();
  }

  gan.addresses.tab("steer", "Steer");
  let started = null;
  document.addEventListener("gan:steer", () => {
    const parts = gan.parts.steer || {};
    if (!NEEDED.every(name => parts[name])) return;
    if (started !== parts.stage.element) { started = parts.stage.element; start({...parts}); }
  });
})();
