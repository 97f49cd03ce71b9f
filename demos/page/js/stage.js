// A stage with knobs: the picture before and after, the chosen knob under it with what was measured of it, the others
// beside it. What a tab has of its own it adds.
(() => {
  const E = gan.element, {button, same} = gan, IN_SIGHT = 6;
  const LOOKED_FOR = 12;                            // so many knobs are seen at a glance; more are looked for by name
  const RESTS = 400;                                // milliseconds until a knob counts as at rest

  // `photo`: in the place of `gan.photo()`, what a tab has of its own.
  gan.stage = (store, photo = gan.photo()) => {
    const {bus, now, parts, arrival, listeners, name} = store, film = gan.strip(parts.film, photo.canvas, now, arrival);
    let filming = "";
    const stage = {photo, film, answers: 0,
      painted: amount => { photo.element.dataset.painted = amount; },
      moved: () => {},                              // what is drawn of the picture while a knob moves
      waiting: on => parts.stage.element.classList.toggle("waiting", on), show: answer => show(store, stage, answer),
      askFilm: () => {
        if (stage.live.able()) { stage.live.open(); return; }                    // this browser draws what moves
        if (film.ready() || filming === film.key() || !now.setup || now.setup.ready === false) return;
        filming = film.key();
        bus.trigger(now.setup.slow ? "slow_film" : "film", {key: filming});
      }};
    listeners.push(() => {                          // a slow film that nobody waits for any more ends
      if (!filming || now.dragging || filming === film.key()) return;
      if (now.setup && now.setup.slow) bus.trigger("stop", {kind: "slow_film"});
      filming = "";
    });
    for (const [id, attributes] of Object.entries({caption: {class: "caption"},
      verdict: {class: "verdict", role: "status"}, measured: {hidden: true}, grade: {class: "caption", hidden: true},
      error: {class: "said", role: "alert", hidden: true}}))
      stage[id] = E("p", {...attributes, id: `${name}-${id}`});
    stage.prepare = work(store, stage, "prepare", "Find the knobs of this network", "first");
    stage.measure = work(store, stage, "measure", "Measure these knobs");
    stage.live = store.live = gan.live(store, photo.canvas, answer => !!now.setup && now.setup.ready !== false
      && unturned(answer.recipe) === unturned(now.recipe),
    amounts => { stage.moved(photo.canvas); stage.painted(amounts[now.recipe.knob]); });
    stage.follow = store.follow = followed(store, stage);
    store.glimpse = () => {                         // another picture, by the same knobs, until the server's is there
      const {answer, recipe} = now, same = answer && knobsOf(answer.recipe, store) === knobsOf(recipe, store);
      if (same && unturned(answer.recipe) !== unturned(recipe)) stage.live.glimpse(recipe);
    };
    let rests = 0;
    store.rest = () => {                            // at rest the server's picture is asked for, once it stays there
      clearTimeout(rests);
      if (!stage.live.ready()) { store.send(); return; }
      stage.live.draw(now.recipe.amounts);
      rests = setTimeout(() => { if (!now.dragging && !store.current()) store.send(); }, RESTS);
    };
    store.sharpen = () => {                         // a slow network's first look is there, and nobody is moving it
      const {answer, setup, dragging} = now, waits = setup && setup.ready === false;
      if (!dragging && !waits && store.current() && answer.exact === false) bus.trigger("full", {});
    };
    const main = stage.main = gan.knob(`${name}-knob`, (amount, {rest}) => {
      if (!rest) photo.split(false);
      const here = stage.live.ready(), filmed = !here && film.ready();
      store.turn(now.recipe.knob, amount, {rest, filmed});
      if (rest || !filmed) return;
      film.draw((amount / +main.range.max + 1) / 2);
      photo.canvas.hidden = false;
      stage.moved(photo.canvas);
      stage.painted(amount);
    });
    for (const event of ["pointerenter", "focusin", "touchstart"])
      main.element.addEventListener(event, stage.askFilm, {passive: true});
    stage.network = gan.models(store, {take: recipe => store.take(recipe)});
    parts.stage.element.replaceChildren(
      E("figure", {class: "stage"}, photo.element, E("div", {class: "scrub"}, main.element),
        E("figcaption", {}, stage.prepare.progress, stage.measure.progress, stage.verdict,
          stage.measure.button, stage.prepare.button, stage.error, E("details", {class: "numbers"},
            E("summary", {}, "The numbers"), stage.measured, stage.grade, stage.caption))));
    gan.dock(photo.element);
    stage.refuse = text => { gan.say(stage.error, text); stage.restored = gan.copyOf(now.recipe); };
    parts.stage.hear(stage.show);
    const {prepare, measure, verdict, grade} = stage, press = prepare.button.textContent;
    listeners.push(() => {                          // its knobs are missing, or were not measured
      const {setup} = now, unfound = !!setup && setup.ready === false;
      const missing = unfound || !!setup && !setup.knobs.length;
      prepare.button.hidden = !unfound || prepare.busy();
      prepare.button.textContent = setup && setup.press || press;
      measure.button.hidden = !setup || !setup.measurable || measure.busy();
      main.element.hidden = missing;
      if (missing) verdict.textContent = prepare.busy() ? "" : setup.missing || "These knobs have not been found yet.";
      gan.say(grade, setup && setup.grade);
    });
    return stage;
  };

  // what a picture is before its knobs are turned
  const unturned = ({amounts, knob, ...recipe}) => JSON.stringify(Object.entries(recipe).sort());
  // what a set of knobs rests on: the fields but those that leave it as it is
  const knobsOf = (recipe, {parts}) =>
    JSON.stringify(Object.entries(recipe).filter(([field]) => !parts.beside.props.value.turned.includes(field)).sort());

  // What the visitor can ask for: knobs are found, or measured. `says`: how far it is; `ask(values)` begins it. Where
  // answers come on its way they are shown; else what follows asks again.
  function work(store, stage, name, press, kind = "") {
    const {parts, now, bus, listeners} = store, one = {says: ""};
    const meter = E("progress", {max: 1, value: 0, "aria-label": press}), said = E("span");
    const stop = button(`${store.name}-${name}-stop`, "Stop", () => bus.trigger("stop", {kind: name}));
    one.progress = E("p", {class: "progress", role: "status", id: `${store.name}-${name}-progress`, hidden: true},
      meter, said, " ", stop);
    one.ask = (values = {}) => {
      const key = `${name} ${Math.random()}`;
      Object.assign(one, {key, says: "Waiting …", of: knobsOf(now.recipe, store), answered: false});
      bus.trigger(name, {key, values}); store.tell();
    };
    one.button = button(`${store.name}-${name}`, press, () => one.ask({agreed: 1}), kind);
    one.busy = () => !!one.says && one.of === knobsOf(now.recipe, store);
    listeners.push(() => { one.progress.hidden = !one.busy(); said.textContent = one.says; });
    parts.facts.hear(({key, partial, says, share, answer, ended, error}) => {
      if (key !== one.key || !one.says) return;
      one.says = partial ? says || "Working …" : ""; meter.value = share || 0;
      if (answer) {
        one.answered = true;
        stage.show(answer);
        if (store.current() && !same(bus.props.value, now.recipe)) store.send();
      }
      if (error) gan.say(stage.error, error);
      else if (!partial && !ended) {
        if (!one.answered) bus.trigger("change", {});
        (store.after[name] || []).forEach(ask => ask());
      }
      store.tell();
    });
    return one;
  }

  // While a knob moves the picture comes by plain HTTP: the newest that is wanted, one request at a time; words follow
  // once it rests. Returns whether it comes that way.
  function followed(store, stage) {
    const {now} = store, {photo, film, painted} = stage;
    let next = null, busy = false, round = 0;
    async function ask() {
      if (busy || !next) return;
      const {src, knob, amounts} = next, mine = round, image = Object.assign(new Image(), {src});
      next = null; busy = true;
      const came = await image.decode().then(() => true, () => false);
      busy = false;
      if (mine === round && !came) store.send();
      else if (mine === round) {
        photo.after.src = src;
        if (!film.ready()) photo.canvas.hidden = true;
        stage.moved(photo.after);
        painted(amounts[knob]);
      }
      ask();
    }
    // once the queue has answered for these knobs: then their network is open, and they were found; of a slow network
    // the queue has a first look, and the picture itself would hold up the others
    const able = () => {
      const {answer, recipe, setup} = now;
      return stage.answers > 1 && !!answer && !!answer.pictures && answer.exact !== false && !!setup && !setup.slow
        && setup.ready !== false && knobsOf(answer.recipe, store) === knobsOf(recipe, store);
    };
    const follow = () => {
      if (stage.live.ready()) { stage.live.draw(now.recipe.amounts); return true; }
      stage.live.open();
      if (!able()) return false;
      next = {...gan.copyOf(now.recipe), src: pictureOf(now.recipe, now.answer)};
      ask();
      return true;
    };
    return Object.assign(follow, {able, stop: () => { next = null; round++; stage.live.stop(); }});
  }

  // the address of a recipe's picture; `query`: the link on screen, which names the weights
  function pictureOf({version, tab, ...recipe}, {pictures, query}) {
    const asked = new URLSearchParams({v: version}), weights = new URLSearchParams(query);
    if (!pictures.includes("/")) delete recipe.directions;
    for (const [name, value] of Object.entries(recipe)) asked.set(name, typeof value === "boolean" ? +value : value);
    if (tab) asked.set("tab", tab);
    if (weights.get("w") && weights.get("model") === recipe.model) asked.set("w", weights.get("w"));
    return `${pictures}/after?${asked}`;
  }

  async function show(store, stage, answer) {
    const {now, name, arrival} = store, {photo, film, error, caption} = stage;
    if (answer.error && store.remedy(answer)) return;
    if (answer.error) { gan.say(error, answer.error); stage.waiting(false); }
    else if (!same(answer.recipe, stage.restored)) { error.hidden = true; stage.restored = null; }
    const isDrawn = gan.answered(store, answer, now.dragging && (film.ready() || stage.live.ready() || stage.follow.able()));
    if (answer.error) stage.restored = now.refused && gan.copyOf(now.recipe);   // its answers leave the sentence
    if (!isDrawn) return;
    const current = store.current();
    stage.follow.stop();
    photo.element.classList.toggle("rough", answer.exact === false);
    store.sharpen();
    if (answer.exact === false && now.dragging && film.ready()) { store.tell(); return; }
    if (answer.recipe.model !== (stage.model || arrival.model)) store.bus.trigger("network", {});
    stage.model = answer.recipe.model;
    photo.network(now.setup); stage.network(now.setup);
    for (const [id, text] of [["about", now.setup.about], ["sentence", answer.sentence]]) {
      const place = document.getElementById(`${name}-${id}`);
      if (place && text) place.textContent = text;
    }
    gan.limits(name, now.setup);
    if (answer.src) photo.after.src = answer.src;
    if (answer.before) photo.before.src = answer.before;
    photo.after.alt = answer.alt;
    caption.textContent = answer.caption;
    photo.split(photo.isSplit());
    if (answer.src) await photo.after.decode().catch(() => {});
    if (++stage.answers > 1 || !same(answer.recipe, arrival)) stage.waiting(false);
    if (photo.after.getAttribute("src") === answer.src && (current || !film.ready() && !stage.live.ready())) photo.canvas.hidden = true;
    stage.painted(answer.recipe.amounts[answer.recipe.knob]);
    photo.element.dataset.seed = answer.recipe.seed;
    store.tell();
  }

  // The buttons and the knobs beside the picture, and doors to the tabs that it can be taken to: it goes as the network
  // draws it, its knobs stay.
  gan.beside = (store, stage, part) => {
    const {now, name, listeners} = store, eyebrow = E("p", {class: "eyebrow"}), {doors = []} = part.props.value || {};
    store.choose = knob => { store.set({knob, ...store.chosen(knob)}); stage.askFilm(); };
    const door = tab => {
      const {title} = gan.addresses.called(tab), take = () => gan.visit(tab, other => other.take(now.recipe));
      return button(`${name}-to-${title.toLowerCase()}`, title, take);
    };
    const buttons = {
      another: button(`${name}-another`, "Another picture", () => store.another(), "first"),
      previous: button(`${name}-previous`, "Previous", store.previous),
      undo: button(`${name}-undo`, "Undo", store.undo),
      back: button(`${name}-back`, "Back to start", store.backToStart),
      share: gan.share(store),
    };
    const lead = E("span"), attributes = {role: "group", "aria-label": "Take this picture to another tab"};
    const row = E("div", {class: "buttons"}, ...Object.values(buttons));
    const taken = E("div", {class: "take-to", ...attributes}, lead, ...doors.map(door));
    stage.main.element.parentElement.after(row);    // in sight of the picture
    const finder = gan.finder(store);
    part.element.replaceChildren(doors.length ? taken : "", finder, eyebrow,
      E("div", {class: "knobs"}, ...columnOf(store, 0, IN_SIGHT)));
    listeners.push(() => {
      const {setup, recipe} = now, turned = recipe.amounts.some(amount => amount);
      buttons.undo.disabled = !store.canUndo(); buttons.previous.disabled = !store.seen.length;
      const unmoved = recipe.turn || recipe.right || recipe.down ? " (Restore shows it unmoved)" : "";
      lead.textContent = `Take this picture${unmoved}${turned ? ", as it was before its knobs," : ""} to:`;
      const restore = taken.querySelector(`#${name}-to-restore`);       // it knows pictures by their numbers
      if (restore) restore.hidden = !!recipe.found || !!recipe.paste;
      finder.hidden = !setup || setup.knobs.length <= LOOKED_FOR;
      if (!setup) return;
      buttons.another.textContent = `Another ${setup.noun === "portrait" ? "face" : setup.noun}`;
      eyebrow.textContent = setup.knobs.length > 1 ? ["More knobs", setup.order].filter(Boolean).join(", ") : "";
      if (!stage.main.name(recipe.knob, setup)) return;
      if (!now.dragging) stage.main.show(recipe.amounts[recipe.knob]);
      const {verdict = "", plain = ""} = setup.knobs[recipe.knob];
      stage.verdict.textContent = stage.measure.busy() ? "" : plain || verdict;     // its button is gone
      gan.say(stage.measured, plain && verdict);
    });
    return {buttons, row, taken};
  };

  // A field that puts a knob under the picture by its name, by a part of it, or by words of what it does at its ends.
  gan.finder = store => {
    const {now, name} = store, says = E("span", {role: "status"}), names = E("datalist", {id: `${name}-names`});
    const what = "Find a knob by name", titles = () => now.setup.knobs.map((knob, i) => gan.knobName(i, knob).toLowerCase());
    const field = E("input", {type: "search", class: "search", placeholder: what, "aria-label": what});
    field.setAttribute("list", names.id);
    const take = at => { says.textContent = ""; field.value = ""; store.choose(at); };
    field.addEventListener("focus", () => names.replaceChildren(...titles().map(value => E("option", {value}))));
    const ends = ({low, high}) => `${low} ${high}`.toLowerCase();
    field.addEventListener("input", () => {
      says.textContent = "";
      if (titles().includes(field.value)) take(titles().indexOf(field.value));
    });
    field.addEventListener("change", () => {
      const wanted = field.value.trim().toLowerCase(), named = titles().findIndex(title => title.includes(wanted));
      const has = (knob, i) => wanted.split(/\s+/).every(word => `${titles()[i]} ${ends(knob)}`.includes(word));
      const at = named < 0 ? now.setup.knobs.findIndex(has) : named;
      if (wanted && at >= 0) take(at);
      else if (wanted) says.textContent = `No knob has “${field.value.trim()}” in its name.`;
    });
    return E("div", {class: "finder"}, field, names, says);
  };

  // The knobs `first` to `last`, but for the one under the picture.
  function columnOf(store, first, last) {
    const {now, arrival, listeners, name} = store;
    return [...arrival.amounts.keys()].slice(first, last).map(i => {
      const knob = gan.knob(`${name}-knob-${i + 1}`, (amount, how) => store.turn(i, amount, how));
      gan.onPress(knob.title, () => store.choose(i));
      Object.assign(knob.title, {title: "Put this knob under the picture", tabIndex: 0, role: "button"});
      const draw = () => {
        const there = knob.name(i, now.setup);
        knob.element.hidden = !there || i === now.recipe.knob;
        if (there && (document.activeElement !== knob.range || !now.dragging)) knob.show(now.recipe.amounts[i]);
      };
      listeners.push(draw); draw();
      return knob.element;
    });
  }

  // The stages of tabs that have one of their own, by the tab's name: a function of the store that returns
  // `show(answer)` and `film`; else it is one of knobs.
  gan.stages = {};
  const ofKnobs = store => {
    const stage = gan.stage(store);
    gan.beside(store, stage, store.parts.beside);
    stage.more = () => columnOf(store, IN_SIGHT);
    stage.photo.split(false);
    return stage;
  };

  // A tab begins once all the parts that it needs are there, in any order, and again where they are made anew. `cells`
  // are the names of its experiments; `needed` the parts that its stage is made of, besides those that it `needs`.
  gan.start = (name, title, cells, needed = ["recipe", "stage", "film", "facts", "held", "beside", "models"]) => {
    let stage = null, grow = null;
    gan.addresses.tab(name, title);
    document.addEventListener(`gan:${name}`, () => {
      const parts = gan.parts[name];
      const own = gan.owns[name] ? ["own"] : [], {needs = []} = gan.stages[name] || {};
      if (!["linked", ...needed, ...needs, ...own].every(part => parts[part])) return;
      if (stage !== parts.stage.element) { stage = parts.stage.element; grow = begin(name, cells, {...parts}); }
      grow();
    });
  };

  // The recipe that a link asks for, once the server has read it. Until it is there its picture waits, but not for
  // ever; a refused link leaves what is there. `ask` asks for the picture of what is there.
  function openLink(store, stage, query, ask) {
    const {name, now, bus, parts: {linked}} = store, waits = stage.waiting || (() => {});
    if (!query) return;
    store.linking = true; waits(true); setTimeout(waits, 6000, false);
    linked.hear(({recipe, notice, error}) => {
      const known = !recipe || same(recipe, bus.props.value);       // nobody will answer
      store.linking = false;
      gan.say(document.getElementById(`${name}-notice`), notice);
      if (error) { gan.addresses.holds(name); stage.refuse(error, {link: true}); } else { store.open(recipe); store.send(); store.linked(); }
      if (known) { waits(false); ask(); }
      store.tell();
    });
    linked.trigger("ask", {query});
  }

  // returns what builds the parts in folds, which may come later: each once
  function begin(name, cells, parts) {
    const store = gan.store(name, parts), {now, listeners} = store, opening = parts.stage.props.value || {};
    const stage = (gan.stages[name] || ofKnobs)(store), grown = new Set();
    if (gan.owns[name]) gan.own(store);
    const builders = {
      link: part => gan.link(store, part, stage.link),
      more: part => {
        const knobs = stage.more ? stage.more() : [], {amounts = []} = store.arrival;
        part.element.replaceChildren(knobs.length ? E("div", {class: "knobs two"}, ...knobs) : "",
          gan.fields(store, part.props.value), amounts.length ? E("div", {class: "buttons"},
            button(`${name}-surprise`, "Surprise me", store.surprise)) : "");
      },
      methods: part => part.element.replaceChildren(gan.fields(store, part.props.value)),
      ...Object.fromEntries(cells.map(cell => [cell, part => gan.cell(store, part)])),
    };
    // not while a link is opened: a reload would bring back what stood there before it
    listeners.push(() => { if (!store.linking && store.current()) gan.addresses.shows(name, now.answer.query); });
    gan[name] = store;
    if (opening.recipe) stage.show(opening);
    const ask = () => { if (!now.answer && !store.linking && store.arrival.model) store.bus.trigger("change", {}); };
    if (!opening.recipe) gan.whenShown(parts.stage.element, ask);                     // there is no record
    openLink(store, stage, gan.addresses.asks(name, parts.linked.props.value.names, opening.query), ask);
    gan.addresses.unfold(name);
    store.tell();
    return () => Object.entries(builders).forEach(([one, build]) => {
      const part = gan.parts[name][one];
      if (part && !grown.has(part.element)) { grown.add(part.element); build(part); }
    });
  }
})();
