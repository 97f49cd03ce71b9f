"""What is pushed to a Space of the Hugging Face Hub: the committed files that the page needs, written and checked.

    python ganatomy.py space FOLDER

docs/hosting.md says what to do with the folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from start import CPU_INDEX

from . import space_checks as checks
from .space_checks import Check

ROOT = Path(__file__).resolve().parents[1]
MARK = ".ganatomy-space.json"  # which commit a folder was made from, and what of it this command wrote
LEFT_OUT = ("tests/", ".ci/", ".github/", "docs/benchmarks/", "weights/recipes/", "weights/unfinished/")
PICTURES = (".png", ".webp", ".jpg", ".gif", ".svg")
A_SPACE = re.compile(rb"(?:huggingface\.co|hf\.co)[/:]spaces/")  # in the addresses of a clone's remotes
LFS = "filter=lfs diff=lfs merge=lfs -text"
NO_CLONE = (
    "this is no clone made with git, so it cannot be known which files are committed: "
    "`git clone` the project and run this there"
)


def make(
    folder: Path,
    *,
    root: Path = ROOT,
    start: bool = True,
    zerogpu: bool = False,
    say: Callable[[str], None] = print,
) -> list[Check]:
    """Writes `folder`, whole or not at all, and says what the checks found in it, in their order.

    root: the clone whose last commit is written. start: also start the page that was made. zerogpu: for a Space with a
    GPU that is lent, not for a CPU. say: gets what is being done. A folder that this command made, or a clone of a
    Space, is brought up to date; its .git stays. Raises ValueError where this is no clone, or where `folder` holds what
    would be lost.
    """
    folder, root = folder.resolve(), root.resolve()
    say("looking at what is committed")
    commit, files = committed(root)
    refuse_what_would_be_lost(folder, root)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        made = Path(beside) / "space"
        say("writing the folder")
        write(made, files, commit, zerogpu=zerogpu)
        found = [check(made) for check in checks.CHECKS]
        if start:
            say("starting the page that was made")
            found.append(checks.started(made, Path(beside)))
        put(made, folder)
    return [*found, about(commit, root)]


def about(commit: str, root: Path) -> Check:
    """Which commit was written; what is not committed is left out."""
    changed = len(git(root, "status", "--porcelain", "--untracked-files=no").splitlines())
    left = f"; {changed} changed files are not committed and so left out as they are now" if changed else ""
    return Check("commit", True, f"{commit[:7]}{left}")


# --- what is committed


def git(folder: Path, *arguments: str) -> bytes:
    """What git prints about `folder`. Raises ValueError where there is no git, or it refuses."""
    apart = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # a hook's are not ours
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, env=apart)
    except FileNotFoundError:
        raise ValueError("git is not on the path: install it, as it knows which files are committed") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise ValueError(f"git {arguments[0]} refused in {folder}: {said[-1]}")
    return done.stdout


def committed(root: Path) -> tuple[str, dict[str, bytes]]:
    """The last commit, and by their names those of its files that a Space needs. Raises ValueError: no clone."""
    if not (root / ".git").exists():
        raise ValueError(NO_CLONE)
    try:
        commit = git(root, "rev-parse", "--verify", "HEAD").decode().strip()
    except ValueError as error:
        raise ValueError(f"{NO_CLONE} ({error})") from None
    with tarfile.open(fileobj=io.BytesIO(git(root, "archive", "--format=tar", commit))) as archive:
        files = {one.name: archive.extractfile(one).read() for one in archive if one.isfile()}
    readme = files.get("README.md", b"").decode(errors="replace")
    return commit, {name: data for name, data in files.items() if needed(name, readme)}


def needed(name: str, readme: str) -> bool:
    """Does a Space need this file? Pictures of docs/ only where the README shows them."""
    if name.startswith(LEFT_OUT):
        return False
    return not (name.startswith("docs/") and name.endswith(PICTURES)) or name in readme


# --- what is written


def write(made: Path, files: Mapping[str, bytes], commit: str, *, zerogpu: bool) -> None:
    """The files, with requirements and attributes as a Space needs them, and the mark."""
    files = dict(files)
    files["requirements.txt"] = requirements(files.get("requirements.txt", b"").decode(), zerogpu=zerogpu).encode()
    files[".gitattributes"] = attributes(files).encode()
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    files[MARK] = (json.dumps(dict(commit=commit, files=hashes), indent=1) + "\n").encode()
    for name, data in files.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(data)


def requirements(text: str, *, zerogpu: bool) -> str:
    """The project's requirements, with PyTorch's index of builds for the CPU: they are newer to pip than the same
    version with CUDA (2.13.0+cpu after 2.13.0), which would bring gigabytes. ZeroGPU has CUDA, and PyTorch up to 2.11.
    """
    head = "# Written by `python ganatomy.py space`: what the page needs, and which PyTorch.\n"
    if zerogpu:
        return head + re.sub(r"^(torch>=[\d.]+),<[\d.]+", rf"\1,{checks.LENT}", text, flags=re.MULTILINE)
    return f"{head}--extra-index-url {CPU_INDEX}\n{text}"


def attributes(files: Mapping[str, bytes]) -> str:
    """The project's .gitattributes, with LFS for every kind of file that is not text: Spaces refuse those in git."""
    kept = [line for line in files.get(".gitattributes", b"").decode().splitlines() if not line.endswith(" binary")]
    return "\n".join([*kept, *(f"{kind} {LFS}" for kind in binary_kinds(files))]) + "\n"


def binary_kinds(files: Mapping[str, bytes]) -> list[str]:
    """Patterns of the files that are not text, as git tells them: by a zero byte."""
    names = [name for name, data in files.items() if b"\0" in data[:8000]]
    return sorted({f"*{Path(name).suffix}" if Path(name).suffix else name for name in names})


# --- what is replaced


def refuse_what_would_be_lost(folder: Path, root: Path) -> None:
    """Raises ValueError unless `folder` is new, empty, this command's or a Space's clone, without anything else."""
    if not folder.parent.is_dir():
        raise ValueError(f"there is no folder {folder.parent}: make it, or choose another place")
    if folder == root or folder in root.parents:
        raise ValueError(f"{folder} is the project itself: choose another folder")
    if not folder.exists() or folder.is_dir() and not any(folder.iterdir()):
        return
    if not folder.is_dir() or not (mark(folder) or is_clone_of_a_space(folder)):
        raise ValueError(
            f"{folder} is not empty, and neither this command nor a Space made it: choose a new folder, "
            "or a clone of your Space"
        )
    if lost := would_be_lost(folder):
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise ValueError(f"{lost[0]}{more} in {folder} would be lost: commit it there, move it away, or delete it")


def mark(folder: Path) -> dict:
    """What this command wrote down when it made the folder; empty where it did not."""
    try:
        found = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("files"), dict) else {}


def is_clone_of_a_space(folder: Path) -> bool:
    return (folder / ".git").exists() and bool(A_SPACE.search(git(folder, "remote", "-v")))


def would_be_lost(folder: Path) -> list[str]:
    """Files that neither this command wrote as they are nor a commit of the folder's own git keeps."""
    written = mark(folder).get("files", {})
    here = [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    names = {path.relative_to(folder).as_posix(): path for path in here}
    ours = {name: path for name, path in names.items() if name != MARK and not aside(Path(name).parts)}
    changed = {name for name, path in ours.items() if written.get(name) != _sha256(path)}
    return sorted(changed - kept_by_git(folder))


def aside(parts: Iterable[str]) -> bool:
    """Git's own files, and what Python leaves behind."""
    return bool({".git", "__pycache__"} & set(parts))


def kept_by_git(folder: Path) -> set[str]:
    """Files that are in the folder as its last commit has them."""
    if not (folder / ".git").exists():
        return set()
    try:
        tree, changed = (
            git(folder, *asked).decode().split("\0")
            for asked in (("ls-tree", "-r", "-z", "--name-only", "HEAD"), ("diff", "-z", "--name-only", "HEAD"))
        )
    except ValueError:  # there is no commit yet
        return set()
    return set(tree) - set(changed)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def put(made: Path, folder: Path) -> None:
    """`made` in the place of `folder`, whose .git stays; where the system refuses, all is as it was."""
    if not folder.exists():
        os.rename(made, folder)
        return
    old = made.with_name("old")
    os.rename(folder, old)
    try:
        if (old / ".git").exists():
            os.rename(old / ".git", made / ".git")
        os.rename(made, folder)
    except BaseException:
        if (made / ".git").exists():
            os.rename(made / ".git", old / ".git")
        os.rename(old, folder)
        raise
    shutil.rmtree(old)
