// A visitor's own picture on Restore: brought, shown with the square that is used, restored on the bench, deleted. Its
// elements are those of own.html.
gan.rooms.restore = tab => {
  const LARGEST_FILE = 20 * 2 ** 20, {bus, now, parts} = tab, {element} = parts.own;
  element.innerHTML = tab.html.own;
  const at = name => element.querySelector(`#restore-${name}`), shown = element.querySelector(".brought");
  const [whole, frame, size] = [".whole", ".cut", "#restore-cut"].map(name => shown.querySelector(name));
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
  tab.bring = send;                               // dropped on the page
  pressed("own-copy", () => toBench({task: "copy"}));
  pressed("twin-of", () => parts.twin.ask({...now.recipe, ...mine({task: "copy"})}));
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
    if (!now.own) note.textContent = "Choose a picture, or restore one below: its knobs are those that you brought.";
    const place = document.getElementById(now.own ? "restore-cell-edit" : "restore-own");
    gan.whenShown(place, () => place.scrollIntoView({block: "start"}));
    tab.tell();
  };
  tab.listeners.push(() => {
    if (now.edits && tab.current() && !now.running) { now.edits = false; parts.edit.ask(now.recipe); }
    const noun = now.setup ? now.setup.noun : "portrait";
    at("own-learned").textContent = tab.learned[noun] || tab.learned.other;
    const faceless = noun === "portrait" && !(now.own && now.own.framed);
    document.getElementById("restore-cell-mug").style.display = noun === "portrait" ? "" : "none";  // a face network's
    at("twin-of").textContent = noun === "portrait" ? "My cartoon twin" : "Its nearest picture";
    at("twin-of").hidden = faceless; at("unframed").hidden = !faceless;
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
  function show({thumb, note: says, minutes, cut}) {
    const {side} = now.setup;
    place(...cut);
    shown.querySelector("img").src = thumb;
    shown.querySelector("p").textContent = `${says} It is made ${side} x ${side}, the size of this network’s pictures. `
      + `It will be deleted in ${minutes} minutes.`;
    shown.hidden = false;
  }
  // the square: left, top and side as shares of width, height and the shorter side; moved by hand, it is sent
  let square = [0, 0, 1];
  function place(...to) {
    const {width, height} = now.own, side = to[2] * Math.min(width, height), percent = share => `${100 * share}%`;
    square = to; size.value = to[2];
    Object.assign(frame.style, {width: percent(side / width), height: percent(side / height),
      left: percent(to[0]), top: percent(to[1])});
  }
  const sends = () => bus.trigger("cut", {token: now.own.token, shares: square});
  const move = (across, down) => place(square[0] + across, square[1] + down, square[2]);
  size.addEventListener("input", () => {
    const {width, height} = now.own, [left, top, side] = square;
    const grows = (size.value - side) * Math.min(width, height) / 2;
    place(left - grows / width, top - grows / height, +size.value);
  });
  size.addEventListener("change", sends);
  frame.addEventListener("keydown", e => {
    const step = {ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.02], ArrowDown: [0, 0.02]}[e.key];
    if (step) { e.preventDefault(); move(...step); }
  });
  frame.addEventListener("keyup", ({key}) => { if (key.startsWith("Arrow")) sends(); });
  whole.addEventListener("pointerdown", e => { whole.setPointerCapture(e.pointerId); whole.from = square.join(); });
  whole.addEventListener("pointermove", e => {
    if (!whole.hasPointerCapture(e.pointerId)) return;
    const {width, height} = whole.getBoundingClientRect();
    move(e.movementX / width, e.movementY / height);
  });
  whole.addEventListener("pointerup", () => { if (whole.from !== square.join()) sends(); });

  parts.own.watch("value", () => {
    const value = parts.own.props.value || {};
    note.textContent = "";
    if (value.error) return refuse(value.error);
    if (value.forgotten) forget();
    else {
      show(now.own = value);
      tab.forget(recipe => recipe.shows === "upload" && recipe.own !== value.token);          // the square before
      if (now.recipe.shows === "upload") tab.set({own: value.token});
    }
    tab.tell();
  });
};
