"""Where in a file a generator lies: below which names, and which of several is the averaged one.

Files hold dicts in dicts, objects, modules and names with prefixes (`module.`, `netG.`, `decoder.`). Nothing is read
from tensors here but their shapes, and nothing outside of the generator has to be understood.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from . import nvidia, others, rosinality, tf_legacy
from .kinds import SAVE
from .vocabulary import Array, Broken, Inert, Network, Persistent, Refused, Strided, need, shown

DEPTH = 8  # dicts within dicts
MODULES = 12  # modules within modules; the real ones nest four
WORK = 300_000  # names that are compared with formats, over all places
EACH, NAMED = 30, 50  # names that a place costs at least; places in which another project is looked for
PREFIXES, FEWEST = 40, 6  # how many prefixes of one dict are tried, and how many names each must have
AVERAGED = frozenset(
    (
        "ema",
        "emas",
        "avg",
        "average",
        "averaged",
        "smooth",
        "smoothed",
        "running",
        "swa",
        "shadow",
        "gs",
        "gema",
        "mean",
    )
)
GENERATOR = frozenset(("g", "gs", "gen", "generator", "generators", "decoder", "stylegan", "gan"))
CRITIC = frozenset(("d", "ds", "dis", "disc", "discriminator", "discriminators", "critic"))
MEANS = ("latent_avg", "mean_latent", "w_avg", "latent_mean", "mean_w", "dlatent_avg")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
WHOLE = "the file holds a whole module; its weights were read, and no code was run for it"
View = Strided | Array | Broken
Matching = Callable[[dict[str, Tensor]], str | None]
LOOSE = ("dcgan",)  # formats without names of their own: a part of any network may look like one
JUDGES = "a discriminator"  # what `matching` says of what a format knows in order to refuse it
WRAPPERS = frozenset(
    ("module", "model", "net", "network", "orig", "mod", "state", "dict", "params", "weights", "online")
)


@dataclass(eq=False)
class Place:
    """Tensors of one network. path: where they lie; prefix: what their names begin with there, and here no more.

    node: the dict, module or network of TensorFlow that holds them. around: the dicts that lie around it, the
    innermost first. inside: how many steps of the path are names of modules in a module.
    settings: what the file itself says of the network; None where it is a plain dict.
    """

    path: tuple[str, ...]
    node: object
    views: dict[str, View]
    prefix: str = ""
    around: tuple[dict, ...] = ()
    inside: int = 0
    format: str | None = None
    settings: dict | None = None
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Is it a module or a network of TensorFlow, which says its own settings?"""
        return isinstance(self.node, Network) or _is_module(self.node)

    @property
    def words(self) -> list[str]:
        """The words of its path, in lower case: avgG -> avg, g; generator_smooth -> generator, smooth."""
        return _words(" ".join((*self.path, self.prefix)))

    @property
    def part(self) -> bool:
        """Is it a part of a network, and not just a network with a wrapper around it?"""
        steps = _words(" ".join((*self.path[len(self.path) - self.inside :], self.prefix)))
        numbered = bool(re.search(r"(^|\.)\d", self.prefix))
        return numbered or not set(steps) <= AVERAGED | GENERATOR | WRAPPERS

    @property
    def beside(self) -> str:
        """A name of what lies beside its prefix and is no critic, no other generator, no mean code; "" where none."""
        names = self.around[0] if self.prefix and self.around else ()
        rest = (name for name in names if isinstance(name, str) and not name.startswith(self.prefix))
        known = CRITIC | AVERAGED | GENERATOR
        return next((name for name in rest if name not in MEANS and not known & set(_words(name))), "")

    @property
    def rank(self) -> tuple[bool, bool]:
        words = set(self.words)
        return bool(words & AVERAGED), bool(words & GENERATOR)

    @property
    def judges(self) -> bool:
        """Does the file call it a critic?"""
        return bool(set(self.words) & CRITIC)

    def __str__(self) -> str:
        path = "/".join(map(shown, self.path[-3:]))
        names = f"names that begin with {shown(self.prefix)}" if self.prefix else ""
        return ", ".join(filter(None, (path, names))) or "the top"


@dataclass(eq=False)
class Search:
    """All places of one tree, the shallowest first, and those of them that `matching` knows."""

    matching: Matching
    left: int = WORK
    shapes: dict[int, Tensor] = field(default_factory=dict)
    seen: list[Place] = field(default_factory=list)
    found: list[Place] = field(default_factory=list)
    judging: list[Place] = field(default_factory=list)  # discriminators that a format knows
    refused: str | None = None  # what a part of the file is, where it is known and not drawn
    modules: list[str] = field(default_factory=list)  # classes of whole modules

    def run(self, tree: object) -> None:
        waiting, met = deque([Place((), tree, {})]), {id(tree)}
        while waiting and self.left > 0:
            place = waiting.popleft()
            if not self.known(place) and len(place.path) < DEPTH:
                waiting.extend(_children(place, met))

    def known(self, place: Place) -> bool:
        """Looks at one place; True where nothing below it needs to be looked at."""
        place.views, whole = self.tensors(place.node)
        self.left -= 1
        if not place.views:
            return False
        self.left -= max(EACH, len(place.views))
        self.seen.append(place)
        if whole and not isinstance(place.node, Network):
            self.modules.append(place.node.class_name)
        if self.fits(place):
            return True
        if isinstance(place.node, (Network, Persistent)) or whole:
            return False  # their children are looked at by themselves
        done: list[str] = []
        for prefix in _prefixes(place.views):
            if self.left <= 0 or prefix.startswith(tuple(done)):
                continue
            views = {name[len(prefix) :]: view for name, view in place.views.items() if name.startswith(prefix)}
            part = Place(place.path, place.node, views, prefix, (place.views, *place.around))
            self.left -= len(views)
            if self.fits(part):
                done.append(prefix)
        return False

    def fits(self, place: Place) -> bool:
        sentence = others.among(others.FIRST, place.views)
        judges = place.judges or others.judges({name: view.shape for name, view in place.views.items()})
        if sentence is not None or judges:
            self.refused = self.refused or sentence
            return sentence is not None and not judges and not place.prefix
        try:
            place.format = self.matching({name: self.shape(view) for name, view in place.views.items()})
        except (ValueError, LookupError, TypeError, RuntimeError, AttributeError):
            place.format = None
        if place.format in (*LOOSE, JUDGES):
            sentence = others.among(others.OTHERS, place.views)
            self.refused = self.refused or sentence
            decodes = "decoder" in place.words and place.beside  # of an autoencoder: it draws what was packed
            place.format = None if sentence is not None or place.part or decodes else place.format
        if place.format:
            (self.judging if place.format == JUDGES else self.found).append(place)
        return bool(place.format)

    def shape(self, view: View) -> Tensor:
        """An empty stand-in of the same shape, made once."""
        if id(view) not in self.shapes:
            self.shapes[id(view)] = torch.empty(view.shape, device="meta")
        return self.shapes[id(view)]

    def tensors(self, node: object) -> tuple[dict[str, View], bool]:
        """(what of a place are tensors, by name; whether they are those of a whole module or network)"""
        if isinstance(node, Network):
            variables = node.state.get("variables")
            self.left -= len(variables) if isinstance(variables, list) else 0  # many networks may share one list
            try:
                need(self.left > 0, "it has more layers than any network of this kind", "open a plain network")
                return tf_legacy.flattened(node)[0], True
            except Refused as error:
                self.refused = self.refused or str(error)
                return {}, True
        if _is_module(node):
            return self.flattened(node), True
        pairs = node if isinstance(node, dict) else node.pairs if isinstance(node, Inert) else None
        return _views(pairs), False

    def flattened(self, module: Persistent | Inert) -> dict[str, View]:
        """The state dict of a module of any class, read off its attributes."""
        views: dict[str, View] = {}
        waiting, met = [(module, "", 0)], {id(module)}
        while waiting and self.left > 0:
            node, prefix, depth = waiting.pop()
            transient = node.state.get("_non_persistent_buffers_set") or ()
            for kind in ("_parameters", "_buffers"):
                own = _views(node.state.get(kind))
                self.left -= len(own)  # many modules may share one table
                for name, view in own.items() if self.left > 0 else ():
                    if not isinstance(transient, set) or name not in transient:
                        views[prefix + name] = view
            for name, child in reversed(list(_table(node.state.get("_modules")).items())):
                self.left -= 1
                if _is_module(child) and id(child) not in met and depth < MODULES and self.left > 0:
                    met.add(id(child))
                    waiting.append((child, f"{prefix}{str(name)[:100]}.", depth + 1))
        need(self.left > 0, "it has more layers than any network of this kind", "open a file of plain weights")
        return views


def generator(tree: object, matching: Matching) -> Place:
    """The generator in what a file held, as tensors that are not read yet; of several the averaged one, with a note.

    matching(state) names the format that knows tensors of these names and shapes, if one does. Raises Refused, with
    what the file is, where none does.
    """
    if isinstance(tree, Broken) or (isinstance(tree, Array) and tree.broken is not None):
        raise Refused(tree.sentence if isinstance(tree, Broken) else tree.broken)
    search = Search(matching)
    search.run(tree)
    found = search.found or search.judging
    if not found:
        raise Refused(_unknown(search))
    best = max(found, key=lambda place: place.rank)  # of equals the first, which lies nearest to the top
    if not _usual(tree):
        best.notes += _choice(best, found)
    if best.format in LOOSE and best.beside:
        best.notes += (f"only what lies under {best} was read; {shown(best.beside)} and the like were left aside",)
    if isinstance(best.node, Network):
        best.views, best.settings = tf_legacy.flattened(best.node)
    elif isinstance(best.node, Persistent) or (_is_module(best.node) and nvidia.matches(best.views)):
        best.views, best.settings = nvidia.flattened(best.node)
    elif best.format in LOOSE:
        best.settings = None  # what a stranger calls `size` may be anything
    elif _is_module(best.node):
        best.settings = _plain(best.node.state)
    else:
        around = (best.node if isinstance(best.node, dict) else {}, *best.around)
        said = (_plain(_attributes(inner.get(name))) for inner in around for name in ("config", "cfg"))
        best.settings = next(filter(None, said), None)
    if _is_module(best.node) and not isinstance(best.node, Persistent):
        best.notes = (*best.notes, WHOLE)
    if rosinality.matches(best.views):
        best.views = _with_mean(best)
    return best


def _usual(tree: object) -> bool:
    """NVIDIA's own snapshots, whose pictures are always those of G_ema or Gs: nothing had to be chosen."""
    if isinstance(tree, tuple):
        return len(tree) == 3 and all(isinstance(network, Network) for network in tree)
    return isinstance(tree, dict) and isinstance(tree.get("G_ema"), Persistent)


def _choice(best: Place, found: list[Place]) -> tuple[str, ...]:
    """What is said where several generators were found."""
    if len(found) < 2:
        return ()
    several = NUMBERS[len(found)] if len(found) < len(NUMBERS) else "many"
    equals = [place for place in found if place.rank == best.rank and place is not best]
    if equals:
        rest = " and ".join(map(str, equals[:2])) + (" and others" if len(equals) > 2 else "")
        return (f"the file holds {several} generators that are equally likely; the one under {best} was taken, "
                f"and not {rest}",)  # fmt: skip
    which = f"the averaged one, under {best}," if best.rank[0] else f"the one under {best}"
    return (f"the file holds {several} generators; {which} was taken",)


def _unknown(search: Search) -> str:
    """What a file is in which no format was found, and what would help."""
    if search.refused is not None:
        return search.refused
    if not search.seen:
        return "it holds no generator, and no tensors that belong to one: open a file with a generator's weights"
    for place in search.seen[:NAMED]:
        names = [f"{'.'.join(place.path)}.{name}" for name in place.views]
        sentence = others.among(others.OTHERS, names) or others.among(others.OTHERS, place.views)
        if sentence is not None:
            return sentence
        if others.judges({name: view.shape for name, view in place.views.items()}):
            return f"it is a discriminator of DCGAN, {others.CRITIC}"
    if search.modules:
        kind = shown(next(filter(None, search.modules), "Module"))
        return (
            f"it is a whole module (class {kind}), whose program is not run here, and its layers have the names of no "
            f"generator known here. If it is one ({others.DRAWN}), save its weights alone where it was made: {SAVE}"
        )
    best = max(search.seen, key=lambda place: (not place.judges, place.rank, len(place.views)))
    names = ", ".join(shown(name) for name in sorted(best.views)[:3])
    return (
        f"its tensors ({names} ...) are of no network known here: {others.OPEN}, not a critic or another model"
    )  # fmt: skip


def _children(place: Place, met: set[int]) -> Iterator[Place]:
    """What lies below and was not met: values of dicts, members, attributes; a module's own modules."""
    node, around = place.node, place.around
    within = _is_module(node)
    if isinstance(node, (list, tuple)):
        names = ("G", "D", "Gs") if len(node) == 3 and all(isinstance(item, Network) for item in node) else None
        inner = {names[i] if names else str(i): item for i, item in enumerate(node)}
    elif isinstance(node, dict):
        inner, around = node, (node, *around)
    elif within:
        inner, around = _table(node.state.get("_modules")), (node.state, *around)
    elif isinstance(node, Inert) and not isinstance(node, Network):
        lists = {"": node.members, "arguments": node.arguments}
        inner = {**_table(node.state), **_table(node.pairs), **lists}
        around = (inner, *around)
    else:
        return
    for name, item in inner.items():
        if id(item) not in met and isinstance(item, (dict, list, tuple, Inert, Persistent)):
            met.add(id(item))  # a list may hold one dict a million times
            step = (str(name)[:60],) if isinstance(name, (str, int)) and name != "" else ()
            yield Place((*place.path, *step), item, {}, around=around, inside=place.inside + 1 if within else 0)


def _words(text: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+\d*[a-z]*|[A-Z]+(?![a-z])|\d+", text[:500])]


def _prefixes(names: dict[str, View]) -> list[str]:
    """What the names begin with, up to a dot: the shortest first, and only what enough of them share."""
    counts: Counter[str] = Counter()
    for name in names:
        end = -1
        for _ in range(5):
            end = name.find(".", end + 1, 200)
            if end < 0:
                break
            counts[name[: end + 1]] += 1
    often = [prefix for prefix, count in counts.items() if count >= FEWEST]
    return sorted(often, key=lambda prefix: prefix.count("."))[:PREFIXES]


def _is_module(node: object) -> bool:
    """Does an object have the attributes of a torch.nn.Module?"""
    state = node.state if isinstance(node, (Inert, Persistent)) else None
    return isinstance(state, dict) and isinstance(state.get("_parameters"), dict) and "_modules" in state


def _views(pairs: object) -> dict[str, View]:
    pairs = pairs if isinstance(pairs, dict) else {}
    return {
        name: view
        for name, view in pairs.items()
        if isinstance(name, str) and isinstance(view, (Strided, Array, Broken))
    }


def _table(found: object) -> dict:
    return found if isinstance(found, dict) else {}


def _attributes(found: object) -> dict:
    """Settings: a dict, or an object's attributes and pairs."""
    if isinstance(found, Inert):
        return {**_table(found.state), **_table(found.pairs)}
    return _table(found)


def _plain(found: dict) -> dict:
    """Those settings that are numbers, words and truths."""
    return {
        name: value
        for name, value in found.items()
        if isinstance(name, str) and not name.startswith("_") and isinstance(value, (str, int, float, bool, type(None)))
    }


def _with_mean(place: Place) -> dict[str, View]:
    """rosinality's mean of w lies in the network, beside it or further up, under one of several names."""
    if "latent_avg" in place.views:
        return place.views
    own = {name: view for name, view in place.views.items() if name not in MEANS}
    for around in (place.views, *_beside(place)):
        for name in MEANS:
            view = around.get(name)
            if isinstance(view, (Strided, Array, Broken)) and len(view.shape) in (1, 2, 3):
                return {**own, "latent_avg": view}
    return own


def _beside(place: Place) -> Iterator[dict]:
    """Dicts around a place; where names have prefixes, also what lies under each of these."""
    steps = place.prefix.split(".")[:-1]
    for around in (place.node if isinstance(place.node, dict) else {}, *place.around):
        for count in range(len(steps), 0, -1):
            prefix = ".".join(steps[:count]) + "."
            yield {name: around[prefix + name] for name in MEANS if prefix + name in around}
        yield around
