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
      load: async (source, frames) => { count = 0; sheet.src = source; await sheet.decode(); count = frames; },
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

  // The line under a picture that names its network, and the list of all networks behind it; `take` gets the recipe of a new one.
  gan.models = (part, id, {current, take}) => {
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
            [" ", row.size, row.here ? "on this machine" : row.refusal].filter(Boolean).join(" \u00b7 "))),
          running && running.name === row.name ? busy(row) : row.name === current() ? E("span", {class: "caption"}, "on the page")
            : press(row.here ? "Open" : `Fetch ${row.size} and open`, () => choose(row), {disabled: !!running || !!row.refusal}))))));
    }
    part.watch("value", () => {
      const news = part.props.value || {};
      if (news.models) rows = news.models;
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

  gan.copy = async text => {
    try { await navigator.clipboard.writeText(text); return true; } catch { return false; }
  };

  gan.guardTouch();
  // What scrolls must be reachable by keyboard; the code cells are not by themselves.
  new MutationObserver(() => document.querySelectorAll(".cm-scroller:not([tabindex='0'])").forEach(code => { code.tabIndex = 0; }))
    .observe(document, {childList: true, subtree: true});
  return gan;
})();
