"""Where training keeps what it makes."""

from __future__ import annotations

import os
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parents[2]
UNFINISHED = WEIGHTS / "unfinished"  # kept in the repository until the model is good enough to be shown
RUNS = Path(os.environ.get("GANATOMY_RUNS", Path.home() / ".cache" / "ganatomy" / "runs"))
