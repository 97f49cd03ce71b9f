// What every tab is made of in the browser: elements, parts that arrive, networks, links, sliders under a finger.
window.gan = window.gan || (() => {
  const gan = {parts: {}, rooms: {}};           // by tab; rooms: what a tab's scripts have for each other

  // --- elements

  const none = value => value === null || value === undefined;
  const E = gan.element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (!none(value) && value !== false)
        made.setAttribute(name, value !== true ? value : name.startsWith("aria-") ? "true" : "");
    }
    made.append(...children.filter(child => !none(child)));
    return made;
  };


  gan.signed = amount => (amount > 0 ? "+" : amount < 0 ? "−" : "") + Math.abs(amount).toFixed(1);
  // whether two values are the same, in whatever order a record names theirs
  const ordered = (_, value) => value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)) : value;
  gan.same = (a, b) => JSON.stringify(a, ordered) === JSON.stringify(b, ordered);
  gan.copyOf = value => JSON.parse(JSON.stringify(value));

  gan.button = (id, text, onclick, kind = "") =>
    E("button", {id, type: "button", class: `plain ${kind}`, onclick}, text);
  // a word of the page: in plain language, then the field's term
  gan.word = ({plain, term}) => [plain + " ", E("small", {}, term)];
  // a control under its name, which is text or what `gan.word` returns
  gan.field = (name, control, {title = null, hint = null} = {}) =>
    E("div", {class: "field"}, E("label", {for: control.id, title}, ...name), control, hint);
  // a switch with its name; `take` gets whether it is on
  gan.toggle = (id, text, take, checked = false) => E("label", {class: "switch"},
    E("input", {type: "checkbox", role: "switch", id, checked, onchange: e => take(e.target.checked)}),
    E("span", {}, text));
  // what is no button by itself, but acts like one
  gan.onPress = (element, act) => {
    element.addEventListener("click", act);
    element.addEventListener("keydown", e => {
      if (e.key === "Enter" || e.key === " ") { e.preventDefault(); act(); }
    });
  };
  // a typed whole number; anything else as it was typed, for the server to refuse in a sentence
  gan.whole = (text, digits, {signed = false} = {}) =>
    new RegExp(`^${signed ? "-?" : ""}\\d{1,${digits}}$`).test(text.trim()) ? +text : text;
  // who types is not disturbed, unless what was typed is `refused`
  gan.refill = (input, value, refused = false) => {
    if (document.activeElement !== input || refused) input.value = value;
  };

  // --- parts and tabs

  // A component of the page says that it is there.
  gan.mount = (tab, part, element, props, trigger, watch) => {
    const parts = gan.parts[tab] = gan.parts[tab] || {};
    parts[part] = {element, props, trigger, watch};
    if (part === "brought") watch("value", () => bring(props.value || {}));
    document.dispatchEvent(new CustomEvent(`gan:${tab}`, {detail: part}));
  };

  // A tab begins once all the parts that it needs are there, in any order, and again where they are made anew.
  gan.tab = (name, title, needed, start) => {
    let started = null;
    gan.addresses.tab(name, title);
    document.addEventListener(`gan:${name}`, () => {
      const parts = gan.parts[name] || {};
      if (!needed.every(part => parts[part])) return;
      if (started !== parts.stage.element) { started = parts.stage.element; start({...parts}); }
    });
  };

  // Parts in folds may come later: each is built once, by its name. Returns what builds those that are there already.
  gan.late = (tab, builders) => {
    const grown = new Set();
    const grow = () => Object.entries(builders).forEach(([name, build]) => {
      const part = gan.parts[tab][name];
      if (part && !grown.has(part.element)) { grown.add(part.element); build(part); }
    });
    document.addEventListener(`gan:${tab}`, grow);
    return grow;
  };

  // Opens another tab; `then` gets what its script offers, once it is there.
  gan.visit = (tab, title, then) => {
    const door = [...document.querySelectorAll("[role=tab]")].find(one => one.textContent.trim() === title);
    if (door) door.click();
    scrollTo(0, 0);
    (function wait(left) {
      if (gan[tab]) then(gan[tab]); else if (left) setTimeout(() => wait(left - 1), 100);
    })(100);
  };

  // A recipe that was brought back, of a PNG or a link: its own tab opens on it.
  function bring({recipe}) {
    if (!recipe) return;
    const {name, title} = gan.addresses.called(recipe.tab);
    gan.visit(name, title, tab => tab.set(recipe));
  }

  // "Take this picture to: Paint / Restore": `doors` by title. It goes as the network draws it; its knobs stay.
  gan.takeTo = (id, doors) => {
    const lead = E("span");
    const press = ([title, onclick]) => gan.button(`${id}-to-${title.toLowerCase()}`, title, onclick);
    const element = E("div", {class: "take-to", role: "group", "aria-label": "Take this picture to another tab"},
      lead, ...Object.entries(doors).map(press));
    const moved = on => {
      lead.textContent = on ? "Take this picture, as it was before its knobs, to:" : "Take this picture to:";
    };
    return {element, moved};
  };

  // --- what a stage begins with

  // Where a link is on its way, the arrival picture would be another one than was asked for: it waits, at most so many
  // milliseconds. Returns what ends the waiting, or begins it.
  gan.waiting = (name, part, arrival, most) => {
    const waiting = on => part.element.classList.toggle("waiting", on);
    if (gan.addresses.asks(name, Object.keys(arrival), part.props.value.query)) {
      waiting(true);
      setTimeout(() => waiting(false), most);
    }
    return waiting;
  };

  // What a knob is called: by its number and what it was measured to do.
  gan.called = (knob, facts) => facts && facts.title ? `${knob + 1} · ${facts.title}` : `Knob ${knob + 1}`;

  // The knob number `i` of a list, which can be put under the picture.
  gan.knobOf = (name, i, reach, {turn, choose}) => {
    const knob = gan.knob({id: `${name}-knob-${i + 1}`, reach,
      input: amount => turn(i, amount, {rest: false}), commit: amount => turn(i, amount, {rest: true})});
    knob.title.addEventListener("click", () => choose(i));
    knob.title.title = "Put this knob under the picture";
    return knob;
  };

  // --- sliders under a finger

  // Who scrolls with a finger on a slider scrolls: the value counts once the finger has moved sideways, or was a tap.
  gan.guardTouch = () => {
    const SILENT = {capture: true, passive: true};
    let held = null;
    const restore = () => { held.range.value = held.value; };
    document.addEventListener("touchstart", e => {
      if (!(e.target instanceof HTMLInputElement) || e.target.type !== "range" || e.touches.length !== 1) return;
      const {clientX: x, clientY: y} = e.touches[0];
      held = {range: e.target, value: e.target.value, x, y, verdict: null};
    }, SILENT);
    document.addEventListener("touchmove", e => {
      if (!held || held.verdict) return;
      const dx = Math.abs(e.touches[0].clientX - held.x), dy = Math.abs(e.touches[0].clientY - held.y);
      if (Math.max(dx, dy) < 6) return;
      held.verdict = dx > dy ? "slide" : "scroll";
      if (held.verdict === "scroll") restore();
    }, SILENT);
    document.addEventListener("touchend", () => {
      const last = held;
      setTimeout(() => { if (held === last) held = null; }, 0);
    }, SILENT);
    document.addEventListener("touchcancel", () => {
      if (held && held.verdict !== "slide") { held.verdict = "scroll"; restore(); }
      held = null;
    }, SILENT);
    for (const name of ["input", "change"]) document.addEventListener(name, e => {
      if (!held || e.target !== held.range || held.verdict === "slide" || !e.isTrusted) return;
      if (held.verdict === null && name === "change") return;           // a tap: no movement at all
      e.stopImmediatePropagation();
      if (held.verdict === "scroll") restore();
    }, {capture: true});
  };

  // --- networks

  // The line under a picture that names its network, and the list of all networks behind it; `take` gets the recipe of
  // a new one, `wanted` says which may be chosen.
  gan.models = (part, id, {current, take, wanted = () => true}) => {
    const line = {name: E("b"), licence: E("span"), precision: E("span"),
      doing: E("span", {class: "doing", role: "status"})};
    const said = E("p", {class: "said", role: "alert", hidden: true}), list = E("div", {class: "networks-list"});
    const dialog = E("dialog", {class: "networks", id: `${id}-networks`, "aria-label": "Networks"},
      E("div", {class: "networks-head"}, E("h3", {}, "Networks"), plain("Close", () => dialog.close())), said, list);
    const opener = plain("Other networks", () => { dialog.showModal(); part.trigger("ask", {}); },
      {id: `${id}-other-networks`, "aria-haspopup": "dialog"});
    part.element.classList.add("drawn-by");
    part.element.replaceChildren(E("p", {class: "caption"},
      "Drawn by ", line.name, ", ", line.licence, ". ", line.precision, " ", line.doing), opener, dialog);

    let rows = [], running = null;
    const choose = row => {
      said.hidden = true;
      running = {name: row.name, says: row.here ? "Opening it …" : "Asking the Hub …"};
      draw();
      part.trigger("choose", {name: row.name});
    };
    const stop = row => part.trigger("stop", {name: row.name});
    function draw() {
      const coming = running && rows.find(row => row.name === running.name);
      line.doing.textContent = running ? `${(coming || {}).title || "Network"}: ${running.says}` : "";
      const beside = row => running && running.name === row.name ? runningOf(row, running, () => stop(row))
        : row.name === current() ? E("span", {class: "caption"}, "on the page")
        : openingOf(row, running, () => choose(row));
      const section = group => E("section", {}, E("h4", {}, group),
        ...rows.filter(row => row.group === group).map(row => networkOf(row, beside(row))));
      list.replaceChildren(...[...new Set(rows.map(row => row.group))].map(section));
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
      const bare = facts.licence === "not stated" ? "licence not stated" : facts.licence;
      line.name.textContent = facts.title;
      line.licence.replaceChildren(linked(facts.link, bare));
      line.precision.textContent = facts.precision || "";
    };
  };
  const linked = (href, text) => href ? E("a", {href, target: "_blank", rel: "noopener"}, text) : text;
  const plain = (text, onclick, more = {}) => E("button", {type: "button", class: "plain", onclick, ...more}, text);

  // one network of the list: what it is, and what can be done with it
  function networkOf(row, beside) {
    const size = [" ", row.size, row.here ? "on this machine" : ""].filter(Boolean).join(" · ");
    return E("div", {class: "network", "data-name": row.name},
      E("div", {}, E("b", {}, row.title), E("p", {class: "caption"}, linked(row.link, row.licence), size)), beside);
  }
  function runningOf(row, {share, says}, stop) {
    const bar = none(share) ? null : E("progress", {max: 1, value: share, "aria-label": `${row.title}: fetched`});
    return E("span", {class: "doing"}, bar, " ", says, " ", row.here ? null : plain("Stop", stop));
  }
  // a button that cannot be pressed says why, to who points at it and to who does not
  function openingOf(row, running, choose) {
    const why = row.refusal ? row.refusal[0].toUpperCase() + row.refusal.slice(1)
      : running ? "Wait until the other network is there" : "";
    const text = row.here ? "Open" : `Fetch ${row.size} and open`;
    return E("div", {class: "opening"}, plain(text, choose, {disabled: !!why, title: why || null}),
      why ? E("p", {class: "caption"}, why) : null);
  }

  // --- addresses

  // The browser's address is that of what the tab shows, so that a reload brings it back. An untouched page keeps its
  // short one.
  gan.addresses = (() => {
    const KEPT = ["expert", "__theme"], first = new URLSearchParams(location.search), tabs = {};
    let chosen = "", due = 0;                         // the tab that was clicked; until then the address names it
    const nameOf = title => Object.keys(tabs).find(name => tabs[name].title === title);
    const full = query => {
      const url = new URL(location.href.split("?")[0]);
      url.search = query || ""; url.hash = "";
      return url.toString();
    };
    function write() {
      const home = Object.keys(tabs)[0], named = chosen || first.get("tab"), name = named in tabs ? named : home;
      const one = tabs[name], current = new URLSearchParams(location.search);
      if (!one || !one.query && !chosen) return;      // nothing is known of it yet
      const query = one.query !== one.home ? one.query : name === home ? "" : `tab=${name}`;
      const kept = KEPT.filter(key => current.has(key)).map(key => `${key}=${encodeURIComponent(current.get(key))}`);
      const search = [query, ...kept].filter(Boolean).join("&"), address = location.pathname + (search && `?${search}`);
      try { history.replaceState(history.state, "", address); } catch { /* too often: the next one comes */ }
    }
    const soon = () => { clearTimeout(due); due = setTimeout(write, 500); };
    document.addEventListener("click", e => {
      const door = e.target.closest && e.target.closest("[role=tab]"), name = door && nameOf(door.textContent.trim());
      if (name) { chosen = name; soon(); }
    });
    return {
      full,
      // whether a link asks this tab for a recipe with any of these fields that is not `query`
      asks: (name, fields, query) => {
        const asked = new URLSearchParams(location.search), given = [...asked.keys()].filter(key => key !== "tab");
        return (asked.get("tab") ?? Object.keys(tabs)[0]) === name
          && given.some(key => key === "v" || fields.includes(key))
          && asked.toString() !== new URLSearchParams(query).toString();
      },
      // the name and title of a tab as a recipe names it, which the first one leaves out
      called: name => { const own = name || Object.keys(tabs)[0]; return {name: own, title: tabs[own].title}; },
      tab: (name, title) => { tabs[name] = {title, home: "", query: ""}; },
      // a tab says what it shows: the first time, unless by a link, it is what every visitor sees
      shows: (name, query) => {
        const one = tabs[name];
        if (!query || one.query === query) return;
        const byLink = first.has("model") && (first.get("tab") || Object.keys(tabs)[0]) === name;
        if (!one.query && !byLink) one.home = query;
        one.query = query; soon();
      },
    };
  })();

  // The box with the link to what is on screen; `write` after every change.
  gan.link = (part, tab, {says = "Link to exactly this state", query, note = () => ""}) => {
    const copied = E("span", {role: "status", class: "caption"}), more = E("p", {class: "caption"});
    const address = E("input", {type: "text", id: `${tab}-address`, readonly: true, "aria-label": says,
      onfocus: () => address.select()});
    const press = gan.button(`${tab}-copy-link`, "Copy link", async () => {
      if (!await gan.copy(address.value)) { address.focus(); document.execCommand("copy"); }
      copied.textContent = "Copied.";
    });
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
  new MutationObserver(() => {
    for (const code of document.querySelectorAll(".cm-scroller:not([tabindex='0'])")) code.tabIndex = 0;
  }).observe(document, {childList: true, subtree: true});
  return gan;
})();
