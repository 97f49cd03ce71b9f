"""The cells that every tab is made of: sentence, picture with one control, verdict with a number, then five folds.

Nothing here knows a method. A tab's parts are `gr.HTML` components that a script in the browser fills; the server is
asked for pictures and sentences only, through three queues: `LIVE` (never more than 0.3 s of work), `LONG`, and
`WATCH`, in which many watch work that takes its own turn.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

import engine

HERE = Path(__file__).resolve().parent
TABS = HERE.parent
FOLDS = {
    "more": "More controls",
    "compare": "Compare methods",
    "true": "How true is this?",
    "method": "Method and equation",
    "take": "Take it away",
}
LIVE = dict(concurrency_id="live", concurrency_limit=1, trigger_mode="always_last", show_progress="hidden")
LONG = dict(concurrency_id="long", concurrency_limit=1, trigger_mode="always_last", show_progress="hidden")
SAVE = """file => {
  const link = Object.assign(document.createElement("a"), {href: file?.url, download: file?.orig_name});
  if (file) { document.body.append(link); link.click(); link.remove(); }
}"""  # what a download button has been given; in the page, so that serving/connection.js sees the click
WATCH = dict(concurrency_id="watch", concurrency_limit=24, trigger_mode="multiple", show_progress="hidden")


def private(name: str, queue: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Keyword arguments of an event that belongs to the page alone; what programs may call is among the endpoints."""
    return dict(queue or {}, api_name=name, api_visibility="private")


# --- pictures to the browser


def publish(data: bytes, name: str) -> str:
    """A file of this name with these bytes that the page may serve; written once, whole, however many ask at once.

    It lies in a folder named by its content. Keep the bytes, not the path: old files are deleted.
    """
    root = Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir()) / "gradio")
    path = root / "frames" / hashlib.sha256(data).hexdigest()[:32] / name
    try:
        os.utime(path)  # deletion goes by age: touched on use
    except OSError:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    return str(path)


def write_whole(path: Path, data: bytes) -> None:
    """A reader finds the whole file or none: written beside it, then moved."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


# --- parts of a tab


def part(tab: str, name: str, value: Any = None, *, events: Sequence[str] = (), visible: bool | str = True) -> gr.HTML:
    """A component whose content a script builds, handed over by `gan.mount(tab, name, ...)`.

    `events` are what the script may trigger: they become attributes, `made.strip(handler, ...)`.
    """
    names = ", ".join(f"'{event}'" for event in events)
    script = (
        f"const events = [{names}]; (function wait() {{ window.gan ? gan.mount('{tab}', '{name}', "
        "element.querySelector('.part'), props, trigger, watch) : setTimeout(wait, 10); })()"
    )
    looks = dict(html_template='<div class="part"></div>', visible=visible, apply_default_css=False)
    return gr.HTML(value, elem_id=f"{tab}-{name}", js_on_load=script, **looks)


def cell(title: str, lead: str = "", *, elem_id: str | None = None) -> gr.Column:
    """`with cell("All knobs at once", "Tap one to choose it."):` one short experiment."""
    with gr.Column(elem_classes="cell", elem_id=elem_id) as column:
        text(f"<h3>{escape(title)}</h3>" + (f"<p>{escape(lead)}</p>" if lead else ""))
    return column


def fold(tab: str, name: str) -> gr.Accordion:
    """One of the five folds, closed; `?expert=1` opens them all."""
    return gr.Accordion(FOLDS[name], open=False, elem_id=f"{tab}-fold-{name}", elem_classes="fold")


def text(html: str, *, elem_id: str | None = None, visible: bool = True) -> gr.HTML:
    return gr.HTML(html, elem_id=elem_id, visible=visible, apply_default_css=False)


def markup(file: Path) -> str:
    """The HTML of a file, whose elements a script finds by id."""
    return re.sub(r">\s+<", "><", file.read_text(encoding="utf-8").strip())


def button(name: str, elem_id: str) -> gr.Button:
    return gr.Button(name, elem_id=elem_id, size="sm", elem_classes="quiet", min_width=90)


def deliver(pressed: gr.Button, make: Callable, inputs: Sequence, through: gr.DownloadButton, name: str) -> None:
    """Pressing the button makes a file and saves it. `make` returns its path; anything else has said why not."""

    def made(*values):
        path = make(*values)
        return gr.DownloadButton(value=path if isinstance(path, str) else None)

    made_first = pressed.click(made, inputs, through, **private(name, LONG))
    made_first.success(None, through, js=SAVE, **private(f"{name}_save"))


# --- the look, the scripts


def theme() -> gr.themes.Base:
    """System fonts (nothing is fetched) and one accent colour."""
    hues = dict(primary_hue="teal", secondary_hue="teal", neutral_hue="stone")
    font = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "sans-serif"]
    mono = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
    return gr.themes.Base(**hues, radius_size="lg", font=font, font_mono=mono)


def css() -> str:
    return (HERE / "page.css").read_text(encoding="utf-8")


def scripts(tabs: Sequence[Any]) -> str:
    """One <script> with what all tabs share and then their own, so that all of it is there or nothing.

    tabs: those of `page.tab.Tab`; few have scripts of their own, for a stage or a bench.
    """

    def read(names: Iterable[str]) -> list[str]:
        return [(TABS / f"{name}.js").read_text(encoding="utf-8") for name in names]

    shared = read(
        f"page/js/{name}" for name in ("page", "pictures", "store", "cell", "live", "stage", "controls", "own")
    )
    begun = [f"gan.engine = {json.dumps(engine.address())};"]
    for tab in tabs:
        given = [tab.name, tab.title, [cell.name for cell in tab.cells], *([tab.bench.needed] if tab.bench else [])]
        begun.append(f"gan.start({json.dumps(given)[1:-1]});")
    takes = {kind: tab.name for tab in tabs for kind in tab.receives}
    begun.append(f"gan.receives = {json.dumps(takes)};")
    own = read(name for tab in tabs for name in (tab.bench or tab.shown).scripts)
    own += read(one.script for tab in tabs for one in (*tab.cells, *tab.extras) if one.script)
    return "<script>" + "\n".join([*shared, *begun, *own]) + "</script>"
