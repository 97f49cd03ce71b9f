"""Measure in which layers of a bundled network each attribute is decided (HiGAN), and what it is worth to know.

    python -m weights.recipes.measure.layers portraits-stylegan2

Writes weights/evidence/<card>-layers.json. It rests on the labels that weights.recipes.measure.attributes wrote. Fails
where the halves of the pictures do not agree, or agree as well when the layers of one are shuffled.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time

import torch
from torch import Tensor

from core import zoo
from core.boundaries import hierarchy
from core.boundaries.files import Labels, load_labels
from core.boundaries.hierarchy import gathered, official, own, recommended, reliability, rescored, unbiased, within
from core.boundaries.interfacegan import boundaries
from core.boundaries.pure import LAM, pure
from core.codes import Directions, codes_in_turn, edit, ranges
from core.evidence import fitted_hash, reader_hash
from core.factorization.baseline import random_directions, spread_along
from core.truth import abstraction, scores

from .attributes import written

MAPPED, FIRST_MAPPED = 48, 1_091_000  # pictures of the maps
TRIED, FIRST_TRIED = 32, 1_092_000  # others, on which knobs in recommended layers are compared with whole ones
RANDOM = 10  # random directions
PUBLISHED = 8  # pictures of the form as published
LEAST = 0.9  # agreement of the halves
LOOKED, MOST_OF = 16, 9  # pictures whose pixels are compared; of RANDOM directions, how many make a claim hold
PURE, SVM = f"pure, lam = {LAM:g}", "InterFaceGAN, svm"


class Measurement:
    """A card's network, its judge, and both kinds of knobs, fitted to the labels that lie in weights/."""

    def __init__(self, card: str):
        self.generator, self.judge, self.psi = zoo.load(card), zoo.load_unfitted_judge(card), zoo.card(card).psi
        path = zoo.WEIGHTS / "evidence" / f"{card}-attributes.safetensors"
        labels = load_labels(path, weights=zoo.weights_hash(card), judge=fitted_hash(card))
        if labels is None:
            sys.exit(f"no labels of {card} for these weights: run weights.recipes.measure.attributes first")
        self.labels: Labels = labels
        self.view, self.slots = self.generator.at(psi=self.psi), self.generator.slots
        self.spread = self.judge.spread.double()
        self.slopes = labels.slopes(self.spread)
        codes = codes_in_turn(self.generator, len(labels.readings), labels.first_seed)
        self.knobs = {
            PURE: pure(self.generator, self.slopes),
            SVM: boundaries(self.generator, codes, labels.readings, fit="svm").directions,
        }

        self.tried = self.codes(TRIED, FIRST_TRIED)
        self.plain = scores.read_codes(self.view, self.judge.read, self.tried)

    def codes(self, n: int, first: int) -> Tensor:
        return codes_in_turn(self.generator, n, first, psi=self.psi)

    def changes(self, codes: Tensor, knobs: Directions, steps: Tensor | None = None, places=None, **how) -> Tensor:
        """[k, places, n, factors]: of the readings, by one step along each knob."""
        steps = spread_along(self.generator, knobs) if steps is None else steps
        *_, last = gathered(rescored(self.view, self.judge.read, codes, knobs, steps, places, **how), len(knobs))
        return last.double()

    def by_slopes(self, knobs: Directions) -> Tensor:
        """[k, slots, factors]: the same to first order, from the Jacobian of other pictures."""
        steps = spread_along(self.generator, knobs)
        alone = [self.labels.expected(self.spread, within(knobs, (slot,)), steps) for slot in range(self.slots)]
        return torch.stack(alone, 1)


def maps(measurement: Measurement) -> dict[str, Tensor]:
    codes, found = measurement.codes(MAPPED, FIRST_MAPPED), {}
    for name, knobs in measurement.knobs.items():
        began = time.monotonic()
        found[name] = measurement.changes(codes, knobs)
        print(f"{name}: a map of {MAPPED} pictures in {time.monotonic() - began:.0f} s", flush=True)
    found["random"] = measurement.changes(codes[:PUBLISHED], random_directions(measurement.generator, k=RANDOM))
    return found


# --- knobs in recommended layers beside whole ones


def own_and_besides(measurement: Measurement, knob: Directions, factor: int, step: float) -> tuple[float, float]:
    """The own change of a knob after a step on pictures that nothing was chosen on, and all others for one of it."""
    moved = edit(measurement.tried, knob, [step])
    mean = (scores.read_codes(measurement.view, measurement.judge.read, moved) - measurement.plain).mean(0)
    mean = mean.double() / measurement.spread
    return float(mean[factor]), float((mean.abs().sum() - mean[factor].abs()) / mean[factor].abs())


def restricted(measurement: Measurement, name: str, mean: Tensor) -> list[dict[str, tuple[float, float]]]:
    """For each factor, by way of moving it: the own change a step, over that of the whole knob, and all other change
    for one of it, once the knob is turned as far as it takes for the whole knob's own change.
    """
    steps, rows = spread_along(measurement.generator, measurement.knobs[name]).tolist(), []
    for i, step in enumerate(steps):
        whole, run = measurement.knobs[name].only([i]), recommended(mean[i], i)
        size, besides = own_and_besides(measurement, whole, i, step)
        ways = {"same": (within(whole, run), step)}
        if name == PURE:
            solved = pure(measurement.generator, measurement.slopes, run).only([i])
            ways["solved"] = solved, float(spread_along(measurement.generator, solved))
        row = {"whole": (1.0, besides)}
        for way, (knob, length) in ways.items():
            kept, besides = own_and_besides(measurement, knob, i, length)
            kept /= size
            if 0.25 < kept < 4:
                besides = own_and_besides(measurement, knob, i, length / kept)[1]
            row[way] = kept, besides
        rows.append(row)
        if i % 9 == 8:
            print(f"{name}: {i + 1} of {len(mean)} knobs in their recommended layers", flush=True)
    return rows


def cut(rows: list[dict], way: str) -> Tensor:
    """[factors]: the other change at equal own change, over that of the whole knob."""
    return torch.tensor([row[way][1] / row["whole"][1] for row in rows])


# --- is it layout or colour, from the pixels alone


def levels(measurement: Measurement, knobs: Directions) -> list[list[dict[str, float]]]:
    """For each direction and layer: `abstraction.shares` of one step in that layer alone, on LOOKED pictures."""
    codes, found = measurement.codes(LOOKED, FIRST_MAPPED), []
    before = torch.cat([measurement.view(part) for part in codes.split(hierarchy.BLOCK)]).clamp(-1, 1)
    steps = spread_along(measurement.generator, knobs)
    for change in rescored(measurement.view, lambda images: images.flatten(1), codes, knobs, steps):
        after = [before + one.view_as(before) for one in change.scores]
        found.append([abstraction.shares([abstraction.parts(before, image)]) for image in after])
    return found


def thirds(found: list[list[dict[str, float]]], name: str) -> tuple[Tensor, Tensor]:
    """[directions] of the first third of the layers, and of the last: means of a share."""
    table = torch.tensor([[layer[name] for layer in one] for one in found])
    third = max(1, table.shape[1] // 3)
    return table[:, :third].mean(1), table[:, -third:].mean(1)


CLAIMS = {
    "coarse": "more of a change shows at 8 x 8",
    "moved": "more of it is the same pixels elsewhere",
    "centre": "the centre of mass moves further for its size",
    "colour": "less of it is colour",
}


def claims(found: list[list[dict[str, float]]]) -> dict[str, int]:
    """Of how many directions each of CLAIMS is true of the first third of the layers, beside the last."""
    both = {name: thirds(found, name) for name in CLAIMS}
    return {
        name: int((late > early if name == "colour" else early > late).sum()) for name, (early, late) in both.items()
    }


def level_table(measurement: Measurement, found: list[list[dict[str, float]]]) -> dict:
    rows = []
    for layer in range(measurement.slots):
        mean = {name: sum(one[layer][name] for one in found) / len(found) for name in found[0][layer]}
        shown = [f"{100 * mean[name]:.0f} %" for name in ("coarse", "moved", "colour")]
        rows.append([f"layer {layer}", f"{mean['size']:.4f}", *shown, f"{mean['centre']:.2f}"])
    caption = (
        f"{RANDOM} random directions, a step in one layer alone, {LOOKED} pictures, no network that judges. Size: root "
        "mean square, values from -1 to 1. At 8 x 8: share of the squared change that the means of 8 x 8 cells show, "
        "without the mean colour. Elsewhere: the share that the same pixels in other places would make. Colour: of the "
        "mean colour, and of the histograms of what the cells leave. Centre: how far the centre of mass moves, in "
        "picture widths, over the size."
    )
    columns = ["a random step in", "size", "shows at 8 x 8", "pixels elsewhere", "colour", "centre of mass"]
    return {"title": "Is it layout or colour? From the pixels", "columns": columns, "rows": rows, "caption": caption}


def level_sentence(found: list[list[dict[str, float]]]) -> str:
    counts = claims(found)
    kept, lost = ([name for name in CLAIMS if (counts[name] >= MOST_OF) == holds] for holds in (True, False))

    def said(names: list[str]) -> str:
        means = {name: [float(third.mean()) for third in thirds(found, name)] for name in names}
        numbers = {
            name: f"{a:.2f} and {b:.2f}" if name == "centre" else f"{100 * a:.0f} % and {100 * b:.0f} %"
            for name, (a, b) in means.items()
        }
        return "; ".join(f"{CLAIMS[name]} ({numbers[name]}, {counts[name]} of {len(found)})" for name in names)

    start = "That early layers are layout and late ones colour, from the pixels alone and for random steps"
    verdict = "holds by all four measures" if not lost else "fails" if not kept else "holds in part"
    told = f"In the first third of the layers, beside the last: {said(kept)}." if kept else ""
    not_so = f" Not so: {said(lost)}." if lost else ""
    return f"{start}, {verdict} here. {told}{not_so}".replace("  ", " ")


# --- tables


def layer_table(measurement: Measurement, name: str, mean: Tensor) -> dict:
    rows = [
        [factor.description, *(f"{x:+.2f}".replace("-", "−") for x in own(mean)[i].tolist()), ranges(run)]
        for i, factor in enumerate(measurement.judge.factors)
        for run in [recommended(mean[i], i)]
    ]
    caption = (
        "Mean change of its own factor when one step of the knob is taken in one layer alone, in standard deviations; "
        f"{MAPPED} pictures. The last column: the fewest neighbouring layers with {100 * hierarchy.SHARE:.0f} % of it."
    )
    columns = ["factor", *(f"layer {i}" for i in range(measurement.slots)), "decided in"]
    return {"title": f"Which layer does what: {name}", "columns": columns, "rows": rows, "caption": caption}


def trust_table(measurement: Measurement, found: dict[str, Tensor]) -> dict:
    rows, codes = [], measurement.codes(PUBLISHED, FIRST_MAPPED)
    lam = torch.full((RANDOM,), hierarchy.LAMBDA)
    strengths = hierarchy.strengths(measurement.generator, psi=measurement.psi)
    anyhow = measurement.changes(codes, random_directions(measurement.generator, k=RANDOM), lam, strengths=strengths)
    for name, knobs in measurement.knobs.items():
        agree = reliability(own(found[name] / measurement.spread))
        mean = unbiased(found[name], measurement.spread)
        slopes = measurement.by_slopes(knobs)
        moved = measurement.changes(codes, knobs, lam.new_full((len(knobs),), lam[0]), strengths=strengths)
        published = [own(official(moved) / measurement.spread).mean(), (official(anyhow) / measurement.spread).mean()]
        random = unbiased(found["random"], measurement.spread)
        by_slope = scores.rank_correlation(own(mean).flatten(), own(slopes).flatten())
        plain = [float(own(mean).mean()), float(random.mean())]
        numbers = [agree.pearson, agree.spearman, agree.shuffled, by_slope]
        rows.append([name, *(f"{x:.2f}" for x in numbers), *(f"{x:.3f}" for x in (*published, *plain))])
    caption = (
        f"Halves: maps of {MAPPED // 2} and of {MAPPED // 2} other pictures; shuffled: the layers of one dealt out "
        "anew. Slopes: with the map that the readings' Jacobian of 128 other pictures gives. As published: the mean of "
        f"max(0, change) after lambda = {hierarchy.LAMBDA:g} in raw units, {PUBLISHED} pictures; without that bias: "
        "the mean change a step, which random directions leave at 0. Both in sd, means over all factors and layers."
    )
    columns = ["knobs", "halves, Pearson", "halves, Spearman", "shuffled", "slopes, Spearman"]
    columns += ["as published, own", "as published, random", "mean, own", "mean, random"]
    return {"title": "How far the maps can be trusted", "columns": columns, "rows": rows, "caption": caption}


def worth_table(rows_of: dict[str, list[dict]]) -> dict:
    rows = []
    for name, rows_found in rows_of.items():
        for way, said in (("same", "the same vector"), ("solved", "solved again there")):
            if way in rows_found[0]:
                kept, less = torch.tensor([row[way][0] for row in rows_found]), cut(rows_found, way)
                low, high = less.quantile(torch.tensor([0.25, 0.75])).tolist()
                cells = [f"{kept.median():.2f}", f"{less.median():.2f} [{low:.2f}, {high:.2f}]"]
                rows.append([f"{name}: {said}", *cells, f"{int((less < 1).sum())} of {len(less)}"])
    caption = (
        f"Medians over the factors [quartiles], {TRIED} pictures that neither knobs nor layers were chosen on. At "
        "equal own change: each knob is turned as far as it takes to move its factor as much as the whole knob does."
    )
    columns = ["knobs in their recommended layers", "own change a step, over the whole knob's"]
    columns += ["all other change at equal own change, over the whole knob's", "less than the whole knob"]
    return {
        "title": "What it is worth to use the recommended layers",
        "columns": columns,
        "rows": rows,
        "caption": caption,
    }


def sentences(trust: dict, rows_of: dict[str, list[dict]], looked: list) -> list[str]:
    def half(name: str) -> str:
        return next(row[1] for row in trust["rows"] if row[0] == name)

    solved, same, svm = (cut(rows_of[n], way) for n, way in ((PURE, "solved"), (PURE, "same"), (SVM, "same")))
    published, shuffled = trust["rows"][0], [row[3] for row in trust["rows"]]
    per_cent = [f"{100 * float(one.median()):.0f} %" for one in (solved, same, svm)]
    return [
        f"Maps of two halves of the pictures agree by r = {half(PURE)} (pure knobs) and {half(SVM)} (normals of an "
        f"SVM); with the layers of one half shuffled by {shuffled[0]} and {shuffled[1]}.",
        f"Pure knobs that are solved again in their recommended layers make {per_cent[0]} of the other change of whole "
        f"ones, at equal own change (median of {len(solved)} factors; less for {int((solved < 1).sum())} of them). The "
        f"same vector in these layers makes {per_cent[1]}: what cancels across layers no longer does. Normals of an "
        f"SVM in their recommended layers make {per_cent[2]}.",
        f"As published, a random direction changes a factor by {published[6]} sd, a pure knob its own by "
        f"{published[5]}; without the bias by {published[8]} and {published[7]} sd a step.",
        level_sentence(looked),
    ]


def measure(card: str) -> dict:
    measurement = Measurement(card)
    found = maps(measurement)
    means = {name: unbiased(found[name], measurement.spread) for name in measurement.knobs}
    for name in means:
        agree = reliability(own(found[name] / measurement.spread))
        if agree.pearson < LEAST or agree.shuffled > LEAST / 2:
            sys.exit(f"{name}: halves agree by {agree.pearson:.2f}, shuffled by {agree.shuffled:.2f}")
    trust = trust_table(measurement, found)
    rows_of = {name: restricted(measurement, name, mean) for name, mean in means.items()}
    looked = levels(measurement, random_directions(measurement.generator, k=RANDOM))
    samples = {"mapped": MAPPED, "first_mapped": FIRST_MAPPED, "tried": TRIED, "first_tried": FIRST_TRIED}
    return {
        "weights": zoo.weights_hash(card),
        "reader": reader_hash(card),
        "reader_b": reader_hash(card, "b"),
        "command": f"python -m weights.recipes.measure.layers {card}",
        "date": datetime.date.today().isoformat(),
        "samples": samples | {"random": RANDOM, "looked": LOOKED, "psi": measurement.psi},
        "sentences": sentences(trust, rows_of, looked),
        "tables": [
            *(worth_table(rows_of), trust),
            *(layer_table(measurement, name, means[name]) for name in means),
            level_table(measurement, looked),
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name in zoo.CARDS if zoo.has_reader(name)))
    card = parser.parse_args().card
    path = zoo.WEIGHTS / "evidence" / f"{card}-layers.json"
    path.write_text(written(measure(card)), encoding="utf-8")
    print(f"written: {path.name}")


if __name__ == "__main__":
    main()
