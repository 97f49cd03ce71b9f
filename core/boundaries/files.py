"""What labels take long to give, in one small file: the readings of a network's own pictures, and their Jacobian."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..codes import Directions
from .jacobian import ReadingJacobian


class Labels(NamedTuple):
    """What a judge says of a network's own pictures.

    names: of the factors. readings: [n, factors], of the pictures of the seeds from `first_seed` on at truncation 1,
    classes in turn. jacobian: of other pictures, at truncation `psi`.
    """

    names: tuple[str, ...]
    readings: Tensor
    first_seed: int
    jacobian: ReadingJacobian
    psi: float

    def slopes(self, spread: Tensor) -> Tensor:
        """[factors, slots, dim]: the mean Jacobian, readings counted in units of `spread` [factors]."""
        return self.jacobian.over(spread)

    def expected(self, spread: Tensor, directions: Directions, steps: Tensor) -> Tensor:
        """[k, factors]: what `steps` [k] along the directions change at first order, in units of `spread` [factors]."""
        slopes = self.slopes(spread)[:, list(directions.slots)]
        vectors = directions.vectors.double().cpu()
        if vectors.ndim == 2:
            vectors = vectors[:, None].expand(-1, len(directions.slots), -1)
        return torch.einsum("ksd,fsd->kf", vectors, slopes) * steps.double().cpu()[:, None]


def save_labels(labels: Labels, path: str | Path, *, weights: str, judge: str) -> None:
    """Writes a .safetensors file, float32, atomically; it says of which weights and by which judge it is (sha256)."""
    path = Path(path)
    whole = {"readings": labels.readings, "slopes": labels.jacobian.mean, "pictures": labels.jacobian.readings}
    facts = {"weights": weights, "judge": judge, "names": json.dumps(labels.names)}
    facts |= {"first_seed": str(labels.first_seed), "psi": str(labels.psi)}
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    os.close(handle)
    try:
        save_file({name: tensor.float().contiguous() for name, tensor in whole.items()}, temporary, facts)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def load_labels(path: str | Path, *, weights: str, judge: str) -> Labels | None:
    """What `save_labels` wrote, float64; None where there is no such file, or it is of other weights or another judge.

    Raises ValueError where the file is damaged.
    """
    if not Path(path).exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata() or {}
            if (facts.get("weights"), facts.get("judge")) != (weights, judge):
                return None
            readings, slopes, pictures = (file.get_tensor(name).double() for name in ("readings", "slopes", "pictures"))
        names = tuple(json.loads(facts["names"]))
        first_seed, psi = int(facts["first_seed"]), float(facts["psi"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(
            f"{Path(path).name} is damaged ({error}): write it again with weights.recipes.measure.attributes"
        ) from error
    return Labels(names, readings, first_seed, ReadingJacobian(slopes, pictures), psi)
