"""The project's own files say the same thing: versions of Python and of packages, markers, where Chromium is."""

import re
import tomllib

import pytest

import start
from tests import chromium, lowest

REQUIREMENT = "torch>=2.10,<2.14"


def never(*_):
    raise AssertionError("this may not be called")


# Chromium


def test_a_browser_is_found_on_the_path_or_in_the_usual_places():
    on_path = chromium.find_chromium(which=lambda name: "/there/" + name, exists=never)
    assert on_path == "/there/chromium"
    in_place = chromium.find_chromium(which=lambda _: None, exists=lambda place: place == "/usr/bin/chromium")
    assert in_place == "/usr/bin/chromium"
    assert chromium.find_chromium(which=lambda _: None, exists=lambda _: False) == ""


@pytest.mark.parametrize("found, expected", [("", 1), ("/usr/bin/chromium", 0)])
def test_that_no_browser_was_found_is_said_before_the_tests_begin(monkeypatch, capsys, found, expected):
    monkeypatch.setattr(chromium, "find_chromium", lambda: found)
    monkeypatch.setattr(chromium, "install_chromium", lambda: None)
    chromium.main()
    assert capsys.readouterr().out.count("NO BROWSER FOUND") == expected


def test_the_box_is_straight():
    assert len({len(line) for line in chromium.boxed(chromium.NO_BROWSER).splitlines()}) == 1


# The lowest versions


def test_the_lowest_versions_are_what_the_requirements_begin_with():
    assert lowest.lowest([REQUIREMENT, "gradio>=6.24,<7", "numpy>=1.26.4"]) == [
        "torch==2.10",
        "gradio==6.24",
        "numpy==1.26.4",
    ]


def test_a_requirement_without_a_lowest_version_is_refused():
    with pytest.raises(start.SetupError, match="scipy, pytest<9"):
        lowest.lowest(["numpy>=1.26", "scipy", "pytest<9"])


def test_every_requirement_of_this_project_says_its_lowest_version():
    lines = start.requirements(*start.DEV)
    assert len(lowest.lowest(lines)) == len(lines) > 9


def test_the_lowest_torch_is_in_the_range_that_is_looked_for():
    torch, _ = start.split_torch(lowest.lowest(start.requirements(*start.DEV)))
    assert start.in_range("2.10.0+cpu", torch)


# What is said in more than one place


def test_the_range_is_the_one_that_pyproject_says():
    project = tomllib.loads((start.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest, newest = start.python_range()
    assert project["requires-python"] == ">={}.{}".format(*oldest)
    minors = [int(line.rsplit(".", 1)[1]) for line in project["classifiers"] if re.search(r"Python :: 3\.", line)]
    assert minors == list(range(oldest[1], newest[1] + 1))


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-mcp.txt"])
def test_every_requirement_of_this_project_has_a_reason(name):
    for line in (start.ROOT / name).read_text().splitlines():
        assert line.startswith("#") or re.search(r"\S\s+# \S", line), line


def test_make_test_leaves_out_what_needs_files_beside_the_repository_and_what_is_slow():
    options = tomllib.loads((start.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"][
        "ini_options"
    ]
    assert options["addopts"][-2:] == ["-m", "not shared and not slow"]
    assert {line.split(":")[0] for line in options["markers"]} >= {"browser", "shared", "slow"}


def test_the_workflow_tests_the_oldest_and_the_newest_python():
    workflow = (start.ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    [named] = re.findall(r"python: \[(.+)\]", workflow)
    assert named == ", ".join('"{}.{}"'.format(*version) for version in start.python_range())


def test_the_readme_names_the_range_of_pythons():
    assert "Python {}.{} to {}.{}".format(*sum(start.python_range(), ())) in (start.ROOT / "README.md").read_text(
        encoding="utf-8"
    )


def test_the_extra_for_mcp_asks_for_the_gradio_that_the_page_needs():
    [mcp] = start.requirements("requirements-mcp.txt")
    assert mcp.replace("[mcp]", "") in start.requirements(*start.APP)
