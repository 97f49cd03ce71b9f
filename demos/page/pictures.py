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
from starlette.routing import Route

from core import zoo

from .cache import Cache
from .fields import WEIGHTS, WEIGHTS_DIGITS, Fields, RecipeError, quoted

PATH = "pictures"
LONGEST_QUERY = 1_000  # bytes
MOST_IN_FLIGHT = 32  # pictures that are being drawn or wait for it
AT_A_TIME = 2  # pictures or films that are drawn together
RETRY_AFTER = 1  # seconds
LARGEST_KEPT = 32 * 2**20  # bytes of encoded pictures
MOST_TOKENS = 256
YEAR = 365 * 24 * 3600  # seconds
SAFE = {"X-Content-Type-Options": "nosniff"}


class Refused(Exception):
    """status: of HTTP; its text is a sentence for whoever reads the answer."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence[:1].upper() + sentence[1:] + ".")
        self.status = status


class Drawing(NamedTuple):
    """One kind of picture of a recipe.

    draw: recipe -> encoded WebP. lacks: recipe -> what would have to be found first, a sentence; "" where nothing is
    missing. frames: how many pictures it counts as. keep: whether it is kept here; False where `draw` keeps it.
    """

    draw: Callable[[Any], bytes]
    lacks: Callable[[Any], str] = lambda recipe: ""
    frames: int = 1
    keep: bool = True


class Door(NamedTuple):
    """What a tab serves: its recipe, and its drawings by name.

    closed: model -> what else is not open, a sentence, else "". subject: recipe -> what makes it private, None where
    it is not.
    """

    tab: str
    recipe: type[Fields]
    drawings: Mapping[str, Drawing]
    closed: Callable[[str], str] = lambda model: ""
    subject: Callable[[Any], tuple | None] = lambda recipe: own_network(recipe.model)


def own_network(model: str) -> tuple | None:
    """What makes a picture of this network private."""
    return ("network", model) if zoo.card(model).own else None


# --- addresses of what is private

_tokens: Cache = Cache(MOST_TOKENS, lambda token: 1)
_subjects: Cache = Cache(MOST_TOKENS, lambda subject: 1)


def address(subject: tuple | None) -> str:
    """Where the pictures of a recipe lie, relative to the page: add "/after?..."; `subject`: of its `Door.subject`."""
    if subject is None:
        return PATH
    token = _tokens.get(subject)
    if token is None or _subjects.get((token,)) is None:
        token = _tokens.put(subject, secrets.token_hex(16))
        _subjects.put((token,), subject)
    return f"{PATH}/private/{token}"


# --- what was asked


class Asked(NamedTuple):
    """named: does the query name the weights, so that its picture never changes?"""

    door: Door
    drawing: Drawing
    kind: str
    recipe: Any
    named: bool


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


def door_of(doors: Mapping[str, Door], query: Mapping[str, str], kind: str) -> tuple[Door, Drawing]:
    """Raises Refused where there is no such tab, no such picture of it, or a parameter that it does not know."""
    door = doors.get(query.get("tab") or next(iter(doors)))
    drawing = door and door.drawings.get(kind)
    if drawing is None:
        raise Refused(404, f"there is no picture {quoted(kind)} of the tab {quoted(query.get('tab'))}")
    unknown = next((name for name in query if name not in ("tab", "v", WEIGHTS, *door.recipe.names())), None)
    if unknown is not None:
        raise Refused(400, f"a picture's address has no {quoted(unknown)}: it has {', '.join(door.recipe.names())}")
    return door, drawing


def check_open(door: Door, query: Mapping[str, str]) -> None:
    """Raises Refused where the network would have to be opened first, or has other weights than the query names."""
    model = query.get("model") or door.recipe.default_model()
    if model not in {**zoo.CARDS, **zoo.HUB_CARDS}:
        raise Refused(404, f"there is no network {quoted(model)} here")
    closed = "" if zoo.is_open(model) else f"the network {model} is not open: open it on the page first"
    closed = closed or door.closed(model)
    if closed:
        raise Refused(409, closed)
    if WEIGHTS in query and query[WEIGHTS] != zoo.weights_hash(model)[:WEIGHTS_DIGITS]:
        raise Refused(409, f"this address names other weights of {model} than those here: open the page again")


def asked(doors: Mapping[str, Door], raw: bytes, kind: str, token: str | None) -> Asked:
    """Raises Refused, RecipeError."""
    query = read_query(raw)
    door, drawing = door_of(doors, query, kind)
    check_open(door, query)
    if token is None:
        recipe = door.recipe.from_query(query)
    else:  # what no link may hold
        given = {"model": door.recipe.default_model(), **door.recipe.values_in(query), "version": 1}
        recipe = door.recipe.from_json(given)
    subject = door.subject(recipe)
    if subject != (None if token is None else _subjects.get((token,))):
        raise Refused(404, "there is no such picture: it is private, and only the page that showed it has its address")
    if lacking := drawing.lacks(recipe):
        raise Refused(409, lacking)
    return Asked(door, drawing, kind, recipe, WEIGHTS in query)


# --- drawing

_kept = Cache(LARGEST_KEPT, len)


def drawn(one: Asked, *, private: bool) -> bytes:
    """The encoded picture; kept, unless it is private or kept where it is drawn."""
    if private or not one.drawing.keep:
        return one.drawing.draw(one.recipe)
    key = one.door.tab, one.kind, one.recipe, zoo.weights_hash(one.recipe.model), zoo.device().type
    return _kept.get(key) or _kept.put(key, one.drawing.draw(one.recipe))


class Server:
    """Answers requests; at most AT_A_TIME are drawn together, and MOST_IN_FLIGHT pictures wait or are drawn."""

    def __init__(self, doors: Iterable[Door]):
        self.doors = {door.tab: door for door in doors}
        self.in_flight, self.limiter = 0, None

    async def __call__(self, request: Request) -> Response:
        token = request.path_params.get("token")
        try:
            return await self._answer(request, request.path_params["kind"], token)
        except Refused as refused:
            return said(refused.status, str(refused))
        except RecipeError as error:
            return said(400, str(Refused(400, str(error))))

    async def _answer(self, request: Request, kind: str, token: str | None) -> Response:
        if token is not None and _subjects.get((token,)) is None:
            raise Refused(404, "there is no such private picture: open the page again")
        frames = self._room_for(kind, request.scope["query_string"])
        if self.limiter is None:
            self.limiter = anyio.CapacityLimiter(AT_A_TIME)
        self.in_flight += frames
        try:
            raw = request.scope["query_string"]
            data, named = await anyio.to_thread.run_sync(self._made, raw, kind, token, limiter=self.limiter)
        finally:
            self.in_flight -= frames
        return sent(request, data, headers_of(data, named=named, private=token is not None))

    def _room_for(self, kind: str, raw: bytes) -> int:
        """How many pictures it counts as. Raises Refused where so many more would be too many."""
        frames = door_of(self.doors, read_query(raw), kind)[1].frames
        if self.in_flight + frames > MOST_IN_FLIGHT:
            raise Refused(503, f"{self.in_flight} pictures are being drawn already: ask again in a second")
        return frames

    def _made(self, raw: bytes, kind: str, token: str | None) -> tuple[bytes, bool]:
        one = asked(self.doors, raw, kind, token)
        return drawn(one, private=token is not None), one.named


# --- answers


def headers_of(data: bytes, *, named: bool, private: bool) -> dict[str, str]:
    """What a browser may keep: named weights' pictures for good, others after asking again, private ones never."""
    if private:
        return dict(SAFE, **{"Cache-Control": "no-store"})
    lasting = f"public, max-age={YEAR}, immutable" if named else "no-cache"
    return dict(SAFE, **{"Cache-Control": lasting, "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'})


def sent(request: Request, data: bytes, headers: Mapping[str, str]) -> Response:
    if "ETag" in headers and headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=dict(headers))
    if request.method == "HEAD":
        return Response(headers=dict(headers, **{"Content-Length": str(len(data))}), media_type="image/webp")
    return Response(data, headers=dict(headers), media_type="image/webp")


def said(status: int, sentence: str) -> Response:
    headers = dict(SAFE, **{"Cache-Control": "no-store"})
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER)
    return Response(sentence, status_code=status, headers=headers, media_type="text/plain; charset=utf-8")


def mount(app: Any, doors: Iterable[Door]) -> None:
    """Serves the tabs' pictures next to the page, below `PATH`; the first door is that of links without a tab."""
    server = Server(doors)
    routes = [
        Route("/private/{token:str}/{kind:str}", server.__call__, methods=["GET"]),
        Route("/{kind:str}", server.__call__, methods=["GET"]),
    ]
    app.mount(f"/{PATH}", Starlette(routes=routes))
