"""Hostile and damaged files, dropped on the page: one sentence, nothing runs, nothing stays."""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from core import uploads, zoo
from core.checkpoints import apart, native
from core.codes import Directions
from core.factorization.files import directions_bytes
from demos.page.export import png_of
from demos.steer.recipe import Recipe
from serving import dropping

from .. import tiny
from ..core import test_hostile_files as hostile
from ..support import read_here

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
nothing_runs = hostile.nothing_runs
STYLE = "portraits-stylegan2"
FILES = {
    f"{kind}: {name}": rows[name] if isinstance(rows[name], bytes) else rows[name][0]
    for kind, rows in (
        ("code", hostile.CODE),
        ("instruction", hostile.INSTRUCTIONS_OUT_OF_PLACE),
        ("large", hostile.LARGE),
        ("shared", hostile.SHARED),
        ("other", hostile.OTHER),
    )
    for name in rows
}
APART = ("code: os.system", "large: a bomb", "other: TorchScript")  # read in a process of their own, as on the page


@pytest.fixture(autouse=True)
def one_network(tmp_path, monkeypatch) -> Iterator[None]:
    path = tmp_path / f"{STYLE}.safetensors"
    native.save(tiny.stylegan2(), path)
    monkeypatch.setattr(zoo, "CARDS", {STYLE: zoo.ModelCard(STYLE, "Test portraits", str(path), "portraits", 16)})
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    yield
    for one in list(uploads._brought.values()):
        uploads.drop(one)


def told(data: bytes, name: str = "model.pt") -> dict:
    """What the page says last."""
    one = uploads.begin(name, len(data))
    one.path.write_bytes(data)
    return list(dropping.dropped(uploads.arrived(one), Recipe(STYLE).as_dict(), "somebody"))[-1]


def assert_refused(last: dict) -> None:
    assert last.get("error", "").endswith(".") and "\n" not in last["error"] and len(last["error"]) < 700
    assert "Traceback" not in last["error"] and not uploads._brought and not zoo.VISITORS


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_gets_a_sentence(name: str, monkeypatch) -> None:
    if not FILES[name]:  # of no bytes: refused before it comes
        return
    monkeypatch.setattr(apart, "converted", read_here)
    begun = time.monotonic()
    last = told(FILES[name])
    assert time.monotonic() - begun < hostile.SECONDS
    if "kind" not in last:  # how a picture begins: the tab that takes pictures says what is wrong with it
        assert_refused(last)


def test_the_same_in_a_process_of_its_own() -> None:
    names = [name for name in APART if name in FILES] or list(FILES)[:2]
    for name in names:
        assert_refused(told(FILES[name]))


def others() -> dict[str, bytes]:
    """Files of the page itself."""
    recipe, array = Recipe(STYLE, seed=5, amounts=(1.0,)), io.BytesIO()
    np.save(array, np.eye(3, tiny.DIM))
    directions = Directions(tiny.normal(2, tiny.DIM), tiny.normal(2), (0, 1))
    return {
        "picture.png": png_of(Image.new("RGB", (8, 8)), recipe),
        "recipe.json": json.dumps(recipe.as_dict()).encode(),
        "found.npy": array.getvalue(),
        "found.safetensors": directions_bytes(directions, model=STYLE),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["archive", "nvidia", "whole", "packed", *others()])
def test_a_damaged_file_is_refused_or_harmless(name: str, monkeypatch) -> None:
    monkeypatch.setattr(apart, "converted", read_here)
    data = {**others(), **hostile.good_files()}[name]
    chance, outcomes = random.Random(name), []
    for _ in range(40):
        last = told(hostile.mutated(data, chance), name if "." in name else "model.pt")
        if "error" in last:
            assert_refused(last)
        else:
            assert "recipe" in last or "open" in last or last.get("kind") in ("picture", "edits")
            uploads.leave("somebody")
        outcomes.append("error" in last)
    assert any(outcomes) and not uploads._brought
