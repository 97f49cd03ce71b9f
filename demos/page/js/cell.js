// An experiment of a tab: a button, the HTML that the server streams, Stop. What rests on other values is shown pale.
(() => {
  const E = gan.element, PATIENCE = 20;           // seconds of work that begin without being asked for
  const RESTS = 400;                              // milliseconds until a knob that this browser draws counts as at rest

  // tab: a store; `tab.waits(cell)`: whether it has to wait, or why. What the cell is came with the part's first value.
  gan.cell = (tab, part) => {
    const {bus, now, listeners} = tab, first = part.props.value || {}, {cell} = first, {name, stays} = cell;
    const value = () => part.props.value || {};
    const keyOf = recipe => recipe ? JSON.stringify(cell.rests_on.map(field => recipe[field])) : "";
    const arrived = {recipe: first.html ? gan.copyOf(first.recipe || now.recipe) : null, page: first.first || 0};
    // asked: the key of what is on its way, for the recipe `wanted`; `recipe`: that of what is shown; moved: its own
    // controls have moved since they asked
    const state = {...arrived, asked: "", wanted: null, dropped: "", visible: false, timer: 0, turned: false, rests: 0};
    const result = E("div", {class: "result"}), line = E("p", {class: "caption", role: "status"});
    const meter = E("progress", {max: 1, value: 0, hidden: true, "aria-label": "How far it is"});
    const end = () => bus.trigger("stop", {kind: name});
    const press = (what, text, act, kind) => gan.button(`${tab.name}-${name}-${what}`, text, act, kind);
    const stop = press("stop", "Stop", end);
    const go = press("go", cell.press, () => { if (stays) state.page = 0; ask(); }, "first");
    part.ask = recipe => { state.page = 0; ask(null, recipe); };       // for a cell that has no button of its own
    const more = press("more", cell.more, () => { state.page += 1; ask(null, stays ? state.recipe : now.recipe); });
    const asks = [E("div", {class: "buttons"}, ...(stays ? [more, go] : [go, more]), stop),
      E("p", {class: "progress"}, meter, line)];
    part.element.replaceChildren(first.controls ? gan.fields(tab, first.controls, name) : "",
      ...(stays ? [result, ...asks] : [...asks, result]));

    const fresh = () => keyOf(state.recipe) === keyOf(now.recipe) && !value().partial && !value().error;
    // of a slow network: how many pictures it draws, and how long it takes
    const drawn = () => (now.setup.draws || {})[name] || 0;
    const cost = () => cell.by_itself && now.setup && now.setup.slow
      ? (now.setup.costs || {})[name] || drawn() * now.setup.seconds : 0;
    const costs = () => {
      const time = cost() < 90 ? `${Math.round(cost())} s` : `${Math.round(cost() / 60)} minutes`;
      const takes = drawn() ? `${drawn()} pictures with this network take` : "With this network that takes";
      return `${takes} about ${time} on the server of this page.`;
    };
    // `given`: what the controls in its own HTML say
    function ask(given = null, recipe = now.recipe) {
      if (state.asked) end();
      clearTimeout(state.rests); state.rests = 0;
      const turned = !!given;
      if (cell.form && !given && tab.formed) given = tab.formed(cell);
      if (cell.live && !given && tab.live && tab.live.ready()) given = {live: 1};         // this browser draws its pictures
      Object.assign(state, {asked: `${keyOf(recipe)} ${Math.random()}`, wanted: gan.copyOf(recipe), turned,
        moved: false});
      bus.trigger(name, {key: state.asked, first: state.page, values: given,
        recipe: stays || turned || !gan.same(bus.props.value, recipe) ? state.wanted : null});
      mark();
    }
    function mark() {
      if (cell.of_reader && now.setup) part.element.hidden = !now.setup.known;
      const there = keyOf(state.recipe), other = keyOf(state.wanted) !== keyOf(now.recipe);
      // what began by itself and nobody looks at any more ends
      if (state.asked && cell.by_itself && !now.dragging && other) { end(); state.asked = ""; }
      const busy = !!state.asked, shown = value(), mine = shown.key === state.asked, done = fresh();
      const slow = !done && cost() > PATIENCE, waits = cell.by_itself && !busy && !done && !slow;
      const held = tab.waits && tab.waits(cell), pale = !stays && !!there && there !== keyOf(now.recipe);
      stop.hidden = !busy;
      more.hidden = !cell.more || busy || !(stays ? there : done);
      go.hidden = !cell.press || cell.by_itself && (done || waits || busy) || cell.form && done
        || stays && (busy || done);
      go.textContent = stays && there ? stays : cell.press;
      go.classList.toggle("first", !(stays && there));
      go.disabled = busy || held || tab.linking;      // a linked picture is not there yet
      meter.hidden = !busy || !mine || shown.share === undefined;
      meter.value = shown.share || 0;
      const gone = shown.key && shown.key === state.dropped;        // its picture is not here any more
      line.textContent = busy ? mine && shown.says || cell.says : !gone && (shown.error || shown.ended && "Stopped.")
        || (slow ? costs() : "") || (typeof held === "string" ? held : pale && cell.pale || "");
      line.parentElement.hidden = !line.textContent;
      result.classList.toggle("stale", pale);
      clearTimeout(state.timer);
      if (waits && state.visible && !now.dragging && !shown.error) state.timer = setTimeout(ask, 400);
    }
    function draw() {
      const shown = value();
      if (!shown.html || state.dropped && shown.key === state.dropped) return;
      const fresh = E("div");
      fresh.innerHTML = shown.html;
      const live = [...fresh.querySelectorAll("[data-live]")], before = result.querySelectorAll("[data-live]");
      // what its own controls asked for changes what is live alone: they stay under the finger, and of what this browser
      // draws an older picture takes the place of none
      const older = gan.turnsHere(result) && (state.moved || shown.key !== state.asked);
      if (state.turned && live.length && live.length === before.length)
        live.forEach((one, i) => {
          const [was, next] = [before[i], one].map(place => place.querySelector("img"));
          if (was && next) {
            if (!older) Object.assign(was, {src: next.src, alt: next.alt});
            next.replaceWith(was);
          }
          before[i].replaceChildren(...one.childNodes);
        });
      else result.replaceChildren(...fresh.childNodes);
      if (shown.key === state.asked && state.wanted) state.recipe = state.wanted;
      choices();
      if (tab.live) tab.live.fill(result, `${tab.name} ${name}`, () => ask({}));
      (cell.drawn || []).forEach(name => gan.drawn[name](tab, result, shown));
    }
    part.hear(({key, partial}) => {
      draw();
      if (key === state.asked && !partial) state.asked = "";
      mark();
    });
    const choices = gan.setters(tab, result);
    if (cell.form) formOf(result, `${tab.name} ${name}`, state, given => ask(given, state.recipe));
    if (cell.after) (tab.after[cell.after] ??= []).push(() => ask());
    tab.forgets.push(gone => {
      if (![state.recipe, state.wanted].some(recipe => recipe && gone(recipe))) return;
      if (state.asked) end();
      result.replaceChildren();
      Object.assign(state, {dropped: state.asked || value().key, asked: "", recipe: null, wanted: null});
      if (stays && first.html) {
        Object.assign(state, arrived, {dropped: ""});
        part.props.value = first;
        draw();
      }
      mark();
    });
    if (cell.by_itself)
      new IntersectionObserver(seen => { state.visible = seen[0].isIntersecting; mark(); }).observe(part.element);
    listeners.push(mark);
    draw(); mark();
  };

  // controls in the HTML of a cell: what they say by name goes to `ask` when one was changed, for what is shown
  function formOf(result, lane, state, ask) {
    const show = ({target}) => {
      const says = target.type === "range" && target.parentElement.querySelector("output");
      if (says) says.textContent = gan.signed(+target.value);
    };
    result.addEventListener("input", show);
    for (const event of ["pointerover", "focusin", "input"])
      result.addEventListener(event, () => {
        gan.turnHere(result, lane, event === "input");
        if (event !== "input") return;
        state.moved = true;
        if (state.rests) later();
      });
    const rest = () => {
      if (state.recipe) ask(Object.fromEntries([...result.querySelectorAll("[name]:not([type=radio]:not(:checked))")]
        .map(one => [one.name, +one.value])));
    };
    const later = () => {
      clearTimeout(state.rests);
      state.rests = setTimeout(rest, gan.turnsHere(result) ? RESTS : 0);
    };
    result.addEventListener("change", later);
    result.addEventListener("dblclick", e => {
      if (e.target.type !== "range") return;
      e.target.value = 0;
      for (const event of ["input", "change"]) e.target.dispatchEvent(new Event(event, {bubbles: true}));
    });
  }

  // What carries `data-set` within an element changes the recipe when it is pressed, by mouse or keyboard; in a list to
  // choose from, the arrows go on to the next. Returns a function that marks what is chosen.
  gan.setters = (tab, element) => {
    const patchOf = one => JSON.parse(one.dataset.set), choose = one => tab.change(patchOf(one));
    element.addEventListener("keydown", e => {
      const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key];
      const list = step && e.target.closest("[role=listbox]");
      const options = list ? [...list.querySelectorAll("[data-set]")] : [];
      if (!options.length) return;
      e.preventDefault();
      const at = options.findIndex(one => one.getAttribute("aria-selected") === "true");
      choose(options[(at + step + options.length) % options.length]);
    });
    gan.onPress(element, choose, "[data-set]");
    const mark = () => {
      for (const one of element.querySelectorAll("[data-set]")) {
        const on = Object.entries(patchOf(one)).every(([name, to]) => gan.same(tab.now.recipe[name], to));
        const option = one.getAttribute("role") === "option";
        one.setAttribute(option ? "aria-selected" : "aria-pressed", on);
        if (option && on) one.closest("[role=listbox]").setAttribute("aria-activedescendant", one.id);
      }
    };
    tab.listeners.push(mark);
    return mark;
  };

  // What some cells draw into their HTML once it is there, by name: (tab, result, what came).
  gan.drawn = {
    // cards of knobs are called as the knobs are, also once these were measured
    names: (tab, result) => {
      const renamed = () => {
        if (!result.classList.contains("stale")) for (const card of result.querySelectorAll(".card[data-set]")) {
          const {knob} = JSON.parse(card.dataset.set), facts = tab.now.setup && tab.now.setup.knobs[knob];
          if (facts) card.querySelector(".card-name").textContent = card.ariaLabel = gan.knobName(knob, facts);
        }
      };
      if (!result.renamed) tab.listeners.push(renamed);
      result.renamed = true; renamed();
    },
    // `blocks.slider`: it shows one of the slides or of the film's frames, and writes its field when it rests
    slider: (tab, result, {key, partial}) => {
      const input = result.querySelector("input[data-field]"), canvas = result.querySelector("canvas[data-film]");
      if (!input) return;
      const {field, values, percent} = input.dataset, list = values && JSON.parse(values);
      const slides = [...result.querySelectorAll("[data-slide]")], film = canvas && gan.film(canvas);
      const value = () => list ? list[+input.value] : +input.value;
      const move = () => {
        const says = `${Math.round(100 * percent * value()) / 100} %`;
        input.nextElementSibling.textContent = says;
        input.setAttribute("aria-valuetext", says);
        slides.forEach((one, i) => { one.hidden = i !== +input.value; });
        if (film && film.ready()) film.draw(input.value / input.max);
      };
      if (partial && result.held && result.held.key === key) input.value = result.held.value;   // while more comes
      input.addEventListener("input", () => { result.held = {key, value: input.value}; move(); });
      input.addEventListener("change", () => tab.set({[field]: value()}));
      if (film) film.load(canvas.dataset.film, +canvas.dataset.frames).then(move);
      move();
    },
  };
})();
