"""The tab's experiments: what each layer knows, a mug in a face network, other tools, an edit. Each yields HTML.

What it says is built from what it measured on the pictures that it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from core import evidence, zoo
from core.codes import Picture
from core.images import in_levels
from core.inversion import baselines, restoration
from core.inversion.restoration import copied
from core.inversion.tasks import QUICK, Problem, depths
from core.truth.copies import by_layer, codes_said, decibels, gap_by_layer
from core.truth.disagreement import listed
from core.truth.worlds import pictures

from ..page import blocks, live
from ..page.blocks import picture as uri
from ..page.blocks import written
from ..page.cells import Progress
from ..page.fields import RecipeError, number, refusals
from ..page.knobs import name_of, render
from ..page.picture import opened
from ..page.verdicts import knobs_of
from ..page.words import signed
from .recipe import FIRST_PICTURE, KNOBS, SAYS, STEERS, WORDS, Restoration
from .search import problem_of, scores, searched
from .words import layer_name

GRID = (1, 5, 10)  # numbers of codes
SOME = 2  # faces and mugs that are copied at every layer while somebody waits

Pieces = Iterator[str | Progress | None]


def layers_of(model: str) -> tuple[int, ...]:
    """Five layers to mix after, from the codes themselves to the last."""
    return depths(len(opened(model).layers))


# --- what each layer knows


def layers(recipe: Restoration) -> Pieces:
    """One picture copied with several numbers of codes, mixed at several layers: pictures with their closeness."""
    truth = problem_of(replace(recipe, task="copy", kind="", loss="pixels")).truth
    given = blocks.tile(uri(truth), "the picture that is copied", "the picture")
    generator, chosen, codes = opened(recipe.model), layers_of(recipe.model), [codes_said(count) for count in GRID]
    how, of = dict(seed=recipe.start, label=recipe.label_or_none), len(chosen) * len(GRID)
    closeness: dict[str, list[float]] = {}
    tiles: dict[str, list[str]] = {}
    for layer in chosen:
        name = layer_name(recipe.model, layer)
        for count, said in zip(GRID, codes):
            image, close = yield from copied(generator, [truth], layer=layer, n_codes=count, **how)
            closeness.setdefault(name, []).append(close)
            tile = blocks.tile(uri(image), f"copy with {said}, mixed {name}: {decibels(close)}", decibels(close))
            tiles.setdefault(name, []).append(tile)
            sheet = blocks.sheet(codes, list(tiles.items()), name="Copies by layer and number of codes")
            shown, done = f'<div class="beside-sheet">{given}{sheet}</div>', sum(map(len, tiles.values()))
            yield shown
            yield Progress(f"{done} of {of}", done / of)
    yield blocks.aha(by_layer(closeness, GRID, QUICK["steps"])) + shown


# --- can a face network draw a mug?


def mugs(recipe: Restoration) -> Pieces:
    """Faces and mugs copied by a network that only ever saw faces, mixed after every layer: closeness and the gap."""
    if zoo.card(recipe.model).world != "portraits":
        raise RecipeError(SAYS["faces_alone"])
    faces = [problem_of(Restoration(recipe.model, "copy", picture=i)).truth for i in range(SOME)]
    drawn = in_levels(pictures("objects", SOME, FIRST_PICTURE, resolution=recipe.side, only="mug"))
    targets, chosen = {"face": faces, "mug": list(drawn.split(1))}, layers_of(recipe.model)
    tiles = {what: [blocks.tile(uri(those[0]), f"the {what} that is copied", what)] for what, those in targets.items()}
    closeness: dict[str, dict[str, float]] = {what: {} for what in targets}
    says = blocks.paragraph(f"Closeness: median of {SOME} faces and {SOME} mugs, 10 codes.")
    for at, layer in enumerate(chosen):
        name = layer_name(recipe.model, layer)
        for what, truths in targets.items():
            image, close = yield from copied(opened(recipe.model), truths, layer=layer, n_codes=GRID[-1])
            closeness[what][name] = close
            tiles[what].append(blocks.tile(uri(image), f"the {what} copied, {name}", decibels(close)))
            yield Progress(f"{at + 1} of {len(chosen)} layers", at / len(chosen))
        columns = ["what is copied", *closeness["mug"]]
        shown = blocks.sheet(columns, list(tiles.items()), name="A face and a mug copied after each layer") + says
        yield shown
    yield blocks.aha(gap_by_layer(*closeness.values(), SOME)) + shown


# --- beside tools without a GAN


def compare(recipe: Restoration) -> Pieces:
    """The answer beside one code in the same time and beside tools without a GAN: pictures and scores."""
    found = yield from searched(recipe)
    problem = problem_of(recipe)
    rows = [(f"{baselines.OURS}, {codes_said(recipe.codes)}", found.image)]
    yield _compared(recipe, problem, rows)
    yield Progress("one code, in the same time …")
    search = restoration.one_code(opened(recipe.model), problem, label=recipe.label_or_none)
    for single in baselines.one_code(search, found.seconds, seed=recipe.start):
        yield None
    rows.append((baselines.NAMES["one"], problem.agreeing(single) if recipe.keep else single))
    for tool in baselines.tools_of(problem.degradation):
        yield Progress(f"{baselines.NAMES[tool]} …")
        rows.append((baselines.NAMES[tool], tool_made(tool, problem, recipe.side)))
        yield _compared(recipe, problem, rows)
    yield _compared(recipe, problem, rows)


@refusals()
def tool_made(tool: str, problem: Problem, side: int) -> Tensor:
    """Raises RecipeError where the tool is not installed."""
    return baselines.without_gan(tool, problem.degradation, problem.observed, side)


def _compared(recipe: Restoration, problem: Problem, rows: Sequence[tuple[str, Tensor]]) -> str:
    tiles = "".join(blocks.tile(uri(image), f"the picture as restored by: {name}", name) for name, image in rows)
    shown = f'<div class="tiles">{tiles}</div>'
    if problem.truth is None:
        return shown + blocks.paragraph(SAYS["no_truth"])
    found = [(name, scores(recipe, image, problem.truth)._asdict()) for name, image in rows]
    there = {key: about for key, about in WORDS["measures"].items() if found[0][1][key] is not None}
    body = [
        (name, *(f"{one[key]:{about['form']}}".replace("-", "−") for key, about in there.items()))
        for name, one in found
    ]
    head = ["method", *(about["name"] for about in there.values())]
    return shown + blocks.table(head, body, caption=f"Closeness to the truth, {recipe.named}")


# --- edit what was restored


def edited(recipe: Restoration, given: Mapping[str, float]) -> Pieces:
    """The restored picture with the recipe's knobs turned: all its codes move together.

    given: amounts by "knob-1" ... "knob-6", the recipe's where they are missing. Raises RecipeError.
    """
    found = yield from searched(recipe)
    turned = {f"knob-{i + 1}": amount for i, amount in enumerate(recipe.amounts)}
    after, side = knobs_on(recipe, found.picture, found.raw, turned | given)
    codes = "Its one code moved" if recipe.codes == 1 else f"All {recipe.codes} codes moved together"
    image = blocks.live(blocks.tile(uri(after), "the restored picture, edited", codes))
    yield f'<div class="edited">{image}<div class="edit-side">{side}</div></div>'


def knobs_on(recipe: Restoration, picture: Picture, before: Tensor, given: Mapping[str, float]) -> tuple[Tensor, str]:
    """The picture [1, 3, R, R] of codes with the recipe's knobs turned, and these as HTML, with what the reader sees.

    before: the picture of the codes as they are; given: amounts by name, 0 where missing. Raises RecipeError.
    """
    model, knobs, reach = recipe.model, knobs_of(recipe.knob_set), zoo.card(recipe.model).reach
    rows, amounts = [], []
    for i, facts in enumerate(knobs.facts()[:KNOBS]):
        name, ends = f"knob-{i + 1}", (facts["low"] or "one way", facts["high"] or "the other way")
        amounts.append(number(given.get(name, 0.0), f"knob {i + 1}", -reach, reach))
        rows.append(blocks.knob(name, name_of(i, facts["title"]), ends, reach=reach, value=amounts[i]))
    after = render(picture, knobs, [amounts]).clamp(-1, 1).cpu() if any(amounts) else before
    says = _seen(model, before, after) if any(amounts) else ""
    here, back = (
        live.turned(model, picture, knobs),
        blocks.filled(WORDS["file"]["back"], dict(set=blocks.setter(**STEERS))),
    )
    html = f'<div class="knobs two">{"".join(rows)}{here}</div>{blocks.live(blocks.verdict(says))}'
    return after, html + back * bool(recipe.directions)


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
