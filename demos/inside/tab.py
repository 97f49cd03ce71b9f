"""Look inside: which channel of a class-conditional GAN makes which class;
switch one off, keep few, cross two classes, cut.

Handlers are pure functions: a recipe in, pictures and sentences out. The page holds recipes, never tensors. What
channel awareness is here is our formulation (core.channels), and the page and every export say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from html import escape

import gradio as gr

from core import zoo
from core.channels.awareness import rectified_mean
from core.channels.editing import hybrid
from core.images import animation, enlarge, png, to_pil
from core.images import strip as side_by_side

from ..page import handlers as wiring
from ..page import models, pace, words
from ..page.arrival import fitting
from ..page.export import png_of
from ..page.fields import RecipeError
from ..page.handlers import guarded, keyed, last_of, method_fold, offer, refused, take_away
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
    text,
)
from ..page.picture import file_identity
from ..page.picture import opened as opened_model
from ..page.queue import QUEUE
from . import evidence as said
from . import experiments
from . import recipe as looks
from .experiments import uri
from .recipe import Look

TAB, TITLE = Look.tab, "Look inside"
SCRIPTS = ("inside/inside", "inside/stage", "inside/cells")
EVENTS = ("about", "film", "measure", "few", "cross", "alike", "cut", "compare", "truth", "stop")
TAKEN = {"picture": "Picture (PNG)", "strip": "Strip", "clip": "Clip", "notebook": "Notebook"}
TAKEN_SIDE = 256  # pixels of what is taken away, at least
STRIP_FRAMES = 7
RECORDED = ("recipe", "answer", "facts", "film", "code", "sentence", "pictures")


# --- a recipe in, pictures out


def answer(given: Mapping) -> dict:
    """What the page shows of a recipe: pictures as data URIs, words, link.

    Bad input: only `error`, a sentence, and what was asked.
    """
    try:
        return dict(shown_of(looks.Look.from_json(given)), asked=given)
    except RecipeError as error:
        return refused(error, asked=given)


def shown_of(look: Look, *, measure: bool = False) -> dict:
    """The same for a recipe that is one.

    measure: beside random channels, which takes eight more pictures the first time.
    """
    untouched, after = experiments.before(look).picture, experiments.changed(look)
    random = experiments.beside(look, measure=measure)
    active, active_says = experiments.active_where(look)
    return dict(
        recipe=look.as_dict(),
        query=look.query(),
        before=uri(untouched),
        src=uri(after),
        active=active,
        active_says=active_says,
        verdict=experiments.verdict(look, after, random),
        measured=random is not None,
        dots=experiments.dots(look),
        users=experiments.users(look),
        caption=experiments.told(look),
        alt=looks.alt_text(look),
        named=looks.named(look),
        other=looks.class_names(look.model)[look.other],
        used=list(looks.gates_of(look)),
        setup=models.facts(look.model),
    )


def about(model: object) -> dict:
    """What the controls need of a network: its classes and its gates. Raises RecipeError."""
    card = looks.card_of(model)
    names, gates = looks.class_names(card.name), opened_model(card.name).gates
    channels = [looks.awareness_of(card.name, i).shape[1] for i in range(len(gates))]
    return dict(
        model=card.name,
        classes=list(names),
        most=looks.MOST,
        channels=channels,
        gates=[f"{looks.gate_name(card.name, i)}, {count} channels" for i, count in enumerate(channels)],
    )


# --- what is taken away


def file_for(look: Look, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of what is taken away, a key of TAKEN."""
    card, name = zoo.card(look.model), f"class{look.label}-seed{look.seed}-gate{look.gate}-channel{look.channel}"
    if kind == "notebook":
        return looks.notebook_for(look), f"{name}.ipynb"
    if kind == "picture":
        return png_of(to_pil(experiments.changed(look))[0], look, looks.FORMULATION), f"{name}.png"
    times = max(1, TAKEN_SIDE // card.resolution)
    count = STRIP_FRAMES if kind == "strip" or pace.pace_of(look.model).slow else experiments.FRAMES
    frames = [enlarge(one, times) for one in experiments.film_pictures(look, count)]
    if kind == "clip":
        return animation(frames), f"{name}.webp"
    return png(side_by_side(frames, gap=4), recipe=look.as_dict(), licence=looks.FORMULATION), f"{name}-strip.png"


# --- the tab


def arrival() -> dict:
    """What the tab shows before anything is computed:
    as recorded for these weights, or a bare recipe; {} without a network.
    """
    model = looks.Look.default_model()
    if not model:
        return {}
    found = fitting(TAB, model, made_from, RECORDED)
    if found is None:
        return dict(recipe=looks.Look.unread(model), answer={}, facts={}, film={}, code="", sentence=said.BARE_SENTENCE)
    pictures = found["pictures"]
    shown = dict(found["answer"], **{name: pictures[name] for name in ("before", "src", "active")})
    return dict(
        recipe=found["recipe"],
        answer=shown,
        facts=found["facts"],
        film=dict(found["film"], src=pictures["strip"]),
        code=found["code"],
        sentence=found["sentence"],
    )


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of this tab rest on; "" where there is none."""
    reader = zoo.WEIGHTS / f"{zoo.card(model).world}-parts.safetensors"
    return dict(weights=zoo.weights_hash(model), parts=file_identity(reader) if reader.exists() else "")


def tab() -> Demo:
    """Builds the tab inside the page's `gr.Tabs`; everything it shows at first is recorded.

    Without a network with classes it shows one sentence and the list of networks, and the rest once one was chosen.
    """
    shown = arrival()
    recipe = shown.get("recipe", {})
    model = recipe.get("model") or next(iter(zoo.CARDS))
    base = dict(version=1, model=model, seed=0, psi=zoo.card(model).psi, label=0)
    with gr.Tab(TITLE, id=TAB), gr.Column(elem_classes="tab"):
        notice = wiring.notice(TAB)
        if not shown:
            text(f'<p class="sentence">{escape(said.NO_NETWORK)}</p>', elem_id="inside-needs")
        parts = dict(
            bus=part(TAB, "recipe", recipe, events=EVENTS, visible="hidden"),
            base=part(TAB, "base", base, visible="hidden"),
            facts=part(TAB, "facts", shown.get("facts", {}), visible="hidden"),
            film=part(TAB, "film", shown.get("film", {}), visible="hidden"),
        )
        with gr.Column(elem_classes="inside-all"):
            text(
                f'<h2 class="sentence" id="inside-sentence">{escape(shown.get("sentence", said.BARE_SENTENCE))}</h2>'
                f'<p class="lead">{escape(said.LEAD)}</p>'
            )
            with gr.Row(elem_classes="bench"):
                with gr.Column(scale=5, min_width=320):
                    parts["stage"] = part(TAB, "stage", shown.get("answer", {}))
                with gr.Column(scale=6, min_width=320):
                    part(TAB, "controls", dict(words=words.table()))
        models.picker(TAB, parts["base"])
        with gr.Column(elem_classes="inside-all"):
            with cell(*said.FEW):
                parts["few"] = part(TAB, "few", {})
            with gr.Accordion(said.CROSS[0], open=False, elem_id="inside-cell-cross", elem_classes="fold"):
                text(f'<p class="hint">{escape(said.CROSS[1])}</p>')
                parts["cross"] = part(TAB, "cross", {})
            with gr.Accordion(said.CUT[0], open=False, elem_id="inside-cell-cut", elem_classes="fold"):
                text(f'<p class="hint">{escape(said.CUT[1])}</p>')
                parts["cut"] = part(TAB, "cut", {})
            with gr.Accordion(said.ALIKE[0], open=False, elem_id="inside-cell-alike", elem_classes="fold"):
                text(f'<p class="hint">{escape(said.ALIKE[1])}</p>')
                parts["alike"] = part(TAB, "alike", {})
            folds = _folds(parts, shown.get("code", ""))
            limits(said.LIMITS)
    _wire(parts)
    _wire_files(parts)
    return Demo(TAB, (opened, [parts["bus"], parts["stage"], *folds, notice]), endpoints, left)


def _folds(parts: dict, code_of_arrival: str) -> list[gr.Accordion]:
    with fold(TAB, "more") as more:
        part(TAB, "more", dict(words=words.table()))
    with fold(TAB, "compare") as compare:
        text(f'<p class="hint">{escape(said.COMPARE)}</p>')
        parts["compare"] = part(TAB, "compare", {})
    with fold(TAB, "true") as true:
        parts["truth"] = part(TAB, "truth", {})
    method = method_fold(TAB, said.EQUATION, {"inside-source": rectified_mean, "inside-source-hybrid": hybrid})
    with fold(TAB, "take") as take:
        parts.update(
            take_away(
                TAB, TAKEN, code_of_arrival, after=lambda: text(f'<p class="caption">{escape(looks.FORMULATION)}</p>')
            )
        )
    return [more, compare, true, method, take]


# --- wiring: a handler that fails says a sentence, and changes nothing


ONE_AT_A_TIME = "This machine measures one thing at a time."


def in_turn(name: str, make: Callable[[Look], Iterator[dict]]) -> Callable:
    """`make(look)`, a stream of plain values that computes for long: it waits for its turn, and can be stopped."""

    def run(given, event: gr.EventData, request: gr.Request):
        try:
            look, kind = looks.Look.from_json(given), f"inside {name}"
            key = (kind, tuple(look.as_dict().items()), zoo.weights_hash(look.model))
            for piece in QUEUE.pieces(key, lambda _run: make(look), str(request.session_hash), kind, why=ONE_AT_A_TIME):
                yield dict(piece, key=event.key)
        except RecipeError as error:
            yield refused(error, key=event.key)

    return run


def live(given: Mapping) -> tuple:
    """The answer and the code of the picture; after bad input the code stays."""
    shown = answer(given)
    if "error" in shown:
        return shown, gr.skip()
    return shown, looks.code_for(looks.Look.from_json(given))


def measured(given: Mapping) -> dict:
    """The answer, compared with random channels however long that takes."""
    try:
        return dict(shown_of(looks.Look.from_json(given), measure=True), asked=given)
    except RecipeError as error:
        return refused(error, asked=given)


def facts(given: Mapping) -> dict:
    model = given.get("model") if isinstance(given, Mapping) else None
    try:
        return about(model)
    except RecipeError as error:
        return refused(error, model=model)


def stop(event: gr.EventData, request: gr.Request) -> None:
    """Ends one of the visitor's experiments; the others go on."""
    QUEUE.stop(str(request.session_hash), f"inside {event.kind}")


def left(request: gr.Request) -> None:
    """The visitor closed the page: their work ends."""
    QUEUE.leave(str(request.session_hash))


def _wire(parts: dict) -> None:
    bus = parts["bus"]
    bus.change(live, bus, [parts["stage"], parts["code"]], **private("inside_answer", LIVE))
    bus.about(facts, bus, parts["facts"], **private("inside_about", LIVE))
    bus.film(
        keyed(looks.Look.from_json, lambda look, _event: experiments.film(look)),
        bus,
        parts["film"],
        **private("inside_film", LONG),
    )
    bus.measure(measured, bus, parts["stage"], **private("inside_measure", LONG))
    for name in ("few", "cross", "cut", "compare"):
        getattr(bus, name)(
            in_turn(name, getattr(experiments, name)), bus, parts[name], **private(f"inside_{name}", WATCH)
        )
    bus.alike(
        keyed(looks.Look.from_json, lambda look, _event: experiments.alike(look)),
        bus,
        parts["alike"],
        **private("inside_alike", LONG),
    )
    bus.truth(
        keyed(looks.Look.from_json, lambda look, _event: dict(html=said.truth_html(look.model))),
        bus,
        parts["truth"],
        **private("inside_truth", LIVE),
    )
    bus.stop(stop, None, None, **private("inside_stop_measuring", LIVE))


def _wire_files(parts: dict) -> None:
    for kind in TAKEN:
        make = guarded(lambda given, kind=kind: publish(*file_for(looks.Look.from_json(given), kind)))
        deliver(parts[f"take_{kind}"], make, [parts["bus"]], parts["outlet"], f"inside_take_{kind}")


def opened(request: gr.Request) -> tuple:
    return wiring.opened(request, TAB, Look, asked="link")


# --- the same, for programs


RECIPE = (
    'recipe: {"model": "objects-biggan", "label": "mug", "seed": 0, "gate": 4, "channel": 17, "amount": 0}; '
    "amount 0 switches the channel off, 1 leaves it; all but model may be left out. " + looks.FORMULATION
)


ENDPOINTS = {
    "inside_picture": (
        lambda look: shown_of(look, measure=True),
        "The picture with one channel changed, before it, and what that did.",
    ),
    "inside_keep": (
        lambda look: last_of(experiments.few(look)),
        "Pictures with only the most aware channels, and with as many random ones.",
    ),
    "inside_hybrid": (
        lambda look: last_of(experiments.cross(look)),
        "Hybrids of two classes by the share of channels.",
    ),
    "inside_measures": (
        lambda look: last_of(experiments.compare(look)),
        "Awareness by formula, by watching and by experiment, for one gate.",
    ),
    "inside_code": (lambda look: dict(code=looks.code_for(look)), "Python that makes the same picture."),
}


def endpoints() -> None:
    """The tab's public endpoints: a recipe as JSON in, JSON out; pictures are data URIs of lossless WebP."""
    for name, (make, says) in ENDPOINTS.items():
        offer(make, Look, name, f"{says} {RECIPE}", WATCH)
