"""A region of another picture in the picture of a recipe, or one that is moved or removed, see `core.blending`.

A recipe names it in a word: "seed-12.5.0.-2.r..." brings the region of picture number 12, after 5 layers, 2 pixels to
the left; in the place of the number "render-12" is held-out render 12, "own-<token>" the visitor's own picture, "move"
the picture itself, whose old place is filled, and "remove" fills alone. Pixels are those of a region in a link, 64 a
side; its text is that of `core.regions`. Before it ".t15" turns by 15 degrees counter-clockwise, ".s120" makes it 120 %
as large, and ".m" is its mirror image.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from torch import Tensor

from core import own_pictures, zoo
from core.blending import Patch, blended
from core.generators.base import Generator
from core.regions import CODED, from_text

from . import found as finding
from .fields import RecipeError, checked, quoted, refusals

FAR = CODED // 2  # pixels to either side
TURN, SIZES = 180, (50, 200)  # degrees to either side; per cent
SEED, RENDER, OWN, MOVE, REMOVE = "seed", finding.RENDER, finding.OWN, "move", "remove"
FOUND = (RENDER, OWN)  # sources that an encoder finds
NUMBER = r"(-?[0-9]{1,2})"
NAMED = re.compile(
    rf"(?:({SEED}|{RENDER})-([0-9]{{1,9}})|({OWN})-([0-9a-f]{{32}})|({MOVE}|{REMOVE}))\.([0-9]{{1,2}})\.{NUMBER}\.{NUMBER}"
    rf"(?:\.t(-?[0-9]{{1,3}}))?(?:\.s([0-9]{{2,3}}))?(\.m)?\.([rb][\w-]{{1,683}})",
    re.ASCII,
)


class Paste(NamedTuple):
    """what: SEED, RENDER, OWN, MOVE or REMOVE. number: of the source. layer: so many run before it is blended in.

    down, right: pixels of 64. region: as text. token: of an own source. turn: degrees, counter-clockwise, about the
    region's middle. size: per cent. mirrored: left and right change sides.
    """

    what: str
    number: int
    layer: int
    down: int
    right: int
    region: str
    token: str = ""
    turn: int = 0
    size: int = 100
    mirrored: bool = False

    @property
    def word(self) -> str:
        turned = [f"t{self.turn}"] * bool(self.turn) + [f"s{self.size}"] * (self.size != 100) + ["m"] * self.mirrored
        return ".".join([self.source, *map(str, (self.layer, self.down, self.right)), *turned, self.region])

    @property
    def stays(self) -> bool:
        """Is it neither moved nor changed in form?"""
        return (self.down, self.right, self.turn, self.size, self.mirrored) == (0, 0, 0, 100, False)

    @property
    def source(self) -> str:
        if self.what == OWN:
            return f"{OWN}-{self.token}"
        return f"{self.what}-{self.number}" if self.what in (SEED, RENDER) else self.what

    @property
    def says(self) -> str:
        """What was done to the picture, in words that follow it."""
        names = {
            SEED: f"picture number {self.number}",
            RENDER: f"held-out render {self.number}",
            OWN: "your own picture",
        }
        layers = f"{self.layer} layer{'s' * (self.layer > 1)}"
        form = [f"turned by {self.turn} degrees"] * bool(self.turn) + [f"{self.size} % as large"] * (self.size != 100)
        formed = "".join(f", {one}" for one in form + ["mirrored"] * self.mirrored)
        if self.what in names:
            return f"with a region of {names[self.what]} blended in after {layers}{formed}"
        return f"a region of it {self.what}d after {layers}{formed}"

    @property
    def mask(self) -> Tensor:
        """[1, 1, 64, 64]"""
        return from_text(self.region)[None, None].float()

    def patches(self, codes: Tensor | None) -> list[Patch]:
        """codes: of the source, where it is another picture."""
        where = dict(layer=self.layer, down=float(self.down), right=float(self.right))
        where |= dict(turn=float(self.turn), scale=self.size / 100, flip=self.mirrored)
        bring = [] if self.what == REMOVE else [Patch(self.mask, codes=codes, **where)]
        fill = [Patch(self.mask, self.layer, kind="around")] if self.what in (MOVE, REMOVE) else []
        return fill + bring


def given(paste: str) -> Paste:
    """What the word says. Raises RecipeError."""
    told = NAMED.fullmatch(paste)
    if told is None:
        raise RecipeError(
            f"what is pasted cannot be {quoted(paste)}: paste it again on the tab Paint, which writes "
            f"{SEED}-12.5.0.0 and a region, or {MOVE} or {REMOVE} in the place of {SEED}-12"
        )
    what, number, own, token, alone, layer, down, right, turn, size, mirrored, region = told.groups()
    where = map(int, (number or 0, layer, down, right))
    found = Paste(what or own or alone, *where, region, token or "", int(turn or 0), int(size or 100), bool(mirrored))
    if max(abs(found.down), abs(found.right)) > FAR:
        raise RecipeError(f"a region is moved by at most {FAR} of {CODED} pixels to either side")
    if abs(found.turn) > TURN or not SIZES[0] <= found.size <= SIZES[1]:
        raise RecipeError(
            f"a region is turned by at most {TURN} degrees to either side, and made {SIZES[0]} to {SIZES[1]} % as large"
        )
    return found


def paste_field() -> Any:
    """The word for what is blended into the picture; "": nothing is."""

    def check(value: object, recipe: Any) -> str:
        if value in ("", None):
            return ""
        told = given(value if isinstance(value, str) else repr(value))
        with refusals():
            blended(zoo.load(recipe.model), told.patches(None))
        if told.what in FOUND:
            finding.given(told.source)
            finding.needs_encoder(recipe.model)
        if told.token:
            with refusals():
                own_pictures.needed(told.token)
        return told.word

    says = "what is blended into the picture, as the tab Paint writes it: seed-12.5.0.0.r...; empty: nothing"
    return checked(check, "", says)


def linked(paste: str) -> str:
    """What a link can hold of the word: nothing of an own picture."""
    return "" if paste.startswith(f"{OWN}-") else paste


def link_note(paste: str) -> str:
    return "" if linked(paste) == paste else "The link does not hold what was taken from your own picture."


def source_codes(recipe: Any, told: Paste) -> Tensor | None:
    """Codes [1, slots, dim] of the picture that the region comes from; None: of the picture itself."""
    if told.what in FOUND:
        return finding.codes(recipe.model, told.source)
    if told.what != SEED:
        return None
    generator = zoo.load(recipe.model)
    return generator.codes(generator.sample(1, told.number), psi=recipe.psi, label=recipe.label_or_none)


def pasted(generator: Generator, recipe: Any, codes: Tensor) -> Generator:
    """A view that draws with the recipe's paste; codes [1, slots, dim]: of its picture before anything moves it."""
    told = given(recipe.paste)
    with refusals():
        return blended(generator, told.patches(source_codes(recipe, told)), base=codes)


def code(recipe: Any, label: str, psi: str) -> tuple[list[str], list[str]]:
    """The imports and the lines of the code cell that make the generator one that draws with the paste."""
    told = given(recipe.paste)
    imports, lines = ["from core.blending import Patch, blended", "from core.regions import from_text"], []
    if told.what == SEED:
        lines.append(f"source = generator.codes(generator.sample(1, seed={told.number}){psi}{label})")
    elif told.what in FOUND:
        more, made = finding.code(recipe.model, told.source)
        imports += more
        lines += [line.replace("target", "other").replace("codes =", "source =") for line in made]
    moved = f"down={told.down}, right={told.right}"
    moved += f", turn={told.turn}" * bool(told.turn) + f", scale={told.size / 100:g}" * (told.size != 100)
    moved += ", flip=True" * told.mirrored
    other = told.what in (SEED, *FOUND)
    bring = f"Patch(mask, {told.layer}{', source' * other}, {moved})"
    fill = f'Patch(mask, {told.layer}, kind="around")'
    each = [bring] if other else [fill] if told.what == REMOVE else [fill, bring]
    lines += [
        f'mask = from_text("{told.region}")[None, None].float()',
        f"generator = blended(generator, [{', '.join(each)}], base=codes)  # what moves codes moves the source too",
    ]
    return imports, lines
