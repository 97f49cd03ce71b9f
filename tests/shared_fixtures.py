"""Small random networks in foreign formats with what their reference implementations drew, beside the repository."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "fixtures"


def path(name: str) -> Path:
    """The file.

    Without the folder the test is skipped, saying so; under CI=true it fails where only `fixtures` is missing.
    """
    if FOLDER.exists():
        return FOLDER / name
    missing = f"{FOLDER} is not there: foreign checkpoints cannot be compared with their reference implementations"
    if os.environ.get("CI") == "true" and FOLDER.parent.exists():
        pytest.fail(missing)
    pytest.skip(missing)


def state(name: str) -> dict[str, Tensor]:
    found = torch.load(path(name), map_location="cpu", weights_only=True)
    return dict(found.get("generator_smooth", found))


def arrays(name: str) -> dict[str, Tensor]:
    with np.load(path(f"{name}_io.npz")) as file:
        return {key: torch.as_tensor(file[key]) for key in file.files}


def config(name: str) -> dict:
    return json.loads(path(f"{name}_config.json").read_text(encoding="utf-8"))


def off(image: Tensor, reference: Tensor) -> float:
    """Largest difference, in standard deviations of the reference."""
    return float((image - reference).abs().max() / reference.std())
