// The state of a tab in the browser: the recipe on screen, its answer, what came before, and whether it is settled.
(() => {
  const {copyOf, same} = gan, MOST = 50;           // recipes to go back to
  const PIECES = 12;                                // parts of answers that are kept
  const LARGEST_SEED = 1e6;                         // of those that "Another" draws

  // `parts` are the tab's components by name; `parts.recipe` is the one that carries the recipe to the server.
  gan.store = (name, parts) => {
    const bus = parts.recipe, arrival = copyOf(bus.props.value || {}), listeners = [], past = [], seen = [];
    const now = {recipe: copyOf(arrival), good: copyOf(arrival), saved: copyOf(arrival), answer: null, setup: null,
      dragging: false, refused: false};
    const put = patch => { Object.assign(now.recipe, patch); store.remember(); store.send(); store.glimpse(); store.tell(); };
    const flat = () => (arrival.amounts || []).map(() => 0), still = () => arrival.amounts ? {amounts: flat()} : {};
    // another number or network in `patch` leaves a picture that an encoder found, and what was pasted into it
    const seeds = patch => "seed" in patch || patch.model && patch.model !== now.recipe.model
      ? {...(now.recipe.found ? {found: ""} : {}), ...(now.recipe.paste ? {paste: ""} : {})} : {};
    const randomSeed = () => Math.floor(Math.random() * LARGEST_SEED);
    const store = {
      linking: false, name, parts, bus, arrival, now, listeners, seen, forgets: [], after: {}, pieces: new Map(),

      // a stage or a tab may have others for these: what else changes where another knob is chosen; whether a refusal
      // was helped; what follows a link, and where what was refused is not wanted any more; pictures by plain HTTP while
      // a knob moves, the picture once it rests, a first look at another one, and the picture itself after a first look;
      // what a control is made of, and does
      chosen: () => ({}), remedy: () => false, busy: () => false, linked: () => {}, withdrawn: () => {},
      follow: () => false, rest: () => store.send(), glimpse: () => {}, sharpen: () => {}, refine: field => field,
      change: patch => store.set(patch),
      slide: (field, value) => { now.recipe[field] = value; store.send(); },

      tell: () => listeners.forEach(listener => listener()),
      send: () => { bus.props.value = copyOf(now.recipe); },
      remember: () => {
        if (same(now.saved, now.recipe)) return;
        past.push(now.saved);
        if (past.length > MOST) past.shift();
        now.saved = copyOf(now.recipe);
      },
      canUndo: () => past.length > 0,
      undo: () => {
        if (!past.length) return;
        now.recipe = past.pop(); now.saved = copyOf(now.recipe); store.send(); store.tell();
      },
      // a refused recipe leaves no step to undo
      unsaid: good => { if (past.length && same(past[past.length - 1], good)) past.pop(); },
      set: patch => {                               // another picture can be left by "Previous"
        const {seed, found = "", paste = ""} = now.recipe, other = {...seeds(patch), ...patch};
        const is = {seed, found, paste, ...other};
        if (is.seed !== seed || is.found !== found || is.paste !== paste) seen.push({seed, found, paste});
        put(other);
      },
      previous: () => { if (seen.length) put(seen.pop()); },
      // the knob number `knob` at `amount`; `rest`: the finger is off it. A film shows the way, its end is asked for
      turn: (knob, amount, {rest, filmed = false}) => {
        now.recipe.amounts[knob] = amount;
        now.dragging = !rest;
        if (rest) store.remember();
        if (rest) store.rest();
        else if (!filmed && !store.follow()) store.send();
        if (rest) store.sharpen();
        store.tell();
      },
      current: () => !!now.answer && same(now.answer.recipe, now.recipe),
      // nothing moves, the answer on screen is that of the recipe, and the picture is the picture itself
      settled: () => !store.linking && !now.dragging && store.current() && now.answer.exact !== false && !store.busy(),
      open: recipe => { now.recipe = copyOf(recipe); store.remember(); store.tell(); },
      // what was made of a recipe for which `gone(recipe)` holds goes, in every cell
      forget: gone => store.forgets.forEach(one => one(gone)),
      // a visitor's own picture is gone: `word` names the one that they have now, "" where they have none
      disowned: word => {
        const old = one => one.startsWith("own-") && !(word && one.startsWith(word));
        const gone = ({found = "", paste = ""}) => old(found) || old(paste), {found = "", paste = ""} = now.recipe;
        store.forget(gone);
        if (gone(now.recipe))
          store.take({...now.recipe, found: old(found) ? word : found, paste: old(paste) ? "" : paste});
        for (const list of [past, seen]) list.splice(0, list.length, ...list.filter(one => !gone(one)));
        store.tell();
      },
      // a file that was dropped on the page, and is this tab's to read
      bring: async file => bus.trigger("received", {text: await file.text()}),
      another: () => store.set({seed: randomSeed()}),
      backToStart: () => { if (arrival.model) store.set({...copyOf(arrival), ...still()}); },
      surprise: () => {
        const count = now.setup ? now.setup.knobs.length : flat().length, knob = Math.floor(Math.random() * count);
        const amount = (Math.random() < 0.5 ? -1 : 1) * (1.5 + Math.round(Math.random() * 10) / 10);
        store.set({seed: randomSeed(), knob, amounts: flat().map((_, i) => i === knob ? amount : 0)});
      },
      // another picture, as the network draws it; another network's begins with the tab's own defaults
      take: ({model, seed, psi, label, turn = 0, right = 0, down = 0, found = "", paste = ""}) => {
        const other = model !== now.recipe.model, layers = "layers" in arrival ? {layers: "all"} : {};
        const own = other ? {...copyOf(arrival), knob: 0, ...layers} : {};
        store.set({...own, model, seed, psi, label, turn, right, down, found, paste, ...still()});
        if (other) seen.length = 0;
      },
    };
    bus.watch("value", () => {                      // set by the server: a found knob
      if (bus.props.value && !same(bus.props.value, now.recipe)) store.open(bus.props.value);
    });
    return store;
  };

  // An answer came. Returns whether it is to be drawn: after a refusal the last good recipe stands again.
  // `covered`: something newer is on screen while a knob moves.
  gan.answered = (store, answer, covered = store.now.dragging) => {
    const {now, bus, parts, pieces} = store, outdated = answer.asked && !same(answer.asked, now.recipe);
    // it leaves out what the page has: that is put back, and what is new is kept for the next ones
    for (const [name, digest] of Object.entries(answer.digests || {}))
      if (name in answer) pieces.set(digest, answer[name]); else answer[name] = pieces.get(digest);
    while (pieces.size > PIECES) pieces.delete(pieces.keys().next().value);
    if (answer.digests && parts.held) parts.held.props.value = [...pieces.keys()];
    if (answer.late && outdated && !same(answer.recipe, now.recipe)) return false;   // a newer one may be there
    if (answer.error) {
      if (outdated) return false;                   // something else was wanted since: its answer comes
      Object.assign(now, {recipe: copyOf(now.good), saved: copyOf(now.good), refused: true});
      store.unsaid(now.good);
      store.send(); store.tell();
      return false;
    }
    if (answer.asked && !outdated && !same(answer.recipe, now.recipe)) {  // what was left open is written out
      if (same(now.saved, now.recipe)) now.saved = copyOf(answer.recipe);
      now.recipe = copyOf(answer.recipe);
    }
    const setup = answer.setup || now.setup;        // it comes where it changed
    Object.assign(now, {refused: false, setup, good: copyOf(answer.recipe), answer});
    return same(answer.recipe, now.recipe) || !covered;
  };

  // Whether a tab shows what its recipe says, for whoever waits for it.
  gan.settled = name => !!gan[name] && gan[name].settled();
})();
