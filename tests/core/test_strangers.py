"""Files that strangers saved: a generator is found wherever it lies, and what is none is called by its name."""

from __future__ import annotations

import argparse
import collections
import datetime
import enum
import functools
import io
import pathlib
import pickle
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from core import checkpoints
from core.checkpoints import find, read
from core.generators.stylegan2 import StyleGAN2

from .. import foreign, pytorch_dcgans, references, tiny
from ..references import TOLERANCE, error

one_thread = pytest.fixture(autouse=True, scope="module")(tiny.one_thread)

State = dict[str, Tensor]
SAVED = "torch.save(generator.state_dict()"


@pytest.fixture(scope="module")
def twin() -> StyleGAN2:
    return tiny.stylegan2()


def nvidia(seed: int = 0) -> State:
    return foreign.nvidia_state(tiny.stylegan2(seed=seed))


def rosinality(seed: int = 0) -> State:
    return foreign.rosinality(nvidia(seed))["g_ema"]


def mean() -> Tensor:
    return nvidia()["mapping.w_avg"]


def begun(prefix: str, state: State) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def written(path: Path, tree: object) -> Path:
    path.write_bytes(tree if isinstance(tree, bytes) else foreign.torch_file(tree))
    return path


def opened(path: Path, twin: StyleGAN2, *, note: str | None = None) -> StyleGAN2:
    """The twin, drawn again; and the last note, or none but of the mean of w and the clamp."""
    generator = read(path)
    codes = twin.codes(twin.sample(1, seed=3))
    assert error(generator(generator.codes(generator.sample(1, seed=3))), twin(codes)) < TOLERANCE
    kept = [said for said in generator.notes if "mean of w" not in said and "clamp" not in said]
    assert (note is None and not kept) or (note is not None and note in " | ".join(kept)), kept
    return generator


def refused(path: Path, sentence: str) -> str:
    with pytest.raises(ValueError) as wrong:
        read(path)
    said = str(wrong.value)
    assert said.startswith(f"the file {path.name} cannot be opened, because ") and sentence in said, said
    assert len(said) < 500 and "\n" not in said and "fetch the file again" not in said and "do not trust" not in said
    return said


# Under another name, in a wrapper, beside others

CRITIC = {"convs.0.0.weight": torch.ones(3, 3), "final_conv.0.weight": torch.ones(2)}
WRAPPED: dict[str, object] = {
    "compiled": begun("_orig_mod.", rosinality()),
    "compiled and parallel": {"g": begun("module._orig_mod.", rosinality())},
    "EMA of a parallel one": {"g_ema": begun("module.", rosinality()), "latent_avg": mean()},
    "Lightning": {"state_dict": {**begun("generator.", nvidia()), **begun("discriminator.", nvidia(5))}, "epoch": 3},
    "params_ema": {"params_ema": rosinality()},
    "model_state_dict": {"epoch": 1, "model_state_dict": rosinality(), "loss": [0.5]},
    "netG": {"netG": rosinality(), "netD": CRITIC},
    "prefix netG": {"model": {**begun("netG.", rosinality()), **begun("netD.", CRITIC)}},
    "two prefixes": begun("model.netG.", nvidia()),
    "swa": {**begun("module.", rosinality()), "n_averaged": torch.tensor(3)},
    "a decoder beside an encoder": {
        "state_dict": {**begun("encoder.", CRITIC), **begun("decoder.", rosinality())},
        "latent_avg": mean().repeat(6, 1),
        "opts": argparse.Namespace(path=pathlib.PurePosixPath("x")),
    },
    "lists of dicts": [{"step": 1}, ({"weights": [rosinality()]},)],
    "in an object": argparse.Namespace(networks={"G": rosinality()}, step=3),
    "in a defaultdict": collections.defaultdict(dict, g=collections.OrderedDict(rosinality())),
    "a critic called like one": {"discriminator": rosinality(5), "generator": rosinality()},
    "arrays": {name: tensor.numpy() for name, tensor in nvidia().items()},
}


@pytest.mark.parametrize("name", WRAPPED)
def test_a_generator_is_found_wherever_it_lies(tmp_path: Path, twin: StyleGAN2, name: str) -> None:
    opened(written(tmp_path / "a.pt", WRAPPED[name]), twin)


def test_the_search_reads_nothing_but_shapes_and_finds_nothing_in_a_critic(tmp_path: Path) -> None:
    """The control: the same wrappers around a critic, or a generator that the file calls one."""
    refused(written(tmp_path / "a.pt", {"state_dict": begun("generator.", CRITIC)}), "no network known here")
    refused(written(tmp_path / "b.pt", {"netD": rosinality()}), "discriminator")


AVERAGED: dict[str, tuple[object, str]] = {
    "g_ema": ({"g": rosinality(5), "g_ema": rosinality()}, "two generators; the averaged one, under g_ema, was taken"),
    "avgG": ({"netG": nvidia(5), "avgG": nvidia()}, "two generators; the averaged one, under avgG, was taken"),
    "G_ema.": (
        {"state_dict": {**begun("G.", nvidia(5)), **begun("G_ema.", nvidia())}},
        "the averaged one, under state_dict, names that begin with G_ema., was taken",
    ),
    "ema_model": (
        {"online_model": nvidia(5), "ema_model": nvidia(), "initted": torch.ones(1)},
        "the averaged one, under ema_model, was taken",
    ),
    "deeper": (
        {"params": rosinality(5), "ema": {"shadow": begun("module.", rosinality())}},
        "the averaged one, under ema/shadow, names that begin with module., was taken",
    ),
    "generator over others": (
        {"last": nvidia(5), "generator": nvidia()},
        "two generators; the one under generator was taken",
    ),
    "equally likely": (
        {"first": nvidia(), "second": nvidia(5), "third": nvidia(6)},
        "three generators that are equally likely; the one under first was taken, and not second and third",
    ),
}


@pytest.mark.parametrize("name", AVERAGED)
def test_of_several_the_averaged_one_is_taken_and_said(tmp_path: Path, twin: StyleGAN2, name: str) -> None:
    tree, note = AVERAGED[name]
    opened(written(tmp_path / "a.pt", tree), twin, note=note)


MEANS: dict[str, object] = {
    "beside a prefix": {**begun("module.", rosinality()), "latent_avg": mean()},
    "under the prefix": {**begun("generator.", rosinality()), "generator.latent_avg": mean()},
    "another name": {"g_ema": rosinality(), "mean_latent": mean()[None]},
    "two dicts further up": {"w_avg": mean(), "networks": {"ema": {"g": rosinality()}}},
    "a row a slot": {"g_ema": {**rosinality(), "latent_avg": mean().repeat(6, 1)}},
}


@pytest.mark.parametrize("name", MEANS)
def test_the_mean_of_w_is_found_beside_the_generator(tmp_path: Path, twin: StyleGAN2, name: str) -> None:
    generator = opened(written(tmp_path / "a.pt", MEANS[name]), twin)
    assert generator.notes == () and error(generator.w_avg, twin.w_avg) < TOLERANCE


def test_foreign_safetensors_may_have_prefixes_too(tmp_path: Path, twin: StyleGAN2) -> None:
    state = {**begun("g_ema.module.", rosinality()), **begun("g.", rosinality(5)), "latent_avg": mean()}
    save_file(state, str(tmp_path / "a.safetensors"))
    opened(tmp_path / "a.safetensors", twin, note="the averaged one, under names that begin with g_ema.module.")


# Harmless things beside it


class CfgNode(dict):
    pass


class Settings:
    def __init__(self, **said: object):
        self.__dict__.update(said)


class Slotted:
    __slots__ = ("size",)


class Rows(list):
    pass


class Kind(enum.Enum):
    FACES = 1


def optimiser() -> dict:
    layer = nn.Linear(2, 2)
    adam = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    adam.step()
    return adam.state_dict()


def slotted() -> Slotted:
    made = Slotted()
    made.size = 3
    return made


BESIDE: dict[str, object] = {
    "a scheduler": {"milestones": collections.Counter([3, 3, 5]), "last_epoch": 3},
    "an optimiser": optimiser(),
    "a scheduler whole": torch.optim.lr_scheduler.StepLR(
        torch.optim.SGD([nn.Parameter(torch.ones(1))], 0.1), 2
    ).__dict__["base_lrs"],
    "a path": argparse.Namespace(out=pathlib.PurePosixPath("runs/1"), size=256),
    "a path of Windows": [pathlib.PureWindowsPath("C:/runs")],
    "defaultdict": collections.defaultdict(list, loss=[0.5]),
    "a date": datetime.datetime(2024, 5, 1, 12),
    "dates": (datetime.date(2024, 5, 1), datetime.timedelta(3)),
    "numbers as keys": {0.5: 1, 3: 2, None: 3, True: 4},
    "tuples as keys": {(1, 2): 3, (Kind.FACES, "a"): 4, frozenset({1}): 5},
    "a settings object": CfgNode(lr=0.1),
    "settings": Settings(size=3, inner=CfgNode(a=Settings())),
    "slots": slotted(),
    "a kind of list": Rows([1, Settings()]),
    "an enum": Kind.FACES,
    "a class by its name": [Settings, Kind, nn.Linear, ValueError],
    "numpy": {
        "score": np.float64(3.5),
        "scores": np.arange(3),
        "text": np.array(["a"]),
        "state": np.random.get_state(),
    },
    "numpy's generator": np.random.default_rng(0),
    "numbers": [10**30, 1j, range(3), slice(1, 2), b"x", bytearray(b"x"), {1, 2}, frozenset("a"), ...],
    "functions": [torch.nn.functional.relu, functools.partial(torch.nn.functional.leaky_relu, negative_slope=0.2), len],
    "a critic whole": nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(2, 2)),
    "another type of tensor": [torch.ones(2, dtype=torch.complex64), torch.zeros(3, dtype=torch.float8_e4m3fn)],
    "a sparse tensor": torch.eye(3).to_sparse(),
    "a generator of random numbers": torch.get_rng_state(),
    "a device": [torch.device("cpu"), torch.Size([1, 2]), torch.float32],
}


@pytest.mark.parametrize("protocol, legacy", [(2, False), (2, True), (5, False)])
@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_the_generator_need_not_be_understood(
    tmp_path: Path, twin: StyleGAN2, name: str, protocol: int, legacy: bool
) -> None:
    tree = {"before": BESIDE[name], "g_ema": rosinality(), "latent_avg": mean(), "after": [BESIDE[name]]}
    out = io.BytesIO()
    torch.save(tree, out, pickle_protocol=protocol, _use_new_zipfile_serialization=not legacy)
    opened(written(tmp_path / "a.pt", out.getvalue()), twin)


def test_a_broken_critic_is_not_read(tmp_path: Path, twin: StyleGAN2) -> None:
    """Its storage is missing from the archive; and the control: the same done to the generator."""
    data = foreign.torch_file({"d": {"weight": torch.ones(7, 11)}, "g_ema": rosinality(), "latent_avg": mean()})
    for broken, sentence in ((torch.ones(7, 11), None), (mean(), "more or fewer numbers than the file holds")):
        out = io.BytesIO()
        lost = broken.numpy().tobytes()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for entry in old.infolist():
                if old.read(entry) != lost:
                    new.writestr(entry.filename, old.read(entry))
        path = written(tmp_path / "a.pt", out.getvalue())
        if sentence is None:
            opened(path, twin)
        else:
            with pytest.raises(ValueError, match=sentence):
                read(path)


# Protocol 5


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("core", ["numpy._core", "numpy.core"])
def test_tensorflow_s_arrays_open_in_every_protocol(tmp_path: Path, twin: StyleGAN2, protocol: int, core: str) -> None:
    data = foreign.tf_pickle(nvidia(), protocol=protocol)
    if protocol < 4:
        data = data.replace(b"numpy._core", core.encode())
    opened(written(tmp_path / "a.pkl", data), twin)
    opened(written(tmp_path / "b.pkl", foreign.nvidia_pickle(nvidia(), protocol=protocol, clamp=None)), twin)


def test_buffers_outside_of_the_file_are_refused(tmp_path: Path) -> None:
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps({"w": np.ones(3)}, protocol=5, buffer_callback=buffers.append)
    with pytest.raises(ValueError, match="NEXT_BUFFER"):
        read(written(tmp_path / "a.pkl", data))


# Whole modules and programs


class Wild(nn.Module):
    """A module tree with a state's names, of a class that nobody has where the file is read."""

    def __init__(self, state: State, **attributes: object):
        super().__init__()
        self.__dict__.update(attributes)
        inner: dict[str, State] = {}
        for name, tensor in state.items():
            first, _, rest = name.partition(".")
            if rest:
                inner.setdefault(first, {})[rest] = tensor
            elif first in foreign.BUFFERS or "noise_" in first:
                self.register_buffer(first, tensor)
            else:
                self.register_parameter(first, nn.Parameter(tensor))
        for first, below in inner.items():
            self.add_module(first, Wild(below))


def strange(tree: object, *, protocol: int | None = None, legacy: bool = False) -> bytes:
    """torch.save, or a plain pickle of that protocol, with Wild's class called training.networks.Generator."""
    with foreign.strangers(training={}, training__networks=dict(Generator=Wild)):
        return foreign.torch_file(tree, legacy=legacy) if protocol is None else pickle.dumps(tree, protocol=protocol)


@pytest.mark.parametrize("how", [{}, dict(legacy=True), dict(protocol=2), dict(protocol=4), dict(protocol=5)])
def test_a_whole_module_opens_by_the_weights_that_it_carries(tmp_path: Path, twin: StyleGAN2, how: dict) -> None:
    good, other = Wild(rosinality(), latent_avg=mean()), Wild(rosinality(5))
    whole = "the file holds a whole module; its weights were read, and no code was run for it"
    for tree, note in (
        (good, whole),
        ({"G": other, "D": other, "G_ema": good}, "the averaged one, under G_ema, was taken"),
        (nn.DataParallel(good), whole),
        ({"ema": Settings(module=good)}, whole),
    ):
        generator = opened(written(tmp_path / "a.pkl", strange(tree, **how)), twin, note=note)
        assert generator.notes[-1] == whole
    opened(written(tmp_path / "a.pkl", strange({"g": Wild(nvidia())}, **how)), twin, note=whole)


def test_a_whole_module_of_another_kind_is_called_one(tmp_path: Path) -> None:
    unknown = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3))
    for tree in (unknown, {"epoch": 3, "model": unknown}, [Settings(net=unknown)]):
        for legacy in (False, True):
            said = refused(written(tmp_path / "a.pth", foreign.torch_file(tree, legacy=legacy)), "it is a whole module")
            assert "class Sequential" in said and SAVED in said


class Layered(nn.Module):
    """A network of another kind, a part of which would be a DCGAN's generator."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2, 3))
        self.head = nn.Sequential(nn.ConvTranspose2d(6, 8, 4), nn.BatchNorm2d(8), nn.ConvTranspose2d(8, 3, 4, 2, 1))
        self.tail = nn.Linear(3, 2)


def test_a_part_of_another_network_is_not_taken_for_a_generator(tmp_path: Path) -> None:
    """The control: the same part alone, or in wrappers, is one."""
    network = Layered()
    for tree in (network, network.state_dict(), {"netG": network.state_dict()}):
        with pytest.raises(ValueError, match="no network known|it is a whole module"):
            read(written(tmp_path / "a.pt", tree))
    alone = network.head.state_dict()
    for tree in (network.head, alone, {"g_ema": begun("module.", alone)}, {**begun("netG.", alone), "step": 3}):
        assert checkpoints.describe(written(tmp_path / "a.pt", tree)).format == "dcgan"


def test_a_discriminator_without_a_name_is_not_taken_for_the_generator(tmp_path: Path) -> None:
    judge = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 1, 4)).state_dict()
    draws = Layered().head.state_dict()
    for tree in ({"A": judge, "B": draws}, {"B": draws, "A": judge, "config": {"size": 77}}):
        described = checkpoints.describe(written(tmp_path / "a.pt", tree))
        assert described.format == "dcgan" and not any("two generators" in note for note in described.generator.notes)
    with pytest.raises(ValueError, match="a discriminator"):
        read(written(tmp_path / "a.pt", {"A": judge}))


def test_a_script_is_called_one(tmp_path: Path) -> None:
    for network in (nn.Linear(8, 3), nn.Sequential(nn.Conv2d(3, 4, 3))):
        torch.jit.save(torch.jit.trace(network, torch.ones(1, 3, 8, 8)), str(tmp_path / "a.pt"))
        assert ".state_dict()" in refused(tmp_path / "a.pt", "it is a TorchScript program, which is not run here")


# A config.json that lies beside by chance


@pytest.mark.parametrize(
    "text, note",
    [
        ("\ufeff" + '{"a": 1}', None),
        ('{"conv_clamp": "high"}', "does not belong to it"),
        ('{"a": 1', "is no JSON object"),
        ("[]", "is no JSON object"),
    ],
)
def test_a_stray_config_is_no_obstacle(tmp_path: Path, twin: StyleGAN2, text: str, note: str | None) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    path = written(tmp_path / "a.pt", foreign.torch_file(nvidia()))
    opened_notes = read(path).notes
    assert (note is None and len(opened_notes) == 1) or note in opened_notes[-1]
    opened(
        written(tmp_path / "b.pt", {"g_ema": rosinality(), "latent_avg": mean()}),
        twin,
        note=note if note != "does not belong to it" else None,
    )
    if note:
        with pytest.raises(ValueError, match="config"):
            read(path, tmp_path / "config.json")


# The cases as they were collected

EXPECTED = {
    "04-compiled.pt": None, "04-parallel-with-mean.pt": None, "04-lightning.ckpt": None, "04-params-ema.pth": None,
    "04-model-state-dict.pth": None, "04-netG-netD.pth": None, "04-lucid-model.pt": "lucidrains",
    "05-ema-whole-module.pt": "it is a whole module", "05-fastgan-like.pkl": "it is a whole module",
    "05-torchscript.pt": "it is a TorchScript program", "07-tf-protocol5.pkl": None, "07-tf-protocol4.pkl": None,
    "06-beside-args-posixpath.pt": None, "06-beside-cfg-node.pt": None, "06-beside-defaultdict.pt": None,
    "06-beside-dict-float-key.pt": None, "06-beside-saved-at.pt": None, "06-beside-scheduler.pt": None,
    "08-web-page.pkl": "it is a web page", "08-zipped.zip": None, "08-repacked.pt": None, "08-network.pkl.gz": None,
    "09-config-beside/generator.pt": None,
}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("name", EXPECTED)
def test_the_collected_cases(name: str) -> None:
    path = references.shared_folder().parent / "cases" / name
    if EXPECTED[name] is None:
        assert checkpoints.describe(path).architecture == "StyleGAN2"
    else:
        refused(path, EXPECTED[name])


def test_the_work_of_a_search_is_bounded() -> None:
    """A million names for one dict, dicts in dicts, and modules that all hold the same modules."""
    weights = {f"a{i}.b.c.d.e.f.{k}": torch.ones(1) for i in range(60) for k in range(200)}
    shared: dict = {"w": torch.ones(1)}
    for _ in range(200):
        shared = {str(i): shared for i in range(300)}
    start = time.monotonic()
    for tree in (weights, shared, [shared] * 10**5, {str(i): [{}] for i in range(10**4)}):
        with pytest.raises(ValueError):
            find.generator(tree, lambda state: None)
    assert time.monotonic() - start < 10


def test_the_decoder_of_an_autoencoder_is_no_generator_and_what_lies_beside_one_is_said(tmp_path: Path) -> None:
    """Formats without names of their own: whatever else belongs to the network decides."""
    dcgan = pytorch_dcgans.made(pytorch_dcgans.Tutorial).state_dict()
    packs = {f"pack.{i}.weight": torch.randn(4, 3, 4, 4) for i in range(3)}
    refused(written(tmp_path / "a.pt", begun("decoder.", dcgan) | packs), "cannot be opened")
    alone = read(written(tmp_path / "b.pt", begun("decoder.", dcgan)))
    beside = read(written(tmp_path / "c.pt", begun("netG.", dcgan) | {"metric.weight": torch.randn(3, 3)}))
    assert torch.equal(alone(alone.codes(alone.sample(1, 0))), beside(beside.codes(beside.sample(1, 0))))
    assert any("metric.weight and the like were left aside" in note for note in beside.notes)
    assert not any("left aside" in note for note in alone.notes)
