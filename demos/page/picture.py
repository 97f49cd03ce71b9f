"""A picture is a recipe: a model's name, a seed, how far each knob is turned; never a tensor.

One record makes the picture, its link, its code, its notebook, its PNG and its alternative text, so none can disagree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, replace
from typing import Any, Self

import torch
from PIL import Image
from torch import Tensor

from core import pace, uploads, zoo
from core.cache import Cache
from core.classes import class_names
from core.codes import Picture, named_slots, ranges
from core.codes import layer_groups as groups_of
from core.drawing import draw, prefix
from core.generators.base import Generator, State
from core.images import to_pil, webp

from . import found as finding
from . import paste as pasting
from .fields import Fields, RecipeError, checked, flag_field, number, number_field, quoted, whole, whole_field

LARGEST_SEED = 999_999_999
LARGEST_STATES = 64 * 2**20  # bytes of layers' outputs that are kept
LARGEST_PICTURES = 32 * 2**20  # bytes of encoded pictures that are kept
NUMBERED = r"[0-9]{1,3}(-[0-9]{1,3})?(\s*,\s*[0-9]{1,3}(-[0-9]{1,3})?){0,40}"  # layers
NOUNS = {"portraits": "portrait", "objects": "object"}


def noun_of(model: str) -> str:
    """What one picture of a network is called."""
    card = zoo.card(model)
    return NOUNS.get(card.world) or ("face" if card.faces else "picture")


def checked_card(model: object) -> zoo.ModelCard:
    """Of a network that can be opened now. Raises RecipeError."""
    if isinstance(model, str) and (model in zoo.CARDS or model in zoo.VISITORS):
        card = zoo.card(model)
        if card.own and not card.path.is_file():
            raise RecipeError(
                f"the file {card.filename} of this network is no longer there: put it back, or choose another network"
            )
        return card
    if isinstance(model, str) and model in zoo.REMOTE_CARDS:
        if zoo.openable(model) and zoo.is_here(model):
            return zoo.REMOTE_CARDS[model]
        remedy = (
            "it is not pinned, so it opens only after `python app.py --unpinned`"
            if not zoo.openable(model)
            else "choose it in the list of networks, which says its size and licence, and fetch it"
        )
        raise RecipeError(f"the model {model} is not on the server of this page yet: {remedy}")
    if isinstance(model, str) and model.startswith(uploads.PREFIX):
        raise RecipeError(
            "this network was somebody's own file, and it is no longer here: it goes after an hour, or with the page "
            "that it was dropped on; drop the file again"
        )
    if not zoo.CARDS:
        raise RecipeError("there is no model here yet: put its weights into weights/ (weights/README.md says how)")
    raise RecipeError(f"the model cannot be {quoted(model)}: this page has {', '.join(zoo.CARDS)}")


def label_field(**resets: Any) -> Any:
    """The class drawn. resets: what another class sets back, by the name of the field."""
    return checked(
        lambda value, recipe: _label(value, zoo.card(recipe.model)),
        0,
        "class drawn, by name or number; 0 where the network has none",
        type=int | str,
        control=dict(kind="text", word="label", **({"resets": resets} if resets else {})),
    )


def movement_field(name: str, far: float, step: float, unit: str) -> Any:
    """How far a picture is moved, to either side; the control is there where the network can do that."""

    def check(value: object, recipe: Any) -> float:
        found = number(value, name, -far, far)
        if found and not movable(recipe.model):
            raise RecipeError(f"{name} is for a StyleGAN3: this network cannot move its pictures: give 0")
        return found

    control = dict(kind="range", word=name, low=-far, high=far, step=step, needs="movable")
    about = dict(type=float, control=control, limits=dict(minimum=-far, maximum=far))
    return checked(check, 0.0, f"{name}, in {unit}, from {-far:g} to {far:g}; 0 where no StyleGAN3 draws", **about)


@dataclass(frozen=True)
class PictureRecipe(Fields):
    """A picture that a network draws from a number; the base of the recipes of all tabs that show one.

    model: a name in core.zoo.CARDS, or of a model of the Hub that was fetched. seed: 0 .. 999,999,999.
    psi: truncation of all layers, 0 .. 1, kept to a thousandth. label: the class drawn; 0 where the model has none.
    transparency: where a network draws opacity, is what is transparent shown as a checkerboard, or in its colours?
    turn, right, down: how a StyleGAN3 moves it, -180 .. 180 degrees and -0.5 .. 0.5 picture widths; 0 for others.
    found: in the place of the seed's picture one that an encoder finds, see `page.found`; "": the seed's. paste: what
    is blended into it, see `page.paste`; "": nothing.
    Numbers may be given as text. Raises RecipeError.
    """

    model: str = checked(lambda value, _: checked_card(value).name, MISSING, "name of the network")
    seed: int = whole_field("the seed", 0, LARGEST_SEED, control=dict(kind="whole", word="seed"))
    psi: float = number_field("the truncation", 0, 1, default=0.7, control=dict(kind="range", word="psi", step=0.05))
    label: int = label_field()
    transparency: bool = flag_field(
        "Transparent places show a checkerboard",
        default=True,
        control=dict(kind="flag", says="Show transparency", needs="transparent"),
    )
    turn: float = movement_field("turn", 180, 1, "degrees, counter-clockwise")
    right: float = movement_field("right", 0.5, 0.01, "picture widths")
    down: float = movement_field("down", 0.5, 0.01, "picture widths")
    found: str = finding.found_field()
    paste: str = pasting.paste_field()

    @classmethod
    def default_model(cls) -> str:
        return next(iter(zoo.CARDS), "")

    def shared(self) -> Self:
        return replace(self, found=finding.linked(self.found, type(self).found), paste=pasting.linked(self.paste))

    def numbered(self, seed: int) -> Self:
        """With the picture of that number in the place of its own."""
        return replace(self, seed=seed, found="", paste="")

    @property
    def which(self) -> str:
        """The picture before anything moves it, in words."""
        said = finding.words(self.model, self.found) if self.found else f"picture number {self.seed}"
        return f"{said}, {pasting.given(self.paste).says}" if self.paste else said

    @property
    def mark(self) -> str:
        """The picture before anything moves it, for the name of a file: "picture7", "render12" or "own"."""
        return (finding.given(self.found).mark if self.found else f"picture{self.seed}") + "-pasted" * bool(self.paste)

    def link_note(self) -> str:
        return finding.link_note(self.found) or pasting.link_note(self.paste)

    @property
    def remade(self) -> tuple:
        """What its network is made of beside its card, where a tab changes it; see `network`."""
        return ()

    def network(self, *, quick: bool) -> Generator:
        """What draws it, before truncation; quick: as the page draws."""
        return pace.quick(self.model) if quick else opened(self.model)

    @property
    def label_or_none(self) -> int | None:
        """What `generator.codes` takes: None where the model has no classes."""
        return self.label if zoo.card(self.model).classes else None

    @property
    def movement(self) -> dict[str, float]:
        """What `generator.moved` takes; empty where the picture is not moved."""
        return {name: far for name in ("turn", "right", "down") if (far := getattr(self, name))}

    @property
    def label_name(self) -> str:
        """What its class is called; "" where the model has none."""
        return class_names(self.model)[self.label] if zoo.card(self.model).classes else ""


def layers_field() -> Any:
    """Which layers listen: "all", "coarse", "middle", "fine" (see `layer_groups`), or slots such as "0-3,6"."""
    return checked(
        lambda value, recipe: _layers(value, recipe.model),
        "all",
        "layers that a knob moves: all, coarse, middle, fine, or numbers such as 0-3,6",
        control=dict(kind="layers", word="layers"),
    )


def reach_of(recipe: PictureRecipe) -> float:
    """How far a knob goes, in standard deviations of w . v."""
    return zoo.card(recipe.model).reach


# --- checks


def opened(model: str) -> Generator:
    """The generator of a recipe's model. Raises RecipeError where its file is broken or gone."""
    try:
        return zoo.load(model)
    except ValueError as error:
        raise RecipeError(str(error)) from None


def movable(model: str) -> bool:
    """Can the network move what it draws?"""
    return hasattr(opened(model), "moved")


def _label(label: object, card: zoo.ModelCard) -> int:
    if not card.classes:
        return whole(label, "the class of a model without classes", 0, 0)
    return class_of(label, card.name)


def class_of(value: object, model: str) -> int:
    """The number of a class that is given by number or name. Raises RecipeError."""
    names = class_names(model)
    known = {name.lower(): number for number, name in reversed(list(enumerate(names)))}
    if isinstance(value, str) and value.strip().lower() in known:
        return known[value.strip().lower()]
    try:
        return whole(value, "the class", 0, len(names) - 1)
    except RecipeError:
        few = ", ".join(names[:16]) + (" ..." if len(names) > 16 else "")
        raise RecipeError(
            f"there is no class {quoted(value)} in this network: "
            f"give a number from 0 to {len(names) - 1}, or one of {few}"
        ) from None


def _layers(layers: object, model: str) -> str:
    """Canonical text: a group's name, or sorted ranges; every slot by number is "all"."""
    if layers == "all":
        return layers  # the usual case opens no weights
    groups = layer_groups(model)
    text, highest = layers.strip().lower() if isinstance(layers, str) else "", groups["all"][-1]
    if text in groups:
        return text
    try:
        slots = named_slots(text if re.fullmatch(NUMBERED, text) else "", highest + 1)
    except ValueError:
        example = "0-3,6" if highest > 5 else f"0-{highest}"
        own = f", or numbers from 0 to {highest} such as {example}" if highest else ""
        raise RecipeError(f"the layers cannot be {quoted(layers)}: this model has {', '.join(groups)}{own}") from None
    return "all" if len(slots) == highest + 1 else ranges(slots)


# --- layers and codes


def layer_groups(model: str) -> dict[str, tuple[int, ...]]:
    """The named groups of a model's slots, see `core.codes.layer_groups`."""
    return groups_of(opened(model).slots)


def slots_of(recipe: Any) -> tuple[int, ...]:
    """The slots that the layers of a recipe with `layers_field` name, ascending."""
    return named_slots(recipe.layers, opened(recipe.model).slots)


def generator_of(recipe: PictureRecipe, *, quick: bool = False) -> Generator:
    """What draws a recipe's pictures, at its truncation; quick: as the page draws them."""
    generator = recipe.network(quick=quick).at(psi=recipe.psi)
    if recipe.movement:
        generator = generator.moved(**recipe.movement)
    if recipe.paste:
        generator = pasting.pasted(generator, recipe, own_codes(recipe))
    return generator if recipe.transparency else generator.without_transparency()


def own_codes(recipe: PictureRecipe) -> Tensor:
    """Codes [1, slots, dim] before anything moves them: of the seed, truncated, or those that an encoder found."""
    if recipe.found:
        return finding.codes(recipe.model, recipe.found)
    generator = opened(recipe.model)
    return generator.codes(generator.sample(1, recipe.seed), psi=recipe.psi, label=recipe.label_or_none)


# --- pictures


@torch.no_grad()
def render(recipe: PictureRecipe, *, quick: bool = False) -> Tensor:
    """The picture [1, 3, R, R] before anything moves it, nominally in [-1, 1]; quick: as the page draws it."""
    return generator_of(recipe, quick=quick)(own_codes(recipe))


def picture_of(source: PictureRecipe | Picture, slots: Sequence[int] = (), *, quick: bool = False) -> Picture:
    """The picture that knobs move: of a recipe that of its seed; one that was found is itself.

    slots: those in which codes that are drawn differ from its own. quick: drawn as the page does.
    """
    if isinstance(source, Picture):
        return source
    return Picture(own_codes(source), lambda codes: drawn(source, codes, tuple(slots), quick=quick))


def drawn(recipe: PictureRecipe, codes: Tensor, slots: tuple[int, ...], *, quick: bool = False) -> Tensor:
    """Images [n, 3, R, R] of codes [n, slots, dim] that differ from the recipe's own only in `slots`.

    The layers before these are run once and cached: sliders run only what comes after.
    """
    generator = generator_of(recipe, quick=quick)
    start = generator.start(slots)
    drawn_by = zoo.weights_hash(recipe.model), quick, zoo.device(), recipe.remade, *recipe.movement.items()
    key = (*drawn_by, recipe.seed, recipe.psi, recipe.label, recipe.found, recipe.paste, start)
    before = _states.get(key)
    if before is None and start:
        before = _states.put(key, prefix(generator, own_codes(recipe), slots))
    return draw(generator, codes, slots, before)


def _size(state: State) -> int:
    return sum(part.numel() * part.element_size() for part in state if part is not None)


_states = Cache(LARGEST_STATES, _size)


def shown(images: Tensor, model: str, *, largest: int | None = None) -> list[Image.Image]:
    """Images [n, 3, R, R] as pictures without the bars that the card's training pictures had;
    `largest`: of their width.
    """
    crop = zoo.card(model).crop
    pictures = to_pil(images[:, :, crop : images.shape[2] - crop])
    if largest is None or pictures[0].width <= largest:
        return pictures
    size = (largest, round(largest * pictures[0].height / pictures[0].width))
    return [picture.resize(size, Image.Resampling.LANCZOS) for picture in pictures]


_made = Cache(LARGEST_PICTURES, len)  # encoded pictures


def untouched(recipe: PictureRecipe) -> PictureRecipe:
    """What a recipe of any tab begins with, before anything moves it."""
    return PictureRecipe(*(getattr(recipe, name) for name in PictureRecipe.names()))


def _key(recipe: PictureRecipe) -> tuple:
    """Of what its picture depends on: which knob is chosen does not show."""
    moved = any(getattr(recipe, "amounts", ()))
    return replace(recipe, knob=0) if moved else untouched(recipe), zoo.weights_hash(recipe.model)


def encoded(recipe: PictureRecipe, make: Callable[[], Tensor]) -> bytes:
    """`make()` [1, 3, R, R], the recipe's picture, as lossless WebP; made once for all who ask for it."""
    return _made.made(_key(recipe), lambda: webp(shown(make(), recipe.model)[0]))


def has_bytes(recipe: PictureRecipe) -> bool:
    """Was the recipe's picture encoded before?"""
    return _key(recipe) in _made


def picture_bytes(recipe: PictureRecipe) -> bytes:
    """The picture of a recipe of any tab before anything moves it, as lossless WebP."""
    return encoded(untouched(recipe), lambda: render(recipe, quick=True))


def alt_text(recipe: PictureRecipe) -> str:
    """What the picture is before anything moves it, for those who do not see it."""
    truncated = [f"truncation {recipe.psi:g}"] if opened(recipe.model).has_truncation and not recipe.found else []
    what = [noun_of(recipe.model), recipe.which, recipe.label_name]
    how = dict(turn="turned by {:g} degrees", right="moved right by {:g}", down="moved down by {:g}")
    moved = [how[name].format(far) for name, far in recipe.movement.items()]
    return ", ".join(filter(None, [*what, *truncated, *moved]))
