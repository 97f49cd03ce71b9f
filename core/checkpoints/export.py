"""A checkpoint of any format as a folder to publish: our safetensors, config.json, a model card, the licence.

The licence is that of whoever trained the weights: converting them changes nothing about it, so it travels with them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..generators.base import CHANNELS, Generator
from . import Described, native, read

NOTICES = ("license", "licence", "notice", "copying")  # how names of files begin that travel with weights
LONGEST_NOTICE = 2**20  # bytes
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")  # what the Hub takes for a name
IDENTIFIERS = (
    "mit",
    "apache-2.0",
    "cc0-1.0",
    "cc-by-4.0",
    "cc-by-sa-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
    "bsd-2-clause",
    "bsd-3-clause",
    "gpl-3.0",
)  # the Hub's own words for licences met with GANs
SEED, PSI = 0, 0.7  # of the picture that must be the same
ROUNDING = 1e-5  # of a picture in [-1, 1]; the tensors are compared to the bit


@dataclass(frozen=True)
class Provenance:
    """Where weights come from, as far as it is known; "" where it is not.

    licence: what may be done with them, in words or as an SPDX name; link: where it stands; said_by: who says so.
    repo, revision: of the Hugging Face Hub.
    """

    licence: str = ""
    link: str = ""
    said_by: str = ""
    repo: str = ""
    revision: str = ""


@dataclass(frozen=True)
class Exported:
    """What was written. sha256: of the weights. notices: names of the licence files that were copied.

    difference: the largest between a picture of the source and of the file that was written, both in [-1, 1].
    open_questions: sentences: what is to be cleared before anybody publishes the folder.
    """

    folder: Path
    weights: str
    sha256: str
    difference: float
    notices: tuple[str, ...]
    open_questions: tuple[str, ...]


def export(
    path: Path, described: Described, folder: Path, *, name: str, provenance: Provenance, beside: tuple[Path, ...] = ()
) -> Exported:
    """Write NAME.safetensors, config.json, README.md and the licence files into a new or empty folder, or nothing.

    path: the source, `described` what it holds. beside: folders whose LICENSE and NOTICE files are copied.
    What was written is read back. Raises ValueError for a name or folder that cannot be, or where what was read back
    draws another picture; OSError where the disk refuses.
    """
    if not NAME.fullmatch(name):
        raise ValueError(
            f"the name {plain(name, 60)!r} is none for a file: use letters, digits, dots, - and _, "
            "beginning with a letter or digit"
        )
    generator, weights = described.generator, f"{name}.safetensors"
    facts = _facts(path, described, provenance)
    notes = {"notes": "\n".join(generator.notes)} if generator.notes else {}
    with _whole_folder(Path(folder).resolve()) as place:
        native.save(generator, place / weights, **facts, **notes)
        difference = _verified(generator, place / weights)
        notices = _copied_notices(beside, place, keep=path)
        exported = Exported(
            Path(folder),
            weights,
            native.weights_hash(place / weights),
            difference,
            notices,
            _open_questions(provenance, notices),
        )
        config = dict(
            format="ganatomy-1",
            architecture=described.architecture,
            config=generator.config(),
            weights=weights,
            sha256=exported.sha256,
            notes=list(generator.notes),
            **facts,
        )
        (place / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        card = model_card(described, exported, name=name, facts=facts, provenance=provenance)
        (place / "README.md").write_text(card, encoding="utf-8")
    return exported


def draw(generator: Generator, seed: int = SEED, *, psi: float = PSI, label: int | None = None) -> Tensor:
    """[1, 3, R, R]: the picture of a seed; label: of class-conditional generators (None: class 0), else left aside.

    Raises ValueError where it holds numbers that are none, as with weights too large to multiply.
    """
    label = (label or 0) if generator.classes else None
    with torch.no_grad():
        codes = generator.codes(generator.sample(1, seed), psi=psi, label=label)
        image = generator.at(psi=psi)(codes)
    if not torch.isfinite(image).all():
        raise ValueError(
            f"the network draws numbers that are infinite or none at all (seed {seed}): "
            "its weights are damaged; open an intact file"
        )
    return image


def parameters(module: torch.nn.Module) -> int:
    """How many numbers were learned."""
    return sum(parameter.numel() for parameter in module.parameters())


def plain(text: object, longest: int = 300) -> str:
    """What a stranger wrote, on one line, without what a terminal or Markdown would obey."""
    line = " ".join("".join(x if x.isprintable() else " " for x in str(text)).split())
    return re.sub(r"[<>`|\[\]\\]", "?", line)[:longest]


def _facts(path: Path, described: Described, provenance: Provenance) -> dict[str, str]:
    """What the file and its config.json say of where they come from; text, as safetensors keeps nothing else."""
    return dict(
        source=plain(path.name),
        source_sha256=native.weights_hash(path),
        source_format=described.format,
        source_repo=plain(provenance.repo),
        source_revision=plain(provenance.revision),
        licence=plain(provenance.licence) or "not stated",
        link=plain(provenance.link),
    )


def _verified(generator: Generator, written: Path) -> float:
    """The largest difference of a picture. Raises ValueError where a tensor or the picture is another one."""
    again = read(written)
    before, after = generator.state_dict(), again.state_dict()
    same = before.keys() == after.keys() and all(torch.equal(before[name].cpu(), after[name]) for name in before)
    difference = float((draw(generator) - draw(again)).abs().max())
    if not same or not difference <= ROUNDING:
        raise ValueError(
            f"what was written draws another picture (it differs by {difference:.2g}): "
            "nothing was kept; check the disk and convert again"
        )
    return difference


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A folder that gets its name when the block has ended without an error; otherwise nothing is left of it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already and not empty: choose a folder that is new or empty")
    above = next(parent for parent in folder.parents if parent.is_dir())
    place = Path(tempfile.mkdtemp(dir=above, prefix=".converting-"))
    try:
        yield place
        os.chmod(place, 0o755)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            folder.rmdir()  # Windows moves onto nothing that is there
        os.replace(place, folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _copied_notices(folders: tuple[Path, ...], place: Path, *, keep: Path) -> tuple[str, ...]:
    """Names of the LICENSE and NOTICE files that were copied; of two with one name, that of the first folder."""
    copied: list[str] = []
    for folder in folders:
        for file in sorted(folder.iterdir()):
            named = file.name.lower().startswith(NOTICES) and file.name not in copied and file != keep
            if named and file.is_file() and file.stat().st_size <= LONGEST_NOTICE and b"\0" not in file.read_bytes():
                shutil.copyfile(file, place / file.name)
                copied.append(file.name)
    return tuple(copied)


def _open_questions(provenance: Provenance, notices: tuple[str, ...]) -> tuple[str, ...]:
    if not provenance.licence:
        return (
            "The licence of these weights is not stated: find out what it is from whoever trained them, and do not "
            "publish them before.",
        )
    if not any(name.lower().startswith(NOTICES[:2]) or name.lower().startswith("copying") for name in notices):
        where = f" ({plain(provenance.link)})" if provenance.link else ""
        return (
            f"The text of the licence did not lie beside the source: put it{where} into this folder as LICENSE "
            "before publishing it.",
        )
    return ()


# The model card


def model_card(
    described: Described, exported: Exported, *, name: str, facts: dict[str, str], provenance: Provenance
) -> str:
    """README.md as the Hugging Face Hub reads it: YAML between two lines of dashes, then Markdown."""
    generator = described.generator
    notes = "\n".join(f"- {plain(note)}" for note in generator.notes) or "Nothing: the file says all that is needed."
    to_clear = "".join(f"\n**To be cleared before publishing.** {sentence}\n" for sentence in exported.open_questions)
    return f"""---
{_front_matter(described, exported.notices, provenance)}
---

# {name}

A {described.architecture} of {generator.resolution} pixels, converted to plain safetensors by GANatomy.
{to_clear}
## What it is

{_result(described, exported)}

## Where it comes from

{_source(described, facts)}

Read back and drawn again (seed {SEED}, truncation {PSI}), the picture differs from the source's
by at most {exported.difference:.2g}{_exactly(exported)}.

## Licence

{_licence(exported.notices, provenance)}
The licence is that of whoever trained the weights; converting them does not change it.

## What had to be assumed

{notes}

## How to open it

With GANatomy's code:

```python
{_usage(generator, exported.weights)}
```

`python ganatomy.py check {exported.weights}` makes a page about it.
"""


def _result(described: Described, exported: Exported) -> str:
    generator = described.generator
    return _table(
        [
            ("file", f"`{exported.weights}`"),
            ("its sha256", f"`{exported.sha256}`"),
            ("architecture", described.architecture),
            ("resolution", f"{generator.resolution} pixels"),
            ("picture", CHANNELS[generator.image_channels]),
            ("code", f"{generator.slots} slots of {generator.dim} numbers"),
            ("classes", generator.classes or ""),
            ("parameters", f"{parameters(generator):,}"),
        ]
    )


def _source(described: Described, facts: dict[str, str]) -> str:
    return _table(
        [
            ("file", f"`{facts['source']}`"),
            ("its sha256", f"`{facts['source_sha256']}`"),
            ("its format", f"{facts['source_format']}: {described.writer}"),
            ("repository", facts["source_repo"]),
            ("revision", facts["source_revision"]),
        ]
    )


def _exactly(exported: Exported) -> str:
    return " (it is equal to the bit)" if exported.difference == 0 else " (rounding: the tensors are equal to the bit)"


def _front_matter(described: Described, notices: tuple[str, ...], provenance: Provenance) -> str:
    lines = licence_lines(provenance, notices)
    tags = ["gan", described.architecture.lower(), "interpretability", "ganatomy"]
    lines |= dict(library_name="pytorch", tags=tags)
    if not described.generator.classes:
        lines["pipeline_tag"] = "unconditional-image-generation"
    if provenance.repo:
        lines["base_model"] = plain(provenance.repo)
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in lines.items())  # JSON is YAML


def licence_lines(provenance: Provenance, notices: tuple[str, ...]) -> dict[str, str]:
    """The Hub's fields: license, and where it has no word for it license_name and license_link."""
    if not provenance.licence:
        return dict(license="unknown")
    bare = re.sub(r"\(.*?\)", "", provenance.licence).lower()
    word = re.sub(r"[^a-z0-9.]+", "-", bare).strip("-.")[:60]
    if word in IDENTIFIERS:
        return dict(license=word)
    where = next((name for name in notices if not name.lower().startswith("notice")), plain(provenance.link))
    return dict(license="other", license_name=word or "see-the-text") | (dict(license_link=where) if where else {})


def _licence(notices: tuple[str, ...], provenance: Provenance) -> str:
    if not provenance.licence:
        where = f" What is known stands at {plain(provenance.link)}." if provenance.link else ""
        return f"**Not stated.**{where}"
    said = f", says {plain(provenance.said_by)}" if provenance.said_by else ""
    where = f" It stands at {plain(provenance.link)}." if provenance.link else ""
    files = f" Copied from beside the source: {', '.join(f'`{plain(name)}`' for name in notices)}." if notices else ""
    return f"**{plain(provenance.licence)}**{said}.{where}{files}"


def _table(rows: list[tuple[str, object]]) -> str:
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows if value)])


def _usage(generator: Generator, weights: str) -> str:
    label = ", label=0" if generator.classes else ""
    return f"""from core import checkpoints
from core.images import to_pil

generator = checkpoints.read("{weights}")
codes = generator.codes(generator.sample(1, seed={SEED}), psi={PSI}{label})
to_pil(generator.at(psi={PSI})(codes))[0].save("seed{SEED}.png")"""
