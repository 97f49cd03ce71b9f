"""What the features of an encoder say of the factors of pictures (GH-Feat): linear probes, and pictures that are alike.

Xu et al., Generative Hierarchical Features from Synthesizing Images, CVPR 2021 (arXiv 2007.10379): whoever can draw
a picture again, level by level, has learned what is in it. Fitted on renders that are not tested, by ridge regression.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core import zoo
from core.encoders.encoder import Encoder
from core.generators.styles import levels_of, styles_of

FITTED, FIRST_FITTED = 2_000, 1_430_000  # renders that probes are fitted to
TESTED, FIRST_TESTED = 1_000, 1_440_000  # and others, on which they are judged
ALPHAS = tuple(10.0**i for i in range(6))  # of ridge regression, chosen for each factor by leaving one out
LEVELS = ("coarse", "middle", "fine", "finer", "finest")
NEIGHBOURS = 10
SIDE = 32  # pixels a side of raw pixels
DRAWS = 2_000  # of the pictures, with replacement
RESAMPLED = 400
KEPT = 0.8  # correlation from which a factor is kept
CHANCE = "shuffled"  # control: the factors of other pictures


# --- factors of copies


def paired(a: Tensor, b: Tensor) -> Tensor:
    """[..., n, factors] twice -> Pearson's correlations [..., factors]; 0 where one does not vary."""
    a, b = (x.double() - x.double().mean(-2, keepdim=True) for x in (a, b))
    size = a.norm(dim=-2) * b.norm(dim=-2)
    return torch.where(size > 1e-5, (a * b).sum(-2) / size.clamp(min=1e-12), 0.0)


def kept(readings: Tensor, truth: Tensor) -> dict[str, list[float]]:
    """Of readings [n, factors] of copies and of what they copy: how many factors correlate by 0.8 or more, and the
    median correlation, each with the middle 95 % over pictures drawn again; and the correlations.
    """
    each = paired(readings, truth)
    draws = torch.randint(len(truth), (DRAWS, len(truth)), generator=torch.Generator().manual_seed(0))
    again = torch.cat([paired(readings[part], truth[part]) for part in draws.split(200)])
    counts, medians = (again >= KEPT).sum(1).double(), again.median(1).values
    return dict(
        kept=[float((each >= KEPT).sum()), *_ends(counts)],
        correlation=[round(x, 4) for x in (float(each.median()), *_ends(medians))],
        correlations=[round(x, 4) for x in each.tolist()],
    )


def _ends(values: Tensor) -> tuple[float, float]:
    return tuple(values.quantile(torch.tensor([0.025, 0.975]).double()).tolist())


# --- what is read


@torch.no_grad()
def in_batches(read: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    return torch.cat([read(part) for part in images.split(64)])


def by_level(parts: list[Tensor]) -> dict[str, Tensor]:
    """The levels by their names, and all of them together."""
    return {**dict(zip(LEVELS, parts)), "all": torch.cat(parts, 1)}


def features_of(encoder: Encoder, images: Tensor) -> dict[str, Tensor]:
    found = [encoder.features(part) for part in images.split(64)]
    return by_level([torch.cat(level) for level in zip(*found)])


def codes_by_level(encoder: Encoder, images: Tensor) -> dict[str, Tensor]:
    codes = in_batches(encoder, images)
    slots = [[slot for slot, own in enumerate(encoder.levels) if own == level] for level in sorted(set(encoder.levels))]
    return by_level([codes[:, rows].flatten(1) for rows in slots])


def styles_by_level(generator: nn.Module, encoder: Encoder, images: Tensor) -> dict[str, Tensor]:
    """The styles of its codes; those of its own head where it has one."""
    head = getattr(encoder, "style_head", None)
    read = encoder.styles if head is not None else lambda part: styles_of(generator, encoder(part))
    styles = [torch.cat(one) for one in zip(*(read(part) for part in images.split(64)))]
    return by_level([torch.cat([styles[i] for i in rows], 1) for rows in levels_of(generator).values()])


def untrained(encoder: Encoder) -> Encoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Encoder(**encoder.config()).eval().requires_grad_(False)


@torch.no_grad()
def representations(measurement, images: Tensor) -> dict[str, Tensor]:
    """By name: numbers [n, m] of every picture."""
    encoder, found = measurement.encoder, {}
    kinds = {
        "features": lambda: features_of(encoder, images),
        "codes": lambda: codes_by_level(encoder, images),
        "styles": lambda: styles_by_level(measurement.generator, encoder, images),
        "untrained": lambda: features_of(untrained(encoder), images),
    }
    for kind, make in kinds.items():
        found |= {f"{kind}, {level}": x for level, x in make().items() if kind != "untrained" or level == "all"}
    reader = zoo.load_reader(measurement.world)
    found["pixels"] = F.interpolate(images, SIDE, mode="area").flatten(1)
    return found | {"reader": in_batches(reader.features, images)}


# --- linear probes


def standard(fitted: Tensor, tested: Tensor) -> tuple[Tensor, Tensor]:
    mean, deviation = fitted.mean(0), fitted.std(0).clamp(min=1e-6)
    return (fitted - mean) / deviation, (tested - mean) / deviation


def probed(fitted: Tensor, factors: Tensor, tested: Tensor) -> Tensor:
    """[n, factors]: what ridge regression on numbers [m, k] and factors [m, factors] says of tested [n, k]."""
    from sklearn.linear_model import RidgeCV  # slow to import

    fitted, tested = standard(fitted.double(), tested.double())
    ridge = RidgeCV(alphas=ALPHAS, alpha_per_target=True).fit(fitted.numpy(), factors.double().numpy())
    return torch.from_numpy(ridge.predict(tested.numpy()))


def determined(predicted: Tensor, truth: Tensor) -> dict[str, list]:
    """R^2 of every factor, their median with the middle 95 % over pictures drawn again, and how many reach KEPT."""
    error, truth = (predicted - truth.double()).square(), truth.double()
    n = len(truth)
    draws = torch.randint(n, (RESAMPLED, n), generator=torch.Generator().manual_seed(0))
    weights = torch.zeros(RESAMPLED, n, dtype=torch.float64).scatter_add_(1, draws, torch.ones_like(draws).double())

    def r_squared(weights: Tensor) -> Tensor:
        spread = weights @ truth.square() - (weights @ truth).square() / n
        return 1 - weights @ error / spread.clamp(min=1e-12)

    each = r_squared(torch.ones(1, n, dtype=torch.float64))[0]
    middle = [float(each.median()), *_ends(r_squared(weights).median(1).values)]
    return dict(median=[round(x, 4) for x in middle], each=[round(x, 4) for x in each.tolist()])


def components(fitted: Tensor, tested: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The first principal components of numbers [m, k], of both."""
    mean = fitted.double().mean(0)
    *_, axes = torch.linalg.svd(fitted.double() - mean, full_matrices=False)
    axes = axes[:count].T
    return (fitted.double() - mean) @ axes, (tested.double() - mean) @ axes


def probes(fitted: dict[str, Tensor], tested: dict[str, Tensor], factors: Tensor, truth: Tensor) -> dict[str, dict]:
    """R^2 by what is read; "pca" is of as many numbers as the coarse features; CHANCE: of shuffled factors."""
    pairs = {name: (x, tested[name]) for name, x in fitted.items()}
    pairs["pca"] = components(*pairs["pixels"], fitted["features, coarse"].shape[1])
    found = {}
    for name, (some, others) in pairs.items():
        found[name] = dict(numbers=some.shape[1], **determined(probed(some, factors, others), truth))
        says = "{:.2f} [{:.2f} to {:.2f}]".format(*found[name]["median"])
        print(f"probe of {name} ({some.shape[1]} numbers): {says}", flush=True)
    dealt = factors[torch.randperm(len(factors), generator=torch.Generator().manual_seed(0))]
    guessed = probed(fitted["features, coarse"], dealt, tested["features, coarse"])
    return found | {CHANCE: dict(numbers=fitted["features, coarse"].shape[1], **determined(guessed, truth))}


# --- pictures that are alike


def alike(numbers: Tensor, factors: Tensor) -> dict[str, list]:
    """How much the factors [n, k] of each picture's nearest pictures differ from its own, over those of any others.

    each: [k] ratios, 1 where numbers [n, m] say nothing of a factor; low, high: the middle 95 % over pictures drawn
    again.
    """
    apart = torch.cdist(numbers.double(), numbers.double()).fill_diagonal_(float("inf"))
    nearest = apart.topk(min(NEIGHBOURS, len(numbers) - 1), largest=False).indices
    near = (factors[nearest] - factors[:, None]).abs().mean(1).double()
    far = torch.stack([(factors - one).abs().sum(0) / (len(factors) - 1) for one in factors]).double()
    draws = torch.randint(len(factors), (RESAMPLED, len(factors)), generator=torch.Generator().manual_seed(0))
    again = torch.stack([near[part].mean(0) / far[part].mean(0).clamp(min=1e-12) for part in draws])
    low, high = again.quantile(torch.tensor([0.025, 0.975]).double(), dim=0)
    ratios = dict(each=near.mean(0) / far.mean(0).clamp(min=1e-12), low=low, high=high)
    return {name: [round(x, 4) for x in values.tolist()] for name, values in ratios.items()}


def retrieval(fitted: dict[str, Tensor], tested: dict[str, Tensor], truth: Tensor) -> dict[str, dict]:
    kinds = [f"{kind}, {level}" for kind in ("codes", "features") for level in LEVELS]
    names = [name for name in (*kinds, "pixels", "reader") if name in tested]
    numbers = {name: standard(fitted[name], tested[name])[1] for name in names}
    dealt = truth[torch.randperm(len(truth), generator=torch.Generator().manual_seed(0))]
    found = {name: alike(x, truth) for name, x in numbers.items()}
    return found | {CHANCE: alike(numbers["codes, coarse"], dealt)}


def measured(measurement) -> dict:
    rows = ((FITTED, FIRST_FITTED), (TESTED, FIRST_TESTED))
    fitted, tested = (representations(measurement, measurement.drawn(*some).images) for some in rows)
    factors, truth = (measurement.factors(*some) for some in rows)
    return dict(probes=probes(fitted, tested, factors, truth), retrieval=retrieval(fitted, tested, truth))


def controls_hold(found: dict) -> list[str]:
    wrong = []
    guessed = found["probes"][CHANCE]["median"][0]
    if guessed > 0.05:
        wrong.append(f"probes of shuffled factors reach an R² of {guessed:.2f}")
    ratio = float(torch.tensor(found["retrieval"][CHANCE]["each"]).median())
    if abs(ratio - 1) > 0.05:
        wrong.append(f"pictures that are alike share {ratio:.2f} of the differences of shuffled factors")
    return wrong
