"""The house: who may import whom, and that importing does nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import start

ROOT = Path(__file__).resolve().parent.parent
CONCRETE = ("core.generators", "core.critics")
VALUES = ("core.codes", "core.generators.base", "core.images", "core.regions", "core.taps")
ALGORITHMS = ("core.factorization", "core.boundaries", "core.inversion", "core.channels")
# Shared inside a folder.
HELPERS = (
    "readings",
    "jacobian",
    "losses",
    "descent",
    "degradations",
    "files",
    "baseline",
    "gates",
    "editing",
    "space",
    "effect",
)

METHODS = ("baseline", "jacobian", "lowrank", "resefa", "sefa")  # that knobs of a region come from

CORE = (
    "core.zoo",
    "core.blending",
    "core.checkpoints",
    "core.truth",
    "core.uploads",
    "core.cache",
    "core.classes",
    "core.comparison",
    "core.evidence",
    "core.faces",
    "core.gpu",
    "core.home",
    "core.labels",
    "core.originals",
    "core.own_pictures",
    "core.pace",
    "core.parts",
    "core.photograph",
    "core.precision",
    "core.queue",
    "core.region_evidence",
    "core.sheets",
    "core.surroundings",
    "core.threads",
    "core.encoders",
    "core.adaptation",
    "core.drawing",
    "core.edits",
    *VALUES,
    *ALGORITHMS,
)
REMOTE = ("core.downloads", "core.hub", "core.packages", "core.remote_cards")  # where files come from
TABS = ("start", "steer", "paint", "restore", "inside", "attributes", "my_picture", "restyle")

# The first row that a module's name begins with says what it may import of this project; its own row is not implied.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "core.generators.base": (),
    "core.generators": ("core.generators",),
    "core.codes": ("core.generators.base",),
    "core.critics": ("core.generators.blocks",),
    "core.encoders": (
        *VALUES,
        "core.encoders",
        "core.generators.padding",
        "core.generators.stylegan2",
        "core.generators.styles",
    ),
    "core.blending": ("core.generators.base",),
    "core.adaptation": (*VALUES, "core.generators.blocks", "core.generators.stylegan2"),
    "core.drawing": ("core.generators.base",),
    "core.edits": ("core.codes",),
    "core.images": (),
    "core.regions": (),
    "core.taps": (),
    "core.precision": ("core.generators",),
    "core.pace": ("core.generators.base", "core.precision", "core.zoo"),
    "core.evidence": ("core.checkpoints.native", "core.truth", "core.zoo"),
    "core.originals": ("core.evidence", "core.truth.worlds", "core.zoo"),
    "core.comparison": (*VALUES, "core.factorization", "core.truth"),
    "core.lessons": ("core.evidence",),
    "core.region_evidence": ("core.evidence", "core.truth.local", "core.zoo"),
    "core.own_pictures": ("core.cache", "core.faces", "core.images", "core.picture_files"),
    "core.photograph": ("core.images",),
    "core.picture_files": ("core.images",),
    "core.surroundings": (),
    "core.factorization.readings": ("core.codes",),
    "core.parts": ("core.zoo",),
    "core.faces": (),
    "core.gpu": ("core.zoo",),
    "core.figure": (),
    "core.papers": ("core.factorization.methods", "core.truth.tables"),
    "core.labels": (*VALUES, "core.boundaries", "core.factorization.baseline", "core.truth"),
    "core.cache": (),
    "core.queue": (),
    "core.sheets": ("core.generators.base", "core.images"),
    "core.classes": ("core.truth.worlds", "core.zoo"),
    "core.checkpoints.examination": (*VALUES, "core.checkpoints", "core.factorization.sefa", "core.truth"),
    "core.checkpoints": (*VALUES, *CONCRETE, "core.checkpoints", "core.encoders.encoder", "core.truth"),
    "core.zoo": (*VALUES, *CONCRETE, "core.cache", "core.checkpoints", "core.encoders", *REMOTE, "core.truth"),
    "core.uploads": ("core.checkpoints.apart", "core.checkpoints.native", "core.generators.base", "core.zoo"),
    "core.remote_cards": REMOTE,
    "core.hub": ("core.downloads",),
    "core.packages": ("core.downloads",),
    "core.downloads": (),
    "core.truth": (*VALUES, "core.truth"),
    "core.factorization.methods": (
        *VALUES,
        *(f"core.factorization.{name}" for name in ("baseline", "ganspace", "sefa")),
    ),
    "core.boundaries.quality": (*VALUES, "core.boundaries.interfacegan", "core.critics"),
    "core.boundaries.teaching": (*VALUES, "core.boundaries.pure", "core.boundaries.space"),
    "core.factorization.region": (*VALUES, *(f"core.factorization.{name}" for name in METHODS)),
    "core.boundaries.hierarchy": (*VALUES, "core.truth.scores"),
    "core.inversion.restoration": (*VALUES, "core.threads", "core.inversion"),
    "core.inversion.twin": (*VALUES, "core.threads", "core.inversion.descent", "core.inversion.multicode"),
    "core.inversion.padding": (
        *VALUES,
        "core.generators.padding",
        *(f"core.inversion.{name}" for name in ("descent", "indomain", "losses")),
    ),
    "core.channels.shares": (*VALUES, *(f"core.channels.{name}" for name in ("awareness", "editing", "effect"))),
    "core.channels.comparison": (*VALUES, "core.channels.awareness", "core.channels.effect", "core.truth.scores"),
    **{folder: (*VALUES, "core.threads", *(f"{folder}.{name}" for name in HELPERS)) for folder in ALGORITHMS},
    "core": (),
    "engine.build": ("engine",),
    "engine.program": (),
    "engine": ("core.generators", "core.truth.readers", "engine"),
    "demos.page": ("demos.page", "engine", *CORE),
    **{f"demos.{tab}": (f"demos.{tab}", "demos.page", "engine", *CORE) for tab in TABS},
    "demos": ("demos.page", "engine", *CORE),
    "serving.figures": (
        "demos.page",
        "core.cache",
        "core.figure",
        "core.pace",
        "core.papers",
        "core.queue",
        "core.zoo",
    ),
    "serving.drop": ("core.uploads",),
    "serving.dropping": ("demos.page", *CORE),
    "serving.front": ("core.own_pictures", "core.uploads"),
    "serving": (
        "demos.page",
        "engine",
        "serving",
        "core.images",
        "core.lessons",
        "core.own_pictures",
        "core.queue",
        "core.zoo",
    ),
    "commands.space_checks": ("core.zoo", "start"),
    "commands.space": ("commands.space_checks", "core.zoo", "start"),
    "commands.static": ("commands.lesson", "demos.start", "engine", "core.zoo"),
    "commands.lesson": ("engine", "core.lessons", *CORE),
    "commands.arrival": ("commands.arrival", "demos", *CORE),
    "commands": ("demos.page", "engine", *CORE),
    "app": (
        "demos",
        "engine",
        "serving",
        "core.zoo",
        "core.checkpoints",
        "core.gpu",
        "core.memory",
        "core.surroundings",
        "core.uploads",
    ),
    "ganatomy": (
        "commands",
        "demos.page.parts",
        "core.surroundings",
        "core.zoo",
        "core.checkpoints",
        "core.truth",
        *VALUES,
        *ALGORITHMS,
    ),
    "start": (),
}
NAMES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("commands", "core", "demos", "engine", "serving", "weights")
    for path in (ROOT / folder).rglob("*.py")
) + [name for name in ("app", "ganatomy", "start") if (ROOT / f"{name}.py").exists()]


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def file_of(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def imports_in(source: str, name: str, *, package: bool) -> set[str]:
    """Every module that `source` names in an import, wherever it stands; relative ones resolved from module `name`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source, feature_version=start.pythons()[0])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = name.split(".")[: len(name.split(".")) - node.level + package] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            modules = {f"{origin}.{alias.name}" for alias in node.names if file_of(f"{origin}.{alias.name}")}
            found |= modules if len(modules) == len(node.names) else modules | {origin}
    return found


def imports_of(name: str) -> set[str]:
    file = file_of(name)
    return imports_in(file.read_text(encoding="utf-8"), name, package=file.name == "__init__.py")


def broken_arrows(name: str, imports: set[str]) -> list[str]:
    row = next((row for row in MAY_IMPORT if within(name, row)), None)
    roots = ("commands", "core", "demos", "engine", "serving", "weights", "app", "ganatomy", "start", "tests")
    ours = {other for other in imports if other.split(".")[0] in roots}
    allowed = () if row is None else MAY_IMPORT[row]
    wrong = {other for other in ours - {"core"} if not any(within(other, may) for may in allowed)}
    return [f"{name} imports {other}" for other in sorted(wrong)]


@pytest.mark.parametrize("name", [name for name in NAMES if not within(name, "weights")])
def test_every_arrow_points_the_right_way(name: str) -> None:
    assert broken_arrows(name, imports_of(name)) == []


@pytest.mark.parametrize("name", [name for name in NAMES if within(name, "weights")])
def test_recipes_use_neither_the_app_nor_the_tests(name: str) -> None:
    """They train core's classes, and measure what the demos show."""
    assert not any(other.split(".")[0] in ("app", "ganatomy", "start", "tests") for other in imports_of(name))


@pytest.mark.parametrize("name", [name for name in NAMES if within(name, "core")])
def test_core_never_imports_gradio(name: str) -> None:
    assert not any(within(other, "gradio") for other in imports_of(name))


@pytest.mark.parametrize(
    "name, source",
    [
        ("core.factorization.ganspace", "from .sefa import sefa"),
        ("core.factorization.ganspace", "from . import sefa"),
        ("core.factorization.sefa", "from ..generators.stylegan2 import StyleGAN2"),
        ("core.factorization.sefa", "def f():\n    from core.inversion import losses"),
        ("core.codes", "from .images import to_pil"),
        ("core.images", "from core import codes"),
        ("core.truth.scores", "import core.zoo"),
        ("core.zoo", "from .factorization.sefa import sefa"),
        ("core.zoo", "from engine.pack import pack"),
        ("engine.networks", "from core.factorization.sefa import sefa"),
        ("demos.steer.tab", "from core.generators import pggan"),
        ("demos.steer.tab", "from ..paint import recipe"),
        ("demos.page.tab", "from ..steer.tab import TAB"),
        ("demos.steer.tab", "import weights.recipes.train"),
        ("app", "from core.factorization.sefa import sefa"),
        ("ganatomy", "from core.generators.pggan import PGGAN"),
        ("demos.steer.tab", "from ganatomy import main"),
    ],
)
def test_a_wrong_arrow_is_seen_and_named(name: str, source: str) -> None:
    arrows = broken_arrows(name, imports_in(source, name, package=False))
    assert len(arrows) == 1 and arrows[0].startswith(f"{name} imports ")


WATCH = """
import importlib, pathlib, random, socket, sys
import numpy, torch, safetensors

opened = []
def refuse(*arguments, **how):
    raise AssertionError(f"{module} opens {arguments[0]}")
safetensors.safe_open = torch.load = torch.jit.load = refuse

def states():
    python, arrays = random.getstate(), numpy.random.get_state()
    return python, arrays[1].tobytes(), arrays[2:], torch.get_rng_state().numpy().tobytes(), torch.initial_seed()

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo") and module.startswith("core"):
        opened.append(f"{module} reaches for the network")
    if event == "open" and str(arguments[0]).endswith((".safetensors", ".npz", ".npy", ".pt", ".pth", ".pkl")):
        opened.append(f"{module} opens {arguments[0]}")

module = "nothing"
if GRADIO_FIRST:
    import gradio                   # what a library does when imported is not this project's
sys.addaudithook(watch)
for module in sys.argv[1:]:
    before, threads, directory = states(), torch.get_num_threads(), pathlib.Path.cwd()
    importlib.import_module(module)
    assert states() == before, f"{module} sets a seed or draws a random number"
    assert torch.get_num_threads() == threads, f"{module} sets the number of threads"
    assert pathlib.Path.cwd() == directory, f"{module} changes the folder"
assert not opened, "; ".join(opened)
assert GRADIO_FIRST or "gradio" not in sys.modules, "core imports gradio"
print("imported", len(sys.argv) - 1)
"""


def imported_quietly(names: list[str], *, gradio: bool) -> str:
    command = [sys.executable, "-B", "-c", WATCH.replace("GRADIO_FIRST", str(gradio)), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_importing_core_does_nothing() -> None:
    names = [name for name in NAMES if within(name, "core")]
    assert imported_quietly(names, gradio=False).startswith(f"imported {len(names)}")


def test_importing_the_page_and_the_recipes_does_nothing() -> None:
    names = [name for name in NAMES if not within(name, "core")]
    assert imported_quietly(names, gradio=True).startswith(f"imported {len(names)}")


@pytest.mark.parametrize(
    "line, sentence",
    [
        ("torch.manual_seed(0)", "sets a seed"),
        ("open('weights.pkl', 'a').close()", "opens weights.pkl"),
        ("__import__('safetensors').safe_open('a.safetensors', 'pt')", "opens a.safetensors"),
    ],
)
def test_a_noisy_import_is_seen(tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "noisy.py").write_text(f"import torch\n{line}\n")
    command = [sys.executable, "-B", "-c", WATCH.replace("GRADIO_FIRST", "False"), "noisy"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and sentence in done.stderr
