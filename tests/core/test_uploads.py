"""Files that visitors bring: within limits, theirs alone, read in a process of its own, and gone afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core import uploads, zoo
from core.checkpoints import apart, native

from .. import tiny
from ..foreign import nvidia_state
from ..support import read_here

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)


@pytest.fixture(autouse=True)
def empty(monkeypatch) -> Iterator[None]:
    monkeypatch.delenv("SPACE_ID", raising=False)
    yield
    for one in list(uploads._brought.values()):
        uploads.drop(one)


def brought(data: bytes, name: str = "network.pt") -> uploads.Brought:
    one = uploads.begin(name, len(data))
    one.path.write_bytes(data)
    return uploads.of(uploads.arrived(one))


def state_file(tmp_path: Path, seed: int = 0) -> bytes:
    """A StyleGAN2 as others save it."""
    torch.save(nvidia_state(tiny.stylegan2(seed=seed)), tmp_path / "state.pt")
    return (tmp_path / "state.pt").read_bytes()


def test_a_network_becomes_a_card_that_only_who_brought_it_can_name(tmp_path: Path) -> None:
    one = brought(state_file(tmp_path), "my faces.pt")
    card = uploads.opened(one, "somebody")
    assert zoo.card(card.name) is card and card.own and zoo.known(card.name)
    assert card.name not in zoo.CARDS and card.name not in zoo.ready() and card.filename == "my-faces.pt"
    codes = torch.randn(2, 6, 12, generator=torch.Generator().manual_seed(1))
    assert torch.equal(zoo.load(card.name)(codes), tiny.stylegan2()(codes)) and zoo.is_open(card.name)
    assert [path.name for path in one.folder.iterdir()] == [".read"]  # the file as it came is gone
    uploads.leave("somebody")
    assert not one.folder.exists() and not zoo.known(card.name) and not zoo.is_open(card.name)
    with pytest.raises(KeyError):
        zoo.load(card.name)


def test_another_visitor_s_leaving_takes_nothing_and_a_second_file_replaces_the_first(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(apart, "converted", read_here)
    first = uploads.opened(brought(state_file(tmp_path)), "one")
    other = uploads.opened(brought(state_file(tmp_path, 1)), "two")
    uploads.leave("two")
    uploads.leave("")
    assert zoo.known(first.name) and not zoo.known(other.name)
    second = uploads.opened(brought(state_file(tmp_path, 2)), "one")
    assert zoo.known(second.name) and not zoo.known(first.name) and len(uploads._brought) == 1


def test_what_is_no_network_leaves_nothing(monkeypatch) -> None:
    monkeypatch.setattr(apart, "converted", read_here)
    one = brought(b"<!doctype html><title>404</title>", "net.pkl")
    with pytest.raises(ValueError, match="the file net.pkl cannot be opened, because"):
        uploads.opened(one, "somebody")
    assert not one.folder.exists() and not uploads._brought
    with pytest.raises(ValueError, match="no longer here: choose it again"):
        uploads.of(one.token)


def test_a_file_that_nobody_asks_for_and_a_network_go_in_time(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(apart, "converted", read_here)
    waiting, network = brought(b"data"), brought(state_file(tmp_path))
    card = uploads.opened(network, "somebody")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + uploads.WAITS + 1)
    uploads.tidy()
    assert not waiting.folder.exists() and zoo.known(card.name)
    monkeypatch.setattr(time, "monotonic", lambda: now + uploads.SECONDS + 1)
    uploads.tidy()
    assert not network.folder.exists() and not zoo.known(card.name)


def test_a_hosted_page_has_room_for_three_files_and_says_when_there_is_room_again(monkeypatch) -> None:
    uploads.drop(uploads.begin("huge.pkl", 10**12))  # on a computer of one's own
    monkeypatch.setenv("SPACE_ID", "somebody/page")
    with pytest.raises(ValueError, match="has 401 MB; a file on this page may have 400: open it on a computer of your"):
        uploads.begin("large.pkl", 401 * 10**6)
    for i in range(3):
        uploads.begin(f"{i}.pkl", 400 * 10**6)
    with pytest.raises(ValueError, match="keeps 3 files of visitors at a time, 1.2 GB together, .* in 10 minutes"):
        uploads.begin("fourth.pkl", 1)
    uploads.drop(next(iter(uploads._brought.values())))
    uploads.begin("fourth.pkl", 400 * 10**6)


@pytest.mark.parametrize(
    "name, kept",
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\net.pkl", "net.pkl"),
        ("Gesicht \u9854.pt", "Gesicht-.pt"),
        ("", "network"),
        ("...", "network"),
        ("x" * 300 + ".pth", "x" * 68 + ".pth"),
        (".read", "read"),
    ],
)
def test_any_name_becomes_one_that_every_disk_takes(name: str, kept: str) -> None:
    one = uploads.begin(name, 1)
    assert one.path.name == kept and one.path.parent == one.folder


# --- the process of its own


@pytest.mark.parametrize("name, most", [("seconds", dict(seconds=0.01)), ("written", dict(written=1000))])
def test_a_limit_ends_the_reading_with_one_sentence(tmp_path: Path, monkeypatch, name: str, most: dict) -> None:
    source, target = tmp_path / "net.pt", tmp_path / "out.safetensors"
    source.write_bytes(state_file(tmp_path))
    monkeypatch.setattr(apart, "PATIENCE", 0.0)
    with pytest.raises(ValueError, match="net.pt cannot be opened here, because reading it .*--weights"):
        apart.converted(source, target, limits=apart.Limits(**most))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.pt", "state.pt"]


def test_what_asks_for_more_memory_than_there_is_ends_alone(tmp_path: Path) -> None:
    """A file of a few bytes that describes a tensor of gigabytes, under a limit that a real one is read within."""
    source, target = tmp_path / "net.pt", tmp_path / "out.safetensors"
    torch.save(nvidia_state(tiny.stylegan2()) | {"big": torch.zeros(1).expand(2**32)}, source)
    with pytest.raises(ValueError, match="the file net.pt cannot be opened"):
        apart.converted(source, target, limits=apart.Limits(memory=2**30))
    assert not target.exists()


def test_stop_ends_the_process_and_leaves_nothing(tmp_path: Path) -> None:
    source, target = tmp_path / "net.pt", tmp_path / "out.safetensors"
    source.write_bytes(state_file(tmp_path))
    with pytest.raises(apart.Stopped):
        apart.converted(source, target, stopped=lambda: True)
    assert not target.exists()


def test_licence_and_notes_of_our_own_file_come_along(tmp_path: Path) -> None:
    source, target = tmp_path / "net.safetensors", tmp_path / "out.safetensors"
    native.save(tiny.pggan(), source, licence="CC0", notes="one thing was assumed")
    made = apart.converted(source, target)
    assert made.format == "ganatomy" and made.notes == ("one thing was assumed",)
    assert native.metadata(target)["licence"] == "CC0"
