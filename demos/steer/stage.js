// Steer's stage: the picture, the chosen knob under it, what was measured of it; and the other knobs beside it.
(() => {
  const E = gan.element, {button, copyOf, same} = gan, rooms = gan.rooms.steer;
  const IN_SIGHT = 6;

  rooms.stage = tab => {
    const {bus, now, parts, arrival} = tab, stage = {photo: gan.photo(), ...wordsOf(tab)}, {photo} = stage;
    const film = stage.film = gan.strip(parts.strip, photo.canvas, now, arrival);
    let filming = "";
    stage.askFilm = () => {
      const key = film.key(), slow = now.setup && now.setup.slow;
      if (film.ready() || slow && filming === key) return;
      filming = key;
      bus.trigger(slow ? "film" : "strip", {key});
    };
    stage.answers = 0;
    stage.painted = amount => { photo.element.dataset.painted = amount; };
    stage.follow = followed(tab, stage);
    stage.main = mainOf(tab, stage);
    stage.show = answer => show(tab, answer);
    stage.network = gan.models(parts.models, "steer", {
      current: () => now.recipe.model,
      take: recipe => { tab.seen.length = 0; tab.set(recipe); },
    });
    parts.stage.element.replaceChildren(
      E("figure", {class: "stage"}, photo.element, E("div", {class: "scrub"}, stage.main.element),
        E("figcaption", {}, stage.verdict, stage.grade, stage.measure, stage.said, stage.caption)));
    stage.waiting = gan.waiting("steer", parts.stage, arrival, 6000);
    parts.stage.watch("value", () => stage.show(parts.stage.props.value));
    parts.facts.watch("value", () => measured(tab, parts.facts.props.value));
    return stage;
  };

  function wordsOf({bus, now, tell}) {
    const measure = button("steer-measure", "Measure these knobs", () => {
      now.measuring = {key: now.setup.key, says: "Measuring …"};
      bus.trigger("measure", {}); tell();
    });
    measure.hidden = true;
    return {
      measure,
      caption: E("p", {class: "caption", id: "steer-caption"}),
      verdict: E("p", {class: "verdict", id: "steer-verdict", role: "status"}),
      grade: E("p", {class: "caption", id: "steer-grade"}),
      said: E("p", {class: "said", id: "steer-error", role: "alert", hidden: true}),
    };
  }

  // While a knob moves the picture comes by plain HTTP; words follow once it rests. Returns whether it comes that way.
  function followed(tab, {photo, film, painted}) {
    const {now} = tab;
    const follower = gan.follower({
      shown: (url, recipe) => {
        photo.after.src = url;
        if (!film.ready()) photo.canvas.hidden = true;
        painted(recipe.amounts[recipe.knob]);
      },
      failed: () => tab.send(),
    });
    // once the queue has answered for these knobs: then their network is open, and they were found
    const KNOBS = ["model", "label", "method", "mode", "layers", "directions"];
    const able = () => {
      const {answer, recipe} = now, mine = name => answer.recipe[name] === recipe[name];
      return !!answer && !!answer.pictures && answer.exact !== false && KNOBS.every(mine);
    };
    const follow = () => {
      if (!able()) return false;
      follower.want(gan.pictureAt(now.answer.pictures, "after", now.recipe, now.query), copyOf(now.recipe));
      return true;
    };
    return Object.assign(follow, {able, stop: follower.stop});
  }

  // the chosen knob, under the picture
  function mainOf({now, turn}, {photo, film, painted, askFilm}) {
    const main = gan.knob({
      id: "steer-knob", reach: 3,
      input: amount => {
        photo.split(false);
        turn(now.recipe.knob, amount, {rest: false});
        if (!film.ready()) return;
        film.draw((amount / +main.range.max + 1) / 2);
        photo.canvas.hidden = false;
        painted(amount);
      },
      commit: amount => turn(now.recipe.knob, amount, {rest: true}),
    });
    for (const name of ["pointerenter", "focusin", "touchstart"])
      main.element.addEventListener(name, askFilm, {passive: true});
    return main;
  }

  // --- the answer to the recipe

  async function show(tab, answer) {
    const {now, stage} = tab, {photo, film, said} = stage;
    if (answer.error) {
      said.textContent = answer.error; said.hidden = false; stage.waiting(false);
      gan.standAgain(tab);
      return;
    }
    if (!now.refused) said.hidden = true;             // the answer to the restored recipe leaves the sentence standing
    Object.assign(now, {refused: false, setup: answer.setup, good: copyOf(answer.recipe), answer});
    const current = same(answer.recipe, now.recipe);
    if (!current && (answer.late || now.dragging && (film.ready() || stage.follow.able()))) return;
    stage.follow.stop();
    photo.element.classList.toggle("rough", answer.exact === false);
    tab.sharpen();
    if (answer.exact === false && now.dragging && film.ready()) { tab.tell(); return; }
    drawAnswer(tab, answer);
    if (answer.src) await photo.after.decode().catch(() => {});
    if (++stage.answers > 1 || !same(answer.recipe, tab.arrival)) stage.waiting(false);
    if (photo.after.src === answer.src && (current || !film.ready())) photo.canvas.hidden = true;
    stage.painted(answer.recipe.amounts[answer.recipe.knob]);
    photo.element.dataset.seed = answer.recipe.seed;
    now.query = answer.query; now.note = answer.note;
    tab.tell();
  }

  // the picture and its words; without a picture what was there stays, marked as rough
  function drawAnswer({stage, beside}, answer) {
    const {photo, caption} = stage, {setup} = answer;
    const sentence = document.getElementById("steer-sentence"), about = document.getElementById("steer-about");
    photo.network(setup); stage.network(setup);
    if (about) about.textContent = setup.about;
    beside.buttons.another.textContent = `Another ${setup.noun === "portrait" ? "face" : setup.noun}`;
    if (sentence && answer.sentence) sentence.textContent = answer.sentence;
    if (answer.src) photo.after.src = answer.src;
    if (answer.before) photo.before.src = answer.before;
    photo.after.alt = answer.alt;
    caption.textContent = answer.caption;
    photo.split(photo.isSplit());
  }

  // the knobs were measured, or are being measured
  function measured({now, tell, cells}, facts) {
    now.measuring = facts && !facts.failed && facts.progress ? {key: facts.key, says: facts.progress} : null;
    const done = facts && !facts.failed && !facts.progress;
    if (done && now.setup && facts.key === now.setup.key) {
      now.setup = facts;
      if (cells.truth) cells.truth.ask();
    }
    tell();
  }

  // --- the other knobs, and what is done with faces

  rooms.beside = tab => {
    const {now, parts, moves, listeners} = tab, eyebrow = E("p", {class: "eyebrow"});
    const buttons = {
      another: button("steer-another", "Another face", moves.anotherFace, "first"),
      previous: button("steer-previous", "Previous", moves.previousFace),
      undo: button("steer-undo", "Undo", moves.undo),
      back: button("steer-back", "Back to start", moves.backToStart),
    };
    const doors = gan.takeTo("steer", {
      Paint: () => gan.visit("paint", "Paint", paint => paint.take(now.recipe)),
      Restore: () => gan.visit("restore", "Restore", restore => restore.take(now.recipe)),
    });
    parts.knobs.element.replaceChildren(E("div", {class: "buttons"}, ...Object.values(buttons)), doors.element, eyebrow,
      E("div", {class: "knobs"}, ...columnOf(tab, 0, IN_SIGHT)));
    listeners.push(() => {
      const {setup, recipe} = now;
      buttons.undo.disabled = !tab.history.any();
      buttons.previous.disabled = !tab.seen.length;
      doors.moved(recipe.amounts.some(amount => amount));
      eyebrow.textContent = setup && setup.knobs.length > 1 ? `More knobs, ${setup.order}` : "";
      if (setup && setup.knobs[recipe.knob]) drawMain(tab);
    });
    return {buttons};
  };

  // the chosen knob and what was measured of it
  function drawMain({now, stage}) {
    const {setup, recipe} = now, facts = setup.knobs[recipe.knob], {main, verdict, grade, measure} = stage;
    const measuring = now.measuring && now.measuring.key === setup.key;
    main.name(gan.called(recipe.knob, facts), facts.also, facts.low, facts.high, setup.reach);
    if (!now.dragging) main.show(recipe.amounts[recipe.knob]);
    verdict.textContent = measuring ? now.measuring.says : facts.verdict;
    grade.textContent = setup.grade || "";
    measure.hidden = !setup.measurable || !!measuring;
  }

  // the knobs `first` to `last`, but for the one under the picture
  function columnOf(tab, first, last) {
    const {now, arrival, listeners} = tab;
    const numbers = arrival.amounts.map((_, i) => i).slice(first, last);
    const rows = numbers.map(i => ({i, knob: gan.knobOf("steer", i, 3, tab)}));
    listeners.push(() => rows.forEach(({i, knob}) => {
      const facts = now.setup && now.setup.knobs[i];
      knob.element.hidden = !facts || i === now.recipe.knob;
      if (!facts) return;
      knob.name(gan.called(i, facts), facts.also, facts.low, facts.high, now.setup.reach);
      if (document.activeElement !== knob.range || !now.dragging) knob.show(now.recipe.amounts[i]);
    }));
    return rows.map(row => row.knob.element);
  }

  // --- the fold "More controls"

  rooms.settings = (tab, part) => {
    const {now, arrival, listeners} = tab, {words} = part.props.value, word = key => gan.word(words[key]);
    const {seed, psi, psiSays, label} = inputsOf(tab), layers = layersOf(tab, words);
    const psiField = gan.field(word("psi"), psi, {hint: psiSays}), labelField = gan.field(word("label"), label);
    part.element.replaceChildren(
      E("div", {class: "knobs two"}, ...columnOf(tab, IN_SIGHT, arrival.amounts.length)),
      E("div", {class: "fields"}, gan.field(word("seed"), seed), psiField, labelField, layers.element),
      E("div", {class: "buttons"}, button("steer-surprise", "Surprise me", tab.moves.surprise)));
    listeners.push(() => {
      const {answer, recipe, refused} = now, setup = now.setup || {};
      const named = answer && answer.recipe.label === recipe.label && setup.label_name;
      gan.refill(seed, recipe.seed, refused);
      psi.value = recipe.psi; psiSays.textContent = recipe.psi;
      psiField.hidden = !setup.truncation;
      labelField.hidden = !setup.classes;
      gan.refill(label, named || recipe.label, refused);
      layers.draw(setup.layers || ["all"]);
    });
    tab.tell();
  };

  function inputsOf({now, seen, set, send}) {
    const seed = E("input", {id: "steer-seed", type: "text", inputmode: "numeric", autocomplete: "off",
      onchange: () => { seen.push(now.recipe.seed); set({seed: gan.whole(seed.value, 15)}); }});
    const psi = E("input", {id: "steer-psi", type: "range", min: 0, max: 1, step: 0.05,
      oninput: () => { now.recipe.psi = +psi.value; psiSays.textContent = psi.value; send(); },
      onchange: () => set({psi: +psi.value})});
    const psiSays = E("output", {for: "steer-psi"});
    const label = E("input", {id: "steer-label", type: "text", autocomplete: "off",
      onchange: () => set({label: gan.whole(label.value, 6)})});
    return {seed, psi, psiSays, label};
  }

  // the layers that the knobs act on: by group, or by number
  function layersOf({now, set}, words) {
    const element = E("fieldset", {id: "steer-layers", class: "choices"}, E("legend", {}, ...gan.word(words.layers)));
    const own = E("input", {id: "steer-own", type: "text", placeholder: "0-3,6",
      "aria-label": "Layers by number, such as 0-3,6", onchange: () => set({layers: own.value})});
    const take = name => name === "own" ? own.focus() : set({layers: name});
    const choice = name => E("label", {title: words[name].tip},
      E("input", {type: "radio", name: "steer-layers", value: name, onchange: () => take(name)}), words[name].plain);
    let drawn = "";
    function draw(layers) {
      const choices = [...layers, ...(layers.length > 1 ? ["own"] : [])];
      if (drawn !== choices.join()) {
        drawn = choices.join();
        element.replaceChildren(element.firstChild, ...choices.map(choice), choices.includes("own") ? own : "");
      }
      const kind = choices.includes(now.recipe.layers) ? now.recipe.layers : "own";
      element.querySelectorAll("input[type=radio]").forEach(radio => { radio.checked = radio.value === kind; });
      gan.refill(own, kind === "own" ? now.recipe.layers : "", now.refused);
    }
    return {element, draw};
  }
})();
