"""Is the page well? `GET /health` answers in JSON: version, open networks, memory, queues, one picture's hash."""

from __future__ import annotations

import hashlib
import sys
import time
from typing import Any

import anyio
import gradio as gr
import torch
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core import zoo
from core.images import to_uint8
from core.queue import QUEUE

from .front import version

SEED, AGAIN = 0, 5.0  # of the picture that is drawn; seconds for which an answer stands

_begun = time.monotonic()


@torch.no_grad()
def drawn(model: str) -> dict[str, Any]:
    """One picture drawn now: the sha256 of its pixels ([h, w, 3] uint8), and how long that took."""
    begun, generator, card = time.perf_counter(), zoo.load(model), zoo.card(model)
    label = 0 if card.classes else None
    image = generator.at(psi=card.psi)(generator.codes(generator.sample(1, seed=SEED), psi=card.psi, label=label))
    pixels = to_uint8(image)[0]
    taken = time.perf_counter() - begun
    sha256 = hashlib.sha256(pixels.tobytes()).hexdigest()
    return dict(model=model, seed=SEED, psi=card.psi, sha256=sha256, seconds=round(taken, 3))


def memory() -> float | None:
    """Megabytes of this process that are in memory now; None where the system does not say."""
    if not sys.platform.startswith("linux"):
        return None
    with open("/proc/self/status", encoding="utf-8") as status:
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return round(kilobytes / 1024, 1)


def report(page: gr.Blocks) -> dict[str, Any]:
    """What `/health` answers. Raises ValueError where the network cannot be opened."""
    waiting = {name: len(one.queue) for name, one in page._queue.event_queue_per_concurrency_id.items()}
    return dict(
        ok=True,
        version=version(),
        up_seconds=round(time.monotonic() - _begun),
        networks=[name for name in zoo.CARDS if zoo.is_open(name)],
        memory_mb=memory(),
        queue=dict(waiting=waiting, long_work=len(QUEUE.line)),
        picture=drawn(next(iter(zoo.CARDS))) if zoo.CARDS else None,
    )


def route(page: gr.Blocks) -> Route:
    """Where the page is asked for its health; many who ask at once get one answer."""
    kept: dict[str, Any] = {}
    lock = anyio.Lock()

    async def answer(_request: Request) -> Response:
        async with lock:
            if time.monotonic() - kept.get("at", -AGAIN) >= AGAIN:
                try:
                    found, status = await anyio.to_thread.run_sync(report, page), 200
                except (ValueError, OSError) as error:
                    found, status = dict(ok=False, version=version(), error=str(error)), 503
                kept.update(found=found, status=status, at=time.monotonic())
        return JSONResponse(kept["found"], kept["status"], headers={"Cache-Control": "no-store"})

    return Route("/health", answer, methods=["GET"])
