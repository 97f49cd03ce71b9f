// Paint, beside and below the picture: the map of change, the ban, the region's other knobs, the experiments.
(() => {
  const E = gan.element, {button} = gan, {decode, outline} = gan.regions, rooms = gan.rooms.paint;

  // --- the map, the buttons, the other knobs

  rooms.beside = tab => {
    const {now, parts, listeners, stage} = tab, map = mapOf(), buttons = buttonsOf(tab);
    const doors = gan.takeTo("paint", {
      Steer: () => gan.visit("steer", "Steer", steer => steer.take(now.recipe)),
      Restore: () => gan.visit("restore", "Restore", restore => restore.take(now.recipe)),
    });
    const ban = gan.toggle("paint-forbid", "Forbid changes outside", forbid => {
      now.touched = true;
      tab.set({forbid});
    });
    const knobs = knobsOf(tab);
    parts.knobs.element.replaceChildren(
      E("div", {class: "mapped"}, map.frame, E("div", {class: "beside"},
        E("p", {class: "caption"}, "Where it changes: black nothing, white 48 of 255 levels or more."), ban,
        E("div", {class: "buttons"}, ...Object.values(buttons)), doors.element)), ...knobs);
    listeners.push(() => {
      ban.control.checked = now.recipe.forbid;
      buttons.undo.disabled = !tab.history.any();
      buttons.steer.disabled = !(tab.here() && now.setup.knobs.length);
      doors.moved(now.recipe.amounts.some(amount => amount));
      stage.chips.draw();
    });
    parts.steer.watch("value", () => {
      const to = parts.steer.props.value;
      if (to && to.recipe) gan.visit("steer", "Steer", steer => steer.set(to.recipe));
    });
    return {
      buttons, mapFrame: map.frame,
      drawMap: after => gan.mapOfChange(map.pixels, stage.before, after),
      drawOutline: bits => { for (const line of [stage.line, map.line]) outline(line, bits, stage.crop()); },
      describeMap: says => map.frame.setAttribute("aria-label", says),
    };
  };

  function mapOf() {
    const pixels = rooms.canvas("map-pixels", 1), line = rooms.canvas("map-line");
    const attributes = {class: "map", id: "paint-map", role: "img", "aria-label": "Map of change"};
    return {pixels, line, frame: E("div", attributes, pixels, line)};
  }

  function buttonsOf({bus, moves, stage}) {
    const buttons = {
      before: button("paint-before", "Show before", () => stage.showBefore(!stage.frame.classList.contains("was"))),
      another: button("paint-another", "Another face", moves.anotherFace),
      undo: button("paint-undo", "Undo", moves.undo),
      back: button("paint-back", "Back to start", moves.backToStart),
      steer: button("paint-use-steer", "Use in Steer", () => bus.trigger("steer", {key: "steer"})),
    };
    buttons.steer.title = "These knobs, as far as they are turned, on the same picture in Steer";
    return buttons;
  }

  // the region's other knobs, below the map
  function knobsOf(tab) {
    const {now, arrival, listeners, stage} = tab, eyebrow = E("p", {class: "eyebrow"});
    const rows = arrival.amounts.map((_, i) => gan.knobOf("paint", i, 6, tab));
    const ready = button("paint-ready", "LowRankGAN’s knobs are ready: show them", () => {
      Object.assign(now, {standin: false, touched: false, fresh: true});
      tab.set({method: "lowrank", amounts: tab.flat(), knob: 0});
    });
    listeners.push(() => {
      const {knob: chosen, amounts} = now.recipe, knobs = tab.here() ? now.setup.knobs : [], facts = knobs[chosen];
      stage.main.element.hidden = !facts;
      rows.forEach((knob, i) => {
        knob.element.hidden = !knobs[i] || i === chosen;
        if (!knobs[i]) return;
        named(knob, i, knobs[i]);
        if (document.activeElement !== knob.range || !now.dragging) knob.show(amounts[i]);
      });
      if (facts) named(stage.main, chosen, facts);
      if (facts && !now.dragging) stage.main.show(amounts[chosen]);
      eyebrow.textContent = knobs.length > 1 ? `More knobs of ${now.setup.name} (${methodOf(tab)})` : "";
      ready.hidden = !(now.standin && now.touched && !tab.busy());
    });
    return [ready, eyebrow, E("div", {class: "knobs"}, ...rows.map(knob => knob.element))];
  }
  const named = (knob, i, {title, also, low, high, reach}) => knob.name(gan.called(i, {title}), also, low, high, reach);

  function methodOf({now, busy}) {
    const {method} = now.setup;
    if (!now.standin) return method;
    return method + (busy() ? ", while LowRankGAN’s are being found"
      : "; LowRankGAN’s were not found to the end");
  }

  // --- the experiments: recorded for the arrival, made again when asked

  // `draw(result, value)` shows what the server says, which rests on `keyOf` the recipe; `data` goes with the question
  rooms.experiment = (tab, part, name, {press, says, draw, keyOf = rooms.knobKey, data = () => ({})}) => {
    const {bus, now, arrival, listeners} = tab, value = () => part.props.value || {}, key = () => keyOf(now.recipe);
    const result = E("div", {class: "result"}), line = E("p", {class: "caption", role: "status"});
    let asked = "";
    const go = button(`paint-${name}-go`, press, () => {
      const more = data();
      asked = key();
      bus.trigger(name, {key: asked, ...more}); mark();
    });
    part.element.replaceChildren(result, line, E("div", {class: "buttons"}, go));
    const own = () => value().key && (value().key === "arrival" ? keyOf(arrival) : value().key) === key();
    function words({busy, stale, solved}) {
      if (busy) return own() && value().says || says;
      if (value().error && own()) return value().error;
      if (!now.setup || solved) return stale ? "This was another knob or picture: press to make it again." : "";
      const waits = "This waits for the region’s knobs, which have not been found yet.";
      return stale ? `This was another knob or picture. ${waits}` : waits;
    }
    function mark() {
      const busy = asked && asked === key() && (!own() || value().partial);
      const stale = !!value().key && !own(), solved = now.setup && now.setup.solved;
      result.classList.toggle("stale", stale);
      line.textContent = words({busy, stale, solved});
      go.disabled = !!busy || !solved;
      go.title = go.disabled ? line.textContent : "";
    }
    part.watch("value", () => {
      if (!value().partial) asked = "";
      if (!value().error) draw(result, value());
      mark();
    });
    listeners.push(mark);
    if (value().key || value().html) draw(result, value());
    mark();
  };

  // a picture, with the region's edge where there is one
  function tile(src, alt, region, crop) {
    const edge = rooms.canvas("line", 384);
    outline(edge, decode(region), crop);
    return E("div", {class: "tile"}, E("img", {src, alt, draggable: false}), region ? edge : null);
  }

  rooms.ban = (tab, part) => {
    const {crop} = tab.stage;
    const moved = one => E("li", {}, `${one.name}: ${gan.signed(one.amount)} sd`);
    const section = (side, {before, region, reader}) => {
      const name = side.title.toLowerCase(), inside = Math.round(side.inside * 127.5);
      const says = `inside ${inside} of 255 levels, outside ${(side.outside * 127.5).toFixed(1)}`;
      return E("section", {}, E("h4", {}, side.title), E("div", {class: "pictures"},
        tile(side.picture, `The picture, changes outside: ${name}`, region, crop()),
        rooms.smallMap([before, side.picture], region, crop(), `Map of change, ${name}: ${says}`)),
      E("p", {class: "caption"},
        reader ? "What the reader says moved most:" : "No reader can say what moved in this network’s pictures."),
      E("ul", {class: "moved"}, ...side.top.map(moved)));
    };
    rooms.experiment(tab, part, "ban", {
      press: "Compare with and without the ban", says: "Drawing both …",
      keyOf: recipe => rooms.knobKey({...recipe, forbid: true}),
      draw: (result, value) => {
        if (!value.sides) return;
        result.replaceChildren(E("p", {class: "aha"}, value.verdict),
          E("div", {class: "sides"}, ...value.sides.map(side => section(side, value))));
      },
    });
  };

  rooms.faces = (tab, part) => {
    const {crop} = tab.stage;
    let first = (part.props.value || {}).first || 0;
    const face = ({pictures, region, says}) => E("div", {class: "face"}, E("div", {class: "pictures"},
      tile(pictures[0], "before", region, crop()), tile(pictures[1], `after: ${says}`, "", crop()),
      rooms.smallMap(pictures, region, crop(), `map of change: ${says}`)), E("p", {class: "caption"}, says));
    rooms.experiment(tab, part, "faces", {
      press: "Try on eight other pictures", says: "Drawing eight others …",
      data: () => ({first: first += 8}),
      draw: (result, {rows, verdict, caption}) => {
        if (!rows) return;
        result.replaceChildren(E("p", {class: "aha"}, verdict), E("div", {class: "faces"}, ...rows.map(face)),
          E("p", {class: "caption"}, caption));
      },
    });
  };

  rooms.refuse = (tab, part) => {
    const {now, listeners} = tab, finding = E("p", {class: "aha", id: "paint-finding"});
    rooms.experiment(tab, part, "refuse", {
      press: "Ask every part of this picture", says: "Asking every part …",
      keyOf: recipe => JSON.stringify(["model", "seed", "psi", "label", "layers", "size"].map(name => recipe[name])),
      draw: (result, value) => { result.innerHTML = value.html || ""; },
    });
    part.element.prepend(finding);
    part.element.lastChild.append(button("paint-corner", "Try the upper left corner", () => {
      if (!now.setup) return;
      tab.look({region: now.setup.corner});
      tab.parts.stage.element.scrollIntoView({block: "nearest"});
    }));
    listeners.push(() => {
      finding.textContent = now.answer && now.setup && now.setup.solved ? now.answer.finding : "";
    });
  };

  // --- the fold "More controls"

  rooms.settings = (tab, part) => {
    const {now, listeners} = tab, inputs = inputsOf(tab), {seed, psi, lam, layers} = inputs;
    const {words, methods} = part.props.value, word = key => gan.word(words[key]);
    const psiSays = E("output", {for: "paint-psi"}), psiField = gan.field(word("psi"), psi, {hint: psiSays});
    const lamSays = E("p", {class: "caption"}), layersSays = E("p", {class: "caption"});
    const radio = value => E("label", {title: words[value].tip},
      E("input", {type: "radio", name: "paint-method", value, onchange: () => tab.look({method: value})}),
      E("span", {}, ...word(value)));
    const ways = E("fieldset", {id: "paint-method", class: "choices rows"},
      E("legend", {}, ...word("method")), ...methods.map(radio));
    psi.addEventListener("input", () => { psiSays.textContent = psi.value; });
    part.element.replaceChildren(E("div", {class: "fields"}, gan.field(word("seed"), seed), psiField,
      gan.field(word("layers"), layers, {hint: layersSays}), gan.field(word("lambda"), lam, {hint: lamSays}), ways));
    const mark = () => {
      const {setup, recipe} = now;
      gan.refill(seed, recipe.seed, now.refused);
      gan.refill(lam, recipe.lam || "", now.refused);
      gan.refill(layers, recipe.layers, now.refused);
      psi.value = recipe.psi; psiSays.textContent = recipe.psi;
      psiField.hidden = !(setup && setup.truncation);
      layersSays.textContent = setup ? `${setup.layers.join(", ")}, or numbers such as 0-3,6` : "";
      const empty = recipe.method === "official" ? "1/60, as published"
        : "searched for, so that a sixteenth to a quarter of all ways are protected";
      lamSays.textContent = setup && setup.weight ? `Here: ${setup.weight}. Empty: ${empty}.` : "";
      const chosen = now.standin ? "lowrank" : recipe.method;
      ways.querySelectorAll("input").forEach(one => { one.checked = one.value === chosen; });
    };
    listeners.push(mark); mark();
  };

  function inputsOf({look}) {
    const seed = E("input", {id: "paint-seed", type: "text", inputmode: "numeric", autocomplete: "off",
      onchange: () => look({seed: gan.whole(seed.value, 15)})});
    const psi = E("input", {id: "paint-psi", type: "range", min: 0, max: 1, step: 0.05,
      onchange: () => look({psi: +psi.value})});
    const lam = E("input", {id: "paint-lam", type: "text", inputmode: "decimal", autocomplete: "off",
      placeholder: "searched for", onchange: () => look({lam: lam.value.trim() === "" ? 0 : lam.value})});
    const layers = E("input", {id: "paint-layers", type: "text", autocomplete: "off",
      onchange: () => look({layers: layers.value})});
    return {seed, psi, lam, layers};
  }
})();
