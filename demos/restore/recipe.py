"""A restored picture is a recipe too: which picture, what happened to it, and how its numbers are looked for.

One record makes the problem, its answer, link, code and notebook. A link never holds a visitor's own picture.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from core import zoo
from core.images import from_uint8, to_uint8
from core.inversion.degradations import Copy, GaussianNoise, Grey, Hole, Shrink, Specks
from core.inversion.losses import Loss, closeness, hints, natural, pixel, seen_through, total
from core.inversion.vgg import VGG16
from core.inversion.vgg import load as load_vgg
from core.regions import CODED, Box, from_text, resized, to_text
from core.truth.worlds import load_world

from ..page.export import SET_UP, about, notebook_of
from ..page.export import opening as opening_of
from ..page.fields import Fields, RecipeError, checked, choice, choice_field, flag, number, quoted, whole, whole_field
from ..page.picture import LARGEST_SEED, opened

TASKS = {"enlarge": "Enlarge", "colour": "Colour", "fill": "Fill a hole", "noise": "Clean noise", "copy": "Copy"}
KINDS = {"enlarge": ("box", "bicubic", "middle"), "noise": ("specks", "gaussian")}  # the first is the default
AMOUNTS = {"box": 4, "bicubic": 4, "middle": 4, "specks": 0.5, "gaussian": 0.25}
RANGES = {"specks": (0.05, 0.95), "gaussian": (0.02, 1.0)}
LOSSES = {
    "pixels": "pixels",
    "features": "pixels and the critic’s features",
    "structure": "pixels and SSIM",
    "vgg": "pixels and VGG-16’s features",
}
WAYS = {"adam": "Adam", "lbfgs": "L-BFGS", "official": "plain gradient steps, as the published code"}
OWN, STEERED = "upload", "steer"
SHOWS = {
    "portraits": "a held-out portrait",
    "objects": "a held-out object",
    "network": "a picture of the network itself",
    STEERED: "a picture of Steer or Paint, drawn by this network itself (easier than any other)",
    OWN: "your own picture",
}
FIRST_PICTURE = 1_400_000  # of each world: seeds from here on are used by no training and by no evidence
PICTURES = 10_000  # that may be chosen; evidence begins after them
PSI = 0.7  # truncation of all pictures but Steer's
MOST_CODES, MOST_STEPS, STARTS = 30, 1_000, 1_000
MOST_HINTS, LONGEST_HINTS = 6, 700
HINTED = 0.02  # weight of painted colours beside the loss
LARGE = 256  # pixels a side from which a picture may be enlarged 16 times
MIDDLE = Box(0.25, 0.25, 0.75, 0.75)
SSIM_WINDOW, COARSEST = 11, 8  # pixels a side that SSIM and the critic's features need
VGG_FILE, VGG_VARIABLE = "vgg16.safetensors", "GANATOMY_VGG"


class Setting(NamedTuple):
    """How a task is solved unless somebody chooses otherwise. layer: as a share of the network's layers."""

    layer: float
    codes: int
    steps: int
    optimiser: str
    loss: str


GENERAL = {
    "enlarge": Setting(0.22, 10, 60, "lbfgs", "pixels"),
    "colour": Setting(0.22, 10, 60, "lbfgs", "pixels"),
    "fill": Setting(0.33, 10, 80, "lbfgs", "features"),
    "noise": Setting(0.45, 10, 150, "adam", "pixels"),
    "copy": Setting(0.45, 10, 200, "adam", "features"),
}
OF_A_NETWORK = {
    "portraits-pggan": dict(  # where another setting was measured to be better
        GENERAL,
        enlarge=Setting(0.4, 20, 60, "lbfgs", "pixels"),
        fill=Setting(0.1, 10, 60, "lbfgs", "features"),
        copy=Setting(0.4, 10, 200, "lbfgs", "features"),
    )
}


@dataclass(frozen=True)
class Restoration(
    Fields,
    tab="restore",
    what="a restored picture's recipe",
    give="give what the tab Restore wrote, with a model and a task",
    always=("model", "task"),
):
    """One picture to restore. A recipe that exists was checked. Numbers may be given as text. Raises RecipeError."""

    # of a network that can be opened now
    model: str = checked(lambda value, _: card_of(value).name, MISSING, "name of the network")
    # a key of TASKS
    task: str = choice_field("task", TASKS)
    # what is restored, a key of SHOWS; "": a render of the network's world, or a picture of its own
    shows: str = checked(
        lambda value, one: choice(value or usual_show(one.model), "picture shown", shown_by(one.model)),
        "",
        f"what is restored: {', '.join(SHOWS)}",
    )
    # which of them, from 0; of Steer's its seed
    picture: int = checked(
        lambda value, one: whole(value, "the picture's number", 0, LARGEST_SEED if one.steered else PICTURES - 1),
        0,
        "which picture, from 0",
        type=int,
    )
    # truncation of Steer's picture; 0.7 of all others
    psi: float = checked(
        lambda value, one: number(value, "the truncation", 0, 1) if one.steered else PSI, PSI, "truncation", type=float
    )
    # how it is damaged, of KINDS, where the task has several
    kind: str = checked(lambda value, one: _kind(value, one.task), "", "how it is damaged, where tasks have several")
    # enlarging: the factor; specks: share of pixels lost; gaussian: standard deviation in [-1, 1]; 0: the usual
    amount: float = checked(
        lambda value, one: _amount(value, one.task, one.kind, zoo.card(one.model).resolution),
        0.0,
        "the factor of enlarging, or the amount of noise; 0: the usual",
        type=float,
    )
    # of a hole, the text of `core.regions.to_text`; "": the middle quarter
    region: str = checked(lambda value, one: _region(value) if one.task == "fill" else "", "", "the hole")
    # colours painted by the visitor, "rrggbb.region" joined by "~"
    hints: str = checked(lambda value, one: _hints(value) if one.task == "colour" else "", "", "painted colours")
    # an own picture is itself what was observed
    as_is: bool = checked(
        lambda value, one: flag(value, "the picture is damaged already") and one.shows == OWN and one.task != "copy",
        False,
        "an own picture is damaged already",
        type=bool,
    )
    # is what was observed put back into the answer? None: where that leaves no seam
    keep: bool | None = checked(
        lambda value, one: (
            keeps(one.task, one.kind) if value in (None, "") else flag(value, "what was observed is put back")
        ),
        None,
        "what was observed is put back into the answer",
        type=bool | None,
    )
    # codes, layer, steps, start (the seed): as of `multicode.invert`; 0 and -1: the task's own
    codes: int = checked(
        lambda value, one: whole(value, "the number of codes", 0, MOST_CODES) or one.setting.codes,
        0,
        f"number of codes, at most {MOST_CODES}; 0: the task's own",
        type=int,
    )
    layer: int = checked(
        lambda value, one: _layer(value, one.model, one.setting), -1, "layer after which codes are mixed", type=int
    )
    steps: int = checked(
        lambda value, one: whole(value, "the number of steps", 0, MOST_STEPS) or one.setting.steps,
        0,
        f"number of steps, at most {MOST_STEPS}; 0: the task's own",
        type=int,
    )
    start: int = whole_field("the seed of the start", 0, STARTS - 1)
    # of WAYS; "": the task's own
    optimiser: str = checked(
        lambda value, one: choice(value or one.setting.optimiser, "optimiser", WAYS), "", f"one of {', '.join(WAYS)}"
    )
    # names an upload
    own: str = checked(lambda value, one: _token(value) if one.shows == OWN else "", "", "name of an own picture")
    # class of a network that has classes
    label: int = checked(
        lambda value, one: whole(value, "the class", 0, max(0, zoo.card(one.model).classes - 1)), 0, "class", type=int
    )
    # of LOSSES; "": the task's own, where what was observed is large enough
    loss: str = checked(lambda value, one: _loss(value, one, one.setting), "", f"what is compared: {', '.join(LOSSES)}")

    @classmethod
    def default_model(cls) -> str:
        """The network that the tab opens with, the first of the zoo; "" where there is none.

        An own network comes before the bundled ones; of those the StyleGAN2 restores closer than the PGGAN of the
        paper, as was measured (weights/README.md).
        """
        return next(iter(zoo.CARDS), "")

    @property
    def steered(self) -> bool:
        """Is it a picture of Steer or Paint?"""
        return self.shows == STEERED

    @property
    def setting(self) -> Setting:
        return setting_of(self.model, self.task)

    def as_dict(self) -> dict:
        """Plain JSON values; truncation only where it is the recipe's to choose."""
        return {name: value for name, value in super().as_dict().items() if name != "psi" or self.steered}

    @classmethod
    def unread(cls, model: str, **values: object) -> dict:
        return {name: value for name, value in super().unread(model, **values).items() if name != "psi"}

    def shared(self) -> Restoration:
        """The same settings on an example where the picture is the visitor's own: nobody else may see that."""
        return replace(self, shows="", own="", as_is=False, loss="") if self.shows == OWN else self

    def link_note(self) -> str:
        if self.shows != OWN:
            return ""
        return "A link never holds your own picture: it opens the same settings on an example."

    def plain(self) -> Restoration:
        return Restoration(self.model, self.task, kind=self.kind)

    def to_query(self) -> dict[str, str]:
        written, usual = super().to_query(), KINDS.get(self.task, ("",))[0]
        return dict(written, kind=self.kind) if self.kind != usual else written

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Restoration:
        if isinstance(query, Mapping) and (query.get("shows") == OWN or query.get("own")):
            raise RecipeError("a link cannot hold somebody's own picture: choose the picture yourself, or an example")
        return super().from_query(query)


# --- defaults


def card_of(model: object) -> zoo.ModelCard:
    """Of a network that can be opened now. Raises RecipeError."""
    if isinstance(model, str) and model in zoo.ready():
        return zoo.card(model)
    there = ", ".join(zoo.CARDS) or "the list of networks"
    raise RecipeError(f"the model cannot be {quoted(model)}: choose one of {there}, or fetch it first")


def usual_show(model: str) -> str:
    """What is restored unless somebody chooses otherwise: renders of the network's world, or else its own pictures."""
    return zoo.card(model).world or "network"


def shown_by(model: str) -> tuple[str, ...]:
    """What can be restored with a network: its own world's renders have to be of its size, a power of two."""
    worlds = ("portraits", "objects") if zoo.card(model).world else ()
    return *worlds, "network", STEERED, OWN


def setting_of(model: str, task: str) -> Setting:
    return OF_A_NETWORK.get(model, GENERAL)[task]


def keeps(task: str, kind: str) -> bool:
    """Is the observation put back unless somebody says otherwise? Not into holes: that would leave a seam."""
    return task == "colour" or task == "enlarge" and kind == "box"


def losses_of(model: str) -> tuple[str, ...]:
    """What can be compared: features only where a network came with its critic, VGG-16's where somebody supplied it."""
    card = zoo.card(model)
    critic = not (card.own or card.hub) and card.path.with_name(f"{card.path.stem}-critic.safetensors").exists()
    there = {"features": critic, "vgg": vgg_path() is not None}
    return tuple(name for name in LOSSES if there.get(name, True))


def vgg_path() -> Path | None:
    """The VGG-16 that somebody supplied: what the environment names, or the file beside the weights; None: neither."""
    named, usual = os.environ.get(VGG_VARIABLE, ""), zoo.WEIGHTS / VGG_FILE
    return Path(named) if named else usual if usual.is_file() else None


def vgg_mark() -> tuple:
    """Which VGG-16 it is: where it lies, and when it was written."""
    path = vgg_path()
    return () if path is None else (str(path), path.stat().st_mtime_ns if path.is_file() else 0)


def vgg() -> VGG16:
    """The supplied VGG-16, ready. Raises RecipeError where nobody supplied one, or where the file is another."""
    mark = vgg_mark()
    if not mark:
        raise RecipeError(_NO_VGG)
    try:
        return _vgg(*mark)
    except ValueError as error:
        raise RecipeError(f"{error}; or compare something else, such as pixels") from None


@lru_cache(maxsize=1)
def _vgg(path: str, _written: int) -> VGG16:
    return load_vgg(path).to(zoo.device())


_NO_VGG = (
    f"VGG-16 is not on this machine: save torchvision’s weights as weights/{VGG_FILE}, or name the file in "
    f"{VGG_VARIABLE}; or choose pixels or structure"
)


def photographic(recipe: Restoration) -> bool:
    """Does it show what no critic of ours knows: an own picture, or one of a network that others trained?"""
    return recipe.shows == OWN or not zoo.card(recipe.model).world


def named(recipe: Restoration) -> str:
    """The picture of a recipe in words; one's own has no number."""
    return SHOWS[OWN] if recipe.shows == OWN else f"{SHOWS[recipe.shows]}, number {recipe.picture}"


def observed_side(recipe: Restoration) -> int:
    """Pixels a side of what was observed."""
    return zoo.card(recipe.model).resolution // (int(recipe.amount) if recipe.task == "enlarge" else 1)


# --- checks


def _kind(kind: object, task: str) -> str:
    kinds = KINDS.get(task, ("",))
    return kinds[0] if kind == "" else choice(kind, "way of damaging it", kinds)


def factors(resolution: int) -> tuple[int, ...]:
    """By how much a picture may be enlarged."""
    return (2, 4, 8, 16) if resolution >= LARGE else (2, 4, 8)


def _amount(amount: object, task: str, kind: str, resolution: int) -> float:
    if task == "enlarge":
        if amount in (0, "0", "", 0.0):
            return AMOUNTS[kind]
        factor = whole(amount, "the factor of enlarging", 2, 16)
        if factor not in factors(resolution):
            raise RecipeError(
                f"this network's pictures are enlarged {', '.join(map(str, factors(resolution)))} times, "
                f"not {factor} times: choose one of these"
            )
        return factor
    if task != "noise":
        return 0
    return AMOUNTS[kind] if amount in (0, "0", "", 0.0) else number(amount, "the amount of noise", *RANGES[kind])


def _region(region: object) -> str:
    if region == "":
        return to_text(MIDDLE.mask(CODED))
    try:
        mask = from_text(region)
    except ValueError as error:
        raise RecipeError(str(error)) from None
    if mask.all():
        raise RecipeError("the hole is the whole picture, so nothing of it is known: leave some of it")
    return region


def _hints(text: object) -> str:
    painted = text.split("~") if isinstance(text, str) and text else []
    if not isinstance(text, str) or len(painted) > MOST_HINTS or len(text) > LONGEST_HINTS:
        raise RecipeError(f"these are too many colours: paint at most {MOST_HINTS}, in plain strokes")
    for one in painted:
        colour, dot, region = one.partition(".")
        if not dot or not re.fullmatch("[0-9a-f]{6}", colour):
            raise RecipeError(f"a painted colour cannot be {quoted(one)}: paint it again")
        try:
            from_text(region)
        except ValueError as error:
            raise RecipeError(str(error)) from None
    return text


def _layer(layer: object, model: str, setting: Setting) -> int:
    last = len(opened(model).layers)
    found = whole(layer, "the layer after which codes are mixed (-1: the task's)", -1, last)
    return round(setting.layer * last) if found < 0 else found


def _token(token: object) -> str:
    if token == "" or isinstance(token, str) and re.fullmatch("[0-9a-f]{32}", token):
        return token
    raise RecipeError("this is not the name of an own picture: choose the picture again")


def _loss(loss: object, recipe: Restoration, setting: Setting) -> str:
    side, there = observed_side(recipe), losses_of(recipe.model)
    needs = {"pixels": 1, "features": 2 * COARSEST, "structure": SSIM_WINDOW, "vgg": 2 * COARSEST}
    possible = [name for name in there if side >= needs[name]]
    if loss == "":
        wished = ("vgg", "structure") if photographic(recipe) else ("features", "structure")
        usual = (setting.loss,) if setting.loss == "pixels" else wished
        return next((name for name in usual if name in possible), "pixels")
    if loss == "vgg" and loss not in there:
        raise RecipeError(_NO_VGG)
    if loss in there and loss not in possible:
        raise RecipeError(
            f"what was observed has {side} pixels a side, "
            f"and to compare {LOSSES[loss]} takes {needs[loss]}: choose {', '.join(possible)}"
        )
    return choice(loss, "loss", there)


# --- the problem that a recipe states


def degradation_of(recipe: Restoration) -> Copy:
    """What happened to the picture."""
    side = zoo.card(recipe.model).resolution
    if recipe.task == "enlarge":
        return Shrink(int(recipe.amount), recipe.kind)
    if recipe.task == "fill":
        return Hole(~resized(from_text(recipe.region), side))
    if recipe.task == "noise" and recipe.kind == "specks":
        return Specks.scattered(side, side, share=recipe.amount, seed=recipe.picture)
    if recipe.task == "noise":
        return GaussianNoise(recipe.amount, recipe.picture)
    return Grey() if recipe.task == "colour" else Copy()


def loss_of(recipe: Restoration) -> Loss:
    """Between pictures and what was observed."""
    compared = {
        "pixels": lambda: pixel,
        "structure": natural,
        "vgg": lambda: closeness(vgg()),
        "features": lambda: closeness(zoo.load_critic(recipe.model)),
    }[recipe.loss]()
    loss = seen_through(degradation_of(recipe), compared)
    if not recipe.hints:
        return loss
    colours, where = painted_hints(recipe)
    return total((1.0, loss), (HINTED, hints(colours, where)))


def painted_hints(recipe: Restoration) -> tuple[Tensor, Tensor]:
    """Colours [1, 3, R, R] in [-1, 1], and where they were painted, [R, R] bool; later strokes cover earlier ones."""
    side = zoo.card(recipe.model).resolution
    colours, where = torch.zeros(1, 3, side, side), torch.zeros(side, side, dtype=torch.bool)
    for one in recipe.hints.split("~") if recipe.hints else []:
        colour, _, region = one.partition(".")
        mask = resized(from_text(region), side)
        levels = torch.tensor([[list(bytes.fromhex(colour))]], dtype=torch.uint8)[None]
        colours[:, :, mask] = from_uint8(levels).reshape(1, 3, 1)
        where |= mask
    return colours, where


def example(recipe: Restoration) -> Tensor:
    """The true picture [1, 3, R, R] of a recipe that shows no upload, in whole levels of 255."""
    card, seed, psi = zoo.card(recipe.model), seed_of(recipe), truncation_of(recipe)
    if recipe.shows in ("network", STEERED):
        generator = opened(recipe.model).at(psi=psi)
        codes = generator.codes(generator.sample(1, seed), psi=psi, label=recipe.label if card.classes else None)
        with torch.no_grad():
            found = generator(codes).clamp(-1, 1).cpu()
    else:
        found = rendered(recipe.shows, 1, seed, card.resolution, spread=card.spread)
    return in_levels(found)


def seed_of(recipe: Restoration) -> int:
    """Of the picture shown: Steer's own number, or one that no training and no evidence has used."""
    return recipe.picture if recipe.shows == STEERED else FIRST_PICTURE + recipe.picture


def truncation_of(recipe: Restoration) -> float:
    """Of a picture that the network draws."""
    return recipe.psi if recipe.shows == STEERED else zoo.card(recipe.model).psi


def in_levels(images: Tensor) -> Tensor:
    """The same in whole levels of 255, as the page shows and a file keeps them."""
    return from_uint8(to_uint8(images))


def rendered(world: str, count: int, seed: int, resolution: int, *, spread: str = "graded") -> Tensor:
    """[count, 3, R, R] renders of a world from `seed` on."""
    module = load_world(world)
    factors_ = module.sample(count, seed, spread=module.SPREADS[spread])
    classes = [module.labels(count, seed)] if hasattr(module, "labels") else []
    return module.render(factors_, *classes, resolution=resolution).images


# --- code and notebook


def code_for(recipe: Restoration) -> str:
    """Python that restores the picture when run in the repository's root; it ends with a file picture.png."""
    return _code(recipe) + 'picture.save("picture.png")\n'


def _code(recipe: Restoration) -> str:
    card = zoo.card(recipe.model)
    reader, opening = opening_of(card)
    imports = [
        "import torch",
        reader,
        "from core.images import to_pil",
        f"from core.inversion.degradations import {type(degradation_of(recipe)).__name__}",
        f"from core.inversion.losses import {', '.join(sorted({'seen_through', *_loss_names(recipe)}))}",
        "from core.inversion.multicode import invert",
    ]
    imports += {
        "features": ["from core.zoo import load_critic"],
        "vgg": ["from core.inversion.vgg import load as load_vgg"],
    }.get(recipe.loss, [])
    shown_imports, shown_lines = _picture_code(recipe)
    hint_imports, hint_lines = _hint_code(recipe)
    region = ["from core.regions import from_text, resized"] if recipe.task == "fill" or recipe.hints else []
    label = f", label={recipe.label}" if card.classes else ""
    way = "official=True" if recipe.optimiser == "official" else f'optimiser="{recipe.optimiser}"'
    last = (
        "picture = to_pil(degradation.agreeing(restored, observed))[0]        # with what was observed put back"
        if recipe.keep
        else "picture = to_pil(restored)[0]"
    )
    imports = sorted(
        {*imports, *shown_imports, *hint_imports, *region}, key=lambda line: (line.startswith("from core"), line)
    )
    return "\n".join(
        [
            *imports,
            "",
            f"generator = {opening}",
            *shown_lines,
            f"degradation = {_degradation_code(recipe)}",
            "observed = truth" if recipe.as_is else "observed = degradation.apply(truth)",
            f"loss = seen_through(degradation, {_loss_code(recipe)})"
            + ("        # the file of VGG-16 must lie beside" if recipe.loss == "vgg" else ""),
            *hint_lines,
            f"for step in invert(generator, observed, layer={recipe.layer}, n_codes={recipe.codes}, "
            f"steps={recipe.steps}, loss=loss,\n                   seed={recipe.start}{label}, {way}):",
            "    pass",
            "with torch.no_grad():",
            "    restored = step.picture.draw(step.picture.codes).clamp(-1, 1)",
            last,
            "",
        ]
    )


def _loss_names(recipe: Restoration) -> list[str]:
    names = {"pixels": ["pixel"], "features": ["closeness"], "structure": ["natural"], "vgg": ["closeness"]}[
        recipe.loss
    ]
    return names + (["hints", "total"] if recipe.hints else [])


def _loss_code(recipe: Restoration) -> str:
    return {
        "pixels": "pixel",
        "features": f'closeness(load_critic("{recipe.model}"))',
        "structure": "natural()",
        "vgg": f'closeness(load_vgg("{VGG_FILE}"))',
    }[recipe.loss]


def _degradation_code(recipe: Restoration) -> str:
    side = zoo.card(recipe.model).resolution
    noise = (
        f"Specks.scattered({side}, {side}, share={recipe.amount:g}, seed={recipe.picture})"
        if recipe.kind == "specks"
        else f"GaussianNoise({recipe.amount:g}, seed={recipe.picture})"
    )
    return {
        "enlarge": f'Shrink({recipe.amount:g}, "{recipe.kind}")',
        "colour": "Grey()",
        "copy": "Copy()",
        "fill": f'Hole(~resized(from_text("{recipe.region}"), {side}))',
        "noise": noise,
    }[recipe.task]


def _picture_code(recipe: Restoration) -> tuple[list[str], list[str]]:
    """Imports, and lines that make `truth` [1, 3, R, R]."""
    card, seed = zoo.card(recipe.model), seed_of(recipe)
    side = card.resolution
    whole_levels = "truth = from_uint8(to_uint8(truth))        # whole levels of 255, as the page shows it"
    if recipe.shows == OWN:
        side = observed_side(recipe) if recipe.as_is else side
        return (
            ["from PIL import Image", "from core.images import from_pil"],
            [f'truth = from_pil(Image.open("own.png").resize(({side}, {side})))        # a square cut of your picture'],
        )
    images = "from core.images import from_uint8, to_uint8"
    if recipe.shows in ("network", STEERED):
        label = f", label={recipe.label}" if card.classes else ""
        psi = f", psi={truncation_of(recipe)}" if opened(recipe.model).has_truncation else ""
        codes = f"generator.codes(generator.sample(1, seed={seed}){psi}{label})"
        return [images], [f"truth = generator({codes}).clamp(-1, 1)", whole_levels]
    world = recipe.shows
    labels = f", {world}.labels(1, {seed})" if world == "objects" else ""
    return (
        [f"from core.truth.worlds import {world}", images],
        [
            f'factors = {world}.sample(1, {seed}, spread={world}.SPREADS["{card.spread}"])',
            f"truth = {world}.render(factors{labels}, resolution={side}).images",
            whole_levels,
        ],
    )


def _hint_code(recipe: Restoration) -> tuple[list[str], list[str]]:
    if not recipe.hints:
        return [], []
    side = zoo.card(recipe.model).resolution
    lines = [f"colours, where = torch.zeros(1, 3, {side}, {side}), torch.zeros({side}, {side}, dtype=torch.bool)"]
    for one in recipe.hints.split("~"):
        colour, _, region = one.partition(".")
        levels = [round(value / 127.5 - 1, 4) for value in bytes.fromhex(colour)]
        lines += [
            f'painted = resized(from_text("{region}"), {side})',
            f"colours[:, :, painted] = torch.tensor({levels}).reshape(1, 3, 1)",
            "where |= painted",
        ]
    return [], [*lines, f"loss = total((1.0, loss), ({HINTED}, hints(colours, where)))"]


def notebook_for(recipe: Restoration, says: str) -> bytes:
    """A notebook (nbformat 4) that gets itself running, restores the picture, and shows truth, observed and answer."""
    side = zoo.card(recipe.model).resolution
    beside = (
        "from core.images import strip\n\nshown = [to_pil(truth)[0], to_pil(observed.clamp(-1, 1))[0], picture]\n"
        f"strip([one.resize(({4 * side}, {4 * side}), 0) for one in shown], gap=8)"
    )
    return notebook_of(
        [
            ("markdown", about(recipe, says)),
            ("code", SET_UP),
            ("code", _code(recipe)),
            ("markdown", "The truth, what was observed of it, and the answer."),
            ("code", beside),
        ]
    )
