"""The picture of a recipe that no seed draws: an encoder finds the codes that draw it.

A recipe names it in a word: "render-12" is held-out render 12 of the network's world, or where nothing renders that, a
picture of the network's own; "own-<token>" is the picture that a visitor brought (`core.own_pictures`). "-refined"
after either means the codes that `core.inversion.indomain` found from the encoder's, "-refined-0.05" those with that
weight of its second term. What is found of an own picture is kept with it and goes with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from core import own_pictures, zoo
from core.cache import Cache
from core.codes import codes_in_turn
from core.images import in_levels
from core.inversion import indomain
from core.truth import worlds

from .fields import RecipeError, checked, quoted, refusals

FIRST_RENDER = 1_400_000  # of each world: seeds from here on are used by no training and by no evidence
RENDERS = 10_000  # that may be chosen; evidence begins after them
RENDER, OWN, REFINED = "render", "own", "-refined"
NAMED = re.compile(rf"(?:{RENDER}-([0-9]{{1,4}})|{OWN}-([0-9a-f]{{32}}))(?:{REFINED}(?:-([0-9.]{{1,6}}))?)?")
TRAINED = 64  # pixels a side of networks of others for which the recipe trains an encoder
LARGEST = 8 * 2**20  # bytes of refined codes that are nobody's own


class Given(NamedTuple):
    """number: of a render, None for an own picture. token: of an own one. domain: the weight with which its codes were
    searched, None where the encoder's are meant."""

    number: int | None
    token: str
    domain: float | None

    @property
    def mark(self) -> str:
        return OWN if self.token else f"{RENDER}{self.number}"


@dataclass(frozen=True, eq=False)
class Kept:
    """What was found of a picture, with its size for the cache."""

    value: Any
    size: int

    def bytes(self) -> int:
        return self.size


_refined = Cache(LARGEST, Kept.bytes)


def given(found: str) -> Given:
    """What the word says. Raises RecipeError."""
    told = NAMED.fullmatch(found)
    if told is None:
        possible = f"{RENDER}-0 to {RENDER}-{RENDERS - 1}, or choose a picture of your own on the tab My picture"
        raise RecipeError(f"the picture to find cannot be {quoted(found)}: give {possible}")
    number, token, weight = told.groups()
    with refusals():
        domain = float(weight or indomain.DOMAIN) if REFINED in found else None
    return Given(None if number is None else int(number), token or "", domain)


def found_field(default: str = "") -> Any:
    """The word for a picture that an encoder finds; "": the picture is that of the seed."""

    def check(value: object, recipe: Any) -> str:
        if value in ("", None):
            return ""
        told = given(value if isinstance(value, str) else repr(value))
        needs_encoder(recipe.model)
        with refusals():
            if told.token:
                own_pictures.needed(told.token)
        return str(value)

    says = (
        "a picture that an encoder finds: render-12 (a held-out render), own-... (a visitor's own); empty: the seed's"
    )
    return checked(check, default, says)


def needs_encoder(model: str) -> None:
    """Raises RecipeError where nothing finds codes of this network."""
    if zoo.encoder_path(model) is None:
        able = [zoo.card(name).title for name in zoo.CARDS if zoo.encoder_path(name)]
        other = f"choose {' or '.join(able)}" if able else "choose a picture by its number"
        card = zoo.card(model)
        train = f"python -m weights.recipes.train.encoder {model}"
        more = (
            f"; whoever serves this page can train one: {train}" if card.source and card.resolution == TRAINED else ""
        )
        raise RecipeError(f"{card.title} has no encoder, which finds the codes of a picture: {other}{more}")


def linked(found: str, default: str = "") -> str:
    """What a link can hold of the word: `default` for an own picture, and of a render the encoder's codes."""
    return default if found.startswith(OWN) else plain(found)


def link_note(found: str) -> str:
    """What the link does not hold, in a sentence; "" where it holds everything."""
    if found.startswith(OWN):
        return "The link does not hold your own picture: it opens the same knobs on another one."
    return "The link opens what the encoder alone finds." if REFINED in found else ""


def own_field(tab: str) -> Any:
    """The word for a picture of the visitor's own that was brought on the tab of that title; "": none."""

    def check(value: object, recipe: Any) -> str:
        if value in ("", None):
            return ""
        if not isinstance(value, str) or not re.fullmatch(f"{OWN}-[0-9a-f]{{32}}", value):
            raise RecipeError(f"your own picture cannot be {quoted(value)}: choose one on the tab {tab}")
        with refusals():
            own_pictures.needed(value[len(OWN) + 1 :])
        return value

    return checked(check, "", "a picture of the visitor's own, as the page names it; empty: none", linked=False)


def token_of(recipe: Any) -> str:
    """The name of the visitor's own picture that a recipe needs; "" where it needs none."""
    words = (getattr(recipe, name, "") for name in ("found", "paste", "own"))
    return next((word[len(OWN) + 1 :][:32] for word in words if word.startswith(f"{OWN}-")), "")


def public(recipe: Any) -> Any:
    """The recipe without the name of an own picture, which is for its owner alone."""
    names = [name for name in ("paste", "own") if getattr(recipe, name, "").startswith(f"{OWN}-")]
    recipe = replace(recipe, **dict.fromkeys(names, ""))
    return replace(recipe, found=linked(recipe.found, type(recipe).found)) if getattr(recipe, "found", "") else recipe


def subject(recipe: Any) -> tuple | None:
    """What makes its pictures private."""
    token = token_of(recipe)
    return ("picture", token) if token else None


def words(model: str, found: str) -> str:
    """The picture, in words."""
    told = given(found)
    held_out = f"held-out {'render' if zoo.card(model).world else 'picture'} {told.number}"
    return ("your own picture" if told.token else held_out) + ", searched" * (told.domain is not None)


def plain(found: str) -> str:
    """The word for what the encoder alone finds of the same picture."""
    return found.partition(REFINED)[0]


# --- the picture and its codes


@refusals()
def target(model: str, found: str) -> Tensor:
    """The picture itself [1, 3, R, R] in [-1, 1]. Raises RecipeError where an own one is no longer here."""
    told, card = given(found), zoo.card(model)
    if told.token:
        return own_pictures.image(told.token, card.resolution)
    first = FIRST_RENDER + told.number
    if not card.world:
        generator = zoo.load(model)
        with torch.no_grad():
            return in_levels(generator(codes_in_turn(generator, 1, first, psi=card.psi)))
    return in_levels(worlds.pictures(card.world, 1, first, resolution=card.resolution, spread=card.spread))


@refusals()
@torch.no_grad()
def codes(model: str, found: str) -> Tensor:
    """Codes [1, slots, dim]. Raises RecipeError where the picture, or its refined codes, are no longer here."""
    told = given(found)
    if told.domain is not None:
        kept = store(found).get(key_of(model, found))
        if kept is None:
            raise RecipeError("the searched codes of this picture are no longer here: search them again on My picture")
        return kept.value
    return kept_with(found, key_of(model, found), lambda: zoo.load_encoder(model)(target(model, found)))


def keep_refined(model: str, found: str, codes: Tensor, domain: float) -> str:
    """Keeps codes [1, slots, dim] that were searched for a picture; returns its word, "" where it has none."""
    if not found:
        return ""
    word = plain(found) + REFINED + (f"-{domain:g}" if domain != indomain.DOMAIN else "")
    store(word).put(key_of(model, word), Kept(codes, codes.nbytes))
    return word


@refusals()
def store(found: str) -> Cache:
    """Where what was made of the picture is kept; that of an own one goes with it."""
    told = given(found)
    return own_pictures.answers(told.token) if told.token else _refined


def kept_with(found: str, key: tuple, make: Callable[[], Tensor | bytes]) -> Any:
    """`make()`, a tensor or bytes, made once and kept with the picture."""

    def made() -> Kept:
        value = make()
        return Kept(value, len(value) if isinstance(value, bytes) else value.nbytes)

    return store(found).made(key, made).value


def code(model: str, found: str) -> tuple[list[str], list[str]]:
    """The imports and the lines of the code cell that make `codes`."""
    told, card = given(found), zoo.card(model)
    imports, encoder = ["from core.zoo import load_encoder"], f'load_encoder("{model}")'
    if told.token:
        imports += ["from PIL import Image", "from core.images import from_pil"]
        side = f"({card.resolution}, {card.resolution}), Image.Resampling.LANCZOS"
        shown = f'from_pil(Image.open("my-picture.png").convert("RGB").resize({side}))  # the square, saved here'
    elif not card.world:
        imports += ["from core.codes import codes_in_turn", "from core.images import in_levels"]
        shown = f"in_levels(generator(codes_in_turn(generator, 1, {FIRST_RENDER + told.number}, psi={card.psi:g})))"
    else:
        imports += ["from core.images import in_levels", "from core.truth.worlds import pictures"]
        about = f'resolution={card.resolution}, spread="{card.spread}"'
        shown = f'in_levels(pictures("{card.world}", 1, {FIRST_RENDER + told.number}, {about}))'
    if told.domain is None:
        return imports, [f"target = {shown}", f"codes = {encoder}(target)"]
    searched = f"*_, last = invert(generator, {encoder}, target, domain={told.domain:g})"
    return [*imports, "from core.inversion.indomain import invert"], [
        f"target = {shown}",
        searched,
        "codes = last.picture.codes.detach()",
    ]


def key_of(model: str, found: str) -> tuple:
    return "codes", model, zoo.weights_hash(model), zoo.encoder_path(model), found
