"""A visitor's own file of directions: a button of any tab that turns knobs, and what becomes of the file there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import gradio as gr

from core.factorization.files import SUFFIXES

from .fields import Fields
from .handlers import guarded
from .parts import FOLDS, LONG, private, text
from .sources import reading_said, take_directions
from .tab import Extra

OPEN = f"Open a file of directions ({', '.join(SUFFIXES)})"


def directions_extra(
    tab: str, after: str, hint: str = "", take: Callable[[str, Mapping], Fields] = take_directions
) -> Extra:
    """The button after a cell or in a fold. take: (path, the tab's recipe as JSON) -> the recipe with its knobs."""

    def layout(parts: dict, model: str) -> None:
        about = dict(size="sm", elem_id=f"{tab}-directions", elem_classes="quiet")
        parts["file"] = gr.UploadButton(OPEN, file_types=list(SUFFIXES), **about)
        if hint:
            text(hint)

    def wire(parts: dict) -> None:
        bus, file = parts["recipe"], parts["file"]

        def taken(path: str, given: Mapping) -> dict:
            chosen = take(path, given)
            if said := reading_said(chosen, f"under “{FOLDS['compare' if after == 'compare' else 'more']}”"):
                gr.Info(said, duration=10)
            return chosen.as_dict()

        file.upload(guarded(taken), [file, bus], bus, **private(f"{tab}_open_directions", LONG))

    return Extra(after, layout, wire)
