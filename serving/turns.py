"""Whose turn it is among programs: their calls have queues of their own, and nobody fills those alone.

A program may ask for a token (`GET /token`) and send it with its calls in the header TOKEN: then AT_ONCE of its calls
wait or run at a time. All programs without one share ANONYMOUS places. Nothing goes by address: a school has one. What
visitors do on the page is not counted here, and never waits for a program's call.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "x-ganatomy-token"  # the header
AT_ONCE, ANONYMOUS, ALL = 4, 8, 32  # calls that wait or run: of a token, of all without one, together
QUEUES = {"live": "programs", "watch": "programs-slow", "long": "programs-slow"}  # what a public call waits in
RETRY_AFTER = 2  # seconds

_secret = secrets.token_bytes(32)


def queue_of(limits: dict[str, Any]) -> dict[str, Any]:
    """Where a public endpoint waits whose like on the page waits as `limits` says: one call at a time."""
    return dict(concurrency_id=QUEUES[limits["concurrency_id"]], concurrency_limit=1)


def new_token() -> str:
    name = secrets.token_hex(8)
    return f"{name}.{_signed(name)}"


def _signed(name: str) -> str:
    return hmac.new(_secret, name.encode(), "sha256").hexdigest()[:32]


def holder(headers: Any) -> str:
    """Whose calls are counted together: those of a token that this server made, "" for all others."""
    name, _, signature = headers.get(TOKEN, "").partition(".")
    return name if hmac.compare_digest(signature.encode(), _signed(name).encode()) else ""


def refusal(holders: Iterable[str], own: str) -> str:
    """Why a call of `own` cannot wait now, as a sentence, or nothing. holders: whose calls wait or run already."""
    there = list(holders)
    most, mine = (AT_ONCE if own else ANONYMOUS), there.count(own)
    if mine >= most:
        whose = "Your program has" if own else "Programs without a token have"
        more = "" if own else f" Or get a token at /token and send it in the header {TOKEN}."
        return f"{whose} {mine} calls waiting here already, of {most} at a time: call again when one has ended.{more}"
    if len(there) >= ALL:
        return f"{len(there)} calls of programs wait here already: call again in a few seconds."
    return ""


def limit(page: gr.Blocks) -> None:
    """Makes the page's queue refuse what a program asks beyond its places; to be called after `page.queue`."""
    queue, push = page._queue, page._queue.push

    def waiting() -> list[str]:
        events = [event for one in queue.event_queue_per_concurrency_id.values() for event in one.queue]
        events += [event for job in queue.active_jobs if job for event in job]
        return [holder(event.request.headers) for event in events if event.concurrency_id in QUEUES.values()]

    async def admitted(body: Any, request: Any, username: str | None) -> tuple:
        asked = page.fns.get(body.fn_index)
        if asked is not None and asked.concurrency_id in QUEUES.values():
            said = refusal(waiting(), holder(request.headers))
            if said and request.url.path.endswith("/queue/join"):  # gradio_client, which tells nothing of a full queue
                wrong = {"__type__": "validate", "is_valid": False, "parameter_name": "too many calls", "message": said}
                return False, [wrong], "validator_error"
            if said:
                return False, said, "queue_full"
        return await push(body=body, request=request, username=username)

    queue.push = admitted


async def _token(_request: Request) -> Response:
    return JSONResponse(dict(token=new_token(), header=TOKEN, calls=AT_ONCE))


TOKENS = Route("/token", _token, methods=["GET"])
