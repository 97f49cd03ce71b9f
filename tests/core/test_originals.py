"""Planted copies of training renders come first, fresh renders are not called copies, and the index is what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from core import originals, zoo
from core.originals import CRITIC, READER, Index, Source, answer, load_index, make_index, nearest, save_index

SOURCE = Source("portraits", "graded", 150, 16)
PLANTED = (7, 80, 149)
COPIES = {
    "same": lambda x: x,
    "mirrored": lambda x: x.flip(3),
    "brighter": lambda x: (x + 0.15).clamp(-1, 1),
    "paler": lambda x: 0.7 * x,
    "noisy": lambda x: x + 0.03 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)),
}


def features(images: Tensor) -> Tensor:
    """[n, 48]: random filters of the whole picture; nothing that was trained."""
    random = torch.Generator().manual_seed(3)
    return torch.relu(images.flatten(1) @ torch.randn(images[0].numel(), 48, generator=random) / 10)


@pytest.fixture(scope="module")
def index() -> Index:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(originals, "SHORT_LIST", 15)
        return make_index(SOURCE, features, range(1_000_000, 1_000_012))


@pytest.fixture(autouse=True)
def short(monkeypatch) -> None:
    monkeypatch.setattr(originals, "SHORT_LIST", 15)


@pytest.mark.parametrize("how", COPIES)
def test_planted_copies_come_first_and_are_called_copies(how: str, index: Index) -> None:
    for seed in PLANTED:
        found = answer(index, features, COPIES[how](SOURCE.pictures([seed])))
        assert found.originals[0].seed == seed and found.copied, how
        assert found.originals[0].mirrored == (how == "mirrored")
        assert f"{seed:,}" in found.sentence() and "copy" in found.sentence()


def test_fresh_renders_are_no_copies_and_lie_as_far_as_fresh_renders_do(index: Index) -> None:
    answers = [answer(index, features, SOURCE.pictures([seed])) for seed in range(1_000_020, 1_000_030)]
    assert not any(one.copied for one in answers)
    assert 0.5 < np.median([one.apart for one in answers]) < 2
    assert all(one.sentence().startswith("No copy") for one in answers)
    assert all(one.closer == int((index.held_out < one.originals[0].distance).sum()) for one in answers)


def test_an_index_of_other_pictures_does_not_find_the_copy(index: Index) -> None:
    shuffled = index._replace(codes=index.codes.roll(40, 0))
    assert not answer(shuffled, features, SOURCE.pictures([PLANTED[0]])).copied


def test_the_short_list_finds_what_a_search_through_everything_finds(index: Index) -> None:
    everything = originals.described(features, SOURCE.pictures(range(SOURCE.renders))).numpy()
    for seed in range(1_000_040, 1_000_046):
        image = SOURCE.pictures([seed])
        both = originals.described(features, torch.cat([image, image.flip(3)])).numpy()
        apart = np.linalg.norm(both[:, None] - everything[None], axis=2).min(0)
        found = nearest(index, features, image)
        assert [one.seed for one in found] == np.argsort(apart)[:3].tolist()
        assert np.allclose([one.distance for one in found], np.sort(apart)[:3], rtol=1e-3)


def test_an_index_comes_back_from_its_file(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "index.safetensors"
    save_index(index, path, compared_by="these features")
    again, facts = load_index(path)
    assert again.source == SOURCE and facts["compared_by"] == "these features"
    assert torch.equal(again.codes, index.codes) and torch.equal(again.held_out, index.held_out)
    image = SOURCE.pictures([1_000_050])
    assert [one.seed for one in nearest(again, features, image)] == [
        one.seed for one in nearest(index, features, image)
    ]


def test_renders_are_the_same_alone_and_in_a_row() -> None:
    row = Source("objects", "graded", 10, 16).pictures([3, 8, 4])
    assert torch.equal(row[1:2], Source("objects", "graded", 10, 16).pictures([8]))


def test_only_networks_with_a_reader_and_a_critic_are_known(monkeypatch) -> None:
    bundled = "portraits-stylegan2"
    assert originals.known(bundled)
    monkeypatch.setattr(originals, "reader_hash", lambda model: "of another reader")
    assert not originals.known(bundled)
    with pytest.raises(ValueError, match="not known here"):
        originals.originals(bundled, torch.zeros(1, 3, 64, 64))


@pytest.mark.parametrize("model", [card.name for card in zoo.CARDS.values() if not card.source])
def test_a_planted_copy_of_a_bundled_network_s_training_render_comes_first_by_both(model: str) -> None:
    if not originals.known(model):
        pytest.skip("the training renders are indexed once this network has its last critic")
    source = load_index(originals.file_of(model, READER))[0].source
    found = originals.originals(model, source.pictures([4321]).flip(3))
    assert list(found) == [READER, CRITIC]
    assert all(one.originals[0].seed == 4321 and one.originals[0].mirrored and one.copied for one in found.values())
