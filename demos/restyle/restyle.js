// The picture that gives the style may be one's own; what was learned is drawn at once; and it becomes a network of the
// visitor's.
gan.owns.restyle = tab => {
  const E = gan.element, said = E("p", {class: "caption", role: "status"});
  let key = "";
  const use = gan.button("restyle-use", "Open it in Steer", () => {
    key = String(Math.random()); use.disabled = true; said.textContent = "Opening it …";
    gan.parts.restyle.card.trigger("use", {key});
  });
  tab.waits = ({name}) => ["learn", "far"].includes(name) && !!tab.now.setup && tab.now.setup.untaught;
  tab.listeners.push(() => {
    const cell = use.closest(".cell");
    if (cell) cell.hidden = !!(tab.now.setup && tab.now.setup.untaught);
  });
  (function wait() {                                // it comes after the picture
    const {card} = gan.parts.restyle;
    if (!card) { setTimeout(wait, 50); return; }
    card.element.replaceChildren(E("div", {class: "buttons"}, use), said);
    card.hear(({key: of, error, recipe, says}) => {
      if (of !== key) return;
      use.disabled = false; said.textContent = error || says;
      if (recipe) gan.visit("steer", other => other.take(recipe));
    });
  })();
  return {
    token: ({own}) => own.slice(4), taken: own => tab.set({own: `own-${own.token}`, knob: 0,
      amounts: tab.arrival.amounts.map(() => 0)}),
    buttons: [gan.button("restyle-exact", "Back to an exact style", () => tab.set({own: ""}))],
  };
};
gan.drawn.taught = (tab, result, {partial, html}) => { if (html && partial === false) tab.bus.trigger("change", {}); };
