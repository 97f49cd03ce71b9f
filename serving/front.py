"""What a browser, a chat program and whoever hosts the page get beside it: the link's preview, compression, its health,
and a connection that is made again where it breaks.

Gradio writes a title, a sentence and a picture of its own into the page, which a shared link would show; they are
replaced in what is sent.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import own_pictures, uploads

ROOT = Path(__file__).resolve().parents[1]
SMALLEST = 2_000  # bytes: what is smaller is sent as it is
YEAR = 365 * 24 * 3600  # seconds
SPACE = ".ganatomy-space.json"  # in what `python ganatomy.py space` writes
STYLESHEET = re.compile(rb'<link rel="stylesheet"')
WITHOUT_WAITING = b"""<link rel="stylesheet" media="print" onload="this.media='all'" """
First = Callable[[Mapping[str, str]], tuple[str, bool]]
KINDS = {".js": "text/javascript", ".json": "application/json", ".webp": "image/webp", ".wasm": "application/wasm"}
END = b"</script>"
META = re.compile(rb'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>\s*')


def middleware(about: Mapping[str, str], first: First | None = None) -> list[Middleware]:
    """For `launch(app_kwargs=dict(middleware=...))`. about: title, description and picture of a link's preview.

    first: the address's query -> HTML that stands first in the body of the page itself, and see `with_first`.
    """
    return [Middleware(GZipMiddleware, minimum_size=SMALLEST), Middleware(Preview, about=about, first=first)]


class Preview:
    """Writes what a link's preview shows into every page, before all else in its head, and what stands first in it."""

    def __init__(self, app: ASGIApp, about: Mapping[str, str], first: First | None = None):
        self.app, self.about, self.first = app, about, first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page, start = [], {}

        async def rewritten(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                if headers.get("content-type", "").startswith("text/html"):
                    start.update(message, headers=headers)
                    return
            elif start:
                page.append(message.get("body", b""))
                if message.get("more_body"):
                    return
                body, ahead = with_preview(b"".join(page), self.about, root_of(scope)), 0
                if self.first and scope["path"].rstrip("/") in ("", scope.get("root_path", "").rstrip("/")):
                    html, alone = self.first(Request(scope).query_params)
                    body = with_first(body, html, alone=alone)
                    ahead = body.find(html.encode()) + len(html.encode()) if alone else 0
                start["headers"]["content-length"] = str(len(body))
                await send(dict(start, headers=start["headers"].raw))
                if ahead:  # it is painted while the rest is compressed
                    await send(dict(message, body=body[:ahead], more_body=True))
                await send(dict(message, body=body[ahead:]))
                return
            await send(message)

        await self.app(scope, receive, rewritten if scope["type"] == "http" else send)


def root_of(scope: Scope) -> str:
    """The address of the page as its visitor wrote it, also behind a proxy."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

    def first(name: str, other: str) -> str:
        return headers.get(name, other).partition(",")[0].strip()

    host = first("x-forwarded-host", headers.get("host", "localhost"))
    return f"{first('x-forwarded-proto', scope['scheme'])}://{host}{scope.get('root_path', '').rstrip('/')}"


def with_preview(page: bytes, about: Mapping[str, str], root: str) -> bytes:
    title, says, picture = about["title"], about["description"], f"{root}/{about['picture']}"
    told = {"title": title, "description": says, "image": picture}
    tags = [("name", "description", says), ("property", "og:type", "website"), ("property", "og:url", f"{root}/")]
    tags += [("property", f"og:{name}", text) for name, text in told.items()]
    tags += [("name", f"twitter:{name}", text) for name, text in dict(told, card="summary_large_image").items()]
    written = "".join(f'<meta {kind}="{name}" content="{escape(text)}">' for kind, name, text in tags)
    head, found, rest = page.partition(b"<head>")
    return head + found + (written.encode() if found else b"") + META.sub(b"", rest)


def with_first(page: bytes, html: str, *, alone: bool) -> bytes:
    """The page with `html` first in its body.

    alone: it is what the visitor sees until the rest is there, so scripts in the head come after it, and the style of
    the rest holds nothing up. Where the page is not as Gradio writes it, all of it stays where it is.
    """
    body = re.search(rb"<body[^>]*>", page)
    if body is None:
        return page
    begins = page.find(b"<script>window.gradio_config") if alone else -1
    ends = page.find(END, begins) + len(END)  # no regular expression: the script has a megabyte
    if begins < 0 or not begins < ends < body.start():
        begins = ends = body.start()
    head = page[:begins] + page[ends : body.start()]
    if alone:
        head = STYLESHEET.sub(WITHOUT_WAITING, head)
    return head + body[0] + html.encode() + page[begins:ends] + page[body.end() :]


class Below(Mount):
    """A mount that is also found below the root path, which a proxy takes off before it asks.

    Starlette looks for a mount's own part of the path after the root path, so it has to stand there again.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        root, path = scope.get("root_path", "").rstrip("/"), scope.get("path", "")
        whole = path if not root or path.startswith(f"{root}/") else root + path
        found, inside = super().matches({**scope, "path": whole})
        return found, {**inside, "path": whole} if inside else inside


def connection() -> str:
    """The <script> by which the page asks again where its server is busy, or where the connection broke."""
    return f"<script>{(ROOT / 'serving' / 'connection.js').read_text(encoding='utf-8')}</script>"


class Kept(StaticFiles):
    """Files that a browser keeps for good where their address names their content."""

    def file_response(self, *args: Any, **options: Any) -> Any:
        response = super().file_response(*args, **options)
        scope = next(one for one in (*args, *options.values()) if isinstance(one, dict) and "query_string" in one)
        if scope["query_string"]:
            response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
        return response


def bundle(path: str, file: Callable[[str], bytes | None]) -> Route:
    """Files below `path`, in a folder whose name says what they are made of: a browser keeps them for good.

    file: name -> bytes, None where there is none.
    """

    def served(request: Request) -> Response:
        name = request.path_params["name"]
        found = file(name)
        if found is None:
            return Response(status_code=404)
        headers = {"Cache-Control": f"public, max-age={YEAR}, immutable"}
        if found[:2] == b"\x1f\x8b":
            headers["Content-Encoding"] = "gzip"
        return Response(found, media_type=KINDS.get(Path(name).suffix, "application/octet-stream"), headers=headers)

    return Route(f"{path}/{{digest}}/{{name:path}}", served, methods=["GET"])


# --- what happens to what visitors give

PRIVACY = (
    "The page asks no other server: no fonts, no counters, no accounts.",
    "What you ask for is drawn on the server of this page; pictures, strips and clips made for you are deleted there "
    "within an hour, and a file of directions that you open stays until others have opened some dozens.",
    f"A picture of your own is sent to that server, stays in its memory for at most {own_pictures.SECONDS // 60:.0f} "
    "minutes, and is never written to its disk; no reading is made of who is in it.",
    f"A network of your own that you drop on the page is stored on that server, read there without running anything in "
    f"it, shown to you alone, and deleted when you close the page or after {uploads.SECONDS // 60:.0f} minutes.",
    "Edits that you keep lie in your browser alone, and a link holds the settings of a picture, never a file of yours.",
    "Whoever runs the server sees addresses and times of requests, as with every website; on a hosted Space that is "
    "the host too.",
)


async def _privacy(_request: Request) -> Response:
    said = "".join(f"<p>{escape(one)}</p>" for one in PRIVACY)
    looks = "body{max-width:38em;margin:8vh auto;padding:0 16px;font:17px/1.5 system-ui,sans-serif}"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{looks}</style>'
    title = "Privacy on GANatomy"
    page = f'<html lang="en"><head>{head}<title>{title}</title></head><body><h1>{title}</h1>{said}</body></html>'
    return HTMLResponse(f"<!doctype html>{page}")


PRIVACY_PAGE = Route("/privacy", _privacy, methods=["GET"])


# --- which version this is


@lru_cache(maxsize=1)
def version() -> str:
    """The version in pyproject.toml, and the commit where that is known: "2.0.0 (1a2b3c4)"."""
    number = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    commit = _commit()
    return f"{number} ({commit})" if commit else number


def _commit() -> str:
    """The first digits of the commit that is checked out, or that a Space was made of; "" where nobody knows."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        return str(json.loads((ROOT / SPACE).read_text(encoding="utf-8"))["commit"])[:7]
    try:
        head = (ROOT / ".git" / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref: "):
            branch = head.removeprefix("ref: ")
            packed = ROOT / ".git" / "packed-refs"
            loose = ROOT / ".git" / branch
            lines = packed.read_text(encoding="utf-8").splitlines() if not loose.exists() else []
            head = loose.read_text(encoding="utf-8").strip() if loose.exists() else ""
            head = head or next((line.split()[0] for line in lines if line.endswith(f" {branch}")), "")
    except OSError:
        return ""
    return head[:7]
