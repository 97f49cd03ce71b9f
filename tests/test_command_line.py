"""The command line: what it lists, brings, converts and shows, and what a broken file gets.

Converted files are judged by what the reference implementations drew from the sources; no test needs a network.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import ganatomy
from commands import report
from core import checkpoints, downloads, hub, zoo
from core.checkpoints import export, native
from core.factorization.baseline import spread_along
from core.factorization.sefa import sefa
from core.generators.base import Generator
from core.generators.pggan import PGGAN
from core.images import to_uint8
from core.truth import statistics
from demos.page.sources import KnobSet

from . import foreign, references, tiny
from .core.test_hub import pinned
from .hub_server import CONTENT, StandIn, ended
from .references import REFERENCES, TOLERANCE, error

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

ROOT = Path(__file__).resolve().parent.parent
TWINS = dict(
    stylegan2=tiny.stylegan2,
    stylegan=tiny.stylegan,
    pggan=tiny.pggan,
    biggan=tiny.biggan,
    biggan_deep=tiny.biggan_deep,
    dcgan=tiny.dcgan,
    dcgan_of_classes=tiny.dcgan_of_classes,
)


def run(*arguments: object) -> int:
    return ganatomy.main([str(argument) for argument in arguments])


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refused(capsys, *arguments: object) -> str:
    """Exit status 1, nothing on stdout, and one sentence, apart from lines about the work, on stderr."""
    capsys.readouterr()
    assert run(*arguments) == 1
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if not line.endswith(" s)")]
    assert said.out == "" and len(lines) == 1 and "Traceback" not in said.err and len(lines[0]) < 600
    return lines[0]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A tiny StyleGAN2 as rosinality's code writes it, without check sums, in a folder of its own."""
    path = tmp_path / "source" / "toy.pt"
    path.parent.mkdir()
    path.write_bytes(foreign.torch_file(foreign.rosinality(foreign.nvidia_state(tiny.stylegan2())), legacy=True))
    return path


def front_matter(folder: Path) -> dict:
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("---\n")[1])


def config_of(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


def weights_of(folder: Path) -> Path:
    return next(folder.glob("*.safetensors"))


def zoo_with(monkeypatch, path: Path, **facts) -> zoo.ModelCard:
    """A zoo whose only card of the Hub has exactly the file's bytes."""
    file = hub.HubFile(
        "toy-gan", "somebody/toys", path.name, revision="0" * 40, sha256=sha256(path), size=path.stat().st_size
    )
    card = zoo.ModelCard("toy-gan", "Toys", path.name, None, 16, source=file, **facts)
    monkeypatch.setattr(zoo, "REMOTE_CARDS", {"toy-gan": card})
    return card


# list


def test_the_list_says_what_the_cards_say(capsys) -> None:
    assert run("list", "--json") == 0
    rows, cards = json.loads(capsys.readouterr().out), {**zoo.CARDS, **zoo.REMOTE_CARDS}
    assert [row["name"] for row in rows] == list(cards)  # the bundled ones first
    for row in rows:
        card = cards[row["name"]]
        facts = (card.title, card.resolution, card.licence, card.link, card.pinned, card.source is None)
        assert (row["title"], row["resolution"], row["licence"], row["link"], row["pinned"], row["bundled"]) == facts
        assert row["here"] == zoo.is_here(card.name) and row["size"] > 1e6
        assert row["exact"] or row["size"] == card.source.about
        assert not row["bundled"] or row["size"] == card.path.stat().st_size


def test_the_table_has_a_line_for_every_model_and_all_of_its_columns(capsys) -> None:
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    for card in (*zoo.CARDS.values(), *zoo.REMOTE_CARDS.values()):
        line = next(line for line in lines if line.split() and line.split()[0] == card.name)
        assert card.title in line and f" {card.resolution} " in line and line.endswith(card.licence) and " MB " in line
    assert all(word in lines[0] for word in ("name", "title", "pixels", "size", "licence", "here", "pinned"))


# fetch


@pytest.fixture
def toy(monkeypatch) -> zoo.ModelCard:
    """A card of the stand-in of the Hub."""
    card = zoo.ModelCard("toy-gan", "Toys", "good.bin", None, 16, source=pinned())
    monkeypatch.setattr(zoo, "REMOTE_CARDS", {"toy-gan": card})
    return card


def test_a_fetched_model_is_here_and_its_size_is_said_before(cache, stand_in: StandIn, toy, capsys) -> None:
    assert not zoo.is_here("toy-gan") and run("fetch", "toy-gan") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "toy-gan: 0.1 MB from somebody/toys" and "toy-gan is here" in said[1] and "MIT" in said[1]
    assert zoo.is_here("toy-gan") and toy.path.read_bytes() == CONTENT
    assert run("fetch", "toy-gan") == 0 and stand_in.count("GET") == 1


def test_a_download_shows_how_far_it_is(cache, stand_in: StandIn, toy, monkeypatch) -> None:
    stand_in.pieces, seen = 8, []

    def show(status: ganatomy.Status, text: str) -> None:
        seen.append(text)
        if "50%" in text:
            stand_in.go.set()

    monkeypatch.setattr(ganatomy.Status, "show", show)
    assert run("fetch", "toy-gan") == 0
    assert f"toy-gan: [{'#' * 12}{'.' * 12}]  50% of 0.1 MB" in seen
    assert seen[-1] == f"toy-gan: [{'#' * 24}] 100% of 0.1 MB"


def test_ctrl_c_ends_a_download_and_leaves_no_file(cache, stand_in: StandIn, toy, monkeypatch, capsys) -> None:
    stand_in.pieces = 3

    def interrupted(_status: ganatomy.Status, _text: str) -> None:
        if stand_in.count("GET"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ganatomy.Status, "show", interrupted)
        assert run("fetch", "toy-gan") == 130
    assert "Cancelled" in capsys.readouterr().err and not downloads._running
    stand_in.go.set()
    ended()
    assert not zoo.is_here("toy-gan")
    stand_in.pieces = None
    assert run("fetch", "toy-gan") == 0 and zoo.is_here("toy-gan")


def test_a_failed_fetch_is_one_sentence_and_the_others_still_arrive(
    cache, stand_in: StandIn, toy, monkeypatch, capsys
) -> None:
    missing = replace(toy, name="gone-gan", source=replace(pinned("gone.bin"), name="gone-gan"))
    monkeypatch.setattr(zoo, "REMOTE_CARDS", {"gone-gan": missing, "toy-gan": toy})
    assert run("fetch", "gone-gan", "toy-gan") == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and said.err.startswith("gone-gan was not found") and "choose another" in said.err
    assert zoo.is_here("toy-gan") and "toy-gan is here" in said.out


def test_nothing_is_fetched_where_a_name_is_unknown_or_not_pinned(
    cache, stand_in: StandIn, toy, monkeypatch, capsys
) -> None:
    assert "no model 'nobody'; there are" in refused(capsys, "fetch", "toy-gan", "nobody")
    assert "no model was named" in refused(capsys, "fetch")
    loose = replace(toy, source=pinned(sha256=None))
    monkeypatch.setattr(zoo, "REMOTE_CARDS", {"toy-gan": loose})
    assert "is not pinned: its sha256 is not known" in refused(capsys, "fetch", "toy-gan")
    assert stand_in.seen == [] and run("fetch", "toy-gan", "--unpinned") == 0 and zoo.is_here("toy-gan")


def test_all_licensed_are_those_that_say_their_licence_and_are_pinned(toy, monkeypatch) -> None:
    cards = dict(
        a=replace(toy, name="a"),
        b=replace(toy, name="b", licence=zoo.NOT_STATED),
        c=replace(toy, name="c", source=pinned(sha256=None)),
    )
    monkeypatch.setattr(zoo, "REMOTE_CARDS", cards)
    assert ganatomy.licensed() == ["a"]


# convert


@pytest.mark.parametrize("name", references.marked(REFERENCES))
def test_a_converted_file_draws_what_its_reference_drew(name: str, tmp_path: Path, capsys) -> None:
    kind, architecture, pairs, _ = REFERENCES[name]
    path, settings = references.path(name), references.settings_of(name)
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    with_config = () if settings is None else ("--config", tmp_path / "settings.json")
    assert run("convert", path, tmp_path / "out", *with_config, "--name", "model") == 0
    assert "largest difference 0 of a picture in [-1, 1], equal to the bit" in capsys.readouterr().out
    written = tmp_path / "out" / "model.safetensors"
    opened = checkpoints.describe(written)
    assert (opened.format, opened.architecture) == ("ganatomy", architecture)
    compared = pairs(opened.generator, references.arrays(name))
    assert compared and all(error(ours, theirs) < TOLERANCE for ours, theirs in compared)
    before = checkpoints.describe(path, settings)
    assert (before.format, before.architecture) == (kind, architecture)
    assert opened.generator.notes == before.generator.notes
    config = config_of(tmp_path / "out")
    assert config["sha256"] == sha256(written) and config["source_sha256"] == sha256(path)
    assert (config["source_format"], config["architecture"]) == (kind, architecture)
    assert native.ARCHITECTURES[architecture](**config["config"]).config() == opened.generator.config()


def test_what_the_file_of_a_dcgan_does_not_say_is_said_on_the_command_line(tmp_path: Path, capsys) -> None:
    path = references.path(references.DCGAN)
    told = ("--size", 28, "--end", "sigmoid", "--classes", 0, "--slope", 0.2)
    assert run("convert", path, tmp_path / "out", *told, "--name", "model") == 0
    assert "DCGAN of 28 pixels, from PyTorch code of the DCGAN family" in capsys.readouterr().out
    made = checkpoints.read(tmp_path / "out" / "model.safetensors")
    assert (made.resolution, made.end, made.classes, made.rows[0].slope) == (28, "sigmoid", 0, 0.2)
    assert "tanh" not in " ".join(made.notes)
    said = refused(capsys, "convert", path, tmp_path / "other", "--size", 29)
    assert "make no picture of the size" in said and not (tmp_path / "other").exists()
    said = refused(capsys, "check", references.path(references.ROSINALITY), "--end", "tanh", "-o", tmp_path / "r.html")
    assert "says itself what end would" in said


def test_the_folder_holds_what_the_hub_wants_and_says_where_it_came_from(source: Path, tmp_path: Path, capsys) -> None:
    assert run("convert", source, tmp_path / "a" / "b", "--licence", "CC BY-NC 4.0", "--link", "https://here.org") == 0
    folder = tmp_path / "a" / "b"
    assert sorted(file.name for file in folder.iterdir()) == ["README.md", "config.json", "toy.safetensors"]
    head, text = front_matter(folder), (folder / "README.md").read_text()
    assert head["license"] == "cc-by-nc-4.0" and head["library_name"] == "pytorch" and "license_name" not in head
    assert {"gan", "stylegan2"} <= set(head["tags"]) and head["pipeline_tag"] == "unconditional-image-generation"
    assert sha256(source) in text and sha256(folder / "toy.safetensors") in text and "https://here.org" in text
    assert "whoever converted it" in text and 'checkpoints.read("toy.safetensors")' in text
    facts = native.metadata(folder / "toy.safetensors")
    wanted = dict(
        source="toy.pt",
        source_sha256=sha256(source),
        source_format="rosinality",
        licence="CC BY-NC 4.0",
        link="https://here.org",
    )
    assert {key: facts[key] for key in wanted} == wanted and "CC BY-NC 4.0" in capsys.readouterr().out


@pytest.mark.parametrize("name", TWINS)
def test_the_code_on_the_card_draws_the_picture(name: str, tmp_path: Path, monkeypatch) -> None:
    native.save(TWINS[name](), tmp_path / "a.safetensors")
    assert run("convert", tmp_path / "a.safetensors", tmp_path / "out") == 0
    monkeypatch.chdir(tmp_path / "out")
    exec(Path("README.md").read_text().split("```python\n")[1].split("```")[0], {})
    with Image.open("seed0.png") as picture:
        assert (to_uint8(export.draw(TWINS[name]()))[0] == np.asarray(picture)).all()


def test_the_licence_is_that_of_the_card_with_these_bytes(source: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    zoo_with(
        monkeypatch,
        source,
        licence="NVIDIA Source Code License (research or evaluation only)",
        link="https://nvlabs.github.io/license.html",
    )
    (source.parent / "LICENSE.txt").write_text("all of its words")
    (source.parent / "NOTICE").write_text("and a notice")
    (source.parent / "other.txt").write_text("not about it")
    assert run("convert", source, tmp_path / "out", "--licence", "MIT") == 0
    head, config = front_matter(tmp_path / "out"), config_of(tmp_path / "out")
    assert head["license"] == "other" and head["license_name"] == "nvidia-source-code-license"
    assert head["license_link"] == "LICENSE.txt" and head["base_model"] == "somebody/toys"
    assert "NVIDIA" in config["licence"] and config["source_revision"] == "0" * 40
    assert (tmp_path / "out" / "LICENSE.txt").read_text() == "all of its words"
    assert (tmp_path / "out" / "NOTICE").read_text() == "and a notice"
    assert not (tmp_path / "out" / "other.txt").exists()
    said = capsys.readouterr().out
    assert "NVIDIA" in said and "--licence was left aside" in said and "To be cleared" not in said


def test_a_changed_byte_is_another_file_and_has_no_licence(source: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """The control: the same network but for the lowest bit of one number."""
    zoo_with(monkeypatch, source, licence="CC BY-NC 4.0", link="https://here.org")
    data = bytearray(source.read_bytes())
    weight = foreign.nvidia_state(tiny.stylegan2())["synthesis.b4.const"].numpy().tobytes()
    data[data.index(weight)] ^= 1
    assert run("convert", source, tmp_path / "before") == 0
    source.write_bytes(data)
    assert run("convert", source, tmp_path / "after") == 0
    assert front_matter(tmp_path / "before")["license"] == "cc-by-nc-4.0"
    assert front_matter(tmp_path / "after")["license"] == "unknown"
    assert config_of(tmp_path / "after")["licence"] == "not stated"
    text = (tmp_path / "after" / "README.md").read_text()
    assert "**Not stated.**" in text and "To be cleared before publishing" in text and "CC BY-NC" not in text
    last = capsys.readouterr().out.splitlines()[-3:]
    assert any("Licence: not stated" in line for line in last) and "do not publish" in last[-1]
    assert sha256(weights_of(tmp_path / "before")) != sha256(weights_of(tmp_path / "after"))


def test_a_card_that_states_no_licence_gives_none(source: Path, tmp_path: Path, monkeypatch) -> None:
    zoo_with(monkeypatch, source, licence=zoo.NOT_STATED, link="https://ask.org")
    assert run("convert", source, tmp_path / "out") == 0
    assert front_matter(tmp_path / "out")["license"] == "unknown"
    assert "What is known stands at https://ask.org" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    "licence, fields",
    [
        ("MIT", dict(license="mit")),
        ("CC BY-NC 4.0", dict(license="cc-by-nc-4.0")),
        ("cc-by-4.0", dict(license="cc-by-4.0")),
        ("Apache 2.0", dict(license="apache-2.0")),
        ("", dict(license="unknown")),
        ("Ask me (first)", dict(license="other", license_name="ask-me", license_link="https://l.org")),
        ("\u00a9 \u6771\u4eac", dict(license="other", license_name="see-the-text", license_link="https://l.org")),
    ],
)
def test_licences_become_the_hubs_words(licence: str, fields: dict) -> None:
    assert export.licence_lines(export.Provenance(licence, "https://l.org"), ()) == fields


def test_every_licence_of_the_zoo_has_its_word() -> None:
    words = {
        card.licence: export.licence_lines(ganatomy.Provenance(card.licence, card.link), ())["license"]
        for card in (*zoo.CARDS.values(), *zoo.REMOTE_CARDS.values())
        if card.licensed
    }
    assert {licence: word for licence, word in words.items() if "NVIDIA" not in licence} == {
        "MIT": "mit",
        zoo.card("faces-dcgan").licence: "mit",
        "CC BY-NC 4.0": "cc-by-nc-4.0",
    }
    assert {word for licence, word in words.items() if "NVIDIA" in licence} == {"other"}


def test_converting_again_keeps_licence_and_assumptions(source: Path, tmp_path: Path) -> None:
    tree = torch.load(source, weights_only=True)
    torch.save({"g_ema": tree["g_ema"]}, source)  # without the mean of w, which then must be assumed
    assert run("convert", source, tmp_path / "one", "--licence", "Toy Licence 7", "--link", "https://toys.org") == 0
    assert run("convert", weights_of(tmp_path / "one"), tmp_path / "two", "--licence", "MIT") == 0
    head, config = front_matter(tmp_path / "two"), config_of(tmp_path / "two")
    assert head["license_name"] == "toy-licence-7" and head["license_link"] == "https://toys.org"
    assert config["notes"] == config_of(tmp_path / "one")["notes"] and "mean of w" in config["notes"][0]
    assert config["notes"] == list(checkpoints.read(source).notes)


def test_a_bundled_model_carries_the_projects_licence(tmp_path: Path) -> None:
    name = next(iter(zoo.CARDS))
    assert run("convert", name, tmp_path / "out") == 0
    assert front_matter(tmp_path / "out")["license"] == "mit" and weights_of(tmp_path / "out").stem == name
    assert (tmp_path / "out" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_a_model_of_the_hub_is_fetched_and_converted_under_its_name(
    source: Path, cache, stand_in: StandIn, tmp_path: Path, monkeypatch
) -> None:
    data = source.read_bytes()
    stand_in.files["toy.pt"] = data
    card = zoo.ModelCard(
        "toy-gan",
        "Toys",
        "toy.pt",
        None,
        16,
        licence="CC BY-NC 4.0",
        link="https://here.org",
        source=pinned("toy.pt", content=data),
    )
    monkeypatch.setattr(zoo, "REMOTE_CARDS", {"toy-gan": card})
    assert run("convert", "toy-gan", tmp_path / "out") == 0
    assert (tmp_path / "out" / "toy-gan.safetensors").exists() and stand_in.count("GET") == 1
    assert front_matter(tmp_path / "out")["license"] == "cc-by-nc-4.0"


@pytest.mark.parametrize("name", ["Gesicht 顔.pt", "Gesicht_\udcf6.pt", "пример\udce4.bin"])
def test_names_that_nobody_can_print_do_not_hurt_what_is_done(source: Path, tmp_path: Path, monkeypatch, name) -> None:
    written, path = io.BytesIO(), tmp_path / name
    shutil.copy(source, path)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252", write_through=True))
    folder, page = tmp_path / "out 顔", tmp_path / "report.html"
    assert run("convert", path, folder) == 0 and list(folder.glob("*.safetensors"))
    assert run("check", path, "--seconds", 0, "--seeds", 1, "-o", page) == 0 and page.read_text("utf-8")
    assert b"out ?" in written.getvalue()
    monkeypatch.setattr(zoo, "CARDS", dict(zoo.CARDS))
    card = zoo.add(path)
    card.title.encode()  # the page is made of it
    assert "StyleGAN2" in card.title


@pytest.mark.parametrize("breaks", ["native.save", "model_card", "_copied_notices"])
def test_a_failure_leaves_no_half_folder(source: Path, tmp_path: Path, monkeypatch, capsys, breaks: str) -> None:
    def full(*_arguments, **_how) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"core.checkpoints.export.{breaks}", full)
    assert "No space left on device" in refused(capsys, "convert", source, tmp_path / "new" / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_a_file_that_reads_back_differently_is_not_kept(source: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    real = native.save

    def worse(module: Generator, path: Path, **facts: str) -> None:
        changed = type(module)(**module.config())
        changed.load_state_dict(module.state_dict())
        with torch.no_grad():
            changed.layers[0].const[0, 0, 0] += 1e-6
        real(changed, path, **facts)

    monkeypatch.setattr(native, "save", worse)
    assert "what was written draws another picture" in refused(capsys, "convert", source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(source: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert "not empty: choose a folder" in refused(capsys, "convert", source, tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert run("convert", source, tmp_path / "empty") == 0 and weights_of(tmp_path / "empty").exists()


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 97, "a b", "a\nb"])
def test_a_name_that_is_none_is_refused(source: Path, tmp_path: Path, capsys, name: str) -> None:
    if name:
        assert "is none for a file" in refused(capsys, "convert", source, tmp_path / "out", "--name", name)
        assert not (tmp_path / "out").exists()
    described = checkpoints.describe(source)
    with pytest.raises(ValueError, match="is none for a file"):
        export.export(source, described, tmp_path / "out", name=name, provenance=export.Provenance())


def test_what_strangers_wrote_stays_text(tmp_path: Path) -> None:
    """Names and licences cannot add fields to the card, tags to the page, or commands to the terminal."""
    evil = '\x1b[2Jx"\n---\nlicense: mit\n<script>alert(1)</script>'
    path = tmp_path / "<b>`x`.safetensors"
    native.save(tiny.pggan(), path, licence=evil, link=evil, notes=evil)
    assert run("convert", path, tmp_path / "out") == 0
    text = (tmp_path / "out" / "README.md").read_text()
    assert front_matter(tmp_path / "out")["license"] == "other" and "<" not in text and "\x1b" not in text
    assert run("check", path, "-o", tmp_path / "r.html", "--seeds", 1, "--seconds", 0) == 0
    html = (tmp_path / "r.html").read_text()
    assert "<script" not in html and "<b>`" not in html and "\x1b" not in html


# check

VOID = {"meta", "img", "br", "hr", "link", "input"}
ASKING = ("src", "href", "srcset", "data", "action", "poster")


class Page(HTMLParser):
    """Every tag closed by its own; the attributes that could ask for something, and the text, are kept."""

    def __init__(self, html: str):
        super().__init__()
        self.open, self.asked, self.tags, self.text = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append(tag)
        self.asked += [value for name, value in attributes if name in ASKING]
        assert tag != "img" or dict(attributes)["alt"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def checked(path: Path, folder: Path, *arguments: object) -> tuple[Page, str]:
    assert run("check", path, "-o", folder / "report.html", *arguments) == 0
    html = (folder / "report.html").read_text(encoding="utf-8")
    return Page(html), html


@pytest.mark.parametrize("name", TWINS)
def test_the_page_about_a_twin_is_whole_and_asks_for_nothing(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(statistics, "LEAST", 2)
    generator, path = TWINS[name](), tmp_path / f"{name}.safetensors"
    native.save(generator, path)
    page, html = checked(path, tmp_path, "--seeds", 5, "--seconds", 1)
    knobs = min(10, len(range(generator.dim)[generator.movable]))
    assert page.asked and all(uri.startswith("data:image/webp;base64,") for uri in page.asked)
    assert page.tags.count("img") == 5 + 5 * knobs and "script" not in page.tags and "link" not in page.tags
    assert "http:" not in html and "https:" not in html and "url(" not in html and "@import" not in html
    for fact in (
        sha256(path),
        f"{path.stat().st_size:,} bytes",
        type(generator).__name__,
        "16 x 16 pixels",
        f"{generator.slots} slots x {generator.dim} numbers",
        f"{export.parameters(generator):,}",
        "not stated: find out",
        "picture statistics",
        f"Knob {knobs}:",
        "random directions",
    ):
        assert fact in page.words, fact
    for layer in generator.layers:
        assert f"{type(layer).__name__} " in page.words
    classes = [f"{seed}, class {seed % 3}" for seed in range(5)]
    assert all((label in page.words) == bool(generator.classes) for label in classes)


def test_pictures_on_the_page_are_those_of_their_seeds_and_classes(tmp_path: Path) -> None:
    generator = tiny.biggan()
    native.save(generator, tmp_path / "a.safetensors")
    described = checkpoints.describe(tmp_path / "a.safetensors")
    subject = report.Subject("a", tmp_path / "a.safetensors", described, "", None, export.Provenance())
    page = Page(list(report.examined(subject, seeds=5, seconds=0))[-1].html)
    for seed in range(5):
        codes = generator.codes(generator.sample(1, seed), psi=0.7, label=seed % 3)
        assert page.asked[seed] == report.shown(subject, generator(codes))
    assert len(set(page.asked[:5])) == 5


def test_a_row_of_knobs_moves_one_seed_by_standard_deviations(tmp_path: Path) -> None:
    generator = tiny.stylegan2()
    native.save(generator, tmp_path / "a.safetensors")
    described = checkpoints.describe(tmp_path / "a.safetensors")
    subject = report.Subject("a", tmp_path / "a.safetensors", described, "", None, export.Provenance())
    page = Page(list(report.examined(subject, seeds=1, seconds=0))[-1].html)
    directions = sefa(generator, k=2)
    codes, steps = generator.codes(generator.sample(1, 0), psi=0.7), spread_along(generator, directions)
    for knob in range(2):
        for place, amount in enumerate((-3, -1.5, 0, 1.5, 3)):
            moved = codes + (amount * steps[knob] * directions.vectors[knob]).float()
            assert page.asked[1 + 5 * knob + place] == report.shown(subject, generator(moved))
    assert "The knobs were not measured: nothing is claimed" in page.words and "random directions" not in page.words


def result(strong: float) -> statistics.Result:
    """Two knobs; the first changes brightness on every picture, the second nothing in particular."""
    changes = 0.05 * tiny.normal(2, 16, len(statistics.FACTORS))  # mean of the first: -0.02
    changes[0, :, 0] += strong
    percentile = torch.full((2, len(statistics.FACTORS)), 0.4, dtype=torch.float64)
    percentile[0, 0] = 0.9999
    return statistics.Result(changes, percentile, torch.ones(len(statistics.FACTORS)), 16, 200)


def test_a_planted_change_is_named_with_its_numbers_and_nothing_else_is() -> None:
    _, says, [(title, verdict, table), (other, _, _)] = report.by_statistics(result(1.5))
    assert title.startswith("is darker / is brighter") and "Brightness: 1.48" in verdict
    assert "99 %" in table and "100 %" not in table  # never rounded up to all
    assert other == "many things a little" and "16 pictures" in says and "200 random" in says
    assert Page(table).words.count("[") == len(statistics.FACTORS) + 1
    assert report.by_statistics(result(-1.5)).knobs[0][0].startswith("is brighter / is darker")


def test_a_bundled_model_shows_its_recorded_evidence_and_a_changed_one_does_not(tmp_path: Path) -> None:
    name = next(name for name in zoo.CARDS if report.measured.recorded(name))
    known = report.verdicts.measured_knobs(KnobSet(name))  # in the words of the page
    page, _ = checked(Path(name), tmp_path, "--seeds", 1)
    assert all(
        f"Knob {i + 1}: {knob['title']}" in page.words and knob["verdict"] in page.words
        for i, knob in enumerate(known[:10])
    )
    assert "known truth" in page.words and "MIT" in page.words
    changed = native.read(zoo.CARDS[name].path)
    changed.w_avg[0] += 1e-4
    native.save(changed, tmp_path / "changed.safetensors")
    page, _ = checked(tmp_path / "changed.safetensors", tmp_path, "--seeds", 1, "--seconds", 0)
    assert known[0]["verdict"] not in page.words and "not stated" in page.words


# Files that are broken or hostile


def overflowing() -> bytes:
    """Reads well, and draws nothing but infinities."""
    state = foreign.nvidia_state(tiny.stylegan2())
    return foreign.torch_file({name: x * 1e30 if "torgb" in name else x for name, x in state.items()})


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "text": b"hello",
    "cut off": foreign.torch_file(foreign.nvidia_state(tiny.stylegan2()))[:-900],
    "a programme": foreign.dumped(dict(G_ema=os.system)),
    "another network": foreign.torch_file({"a": torch.ones(3)}),
    "infinite pictures": overflowing(),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_gets_a_sentence_and_no_page_and_no_folder(kind: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "evil.pkl"
    path.write_bytes(BROKEN[kind])
    for command in (("check", path, "-o", tmp_path / "r.html"), ("convert", path, tmp_path / "out")):
        said = refused(capsys, *command)
        if kind != "infinite pictures":
            with pytest.raises(ValueError) as error:
                checkpoints.read(path)
            assert said == str(error.value)
        else:
            assert "numbers that are infinite or none" in said
        assert [file.name for file in tmp_path.iterdir()] == ["evil.pkl"]


def test_a_picture_larger_than_any_network_draws_is_refused(tmp_path: Path, capsys) -> None:
    """A few kilobytes can describe a picture of gigabytes."""
    native.save(PGGAN(resolution=2**14, channels=(1,) * 13, dim=2), tmp_path / "a.safetensors")
    assert "it draws 16384 pixels a side" in refused(capsys, "check", tmp_path / "a.safetensors")


def test_what_is_neither_file_nor_name_is_said(tmp_path: Path, capsys) -> None:
    for what in (tmp_path / "absent.pkl", tmp_path, "nobody"):
        assert "neither a file nor a model" in refused(capsys, "check", what, "-o", tmp_path / "r.html")
    assert "name a file in a folder that exists" in refused(capsys, "check", "nobody", "-o", tmp_path / "no" / "r.html")


def test_an_error_ends_as_a_sentence_when_run_as_a_programme(tmp_path: Path) -> None:
    (tmp_path / "evil.pkl").write_bytes(BROKEN["text"])
    done = subprocess.run(
        [sys.executable, str(ROOT / "ganatomy.py"), "check", "evil.pkl"],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        timeout=120,
        env=os.environ | dict(OMP_NUM_THREADS="1"),
    )
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert "the file evil.pkl cannot be opened, because" in done.stderr.splitlines()[-1]
    assert [file.name for file in tmp_path.iterdir()] == ["evil.pkl"]


@pytest.mark.parametrize(
    "arguments",
    [(), ("check",), ("check", "a", "--seeds", "0"), ("convert", "a"), ("dance",), ("check", "a", "--seconds", "-1")],
)
def test_wrong_usage_is_said_by_the_parser(arguments: tuple[str, ...], capsys) -> None:
    with pytest.raises(SystemExit) as ended_with:
        run(*arguments)
    assert ended_with.value.code == 2 and "usage: python ganatomy.py" in capsys.readouterr().err


# Work in progress


class Terminal(list):
    """A stream that keeps what is written."""

    def __init__(self, terminal: bool):
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def flush(self) -> None:
        """Nothing is held back."""

    write = list.append


@pytest.mark.parametrize("terminal", [True, False])
def test_work_is_shown_while_it_lasts(terminal: bool, monkeypatch) -> None:
    monkeypatch.setattr(ganatomy, "TICK", 0.06)
    stream = Terminal(terminal)
    with ganatomy.Status(stream) as status:
        status.begin("reading")
        for _ in range(100):
            if len(stream) > 2:
                break
            status.ended.wait(0.02)
    assert len(stream) > 2 and all("reading (" in line for line in stream[:3])
    assert all(line.startswith("\r") if terminal else line.endswith("s)\n") for line in stream)


def test_every_format_has_words_for_who_writes_it() -> None:
    assert set(checkpoints.WRITERS) == {"ganatomy", *checkpoints.FORMATS}
