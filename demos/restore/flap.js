// Restore's first question: which of five answers comes closest to the picture under the flap? Pressing one is a guess.
gan.drawn.flap = (tab, result) => {
  const five = result.querySelector(".five"), truth = result.querySelector("[data-truth]");
  const says = name => { document.getElementById(`${tab.name}-${name}`).textContent = five.dataset[name]; };
  ["sentence", "lead"].forEach(says);              // those of the answers on screen, not of the bench
  const lift = chosen => {
    if (!truth.dataset.truth) return;
    const image = truth.querySelector("img");
    Object.assign(image, {src: truth.dataset.truth, alt: "the real picture"});
    truth.classList.remove("empty"); truth.querySelector(".flap").remove(); truth.dataset.truth = "";
    truth.parentElement.querySelector("figcaption").textContent = "The real one";
    result.querySelector(".verdict").textContent = chosen.dataset.says;
    for (const answer of five.querySelectorAll("[data-close]")) {
      for (const name of ["tabindex", "role", "aria-label"]) answer.removeAttribute(name);
      answer.parentElement.querySelector("figcaption").textContent = answer.dataset.close;
    }
    if (chosen.dataset.close) chosen.parentElement.classList.add("guessed");
  };
  for (const one of five.querySelectorAll("[data-says]")) gan.onPress(one, () => lift(one));
};
