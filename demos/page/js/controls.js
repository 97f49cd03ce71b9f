// "More controls": one control for each field of a recipe that has one, drawn from what page/fields.py says of it.
(() => {
  const E = gan.element;

  gan.controls = (store, part, knobs = []) => {
    const {fields, words} = part.props.value, amounts = (store.arrival.amounts || []).length > 0;
    part.element.replaceChildren(E("div", {class: "knobs two"}, ...knobs),
      E("div", {class: "fields"}, ...gan.fieldsOf(store, fields, words)), amounts ? E("div", {class: "buttons"},
        gan.button(`${store.name}-surprise`, "Surprise me", store.surprise)) : "");
  };

  // A control for each field, made anew where the network or the recipe offers something else: `setup.controls` has by
  // name what differs from the field, null where there is no such control now; `store.refine` may have a last word.
  gan.fieldsOf = (store, fields, words) => fields.map(field => {
    const {now, listeners} = store, slot = E("div", {class: "slot"});
    let made = null, drawn = "";
    const draw = () => {
      const setup = now.setup || {}, more = (setup.controls || {})[field.name];
      slot.hidden = more === null || !KINDS[{...field, ...more}.kind];
      if (slot.hidden) return;
      const offered = (store.refine || (one => one))({...field, ...more}), state = JSON.stringify(offered);
      if (state !== drawn) {
        drawn = state;
        made = KINDS[offered.kind](store, offered, words);
        const hint = offered.hint ? E("p", {class: "caption", id: `${idOf(store, field)}-hint`}, offered.hint) : "";
        keepingFocus(slot, () => slot.replaceChildren(made.element, hint));
      }
      made.draw(now.recipe, setup);
      slot.hidden = made.element.hidden;
    };
    listeners.push(draw); draw();
    return slot;
  });

  // what had the keyboard's focus is made anew under it: its successor gets it
  function keepingFocus(slot, draw) {
    const held = slot.contains(document.activeElement) && document.activeElement, {id, name, value} = held || {};
    draw();
    if (!held) return;
    const next = id ? document.getElementById(id) : slot.querySelector(`input[name="${name}"][value="${value}"]`);
    if (next) next.focus({preventScroll: true});
  }

  const idOf = (store, {name}) => `${store.name}-${name}`;
  const titled = (words, field) => gan.word(words[field.word] || {plain: field.says, term: ""});
  const hidden = (setup, {name}) => name === "psi" && !setup.truncation || name === "label" && !setup.classes;
  // what changes with the field is part of the field
  const taken = (store, field, value) => store.set({...field.resets, [field.name]: value});

  const typed = read => (store, field, words) => {
    const input = E("input", {id: idOf(store, field), type: "text", autocomplete: "off",
      inputmode: field.kind === "whole" ? "numeric" : null, onchange: () => taken(store, field, read(input.value))});
    const element = gan.field(titled(words, field), input);
    return {element, draw: (recipe, setup) => {
      element.hidden = hidden(setup, field);
      gan.refill(input, field.name === "label" && setup.label_name || recipe[field.name], store.now.refused);
    }};
  };

  const KINDS = gan.kinds = {
    whole: typed(text => gan.whole(text, 15, {signed: true})),
    text: typed(text => gan.whole(text, 6)),
    range: (store, field, words) => {
      const {low = 0, high = 1, step = 0.05, scale = 1, unit = ""} = field;
      const shown = value => unit ? `${Math.round(scale * value)} ${unit}` : value;
      const says = E("output", {for: idOf(store, field)});
      const input = E("input", {id: idOf(store, field), type: "range", min: low, max: high, step,
        oninput: () => {
          store.now.recipe[field.name] = +input.value; says.textContent = shown(+input.value); store.send();
        },
        onchange: () => taken(store, field, +input.value)});
      const element = gan.field(titled(words, field), input, {hint: says});
      return {element, draw: (recipe, setup) => {
        element.hidden = hidden(setup, field);
        input.value = recipe[field.name]; says.textContent = shown(recipe[field.name]);
      }};
    },
    choice: (store, field, words) => {
      const {options = {}, numbers = false} = field, short = Object.values(options).every(text => text.length < 8);
      const group = E("fieldset", {id: idOf(store, field), class: `choices ${short ? "" : "rows"}`},
        E("legend", {}, ...titled(words, field)));
      for (const [key, text] of Object.entries(options))
        group.append(E("label", {}, E("input", {type: "radio", name: group.id, value: key,
          onchange: () => taken(store, field, numbers ? +key : key)}), E("span", {}, text)));
      return {element: group, draw: recipe => {
        group.querySelectorAll("input").forEach(one => { one.checked = one.value === String(recipe[field.name]); });
      }};
    },
    flag: (store, field) => {
      const element = gan.toggle(idOf(store, field), field.says, on => taken(store, field, on));
      return {element, draw: recipe => { element.querySelector("input").checked = recipe[field.name]; }};
    },
    // names out of a list that the network decides: ticks
    names: (store, field, words) => {
      const group = E("fieldset", {id: idOf(store, field), class: "choices"}, E("legend", {}, ...titled(words, field)));
      let drawn = "";
      const take = () => taken(store, field, [...group.querySelectorAll("input:checked")].map(one => one.value));
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
