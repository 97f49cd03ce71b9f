// "More controls": one control for each field of a recipe that has one, drawn from what page/fields.py says of it.
(() => {
  const E = gan.element;

  gan.controls = (store, part, knobs = []) => {
    const {now, listeners} = store, {fields, words} = part.props.value;
    const made = fields.map(field => KINDS[field.kind](store, field, words)).filter(Boolean);
    part.element.replaceChildren(E("div", {class: "knobs two"}, ...knobs),
      E("div", {class: "fields"}, ...made.map(one => one.element)),
      E("div", {class: "buttons"}, gan.button(`${store.name}-surprise`, "Surprise me", store.surprise)));
    listeners.push(() => made.forEach(one => one.draw(now.recipe, now.setup || {})));
    store.tell();
  };

  const idOf = (store, {name}) => `${store.name}-${name}`;
  const titled = (words, field) => gan.word(words[field.word] || {plain: field.says, term: ""});
  const hidden = (setup, {name}) => name === "psi" && !setup.truncation || name === "label" && !setup.classes;

  const typed = read => (store, field, words) => {
    const input = E("input", {id: idOf(store, field), type: "text", autocomplete: "off",
      inputmode: field.kind === "whole" ? "numeric" : null,
      onchange: () => store.set({[field.name]: read(input.value)})});
    const element = gan.field(titled(words, field), input);
    return {element, draw: (recipe, setup) => {
      element.hidden = hidden(setup, field);
      gan.refill(input, field.name === "label" && setup.label_name || recipe[field.name], store.now.refused);
    }};
  };

  const KINDS = {
    whole: typed(text => gan.whole(text, 15)),
    text: typed(text => gan.whole(text, 6)),
    range: (store, field, words) => {
      const says = E("output", {for: idOf(store, field)});
      const input = E("input", {id: idOf(store, field), type: "range", min: field.low ?? 0, max: field.high ?? 1,
        step: field.step || 0.05,
        oninput: () => { store.now.recipe[field.name] = +input.value; says.textContent = input.value; store.send(); },
        onchange: () => store.set({[field.name]: +input.value})});
      const element = gan.field(titled(words, field), input, {hint: says});
      return {element, draw: (recipe, setup) => {
        element.hidden = hidden(setup, field);
        input.value = recipe[field.name]; says.textContent = recipe[field.name];
      }};
    },
    choice: (store, field, words) => {
      const group = E("fieldset", {id: idOf(store, field), class: "choices rows"},
        E("legend", {}, ...titled(words, field)));
      for (const [key, text] of Object.entries(field.options))
        group.append(E("label", {}, E("input", {type: "radio", name: group.id, value: key,
          onchange: () => store.set({[field.name]: key})}), E("span", {}, text)));
      return {element: group, draw: recipe => {
        group.querySelectorAll("input").forEach(one => { one.checked = one.value === recipe[field.name]; });
      }};
    },
    flag: (store, field) => {
      const element = gan.toggle(idOf(store, field), field.says, on => store.set({[field.name]: on}));
      return {element, draw: recipe => { element.querySelector("input").checked = recipe[field.name]; }};
    },
    // names out of a list that the network decides: ticks
    names: (store, field, words) => {
      const group = E("fieldset", {id: idOf(store, field), class: "choices"}, E("legend", {}, ...titled(words, field)));
      let drawn = "";
      const take = () => store.set({[field.name]: [...group.querySelectorAll("input:checked")].map(one => one.value)});
      return {element: group, draw: (recipe, setup) => {
        const options = (setup.options || {})[field.name] || {};
        if (drawn !== JSON.stringify(options)) {
          drawn = JSON.stringify(options);
          group.replaceChildren(group.firstChild, ...Object.entries(options).map(([key, text]) => E("label", {},
            E("input", {type: "checkbox", name: group.id, value: key, onchange: take}), E("span", {}, text))));
        }
        group.querySelectorAll("input").forEach(one => { one.checked = recipe[field.name].includes(one.value); });
      }};
    },
    // which layers listen: by group, or by number
    layers: (store, field, words) => {
      const id = idOf(store, field), element = E("fieldset", {id, class: "choices"},
        E("legend", {}, ...titled(words, field)));
      const own = E("input", {id: `${store.name}-own`, type: "text", placeholder: "0-3,6",
        "aria-label": "Layers by number, such as 0-3,6", onchange: () => store.set({[field.name]: own.value})});
      const take = name => name === "own" ? own.focus() : store.set({[field.name]: name});
      const choice = name => E("label", {title: words[name].tip},
        E("input", {type: "radio", name: id, value: name, onchange: () => take(name)}), words[name].plain);
      let drawn = "";
      return {element, draw: (recipe, setup) => {
        const layers = setup.layers || ["all"], choices = [...layers, ...(layers.length > 1 ? ["own"] : [])];
        if (drawn !== choices.join()) {
          drawn = choices.join();
          element.replaceChildren(element.firstChild, ...choices.map(choice), choices.includes("own") ? own : "");
        }
        const chosen = recipe[field.name], kind = choices.includes(chosen) ? chosen : "own";
        element.querySelectorAll("input[type=radio]").forEach(radio => { radio.checked = radio.value === kind; });
        gan.refill(own, kind === "own" ? chosen : "", store.now.refused);
      }};
    },
  };
})();
