"""What a recipe may add to training does what its paper says, and a variant is judged the same however it was run."""

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
from scipy import ndimage

from core.critics import Critic
from core.generators.base import Generator
from core.generators.stylegan2 import StyleGAN2
from core.truth.readers import PartReader
from weights.recipes import experiment
from weights.recipes.measure.evidence import blurred
from weights.recipes.train import features, runs
from weights.recipes.train.augment import WAYS, augmented
from weights.recipes.train.autoencoder import divergence, drawn_from
from weights.recipes.train.features import FactorEncoder, load_encoder
from weights.recipes.train.gan import Training, scale_styles
from weights.recipes.train.path_length import DECAY, PathLength, path_lengths
from weights.recipes.train.projected import FeatureCritic, FrozenFeatures
from weights.recipes.train.recipes import RECIPES, Recipe, critic
from weights.recipes.train.spectrum import too_colourful, wanted_power

WIDTHS = (8, 8, 6)
ALL = dict(
    path_length=2.0,
    mapping_rate=5.0,
    style_scale=2.0,
    augment=tuple(WAYS),
    projected=1.0,
    relativistic=True,
    chroma=1.0,
    autoencode=5.0,
)


def tiny_stylegan2(resolution: int) -> StyleGAN2:
    widths = (*WIDTHS, 6, 6)[: resolution.bit_length() - 2]
    return StyleGAN2(resolution=resolution, channels=widths, z_dim=8, dim=8, mapping_layers=2)


def tiny_recipe(resolution: int = 16, **changes) -> Recipe:
    widths = (*WIDTHS, 6, 6)[: resolution.bit_length() - 2]
    recipe = Recipe(
        "portraits",
        tiny_stylegan2,
        lambda r: Critic(resolution=r, channels=widths),
        resolution=resolution,
        images=1000,
        batch=8,
    )
    return dataclasses.replace(recipe, **changes)


def random_pictures(n: int, resolution: int = 16, *, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (n, 3, resolution, resolution), dtype=torch.uint8, generator=seeded(seed))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def part_reader(monkeypatch) -> PartReader:
    torch.manual_seed(5)
    reader = PartReader(resolution=16, names=("face", "wall"), widths=(6, 8)).eval().requires_grad_(False)
    monkeypatch.setattr(features.zoo, "load_part_reader", lambda world: reader)
    return reader


@pytest.fixture
def factor_encoder(monkeypatch) -> FactorEncoder:
    torch.manual_seed(6)
    encoder = FactorEncoder(resolution=16, factors=3, widths=(6, 8), hidden=8).eval().requires_grad_(False)
    monkeypatch.setattr(features, "load_encoder", lambda path, world, resolution: encoder)
    return encoder


def state_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed(before: dict[str, torch.Tensor], module: torch.nn.Module) -> set[str]:
    return {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}


# --- training with all of it


def test_training_with_every_option_goes_on_after_an_interruption_as_if_there_had_been_none(factor_encoder, tmp_path):
    bank, recipe = random_pictures(32), tiny_recipe(**ALL)
    whole, half = Training(recipe, bank), Training(recipe, bank)
    for _ in range(6):
        whole.step()
    for _ in range(3):
        half.step()
    torch.save(half.state_dict(), tmp_path / "checkpoint.pt")
    resumed = Training(recipe, bank, seed=99)
    resumed.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    for _ in range(3):
        resumed.step()
    for name in ("generator", "ema", "critic", "second"):
        assert not changed(state_of(getattr(whole, name)), getattr(resumed, name)), name
    assert resumed.paths.mean == whole.paths.mean > 0
    assert resumed.seconds > 0


@pytest.mark.parametrize("option, other", list(ALL.items()))
def test_every_option_changes_what_is_learned(option, other, factor_encoder):
    plain, with_it = (Training(tiny_recipe(**changes), random_pictures(32)) for changes in ({}, {option: other}))
    for training in (plain, with_it):
        for _ in range(2):
            training.step()
    assert changed(state_of(plain.generator), with_it.generator)


def test_a_mapping_at_five_times_the_rate_takes_a_first_step_five_times_as_long():
    moved = {}
    for factor in (1.0, 5.0):
        training = Training(tiny_recipe(mapping_rate=factor), random_pictures(32))
        before = copy.deepcopy(training.generator)
        training.step()
        moved[factor] = {
            name: float((p - q).detach().abs().median())
            for (name, p), q in zip(training.generator.named_parameters(), before.parameters())
        }
    mapping = [name for name in moved[1.0] if name.startswith("mapping") and name.endswith("weight")]
    others = [name for name in moved[1.0] if not name.startswith("mapping") and moved[1.0][name] > 0]
    assert len(mapping) == 2 and others
    assert all(moved[5.0][name] == pytest.approx(5 * moved[1.0][name], rel=0.02) for name in mapping)
    assert all(moved[5.0][name] == pytest.approx(moved[1.0][name], rel=0.02) for name in others)


def test_scaled_style_maps_scale_what_sefa_reads_and_nothing_else():
    generator = tiny_stylegan2(16)
    before, biases = state_of(generator), [generator.first_weight(slot).clone() for slot in range(generator.slots)]
    scale_styles(generator, 3.0)
    assert all(torch.allclose(generator.first_weight(slot), 3 * was) for slot, was in enumerate(biases))
    assert changed(before, generator) and all(name.endswith("affine.weight") for name in changed(before, generator))


# --- path length


class Linear(Generator):
    """The picture is a matrix times the codes of all slots: its Jacobian is that matrix, everywhere."""

    slots, dim, resolution = 2, 3, 4

    def __init__(self, stretch: tuple[float, ...] = (1.0, 1.0)):
        super().__init__()
        maps = torch.randn(2, 48, 3, generator=seeded(1)) * torch.tensor(stretch)[:, None, None]
        self.maps = torch.nn.Parameter(maps)

    def forward(self, codes):
        return torch.einsum("spd,nsd->np", self.maps, codes).reshape(-1, 3, 4, 4)


def test_path_lengths_are_those_of_the_jacobian_s_products_with_noise():
    generator, codes = Linear((1.0, 2.0)), torch.zeros(5, 2, 3, requires_grad=True)
    lengths = path_lengths(generator, codes, seeded(3))
    noise = torch.randn(5, 48, generator=seeded(3)).numpy() / 4  # the root of 16 pixels
    products = np.einsum("spd,np->nsd", generator.maps.detach().numpy(), noise)
    assert lengths.detach().numpy() == pytest.approx(np.sqrt((products**2).sum(2).mean(1)), rel=1e-5)
    twice = path_lengths(Linear((2.0, 4.0)), codes, seeded(3))
    assert torch.allclose(twice, 2 * lengths)


def test_the_target_of_the_lengths_is_their_running_mean():
    generator, codes, paths = Linear(), torch.zeros(64, 2, 3, requires_grad=True), PathLength()
    mean = 0.0
    for i in range(3):
        lengths = path_lengths(generator, codes, seeded(i)).detach()
        mean += DECAY * (float(lengths.mean()) - mean)
        penalty = paths.penalty(generator, codes, seeded(i))
        assert paths.mean == pytest.approx(mean, rel=1e-5)
        assert float(penalty.detach()) == pytest.approx(float(((lengths - mean) ** 2).mean()), rel=1e-4)


def test_the_penalty_makes_the_lengths_of_a_generator_s_paths_more_alike():
    torch.manual_seed(0)
    generator, random = tiny_stylegan2(16), seeded(2)
    scale_styles(generator, 3.0)
    z, paths = torch.randn(32, 8, generator=seeded(4)), PathLength()

    def unevenness() -> float:
        lengths = path_lengths(generator, generator.codes(z), seeded(7)).detach()
        return float(lengths.std() / lengths.mean())

    before = unevenness()
    paths.mean = path_lengths(generator, generator.codes(z), seeded(7)).mean().item()
    optimizer = torch.optim.Adam(generator.parameters(), 0.003, betas=(0.0, 0.99))
    for _ in range(60):
        optimizer.zero_grad(set_to_none=True)
        paths.penalty(generator, generator.codes(torch.randn(32, 8, generator=random)), random).backward()
        optimizer.step()
    assert unevenness() < 0.8 * before


# --- augmentation


@pytest.mark.parametrize("name", WAYS)
def test_an_augmentation_passes_on_gradients_as_finite_differences_say(name):
    images = torch.rand(4, 3, 16, 16, generator=seeded(0), dtype=torch.float64).mul(2).sub(1).requires_grad_()
    weight = torch.randn(4, 3, 16, 16, generator=seeded(1), dtype=torch.float64)
    direction = torch.randn(4, 3, 16, 16, generator=seeded(2), dtype=torch.float64)

    def value(x):
        return (WAYS[name](x, seeded(9)) * weight).sum()

    (gradient,) = torch.autograd.grad(value(images), images)
    with torch.no_grad():
        slope = (value(images + 1e-4 * direction) - value(images - 1e-4 * direction)) / 2e-4
    assert float((gradient * direction).sum()) == pytest.approx(float(slope), rel=1e-6) != 0


def test_a_translation_moves_each_picture_by_whole_pixels_and_fills_with_grey():
    images = torch.rand(40, 3, 16, 16, generator=seeded(0))
    moved, shifts = WAYS["translation"](images, seeded(1)).numpy(), set()
    for picture, result in zip(images.numpy(), moved):
        padded = np.pad(picture, ((0, 0), (2, 2), (2, 2)))
        fits = [(r, c) for r in range(5) for c in range(5) if (padded[:, r : r + 16, c : c + 16] == result).all()]
        assert len(fits) == 1
        shifts |= set(fits)
    assert len(shifts) > 12, "each picture has a draw of its own"


def test_a_cutout_greys_at_most_a_square_of_half_the_side_and_touches_nothing_else():
    images = torch.rand(40, 3, 16, 16, generator=seeded(0)) + 0.1
    cut = WAYS["cutout"](images, seeded(1))
    gone = (cut == 0).all(1)
    assert ((cut == images) | (cut == 0)).all()
    rows, columns = gone.any(2).sum(1), gone.any(1).sum(1)
    assert (gone.sum((1, 2)) == rows * columns).all() and rows.max() == columns.max() == 8
    assert len({tuple(where.flatten().tolist()) for where in gone}) > 20


def test_colours_change_by_a_brightness_a_saturation_and_a_contrast_of_each_picture():
    images = torch.rand(40, 3, 16, 16, generator=seeded(0)) - 0.5
    changed_ = WAYS["colour"](images, seeded(1))
    grey, result = images.mean(1), changed_.mean(1)
    for i in range(40):  # grey values follow one line: contrast is its slope, brightness shifts it
        slope, shift = np.polyfit(grey[i].flatten().numpy(), result[i].flatten().numpy(), 1)
        assert 0.5 <= slope <= 1.5 and abs(shift) < 0.5 + 0.5 * abs(float(grey[i].mean()))
        assert torch.allclose(result[i], float(slope) * grey[i] + float(shift), atol=1e-5)
        chroma, new = images[i] - grey[i], changed_[i] - result[i]
        saturation = float((chroma * new).sum() / (chroma * chroma).sum())
        assert 0 <= saturation <= 2 * slope + 1e-5 and torch.allclose(new, saturation * chroma, atol=1e-5)


def test_no_augmentation_draws_nothing():
    images, random = torch.rand(2, 3, 16, 16), seeded(3)
    assert augmented(images, (), random) is images
    assert torch.equal(torch.rand(4, generator=random), torch.rand(4, generator=seeded(3)))


# --- a fake compared with a render


def test_relativistic_losses_are_of_differences_and_both_kinds_of_pictures_are_penalised(monkeypatch):
    training = Training(tiny_recipe(relativistic=True), random_pictures(32))
    of_what = []
    monkeypatch.setattr(
        training, "penalty", lambda images: of_what.append(images) or torch.zeros((), requires_grad=True)
    )
    fake, real = torch.zeros(8, 3, 16, 16), torch.ones(8, 3, 16, 16)
    loss = training.step_critics(fake, real, seeded(0))
    assert len(of_what) == 2 and torch.equal(of_what[1], fake), "R1 of renders, then R2 of these very fakes"
    training = Training(tiny_recipe(relativistic=True), random_pictures(32))  # a critic before its first step
    with torch.no_grad(), training.autocast():
        above = training.critic(fake) - training.critic(real)
    assert loss == pytest.approx(float(torch.nn.functional.softplus(above).mean()), abs=1e-4)


def test_without_it_fakes_are_not_penalised(monkeypatch):
    training, of_what = Training(tiny_recipe(), random_pictures(32)), []
    monkeypatch.setattr(
        training, "penalty", lambda images: of_what.append(images) or torch.zeros((), requires_grad=True)
    )
    training.step_critics(torch.zeros(8, 3, 16, 16), torch.ones(8, 3, 16, 16), seeded(0))
    assert len(of_what) == 1


# --- an encoder beside the generator


def test_the_divergence_is_that_of_two_normal_distributions():
    mean, log_variance = torch.randn(40, 8, generator=seeded(0)), torch.randn(40, 8, generator=seeded(1))
    codes = torch.distributions.Normal(mean, (log_variance / 2).exp())
    standard = torch.distributions.Normal(torch.zeros(8), torch.ones(8))
    wanted = torch.distributions.kl_divergence(codes, standard).sum(1).mean()
    assert divergence(mean, log_variance) == pytest.approx(float(wanted), rel=1e-5)
    assert divergence(torch.zeros(2, 3), torch.zeros(2, 3)) == 0
    drawn = drawn_from(torch.full((4000, 1), 2.0), torch.full((4000, 1), np.log(0.25)), seeded(2))
    assert drawn.mean() == pytest.approx(2, abs=0.05) and drawn.std() == pytest.approx(0.5, abs=0.05)


def test_before_the_game_only_copies_are_learned_and_they_come_nearer():
    training = Training(tiny_recipe(autoencode=5.0, alone=10_000), random_pictures(8, 16))
    critic = state_of(training.critic)

    @torch.no_grad()
    def far() -> float:
        return float(training.copies(seeded(0), 8))

    before = far()
    for _ in range(25):
        training.step()
    assert not changed(critic, training.critic) and far() < 0.9 * before
    training.shown = 10_000
    training.step()
    assert changed(critic, training.critic)


def test_of_a_generator_that_was_trained_before_only_the_encoder_learns_first():
    training = Training(tiny_recipe(autoencode=5.0, alone=10_000), random_pictures(8, 16))
    training.warm_start(training.generator, training.critic, step=0, shown=0)
    generator, encoder = state_of(training.generator), state_of(training.encoder)
    for _ in range(2):
        training.step()
    assert not changed(generator, training.generator) and changed(encoder, training.encoder)


# --- colours


def test_a_weave_costs_and_descent_takes_it_out_and_leaves_the_rest():
    bank = random_pictures(600, 16)
    theirs, wanted = bank[:64].float() / 127.5 - 1, wanted_power(bank)
    wave = 0.3 * torch.cos(2 * torch.pi * 7 * torch.arange(16) / 16)
    weave = torch.tensor([1.0, 0.0, -1.0])[:, None, None] * wave.expand(16, 16)
    assert too_colourful(theirs + weave, wanted) > 4 * too_colourful(theirs, wanted)
    assert too_colourful(0.5 * theirs, wanted) < 1e-3, "less colour than wanted costs nothing"
    added = weave.clone().requires_grad_()
    optimizer = torch.optim.Adam([added], 0.02)
    for _ in range(60):
        optimizer.zero_grad()
        too_colourful(theirs + added, wanted).backward()
        optimizer.step()
    left = torch.fft.rfft2(added.detach()[0] - added.detach()[2], norm="ortho").abs()[0, 7]
    assert left < 0.3 * torch.fft.rfft2(weave[0] - weave[2], norm="ortho").abs()[0, 7]


# --- the second critic


def test_the_encoder_is_trained_once_and_then_read_from_its_file(tmp_path):
    path = tmp_path / "there" / "portraits.pt"
    first = load_encoder(path, "portraits", 32, n=64, passes=2)
    trained_at = path.stat().st_mtime_ns
    again = load_encoder(path, "portraits", 32, n=64, passes=2)
    assert path.stat().st_mtime_ns == trained_at and not changed(state_of(first), again)
    assert not first.training and not any(parameter.requires_grad for parameter in first.parameters())
    assert first(torch.zeros(2, 3, 32, 32)).shape == (2, 27)


def test_only_the_judges_of_the_features_learn(part_reader):
    training = Training(tiny_recipe(projected=1.0, features="parts"), random_pictures(32))
    frozen, judges = state_of(training.second.features), state_of(training.second.judges)
    given = state_of(part_reader)
    for _ in range(3):
        training.step()
    assert not changed(frozen, training.second.features) and not changed(given, part_reader)
    weights = {name for name, p in training.second.judges.named_parameters() if p.ndim == 4}
    assert weights <= changed(judges, training.second.judges)
    assert not any(parameter.requires_grad for parameter in training.second.features.parameters())


def test_mixed_features_of_the_finest_scale_know_of_the_coarsest(part_reader):
    torch.manual_seed(0)
    mixed, images = FrozenFeatures(part_reader), torch.rand(2, 3, 16, 16, generator=seeded(1))
    before = mixed(images)
    assert [tuple(x.shape) for x in before] == [(2, 6, 16, 16), (2, 8, 8, 8)]
    with torch.no_grad():
        mixed.across[1].weight.add_(1.0)
    assert not torch.allclose(mixed(images)[0], before[0])
    with torch.no_grad():
        mixed.across[0].weight.add_(1.0)
    coarse = mixed(images)[1]
    with torch.no_grad():
        mixed.across[0].weight.add_(1.0)
    assert torch.equal(mixed(images)[1], coarse), "what is mixed goes from coarse to fine"


def test_a_feature_critic_tells_two_kinds_of_pictures_apart_and_not_one_kind_from_itself(part_reader):
    smooth = torch.nn.functional.interpolate(random_pictures(256, 4).float() / 127.5 - 1, size=(16, 16))
    rough = random_pictures(256, seed=1).float() / 127.5 - 1
    loss = {}
    for name, other in (("rough", rough), ("smooth", smooth)):
        torch.manual_seed(0)
        second, random = FeatureCritic(part_reader), seeded(0)
        optimizer = torch.optim.Adam(second.judges.parameters(), 0.005, betas=(0.0, 0.99))
        for _ in range(120):
            fake, real = (x[torch.randint(0, 256, (16,), generator=random)] for x in (other, smooth))
            value = second.critic_loss(fake, real)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()
        loss[name] = float(value.detach())
    assert loss["rough"] < 1.3 < 1.7 < loss["smooth"] < 2.4, "2 is the loss of one that says nothing"


# --- the command


def test_every_variant_says_what_it_is_and_changes_only_what_a_recipe_has():
    base = dataclasses.replace(RECIPES[experiment.BASE], images=experiment.FOREVER)
    assert experiment.variant("baseline") == base
    assert experiment.SAYS.keys() == experiment.VARIANTS.keys()
    assert all(experiment.variant(name) != base for name in experiment.VARIANTS if name != "baseline")


def test_variants_keep_the_budget_of_parameters():
    sizes = {
        name: sum(p.numel() for p in experiment.variant(name).generator(64).parameters())
        for name in experiment.VARIANTS
    }
    assert max(sizes.values()) <= 1_050_000, sizes
    assert critic(64).channels == experiment.variant("baseline").critic(64).channels


@pytest.fixture
def tiny_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RUNS", tmp_path)
    monkeypatch.setattr(runs, "load_bank", lambda *a, **k: random_pictures(32, 64))
    monkeypatch.setattr(runs, "W_AVERAGE_OVER", 200)
    monkeypatch.setattr(experiment, "variant", lambda name: tiny_recipe(64, images=10**6))
    for name, value in dict(SAMPLES=32, FACES=4, KNOBS=3, RANDOM=3).items():
        monkeypatch.setattr(experiment, name, value)
    return tmp_path / "experiment"


def test_a_run_that_was_stopped_and_gone_on_with_is_judged_as_one_that_was_not(tiny_runs, monkeypatch):
    whole = experiment.run("whole", 32)
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "FOREVER", 0)
        with pytest.raises(RuntimeError, match="stopped at 0 of 32 images: run the command again"):
            experiment.run("stopped", 32)
    experiment.run("stopped", 16)
    parts = experiment.run("stopped", 32)
    assert {key: value for key, value in parts.items() if key not in ("variant", "core_minutes")} == {
        key: value for key, value in whole.items() if key not in ("variant", "core_minutes")
    }
    assert whole["images"] == 32 and len(whole["sefa"]) == 3 and len(whole["wasserstein"]) == 3
    json.dumps(whole, allow_nan=False)
    (state,) = (path.name for path in (tiny_runs / "whole").glob("*k"))
    again = experiment.kept("whole", state)
    assert again == {key: whole[key] for key in again} and again["frechet"] > 0
    with pytest.raises(RuntimeError, match="whole has not kept 00099k: it kept 00000k"):
        experiment.kept("whole", "00099k")


def test_a_run_from_the_bundled_files_starts_with_their_weights_and_counts_from_zero(tiny_runs):
    experiment.start_from_bundled("paths-bundled")
    training = Training(dataclasses.replace(RECIPES[experiment.BASE], batch=8), random_pictures(8, 64))
    assert runs.resume(training, "experiment/paths-bundled", tiny_runs / "paths-bundled") != "nothing"
    bundled = features.zoo.load(experiment.BASE)
    assert training.shown == 0 and all(
        torch.equal(p, q) for p, q in zip(bundled.parameters(), training.generator.parameters(), strict=True)
    )
    assert not experiment.needs_own_start("paths")
    assert experiment.needs_own_start("fine-widths") and experiment.needs_own_start("wide-styles")


def test_a_variant_that_changes_networks_says_that_it_cannot_start_from_the_bundled_files(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["experiment", "fine-widths", "--bundled"])
    with pytest.raises(SystemExit):
        experiment.main()
    assert "fine-widths changes how networks begin: leave out --bundled" in capsys.readouterr().err


def test_the_table_has_the_last_row_of_every_variant_and_count(tiny_runs):
    assert experiment.rows() == []
    row = dict(
        variant="baseline",
        start="nothing",
        images=20_000,
        core_minutes=12.3,
        frechet=9.0,
        wasserstein=[1.0, 2.0, 3.0],
        diversity_least=0.1,
        diversity_least_of="gaze",
        diversity_median=0.5,
        sefa=[0.1, 0.2, 0.6],
        random=0.05,
        sefa_found=["yaw"],
    )
    for changes in ({}, dict(frechet=8.0), dict(images=60_000, frechet=5.0), dict(variant="paths", frechet=7.0)):
        experiment.write({**row, **changes})
    assert [(r["variant"], r["images"], r["frechet"]) for r in experiment.rows()] == [
        ("paths", 20_000, 7.0),
        ("baseline", 20_000, 8.0),
        ("baseline", 60_000, 5.0),
    ]
    assert experiment.line(row) == (
        "| baseline: today's recipe | nothing | 20,000 | 12 | 9.0 | 1, 2, 3 | 0.10 (gaze), 0.50 "
        "| 0.20, 0.10 (0.05) | 1 |"
    )
    assert experiment.head().splitlines()[0].count("|") == experiment.line(row).count("|")


def test_renders_are_blurred_by_a_gaussian_of_one_pixel():
    images = torch.rand(2, 3, 16, 16, generator=seeded(0))
    expected = ndimage.gaussian_filter(images.numpy(), (0, 0, 1, 1), mode="nearest", truncate=3)
    assert blurred(images).numpy() == pytest.approx(expected, abs=1e-5)


def test_other_renders_are_judged_as_renders_and_blurred_ones_are_not(monkeypatch):
    monkeypatch.setattr(experiment, "SAMPLES", 150)
    again, spoilt = experiment.scale()
    assert again["frechet"] < spoilt["frechet"] and again["wasserstein"][0] < spoilt["wasserstein"][0]
    assert again["diversity_median"] == pytest.approx(1, abs=0.1) and again["diversity_least"] > 0.8
