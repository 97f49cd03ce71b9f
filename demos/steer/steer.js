// Steer: the general stage with its knobs, doors to Paint and Restore, and the choice of a method.
(() => {
  const E = gan.element, CELLS = ["grid", "faces", "truth", "read"];

  gan.tab("steer", "Steer", ["recipe", "stage", "film", "knobs", "facts", "models"], parts => {
    const store = gan.stores.steer = gan.store("steer", parts), {now, listeners, arrival} = store;
    const opening = parts.stage.props.value || {}, stage = gan.stage(store, {slowFilm: "slow_film"});
    const door = (tab, title) => () => gan.visit(tab, title, other => other.take(now.recipe));
    const {choose} = gan.beside(store, stage, parts.knobs,
      {Paint: door("paint", "Paint"), Restore: door("restore", "Restore")});
    const answer = () => now.answer || {};
    listeners.push(() => gan.addresses.shows("steer", answer().query));
    const cell = name => part => {
      const made = gan.cell(store, part);
      if (name === "truth") stage.measured = [made];
    };
    const grow = gan.late("steer", {
      link: part => listeners.push(gan.link(part, "steer", {query: () => answer().query, note: () => answer().note})),
      more: part => gan.controls(store, part, gan.columnOf(store, 6, undefined, choose)),
      compare: part => methods(store, part),
      ...Object.fromEntries(CELLS.map(name => [name, cell(name)])),
    });
    gan.steer = Object.assign(store, {choose});
    if (opening.src) stage.show(opening);
    stage.film.take();
    stage.photo.split(!!arrival.amounts[arrival.knob]);
    if (!opening.src) store.bus.trigger("change", {});
    grow();
  });

  // the fold "Compare methods": where the knobs come from
  function methods({now, listeners, set}, part) {
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
  }
})();
