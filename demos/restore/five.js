// Restore's first question: which of five answers comes closest to the picture under the flap?
(() => {
  const E = gan.element, {button, copyOf} = gan, rooms = gan.rooms.restore;

  rooms.five = tab => {
    const {bus, now, parts, listeners, forgets} = tab, value = () => parts.five.props.value || {};
    // all words belong to the answers on screen, `shown`; `whole`: the last five that were found to the end; `base`:
    // what `shown` are answers to; `asked`: the key of those on their way, to `wanted`; `guess`: 1 to 5, or 0
    const opening = value();
    const state = {shown: opening, whole: opening, base: opening.recipe || null, asked: "", wanted: null, said: "",
      lifted: false, guess: 0};
    const row = rowOf({guessed: i => { state.guess = i; lift(true); }, lift: () => lift(true)});
    const foot = footOf({
      more: () => ask(state.base || now.recipe, state.base ? (state.shown.first || 0) + 5 : 0),
      stop: () => { if (state.asked) bus.trigger("stop", {kind: "five"}); },
      other: () => ask(now.recipe, 0),
    });
    function ask(recipe, first) {
      state.wanted = copyOf(recipe); state.said = "";
      state.asked = JSON.stringify(state.wanted) + Math.random();
      bus.trigger("five", {key: state.asked, first, recipe: state.wanted}); draw();
    }
    function lift(on) { state.lifted = on; if (!on) state.guess = 0; draw(); }
    function back() {
      state.shown = state.whole;
      state.base = state.whole === opening ? opening.recipe || null : state.whole.of;
      lift(false);
    }
    function draw() {
      parts.five.element.classList.toggle("waiting", !state.shown.faces && !state.shown.sentence);
      drawRow(row, state);
      drawFoot(foot, state, now.recipe);
    }
    parts.five.watch("value", () => {
      const news = value();
      if (news.key !== state.asked) return;             // another five were wanted since
      if (news.error || news.ended && !(news.faces && news.faces.length)) {
        Object.assign(state, {asked: "", said: news.error || "Stopped before the first answer."});
        back(); return;
      }
      arrived(state, news);
      draw();
    });
    parts.five.element.replaceChildren(row.element, foot.verdict, foot.element);
    listeners.push(draw);
    forgets.push(gone => {
      if (!state.base || !gone(state.base)) return;
      Object.assign(state, {whole: opening, asked: "", said: ""});
      back();
    });
    return {lift};
  };

  // some of the five that were asked for, or all
  function arrived(state, news) {
    if (state.shown.key !== state.asked) { state.lifted = false; state.guess = 0; }
    state.shown = {...news, of: state.wanted}; state.base = state.wanted;
    if (news.partial) return;
    state.asked = ""; state.whole = state.shown;
    state.said = news.ended ? `Stopped after ${news.faces.length} of 5.` : "";
  }

  // what is left of a picture, five answers, and the real one under its flap; pressing an answer is a guess
  function rowOf({guessed, lift}) {
    const mosaic = rooms.tile("", "restore-mosaic"), truth = rooms.tile("The real one", "restore-real");
    const faces = Array.from({length: 5}, (_, i) => rooms.tile(`Answer ${i + 1}`, `restore-face-${i + 1}`));
    const cover = E("button", {type: "button", id: "restore-flap", class: "flap", onclick: lift}, "Lift the flap");
    faces.forEach((one, i) => gan.onPress(one.frame, () => { if (one.frame.tabIndex === 0) guessed(i + 1); }));
    truth.frame.append(cover);
    const element = E("div", {class: "five"}, mosaic.element, ...faces.map(one => one.element), truth.element);
    return {element, mosaic, faces, truth, cover};
  }

  function drawRow(row, state) {
    const {shown, lifted} = state;
    for (const [id, text] of [["restore-sentence", shown.sentence], ["restore-lead", shown.lead]])
      if (text) document.getElementById(id).textContent = text;
    row.element.classList.toggle("flapless", shown.flap === false);
    row.mosaic.label.textContent = shown.label || "What is left";
    row.mosaic.show(shown.observed || "", "what is left of the picture", shown.hard);
    row.faces.forEach((one, i) => drawFace(one, i, state));
    row.truth.show(lifted ? shown.truth : "", lifted ? "the real picture" : "", false);
    row.truth.element.hidden = shown.flap === false;
    row.truth.label.textContent = lifted || !shown.truth ? "The real one" : "Under the flap";
    row.cover.hidden = lifted || !shown.truth;
  }

  // one of the answers; it can be pressed as long as the flap is down
  function drawFace(one, i, {shown, lifted, guess}) {
    const src = shown.faces && shown.faces[i], open = !!src && !!shown.truth && !lifted;
    const closeness = shown.closeness && (lifted || !shown.flap) ? shown.closeness : [];
    one.show(src, `answer ${i + 1} of five`, false);
    if (open) {
      one.frame.tabIndex = 0;
      one.frame.setAttribute("role", "button");
      one.frame.setAttribute("aria-label", `Answer ${i + 1}: does it come closest to the real one?`);
    } else for (const name of ["tabindex", "role", "aria-label"]) one.frame.removeAttribute(name);
    one.element.classList.toggle("guessed", guess === i + 1);
    one.label.textContent = closeness.length ? `${closeness[i].toFixed(1)} dB` : `Answer ${i + 1}`;
  }

  // the verdict, and what is asked for next
  function footOf({more, stop, other}) {
    const buttons = {more: button("restore-five-go", "", more), stop: button("restore-five-stop", "Stop", stop),
      other: button("restore-five-other", "The picture on the bench instead", other)};
    const verdict = E("p", {class: "verdict", id: "restore-five-verdict", role: "status"});
    const says = E("p", {class: "caption", id: "restore-five-says", role: "status"});
    return {...buttons, verdict, says, element: E("div", {class: "buttons"}, ...Object.values(buttons), says)};
  }

  function drawFoot(foot, state, recipe) {
    const {shown, asked, base, said} = state;
    foot.verdict.textContent = wordsOf(state); foot.verdict.hidden = !foot.verdict.textContent;
    foot.says.textContent = asked ? shown.key === asked && shown.says || "Finding five answers …" : said;
    foot.more.textContent = base ? "Five more answers" : "Find five answers";
    foot.more.disabled = !!asked; foot.stop.hidden = !asked;
    foot.other.hidden = !!asked || !base || gan.same(base, recipe);
  }

  // the verdict: before the flap is lifted, only how well the answers agree with what is left
  function wordsOf({shown, lifted, guess}) {
    if (!shown.verdict) return "";
    if (!shown.flap) return shown.verdict;
    if (!lifted) return `${shown.agreement || ""} Tap the one that you think comes closest.`.trim();
    const best = shown.closeness.indexOf(Math.max(...shown.closeness));
    const decibels = i => `answer ${i + 1}, ${shown.closeness[i].toFixed(1)} dB`;
    const chosen = guess === best + 1 ? `You chose the closest: ${decibels(best)}.`
      : `${guess ? `You chose ${decibels(guess - 1)}. ` : ""}Closest: ${decibels(best)}.`;
    return `${chosen} None of the five is real. ${shown.verdict}`;
  }
})();
