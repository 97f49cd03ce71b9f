// Start stands in the page's HTML before anything else is there: once its tab is, it moves in.
(() => {
  const front = document.getElementById("start-front"), view = document.getElementById("start-view");
  if (!front) return;
  gan.addresses.tab("start", "Start");
  document.addEventListener("gan:start", () => {
    gan.parts.start.place.element.replaceChildren(view);
    front.remove(); document.body.classList.remove("start-first");
  });
})();
