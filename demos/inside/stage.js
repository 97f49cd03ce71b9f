// The stage of Look inside: the picture before and after, the gate's channels as dots, and how strong the chosen one is.
(() => {
  const E = gan.element, {button} = gan, MOST = 3;
  const FILMED = ["model", "seed", "label", "psi", "gate", "channel"];
  const OTHER = {seed: 0, label: 0, psi: null, gate: -1, channel: -1, amount: 1, other: -1, gates: "all"};   // networks
  const filmed = recipe => JSON.stringify(FILMED.map(name => recipe[name]));
  const strength = value => value === 0 ? "off" : value === 1 ? "as it is" : `${value.toFixed(2)} times`;

  gan.stages.inside = store => {
    const {now, parts, bus, set, arrival, listeners} = store, photo = gan.photo(true);
    const film = gan.strip(parts.film, photo.canvas, now, arrival, filmed);
    const part = (id, attributes = {}) => E("p", {id: `inside-${id}`, ...attributes});
    const stage = {photo, film, dots: E("div"), looked: E("div"), measured: E("p", {id: "inside-measured"}), caption: part("caption", {class: "caption"}),
      verdict: part("verdict", {class: "verdict", role: "status"}),
      error: part("error", {class: "said", role: "alert", hidden: true})};
    stage.map = source => gan.mapOfChange(stage.looked.querySelector("canvas"), photo.before, source);
    const amount = amountOf(store, stage), buttons = buttonsOf(store, stage);
    stage.element = E("div", {class: "inside"}, photo.element, E("div", {class: "buttons"}, buttons.off, buttons.before,
      buttons.next), stage.dots, stage.verdict, buttons.measure, stage.error, amount.element, E("details",
      {class: "numbers"}, E("summary", {}, "The numbers"), stage.measured, stage.caption));
    parts.stage.element.replaceChildren(stage.element);
    gan.dock(photo.element);
    parts.beside.element.replaceChildren(gan.fields(store, parts.beside.props.value), E("div", {class: "buttons"},
      button("inside-another", "Another picture", store.another), buttons.up, buttons.undo,
      button("inside-start", "Back to start", store.backToStart), gan.share(store)), stage.looked);
    stage.network = gan.models(store, {wanted: row => row.gated,
      take: ({model}) => set({...OTHER, tab: "inside", version: 1, model})});
    photo.splits = on => buttons.before.setAttribute("aria-pressed", on);
    photo.split(false);
    gan.setters(store, stage.dots);
    parts.stage.watch("value", () => show(store, stage, parts.stage.props.value || {}));
    stage.show = answer => show(store, stage, answer);
    stage.refuse = text => { gan.say(stage.error, text); stage.refused = gan.copyOf(now.recipe); };
    store.waits = () => !store.current();
    store.withdrawn = () => { stage.refused = null; stage.error.hidden = true; };
    store.busy = () => photo.element.dataset.painted !== now.answer.query || unmeasured(now);
    listeners.push(() => {
      stage.element.classList.toggle("stale", !store.current() && photo.canvas.hidden);
      buttons.off.textContent = now.recipe.amount ? "Switch off" : "Switch on again";
      if (now.answer && !now.dragging) amount.show(now.recipe.amount);
      for (const one of [buttons.off, buttons.up, buttons.next]) one.disabled = !now.answer;
      buttons.undo.disabled = !store.canUndo();
      buttons.measure.hidden = !now.answer || now.answer.measured || !now.setup.slow;
    });
    return stage;
  };

  // random channels are beside it on their own where pictures are quick
  const unmeasured = ({answer, setup}) => !answer.measured && !setup.slow;

  function buttonsOf(store, {photo, turn}) {
    const {now, bus, set, undo} = store;
    const to = amount => { turn(amount); set({amount}); };
    const next = () => {
      const numbers = now.answer.dots.map(dot => dot.channel);
      set({channel: numbers[(numbers.indexOf(now.recipe.channel) + 1) % numbers.length]});
    };
    return {
      off: button("inside-off", "Switch off", () => to(now.recipe.amount ? 0 : 1), "first"),
      before: button("inside-before", "Show before", () => photo.split(!photo.isSplit())),
      up: button("inside-up", "Turn up", () => to(2)),
      next: button("inside-next", "Next channel", next),
      measure: button("inside-measure", "Measure", () => bus.trigger("full", {})),
      undo: button("inside-undo", "Undo", undo),
    };
  }

  // the chosen channel from off to three times as strong, without the server
  function amountOf(store, stage) {
    const {film, photo, map} = stage;
    const {words} = store.parts.beside.props.value, says = E("output", {for: "inside-amount"});
    const slider = E("input", {type: "range", id: "inside-amount", min: 0, max: MOST, step: 0.05, value: 0,
      "aria-label": "Strength of the channel: 0 is off, 1 as it is",
      oninput: () => stage.turn(+slider.value),
      onchange: () => store.set({amount: +slider.value})});
    stage.turn = amount => {
      says.textContent = strength(amount); photo.split(false);
      if (!film.ready()) return;
      film.draw(amount / MOST); photo.canvas.hidden = false;
      stage.looked.querySelector("figcaption").textContent = "What changes";
      map(photo.canvas);
    };
    const name = E("label", {for: slider.id}, ...gan.word(words.amount));
    return {element: E("div", {class: "field scrub"}, name, slider, says),
      show: value => { slider.value = value; says.textContent = strength(value); }};
  }

  async function show(store, stage, answer) {
    const {now, bus} = store, {photo, film} = stage;
    const draws = gan.answered(store, answer), of = [answer.asked, answer.recipe];
    if (answer.error) { stage.error.textContent = answer.error; stage.refused = gan.copyOf(now.recipe); }
    else stage.refused = of.some(one => one && gan.same(one, stage.refused)) && answer.recipe;   // it still stands
    stage.error.hidden = !stage.refused;
    if (!draws) return;
    const {setup} = now, held = document.activeElement.dataset.set;
    photo.network(setup); stage.network(setup);
    photo.before.src = answer.before; photo.after.src = answer.src; photo.after.alt = answer.alt;
    photo.split(photo.isSplit());
    stage.dots.innerHTML = answer.html.dots; stage.looked.innerHTML = answer.html.looked;
    if (answer.sentence && (answer.measured || stage.of !== answer.recipe.model + answer.recipe.label))  // no flicker
      document.getElementById("inside-sentence").textContent = answer.sentence;
    stage.of = answer.recipe.model + answer.recipe.label;
    stage.verdict.textContent = answer.plain; stage.measured.textContent = answer.verdict; stage.caption.textContent = answer.caption;
    const dot = [...stage.dots.querySelectorAll("button")].find(one => one.dataset.set === held);
    if (dot) dot.focus();                           // who chooses by keyboard stays there
    store.tell();
    if (!store.current()) return;
    if (unmeasured(now)) bus.trigger("full", {});
    if (!setup.slow && !film.ready() && stage.filming !== film.key()) {
      stage.filming = film.key();
      bus.trigger("film", {key: stage.filming});
    }
    await Promise.all([photo.before, photo.after].map(image => image.decode().catch(() => {})));
    if (now.answer !== answer) return;
    photo.canvas.hidden = true;
    stage.map(photo.after);
    const {amount} = answer.recipe, label = stage.looked.querySelector("figcaption");
    label.textContent = `What changes${amount === 1 ? ": nothing yet" : ""}`;
    photo.element.dataset.painted = answer.query;
  }
})();
