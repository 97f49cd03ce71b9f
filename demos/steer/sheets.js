// Steer's sheets of pictures, made when they come into sight and no longer fit the recipe; and the choice of a method.
(() => {
  const E = gan.element, rooms = gan.rooms.steer;
  const PATIENCE = 20;            // seconds of drawing that begin without being asked for
  const SET = ["method", "mode", "layers", "directions"];         // what names a set of knobs
  const keyOf = (recipe, ...names) => JSON.stringify(names.map(name => recipe[name]));

  // `draw` shows what there is, of the recipe's `key`; `pictures` to draw: of a network that takes long, the visitor is
  // told the time first and asked; `data` goes with the question
  function sheet(tab, part, name, {key: keyFor, draw, says, data = () => ({}), pictures = () => 0}) {
    const {bus, now, arrival, listeners} = tab, value = () => part.props.value || {}, key = () => keyFor(now.recipe);
    const progress = E("p", {class: "caption", role: "status"});
    const go = gan.button(`steer-${name}-go`, "Draw them", () => ask(key()));
    let visible = false, asked = "", timer = 0;
    go.hidden = true;
    part.element.append(progress, go);
    const ask = wanted => { asked = wanted; bus.trigger(name, {key: wanted, ...data()}); look(); };
    const ofNow = () => (value().key === "arrival" ? keyFor(arrival) : value().key) === key();
    const fresh = () => ofNow() && !value().partial;
    function words(cost, time) {
      if (fresh()) return "";
      if (!go.hidden) return `${pictures()} pictures with this network take ${time} on this machine.`;
      return ofNow() && value().says || (cost ? `${says} (${time})` : says);
    }
    function look() {
      const wanted = key(), waits = asked === wanted;
      const cost = pictures() * (now.setup && now.setup.slow ? now.setup.seconds : 0);
      const time = cost < 90 ? `about ${Math.round(cost)} s` : `about ${Math.round(cost / 60)} minutes`;
      part.element.classList.toggle("stale", !fresh() && !(ofNow() && waits));
      go.hidden = fresh() || waits || cost <= PATIENCE;
      progress.textContent = words(cost, time);
      clearTimeout(timer);
      const due = visible && !fresh() && !waits && cost <= PATIENCE && !now.dragging;
      if (due) timer = setTimeout(() => ask(wanted), 400);
    }
    new IntersectionObserver(seen => { visible = seen[0].isIntersecting; look(); }).observe(part.element);
    part.watch("value", () => { if (!value().partial) asked = ""; draw(); look(); });
    listeners.push(look);
    draw();
  }
  const row = pictures =>
    E("div", {class: "pictures"}, ...pictures.map(src => E("img", {src, alt: "", draggable: false})));

  rooms.grid = (tab, part) => {
    const {now, listeners} = tab, list = gridOf(tab), knobs = () => now.setup ? now.setup.knobs : [];
    const card = (pictures, i) => {
      const facts = knobs()[i], name = gan.called(i, facts), attributes = {class: "card", role: "option"};
      const also = facts && [facts.also, facts.strength && `strength ${facts.strength}`];
      return E("div", {...attributes, id: `steer-grid-${i + 1}`, "data-knob": i, "aria-label": name}, row(pictures),
        E("span", {class: "card-name"}, name),
        E("span", {class: "card-strength"}, (also || []).filter(Boolean).join(" · ")));
    };
    part.element.replaceChildren(list.element);
    sheet(tab, part, "grid", {
      key: recipe => keyOf(recipe, "model", "label", "seed", "psi", ...SET),
      says: "Drawing every knob on three pictures …", pictures: () => 6 * knobs().length,
      draw: () => {
        list.element.replaceChildren(...((part.props.value || {}).rows || []).map(card));
        list.mark();
      },
    });
    listeners.push(list.mark);
  };

  // all knobs to choose from, by a press or by the arrows
  function gridOf({now, choose}) {
    const element = E("div", {class: "grid", id: "steer-grid-list", role: "listbox", tabindex: 0,
      "aria-label": "All knobs: choose one"});
    const options = () => element.querySelectorAll("[role=option]");
    const mark = () => options().forEach(option => {
      const on = +option.dataset.knob === now.recipe.knob;
      option.setAttribute("aria-selected", on);
      if (on) element.setAttribute("aria-activedescendant", option.id);
    });
    element.addEventListener("click", e => {
      const option = e.target.closest("[role=option]");
      if (option) choose(+option.dataset.knob);
    });
    element.addEventListener("keydown", e => {
      const count = options().length, step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key];
      if (!step) return;
      e.preventDefault();
      choose((now.recipe.knob + step + count) % count);
    });
    return {element, mark};
  }

  rooms.faces = (tab, part) => {
    const {bus, now} = tab, shown = E("div", {class: "faces"}), caption = E("p", {class: "caption"});
    const key = recipe => keyOf(recipe, "model", "label", "psi", ...SET, "knob");
    let first = (part.props.value || {}).first || 0;
    const others = gan.button("steer-try", "Try on other pictures", () => {
      first += 8;
      bus.trigger("faces", {first, key: key(now.recipe)});
    });
    part.element.replaceChildren(shown, caption, E("div", {class: "buttons"}, others));
    sheet(tab, part, "faces", {
      key, says: "Drawing eight others …", data: () => ({first}), pictures: () => 24,
      draw: () => {
        const value = part.props.value || {};
        if (value.alt) { shown.setAttribute("role", "img"); shown.setAttribute("aria-label", value.alt); }
        shown.replaceChildren(...(value.rows || []).map(pictures => E("div", {class: "face"}, row(pictures))));
        caption.textContent = value.caption || "";
      },
    });
  };

  rooms.truth = (tab, part) => {
    const {now} = tab, tables = E("div");
    part.element.replaceChildren(tables);
    sheet(tab, part, "truth", {
      key: ({knob}) => JSON.stringify([now.setup ? now.setup.key : "", now.setup ? now.setup.measurable : "", knob]),
      says: "Looking it up …",
      draw: () => { tables.innerHTML = (part.props.value || {}).html || ""; },
    });
  };

  rooms.compare = ({now, listeners, set}, part) => {
    const {words, methods} = part.props.value;
    const name = recipe => recipe.method === "sefa" ? `sefa/${recipe.mode}` : recipe.method;
    const take = key => {
      const [method, mode] = key.split("/");
      set({method, mode: mode || now.recipe.mode, directions: ""});
    };
    const choice = key => {
      const {plain, term, tip} = words[key], inFile = key === "file";
      const radio = {type: "radio", name: "steer-method", value: key, disabled: inFile, onchange: () => take(key)};
      return E("label", {title: tip}, E("input", radio),
        E("span", {}, ...gan.word({plain, term: inFile ? `${term}: open one below` : term})));
    };
    const group = E("fieldset", {id: "steer-method", class: "choices rows"},
      E("legend", {}, ...gan.word(words.method)), ...methods.map(choice));
    part.element.replaceChildren(group);
    const mark = () =>
      group.querySelectorAll("input").forEach(radio => { radio.checked = radio.value === name(now.recipe); });
    listeners.push(mark); mark();
  };
})();
