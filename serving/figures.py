"""Make a figure: the pictures of a tab in rows and columns as PDF and SVG, with caption and BibTeX.

It works on any tab with a stage: `on(tab)` is the tab with "Make a figure" under "Take it away", and its endpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from core import figure, papers, queue, zoo
from core.cache import Cache
from core.pace import pace_of
from demos.page.blocks import data_uri
from demos.page.fields import RecipeError, kinds, quoted, refusals
from demos.page.handlers import buttons, refused
from demos.page.parts import LONG, SAVE, WATCH, private, publish, text
from demos.page.tab import Endpoint, Extra, Tab
from demos.page.words import signed, texts, word

TEXTS = texts(Path(__file__))
SAID, WRONG, FILES = TEXTS["said"], TEXTS["wrong"], TEXTS["files"]
MIME = {"pdf": "application/pdf", "svg": "image/svg+xml"}
SECONDS = 300  # that the pictures of a figure may take
PIXELS = 40 * 10**6  # that its pictures may have together: they are not made smaller
LARGEST_KEPT = 64 * 2**20  # bytes of pictures, for who wants a figure as PDF and as SVG
USUAL = {"amounts": "-2, -1, 0, 1, 2", "amount": "0, 0.5, 1, 2, 3"}  # by the field of the recipe
FIELDS = {  # that rows and columns change
    "pictures": ("seed",),
    "amounts": ("amounts", "amount"),
    "knobs": ("knob",),
    "channels": ("channel",),
    "methods": ("method", "fit"),
}
# IBM Plex Sans, which Gradio ships for its themes: an OFL font with every letter that captions need
FONTS = Path(gr.__file__).parent / "templates" / "frontend" / "static" / "fonts" / "IBMPlexSans"

_drawn = Cache(LARGEST_KEPT, lambda pictures: pictures.nbytes)


class Axis(NamedTuple):
    """What rows or columns are: what each is called, and for each a recipe -> the recipe changed."""

    kind: str
    names: tuple[str, ...]
    changes: tuple[Callable[[Any], Any], ...]


class Plan(NamedTuple):
    """A figure that can be drawn. recipes: one for each picture, row by row. titles: of the knobs of the `recipe` on
    screen, and alt: what all pictures show.
    """

    tab: Tab
    recipe: Any
    down: Axis
    across: Axis
    recipes: tuple
    titles: Sequence[str]
    alt: str

    @property
    def axes(self) -> tuple[str, str]:
        return self.down.kind, self.across.kind


# --- what rows and columns can be


def axes_of(recipe: Any) -> dict[str, str]:
    """What they can be for a recipe, or a class of recipes, and what that is called."""
    there = [kind for kind, fields in FIELDS.items() if set(fields) & set(recipe.names())]
    return {kind: TEXTS["axes"][kind] for kind in there}


def methods_of(recipe: Any) -> dict[str, tuple[str, Mapping]]:
    """The methods of a recipe's knobs, by name: what each is called, and the fields that it sets."""
    field = next(name for name in FIELDS["methods"] if name in recipe.names())
    found = {}
    for name, one in kinds(recipe)[field].control["options"].items():
        if name != "file":
            found[name] = (word(name).term, one) if isinstance(one, Mapping) else (name, {field: name})
        elif recipe.method == "file":
            found[name] = name, {}
    return found


def method_of(recipe: Any) -> str:
    """What the recipe's own method is called."""
    fits = (name for name, sets in methods_of(recipe).values() if all(getattr(recipe, k) == v for k, v in sets.items()))
    return next(fits)


def turned(recipe: Any, to: float | None = None) -> Any:
    """How far the chosen knob or channel is turned; with `to` the recipe with it turned so far."""
    if "amount" in recipe.names():
        return recipe.amount if to is None else replace(recipe, amount=to)
    row, knob = recipe.amounts, recipe.knob
    return row[knob] if to is None else replace(recipe, amounts=(*row[:knob], to, *row[knob + 1 :]))


def chosen(recipe: Any, knob: int) -> Any:
    """The recipe with another knob chosen, counted from 0, which gets the turn of the one that was."""
    if knob == recipe.knob:
        return recipe
    return turned(replace(turned(recipe, 0.0), knob=knob), turned(recipe))


def knob_name(knob: int, titles: Sequence[str]) -> str:
    return f"knob {knob + 1}" + (f" ({titles[knob]})" if knob < len(titles) and titles[knob] else "")


def axis(recipe: Any, kind: str, listed: str, titles: Sequence[str]) -> Axis:
    """What a list says of the rows or the columns; "": the usual. titles: of the knobs. Raises ValueError."""
    numbers = partial(figure.numbers_in, what=f"the {kind}")
    if kind == "methods":
        there = methods_of(recipe)
        found = [name.strip() for name in listed.split(",") if name.strip()] or list(there)
        if wrong := [name for name in found if name not in there]:
            raise RecipeError(WRONG["no_method"].format(given=quoted(wrong[0]), possible=", ".join(there)))
        made = {there[name][0]: partial(replace, **there[name][1]) for name in found}
    elif kind == "knobs":
        found = numbers(listed or f"1-{max(1, min(5, len(titles)))}")
        if wrong := [n for n in found if not 1 <= n <= len(titles)]:
            raise RecipeError(WRONG["no_knob"].format(given=wrong[0], most=len(titles)))
        made = {knob_name(n - 1, titles): partial(chosen, knob=n - 1) for n in found}
    elif kind == "amounts":
        usual = USUAL["amount" if "amount" in recipe.names() else "amounts"]
        made = {minus(n): partial(turned, to=n) for n in numbers(listed or usual, whole=False)}
    else:
        [field], first = FIELDS[kind], recipe.seed if kind == "pictures" else recipe.channel
        listed = numbers(listed or f"{first}-{first + 3}")
        made = {f"{field} {n}": partial(replace, **{field: n}, found="") for n in listed}
    return Axis(kind, tuple(made), tuple(made.values()))


def minus(amount: float) -> str:
    return f"{amount:g}".replace("-", "−")


# --- what is asked for


@refusals()
def plan(tab: Tab, recipe: Any, rows: str, row_list: str, columns: str, column_list: str) -> Plan:
    """A figure of a tab's recipe. Raises RecipeError for what cannot be drawn, and for what would take too long."""
    if not (tab.stage or tab.ready(recipe)):
        raise RecipeError(WRONG["unfound"])
    possible = axes_of(recipe)
    for which, kind in (("rows", rows), ("columns", columns)):
        if kind not in possible:
            about = dict(which=which, given=quoted(kind), possible=", ".join(possible))
            raise RecipeError(WRONG["no_axis"].format(**about))
    if rows == columns:
        raise RecipeError(WRONG["same"].format(axis=rows))
    told = tab.shown.answer(recipe)
    others = "methods" in (rows, columns) and "method" in recipe.names()  # whose knobs move something else
    titles = ["" if others else one["title"] for one in told["setup"].get("knobs", ())]
    down, across = axis(recipe, rows, row_list or "", titles), axis(recipe, columns, column_list or "", titles)
    if "amounts" not in (rows, columns) and not differs(recipe, {rows, columns}):
        raise RecipeError(WRONG["not_turned"])
    check_size(recipe.model, len(down.names) * len(across.names))
    recipes = (other(one(recipe)) for one in down.changes for other in across.changes)
    return Plan(tab, recipe, down, across, tuple(recipes), titles, else_of(tab, recipe, {rows, columns}))


def else_of(tab: Tab, recipe: Any, axes: Collection[str]) -> str:
    """What all pictures show: the recipe's words without what rows and columns change."""
    if axes & {"amounts", "knobs"}:
        recipe = turned(recipe, 1.0 if "amount" in recipe.names() else 0.0)
    if "methods" in axes:
        recipe = replace(recipe, **next(iter(methods_of(recipe).values()))[1])
    said = tab.shown.answer(recipe)["alt"].replace(", no knob moved", "")
    return said.replace(f", {recipe.which}", "") if "pictures" in axes else said


def check_size(model: str, count: int) -> None:
    """Raises RecipeError where so many pictures of a network would take too long, or have too many pixels."""
    seconds, pixels = pace_of(model).seconds, zoo.card(model).resolution ** 2
    about = dict(count=count, minutes=seconds * count / 60, most=SECONDS / 60, pixels=pixels * count / 1e6)
    if seconds * count > SECONDS:
        raise RecipeError(WRONG["slow"].format(**about, fit=int(SECONDS / seconds)))
    if pixels * count > PIXELS:
        raise RecipeError(WRONG["large"].format(**about, largest=PIXELS / 1e6, fit=PIXELS // pixels))


def differs(recipe: Any, axes: Collection[str]) -> bool:
    """Do the pictures along these axes differ, with the knobs as they are turned?"""
    if "amount" in recipe.names():
        return recipe.amount != 1 or "channels" not in axes
    if "knobs" in axes:
        return bool(turned(recipe))
    return any(recipe.amounts) or "methods" not in axes


# --- pictures


def drawing(plan: Plan) -> Iterator[dict]:
    """How far the pictures are, as `says`; last the `pictures`, uint8 [rows, columns, h, w, 3]. Raises RecipeError."""
    key = plan.tab.name, plan.recipes, zoo.weights_hash(plan.recipe.model)
    found, made, began = _drawn.get(key), [], time.monotonic()
    for recipe in plan.recipes if found is None else ():
        if time.monotonic() - began > 2 * SECONDS:
            raise RecipeError(WRONG["late"].format(most=2 * SECONDS / 60))
        made.append(np.asarray(plan.tab.shown.picture(recipe)))
        yield dict(says=SAID["progress"].format(done=len(made), count=len(plan.recipes)))
    found = _drawn.put(key, np.stack(made)) if found is None else found
    yield dict(pictures=found.reshape(len(plan.down.names), len(plan.across.names), *found.shape[1:]))


# --- words


def what_turns(plan: Plan) -> str:
    """What the amounts are those of."""
    if "channel" in plan.recipe.names():
        return "the channel" if "channels" in plan.axes else f"channel {plan.recipe.channel}"
    return "the knob" if "knobs" in plan.axes else knob_name(plan.recipe.knob, plan.titles)


def axis_said(plan: Plan, one: Axis) -> str:
    """What the rows or the columns are, each by its name, with the unit."""
    between = ", " if one.kind in ("pictures", "amounts") else "; "  # names have commas of their own
    about = dict(list=between.join(one.names), unit=plan.tab.shown.unit, what=what_turns(plan))
    if one.kind == "pictures":
        return SAID["pictures"].format(list=about["list"].replace("seed ", ""))
    if one.kind in ("knobs", "channels") and "amounts" not in plan.axes:
        return SAID["turned"].format(**about, amount=signed(turned(plan.recipe)))
    return SAID["amounts"].format(**about) if one.kind == "amounts" else about["list"]


def caption(plan: Plan) -> str:
    """How the figure was made: what differs, what does not, and which network drew it."""
    recipe, card, more = plan.recipe, zoo.card(plan.recipe.model), ""
    if "layers" in recipe.names():
        more += SAID["layers"].format(layers=recipe.layers)
    if "methods" in axes_of(recipe) and "methods" not in plan.axes:
        more += SAID["method"].format(method=method_of(recipe))
    down, across = axis_said(plan, plan.down), axis_said(plan, plan.across)
    about = dict(down=down, across=across, alt=plan.alt, more=more, title=card.title, licence=card.licence)
    return SAID["caption"].format(**about)


def latex(plan: Plan) -> str:
    """The figure as PDF in LaTeX, with its caption and the BibTeX of the methods that are shown."""
    methods = (getattr(one, "method", plan.tab.name) for one in plan.recipes)
    return papers.for_latex(name_of(plan, "pdf"), caption(plan), methods)


def name_of(plan: Plan, kind: str) -> str:
    return f"{plan.tab.shown.stem(plan.recipe)}-figure.{kind}"


def file_of(plan: Plan, pictures: np.ndarray, kind: str, *, captioned: bool = True) -> tuple[bytes, str]:
    """Bytes and name of the figure, "pdf" or "svg"; captioned: its caption stands below the pictures."""
    card = zoo.card(plan.recipe.model)
    foot = SAID["foot"].format(title=card.title, licence=card.licence, link=card.link, note=plan.tab.note)
    titled = SAID["title"].format(what=what_turns(plan), unit=plan.tab.shown.unit)
    titles = {one: titled[:1].upper() + titled[1:] if one == "amounts" else "" for one in plan.axes}
    sheet = figure.Sheet(
        pictures,
        plan.down.names,
        plan.across.names,
        down=titles[plan.down.kind],
        across=titles[plan.across.kind],
        caption=caption(plan) if captioned else "",
        foot=" ".join(foot.split()),
        link="" if card.own else plan.recipe.link(),
        recipe=plan.recipe.as_dict(),
    )
    data = figure.svg(sheet) if kind == "svg" else figure.pdf(sheet, *fonts())
    return data, name_of(plan, kind)


def fonts() -> list[Path]:
    """The files of the regular and the bold font; none where this Gradio ships others."""
    found = [FONTS / f"IBMPlexSans-{weight}.woff2" for weight in ("Regular", "Bold")]
    return found if all(path.is_file() for path in found) else []


# --- on the page, and for programs


def on(tab: Tab) -> Tab:
    """The tab with "Make a figure" under "Take it away" and an endpoint; a tab without a stage as it is."""
    if tab.bench:
        return tab
    more = dict.fromkeys(("rows", "row_list", "columns", "column_list", "file"), str)
    made = Endpoint(partial(for_programs, tab), TEXTS["programs"].strip(), LONG, more)
    extra = Extra("take", partial(layout, tab), partial(wire, tab))
    return replace(tab, extras=(extra, *tab.extras), endpoints={**tab.endpoints, f"{tab.name}_figure": made})


def for_programs(
    tab: Tab, recipe: Any, rows: str = "", row_list: str = "", columns: str = "", column_list: str = "", file: str = ""
) -> dict:
    kind = file or "pdf"
    if kind not in FILES:
        raise RecipeError(WRONG["no_file"].format(given=quoted(file)))
    made = plan(tab, recipe, rows or "pictures", row_list, columns or "amounts", column_list)
    *_, last = drawing(made)
    data, name = file_of(made, last["pictures"], kind)
    return dict(name=name, src=data_uri(data, MIME[kind]), caption=caption(made), latex=latex(made))


def layout(tab: Tab, parts: dict, model: str) -> None:
    text(TEXTS["head"])
    choices = [(name, kind) for kind, name in axes_of(tab.recipe).items()]
    with gr.Row(elem_classes="keep"):
        for which, kind in (("row", "pictures"), ("column", "amounts")):
            for name, make in ((f"{which}s", partial(gr.Dropdown, choices, value=kind)), (f"{which}_list", gr.Textbox)):
                about = dict(label=TEXTS["labels"][name], elem_id=f"{tab.name}-figure-{name}", min_width=150)
                parts[f"figure_{name}"] = make(**about)
    parts["figure_inside"] = gr.Checkbox(True, label=TEXTS["inside"], elem_id=f"{tab.name}-figure-inside")
    with gr.Row(elem_classes="buttons"):
        parts.update(buttons(tab.name, "figure", FILES))
    parts["figure_says"] = text("", elem_id=f"{tab.name}-figure-says")
    looks = dict(language="latex", interactive=False, buttons=["copy"], show_line_numbers=False, visible=False)
    parts["figure_box"] = gr.Code(label=TEXTS["box"], elem_id=f"{tab.name}-figure-box", wrap_lines=True, **looks)


def wire(tab: Tab, parts: dict) -> None:
    asked = [parts[f"figure_{name}"] for name in ("rows", "row_list", "columns", "column_list", "inside")]
    shows = [parts["figure_says"], parts["figure_box"], parts["outlet"]]
    for kind in FILES:
        name = f"{tab.name}_figure_{kind}"
        made = parts[f"figure_{kind}"].click(
            making(tab, kind), [parts["recipe"], *asked], shows, **private(name, WATCH)
        )
        made.success(None, parts["outlet"], js=SAVE, **private(f"{name}_save"))


def making(tab: Tab, kind: str) -> Callable:
    """The handler of a button: a slow network waits for its turn in the queue, and all end where the visitor leaves."""

    def run(given: Mapping, rows, row_list, columns, column_list, inside: bool, request: gr.Request) -> Iterator[tuple]:
        try:
            made, last = plan(tab, tab.recipe.from_json(given), rows, row_list, columns, column_list), {}
            lane = queue.LONG if pace_of(made.recipe.model).slow else queue.OWN
            key, visitor = (tab.name, "figure", made.down.names, made.recipes), str(request.session_hash)
            for last in queue.QUEUE.watch(key, lambda _run: drawing(made), visitor, f"{tab.name} figure", lane):
                if "says" in last:
                    yield f'<p class="caption" role="status">{last["says"]}</p>', gr.skip(), gr.skip()
            if "pictures" in last:
                data, name = file_of(made, last["pictures"], kind, captioned=bool(inside))
                yield "", gr.Code(latex(made), visible=True), gr.DownloadButton(value=publish(data, name))
            else:  # the visitor asked for another figure meanwhile
                yield "", gr.skip(), gr.DownloadButton(value=None)
        except RecipeError as error:
            gr.Warning(refused(error)["error"], title="That did not work")
            yield "", gr.skip(), gr.DownloadButton(value=None)

    return run
