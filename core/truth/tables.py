"""Tables of measurements for papers: CSV for programs, LaTeX with booktabs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

ESCAPES = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "−": "$-$"}  # of what stands in a cell, in LaTeX
WIDE, WIDTH = 80, r"0.4\linewidth"  # letters from which on a column has lines of that width


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text, the first the names of the columns, with a hyphen for every minus sign: programs read it."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().replace("−", "-")


def as_latex(rows: Sequence[Sequence[str]], caption: str) -> str:
    """A table that compiles as it is, with booktabs; the first row are the names of the columns.

    Columns that begin with a digit or a sign in every row are aligned to the right.
    """
    columns = "".join("r" if all(re.match("[-+−]?[0-9]", one) for one in column) else "l" for column in zip(*rows[1:]))
    head, *body = (" & ".join(map(_cell, row)) + r" \\" for row in rows)
    long = [max(map(len, column)) > WIDE for column in zip(*rows[1:])]
    columns = "".join(rf"p{{{WIDTH}}}" if wide else one for wide, one in zip(long, columns))
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        rf"\caption{{{_cell(caption)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
    ]
    lines += [head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return "".join(ESCAPES.get(letter, letter) for letter in text)
