"""Fields of a recipe: each knows its check, its form in a link, its control and its type for programs.

Values from links, files and text boxes become plain values, or a sentence for the visitor.
"""

from __future__ import annotations

import contextlib
import json
import numbers
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, NamedTuple, Self, get_origin
from urllib.parse import urlencode

from core import home, zoo

VERSION = 1
LONGEST_LINK = 4_000  # characters read; the links written here have fewer than 1,000
WEIGHTS, WEIGHTS_DIGITS = "w", 8  # the parameter of a link that names the network's weights
# sha256 of the weights that a link without that parameter means: those of the last version that wrote none (43bb72d)
FIRST_WEIGHTS = {
    "portraits-stylegan2": "61d585cb32d13572599ee5f5fb4c2587f104f03e4735ce5e3ae2d82cba755036",
    "portraits-pggan": "3366556a2cdd48b918b461c61041fbeec5b932a0cc8c30b14830e2bd07807fe6",
    "objects-biggan": "d5f42ace4d464f9a55adbdac9060ccbca7feb4d4213856f324cece6d253fbd5c",
}


class RecipeError(ValueError):
    """Its text is a sentence for the visitor: what was wrong, what is possible, what to do."""


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """What core refuses with a ValueError is a RecipeError; `with refusals():`, or `@refusals()` over a function."""
    try:
        yield
    except ValueError as error:
        raise RecipeError(str(error)) from None


def quoted(value: object) -> str:
    """What was given, short and without characters that a page could take for markup."""
    if value is None or isinstance(value, str) and not value.strip():
        return "nothing"
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a number with more than 30 digits"
    if not isinstance(value, (str, numbers.Number)):
        return "something that is neither text nor a number"
    text = str(value)
    return '"' + re.sub(r"[^\w .,+-]", "?", text[:40]) + ('..."' if len(text) > 40 else '"')


def whole(value: object, what: str, lowest: int, highest: int) -> int:
    written = isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value)
    number = int(value) if written or isinstance(value, float) and value.is_integer() else value
    if isinstance(number, numbers.Integral) and not isinstance(number, bool) and lowest <= number <= highest:
        return int(number)
    raise RecipeError(f"{what} cannot be {quoted(value)}: give a whole number from {lowest} to {highest}")


def number(value: object, what: str, lowest: float, highest: float) -> float:
    number = float("nan")
    if isinstance(value, (str, numbers.Real)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = round(float(value), 3) + 0.0  # + 0.0: there is one zero, not two
    if lowest <= number <= highest:  # false for what is not a number
        return number
    raise RecipeError(f"{what} cannot be {quoted(value)}: give a number from {lowest:g} to {highest:g}")


def choice(value: object, what: str, possible: Iterable[str]) -> str:
    if isinstance(value, str) and value in possible:
        return value
    raise RecipeError(f"the {what} cannot be {quoted(value)}: choose one of {', '.join(possible)}")


def plain_word(text: str) -> str:
    """Letters, digits and few signs of a visitor's own words."""
    return re.sub(r"\s+", " ", re.sub(r"[^\w .,'!?-]", " ", text)).strip()


def flag(value: object, what: str) -> bool:
    known = {True: True, False: False, "1": True, "0": False, "True": True, "False": False}
    if isinstance(value, (bool, str)) and value in known:
        return known[value]
    raise RecipeError(f"{what}: yes (1) or no (0), not {quoted(value)}: give 1 or 0")


def parsed(data: str | bytes, largest: int, what: str) -> object:
    if not isinstance(data, (str, bytes)):
        raise RecipeError(f"{what} is not text: give the JSON that the page wrote")
    if len(data) > largest:
        raise RecipeError(f"{what} has {len(data):,} characters; the page writes at most {largest:,}: give that")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise RecipeError(f"{what} is not JSON: give it as the page wrote it, unchanged and complete") from None


def given_in(data: object) -> object:
    """A recipe that is a mapping, or what its JSON holds. Raises RecipeError."""
    return data if isinstance(data, Mapping) else parsed(data, LONGEST_LINK, "this recipe")


def check_version(version: object) -> None:
    if isinstance(version, bool) or version not in (VERSION, str(VERSION)):
        says = f"this was written by another version of the page ({quoted(version)})"
        raise RecipeError(f"{says}: this one reads version {VERSION} and may be older; make the picture again here")


def other_weights(query: Mapping[str, str], model: str, sha256: str) -> bool:
    """Was the link made with other weights of `model` than those here, whose `sha256` that is?

    False where it cannot be known: of a link that names none, for a network that is not among FIRST_WEIGHTS.
    """
    named = query.get(WEIGHTS) or FIRST_WEIGHTS.get(model, "")[:WEIGHTS_DIGITS]
    return bool(named) and named != sha256[:WEIGHTS_DIGITS]


def in_a_link(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, tuple):
        last = max((i for i, one in enumerate(value) if one), default=-1)  # trailing zeros are the default
        return ",".join(map(in_a_link, value[: last + 1]))
    return f"{value:.10g}" if isinstance(value, float) else str(value)


# --- fields
# pydantic is not used: what is possible depends on the network, and every refusal is a sentence with a remedy.


class Kind(NamedTuple):
    """What a field of a recipe is.

    check: (value, recipe) -> the plain value; raises RecipeError. The recipe's earlier fields are checked already.
    type: of the value as programs give it. says: what it is and what is possible, for programs.
    control: what the page draws under "More controls": its kind ("whole", "range", "choice", "flag", "layers", "text")
    and what that needs; empty: nothing. limits: "minimum" and "maximum", for programs. linked: is it part of a link?
    """

    check: Callable[[Any, Any], Any]
    type: Any
    says: str
    control: Mapping[str, Any] = {}
    limits: Mapping[str, float] = {}
    linked: bool = True


def checked(check: Callable[[Any, Any], Any], default: Any, says: str, *, type: Any = None, **more: Any) -> Any:
    """A field with a check of its own; `default` MISSING: it has to be given. `more` as of `Kind`.

    type: None: that of the default.
    """
    found = type or (str if default is MISSING else default.__class__)
    return field(default=default, metadata={"kind": Kind(check, found, says, **more)})


def whole_field(
    what: str,
    lowest: int,
    highest: int,
    *,
    default: int = 0,
    control: Mapping = {},
    usual: Callable | None = None,
    most: Callable | None = None,
) -> Any:
    """usual: recipe -> what is meant by 0. most: recipe -> the highest of it, where that is less; not asked for 0."""
    says, limits = f"{what} from {lowest} to {highest}", dict(minimum=lowest, maximum=highest)

    def check(value: object, recipe: Any) -> int:
        found = whole(value, what, lowest, highest)
        if found and most:
            whole(found, what, lowest, most(recipe))
        return found or (usual(recipe) if usual else 0)

    return checked(check, default, says + "; 0: the usual" * bool(usual), control=control, limits=limits)


def number_field(what: str, lowest: float, highest: float, *, default: float, control: Mapping = {}) -> Any:
    about = dict(type=float, control=control, limits=dict(minimum=lowest, maximum=highest))
    says = f"{what} from {lowest:g} to {highest:g}"
    return checked(lambda value, _: number(value, what, lowest, highest), default, says, **about)


def choice_field(
    what: str, possible: Iterable[str], *, default: str = "", control: Mapping = {}, usual: Callable | None = None
) -> Any:
    """The first that is possible is the default where none is given. usual: recipe -> what is meant by ""."""
    possible = tuple(possible)

    def check(value: object, recipe: Any) -> str:
        return choice(value or usual(recipe) if usual else value, what, possible)

    first, kind = ("", str) if usual else (default or possible[0], Literal[possible])
    return checked(check, first, f"{what}: one of {', '.join(possible)}", type=kind, control=control)


def flag_field(what: str, *, default: bool, control: Mapping = {}) -> Any:
    return checked(lambda value, _: flag(value, what), default, what, type=bool, control=control)


def names_field(what: str, possible: Callable[[Any], Sequence[str]], word: str) -> Any:
    """Some names out of `possible(recipe)`, kept in its order."""

    def check(value: object, recipe: Any) -> tuple[str, ...]:
        given, known = value if isinstance(value, (list, tuple)) else [value], possible(recipe) if value else ()
        wrong = [name for name in given if name not in known]
        if wrong:
            raise RecipeError(f"{what}: there is no {quoted(wrong[0])}; choose of {', '.join(known)}")
        return tuple(name for name in known if name in given)

    return checked(check, (), what, type=list[str], control=dict(kind="names", word=word))


def amounts_field(most: int, reach: Callable[[Any], float], example: str) -> Any:
    """How far each of `most` knobs is turned: numbers within `reach(recipe)` to either side, filled up with 0."""

    def check(value: object, recipe: Any) -> tuple[float, ...]:
        far = reach(recipe)
        if not isinstance(value, (list, tuple)) or len(value) > most:
            possible = f"at most {most} numbers from {-far:g} to {far:g}"
            raise RecipeError(f"these are not the knobs' amounts: give {possible}, such as {example}")
        given = [number(amount, f"knob {i + 1}", -far, far) for i, amount in enumerate(value)]
        return tuple(given + [0.0] * (most - len(given)))

    return checked(check, (0.0,) * most, f"how far each of at most {most} knobs is turned", type=list[float])


def kinds(recipe: Any) -> dict[str, Kind]:
    """The kinds of a recipe's fields, or of its class's, by name."""
    return {one.name: one.metadata["kind"] for one in fields(recipe)}


@dataclass(frozen=True)
class Fields:
    """The base of all recipes: plain values that are checked when they are made, as JSON and as a link.

    A subclass is a frozen dataclass whose fields are made by the functions above; its first one is `model`. It says
    its `tab` ("" for the tab that links need not name), `what` it is and what to `give` where something else came,
    which fields a link writes `always`, and which network is meant where a link names none (`default_model`).
    """

    tab: ClassVar[str] = ""
    what: ClassVar[str] = "a recipe"
    give: ClassVar[str] = "give what the page wrote, with a model"
    always: ClassVar[tuple[str, ...]] = ("model",)
    of_tab: ClassVar[dict[str, type[Fields]]] = {}  # the recipe of each tab, filled as the classes are made

    def __init_subclass__(cls, **about: Any):
        for name, value in about.items():
            setattr(cls, name, value)
        if "tab" in about:
            Fields.of_tab[cls.tab] = cls

    def __post_init__(self):
        for name, kind in kinds(self).items():
            object.__setattr__(self, name, kind.check(getattr(self, name), self))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(one.name for one in fields(cls))

    @classmethod
    def default_model(cls) -> str:
        raise NotImplementedError

    def shared(self) -> Self:
        """What a link can hold of it: itself, unless it rests on a file of the visitor's own."""
        return self

    def plain(self) -> Self:
        """With what values it is compared: a link leaves those out."""
        return type(self)(self.model)

    # --- JSON

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, with version and tab: the one form behind link, notebook, saved edit and PNG."""
        return self._written(asdict(self))

    @classmethod
    def unread(cls, model: str, **values: Any) -> dict[str, Any]:
        """The plain recipe of a network that nobody has opened yet: its defaults are found when it is."""
        plain = {one.name: one.default for one in fields(cls) if one.name != "model"}
        return cls._written(dict(plain, model=model)) | values

    @classmethod
    def _written(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        lists = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return dict(lists, version=VERSION, **({"tab": cls.tab} if cls.tab else {}))

    @classmethod
    def from_json(cls, data: str | bytes | Mapping) -> Self:
        """The recipe of `as_dict`, or that as JSON; trusts nothing. Raises RecipeError."""
        given, names = given_in(data), cls.names()
        if not isinstance(given, Mapping) or "model" not in given or given.get("tab", cls.tab) != cls.tab:
            raise RecipeError(f"this is not {cls.what}: {cls.give}")
        check_version(given.get("version", VERSION))
        about = ("version", "tab") if cls.tab else ("version",)
        unknown = [name for name in given if name not in (*names, *about)]
        if unknown:
            raise RecipeError(f"{cls.what} has no {quoted(unknown[0])}: it has {', '.join(names)}")
        return cls(**{name: given[name] for name in names if name in given})

    # --- link

    def to_query(self) -> dict[str, str]:
        """The link's parameters: tab, version and the fields of `always`, the rest only where it is not the default."""
        shared = self.shared()
        plain = shared.plain()
        linked = [name for name, kind in kinds(self).items() if kind.linked]
        moved = [name for name in linked if name in self.always or getattr(shared, name) != getattr(plain, name)]
        written = {name: in_a_link(getattr(shared, name)) for name in moved}
        named = {WEIGHTS: zoo.weights_hash(self.model)[:WEIGHTS_DIGITS]}
        return dict(**({"tab": self.tab} if self.tab else {}), v=str(VERSION), **written, **named)

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """The recipe of a link's parameters; what is missing is the default, and what is not ours is left alone.

        Trusts nothing: raises RecipeError and nothing else.
        """
        if not isinstance(query, Mapping):
            raise RecipeError("this is not a link of this page: give its parameters, such as seed=7")
        linked = [name for name, kind in kinds(cls).items() if kind.linked]
        ours = {name: query[name] for name in ("v", WEIGHTS, *linked) if name in query}
        wrong = [name for name, value in ours.items() if not isinstance(value, str)]
        if wrong:
            raise RecipeError(f"this link's {wrong[0]} is not text: copy the link again")
        length = sum(len(str(name)) + len(value) for name, value in query.items() if isinstance(value, str))
        if length > LONGEST_LINK:
            raise RecipeError(f"this link has {length:,} characters; this page's have fewer than 1,000: copy it again")
        check_version(ours.pop("v", VERSION))
        weights = ours.pop(WEIGHTS, None)
        if weights is not None and not re.fullmatch(f"[0-9a-f]{{{WEIGHTS_DIGITS}}}", weights):
            says = f"the weights of a link are {WEIGHTS_DIGITS} digits from 0 to f, not {quoted(weights)}"
            raise RecipeError(f"{says}: copy the link again, or leave {WEIGHTS} out")
        return cls(**{"model": cls.default_model(), **cls.values_in(ours)})

    @classmethod
    def values_in(cls, query: Mapping[str, str]) -> dict[str, Any]:
        """The fields that parameters name, lists taken apart."""
        lists = [name for name, kind in kinds(cls).items() if get_origin(kind.type) is list]
        known = {name: value for name, value in query.items() if name in cls.names()}
        return known | {name: known[name].split(",") if known[name] else [] for name in lists if name in known}

    def link(self, page: str = "") -> str:
        """The address that opens this recipe on `page`, or on this page's Space."""
        return f"{page or home.repository()}?{self.query()}"

    def query(self) -> str:
        return urlencode(self.to_query(), safe=",~")

    def told(self) -> str:
        """Where directions come from that were made with this recipe, in words; "" where it makes none."""
        return ""

    def link_note(self) -> str:
        """What the link does not hold, in a sentence; "" where it holds everything."""
        return ""


def recipe_of_link(query: Mapping[str, str]) -> Fields:
    """The recipe of a link's parameters, of whichever tab it is. Raises RecipeError."""
    tab = query.get("tab", "") if isinstance(query, Mapping) else ""
    if tab not in Fields.of_tab:
        known = sorted(name for name in Fields.of_tab if name)
        raise RecipeError(f"this page has no tab {quoted(tab)}: it has {', '.join(known)}")
    return Fields.of_tab[tab].from_query(query)


def recipe_of_json(data: object) -> Fields:
    """The recipe that any tab wrote as JSON. Raises RecipeError."""
    given = given_in(data)
    tab = given.get("tab", "") if isinstance(given, Mapping) else ""
    return Fields.of_tab.get(tab if isinstance(tab, str) else "", Fields.of_tab[""]).from_json(given)


def controls(recipe: type[Fields]) -> list[dict[str, Any]]:
    """What the page's script needs to draw the fields that have a control."""
    return [{"says": kind.says, **kind.control, "name": name} for name, kind in kinds(recipe).items() if kind.control]
