"""Features of 10,000 renders by an encoder, by level, so that the page can look for pictures that are like one.

    python -m weights.recipes.measure.gallery portraits-stylegan2

Writes weights/<card>-gallery.safetensors.
"""

from __future__ import annotations

import argparse
import time

import torch

from core import zoo
from core.encoders.gallery import features_of, gallery_of, save_gallery
from core.evidence import file_hash
from core.truth import worlds

RENDERS, FIRST_RENDER, BATCH = 10_000, 1_500_000, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name in zoo.CARDS if zoo.encoder_path(name)))
    parser.add_argument("--renders", type=int, default=RENDERS)
    given, began = parser.parse_args(), time.monotonic()
    card, encoder, found = zoo.card(given.card), zoo.load_encoder(given.card), []
    with torch.no_grad():
        for first in range(FIRST_RENDER, FIRST_RENDER + given.renders, BATCH):
            images = worlds.pictures(card.world, BATCH, first, resolution=card.resolution, spread=card.spread)
            found.append([one.half() for one in features_of(encoder, images)])
    features = [torch.cat(parts).float() for parts in zip(*found)]
    path = zoo.gallery_path(given.card)
    save_gallery(gallery_of(FIRST_RENDER, file_hash(zoo.encoder_path(given.card)), features), path)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
