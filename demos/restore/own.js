// A visitor's own picture on Restore: brought, shown with the square that is used, restored on the bench, deleted.
(() => {
  const E = gan.element, {button, same} = gan, rooms = gan.rooms.restore, LARGEST_FILE = 20 * 2 ** 20;
  const SEEN = {portrait: "cartoon people; your photo will come back as one.",
    object: "drawn objects; your photo will come back as one."};

  rooms.owning = tab => {
    const {bus, now, parts, listeners} = tab;
    const note = E("p", {class: "caption", role: "status", id: "restore-own-note"});
    const error = E("p", {class: "said", role: "alert", id: "restore-own-error", hidden: true});
    const learned = E("p", {class: "caption", id: "restore-own-learned"});
    const shown = E("div", {class: "brought", hidden: true});
    const refuse = text => { note.textContent = ""; error.textContent = text; error.hidden = false; };
    const file = (id, says, more = {}) => E("input", {type: "file", accept: "image/*", id, class: "sr",
      "aria-label": says, ...more, onchange: e => {
        const [chosen] = e.target.files;
        e.target.value = ""; error.hidden = true;
        if (chosen) send(chosen);
      }});
    const input = file("restore-own-file", "Choose a picture of yours");
    const camera = file("restore-camera", "Take a photo", {capture: "user"});
    const twin = button("restore-twin", "My cartoon twin", () => toBench({task: "copy", codes: 1, layer: 0}));
    const buttons = E("div", {class: "buttons"},
      button("restore-own-copy", "Restore it", () => toBench({task: "copy"}), "first"), twin,
      button("restore-forget", "Delete it now", () => bus.trigger("forget", {})));

    function send(chosen) {
      if (chosen.size > LARGEST_FILE) {
        const [given, most] = [chosen.size, LARGEST_FILE].map(size => Math.round(size / 2 ** 20));
        refuse(`This file has ${given} MB; a picture may have ${most}: save it smaller.`);
        return;
      }
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
      if (!same({...now.recipe, ...fresh}, now.recipe)) tab.set(fresh);
      now.wanted = true;
      tab.bench.stage.scrollIntoView({block: "center"});
      tab.tell();
    }
    // it is deleted: whatever shows it goes, in every room
    function forget() {
      now.own = null; shown.hidden = true; note.textContent = "It is deleted.";
      tab.forget(recipe => recipe.shows === "upload");
      if (now.recipe.shows === "upload") tab.set(gan.copyOf(tab.arrival));
      tab.tell();
    }

    listeners.push(() => {
      const noun = now.setup ? now.setup.noun : "portrait";
      const kind = SEEN[noun] || "pictures of one kind; your photo will come back as one of them.";
      learned.textContent = `This network has only ever seen ${kind}`;
      twin.textContent = noun === "portrait" ? "My cartoon twin" : "Its nearest picture";
      if (!now.wanted || !tab.current() || now.running) return;
      now.wanted = false;
      if (!now.answer.result) tab.bench.begin();
    });
    parts.own.watch("value", () => {
      const value = parts.own.props.value || {};
      note.textContent = "";
      if (value.error) { refuse(value.error); return; }
      if (value.forgotten) { forget(); return; }
      now.own = value;
      shown.replaceChildren(...broughtOf(value, now.setup.side, buttons));
      shown.hidden = false;
      tab.tell();
    });
    parts.own.element.replaceChildren(learned, E("div", {class: "buttons"},
      button("restore-choose", "Choose a picture", () => input.click()),
      button("restore-photo", "Take a photo", () => camera.click()), input, camera), note, error, shown);
  };

  // the picture with the square that is used, and what happens to it
  function broughtOf({width, height, thumb, note, minutes}, size, buttons) {
    const side = Math.min(width, height), cut = E("div", {class: "cut"});
    Object.assign(cut.style, {width: `${100 * side / width}%`, height: `${100 * side / height}%`,
      left: `${50 - 50 * side / width}%`, top: `${50 - 50 * side / height}%`});
    const says = `${note} It is made ${size} x ${size}, the size of this network’s pictures. `
      + `It will be deleted in ${minutes} minutes.`;
    return [E("div", {class: "whole"}, E("img", {src: thumb, alt: "your picture, with the square that is used"}), cut),
      E("div", {}, E("p", {class: "caption"}, says), buttons)];
  }
})();
