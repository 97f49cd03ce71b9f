"""Renders kept on disk as uint8, so that training never waits for the renderer."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from core.truth.worlds import load_world
from core.truth.worlds.base import Scene

BANKS = Path(os.environ.get("GANATOMY_BANKS", Path.home() / ".cache" / "ganatomy" / "banks"))


def bank_labels(world: str, n: int) -> Tensor | None:
    """[n], the classes of the bank's pictures; None in a world without classes."""
    module = load_world(world)
    return module.labels(n, 0) if hasattr(module, "labels") else None


def drawn(
    module: ModuleType, n: int, seed: int, resolution: int, *, spread: str = "graded", device: str = "cpu"
) -> Scene:
    """The world's pictures of the seeds from `seed` on, each of its own class where there are classes."""
    factors = module.sample(n, seed, spread=module.SPREADS[spread]).to(device)
    classes = [module.labels(n, seed).to(device)] if hasattr(module, "labels") else []
    return module.render(factors, *classes, resolution=resolution)


def fingerprint(module: ModuleType) -> str:
    """A short hash of what the world draws for its first seeds: another renderer, another bank."""
    images = drawn(module, max(8, len(getattr(module, "CLASSES", ()))), 0, 64, spread="even").images
    return hashlib.sha256(((images + 1) * 127.5).round().to(torch.uint8).numpy().tobytes()).hexdigest()[:12]


def load_bank(world: str, resolution: int, n: int, *, spread: str = "graded", device: str = "cpu") -> Tensor:
    """uint8 [n, 3, R, R] of the world's training seeds 0 .. n - 1; rendered once, then read from the cache."""
    module = load_world(world)
    BANKS.mkdir(parents=True, exist_ok=True)
    path = BANKS / f"{world}-{spread}-{fingerprint(module)}-{resolution}-{n}.pt"
    if not path.exists():
        bank = torch.empty(n, 3, resolution, resolution, dtype=torch.uint8)
        for start in range(0, n, 200):
            rows = min(200, n - start)
            images = drawn(module, rows, start, resolution, spread=spread, device=device).images
            bank[start : start + rows] = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu()
            if start % 10_000 == 0:
                print(f"rendering {world}: {start:,} of {n:,}", flush=True)
        temporary = path.with_suffix(".tmp")
        torch.save(bank, temporary)
        os.replace(temporary, path)
    bank = torch.load(path, weights_only=True)
    return bank.to(device) if device != "cpu" else bank
