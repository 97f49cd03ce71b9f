"""Pictures cut into pieces by what channels say, and three measures of every channel of a gate beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from core import zoo
from core.channels.awareness import activations, strongest
from core.channels.comparison import Measures, compared, comparison_sentence
from core.channels.segmentation import SIDE, agreement, resampled, segment
from core.images import painted, webp
from core.parts import has_parts

from ..page.blocks import aha, data_uri, picture, table
from ..page.cells import Progress
from ..page.picture import opened
from .channel import DOTS
from .classes import codes_for, scores_of
from .recipe import Look, gate_name, gates_of, generator_of, named

TOGETHER = 4  # pictures that are cut at once
COMPARED = ("channel", "by formula: awareness", "by watching: mean activation", "by experiment: change of 255 levels")


# --- cut into pieces


def cut(look: Look) -> Iterator[Progress | dict]:
    """Some pictures of the class cut into pieces by k-means of what the channels say at each pixel,
    with weights and without.
    """
    generator, codes, gates = generator_of(look), codes_for(look, TOGETHER, look.label), gates_of(look)
    with torch.no_grad():
        pictures, maps = generator(codes).clamp(-1, 1), activations(generator, codes, gates)
    weights = [scores.to(part) for scores, part in zip(scores_of(look, look.label, gates).values(), maps)]
    side, cuts = min(SIDE, pictures.shape[-1]), {}
    for name, given in (("with", weights), ("without", None)):
        yield Progress(f"Cutting {name} weights …", len(cuts) / 2)
        cuts[name] = segment(maps, given, k=look.pieces, size=side)
    shown = cuts["with" if look.weighted else "without"]
    rows = [dict(picture=picture(one[None]), cut=data_uri(webp(painted(of)))) for one, of in zip(pictures, shown)]
    yield dict(rows=rows, verdict=_cut_said(look, pictures, cuts, side))


def _cut_said(look: Look, pictures: Tensor, cuts: Mapping[str, Tensor], side: int) -> str:
    how = "with" if look.weighted else "without"
    sizes = torch.bincount(cuts[how].flatten(), minlength=look.pieces).double() / cuts[how].numel()
    parts = ", ".join(f"{100 * share:.0f}" for share in sizes.tolist())
    said = (
        f"{look.pieces} pieces of {parts} % of {len(pictures)} pictures, {how} awareness as weight. The cuts with and "
        f"without weights agree at {agreement(*cuts.values()):.2f} (adjusted Rand index: 0 chance, 1 the same)."
    )
    if not has_parts(look.model):
        return said + " No part reader belongs to this network, so nobody says here which cut is right."
    truth = resampled(zoo.load_part_reader(zoo.card(look.model).world)(pictures).argmax(1), side)
    right = {name: agreement(truth, one) for name, one in cuts.items()}
    return f"{said} Agreement with the part reader: {right['with']:.2f} with weights, {right['without']:.2f} without."


def cut_html(look: Look, found: Mapping) -> str:
    pairs = "".join(
        f'<div class="pictures"><img src="{row["picture"]}" alt="picture {i + 1} of the class">'
        f'<img src="{row["cut"]}" alt="its pieces" class="hard"></div>'
        for i, row in enumerate(found["rows"])
    )
    return f'{aha(found["verdict"])}<div class="faces">{pairs}</div>'


# --- formula, observation, experiment


def compare(look: Look) -> Iterator[Progress | dict]:
    """The three measures of every channel of the gate, for the class:
    first by watching, then by switching each one off.
    """
    for step in compared(opened(look.model), look.label, gate=look.gate, seed=look.seed, psi=look.psi):
        if step.measures is None:
            yield Progress(step.says, step.share)
    said = comparison_sentence(step.measures, named(look), gate_name(look.model, look.gate))
    yield dict(table=compared_table(look, step.measures), verdict=said)


def compared_table(look: Look, found: Measures) -> str:
    """The channels that are most aware, those that change most, and the chosen one, with their ranks."""
    formula, _, effect = found
    aware, changing = strongest(formula, min(DOTS, len(formula))), strongest(effect, min(3, len(effect)))
    ranks, digits, rows = found.ranks(), (3, 3, 2), []
    for i in dict.fromkeys([*aware.tolist(), *changing.tolist(), look.channel]):
        said = [f"{float(of[i]):.{n}f} (rank {rank[i]})" for of, rank, n in zip(found, ranks, digits)]
        rows.append((f"channel {i}", *said))
    where = f"The most aware channels of {gate_name(look.model, look.gate)}"
    return table(COMPARED, rows, caption=f"{where}, those that change most, and the chosen one")


def told_html(look: Look, found: Mapping) -> str:
    """A sentence and a table."""
    return aha(found["verdict"]) + found["table"]
