"""What a lecturer needs on every tab: large print for a projector, the page on other devices, questions, and paper."""

from __future__ import annotations

import json
from pathlib import Path

from .address import Reach

AIDS = (
    '<div class="aids"><a href="lessons">Questions for a lesson</a>'
    '<details id="elsewhere"><summary>Open on another device</summary><div class="elsewhere" role="status"></div>'
    '</details><label class="switch"><input type="checkbox" role="switch" id="large-print"><span>Large print</span>'
    "</label></div>"
)
ON_PAPER = '<p class="on-paper" id="printed-address"></p>'  # the address of what is printed


def head(others: Reach) -> str:
    """For the page's head: the size of the print is set before anything is drawn, and the style is nobody else's."""
    style, code = (Path(__file__).with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".css", ".js"))
    known = json.dumps(dict(reach=others.first, note=others.note)).replace("<", "\\u003c")
    return f"<style>{style}</style><script>window.ganReach = {known};{code}</script>"
