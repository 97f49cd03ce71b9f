"""A server on the loopback address that stands for the Hub, so that no test of downloads needs a network."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core import downloads, hub

REVISION, PIECE = "0123456789abcdef0123456789abcdef01234567", 4096
CONTENT = bytes(range(256)) * 256  # 16 pieces
TOKEN = "hf_of_nobody"
STATUS_OF = {"RepoNotFound": 404, "GatedRepo": 403, "RevisionNotFound": 404, "EntryNotFound": 404, "DisabledRepo": 403}


class StandIn(ThreadingHTTPServer):
    """The Hub as far as a download sees it. `files` by path in the repository; what goes wrong is set on the server."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.files = {"good.bin": CONTENT, "ada/other.bin": CONTENT[::-1]}
        self.code = ""  # X-Error-Code of every answer
        self.status = 0  # instead of 200
        self.token = ""  # asked of everybody
        self.cuts: list[int] = []  # the next GETs end after so many bytes
        self.pieces: int | None = None  # a GET that is not cut sends so many, then nothing until `go`
        self.go = threading.Event()
        self.resumes = True
        self.seen: list[tuple[str, str]] = []  # method and Range

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def count(self, method: str) -> int:
        return sum(seen == method for seen, _ in self.seen)

    def handle_error(self, request, address) -> None:
        """A client that went away is what the tests are about."""


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def log_message(self, *_said) -> None:
        """The tests look at `seen` instead."""

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        data = self.answer()
        cut = self.server.cuts.pop(0) if self.server.cuts and data else len(data)
        for number, at in enumerate(range(0, min(len(data), cut), PIECE)):
            if number == self.server.pieces and cut == len(data):
                self.server.go.wait(20)
            self.wfile.write(data[at : min(at + PIECE, cut)])
            self.wfile.flush()
        if cut < len(data):
            self.close_connection = True
            self.connection.close()

    def answer(self) -> bytes:
        """Sends the headers; what is left to send."""
        if "/resolve/" in self.path:  # the library may ask for other things, such as its own news
            self.server.seen.append((self.command, self.headers.get("Range", "")))
        data = self.server.files.get(self.path.split(f"/resolve/{REVISION}/")[-1].split("/resolve/main/")[-1])
        code = self.server.code or ("" if data is not None else "EntryNotFound")
        if self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            code = "GatedRepo"
        status = self.server.status or STATUS_OF.get(code, 200)
        if status != 200:
            self.send_response(status)
            if code:
                self.send_header("X-Error-Code", code)
                self.send_header(
                    "X-Error-Message", "Access to this resource is disabled." if code == "DisabledRepo" else code
                )
            self.send_header("Content-Length", "0")
            self.end_headers()
            return b""
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0]) * self.server.resumes
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        return data[start:] if self.command == "GET" else b""


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    server = StandIn()
    threading.Thread(target=server.serve_forever, kwargs=dict(poll_interval=0.02), daemon=True).start()
    yield server
    server.go.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(stand_in: StandIn, tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """An empty cache, and huggingface_hub pointed at the stand-in, with small pieces and short pauses."""
    import huggingface_hub
    from huggingface_hub import constants

    folder, pause = tmp_path / "cache", time.sleep
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", stand_in.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", stand_in.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "news.json"), raising=False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", PIECE)
    monkeypatch.setattr(time, "sleep", lambda seconds: pause(min(seconds, 0.01)))
    monkeypatch.setattr(downloads, "WATCH", 0.01)
    huggingface_hub.close_session()
    yield folder
    stand_in.go.set()
    ended()
    huggingface_hub.close_session()
    hub._asked_for.clear()


def ended() -> None:
    """Downloads that nobody waits for have ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("fetch "):
            thread.join(20)
            assert not thread.is_alive()
