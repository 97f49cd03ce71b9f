// A visitor's own picture on Restore: restored on the bench, its twin looked for. The rest is the page's (page/js/own.js).
gan.owns.restore = tab => {
  const E = gan.element, {now, parts} = tab;
  const learned = E("p", {class: "caption", id: "restore-own-learned"});
  const unframed = E("p", {class: "said", id: "restore-unframed", hidden: true},
    "No face was found. Drag the square over a face, hair and chin inside it: then its twin can be looked for.");
  const copy = gan.button("restore-own-copy", "Restore it", () => toBench({task: "copy"}));
  const twin = gan.button("restore-twin-of", "My cartoon twin",
    () => parts.twin.ask({...now.recipe, ...mine({task: "copy"})}), "first");

  const mine = patch => ({...tab.fresh, ...patch, shows: "upload", own: now.own.token, as_is: false,
    picture: now.recipe.picture % now.setup.pictures});
  // the own picture to the bench; once it stands there, it is restored
  function toBench(patch) {
    const fresh = mine(patch);
    if (!gan.same({...now.recipe, ...fresh}, now.recipe)) tab.set(fresh);
    now.wanted = true;
    tab.bench.stage.scrollIntoView({block: "center"});
    tab.tell();
  }
  // knobs that were found elsewhere, such as a word that was taught, for the own picture; without one it is asked for
  tab.useKnobs = ({model, label, directions, reading, amounts}) => {
    const other = model === now.recipe.model ? {} : {...tab.fresh, model, label};
    tab.set({...other, ...(now.own ? mine({task: "copy"}) : {}), directions, reading,
      amounts: tab.steers.amounts.map((_, i) => amounts[i] || 0)});
    now.edits = !!now.own;
    if (!now.own) document.getElementById("restore-own-note").textContent =
      "Choose a picture, or restore one below: its knobs are those that you brought.";
    const place = document.getElementById(now.own ? "restore-cell-edit" : "restore-own");
    gan.whenShown(place, () => place.scrollIntoView({block: "start"}));
    tab.tell();
  };
  tab.listeners.push(() => {
    if (now.edits && tab.current() && !now.running) { now.edits = false; parts.edit.ask(now.recipe); }
    const noun = now.setup ? now.setup.noun : "portrait";
    learned.textContent = tab.learned[noun] || tab.learned.other;
    const faceless = noun === "portrait" && !(now.own && now.own.framed);
    document.getElementById("restore-cell-mug").style.display = noun === "portrait" ? "" : "none";  // a face network's
    twin.textContent = noun === "portrait" ? "My cartoon twin" : "Its nearest picture";
    twin.hidden = faceless; unframed.hidden = !faceless;
    if (!now.wanted || !tab.current() || now.running) return;
    now.wanted = false;
    if (!now.answer.result) tab.bench.begin();
  });
  return {
    above: learned, says: unframed, buttons: [twin, copy],
    token: ({shows, own}) => shows === "upload" ? own : "",
    taken: ({token}) => { if (now.recipe.shows === "upload") tab.set({own: token}); },
  };
};
