"""The engine in a real browser: its files and packs behind a server of its own, and what a page there has drawn.

`opened` is also what the benchmark of the engine uses.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from engine import JS

KINDS = {".js": "text/javascript", ".wasm": "application/wasm"}
PAGE = b"""<!doctype html><title>engine</title><script type="module">
import {Engine, EngineError} from "/sub/engine.js";
window.engine = new Engine();
window.networks = {};
window.opened = async (name) => networks[name] ??= await engine.open(`/packs/${name}`);
window.sentence = async (promise) => { try { await promise; return ""; } catch (error) {
  return error instanceof EngineError ? error.message : `no sentence: ${error}`; } };
window.give = (name, ...arrays) => fetch(`/got/${name}`, {method: "POST", body: new Blob(arrays)});
window.numbers = async (name) => new Float32Array(await (await fetch(`/numbers/${name}`)).arrayBuffer());
window.ready = true;
</script>"""


class Site:
    """A page with the engine. packs: what it may open, by name; asked: the paths that were asked for, in order."""

    def __init__(self, page, packs: dict[str, bytes], numbers: dict[str, bytes], got: dict[str, bytes], asked: list):
        self.page, self.packs, self.asked = page, packs, asked
        self._numbers, self._got = numbers, got

    def draw(self, name: str, codes: np.ndarray, **how) -> tuple[np.ndarray, np.ndarray, list[int]]:
        """Codes [n, slots, dim] -> images [n, 3, R, R] in float32, levels [n, R, R, 4], where each began."""
        self._numbers["codes"] = np.ascontiguousarray(codes, "<f4").tobytes()
        starts, side = self.page.evaluate(
            """async ([name, how]) => {
                const network = await opened(name), codes = await numbers("codes");
                const made = await network.draw(codes, {image: true, ...how});
                await give("images", ...made.images);
                await give("levels", ...made.pictures.map((picture) => picture.data));
                return [made.from, network.resolution];
            }""",
            [name, how],
        )
        images = np.frombuffer(self._got["images"], "<f4").reshape(-1, 3, side, side)
        return images, np.frombuffer(self._got["levels"], np.uint8).reshape(-1, side, side, 4), starts

    def read(self, name: str, reader: str, codes: np.ndarray, **how) -> np.ndarray:
        """Codes [n, slots, dim] -> readings [n, factors] of the pictures that a network draws of them."""
        self._numbers["codes"] = np.ascontiguousarray(codes, "<f4").tobytes()
        script = """async ([name, reader, how]) => {
            const by = await opened(reader), made = await (await opened(name)).read(await numbers("codes"), by, how);
            return made.readings.flatMap((one) => [...one]);
        }"""
        return self.array(script, [name, reader, how]).reshape(len(codes), -1)

    def array(self, script: str, given: object = None) -> np.ndarray:
        """What a function of JavaScript gives as numbers."""
        self.page.evaluate(f"async (given) => give('array', Float32Array.from(await ({script})(given)))", given)
        return np.frombuffer(self._got["array"], "<f4")

    def sentence(self, script: str, given: object = None) -> str:
        """What is said where a promise of JavaScript fails; "" where it does not."""
        return self.page.evaluate(f"(given) => sentence(({script})(given))", given)


@contextmanager
def opened(browser) -> Iterator[Site]:
    """A page of the browser that holds the engine, served under a path, while the block runs."""
    packs, numbers, got, asked = {}, {}, {}, []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int, body: bytes = b"", kind: str = "application/octet-stream") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            asked.append(self.path)
            _, folder, *rest = self.path.split("/")
            name = "/".join(rest)
            stored = {"packs": packs, "numbers": numbers}.get(folder, {})
            if self.path == "/":
                self.answer(200, PAGE, "text/html")
            elif folder == "sub" and (JS / name).is_file():
                self.answer(200, (JS / name).read_bytes(), KINDS[Path(name).suffix])
            elif name in stored:
                self.answer(200, stored[name])
            else:
                self.answer(404)

        def do_POST(self) -> None:
            got[self.path.removeprefix("/got/")] = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(204)

        def log_message(self, *_) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    try:
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_function("window.ready")
        yield Site(page, packs, numbers, got, asked)
        assert not said, said
    finally:
        page.close()
        server.shutdown()
        server.server_close()
