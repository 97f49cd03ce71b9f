"""One page about one checkpoint: what it is, what it draws, what its knobs do; a file that needs nothing beside it."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Generator as Work
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import median
from string import Template
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from core import evidence as measured
from core import zoo
from core.checkpoints import Described
from core.checkpoints.export import Provenance, draw, parameters
from core.checkpoints.layers import Layer, layers
from core.codes import Directions, codes_in_turn, edit
from core.factorization.sefa import strongest
from core.generators.base import Generator
from core.images import to_pil, webp
from core.truth import statistics
from core.truth.scores import interval
from core.truth.verdict import statistics_verdict
from core.truth.worlds import load_world
from core.truth.worlds.base import Factor

from .page import verdicts
from .page.blocks import data_uri, figure, table, verdict
from .page.parts import css
from .page.words import signed

KNOBS, AMOUNTS = 10, (-3.0, -1.5, 0.0, 1.5, 3.0)  # of SeFa; steps, each one standard deviation of w . v
SHOWN = 192  # pixels a side at most: sixty pictures of 1024 pixels would be a page of a hundred megabytes
KNOB_SEED = 0
LISTED = 8  # factors of a knob
# What knobs were compared with, the strongest first.
GRADES = (
    "known truth: factors of the world that the model learned from, read by an independent network",
    "picture statistics: exact functions of the pixels, which do not know what is in the picture",
    "none",
)
UNLICENSED = "not stated: find out what may be done with these weights before publishing anything made from them"


@dataclass(frozen=True)
class Subject:
    """What the page is about. card: None for a file that is not one of the zoo's. sha256: of the file, hexadecimal."""

    name: str
    path: Path
    described: Described
    sha256: str
    card: zoo.ModelCard | None
    provenance: Provenance

    @property
    def generator(self) -> Generator:
        """Frozen."""
        return self.described.generator

    @property
    def psi(self) -> float:
        """Truncation of every picture on the page."""
        return self.card.psi if self.card else zoo.ModelCard.psi


class Step(NamedTuple):
    """What is being done; the last step has the page."""

    text: str
    html: str = ""


class Evidence(NamedTuple):
    """grade: of GRADES; says: how. One title, verdict and table (HTML) a knob; "" where there is none."""

    grade: str
    says: str
    titles: Sequence[str]
    verdicts: Sequence[str]
    tables: Sequence[str]


def examined(subject: Subject, *, seeds: int = 16, seconds: float = 120.0) -> Iterator[Step]:
    """The page about a checkpoint, in steps; the last one carries it.

    seeds: pictures on the sheet, from seed 0 on, classes in turn. seconds: a budget for measuring the knobs, which may
    lower the number of pictures, to 16 at least; 0: they are not measured. A bundled model shows the evidence that was
    recorded for exactly these weights. Raises ValueError where the network draws no numbers.
    """
    generator = subject.generator
    yield Step("looking at the layers")
    rows = layers(generator)
    sheet, drawn = yield from _sheet(subject, seeds)
    yield Step("finding the knobs")
    directions, share = strongest(generator, KNOBS)
    codes = codes_in_turn(generator, statistics.SAMPLED, statistics.FIRST_SAMPLED)[:, list(directions.slots)]
    steps = statistics.steps_of(codes, directions.vectors)
    pictures = yield from _knob_pictures(subject, directions, steps)
    found = yield from _evidence(subject, directions, steps, seconds)
    said = zip(found.titles, found.verdicts, found.tables)
    knobs = [_knob(i, float(share[i]), pictures[i], *one) for i, one in enumerate(said)]
    graded = f'<p class="said"><b>Grade of the evidence</b>: {escape(found.grade)}.</p><p>{escape(found.says)}</p>'
    yield Step("writing the page", _page(subject, rows, sheet, drawn, knobs, graded))


# --- what is looked at


def shown(subject: Subject, image: Tensor) -> str:
    """Image [1, 3, R, R] in [-1, 1] as a data URI: without the card's black rows, at most SHOWN pixels a side."""
    crop = subject.card.crop if subject.card else 0
    picture = to_pil(image[:, :, crop : image.shape[2] - crop])[0]
    picture.thumbnail((SHOWN, SHOWN), Image.Resampling.LANCZOS)
    return data_uri(webp(picture))


def _sheet(subject: Subject, seeds: int) -> Work[Step, None, tuple[list[str], float]]:
    """Pictures of the seeds (HTML), one at a time; returns them and the median time of one, in seconds."""
    pictures, spent, classes = [], [], subject.generator.classes
    for seed in range(seeds):
        yield Step(f"drawing picture {seed + 1} of {seeds}")
        began = time.perf_counter()
        image = draw(subject.generator, seed, psi=subject.psi, label=seed % classes if classes else None)
        spent.append(time.perf_counter() - began)
        caption = f"{seed}, class {seed % classes}" if classes else str(seed)
        pictures.append(figure(shown(subject, image), f"the picture of seed {caption}", caption))
    return pictures, median(spent)


def _knob_pictures(subject: Subject, directions: Directions, steps: Tensor) -> Work[Step, None, list[str]]:
    """For each knob its row of pictures (HTML); returns the rows."""
    view = subject.generator.at(psi=subject.psi)
    codes = view.codes(view.sample(1, KNOB_SEED), psi=subject.psi, label=0 if view.classes else None)
    with torch.no_grad():
        rows, untouched = [], shown(subject, view(codes))
    for i, step in enumerate(steps.tolist()):
        yield Step(f"turning knob {i + 1} of {len(directions)}")
        row = ""
        for amount in AMOUNTS:
            said, uri = signed(amount) if amount else "0", untouched
            if amount:
                with torch.no_grad():
                    uri = shown(subject, view(edit(codes, directions, [0.0] * i + [amount * step])))
            row += figure(uri, f"knob {i + 1} at {said} steps", said)
        rows.append(row)
    return rows


# --- what was measured


def _evidence(subject: Subject, directions: Directions, steps: Tensor, seconds: float) -> Work[Step, None, Evidence]:
    bundled = subject.card is not None and subject.card.hub is None
    if bundled and measured.knob_records(subject.card.name, "sefa-paper/all"):
        return recorded(subject.card, load_world(subject.card.world).FACTORS, len(directions))
    if not seconds:
        nothing = ("",) * len(directions)
        return Evidence(GRADES[2], "The knobs were not measured: nothing is claimed about them.", *[nothing] * 3)
    yield Step("measuring the knobs: the first picture")
    for step in statistics.measure(subject.generator, directions, steps, psi=subject.psi, seconds=seconds):
        yield Step(f"measuring the knobs: picture {step.done} of {step.total}")
    return by_statistics(step.result)


def recorded(card: zoo.ModelCard, factors: Sequence[Factor], knobs: int) -> Evidence:
    """The bundled model's own evidence: read by a network that was trained on renders, whose factors are known."""
    records, chance = (measured.knob_records(card.name, name) for name in ("sefa-paper/all", "random/all"))
    known = measured.recorded(card.name)
    caption = f"The {LISTED} factors that it changes most, in standard deviations a step"
    tables = [verdicts.factor_bars(one, factors, chance, caption, LISTED) for one in records[:knobs]]
    says = (
        f"Recorded with exactly these weights on {known['date']}: every knob was turned on "
        f"{known['samples']['faces']} "
        f"pictures, and a network that never saw a generated picture read {len(factors)} true factors off each. "
        f"Changes are a step, in standard deviations over the training pictures. "
        f"The strongest change of a random knob: {known['baseline']['all']:.2f} (median)."
    )
    titles, said = ([record[name] for record in records] for name in ("title", "verdict"))
    return Evidence(GRADES[0], says, titles, said, tables)


def by_statistics(result: statistics.Result) -> Evidence:
    """Exact picture statistics for models that no reader was trained for; see core.truth.statistics."""
    said = [
        statistics_verdict(changes, percentile, statistics.FACTORS, random=result.random)
        for changes, percentile in zip(result.changes, result.percentile)
    ]
    head = ("statistic", "change a step [95 %]", "stronger than so many random knobs")
    caption = "In standard deviations over the same pictures"
    numbers = zip(*interval(result.changes), result.percentile)
    tables = [table(head, _statistics(*one), caption=caption) for one in numbers]
    says = (
        f"Measured now on {result.seeds} pictures, beside {result.random} random knobs: how fast brightness, "
        "colour, light, place and edges change along every knob. These numbers say what the pixels do, not what "
        "is in the picture: no network is at hand that reads this model's pictures."
    )
    return Evidence(GRADES[1], says, [one.title for one in said], [one.text for one in said], tables)


def _statistics(mean: Tensor, low: Tensor, high: Tensor, percentile: Tensor) -> list[tuple[str, str, str]]:
    """A row for each statistic of a knob, the one that it moves most first; shares are never rounded up."""
    return [
        (
            statistics.FACTORS[j].description,
            f"{signed(mean[j], 2)} [{signed(low[j], 2)}, {signed(high[j], 2)}]",
            f"{math.floor(100 * float(percentile[j]) + 1e-9)} %",
        )
        for j in mean.abs().argsort(descending=True).tolist()
    ]


# --- the page


def _page(
    subject: Subject, rows: Sequence[Layer], sheet: Sequence[str], seconds: float, knobs: Sequence[str], graded: str
) -> str:
    """The whole HTML document; its pictures are data URIs, and nothing outside of it is asked for."""
    generator, size = subject.generator, subject.generator.resolution
    truncation = f"truncation {subject.psi:g}" if generator.has_truncation else "this architecture has no truncation"
    smaller = f" Shown at {SHOWN} of {size} pixels." if size > SHOWN else ""
    lead = (
        f"A {subject.described.architecture} that draws {size} x {size} pixels, "
        f"read from a file of {subject.described.writer}."
    )
    seeds = f"Seeds 0 to {len(sheet) - 1}, nothing left out; {truncation}.{smaller}"
    strongest_first = (
        f"SeFa's first {len(knobs)} directions of all slots, strongest first, on seed {KNOB_SEED}; one step is "
        "one standard deviation of w\u00a0.\u00a0v."
    )
    cells = [
        cell("What the file is", _facts(subject, seconds) + _notes(generator)),
        cell("What it draws", f'<div class="sheet">{"".join(sheet)}</div>', seeds),
        cell("Its strongest knobs", graded + "".join(knobs), strongest_first),
        cell("Its layers", _layers(generator, rows)),
    ]
    page = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    return page.substitute(name=escape(subject.name), lead=escape(lead), cells="".join(cells), style=css())


def cell(title: str, html: str, lead: str = "") -> str:
    """A section of the page; title and lead are text."""
    below = f"<p>{escape(lead)}</p>" if lead else ""
    return f'<section class="cell"><h3>{escape(title)}</h3>{below}{html}</section>'


def _knob(number: int, share: float, pictures: str, title: str, says: str, evidence: str) -> str:
    """A knob as one row: its title, its share of all eigenvalues, its pictures, what was measured."""
    name = f"Knob {number + 1}" + (f": {escape(title)}" if title else "")
    numbers = f"<details><summary>The numbers</summary>{evidence}</details>" if evidence else ""
    return (
        f'<div class="knob-cell"><h4>{name}</h4><p class="hint">Eigenvalue: {share:.1%} of the sum of all.</p>'
        f'<div class="steps">{pictures}</div>{verdict(says)}{numbers}</div>'
    )


def _facts(subject: Subject, seconds: float) -> str:
    generator, source = subject.generator, subject.provenance
    said = ", ".join(part for part in (source.link, source.said_by and f"says {source.said_by}") if part)
    rows = [
        ("format", f"{subject.described.format}: {subject.described.writer}"),
        ("file", subject.path.name),
        ("sha256", subject.sha256),
        ("size", f"{subject.path.stat().st_size:,} bytes"),
        ("licence", (source.licence or UNLICENSED) + (f" ({said})" if said else "")),
        ("repository", f"{source.repo} {source.revision}".strip()),
        ("architecture", subject.described.architecture),
        ("resolution", f"{generator.resolution} x {generator.resolution} pixels"),
        ("code", f"{generator.slots} slots x {generator.dim} numbers, grown from {generator.z_dim} random ones"),
        ("classes", str(generator.classes or "none")),
        ("parameters", f"{parameters(generator):,}"),
        (
            "one picture takes",
            f"{seconds:.3f} s on this machine ({platform.machine()}, "
            f"threads: {torch.get_num_threads()}), the median over the sheet, one at a time",
        ),
    ]
    listed = table(("", ""), [row for row in rows if row[1]], caption="Read off the file")
    return f'<div class="facts">{listed}</div>'


def _notes(generator: Generator) -> str:
    if not generator.notes:
        return ""
    listed = "".join(f"<li>{escape(note)}</li>" for note in generator.notes)
    return f"<h4>What had to be assumed</h4><ul>{listed}</ul>"


def _layers(generator: Generator, rows: Sequence[Layer]) -> str:
    """The table of layers; what belongs to none of them, such as the mapping, is the row before the last."""
    listed = [
        (
            i,
            layer.name,
            " x ".join(map(str, layer.output)),
            f"{layer.parameters:,}",
            ", ".join(map(str, layer.reads)) or "none",
        )
        for i, layer in enumerate(rows)
    ]
    every = parameters(generator)
    rest = every - sum(layer.parameters for layer in rows)
    listed += [("mapping and output", "", "", f"{rest:,}", ""), ("all", "", "", f"{every:,}", "")]
    return table(
        ("layer", "class", "channels x height x width", "parameters", "slots it reads"),
        listed,
        caption="In the order in which they run",
    )
