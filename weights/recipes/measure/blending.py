"""Measure what blending inside a network does: its seam, what it changes elsewhere, and whether what is moved arrives.

    python -m weights.recipes.measure.blending portraits-stylegan2

Writes weights/evidence/<card>-blending.json: 64 faces for each part of which the part reader finds one, blended after
every number of layers, beside the same done with pixels. Fails where a control looks like a finding: an empty mask
that changes something, or parts that "arrive" where nothing was moved.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time

import torch
import torch.nn.functional as F
from torch import Tensor

from core import zoo
from core.blending import Patch, blended, reach, seam, with_pixels
from core.evidence import file_hash

from . import blending_tables
from .attributes import written
from .blending_tables import LOST, PIXELS, PLAIN

FACES, FIRST_FACE = 64, 1_110_000  # of a part; the seeds are looked through until so many have it
FIRST_SOURCE = 1_112_000  # as many other pictures, from which a region is taken
LOOKED_THROUGH = 1_024
EMPTY = 8  # seeds that the empty mask, a control, is tried on
PSI = 0.7  # as the page draws
TAKEN, MOVED = ("mouth", "eyes"), ("mouth", "eyes", "glasses")
FAR = 4  # pixels of 64 that a part is moved: down, up, right and left in turn
MARGIN = 2  # pixels of 64 around a part
LEAST = 8  # pixels of 64 x 64 below which a part is not there


class Measurement:
    """A card's network, part reader and critic."""

    def __init__(self, card: str):
        self.card, self.generator, self.critic = card, zoo.load(card), zoo.load_critic(card)
        self.reader = zoo.load_part_reader(zoo.card(card).world)
        self.layers, self.side = range(1, len(self.generator.layers) + 1), self.generator.resolution

    def codes(self, first: int, count: int = 1) -> Tensor:
        label = 0 if self.generator.classes else None
        return self.generator.codes(self.generator.sample(count, first), psi=PSI, label=label)

    def draw(self, codes: Tensor, patches: list[Patch], base: Tensor | None = None) -> Tensor:
        return blended(self.generator, patches, base=base)(codes).clamp(-1, 1)

    def part(self, image: Tensor, name: str) -> Tensor | None:
        """[R, R] bool; None where the reader finds less than LEAST."""
        mask = self.reader.masks(image)[0, self.reader.names.index(name)]
        return mask if mask.sum() >= LEAST else None

    def faces(self, name: str, count: int) -> list[tuple[int, Tensor, Tensor, Tensor]]:
        """(number, codes, picture, the part) of the first pictures that have the part."""
        found = []
        for number in range(LOOKED_THROUGH):
            codes = self.codes(FIRST_FACE + number)
            image = self.generator(codes).clamp(-1, 1)
            part = self.part(image, name)
            if part is not None:
                found.append((number, codes, image, part))
            if len(found) == count:
                break
        return found

    def judged(self, image: Tensor) -> float:
        return round(float(self.critic(image)), 4)


def grown(mask: Tensor) -> Tensor:
    """[R, R] bool -> [1, 1, R, R] with a margin around it."""
    return F.max_pool2d(mask[None, None].float(), 2 * MARGIN + 1, 1, MARGIN)


def middle(mask: Tensor) -> Tensor:
    return mask.nonzero().double().mean(0)


@torch.no_grad()
def taken(of: Measurement, name: str, count: int) -> dict:
    """The part's region from another picture: seam energies, what arrives of the other, the critic, what is outside.

    like: how far the inside goes from the picture before (0) to the other (1), by squared differences.
    """
    keys = [PLAIN, PIXELS, *map(str, of.layers)]
    found = {what: {key: [] for key in keys} for what in ("seam", "like", "critic")}
    outside = {what: {str(layer): [] for layer in of.layers} for what in ("largest", "share")}
    empty = 0.0
    for number, codes, before, part in of.faces(name, count):
        source = of.codes(FIRST_SOURCE + number)
        other = of.generator(source).clamp(-1, 1)
        theirs = of.part(other, name)
        mask = grown(part if theirs is None else part | theirs)
        inside = mask[0, 0] > 0
        images = {PLAIN: before, PIXELS: with_pixels(before, [Patch(mask, 1)], [other])}
        for layer in of.layers:
            patch = Patch(mask, layer, source)
            image = images[str(layer)] = of.draw(codes, [patch])
            touched = reach(of.generator, [patch], codes)
            changed = (image - before)[0].abs().amax(0)[~touched]
            outside["largest"][str(layer)].append(127.5 * float(changed.max()) if len(changed) else 0.0)
            outside["share"][str(layer)].append(round(1 - float(touched.double().mean()), 4))
            if number < EMPTY:
                nothing = of.draw(codes, [Patch(torch.zeros_like(mask), layer, source)])
                empty = max(empty, float((nothing - before).abs().max()))
        whole = float((images[PIXELS] - before)[..., inside].square().mean())
        for key, image in images.items():
            found["seam"][key].append(round(float(seam(image, inside)[0]), 3))
            left = float((image - images[PIXELS])[..., inside].square().mean())
            found["like"][key].append(round(1 - left / max(whole, 1e-9), 4))
            found["critic"][key].append(of.judged(image))
    return found | dict(outside=outside, empty=empty)


@torch.no_grad()
def moved(of: Measurement, name: str, count: int) -> dict:
    """How far from where it was asked to go the reader finds the part, in pixels of 64; LOST where it finds none."""
    found = {key: [] for key in (PLAIN, PIXELS, *map(str, of.layers))}
    scale = 64 / of.side
    for i, (_, codes, before, part) in enumerate(of.faces(name, count)):
        down, right = ((FAR, 0), (-FAR, 0), (0, FAR), (0, -FAR))[i % 4]
        mask, asked = grown(part), torch.tensor([down, right]).double()
        where = dict(down=down / scale, right=right / scale)

        def patches(layer: int, mask: Tensor = mask, where: dict = where) -> list[Patch]:
            return [Patch(mask, layer, kind="around"), Patch(mask, layer, **where)]

        images = {PLAIN: before, PIXELS: with_pixels(before, patches(1), [None, None])}
        images |= {str(layer): of.draw(codes, patches(layer)) for layer in of.layers}
        for key, image in images.items():
            there = of.part(image, name)
            apart = None if there is None else ((middle(there) - middle(part)) * scale - asked).norm()
            found[key].append(LOST if apart is None else round(float(apart), 3))
    return found


@torch.no_grad()
def removed(of: Measurement, name: str, count: int) -> dict:
    """The share of the part's pixels that the reader still finds, filled from around; of pictures as well."""
    found = {key: [] for key in (PIXELS, *map(str, of.layers))}
    for _, codes, before, part in of.faces(name, count):
        mask = grown(part)
        images = {PIXELS: with_pixels(before, [Patch(mask, 1, kind="around")], [None])}
        images |= {str(layer): of.draw(codes, [Patch(mask, layer, kind="around")]) for layer in of.layers}
        for key, image in images.items():
            there = of.part(image, name)
            found[key].append(0.0 if there is None else round(float(there.sum() / part.sum()), 4))
    return found


def controls_hold(found: dict) -> list[str]:
    """Sentences about controls that look like a finding; empty where all is well."""
    wrong = []
    for name, one in found["taken"].items():
        if one["empty"]:
            wrong.append(f"an empty mask changes the {name} by {one['empty']:g}")
        if max(max(values) for values in one["outside"]["largest"].values()):
            wrong.append(f"something changes where the {name}'s layers do not reach")
    for name, one in found["moved"].items():
        if blending_tables.arrived(one[PLAIN]) > 0.05:
            wrong.append(f"the {name} arrives where nothing was moved")
    return wrong


def measure(card: str, faces: int = FACES) -> dict:
    began, of = time.process_time(), Measurement(card)
    state, sides = None, []
    with torch.no_grad():
        for layer in of.layers:
            state = of.generator.run(of.codes(0), state, start=layer - 1, stop=layer)
            sides.append(state.x.shape[2])
    found = dict(sides=sides, side=of.side)
    for what, names, one in (("taken", TAKEN, taken), ("moved", MOVED, moved), ("removed", MOVED, removed)):
        found[what] = {}
        for name in names:
            found[what][name] = one(of, name, faces)
            print(f"{what}: {name}, {time.process_time() - began:.0f} s", flush=True)
    return found | dict(seconds=round(time.process_time() - began))


def evidence_of(card: str, found: dict, faces: int) -> dict:
    facts = {
        "weights": zoo.weights_hash(card),
        "parts_sha256": file_hash(zoo.WEIGHTS / f"{zoo.card(card).world}-parts.safetensors"),
        "critic": file_hash(zoo.critic_path(card)),
        "command": f"python -m weights.recipes.measure.blending {card}",
        "date": datetime.date.today().isoformat(),
        "samples": {"faces": faces, "first_face": FIRST_FACE, "first_source": FIRST_SOURCE, "truncation": PSI},
    }
    return facts | blending_tables.shown(found) | dict(found=found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    able = [name for name in zoo.CARDS if zoo.critic_path(name) and zoo.card(name).world == "portraits"]
    parser.add_argument("card", choices=sorted(able))
    parser.add_argument("--faces", type=int, default=FACES, help="fewer for a trial, at least 4")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    faces = max(4, given.faces)
    found = measure(given.card, faces)
    evidence = evidence_of(given.card, found, faces)
    print("\n".join(evidence["sentences"]))
    if wrong := controls_hold(found):
        sys.exit("The controls do not hold: " + "; ".join(wrong))
    path = zoo.WEIGHTS / "evidence" / f"{given.card}-blending.json"
    path.write_text(written(evidence), encoding="utf-8")
    print(f"written: {path.name}, after {found['seconds'] / 60:.0f} minutes of one core")


if __name__ == "__main__":
    main()
