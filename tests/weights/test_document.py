"""docs/measured.md says what the evidence and the benchmarks say now, and README.md says no other number."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core import zoo
from tests.benchmarks import __main__ as kept
from weights.recipes.measure import document
from weights.recipes.measure.document import BENCHMARKS, DOCUMENT, EVIDENCE, ROOT, EvidenceError

MEASURED = DOCUMENT.read_text(encoding="utf-8")
# Numbers of README.md that nobody measured.
NAMES = r"(CVPR|IJCV|ECCV|ICCV|NeurIPS|ICLR|et al\.,) \d{4}|Python 3\.\d+ to 3\.\d+"
NUMBER = r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?: ?(?:%|(?:ms|s|dB|GB|MB|px|times)\b))?"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the evidence, to be changed."""
    shutil.copytree(EVIDENCE, tmp_path / "evidence", ignore=shutil.ignore_patterns("*.webp", "*.safetensors"))
    return tmp_path / "evidence"


def changed(path: Path, change: Callable[[dict], object]) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    change(found)
    path.write_text(json.dumps(found), encoding="utf-8")


# --- the document


def test_the_document_is_what_the_command_writes_now():
    assert document.document() == MEASURED, f"run `{document.COMMAND}`"


PLANTED = {
    "portraits-stylegan2": (lambda found: found["quality"]["frechet"].update(model=77.7), "77.7"),
    "portraits-stylegan2-paint": (lambda found: found["claim"].update(share=0.777), "77.7 %"),
    "portraits-pggan-restore": (
        lambda found: found["tasks"]["copy"]["methods"]["mGANprior"].update(psnr=[77.7] * 32),
        "77.7 dB",
    ),
    "portraits-stylegan2-attributes": (lambda found: found["sentences"].append("It is 77.7."), "- It is 77.7."),
    "objects-biggan-channels": (lambda found: found["tables"][0]["rows"][0].__setitem__(1, "77.7"), "| 77.7 |"),
}


@pytest.mark.parametrize("stem", PLANTED)
def test_a_changed_number_of_evidence_is_noticed(folder: Path, stem: str):
    change, expected = PLANTED[stem]
    assert document.document(folder) == MEASURED and expected not in MEASURED
    changed(folder / f"{stem}.json", change)
    text = document.document(folder)
    assert text != MEASURED and expected in text


def test_check_fails_where_the_document_says_something_else(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["document", "--check"])
    document.main()
    old = tmp_path / "measured.md"
    old.write_text(MEASURED.replace("27", "28", 1), encoding="utf-8")
    monkeypatch.setattr(document, "DOCUMENT", old)
    with pytest.raises(SystemExit, match="run `python -m weights.recipes.measure.document`"):
        document.main()


def test_every_evidence_file_and_every_benchmark_stands_in_the_document():
    for path in EVIDENCE.glob("*.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        assert f"`{document.present(found['command'])}`, {found['date']}." in MEASURED
    for path in BENCHMARKS.glob("*.txt"):
        assert path.read_text(encoding="utf-8").partition("\n\n")[2].strip() in MEASURED


def test_medians_are_those_of_numpy():
    found = json.loads((EVIDENCE / "portraits-stylegan2-restore.json").read_text(encoding="utf-8"))
    values = {name: np.median(each["psnr"]) for name, each in found["tasks"]["copy"]["methods"].items()}
    assert f"{values['mGANprior']:.1f} dB; one code in the same time {values['one']:.1f}" in MEASURED
    chroma = found["tasks"]["colour"]["methods"]["grey"]["chroma_knowable"]
    assert f"left grey {127.5 * np.median(chroma):.1f} |" in MEASURED
    knobs = json.loads((EVIDENCE / "portraits-pggan.json").read_text(encoding="utf-8"))["sets"]["sefa-paper/all"][
        "knobs"
    ]
    strongest = np.median(np.abs([knob["mean"] for knob in knobs]).max(1))
    assert f"| {strongest:.2f} and 0.14 standard deviations |" in MEASURED


# --- marks and refusals


@pytest.mark.parametrize("key, file", [("weights_sha256", "portraits-pggan"), ("reader_sha256", "portraits-reader")])
def test_evidence_of_another_file_is_marked(folder: Path, key: str, file: str):
    assert "**Stale**" not in document.document(folder)
    changed(folder / "portraits-pggan.json", lambda found: found.update({key: "0" * 64}))
    text = document.document(folder)
    assert text.count("**Stale**") == 1
    assert f"**Stale**: measured with another `{file}.safetensors` (sha256 00000000…) than the one in weights/" in text


def test_evidence_of_a_file_that_is_gone_is_marked(folder: Path, tmp_path: Path):
    for path in zoo.WEIGHTS.glob("*.safetensors"):
        if path.name != "portraits-parts.safetensors":
            (tmp_path / path.name).symlink_to(path)
    text = document.document(folder, weights=tmp_path)
    says = "**Stale**: measured with `portraits-parts.safetensors`, which is not in weights/ now."
    assert text.count(says) == 2, "knobs of a region, and blending"


@pytest.mark.parametrize("broken", ["{", '{"command": "c", "date": "d"}', "[]"])
def test_evidence_that_cannot_be_quoted_is_named(folder: Path, broken: str):
    (folder / "portraits-pggan.json").write_text(broken, encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"portraits-pggan\.json .*: measure it again\."):
        document.document(folder)


def test_a_benchmark_without_its_head_is_named(tmp_path: Path):
    (tmp_path / "page.txt").write_text("command: python -m tests.benchmarks page\n\n4.3 s\n", encoding="utf-8")
    with pytest.raises(EvidenceError, match="does not say its commit, cores, date: run `python -m"):
        document.document(benchmarks=tmp_path)


@pytest.mark.parametrize(
    "stem, expected",
    [
        ("portraits-stylegan2", ("portraits-stylegan2", "")),
        ("portraits-stylegan2-paint", ("portraits-stylegan2", "paint")),
        ("rooms-stylegan9-restore", ("rooms-stylegan9", "restore")),
        ("rooms-stylegan9", ("rooms-stylegan9", "")),
    ],
)
def test_a_name_is_split_into_card_and_kind(stem: str, expected: tuple[str, str]):
    assert document.split(stem) == expected


def test_what_is_no_markdown_stays_text():
    assert document.table(("a|b", "c"), [("<b>", "d\ne")]) == "| a\\|b | c |\n| --- | --- |\n| &lt;b> | d e |"


# --- README.md


def numbers(text: str) -> list[str]:
    """Numbers, with their unit, in a Markdown text: not those of its head, code, addresses and names."""
    text = re.sub(r"\A---\n.*?\n---\n|```.*?```|`[^`\n]*`|\]\([^)]*\)", "", text, flags=re.DOTALL)
    return re.findall(NUMBER, re.sub(NAMES, "", text))


def unknown(text: str, measured: str) -> list[str]:
    """Numbers of a text that do not stand in what was measured."""
    return [one for one in numbers(text) if not re.search(rf"(?<![\d.,]){re.escape(one)}(?!\d|[.,]\d)", measured)]


def test_every_number_of_the_readme_was_measured():
    assert unknown((ROOT / "README.md").read_text(encoding="utf-8"), MEASURED) == []


def test_a_number_that_nobody_measured_is_noticed():
    text = (
        "---\nsdk: 9\n---\nIn 4.3 s, 27 of 27, for 12,345 faces (CVPR 2021), 88.8 % [1](https://x/1907), `k=10`. 5 ms"
    )
    assert numbers(text) == ["4.3 s", "27", "27", "12,345", "88.8 %", "1", "5 ms"]
    assert unknown(text, "4.3 s and 27 of 1; 112,345; 188.8 %; 5 ms") == ["12,345", "88.8 %"]


def test_the_readme_is_short_enough_to_be_read():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


# --- what a benchmark prints is kept


def test_a_benchmark_is_kept_with_its_head_and_quoted(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(kept, "printed", lambda name, options: (0, "eigen step   0.042 s\n"))
    assert kept.kept("sefa", ["--trials", "4"], tmp_path) == 0
    head = dict(line.split(": ", 1) for line in (tmp_path / "sefa.txt").read_text().split("\n\n")[0].splitlines())
    assert head["command"] == "python -m tests.benchmarks sefa --trials 4" and int(head["cores"]) > 0
    assert [path.name for path in tmp_path.iterdir()] == ["sefa.txt"]
    text = document.document(benchmarks=tmp_path)
    assert f"commit {head['commit']}." in text and "```text\neigen step   0.042 s\n```" in text


def test_a_benchmark_that_fails_leaves_what_was_kept(tmp_path: Path, monkeypatch):
    (tmp_path / "sefa.txt").write_text("before")
    monkeypatch.setattr(kept, "printed", lambda name, options: (3, "half a table\n"))
    assert kept.kept("sefa", [], tmp_path) == 3 and (tmp_path / "sefa.txt").read_text() == "before"


def test_a_benchmark_is_run_with_its_options(capfd):
    status, text = kept.printed("sefa", ["--help"])
    assert status == 0 and "--trials" in text and capfd.readouterr().out == text
    status, text = kept.printed("sefa", ["--trials", "0"])
    assert status == 2 and text == ""
