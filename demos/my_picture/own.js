// The picture that was brought is the one on the page; without one, faces that the network never saw.
gan.owns.my_picture = tab => {
  const E = gan.element, given = E("img", {alt: "the picture that was given", draggable: "false"});
  const seen = E("figure", {class: "framed given", hidden: true}, E("div", {class: "seen"}, given),
    E("figcaption", {}, "what was given"));
  const token = ({found}) => found.startsWith("own-") ? found.slice(4, 36) : "";
  const taken = own => tab.set({found: `own-${own.token}`, amounts: tab.arrival.amounts.map(() => 0)});
  const back = gan.button("my_picture-mine", "Show it again", () => taken(tab.now.own));
  tab.another = () => tab.set({found: `render-${Math.floor(Math.random() * 1e4)}`});
  tab.listeners.push(() => {
    const {answer, own, recipe} = tab.now, mine = !!own && token(recipe) === own.token;
    const shown = !!answer && !!answer.before && !mine;
    if (shown) given.src = answer.before;
    seen.hidden = !shown; back.hidden = mine;
  });
  return {
    token, taken, above: seen, buttons: [back],
  };
};
