"""Would a Space take this folder, and would the page start there? One check a function."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import metadata_load
from yaml import YAMLError

import start
from core import zoo

NEEDED = ("title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "license")
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
SHORT = 60  # characters of short_description
FREE = re.compile(r"(?!.*\bN[CD]\b)(?:MIT|Apache|BSD|CC0|CC[ -]BY)", re.IGNORECASE)
IN_GIT = 10_000_000  # bytes: a larger file has to be stored by LFS or Xet
ALL = 1_000_000_000  # bytes that a Space's repository may have
LENT = "<2.12"  # PyTorch where a GPU is lent: ZeroGPU has up to 2.11
POINTER = b"version https://git-lfs.github.com/spec/"
MEMORY = 16e9  # bytes: what a Space without a plan for more has
PAGES = ("", "privacy", "programs", "arrival/preview.png")  # besides /health
PATIENCE = 180.0  # seconds


class Check(NamedTuple):
    """says: what was found; where it is not ok, what is wrong and what to do."""

    name: str
    ok: bool
    says: str


def judged(name: str, faults: list[str], says: str) -> Check:
    return Check(name, not faults, "; ".join(faults) or says)


# --- README.md


def front_matter(folder: Path) -> Check:
    """The block at the top of README.md that tells the Space what it is."""
    try:
        card = metadata_load(folder / "README.md") or {}
    except (YAMLError, ValueError, OSError) as error:
        reason = str(error).partition("\n")[0]
        return Check("front matter", False, f"README.md's block between --- and --- cannot be read ({reason}): mend it")
    faults = [f"README.md's front matter has no {key}: add it" for key in NEEDED if not card.get(key)]
    faults += wrong_values(card, folder) if not faults else []
    says = f"{card.get('sdk')} {card.get('sdk_version')}, Python {card.get('python_version')}, {card.get('license')}"
    return judged("front matter", faults + preloaded(card), f"{says}; nothing is preloaded that is not free")


def wrong_values(card: dict[str, Any], folder: Path) -> list[str]:
    lowest, *_, highest = (f"{major}.{minor}" for major, minor in start.pythons())
    gradio = next((line for line in required(folder) if line.startswith("gradio")), "gradio")
    python, version = str(card["python_version"]), str(card["sdk_version"])
    rules = {
        f"sdk is {card['sdk']}: it has to be gradio": card["sdk"] == "gradio",
        f"sdk_version {version} is outside of {gradio} in requirements.txt: choose one inside": within(version, gradio),
        f"python_version {python}: choose one from {lowest} to {highest}": within(python, f">={lowest},<={highest}"),
        f"app_file {card['app_file']} is not there: name the page's file": (folder / str(card["app_file"])).is_file(),
        f"short_description has more than {SHORT} characters: shorten it": len(str(card.get("short_description", "")))
        <= SHORT,
        **{
            f"{key} is no colour of Spaces: choose one of {', '.join(COLOURS)}": card[key] in COLOURS
            for key in ("colorFrom", "colorTo")
        },
    }
    return [fault for fault, good in rules.items() if not good]


def preloaded(card: dict[str, Any]) -> list[str]:
    """What is wrong with what the Space fetches when it is built: it would be copied under the Space's own licence."""
    asked = card.get("preload_from_hub") or []
    repositories = [
        str(line).split()[0] for line in (asked if isinstance(asked, list) else [asked]) if str(line).strip()
    ]
    faults = []
    for name in repositories:
        licences = {one.licence for one in zoo.REMOTE_CARDS.values() if one.source and one.source.repo == name}
        unfree = sorted(licence for licence in licences if not FREE.match(licence))
        if unfree or not licences:
            says = f"has the licence {unfree[0]}" if unfree else "has a licence that is not known here"
            faults.append(f"preload_from_hub: {name} {says}: take it out, visitors fetch it themselves")
    return faults


def links(folder: Path) -> Check:
    """Pictures and files that README.md names."""
    text = (folder / "README.md").read_text(encoding="utf-8") if (folder / "README.md").is_file() else ""
    named = sorted(set(re.findall(r"\]\(((?!https?:|#)[^)#\s]+)", text)))
    faults = [f"README.md names {name}, which is not there" for name in named if not (folder / name).exists()]
    return judged("README", faults, f"the {len(named)} files that it names are there")


# --- files


def sizes(folder: Path) -> Check:
    """How large the files are, and that all of them are the files themselves."""
    large = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    faults = [
        f"{name} is only a pointer of Git LFS: run `git lfs pull` in the project"
        for name, size in large.items()
        if size < 1000 and (folder / name).read_bytes().startswith(POINTER)
    ]
    faults += [
        f"{name} has {size / 1e6:.1f} MB, and files above {IN_GIT / 1e6:.0f} MB have to be stored by LFS: "
        "make it smaller, or give its kind to LFS in .gitattributes"
        for name, size in large.items()
        if size > IN_GIT and not by_lfs(folder, name)
    ]
    whole, most = sum(large.values()), max(large, key=large.get)
    if whole > ALL:
        faults.append(f"the folder has {whole / 1e9:.2f} GB, a Space's at most 1: the largest file is {most}")
    says = f"{len(large)} files, {whole / 1e6:.1f} MB; the largest, {most}, has {large[most] / 1e6:.1f} MB"
    return judged("sizes", faults, says)


def by_lfs(folder: Path, name: str) -> bool:
    lines = (folder / ".gitattributes").read_text(encoding="utf-8").splitlines()
    return any("filter=lfs" in line and Path(name).match(line.split()[0]) for line in lines if line.strip())


def binary(folder: Path) -> Check:
    """Spaces refuse files in git that are not text; `hf upload` and Git LFS store them elsewhere."""
    text = (folder / ".gitattributes").read_text(encoding="utf-8")
    kinds = re.findall(r"^(\S+) filter=lfs", text, re.MULTILINE)
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    faults = [
        f"{name} is not text and not given to LFS in .gitattributes: add its kind there"
        for name in names
        if b"\0" in (folder / name).read_bytes()[:8000] and not by_lfs(folder, name)
    ]
    told = "" if shutil.which("git-lfs") else "; `git push` would need Git LFS, which is not here, `hf upload` does not"
    return judged("binary files", faults, f"stored by LFS: {', '.join(kinds) or 'none'}{told}")


# --- requirements


def required(folder: Path) -> list[str]:
    """The lines of requirements.txt that name a package."""
    file = folder / "requirements.txt"
    return start.requirements(file) if file.is_file() else []


def requirements(folder: Path) -> Check:
    """A lowest version for each package, and PyTorch for the CPU or for ZeroGPU."""
    lines = required(folder)
    text = (folder / "requirements.txt").read_text(encoding="utf-8") if lines else ""
    faults = [
        f"requirements.txt names {line} without a lowest version: write >= and the lowest that works"
        for line in lines
        if not re.match(r"[\w.-]+(\[[\w,-]+\])?\s*(>=|==)\s*\d", line)
    ]
    faults += [f"requirements.txt has no {name}: add it" for name in ("torch", "gradio") if not _names(lines, name)]
    cpu, lent = f"--extra-index-url {start.CPU_INDEX}\n" in text, any(LENT in line for line in lines)
    if not cpu and not lent:
        faults.append(f"requirements.txt does not name {start.CPU_INDEX}: PyTorch would come with CUDA")
    says = f"{len(lines)} packages with their lowest versions; PyTorch for {'the CPU' if cpu else 'ZeroGPU'}"
    return judged("requirements", faults, says)


def _names(lines: list[str], name: str) -> bool:
    return any(re.match(rf"{name}\b", line) for line in lines)


def within(version: str, requirement: str) -> bool:
    """Is a version such as 6.31.0 inside of a range such as gradio>=6.24,<7? Of a bound, only its own places count."""
    have = _places(version)
    rules = re.findall(r"(>=|<=|==|<|>)\s*(\d+(?:\.\d+)*)", requirement)
    tests = {
        ">=": lambda a, b: a >= b,
        "<=": lambda a, b: a[: len(b)] <= b,
        "==": lambda a, b: a[: len(b)] == b,
        "<": lambda a, b: a < b,
        ">": lambda a, b: a[: len(b)] > b,
    }
    return bool(have) and all(tests[sign](have, _places(bound)) for sign, bound in rules)


def _places(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split("."))) if re.fullmatch(r"\d+(\.\d+)*", version) else ()


CHECKS = (front_matter, links, sizes, binary, requirements)


# --- does it start?


def started(folder: Path, scratch: Path) -> Check:
    """Starts the page as a Space does, asks it for its health and its pages, and stops it.

    scratch: a folder for what it writes. Seconds are counted from the start to the first answer of /health; memory is
    the most that the process had.
    """
    host = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"  # not the usual one: the Space's has to be obeyed
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "app.py", "--no-hub", "--port", str(port)]
    with open(scratch / "said.txt", "w+", encoding="utf-8", errors="replace") as said:
        begun = time.monotonic()
        page = subprocess.Popen(command, cwd=folder, env=of_a_space(host, scratch), stdout=said, stderr=said)
        try:
            health = answered(page, f"http://{host}:{port}/health", begun + PATIENCE)
            seconds = time.monotonic() - begun
            wrong = [name or "/" for name in PAGES if health and not opens(f"http://{host}:{port}/{name}")]
            peak = most_memory(page.pid)
            health = health if page.poll() is None else {}  # else another's page answered
        finally:
            stop(page)
        said.seek(0)
        last = (said.read().strip().splitlines() or ["it said nothing"])[-1]
    if not health:
        return Check("start", False, f"the page did not answer within {seconds:.0f} s: mend what it said last: {last}")
    faults = [f"the page answers nothing at {name}" for name in wrong]
    if not health.get("ok"):
        faults.append(f"the page is not well: {health.get('error', last)}")
    if peak and peak > MEMORY:
        faults.append(f"it took {peak / 1e9:.1f} GB, and a Space has {MEMORY / 1e9:.0f}: open fewer networks at once")
    took = f"{peak / 1e9:.2f} GB of {MEMORY / 1e9:.0f} at most" if peak else "memory was not measured on this system"
    return judged("start", faults, f"answers after {seconds:.1f} s; {took}; {len(PAGES) + 1} addresses asked")


def of_a_space(host: str, scratch: Path) -> dict[str, str]:
    """The environment that a Space gives the page, without a network."""
    ours = {name: value for name, value in os.environ.items() if name not in ("HOST", "PORT", "GANATOMY_OPTIONS")}
    names = dict(SYSTEM="spaces", SPACE_ID="somebody/copy", GRADIO_SERVER_NAME=host, GRADIO_ANALYTICS_ENABLED="False")
    kept = dict(GRADIO_TEMP_DIR=str(scratch / "served"), HF_HUB_OFFLINE="1", PYTHONDONTWRITEBYTECODE="1")
    return {**ours, **names, **kept}


def answered(page: subprocess.Popen, address: str, until: float) -> dict[str, Any]:
    """What `address` answers, in JSON; empty where the page has ended, or time is up."""
    while time.monotonic() < until and page.poll() is None:
        try:
            return json.loads(asked(address))
        except urllib.error.HTTPError as error:  # it answers, and says what is wrong
            return dict(ok=False, error=error.read().decode(errors="replace")[:300])
        except (OSError, ValueError):
            time.sleep(0.1)
    return {}


def asked(address: str) -> bytes:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy this machine uses
    with direct.open(address, timeout=60) as answer:
        return answer.read()


def opens(address: str) -> bool:
    try:
        return bool(asked(address))
    except OSError:
        return False


def most_memory(process: int) -> float | None:
    """The most bytes that the process has had in memory; None where the system does not say."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return 1024.0 * int(found[1]) if found else None


def stop(page: subprocess.Popen) -> None:
    page.terminate()
    try:
        page.wait(10)
    except subprocess.TimeoutExpired:
        page.kill()
        page.wait()
