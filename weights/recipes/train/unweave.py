"""Take a weave out of a generator's colours: it learns to draw its own pictures with the excess filtered away.

    python -m weights.recipes.train.unweave objects-biggan --images 48000    # goes on from its own file

At some frequencies the colours of its pictures have more power than those of renders, see `core.truth.spectra`. A
filter takes that excess out of a finished picture: it scales both colour differences at every frequency by sqrt(power
of renders / own power) where that is clearly below 1, and leaves the mean of the colours as it is. The copy of the
generator is fitted to what the filter makes of the original's pictures, by squares of the pixels, and more by what of
the excess is left. Nothing of the game is needed, so nothing but the excess can be lost. Writes generator.safetensors
below RUNS, and says by how much the pictures changed; whoever finds it better copies it to weights/.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import torch
from torch import Tensor

from core import zoo
from core.checkpoints import native
from core.codes import codes_in_turn
from core.generators.base import Generator
from core.truth.spectra import chroma_power, colour_differences, fine_chroma
from core.truth.worlds import load_world

from .bank import drawn
from .gan import finished_copy
from .places import RUNS
from .precision import autocast

RATE, BATCH, HALF_LIFE = 4e-4, 16, 1_600  # HALF_LIFE: images of the average
EXCESSIVE = 1.5  # times the power of renders
EXCESS = 200.0  # weight of what is left of the excess
MEASURED, SHOWN, FIRST_SHOWN = 1_600, 192, 5_000  # pictures whose power is compared; those that are said
TOLD_EVERY = 3_200  # images


def gains(own: Tensor, renders: Tensor) -> Tensor:
    """[2, R, R / 2 + 1] in 0..1: what each frequency of both colour differences of images [n, 3, R, R] is scaled by.

    1 where there is less than EXCESSIVE times the power of renders: powers of some pictures differ by chance.
    """
    share = chroma_power(renders) / chroma_power(own).clamp(min=1e-12)
    return torch.where(share * EXCESSIVE < 1, share.sqrt(), 1.0)


def without_excess(images: Tensor, gain: Tensor) -> Tensor:
    """Images [n, 3, R, R] with their colour differences scaled by gain; the mean of the three colours stays."""
    differences = colour_differences(images)
    means = differences.mean((2, 3), keepdim=True)
    spectrum = torch.fft.rfft2(differences - means) * gain
    red_blue, green = (torch.fft.irfft2(spectrum, s=images.shape[-2:]) + means).unbind(1)
    middle = images.mean(1) - green / 3  # of red and blue
    return torch.stack([middle + red_blue / 2, middle + green, middle - red_blue / 2], 1)


def loss_of(drawn: Tensor, wanted: Tensor, gain: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(colour_differences(drawn - wanted), norm="ortho").abs().square()
    return (drawn - wanted).square().mean() + EXCESS * (spectrum * (1 - gain)).mean()


@torch.no_grad()
def pictures(generator: Generator, count: int, first: int, psi: float) -> Tensor:
    view, codes = generator.at(psi=psi), codes_in_turn(generator, count, first, psi=psi)
    return torch.cat([view(part).clamp(-1, 1) for part in codes.split(64)])


def renders(card: str, count: int, first: int) -> Tensor:
    """[count, 3, R, R]: of the seeds from `first` on."""
    found = zoo.card(card)
    world = load_world(found.world)
    return torch.cat([drawn(world, 200, first + i, found.resolution).images for i in range(0, count, 200)])


def unweave(card: str, *, images: int, say=print) -> Path:
    """Trains, and returns the file; from the file of an earlier run where there is one."""
    path, teacher = RUNS / f"{card}-unweave" / "generator.safetensors", zoo.load(card)
    theirs = renders(card, MEASURED, 0)
    gain = gains(pictures(teacher, MEASURED, 0, 1.0), theirs)
    shown = pictures(teacher, SHOWN, FIRST_SHOWN, zoo.card(card).psi)
    student = (native.read(path) if path.exists() else copy.deepcopy(teacher)).train().requires_grad_(True)
    average, done = finished_copy(student), int(native.metadata(path)["images"]) if path.exists() else 0
    optimizer = torch.optim.Adam(student.parameters(), RATE, betas=(0.9, 0.99))
    began, first = time.monotonic(), done
    while done < images:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (done - first + 1) / 1_600, max(0.02, 2 * (images - done) / images))
        codes = codes_in_turn(teacher, BATCH, 7 * 10**8 + done)
        with torch.no_grad(), autocast("cpu"):
            wanted = without_excess(teacher(codes).float(), gain)
        with autocast("cpu"):
            loss = loss_of(student(codes).float(), wanted, gain)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(student.parameters()), 1 - 0.5 ** (BATCH / HALF_LIFE))
        done += BATCH
        if done % TOLD_EVERY < BATCH or done >= images:
            ours = pictures(average, SHOWN, FIRST_SHOWN, zoo.card(card).psi)
            changed = float((ours - shown).square().mean().sqrt() * 127.5)
            rate = (done - first) / (time.monotonic() - began)
            say(
                f"{done / 1000:6.1f}k images  {rate:.1f}/s  colours at the finest scale "
                f"{fine_chroma(ours, theirs[:SHOWN]):.2f} times (before {fine_chroma(shown, theirs[:SHOWN]):.2f}); "
                f"changed by {changed:.2f} levels of 255",
                flush=True,
            )
            native.save(average, path, unwoven_from=card, images=str(done))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(name for name in zoo.CARDS if zoo.has_reader(name)))
    parser.add_argument("--images", type=int, default=48_000)
    given = parser.parse_args()
    torch.set_flush_denormal(True)
    print(unweave(given.card, images=given.images))


if __name__ == "__main__":
    main()
