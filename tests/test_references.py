"""The networks in foreign formats that tests compare with: few are shipped, and none of the folder is left out."""

from __future__ import annotations

import numpy as np
import pytest

from core import checkpoints

from .references import REFERENCES, SHIPPED, VARIABLE, WRITTEN_HERE, marked, path, shared_folder, stem

MOST = 6_000_000  # bytes of all shipped networks and pictures
BESIDE = (".npz", ".json", ".md")


def test_the_shipped_networks_are_small_and_each_is_compared_and_described() -> None:
    files = [file for file in SHIPPED.iterdir() if file.name != "README.md"]
    assert sum(file.stat().st_size for file in files) < MOST
    networks = {file.name for file in files if file.suffix not in BESIDE}
    assert networks <= set(REFERENCES) and {stem(name) for name in networks} == {
        file.name.removesuffix("_io.npz") for file in files if file.suffix == ".npz"
    }
    words = (SHIPPED / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in words for name in networks)


@pytest.mark.parametrize("format", sorted({reference.format for reference in REFERENCES.values()} - WRITTEN_HERE))
def test_every_format_has_a_shipped_network(format: str) -> None:
    assert any(REFERENCES[name].format == format for name in REFERENCES if (SHIPPED / name).exists())


def test_a_network_that_is_not_shipped_is_marked_and_without_the_folder_a_sentence_says_where_it_belongs(
    monkeypatch, tmp_path
) -> None:
    plain, other = marked(["rosinality_stylegan2_32.pt", "elsewhere.pt"])
    assert plain == "rosinality_stylegan2_32.pt" and [mark.name for mark in other.marks] == ["shared"]
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(pytest.fail.Exception, match="nowhere is not there: .*GANATOMY_FIXTURES .*../shared/fixtures"):
        path("elsewhere.pt")
    assert path(plain) == SHIPPED / plain
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert path("elsewhere.pt") == tmp_path / "elsewhere.pt"


@pytest.mark.shared
def test_the_shipped_files_are_those_of_the_folder() -> None:
    for file in SHIPPED.iterdir():
        whole = shared_folder() / file.name
        if file.suffix == ".npz":  # some of its arrays may be left out
            with np.load(file) as ours, np.load(whole) as theirs:
                assert all(np.array_equal(ours[key], theirs[key]) for key in ours.files), file.name
        elif file.name != "README.md":
            assert file.read_bytes() == whole.read_bytes(), file.name


@pytest.mark.shared
def test_every_network_of_the_folder_is_compared_or_refused_in_one_sentence() -> None:
    opened = set()
    for file in [file for file in shared_folder().iterdir() if file.suffix not in BESIDE]:
        try:
            checkpoints.describe(file)
            opened.add(file.name)
        except ValueError as refusal:
            said = str(refusal)
            assert said.startswith(f"the file {file.name} cannot be opened, because ") and "\n" not in said
    assert opened == set(REFERENCES), "a network that can be opened belongs into tests/references.py"
