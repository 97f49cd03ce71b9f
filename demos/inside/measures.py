"""Pictures cut into pieces by what channels say, and three measures of every channel of a gate beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from PIL import Image
from torch import Tensor

from core import zoo
from core.channels.awareness import activations, awareness, causal_effect, mean_activation, strongest
from core.channels.effect import LEVELS
from core.channels.segmentation import SIDE, segment
from core.images import webp
from core.parts import has_parts
from core.truth.scores import rank_correlation

from ..page.blocks import aha, data_uri, table
from ..page.cells import Progress
from ..page.fields import RecipeError
from ..page.picture import opened
from ..page.words import signed
from .channel import DOTS, uri
from .recipe import Look, awareness_of, codes_of, gate_name, gates_of, generator_of, named

TOGETHER = 4  # pictures that are cut at once
OBSERVED, TRIED = 16, 2  # pictures for the sampled and for the causal measure
PALETTE = (
    (15, 118, 110),
    (217, 119, 6),
    (79, 70, 229),
    (190, 24, 93),
    (101, 163, 13),
    (2, 132, 199),
    (120, 53, 15),
    (147, 51, 234),
    (82, 82, 91),
    (234, 179, 8),
    (20, 184, 166),
    (244, 63, 94),
)


# --- cut into pieces


def cut(look: Look) -> Iterator[Progress | dict]:
    """Some pictures of the class cut into pieces by k-means of what the channels say at each pixel,
    with weights and without.
    """
    try:
        import sklearn.metrics
    except ImportError:
        raise RecipeError(
            "cutting needs scikit-learn, which is not installed here: run pip install scikit-learn and start again"
        ) from None
    generator, gates = generator_of(look), gates_of(look)
    codes = torch.cat([codes_of(look, seed=look.seed + i) for i in range(TOGETHER)])
    with torch.no_grad():
        pictures, maps = generator(codes).clamp(-1, 1), activations(generator, codes, gates)
    weights = [awareness_of(look.model, gate)[look.label].to(part) for gate, part in zip(gates, maps)]
    side = min(SIDE, pictures.shape[-1])
    cuts = {}
    for name, given in (("with", weights), ("without", None)):
        yield Progress(f"Cutting {name} weights …", len(cuts) / 2)
        cuts[name] = segment(maps, given, k=look.pieces, size=side)
    agree = sklearn.metrics.adjusted_rand_score(cuts["with"].flatten().numpy(), cuts["without"].flatten().numpy())
    shown = cuts["with" if look.weighted else "without"]
    rows = [dict(picture=uri(pictures[i : i + 1]), cut=painted(shown[i])) for i in range(TOGETHER)]
    yield dict(rows=rows, verdict=_cut_said(look, pictures, cuts, side, float(agree)))


def _cut_said(look: Look, pictures: Tensor, cuts: dict[str, Tensor], side: int, agree: float) -> str:
    shown = cuts["with" if look.weighted else "without"]
    sizes = torch.bincount(shown.flatten(), minlength=look.pieces).double() / shown.numel()
    parts = ", ".join(f"{100 * share:.0f}" for share in sizes.tolist())
    said = (
        f"{look.pieces} pieces of {parts} % of {len(pictures)} pictures, "
        f"{'with' if look.weighted else 'without'} awareness as weight. "
        f"The cuts with and without weights agree at {agree:.2f} (adjusted Rand index: 0 chance, 1 the same)."
    )
    if not has_parts(look.model):
        return said + " No part reader belongs to this network, so nobody says here which cut is right."
    from sklearn.metrics import adjusted_rand_score

    truth = zoo.load_part_reader(zoo.card(look.model).world)(pictures).argmax(1)
    truth = torch.nn.functional.interpolate(truth[:, None].float(), size=(side, side), mode="nearest")
    truth = truth.long().flatten().cpu().numpy()
    scores = {name: adjusted_rand_score(truth, one.flatten().numpy()) for name, one in cuts.items()}
    return f"{said} Agreement with the part reader: {scores['with']:.2f} with weights, {scores['without']:.2f} without."


def painted(regions: Tensor) -> str:
    """[h, w] numbers -> a picture of flat colours, as a data URI."""
    return data_uri(webp(Image.fromarray(torch.tensor(PALETTE, dtype=torch.uint8)[regions.cpu()].numpy())))


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
    formula = awareness(opened(look.model), look.label, gate=look.gate).cpu()
    asked = dict(gate=look.gate, seed=look.seed, psi=look.psi)
    for seen in mean_activation(opened(look.model), look.label, draws=OBSERVED, **asked):
        yield Progress(f"Watching: {seen.done} of {seen.of} pictures", 0.3 * seen.done / seen.of)
    observed, effect = seen.values.cpu(), None
    for tried in causal_effect(opened(look.model), look.label, draws=TRIED, **asked):
        effect = tried.values.cpu()
        share = 0.3 + 0.7 * tried.done / tried.of
        yield Progress(f"Switching off: {tried.done} of {tried.of} channels", share)
    yield dict(
        table=compared_table(look, formula, observed, effect), verdict=compared_said(look, formula, observed, effect)
    )


def compared_said(look: Look, formula: Tensor, observed: Tensor, effect: Tensor) -> str:
    pairs = {"watching": rank_correlation(formula, observed), "experiment": rank_correlation(formula, effect)}
    both = rank_correlation(observed, effect)
    told = ", ".join(
        f"with {'the ' * (name == 'experiment')}{name} {signed(value, 2)}" for name, value in pairs.items()
    )
    return (
        f"Does the formula put the {len(formula)} channels in the same order? Rank correlation {told}; "
        f"watching with the experiment {signed(both, 2)} (1 the same order, 0 unrelated). "
        f"{gate_name(look.model, look.gate).capitalize()}, {named(look)}; {OBSERVED} pictures watched, "
        f"{TRIED} switched."
    )


def compared_table(look: Look, formula: Tensor, observed: Tensor, effect: Tensor) -> str:
    root = LEVELS * effect.clamp(min=0).sqrt()
    numbers = dict.fromkeys(
        [
            *strongest(formula, min(DOTS, len(formula))).tolist(),
            *strongest(effect, min(3, len(effect))).tolist(),
            look.channel,
        ]
    )
    rank = {
        name: (-values).argsort(stable=True).argsort().add(1).tolist()
        for name, values in (("f", formula), ("o", observed), ("e", effect))
    }
    rows = [
        (
            f"channel {i}",
            f"{float(formula[i]):.3f} (rank {rank['f'][i]})",
            f"{float(observed[i]):.3f} (rank {rank['o'][i]})",
            f"{float(root[i]):.2f} (rank {rank['e'][i]})",
        )
        for i in numbers
    ]
    head = ["channel", "by formula: awareness", "by watching: mean activation", "by experiment: change of 255 levels"]
    return table(
        head,
        rows,
        caption=f"The most aware channels of {gate_name(look.model, look.gate)}, "
        "those that change most, and the chosen one",
    )


def told_html(look: Look, found: Mapping) -> str:
    """A sentence and a table."""
    return aha(found["verdict"]) + found["table"]
