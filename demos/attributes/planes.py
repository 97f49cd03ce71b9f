"""How well a plane parts the pictures with an attribute from those without it, after the mapping (w) and before (z)."""

from __future__ import annotations

import torch

from core import zoo
from core.boundaries.interfacegan import boundaries, boundaries_in_z, on_sphere
from core.cache import cached

from ..page import blocks
from ..page.labels import codes_for, judge_of, labels_of
from ..page.picture import PictureRecipe, opened, slots_of

LEAD = (
    "A linear SVM between the extreme scores, as published. Held-out ends: extreme pictures that it was not fitted to. "
    "The rest: all others, most of them near the plane, so fewer lie on the right side. Chance: half of the ends, and "
    "of the rest as many as lie on the larger side."
)


def planes(recipe: PictureRecipe, at: int) -> str:
    """The shares on the right side, for the attribute numbered `at`."""
    rows = _shares(recipe.model, zoo.weights_hash(recipe.model), recipe.label, slots_of(recipe), at)
    body = [(name, *(f"{100 * share:.0f} %" for share in shares)) for name, *shares in rows]
    count = f"{len(labels_of(recipe).readings):,} labelled pictures"
    caption = f"Planes for {judge_of(recipe).factors[at].description}: share on the right side, of {count}"
    return blocks.table(("plane in", "held-out ends", "the rest"), body, caption=caption) + blocks.paragraph(LEAD)


@cached(64)
def _shares(model: str, _weights: str, label: int, slots: tuple, at: int) -> list[tuple[str, float, float]]:
    recipe, generator = PictureRecipe(model, label=label), opened(model)
    labels = labels_of(recipe)
    readings, count = labels.readings[:, [at]], len(labels.readings)
    codes, z = codes_for(recipe, count, labels.first_seed, 1.0), generator.sample(count, labels.first_seed)
    in_z = boundaries_in_z(generator, z, readings)
    mapped = generator.dim != generator.z_dim or not torch.allclose(codes[:1, 0], on_sphere(z[:1]), atol=1e-4)
    found = {"z, before the mapping" if mapped else "z, where there is no mapping": in_z}
    if mapped:
        found = {"w, after the mapping": boundaries(generator, codes, readings, slots, fit="svm")} | found
    rows = [(name, float(one.ends[0]), float(one.rest[0])) for name, one in found.items()]
    return [*rows, ("chance", 0.5, float(in_z.chance[0]))]
