// Restore, after the bench: what the codes of a layer can copy, editing what was restored, and a picture of one's own.
(() => {
  const E = gan.element, {button, same, tile} = gan, rooms = gan.rooms.restore;
  const LARGEST_FILE = 20 * 2 ** 20;
  const decibels = value => `${value.toFixed(1)} dB`;
  const scrolled = (kind, name, ...children) =>
    E("div", {class: kind, tabindex: 0, role: "region", "aria-label": name}, ...children);

  // --- experiments: copies by layer and number of codes, and of a mug

  rooms.layers = tab => rooms.experiment(tab, tab.parts.layers, "layers", {
    press: "Try it on the picture above", says: "Copying it fifteen times …",
    draw: (result, {rows, counts, truth, verdict}) => {
      if (!rows) return;
      const many = count => `${count} code${count > 1 ? "s" : ""}`;
      const copy = (row, cell, i) =>
        tile(cell.src, `copy with ${many(counts[i])}, mixed ${row.name}: ${decibels(cell.psnr)}`, decibels(cell.psnr));
      const head = E("tr", {}, E("td", {}), ...counts.map(count => E("th", {scope: "col"}, many(count))));
      const lines = rows.map(row => E("tr", {}, E("th", {scope: "row"}, row.name),
        ...row.cells.map((cell, i) => E("td", {}, copy(row, cell, i)))));
      const table = E("table", {class: "layer-table"}, E("thead", {}, head), E("tbody", {}, ...lines));
      result.replaceChildren(E("p", {class: "aha"}, verdict || ""), E("div", {class: "layered"},
        tile(truth, "the picture that is copied", "the picture"),
        scrolled("scroll", "Copies by layer and number of codes", table)));
    },
  });

  rooms.mug = tab => rooms.experiment(tab, tab.parts.mug, "mug", {
    press: "Ask this network again", says: "Copying faces and mugs …",
    draw: (result, {rows, truths, samples, verdict}) => {
      if (!rows) return;
      const column = (title, face, mug) => E("div", {class: "mugged"}, E("p", {class: "caption"}, title), face, mug);
      const copy = (row, what) => tile(row[what].src, `the ${what} copied, ${row.name}`, decibels(row[what].psnr));
      const copied = what => tile(truths[what], `the ${what} that is copied`, what);
      result.replaceChildren(E("p", {class: "aha"}, verdict || ""),
        scrolled("scroll mugs", "A face and a mug copied after each layer",
          column("what is copied", copied("face"), copied("mug")),
          ...rows.map(row => column(row.name, copy(row, "face"), copy(row, "mug")))),
        E("p", {class: "caption"},
          samples ? `Closeness: median of ${samples} faces and ${samples} mugs, 10 codes.` : ""));
    },
  });

  // --- edit what was restored

  rooms.editing = tab => {
    const {bus, now, parts, listeners, forgets} = tab, element = parts.edit.element;
    const image = rooms.tile("Edited", "restore-edited"), row = E("div", {class: "knobs two"});
    const verdict = E("p", {class: "verdict", role: "status", id: "restore-edit-verdict"});
    const note = E("p", {class: "caption"}), waits = E("p", {class: "caption"});
    const opener = button("restore-edit-go", "Edit this picture", () => {
      note.textContent = "Finding its codes …";
      bus.trigger("knobs", {key: "knobs"});
    });
    let amounts = [], of = "";                      // the recipe that the knobs are of
    const ask = () => bus.trigger("edit", {key: "edit", amounts});
    element.replaceChildren(E("div", {class: "edited"}, image.element, E("div", {class: "edit-side"}, row, verdict)),
      note, waits, E("div", {class: "buttons"}, opener));
    function place(knobs) {
      amounts = knobs.map(() => 0); of = rooms.keyOf(now.recipe);
      row.replaceChildren(...knobs.map((facts, i) => knobOf(facts, i, amount => { amounts[i] = amount; ask(); })));
      ask();
    }
    function show({src, codes, verdict: says}) {
      image.show(src, `the restored picture, edited. ${says}`, false);
      image.label.textContent = codes === 1 ? "Its one code moved" : `All ${codes} codes moved together`;
      verdict.textContent = amounts.some(Boolean) ? says : ""; verdict.hidden = !verdict.textContent;
    }
    parts.edit.watch("value", () => {
      const value = parts.edit.props.value || {};
      if (value.error) { note.textContent = value.error; return; }
      note.textContent = "";
      if (value.knobs) place(value.knobs);
      if (value.src) show(value);
      tab.tell();
    });
    listeners.push(() => {
      const stale = !!of && of !== rooms.keyOf(now.recipe);
      element.classList.toggle("stale", stale);
      image.element.hidden = !image.image.src;
      opener.hidden = !!of && !stale || !!now.running;
      opener.disabled = !tab.current();
      waits.textContent = now.running ? "A search is running: when it has ended, its picture can be edited."
        : stale && !note.textContent ? "This was another picture: press Edit this picture again." : "";
      verdict.hidden = !verdict.textContent;
    });
    forgets.push(() => { image.show("", "", false); row.replaceChildren(); verdict.textContent = ""; of = ""; });
  };

  function knobOf(facts, i, turned) {
    const rest = () => turned(+knob.range.value);
    const knob = gan.knob({id: `restore-knob-${i + 1}`, reach: facts.reach, input: rest, commit: rest});
    knob.name(facts.title ? `${i + 1} · ${facts.title}` : `Knob ${i + 1}`, "", facts.low || "one way",
      facts.high || "the other way", facts.reach);
    knob.show(0);
    return knob.element;
  }

  // --- an own picture

  const SEEN = {portrait: "cartoon people; your photo will come back as one.",
    object: "drawn objects; your photo will come back as one."};

  rooms.owning = tab => {
    const {bus, now, parts, listeners} = tab, seen = ownOf(), {note, error} = seen;
    const refuse = text => { error.textContent = text; error.hidden = false; };
    const copy = button("restore-own-copy", "Restore it", () => toBench(tab, {task: "copy"}), "first");
    const twin = button("restore-twin", "My cartoon twin", () => toBench(tab, {task: "copy", codes: 1, layer: 0}));
    const remove = button("restore-forget", "Delete it now", () => { bus.trigger("forget", {}); });
    listeners.push(() => {
      const noun = tab.setup() ? tab.setup().noun : "portrait";
      const kind = SEEN[noun] || "pictures of one kind; your photo will come back as one of them.";
      seen.learned.textContent = `This network has only ever seen ${kind}`;
      twin.textContent = noun === "portrait" ? "My cartoon twin" : "Its nearest picture";
    });
    listeners.push(() => {
      if (!now.wanted || !tab.current() || now.running) return;
      now.wanted = false;
      if (!now.answer.result) tab.bench.search.begin();
    });
    for (const one of [seen.input, seen.camera]) one.addEventListener("change", () => {
      const file = one.files[0];
      one.value = "";
      error.hidden = true;
      if (file) send(file, {bus, note, refuse});
    });
    parts.own.watch("value", () => {
      const value = parts.own.props.value || {};
      note.textContent = "";
      if (value.error) { refuse(value.error); return; }
      if (value.forgotten) { forget(tab, seen); return; }
      now.own = value;
      const buttons = E("div", {class: "buttons"}, copy, twin, remove);
      seen.shown.replaceChildren(...broughtOf(value, tab.setup().side, buttons));
      seen.shown.hidden = false;
      tab.tell();
    });
    parts.own.element.replaceChildren(seen.learned, seen.buttons, note, error, seen.shown);
  };

  function ownOf() {
    const input = E("input", {type: "file", accept: "image/*", id: "restore-own-file", class: "sr",
      "aria-label": "Choose a picture of yours"});
    const camera = E("input", {type: "file", accept: "image/*", capture: "user", class: "sr",
      "aria-label": "Take a photo", id: "restore-camera"});
    const choose = button("restore-choose", "Choose a picture", () => input.click());
    const photo = button("restore-photo", "Take a photo", () => camera.click());
    return {
      input, camera, buttons: E("div", {class: "buttons"}, choose, photo, input, camera),
      error: E("p", {class: "said", role: "alert", id: "restore-own-error", hidden: true}),
      shown: E("div", {class: "brought", hidden: true}),
      note: E("p", {class: "caption", role: "status", id: "restore-own-note"}),
      learned: E("p", {class: "caption", id: "restore-own-learned"}),
    };
  }

  // the own picture to the bench; once it stands there, it is restored
  function toBench({now, set, bench}, patch) {
    const fresh = {...rooms.RESET, ...patch, shows: "upload", own: now.own.token, as_is: false};
    if (!same({...now.recipe, ...fresh}, now.recipe)) set(fresh);
    now.wanted = true;
    bench.stage.scrollIntoView({block: "center"});
  }

  function send(file, {bus, note, refuse}) {
    if (file.size > LARGEST_FILE) {
      const [given, most] = [file.size, LARGEST_FILE].map(size => Math.round(size / 2 ** 20));
      refuse(`This file has ${given} MB; a picture may have ${most}: save it smaller.`);
      return;
    }
    note.textContent = "Sending it …";
    const reader = new FileReader();
    reader.onload = () =>
      bus.trigger("own", {picture: String(reader.result).includes(";base64,") ? reader.result : "data:;base64,"});
    reader.onerror = () => refuse("This file cannot be read: choose another.");
    reader.readAsDataURL(file);
  }

  // it is deleted: whatever shows it goes, in every room
  function forget(tab, {shown, note}) {
    tab.now.own = null; shown.hidden = true; note.textContent = "It is deleted.";
    tab.forgets.forEach(one => one());
    if (tab.now.recipe.shows === "upload") tab.set(tab.arrival, {whole: true});
    tab.tell();
  }

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
