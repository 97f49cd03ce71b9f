"""What is said of a bundled file was measured on exactly that file."""

import json
import re
from statistics import median

import pytest
import torch
from torch import nn

from core import evidence as measured
from core import zoo
from core.checkpoints import native
from core.codes import codes_in_turn
from core.evidence import knob_records
from core.generators.base import Generator, State
from core.inversion import baselines
from core.truth.worlds import load_world
from demos.restore.recipe import Restoration
from weights.recipes.measure import restore, restore_tables
from weights.recipes.measure.evidence import Measurement, controls_hold, parts_agree, reread, supervised, written

WITH_TRUTH = [name for name, card in zoo.CARDS.items() if card.world]


def evidence(name: str) -> dict:
    path = zoo.WEIGHTS / "evidence" / f"{name}.json"
    assert path.exists(), f"{name} has no evidence: run `python -m weights.recipes.measure.evidence {name}`"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_evidence_belongs_to_the_bundled_weights(name):
    found = evidence(name)
    assert found["weights_sha256"] == zoo.weights_hash(name), (
        f"weights/{zoo.card(name).file} changed: run `{found['command']}` and `python -m commands.arrival TAB`"
    )
    reader = zoo.WEIGHTS / f"{zoo.card(name).world}-reader.safetensors"
    assert found["reader_sha256"] == native.weights_hash(reader), f"the reader changed: run `{found['command']}` again"


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_controls_hold(name):
    assert controls_hold(evidence(name)) == []


def test_a_control_that_looks_significant_is_refused():
    sound = dict(
        parts=dict(mean=0.8, of_other_pictures=0.4),
        found=dict(shuffled=dict(sefa=0), correlation=dict(random=0, supervised=9)),
        quality=dict(frechet=dict(renders_again=1, renders_blurred_1px=5, renders_noise_01=5)),
    )
    assert controls_hold(sound) == []
    sound["found"]["shuffled"]["sefa"] = 3
    sound["found"]["correlation"]["random"] = 12
    sound["quality"]["frechet"]["renders_again"] = 9
    sound["parts"]["of_other_pictures"] = 0.9
    assert len(controls_hold(sound)) == 4


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_evidence_speaks_of_every_factor_with_its_samples(name):
    found, world = evidence(name), load_world(zoo.card(name).world)
    assert [factor["name"] for factor in found["factors"]] == list(world.NAMES)
    assert found["samples"]["faces"] >= 64
    for table in found["sets"].values():
        for knob in table["knobs"]:
            assert len(knob["mean"]) == len(knob["low"]) == len(knob["high"]) == len(world.NAMES)
            assert all(low <= mean <= high for low, mean, high in zip(knob["low"], knob["mean"], knob["high"]))


def test_every_bundled_file_has_a_row_in_the_readme_with_its_hash():
    text = (zoo.WEIGHTS / "README.md").read_text(encoding="utf-8")
    for path in zoo.WEIGHTS.glob("*.safetensors"):
        assert path.name in text, f"weights/README.md does not speak of {path.name}"
        assert native.weights_hash(path)[:16] in text, f"weights/README.md has another sha256 for {path.name}"
        assert path.stat().st_size < 10e6


def test_of_the_bundled_networks_the_one_that_restores_closer_opens_the_tab():
    found = {name: measured.recorded(name, "restore") for name in WITH_TRUTH if zoo.card(name).world == "portraits"}
    assert all(found.values()), "run `python -m weights.recipes.measure.restore NAME` for each"

    def reached(name: str, task: str) -> float:
        return median(found[name]["tasks"][task]["methods"][baselines.OURS]["psnr"])

    closest = [max(found, key=lambda name: reached(name, task)) for task in restore.TRIED]
    assert closest.count(Restoration.default_model()) > len(closest) / 2, dict(zip(restore.TRIED, closest))


@pytest.mark.parametrize("name", [name for name in WITH_TRUTH if zoo.card(name).world == "portraits"])
def test_what_the_page_says_of_restoring_is_what_its_numbers_say(name: str):
    found = measured.recorded(name, "restore")
    said = restore_tables.shown(found)
    assert all(found[part] == said[part] for part in ("sentences", "tables")), "run the command with --rewrite"
    assert len(said["tables"]) == 2 * len(restore.TRIED) + 2
    changed = json.loads(json.dumps(found))
    changed["tasks"]["copy"]["methods"][baselines.OURS]["psnr"] = [0.0] * restore.RENDERS
    assert restore_tables.shown(changed)["tables"] != said["tables"], "the control"


def test_evidence_goes_on_where_it_was_ended(monkeypatch, tmp_path):
    monkeypatch.setattr(restore, "RUNS", tmp_path)
    made = []

    def make() -> dict:
        made.append(1)
        return dict(found=len(made))

    name = next(iter(zoo.CARDS))
    first, again = (restore.kept(name, "colour", make, fresh=False) for _ in range(2))
    assert first == again and first["found"] == 1 and len(made) == 1
    assert restore.kept(name, "colour", make, fresh=True)["found"] == 2
    assert restore.kept(name, "fill", make, fresh=False)["found"] == 3, "another part is another file"
    monkeypatch.setattr(zoo, "weights_hash", lambda card: "f" * 64)
    assert restore.kept(name, "colour", make, fresh=False)["found"] == 4, "other weights have other evidence"


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_the_sentence_on_the_page_is_that_of_the_measurement_and_names_its_baseline(name):
    """Built anew from the recorded numbers: all but the words about random knobs is what the measurement said."""
    found = evidence(name)
    things = "faces" if zoo.card(name).world == "portraits" else "pictures"
    for key, table in found["sets"].items():
        group = key.split("/")[1]
        for knob, record in zip(table["knobs"], knob_records(name, key), strict=True):
            said = record["verdict"]
            before, _, ending = said.partition(" A random knob\u2019s strongest: ")
            assert ending == f"{found['baseline'][group]:.2f}. ({found['samples']['faces']} {things})"
            recorded = knob["verdict"].partition(" Random knobs: ")[0].partition(" A random knob")[0]
            recorded = recorded.replace("% of", " % of").replace("  %", " %")
            assert _numbers(before) == pytest.approx(_numbers(recorded), abs=0.011), "rounded once more, at most"
            assert re.sub(r"[\d.]+", "", before) == re.sub(r"[\d.]+", "", recorded)


def _numbers(text: str) -> list[float]:
    return [float(number.rstrip(".")) for number in re.findall(r"\d[\d.]*", text)]


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_found_by_experiment_and_by_watching_are_told_apart_with_their_numbers(name):
    found, (said,) = evidence(name)["found"], evidence(name)["sentences"]
    experiment, watching = said.partition(" By watching: ")[::2]
    for part, counts in ((experiment, found["causal"]), (watching, found["correlation"])):
        numbers = list(map(int, re.findall(r"\d+", part)))
        assert numbers[-4:] == [counts[name] for name in ("sefa", "ganspace", "random", "supervised")]
    assert experiment.startswith(str(found["of"]))


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_the_words_on_the_page_are_those_of_the_numbers_beside_them(name):
    known = evidence(name)
    assert written(known) == {part: known[part] for part in ("sentences", "tables")}
    found, hidden = known["tables"]
    assert [row[1:] for row in found["rows"]] == [
        [known["found"][how][knobs] for how in ("correlation", "causal")]
        for knobs in ("sefa", "official", "ganspace", "random", "supervised")
    ]
    ratios = dict(zip((factor["description"] for factor in known["factors"]), known["truncation"]["0.5"]))
    assert {factor: float(ratio) for factor, ratio in hidden["rows"]} == pytest.approx(ratios, abs=0.0051)
    other = written(known | {"found": known["found"] | {"of": 1_234}})
    assert "1234" in other["sentences"][0] and other != written(known)


OBJECTS, PICTURES, FIRST = load_world("objects"), 128, 1_950_000


class Objects(Generator):
    """The objects' renderer as a network with classes:
    a code is the factors, which may move, and the class, which may not.
    """

    slots, resolution, classes = 1, 64, len(OBJECTS.CLASSES)
    z_dim, dim, movable = len(OBJECTS.NAMES), len(OBJECTS.NAMES) + 1, slice(0, len(OBJECTS.NAMES))

    def __init__(self):
        super().__init__()
        self.layers, self.reads = nn.ModuleList([nn.Identity()]), ((0,),)

    def sample(self, n, seed):
        return OBJECTS.sample(n, seed)

    def codes(self, z, *, psi=1.0, cutoff=None, label=None):
        return torch.cat([z, torch.full((len(z), 1), float(label))], 1)[:, None]

    def run(self, codes, state=None, *, start=0, stop=None):
        labels = codes[:, 0, -1].round().long()
        return State(OBJECTS.render(codes[:, 0, :-1].clamp(0, 1), labels, resolution=64).images)

    def to_image(self, state):
        return state.x


@pytest.fixture
def of_objects(monkeypatch) -> Measurement:
    card = zoo.ModelCard("objects-drawn", "", "", "objects", 64, classes=Objects.classes)
    monkeypatch.setattr(zoo, "CARDS", {card.name: card})
    found = Measurement.__new__(Measurement)
    found.card, found.generator, found.world = card.name, Objects(), OBJECTS
    found.reader, found.codes = zoo.load_reader("objects"), codes_in_turn(Objects(), PICTURES, FIRST)
    return found


def test_pictures_with_classes_are_read_and_drawn_again_as_what_they_are(of_objects, monkeypatch):
    """The renderer's own pictures come back from their readings; drawn again as the next class they do not."""
    agreement, parts = reread(of_objects, PICTURES), parts_agree(of_objects, PICTURES)
    assert agreement["ssim"] > 0.85 and (agreement["correlation"] > 0.9).all(), agreement
    assert "by_skin_tone" not in agreement
    assert parts["mean"] > 0.8 > 0.5 > parts["of_other_pictures"]
    monkeypatch.setattr(of_objects, "labels", lambda n: (torch.arange(n) + 1) % len(OBJECTS.CLASSES))
    assert reread(of_objects, PICTURES)["ssim"] < agreement["ssim"] - 0.1
    assert parts_agree(of_objects, PICTURES)["mean"] < 0.5


def test_directions_fitted_on_readings_never_move_the_class(of_objects, monkeypatch):
    monkeypatch.setattr("weights.recipes.measure.evidence.FITTED", 256)
    vectors = supervised(of_objects).vectors
    assert not vectors[:, -1].any()
    assert (vectors[:, :-1].abs().argmax(1) == torch.arange(len(OBJECTS.NAMES))).all()
