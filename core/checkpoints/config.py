"""Settings that lie beside a file of weights: given by hand they count; found by chance they are no obstacle."""

from __future__ import annotations

import json
from pathlib import Path

from .vocabulary import Refused, shown

LARGEST = 2**20  # bytes of a config.json
UNFIT = "a config.json lies beside the file and does not belong to it, so it was left aside"
UNREADABLE = "{0} beside the file is no JSON object of at most 1 MB, so it was left aside"


def given(config: dict | str | Path | None) -> dict | None:
    """What the caller says, as a dict or a JSON file. Raises Refused where that cannot be read."""
    if config is None or isinstance(config, dict):
        return config
    found = _read(Path(config))
    if found is None:
        name = shown(Path(config).name)
        raise Refused(f"{name} beside it is no JSON object of at most 1 MB: bring the config.json that belongs to it")
    return found


def beside(weights: tuple[Path, ...]) -> tuple[dict | None, tuple[str, ...]]:
    """(`<name>_config.json` or `config.json` beside one of these files, notes); one that cannot be read is a note."""
    for path in weights:
        for file in (path.with_name(f"{path.stem}_config.json"), path.with_name("config.json")):
            if file.is_file():
                found = _read(file)
                return found, () if found is not None else (UNREADABLE.format(shown(file.name)),)
    return None, ()


def _read(file: Path) -> dict | None:
    try:
        if file.stat().st_size > LARGEST:
            return None
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
