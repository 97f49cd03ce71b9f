"""The picture of the network that comes nearest to one's own: of a face, its cartoon twin, with Steer's knobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from core import own_pictures, parts, zoo
from core.cache import Cache
from core.inversion.losses import psnr
from core.inversion.twin import Twin, nearest

from ..page import blocks
from ..page.blocks import picture as uri
from ..page.cells import Progress
from ..page.fields import RecipeError, refusals
from ..page.picture import opened
from .experiments import knobs_on
from .recipe import OWN, WORDS, Restoration
from .search import problem_of

SAYS = WORDS["twin"]
FITS = 0.12  # of the range from black to white: how far a part's colour may be off and still fit
LARGEST = 20 * 2**20  # bytes of answers to pictures that are nobody's own
_found = Cache(LARGEST, lambda found: found.bytes())


def twin(recipe: Restoration, page: int = 0, values: Mapping[str, float] = {}) -> Iterator[str | Progress | None]:
    """The picture on the recipe beside the nearest one that the network draws; page: which answer, from 0.

    values: of the knobs under it, as of `experiments.knobs_on`. Raises RecipeError where a portrait network is given a
    picture of one's own on which no face was found or framed by hand.
    """
    target = problem_of(Restoration(recipe.model, "copy", **_which(recipe))).truth
    if recipe.shows == OWN and _faces(recipe.model) and not own_pictures.needed(recipe.own).framed:
        raise RecipeError(SAYS["unframed"])
    store = own_pictures.answers(recipe.own) if recipe.shows == OWN else _found
    key = ("twin", recipe.model, zoo.weights_hash(recipe.model), page, *_which(recipe).values())
    found = store.get(key)
    if found is None:
        with refusals():
            for found in nearest(opened(recipe.model), target, seed=page, label=recipe.label_or_none):
                yield Progress(SAYS["searching"], found.share)
        store.put(key, found)
    yield _shown(recipe, target, found, values)


def _which(recipe: Restoration) -> dict:
    return {name: getattr(recipe, name) for name in ("shows", "picture", "psi", "label", "own")}


def _faces(model: str) -> bool:
    return zoo.card(model).world == "portraits"


def _shown(recipe: Restoration, target: Tensor, found: Twin, values: Mapping[str, float]) -> str:
    image = found.drawn()
    fits = _fitting(recipe.model, target, image)
    kind = "far" if not found.near else "face" if fits else "other"
    says, name = SAYS[kind].format(fits=fits), SAYS["name"][kind]
    after, knobs = knobs_on(recipe, found.picture, image, values)
    numbers = SAYS["numbers"].format(
        found=found, psnr=float(psnr(image, target)), median=found.pairs[0], long=float(found.v.norm()), ball=found.ball
    )
    pair = blocks.tile(uri(target), SAYS["given"], SAYS["given"]) + blocks.live(blocks.tile(uri(after), says, name))
    return SAYS["html"].format(says=says, pair=pair, numbers=numbers, knobs=knobs, what=SAYS["what"][kind])


def _fitting(model: str, target: Tensor, image: Tensor) -> str:
    """Which of hair and skin have the target's colours, in words; "" without a part reader, or of other pictures."""
    if not (_faces(model) and parts.has_parts(model)):
        return ""
    there = parts.read_parts(model, image)[0]
    off = {name: (target - image)[0][:, there[name]].mean(1) for name in ("hair", "skin") if name in there}
    fit = [name for name, by in off.items() if float(by.square().mean().sqrt()) / 2 <= FITS]
    return SAYS["fit"][" ".join(fit) or "none"]
