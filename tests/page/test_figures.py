"""Make a figure: on every tab that has it, drawn by the page's own code, said in words that are true of it."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pypdfium2
import pytest
from PIL import Image

import app
from core import pace
from demos.attributes.tab import Attributes
from demos.inside.recipe import Look
from demos.page.fields import RecipeError
from demos.page.tab import answer, endpoints_of, file_for
from demos.paint.recipe import Painted
from demos.steer.recipe import Recipe
from serving import figures

from ..support import Request, pixels

MODEL = "portraits-stylegan2"
TABS = {tab.name: tab for tab in app.TABS}
STEER = TABS["steer"]
RECIPE = Recipe(MODEL, seed=7, layers="coarse", knob=2, amounts=(0, 0, 1.5))
ASKED = ("pictures", "7-8", "amounts", "-1.5, 0, 1.5")
SHOWN = {  # by tab: a recipe, and what a small figure of it asks for
    "steer": (RECIPE, ASKED),
    "attributes": (Attributes(MODEL, seed=7, knob=2), ("amounts", "-1.5, 1.5", "pictures", "7, 9")),
    "paint": (Painted(MODEL, seed=57, region="mouth", method="resefa"), ("knobs", "1-2", "amounts", "-3, 3")),
    "inside": (Look("objects-biggan", seed=1, channel=86), ("channels", "86, 3", "amounts", "0, 1, 3")),
}


@pytest.fixture(autouse=True)
def quick_networks(monkeypatch: pytest.MonkeyPatch):
    """A busy machine draws the page's pictures in bfloat16."""
    monkeypatch.setattr(pace, "_measured", lambda model, weights: pace.Pace(0.01))


def figure(tab=STEER, recipe=RECIPE, asked=ASKED, kind="svg") -> tuple[figures.Plan, np.ndarray, bytes]:
    plan = figures.plan(tab, recipe, *asked)
    *_, last = figures.drawing(plan)
    return plan, last["pictures"], figures.file_of(plan, last["pictures"], kind)[0]


def refusal(tab=STEER, recipe=RECIPE, asked=ASKED) -> str:
    with pytest.raises(RecipeError) as refused:
        figures.plan(tab, recipe, *asked)
    return str(refused.value)


def taken(tab, recipe) -> np.ndarray:
    """The picture of a recipe as the page gives it away."""
    return np.asarray(Image.open(io.BytesIO(file_for(tab, recipe, "picture")[0])))


def test_every_tab_with_a_stage_makes_figures_and_restore_makes_none():
    assert {name for name, tab in TABS.items() if f"{name}_figure" in endpoints_of(tab)} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_the_pictures_of_a_figure_are_the_page_s_to_the_pixel(name: str):
    tab, (recipe, asked) = TABS[name], SHOWN[name]
    if not tab.ready(recipe):
        list(tab.prepare(recipe))
    plan, pictures, data = figure(tab, recipe, asked)
    rows, columns = pictures.shape[:2]
    assert (rows, columns) == (len(plan.down.names), len(plan.across.names))
    for i, one in enumerate(plan.recipes):
        assert np.array_equal(pictures[i // columns, i % columns], taken(tab, one))
    assert not np.array_equal(pictures[0], pictures[1]) and not np.array_equal(pictures[:, 0], pictures[:, -1])
    files = re.findall(rb"data:image/png;base64,([^\"]+)", data)
    inside = [np.asarray(Image.open(io.BytesIO(base64.b64decode(file)))) for file in files]
    assert np.array_equal(np.stack(inside), pictures.reshape(rows * columns, *pictures.shape[2:]))


def test_a_figure_of_steer_shows_the_seeds_and_amounts_that_were_asked_for():
    plan, pictures, _ = figure()
    for row, seed in enumerate((7, 8)):
        for column, amount in enumerate((-1.5, 0.0, 1.5)):
            one = Recipe(MODEL, seed=seed, layers="coarse", knob=2, amounts=(0, 0, amount))
            assert plan.recipes[3 * row + column] == one
            assert np.array_equal(pictures[row, column], pixels(answer(STEER, one)["src"]))
    assert not np.array_equal(pictures[::-1], pictures), "a swapped row would be noticed"


def test_a_pdf_says_how_it_was_made_and_carries_recipe_and_licence():
    plan, pictures, data = figure(kind="pdf")
    document = pypdfium2.PdfDocument(data)
    text = " ".join(document[0].get_textpage().get_text_range().split())
    images = list(document[0].get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]))
    assert [one.get_px_size() for one in images] == [(64, 64)] * 6, "the network's own pixels"
    found = {np.asarray(one.get_bitmap(render=False).to_pil().convert("RGB")).tobytes() for one in images}
    assert found == {one.tobytes() for one in pictures.reshape(6, 64, 64, 3)}
    assert "seed 7" in text and "seed 8" in text and "−1.5 0 1.5" in text
    assert "at −1.5, 0, 1.5 standard deviations of w along the direction" in text
    for said in ("truncation 0.7", "Layers: coarse.", "Method: SeFa.", "Portraits (StyleGAN2, 64 px), licence MIT"):
        assert said in text, said
    about = document.get_metadata_dict()
    document.close()
    assert json.loads(about["Keywords"]) == RECIPE.as_dict() and "licence of the network: MIT" in about["Subject"]
    assert "seed=7" in text and figures.caption(plan) in text


def test_an_svg_without_its_caption_still_says_the_licence():
    plan = figures.plan(STEER, RECIPE, *ASKED)
    *_, last = figures.drawing(plan)
    data, name = figures.file_of(plan, last["pictures"], "svg", captioned=False)
    text = " ".join(ElementTree.fromstring(data).itertext())
    assert name.endswith("-figure.svg") and "licence of the network: MIT" in text and "All else as in" not in text


def test_methods_side_by_side_are_named_and_cited_and_chance_is_not():
    asked = ("methods", "sefa/paper, ganspace, random", "amounts", "-2, 2")
    plan, pictures, _ = figure(asked=asked)
    said, latex = figures.caption(plan), figures.latex(plan)
    assert plan.down.names == ("SeFa", "GANSpace", "random directions") and "Rows: SeFa; GANSpace; random" in said
    assert "Columns: knob 3 at −2, 2 standard" in said, "no name: another method's third knob moves something else"
    assert r"\cite{shen2021sefa,harkonen2020ganspace}" in latex and latex.count("@inproceedings") == 2
    assert len({row.tobytes() for row in pictures}) == 3


def test_another_knob_gets_the_turn_of_the_one_that_was_chosen():
    plan = figures.plan(STEER, RECIPE, "pictures", "7", "knobs", "1-3")
    turns = [(one.knob, one.amounts[:3]) for one in plan.recipes]
    assert turns == [(0, (1.5, 0, 0)), (1, (0, 1.5, 0)), (2, (0, 0, 1.5))]
    assert "each at +1.5 standard deviations" in figures.caption(plan)


def test_the_same_pictures_stand_in_a_row_and_in_a_column():
    asked = ("pictures", "7", "amounts", "-1.5, 0, 1.5")
    (_, row, _), (_, column, _) = figure(asked=asked), figure(asked=(*asked[2:], *asked[:2]))
    assert row.shape[:2] == (1, 3) and np.array_equal(column, row.transpose(1, 0, 2, 3, 4))


def test_empty_lists_are_the_usual_ones():
    plan = figures.plan(STEER, RECIPE, "pictures", "", "amounts", "")
    assert plan.down.names == ("seed 7", "seed 8", "seed 9", "seed 10")
    assert plan.across.names == ("−2", "−1", "0", "1", "2")


@pytest.mark.parametrize(
    "asked, sentence",
    [
        (("amounts", "", "amounts", ""), "rows and columns are both amounts: choose two that differ"),
        (("faces", "", "amounts", ""), 'the rows cannot be "faces": choose one of pictures, amounts, knobs, methods'),
        (("pictures", "", None, ""), "the columns cannot be nothing"),
        (("pictures", "1-13", "amounts", ""), "the pictures are more than 12"),
        (("pictures", "one", "amounts", ""), 'the pictures cannot be "one": give numbers'),
        (("pictures", "", "amounts", "9"), 'knob 3 cannot be "9.0": give a number from -3 to 3'),
        (("pictures", "", "knobs", "11"), "there is no knob 11 here: these have the numbers 1 to 10"),
        (("methods", "sefa", "amounts", ""), 'there is no method "sefa" here: choose of sefa/paper'),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(asked: tuple, sentence: str):
    assert sentence in refusal(asked=asked)


def test_pictures_that_would_be_equal_take_too_long_or_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch):
    still = Recipe(MODEL, seed=7)
    for other in ("knobs", "methods"):
        assert "turn a knob first" in refusal(recipe=still, asked=("pictures", "", other, ""))
    monkeypatch.setattr(figures, "pace_of", lambda model: pace.Pace(60.0))
    assert "6 pictures of this network take about 6 minutes" in refusal() and "at most 5 pictures" in refusal()
    monkeypatch.undo()
    monkeypatch.setattr(figures, "PIXELS", 64 * 64 * 4)
    assert "6 pictures of this network have 0 million pixels" in refusal() and "at most 4 pictures" in refusal()


def test_a_visitor_sees_how_far_it_is_and_gets_the_file_the_caption_and_the_bibtex(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    run = figures.making(STEER, "pdf")
    said = list(run(RECIPE.as_dict(), *ASKED, True, Request("a visitor")))
    told, box, outlet = said[-1]
    assert told == "" and "shen2021sefa" in box.value and "knob3-picture7-figure.pdf" in box.value
    path = Path(outlet.value if isinstance(outlet.value, str) else outlet.value["path"])
    document = pypdfium2.PdfDocument(path.read_bytes())
    assert path.name == "knob3-picture7-figure.pdf" and len(document) == 1
    document.close()


def test_who_asks_for_another_figure_meanwhile_does_not_get_the_last_file_again(monkeypatch):
    monkeypatch.setattr(figures.queue.QUEUE, "watch", lambda *_: iter([dict(says="1 of 6 pictures")]))
    first, last = figures.making(STEER, "svg")(RECIPE.as_dict(), *ASKED, True, Request("a visitor"))
    assert "1 of 6 pictures" in first[0] and last[0] == "" and last[2].value is None


def test_programs_get_the_file_the_caption_and_the_bibtex():
    make = endpoints_of(STEER)["steer_figure"].make
    found = make(RECIPE, "", "7", "", "", "svg")
    assert found["name"] == "knob3-picture7-figure.svg" and found["src"].startswith("data:image/svg+xml;base64,")
    assert ElementTree.fromstring(base64.b64decode(found["src"].partition(",")[2])).tag.endswith("svg")
    assert found["caption"].startswith("Rows: seeds 7. Columns: knob 3") and "@inproceedings" in found["latex"]
    with pytest.raises(RecipeError, match="a figure cannot be"):
        make(RECIPE, "", "", "", "", "docx")
