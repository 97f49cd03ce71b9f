"""The methods that find directions without labels, one entry each: a new method is one more entry, and its file.

The control of the page, its sentences, its code cells, the tables that compare methods, and the commands that measure
them are all made from these entries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..codes import Directions
from .baseline import random_directions
from .ganspace import ganspace
from .sefa import sefa


class Method(NamedTuple):
    """A method, in the words that name it.

    title: in tables and sentences. counted: its name in the counts of weights/evidence. find: (generator, slots, k=,
    label=) -> Directions. ranked: does it give the strongest first? plain, term, tip: of its control, the plain words
    first. came: where its directions come from, a sentence with {these} {was} {weights} {when} {where} {them}. imports,
    line: the Python that finds them, with {some} ("slots=..., " or nothing), {k}, {label} (", label=..." or nothing).
    cite: BibTeX; "" of what needs no citation.
    """

    title: str
    counted: str
    find: Callable[..., Directions]
    ranked: bool
    plain: str
    term: str
    tip: str
    came: str
    imports: str
    line: str
    cite: str = ""


_SEFA = dict(
    ranked=True,
    came="{these} {was} read off {weights} {when}; nobody labelled anything.",
    imports="from core.factorization.sefa import sefa",
    cite="""@inproceedings{shen2021sefa,
  title = {Closed-Form Factorization of Latent Semantics in {GANs}},
  author = {Shen, Yujun and Zhou, Bolei},
  booktitle = {CVPR},
  year = {2021}
}""",
)

METHODS: dict[str, Method] = {  # by name, or "name/mode"
    "sefa/paper": Method(
        title="SeFa",
        counted="sefa",
        find=lambda generator, slots, *, k, label=None: sefa(generator, slots, k=k),
        plain="From the weights, as the paper says",
        term="SeFa",
        tip="Eigenvectors of A^T A, with the gains that the network applies.",
        line='directions = sefa(generator, {some}k={k}, mode="paper")',
        **_SEFA,
    ),
    "sefa/official": Method(
        title="SeFa, official",
        counted="official",
        find=lambda generator, slots, *, k, label=None: sefa(generator, slots, k=k, mode="official"),
        plain="From the weights, as the published code does",
        term="SeFa, official",
        tip="The same, with every row of A scaled to length 1.",
        line='directions = sefa(generator, {some}k={k}, mode="official")',
        **_SEFA,
    ),
    "ganspace": Method(
        title="GANSpace",
        counted="ganspace",
        find=ganspace,
        ranked=True,
        plain="From many pictures",
        term="GANSpace",
        tip="The principal components of 10,000 sampled codes.",
        came="{these} {was} found in 10,000 of the network’s own codes, which vary most along them{where}; "
        "nobody labelled anything.",
        imports="from core.factorization.ganspace import ganspace",
        line="directions = ganspace(generator, {some}k={k}{label})",
        cite="""@inproceedings{harkonen2020ganspace,
  title = {{GANSpace}: Discovering Interpretable {GAN} Controls},
  author = {H{\\"a}rk{\\"o}nen, Erik and Hertzmann, Aaron and Lehtinen, Jaakko and Paris, Sylvain},
  booktitle = {NeurIPS},
  year = {2020}
}""",
    ),
    "random": Method(
        title="random directions",
        counted="random",
        find=lambda generator, slots, *, k, label=None: random_directions(generator, slots, k=k),
        ranked=False,
        plain="At random",
        term="random directions",
        tip="What any method has to beat.",
        came="{these} {was} drawn at random{where}: any method has to beat {them}.",
        imports="from core.factorization.baseline import random_directions",
        line="directions = random_directions(generator, {some}k={k})",
    ),
}


def titles() -> dict[str, str]:
    """The titles of the methods by the names that recipes and links have for them; modes have no entry of their own."""
    found: dict[str, str] = {}
    for key, method in METHODS.items():
        found.setdefault(key.partition("/")[0], method.title)
    return found


def key_of(name: str, mode: str = "") -> str:
    """The key of a method; `mode` counts only where it has modes. Raises KeyError with the methods there are."""
    key = next((key for key in (f"{name}/{mode}", name) if key in METHODS), None)
    if key is None:
        raise KeyError(f"no method {name!r}: {', '.join(METHODS)}")
    return key


def set_name(key: str, group: str) -> str:
    """What the files in weights/evidence call the knobs of a method in a group of layers, as "sefa-paper/coarse"."""
    return f"{key.replace('/', '-')}/{group}"
