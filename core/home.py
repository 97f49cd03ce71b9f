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
    space = os.environ.get("SPACE_ID", "")  # set by Spaces
    return f"{SPACES}/{space if re.fullmatch(SPACE, space) else ORIGINAL}"
