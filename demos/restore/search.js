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
      film.soFar("");
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
        if (news.src) { after.show(news.src, `the picture so far: ${news.says}`, false); film.soFar(news.watched); }
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

  // the slider through the film of the search, which lies over the picture after; the rest is the server's HTML
  function filmOf(now, after) {
    const canvas = E("canvas", {class: "film", hidden: true, "aria-hidden": true}), film = gan.film(canvas);
    const element = E("div", {class: "watched"});
    after.frame.append(canvas);
    let loaded = "";
    function scrubbed() {
      const result = now.answer && now.answer.result, scrub = element.querySelector("input");
      if (!result || !scrub || !film.ready()) return;
      const share = +scrub.value, step = result.film_steps[Math.round(share * (result.film_steps.length - 1))];
      film.draw(share); canvas.hidden = share >= 1;
      element.querySelector("output").textContent = `step ${step} of ${result.steps}`;
      const {points} = element.querySelector("polyline") || {}, dot = element.querySelector("circle");
      if (!points) return;
      const {x, y} = points[Math.round(Math.min(1, step / Math.max(1, result.steps)) * (points.length - 1))];
      dot.setAttribute("cx", x); dot.setAttribute("cy", y);
    }
    element.addEventListener("input", scrubbed);
    return {
      element,
      soFar: html => { canvas.hidden = true; element.hidden = false; element.innerHTML = html; },
      show: result => {
        canvas.hidden = true; element.hidden = !result;
        if (!result) return;
        if (loaded !== result.film || !element.querySelector("input")) element.innerHTML = result.watched;
        if (loaded === result.film) { scrubbed(); return; }
        loaded = result.film;
        film.load(result.film, result.film_steps.length).then(scrubbed).catch(() => {});
      },
    };
  }
})();
