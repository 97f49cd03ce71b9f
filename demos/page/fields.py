"""Values from links, files and text boxes -> plain values, or a sentence for the visitor."""

from __future__ import annotations

import contextlib
import json
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence

VERSION = 1
LONGEST_LINK = 4_000  # characters read; the links written here have fewer than 1,000


class RecipeError(ValueError):
    """Its text is a sentence for the visitor: what was wrong, what is possible, what to do."""


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
    number = value
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value):
        number = int(value)
    if isinstance(value, float) and value.is_integer():
        number = int(value)
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


def parsed(data: str | bytes, largest: int, what: str) -> object:
    if not isinstance(data, (str, bytes)):
        raise RecipeError(f"{what} is not text: give the JSON that the page wrote")
    if len(data) > largest:
        raise RecipeError(f"{what} has {len(data):,} characters; the page writes at most {largest:,}: give that")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise RecipeError(f"{what} is not JSON: give it as the page wrote it, unchanged and complete") from None


def check_version(version: object) -> None:
    if isinstance(version, bool) or version not in (VERSION, str(VERSION)):
        raise RecipeError(
            f"this was written by another version of the page ({quoted(version)}): "
            f"this one reads version {VERSION}; update the page, or make the picture again"
        )


def read_recipe(data: object, names: Sequence[str], what: str, give: str, *, tab: str = "") -> dict:
    """The fields `names` of a recipe that is a mapping or its JSON; trusts nothing.

    tab: the one that it has to be of; recipes without tabs have to say their version. Raises RecipeError: this is not
    `what`, `give`.
    """
    given = data if isinstance(data, Mapping) else parsed(data, LONGEST_LINK, "this recipe")
    if not isinstance(given, Mapping) or "model" not in given or given.get("tab", tab) != tab:
        raise RecipeError(f"this is not {what}: {give}")
    check_version(given.get("version", VERSION if tab else None))
    unknown = [name for name in given if name not in (*names, "version", *(["tab"] if tab else []))]
    if unknown:
        raise RecipeError(f"{what} has no {quoted(unknown[0])}: it has {', '.join(names)}")
    return {name: given[name] for name in names if name in given}


def read_link(query: object, names: Sequence[str]) -> dict[str, str]:
    """The parameters `names` of a link, its version checked; those that are not ours are left alone.

    Trusts nothing: raises RecipeError and nothing else.
    """
    if not isinstance(query, Mapping):
        raise RecipeError("this is not a link of this page: give its parameters, such as seed=7")
    ours = {name: query[name] for name in ("v", *names) if name in query}
    wrong = [name for name, value in ours.items() if not isinstance(value, str)]
    if wrong:
        raise RecipeError(f"this link's {wrong[0]} is not text: copy the link again")
    length = sum(len(str(name)) + len(value) for name, value in query.items() if isinstance(value, str))
    if length > LONGEST_LINK:
        raise RecipeError(f"this link has {length:,} characters; this page's have fewer than 1,000: copy it again")
    check_version(ours.pop("v", VERSION))
    return ours


def in_a_link(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, tuple):
        last = max(i for i, amount in enumerate(value) if amount)  # trailing zeros are the default
        return ",".join(in_a_link(amount) for amount in value[: last + 1])
    return f"{value:.10g}" if isinstance(value, float) else str(value)
