"""A look inside is a recipe: which picture of which class, which channel at what strength, what it is crossed with.

One record makes the picture, its link, code and notebook. Gates and channels are numbered as in core.channels, from 0.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass

from torch import Tensor, nn

from core import zoo
from core.channels.awareness import activations, awareness, strongest
from core.classes import class_names
from core.generators.base import Generator

from ..page.cache import cached
from ..page.export import SET_UP, Code, about, drawing_code, lines_of, notebook_of
from ..page.fields import (
    RecipeError,
    checked,
    choice_field,
    flag_field,
    number,
    number_field,
    quoted,
    whole,
    whole_field,
)
from ..page.picture import NOUNS, PictureRecipe, class_of, opened

BUNDLED = "objects-biggan"  # what the tab opens with, where it is there
MOST = 3.0  # times its own strength that a channel can be turned up
MIXES = {"parameters": "gains and biases", "features": "activations"}
GATES = {"all": "all", "early": "early half", "late": "late half"}
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
class Look(
    PictureRecipe,
    tab="inside",
    what="a look inside",
    give="give what the tab Look inside wrote, with a model, a gate and a channel",
    always=("model", "gate", "channel"),
):
    """One picture of a class with one channel changed, and what the tab's experiments do with it.

    model: of a network with classes that can be opened now. label, other: a class by number or name; other -1: the next
    class. psi: truncation, None: the card's. gate, channel: -1: the middle gate, and its most aware channel of the
    class. amount: what the channel is multiplied with, 0 (off) to MOST. share: of a hybrid's channels that come from
    `other`, 0..1; gates: of the hybrid and of the cut, one of GATES or a range such as "2-5"; mix: a key of MIXES.
    keep: per cent of the channels. pieces: of the cut; weighted: by awareness.
    """

    model: str = checked(lambda value, _: card_of(value).name, MISSING, "name of a network with classes")
    label: int = checked(
        lambda value, look: class_of(value, look.model),
        0,
        "class drawn, by name or number",
        type=int | str,
        control=dict(kind="class", word="label", resets=dict(channel=-1)),
    )
    psi: float | None = checked(
        lambda value, look: zoo.card(look.model).psi if value in (None, "") else number(value, "the truncation", 0, 1),
        None,
        "truncation from 0 to 1; left out: as the network is shown",
        type=float | None,
        control=dict(kind="range", word="psi", step=0.05),
    )
    gate: int = checked(
        lambda value, look: _gate(value, look),
        -1,
        "the gate; -1: the middle one",
        type=int,
        control=dict(kind="select", word="gate", resets=dict(channel=-1)),
    )
    channel: int = checked(
        lambda value, look: _channel(value, look),
        -1,
        "the gate's channel; -1: its most aware one",
        type=int,
        control=dict(kind="whole", word="channel"),
    )
    amount: float = number_field(
        "the strength of the channel", 0, MOST, default=0.0, control=dict(kind="scrub", word="amount")
    )
    other: int = checked(
        lambda value, look: (
            (look.label + 1) % zoo.card(look.model).classes if value in (-1, "-1") else class_of(value, look.model)
        ),
        -1,
        "another class, by name or number; -1: the next one",
        type=int | str,
        control=dict(kind="class", word="other"),
    )
    share: float = number_field("the share of channels", 0, 1, default=0.3)
    gates: str = checked(
        lambda value, look: _gates(value, gate_count(look)),
        "all",
        "all, early, late, or 2-5",
        control=dict(kind="layers", word="gates", options=GATES, example="2-5"),
    )
    mix: str = choice_field("mix", MIXES, control=dict(kind="choice", word="mix", options=MIXES))
    keep: float = number_field("the per cent of channels", 0, 100, default=70.0)
    pieces: int = whole_field(
        "the number of pieces",
        *PIECES,
        default=4,
        control=dict(kind="range", word="pieces", low=PIECES[0], high=PIECES[1], step=1),
    )
    weighted: bool = flag_field("Weighted by awareness", default=True, control=dict(kind="flag"))

    @classmethod
    def default_model(cls) -> str:
        """The network that the tab opens with; "" where there is none with classes."""
        if BUNDLED in zoo.CARDS:
            return BUNDLED
        return next((name for name, card in zoo.CARDS.items() if card.classes), "")

    def plain(self) -> Look:
        return Look(self.model, label=self.label)

    def to_query(self) -> dict[str, str]:
        written = super().to_query()
        return dict(written, label=str(self.label)) if self.label else written


def gate_count(look: Look) -> int:
    return len(opened(look.model).gates)


def _gate(value: object, look: Look) -> int:
    count = gate_count(look)
    gate = whole(value, "the gate", -1, count - 1)
    return count // 2 if gate < 0 else gate


def _channel(value: object, look: Look) -> int:
    scores = awareness_of(look.model, look.gate)[look.label]
    channel = whole(value, f"the channel of gate {look.gate}", -1, len(scores) - 1)
    return int(strongest(scores, 1)) if channel < 0 else channel


# --- which networks, which classes


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
    return zoo.classifier_of(model, class_names(model))


def named(look: Look) -> str:
    return class_names(look.model)[look.label]


# --- gates


def awareness_of(model: str, gate: int) -> Tensor:
    """a_c(y) of a gate by formula, float64 [classes, channels]; made once, then shared."""
    return _awareness(model, zoo.weights_hash(model), gate)


@cached(64)
def _awareness(model: str, _weights: str, gate: int) -> Tensor:
    return awareness(opened(model), gate=gate).cpu()


def gate_sides(model: str) -> tuple[int, ...]:
    """Pixels a side of what each gate lets through."""
    return _sides(model, zoo.weights_hash(model))


@cached(16)
def _sides(model: str, _weights: str) -> tuple[int, ...]:
    generator = opened(model)
    codes = generator.codes(generator.sample(1, 0), label=0)
    return tuple(maps.shape[-1] for maps in activations(generator, codes, range(len(generator.gates))))


def gate_name(model: str, gate: int) -> str:
    return f"gate {gate}, {gate_sides(model)[gate]} px"


def gates_of(look: Look) -> tuple[int, ...]:
    """The gates that a hybrid or a cut uses."""
    count = gate_count(look)
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


# --- code and notebook


def code_of(look: Look) -> Code:
    """The lines that change the channel."""
    drawer, _ = drawing_code(look)
    line = (
        f"edit = ChannelEdit(gate={look.gate}, channels={look.channel}, multiply={look.amount:g})"
        "        # 0 switches the channel off"
    )
    imports = ["from core.channels.editing import ChannelEdit, edited"]
    return Code(imports, [line], moves=False, drawn=f"edited({drawer}, [edit])(codes)")


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
    drawer, rows = drawing_code(look)
    said = f"This notebook makes one picture ({alt_text(look)}). {FORMULATION}"
    values = dict(label=look.label, gate=look.gate, channel=look.channel, drawer=drawer, rows=rows)
    values["amounts"] = [round(MOST * i / 6, 3) for i in range(7)]
    return notebook_of(
        [
            ("markdown", about(look, said)),
            ("code", SET_UP),
            ("code", lines_of(look, code_of(look)) + "picture.resize((320, 320))"),
            ("markdown", "The channels that this class opens most."),
            ("code", FURTHER.format(**values)),
            ("markdown", f"Channel {look.channel} from off to {MOST:g} times its strength."),
            ("code", STRIP.format(**values)),
        ]
    )
