"""Knobs named after attributes, from labels that a reader gives, and what was measured of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from core import evidence, zoo
from core.boundaries.interfacegan import boundaries, conditioned
from core.boundaries.pure import gradient, pure
from core.cache import cached
from core.factorization.baseline import spread_along
from core.labels import FIRST_SLOPED, Labels
from core.truth.verdict import named_knob, plain_named

from .knobs import Knobs
from .labels import codes_for, judge_of, labels_of, spread_of
from .picture import PictureRecipe, opened


class Way(NamedTuple):
    """fit: "pure", "gradient", or of `interfacegan.FITS`. lam: of pure knobs. fixed: attributes that others must not
    move."""

    fit: str
    lam: float
    fixed: tuple[str, ...] = ()


def attribute_knobs(recipe: PictureRecipe, slots: tuple[int, ...], way: Way) -> Knobs:
    """A knob for each attribute. Its labels must be there, see `labels.labels_of`."""
    return _knobs(recipe.model, zoo.weights_hash(recipe.model), recipe.label, slots, way)


@cached(64)
def _knobs(model: str, _weights: str, label: int, slots: tuple[int, ...], way: Way) -> Knobs:
    recipe = PictureRecipe(model, label=label)
    generator, judge, labels, drawn = opened(model), judge_of(recipe), labels_of(recipe), recipe.label_or_none
    rows = [judge.names.index(name) for name in way.fixed]
    if way.fit == "pure":
        found = pure(generator, labels.slopes(spread_of(recipe)), slots, lam=way.lam, fixed=rows, label=drawn)
    elif way.fit == "gradient":
        found = gradient(generator, labels.slopes(spread_of(recipe)), slots, fixed=rows, label=drawn)
    else:
        codes = codes_for(recipe, len(labels.readings), labels.first_seed, 1.0)
        found = conditioned(boundaries(generator, codes, labels.readings, slots, fit=way.fit).directions, rows)
    steps, told = spread_along(generator, found, label=drawn), measured(recipe, way)
    if told and slots == tuple(range(generator.slots)):
        changes, about = told.changes, dict(pictures=told.pictures, measured=True)
    else:
        changes, about = labels.expected(spread_of(recipe), found, steps), dict(pictures=len(labels.jacobian.readings))
    said = [named_knob(change, i, judge.factors, things=judge.things, **about) for i, change in enumerate(changes)]
    how = "" if "measured" in about else " Estimated from small steps: these knobs were not measured."
    plain = [plain_named(change, i, judge.factors) + how for i, change in enumerate(changes)]
    titles, ends = zip(*((factor.description, (factor.low, factor.high)) for factor in judge.factors))
    return Knobs(found, steps.tolist(), titles, ends, said, plain=plain, unit="standard deviations of w . n")


SLOPES_IMPORT = "from core.boundaries.jacobian import reading_jacobian"


def slopes_code(labels: Labels, own: str = "codes_in_turn(generator, ") -> list[str]:
    """The lines of a code cell that make `spread` and `slopes` with `judge`; own: what makes the network's codes."""
    psi = f"psi={labels.psi:g}"
    return [
        f"pictures = {own}{len(labels.jacobian.readings)}, {FIRST_SLOPED}, {psi})",
        f"found = reading_jacobian(generator.at({psi}), judge.read, pictures)",
        "spread = judge.spread_over(found.readings).spread",
        "slopes = found.over(spread)",
    ]


class Measured(NamedTuple):
    """changes [factors, factors]: of each factor by a step of each knob, by the judge that nothing was fitted to."""

    changes: Tensor
    pictures: int

    def share(self, knob: int) -> float:
        """Of all that a knob changes, the part that is its own factor, in percent."""
        return 100 * float(self.changes[knob, knob].abs() / self.changes[knob].abs().sum().clamp(min=1e-12))


def measured(recipe: PictureRecipe, way: Way) -> Measured | None:
    """What the evidence says of these knobs in all layers; None where exactly these were not measured."""
    found = evidence.recorded(recipe.model, "attributes")
    if found is None or way.fixed or recipe.label_or_none is not None or recipe.psi != found["samples"]["psi"]:
        return None
    ways = dict(pure=f"pure, lam = {way.lam:g}", gradient="mean gradient")
    changes = found["changes"].get(ways.get(way.fit, f"InterFaceGAN, {way.fit}"))
    return changes and Measured(torch.tensor(changes, dtype=torch.float64), found["samples"]["turned"])
