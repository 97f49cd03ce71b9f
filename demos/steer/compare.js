// Steer's choice of a method, in the fold "Compare methods".
(() => {
  const E = gan.element, rooms = gan.rooms.steer;

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
