// What every tab is made of in the browser: elements, parts that arrive, networks, links, sliders under a finger.
window.gan = window.gan || (() => {
  const gan = {parts: {}};                      // by tab

  // --- elements

  const E = gan.element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value != null && value !== false)
        made.setAttribute(name, value !== true ? value : name.startsWith("aria-") ? "true" : "");
    }
    made.append(...children.filter(child => child != null));
    return made;
  };

  gan.signed = amount => (amount >= .05 ? "+" : amount <= -.05 ? "−" : "") + Math.abs(amount).toFixed(1);
  // whether two values are the same, in whatever order a record names theirs
  const ordered = (_, value) => value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)) : value;
  gan.same = (a, b) => JSON.stringify(a, ordered) === JSON.stringify(b, ordered);
  gan.copyOf = value => JSON.parse(JSON.stringify(value));

  gan.button = (id, text, onclick, kind = "", more = {}) =>
    E("button", {id, type: "button", class: `plain ${kind}`, onclick, ...more}, text);
  // a line that is there where it has something to say
  gan.say = (line, text) => Object.assign(line, {textContent: text || "", hidden: !text});
  // a word of the page: in plain language, then the field's term
  // what a tab does not show, of a network that a reader knows or of another
  gan.limits = (name, {known}) => {
    for (const one of document.querySelectorAll(`#${name}-limits [data-known]`))
      one.hidden = (one.dataset.known === "yes") !== known;
  };
  // what a knob is called: by its number and what it was measured to do
  gan.knobName = (i, {title}) => title ? `${i + 1} · ${title}` : `Knob ${i + 1}`;
  gan.word = ({plain, term}) => [plain + " ", E("small", {}, term)];
  // a switch with its name; `take` gets whether it is on
  gan.toggle = (id, text, take) => E("label", {class: "switch"},
    E("input", {type: "checkbox", role: "switch", id, onchange: e => take(e.target.checked)}), E("span", {}, text));
  // what is no button by itself but acts like one: `element`, or what there is of `selector` in it, which `act` gets
  gan.onPress = (element, act, selector = "*") => {
    const press = e => {
      const one = e.target.closest(selector);
      if (!one || e.type === "keydown" && e.key !== "Enter" && e.key !== " ") return;
      e.preventDefault(); act(one);
    };
    for (const name of ["click", "keydown"]) element.addEventListener(name, press);
  };

  // --- parts and tabs

  // A component of the page says that it is there.
  gan.mount = (tab, part, element, props, trigger, watch) => {
    const hear = act => watch("value", () => act(props.value || {}));
    (gan.parts[tab] ??= {})[part] = {element, props, trigger, watch, hear};
    // the recipe of a PNG or a link: its own tab opens on it
    if (part === "brought") hear(({recipe}) => { if (recipe) gan.visit(recipe.tab, own => own.set(recipe)); });
    document.dispatchEvent(new Event(`gan:${tab}`));
  };

  const DOORS = "[role=tab], .overflow-dropdown button";       // where the page is narrow some are in a menu
  const doorOf = title => [...document.querySelectorAll(DOORS)].find(one => one.textContent.trim() === title);
  // left: frames in which what it finds may appear
  const once = (find, act, left = 600) => find() ? act(find())
    : left && requestAnimationFrame(() => once(find, act, left - 1));
  const enter = title => once(() => doorOf(title), door => door.click());
  // once it is on the page, in the tab that is open; `how`: only where it is in sight
  gan.whenShown = (element, act, how = {rootMargin: "100000px"}) => new IntersectionObserver((seen, watcher) => {
    if (seen[0].isIntersecting) { watcher.disconnect(); act(); }
  }, how).observe(element);

  // Opens another tab, named as recipes name it; `then` gets what its script offers, once it is there.
  gan.visit = (tab, then) => {
    const {name, title} = gan.addresses.called(tab);
    enter(title); scrollTo(0, 0);
    (function wait(left) {
      if (gan[name]) then(gan[name]); else if (left) setTimeout(() => wait(left - 1), 100);
    })(100);
  };

  // --- sliders under a finger

  // Who scrolls with a finger on a slider scrolls: the value counts once the finger has moved sideways, or was a tap.
  function guardTouch() {
    const listen = (name, act) => document.addEventListener(name, act, {capture: true, passive: true});
    let held = null;
    const scroll = () => { held.verdict = "scroll"; held.range.value = held.value; };
    listen("touchstart", ({target: range, touches}) => {
      const [{clientX: x, clientY: y}] = touches;
      if (range.type === "range" && touches.length === 1) held = {range, value: range.value, x, y, verdict: ""};
    });
    listen("touchmove", ({touches: [{clientX, clientY}]}) => {
      if (!held || held.verdict) return;
      const dx = Math.abs(clientX - held.x), dy = Math.abs(clientY - held.y);
      if (Math.max(dx, dy) < 6) return;
      if (dx > dy) held.verdict = "slide"; else scroll();
    });
    listen("touchend", () => setTimeout(last => { if (held === last) held = null; }, 0, held));
    listen("touchcancel", () => {
      if (held && held.verdict !== "slide") scroll();
      held = null;
    });
    for (const name of ["input", "change"]) listen(name, e => {
      if (!held || e.target !== held.range || held.verdict === "slide" || !e.isTrusted) return;
      if (!held.verdict && name === "change") return;                   // a tap: no movement at all
      e.stopImmediatePropagation();
      if (held.verdict) scroll();
    });
  }

  // --- networks

  // The line under a picture that names its network, and the list of all networks behind it; `take` gets the recipe of
  // a new one, `wanted` says which may be chosen.
  const ANYTHING = "A network of yours, a picture, a file of directions, edits, or what was saved on this page: choose it,"
    + " or drop it anywhere on the page.";
  const UNFIT = "This tab has no use for it: open another tab, and it is under Other networks there.";
  gan.models = (store, {take, wanted = () => true}) => {
    const {parts: {models: part, stage, linked: link}, name: id, now, listeners} = store, {button} = gan, title = E("b"), licence = E("span"), precision = E("span");
    const doing = E("span", {class: "doing", role: "status"}), list = E("div", {class: "networks-list"});
    const said = E("p", {class: "said", role: "alert", hidden: true});
    const dialog = E("dialog", {class: "networks", id: `${id}-networks`, "aria-label": "Networks"},
      E("div", {class: "networks-head"}, E("h3", {}, "Networks"), button(null, "Close", () => dialog.close())),
      said, list);
    const opener = button(`${id}-other-networks`, "Other networks",
      () => { dialog.showModal(); part.trigger("ask", {}); }, "", {"aria-haspopup": "dialog"});
    let rows = [], running = null;                  // the one that is on its way, and how far it is
    const told = E("p", {class: "caption told", role: "status", hidden: true});     // what a file of one's own was
    const target = gan.drop(id, part.trigger, news => heard({file: true, ...news}));
    const file = () => button(null, "Open a file", () => { dialog.close(); target.choose(); }, "", {title: ANYTHING});
    part.element.classList.add("drawn-by");
    dialog.firstChild.after(E("div", {class: "networks-open"}, file(), E("p", {class: "caption"}, ANYTHING)));
    part.element.replaceChildren(E("p", {class: "caption"},
      "Drawn by ", title, ", ", licence, ". ", precision, " ", doing), told, opener, file(), target.element, dialog);
    const linked = (href, text) => href ? E("a", {href, target: "_blank", rel: "noopener"}, text) : text;
    const choose = ({name, here}) => {
      gan.say(said, "");
      running = {name, says: here ? "Opening it …" : "Asking for it …"};
      draw(); part.trigger("choose", {name});
    };
    // what can be done with one; a button that cannot be pressed says why, to who points at it and to who does not
    const beside = row => {
      const {name, here, size, refusal} = row;
      if (running && running.name === name) return E("span", {class: "doing"}, running.share == null ? null
        : E("progress", {max: 1, value: running.share, "aria-label": `${row.title}: fetched`}), " ", running.says, " ",
        here ? null : button(null, "Stop", () => part.trigger("stop", {name})));
      if (name === now.recipe.model) return E("span", {class: "caption"}, "on the page");
      const why = refusal ? refusal[0].toUpperCase() + refusal.slice(1)
        : running ? "Wait until the other network is there" : null;
      const press = here ? "Open" : `Let the server fetch ${size} and open it`;
      return E("div", {class: "opening"}, button(null, press, () => choose(row), "", {disabled: !!why, title: why}),
        why && E("p", {class: "caption"}, why));
    };
    const network = row => E("div", {class: "network", "data-name": row.name},
      E("div", {}, E("b", {}, row.title), row.sheet ? E("img", {src: row.sheet, class: "small-sheet",
        alt: `pictures that ${row.title} draws`}) : null, E("p", {class: "caption"}, linked(row.link, row.licence),
        ` · ${row.size}${row.here ? " · on the server" : ""}${row.learned ? ` · It learned from ${row.learned}.` : ""}`)),
        beside(row));
    const search = E("input", {type: "search", placeholder: "Search: cats, 256 px, StyleGAN2 …", class: "search",
      "aria-label": "Search the networks", oninput: () => draw()});
    list.before(search);
    const found = ({title, name, group, licence}) => search.value.toLowerCase().split(/\s+/)
      .every(word => `${title} ${name} ${group} ${licence}`.toLowerCase().includes(word));
    function draw() {
      const coming = running && rows.find(row => row.name === running.name);
      doing.textContent = running && !running.file ? `${coming ? coming.title : "Network"}: ${running.says}` : "";
      if (running && running.file) {
        told.hidden = false;
        told.replaceChildren(`Your file: ${running.says} `, button(null, "Stop", () => part.trigger("stop", {name: ""})));
      }
      const here = rows.filter(found), of = group => here.filter(row => row.group === group);
      const groups = [...new Set(here.map(row => row.group))], none = E("p", {class: "caption"}, "No network is called so.");
      list.replaceChildren(...(here.length || !rows.length ? [] : [none]), ...groups.map(one => E("section", {}, E("h4", {}, one), ...of(one).map(network))));
    }
    function heard({models, name, recipe, whole, error, file, ...news}) {
      if (models) rows = models.filter(wanted);
      if (file && news.token && news.token !== target.token()) return draw();       // of the file before
      if (file && !(running && running.file)) told.scrollIntoView({block: "nearest"});
      const ends = recipe || error !== undefined || news.open || news.kind || news.ways;
      if (name || file) running = ends ? null : {name, file, ...news};
      if (file) gan.say(told, error || (ends && !news.open && !news.kind && !news.ways ? news.says : ""));
      if (error && !file) gan.say(said, error);
      if (recipe && !rows.some(row => row.name === recipe.model)) gan.say(told, `${news.says} ${UNFIT}`);
      else if (recipe) {
        dialog.close();
        (whole ? store.set : take)(recipe);         // whole: the tab's own, as recorded for this network
        if (whole && stage.element.getBoundingClientRect().top < 0) stage.element.scrollIntoView();
      }
      if (news.open || news.kind) target.opened(news);
      if (news.ways) target.choose_way(news);
      if (recipe && file) target.offer(told, news.several, recipe.model);
      draw();
    }
    part.hear(heard);
    // where no network is here that the tab can use: only that is said, and the list, until one was chosen
    const needs = document.getElementById(`${id}-needs`);
    if (needs) {
      listeners.push(() => {
        needs.classList.toggle("met", !!now.answer);
        opener.textContent = now.answer ? "Other networks" : "Choose a network";
      });
      [stage, link].forEach(one => one.hear(({error}) => { if (error) needs.querySelector("p").textContent = error; }));
    }
    return facts => {
      const bare = facts.licence === "not stated" ? "licence not stated" : facts.licence;
      title.textContent = facts.title; precision.textContent = facts.precision || "";
      licence.replaceChildren(linked(facts.link, bare));
    };
  };

  // --- addresses

  // The browser's address is that of what the tab shows, so that a reload brings it back. An untouched page keeps its
  // short one.
  gan.addresses = (() => {
    const KEPT = ["expert", "__theme"], first = new URLSearchParams(location.search), tabs = {};
    const home = () => Object.keys(tabs)[0];        // links need not name it
    const front = document.getElementById("start-front"), START = "start";        // the landing view, where there is one
    const opens = front ? front.dataset.opens : "";  // the tab that the address means, as the server has read it
    let chosen = "", due = 0;                       // the tab that was clicked; until then the address names it
    function write() {
      const name = [chosen, opens, first.get("tab")].find(one => one in tabs) || home(), one = tabs[name];
      if (!one || !one.query && !chosen) return;    // nothing is known of it yet
      const query = one.query !== one.home ? one.query : name === (front ? START : home()) ? "" : `tab=${name}`;
      const current = new URLSearchParams(location.search), kept = KEPT.filter(key => current.has(key))
        .map(key => `${key}=${encodeURIComponent(current.get(key))}`);
      const search = [query, ...kept].filter(Boolean).join("&"), address = location.pathname + (search && `?${search}`);
      try { history.replaceState(history.state, "", address); } catch { /* too often: the next one comes */ }
    }
    const soon = () => { clearTimeout(due); due = setTimeout(write, 500); };
    document.addEventListener("click", e => {
      const door = e.target.closest && e.target.closest(DOORS), title = door && door.textContent.trim();
      const name = Object.keys(tabs).find(one => tabs[one].title === title);
      if (name && (chosen || name !== (opens || first.get("tab")))) { chosen = name; soon(); }
    });
    // `?show=faces` opens a cell or a fold of the tab, and brings it into sight once the picture is there
    function reveal(left) {
      const name = first.get("tab") || home(), wanted = first.get("show");
      if (!wanted || !left) return;
      const place = ["cell", "fold"].map(kind => document.getElementById(`${name}-${kind}-${wanted}`)).find(Boolean);
      const door = place && place.querySelector(":scope > button"), shut = door && !door.classList.contains("open");
      if (shut) door.click();
      if (!place || shut || !gan.settled(name)) setTimeout(reveal, 500, left - 1); else place.scrollIntoView();
    }
    setTimeout(reveal, 500, 40);
    return {
      // the link that asks this tab for a recipe with any of these fields that is not `query`, or nothing
      asks: (name, fields, query = "") => {
        tabs[name].byLink = first.toString() !== new URLSearchParams(query).toString()
          && ([first.get("tab"), home()].find(one => one in tabs)) === name
          && fields.some(key => key !== "tab" && first.has(key));
        return tabs[name].byLink ? first.toString() : "";
      },
      unfold: (name, left = 15) => {                // `?expert=1` opens the folds, once they take a press
        const folds = more => [...document.querySelectorAll(`[id^=${name}-fold] > button${more}`)];
        if (first.get("expert") !== "1" || folds(".open").length === 5 || !left) return;
        folds(":not(.open)").forEach(one => one.click());
        setTimeout(() => gan.addresses.unfold(name, left - 1), 700);
      },
      // the name and title of a tab as a recipe names it, which the first one leaves out
      called: name => ({name: name || home(), ...tabs[name || home()]}),
      tab: (name, title) => {                       // the one that the address names opens, once it has a door
        tabs[name] = {title, home: "", query: ""};
        if (front ? opens === name && name !== START : first.get("tab") === name && name !== home()) enter(title);
      },
      // a tab says what it shows: the first time, unless by a link, it is what every visitor sees
      shows: (name, query) => {
        const one = tabs[name];
        if (!query || one.query === query) return;
        if (!one.query && !one.byLink) one.home = query;
        one.query = query;
        if (one.held) one.held = false; else soon();
      },
      holds: name => { tabs[name].held = true; },   // a refused link stays in the address until something is changed
    };
  })();

  // Where others open this page; "" where they cannot. An address that means this computer is of no use to them.
  gan.base = () => {
    const alone = /^(localhost|127[.\d]+|0\.0\.0\.0|\[::1?\])$/.test(location.hostname), {reach} = window.ganReach || {};
    return !alone ? location.href : reach ? new URL(location.pathname, reach).href : "";
  };

  // The address of what a tab shows: the phone's own sheet shares it where there is one, else it is copied.
  const addressOf = ({now}) =>
    Object.assign(new URL(gan.base() || location.href), {search: (now.answer || {}).query || "", hash: ""}).href;
  const copy = async text => {
    try { await navigator.clipboard.writeText(text); } catch { return false; }
    return true;
  };
  gan.share = store => gan.button(`${store.name}-share`, "Share", async ({target}) => {
    const url = addressOf(store);
    if (navigator.share) return navigator.share({title: document.title, url}).catch(() => {});
    target.textContent = await copy(url) ? "Link copied" : "Copy it from “Take it away”";
    setTimeout(() => { target.textContent = "Share"; }, 2500);
  });

  // The box with the link to what is on screen, and what it leaves out.
  gan.link = ({name, now, listeners}, part, says = "Link to exactly this state") => {
    const copied = E("span", {role: "status", class: "caption"}), more = E("p", {class: "caption"});
    const address = E("input", {type: "text", id: `${name}-address`, readonly: true, "aria-label": says,
      onfocus: () => address.select()});
    const press = gan.button(`${name}-copy-link`, "Copy link", async () => {
      if (!await copy(address.value)) { address.focus(); document.execCommand("copy"); }
      copied.textContent = "Copied.";
    });
    part.element.replaceChildren(E("div", {class: "taken"}, address, press, copied), more);
    const write = () => {
      const {note} = now.answer || {}, href = addressOf({now});
      if (address.value !== href) { address.value = href; copied.textContent = ""; }
      more.textContent = note || "";
    };
    listeners.push(write); write();
  };

  guardTouch();
  // What scrolls must be reachable by keyboard; the code cells are not by themselves. A toast leaves some time after its
  // last sentence: Gradio's own time runs from the first.
  const STAYS = 10_000;                           // milliseconds
  new MutationObserver(() => {
    for (const code of document.querySelectorAll(".cm-scroller:not([tabindex='0'])")) code.tabIndex = 0;
    for (const toast of document.querySelectorAll(".toast-body:is(.warning, .info)")) {
      const {textContent: said} = toast, close = () => toast.querySelector(".toast-close").click();
      if (toast.said !== said) { clearTimeout(toast.due); Object.assign(toast, {said, due: setTimeout(close, STAYS)}); }
    }
  }).observe(document, {childList: true, subtree: true});
  return gan;
})();
