"""Drop anything here: one target that recognises what it is given, and says in one line what was done with it.

What a file is, is told by what it holds. A network becomes a card of the visitor's own; a picture, link or recipe of
this page opens as it was; directions become knobs; other pictures and edits go to the tab that takes them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from core import pace, uploads, zoo
from core.checkpoints.vocabulary import shown as plain
from core.edits import FORMAT as EDITS
from core.factorization.files import SUFFIXES as DIRECTIONS
from core.queue import QUEUE, Run
from core.sheets import sheet
from demos.page import models
from demos.page.blocks import data_uri
from demos.page.export import LARGEST_PNG, recipe_from_png
from demos.page.fields import Fields, RecipeError
from demos.page.handlers import recipe_in_text, refused
from demos.page.parts import WATCH, private
from demos.page.picture import PictureRecipe
from demos.page.sources import KnobSet, reading_said, take_directions

LARGEST_TEXT = 2 * 2**20  # bytes
PICTURES = re.compile(  # how files of pictures begin; HEIC and AVIF name themselves a little later
    rb"\x89PNG\r\n|\xff\xd8\xff|RIFF....WEBP|GIF8[79]a|BM|II\*\0|MM\0\*|....ftyp(?:heic|heix|hevc|mif1|msf1|avif|avis)",
    re.S,
)
LINK = re.compile(r"(?:https?://[^\s\"'<>()\\]+)?\?(?:v|tab|model|seed)=[^\s\"'<>()\\]+")
READING = "Reading it, in a process of its own …"


@dataclass(frozen=True)
class Dropped:
    """What a file was. says: what was done, one line. recipe: to be opened in its tab. kind: of what another tab takes
    as it came, "picture" or "edits". card: of the network in it."""

    says: str
    recipe: Fields | None = None
    kind: str = ""
    card: zoo.ModelCard | None = None


def dropped(token: str, given: Mapping, visitor: str, *, settings: Mapping | None = None) -> Iterator[dict]:
    """What the page shows of a file that came: `says` while it is read, and last what was done with it, or `error`.

    given: the recipe on screen. settings: how a network is to be read, as of `checkpoints.read`.
    """
    try:
        one = uploads.of(token)
        if one.card or not _is_small(one.path):
            yield from _network(one, given, visitor, settings)
            return
        found = _recognised(one, given)
        if found is None:
            yield from _network(one, given, visitor, settings)
            return
        yield dict(says=found.says, kind=found.kind, **(dict(open=found.recipe.as_dict()) if found.recipe else {}))
    except (zoo.Cancelled, uploads.Stopped):
        yield dict(error="")
    except ValueError as error:  # RecipeError too
        yield refused(RecipeError(str(error).rstrip(".") + "."))


def _is_small(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= max(LARGEST_PNG, LARGEST_TEXT, 20 * 2**20)


def _recognised(one: uploads.Brought, given: Mapping) -> Dropped | None:
    """`recognised`, after which the file is gone unless it may be a network."""
    try:
        found = recognised(one.path, given)
    except ValueError:
        uploads.drop(one)
        raise
    if found is not None:
        uploads.drop(one)
    return found


def recognised(path: Path, given: Mapping) -> Dropped | None:
    """What a file of moderate size is; None: whatever it is, it may be a network. Raises RecipeError."""
    with open(path, "rb") as file:
        data = file.read(LARGEST_PNG + 1)
    if PICTURES.match(data):
        return _picture(data)
    if path.suffix.lower() in DIRECTIONS and _holds_directions(path):
        chosen = take_directions(str(path), _knobs(given))
        return Dropped(f"A file of directions: they are the knobs now. {reading_said(chosen)}".strip(), chosen)
    text = _text(data)
    return None if text is None else _said(text, path.name)


def _picture(data: bytes) -> Dropped:
    if data.startswith(b"\x89PNG") and b"ganatomy" in data:
        return Dropped("A picture of this page: it stands as it was made.", recipe_from_png(data))
    return Dropped("A picture: taken to “My own picture” on Restore.", kind="picture")


def _holds_directions(path: Path) -> bool:
    """A safetensors file may hold a network as well."""
    if path.suffix.lower() != ".safetensors":
        return True
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            names = list(file.keys())
    except (OSError, SafetensorError):
        return False
    return "vectors" in names or len(names) == 1


def _knobs(given: Mapping) -> Mapping:
    """The recipe on screen where it takes directions, else Steer's of the same picture."""
    if isinstance(given, Mapping) and "method" in given and "directions" in given:
        return given
    told = {name: given[name] for name in ("model", "seed", "psi", "label") if given.get(name) is not None}
    plainly = PictureRecipe(**told)
    return KnobSet(plainly.model, seed=plainly.seed, psi=plainly.psi, label=plainly.label).as_dict()


def _text(data: bytes) -> str | None:
    """None where it is no text."""
    if b"\0" in data[:4096] or data[:1] == b"\x80" or len(data) > LARGEST_TEXT:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _said(text: str, name: str) -> Dropped | None:
    """A recipe, edits, or whatever holds a link of this page, such as a notebook."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and found.get("format") == EDITS:
        return Dropped("Edits that were kept: they are on Steer, under “Take it away”.", kind="edits")
    if isinstance(found, dict) and "model" in found and "cells" not in found:
        return Dropped("A recipe of this page: its picture stands as it was made.", recipe_in_text(text))
    link = LINK.search(text.replace("\\u0026", "&"))
    if link:
        return Dropped("A link of this page: its picture stands as it was made.", recipe_in_text(link[0]))
    if text.lstrip()[:1] in "<":
        return None  # a web page in the place of a file is named by whoever reads networks
    raise RecipeError(
        f"the file {plain(name)} is text in which there is neither a link nor a recipe of this page: drop a network "
        "(.pkl, .pt, .pth, .safetensors ...), a picture, a file of directions, or what was saved on this page"
    )


# --- networks


def _network(one: uploads.Brought, given: Mapping, visitor: str, settings: Mapping | None) -> Iterator[dict]:
    yield dict(says=READING, share=None)
    kept: list[zoo.ModelCard] = []

    def read(run: Run) -> Generator[dict, None, None]:
        kept.append(uploads.opened(one, visitor.partition("~")[0], settings=settings, stopped=run.to_end))
        yield from ()

    for news in QUEUE.watch(f"drop {one.token}", read, visitor, models.DROP, lane=models.DROP):
        if "gone" in news:
            raise zoo.Cancelled
        yield news
    if not kept:
        raise zoo.Cancelled
    card = kept[0]
    yield dict(says="Drawing with it …", share=None)
    pace.pace_of(card.name)
    seed = given.get("seed", 0) if isinstance(given, Mapping) else 0
    chosen = PictureRecipe(card.name, seed=seed, psi=card.psi)
    several = bool(uploads.token_of(card.name))
    notes = " ".join(note[:1].upper() + note[1:].rstrip(".") + "." for note in zoo.load(card.name).notes)
    gone = "It is in your list alone, and goes when you close the page, or after an hour."
    says = f"A network: {card.title}. {gone} {notes}".strip()
    yield dict(says=says, recipe=chosen.as_dict(), several=several)


def readings(card: str, visitor: str) -> Iterator[dict]:
    """The ways in which a visitor's file can be read, each with six pictures; `says` meanwhile, or `error`."""
    kept: list[uploads.Reading] = []

    def read(run: Run) -> Generator[dict, None, None]:
        kept.extend(uploads.readings(card, stopped=run.to_end))
        yield from ()

    try:
        if uploads.owner_of(card) != visitor.partition("~")[0]:
            raise RecipeError("this network is no longer here: drop its file again")
        yield dict(says="Reading it in every way …", share=None)
        yield from QUEUE.watch(f"ways {card}", read, visitor, models.DROP, lane=models.DROP)
        if not kept:
            raise zoo.Cancelled
        shown = [dict(says=one.says, settings=one.settings, sheet=data_uri(sheet(one.generator))) for one in kept]
        yield dict(ways=shown, token=uploads.token_of(card))
    except (zoo.Cancelled, uploads.Stopped):
        yield dict(error="")
    except ValueError as error:
        yield refused(RecipeError(str(error).rstrip(".") + "."))


# --- on the page


def script() -> str:
    """The <script> of the target, to come after those that all tabs share."""
    code = Path(__file__).with_name("drop.js").read_text(encoding="utf-8")
    return f"<script>window.ganLargest = {json.dumps(uploads.limits()['largest'])};\n{code}</script>"


def wire(tab: str, parts: Mapping) -> None:
    """What is dropped on a tab is taken; parts: of `demos.page.tab.build`."""

    def dropping(given, event: gr.EventData, request: gr.Request):
        visitor = str(request.session_hash)
        settings, way = getattr(event, "settings", None), str(getattr(event, "way", ""))[:120]
        for news in dropped(event.token, given, visitor, settings=settings if isinstance(settings, dict) else None):
            rows = dict(models=models.listed(visitor)) if "recipe" in news else {}
            if way and "recipe" in news:
                news = dict(news, says=f"Read as {way}. {news['says']}")
            yield dict(
                news, file=True, token=event.token, at=time.time(), **rows
            )  # the same sentence twice is two answers

    def reading(event: gr.EventData, request: gr.Request):
        for news in readings(str(event.name), str(request.session_hash)):
            yield dict(news, file=True, at=time.time())

    parts["models"].readings(reading, None, parts["models"], **private(f"{tab}_readings", WATCH))
    parts["models"].dropped(dropping, parts["recipe"], parts["models"], **private(f"{tab}_dropped", WATCH))
