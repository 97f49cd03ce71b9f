"""The networks that the page can draw with: bundled, the visitor's own, and those of the Hugging Face Hub.

A network of the Hub is fetched when somebody asks for it, with its size and licence said before, and can be cancelled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from functools import partial

import gradio as gr

from core import pace, uploads, zoo
from core.cache import Cache
from core.queue import QUEUE, Run
from core.sheets import sheet

from .arrival import sheet_of
from .blocks import data_uri
from .fields import RecipeError
from .parts import LIVE, WATCH, part, private
from .picture import PictureRecipe, movable, noun_of

DROP = "drop"  # reading a file of the visitor's, in the queue
EVENTS = ("ask", "choose", "stop", "dropped", "readings")
FETCH = dict(concurrency_id="fetch", concurrency_limit=2, trigger_mode="multiple", show_progress="hidden")
NAMED = ("name", "title", "licence", "link", "classes", "gated", "learned")  # of a card, as the list shows it
PACKAGE, HUB = "One click away", "From the Hugging Face Hub"
ORDER = (PACKAGE, "Yours", "Bundled", HUB)  # of the list's groups
LARGEST_SHEETS = 2 * 2**20  # bytes of small sheets
First = Callable[[str], dict]
TOLD = 0.4  # seconds between two pieces of news: ten a second are too many to send


_drawn = Cache(LARGEST_SHEETS, len)


def facts(model: str) -> dict:
    """What the page says of a network whatever the knobs: whose it is, its licence, how fast and how it draws."""
    card, drawn = zoo.card(model), pace.pace_of(model)
    size, how = card.resolution, dict(seconds=round(drawn.seconds, 4), slow=drawn.slow, precision=pace.says(model))
    return dict(
        {name: getattr(card, name) for name in (*NAMED[1:], "psi")},
        **how,
        bundled=not (card.source or card.own),
        known=zoo.has_reader(model),
        noun=noun_of(model),
        about=about(card),
        side=size,
        aspect=size / (size - 2 * card.crop),
        transparent=zoo.load(model).image_channels == 4,
        movable=movable(model),
    )


def about(card: zoo.ModelCard) -> str:
    """One sentence on where a network comes from."""
    if card.world:
        return f"It learned from {card.world} that our own program draws, so the right answers are known."
    places = {"Yours": "is your own", HUB: f"was trained by others and comes from the Hugging Face Hub ({_repo(card)})"}
    origin = places.get(_group(card), f"was trained by others and comes from {_repo(card)}")
    learned = f" It learned from {card.learned}." if card.learned else ""
    return (
        f"The network {card.title} {origin}.{learned} Nobody knows the true factors of its pictures, so a knob is "
        "judged by what it does to brightness, colours, light, place and edges."
    )


def _repo(card: zoo.ModelCard) -> str:
    return card.source.repo if card.source else ""


def _group(card: zoo.ModelCard) -> str:
    if card.source:
        return HUB if card.of_hub else PACKAGE
    return "Yours" if card.own else "Bundled"


def listed(visitor: str = "") -> list[dict]:
    """Every network with what a visitor needs to choose: of packages, their own, bundled, of the Hub."""
    own = [card for name, card in zoo.VISITORS.items() if uploads.owner_of(name) == visitor.partition("~")[0]]
    cards = (*own, *zoo.CARDS.values(), *zoo.REMOTE_CARDS.values())
    return sorted(map(_row, cards), key=lambda row: ORDER.index(row["group"]))


def _row(card: zoo.ModelCard) -> dict:
    why = "nobody has pinned its revision and hash, so it opens only with python app.py --unpinned"
    more = dict(size=_megabytes(card), refusal="" if zoo.openable(card.name) else why)
    more["sheet"] = _drawn.get(card.name) or sheet_of(card.name)
    return {name: getattr(card, name) for name in NAMED} | dict(more, group=_group(card), here=zoo.is_here(card.name))


def with_sheets(visitor: str) -> Iterator[dict]:
    """The list, and again after each small sheet of what an open network draws; a sheet is drawn once."""
    yield dict(models=listed(visitor))
    for row in listed(visitor):
        name = row["name"]
        if not row["sheet"] and zoo.is_here(name) and (row["group"] == "Bundled" or zoo.is_open(name)):
            _drawn.made(name, partial(_sheet, zoo.card(name)))
            yield dict(models=listed(visitor))


def _sheet(card: zoo.ModelCard) -> str:
    return data_uri(sheet(pace.quick(card.name), psi=card.psi, crop=card.crop))


def _megabytes(card: zoo.ModelCard) -> str:
    size = card.source.transferred if card.source else card.path.stat().st_size
    exact = card.source is None or card.source.size is not None
    return f"{'' if exact else 'about '}{size / 1e6:.0f} MB" if size else "size not known"


def fetched(model: str, visitor: str) -> Iterator[dict]:
    """How far the download is, about twice a second; nothing where the file is here.

    Raises ValueError, zoo.Cancelled.
    """
    if not zoo.known(model):
        raise RecipeError("there is no such network: choose one of the list")

    def download(run: Run) -> Generator[dict, None, None]:
        zoo.fetch(model, progress=lambda done, total: run.tell(_progress(done, total)), cancelled=run.to_end)
        yield from ()

    told, kind = 0.0, f"fetch {model}"
    for news in QUEUE.watch(kind, download, visitor, kind, lane=kind):
        if "gone" in news:  # it goes on for others
            raise zoo.Cancelled
        if time.monotonic() - told > TOLD:
            told = time.monotonic()
            yield news


def _progress(done: int, total: int | None) -> dict:
    whole = f" of {total / 1e6:.0f}" if total else ""
    return dict(share=done / total if total else None, says=f"{done / 1e6:.0f}{whole} MB fetched")


def choose(model: str, given: dict, visitor: str, first: First = lambda model: {}) -> Iterator[dict]:
    """Fetches and opens a network; yields what the list shows meanwhile, and last the recipe that is drawn with it.

    first: model -> the tab's whole recipe that was chosen for this network, {} where none was.
    """
    try:
        for progress in fetched(model, visitor):
            yield dict(progress, name=model)
        yield dict(name=model, share=1.0, says="Opening it …")
        pace.pace_of(model)
        card = zoo.card(model)
        seed, whole = given.get("seed", 0) if isinstance(given, dict) else 0, first(model)
        chosen = whole or PictureRecipe(model, seed=seed, psi=card.psi).as_dict()
        yield dict(name=model, recipe=chosen, whole=bool(whole), models=listed(visitor))
    except zoo.Cancelled:
        yield dict(name=model, error="", models=listed(visitor))
    except ValueError as error:  # RecipeError and FetchError too
        said = str(error)
        yield dict(name=model, error=said[:1].upper() + said[1:], models=listed(visitor))


def picker(tab: str, parts: dict, first: First = lambda model: {}) -> None:
    """The list of networks of a tab as its part `models`; first: as of `choose`. Its script is `gan.models`."""
    bus = parts["recipe"]
    made = parts["models"] = part(tab, "models", {}, events=EVENTS)

    def choosing(given, event: gr.EventData, request: gr.Request):
        yield from choose(event.name, given, str(request.session_hash), first)

    def stop(event: gr.EventData, request: gr.Request) -> None:
        QUEUE.stop(str(request.session_hash), f"fetch {event.name}" if event.name else DROP)

    def ask(request: gr.Request) -> Iterator[dict]:
        yield from with_sheets(str(request.session_hash))

    made.ask(ask, None, made, **private(f"{tab}_networks", WATCH))
    made.choose(choosing, bus, made, **private(f"{tab}_choose", FETCH))
    made.stop(stop, None, None, **private(f"{tab}_stop", LIVE))
