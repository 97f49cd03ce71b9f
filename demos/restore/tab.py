"""Restore: bring a picture back with many latent codes of a GAN, watch it happen, and measure what was invented.

Handlers are pure functions: a recipe in, pictures and sentences out. The page holds recipes, never tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from html import escape

import gradio as gr

from core import zoo
from core.images import animation, enlarge, png, to_pil, webp
from core.images import strip as side_by_side
from core.inversion.degradations import Shrink
from core.inversion.losses import psnr
from core.inversion.multicode import invert

from ..page import evidence as measured
from ..page import handlers as wiring
from ..page import models, own_pictures, words
from ..page.arrival import fitting
from ..page.blocks import data_uri, tiles
from ..page.cache import Cache
from ..page.export import png_of
from ..page.fields import RecipeError
from ..page.handlers import guarded, keyed, last_of, method_fold, offer, refused, take_away
from ..page.parts import LIVE, LONG, WATCH, Demo, cell, deliver, fold, limits, part, private, publish, text
from ..page.picture import opened as opened_model
from ..page.queue import QUEUE, waiting
from . import baselines as rivals
from . import evidence as restored
from . import experiments
from . import recipe as restorations
from . import search as restoring
from .experiments import uri
from .recipe import OWN, SHOWS, TASKS, Restoration
from .search import Found, Problem

TAB, TITLE = Restoration.tab, "Restore"
SCRIPTS = ("restore/restore", "restore/five", "restore/bench", "restore/controls", "restore/after")
EVENTS = ("start", "stop", "five", "layers", "mug", "knobs", "edit", "compare", "truth", "own", "forget")
TAKEN = {
    "picture": "Picture (PNG)",
    "strip": "Before, after, truth",
    "clip": "Clip of the search",
    "notebook": "Notebook",
}
TAKEN_SIDE = 256  # pixels of what is taken away, at least
RECORDED = ("five", "tasks", "layers", "mug", "columns", "pictures", "code")
_beside = Cache(1_000, lambda score: 1)
_brought: dict[str, str] = {}  # the own picture of each visitor, by its name


# --- a recipe in, pictures out


def answer(given: Mapping) -> dict:
    """What the page shows of a recipe: pictures as data URIs, words, link; `result` where it was found before.

    Bad input: only `error`, a sentence, and what was asked.
    """
    try:
        return dict(shown_of(restorations.Restoration.from_json(given)), asked=given)
    except RecipeError as error:
        return refused(error, asked=given)


def shown_of(recipe: Restoration) -> dict:
    """The same for a recipe that is one. Raises RecipeError, as for an own picture that was deleted."""
    problem, found = restoring.problem_of(recipe), restoring.known(recipe)
    return dict(
        recipe=recipe.as_dict(),
        query=recipe.query(),
        note=recipe.link_note(),
        before=uri(problem.observed),
        truth=uri(problem.truth) if problem.truth is not None else "",
        result=result_of(recipe, problem, found) if found else None,
        caption=caption(recipe),
        alt=alt_text(recipe),
        setup=setup_of(recipe),
    )


def setup_of(recipe: Restoration) -> dict:
    """What the controls need: what this network and this task offer."""
    card = zoo.card(recipe.model)
    return dict(
        models.facts(recipe.model),
        shows=list(restorations.shown_by(recipe.model)),
        losses=list(restorations.losses_of(recipe.model)),
        vgg=vgg_says(recipe),
        factors=list(restorations.factors(card.resolution)),
        kinds=list(restorations.KINDS.get(recipe.task, ())),
        range=restorations.RANGES.get(recipe.kind),
        last=len(opened_model(recipe.model).layers),
        observed=restorations.observed_side(recipe),
        layer=experiments.layer_name(recipe.model, recipe.layer),
        pictures=restorations.PICTURES,
    )


def vgg_says(recipe: Restoration) -> str:
    """What photographs are compared by on this machine, in a sentence; "" where the picture is none."""
    if not restorations.photographic(recipe):
        return ""
    if restorations.vgg_path() is None:
        return (
            "VGG-16 is not on this machine, so photographs are compared by pixels and SSIM: who has "
            "torchvision’s weights as safetensors puts them into "
            f"weights/{restorations.VGG_FILE}, or names the file in {restorations.VGG_VARIABLE}."
        )
    return "Photographs are compared by pixels and the features of the VGG-16 that was supplied here, up to relu3_3."


def result_of(recipe: Restoration, problem: Problem, found: Found) -> dict:
    """What the page shows of an answer:
    picture, film of the search, curve, importance of each code, scores, verdict.
    """
    importance = found.importances.abs().mean(1)
    scored = None if problem.truth is None else restoring.scores(recipe, found.image, problem.truth)
    rounded = (
        None
        if scored is None
        else {name: None if value is None else round(value, 3) for name, value in scored._asdict().items()}
    )
    return dict(
        src=uri(found.image),
        film=data_uri(webp(side_by_side(to_pil(found.film)))),
        film_steps=list(found.film_steps),
        curve=restoring.thinned(found.curve),
        steps=found.steps,
        seconds=round(found.seconds, 1),
        stopped=found.stopped,
        importance=[round(float(share), 4) for share in importance / importance.sum()],
        scores=rounded,
        verdict=verdict(recipe, problem, found, scored),
        meter=meter(recipe, scored),
    )


def verdict(recipe: Restoration, problem: Problem, found: Found, scored: restoring.Scores | None) -> str:
    """How close, beside what one would do without a GAN, on how many."""
    how = f"{found.steps} steps in {found.seconds:.1f} s" + (", stopped" if found.stopped else "")
    if scored is None:
        return f"Found in {how}. Nobody knows what the true picture was, so there is no closeness to give."
    if recipe.task == "fill":
        score, where = scored.inside, " in the hole"
    else:
        score, where = scored.psnr, ""
    beside = [f"{rivals.NAMES[name]} {value:.1f}" for name, value in beside_of(recipe, problem).items()]
    others = f" ({', '.join(beside)})" if beside else ""
    return f"Closeness to the truth{where}: {score:.1f} dB{others}, on this picture; {how}."


def beside_of(recipe: Restoration, problem: Problem) -> dict[str, float]:
    """Closeness of tools without a GAN, in dB, in the hole where there is one; those that are installed."""
    plain = replace(recipe, start=0, codes=1, layer=0, steps=1, loss="pixels", optimiser="adam", hints="")
    key = restoring.key_of(plain)
    found = _beside.get(key)
    if found is None:
        found = {}
        for name in rivals.tools_of(recipe):
            try:
                scored = restoring.scores(recipe, rivals.without_gan(name, recipe, problem), problem.truth)
            except RecipeError:
                continue
            found[name] = scored.inside if recipe.task == "fill" else scored.psnr
        _beside.put(key, found)
    return found


def meter(recipe: Restoration, scored: restoring.Scores | None) -> dict | None:
    """How well an own picture was copied, beside held-out renders; None where that is not asked or not known."""
    if recipe.shows != OWN or scored is None or recipe.task != "copy":
        return None
    return restored.meter(recipe.model, scored.psnr, one=recipe.codes == 1)


def alt_text(recipe: Restoration) -> str:
    """What is restored and how, for those who do not see it."""
    return f"{restorations.named(recipe)}, {damage(recipe)}"


def damage(recipe: Restoration) -> str:
    """What happened to the picture, in words."""
    if recipe.as_is:
        return "damaged already when it came"
    side = restorations.observed_side(recipe)
    noise = (
        f"{100 * recipe.amount:.0f} % of its pixels lost"
        if recipe.kind == "specks"
        else f"with noise of {recipe.amount * 127.5:.0f} levels"
    )
    return {
        "enlarge": f"shrunk {recipe.amount:g} times to {side} x {side} pixels ({recipe.kind})",
        "colour": "without its colours",
        "fill": "with a hole",
        "copy": "as it is",
        "noise": noise,
    }[recipe.task]


def caption(recipe: Restoration) -> str:
    said = alt_text(recipe)
    mixed = experiments.layer_name(recipe.model, recipe.layer)
    if recipe.codes == 1:
        codes = "One code" if recipe.layer == 0 else f"One code, its channels weighted {mixed}"
    else:
        codes = f"{recipe.codes} codes, " + ("the codes themselves mixed" if recipe.layer == 0 else f"mixed {mixed}")
    way = f" by {restorations.WAYS['official']}" if recipe.optimiser == "official" else ""
    return f"{said[:1].upper()}{said[1:]}. {codes}; compared: {restorations.LOSSES[recipe.loss]}{way and ';' + way}."


# --- a search, watched


ONE_AT_A_TIME = "This machine restores one picture at a time."
LEFT = "You left this search; it goes on for others who asked for the same."
UNBEGUN = "Stopped before its first step."


def told(recipe: Restoration, news: dict) -> dict:
    """One piece of news as the page shows it."""
    if "place" in news:
        return waiting(news, ONE_AT_A_TIME)
    truth = restoring.problem_of(recipe).truth
    closeness = "" if truth is None else f", closeness {float(psnr(news['image'], truth)):.1f} dB"
    left_ = f", about {max(1, round(news['left']))} s left" if news["i"] else ""
    return dict(
        src=uri(news["image"]),
        share=news["i"] / max(1, news["of"]),
        curve=news["curve"],
        says=f"Step {news['i']} of {news['of']}{left_}{closeness}",
    )


def search(recipe: Restoration, visitor: str) -> Iterator[dict]:
    """News while the picture is restored; last what `shown_of` says, with `done`. Raises RecipeError."""
    kept, says = restoring.known(recipe), UNBEGUN
    if kept is None or kept.stopped:
        for news in QUEUE.watch(restoring.key_of(recipe), lambda run: restoring.live(recipe, run), visitor):
            if "gone" in news:
                says = LEFT
            else:
                yield told(recipe, news)
    if restoring.known(recipe) is None:
        yield dict(ended=True, says=says)
        return
    yield dict(done=shown_of(recipe))


# --- what is taken away


def file_for(recipe: Restoration, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of what is taken away, a key of TAKEN. Raises RecipeError."""
    shared = recipe.shared()
    name = f"{recipe.task}-own" if recipe.shows == OWN else f"{recipe.task}-picture{recipe.picture}"
    if kind == "notebook":
        return restorations.notebook_for(shared, caption(shared)), f"{name}.ipynb"
    found, problem, card = needed(recipe), restoring.problem_of(recipe), zoo.card(recipe.model)
    if kind == "picture":
        return png_of(to_pil(found.image)[0], shared), f"{name}.png"
    times = max(1, TAKEN_SIDE // card.resolution)
    if kind == "clip":
        return animation([enlarge(one, times) for one in to_pil(found.film)], milliseconds=120), f"{name}.webp"
    side = card.resolution
    before = to_pil(problem.observed)[0].resize((times * side, times * side), 0)
    others = [found.image] if problem.truth is None else [found.image, problem.truth]
    return png(side_by_side([before, *(enlarge(to_pil(one)[0], times) for one in others)], gap=4)), f"{name}-strip.png"


def needed(recipe: Restoration) -> Found:
    """The answer, found now where only its record was shown."""
    kept = restoring.known(recipe)
    if kept is not None:
        return kept
    for _ in search(recipe, f"taking away {id(recipe)}"):
        pass
    kept = restoring.known(recipe)
    if kept is None:
        raise RecipeError("there is no restored picture yet: press Start first")
    return kept


# --- the tab


LIMITS = (
    "An answer that agrees with what is left of a picture need not be what was there: where nothing is known, "
    "the network invents what it has often seen. The bundled ones learned from cartoons drawn by a program; "
    "of photographs it will make cartoons. Never use a picture that was restored like this to recognise anybody."
)
EQUATION = (
    r"""
The picture $x$ comes from $N$ codes. Each runs through the first layers $G_1$; """
    r"""their feature maps are summed with one importance
$\alpha_{n,c}$ for each code and channel; the other layers $G_2$ draw the sum:

$$ x = G_2\Big(\sum_{n=1}^{N} \alpha_n \odot G_1(z_n)\Big), \qquad \sum_n \alpha_{n,c} = 1 . $$

Codes and importances are moved until what is left of $x$ looks like what was observed, $y$:

$$ \min_{z, \alpha}\; L\big(D(x),\, y\big), $$

where $D$ is what happened to the picture: grey, shrunk, with a hole, with known specks. """
    r"""$L$ compares pixels, and for copying and
filling the features of the critic that came with the network too, each pixel's scaled to unit length. Of photographs
that critic knows nothing: there it is pixels and SSIM, """
    r"""or the features of a VGG-16 up to relu3_3 where somebody supplied its weights.

**What agrees.** After shrinking by blocks, $x + U(y - D x)$ has the block means $y$: """
    r"""each block is shifted by one number (and clamped,
with the number that keeps the mean). In whole levels of 255, as pictures are shown and saved, """
    r"""it is so to within one level. A grey picture
keeps its lightness and takes the colours found.

Where the published code differs: it descends by plain gradient steps at rate 1, """
    r"""one code after the other, divides the mixture once more
by $N$, keeps the last picture, and takes 1500 to 3000 steps; """
    r"""here codes lie on their shell, importances sum to one, the best picture is
kept, and Adam or L-BFGS descends. Choose *plain gradient steps, as the published code* under "More controls": """
    r"""rate 1, the division by $N$
and nothing constrained, as there, for all codes at once; the best picture is kept there too.

Gu, Shen, Zhou, *Image Processing Using Multi-Code GAN Prior*, """
    r"""CVPR 2020 (arXiv 1912.07116); back-projection after Irani and
Peleg, CVGIP 1991.
"""
)
BARE_SENTENCE = "Many codes of a network together bring a damaged picture back."
BARE_LEAD = "Find five answers to what is left of one picture: they differ where nothing is known of it."


def arrival() -> dict:
    """What the tab shows before anything is computed: as recorded for these weights, or a bare recipe."""
    found = fitting(TAB, Restoration.default_model(), made_from, RECORDED)
    if found is None:
        model = restorations.Restoration.default_model()
        return dict(recipe=restorations.Restoration.unread(model), five={}, tasks={}, layers={}, mug={}, code="")
    pictures = found["pictures"]
    cut = {name: tiles(pictures[name], columns) for name, columns in found["columns"].items()}
    tasks = {
        task: dict(
            one,
            before=pictures[f"before-{task}"],
            truth=cut["results"][i][1],
            result=dict(one["result"], src=cut["results"][i][0], film=pictures[f"film-{task}"]),
        )
        for i, (task, one) in enumerate(found["tasks"].items())
    }
    five = dict(
        found["five"],
        **_words_of(found["recipe"]),
        faces=cut["five"][0][:5],
        truth=cut["five"][0][5],
        hard=True,
        observed=pictures["observed"],
        key="arrival",
    )
    rows = [
        dict(row, cells=[dict(one, src=src) for one, src in zip(row["cells"], cut["layers"][i])])
        for i, row in enumerate(found["layers"]["rows"])
    ]
    layers = dict(found["layers"], rows=rows, truth=tasks["copy"]["truth"], key="arrival")
    mug = dict(
        found["mug"],
        key="arrival",
        truths=dict(zip(("face", "mug"), cut["mug"][0])),
        rows=[
            dict(row, **{name: dict(row[name], src=cut["mug"][1 + i][k]) for k, name in enumerate(("face", "mug"))})
            for i, row in enumerate(found["mug"]["rows"])
        ],
    )
    return dict(recipe=tasks["enlarge"]["recipe"], five=five, tasks=tasks, layers=layers, mug=mug, code=found["code"])


def _words_of(recipe: Mapping) -> dict:
    """The words above the five answers of a record, from its plain values: no network is opened for them."""
    side = zoo.card(recipe["model"]).resolution // int(recipe["amount"] or 1)
    portraits = recipe["shows"] == "portraits"
    return experiments.words_of_five(recipe["task"], recipe["kind"], side, portraits=portraits, own=False, known=True)


def made_from(model: str) -> dict[str, str]:
    """sha256 of all that the words of this tab rest on; "" where there is none."""
    return dict(measured.made_from(model), critic=restored.critic_hash(model))


def tab() -> Demo:
    """Builds the tab inside the page's `gr.Tabs`; everything it shows at first is recorded."""
    shown = arrival()
    recipe, model = shown["recipe"], shown["recipe"]["model"]
    base = dict(version=1, model=model, seed=0, psi=zoo.card(model).psi, label=0)
    with gr.Tab(TITLE, id=TAB), gr.Column(elem_classes="tab"):
        notice = wiring.notice(TAB)
        first = shown["five"] or dict(sentence=BARE_SENTENCE, lead=BARE_LEAD)
        text(
            f'<h2 class="sentence" id="restore-sentence">{escape(first["sentence"])}</h2>'
            f'<p class="lead" id="restore-lead">{escape(first["lead"])}</p>'
        )
        parts = dict(
            bus=part(TAB, "recipe", recipe, events=EVENTS, visible="hidden"),
            base=part(TAB, "base", base, visible="hidden"),
            run=part(TAB, "run", {}, visible="hidden"),
        )
        parts["five"] = part(TAB, "five", shown["five"])
        with (
            cell(
                "Restore a picture",
                "Choose what happened to it, then watch the numbers behind the picture being found.",
            ),
            gr.Row(elem_classes="bench"),
        ):
            with gr.Column(scale=7, min_width=320):
                parts["stage"] = part(TAB, "stage", dict(tasks=shown["tasks"], names=TASKS))
            with gr.Column(scale=4, min_width=280):
                part(TAB, "controls", dict(words=words.table(), shows=SHOWS))
                models.picker(TAB, parts["base"])
        with cell(
            "What does each layer know?",
            "One picture copied with 1, 5 and 10 codes, mixed early and late in the network.",
        ):
            parts["layers"] = part(TAB, "layers", shown["layers"])
        with cell(
            "Can a face network draw a mug?",
            "It has only ever seen faces. Where codes are mixed early it has to draw with what it knows.",
        ):
            parts["mug"] = part(TAB, "mug", shown["mug"])
        with cell("Edit what was restored", "Steer’s knobs on the picture above: all of its codes move together."):
            parts["edit"] = part(TAB, "edit", {})
        with cell(
            "My own picture",
            "Your picture is kept on this machine, in memory alone, for at most "
            f"{own_pictures.SECONDS // 60} minutes, then deleted.",
        ):
            parts["own"] = part(TAB, "own", {})
        folds = _folds(parts, shown["code"])
        limits(LIMITS)
    _wire(parts)
    _wire_files(parts)
    return Demo(TAB, (opened, [parts["bus"], parts["run"], *folds, notice]), endpoints, left)


def _folds(parts: dict, code_of_arrival: str) -> list[gr.Accordion]:
    with fold(TAB, "more") as more:
        part(TAB, "more", dict(words=words.table(), losses=restorations.LOSSES, ways=restorations.WAYS))
    with fold(TAB, "compare") as compare:
        parts["compare"] = part(TAB, "compare", {})
    with fold(TAB, "true") as true:
        parts["truth"] = part(TAB, "truth", {})
    method = method_fold(TAB, EQUATION, {"restore-source": invert, "restore-source-agreeing": Shrink.agreeing})
    with fold(TAB, "take") as take:
        parts.update(take_away(TAB, TAKEN, code_of_arrival))
    return [more, compare, true, method, take]


# --- wiring: a handler that fails says a sentence, and changes nothing


def in_turn(name: str, make: Callable, about: Callable[[Restoration], dict] = lambda recipe: {}) -> Callable:
    """`make(recipe, event)`, a stream of plain values that computes for long:
    it waits for its turn, and can be stopped.

    about: what stands in every piece, from the first one on, while it waits too.
    """

    def run(given, event: gr.EventData, request: gr.Request):
        try:
            recipe = restorations.Restoration.from_json(getattr(event, "recipe", given))
            always, key = about(recipe), (name, recipe.as_dict(), getattr(event, "first", 0))
            for piece in QUEUE.pieces(
                key, lambda _run: make(recipe, event), str(request.session_hash), name, why=ONE_AT_A_TIME
            ):
                yield {**always, **piece, "key": event.key}
        except RecipeError as error:
            yield refused(error, key=event.key)

    return run


def live(given: Mapping) -> tuple:
    """The answer and the code of the picture; after bad input the code stays."""
    said = answer(given)
    if "error" in said:
        return said, gr.skip()
    return said, restorations.code_for(restorations.Restoration.from_json(given).shared())


def starting(given: Mapping, event: gr.EventData, request: gr.Request) -> Iterator[dict]:
    """The search of what is on the visitor's screen, watched."""
    try:
        for news in search(restorations.Restoration.from_json(given), str(request.session_hash)):
            yield dict(news, key=event.key)
    except RecipeError as error:
        yield refused(error, key=event.key)
    except Exception:
        yield dict(
            error="The picture could not be restored: something broke on the server. Press Start to try again.",
            key=event.key,
        )
        raise


def brought(event: gr.EventData, request: gr.Request) -> dict:
    """A visitor's picture; the one before is deleted."""
    try:
        own = own_pictures.take(own_pictures.from_uri(event.picture))
    except RecipeError as error:
        return refused(error)
    forgotten(request)
    _brought[str(request.session_hash)] = own.token
    return own_pictures.as_shown(own)


def forgotten(request: gr.Request) -> dict:
    """Deletes the visitor's picture now."""
    token = _brought.pop(str(request.session_hash), None)
    if token:
        own_pictures.forget(token)
    return dict(forgotten=True)


def stop(event: gr.EventData, request: gr.Request) -> None:
    """Ends what the visitor has running of one kind, "search" or an experiment; the rest goes on."""
    QUEUE.stop(str(request.session_hash), event.kind)


def left(request: gr.Request) -> None:
    """The visitor closed the page: their work ends, their picture is deleted."""
    QUEUE.leave(str(request.session_hash))
    forgotten(request)


def _wire(parts: dict) -> None:
    bus = parts["bus"]
    bus.change(live, bus, [parts["stage"], parts["code"]], **private("restore_answer", LIVE))
    bus.start(starting, bus, parts["run"], **private("restore_search", WATCH))
    bus.stop(stop, None, None, **private("restore_stop_search", LIVE))
    for name, make in (
        ("five", lambda recipe, event: experiments.five(recipe, int(event.first) % restorations.STARTS)),
        ("layers", lambda recipe, event: experiments.layers(recipe)),
        ("mug", lambda recipe, event: experiments.mugs(recipe)),
        ("compare", lambda recipe, event: experiments.compare(recipe)),
    ):
        about = dict(five=experiments.asked_of_five).get(name, lambda recipe: {})
        getattr(bus, name)(in_turn(name, make, about), bus, parts[name], **private(f"restore_{name}", WATCH))
    bus.knobs(
        keyed(
            restorations.Restoration.from_json,
            lambda recipe, event: (needed(recipe), dict(knobs=experiments.knobs(recipe.model)))[1],
        ),
        bus,
        parts["edit"],
        **private("restore_knobs", LONG),
    )
    bus.edit(
        keyed(restorations.Restoration.from_json, lambda recipe, event: experiments.edited(recipe, event.amounts)),
        bus,
        parts["edit"],
        **private("restore_edit", LIVE),
    )
    bus.truth(
        keyed(restorations.Restoration.from_json, lambda recipe, event: dict(html=restored.truth_html(recipe.model))),
        bus,
        parts["truth"],
        **private("restore_truth", LONG),
    )
    bus.own(brought, None, parts["own"], **private("restore_own", LIVE))
    bus.forget(forgotten, None, parts["own"], **private("restore_forget", LIVE))


def _wire_files(parts: dict) -> None:
    for kind in TAKEN:
        make = guarded(lambda given, kind=kind: taken(restorations.Restoration.from_json(given), kind))
        deliver(parts[f"take_{kind}"], make, [parts["bus"]], parts["outlet"], f"restore_take_{kind}")


def taken(recipe: Restoration, kind: str) -> str:
    """A file that the page may serve.

    Of an own picture nothing is written: its answer is saved by the browser alone.
    """
    if recipe.shows == OWN and kind != "notebook":
        raise RecipeError(
            "what was made of your own picture is never written to this machine’s disk: press Save under the picture"
        )
    return publish(*file_for(recipe, kind))


def opened(request: gr.Request) -> tuple:
    return wiring.opened(request, TAB, Restoration, key="link")


def warm() -> None:
    """The first search in a process is slow: done ahead of the first visitor, where nobody waits."""
    model = restorations.Restoration.default_model()
    if model:
        restoring.warm(model)


# --- the same, for programs


RECIPE = (
    'recipe: {"model": "portraits-stylegan2", "task": "enlarge", "picture": 0, "amount": 4, "codes": 10}; '
    "task is enlarge, colour, fill, noise or copy; all but model may be left out."
)


ENDPOINTS = {
    "restore_picture": (
        lambda recipe: last_of(search(recipe, f"program {id(recipe)}")).get("done", {}),
        "The restored picture of a recipe with its scores, before and truth; finds it where need be.",
    ),
    "restore_answers": (
        lambda recipe: last_of(experiments.five(recipe)),
        "Five answers from five starts that agree with what was observed.",
    ),
    "restore_code": (
        lambda recipe: dict(code=restorations.code_for(recipe.shared())),
        "Python that restores the same picture.",
    ),
}


def endpoints() -> None:
    """The tab's public endpoints: a recipe as JSON in, JSON out; pictures are data URIs of lossless WebP."""
    for name, (make, says) in ENDPOINTS.items():
        offer(make, Restoration, name, f"{says} {RECIPE}", WATCH)
