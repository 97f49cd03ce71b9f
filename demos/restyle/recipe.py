"""A picture of a network that one picture has taught its style, and the knobs of that network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from core import own_pictures, zoo
from core.adaptation import STYLES, Adaptor, adapted, identity, load_adaptor
from core.cache import Cache, cached
from core.codes import codes_in_turn
from core.factorization.baseline import spread_along
from core.factorization.methods import METHODS
from core.generators.base import Generator

from ..page import found as finding
from ..page.fields import amounts_field, choice_field, refusals, whole_field
from ..page.knobs import Knobs
from ..page.picture import LARGEST_SEED, PictureRecipe, opened, reach_of

MOST, FACE = 10, 11  # knobs, and the number of the face that is taught at first
WAY = METHODS["sefa/paper"]
NAMED = dict(tinted="tinted", inverted="inverted", sketched="as a sketch of its edges", old="as an old photograph")
LARGEST = 16 * 2**20  # bytes of what was learned of pictures that are nobody's own


@dataclass(frozen=True)
class Restyle(PictureRecipe, tab="restyle", what="a picture of a network that was taught a style"):
    """A picture in the style of another, moved along the restyled network's SeFa knobs.

    style: of STYLES, done exactly to picture number `face`; that one picture is taught. own: in its place a picture of
    the visitor's. amounts: in standard deviations of w . v. knob: the chosen one, from 0.
    """

    style: str = choice_field("style", NAMED, control=dict(kind="choice", options=NAMED, word="style"))
    face: int = whole_field(
        "the face that is taught", 0, LARGEST_SEED, default=FACE, control=dict(kind="whole", word="face")
    )
    own: str = finding.own_field("Restyle")
    amounts: tuple[float, ...] = amounts_field(MOST, reach_of, "1.5,0,-2")
    knob: int = whole_field("the chosen knob, counted from 0,", 0, MOST - 1)

    @classmethod
    def default_model(cls) -> str:
        """The first network that can be taught; "" where there is none."""
        return next(
            (name for name, card in zoo.CARDS.items() if card.architecture == "StyleGAN2" and zoo.critic_path(name)), ""
        )

    def shared(self) -> Restyle:
        return replace(super().shared(), own="")

    def link_note(self) -> str:
        own = "The link does not hold your own picture: it opens an exact style." if self.own else ""
        return " ".join(filter(None, [super().link_note(), own]))

    @property
    def token(self) -> str:
        """Of the own picture that gives the style; "" where there is none."""
        return self.own[len(finding.OWN) + 1 :]

    @property
    def remade(self) -> tuple:
        return self.style, self.face, self.own, id(made_of(self))

    def network(self, *, quick: bool) -> Generator:
        return made_of(self).network


@dataclass(frozen=True, eq=False)
class Made:
    """A network that was taught. adaptor: None where it is as it was. apart, steps: of what was learned here, see
    `core.adaptation.Step`; file: where it is bundled."""

    network: Generator
    adaptor: Adaptor | None = None
    apart: float = 0.0
    steps: int = 0
    file: str = ""

    @cached_property
    def knobs(self) -> Knobs:
        found = WAY.find(self.network, tuple(range(self.network.slots)), k=min(MOST, self.network.dim), label=None)
        steps, count = spread_along(self.network, found).tolist(), len(found)
        shares = (100 * found.scores / found.scores.max().clamp(min=1e-12)).round().int().tolist()
        said = [f"What knob {i + 1} moves in this style has not been measured." for i in range(count)]
        return Knobs(found, steps, [""] * count, [("−", "+")] * count, said, strengths=shares)


_learned = Cache(LARGEST, finding.Kept.bytes)


def key_of(recipe: Restyle) -> tuple:
    return "adaptor", recipe.model, zoo.weights_hash(recipe.model), recipe.own or (recipe.style, recipe.face)


def _store(recipe: Restyle) -> Cache:
    return finding.store(recipe.own) if recipe.own else _learned


def keep(recipe: Restyle, adaptor: Adaptor, apart: float, steps: int) -> Made:
    """What was learned so far, unless better was; it is what the page draws with, of an own picture as long as that
    is here."""
    known = _store(recipe).get(key_of(recipe))
    if known is not None and known.value.apart <= apart:
        return known.value
    made = Made(adapted(opened(recipe.model), adaptor), adaptor, apart, steps)
    size = sum(part.nbytes for part in adaptor.parts) + sum(
        layer.conv.affine.weight.nbytes for layer in made.network.layers
    )
    return _store(recipe).put(key_of(recipe), finding.Kept(made, size)).value


def made_of(recipe: Restyle) -> Made:
    """What draws: the network taught by its picture, where that was learned before; else as it is."""
    weights = zoo.weights_hash(recipe.model)
    if not recipe.own and recipe.face == FACE and (found := bundled(recipe.model, weights, recipe.style)):
        return found
    with refusals():
        known = _store(recipe).get(key_of(recipe))
    return known.value if known else _plain(recipe.model, weights)


@cached(8)
def _plain(model: str, _weights: str) -> Made:
    return Made(opened(model))


@cached(16)
def bundled(model: str, weights: str, style: str) -> Made | None:
    """What `weights.recipes.measure.adaptation` learned for exactly these weights; None where it did not."""
    path = adaptor_path(model, style)
    if zoo.card(model).own or not path.exists():
        return None
    try:
        adaptor = load_adaptor(path, weights=weights)
        return Made(adapted(opened(model), adaptor), adaptor, file=path.name)
    except ValueError:
        return None


def adaptor_path(model: str, style: str) -> Path:
    return zoo.WEIGHTS / "evidence" / f"{model}-adaptor-{style}.safetensors"


def teachable(model: str) -> None:
    """Raises RecipeError where nothing can be taught to this network."""
    with refusals():
        identity(opened(model))
        zoo.load_critic(model)


@refusals()
@torch.no_grad()
def taught_picture(recipe: Restyle) -> Tensor:
    """The one picture, [1, 3, R, R] in [-1, 1]. Raises RecipeError where an own one is no longer here."""
    generator, card = opened(recipe.model), zoo.card(recipe.model)
    if recipe.own:
        return own_pictures.image(recipe.token, card.resolution)
    return STYLES[recipe.style](generator(codes_in_turn(generator, 1, recipe.face, psi=card.psi)))
