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
from weights.recipes.train import Training, finished, grown, grown_critic, pooled


def tiny_recipe(kind: str = "stylegan2", **changes) -> Recipe:
    def widths(resolution):
        return (8, 8, 6, 4)[:resolution.bit_length() - 2]

    def generator(resolution):
        if kind == "pggan":
            return PGGAN(resolution=resolution, channels=widths(resolution), dim=8)
        return StyleGAN2(resolution=resolution, channels=widths(resolution), z_dim=8, dim=8, mapping_layers=2)
    recipe = Recipe("portraits", generator, lambda r: Critic(resolution=r, channels=widths(r)), sizes=((0, 16),),
                    images=1000, batches=((0, 4),), sparse=0.1, mapping_rate=5.0)
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


def test_growing_keeps_the_picture_at_the_smaller_size():
    small = tiny_recipe().generator(16).eval()
    large = grown(tiny_recipe().generator(32), small).eval()
    codes = small.codes(torch.randn(2, 8, generator=torch.Generator().manual_seed(0)))
    wider = codes[:, :1].expand(-1, large.slots, -1)
    coarse = large.run(wider, stop=len(small.layers)).rgb
    assert torch.equal(coarse, small(codes))
    from core.generators.blocks import upsample_rgb
    difference = large(wider) - upsample_rgb(coarse)
    assert torch.allclose(difference, torch.zeros_like(difference), atol=1e-6)


def test_a_grown_critic_keeps_its_inner_blocks():
    recipe = tiny_recipe()
    small, large = recipe.critic(16), recipe.critic(32)
    grown_critic(large, small)
    assert torch.equal(large.blocks[1].conv0.weight, small.blocks[0].conv0.weight)
    assert torch.equal(large.dense.weight, small.dense.weight)


def test_a_run_grows_where_its_recipe_says(bank):
    large_bank = bank.repeat_interleave(2, 2).repeat_interleave(2, 3)
    training = Training(tiny_recipe(sizes=((0, 16), (8, 32))), large_bank)
    assert torch.equal(training.images_at_size, bank)
    for _ in range(3):
        training.step()
    assert training.generator.resolution == training.ema.resolution == training.critic.resolution == 32
    assert finished(training)(finished(training).codes(torch.zeros(1, 8).add(1))).shape == (1, 3, 32, 32)


def test_sparse_style_maps_shrink_what_is_not_needed(bank):
    with_threshold, without = (Training(tiny_recipe(sparse=sparse), bank) for sparse in (200.0, 0.0))
    for training in (with_threshold, without):
        for _ in range(3):
            training.step()
    share = [float((torch.cat([w.flatten() for w in t.styles]) == 0).float().mean()) for t in (with_threshold, without)]
    assert share[0] > 0.2 and share[1] == 0


def test_pooling_averages_blocks():
    bank = torch.tensor([[[[0, 100], [50, 250]]]], dtype=torch.uint8).expand(1, 3, 2, 2)
    assert pooled(bank, 1).tolist() == [[[[100]], [[100]], [[100]]]]


def test_bundled_files_and_recipes_agree():
    for name, recipe in RECIPES.items():
        from core import zoo
        if name in zoo.CARDS:
            facts = native.metadata(zoo.card(name).path)
            assert int(facts["images_shown"]) > 0
            assert zoo.load(name).resolution == recipe.size(10 ** 9)
