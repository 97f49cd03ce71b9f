"""What is beside the page: a link's preview, compression, health, and whose turn it is among programs."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import textwrap
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import torch
from gradio_client import Client
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import app
from core import own_pictures, zoo
from demos.page import arrival, pictures
from serving import front, turns

from ..benchmarks.arrivals import VISITORS, Page, Visit, arrive
from ..conftest import served

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("front"), "--no-hub") as address:
        yield address.rstrip("/")


def get(address: str, **headers: str):
    asked = urllib.request.Request(address, headers={name.replace("_", "-"): text for name, text in headers.items()})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return answer.read(), answer.headers


def meta(page: bytes) -> list[tuple[str, str]]:
    found = re.findall(r'<meta\s+(?:property|name)="((?:og|twitter):[^"]+)"\s+content="([^"]*)"', page.decode())
    return [(name, unescape(content)) for name, content in found]


# --- the preview of a link


def test_a_link_s_preview_is_the_page_s_own_and_its_picture_can_be_fetched(url: str):
    told = meta(get(url)[0])
    assert len(told) == len(dict(told)), "each is said once: the first would win"
    shown = dict(told)
    assert shown["og:title"] == shown["twitter:title"] == app.PREVIEW["title"] and "Gradio" not in str(told)
    assert shown["og:description"] == app.PREVIEW["description"] and shown["twitter:card"] == "summary_large_image"
    picture = Image.open(io.BytesIO(get(shown["og:image"])[0]))
    assert picture.format == "PNG" and picture.size == (1200, 630)


def test_behind_a_proxy_the_preview_names_the_address_that_visitors_see(url: str):
    shown = dict(meta(get(url, X_Forwarded_Host="example.org, inner", X_Forwarded_Proto="https,http")[0]))
    assert shown["og:image"] == "https://example.org/arrival/preview.png" and shown["og:url"] == "https://example.org/"


def below_gan(mount: type[Mount]) -> TestClient:
    drawn = pictures.mount(app.TABS)
    routes = [mount("/arrival", front.Kept(directory=arrival.ARRIVAL)), mount(drawn.path, drawn.app)]
    return TestClient(Starlette(routes=routes), root_path="/gan")


@pytest.mark.parametrize("taken_off", [True, False])
@pytest.mark.parametrize("name, status", [("arrival/steer-before.webp", 200), ("pictures/after?sed=7", 400)])
def test_below_a_path_recorded_and_drawn_pictures_are_found(taken_off: bool, name: str, status: int):
    """Whether or not the proxy takes its path off what it asks for; a plain mount is the control."""
    asked = f"/{name}" if taken_off else f"/gan/{name}"
    assert below_gan(front.Below).get(asked).status_code == status
    assert (below_gan(Mount).get(asked).status_code == status) is not taken_off
    assert below_gan(front.Below).get(f"/other/{name}").status_code == 404


def test_a_root_path_may_be_written_with_and_without_slashes():
    assert [app.root_path(text) for text in ("/gan", "gan/", "/a/b/", "/", "")] == ["/gan", "/gan", "/a/b", "", ""]
    assert app.root_path("https://example.org/gan/") == "https://example.org/gan"


def test_a_preview_is_escaped_and_other_tags_stay():
    page = b'<html><head><meta charset="utf-8"><meta property="og:title" content="Gradio" />'
    page += b'\n<meta\n\tname="twitter:title" content="Gradio" /><meta name="viewport" content="x"></head></html>'
    about = dict(title='a "<b>"', description="d", picture="p.png")
    written = front.with_preview(page, about, "http://here")
    assert b"Gradio" not in written and b"<b>" not in written
    assert b'<meta charset="utf-8">' in written and b'<meta name="viewport" content="x">' in written
    assert dict(meta(written))["og:title"] == 'a "<b>"'
    assert front.with_preview(b"no head", about, "http://here") == b"no head"


# --- over the line


def test_the_page_comes_compressed_to_whoever_takes_it_so(url: str):
    plain, _ = get(url, Accept_Encoding="identity")
    packed, headers = get(url, Accept_Encoding="gzip")
    assert headers["content-encoding"] == "gzip" and len(packed) < len(plain) / 4
    one = re.compile(rb'"(?:session_hash|app_id)":[^,}]+')  # what differs from visit to visit
    assert one.sub(b"", gzip.decompress(packed)) == one.sub(b"", plain)
    assert plain.count(b"data:image") == 1, "pictures are files that a browser keeps, but for Start's still"


def test_a_browser_keeps_what_is_named_by_its_content(url: str):
    address = re.search(rb"arrival/steer-after\.webp\?\w+", get(url)[0])[0].decode()
    assert "immutable" in get(f"{url}/{address}")[1]["cache-control"]
    assert "immutable" not in str(get(f"{url}/arrival/steer-after.webp")[1]["cache-control"])


# --- health


def test_the_health_says_version_networks_memory_queue_and_one_picture_s_hash(url: str):
    found = json.loads(get(f"{url}/health")[0])
    card = zoo.card(found["picture"]["model"])
    generator = zoo.load(card.name)
    with torch.no_grad():
        codes = generator.codes(generator.sample(1, seed=found["picture"]["seed"]), psi=found["picture"]["psi"])
        image = generator.at(psi=found["picture"]["psi"])(codes)[0].double().numpy()
    levels = np.floor(np.clip((image + 1) * 127.5, 0, 255) + 0.5).astype(np.uint8).transpose(1, 2, 0)
    assert found["picture"]["sha256"] == hashlib.sha256(np.ascontiguousarray(levels).tobytes()).hexdigest()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert found["ok"] and found["version"].startswith(version) and card.name in found["networks"]
    assert found["memory_mb"] is None or 50 < found["memory_mb"] < 4000
    assert found["queue"]["long_work"] == 0
    assert json.loads(get(f"{url}/health")[0]) == found, "who asks at once again gets the same answer"
    assert found["version"] in get(url)[0].decode(), "the foot of the page says it too"


def test_the_privacy_page_has_six_paragraphs_that_hold(url: str):
    said = get(f"{url}/privacy")[0].decode()
    assert said.count("<p>") == 6 and f"at most {own_pictures.SECONDS / 60:.0f} minutes" in said
    assert 'href="privacy"' in get(url)[0].decode().replace("\\", "")
    assert app.build().delete_cache[1] <= 3600, "files are deleted within an hour"


# --- visitors


def test_a_class_that_opens_the_page_at_once_is_not_refused_and_each_sees_their_own_link(url: str):
    visits = arrive(Page.at(url))
    assert len(visits) == VISITORS and [one.wrong() for one in visits if one.wrong()] == []
    other = Visit(visits[0].page, dict(visits[0].link, seed="99"), recipe=visits[0].recipe, answer=visits[0].answer)
    assert "opened" in other.wrong(), "the control: another visitor's picture is noticed"


def test_with_no_hub_only_networks_that_are_here_are_offered(url: str):
    visit = Visit(Page.at(url), {}, session="somebody")
    models = visit.event("steer_networks", [{}], None)["models"]
    assert models and all(one["here"] for one in models)


# --- programs


def test_a_token_that_this_server_did_not_make_is_none():
    mine, other = turns.new_token(), turns.new_token()
    held = [turns.holder({turns.TOKEN: token}) for token in (mine, other)]
    assert all(held) and held[0] != held[1]
    forged = ("", "a", f"{held[0]}.{'0' * 32}", f"{held[1]}.{mine.partition('.')[2]}", f"{mine}0", f"{mine}é")
    assert [turns.holder({turns.TOKEN: token}) for token in forged] == [""] * len(forged) and turns.holder({}) == ""


def test_each_has_its_places_and_nobody_all_of_them():
    assert not turns.refusal([], "") and not turns.refusal([], "a")
    assert not turns.refusal(["a"] * (turns.AT_ONCE - 1), "a") and not turns.refusal(["a"] * turns.AT_ONCE, "b")
    assert f"{turns.AT_ONCE} at a time" in turns.refusal(["a"] * turns.AT_ONCE, "a")
    assert "token" in turns.refusal([""] * turns.ANONYMOUS, "") and not turns.refusal([""] * turns.ANONYMOUS, "a")
    assert "call again" in turns.refusal([str(i) for i in range(turns.ALL)], "new")


def test_the_lines_of_the_readme_for_programs_run_as_they_stand(url: str, capsys: pytest.CaptureFixture):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(\s*from gradio_client.*?)```", readme, re.S)[1]
    lines = textwrap.dedent(block)
    assert "http://127.0.0.1:7860" in lines
    exec(compile(lines.replace("http://127.0.0.1:7860", url), "README", "exec"), {})
    said = capsys.readouterr().out
    assert "Portrait, picture number 7" in said and "data:image/webp" in said and "seed=7" in said


def call(url: str, name: str, values: list, **headers: str) -> str:
    """Begins a call of an endpoint as `gradio_client` does; "" where it was taken, else what was said."""
    body, about = json.dumps(dict(data=values)).encode(), {"Content-Type": "application/json", **headers}
    asked = urllib.request.Request(f"{url}/gradio_api/call/{name}", body, about)
    try:
        with urllib.request.urlopen(asked, timeout=60):
            return ""
    except urllib.error.HTTPError as error:
        assert error.code == 503
        return json.loads(error.read())["detail"]


def test_a_program_that_calls_a_hundred_times_is_told_its_limit_and_another_still_gets_its_turn(url: str):
    about = json.loads(get(f"{url}/gradio_api/info")[0])["named_endpoints"]["/steer_other_faces"]
    values = [dict(model="portraits-stylegan2", version=1)] + [None] * (len(about["parameters"]) - 1)
    said = [call(url, "steer_other_faces", values) for _ in range(100)]
    refused = [one for one in said if one]
    assert len(refused) >= 100 - 3 * turns.ANONYMOUS and "at a time" in refused[0] and "/token" in refused[0]
    program = Client(url, verbose=False)
    with pytest.raises(ValueError, match="calls waiting here already, of .* at a time: call again when one has ended"):
        [job.result() for job in [program.submit(seed=seed, api_name="/steer_other_faces") for seed in range(20)]]
    token = json.loads(get(f"{url}/token")[0])
    own = [call(url, "steer_other_faces", values, **{token["header"]: token["token"]}) for _ in range(3)]
    assert own == [""] * 3, "its places are its own"
