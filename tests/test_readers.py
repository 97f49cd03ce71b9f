"""The readers say what the renderer drew, and nothing of what it did not."""
import pytest
import torch
from torch import nn

from core import zoo
from core.codes import Directions
from core.generators.base import Generator, State
from core.truth import scores
from core.truth.readers import FactorReader, PartReader, read
from core.truth.worlds import load_world
from weights.recipes.readers import as_images, r_squared, renders, roughened, shows

WORLD = load_world("portraits")
FIRST_TEST_SEED = 1_900_000             # of the test split, used nowhere else


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
        return torch.stack([torch.randn(self.z_dim, generator=torch.Generator().manual_seed(seed + i)) for i in range(n)])

    def run(self, codes, state=None, *, start=0, stop=None):
        return State(WORLD.render(codes[:, 0].clamp(0, 1), resolution=64).images)

    def to_image(self, state):
        return state.x


@pytest.fixture(scope="module")
def reader():
    return zoo.load_reader("portraits")


@pytest.fixture(scope="module")
def held_out():
    return renders("portraits", 600, FIRST_TEST_SEED, 64)


def test_at_least_twenty_factors_are_read_on_held_out_renders(reader, held_out):
    pictures, factors, parts = held_out
    quality = r_squared(read(reader, as_images(pictures)), factors, shows("portraits", parts))
    assert (quality >= 0.9).sum() >= 20, dict(zip(WORLD.NAMES, quality.tolist()))


def test_noise_and_blur_do_not_blind_the_reader(reader, held_out):
    pictures, factors, parts = held_out
    rough = roughened(as_images(pictures), torch.Generator().manual_seed(0))
    quality = r_squared(read(reader, rough), factors, shows("portraits", parts))
    assert (quality >= 0.85).sum() >= 20


def test_shuffled_factors_are_not_read(reader, held_out):
    pictures, factors, parts = held_out
    shuffled = factors[torch.randperm(len(factors), generator=torch.Generator().manual_seed(0))]
    assert (r_squared(read(reader, as_images(pictures)), shuffled, shows("portraits", parts)) < 0.2).all()


def test_directions_found_by_the_reader_are_the_renderers_own(reader):
    """Supervised directions fitted on readings point where the renderer's factors lie; on shuffled readings they do not."""
    renderer = Renderer()
    codes, readings = scores.read_seeds(renderer, reader, 500, FIRST_TEST_SEED)
    drawn = [i for i, name in enumerate(WORLD.NAMES) if name not in ("glasses", "beard")]     # these fade in below one half
    found = scores.supervised_directions(codes, readings, (0,)).vectors
    assert (found.diagonal()[drawn] > 0.8).sum() >= 20
    shuffled = readings[torch.randperm(len(readings), generator=torch.Generator().manual_seed(0))]
    lost = scores.supervised_directions(codes, shuffled, (0,)).vectors
    assert (lost.diagonal().abs()[drawn] > 0.6).sum() <= 1


def test_turning_a_true_factor_is_read_as_that_factor(reader):
    renderer, names = Renderer(), ("yaw", "smile", "hair_tone", "light")
    places = [WORLD.NAMES.index(name) for name in names]
    directions = Directions(torch.eye(renderer.dim, dtype=torch.float64)[places], torch.ones(4), (0,))
    changes = scores.knob_changes(renderer, reader, directions, torch.full((4,), 0.15), torch.full((len(WORLD.NAMES),), 0.15),
                                  seeds=24, first_seed=FIRST_TEST_SEED, psi=1.0)
    mean = changes.mean(1)
    assert mean.abs().argmax(1).tolist() == places
    assert torch.allclose(mean[range(4), places], torch.ones(4), atol=0.25)
    assert (scores.purity(changes) > 0.5).all()


def test_the_part_reader_finds_the_parts_of_held_out_renders(held_out):
    pictures, _, truth = held_out
    found = read(zoo.load_part_reader("portraits"), as_images(pictures)).argmax(1)
    overlap = [((found == i) & (truth == i)).sum() / ((found == i) | (truth == i)).sum() for i in range(len(WORLD.PARTS))]
    assert torch.stack(overlap).mean() >= 0.8, dict(zip(WORLD.PARTS, torch.stack(overlap).tolist()))


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
