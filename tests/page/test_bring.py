"""What was taken away comes back: a PNG, a link or a recipe as text opens in its tab, or a sentence says why not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core import zoo
from core.checkpoints import native
from core.generators.stylegan2 import StyleGAN2
from demos.page.export import png_of
from demos.page.fields import RecipeError
from demos.page.handlers import brings, recipe_in_file, recipe_in_text
from demos.page.tab import file_for
from demos.paint.recipe import Painted
from demos.restore.recipe import Restoration
from demos.steer.recipe import Recipe
from demos.steer.tab import TAB

STYLE = "portraits-stylegan2"


@pytest.fixture(autouse=True)
def small_model(tmp_path, monkeypatch):
    torch.manual_seed(0)
    path = tmp_path / f"{STYLE}.safetensors"
    native.save(StyleGAN2(resolution=16, channels=(16, 12, 8), z_dim=16, dim=16, mapping_layers=2), path)
    monkeypatch.setattr(zoo, "CARDS", {STYLE: zoo.ModelCard(STYLE, "Test portraits", str(path), "portraits", 16)})
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)


RECIPES = [
    lambda: Recipe(STYLE, seed=5, amounts=(1.5, -2.0), knob=1, layers="coarse"),
    lambda: Painted(STYLE, seed=8, region="", method="resefa"),
    lambda: Restoration(STYLE, task="fill", picture=4),
]


@pytest.mark.parametrize("make", RECIPES)
def test_a_png_of_any_tab_gives_its_recipe_back(make, tmp_path: Path) -> None:
    recipe, path = make(), tmp_path / "picture.png"
    path.write_bytes(png_of(Image.new("RGB", (8, 8)), recipe))
    assert recipe_in_file(str(path)) == recipe and type(recipe_in_file(str(path))) is type(recipe)


@pytest.mark.parametrize("make", RECIPES)
def test_a_link_and_json_give_the_recipe_back_wherever_the_page_is_served(make) -> None:
    recipe = make()
    for text in (
        json.dumps(recipe.as_dict()),
        f"  {recipe.link()}\n",
        recipe.link("http://127.0.0.1:7860/"),
        f"?{recipe.query()}",
    ):
        assert recipe_in_text(text) == recipe


def test_the_same_picture_opens_twice(tmp_path: Path) -> None:
    recipe, path = RECIPES[0](), tmp_path / "picture.png"
    path.write_bytes(file_for(TAB, recipe, "picture")[0])
    first, again = (brings(recipe_in_file)(str(path)) for _ in range(2))
    assert first["recipe"] == again["recipe"] == recipe.as_dict() and first["at"] != again["at"]


@pytest.mark.parametrize("kind", ["no recipe", "no PNG", "large", "of no network here"])
def test_a_file_without_a_recipe_of_this_page_gets_a_sentence(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    if kind == "no recipe":
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    elif kind == "large":
        with open(path, "wb") as file:
            file.truncate(2**30)
    elif kind == "of no network here":
        data = file_for(TAB, RECIPES[0](), "picture")[0]
        path.write_bytes(data)
        zoo.CARDS.clear()
    else:
        path.write_bytes(b"GIF89a")
    with pytest.raises(RecipeError) as caught:
        recipe_in_file(str(path))
    assert len(str(caught.value)) > 30 and ":" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{",
        "https://example.org/",
        "https://example.org/?x=1",
        "?tab=wings&seed=3",
        "?v=1&seed=abc",
        "{}",
        "//[",
    ],
)
def test_text_that_is_no_recipe_gets_a_sentence(text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_in_text(text)
    assert len(str(caught.value)) > 30


def test_a_link_may_name_the_tab_that_links_need_not_name() -> None:
    from demos.steer.recipe import Recipe

    made = Recipe(next(iter(zoo.CARDS)), seed=12)
    assert recipe_in_text(f"https://example.org/?tab=steer&{made.query()}") == made
