"""Steer: the knobs that a network's own weights give away, what each is measured to do, and how true that is.

Handlers are pure functions: a recipe in, pictures and sentences out. The page holds recipes, never tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path

import gradio as gr

from core import zoo
from core.factorization.files import SUFFIXES
from core.factorization.sefa import sefa
from core.images import animation, enlarge, png, webp
from core.images import strip as side_by_side

from ..page import evidence as measured
from ..page import handlers as wiring
from ..page import models, words
from ..page import picture as recipes
from ..page import pictures as served
from ..page.arrival import fitting
from ..page.blocks import data_uri, tiles
from ..page.cells import stopping, watched
from ..page.fields import RecipeError, controls
from ..page.handlers import guarded, keyed, last_of, method_fold, offer, refused, take_away
from ..page.pace import pace_of
from ..page.parts import (
    LIVE,
    LONG,
    WATCH,
    Demo,
    cell,
    deliver,
    fold,
    limits,
    part,
    private,
    publish,
    sentence,
    text,
)
from ..page.picture import Recipe
from ..page.queue import QUEUE
from ..page.tab import words_of
from ..page.uploads import take_directions, uploaded
from . import storage
from .code import code_for, notebook_for, png_for
from .experiments import CELLS, draws, faces, faces_html, grid, grid_html
from .sentence import first_sentence
from .wishes import find, wishes

TAB, TITLE = "steer", "Steer"
SCRIPTS = ("steer/steer",)
FRAMES = 21  # of a strip
METHODS = ("sefa/paper", "sefa/official", "ganspace", "random", "file")
EVENTS = ("exact", "film", "slow_film", "measure", "stop", *CELLS)
SLOW_FRAMES, SLOW_ORDER = 9, (4, 0, 8, 2, 6, 1, 7, 3, 5)
TAKEN_SIDE = 256  # pixels, to which strips and clips of small pictures are enlarged
MOST_VISITORS = 1_000  # whose screens are remembered
FILM = 256  # pixels, the largest side of what only the page shows
TAKEN = {"picture": "Picture (PNG)", "strip": "Strip", "clip": "Clip", "notebook": "Notebook"}


# --- a recipe in, pictures out


def answer(given: Mapping) -> dict:
    """All that the page shows of a recipe: pictures as data URIs, words, link. Bad input: only `error`, a sentence.

    Of a slow network it holds what can be shown at once, and `exact` is False: `shown_of` has the pictures themselves.
    """
    try:
        return shown_of(recipes.Recipe.from_json(given), at_once=True)
    except RecipeError as error:
        return refused(error, asked=given)


def shown_of(recipe: Recipe, *, at_once: bool = False) -> dict:
    """The same for a recipe that is one. Raises RecipeError where its file of directions is gone."""
    files, setup = uploaded(recipe), setup_of(recipe)
    untouched = replace(recipe, amounts=(), method="sefa")
    slow = (
        at_once
        and pace_of(recipe.model).slow
        and not (recipes.has_bytes(recipe, files) and recipes.has_bytes(untouched))
    )
    picture = first_look if slow else recipes.picture_bytes
    return dict(
        recipe=recipe.as_dict(),
        src=source(picture(recipe, files)),
        before=source(picture(untouched, {})),
        exact=not slow,
        alt=recipes.alt_text(recipe, [knob["title"] for knob in setup["knobs"]]),
        caption=recipes.alt_text(recipe),
        query=recipe.query(),
        note=recipe.link_note(),
        sentence=first_sentence(recipe),
        setup=setup,
        pictures=served.address(private_subject(recipe)),
    )


def private_subject(recipe: Recipe) -> tuple | None:
    """What makes the recipe's pictures private: a network of one's own, or a file of directions; None: nothing."""
    if recipe.method == "file":
        return "directions", recipe.model, recipe.directions
    return served.own_network(recipe.model)


def setup_of(recipe: Recipe) -> dict:
    """What the controls need to know of a recipe's knobs and of its network."""
    found = measured.setup_of(recipe)
    return {**found, **models.facts(recipe.model), "draws": draws(len(found["knobs"]))}


def source(data: bytes) -> str:
    return data_uri(data) if data else ""


def first_look(recipe: Recipe, files: recipes.Files) -> bytes:
    """The picture where it was drawn before, else what the first layers drew;
    nothing where the network has no such thing.
    """
    if recipes.has_bytes(recipe, files):
        return recipes.picture_bytes(recipe, files)
    images = recipes.render_preview(recipe, files)
    return b"" if images is None else webp(recipes.shown(images, recipe.model, largest=FILM)[0])


def strip(recipe: Recipe) -> dict:
    """21 frames of the chosen knob from one end to the other, side by side in one lossless picture."""
    images = recipes.render_strip(recipe, recipe.knob, amounts_of(recipe, FRAMES), uploaded(recipe), quick=True)
    return film_of(recipes.shown(images, recipe.model, largest=FILM))


def film_of(pictures: list) -> dict:
    return dict(src=data_uri(webp(side_by_side(pictures))), frames=len(pictures))


def slow_strip(recipe: Recipe) -> Iterator[dict]:
    """The same for a slow network: 9 frames, the middle and the ends first;
    a frame that is missing shows its neighbour.
    """
    amounts, files, done = amounts_of(recipe, SLOW_FRAMES), uploaded(recipe), {}
    for frame in SLOW_ORDER:
        images = recipes.render_strip(recipe, recipe.knob, [amounts[frame]], files, quick=True)
        done[frame] = recipes.shown(images, recipe.model, largest=FILM)[0]
        yield film_of([done[min(done, key=lambda other: abs(other - i))] for i in range(SLOW_FRAMES)])


def amounts_of(recipe: Recipe, count: int) -> list[float]:
    """`count` amounts evenly over the card's reach."""
    reach = zoo.card(recipe.model).reach
    return [round(reach * (2 * i / (count - 1) - 1), 6) for i in range(count)]


def code(recipe: Recipe) -> str:
    return code_for(recipe, uploaded(recipe))


def file_for(recipe: Recipe, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of what is taken away, a key of TAKEN. Raises RecipeError."""
    name, files = f"knob{recipe.knob + 1}-picture{recipe.seed}", uploaded(recipe)
    if kind == "picture":
        return png_for(recipe, files), f"{name}.png"
    if kind == "notebook":
        return notebook_for(recipe, files), f"{name}.ipynb"
    amounts = amounts_of(recipe, 7 if kind == "strip" else FRAMES)
    images = recipes.render_strip(recipe, recipe.knob, amounts, files)
    times = max(1, TAKEN_SIDE // images.shape[-1])
    pictures = [enlarge(one, times) for one in recipes.shown(images, recipe.model, largest=2 * TAKEN_SIDE)]
    if kind == "strip":
        return png(side_by_side(pictures, gap=4), recipe=recipe.as_dict()), f"{name}-strip.png"
    return animation(pictures), f"{name}.webp"


# --- the tab


METHOD = words_of(str(Path(__file__).with_name("method.md")))  # its equation, and its limits
BARE_SENTENCE = "Knobs that were read off a network’s weights by one line of linear algebra; nobody labelled anything."
RECORDED = ("sentence", "code", "answer", "faces", "columns", "pictures")


def arrival() -> dict:
    """What the tab shows before anything is computed: as recorded for these weights, or a bare recipe."""
    found = fitting(TAB, next(iter(zoo.CARDS)), measured.made_from, RECORDED)
    if found is None:
        card = next(iter(zoo.CARDS.values()))
        bare = Recipe(card.name, psi=card.psi).as_dict()
        return dict(recipe=bare, answer={}, strip={}, grid={}, faces={}, sentence=BARE_SENTENCE, code="")
    pictures = found["pictures"]
    cut = {name: tiles(pictures[name], columns) for name, columns in found["columns"].items()}
    return dict(
        recipe=found["recipe"],
        sentence=found["sentence"],
        code=found["code"],
        answer=dict(found["answer"], src=pictures["after"], before=pictures["before"]),
        strip=dict(src=pictures["strip"], frames=FRAMES, key="arrival"),
        grid=dict(html=grid_html(found["answer"]["setup"]["knobs"], dict(rows=cut["grid"])), recipe=found["recipe"]),
        faces=dict(html=faces_html(dict(found["faces"], rows=cut["faces"])), recipe=found["recipe"]),
    )


def tab() -> Demo:
    """Builds the tab inside the page's `gr.Tabs`; everything it shows at first is recorded."""
    shown = arrival()
    with gr.Tab(TITLE, id=TAB), gr.Column(elem_classes="tab"):
        notice = wiring.notice(TAB)
        text(
            f'<h2 class="sentence" id="steer-sentence">{escape(shown["sentence"])}</h2>'
            '<p class="lead">Drag the knob under the picture. '
            f'<span id="steer-about">{escape(models.about(zoo.card(shown["recipe"]["model"])))}</span></p>'
        )
        parts = dict(
            bus=part(TAB, "recipe", shown["recipe"], events=EVENTS, visible="hidden"),
            film=part(TAB, "film", shown["strip"], visible="hidden"),
            facts=part(TAB, "facts", {}, visible="hidden"),
            model=gr.State(shown["recipe"]["model"]),
        )
        with gr.Row(elem_classes="bench"):
            with gr.Column(scale=5, min_width=320):
                parts["stage"] = part(TAB, "stage", shown["answer"])
                models.picker(TAB, parts["bus"])
            with gr.Column(scale=6, min_width=320):
                part(TAB, "knobs")
        parts.update(_experiments(shown))
        folds = _folds(parts, shown["code"])
        limits(METHOD["limits"])
    _wire_pictures(parts)
    _wire_files(parts)
    storage.wire(parts)
    return Demo(TAB, (opened, [parts["bus"], parts["stage"], *folds, notice]), endpoints, left)


def _cell(name: str, shown: Mapping = {}) -> gr.HTML:
    return part(TAB, name, dict(shown, cell=CELLS[name].config(TAB)))


def _experiments(shown: dict) -> dict:
    model, made = shown["recipe"]["model"], {}
    with cell(CELLS["grid"].title, CELLS["grid"].lead):
        made["grid"] = _cell("grid", shown["grid"])
        made["found"] = text(found_html(model), elem_id="steer-found")
    with (
        cell(
            "Find a knob for …",
            "Say what you would like to change; the measurements say which knob does it, and what it also does.",
        ),
        gr.Row(elem_classes="finder"),
    ):
        made["wish"] = gr.Dropdown(
            wishes(model),
            value=None,
            label="I want to change",
            elem_id="steer-find",
            scale=2,
            min_width=220,
        )
        made["says"] = text("", elem_id="steer-find-says")
    with cell(CELLS["faces"].title, CELLS["faces"].lead):
        made["faces"] = _cell("faces", shown["faces"])
    return made


def _folds(parts: dict, code_of_arrival: str) -> list[gr.Accordion]:
    shared = dict(words=words.table(), methods=METHODS)
    # outside of the folds: what is inside a closed one reads the browser's storage too late
    parts["kept"] = gr.BrowserState("", storage_key="ganatomy-steer-edits", secret="ganatomy")
    with fold(TAB, "more") as more:
        part(TAB, "more", dict(shared, fields=controls(Recipe)))
    with fold(TAB, "compare") as compare:
        part(TAB, "compare", shared)
        parts["file"] = gr.UploadButton(
            "Open a file of directions (.npy, .npz, .safetensors)",
            size="sm",
            elem_id="steer-directions",
            file_types=list(SUFFIXES),
            elem_classes="quiet",
        )
        text(
            '<p class="hint">The same network, other ways to choose knobs. Random knobs are what any method has to '
            "beat. How many factors each method finds is in “How true is this?”.</p>"
        )
    with fold(TAB, "true") as true:
        parts["truth"], parts["read"] = _cell("truth"), _cell("read")
    method = method_fold(TAB, METHOD["method"], {"steer-source": sefa})
    with fold(TAB, "take") as take:
        parts.update(take_away(TAB, TAKEN, code_of_arrival, after=lambda: storage.controls(parts)))
    parts["taken"] = take
    return [more, compare, true, method, take]


# --- wiring: a handler that fails says a sentence, and changes nothing


def keyed_stream(make: Callable, what: Callable[[Recipe], object]) -> Callable:
    """`keyed` for what comes in parts.

    It ends where `what` of the recipe on the visitor's screen is another, or they left.
    """

    def run(given, event: gr.EventData, request: gr.Request):
        visitor = str(request.session_hash)
        try:
            recipe = recipes.Recipe.from_json(given)
            on_screen(visitor, recipe)
            for part_of_it in make(recipe, event):
                yield dict(part_of_it, key=event.key)
                if visitor not in _on_screen or what(_on_screen[visitor]) != what(recipe):
                    return
        except RecipeError as error:
            sentence(error)
            yield gr.skip()

    return run


def one_film(recipe: Recipe) -> Recipe:
    return recipes.turned(recipe, recipe.knob, 0)


_on_screen: dict[str, Recipe] = {}  # what each visitor looks at


def on_screen(visitor: str, recipe: Recipe) -> None:
    _on_screen.pop(visitor, None)
    _on_screen[visitor] = recipe
    while len(_on_screen) > MOST_VISITORS:
        del _on_screen[next(iter(_on_screen))]


def left(request: gr.Request) -> None:
    """The visitor closed the page: what is being drawn for them ends."""
    _on_screen.pop(str(request.session_hash), None)
    QUEUE.leave(str(request.session_hash))


def live(given: Mapping, model: str, request: gr.Request) -> tuple:
    """The answer, the code of the picture, and what else changes with another network;
    after bad input all that stays.
    """
    said = answer(given)
    if "error" in said:
        return said, *(gr.skip(),) * 4
    recipe = recipes.Recipe.from_json(given)
    on_screen(str(request.session_hash), recipe)
    other = (gr.skip(),) * 3 if recipe.model == model else of_network(recipe.model)
    return said, code(recipe), *other


def of_network(model: str) -> tuple:
    """The list of wishes, what was found, and the network's name."""
    return gr.Dropdown(choices=wishes(model), value=None), found_html(model), model


def found_sentence(model: str) -> str:
    """How many factors ten knobs find, beside chance and labels; "" where it was not measured."""
    return next(iter((measured.evidence(model) or {}).get("sentences", ())), "")


def found_html(model: str) -> str:
    said = " ".join(f"{words.marked(key)}: {escape(words.word(key).tip)}" for key in ("knob", "strength"))
    return f'<p class="hint">{said}</p><p class="aha">{escape(found_sentence(model))}</p>'


def exactly(given: Mapping, request: gr.Request) -> dict:
    """The pictures themselves, for a screen that shows a first look; nothing where it shows another recipe by now."""
    try:
        recipe = recipes.Recipe.from_json(given)
        if _on_screen.get(str(request.session_hash), recipe) != recipe:
            return gr.skip()
        return dict(shown_of(recipe), late=True)
    except RecipeError as error:
        return refused(error)


def measuring(given: Mapping) -> Iterator[dict]:
    """How far the measuring is, then what the controls show of the measured knobs."""
    try:
        recipe = recipes.Recipe.from_json(given)
        setup = setup_of(recipe)
        if setup["measurable"]:
            for said in measured.measure(recipe):
                yield dict(key=setup["key"], progress=said)
        yield setup_of(recipe)
    except RecipeError as error:
        sentence(error)
        yield dict(failed=True)


def _wire_pictures(parts: dict) -> None:
    bus = parts["bus"]
    shows = [parts[name] for name in ("stage", "code", "wish", "found", "model")]
    bus.change(live, [bus, parts["model"]], shows, **private("steer_answer", LIVE))
    bus.exact(exactly, bus, parts["stage"], **private("steer_exact", LONG))
    bus.film(
        keyed(recipes.Recipe.from_json, lambda recipe, event: strip(recipe), aloud=True),
        bus,
        parts["film"],
        **private("steer_film", LIVE),
    )
    bus.slow_film(
        keyed_stream(lambda recipe, event: slow_strip(recipe), one_film),
        bus,
        parts["film"],
        **private("steer_slow_film", LONG),
    )
    for name, one in CELLS.items():
        getattr(bus, name)(watched(TAB, Recipe, one), bus, parts[name], **private(f"{TAB}_{name}", WATCH))
    bus.stop(stopping(TAB), None, None, **private(f"{TAB}_stop_cell", LIVE))
    bus.measure(measuring, bus, parts["facts"], **private("steer_measuring", LONG))

    def found(given, wish):
        turned, said = find(recipes.Recipe.from_json(given), wish)
        return turned.as_dict(), f'<p class="verdict" role="status">{escape(said)}</p>'

    parts["wish"].input(guarded(found, 2), [bus, parts["wish"]], [bus, parts["says"]], **private("steer_found", LONG))


def _wire_files(parts: dict) -> None:
    bus = parts["bus"]
    parts["file"].upload(
        guarded(lambda path, given: take_directions(path, given).as_dict()),
        [parts["file"], bus],
        bus,
        **private("steer_open_directions", LONG),
    )
    for kind in TAKEN:
        make = guarded(lambda given, kind=kind: publish(*file_for(recipes.Recipe.from_json(given), kind)))
        deliver(parts[f"take_{kind}"], make, [bus], parts["outlet"], f"steer_take_{kind}")


def opened(request: gr.Request) -> tuple:
    return wiring.opened(request, TAB, Recipe, default=True)


# --- the same, for programs


RECIPE = (
    'recipe: {"version": 1, "model": "portraits-stylegan2", "seed": 7, "psi": 0.7, "layers": "all", '
    '"method": "sefa", "mode": "paper", "amounts": [1.5], "knob": 0}; all but version and model may be left out.'
)
ENDPOINTS = {
    "steer_picture": (shown_of, LONG, "The picture of a recipe, before and after, its words, link and knobs."),
    "steer_strip": (strip, LIVE, "21 frames of the chosen knob, side by side."),
    "steer_all_knobs": (lambda recipe: last_of(grid(recipe)), LONG, "Every knob on three pictures, at -2 and +2."),
    "steer_other_faces": (
        lambda recipe: last_of(faces(recipe)),
        LONG,
        "The chosen knob on eight other pictures, at -2, 0 and +2.",
    ),
    "steer_code": (lambda recipe: dict(code=code(recipe)), LIVE, "Python that makes the same picture, to the pixel."),
    "steer_measured": (
        lambda recipe: dict(knobs=measured.measured_knobs(recipe) or []),
        LIVE,
        "What was measured of every knob; empty where it was not.",
    ),
}


def found_for(recipe: Recipe, wish: str) -> dict:
    turned, said = find(recipe, wish)
    return dict(recipe=turned.as_dict(), says=said)


def endpoints() -> None:
    """The tab's public endpoints: a recipe as JSON in, JSON out; pictures are data URIs of lossless WebP."""
    for name, (make, queue, says) in ENDPOINTS.items():
        offer(make, Recipe, name, f"{says} {RECIPE}", queue)

    offer(
        found_for,
        Recipe,
        "steer_find",
        f"The knob that moves a wish most, such as smile, turned to it; and a sentence. {RECIPE}",
        LONG,
        dict(wish=str),
    )
