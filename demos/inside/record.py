"""Record what the tab Look inside shows on arrival: a picture of one class, and the channel that draws a part of it.

    python -m demos.page.arrival inside                     the first picture and channel by the rule below
    python -m demos.page.arrival inside --candidates 6      prints looks that fit the rule, best first,
                                                                 and writes nothing
    python -m demos.page.arrival inside --seed 7 --gate 3 --channel 12     a look chosen by eye

Writes demos/arrival/inside.json with its pictures (lossless WebP), and the sha256 of the weights and the part reader:
the page shows them only for exactly these. The rule: of the class (mug, where there is one), over some seeds whose
picture shows the part (handle) and is a mug to the classifier with a probability of SURE (where there is a
classifier), and over the most aware channels of every gate, the look whose change lies on the part the most, as the
part reader sees it, among those that change the picture by at least LEAST levels of 255.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from core import zoo
from demos.inside import experiments
from demos.inside import recipe as looks
from demos.inside import tab as channel_awareness
from demos.inside.recipe import Look
from demos.page.arrival import ARRIVAL, picture_in, save
from demos.page.parts_of_pictures import has_parts, read_parts

CLASS, PART = "mug", "handle"
SEEDS = range(24)
LEAST, SURE = 3.0, 0.99
# share of the change, and times that of random channels, from which a channel is said to draw a part
CLEAR, TIMES = 0.5, 2.0
GONE = 0.5  # share of the part's pixels from which it is gone without the channel, so drawn by it


def candidates(model: str) -> Iterator[tuple[float, Look]]:
    """(share of the change on the part, look),
    of every seed that shows the part and every gate's most aware channels.
    """
    label, gates = looks.class_of(CLASS, model), range(len(looks.opened(model).gates))
    for seed in SEEDS:
        first = Look(model, seed=seed, label=label, gate=0)
        untouched = experiments.before(first).picture
        taken = experiments.probabilities(model, untouched)
        if PART not in read_parts(model, untouched)[0] or taken is not None and taken[0, label] < SURE:
            continue
        for gate in gates:
            here = Look(model, seed=seed, label=label, gate=gate)
            for dot in experiments.dots(here):
                found = experiments.tried(here, dot["channel"])
                if found.levels >= LEAST:
                    look = Look(model, seed=seed, label=label, gate=gate, channel=dot["channel"])
                    yield found.parts.get(PART, 0.0), look


def first_sentence(look: Look) -> str:
    """What the channel was measured to draw, or to shape, on this picture;
    a bare sentence where no part stands out against random channels.
    """
    shares, random = experiments.tried(look, look.channel).parts, experiments.beside(look, measure=True)
    name = experiments.struck(shares, random) if shares else ""
    if not name or shares[name] < CLEAR or shares[name] < TIMES * random["parts"].get(name, 0.0):
        return "Switch one channel of this network off and see what goes."
    does = "draws" if lost(look, name) >= GONE else "shapes"
    return f"One of this network’s channels {does} the {name}. Switch it off."


def lost(look: Look, part: str) -> float:
    """Share of the part's pixels that the part reader no longer takes for it."""
    pictures = torch.cat([experiments.before(look).picture, experiments.changed(look)])
    before, after = read_parts(look.model, pictures)
    return 1 - float((before[part] & after[part]).sum() / before[part].sum()) if part in after else 1.0


def record(look: Look, folder: Path) -> list[str]:
    """Writes the arrival; returns the names of the files."""
    answer, film = channel_awareness.shown_of(look, measure=True), experiments.film(look)
    psi = int(look.psi) if look.psi in (0, 1) else look.psi  # as the page's script writes it
    film["key"] = json.dumps([look.model, look.seed, look.label, psi, look.gate, look.channel], separators=(",", ":"))
    images = dict(
        before=picture_in(answer.pop("before")),
        src=picture_in(answer.pop("src")),
        active=picture_in(answer.pop("active")),
        strip=picture_in(film.pop("src")),
    )
    found = dict(
        made_from=channel_awareness.made_from(look.model),
        recipe=look.as_dict(),
        answer=answer,
        facts=channel_awareness.about(look.model),
        film=film,
        code=looks.code_for(look),
        sentence=first_sentence(look),
    )
    return save(looks.Look.tab, found, images, folder)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=0, help="print this many looks that fit the rule")
    for name in ("seed", "gate", "channel"):
        parser.add_argument(f"--{name}", type=int, help=f"use this {name} instead of the rule's")
    given = parser.parse_args(arguments)
    model = looks.BUNDLED
    if model not in zoo.CARDS or not has_parts(model):
        raise SystemExit(f"{model} or its part reader is not here: train them first (weights/README.md)")
    chosen = [value for value in (given.seed, given.gate, given.channel) if value is not None]
    if len(chosen) == 3:
        label = looks.class_of(CLASS, model)
        look = Look(model, seed=given.seed, label=label, gate=given.gate, channel=given.channel)
        print(*record(look, ARRIVAL), sep="\n")
        return
    if chosen:
        parser.error("give --seed, --gate and --channel together")
    found = sorted(candidates(model), key=lambda one: -one[0])
    if not found:
        raise SystemExit(f"no picture of the class {CLASS} shows the part {PART}: choose a look by eye")
    if given.candidates:
        print(
            *(
                f"{share:.2f}  --seed {look.seed} --gate {look.gate} --channel {look.channel}"
                for share, look in found[: given.candidates]
            ),
            sep="\n",
        )
        return
    print(*record(found[0][1], ARRIVAL), sep="\n")
