// An experiment of a tab: a button, the HTML that the server streams, Stop. What rests on other values is shown pale.
(() => {
  const E = gan.element, PATIENCE = 20;           // seconds of work that begin without being asked for

  // tab: {name, bus, now: {recipe, setup}, listeners, set}. What the cell is (`name, press, says, rests_on, stops, more,
  // by_itself`, see page/tab.py) came with the part's first value.
  gan.cell = (tab, part) => {
    const {bus, now, listeners} = tab, first = part.props.value || {}, {cell} = first;
    const value = () => part.props.value || {};
    const keyOf = recipe => JSON.stringify(cell.rests_on.map(field => recipe[field]));
    const state = {asked: "", of: first.html ? keyOf(first.recipe || now.recipe) : "", page: first.first || 0,
      visible: false, timer: 0};
    const result = E("div", {class: "result"}), line = E("p", {class: "caption", role: "status"});
    const meter = E("progress", {max: 1, value: 0, hidden: true, "aria-label": "How far it is"});
    const go = gan.button(`${tab.name}-${cell.name}-go`, cell.press, () => ask(), "first");
    const more = gan.button(`${tab.name}-${cell.name}-more`, cell.more || "", () => { state.page += 1; ask(); });
    const stop = gan.button(`${tab.name}-${cell.name}-stop`, "Stop", () => bus.trigger("stop", {kind: cell.name}));
    const lead = first.controls ? [gan.fields(tab, first.controls, cell.name)] : [];
    part.element.replaceChildren(...lead, E("div", {class: "buttons"}, go, more, stop),
      E("p", {class: "progress"}, meter, line), result);

    const fresh = () => state.of === keyOf(now.recipe) && !value().partial && !value().error;
    const cost = () => cell.by_itself && now.setup && now.setup.slow ? (now.setup.costs || {})[cell.name] || 0 : 0;
    function ask() {
      if (state.asked && cell.stops) bus.trigger("stop", {kind: cell.name});
      state.asked = `${keyOf(now.recipe)} ${Math.random()}`;
      state.coming = keyOf(now.recipe);
      bus.trigger(cell.name, {key: state.asked, first: state.page});
      mark();
    }
    function mark() {
      const busy = !!state.asked, shown = value(), mine = shown.key === state.asked;
      const waits = cell.by_itself && !busy && !fresh() && cost() <= PATIENCE;
      stop.hidden = !busy || !cell.stops;
      more.hidden = !cell.more || busy || !fresh();
      go.hidden = cell.by_itself && (fresh() || waits || busy);
      go.disabled = busy || !!tab.waits && tab.waits();
      meter.hidden = !busy || !mine || shown.share === undefined;
      meter.value = shown.share || 0;
      line.textContent = busy ? mine && shown.says || cell.says
        : shown.error || (shown.ended ? "Stopped." : "") || (!fresh() && cost() > PATIENCE ? costs() : "");
      line.parentElement.hidden = !line.textContent;
      result.classList.toggle("stale", !!state.of && state.of !== keyOf(now.recipe));
      clearTimeout(state.timer);
      if (waits && state.visible && !now.dragging && !shown.error) state.timer = setTimeout(ask, 400);
    }
    function costs() {
      const seconds = cost();
      return `With this network that takes about ${seconds < 90 ? `${Math.round(seconds)} s` :
        `${Math.round(seconds / 60)} minutes`} on this machine.`;
    }
    function draw() {
      const shown = value();
      if (!shown.html) return;
      result.innerHTML = shown.html;
      if (shown.key === state.asked && state.coming) state.of = state.coming;
      (cell.drawn || []).forEach(name => gan.drawn[name](tab, result, shown));
    }
    part.watch("value", () => {
      const shown = value();
      draw();
      if (shown.key === state.asked && !shown.partial) state.asked = "";
      mark();
    });
    gan.setters(tab, result);
    if (cell.by_itself)
      new IntersectionObserver(seen => { state.visible = seen[0].isIntersecting; mark(); }).observe(part.element);
    listeners.push(mark);
    draw(); mark();
    return {busy: () => !!state.asked, ask};
  };

  // What carries `data-set` within an element changes the recipe when it is pressed, by mouse or keyboard.
  gan.setters = (tab, element) => {
    const press = e => {
      const one = e.target.closest("[data-set]");
      if (!one || e.type === "keydown" && e.key !== "Enter" && e.key !== " ") return;
      e.preventDefault();
      tab.set(JSON.parse(one.dataset.set));
    };
    element.addEventListener("click", press);
    element.addEventListener("keydown", press);
    tab.listeners.push(() => {
      for (const one of element.querySelectorAll("[data-set]")) {
        const wanted = Object.entries(JSON.parse(one.dataset.set));
        const on = wanted.every(([name, to]) => gan.same(tab.now.recipe[name], to));
        one.setAttribute(one.getAttribute("role") === "option" ? "aria-selected" : "aria-pressed", on);
      }
    });
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
