"""Index the training renders of a bundled network, so that the page can say whether a picture is a copy of one.

    python -m weights.recipes.measure.originals portraits-stylegan2     # by its critic, and by the reader of its world

An index that is of exactly the networks that are here is left as it is. Also prints how far the network's own pictures
are from their nearest, and how often the short list has the three that a search through everything finds.
"""

from __future__ import annotations

import argparse
import time

import torch

from core import originals, zoo
from core.originals import CRITIC, READER, Index, Source

from ..train.bank import load_bank
from ..train.recipes import RECIPES

FIRST_HELD_OUT, HELD_OUT = 1_300_000, 300  # seeds of the test split
CHECKED = 64  # pictures


def missed(index: Index, features: originals.Features, found: torch.Tensor, images: torch.Tensor) -> int:
    """How many of the three nearest of each picture an exact search finds and the short list does not have.

    found: [renders, d], the features of all training renders.
    """
    lost = 0
    for image in images.split(1):
        asked = originals.described(features, torch.cat([image, image.flip(3)]))
        exact = torch.cdist(asked, found).amin(0).topk(originals.NEAREST, largest=False).indices.tolist()
        lost += len(set(exact) - {one.seed for one in originals.nearest(index, features, image)})
    return lost


def index_of(card: str, kind: str) -> None:
    recipe, path = RECIPES[card], originals.file_of(card, kind)
    source = Source(recipe.world, recipe.spread, recipe.bank, recipe.resolution)
    features, began = originals.features_of(card, kind), time.monotonic()
    held_out = range(FIRST_HELD_OUT, FIRST_HELD_OUT + HELD_OUT)
    bank = load_bank(recipe.world, recipe.resolution, recipe.bank, spread=recipe.spread)
    index = originals.make_index(source, features, held_out, bank)
    path.parent.mkdir(exist_ok=True)
    originals.save_index(index, path, compared_by=originals.compared_by(card, kind))
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB in {time.monotonic() - began:.0f} s", flush=True)
    generator, psi = zoo.load(card), zoo.card(card).psi
    with torch.no_grad():
        label = torch.arange(CHECKED) % generator.classes if generator.classes else None
        codes = generator.codes(generator.sample(CHECKED, FIRST_HELD_OUT), psi=psi, label=label)
        images = generator(codes).clamp(-1, 1)
    apart = torch.tensor([originals.answer(index, features, image).apart for image in images.split(1)])
    least = index.held_out[0] / index.held_out.median()
    print(
        f"nearest render over that of held-out renders: median {apart.median():.2f}, least {apart.min():.2f}; "
        f"least of held-out renders {least:.2f}"
    )
    if kind == READER:
        found = torch.cat([originals.described(features, part.float() / 127.5 - 1) for part in bank.split(1000)])
        print(f"missed by the short list: {missed(index, features, found, images)} of {CHECKED * originals.NEAREST}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(RECIPES))
    card = parser.parse_args().card
    for kind in (READER, CRITIC):
        if originals.current(card, kind) is None:
            index_of(card, kind)


if __name__ == "__main__":
    main()
