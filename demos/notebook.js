// What every tab shares in the browser: a film that is scrubbed without the server, sliders that touch cannot move by accident.
window.gan = window.gan || (() => {
  const gan = {parts: {}};

  gan.element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter(child => child !== null && child !== undefined));
    return made;
  };

  gan.signed = amount => (amount > 0 ? "+" : amount < 0 ? "\u2212" : "") + Math.abs(amount).toFixed(1);
  // the same values, in whatever order a record names them
  const ordered = (_, value) => value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)) : value;
  gan.same = (a, b) => JSON.stringify(a, ordered) === JSON.stringify(b, ordered);

  // A component of the page says that it is there; `wanted` runs once all of a tab's parts are, in any order of arrival.
  gan.mount = (tab, part, element, props, trigger, watch) => {
    const parts = gan.parts[tab] = gan.parts[tab] || {};
    parts[part] = {element, props, trigger, watch};
    document.dispatchEvent(new CustomEvent(`gan:${tab}`, {detail: part}));
  };

  // Frames side by side in one picture, drawn into a canvas; between two frames both show through.
  gan.film = canvas => {
    const sheet = new Image();
    let count = 0;
    return {
      load: async (source, frames) => {
        count = 0; sheet.src = source;
        // another film was wanted before this one had come, or the page is being left: whoever waits for this one waits no more
        try { await sheet.decode(); } catch { return new Promise(() => {}); }
        count = frames;
      },
      ready: () => count > 0,
      draw: fraction => {
        const wide = Math.round(sheet.naturalWidth / count), high = sheet.naturalHeight, pen = canvas.getContext("2d");
        if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
        const place = Math.min(Math.max(fraction, 0), 1) * (count - 1), first = Math.floor(place);
        const show = (frame, alpha) => { pen.globalAlpha = alpha; pen.drawImage(sheet, frame * wide, 0, wide, high, 0, 0, wide, high); };
        show(first, 1);
        if (place > first) show(first + 1, place - first);
      },
    };
  };

  // One knob: a title, the amount, a range with its two ends in words. `input` while it moves, `commit` when it rests.
  gan.knob = ({id, reach, step = 0.1, input, commit}) => {
    const title = gan.element("span", {class: "knob-title"}), also = gan.element("small"), amount = gan.element("output", {class: "knob-amount"});
    const range = gan.element("input", {type: "range", id, min: -reach, max: reach, step, value: 0});
    const low = gan.element("span"), high = gan.element("span");
    range.addEventListener("input", () => { show(+range.value); input(+range.value); });
    range.addEventListener("change", () => commit(+range.value));
    range.addEventListener("dblclick", () => { show(0); input(0); commit(0); });
    const words = {low: "", high: ""};
    function show(value) {
      range.value = value;
      amount.textContent = gan.signed(value);
      range.style.setProperty("--at", `${50 + 50 * value / +range.max}%`);
      const towards = value === 0 ? "untouched" : value > 0 ? words.high : words.low;
      range.setAttribute("aria-valuetext", `${gan.signed(value)} steps, ${towards}`);
    }
    return {
      element: gan.element("div", {class: "knob"}, gan.element("div", {class: "knob-head"}, gan.element("span", {}, title, " ", also), amount), range,
                           gan.element("div", {class: "knob-ends", "aria-hidden": true}, low, high)),
      range, title, show,
      name: (text, beside, lowest, highest, reached) => {
        title.textContent = text; also.textContent = beside; low.textContent = words.low = lowest; high.textContent = words.high = highest;
        range.min = -reached; range.max = reached;
        range.setAttribute("aria-label", `${text}: from ${lowest} to ${highest}, in steps`);
        show(+range.value);
      },
    };
  };

  // Before on the left, after on the right; pressing it shows the whole picture and back.
  gan.photo = () => {
    const after = gan.element("img", {class: "after", alt: ""}), before = gan.element("img", {class: "before", alt: ""});
    const canvas = gan.element("canvas", {class: "film", "aria-hidden": true, hidden: true});
    const licence = gan.element("span", {class: "tag licence"});
    const frame = gan.element("div", {class: "photo", role: "button", tabindex: 0}, after, before, canvas, licence,
      gan.element("span", {class: "tag left", "aria-hidden": true}, "before"),
      gan.element("span", {class: "tag right", "aria-hidden": true}, "after"));
    const split = on => {
      frame.classList.toggle("split", on);
      frame.setAttribute("aria-pressed", on);
      frame.setAttribute("aria-label", `${after.alt}. ${on ? "Left half before, right half after" : "Whole picture"}; press to change`);
    };
    const toggle = () => split(!frame.classList.contains("split"));
    frame.addEventListener("click", toggle);
    frame.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); toggle(); } });
    // what network it is: the shape of its pictures, whether they are large enough to show unsmoothed, whose licence they bear
    const network = facts => {
      frame.style.aspectRatio = facts.aspect || 1;
      frame.classList.toggle("large", facts.side >= 256);
      licence.textContent = facts.bundled === false ? `Licence: ${facts.licence}` : "";
    };
    return {element: frame, after, before, canvas, split, network, isSplit: () => frame.classList.contains("split")};
  };

  // How much each pixel changed from one picture to another, dark to bright; both are images or canvases.
  gan.mapOfChange = (() => {
    const FULL = 48;                // of 255 levels of change, white in the map
    const RAMP = [[13, 12, 16], [20, 73, 84], [21, 140, 122], [196, 214, 120], [255, 252, 240]];
    const colour = share => {
      const place = Math.min(share, 1) * (RAMP.length - 1), i = Math.min(Math.floor(place), RAMP.length - 2), rest = place - i;
      return RAMP[i].map((value, k) => value + rest * (RAMP[i + 1][k] - value));
    };
    return (canvas, before, after) => {
      const wide = before.naturalWidth, high = before.naturalHeight;
      if (!wide || !(after.naturalWidth || after.width)) return;
      const read = source => {
        const scratch = gan.element("canvas"); scratch.width = wide; scratch.height = high;
        const pen = scratch.getContext("2d", {willReadFrequently: true});
        pen.drawImage(source, 0, 0, wide, high);
        return pen.getImageData(0, 0, wide, high).data;
      };
      const a = read(before), b = read(after), made = new ImageData(wide, high);
      for (let i = 0; i < a.length; i += 4) {
        const change = (Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) + Math.abs(a[i + 2] - b[i + 2])) / 3;
        made.data.set(colour(change / FULL), i);
        made.data[i + 3] = 255;
      }
      if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
      canvas.getContext("2d").putImageData(made, 0, 0);
    };
  })();

  // A region as text: runs, or bits where shorter, as core.regions writes it; and how one is drawn over a picture.
  gan.regions = (() => {
    const SIDE = 64, LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    function lettersOf(number) {
      let text = "";
      do { const rest = number >> 5; text += LETTERS[(number & 31) + (rest ? 32 : 0)]; number = rest; } while (number);
      return text;
    }
    function encode(bits) {
      let runs = "r", inside = 0, length = 0;
      for (const bit of bits) { if (bit === inside) length++; else { runs += lettersOf(length); inside = bit; length = 1; } }
      runs += lettersOf(length);
      if (runs.length <= Math.floor(SIDE * SIDE / 6) + 2) return runs;
      let text = "b";
      for (let i = 0; i < bits.length; i += 6) {
        let value = 0;
        for (let k = 0; k < 6; k++) value |= (bits[i + k] || 0) << k;
        text += LETTERS[value];
      }
      return text;
    }
    function decode(text) {
      const bits = new Uint8Array(SIDE * SIDE);
      if (!text) return bits;
      const values = [...text.slice(1)].map(letter => LETTERS.indexOf(letter));
      if (text[0] === "b") { values.forEach((value, i) => { for (let k = 0; k < 6; k++) if (6 * i + k < bits.length) bits[6 * i + k] = value >> k & 1; }); return bits; }
      let at = 0, inside = 0, run = 0, shift = 0;
      for (const value of values) {
        run += (value & 31) << shift; shift += 5;
        if (value < 32) { if (inside) bits.fill(1, at, at + run); at += run; inside = 1 - inside; run = shift = 0; }
      }
      return bits;
    }

    // the region's edge between pixels, corners cut; `crop`: share of the rows that the page leaves out above and below
    function outline(canvas, bits, crop = 0) {
      const pen = canvas.getContext("2d"), wide = canvas.width, high = canvas.height;
      const at = (x, y) => bits[Math.min(Math.max(y, 0), SIDE - 1) * SIDE + Math.min(Math.max(x, 0), SIDE - 1)];
      const place = (x, y) => [(x + 0.5) / SIDE * wide, ((y + 0.5) / SIDE - crop) / (1 - 2 * crop) * high];
      const path = new Path2D();
      for (let y = -1; y < SIDE; y++) for (let x = -1; x < SIDE; x++) {
        const kind = at(x, y) | at(x + 1, y) << 1 | at(x + 1, y + 1) << 2 | at(x, y + 1) << 3;
        const sides = {t: [x + 0.5, y], r: [x + 1, y + 0.5], b: [x + 0.5, y + 1], l: [x, y + 0.5]};
        const lines = ["", "lt", "tr", "lr", "rb", "ltrb", "tb", "lb", "lb", "tb", "lbtr", "rb", "lr", "tr", "lt", ""][kind];
        for (let i = 0; i < lines.length; i += 2) { path.moveTo(...place(...sides[lines[i]])); path.lineTo(...place(...sides[lines[i + 1]])); }
      }
      pen.clearRect(0, 0, wide, high);
      pen.lineCap = "round";
      for (const [width, colour] of [[wide / 150, "rgb(10 9 8 / 55%)"], [wide / 330, "#ffffff"]]) { pen.lineWidth = width; pen.strokeStyle = colour; pen.stroke(path); }
    }
    function fill(canvas, bits, crop = 0, colour = "rgb(15 190 170 / 60%)", clear = true) {
      const pen = canvas.getContext("2d"), cell = canvas.width / SIDE, tall = canvas.height / SIDE / (1 - 2 * crop);
      if (clear) pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.fillStyle = colour;
      bits.forEach((bit, i) => { if (bit) pen.fillRect(i % SIDE * cell, (Math.floor(i / SIDE) - crop * SIDE) * tall, cell + 0.5, tall + 0.5); });
    }
    return {SIDE, encode, decode, outline, fill};
  })();

  // Painting over a picture by mouse, pen or finger: brush, rubber, box. `pixelAt(event)` says where, while `active()`.
  gan.brush = ({frame, pixelAt, active, changed, undos = 50}) => {
    const SIDE = gan.regions.SIDE, blank = () => new Uint8Array(SIDE * SIDE);
    const brush = {tool: "brush", size: 4, bits: blank(), past: [], from: null, held: null, undo: null, clear: null};
    const stroke = () => { brush.past.push(brush.bits.slice()); if (brush.past.length > undos) brush.past.shift(); };
    brush.undo = () => { if (brush.past.length) { brush.bits = brush.past.pop(); changed(); } };
    brush.clear = () => { stroke(); brush.bits = blank(); changed(); };
    brush.start = bits => { brush.past = []; brush.bits = bits || blank(); };
    function dab(a, b) {
      const value = brush.tool === "rubber" ? 0 : 1, radius = brush.size / 2, steps = Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y), 1);
      for (let i = 0; i <= steps; i++) {
        const x = a.x + (b.x - a.x) * i / steps, y = a.y + (b.y - a.y) * i / steps;
        for (let row = Math.max(0, Math.floor(y - radius)); row <= Math.min(SIDE - 1, Math.ceil(y + radius)); row++)
          for (let column = Math.max(0, Math.floor(x - radius)); column <= Math.min(SIDE - 1, Math.ceil(x + radius)); column++)
            if ((row - y) ** 2 + (column - x) ** 2 <= Math.max(radius, 0.5) ** 2) brush.bits[row * SIDE + column] = value;
      }
    }
    function boxed(a, b) {
      brush.bits = brush.held.slice();
      for (let row = Math.min(a.y, b.y); row <= Math.max(a.y, b.y); row++) brush.bits.fill(1, row * SIDE + Math.min(a.x, b.x), row * SIDE + Math.max(a.x, b.x) + 1);
    }
    frame.addEventListener("pointerdown", e => {
      if (!active() || e.button) return;
      e.preventDefault(); frame.setPointerCapture(e.pointerId);
      stroke(); brush.from = pixelAt(e); brush.held = brush.bits.slice();
      brush.tool === "box" ? boxed(brush.from, brush.from) : dab(brush.from, brush.from);
      changed();
    });
    frame.addEventListener("pointermove", e => {
      if (!brush.from) return;
      const to = pixelAt(e);
      if (brush.tool === "box") boxed(brush.from, to); else { dab(brush.from, to); brush.from = to; }
      changed();
    });
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, () => { brush.from = null; });
    return brush;
  };

  // Whoever scrolls with a finger on a slider scrolls: the value counts once the finger has moved sideways, or was a tap.
  gan.guardTouch = () => {
    let held = null;
    const isRange = target => target instanceof HTMLInputElement && target.type === "range";
    const restore = () => { if (held) held.range.value = held.value; };
    document.addEventListener("touchstart", e => {
      if (!isRange(e.target) || e.touches.length !== 1) return;
      held = {range: e.target, value: e.target.value, x: e.touches[0].clientX, y: e.touches[0].clientY, verdict: null};
    }, {capture: true, passive: true});
    document.addEventListener("touchmove", e => {
      if (!held || held.verdict) return;
      const dx = Math.abs(e.touches[0].clientX - held.x), dy = Math.abs(e.touches[0].clientY - held.y);
      if (Math.max(dx, dy) < 6) return;
      held.verdict = dx > dy ? "slide" : "scroll";
      if (held.verdict === "scroll") { const kept = held; restore(); held = kept; }
    }, {capture: true, passive: true});
    document.addEventListener("touchend", () => { const last = held; setTimeout(() => { if (held === last) held = null; }, 0); }, {capture: true, passive: true});
    document.addEventListener("touchcancel", () => { if (held && held.verdict !== "slide") { held.verdict = "scroll"; restore(); } held = null; }, {capture: true, passive: true});
    for (const name of ["input", "change"]) document.addEventListener(name, e => {
      if (!held || e.target !== held.range || held.verdict === "slide" || !e.isTrusted) return;
      const ended = held.verdict === null && name === "change";            // a tap: no movement at all
      if (ended) return;
      e.stopImmediatePropagation();
      held.range.value = held.verdict === "scroll" ? held.value : held.range.value;
    }, {capture: true});
  };

  // The line under a picture that names its network, and the list of all networks behind it; `take` gets the recipe of a new
  // one, `wanted` says which may be chosen.
  gan.models = (part, id, {current, take, wanted = () => true}) => {
    const E = gan.element, press = (text, onclick, more = {}) => E("button", {type: "button", class: "plain", onclick, ...more}, text);
    const name = E("b"), licence = E("span"), precision = E("span"), doing = E("span", {class: "doing", role: "status"});
    const said = E("p", {class: "said", role: "alert", hidden: true}), list = E("div", {class: "networks-list"});
    const dialog = E("dialog", {class: "networks", id: `${id}-networks`, "aria-label": "Networks"},
      E("div", {class: "networks-head"}, E("h3", {}, "Networks"), press("Close", () => dialog.close())), said, list);
    let rows = [], running = null;
    const opener = press("Other networks", () => { dialog.showModal(); part.trigger("ask", {}); }, {id: `${id}-other-networks`, "aria-haspopup": "dialog"});
    part.element.classList.add("drawn-by");
    part.element.replaceChildren(E("p", {class: "caption"}, "Drawn by ", name, ", ", licence, ". ", precision, " ", doing), opener, dialog);

    const choose = row => {
      said.hidden = true; running = {name: row.name, says: row.here ? "Opening it \u2026" : "Asking the Hub \u2026"}; draw();
      part.trigger("choose", {name: row.name});
    };
    const busy = row => E("span", {class: "doing"}, running.share === null || running.share === undefined ? null
      : E("progress", {max: 1, value: running.share, "aria-label": `${row.title}: fetched`}), " ", running.says, " ",
      row.here ? null : press("Stop", () => part.trigger("stop", {name: row.name})));
    function draw() {
      doing.textContent = running ? `${(rows.find(row => row.name === running.name) || {}).title || "Network"}: ${running.says}` : "";
      const groups = [...new Set(rows.map(row => row.group))];
      list.replaceChildren(...groups.map(group => E("section", {}, E("h4", {}, group), ...rows.filter(row => row.group === group).map(row =>
        E("div", {class: "network", "data-name": row.name},
          E("div", {}, E("b", {}, row.title), E("p", {class: "caption"}, row.link ? E("a", {href: row.link, target: "_blank", rel: "noopener"}, row.licence) : row.licence,
            [" ", row.size, row.here ? "on this machine" : ""].filter(Boolean).join(" \u00b7 "))),
          running && running.name === row.name ? busy(row) : row.name === current() ? E("span", {class: "caption"}, "on the page") : opening(row))))));
    }
    // a button that cannot be pressed says why, to who points at it and to who does not
    function opening(row) {
      const why = row.refusal ? row.refusal[0].toUpperCase() + row.refusal.slice(1) : running ? "Wait until the other network is there" : "";
      return E("div", {class: "opening"}, press(row.here ? "Open" : `Fetch ${row.size} and open`, () => choose(row), {disabled: !!why, title: why || null}),
        why ? E("p", {class: "caption"}, why) : null);
    }
    part.watch("value", () => {
      const news = part.props.value || {};
      if (news.models) rows = news.models.filter(wanted);
      if (news.name) running = news.recipe || news.error !== undefined ? null : news;
      if (news.error) { said.textContent = news.error; said.hidden = false; }
      if (news.recipe) { dialog.close(); take(news.recipe); }
      draw();
    });
    return facts => {
      name.textContent = facts.title;
      const bare = facts.licence === "not stated" ? "licence not stated" : facts.licence;
      licence.replaceChildren(facts.link ? E("a", {href: facts.link, target: "_blank", rel: "noopener"}, bare) : bare);
      precision.textContent = facts.precision || "";
    };
  };

  // Opens another tab; `then` gets what its script offers, once it is there.
  gan.visit = (tab, title, then) => {
    const door = [...document.querySelectorAll("[role=tab]")].find(one => one.textContent.trim() === title);
    if (door) door.click();
    scrollTo(0, 0);
    (function wait(left) { if (gan[tab]) then(gan[tab]); else if (left) setTimeout(() => wait(left - 1), 100); })(100);
  };

  // "Take this picture to: Paint / Restore": `doors` by title. The picture goes as the network draws it; its knobs stay.
  gan.takeTo = (id, doors) => {
    const lead = gan.element("span");
    const press = ([title, onclick]) => gan.element("button", {type: "button", class: "plain", id: `${id}-to-${title.toLowerCase()}`, onclick}, title);
    return {element: gan.element("div", {class: "take-to", role: "group", "aria-label": "Take this picture to another tab"}, lead, ...Object.entries(doors).map(press)),
      moved: on => { lead.textContent = on ? "Take this picture, as it was before its knobs, to:" : "Take this picture to:"; }};
  };

  // Moves a knob once from end to end and back to where it stood, as soon as it is in sight; whoever touches it, or wants no
  // movement, stops it. `draw(share of its way, 0 to 1)` shows it, `done` restores.
  gan.playOnce = (element, {from, ready, draw, done}) => {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const path = [[0, from], [0.25, 0.1], [0.75, 0.9], [1, from]], LENGTH = 3200;
    let over = false, began = 0;
    const stop = () => { if (over) return; over = true; watcher.disconnect(); if (began) done(); };
    for (const name of ["pointerdown", "keydown", "touchstart", "wheel"]) document.addEventListener(name, stop, {once: true, passive: true, capture: true});
    const frame = time => {
      if (over) return;
      if (!ready()) return stop();
      began = began || time;
      const at = Math.min((time - began) / LENGTH, 1), i = Math.max(1, path.findIndex(point => point[0] >= at));
      const [[t0, y0], [t1, y1]] = [path[i - 1], path[i]], share = (at - t0) / (t1 - t0);
      draw(y0 + (y1 - y0) * (1 - Math.cos(Math.PI * share)) / 2);
      if (at < 1) requestAnimationFrame(frame); else stop();
    };
    const begin = tries => { if (ready()) requestAnimationFrame(frame); else if (tries && !over) setTimeout(() => begin(tries - 1), 300); };
    const watcher = new IntersectionObserver(seen => {
      if (seen[0].isIntersecting) { watcher.disconnect(); setTimeout(() => begin(20), 700); }
    }, {threshold: 0.6});
    watcher.observe(element);
  };

  // The address of what a tab shows: its box with "Copy link", and the browser's own, so that a reload brings it back. An untouched
  // page keeps its short address.
  gan.addresses = (() => {
    const KEPT = ["expert", "__theme"], first = new URLSearchParams(location.search), tabs = {};
    let chosen = "", due = 0;                         // the tab that was clicked; until then it is the one that the address names
    const nameOf = title => Object.keys(tabs).find(name => tabs[name].title === title);
    const full = query => { const url = new URL(location.href.split("?")[0]); url.search = query || ""; url.hash = ""; return url.toString(); };
    function write() {
      const named = chosen || first.get("tab"), name = named in tabs ? named : Object.keys(tabs)[0], one = tabs[name];
      if (!one || !one.query && !chosen) return;      // nothing is known of it yet
      const untouched = one.query === one.home, start = name === Object.keys(tabs)[0] ? "" : `tab=${name}`, current = new URLSearchParams(location.search);
      const parts = [untouched ? start : one.query, ...KEPT.filter(key => current.has(key)).map(key => `${key}=${encodeURIComponent(current.get(key))}`)];
      const search = parts.filter(Boolean).join("&");
      try { history.replaceState(history.state, "", location.pathname + (search && `?${search}`)); } catch { /* too often: the next one comes */ }
    }
    const soon = () => { clearTimeout(due); due = setTimeout(write, 500); };
    document.addEventListener("click", e => {
      const door = e.target.closest && e.target.closest("[role=tab]"), name = door && nameOf(door.textContent.trim());
      if (name) { chosen = name; soon(); }
    });
    return {
      full,
      tab: (name, title) => { tabs[name] = {title, home: "", query: ""}; },
      // a tab says what it shows: the first time, unless by a link, it is what every visitor sees
      shows: (name, query) => {
        const one = tabs[name];
        if (!query || one.query === query) return;
        const linked = first.has("model") && (first.get("tab") || Object.keys(tabs)[0]) === name;
        if (!one.query && !linked) one.home = query;
        one.query = query; soon();
      },
    };
  })();

  // The box with the link to what is on screen; `write` after every change.
  gan.link = (part, tab, {says = "Link to exactly this state", query, note = () => ""}) => {
    const E = gan.element, copied = E("span", {role: "status", class: "caption"}), more = E("p", {class: "caption"});
    const address = E("input", {type: "text", id: `${tab}-address`, readonly: true, "aria-label": says, onfocus: () => address.select()});
    const press = E("button", {type: "button", class: "plain", id: `${tab}-copy-link`, onclick: async () => {
      if (!await gan.copy(address.value)) { address.focus(); document.execCommand("copy"); }
      copied.textContent = "Copied.";
    }}, "Copy link");
    part.element.replaceChildren(E("div", {class: "taken"}, address, press, copied), more);
    const write = () => {
      const wanted = gan.addresses.full(query());
      if (address.value !== wanted) { address.value = wanted; copied.textContent = ""; }
      more.textContent = note() || "";
    };
    write();
    return write;
  };

  gan.copy = async text => {
    try { await navigator.clipboard.writeText(text); return true; } catch { return false; }
  };

  gan.guardTouch();
  // What scrolls must be reachable by keyboard; the code cells are not by themselves.
  new MutationObserver(() => document.querySelectorAll(".cm-scroller:not([tabindex='0'])").forEach(code => { code.tabIndex = 0; }))
    .observe(document, {childList: true, subtree: true});
  return gan;
})();
