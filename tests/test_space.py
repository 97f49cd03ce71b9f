"""`python ganatomy.py space FOLDER`: what is made, what each check sees, and what is never overwritten.

The project itself is made and started once; planted faults stand in a small project whose page is a few lines long.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ganatomy
import start
from commands import space
from commands import space_checks as checks
from core import home
from core.checkpoints import native
from demos.page import export
from demos.steer.recipe import Recipe
from serving import front

ROOT = Path(__file__).resolve().parent.parent
README = """---
title: Small
emoji: 🫀
colorFrom: green
colorTo: gray
sdk: gradio
sdk_version: 6.31.0
python_version: "3.12"
app_file: app.py
license: mit
---
# Small
![shown](docs/shown.png) [more](docs/more.md)
"""
PAGE = """
import http.server, os, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = b'{"ok": true, "version": "1"}'
        self.send_response(200); self.send_header("Content-Length", str(len(said))); self.end_headers()
        self.wfile.write(said)
http.server.HTTPServer((os.environ["GRADIO_SERVER_NAME"], int(sys.argv[-1])), Page).serve_forever()
"""
FILES = {
    "README.md": README,
    "requirements.txt": "torch>=2.10,<2.14  # nets\ngradio>=6.24,<7  # page\n",
    "app.py": PAGE,
    "docs/shown.png": b"\x89PNG\0",
    "docs/hidden.png": b"\x89PNG\0",
    "docs/more.md": "more",
    "tests/test_it.py": "",
    ".gitattributes": "* text=auto\n*.png binary\n",
}


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@localhost")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path) -> None:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "as it is")


def write(folder: Path, name: str, data: str | bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project, committed, that passes every check."""
    folder = tmp_path / "project"
    for name, data in FILES.items():
        write(folder, name, data)
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def made(project: Path, folder: Path, **how) -> dict[str, checks.Check]:
    return {one.name: one for one in space.make(folder, root=project, say=lambda text: None, **how)}


def contents(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".git/")}


# --- the project itself


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, checks.Check]]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    folder = tmp_path_factory.mktemp("space") / "ours"
    return folder, made(ROOT, folder)


def test_the_untouched_project_passes_every_check_and_its_page_starts(ours):
    _, found = ours
    assert {name: one.says for name, one in found.items() if not one.ok} == {}
    assert list(found) == ["front matter", "README", "sizes", "binary files", "requirements", "start", "commit"]
    assert re.search(r"answers after \d+\.\d s; 0\.\d\d GB of 16", found["start"].says)


def test_a_space_has_what_the_page_imports_and_nothing_of_what_is_left_out(ours):
    folder, _ = ours
    files = contents(folder)
    assert not [name for name in files if name.startswith(space.LEFT_OUT)]
    assert {"weights/portraits-stylegan2.safetensors", "demos/arrival/steer.json", "docs/hosting.md"} <= set(files)
    left = {"tests", "recipes", "benchmarks", "unfinished"}
    for name in (name for name in files if name.endswith(".py") and not name.startswith("commands/space")):
        for node in ast.walk(ast.parse(files[name])):
            imported = [alias.name for alias in getattr(node, "names", [])] if isinstance(node, ast.Import) else []
            imported += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(left & set(one.split(".")) for one in imported), name
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            assert not text.startswith(space.LEFT_OUT) and (text not in left or name == "start.py"), (name, text)


def test_a_space_says_which_commit_it_was_made_of(ours, monkeypatch):
    folder, found = ours
    monkeypatch.setattr(front, "ROOT", folder)
    assert front._commit() == found["commit"].says[:7] == git(ROOT, "rev-parse", "HEAD")[:7]
    assert front.SPACE == space.MARK


def test_the_requirements_of_a_space_ask_for_pytorch_for_the_cpu_and_serve_a_computer_too(ours):
    folder, _ = ours
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert lines[1] == f"--extra-index-url {start.CPU_INDEX}"
    assert start.requirements(folder / "requirements.txt") == start.requirements("requirements.txt")


# --- what is made


def test_only_what_is_committed_goes_out(project, tmp_path):
    write(project, "secret.txt", "untracked")
    write(project, "app.py", "changed()")
    write(project, "tests/test_it.py", "changed()")
    found = made(project, tmp_path / "out", start=False)
    files = contents(tmp_path / "out")
    assert files["app.py"].decode() == PAGE and "secret.txt" not in files
    assert set(files) == set(FILES) - {"tests/test_it.py", "docs/hidden.png"} | {space.MARK}
    assert "2 changed files are not committed" in found["commit"].says


def test_files_that_are_not_text_are_given_to_lfs(project, tmp_path):
    made(project, tmp_path / "out", start=False)
    text = (tmp_path / "out" / ".gitattributes").read_text()
    assert text.splitlines() == ["* text=auto", f"*.png {space.LFS}"]
    write(tmp_path / "out", "raw.bin", b"\0\1")
    assert "raw.bin is not text" in checks.binary(tmp_path / "out").says


def test_where_there_is_no_clone_that_is_said(project, tmp_path):
    shutil.rmtree(project / ".git")
    with pytest.raises(ValueError, match="no clone made with git"):
        made(project, tmp_path / "out")
    git(tmp_path, "init", "--quiet")  # a clone that only surrounds it
    with pytest.raises(ValueError, match="no clone made with git"):
        made(project, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_space_with_zerogpu_gets_a_pytorch_that_it_has(project, tmp_path):
    found = made(project, tmp_path / "out", start=False, zerogpu=True)
    text = (tmp_path / "out" / "requirements.txt").read_text()
    assert "torch>=2.10,<2.12  # nets\n" in text and "index" not in text
    assert found["requirements"].ok and "PyTorch for ZeroGPU" in found["requirements"].says
    write(tmp_path / "out", "requirements.txt", FILES["requirements.txt"])
    assert "PyTorch would come with CUDA" in checks.requirements(tmp_path / "out").says


# --- planted faults


def edited(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(project: Path) -> None:
        text = (project / name).read_text(encoding="utf-8")
        assert old in text
        write(project, name, text.replace(old, new))

    return edit


def added(name: str, data: str | bytes) -> Callable[[Path], None]:
    return lambda project: write(project, name, data)


BIG = checks.IN_GIT + 1
NVIDIA = "preload_from_hub:\n  - ZeroqiangLai/StyleGAN2\n---\n# S"
FAULTS = {
    "a preload that is not free": (
        edited("README.md", "---\n# S", NVIDIA.replace("Zeroq", "Zeq")),
        "front matter",
        "ZeqiangLai/StyleGAN2 has the licence NVIDIA",
    ),
    "a preload that nobody knows": (edited("README.md", "---\n# S", NVIDIA), "front matter", "not known here"),
    "a missing key": (edited("README.md", "license: mit\n", ""), "front matter", "has no license: add it"),
    "a Gradio out of range": (edited("README.md", "6.31.0", "7.0.0"), "front matter", "7.0.0 is outside of gradio>="),
    "a Python out of range": (edited("README.md", "3.12", "3.9"), "front matter", "python_version 3.9: choose one"),
    "no page": (edited("README.md", "app.py", "page.py"), "front matter", "app_file page.py is not there"),
    "no block": (edited("README.md", "---", "- -"), "front matter", "has no title: add it"),
    "a broken block": (edited("README.md", "title: Small", "title: [Small"), "front matter", "cannot be read"),
    "a lost picture": (edited("README.md", "shown.png", "gone.png"), "README", "docs/gone.png, which is not there"),
    "too large a file": (added("records.json", " " * BIG), "sizes", "records.json has 10.0 MB, and files above 10 MB"),
    "a pointer": (added("net.safetensors", checks.POINTER + b"v1\n"), "sizes", "net.safetensors is only a pointer"),
    "no lowest version": (
        edited("requirements.txt", "gradio>=6.24,<7", "gradio"),
        "requirements",
        "names gradio without a lowest version",
    ),
    "no torch": (edited("requirements.txt", "torch", "torchvision"), "requirements", "has no torch: add it"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named_by_its_check_alone(name, project, tmp_path):
    plant, check, says = FAULTS[name]
    assert all(one.ok for one in made(project, tmp_path / "before", start=False).values()), "the control"
    plant(project)
    commit(project)
    found = made(project, tmp_path / "out", start=False)
    assert [name for name, one in found.items() if not one.ok] == [check]
    assert says in found[check].says


def test_a_large_file_that_lfs_stores_is_fine(project, tmp_path):
    write(project, "net.safetensors", b"\0" * BIG)
    commit(project)
    found = made(project, tmp_path / "out", start=False)
    assert found["sizes"].ok and "the largest, net.safetensors, has 10.0 MB" in found["sizes"].says


@pytest.mark.parametrize(
    "version, requirement, inside",
    [
        ("6.24", "gradio>=6.24,<7", True),
        ("6.24.0", "gradio>=6.24,<7", True),
        ("6.9.3", "gradio>=6.24,<7", False),
        ("7.0", "gradio>=6.24,<7", False),
        ("3.14", ">=3.11,<=3.14", True),
        ("3.14.2", ">=3.11,<=3.14", True),
        ("3.15", ">=3.11,<=3.14", False),
        ("6.24", "gradio==6.24", True),
        ("six", "gradio>=6.24", False),
    ],
)
def test_a_version_is_inside_of_a_range_or_not(version, requirement, inside):
    assert checks.within(version, requirement) is inside


# --- the start


def test_a_page_that_answers_starts_and_is_stopped(project, tmp_path):
    found = made(project, tmp_path / "out")["start"]
    assert found.ok and "answers after 0." in found.says


DYING = "import sys\nprint('there is no weather today', file=sys.stderr)\nsys.exit(1)\n"
NOT_WELL = PAGE.replace('"ok": true', '"ok": false, "error": "no network opens"')
CLOSED = PAGE.replace('os.environ["GRADIO_SERVER_NAME"]', '"127.0.0.1"')
ALONE = PAGE.replace(
    "        said =", "        if self.path == '/privacy': return self.send_error(404)\n        said ="
)


@pytest.mark.parametrize(
    "page, says",
    [
        (DYING, "mend what it said last: there is no weather today"),
        (NOT_WELL, "the page is not well: no network opens"),
        (ALONE, "the page answers nothing at privacy"),
        pytest.param(
            CLOSED,
            "the page did not answer within 1 s",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="one loopback address"),
        ),
    ],
)
def test_a_page_that_does_not_start_is_named(page, says, project, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "PATIENCE", 1.0 if page == CLOSED else 30.0)
    write(project, "app.py", page)
    commit(project)
    found = made(project, tmp_path / "out")["start"]
    assert not found.ok and says in found.says


@pytest.mark.skipif(sys.platform != "linux", reason="memory is not measured there")
def test_a_page_that_takes_more_memory_than_a_space_has_is_named(project, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "MEMORY", 1e6)
    found = made(project, tmp_path / "out")["start"]
    assert not found.ok and "GB, and a Space has 0" in found.says


# --- what is replaced


def test_a_stranger_s_folder_is_left_as_it_is(project, tmp_path):
    for name in ("letter.txt", ".git/HEAD"):
        theirs = tmp_path / name.replace("/", "-")
        theirs.mkdir()
        if name.startswith(".git"):
            git(theirs, "init", "--quiet")
            git(theirs, "remote", "add", "origin", "https://example.org/somebody/letters")
        write(theirs, "letter.txt", "dear")
        before = contents(theirs)
        with pytest.raises(ValueError, match="neither this command nor a Space made it"):
            made(project, theirs)
        assert contents(theirs) == before
    with pytest.raises(ValueError, match="is the project itself"):
        made(project, project)
    write(tmp_path, "file", "dear")
    with pytest.raises(ValueError, match="not empty"):
        made(project, tmp_path / "file")
    with pytest.raises(ValueError, match="there is no folder"):
        made(project, tmp_path / "no" / "where")


def test_a_folder_that_it_made_is_brought_up_to_date_unless_something_would_be_lost(project, tmp_path):
    out = tmp_path / "out"
    out.mkdir()  # an empty one is as good as none
    made(project, out, start=False)
    git(project, "rm", "--quiet", "docs/more.md")
    edited("README.md", " [more](docs/more.md)", "")(project)
    commit(project)
    made(project, out, start=False)
    assert "docs/more.md" not in contents(out) and not (out / "docs/more.md").exists()
    write(out, "mine.txt", "dear")
    write(out, "app.py", "changed()")
    before = contents(out)
    with pytest.raises(ValueError, match="app.py and 1 more in .* would be lost"):
        made(project, out, start=False)
    assert contents(out) == before


def test_a_clone_of_a_space_keeps_its_history_and_loses_nothing_that_is_not_committed(project, tmp_path):
    clone = tmp_path / "clone"
    clone.mkdir()
    git(clone, "init", "--quiet")
    git(clone, "remote", "add", "origin", "https://huggingface.co/spaces/somebody/copy")
    write(clone, "README.md", "the Hub's own")
    write(clone, "old.txt", "old")
    with pytest.raises(ValueError, match="README.md and 1 more in .* would be lost"):
        made(project, clone, start=False)
    commit(clone)
    first = git(clone, "rev-parse", "HEAD")
    made(project, clone, start=False)
    assert git(clone, "rev-parse", "HEAD") == first and not (clone / "old.txt").exists()
    made(project, clone, start=False)  # what it wrote itself may be written again before it is committed
    write(clone, "old.txt", "mine")
    with pytest.raises(ValueError, match="old.txt in .* would be lost"):
        made(project, clone, start=False)


def test_where_the_system_refuses_the_folder_is_as_it_was(project, tmp_path, monkeypatch):
    out, rename, calls = tmp_path / "out", os.rename, []
    made(project, out, start=False)
    git(out, "init", "--quiet")
    before, beside = contents(out), sorted(tmp_path.iterdir())

    def refusing(source, target):
        calls.append(target)
        if Path(target) == out and len(calls) < 4:
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refusing)
    with pytest.raises(OSError, match="No space"):
        made(project, out, start=False)
    assert contents(out) == before and (out / ".git" / "HEAD").exists() and sorted(tmp_path.iterdir()) == beside


# --- the command


def test_the_command_prints_a_line_a_check_and_fails_where_one_fails(project, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(space, "make", lambda folder, **how: [checks.Check("sizes", True, "2 files")])
    assert ganatomy.main(["space", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == "ok      sizes         2 files\n"
    failed = [checks.Check("sizes", True, "2 files"), checks.Check("README", False, "names x, which is not there")]
    monkeypatch.setattr(space, "make", lambda folder, **how: failed)
    assert ganatomy.main(["space", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert "FAILED  README        names x, which is not there\n" in said.out
    assert said.err.endswith("is written, but do not push it yet: mend README, see above\n")


# --- whose Space it is


def test_links_and_notebooks_of_a_copy_lead_to_the_copy(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    original = "https://huggingface.co/spaces/ganatomy/ganatomy"
    assert home.repository() == original and f'"{original}"' in export.set_up()
    monkeypatch.setenv("SPACE_ID", "some-body/my.copy_2")
    copy = "https://huggingface.co/spaces/some-body/my.copy_2"
    assert f'"clone", "--depth", "1", "{copy}"' in export.set_up() and original not in export.set_up()
    assert Recipe("portraits-stylegan2", seed=7).link().startswith(f"{copy}?v=1&model=portraits-stylegan2&seed=7")


@pytest.mark.parametrize("name", ["", "copy", "a/b/c", 'a/b"; import os; "', "../..", "a/b\n", "a/ b", "-a/b"])
def test_what_cannot_be_a_space_s_name_is_not_written_into_a_notebook(name, monkeypatch):
    monkeypatch.setenv("SPACE_ID", name)
    assert home.repository().endswith("/spaces/ganatomy/ganatomy")


def test_weights_that_are_only_pointed_to_get_a_sentence(tmp_path):
    write(tmp_path, "net.safetensors", checks.POINTER + b"v1\noid sha256:0\nsize 9\n")
    with pytest.raises(ValueError, match="only points to the weights, so install Git LFS"):
        native.read(tmp_path / "net.safetensors")
    write(tmp_path, "net.safetensors", "nothing")
    with pytest.raises(ValueError, match="fetch or make the file again"):
        native.read(tmp_path / "net.safetensors")
