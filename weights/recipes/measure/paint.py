"""Measure how local the knobs of a region are: what the tab Paint says of a bundled portraits model.

    python -m weights.recipes.measure.paint portraits-stylegan2            writes weights/evidence/<card>-paint.json
    python -m weights.recipes.measure.paint portraits-stylegan2 --tried    prints what was tried: layers, lambda
    python -m weights.recipes.measure.paint portraits-stylegan2 --rewrite  its words anew, from the numbers there

Directions are made on 16 pictures, chosen on 64 others and scored on 64 others again, at equal change inside, the
region being the part reader's on each picture. Fails where a control (random directions, another part, another face's
region) looks like a finding.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from core import zoo
from core.checkpoints import native
from core.codes import Directions, layer_groups
from core.factorization.baseline import random_directions
from core.factorization.jacobian import Grams, grams
from core.factorization.lowrank import LowRank, lowrank, lowrank_of
from core.factorization.resefa import resefa_of
from core.factorization.sefa import sefa
from core.regions import moved, scaled
from core.truth import scores
from core.truth.local import INSIDE, TOLERANCE, Edited, Faces, at_equal_change, change, median_interval, pick, singles
from core.truth.readers import read
from core.truth.worlds import deviations, load_world

from .paint_words import written

REGIONS = ("eyes", "mouth", "hair", "background", "shirt", "brows", "nose", "glasses")
MADE, CHOSEN, SCORED, ALONE = 16, 64, 64, 3  # pictures; ALONE: of those made on, each by itself
FIRST = dict(made=1_040_000, chosen=1_050_000, scored=1_060_000)  # seeds; no pool reads as many as lie between
BATCH, MOST_SEEDS = 64, 1280
LEAST = 12  # pixels from which a part counts as seen
KNOBS, SEFA, RANDOM = 5, 20, 5  # of which the best is chosen
FEW = 16  # scored faces for robustness and larger edits
LARGER = (0.1, 0.2)  # root mean squared change inside
MOVED, SCALED = (1, 2, 4), (0.8, 1.25)  # pixels; factors
HALF = 0.5  # of the best SeFa's change outside: what is claimed
TRIED = ("eyes", "mouth", "hair", "background", "shirt")


class Pool:
    """Pictures of consecutive seeds with the parts that the part reader sees; read as far as anybody asks."""

    def __init__(self, card: str, first: int):
        self.generator, self.psi, self.first = zoo.load(card), zoo.card(card).psi, first
        self.reader = zoo.load_part_reader(zoo.card(card).world)
        self.codes, self.images, self.masks = torch.empty(0), torch.empty(0), torch.empty(0)

    @torch.no_grad()
    def _read_more(self) -> None:
        codes = self.generator.codes(self.generator.sample(BATCH, self.first + len(self.codes)), psi=self.psi)
        images = self.generator(codes).clamp(-1, 1)
        found = codes, images, self.reader.masks(images)
        self.codes, self.images, self.masks = (
            torch.cat([old, new]) if len(old) else new for old, new in zip((self.codes, self.images, self.masks), found)
        )

    def showing(self, part: str, n: int) -> list[int]:
        """The first n pictures that show the part, by their place in the pool. Raises ValueError where too few do."""
        column = self.reader.names.index(part)
        while True:
            seen = (self.masks[:, column].sum((1, 2)) >= LEAST).nonzero()[:, 0].tolist() if len(self.codes) else []
            if len(seen) >= n:
                return seen[:n]
            if len(self.codes) >= MOST_SEEDS:
                raise ValueError(f"only {len(seen)} of {MOST_SEEDS} pictures show {part}: leave this region out")
            self._read_more()

    def faces(self, rows: Sequence[int], part: str) -> Faces:
        rows = list(rows)
        return Faces(self.codes[rows], self.images[rows], self.masks[rows, self.reader.names.index(part)])


class Measurement:
    """What all regions share: the model, its readers, the slots that are moved, three pools of pictures."""

    def __init__(self, card: str):
        self.card, self.generator = card, zoo.load(card)
        self.world, self.reader = load_world(zoo.card(card).world), zoo.load_reader(zoo.card(card).world)
        self.spread = deviations(zoo.card(card).world, zoo.card(card).spread)
        self.slots = edited_slots(card)
        self.pools = {name: Pool(card, first) for name, first in FIRST.items()}

    def faces(self, pool: str, region: str, n: int) -> Faces:
        return self.pools[pool].faces(self.pools[pool].showing(region, n), region)

    def grams(self, faces: Faces, regions: Tensor | None = None, slots: tuple[int, ...] | None = None) -> Grams:
        regions = faces.regions if regions is None else regions
        return grams(self.generator, faces.codes, regions, slots=slots or self.slots)

    def edited(self, faces: Faces, direction: Directions, target: float = INSIDE) -> Edited:
        return at_equal_change(self.generator, faces, direction, target=target)


def edited_slots(card: str) -> tuple[int, ...]:
    """From 16 px on, where there are several slots: the first ones lay out the head, and no region holds that."""
    groups = layer_groups(zoo.load(card).slots)
    return groups.get("middle", ()) + groups.get("fine", ()) or groups["all"]


# --- one region


def candidates(measurement: Measurement, found: Grams, split: LowRank) -> dict[str, list[Directions]]:
    """Every method's directions, of which the best is chosen the same way.

    SeFa's are the first 20 over all slots and the first 20 over those edited: a harder rival than either.
    """
    generator, slots = measurement.generator, measurement.slots
    spaces = sorted({tuple(range(generator.slots)), slots}, reverse=True)
    return dict(
        lowrank=singles(split.directions)[:KNOBS],
        unprojected=singles(split.unprojected)[:KNOBS],
        resefa=singles(resefa_of(found, k=KNOBS).directions),
        sefa=singles(*(sefa(generator, space, k=SEFA) for space in spaces)),
        random=singles(random_directions(generator, slots, k=RANDOM, seed=7)),
    )


def region_record(measurement: Measurement, region: str) -> tuple[dict, dict[str, Edited]]:
    """All that is measured of one region, and the scored edits by method."""
    made, chosen, scored = (measurement.faces(pool, region, n) for pool, n in needed().items())
    found = measurement.grams(made)
    split = lowrank_of(found)
    sets = candidates(measurement, found, split)
    best = {name: pick(measurement.generator, chosen, each) for name, each in sets.items()}
    ones = {name: sets[name][i] for name, i in best.items()}
    edits = {name: measurement.edited(scored, knob) for name, knob in ones.items()}
    readings = read(measurement.reader, scored.images)
    methods = {
        name: dict(
            knob=best[name] + 1,
            of=len(sets[name]),
            slots=list(ones[name].slots),
            **edit_record(edit, edits["sefa"]),
            factors=factors_moved(measurement, readings, edit),
        )
        for name, edit in edits.items()
    }
    return dict(
        pixels=float(scored.regions.sum((1, 2)).double().median()),
        seeds=pool_seeds(measurement, region),
        lam=split.outside.lam,
        ranks=[split.inside.rank, split.outside.rank],
        gap=max(split.inside.gap, split.outside.gap),
        survived=rounded(split.survived[:KNOBS]),
        own=own_factors(measurement, region),
        methods=methods,
        transfer=transfer(measurement, singles(split.directions)[0], edits, made, chosen, scored),
        robustness=robustness(measurement, made, scored, split, best["lowrank"]),
        larger=larger(measurement, scored, ones),
    ), edits


def needed() -> dict[str, int]:
    """Pictures from each pool."""
    return dict(made=MADE, chosen=CHOSEN, scored=SCORED)


def pool_seeds(measurement: Measurement, region: str) -> dict[str, list[int]]:
    """First and last seed of each pool that shows the region as often as needed."""
    rows = {name: measurement.pools[name].showing(region, n) for name, n in needed().items()}
    return {name: [FIRST[name] + found[0], FIRST[name] + found[-1]] for name, found in rows.items()}


def edit_record(edit: Edited, sefa_edit: Edited) -> dict:
    """Medians with their intervals: change inside over outside; change outside as a share of the best SeFa's."""
    share = against(edit, sefa_edit)
    return dict(
        ratio=median_interval(edit.ratio),
        share=median_interval(share),
        half=int((share <= HALF).sum()),
        reached=int(edit.reached.sum()),
        amount=float(edit.amounts.abs().median()),
        outside=float(edit.outside[edit.reached].median().sqrt()) if edit.reached.any() else None,
    )


def against(edit: Edited, other: Edited) -> Tensor:
    """[n]: change outside over the other's, at equal change inside, face by face; inf where it was not reached."""
    return torch.where(edit.reached, edit.leak / other.leak, torch.inf)


def own_factors(measurement: Measurement, region: str) -> list[str]:
    """The world's factors that the region shows: those it names, and those named after it."""
    world = measurement.world
    return [name for name in world.NAMES if world.SHOWN_BY.get(name) == region or name.split("_")[0] == region]


def factors_moved(measurement: Measurement, readings: Tensor, edit: Edited) -> dict:
    """Mean change of every factor, in standard deviations, in the sense of +, with its interval."""
    senses = edit.amounts.sign()[:, None].float()
    changes = ((read(measurement.reader, edit.images) - readings) / measurement.spread * senses)[edit.reached]
    none = torch.zeros(len(measurement.spread))
    mean, low, high = scores.interval(changes) if len(changes) > 1 else (none, none, none)
    return dict(mean=rounded(mean), low=rounded(low), high=rounded(high))


def transfer(
    measurement: Measurement, first: Directions, edits: dict[str, Edited], made: Faces, chosen: Faces, scored: Faces
) -> dict:
    """Directions made on one picture, for a few of them, beside those made on all: how local they are on other faces.

    first: knob 1, whatever it is; best: of the first five, chosen as everywhere. own: on the very picture, the best.
    """

    def record(found: Sequence[Edited]) -> dict:
        shares = [against(edit, edits["sefa"]) for edit in found]
        return dict(
            ratio=[median_interval(edit.ratio)[0] for edit in found],
            half=[int((share <= HALF).sum()) for share in shares],
        )

    pictures = [made.only(slice(i, i + 1)) for i in range(ALONE)]
    alone = [singles(lowrank_of(measurement.grams(picture)).directions)[:KNOBS] for picture in pictures]
    picks = [each[pick(measurement.generator, chosen, each)] for each in alone]
    own = [float(measurement.edited(picture, each).ratio) for picture, each in zip(pictures, picks)]
    return dict(
        one=dict(
            first=record([measurement.edited(scored, each[0]) for each in alone]),
            best=record([measurement.edited(scored, each) for each in picks]),
            own=own,
        ),
        many=dict(first=record([measurement.edited(scored, first)]), best=record([edits["lowrank"]])),
    )


def robustness(measurement: Measurement, made: Faces, scored: Faces, split: LowRank, knob: int) -> list[dict]:
    """A knob where the region it was made for was moved or scaled, judged in the region as it is.

    Its twin among the first five is the one most like it.
    """
    side, few = made.regions.shape[-1], scored.only(slice(FEW))
    ways = [(f"moved by {px} px", [partial(moved, down=px / side), partial(moved, right=px / side)]) for px in MOVED]
    ways += [(f"scaled by {factor:g}", [partial(scaled, factor=factor)]) for factor in SCALED]
    own, records = split.directions.vectors[knob], []
    for name, changes in ways:
        cosines, ratios = [], []
        for way in changes:
            regions = torch.stack([way(mask) for mask in made.regions])
            twins = lowrank_of(measurement.grams(made, regions), lam=split.outside.lam, start=split).directions
            alike = (twins.vectors[:KNOBS] @ own).abs()
            cosines.append(float(alike.max()))
            ratios.append(measurement.edited(few, singles(twins)[int(alike.argmax())]).ratio)
        records.append(dict(change=name, cosine=min(cosines), ratio=median_interval(torch.cat(ratios))))
    same = median_interval(measurement.edited(few, singles(split.directions)[knob]).ratio)
    return [dict(change="as it is", cosine=1.0, ratio=same), *records]


def larger(measurement: Measurement, scored: Faces, ones: dict[str, Directions]) -> list[dict]:
    """Does it hold for edits that everybody sees? Ratios at several times the change inside."""
    few, pair, records = scored.only(slice(FEW)), {name: ones[name] for name in ("lowrank", "sefa")}, []
    for target in LARGER:
        ratios = {name: median_interval(measurement.edited(few, knob, target).ratio) for name, knob in pair.items()}
        records.append(dict(inside=target, **ratios))
    return records


# --- all regions


def measure(card: str) -> dict:
    began, measurement = (time.perf_counter(), time.process_time()), Measurement(card)
    records, edits = {}, {}
    for region in REGIONS:
        records[region], edits[region] = region_record(measurement, region)
        ratios = {name: round(found["ratio"][0], 1) for name, found in records[region]["methods"].items()}
        print(f"{region}: {ratios} after {time.perf_counter() - began[0]:.0f} s", flush=True)
    weights = {
        f"{kind}_sha256": native.weights_hash(zoo.WEIGHTS / f"{zoo.card(card).world}-{kind}.safetensors")
        for kind in ("reader", "parts")
    }
    samples = dict(
        **needed(),
        few=FEW,
        first_seeds=FIRST,
        psi=zoo.card(card).psi,
        inside=INSIDE,
        tolerance=TOLERANCE,
        slots=list(measurement.slots),
        least_pixels=LEAST,
    )
    factors = [dict(name=factor.name, description=factor.description) for factor in measurement.world.FACTORS]
    return dict(
        card=card,
        weights_sha256=zoo.weights_hash(card),
        **weights,
        command=f"python -m weights.recipes.measure.paint {card}",
        date=datetime.date.today().isoformat(),
        seconds=round(time.perf_counter() - began[0]),
        processor_seconds=round(time.process_time() - began[1]),
        samples=samples,
        factors=factors,
        regions=records,
        claim=claim(edits, "lowrank"),
        controls=controls(measurement, edits),
    )


def claim(edits: dict[str, dict[str, Edited]], method: str) -> dict:
    """Change outside as a share of the best SeFa's: the median over regions and faces, and over each region's faces."""
    shares = {region: against(each[method], each["sefa"]) for region, each in edits.items()}
    pooled = torch.cat(list(shares.values()))
    return dict(
        share=float(pooled.median()),
        faces_and_regions=len(pooled),
        half=int((pooled <= HALF).sum()),
        by_region={region: float(share.median()) for region, share in shares.items()},
    )


def controls(measurement: Measurement, edits: dict[str, dict[str, Edited]]) -> dict:
    """Three ways to look local without being it.

    random: the claim, for random directions. another_part: a region's knob judged in the next region, as a share of the
    best SeFa's leak there. another_face: how many times as local a knob is in each face's own region as in another's.
    """
    names, pool = list(edits), measurement.pools["scored"]
    wrong_part, wrong_face = {}, {}
    for region, judged in zip(names, names[1:] + names[:1]):
        rows, edit = pool.showing(region, SCORED), edits[region]["lowrank"]
        faces, there = pool.faces(rows, region), pool.faces(rows, judged)
        shown = there.regions.sum((1, 2)) >= LEAST
        inside, outside = change(faces.images, edit.images, there.regions)
        wrong_part[judged] = float((outside / inside)[shown].median() / edits[judged]["sefa"].leak.median())
        inside, outside = change(faces.images, edit.images, faces.regions.roll(1, 0))
        wrong_face[region] = float((edit.ratio / (inside / outside)).median())
    return dict(random=claim(edits, "random"), another_part=wrong_part, another_face=wrong_face)


def controls_hold(evidence: dict) -> list[str]:
    """Sentences about controls that look significant; empty where all is well."""
    found, wrong = evidence["controls"], []
    if (share := found["random"]["share"]) <= HALF:
        wrong.append(f"random directions change only {share:.2f} as much outside as the best SeFa knob")
    if median_interval(torch.tensor(list(found["another_part"].values())))[0] <= HALF:
        wrong.append("directions made for another part are as local as is claimed of a part's own")
    if median_interval(torch.tensor(list(found["another_face"].values())))[0] <= 1:
        wrong.append("edits are no more local in a face's own region than in another face's")
    return wrong


def rounded(values: Tensor) -> list[float]:
    return [round(float(value), 4) for value in values]


def plain(value: object) -> object:
    """`value` without infinities, which JSON does not have: null stands for "was not reached"."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- what was tried


class Try(NamedTuple):
    """A choice of slots, of how many pictures the Jacobian is averaged over, of lambda as a multiple of the default."""

    name: str
    slots: tuple[int, ...]
    pictures: int = MADE
    factor: float = 1.0
    mode: str = "paper"

    def split(self, measurement: Measurement, region: str) -> LowRank:
        faces = measurement.faces("made", region, self.pictures)
        if self.mode == "official":
            return lowrank(measurement.generator, faces.codes, faces.regions, slots=self.slots, mode="official")
        found = measurement.grams(faces, slots=self.slots)
        split = lowrank_of(found)
        return split if self.factor == 1 else lowrank_of(found, lam=self.factor * split.outside.lam, start=split)


def tries(card: str) -> list[Try]:
    groups, edited = layer_groups(zoo.load(card).slots), edited_slots(card)
    return [
        *(Try(f"slots {name}", slots) for name, slots in dict(groups, edited=edited).items()),
        *(Try(f"from {n} pictures", edited, pictures=n) for n in (1, 4)),
        *(Try(f"lambda x {factor:g}", edited, factor=factor) for factor in (0.5, 0.8, 1.25, 1.6)),
        Try("as published", edited, pictures=1, mode="official"),
    ]


def tried(card: str) -> None:
    """Prints rank(L_B), and the median ratio on a few choosing faces of the best of five knobs (and of knob 1)."""
    measurement = Measurement(card)
    print("tried", "ranks", *TRIED, sep="\t")
    for each in tries(card):
        cells, ranks = [], []
        for region in TRIED:
            split, few = each.split(measurement, region), measurement.faces("chosen", region, FEW)
            ratios = [float(measurement.edited(few, knob).ratio.median()) for knob in singles(split.directions)[:KNOBS]]
            cells.append(f"{max(ratios):.1f} ({ratios[0]:.1f})" if ratios else "none")
            ranks.append(str(split.outside.rank))
        print(each.name, "/".join(ranks), *cells, sep="\t", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name, card in zoo.CARDS.items() if card.world))
    parser.add_argument("--tried", action="store_true", help="print what was tried, and write nothing")
    parser.add_argument("--rewrite", action="store_true", help="measure nothing: write the words of its numbers anew")
    given = parser.parse_args()
    path = Path(zoo.WEIGHTS) / "evidence" / f"{given.card}-paint.json"
    if given.tried:
        return tried(given.card)
    if given.rewrite and not path.exists():
        sys.exit(f"{path.name} is not there, so it has no words to write anew: measure without --rewrite")
    if given.rewrite:
        return save(json.loads(path.read_text(encoding="utf-8")), path)
    evidence = measure(given.card)
    wrong = controls_hold(evidence)
    if wrong:
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    save(plain(evidence), path)
    print(
        f"written: {path.name}, in {evidence['seconds']} s; outside, the best knob changes "
        f"{evidence['claim']['share']:.3f} of what the best SeFa knob does"
    )


def save(evidence: dict, path: Path) -> None:
    """Writes what was measured, with its words."""
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(evidence | dict(written=written(evidence)), indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
