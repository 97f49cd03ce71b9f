"""start.py decides what to install without touching the network or any environment."""

import re
import urllib.request
from pathlib import Path

import pytest

import start

CPU = ["--index-url", start.CPU_INDEX]
REQUIREMENT = "torch>=2.10,<2.14"


class FakePip:
    """Stands in for pip: records what it is asked and answers in turn."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, python, arguments):
        self.asked.append(arguments)
        return self.answers.pop(0) if self.answers else (True, "")


def environment(prefix, torch=""):
    return {"version": [3, 11, 7], "prefix": str(prefix), "torch": torch, "pip": True}


def never(*_):
    raise AssertionError("this may not be called")


@pytest.fixture
def project(tmp_path):
    """A folder with requirements files, and an environment folder to stamp."""
    (tmp_path / "env").mkdir()
    (tmp_path / "requirements.txt").write_text("# why\ntorch>=2.10,<2.14  # nets\nnumpy\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\npytest\n")
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
    "output, code, expected",
    [
        ("GPU 0: NVIDIA H200 (UUID: GPU-1)", 0, True),
        ("No devices found.", 0, False),
        ("GPU access blocked", 9, False),
    ],
)
def test_a_gpu_counts_only_when_it_is_listed(monkeypatch, output, code, expected):
    done = start.subprocess.CompletedProcess([], code, stdout=output)
    monkeypatch.setattr(start.shutil, "which", lambda name: "/bin/nvidia-smi")
    monkeypatch.setattr(start.subprocess, "run", lambda *_, **__: done)
    assert start.has_gpu() is expected


def install(pip, found, **changes):
    options = dict(
        sources=lambda: [("cpu", CPU), ("default", [])], look=lambda python: environment("env", "2.13.0+cpu")
    )
    start.install_all("python", found, "app", pip=pip, **{**options, **changes})


def test_torch_is_installed_first_and_then_held():
    pip = FakePip()
    install(pip, environment("env"))
    first, second = pip.asked
    assert first == [*CPU, REQUIREMENT]
    assert "torch==2.13.0+cpu" in second and REQUIREMENT not in second
    assert any(line.startswith("gradio") for line in second)


@pytest.mark.parametrize("version", ["2.13.0+cu130", "2.5.1", "2.14.0.dev20260801"])
def test_a_torch_that_is_there_is_never_replaced(version):
    pip = FakePip()
    install(pip, environment("env", version), sources=never, look=never)
    [only] = pip.asked
    assert [line for line in only if line.startswith("torch")] == [f"torch=={version}"]


def test_a_failing_cpu_index_falls_back_to_the_default_index():
    pip = FakePip((False, "ReadTimeoutError"))
    install(pip, environment("env"))
    assert pip.asked[:2] == [[*CPU, REQUIREMENT], [REQUIREMENT]]


def test_a_full_disk_ends_the_attempts():
    pip = FakePip((False, "OSError: [Errno 28] No space left on device"))
    with pytest.raises(start.SetupError, match="disk is full"):
        install(pip, environment("env"))
    assert len(pip.asked) == 1


@pytest.mark.parametrize(
    "version, expected", [("2.9.1", False), ("2.10.0", True), ("2.13.2+cpu", True), ("2.14.0", False)]
)
def test_the_range_of_torch(version, expected):
    assert start.in_range(version, REQUIREMENT) is expected


# Requirements and stamp


def test_requirements_are_read_through_includes_without_comments(project):
    assert start.read_requirements(project / "requirements-dev.txt") == [REQUIREMENT, "numpy", "pytest"]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_of_this_project_has_a_reason(name):
    for line in (start.ROOT / name).read_text().splitlines():
        assert line.startswith(("#", "-r ")) or re.search(r"\S\s+# \S", line), line


def test_only_the_line_for_torch_itself_is_split_off():
    lines = ["torch-fidelity", REQUIREMENT, "torchvision", "numpy"]
    assert start.split_torch(lines) == (REQUIREMENT, ["torch-fidelity", "torchvision", "numpy"])


def test_a_stamp_makes_the_environment_fresh(project):
    found = environment(project / "env")
    assert not start.is_fresh("app", found, project)
    start.write_stamps("app", found, project)
    assert start.is_fresh("app", found, project)
    assert not start.is_fresh("dev", found, project)


def test_setting_up_for_tests_sets_up_the_page_too(project):
    found = environment(project / "env")
    start.write_stamps("dev", found, project)
    assert start.is_fresh("app", found, project) and start.is_fresh("dev", found, project)


def test_changed_requirements_or_python_end_the_freshness(project):
    found = environment(project / "env")
    start.write_stamps("dev", found, project)
    assert not start.is_fresh("dev", {**found, "version": [3, 12, 1]}, project)
    (project / "requirements.txt").write_text("torch>=2.10,<2.14\nscipy\n")
    assert not start.is_fresh("dev", found, project)


# Python and environments


@pytest.mark.parametrize("version", [(3, 10, 0), (3, 11, 7), (3, 12, 12)])
def test_these_pythons_work(version):
    assert start.version_problem(version, "python") == ""


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 13, 0), (4, 0, 0)])
def test_other_pythons_are_told_what_works_and_how(version):
    problem = start.version_problem(version, "/some/python")
    assert "/some/python" in problem and "3.10, 3.11 and 3.12" in problem
    assert "start.py" in problem and "\nGet one" in problem


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
        ("Failed to establish a new connection\nNo matching distribution found", "network"),
        ("ERROR: No matching distribution found for torch", "no build"),
        ("[Errno 13] Permission denied", "may not be written"),
        ("something new", "its own words"),
    ],
)
def test_pip_failures_are_explained(said, words):
    assert words in start.pip_problem(said, "torch", "/venv")


def test_a_missing_venv_module_names_the_package_to_install():
    problem = start.venv_problem("ensurepip is not available", Path(".venv"))
    assert re.search(r"apt-get install python3\.\d+-venv", problem)


@pytest.mark.parametrize(
    "error, code", [(start.SetupError("why"), 1), (KeyboardInterrupt(), 130), (OSError(28, "full"), 1)]
)
def test_failures_end_with_a_code_and_no_traceback(monkeypatch, capsys, error, code):
    def fail(_):
        raise error

    monkeypatch.setattr(start, "run", fail)
    assert start.main([]) == code
    written = capsys.readouterr().err
    assert written and "Traceback" not in written


def test_setup_refuses_arguments_it_does_not_know(capsys):
    assert start.main(["setup", "--fast"]) == 1
    assert "--dev" in capsys.readouterr().err


def test_a_browser_is_found_on_the_path_or_in_the_usual_places():
    on_path = start.find_browser(which=lambda name: "/there/" + name, exists=never)
    assert on_path == "/there/chromium"
    in_place = start.find_browser(which=lambda _: None, exists=lambda place: place == "/usr/bin/chromium")
    assert in_place == "/usr/bin/chromium"
    assert start.find_browser(which=lambda _: None, exists=lambda _: False) == ""


def test_the_box_is_straight():
    assert len({len(line) for line in start.boxed(start.NO_BROWSER).splitlines()}) == 1
