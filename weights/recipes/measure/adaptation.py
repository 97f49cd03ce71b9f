"""Measure how far one picture leads all faces to its style, and what of their variety is left.

    python -m weights.recipes.measure.adaptation portraits-stylegan2

Writes weights/evidence/<card>-adaptation.json, and <card>-adaptor-<style>.safetensors of the first target. Styles are
exact, so the truth T(G(w)) of each of 64 held-out samples is known. Each is learned from three faces, T(G(w0)), by an
adaptor of codes, by one of codes and first features, and by all weights in as many steps of the same game without the
term of one map of colours; of the tint, each also the other way. As a control an adaptor learns from the faces as they
are. Fails where that leads as far.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median

import torch
from torch import Tensor

from core import adaptation, zoo
from core.adaptation import STYLES, adapt, adaptor_bytes, drawn, fine_tune
from core.codes import codes_in_turn
from core.evidence import file_hash
from core.inversion.losses import unit_features

from .attributes import written
from .words import interval

HELD_OUT, FIRST_HELD_OUT = 64, 1_110_000
TARGETS = (11, 12, 13)  # numbers of the faces that are taught; none was looked at while the recipe was chosen
CODES, FEATURES, FULL, NOTHING, PLAIN = "codes", "codes and first features", "all weights", "no adaptation", "plain"
UNHELD, HELD = "codes, without one map", "all weights, with one map"  # the tint alone: what the term of our own does
WITH_FEATURES = ("tinted", "old")
TOLD = dict(tinted="tinted", inverted="inverted", sketched="edges", old="old photograph", plain="as it is (a control)")


def taught(style: str, images: Tensor) -> Tensor:
    images = images.clamp(-1, 1)
    return images if style == PLAIN else STYLES[style](images)


class Scores:
    """Of held-out samples: how far they are from the truth, and how far from each other."""

    @torch.no_grad()
    def __init__(self, card: str):
        self.card, self.generator, self.critic = card, zoo.load(card), zoo.load_critic(card)
        self.psi = zoo.card(card).psi
        self.codes = codes_in_turn(self.generator, HELD_OUT, FIRST_HELD_OUT, psi=self.psi)
        self.plain = self.of(self.generator)

    @torch.no_grad()
    def of(self, draw: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.cat([draw(part).clamp(-1, 1) for part in self.codes.split(16)])

    def target(self, style: str, seed: int) -> Tensor:
        with torch.no_grad():
            return taught(style, self.generator(codes_in_turn(self.generator, 1, seed, psi=self.psi)))

    @torch.no_grad()
    def measured(self, style: str, images: Tensor) -> dict:
        """left: of each sample, the distance to the truth, of that without adaptation (of a control: to itself, of
        that to the tinted one). diversity: mean distance of two samples, of that without adaptation.
        """
        truth = taught(style, self.plain)
        whole = apart(taught("tinted", self.plain) if style == PLAIN else truth, self.plain)
        return dict(
            left=[round(x, 4) for x in (apart(images, truth) / whole).tolist()],
            distance=round(float(apart(images, truth).median()), 4),
            diversity={name: round(of(images) / of(self.plain), 4) for name, of in self.diversities.items()},
        )

    @property
    def diversities(self) -> dict[str, Callable[[Tensor], float]]:
        return dict(pixels=lambda x: float(torch.pdist(x.flatten(1)).mean()), features=self._features)

    @torch.no_grad()
    def _features(self, images: Tensor) -> float:
        """As people see differences: in the critic's features, of unit length at each place, by all levels."""
        levels = [
            torch.cat(level) for level in zip(*(unit_features(self.critic.features(x)) for x in images.split(16)))
        ]
        square = sum(torch.cdist(x.flatten(1), x.flatten(1)).square() / x[0, 0].numel() for x in levels)
        return float(square[torch.triu_indices(*square.shape, 1).unbind()].sqrt().mean())


def apart(images: Tensor, others: Tensor) -> Tensor:
    """[n]: root mean square differences."""
    return (images - others).square().mean((1, 2, 3)).sqrt()


def job(card: str, style: str, way: str, seed: int, steps: int) -> tuple[tuple[str, str, int], dict, bytes]:
    """One run on one core: what was measured of it, and the adaptor's file."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    scores = Scores(card)
    target, began, file = scores.target(style, seed), time.process_time(), b""
    if way in (FULL, HELD):
        held = adaptation.ONE_MAP if way == HELD else 0.0
        *_, (_, free) = fine_tune(scores.generator, scores.critic, target, steps=steps, one_map=held)
        seconds, images, numbers = time.process_time() - began, scores.of(free), numbers_of(free.layers.parameters())
    else:
        how = dict(features=way == FEATURES, one_map=0.0 if way == UNHELD else adaptation.ONE_MAP)
        *_, last = adapt(scores.generator, scores.critic, target, steps=steps, **how)
        seconds, numbers = time.process_time() - began, last.best.numbers
        images = scores.of(lambda codes: drawn(scores.generator, last.best, codes))
        facts = dict(base=card, style=style, face=str(seed), steps=str(steps), best=str(last.best_i), seed="0")
        file = adaptor_bytes(last.best, weights=zoo.weights_hash(card), **facts)
    found = dict(scores.measured(style, images), seconds=round(seconds, 1), numbers=numbers)
    print(f"{style}, {way}, face {seed}: {median(found['left']):.2f} left, {found['diversity']}", flush=True)
    return (style, way, seed), found, file


def numbers_of(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def jobs() -> list[tuple[str, str, int]]:
    ways = {style: [CODES, *([FEATURES] if style in WITH_FEATURES else []), FULL] for style in STYLES}
    ways["tinted"] += [UNHELD, HELD]
    return [(style, way, seed) for style, some in (ways | {PLAIN: [CODES]}).items() for way in some for seed in TARGETS]


def measure(card: str, steps: int, workers: int) -> tuple[dict, dict[str, bytes]]:
    scores, found, files = Scores(card), {}, {}
    for style in STYLES:
        found[style] = {"truth": scores.measured(style, taught(style, scores.plain))["diversity"]}
        found[style][NOTHING] = round(float(apart(taught(style, scores.plain), scores.plain).median()), 4)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        runs = [pool.submit(job, card, *one, steps) for one in jobs()]
        for (style, way, seed), measured, file in (run.result() for run in runs):
            found.setdefault(style, {}).setdefault(way, {})[str(seed)] = measured
            if way == CODES and seed == TARGETS[0] and style != PLAIN:
                files[style] = file
    return found, files


def left_of(runs: dict) -> tuple[float, float, float]:
    """Median over samples and faces, with its interval over samples: of each sample the median of the faces."""
    return interval([median(one) for one in zip(*(run["left"] for run in runs.values()))])


def shown(found: dict) -> dict:
    """Sentences and a table, each number from `found`."""
    rows = []
    for style, ways in found.items():
        for way in (CODES, FEATURES, UNHELD, FULL, HELD):
            if way in ways:
                runs = ways[way]
                middle, low, high = left_of(runs)
                faces = sorted(median(run["left"]) for run in runs.values())
                kept = [median(run["diversity"][name] for run in runs.values()) for name in ("features", "pixels")]
                seconds = median(run["seconds"] for run in runs.values())
                rows.append(
                    [
                        f"{TOLD[style]}: {way}",
                        f"{100 * middle:.0f} % [{100 * low:.0f}, {100 * high:.0f}]",
                        f"{100 * faces[0]:.0f} to {100 * faces[-1]:.0f} %",
                        *(f"{100 * one:.0f} %" for one in kept),
                        f"{seconds:.0f} s",
                    ]
                )
        if "truth" in ways:
            rows.append(
                [
                    f"{TOLD[style]}: the truth",
                    "0 %",
                    "",
                    *(f"{100 * ways['truth'][n]:.0f} %" for n in ("features", "pixels")),
                    "",
                ]
            )
    columns = ["style and way", "left to the truth", "of the faces", "variety, features", "variety, pixels", "one core"]
    note = (
        "Left: the distance to the exact style of the same face, of that without adaptation, median of held-out faces "
        "with its interval, and from the best to the worst of the taught faces. Variety: the mean distance of two "
        "faces, of that without adaptation. The control is taught a face as it is: how far that leads from there, of "
        "the way to the tint."
    )
    table = dict(caption="What one picture teaches", columns=columns, rows=rows, note=note)
    return dict(sentences=[sentence(found, style) for style in ("tinted", "old")], tables=[table])


def sentence(found: dict, style: str) -> str:
    ways = found[style]
    gone = {
        way: f"{100 * (1 - left_of(ways[way])[0]):.0f} %"
        for way in (CODES, FEATURES, UNHELD, FULL, HELD)
        if way in ways
    }
    kept = {way: f"{100 * median(x['diversity']['features'] for x in ways[way].values()):.0f} %" for way in gone}
    said = (
        f"{TOLD[style].capitalize()}: an adaptor of codes goes {gone[CODES]} of the way and keeps {kept[CODES]} of the "
        f"variety; with the first features too {gone[FEATURES]} and {kept[FEATURES]}; all weights go {gone[FULL]} and "
        f"keep {kept[FULL]}."
    )
    if HELD in ways:
        said += (
            f" It is the term of one map of colours that does this: without it the adaptor goes {gone[UNHELD]} and "
            f"keeps {kept[UNHELD]}, with it all weights go {gone[HELD]} and keep {kept[HELD]}."
        )
    return said


def controls_hold(found: dict) -> list[str]:
    """Sentences about controls that look like findings; empty where all is well."""
    plain, tint = left_of(found[PLAIN][CODES])[0], 1 - left_of(found["tinted"][CODES])[0]
    return [f"a face as it is leads {plain:.2f} of the way to the tint, the tint {tint:.2f}"] if plain >= tint else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=[name for name in zoo.CARDS if zoo.card(name).architecture == "StyleGAN2"])
    parser.add_argument("--steps", type=int, default=adaptation.STEPS, help="fewer for a trial")
    parser.add_argument("--workers", type=int, default=1, help="processes, of one core each")
    given = parser.parse_args()
    began = time.time()
    found, files = measure(given.card, given.steps, given.workers)
    evidence = dict(
        weights=zoo.weights_hash(given.card),
        critic=file_hash(zoo.critic_path(given.card)),
        command=f"python -m weights.recipes.measure.adaptation {given.card}",
        date=datetime.date.today().isoformat(),
        samples=dict(held_out=HELD_OUT, first_held_out=FIRST_HELD_OUT, faces=list(TARGETS), steps=given.steps),
        **shown(found),
        found=found,
    )
    print("\n".join(evidence["sentences"]))
    if wrong := controls_hold(found):
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    folder = zoo.WEIGHTS / "evidence"
    for style, file in files.items():
        (folder / f"{given.card}-adaptor-{style}.safetensors").write_bytes(file)
    (folder / f"{given.card}-adaptation.json").write_text(written(evidence), encoding="utf-8")
    print(f"written after {(time.time() - began) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
