"""A hosted page while somebody drops a large network on it: how long the others' knobs take, and how long the drop.

    python -m tests.benchmarks.uploads                      # a 1024-px StyleGAN2 snapshot of some 360 MB
    python -m tests.benchmarks.uploads --resolution 256

Three others turn knobs meanwhile, each asking again a tenth of a second after an answer: two by HTTP, one through the
queue. The snapshot has random weights and holds generator, average and critic, as a training run leaves it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import torch

from core.generators.stylegan2 import StyleGAN2

from .. import foreign
from . import crowd

ROOT = Path(__file__).resolve().parents[2]
PAUSE = 0.1  # seconds between an answer and the next question
CHANNELS = (512, 512, 512, 512, 512, 256, 128, 64, 32)  # of config-f, from 4 px on


def snapshot(path: Path, resolution: int) -> None:
    """A training snapshot as NVIDIA's code writes it."""
    torch.manual_seed(0)
    generator = StyleGAN2(resolution=resolution, channels=CHANNELS[: resolution.bit_length() - 2], clamp=256.0)
    path.write_bytes(foreign.nvidia_pickle(foreign.nvidia_state(generator.requires_grad_(False))))


def dropped(url: str, path: Path) -> tuple[float, float, str]:
    """(seconds until the file was there, seconds until its network was on the page, what was said last)."""
    host = urlsplit(url)
    began, size = time.monotonic(), path.stat().st_size
    connection = http.client.HTTPConnection(host.hostname, host.port, timeout=600)
    headers = {"x-ganatomy-drop": "1", "x-ganatomy-name": path.name, "Content-Length": str(size)}
    with open(path, "rb") as file:
        connection.request("POST", "/drop", file, headers)
    answer = json.load(connection.getresponse())
    if "token" not in answer:
        raise SystemExit(f"the page refused the file: {answer}")
    sent = time.monotonic() - began
    said = asked(url, "steer_dropped", dict(token=answer["token"]))
    return sent, time.monotonic() - began, said


def asked(url: str, name: str, event: dict) -> str:
    """What the page's event says last."""
    with crowd.http_get(url, "/config") as answer:
        dependency = next(one for one in json.load(answer)["dependencies"] if one["api_name"] == name)
    visitor, recipe = crowd.Visitor(url, 99), dict(version=1, model=crowd.MODEL, seed=1, psi=0.7)
    body = dict(data=[recipe] * len(dependency["inputs"]), fn_index=dependency["id"], session_hash="dropper")
    visitor.ask("/gradio_api/queue/join?", dict(body, event_data=event, trigger_id=None))
    stream = http.client.HTTPConnection(visitor.host, visitor.port, timeout=600)
    stream.request("GET", "/gradio_api/queue/data?session_hash=dropper")
    said = ""
    for line in stream.getresponse():
        told = json.loads(line[5:]) if line.startswith(b"data:") else {}
        shown = (told.get("output") or {}).get("data") or [{}]
        if told.get("msg") in ("process_generating", "process_completed") and isinstance(shown[0], dict):
            said = shown[0].get("error") or shown[0].get("says") or said
        if told.get("msg") == "process_completed":
            break
    stream.close()
    return said


def late(waits: list[float]) -> str:
    if len(waits) < 2:
        return f"{len(waits)} answers"
    worst = statistics.quantiles(waits, n=20)[-1]
    return f"{len(waits)} answers, median {statistics.median(waits):.2f} s, 95 % within {worst:.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, choices=(256, 512, 1024), default=1024)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network-snapshot.pkl"
        snapshot(path, given.resolution)
        print(f"{path.stat().st_size / 1e6:.0f} MB, {given.resolution} px; load {os.getloadavg()[0]:.1f}", flush=True)
        os.environ["SPACE_ID"] = "somebody/page"  # of the page that is started
        process, url = crowd.start(Path(folder), ROOT)
        try:
            dependency = crowd.answering(url)
            others = [crowd.Visitor(url, number) for number in (1, 2, 3)]
            others[0].by_queue(others[0].recipe(), dependency)
            ways = [others[0].by_http, others[1].by_http, lambda recipe: others[2].by_queue(recipe, dependency)]
            stop = [time.monotonic() + 3600]
            threads = [
                threading.Thread(target=_stay, args=(one, way, stop), daemon=True) for one, way in zip(others, ways)
            ]
            for thread in threads:
                thread.start()
            time.sleep(10)
            began = time.monotonic()
            sent, there, said = dropped(url, path)
            ended = time.monotonic()
            stop[0] = 0.0
            for thread in threads:
                thread.join(30)
        finally:
            process.terminate()
            process.wait(30)
    print(f"sent after {sent:.1f} s, on the page after {there:.1f} s: {said[:160]}")
    for name, group in (("HTTP", others[:2]), ("queue", others[2:])):
        pairs = [pair for one in group for pair in zip(one.since, one.waits)]
        print(f"{name} before: {late([wait for since, wait in pairs if since + wait < began])}")
        print(f"{name} meanwhile: {late([wait for since, wait in pairs if since + wait >= began and since <= ended])}")
    for error in sorted({error for one in others for error in one.errors})[:3]:
        print("   ", error)


def _stay(one: crowd.Visitor, way: Callable[[dict], bytes], stop: list[float]) -> None:
    """Turns a knob now and then; `since` says when, for each wait."""
    one.since = []
    while time.monotonic() < stop[0]:
        began = time.monotonic()
        try:
            way(one.recipe())
        except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
            one.errors.append(str(error))
            one.connection.close()
            one.connection = one._connect()
        one.waits.append(time.monotonic() - began)
        one.since.append(began)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
