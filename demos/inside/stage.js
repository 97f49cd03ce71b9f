// The stage of Look inside: the picture, its channels as dots, how strong the chosen one is; the controls beside it.
(() => {
  const E = gan.element, {button, copyOf, same} = gan, rooms = gan.rooms.inside;
  const LARGEST_SEED = 999999;
  const NEW = {tab: "inside", version: 1, seed: 0, label: 0, psi: null, gate: -1, channel: -1, amount: 0, other: -1,
    gates: "all"};                                  // what another network begins with
  const FILMED = ["model", "seed", "label", "psi", "gate", "channel"];
  const filmKey = recipe => JSON.stringify(FILMED.map(name => recipe[name]));
  const strengthOf = value => value === 0 ? "off" : value === 1 ? "as it is" : `${value.toFixed(2)} times`;
  const needs = () => document.querySelector("#inside-needs:not(.met)");

  // --- the picture before and after, its channels as dots, how strong the chosen one is, verdict

  rooms.stage = tab => {
    const {now, parts, listeners} = tab, photo = gan.photo();
    const stage = {photo, ...wordsOf(), ...buttonsOf(tab)};
    photo.split(true);
    const film = filmOf(tab, photo), amount = stage.amount = amountOf(tab, photo, film);
    stage.element = E("div", {class: "inside stale"}, photo.element, stage.dotsSay, stage.dots, stage.verdict,
      stage.said, rooms.scrub(tab.word("amount"), amount.slider, amount.says),
      E("div", {class: "buttons"}, stage.off, stage.up, stage.next, stage.measure, stage.undo), stage.caption);
    parts.stage.element.replaceChildren(stage.element);
    stage.takeFilm = film.take;
    stage.show = answer => show(tab, answer);
    stage.refuse = text => {
      stage.said.textContent = text; stage.said.hidden = false;
      if (needs()) needs().querySelector("p").textContent = text;
      tab.tell();
    };
    parts.stage.watch("value", () => heard(tab, parts.stage.props.value || {}));
    listeners.push(() => {
      stage.undo.disabled = !tab.undo.length;
      for (const one of [stage.off, stage.up, stage.next]) one.disabled = !now.answer;
    });
    return stage;
  };

  function wordsOf() {
    return {
      dots: E("div", {class: "dots", role: "group", "aria-label": "The channels that this class opens most"}),
      dotsSay: E("p", {class: "eyebrow", id: "inside-dots-says"}),
      verdict: E("p", {class: "verdict", id: "inside-verdict", role: "status"}),
      said: E("p", {class: "said", id: "inside-error", role: "alert", hidden: true}),
      caption: E("p", {class: "caption", id: "inside-caption"}),
    };
  }

  function buttonsOf({bus, now, set, back}) {
    const measure = button("inside-measure", "Measure", () => { measure.disabled = true; bus.trigger("measure", {}); });
    const next = () => {
      const numbers = now.answer.dots.map(dot => dot.channel);
      set({channel: numbers[(numbers.indexOf(now.recipe.channel) + 1) % numbers.length]});
    };
    return {
      measure,
      off: button("inside-off", "Switch off", () => set({amount: 0}), "first"),
      up: button("inside-up", "Turn up", () => set({amount: 2})),
      next: button("inside-next", "Next channel", next),
      undo: button("inside-undo", "Undo", back),
    };
  }

  // the chosen channel from off to three times as strong, without the server
  function filmOf({now, parts}, photo) {
    const film = gan.film(photo.canvas), value = () => parts.film.props.value || {};
    const take = () => {
      const {src, key, frames} = value();
      if (src && key === filmKey(now.recipe)) film.load(src, frames).then(() => { now.film = key; }).catch(() => {});
    };
    parts.film.watch("value", take);
    return {take, draw: film.draw, ready: () => film.ready() && now.film === filmKey(now.recipe)};
  }

  function amountOf(tab, photo, film) {
    const slider = E("input", {type: "range", id: "inside-amount", min: 0, max: 3, step: 0.05, value: 0,
      "aria-label": "Strength of the channel: 0 is off, 1 as it is"});
    const says = E("output", {for: "inside-amount"});
    slider.addEventListener("input", () => {
      says.textContent = strengthOf(+slider.value);
      if (!film.ready()) return;
      film.draw(+slider.value / 3); photo.canvas.hidden = false;
      tab.controls.drawMap(photo.canvas);
    });
    slider.addEventListener("change", () => tab.set({amount: +slider.value}));
    return {slider, says, show: value => { slider.value = value; says.textContent = strengthOf(value); }};
  }

  // --- the answer to the recipe

  function heard(tab, answer) {
    const {bus, now, stage} = tab;
    if (answer.error) {
      if (answer.asked !== "link" && same(answer.asked, now.recipe)) {
        now.recipe = copyOf(now.good); bus.props.value = copyOf(now.good);
        if (now.answer) stage.show(now.answer);
      }
      stage.refuse(answer.error); return;
    }
    if (!answer.recipe || !(same(answer.asked, now.recipe) || same(answer.recipe, now.recipe))) return;
    now.recipe = copyOf(answer.recipe);
    // with its defaults written out: what is asked next is asked of this
    if (!same(bus.props.value, answer.recipe)) bus.props.value = copyOf(answer.recipe);
    stage.show(answer);
  }

  async function show(tab, answer) {
    const {bus, now, parts, stage, controls} = tab, {photo} = stage, {recipe, setup} = answer, key = filmKey(recipe);
    now.answer = answer; now.good = copyOf(recipe);
    if (needs()) { needs().classList.add("met"); controls.opener.textContent = "Other networks"; }
    drawAnswer(tab, answer);
    if (!answer.measured && !setup.slow && recipe.amount !== 1) bus.trigger("measure", {});
    drawDots(tab); tab.tell();
    if (!tab.facts()) bus.trigger("about", {});
    if (!setup.slow && (parts.film.props.value || {}).key !== key) bus.trigger("film", {key});
    await Promise.all([photo.before, photo.after].map(image => image.decode().catch(() => {})));
    if (now.answer !== answer) return;
    photo.canvas.hidden = true;
    controls.drawMap(photo.after);
    photo.element.dataset.painted = answer.query;
  }

  function drawAnswer({stage, controls}, answer) {
    const {photo, measure} = stage, {setup} = answer;
    stage.element.classList.remove("stale");
    controls.network(setup);
    photo.network(setup);
    photo.element.classList.remove("waiting");
    photo.before.src = answer.before; photo.after.src = answer.src;
    photo.after.alt = answer.alt; photo.before.alt = ""; photo.split(photo.isSplit());
    stage.verdict.textContent = answer.verdict; stage.caption.textContent = answer.caption;
    controls.show(answer);
    stage.amount.show(answer.recipe.amount);
    measure.hidden = answer.measured || !setup.slow; measure.disabled = false;
  }

  // the channels that the class opens most, the larger the more; who chooses by keyboard stays there
  function drawDots({now, set, stage: {dots, dotsSay}}) {
    const shown = now.answer.dots, most = Math.max(...shown.map(dot => dot.score), 1e-9);
    const held = dots.contains(document.activeElement) && document.activeElement.dataset.channel;
    dots.replaceChildren(...shown.map(({channel, rank, score}) => {
      const lit = channel === now.recipe.channel;
      const made = E("button", {type: "button", class: `dot ${lit ? "lit" : ""}`, "data-channel": channel,
        "aria-pressed": lit, "aria-label": `Channel ${channel}, number ${rank} in awareness, ${score}`,
        title: `channel ${channel}: awareness ${score}`, onclick: () => set({channel})},
      E("i"), E("span", {}, String(channel)));
      made.style.setProperty("--size", Math.sqrt(Math.max(score, 0) / most));
      return made;
    }));
    if (held) (dots.querySelector(`[data-channel="${held}"]`) || dots.querySelector(".lit")).focus();
    dotsSay.textContent = `The channels that “${now.answer.named}” opens most`;
  }

  // --- the controls beside it: class, seed and gate; where it changes, and where the channel is active

  rooms.controls = tab => {
    const {now, parts, arrival, listeners, set, facts} = tab, looked = lookedOf(tab), inputs = inputsOf(tab);
    const {classBox, gate, seed, classes} = inputs;
    const labelFrom = tab.labelFrom = text => {
      const bare = text.trim(), alike = name => name.toLowerCase() === bare.toLowerCase();
      const found = facts() ? facts().classes.findIndex(alike) : -1;
      return found >= 0 ? found : bare;
    };
    classBox.addEventListener("change", () => {
      if (classBox.value.trim()) set({label: labelFrom(classBox.value), channel: -1});
    });
    const another = button("inside-another", "Another picture",
      () => set({seed: Math.floor(Math.random() * LARGEST_SEED)}));
    const back = button("inside-start", "Back to start", () => { if (arrival.model) set(arrival); });
    parts.controls.element.replaceChildren(
      E("div", {class: "fields"}, tab.field("label", classBox), tab.field("seed", seed), tab.field("gate", gate)),
      classes,
      E("div", {class: "buttons"}, another, back), looked.element, looked.users);
    const network = networkOf(tab), opener = document.getElementById("inside-other-networks");
    if (!arrival.model) opener.textContent = "Choose a network";
    function takeFacts() {
      const value = parts.facts.props.value || {};
      if (!value.classes || value.model !== now.recipe.model) return;
      now.facts = value;
      classes.replaceChildren(...value.classes.map(name => E("option", {value: name})));
      gate.replaceChildren(...value.gates.map((name, i) => E("option", {value: i}, name)));
      tab.tell();
    }
    parts.facts.watch("value", takeFacts);
    listeners.push(() => {
      gan.refill(seed, now.recipe.seed ?? "");
      if (!facts() || !now.answer) return;
      gan.refill(classBox, facts().classes[now.recipe.label] ?? now.recipe.label);
      gate.value = now.recipe.gate;
    });
    return {network, opener, takeFacts, drawMap: looked.drawMap, show: looked.show};
  };

  function inputsOf({set}) {
    const seed = E("input", {type: "text", id: "inside-seed", inputmode: "numeric", autocomplete: "off"});
    seed.addEventListener("change", () => set({seed: gan.whole(seed.value, 9)}));
    const gate = E("select", {id: "inside-gate", onchange: () => set({gate: +gate.value, channel: -1})});
    return {
      seed, gate, classes: E("datalist", {id: "inside-classes"}),
      classBox: E("input", {type: "text", id: "inside-class", list: "inside-classes", autocomplete: "off"}),
    };
  }

  function networkOf({parts, now, set}) {
    return gan.models(parts.models, "inside", {current: () => now.recipe.model, wanted: row => row.classes > 0,
      take: ({model, seed, psi}) => {
        parts.base.props.value = {version: 1, model, seed, psi, label: 0};
        set({...NEW, model});
      }});
  }

  // what changes, where the channel is active, and who uses it
  function lookedOf({stage}) {
    const map = E("canvas", {class: "map-pixels", "aria-hidden": true});
    const frame = E("div", {class: "map", id: "inside-map", role: "img", "aria-label": "Map of change"}, map);
    const active = E("img", {alt: ""}), activeSays = E("figcaption", {}), users = E("div", {id: "inside-users"});
    const figure = (shown, says) => E("figure", {class: "restore-tile"}, shown, says);
    return {
      users,
      element: E("div", {class: "looked"}, figure(frame, E("figcaption", {}, "What changes")),
        figure(E("div", {class: "map"}, active), activeSays)),
      drawMap: source => gan.mapOfChange(map, stage.photo.before, source),
      show: answer => {
        frame.setAttribute("aria-label", `Map of change. ${answer.verdict}`);
        active.src = answer.active;
        active.alt = `Where channel ${answer.recipe.channel} is active: ${answer.active_says}`;
        activeSays.textContent = `Where it is active: ${answer.active_says}`;
        users.innerHTML = answer.users;
      },
    };
  }
})();
