"""What was measured of the knobs of a region: no claim without its number, baseline and count.

Everything comes from weights/evidence/<card>-paint.json (`weights.recipes.measure.paint`), and only where that was
measured with exactly these weights and these readers. The evidence holds changes as mean squared differences over
pixels and channels; what is shown are their roots (RMS), as everywhere on the tab. All edits are equally strong inside
the region.
"""

from __future__ import annotations

from collections.abc import Sequence

from core import evidence as measured
from core import zoo
from core.truth.local import rms_ratio

from ..page.blocks import paragraph
from ..page.evidence import written
from .recipe import SAYS

KIND, READERS = "paint", ("reader", "parts")


def evidence(model: str) -> dict | None:
    """What was measured of a model; None where there is nothing for exactly these weights and readers."""
    world = zoo.card(model).world
    found = measured.recorded(model, KIND) if world else None
    hashes = {kind: measured.file_hash(zoo.WEIGHTS / f"{world}-{kind}.safetensors") for kind in READERS if found}
    return found if found and all(found.get(f"{kind}_sha256") == hashes[kind] for kind in READERS) else None


def slots(model: str) -> tuple[int, ...] | None:
    """The slots that the measured knobs move, which are those to offer first; None where nothing was measured."""
    found = evidence(model)
    return tuple(found["samples"]["slots"]) if found else None


def verdict(model: str, region: str, method: str, *, moved: Sequence[int] | None = None) -> str:
    """ "Inside 9 times as much as outside; best SeFa knob 1.6; best of 5 random 1.0. (RMS, 64 faces)".

    Medians over unseen faces, root mean squares as everything that the tab shows.

    region: a part's name. method: "lowrank", "unprojected", "resefa", "sefa" or "random". moved: the slots that the
    knob moves (None: those that were measured). "" where exactly this was not measured.
    """
    found = evidence(model) or {}
    record = found.get("regions", {}).get(region, {}).get("methods", {})
    if method not in record or (moved is not None and tuple(moved) != slots(model)):
        return ""
    times = {name: rms_ratio(one["ratio"][0]) for name, one in record.items()}
    said = [SAYS["inside_times"].format(times=times[method])]
    said += [f"best SeFa knob {times['sefa']}"] if method != "sefa" else []
    said += [f"best of {record['random']['of']} random {times['random']}"] if method != "random" else []
    faces, reached = found["samples"]["scored"], record[method]["reached"]
    of = SAYS["faces" if reached == faces else "faces_reached"].format(faces=faces, reached=reached)
    return f"{'; '.join(said)}. (RMS, {of})"


def made_on(model: str) -> str:
    """Whose knobs the verdict speaks of, in a sentence; "" where nothing was measured."""
    found = evidence(model)
    return SAYS["made_on"].format(**found["samples"]) if found else ""


def truth_html(model: str, region: str) -> str:
    """The tables of the fold "How true is this?" for one region; a sentence where it was not measured.

    "" where there is no evidence for this model at all.
    """
    found = evidence(model)
    if not found:
        return ""
    if region not in found["regions"]:
        return paragraph(SAYS["not_this_region"].format(regions=", ".join(found["regions"])))
    return written(model, KIND, region)
