"""A checkpoint looked at: its file in words, its layers, the pictures of its seeds, and its knobs turned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core import checkpoints
from core.checkpoints import export, native
from core.checkpoints.examination import AMOUNTS, KNOBS, examine, facts, label_of
from core.checkpoints.layers import layers, listed
from core.factorization.baseline import spread_along
from core.factorization.sefa import sefa, strongest
from core.generators.base import Generator

from .. import tiny


def seen_of(generator: Generator, **how):
    *steps, last = examine(generator, psi=0.7, **how)
    assert all(step.says and step.result is None for step in steps)
    return last.result, [step.says for step in steps]


def test_the_sheet_has_the_pictures_of_the_seeds_classes_in_turn() -> None:
    generator = tiny.biggan()
    seen, says = seen_of(generator, seeds=5)
    assert [label_of(generator, seed) for seed in range(5)] == [0, 1, 2, 0, 1] and seen.seconds > 0
    for seed, picture in enumerate(seen.sheet):
        codes = generator.codes(generator.sample(1, seed), psi=0.7, label=seed % 3)
        assert torch.equal(picture, generator.at(psi=0.7)(codes))
    assert says[0] == "looking at the layers" and "drawing picture 5 of 5" in says


def test_a_knob_moves_one_seed_by_standard_deviations() -> None:
    generator = tiny.stylegan2()
    seen, says = seen_of(generator, seeds=1)
    directions = sefa(generator, k=KNOBS)
    codes, steps = generator.codes(generator.sample(1, 0), psi=0.7), spread_along(generator, directions)
    assert len(seen.turned) == len(directions) and f"turning knob {KNOBS} of {KNOBS}" in says
    for knob, row in enumerate(seen.turned):
        for amount, picture in zip(AMOUNTS, row, strict=True):
            moved = codes + (amount * steps[knob] * directions.vectors[knob]).float()
            assert torch.allclose(picture, generator(moved), atol=1e-5)
            assert torch.allclose(picture, generator(codes), atol=1e-6) == (amount == 0)


def test_of_a_picture_only_what_is_wanted_is_kept() -> None:
    seen, _ = seen_of(tiny.pggan(), seeds=2, keep=lambda image: tuple(image.shape))
    assert {*seen.sheet, *(one for row in seen.turned for one in row)} == {(1, 3, 16, 16)}


def test_the_file_in_words_leaves_out_what_is_not_known(tmp_path: Path) -> None:
    path, generator = tmp_path / "a.safetensors", tiny.biggan()
    native.save(generator, path)
    described = checkpoints.describe(path)
    known = facts(path, described, "ab", export.Provenance())
    assert known["size"] == f"{path.stat().st_size:,} bytes" and known["sha256"] == "ab" and known["classes"] == "3"
    assert known["resolution"] == "16 x 16 pixels" and known["licence"].startswith("not stated: ")
    assert "repository" not in known
    said = export.Provenance("MIT", "https://here.org", "the file itself", repo="a/b")
    licensed = facts(path, described, "", said)
    assert licensed["licence"] == "MIT (https://here.org, says the file itself)" and licensed["repository"] == "a/b"
    assert "sha256" not in licensed
    assert facts(path, replace(described, generator=tiny.pggan()), "", said)["classes"] == "none"


def test_layers_as_text_end_with_the_rest_and_the_sum() -> None:
    generator = tiny.stylegan2()
    *rows, rest, every = listed(generator, layers(generator))
    assert rows[1][0] == "1" and rows[1][2:] == ("5 x 8 x 8", rows[1][3], "1")
    counts = [int(row[3].replace(",", "")) for row in (*rows, rest, every)]
    assert sum(counts[:-1]) == counts[-1] == export.parameters(generator) and rest[0] == "mapping and output"


def test_layers_have_the_sizes_and_slots_of_a_run() -> None:
    generator = tiny.stylegan2()
    rows = layers(generator)
    assert [row.output for row in rows] == [(6, 4, 4), (5, 8, 8), (5, 8, 8), (4, 16, 16), (4, 16, 16)]
    assert [row.reads for row in rows] == [(0, 1), (1,), (2, 3), (3,), (4, 5)]
    rest = sum(p.numel() for p in generator.mapping.parameters())
    assert sum(row.parameters for row in rows) + rest == export.parameters(generator)


def test_shares_of_a_planted_network_are_its_eigenvalues() -> None:
    planted = torch.diag(torch.tensor([2.0, 1.0, 1.0, 0.0]))[:, [2, 0, 3, 1]]
    directions, share = strongest(tiny.Planted(planted))
    assert share.tolist() == pytest.approx([4 / 6, 1 / 6, 1 / 6, 0])
    assert directions.vectors[0].abs().tolist() == pytest.approx([0, 1, 0, 0]) and len(directions) == 4
