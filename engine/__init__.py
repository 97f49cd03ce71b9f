"""A trained generator in the visitor's own browser: packs of its weights, and the engine that draws from them.

docs/engine.md describes the pack and the API in JavaScript.
"""

import hashlib
from functools import cache
from pathlib import Path

JS = Path(__file__).with_name("js")  # what a page loads: engine.js, beside all that it asks for


def files() -> dict[str, Path]:
    """All of JS by name."""
    return {path.name: path for path in sorted(JS.iterdir()) if path.is_file()}


@cache
def address() -> str:
    """Where the page serves `files`, relative to it: another engine has another address, so that browsers keep it."""
    made_of = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files().values())
    return f"engine/{hashlib.sha256(made_of).hexdigest()[:12]}/"


def file(name: str) -> bytes | None:
    """What lies under a name; None where nothing does."""
    found = files().get(name)
    return found and found.read_bytes()
