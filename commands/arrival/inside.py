"""What Look inside shows on arrival: a picture of one class, and the channel that draws a part of it.

`python -m commands.arrival inside` records it. The rule: of the class (mug), over some seeds whose
picture shows the part (handle) and is a mug to the classifier with a probability of SURE (where there is a
classifier), and over the most aware channels of every gate, the look whose change lies on the part the most, as the
part reader sees it, among those that change the picture by at least LEAST levels of 255. It arrives with the
channel on: the visitor switches it off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from core.parts import read_parts
from core.truth.readers import probabilities
from demos.inside import channel as channels
from demos.inside import recipe as looks
from demos.inside.recipe import Look
from demos.inside.tab import TAB as TAB

CLASS, PART = "mug", "handle"
RECORDED = ()
SEEDS = range(24)
LEAST, SURE = 3.0, 0.99


def candidates(model: str = looks.BUNDLED) -> Iterator[tuple[str, Look]]:
    """(share of the change on the part, look), the largest share first."""
    found = sorted(fitting(model), key=lambda one: -one[0])
    yield from ((f"{share:.2f}", replace(look, amount=1.0)) for share, look in found)


def fitting(model: str) -> Iterator[tuple[float, Look]]:
    """(share of the change on the part, look),
    of every seed that shows the part and every gate's most aware channels.
    """
    label, gates = looks.class_of(CLASS, model), range(len(looks.opened(model).gates))
    for seed in SEEDS:
        first = Look(model, seed=seed, label=label, gate=0)
        untouched = channels.before(first).picture
        judge = looks.classifier_of(model)
        sure = judge is None or probabilities(judge, untouched)[0, label] >= SURE
        if PART not in read_parts(model, untouched)[0] or not sure:
            continue
        for gate in gates:
            here = Look(model, seed=seed, label=label, gate=gate)
            for dot in channels.dots(here):
                look = replace(here, channel=dot["channel"])
                found = channels.tried(look, channels.changed(look))
                if found.levels >= LEAST:
                    yield found.parts.get(PART, 0.0), look
