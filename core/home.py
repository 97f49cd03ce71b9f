"""Where this project is found: the address of the Space that shows the page, or of the original."""

from __future__ import annotations

import os
import re

SPACES, ORIGINAL = "https://huggingface.co/spaces", "ganatomy/ganatomy"
SPACE = r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*"  # its name: owner/name


def repository() -> str:
    """The address of the Space that this page is, a copy's own; of the original where it is none.

    It opens the page, and `git clone` takes it.
    """
    return f"{SPACES}/{_space() or ORIGINAL}"


def source() -> str:
    """The address where the code of this page is read; "" where the page is no Space."""
    return f"{SPACES}/{_space()}/tree/main" if _space() else ""


def _space() -> str:
    space = os.environ.get("SPACE_ID", "")  # set by Spaces
    return space if re.fullmatch(SPACE, space) else ""
