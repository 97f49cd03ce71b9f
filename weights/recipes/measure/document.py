"""Write docs/measured.md: what was measured, from weights/evidence/*.json, the readers and docs/benchmarks/*.txt.

    python -m weights.recipes.measure.document          # takes a few seconds, measures nothing
    python -m weights.recipes.measure.document --check  # fails where docs/measured.md says something else

Evidence comes from the commands in weights/recipes/measure/, benchmarks from `python -m tests.benchmarks NAME`.
Evidence that was measured with another file than the one in weights/ is marked.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from core import zoo
from core.checkpoints import native

from .summary import SUMMARIES, reader

ROOT = zoo.WEIGHTS.parent
EVIDENCE, BENCHMARKS, DOCUMENT = zoo.WEIGHTS / "evidence", ROOT / "docs/benchmarks", ROOT / "docs/measured.md"
COMMAND = "python -m weights.recipes.measure.document"
KINDS = {
    "": "Pictures and knobs",
    "attributes": "Attributes",
    "layers": "Which layer does what",
    "encoder": "Pictures that the network never saw",
    "adaptation": "Restyle: what one picture teaches",
    "paint": "Knobs of a region",
    "blending": "Blending inside the network",
    "statistics": "Knobs, by picture statistics",
    "restore": "Restoring",
    "channels": "Channels",
}
# By the name that an evidence file gives a sha256: which file of weights/ it is of.
FILES = {
    "weights_sha256": "{card}.safetensors",
    "weights": "{card}.safetensors",
    "reader_sha256": "{world}-reader.safetensors",
    "reader": "{world}-reader.safetensors",
    "reader_b": "{world}-reader-b.safetensors",
    "reader_c": "{world}-reader-c.safetensors",
    "encoder": "{card}-encoder.safetensors",
    "critic": "{card}-critic.safetensors",
    "parts_sha256": "{world}-parts.safetensors",
}
HEAD = f"""# What was measured

Written by `{COMMAND}` from the evidence in `weights/evidence/` and the benchmarks' output in `docs/benchmarks/`:
measure again and run it, do not edit it. How the bundled files were made, and what people saw on them, is in
[weights/README.md](../weights/README.md). Numbers in brackets are intervals of 95 %.
"""


class EvidenceError(Exception):
    """An evidence file or a benchmark's output that cannot be quoted; the sentence says which, and what to do."""


# --- Markdown


def cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def words(value: object) -> str:
    """A number, list or mapping of an evidence file as text: {"faces": 64, "first_seed": 1000} is "faces 64, first seed
    1,000".
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {words(one)}" for name, one in value.items())
    if isinstance(value, list):
        return f"({', '.join(map(words, value))})"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- evidence


def split(stem: str) -> tuple[str, str]:
    """(card, kind) of an evidence file's name: "portraits-stylegan2-paint" is of portraits-stylegan2, kind "paint".

    A card that is not bundled is taken to end before the last word, if that is a kind.
    """
    known = [name for name in zoo.CARDS if stem == name or stem.startswith(name + "-")]
    if known:
        card = max(known, key=len)
        return card, stem[len(card) + 1 :]
    before, _, last = stem.rpartition("-")
    return (before, last) if last in KINDS else (stem, "")


def present(command: str) -> str:
    """The command by its present name: evidence of the first version was measured by weights.recipes.evidence."""
    return re.sub(r"\bweights\.recipes\.(?=(evidence|paint|restore|channels)\b)", "weights.recipes.measure.", command)


def stale(evidence: Mapping, card: str, folder: Path) -> Iterator[str]:
    """A sentence for each file of weights/ that is another than the one measured."""
    if card in zoo.REMOTE_CARDS:  # not of weights/
        if evidence["weights_sha256"] != zoo.REMOTE_CARDS[card].source.sha256:
            yield f"measured with another file (sha256 {evidence['weights_sha256'][:8]}…) than the one on its card"
        return
    world = zoo.CARDS[card].world if card in zoo.CARDS else ""
    for key, form in FILES.items():
        path = folder / form.format(card=card, world=world)
        if key in evidence and not path.exists():
            yield f"measured with `{path.name}`, which is not in weights/ now"
        elif key in evidence and evidence[key] != native.weights_hash(path):
            yield f"measured with another `{path.name}` (sha256 {evidence[key][:8]}…) than the one in weights/"


def evidence_section(evidence: Mapping, card: str, kind: str, weights: Path) -> Iterator[str]:
    """Markdown blocks: where the numbers come from, those that matter most, then the file's sentences and tables."""
    command = present(evidence["command"])
    yield f"### {KINDS.get(kind, kind.capitalize())}"
    yield f"`{command}`, {evidence['date']}. Samples: {words(evidence.get('samples', {}))}."
    old = list(stale(evidence, card, weights))
    if old:
        yield f"**Stale**: {'; '.join(old)}. Run the command again."
    if kind in SUMMARIES:
        yield table(("what", "measured"), SUMMARIES[kind](evidence))
    if evidence.get("sentences"):
        yield "\n".join(f"- {cell(one)}" for one in evidence["sentences"])
    for one in evidence.get("tables", ()):
        yield from table_blocks(one)


def table_blocks(one: Mapping) -> Iterator[str]:
    title, caption = one.get("title", ""), one.get("caption", "")
    if title or caption:
        yield f"**{cell(title or caption)}**" + (f" {cell(caption)}" if title and caption else "")
    yield table(one.get("columns") or one["head"], one["rows"])
    if one.get("note"):
        yield cell(one["note"])


def read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise EvidenceError(f"{path.name} is no JSON ({error}): measure it again.") from error


def evidence_blocks(folder: Path, weights: Path) -> Iterator[str]:
    """Card by card in the order of `zoo.CARDS`, kind by kind in that of `KINDS`."""
    cards, kinds = list(zoo.CARDS), list(KINDS)

    def order(stem: str) -> tuple:
        card, kind = split(stem)
        return (
            cards.index(card) if card in cards else len(cards),
            card,
            kinds.index(kind) if kind in kinds else len(kinds),
            kind,
        )

    before = None
    for stem in sorted((path.stem for path in folder.glob("*.json")), key=order):
        card, kind = split(stem)
        if card != before:
            yield f"## {card}"
        before = card
        try:
            yield from evidence_section(read(folder / f"{stem}.json"), card, kind, weights)
        except (KeyError, TypeError, IndexError) as error:
            raise EvidenceError(f"{stem}.json lacks what is quoted from it ({error}): measure it again.") from error


# --- readers

READERS = """## Readers

Networks that look at pictures of a rendered world; they learned from renders alone. Scores on held-out renders, kept in
the readers' own files, over those renders in which the factor, part or class shows. The commands are in
[weights/README.md](../weights/README.md)."""


def readers(weights: Path) -> str:
    files = [path for kind in ("reader", "parts", "classes") for path in sorted(weights.glob(f"*-{kind}.safetensors"))]
    return table(("reader", "held-out renders"), map(reader, files))


# --- benchmarks


def benchmark_blocks(folder: Path) -> Iterator[str]:
    """What each benchmark printed; the head of its file says by which command, when and where."""
    for path in sorted(folder.glob("*.txt")):
        head, _, printed = path.read_text(encoding="utf-8").partition("\n\n")
        facts = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
        missing = {"command", "date", "cores", "commit"} - facts.keys()
        if missing:
            raise EvidenceError(
                f"docs/benchmarks/{path.name} does not say its {', '.join(sorted(missing))}: "
                f"run `python -m tests.benchmarks {path.stem}`."
            )
        load = f", load {facts['load']} before" if "load" in facts else ""
        yield f"### {path.stem}"
        yield f"`{facts['command']}`, {facts['date']}, {facts['cores']} cores{load}, commit {facts['commit']}."
        if "note" in facts:
            yield facts["note"]
        yield f"```text\n{printed.strip()}\n```"


# --- the document


def document(evidence: Path = EVIDENCE, benchmarks: Path = BENCHMARKS, weights: Path = zoo.WEIGHTS) -> str:
    """The text of docs/measured.md; raises EvidenceError where a file cannot be quoted."""
    speed = "How long things take on one machine: `python -m tests.benchmarks NAME` measures, and keeps what it prints."
    measured = [*evidence_blocks(evidence, weights), READERS, readers(weights)]
    blocks = [HEAD.strip(), *measured, "## Speed", speed, *benchmark_blocks(benchmarks)]
    return "\n\n".join(blocks) + "\n"


def write(text: str, path: Path) -> None:
    """Whole or not at all: written beside it, then moved."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the document is not up to date")
    check = parser.parse_args().check
    try:
        text = document()
    except EvidenceError as error:
        sys.exit(str(error))
    if not check:
        write(text, DOCUMENT)
        print(f"written: docs/{DOCUMENT.name}, {len(text.splitlines())} lines")
    elif not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != text:
        sys.exit(f"docs/{DOCUMENT.name} is not what the evidence says now: run `{COMMAND}`.")


if __name__ == "__main__":
    main()
