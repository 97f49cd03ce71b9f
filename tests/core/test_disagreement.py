"""What several answers to one question disagree about, as an independent reader sees it."""

from __future__ import annotations

import torch

from core.truth.disagreement import disagreement, listed, mistaken, seen_in
from core.truth.worlds import deviations, portraits

GLASSES, SMILE, BEARD = (portraits.NAMES.index(name) for name in ("glasses", "smile", "beard"))
SPREAD = deviations("portraits", "graded")


def readings(**columns: list[float]) -> torch.Tensor:
    """Five answers that differ in these factors alone."""
    found = torch.full((5, len(portraits.NAMES)), 0.5)
    for name, values in columns.items():
        found[:, portraits.NAMES.index(name)] = torch.tensor(values)
    found[:, BEARD] = found[:, BEARD] if "beard" in columns else 0.0
    return found


def test_what_is_worn_by_some_is_counted_and_the_truth_is_said() -> None:
    truth = torch.zeros(len(portraits.NAMES))
    truth[GLASSES] = 0.8
    said = disagreement(portraits, readings(glasses=[1, 1, 0, 0, 0]), SPREAD, truth=truth)
    assert said == "They disagree about glasses (2 of 5 wear them). The real one wears glasses."
    truth[GLASSES] = 0
    assert "does not wear glasses" in disagreement(portraits, readings(glasses=[1, 1, 0, 0, 0]), SPREAD, truth=truth)
    assert "The real one" not in disagreement(portraits, readings(glasses=[1, 1, 0, 0, 0]), SPREAD)


def test_what_all_have_or_none_and_small_differences_are_no_disagreement() -> None:
    for same in (readings(glasses=[1] * 5), readings(glasses=[0] * 5), readings(smile=[0.5, 0.501, 0.5, 0.5, 0.5])):
        assert disagreement(portraits, same, SPREAD) == "As far as the reader can tell, they agree about everything."


def test_what_a_reader_cannot_be_trusted_with_is_not_named() -> None:
    found = readings(smile=[0.0, 1.0, 0.0, 1.0, 0.5], glasses=[1, 1, 0, 0, 0])
    said = disagreement(portraits, found, SPREAD)
    assert portraits.FACTORS[SMILE].description in said and "glasses" in said
    assert portraits.FACTORS[SMILE].description not in disagreement(portraits, found, SPREAD, ["smile"])


def test_a_list_reads_as_one_says_it() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_what_a_reader_reads_of_pictures_is_what_they_disagree_about() -> None:
    def reader(images: torch.Tensor) -> torch.Tensor:
        bright = images.mean((1, 2, 3)) > 0
        return readings(glasses=bright.float().tolist())

    images = torch.stack([torch.full((3, 8, 8), value) for value in (-0.5, -0.4, 0.4, 0.5, 0.6)])
    worn = bool(portraits.sample(1, 7, spread=portraits.SPREADS["graded"])[0, GLASSES] > 0)
    real = f" The real one {'wears' if worn else 'does not wear'} glasses."
    said = "They disagree about glasses (3 of 5 wear them)."
    assert seen_in(images, reader, "portraits", "graded", seed=7) == said + real
    assert seen_in(images, reader, "portraits", "graded") == said
    same = seen_in(images[2:3].repeat(5, 1, 1, 1), reader, "portraits", "graded")
    assert same == "As far as the reader can tell, they agree about everything."


def test_what_an_answer_forgot_or_added_is_said_beside_the_render_it_stands_for() -> None:
    def reader(images: torch.Tensor) -> torch.Tensor:
        found = readings(glasses=[0, 1, 0, 1, 0.5], beard=[0, 0, 1, 1, 0])
        return found[: len(images)]

    worn = portraits.sample(200, 0, spread=portraits.SPREADS["graded"])[:, [GLASSES, BEARD]] > 0
    wears = next(i for i, row in enumerate(worn.tolist()) if row == [True, False])
    bare = next(i for i, row in enumerate(worn.tolist()) if row == [False, False])
    said = mistaken(torch.zeros(5, 3, 8, 8), reader, "portraits", "graded", wears)
    assert said == ["forgot the glasses", "", "forgot the glasses and added the beard", "added the beard", ""]
    said = mistaken(torch.zeros(5, 3, 8, 8), reader, "portraits", "graded", bare)
    assert said[:2] == ["", "added the glasses"], "the control: of another render the same readings say the opposite"
    doubtful = mistaken(torch.zeros(5, 3, 8, 8), reader, "portraits", "graded", wears, ["glasses"])
    assert doubtful == ["", "", "added the beard", "added the beard", ""]
