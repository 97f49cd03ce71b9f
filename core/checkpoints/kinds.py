"""What a file is where it is no file of weights, in words; and archives around one, unpacked within limits."""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from .vocabulary import AGAIN, Refused, need, shown

INFLATED = 2**30  # bytes that are unpacked at most
RATIO, FLOOR = 50, 8 * 2**20  # weights hardly shrink: whatever inflates beyond RATIO x packed + FLOOR bytes is a bomb
CHUNK = 2**20
DIRECTORY = 2**23  # bytes of an archive's list of files; a network of 10,000 tensors has about a million
CONFIG = 2**20  # bytes of a config.json
UNPACK = "unpack it, and open the file with the weights"
BOMB = f"it unpacks to far more than it has, or to more than {INFLATED // 2**30} GB"
SAVE = 'torch.save(generator.state_dict(), "generator.pt")'
SCRIPT = (
    "it is a TorchScript program, which is not run here: save its weights alone, "
    'torch.save(torch.jit.load("FILE").state_dict(), "generator.pt"), and open those'
)
WEIGHTS = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".safetensors", ".model", ".pkl.gz")
BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "it only points to the weights, which Git LFS keeps elsewhere: run `git lfs pull`"),
    (b"GGUF", "it is a GGUF, a language or diffusion model for llama.cpp: open the generator of a GAN"),
    (
        b"\x89HDF\r\n\x1a\n",
        "it is an HDF5 file, as Keras saves: only weights of PyTorch and NVIDIA's .pkl are read here",
    ),
    (b"\x93NUMPY", "it is a NumPy array and no network: directions are opened on Steer, under Compare methods"),
    (b"model_checkpoint_path", "it only names a TensorFlow checkpoint: only weights of PyTorch and NVIDIA's .pkl open"),
    (b"\x89PNG", "it is a picture (PNG), not a network: open pictures on Restore"),
    (b"\xff\xd8\xff", "it is a picture (JPEG), not a network: open pictures on Restore"),
    (b"GIF8", "it is a picture (GIF), not a network: open pictures on Restore"),
    (b"II*\0", "it is a picture (TIFF), not a network: open pictures on Restore"),
    (b"MM\0*", "it is a picture (TIFF), not a network: open pictures on Restore"),
    (b"%PDF", "it is a PDF, not a network: open the file with the weights"),
    (b"MATLAB 5.0", "it is a MATLAB file, not a network: open the file with the weights"),
    (b"BZh", f"it is packed (bzip2): {UNPACK}"),
    (b"\xfd7zXZ\0", f"it is packed (xz): {UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"it is packed (zstd): {UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"it is a 7z archive: {UNPACK}"),
    (b"Rar!\x1a\x07", f"it is a RAR archive: {UNPACK}"),
    (b"outs:", "it only points to the weights, which DVC keeps elsewhere: run `dvc pull`"),
)
TENSORFLOW = (
    "it is part of a TensorFlow checkpoint, which this project does not read: open NVIDIA's .pkl of that network, "
    "or weights of PyTorch"
)
NAMED: tuple[tuple[str, str], ...] = (  # only where the beginning of the file says nothing
    (r"\.data-\d+-of-\d+$|\.meta$|\.index$", TENSORFLOW),
    (r"\.pb$", "it is a frozen TensorFlow graph, which this project does not read: open weights of PyTorch"),
    (r"\.tflite$", "it is a TensorFlow Lite program, which is not run here: open weights of PyTorch"),
    (r"\.onnx$", "it is an ONNX program, which is not run here: open the PyTorch weights that it was made from"),
    (r"\.(py|ipynb)$", "it is code, which is not run here: open the file with the weights"),
)
INDEX = bytes.fromhex("57fb808b247547db")  # how the table of a TensorFlow checkpoint ends
ENTRIES: tuple[tuple[str, str], ...] = (  # what an archive holds that has one of these
    (r"[^/]+/constants\.pkl", SCRIPT),
    (r"(.*/)?(serialized_exported_program\.json|archive_format)", "it is a program of torch.export, which is not run "
     f"here: save the weights where the network was made, {SAVE}, and open those"),
    (r"(.*/)?model\.weights\.h5", "it is a Keras model: only weights of PyTorch and NVIDIA's .pkl are read here"),
    (r"(.*/)?saved_model\.pb", "it is a TensorFlow SavedModel: only weights of PyTorch and NVIDIA's .pkl open"),
    (r"\[Content_Types\]\.xml", "it is an Office document: open the file with the weights"),
)  # fmt: skip


def other(head: bytes, name: str, tail: bytes = b"") -> str | None:
    """What a file is that is no file of weights, and what to do; head, tail: its first 512 and its last 8 bytes."""
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lower = begin[:200].lower()
    if lower.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<!--")):
        title = re.search(rb"<title[^>]{0,40}>([^<]{1,80})", begin, re.I)
        words = f" ({shown(title[1].decode('utf-8', 'replace').strip())})" if title else ""
        return f"it is a web page{words}, not the file itself: download it in a browser, where you may have to sign in"
    for start, sentence in BEGINNINGS:
        if begin.startswith(start):
            return sentence
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "it is a picture (WebP), not a network: open pictures on Restore"
    if head[4:8] == b"ftyp":
        kind = "picture" if head[8:12] in (b"avif", b"heic", b"heix", b"mif1") else "film"
        return f"it is a {kind}, not a network: open the file with the weights"
    if head[257:262] == b"ustar":
        return f"it is a tar archive: {UNPACK}"
    if tail == INDEX:
        return TENSORFLOW
    if re.match(rb"\x08[\x01-\x14]\x12[\x01-\x40][ -~]", head) and b"\x80" not in head[:1]:
        return dict(NAMED)[r"\.onnx$"]
    if begin[:1] in (b"{", b"[") and re.match(rb"[\[{]\s*([\"\[{\d\]}-]|$)", begin):
        return "it is JSON, such as a list of settings, and holds no weights: open the file that lies beside it"
    if head[:1] != b"\x80":
        return next((sentence for pattern, sentence in NAMED if re.search(pattern, name.lower())), None)
    return None


@contextmanager
def unpacked(path: Path, depth: int = 0) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """(the file without an archive around it, notes); what was unpacked is gone after the block.

    Raises Refused for files that are something else than weights, and for archives that would inflate too far.
    """
    with open(path, "rb") as file:
        head = file.read(512)
        file.seek(max(0, path.stat().st_size - 8))
        sentence = other(head, path.name, file.read(8))
    if sentence is not None:
        raise Refused(sentence)
    packed = head[:2] == b"\x1f\x8b" or (head[:4] in (b"PK\x03\x04", b"PK\x05\x06") and not _plain(path))
    if not packed:
        yield path, ()
        return
    need(depth < 2, "it is an archive in an archive in an archive", UNPACK)
    with tempfile.TemporaryDirectory(prefix="ganatomy-", ignore_cleanup_errors=True) as folder:
        try:
            inner, notes = (_gunzipped if head[:2] == b"\x1f\x8b" else _unzipped)(path, Path(folder))
        except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile, NotImplementedError, RuntimeError) as error:
            raise Refused(f"it is packed, and broken ({type(error).__name__}): {AGAIN}") from None
        except OSError:
            raise Refused(f"there is no room here to unpack it: {UNPACK}") from None
        with unpacked(inner, depth + 1) as (plain, more):
            yield plain, (*notes, *more)


def _copied(source: IO[bytes], target: IO[bytes], packed: IO[bytes] | None = None) -> None:
    """All of it, as long as it stays within the limits; packed: where it is read from, which says how far."""
    written = 0
    while chunk := source.read(CHUNK):
        written += len(chunk)
        bounded = written <= INFLATED and (packed is None or written <= RATIO * packed.tell() + FLOOR)
        need(bounded, BOMB, UNPACK)
        target.write(chunk)


def _gunzipped(path: Path, folder: Path) -> tuple[Path, tuple[str, ...]]:
    inner = folder / (re.sub(r"\.t?gz$", "", path.name, flags=re.I) or "network")
    with open(path, "rb") as packed, gzip.GzipFile(fileobj=packed) as source, open(inner, "wb") as target:
        _copied(source, target, packed)
    return inner, ()


def _roots(names: list[str]) -> list[str]:
    """Folders of an archive that torch.save may have written."""
    return [name[: -len("data.pkl")] for name in names if re.fullmatch(r"[^/]+/data\.pkl", name)]


def _plain(path: Path) -> bool:
    """Does a zip archive hold torch's own files, and none of them packed? A broken one is for `unpickle` to refuse."""
    need(_directory(path) <= DIRECTORY, "its archive lists more files than any network needs", UNPACK)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError):
        return True
    for pattern, sentence in ENTRIES:
        if any(re.fullmatch(pattern, entry.filename) for entry in entries):
            raise Refused(sentence)
    stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    return stored and len(_roots([entry.filename for entry in entries])) == 1


def _directory(path: Path) -> int:
    """Bytes of a zip archive's list of files, as its end says them; 0 where it has no end."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 66_000))
        end = file.read()
        place = end.rfind(b"PK\x05\x06")
        found = int.from_bytes(end[place + 12 : place + 16], "little") if place >= 0 else 0
        if found == 2**32 - 1:  # an archive of more than 4 GB says it in another record
            file.seek(int.from_bytes(end[place - 12 : place - 4], "little") % max(1, size))
            found = int.from_bytes(file.read(48)[40:], "little")
    return found


def _unzipped(path: Path, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """torch's own archive again with nothing packed; or the one file of weights, and a config.json beside it."""
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        need(not any(entry.flag_bits & 1 for entry in entries), "it is a zip archive with a password", UNPACK)
        names = [entry.filename for entry in entries]
        if len(_roots(names)) == 1:
            need(len(set(names)) == len(names), "its archive names a file twice", "save it again with torch.save")
            _affordable(entries, path)
            inner = folder / "network.pt"
            with zipfile.ZipFile(inner, "w") as again:
                for entry in entries:
                    with archive.open(entry) as source, again.open(zipfile.ZipInfo(entry.filename), "w") as target:
                        _copied(source, target)
            return inner, ()
        entry = _only(entries)
        _affordable([entry], path)
        inner = folder / re.sub(r"[^\w.-]", "_", PurePosixPath(entry.filename.replace("\\", "/")).name[-80:])
        with archive.open(entry) as source, open(inner, "wb") as target:
            _copied(source, target)
        _config_beside(archive, entry, folder)
    return inner, (f"it was taken out of a zip archive, where it is called {shown(inner.name)}",)


def _affordable(entries: list[zipfile.ZipInfo], path: Path) -> None:
    whole = path.stat().st_size
    inflated = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    need(packed <= whole, "its archive claims more bytes than the file has")
    need(inflated <= min(INFLATED, RATIO * packed + FLOOR), BOMB, UNPACK)
    known = all(entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries)
    need(known, "its archive is packed in an unusual way", UNPACK)


def _only(entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """The one file of weights in a zip archive."""
    seen = [
        entry
        for entry in entries
        if not any(part.startswith(".") or part == "__MACOSX" for part in re.split(r"[/\\]", entry.filename))
    ]
    found = [entry for entry in seen if entry.filename.lower().endswith(WEIGHTS)]
    if len(seen) == 1:
        found = seen if not seen[0].filename.endswith(".npy") else []
    if len(found) > 1:
        names = ", ".join(shown(PurePosixPath(entry.filename).name) for entry in found[:3])
        raise Refused(f"it is a zip archive with several networks ({names} ...): unpack it, and open one of them")
    arrays = bool(seen) and all(entry.filename.endswith(".npy") for entry in seen)
    what = "arrays (.npz), something else than torch weights" if arrays else "something else than torch weights"
    need(bool(found), f"it is an archive of {what}", "open a file written by torch.save, or NVIDIA's .pkl")
    return found[0]


def _config_beside(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    home = entry.filename.rpartition("/")[0]
    for found in archive.infolist():
        if found.filename == f"{home}/config.json".lstrip("/") and found.file_size <= CONFIG:
            with archive.open(found) as source, open(folder / "config.json", "wb") as target:
                shutil.copyfileobj(source, target)
