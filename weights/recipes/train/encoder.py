"""Train the encoder of a card's generator: from a picture to the codes that draw it.

    python -m weights.recipes.train.encoder portraits-stylegan2
    python -m weights.recipes.train.encoder portraits-stylegan2 --heads
    python -m weights.recipes.train.encoder faces-dcgan      # the network must be here

As in IDInvert (arXiv 2004.00049, section 3.1) the generator is frozen and real pictures, here renders, teach: pixels,
features of the generator's critic, and the critic's verdict on G(E(x)). Unlike there, it first learns from the
generator's own pictures, whose codes are known, and keeps some of them to the end: they say which of the many codes
that draw a picture is native. The second stage, `--heads`, adds the heads for padding (PadInv, arXiv 2203.11105) and
for styles (GH-Feat, arXiv 2007.10379) to the average of the first, whose codes stay as they are. Each stage goes on
from its checkpoint below RUNS, which is written every ten minutes. Of a network whose world nothing renders, its own
pictures are all there is: see `encoder_pairs`.
"""

from __future__ import annotations

import argparse

import torch

from core import zoo

from .encoder_pairs import Pairs, offered
from .encoder_training import Heads, Training, finished

SIDE = 64  # pixels of the pictures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", help=f"{', '.join(zoo.CARDS)}, or a network of others that is here, faces-dcgan")
    parser.add_argument("--images", type=int, help="where not given 400,000, of heads 100,000, of pairs alone 40,000")
    parser.add_argument("--heads", action="store_true", help="the second stage, after the first")
    given = parser.parse_args()
    torch.set_flush_denormal(True)
    try:
        card, side = zoo.card(given.card), zoo.load(given.card).resolution
    except (KeyError, ValueError) as error:
        parser.error(str(error.args[0]))
    if side != SIDE:
        parser.error(f"{given.card} draws {side} pixels a side, and encoders of {SIDE} are trained here")
    if given.heads and not card.world:
        parser.error(f"{given.card} has no second stage: heads learn from renders, and nothing renders its world")
    if not card.world:
        pairs = Pairs(given.card, given.images or 40_000)
        print(offered(pairs.run(), given.card, pairs.done))
        return
    stage, usual = (Heads, 100_000) if given.heads else (Training, 400_000)
    training = stage(given.card, given.images or usual)
    encoder = training.run()
    path = training.path.with_name("encoder.safetensors")
    finished(encoder, path, given.card, training.done)
    print(path)


if __name__ == "__main__":
    main()
