"""Start as one folder that any file host can serve: a page of HTML, a script, the engine, and packs of networks.

    python ganatomy.py static FOLDER
    python ganatomy.py static FOLDER --lesson

It asks nobody anything, lies under any address, and holds nothing back: whatever draws, draws in the visitor's browser.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import engine
from core import zoo

from . import lesson as lessons

HERE = Path(__file__).resolve().parent
MARK = "ganatomy-static.json"  # what this command wrote into a folder, by name with its sha256
SMALL, WITH_OTHERS = 3_000_000, 9_000_000  # bytes that the folder may have, and with networks that others trained
LESSON = 2_500_000  # and as many more with the lesson
RECORD = "python -m commands.arrival start"
TEXTS = tomllib.loads((HERE / "static.toml").read_text(encoding="utf-8"))
NOTICES = Path(__file__).resolve().parents[1] / "demos" / "arrival"
Say = Callable[[str], None]


def make(folder: Path, *, page: str = "", others: bool = False, lesson: bool = False) -> dict[str, bytes]:
    """Writes the folder, and returns what lies in it by name.

    page: the address of the whole page, to which the doors lead; "": there are none. others: also the networks that
    others trained, whose licence the caller has accepted. lesson: also questions of a lesson. Files in the
    folder that this command did not write stay; one that would be lost, an address that is none, a network that is not
    here and a folder that would be too large raise ValueError, and nothing is written then.
    """
    from demos.start import bundle

    folder, models = folder.resolve(), networks(others)
    made = {name: read() for name, read in bundle.files(models).items()}
    made |= {f"engine/{name}": path.read_bytes() for name, path in engine.files().items()}
    made |= {f"{one}-NOTICE.txt": (NOTICES / one / "NOTICE").read_bytes() for one in models[1:]}
    made |= lessons.files(models[0]) if lesson else {}
    made["index.html"] = index(models, checked(page), lesson).encode()
    made["README.md"] = TEXTS["readme"].format(licences=licences(models)).encode()
    size, most = sum(map(len, made.values())), (WITH_OTHERS if others else SMALL) + LESSON * lesson
    if size > most:
        raise ValueError(
            f"the folder would have {size / 1e6:.1f} MB, and may have {most / 1e6:g}: the network is too large"
        )
    put(made, folder)
    return made


def networks(others: bool) -> list[str]:
    from demos.start import bundle

    found = bundle.networks(others)
    if not found:
        raise ValueError(f"Start was not recorded for the network that is here: run `{RECORD}` first")
    missing = [name for name in bundle.NAMES if others and name not in found]
    if missing:
        how = (
            f"`python ganatomy.py fetch {missing[0]}`"
            if not zoo.is_here(missing[0])
            else f"`{RECORD} --model {missing[0]}`"
        )
        raise ValueError(f"{missing[0]} is not ready on this machine: run {how} first, or leave --accept-licence out")
    return found


def checked(page: str) -> str | None:
    """The address of the page as a link may begin with it; None where there is none."""
    parts = urlsplit(page)
    if page and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
        raise ValueError(f"{page!r} is no address of a page: give one such as https://example.org/ganatomy/")
    return page.rstrip("/") + "/" if page else None


def licences(models: list[str]) -> str:
    cards = [zoo.card(model) for model in models]
    return "\n".join(f"- {card.title}: {card.licence}{f', {card.link}' if card.link else ''}" for card in cards)


# --- what is written

SECTIONS = ("lab",)  # what follows Start, by the names of their files: a script and HTML


def index(models: list[str], page: str | None, lesson: bool = False) -> str:
    """The page: Start as in the whole page, then the sections."""
    from demos.start import view as start

    def read(name: str) -> str:
        return (HERE / "static_page" / name).read_text(encoding="utf-8")

    whole = f'<a class="start-whole" href="{escape(page)}">{escape(TEXTS["whole"])}</a>' if page else ""
    there = f'<a class="start-whole" href="#lesson">{escape(TEXTS["lesson"])}</a>' if lesson else ""
    parts = {name: read(f"{name}.html") for name in SECTIONS} | (dict(lesson=lessons.section()) if lesson else {})
    sections = "".join(f'{part}<script type="module">{read(f"{name}.js")}</script>' for name, part in parts.items())
    return read("index.html").format(
        **{name: escape(TEXTS[name]) for name in ("title", "description", "says", "noscript")},
        style=start.style() + read("static.css"),
        whole=there + whole,
        view=start.view(models[0], page, dict(lessons="#lesson") if lesson else {}),
        loads=start.loads(models, "", "engine/"),
        sections=sections,
        foot=escape(TEXTS["foot"]),
    )


def put(made: Mapping[str, bytes], folder: Path) -> None:
    """Writes the files beside the folder and moves them in; those of before that are no longer made go."""
    if not folder.parent.is_dir():
        raise ValueError(f"there is no folder {folder.parent}: make it, or choose another place")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: choose another name for the folder")
    before = written(folder)
    theirs = [name for name in (*made, MARK) if (folder / name).exists() and not ours(folder, name, before)]
    if theirs:
        raise ValueError(f"{folder / theirs[0]} was not written by this command, or changed since: choose a new folder")
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in made.items()}
    whole = dict(made) | {MARK: json.dumps(hashes, indent=1).encode()}
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        for name, data in whole.items():
            (Path(beside) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(beside) / name).write_bytes(data)
        for name in whole:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(Path(beside) / name, folder / name)
    for name in set(before) - set(made):
        if ours(folder, name, before):
            (folder / name).unlink()
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            shutil.rmtree(path)


def written(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def ours(folder: Path, name: str, before: Mapping[str, str]) -> bool:
    """Did this command write the file, and is it still what it wrote? Its own list always is."""
    if name == MARK:
        return bool(before)
    path = folder / name
    return path.is_file() and before.get(name) == hashlib.sha256(path.read_bytes()).hexdigest()


# --- the command


def run(given: argparse.Namespace) -> None:
    made = make(Path(given.folder), page=given.page, others=given.accept_licence, lesson=given.lesson)
    packs = [name.removesuffix(".pack") for name in made if name.endswith(".pack") and "/" not in name]
    megabytes = sum(map(len, made.values())) / 1e6
    print(f"{given.folder}: {len(made) + 1} files, {megabytes:.1f} MB. Open it through any server of files:")
    print(f"python -m http.server --directory {given.folder}")
    for card in (zoo.card(name) for name in packs):
        print(f"{card.title}: {card.licence}{f' ({card.link})' if card.link else ''}")


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="FOLDER", help="a new folder, or one that this command made")
    command.add_argument("--page", default="", metavar="URL", help="where the whole page is; the doors lead there")
    says = "also a lesson: questions to guess first, then the visitor's own device measures; prints as a sheet"
    command.add_argument("--lesson", action="store_true", help=says)
    says = "also the network whose faces look like photographs; its pictures are for non-commercial research"
    command.add_argument("--accept-licence", "--accept-license", action="store_true", help=says)


COMMAND = (run, arguments, TEXTS["command"], TEXTS["more"])
