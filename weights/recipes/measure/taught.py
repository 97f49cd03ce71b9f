"""How many taps teach a word? Each factor of a world is taught as a word would be, by a reader that taps.

    python -m weights.recipes.measure.taught portraits-stylegan2

Writes weights/evidence/<card>-taught.json. A picture "shows" a factor where reader c puts it above the median of the
2,000 pictures that can be asked about; the page's fit then sees the answers alone, with the bundled reader's readings
and slopes that are the mean of both readers'.
What the knob does is judged by reader b on other pictures. The first 12 answers are six of each kind at random; the
others are random, or those of which the knob is least sure, 12 at a time.
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from core import zoo
from core.boundaries.files import load_labels
from core.boundaries.pure import Metric, metric_of
from core.boundaries.teaching import FEWEST, Word, taught, whitened
from core.codes import Directions, codes_in_turn
from core.evidence import fitted_hash, reader_hash
from core.factorization.baseline import spread_along
from core.truth import scores
from core.truth.judge import Judge

from .attributes import written
from .attributes_tables import own_and_share

TAPS, BATCH, REPEATS = (12, 24, 48, 96), 12, 2
TURNED, FIRST_TURNED = 48, 1_095_000
RESAMPLED = 400
WAYS = ("random", "by doubt")


class Pool(NamedTuple):
    """Pictures that can be asked about: readings and codes in standard deviations, answers [n, factors] bool."""

    readings: Tensor
    numbers: Tensor
    answers: Tensor
    slopes: Tensor
    metric: Metric


def pool_of(card: str) -> Pool:
    generator, judge = zoo.load(card), zoo.load_judge(card)
    path = zoo.WEIGHTS / "evidence" / f"{card}-attributes.safetensors"
    labels = load_labels(path, weights=zoo.weights_hash(card), judge=fitted_hash(card))
    if labels is None:
        raise SystemExit(f"{path.name} is missing or old: run weights.recipes.measure.attributes {card} first")
    codes = codes_in_turn(generator, len(labels.readings), labels.first_seed)
    tapping = zoo.load_judge(card, reader="c")
    found, metric = scores.read_codes(generator, tapping.read, codes), metric_of(generator)
    spread = judge.spread_over(labels.jacobian.readings).spread
    numbers = whitened(metric.space.numbers(codes), metric)
    own = scores.read_codes(generator, judge.read, codes).double()
    return Pool(own / spread, numbers, found > found.median(0).values, labels.slopes(spread), metric)


def asked(pool: Pool, factor: int, way: str, seed: int) -> Iterator[tuple[int, Word]]:
    """The word after each of TAPS answers."""
    answers = pool.answers[:, factor]
    order = torch.randperm(len(answers), generator=torch.Generator().manual_seed(seed))
    first = [row for kind in (True, False) for row in order[answers[order] == kind][:FEWEST].tolist()]
    rows, left = first, [row for row in order.tolist() if row not in set(first)]
    while True:
        word = taught(pool.readings[rows], pool.numbers[rows], answers[rows], pool.slopes, pool.metric, shuffles=0)
        if len(rows) in TAPS:
            yield len(rows), word
        if len(rows) >= TAPS[-1]:
            return
        if way == "by doubt":
            doubt = word.doubt(pool.readings, pool.numbers)
            left.sort(key=lambda row: float(doubt[row]))
        rows, left = rows + left[:BATCH], left[BATCH:]


def measured(card: str) -> dict[tuple[str, int], tuple[Tensor, Tensor]]:
    """By way and number of answers: change of the own factor a step (signed) and share [factors * repeats], by b."""
    pool, judge = pool_of(card), zoo.load_judge(card, reader="b")
    generator, psi = zoo.load(card), zoo.card(card).psi
    view, turned = generator.at(psi=psi), codes_in_turn(generator, TURNED, FIRST_TURNED, psi=psi)
    rows: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for way in WAYS:
        for factor in range(len(judge.names)):
            for seed in range(REPEATS):
                for taps, word in asked(pool, factor, way, seed):
                    change = changed(view, generator, judge, word.direction, turned)
                    own, share = own_and_share(change[None], torch.tensor([factor]))
                    rows.setdefault((way, taps), []).append((float(own * change[factor].sign()), float(share)))
            print(f"{way}: {factor + 1} of {len(judge.names)} factors", flush=True)
    return {key: tuple(torch.tensor(found).T) for key, found in rows.items()}


def changed(view, generator, judge: Judge, direction: Directions, codes: Tensor) -> Tensor:
    """[factors]: the mean change a step, in standard deviations."""
    steps = spread_along(generator, direction)
    (change,) = scores.knob_changes_of(view, judge.read, codes, direction, steps, judge.spread.float())
    return change.mean(0)


def median(values: Tensor) -> str:
    """The median with its 95 % interval, from factors drawn again with replacement."""
    random = torch.Generator().manual_seed(0)
    again = torch.stack(
        [values[torch.randint(len(values), (len(values),), generator=random)] for _ in range(RESAMPLED)]
    )
    low, high = again.median(1).values.quantile(torch.tensor([0.025, 0.975])).tolist()
    return f"{values.median():.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name in zoo.CARDS if zoo.has_reader(name, "b")))
    card = parser.parse_args().card
    found, factors = measured(card), len(zoo.load_judge(card).names)
    rows = []
    for way, taps in ((way, taps) for way in WAYS for taps in TAPS):
        own, share = found[way, taps]
        rows.append([way, str(taps), median(share), median(own), f"{int((own > 0).sum())} of {len(own)}"])
    doubtful, random = (float(found[key][1].median()) for key in (("by doubt", 48), ("random", 96)))
    more = "at least" if doubtful >= random else "less than"
    evidence = {
        "weights": zoo.weights_hash(card),
        "reader": reader_hash(card),
        "command": f"python -m weights.recipes.measure.taught {card}",
        "date": datetime.date.today().isoformat(),
        "samples": {"turned": TURNED, "first_turned": FIRST_TURNED, "repeats": REPEATS},
        "sentences": [
            f"Each of {factors} factors was taught as a word, {REPEATS} times. After 48 answers, asked where the knob "
            f"was least sure, {100 * doubtful:.0f} % of what it changes is its own factor (median, judged by a reader "
            f"that nothing was fitted to), {more} the {100 * random:.0f} % after 96 random answers."
        ],
        "tables": [
            {
                "title": "How many taps teach a word?",
                "columns": ["asked", "answers", "share of all change", "change a step (sd)", "moves the right way"],
                "rows": rows,
                "caption": f"Medians over {factors} factors and {REPEATS} repeats with 95 % intervals; "
                f"{TURNED} pictures.",
            }
        ],
    }
    path = zoo.WEIGHTS / "evidence" / f"{card}-taught.json"
    path.write_text(written(evidence), encoding="utf-8")
    print(f"written: {path.name}")


if __name__ == "__main__":
    main()
