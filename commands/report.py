"""One page about one checkpoint: what it is, what it draws, what its knobs do; a file that needs nothing beside it."""

from __future__ import annotations

import math
import platform
import tomllib
from collections.abc import Generator as Work
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from core import evidence as measured
from core import zoo
from core.checkpoints import Described
from core.checkpoints.examination import AMOUNTS, KNOB_SEED, Examination, examine, facts, label_of
from core.checkpoints.export import Provenance
from core.checkpoints.layers import listed
from core.generators.base import Generator
from core.images import to_pil, webp
from core.truth import statistics
from core.truth.scores import interval
from core.truth.verdict import statistics_verdict
from core.truth.worlds import load_world
from core.truth.worlds.base import Factor
from demos.page import verdicts
from demos.page.blocks import data_uri, figure, paragraph, table, verdict
from demos.page.parts import css
from demos.page.words import signed

SHOWN = 192  # pixels a side at most: sixty pictures of 1024 pixels would be a page of a hundred megabytes
LISTED = 8  # factors of a knob
SAYS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


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
    """grade: what knobs were compared with; says: how. knobs: title, verdict and table (HTML) of each, or ""."""

    grade: str
    says: str
    knobs: Sequence[tuple[str, str, str]]


def examined(subject: Subject, *, seeds: int = 16, seconds: float = 120.0) -> Iterator[Step]:
    """The page about a checkpoint, in steps; the last one carries it.

    seeds: pictures on the sheet, from seed 0 on, classes in turn. seconds: a budget for measuring the knobs, which may
    lower the number of pictures, to 16 at least; 0: they are not measured. A bundled model shows the evidence that was
    recorded for exactly these weights. Raises ValueError where the network draws no numbers.
    """
    for step in examine(subject.generator, psi=subject.psi, seeds=seeds, keep=lambda image: shown(subject, image)):
        if step.says:
            yield Step(step.says)
    found = yield from _evidence(subject, step.result, seconds)
    yield Step("writing the page", _page(subject, step.result, found))


def shown(subject: Subject, image: Tensor) -> str:
    """Image [1, 3, R, R] in [-1, 1] as a data URI: without the card's black rows, at most SHOWN pixels a side."""
    crop = subject.card.crop if subject.card else 0
    picture = to_pil(image[:, :, crop : image.shape[2] - crop])[0]
    picture.thumbnail((SHOWN, SHOWN), Image.Resampling.LANCZOS)
    return data_uri(webp(picture))


# --- what was measured


def _evidence(subject: Subject, seen: Examination, seconds: float) -> Work[Step, None, Evidence]:
    bundled = subject.card is not None and subject.card.source is None
    if bundled and measured.knob_records(subject.card.name, "sefa-paper/all"):
        return recorded(subject.card, load_world(subject.card.world).FACTORS, len(seen.directions))
    if not seconds:
        return Evidence("none", SAYS["unmeasured"], [("", "", "")] * len(seen.directions))
    yield Step("measuring the knobs: the first picture")
    for step in statistics.measure(subject.generator, seen.directions, seen.steps, psi=subject.psi, seconds=seconds):
        yield Step(f"measuring the knobs: picture {step.done} of {step.total}")
    return by_statistics(step.result)


def recorded(card: zoo.ModelCard, factors: Sequence[Factor], knobs: int) -> Evidence:
    """The bundled model's own evidence: read by a network that was trained on renders, whose factors are known."""
    records, chance = (measured.knob_records(card.name, name) for name in ("sefa-paper/all", "random/all"))
    known, caption, found = measured.recorded(card.name), SAYS["factors"].format(count=LISTED), []
    for record in records[:knobs]:
        bars = verdicts.factor_bars(record, factors, chance, caption, LISTED)
        found.append((record["title"], record["verdict"], bars))
    pictures, baseline = known["samples"]["faces"], known["baseline"]["all"]
    says = SAYS["recorded"].format(date=known["date"], pictures=pictures, factors=len(factors), baseline=baseline)
    return Evidence(SAYS["known_truth"], says, found)


def by_statistics(result: statistics.Result) -> Evidence:
    """Exact picture statistics for models that no reader was trained for; see core.truth.statistics."""
    found = []
    for changes, percentile in zip(result.changes, result.percentile):
        said = statistics_verdict(changes, percentile, statistics.FACTORS, random=result.random)
        numbers = table(SAYS["statistics_head"], _statistics(changes, percentile), caption=SAYS["statistics"])
        found.append((said.title, said.text, numbers))
    says = SAYS["measured_now"].format(pictures=result.seeds, random=result.random)
    return Evidence(SAYS["by_statistics"], says, found)


def _statistics(changes: Tensor, percentile: Tensor) -> list[tuple[str, str, str]]:
    """A row for each statistic of a knob, the one that it moves most first; shares are never rounded up."""
    mean, low, high = interval(changes)
    rows = []
    for j in mean.abs().argsort(descending=True).tolist():
        size = f"{signed(mean[j], 2)} [{signed(low[j], 2)}, {signed(high[j], 2)}]"
        rows.append((statistics.FACTORS[j].description, size, f"{math.floor(100 * float(percentile[j]) + 1e-9)} %"))
    return rows


# --- the page


def _page(subject: Subject, seen: Examination, found: Evidence) -> str:
    """The whole HTML document; its pictures are data URIs, and nothing outside of it is asked for."""
    generator, size, described = subject.generator, subject.generator.resolution, subject.described
    lead = SAYS["lead"].format(architecture=described.architecture, size=size, writer=described.writer)
    truncation = f"truncation {subject.psi:g}" if generator.has_truncation else SAYS["no_truncation"]
    smaller = SAYS["smaller"].format(shown=SHOWN, size=size) if size > SHOWN else ""
    seeds = SAYS["seeds"].format(last=len(seen.sheet) - 1, truncation=truncation, smaller=smaller)
    graded = f'<p class="said"><b>Grade of the evidence</b>: {escape(found.grade)}.</p>{paragraph(found.says)}'
    knobs = "".join(_knob(seen, i, *one) for i, one in enumerate(found.knobs))
    cells = [
        cell("What the file is", _file(subject, seen.seconds)),
        cell("What it draws", _sheet(generator, seen.sheet), seeds),
        cell("Its strongest knobs", graded + knobs, SAYS["knobs"].format(count=len(seen.directions), seed=KNOB_SEED)),
        cell("Its layers", table(SAYS["layers_head"], listed(generator, seen.layers), caption=SAYS["layers"])),
    ]
    page = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    return page.substitute(name=escape(subject.name), lead=escape(lead), cells="".join(cells), style=css())


def cell(title: str, html: str, lead: str = "") -> str:
    """A section of the page; title and lead are text."""
    return f'<section class="cell"><h3>{escape(title)}</h3>{paragraph(lead) if lead else ""}{html}</section>'


def _file(subject: Subject, seconds: float) -> str:
    known = facts(subject.path, subject.described, subject.sha256, subject.provenance)
    machine = f"{platform.machine()}, threads: {torch.get_num_threads()}"
    known["one picture takes"] = SAYS["takes"].format(seconds=seconds, machine=machine)
    assumed = "".join(f"<li>{escape(note)}</li>" for note in subject.generator.notes)
    notes = f"<h4>What had to be assumed</h4><ul>{assumed}</ul>" if assumed else ""
    return f'<div class="facts">{table(("", ""), list(known.items()), caption="Read off the file")}</div>{notes}'


def _sheet(generator: Generator, pictures: Sequence[str]) -> str:
    figures = ""
    for seed, uri in enumerate(pictures):
        said = f"{seed}, class {label_of(generator, seed)}" if generator.classes else str(seed)
        figures += figure(uri, f"the picture of seed {said}", said)
    return f'<div class="sheet">{figures}</div>'


def _knob(seen: Examination, i: int, title: str, says: str, numbers: str) -> str:
    """A knob as one row: its title, its share of all eigenvalues, its pictures, what was measured."""
    said = [signed(amount) if amount else "0" for amount in AMOUNTS]
    pictures = "".join(figure(uri, f"knob {i + 1} at {at} steps", at) for uri, at in zip(seen.turned[i], said))
    name = f"Knob {i + 1}" + (f": {escape(title)}" if title else "")
    more = f"<details><summary>The numbers</summary>{numbers}</details>" if numbers else ""
    share = f'<p class="hint">Eigenvalue: {float(seen.shares[i]):.1%} of the sum of all.</p>'
    steps = f'<div class="steps">{pictures}</div>{verdict(says)}{more}'
    return f'<div class="knob-cell"><h4>{name}</h4>{share}{steps}</div>'
