// Teaching a word: pictures are tapped, their numbers go into the recipe; words that were taught stay in this browser.
(() => {
  const E = gan.element, KEY = "ganatomy-words", MOST = 40, NEXT = {no: "yes", yes: "skip", skip: "no"};
  const SAYS = {no: "does not show it", yes: "shows it", skip: "left out"}, MARK = {no: "", yes: "✓", skip: "?"};
  const KEYS = {y: "yes", n: "no", s: "skip"};

  function kept() {
    try {
      const found = JSON.parse(localStorage.getItem(KEY) || "[]");
      return Array.isArray(found) ? found.filter(one => one && Array.isArray(one.yes) && Array.isArray(one.no)) : [];
    } catch { return []; }
  }
  const keep = words => { try { localStorage.setItem(KEY, JSON.stringify(words.slice(-MOST))); } catch { /* none is kept */ } };
  // Words of a file, of this or of other networks; null where it is no file of words.
  const whole = numbers => Array.isArray(numbers) && numbers.length <= 240 && numbers.every(one => Number.isInteger(one) && one > 0);
  const isWord = one => one && ["word", "model", "weights"].every(key => typeof one[key] === "string") &&
    one.word.trim() && one.word.length <= 30 && whole(one.yes) && whole(one.no) && Number.isInteger(one.label) &&
    !one.yes.some(number => one.no.includes(number));
  const wordsIn = text => { try { const {words} = JSON.parse(text); return Array.isArray(words) && words.length && words.every(isWord) ? words : null; }
    catch { return null; } };
  const isOf = (one, {model, label, weights}) => one.model === model && one.label === label && one.weights === weights;

  gan.drawn.teach = (tab, result) => {
    const box = result.querySelector(".teach");
    if (!box || box.wired) return;
    box.wired = true;
    const {recipe} = tab.now, {fewest, knob, weights} = box.dataset, at = +knob;
    const of = {model: recipe.model, label: recipe.label, weights}, word = box.querySelector("[name=word]");
    const taps = [...box.querySelectorAll(".tap")], chips = box.querySelector("[data-kept]");
    const press = (name, act) => box.querySelectorAll(`[data-${name}]`).forEach(one => one.addEventListener("click", act));
    const still = () => tab.now.recipe.amounts.map((amount, i) => i === at ? 0 : amount);

    const given = result.given ??= new Map();       // a sheet that comes again keeps its answers
    const answer = (tap, says) => {
      Object.assign(tap.dataset, {says});
      given.set(tap.dataset.number, says);
      tap.setAttribute("aria-pressed", says === "yes" ? "true" : says === "skip" ? "mixed" : "false");
      tap.setAttribute("aria-label", `picture ${tap.dataset.number}: ${SAYS[says]}`);
      tap.querySelector("span").textContent = MARK[says];
    };
    for (const tap of taps) {
      answer(tap, given.get(tap.dataset.number) || "no");
      tap.addEventListener("click", () => answer(tap, NEXT[tap.dataset.says]));
    }
    box.querySelector(".taps").addEventListener("keydown", e => {
      const i = taps.indexOf(e.target), wide = taps.filter(one => one.offsetTop === taps[0].offsetTop).length;
      const step = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide}[e.key], says = KEYS[e.key.toLowerCase()];
      if (i < 0 || !step && !says || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      if (says) answer(taps[i], says);
      (taps[i + (step || 1)] || taps[i]).focus();
    });

    const said = says => taps.filter(one => one.dataset.says === says).map(one => +one.dataset.number);
    const learned = patch => {
      const {yes, no} = patch, others = kept().filter(one => !isOf(one, of) || one.word !== patch.word);
      if (patch.word && Math.min(yes.length, no.length) >= fewest) keep([...others, {...of, ...patch}]);
    };
    press("learn", () => {
      const sorted = (old, more) => [...new Set([...(old || []), ...more])].sort((a, b) => a - b);
      const {yes, no} = tab.now.recipe;
      const patch = {yes: sorted(yes, said("yes")), no: sorted(no, said("no")), word: word.value.trim()};
      learned(patch);
      given.clear();
      result.learns = true;
      tab.set(Math.min(patch.yes.length, patch.no.length) >= fewest ? {...patch, knob: at} : patch);
    });
    word.addEventListener("change", () => {
      const {yes, no} = tab.now.recipe, patch = {yes: yes || [], no: no || [], word: word.value.trim()};
      learned(patch); tab.set(patch);
    });
    press("turn", () => {
      tab.set({knob: at, amounts: still().map((amount, i) => i === at ? 2 : 0)});
      tab.parts.stage.element.scrollIntoView({block: "start"});
    });
    press("again", () => given.clear() || tab.set({yes: [], no: [], word: "", knob: Math.min(tab.now.recipe.knob, at - 1), amounts: still()}));
    for (const tab of ["steer", "restore", "paint"]) press(tab, () => gan.parts.attributes.steer.trigger("ask", {key: tab}));

    const names = () => chips.replaceChildren(...kept().filter(one => isOf(one, of) && one.word).map(one => E("span", {},
      gan.button(null, one.word, () => tab.set({yes: one.yes, no: one.no, word: one.word, knob: at})),
      gan.button(null, "×", () => { keep(kept().filter(other => !isOf(other, of) || other.word !== one.word)); names(); },
        "", {"aria-label": `Forget ${one.word}`, title: "Forget this word"}))));
    names();
    const tell = text => gan.say(box.querySelector("[role=alert]"), text);
    press("save", () => {
      const words = kept().filter(one => one.word);
      if (!words.length) { tell("No word was taught in this browser yet: answer for some pictures, and give the word a name."); return; }
      const href = URL.createObjectURL(new Blob([JSON.stringify({words}, null, 1)], {type: "application/json"}));
      E("a", {href, download: "ganatomy-words.json"}).click();
      setTimeout(() => URL.revokeObjectURL(href), 10000);
    });
    press("load", () => box.querySelector("[data-open]").click());
    box.querySelector("[data-open]").addEventListener("change", async e => {
      const [file] = e.target.files, words = file && file.size < 1e6 ? wordsIn(await file.text()) : null;
      e.target.value = "";
      if (!words) { tell("This file holds no words: choose one that “Save my words” has written."); return; }
      const here = words.filter(one => isOf(one, of)), old = kept().filter(one => !words.some(w => isOf(w, one) && w.word === one.word));
      keep([...old, ...words.map(({word, model, weights, label, yes, no}) => ({word, model, weights, label, yes, no}))]);
      names();
      const count = words.length === 1 ? "One word was" : `${words.length} words were`;
      tell(`${count} read; ${here.length ? `${here.length} of this network. Press one to use it.` : "none of this network. Choose theirs to use them."}` +
        (words.length > MOST ? ` Only the last ${MOST} are kept.` : ""));
    });
    if (result.learns) { result.learns = false; result.parentElement.scrollIntoView({block: "start"}); taps[0]?.focus({preventScroll: true}); }
  };

  document.addEventListener("gan:attributes", () => {
    const {steer} = gan.parts.attributes || {};
    if (!steer || steer.heard) return;
    steer.heard = true;
    steer.hear(({recipe, error, key}) => {
      if (recipe) gan.visit(key, other => other.useKnobs ? other.useKnobs(recipe) : other.set(recipe));
      if (error) gan.say(document.querySelector(".teach [role=alert]"), error);
    });
  });
})();
