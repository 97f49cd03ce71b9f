// What every tab shows pictures with: films scrubbed without the server, knobs, maps of change, painted regions.
(() => {
  const E = gan.element;
  const FULL = 48;                  // of 255 levels of change, white in a map of change
  const RAMP = [[13, 12, 16, 255], [20, 73, 84, 255], [21, 140, 122, 255], [196, 214, 120, 255], [255, 252, 240, 255]];
  const SIDE = 64, UNDOS = 50, LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

  // --- films and knobs

  // Frames side by side in one picture, drawn into a canvas; between two frames both show through.
  gan.film = canvas => {
    const sheet = new Image();
    let count = 0;
    return {
      load: async (source, frames) => {
        count = 0; sheet.src = source;
        // another film was wanted before this one had come, or the page is being left: who waits for this waits no more
        try { await sheet.decode(); } catch { return new Promise(() => {}); }
        count = frames;
      },
      ready: () => count > 0,
      draw: fraction => {
        const wide = Math.round(sheet.naturalWidth / count), high = sheet.naturalHeight, pen = canvas.getContext("2d");
        sized(canvas, wide, high);
        const place = Math.min(Math.max(fraction, 0), 1) * (count - 1), first = Math.floor(place);
        for (const [frame, alpha] of [[first, 1], [first + 1, place - first]]) {
          pen.globalAlpha = alpha;
          pen.drawImage(sheet, frame * wide, 0, wide, high, 0, 0, wide, high);
        }
      },
    };
  };
  function sized(canvas, wide, high) {
    if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
  }

  // The film of the chosen knob from end to end, as `part` brings it; `now.strip` names the recipe that it is of.
  const ofKnob = recipe =>
    JSON.stringify({...recipe, amounts: recipe.amounts.map((a, i) => i === recipe.knob ? 0 : a)});
  gan.strip = (part, canvas, now, arrival, keyOf = ofKnob) => {
    const film = gan.film(canvas);
    const pictures = [...canvas.parentElement.querySelectorAll("img")];
    const seen = () => !pictures.length || pictures.some(one => one.complete && one.naturalWidth);
    const take = async ({src, frames, key}) => {
      if (!src) return;
      for (let i = 0; key === "arrival" && !seen() && i < 100; i++)             // the picture comes first
        await new Promise(done => setTimeout(done, 50));
      await film.load(src, frames);
      now.strip = key === "arrival" ? keyOf(arrival) : key;
    };
    part.hear(take); take(part.props.value || {});
    return {draw: film.draw, key: () => keyOf(now.recipe),
      ready: () => film.ready() && now.strip === keyOf(now.recipe)};
  };

  // One knob: a title, the amount, a range with its two ends in words. `turn(amount, {rest})`; it rests when let go.
  gan.knob = (id, turn) => {
    const title = E("span", {class: "knob-title"}), also = E("small"), amount = E("output", {class: "knob-amount"});
    const low = E("span"), high = E("span"), moved = value => { show(value); turn(value, {rest: false}); };
    const range = E("input", {type: "range", id, min: -3, max: 3, step: 0.1, value: 0,
      oninput: () => moved(+range.value), onchange: () => turn(+range.value, {rest: true}),
      ondblclick: () => { moved(0); turn(0, {rest: true}); }});
    function show(value) {
      range.value = value;
      amount.textContent = gan.signed(value);
      range.style.setProperty("--at", `${50 + 50 * value / +range.max}%`);
      const towards = value === 0 ? "untouched" : (value > 0 ? high : low).textContent;
      range.setAttribute("aria-valuetext", `${gan.signed(value)} steps, ${towards}`);
    }
    // it is called by its number and what it was measured to do; returns whether there is one of that number
    function name(i, setup) {
      const facts = setup && setup.knobs[i];
      if (!facts) return false;
      title.textContent = gan.knobName(i, facts);
      also.textContent = facts.also || ""; low.textContent = facts.low; high.textContent = facts.high;
      range.max = facts.reach || setup.reach; range.min = -range.max;
      range.setAttribute("aria-label", `${title.textContent}: from ${facts.low} to ${facts.high}, in steps`);
      show(+range.value);
      return true;
    }
    const element = E("div", {class: "knob"},
      E("div", {class: "knob-head"}, E("span", {}, title, " ", also), amount), range,
      E("div", {class: "knob-ends", "aria-hidden": true}, low, high));
    return {element, range, title, show, name};
  };

  // Moves a knob once from end to end and back to where it stood, as soon as it is in sight; who touches it, or wants
  // no movement, stops it. `draw(share of its way, 0 to 1)` shows it, `done` restores.
  gan.playOnce = (element, {from, ready, draw, done}) => {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const path = [[0, from], [0.25, 0.1], [0.75, 0.9], [1, from]], LENGTH = 3200;
    let over = false, began = 0;
    const stop = () => { if (over) return; over = true; if (began) done(); };
    for (const name of ["pointerdown", "keydown", "touchstart", "wheel"])
      document.addEventListener(name, stop, {once: true, passive: true, capture: true});
    const frame = time => {
      if (over) return;
      if (!ready()) return stop();
      began = began || time;
      const at = Math.min((time - began) / LENGTH, 1), i = Math.max(1, path.findIndex(point => point[0] >= at));
      const [[t0, y0], [t1, y1]] = [path[i - 1], path[i]], share = (at - t0) / (t1 - t0);
      draw(y0 + (y1 - y0) * (1 - Math.cos(Math.PI * share)) / 2);
      if (at < 1) requestAnimationFrame(frame); else stop();
    };
    const begin = tries => {
      if (ready()) requestAnimationFrame(frame); else if (tries && !over) setTimeout(begin, 300, tries - 1);
    };
    gan.whenShown(element, () => setTimeout(begin, 700, 20), {threshold: 0.6});
  };

  // --- pictures

  // On a phone a picture stays in sight, small, as long as what belongs to it is; pressing it there scrolls back to it.
  gan.dock = photo => {
    const place = E("div"), phone = matchMedia("(max-width: 760px)"), docked = () => photo.classList.contains("docked");
    photo.replaceWith(place); place.append(photo);
    const bench = place.closest(".bench"), bottom = element => element.getBoundingClientRect().bottom;
    const finder = place.closest(".tab").querySelector(".finder");               // it turns knobs too
    const used = () => bottom(bench) > 240 || finder && bottom(finder) > 0 && bottom(finder) < innerHeight;
    addEventListener("scroll", () => {
      const out = phone.matches && bottom(place) < 80 && used() && !photo.classList.contains("painting");
      if (out === docked()) return;
      place.style.minHeight = out ? `${photo.offsetHeight}px` : "";
      photo.classList.toggle("docked", out);
    }, {passive: true});
    for (const name of ["pointerdown", "click"]) photo.addEventListener(name, e => {
      if (!docked()) return;
      e.stopImmediatePropagation();
      if (name === "click") place.scrollIntoView({block: "center"});
    }, {capture: true});
  };

  // The picture after; pressing it shows that before in its left half, or all of it where it is shown `whole`, and back.
  gan.photo = (whole = false) => {
    const after = E("img", {class: "after", alt: ""}), before = E("img", {class: "before", alt: ""});
    const canvas = E("canvas", {class: "film", "aria-hidden": true, hidden: true});
    const licence = E("span", {class: "tag licence"});
    const frame = E("div", {class: `photo ${whole ? "whole" : ""}`, role: "button", tabindex: 0}, after, before, canvas, licence,
      E("span", {class: "tag left", "aria-hidden": true}, "before"),
      E("span", {class: "tag right", "aria-hidden": true}, "after"));
    const split = on => {
      const shown = !on ? "Whole picture" : whole ? "The picture before" : "Left half before, right half after";
      frame.classList.toggle("split", on);
      frame.setAttribute("aria-pressed", on);
      frame.setAttribute("aria-label", `${after.alt}. ${shown}; press to change`);
      photo.splits(on);
    };
    gan.onPress(frame, () => split(!frame.classList.contains("split")));
    const network = gan.networkOf(frame, licence);
    const photo = {element: frame, after, before, canvas, split, network, splits: () => {},
      isSplit: () => frame.classList.contains("split")};
    return photo;
  };

  // Tells a frame what network its picture is of: its shape, whether large enough to show unsmoothed, its licence.
  gan.networkOf = (frame, licence) => facts => {
    frame.style.aspectRatio = facts.aspect || 1;
    frame.classList.toggle("large", facts.side >= 256);
    licence.textContent = facts.bundled === false ? `Licence: ${facts.licence}` : "";
  };

  // How much each pixel changed from one picture to another, dark to bright; both are images or canvases.
  gan.mapOfChange = (canvas, before, after) => {
    const wide = before.naturalWidth, high = before.naturalHeight;
    if (!wide || !(after.naturalWidth || after.width)) return;
    const read = source => {
      const pen = E("canvas", {width: wide, height: high}).getContext("2d", {willReadFrequently: true});
      pen.drawImage(source, 0, 0, wide, high);
      return pen.getImageData(0, 0, wide, high).data;
    };
    const a = read(before), b = read(after), made = new ImageData(wide, high);
    for (let i = 0; i < a.length; i += 4) {
      const change = (Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2])) / 3;
      made.data.set(colourOf(change / FULL), i);
    }
    sized(canvas, wide, high);
    canvas.getContext("2d").putImageData(made, 0, 0);
  };
  function colourOf(share) {
    const place = Math.min(share, 1) * (RAMP.length - 1), i = Math.min(Math.floor(place), RAMP.length - 2);
    return RAMP[i].map((value, k) => value + (place - i) * (RAMP[i + 1][k] - value));
  }

  // --- regions

  // A region as text: runs, or bits where shorter, as core.regions writes it; and how one is drawn over a picture.
  gan.regions = {SIDE, encode, decode, outline, fill};

  // 5 bits a letter, the lowest first; a sixth bit says that more follow
  const lettersOf = number => number < 32 ? LETTERS[number] : LETTERS[number & 31 | 32] + lettersOf(number >> 5);
  function encode(bits) {
    const all = bits.join(""), inside = all[0] === "1" ? lettersOf(0) : "";         // the first run is outside
    const runs = all.match(/0+|1+/g).map(run => lettersOf(run.length)), text = `r${inside}${runs.join("")}`;
    if (text.length <= SIDE * SIDE / 6 + 2) return text;
    return "b" + all.match(/.{1,6}/g).map(six => LETTERS[parseInt([...six].reverse().join(""), 2)]).join("");
  }
  function decode(text) {
    const [kind, ...letters] = text || "", values = letters.map(letter => LETTERS.indexOf(letter));
    const bits = new Uint8Array(SIDE * SIDE);
    if (kind === "b") return bits.map((_, i) => values[Math.floor(i / 6)] >> i % 6 & 1);
    let at = 0, inside = 0, run = 0, shift = 0;
    for (const value of values) {
      run += (value & 31) << shift; shift += 5;
      if (value < 32) { bits.fill(inside, at, at + run); at += run; inside = 1 - inside; run = shift = 0; }
    }
    return bits;
  }
  // by which of four neighbouring pixels are inside: the sides of their square that the edge joins, two by two
  const CUTS = ["", "lt", "tr", "lr", "rb", "ltrb", "tb", "lb", "lb", "tb", "lbtr", "rb", "lr", "tr", "lt", ""];
  // the region's edge between pixels, corners cut; `crop`: share of the rows that the page leaves out above and below
  function outline(canvas, bits, crop = 0) {
    const pen = canvas.getContext("2d"), wide = canvas.width, high = canvas.height, path = new Path2D();
    const hold = value => Math.min(Math.max(value, 0), SIDE - 1), at = (x, y) => bits[hold(y) * SIDE + hold(x)];
    const place = (x, y) => [(x + 0.5) / SIDE * wide, ((y + 0.5) / SIDE - crop) / (1 - 2 * crop) * high];
    for (let y = -1; y < SIDE; y++) for (let x = -1; x < SIDE; x++) {
      const kind = at(x, y) | at(x + 1, y) << 1 | at(x + 1, y + 1) << 2 | at(x, y + 1) << 3;
      const sides = {t: [x + 0.5, y], r: [x + 1, y + 0.5], b: [x + 0.5, y + 1], l: [x, y + 0.5]};
      for (const [from, to] of CUTS[kind].match(/../g) || []) {
        path.moveTo(...place(...sides[from]));
        path.lineTo(...place(...sides[to]));
      }
    }
    pen.clearRect(0, 0, wide, high);
    pen.lineCap = "round";
    for (const [width, colour] of [[wide / 150, "rgb(10 9 8 / 55%)"], [wide / 330, "#ffffff"]]) {
      pen.lineWidth = width; pen.strokeStyle = colour; pen.stroke(path);
    }
  }
  function fill(canvas, bits, crop = 0, colour = "rgb(15 190 170 / 60%)", clear = true) {
    const pen = canvas.getContext("2d"), cell = canvas.width / SIDE, tall = canvas.height / SIDE / (1 - 2 * crop);
    if (clear) pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = colour;
    bits.forEach((bit, i) => {
      if (bit) pen.fillRect(i % SIDE * cell, (Math.floor(i / SIDE) - crop * SIDE) * tall, cell + 0.5, tall + 0.5);
    });
  }

  // Which of the region's pixels an event means; `crop`: share of the rows that the page leaves out above and below.
  gan.pixelAt = (frame, event, crop = 0) => {
    const box = frame.getBoundingClientRect(), hold = value => Math.min(Math.max(Math.floor(value), 0), SIDE - 1);
    const down = crop + (event.clientY - box.top) / box.height * (1 - 2 * crop);
    return {x: hold((event.clientX - box.left) / box.width * SIDE), y: hold(down * SIDE)};
  };

  // Painting over a picture by mouse, pen or finger: brush, rubber, box. `pixelAt(event)` says where, while `active()`.
  gan.brush = ({frame, pixelAt, active, changed}) => {
    const blank = () => new Uint8Array(SIDE * SIDE);
    const brush = {tool: "brush", size: 4, bits: blank(), past: [], from: null, held: null};
    const stroke = () => { brush.past.push(brush.bits.slice()); if (brush.past.length > UNDOS) brush.past.shift(); };
    brush.undo = () => { if (brush.past.length) { brush.bits = brush.past.pop(); changed(); } };
    brush.clear = () => { stroke(); brush.bits = blank(); changed(); };
    brush.start = bits => { brush.past = []; brush.bits = bits || blank(); };
    const paint = e => {
      const to = pixelAt(e);
      if (brush.tool === "box") boxed(brush, brush.from, to); else { dab(brush, brush.from, to); brush.from = to; }
      changed();
    };
    frame.addEventListener("pointerdown", e => {
      if (!active() || e.button) return;
      e.preventDefault(); frame.setPointerCapture(e.pointerId);
      stroke(); brush.from = pixelAt(e); brush.held = brush.bits.slice();
      paint(e);
    });
    frame.addEventListener("pointermove", e => { if (brush.from) paint(e); });
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, () => { brush.from = null; });
    return brush;
  };
  // round dabs from a to b
  function dab({bits, tool, size}, a, b) {
    const value = tool === "rubber" ? 0 : 1, reach = (size / 2) ** 2;
    const steps = Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y), 1);
    for (let i = 0; i <= steps; i++) {
      const x = a.x + (b.x - a.x) * i / steps, y = a.y + (b.y - a.y) * i / steps;
      bits.forEach((_, at) => {
        if ((Math.floor(at / SIDE) - y) ** 2 + (at % SIDE - x) ** 2 <= reach) bits[at] = value;
      });
    }
  }
  // what was painted before, and the box between a and b
  function boxed(brush, a, b) {
    const left = Math.min(a.x, b.x), right = Math.max(a.x, b.x) + 1;
    brush.bits = brush.held.slice();
    for (let row = Math.min(a.y, b.y); row <= Math.max(a.y, b.y); row++)
      brush.bits.fill(1, row * SIDE + left, row * SIDE + right);
  }

  // What a brush is used with: a button for each kind, and its width; `draw` follows a choice, `mark` shows it.
  gan.brushTools = (tab, brush, draw, {id, max, value}) => {
    const names = {brush: "Brush", rubber: "Rubber", box: "Box"};
    const byKind = Object.fromEntries(Object.entries(names).map(([kind, name]) =>
      [kind, gan.button(`${tab}-${kind}`, name, () => { brush.tool = kind; draw(); })]));
    const width = E("input", {type: "range", id, min: 1, max, step: 1, value,
      "aria-label": "Width of the brush, in 64ths of the picture", oninput: () => { brush.size = +width.value; }});
    const mark = () => Object.entries(byKind).forEach(([kind, one]) => {
      one.setAttribute("aria-pressed", kind === brush.tool);
      one.classList.toggle("on", kind === brush.tool);
    });
    return {buttons: Object.values(byKind), width, mark, focus: () => byKind[brush.tool].focus({preventScroll: true})};
  };
})();
