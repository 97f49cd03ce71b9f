"""Drawing in the visitor's own browser while a knob moves: what the engine needs of a picture and of its network.

The server's picture stays the one that is saved and measured. The pack of a network comes by plain HTTP beside the
pictures (`page.pictures`), with their rules: nothing is opened for it, and a network of a visitor is private.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol
from urllib.parse import urlencode

from torch import Tensor

from core import zoo
from core.codes import Directions, Picture
from core.inversion.multicode import Mixture
from core.pace import pace_of
from engine.pack import pack, qualifies

from .fields import WEIGHTS_DIGITS
from .picture import PictureRecipe, generator_of, opened, own_codes
from .pictures import Drawing, address, own_network

PACK, DRAW = "pack", "draw:"


class Turned(Protocol):
    """Knobs: directions, and the distance of one step of each."""

    directions: Directions
    steps: Sequence[float]


def drawing() -> Drawing:
    """A recipe's network as the browser reads it, see `engine.pack`."""
    return Drawing(lambda recipe: pack(generator_of(recipe)), _lacks, media="application/octet-stream")


def _lacks(recipe: PictureRecipe) -> str:
    return (qualifies(generator_of(recipe)) or "").rstrip(".")


def live(recipe: PictureRecipe, knobs: Turned | None) -> dict[str, Any] | None:
    """What the browser draws the picture and its knobs from; None where it cannot, and the server draws.

    pack: an address relative to the page. codes, vectors: float32, base64; a vector is one step of its knob. slots:
    those that it moves.
    """
    if knobs is None or recipe.movement or recipe.paste or not _drawn_here(recipe, knobs):
        return None
    return _facts(recipe, own_codes(recipe), knobs)


def _drawn_here(recipe: PictureRecipe, knobs: Turned) -> bool:
    card = zoo.card(recipe.model)
    return bool(knobs.steps) and not card.crop and not pace_of(recipe.model).slow and not _lacks(recipe)


def _facts(recipe: PictureRecipe, codes: Tensor, knobs: Turned) -> dict[str, Any]:
    vectors = knobs.directions.vectors
    steps = vectors.new_tensor(list(knobs.steps)).reshape(-1, *[1] * (vectors.ndim - 1))
    return dict(
        pack=f"{address(own_network(recipe.model))}/{PACK}?{urlencode(_asked(recipe))}",
        codes=_encoded(codes),
        vectors=_encoded(vectors * steps),
        count=len(knobs.steps),
        slots=list(knobs.directions.slots),
    )


def here(recipe: PictureRecipe, knobs: Turned, rows: Sequence[Sequence[tuple[PictureRecipe, float]]]) -> dict | None:
    """Rows of (recipe, amount of its chosen knob) for the browser to draw; None where it cannot.

    rows: in the place of each picture "draw:FACE,KNOB,AMOUNT". here: as in `live`, and the codes of each of `faces`.
    """
    facts = live(recipe, knobs)
    if facts is None:
        return None
    faces: dict[str, str] = {}
    for one, _ in (pair for row in rows for pair in row):
        if one.which not in faces:
            faces[one.which] = _encoded(own_codes(one))
    numbers = {which: i for i, which in enumerate(faces)}
    drawn = [[f"{DRAW}{numbers[one.which]},{one.knob},{amount:g}" for one, amount in row] for row in rows]
    return dict(rows=drawn, here=dict(facts, faces=list(faces.values())))


def turned(model: str, picture: Picture, knobs: Turned) -> str:
    """HTML that brings the codes of a picture, so that the browser draws it while knobs beside it move; "" where it
    cannot. Codes that are mixed come with what mixes them, see docs/engine.md.
    """
    recipe = PictureRecipe(model, psi=1.0)
    if not _drawn_here(recipe, knobs):
        return ""
    facts = _facts(recipe, picture.codes, knobs)
    if isinstance(picture, Mixture):
        mixer = picture.mixer
        weights = _encoded(picture.importances / mixer.divisor)
        facts["mixture"] = dict(importances=weights, layer=mixer.layer, unit=mixer.unit)
    return f'<div hidden data-turned="{escape(json.dumps(facts))}"></div>'


def source(picture: str) -> str:
    """The attribute of an image: its data URI, or what the browser draws."""
    return f'data-draw="{picture.removeprefix(DRAW)}"' if picture.startswith(DRAW) else f'src="{picture}"'


def codes_of(found: Mapping[str, Any]) -> str:
    """HTML that brings what `here` found to the browser; nothing of other pictures."""
    return f'<div hidden data-here="{escape(json.dumps(found["here"]))}"></div>' if "here" in found else ""


def _asked(recipe: PictureRecipe) -> dict[str, Any]:
    """The parameters of the pack's address: what it depends on alone, so that all tabs share it."""
    generator = opened(recipe.model)
    asked: dict[str, Any] = dict(v=1, model=recipe.model, w=zoo.weights_hash(recipe.model)[:WEIGHTS_DIGITS])
    if generator.at(psi=recipe.psi) is not generator:
        asked["psi"] = recipe.psi
    if not recipe.transparency:
        asked["transparency"] = 0
    return asked


def _encoded(numbers: Tensor) -> str:
    return base64.b64encode(numbers.detach().cpu().float().numpy().astype("<f4").tobytes()).decode()
