"""Where a visitor's file arrives: `POST /drop`, the file as the body, streamed to disk; the answer is a token.

The header ASKED must be there, so that another website's form cannot send files to a page on this computer.
"""

from __future__ import annotations

from urllib.parse import unquote

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core import uploads

ASKED, NAME = "x-ganatomy-drop", "x-ganatomy-name"  # the file's name, as encodeURIComponent writes it
PIECE = 2**20  # bytes that are written at a time
NO_LENGTH = "the length of this file was not announced: open the page in a current browser, and drop it again"
CUT = "this file did not arrive whole: try once more"


async def _drop(request: Request) -> Response:
    if ASKED not in request.headers:
        return JSONResponse(dict(error="files are dropped on the page itself"), 403)
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        return JSONResponse(dict(error=NO_LENGTH), 411)
    try:
        one = uploads.begin(unquote(request.headers.get(NAME, "")), int(length))
    except ValueError as error:
        return JSONResponse(dict(error=str(error)), 413)
    except OSError as error:
        return JSONResponse(dict(error=_disk(error)), 507)
    try:
        whole = await _written(request, one)
    except OSError as error:
        uploads.drop(one)
        return JSONResponse(dict(error=_disk(error)), 507)
    except BaseException:  # the visitor closed the page meanwhile, too
        uploads.drop(one)
        raise
    if not whole:
        uploads.drop(one)
        return JSONResponse(dict(error=CUT), 400)
    return JSONResponse(dict(token=uploads.arrived(one)))


async def _written(request: Request, one: uploads.Brought) -> bool:
    """Did as many bytes come as were announced? No more than these are written."""
    written, waiting = 0, bytearray()
    async with await anyio.open_file(one.path, "wb") as file:
        try:
            async for piece in request.stream():
                waiting += piece
                written += len(piece)
                if written > one.size:
                    return False
                if len(waiting) >= PIECE:
                    await file.write(bytes(waiting))
                    waiting.clear()
        except ClientDisconnect:
            return False
        await file.write(bytes(waiting))
    return written == one.size


def _disk(error: OSError) -> str:
    return f"the server cannot keep this file ({error.strerror}): free some space there, and drop it again"


ROUTE = Route("/drop", _drop, methods=["POST"])
