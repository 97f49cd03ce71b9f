"""What was measured of the knobs of a region: no claim without its number, baseline and count.

Everything comes from weights/evidence/<card>-paint.json (`weights.recipes.measure.paint`), and only where that was
measured with exactly these weights and these readers. The evidence holds changes as mean squared differences over
pixels and channels; what is said are their roots (RMS). All edits are equally strong inside the region.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import zoo
from .evidence import file_hash, recorded
from .truth.local import rms_ratio

KIND, READERS = "paint", ("reader", "parts")


def evidence(model: str) -> dict | None:
    """What was measured of a model; None where there is nothing for exactly these weights and readers."""
    world = zoo.card(model).world
    found = recorded(model, KIND) if world else None
    hashes = {kind: file_hash(zoo.WEIGHTS / f"{world}-{kind}.safetensors") for kind in READERS if found}
    return found if found and all(found.get(f"{kind}_sha256") == hashes[kind] for kind in READERS) else None


def slots(model: str) -> tuple[int, ...] | None:
    """The slots that the measured knobs move, which are those to offer first; None where nothing was measured."""
    found = evidence(model)
    return tuple(found["samples"]["slots"]) if found else None


def verdict(model: str, region: str, method: str, *, moved: Sequence[int] | None = None) -> str:
    """ "Inside 9 times as much as outside; best SeFa knob 1.6; best of 5 random 1.0. (RMS, 64 faces)".

    Medians over unseen faces.

    region: a part's name. method: "lowrank", "unprojected", "resefa", "sefa" or "random". moved: the slots that the
    knob moves (None: those that were measured). "" where exactly this was not measured.
    """
    found = evidence(model) or {}
    record = found.get("regions", {}).get(region, {}).get("methods", {})
    if method not in record or (moved is not None and tuple(moved) != slots(model)):
        return ""
    times = {name: rms_ratio(one["ratio"][0]) for name, one in record.items()}
    said = [f"Inside {times[method]} times as much as outside"]
    said += [f"best SeFa knob {times['sefa']}"] if method != "sefa" else []
    said += [f"best of {record['random']['of']} random {times['random']}"] if method != "random" else []
    faces, reached = found["samples"]["scored"], record[method]["reached"]
    of = f"{faces} faces" if reached == faces else f"{reached} of {faces} faces; the others cannot be changed that much"
    return f"{'; '.join(said)}. (RMS, {of})"


def made_on(model: str) -> str:
    """Whose knobs the verdict speaks of, in a sentence; "" where nothing was measured."""
    found = evidence(model)
    if not found:
        return ""
    samples = found["samples"]
    return (
        f"The numbers of {samples['scored']} faces are those of knobs made on {samples['made']} other faces "
        "in the same way."
    )
