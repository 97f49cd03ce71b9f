"""What the page shows of a recipe: pictures as data URIs, words, scores; and what is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from core import evidence
from core.cache import Cache
from core.images import animation, enlarge, png, to_pil, webp
from core.images import strip as side_by_side
from core.inversion import baselines
from core.inversion.losses import Scores
from core.inversion.search import Found, thinned
from core.inversion.tasks import Problem
from core.queue import QUEUE
from core.truth.copies import among_renders, many_codes, restored

from ..page import models
from ..page.blocks import data_uri
from ..page.blocks import picture as uri
from ..page.export import facts_of, png_of
from ..page.fields import RecipeError
from .code import notebook_for
from .recipe import OWN, PICTURES, SAYS, WORDS, Restoration
from .search import key_of, known, live, problem_of, scores
from .words import alt_text, caption, controls_of, curve, shares

TAKEN_SIDE = 256  # pixels of what is taken away, at least
SEARCH = "restore search"  # the kind of work
_beside = Cache(1_000, lambda score: 1)


def shown_of(recipe: Restoration) -> dict:
    """What the page shows; `result` where the answer was found before, `setup`: what network and task offer.

    Raises RecipeError, as for an own picture that was deleted.
    """
    problem, found = problem_of(recipe), known(recipe)
    offered = dict(controls=controls_of(recipe), observed=recipe.observed_side, pictures=PICTURES)
    return dict(
        recipe=recipe.as_dict(),
        query=recipe.query(),
        note=recipe.link_note(),
        before=uri(problem.observed),
        truth=uri(problem.truth) if problem.truth is not None else "",
        result=result_of(recipe, problem, found) if found else None,
        caption=caption(recipe),
        alt=alt_text(recipe),
        setup=dict(models.facts(recipe.model), **offered),
    )


def result_of(recipe: Restoration, problem: Problem, found: Found) -> dict:
    """What the page shows of an answer:
    picture, film of the search, curve, importance of each code, scores, verdict.
    """
    scored = None if problem.truth is None else scores(recipe, found.image, problem.truth)
    own = recipe.shows == OWN and recipe.task == "copy"
    return dict(
        src=uri(found.image),
        film=data_uri(film_of(found)),
        film_steps=list(found.film_steps),
        watched=WORDS["watched"]["film"] + curve(found.curve) + shares(found.shares()),
        curve=thinned(found.curve),
        steps=found.steps,
        seconds=round(found.seconds, 1),
        stopped=found.stopped,
        importance=[round(share, 4) for share in found.shares()],
        scores=scored and scored.rounded(),
        verdict=verdict(recipe, problem, found, scored),
        meter=meter(recipe.model, scored.psnr, one=recipe.codes == 1) if own and scored else "",
    )


def verdict(recipe: Restoration, problem: Problem, found: Found, scored: Scores | None) -> str:
    """How close, beside what one would do without a GAN, on how many."""
    if scored is None:
        return restored(None, {}, found.how())
    beside = {baselines.NAMES[name]: value for name, value in beside_of(recipe, problem).items()}
    single = known(alone(recipe)) if recipe.task == "copy" and recipe.codes > 1 else None
    if single is not None:
        one = scores(recipe, single.image, problem.truth).closeness
        return many_codes(scored.closeness, one, recipe.codes, found.how())
    return restored(scored.closeness, beside, found.how(), hole=recipe.task == "fill")


def alone(recipe: Restoration) -> Restoration:
    """The recipe of a copy by one code, where nothing is mixed."""
    return replace(recipe, codes=1, layer=0)


def beside_of(recipe: Restoration, problem: Problem) -> dict[str, float]:
    """Closeness of tools without a GAN, in dB, in the hole where there is one; those that are installed."""
    key = key_of(replace(recipe, start=0, codes=1, layer=0, steps=1, loss="pixels", optimiser="adam", hints=""))

    def made() -> dict[str, float]:
        images = baselines.installed(problem.degradation, problem.observed, recipe.side)
        return {name: scores(recipe, image, problem.truth).closeness for name, image in images.items()}

    return _beside.made(key, made)


def meter(model: str, close: float, *, one: bool) -> str:
    """Where a copy's closeness, in dB, lies among held-out renders, in a sentence; "" where these were not measured.

    one: it was copied with one code only.
    """
    found = evidence.recorded(model, "restore")
    if found is None:
        return ""
    others = found["tasks"]["copy"]["methods"]["one" if one else baselines.OURS]["psnr"]
    return among_renders(close, others, found.get("pictures", "held-out renders"))


# --- what is taken away


def film_of(found: Found) -> bytes:
    """The pictures of the search side by side, as lossless WebP."""
    return webp(side_by_side(to_pil(found.film)))


def file_for(recipe: Restoration, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of a picture, strip, clip or notebook.

    Of an own picture nothing is written: its answer is saved by the browser alone. Raises RecipeError.
    """
    shared, own = recipe.public(), recipe.shows == OWN
    name = f"{recipe.task}-own" if own else f"{recipe.task}-picture{recipe.picture}"
    if kind == "notebook":
        return notebook_for(shared, caption(shared)), f"{name}.ipynb"
    if own:
        raise RecipeError(SAYS["never_written"])
    found, problem, times = needed(recipe), problem_of(recipe), max(1, TAKEN_SIDE // recipe.side)
    if kind == "picture":
        return png_of(to_pil(found.image)[0], shared), f"{name}.png"
    if kind == "clip":
        frames = [enlarge(one, times) for one in to_pil(found.film)]
        return animation(frames, milliseconds=120, **facts_of(shared)), f"{name}.webp"
    before = to_pil(problem.observed)[0].resize((times * recipe.side, times * recipe.side), 0)
    others = [found.image] if problem.truth is None else [found.image, problem.truth]
    row = side_by_side([before, *(enlarge(to_pil(one)[0], times) for one in others)], gap=4)
    return png(row, **facts_of(shared)), f"{name}-strip.png"


def needed(recipe: Restoration) -> Found:
    """The answer, found now where only its record was shown. Raises RecipeError."""
    if known(recipe) is None:
        for _ in searching(recipe, f"taking away {id(recipe)}"):
            pass
    kept = known(recipe)
    if kept is None:
        raise RecipeError("there is no restored picture yet: press Start first")
    return kept


# --- a search, watched


def searching(recipe: Restoration, visitor: str) -> Iterator[dict]:
    """News while the picture is restored; last what `shown_of` says, with `done`. Raises RecipeError."""
    kept, says = known(recipe), SAYS["unbegun"]
    if kept is None or kept.stopped:
        why = SAYS["one_at_a_time"]
        for news in QUEUE.watch(key_of(recipe), partial(live, recipe), visitor, SEARCH, why=why):
            if "gone" in news:
                says = SAYS["left"]
            else:
                yield news
    yield dict(ended=True, says=says) if known(recipe) is None else dict(done=shown_of(recipe))
