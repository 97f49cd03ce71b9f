"""What the tab Paint says of a region was measured on exactly these weights, on faces that nothing was chosen on."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from core import evidence as measured
from core import region_evidence as painted
from core import zoo
from core.checkpoints import native
from core.factorization.baseline import random_directions
from core.truth.local import Edited, Faces, at_equal_change, change, singles
from core.truth.worlds import load_world
from demos.paint.words import measured_html
from weights.recipes.measure import evidence as whole
from weights.recipes.measure import paint, paint_words

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
CARD = "portraits-stylegan2"
HASHES = ("weights_sha256", "reader_sha256", "parts_sha256")


@pytest.fixture(scope="module")
def found() -> dict:
    path = zoo.WEIGHTS / "evidence" / f"{CARD}-paint.json"
    assert path.exists(), f"{CARD} has no evidence for Paint: run `python -m weights.recipes.measure.paint {CARD}`"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def copied(found: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder of weights with the evidence `write`s into it; the model's own hash stays."""
    weights = zoo.weights_hash(CARD)
    for name in ("portraits-reader.safetensors", "portraits-parts.safetensors"):
        (tmp_path / name).write_bytes((zoo.WEIGHTS / name).read_bytes())
    (tmp_path / "evidence").mkdir()
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    monkeypatch.setattr(zoo, "weights_hash", lambda name: weights)

    def write(changed: dict) -> None:
        measured._evidence.cache_clear()
        (tmp_path / "evidence" / f"{CARD}-paint.json").write_text(json.dumps(changed), encoding="utf-8")

    write(found)
    yield write
    measured._evidence.cache_clear()


# --- what is bundled


def test_the_evidence_belongs_to_the_bundled_weights_and_readers(found: dict) -> None:
    again = f"run `{found['command']}` again"
    assert found["weights_sha256"] == zoo.weights_hash(CARD), again
    for kind in ("reader", "parts"):
        assert found[f"{kind}_sha256"] == native.weights_hash(zoo.WEIGHTS / f"portraits-{kind}.safetensors"), again


def test_the_controls_of_the_bundled_evidence_hold(found: dict) -> None:
    assert paint.controls_hold(found) == []


def test_five_regions_and_64_unseen_faces_at_least(found: dict) -> None:
    assert {"eyes", "mouth", "hair", "background", "shirt"} <= set(found["regions"])
    assert set(found["regions"]) <= set(load_world("portraits").PARTS)
    assert found["samples"]["scored"] >= 64 and found["samples"]["chosen"] >= 64
    for record in found["regions"].values():
        assert set(record["methods"]) == set(paint_words.METHODS)
        assert record["methods"]["sefa"]["of"] >= 20 and record["methods"]["lowrank"]["of"] <= 5
        for each in record["methods"].values():
            assert len(each["factors"]["mean"]) == len(load_world("portraits").NAMES)
            assert 0.9 * found["samples"]["scored"] <= each["reached"] <= found["samples"]["scored"]


def test_faces_that_are_scored_were_neither_made_from_nor_chosen_on(found: dict) -> None:
    """Nor are they among those of the other evidence; all are reporting seeds."""
    used = {0: whole.QUALITY, 20_000: whole.FACES, 30_000: whole.FITTED}
    others = [(whole.REPORTING + first, whole.REPORTING + first + count - 1) for first, count in used.items()]
    for record in found["regions"].values():
        spans = [*map(tuple, record["seeds"].values()), *others]
        assert len(record["seeds"]) == 3 and min(first for first, _ in spans) >= 1_000_000
        for (_, end), (start, _) in itertools.pairwise(sorted(spans)):
            assert end < start
    starts = sorted(paint.FIRST.values())
    assert all(b - a > paint.MOST_SEEDS for a, b in itertools.pairwise(starts))


def test_the_best_forbidden_knob_changes_at_most_half_as_much_outside_as_the_best_sefa_knob(found: dict) -> None:
    """The median over regions and faces; and forbidding helps in most regions, though not in all."""
    assert found["claim"]["share"] <= 0.5 < found["controls"]["random"]["share"]
    helps = []
    for region, record in found["regions"].items():
        methods = record["methods"]
        assert found["claim"]["by_region"][region] == pytest.approx(methods["lowrank"]["share"][0], rel=0.1)
        helps.append(methods["lowrank"]["ratio"][1] > methods["unprojected"]["ratio"][2])  # intervals apart
    assert sum(helps) >= 0.75 * len(helps)


# --- what the page may show


def test_another_hash_hides_everything(found: dict, copied) -> None:
    assert painted.evidence(CARD) and painted.slots(CARD)
    assert painted.verdict(CARD, "mouth", "lowrank") and measured_html(CARD, "mouth")
    for kind in HASHES:
        copied({**found, kind: "0" * 64})
        assert painted.evidence(CARD) is None and painted.slots(CARD) is None
        assert painted.verdict(CARD, "mouth", "lowrank") == "" == measured_html(CARD, "mouth")


def test_another_reader_hides_everything(copied) -> None:
    for kind in ("reader", "parts"):
        file = zoo.WEIGHTS / f"portraits-{kind}.safetensors"
        kept = file.read_bytes()
        file.write_bytes(kept + b" ")
        assert painted.evidence(CARD) is None
        file.unlink()
        assert painted.evidence(CARD) is None
        file.write_bytes(kept)
        assert painted.evidence(CARD)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_broken_file_is_no_evidence(text: str, copied) -> None:
    measured._evidence.cache_clear()
    (zoo.WEIGHTS / "evidence" / f"{CARD}-paint.json").write_text(text, encoding="utf-8")
    assert painted.evidence(CARD) is None and painted.verdict(CARD, "mouth", "lowrank") == ""


def test_a_model_without_a_world_has_no_evidence() -> None:
    name = next(name for name, card in zoo.REMOTE_CARDS.items() if card.world is None)
    assert painted.evidence(name) is None
    assert painted.verdict(name, "mouth", "lowrank") == "" == measured_html(name, "mouth")


def test_the_verdict_says_what_moved_how_much_against_what_and_on_how_many(found: dict) -> None:
    form = (
        r"Inside [\d.]+ times as much as outside(; best SeFa knob [\d.]+)?(; best of 5 random [\d.]+)?\. "
        r"\(RMS, (\d+ of )?64 faces.*\)"
    )
    for region, record in found["regions"].items():
        for method in paint_words.METHODS:
            said = painted.verdict(CARD, region, method)
            assert re.fullmatch(form, said), said
            times = record["methods"][method]["ratio"][0] ** 0.5
            assert float(said.split()[1]) == pytest.approx(times, abs=0.5, rel=0.06)
            assert "made on 16 other faces" in painted.made_on(CARD)
            assert ("best SeFa" in said) == (method != "sefa") and ("random" in said) == (method != "random")


def test_what_was_not_measured_has_no_verdict(found: dict) -> None:
    for region, method in (("mouth", "official"), ("rAAA", "lowrank"), ("", "sefa")):
        assert painted.verdict(CARD, region, method) == ""
    measured = painted.slots(CARD)
    assert painted.verdict(CARD, "mouth", "lowrank", moved=measured) == painted.verdict(CARD, "mouth", "lowrank") != ""
    assert painted.verdict(CARD, "mouth", "lowrank", moved=measured[1:]) == ""
    html = measured_html(CARD, "<b>rAAA")
    assert "not measured" in html and "mouth" in html and "<table" not in html and "<b>" not in html


def test_the_tables_hold_the_numbers_and_nothing_that_is_none(found: dict) -> None:
    for region, record in found["regions"].items():
        html = measured_html(CARD, region)
        assert html.count("<table") == 7
        assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<[^>]+>", " ", html))
        for name in paint_words.METHODS.values():
            assert name in html
        said = painted.verdict(CARD, region, "resefa").split()[1]
        assert f">{said} [" in html, "the verdict's number stands in the table"
        assert "mean squares" not in html, "one unit, that of the verdict"
        assert found["command"] in html and "64 others" in html
    said, table = painted.verdict(CARD, "mouth", "lowrank"), measured_html(CARD, "mouth").split("</table>")[0]
    times = found["regions"]["mouth"]["methods"]["lowrank"]["ratio"][0]
    assert f"Inside {times**0.5:.0f} times" in said
    assert f"{times**0.5:.0f} [" in table, "the verdict's number stands in the table"
    assert f"{times:.0f} [" not in table, "and that of the mean squares does not"
    assert "how open the mouth is *" in measured_html(CARD, "mouth")  # the region's own are marked
    assert "how open the mouth is *" not in measured_html(CARD, "eyes")


def test_what_no_edit_reached_is_said_in_words(found: dict, copied) -> None:
    random = found["regions"]["mouth"]["methods"]["random"]
    gone = {**random, "ratio": [0.0, 0.0, None], "share": [None, None, None], "outside": None, "reached": 0}
    changed = json.loads(json.dumps(found))
    changed["regions"]["mouth"]["methods"]["random"] = gone
    copied(dict(changed, written=paint_words.written(changed)))
    assert paint_words.NOT_REACHED in measured_html(CARD, "mouth")
    assert "0 of 64 faces; the others cannot be changed that much" in painted.verdict(CARD, "mouth", "random")


# --- the command


class Spots(nn.Module):
    """A part reader with two parts: "ears" are the pixels brighter than the mean, "mouth" the others."""

    names = ("ears", "mouth")

    def masks(self, images: Tensor) -> Tensor:
        bright = images.mean(1) > images.mean((1, 2, 3))[:, None, None]
        return torch.stack([bright, ~bright], 1)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> str:
    """A card whose network is tiny."""
    card = zoo.ModelCard("small", "small", "small", "portraits", tiny.RESOLUTION, psi=0.7)
    generator = tiny.stylegan2()
    monkeypatch.setattr(zoo, "CARDS", {"small": card})
    monkeypatch.setattr(zoo, "load", lambda name: generator)
    monkeypatch.setattr(zoo, "load_part_reader", lambda world: Spots())
    return "small"


def test_a_pool_shows_the_first_pictures_of_consecutive_seeds_that_have_the_part(small: str) -> None:
    pool = paint.Pool(small, 500)
    rows = pool.showing("ears", 70)
    assert rows == sorted(set(rows)) and len(rows) == 70 and len(pool.codes) >= 70  # more than one batch was read
    faces, generator = pool.faces(rows, "ears"), zoo.load(small)
    for i in (0, 5, 69):
        code = generator.codes(generator.sample(1, 500 + rows[i]), psi=0.7)
        assert torch.equal(code[0], faces.codes[i])
        assert torch.allclose(generator(code).clamp(-1, 1)[0], faces.images[i], atol=1e-5)
        assert torch.equal(faces.regions[i], Spots().masks(faces.images)[i, 0])
    assert all(int(pool.masks[i, 0].sum()) < paint.LEAST for i in set(range(rows[-1])) - set(rows))


def test_a_part_that_hardly_any_picture_shows_is_refused(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paint, "LEAST", tiny.RESOLUTION**2 + 1)
    monkeypatch.setattr(paint, "MOST_SEEDS", 64)
    with pytest.raises(ValueError, match="only 0 of 64 pictures show ears: leave this region out"):
        paint.Pool(small, 0).showing("ears", 3)


def in_each_region(regions: dict[str, Tensor], n: int) -> tuple[SimpleNamespace, dict[str, dict[str, Edited]]]:
    """Planted edits on n grey pictures: LowRankGAN's change a region 100 times as much as the rest."""
    grey, names = torch.zeros(n, 3, 16, 16), list(regions)
    masks = torch.stack([regions[name] for name in names], 1)
    pool = SimpleNamespace(
        showing=lambda part, count: list(range(n)),
        faces=lambda rows, part: Faces(torch.zeros(n, 1, 1), grey, masks[:, names.index(part)]),
    )
    all_of_them = torch.ones(n, dtype=torch.bool)

    def edited(after: Tensor, region: Tensor) -> Edited:
        return Edited(torch.ones(n), *change(grey, after, region), all_of_them, after)

    edits = {}
    for name, region in regions.items():
        there = torch.where(region[:, None], 0.05, 0.005).expand(-1, 3, -1, -1)
        edits[name] = {
            method: edited(after, region)
            for method, after in dict(lowrank=there, sefa=grey + 0.05, random=grey + 0.05).items()
        }
    return SimpleNamespace(pools=dict(scored=pool)), edits


def planted_regions(n: int = 8) -> dict[str, Tensor]:
    """Rows for one part and columns for the other, elsewhere on every picture."""
    rows, columns = torch.zeros(2, n, 16, 16, dtype=torch.bool)
    for i in range(n):
        rows[i, 2 * i : 2 * i + 2] = True
        columns[i, :, 2 * i : 2 * i + 2] = True
    return dict(ears=rows, mouth=columns)


def judged(measurement: SimpleNamespace, edits: dict[str, dict[str, Edited]]) -> list[str]:
    return paint.controls_hold(dict(controls=paint.controls(measurement, edits)))


def test_sound_measurements_pass_the_controls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paint, "SCORED", 8)
    measurement, edits = in_each_region(planted_regions(), 8)
    assert judged(measurement, edits) == []
    assert paint.claim(edits, "lowrank")["share"] == pytest.approx(0.01, rel=1e-4)


def test_a_part_reader_that_sees_one_place_in_every_part_and_face_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paint, "SCORED", 8)
    place = planted_regions()["ears"][:1].expand(8, -1, -1)
    said = judged(*in_each_region(dict(ears=place, mouth=place), 8))
    assert len(said) == 2 and "another part" in said[0] and "another face" in said[1]


def test_regions_that_belong_to_other_faces_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: the change is where the region of the face before was, as if rows had been shifted by one."""
    monkeypatch.setattr(paint, "SCORED", 8)
    measurement, edits = in_each_region(planted_regions(), 8)
    for each in edits.values():
        edit = each["lowrank"]
        each["lowrank"] = edit._replace(images=edit.images.roll(-1, 0), inside=edit.outside, outside=edit.inside)
    assert any("another face" in sentence for sentence in judged(measurement, edits))


def test_random_directions_that_look_local_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paint, "SCORED", 8)
    measurement, edits = in_each_region(planted_regions(), 8)
    for each in edits.values():
        each["random"] = each["lowrank"]
    said = judged(measurement, edits)
    assert len(said) == 1 and said[0].startswith("random directions change only 0.01 as much outside")


def test_an_edit_that_was_not_reached_never_counts_as_local(small: str) -> None:
    generator = zoo.load(small)
    pool = paint.Pool(small, 0)
    faces = pool.faces(pool.showing("ears", 8), "ears")
    edit = at_equal_change(generator, faces, singles(random_directions(generator, k=1))[0])
    none = edit._replace(reached=torch.zeros(8, dtype=torch.bool))
    assert torch.isinf(paint.against(none, edit)).all() and (paint.against(edit, none)[edit.reached] == 0).all()
    record = paint.plain(paint.edit_record(none, edit))
    assert record["half"] == record["reached"] == 0 and record["share"] == [None] * 3 and record["outside"] is None
    json.dumps(record, allow_nan=False)


def test_a_region_owns_the_factors_that_show_in_it() -> None:
    measurement = SimpleNamespace(world=load_world("portraits"))
    own = {region: set(paint.own_factors(measurement, region)) for region in paint.REGIONS}
    assert own["mouth"] == {"smile", "mouth_open", "lip_colour"} and own["eyes"] == {"eye_size", "eye_open", "gaze"}
    assert own["background"] == {"background_tone", "background_warmth"} and own["glasses"] == {"glasses"}
    assert own["shirt"] == {"shirt_colour"} and "hair_length" in own["hair"] and all(own.values())
    assert sum(map(len, own.values())) == len(set.union(*own.values()))  # no factor belongs to two regions
