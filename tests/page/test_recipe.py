"""Every form of a recipe (link, code, notebook, PNG, saved edit) makes the same pixels, or says why not."""

import hashlib
import io
import json
import math
import random
import shutil
import string
import subprocess
import sys
import threading
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from PIL import Image

from core import home, zoo
from core.checkpoints import native
from core.codes import Picture, edit
from core.evidence import file_hash
from core.factorization.baseline import spread_along
from core.factorization.files import save_directions
from core.factorization.sefa import sefa
from core.generators.pggan import PGGAN
from core.generators.stylegan2 import StyleGAN2
from core.images import to_uint8
from demos.page import knobs, sources
from demos.page import picture as page
from demos.page.export import LARGEST_PNG, recipe_from_png, set_up
from demos.page.fields import VERSION, RecipeError
from demos.page.sources import directions_of
from demos.page.tab import code_for, file_for
from demos.page.verdicts import knobs_of
from demos.steer import edits
from demos.steer import recipe as made
from demos.steer.edits import apply_edit, edits_in_file, file_of, keep_edit
from demos.steer.recipe import Recipe
from demos.steer.tab import TAB

from .. import tiny

ROOT = Path(__file__).resolve().parents[2]
STYLE, PROGRESSIVE, RETRAINED = "tiny-stylegan2", "tiny-pggan", "tiny-retrained"


def style_generator(seed):
    """A StyleGAN2 of 64 px with four to eight channels; its mean code and noise are not zero."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = StyleGAN2(resolution=64, channels=(8, 8, 8, 4, 4), z_dim=12, dim=12, mapping_layers=2)
        generator.w_avg.normal_()
        for layer in generator.layers:
            layer.noise.normal_()
            layer.noise_strength.data.fill_(0.1)
    return generator


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Nets this small only wait for each other's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three small models on disk."""
    folder = tmp_path_factory.mktemp("weights")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        progressive = PGGAN(resolution=16, channels=(8, 8, 4), dim=12)
    models = {STYLE: style_generator(3), PROGRESSIVE: progressive, RETRAINED: style_generator(4)}
    for name, generator in models.items():
        native.save(generator, folder / f"{name}.safetensors")
    return {name: folder / f"{name}.safetensors" for name in models}


@pytest.fixture(autouse=True)
def cards(files, monkeypatch):
    sizes = {STYLE: 64, PROGRESSIVE: 16, RETRAINED: 64}
    there = {name: zoo.ModelCard(name, name, str(path), "portraits", sizes[name]) for name, path in files.items()}
    monkeypatch.setattr(zoo, "CARDS", there)
    return there


@pytest.fixture
def moved():
    return Recipe(STYLE, seed=7, psi=0.6, amounts=(1.5, 0, -2), knob=2)


def drawn(recipe):
    return to_uint8(made.render(recipe))[0]


def codes_of(recipe):
    return knobs_of(recipe).moved(page.own_codes(recipe), [recipe.amounts])


def picture_bytes(recipe):
    return knobs.turned_bytes(recipe, knobs_of(recipe))


def png_for(recipe):
    return file_for(TAB, recipe, "picture")[0]


def notebook_for(recipe):
    return file_for(TAB, recipe, "notebook")[0]


def unpacked(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def levels_apart(a, b):
    return np.abs(a.astype(int) - b.astype(int)).max()


def sentence(call, *arguments, **named):
    """The text of the RecipeError: one short line that says what was wrong and what to do."""
    with pytest.raises(RecipeError) as caught:
        call(*arguments, **named)
    text = str(caught.value)
    assert 20 < len(text) < 400 and "\n" not in text and (":" in text or ";" in text)
    return text


def kind(value):
    """A short name of a test's case, for values that have none."""
    return value if isinstance(value, str) and value.isalpha() and len(value) < 20 else type(value).__name__


# --- the record


def test_a_recipe_holds_plain_values_that_nobody_can_change(moved):
    assert moved.amounts == (1.5, 0.0, -2.0) + (0.0,) * 7
    assert json.loads(json.dumps(moved.as_dict())) == moved.as_dict()
    with pytest.raises(FrozenInstanceError):
        moved.seed = 8


def test_two_ways_to_write_one_picture_are_one_recipe(moved):
    typed = Recipe(STYLE, seed=" 7 ", psi="0.6", amounts=["1.5", -0.0, -2.0000001], knob=2.0)
    assert typed == moved and hash(typed) == hash(moved) and math.copysign(1, typed.amounts[1]) == 1
    fine = Recipe(STYLE, psi=0.1236, amounts=(-2.3454,))
    assert (fine.psi, fine.amounts[0]) == (0.124, -2.345)


@pytest.mark.parametrize(
    "seed",
    ids=kind,
    argvalues=[
        "abc",
        10**20,
        "100000000000000000000",
        "",
        None,
        -1,
        1.5,
        float("nan"),
        float("inf"),
        True,
        [],
        10**6000,
        "9" * 6000,
        "7; import os",
        "0x10",
        {},
        b"7",
    ],
)
def test_a_seed_that_is_none_gets_a_sentence_with_what_is_possible(seed):
    assert "whole number from 0 to 999999999" in sentence(Recipe, STYLE, seed=seed)


@pytest.mark.parametrize(
    "field, value, possible",
    [
        ("psi", 1.2, "0 to 1"),
        ("psi", "nan", "0 to 1"),
        ("psi", None, "0 to 1"),
        ("psi", 10**400, "0 to 1"),
        ("psi", True, "0 to 1"),
        ("method", "magic", "sefa, ganspace, random, file"),
        ("method", None, "sefa"),
        ("method", [], "sefa"),
        ("mode", "mine", "paper, official"),
        ("layers", "coarsest", "all, coarse, middle, fine"),
        ("layers", "0-10", "0 to 9"),
        ("layers", "3-1", "0 to 9"),
        ("layers", "", "0 to 9"),
        ("layers", "1,,2", "0 to 9"),
        ("layers", "-1", "0 to 9"),
        ("layers", 3, "0 to 9"),
        ("layers", "1" * 5000, "0 to 9"),
        ("amounts", (0,) * 11, "at most 10"),
        ("amounts", (3.1,), "-3 to 3"),
        ("amounts", (float("nan"),), "-3 to 3"),
        ("amounts", "1,2", "at most 10"),
        ("amounts", ([],), "-3 to 3"),
        ("amounts", None, "at most 10"),
        ("knob", 10, "0 to 9"),
        ("knob", -1, "0 to 9"),
    ],
    ids=kind,
)
def test_a_wrong_value_gets_a_sentence_with_what_is_possible(field, value, possible):
    assert possible in sentence(Recipe, STYLE, **{field: value})


def test_an_unknown_model_gets_the_names_there_are(monkeypatch):
    assert all(name in sentence(Recipe, "cats") for name in zoo.CARDS)
    assert "<" not in sentence(Recipe, "<script>alert(1)</script>")
    monkeypatch.setattr(zoo, "CARDS", {})
    assert "weights/" in sentence(Recipe, STYLE)


def test_the_reach_is_the_cards(monkeypatch, cards):
    monkeypatch.setitem(cards, STYLE, replace(cards[STYLE], reach=5.0))
    assert Recipe(STYLE, amounts=(4.5,)).amounts[0] == 4.5


# --- layers


def test_slots_belong_to_sizes_as_stylegan_counts_them():
    groups = page.layer_groups(STYLE)
    assert groups == {"all": tuple(range(10)), "coarse": (0, 1, 2, 3), "middle": (4, 5, 6, 7), "fine": (8, 9)}
    assert page.layer_groups(PROGRESSIVE) == {"all": (0,)}
    assert "this model has all" in sentence(Recipe, PROGRESSIVE, layers="coarse")


@pytest.mark.parametrize(
    "text, canonical, slots",
    [
        ("0-3,6", "0-3,6", (0, 1, 2, 3, 6)),
        (" 6, 0-2 ,3", "0-3,6", (0, 1, 2, 3, 6)),
        ("9", "9", (9,)),
        ("0-9", "all", tuple(range(10))),
        (" Fine ", "fine", (8, 9)),
    ],
)
def test_own_layers_are_read_and_written_in_one_form(text, canonical, slots):
    recipe = Recipe(STYLE, layers=text)
    assert recipe.layers == canonical and page.slots_of(recipe) == slots


@pytest.mark.parametrize("layers", ["all", "coarse", "middle", "fine", "5", "0-3,6"])
def test_only_the_chosen_layers_read_another_code(layers, moved):
    recipe = replace(moved, layers=layers)
    still = codes_of(replace(recipe, amounts=()))
    changed = (codes_of(recipe) != still).any(2)[0].nonzero().flatten().tolist()
    assert tuple(changed) == page.slots_of(recipe)


# --- directions


def test_the_knobs_are_measured_in_standard_deviations(moved):
    generator = zoo.load(STYLE)
    directions, steps = directions_of(moved)
    w = generator.codes(generator.sample(2000, 10_000))[:, 0].double()
    along = w @ directions.vectors.T
    assert np.allclose(along.std(0), steps, rtol=0.08)
    shift = codes_of(moved) - codes_of(replace(moved, amounts=()))
    assert np.allclose((shift[0, 4].double() @ directions.vectors.T)[:3], [1.5 * steps[0], 0, -2 * steps[2]], atol=1e-5)


def test_every_method_has_its_own_knobs(moved):
    pictures = [
        drawn(replace(moved, method=method, mode=mode))
        for method, mode in [("sefa", "paper"), ("sefa", "official"), ("ganspace", "paper"), ("random", "paper")]
    ]
    assert all(levels_apart(a, b) > 1 for i, a in enumerate(pictures) for b in pictures[:i])


def test_directions_are_made_once_also_when_asked_for_at_the_same_time(moved, monkeypatch):
    calls, together = [], threading.Barrier(6)
    monkeypatch.setattr(sources, "spread_along", lambda *a, **n: calls.append(1) or spread_along(*a, **n))
    recipe = replace(moved, method="random", layers="1,3,5")
    found = []

    def ask():
        together.wait()
        found.append(directions_of(recipe)[0])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(calls) == 1 and len(found) == 6 and all(one is found[0] for one in found)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where visitors' files of directions lie."""
    monkeypatch.setattr(sources, "folder", lambda: tmp_path / "uploads")


def brought(name, vectors):
    """The sha256 of a visitor's file with these directions, [k, dim] or [k, slots, dim]."""
    data = io.BytesIO()
    np.save(data, vectors)
    return stored(name, data.getvalue())


def stored(name, data, sha256=None):
    sha256 = sha256 or hashlib.sha256(data).hexdigest()
    (sources.folder() / sha256).mkdir(parents=True)
    (sources.folder() / sha256 / name).write_bytes(data)
    return sha256


@pytest.fixture
def uploaded():
    """Three directions in a visitor's .npy file: its sha256."""
    return brought("mine.npy", np.random.default_rng(0).normal(size=(3, 12)))


def test_directions_from_a_file_steer(uploaded, moved):
    recipe = replace(moved, method="file", directions=uploaded, layers="coarse")
    path = sources.uploaded(recipe)
    assert file_hash(path) == uploaded
    vectors = np.load(path)
    shift = (codes_of(recipe) - codes_of(replace(recipe, amounts=())))[0]
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    steps = directions_of(recipe)[1].numpy()
    assert np.allclose(shift[0], 1.5 * steps[0] * units[0] - 2 * steps[2] * units[2], atol=1e-5) and not shift[4:].any()


def test_what_is_wrong_with_a_file_of_directions_is_said(uploaded, moved):
    recipe = replace(moved, method="file", directions=uploaded)
    gone = replace(recipe, directions="1" * 64)
    assert "choose the file again" in sentence(made.render, gone)
    assert "choose the file again" in sentence(picture_bytes, gone)
    assert "only 3 knobs" in sentence(made.render, replace(recipe, amounts=(0,) * 5 + (1,)))
    assert "sha256" in sentence(Recipe, STYLE, method="file")
    assert "12" in sentence(made.render, replace(recipe, directions=brought("other.npy", np.ones((2, 7)))))
    each = brought("each.npy", np.random.default_rng(1).normal(size=(2, 10, 12)))
    layered = replace(recipe, directions=each, amounts=(1,))
    assert made.render(layered).shape == (1, 3, 64, 64)
    assert "choose all layers" in sentence(made.render, replace(layered, layers="fine"))
    swapped = stored("swapped.npy", sources.uploaded(layered).read_bytes(), sha256="0" * 64)
    assert "no longer here" in sentence(made.render, replace(recipe, directions=swapped))


def test_directions_made_for_other_weights_are_refused(moved, tmp_path):
    path = tmp_path / "theirs.safetensors"
    save_directions(sefa(zoo.load(RETRAINED), k=3), path, model=RETRAINED, weights=zoo.weights_hash(RETRAINED))
    recipe = replace(moved, method="file", directions=stored(path.name, path.read_bytes()))
    assert "other weights" in sentence(made.render, recipe)
    assert made.render(replace(recipe, model=RETRAINED)).shape == (1, 3, 64, 64)


# --- pictures


def test_the_picture_is_the_generators_own(moved):
    generator = zoo.load(STYLE)
    codes = generator.codes(generator.sample(1, 7), psi=0.6)
    assert torch.equal(made.render(replace(moved, amounts=())), generator(codes))
    directions = sefa(generator, k=10)
    steps = spread_along(generator, directions).tolist()
    assert torch.equal(made.render(moved), generator(edit(codes, directions, [1.5 * steps[0], 0.0, -2 * steps[2]])))


@pytest.mark.parametrize("layers", ["all", "middle", "fine", "5", "9"])
def test_starting_late_changes_nothing(layers, moved):
    recipe = replace(moved, layers=layers)
    assert torch.equal(made.render(recipe), zoo.load(STYLE)(codes_of(recipe)))


@pytest.mark.parametrize("layers", ["all", "fine", "5"])
def test_undoing_is_exact(layers, moved):
    before = replace(moved, layers=layers, amounts=())
    first = made.render(before)
    there = made.turned(before, 3, 2.5)
    assert not torch.equal(first, made.render(there)) and torch.equal(first, made.render(made.turned(there, 3, 0)))


@pytest.mark.parametrize("layers", ["all", "coarse", "fine"])
def test_the_frames_of_a_strip_are_the_single_pictures(layers, moved):
    recipe, amounts = replace(moved, layers=layers), [-3, -0.3, 0, 1.5, 3]
    frames = to_uint8(made.render_strip(recipe, amounts))
    single = [drawn(made.turned(recipe, 2, amount)) for amount in amounts]
    assert all(levels_apart(a, b) <= 1 for a, b in zip(frames, single, strict=True))
    assert levels_apart(frames[0], frames[-1]) > 1


def test_a_strip_runs_the_layers_below_its_knobs_once(moved, monkeypatch):
    generator, sizes = zoo.load(STYLE), []
    for layer in generator.layers[:4]:
        monkeypatch.setattr(layer, "forward", lambda *a, ours=layer.forward: sizes.append(len(a[-1])) or ours(*a))
    made.render_strip(replace(moved, layers="fine", seed=123, knob=0), [-1, 0, 1])
    assert sizes == [1, 1, 1, 1]


def test_a_strip_refuses_what_is_no_strip(moved):
    assert "-3 to 3" in sentence(made.render_strip, moved, [4])


def test_the_file_is_the_picture_without_loss_and_made_once(moved, monkeypatch):
    data = picture_bytes(moved)
    assert np.array_equal(unpacked(data), drawn(moved)) and Image.open(io.BytesIO(data)).format == "WEBP"
    monkeypatch.setattr(knobs, "render", None)
    assert picture_bytes(replace(moved, knob=5)) is data  # which knob is chosen does not show


def test_pggan_is_steered_by_the_same_recipe():
    recipe = Recipe(PROGRESSIVE, seed=2, amounts=(2,))
    assert drawn(recipe).shape == (16, 16, 3)
    assert levels_apart(drawn(recipe), drawn(replace(recipe, amounts=()))) > 1
    assert np.array_equal(drawn(recipe), drawn(replace(recipe, psi=0.1)))


# --- JSON, link, PNG


def some_recipes(n):
    """Valid recipes of all kinds, from a fixed random sequence."""
    draw = random.Random(0)
    for _ in range(n):
        amounts = [draw.choice([0, round(draw.uniform(-3, 3), draw.randrange(4))]) for _ in range(draw.randrange(11))]
        yield Recipe(
            STYLE,
            seed=draw.randrange(10**9),
            psi=round(draw.random(), 3),
            method=draw.choice(["sefa", "ganspace", "random"]),
            mode=draw.choice(["paper", "official"]),
            layers=draw.choice(["all", "coarse", "fine", "0,2,4,6,8", "3-5"]),
            amounts=amounts,
            knob=draw.randrange(10),
        )


def test_json_and_link_give_the_same_recipe_back():
    for recipe in some_recipes(200):
        assert (
            made.Recipe.from_json(json.dumps(recipe.as_dict())) == recipe
            and made.Recipe.from_query(recipe.to_query()) == recipe
        )
        assert len(recipe.link()) < 1000


def test_a_link_writes_only_what_is_not_the_default(moved):
    w = zoo.weights_hash(STYLE)[:8]
    assert Recipe(STYLE).to_query() == {"v": "1", "model": STYLE, "w": w}
    assert moved.to_query() == dict(v="1", model=STYLE, seed="7", psi="0.6", amounts="1.5,0,-2", knob="2", w=w)
    assert moved.link("http://localhost:7860/") == (
        f"http://localhost:7860/?v=1&model=tiny-stylegan2&seed=7&psi=0.6&amounts=1.5,0,-2&knob=2&w={w}"
    )


def test_what_a_link_leaves_out_is_the_default_and_what_is_not_ours_is_left_alone():
    assert made.Recipe.from_query({}) == Recipe(STYLE)
    assert made.Recipe.from_query({"__theme": "dark", "seed": "5"}) == Recipe(STYLE, seed=5)


def test_a_link_cannot_hold_a_file_and_says_so(moved):
    recipe = replace(moved, method="file", directions="a" * 64)
    assert made.Recipe.from_query(recipe.to_query()) == moved
    assert "SeFa" in recipe.link_note() and moved.link_note() == ""
    assert made.Recipe.from_json(json.dumps(recipe.as_dict())) == recipe


@pytest.mark.parametrize(
    "query",
    ids=kind,
    argvalues=[
        {"seed": "abc"},
        {"seed": "1" + "0" * 20},
        {"seed": ""},
        {"seed": "x" * 10_240},
        {"junk": "x" * 10_240},
        {"model": "cats"},
        {"psi": "nan"},
        {"psi": "1e999"},
        {"amounts": "1,two"},
        {"amounts": ",".join(["0"] * 11)},
        {"amounts": "inf"},
        {"layers": "99"},
        {"layers": "0-99"},
        {"method": "file"},
        {"v": "2"},
        {"v": ""},
        {"knob": "10"},
        {"mode": "__init__"},
        {"seed": ["7"]},
        {"seed": 7},
        [],
        None,
        "seed=7",
    ],
)
def test_a_wrong_link_gets_a_sentence(query):
    sentence(made.Recipe.from_query, query)


def junk(draw):
    texts = [
        "",
        "nan",
        "-inf",
        "1e400",
        "0",
        "-1",
        "3",
        "all",
        "0-3,6",
        "9-0",
        "sefa",
        "file",
        STYLE,
        "\x00",
        "٣",
        "½",
        "1_000",
        "'; drop",
        "<b>",
    ]
    others = [None, 3, -1.5, float("nan"), 10**500, True, [], [1, "a"], {}, b"7", ("x",), 1j]
    kinds = [
        lambda: draw.choice(texts),
        lambda: draw.choice(texts) * 500,
        lambda: draw.choice(others),
        lambda: "".join(draw.choices(string.printable, k=draw.randrange(60))),
    ]
    return draw.choice(kinds)()


def test_no_junk_raises_anything_but_a_sentence():
    draw, keys, valid = random.Random(1), ["v", *made.Recipe.names(), "__theme", "x"], 0
    for _ in range(3000):
        given = {draw.choice(keys): junk(draw) for _ in range(draw.randrange(5))}
        for read in (
            made.Recipe.from_query,
            lambda fields: made.Recipe.from_json({"version": 1, "model": STYLE, **fields}),
        ):
            try:
                recipe = read(given)
            except RecipeError:
                continue
            valid += 1
            assert made.Recipe.from_json(json.dumps(recipe.as_dict())) == recipe
    assert valid > 100  # the junk is not all refused for one reason


@pytest.mark.parametrize(
    "text",
    ids=kind,
    argvalues=[
        "",
        "{",
        "[]",
        "null",
        "7",
        '{"model": 3, "version": 1}',
        '{"seed": 7, "version": 1}',
        "[" * 3000,
        b"\xff\xfe",
        "9" * 5000,
        '{"version": 2, "model": "tiny-stylegan2"}',
        None,
        '{"version": 1, "model": "tiny-stylegan2", "sed": 7}',
        '{"version": 1, "model": "tiny-stylegan2", "psi": NaN}',
    ],
)
def test_a_wrong_recipe_gets_a_sentence(text):
    sentence(made.Recipe.from_json, text)


def test_a_recipe_may_leave_its_version_out(moved):
    assert made.Recipe.from_json(f'{{"model": "{moved.model}"}}') == made.Recipe(moved.model)


def test_a_png_carries_its_recipe_and_its_pixels(moved):
    data = png_for(moved)
    assert recipe_from_png(data) == moved and np.array_equal(unpacked(data), drawn(moved))
    assert json.loads(Image.open(io.BytesIO(data)).info["ganatomy"])["version"] == VERSION


def test_a_png_without_a_recipe_gets_a_sentence(moved):
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "png")
    assert "no recipe" in sentence(recipe_from_png, out.getvalue())
    assert "not a PNG" in sentence(recipe_from_png, picture_bytes(moved))
    assert "MB" in sentence(recipe_from_png, bytes(LARGEST_PNG + 1))
    whole, draw = png_for(moved), random.Random(2)
    for _ in range(300):
        broken = bytearray(whole[: draw.randrange(len(whole))])
        for _ in range(draw.randrange(4)):
            if broken:
                broken[draw.randrange(len(broken))] = draw.randrange(256)
        try:
            recipe_from_png(bytes(broken))
        except RecipeError:
            pass


# --- code and notebook


def run_code(code, folder, monkeypatch):
    """Run in another folder; the names it leaves behind."""
    monkeypatch.chdir(folder)
    names = {}
    exec(compile(code, "code", "exec"), names)
    return names


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"layers": "coarse"},
        {"layers": "5,9", "mode": "official"},
        {"method": "ganspace", "layers": "0-3"},
        {"method": "random"},
        {"amounts": ()},
        {"psi": 1.0, "amounts": (0.1,) * 10},
    ],
)
def test_the_code_makes_the_same_pixels(change, moved, tmp_path, monkeypatch):
    recipe = replace(moved, **change)
    names = run_code(code_for(TAB, recipe), tmp_path, monkeypatch)
    assert np.array_equal(np.asarray(names["picture"]), drawn(recipe))
    assert np.array_equal(unpacked((tmp_path / "picture.png").read_bytes()), drawn(recipe))


def test_the_code_of_a_pggan_and_of_a_file_makes_the_same_pixels(moved, uploaded, tmp_path, monkeypatch):
    progressive = Recipe(PROGRESSIVE, seed=2, amounts=(0, 2))
    code = code_for(TAB, progressive)
    assert "psi" not in code
    assert np.array_equal(np.asarray(run_code(code, tmp_path, monkeypatch)["picture"]), drawn(progressive))
    for layers in ("all", "coarse"):
        recipe = replace(moved, method="file", directions=uploaded, layers=layers, knob=9)
        names = run_code(code_for(TAB, recipe), sources.uploaded(recipe).parent, monkeypatch)
        assert np.array_equal(np.asarray(names["picture"]), drawn(recipe))
    shutil.rmtree(sources.folder())
    assert "directions.npy" in code_for(TAB, recipe)


def test_the_code_uses_the_core_only_and_is_short(moved):
    code = code_for(TAB, moved)
    sources = [line.split()[1] for line in code.splitlines() if line.startswith(("from", "import"))]
    assert sources and all(source.startswith("core") for source in sources)
    assert len(code.splitlines()) < 20 and max(map(len, code.splitlines())) <= 120


def test_the_code_runs_as_it_stands_in_a_fresh_process(moved, files, tmp_path):
    card = f"zoo.ModelCard({STYLE!r}, 'tiny', {str(files[STYLE])!r}, None, 64)"
    start = f"from core import zoo\nzoo.CARDS[{STYLE!r}] = {card}\n"
    code = code_for(TAB, moved).replace("picture.png", str(tmp_path / "picture.png"))
    subprocess.run([sys.executable, "-c", start + code], cwd=ROOT, check=True, timeout=120)
    assert np.array_equal(unpacked((tmp_path / "picture.png").read_bytes()), drawn(moved))


def test_the_notebook_is_valid_and_its_cells_make_the_picture_and_the_strip(moved, tmp_path, monkeypatch):
    data = notebook_for(moved)
    notebook = nbformat.reads(data.decode(), as_version=4)
    nbformat.validate(notebook)
    about = notebook.cells[0].source
    assert moved.link() in about and "`1.5,0,-2`" in about and zoo.weights_hash(STYLE) in about
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert f'"{home.repository()}"' in code[0]
    names = {}
    monkeypatch.setattr(subprocess, "run", None)  # where core is at hand nothing may be fetched
    for source in code:
        exec(compile(source, "cell", "exec"), names)
    assert np.array_equal(np.asarray(names["picture"]), drawn(moved))
    strip = made.render_strip(moved, [-3, -2, -1, 0, 1, 2, 3])
    assert all(levels_apart(np.asarray(a), b) <= 1 for a, b in zip(names["frames"], to_uint8(strip), strict=True))
    assert notebook_for(moved) == data


def test_the_notebook_fetches_the_project_where_it_is_not(monkeypatch, tmp_path):
    asked = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda command, check: asked.append(command))
    monkeypatch.setitem(sys.modules, "core.zoo", None)
    monkeypatch.setattr(sys, "path", list(sys.path))
    exec(set_up(), {})
    assert asked[0][:2] == ["git", "clone"] and home.repository() in asked[0]
    assert "torch" in asked[1] and sys.path[0] == str(tmp_path / "ganatomy")


@pytest.mark.parametrize("own", [False, True])
def test_the_notebook_runs_unchanged_in_an_empty_folder_beside_the_project(own, tmp_path, monkeypatch):
    """In a kernel of its own that knows of the project by its clone alone; a network of one's own lies beside it."""
    (tmp_path / "ganatomy").symlink_to(ROOT)
    if own:
        monkeypatch.setattr(zoo, "CARDS", dict(zoo.CARDS))
        native.save(tiny.stylegan2(), tmp_path / "mine.safetensors")
        model = zoo.add(tmp_path / "mine.safetensors").name
    else:
        monkeypatch.undo()  # the bundled networks, not the small ones of these tests
        model = next(iter(zoo.CARDS))
    recipe = Recipe(model, seed=3, amounts=(1.5,))
    notebook = nbformat.reads(notebook_for(recipe).decode(), as_version=4)
    about = notebook.cells[0].source
    assert ("Open the picture on the page" in about) is not own and ("mine.safetensors, which must lie" in about) is own
    *_, last = notebook.cells[:3]
    last.source += '\npicture.save("picture.png")'
    monkeypatch.setenv("PYTHONPATH", "")
    NotebookClient(notebook, timeout=120, resources=dict(metadata=dict(path=str(tmp_path)))).execute()
    assert np.array_equal(np.asarray(Image.open(tmp_path / "picture.png")), drawn(recipe))
    assert not [out for cell in notebook.cells for out in cell.get("outputs", ()) if out.output_type == "error"]


# --- saved edits


def test_a_kept_edit_survives_its_file_and_moves_as_before(moved):
    kept = [keep_edit("smile", replace(moved, layers=layers)) for layers in ("all", "fine")]
    text = file_of(kept)
    back = edits_in_file(text, STYLE)
    assert back == tuple(kept) and len(text) < 30_000 and json.loads(text)["version"] == VERSION
    for one in back:
        found = Recipe.from_json(one.recipe)
        picture = apply_edit(one, replace(found, amounts=()))
        assert levels_apart(to_uint8(picture)[0], drawn(found)) <= 1


def test_a_kept_edit_moves_another_face_from_where_it_stands(moved):
    kept, other = keep_edit("smile", moved), Recipe(STYLE, seed=40, amounts=(0, 1))
    picture = to_uint8(apply_edit(kept, other))[0]
    assert levels_apart(picture, drawn(replace(other, psi=0.7, amounts=(1.5, 1, -2)))) <= 1
    assert levels_apart(picture, drawn(other)) > 1
    assert np.array_equal(to_uint8(apply_edit(kept, other, strength=0))[0], drawn(other))


def test_an_edit_of_uploaded_directions_needs_the_file_no_more(moved, uploaded):
    recipe = replace(moved, method="file", directions=uploaded)
    kept, expected = file_of([keep_edit("mine", recipe)]), drawn(recipe)
    shutil.rmtree(sources.folder())
    (kept,) = edits_in_file(kept, STYLE)
    assert levels_apart(to_uint8(apply_edit(kept, replace(moved, amounts=())))[0], expected) <= 1


def test_nothing_to_keep_or_to_save_is_said(moved):
    assert "move a knob" in sentence(keep_edit, "smile", replace(moved, amounts=()))
    assert "keep one first" in sentence(file_of, ())
    for name in ("", "  ", None, "x" * 61, "\n"):
        assert "name of 1 to 60" in sentence(keep_edit, name, moved)
    assert keep_edit(" <b>big smile</b> ", moved).name == "b big smile /b"


def spoiled(text, **change):
    """The file with one field of its first edit replaced."""
    found = json.loads(text)
    found["edits"][0].update(change)
    return json.dumps(found)


def test_what_is_wrong_with_a_file_of_edits_is_said(moved):
    text = file_of([keep_edit("smile", moved)])
    read = edits_in_file
    assert "2,097,152" in sentence(read, " " * (2 * 2**20 + 1), STYLE)
    for other in ("", "{}", "[]", "[" * 100_000, "PK\x03", b"\x80\x04\x95", b"\xff" * 9, '{"format": "other"}', None):
        sentence(read, other, STYLE)
    assert "open that model first" in sentence(read, text, RETRAINED)
    assert "open that model first" in sentence(apply_edit, read(text, STYLE)[0], Recipe(RETRAINED))
    retrained = json.loads(text)["edits"][0]["recipe"] | {"model": RETRAINED}
    assert "other weights" in sentence(read, spoiled(text, recipe=retrained), RETRAINED)
    for version in (2, "x", None, []):
        assert "version" in sentence(read, json.dumps(json.loads(text) | {"version": version}), STYLE)
    for rows in ([], None, 3, [3], [{}], [{"recipe": 3}]):
        sentence(read, json.dumps(json.loads(text) | {"edits": rows}), STYLE)
    rows = json.loads(text)["edits"][0]["shift"]
    for change in (
        dict(shift=rows[1:]),
        dict(shift=None),
        dict(shift=[[1] * 11] * 10),
        dict(shift=[[math.nan] * 12] * 10),
        dict(shift=[[1e9] * 12] * 10),
        dict(shift=[["1"] * 12] * 10),
        dict(shift=[[10**400] * 12] * 10),
        dict(slots=None),
        dict(slots=[0] * 10),
        dict(slots=list(range(1, 11))),
        dict(slots=["0"] * 10),
        dict(slots=[], shift=[]),
    ):
        assert "12 finite numbers" in sentence(read, spoiled(text, **change), STYLE)
    for change in (
        dict(weights=None),
        dict(weights="0" * 64),
        dict(name=3),
        dict(recipe={"seed": 3}),
        dict(recipe=[]),
    ):
        sentence(read, spoiled(text, **change), STYLE)


def test_more_edits_than_fit_are_not_written(moved):
    kept = keep_edit("smile", moved)
    assert "save fewer" in sentence(file_of, (kept,) * 1500)


def test_the_handlers_of_the_list_keep_apply_and_delete_the_edits_of_the_network_on_screen(moved, tmp_path):
    on_screen, asked = moved.as_dict(), edits.asked
    stored, listed, emptied = asked(edits.keep)(on_screen, None, "smile")
    ((name, key),) = listed.choices
    assert (name, emptied, listed.value) == ("smile", "", key)
    other = Recipe(PROGRESSIVE, amounts=(1.0,))
    stored, listed, _ = asked(edits.keep)(other.as_dict(), stored, "wink")
    assert [name for name, _ in listed.choices] == ["wink", f"smile (of another network: {STYLE})"]
    elsewhere = replace(moved, seed=40, psi=0.5, amounts=())
    assert asked(edits.apply)(elsewhere.as_dict(), stored, key) == replace(moved, seed=40, psi=0.5).as_dict()
    assert "another network" in sentence(asked(edits.apply), other.as_dict(), stored, key)
    path = Path(asked(edits.save)(on_screen, stored))
    again, listed = asked(edits.load)(on_screen, None, str(path))
    assert json.loads(again)["edits"] == json.loads(path.read_text())["edits"] and listed.value == key
    left, listed = asked(edits.delete)(on_screen, stored, key)
    assert [name for name, _ in listed.choices] == [f"wink (of another network: {PROGRESSIVE})"]
    assert "choose one" in sentence(asked(edits.delete), on_screen, left, key)


def test_a_damaged_edit_in_the_browser_is_said_when_it_is_used(moved):
    stored, listed, _ = edits.asked(edits.keep)(moved.as_dict(), None, "smile")
    damaged = spoiled(stored, shift=[[1]])
    assert "12 finite numbers" in sentence(edits.asked(edits.apply), moved.as_dict(), damaged, listed.value)
    assert edits.asked(edits.keep)(moved.as_dict(), damaged, "wink")[1].value, "what is damaged blocks nothing"


# --- words


def test_the_alternative_text_says_what_was_done(moved):
    assert made.alt_text(moved) == "portrait, picture number 7, truncation 0.6, knob 1 at +1.5, knob 3 at \u22122"
    assert made.alt_text(replace(moved, layers="5", method="ganspace"), ["looks left / looks right"]).endswith(
        "knob 1 (looks left / looks right) at +1.5, knob 3 at \u22122, only layer 5, knobs from GANSpace"
    )
    assert made.alt_text(Recipe(PROGRESSIVE)) == "portrait, picture number 0, no knob moved"


def test_no_gradio_is_needed():
    code = "import sys; import demos.page.sources; sys.exit('gradio' in sys.modules or 'nbformat' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120).returncode == 0


def test_knobs_move_a_picture_that_was_found_as_they_move_one_of_a_seed():
    recipe = Recipe(next(iter(zoo.CARDS)), seed=3)
    turning, settings = knobs_of(recipe), [(0.0,), (1.5,), (-2.0, 0.5)]
    seeded = knobs.render(recipe, turning, settings)
    generator = zoo.load(recipe.model).at(psi=recipe.psi)
    found = Picture(page.own_codes(recipe), lambda codes: generator(codes))
    assert torch.allclose(knobs.render(found, turning, settings), seeded, atol=1e-5)
    two = Picture(found.codes.repeat(2, 1, 1), lambda codes: generator(codes[::2]))
    assert torch.allclose(knobs.render(two, turning, settings), seeded, atol=1e-5), "all codes move together"
    assert not torch.allclose(seeded[0], seeded[1], atol=1e-2)
