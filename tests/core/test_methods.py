"""The registry of methods: an entry is enough, and every entry is whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.factorization.methods import METHODS, key_of, set_name, titles

from .. import tiny

ROOT = Path(__file__).resolve().parents[2]
KNOWN = dict(these="These ten knobs", was="were", weights="the weights", when="at once", where="", them="them")


@pytest.mark.parametrize("key", METHODS)
@pytest.mark.parametrize("make", [tiny.stylegan2, tiny.pggan])
def test_a_method_finds_unit_directions_and_its_line_of_code_finds_the_same(key, make):
    generator, method = make(), METHODS[key]
    found = method.find(generator, None, k=3)
    assert found.vectors.shape == (3, generator.dim) and torch.allclose(
        found.vectors.norm(dim=1), torch.ones(()).double()
    )
    assert bool((found.scores.diff() <= 0).all()) if method.ranked else len(set(found.scores.tolist())) == 1
    space = dict(generator=generator)
    exec(f"{method.imports}\n{method.line.format(some='', k=3, label='')}", space)
    assert torch.equal(space["directions"].vectors, found.vectors)
    others = [one.find(generator, None, k=3).vectors for name, one in METHODS.items() if name != key]
    assert not any(torch.allclose(one, found.vectors) for one in others), "each finds others"
    alone = method.find(generator, (generator.slots - 1,), k=2)
    assert alone.slots == (generator.slots - 1,)


def test_every_method_has_its_words_and_a_name_that_links_can_hold():
    for key, method in METHODS.items():
        said = method.came.format(**KNOWN)
        assert all((method.title, method.counted, method.plain, method.term, method.tip)) and said.endswith(
            (".", "them.")
        )
        assert key_of(*key.split("/")) == key and set_name(key, "all").count("/") == 1
        assert not method.cite or method.cite.count("{") == method.cite.count("}")
    assert len({method.counted for method in METHODS.values()}) == len(METHODS)
    assert list(titles()) == ["sefa", "ganspace", "random"] and key_of("ganspace", "official") == "ganspace"
    with pytest.raises(KeyError, match="no method 'magic': sefa/paper"):
        key_of("magic", "paper")


PLANTED = """
import torch
from core.codes import Directions
from core.factorization import methods

def axes(generator, slots, *, k, label=None):
    return Directions(torch.eye(generator.dim, dtype=torch.float64)[:k], torch.ones(k), tuple(range(generator.slots)))

line = "directions = axes(generator, {some}k={k})"
methods.METHODS["axes"] = methods.Method(
    "plain axes", "axes", axes, False, "The axes", "axes", "One each.", "{these} {was} axes.", "import axes", line)
from demos.page import words
from demos.page.sources import WAYS, directions_of
from demos.page.verdicts import order_of
from demos.steer.recipe import Recipe, came_from, code_of
from weights.recipes.measure.evidence import direction_sets
recipe = Recipe.from_query({"model": "portraits-stylegan2", "method": "axes", "amounts": "1"})
assert recipe.query().count("method=axes") == 1 and WAYS["axes"]["method"] == "axes"
assert directions_of(recipe)[0].vectors[3, 3] == 1 and order_of(recipe) == "in no order"
assert words.plain("axes") == "The axes" and came_from(recipe) == "These ten knobs were axes."
assert "directions = axes(generator, k=10)" in code_of(recipe).lines
from core import zoo
assert "axes/coarse" in direction_sets(zoo.load(recipe.model))
print("whole")
"""


def test_one_entry_is_all_that_a_new_method_needs():
    done = subprocess.run([sys.executable, "-B", "-c", PLANTED], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout == "whole\n", done.stderr[-2000:]
