"""A figure for papers: pictures in rows and columns with their names, as SVG and as PDF.

Text stays text, and pictures keep their own pixels: neither file resamples or compresses them with a loss.
"""

from __future__ import annotations

import base64
import io
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
from PIL import Image

MOST = 12  # rows, and columns
WIDTH, MARGIN, GAP = 504.0, 6.0, 2.0  # points: seven inches, the text of most papers; around it; between pictures
LARGEST, SIDE = 96.0, 110.0  # points: of a picture's width, and of the names of rows
TITLE, LABEL, SMALL = 10.0, 8.0, 6.5  # points: sizes of letters
EM, LINE = 0.48, 1.3  # the mean width of a letter and the height of a line, as shares of its size
SANS = "Helvetica, Arial, 'Liberation Sans', sans-serif"
INK, SOFT = "#1f1d1a", "#66625c"


@dataclass(frozen=True)
class Sheet:
    """What a figure shows.

    pictures: uint8 [rows, columns, h, w, 3]. rows, columns: what each is called. down, across: what the rows and the
    columns are, with the unit; "" where their names say it. foot: the licence, and whatever else must go with it.
    link: an address, "" for none. recipe: plain values that the file carries as JSON. Raises ValueError where the names
    and the pictures are not equally many.
    """

    pictures: np.ndarray
    rows: Sequence[str]
    columns: Sequence[str]
    title: str = ""
    down: str = ""
    across: str = ""
    caption: str = ""
    foot: str = ""
    link: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        shape, named = self.pictures.shape, (len(self.rows), len(self.columns))
        if shape[:2] != named or 0 in named or len(shape) != 5 or self.pictures.dtype != np.uint8:
            raise ValueError(
                f"a figure with {named[0]} rows and {named[1]} columns needs uint8 pictures of shape "
                f"[{named[0]}, {named[1]}, h, w, 3], not {self.pictures.dtype} of {list(shape)}"
            )

    def facts(self) -> dict[str, str]:
        """What the file says of itself beside what can be read: `title`, `rights`, `source` and the recipe."""
        title = self.title or self.caption
        facts = dict(title=title, rights=self.foot, source=self.link, description=json.dumps(dict(self.recipe)))
        return {name: _printable(said) for name, said in facts.items() if said}


# --- what rows and columns are asked for


def numbers_in(text: str, what: str, *, whole: bool = True, most: int = MOST) -> list[float]:
    """The numbers of a list such as "1, 5, 9", or of ranges such as "1-6" where they are `whole`, each once.

    Raises ValueError for what is no such list, and for more than `most`; `what`: what is listed, as "the pictures".
    """
    found: list[float] = []
    example = '"1, 5, 9" or "1-6"' if whole else '"-2, -1, 0, 1, 2"'
    for piece in filter(None, re.split(r"[,;\s]+", re.sub("[−–]", "-", text))):
        span = re.fullmatch(r"(\d{1,9})-(\d{1,9})", piece) if whole else None
        if span:
            first, last = int(span[1]), int(span[2])
            found += range(first, min(last, first + most) + 1)
        elif re.fullmatch(r"\d{1,9}" if whole else r"[+-]?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})", piece):
            found.append(int(piece) if whole else float(piece))
        else:
            given = re.sub(r"[^\w .,+-]", "?", piece[:20])
            raise ValueError(f'{what} cannot be "{given}": give numbers such as {example}')
    found = list(dict.fromkeys(found))
    if not found:
        raise ValueError(f"there is no number among {what}: give numbers such as {example}")
    if len(found) > most:
        raise ValueError(f"{what} are more than {most}: a figure has at most {most} rows and {most} columns")
    return found


# --- where everything stands, in points from the upper left corner


class Text(NamedTuple):
    """A line: where its baseline begins, or has its middle or its end (`anchor`), and how it is turned to the left."""

    x: float
    y: float
    text: str
    size: float = LABEL
    anchor: str = "start"
    bold: bool = False
    colour: str = INK
    turned: bool = False


class Place(NamedTuple):
    row: int
    column: int
    x: float
    y: float
    width: float
    height: float


class Layout(NamedTuple):
    width: float
    height: float
    texts: list[Text]
    places: list[Place]


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _lines(text: str, width: float, size: float) -> list[str]:
    """Text in lines that fit into a width, by the mean letter; what cannot be printed is a space."""
    return textwrap.wrap(_printable(text), max(4, int(width / (EM * size))), break_on_hyphens=False)


def _block(lines: Sequence[str], x: float, y: float, size: float, **how: Any) -> tuple[list[Text], float]:
    """Lines from the height y on, and the height below them."""
    step = LINE * size
    return [Text(x, y + size + i * step, line, size, **how) for i, line in enumerate(lines)], y + len(lines) * step


def laid_out(sheet: Sheet) -> Layout:
    """Title, names of columns, pictures with the names of rows at their left, caption, foot."""
    left, cell, tall = _grid(sheet)
    right = left + len(sheet.columns) * (cell + GAP) - GAP
    across = max(right - MARGIN, WIDTH / 2)  # of title and caption: below few columns they would be tall
    texts, y = _block(_lines(sheet.title, across, TITLE), MARGIN, MARGIN, TITLE, bold=True)
    more, y = _block(_lines(sheet.across, right - left, LABEL), (left + right) / 2, y, LABEL, anchor="middle")
    texts += more
    heads = [_lines(name, cell, LABEL) for name in sheet.columns]
    most = max(map(len, heads))
    for i, head in enumerate(heads):
        begins = y + (most - len(head)) * LINE * LABEL  # all end above their pictures
        texts += _block(head, left + i * (cell + GAP) + cell / 2, begins, LABEL, anchor="middle")[0]
    top = y + most * LINE * LABEL + GAP
    places = []
    for row, name in enumerate(sheet.rows):
        y = top + row * (tall + GAP)
        places += [Place(row, i, left + i * (cell + GAP), y, cell, tall) for i in range(len(sheet.columns))]
        lines = _lines(name, SIDE, LABEL)
        begins = y + (tall - len(lines) * LINE * LABEL) / 2
        texts += _block(lines, left - 2 * GAP, begins, LABEL, anchor="end")[0]
    below = top + len(sheet.rows) * (tall + GAP)
    if _fits(sheet, tall):
        texts.append(Text(MARGIN + LABEL, (top + below) / 2, sheet.down, anchor="middle", turned=True))
    y = below + 2 * GAP
    for said, size, colour in ((sheet.caption, LABEL, INK), (sheet.foot, SMALL, SOFT), (sheet.link, SMALL, SOFT)):
        more, y = _block(_lines(said, across, size), MARGIN, y, size, colour=colour)
        texts += more
    return Layout(max(right, MARGIN + across) + MARGIN, y + MARGIN, texts, places)


def _grid(sheet: Sheet) -> tuple[float, float, float]:
    """Where the pictures begin at the left, and how wide and how tall each is."""
    height, width = sheet.pictures.shape[2:4]
    named = max(len(line) for name in sheet.rows for line in _lines(name, SIDE, LABEL) or [""]) * EM * LABEL
    for turned in (LINE * LABEL, 0.0):
        left = MARGIN + turned + named + 2 * GAP
        cell = min(LARGEST, (MARGIN + WIDTH - left + GAP) / len(sheet.columns) - GAP)
        if turned and _fits(sheet, cell * height / width):
            break
    return left, cell, cell * height / width


def _fits(sheet: Sheet, tall: float) -> bool:
    """Is there room at the left for what the rows are? Else the caption says it alone."""
    return 0 < len(sheet.down) * EM * LABEL <= len(sheet.rows) * (tall + GAP)


# --- files


def _png(picture: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "png")
    return out.getvalue()


def svg(sheet: Sheet) -> bytes:
    """The figure as SVG: text in a sans-serif font of the reader's machine, pictures as PNG inside."""
    layout, facts = laid_out(sheet), sheet.facts()
    spaces = {"xmlns": "http://www.w3.org/2000/svg", "xmlns:xlink": "http://www.w3.org/1999/xlink"}
    sizes = dict(width=f"{layout.width:.2f}pt", height=f"{layout.height:.2f}pt")
    root = ElementTree.Element("svg", spaces | sizes | dict(viewBox=f"0 0 {layout.width:.2f} {layout.height:.2f}"))
    root.set("font-family", SANS)
    ElementTree.SubElement(root, "title").text = facts.get("title", "")
    meta = ElementTree.SubElement(root, "metadata")
    rdf = {"xmlns:rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "xmlns:dc": "http://purl.org/dc/elements/1.1/"}
    about = ElementTree.SubElement(ElementTree.SubElement(meta, "rdf:RDF", rdf), "rdf:Description", {"rdf:about": ""})
    for name, said in facts.items():
        ElementTree.SubElement(about, f"dc:{name}").text = said
    ElementTree.SubElement(root, "rect", width="100%", height="100%", fill="white")
    for place in layout.places:
        picture = sheet.pictures[place.row, place.column]
        where = {name: f"{getattr(place, name):.2f}" for name in ("x", "y", "width", "height")}
        image = ElementTree.SubElement(root, "image", where, preserveAspectRatio="none")
        image.set("xlink:href", "data:image/png;base64," + base64.b64encode(_png(picture)).decode())
        if place.width * 4 / 3 > picture.shape[1]:  # a point has 4/3 of a browser's pixels
            image.set("style", "image-rendering: pixelated")
        named = f"{sheet.rows[place.row]}, {sheet.columns[place.column]}"
        ElementTree.SubElement(image, "title").text = _printable(named)
    for one in layout.texts:
        looks = {"font-size": f"{one.size:g}", "text-anchor": one.anchor, "fill": one.colour}
        looks |= {"font-weight": "bold"} if one.bold else {}
        looks |= {"transform": f"rotate(-90 {one.x:.2f} {one.y:.2f})"} if one.turned else {}
        ElementTree.SubElement(root, "text", looks, x=f"{one.x:.2f}", y=f"{one.y:.2f}").text = one.text
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def pdf(sheet: Sheet, regular: Path | None = None, bold: Path | None = None) -> bytes:
    """The figure as one page of PDF, as large as the figure.

    regular, bold: files of a font (TTF, OTF, WOFF2), of which the letters that are used go into the file, as journals
    ask for; without them it names Helvetica, which has few letters beyond those of Western Europe.
    """
    from fpdf import FPDF  # it brings fonttools, which takes a while to import, and only this needs them

    layout, facts = laid_out(sheet), sheet.facts()
    page = FPDF(unit="pt", format=(layout.width, layout.height))
    page.set_auto_page_break(False)
    page.add_page()
    if regular and bold:
        page.add_font("sheet", "", regular)
        page.add_font("sheet", "B", bold)
    page.set_title(facts.get("title", ""))
    page.set_subject(facts.get("rights", ""))
    page.set_keywords(facts.get("description", ""))
    page.set_creator("GANatomy")
    for place in layout.places:
        picture = Image.fromarray(sheet.pictures[place.row, place.column])
        page.image(picture, *place[2:])
    for one in layout.texts:
        page.set_font("sheet" if regular and bold else "helvetica", "B" if one.bold else "", one.size)
        page.set_text_color(one.colour)
        said = _writable(page, one.text) if regular and bold else _western(one.text)
        shift = page.get_string_width(said) * dict(start=0, middle=0.5, end=1)[one.anchor]
        if one.turned:
            with page.rotation(90, one.x, one.y):
                page.text(one.x - shift, one.y, said)
        else:
            page.text(one.x - shift, one.y, said)
    return bytes(page.output())


def _writable(page: Any, text: str) -> str:
    """Text with a question mark for every letter that the font of the page has not."""
    return "".join(letter if ord(letter) in page.current_font.cmap else "?" for letter in text)


def _western(text: str) -> str:
    """Text in the letters of Western Europe (Latin-1), with a hyphen for every minus sign."""
    return text.replace("−", "-").encode("latin-1", "replace").decode("latin-1")
