// The picture that was brought is the one on the page; without one, faces that the network never saw.
gan.owns.my_picture = tab => {
  const E = gan.element, given = E("img", {alt: "the picture that was given", draggable: "false"});
  const seen = E("figure", {class: "framed given", hidden: true}, E("div", {class: "seen"}, given),
    E("figcaption", {}, "what was given"));
  const zeros = () => tab.arrival.amounts.map(() => 0);
  tab.another = () => tab.set({found: `render-${Math.floor(Math.random() * 1e4)}`});
  tab.listeners.push(() => {
    const {answer, own} = tab.now, shown = !!answer && !!answer.before && !own;
    if (shown) given.src = answer.before;
    seen.hidden = !shown;
  });
  return {
    token: ({found}) => found.startsWith("own-") ? found.slice(4, 36) : "",
    taken: ({token}) => tab.set({found: `own-${token}`, amounts: zeros()}),
    above: seen,
  };
};
