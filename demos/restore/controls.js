// Restore's controls: which picture, what happens to it, how it is searched for; each task has rows of its own.
(() => {
  const E = gan.element, {button} = gan, rooms = gan.rooms.restore, {radio} = rooms;
  const KINDS = {box: "means of blocks", bicubic: "bicubic", middle: "middle pixels, as published",
    specks: "lost pixels, known which", gaussian: "noise everywhere"};
  const PUBLISHED = "The published code takes 1500 to 3000 plain steps; here it may take up to 1000.";

  // builds the controls beside the bench, and returns what is told of every network on it
  rooms.controls = tab => {
    const {now, parts, listeners} = tab;
    const number = E("input", {id: "restore-picture", type: "text", inputmode: "numeric", autocomplete: "off",
      onchange: () => tab.set({picture: gan.whole(number.value, 6)})});
    const options = E("div", {class: "options"}), shows = E("fieldset", {class: "choices", id: "restore-shows"});
    const buttons = buttonsOf(tab), {another, undo} = buttons;
    parts.controls.element.replaceChildren(shows, gan.field(["Picture number"], number),
      E("div", {class: "buttons"}, ...Object.values(buttons)), options);
    let drawn = "";
    listeners.push(() => {
      const state = JSON.stringify([now.recipe, tab.setup(), !!now.own]);
      if (state !== drawn) { drawn = state; keepingFocus(() => { tab.bench.drawTasks(); draw(); }); }
      gan.refill(number, now.recipe.picture, now.refused);
      number.parentElement.hidden = another.hidden = now.recipe.shows === "upload";
      undo.hidden = !tab.undo.length;
    });
    function draw() {
      const size = tab.setup();
      if (!size) return;
      shows.replaceChildren(E("legend", {}, "What is restored"), ...choicesOf(tab, size));
      options.replaceChildren(...ROWS.flatMap(rowOf => rowOf(now.recipe, size, tab) || []));
    }
    return gan.models(parts.models, "restore", {
      current: () => now.recipe.model,
      take: ({model, label}) =>
        tab.set({...rooms.RESET, model, label, shows: "", own: "", as_is: false, picture: now.recipe.picture}),
    });
  };

  function buttonsOf(tab) {
    const {now, set} = tab, setup = tab.setup, random = count => Math.floor(Math.random() * count);
    return {
      another: button("restore-another", "Another picture",
        () => set({picture: random(setup() ? setup().pictures : 1000), hints: ""})),
      again: button("restore-again", "Another answer", () => set({start: (now.recipe.start + 1) % 1000})),
      undo: button("restore-undo", "Undo", () => {
        if (!tab.undo.length) return;
        set(tab.undo.pop(), {whole: true});
        tab.undo.pop(); tab.tell();
      }),
      back: button("restore-back", "Back to start", () => set(tab.arrival, {whole: true})),
    };
  }

  // the kinds of pictures that this network has, and the visitor's own once there is one
  function choicesOf(tab, size) {
    const {now, set} = tab, {recipe} = now, titles = tab.parts.controls.props.value.shows;
    const others = size.shows.filter(name => name === "steer" ? recipe.shows === name : name !== "upload" || now.own);
    const patch = shows => shows === "upload" ? {shows, own: now.own.token, loss: ""}
      : {shows, own: "", as_is: false, loss: "", picture: recipe.picture % size.pictures};
    return others.map(name =>
      radio("restore-shows", name, titles[name], recipe.shows === name, () => set(patch(name))));
  }

  // --- the rows, each for those recipes that it counts for

  const ROWS = [asIsRow, factorRow, kindRow, amountRow, holeRow, hintsRow, keepRow];

  function asIsRow({shows, task, as_is}, size, {set}) {
    if (shows !== "upload" || task === "copy") return null;
    return gan.toggle("restore-as-is", "It is damaged already: take it as it is",
      on => set({as_is: on, loss: ""}), as_is);
  }
  function factorRow({task, amount}, {factors}, {set}) {
    if (task !== "enlarge") return null;
    const choice = factor =>
      radio("restore-factor", factor, `${factor} x`, amount === factor, () => set({amount: factor, loss: ""}));
    return E("fieldset", {class: "choices", id: "restore-factor"},
      E("legend", {}, "How many times"), ...factors.map(choice));
  }
  function kindRow(recipe, {kinds}, {set}) {
    if (kinds.length < 2) return null;
    const enlarged = recipe.task === "enlarge";
    const patch = kind => ({kind, amount: enlarged ? recipe.amount : 0, keep: null});
    return E("fieldset", {class: "choices rows", id: "restore-kind"},
      E("legend", {}, enlarged ? "How it was shrunk" : "What kind of noise"),
      ...kinds.map(kind => radio("restore-kind", kind, KINDS[kind], recipe.kind === kind, () => set(patch(kind)))));
  }
  function amountRow({task, kind, amount}, {range}, {set}) {
    if (task !== "noise" || !range) return null;
    const shown = share =>
      kind === "specks" ? `${Math.round(100 * share)} % lost` : `${Math.round(127.5 * share)} of 255 levels`;
    const says = E("output", {for: "restore-amount"}, shown(amount));
    const [min, max] = range;
    const slider = E("input", {id: "restore-amount", type: "range", min, max, step: 0.01, value: amount,
      oninput: () => { says.textContent = shown(+slider.value); }, onchange: () => set({amount: +slider.value})});
    return gan.field(["How much"], slider, {hint: says});
  }
  function holeRow({task, region}, size, {set, painting, recorded}) {
    if (task !== "fill") return null;
    const middle = recorded.fill ? recorded.fill.recipe.region : "";
    return E("div", {class: "buttons"}, button("restore-paint-hole", "Paint the hole", () => painting.open("hole")),
      region !== middle ? button("restore-middle", "The middle quarter", () => set({region: ""})) : null);
  }
  function hintsRow({task, hints}, size, {set, painting}) {
    if (task !== "colour") return null;
    const says = hints ? `${hints.split("~").length} colour${hints.includes("~") ? "s" : ""} painted.`
      : "Grey says nothing of the hue of a shirt: tell it, or press Another answer for another plausible colouring.";
    return [E("div", {class: "buttons"},
      button("restore-paint-hints", "Paint colours as hints", () => painting.open("hints")),
      hints ? button("restore-no-hints", "Without hints", () => set({hints: ""})) : null),
      E("p", {class: "caption"}, says)];
  }
  function keepRow({task, kind, keep}, size, {set}) {
    if (!["enlarge", "fill", "colour", "noise"].includes(task) || kind === "gaussian") return null;
    return gan.toggle("restore-keep", "Put back what was observed", on => set({keep: on}), keep);
  }

  // what had the keyboard's focus is made anew under it: its successor gets it
  function keepingFocus(draw) {
    const held = document.activeElement, {id, name, value, dataset} = held || {};
    draw();
    if (!held || held.isConnected) return;
    const next = id ? document.getElementById(id)
      : name ? document.querySelector(`#restore-controls input[name="${name}"][value="${value}"]`)
      : dataset && dataset.task ? document.querySelector(`[data-task="${dataset.task}"]`) : null;
    if (next) next.focus({preventScroll: true});
  }

  // --- the fold "More controls"

  rooms.settings = (tab, part) => {
    const {now, listeners} = tab, {words, losses, ways} = part.props.value;
    const field = (key, control, hint) => gan.field(gan.word(words[key]), control, {title: words[key].tip, hint});
    const whole = name => {
      const input = E("input", {id: `restore-setting-${name}`, type: "text", inputmode: "numeric", autocomplete: "off",
        onchange: () => tab.set({[name]: gan.whole(input.value, 6, {signed: true})})});
      return input;
    };
    const inputs = {codes: whole("codes"), layer: whole("layer"), steps: whole("steps"), start: whole("start")};
    const layerSays = E("p", {class: "caption"}), compared = E("p", {class: "caption", id: "restore-compared"});
    const choices = {loss: E("fieldset", {class: "choices rows", id: "restore-loss"}),
      optimiser: E("fieldset", {class: "choices rows", id: "restore-optimiser"})};
    part.element.replaceChildren(E("div", {class: "fields"}, field("codes", inputs.codes),
      field("mixed", inputs.layer, layerSays), field("steps", inputs.steps), field("start", inputs.start),
      choices.loss, choices.optimiser), compared);
    const choose = (key, options) => choices[key].replaceChildren(E("legend", {}, ...gan.word(words[key])),
      ...options.map(([name, text]) =>
        radio(`restore-${key}`, name, text, now.recipe[key] === name, () => tab.set({[key]: name}))));
    let drawnFor = "";
    const mark = () => {
      for (const [name, input] of Object.entries(inputs)) gan.refill(input, now.recipe[name], now.refused);
      const setup = tab.setup();
      if (!setup) return;
      layerSays.textContent = `0 to ${setup.last}; now: ${setup.layer}`;
      const state = JSON.stringify([now.recipe.loss, now.recipe.optimiser, setup.losses, setup.vgg]);
      if (state === drawnFor) return;
      drawnFor = state;
      choose("loss", setup.losses.map(name => [name, losses[name]]));
      choose("optimiser", Object.entries(ways));
      const says = [now.recipe.optimiser === "official" && PUBLISHED, setup.vgg];
      compared.textContent = says.filter(Boolean).join(" ");
    };
    listeners.push(mark); mark();
  };
})();
