"""The objects world: repeatable, every factor visible where it is claimed, every class and part recognisable."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.morphology import medial_axis
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F

from core.truth.worlds import load_world, objects

CLASSES, NAMES, PARTS = objects.CLASSES, objects.NAMES, objects.PARTS
PART = {name: index for index, name in enumerate(PARTS)}
HELD = 900_000  # of the train split; seeds from 1,000,000 are for reporting only
VISIBLE = 8  # levels of 255


def neutral(count: int, **values: float | Tensor) -> Tensor:
    factors = torch.full((count, len(NAMES)), 0.5)
    for name, value in values.items():
        factors[:, NAMES.index(name)] = torch.as_tensor(value)
    return factors


def of_class(name: str, count: int) -> Tensor:
    return torch.full((count,), CLASSES.index(name))


def changed(images: Tensor) -> Tensor:
    """[R, R] bool: pixels that differ visibly between the first and any other of images [n, 3, R, R]."""
    return ((images - images[:1]).abs() * 127.5 > VISIBLE).any(1).any(0)


def grown(mask: Tensor, pixels: int) -> Tensor:
    """bool [n, R, R] and all pixels up to that far away."""
    return F.max_pool2d(mask.float()[:, None], 2 * pixels + 1, 1, pixels)[:, 0] > 0


def objects_in(masks: Tensor) -> Tensor:
    return ~(masks[:, PART["background"]] | masks[:, PART["floor"]])


# ---------------------------------------------------------------- names


def test_the_world_is_registered_and_an_unknown_one_is_named() -> None:
    assert load_world("objects") is objects
    with pytest.raises(KeyError, match="cartoons.*portraits, objects"):
        load_world("cartoons")


def test_names_and_phrases_are_unique() -> None:
    for names in (
        NAMES,
        CLASSES,
        PARTS,
        [factor.description for factor in objects.FACTORS],
        [phrase for factor in objects.FACTORS for phrase in (factor.low, factor.high)],
    ):
        assert len(set(names)) == len(names)
    assert len(CLASSES) >= 15 and len(objects.FAMILIES) >= 4
    assert set(objects.KINDS) == set(objects.DRAWINGS) == set(CLASSES)
    assert [name for members in objects.FAMILIES.values() for name in members] == list(CLASSES)


def test_what_is_said_of_factors_names_things_that_exist() -> None:
    assert set(objects.SHOWN_BY) | set(objects.SHOWN_IN) <= set(NAMES)
    assert set(objects.SHOWN_BY.values()) <= set(PARTS)
    assert all(set(classes) < set(CLASSES) for classes in objects.SHOWN_IN.values())
    assert all(width is None or width.shape == (len(NAMES),) for width in objects.SPREADS.values())


# ---------------------------------------------------------------- sampling


def test_rows_depend_on_their_seed_alone() -> None:
    rows, classes = objects.sample(50, 999_990), objects.labels(50, 999_990)
    assert rows.dtype == torch.float32 and classes.dtype == torch.int64
    assert torch.equal(rows, torch.cat([objects.sample(1, 999_990 + i) for i in range(50)]))
    assert torch.equal(classes, torch.cat([objects.labels(1, 999_990 + i) for i in range(50)]))
    assert not torch.equal(objects.sample(4, 0), objects.sample(4, 1_000_000))


def test_factors_are_spread_as_they_say_and_independent_of_each_other_and_of_the_class() -> None:
    rows, classes = objects.sample(20_000, 0), objects.labels(20_000, 0)
    assert rows.min() >= 0.0 and rows.max() <= 1.0
    for column, factor in enumerate(objects.FACTORS):
        expected = factor.spread / (24 if factor.draw == "middle" else 12) ** 0.5
        assert abs(rows[:, column].mean() - 0.5) < 0.01 and abs(rows[:, column].std() - expected) < 0.01
    assert (torch.corrcoef(rows.T) - torch.eye(len(NAMES))).abs().max() < 0.04
    assert classes.bincount().max() - classes.bincount().min() <= 1
    by_class = torch.stack([rows[classes == i].mean(0) for i in range(len(CLASSES))])
    assert (by_class - 0.5).abs().max() < 0.04


def test_spread_can_be_replaced() -> None:
    assert objects.sample(100, 0, spread=torch.zeros(len(NAMES))).unique().tolist() == [0.5]


# ---------------------------------------------------------------- rendering


def test_a_picture_repeats_and_ignores_batch_mates() -> None:
    factors, classes = objects.sample(37, 7), objects.labels(37, 7)
    together, again = objects.render(factors, classes), objects.render(factors, classes)
    assert torch.equal(together.images, again.images)
    for row in (0, 4, 16, 21, 36):
        alone = objects.render(factors[row : row + 1], classes[row : row + 1])
        assert torch.equal(alone.images[0], together.images[row])
        assert torch.equal(alone.masks[0], together.masks[row])
    backwards = objects.render(factors.flip(0), classes.flip(0))
    assert torch.equal(backwards.images.flip(0), together.images)


@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_shapes_range_and_one_part_a_pixel(resolution: int) -> None:
    scene = objects.render(objects.sample(16, 0), objects.labels(16, 0), resolution=resolution)
    assert scene.images.shape == (16, 3, resolution, resolution) and scene.images.dtype == torch.float32
    assert scene.masks.shape == (16, len(PARTS), resolution, resolution) and scene.masks.dtype == torch.bool
    assert scene.images.min() >= -1.0 and scene.images.max() <= 1.0
    assert (scene.masks.sum(1) == 1).all()


def test_masks_follow_the_picture_when_it_grows() -> None:
    factors, classes = objects.sample(32, 5), objects.labels(32, 5)
    small, large = (objects.render(factors, classes, resolution=size).masks.float().mean((2, 3)) for size in (64, 128))
    assert (small - large).abs().max() < 0.02


@pytest.mark.parametrize("labels", [[0, 16], [-1, 0], [0], [0.0, 1.0]])
def test_wrong_labels_are_refused_with_what_is_possible(labels: list) -> None:
    with pytest.raises(ValueError, match="0 to 15, for each of 2 rows"):
        objects.render(neutral(2), torch.tensor(labels))


# ---------------------------------------------------------------- factors


@pytest.mark.parametrize("name", NAMES)
def test_a_factor_is_visible_in_the_classes_that_claim_it_and_only_there(name: str) -> None:
    """At least 1 % of the pixels change by more than 8 levels over its range."""
    classes = torch.arange(len(CLASSES))
    low, high = (objects.render(neutral(len(CLASSES), **{name: end}), classes).images for end in (0.0, 1.0))
    share = (((high - low).abs() * 127.5).amax(1) > VISIBLE).float().mean((1, 2))
    for row, found in zip(CLASSES, share.tolist()):
        assert (found >= 0.01) == (row in objects.SHOWN_IN.get(name, CLASSES)), (row, found)


def test_no_factor_wraps_around_or_jumps() -> None:
    """The far end is nearly as unlike the near one as any place between; no step does much more than the others."""
    for name in NAMES:
        for row in objects.SHOWN_IN.get(name, CLASSES)[::3]:
            images = objects.render(neutral(21, **{name: torch.linspace(0.0, 1.0, 21)}), of_class(row, 21)).images
            step = (images[1:] - images[:-1]).square().mean((1, 2, 3)).sqrt()
            assert step.max() <= 4.0 * step.mean() + 0.01, (name, row)
            away = (images - images[:1]).square().mean((1, 2, 3)).sqrt()
            assert away[-1] >= 0.7 * away.max(), (name, row)


OWN = [
    ("mug", "reach", {"handle"}),
    ("cactus", "reach", {"arms"}),
    ("apple", "reach", {"leaves"}),
    ("mug", "pattern", {"pattern"}),
    ("bottle", "pattern", {"pattern"}),
    ("mushroom", "pattern", {"pattern"}),
    ("cactus", "accent", {"pattern"}),
    ("lamp", "accent", {"pattern"}),
    ("tree", "accent", {"pattern"}),
    ("pear", "colour", {"body"}),
    ("flower", "colour", {"petals"}),
    ("lamp", "colour", {"shade"}),
    ("vase", "wall_colour", {"background", "floor"}),
    ("mug", "turn", {"handle"}),
]


@pytest.mark.parametrize("row, factor, parts", OWN)
def test_a_parts_factor_changes_that_part_and_nothing_else(row: str, factor: str, parts: set[str]) -> None:
    """Where the picture changes, the mask of the part is, at one end of the factor or between, give or take an edge."""
    scene = objects.render(neutral(9, **{factor: torch.linspace(0.0, 1.0, 9)}), of_class(row, 9))
    here = scene.masks[:, [PART[name] for name in parts]].any(1).any(0)[None]
    found = changed(scene.images)
    assert found.float().mean() >= 0.01
    assert not (found & ~grown(here, 2)[0]).any()


def test_a_wrong_part_would_be_noticed() -> None:
    """Negative control: the mug's rim does not cover what the handle's factor changes."""
    scene = objects.render(neutral(9, reach=torch.linspace(0.0, 1.0, 9)), of_class("mug", 9))
    rim = grown(scene.masks[:, PART["rim"]].any(0)[None], 2)[0]
    found = changed(scene.images)
    assert (found & ~rim).sum() > 0.9 * found.sum()


def test_colour_fills_the_whole_mask_of_its_part() -> None:
    for row, factor, part in (("mug", "accent", "pattern"), ("apple", "colour", "body"), ("chair", "colour", "seat")):
        scene = objects.render(neutral(2, **{factor: torch.tensor([0.0, 1.0])}), of_class(row, 2))
        mask = scene.masks[0, PART[part]]
        assert (changed(scene.images) & mask).sum() >= 0.95 * mask.sum(), (row, part)


# ---------------------------------------------------------------- what is drawn


@pytest.fixture(scope="module")
def shown() -> tuple[Tensor, Tensor, Tensor]:
    """Factors, classes and masks of 40 pictures a class, seeds of their own."""
    count = 40 * len(CLASSES)
    factors, classes = objects.sample(count, HELD), objects.labels(count, HELD)
    return factors, classes, objects.render(factors, classes).masks


def test_objects_fill_the_frame_stay_inside_and_stand_in_the_middle(shown: tuple[Tensor, Tensor, Tensor]) -> None:
    _, classes, masks = shown
    there = objects_in(masks)
    rows, columns = there.any(2), there.any(1)
    assert not rows[:, [0, -1]].any()
    assert columns[:, [0, -1]].any(1).float().mean() < 0.01
    height, width = rows.float().mean(1), columns.float().mean(1)
    middle = [(torch.arange(64.0) * line).sum(1) / line.sum(1) - 31.5 for line in (rows, columns)]
    for index, name in enumerate(CLASSES):
        mine = classes == index
        assert 0.5 <= height[mine].mean() <= 0.8 and height[mine].min() >= 0.42 and height[mine].max() <= 0.88, name
        assert torch.maximum(height, width)[mine].min() >= 0.55, name
        assert there[mine].float().mean() >= 0.18, name
        assert middle[0][mine].mean().abs() <= 2.0 and middle[1][mine].mean().abs() <= 4.0, name


LEAST = {
    "mug": {"body": 400, "rim": 90, "handle": 70, "pattern": 80},
    "teapot": {"body": 250, "handle": 60, "spout": 35, "lid": 80, "pattern": 60},
    "bowl": {"body": 180, "rim": 150, "pattern": 80},
    "bottle": {"body": 280, "lid": 35, "pattern": 50},
    "vase": {"body": 300, "rim": 25, "pattern": 70},
    "cactus": {"pot": 150, "stem": 200, "arms": 90, "pattern": 35},
    "flower": {"pot": 130, "stem": 10, "leaves": 60, "petals": 180, "pattern": 45},
    "tree": {"stem": 55, "leaves": 380, "pattern": 30},
    "mushroom": {"stem": 100, "cap": 350, "pattern": 60},
    "chair": {"legs": 60, "seat": 70, "back": 180, "pattern": 50},
    "stool": {"legs": 200, "seat": 70, "pattern": 80},
    "table": {"legs": 120, "seat": 140, "pattern": 90},
    "lamp": {"legs": 60, "stem": 20, "shade": 250, "pattern": 70},
    "apple": {"body": 600, "stem": 15, "leaves": 40},
    "pear": {"body": 450, "stem": 15, "leaves": 40},
    "cherries": {"body": 400, "stem": 80, "leaves": 40},
}


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_all_its_parts_and_no_other(name: str, shown: tuple[Tensor, Tensor, Tensor]) -> None:
    _, classes, masks = shown
    area = masks[classes == CLASSES.index(name)].sum((2, 3))
    expected = {"background", "floor", *LEAST[name]}
    assert {part for part in PARTS if area[:, PART[part]].any()} == expected
    for part, least in LEAST[name].items():
        assert area[:, PART[part]].min() >= least, (part, int(area[:, PART[part]].min()))


def test_families_share_parts_more_than_strangers_do() -> None:
    def alike(one: str, other: str) -> float:
        a, b = set(LEAST[one]) - {"pattern"}, set(LEAST[other]) - {"pattern"}
        return len(a & b) / len(a | b)

    family = {name: key for key, members in objects.FAMILIES.items() for name in members}
    pairs = [(family[a] == family[b], alike(a, b)) for a in CLASSES for b in CLASSES if a < b]
    inside, outside = ([value for same, value in pairs if same is kind] for kind in (True, False))
    assert sum(inside) / len(inside) > 2 * sum(outside) / len(outside)


def thickness(mask: Tensor) -> float:
    """Median width in pixels of a part, across its middle line."""
    line, depth = medial_axis(mask.numpy(), return_distance=True, rng=0)
    return float(2.0 * np.median(depth[line]) - 1.0)


def test_parts_that_carry_a_factor_are_at_least_three_pixels_wide() -> None:
    """At 256 pixels, where a width is read to a quarter of a pixel of 64; the smallest size."""
    thinnest = {"pattern": 0.0}
    cases = [
        ("mug", "handle", {}),
        ("mug", "handle", {"turn": 1.0}),
        ("teapot", "handle", {}),
        ("teapot", "spout", {}),
        ("cactus", "arms", {}),
        ("chair", "legs", {}),
        ("table", "legs", {}),
        ("apple", "leaves", {"reach": 0.0}),
        *((row, "pattern", thinnest) for row in ("mug", "teapot", "bowl", "vase", "cactus", "lamp", "tree")),
    ]
    for row, part, values in cases:
        masks = objects.render(neutral(1, size=0.0, width=0.0, **values), of_class(row, 1), resolution=256).masks
        assert thickness(masks[0, PART[part]]) / 4.0 >= 3.0, (row, part, thickness(masks[0, PART[part]]) / 4.0)


def contrast(scene: objects.Scene, part: str, other: str) -> Tensor:
    """[n] difference of the medians on both sides of a border, in the channel that differs most; nan where none is."""
    images = (scene.images + 1.0) / 2.0
    mine, theirs = scene.masks[:, PART[part]], scene.masks[:, PART[other]]
    sides = [a & grown(b, 3) for a, b in ((mine, theirs), (theirs, mine))]
    medians = [images.masked_fill(~side[:, None], float("nan")).flatten(2).nanmedian(2).values for side in sides]
    enough = (sides[0].sum((1, 2)) >= 12) & (sides[1].sum((1, 2)) >= 12)
    return (medians[0] - medians[1]).abs().amax(1).masked_fill(~enough, float("nan"))


WEARS = {
    "mug": "body",
    "teapot": "body",
    "bowl": "body",
    "bottle": "body",
    "vase": "body",
    "cactus": "pot",
    "flower": "petals",
    "tree": "leaves",
    "mushroom": "cap",
    "chair": "seat",
    "stool": "seat",
    "table": "seat",
    "lamp": "shade",
}


@pytest.mark.parametrize("name", CLASSES)
def test_parts_stand_out_at_every_colour_and_light(name: str) -> None:
    ends = [0.0, 1.0]
    axes = dict(colour=[0.0, 0.5, 1.0], tone=ends, wall_colour=[0.0, 0.5, 1.0], wall_tone=ends, light=ends, accent=ends)
    grid = torch.cartesian_prod(*[torch.tensor(values) for values in axes.values()])
    scene = objects.render(neutral(len(grid), **dict(zip(axes, grid.T))), of_class(name, len(grid)))
    pairs = [(part, ground) for part in LEAST[name] if part != "pattern" for ground in ("background", "floor")]
    pairs += [("pattern", WEARS[name])] if name in WEARS else []
    for part, other in pairs:
        found = contrast(scene, part, other)
        found = found[~found.isnan()]
        assert not len(found) or found.min() >= objects.MINIMUM_CONTRAST, (part, other, float(found.min()))
    ground = contrast(scene, "floor", "background")
    assert ground.min() >= 0.08, float(ground.min())


def test_a_part_in_the_colour_of_what_is_behind_it_would_be_noticed() -> None:
    """Negative control of the contrast: a mug painted like the wall."""
    scene = objects.render(neutral(1), of_class("mug", 1))
    wall = scene.images[:, :, 2, 2][:, :, None, None]
    hidden = objects.Scene(torch.where(objects_in(scene.masks)[:, None], wall, scene.images), scene.masks)
    faint, clear = (contrast(each, "handle", "background")[0] for each in (hidden, scene))
    assert faint < objects.MINIMUM_CONTRAST < clear


def test_classes_are_told_apart_and_shuffled_ones_are_not() -> None:
    """A linear classifier of 24 x 24 pictures in grey, so that neither colour nor detail decides; seeds apart."""

    def seen(count: int, seed: int) -> tuple[Tensor, Tensor]:
        classes = objects.labels(count, seed)
        images = objects.render(objects.sample(count, seed), classes, resolution=48).images
        return F.avg_pool2d(images.mean(1), 2).flatten(1), classes

    (train, truth), (held, answers) = seen(1600, 0), seen(480, HELD)
    shuffled = truth[torch.randperm(len(truth), generator=torch.Generator().manual_seed(0))]
    classifiers = (LogisticRegression(C=0.05, max_iter=400).fit(train.numpy(), y.numpy()) for y in (truth, shuffled))
    found, control = (classifier.score(held.numpy(), answers.numpy()) for classifier in classifiers)
    assert found > 0.95, found
    assert control < 0.15, control
