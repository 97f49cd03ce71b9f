"""GANatomy: find out what a GAN has learned, steer it, and take results away. One page: a list of demos and a loop.

    python app.py              opens the page on http://127.0.0.1:7860
HOST and PORT in the environment choose where it listens.
"""
from __future__ import annotations

import argparse
import os
import threading

import gradio as gr

from core import zoo
from demos import notebook, recipe, sefa

DEMOS = (sefa,)
HEADER = "<h1>GAN<b>atomy</b></h1><p>Find out what a network that draws has learned.</p>"
NO_MODEL = "There is no network here yet: put a weights file into weights/ (see weights/README.md) and start again."


def build() -> gr.Blocks:
    """The page; nothing is loaded and nothing is computed for it."""
    with gr.Blocks(title="GANatomy", analytics_enabled=False, delete_cache=(1800, 1800)) as page:
        notebook.text(f'<header class="masthead">{HEADER}</header>')
        if not zoo.CARDS:
            notebook.text(f'<p class="sentence">{NO_MODEL}</p>')
            return page
        with gr.Tabs(elem_classes="tabs"):
            tabs = [demo.tab() for demo in DEMOS]
        for tab in tabs:
            handler, outputs = tab.opened
            page.load(handler, None, outputs, **notebook.private(f"{tab.name}_opened", notebook.LIVE))
            tab.endpoints()
    return page.queue(max_size=64, default_concurrency_limit=1)


def launch(page: gr.Blocks, **options):
    """`page.launch` with the look, the scripts and the rules of this page; `options` come on top."""
    scripts = notebook.scripts(*(demo.SCRIPT for demo in DEMOS))
    defaults = dict(theme=notebook.theme(), css=notebook.css(), head=scripts, run_history=False, footer_links=["api"],
                    max_file_size="64mb", ssr_mode=False, quiet=True)
    return page.launch(**{**defaults, **options})


def warm() -> None:
    """Opens the first model ahead of the first visitor."""
    for name in list(zoo.CARDS)[:1]:
        first = recipe.Recipe(name)
        recipe.directions_of(first)
        recipe.picture_bytes(first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "7860")
    parser.add_argument("--host", default=host, help="address to listen on (HOST, or 127.0.0.1)")
    parser.add_argument("--port", type=int, default=port, help="port to listen on (PORT, or 7860)")
    given = parser.parse_args()
    page = build()
    try:
        launch(page, server_name=given.host, server_port=given.port, prevent_thread_lock=True)
    except OSError:
        parser.error(f"{given.host}:{given.port} cannot be used: choose another port, such as --port {given.port + 1}")
    print(f"GANatomy is at http://{given.host}:{given.port}", flush=True)
    threading.Thread(target=warm, daemon=True).start()
    page.block_thread()


if __name__ == "__main__":
    main()
