"""Which models there are, and how one is opened."""
from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from torch import nn

from .checkpoints import native
from .critics import Critic
from .generators.base import Generator

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class ModelCard:
    """Facts about a model. psi: truncation it is shown with. reach: how far a knob goes, in standard deviations of w . v."""
    name: str
    title: str
    file: str
    world: str | None
    resolution: int
    psi: float = 0.7
    reach: float = 3.0
    licence: str = "MIT"

    @property
    def path(self) -> Path:
        return WEIGHTS / self.file


_BUNDLED = (
    ModelCard("portraits-stylegan2", "Portraits (StyleGAN2, 64 px)", "portraits-stylegan2.safetensors", "portraits", 64),
    ModelCard("portraits-pggan", "Portraits (PGGAN, 64 px)", "portraits-pggan.safetensors", "portraits", 64),
)
CARDS: dict[str, ModelCard] = {card.name: card for card in _BUNDLED if card.path.exists()}
_lock = threading.RLock()


def card(name: str) -> ModelCard:
    """Raises KeyError with the names there are."""
    if name not in CARDS:
        raise KeyError(f"no model {name!r}; there are {', '.join(CARDS)}")
    return CARDS[name]


def load(name: str) -> Generator:
    """The frozen generator of a card, opened once and shared."""
    with _lock:         # lru_cache alone would let two threads open the same file
        return _open(card(name).path)


def load_critic(name: str) -> Critic:
    """The frozen critic trained with the card's generator."""
    path = card(name).path
    with _lock:
        return _open(path.with_name(f"{path.stem}-critic.safetensors"))


def load_reader(world: str) -> nn.Module:
    """The frozen FactorReader of a rendered world."""
    with _lock:
        return _open(WEIGHTS / f"{world}-reader.safetensors")


def load_part_reader(world: str) -> nn.Module:
    """The frozen PartReader of a rendered world."""
    with _lock:
        return _open(WEIGHTS / f"{world}-parts.safetensors")


def weights_hash(name: str) -> str:
    """sha256 of the card's weights file, hexadecimal."""
    with _lock:
        return _hash(card(name).path)


_open = lru_cache(maxsize=8)(native.read)
_hash = lru_cache(maxsize=64)(native.weights_hash)
