// Look inside, in the browser: one recipe; a tap on a channel writes it, and the picture follows a moment later.
(() => {
  const NEEDED = ["recipe", "base", "facts", "film", "stage", "controls", "models", "few"];
  const LARGEST_SEED = 999999;
  const copyOf = value => JSON.parse(JSON.stringify(value));
  const E = gan.element;
  const button = (id, text, onclick, kind = "") => E("button", {id, type: "button", class: `plain ${kind}`, onclick}, text);
  const tile = (src, alt, text) => E("figure", {class: "restore-tile"}, E("div", {class: "seen"}, E("img", {src, alt, draggable: false})), E("figcaption", {}, text));
  const filmKey = recipe => JSON.stringify(["model", "seed", "label", "psi", "gate", "channel"].map(name => recipe[name]));

  function start(parts) {
    const bus = parts.recipe, words = parts.controls.props.value.words;
    const recorded = copyOf(parts.stage.props.value || {}), arrival = copyOf(bus.props.value || {});
    const now = {recipe: copyOf(arrival), good: copyOf(arrival), answer: null, facts: null, film: ""};
    const listeners = [], undo = [], tell = () => listeners.forEach(listener => listener());
    const current = () => !!now.answer && gan.same(now.answer.recipe, now.recipe);
    const facts = () => now.facts && now.facts.model === now.recipe.model ? now.facts : null;
    const word = key => [words[key].plain + " ", E("small", {}, words[key].term)];

    // --- the recipe

    function set(patch) {
      undo.push(copyOf(now.recipe));
      now.recipe = {...now.recipe, ...patch};
      said.hidden = true; stage.classList.add("stale");
      bus.props.value = copyOf(now.recipe);
      tell();
    }
    function back() {
      if (!undo.length) return;
      now.recipe = undo.pop(); stage.classList.add("stale"); bus.props.value = copyOf(now.recipe); tell();
    }
    bus.watch("value", () => {                      // set by the server: a link
      if (!bus.props.value || gan.same(bus.props.value, now.recipe)) return;
      now.recipe = copyOf(bus.props.value); stage.classList.add("stale"); tell();
    });

    // --- the stage: the picture before and after, its channels as dots, how strong the chosen one is, verdict

    const photo = gan.photo(), film = gan.film(photo.canvas);
    photo.split(true);
    const dots = E("div", {class: "dots", role: "group", "aria-label": "The channels that this class opens most"});
    const amount = E("input", {type: "range", id: "inside-amount", min: 0, max: 3, step: 0.05, value: 0, "aria-label": "Strength of the channel: 0 is off, 1 as it is"});
    const amountSays = E("output", {for: "inside-amount"});
    const verdict = E("p", {class: "verdict", id: "inside-verdict", role: "status"}), said = E("p", {class: "said", id: "inside-error", role: "alert", hidden: true});
    const caption = E("p", {class: "caption", id: "inside-caption"});
    const measure = button("inside-measure", "Measure", () => { measure.disabled = true; bus.trigger("measure", {}); });
    const off = button("inside-off", "Switch off", () => set({amount: 0}), "first"), up = button("inside-up", "Turn up", () => set({amount: 2}));
    const next = button("inside-next", "Next channel", () => {
      const numbers = now.answer.dots.map(dot => dot.channel);
      set({channel: numbers[(numbers.indexOf(now.recipe.channel) + 1) % numbers.length]});
    });
    const undoOne = button("inside-undo", "Undo", back);
    const stage = E("div", {class: "inside stale"}, photo.element, E("p", {class: "eyebrow", id: "inside-dots-says"}), dots,
      verdict, said, E("div", {class: "field scrub"}, E("label", {for: "inside-amount"}, ...word("amount")), amount, amountSays),
      E("div", {class: "buttons"}, off, up, next, measure, undoOne), caption);
    parts.stage.element.replaceChildren(stage);

    const map = E("canvas", {class: "map-pixels", "aria-hidden": true}), mapFrame = E("div", {class: "map", id: "inside-map", role: "img", "aria-label": "Map of change"}, map);
    const active = E("img", {alt: ""}), activeSays = E("figcaption", {}), users = E("div", {id: "inside-users"});
    const classBox = E("input", {type: "text", id: "inside-class", list: "inside-classes", autocomplete: "off"}), classes = E("datalist", {id: "inside-classes"});
    const gate = E("select", {id: "inside-gate", onchange: () => set({gate: +gate.value, channel: -1})});
    const seed = E("input", {type: "text", id: "inside-seed", inputmode: "numeric", autocomplete: "off"});
    const labelFrom = text => { const found = facts() ? facts().classes.findIndex(name => name.toLowerCase() === text.trim().toLowerCase()) : -1; return found >= 0 ? found : text.trim(); };
    classBox.addEventListener("change", () => { if (classBox.value.trim()) set({label: labelFrom(classBox.value), channel: -1}); });
    seed.addEventListener("change", () => set({seed: /^\d{1,9}$/.test(seed.value.trim()) ? +seed.value : seed.value}));
    const field = (key, control) => E("div", {class: "field"}, E("label", {for: control.id, title: words[key].tip}, ...word(key)), control);
    parts.controls.element.replaceChildren(
      E("div", {class: "fields"}, field("label", classBox), field("seed", seed), field("gate", gate)), classes,
      E("div", {class: "buttons"}, button("inside-another", "Another picture", () => set({seed: Math.floor(Math.random() * LARGEST_SEED)})),
        button("inside-start", "Back to start", () => { if (arrival.model) set(arrival); })),
      E("div", {class: "looked"}, E("figure", {class: "restore-tile"}, mapFrame, E("figcaption", {}, "What changes")),
        E("figure", {class: "restore-tile"}, E("div", {class: "map"}, active), activeSays)), users);

    const drawMap = source => gan.mapOfChange(map, photo.before, source);
    const filmed = () => film.ready() && now.film === filmKey(now.recipe);
    const strengthOf = value => value === 0 ? "off" : value === 1 ? "as it is" : `${value.toFixed(2)} times`;
    amount.addEventListener("input", () => {
      amountSays.textContent = strengthOf(+amount.value);
      if (filmed()) { film.draw(+amount.value / 3); photo.canvas.hidden = false; drawMap(photo.canvas); }
    });
    amount.addEventListener("change", () => set({amount: +amount.value}));
    parts.film.watch("value", takeFilm);
    function takeFilm() {
      const value = parts.film.props.value || {};
      if (value.src && value.key === filmKey(now.recipe)) film.load(value.src, value.frames).then(() => { now.film = value.key; }).catch(() => {});
    }

    function drawDots() {
      const shown = now.answer ? now.answer.dots : [], most = Math.max(...shown.map(dot => dot.score), 1e-9);
      const held = dots.contains(document.activeElement) && document.activeElement.dataset.channel;      // who chooses by keyboard stays there
      dots.replaceChildren(...shown.map(dot => {
        const lit = dot.channel === now.recipe.channel;
        const made = E("button", {type: "button", class: `dot ${lit ? "lit" : ""}`, "data-channel": dot.channel, "aria-pressed": lit, "aria-label": `Channel ${dot.channel}, number ${dot.rank} in awareness, ${dot.score}`,
          title: `channel ${dot.channel}: awareness ${dot.score}`, onclick: () => set({channel: dot.channel})}, E("i"), E("span", {}, String(dot.channel)));
        made.style.setProperty("--size", Math.sqrt(Math.max(dot.score, 0) / most));
        return made;
      }));
      if (held) (dots.querySelector(`[data-channel="${held}"]`) || dots.querySelector(".lit")).focus();
      stage.querySelector("#inside-dots-says").textContent = now.answer ? `The channels that \u201c${now.answer.named}\u201d opens most` : "";
    }
    async function show(answer) {
      now.answer = answer; now.good = copyOf(answer.recipe);
      const needs = document.querySelector("#inside-needs:not(.met)");
      if (needs) { needs.classList.add("met"); opener.textContent = "Other networks"; }
      stage.classList.remove("stale");
      network(answer.setup);
      photo.network(answer.setup);
      photo.element.classList.remove("waiting");
      photo.before.src = answer.before; photo.after.src = answer.src;
      photo.after.alt = answer.alt; photo.before.alt = ""; photo.split(photo.isSplit());
      verdict.textContent = answer.verdict; caption.textContent = answer.caption;
      mapFrame.setAttribute("aria-label", `Map of change. ${answer.verdict}`);
      active.src = answer.active; active.alt = `Where channel ${answer.recipe.channel} is active: ${answer.active_says}`;
      activeSays.textContent = `Where it is active: ${answer.active_says}`;
      users.innerHTML = answer.users;
      amount.value = answer.recipe.amount; amountSays.textContent = strengthOf(answer.recipe.amount);
      measure.hidden = answer.measured || !answer.setup.slow; measure.disabled = false;
      if (!answer.measured && !answer.setup.slow && answer.recipe.amount !== 1) bus.trigger("measure", {});
      drawDots(); tell();
      if (!facts()) bus.trigger("about", {});
      if (!answer.setup.slow && (parts.film.props.value || {}).key !== filmKey(answer.recipe)) bus.trigger("film", {key: filmKey(answer.recipe)});
      await Promise.all([photo.before, photo.after].map(image => image.decode().catch(() => {})));
      if (now.answer === answer) { photo.canvas.hidden = true; drawMap(photo.after); photo.element.dataset.painted = answer.query; }
    }
    const refuse = text => { said.textContent = text; said.hidden = false; const needs = document.querySelector("#inside-needs:not(.met)"); if (needs) needs.querySelector("p").textContent = text; tell(); };
    parts.stage.watch("value", () => {
      const answer = parts.stage.props.value || {};
      if (answer.error) {
        if (answer.asked !== "link" && gan.same(answer.asked, now.recipe)) { now.recipe = copyOf(now.good); bus.props.value = copyOf(now.good); if (now.answer) show(now.answer); }
        refuse(answer.error); return;
      }
      if (!answer.recipe || !(gan.same(answer.asked, now.recipe) || gan.same(answer.recipe, now.recipe))) return;
      now.recipe = copyOf(answer.recipe);
      if (!gan.same(bus.props.value, answer.recipe)) bus.props.value = copyOf(answer.recipe);      // with its defaults written out: what is asked next is asked of this
      show(answer);
    });
    function takeFacts() {
      const value = parts.facts.props.value || {};
      if (!value.classes || value.model !== now.recipe.model) return;
      now.facts = value;
      classes.replaceChildren(...value.classes.map(name => E("option", {value: name})));
      gate.replaceChildren(...value.gates.map((name, i) => E("option", {value: i}, name)));
      tell();
    }
    parts.facts.watch("value", takeFacts);
    listeners.push(() => {
      if (document.activeElement !== seed) seed.value = now.recipe.seed ?? "";
      if (facts() && now.answer) { if (document.activeElement !== classBox) classBox.value = facts().classes[now.recipe.label] ?? now.recipe.label; gate.value = now.recipe.gate; }
      undoOne.disabled = !undo.length;
      for (const one of [off, up, next]) one.disabled = !now.answer;
    });
    const network = gan.models(parts.models, "inside", {current: () => now.recipe.model, wanted: row => row.classes > 0,
      take: chosen => {
        parts.base.props.value = {version: 1, model: chosen.model, seed: chosen.seed, psi: chosen.psi, label: 0};
        set({tab: "inside", version: 1, seed: 0, label: 0, psi: null, gate: -1, channel: -1, amount: 0, other: -1, gates: "all", model: chosen.model});
      }});

    const opener = document.getElementById("inside-other-networks");
    if (!arrival.model) opener.textContent = "Choose a network";

    // --- experiments: asked for, watched, stopped

    const PICTURE = ["model", "seed", "label", "psi"], RESTS_ON = {few: PICTURE, alike: ["model", "label"], truth: ["model"],
      cross: [...PICTURE, "other", "gates", "mix"], cut: [...PICTURE, "gates", "pieces", "weighted"], compare: [...PICTURE, "gate"]};
    function experiment(part, name, press, draw, {says, streams = true, lead = []} = {}) {
      const key = () => JSON.stringify(RESTS_ON[name].map(field => now.recipe[field]));
      const result = E("div", {class: "result"}), line = E("p", {class: "caption", role: "status"}), meter = E("progress", {max: 1, value: 0, hidden: true, "aria-label": "How far it is"});
      let asked = "", of = "";
      const value = () => part.props.value || {};
      const goNow = button(`inside-${name}-go`, press, () => { of = key(); asked = JSON.stringify(now.recipe) + Math.random(); bus.trigger(name, {key: asked}); mark(); }, "first");
      const stopNow = button(`inside-${name}-stop`, "Stop", () => bus.trigger("stop", {kind: name}));
      part.element.replaceChildren(...lead, E("div", {class: "buttons"}, goNow, stopNow), E("p", {class: "progress"}, meter, line), result);
      const mark = () => {
        const busy = !!asked, shown = value();
        stopNow.hidden = !busy || !streams;
        meter.hidden = !busy || shown.key !== asked || shown.share === undefined; meter.value = shown.share || 0;
        line.textContent = busy ? shown.key === asked && shown.says ? shown.says : says : shown.error ? shown.error : shown.ended ? "Stopped." : "";
        line.parentElement.hidden = !line.textContent;
        goNow.disabled = busy || !current();
        result.classList.toggle("stale", !!result.dataset.of && result.dataset.of !== key());
      };
      part.watch("value", () => {
        const shown = value();
        if (shown.key === asked && !shown.partial) asked = "";
        if (!shown.error) { draw(result, shown); if (shown.verdict) result.dataset.of = of; }
        mark();
      });
      listeners.push(mark); mark();
      return result;
    }

    const few = (() => {
      const keep = E("input", {type: "range", id: "inside-keep", min: 0, max: 6, step: 1, value: 2, "aria-label": "Keep the top per cent of the channels"}), keepSays = E("output", {for: "inside-keep"});
      const knob = E("div", {class: "field scrub", hidden: true}, E("label", {for: "inside-keep"}, "Keep the top"), keep, keepSays), pictures = E("div", {class: "triple"}), numbers = E("div");
      const rows = () => (parts.few.props.value || {}).rows || [];
      const judged = (element, word) => {             // the classifier's word, and how sure it is of the class that was asked for
        if (!word) return element;
        const share = Math.round(100 * word.wanted), name = parts.few.props.value.named;
        element.append(E("p", {class: "word"}, "Taken for ", E("b", {}, word.name), `, ${Math.round(100 * word.probability)} %`),
          E("meter", {min: 0, max: 1, value: word.wanted, "aria-label": `The classifier: ${name} ${share} per cent`}), E("small", {}, `${name} ${share} %`));
        return element;
      };
      const pick = () => {
        const row = rows()[+keep.value];
        if (!row) return;
        keepSays.textContent = `${row.keep} %`;
        keep.setAttribute("aria-valuetext", `${row.keep} per cent of the channels`);
        pictures.replaceChildren(judged(tile(parts.few.props.value.whole, "all channels", "All channels"), parts.few.props.value.word), judged(tile(row.aware, `the ${row.keep} % most aware channels`, `The ${row.keep} % most aware: ${row.aware_off} levels off`), row.aware_word),
          judged(tile(row.random, `${row.keep} % random channels`, `${row.keep} % at random: ${row.random_off} levels off`), row.random_word));
      };
      keep.addEventListener("input", pick);
      keep.addEventListener("change", () => { if (rows()[+keep.value]) set({keep: rows()[+keep.value].keep}); });
      let placed = "";
      experiment(parts.few, "few", "Keep only few channels", (result, value) => {
        if (!value.rows) return;
        keep.max = value.rows.length - 1; knob.hidden = false;
        if (placed !== value.key) { placed = value.key; keep.value = 0; }
        if (!value.partial) { const near = value.rows.map(row => Math.abs(row.keep - now.recipe.keep)); keep.value = near.indexOf(Math.min(...near)); }
        pick();
        numbers.innerHTML = value.html || "";
        result.replaceChildren(E("p", {class: "aha"}, value.verdict || ""), knob, pictures, numbers);
      }, {says: "Keeping few channels \u2026"});
    })();

    // --- cells and folds that may come later

    const choices = (id, legend, options, chosen, take) => E("fieldset", {class: "choices", id}, E("legend", {}, ...legend),
      ...options.map(([value, text]) => E("label", {}, E("input", {type: "radio", name: id, checked: chosen === value, onchange: () => take(value)}), text)));
    const range = () => { const input = E("input", {type: "text", id: `inside-gates-${Math.random().toString(36).slice(2, 7)}`, autocomplete: "off", placeholder: "2-5", "aria-label": "Gates by number, such as 2-5", onchange: () => { if (input.value.trim()) set({gates: input.value.trim()}); }}); return input; };
    const gatesField = id => { const holder = E("div"), own = range(); return {holder, draw: () => {
      if (document.activeElement !== own) own.value = ["all", "early", "late"].includes(now.recipe.gates) ? "" : now.recipe.gates;
      const made = choices(id, word("gates"), [["all", "all"], ["early", "early half"], ["late", "late half"]], now.recipe.gates, gates => set({gates}));
      made.append(own); holder.replaceChildren(made);
    }}; };
    function cross(part) {
      const other = E("input", {type: "text", id: "inside-other", list: "inside-classes", autocomplete: "off"}), gates = gatesField("inside-cross-gates"), mix = E("div");
      other.addEventListener("change", () => { if (other.value.trim()) set({other: labelFrom(other.value)}); });
      const canvas = E("canvas", {class: "film", "aria-hidden": true}), sheet = gan.film(canvas);
      const share = E("input", {type: "range", id: "inside-share", min: 0, max: 1, step: 0.01, value: now.recipe.share, "aria-label": "Share of the channels that come from the other class"}), shareSays = E("output", {for: "inside-share"});
      const knob = E("div", {class: "field scrub"}, E("label", {for: "inside-share"}, ...word("share")), share, shareSays);
      const at = () => { shareSays.textContent = `${Math.round(100 * share.value)} %`; if (sheet.ready()) sheet.draw(+share.value); };
      share.addEventListener("input", at); share.addEventListener("change", () => set({share: +share.value}));
      experiment(part, "cross", "Cross them", (result, value) => {
        if (!value.src) return;
        result.replaceChildren(E("p", {class: "aha"}, value.verdict || ""), E("div", {class: "triple"}, tile(value.a, `the picture as ${value.names[0]}`, value.names[0]),
          E("figure", {class: "restore-tile"}, E("div", {class: "seen", role: "img", "aria-label": `between ${value.names[0]} and ${value.names[1]}`}, canvas), E("figcaption", {}, "crossed")), tile(value.b, `the picture as ${value.names[1]}`, value.names[1])), knob);
        if (!value.partial) sheet.load(value.src, value.frames).then(at).catch(() => {});
      }, {says: "Crossing \u2026", lead: [E("div", {class: "fields"}, E("div", {class: "field"}, E("label", {for: "inside-other"}, "The other class"), other), gates.holder, mix)]});
      let drawn = "";
      const mark = () => {
        if (facts() && document.activeElement !== other) other.value = facts().classes[now.recipe.other] ?? now.recipe.other;
        const state = JSON.stringify([now.recipe.gates, now.recipe.mix]);
        if (state !== drawn) { drawn = state; gates.draw(); mix.replaceChildren(choices("inside-mix", word("mix"), [["parameters", "gains and biases"], ["features", "activations"]], now.recipe.mix, one => set({mix: one}))); }
      };
      listeners.push(mark); mark();
    }
    function cut(part) {
      const pieces = E("input", {type: "range", id: "inside-pieces", min: 2, max: 12, step: 1}), piecesSays = E("output", {for: "inside-pieces"}), gates = gatesField("inside-cut-gates");
      pieces.addEventListener("input", () => { piecesSays.textContent = pieces.value; });
      pieces.addEventListener("change", () => set({pieces: +pieces.value}));
      const weighted = E("input", {type: "checkbox", role: "switch", id: "inside-weighted", onchange: () => set({weighted: weighted.checked})});
      experiment(part, "cut", "Cut into pieces", (result, value) => {
        if (!value.rows) return;
        result.replaceChildren(E("p", {class: "aha"}, value.verdict), E("div", {class: "faces"}, ...value.rows.map((row, i) => E("div", {class: "pictures"},
          E("img", {src: row.picture, alt: `picture ${i + 1} of the class`}), E("img", {src: row.cut, alt: `its pieces`, class: "hard"})))));
      }, {says: "Cutting \u2026", lead: [E("div", {class: "fields"}, E("div", {class: "field"}, E("label", {for: "inside-pieces"}, ...word("pieces")), pieces, piecesSays), gates.holder,
        E("label", {class: "switch"}, weighted, E("span", {}, "Weighted by awareness")))]});
      let drawn = "";
      const mark = () => { pieces.value = now.recipe.pieces; piecesSays.textContent = now.recipe.pieces; weighted.checked = now.recipe.weighted; if (drawn !== now.recipe.gates) { drawn = now.recipe.gates; gates.draw(); } };
      listeners.push(mark); mark();
    }
    const tables = (name, press, says, streams) => part => experiment(part, name, press, (result, value) => {
      if (value.html) { const shown = E("div"); shown.innerHTML = value.html; result.replaceChildren(...(value.verdict ? [E("p", {class: "aha"}, value.verdict)] : []), shown); }
    }, {says, streams});
    function more(part) {
      const channel = E("input", {id: "inside-channel", type: "text", inputmode: "numeric", autocomplete: "off", onchange: () => set({channel: /^\d{1,5}$/.test(channel.value.trim()) ? +channel.value : channel.value})});
      const psi = E("input", {id: "inside-psi", type: "range", min: 0, max: 1, step: 0.05}), psiSays = E("output", {for: "inside-psi"});
      psi.addEventListener("input", () => { psiSays.textContent = psi.value; });
      psi.addEventListener("change", () => set({psi: +psi.value}));
      const many = E("p", {class: "caption"});
      part.element.replaceChildren(E("div", {class: "fields"}, E("div", {class: "field"}, E("label", {for: "inside-channel", title: words.channel.tip}, ...word("channel")), channel, many),
        E("div", {class: "field"}, E("label", {for: "inside-psi", title: words.psi.tip}, ...word("psi")), psi, psiSays)));
      const mark = () => {
        if (document.activeElement !== channel) channel.value = now.recipe.channel;
        psi.value = now.recipe.psi ?? 1; psiSays.textContent = psi.value;
        many.textContent = facts() && now.answer ? `0 to ${facts().channels[now.answer.recipe.gate] - 1} at this gate` : "";
      };
      listeners.push(mark); mark();
    }
    const link = part => listeners.push(gan.link(part, "inside", {query: () => now.answer && now.answer.query, says: "Link to exactly these settings"}));
    listeners.push(() => gan.addresses.shows("inside", now.answer && now.answer.query));
    const late = {link, more, cross, cut, alike: tables("alike", "Compare the classes", "Comparing \u2026", false),
      compare: tables("compare", "Measure every channel of this gate", "Measuring \u2026", true), truth: tables("truth", "Look it up", "Looking it up \u2026", false)};
    const askOnce = element => {                    // once a network: what was measured of it is only looked up
      let asked = "";
      const ask = () => { if (current() && asked !== now.recipe.model) { asked = now.recipe.model; element.querySelector("button").click(); } };
      listeners.push(ask); ask();
    };
    const grown = new Set();
    const grow = () => Object.entries(late).forEach(([name, build]) => {
      const part = gan.parts.inside[name];
      if (part && !grown.has(part.element)) { grown.add(part.element); build(part); if (name === "truth") askOnce(part.element); }
    });
    document.addEventListener("gan:inside", grow);
    gan.inside = {now, set};
    takeFacts();
    if (recorded.recipe) show(recorded); else if (recorded.error) refuse(recorded.error);
    if (!recorded.recipe && arrival.model) bus.trigger("change", {});
    takeFilm();
    grow();
    tell();
  }

  gan.addresses.tab("inside", "Look inside");
  let started = null;
  document.addEventListener("gan:inside", () => {
    const parts = gan.parts.inside || {};
    if (!NEEDED.every(name => parts[name])) return;
    if (started !== parts.stage.element) { started = parts.stage.element; start({...parts}); }
  });
})();
