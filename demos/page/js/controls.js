// Controls of a recipe's fields, drawn from what page/fields.py says of them: beside the picture, above a cell, and
// under "More controls".
(() => {
  const E = gan.element;

  // `knobs`: those that have no place beside the picture.
  gan.controls = (store, part, knobs = []) => {
    const amounts = (store.arrival.amounts || []).length > 0;
    part.element.replaceChildren(knobs.length ? E("div", {class: "knobs two"}, ...knobs) : "",
      gan.fields(store, part.props.value), amounts ? E("div", {class: "buttons"},
        gan.button(`${store.name}-surprise`, "Surprise me", store.surprise)) : "");
  };

  // What `controls_at` of page/tab.py says of a place. `place` is part of the elements' names: a field can have two.
  gan.fields = (store, {fields, words}, place = "") =>
    E("div", {class: "fields"}, ...gan.fieldsOf(store, fields, words, place));

  // A control for each field, made anew where the network or the recipe offers something else: `setup.controls` has by
  // name what differs from the field, null where there is no such control now; `store.refine` may have a last word.
  gan.fieldsOf = (store, fields, words, place = "") => fields.map(field => {
    const {now, listeners} = store, slot = E("div", {class: "slot"});
    const id = [store.name, place, field.name].filter(Boolean).join("-");
    let made = null, drawn = "";
    const draw = () => {
      const setup = now.setup || {}, more = (setup.controls || {})[field.name];
      slot.hidden = more === null || !KINDS[{...field, ...more}.kind];
      if (slot.hidden) return;
      const offered = (store.refine || (one => one))({...field, ...more}), state = JSON.stringify(offered);
      if (state !== drawn) {
        drawn = state;
        // what changes with the field is part of the field
        const take = value => store.change({...offered.resets, [field.name]: value});
        made = KINDS[offered.kind](store, {...offered, id, take}, words);
        const hint = offered.hint ? E("p", {class: "caption", id: `${id}-hint`}, offered.hint) : "";
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

  const titled = (words, field) => gan.word(words[field.word] || {plain: field.says, term: ""});
  const tip = (words, field) => (words[field.word] || {}).tip || null;
  const hidden = (setup, {name}) => name === "psi" && setup.truncation === false || name === "label" && !setup.classes;

  const typed = read => (store, field, words) => {
    const {empty, placeholder = null} = field;      // empty: the value that an empty box means
    const input = E("input", {id: field.id, type: "text", autocomplete: "off", placeholder,
      inputmode: field.kind === "whole" ? "numeric" : null,
      onchange: () => field.take(empty !== undefined && !input.value.trim() ? empty : read(input.value))});
    const element = gan.field(titled(words, field), input, {title: tip(words, field)});
    return {element, draw: (recipe, setup) => {
      element.hidden = hidden(setup, field);
      const value = recipe[field.name] === empty ? "" : recipe[field.name] ?? "";
      gan.refill(input, field.name === "label" && setup.label_name || value, store.now.refused);
    }};
  };

  const KINDS = gan.kinds = {
    whole: typed(text => gan.whole(text, 15, {signed: true})),
    text: typed(text => gan.whole(text, 6)),
    // a class by name, out of the network's
    class: (store, field, words) => {
      const list = E("datalist", {id: `${field.id}-names`}), alike = (a, b) => a.toLowerCase() === b.toLowerCase();
      const names = () => (store.now.setup || {}).names || [];
      const input = E("input", {id: field.id, type: "text", list: list.id, autocomplete: "off", onchange: () => {
        const text = input.value.trim(), found = names().findIndex(name => alike(name, text));
        if (text) field.take(found >= 0 ? found : text);
        else { gan.refill(input, names()[store.now.recipe[field.name]] ?? "", true); store.withdrawn(); }
      }});
      const element = gan.field(titled(words, field), input, {title: tip(words, field), hint: list});
      let drawn = null;
      return {element, draw: recipe => {
        if (drawn !== names()) { drawn = names(); list.replaceChildren(...drawn.map(value => E("option", {value}))); }
        gan.refill(input, names()[recipe[field.name]] ?? "", store.now.refused);
      }};
    },
    // one of what the network has, by number
    select: (store, field, words) => {
      const select = E("select", {id: field.id, onchange: () => field.take(+select.value)});
      let drawn = "";
      return {element: gan.field(titled(words, field), select, {title: tip(words, field)}), draw: (recipe, setup) => {
        const options = (setup.options || {})[field.name] || {};
        if (drawn !== JSON.stringify(options)) {
          drawn = JSON.stringify(options);
          select.replaceChildren(...Object.entries(options).map(([value, text]) => E("option", {value}, text)));
        }
        select.value = recipe[field.name];
      }};
    },
    range: (store, field, words) => {
      const {low = 0, high = 1, step = 0.05, scale = 1, unit = ""} = field;
      const shown = value => unit ? `${Math.round(scale * value)} ${unit}` : value;
      const says = E("output", {for: field.id});
      const input = E("input", {id: field.id, type: "range", min: low, max: high, step,
        oninput: () => { says.textContent = shown(+input.value); store.slide(field.name, +input.value); },
        onchange: () => field.take(+input.value)});
      const element = gan.field(titled(words, field), input, {title: tip(words, field), hint: says});
      return {element, draw: (recipe, setup) => {
        element.hidden = hidden(setup, field);
        input.value = recipe[field.name]; says.textContent = shown(recipe[field.name]);
      }};
    },
    choice: (store, field, words) => {
      const {options = {}, numbers = false} = field, short = Object.values(options).every(text => text.length < 8);
      const title = tip(words, field), group = E("fieldset", {id: field.id, class: `choices ${short ? "" : "rows"}`, title},
        E("legend", {}, ...titled(words, field)));
      for (const [key, text] of Object.entries(options))
        group.append(E("label", {}, E("input", {type: "radio", name: group.id, value: key,
          onchange: () => field.take(numbers ? +key : key)}), E("span", {}, text)));
      return {element: group, draw: recipe => {
        group.querySelectorAll("input").forEach(one => { one.checked = one.value === String(recipe[field.name]); });
      }};
    },
    // one of several ways, each of which sets fields; one that is not complete waits for what it needs
    ways: (store, field, words) => {
      const group = E("fieldset", {id: field.id, class: "choices rows"}, E("legend", {}, ...titled(words, field)));
      const stands = (recipe, patch) => Object.entries(patch).every(([name, value]) => recipe[name] === value);
      for (const [key, patch] of Object.entries(field.options)) {
        const {plain, term, tip} = words[key], disabled = key === field.waits;
        group.append(E("label", {title: tip},
          E("input", {type: "radio", name: group.id, value: key, disabled, onchange: () => store.change({...patch})}),
          E("span", {}, ...gan.word({plain, term: disabled ? `${term}: open one below` : term}))));
      }
      return {element: group, draw: recipe => {
        const found = Object.keys(field.options).find(key => stands(recipe, field.options[key]));
        group.querySelectorAll("input").forEach(one => { one.checked = one.value === found; });
      }};
    },
    flag: (store, field) => {
      const element = gan.toggle(field.id, field.says, field.take);
      return {element, draw: recipe => { element.querySelector("input").checked = recipe[field.name]; }};
    },
    // names out of a list that the network decides: ticks
    names: (store, field, words) => {
      const group = E("fieldset", {id: field.id, class: "choices"}, E("legend", {}, ...titled(words, field)));
      let drawn = "";
      const take = () => field.take([...group.querySelectorAll("input:checked")].map(one => one.value));
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
    // which layers listen: by group, or by number; `options`: other groups than those of the network's layers
    layers: (store, field, words) => {
      const {id, options, example = "0-3,6"} = field, element = E("fieldset", {id, class: "choices"},
        E("legend", {title: tip(words, field)}, ...titled(words, field)));
      const own = E("input", {id: `${id}-own`, type: "text", placeholder: example, autocomplete: "off",
        "aria-label": `By number, such as ${example}`,
        onchange: () => { if (own.value.trim()) field.take(own.value.trim()); }});
      const take = name => name === "own" ? own.focus() : field.take(name);
      const text = name => options && options[name] || words[name].plain;
      const choice = name => E("label", {title: options ? null : words[name].tip},
        E("input", {type: "radio", name: id, value: name, onchange: () => take(name)}), text(name));
      let drawn = "";
      return {element, draw: (recipe, setup) => {
        const layers = options ? Object.keys(options) : setup.layers || ["all"];
        const choices = [...layers, ...(!options && layers.length > 1 ? ["own"] : [])];
        if (drawn !== choices.join()) {
          drawn = choices.join();
          const numbered = options || choices.includes("own");
          element.replaceChildren(element.firstChild, ...choices.map(choice), numbered ? own : "");
        }
        const chosen = recipe[field.name], kind = choices.includes(chosen) ? chosen : "own";
        element.querySelectorAll("input[type=radio]").forEach(radio => { radio.checked = radio.value === kind; });
        gan.refill(own, kind === "own" ? chosen : "", store.now.refused);
      }};
    },
  };
})();
