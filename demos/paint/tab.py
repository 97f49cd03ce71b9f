"""Paint: knobs made for one region of a picture and forbidden to touch the rest, and what each is measured to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from PIL import Image

from core import evidence as measured
from core import zoo
from core.cache import Cache
from core.codes import ranges
from core.factorization.lowrank import lowrank_steps, workers
from core.factorization.region import STEP, RegionKnobs, change, locality
from core.factorization.resefa import resefa_of
from core.images import webp
from core.pace import pace_of
from core.parts import offered, reader_file
from core.queue import SHORT
from core.regions import to_text

from ..page import export, models
from ..page import picture as recipes
from ..page.blocks import data_uri
from ..page.brought import directions_extra
from ..page.cells import Progress, experiment
from ..page.fields import refusals
from ..page.handlers import keyed
from ..page.knobs import FILM, SLOW_FRAMES, settings_of
from ..page.live import live
from ..page.own import own_extra
from ..page.parts import LONG, part, private, publish
from ..page.pictures import address, subject_of
from ..page.sources import directions_of, names_of, reading_control, take_directions
from ..page.stage import TAKEN_SIDE, Stage, film_part, frame_by_frame
from ..page.tab import Endpoint, Extra, Tab, words_of
from . import experiments, paste, search, words
from .layers import decided
from .recipe import CORNER, METHODS, SAYS, WORDS, Painted, called, code_of, crop_of, mask_of, parts_of
from .search import render

NAME = Painted.tab
_drawn = Cache(32 * 2**20, lambda drawn: len(drawn[0]))
_compared = Cache(64, lambda rows: 1)


# --- a recipe in, pictures and words out


def answer(recipe: Painted, *, at_once: bool = False) -> dict:
    """All that the page shows of a recipe; without knobs where these were not found yet. Raises RecipeError.

    at_once: pictures are missing, and `exact` is False, where a slow network did not draw them before, or their knobs
    were not found.
    """
    whole, knobs = bool(mask_of(recipe).all()), search.known(recipe)
    if knobs is not None:
        with refusals():  # of amounts that it has no knobs for
            knobs.distances(recipe.amounts)
    slow, moved = at_once and pace_of(recipe.model).slow, any(recipe.amounts)
    rough = slow and not _kept(recipe, knobs) or at_once and moved and knobs is None
    src, inside, outside = (b"", 0.0, 0.0) if rough else drawn(recipe, knobs)
    verdict = words.verdict(recipe, knobs, inside, outside)
    return dict(
        recipe=recipe.as_dict(),
        src=data_uri(src),
        before="" if slow and not _kept(recipe, None) else data_uri(recipes.picture_bytes(recipe)),
        exact=not rough,
        alt=words.alt_text(recipe, knobs),
        caption=words.caption(recipe, knobs),
        query=recipe.query(),
        note=recipe.link_note(),
        sentence=words.first_sentence(recipe, knobs, whole=whole),
        verdict=verdict,
        finding="" if knobs is None else search.finding(recipe, knobs),
        ratio=locality(inside, outside),
        setup=setup_of(recipe, knobs, dict(verdict=verdict, plain=words.plain(recipe, knobs, inside, outside))),
        pictures=address(subject_of(recipe)),
        live=live(recipe, knobs),
    )


def _key(recipe: Painted) -> tuple:
    return replace(recipe, knob=0), zoo.weights_hash(recipe.model)


def _kept(recipe: Painted, knobs: RegionKnobs | None) -> bool:
    moved = knobs is not None and any(recipe.amounts)
    return recipes.has_bytes(recipes.untouched(recipe)) and (not moved or _key(recipe) in _drawn)


def drawn(recipe: Painted, knobs: RegionKnobs | None) -> tuple[bytes, float, float]:
    """The picture as lossless WebP, and its RMS change inside and outside of the region; made once."""
    if knobs is None or not any(recipe.amounts):
        return recipes.picture_bytes(recipe), 0.0, 0.0

    def make() -> tuple[bytes, float, float]:
        images = render(recipe, knobs, [(), recipe.amounts])
        changed = change(images[0], images[1], mask_of(recipe))
        return webp(recipes.shown(images[1:], recipe.model)[0]), *changed

    return _drawn.made(_key(recipe), make)


def setup_of(recipe: Painted, knobs: RegionKnobs | None, said: Mapping[str, str]) -> dict:
    """What the controls need: parts and the region as texts, the knobs, the cost of finding them, the network."""
    there, plan, name = parts_of(recipe), search.plan(recipe), called(recipe)
    facts, hint = [] if knobs is None else words.knob_facts(recipe, knobs), ""
    if knobs is not None and knobs.solved is not None:
        empty = SAYS["empty_official" if recipe.method == "official" else "empty_searched"]
        hint = SAYS["lambda_here"].format(lam=knobs.solved.outside.lam, empty=empty)
    return dict(
        models.facts(recipe.model),
        parts={name: to_text(mask) for name, mask in there.items()},
        offered=offered(recipe.model, there),
        region=to_text(mask_of(recipe)),
        name=name,
        knobs=[dict(one, **said) for one in facts],
        order=f"for {name} ({METHODS[recipe.method]})",
        ready=knobs is not None,
        missing=said["verdict"] or plan["says"],
        press="Find knobs" if plan["asks"] else "Find knobs again",
        plan=plan,
        crop=crop_of(recipe.model),
        truncation=recipes.opened(recipe.model).has_truncation,
        label_name=recipe.label_name,
        layers=list(recipes.layer_groups(recipe.model)),
        corner=CORNER,
        controls=dict(paste.controls(recipe), lam=dict(hint=hint), reading=reading_control(recipe)),
    )


# --- finding knobs


def prepare(recipe: Painted, values: Mapping[str, float] = {}) -> Iterator[Progress | dict]:
    """Finds the knobs: ReSeFa's, then LowRankGAN's, each already turned and drawn as an `answer`.

    values: turn: turn the first knob half of its way. agreed: the visitor was told what it costs; where that is false
    nothing that costs much begins. Programs give no values: these are their recipe's knobs as they stand, or
    RecipeError.
    """
    asked = recipe
    if values and search.known(recipe) is None:
        plan = search.plan(recipe)
        if plan["size"] is None or plan["asks"] and not values.get("agreed"):
            return
        recipe = replace(recipe, size=plan["size"])
    turn, first = bool(values.get("turn")), replace(recipe, method="resefa")
    stands_in = turn and recipe.method == "lowrank" and recipe.forbid
    for told in search.solving(recipe):
        yield told
        if stands_in and search.known(first) is not None:
            found, stands_in = turned(first), False
            yield _told(found, asked)
            asked = found
    yield _told(turned(recipe) if turn else recipe, asked)


def _told(recipe: Painted, asked: Painted) -> dict:
    """asked: the recipe that is on screen where nobody has changed it since: only there the answer is wanted."""
    return dict(answer=dict(answer(recipe, at_once=True), asked=asked.as_dict(), late=True))


def turned(recipe: Painted) -> Painted:
    """The first knob half of its way, where there is one."""
    knobs = search.known(recipe)
    half = round(knobs.reach(0) * 6) / 10 if knobs.steps else 0.0
    return replace(recipe, amounts=(half,), knob=0)


def closed(model: str) -> str:
    world = zoo.card(model).world
    missing = world and reader_file(model).exists() and not zoo.part_reader_is_open(world)
    return SAYS["closed"] if missing else ""


# --- what is taken away


def code(recipe: Painted) -> export.Code:
    """In amounts of the method's own directions, in its order and sense."""
    knobs = search.solve(recipe)
    row = [0.0] * (1 + max(knobs.numbers, default=0))
    for number, sign, amount in zip(knobs.numbers, knobs.signs, recipe.amounts):
        row[number] = amount * sign + 0.0
    return code_of(recipe, row)


def picture(recipe: Painted) -> Image.Image:
    image = render(recipe, experiments.needed(recipe), [recipe.amounts], quick=False)
    return recipes.shown(image, recipe.model)[0]


def chosen(recipe: Painted) -> tuple[RegionKnobs, int, float]:
    """The recipe's knobs, the number of the chosen one, and its reach."""
    knobs = experiments.needed(recipe)
    knob = min(recipe.knob, len(knobs.steps) - 1)
    return knobs, knob, knobs.reach(knob)


def frames(recipe: Painted, count: int, quick: bool) -> list[Image.Image]:
    """The chosen knob from one end of its way to the other."""
    knobs, _, reach = chosen(recipe)
    images = render(recipe, knobs, settings_of(recipe, reach, count), quick=quick)
    return recipes.shown(images, recipe.model, largest=FILM if quick else 2 * TAKEN_SIDE)


def slow_film(recipe: Painted) -> Iterator[dict]:
    knobs, _, reach = chosen(recipe)
    settings = settings_of(recipe, reach, SLOW_FRAMES)
    shown = partial(recipes.shown, model=recipe.model, largest=FILM)
    return frame_by_frame(settings, lambda setting: shown(render(recipe, knobs, [setting]))[0])


def notebook(recipe: Painted) -> bytes:
    """A notebook that gets itself running, makes the picture, and draws the strip of one direction."""
    knobs, knob, reach = chosen(recipe)
    row = [round(reach * i / 3, 3) for i in range(-3, 4)]
    strip = SAYS["strip"].format(first=row[0], last=row[-1])
    return export.notebook(recipe, code(recipe), words.caption(recipe, knobs), knobs.numbers[knob], row, strip)


def region_name(recipe: Painted) -> str:
    return recipe.region if recipe.of_part else "region"


def to_steer(recipe: Painted) -> dict:
    """Steer's recipe of the same picture with these knobs from a file, each as far as it stands here."""
    (knobs, knob, _), reach = chosen(recipe), zoo.card(recipe.model).reach
    own = names_of(recipe)
    named = [own[number] for number in knobs.numbers] if len(own) == knobs.found else []
    data, suffix = export.directions_file(recipe, knobs.directions, "directions", named)
    path = publish(data, f"knobs.{suffix}")
    taken = take_directions(path, dict(recipes.untouched(recipe).as_dict(), layers=recipe.layers))
    row = [max(-reach, min(reach, amount * away)) for amount, away in zip(recipe.amounts, knobs.deviations)]
    return replace(taken, amounts=tuple(row), knob=knob).as_dict()


def take_knobs(path: str, given: Mapping) -> Painted:
    """A file of directions as the knobs of the region. Raises RecipeError where a region cannot take them."""
    taken = take_directions(path, Painted.from_json(given).as_dict())
    found = replace(taken, layers=ranges(directions_of(taken)[0].slots))
    search.brought(found)
    return found


def methods_table(recipe: Painted) -> tuple[list[tuple[str, ...]], str]:
    """Rows and caption of the table of methods; computed where it was not."""
    key = search.key_of(replace(recipe, method="lowrank", lam=0.0))
    found = _compared.made(key, lambda: list(experiments.methods(recipe))[-1]["rows"])
    picture = words.alt_text(replace(recipe, amounts=()), None).removesuffix(", no knob moved")
    return experiments.with_head(found), SAYS["table"].format(picture=picture, step=STEP)


# --- parts of its own


def door_to_steer(parts: dict, model: str) -> None:
    parts["steer"] = part(NAME, "steer", {}, events=("ask",), visible="hidden")


def wire(parts: dict) -> None:
    make = keyed(lambda given: dict(recipe=to_steer(Painted.from_json(given))))
    parts["steer"].ask(make, parts["recipe"], parts["steer"], **private("paint_to_steer", LONG))


# --- the tab


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of this tab rest on; "" where there is none."""
    return measured.made_from(model, "paint", "blending") | dict(parts=measured.file_hash(reader_file(model)))


of_room = partial(experiment, WORDS["cells"])
CELLS = (
    of_room("paste", paste.pasted),
    of_room("ban", experiments.ban, html=experiments.ban_html),
    of_room("faces", experiments.faces, html=experiments.faces_html),
    of_room("layers", decided),
    of_room("refuse", experiments.refusals),
    of_room("weights", experiments.weights),
    of_room("compare", experiments.methods, html=experiments.methods_html, table=methods_table),
    of_room("truth", words.truth, lane=SHORT),
)
STAGE = Stage(
    lambda recipe: answer(recipe, at_once=True),
    picture,
    frames,
    notebook,
    lambda recipe: f"{region_name(recipe)}-knob{recipe.knob + 1}-{recipe.mark}",
    full=answer,
    slow_film=slow_film,
    scripts=("paint/paint",),
    directions=lambda recipe: experiments.needed(recipe).directions,
    unit=SAYS["unit"].format(step=STEP),
)
OWN_PICTURE = own_extra(NAME, "paste", "paint/own", SAYS["from_own"])
STRIP = Endpoint(lambda recipe: film_part(STAGE, recipe), "21 frames of the chosen knob, side by side.", LONG)
TAB = Tab(
    NAME,
    "Paint",
    Painted,
    **WORDS["tab"],
    sentence=lambda recipe: answer(recipe)["sentence"],
    code=code,
    **words_of(str(Path(__file__).with_name("method.md"))),
    sources=(lowrank_steps, resefa_of),
    cells=CELLS,
    made_from=made_from,
    stage=STAGE,
    ready=lambda recipe: search.known(recipe) is not None,
    known=search.is_known,
    closed=closed,
    prepare=prepare,
    prepared_by=Painted.names(),
    private=subject_of,
    extras=(OWN_PICTURE, Extra("more", door_to_steer, wire), directions_extra(NAME, "more", take=take_knobs)),
    endpoints={"paint_strip": STRIP},
)


def ready() -> None:
    """Starts the threads that solve, before there is a visitor's thread that could take on one core for good."""
    workers()
