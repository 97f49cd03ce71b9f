"""The readers say what the renderer drew, and nothing of what it did not."""

import pytest
import torch
from torch import nn

from core import zoo
from core.boundaries.interfacegan import ridge
from core.checkpoints import native
from core.codes import Directions
from core.generators.base import Generator, State
from core.truth import scores
from core.truth.readers import Classifier, FactorReader, PartReader, read
from core.truth.worlds import load_world
from weights.recipes.train import readers as recipe
from weights.recipes.train.readers import (
    as_images,
    nothing,
    overlap,
    r_squared,
    renders,
    right,
    roughened,
    shows,
    tinted,
    train_classes,
)

WORLD, OBJECTS = load_world("portraits"), load_world("objects")
FIRST_TEST_SEED = 1_900_000  # of the test split, used nowhere else


class Renderer(Generator):
    """The world itself as a generator: a code is the factors, so that every direction's truth is known."""

    slots, resolution = 1, 64
    z_dim = dim = len(WORLD.NAMES)

    def __init__(self):
        super().__init__()
        self.layers, self.reads = nn.ModuleList([nn.Identity()]), ((0,),)

    def codes(self, z, *, psi=1.0, cutoff=None, label=None):
        return (0.5 + 0.15 * z).clamp(0.05, 0.95)[:, None]

    def sample(self, n, seed):
        return torch.stack(
            [torch.randn(self.z_dim, generator=torch.Generator().manual_seed(seed + i)) for i in range(n)]
        )

    def run(self, codes, state=None, *, start=0, stop=None):
        return State(WORLD.render(codes[:, 0].clamp(0, 1), resolution=64).images)

    def to_image(self, state):
        return state.x


@pytest.fixture(scope="module")
def reader():
    return zoo.load_reader("portraits")


@pytest.fixture(scope="module")
def held_out():
    return renders("portraits", 400, FIRST_TEST_SEED, 64)


@pytest.fixture(scope="module")
def objects():
    return renders("objects", 320, FIRST_TEST_SEED, 64)


def test_at_least_twenty_factors_are_read_on_held_out_renders(reader, held_out):
    pictures, factors, parts, _ = held_out
    quality = r_squared(read(reader, as_images(pictures)), factors, shows("portraits", parts))
    assert (quality >= 0.9).sum() >= 20, dict(zip(WORLD.NAMES, quality.tolist()))


def test_noise_and_blur_do_not_blind_the_reader(reader, held_out):
    pictures, factors, parts, _ = held_out
    rough = roughened(as_images(pictures), torch.Generator().manual_seed(0))
    quality = r_squared(read(reader, rough), factors, shows("portraits", parts))
    assert (quality >= 0.85).sum() >= 20


def test_shuffled_factors_are_not_read(reader, held_out):
    pictures, factors, parts, _ = held_out
    shuffled = factors[torch.randperm(len(factors), generator=torch.Generator().manual_seed(0))]
    assert (r_squared(read(reader, as_images(pictures)), shuffled, shows("portraits", parts)) < 0.2).all()


def test_directions_found_by_the_reader_are_the_renderers_own(reader):
    """Supervised directions fitted on readings point where the renderer's factors lie;
    on shuffled readings they do not.
    """
    renderer = Renderer()
    codes, readings = scores.read_seeds(renderer, reader, 500, FIRST_TEST_SEED)
    # Glasses and beard fade in below one half.
    drawn = [i for i, name in enumerate(WORLD.NAMES) if name not in ("glasses", "beard")]
    found = ridge(scores.mean_codes(codes), readings)
    assert (found.diagonal()[drawn] > 0.8).sum() >= 20
    shuffled = readings[torch.randperm(len(readings), generator=torch.Generator().manual_seed(0))]
    lost = ridge(scores.mean_codes(codes), shuffled)
    assert (lost.diagonal().abs()[drawn] > 0.6).sum() <= 1


def test_turning_a_true_factor_is_read_as_that_factor(reader):
    renderer, names = Renderer(), ("yaw", "smile", "hair_tone", "light")
    places = [WORLD.NAMES.index(name) for name in names]
    directions = Directions(torch.eye(renderer.dim, dtype=torch.float64)[places], torch.ones(4), (0,))
    changes = scores.knob_changes(
        renderer,
        reader,
        directions,
        torch.full((4,), 0.15),
        torch.full((len(WORLD.NAMES),), 0.15),
        seeds=24,
        first_seed=FIRST_TEST_SEED,
        psi=1.0,
    )
    mean = changes.mean(1)
    assert mean.abs().argmax(1).tolist() == places
    assert torch.allclose(mean[range(4), places], torch.ones(4), atol=0.25)
    assert (scores.purity(changes) > 0.5).all()


def test_the_part_readers_find_the_parts_of_held_out_renders(held_out, objects):
    """And not where other pictures have theirs."""
    for world, held, parts in (("portraits", held_out, WORLD.PARTS), ("objects", objects, OBJECTS.PARTS)):
        found = read(zoo.load_part_reader(world), as_images(held.pictures[:120]), batch=16).argmax(1)
        truth = held.parts[:120]
        by_part = overlap(found, truth, len(parts))
        assert by_part.mean() >= 0.8, dict(zip(parts, by_part.tolist()))
        assert overlap(found, truth.roll(1, 0), len(parts)).mean() < 0.5


def test_masks_of_the_part_reader_cover_every_pixel_once():
    parts = PartReader(resolution=16, names=("a", "b", "c"), widths=(4, 6)).eval()
    assert torch.equal(parts.masks(torch.randn(2, 3, 16, 16)).sum(1), torch.ones(2, 16, 16, dtype=torch.long))


def test_readers_do_not_look_at_their_batch_mates():
    small = FactorReader(resolution=16, names=("a", "b"), widths=(4, 6), hidden=8).eval()
    images = torch.randn(5, 3, 16, 16)
    assert torch.allclose(small(images)[:1], small(images[:1]), atol=1e-6)


def test_roughening_leaves_half_alone_and_is_bounded():
    images = torch.zeros(400, 3, 8, 8)
    rough = roughened(images, torch.Generator().manual_seed(0))
    untouched = (rough == images).flatten(1).all(1).float().mean()
    assert 0.4 < untouched < 0.6
    assert rough.std() < 0.05


# --- worlds with classes


@pytest.mark.parametrize("n, seed", [(32, 0), (48, 7), (16, FIRST_TEST_SEED + 3)])
def test_every_run_of_renders_has_each_class_equally_often_and_drawn_as_itself(n, seed):
    found = renders("objects", n, seed, 16)
    assert torch.bincount(found.labels).tolist() == [n // 16] * 16
    scene = OBJECTS.render(found.factors, found.labels, resolution=16)
    assert torch.equal(found.pictures, ((scene.images + 1) * 127.5).round().to(torch.uint8))
    assert renders("portraits", 2, seed, 16).labels is None


def test_a_factor_shows_in_the_classes_that_show_it_and_where_its_part_does(monkeypatch):
    monkeypatch.setattr(OBJECTS, "SHOWN_IN", dict(turn=("mug", "tree"), pattern=("mug", "apple"), reach=()))
    mug, tree, apple = (OBJECTS.CLASSES.index(name) for name in ("mug", "tree", "apple"))
    labels, parts = torch.tensor([mug, tree, apple, mug]), torch.zeros(4, 16, 16, dtype=torch.uint8)
    parts[:3, :4, :4] = OBJECTS.PARTS.index("pattern")
    found = dict(zip(OBJECTS.NAMES, shows("objects", parts, labels).T.tolist()))
    assert found["turn"] == [True, True, False, True]
    assert found["pattern"] == [True, False, True, False]  # by class and by part
    assert found["accent"] == [True, True, True, False]  # by part alone
    assert found["reach"] == [False] * 4 and found["size"] == [True] * 4
    with pytest.raises(ValueError, match="give labels"):
        shows("objects", parts)


def test_what_a_factor_does_where_it_does_not_show_costs_nothing():
    labels = OBJECTS.labels(320, 0)
    parts = torch.full((320, 4, 4), OBJECTS.PARTS.index("pattern"), dtype=torch.uint8)
    truth = torch.rand(320, len(OBJECTS.NAMES), generator=torch.Generator().manual_seed(0))
    seen = shows("objects", parts, labels)
    told = torch.where(seen, truth, torch.tensor(9.0))
    assert torch.allclose(r_squared(told, truth, seen), torch.ones(len(OBJECTS.NAMES)))
    shown_by_part = [OBJECTS.NAMES.index(name) for name in OBJECTS.SHOWN_IN]
    assert (r_squared(told, truth, torch.ones_like(seen))[shown_by_part] < 0).all()


def test_what_objects_vary_in_is_read_where_it_shows_and_shuffled_factors_are_not(objects):
    readings = read(zoo.load_reader("objects"), as_images(objects.pictures))
    seen = shows("objects", objects.parts, objects.labels)
    quality = r_squared(readings, objects.factors, seen)
    assert (quality >= 0.85).all() and quality.mean() >= 0.93, dict(zip(OBJECTS.NAMES, quality.tolist()))
    shuffled = objects.factors[torch.randperm(len(seen), generator=torch.Generator().manual_seed(0))]
    assert (r_squared(readings, shuffled, seen) < 0.2).all()


def test_a_classifier_comes_back_from_its_file_and_has_features(tmp_path):
    small = Classifier(resolution=16, names=("cup", "jug", "pot"), widths=(4, 6), hidden=8).eval()
    native.save(small, tmp_path / "toy-classes.safetensors", world="toy")
    again, images = native.read(tmp_path / "toy-classes.safetensors"), torch.randn(5, 3, 16, 16)
    assert isinstance(again, Classifier) and again.config() == small.config() and again.names == ("cup", "jug", "pot")
    assert torch.equal(again(images), small(images)) and again(images).shape == (5, 3)
    assert torch.equal(again.output(again.features(images)), again(images)) and again.features(images).shape == (5, 8)


def test_the_classifier_names_what_was_drawn(objects):
    classifier, images = zoo.load_classifier("objects"), as_images(objects.pictures)
    assert classifier.names == OBJECTS.CLASSES
    for varied in (lambda x, _: x, roughened, tinted):
        found = right(read(classifier, varied(images, torch.Generator().manual_seed(0))), objects.labels, 16)
        assert found.mean() >= 0.98 and found.min() >= 0.9, dict(zip(OBJECTS.CLASSES, found.tolist()))


def test_the_classifier_names_nothing_with_certainty_where_nothing_is_drawn(objects):
    """Pictures of noise, of a kind it was trained on and of others;
    and what it says is at chance for other pictures' labels.
    """
    classifier, random = zoo.load_classifier("objects"), torch.Generator().manual_seed(0)
    order = torch.randperm(64 * 64, generator=random)
    scrambled = as_images(objects.pictures[:64]).flatten(2)[:, :, order].reshape(-1, 3, 64, 64)
    for images in (as_images(nothing(64, 64, random)), torch.rand(64, 3, 64, 64, generator=random) * 2 - 1, scrambled):
        assert read(classifier, images).softmax(1).amax(1).mean() < 0.3
    assert read(classifier, as_images(objects.pictures[:64])).softmax(1).amax(1).mean() > 0.95
    shuffled = objects.labels[torch.randperm(len(objects.labels), generator=random)]
    assert abs(right(read(classifier, as_images(objects.pictures)), shuffled, 16).mean() - 1 / 16) < 0.06


def test_the_recipe_teaches_a_small_classifier_and_refuses_a_world_without_classes(monkeypatch):
    monkeypatch.setattr(recipe, "HELD_OUT", 160)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        small, accuracy = train_classes("objects", n=320, passes=8, resolution=16, widths=(8, 16), hidden=32)
    assert accuracy.shape == (16,) and accuracy.mean() > 0.5 and not small.training
    with pytest.raises(ValueError, match="has no classes"):
        train_classes("portraits", n=16, passes=1)
