// Restore's search: begun, watched and stopped; afterwards its film, its loss, and how much each code counts.
(() => {
  const E = gan.element, {button, copyOf, same} = gan, rooms = gan.rooms.restore;

  rooms.search = (tab, bench) => {
    const {bus, now, parts, listeners} = tab, {after} = bench, film = filmOf(now, after);
    const go = button("restore-begin", "Start", () => begin(), "first");
    const stopper = button("restore-stop", "Stop and keep the best", () => stop());
    const found = E("span", {class: "caption", id: "restore-found", hidden: true},
      "Found. For another one from another start, press Another answer.");
    const meter = E("progress", {max: 1, value: 0, "aria-label": "Steps made"}), saying = E("span");
    const progress = E("p", {class: "progress", id: "restore-progress", role: "status", hidden: true}, meter, saying);
    stopper.hidden = true;
    function begin() {
      bench.quiet();
      if (!tab.current()) return;
      now.running = {key: JSON.stringify(now.recipe) + Math.random(), recipe: copyOf(now.recipe)};
      meter.value = 0; saying.textContent = "Beginning …";
      after.show("", "nothing is found yet", false); after.label.textContent = "So far";
      film.begin();
      bus.trigger("start", {key: now.running.key});
      tab.tell();
    }
    function stop() { bus.trigger("stop", {kind: "search"}); saying.textContent = "Stopping …"; }
    function hear(news) {
      if (news.error || news.ended) {               // without a picture: what stood before stands again
        now.running = null;
        if (now.answer) bench.show(now.answer);
        if (news.error || news.says) bench.refuse(news.error || news.says);
      } else if (news.done) {
        now.running = null;
        if (same(news.done.recipe, now.recipe)) bench.show(news.done);
      } else {
        saying.textContent = news.says; meter.value = news.share || 0;
        if (news.src) { after.show(news.src, `the picture so far: ${news.says}`, false); film.soFar(news.curve); }
      }
      tab.tell();
    }
    parts.run.watch("value", () => {
      const news = parts.run.props.value;
      if (news && news.key === "link" && news.error) bench.refuse(news.error, {link: true});
      else if (news && now.running && news.key === now.running.key) hear(news);
    });
    listeners.push(() => {
      const result = tab.current() && now.answer.result;
      const ready = result && !result.stopped && !tab.replayed() && !now.running;
      go.textContent = bench.press(); go.disabled = !tab.current();
      go.hidden = !!now.running || ready; found.hidden = !ready;
      stopper.hidden = progress.hidden = !now.running;
      bench.stage.classList.toggle("searching", !!now.running);
    });
    return {buttons: [go, stopper, found], progress, film, begin, stop};
  };

  function filmOf(now, after) {
    const canvas = E("canvas", {class: "film", hidden: true, "aria-hidden": true}), film = gan.film(canvas);
    after.frame.append(canvas);
    const scrub = E("input", {type: "range", id: "restore-film", min: 0, max: 1, step: 0.01, value: 1,
      "aria-label": "The search from its start to its end", oninput: () => scrubbed(+scrub.value)});
    const says = E("output", {for: "restore-film"}), shares = sharesOf();
    const curve = E("canvas", {class: "curve", width: 1280, height: 120, role: "img",
      "aria-label": "The loss after each step, on a logarithmic scale"});
    const element = E("div", {class: "watched"},
      E("div", {class: "field"}, E("label", {for: "restore-film"}, "Watch it being found"), scrub, says), curve,
      E("p", {class: "caption"}, "How far it is from what was observed, after each step"), shares.bars, shares.says);
    let loaded = "";
    function scrubbed(share) {
      const result = now.answer && now.answer.result;
      if (!result || !film.ready()) return;
      film.draw(share); canvas.hidden = share >= 1;
      const step = result.film_steps[Math.round(share * (result.film_steps.length - 1))];
      says.textContent = `step ${step} of ${result.steps}`;
      drawCurve(curve, result.curve, step / Math.max(1, result.steps));
    }
    return {
      element,
      begin: () => { canvas.hidden = true; element.hidden = false; drawCurve(curve, null, 1); },
      soFar: losses => drawCurve(curve, losses, 1),
      show: result => {
        canvas.hidden = true; element.hidden = !result;
        if (!result) return;
        shares.draw(result.importance);
        if (loaded === result.film) { scrubbed(+scrub.value); return; }
        loaded = result.film; scrub.value = 1;
        film.load(result.film, result.film_steps.length).then(() => scrubbed(+scrub.value)).catch(() => {});
      },
    };
  }

  // the loss after each step, on a scale of powers of ten, with a dot at the share `at` of its way
  function drawCurve(canvas, curve, at) {
    const pen = canvas.getContext("2d"), wide = canvas.width, high = canvas.height, ink = getComputedStyle(canvas);
    pen.clearRect(0, 0, wide, high);
    if (!curve || curve.length < 2) return;
    const logs = curve.map(value => Math.log10(Math.max(value, 1e-9)));
    const top = Math.max(...logs), low = Math.min(...logs), span = Math.max(top - low, 1e-6);
    const x = i => 3 + i / (curve.length - 1) * (wide - 6), y = value => 6 + (top - value) / span * (high - 12);
    pen.lineWidth = 3; pen.strokeStyle = ink.color; pen.beginPath();
    logs.forEach((value, i) => i ? pen.lineTo(x(i), y(value)) : pen.moveTo(x(i), y(value)));
    pen.stroke();
    const place = Math.round(Math.min(Math.max(at, 0), 1) * (curve.length - 1));
    pen.fillStyle = ink.color; pen.beginPath(); pen.arc(x(place), y(logs[place]), 7, 0, 7); pen.fill();
  }

  function sharesOf() {
    const bars = E("div", {class: "shares", role: "img"}), says = E("p", {class: "caption", id: "restore-shares-says"});
    const bar = height => { const made = E("span"); made.style.height = `${height}%`; return made; };
    const draw = importance => {
      const most = Math.max(...importance), percents = importance.map(share => Math.round(100 * share));
      const least = Math.min(...percents), highest = Math.max(...percents), many = importance.length;
      bars.replaceChildren(...importance.map(share => bar(100 * share / most)));
      bars.setAttribute("aria-label", `How much each code counts, in per cent: ${percents.join(", ")}`);
      says.textContent = many > 1 ? `How much each of the ${many} codes counts: `
        + (least === highest ? `about ${least} %` : `${least} to ${highest} %`) : "One code makes the picture.";
    };
    return {bars, says, draw};
  }
})();
