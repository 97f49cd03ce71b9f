"""Tables for papers: what comes back from CSV, and LaTeX that stands as it is."""

from __future__ import annotations

import csv
import io

from core.truth.tables import as_csv, as_latex

ROWS = [("method, best", "share (%)", "moves"), ("A_1 & B", "50.0", "hair −0.25"), ('say "so"', "1", "#2")]


def test_a_csv_reads_back_as_the_rows_with_hyphens_that_programs_read() -> None:
    read = list(csv.reader(io.StringIO(as_csv(ROWS))))
    assert read == [[cell.replace("−", "-") for cell in row] for row in ROWS]
    assert "\r" not in as_csv(ROWS) and "−" not in as_csv(ROWS)


def test_latex_has_a_line_a_row_and_escapes_what_it_would_take_for_a_command() -> None:
    first, *lines = as_latex(ROWS, "100 % of #1").splitlines()
    assert first == r"% needs \usepackage{booktabs}"
    assert lines[:4] == [r"\begin{table}", r"\caption{100 \% of \#1}", r"\begin{tabular}{lrl}", r"\toprule"]
    assert lines[4] == r"method, best & share (\%) & moves \\" and lines[5] == r"\midrule"
    assert lines[6] == r"A\_1 \& B & 50.0 & hair $-$0.25 \\" and lines[7] == r'say "so" & 1 & \#2 \\'
    assert lines[8:] == [r"\bottomrule", r"\end{tabular}", r"\end{table}"]


def test_a_column_of_long_words_gets_lines_of_a_width() -> None:
    rows = [("method", "moves"), ("SeFa", "hair; " * 20)]
    assert r"\begin{tabular}{lp{0.4\linewidth}}" in as_latex(rows, "")
    assert r"\begin{tabular}{ll}" in as_latex([("method", "moves"), ("SeFa", "hair")], "")
