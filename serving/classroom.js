// For a lecturer: large print that stays, the present state on other devices, and its address on paper.
(() => {
  const KEPT = "ganatomy-large-print", of = id => document.getElementById(id), {note} = window.ganReach;
  const kept = () => { try { return localStorage.getItem(KEPT) === "1"; } catch { return false; } };
  const enlarge = on => document.documentElement.classList.toggle("large", on);
  enlarge(kept());
  (function wait() { of("large-print") ? of("large-print").checked = kept() : setTimeout(wait, 50); })();
  document.addEventListener("change", ({target}) => {
    if (target.id !== "large-print") return;
    enlarge(target.checked);
    try { localStorage.setItem(KEPT, target.checked ? "1" : "0"); } catch { /* kept for this visit alone */ }
  });

  // The address of what is on screen, as others open it; "" where they cannot.
  const address = () => {
    const base = window.gan && gan.base();
    return base && Object.assign(new URL(base), {search: location.search, hash: ""}).href;
  };

  const show = () => {
    const place = of("elsewhere").querySelector("div"), href = address();
    if (place.dataset.href === href) return;
    place.dataset.href = href;
    const says = document.createElement("p"), code = new Image();
    says.textContent = href || `${note}.`;
    place.replaceChildren(...href ? [code, says] : [says]);
    if (href) Object.assign(code, {src: `qr${location.search}`, alt: "QR code of the address below"});
  };
  // while it is open it follows what is on screen
  document.addEventListener("toggle", ({target}) => {
    if (target.id !== "elsewhere" || !target.open) return;
    (function follow() { if (target.open && target.isConnected) { show(); setTimeout(follow, 700); } })();
  }, true);
  document.addEventListener("keydown", e => { if (e.key === "Escape" && of("elsewhere")) of("elsewhere").open = false; });

  const onPaper = () => { if (of("printed-address")) of("printed-address").textContent = address() || location.href; };
  addEventListener("beforeprint", onPaper);
  matchMedia("print").addEventListener("change", onPaper);
})();
