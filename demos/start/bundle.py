"""Start as files that a browser loads: the same below an address of the page, and in a folder of its own."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

import engine
from core import evidence, zoo
from engine.pack import pack

from ..page.arrival import ARRIVAL, fitting
from ..page.words import texts

HERE = Path(__file__).resolve().parent
TEXTS = texts(HERE / "texts")
NEEDED = ("made_from", "recipe", "view", "pictures")
NAMES = ("portraits-stylegan2", "faces-dcgan")  # networks that can be recorded for Start
SHOWN = ("name", "title", "licence", "link", "learned", "resolution", "psi", "reach")  # of a card
Files = dict[str, Callable[[], bytes]]


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of Start rest on, by name."""
    return evidence.made_from(model, "attributes")


def record_of(model: str) -> dict | None:
    """What was recorded for a network, where that fits the weights that are here."""
    if not zoo.known(model) or not zoo.is_here(model):
        return None
    name = "start" if zoo.card(model).source is None else f"{model}/start"
    return fitting(name, model, made_from, NEEDED)


def networks(more: bool = True) -> list[str]:
    """The networks that Start shows, the first one first; none where the bundled one has no fitting record.

    more: also those that others trained, where they are here.
    """
    bundled = zoo.CARDS.get(NAMES[0])
    if bundled is None or any(card.own for card in zoo.CARDS.values()) or record_of(NAMES[0]) is None:
        return []
    return [name for name in NAMES if (more or name == NAMES[0]) and record_of(name) is not None]


def view_of(model: str) -> dict:
    """What the script needs of a network: its record, its card, and the names of its files."""
    card, found, weights = zoo.card(model), record_of(model), zoo.weights_hash(model)[:8]
    facts = {name: getattr(card, name) for name in SHOWN} | dict(bundled=card.source is None, world=bool(card.world))
    pictures = {name: picture_file(address) for name, address in found["pictures"].items()}
    lead = TEXTS["known"] if card.world else TEXTS["others"].format(learned=card.learned)
    return dict(
        facts,
        **found["view"],
        lead=lead,
        pictures=pictures,
        pack=f"{model}.pack",
        **_sizes(packed(model)),
        weights=weights,
    )


def picture_file(address: str) -> str:
    """The name in the bundle of a recorded picture, by its address on the page."""
    return address.partition("?")[0].removeprefix("arrival/").replace("/", "-")


def _place(address: str) -> Path:
    return ARRIVAL / address.partition("?")[0].removeprefix("arrival/")


def still_of(found: Mapping) -> bytes:
    """The still of a record, a WebP."""
    return _place(found["pictures"]["still"]).read_bytes()


def files(models: list[str], drawing: str = "./engine/") -> Files:
    """Every file but those of the engine by its name, and what makes its bytes.

    drawing: where these lie beside the script, an address that ends in /.
    """
    made: Files = {"start.js": partial(script, drawing), "data.json": partial(data, tuple(models))}
    for model in models:
        made[f"{model}.pack"] = partial(packed, model)
        for address in record_of(model)["pictures"].values():
            made[picture_file(address)] = _place(address).read_bytes
    return made


def script(drawing: str) -> bytes:
    return (HERE / "start.js").read_bytes().replace(b'"./engine/', f'"{drawing}'.encode())


def data(models: tuple[str, ...]) -> bytes:
    said = dict(game=TEXTS["game"], words=TEXTS["networks"], bundled=TEXTS["bundled"])
    found = dict(networks=[view_of(model) for model in models], **said)
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


@lru_cache(maxsize=4)
def digest(models: tuple[str, ...]) -> str:
    """Names the bundle by all that it is made of: another one has another address."""
    sources = [path for path in (*engine.files().values(), *HERE.iterdir()) if path.is_file()]
    parts = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(sources)]
    return hashlib.sha256("".join([*parts, *(json.dumps(record_of(one)) for one in models)]).encode()).hexdigest()[:12]


# --- the network as it is sent


def packed(model: str) -> bytes:
    """The network's pack in float16 for the line, see `squeezed`; made once for each of its weights."""
    return _packed(model, zoo.weights_hash(model))


def _sizes(sent: bytes) -> dict[str, int]:
    """Bytes of a pack as it is sent, and as a server that names the encoding has the browser unpack it."""
    return dict(size=len(sent), plain=int.from_bytes(sent[-4:], "little"))


@lru_cache(maxsize=4)
def _packed(model: str, _weights: str) -> bytes:
    return squeezed(pack(zoo.load(model), "float16", seeds=True))


def squeezed(data: bytes) -> bytes:
    """A pack, compressed: gzip of where its float16 numbers begin and how many there are (uint32, little-endian), then
    the pack with their high bytes first and their low bytes after them. Signs and exponents are alike, so a tenth more
    goes away than where they stand mixed.
    """
    line, _, _ = data.partition(b"\n")
    half = [place for place in json.loads(line)["tensors"].values() if place[0] == "float16"]
    count = max((first + int(np.prod(shape)) for _, first, shape in half), default=0)
    start = len(line) + 1
    pairs = np.frombuffer(data[start : start + 2 * count], np.uint8).reshape(-1, 2)
    planes = pairs[:, 1].tobytes() + pairs[:, 0].tobytes()
    places = np.array([start, count], "<u4").tobytes()
    return gzip.compress(places + data[:start] + planes + data[start + 2 * count :], 9, mtime=0)
