"""The portrait world: repeatable, every factor visible, every face readable."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.truth.worlds import portraits
from core.truth.worlds.portraits.geometry import luminance

PART = {name: index for index, name in enumerate(portraits.PARTS)}


def faces(count: int, **values: float | Tensor) -> Tensor:
    """`count` neutral faces without glasses and beard, some factors set."""
    factors = torch.full((count, len(portraits.NAMES)), 0.5)
    for name, value in {"glasses": 0.0, "beard": 0.0, **values}.items():
        factors[:, portraits.NAMES.index(name)] = torch.as_tensor(value)
    return factors


def test_names_and_phrases_are_unique() -> None:
    assert len(set(portraits.NAMES)) == len(portraits.NAMES)
    phrases = [phrase for factor in portraits.FACTORS for phrase in (factor.low, factor.high)]
    assert len(set(phrases)) == len(phrases)
    assert len({factor.description for factor in portraits.FACTORS}) == len(portraits.FACTORS)


def test_sample_rows_depend_on_their_seed_alone() -> None:
    rows = portraits.sample(50, 999_990)
    singles = torch.cat([portraits.sample(1, 999_990 + i) for i in range(50)])
    assert rows.dtype == torch.float32
    assert torch.equal(rows, singles)
    assert not torch.equal(portraits.sample(4, 0), portraits.sample(4, 1_000_000))


def test_sample_distribution() -> None:
    rows = portraits.sample(20_000, 0)
    assert rows.min() >= 0.0 and rows.max() <= 1.0
    for column, factor in enumerate(portraits.FACTORS):
        values = rows[:, column]
        if factor.draw == "present":
            worn = values > 0
            assert abs(worn.float().mean() - portraits.PRESENT_SHARE) < 0.02
            assert values[worn].min() >= 0.5
        else:
            assert abs(values.mean() - 0.5) < 0.01
            expected = factor.spread / (24 if factor.draw == "middle" else 12) ** 0.5
            assert abs(values.std() - expected) < 0.01
    close = torch.corrcoef(rows.T) - torch.eye(len(portraits.NAMES))
    assert close.abs().max() < 0.04


def test_sample_spread_can_be_replaced() -> None:
    width = torch.zeros(len(portraits.NAMES))
    rows = portraits.sample(100, 0, spread=width)
    assert all(float(value) in (0.0, 0.5, 0.75) for value in rows.unique())


def test_render_repeats_and_ignores_batch_mates() -> None:
    factors = portraits.sample(9, 7)
    together = portraits.render(factors)
    again = portraits.render(factors)
    assert torch.equal(together.images, again.images)
    for row in (0, 4, 8):
        alone = portraits.render(factors[row : row + 1])
        assert torch.equal(alone.images[0], together.images[row])
        assert torch.equal(alone.masks[0], together.masks[row])


@pytest.mark.parametrize("resolution", [32, 64, 256])
def test_render_shapes_and_range(resolution: int) -> None:
    scene = portraits.render(portraits.sample(3, 0), resolution=resolution)
    assert scene.images.shape == (3, 3, resolution, resolution)
    assert scene.images.dtype == torch.float32 and scene.masks.dtype == torch.bool
    assert scene.images.min() >= -1.0 and scene.images.max() <= 1.0


@pytest.mark.parametrize("name", portraits.NAMES)
def test_factor_is_visible(name: str) -> None:
    images = portraits.render(faces(2, **{name: torch.tensor([0.0, 1.0])})).images
    levels = ((images[1] - images[0]) * 127.5).abs().amax(0)
    assert (levels > 8).float().mean() >= 0.01


def test_no_factor_jumps() -> None:
    for name in portraits.NAMES:
        steps = torch.linspace(0.0, 1.0, 21)
        images = portraits.render(faces(21, **{name: steps})).images
        change = (images[1:] - images[:-1]).square().mean((1, 2, 3)).sqrt()
        assert change.max() <= 4.0 * change.mean() + 0.01, name


def test_every_pixel_has_one_part() -> None:
    masks = portraits.render(portraits.sample(64, 3)).masks
    assert torch.equal(masks.sum(1), torch.ones(64, 64, 64, dtype=torch.long))


def test_parts_are_there_when_they_must_be() -> None:
    factors = portraits.sample(200, 11)
    area = portraits.render(factors).masks.sum((2, 3))
    for part, least in {
        "skin": 200,
        "hair": 60,
        "eyes": 80,
        "brows": 25,
        "nose": 8,
        "mouth": 35,
        "shirt": 120,
        "background": 600,
    }.items():
        assert area[:, PART[part]].min() >= least, (part, int(area[:, PART[part]].min()))
    for part in ("glasses", "beard"):
        worn = factors[:, portraits.NAMES.index(part)] > 0
        assert area[worn, PART[part]].min() >= 60
        assert area[~worn, PART[part]].max() == 0
    ears = portraits.render(faces(2, hair_length=torch.tensor([0.1, 0.9]))).masks[:, PART["ears"]].sum((1, 2))
    assert ears[0] >= 40 and ears[1] == 0


def test_masks_follow_the_picture_when_it_grows() -> None:
    factors = portraits.sample(8, 5)
    small, large = (portraits.render(factors, resolution=size).masks.float().mean((2, 3)) for size in (64, 128))
    assert (small - large).abs().max() < 0.02


def contrast(images: Tensor, masks: Tensor, part: str, share: float) -> Tensor:
    """[n] luminance difference to the skin next to the part, reached by `share` of its pixels."""
    light = luminance((images + 1.0) / 2.0)
    shape = masks[:, PART[part]]
    near = torch.nn.functional.max_pool2d(shape.float()[:, None], 7, 1, 3)[:, 0] > 0
    around = near & masks[:, PART["skin"]]
    result = []
    for row in range(len(images)):
        skin = light[row][around[row]].median()
        result.append((light[row][shape[row]] - skin).abs().quantile(1.0 - share))
    return torch.stack(result)


@pytest.mark.parametrize("hair_tone", [0.0, 0.5, 1.0])
def test_faces_are_readable_at_every_skin_and_light(hair_tone: float) -> None:
    skin, light, lips = (
        axis.flatten()
        for axis in torch.meshgrid(
            torch.linspace(0, 1, 11), torch.linspace(0, 1, 5), torch.linspace(0, 1, 3), indexing="ij"
        )
    )
    factors = faces(
        len(skin),
        skin_tone=skin,
        light=light,
        lip_colour=lips,
        hair_tone=hair_tone,
        hair_length=0.1,
        fringe=0.2,
        mouth_open=0.1,
    )
    images, masks = portraits.render(factors)
    for part, share in {"brows": 0.5, "eyes": 0.5, "mouth": 0.25}.items():
        worst = contrast(images, masks, part, share).min()
        assert worst >= portraits.MINIMUM_CONTRAST, (part, float(worst))


def test_worn_parts_stand_out_from_every_skin() -> None:
    skin, light = (
        axis.flatten() for axis in torch.meshgrid(torch.linspace(0, 1, 11), torch.linspace(0, 1, 5), indexing="ij")
    )
    for part in ("glasses", "beard"):
        for hair_tone in (0.0, 1.0):
            factors = faces(
                len(skin), skin_tone=skin, light=light, hair_tone=hair_tone, hair_length=0.1, **{part: 0.75}
            )
            images, masks = portraits.render(factors)
            assert contrast(images, masks, part, 0.5).min() >= portraits.MINIMUM_CONTRAST


def test_light_leaves_the_shaded_side_readable() -> None:
    for light in (0.0, 1.0):
        for skin in (0.0, 1.0):
            images, masks = portraits.render(faces(1, light=light, skin_tone=skin, hair_length=0.1, fringe=0.0))
            levels = luminance((images + 1.0) / 2.0)[0]
            face = masks[0, PART["skin"]].clone()
            face[:16] = face[48:] = False
            columns = torch.where(face.any(0))[0]
            sides = []
            for band in (columns[3:9], columns[-9:-3]):
                chosen = torch.zeros_like(face)
                chosen[:, band] = face[:, band]
                sides.append(levels[chosen].median())
            low, high = sorted(sides)
            assert low / high >= portraits.SHADE_FLOOR
