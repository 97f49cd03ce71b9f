// Drop anything here: a file goes to the server as it is, which says what it was, and what is done with it. What other
// tabs take as it came stands in `gan.receives`: "picture", "edits".
(() => {
  const E = gan.element, MEGABYTE = 1e6, open = new Set();      // the targets of tabs, the one in sight takes what falls
  const sentence = text => text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
  const megabytes = size => (size / MEGABYTE).toFixed(size < 10 * MEGABYTE ? 1 : 0);

  // The target of a tab: a button, its file chooser, and what the server says of a file. `news` gets `says` and `share`
  // while something is done, `error`, or `recipe` of a network that was opened; `trigger` asks the server.
  gan.drop = (name, trigger, news) => {
    let last = null, way = null, current = "";    // the file that is on its way, its request, the server's name for it
    const several = files => files.length > 1
      ? news({error: `These are ${files.length} files: drop them one at a time.`}) : files.length && send(files[0]);
    const input = E("input", {type: "file", id: `${name}-drop-file`, hidden: true, "aria-label": "A file of yours",
      onchange: () => { const [file] = input.files; input.value = ""; if (file) send(file); }});
    const choose = () => input.click();
    function send(file) {
      const asked = new XMLHttpRequest(), most = window.ganLargest;
      if (way) way.abort();
      if (most && file.size > most) return news({error: `This file has ${megabytes(file.size)} MB; a file on this page `
        + `may have ${megabytes(most)}: open it on a computer of your own, where files may have any size.`});
      last = file; way = asked;
      asked.upload.onprogress = ({loaded}) => news({share: loaded / file.size,
        says: `Sending it: ${megabytes(loaded)} of ${megabytes(file.size)} MB`});
      asked.onload = () => {
        let answer = {};
        try { answer = JSON.parse(asked.responseText); } catch { /* a proxy's page */ }
        if (answer.token) return trigger("dropped", {token: current = answer.token});
        news({error: sentence(answer.error || `the server did not take this file (status ${asked.status}): try later`)});
      };
      asked.onerror = () => news({error: "The file did not reach the server: try once more."});
      asked.open("POST", new URL("drop", document.baseURI));
      asked.setRequestHeader("x-ganatomy-drop", "1");
      asked.setRequestHeader("x-ganatomy-name", encodeURIComponent(file.name));
      news({says: "Sending it …", share: 0});
      asked.send(file);
    }
    // what the server found out of it, where another tab shows it
    function opened({open: recipe, kind, says}) {
      const tab = recipe ? recipe.tab || "" : gan.receives[kind], file = last;
      gan.visit(tab, own => {
        if (recipe) own.set(recipe); else own.bring(file);
        gan.say(document.getElementById(`${own.name}-notice`), says);
      });
    }
    // a file that can be read in several ways: a sheet of each, and the one that was pressed is taken
    const offer = (line, more, model) => more && line.append(" ", gan.button(null, "Read it another way",
      () => trigger("readings", {name: model})));
    const ways = E("dialog", {class: "networks", "aria-label": "Ways to read the file"});
    function choose_way({ways: found, token}) {
      const way = one => E("div", {class: "network"}, E("div", {}, E("b", {}, one.says),
        E("img", {src: one.sheet, class: "small-sheet", alt: `six pictures, read as ${one.says}`})),
        gan.button(null, "Read it so", () => {
          ways.close(); trigger("dropped", {token: current = token, settings: one.settings, way: one.says});
        }));
      ways.replaceChildren(E("div", {class: "networks-head"}, E("h3", {}, "The file does not say which of these it is"),
        gan.button(null, "Close", () => ways.close())), ...found.map(way));
      if (!ways.isConnected) input.after(ways);   // in the tab: its buttons look like those
      if (!ways.open) ways.showModal();
    }
    const target = {element: input, choose, several, opened, offer, choose_way, token: () => current};
    open.add(target);
    return target;
  };

  // A file that is dragged over the page may fall anywhere: the tab that is open takes it.
  const veil = E("div", {class: "veil", hidden: true}, E("p", {}, "Drop it anywhere: a network, a picture, a file of "
    + "directions, or what was saved on this page"));
  const carries = e => e.dataTransfer && [...e.dataTransfer.types].includes("Files");
  const here = () => [...open].reverse().find(({element}) => element.isConnected && element.parentElement.offsetParent);
  const landed = () => { const view = document.getElementById("start-view"); return !!view && !!view.offsetParent; };
  const take = (files, left = 50) => here() ? here().several(files) : left && setTimeout(take, 100, files, left - 1);
  let away = 0;
  document.addEventListener("dragover", e => {
    if (!carries(e) || !here() && !landed() || e.target.closest("[data-drops]")) return;
    e.preventDefault();
    if (!veil.isConnected) document.querySelector(".gradio-container").append(veil);
    veil.hidden = false;
    clearTimeout(away); away = setTimeout(() => { veil.hidden = true; }, 400);
  });
  document.addEventListener("drop", e => {
    veil.hidden = true;
    if (!carries(e) || !here() && !landed()) return;
    e.preventDefault();
    const files = [...e.dataTransfer.files];
    if (here()) take(files); else gan.visit("", () => take(files));             // Start has no use for files
  });
})();
