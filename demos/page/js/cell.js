// An experiment of a tab: a button, the HTML that the server streams, Stop. What rests on other values is shown pale.
(() => {
  const E = gan.element, PATIENCE = 20;           // seconds of work that begin without being asked for

  // tab: a store; `tab.waits(cell)`: whether it has to wait, or why. What the cell is (`name, press, says, pale,
  // rests_on, stops, more, form, by_itself, stays`, see page/tab.py) came with the part's first value.
  gan.cell = (tab, part) => {
    const {bus, now, listeners} = tab, first = part.props.value || {}, {cell} = first;
    const value = () => part.props.value || {};
    const keyOf = recipe => JSON.stringify(cell.rests_on.map(field => recipe[field]));
    const state = {asked: "", of: first.html ? keyOf(first.recipe || now.recipe) : "", page: first.first || 0,
      visible: false, timer: 0, recipe: first.html ? first.recipe || now.recipe : null, turned: false, wanted: null};
    const result = E("div", {class: "result"}), line = E("p", {class: "caption", role: "status"});
    const meter = E("progress", {max: 1, value: 0, hidden: true, "aria-label": "How far it is"});
    const go = gan.button(`${tab.name}-${cell.name}-go`, cell.press, () => {
      if (cell.stays) state.page = 0;
      ask();
    }, "first");
    const more = gan.button(`${tab.name}-${cell.name}-more`, cell.more || "", () => {
      state.page += 1;
      ask(null, cell.stays ? state.recipe : now.recipe);
    });
    const stop = gan.button(`${tab.name}-${cell.name}-stop`, "Stop", () => bus.trigger("stop", {kind: cell.name}));
    const lead = first.controls ? [gan.fields(tab, first.controls, cell.name)] : [];
    const buttons = E("div", {class: "buttons"}, ...(cell.stays ? [more, go] : [go, more]), stop);
    const asks = [buttons, E("p", {class: "progress"}, meter, line)];
    part.element.replaceChildren(...lead, ...(cell.stays ? [result, ...asks] : [...asks, result]));

    const fresh = () => state.of === keyOf(now.recipe) && !value().partial && !value().error;
    // of a slow network: how many pictures it draws, and how long it takes
    const drawn = () => (now.setup.draws || {})[cell.name] || 0;
    const cost = () => cell.by_itself && now.setup && now.setup.slow
      ? (now.setup.costs || {})[cell.name] || drawn() * now.setup.seconds : 0;
    // `given`: what the controls in its own HTML say
    function ask(given = null, recipe = now.recipe) {
      if (state.asked && cell.stops) bus.trigger("stop", {kind: cell.name});
      state.asked = `${keyOf(recipe)} ${Math.random()}`;
      state.coming = keyOf(recipe);
      state.wanted = gan.copyOf(recipe); state.turned = !!given;
      bus.trigger(cell.name, {key: state.asked, first: state.page, ...(given ? {values: given} : {}),
        ...(cell.stays ? {recipe: state.wanted} : {})});
      mark();
    }
    function mark() {
      leave();
      const busy = !!state.asked, shown = value(), mine = shown.key === state.asked;
      const waits = cell.by_itself && !busy && !fresh() && cost() <= PATIENCE;
      stop.hidden = !busy || !cell.stops;
      more.hidden = !cell.more || busy || !(cell.stays ? state.of : fresh());
      go.hidden = cell.by_itself && (fresh() || waits || busy) || !!cell.form && fresh()
        || !!cell.stays && (busy || fresh());
      go.textContent = cell.stays && state.of ? cell.stays : cell.press;
      go.classList.toggle("first", !(cell.stays && state.of));
      const held = !!tab.waits && tab.waits(cell);
      const pale = !cell.stays && !!state.of && state.of !== keyOf(now.recipe);
      go.disabled = busy || !!held;
      meter.hidden = !busy || !mine || shown.share === undefined;
      meter.value = shown.share || 0;
      line.textContent = busy ? mine && shown.says || cell.says
        : shown.error || (shown.ended ? "Stopped." : "") || (!fresh() && cost() > PATIENCE ? costs() : "")
          || (typeof held === "string" ? held : pale && cell.pale || "");
      line.parentElement.hidden = !line.textContent;
      result.classList.toggle("stale", pale);
      clearTimeout(state.timer);
      if (waits && state.visible && !now.dragging && !shown.error) state.timer = setTimeout(ask, 400);
    }
    // what began by itself and nobody looks at any more ends
    function leave() {
      if (!state.asked || !cell.by_itself || now.dragging || state.coming === keyOf(now.recipe)) return;
      bus.trigger("stop", {kind: cell.name});
      state.asked = "";
    }
    function costs() {
      const seconds = cost();
      const takes = drawn() ? `${drawn()} pictures with this network take` : "With this network that takes";
      return `${takes} about ${seconds < 90 ? `${Math.round(seconds)} s` :
        `${Math.round(seconds / 60)} minutes`} on this machine.`;
    }
    function draw() {
      const shown = value();
      if (!shown.html || state.dropped && shown.key === state.dropped) return;
      const fresh = E("div");
      fresh.innerHTML = shown.html;
      const live = [...fresh.querySelectorAll("[data-live]")], before = result.querySelectorAll("[data-live]");
      // what its own controls asked for changes what is live alone: they stay under the finger
      if (state.turned && live.length && live.length === before.length)
        live.forEach((one, i) => before[i].replaceChildren(...one.childNodes));
      else result.replaceChildren(...fresh.childNodes);
      if (shown.key === state.asked && state.coming) Object.assign(state, {of: state.coming, recipe: state.wanted});
      choices();
      (cell.drawn || []).forEach(name => gan.drawn[name](tab, result, shown));
    }
    part.watch("value", () => {
      const shown = value();
      draw();
      if (shown.key === state.asked && !shown.partial) state.asked = "";
      mark();
    });
    const choices = gan.setters(tab, result);
    if (cell.form) gan.formOf(result, ask);
    if (cell.after) (tab.after[cell.after] = tab.after[cell.after] || []).push(() => ask());
    tab.forgets.push(gone => {
      if (![state.recipe, state.wanted].some(recipe => recipe && gone(recipe))) return;
      result.replaceChildren();
      Object.assign(state, {dropped: value().key, asked: "", of: "", recipe: null, wanted: null});
      if (cell.stays && first.html) {
        Object.assign(state, {dropped: "", of: keyOf(first.recipe), recipe: first.recipe, page: first.first || 0});
        part.props.value = first;
        draw();
      }
      mark();
    });
    if (cell.by_itself)
      new IntersectionObserver(seen => { state.visible = seen[0].isIntersecting; mark(); }).observe(part.element);
    listeners.push(mark);
    draw(); mark();
    return {busy: () => !!state.asked, ask};
  };

  // Controls in the HTML of a cell: what they say by name goes to `ask` when one was changed.
  gan.formOf = (result, ask) => {
    const show = ({target}) => {
      const says = target.type === "range" && target.parentElement.querySelector("output");
      if (says) says.textContent = gan.signed(+target.value);
    };
    result.addEventListener("input", show);
    result.addEventListener("change", () =>
      ask(Object.fromEntries([...result.querySelectorAll("[name]")].map(one => [one.name, +one.value]))));
    result.addEventListener("dblclick", e => {
      if (e.target.type !== "range") return;
      e.target.value = 0; show(e);
      e.target.dispatchEvent(new Event("change", {bubbles: true}));
    });
  };

  // What carries `data-set` within an element changes the recipe when it is pressed, by mouse or keyboard; in a list to
  // choose from, the arrows go on to the next. Returns a function that marks what is chosen.
  gan.setters = (tab, element) => {
    const {now} = tab;
    const press = e => {
      const one = e.target.closest("[data-set]");
      if (!one || e.type === "keydown" && e.key !== "Enter" && e.key !== " ") return;
      e.preventDefault();
      tab.change(JSON.parse(one.dataset.set));
    };
    element.addEventListener("keydown", e => {
      const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key];
      const list = step && e.target.closest("[role=listbox]");
      const options = list ? [...list.querySelectorAll("[data-set]")] : [];
      if (!options.length) return;
      e.preventDefault();
      const at = options.findIndex(one => one.getAttribute("aria-selected") === "true");
      tab.change(JSON.parse(options[(at + step + options.length) % options.length].dataset.set));
    });
    element.addEventListener("click", press);
    element.addEventListener("keydown", press);
    const mark = () => {
      for (const one of element.querySelectorAll("[data-set]")) {
        const on = Object.entries(JSON.parse(one.dataset.set)).every(([name, to]) => gan.same(now.recipe[name], to));
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
