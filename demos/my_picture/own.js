// The picture that was brought is the one on the page; without one, faces that the network never saw.
gan.owns.my_picture = tab => ({
  token: ({found}) => found.startsWith("own-") ? found.slice(4, 36) : "",
  taken: ({token}) => tab.set({found: `own-${token}`, amounts: tab.arrival.amounts.map(() => 0)}),
  buttons: [],
  says: "",
  above: gan.element("div", {class: "buttons"}, gan.button("my_picture-render", "Another face that it never saw",
    () => tab.set({found: `render-${Math.floor(Math.random() * 1e4)}`}))),
});
