"""The papers of what the page shows, as BibTeX, and a figure with its caption for LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from .factorization.methods import METHODS
from .truth import tables

OTHERS = {  # entries of papers.bib: by a recipe's method, or by the tab where its methods are of one paper
    "lowrank": "zhu2021lowrankgan",
    "official": "zhu2021lowrankgan",
    "resefa": "zhu2022resefa",
    "attributes": "shen2020interfacegan",
    "layers": "yang2020higan",
    "inside": "he2022awareness",
}
ESCAPES = tables.ESCAPES | {"\\": r"\textbackslash{}", "$": r"\$", "{": r"\{", "}": r"\}", "×": r"$\times$"}
ESCAPES |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


@lru_cache(maxsize=1)
def bibliography() -> dict[str, str]:
    """BibTeX by what it is of: the methods of `core.factorization.methods`, without their modes, and OTHERS."""
    entries = re.split(r"\n(?=@)", Path(__file__).with_suffix(".bib").read_text(encoding="utf-8"))
    known = {key_of(entry): entry.strip() for entry in entries}
    found = {name.partition("/")[0]: method.cite for name, method in METHODS.items() if method.cite}
    return found | {name: known[key] for name, key in OTHERS.items()}


def key_of(entry: str) -> str:
    """The key by which a BibTeX entry is cited."""
    return re.match(r"\s*@\w+\{([^,\s]+),", entry)[1]


def cited(methods: Iterable[str]) -> dict[str, str]:
    """The entries, by key, of the papers that these methods are of, each once; what is of no paper is left out."""
    entries = [bibliography()[name] for name in methods if name in bibliography()]
    return {key_of(entry): entry for entry in entries}


def for_latex(file: str, caption: str, methods: Iterable[str]) -> str:
    """A LaTeX figure of a PDF file, its caption with citations, then the BibTeX that it cites."""
    entries = cited(methods)
    said = "".join(ESCAPES.get(letter, letter) for letter in caption)
    said += rf" \cite{{{','.join(entries)}}}" if entries else ""
    figure = [r"\begin{figure}", r"\centering", rf"\includegraphics[width=\linewidth]{{{file}}}"]
    figure += [rf"\caption{{{said}}}", r"\end{figure}"]
    return "\n\n".join(["\n".join(figure), *entries.values()]) + "\n"
