"""Weights files: what is saved is what is opened, a broken file is one sentence, and a model is opened once."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import threading
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from core import checkpoints, zoo
from core.checkpoints import native
from core.critics import Critic
from core.downloads import FetchError
from core.hub import HubFile
from core.packages import PackageFile

from .. import tiny

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

EVERY = {**tiny.GENERATORS, "critic": tiny.critic, "critic_with_classes": lambda: tiny.critic(classes=3)}
on_every_twin = pytest.mark.parametrize("name", EVERY)


def refused(path: Path, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        native.read(path)
    said = str(error.value)
    assert path.name in said and "\n" not in said and len(said) < 600


def parts(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(str(path), framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata())


def rewritten(path: Path, *, drop: str = "", extra: dict[str, torch.Tensor] | None = None, **facts: str | None) -> Path:
    """The file with one tensor less, some more, and metadata changed (None: removed)."""
    tensors, metadata = parts(path)
    tensors = {name: tensor for name, tensor in tensors.items() if name != drop} | (extra or {})
    metadata = {name: text for name, text in (metadata | facts).items() if text is not None}
    save_file(tensors, str(path), metadata=metadata)
    return path


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    native.save(tiny.stylegan2(), tmp_path / "model.safetensors", recipe="tests")
    return tmp_path / "model.safetensors"


# Our own files


@on_every_twin
def test_what_is_saved_is_what_is_opened(name: str, tmp_path: Path) -> None:
    module = EVERY[name]()
    native.save(module, tmp_path / "new" / "model.safetensors")
    opened = native.read(tmp_path / "new" / "model.safetensors")
    assert type(opened) is type(module) and opened.config() == module.config()
    before, after = module.state_dict(), opened.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    assert not opened.training and not any(p.requires_grad for p in opened.parameters())
    if isinstance(module, Critic):
        images, labels = tiny.normal(4, 3, 16, 16).float(), torch.tensor([0, 1, 2, 0])
        assert torch.equal(opened(images, labels), module(images, labels))
    else:
        codes = module.codes(module.sample(2, 0), psi=0.5)
        assert torch.equal(opened.codes(opened.sample(2, 0), psi=0.5), codes)
        assert torch.equal(opened(codes), module(codes))


def test_facts_are_kept_beside_the_architecture(stored: Path) -> None:
    facts = native.metadata(stored)
    assert facts["recipe"] == "tests" and facts["architecture"] == "StyleGAN2"
    assert json.loads(facts["config"]) == tiny.stylegan2().config()


def test_a_failed_save_leaves_the_old_file_and_nothing_else(stored: Path, monkeypatch) -> None:
    before = stored.read_bytes()

    def breaks(_tensors, path, **_how) -> None:
        Path(path).write_bytes(b"half a file")
        raise OSError("disk full, on purpose")

    monkeypatch.setattr(native, "save_file", breaks)
    with pytest.raises(OSError, match="on purpose"):
        native.save(tiny.pggan(), stored)
    assert stored.read_bytes() == before and list(stored.parent.iterdir()) == [stored]


def test_a_save_replaces_the_old_file(stored: Path) -> None:
    native.save(tiny.pggan(), stored)
    assert native.metadata(stored)["architecture"] == "PGGAN" and list(stored.parent.iterdir()) == [stored]


def test_the_hash_is_that_of_the_bytes(stored: Path) -> None:
    assert native.weights_hash(stored) == hashlib.sha256(stored.read_bytes()).hexdigest()


# Files that are not what they should be


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    refused(tmp_path / "absent.safetensors", "cannot be read as safetensors .* fetch or make the file again")


@pytest.mark.parametrize(
    "data",
    [b"", b"text", b"\xff" * 64, struct.pack("<Q", 2) + b"{}", struct.pack("<Q", 9) + b'{"a": [1]', b"\x80\x04."],
)
def test_a_broken_header_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    refused(path, "cannot be read as safetensors|not written by this project")


def test_a_file_cut_off_anywhere_is_refused(stored: Path) -> None:
    data = stored.read_bytes()
    for share in (0.0, 0.001, 0.1, 0.5, 0.999):
        stored.write_bytes(data[: int(share * len(data))])
        refused(stored, "cannot be read as safetensors")


def test_safetensors_of_somebody_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file(tiny.stylegan2().state_dict(), str(path))
    refused(path, "not written by this project: its metadata lack format = ganatomy-1")


def test_an_unknown_architecture_is_refused_with_those_there_are(stored: Path) -> None:
    refused(rewritten(stored, architecture="VAE"), "holds a 'VAE'; known are .*PGGAN.*StyleGAN2")
    refused(rewritten(stored, architecture=None), "holds a None; known are")


def test_the_wrong_architecture_is_refused(stored: Path) -> None:
    refused(rewritten(stored, architecture="PGGAN"), "does not hold what its metadata say")
    rewritten(stored, architecture="PGGAN", config=json.dumps(tiny.pggan().config()))
    refused(stored, "does not hold what its metadata say")


def test_missing_extra_and_misshapen_tensors_are_refused(stored: Path) -> None:
    whole = stored.read_bytes()
    for change, sentence in (
        (dict(drop="layers.2.to_rgb.weight"), "Missing key.*layers.2.to_rgb.weight"),
        (dict(extra={"stowaway": torch.zeros(3)}), "Unexpected key.*stowaway"),
        (dict(extra={"w_avg": torch.zeros(3)}), "size mismatch for w_avg"),
    ):
        stored.write_bytes(whole)
        refused(rewritten(stored, **change), sentence)


@pytest.mark.parametrize(
    "config",
    [
        None,
        "",
        "not json",
        "[]",
        "7",
        "{}",
        '{"resolution": 16}',
        '{"resolution": 2, "channels": []}',
        '{"resolution": 16, "channels": 3}',
        '{"resolution": 16, "channels": [0, 0, 0]}',
        '{"resolution": 16, "channels": [-1, 2, 2]}',
        '{"resolution": "16", "channels": [1, 1, 1]}',
        '{"resolution": 16, "channels": ["a", "b", "c"]}',
        '{"resolution": 32, "channels": [6, 5, 4]}',
        "[" * 5000,
        '{"resolution": 16, "channels": [6, 5, 4], "z_dim": 0, "dim": 0}',
        '{"resolution": 16, "channels": [6, 5, 4], "speed": 1}',
    ],
)
def test_a_config_that_builds_nothing_is_refused(stored: Path, config: str | None) -> None:
    refused(rewritten(stored, config=config), "does not hold what its metadata say")


# The zoo


@pytest.fixture
def card(tmp_path: Path, monkeypatch) -> zoo.ModelCard:
    """A card of a tiny model with its critic, in a zoo of its own."""
    native.save(tiny.stylegan2(), tmp_path / "tiny.safetensors")
    native.save(tiny.critic(), tmp_path / "tiny-critic.safetensors")
    made = zoo.ModelCard("tiny", "Tiny", "tiny.safetensors", None, 16)
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    monkeypatch.setattr(zoo, "CARDS", {"tiny": made})
    return made


def test_a_model_is_opened_once_and_shared(card: zoo.ModelCard) -> None:
    generator = zoo.load("tiny")
    assert zoo.load("tiny") is generator and zoo.card("tiny") is card
    assert not generator.training and not any(p.requires_grad for p in generator.parameters())
    assert isinstance(zoo.load_critic("tiny"), Critic) and zoo.load_critic("tiny") is zoo.load_critic("tiny")
    assert zoo.weights_hash("tiny") == hashlib.sha256(card.path.read_bytes()).hexdigest()


def test_threads_that_ask_at_once_get_the_same_model(card: zoo.ModelCard) -> None:
    ready, found = threading.Barrier(4), []

    def ask() -> None:
        ready.wait()
        found.append(zoo.load("tiny"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len({id(generator) for generator in found}) == 1


def test_an_unknown_name_is_answered_with_those_there_are(card: zoo.ModelCard) -> None:
    for ask in (zoo.card, zoo.load, zoo.load_critic, zoo.weights_hash):
        with pytest.raises(KeyError, match="no model 'stylegan9'; there are tiny"):
            ask("stylegan9")


def test_a_card_without_its_critic_says_so(card: zoo.ModelCard) -> None:
    (card.path.parent / "tiny-critic.safetensors").unlink()
    with pytest.raises(ValueError, match="tiny-critic.safetensors cannot be read"):
        zoo.load_critic("tiny")


# Cards of the Hub

on_every_hub_card = pytest.mark.parametrize(
    "name", [name for name, card in zoo.REMOTE_CARDS.items() if isinstance(card.source, HubFile)]
)


def test_the_page_lists_bundled_models_only_and_a_card_is_found_in_either_table() -> None:
    assert not set(zoo.CARDS) & set(zoo.REMOTE_CARDS) and all(card.source is None for card in zoo.CARDS.values())
    assert all(zoo.card(name) is card for name, card in (zoo.CARDS | zoo.REMOTE_CARDS).items())
    assert 12 <= len(zoo.REMOTE_CARDS) <= 20


@on_every_hub_card
def test_a_hub_card_is_pinned_whole_or_says_that_it_is_not(name: str) -> None:
    card = zoo.REMOTE_CARDS[name]
    assert (
        card.name == card.source.name == name and card.file == card.source.filename and card.source.repo.count("/") == 1
    )
    assert card.pinned == (card.source.revision is not None and card.source.sha256 is not None)
    assert (card.source.size is None) != (card.source.about is None)  # exact or rounded, never both
    assert 80e6 < (card.source.size or card.source.about) < 400e6
    assert card.resolution in (128, 256, 512, 1024) and f"{card.resolution} px" in card.title and 0 < card.psi <= 1
    assert card.architecture and card.layout and card.link.startswith("https://") and not card.world
    assert card.licensed == (card.licence != "not stated") and card.licence not in ("MIT", "apache-2.0")


def test_the_card_of_a_package_is_pinned_whole_and_says_whose_faces_it_learned_from() -> None:
    (card,) = (card for card in zoo.REMOTE_CARDS.values() if isinstance(card.source, PackageFile))
    assert card.name == card.source.name == "faces-dcgan" == next(iter(zoo.REMOTE_CARDS))
    assert card.pinned and card.licensed and card.licence.startswith("MIT") and "non-commercial" in card.licence
    assert card.source.repo == "the Python package gan-face-generate 1.1.1" and card.source.transferred < 14e6


def test_no_two_remote_cards_are_the_same_file() -> None:
    places = [(card.source.repo, card.source.filename) for card in zoo.REMOTE_CARDS.values()]
    hashes = [card.source.sha256 for card in zoo.REMOTE_CARDS.values() if card.source.sha256]
    assert len(set(places)) == len(places) and len(set(hashes)) == len(hashes)


def test_licences_are_those_of_who_trained_the_models() -> None:
    for card in zoo.REMOTE_CARDS.values():
        if isinstance(card.source, PackageFile):
            continue
        if card.architecture == "StyleGAN2":
            assert "NVIDIA" in card.licence and "nvlabs" in card.link.lower()
        elif card.licensed:
            assert card.licence == "CC BY-NC 4.0"
    unstated = [name for name, card in zoo.REMOTE_CARDS.items() if not card.licensed]
    assert unstated == ["anime-stylegan", "imagenet-biggan-deep"]


def test_cars_are_cropped_and_nothing_else() -> None:
    cropped = {name: card.crop for name, card in zoo.REMOTE_CARDS.items() if card.crop}
    assert cropped == {"car-stylegan2": 64, "car-stylegan": 64}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch) -> list[str]:
    """The Hub, replaced by one file: the models that were fetched, in order."""
    native.save(tiny.pggan(), tmp_path / "far.safetensors")
    fetched: list[str] = []

    def fetch(file: HubFile, **_how) -> Path:
        fetched.append(file.name)
        return tmp_path / "far.safetensors"

    monkeypatch.setattr("core.hub.fetch", fetch)
    if not hasattr(checkpoints, "read"):
        monkeypatch.setattr(checkpoints, "read", native.read, raising=False)
    return fetched


@on_every_hub_card
def test_a_card_that_is_not_pinned_opens_only_when_asked_to(name: str, elsewhere: list[str]) -> None:
    if not zoo.REMOTE_CARDS[name].pinned:
        for ask in (zoo.load, zoo.fetch):
            with pytest.raises(FetchError, match=f"{name} is not pinned: its (revision|sha256) is not .* --unpinned"):
                ask(name)
        assert elsewhere == []
    generator = zoo.load(name, unpinned=True)
    assert elsewhere == [name] and not generator.training and zoo.load(name, unpinned=True) is generator


def test_a_hub_model_has_no_critic_and_no_file_until_it_is_fetched(monkeypatch) -> None:
    monkeypatch.setattr("core.hub._cached", lambda file: None)
    with pytest.raises(ValueError, match="church-stylegan2 comes without a critic: choose one of"):
        zoo.load_critic("church-stylegan2")
    with pytest.raises(FetchError, match="celebahq-pggan is not on this machine yet: fetch it first"):
        zoo.weights_hash("celebahq-pggan")
    assert zoo.weights_hash("church-stylegan2") == zoo.REMOTE_CARDS["church-stylegan2"].source.sha256
    assert not zoo.is_here("church-stylegan2")


def test_a_bundled_model_is_here_and_needs_no_hub(card: zoo.ModelCard, elsewhere: list[str]) -> None:
    assert zoo.is_here("tiny") and zoo.fetch("tiny") == card.path and card.pinned and card.licensed
    zoo.load("tiny")
    assert elsewhere == []


@pytest.mark.parametrize("name", sorted(zoo.CARDS))
def test_a_bundled_model_is_what_its_card_says(name: str, tmp_path: Path) -> None:
    bundled = zoo.CARDS[name]
    assert bundled.name == name and bundled.path.stat().st_size < 10 * 2**20
    shutil.copy(bundled.path, tmp_path / "copy.safetensors")
    generator: nn.Module = native.read(tmp_path / "copy.safetensors")
    assert generator.resolution == bundled.resolution and 0 < bundled.psi <= 1
    codes = generator.codes(generator.sample(4, 0), psi=bundled.psi)
    images = generator(codes)
    assert images.shape == (4, 3, bundled.resolution, bundled.resolution) and torch.isfinite(images).all()
    assert images.std(0).mean() > 0.02 and images.abs().max() < 4  # four pictures, and in range
    assert torch.equal(generator.codes(generator.sample(1, 3), psi=bundled.psi), codes[3:])
