"""A figure for papers: read again by pypdfium2, ElementTree and Pillow, never by the code that wrote it."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import gradio
import numpy as np
import pypdfium2
import pytest
from PIL import Image

from core import papers
from core.figure import LARGEST, MOST, Sheet, laid_out, numbers_in, pdf, svg

PLEX = Path(gradio.__file__).parent / "templates/frontend/static/fonts/IBMPlexSans"
FONTS = [PLEX / f"IBMPlexSans-{weight}.woff2" for weight in ("Regular", "Bold")]
LINK = "{http://www.w3.org/1999/xlink}href"
RECIPE = {"model": "a & b", "seed": 7, "amounts": [-1.5, 0.0]}


def sheet(height: int = 5, width: int = 7, **changes) -> Sheet:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, height, width, 3), dtype=np.uint8)
    plain = Sheet(
        pictures,
        ["seed 5", "naïve < λ"],
        ["−1.5", "0", "1.5"],
        title="A title",
        across="Knob 2 (smile), in standard deviations",
        caption="Drawn at 64 × 64 pixels, ψ = 0.7.",
        foot="Licence of the network: MIT",
        link="https://example.org/?seed=5&v=1",
        recipe=RECIPE,
    )
    return replace(plain, **changes)


def in_pdf(data: bytes) -> tuple[str, np.ndarray, dict[str, str]]:
    """The text, the pictures [2, 3, h, w, 3] by where they stand, and the metadata of a PDF with one page."""
    document = pypdfium2.PdfDocument(data)
    [page] = list(document)
    found = list(page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]))
    found.sort(key=lambda one: (-round(one.get_bounds()[3]), one.get_bounds()[0]))
    pictures = np.stack([np.asarray(one.get_bitmap(render=False).to_pil().convert("RGB")) for one in found])
    text, about = page.get_textpage().get_text_range(), document.get_metadata_dict()
    document.close()
    return re.sub(r"\s+", " ", text), pictures.reshape(2, 3, *pictures.shape[1:]), about


def in_svg(data: bytes) -> tuple[list[str], np.ndarray, dict[str, str]]:
    """The lines of text, the pictures [2, 3, h, w, 3] by where they stand, and the metadata of an SVG."""
    root = ElementTree.fromstring(data)
    space = root.tag.partition("}")[0] + "}"
    images = sorted(root.iter(f"{space}image"), key=lambda one: (float(one.get("y")), float(one.get("x"))))
    files = [base64.b64decode(one.get(LINK).partition(",")[2]) for one in images]
    pictures = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
    about = {one.tag.partition("}")[2]: one.text for one in next(root.iter(f"{space}metadata")).iter() if one.text}
    return [one.text for one in root.iter(f"{space}text")], pictures.reshape(2, 3, *pictures.shape[1:]), about


def test_a_pdf_has_real_text_in_its_own_letters_and_every_pixel_where_it_belongs():
    one = sheet()
    text, pictures, about = in_pdf(pdf(one, *FONTS))
    for said in (one.title, *one.rows, *one.columns, one.across, one.caption, one.foot, one.link):
        assert said in text, said
    assert np.array_equal(pictures, one.pictures)
    assert json.loads(about["Keywords"]) == RECIPE and about["Subject"] == one.foot and about["Title"] == one.title


def test_an_svg_has_text_elements_and_every_pixel_where_it_belongs():
    one = sheet()
    lines, pictures, about = in_svg(svg(one))
    for said in (one.title, *one.rows, *one.columns, one.across, one.caption, one.foot, one.link):
        assert said in lines, said
    assert np.array_equal(pictures, one.pictures)
    assert json.loads(about["description"]) == RECIPE and about["rights"] == one.foot and about["source"] == one.link


def test_a_swapped_row_is_noticed():
    """The control of the two tests above."""
    one = sheet()
    for data, read in ((pdf(one, *FONTS), in_pdf), (svg(one), in_svg)):
        assert not np.array_equal(read(data)[1], one.pictures[::-1])


def test_a_pdf_embeds_its_font_and_without_one_names_helvetica():
    data, plain = pdf(sheet(), *FONTS), pdf(sheet())
    assert b"/FontFile" in data and b"/FontFile" not in plain and b"/Helvetica" in plain
    text = in_pdf(plain)[0]
    assert "-1.5" in text and "naïve < ?" in text and "64 × 64" in text, "letters of Western Europe alone"


def test_pictures_are_pixelated_where_they_are_enlarged_and_nowhere_else():
    for side, pixelated in ((64, True), (256, False)):
        assert (b"pixelated" in svg(sheet(side, side))) is pixelated


def test_what_stands_in_names_cannot_break_the_files():
    one = sheet(rows=["</text><script>", "\x00\x1f ]]> &"], columns=["", "x" * 300, "𝔊"], title="%s {}", caption="")
    lines = in_svg(svg(one))[0]
    assert "</text><script>" in lines and in_pdf(pdf(one, *FONTS))[1].shape == one.pictures.shape


@pytest.mark.parametrize("rows, columns", [(1, 1), (MOST, MOST), (1, MOST), (MOST, 1)])
def test_everything_stands_on_the_page_and_no_picture_on_another(rows: int, columns: int):
    pictures = np.zeros((rows, columns, 6, 8, 3), np.uint8)
    names = [f"knob {i} (curve of the mouth)" for i in range(MOST)]
    one = Sheet(pictures, names[:rows], names[:columns], down="Knob 1, steps", caption="A caption. " * 20)
    layout = laid_out(one)
    boxes = [(place.x, place.y, place.x + place.width, place.y + place.height) for place in layout.places]
    assert all(0 < left and 0 < top and right < layout.width and low < layout.height for left, top, right, low in boxes)
    assert all(text.y < layout.height and 0 <= text.x <= layout.width for text in layout.texts)
    assert max(place.width for place in layout.places) <= LARGEST
    for i, (left, top, right, low) in enumerate(boxes):
        for other in boxes[i + 1 :]:
            assert right <= other[0] or other[2] <= left or low <= other[1] or other[3] <= top


def test_a_sheet_refuses_names_and_pictures_that_do_not_fit():
    with pytest.raises(ValueError, match=r"2 rows and 1 columns needs uint8 pictures of shape \[2, 1, h, w, 3\]"):
        sheet(columns=["one"])
    with pytest.raises(ValueError, match="not float64"):
        sheet(pictures=np.zeros((2, 3, 4, 4, 3)))


# --- lists


@pytest.mark.parametrize(
    "text, whole, found",
    [
        ("1, 5, 9", True, [1, 5, 9]),
        ("1-4", True, [1, 2, 3, 4]),
        ("7; 2–3 7", True, [7, 2, 3]),
        ("-2, −1.5, 0, +1, .5", False, [-2, -1.5, 0, 1, 0.5]),
    ],
)
def test_lists_are_read(text: str, whole: bool, found: list):
    assert numbers_in(text, "the rows", whole=whole) == found


@pytest.mark.parametrize(
    "text, whole, sentence",
    [
        ("", True, 'there is no number among the rows: give numbers such as "1, 5, 9" or "1-6"'),
        ("1, x", True, 'the rows cannot be "x": give numbers such as'),
        ("1.5", True, 'cannot be "1.5"'),
        ("-1", True, 'cannot be "-1"'),
        ("9-1", True, "no number among"),
        ("1-999999999", True, "the rows are more than 12: a figure has at most 12 rows and 12 columns"),
        (",".join(map(str, range(13))), True, "more than 12"),
        ("1-3", False, 'cannot be "1-3": give numbers such as "-2, -1, 0, 1, 2"'),
        ("1e9", False, "cannot be"),
        ("nan", False, "cannot be"),
        ("<b>" * 9, False, 'cannot be "?b??b?'),
    ],
)
def test_bad_lists_get_a_sentence(text: str, whole: bool, sentence: str):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        numbers_in(text, "the rows", whole=whole)


# --- LaTeX and BibTeX


def test_every_method_that_is_of_a_paper_has_an_entry():
    assert {"sefa", "ganspace", *papers.OTHERS} == set(papers.bibliography())
    assert papers.cited(["lowrank", "official"]).keys() == {"zhu2021lowrankgan"} and not papers.cited(["random"])
    for entry in papers.bibliography().values():
        assert entry.count("{") == entry.count("}") and re.search(r"year += \{20\d\d\}", entry)


def test_latex_cites_what_is_shown_and_escapes_the_caption():
    found = papers.for_latex("f.pdf", "50 % of $x_1$ at −2 × {a}\\b", ["sefa", "random", "ganspace", "sefa"])
    assert (
        r"50 \% of \$x\_1\$ at $-$2 $\times$ \{a\}\textbackslash{}b \cite{shen2021sefa,harkonen2020ganspace}" in found
    )
    assert found.count("@inproceedings") == 2 and r"\includegraphics[width=\linewidth]{f.pdf}" in found
    assert r"\cite" not in papers.for_latex("f.pdf", "Chance.", ["random"])
