"""Start: what was recorded fits what is here; the address that opens it; packs as they are sent; the static folder."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import anyio
import numpy as np
import pytest
import torch

import engine
import ganatomy
from commands import static
from commands.arrival.start import asked_of, far_of, misses, verdict_of
from core import evidence, home, zoo
from core.truth.judge import READER, Judge
from core.truth.worlds.base import Factor
from demos.page import parts
from demos.start import bundle, tab, view
from demos.start.tab import opened_by
from engine.pack import pack
from serving.front import Preview, with_first

MODEL = bundle.NAMES[0]
TABS, FIELDS = ("steer", "paint"), ("seed", "model", "show")


def judge() -> Judge:
    factors = [Factor(name, f"{name} of it", f"low {name}", f"high {name}") for name in ("a", "b", "c", "d", "e")]
    return Judge(READER, tuple(factors), lambda images: images, torch.ones(5), "faces")


def test_what_was_recorded_fits_the_weights_and_the_evidence_that_are_here() -> None:
    found = bundle.record_of(MODEL)
    assert found["made_from"] == bundle.made_from(MODEL) and bundle.networks(more=False) == [MODEL]
    view, known = found["view"], evidence.knob_records(MODEL, "sefa-paper/all")
    assert {one["knob"] for one in (*view["chips"], *view["game"])} <= {one["id"] for one in view["knobs"]}
    assert len({one["seed"] for one in view["faces"]}) == len(view["faces"]) > 8
    for one in view["game"]:
        strongest = zoo.load_judge(MODEL).factors[known[int(one["knob"].partition("-")[2])]["strongest"]]
        assert strongest.short in [one["answers"][i] for i in one["right"]]


def test_a_record_of_other_weights_is_no_landing_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "made_from", lambda model: dict(weights="of another day"))
    assert bundle.networks() == []
    with pytest.raises(ValueError, match="commands.arrival start"):
        static.networks(others=False)


@pytest.mark.parametrize(
    "query, opens",
    [
        ({}, "start"),
        (dict(tab="start", seed="7"), "start"),
        (dict(__theme="dark", utm="x"), "start"),
        (dict(seed="7"), "steer"),
        (dict(show="faces"), "steer"),
        (dict(tab="paint", seed="7"), "paint"),
        (dict(tab="nothing"), "start"),
        (dict(tab="nothing", seed="7"), "steer"),
    ],
)
def test_links_open_what_they_opened_before(query: dict, opens: str) -> None:
    assert opened_by(query, TABS, FIELDS) == opens


def test_what_is_first_is_painted_before_the_rest_is_read() -> None:
    page = b'<head><script>window.gradio_config = {}</script><link rel="stylesheet" href="a"></head><body x>rest</body>'
    written = with_first(page, "<p>first</p>", alone=True).decode()
    assert written.index("<p>first</p>") < written.index("gradio_config") < written.index("rest")
    assert 'media="print"' in written and written.count("gradio_config") == 1
    hidden = with_first(page, "<p>first</p>", alone=False).decode()
    assert hidden.index("gradio_config") < hidden.index("<p>first</p>") and "media" not in hidden
    assert with_first(b"no page", "<p>first</p>", alone=True) == b"no page"


def test_what_is_first_is_sent_before_the_rest_is_compressed() -> None:
    sent, page = [], b"<head></head><body>" + b"rest" * 1000

    async def gradio(_scope: dict, _receive: object, send: Callable) -> None:
        headers = [(b"content-type", b"text/html"), (b"content-length", str(len(page)).encode())]
        await send(dict(type="http.response.start", status=200, headers=headers))
        await send(dict(type="http.response.body", body=page))

    async def send(message: dict) -> None:
        sent.append(message)

    about = dict.fromkeys(("title", "description", "picture"), "")
    scope = dict(type="http", path="/", query_string=b"", scheme="http", headers=[])
    anyio.run(Preview(gradio, about, lambda query: ("<p>first</p>", True)), scope, None, send)
    start, first, rest = sent
    assert first["more_body"] and first["body"].endswith(b"<p>first</p>") and rest["body"] == b"rest" * 1000
    length = dict(start["headers"])[b"content-length"]
    assert int(length) == len(first["body"]) + len(rest["body"])


def test_a_pack_comes_back_whole_from_what_is_sent() -> None:
    data = pack(zoo.load(MODEL))
    sent = gzip.decompress(bundle.squeezed(data))
    (start, count), rest = np.frombuffer(sent[:8], "<u4"), np.frombuffer(sent[8:], np.uint8).copy()
    pairs = np.stack([rest[start + count : start + 2 * count], rest[start : start + count]], 1)
    rest[start : start + 2 * count] = pairs.ravel()
    assert rest.tobytes() == data and len(bundle.squeezed(data)) < 0.96 * len(gzip.compress(data, 9))


def test_links_at_the_end_lead_to_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)

    def links(html: str) -> dict[str, str]:
        return {says: to for to, says in re.findall(r'<a href="([^"]*)">([^<]*)</a>', html.partition("start-more")[2])}

    assert home.source() == ""
    assert links(view.view(MODEL))["Code"] == "?tab=steer&amp;show=take"
    assert links(view.view(MODEL, None)) == {}
    assert links(view.view(MODEL, None, dict(lessons="#lesson"))) == {"For teachers": "#lesson"}
    assert links(view.view(MODEL, "https://example.org/gan/"))["For teachers"] == "https://example.org/gan/lessons"
    monkeypatch.setenv("SPACE_ID", "somebody/copy")
    html = tab.front([MODEL], "start/0/", {}, "start")
    assert links(html)["Code"] == "https://huggingface.co/spaces/somebody/copy/tree/main"


def test_the_page_and_start_draw_with_one_engine() -> None:
    html, script = tab.front([MODEL], "start/0/", {}, "start"), bundle.files([MODEL], "../../engine/1/")["start.js"]()
    assert f'href="{engine.address()}engine.js"' in html and b'from "../../engine/1/engine.js"' in script
    assert json.dumps(engine.address()) in parts.scripts([])
    assert engine.file("generator.wasm") and engine.file("../pack.py") is None


# --- what is recorded


def test_the_first_face_is_the_one_that_misses_the_rule_least(monkeypatch: pytest.MonkeyPatch) -> None:
    from commands.arrival import start

    monkeypatch.setitem(start.STEER, "rule", dict(yaw=[0.4, 0.6], smile=[0.5, 1.0]))
    readings = torch.tensor([[0.5, 0.7], [0.9, 0.7], [0.5, 0.4]])
    assert misses(readings, ["yaw", "smile"]).tolist() == pytest.approx([0, 0.3, 0.1])


def test_a_verdict_says_where_a_knob_moves_something_else_more() -> None:
    change, chance = torch.tensor([0.3, 0.5, 0.0, 0.1, 0.1]), torch.full((3, 5), 0.1)
    assert verdict_of(change, 1, chance, judge()).startswith("50 % of what this knob changes is one thing: b of it.")
    assert "More of it is b of it, 50 %" in verdict_of(change, 0, chance, judge())
    assert [far_of(own, 3.0) for own in (1.0, -0.5, 0.1, 0.0, 9.0)] == [2.0, 4.0, 6.0, 6.0, 2.0]


def test_the_game_asks_what_was_measured_and_its_wrong_answers_hardly_move() -> None:
    means = [[0.9, 0.1, 0, 0, 0], [0.1, 0.5, 0.45, 0, 0.1], [0.8, 0, 0, 0, 0], [0.01] * 5]
    known = [dict(mean=mean, strongest=own, plain="says") for mean, own in zip(means, (0, 1, 0, None))]
    first, second = asked_of(known, judge())
    assert (first["knob"], second["knob"]) == ("sefa-0", "sefa-1"), "each thing once, the clearest knob of it"
    assert [first["answers"][i] for i in first["right"]] == ["a of it"]
    assert "c of it" not in second["answers"], "it moves nearly as much, so it would be no wrong answer"


# --- the folder


def test_the_folder_is_small_asks_nobody_and_is_made_again(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "page"
    assert ganatomy.main(["static", str(folder)]) == 0
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < static.SMALL and "MIT" in capsys.readouterr().out
    assert not any(name.startswith("faces-dcgan") for name in sizes)
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert "https://" not in html and 'href="/' not in html and "start-whole" not in html.partition("</style>")[2]
    (folder / "CNAME").write_text("example.org")
    static.make(folder, page="https://example.org/gan/")
    assert (folder / "CNAME").exists() and "https://example.org/gan/?tab=steer" in (folder / "index.html").read_text()
    (folder / "data.json").write_text("mine")
    assert ganatomy.main(["static", str(folder)]) == 1
    assert "data.json was not written by this command" in capsys.readouterr().err
    assert json.loads((folder / static.MARK).read_text())["index.html"]


@pytest.mark.parametrize("page", ["ftp://a", "example.org", "https://a/?b=c"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, page: str) -> None:
    with pytest.raises(ValueError, match="no address of a page"):
        static.make(tmp_path / "new", page=page)
    assert not (tmp_path / "new").exists()
