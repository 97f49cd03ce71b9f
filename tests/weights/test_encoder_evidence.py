"""What was measured of an encoder: its parts on planted answers, and that controls can fail."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from core import zoo
from core.codes import Picture
from core.evidence import file_hash
from core.generators.padding import no_padding
from core.inversion import indomain
from core.inversion.losses import pixel
from tests import tiny
from weights.recipes.measure import encoder, encoder_features, encoder_tables
from weights.recipes.measure.encoder_tables import GENERATED, NATIVE, OTHERS, WAYS
from weights.recipes.measure.encoder_ways import Ways, searched

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
CARD, NAMES = "portraits-stylegan2", ["smile", "yaw", "hair_tone"]
PATH = zoo.WEIGHTS / "evidence" / f"{CARD}-encoder.json"


class Planted:
    """Finds codes near the mean in every picture, by its mean colours; its padding is what the network has itself."""

    padding_head = True

    def __init__(self, generator):
        self.generator, codes = generator, generator.codes(generator.sample(64, 0))
        self.mean, self.scale = codes.mean(0), codes.std(0)

    def __call__(self, images: Tensor) -> Tensor:
        return self.mean + self.scale * images.mean((1, 2, 3))[:, None, None]

    def padding(self, images: Tensor):
        return no_padding(self.generator, len(images))


def planted() -> SimpleNamespace:
    generator = tiny.stylegan2().requires_grad_(False)
    renders = generator(generator.codes(generator.sample(3, 9))).clamp(-1, 1)
    return SimpleNamespace(card=CARD, generator=generator, encoder=Planted(generator), renders=renders, draw=generator)


def test_a_search_of_several_pictures_is_that_of_each() -> None:
    of = planted()
    codes, *_ = searched(of.draw, of.encoder, of.renders, of.encoder(of.renders), steps=4, loss=pixel)
    for code, target in zip(codes.split(1), of.renders.split(1), strict=True):
        *_, one = indomain.invert(of.generator, of.encoder, target, steps=4)
        assert torch.allclose(one.picture.codes, code, atol=1e-4)


def test_each_way_gives_a_picture_for_every_render_and_padding_of_zeros_changes_none() -> None:
    of = planted()
    ways = Ways(of)
    plain, framed = ways.encoded(of.renders), ways.framed(of.renders)
    assert torch.allclose(encoder.shown(plain), encoder.shown(framed), atol=1e-6)
    both = torch.cat([framed[0].codes, framed[1].codes])
    assert torch.allclose(framed[0].draw(both), of.generator(both), atol=1e-5), "any codes with one picture's padding"
    found = dict(mean=ways.mean(of.renders), plain=ways.plain(of.renders, steps=6))
    found |= dict(refined=ways.refined(of.renders, steps=12), padded=ways.framed_refined(of.renders, steps=12))
    drawn = {name: torch.cat([one.draw(one.codes) for one in pictures]) for name, pictures in found.items()}
    apart = {name: float((images - of.renders).square().mean()) for name, images in drawn.items()}
    assert apart["plain"] < apart["mean"] and apart["padded"] < apart["refined"]


def test_what_leaks_of_padding_that_says_nothing_is_chance() -> None:
    of = planted()
    far = encoder.leak(Ways(of).framed(of.renders), of.renders)
    assert far["crossed"] == pytest.approx(far["chance"], rel=1e-3)
    far = dict(crossed=[0.4] * 3, chance=[0.4] * 3, own=[0.1] * 3)
    assert encoder_tables.leaked(far) == (0, 0, 0)
    assert encoder_tables.leaked(far | dict(crossed=far["own"])) == (1, 1, 1)


def test_the_truth_is_as_close_as_can_be_and_keeps_every_factor() -> None:
    images, readings = planted().renders, tiny.normal(64, 27, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_features, "DRAWS", 50)
        assert encoder.structure(tiny.normal(2, 3, 16, 16), tiny.normal(2, 3, 16, 16)).tolist() == [1.0, 1.0]
        assert float(encoder.structure(images, images.flip(3)).max()) < 1
        same = encoder_features.kept(readings, readings)
        assert same["kept"] == [27, 27, 27] and same["correlation"] == pytest.approx([1, 1, 1])
        none = encoder_features.kept(readings[:1].expand(64, -1), readings)
        dealt = encoder_features.kept(readings.roll(1, 0), readings)
    assert none["kept"] == [0, 0, 0] and none["correlation"][0] == 0
    assert dealt["kept"][0] == 0 and abs(dealt["correlation"][0]) < 0.1


def test_what_is_found_is_told_from_a_crowd() -> None:
    codes, crowd, scale = tiny.normal(20, 2, 8), tiny.normal(100, 2, 8, seed=1), torch.ones(2, 8)
    for found, right in ((codes + 0.1, True), (codes.roll(1, 0), False)):
        apart, others = encoder.distances(found, codes, crowd, scale)
        nearer = (others > apart[:, None]).double().mean()
        assert bool(nearer > 0.99) is right and (right or 0.3 < nearer < 0.7)


def test_probes_find_what_is_in_the_numbers_and_nothing_else() -> None:
    factors, truth = tiny.normal(200, 3, seed=2), tiny.normal(100, 3, seed=3)
    made = torch.cat([tiny.normal(3, 12, seed=4), tiny.normal(12, 12, seed=5)])
    fitted, tested = (torch.cat([x, tiny.normal(len(x), 12, seed=6)], 1) @ made for x in (factors, truth))
    found = encoder_features.determined(encoder_features.probed(fitted, factors, tested), truth)
    assert (
        found["median"][0]
        > 0.5
        > 0.05
        > encoder_features.determined(encoder_features.probed(fitted, factors[torch.randperm(200)], tested), truth)[
            "median"
        ][0]
    )
    assert encoder_features.determined(truth.double(), truth)["median"] == [1, 1, 1]


def test_pictures_that_are_alike_share_the_factors_that_are_read() -> None:
    factors = tiny.normal(300, 2, seed=7)
    one, dealt = encoder_features.alike(factors[:, :1], factors), encoder_features.alike(factors.roll(1, 0), factors)
    assert one["each"][0] < 0.1 and abs(one["each"][1] - 1) < 0.1
    assert all(abs(x - 1) < 0.1 for x in dealt["each"])
    assert all(low <= each <= high for each, low, high in zip(one["each"], one["low"], one["high"], strict=True))


def test_own_change_and_share_are_those_of_the_knob_s_factor() -> None:
    changes = torch.tensor([[[3.0, -1.0], [-1.0, 1.0]], [[0.0, 2.0], [0.0, 0.0]]])
    found = encoder.effects(changes, [0, 1], ["a", "b"])
    assert found == {"a": dict(own=[3, -1], share=[0.75, 0.5]), "b": dict(own=[2, 0], share=[1, 0])}


# --- of a whole measurement


def whole(*, padding: bool = True) -> dict:
    """Of six pictures, on which the first way does what is native, and the others half of it."""
    own = [1.0, 1.2, 0.8, 1.1, 0.9, 1.0]

    def turned(by: float) -> dict:
        one = dict(own=[-by * x for x in own], share=[0.5] * 6)
        return {f"{kind}: {name}": one for kind in ("pure", "SeFa") for name in NAMES}

    def way(by: float) -> dict:
        more = dict(kept=[0, 0, 1], correlation=[0.5, 0.4, 0.6], correlations=[0.5] * 3, knobs=turned(by))
        return dict(steps=100, seconds=1.0, psnr=[20 + x for x in own], ssim=own, outside=own, **more)

    names = [name for name in WAYS if padding or not name.startswith("padded")]
    told = dict(apart=own, nearer=[0.5] * 6, among=[1.0] * 6)
    probe = dict(numbers=512, median=[0.6, 0.5, 0.7], each=[0.7, 0.6, 0.5])
    near = dict(each=[1.0, 0.5, 0.7], low=[0.9, 0.4, 0.6], high=[1.1, 0.6, 0.8])
    levels = [f"features, {level}" for level in ("coarse", "fine", "all")]
    codes = [name.replace("features", "codes") for name in levels]
    nothing = dict(probe, median=[0.0, -0.1, 0.02])
    found = dict(
        ways={name: way(1.0 if name == "mean" else 0.5) for name in names},
        natives={NATIVE: dict(knobs=turned(1.0)), OTHERS: dict(knobs=turned(1.0))},
        thirds=dict(renders=[[0, 1], [2, 3], [4, 5]], native=[[0, 1], [2, 3], [4, 5]]),
        factors=NAMES,
        features=dict(
            probes={**dict.fromkeys((*levels, "pixels", "untrained, all", "reader"), probe), "shuffled": nothing},
            retrieval={**dict.fromkeys((*codes, *levels), near), "shuffled": dict(near, each=[1.0] * 3)},
        ),
        samples=dict(renders=6, crowd=1_000, fitted=2_000, tested=1_000, things="faces"),
    )
    found[GENERATED] = dict(psnr=own, E=told, mean=told, another=told)
    for name in ("padded", "padded_refined") if padding else ():
        found["ways"][name]["leak"] = dict(crossed=[0.31] * 6, chance=[0.4] * 6, own=[0.1] * 6)
    return found


def test_a_way_that_returns_the_truth_has_editability_one() -> None:
    found = whole()
    assert encoder_tables.editability(found, "mean")[0] == 1 == encoder_tables.editability(found, OTHERS)[0]
    for kind, what, value in (("pure", "own", 0.5), ("SeFa", "own", 0.5), ("pure", "share", 1.0)):
        middle, low, high = encoder_tables.editability(found, "refined", kind, what)
        assert middle == pytest.approx(value) and low <= middle <= high
    found["ways"]["refined"]["knobs"]["pure: yaw"] = dict(own=[1.0] * 6, share=[0.5] * 6)
    assert encoder_tables.editability(found, "refined")[0] == pytest.approx(0), "one knob of three turns the other way"


@pytest.mark.parametrize("padding", [True, False])
def test_tables_and_sentences_say_the_numbers_and_leave_out_what_there_is_not(padding: bool) -> None:
    said = encoder_tables.shown(whole(padding=padding))
    assert all(len(row) == len(table["columns"]) for table in said["tables"] for row in table["rows"])
    text = " ".join(said["sentences"])
    assert (
        ("30 % of the way from chance to the copy, after search 30 %: both below" in text) is padding
        and "0.50 [" in text
        and "the bar is 95 %: reached" in text
    )
    assert (len(said["tables"][0]["rows"]), len(said["tables"])) == ((9, 9) if padding else (7, 8))


def test_a_control_that_looks_like_a_finding_is_named() -> None:
    found = whole()
    assert encoder.controls_hold(found) == []
    found["natives"][OTHERS] = dict(knobs=found["ways"]["plain"]["knobs"])
    found["ways"]["mean"]["kept"] = [3, 2, 4]
    found[GENERATED] = dict(found[GENERATED], another=dict(nearer=[1.0] * 6))
    found["features"]["probes"]["shuffled"] = dict(median=[0.3, 0.2, 0.4])
    found["features"]["retrieval"]["shuffled"] = dict(each=[0.8] * 3)
    assert len(encoder.controls_hold(found)) == 5


def test_of_several_codes_all_are_as_far_from_the_domain_as_their_mean_square() -> None:
    of = planted()
    picture = Picture(of.encoder.mean[None].repeat(2, 1, 1), lambda codes: torch.zeros(1, 3, 16, 16))
    assert encoder.away(of, picture) == pytest.approx(0, abs=1e-6)
    moved = Picture(picture.codes + of.encoder.scale * torch.tensor([0.0, 2.0])[:, None, None], picture.draw)
    assert encoder.away(of, moved) == pytest.approx(2**0.5, rel=1e-4)


@pytest.mark.skipif(not PATH.exists(), reason="not measured yet")
def test_the_evidence_is_of_the_bundled_weights_and_its_words_are_those_of_its_numbers() -> None:
    known = json.loads(PATH.read_text(encoding="utf-8"))
    assert (known["weights"], known["encoder"]) == (zoo.weights_hash(CARD), file_hash(zoo.encoder_path(CARD)))
    said = encoder_tables.shown(known["found"] | known)
    assert all(known[part] == said[part] for part in ("sentences", "tables")) and not encoder.controls_hold(
        known["found"]
    )


def test_a_network_without_an_encoder_gets_a_sentence() -> None:
    assert zoo.encoder_path("objects-biggan") is None
    with pytest.raises(ValueError, match="objects-biggan has no encoder"):
        zoo.load_encoder("objects-biggan")
