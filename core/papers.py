"""The papers of the methods, as BibTeX (papers.bib), and a figure with its caption for LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from .truth import tables

CITED = {  # by a recipe's method, or by the tab where its methods are of one paper
    "sefa": "shen2021sefa",
    "ganspace": "harkonen2020ganspace",
    "lowrank": "zhu2021lowrankgan",
    "official": "zhu2021lowrankgan",
    "resefa": "zhu2022resefa",
    "attributes": "shen2020interfacegan",
    "inside": "he2022awareness",
}

ESCAPES = tables.ESCAPES | {"\\": r"\textbackslash{}", "$": r"\$", "{": r"\{", "}": r"\}", "×": r"$\times$"}
ESCAPES |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


@lru_cache(maxsize=1)
def bibliography() -> dict[str, str]:
    """Every entry of papers.bib by its key."""
    text = Path(__file__).with_suffix(".bib").read_text(encoding="utf-8")
    entries = [entry.strip() for entry in re.split(r"\n(?=@)", text)]
    return {re.match(r"@\w+\{(\w+),", entry)[1]: entry for entry in entries}


def cited(methods: Iterable[str]) -> dict[str, str]:
    """The entries, by key, of the papers that these methods are of, each once; what is of no paper is left out."""
    return {CITED[name]: bibliography()[CITED[name]] for name in methods if name in CITED}


def for_latex(file: str, caption: str, methods: Iterable[str]) -> str:
    """A LaTeX figure of a PDF file, its caption with citations, then the BibTeX that it cites."""
    entries = cited(methods)
    said = "".join(ESCAPES.get(letter, letter) for letter in caption)
    said += rf" \cite{{{','.join(entries)}}}" if entries else ""
    figure = [r"\begin{figure}", r"\centering", rf"\includegraphics[width=\linewidth]{{{file}}}"]
    figure += [rf"\caption{{{said}}}", r"\end{figure}"]
    return "\n\n".join(["\n".join(figure), *entries.values()]) + "\n"
