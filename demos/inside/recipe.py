"""A look inside is a recipe: which picture of which class, which channel at what strength, what it is crossed with.

One record makes the picture, its link, code and notebook. Gates and channels are numbered as in core.channels, from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from urllib.parse import urlencode

from torch import Tensor, nn

from core import zoo
from core.channels.awareness import activations, awareness, strongest
from core.generators.base import Generator

from ..page.cache import joined
from ..page.classes import class_names, class_of
from ..page.export import SET_UP, drawing_code, notebook_of, opening
from ..page.fields import VERSION, RecipeError, choice, in_a_link, number, quoted, read_link, read_recipe, whole
from ..page.picture import LARGEST_SEED, NOUNS, REPOSITORY, opened

TAB = "inside"
BUNDLED = "objects-biggan"  # what the tab opens with, where it is there
MOST = 3.0  # times its own strength that a channel can be turned up
MIXES = {"parameters": "gains and biases", "features": "activations"}
GATES = ("all", "early", "late")
PIECES = (2, 12)
FORMULATION = (
    "Our formulation: the text and the code of the paper (He et al., Interpreting Class Conditional GANs "
    "with Channel Awareness, arXiv 2203.11173) are not public."
)
NEEDS = (
    "this network has no class-conditional normalisation, so none of its channels belongs to a class: "
    "choose a BigGAN or a BigGAN-deep in the list of networks, or start the page with "
    "python app.py --weights FILE"
)


@dataclass(frozen=True)
class Look:
    """One picture of a class with one channel changed, and what the tab's experiments do with it; plain values only.

    model: of a network with classes that can be opened now. label, other: a class by number or name; other -1: the next
    class. psi: truncation, None: the card's. gate, channel: -1: the middle gate, and its most aware channel of the
    class. amount: what the channel is multiplied with, 0 (off) to MOST. share: of a hybrid's channels that come from
    `other`, 0..1; gates: of the hybrid and of the cut, one of GATES or a range such as "2-5"; mix: a key of MIXES.
    keep: per cent of the channels. pieces: of the cut; weighted: by awareness. Numbers may be given as text. Raises
    RecipeError.
    """

    model: str
    seed: int = 0
    label: int = 0
    psi: float | None = None
    gate: int = -1
    channel: int = -1
    amount: float = 0.0
    other: int = -1
    share: float = 0.3
    gates: str = "all"
    mix: str = "parameters"
    keep: float = 70.0
    pieces: int = 4
    weighted: bool = True

    def __post_init__(self):
        card = card_of(self.model)
        count = len(opened(card.name).gates)
        label = class_of(self.label, card.name)
        gate = whole(self.gate, "the gate", -1, count - 1)
        gate = count // 2 if gate < 0 else gate
        scores = awareness_of(card.name, gate)[label]
        channel = whole(self.channel, f"the channel of gate {gate}", -1, len(scores) - 1)
        checked = dict(
            seed=whole(self.seed, "the seed", 0, LARGEST_SEED),
            label=label,
            psi=card.psi if self.psi in (None, "") else number(self.psi, "the truncation", 0, 1),
            gate=gate,
            channel=int(strongest(scores, 1)) if channel < 0 else channel,
            amount=number(self.amount, "the strength of the channel", 0, MOST),
            other=(label + 1) % card.classes if self.other in (-1, "-1") else class_of(self.other, card.name),
            share=number(self.share, "the share of channels", 0, 1),
            gates=_gates(self.gates, count),
            mix=choice(self.mix, "mix", MIXES),
            keep=number(self.keep, "the per cent of channels", 0, 100),
            pieces=whole(self.pieces, "the number of pieces", *PIECES),
            weighted=_yes(self.weighted),
        )
        for name, value in checked.items():
            object.__setattr__(self, name, value)


FIELDS = tuple(field.name for field in fields(Look))
_PLAIN = {field.name: field.default for field in fields(Look) if field.name != "model"}


# --- which networks, which classes


def default_model() -> str:
    """The network that the tab opens with; "" where there is none with classes."""
    if BUNDLED in zoo.CARDS:
        return BUNDLED
    return next((name for name, card in zoo.CARDS.items() if card.classes), "")


def card_of(model: object) -> zoo.ModelCard:
    """Of a network with classes that can be opened now. Raises RecipeError."""
    if not (isinstance(model, str) and model in zoo.ready()):
        there = [name for name, card in zoo.ready().items() if card.classes]
        raise RecipeError(
            f"the model cannot be {quoted(model)}: "
            f"choose {', '.join(there) or 'one of the list of networks'}, or fetch it first"
        )
    if not opened(model).gates:
        raise RecipeError(NEEDS)
    return zoo.card(model)


def classifier_of(model: str) -> nn.Module | None:
    """Of the network's world, where there is one that was trained at its size and for its classes."""
    card = zoo.card(model)
    if not card.world or not (zoo.WEIGHTS / f"{card.world}-classes.safetensors").exists():
        return None
    found = zoo.load_classifier(card.world)
    return found if found.resolution == card.resolution and found.names == class_names(model) else None


def named(look: Look) -> str:
    return class_names(look.model)[look.label]


# --- gates


def awareness_of(model: str, gate: int) -> Tensor:
    """a_c(y) of a gate by formula, float64 [classes, channels]; made once, then shared."""
    return _awareness(model, zoo.weights_hash(model), gate)


@joined
@lru_cache(maxsize=64)
def _awareness(model: str, _weights: str, gate: int) -> Tensor:
    return awareness(opened(model), gate=gate).cpu()


def gate_sides(model: str) -> tuple[int, ...]:
    """Pixels a side of what each gate lets through."""
    return _sides(model, zoo.weights_hash(model))


@joined
@lru_cache(maxsize=16)
def _sides(model: str, _weights: str) -> tuple[int, ...]:
    generator = opened(model)
    codes = generator.codes(generator.sample(1, 0), label=0)
    return tuple(maps.shape[-1] for maps in activations(generator, codes, range(len(generator.gates))))


def gate_name(model: str, gate: int) -> str:
    return f"gate {gate}, {gate_sides(model)[gate]} px"


def gates_of(look: Look) -> tuple[int, ...]:
    """The gates that a hybrid or a cut uses."""
    count = len(opened(look.model).gates)
    named_ranges = {"all": (0, count - 1), "early": (0, max(0, count // 2 - 1)), "late": (count // 2, count - 1)}
    first, last = named_ranges.get(look.gates) or map(int, look.gates.split("-"))
    return tuple(range(first, last + 1))


def _gates(text: object, count: int) -> str:
    if text in GATES:
        return text
    ends = text.split("-") if isinstance(text, str) else []
    if len(ends) in (1, 2) and all(end.strip().isdigit() and len(end) < 6 for end in ends):
        first, last = int(ends[0]), int(ends[-1])
        if first <= last < count:
            return f"{first}-{last}"
    raise RecipeError(f"the gates cannot be {quoted(text)}: choose {', '.join(GATES)}, or a range within 0-{count - 1}")


def _yes(value: object) -> bool:
    known = {True: True, False: False, "1": True, "0": False, "True": True, "False": False}
    if isinstance(value, (bool, str)) and value in known:
        return known[value]
    raise RecipeError(f"weighted by awareness: yes (1) or no (0), not {quoted(value)}: give 1 or 0")


# --- the picture


def generator_of(look: Look) -> Generator:
    return opened(look.model).at(psi=look.psi)


def codes_of(look: Look, *, label: int | None = None, seed: int | None = None) -> Tensor:
    """[1, slots, dim] of the look's picture, or of another class or seed."""
    generator = opened(look.model)
    z = generator.sample(1, look.seed if seed is None else seed)
    return generator.codes(z, psi=look.psi, label=look.label if label is None else label)


def strength(look: Look) -> str:
    """What was done to the channel."""
    if look.amount == 0:
        return "switched off"
    return "as it is" if look.amount == 1 else f"at {look.amount:g} times its strength"


def alt_text(look: Look) -> str:
    """What the picture shows and how it was made, for those who do not see it."""
    noun, name = NOUNS.get(zoo.card(look.model).world, "picture"), named(look)
    of = f"class {look.label}" + ("" if name == f"class {look.label}" else f" ({name})")
    return (
        f"{noun}, picture number {look.seed}, {of}, truncation {look.psi:g}, "
        f"channel {look.channel} of {gate_name(look.model, look.gate)} {strength(look)}"
    )


# --- JSON, link


def as_dict(look: Look) -> dict:
    """The recipe as plain JSON values, with the tab and the version."""
    return dict(asdict(look), version=VERSION, tab=TAB)


def unread(model: str) -> dict:
    """The plain recipe of a network that nobody has opened yet: its defaults are found when it is."""
    return dict(_PLAIN, model=model, version=VERSION, tab=TAB)


def from_json(data: str | bytes | Mapping) -> Look:
    """The recipe of `as_dict`, or that as JSON; trusts nothing. Raises RecipeError."""
    return Look(
        **read_recipe(
            data,
            FIELDS,
            "a look inside",
            "give what the tab Look inside wrote, with a model, a gate and a channel",
            tab=TAB,
        )
    )


def to_query(look: Look) -> dict[str, str]:
    """The link's parameters: tab, version, model, gate and channel always,
    the rest only where it is not the default.
    """
    plain = Look(look.model, label=look.label)
    always = ("model", "gate", "channel")
    written = {
        name: in_a_link(getattr(look, name))
        for name in FIELDS
        if name in always or name == "label" and look.label or getattr(look, name) != getattr(plain, name)
    }
    return dict(tab=TAB, v=str(VERSION), **written)


def from_query(query: Mapping[str, str]) -> Look:
    """The recipe of a link's parameters; what is missing is the default. Trusts nothing: raises RecipeError."""
    ours = read_link(query, FIELDS)
    return Look(**{"model": default_model(), **ours})


def link_for(look: Look, page: str = REPOSITORY) -> str:
    """The address that opens this look on `page`; under 1,000 characters."""
    return f"{page}?{urlencode(to_query(look), safe=',')}"


# --- code and notebook


def code_for(look: Look) -> str:
    """Python that makes the picture when run in the repository's root; it ends with a file picture.png."""
    return _code(look) + 'picture.save("picture.png")\n'


def _code(look: Look) -> str:
    reader, expression = opening(zoo.card(look.model))
    drawer, rows = drawing_code(look)
    imports = sorted(
        [reader, "from core.channels.editing import ChannelEdit, edited", "from core.images import to_pil"]
    )
    return "\n".join(
        [
            *imports,
            "",
            f"generator = {expression}",
            f"codes = generator.codes(generator.sample(1, seed={look.seed}), psi={look.psi:g}, "
            f"label={look.label})        # {named(look)}",
            f"edit = ChannelEdit(gate={look.gate}, channels={look.channel}, "
            f"multiply={look.amount:g})        # 0 switches the channel off",
            f"picture = to_pil(edited({drawer}, [edit])(codes){rows})[0]",
            "",
        ]
    )


FURTHER = """from core.channels.awareness import awareness

of_the_class = awareness(generator, label={label}, gate={gate})        # by formula, from gains and biases alone
print("most aware channels:", of_the_class.argsort(descending=True)[:12].tolist())"""
STRIP = """from core.images import strip

frames = []
for amount in {amounts}:
    edit = ChannelEdit(gate={gate}, channels={channel}, multiply=amount)
    frames += to_pil(edited({drawer}, [edit])(codes){rows})
strip(frames)"""


def notebook_for(look: Look) -> bytes:
    """A notebook (nbformat 4) that gets itself running, makes the picture, ranks the channels, and turns this one."""
    card = zoo.card(look.model)
    drawer, rows = drawing_code(look)
    parameters = "\n".join(f"| `{name}` | `{value}` |" for name, value in to_query(look).items())
    head = (
        f"# One picture of GANatomy, Look inside\n\nThis notebook makes one picture ({alt_text(look)}) "
        f"with the model {card.title}. "
        f"[Open it on the page]({link_for(look)}).\n\n{FORMULATION}\n\n"
        f"| parameter of the link | value |\n| --- | --- |\n{parameters}\n\n"
        f"Weights: {card.licence}, sha256 `{zoo.weights_hash(look.model)}`."
    )
    values = dict(
        label=look.label,
        gate=look.gate,
        channel=look.channel,
        drawer=drawer,
        rows=rows,
        amounts=[round(MOST * i / 6, 3) for i in range(7)],
    )
    return notebook_of(
        [
            ("markdown", head),
            ("code", SET_UP),
            ("code", _code(look) + "picture.resize((320, 320))"),
            ("markdown", "The channels that this class opens most."),
            ("code", FURTHER.format(**values)),
            ("markdown", f"Channel {look.channel} from off to {MOST:g} times its strength."),
            ("code", STRIP.format(**values)),
        ]
    )
