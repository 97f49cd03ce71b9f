"""The project's own files say the same thing: versions of Python and of packages, markers, where Chromium is."""

import ast
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

import start
from tests import chromium, lowest

REQUIREMENT = "torch>=2.10,<2.14"


def never(*_):
    raise AssertionError("this may not be called")


# Chromium


def test_a_browser_is_found_on_the_path_or_in_the_usual_places():
    on_path = chromium.find_chromium(which=lambda name: "/there/" + name, exists=never)
    assert on_path == "/there/chromium-headless-shell"
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
    [torch] = [line for line in lowest.lowest(start.requirements(*start.DEV)) if line.startswith("torch==")]
    assert start.in_range("2.10.0+cpu", torch)


# What is said in more than one place


def test_the_range_is_the_one_that_pyproject_says():
    project = tomllib.loads((start.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest, *_, newest = start.pythons()
    assert project["requires-python"] == ">={}.{}".format(*oldest)
    assert start.pythons() == [(3, minor) for minor in range(oldest[1], newest[1] + 1)]


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "requirements-mcp.txt", "requirements-mp4.txt"]
)
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
    assert named == ", ".join('"{}.{}"'.format(*version) for version in (start.pythons()[0], start.pythons()[-1]))


def test_the_readme_names_the_range_of_pythons():
    oldest, *_, newest = start.pythons()
    readme = (start.ROOT / "README.md").read_text(encoding="utf-8")
    assert "Python {}.{} to {}.{}".format(*oldest, *newest) in readme


def test_the_extra_for_mcp_asks_for_the_gradio_that_the_page_needs():
    [mcp] = start.requirements("requirements-mcp.txt")
    assert mcp.replace("[mcp]", "") in start.requirements(*start.APP)


def test_the_extra_for_mp4_is_what_the_tests_use():
    assert set(start.requirements("requirements-mp4.txt")) <= set(start.requirements(*start.DEV))


# Commands and files that the documents name

DOCUMENTS = [
    path
    for path in sorted(start.ROOT.rglob("*.md"))
    if not any(part.startswith(".") for part in path.relative_to(start.ROOT).parts)
]


def runs(module: str) -> bool:
    """Is there such a module, one that does something when `python -m` runs it?"""
    place = start.ROOT.joinpath(*module.split("."))
    file = place / "__main__.py" if place.is_dir() else place.with_suffix(".py")
    if not (start.ROOT / module.split(".")[0]).exists() and not file.exists():
        return importlib.util.find_spec(module.split(".")[0]) is not None
    return file.exists() and any(
        isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
        for node in ast.parse(file.read_text(encoding="utf-8")).body
    )


def missing(text: str, folder: Path) -> list[str]:
    """What a document in `folder` names and is not there: modules, scripts, targets of make, files in code spans."""
    makefile = (start.ROOT / "Makefile").read_text(encoding="utf-8")
    modules = set(re.findall(r"python -m (\w+(?:\.\w+)*)", text)) | set(
        re.findall(r"\bweights\.recipes(?:\.\w+)+", text)
    )
    scripts = re.findall(r"python (\w+\.py)", text)
    targets = re.findall(r"(?:`|^)make ([\w-]+)", text, re.MULTILINE)
    files = re.findall(r"`([a-z][\w-]*(?:/[\w-]+)+\.\w+)`|\]\(((?!https?:)[^)#]+)[^)]*\)", text)
    named = [one for pair in files for one in pair if one and not re.search(r"\b[A-Z]{3,}\b", one)]
    return [
        *sorted(module for module in modules if not runs(module)),
        *(script for script in scripts if not (start.ROOT / script).exists()),
        *(target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)),
        *(file for file in named if not any((base / file).exists() for base in (start.ROOT, folder))),
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(start.ROOT)))
def test_every_command_and_file_that_a_document_names_is_there(document):
    assert missing(document.read_text(encoding="utf-8"), document.parent) == []


def test_documents_are_found():
    assert {"README.md", "CONTRIBUTING.md", "weights/README.md", "docs/measured.md"} <= {
        path.relative_to(start.ROOT).as_posix() for path in DOCUMENTS
    }


@pytest.mark.parametrize(
    "text, named",
    [
        ("`python -m weights.recipes.evidence portraits`", "weights.recipes.evidence"),
        ("by `weights.recipes.distil`", "weights.recipes.distil"),
        ("python -m core.zoo", "core.zoo"),
        ("python -m nothing.there", "nothing.there"),
        ("`python begin.py test`", "begin.py"),
        ("`make tea`", "tea"),
        ("make coffee\n", "coffee"),
        ("`tests/test_readers.py`", "tests/test_readers.py"),
        ("[there](docs/steer.jpg#top)", "docs/steer.jpg"),
    ],
)
def test_a_command_or_file_that_is_not_there_is_noticed(text, named):
    sound = "`python -m pytest`, `python -m tests.benchmarks page`, `make app`, [x](https://x.org/y.png), `core/zoo.py`"
    assert missing(sound, start.ROOT) == []
    assert missing(f"{sound} and\n{text}", start.ROOT) == [named]
