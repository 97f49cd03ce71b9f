"""start.py decides what to install without touching the network or any environment."""

import ast
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from importlib import metadata
from pathlib import Path

import pytest

import start
from tests import lowest

CPU = ["--index-url", start.CPU_INDEX]
REQUIREMENT = "torch>=2.10,<2.14"


class FakeInstaller:
    """Stands in for pip or uv: records what it is asked and answers in turn."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, command, arguments):
        self.asked.append(arguments)
        return self.answers.pop(0) if self.answers else (True, "")


def environment(prefix, torch=""):
    return {"version": [3, 11, 7], "prefix": str(prefix), "torch": torch, "pip": True}


def never(*_):
    raise AssertionError("this may not be called")


def program(folder, name, script="exit 0"):
    """A program of that name in a folder, which is made."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with requirements files, and an environment folder to stamp."""
    (tmp_path / "env").mkdir()
    (tmp_path / "requirements.txt").write_text("# why\ntorch>=2.10,<2.14  # nets\nnumpy\n")
    (tmp_path / "requirements-dev.txt").write_text("pytest\n")
    shutil.copy(start.ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(start, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def quiet_machine(tmp_path, monkeypatch):
    """No setting of pip anywhere, and nothing on the path but what the test puts into the folder `bin`."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = start.pip_files
    monkeypatch.setattr(
        start, "pip_files", lambda prefix: [file for file in found(prefix) if Path(file).is_relative_to(tmp_path)]
    )
    return tmp_path


# Which torch


def test_with_a_gpu_torch_comes_from_the_default_index():
    sources = start.torch_sources(gpu=lambda: True, answers=never)
    assert [arguments for _, arguments in sources] == [[]]


def test_without_a_gpu_torch_comes_from_the_cpu_index_then_the_default():
    sources = start.torch_sources(gpu=lambda: False, answers=lambda: True)
    assert [arguments for _, arguments in sources] == [CPU, []]


def test_when_the_cpu_index_is_down_torch_comes_from_the_default_index():
    sources = start.torch_sources(gpu=lambda: False, answers=lambda: False)
    assert [arguments for _, arguments in sources] == [[]]


def test_the_cpu_index_gets_five_seconds(monkeypatch):
    asked = []

    def unreachable(url, timeout):
        asked.append((url, timeout))
        raise OSError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    assert not start.cpu_index_answers()
    assert asked == [(start.CPU_INDEX + "/torch/", 5)]


@pytest.mark.parametrize(
    "script, expected",
    [
        ("echo 'GPU 0: NVIDIA H200 (UUID: GPU-1)'", True),
        ("echo 'No devices found.'", False),
        ("echo 'GPU access blocked'; exit 9", False),
    ],
)
def test_a_gpu_counts_only_when_it_is_listed(quiet_machine, script, expected):
    assert not start.has_gpu()
    program(quiet_machine / "bin", "nvidia-smi", script)
    assert start.has_gpu() is expected


def install(run, found, **changes):
    options = dict(
        sources=lambda: [("cpu", CPU), ("default", [])], look=lambda python: environment("env", "2.13.0+cpu")
    )
    start.install_all("python", found, start.requirements(*start.APP), run=run, **{**options, **changes})


def test_torch_is_installed_first_and_then_held():
    run = FakeInstaller()
    install(run, environment("env"))
    first, second = run.asked
    assert first == [*CPU, REQUIREMENT]
    assert "torch==2.13.0+cpu" in second and REQUIREMENT not in second
    assert any(line.startswith("gradio") for line in second)


@pytest.mark.parametrize("version, in_range", [("2.13.0+cu130", True), ("2.5.1", False), ("2.14.0.dev20260801", False)])
def test_a_torch_that_is_there_is_never_replaced(capsys, version, in_range):
    run = FakeInstaller()
    install(run, environment("env", version), sources=never, look=never)
    [only] = run.asked
    assert [line for line in only if line.startswith("torch")] == [f"torch=={version}"]
    assert (f"torch {version}; GANatomy is made for {REQUIREMENT}" in capsys.readouterr().out) is not in_range


def test_a_failing_cpu_index_falls_back_to_the_default_index():
    run = FakeInstaller((False, "ReadTimeoutError"))
    install(run, environment("env"))
    assert run.asked[:2] == [[*CPU, REQUIREMENT], [REQUIREMENT]]


@pytest.mark.parametrize(
    "said", ["OSError: [Errno 28] No space left on device", "failed to write: No space left on device (os error 28)"]
)
def test_a_full_disk_ends_the_attempts(said):
    run = FakeInstaller((False, said))
    with pytest.raises(start.SetupError, match="disk is full"):
        install(run, environment("env"))
    assert len(run.asked) == 1


@pytest.mark.parametrize(
    "version, expected", [("2.9.1", False), ("2.10.0", True), ("2.13.2+cpu", True), ("2.14.0", False), ("3.0", False)]
)
def test_the_range_of_torch(version, expected):
    assert start.in_range(version, REQUIREMENT) is expected


# uv or pip


def test_uv_installs_where_it_is_on_the_path_otherwise_pip(quiet_machine):
    found = environment(quiet_machine / "env")
    assert start.installer("python", found)[:4] == ["python", "-m", "pip", "install"]
    uv = program(quiet_machine / "bin", "uv")
    assert start.installer("python", found) == [str(uv), "pip", "install", "--python", "python"]


@pytest.mark.parametrize(
    "name",
    [
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_NO_INDEX",
        "PIP_FIND_LINKS",
        "PIP_CONSTRAINT",
        "PIP_PROXY",
        "PIP_CERT",
    ],
)
def test_pip_installs_where_its_environment_says_what_uv_does_not_read(quiet_machine, monkeypatch, name):
    program(quiet_machine / "bin", "uv")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    assert start.find_uv("env")
    monkeypatch.setenv(name, "anything")
    assert not start.find_uv("env")


@pytest.mark.parametrize(
    "setting, by_uv",
    [
        ("index-url = https://mirror", False),
        ("extra-index-url:\n  file:///mirror", False),
        ("find_links = /wheels", False),
        ("constraint=/etc/constraints.txt", False),
        ("trusted-host = mirror", False),
        ("timeout = 60", True),
        ("# index-url = https://mirror", True),
        ("progress-bar = off", True),
    ],
)
@pytest.mark.parametrize("file", [".config/pip/pip.conf", ".pip/pip.conf", "env/pip.conf", "other.ini"])
def test_pip_installs_where_its_files_say_what_uv_does_not_read(quiet_machine, monkeypatch, file, setting, by_uv):
    program(quiet_machine / "bin", "uv")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(quiet_machine / "other.ini"))
    (quiet_machine / file).parent.mkdir(parents=True, exist_ok=True)
    (quiet_machine / file).write_text(f"[global]\n{setting}\n")
    assert bool(start.find_uv(quiet_machine / "env")) is by_uv


def test_every_file_that_pip_itself_names_is_looked_into():
    said = subprocess.run([sys.executable, "-m", "pip", "config", "debug"], capture_output=True, text=True).stdout
    files = re.findall(r"^\s+(.+\.(?:conf|ini)), exists:", said, re.MULTILINE)
    assert len(files) >= 3 and set(files) <= set(start.pip_files(sys.prefix))


def test_pip_is_added_to_an_environment_without_it(quiet_machine, monkeypatch):
    asked = []
    monkeypatch.setattr(start, "tried", lambda command: asked.append(command) or (False, "No module named ensurepip"))
    with pytest.raises(start.SetupError, match="has no pip(.|\n)*sudo apt-get install python3"):
        start.installer("python", {**environment("env"), "pip": False})
    assert asked == [["python", "-m", "ensurepip", "--default-pip"]]
    program(quiet_machine / "bin", "uv")
    start.installer("python", {**environment("env"), "pip": False})
    assert len(asked) == 1


def test_the_environment_is_made_by_uv_where_uv_installs(quiet_machine):
    folder = quiet_machine / "new"
    program(quiet_machine / "bin", "uv", f'echo "$@" > {quiet_machine}/asked')
    start.make_venv(folder, "/some/python3.13")
    assert (quiet_machine / "asked").read_text().split() == [
        "venv",
        "--allow-existing",
        "--python",
        "/some/python3.13",
        str(folder),
    ]


@pytest.mark.parametrize(
    "script, words",
    [
        ("echo 'Error: No module named venv' >&2; exit 1", "sudo apt-get install python3"),
        ("echo 'ensurepip is not available'; exit 1", "sudo apt-get install python3"),
        ("echo '[Errno 28] No space left on device'; exit 1", "disk is full"),
        ("echo strange; exit 1", "lines above"),
    ],
)
def test_a_failed_environment_is_explained_and_nothing_is_left_of_it(quiet_machine, capsys, script, words):
    folder = quiet_machine / "new"
    python = program(quiet_machine / "bin", "python3", f"/bin/mkdir -p {folder}/bin; {script}")
    with pytest.raises(start.SetupError, match=words):
        start.make_venv(folder, str(python))
    assert not folder.exists()
    assert "strange" in capsys.readouterr().err or "strange" not in script


# Requirements and stamp


def test_requirements_are_read_without_comments(project):
    assert start.requirements(*start.DEV) == [REQUIREMENT, "numpy", "pytest"]


def test_only_the_line_for_torch_itself_is_split_off():
    lines = ["torch-fidelity", REQUIREMENT, "torchvision", "numpy"]
    assert start.split_torch(lines) == (REQUIREMENT, ["torch-fidelity", "torchvision", "numpy"])


def installed(python, found, lines):
    """What install_all is called with, in its place."""
    installed.calls.append(lines)


@pytest.fixture
def prepared(project, monkeypatch):
    """Prepare the project's environment for these files; returns how often something was installed by then."""
    installed.calls = []
    found = environment(project / "env")
    monkeypatch.setattr(start, "look_into", lambda python: found)
    monkeypatch.setattr(start, "install_all", installed)

    def prepare(files, force=False):
        start.prepare("python", start.requirements(*files), force)
        return len(installed.calls)

    prepare.found = found
    return prepare


def test_nothing_is_installed_twice_unless_asked_for(prepared):
    assert [prepared(start.APP), prepared(start.APP), prepared(start.APP, force=True)] == [1, 1, 2]


def test_setting_up_for_tests_sets_up_the_page_too(prepared):
    assert [prepared(start.DEV), prepared(start.APP), prepared(start.DEV)] == [1, 1, 1]


def test_setting_up_the_page_does_not_set_up_for_tests(prepared):
    assert [prepared(start.APP), prepared(start.DEV)] == [1, 2]


def test_changed_requirements_or_python_are_installed_anew(project, prepared):
    assert prepared(start.DEV) == 1
    prepared.found["version"] = [3, 12, 1]
    assert prepared(start.DEV) == 2
    (project / "requirements.txt").write_text("torch>=2.10,<2.14\nscipy\n")
    assert [prepared(start.DEV), prepared(start.DEV)] == [3, 3]


def test_nothing_is_stamped_where_installing_failed(prepared, monkeypatch):
    monkeypatch.setattr(start, "install_all", lambda *_: (_ for _ in ()).throw(start.SetupError("why")))
    with pytest.raises(start.SetupError):
        prepared(start.APP)
    monkeypatch.setattr(start, "install_all", installed)
    assert prepared(start.APP) == 1


# Python and environments


@pytest.mark.parametrize("version", [(3, 11, 7), (3, 12, 12), (3, 13, 0), (3, 14, 1)])
def test_these_pythons_work_without_a_word(version):
    assert start.version_problem(version, "python") == start.version_warning(version) == ""


@pytest.mark.parametrize("version", [(3, 6, 8), (3, 9, 18), (3, 10, 13)])
def test_older_pythons_are_told_what_works_and_how(version):
    problem = start.version_problem(version, "/some/python")
    assert "/some/python" in problem and "needs 3.11 or newer" in problem
    assert "start.py" in problem and "\nGet one" in problem


@pytest.mark.parametrize("version", [(3, 15, 0), (4, 0, 0)])
def test_newer_pythons_are_warned_and_go_on(prepared, capsys, version):
    prepared.found["version"] = list(version)
    assert prepared(start.APP) == 1
    said = capsys.readouterr().out
    assert f"Python {version[0]}.{version[1]} is newer than 3.14" in said and said.count("\n") == 1


def test_an_old_python_can_read_start_py_and_so_say_that_it_is_old():
    ast.parse((start.ROOT / "start.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_an_old_python_makes_the_environment_with_the_newest_on_the_path_that_runs(quiet_machine, monkeypatch):
    assert start.base_python() == sys.executable
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(start.SetupError, match="is Python 3.9.18, and GANatomy needs"):
        start.base_python()
    program(quiet_machine / "bin", "python3.10")
    program(quiet_machine / "bin", "python3.14", "exit 127")  # a shim of a version that is not chosen
    with pytest.raises(start.SetupError):
        start.base_python()
    program(quiet_machine / "bin", "python3.11")
    chosen = program(quiet_machine / "bin", "python3.13")
    assert start.base_python() == str(chosen)


def test_the_lowest_versions_are_tested_with_the_oldest_python(quiet_machine, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    assert lowest.oldest_python() == sys.executable
    monkeypatch.setattr(sys, "version_info", (3, 14, 1))
    with pytest.raises(start.SetupError, match="python3.11 is not on the path"):
        lowest.oldest_python()
    program(quiet_machine / "bin", "uv")
    assert lowest.oldest_python() == "3.11"  # uv finds or downloads it
    python = program(quiet_machine / "bin", "python3.11")
    assert lowest.oldest_python() == str(python)


def test_the_environment_of_this_test_is_looked_into_rightly():
    found = start.look_into(sys.executable)
    assert (found["version"], found["prefix"]) == (list(sys.version_info[:3]), sys.prefix)
    assert found["torch"] == metadata.version("torch")


def test_an_environment_that_does_not_run_or_is_too_old_says_to_delete_it(project, quiet_machine):
    with pytest.raises(start.SetupError, match="does not run(.|\n)*Delete"):
        start.look_into(project / "env/bin/python")
    old = f'{{"version": [3, 10, 13], "prefix": "{project}/.venv", "torch": "", "pip": true}}'
    python = program(quiet_machine / "bin", "python", f"echo '{old}'")
    with pytest.raises(start.SetupError, match="is Python 3.10.13(.|\n)*Delete"):
        start.look_into(python)


@pytest.mark.parametrize(
    "environ, prefix, base, expected",
    [
        ({}, "/venv", "/usr", True),
        ({}, "/usr", "/usr", False),
        ({"CONDA_PREFIX": "/conda/envs/gan"}, "/conda/envs/gan", "/conda/envs/gan", True),
        ({"CONDA_PREFIX": "/conda/envs/gan"}, "/usr", "/usr", False),
        ({"CONDA_PREFIX": "/conda", "CONDA_DEFAULT_ENV": "base"}, "/conda", "/conda", False),
    ],
)
def test_which_environments_count(environ, prefix, base, expected):
    assert start.in_environment(environ, prefix, base) is expected


# Failures and messages


@pytest.mark.parametrize(
    "said, words",
    [
        ("Failed to establish a new connection\nNo matching distribution found", "index could not be reached"),
        ("error: Failed to fetch: `https://index/torch/`\n  Caused by: dns error", "index could not be reached"),
        ("ERROR: No matching distribution found for torch", "no build of torch"),
        ("Because torch was not found in the package registry and you require torch", "no build of torch"),
        ("[Errno 13] Permission denied", "/venv may not be written to"),
        ("error: Permission denied (os error 13)", "/venv may not be written to"),
        ("something new", "lines above"),
    ],
)
def test_failures_of_pip_and_uv_are_explained(said, words):
    assert words in start.problem(said, "torch", "/venv")


@pytest.mark.parametrize(
    "error, code", [(start.SetupError("why"), 1), (KeyboardInterrupt(), 130), (OSError(28, "full"), 1)]
)
def test_failures_end_with_a_code_and_no_traceback(capsys, error, code):
    def fail(_):
        raise error

    assert start.guarded(fail, []) == code
    written = capsys.readouterr().err
    assert written and "Traceback" not in written


def test_setup_refuses_arguments_it_does_not_know(capsys):
    assert start.guarded(start.run, ["setup", "--fast"]) == 1
    assert "--dev" in capsys.readouterr().err
