"""GANatomy: find out what a GAN has learned, steer it, and take results away. One page: a list of demos and a loop.

    python app.py                                   opens the page on http://127.0.0.1:7860
    python app.py --weights network.pkl folder/     opens it on checkpoints of your own
HOST and PORT in the environment choose where it listens; GANATOMY_OPTIONS holds arguments where none can be given, as
on a hosted Space (docs/hosting.md).
"""

from __future__ import annotations

import contextlib
import ctypes
import os

if __name__ == "__main__":
    # Before PyTorch is loaded: its threads wait for each other a short while, then sleep. By default they spin:
    # 60 ms a picture, not 15, on a busy machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # Before there are threads: glibc gives each a heap of its own and returns little of it, which held 1,068 MB after
    # 200 actions where two heaps held 714 (`python -m tests.benchmarks.memory --actions 100`).
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(-8, 2)  # M_ARENA_MAX of <malloc.h>
    # Before Gradio is loaded: it asks at once for the shell's proxies and for a folder of temporary files.
    from core import surroundings

    surroundings.settle("GRADIO_TEMP_DIR")

import argparse
import shlex
import sys
import threading
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

import gradio as gr
import torch
from starlette.routing import BaseRoute

import engine
from core import gpu, memory, surroundings, uploads, zoo
from core.checkpoints import options
from demos.attributes import tab as attributes
from demos.inside import tab as channel_awareness
from demos.my_picture import tab as my_picture
from demos.page import arrival as arrivals
from demos.page import parts as notebook
from demos.page import pictures
from demos.page.tab import answer, endpoints_of, left
from demos.page.tab import build as build_tab
from demos.paint import tab as paint
from demos.restore import search as restoring
from demos.restore import tab as restore
from demos.restyle import tab as restyle
from demos.start import tab as start
from demos.steer import tab as steer
from serving import address, classroom, drop, dropping, figures, front, health, lessons, turns
from serving.programs import offer

ROOMS = (steer, paint, restore, channel_awareness, attributes)
TABS = (*(figures.on(room.TAB) for room in ROOMS), my_picture.TAB, restyle.TAB)
PREVIEW = dict(
    title="GANatomy: what has a network that draws learned?",
    description="A neural network drew these faces. Turn its knobs, and see what it knows; every claim is measured.",
    picture="arrival/preview.png",
)
HEADER = "<h1>GAN<b>atomy</b></h1><p>Find out what a network that draws has learned.</p>" + classroom.AIDS
FOR_PROGRAMS = (
    '<header class="masthead"><h1><a href="./">GAN<b>atomy</b></a></h1><p>For programs</p></header>'
    "<p>Whatever the page shows, a program can ask for: press “Use via API” below for every endpoint, its parameters "
    "and their ranges.</p>"
)
PROGRAMS = "programs"  # where the endpoints are described: hundreds of parameters that no visitor has to wait for
NO_MODEL = "There is no network here yet: put a weights file into weights/ (see weights/README.md) and start again."


def build() -> gr.Blocks:
    """The page; nothing is loaded and nothing is computed for it."""
    with gr.Blocks(title="GANatomy", analytics_enabled=False, delete_cache=(1800, 1800)) as page:
        gr.Navbar(visible=False)
        notebook.text(f'<header class="masthead">{HEADER}</header>')
        if not zoo.CARDS:
            notebook.text(f'<p class="sentence">{NO_MODEL}</p>')
            return page
        with gr.Tabs(elem_classes="tabs"):  # the browser opens the one that the address names
            if landing():
                start.build()
            for tab in TABS:
                dropping.wire(tab.name, build_tab(tab))
        for tab in TABS:
            page.unload(left(tab))
        page.unload(gone)
        links = '<a href="lessons">questions for a lesson</a>, <a href="privacy">privacy</a>'
        notebook.text(
            f'<footer class="foot">{escape(where())} <span id="who-draws" hidden></span> '
            f'<span class="links"><a href="{PROGRAMS}">Use via API</a>, {links}.'
            f"</span> GANatomy {escape(front.version())}{classroom.ON_PAPER}</footer>"
        )
    with page.route("For programs", PROGRAMS, show_in_navbar=False):
        gr.Navbar(visible=False)
        notebook.text(FOR_PROGRAMS)
        for tab in TABS:
            for name, endpoint in endpoints_of(tab).items():
                offer(tab.recipe, name, endpoint)
    page.queue(max_size=512, default_concurrency_limit=1, api_open=False)
    turns.limit(page)
    return page


def landing() -> start.Landing | None:
    """Start, the landing view; None where it was not recorded for the network that is here: Steer comes first then."""
    fields = (*steer.TAB.recipe.names(), "v", "w", "show", "expert")  # addresses that mean Steer without naming it
    return start.landing({tab.name: tab.title for tab in TABS}, fields)


def gone(request: gr.Request) -> None:
    """The visitor closed the page: the file that they dropped on it goes."""
    uploads.leave(str(request.session_hash))


def where() -> str:
    """Which device draws, in a sentence."""
    if zoo.device().type == "cuda":
        return f"Drawn on the GPU of the machine that serves this page: {torch.cuda.get_device_name(zoo.device())}."
    return "Drawn on the processor of the machine that serves this page."


def launch(page: gr.Blocks, **options):
    """`page.launch` with the look, the scripts, the recorded films and the rules of this page; `options` come on top.

    Returns what it returns, at once: `page.block_thread()` waits.
    """
    host = options["server_name"]
    others = address.reach(host, options["server_port"])
    options["server_name"] = f"[{host}]" if ":" in host else host  # as Gradio takes an address of IPv6
    first, scripts = landing(), front.connection() + classroom.head(others) + notebook.scripts(tabs=TABS)
    scripts += start.script() * bool(first) + dropping.script()
    defaults = dict(
        theme=notebook.theme(),
        css=notebook.css(),
        head=scripts,
        run_history=False,
        footer_links=["api"],
        max_file_size="64mb",
        ssr_mode=False,
        quiet=True,
        app_kwargs=dict(middleware=front.middleware(PREVIEW, first and first.front), routes=beside(page, others)),
    )
    return page.launch(**{**defaults, **options, "prevent_thread_lock": True})


def beside(page: gr.Blocks, others: address.Reach) -> list[BaseRoute]:
    """What is served next to the page, from its first answer on."""
    drawing = front.bundle("/engine", engine.file)
    recorded = front.Below("/arrival", front.Kept(directory=arrivals.ARRIVAL))
    drawn = pictures.mount(TABS)
    drawings = front.Below(drawn.path, drawn.app)
    for_lessons, first = [lessons.route(others), address.route(others)], landing()
    landed = [front.bundle(f"/{start.NAME}", first.file)] if first else []
    known = [drop.ROUTE, turns.TOKENS, health.route(page), front.PRIVACY_PAGE]
    return [recorded, drawing, drawings, *landed, *known, *for_lessons]


def warm() -> None:
    """Opens the first model ahead of the first visitor."""
    for name in list(zoo.CARDS)[:1]:
        answer(steer.TAB, steer.Recipe(name), full=True)
    restore.warm()


SUFFIXES = (".pkl", ".pt", ".pth", ".bin", ".safetensors")


def add(given: Iterable[str], settings: Mapping | None = None) -> None:
    """Put the networks of these files and folders first on the page; exits with a sentence where one cannot be opened.

    settings: what the files do not say, as in `checkpoints.read`.

    Of a folder's files, those that hold no generator are named on stderr and left out.
    """
    bundled, problems = dict(zoo.CARDS), []
    for path in map(Path, given):
        files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES) if path.is_dir() else [path]
        added = 0
        for file in files:
            try:
                card = zoo.add(file, settings)
            except ValueError as error:
                problems.append(str(error))
                continue
            added += 1
            said = f"{file.name}: {card.title}, truncation {card.psi:g}, knobs to {card.reach:g} standard deviations"
            notes = (f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in zoo.load(card.name).notes)
            print(" ".join([f"{said}.", *notes]), flush=True)
        if not added:
            sys.exit(
                problems[-1]
                if problems
                else f"{path} holds no file that ends in {', '.join(SUFFIXES)}: give a checkpoint"
            )
    for problem in problems:
        print(f"Left out: {problem}", file=sys.stderr)
    own = {name: card for name, card in zoo.CARDS.items() if card.own}
    zoo.CARDS.clear()
    zoo.CARDS.update(own | bundled)


def usual(*names: str) -> str:
    """The first of these variables of the environment that says something."""
    return next(filter(None, map(os.environ.get, names)), "")


def root_path(text: str) -> str:
    """A path below which a proxy shows the page, as Gradio wants it: "/gan" of "gan/"; a whole address stays."""
    return text.rstrip("/") if "://" in text else f"/{text.strip('/')}".rstrip("/")


def port_number(text: str) -> int:
    if not text.isascii() or not text.strip().isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a whole number from 1 to 65535, such as 7860")
    return int(text)


def parser_of_arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    host = usual("HOST", "GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    port = usual("PORT", "GRADIO_SERVER_PORT") or "7860"
    parser.add_argument("--host", default=host, help="address to listen on (HOST, or 127.0.0.1)")
    parser.add_argument("--port", type=port_number, default=port, help="port to listen on (PORT, or 7860)")
    parser.add_argument(
        "--root-path",
        type=root_path,
        metavar="/PATH",
        help="where a proxy shows the page, if not at the top of its address",
    )
    parser.add_argument(
        "--weights",
        nargs="+",
        default=[],
        metavar="FILE-OR-FOLDER",
        help="checkpoints of your own: StyleGAN3, StyleGAN2, StyleGAN, PGGAN, DCGAN, R3GAN, BigGAN or BigGAN-deep",
    )
    parser.add_argument(
        "--unpinned",
        action="store_true",
        help="also offer models of the Hub whose revision or hash is not known, so that nobody can check them",
    )
    parser.add_argument(
        "--no-hub", action="store_true", help="offer no networks of the Hugging Face Hub: nothing is ever fetched"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), help="where networks run: cpu, cuda (default: cuda where there is one)"
    )
    options.offer(parser)
    return parser


def main() -> None:
    parser = parser_of_arguments()
    try:
        more = shlex.split(os.environ.get("GANATOMY_OPTIONS", ""))
    except ValueError:
        parser.error("GANATOMY_OPTIONS has a quote that does not end: write it as in a shell")
    given = parser.parse_args([*more, *sys.argv[1:]])
    given.host = given.host.strip("[] ") or "127.0.0.1"
    if trouble := address.trouble(given.host, given.port):
        parser.error(trouble)
    if given.no_hub:
        zoo.REMOTE_CARDS.clear()
    memory.keep_small()
    cuda = torch.cuda.is_available() and not gpu.lent()  # a lent one is not ours: see core/gpu.py
    if given.device == "cuda" and not cuda:
        parser.error("there is no GPU here that PyTorch can use: leave --device out")
    zoo.use(device=given.device or ("cuda" if cuda else "cpu"), unpinned=given.unpinned)
    add(given.weights, options.chosen(given))
    paint.ready()  # before there are visitors
    restoring.ready()
    page = build()
    surroundings.proxies(os.environ, given.host)
    try:
        launch(page, server_name=given.host, server_port=given.port, root_path=given.root_path)
    except OSError:
        parser.error(address.trouble(given.host, given.port) or address.taken(given.host, given.port))
    except ValueError as error:
        if "localhost" not in str(error):
            raise
        parser.error(f"the page does not reach itself at {given.host}: let NO_PROXY name it, or use --host 127.0.0.1")
    others = address.reach(given.host, given.port)
    print(address.said(given.host, given.port, others, sys.stdout), flush=True)
    threading.Thread(target=warm, daemon=True).start()
    page.block_thread()


if __name__ == "__main__":
    main()
