"""The stages in which an encoder is trained; `encoder` is the command, and says what teaches.

Each stage goes on from its checkpoint below RUNS, which is written every ten minutes.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from core import zoo
from core.checkpoints import native
from core.codes import codes_in_turn
from core.encoders.encoder import Encoder
from core.generators.base import Generator
from core.generators.padding import each, ringed, with_padding
from core.generators.styles import affine_maps, styles_of, with_styles
from core.inversion.losses import features_apart, unit_features
from core.truth.worlds import load_world

from .bank import drawn, load_bank
from .places import RUNS
from .precision import autocast

BATCH, RATE, HALF_LIFE = 32, 1e-3, 4_000  # HALF_LIFE: images of the average
PAIRS = 8  # generated pictures in a batch of renders
CODES, FEATURES, VERDICT = 0.05, 0.1, 0.002  # weights beside that of squared pixels, which is 1
KEPT_EVERY, TOLD_EVERY = 600, 6_400  # seconds; images
HELD_OUT, FIRST_HELD_OUT = 128, 1_100_000  # renders of the test split
BANK = 60_000


def levels_of(generator: Generator) -> tuple[int, ...]:
    """For each slot the map of the pyramid that its code is read off: by the size of the map that the slot acts on."""
    sizes = []
    for slot in range(generator.slots):
        state = generator.run(generator.codes(generator.sample(1, 0)), stop=generator.start([slot]) + 1)
        sizes.append(state.x.shape[-1])
    return tuple(0 if size <= 8 else 1 if size <= 16 else 2 for size in sizes)


def mixed(generator: Generator, n: int, seed: int) -> Tensor:
    """Codes [n, slots, dim] of which half change to those of another picture from a random slot on."""
    codes, others = codes_in_turn(generator, n, seed), codes_in_turn(generator, n, seed + n)
    random = torch.Generator().manual_seed(seed)
    at = torch.randint(1, generator.slots, (n, 1), generator=random)
    at = torch.where(torch.rand(n, 1, generator=random) < 0.5, at, generator.slots)
    return torch.where((torch.arange(generator.slots) >= at)[..., None], others, codes)


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """[n], decibels, of images in [-1, 1] as they are shown."""
    return -10 * ((a.clamp(-1, 1) - b) / 2).square().mean((1, 2, 3)).log10()


def with_heads(encoder: Encoder, generator: Generator) -> Encoder:
    """A copy with heads for the generator's padding and styles, which begin at what its codes say."""
    affine, levels = affine_maps(generator), range(max(encoder.levels) + 1)
    widths = [[len(bias) for slot, _, bias in affine if encoder.levels[slot] == level] for level in levels]
    rings = [(layer, channels, size) for layer, (channels, size) in ringed(generator).items()]
    more = Encoder(**encoder.config(), style_widths=widths, rings=rings)
    more.load_state_dict(more.state_dict() | encoder.state_dict())
    more.start_from(affine, generator.layers[0].const)
    return more


class Training:
    """The first stage: a trunk and the head for codes."""

    file = "state.pt"

    def __init__(self, card: str, images: int, *, alone: float = 0.05):
        """images: in all. alone: the share of them for which pairs alone teach."""
        self.card, self.images, self.alone = card, images, alone
        self.path = RUNS / f"{card}-encoder" / self.file
        self.generator = zoo.load(card)
        self.teach()
        self.encoder = self.begun().to(memory_format=torch.channels_last)
        self.average, self.done = copy.deepcopy(self.encoder).eval().requires_grad_(False), 0
        self.learned = [one for one in self.encoder.parameters() if one.requires_grad]
        self.optimizer = torch.optim.AdamW(self.learned, RATE, betas=(0.9, 0.99), weight_decay=1e-4)
        if self.path.exists():
            state = torch.load(self.path, weights_only=True)
            self.encoder.load_state_dict(state["encoder"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.done = state["done"]

    def teach(self) -> None:
        """Opens what teaches beside the generator's own pictures, and the pictures that are held out."""
        card = zoo.card(self.card)
        self.critic, self.bank = zoo.load_critic(self.card), load_bank(card.world, card.resolution, BANK)
        self.held = drawn(load_world(card.world), HELD_OUT, FIRST_HELD_OUT, card.resolution).images

    def begun(self) -> Encoder:
        """The encoder before the first step."""
        generator = self.generator
        encoder = Encoder(resolution=generator.resolution, dim=generator.dim, levels=levels_of(generator))
        encoder.centre(codes_in_turn(generator, 4096, 500_000))
        return encoder

    def rate(self) -> float:
        """Rises over 3,200 images, and falls to a twentieth over the last half."""
        left = (self.images - self.done) / self.images
        return RATE * min(1.0, (self.done + BATCH) / 3_200, max(0.05, 2 * left))

    def batch(self, pairs: int) -> tuple[Tensor, Tensor]:
        """Codes of pairs, and BATCH pictures: those of the codes, then renders."""
        codes = mixed(self.generator, pairs, 800_000_000 + 2 * self.done)
        with torch.no_grad():
            images = self.generator(codes).clamp(-1, 1)
        if pairs < BATCH:
            rows = torch.randint(BANK, (BATCH - pairs,), generator=torch.Generator().manual_seed(self.done))
            images = torch.cat([images, self.bank[rows].float() / 127.5 - 1])
        return codes, images.contiguous(memory_format=torch.channels_last)

    def likeness(self, images: Tensor) -> Callable[[Tensor], Tensor]:
        """The loss of copies of PAIRS pictures and of renders: the critic looks at each once."""
        with torch.no_grad():
            wanted = unit_features(self.critic.features(images))

        def loss(again: Tensor) -> Tensor:
            seen = self.critic.features(again)
            close = F.mse_loss(again, images) + FEATURES * features_apart(unit_features(seen), wanted).mean()
            return close + VERDICT * F.softplus(-self.critic.verdict(seen[-1][PAIRS:])).mean()

        return loss

    def step(self) -> Tensor:
        alone = self.done < self.alone * self.images
        pairs = BATCH if alone else PAIRS
        codes, images = self.batch(pairs)
        with autocast("cpu"):
            found = self.encoder(images)
        found = found.float()
        loss = CODES * ((found[:pairs] - codes) / self.encoder.scale).square().mean()
        return loss if alone else loss + self.likeness(images)(self.generator(found))

    def run(self, say=print) -> Encoder:
        began = kept = time.monotonic()
        first = self.done
        say(f"from {first / 1000:.1f}k of {self.images / 1000:.0f}k images  {self.told()}", flush=True)
        while self.done < self.images:
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate()
            loss = self.step()
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.learned, 1.0)
            self.optimizer.step()
            with torch.no_grad():
                weight = 1 - 0.5 ** (BATCH / min(HALF_LIFE, self.done / 10 + 1))
                torch._foreach_lerp_(list(self.average.parameters()), list(self.encoder.parameters()), weight)
            self.done += BATCH
            if self.done % TOLD_EVERY < BATCH or self.done >= self.images:
                rate = (self.done - first) / (time.monotonic() - began)
                says = f"{self.done / 1000:6.1f}k of {self.images / 1000:.0f}k images  {rate:.1f}/s"
                say(f"{says}  loss {loss.item():.4f}  {self.told()}", flush=True)
            if time.monotonic() - kept > KEPT_EVERY or self.done >= self.images:
                kept = time.monotonic()
                self.keep()
        return self.average

    @torch.no_grad()
    def told(self) -> str:
        """Median decibels on held-out renders, and on generated pictures the distance of codes, in deviations."""
        renders = torch.cat([psnr(self.generator(self.average(part)), part) for part in self.held.split(64)])
        codes = codes_in_turn(self.generator, 64, 1_200_000)
        found = self.average(self.generator(codes).clamp(-1, 1))
        apart = ((found - codes) / self.average.scale).square().mean((1, 2)).sqrt()
        return f"renders {renders.median():.2f} dB  own codes {apart.median():.2f} sd"

    def keep(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = dict(encoder=self.encoder.state_dict(), average=self.average.state_dict())
        state |= dict(optimizer=self.optimizer.state_dict(), done=self.done)
        temporary = self.path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, self.path)


class Heads(Training):
    """The second stage: the heads for padding and for styles; trunk and codes are the average of the first, and stay.

    Both heads learn from the pictures that they draw, styles also from those of the generator's own pictures. Its file
    holds the trunk too: a first stage that goes on later changes nothing of a second one that has begun.
    """

    file = "heads.pt"

    def begun(self) -> Encoder:
        first = self.path.with_name(Training.file)
        if not first.exists():
            raise SystemExit(f"{first} is not there: train the encoder first, without --heads")
        plain = super().begun()
        plain.load_state_dict(torch.load(first, weights_only=True)["average"])
        encoder = with_heads(plain, self.generator).requires_grad_(False)
        encoder.style_head.requires_grad_(True)
        encoder.padding_head.requires_grad_(True)
        self.spread = [
            style.std(0) for style in styles_of(self.generator, codes_in_turn(self.generator, 4096, 500_000))
        ]
        return encoder

    def step(self) -> Tensor:
        codes, images = self.batch(PAIRS)
        with autocast("cpu"):
            found = self.encoder.found(images)
        padding, styles = each(Tensor.float, found.padding), [style.float() for style in found.styles]
        loss = self.likeness(images)
        padded = loss(with_padding(self.generator, padding)(found.codes))
        drawn = loss(with_styles(self.generator, styles)(found.codes))
        known = zip(styles, styles_of(self.generator, codes), self.spread)
        apart = torch.cat([(style[:PAIRS] - own) / spread for style, own, spread in known], 1)
        return padded + drawn + CODES * apart.square().mean()

    @torch.no_grad()
    def told(self) -> str:
        """Median decibels on held-out renders: of codes alone, with padding, and of styles."""
        found = []
        for part in self.held.split(64):
            codes, styles, padding = self.average.found(part)
            views = self.generator, with_padding(self.generator, padding), with_styles(self.generator, styles)
            found.append(torch.stack([psnr(view(codes), part) for view in views]))
        codes, padded, styled = torch.cat(found, 1).median(1).values.tolist()
        return f"renders {codes:.2f} dB  with padding {padded:.2f} dB  from styles {styled:.2f} dB"


def finished(encoder: Encoder, path: Path, card: str, images: int) -> None:
    """Writes the encoder in half precision."""
    native.save(copy.deepcopy(encoder).half(), path, card=card, weights=zoo.weights_hash(card), images=str(images))
