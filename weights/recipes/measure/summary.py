"""Print the numbers of weights/README.md for a bundled model, from its evidence and its file.

python -m weights.recipes.measure.table portraits-stylegan2
"""

from __future__ import annotations

import argparse
import json

from core import zoo
from core.checkpoints import native


def rows(card: str) -> list[tuple[str, str]]:
    """(what, value) pairs: quality with its scale, diversity, re-reading, what was found."""
    evidence = json.loads((zoo.WEIGHTS / "evidence" / f"{card}.json").read_text(encoding="utf-8"))
    facts, quality, found = native.metadata(zoo.card(card).path), evidence["quality"], evidence["found"]
    readable = [factor["name"] for factor in evidence["factors"] if factor["readable"]]

    def scale(values: dict) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in values.items())

    distances = {
        name.replace("_", " "): ", ".join(f"{value:.0f}" for value in by_size.values())
        for name, by_size in quality["sliced_wasserstein"].items()
    }
    knobs = evidence["sets"]["sefa-paper/all"]["knobs"]
    nearest, rereading = evidence["nearest"], evidence["rereading"]
    thirds = ", ".join(f"{value:.3f}" for value in rereading.get("by_skin_tone", ()))
    methods = ("sefa", "official", "ganspace", "random", "supervised")
    counted = {form: ", ".join(f"{name} {found[form][name]}" for name in methods) for form in ("correlation", "causal")}
    return [
        ("sha256", evidence["weights_sha256"]),
        ("images shown", f"{int(facts['images_shown']):,}"),
        ("Frechet distance in the reader's features", scale(quality["frechet"])),
        (
            "sliced Wasserstein distance at 64, 32, 16 px",
            "; ".join(f"{name} {value}" for name, value in distances.items()),
        ),
        ("diversity, least and median", f"{quality['diversity_least']:.2f} and {quality['diversity_median']:.2f}"),
        ("read, rendered, compared: SSIM", f"{rereading['ssim']:.3f} on {rereading['samples']}"),
        (
            "part reader against the parts of what was read, mean IoU",
            f"{evidence['parts']['mean']:.2f} on {evidence['parts']['samples']}; "
            f"with other pictures' parts {evidence['parts']['of_other_pictures']:.2f}",
        ),
        ("readable factors", f"{len(readable)} of {len(evidence['factors'])}"),
        (
            "RMS to the nearest training picture, levels",
            f"{nearest['model']:.1f}; held-out renders {nearest['held_out']:.1f}",
        ),
        *([("by skin-tone third, SSIM of read and rendered", thirds)] if thirds else []),
        ("factors found by correlation", counted["correlation"]),
        ("factors found by experiment", counted["causal"]),
        ("purity of the ten SeFa knobs", ", ".join(f"{knob['purity']:.2f}" for knob in knobs)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("card", choices=sorted(zoo.CARDS))
    print("\n".join(f"| {what} | {value} |" for what, value in rows(parser.parse_args().card)))


if __name__ == "__main__":
    main()
