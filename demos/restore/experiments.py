"""The tab's experiments: what each layer knows, a mug in a face network, other tools, an edit. Each yields HTML.

What it says is built from what it measured on the pictures that it shows.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median

from torch import Tensor

from core import evidence, zoo
from core.images import in_levels
from core.inversion import baselines
from core.inversion.degradations import Copy
from core.inversion.losses import psnr
from core.inversion.multicode import invert
from core.inversion.tasks import QUICK, Problem, depths
from core.truth.disagreement import listed
from core.truth.worlds import pictures

from ..page import blocks
from ..page.blocks import picture as uri
from ..page.cells import Progress
from ..page.evidence import written
from ..page.fields import RecipeError, number
from ..page.knobs import name_of, render
from ..page.picture import opened
from ..page.sources import KnobSet
from ..page.verdicts import knobs_of
from ..page.words import signed
from .problem import loss_of, problem_of, scores, side_of
from .recipe import Restoration
from .search import searched, stream
from .settings import FIRST_PICTURE, SAYS
from .words import layer_name

GRID = (1, 5, 10)  # numbers of codes
SOME = 2  # faces and mugs that are copied at every layer while somebody waits
KNOBS = 6  # of Steer, to edit with

Pieces = Iterator[str | Progress | None]


def decibels(value: float) -> str:
    return f"{value:.1f} dB"


def codes_said(count: int) -> str:
    return f"{count} code{'s' * (count > 1)}"


def layers_of(model: str) -> tuple[int, ...]:
    """Five layers to mix after, from the codes themselves to the last."""
    return depths(len(opened(model).layers))


# --- what each layer knows


def layers(recipe: Restoration) -> Pieces:
    """One picture copied with several numbers of codes, mixed at several layers: pictures with their closeness."""
    recipe = replace(recipe, task="copy", as_is=False, kind="", amount=0, region="", hints="", keep=False, **QUICK)
    truth, chosen = problem_of(recipe).truth, layers_of(recipe.model)
    rows: list[tuple[str, list[tuple[Tensor, float]]]] = []
    for layer in chosen:
        rows.append((layer_name(recipe.model, layer), []))
        for count in GRID:
            found = yield from searched(replace(recipe, codes=count, layer=layer))
            rows[-1][1].append((found.image, round(float(psnr(found.image, truth)), 1)))
            done = sum(len(cells) for _, cells in rows)
            yield _layers_html(truth, rows)
            yield Progress(f"{done} of {len(chosen) * len(GRID)}", done / len(chosen) / len(GRID))
    yield blocks.aha(_layers_said(rows)) + _layers_html(truth, rows)


def _layers_html(truth: Tensor, rows: Sequence[tuple[str, Sequence[tuple[Tensor, float]]]]) -> str:
    def copy(name: str, count: int, image: Tensor, close: float) -> str:
        alt = f"copy with {codes_said(count)}, mixed {name}: {decibels(close)}"
        return blocks.tile(uri(image), alt, decibels(close))

    cells = [(name, [copy(name, count, *one) for one, count in zip(row, GRID)]) for name, row in rows]
    shown = blocks.sheet([codes_said(count) for count in GRID], cells, name="Copies by layer and number of codes")
    given = blocks.tile(uri(truth), "the picture that is copied", "the picture")
    return f'<div class="beside-sheet">{given}{shown}</div>'


def _layers_said(rows: Sequence[tuple[str, Sequence[tuple[Tensor, float]]]]) -> str:
    best = max((close, name, count) for name, row in rows for (_, close), count in zip(row, GRID))
    first, last = (rows[i][1][-1][1] for i in (0, -1))
    return (
        f"With {GRID[-1]} codes the copy is {decibels(first)} close where {rows[0][0]} are mixed, "
        f"{decibels(last)} mixed {rows[-1][0]}; closest of all, {decibels(best[0])}: "
        f"{codes_said(best[2])}, {best[1]}. One picture, {QUICK['steps']} steps each."
    )


# --- can a face network draw a mug?


def mugs(recipe: Restoration) -> Pieces:
    """Faces and mugs copied by a network that only ever saw faces, mixed after every layer: closeness and the gap."""
    card = zoo.card(recipe.model)
    if card.world != "portraits":
        raise RecipeError(
            "this is asked of a network that learned from faces alone: choose one of the bundled portraits"
        )
    faces = [problem_of(Restoration(recipe.model, "copy", picture=i)).truth for i in range(SOME)]
    drawn = in_levels(pictures("objects", SOME, FIRST_PICTURE, resolution=card.resolution, only="mug"))
    targets = {"face": faces, "mug": list(drawn.split(1))}
    rows, chosen = [], layers_of(recipe.model)
    for layer in chosen:
        row = {}
        for what, truths in targets.items():
            copies = []
            for truth in truths:
                copies.append((yield from _copied(recipe.model, layer, truth)))
            close = median(float(psnr(image, truth)) for image, truth in zip(copies, truths))
            row[what] = (copies[0], round(close, 1))
            yield Progress(f"{len(rows) + 1} of {len(chosen)} layers", len(rows) / len(chosen))
        rows.append((layer_name(recipe.model, layer), row))
        yield _mugs_html(targets, rows)
    yield blocks.aha(_mugs_said(rows)) + _mugs_html(targets, rows)


def _copied(model: str, layer: int, truth: Tensor) -> Generator[None, None, Tensor]:
    recipe = Restoration(model, "copy", layer=layer, **QUICK)
    for step in stream(recipe, Problem(truth, truth, Copy(), loss_of(recipe))):
        yield None
    return step.drawn()


def _mugs_html(targets: Mapping[str, Sequence[Tensor]], rows: Sequence[tuple[str, Mapping]]) -> str:
    def line(what: str) -> tuple[str, list[str]]:
        given = blocks.tile(uri(targets[what][0]), f"the {what} that is copied", what)
        alts = [f"the {what} copied, {name}" for name, _ in rows]
        made = [blocks.tile(uri(row[what][0]), alt, decibels(row[what][1])) for (_, row), alt in zip(rows, alts)]
        return what, [given, *made]

    head = ["what is copied", *(name for name, _ in rows)]
    shown = blocks.sheet(head, [line(what) for what in targets], name="A face and a mug copied after each layer")
    return shown + blocks.paragraph(f"Closeness: median of {SOME} faces and {SOME} mugs, 10 codes.")


def _mugs_said(rows: Sequence[tuple[str, Mapping]]) -> str:
    def said(at: int) -> str:
        return f"mixing {rows[at][0].replace(',', ' at')}"

    faces, things = ([row[what][1] for _, row in rows] for what in ("face", "mug"))
    gaps = [face - mug for face, mug in zip(faces, things)]
    widest, least = (pick(range(len(rows)), key=lambda i: gaps[i]) for pick in (max, min))
    return (
        f"Faces are copied closer than mugs at {sum(gap > 0 for gap in gaps)} of {len(rows)} layers. "
        f"The gap is widest {said(widest)}: "
        f"faces {decibels(faces[widest])}, mugs {decibels(things[widest])}; "
        f"least {said(least)}: {faces[least]:.1f} and {decibels(things[least])}. "
        f"({SOME} faces, {SOME} mugs)"
    )


# --- beside tools without a GAN


def compare(recipe: Restoration) -> Pieces:
    """The answer beside one code in the same time and beside tools without a GAN: pictures and scores."""
    found = yield from searched(recipe)
    problem, side = problem_of(recipe), side_of(recipe)
    rows = [(f"{baselines.OURS}, {codes_said(recipe.codes)}", found.image)]
    yield _compared(recipe, problem, rows)
    yield Progress("one code, in the same time …")
    for single in baselines.one_code(one_code_of(recipe, problem), found.seconds, seed=recipe.start):
        yield None
    rows.append((baselines.NAMES["one"], problem.agreeing(single) if recipe.keep else single))
    for tool in baselines.tools_of(problem.degradation):
        yield Progress(f"{baselines.NAMES[tool]} …")
        rows.append((baselines.NAMES[tool], tool_made(tool, problem, side)))
        yield _compared(recipe, problem, rows)
    yield _compared(recipe, problem, rows)


def one_code_of(recipe: Restoration, problem: Problem) -> baselines.Search:
    search = partial(
        invert, opened(recipe.model), problem.observed, layer=0, n_codes=1, loss=problem.loss, patience=None
    )
    return lambda seed, steps: search(seed=seed, steps=steps, label=recipe.label_or_none)


def tool_made(tool: str, problem: Problem, side: int) -> Tensor:
    """Raises RecipeError where the tool is not installed."""
    try:
        return baselines.without_gan(tool, problem.degradation, problem.observed, side)
    except ValueError as error:
        raise RecipeError(str(error)) from None


def _compared(recipe: Restoration, problem: Problem, rows: Sequence[tuple[str, Tensor]]) -> str:
    tiles = "".join(blocks.tile(uri(image), f"the picture as restored by: {name}", name) for name, image in rows)
    shown = f'<div class="tiles">{tiles}</div>'
    if problem.truth is None:
        return shown + blocks.paragraph("Nobody knows the true picture here, so there is nothing to measure against.")
    measures = {
        "closeness (PSNR, dB)": "{:.1f}",
        "structure (SSIM)": "{:.3f}",
        "distance of the critic's features": "{:.3f}",
        "in the hole (PSNR, dB)": "{:.1f}",
    }
    found = [scores(recipe, image, problem.truth) for _, image in rows]
    there = [i for i, value in enumerate(found[0]) if value is not None]
    forms = list(measures.values())
    body = [(name, *(forms[i].format(one[i]).replace("-", "−") for i in there)) for (name, _), one in zip(rows, found)]
    head = ["method", *(list(measures)[i] for i in there)]
    return shown + blocks.table(head, body, caption=f"Closeness to the truth, {recipe.named}")


# --- edit what was restored


def edited(recipe: Restoration, given: Mapping[str, float]) -> Pieces:
    """The restored picture with Steer's knobs turned: all its codes move together.

    given: amounts by "knob-1" ... "knob-6", 0 where they are missing. Raises RecipeError.
    """
    found = yield from searched(recipe)
    knobs, reach = knobs_of(KnobSet(recipe.model)), zoo.card(recipe.model).reach
    facts_of = knobs.facts()[:KNOBS]
    asked = [given.get(f"knob-{i + 1}", 0.0) for i in range(len(facts_of))]
    amounts = [number(amount, f"knob {i + 1}", -reach, reach) for i, amount in enumerate(asked)]
    after = render(found.picture, knobs, [amounts]).clamp(-1, 1).cpu()
    says = _seen(recipe.model, found.raw, after) if any(amounts) else ""
    codes = "Its one code moved" if recipe.codes == 1 else f"All {recipe.codes} codes moved together"
    image = blocks.tile(uri(after), f"the restored picture, edited. {says}", codes)
    rows = [
        blocks.knob(
            f"knob-{i + 1}",
            name_of(i, facts["title"]),
            (facts["low"] or "one way", facts["high"] or "the other way"),
            reach=reach,
            value=amounts[i],
        )
        for i, facts in enumerate(facts_of)
    ]
    side = (
        f'<div class="edit-side"><div class="knobs two">{"".join(rows)}</div>{blocks.live(blocks.verdict(says))}</div>'
    )
    yield f'<div class="edited">{blocks.live(image)}{side}</div>'


def _seen(model: str, before: Tensor, after: Tensor) -> str:
    """What the reader of the network's world sees differently; "" without a reader."""
    changed = evidence.read_change(model, before, after)
    if changed is None:
        return ""
    moves = [f"{one['name']} {signed(one['amount'], 1)} sd" for one in evidence.top_moved(model, changed[0])]
    return f"The reader sees: {listed(moves) if moves else 'nothing that it would call a change'}."


# --- how true is this?


def truth(recipe: Restoration) -> Iterator[str]:
    """What was measured of this network, once."""
    yield written(recipe.model, "restore") or blocks.paragraph(SAYS["not_measured"])
