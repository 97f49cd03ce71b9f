"""Pictures by plain HTTP, next to the page: what only depends on a recipe comes without a place in the page's queue.

    GET pictures/after?v=1&model=portraits-stylegan2&seed=7&amounts=1.5&w=61d585cb
    GET pictures/private/<token>/after?...

The query is a link of the page, under 1,000 bytes. Nothing is fetched, opened, solved or searched for it: where that
would be needed the answer is 409 and a sentence. Two are drawn at a time, 32 pictures are in flight at most (a film
counts as its frames), then 503. Pictures of a visitor's own network or file are private: their address holds a token
of 128 bits that the server made, and nothing keeps them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from core import zoo
from core.cache import Cache

from . import found as finding
from .fields import WEIGHTS, WEIGHTS_DIGITS, RecipeError, quoted

PATH = "pictures"
LONGEST_QUERY = 1_000  # bytes
MOST_IN_FLIGHT = 32  # pictures that are being drawn or wait for it
AT_A_TIME = 2  # pictures or films that are drawn together
RETRY_AFTER = 1  # seconds
LARGEST_KEPT = 32 * 2**20  # bytes of encoded pictures
MOST_TOKENS = 256
YEAR = 365 * 24 * 3600  # seconds
SAFE = {"X-Content-Type-Options": "nosniff"}
NEVER_KEPT = dict(SAFE, **{"Cache-Control": "no-store"})  # by the browser


class Refused(Exception):
    """status: of HTTP; its text is a sentence for whoever reads the answer."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


class Drawing(NamedTuple):
    """One kind of picture of a recipe, or what the browser draws it from.

    draw: recipe -> encoded WebP, or bytes of the type `media`. lacks: recipe -> what would have to be found first, a
    sentence; "" where nothing is missing. frames: how many pictures it counts as. keep: whether it is kept here; False
    where `draw` keeps it.
    """

    draw: Callable[[Any], bytes]
    lacks: Callable[[Any], str] = lambda recipe: ""
    frames: int = 1
    keep: bool = True
    media: str = "image/webp"


def own_network(model: str) -> tuple | None:
    """What makes a picture of this network private."""
    return ("network", model) if zoo.card(model).own else None


def subject(recipe: Any) -> tuple | None:
    """What makes the pictures of a recipe private: a picture of a visitor's own, or such a network."""
    return finding.subject(recipe) or own_network(recipe.model)


def subject_of(recipe: Any) -> tuple | None:
    """What makes the pictures private of a recipe whose knobs may come from a file: that, or its network."""
    own = finding.subject(recipe) or ()
    return ("directions", recipe.model, recipe.directions, *own) if recipe.method == "file" else subject(recipe)


# --- addresses of what is private

_tokens: Cache = Cache(MOST_TOKENS, lambda token: 1)
_subjects: Cache = Cache(MOST_TOKENS, lambda subject: 1)


def address(subject: tuple | None) -> str:
    """Where the pictures of a recipe lie, relative to the page: add "/after?..."; `subject`: of its `Tab.private`."""
    if subject is None:
        return PATH
    token = _tokens.get(subject)
    if token is None or _subjects.get((token,)) is None:
        token = _tokens.put(subject, secrets.token_hex(16))
        _subjects.put((token,), subject)
    return f"{PATH}/private/{token}"


# --- what was asked; `tab` is a page.tab.Tab


def read_query(raw: bytes) -> dict[str, str]:
    """The parameters of a query, each once. Raises Refused."""
    if len(raw) > LONGEST_QUERY:
        raise Refused(414, f"this address has {len(raw):,} bytes; a picture's has at most {LONGEST_QUERY:,}")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=40)
    except ValueError:
        raise Refused(400, "this address cannot be read: copy it again") from None
    query = dict(pairs)
    if len(query) != len(pairs):
        raise Refused(400, "this address says something twice: copy it again")
    return query


def tab_of(tabs: Mapping[str, Any], query: Mapping[str, str], kind: str) -> Any:
    """Raises Refused where there is no such tab, no such picture of it, or a parameter that it does not know."""
    tab = tabs.get(query.get("tab") or next(iter(tabs)))
    if tab is None or kind not in tab.served:
        raise Refused(404, f"there is no picture {quoted(kind)} of the tab {quoted(query.get('tab'))}")
    names = tab.recipe.names()
    unknown = next((name for name in query if name not in ("tab", "v", WEIGHTS, *names)), None)
    if unknown is not None:
        raise Refused(400, f"a picture's address has no {quoted(unknown)}: it has {', '.join(names)}")
    return tab


def check_open(tab: Any, query: Mapping[str, str]) -> None:
    """Raises Refused where the network would have to be opened first, or has other weights than the query names."""
    model = query.get("model") or tab.recipe.default_model()
    if not zoo.known(model):
        raise Refused(404, f"there is no network {quoted(model)} here")
    closed = "" if zoo.is_open(model) else f"the network {model} is not open: open it on the page first"
    closed = closed or tab.closed(model)
    if closed:
        raise Refused(409, closed)
    if WEIGHTS in query and query[WEIGHTS] != zoo.weights_hash(model)[:WEIGHTS_DIGITS]:
        raise Refused(409, f"this address names other weights of {model} than those here: open the page again")


# --- drawing

_kept = Cache(LARGEST_KEPT, len)


def drawn(tab: Any, kind: str, query: Mapping[str, str], token: str | None) -> bytes:
    """The encoded picture; kept, unless it is private or kept where it is drawn. Raises Refused, RecipeError."""
    check_open(tab, query)
    if token is None:
        recipe = tab.recipe.from_query(query)
    else:  # what no link may hold
        given = {"model": tab.recipe.default_model(), **tab.recipe.values_in(query), "version": 1}
        recipe = tab.recipe.from_json(given)
    if tab.private(recipe) != (None if token is None else _subjects.get((token,))):
        raise Refused(404, "there is no such picture: it is private, and only the page that showed it has its address")
    drawing = tab.served[kind]
    if lacking := drawing.lacks(recipe):
        raise Refused(409, lacking)
    if token or not drawing.keep:
        return drawing.draw(recipe)
    key = tab.name, kind, recipe, zoo.weights_hash(recipe.model), zoo.device().type
    return _kept.made(key, lambda: drawing.draw(recipe))


class Server:
    """Answers requests; at most AT_A_TIME are drawn together, and MOST_IN_FLIGHT pictures wait or are drawn."""

    def __init__(self, tabs: Iterable[Any]):
        self.tabs = {tab.name: tab for tab in tabs}
        self.in_flight, self.limiter = 0, None

    async def answer(self, request: Request) -> Response:
        try:
            return await self._picture(request, **request.path_params)
        except (Refused, RecipeError) as error:
            status, sentence = getattr(error, "status", 400), f"{error}."
            headers = dict(NEVER_KEPT, **{"Retry-After": str(RETRY_AFTER)}) if status == 503 else NEVER_KEPT
            said = sentence[:1].upper() + sentence[1:]
            return Response(said, status, headers, media_type="text/plain; charset=utf-8")

    async def _picture(self, request: Request, kind: str, token: str | None = None) -> Response:
        """What a browser may keep: named weights' pictures for good, others after asking again, private ones never."""
        if token is not None and _subjects.get((token,)) is None:
            raise Refused(404, "there is no such private picture: open the page again")
        query = read_query(request.scope["query_string"])
        tab = tab_of(self.tabs, query, kind)
        frames, media = tab.served[kind].frames, tab.served[kind].media
        if self.in_flight + frames > MOST_IN_FLIGHT:
            raise Refused(503, f"{self.in_flight} pictures are being drawn already: ask again in a second")
        self.limiter = self.limiter or anyio.CapacityLimiter(AT_A_TIME)
        self.in_flight += frames
        try:
            data = await anyio.to_thread.run_sync(drawn, tab, kind, query, token, limiter=self.limiter)
        finally:
            self.in_flight -= frames
        if token is not None:
            return Response(data, headers=NEVER_KEPT, media_type=media)
        lasting = f"public, max-age={YEAR}, immutable" if WEIGHTS in query else "no-cache"
        etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        headers = dict(SAFE, **{"Cache-Control": lasting, "ETag": etag})
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type=media)


def mount(tabs: Iterable[Any]) -> Mount:
    """Serves the tabs' pictures next to the page, below `PATH`; the first tab is that of links without a tab."""
    server, paths = Server(tabs), ("/private/{token:str}/{kind:str}", "/{kind:str}")
    return Mount(f"/{PATH}", Starlette(routes=[Route(path, server.answer, methods=["GET"]) for path in paths]))
