// A visitor's own picture on Restore: brought, shown with the square that is used, restored on the bench, deleted. Its
// elements are those of own.html.
gan.rooms.restore = tab => {
  const LARGEST_FILE = 20 * 2 ** 20, {bus, now, parts} = tab, {element} = parts.own;
  element.innerHTML = tab.html.own;
  const at = name => element.querySelector(`#restore-${name}`), shown = element.querySelector(".brought");
  const pressed = (name, act) => at(name).addEventListener("click", act);
  const note = at("own-note"), error = at("own-error");
  const refuse = text => { note.textContent = ""; error.textContent = text; error.hidden = false; };
  for (const [name, input] of [["choose", at("own-file")], ["photo", at("camera")]]) {
    pressed(name, () => input.click());
    input.addEventListener("change", () => {
      const [chosen] = input.files;
      input.value = ""; error.hidden = true;
      if (chosen) send(chosen);
    });
  }
  pressed("own-copy", () => toBench({task: "copy"}));
  pressed("twin", () => toBench({task: "copy", codes: 1, layer: 0}));
  pressed("forget", () => bus.trigger("forget", {}));

  function send(chosen) {
    const [given, most] = [chosen.size, LARGEST_FILE].map(size => Math.round(size / 2 ** 20));
    if (chosen.size > LARGEST_FILE)
      return refuse(`This file has ${given} MB; a picture may have ${most}: save it smaller.`);
    note.textContent = "Sending it …";
    const reader = new FileReader();
    reader.onload = () =>
      bus.trigger("own", {picture: String(reader.result).includes(";base64,") ? reader.result : "data:;base64,"});
    reader.onerror = () => refuse("This file cannot be read: choose another.");
    reader.readAsDataURL(chosen);
  }
  // the own picture to the bench; once it stands there, it is restored
  function toBench(patch) {
    const fresh = {...tab.fresh, ...patch, shows: "upload", own: now.own.token, as_is: false,
      picture: now.recipe.picture % now.setup.pictures};
    if (!gan.same({...now.recipe, ...fresh}, now.recipe)) tab.set(fresh);
    now.wanted = true;
    tab.bench.stage.scrollIntoView({block: "center"});
    tab.tell();
  }
  tab.listeners.push(() => {
    const noun = now.setup ? now.setup.noun : "portrait";
    at("own-learned").textContent = tab.learned[noun] || tab.learned.other;
    at("twin").textContent = noun === "portrait" ? "My cartoon twin" : "Its nearest picture";
    if (!now.wanted || !tab.current() || now.running) return;
    now.wanted = false;
    if (!now.answer.result) tab.bench.begin();
  });
  // it is deleted: whatever shows it goes, in every room
  function forget() {
    now.own = null; shown.hidden = true; note.textContent = "It is deleted.";
    tab.forget(recipe => recipe.shows === "upload");
    if (now.recipe.shows === "upload") tab.set(gan.copyOf(tab.arrival));
  }
  // the picture with the square that is used, and what happens to it
  function show({width, height, thumb, note: says, minutes}) {
    const side = Math.min(width, height), wide = 100 * side / width, high = 100 * side / height, size = now.setup.side;
    Object.assign(shown.querySelector(".cut").style, {width: `${wide}%`, height: `${high}%`,
      left: `${50 - wide / 2}%`, top: `${50 - high / 2}%`});
    shown.querySelector("img").src = thumb;
    shown.querySelector("p").textContent = `${says} It is made ${size} x ${size}, the size of this network’s pictures. `
      + `It will be deleted in ${minutes} minutes.`;
    shown.hidden = false;
  }
  parts.own.watch("value", () => {
    const value = parts.own.props.value || {};
    note.textContent = "";
    if (value.error) return refuse(value.error);
    if (value.forgotten) forget(); else show(now.own = value);
    tab.tell();
  });
};
