"""Training is one chain of steps, wherever it was interrupted."""
import copy
import dataclasses

import pytest
import torch

from core.checkpoints import native
from core.critics import Critic
from core.generators.pggan import PGGAN
from core.generators.stylegan2 import StyleGAN2
from weights.recipes.recipes import RECIPES, Recipe
from weights.recipes.train import TOO_EASY, FOR_STEPS, Training


WIDTHS = (8, 8, 6)


def tiny_recipe(kind: str = "stylegan2", **changes) -> Recipe:
    def generator(resolution):
        if kind == "pggan":
            return PGGAN(resolution=resolution, channels=WIDTHS, dim=8)
        return StyleGAN2(resolution=resolution, channels=WIDTHS, z_dim=8, dim=8, mapping_layers=2)
    recipe = Recipe("portraits", generator, lambda r: Critic(resolution=r, channels=WIDTHS), resolution=16, images=1000, batch=4)
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


@pytest.mark.parametrize("kind", ["stylegan2", "pggan"])
def test_six_steps_equal_three_steps_saved_resumed_and_three_more(kind, bank, tmp_path):
    whole = Training(tiny_recipe(kind), bank)
    for _ in range(6):
        whole.step()
    half = Training(tiny_recipe(kind), bank)
    for _ in range(3):
        half.step()
    torch.save(half.state_dict(), tmp_path / "checkpoint.pt")
    resumed = Training(tiny_recipe(kind), bank, seed=99)        # other initial weights: all must come from the file
    resumed.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    for _ in range(3):
        resumed.step()
    expected, got = tensors(whole), tensors(resumed)
    assert expected.keys() == got.keys()
    different = [name for name in expected if not torch.equal(expected[name], got[name])]
    assert not different, different


def test_another_seed_is_another_run(bank):
    one, other = Training(tiny_recipe(), bank), Training(tiny_recipe(), bank, seed=1)
    assert any(not torch.equal(a, b) for a, b in zip(one.generator.parameters(), other.generator.parameters()))


def test_the_average_follows_the_generator_and_lags_behind(bank):
    training = Training(tiny_recipe(), bank)
    training.shown = 10_000             # a half-life of 500 images
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


def test_bundled_files_and_recipes_agree():
    for name, recipe in RECIPES.items():
        from core import zoo
        if name in zoo.CARDS:
            facts = native.metadata(zoo.card(name).path)
            assert int(facts["images_shown"]) > 0
            assert zoo.load(name).resolution == recipe.resolution
