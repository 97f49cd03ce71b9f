"""A reverse proxy, as one stands before a page on a computer of one's own: it shows it under a path of its address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOPS = ("host", "connection", "transfer-encoding", "keep-alive", "content-length")


@contextmanager
def proxied(page: str, path: str, *, told: bool = True, names: list[str] | None = None) -> Iterator[str]:
    """The address under which `page` is shown at `path`, such as /gan; the path is taken off before it is asked.

    told: does the proxy say by X-Forwarded-Host and -Proto how the visitor wrote the address? names: gets every
    address that was asked for.
    """
    behind = urlsplit(page).netloc

    class Proxy(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            if names is not None:
                names.append(self.path)
            if self.path.partition("?")[0] == path:
                self.send_response(301)
                self.send_header("Location", f"{path}/{self.path[len(path) :]}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if not self.path.startswith(path + "/"):
                self.send_error(404, "not of this page")
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOPS}
            if told:
                headers |= {"X-Forwarded-Host": self.headers["Host"], "X-Forwarded-Proto": "http"}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = HTTPConnection(behind, timeout=120)
            asked.request(self.command, self.path[len(path) :], body or None, headers)
            answer = asked.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOPS:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while block := answer.read1(65536):  # streams go through as they come
                self.wfile.write(block)
                self.wfile.flush()
            asked.close()
            self.close_connection = True

        do_GET = do_POST = do_HEAD = pass_on

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, TimeoutError, HTTPException):  # the browser or the page left
                pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{path}"
    finally:
        server.shutdown()
        server.server_close()
