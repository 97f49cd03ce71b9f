"""One file of the Hugging Face Hub, pinned: from the cache without a network, or downloaded once, and always checked.

huggingface_hub does the transfer and keeps the cache (HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE). What it does
not do is done here: the sha256 is compared, a download can be watched and cancelled, every failure is one sentence.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .downloads import Cancelled as Cancelled
from .downloads import Download, FetchError, Progress, Stopped, sha256_of, shared


@dataclass(frozen=True)
class HubFile:
    """A file as a card pins it; None: not known. Raises ValueError for a revision or sha256 that is not a whole one.

    name: the model, as sentences call it. size: exact, in bytes; about: rounded, where only that is known.
    """

    name: str
    repo: str
    filename: str
    revision: str | None = None
    sha256: str | None = None
    size: int | None = None
    about: int | None = None

    def __post_init__(self):
        for value, digits in ((self.revision, 40), (self.sha256, 64)):
            if value is not None and not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
                raise ValueError(
                    f"{self.name}: {value!r} is not {digits} hexadecimal digits: leave it out where it is not known"
                )

    @property
    def pinned(self) -> bool:
        """Is it known which bytes the file must have?"""
        return None not in (self.revision, self.sha256)

    @property
    def transferred(self) -> int | None:
        """Bytes that are downloaded, exact or rounded; None: not known."""
        return self.size or self.about


def is_here(file: HubFile) -> bool:
    """Does the cache hold it, in its right size? Reaches for no network, and does not hash."""
    path = _cached(file)
    return path is not None and file.size in (None, path.stat().st_size)


def path_of(file: HubFile) -> Path:
    """Where the cache holds it. Raises FetchError where it does not."""
    path = _cached(file)
    if path is None:
        raise FetchError(f"{file.name} is not on this machine yet: fetch it first")
    return path


def size_of(file: HubFile, *, token: str | None = None) -> int | None:
    """Bytes, without a download: as its card says, as the cache has it, or the Hub. Raises FetchError like `fetch`."""
    if file.size is not None:
        return file.size
    path = _cached(file)
    if path is not None:
        return path.stat().st_size
    from huggingface_hub import hf_hub_download

    try:
        return hf_hub_download(**_asked(file, token), dry_run=True).file_size
    except Exception as error:  # the library's own, its HTTP client's and the disk's
        raise FetchError(_sentence(file, error)) from error


def fetch(
    file: HubFile,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    token: str | None = None,
) -> Path:
    """The path of the file, checked. A full revision in the cache needs no network; several callers share one download.

    progress(bytes done, bytes in all or None) and cancelled() are called in the caller's thread, ten times a second.
    Raises FetchError with what was wrong and what to do, and Cancelled; neither leaves what passes for the whole file.
    """
    path = _cached(file) if file.revision or file in _asked_for else None
    if path is not None:
        return _verified(file, path)
    key, start = (file, token), partial(_Transfer, file, token)
    return shared(key, start, progress=progress, cancelled=cancelled)


class _Transfer(Download):
    def __init__(self, file: HubFile, token: str | None):
        super().__init__(file.name, file.transferred)
        self.file, self.token = file, token

    def transfer(self) -> Path:
        from huggingface_hub import hf_hub_download

        bar = type("Bar", (_Bar,), {"download": self})
        path = _verified(self.file, Path(hf_hub_download(**_asked(self.file, self.token), tqdm_class=bar)))
        _asked_for.add(self.file)
        return path

    def sentence(self, error: Exception) -> str:
        return _sentence(self.file, error)


_hashing = threading.Lock()
_asked_for: set[HubFile] = set()  # without a revision the Hub is asked once a process, not at every call


class _Bar:
    """What huggingface_hub takes for a tqdm: it counts, and stops the download that nobody waits for."""

    download: _Transfer

    def __init__(self, *, total: int | None = None, initial: int = 0, **_looks):
        self.total, self.written, self.received = total, initial, initial
        self._count()

    def _count(self) -> None:
        if self.download.stopped:
            raise Stopped
        self.download.total = self.total or self.download.total
        self.download.done = max(self.download.done, self.written, min(self.received, self.total or 0))

    def update(self, count: int = 1) -> None:
        self.written += count
        self._count()

    def update_transfer(self, count: int) -> None:
        """Bytes that came over the network; they reach the disk later, and may be fewer."""
        self.received += count
        self._count()

    def set_postfix_str(self, *_text, **_how) -> None:
        """Speed as text: not shown."""

    set_transfer_postfix_str = refresh = close = set_postfix_str

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_error) -> None:
        self.close()


# The cache, and what lies in it


def _asked(file: HubFile, token: str | None) -> dict:
    return dict(repo_id=file.repo, filename=file.filename, revision=file.revision, token=token)


def _cached(file: HubFile) -> Path | None:
    """Where the cache holds it; without a revision, the newest that was seen."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repo_id=file.repo, filename=file.filename, revision=file.revision or "main")
    return Path(path) if isinstance(path, str) else None


def _verified(file: HubFile, path: Path) -> Path:
    """The path, where the file has the size and sha256 of its card. Else FetchError is raised, and the file removed."""
    try:
        wrong = _difference(file, path)
    except OSError as error:
        raise FetchError(
            f"{file.name} cannot be read from {path} ({error.strerror}): "
            "make it readable or delete it, and fetch it again"
        ) from None
    if wrong is None:
        return path
    try:
        _remove(path)
        remedy = "the file was removed: fetch it again, and choose another model if that does not help"
    except OSError:
        remedy = f"it is not used: delete {path}, then fetch it again"
    raise FetchError(f"{file.name} is not the file that its card names ({file.filename}: {wrong}); {remedy}")


def _difference(file: HubFile, path: Path) -> str | None:
    facts = path.stat()
    if file.size not in (None, facts.st_size):
        return f"{file.size} bytes were expected, {facts.st_size} found"
    if file.sha256 is None:
        return None
    with _hashing:
        found = sha256_of(os.path.realpath(path), facts.st_size, facts.st_mtime_ns)
    return None if found == file.sha256 else f"sha256 {file.sha256} was expected, {found} found"


def _remove(path: Path) -> None:
    """The file and every link on the way to it: a blob that stays would be linked again without a download."""
    while path.is_symlink():
        target = path.parent / os.readlink(path)
        path.unlink()
        path = target
    path.unlink(missing_ok=True)


# Sentences

_SENTENCES = (  # of huggingface_hub.errors; the first that fits: a gated repository is also one that was not found
    (
        "GatedRepoError",
        "asks for its licence to be accepted first: open {page}, accept it, then set HF_TOKEN "
        "(or run `hf auth login`) and fetch it again",
    ),
    ("DisabledRepoError", "has been disabled on the Hub ({page}): choose another model"),
    (
        "RepositoryNotFoundError",
        "was not found: the Hub has no repository {repo}, or it is private; "
        "choose another model, or set HF_TOKEN if you may see it",
    ),
    ("RevisionNotFoundError", "was not found: {repo} no longer has the revision {revision}; choose another model"),
    (
        "RemoteEntryNotFoundError",
        "was not found: {repo} has no {filename} at revision {revision}; choose another model",
    ),
    (
        "OfflineModeIsEnabled",
        "is not on this machine, and HF_HUB_OFFLINE=1 forbids the Hub: "
        "unset it and fetch the model once, or choose one that is here",
    ),
    (
        "FileMetadataError",
        "cannot be fetched: what answers at {endpoint} is not a Hub; correct HF_ENDPOINT or the proxy and try again",
    ),
)


def _sentence(file: HubFile, error: Exception) -> str:
    from huggingface_hub import constants, errors

    if isinstance(error, FetchError):
        return str(error)
    if isinstance(error, errors.LocalEntryNotFoundError):  # "nor in the cache"; what the Hub did is its cause
        error = error.__cause__ or error
    facts = dict(
        repo=file.repo,
        filename=file.filename,
        revision=file.revision or "main",
        endpoint=constants.ENDPOINT,
        page=f"{constants.ENDPOINT}/{file.repo}",
    )
    for kind, said in _SENTENCES:
        if isinstance(error, getattr(errors, kind)):
            return f"{file.name} {said.format(**facts)}"
    if isinstance(error, errors.HfHubHTTPError):
        return f"{file.name} cannot be fetched: {_refusal(error.response.status_code)}"
    if isinstance(error, (errors.LocalEntryNotFoundError, _transport_error(errors))):
        return (
            f"{file.name} is not on this machine, and the connection to {constants.ENDPOINT} failed "
            f"({_reason(error)}): check the network and fetch it again, or choose a model that is here"
        )
    if isinstance(error, OSError) and error.errno:
        return (
            f"{file.name} cannot be kept in {constants.HF_HUB_CACHE} ({error.strerror}): "
            "free some space there, or set HF_HOME to a folder that can be written, and fetch it again"
        )
    return (
        f"{file.name} could not be fetched ({_reason(error)}): "
        "fetch it again, and update huggingface_hub if that does not help"
    )


def _refusal(status: int) -> str:
    if status in (401, 403):
        return f"the Hub does not accept the token (status {status}); set another HF_TOKEN or none, and fetch it again"
    if status == 429:
        return "the Hub has had too many requests from here (status 429); wait some minutes and fetch it again"
    return f"the Hub answered with status {status}; try again later, or choose a model that is here"


def _transport_error(errors) -> type[Exception]:
    """The HTTP client's own error, of httpx or httpx2 as the version has it: the Hub's errors are made from it."""
    return next(kind for kind in errors.HfHubHTTPError.__mro__ if kind.__name__ == "HTTPError")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
