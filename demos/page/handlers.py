"""How a tab's handlers meet the page and programs:
a recipe as JSON in, and a RecipeError is a sentence, never a failure.

`read` is a tab's `from_json`: it makes the recipe of what came in, or raises RecipeError.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from html import escape
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from core import zoo

from .export import LARGEST_PNG, recipe_from_png
from .fields import LONGEST_LINK, Fields, RecipeError, kinds, number, other_weights, recipe_of_json, recipe_of_link
from .parts import LONG, button, expert, fold, outlet, part, private, sentence, text

Read = Callable[[Mapping], Any]


def refused(error: RecipeError, **more: object) -> dict:
    """The sentence, as a part of the page shows it."""
    return dict(error=str(error)[:1].upper() + str(error)[1:], **more)


def last_of(news: Iterator[dict]) -> dict:
    return list(news)[-1]


def numbers_in(values: object) -> dict[str, float]:
    """What a cell's own controls say, at most 100 numbers by name. Raises RecipeError."""
    given = values if isinstance(values, Mapping) else {}
    return {str(name): number(value, str(name), -1e6, 1e6) for name, value in list(given.items())[:100]}


# --- for the page


def guarded(handler: Callable, count: int = 1) -> Callable:
    """`handler` for an event with `count` outputs; a RecipeError becomes a sentence, the outputs stay as they are."""

    def run(*values):
        try:
            return handler(*values)
        except RecipeError as error:
            sentence(error)
            return gr.skip() if count == 1 else (gr.skip(),) * count

    return run


def keyed(read: Read, make: Callable, *, aloud: bool = False) -> Callable:
    """`make(recipe, event)` for a part that asks with a key, and knows by it whether the answer is still wanted.

    A refusal is part of the answer: the part that asked says it; aloud: the page does, and the part stays as it is.
    """

    def run(given, event: gr.EventData):
        try:
            return dict(make(read(given), event), key=event.key)
        except RecipeError as error:
            if not aloud:
                return refused(error, key=event.key)
            sentence(error)
            return gr.skip()

    return run


def opened(request: gr.Request, name: str, recipe: type[Fields], *, default: bool = False, **more: object) -> tuple:
    """What the address asks of a tab: its recipe, or a sentence with `more` beside it; whether its folds stand open;
    and what is to be known of the link (`notice`).

    name, recipe: the tab's. default: it is meant where the address names no tab.
    """
    query = dict(request.query_params)
    folds = [gr.Accordion(open=True) if expert(query) else gr.skip()] * FOLDED
    meant = query.get("tab") == name or default and "tab" not in query
    if not meant or not set(query) & {"v", *recipe.names()}:
        return gr.skip(), gr.skip(), *folds, gr.skip()
    try:
        found = recipe.from_query(query)
        return found.as_dict(), gr.skip(), *folds, about_link(query, found.model)
    except RecipeError as error:
        return gr.skip(), refused(error, **more), *folds, gr.skip()


OTHER_WEIGHTS = (
    "This link was made with other weights of {} than those here: it opens with the same settings, "
    "and its picture may be another."
)


def notice(tab: str) -> gr.HTML:
    """Where a tab says what is to be known of the link that it was opened with; nothing at first."""
    return text("", elem_id=f"{tab}-notice", visible=False)


def about_link(query: Mapping[str, str], model: str) -> Any:
    """The notice that a link was made with other weights of its network than those here."""
    if not other_weights(query, model, zoo.weights_hash(model)):
        return gr.skip()
    said = escape(OTHER_WEIGHTS.format(zoo.card(model).title))
    return gr.HTML(f'<p class="caption" role="status">{said}</p>', visible=True)


# --- for programs


def called(make: Callable, recipe: type[Fields], given: Mapping | None, values: Mapping, *others) -> dict:
    """make(recipe, ...) of a recipe as JSON, or of its fields; the sentence of a RecipeError is the error message."""
    try:
        return make(recipe.from_json(given) if given else recipe(**values), *others)
    except RecipeError as error:
        raise gr.Error(str(error), print_exception=False) from None


def typed(make: Callable, recipe: type[Fields], more: Mapping[str, type] = {}) -> Callable[..., dict]:
    """`make(recipe, ...)` as a function with real parameters: a whole recipe, or its fields one by one; `more` come
    second.
    """
    found, defaults = kinds(recipe), {one.name: one.default for one in fields(recipe)}
    defaults["model"] = recipe.default_model()
    ways = {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}

    def call(recipe_=None, *values):
        others, own = values[: len(more)], dict(zip(found, values[len(more) :]))
        return called(make, recipe, recipe_, own, *others)

    types = {"recipe": dict | None, **more, **{name: kind.type for name, kind in found.items()}}
    given = {"recipe": None, **dict.fromkeys(more, ""), **ways}
    made, kind = inspect.Parameter, inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [made(name, kind, default=given[name], annotation=types[name]) for name in types]
    call.__signature__ = inspect.Signature(parameters, return_annotation=dict)
    call.__annotations__ = {**types, "return": dict}
    return call


def offer(
    make: Callable, recipe: type[Fields], name: str, says: str, queue: Mapping, more: Mapping[str, type] = {}
) -> None:
    """A public endpoint of the page, in one of its queues: a recipe or its fields in, JSON out."""
    limits = {key: queue[key] for key in ("concurrency_id", "concurrency_limit")}
    function = typed(make, recipe, more)
    gr.api(function, api_name=name, api_description=says, **limits)
    found = kinds(recipe)
    newest = next(reversed(gr.context.Context.root_block.fns.values()))  # the event that `gr.api` just made
    for parameter, given in zip(function.__signature__.parameters, newest.inputs):
        given.label = parameter
        if parameter in found:
            given._api_info = {**given._api_info, **found[parameter].limits, "description": found[parameter].says}


# --- the folds that every tab has

FOLDED = 5


def method_fold(tab: str, equation: str, functions: Mapping[str, Callable]) -> gr.Accordion:
    """The equation, and the sources of the functions that the tab calls, by element names."""
    with fold(tab, "method") as folded:
        gr.Markdown(
            equation,
            elem_id=f"{tab}-equation",
            latex_delimiters=[dict(left="$$", right="$$", display=True), dict(left="$", right="$", display=False)],
        )
        for name, function in functions.items():
            code_box(inspect.getsource(function), f"{function.__name__}: a function that this tab calls", name)
    return folded


def code_box(text: str, label: str, elem_id: str) -> gr.Code:
    """Python to read and to copy."""
    looks = dict(language="python", interactive=False, buttons=["copy"], show_line_numbers=False)
    return gr.Code(text, label=label, elem_id=elem_id, **looks)


def take_away(tab: str, kinds: Mapping[str, str], code: str, *, after: Callable[[], object] | None = None) -> dict:
    """What stands in the fold "Take it away": a button for each kind of file, the link, the code; `after` adds more.

    Returns the parts by name: take_KIND, code and outlet.
    """
    with gr.Row(elem_classes="buttons"):
        made: dict = buttons(tab, "take", kinds)
    part(tab, "link")
    made["code"] = code_box(code, "The code of this picture", f"{tab}-code")
    if after:
        after()
    _bring(tab)
    made["outlet"] = outlet(tab)
    return made


def _bring(tab: str) -> None:
    """What was taken away comes back: a PNG, a link or a recipe as text opens in the tab that it is of."""
    brought = part(tab, "brought", {}, visible="hidden")
    looks = dict(size="sm", file_types=[".png"], elem_id=f"{tab}-open-picture", elem_classes="quiet")
    opens = gr.UploadButton("Open a picture of this page (PNG)", **looks)
    paste = "Or paste a link of this page, or a recipe (JSON), and press Enter"
    says = gr.Textbox(label=paste, max_length=LONGEST_LINK, elem_id=f"{tab}-open-text")
    opens.upload(guarded(brings(recipe_in_file)), opens, brought, **private(f"{tab}_open_picture", LONG))
    says.submit(guarded(brings(recipe_in_text)), says, brought, **private(f"{tab}_open_text", LONG))


def brings(read: Callable[[str], Fields]) -> Callable[[str], dict]:
    """What the page's script opens: the recipe, and when it was asked for, so that the same one opens again."""
    return lambda given: dict(recipe=read(given).as_dict(), at=time.time())


def recipe_in_file(path: str) -> Fields:
    """The recipe in a PNG that this page wrote. Raises RecipeError."""
    with open(path, "rb") as file:
        return recipe_from_png(file.read(LARGEST_PNG + 1))


def recipe_in_text(text: str) -> Fields:
    """The recipe of a link of this page, or one as JSON. Raises RecipeError."""
    if text.strip().startswith("{"):
        return recipe_of_json(text)
    query = dict(parse_qsl(text.strip().partition("?")[2].partition("#")[0], keep_blank_values=True))
    if not {"v", "tab", "model"} & set(query):  # every link of this page has one of them
        raise RecipeError('this is neither a link of this page nor a recipe: paste what "Copy link" gives')
    found = recipe_of_link(query)
    if other_weights(query, found.model, zoo.weights_hash(found.model)):
        gr.Info(OTHER_WEIGHTS.format(zoo.card(found.model).title))
    return found


def buttons(tab: str, prefix: str, kinds: Mapping[str, str]) -> dict[str, gr.Button]:
    return {f"{prefix}_{kind}": button(name, f"{tab}-{prefix}-{kind}") for kind, name in kinds.items()}
