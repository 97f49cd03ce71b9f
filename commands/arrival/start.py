"""What Start shows on arrival: `python -m commands.arrival start` records it; `--model faces-dcgan` its second network.

The rule: of SEARCHED faces the one that comes closest to Steer's rule, and others that are frontal enough to be turned
both ways and wear no glasses. The knobs of
the chips are pure knobs of FACTORS, each turned as far as it moves its factor by FAR standard deviations; what they do
is measured on faces that nothing was fitted to, beside random knobs. The game asks for those of SeFa's knobs that move
something most clearly, as weights/evidence says. Of a network whose factors nobody knows, the chips are knobs of SeFa
that were named by eye.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core import evidence, zoo
from core.boundaries.files import load_labels
from core.boundaries.pure import pure
from core.codes import Directions, codes_in_turn, edit
from core.factorization.baseline import random_directions, spread_along
from core.factorization.sefa import sefa
from core.generators.base import Generator
from core.images import strip, to_pil
from core.truth import scores
from core.truth.judge import Judge
from core.truth.verdict import BESIDE, moved_by
from demos.page.arrival import ARRIVAL
from demos.start.bundle import TEXTS, made_from
from demos.steer.recipe import TEXTS as STEER
from demos.steer.recipe import Recipe
from demos.steer.tab import TAB as TAB

from . import record as arrivals
from .steer import CARD

FACTORS = ("yaw", "smile", "light")  # of the chips
MORE, SEARCHED = 11, 4096  # further faces; seeds from 0 on
FRONTAL = dict(yaw=(0.4, 0.6), pitch=(0.35, 0.65), glasses=(-1.0, 0.2), eye_open=(0.4, 1.01))  # further faces
KNOBS, ASKED, CHOICES = 10, 5, 4  # SeFa's knobs; those of the game; its answers
FRAMES, ASIDE = 21, 2.0  # of a film; steps to both sides in the game's pictures
FAR, FEWEST = 2.0, 2.0  # standard deviations by which a chip moves its factor; steps that a knob is turned at least
MEASURED, FIRST_MEASURED, RANDOM = 64, 1_090_000, 20  # faces, the first one's seed, and random knobs


def candidates() -> Iterator[tuple[str, Recipe]]:
    """(by how much its readings miss Steer's rule, face), the closest first."""
    psi = zoo.card(CARD).psi
    missed = misses(readings_of(CARD, psi), zoo.load_judge(CARD).names)
    for seed in missed.argsort(stable=True).tolist():
        yield f"{float(missed[seed]):.2f}", Recipe(CARD, seed=seed, psi=psi)


@lru_cache(maxsize=1)
def readings_of(model: str, psi: float) -> Tensor:
    """[SEARCHED, factors]: what the reader says of the faces of the seeds from 0 on."""
    return scores.read_seeds(zoo.load(model), zoo.load_judge(model).read, SEARCHED, 0, psi=psi)[1]


def misses(readings: Tensor, names: Sequence[str]) -> Tensor:
    """[n]: by how much the readings [n, factors] lie outside of Steer's rule, the sum over its factors."""
    low, high = torch.tensor(list(STEER["rule"].values())).T
    some = readings[:, [names.index(name) for name in STEER["rule"]]]
    return ((low - some).clamp(min=0) + (some - high).clamp(min=0)).sum(1)


def further(readings: Tensor, names: Sequence[str]) -> list[int]:
    """The seeds of faces that are FRONTAL, smallest first."""
    low, high = torch.tensor(list(FRONTAL.values())).T
    some = readings[:, [names.index(name) for name in FRONTAL]]
    return ((some >= low) & (some <= high)).all(1).nonzero()[:, 0].tolist()


def record(recipe: Recipe, folder: Path = ARRIVAL) -> list[str]:
    """Writes the record of the bundled network, with stills and films. Returns the names of the files."""
    generator, judge, psi = zoo.load(recipe.model), zoo.load_unfitted_judge(recipe.model), recipe.psi
    fitting = further(readings_of(recipe.model, psi), judge.names)
    seeds = [recipe.seed, *(seed for seed in fitting if seed != recipe.seed)][: 1 + MORE]
    found, steps = pure_knobs(recipe.model)
    turned = codes_in_turn(generator, MEASURED, FIRST_MEASURED, psi=psi)
    chance = torch.stack(list(changes(generator, judge, random_directions(generator, k=RANDOM), turned)))
    named = []
    for i, change in enumerate(changes(generator, judge, found, turned)):
        factor, far = judge.factors[i], far_of(float(change[i]), zoo.card(recipe.model).reach)
        about = dict(id=f"pure-{factor.name}", title=factor.description, low=factor.low, high=factor.high, far=far)
        named.append(knob(about, found.vectors[i], float(steps[i]), verdict_of(change, i, chance, judge)))
    chips = {f"pure-{name}": TEXTS["chips"][name] for name in FACTORS}
    proof = (evidence.recorded(recipe.model) or {}).get("found", {})
    counted = proof and TEXTS["proof"].format(of=proof["of"], **proof["causal"])
    return written(recipe, seeds, named, chips, "start", folder, proof=counted)


def record_network(model: str, folder: Path = ARRIVAL, *, seeds: Sequence[int], knobs: Mapping[int, Sequence]) -> list:
    """Writes the record of a network that others trained, whose factors nobody knows.

    seeds: of the faces. knobs: number of a knob of SeFa, from 0 -> its chip, and both its ends, in words.
    """
    card, measured = zoo.card(model), evidence.knob_records(model, "sefa-paper/all")
    recipe, chips, named = Recipe(model, seed=seeds[0], psi=card.psi), {}, []
    found = sefa(zoo.load(model), k=KNOBS)
    for i, (chip, low, high) in knobs.items():
        chips[f"eye-{i}"] = chip
        about = dict(id=f"eye-{i}", title=chip, low=low, high=high, far=card.reach)
        says = TEXTS["by_eye"].format(chip=chip, says=measured[i]["plain"], n=measured[i]["pictures"])
        named.append(knob(about, found.vectors[i], float(spread_along(zoo.load(model), found)[i]), says))
    command = f"python -m commands.arrival start --model {model}"
    return written(recipe, seeds, named, chips, f"{model}/start", folder, command=command)


# --- what is measured


def pure_knobs(model: str) -> tuple[Directions, Tensor]:
    """A pure knob for each factor, and the length of its step. Raises SystemExit where no labels were measured."""
    path, judge = zoo.WEIGHTS / "evidence" / f"{model}-attributes.safetensors", zoo.load_judge(model)
    labels = load_labels(path, weights=zoo.weights_hash(model), judge=evidence.fitted_hash(model))
    if labels is None:
        raise SystemExit(f"no labels of {model}: run `python -m weights.recipes.measure.attributes {model}` first")
    found = pure(zoo.load(model), labels.slopes(judge.spread))
    return found, spread_along(zoo.load(model), found)


def changes(generator: Generator, judge: Judge, found: Directions, codes: Tensor):
    """For each direction [factors]: the mean change a step over the faces, in standard deviations."""
    steps, spread = spread_along(generator, found), judge.spread.float()
    for change in scores.knob_changes_of(generator, judge.read, codes, found, steps, spread):
        yield change.mean(0)


def far_of(own: float, reach: float) -> float:
    """Steps to both sides of a slider: as far as FAR, but no less than FEWEST and no more than twice the reach."""
    return round(min(max(FAR / max(abs(own), 1e-6), FEWEST), 2 * reach), 1)


def verdict_of(change: Tensor, own: int, chance: Tensor, judge: Judge) -> str:
    """What share of all change is the knob's own factor, what comes next, and what random knobs [k, factors] do."""
    share = change.abs() / change.abs().sum().clamp(min=1e-12)
    other = next(i for i in share.argsort(descending=True).tolist() if i != own)
    random = (chance.abs() / chance.abs().sum(1, keepdim=True))[:, own].median()
    first = share[own] >= share[other]
    what, rest = judge.factors[own].short, judge.factors[other].short
    return TEXTS["verdict" if first else "verdict_second"].format(
        **dict(what=what, share=100 * float(share[own]), next=rest, other=100 * float(share[other])),
        **dict(random=100 * float(random), n=MEASURED, things=judge.things),
    )


def asked_of(measured: Sequence[Mapping], judge: Judge) -> list[dict]:
    """The rounds of the game: ASKED knobs that move different things most clearly, in their order."""
    clear = [i for i, one in enumerate(measured) if one["strongest"] is not None]
    clear.sort(key=lambda i: -max(map(abs, measured[i]["mean"])))
    first: dict[int, int] = {}
    for i in clear:
        first.setdefault(measured[i]["strongest"], i)
    rounds = sorted(list(first.values())[:ASKED])
    asked = {measured[i]["strongest"] for i in rounds}
    return [_round(i, measured[i], judge, asked) for i in rounds]


def _round(i: int, one: Mapping, judge: Judge, asked: set[int]) -> dict:
    """A knob, what may be answered, and which answers are right: all that its name says. The wrong ones hardly move."""
    mean, own = one["mean"], one["strongest"]
    named, _ = moved_by(mean)
    still = [j for j in range(len(mean)) if j not in named and abs(mean[j]) < BESIDE * abs(mean[own])]
    still.sort(key=lambda j: (j not in asked, abs(mean[j])))
    answers = still[: CHOICES - 1]
    answers.insert((i * 3 + 1) % (len(answers) + 1), own)
    return dict(
        knob=f"sefa-{i}",
        answers=[judge.factors[j].short for j in answers],
        right=[k for k, j in enumerate(answers) if j in named],
        says=one["plain"],
    )


# --- what is written


def ends_of(measured: Mapping, judge: Judge) -> dict[str, str]:
    """What a knob that was measured moves most, and what stands at both its ends; "" where that is nothing clear."""
    own = measured["strongest"]
    if own is None:
        return dict(title="", low="", high="")
    factor = judge.factors[own]
    ends = (factor.low, factor.high) if measured["mean"][own] > 0 else (factor.high, factor.low)
    return dict(title=factor.short, low=ends[0], high=ends[1])


def knob(about: Mapping, vector: Tensor, step: float, verdict: str) -> dict:
    return dict(about, step=step, vector=packed(vector), verdict=verdict)


def packed(numbers: Tensor) -> str:
    """Numbers as float32, little-endian, base64."""
    return base64.b64encode(np.ascontiguousarray(numbers.detach().float().numpy(), "<f4").tobytes()).decode()


@torch.no_grad()
def written(
    recipe: Recipe,
    seeds: Sequence[int],
    named: Sequence[dict],
    chips: Mapping[str, str],
    name: str,
    folder: Path,
    *,
    command: str = "",
    proof: str = "",
) -> list[str]:
    """The record: faces, knobs, chips, game and words, and as pictures the still, a film a chip, and the game's.

    Returns the names of the files.
    """
    generator, card = zoo.load(recipe.model), zoo.card(recipe.model)
    found = sefa(generator, k=KNOBS)
    steps, measured = spread_along(generator, found).tolist(), evidence.knob_records(recipe.model, "sefa-paper/all")
    judge = zoo.load_judge(recipe.model)
    by_number = [
        knob(dict(id=f"sefa-{i}", **ends_of(one, judge), far=card.reach), vector, step, one["plain"])
        for i, (one, vector, step) in enumerate(zip(measured, found.vectors, steps))
    ]
    game = asked_of(measured, judge)
    codes = torch.cat([generator.codes(generator.sample(1, seed), psi=recipe.psi) for seed in seeds])
    known = {one["id"]: one for one in (*named, *by_number)}

    def drawn(one: Mapping, amounts: Sequence[float]) -> list:
        vector = torch.from_numpy(np.frombuffer(base64.b64decode(one["vector"]), "<f4").copy())
        way = Directions(vector[None], torch.ones(1, dtype=torch.float64), tuple(range(generator.slots)))
        shown = [generator(edit(codes[:1], way, [amount * one["step"]])) for amount in amounts]
        return to_pil(torch.cat(shown).clamp(-1, 1))

    shown = chips if card.source is None else {}  # a network of others is offered only where the browser draws
    films = {f"film-{i}": drawn(known[one], frames(known[one]["far"])) for i, one in enumerate(shown)}
    sides = [drawn(known[one["knob"]], (-ASIDE, 0.0, ASIDE)) for one in game if shown]
    images = {"still": drawn(named[0], [0.0])[0], **{kind: strip(film) for kind, film in films.items()}}
    images |= {"game": strip([one for three in sides for one in three])} if sides else {}
    view = dict(
        faces=[dict(seed=seed, codes=packed(_short(one))) for seed, one in zip(seeds, codes)],
        knobs=[*named, *by_number],
        chips=[dict(knob=one, word=word) for one, word in chips.items()],
        game=game,
        aside=ASIDE,
        proof=proof,
    )
    made = dict(made_from=made_from(recipe.model), recipe=recipe.as_dict(), view=view)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    return arrivals.save(name, made, images, folder, command)


def _short(code: Tensor) -> Tensor:
    """A code [slots, dim]; one of its slots where all are the same."""
    return code[:1] if (code == code[:1]).all() else code


def frames(far: float) -> list[float]:
    return [far * (2 * i / (FRAMES - 1) - 1) for i in range(FRAMES)]
