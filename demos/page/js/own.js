// A visitor's own picture on any tab: brought, shown with the square that is used, deleted. Its elements are those of
// own.html.
(() => {
  const LARGEST_FILE = 20 * 2 ** 20;

  // What tabs do with it, by the tab's name: functions of the store that return `token`, recipe -> that of the own picture
  // which it shows, or ""; `taken`, which gets the picture, again for another square of it; and elements: `above` it,
  // `says` and `buttons` beside it. When it is deleted, all that shows it goes.
  gan.owns = {};
  gan.own = tab => {
    const {now, name, parts: {own: part}} = tab, {element, trigger} = part;
    element.innerHTML = part.props.value.html;
    const at = id => element.querySelector(`#${name}-${id}`), shown = element.querySelector(".brought");
    const note = at("own-note"), error = at("own-error"), forget = at("forget");
    const {token, taken, above = "", says = "", buttons = []} = gan.owns[name](tab);
    const place = squareOf(now, shown, at("cut"), shares => trigger("cut", {token: now.own.token, shares}));
    const refuse = text => { note.textContent = ""; error.textContent = text; error.hidden = false; };
    element.prepend(above);
    forget.parentElement.before(says); forget.before(...buttons);
    for (const [id, input] of [["choose", at("own-file")], ["photo", at("camera")]]) {
      at(id).addEventListener("click", () => input.click());
      input.addEventListener("change", () => {
        const [chosen] = input.files;
        input.value = "";
        if (chosen) tab.bring(chosen);
      });
    }
    forget.addEventListener("click", () => trigger("forget", {}));
    now.own = null;
    tab.bring = chosen => {                         // dropped on the page, too
      const [given, most] = [chosen.size, LARGEST_FILE].map(size => Math.round(size / 2 ** 20));
      error.hidden = true;
      if (chosen.size > LARGEST_FILE)
        return refuse(`This file has ${given} MB; a picture may have ${most}: save it smaller.`);
      note.textContent = "Sending it …";
      const reader = new FileReader();
      reader.onload = () =>
        trigger("bring", {picture: String(reader.result).includes(";base64,") ? reader.result : "data:;base64,"});
      reader.onerror = () => refuse("This file cannot be read: choose another.");
      reader.readAsDataURL(chosen);
    };
    // the picture with the square that is used, and what happens to it
    function show({thumb, note: said, minutes, cut}) {
      const {side} = now.setup || {};
      const made = side ? ` It is made ${side} x ${side}, the size of this network’s pictures.` : "";
      place(...cut);
      shown.querySelector("img").src = thumb;
      shown.querySelector("p").textContent = `${said}${made} It will be deleted in ${minutes} minutes.`;
    }
    function heard(value) {
      note.textContent = "";
      now.own = value.forgotten ? null : value; shown.hidden = !now.own;
      if (now.own) show(value); else note.textContent = "It is deleted.";
      tab.forget(recipe => token(recipe) && token(recipe) !== value.token);            // and the square before
      if (now.own) taken(value); else if (token(now.recipe)) tab.set(gan.copyOf(tab.arrival));
      tab.tell();
    }
    tab.disown = () => { if (now.own) heard({forgotten: true}); };
    part.hear(value => {
      if (value.error) return refuse(value.error);
      heard(value);
      for (const other in gan.owns) if (other !== name && gan[other]) gan[other].disown();      // a visitor has one
    });
  };

  // The square: left, top and side as shares of width, height and the shorter side; moved by hand, it is sent. Returns
  // what puts it somewhere.
  function squareOf(now, shown, size, send) {
    const [whole, frame] = [".whole", ".cut"].map(kind => shown.querySelector(kind));
    let square = [0, 0, 1];
    function place(...to) {
      const {width, height} = now.own, side = to[2] * Math.min(width, height), percent = share => `${100 * share}%`;
      square = to; size.value = to[2];
      Object.assign(frame.style, {width: percent(side / width), height: percent(side / height),
        left: percent(to[0]), top: percent(to[1])});
    }
    const move = (across, down) => place(square[0] + across, square[1] + down, square[2]);
    size.addEventListener("input", () => {
      const {width, height} = now.own, [left, top, side] = square;
      const grows = (size.value - side) * Math.min(width, height) / 2;
      place(left - grows / width, top - grows / height, +size.value);
    });
    size.addEventListener("change", () => send(square));
    frame.addEventListener("keydown", e => {
      const step = {ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.02], ArrowDown: [0, 0.02]}[e.key];
      if (step) { e.preventDefault(); move(...step); }
    });
    frame.addEventListener("keyup", ({key}) => { if (key.startsWith("Arrow")) send(square); });
    whole.addEventListener("pointerdown", e => { whole.setPointerCapture(e.pointerId); whole.from = square.join(); });
    whole.addEventListener("pointermove", e => {
      if (!whole.hasPointerCapture(e.pointerId)) return;
      const {width, height} = whole.getBoundingClientRect();
      move(e.movementX / width, e.movementY / height);
    });
    whole.addEventListener("pointerup", () => { if (whole.from !== square.join()) send(square); });
    return place;
  }
})();
