// The experiments of Look inside: keep few channels, cross two classes, cut pictures into pieces; and more controls.
(() => {
  const E = gan.element, {tile} = gan, rooms = gan.rooms.inside;

  // --- keep only few channels

  rooms.few = tab => {
    const {now, parts, set} = tab, value = () => parts.few.props.value || {}, rows = () => value().rows || [];
    const keep = E("input", {type: "range", id: "inside-keep", min: 0, max: 6, step: 1, value: 2,
      "aria-label": "Keep the top per cent of the channels"});
    const keepSays = E("output", {for: "inside-keep"}), knob = rooms.scrub(["Keep the top"], keep, keepSays);
    const pictures = E("div", {class: "triple"}), numbers = E("div");
    knob.hidden = true;
    const pick = () => {
      const row = rows()[+keep.value];
      if (!row) return;
      keepSays.textContent = `${row.keep} %`;
      keep.setAttribute("aria-valuetext", `${row.keep} per cent of the channels`);
      pictures.replaceChildren(...keptOf(value(), row));
    };
    keep.addEventListener("input", pick);
    keep.addEventListener("change", () => { if (rows()[+keep.value]) set({keep: rows()[+keep.value].keep}); });
    let placed = "";
    rooms.experiment(tab, parts.few, "few", {
      press: "Keep only few channels", says: "Keeping few channels …",
      draw: (result, {rows: kept, key, partial, html, verdict}) => {
        if (!kept) return;
        keep.max = kept.length - 1; knob.hidden = false;
        if (placed !== key) { placed = key; keep.value = 0; }
        const far = kept.map(row => Math.abs(row.keep - now.recipe.keep));
        if (!partial) keep.value = far.indexOf(Math.min(...far));
        pick();
        numbers.innerHTML = html || "";
        result.replaceChildren(E("p", {class: "aha"}, verdict || ""), knob, pictures, numbers);
      },
    });
  };

  // the picture with all channels, with the most aware ones, with as many at random
  function keptOf({whole, word, named}, row) {
    const aware = `The ${row.keep} % most aware: ${row.aware_off} levels off`;
    const random = `${row.keep} % at random: ${row.random_off} levels off`;
    return [
      judged(tile(whole, "all channels", "All channels"), word, named),
      judged(tile(row.aware, `the ${row.keep} % most aware channels`, aware), row.aware_word, named),
      judged(tile(row.random, `${row.keep} % random channels`, random), row.random_word, named),
    ];
  }

  // the classifier's word, and how sure it is of the class that was asked for
  function judged(element, word, named) {
    if (!word) return element;
    const share = Math.round(100 * word.wanted), label = `The classifier: ${named} ${share} per cent`;
    element.append(
      E("p", {class: "word"}, "Taken for ", E("b", {}, word.name), `, ${Math.round(100 * word.probability)} %`),
      E("meter", {min: 0, max: 1, value: word.wanted, "aria-label": label}), E("small", {}, `${named} ${share} %`));
    return element;
  }

  // --- which gates: all, a half, or by number

  const choices = (id, legend, options, chosen, take) => E("fieldset", {class: "choices", id},
    E("legend", {}, ...legend), ...options.map(([value, text]) => E("label", {},
      E("input", {type: "radio", name: id, checked: chosen === value, onchange: () => take(value)}), text)));

  function gatesOf({now, set, word}, id) {
    const element = E("div"), options = [["all", "all"], ["early", "early half"], ["late", "late half"]];
    const own = E("input", {type: "text", id: `inside-gates-${Math.random().toString(36).slice(2, 7)}`,
      autocomplete: "off", placeholder: "2-5", "aria-label": "Gates by number, such as 2-5",
      onchange: () => { if (own.value.trim()) set({gates: own.value.trim()}); }});
    const draw = () => {
      const {gates} = now.recipe, named = options.some(([value]) => value === gates);
      gan.refill(own, named ? "" : gates);
      const made = choices(id, word("gates"), options, gates, taken => set({gates: taken}));
      made.append(own); element.replaceChildren(made);
    };
    return {element, draw};
  }

  // --- cross two classes

  rooms.cross = (tab, part) => {
    const {now, listeners, facts, set} = tab, gates = gatesOf(tab, "inside-cross-gates"), mix = E("div");
    const other = E("input", {type: "text", id: "inside-other", list: "inside-classes", autocomplete: "off"});
    other.addEventListener("change", () => { if (other.value.trim()) set({other: tab.labelFrom(other.value)}); });
    const between = betweenOf(tab);
    rooms.experiment(tab, part, "cross", {
      press: "Cross them", says: "Crossing …",
      lead: [E("div", {class: "fields"}, gan.field(["The other class"], other), gates.element, mix)],
      draw: (result, {src, frames, a, b, names, verdict, partial}) => {
        if (!src) return;
        const [first, second] = names;
        result.replaceChildren(E("p", {class: "aha"}, verdict || ""), E("div", {class: "triple"},
          tile(a, `the picture as ${first}`, first), between.tile(first, second),
          tile(b, `the picture as ${second}`, second)), between.knob);
        if (!partial) between.load(src, frames);
      },
    });
    const MIXES = [["parameters", "gains and biases"], ["features", "activations"]];
    let drawn = "";
    const mark = () => {
      if (facts()) gan.refill(other, facts().classes[now.recipe.other] ?? now.recipe.other);
      const state = JSON.stringify([now.recipe.gates, now.recipe.mix]);
      if (state === drawn) return;
      drawn = state;
      gates.draw();
      mix.replaceChildren(choices("inside-mix", tab.word("mix"), MIXES, now.recipe.mix, one => set({mix: one})));
    };
    listeners.push(mark); mark();
  };

  // the film between two classes, and the slider that moves it
  function betweenOf({now, set, word}) {
    const canvas = E("canvas", {class: "film", "aria-hidden": true}), sheet = gan.film(canvas);
    const share = E("input", {type: "range", id: "inside-share", min: 0, max: 1, step: 0.01, value: now.recipe.share,
      "aria-label": "Share of the channels that come from the other class"});
    const says = E("output", {for: "inside-share"});
    const at = () => {
      says.textContent = `${Math.round(100 * share.value)} %`;
      if (sheet.ready()) sheet.draw(+share.value);
    };
    share.addEventListener("input", at);
    share.addEventListener("change", () => set({share: +share.value}));
    return {
      knob: rooms.scrub(word("share"), share, says),
      tile: (first, second) => E("figure", {class: "restore-tile"},
        E("div", {class: "seen", role: "img", "aria-label": `between ${first} and ${second}`}, canvas),
        E("figcaption", {}, "crossed")),
      load: (src, frames) => sheet.load(src, frames).then(at).catch(() => {}),
    };
  }

  // --- cut pictures into pieces

  rooms.cut = (tab, part) => {
    const {now, listeners, set, word} = tab, gates = gatesOf(tab, "inside-cut-gates");
    const pieces = E("input", {type: "range", id: "inside-pieces", min: 2, max: 12, step: 1});
    const piecesSays = E("output", {for: "inside-pieces"});
    pieces.addEventListener("input", () => { piecesSays.textContent = pieces.value; });
    pieces.addEventListener("change", () => set({pieces: +pieces.value}));
    const weighted = gan.toggle("inside-weighted", "Weighted by awareness", on => set({weighted: on}));
    const pair = (row, i) => E("div", {class: "pictures"},
      E("img", {src: row.picture, alt: `picture ${i + 1} of the class`}),
      E("img", {src: row.cut, alt: "its pieces", class: "hard"}));
    rooms.experiment(tab, part, "cut", {
      press: "Cut into pieces", says: "Cutting …",
      lead: [E("div", {class: "fields"},
        gan.field(word("pieces"), pieces, {hint: piecesSays}), gates.element, weighted)],
      draw: (result, {rows, verdict}) => {
        if (!rows) return;
        result.replaceChildren(E("p", {class: "aha"}, verdict), E("div", {class: "faces"}, ...rows.map(pair)));
      },
    });
    let drawn = "";
    const mark = () => {
      pieces.value = now.recipe.pieces; piecesSays.textContent = now.recipe.pieces;
      weighted.control.checked = now.recipe.weighted;
      if (drawn !== now.recipe.gates) { drawn = now.recipe.gates; gates.draw(); }
    };
    listeners.push(mark); mark();
  };

  // --- the fold "More controls"

  rooms.settings = (tab, part) => {
    const {now, listeners, facts, set} = tab, many = E("p", {class: "caption"});
    const channel = E("input", {id: "inside-channel", type: "text", inputmode: "numeric", autocomplete: "off",
      onchange: () => set({channel: gan.whole(channel.value, 5)})});
    const psi = E("input", {id: "inside-psi", type: "range", min: 0, max: 1, step: 0.05});
    const psiSays = E("output", {for: "inside-psi"});
    psi.addEventListener("input", () => { psiSays.textContent = psi.value; });
    psi.addEventListener("change", () => set({psi: +psi.value}));
    part.element.replaceChildren(
      E("div", {class: "fields"}, tab.field("channel", channel, many), tab.field("psi", psi, psiSays)));
    const mark = () => {
      gan.refill(channel, now.recipe.channel);
      psi.value = now.recipe.psi ?? 1; psiSays.textContent = psi.value;
      many.textContent = facts() && now.answer
        ? `0 to ${facts().channels[now.answer.recipe.gate] - 1} at this gate` : "";
    };
    listeners.push(mark); mark();
  };
})();
