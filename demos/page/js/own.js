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
    const place = squareOf(now, shown, at("cut"), cut);
    let cutting = false, next = null;               // one square at a time: each gives the picture a new name
    function cut(shares) {
      if (cutting) { next = shares; return; }
      cutting = true; trigger("cut", {token: now.own.token, shares});
    }
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
      error.hidden = true; next = null;
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
      if (!next) place(...cut);
      shown.querySelector("img").src = thumb;
      shown.querySelector("p").textContent = `${said}${made} It will be deleted in ${minutes} minutes.`;
    }
    // `mine`: it came, or went, here
    function heard(value, mine = true) {
      note.textContent = "";
      now.own = value.forgotten ? null : value; shown.hidden = !now.own;
      if (now.own) show(value); else note.textContent = "It is deleted.";
      tab.forget(recipe => token(recipe) && token(recipe) !== value.token);            // and the square before
      if (now.own) taken(value); else if (token(now.recipe)) tab.set(gan.copyOf(tab.arrival));
      if (mine) {                                     // a visitor has one: it goes from the other tabs
        for (const other in gan.owns) if (other !== name && gan[other]) gan[other].disown();
        for (const other in gan.parts) if (gan[other] && gan[other].disowned)
          gan[other].disowned(value.token ? `own-${value.token}` : "");
      }
      tab.tell();
    }
    tab.disown = () => { if (now.own) heard({forgotten: true}, false); };
    let last = "";
    part.hear(value => {
      const key = String(value.token || value.at || "");
      if (key && key === last) return;              // one answer can be told of twice
      last = key; cutting = false;
      if (value.error) { refuse(value.error); if (now.own) place(...now.own.cut); } else heard(value);
      if (next && now.own && !value.error) cut(next);
      next = null;
    });
  };

  // The square: left, top and side as shares of width, height and the shorter side; moved by hand, it is sent. Returns
  // what puts it somewhere.
  function squareOf(now, shown, size, send) {
    const [whole, frame] = [".whole", ".cut"].map(kind => shown.querySelector(kind));
    let square = [0, 0, 1];
    function place(left, top, share) {              // its centre stays on the picture
      const {width, height} = now.own, side = share * Math.min(width, height), percent = share => `${100 * share}%`;
      const on = (at, half) => Math.min(1 - half, Math.max(-half, at));
      const to = square = [on(left, side / width / 2), on(top, side / height / 2), share]; size.value = to[2];
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
