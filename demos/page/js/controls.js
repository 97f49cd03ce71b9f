// Controls of a recipe's fields, drawn from what page/fields.py says of them: beside the picture, above a cell, and
// under "More controls".
(() => {
  const E = gan.element;

  // What `controls_at` of page/tab.py says of a place. `place` is part of the elements' names: a field can have two.
  gan.fields = (store, {fields, words}, place = "") =>
    E("div", {class: "fields"}, ...gan.fieldsOf(store, fields, words, place));

  // A control for each field, made anew where the network or the recipe offers something else: `setup.controls` has by
  // name what differs from the field, null where there is no such control now; `store.refine` has the last word.
  gan.fieldsOf = (store, fields, words, place = "") => fields.map(field => {
    const {now, listeners} = store, slot = E("div", {class: "slot"});
    const id = [store.name, place, field.name].filter(Boolean).join("-");
    let made = null;
    const make = whereChanged(offered => {
      const word = words[offered.word] || {plain: field.says, term: ""}, {hint = ""} = offered;
      // what changes with the field is part of the field
      const take = value => store.change({...offered.resets, [field.name]: value});
      made = KINDS[offered.kind](store, {...offered, id, take, heading: gan.word(word), tip: word.tip}, words);
      const held = slot.contains(document.activeElement) ? document.activeElement : {};
      slot.replaceChildren(made.element, hint && E("p", {class: "caption", id: `${id}-hint`}, hint));
      const next = held.id ? document.getElementById(held.id)
        : slot.querySelector(`input[name="${held.name}"][value="${held.value}"]`);
      if (next) next.focus({preventScroll: true});           // what is made anew under the keyboard's focus keeps it
    });
    const draw = () => {
      const setup = now.setup || {}, more = (setup.controls || {})[field.name], {kind, name} = {...field, ...more};
      slot.hidden = more === null || !KINDS[kind] || name === "psi" && setup.truncation === false
        || name === "label" && kind === "text" && !setup.classes || field.needs && !setup[field.needs];
      if (slot.hidden) return;
      make(store.refine({...field, ...more}));
      made.draw(now.recipe, setup);
    };
    listeners.push(draw); draw();
    return slot;
  });

  // calls `draw` with what it is given, unless that is what it was given before
  const whereChanged = draw => {
    let drawn = "";
    return given => {
      const state = JSON.stringify(given);
      if (state !== drawn) { drawn = state; draw(given); }
    };
  };

  // --- what controls are made of

  const optionsOf = ({name}, {options = {}}) => options[name] || {};
  const named = ({heading, tip}, control, hint) =>
    E("div", {class: "field"}, E("label", {for: control.id, title: tip}, ...heading), control, hint);
  // who types is not disturbed, unless what was typed is refused
  const refill = ({now}, input, value) => {
    if (document.activeElement !== input || now.refused) input.value = value;
  };
  // a box to type into: `read(text)` is the value that is meant, if any; `shown(value, setup)` stands in it
  const box = (store, field, {read, shown, list, ...attributes}) => {
    const input = E("input", {id: field.id, type: "text", list: list && list.id, autocomplete: "off", ...attributes,
      onchange: () => {
        const value = read(input.value);
        if (value !== undefined) field.take(value);
        else { input.value = shown(store.now.recipe[field.name]); store.withdrawn(); }
      }});
    return {element: named(field, input, list), draw: (recipe, setup) =>
      refill(store, input, shown(recipe[field.name], setup))};
  };
  // a whole number like `pattern`; anything else as it was typed, for the server to refuse in a sentence
  const typed = pattern => (store, {empty, ...field}) => box(store, field, {     // empty: what an empty box means
    placeholder: field.placeholder, inputmode: field.kind === "whole" ? "numeric" : null,
    read: text => pattern.test(text) ? +text : text.trim() ? text : empty ?? text,
    shown: (value, setup) => field.name === "label" && setup.label_name || (value === empty ? "" : value ?? "")});

  // Several to choose from: `offered(setup)` are their values and words, `on(recipe, value, setup)` is whether one is
  // chosen, `take(value, element)` chooses it.
  const choices = ({id, heading}, {offered, on, take, type = "radio", ...attributes}) => {
    const element = E("fieldset", {id, class: "choices", ...attributes}, E("legend", {}, ...heading));
    const choice = ({value, plain, term, tip, disabled}) => E("label", {title: tip},
      E("input", {type, name: id, value, disabled, onchange: () => take(value, element)}),
      E("span", {}, ...(term ? gan.word({plain, term}) : [plain])));
    const offer = whereChanged(all => element.replaceChildren(element.firstChild, ...all.map(choice)));
    return {element, draw: (recipe, setup) => {
      offer(offered(setup));
      for (const one of element.querySelectorAll("input[name]")) one.checked = on(recipe, one.value, setup);
    }};
  };
  const worded = options => Object.entries(options).map(([value, plain]) => ({value, plain}));

  const KINDS = gan.kinds = {
    whole: typed(/^\s*-?\d{1,15}\s*$/),
    text: typed(/^\s*\d{1,6}\s*$/),
    // a class by name, out of the network's
    class: (store, field) => {
      const list = E("datalist", {id: `${field.id}-names`}), names = () => (store.now.setup || {}).names || [];
      const offer = whereChanged(all => list.replaceChildren(...all.map(value => E("option", {value}))));
      return box(store, field, {list,
        read: typed => {
          const text = typed.trim(), found = names().findIndex(name => name.toLowerCase() === text.toLowerCase());
          return found >= 0 ? found : text || undefined;
        },
        shown: value => { offer(names()); return names()[value] ?? ""; }});
    },
    // one of what the network has, by number
    select: (store, field) => {
      const select = E("select", {id: field.id, onchange: () => field.take(+select.value)});
      const offer = whereChanged(options =>
        select.replaceChildren(...Object.entries(options).map(([value, text]) => E("option", {value}, text))));
      return {element: named(field, select), draw: (recipe, setup) => {
        offer(optionsOf(field, setup)); select.value = recipe[field.name];
      }};
    },
    range: (store, field) => {
      const {name, id, low = 0, high = 1, step = 0.05, scale = 1, unit = ""} = field, says = E("output", {for: id});
      const say = value => { says.textContent = unit ? `${Math.round(scale * value)} ${unit}` : value; };
      const input = E("input", {id, type: "range", min: low, max: high, step,
        oninput: () => { say(+input.value); store.slide(name, +input.value); },
        onchange: () => field.take(+input.value)});
      return {element: named(field, input, says), draw: recipe => { input.value = recipe[name]; say(recipe[name]); }};
    },
    choice: (store, field) => {
      const {options = {}, numbers = false, tip} = field, short = Object.values(options).every(text => text.length < 8);
      return choices(field, {class: `choices ${short ? "" : "rows"}`, title: tip, offered: () => worded(options),
        on: (recipe, key) => key === String(recipe[field.name] || (field.usual ?? recipe[field.name])),
        take: key => field.take(numbers ? +key : key)});
    },
    // one of several ways, each of which sets fields; one that is not complete waits for what it needs
    ways: (store, {options, waits, ...field}, words) => {
      const way = key => key !== waits ? words[key]
        : {...words[key], term: `${words[key].term}: open one below`, disabled: true};
      const stands = (recipe, key) => Object.entries(options[key]).every(([name, value]) => recipe[name] === value);
      return choices(field, {class: "choices rows",
        offered: () => Object.keys(options).map(value => ({...way(value), value})),
        on: (recipe, key) => key === Object.keys(options).find(one => stands(recipe, one)),
        take: key => store.change({...options[key]})});
    },
    flag: (store, field) => {
      const element = gan.toggle(field.id, field.says, field.take);
      return {element, draw: recipe => { element.control.checked = recipe[field.name]; }};
    },
    // names out of a list that the network decides: ticks
    names: (store, field) => choices(field, {type: "checkbox", offered: setup => worded(optionsOf(field, setup)),
      on: (recipe, key) => recipe[field.name].includes(key),
      take: (_, all) => field.take([...all.querySelectorAll("input:checked")].map(one => one.value))}),
    // which layers listen: by group, or by number; `options`: other groups than those of the network's layers
    layers: (store, field, words) => {
      const {name, id, options, example = "0-3,6", tip} = field;
      const own = E("input", {id: `${id}-own`, type: "text", placeholder: example, autocomplete: "off",
        "aria-label": `By number, such as ${example}`,
        onchange: () => { if (own.value.trim()) field.take(own.value.trim()); }});
      const known = ({layers = ["all"]}) =>
        options ? Object.keys(options) : layers.length > 1 ? [...layers, "own"] : layers;
      const kindOf = (recipe, setup) => known(setup).includes(recipe[name]) ? recipe[name] : "own";
      const {element, draw} = choices(field, {
        offered: setup => options ? worded(options) : known(setup).map(value => ({...words[value], term: "", value})),
        on: (recipe, value, setup) => value === kindOf(recipe, setup),
        take: value => value === "own" ? own.focus() : field.take(value)});
      if (tip) element.firstChild.title = tip;
      return {element, draw: (recipe, setup) => {
        draw(recipe, setup);
        if ((options || known(setup).includes("own")) && !element.contains(own)) element.append(own);
        refill(store, own, kindOf(recipe, setup) === "own" ? recipe[name] : "");
      }};
    },
  };
})();
