"""What the page says of a restored picture: its controls, its caption, how it was damaged, how it was found."""

from __future__ import annotations

from collections.abc import Sequence

from core import zoo
from core.cache import cached
from core.checkpoints.layers import layers
from core.inversion import vgg
from core.inversion.restoration import OFFICIAL
from core.inversion.search import log_curve
from core.inversion.tasks import KINDS, RANGES, factors

from ..page.picture import opened
from ..page.sources import reading_control
from . import recipe as recipes
from .recipe import LOSSES, OWN, PICTURES, SAYS, SHOWS, STEERED, VGG, WAYS, WORDS, Restoration

WIDE, HIGH = 1280, 120  # of the curve of a search


# --- what its controls show


def controls_of(recipe: Restoration) -> dict[str, dict | None]:
    """What of each control depends on the recipe; None: it is not there."""
    task, own = recipe.task, recipe.shows == OWN
    painted = recipe.hints.count("~") + 1 if recipe.hints else 0
    there = [name for name in recipes.shown_by(recipe.model) if name != STEERED or recipe.steered]
    hint = f"{painted} colour{'s' * (painted > 1)} painted." if painted else SAYS["hint"]
    way = SAYS["published"] if recipe.optimiser == OFFICIAL else ""
    return dict(
        shows=dict(
            options={name: SHOWS[name] for name in there if name != OWN or own},
            resets=dict(own="", as_is=False, loss="", picture=recipe.picture % PICTURES),
        ),
        picture=None if not recipe.numbered else dict(hint=f"0 to {recipe.last_picture}"),
        kind=_kind_control(recipe) if task in KINDS else None,
        amount=_amount_control(recipe) if task in KINDS else None,
        region={} if task == "fill" else None,
        hints=dict(hint=hint) if task == "colour" else None,
        as_is={} if own and task != "copy" else None,
        keep={} if task != "copy" and recipe.kind != "gaussian" else None,
        layer=dict(hint=f"0 to {len(opened(recipe.model).layers)}; now: {layer_name(recipe.model, recipe.layer)}"),
        loss=dict(options={name: LOSSES[name] for name in recipes.losses_of(recipe.model)}),
        reading=reading_control(recipe),
        optimiser=dict(hint=" ".join(filter(None, (way, vgg_says(recipe))))),
    )


def _kind_control(recipe: Restoration) -> dict:
    options = {kind: WORDS["kinds"][kind] for kind in KINDS[recipe.task]}
    resets = dict(keep=None) if recipe.task == "enlarge" else dict(keep=None, amount=0)
    return dict(says=WORDS["kind_of"][recipe.task], options=options, resets=resets)


def _amount_control(recipe: Restoration) -> dict:
    if recipe.task == "enlarge":
        options = {str(factor): f"{factor} x" for factor in factors(recipe.side)}
        return dict(kind="choice", says="How many times", options=options, numbers=True, resets=dict(loss=""))
    low, high = RANGES[recipe.kind]
    scale, unit = (100, "% lost") if recipe.kind == "specks" else (127.5, "of 255 levels")
    return dict(low=low, high=high, step=0.01, scale=scale, unit=unit)


def vgg_says(recipe: Restoration) -> str:
    """What photographs are compared by on this machine, in a sentence; "" where the picture is none."""
    if not recipe.photographic:
        return ""
    return SAYS["pixels_and_ssim" if vgg.supplied(zoo.WEIGHTS) is None else "vgg"].format(**VGG)


# --- sentences


def alt_text(recipe: Restoration) -> str:
    """What is restored and how, for those who do not see it."""
    what = "as_is" if recipe.as_is else recipe.kind if recipe.task == "noise" else recipe.task
    shares = dict(percent=100 * recipe.amount, levels=127.5 * recipe.amount)
    damage = WORDS["damage"][what].format(amount=recipe.amount, side=recipe.observed_side, kind=recipe.kind, **shares)
    return f"{recipe.named}, {damage}"


def caption(recipe: Restoration) -> str:
    said, mixed = alt_text(recipe), layer_name(recipe.model, recipe.layer)
    if recipe.codes == 1:
        codes = "One code" if recipe.layer == 0 else f"One code, its channels weighted {mixed}"
    else:
        codes = f"{recipe.codes} codes, " + ("the codes themselves mixed" if recipe.layer == 0 else f"mixed {mixed}")
    way = f"; by {WAYS[OFFICIAL]}" if recipe.optimiser == OFFICIAL else ""
    return f"{said[:1].upper()}{said[1:]}. {codes}; compared: {LOSSES[recipe.loss]}{way}."


def layer_name(model: str, layer: int) -> str:
    """Where codes are mixed."""
    if layer == 0:
        return "the codes themselves"
    side = _sides(model, zoo.weights_hash(model))[layer - 1]
    return f"after {layer} layer{'s' * (layer > 1)}, {side} px"


@cached(64)
def _sides(model: str, _weights: str) -> list[int]:
    """Pixels a side of the maps after each layer."""
    return [layer.output[-1] for layer in layers(opened(model))]


# --- a search, as HTML: how the loss fell, and how much each code counts; restore.js moves what its slider shows


def curve(losses: Sequence[float]) -> str:
    """The loss after each step, on a logarithmic scale; "" where there is one alone."""
    points = [f"{x:.1f},{y:.1f}" for x, y in log_curve(losses, WIDE, HIGH)]
    if not points:
        return ""
    x, y = points[-1].split(",")
    return WORDS["watched"]["curve"].format(wide=WIDE, high=HIGH, points=" ".join(points), x=x, y=y)


def shares(codes: Sequence[float]) -> str:
    """How much each code counts, as bars and in words."""
    percents = [round(100 * share) for share in codes]
    bars = "".join(f'<span style="height:{100 * share / max(codes):.0f}%"></span>' for share in codes)
    least, most = min(percents), max(percents)
    spread = f"about {least} %" if least == most else f"{least} to {most} %"
    many = f"How much each of the {len(codes)} codes counts: {spread}"
    says = many if codes[1:] else "One code makes the picture."
    return WORDS["watched"]["shares"].format(percents=", ".join(map(str, percents)), bars=bars, says=says)
