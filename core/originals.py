"""Is a picture a copy of one that the network was trained on? Its nearest training renders, and how near is near.

Pictures are compared as they are and mirrored, with brightness and contrast undone, in two sets of features: those that
the world's factor reader reads and those of the network's own critic. A compact index of all training renders gives a
short list; the renders on it are drawn again and compared exactly. (Yang et al., Data-Efficient Instance Generation
from Instance Discrimination, NeurIPS 2021, look for copies among features that tell single pictures apart.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from . import zoo
from .evidence import file_hash, reader_hash
from .truth.worlds import load_world

NEAREST, SHORT_LIST, BATCH = 3, 48, 200
NUMBERS, STEPS = 24, 127 / 4  # of a render in the index; whole steps a standard deviation
CONTRAST = 0.45  # standard deviation of a picture that is compared
COPIED = 0.5  # of the least distance of held-out renders: below it a picture is called a copy
READER, CRITIC = "reader", "critic"

Features = Callable[[Tensor], Tensor]  # pictures [n, 3, R, R] -> [n, d]


class Source(NamedTuple):
    """Where training renders come from: those of the seeds 0 to renders - 1 of a world, at its resolution R."""

    world: str
    spread: str
    renders: int
    resolution: int

    def pictures(self, seeds: Sequence[int]) -> Tensor:
        """[n, 3, R, R] in [-1, 1], rounded to 8 bits, as training sees them."""
        module, drawn = load_world(self.world), []
        for i in range(0, len(seeds), BATCH):
            some = seeds[i : i + BATCH]
            factors = torch.cat([module.sample(1, seed, spread=module.SPREADS[self.spread]) for seed in some])
            labels = [torch.cat([module.labels(1, seed) for seed in some])] if hasattr(module, "labels") else []
            drawn.append(module.render(factors, *labels, resolution=self.resolution).images)
        return ((torch.cat(drawn) + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1


class Index(NamedTuple):
    """Every training render as a few whole numbers: its principal components.

    codes: int8 [renders, k]. basis: [k, d], orthogonal rows times `STEPS` over the deviation along each. mean: [d].
    lengths: [k], of a step. held_out: [m], rising: how far renders that nobody trained on are from their nearest.
    """

    source: Source
    codes: Tensor
    basis: Tensor
    mean: Tensor
    lengths: Tensor
    held_out: Tensor


class Original(NamedTuple):
    """A training render: its seed, its distance in features, whether it is the mirrored picture that lies so near."""

    seed: int
    distance: float
    mirrored: bool
    image: Tensor


class Answer(NamedTuple):
    """The nearest training renders of a picture, the nearest first.

    apart: the distance of the first over the median distance of held-out renders from their own nearest; least: that
    of the held-out render that is nearest to its own. closer: how many of the `held_out` lie closer to theirs.
    """

    originals: tuple[Original, ...]
    apart: float
    least: float
    closer: int
    held_out: int
    renders: int

    @property
    def copied(self) -> bool:
        """Is it much nearer than any held-out render? Brighter, mirrored, noisy and shifted copies are."""
        return self.apart < COPIED * self.least

    def sentence(self) -> str:
        """What that says, in words."""
        if self.copied:
            mirrored = ", mirrored" if self.originals[0].mirrored else ""
            times = f"{self.least / max(self.apart, 1e-3):.0f} times nearer" if self.apart > 1e-3 else "far nearer"
            return (
                f"A copy, or nearly one, of training render {self.originals[0].seed:,}{mirrored}: {times} than the "
                f"nearest of {self.held_out} renders that the network never saw is to its own."
            )
        return (
            f"No copy: the nearest of {self.renders:,} training renders is {self.apart:.2f} times as far away as is "
            f"usual for renders that the network never saw. {self.closer} of {self.held_out} of these lie closer to "
            "theirs."
        )


def levelled(images: Tensor) -> Tensor:
    """Pictures [n, 3, R, R] with mean 0 and standard deviation CONTRAST each: a brighter copy is the same picture."""
    deviation = images.std((1, 2, 3), unbiased=False, keepdim=True).clamp(min=1e-3)
    return (images - images.mean((1, 2, 3), keepdim=True)) / deviation * CONTRAST


@torch.no_grad()
def described(features: Features, images: Tensor) -> Tensor:
    """[n, d]: features of levelled pictures."""
    return torch.cat([features(levelled(part)) for part in images.split(BATCH)])


# --- the index


@torch.no_grad()
def make_index(source: Source, features: Features, held_out: Sequence[int], bank: Tensor | None = None) -> Index:
    """The index of all training renders; held_out: seeds of renders whose distances are the scale.

    bank: uint8 [renders, 3, R, R], the training renders, where they were drawn before.
    """

    def drawn(seeds: Sequence[int]) -> Tensor:
        return source.pictures(seeds) if bank is None else bank[seeds.start : seeds.stop].float() / 127.5 - 1

    seeds = range(source.renders)
    parts = [seeds[i : i + BATCH] for i in range(0, source.renders, BATCH)]
    with torch.autocast("cpu", dtype=torch.bfloat16):  # what is rounded here is compared exactly later
        found = torch.cat([described(features, drawn(part)).float() for part in parts])
    mean = found.mean(0)
    powers, basis = torch.linalg.eigh((found - mean).T @ (found - mean))
    k = min(NUMBERS, int((powers > 1e-9 * powers[-1]).sum()))
    basis = basis.T.flip(0)[:k]
    spread = ((found - mean) @ basis.T).std(0)
    index = Index(source, *_coded(found, mean, basis, spread), held_out=torch.zeros(0))
    far = [nearest(index, features, source.pictures([seed]))[0].distance for seed in held_out]
    return index._replace(held_out=torch.tensor(sorted(far)))


def _coded(found: Tensor, mean: Tensor, basis: Tensor, spread: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    codes = ((found - mean) @ basis.T / spread * STEPS).round().clamp(-127, 127).to(torch.int8)
    return codes, basis * (STEPS / spread)[:, None], mean, spread / STEPS


@torch.no_grad()
def nearest(index: Index, features: Features, image: Tensor, count: int = NEAREST) -> list[Original]:
    """The training renders nearest to a picture [1, 3, R, R] in [-1, 1] or to its mirror image, the nearest first."""
    asked = described(features, torch.cat([image, image.flip(3)]))  # [2, d]
    placed = (asked - index.mean) @ index.basis.T * index.lengths
    apart = torch.cdist(placed, index.codes.float() * index.lengths)  # [2, renders]
    seeds = apart.amin(0).topk(min(SHORT_LIST, apart.shape[1]), largest=False).indices.tolist()
    pictures = index.source.pictures(seeds)
    exact, mirrored = torch.cdist(asked, described(features, pictures)).min(0)
    return [
        Original(seeds[i], float(exact[i]), bool(mirrored[i]), pictures[i])
        for i in exact.argsort(stable=True)[:count].tolist()
    ]


def answer(index: Index, features: Features, image: Tensor) -> Answer:
    """What is nearest to a picture [1, 3, R, R] in [-1, 1], beside the scale of held-out renders."""
    found = nearest(index, features, image)
    distance, usual = found[0].distance, float(index.held_out.median())
    closer, least = int((index.held_out < distance).sum()), float(index.held_out[0])
    return Answer(tuple(found), distance / usual, least / usual, closer, len(index.held_out), index.source.renders)


# --- in files


def save_index(index: Index, path: Path, **facts: str) -> None:
    """Written whole; facts: about what was indexed, as metadata."""
    tensors = dict(codes=index.codes, held_out=index.held_out, lengths=index.lengths)
    tensors |= dict(basis=index.basis.half(), mean=index.mean.half())
    about = {name: str(value) for name, value in index.source._asdict().items()}
    temporary = path.with_suffix(".tmp")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, metadata=about | facts)
    temporary.replace(path)


def load_index(path: Path) -> tuple[Index, dict[str, str]]:
    """The index in a file, and its metadata."""
    with safe_open(path, "pt") as file:
        facts = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    source = Source(facts["world"], facts["spread"], int(facts["renders"]), int(facts["resolution"]))
    return Index(source, **{name: t if name == "codes" else t.float() for name, t in tensors.items()}), facts


# --- of a bundled network


def file_of(model: str, kind: str) -> Path:
    """Where the index of a card's training renders in the features of `kind` lies."""
    name = zoo.card(model).world if kind == READER else model
    return zoo.WEIGHTS / "originals" / f"{name}-{kind}.safetensors"


def features_of(model: str, kind: str) -> Features:
    """What compares pictures: the hidden layer of the world's factor reader, or the critic's last block."""
    if kind == READER:
        reader = zoo.load_reader(zoo.card(model).world)
        return lambda images: reader.features(images.to(zoo.device())).cpu()
    critic = zoo.load_critic(model)
    return lambda images: critic.features(images.to(zoo.device()))[-1].flatten(1).cpu()


@lru_cache(maxsize=8)
def _index(path: Path, made: int) -> tuple[Index, dict[str, str]]:
    return load_index(path)


def known(model: str) -> bool:
    """Are there indexes of exactly the networks that compare this card's pictures?"""
    if not zoo.has_reader(model) or zoo.critic_path(model) is None:
        return False
    return all(current(model, kind) for kind in (READER, CRITIC))


def current(model: str, kind: str) -> Index | None:
    """The index, where it is of exactly the network that compares."""
    path = file_of(model, kind)
    if not path.exists():
        return None
    index, facts = _index(path, path.stat().st_mtime_ns)
    return index if facts["compared_by"] == compared_by(model, kind) else None


def compared_by(model: str, kind: str) -> str:
    """The sha256 of the file of the network that compares."""
    return reader_hash(model) if kind == READER else file_hash(zoo.critic_path(model))


def originals(model: str, image: Tensor) -> dict[str, Answer]:
    """The nearest training renders of a picture [1, 3, R, R] in [-1, 1] by "reader" and by "critic".

    Raises ValueError for a card whose training pictures nobody indexed.
    """
    if not known(model):
        raise ValueError(f"the training pictures of {model} are not known here")
    return {kind: answer(current(model, kind), features_of(model, kind), image) for kind in (READER, CRITIC)}
