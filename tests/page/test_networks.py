"""Networks of one's own and of the Hub on the page:
chosen, fetched, cancelled, drawn at their pace, with their licence.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import sys
import threading
import time
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.overrides import TorchFunctionMode

import app
from core import gpu, pace, zoo
from core.cache import Cache
from core.checkpoints import native
from core.codes import Directions, edit
from core.factorization.baseline import spread_along
from core.factorization.sefa import sefa as factorized
from core.hub import HubFile
from core.images import to_pil, to_uint8
from core.precision import Precision, in_bfloat16, psnr
from core.queue import QUEUE
from demos.page import knobs, models, picture, sources
from demos.page import parts as notebook
from demos.page import tab as tabs
from demos.page.cells import BROKEN, Cell, stopping, watched
from demos.page.fields import RecipeError
from demos.page.knobs import settings_of
from demos.page.verdicts import knobs_of
from demos.steer import experiments
from demos.steer import recipe as recipes
from demos.steer.recipe import Recipe
from demos.steer.tab import TAB

from .. import tiny
from ..hub_server import REVISION, StandIn
from ..support import Event, Request, pixels

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

BUNDLED, OF_HUB = "portraits-stylegan2", "church-stylegan2"


@pytest.fixture(autouse=True)
def zoo_of_one(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """One bundled model of 16 pixels; whatever is added or chosen is forgotten afterwards."""
    native.save(tiny.stylegan2(), tmp_path / "bundled.safetensors")
    card = zoo.ModelCard(BUNDLED, "Test portraits", str(tmp_path / "bundled.safetensors"), None, 16)
    monkeypatch.setattr(zoo, "CARDS", {BUNDLED: card})
    monkeypatch.setattr(zoo, "_chosen", dict(device="cpu", unpinned=False))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "served"))
    yield tmp_path
    due = time.monotonic() + 10
    while QUEUE.line and time.monotonic() < due:  # what still draws would open the next test's network
        time.sleep(0.02)
    pace._measured.cache_clear()


@pytest.fixture
def of_hub(stand_in: StandIn, cache: Path, tmp_path: Path, monkeypatch) -> zoo.ModelCard:
    """A small network that lies on the Hub only, with a licence of its own and bars of two rows."""
    native.save(tiny.stylegan2(seed=3), tmp_path / "far.safetensors")
    data = (tmp_path / "far.safetensors").read_bytes()
    stand_in.files["far.safetensors"] = data
    pin = HubFile(
        OF_HUB,
        "someone/model",
        "far.safetensors",
        revision=REVISION,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )
    card = zoo.ModelCard(
        OF_HUB,
        "Far away",
        "far.safetensors",
        None,
        16,
        licence="CC BY-NC 4.0",
        link="https://example.org/licence",
        crop=2,
        source=pin,
    )
    unpinned = replace(card, name="unknown", source=replace(pin, name="unknown", sha256=None))
    monkeypatch.setattr(zoo, "REMOTE_CARDS", {OF_HUB: card, "unknown": unpinned})
    return card


def answer(given: dict, *, full: bool = False) -> dict:
    """What the stage gets of a recipe as JSON."""
    return tabs.live(TAB, given, full=full)[0]


def png_for(recipe: Recipe) -> bytes:
    return tabs.file_for(TAB, recipe, "picture")[0]


def slow(monkeypatch) -> None:
    """From now on every network counts as slow, and is drawn in float32."""
    pace._measured.cache_clear()
    monkeypatch.setattr(pace, "SLOW", 0.0)
    monkeypatch.setattr(pace, "chosen", lambda generator, **_: Precision(generator, "float32", 45.0, (1.0, 2.0)))


# The list, and what choosing does


def test_own_networks_come_before_bundled_ones_and_each_says_size_licence_and_where_it_is(
    of_hub: zoo.ModelCard, zoo_of_one: Path
) -> None:
    zoo.add(zoo_of_one / "bundled.safetensors")
    rows = models.listed()
    assert [row["group"] for row in rows] == ["Yours", "Bundled"] + 2 * ["From the Hugging Face Hub"]
    far = rows[2]
    assert far["licence"] == "CC BY-NC 4.0" and far["link"] and not far["here"] and re.fullmatch(r"\d+ MB", far["size"])
    assert not far["refusal"] and "--unpinned" in rows[3]["refusal"]
    zoo.use(unpinned=True)
    assert not models.listed()[3]["refusal"]


def test_choosing_fetches_opens_and_returns_a_recipe_of_the_network(of_hub: zoo.ModelCard, stand_in: StandIn) -> None:
    with pytest.raises(RecipeError, match="not on the server of this page yet"):
        Recipe(OF_HUB)
    said = list(models.choose(OF_HUB, Recipe(BUNDLED, seed=5).as_dict(), "a"))
    assert said[-1]["recipe"]["model"] == OF_HUB and said[-1]["recipe"]["seed"] == 5 and stand_in.count("GET") == 1
    assert any("MB fetched" in part["says"] for part in said[:-1])
    assert next(row for row in said[-1]["models"] if row["name"] == OF_HUB)["here"]
    assert torch.equal(recipes.render(Recipe(OF_HUB, seed=5)), drawn(tiny.stylegan2(seed=3), 5))


def drawn(generator, seed: int, **more):
    return generator(generator.codes(generator.sample(1, seed), psi=0.7, **more))


def test_a_download_that_is_stopped_leaves_the_page_as_it_was(of_hub: zoo.ModelCard, stand_in: StandIn) -> None:
    stand_in.pieces = 1
    steps = models.choose(OF_HUB, Recipe(BUNDLED).as_dict(), "a")
    assert next(steps)["name"] == OF_HUB
    QUEUE.stop("a", f"fetch {OF_HUB}")
    last = list(steps)[-1]
    assert last["error"] == "" and "recipe" not in last and not zoo.is_here(OF_HUB)
    stand_in.go.set()
    assert list(models.choose(OF_HUB, Recipe(BUNDLED).as_dict(), "a"))[-1]["recipe"], "an earlier stop is no later stop"


def test_another_visitor_s_stop_stops_nothing(of_hub: zoo.ModelCard) -> None:
    QUEUE.stop("b", f"fetch {OF_HUB}")
    assert "recipe" in list(models.choose(OF_HUB, Recipe(BUNDLED).as_dict(), "a"))[-1]


def test_what_cannot_be_fetched_is_a_sentence(of_hub: zoo.ModelCard, stand_in: StandIn) -> None:
    for name, expected in (("unknown", "not pinned"), ("nothing", "no such network"), (None, "no such network")):
        assert expected in list(models.choose(name, Recipe(BUNDLED).as_dict(), "a"))[-1]["error"]
    stand_in.status = 500
    assert "status 500" in list(models.choose(OF_HUB, Recipe(BUNDLED).as_dict(), "a"))[-1]["error"]


def test_the_licence_goes_with_the_picture(of_hub: zoo.ModelCard) -> None:
    list(models.choose(OF_HUB, Recipe(BUNDLED).as_dict(), "a"))
    shown = answer(Recipe(OF_HUB).as_dict())
    assert shown["setup"]["licence"] == "CC BY-NC 4.0" and not shown["setup"]["bundled"]
    with Image.open(io.BytesIO(png_for(Recipe(OF_HUB)))) as picture:
        assert "CC BY-NC 4.0" in picture.info["Copyright"] and picture.size == (16, 12), "without the two black rows"
    assert answer(Recipe(BUNDLED).as_dict())["setup"]["bundled"]


# Files of one's own


@pytest.mark.parametrize(
    "build",
    [tiny.stylegan2, tiny.stylegan3, tiny.pggan_fading, tiny.stylegan, tiny.biggan, tiny.r3gan_classes, tiny.dcgan],
)
def test_an_own_file_draws_on_the_page_what_the_network_draws(build, zoo_of_one: Path) -> None:
    native.save(build(), zoo_of_one / "My Network.safetensors", licence="CC0")
    card = zoo.add(zoo_of_one / "My Network.safetensors")
    generator = build()
    assert card.name == "my-network" and card.own and card.licence == "CC0" and card.classes == generator.classes
    label = dict(label=2) if generator.classes else {}
    recipe = Recipe("my-network", seed=9, psi=card.psi, **label)
    expected = generator(generator.codes(generator.sample(1, 9), psi=card.psi, **label))
    assert torch.equal(recipes.render(recipe), expected)
    assert card.psi == (0.7 if generator.has_truncation else 1.0)
    assert len(list(experiments.grid(recipe))[-1]["rows"]) == len(sources.directions_of(recipe)[0])


def test_names_never_collide(zoo_of_one: Path) -> None:
    shutil.copy(zoo_of_one / "bundled.safetensors", zoo_of_one / f"{BUNDLED}.safetensors")
    assert zoo.add(zoo_of_one / f"{BUNDLED}.safetensors").name == f"{BUNDLED}-2"
    assert zoo.add(zoo_of_one / f"{BUNDLED}.safetensors").name == f"{BUNDLED}-3"


def test_the_reach_of_the_knobs_follows_the_model_s_own_codes(monkeypatch) -> None:
    generator, axes = tiny.pggan(), 1.5 ** torch.arange(tiny.DIM)
    monkeypatch.setattr(type(generator), "codes", lambda self, z, **_: (axes * z)[:, None].repeat(1, self.slots, 1))
    assert zoo.reach_of(generator) == 2.5  # 99 % of a Gaussian lie within 2.58
    monkeypatch.setattr(
        type(generator), "codes", lambda self, z, **_: (axes * z * z.abs())[:, None].repeat(1, self.slots, 1)
    )
    assert zoo.reach_of(generator) in (3.5, 4.0)  # and of z |z| within 2.58^2 / sqrt(3) = 3.83


def test_the_code_of_an_own_picture_makes_it_again(zoo_of_one: Path, monkeypatch) -> None:
    native.save(tiny.biggan(), zoo_of_one / "own.safetensors")
    card = zoo.add(zoo_of_one / "own.safetensors")
    recipe = Recipe(card.name, seed=3, label=1, amounts=(1.0, -0.5), psi=0.6)
    monkeypatch.chdir(zoo_of_one)
    exec(tabs.code_for(TAB, recipe), {})
    expected = to_uint8(recipes.render(recipe))[0]
    assert np.array_equal(np.asarray(Image.open("picture.png")), expected)
    assert not np.array_equal(to_uint8(recipes.render(replace(recipe, label=2)))[0], expected)


def test_the_checkerboard_behind_a_transparent_picture_can_be_left_out(zoo_of_one: Path, monkeypatch) -> None:
    """In the picture, its link, its code; and a link that says nothing of it means the checkerboard."""
    native.save(tiny.stylegan2_rgba(), zoo_of_one / "own.safetensors")
    shows = Recipe(zoo.add(zoo_of_one / "own.safetensors").name, seed=3, amounts=(1.0,))
    hides = replace(shows, transparency=False)
    assert "transparency" not in shows.to_query() and hides.to_query()["transparency"] == "0"
    assert Recipe.from_query(hides.to_query()) == hides
    for recipe in (shows, hides):
        found = tabs.answer(TAB, recipe)
        assert found["setup"]["transparent"] and found["recipe"]["transparency"] is recipe.transparency
        monkeypatch.chdir(zoo_of_one)
        exec(tabs.code_for(TAB, recipe), {})
        assert np.array_equal(np.asarray(Image.open("picture.png")), to_uint8(recipes.render(recipe))[0])
    pictures = [tabs.answer(TAB, recipe) for recipe in (shows, hides)]
    assert pictures[0]["src"] != pictures[1]["src"] and pictures[0]["before"] != pictures[1]["before"]
    assert not tabs.answer(TAB, Recipe(BUNDLED))["setup"]["transparent"]


def test_a_picture_of_stylegan3_is_moved_alike_by_page_link_and_code(zoo_of_one: Path, monkeypatch) -> None:
    """Before and after, film and picture; by nothing it is the same, and what runs from a kept state moves too."""
    native.save(tiny.stylegan3(), zoo_of_one / "own.safetensors")
    still = Recipe(zoo.add(zoo_of_one / "own.safetensors").name, seed=3, amounts=(1.5,), layers="6-9")
    moved = replace(still, turn=30, down=-0.25)
    assert not {"turn", "right", "down"} & set(still.to_query()) and Recipe.from_query(moved.to_query()) == moved
    assert torch.equal(recipes.render(replace(moved, turn=0, down=0)), recipes.render(still))
    monkeypatch.chdir(zoo_of_one)
    exec(tabs.code_for(TAB, moved), namespace := {})
    expected = to_uint8(namespace["generator"](namespace["edited"]))[0]
    assert np.array_equal(np.asarray(Image.open("picture.png")), expected)
    assert np.array_equal(to_uint8(recipes.render(moved))[0], expected)
    found = [tabs.answer(TAB, recipe) for recipe in (still, moved)]
    assert np.array_equal(pixels(found[1]["src"]), expected) and found[1]["setup"]["movable"]
    assert found[0]["before"] != found[1]["before"] and "turned by 30 degrees, moved down by -0.25" in found[1]["alt"]
    films = [TAB.shown.frames(recipe, 3, False) for recipe in (still, moved)]
    assert all(a.tobytes() != b.tobytes() for a, b in zip(*films))
    assert not tabs.answer(TAB, Recipe(BUNDLED))["setup"]["movable"]
    with pytest.raises(RecipeError, match="turn is for a StyleGAN3: .* give 0"):
        Recipe(BUNDLED, turn=1)


def test_layers_that_read_few_numbers_have_few_knobs(zoo_of_one: Path) -> None:
    """The Fourier input of StyleGAN3 reads four; a knob that was chosen beyond them is the last one."""
    native.save(tiny.stylegan3(), zoo_of_one / "own.safetensors")
    few = Recipe(zoo.add(zoo_of_one / "own.safetensors").name, layers="0", knob=8)
    found = tabs.answer(TAB, few)
    assert len(found["setup"]["knobs"]) == 4 and found["recipe"]["knob"] == 3
    assert "These four knobs were read off the weights of layer 0" in found["caption"] and "k=4" in tabs.code_for(
        TAB, few
    )
    with pytest.raises(RecipeError, match="only 4 knobs here: set those after knob 4 back to 0"):
        tabs.answer(TAB, replace(few, amounts=(0,) * 5 + (1,)))
    assert len(tabs.answer(TAB, replace(few, layers="0,1", knob=0))["setup"]["knobs"]) == 10, "another layer reads more"


def test_a_class_is_part_of_the_recipe_and_of_its_link(zoo_of_one: Path) -> None:
    native.save(tiny.biggan(), zoo_of_one / "own.safetensors")
    recipe = Recipe(zoo.add(zoo_of_one / "own.safetensors").name, label="2")
    assert recipe.label == 2 and recipes.Recipe.from_query(recipe.to_query()) == recipe
    for model, label, said in (
        ("own", 3, "from 0 to 2"),
        ("own", "mug", "from 0 to 2"),
        (BUNDLED, 1, "without classes"),
    ):
        with pytest.raises(RecipeError, match=said):
            Recipe(model, label=label)


def test_weights_on_the_command_line_open_the_page_on_them(zoo_of_one: Path, capsys) -> None:
    folder = zoo_of_one / "several"
    folder.mkdir()
    native.save(tiny.pggan(), folder / "b.safetensors")
    native.save(tiny.stylegan(), folder / "a.safetensors")
    (folder / "broken.pt").write_bytes(b"not a checkpoint")
    (folder / "notes.txt").write_text("not asked for")
    app.add([str(folder)])
    assert list(zoo.CARDS) == ["a", "b", BUNDLED]
    said = capsys.readouterr()
    assert "broken.pt" in said.err and "notes.txt" not in said.err and "a.safetensors" in said.out
    assert tabs.arrival(TAB)["recipe"]["model"] == "a"
    for wrong in (folder / "broken.pt", folder / "missing.pt"):
        with pytest.raises(SystemExit, match=wrong.name):
            app.add([str(wrong)])
    (zoo_of_one / "empty").mkdir()
    with pytest.raises(SystemExit, match="no file"):
        app.add([str(zoo_of_one / "empty")])


def test_a_file_that_is_gone_later_is_a_sentence(zoo_of_one: Path) -> None:
    native.save(tiny.pggan(), zoo_of_one / "own.safetensors")
    zoo.add(zoo_of_one / "own.safetensors")
    (zoo_of_one / "own.safetensors").unlink()
    zoo._networks.values.clear()
    assert "own.safetensors" in answer(dict(model="own", version=1))["error"]


# Slow networks


def test_a_slow_network_shows_a_first_look_and_then_the_picture(monkeypatch) -> None:
    recipe, generator = Recipe(BUNDLED, seed=4, amounts=(1.0,)), tiny.stylegan2()
    assert answer(recipe.as_dict())["exact"], "a quick one needs none"
    slow(monkeypatch)
    monkeypatch.setattr(picture, "_made", Cache(2**20, len))
    first = answer(recipe.as_dict())
    stop, codes = pace.pace_of(BUNDLED).stop, knobs_of(recipe).moved(picture.own_codes(recipe), [recipe.amounts])
    look = generator.preview(generator.run(codes, stop=stop))
    assert not first["exact"] and np.array_equal(pixels(first["src"]), to_uint8(look)[0])
    exact = answer(recipe.as_dict(), full=True)
    assert exact["exact"] and exact["late"]
    assert np.array_equal(pixels(exact["src"]), to_uint8(recipes.render(recipe))[0])
    assert answer(recipe.as_dict())["exact"], "drawn once, it is there at once"


def test_a_slow_network_without_a_first_look_keeps_what_is_there(monkeypatch, zoo_of_one: Path) -> None:
    native.save(tiny.pggan(), zoo_of_one / "own.safetensors")
    zoo.add(zoo_of_one / "own.safetensors")
    slow(monkeypatch)
    first = answer(Recipe("own", seed=1).as_dict())
    assert not first["exact"] and first["src"] == ""


def test_sheets_of_a_slow_network_come_picture_by_picture(monkeypatch) -> None:
    recipe = Recipe(BUNDLED, seed=4)
    at_once = list(experiments.faces(recipe))
    assert len(at_once) == 1 and "partial" not in at_once[0]
    slow(monkeypatch)
    parts = [dict(part, rows=[list(row) for row in part["rows"]]) for part in experiments.faces(recipe)]
    counts = [sum(map(len, part["rows"])) for part in parts]
    assert counts == list(range(1, 25)) and parts[-1]["rows"] == at_once[0]["rows"]
    assert all(part["partial"] and "left" in part["says"] for part in parts[:-1]) and "partial" not in parts[-1]


def test_a_slow_strip_is_whole_from_the_first_frame_on(monkeypatch) -> None:
    slow(monkeypatch)
    recipe = Recipe(BUNDLED, seed=4)
    parts = list(TAB.shown.slow_film(recipe))
    sheets = [pixels(part["src"]) for part in parts]
    assert len(parts) == 9 and all(sheet.shape == (16, 9 * 16, 3) for sheet in sheets)
    exact = recipes.render_strip(recipe, [amounts[0] for amounts in settings_of(recipe, zoo.card(BUNDLED).reach, 9)])
    assert np.array_equal(sheets[-1], np.concatenate(list(to_uint8(exact)), 1))
    assert np.array_equal(sheets[0][:, :16], to_uint8(exact)[4]), "the nearest frame stands in for a missing one"


def test_what_is_drawn_in_bfloat16_says_so_and_is_taken_away_in_float32(monkeypatch) -> None:
    slow(monkeypatch)
    assert models.facts(BUNDLED)["precision"] == ""
    pace._measured.cache_clear()
    monkeypatch.setattr(
        pace, "chosen", lambda generator, **_: Precision(in_bfloat16(generator), "bfloat16", 45.0, (4.0, 2.0))
    )
    recipe = Recipe(BUNDLED, seed=4, amounts=(1.0,))
    assert models.facts(BUNDLED)["precision"].startswith("Drawn in bfloat16 (2.0 times as fast; 45 dB from float32).")
    shown, exact = (recipes.render(recipe, quick=quick) for quick in (True, False))
    assert not torch.equal(shown, exact) and psnr(shown, exact) > 30
    with Image.open(io.BytesIO(png_for(recipe))) as taken:
        assert np.array_equal(np.asarray(taken), to_uint8(exact)[0])


@pytest.mark.parametrize("ending", ["stopped", "left", "another film", "nothing"])
def test_what_nobody_looks_at_any_more_is_not_drawn(monkeypatch, ending: str) -> None:
    slow(monkeypatch)
    recipe, frames, go_on, render = Recipe(BUNDLED, seed=4), [], threading.Event(), knobs.render

    def gated(one, *values, **named):
        if one.seed == recipe.seed:
            frames.append(1)
            assert len(frames) == 1 or go_on.wait(20)
        return render(one, *values, **named)

    monkeypatch.setattr(knobs, "render", gated)
    run = watched("steer", Recipe, Cell("slow_film", "", "", "", TAB.shown.slow_film, Recipe.names()))
    film = run(recipe.as_dict(), Event(), Request("a"))
    first = next(one for one in film if "src" in one)
    assert first["key"] == "k" and first["partial"] and first["frames"] == 9
    if ending == "stopped":
        stopping("steer")(Event(kind="slow_film"), Request("a"))
    elif ending == "left":
        QUEUE.leave("a")
    elif ending == "another film":
        other = run(replace(recipe, seed=5).as_dict(), Event(key="other"), Request("a"))
        assert next(other)["key"] == "other"
    go_on.set()
    last = list(film)[-1]
    if ending == "nothing":
        assert len(frames) == 9 and not last["partial"] and not last["ended"]
    else:
        assert len(frames) < 9 and (last["partial"] or last["ended"])
    if ending == "another film":
        assert list(other)[-1]["frames"] == 9


def test_an_experiment_that_breaks_says_so_and_leaves_nobody_waiting() -> None:
    def breaks(recipe: Recipe) -> Iterator[str]:
        yield "half of it"
        raise ZeroDivisionError

    run = watched("steer", Recipe, Cell("breaks", "", "", "", breaks, ("seed",)))
    told: list[dict] = []
    with pytest.raises(ZeroDivisionError):
        for news in run(Recipe(BUNDLED).as_dict(), Event(), Request("a")):
            told.append(news)
    assert told[-1]["error"] == BROKEN and "partial" not in told[-1]


def test_bars_are_cut_and_large_pictures_made_small_for_the_screen(of_hub: zoo.ModelCard) -> None:
    images = torch.linspace(-1, 1, 16)[:, None].expand(16, 16).expand(1, 3, 16, 16)
    assert np.array_equal(np.asarray(picture.shown(images, OF_HUB)[0]), np.asarray(to_pil(images)[0])[2:14])
    assert picture.shown(images, OF_HUB, largest=8)[0].size == (8, 6)


def test_what_is_kept_stays_within_its_bytes() -> None:
    kept = Cache(10, len)
    for key in "abc":
        kept.put((key,), key * 4)
    assert ("a",) not in kept and kept.get(("b",)) == "bbbb"
    kept.put(("d",), "dddd")
    assert ("c",) not in kept and ("b",) in kept, "what was used last stays"
    assert kept.put(("large",), "x" * 99) == "x" * 99 and ("large",) in kept


# Devices


class Strict(TorchFunctionMode):
    """Every call whose tensors lie on two devices raises, as it would with a GPU;
    "meta" stands for one that is not there.
    """

    def __torch_function__(self, function, types_, args=(), kwargs=None):
        kwargs = kwargs or {}
        to_the_processor = function is torch.Tensor.to and "cpu" in map(str, (*args[1:], *kwargs.values()))
        if function is torch.Tensor.cpu or to_the_processor:
            return torch.zeros(args[0].shape, dtype=args[0].dtype)  # its numbers are nowhere
        if function is not torch.Tensor.to:
            given = [
                value
                for one in (*args, *kwargs.values())
                for value in (one if isinstance(one, (list, tuple)) else [one])
            ]
            devices = {value.device.type for value in given if isinstance(value, torch.Tensor) and value.ndim}
            if len(devices) > 1:
                raise RuntimeError(f"{function} on two devices: {devices}")
        return function(*args, **kwargs)


@pytest.mark.parametrize("name", ["stylegan2", "stylegan", "pggan", "biggan", "biggan_deep", "dcgan"])
def test_every_step_stays_on_the_device_of_the_network(name: str) -> None:
    generator, z = tiny.GENERATORS[name]().to("meta"), torch.zeros(2, tiny.GENERATORS[name]().z_dim, device="meta")
    directions = Directions(
        torch.ones(2, generator.dim, dtype=torch.float64), torch.ones(2), tuple(range(generator.slots))
    )
    with Strict():
        with pytest.raises(RuntimeError, match="two devices"):
            z @ torch.zeros(z.shape[1], 2)
        assert generator.sample(2, 0).device.type == "meta"
        if not generator.classes:  # classes look at numbers, and there are none here
            images = generator(edit(generator.codes(z, psi=0.7), directions, [1.0, -1.0]))
            assert images.device.type == "meta" and generator.first_weight(0).device.type == "meta"
            assert spread_along(generator, directions, samples=8).device.type == "cpu"
        assert factorized(generator, k=2).vectors.device.type == "cpu"


def test_only_where_a_gpu_is_lent_does_batch_work_ask_for_it(monkeypatch) -> None:
    def work(n: int) -> Iterator[int]:
        yield from range(n)

    assert gpu.batch(work) is work
    asked, spaces = [], types.ModuleType("spaces")
    spaces.GPU = lambda function: asked.append(function) or function
    spaces.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    assert gpu.batch(work) is work, "the package alone, outside such a Space, changes nothing"
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    on_gpu = gpu.batch(work)
    assert list(on_gpu(3)) == [0, 1, 2] and len(asked) == 1 and zoo.device().type == "cuda"
    assert gpu.batch(lambda n: n + 1)(1) == 2


# The Space


def test_the_space_preloads_nothing() -> None:
    """What is not free would come with a Space whose card says MIT."""
    front = (Path(app.__file__).parent / "README.md").read_text(encoding="utf-8").split("---")[1]
    assert "license: mit" in front and "preload_from_hub" not in front


def test_the_page_says_which_device_draws(monkeypatch) -> None:
    assert "processor" in app.where()
    zoo.use(device="cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "H200")
    assert "H200" in app.where()


def test_the_page_builds_on_a_network_of_one_s_own(zoo_of_one: Path) -> None:
    app.add([str(zoo_of_one / "bundled.safetensors")])
    page = app.build()
    assert notebook.FOLDS and page.fns
