"""Whatever the shell and the machine are like, the program starts, or says in a sentence what to do."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path

import pytest

from core import surroundings
from core.surroundings import letters, own_folder, proxies, temporary

DEAD = "http://127.0.0.1:9"


def client(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]):
    """A client of HTTP in that environment, as the page's library makes it."""
    import httpx

    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return httpx.Client()


HOPELESS = [
    {"all_proxy": "socks5://127.0.0.1:9"},
    {"HTTP_PROXY": "socks5h://127.0.0.1:9", "https_proxy": DEAD},
    {"ALL_PROXY": "socks4://127.0.0.1:9"},
    {"http_proxy": "http://proxy:port"},
    {"HTTPS_PROXY": "ftp://proxy"},
    {"http_proxy": DEAD, "no_proxy": "[::1]"},
    {"http_proxy": DEAD, "NO_PROXY": "*.corp, 10.0.0.0/8,fe80::/10"},
]


@pytest.mark.parametrize("environment", HOPELESS, ids=lambda one: " ".join(one.values()))
def test_a_proxy_that_cannot_be_used_is_left_out_and_said(environment, monkeypatch) -> None:
    monkeypatch.setattr(surroundings, "find_spec", lambda name: None)
    asked = dict(environment)
    said = proxies(asked)
    client(monkeypatch, asked)  # does not raise
    gone = set(environment) - set(asked)
    assert [name for name in gone if not any(name in one for one in said)] == [] and len(said) == len(gone)


@pytest.mark.parametrize("environment", HOPELESS[3:], ids=lambda one: " ".join(one.values()))
def test_the_control_as_they_were_no_client_can_be_made(environment, monkeypatch) -> None:
    with pytest.raises(Exception):  # noqa: B017  (httpx raises several kinds)
        client(monkeypatch, environment)


def test_the_page_s_own_addresses_are_asked_without_a_proxy_and_others_with_it(monkeypatch) -> None:
    environment = {"http_proxy": DEAD, "HTTPS_PROXY": "proxy.example:3128", "NO_PROXY": "intern.example"}
    assert proxies(environment, "192.168.0.7", "[fd00::7]") == []
    assert environment["no_proxy"] == environment["NO_PROXY"]
    made = client(monkeypatch, environment)

    def past(url: str) -> bool:
        import httpx

        return made._transport_for_url(httpx.URL(url)) is made._transport

    own = ("localhost", "127.0.0.1", "[::1]", "192.168.0.7", "[fd00::7]", "intern.example")
    assert all(past(f"http://{host}:7860/") for host in own)
    assert not past("http://example.org/") and not past("https://example.org/")


@pytest.fixture
def shared(tmp_path: Path, monkeypatch):
    """A machine whose folder for temporary files is `tmp_path`; nobody has a folder there yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own_folder.cache_clear()
    yield tmp_path
    own_folder.cache_clear()


def test_everybody_has_a_folder_of_their_own(shared: Path, monkeypatch) -> None:
    place = own_folder()
    assert place.parent == shared and place.stat().st_mode & 0o77 == 0
    own_folder.cache_clear()
    assert own_folder() == place, "it is found again"
    environment: dict[str, str] = {}
    temporary(environment, "GRADIO_TEMP_DIR")
    assert Path(environment["GRADIO_TEMP_DIR"]).is_relative_to(place)
    monkeypatch.setattr(os, "getuid", lambda: 4321)  # the folder of another person of that number
    own_folder.cache_clear()
    assert own_folder() != place


@pytest.mark.parametrize("how", ["of somebody else", "a file", "a link", "not to be written to"])
def test_a_folder_that_is_not_ours_is_left_alone(shared: Path, monkeypatch, how: str) -> None:
    place, elsewhere = shared / f"ganatomy-{os.getuid()}", shared / "elsewhere"
    elsewhere.mkdir()
    if how == "a file":
        place.write_text("mine")
    elif how == "a link":
        place.symlink_to(elsewhere)
    else:
        place.mkdir()
    if how == "of somebody else":
        real = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: real + 1)
        place.rename(shared / f"ganatomy-{real + 1}")
    if how == "not to be written to":
        refuse = tempfile.TemporaryFile

        def only_elsewhere(*, dir):
            if Path(dir) == place:
                raise PermissionError
            return refuse(dir=dir)

        monkeypatch.setattr(tempfile, "TemporaryFile", only_elsewhere)
    found = own_folder()
    assert found.parent == shared and found not in (place, elsewhere, shared / f"ganatomy-{os.getuid()}")
    assert list(elsewhere.iterdir()) == []


def test_where_nothing_can_be_written_a_sentence_says_what_to_do(tmp_path: Path, shared: Path, monkeypatch) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ValueError, match="taken/gradio cannot be written to: set GRADIO_TEMP_DIR to a folder of yours"):
        temporary({"GRADIO_TEMP_DIR": str(tmp_path / "taken/gradio")}, "GRADIO_TEMP_DIR")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: (_ for _ in ()).throw(FileNotFoundError("none")))
    with pytest.raises(ValueError, match="set TMPDIR to a folder of yours"):
        temporary({}, "GRADIO_TEMP_DIR")


@pytest.mark.parametrize(
    "encoding, shown", [("cp1252", "Gesicht ? ?"), ("ascii", "Gesicht ? ?"), ("utf-8", "Gesicht 顔 ?")]
)
def test_what_cannot_be_printed_is_a_question_mark(monkeypatch, encoding: str, shown: str) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, write_through=True))
    monkeypatch.setattr(sys, "stderr", None)  # as of a program without a terminal
    name = "Gesicht 顔 \udcf6"
    with pytest.raises(UnicodeEncodeError):
        print(name)
    written.truncate(0), written.seek(0)
    letters()
    print(name)
    assert written.getvalue().decode(encoding).strip() == shown
