"""GANatomy on the command line: for those who look after models, and for preparing a lesson.

    python ganatomy.py list                          which models there are, and which are on this machine
    python ganatomy.py fetch church-stylegan2        brings one here, so that the lesson needs no network
    python ganatomy.py check network.pkl             makes a page about a file: what it is, what it draws, its knobs
    python ganatomy.py convert network.pkl folder    our safetensors, configuration and model card, licence included
    python ganatomy.py space folder                  makes what is pushed to a Space, and checks it
    python ganatomy.py static folder                 makes a page without a server, for any file host

Files are recognised by what they hold, and nothing that they hold is run.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from commands import static
from core import checkpoints, surroundings, zoo
from core.checkpoints import native, options
from core.checkpoints.export import Provenance, export, plain

ROOT = Path(__file__).resolve().parent
TICK = 0.5  # seconds between two looks at work in progress
BAR = 24  # characters
CANCELLED = 130  # exit status after Ctrl-C, as shells have it


class Status:
    """`with Status() as status: status.show("...")`: one line about work in progress, at least once a second.

    On a terminal it is written over; anywhere else each is a line of its own.
    """

    def __init__(self, stream: TextIO | None = None):
        self.stream = sys.stderr if stream is None else stream
        self.text, self.began, self.width, self.said = "", time.monotonic(), 0, 0.0
        self.ended, self.lock = threading.Event(), threading.Lock()

    def show(self, text: str) -> None:
        """Of the same work, such as bytes of one file; `begin` starts another."""
        with self.lock:
            self.text = text

    def begin(self, text: str) -> None:
        """The first line about another piece of work, whose seconds are counted from now."""
        with self.lock:
            self.text, self.began = text, time.monotonic()

    def _tick(self) -> None:
        while not self.ended.wait(TICK):
            self._write()

    def _write(self) -> None:
        now = time.monotonic()
        terminal = self.stream.isatty()
        with self.lock:
            line = f"{self.text} ({now - self.began:.0f} s)" if self.text else ""
        if not line or not terminal and now - self.said < 2 * TICK - 0.1:
            return
        self.said = now
        self.stream.write(f"\r{line:<{self.width}}" if terminal else line + "\n")
        self.stream.flush()
        self.width = len(line)

    def __enter__(self) -> Status:
        self.thread = threading.Thread(target=self._tick, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_error) -> None:
        self.ended.set()
        self.thread.join()
        if self.width and self.stream.isatty():
            self.stream.write("\r" + " " * self.width + "\r")
            self.stream.flush()


class Given(NamedTuple):
    """A model by its name, or a file. card: None for a file that is not one of the zoo's."""

    path: Path
    name: str
    card: zoo.ModelCard | None
    described: checkpoints.Described
    sha256: str


def megabytes(size: int) -> str:
    """Bytes as "120.9 MB"."""
    return f"{size / 1e6:,.1f} MB"


# --- list


def facts(card: zoo.ModelCard) -> dict:
    """A row of the table: plain values; size in bytes, `exact` says whether to the byte."""
    here = zoo.is_here(card.name)
    size = card.path.stat().st_size if here else card.source.transferred
    return dict(
        name=card.name,
        title=card.title,
        architecture=card.architecture,
        resolution=card.resolution,
        size=size,
        exact=here or card.source.size is not None,
        licence=card.licence,
        link=card.link,
        here=here,
        pinned=card.pinned,
        bundled=card.source is None,
    )


def list_models(given: argparse.Namespace) -> None:
    """Prints the table, or with --json its rows as `facts` has them."""
    rows = [facts(card) for card in (*zoo.CARDS.values(), *zoo.REMOTE_CARDS.values())]
    if given.json:
        print(json.dumps(rows, indent=2))
        return
    lines = [("name", "title", "pixels", "size", "here", "pinned", "licence")]
    for row in rows:
        about, here = "" if row["exact"] else "about ", "bundled" if row["bundled"] else "yes" if row["here"] else "no"
        size, pinned = about + megabytes(row["size"]), "yes" if row["pinned"] else "no"
        lines.append((row["name"], row["title"], str(row["resolution"]), size, here, pinned, row["licence"]))
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(f"{text:<{width}}" for text, width in zip(line, widths)).rstrip())
    print("\nhere: opens without a network.  pinned: its bytes are known and checked; others need --unpinned.")


# --- fetch


def fetch(given: argparse.Namespace) -> None:
    """Brings every model that can be brought; the sentences of the others come together at the end."""
    chosen = {**dict.fromkeys(given.names), **dict.fromkeys(licensed() if given.all_licensed else ())}
    if not chosen:
        raise ValueError("no model was named: name some of `python ganatomy.py list`, or ask for --all-licensed")
    problems = []
    for card in [zoo.card(name) for name in chosen]:  # every name is looked up before anything is fetched
        try:
            with Status() as status:
                path = fetched(card, status, unpinned=given.unpinned)
            print(f"{card.name} is here: {megabytes(path.stat().st_size)}, licence: {licence_of(card)}")
        except (ValueError, OSError) as error:
            problems.append(sentence(error))
    if problems:
        raise ValueError("\n".join(problems))  # one sentence a model


def licensed() -> list[str]:
    """Models of the Hub whose licence is stated and whose bytes are known."""
    return [name for name, card in zoo.REMOTE_CARDS.items() if card.licensed and card.pinned]


def licence_of(card: zoo.ModelCard) -> str:
    """The licence, and where it stands."""
    return card.licence + (f" ({card.link})" if card.link else "")


def fetched(card: zoo.ModelCard, status: Status, *, unpinned: bool) -> Path:
    """The model's file; its size is said before a download begins, and a bar while it runs."""
    waits = card.source is not None and not zoo.is_here(card.name) and (card.pinned or unpinned)
    if waits:
        about = "" if card.source.size else "about "
        print(
            f"{card.name}: {about}{megabytes(card.source.transferred)} from {card.source.repo}",
            flush=True,
        )
    status.begin(f"{card.name}: {'asking the Hub' if waits else 'checking the file'}")

    def progress(done: int, total: int | None) -> None:
        status.show(bar(card.name, done, total))

    return zoo.fetch(card.name, unpinned=unpinned, progress=progress)


def bar(name: str, done: int, total: int | None) -> str:
    """Bytes done of all (None: not known) as one line."""
    if not total:
        return f"{name}: {megabytes(done)}"
    share = min(1.0, done / total)
    full = int(BAR * share)
    return f"{name}: [{'#' * full}{'.' * (BAR - full)}] {share:4.0%} of {megabytes(total)}"


# --- convert and check


def opened(given: argparse.Namespace, status: Status) -> Given:
    """The model or file that was asked for, read and recognised. Raises ValueError with one sentence."""
    cards = {**zoo.CARDS, **zoo.REMOTE_CARDS}
    card = cards.get(given.file)
    path = Path(given.file) if card is None else fetched(card, status, unpinned=given.unpinned)
    if not path.is_file():
        raise ValueError(
            f"there is neither a file nor a model {plain(given.file, 100)!r}: choose a file that exists, "
            "or a name of `python ganatomy.py list`"
        )
    status.begin(f"reading {plain(path.name, 60)}")
    described = checkpoints.describe(path, given.config, settings=options.chosen(given))
    sha256 = native.weights_hash(path)
    return Given(path, card.name if card else zoo.printable(path.stem), card or card_of(sha256), described, sha256)


def card_of(sha256: str) -> zoo.ModelCard | None:
    """The card of the zoo whose file has exactly these bytes."""
    for card in zoo.REMOTE_CARDS.values():
        if card.source.sha256 == sha256:
            return card
    return next((card for card in zoo.CARDS.values() if zoo.weights_hash(card.name) == sha256), None)


def provenance(model: Given, licence: str = "", link: str = "") -> Provenance:
    """The licence as the zoo's card says it; else as our own file carries it; else as the caller says it."""
    card, carried = model.card, {}
    if model.described.format == "ganatomy":
        carried = {key: plain(text) for key, text in native.metadata(model.path).items() if text != zoo.NOT_STATED}
    source = card.source if card else None
    place = dict(
        repo=source.repo if source else carried.get("source_repo", ""),
        revision=(source.revision or "") if source else carried.get("source_revision", ""),
    )
    if card and card.licensed:
        return Provenance(card.licence, card.link, f"GANatomy's card of {card.name}", **place)
    if carried.get("licence"):
        return Provenance(carried["licence"], carried.get("link", ""), "the file itself", **place)
    if licence:
        return Provenance(licence, link, "whoever converted it", **place)
    return Provenance(link=link or (card.link if card else ""), **place)


def convert(given: argparse.Namespace) -> None:
    """Writes the folder, and prints what was written, whose licence it has, and what is still to be cleared."""
    with Status() as status:
        model = opened(given, status)
        source = provenance(model, given.licence, given.link)
        status.begin(f"writing {plain(given.folder, 60)} and reading it back")
        own = () if model.card is None or model.card.source else (ROOT,)  # the licence of what is bundled lies there
        made = export(
            model.path,
            model.described,
            Path(given.folder),
            name=given.name or usual_name(model.name),
            provenance=source,
            beside=(model.path.parent, *own),
        )
    print(
        f"{made.folder / made.weights}: {model.described.architecture} of {model.described.generator.resolution} "
        f"pixels, from {model.described.writer}\nsha256 {made.sha256}"
    )
    print(
        f"Read back and drawn again: largest difference {made.difference:.2g} of a picture in [-1, 1]"
        + (", equal to the bit" if made.difference == 0 else "")
    )
    said = f", says {source.said_by}" if source.said_by else ""
    print(
        f"Licence: {plain(source.licence) or zoo.NOT_STATED}{said}"
        + (f"; copied: {', '.join(made.notices)}" if made.notices else "")
    )
    if given.licence and source.licence != given.licence:
        print("--licence was left aside: what is said above comes from where the weights do.")
    for text in (*model.described.generator.notes, *made.open_questions):
        print(plain(text))


def usual_name(name: str) -> str:
    """A file's name as one that can be published."""
    return "".join(x if x.isascii() and (x.isalnum() or x in "._-") else "-" for x in name).strip(".-_")[:96] or "model"


def check(given: argparse.Namespace) -> None:
    """Writes the page, whole or not at all."""
    with Status() as status:
        target = Path(given.output or f"{usual_name(Path(given.file).stem)}-report.html")
        if not target.absolute().parent.is_dir() or target.is_dir():
            raise ValueError(f"{target} cannot be written: name a file in a folder that exists")
        model = opened(given, status)
        from commands import report  # the page's library takes seconds to import, and only this needs it
        from demos.page import parts as notebook

        subject = report.Subject(model.name, model.path, model.described, model.sha256, model.card, provenance(model))
        for step in report.examined(subject, seeds=given.seeds, seconds=given.seconds):
            status.show(step.text)
        notebook.write_whole(target.absolute(), step.html.encode("utf-8", "replace"))
    print(
        f"{target}: {model.described.architecture} of {model.described.generator.resolution} pixels, "
        f"from {model.described.writer}, {megabytes(target.stat().st_size)}"
    )


def space(given: argparse.Namespace) -> None:
    """Writes the folder, and prints a line for each check. Raises ValueError where one fails."""
    from commands import space as made

    with Status() as status:
        how = dict(start=not given.no_start, zerogpu=given.zerogpu)
        checks = made.make(Path(given.folder), **how, say=status.begin)
    print("\n".join(f"{'ok' if one.ok else 'FAILED':<7} {one.name:<13} {one.says}" for one in checks))
    if wrong := [one.name for one in checks if not one.ok]:
        raise ValueError(f"{given.folder} is written, but do not push it yet: mend {', '.join(wrong)}, see above")


# --- the command line


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number from lowest to highest."""

    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {lowest} to {highest}")
        return int(text)

    return number


def parser() -> argparse.ArgumentParser:
    """The commands, in the words of those who prepare a lesson."""
    made = argparse.ArgumentParser(
        prog="python ganatomy.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    for name, (run, arguments, says, more) in COMMANDS.items():
        one = commands.add_parser(name, help=says, description=f"{says[:1].upper()}{says[1:]}. {more}")
        one.set_defaults(run=run)
        arguments(one)
    return made


def of_list(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="the list for programs; sizes in bytes")


def of_fetch(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", metavar="NAME", nargs="*", help="as `list` shows them")
    command.add_argument(
        "--all-licensed", action="store_true", help="every model whose licence is stated and whose bytes are known"
    )
    of_unpinned(command)


def of_unpinned(command: argparse.ArgumentParser) -> None:
    command.add_argument("--unpinned", action="store_true", help="also models whose bytes nobody knows, so unchecked")


def of_a_file(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE-OR-NAME", help="a checkpoint of any kind, or a name of `list`")
    command.add_argument("--config", metavar="FILE", help="the JSON that belongs to the file, if it lies elsewhere")
    of_unpinned(command)
    options.offer(command)


def of_convert(command: argparse.ArgumentParser) -> None:
    of_a_file(command)
    command.add_argument("folder", metavar="OUT-FOLDER", help="a new or empty folder")
    command.add_argument("--name", help="what to call it (the file's own name)")
    says = "what may be done with the weights, such as CC-BY-4.0, where nothing else says it"
    command.add_argument("--licence", "--license", default="", metavar="TEXT", help=says)
    command.add_argument("--link", default="", metavar="URL", help="where that licence stands")


def of_check(command: argparse.ArgumentParser) -> None:
    of_a_file(command)
    command.add_argument("-o", "--output", metavar="REPORT.html", help="where to write the page (NAME-report.html)")
    command.add_argument("--seeds", type=whole(1, 256), default=16, metavar="N", help="pictures on the sheet (16)")
    says = "how long measuring the knobs may take (120; 0: not at all); 16 pictures are the least"
    command.add_argument("--seconds", type=whole(0, 86_400), default=120, metavar="N", help=says)


def of_space(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="FOLDER", help="a new folder, or a clone of your Space")
    command.add_argument("--no-start", action="store_true", help="do not start the page that was made")
    command.add_argument("--zerogpu", action="store_true", help="for a Space with ZeroGPU")


COMMANDS = {
    "list": (
        list_models,
        of_list,
        "show which models there are",
        "Bundled models come first; the others are fetched from the Hugging Face Hub when asked for.",
    ),
    "fetch": (
        fetch,
        of_fetch,
        "bring models to this machine, once",
        "Do it before a lesson: afterwards they open without a network. Ctrl-C cancels.",
    ),
    "convert": (
        convert,
        of_convert,
        "turn a checkpoint into safetensors with configuration and model card",
        "The folder is ready to publish where the licence allows it; a picture is drawn again to check.",
    ),
    "check": (
        check,
        of_check,
        "make one HTML page about a checkpoint",
        "What the file is, its layers, a sheet of pictures, its ten strongest knobs, and what they do.",
    ),
    "space": (
        space,
        of_space,
        "make what is pushed to a Space, and check it",
        "Only what is committed goes out; docs/hosting.md has the rest.",
    ),
    "static": static.COMMAND,
}


def sentence(error: Exception) -> str:
    """What went wrong, for the terminal."""
    if isinstance(error, OSError):
        return (
            f"the system refused ({error.strerror or type(error).__name__}): "
            "make room, or choose a place that may be written to"
        )
    if isinstance(error, (RuntimeError, MemoryError, ArithmeticError)):
        reason = plain(str(error).partition("\n")[0], 120) or type(error).__name__
        return f"this network cannot be worked with here ({reason}): it is damaged, or too large for this machine"
    return str(error.args[0]) if error.args else str(error)


def main(arguments: Sequence[str] | None = None) -> int:
    """0; 1 after one sentence on stderr; 130 after Ctrl-C."""
    surroundings.letters()
    given = parser().parse_args(arguments)
    try:
        given.run(given)
    except KeyboardInterrupt:
        print("Cancelled: nothing that is only half there will be used.", file=sys.stderr)
        return CANCELLED
    except (ValueError, KeyError, OSError, RuntimeError, MemoryError, ArithmeticError) as error:
        print(sentence(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    surroundings.settle("GRADIO_TEMP_DIR")
    sys.exit(main())
