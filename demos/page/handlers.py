"""How a tab's handlers meet the page and programs:
a recipe as JSON in, and a RecipeError is a sentence, never a failure.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from urllib.parse import parse_qsl

import gradio as gr

from core import zoo

from .export import LARGEST_PNG, recipe_from_png
from .fields import LONGEST_LINK, Fields, RecipeError, number, other_weights, recipe_of_json, recipe_of_link
from .parts import LONG, button, fold, part, private


def refused(error: RecipeError, **more: object) -> dict:
    """The sentence, as a part of the page shows it."""
    return dict(error=str(error)[:1].upper() + str(error)[1:], **more)


def numbers_in(values: object) -> dict[str, float]:
    """What a cell's own controls say, at most 100 numbers by name. Raises RecipeError."""
    given = values if isinstance(values, Mapping) else {}
    return {str(name): number(value, str(name), -1e6, 1e6) for name, value in list(given.items())[:100]}


# --- for the page


def guarded(handler: Callable, count: int = 1, refuse: Callable | None = None) -> Callable:
    """`handler`, where a RecipeError is no failure: `refuse` of it and of what was given makes what comes instead.

    refuse: None: the page says the sentence, and the event's `count` outputs stay as they are.
    """

    @wraps(handler)
    def run(*values):
        try:
            return handler(*values)
        except RecipeError as error:
            if refuse:
                return refuse(error, *values)
            gr.Warning(refused(error)["error"], title="That did not work", duration=None)
            return gr.skip() if count == 1 else (gr.skip(),) * count

    return run


def keyed(make: Callable[[Mapping], dict], *, aloud: bool = False) -> Callable:
    """`make` for a part that asks with a key, and knows by it whether the answer is still wanted.

    A refusal is part of the answer: the part that asked says it; aloud: the page does, and the part stays as it is.
    """

    def run(given, event: gr.EventData):
        return dict(make(given), key=event.key)

    return guarded(run, refuse=None if aloud else lambda error, given, event: refused(error, key=event.key))


def opening(recipe: type[Fields]) -> Callable[[gr.EventData], dict]:
    """What a link asks of a tab whose recipes are of this class; `event.query` is its part after "?".

    It gets `recipe`, and what is to be known of it as `notice`; or what is wrong with it, as `error`.
    """

    def opened(event: gr.EventData) -> dict:
        query = dict(parse_qsl(str(event.query), keep_blank_values=True))
        found = recipe.from_query(query)
        return dict(recipe=found.as_dict(), notice=about_link(query, found.model))

    return guarded(opened, refuse=lambda error, event: refused(error))


def about_link(query: Mapping[str, str], model: str) -> str:
    """That a link was made with other weights of its network than those here, or nothing."""
    says = (
        f"This link was made with other weights of {zoo.card(model).title} than those here: it opens with the same "
        "settings, as far as these have them, and its picture may be another."
    )
    return says if other_weights(query, model, zoo.weights_hash(model)) else ""


# --- the folds that every tab has


def method_fold(tab: str, equation: str, functions: Sequence[Callable]) -> gr.Accordion:
    """The equation, and the sources of the functions that the tab calls."""
    delimiters = [dict(left="$$", right="$$", display=True), dict(left="$", right="$", display=False)]
    with fold(tab, "method") as folded:
        gr.Markdown(equation, elem_id=f"{tab}-equation", latex_delimiters=delimiters)
        for i, function in enumerate(functions):
            says = f"{function.__name__}: a function that this tab calls"
            code_box(inspect.getsource(function), says, f"{tab}-source-{i}")
    return folded


def code_box(text: str, label: str, elem_id: str) -> gr.Code:
    """Python to read and to copy."""
    looks = dict(language="python", interactive=False, buttons=["copy"], show_line_numbers=False)
    return gr.Code(text, label=label, elem_id=elem_id, **looks)


def take_away(tab: str, kinds: Mapping[str, str], code: str) -> dict:
    """A button for each kind of file, the link, the code. Returns the parts by name: take_KIND and code."""
    with gr.Row(elem_classes="buttons"):
        made: dict = buttons(tab, "take", kinds)
    part(tab, "link")
    return made | dict(code=code_box(code, "The code of this picture", f"{tab}-code"))


def bring_back(tab: str) -> None:
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
    if not {"v", "tab", "model", "seed"} & set(query):  # every link of this page has one of them
        raise RecipeError('this is neither a link of this page nor a recipe: paste what "Copy link" gives')
    found = recipe_of_link(query)
    if said := about_link(query, found.model):
        gr.Info(said, duration=None)
    return found


def buttons(tab: str, prefix: str, kinds: Mapping[str, str]) -> dict[str, gr.Button]:
    return {f"{prefix}_{kind}": button(name, f"{tab}-{prefix}-{kind}") for kind, name in kinds.items()}
