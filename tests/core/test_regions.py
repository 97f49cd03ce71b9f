"""Regions: boxes fit every size, paint becomes a mask, a link holds a region and nothing else."""

from __future__ import annotations

import string

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from core import regions
from core.regions import CODED, Box, from_boxes, from_paint, from_text, moved, outline, resized, scaled, to_text

MOUTH = Box(top=0.6, left=0.3, bottom=0.75, right=0.7)


def random_mask(side: int = CODED, *, share: float = 0.5, seed: int = 0) -> Tensor:
    return torch.rand(side, side, generator=torch.Generator().manual_seed(seed)) < share


def disc(side: int, radius: float) -> Tensor:
    """Radius as a fraction of the side, centre in the middle."""
    at = (torch.arange(side) + 0.5) / side - 0.5
    return at[:, None] ** 2 + at**2 < radius**2


# Boxes


@pytest.mark.parametrize("size", [16, 37, 64, 256, (64, 48)])
def test_a_box_covers_the_same_share_of_every_picture(size) -> None:
    mask = MOUTH.mask(size)
    height, width = (size, size) if isinstance(size, int) else size
    assert mask.dtype == torch.bool and mask.shape == (height, width)
    rows, columns = mask.nonzero().double().unbind(1)
    assert len(rows) / mask.numel() == pytest.approx(0.15 * 0.4, abs=0.5 / height + 0.5 / width)
    assert float((rows.mean() + 0.5) / height) == pytest.approx(0.675, abs=0.5 / height)  # rows first, from the top
    assert float((columns.mean() + 0.5) / width) == pytest.approx(0.5, abs=0.5 / width)


def test_a_box_and_its_neighbour_share_no_pixel_and_leave_none() -> None:
    parts = [Box(0, 0, 0.37, 1), Box(0.37, 0, 1, 0.61), Box(0.37, 0.61, 1, 1)]
    for size in (8, 50, 64):
        assert torch.equal(sum(box.mask(size).int() for box in parts), torch.ones(size, size, dtype=torch.int32))
        assert from_boxes(parts, size).all() and not from_boxes([], size).any()


def test_the_smallest_box_still_has_a_pixel() -> None:
    """The published boxes, written for 256 pixels, are empty at 128."""
    point = Box(0.5, 0.5, 0.501, 0.501)
    assert point.mask(1024).sum() == 1 and point.mask(8).sum() == 1 and Box(0.99999, 0, 1, 1e-9).mask(64)[63, 0]


@pytest.mark.parametrize(
    "edges", [(0.5, 0, 0.5, 1), (0.6, 0, 0.5, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.1), (0, float("nan"), 1, 1)]
)
def test_a_box_that_holds_nothing_is_refused(edges) -> None:
    with pytest.raises(ValueError, match="edges are fractions of the side"):
        Box(*edges)


# Other sizes


def test_enlarged_and_reduced_again_is_the_same() -> None:
    mask = random_mask(32)
    for size in (64, 96, 128):
        assert torch.equal(resized(resized(mask, size), 32), mask)
    assert resized(mask, 64).sum() == 4 * mask.sum()
    assert torch.equal(resized(~mask, 64), ~resized(mask, 64))
    assert resized(mask, (32, 32)) is mask


@pytest.mark.parametrize("side, new", [(64, 48), (48, 64), (100, 7)])
def test_a_disc_stays_a_disc(side: int, new: int) -> None:
    found, expected = resized(disc(side, 0.3), new), disc(new, 0.3)
    assert (found != expected).float().mean() < 1.5 / new
    assert (found != disc(new, 0.45)).float().mean() > 0.25  # the control: another radius is noticed


def test_one_pixel_never_vanishes() -> None:
    mask = torch.zeros(256, 256, dtype=torch.bool)
    mask[200, 17] = True
    assert resized(mask, 8).nonzero().tolist() == [[6, 0]]
    assert not resized(torch.zeros(256, 256, dtype=torch.bool), 8).any()


# Paint


def test_what_is_painted_counts_not_its_colour() -> None:
    mask = disc(40, 0.3)
    rgba = np.zeros((40, 40, 4), np.uint8)
    rgba[mask.numpy()] = (0, 0, 0, 1)  # black, and hardly opaque
    assert torch.equal(from_paint(rgba), mask)
    assert torch.equal(from_paint(Image.fromarray(rgba)), mask)
    opaque = np.dstack([np.zeros((40, 40, 3), np.uint8), np.full((40, 40), 255, np.uint8)])
    opaque[mask.numpy(), 1] = 200  # green on black, nothing transparent
    for layer in (opaque, opaque[..., :3], opaque[..., 1], opaque[..., 1:2], opaque[..., 1] > 0):
        assert torch.equal(from_paint(layer), mask)
    for mode in ("RGBA", "RGB", "L"):
        assert torch.equal(from_paint(Image.fromarray(opaque).convert(mode)), mask)


def test_layers_are_united_and_brought_to_size() -> None:
    left, right = (np.zeros((50, 80, 4), np.uint8) for _ in range(2))
    left[:, :40], right[:25] = 255, 9
    found = from_paint([left, Image.fromarray(right)], size=64)
    assert torch.equal(found, from_boxes([Box(0, 0, 1, 0.5), Box(0, 0, 0.5, 1)], 64))
    assert from_paint([left, right]).shape == (50, 80)
    assert not from_paint(np.zeros((5, 5, 4), np.uint8)).any()


@pytest.mark.parametrize(
    "layers",
    [[], np.zeros(4), np.zeros((4, 4, 5)), np.zeros((0, 4)), np.zeros((2, 2, 2, 2)), np.zeros((1, 9000), bool)],
)
def test_what_is_no_layer_is_refused(layers) -> None:
    with pytest.raises(ValueError, match="paint") as error:
        from_paint(layers)
    assert "\n" not in str(error.value)


# In a link

MASKS = dict(
    mouth=MOUTH.mask(CODED),
    disc=disc(CODED, 0.2),
    whole=torch.ones(CODED, CODED, dtype=torch.bool),
    noise=random_mask(),
    most=random_mask(share=0.95),
    rare=random_mask(share=0.02),
    checks=(torch.arange(CODED)[:, None] + torch.arange(CODED)) % 2 == 1,
    first=torch.arange(CODED**2).reshape(CODED, CODED) == 0,
    last=torch.arange(CODED**2).reshape(CODED, CODED) == CODED**2 - 1,
)


@pytest.mark.parametrize("name", MASKS)
def test_a_region_survives_its_text(name: str) -> None:
    text = to_text(MASKS[name])
    assert torch.equal(from_text(text), MASKS[name])
    assert set(text) <= set(string.ascii_letters + string.digits + "-_") and len(text) <= 684


def test_what_people_paint_is_short_and_the_worst_fits_too() -> None:
    assert len(to_text(MASKS["mouth"])) < 60 and len(to_text(MASKS["disc"])) < 120
    noise = [random_mask(share=share, seed=seed) for share in (0.1, 0.5, 0.9) for seed in range(5)]
    assert max(len(to_text(mask)) for mask in noise) <= 684
    assert to_text(disc(256, 0.2)) == to_text(resized(disc(256, 0.2), CODED))


def test_a_changed_letter_is_another_region_or_none() -> None:
    text, same = to_text(MASKS["mouth"]), 0
    for i in range(len(text)):
        for letter in "AQg_":
            changed = text[:i] + letter + text[i + 1 :]
            try:
                same += changed != text and torch.equal(from_text(changed), MASKS["mouth"])
            except ValueError:
                pass
    assert same == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "r",
        "b",
        "x" + "A" * 20,
        None,
        7,
        b"rAA",
        "r" + "_" * 683,
        "r" + "A" * 683,
        "b" + "A" * 683,
        "b" + "A" * 700,
        "r" + "_" * 20 + "A",
        "r AA",
        "r\nAA",
        to_text(MASKS["mouth"]) + "A",
        to_text(MASKS["mouth"])[:-1],
        to_text(MASKS["mouth"]) + "\n",
        "rÄ",
        "r<script>",
        to_text(MASKS["noise"])[:-1] + "_",
    ],
)
def test_a_hostile_text_is_refused_in_one_sentence(text) -> None:
    with pytest.raises(ValueError, match="not a region.*paint the region again") as error:
        from_text(text)
    assert "\n" not in str(error.value)


def test_the_same_region_in_a_longer_text_is_refused() -> None:
    """Zero runs in between would give one picture many links."""
    text = to_text(MASKS["disc"])
    assert text[0] == "r" and torch.equal(from_text(text), MASKS["disc"])
    with pytest.raises(ValueError):
        from_text(text + "AA")


@pytest.mark.parametrize(
    "mask",
    [torch.zeros(64, 64, dtype=torch.bool), torch.ones(64, 64), torch.ones(2, 64, 64) > 0, np.ones((64, 64), bool)],
)
def test_what_is_no_region_is_refused(mask) -> None:
    with pytest.raises(ValueError, match="region"):
        to_text(mask)
    with pytest.raises(ValueError, match="region"):
        regions.checked(mask)


# Moved, scaled, outlined


def test_moved_there_and_back() -> None:
    mask = MOUTH.mask(64)
    assert torch.equal(moved(mask, down=0.1, right=-0.125), torch.roll(mask, (6, -8), (0, 1)))
    assert torch.equal(moved(moved(mask, down=0.1, right=-0.1), down=-0.1, right=0.1), mask)
    assert torch.equal(moved(mask), mask) and not moved(mask, down=1.0).any() and not moved(mask, right=-3).any()
    edge = moved(mask, right=0.5)
    assert edge.sum() < mask.sum() and not edge[:, :32].any()  # lost, not around the corner


def test_scaled_about_its_own_middle() -> None:
    mask = moved(disc(64, 0.1), down=0.2, right=-0.1)
    for factor in (0.5, 0.8, 1.0, 1.5, 2.0):
        found = scaled(mask, factor)
        assert float(found.sum()) == pytest.approx(float(mask.sum()) * factor**2, rel=0.15)
        assert torch.allclose(found.nonzero().double().mean(0), mask.nonzero().double().mean(0), atol=0.6)
    assert torch.equal(scaled(mask, 1.0), mask) and scaled(mask, 1e-9).sum() == 1
    assert not scaled(torch.zeros(8, 8, dtype=torch.bool), 2.0).any()
    with pytest.raises(ValueError, match="above 0"):
        scaled(mask, 0.0)


def test_the_outline_is_the_rim_of_the_region() -> None:
    mask = Box(0.25, 0.25, 0.75, 0.75).mask(16)
    rim = outline(mask)
    assert rim.sum() == 4 * 7 and not (rim & ~mask).any() and not rim[5:11, 5:11].any()
    assert outline(mask, 64, width=2).sum() == 32**2 - 28**2
    left = Box(0, 0, 1, 0.5).mask(16)
    assert torch.equal(outline(left).nonzero()[:, 1], torch.full((16,), 7))  # the picture's border is no edge
    assert not outline(torch.ones(8, 8, dtype=torch.bool)).any()
    with pytest.raises(ValueError, match="at least one pixel"):
        outline(mask, width=0)
