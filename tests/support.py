"""What tests of the page share: a small bundled network, pictures out of data URIs, and what a handler sees."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core import own_pictures, zoo
from core.cache import Cache
from core.checkpoints import apart, describe, native
from core.critics import Critic
from core.generators.stylegan2 import StyleGAN2
from demos.page import arrival, sources, verdicts
from demos.restore import search as restoring

MODEL, SIDE = "portraits-stylegan2", 16


def save_stylegan2(path: Path) -> None:
    """A random StyleGAN2 of 16 pixels; the global generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        native.save(StyleGAN2(resolution=SIDE, channels=(16, 12, 8), z_dim=16, dim=16, mapping_layers=2), path)


def save_critic(path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        native.save(Critic(resolution=SIDE, channels=(8, 8, 8)), path)


def read_here(source: Path, target: Path, *, settings=None, limits=None, stopped=None) -> apart.Converted:
    """`apart.converted` in this process: starting one for each of hundreds of files takes minutes."""
    described = describe(source, settings=settings or {})
    native.save(described.generator, target, notes="\n".join(described.generator.notes))
    return apart.Converted(target, described.format, described.architecture, described.generator.notes)


def small_model(folder: Path, monkeypatch: pytest.MonkeyPatch, **cards: zoo.ModelCard) -> None:
    """A StyleGAN2 of 16 pixels under the bundled name, with its critic, in `folder`.

    There is no other card than those given, and nothing is recorded, measured, uploaded or found.
    """
    save_stylegan2(folder / f"{MODEL}.safetensors")
    save_critic(folder / f"{MODEL}-critic.safetensors")
    card = zoo.ModelCard(MODEL, "Test portraits", str(folder / f"{MODEL}.safetensors"), "portraits", SIDE)
    monkeypatch.setattr(zoo, "WEIGHTS", folder)
    monkeypatch.setattr(zoo, "CARDS", {MODEL: card, **cards})
    monkeypatch.setattr(verdicts, "_measured", Cache(verdicts.MOST_SETS, lambda records: 1))
    monkeypatch.setattr(sources, "folder", lambda: folder / "uploads")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder / "served"))
    monkeypatch.delenv("GANATOMY_VGG", raising=False)
    arrival.recorded.cache_clear()
    restoring._found.values.clear()
    own_pictures._pictures.values.clear()


def pixels(uri: str) -> np.ndarray:
    """The picture in a data URI, [h, w, 3] uint8."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB"))


def recorded_pixels(root: Path, address: str) -> np.ndarray:
    """The picture of an arrival that lies below `root`, by its address on the page, [h, w, 3] uint8."""
    return np.asarray(Image.open(root / address.partition("?")[0]).convert("RGB"))


class Request:
    """What a handler sees of a visitor and of the address that they opened."""

    def __init__(self, visitor: str = "somebody", **query: str):
        self.session_hash, self.query_params = visitor, query


class Event:
    """What a handler sees of an event of the page: its data, and the key by which the answer is told from others."""

    def __init__(self, **data):
        self.__dict__.update(data, key=data.get("key", "k"))


def last_html(pieces: Iterable) -> str:
    """What the stream of a cell that yields HTML ends with."""
    return [piece for piece in pieces if isinstance(piece, str)][-1]


@contextmanager
def file_host(folder: Path) -> Iterator[str]:
    """The address of a plain file server of a folder, as any host of files is one."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
