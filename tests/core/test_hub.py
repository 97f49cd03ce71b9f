"""Files of the Hub: fetched once, checked always, and every failure is one sentence.

A server on the loopback address stands for the Hub; no test needs a network.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import torch

from core import checkpoints, downloads, hub, zoo
from core.checkpoints import native

from .. import tiny
from ..hub_server import CONTENT, PIECE, REVISION, TOKEN, Answers, StandIn, ended

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

ROOT = Path(__file__).resolve().parents[2]


def pinned(filename: str = "good.bin", *, content: bytes = CONTENT, **changes) -> hub.HubFile:
    facts = dict(revision=REVISION, sha256=hashlib.sha256(content).hexdigest(), size=len(content)) | changes
    return hub.HubFile("toy-gan", "somebody/toys", filename, **facts)


def refused(file: hub.HubFile, sentence: str, **how) -> str:
    with pytest.raises(hub.FetchError, match=sentence) as error:
        hub.fetch(file, **how)
    said = str(error.value)
    assert said.startswith("toy-gan ") and "\n" not in said and len(said) < 500
    assert any(remedy in said for remedy in ("fetch it again", "choose", "try again", "fetch the model once"))
    return said


def files_in(folder: Path) -> list[Path]:
    return [
        path for path in folder.rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG" and path.suffix != ".lock"
    ]


# What goes well


@pytest.mark.parametrize("name, content", [("good.bin", CONTENT), ("ada/other.bin", CONTENT[::-1])])
def test_a_good_file_arrives_once_and_is_found_without_a_network(
    cache: Path, stand_in: StandIn, name: str, content: bytes
) -> None:
    file = pinned(name, content=content)
    assert not hub.is_here(file)
    path = hub.fetch(file)
    assert path.read_bytes() == content and cache in path.parents and path.name == Path(name).name
    assert stand_in.count("GET") == 1
    stand_in.seen.clear()
    assert hub.fetch(file) == path == hub.path_of(file) and hub.is_here(file) and hub.size_of(file) == len(content)
    assert stand_in.seen == []


def test_progress_counts_up_to_the_whole_in_the_callers_thread(cache: Path, stand_in: StandIn) -> None:
    stand_in.pieces, seen = 3, []

    def progress(done: int, total: int | None) -> None:
        seen.append((done, total, threading.current_thread()))
        if done == 3 * PIECE:
            stand_in.go.set()

    hub.fetch(pinned(), progress=progress)
    done, totals, threads = zip(*seen)
    assert sorted(done) == list(done) and 3 * PIECE in done and done[-1] == len(CONTENT)
    assert set(totals) == {len(CONTENT)} and set(threads) == {threading.current_thread()}


def test_the_size_is_known_before_the_download(cache: Path, stand_in: StandIn) -> None:
    assert hub.size_of(pinned()) == len(CONTENT) and stand_in.seen == []
    assert hub.size_of(pinned(size=None)) == len(CONTENT)
    assert stand_in.count("GET") == 0 and stand_in.count("HEAD") == 1 and not files_in(cache)
    stand_in.code = "RepoNotFound"
    with pytest.raises(hub.FetchError, match="toy-gan was not found: the Hub has no repository somebody/toys"):
        hub.size_of(pinned(size=None, revision="f" * 40))


def test_a_file_without_revision_is_asked_for_once_a_process(cache: Path, stand_in: StandIn) -> None:
    file = pinned(revision=None, sha256=None, size=None)
    path = hub.fetch(file)
    asked = len(stand_in.seen)
    assert path.read_bytes() == CONTENT and hub.fetch(file) == path and hub.is_here(file)
    assert len(stand_in.seen) == asked


def test_a_file_is_hashed_once_until_it_changes(cache: Path) -> None:
    file, before = pinned(), downloads.sha256_of.cache_info().misses
    path = hub.fetch(file)
    for _ in range(3):
        hub.fetch(file)
    assert downloads.sha256_of.cache_info().misses == before + 1
    os.utime(path, ns=(1, 1))
    hub.fetch(file)
    assert downloads.sha256_of.cache_info().misses == before + 2


def test_two_who_ask_at_once_share_one_download(cache: Path, stand_in: StandIn) -> None:
    stand_in.pieces, found = 2, []
    threads = [threading.Thread(target=lambda: found.append(hub.fetch(pinned()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    while stand_in.count("GET") == 0 or next(iter(downloads._running.values())).waiting < 3:
        threading.Event().wait(0.01)
    stand_in.go.set()
    for thread in threads:
        thread.join(20)
    assert len(found) == 3 and len(set(found)) == 1 and stand_in.count("GET") == 1 and not downloads._running


# Cancelling


def test_cancelling_is_heard_while_the_hub_is_silent_and_leaves_no_half_file(cache: Path, stand_in: StandIn) -> None:
    stand_in.pieces, file = 4, pinned()
    begun = time.monotonic()
    with pytest.raises(hub.Cancelled, match="toy-gan was cancelled"):
        hub.fetch(file, cancelled=lambda: stand_in.count("GET") > 0)
    assert time.monotonic() - begun < 5 and not hub.is_here(file) and not downloads._running
    stand_in.go.set()
    ended()
    assert not [path for path in files_in(cache) if path.suffix != ".incomplete"] and not hub.is_here(file)
    stand_in.pieces = None
    assert hub.fetch(file).read_bytes() == CONTENT


def test_a_download_that_somebody_still_waits_for_goes_on(cache: Path, stand_in: StandIn) -> None:
    stand_in.pieces, found = 2, []
    patient = threading.Thread(target=lambda: found.append(hub.fetch(pinned())))
    patient.start()
    with pytest.raises(hub.Cancelled):
        hub.fetch(
            pinned(),
            cancelled=lambda: bool(downloads._running) and next(iter(downloads._running.values())).waiting == 2,
        )
    stand_in.go.set()
    patient.join(20)
    assert found[0].read_bytes() == CONTENT and stand_in.count("GET") == 1


def test_an_error_in_the_progress_ends_the_download(cache: Path, stand_in: StandIn) -> None:
    stand_in.pieces = 1
    with pytest.raises(ZeroDivisionError):
        hub.fetch(pinned(), progress=lambda done, total: 1 // 0)
    stand_in.go.set()
    ended()
    assert not downloads._running and not hub.is_here(pinned())


# What goes wrong between here and the Hub


@pytest.mark.parametrize(
    "code, sentence",
    [
        ("RepoNotFound", "was not found: the Hub has no repository somebody/toys, or it is private; choose another"),
        (
            "GatedRepo",
            "asks for its licence to be accepted first: open http://127.0.0.1:[0-9]+/somebody/toys, .* HF_TOKEN",
        ),
        ("DisabledRepo", "has been disabled on the Hub .http://127.0.0.1:[0-9]+/somebody/toys.: choose another model"),
        ("RevisionNotFound", f"no longer has the revision {REVISION}; choose another"),
        ("EntryNotFound", f"somebody/toys has no good.bin at revision {REVISION}; choose another"),
    ],
)
def test_what_the_hub_does_not_have_is_said(cache: Path, stand_in: StandIn, code: str, sentence: str) -> None:
    stand_in.code = code
    refused(pinned(), sentence)
    assert stand_in.count("GET") == 0 and not hub.is_here(pinned())
    stand_in.code = ""
    assert hub.fetch(pinned()).read_bytes() == CONTENT  # no failure is remembered


@pytest.mark.parametrize(
    "status, sentence",
    [
        (500, "the Hub answered with status 500; try again later"),
        (503, "status 503; try again later"),
        (429, "too many requests from here .status 429.; wait"),
        (401, "HF_TOKEN"),
        (403, "HF_TOKEN"),
    ],
)
def test_a_hub_that_refuses_is_said(cache: Path, stand_in: StandIn, status: int, sentence: str) -> None:
    stand_in.status = status
    refused(pinned(), sentence)


@pytest.mark.parametrize("by_environment", [True, False])
def test_a_gated_file_opens_with_the_token_and_the_token_is_never_said(
    cache: Path, stand_in: StandIn, monkeypatch, by_environment: bool
) -> None:
    stand_in.token = TOKEN
    assert "hf_wrong" not in refused(pinned(), "licence", token="hf_wrong")
    if by_environment:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert hub.fetch(pinned(), token=None if by_environment else TOKEN).read_bytes() == CONTENT


def test_a_hub_that_is_not_there_is_said(cache: Path, stand_in: StandIn) -> None:
    stand_in.shutdown()
    stand_in.server_close()
    refused(pinned(), "not on this machine, and the connection to http://127.0.0.1:[0-9]+ failed .*: check the network")


def test_something_else_at_the_endpoint_is_said(cache: Path, stand_in: StandIn, monkeypatch) -> None:
    monkeypatch.setattr(
        Answers,
        "send_header",
        lambda self, name, value: (
            None if name == "X-Repo-Commit" else BaseHTTPRequestHandler.send_header(self, name, value)
        ),
    )
    refused(pinned(), "what answers at http://127.0.0.1:[0-9]+ is not a Hub; correct HF_ENDPOINT")


def test_a_download_cut_half_way_is_resumed(cache: Path, stand_in: StandIn) -> None:
    stand_in.cuts = [8 * PIECE, 3 * PIECE]
    assert hub.fetch(pinned()).read_bytes() == CONTENT
    ranges = [asked for method, asked in stand_in.seen if method == "GET"]
    assert ranges == ["", f"bytes={8 * PIECE}-", f"bytes={11 * PIECE}-"]


def test_progress_does_not_go_back_where_the_hub_starts_again(cache: Path, stand_in: StandIn) -> None:
    stand_in.cuts, stand_in.resumes, stand_in.pieces = [8 * PIECE], False, 2
    seen, again = [], []

    def progress(done: int, total: int | None) -> None:
        seen.append(done)
        again.append(stand_in.count("GET") == 2)
        if sum(again) > 10:
            stand_in.go.set()

    assert hub.fetch(pinned(), progress=progress).read_bytes() == CONTENT
    assert seen == sorted(seen) and 8 * PIECE in seen


def test_a_download_that_never_gets_on_is_said_and_the_next_starts_again(cache: Path, stand_in: StandIn) -> None:
    stand_in.cuts = [8 * PIECE] + [0] * 20
    refused(pinned(), "the connection to http://127.0.0.1:[0-9]+ failed .*: check the network and fetch it again")
    assert not hub.is_here(pinned())
    stand_in.cuts = []
    assert hub.fetch(pinned()).read_bytes() == CONTENT


def test_offline_and_not_cached_is_said(cache: Path, stand_in: StandIn, monkeypatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused(pinned(), "is not on this machine, and HF_HUB_OFFLINE=1 forbids the Hub: unset it")
    assert stand_in.seen == []


def test_an_error_that_nobody_foresaw_is_still_one_sentence(cache: Path, monkeypatch) -> None:
    def breaks(**_asked) -> str:
        raise RuntimeError("Data processing error:\n the storage behind the Hub hiccuped")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", breaks)
    refused(pinned(), "could not be fetched .RuntimeError: Data processing error: the storage .*: fetch it again")


# What goes wrong with the file


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        (CONTENT[:-1] + b"\0", f"sha256 {hashlib.sha256(CONTENT).hexdigest()} was expected, [0-9a-f]{{64}} found"),
        (CONTENT[:-1], f"{len(CONTENT)} bytes were expected, {len(CONTENT) - 1} found"),
    ],
)
def test_another_file_is_refused_removed_and_never_used(
    cache: Path, stand_in: StandIn, wrong: bytes, sentence: str
) -> None:
    stand_in.files["good.bin"] = wrong
    said = refused(pinned(), sentence)
    assert ("sha256" not in said) or hashlib.sha256(wrong).hexdigest() in said
    assert not hub.is_here(pinned()) and not files_in(cache)
    stand_in.files["good.bin"] = CONTENT
    assert hub.fetch(pinned()).read_bytes() == CONTENT


def test_a_cached_file_that_changed_is_removed_without_a_network(cache: Path, stand_in: StandIn) -> None:
    path = hub.fetch(pinned())
    blob = Path(os.path.realpath(path))
    blob.write_bytes(CONTENT[:-1])
    assert not hub.is_here(pinned()) and hub.is_here(pinned(size=None))
    blob.write_bytes(CONTENT[::-1])
    stand_in.seen.clear()
    refused(pinned(), "sha256 .* was expected, .* found.*; the file was removed: fetch it again")
    assert stand_in.seen == [] and not files_in(cache)
    assert hub.fetch(pinned()).read_bytes() == CONTENT


def test_every_waiting_caller_hears_of_another_file(cache: Path, stand_in: StandIn) -> None:
    stand_in.files["good.bin"], stand_in.pieces, heard = CONTENT[::-1], 2, []

    def ask() -> None:
        with pytest.raises(hub.FetchError) as error:
            hub.fetch(pinned())
        heard.append(str(error.value))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    while not downloads._running or next(iter(downloads._running.values())).waiting < 2:
        threading.Event().wait(0.01)
    stand_in.go.set()
    for thread in threads:
        thread.join(20)
    assert len(heard) == 2 and len(set(heard)) == 1 and "was expected" in heard[0]


def test_a_cache_that_cannot_be_written_is_said(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    refused(pinned(), "cannot be kept in .*cache .*: free some space there, or set HF_HOME to a folder that can be")


def test_a_read_only_cache_is_said_and_what_lies_in_it_is_used(cache: Path, stand_in: StandIn, monkeypatch) -> None:
    path = hub.fetch(pinned())

    def read_only(*_path, **_how) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for name in ("makedirs", "mkdir", "unlink", "replace"):
        monkeypatch.setattr(os, name, read_only)
    assert hub.fetch(pinned()) == path
    other = pinned("ada/other.bin", content=CONTENT[::-1])
    refused(other, "cannot be kept in .*cache .Read-only file system.: free some space there, or set HF_HOME")


def test_a_bad_file_that_cannot_be_removed_is_not_used(cache: Path, monkeypatch) -> None:
    path = hub.fetch(pinned())
    Path(os.path.realpath(path)).write_bytes(CONTENT[::-1])

    def fails(_path: Path) -> None:
        raise PermissionError("on purpose")

    monkeypatch.setattr(hub, "_remove", fails)
    for _ in range(2):
        refused(pinned(), "it is not used: delete .*good.bin, then fetch it again")


@pytest.mark.parametrize(
    "change", [dict(revision="0123456"), dict(revision="main"), dict(sha256="abc"), dict(sha256="G" * 64)]
)
def test_a_pin_is_whole_or_left_out(change: dict) -> None:
    with pytest.raises(ValueError, match="toy-gan: .* is not (40|64) hexadecimal digits: leave it out"):
        pinned(**change)
    assert pinned().pinned and not pinned(**dict.fromkeys(change)).pinned


# In a process of its own, where the environment alone decides

ALONE = """
import json, sys
from core import hub
file = hub.HubFile("toy-gan", "somebody/toys", **json.loads(sys.argv[1]))
assert "huggingface_hub" not in sys.modules and "torch" not in sys.modules
try:
    print(hub.is_here(file), hub.fetch(file))
except hub.FetchError as error:
    print(error)
"""


def test_the_environment_decides_where_and_whether(stand_in: StandIn, tmp_path: Path) -> None:
    facts = json.dumps(dict(filename="good.bin", revision=REVISION, sha256=hashlib.sha256(CONTENT).hexdigest()))

    def alone(**more: str) -> str:
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.upper().startswith("HF_") and "proxy" not in name.lower()
        }
        environ = plain | dict(HF_ENDPOINT=stand_in.url, HF_HOME=str(tmp_path / "home")) | more
        done = subprocess.run(
            [sys.executable, "-c", ALONE, facts], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    stand_in.token = TOKEN
    assert "HF_HUB_OFFLINE=1 forbids the Hub" in alone(HF_HUB_OFFLINE="1") and stand_in.seen == []
    found, path = alone(HF_TOKEN=TOKEN).split()
    assert found == "False" and Path(path).read_bytes() == CONTENT and tmp_path / "home" in Path(path).parents
    stand_in.seen.clear()
    assert alone(HF_HUB_OFFLINE="1").split() == ["True", path] and stand_in.seen == []


# The zoo on top of it


@pytest.fixture
def far(cache: Path, stand_in: StandIn, tmp_path: Path, monkeypatch) -> zoo.ModelCard:
    """A card of a tiny model that lies on the stand-in."""
    native.save(tiny.stylegan2(), tmp_path / "tiny.safetensors")
    content = stand_in.files["tiny.safetensors"] = (tmp_path / "tiny.safetensors").read_bytes()
    card = zoo.ModelCard(
        "toy-gan",
        "Toys (StyleGAN2, 16 px)",
        "tiny.safetensors",
        None,
        16,
        source=pinned("tiny.safetensors", content=content),
    )
    monkeypatch.setattr(zoo, "REMOTE_CARDS", {"toy-gan": card})
    if not hasattr(checkpoints, "read"):
        monkeypatch.setattr(checkpoints, "read", native.read, raising=False)
    return card


def test_a_model_of_the_hub_is_fetched_opened_once_and_shared(far: zoo.ModelCard, stand_in: StandIn) -> None:
    assert not zoo.is_here("toy-gan")
    seen, ready, found = [], threading.Barrier(3), []

    def ask() -> None:
        ready.wait()
        found.append(zoo.load("toy-gan", progress=lambda *share: seen.append(share)))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    generator = found[0]
    assert len(found) == 3 and all(other is generator for other in found) and stand_in.count("GET") == 1
    assert zoo.is_here("toy-gan") and far.path.exists() and seen[-1] == (far.source.size, far.source.size)
    assert not generator.training and not any(p.requires_grad for p in generator.parameters())
    own = tiny.stylegan2()
    assert torch.equal(generator(generator.codes(generator.sample(1, 0))), own(own.codes(own.sample(1, 0))))
    assert zoo.weights_hash("toy-gan") == hashlib.sha256(far.path.read_bytes()).hexdigest()


def test_a_model_that_is_being_fetched_does_not_hold_up_the_others(
    far: zoo.ModelCard, stand_in: StandIn, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    monkeypatch.setattr(zoo, "CARDS", {"near": zoo.ModelCard("near", "Near", "tiny.safetensors", None, 16)})
    stand_in.pieces, opened = 0, []

    def meanwhile(_done: int, _total: int | None) -> None:
        if not opened:
            opened.append(zoo.load("near"))
            stand_in.go.set()

    assert zoo.load("toy-gan", progress=meanwhile) is not opened[0]


def test_the_zoo_hands_on_cancelling_and_failures(far: zoo.ModelCard, stand_in: StandIn) -> None:
    with pytest.raises(hub.FetchError, match="toy-gan is not on this machine yet: fetch it first"):
        far.path
    stand_in.pieces = 0
    with pytest.raises(hub.Cancelled):
        zoo.load("toy-gan", cancelled=lambda: True)
    stand_in.go.set()
    ended()
    stand_in.code = "RepoNotFound"
    with pytest.raises(hub.FetchError, match="toy-gan was not found"):
        zoo.load("toy-gan")
