"""Renders that are alike: planted twins come first, by the level in which they are twins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from core.encoders.gallery import gallery_of, load_gallery, save_gallery
from tests import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)
FIRST = 500


def features() -> list[torch.Tensor]:
    return [tiny.normal(60, 12, seed=level).float() for level in range(3)]


def test_a_planted_twin_comes_first_at_its_level_alone(tmp_path):
    found = features()
    asked = [
        one[7:8] + 0.01 * tiny.normal(1, 12, seed=9).float() if i == 1 else one[20:21] for i, one in enumerate(found)
    ]
    gallery = gallery_of(FIRST, "abc", found, kept=6)
    save_gallery(gallery, tmp_path / "g.safetensors")
    for one in (gallery, load_gallery(tmp_path / "g.safetensors")):
        assert [one.nearest(asked, level, 1)[0] for level in range(3)] == [[FIRST + 20], [FIRST + 7], [FIRST + 20]]
        seeds, far = one.nearest(asked, 1, 5)
        assert far == sorted(far) and far[0] < 0.2 < far[1] and len(set(seeds)) == 5
        assert one.first == FIRST and one.encoder == "abc"


def test_components_are_those_of_scikit_learn():
    found = features()
    level = gallery_of(FIRST, "", found, kept=4).levels[0]
    theirs = PCA(4, svd_solver="full").fit(found[0].double().numpy())
    assert np.allclose(np.abs((level.basis.double().numpy() * theirs.components_).sum(1)), 1, atol=1e-4)


def test_another_file_gets_a_sentence(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="is no gallery of renders"):
        load_gallery(tmp_path / "a.safetensors")
