"""What was measured of a card, as the files in weights/evidence say; only for exactly the weights that are here."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from . import zoo
from .checkpoints import native
from .truth.judge import READER, STATISTICS
from .truth.records import words_in
from .truth.worlds import load_world
from .zoo import has_reader

TOP, MOVED = 3, 0.2  # factors named, and standard deviations that count as having moved


def recorded(model: str, kind: str = "") -> dict | None:
    """The file weights/evidence/<model>-<kind>.json; None where there is none for exactly these weights."""
    return _evidence(f"{model}-{kind}" if kind else model, zoo.weights_hash(model))


@lru_cache(maxsize=32)
def _evidence(stem: str, weights: str) -> dict | None:
    try:
        found = json.loads((zoo.WEIGHTS / "evidence" / f"{stem}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fits = isinstance(found, dict) and found.get("weights", found.get("weights_sha256")) == weights
    return found if fits else None


def knob_records(model: str, knobs: str) -> list[dict] | None:
    """The records of a set of knobs, see `core.truth.records`, each with the sentence that its numbers say.

    knobs: the method and the layers, such as "sefa-paper/all" or "random/coarse". None where they were not measured.
    Of a network that others trained they are those of picture statistics.
    """
    by_statistics = recorded(model, STATISTICS)
    if by_statistics is not None:
        return by_statistics["sets"].get(knobs, {}).get("knobs")
    known = recorded(model) or {}
    found = known.get("sets", {}).get(knobs)
    if found is None:
        return None
    counted = dict(n=known["samples"]["faces"], things=zoo.card(known["card"]).things)
    said = dict(baseline=known["baseline"][knobs.partition("/")[2]], **counted)
    factors, more = load_world(zoo.card(model).world).FACTORS, dict(percentile=[], grade=READER, pictures=said["n"])
    return [dict(knob, **more, **words_in(knob, factors, **said)) for knob in found["knobs"]]


# --- sha256 of what words rest on


def made_from(model: str, *kinds: str) -> dict[str, str]:
    """sha256 of all that the words of a page rest on: weights, evidence, reader; "" where there is none.

    kinds: of further evidence, each of them under the name <model>-<kind>.
    """
    more = {f"{model}-{kind}": hash_of(f"{model}-{kind}") for kind in kinds}
    measured = hash_of(model) or hash_of(f"{model}-{STATISTICS}")
    return dict(weights=zoo.weights_hash(model), evidence=measured, reader=reader_hash(model), **more)


def hash_of(stem: str) -> str:
    """sha256 of the file weights/evidence/<stem>.json, hexadecimal; "" where there is none."""
    return file_hash(zoo.WEIGHTS / "evidence" / f"{stem}.json")


def reader_hash(model: str, which: str = "") -> str:
    """sha256 of a factor reader of a model's world, see `zoo.load_reader`; "" where there is none."""
    return file_hash(zoo.reader_path(zoo.card(model).world, which)) if has_reader(model, which) else ""


def fitted_hash(model: str) -> str:
    """sha256 of the readers of `zoo.load_fitted_judge`, with a + between them; "" where there is none."""
    return "+".join(filter(None, (reader_hash(model, which) for which in ("", "c"))))


def file_hash(path: Path) -> str:
    """sha256 of a file, hexadecimal, read once until it changes; "" where there is none."""
    if not path.exists():
        return ""
    there = path.stat()
    return _hashed(path, there.st_mtime_ns, there.st_size)


@lru_cache(maxsize=32)
def _hashed(path: Path, _changed: int, _size: int) -> str:
    return native.weights_hash(path)


# --- what moved, read by the factor reader


def read_change(model: str, before: Tensor, after: Tensor) -> Tensor | None:
    """Factor changes between images [n, 3, R, R], [n, factors] in standard deviations; None without a reader."""
    return zoo.load_judge(model).change(before, after) if has_reader(model) else None


def top_moved(model: str, changed: Tensor | None, *, least: float = MOVED) -> list[dict]:
    """The TOP factors of a change [factors] by at least `least`:
    description, sense in words, amount; none without a reader.
    """
    if changed is None:
        return []
    found = zoo.load_judge(model).strongest(changed, TOP, least=least)
    return [dict(name=one.factor.description, sense=one.sense, amount=round(one.change, 2)) for one in found]
