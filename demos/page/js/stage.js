// A stage with knobs: the picture before and after, the chosen knob under it with what was measured of it, the others
// beside it. What a tab has of its own it adds.
(() => {
  const E = gan.element, {button, same} = gan, IN_SIGHT = 6;

  // `photo`: in the place of `gan.photo()`, what a tab has of its own.
  gan.stage = (store, photo = gan.photo()) => {
    const {bus, now, parts, arrival, listeners, name} = store;
    const film = gan.strip(parts.film, photo.canvas, now, arrival);
    const stage = {photo, film, answers: 0, painted: amount => { photo.element.dataset.painted = amount; },
      moved: () => {}};                             // what is drawn of the picture while a knob moves
    let filming = "";
    stage.askFilm = () => {
      if (film.ready() || filming === film.key() || !now.setup || now.setup.ready === false) return;
      filming = film.key();
      bus.trigger(now.setup && now.setup.slow ? "slow_film" : "film", {key: filming});
    };
    listeners.push(() => {                          // a slow film that nobody waits for any more ends
      if (!filming || now.dragging || filming === film.key()) return;
      if (now.setup && now.setup.slow) bus.trigger("stop", {kind: "slow_film"});
      filming = "";
    });
    for (const [id, attributes] of Object.entries({caption: {class: "caption"},
      verdict: {class: "verdict", role: "status"}, grade: {class: "caption", hidden: true},
      error: {class: "said", role: "alert", hidden: true}}))
      stage[id] = E("p", {...attributes, id: `${name}-${id}`});
    stage.prepare = work(store, stage, "prepare", "Find the knobs of this network", "first");
    stage.measure = work(store, stage, "measure", "Measure these knobs");
    stage.follow = store.follow = followed(store, stage);
    store.sharpen = () => {                         // a slow network's first look is there, and nobody is moving it
      const {answer, setup, dragging} = now, waits = setup && setup.ready === false;
      if (!dragging && !waits && store.current() && answer.exact === false) bus.trigger("full", {});
    };
    stage.main = mainOf(store, stage);
    stage.network = gan.models(parts.models, name, {current: () => now.recipe.model,
      take: recipe => store.take(recipe)});
    parts.stage.element.replaceChildren(
      E("figure", {class: "stage"}, photo.element, E("div", {class: "scrub"}, stage.main.element),
        E("figcaption", {}, stage.prepare.progress, stage.measure.progress, stage.verdict, stage.grade,
          stage.measure.button, stage.prepare.button, stage.error, stage.caption)));
    stage.waiting = gan.waiting(name, parts.stage, arrival, 6000);
    parts.stage.watch("value", () => show(store, stage, parts.stage.props.value));
    about(store, stage);
    stage.show = answer => show(store, stage, answer);
    return stage;
  };

  // what a set of knobs rests on: the fields but those that leave it as it is
  const knobsOf = (recipe, {parts}) =>
    JSON.stringify(Object.entries(recipe)
      .filter(([field]) => !parts.beside.props.value.turned.includes(field)).sort());

  // What the visitor can ask for: knobs are found, or measured. `says`: how far it is; `ask(values)` begins it. Where
  // answers come on its way they are shown; else what follows asks again.
  function work(store, stage, name, press, kind = "") {
    const {parts, now, bus} = store, one = {says: "", done: false};
    const meter = E("progress", {max: 1, value: 0, "aria-label": press}), said = E("span");
    const stop = button(`${store.name}-${name}-stop`, "Stop", () => bus.trigger("stop", {kind: name}));
    one.progress = E("p", {class: "progress", role: "status", id: `${store.name}-${name}-progress`, hidden: true},
      meter, said, " ", stop);
    one.ask = (values = {}) => {
      Object.assign(one, {says: "Waiting …", of: knobsOf(now.recipe, store), done: false, answered: false,
        key: `${name} ${Math.random()}`});
      bus.trigger(name, {key: one.key, values}); store.tell();
    };
    one.button = button(`${store.name}-${name}`, press, () => one.ask({agreed: 1}), kind);
    one.busy = () => !!one.says && one.of === knobsOf(now.recipe, store);
    one.draw = () => {
      one.progress.hidden = !one.busy();
      said.textContent = one.says; meter.value = one.share || 0;
    };
    parts.facts.watch("value", () => {
      const news = parts.facts.props.value || {}, {answer} = news;
      if (news.key !== one.key || !one.says) return;
      one.says = news.partial ? news.says || "Working …" : ""; one.share = news.share;
      if (answer) {
        one.answered = true;
        stage.show(answer);
        if (store.current() && !same(bus.props.value, now.recipe)) store.send();
      }
      one.done = !news.partial && !news.ended && !news.error;
      if (news.error) { stage.error.textContent = news.error; stage.error.hidden = false; }
      else if (one.done) {
        if (!one.answered) bus.trigger("change", {});
        (store.after[name] || []).forEach(ask => ask());
      }
      store.tell();
    });
    return one;
  }

  // what stands under the picture where its knobs are missing, or were not measured
  function about({now, listeners}, {prepare, measure, main, verdict, grade}) {
    const {textContent: press} = prepare.button;
    listeners.push(() => {
      const {setup} = now, unfound = !!setup && setup.ready === false;
      const missing = unfound || !!setup && !setup.knobs.length;
      prepare.button.hidden = !unfound || prepare.busy();
      prepare.button.textContent = setup && setup.press || press;
      measure.button.hidden = !setup || !setup.measurable || measure.busy();
      main.element.hidden = missing;
      if (missing) verdict.textContent = prepare.busy() ? "" : setup.missing || "These knobs have not been found yet.";
      grade.textContent = setup && setup.grade || "";
      grade.hidden = !grade.textContent;
      prepare.draw(); measure.draw();
    });
  }

  // While a knob moves the picture comes by plain HTTP; words follow once it rests. Returns whether it comes that way.
  function followed(store, stage) {
    const {now} = store, {photo, film, painted} = stage;
    const follower = gan.follower({
      shown: (url, recipe) => {
        photo.after.src = url;
        if (!film.ready()) photo.canvas.hidden = true;
        stage.moved(photo.after);
        painted(recipe.amounts[recipe.knob]);
      },
      failed: () => store.send(),
    });
    // once the queue has answered for these knobs: then their network is open, and they were found; of a slow network
    // the queue has a first look, and the picture itself would hold up the others
    const able = () => {
      const {answer, recipe, setup} = now;
      return !!answer && !!answer.pictures && answer.exact !== false && !!setup && !setup.slow
        && setup.ready !== false && knobsOf(answer.recipe, store) === knobsOf(recipe, store);
    };
    const follow = () => {
      if (!able()) return false;
      const {pictures, query} = now.answer;
      follower.want(gan.pictureAt(pictures, "after", now.recipe, query), gan.copyOf(now.recipe));
      return true;
    };
    return Object.assign(follow, {able, stop: follower.stop});
  }

  function mainOf(store, stage) {
    const {now} = store, {photo, film, painted, askFilm} = stage;
    const main = gan.knob({
      id: `${store.name}-knob`, reach: 3,
      input: amount => {
        photo.split(false);
        store.turn(now.recipe.knob, amount, {rest: false, filmed: film.ready()});
        if (!film.ready()) return;
        film.draw((amount / +main.range.max + 1) / 2);
        photo.canvas.hidden = false;
        stage.moved(photo.canvas);
        painted(amount);
      },
      commit: amount => store.turn(now.recipe.knob, amount, {rest: true}),
    });
    for (const event of ["pointerenter", "focusin", "touchstart"])
      main.element.addEventListener(event, () => askFilm(), {passive: true});
    return main;
  }

  async function show(store, stage, answer) {
    const {now, name, arrival} = store, {photo, film, error, caption} = stage;
    if (answer.error && store.remedy(answer)) return;
    if (answer.error) { error.textContent = answer.error; error.hidden = false; stage.waiting(false); }
    else if (!now.refused) error.hidden = true;       // the answer to the restored recipe leaves the sentence standing
    if (!gan.answered(store, answer, now.dragging && (film.ready() || stage.follow.able()))) return;
    const current = store.current(), sentence = document.getElementById(`${name}-sentence`);
    const about = document.getElementById(`${name}-about`);
    stage.follow.stop();
    photo.element.classList.toggle("rough", answer.exact === false);
    store.sharpen();
    if (answer.exact === false && now.dragging && film.ready()) { store.tell(); return; }
    if (answer.recipe.model !== (stage.model || arrival.model)) store.bus.trigger("network", {});
    stage.model = answer.recipe.model;
    if (about && now.setup.about) about.textContent = now.setup.about;
    photo.network(now.setup); stage.network(now.setup);
    if (sentence && answer.sentence) sentence.textContent = answer.sentence;
    if (answer.src) photo.after.src = answer.src;
    if (answer.before) photo.before.src = answer.before;
    photo.after.alt = answer.alt;
    caption.textContent = answer.caption;
    photo.split(photo.isSplit());
    if (answer.src) await photo.after.decode().catch(() => {});
    if (++stage.answers > 1 || !same(answer.recipe, arrival)) stage.waiting(false);
    if (photo.after.src === answer.src && (current || !film.ready())) photo.canvas.hidden = true;
    stage.painted(answer.recipe.amounts[answer.recipe.knob]);
    photo.element.dataset.seed = answer.recipe.seed;
    store.tell();
  }

  // The buttons and the knobs beside the picture, and doors to the tabs that it can be taken to.
  gan.beside = (store, stage, part) => {
    const {now, name, listeners} = store, eyebrow = E("p", {class: "eyebrow"}), {doors = []} = part.props.value || {};
    const choose = store.choose = knob => { store.set({knob, ...store.chosen(knob)}); stage.askFilm(); };
    const door = tab => {
      const {title} = gan.addresses.called(tab);
      return [title, () => gan.visit(tab, title, other => other.take(now.recipe))];
    };
    const buttons = {
      another: button(`${name}-another`, "Another picture", store.another, "first"),
      previous: button(`${name}-previous`, "Previous", store.previous),
      undo: button(`${name}-undo`, "Undo", store.undo),
      back: button(`${name}-back`, "Back to start", store.backToStart),
    };
    const taken = doors.length ? gan.takeTo(name, Object.fromEntries(doors.map(door))) : null;
    part.element.replaceChildren(E("div", {class: "buttons"}, ...Object.values(buttons)),
      ...(taken ? [taken.element] : []), eyebrow,
      E("div", {class: "knobs"}, ...gan.columnOf(store, 0, IN_SIGHT, choose)));
    listeners.push(() => {
      const {setup, recipe} = now;
      buttons.undo.disabled = !store.canUndo();
      buttons.previous.disabled = !store.seen.length;
      if (taken) taken.moved(recipe.amounts.some(amount => amount));
      if (!setup) return;
      buttons.another.textContent = `Another ${setup.noun === "portrait" ? "face" : setup.noun}`;
      eyebrow.textContent = setup.knobs.length > 1 ? ["More knobs", setup.order].filter(Boolean).join(", ") : "";
      const facts = setup.knobs[recipe.knob];
      if (!facts) return;
      stage.main.name(gan.called(recipe.knob, facts), facts.also || "", facts.low, facts.high,
        facts.reach || setup.reach);
      if (!now.dragging) stage.main.show(recipe.amounts[recipe.knob]);
      stage.verdict.textContent = stage.measure.busy() ? "" : facts.verdict || "";   // its button is gone
    });
    return {choose, buttons};
  };

  // The knobs `first` to `last`, but for the one under the picture.
  gan.columnOf = (store, first, last, choose) => {
    const {now, arrival, listeners, name} = store, numbers = arrival.amounts.map((_, i) => i).slice(first, last);
    const turn = (i, amount, how) => store.turn(i, amount, how);
    const rows = numbers.map(i => ({i, knob: gan.knobOf(name, i, 3, {turn, choose})}));
    const draw = () => rows.forEach(({i, knob}) => {
      const facts = now.setup && now.setup.knobs[i];
      knob.element.hidden = !facts || i === now.recipe.knob;
      if (!facts) return;
      knob.name(gan.called(i, facts), facts.also || "", facts.low, facts.high, facts.reach || now.setup.reach);
      if (document.activeElement !== knob.range || !now.dragging) knob.show(now.recipe.amounts[i]);
    });
    listeners.push(draw); draw();
    return rows.map(row => row.knob.element);
  };

  // The stages of tabs that have one of their own, by the tab's name: a function of the store that returns
  // `show(answer)` and `film`; else it is one of knobs.
  gan.stages = {};
  const ofKnobs = store => {
    const stage = gan.stage(store), beside = gan.beside(store, stage, store.parts.beside);
    stage.more = () => gan.columnOf(store, IN_SIGHT, undefined, beside.choose);
    stage.photo.split(!!(store.arrival.amounts || [])[store.arrival.knob]);
    return stage;
  };

  // A tab: `cells` are the names of its experiments; `needed` the parts that its stage is made of.
  const NEEDED = ["recipe", "stage", "film", "facts", "held", "beside", "models"];
  gan.start = (name, title, cells, needed = NEEDED) =>
    gan.tab(name, title, needed, parts => {
      const store = gan.stores[name] = gan.store(name, parts), {now, listeners} = store;
      const opening = parts.stage.props.value || {}, stage = (gan.stages[name] || ofKnobs)(store);
      const query = () => now.answer && now.answer.query;
      needs(store);
      listeners.push(() => gan.addresses.shows(name, query()));
      const grow = gan.late(name, {
        link: part => listeners.push(
          gan.link(part, name, {query, note: () => now.answer && now.answer.note, says: stage.link})),
        more: part => gan.controls(store, part, stage.more ? stage.more() : []),
        methods: part => part.element.replaceChildren(gan.fields(store, part.props.value)),
        ...Object.fromEntries(cells.map(cell => [cell, part => gan.cell(store, part)])),
      });
      gan[name] = store;
      if (opening.recipe || opening.error) stage.show(opening);
      else if (store.arrival.model) store.bus.trigger("change", {});
      if (stage.film.take) stage.film.take();
      grow();
      store.tell();
    });

  // where no network is here that the tab can use: only that is said, and the list, until one was chosen
  function needs({name, parts, now, listeners}) {
    const said = document.getElementById(`${name}-needs`), opener = parts.models.element.querySelector("button");
    if (!said || !opener) return;
    listeners.push(() => {
      said.classList.toggle("met", !!now.answer);
      opener.textContent = now.answer ? "Other networks" : "Choose a network";
    });
    parts.stage.watch("value", () => {
      const {error} = parts.stage.props.value || {};
      if (error) said.querySelector("p").textContent = error;
    });
  }
})();
