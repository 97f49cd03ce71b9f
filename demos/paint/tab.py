"""Paint: knobs made for one region of a picture and forbidden to touch the rest, and what each is measured to do.

Handlers are pure functions: a recipe in, pictures and sentences out. The page holds recipes, never tensors.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path

import gradio as gr

from core import zoo
from core.factorization.files import save_directions
from core.factorization.lowrank import lowrank_steps, workers
from core.factorization.resefa import resefa_of
from core.images import animation, enlarge, png, webp
from core.images import strip as side_by_side
from core.regions import to_text

from ..page import evidence as measured
from ..page import handlers as wiring
from ..page import models, words
from ..page import picture as recipes
from ..page.arrival import fitting
from ..page.blocks import data_uri, tiles
from ..page.cache import Cache
from ..page.export import png_of
from ..page.fields import RecipeError
from ..page.handlers import buttons, guarded, keyed, last_of, method_fold, offer, refused, take_away
from ..page.pace import pace_of
from ..page.parts import LIVE, LONG, Demo, cell, deliver, fold, limits, part, private, publish, text
from ..page.sources import take_directions
from . import evidence as on_unseen
from . import experiments
from . import recipe as painted
from . import search as finding
from .recipe import Painted, called, verb
from .search import Knobs

TAB, TITLE = Painted.tab, "Paint"
SCRIPTS = ("paint/paint", "paint/stage", "paint/experiments")
SOLVE = dict(concurrency_id="solve", concurrency_limit=8, trigger_mode="always_last", show_progress="hidden")
FRAMES, SLOW_FRAMES = 21, 9  # of a strip
FILM, TAKEN_SIDE = 256, 256  # pixels
MOST_VISITORS = 1_000  # whose screens are remembered
LEVELS = 127.5  # of a picture's 255, one unit
EVENTS = ("find", "stop", "exact", "strip", "faces", "ban", "refuse", "compare", "weights", "truth", "steer")
TAKEN = {
    "picture": "Picture (PNG)",
    "strip": "Strip",
    "clip": "Clip",
    "notebook": "Notebook",
    "directions": "Directions (.safetensors)",
}
TABLES = {"csv": "Table as CSV", "latex": "Table as LaTeX"}
_drawn = Cache(32 * 2**20, lambda drawn: len(drawn[0]))
_names = Cache(1_000, lambda names: 1)
_compared = Cache(64, lambda rows: 1)
_on_screen: dict[str, Painted] = {}  # what each visitor looks at
_stopped: set[str] = set()  # visitors who pressed Stop


# --- a recipe in, pictures out


def answer(given: Mapping) -> dict:
    """All that the page shows of a recipe: pictures as data URIs, words, link. Bad input: only `error`, a sentence.

    Knobs that were not found yet are missing (`setup.solved` is False), and so are pictures that take long.
    """
    try:
        return shown_of(painted.Painted.from_json(given), at_once=True)
    except RecipeError as error:
        return refused(error, asked=given)


def shown_of(recipe: Painted, *, at_once: bool = False) -> dict:
    """The same for a recipe that is one. Raises RecipeError, as for a part that is not on the picture."""
    mask = painted.mask_of(recipe)
    knobs = finding.known(recipe) if at_once else finding.solve(recipe)
    kept = _picture_key(recipe) in _drawn and recipes.has_bytes(recipe.base)
    moved = any(recipe.amounts)
    waits = at_once and (moved and knobs is None or pace_of(recipe.model).slow and not kept)
    if knobs is not None:
        finding.distances(knobs, recipe.amounts)
    data, inside, outside = (b"", 0.0, 0.0) if waits else drawn(recipe, knobs if moved else None)
    before = b"" if pace_of(recipe.model).slow and waits else recipes.picture_bytes(recipe.base)
    return dict(
        recipe=recipe.as_dict(),
        src=_uri(data),
        before=_uri(before),
        exact=not waits,
        alt=alt_text(recipe, knobs),
        caption=caption(recipe, knobs),
        query=recipe.query(),
        sentence=first_sentence(recipe, knobs, whole=bool(mask.all())),
        verdict=verdict(recipe, knobs, inside, outside),
        finding="" if knobs is None else finding.finding(recipe, knobs),
        ratio=experiments.ratio(inside, outside),
        setup=setup_of(recipe, knobs),
    )


def _uri(data: bytes) -> str:
    return data_uri(data) if data else ""


def _picture_key(recipe: Painted) -> tuple:
    return replace(recipe, knob=0), zoo.weights_hash(recipe.model)


def drawn(recipe: Painted, knobs: Knobs | None) -> tuple[bytes, float, float]:
    """The picture as lossless WebP, and its RMS change inside and outside of the region; kept."""
    if knobs is None:
        return recipes.picture_bytes(recipe.base), 0.0, 0.0
    found = _drawn.get(_picture_key(recipe))
    if found is None:
        images = finding.render(recipe, knobs, [(), recipe.amounts])
        changed = finding.change(images[0], images[1], painted.full_mask(recipe))
        found = _drawn.put(_picture_key(recipe), (webp(recipes.shown(images[1:], recipe.model)[0]), *changed))
    return found


def setup_of(recipe: Painted, knobs: Knobs | None) -> dict:
    """What the controls need: parts and the region as texts, the knobs, the cost of finding them, the network."""
    there = painted.parts_of(recipe)
    generator, card = recipes.opened(recipe.model), zoo.card(recipe.model)
    return dict(
        models.facts(recipe.model),
        parts={name: to_text(mask) for name, mask in there.items()},
        offered=painted.offered(recipe.model, there),
        region=to_text(painted.mask_of(recipe)),
        name=called(recipe),
        solved=knobs is not None,
        knobs=[] if knobs is None else knob_facts(recipe, knobs),
        plan=finding.plan(recipe),
        method=painted.METHODS[recipe.method],
        crop=card.crop / card.resolution,
        truncation=generator.has_truncation,
        layers=list(recipes.layer_groups(recipe.model)),
        corner=painted.corner(),
        first=finding.known(replace(recipe, method="resefa")) is not None,
        weight=_weight(knobs),
    )


def _weight(knobs: Knobs | None) -> float | None:
    return None if knobs is None or knobs.solved is None else round(knobs.solved.outside.lam, 4)


def knob_facts(recipe: Painted, knobs: Knobs) -> list[dict]:
    """What a control shows of each knob: what it moves on this picture, its ends in words, its way, its numbers."""
    key = (finding.key_of(recipe), recipe.forbid)
    names = _names.get(key)
    if names is None:
        if pace_of(recipe.model).slow:
            names = [dict(title="", low="one way", high="the other way")] * len(knobs.steps)
        else:
            names = _names.put(key, experiments.named(recipe, knobs))
    rows = zip(names, knobs.numbers, knobs.deviations, knobs.ratio)
    return [
        dict(name, reach=knobs.reach(i), also=_ratio(ratio), deviations=round(away, 2), number=number + 1)
        for i, (name, number, away, ratio) in enumerate(rows)
    ]


def _ratio(value: float) -> str:
    return f"inside {value:.1f} times, first order" if value < 1e6 else ""


def first_sentence(recipe: Painted, knobs: Knobs | None, *, whole: bool) -> str:
    """The sentence over the tab, built from what is shown:
    the region, the method, the ban, and whether there are knobs.
    """
    name, closed_form = called(recipe), recipe.method == "resefa"
    if whole:
        return "The region is the whole picture: nothing is outside of it, so there is nothing to forbid."
    if knobs is None:
        return (
            f"The outlined region has no knobs yet. "
            f"Each of {painted.METHODS[recipe.method]}’s moves {name}{_rule(recipe)}."
        )
    if not knobs.steps and recipe.forbid and not closed_form:
        return f"This network cannot move {name} alone: here it refuses."
    if not knobs.steps:
        ban = "" if recipe.forbid else ", even though the ban is lifted"
        return f"{painted.METHODS[recipe.method]} finds no knob that moves {name} visibly{ban}."
    lifted = "" if recipe.forbid else ", and the ban is lifted"
    return f"This knob was made for the outlined region{lifted}: it moves {name}{_rule(recipe)}."


def _rule(recipe: Painted) -> str:
    """What a knob of this method may do elsewhere: only LowRankGAN forbids, ReSeFa weighs."""
    if recipe.method == "resefa":
        return (
            " as much as it can for what it changes elsewhere"
            if recipe.forbid
            else " as much as it can, whatever it changes elsewhere"
        )
    return " and is forbidden to touch anything else" if recipe.forbid else " and may touch anything else"


def verdict(recipe: Painted, knobs: Knobs | None, inside: float, outside: float) -> str:
    """What moved, how much, against what, on how many: measured on this very picture, and what was measured on many."""
    if knobs is None:
        return ""
    if not knobs.steps:
        return finding.finding(recipe, knobs) or f"No direction moves {called(recipe)} visibly on this picture."
    seen, found = evidence_verdict(recipe), experiments.ratio(inside, outside)
    levels = f"{inside * LEVELS:.0f} of 255 levels inside, {outside * LEVELS:.1f} outside"
    name, turned = called(recipe)[:1].upper() + called(recipe)[1:], any(recipe.amounts)
    if seen:
        return f"{seen} On this picture {found:.1f} times: {levels}." if turned and found is not None else seen
    best, chance = finding.baselines(recipe, knobs.grams)
    beside = (
        (
            f" (RMS; best of SeFa’s first {painted.TRIED} global knobs: {best:.1f}, "
            f"a random one, the median of {painted.TRIED}: {chance:.1f})"
        )
        if best < 1e6
        else ""
    )
    if not turned:
        at = knobs.ratio[min(recipe.knob, len(knobs.ratio) - 1)]
        return (
            f"Turn it: at first order {called(recipe)} {verb(recipe)} {at:.1f} times as much as everything "
            f"else{beside}."
            if at < 1e6
            else "Turn it: there is nothing outside."
        )
    if found is None:
        return f"{name} {verb(recipe, 'changes')} by {inside * LEVELS:.0f} of 255 levels, nothing outside does."
    return f"{name} {verb(recipe)} {found:.1f} times as much as everything else{beside}: {levels}, on this picture."


def evidence_verdict(recipe: Painted) -> str:
    """What was measured on unseen faces; "" where exactly this was not."""
    method = "unprojected" if recipe.method == "lowrank" and not recipe.forbid else recipe.method
    return on_unseen.verdict(recipe.model, recipe.region, method, moved=recipes.slots_of(recipe.base))


def truth_html(recipe: Painted) -> str:
    """The fold "How true is this?": tables from the evidence; what is known of this very region in any case."""
    knobs, tables = finding.known(recipe), on_unseen.truth_html(recipe.model, recipe.region)
    said = tables or (
        "<p>This region has not been measured on other pictures yet. What stands here was measured on "
        "the picture on screen; “Try on eight other pictures” measures eight more.</p>"
    )
    return said + ("" if knobs is None else f"<p>{escape(finding.finding(recipe, knobs))}</p>{_certificate(knobs)}")


def _certificate(knobs: Knobs) -> str:
    if knobs.solved is None:
        return "<p>ReSeFa is a closed form: there is nothing to certify.</p>"
    gap = max(knobs.solved.inside.gap, knobs.solved.outside.gap)
    rounds = knobs.solved.inside.iterations + knobs.solved.outside.iterations
    return (
        f"<p>Both matrices were split to within {gap:.1e} of the optimum "
        f"(relative duality gap, computed from both sides), "
        f"lambda {knobs.solved.outside.lam:.3g}, {rounds} rounds.</p>"
    )


def alt_text(recipe: Painted, knobs: Knobs | None) -> str:
    """What the picture shows and how it was made, for those who do not see it."""
    said = recipes.alt_text(recipe.base).replace(", no knob moved", "")
    parts = [said, f"region: {called(recipe)}"]
    names = knob_facts(recipe, knobs) if knobs is not None else []
    for i, amount in enumerate(recipe.amounts):
        if amount:
            title = f" ({names[i]['title']})" if i < len(names) and names[i]["title"] else ""
            parts.append(f"knob {i + 1}{title} at {words.signed(amount)} steps")
    if not any(recipe.amounts):
        return ", ".join([*parts, "no knob moved"])
    elsewhere = experiments.TITLES[recipe.method == "resefa"][not recipe.forbid].lower()
    parts.append(f"{painted.METHODS[recipe.method]}, changes outside {elsewhere}")
    return ", ".join(parts)


def caption(recipe: Painted, knobs: Knobs | None) -> str:
    """The recipe in words, and how far a step of the chosen knob goes."""
    at = None if knobs is None or recipe.knob >= len(knobs.steps) else recipe.knob
    step = (
        ""
        if at is None
        else (
            f" One step changes the region by {painted.STEP:g} (RMS, at first order): "
            f"{knobs.deviations[at]:.2f} standard deviations of w along the knob."
        )
    )
    said = alt_text(recipe, None)
    measured_there = knobs is not None and knobs.steps and evidence_verdict(recipe)
    others = f" {on_unseen.made_on(recipe.model)}" if measured_there else ""
    return said[:1].upper() + said[1:] + "." + step + others


def find(recipe: Painted, visitor: str = "") -> Iterator[dict]:
    """How far the knobs are, four times a second; `first` once ReSeFa's are there, `solved` with the last.

    Ends where the visitor stops it, leaves, or looks at another region. Raises RecipeError.
    """
    _stopped.discard(visitor)
    first = False
    with _closing(finding.watched(recipe)) as news:
        for one in news:
            if visitor and (visitor in _stopped or not _same_region(_on_screen.get(visitor), recipe)):
                yield dict(stopped=True, says="Stopped." if visitor in _stopped else "")
                return
            first = first or recipe.method != "resefa" and finding.known(replace(recipe, method="resefa")) is not None
            yield dict(one, first=first)
    knobs = finding.known(recipe)
    if knobs is not None:
        knob_facts(recipe, knobs)
    yield dict(solved=True, says="", count=0 if knobs is None else len(knobs.steps))


class _closing:
    """`with _closing(stream)`: closed at the end, so that nobody watches any more."""

    def __init__(self, stream: Iterator[dict]):
        self.stream = stream

    def __enter__(self) -> Iterator[dict]:
        return self.stream

    def __exit__(self, *_error) -> None:
        self.stream.close()


def _same_region(shown: Painted | None, recipe: Painted) -> bool:
    """Does the screen still show that region of that picture?"""
    return shown is not None and [getattr(shown, name) for name in WHAT] == [getattr(recipe, name) for name in WHAT]


WHAT = ("model", "seed", "psi", "label", "region", "layers", "size", "lam")


def strip(recipe: Painted) -> dict:
    """21 frames of the chosen knob from one end of its way to the other, side by side in one lossless picture."""
    knobs = experiments.needed(recipe)
    reach = knobs.reach(min(recipe.knob, len(knobs.steps) - 1))
    count = SLOW_FRAMES if pace_of(recipe.model).slow else FRAMES
    images = finding.render(recipe, knobs, settings_of(recipe, reach, count))
    return dict(src=data_uri(webp(side_by_side(recipes.shown(images, recipe.model, largest=FILM)))), frames=count)


def settings_of(recipe: Painted, reach: float, count: int) -> list[tuple[float, ...]]:
    """The chosen knob at `count` amounts evenly over its way, the others as they stand."""
    row = [reach * (2 * i / (count - 1) - 1) for i in range(count)]
    return [recipe.amounts[: recipe.knob] + (amount,) + recipe.amounts[recipe.knob + 1 :] for amount in row]


# --- what is taken away


def own_amounts(recipe: Painted, knobs: Knobs) -> list[float]:
    """Amounts of the method's own directions, in its order and sense: what the code and the notebook name."""
    row = [0.0] * (1 + max(knobs.numbers, default=0))
    for number, sign, amount in zip(knobs.numbers, knobs.signs, recipe.amounts):
        row[number] = amount * sign + 0.0
    return row


def code(recipe: Painted) -> str:
    """Python that makes the same picture. Raises RecipeError where the knobs are not there."""
    return painted.code_for(recipe, own_amounts(recipe, experiments.needed(recipe)))


def file_for(recipe: Painted, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of what is taken away, a key of TAKEN. Raises RecipeError."""
    knobs = experiments.needed(recipe)
    region = recipe.region if recipe.region in painted.part_names(recipe.model) else "region"
    name = f"{region}-knob{recipe.knob + 1}-picture{recipe.seed}"
    knob = min(recipe.knob, len(knobs.steps) - 1)
    if kind == "directions":
        return directions_file(recipe, knobs), f"{region}-knobs-picture{recipe.seed}.safetensors"
    if kind == "notebook":
        number = knobs.numbers[knob]
        row = [round(knobs.reach(knob) * i / 3, 3) for i in range(-3, 4)]
        return (
            painted.notebook_for(recipe, own_amounts(recipe, knobs), number, row, caption(recipe, knobs)),
            f"{name}.ipynb",
        )
    if kind == "picture":
        image = finding.render(recipe, knobs, [recipe.amounts], quickly=False)
        return png_of(recipes.shown(image, recipe.model)[0], recipe), f"{name}.png"
    settings = settings_of(recipe, knobs.reach(knob), 7 if kind == "strip" else FRAMES)
    images = finding.render(recipe, knobs, settings, quickly=False)
    times = max(1, TAKEN_SIDE // images.shape[-1])
    pictures = [enlarge(one, times) for one in recipes.shown(images, recipe.model, largest=2 * TAKEN_SIDE)]
    if kind == "strip":
        return png(side_by_side(pictures, gap=4), recipe=recipe.as_dict()), f"{name}-strip.png"
    return animation(pictures), f"{name}.webp"


def directions_file(recipe: Painted, knobs: Knobs) -> bytes:
    """The knobs as a file of directions that Steer opens, with the weights and the recipe that they belong to."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "knobs.safetensors"
        save_directions(
            knobs.directions,
            path,
            model=recipe.model,
            weights=zoo.weights_hash(recipe.model),
            recipe=recipe.query(),
        )
        return path.read_bytes()


def to_steer(recipe: Painted) -> dict:
    """Steer's recipe of the same picture with these knobs from a file, each as far as it stands here."""
    knobs = experiments.needed(recipe)
    path = publish(directions_file(recipe, knobs), "knobs.safetensors")
    chosen = take_directions(path, recipe.base.as_dict())
    reach = zoo.card(recipe.model).reach
    row = [max(-reach, min(reach, amount * away)) for amount, away in zip(recipe.amounts, knobs.deviations)]
    return replace(chosen, amounts=tuple(row), knob=min(recipe.knob, len(knobs.steps) - 1)).as_dict()


def table_file(recipe: Painted, kind: str) -> tuple[bytes, str]:
    """The table of methods, a key of TABLES; computed where it was not."""
    key = finding.key_of(replace(recipe, method="lowrank", lam=0.0))
    rows = _compared.get(key) or _compared.put(key, list(experiments.compare(recipe))[-1]["rows"])
    picture = alt_text(replace(recipe, amounts=()), None).removesuffix(", no knob moved")
    caption = f"{picture}: every direction turned until the region changes by {painted.STEP:g} (RMS)."
    if kind == "csv":
        return experiments.as_csv(rows).encode(), "methods.csv"
    return experiments.as_latex(rows, caption).encode(), "methods.tex"


# --- the tab


LIMITS = (
    "A knob is made from one picture’s derivatives: far from it, or on another picture, it may leave its "
    "region. The bundled networks learned from cartoons drawn by a program; on photographs regions are "
    "less clear-cut. Where the region is a part, the part reader found it; a part that it misses cannot be "
    "tapped."
)
EQUATION = (
    r"""
$J$ says how every pixel reacts to every number of the code: one column a number. Its rows inside the region make
$M_A = J_A^\top J_A$, those outside $M_B = J_B^\top J_B$, each divided by its number of rows.

**LowRankGAN.** Both are split into what many pixels share and what is scattered,

$$ \min_{L, S}\; \|L\|_* + \lambda \|S\|_1 \quad \text{with} \quad L + S = M, $$

solved here until a certificate says that the optimum is at most $2 \cdot 10^{-5}$ away. """
    r"""The eigenvectors of $L_A$ move the region.
Those of $L_B$ move the rest: what is left when they are taken away, the null space $N_B$, """
    r"""leaves it still at first order. So

$$ n = N_B N_B^\top v, \qquad v \text{ an eigenvector of } L_A. $$

**ReSeFa** asks for the most change inside for the change outside, in closed form:
$\max_n\; n^\top M_A n \,/\, n^\top (M_B + \mu I)\, n$.

One *step* of a knob changes the region by 0.05 (root mean square, values from -1 to 1), at first order: """
    r"""$0.05 / \sqrt{n^\top M_A n}$.

Where the published code differs from the paper, "as published" does as it does: """
    r"""the mean over RGB, $\lambda = 1/60$, a penalty
from the largest column sum. Zhu et al., *Low-Rank Subspaces in GANs*, """
    r"""NeurIPS 2021 (arXiv 2106.04488); *Region-Based Semantic
Factorization in GANs*, ICML 2022 (arXiv 2202.09649).
"""
)
RECORDED = ("answer", "code", "faces", "ban", "refuse", "columns", "pictures")


def arrival() -> dict:
    """What the tab shows before anything is computed: as recorded for these weights, or a bare recipe."""
    found = fitting(TAB, next(iter(zoo.CARDS)), made_from, RECORDED)
    if found is None:
        card = next(iter(zoo.CARDS.values()))
        bare = painted.Painted.unread(card.name, psi=card.psi)
        return dict(recipe=bare, answer={}, strip={}, faces={}, ban={}, refuse={}, code="")
    pictures = found["pictures"]
    cut = {name: tiles(pictures[name], columns) for name, columns in found["columns"].items()}
    faces = [dict(row, pictures=cut["faces"][i]) for i, row in enumerate(found["faces"]["rows"])]
    sides = [dict(side, picture=cut["ban"][0][1 + i]) for i, side in enumerate(found["ban"]["sides"])]
    answer = dict(found["answer"], src=pictures["after"], before=pictures["before"])
    return dict(
        recipe=found["recipe"],
        code=found["code"],
        answer=answer,
        strip=dict(src=pictures["strip"], frames=FRAMES, key="arrival"),
        faces=dict(found["faces"], rows=faces, key="arrival"),
        ban=dict(found["ban"], sides=sides, before=cut["ban"][0][0], key="arrival"),
        refuse=dict(found["refuse"], key="arrival"),
    )


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of this tab rest on; "" where there is none."""
    world = zoo.card(model).world
    files = dict(
        parts=zoo.WEIGHTS / f"{world}-parts.safetensors", painted=zoo.WEIGHTS / "evidence" / f"{model}-paint.json"
    )
    hashes = {name: recipes.file_identity(path) if path.exists() else "" for name, path in files.items()}
    return dict(measured.made_from(model), **hashes)


def tab() -> Demo:
    """Builds the tab inside the page's `gr.Tabs`; everything it shows at first is recorded."""
    shown = arrival()
    first = shown["answer"].get("sentence") or "Knobs for one region of a picture, forbidden to touch anything else."
    base = {name: shown["recipe"][name] for name in ("version", "model", "seed", "psi", "label")}
    with gr.Tab(TITLE, id=TAB), gr.Column(elem_classes="tab"):
        notice = wiring.notice(TAB)
        text(
            f'<h2 class="sentence" id="paint-sentence">{escape(first)}</h2>'
            '<p class="lead">Tap a part of the picture, or paint one: a moment later it has knobs of its own.</p>'
        )
        parts = dict(
            bus=part(TAB, "recipe", shown["recipe"], events=EVENTS, visible="hidden"),
            strip=part(TAB, "strip", shown["strip"], visible="hidden"),
            base=part(TAB, "base", base, visible="hidden"),
            facts=part(TAB, "facts", {}, visible="hidden"),
            steer=part(TAB, "steer", {}, visible="hidden"),
        )
        with gr.Row(elem_classes="bench"):
            with gr.Column(scale=5, min_width=320):
                parts["stage"] = part(TAB, "stage", shown["answer"])
                models.picker(TAB, parts["base"])
            with gr.Column(scale=6, min_width=320):
                part(TAB, "knobs")
        with cell(
            "Forbid changes outside",
            "The same knob with the ban and without it, turned equally far inside: what else moved? "
            "Where all layers listen (under More controls) there is more to forbid.",
        ):
            parts["ban"] = part(TAB, "ban", shown["ban"])
        with cell(
            "Does it hold for other pictures?",
            "The same knob, found on this picture, on eight that were not looked at.",
        ):
            parts["faces"] = part(TAB, "faces", shown["faces"])
        with cell(
            "What cannot be moved?",
            "A region without a knob of its own is a finding: the network draws it only together with something else.",
        ):
            parts["refuse"] = part(TAB, "refuse", shown["refuse"])
        folds = _folds(parts, shown["code"])
        limits(LIMITS)
    _wire(parts)
    _wire_files(parts)
    return Demo(TAB, (opened, [parts["bus"], parts["stage"], *folds, notice]), endpoints, left)


def _folds(parts: dict, code_of_arrival: str) -> list[gr.Accordion]:
    with fold(TAB, "more") as more:
        part(TAB, "more", dict(words=words.table(), methods=list(painted.METHODS)))
        parts["weights"] = part(TAB, "weights", {})
    with fold(TAB, "compare") as compare:
        parts["compare"] = part(TAB, "compare", {})
        with gr.Row(elem_classes="buttons"):
            parts.update(buttons(TAB, "table", TABLES))
    with fold(TAB, "true") as true:
        parts["truth"] = part(TAB, "truth", {})
    method = method_fold(TAB, EQUATION, {"paint-source": lowrank_steps, "paint-source-resefa": resefa_of})
    with fold(TAB, "take") as take:
        parts.update(take_away(TAB, TAKEN, code_of_arrival))
    return [more, compare, true, method, take]


# --- wiring: a handler that fails says a sentence, and changes nothing


def keyed_stream(make: Callable) -> Callable:
    """`keyed` for what comes in parts. It ends where the visitor looks at another region by now, or left."""

    def run(given, event: gr.EventData, request: gr.Request):
        visitor = str(request.session_hash)
        try:
            recipe = painted.Painted.from_json(given)
            on_screen(visitor, recipe)
            for part_of_it in make(recipe, event):
                yield dict(part_of_it, key=event.key)
                if not _same_region(_on_screen.get(visitor), recipe):
                    return
        except RecipeError as error:
            yield refused(error, key=event.key)

    return run


def on_screen(visitor: str, recipe: Painted) -> None:
    _on_screen.pop(visitor, None)
    _on_screen[visitor] = recipe
    while len(_on_screen) > MOST_VISITORS:
        del _on_screen[next(iter(_on_screen))]


def left(request: gr.Request) -> None:
    """The visitor closed the page: what is being found for them ends."""
    _on_screen.pop(str(request.session_hash), None)
    _stopped.discard(str(request.session_hash))


def live(given: Mapping, request: gr.Request) -> tuple:
    """The answer and the code of the picture; after bad input the code stays."""
    said = answer(given)
    if "error" in said:
        return said, gr.skip()
    recipe = painted.Painted.from_json(given)
    on_screen(str(request.session_hash), recipe)
    return said, code(recipe) if said["setup"]["knobs"] else gr.skip()


def exactly(given: Mapping, request: gr.Request) -> dict:
    """The picture itself of a slow network;
    nothing where the screen shows another recipe by now, or its knobs are not there.
    """
    try:
        recipe = painted.Painted.from_json(given)
        if _on_screen.get(str(request.session_hash), recipe) != recipe:
            return gr.skip()
        knobs = finding.known(recipe)
        drawn(recipe, knobs if any(recipe.amounts) else None)
        recipes.picture_bytes(recipe.base)
        return dict(shown_of(recipe, at_once=True), late=True)
    except RecipeError as error:
        return refused(error)


def finder(given: Mapping, event: gr.EventData, request: gr.Request) -> Iterator[dict]:
    """Progress of the knobs of what is on the visitor's screen."""
    visitor = str(request.session_hash)
    try:
        recipe = painted.Painted.from_json(given)
        on_screen(visitor, recipe)
        for news in find(recipe, visitor):
            yield dict(news, key=event.key)
    except RecipeError as error:
        yield refused(error, key=event.key)
    except Exception:
        yield dict(
            key=event.key,
            error="The knobs could not be found: something broke on the server. "
            "Press the button under the picture to try again.",
        )
        raise


def stop(request: gr.Request) -> None:
    _stopped.add(str(request.session_hash))


def _wire(parts: dict) -> None:
    bus = parts["bus"]
    bus.change(live, bus, [parts["stage"], parts["code"]], **private("paint_answer", LIVE))
    bus.exact(exactly, bus, parts["stage"], **private("paint_exact", LONG))
    bus.find(finder, bus, parts["facts"], **private("paint_finding", SOLVE))
    bus.stop(stop, None, None, **private("paint_stopping", LIVE))
    bus.strip(
        keyed(painted.Painted.from_json, lambda recipe, event: strip(recipe)),
        bus,
        parts["strip"],
        **private("paint_film", LONG),
    )
    bus.faces(
        keyed_stream(lambda recipe, event: experiments.faces(recipe, int(event.first) % 10_000)),
        bus,
        parts["faces"],
        **private("paint_faces", LONG),
    )
    bus.ban(
        keyed(painted.Painted.from_json, lambda recipe, event: experiments.ban(recipe)),
        bus,
        parts["ban"],
        **private("paint_ban", LONG),
    )
    for name, make in (
        ("refuse", experiments.refusals),
        ("compare", experiments.compare),
        ("weights", experiments.weights),
    ):
        getattr(bus, name)(
            keyed_stream(lambda recipe, event, make=make: make(recipe)),
            bus,
            parts[name],
            **private(f"paint_{name}", LONG),
        )
    bus.truth(
        keyed(painted.Painted.from_json, lambda recipe, event: dict(html=truth_html(recipe))),
        bus,
        parts["truth"],
        **private("paint_truth", LONG),
    )
    bus.steer(
        keyed(painted.Painted.from_json, lambda recipe, event: dict(recipe=to_steer(recipe))),
        bus,
        parts["steer"],
        **private("paint_to_steer", LONG),
    )


def _wire_files(parts: dict) -> None:
    for kinds, make_file, prefix in ((TAKEN, file_for, "take"), (TABLES, table_file, "table")):
        for kind in kinds:
            make = guarded(
                lambda given, kind=kind, make_file=make_file: publish(
                    *make_file(painted.Painted.from_json(given), kind)
                )
            )
            deliver(parts[f"{prefix}_{kind}"], make, [parts["bus"]], parts["outlet"], f"paint_{prefix}_{kind}")


def opened(request: gr.Request) -> tuple:
    return wiring.opened(request, TAB, Painted)


def ready() -> None:
    """Starts the threads that solve, before there is a visitor's thread that could take on one core for good."""
    workers()


# --- the same, for programs


RECIPE = (
    'recipe: {"model": "portraits-stylegan2", "seed": 57, "region": "mouth", "method": "lowrank", '
    '"forbid": true, "amounts": [4], "knob": 0}; '
    "region is a part's name or the text of core.regions.to_text; all but model may be left out."
)


ENDPOINTS = {
    "paint_picture": (
        shown_of,
        "The picture of a recipe, before and after, its words, link and knobs; finds them where need be.",
    ),
    "paint_strip": (
        lambda recipe: (finding.solve(recipe), strip(recipe))[1],
        "21 frames of the chosen knob, side by side.",
    ),
    "paint_other_faces": (
        lambda recipe: (finding.solve(recipe), last_of(experiments.faces(recipe)))[1],
        "The chosen knob on eight other pictures.",
    ),
    "paint_methods": (
        lambda recipe: last_of(experiments.compare(recipe)),
        "Four methods at equal change inside, as a table.",
    ),
    "paint_code": (
        lambda recipe: (finding.solve(recipe), dict(code=code(recipe)))[1],
        "Python that makes the same picture.",
    ),
}


def endpoints() -> None:
    """The tab's public endpoints: a recipe as JSON in, JSON out; pictures are data URIs of lossless WebP."""
    for name, (make, says) in ENDPOINTS.items():
        offer(make, Painted, name, f"{says} {RECIPE}", LONG)
