"""The cells of My picture: three ways to find codes beside each other, a box blended in, codes mixed with another's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from core import zoo
from core.blending import seam
from core.cache import cached
from core.codes import codes_in_turn, edit, layer_groups
from core.encoders.gallery import LEVELS, Gallery, features_of, load_gallery
from core.encoders.mixing import from_levels
from core.evidence import file_hash
from core.generators.base import Generator
from core.images import webp
from core.inversion import indomain, losses, restoration
from core.inversion.multicode import RATES
from core.threads import on_single_core
from core.truth import worlds
from core.truth.judge import Judge

from ..page import blocks
from ..page import found as finding
from ..page.cells import Progress
from ..page.fields import RecipeError
from ..page.knobs import Knobs
from ..page.labels import read_labels, unfitted_judge_of
from ..page.picture import generator_of, opened, own_codes, render, shown
from ..page.words import signed
from .recipe import BOXES, MyPicture, knobs_of

ALONE = 180  # steps of the search without an encoder: the time of STEPS with one, as was measured
FAR = 1.5  # steps of a knob, to both sides
NATIVE, FIRST_NATIVE = 24, 1_096_000  # the network's own pictures that the same knob turns
SHOWN_EVERY = 10  # steps
TILE = 128  # pixels
USE = "Use the searched codes in every tab"
LIKE = 5  # pictures that are shown of each level
KINDS = {
    "pose": ("yaw", "pitch", "roll"),
    "colours": ("skin_tone", "hair_tone", "hair_warmth"),
}
WAY = 5  # pictures from one to the other, both ends among them


def given_picture(recipe: MyPicture) -> Tensor:
    """What the codes are found of, [1, 3, R, R]. Raises RecipeError where nothing finds codes of this network."""
    finding.needs_encoder(recipe.model)
    return finding.target(recipe.model, recipe.found) if recipe.found else render(recipe).clamp(-1, 1)


def tile(image: Tensor, recipe: MyPicture, alt: str, caption: str = "") -> str:
    [small] = shown(image, recipe.model, largest=TILE)
    return blocks.tile(blocks.data_uri(webp(small)), alt, caption)


def searching(recipe: MyPicture, says: str, search: Iterator, steps: int, before: str = "") -> Iterator:
    """`codes = yield from searching(...)`: the steps of a search as the page shows them; ends with its codes."""
    for step in on_single_core(search, restoration.THREAD):  # knobs stay quick on the other cores
        if step.i % SHOWN_EVERY == 0:
            with torch.no_grad():
                image = step.picture.draw(step.picture.codes)
            yield before + row(recipe, [(f"{says}, step {step.i} of {steps}", image)])
        yield Progress(f"{says}: step {step.i} of {steps}", step.i / max(1, steps))
    return step.picture.codes.detach()


# --- copied or understood?


class Turn(NamedTuple):
    """What one step of a knob does to a picture: `own` to what it is named after, in standard deviations; `share` of
    all that it changes, in per cent."""

    own: float
    share: float


@torch.no_grad()
def turn(generator: Generator, judge: Judge, codes: Tensor, knobs: Knobs, knob: int) -> Turn:
    """Median over codes [n, slots, dim] of what the knob does, half of the difference between its two sides."""
    one, far = knobs.directions.only([knob]), FAR * knobs.steps[knob]
    low, high = (judge.read(generator(edit(codes, one, [side * far]))) for side in (-1, 1))
    change = judge.deviations(high - low) / (2 * FAR)
    share = change[:, knob].abs() / change.abs().sum(1).clamp(min=1e-12)
    return Turn(float(change[:, knob].median()), 100 * float(share.median()))


@cached(32)
def native_turn(model: str, _weights: str, knob: int) -> Turn:
    """What one step of a knob does to NATIVE pictures of the network's own, medians."""
    plain, generator = MyPicture(model), opened(model)
    codes = codes_in_turn(generator, NATIVE, FIRST_NATIVE, psi=zoo.card(model).psi)
    return turn(generator, unfitted_judge_of(plain), codes, knobs_of(plain), knob)


def copied(recipe: MyPicture) -> Iterator[str | Progress]:
    """Codes by the encoder, by a search from there, and by a search alone: how close, and does a knob turn them?"""
    target = given_picture(recipe)
    yield from read_labels(recipe)
    generator, encoder = opened(recipe.model), zoo.load_encoder(recipe.model)
    start, far = encoder(target), encoder.mean[None]
    found = {"Encoder": start}
    search = indomain.invert(generator, encoder, target, domain=recipe.domain)
    found["Encoder and search"] = yield from searching(recipe, "From the encoder’s codes", search, indomain.STEPS)
    word = finding.keep_refined(recipe.model, recipe.found, found["Encoder and search"], recipe.domain)
    search = indomain.invert(generator, encoder, target, domain=0, rate=RATES[0], start=far, steps=ALONE)
    found["Search alone"] = yield from searching(recipe, "Without the encoder", search, ALONE)
    yield _beside_each_other(recipe, target, found, word)


def _beside_each_other(recipe: MyPicture, target: Tensor, found: dict[str, Tensor], word: str) -> str:
    generator, encoder, knobs = opened(recipe.model), zoo.load_encoder(recipe.model), knobs_of(recipe)
    judge, knob = unfitted_judge_of(recipe), recipe.knob
    native, (low, high) = native_turn(recipe.model, zoo.weights_hash(recipe.model), knob), knobs.ends[knob]
    rows, numbers, told = [], [], {}
    for name, codes in found.items():
        close = float(losses.psnr(generator(codes), target))
        turned, out = turn(generator, judge, codes, knobs, knob), float(indomain.outside(generator, encoder, codes))
        told[name] = (close, turned.own / native.own if native.own else 0.0)
        ends = [edit(codes, knobs.directions.only([knob]), [side * FAR * knobs.steps[knob]]) for side in (-1, 0, 1)]
        captions = (f"{low}, {-FAR:g} steps", f"{close:.1f} dB close", f"{high}, {FAR:g} steps")
        images = [tile(generator(one), recipe, f"{name}: {says}", says) for one, says in zip(ends, captions)]
        rows.append((name, images))
        numbers.append((name, f"{close:.1f}", signed(turned.own, 2), f"{turned.share:.0f} %", f"{out:.2f}"))
    numbers.append(("the network’s own faces", "", signed(native.own, 2), f"{native.share:.0f} %", ""))
    title, given = knobs.titles[knob], row(recipe, [("what was given", target)])
    heads = ("codes by", "close (dB)", "a step moves it (sd)", "share of all change", "off the domain (sd)")
    by = "by a reader that no knob was fitted to" if zoo.has_reader(recipe.model) else "off the pixels"
    caption = f"{title}: one step of the knob, read {by}"
    use = f'<p><button type="button" class="plain" {blocks.setter(found=word)}>{USE}</button></p>' if word else ""
    sheet = blocks.sheet([low, "as found", high], rows, name=f"Three ways to find codes, turned: {title}")
    return blocks.aha(_said(told, title)) + given + sheet + use + blocks.table(heads, numbers, caption=caption)


def _said(told: dict[str, tuple[float, float]], title: str) -> str:
    closest, most = max(told, key=lambda name: told[name][0]), max(told, key=lambda name: told[name][1])
    parts = [f"{name}: {close:.1f} dB close, {100 * share:.0f} %" for name, (close, share) in told.items()]
    ends = f"The closest is “{closest}”; " + (
        "it is also the one that turns furthest."
        if closest == most
        else f"the knob turns “{most}” furthest: a closer copy is not a better one."
    )
    return f"How far “{title}” turns, beside the network’s own faces (100 %). {'; '.join(parts)}. {ends}"


# --- pictures like this


@cached(4)
def gallery_of(model: str, encoder: str) -> Gallery | None:
    """The renders that can be looked through; None where they were seen by another encoder."""
    path = zoo.gallery_path(model)
    found = load_gallery(path) if path.exists() else None
    return found if found and found.encoder == encoder else None


@torch.no_grad()
def alike(recipe: MyPicture) -> Iterator[str]:
    """The renders nearest by coarse, middle and fine codes, and how far their pose and their colours are."""
    card, this = zoo.card(recipe.model), given_picture(recipe)
    if not card.world:
        raise RecipeError(f"{card.title} was trained by others, and no pictures of its world are here to look through")
    gallery = gallery_of(recipe.model, file_hash(zoo.encoder_path(recipe.model)))
    if gallery is None:
        raise RecipeError(f"no renders were looked at by the encoder of {card.title}: see weights/README.md")
    features, judge = features_of(zoo.load_encoder(recipe.model), this), unfitted_judge_of(recipe)
    rows, numbers, how = [], [], dict(resolution=card.resolution, spread=card.spread)
    middle = len(gallery.levels[0].rows) // 2
    asked = [(LEVELS[level], gallery.nearest(features, level, LIKE)[0]) for level in range(len(LEVELS))]
    asked.append(("chance", [gallery.first + middle + 97 * i for i in range(LIKE)]))
    for name, seeds in asked:
        images = torch.cat([worlds.pictures(card.world, 1, seed, **how) for seed in seeds])
        apart = judge.change(this, images).abs().mean(0)
        far = [float(apart[[judge.names.index(one) for one in names]].mean()) for names in KINDS.values()]
        numbers.append((name, *(f"{x:.2f}" for x in far)))
        told = [f"nearest by {name}: render {seed}" for seed in seeds]
        rows.append((name, [tile(image[None], recipe, says) for image, says in zip(images, told)]))
    heads = ("nearest by", *KINDS)
    caption = "How far the faces are from this one, mean, in standard deviations; read by a reader"
    pose, colours = (min(numbers[:-1], key=lambda row: float(row[i]))[0] for i in (1, 2))
    says = f"The pose is most alike by {pose} codes, the colours by {colours} ones."
    if pose == colours:
        says = f"Pose and colours are both most alike by {pose} codes."
    yield (
        blocks.aha(says)
        + row(recipe, [("what was given", this)])
        + blocks.sheet([str(i + 1) for i in range(LIKE)], rows, name="Faces that are like this one")
        + blocks.table(heads, numbers, caption=caption)
    )


# --- blend in


def box_of(recipe: MyPicture) -> Tensor:
    """[R, R] bool: the part that comes from the other picture."""
    side, (left, top, right, bottom) = zoo.card(recipe.model).resolution, BOXES[recipe.box][1]
    mask = torch.zeros(side, side, dtype=torch.bool)
    mask[round(top * side) : round(bottom * side), round(left * side) : round(right * side)] = True
    return mask


def blended(recipe: MyPicture) -> Iterator[str | Progress]:
    """Semantic diffusion (IDInvert): codes that draw the box as it is, and what fits around it."""
    this = given_picture(recipe)
    generator, encoder = opened(recipe.model), zoo.load_encoder(recipe.model)
    other, box = finding.target(recipe.model, recipe.beside), box_of(recipe)
    pasted = torch.where(box, other, this)
    start, loss = encoder(pasted), losses.masked(box, losses.pixel)
    pictures = [("this picture", this), ("the other", other), ("pasted", pasted), ("in one pass", generator(start))]
    before = row(recipe, pictures)
    search = indomain.invert(generator, encoder, pasted, domain=0, start=start, loss=loss)
    codes = yield from searching(recipe, "Blending", search, indomain.STEPS, before)
    pictures.append(("blended", generator(codes)))
    jump = {name: float(seam(image, box).sqrt()) for name, image in pictures}
    inside = {
        name: float(losses.psnr(image[..., box][..., None], pasted[..., box][..., None])) for name, image in pictures
    }
    says = (
        f"Across the edge of the box neighbouring pixels differ by {jump['pasted']:.0f} levels where it is pasted, by "
        f"{jump['blended']:.0f} where it is blended in, and by {jump['this picture']:.0f} in this picture before. "
        f"Inside it is {inside['blended']:.1f} dB close to the other picture; in one pass {inside['in one pass']:.1f}."
    )
    yield blocks.aha(says) + row(recipe, pictures)


def row(recipe: MyPicture, pictures: list[tuple[str, Tensor]]) -> str:
    return f'<div class="tiles">{"".join(tile(image, recipe, name, name) for name, image in pictures)}</div>'


# --- from one to the other


@torch.no_grad()
def mixed(recipe: MyPicture) -> Iterator[str]:
    """The way between two codes, and each level of the other's codes in this one's."""
    finding.needs_encoder(recipe.model)
    generator, this = generator_of(recipe), own_codes(recipe)
    other = finding.codes(recipe.model, recipe.beside)
    shares = [i / (WAY - 1) for i in range(WAY)]
    way = [(f"{100 * share:.0f} % of the other", generator(this + share * (other - this))) for share in shares]
    levels = [("this one", generator(this))]
    for name, slots in layer_groups(generator.slots).items():
        if name != "all":
            codes = this.clone()
            codes[:, list(slots)] = other[:, list(slots)]
            levels.append((f"{name} layers of the other", generator(codes)))
    levels.append(("the other", generator(other)))
    told = {"From one to the other": way}
    if generator.slots > 1:
        told["Levels of both"] = levels
    if zoo.load_encoder(recipe.model).style_head:
        told["Levels of three"] = three(recipe)
    yield "".join(f"<h4>{head}</h4>{row(recipe, pictures)}" for head, pictures in told.items())


def three(recipe: MyPicture) -> list[tuple[str, Tensor]]:
    """Coarse, middle and fine styles from this picture, the other, and the render after it, in turn (GH-Feat)."""
    generator, encoder = opened(recipe.model), zoo.load_encoder(recipe.model)
    after = f"{finding.RENDER}-{(recipe.other + 1) % finding.RENDERS}"
    third = finding.target(recipe.model, after)
    given = [given_picture(recipe), finding.target(recipe.model, recipe.beside), third]
    names, styles = ("this one", "the other", "the third"), [encoder.styles(image) for image in given]
    shown = [("the third", third)]
    for first in range(3):
        turn = [(first + i) % 3 for i in range(3)]
        parts = ", ".join(f"{level} of {names[i]}" for level, i in zip(LEVELS, turn))
        shown.append((parts, from_levels(generator, {level: styles[i] for level, i in zip(LEVELS, turn)})))
    return shown
