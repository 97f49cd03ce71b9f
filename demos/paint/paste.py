"""Paint's second brush: the region is taken from another picture, moved or removed, inside the network (LoGAN)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from core import zoo
from core.blending import Patch, reach, seam, with_pixels
from core.cache import cached
from core.evidence import recorded
from core.images import webp
from core.parts import has_parts, read_parts
from core.regions import CODED, resized, to_text

from ..page import found as finding
from ..page import paste as pasting
from ..page import picture as recipes
from ..page.blocks import aha, data_uri, paragraph, setter, tile
from ..page.fields import RecipeError, refusals
from ..page.paste import FOUND, MOVE, OWN, REMOVE, SEED, Paste
from ..page.words import signed
from .recipe import CONTROLS, SAYS, Painted, full_mask

MARGIN = 2  # pixels of 64 around a part, so that its edge comes with it
SHARES = {REMOVE: 2}  # side of the picture over that of the map after the usual layer; 4 for the others
TILE = 192  # pixels of what is shown
MEASURED = {MOVE: 2, REMOVE: 3}  # which sentence of the evidence is about it; the first about the others
TASKS = CONTROLS["task"]["options"]


def plain_of(recipe: Painted) -> Painted:
    """The recipe of the picture that nothing was pasted into."""
    return replace(recipe, paste="")


@cached(64)
def _sides(model: str, _weights: str) -> list[int]:
    """Pixels a side of the map after each layer."""
    generator, state, found = recipes.opened(model), None, []
    codes = generator.codes(generator.sample(1, 0), label=0 if generator.classes else None)
    with torch.no_grad():
        for number in range(len(generator.layers)):
            state = generator.run(codes, state, start=number, stop=number + 1)
            found.append(state.x.shape[2])
    return found


def usual(model: str, task: str) -> int:
    """After how many layers the brush blends: the last map of a quarter of the picture's side, to remove of a half."""
    sides, most = _sides(model, zoo.weights_hash(model)), zoo.card(model).resolution // SHARES.get(task, 4)
    return max([i for i, side in enumerate(sides, 1) if side <= most], default=1)


def controls(recipe: Painted) -> dict:
    """What differs from the fields of the brush, by name."""
    model = recipe.model
    options = {name: says for name, says in TASKS.items() if name not in FOUND or zoo.encoder_path(model)}
    last, usually = len(recipes.opened(model).layers), {task: usual(model, task) for task in (MOVE, REMOVE)}
    return dict(task=dict(options=options), depth=dict(high=last, hint=SAYS["depth"].format(last=last, **usually)))


def source_of(recipe: Painted, told: Paste) -> Painted | None:
    """The recipe of the picture that the region comes from; None: it is the picture itself."""
    found = told.source if told.what in FOUND else ""
    if told.what in (SEED, *FOUND):
        return replace(recipe.numbered(told.number if told.what == SEED else recipe.seed), found=found)
    return None


def region_of(recipe: Painted, source: Painted | None) -> str:
    """As text: what was painted; of a part, it and the same part of the source, and a margin."""
    mask = full_mask(recipe)
    if recipe.of_part:
        there = {} if source is None else read_parts(source.model, recipes.render(source))[0]
        mask = resized(mask | there.get(recipe.region, mask), CODED)[None, None].float()
        mask = F.max_pool2d(mask, 2 * MARGIN + 1, 1, MARGIN)[0, 0] > 0
    return to_text(mask)


def asked(recipe: Painted) -> Paste:
    """What the controls say. Raises RecipeError where the network cannot do it."""
    here = plain_of(recipe)
    if recipe.task == OWN and not recipe.own:
        raise RecipeError(SAYS["no_own"])
    layer = recipe.depth or usual(recipe.model, recipe.task)
    down, right = (0, 0) if recipe.task == REMOVE else (recipe.dy, recipe.dx)
    formed = {} if recipe.task == REMOVE else dict(turn=recipe.rotate, size=recipe.grow, mirrored=recipe.mirror)
    number = 0 if recipe.task in (OWN, MOVE, REMOVE) else recipe.other
    token = finding.token_of(recipe) if recipe.task == OWN else ""
    told = Paste(recipe.task, number, layer, down, right, "", token, **formed)
    if recipe.task == MOVE and told.stays:
        raise RecipeError(SAYS["stays"])
    told = pasting.given(told._replace(region=region_of(here, source_of(here, told))).word)
    replace(here, paste=told.word)  # refuses what does not fit the network
    return told


# --- what was done, and what it did


@torch.no_grad()
def pasted(recipe: Painted) -> Iterator[str]:
    """The region in its new place, in the network and with pixels: the seam of both, and what changed outside."""
    told, here = asked(recipe), plain_of(recipe)
    there, source = replace(here, paste=told.word), source_of(here, told)
    before, after = (recipes.render(one).clamp(-1, 1) for one in (here, there))
    other = None if source is None else recipes.render(source).clamp(-1, 1)
    patches = told.patches(None)
    with refusals():
        pixels = with_pixels(before, patches, [other] * len(patches))
    shown = [("this picture", before), ("the other", other), ("with pixels", pixels), ("in the network", after)]
    tiles = "".join(_tile(recipe, name, image) for name, image in shown if image is not None)
    says = _said(recipe, told, before, pixels, after)
    keeps = dict(paste=told.word, region=recipe.region)
    if recipe.of_part and recipe.region not in read_parts(recipe.model, after)[0]:
        keeps["region"] = told.region
    buttons = _button("paint-keep-paste", SAYS["keep_paste"], **keeps)
    if recipe.paste:
        buttons += _button("paint-no-paste", SAYS["no_paste"], paste="")
    yield aha(says) + f'<div class="tiles">{tiles}</div><div class="buttons">{buttons}</div>' + evidence(recipe)


def _tile(recipe: Painted, name: str, image: Tensor) -> str:
    [small] = recipes.shown(image, recipe.model, largest=TILE)
    return tile(data_uri(webp(small)), name, name)


def _button(elem_id: str, says: str, **fields: object) -> str:
    return f'<button type="button" class="plain" id="{elem_id}" {setter(**fields)}>{says}</button>'


def edge_of(patches: list[Patch], side: int) -> Tensor:
    """[side, side] bool: where the last patch lies."""
    return patches[-1].weight((side, side))[0, 0] >= 0.5


def _said(recipe: Painted, told: Paste, before: Tensor, pixels: Tensor, after: Tensor) -> str:
    patches, side = told.patches(None), zoo.card(recipe.model).resolution
    edge = edge_of(patches, side)
    jumps = {name: float(seam(image, edge)[0]) ** 0.5 for name, image in
             (("pixels", pixels), ("network", after), ("plain", before))}  # fmt: skip
    here = plain_of(recipe)
    touched = reach(recipes.generator_of(here), patches, recipes.own_codes(here))
    outside = (after - before)[0].abs().amax(0)[~touched]
    layers = f"{told.layer} layer{'s' * (told.layer > 1)}"
    said = recipe.say("seam", layers=layers, **jumps) if edge.any() else SAYS["none_seen"]
    if len(outside):
        said += recipe.say("outside_zero", share=100 * len(outside) / touched.numel(), far=127.5 * float(outside.max()))
    else:
        said += SAYS["all_in_reach"]
    return said + _arrived(recipe, told, before, after)


def _arrived(recipe: Painted, told: Paste, before: Tensor, after: Tensor) -> str:
    """What the part reader finds of a part that was moved or removed; "" where there is nothing to say."""
    if not (recipe.of_part and has_parts(recipe.model)) or told.what not in (MOVE, REMOVE):
        return ""
    old, new = (read_parts(recipe.model, image)[0].get(recipe.region) for image in (before, after))
    if new is None:
        return recipe.say("part_gone")
    if told.what == REMOVE:
        return recipe.say("part_left", share=100 * float(new.sum()) / max(float(old.sum()), 1))
    (down, right), scale = middle(new) - middle(old), CODED / len(new)
    went = dict(down=signed(float(down) * scale, 1), right=signed(float(right) * scale, 1))
    return recipe.say("part_moved", **went, dy=signed(told.down, 0), dx=signed(told.right, 0))


def middle(mask: Tensor) -> Tensor:
    """[2]: row and column of the centre of mass of [h, w]."""
    return mask.nonzero().double().mean(0)


def evidence(recipe: Painted) -> str:
    """What was measured of it on many pictures, in a sentence; "" where it was not."""
    said = (recorded(recipe.model, "blending") or {}).get("sentences", ())
    return paragraph(said[MEASURED.get(recipe.task, 0)]) if said else ""
