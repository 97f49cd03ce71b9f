"""What the numbers of `attributes` say: effects of knobs, tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.boundaries.interfacegan import Boundaries
from core.truth import scores
from core.truth.judge import Judge

from .words import minus, said

RESAMPLED = 400  # bootstraps over the pictures


@dataclass(frozen=True)
class Effect:
    """What k knobs do to n pictures.

    own [k]: the factor that each is named after; named: by its method, not by what it moves. changes, fitted
    [k, n, factors]: change a step in standard deviations, by the judge that nothing was fitted to, and by that to which
    knobs were fitted. pixels [k]: cosine of what changed in the picture with what changes where the renderer turns the
    own factor alone, mean over pictures.
    """

    own: Tensor
    named: bool
    changes: Tensor
    fitted: Tensor
    pixels: Tensor

    def sizes(self, fitted: bool = False) -> tuple[Tensor, Tensor]:
        """Change of the own factor a step, and its share of all change, each [k]."""
        return own_and_share((self.fitted if fitted else self.changes).mean(1), self.own)

    @property
    def right(self) -> int:
        """Knobs that move most what they are named after."""
        return right(self.changes.mean(1), self.own)

    @property
    def agreeing(self) -> Tensor:
        """[k]: the share of the pictures on which the own factor moves in the sense of the mean."""
        return scores.same_sign(self.changes).gather(1, self.own[:, None])[:, 0]

    def on(self, pictures: Tensor) -> Effect:
        """The effect on some of the pictures, by their numbers."""
        return Effect(self.own, self.named, self.changes[:, pictures], self.fitted[:, pictures], self.pixels)

    def interval(self) -> list[tuple[float, float]]:
        """95 % intervals of the medians of own change and share, from pictures drawn again with replacement."""
        random, n = torch.Generator().manual_seed(0), self.changes.shape[1]
        medians = []
        for _ in range(RESAMPLED):
            again = torch.randint(n, (n,), generator=random)
            medians.append([float(x.median()) for x in own_and_share(self.changes[:, again].mean(1), self.own)])
        return [
            tuple(x.quantile(torch.tensor([0.025, 0.975]).double()).tolist())
            for x in torch.tensor(medians, dtype=torch.float64).T
        ]


def own_and_share(mean: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Mean changes [k, factors] -> |own change|, and its share of the sum of all |changes|, each [k]."""
    size = mean.abs().gather(1, own[:, None])[:, 0]
    return size, size / mean.abs().sum(1).clamp(min=1e-12)


def right(mean: Tensor, own: Tensor) -> int:
    return int((mean.abs().argmax(1) == own).sum())


# --- tables


def knob_table(found: Mapping[str, Effect], judge: Judge) -> dict:
    columns = [
        "knobs",
        "change of its own factor, sd a step [95 %]",
        "its share of all change [95 %]",
        "share, by the readers fitted to",
        "in the same sense on",
        "own change in pixels, cosine",
        "move most what they are named after",
        "factors found by experiment",
    ]
    rows = []
    for name, one in found.items():
        (size, share), (_, fitted), ranges = one.sizes(), one.sizes(fitted=True), one.interval()
        cells = [
            f"{x.median():.2f} [{low:.2f}, {high:.2f}]" for x, (low, high) in zip((size, share), ranges, strict=True)
        ]
        moved = scores.found_by_effect(one.changes, judge.names, torch.ones(len(judge.names), dtype=torch.bool))
        by_name = f"{one.right} of {len(size)}" if one.named else "–"
        agree, pixels = f"{100 * float(one.agreeing.median()):.0f} %", f"{one.pixels.median():.2f}"
        rows.append([name, *cells, f"{fitted.median():.2f}", agree, pixels, by_name, moved.count])
    count = max(one.changes.shape[1] for one in found.values())
    fewer = min(one.changes.shape[1] for one in found.values())
    caption = (
        f"Medians over the knobs; mean over {count} pictures that nothing was fitted on (controls: {fewer}), one step "
        "to both sides, judged by a reader that nothing was fitted to (reader b). A knob without labels is named after "
        "the factor that it moves most on these pictures, which favours it. Pixels: cosine of what changed in the "
        "picture with what changes where the renderer turns that factor alone. Found by experiment: a knob moves it "
        "most, and by 2 sd or more over -2 to +2 steps."
    )
    return {"title": "What one step of a knob does", "columns": columns, "rows": rows, "caption": caption}


def boundary_table(found: Mapping[str, Boundaries], shuffled: Mapping[str, Boundaries], labelled: int) -> dict:
    rows = [
        [name, *(f"{100 * float(x.nanmean()):.0f} %" for x in (one.ends, one.rest, one.chance, shuffled[name].ends))]
        for name, one in found.items()
    ]
    return {
        "title": "How well the boundaries part pictures that they were not fitted to",
        "rows": rows,
        "columns": [
            "fit",
            "held-out ends on the right side",
            "the other pictures",
            "all on the larger side",
            "ends, shuffled labels",
        ],
        "caption": f"Means over the attributes; {labelled:,} labelled pictures. Chance for the "
        "ends is 50 %. The other pictures are parted half-way between the lowest and the highest score.",
    }


def factor_table(one: Effect, judge: Judge, name: str) -> dict:
    """For each factor: its knob's own change, share, and the factor that comes next."""
    rows, (size, share) = [], one.sizes()
    for i, factor in enumerate(judge.factors):
        mean = one.changes[i].mean(0)
        other = judge.strongest(torch.where(torch.arange(len(mean)) == i, 0.0, mean), 1)[0]
        next_one = minus(f"{other.factor.description}, {other.change:+.2f}")
        agree = f"{100 * one.agreeing[i]:.0f} %"
        rows.append([factor.description, f"{size[i]:.2f}", f"{share[i]:.2f}", agree, next_one])
    return {
        "title": f"Factor by factor: {name}",
        "rows": rows,
        "columns": ["factor", "own change, sd a step", "share", "in the same sense on", "what it moves next"],
        "caption": f"Mean over {one.changes.shape[1]} pictures that nothing was fitted on, judged by reader b.",
    }


def tone_table(found: Mapping[str, Effect], thirds: Sequence[Tensor]) -> dict:
    """By thirds of the pictures, from light to dark skin."""
    rows = []
    for name, one in found.items():
        for word, third in zip(("light", "middle", "dark"), thirds, strict=True):
            (size, share), ranges = one.on(third).sizes(), one.on(third).interval()
            cells = [f"{x.median():.2f} [{a:.2f}, {b:.2f}]" for x, (a, b) in zip((size, share), ranges, strict=True)]
            rows.append([name, word, *cells, f"{one.on(third).right} of {len(size)}"])
    return {
        "title": "By skin tone",
        "rows": rows,
        "columns": ["knobs", "third of the faces", "own change, sd a step", "share", "right by name"],
        "caption": f"Medians over the knobs, {len(thirds[0])} faces a third by their read skin tone. Fewer faces leave "
        "more chance in every other factor, so that shares are smaller here than over all faces.",
    }


def fixed_table(ratios: Mapping[str, Tensor], held: int) -> dict:
    """ratios: way of holding -> [k], other change with it over that without it, at equal own change."""
    rows = [[name, said((1 / one).tolist(), "{:.1f}"), said(one.tolist(), "{:.2f}")] for name, one in ratios.items()]
    return {
        "title": f"{held} factors that must stay",
        "rows": rows,
        "columns": ["how they are held", "times less change of these", "what is left of it"],
        "caption": f"For every factor, the {held} others that its knob moves most must stay: the sum of their changes "
        "for one of its own, over that of the knob that holds nothing. Median over the factors [95 %], judged by "
        "reader b on the same pictures.",
    }


# --- sentences


def sentences(found: Mapping[str, Effect], ratios: Mapping[str, Tensor], things: str) -> list[str]:
    def told(name: str) -> str:
        size, share = (float(x.median()) for x in found[name].sizes())
        return f"{size:.2f} standard deviations a step and {100 * share:.0f} % of all that it moves"

    def share(name: str) -> str:
        judged, fitted = (float(found[name].sizes(fitted=one)[1].median()) for one in (False, True))
        return f"{100 * fitted:.0f} % by the two readers it was fitted to is {100 * judged:.0f} % by the third"

    def pixels(name: str) -> str:
        return f"{float(found[name].pixels.median()):.2f}"

    count, pure = len(found["mean gradient"].own), [name for name in found if name.startswith("pure, lam")]
    turned = found[pure[0]].changes.shape[1]
    unlike = next(name for name in found if name.startswith("random"))
    cut = {name: float((1 / one).median()) for name, one in ratios.items()}
    ours, published, against, control = cut
    return [
        "Judged by a reader that nothing was fitted to (reader b): the knob of lam = 0 moves its own factor by "
        f"{told('pure, lam = 0')} (median of {count} factors, {turned} {things}); that of lam = 0.01 by "
        f"{told('pure, lam = 0.01')}; that of lam = 0.1 by {told('pure, lam = 0.1')}.",
        f"InterFaceGAN’s normals move theirs by {told('InterFaceGAN, svm')} (SVM, as published) and by "
        f"{told('InterFaceGAN, ridge')} (least squares on all scores): a normal reads a factor and hardly moves it. "
        f"The pattern of the same labels moves it by {told('InterFaceGAN, pattern')}.",
        f"{found['pure, lam = 0'].right} of {count} knobs of lam = 0 and {found['pure, lam = 0.01'].right} of "
        f"lam = 0.01 move most what they are named after; {found['InterFaceGAN, pattern'].right} patterns and "
        f"{found['InterFaceGAN, svm'].right} normals of an SVM do.",
        f"What of a knob’s purity belongs to the readers it was made through: {share('pure, lam = 0')} at lam = 0; "
        f"{share('pure, lam = 0.01')} at lam = 0.01.",
        f"Three factors that must stay change {cut[ours]:.1f} times less than under the knob that holds nothing, at "
        f"equal change of its own factor. The published projection moves them {cut[published]:.1f} times less "
        f"than the SVM’s normal, {cut[against]:.1f} times more than ours. Where three other factors are held instead: "
        f"{cut[control]:.1f} times less.",
        "A check without any reader: the cosine of the changed pixels with what the renderer changes for that factor "
        f"alone is {pixels('pure, lam = 0')} at lam = 0, {pixels('pure, lam = 0.01')} at lam = 0.01, "
        f"{pixels('InterFaceGAN, svm')} for the SVM, {pixels('InterFaceGAN, pattern')} for the pattern and "
        f"{pixels(unlike)} for random knobs.",
    ]
