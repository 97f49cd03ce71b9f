"""What a file does not say and its owner may know, as options of a command line: keys of `describe`'s `settings`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping

from ..generators.dcgan import ENDS
from .dcgan import SETTINGS
from .vocabulary import Refused

NAMES = ("size", "end", "slope", "classes")


def offer(parser: argparse.ArgumentParser) -> None:
    """Adds them to a command."""
    group = parser.add_argument_group(
        "what the file of a DCGAN does not say", "A config.json beside the file may say the same, and more."
    )
    group.add_argument("--size", type=int, metavar="N", help="pixels a side of its pictures, such as 28")
    group.add_argument("--end", choices=ENDS, help="what follows its last layer (tanh)")
    group.add_argument("--slope", type=float, metavar="X", help="of its leaky ReLUs; 0: ReLU (0)")
    group.add_argument("--classes", type=int, metavar="N", help="how many classes its first layer reads; 0: none")


def chosen(given: argparse.Namespace) -> dict:
    """Those that were given."""
    return {name: value for name in NAMES if (value := getattr(given, name, None)) is not None}


def fitting(settings: Mapping, format: str, writer: str) -> None:
    """Raises ValueError where a network of that format has no such settings: they would have been left aside."""
    if settings and format != "dcgan":
        raise Refused(f"it holds a network of {writer}, which says itself what {said(settings)} would: leave that out")
    if unknown := [name for name in settings if name not in SETTINGS]:
        raise Refused(f"nothing of a DCGAN is called {said(unknown)}: choose among {', '.join(SETTINGS)}")


def said(names: Iterable[str]) -> str:
    return " and ".join(map(str, names))
