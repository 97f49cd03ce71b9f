"""Direction files: what was saved comes back, and whatever else is opened, the answer is one sentence."""

from __future__ import annotations

import io
import json
import pickle
import random
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save as safetensors_bytes

from core.codes import Directions
from core.factorization.files import directions_bytes, load_directions, save_directions
from core.factorization.sefa import sefa

from .. import tiny

SLOTS, DIM = 6, tiny.DIM
VECTORS = tiny.normal(4, DIM).numpy()
UNIT = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)


def npy(array: np.ndarray, *, pickled: bool = False) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=pickled)
    return out.getvalue()


def npz(*, compressed: bool = False, **arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(out, **arrays)
    return out.getvalue()


def tensors(metadata: dict[str, str] | None = None, **arrays: np.ndarray) -> bytes:
    return safetensors_bytes({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata)


def opened(path: Path, data: bytes, **how) -> Directions:
    path.write_bytes(data)
    return load_directions(path, slots=SLOTS, dim=DIM, **how)


def refused(path: Path, data: bytes, sentence: str, **how) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        opened(path, data, **how)
    assert path.name in str(error.value) and "\n" not in str(error.value) and str(path.parent) not in str(error.value)


# Round trips


@pytest.mark.parametrize(
    "name, data",
    [
        ("d.npy", npy(VECTORS)),
        ("d.npz", npz(vectors=VECTORS)),
        ("e.npz", npz(anything=VECTORS)),
        ("d.safetensors", tensors(vectors=VECTORS)),
        ("f.npz", npz(vectors=VECTORS, other=np.ones(3))),
    ],
)
def test_every_format_gives_the_same_unit_vectors(tmp_path: Path, name: str, data: bytes) -> None:
    found = opened(tmp_path / name, data)
    assert np.allclose(found.vectors.numpy(), UNIT, atol=1e-12)
    assert found.slots == tuple(range(SLOTS)) and found.scores.tolist() == [1.0] * 4


def test_what_sefa_found_comes_back_exactly(tmp_path: Path) -> None:
    found = sefa(tiny.stylegan2(), (1, 4), k=3)
    save_directions(found, tmp_path / "d.safetensors", model="tiny", weights="abc")
    back = load_directions(tmp_path / "d.safetensors", slots=SLOTS, dim=DIM, weights="abc")
    assert torch.allclose(back.vectors, found.vectors, atol=1e-15) and torch.equal(back.scores, found.scores)
    assert back.slots == (1, 4)


def test_vectors_for_each_slot_come_back(tmp_path: Path) -> None:
    vectors = tiny.normal(2, 3, DIM)
    vectors /= vectors.flatten(1).norm(dim=1)[:, None, None]
    save_directions(Directions(vectors, torch.tensor([2.0, 1.0]), (5, 0, 3)), tmp_path / "d.safetensors")
    back = load_directions(tmp_path / "d.safetensors", slots=SLOTS, dim=DIM)
    assert torch.allclose(back.vectors, vectors) and back.slots == (5, 0, 3) and back.scores.tolist() == [2.0, 1.0]


def test_one_vector_and_other_number_types_are_welcome(tmp_path: Path) -> None:
    assert np.allclose(opened(tmp_path / "one.npy", npy(VECTORS[0])).vectors, UNIT[:1])
    for kind in (np.float16, np.float32, ">f8", np.int8):
        array = np.round(VECTORS * 20).astype(kind)
        expected = array.astype(float) / np.linalg.norm(array.astype(float), axis=1, keepdims=True)
        assert np.allclose(opened(tmp_path / "kind.npy", npy(array)).vectors, expected)
    brain = torch.tensor(VECTORS).bfloat16()
    save_directions(Directions(brain, torch.ones(4), (0,)), tmp_path / "b.safetensors")
    assert np.allclose(load_directions(tmp_path / "b.safetensors", slots=SLOTS, dim=DIM).vectors, UNIT, atol=0.01)


@pytest.mark.parametrize(
    "scores", [np.array(["a", "b", "c", "d"]), np.full(4, np.nan), np.ones(3), np.ones((4, 1)), np.ones(4) * 1j]
)
def test_scores_that_mean_nothing_are_left_out(tmp_path: Path, scores: np.ndarray) -> None:
    assert opened(tmp_path / "d.npz", npz(vectors=VECTORS, scores=scores)).scores.tolist() == [1.0] * 4


def test_scores_of_either_byte_order_are_kept(tmp_path: Path) -> None:
    data = npz(vectors=VECTORS, scores=np.arange(4.0).astype(">f4"))
    assert opened(tmp_path / "d.npz", data).scores.tolist() == [0, 1, 2, 3]


# Never pickled


class Trap:
    """Leaves a file behind if it is ever unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_and_never_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    array = np.array([Trap(sprung)], dtype=object)
    again = "was pickled, which this page does not open: save the directions again"
    refused(tmp_path / "a.npy", pickle.dumps(Trap(sprung)), again)
    refused(tmp_path / "b.npy", npy(array, pickled=True), again)
    refused(tmp_path / "c.npz", npz(vectors=array), again)
    refused(tmp_path / "d.npz", pickle.dumps(Trap(sprung)), again)
    refused(tmp_path / "e.safetensors", pickle.dumps(Trap(sprung)), "e.safetensors")
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))  # the control: the trap works
    assert sprung.exists()


# Not directions


@pytest.mark.parametrize(
    "array, sentence",
    [
        (np.ones((3, DIM + 1)), rf"holds \[3, {DIM + 1}\]; this model needs \[k, {DIM}\]"),
        (np.ones((0, DIM)), "this model needs"),
        (np.ones((2, SLOTS + 1, DIM)), "this model needs"),
        (np.ones((2, 3, DIM)), "vectors for 3 slots; this model needs 6"),
        (np.float64(3), "this model needs"),
        (np.ones((1, 1, 1, DIM)), "this model needs"),
        (np.ones((2, 0, DIM)), "slots|zero"),
        (np.full((2, DIM), np.nan), "zero, infinite or not numbers"),
        (np.full((2, DIM), np.inf), "zero, infinite or not numbers"),
        (np.zeros((2, DIM)), "zero, infinite or not numbers"),
        (np.ones((2, DIM), bool), "does not hold numbers"),
        (np.ones((2, DIM), complex), "does not hold numbers"),
        (np.full((2, DIM), "x"), "does not hold numbers"),
        (np.zeros((2, DIM), "datetime64[s]"), "does not hold numbers"),
        (np.zeros(2, [("a", float), ("b", int)]), "does not hold numbers"),
    ],
)
def test_arrays_that_are_no_directions_are_refused(tmp_path: Path, array: np.ndarray, sentence: str) -> None:
    refused(tmp_path / "d.npy", npy(array), sentence)
    refused(tmp_path / "d.npz", npz(vectors=array), sentence)


@pytest.mark.parametrize("name", ["d.npy", "d.npz", "d.safetensors"])
def test_text_nothing_and_another_format_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for data in (b"", b"these are my directions", json.dumps(VECTORS.tolist()).encode(), b"\x00" * 200):
        refused(path, data, "is broken or no")
    others = dict(npy=npy(VECTORS), npz=npz(vectors=VECTORS), safetensors=tensors(vectors=VECTORS))
    for kind, data in others.items():
        if kind != name.split(".")[1]:
            refused(path, data, name)


def test_another_suffix_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "d.pt", npy(VECTORS), "directions come as .npy, .npz, .safetensors")
    for path in (tmp_path / "absent.npy", tmp_path):
        with pytest.raises(ValueError, match="come as|there is no file absent.npy"):
            load_directions(path, slots=SLOTS, dim=DIM)


def test_several_unnamed_arrays_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "d.npz", npz(a=VECTORS, b=VECTORS), "holds a, b; name the directions `vectors`")
    refused(tmp_path / "d.npz", npz(), "holds nothing")


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for name in ("d.npy", "d.npz", "d.safetensors"):
        with open(tmp_path / name, "wb") as file:
            file.truncate(50 * 2**20)
        with pytest.raises(ValueError, match=f"{name} has 50 MB; a file of directions may have 20"):
            load_directions(tmp_path / name, slots=SLOTS, dim=DIM)


def test_a_small_archive_that_unpacks_to_much_is_refused(tmp_path: Path) -> None:
    data = npz(compressed=True, vectors=np.zeros((8 * 2**20, 3)))
    assert len(data) < 2**20
    refused(tmp_path / "d.npz", data, "d.npz has 192 MB; a file of directions may have 20")


@pytest.mark.parametrize(
    "name, data",
    [("d.npy", npy(VECTORS)), ("d.npz", npz(vectors=VECTORS)), ("d.safetensors", tensors(vectors=VECTORS))],
)
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    for length in {*range(0, len(data), 17), len(data) - 1}:
        refused(tmp_path / name, data[:length], name)


# Of another model


def test_directions_of_other_weights_are_refused(tmp_path: Path) -> None:
    data = tensors({"weights": "1" * 64, "model": "portraits-pggan"}, vectors=VECTORS)
    sentence = r"made for other weights \(portraits-pggan\): open that model first"
    refused(tmp_path / "d.safetensors", data, sentence, weights="2" * 64)
    for how in (dict(weights="1" * 64), dict()):
        assert np.allclose(opened(tmp_path / "d.safetensors", data, **how).vectors, UNIT)


@pytest.mark.parametrize(
    "slots",
    [
        "[0, 6]",
        "[-1]",
        "[]",
        "[1.5]",
        "[true]",
        "[2, 2]",
        "[Infinity]",
        "[NaN]",
        '["1"]',
        '"12"',
        "7",
        "null",
        "{",
        "",
        "[" * 5000,
        "[1e400]",
    ],
)
def test_slots_that_do_not_exist_are_refused(tmp_path: Path, slots: str) -> None:
    refused(tmp_path / "d.safetensors", tensors({"slots": slots}, vectors=VECTORS), "layers")


# Random bytes: nothing but a ValueError, ever


def outcome(path: Path, data: bytes) -> None:
    try:
        found = opened(path, data)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert torch.isfinite(found.vectors).all() and found.vectors.shape[-1] == DIM


def mutations(data: bytes, count: int, seed: int) -> list[bytes]:
    """Bytes changed, cut out, doubled or put in; most of them near the front, where headers are."""
    rng, out = random.Random(seed), []
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(min(len(changed), rng.choice((16, 130, len(changed)))))
            span = rng.randint(0, 8)
            put = rng.choice((rng.randbytes(1), rng.randbytes(span), changed[at : at + span], b"9"))
            changed[at : at + rng.choice((0, 1, span))] = put
        out.append(bytes(changed))
    return out


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name, data",
    [
        ("d.npy", npy(VECTORS)),
        ("d.npz", npz(vectors=VECTORS, scores=np.ones(4))),
        ("c.npz", npz(compressed=True, vectors=VECTORS)),
        ("d.safetensors", tensors({"slots": "[0, 1]", "weights": "x"}, vectors=VECTORS, scores=np.ones(4))),
    ],
)
def test_no_bytes_raise_anything_but_a_sentence(tmp_path: Path, name: str, data: bytes) -> None:
    rng = random.Random(1)
    for made in mutations(data, 250, seed=0) + [rng.randbytes(rng.randint(0, 300)) for _ in range(60)]:
        outcome(tmp_path / name, made)
    for magic in (b"\x93NUMPY\x01\x00", b"\x93NUMPY\x03\x00", b"PK\x03\x04", b"PK\x05\x06", b"\x80\x04"):
        for _ in range(10):
            outcome(tmp_path / name, magic + rng.randbytes(rng.randint(0, 200)))


def test_headers_that_lie_are_refused(tmp_path: Path) -> None:
    for shape in ("(10000000000, 12)", "(-1, 12)", "(2, 12", "2", "(" * 500, f"({2**70}, 12)", "(True, 12)"):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
        refused(tmp_path / "d.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(96), "d.npy")
    for header in (
        b"{}",
        b"[]",
        b'{"vectors":{"dtype":"F64","shape":[9999999999,12],"data_offsets":[0,8]}}',
        b'{"vectors":{"dtype":"F8_E4M3","shape":[1,12],"data_offsets":[0,12]}}',
    ):
        refused(tmp_path / "d.safetensors", struct.pack("<Q", len(header)) + header + bytes(12), "d.safetensors")
    refused(tmp_path / "d.safetensors", struct.pack("<Q", 2**63) + b"{}", "d.safetensors")


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("vectors.npy", b"not an array")
        archive.writestr("notes.txt", b"hello")
    refused(tmp_path / "d.npz", out.getvalue(), "d.npz")


def test_the_bytes_of_a_file_are_those_that_are_saved(tmp_path: Path) -> None:
    directions = Directions(torch.as_tensor(UNIT), torch.ones(4), (0, 2))
    save_directions(directions, tmp_path / "a.safetensors", model="m")
    (tmp_path / "b.safetensors").write_bytes(directions_bytes(directions, model="m"))
    first, second = (load_directions(tmp_path / f"{name}.safetensors", slots=SLOTS, dim=DIM) for name in "ab")
    assert torch.equal(first.vectors, second.vectors) and first.slots == second.slots == (0, 2)
