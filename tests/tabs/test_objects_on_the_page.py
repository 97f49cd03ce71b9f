"""The tabs Steer and Paint with the bundled network of objects: its class, its factors and its parts, and no face."""

import io
import re
from base64 import b64decode

import numpy as np
import torch
from PIL import Image

from core import zoo
from core.images import to_uint8
from core.parts import offered
from core.truth.worlds import objects
from demos.inside.recipe import BUNDLED
from demos.page import models
from demos.page import verdicts as measured
from demos.paint import recipe as painted
from demos.paint.recipe import AROUND, Painted
from demos.steer import recipe as recipes
from demos.steer.recipe import Recipe
from demos.steer.truth import read_html


def test_a_reading_is_drawn_as_the_class_that_was_asked_for():
    recipe = Recipe(BUNDLED, seed=3, label="bowl")
    html = read_html(recipe)
    drawn = re.findall(r"data:image/webp;base64,([^\"]+)", html)[1]
    drawn = np.asarray(Image.open(io.BytesIO(b64decode(drawn))).convert("RGB")).astype(int)
    with torch.no_grad():
        factors = zoo.load_reader("objects")(recipes.render(recipe).clamp(-1, 1)).clamp(0, 1)

    def as_class(name: str) -> np.ndarray:
        label = torch.tensor([objects.CLASSES.index(name)])
        return to_uint8(objects.render(factors, label, resolution=64).images)[0].astype(int)

    assert np.abs(drawn - as_class("bowl")).max() <= 1 < np.abs(drawn - as_class("mug")).mean()
    assert "The reader says that the bowl " in html and "face" not in html


def test_what_a_class_does_not_show_is_not_said_of_it():
    def hidden_in(name: str) -> set[str]:
        return set(objects.NAMES) - set(zoo.load_judge(BUNDLED, label=Recipe(BUNDLED, label=name).label).names)

    hidden = {name: hidden_in(name) for name in ("bowl", "chair", "pear")}
    assert hidden == {"bowl": {"turn"}, "chair": set(), "pear": {"pattern", "accent"}}


def test_knobs_are_counted_on_pictures():
    verdicts = [knob["verdict"] for knob in measured.measured_knobs(Recipe(BUNDLED))]
    assert all("pictures)" in verdict and "face" not in verdict for verdict in verdicts)
    assert models.facts(BUNDLED)["noun"] == "object"


def test_the_parts_of_an_object_are_offered_and_its_largest_is_outlined_first():
    found = set()
    for label, name in enumerate(objects.CLASSES):
        recipe = Painted(BUNDLED, seed=1, label=label)
        there = painted.parts_of(recipe)
        own = {part: int(mask.sum()) for part, mask in there.items() if part not in AROUND}
        assert own[recipe.region] == max(own.values()), name
        buttons = offered(BUNDLED, there)
        assert set(buttons) == set(there) and set(buttons[len(own) :]) <= set(AROUND)
        found.add(recipe.region)
    assert len(found) >= 3 and Painted("portraits-stylegan2").region == "mouth"
