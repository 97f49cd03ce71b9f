"""The tab Paint without a browser:
what a recipe turns into, how knobs are found and shared, and what bad input says.
"""

from __future__ import annotations

import csv
import io
import json
import re
import threading
import time
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest
import torch
from PIL import Image

import app
from core import zoo
from core.checkpoints import native
from core.codes import Directions, edit
from core.factorization import region
from core.factorization.files import load_directions, save_directions
from core.factorization.jacobian import grams
from core.factorization.lowrank import lowrank_of
from core.images import to_uint8
from core.queue import QUEUE
from core.regions import Box, from_text, to_text
from core.truth.worlds.portraits import FACTORS
from demos.page import handlers as wiring
from demos.page import picture as recipes
from demos.page import tab as page
from demos.page import words
from demos.page.cells import Cell, Progress, last_of, run_of, table_file
from demos.page.export import directions_file
from demos.page.fields import RecipeError
from demos.page.stage import film_part
from demos.paint import experiments, layers
from demos.paint import recipe as painted
from demos.paint import search as finding
from demos.paint import tab as lowrank
from demos.paint import words as said_by
from demos.paint.recipe import Painted
from demos.steer.recipe import Recipe
from demos.steer.recipe import render as steer_render
from demos.steer.tab import TAB as STEER

from .. import tiny
from ..support import MODEL, SIDE, Event, pixels

MOUTH, EYES = Box(0.5, 0.25, 0.75, 0.75).mask(SIDE), Box(0.125, 0.125, 0.375, 0.875).mask(SIDE)


class PlantedParts:
    """A part reader that finds a mouth and eyes at fixed places, and glasses only where a picture is bright."""

    resolution, names = SIDE, ("background", "mouth", "eyes", "glasses")

    def masks(self, images: torch.Tensor) -> torch.Tensor:
        bright = images.mean((1, 2, 3)) > 0
        glasses = EYES & bright[:, None, None]
        eyes, mouth = EYES & ~glasses, MOUTH.expand(len(images), -1, -1)
        return torch.stack([~(glasses | eyes | mouth), mouth, eyes, glasses], 1)


@pytest.fixture(autouse=True)
def planted_parts(small_model, monkeypatch):
    """The small network has a planted part reader, and no knobs are known of it."""
    (small_model / "portraits-parts.safetensors").touch()
    monkeypatch.setattr(zoo, "load_part_reader", lambda world: PlantedParts())
    for kept in (finding._jacobians, finding._solved, finding._said, lowrank._drawn, said_by._names, lowrank._compared):
        kept.values.clear()


def live(given) -> dict:
    """What the page's script gets for a recipe."""
    return page.live(lowrank.TAB, given)[0]


def shown_of(recipe: Painted) -> dict:
    """What programs get: the answer once the knobs are there."""
    return page.endpoints_of(lowrank.TAB)["paint_picture"].make(recipe)


def cell(name: str) -> Cell:
    return next(one for one in lowrank.TAB.cells if one.name == name)


def stream(recipe: Painted, **values: float) -> list:
    return list(lowrank.prepare(recipe, values))


def turned(**changes) -> Painted:
    return Painted(MODEL, **{"seed": 5, "amounts": (1.5,), **changes})


def truth(recipe: Painted, amounts) -> torch.Tensor:
    """The independent picture: the paper's steps with the core alone, [1, 3, R, R]."""
    generator = zoo.load(MODEL)
    codes = generator.codes(generator.sample(1, recipe.seed), psi=recipe.psi)
    found = grams(generator, codes, MOUTH)
    directions = lowrank_of(found).directions
    energy = torch.einsum("kd,de,ke->k", directions.vectors, found.inside, directions.vectors)
    numbers = finding.solve(recipe).numbers
    distances = torch.zeros(len(directions), dtype=torch.float64)
    for number, amount in zip(numbers, amounts):
        distances[number] = amount * 0.05 / energy[number].sqrt()
    with torch.no_grad():
        return generator(edit(codes, directions, distances.tolist())).clamp(-1, 1)


# --- the recipe


CHEQUERED = to_text(torch.arange(64)[:, None] + torch.arange(64) & 1 == 0)


@pytest.mark.parametrize(
    "recipe",
    [
        dict(),
        dict(region="eyes", psi=0.35, forbid=False, lam=0.05, layers="coarse", size=8, amounts=(-6, 0, 2.5), knob=2),
        dict(region=CHEQUERED, method="resefa"),
        dict(region=to_text(Box(0, 0, 0.1, 0.2).mask(64)), method="official"),
    ],
)
def test_a_recipe_survives_json_and_its_link_which_is_under_a_kilobyte(recipe):
    made = turned(**recipe)
    assert painted.Painted.from_json(json.dumps(made.as_dict())) == made == painted.Painted.from_json(made.as_dict())
    link = made.link()
    assert len(link) < 1000 and painted.Painted.from_query(dict(parse_qsl(urlsplit(link).query))) == made


@pytest.mark.parametrize(
    "wrong",
    [
        dict(region="nose"),
        dict(region="r!!"),
        dict(region=5),
        dict(region="rAAAA"),
        dict(lam=-1),
        dict(lam="nan"),
        dict(size=17),
        dict(size=-1),
        dict(amounts=[7]),
        dict(amounts=[1] * 5),
        dict(method="sefa"),
        dict(forbid="perhaps"),
        dict(knob=4),
        dict(seed="x"),
        dict(psi=2),
        dict(layers="99"),
        dict(model="nobody"),
        dict(tab="steer"),
        dict(version=9),
        dict(surprise=1),
    ],
)
def test_a_wrong_value_gets_a_sentence_that_says_what_is_possible(wrong):
    answered = live({**turned().as_dict(), **wrong})
    said = answered["error"]
    assert set(answered) == {"error", "asked"} and len(said) > 30 and said[0].isupper()
    assert any(word in said for word in ("choose", "give", " has ", "reads version", "paint")) and "Error" not in said


def test_without_a_region_there_is_a_default_one():
    assert Painted(MODEL, region="").region == "mouth"


def test_a_network_without_a_part_reader_can_be_painted_only(small_model):
    (small_model / "portraits-parts.safetensors").unlink()
    assert from_text(Painted(MODEL, region="").region).any()
    with pytest.raises(RecipeError, match="no part reader: paint a region"):
        Painted(MODEL, region="mouth")


# --- knobs: found, kept, shown


def test_nothing_is_solved_for_a_look_and_resefa_comes_before_lowrank():
    recipe = turned()
    before = live(recipe.as_dict())
    assert before["setup"]["ready"] is False and before["src"] == "" and before["verdict"] == ""
    assert not before["exact"]
    assert set(before["setup"]["parts"]) == {"background", "mouth", "eyes"} or "glasses" in before["setup"]["parts"]
    assert not finding._jacobians.values, "a look computes nothing"
    last = stream(recipe, turn=0, agreed=0)[-1]["answer"]
    assert last["recipe"] == recipe.as_dict() and finding.known(replace(recipe, method="resefa")) is not None
    after = live(recipe.as_dict())
    assert after["setup"]["ready"] and after["exact"] and 1 <= len(after["setup"]["knobs"]) <= painted.KNOBS
    assert "forbidden to touch anything else" in after["sentence"] and "the mouth" in after["sentence"]


def test_the_stream_brings_resefa_s_knobs_then_lowrank_s_each_turned_and_drawn():
    recipe = turned(amounts=())
    pieces = stream(recipe, turn=1, agreed=0)
    answers = [piece["answer"] for piece in pieces if isinstance(piece, dict)]
    assert isinstance(pieces[0], Progress) and [one["recipe"]["method"] for one in answers] == ["resefa", "lowrank"]
    assert [one["asked"] for one in answers] == [recipe.as_dict(), answers[0]["recipe"]], "each follows the one before"
    for one in answers:
        shown = Painted.from_json(one["recipe"])
        knobs = finding.solve(shown)
        assert shown.amounts == (pytest.approx(0.6 * knobs.reach(0), abs=0.051), 0, 0, 0) and one["late"]
        expected = to_uint8(finding.render(shown, knobs, [shown.amounts]))[0]
        assert np.abs(pixels(one["src"]).astype(int) - expected).max() <= 1 and one["src"] != one["before"]


def test_a_recipe_whose_knobs_are_turned_already_is_drawn_as_it_stands():
    recipe = turned(amounts=(-1.0,))
    answers = [piece["answer"] for piece in stream(recipe, turn=0, agreed=0) if isinstance(piece, dict)]
    assert [one["recipe"] for one in answers] == [recipe.as_dict()], "nothing stands in for what was asked"


def test_the_picture_is_the_paper_s_and_another_amount_is_not():
    recipe = turned()
    finding.solve(recipe)
    shown = pixels(live(recipe.as_dict())["src"]).astype(int)
    assert np.abs(shown - to_uint8(truth(recipe, recipe.amounts))[0]).max() <= 1
    assert np.abs(shown - to_uint8(truth(recipe, (-1.5,)))[0]).max() > 8


def test_one_step_changes_the_region_by_a_twentieth_at_first_order():
    recipe, generator = turned(), zoo.load(MODEL)
    knobs, codes = finding.solve(recipe), recipes.own_codes(recipe)
    with torch.no_grad():
        before, after = generator(codes)[0], generator(edit(codes, knobs.directions, [0.1 * knobs.steps[0]]))[0]
    squared = (after - before).square().mean(0)
    assert float(squared[MOUTH].mean().sqrt()) == pytest.approx(0.1 * 0.05, rel=0.1)
    assert float((squared[MOUTH].mean() / squared[~MOUTH].mean()).sqrt()) == pytest.approx(knobs.ratio[0], rel=0.2)


def test_the_ban_on_and_off_are_two_pictures_and_the_numbers_are_theirs():
    recipe = turned(amounts=(0.5,))
    finding.solve(recipe)
    found = last_of(cell("ban"), recipe)
    before = pixels(found["before"]).astype(float) / 127.5
    for side in found["sides"]:
        drawn = shown_of(replace(recipe, forbid=side["forbid"]))
        assert side["picture"] == drawn["src"] and ("forbidden" in drawn["sentence"]) == side["forbid"]
        squared = ((pixels(side["picture"]) / 127.5 - before) ** 2).mean(2)
        assert squared[MOUTH.numpy()].mean() ** 0.5 == pytest.approx(side["inside"], abs=0.005)
        assert squared[~MOUTH.numpy()].mean() ** 0.5 == pytest.approx(side["outside"], abs=0.005)
    on, off = found["sides"]
    assert on["picture"] != off["picture"] and "without it" in found["verdict"]


@pytest.mark.parametrize("method", ["resefa", "official"])
def test_the_other_methods_have_knobs_too_and_the_code_on_the_page_makes_them(method, tmp_path, monkeypatch):
    for forbid in (True, False):
        recipe = turned(method=method, forbid=forbid)
        finding.solve(recipe)
        assert_code_draws(recipe, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict(forbid=False),
        dict(layers="0-2"),
        dict(size=8),
        dict(lam=0.2),
        dict(region=to_text(Box(0.3, 0.3, 0.6, 0.6).mask(64))),
    ],
)
def test_the_code_on_the_page_makes_the_picture(changes, tmp_path, monkeypatch):
    recipe = turned(**changes)
    finding.solve(recipe)
    assert_code_draws(recipe, tmp_path, monkeypatch)


def assert_code_draws(recipe: Painted, folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(page.code_for(lowrank.TAB, recipe), "<the page>", "exec"), {})
    made = np.asarray(Image.open("picture.png").convert("RGB")).astype(int)
    assert np.abs(made - pixels(shown_of(recipe)["src"])).max() <= 1


def test_a_strip_goes_from_one_end_of_the_knob_to_the_other():
    recipe = turned()
    knobs = finding.solve(recipe)
    film = film_part(lowrank.STAGE, recipe)
    sheet = pixels(film["src"]).astype(int)
    assert film["frames"] == 21 and sheet.shape[1] == 21 * SIDE
    for frame, side in ((0, -1), (20, 1)):
        expected = to_uint8(finding.render(recipe, knobs, [(side * knobs.reach(0),)]))[0]
        assert np.abs(sheet[:, frame * SIDE : (frame + 1) * SIDE] - expected).max() <= 1


def test_the_film_of_a_slow_network_comes_a_frame_at_a_time_the_middle_first(monkeypatch):
    recipe, drawn, draw = turned(), [], lowrank.render
    finding.solve(recipe)
    whole = pixels(film_part(lowrank.STAGE, recipe, 9)["src"])
    monkeypatch.setattr(lowrank, "render", lambda *given, **how: drawn.append(given) or draw(*given, **how))
    pieces = lowrank.slow_film(recipe)
    first = pixels(next(pieces)["src"])
    assert len(drawn) == 1, "somebody waits: one picture has to do"
    middle = whole[:, 4 * SIDE : 5 * SIDE]
    assert np.array_equal(first, np.tile(middle, (1, 9, 1))), "missing frames show their neighbour"
    rest = [pixels(piece["src"]) for piece in pieces]
    assert len(drawn) == 9 and len(rest) == 8 and np.array_equal(rest[-1], whole)
    assert not any(np.array_equal(one, whole) for one in (first, *rest[:-1]))


# --- odd regions


def test_a_whole_picture_has_nothing_to_forbid_and_says_so():
    recipe = turned(region=to_text(torch.ones(64, 64, dtype=torch.bool)), amounts=(1,))
    said = shown_of(recipe)
    assert "whole picture" in said["sentence"] and said["ratio"] is None and "nothing outside" in said["verdict"]
    json.dumps(said, allow_nan=False)


def test_one_pixel_is_a_region_and_an_empty_one_is_not():
    pixel = torch.zeros(64, 64, dtype=torch.bool)
    pixel[20, 20] = True
    assert shown_of(turned(region=to_text(pixel), amounts=()))["verdict"]
    with pytest.raises(RecipeError, match="paint the region again"):
        Painted(MODEL, region="rAAC")
    with pytest.raises(ValueError, match="region is empty"):
        to_text(torch.zeros(64, 64, dtype=torch.bool))


def test_a_part_that_is_not_on_the_picture_is_refused_with_those_that_are():
    seed = next(seed for seed in range(50) if "glasses" not in painted.parts_of(Painted(MODEL, seed=seed)))
    said = live(Painted(MODEL, seed=seed, region="glasses").as_dict())["error"]
    assert "no glasses on this picture" in said and "mouth, eyes" in said


def test_a_region_without_knobs_is_a_finding_that_says_how_it_is_known(monkeypatch):
    monkeypatch.setattr(region, "FURTHEST", 0.0)
    recipe = turned(amounts=())
    said = shown_of(recipe)
    assert said["setup"]["knobs"] == [] and said["setup"]["ready"] and "refuses" in said["sentence"]
    if "error" in said:
        assert said["finding"] == said["verdict"] and "cannot" not in said["error"]
    else:
        assert "Nothing here can be moved alone" in said["finding"]
    assert "rank inside" in said["finding"] and "standard deviations" in said["finding"]
    with pytest.raises(RecipeError, match="no knob to turn"):
        shown_of(turned())


# --- memory, Stop, visitors


def test_what_does_not_fit_is_said_before_it_starts_with_the_size_that_would(monkeypatch):
    generator = zoo.load(MODEL)
    from core.factorization.jacobian import bytes_needed

    monkeypatch.setattr(finding, "available_memory", lambda: bytes_needed(generator, size=8))
    recipe = turned()
    plan = live(recipe.as_dict())["setup"]["plan"]
    assert plan["asks"] and plan["size"] == 8 and "MB" in plan["says"] and "at 8 pixels" in plan["says"]
    with pytest.raises(RecipeError, match="at 8 pixels a side it fits"):
        finding.solve(recipe)
    assert not finding._jacobians.values, "nothing was computed before the word was given"
    assert finding.solve(replace(recipe, size=8)).steps
    monkeypatch.setattr(finding, "available_memory", lambda: 1)
    finding._jacobians.values.clear()
    assert live(turned(seed=6).as_dict())["setup"]["plan"]["size"] is None


def test_two_who_ask_for_the_same_share_one_computation(monkeypatch):
    begun, steps = [], finding._steps

    def slow(recipe, key):
        begun.append(key)
        time.sleep(0.4)
        yield from steps(recipe, key)

    monkeypatch.setattr(finding, "_steps", slow)
    found: list[region.RegionKnobs] = []
    threads = [threading.Thread(target=lambda: found.append(finding.solve(turned()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(begun) == 1 and len(found) == 2 and found[0] is found[1]
    finding.solve(turned(region="background"))
    assert len(begun) == 2, "another region is another computation, or this test sees nothing"


def test_who_leaves_the_stream_ends_the_search_and_the_next_begins_anew(monkeypatch):
    steps, going = finding._steps, threading.Event()

    def endless(recipe, key):
        for i in range(10_000):
            going.set()
            time.sleep(0.01)
            yield dict(says=f"step {i}", share=0.0)

    monkeypatch.setattr(finding, "_steps", endless)
    recipe = turned()
    news = lowrank.prepare(recipe, dict(turn=0, agreed=0))
    assert next(news).says and going.wait(5)
    news.close()
    deadline = time.monotonic() + 5
    while QUEUE.line and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not QUEUE.line, "nobody watches, so it ended"
    monkeypatch.setattr(finding, "_steps", steps)
    assert stream(recipe, turn=0, agreed=0)[-1]["answer"]["setup"]["ready"]


def test_what_costs_much_begins_once_the_visitor_agreed_and_at_the_size_that_fits(monkeypatch):
    from core.factorization.jacobian import bytes_needed

    generator = zoo.load(MODEL)
    monkeypatch.setattr(finding, "available_memory", lambda: bytes_needed(generator, size=8))
    recipe = turned(amounts=())
    assert stream(recipe, turn=1, agreed=0) == [] and not finding._jacobians.values
    answers = [piece["answer"] for piece in stream(recipe, turn=1, agreed=1) if isinstance(piece, dict)]
    assert {one["recipe"]["size"] for one in answers} == {8} and answers[0]["asked"] == recipe.as_dict()


# --- experiments


def test_on_other_faces_the_part_is_read_anew_and_a_missing_one_is_said():
    seed = next(seed for seed in range(50) if "eyes" in painted.parts_of(Painted(MODEL, seed=seed)))
    recipe = turned(region="eyes", seed=seed)
    finding.solve(recipe)
    found = last_of(cell("faces"), recipe)
    there = [row["there"] for row in found["rows"]]
    seeds = range(experiments.FIRST_FACE, experiments.FIRST_FACE + experiments.FACES)
    assert there == ["eyes" in painted.parts_of(Painted(MODEL, seed=seed, region="mouth")) for seed in seeds]
    assert found["verdict"].startswith("On ") and f"of {sum(there)} other pictures" in found["verdict"]
    for row in found["rows"]:
        assert (row["region"] != "") == row["there"] and len(row["pictures"]) == 2


def test_an_experiment_is_shared_only_by_who_asks_for_the_same_amount():
    """Who joins the other's work gets its result, so that all that the result depends on is named."""
    cells = {one.name: one for one in lowrank.TAB.cells}
    for name in ("ban", "faces"):
        half, whole = turned(amounts=(0.5,)), turned(amounts=(1.0,))
        assert last_of(cells[name], half) != last_of(cells[name], whole)
        assert [getattr(half, field) for field in cells[name].rests_on] != [
            getattr(whole, field) for field in cells[name].rests_on
        ]


def test_methods_are_compared_at_equal_change_inside_and_leave_as_csv_and_latex():
    recipe = turned()
    finding.solve(recipe)
    rows = last_of(cell("compare"), recipe)["rows"]
    assert [row[0].split()[0].strip(",") for row in rows] == ["LowRankGAN", "LowRankGAN", "ReSeFa", "SeFa", "random"]
    assert all(float(row[3]) == pytest.approx(0.05, rel=0.05) for row in rows)
    ratios = {row[0]: float(row[5]) for row in rows}
    assert ratios["ReSeFa, best of its first 5"] > ratios[f"random, best of {painted.TRIED}"]
    assert_tables_agree(recipe, columns=6)


def assert_tables_agree(recipe: Painted, *, columns: int) -> list[list[str]]:
    """The table on the page, as CSV and as LaTeX: the same cells, the head among them;
    they, without their sign's shape.
    """

    def plain(text: str) -> str:
        return unescape(text).replace("\u2212", "-").replace("$-$", "-")

    table = last_of(cell("compare"), recipe)["html"].partition("<thead>")[2]
    page = [
        [plain(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in table.split("</tr>")
        if "<t" in row and "<tr" in row
    ]
    exported = {kind: table_file(cell("compare"), recipe, kind)[0].decode() for kind in ("csv", "latex")}
    lines = [line.removesuffix(r" \\") for line in exported["latex"].splitlines() if line.endswith(r"\\")]
    latex = [[plain(cell) for cell in line.split(" & ")] for line in lines]
    assert latex == page == list(csv.reader(io.StringIO(exported["csv"])))
    assert len(page) == 6 and {len(row) for row in page} == {columns}
    assert "-" not in {cell for row in page for cell in row}
    assert r"\begin{tabular}{" + "lrrrrrl"[:columns] + "}" in exported["latex"] and r"\toprule" in exported["latex"]
    assert "\u2212" not in exported["csv"] and "\u2212" not in exported["latex"]
    assert "%" not in exported["latex"].partition("\n")[2].replace(r"\%", ""), "but for the line that names its package"
    return page


class PlantedReader(torch.nn.Module):
    """Reads the mean of the picture as its second factor, turned round, and nothing else."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        read = torch.zeros(len(images), len(FACTORS))
        read[:, 1] = -images.mean((1, 2, 3))
        return read


def test_the_column_of_what_moves_is_filled_by_the_reader_and_left_out_without_one(small_model, monkeypatch):
    recipe = turned()
    finding.solve(recipe)
    assert "moves most" not in assert_tables_agree(recipe, columns=6)[0][-1]
    (small_model / "portraits-reader.safetensors").touch()
    monkeypatch.setattr(zoo, "load_reader", lambda world, which="": PlantedReader())
    lowrank._compared.values.clear()
    page = assert_tables_agree(recipe, columns=7)
    assert page[0][-1].startswith("moves most")
    assert all(row[-1].startswith(f"{FACTORS[1].description} ") for row in page[1:])
    assert any(" -0." in row[-1] for row in page[1:]) or any(" +0." in row[-1] for row in page[1:])


# --- every sentence is true of what is on screen


@pytest.mark.parametrize(
    "changes, says, never",
    [
        (dict(), "moves the mouth and is forbidden to touch anything else", "lifted"),
        (dict(forbid=False), "the ban is lifted: it moves the mouth and may touch anything else", "forbidden"),
        (dict(method="resefa"), "as much as it can for what it changes elsewhere", "forbidden"),
        (dict(method="resefa", forbid=False), "as much as it can, whatever it changes elsewhere", "forbidden"),
        (dict(method="official"), "is forbidden to touch anything else", "lifted"),
        (dict(region=to_text(Box(0.3, 0.3, 0.6, 0.6).mask(64))), "moves what was painted and is forbidden", "you"),
        (dict(region=painted.CORNER), "the upper left corner", "painted"),
    ],
)
def test_the_first_sentence_says_what_a_knob_of_this_method_may_do(changes, says, never):
    recipe = turned(**{"amounts": (), **changes})
    before = live(recipe.as_dict())["sentence"]
    assert before.startswith("The outlined region has no knobs yet. Each of ")
    assert painted.METHODS[recipe.method] in before
    after = shown_of(recipe)
    assert (says in after["sentence"] or "refuses" in after["sentence"]) and never not in after["sentence"]
    one_rule = before.endswith(after["sentence"].rpartition(": it ")[2])
    assert "refuses" in after["sentence"] or one_rule, "one rule before and after"


@pytest.mark.parametrize(
    "changes, says",
    [
        (dict(), "This network cannot move the mouth alone: here it refuses."),
        (dict(forbid=False), "LowRankGAN finds no knob that moves the mouth visibly, even though the ban is lifted."),
        (dict(method="resefa"), "ReSeFa finds no knob that moves the mouth visibly."),
    ],
)
def test_without_knobs_the_sentence_says_which_method_found_none(changes, says, monkeypatch):
    monkeypatch.setattr(region, "FURTHEST", 0.0)
    assert shown_of(turned(amounts=(), **changes))["sentence"] == says


def test_only_lowrank_is_said_to_forbid():
    for method, forbid, ending in (
        ("lowrank", True, "outside forbidden"),
        ("lowrank", False, "outside allowed"),
        ("resefa", True, "outside weighed"),
        ("resefa", False, "outside left aside"),
    ):
        recipe = turned(method=method, forbid=forbid, amounts=(0.5,))
        assert shown_of(recipe)["alt"].endswith(ending)
    found = last_of(cell("ban"), turned(method="resefa", amounts=(0.5,)))
    assert [side["title"] for side in found["sides"]] == ["Weighed", "Left aside"] and " ban" not in found["verdict"]


def test_what_a_region_is_compared_with_is_the_same_for_every_method_whichever_came_first():
    """The published arithmetic takes the mean over RGB; what it is compared with is measured over each colour."""
    said = []
    for first in ("official", "resefa", "lowrank"):
        finding._said.values.clear(), finding._solved.values.clear()
        finding.solve(turned(method=first))
        said.append(finding.baselines(turned(method=first)))
    assert said[0] == said[1] == said[2]
    mean = region.baselines(zoo.load(MODEL), finding.solve(turned(method="official")).grams)
    assert mean != pytest.approx(said[0]), "the mean over RGB would have said the same: this test sees nothing"


def test_numbers_that_are_shown_have_a_true_minus():
    recipe = turned(amounts=(-0.5,))
    said = shown_of(recipe)
    assert "at \u22120.5 steps" in said["alt"] and "at \u22120.5 steps" in said["caption"]
    assert last_of(cell("ban"), recipe)["verdict"].startswith("At \u22120.5 steps, ")
    assert words.signed(-0.004, 2) == "+0.00" and words.signed(-2) == "\u22122" and words.signed(1.5) == "+1.5"


def test_lambda_is_shown_with_ranks_spectra_and_a_picture_each():
    recipe = turned()
    html = last_of(cell("weights"), recipe)["html"]
    assert html.count("<figure") == html.count("data:image/webp") >= 4
    assert html.count("<svg") == 2 * html.count("<figure")
    assert "rank inside" in html


def test_every_part_is_asked_and_an_empty_corner_too():
    html = last_of(cell("refuse"), turned())["html"]
    assert all(f">{name}<" in html for name in (*painted.parts_of(turned()), "the upper left corner"))


# --- what is taken away


def test_the_map_of_layers_shares_out_the_change_inside_and_the_button_sets_layers_that_are_solved_again():
    one = cell("layers")
    html, knobs = last_of(one, turned(layers="1"))["html"], finding.solve(turned())
    rows = re.findall(r"<tr><th scope=row>Knob \d</th>(.*?)</tr>", html)
    sizes = [[float(x.replace("−", "-")) for x in re.findall(r">([+−]\d+)</label>", row)] for row in rows]
    assert len(sizes) == len(knobs.steps) and {len(row) for row in sizes} == {zoo.load(MODEL).slots}
    small = layers.shares(turned(), replace(knobs, steps=[step / 1000 for step in knobs.steps]))[..., 0]
    assert torch.allclose(small.sum(1), torch.ones(len(small), dtype=small.dtype), atol=0.02), "one, at first order"
    for sets in map(json.loads, map(unescape, re.findall('data-set="([^"]*)"', html))):
        chosen = replace(turned(), **sets).as_dict()
        assert {name: chosen[name] for name in sets} == sets, "as the recipe writes it: the button shows that it is on"
    *_, strip = run_of(one, turned(), 0, {"at": 1})
    assert strip.count("<img") == 6 and "Layer 1 alone" in strip


def test_the_png_carries_the_recipe_and_the_picture():
    recipe = turned()
    finding.solve(recipe)
    data, name = page.file_for(lowrank.TAB, recipe, "picture")
    picture = Image.open(io.BytesIO(data))
    assert painted.Painted.from_json(picture.info["ganatomy"]) == recipe and name.endswith(".png")
    assert np.abs(np.asarray(picture).astype(int) - pixels(shown_of(recipe)["src"])).max() <= 1


@pytest.mark.parametrize("kind", ["strip", "clip", "notebook"])
def test_strip_clip_and_notebook_are_files(kind):
    recipe = turned()
    finding.solve(recipe)
    data, name = page.file_for(lowrank.TAB, recipe, kind)
    if kind == "notebook":
        cells = json.loads(data)["cells"]
        assert "lowrank_of" in "".join(cells[2]["source"]) and name.endswith(".ipynb")
    else:
        assert Image.open(io.BytesIO(data)).width > SIDE


def test_the_knobs_open_in_steer_and_draw_the_same_picture():
    recipe = turned(amounts=(0.5, -0.25))
    knobs = finding.solve(recipe)
    steered = Recipe.from_json(lowrank.to_steer(recipe))
    assert steered.method == "file" and steered.seed == recipe.seed
    image = steer_render(steered)
    expected = finding.render(recipe, knobs, [recipe.amounts], quick=False)
    base = recipes.render(recipe)
    assert float((image.clamp(-1, 1) - expected).abs().max()) < 0.02 < float((base.clamp(-1, 1) - expected).abs().max())


def test_a_word_of_one_s_own_becomes_the_region_s_knob_and_its_code_and_steer_draw_the_same(tmp_path, monkeypatch):
    """Restricted it moves the region alone, and with the ban lifted it is the file's own direction."""
    vectors = torch.nn.functional.normalize(torch.arange(1.0, 17)[None].double() % 5, dim=1)
    given = Directions(vectors, torch.ones(1).double(), tuple(range(6)))
    file = tmp_path / "word.safetensors"
    file.write_bytes(directions_file(turned(), given, "directions", ["sunny"])[0])
    recipe = replace(lowrank.take_knobs(str(file), turned().as_dict()), amounts=(1.5,))
    assert recipe.method == "file" and Painted.from_json(json.dumps(recipe.as_dict())) == recipe
    (held, free), said = (finding.solve(one) for one in (recipe, replace(recipe, forbid=False))), shown_of(recipe)
    assert held.ratio[0] > 1.5 * free.ratio[0]
    assert torch.allclose(free.directions.vectors, given.vectors, atol=1e-6)
    assert "as your own file does" in said["sentence"] and said["setup"]["knobs"][0]["title"] == "sunny"
    assert "as it came" in shown_of(replace(recipe, forbid=False))["sentence"]
    assert recipe.shared().method == "lowrank" and "cannot hold" in said["note"]
    for one in (recipe, replace(recipe, forbid=False)):
        assert_code_draws(one, tmp_path, monkeypatch)
    assert "word.safetensors" in page.file_for(lowrank.TAB, recipe, "notebook")[0].decode()
    steered = Recipe.from_json(lowrank.to_steer(recipe))
    assert STEER.knobs(steered).titles == ("sunny",) and "this page does not know" in STEER.sentence(steered)
    drawn = finding.render(recipe, held, [recipe.amounts], quick=False)
    assert float((steer_render(steered).clamp(-1, 1) - drawn).abs().max()) < 0.02
    with pytest.raises(RecipeError, match="choose these"):
        finding.solve(replace(lowrank.take_knobs(layered(tmp_path, given, 2), turned().as_dict()), layers="all"))
    with pytest.raises(RecipeError, match="a vector of their own for every layer"):
        lowrank.take_knobs(layered(tmp_path, given, 3), turned().as_dict())


def layered(folder, given: Directions, ndim: int) -> str:
    """A file that moves two layers, by one vector or by one for each."""
    vectors = given.vectors if ndim == 2 else given.vectors[:, None].expand(-1, 2, -1) / 2**0.5
    save_directions(Directions(vectors, given.scores, (0, 1)), folder / f"{ndim}.safetensors")
    return str(folder / f"{ndim}.safetensors")


def test_the_file_of_directions_belongs_to_these_weights(tmp_path):
    recipe = turned()
    knobs = finding.solve(recipe)
    path = tmp_path / "knobs.safetensors"
    path.write_bytes(page.file_for(lowrank.TAB, recipe, "directions")[0])
    found = load_directions(path, slots=zoo.load(MODEL).slots, dim=16, weights=zoo.weights_hash(MODEL))
    assert torch.allclose(found.vectors, knobs.directions.vectors, atol=1e-6)
    with pytest.raises(ValueError, match="other weights"):
        load_directions(path, slots=zoo.load(MODEL).slots, dim=16, weights="0" * 64)


# --- the page


def test_the_page_has_the_tab_with_private_handlers_and_public_endpoints():
    page = app.build()
    names = {fn.api_name: fn for fn in page.fns.values()}
    assert {"paint_answer", "paint_prepare", "paint_ban_cell"} <= set(names)
    public = ("picture", "strip", "other_faces", "methods", "code")
    assert {f"paint_{name}" for name in public} <= set(names)
    assert all(names[name].api_visibility == "private" for name in ("paint_answer", "paint_prepare"))
    assert names["paint_answer"].concurrency_id == "live" and names["paint_prepare"].concurrency_id == "watch"


def test_a_link_opens_its_recipe_and_a_broken_one_says_so():
    recipe = turned(region="eyes")
    opened = wiring.opening(lowrank.Painted)(Event(query=urlencode(recipe.to_query())))
    assert opened == dict(recipe=recipe.as_dict(), notice="")
    refused = wiring.opening(lowrank.Painted)(Event(query=urlencode(dict(recipe.to_query(), region="rubbish"))))
    assert "region" in refused["error"] and "recipe" not in refused


def test_building_the_page_opens_neither_network_nor_reader(monkeypatch):
    def refuse(*_):
        raise AssertionError("weights were opened")

    monkeypatch.setattr(zoo, "load", refuse)
    monkeypatch.setattr(zoo, "load_part_reader", refuse)
    app.build()


def test_without_a_record_the_tab_says_in_plain_words_what_it_is_for_and_asks_for_the_default_region():
    shown = page.arrival(lowrank.TAB)
    assert shown["sentence"] == "Knobs for one region of a picture, forbidden to touch anything else."
    assert shown["answer"] == {} and painted.Painted.from_json(shown["recipe"]).region == "mouth"


def test_where_nothing_was_measured_on_other_faces_the_fold_says_so(monkeypatch):
    monkeypatch.setattr(said_by, "measured_html", lambda *_: "")
    finding.solve(turned())
    (html,) = said_by.truth(turned())
    assert "has not been measured on other pictures yet" in html and "duality gap" in html


@pytest.mark.parametrize("make", [tiny.biggan, tiny.biggan_deep, tiny.pggan, tiny.stylegan, tiny.dcgan_of_classes])
def test_other_architectures_are_painted_too_and_a_class_is_only_its_own(make, tmp_path, monkeypatch):
    """Own networks have no part reader: a painted region, and the code on the page, must do."""
    path, generator = tmp_path / "other.safetensors", make()
    native.save(generator, path)
    card = zoo.ModelCard("other", "Other", str(path), None, generator.resolution, classes=generator.classes)
    monkeypatch.setattr(zoo, "CARDS", {"other": card})
    recipe = Painted("other", seed=3, region="", amounts=(), label=max(generator.classes - 1, 0))
    said = shown_of(recipe)
    assert said["setup"]["parts"] == {} and said["setup"]["ready"] and len(said["verdict"]) > 30
    if said["setup"]["knobs"]:
        assert_code_draws(replace(recipe, amounts=(1.0,)), tmp_path, monkeypatch)
    moved = finding.solve(recipe).directions.vectors
    still = torch.ones(generator.dim, dtype=torch.bool)
    still[generator.movable] = False
    assert not moved[:, still].any(), "what belongs to the class was moved"


@pytest.mark.parametrize("name", ["ban", "faces", "refuse", "compare", "weights"])
def test_an_experiment_that_waits_for_knobs_says_how_far_they_are_and_can_be_left(name):
    pieces = iter(run_of(cell(name), turned()))
    first = next(pieces)
    assert isinstance(first, Progress) and first.says
    pieces.close()
    deadline = time.monotonic() + 20
    while QUEUE.line and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not QUEUE.line, "nobody watches the search, so it ended"
