"""Picture statistics equal independent computations, and what is said of a knob is what was planted in it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import skimage.filters
import skimage.transform
import torch
from torch import Tensor, nn

from core import zoo
from core.codes import Directions, codes_in_turn, edit
from core.factorization.baseline import random_directions, spread_along
from core.factorization.sefa import sefa
from core.generators.base import Generator, State
from core.truth import scores, statistics
from core.truth.statistics import FACTORS, NAMES, measure, read
from core.truth.verdict import statistics_verdict

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
PLACE = {name: i for i, name in enumerate(NAMES)}
on_every_twin = pytest.mark.parametrize("name", tiny.KINDS)


def pictures(n: int = 3, *, size: int = 32, seed: int = 0, detail: int = 8) -> Tensor:
    """Random smooth pictures in about [-0.8, 0.8], float64."""
    coarse = tiny.normal(n, 3, detail, detail, seed=seed)
    return 0.8 * torch.tanh(nn.functional.interpolate(coarse, size=(size, size), mode="bicubic"))


def of(name: str, images: Tensor) -> Tensor:
    return read(images)[:, PLACE[name]]


def outcome(generator: Generator, directions: Directions, **how) -> statistics.Result:
    *_, last = measure(generator, directions, spread_along(generator, directions), **{"psi": 0.7, "seeds": 16, **how})
    return last.result


# --- the statistics


def by_hand(picture: np.ndarray) -> dict[str, float]:
    """The statistics of one picture [R, R, 3] in levels from 0 to 1, by NumPy, SciPy and scikit-image."""
    luma, side = picture @ np.array([0.2126, 0.7152, 0.0722]), len(picture)
    width = max(1, side // 16)
    sides = picture[:width], picture[-width:], picture[width:-width, :width], picture[width:-width, -width:]
    frame = np.concatenate([part.reshape(-1, 3) for part in sides])
    weight = ((picture - scipy.stats.trim_mean(frame, 0.25)) ** 2).sum(2)
    row, column = scipy.ndimage.center_of_mass(weight)
    outstanding = weight.mean() / (weight.mean() + (1 / 255) ** 2)
    return dict(
        brightness=luma.mean(),
        contrast=luma.std(),
        red_green=(picture[..., 0] - picture[..., 1]).mean(),
        yellow_blue=(picture[..., :2].mean(2) - picture[..., 2]).mean(),
        light_side=luma[:, side // 2 :].mean() - luma[:, : side // 2].mean(),
        centre_x=((column + 0.5) * 2 / side - 1) * outstanding,
        centre_y=(1 - (row + 0.5) * 2 / side) * outstanding,
        edges=skimage.filters.sobel(luma).mean() * side / np.sqrt(2),
    )


@pytest.mark.parametrize("size", [16, 32, 64])
def test_the_statistics_equal_an_independent_computation(size: int) -> None:
    images = torch.cat([pictures(size=size), tiny.normal(2, 3, size, size, seed=5)])  # the noise is clamped
    for row, image in zip(read(images).tolist(), images.clamp(-1, 1)):
        expected = by_hand(image.permute(1, 2, 0).numpy() / 2 + 0.5)
        assert dict(zip(NAMES, row)) == pytest.approx(expected, abs=2e-6)
    assert read(images).dtype == torch.float64 and list(expected) == list(NAMES)


def test_a_brighter_picture_is_brighter_by_exactly_so_many_levels() -> None:
    dark, bright = read(0.5 * pictures()), read(0.5 * pictures() + 0.2)
    assert torch.allclose(bright[:, 0] - dark[:, 0], torch.tensor(0.1, dtype=torch.float64))
    assert torch.allclose(bright[:, 1:], dark[:, 1:], atol=1e-9), "nothing else changes"


def test_a_mirrored_picture_has_its_light_and_its_centre_on_the_other_side() -> None:
    images = pictures()
    signs = {"across": dict(light_side=-1, centre_x=-1), "over": dict(centre_y=-1)}
    for axis, turned in ((3, signs["across"]), (2, signs["over"])):
        expected = read(images) * torch.tensor([turned.get(name, 1) for name in NAMES])
        if axis == 2:
            expected[:, PLACE["light_side"]] = of("light_side", images)
        assert torch.allclose(read(images.flip(axis)), expected, atol=1e-9)


def test_a_grey_picture_has_no_colour_and_pure_colours_lie_at_the_ends() -> None:
    grey = pictures().mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert of("red_green", grey).abs().max() < 1e-12 and of("yellow_blue", grey).abs().max() < 1e-12
    colours = 2 * torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]]) - 1
    plain = colours[:, :, None, None].expand(-1, -1, 16, 16)
    assert of("red_green", plain).tolist() == [1, -1, 0, 0] and of("yellow_blue", plain).tolist() == [0.5, 0.5, -1, 1]


def test_a_hue_does_not_wrap_around() -> None:
    """Through red from its bluish to its yellowish side an angle jumps by 360 degrees; the axes move on evenly."""
    blues = torch.linspace(0.3, 0, 7)
    path = torch.stack([torch.stack([torch.tensor(0.9), 0.3 - blue, blue]) for blue in blues])
    shift = of("yellow_blue", (2 * path - 1)[:, :, None, None].expand(-1, -1, 16, 16)).diff()
    assert shift.min() > 0 and shift.max() < 1.01 * shift.min()


@pytest.mark.parametrize("behind", [(0, 0, 0), (1, 1, 1), (0.9, 0.5, 0.1), (0.3, 0.3, 0.3)])
def test_the_centre_of_mass_is_that_of_a_thing_on_any_background(behind: tuple) -> None:
    image = torch.tensor(behind, dtype=torch.float64)[:, None, None].repeat(1, 64, 64)
    image[:, 8:24, 40:56] = torch.tensor([0.2, 0.8, 0.9], dtype=torch.float64)[:, None, None]
    image[:, :, 60:] = (
        torch.rand(3, 64, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.02
        + image[:, :, 60:] * 0.98
    )
    found = dict(zip(NAMES, read(2 * image[None] - 1)[0].tolist()))
    assert (found["centre_x"], found["centre_y"]) == pytest.approx((0.5, 0.5), abs=0.02)


def test_a_plain_picture_has_its_centre_in_the_middle_and_no_edges() -> None:
    found = read(torch.full((1, 3, 32, 32), 0.3))[0]
    assert found.tolist() == pytest.approx([0.65, 0, 0, 0, 0, 0, 0, 0], abs=1e-6)


def test_one_edge_from_black_to_white_counts_one_and_two_count_two() -> None:
    for bars, count in ((1, 1), (2, 3)):  # 2 bars: black white black white
        columns = (torch.arange(64) // (32 // bars)) % 2 * 2.0 - 1
        assert of("edges", columns.expand(1, 3, 64, 64)).item() == pytest.approx(count, abs=1e-3)


def test_the_same_picture_at_twice_the_size_gives_nearly_the_same_numbers() -> None:
    images = pictures(12, size=64)
    enlarged = [skimage.transform.resize(image.numpy(), (3, 128, 128), order=1) for image in images]
    twice = torch.tensor(np.stack(enlarged))
    small, large = read(images), read(twice)
    assert torch.allclose(small, large, rtol=0.01, atol=0.002)
    varied = (small - large.roll(1, 0)).abs().amax(0)
    assert (varied > 5 * (small - large).abs().amax(0)).all(), "another picture gives other numbers"


def test_the_statistics_have_exact_gradients() -> None:
    image = pictures(1, size=16, detail=6).requires_grad_(True)
    assert torch.autograd.gradcheck(read, (image,), eps=1e-7, atol=1e-5)
    flat = torch.zeros(1, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    assert torch.isfinite(torch.autograd.grad(read(flat).sum(), flat)[0]).all()


# --- slopes


@on_every_twin
def test_slopes_are_central_differences_of_the_statistics(name: str) -> None:
    generator = tiny.GENERATORS[name]().double()
    codes = codes_in_turn(generator, 1, 3).double()
    eps, last = 1e-7, generator.slots - 1
    for slots in ([0], [last], list(range(generator.slots))):
        readings, slopes = statistics.slopes_of(generator, codes, slots)
        assert torch.allclose(readings, read(generator(codes))[0])
        assert slopes.shape == (len(FACTORS), len(slots), generator.dim) and slopes.dtype == torch.float64
        columns = range(generator.dim)[generator.movable]
        for column in (columns[0], columns[-1]):
            moves = []
            for sign in (1, -1):
                moved = codes.clone()
                moved[:, slots[-1], column] += sign * eps
                moves.append(read(generator(moved))[0])
            assert torch.allclose(slopes[:, -1, column], (moves[0] - moves[1]) / (2 * eps), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["biggan", "biggan_deep"])
def test_what_is_not_movable_has_no_slope_and_the_classes_come_in_turn(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    codes = codes_in_turn(generator, 7, 40, psi=0.5)
    for i in range(7):
        alone = generator.codes(generator.sample(1, 40 + i), psi=0.5, label=i % tiny.CLASSES)
        assert torch.equal(codes[i : i + 1], alone)
    slopes = statistics.slopes_of(generator, codes[:1], [0])[1]
    assert not slopes[..., generator.movable.stop :].any() and slopes[..., generator.movable].any()
    drawn = statistics.random_vectors(generator, random_directions(generator, k=1), 5)
    assert not drawn[:, generator.movable.stop :].any() and drawn.norm(dim=1).tolist() == pytest.approx([1] * 5)


# --- measuring


@on_every_twin
def test_changes_are_slopes_times_steps_in_standard_deviations_of_the_model_s_own_pictures(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    slots = (generator.slots - 1,)
    directions = random_directions(generator, slots, k=2, seed=5)
    steps = torch.tensor([0.5, 2.0])
    ran = list(measure(generator, directions, steps, psi=0.7, seeds=5, first_seed=9, random=20))
    assert [(step.done, step.total) for step in ran] == [(i, 5) for i in (1, 2, 3, 4, 5, 5)]
    assert [step.result is None for step in ran] == [True] * 5 + [False]
    found, view = ran[-1].result, generator.at(psi=0.7)
    codes = codes_in_turn(generator, 5, 9, psi=0.7)
    own = torch.cat([read(view(code[None])) for code in codes])
    assert torch.allclose(found.spread, own.std(0), atol=1e-6) and (found.seeds, found.random) == (5, 20)
    for i in range(5):
        slopes = statistics.slopes_of(view, codes[i : i + 1], list(slots))[1][:, 0]
        expected = slopes @ directions.vectors.T * steps / found.spread[:, None]
        expected[found.spread == 0] = 0  # the colours of grey pictures
        assert torch.allclose(found.changes[:, i], expected.T, rtol=1e-4, atol=1e-6)
    assert found.changes.shape == (2, 5, len(FACTORS)) and found.percentile.shape == (2, len(FACTORS))


def test_one_vector_for_all_slots_is_the_same_vector_in_each() -> None:
    generator = tiny.stylegan2()
    shared = random_directions(generator, (1, 3), k=3, seed=5)
    own = Directions(shared.vectors[:, None].repeat(1, 2, 1) / 2**0.5, shared.scores, shared.slots)
    a, b = outcome(generator, shared, random=10, seeds=4), outcome(generator, own, random=10, seeds=4)
    assert torch.allclose(a.changes, b.changes)
    drawn = statistics.random_vectors(generator, own, 10)
    assert drawn.shape == (10, 2, generator.dim) and drawn.flatten(1).norm(dim=1).tolist() == pytest.approx([1] * 10)


def test_a_step_of_a_random_direction_is_that_of_spread_along() -> None:
    generator = tiny.pggan()
    chance = random_directions(generator, k=4, seed=2)
    codes = codes_in_turn(generator, statistics.SAMPLED, statistics.FIRST_SAMPLED)
    assert torch.allclose(statistics.steps_of(codes, chance.vectors), spread_along(generator, chance))


@pytest.mark.parametrize("half", ["autocast", "module"])
@pytest.mark.parametrize("name", ["stylegan2", "stylegan", "pggan", "biggan", "biggan_deep", "dcgan"])
def test_bfloat16_synthesis_says_the_same(name: str, half: str) -> None:
    generator = tiny.GENERATORS[name]()
    directions = random_directions(generator, k=6, seed=5)
    exact = outcome(generator, directions, seeds=6, random=50)
    if half == "autocast":
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = outcome(generator, directions, seeds=6, random=50)
    else:
        rough = outcome(tiny.GENERATORS[name]().bfloat16(), directions, seeds=6, random=50)
    assert rough.changes.dtype == torch.float64 and torch.isfinite(rough.changes).all()
    both = torch.stack([exact.changes.mean(1).flatten(), rough.changes.mean(1).flatten()])
    assert torch.corrcoef(both)[0, 1] > 0.97


def test_a_budget_lowers_the_number_of_pictures_but_never_below_sixteen(monkeypatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr(statistics.time, "perf_counter", lambda: next(clock))  # every picture takes a second
    generator = tiny.pggan()
    directions, steps = random_directions(generator, k=1), torch.ones(1)
    for seconds, pictures_seen in ((3, 16), (20, 20), (None, 24), (1000, 24)):
        *_, last = measure(generator, directions, steps, psi=1, seeds=24, random=5, seconds=seconds)
        assert last.done == last.total == last.result.seeds == last.result.changes.shape[1] == pictures_seen


@pytest.mark.parametrize(
    "change, says",
    [
        (dict(seeds=1), "at least 2 pictures"),
        (dict(random=0), "1 random direction"),
        (dict(steps=torch.ones(3)), "spread_along"),
        (dict(slots=(9,)), "another model"),
        (dict(dim=5), "another model"),
        (dict(slots=()), "another model"),
    ],
)
def test_what_does_not_fit_gets_one_sentence(change: dict, says: str) -> None:
    vectors = torch.ones(1, change.pop("dim", tiny.DIM))
    directions = Directions(vectors, torch.ones(1), change.pop("slots", (0,)))
    with pytest.raises(ValueError, match=says) as error:
        next(measure(tiny.stylegan2(), directions, change.pop("steps", torch.ones(1)), psi=1, **change))
    assert "\n" not in str(error.value)


# --- what is said


class Painter(Generator):
    """A picture that is linear in its code: a grey with texture, plus each code's number times its own pattern."""

    z_dim = dim = 8
    slots, resolution, has_truncation = 1, 16, False
    reads = ((0,),)

    def __init__(self):
        super().__init__()
        across = torch.linspace(-1, 1, 16).expand(16, 16)
        redder = torch.tensor([1.0, -0.2126 / 0.7152, 0])[:, None, None].expand(3, 16, 16)  # no brighter
        patterns = torch.stack([torch.ones(3, 16, 16), across.expand(3, 16, 16), redder, 2 * pictures(1, size=16)[0]])
        patterns = torch.cat([0.05 * patterns.float(), torch.zeros(4, 3, 16, 16)])
        self.patterns = nn.Parameter(patterns, requires_grad=False)
        self.base = nn.Parameter(0.4 * pictures(1, size=16, seed=9)[0].float(), requires_grad=False)
        self.layers = nn.ModuleList([nn.Identity()])

    def codes(self, z: Tensor, *, psi: float = 1.0, cutoff: int | None = None, label: int | None = None) -> Tensor:
        return psi * z[:, None]

    def run(self, codes: Tensor, state: State | None = None, *, start: int = 0, stop: int | None = None) -> State:
        return State(self.base + torch.einsum("nd,dchw->nchw", codes[:, 0], self.patterns))

    def to_image(self, state: State) -> Tensor:
        return state.x


def said_of(found: statistics.Result, knob: int):
    return statistics_verdict(found.changes[knob], found.percentile[knob], FACTORS, random=found.random)


@pytest.mark.parametrize("knob, name", [(0, "brightness"), (1, "light_side"), (2, "red_green")])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_planted_direction_gets_exactly_its_title(knob: int, name: str, sign: int) -> None:
    generator = Painter()
    planted = Directions(sign * torch.eye(8, dtype=torch.float64)[knob : knob + 1], torch.ones(1), (0,))
    found, factor = outcome(generator, planted), FACTORS[PLACE[name]]
    said = said_of(found, 0)
    assert said.strongest == PLACE[name] and found.percentile[0, PLACE[name]] > 0.99
    ends = [factor.low, factor.high][::sign]
    assert said.title.split(" (and")[0] == " / ".join(ends)
    assert said.text.startswith(f"{factor.description.capitalize()}: ")
    assert "in the same sense on 100 % of pictures; " in said.text
    assert said.text.endswith("(16 pictures)") and "of 200 random directions. Next: " in said.text


def test_a_direction_that_does_nothing_gets_no_title() -> None:
    nothing = Directions(torch.eye(8, dtype=torch.float64)[5:6], torch.ones(1), (0,))
    found = outcome(Painter(), nothing)
    said = said_of(found, 0)
    assert not found.changes.any() and not found.percentile.any()
    assert said.strongest is None and said.title == "many things a little" and "more than 0 % of 200" in said.text


def test_a_statistic_that_never_varies_is_moved_by_nothing() -> None:
    generator = tiny.stylegan2()
    found = outcome(generator, random_directions(generator, k=2), psi=0, seeds=4)
    assert not found.spread.gt(1e-6).any() and not found.changes.any()


@pytest.mark.parametrize("name", ["stylegan2", "biggan"])
def test_random_directions_have_uniform_percentiles_and_rarely_a_title(name: str) -> None:
    generator = tiny.GENERATORS[name]()
    found = outcome(generator, random_directions(generator, k=200, seed=77), random=400)
    assert found.percentile.mean() == pytest.approx(0.5, abs=0.08)
    for shares in found.percentile.T:
        assert scipy.stats.kstest(shares.numpy(), "uniform").pvalue > 1e-4
    assert sum(said_of(found, i).strongest is not None for i in range(200)) <= 0.1 * 200


def test_a_verdict_says_what_moved_how_much_against_what_on_how_many() -> None:
    changes = torch.zeros(64, len(FACTORS), dtype=torch.float64)
    changes[:, 0], changes[:, 3] = 0.84 + 0.2 * tiny.normal(64), -0.3
    changes[:5, 0] = -0.1
    percentile = torch.full((len(FACTORS),), 0.995, dtype=torch.float64)
    mean, low, high = (float(bound[0]) for bound in scores.interval(changes))
    said = statistics_verdict(changes, percentile, FACTORS, random=200)
    assert said.text == (
        f"Brightness: {mean:.2f} standard deviations a step (95 %: {low:.2f} to {high:.2f}), in the "
        "same sense on 92 % of pictures; more than 99 % of 200 random directions. "
        "Next: blue-yellow colour, 0.30. (64 pictures)"
    )
    assert "more than all of 200 random" in statistics_verdict(changes, torch.ones(8), FACTORS, random=200).text
    ordinary = statistics_verdict(changes, percentile - 0.05, FACTORS, random=200)
    assert ordinary.title == "many things a little"
    assert ordinary.text.endswith("a step; more than 94 % of 200 random directions. (64 pictures)")


def test_slopes_foretell_what_a_turn_of_one_step_does() -> None:
    """On the bundled model: the sign of (picture at +1 step) - (picture at -1 step); the control is another knob's."""
    generator, psi = zoo.load("portraits-stylegan2"), zoo.card("portraits-stylegan2").psi
    directions = sefa(generator, k=6)
    steps = spread_along(generator, directions)
    found = outcome(generator, directions, psi=psi, seeds=12)
    codes = codes_in_turn(generator, 12, 1_020_000, psi=psi)
    ways = torch.diag(steps).tolist()
    turned = torch.stack(
        [
            read(generator(edit(codes, directions, way)))
            - read(generator(edit(codes, directions, [-amount for amount in way])))
            for way in ways
        ]
    )
    agree = float((turned.sign() == found.changes.sign()).double().mean())
    control = float((turned.sign() == found.changes.roll(1, 0).sign()).double().mean())
    assert agree > 0.88 and control < 0.65
    means = torch.stack([(turned / 2 / found.spread).mean(1).flatten(), found.changes.mean(1).flatten()])
    assert torch.corrcoef(means)[0, 1] > 0.9
