"""Training is one chain of steps, wherever it was interrupted."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from core.checkpoints import native
from core.critics import Critic, minibatch_std
from core.generators.biggan import BigGAN
from core.generators.pggan import PGGAN
from core.generators.stylegan2 import StyleGAN2
from core.truth.worlds import objects
from weights.recipes.train import distil, runs
from weights.recipes.train import gan as train
from weights.recipes.train.autoencoder import Encoder
from weights.recipes.train.gan import FOR_STEPS, TOO_EASY, Training
from weights.recipes.train.recipes import RECIPES, Recipe
from weights.recipes.train.runs import finished, resume, start_files
from weights.recipes.train.teacher import Teacher, distance
from weights.recipes.train.variety import too_alike, variety

WIDTHS = (8, 8, 6)


def tiny_recipe(kind: str = "stylegan2", **changes) -> Recipe:
    def generator(resolution):
        if kind == "pggan":
            return PGGAN(resolution=resolution, channels=WIDTHS, dim=8)
        if kind == "biggan":
            return BigGAN(resolution=resolution, channels=(16, 8, 8), z_dim=12, classes=3, class_dim=4, attention=(8,))
        return StyleGAN2(resolution=resolution, channels=WIDTHS, z_dim=8, dim=8, mapping_layers=2)

    classes = 3 if kind == "biggan" else 0
    recipe = Recipe(
        "portraits",
        generator,
        lambda r: Critic(resolution=r, channels=WIDTHS, classes=classes),
        resolution=16,
        images=1000,
        batch=6,
        mixing=0 if classes else 0.5,
    )
    return dataclasses.replace(recipe, **changes)


@pytest.fixture
def bank():
    return torch.randint(0, 256, (32, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def tensors(training: Training) -> dict[str, torch.Tensor]:
    found = {}

    def walk(name, value):
        if isinstance(value, torch.Tensor):
            found[name] = value
        elif isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}", inner)
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                walk(f"{name}.{i}", inner)

    walk("", training.state_dict())
    return found


LABELS = torch.arange(32) % 3


COPIED = dict(autoencode=20.0, encoder=WIDTHS, chroma=1.0, alone=32)  # four steps of eight pictures


@pytest.mark.parametrize(
    "kind, more", [("stylegan2", {}), ("pggan", {}), ("biggan", {}), ("stylegan2", COPIED), ("biggan", COPIED)]
)
def test_six_steps_equal_three_steps_saved_resumed_and_three_more(kind, more, bank, tmp_path):
    labels = LABELS if kind == "biggan" else None
    recipe = tiny_recipe(kind, **more)
    whole = Training(recipe, bank, labels)
    for _ in range(6):
        whole.step()
    half = Training(recipe, bank, labels)
    for _ in range(3):
        half.step()
    torch.save(half.state_dict(), tmp_path / "checkpoint.pt")
    # Other initial weights: all must come from the file.
    resumed = Training(recipe, bank, labels, seed=99)
    resumed.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    for _ in range(3):
        resumed.step()
    expected, got = tensors(whole), tensors(resumed)
    assert expected.keys() == got.keys()
    different = [name for name in expected if not torch.equal(expected[name], got[name])]
    assert not different, different


def test_before_the_game_a_batch_has_every_class_and_only_copies_are_learned(bank):
    labels = torch.arange(32) % 12
    recipe = tiny_recipe("biggan", **COPIED | dict(alone=24))
    training = Training(recipe, bank, labels)
    before = copy.deepcopy(training.critic)
    training.step()
    assert training.shown == 12, "one picture of each class, where eight are fewer"
    training.step()
    assert all(torch.equal(a, b) for a, b in zip(before.parameters(), training.critic.parameters()))
    training.step()
    assert training.shown == 24 + recipe.batch
    assert not all(torch.equal(a, b) for a, b in zip(before.parameters(), training.critic.parameters()))


def test_an_encoder_has_means_of_each_class(bank):
    images, labels = bank.float() / 127.5 - 1, LABELS
    encoder = Encoder(channels=WIDTHS, z_dim=12, classes=3)
    with torch.no_grad():
        plain, spread = encoder(images, labels)
        encoder.named[1] += 2.0
        moved, same = encoder(images, labels)
    apart = (moved - plain).mean(1)
    assert torch.allclose(apart, 2.0 * (labels == 1).float(), atol=1e-5) and torch.equal(spread, same)
    assert Encoder(channels=WIDTHS, z_dim=12).named is None


@pytest.mark.parametrize("channels, which", [(WIDTHS, "a distilled generator"), ((8, 8, 8), "nothing")])
def test_files_of_another_layout_are_left_aside(channels, which, bank, tmp_path):
    training, (generator, its_critic) = Training(tiny_recipe("pggan"), bank), start_files(tmp_path)
    native.save(PGGAN(resolution=16, channels=channels, dim=8), generator)
    native.save(training.critic, its_critic)
    assert resume(training, "no such model", tmp_path) == which


def test_another_seed_is_another_run(bank):
    one, other = Training(tiny_recipe(), bank), Training(tiny_recipe(), bank, seed=1)
    assert any(not torch.equal(a, b) for a, b in zip(one.generator.parameters(), other.generator.parameters()))


def test_the_average_follows_the_generator_and_lags_behind(bank):
    training = Training(tiny_recipe(), bank)
    training.shown = 10_000  # a half-life of 500 images
    before = copy.deepcopy(training.ema)
    for _ in range(3):
        training.step()
    start, average, now = (next(m.parameters()) for m in (before, training.ema, training.generator))
    assert 0 < (average - start).norm() < (now - start).norm()


def test_a_critic_that_has_it_too_easy_gets_twice_the_penalty(bank):
    easy, busy = Training(tiny_recipe(), bank), Training(tiny_recipe(), bank)
    for _ in range(2 * FOR_STEPS):
        easy.watch(TOO_EASY / 2)
        busy.watch(TOO_EASY * 2)
    assert easy.gamma == 2 * easy.recipe.gamma
    assert busy.gamma == busy.recipe.gamma


def test_every_class_is_shown_equally_often_with_pictures_of_its_own():
    flat = LABELS[:, None, None, None].to(torch.uint8).mul(100).expand(-1, 3, 16, 16)  # the class is the brightness
    training = Training(tiny_recipe("biggan"), flat, LABELS)
    shown = (training.reals(torch.Generator().manual_seed(1), 6).mean((1, 2, 3)) + 1) * 127.5
    assert shown.round().div(100).int().tolist() == training.labels(6).tolist() == [0, 1, 2, 0, 1, 2]


def test_the_objects_critic_compares_pictures_of_one_class():
    """Two classes that look different, each always the same, have no variety for it; mixed groups would see some."""
    recipe = RECIPES["objects-biggan"]
    labels = torch.arange(recipe.batch) % len(objects.CLASSES)
    flat = labels.float().sub(8)[:, None, None, None].expand(-1, 5, 4, 4)

    def variety(group: int) -> float:
        return float(minibatch_std(flat, group)[:, -1].max())

    assert variety(recipe.critic(recipe.resolution).group) < 1e-3 < 1 < variety(8)


def test_a_finished_biggan_draws_alone_as_in_a_batch(bank):
    training = Training(tiny_recipe("biggan"), bank, LABELS)
    for _ in range(3):
        training.step()
    generator = finished(training, statistics_over=256)
    codes = generator.codes(generator.sample(4, 0), label=[0, 1, 2, 0])
    assert torch.allclose(generator(codes)[1:2], generator(codes[1:2]), atol=1e-5)
    assert any((gate.var != training.ema.gates[i].var).any() for i, gate in enumerate(generator.gates))


def test_bundled_files_and_recipes_agree():
    for name, recipe in RECIPES.items():
        from core import zoo

        if name in zoo.CARDS:
            facts = native.metadata(zoo.card(name).path)
            assert int(facts["images_shown"]) > 0
            assert zoo.load(name).resolution == recipe.resolution
            assert zoo.card(name).spread == recipe.spread


def test_pictures_of_a_class_are_asked_to_differ_as_much_as_its_renders_and_no_more():
    random = torch.Generator().manual_seed(0)
    bank = torch.randint(0, 256, (300, 3, 16, 16), dtype=torch.uint8, generator=random)
    bank[100:200] = bank[100:200] // 4 + 96  # class 1 varies a quarter as much
    wanted = variety(bank, list(torch.arange(300).split(100)))
    pairs = bank[:100].numpy().astype(float) / 127.5 - 1
    squares = pairs.reshape(100, 3, 4, 4, 4, 4).mean((3, 5))  # at 16 px a place is a square
    apart = np.abs(squares[:, None] - squares[None]).mean((2, 3, 4))[~np.eye(100, dtype=bool)].mean()
    assert wanted.shape == (3, 17) and float(wanted[0, 0]) == pytest.approx(apart, rel=0.05)
    assert float(wanted[1, 0] / wanted[0, 0]) == pytest.approx(0.25, rel=0.1)

    def drawn(rows: torch.Tensor) -> torch.Tensor:  # classes in turn
        return (bank[rows].float() / 127.5 - 1).requires_grad_()

    as_renders = drawn((torch.arange(120) % 3) * 100 + torch.arange(120) // 3)
    one_look = drawn((torch.arange(120) % 3) * 100)
    other_classes = drawn(((torch.arange(120) + 1) % 3) * 100 + torch.arange(120) // 3)
    assert too_alike(as_renders, wanted) < 0.05 < 0.3 < too_alike(other_classes, wanted) < too_alike(one_look, wanted)
    assert too_alike(one_look, wanted).item() == pytest.approx(2)
    more = (2 * as_renders).detach().requires_grad_()
    too_alike(more, wanted).backward()
    assert not more.grad.any()  # more than the renders is nobody's fault


def test_an_anchor_holds_the_pictures_to_the_teacher_s(bank, monkeypatch):
    torch.manual_seed(3)
    of_zoo = tiny_recipe().generator(16).eval().requires_grad_(False)
    monkeypatch.setattr(train.zoo, "load", lambda name: of_zoo)
    z, far = torch.randn(16, 8, generator=torch.Generator().manual_seed(9)), {}
    for anchor in (0.0, 50.0):
        training = Training(tiny_recipe("pggan", teacher="portraits", anchor=anchor, rate=0.01), bank)
        with torch.no_grad():
            before = float(distance(training.generator(training.generator.codes(z)), training.teacher(z)))
            for _ in range(20):
                with torch.enable_grad():
                    training.step()
            far[anchor] = float(distance(training.generator(training.generator.codes(z)), training.teacher(z))) / before
    assert far[50.0] < 0.8 and far[50.0] < 0.8 * far[0.0]
    assert Training(tiny_recipe("pggan"), bank).teacher is None


def test_noise_stands_for_codes_with_the_mean_and_covariance_of_the_mapping_s():
    teacher = Teacher(tiny_recipe().generator(16).eval().requires_grad_(False))
    seen = []
    teacher.generator.forward = lambda codes: seen.append(codes[:, 0])
    z = torch.randn(20_000, 8, generator=torch.Generator().manual_seed(5))
    teacher(z)
    made, mapped = (torch.nn.functional.leaky_relu(w, 5.0).double() for w in (seen[0], teacher.generator.map(z)))
    spread = mapped.std(0).max()
    assert (made.mean(0) - mapped.mean(0)).abs().max() < 0.05 * spread
    assert (torch.cov(made.T) - torch.cov(mapped.T)).abs().max() < 0.1 * spread**2
    assert (torch.cov(z.T).double() - torch.cov(mapped.T)).abs().max() > 0.2 * spread**2, "noise alone has another one"


def test_a_distilled_generator_comes_nearer_to_its_teacher_and_training_starts_from_it(tmp_path, bank, monkeypatch):
    recipe, critic = tiny_recipe("pggan"), Critic(resolution=16, channels=WIDTHS).eval().requires_grad_(False)
    torch.manual_seed(3)
    teacher, student = Teacher(tiny_recipe().generator(16).eval().requires_grad_(False)), recipe.generator(16)
    optimizer = torch.optim.Adam(student.parameters(), distil.RATE, betas=(0.9, 0.99))
    z, other = torch.randn(16, 8), torch.randn(16, 8)

    def far(noise):
        with torch.no_grad():
            return float(distance(student(student.codes(noise)), teacher(noise).clamp(-1.2, 1.2)))

    before = far(z)
    for _ in range(60):
        distil.step(student, teacher, optimizer, z)
    assert far(z) < 0.7 * before and far(z) < far(other), "it is this noise that it has learned"
    generator, its_critic = start_files(tmp_path)
    assert distil.begun(tmp_path, recipe)[1] == 0
    native.save(student, generator, distilled_images="960")
    native.save(critic, its_critic)
    again, shown = distil.begun(tmp_path, recipe)
    assert shown == 960 and all(weight.requires_grad for weight in again.parameters())
    assert all(torch.equal(tensor, student.state_dict()[key]) for key, tensor in again.state_dict().items())
    training = Training(recipe, bank)
    assert resume(training, "no such model", tmp_path) == "a distilled generator" and training.shown == 0
    monkeypatch.setattr(runs, "UNFINISHED", tmp_path)
    native.save(student, tmp_path / "again.safetensors", steps="20", images_shown="640")
    native.save(critic, tmp_path / "again-critic.safetensors")
    going_on = Training(recipe, bank)
    assert resume(going_on, "again", tmp_path / "elsewhere") == "unfinished files" and going_on.shown == 640
    assert all(torch.equal(tensor, student.state_dict()[key]) for key, tensor in training.ema.state_dict().items())
    assert training.rate_factor() < 0.01, "the first steps are small"
