"""A look inside is a recipe: which picture of which class, which channel at what strength, what it is crossed with.

One record makes the picture, its link, code and notebook. Gates and channels are numbered as in core.channels, from 0.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Self

from torch import Tensor, nn

from core import zoo
from core.cache import cached
from core.channels import awareness as channels
from core.channels.gates import gate_range
from core.classes import class_names
from core.generators.base import Generator

from ..page import fields
from ..page.export import Code, about, drawing_code, lines_of, notebook_of, set_up
from ..page.fields import RecipeError, checked, choice_field, flag_field, number_field, quoted, whole_field
from ..page.picture import PictureRecipe, class_of, noun_of, opened
from ..page.words import texts

BUNDLED = "objects-biggan"  # what the tab opens with, where it is there
MOST = 3.0  # times its own strength that a channel can be turned up
TEXTS = texts(Path(__file__).with_name("texts"))
CONTROLS, FORMULATION = TEXTS["controls"], TEXTS["said"]["formulation"]
GATES, MIXES = CONTROLS["gates"]["options"], CONTROLS["mix"]["options"]
PIECES = CONTROLS["pieces"]["low"], CONTROLS["pieces"]["high"]


# --- checks: (value, the look as far as it was checked) -> the plain value; each raises RecipeError


def _model(value: object, _look: Look) -> str:
    """A network with classes that can be opened now."""
    if not (isinstance(value, str) and (value in zoo.ready() or value in zoo.VISITORS)):
        there = ", ".join(name for name, card in zoo.ready().items() if card.gated)
        choose = there or "one of the list of networks"
        raise RecipeError(f"the model cannot be {quoted(value)}: choose {choose}, or fetch it first")
    if not opened(value).gates:
        raise RecipeError(TEXTS["said"]["needs"])
    return value


def _label(value: object, look: Look) -> int:
    return class_of(value, look.model)


def _other(value: object, look: Look) -> int:
    return (look.label + 1) % zoo.card(look.model).classes if value in (-1, "-1") else class_of(value, look.model)


def _psi(value: object, look: Look) -> float:
    return zoo.card(look.model).psi if value in (None, "") else fields.number(value, "the truncation", 0, 1)


def _gate(value: object, look: Look) -> int:
    count = gate_count(look)
    gate = fields.whole(value, "the gate", -1, count - 1)
    return count // 2 if gate < 0 else gate


def _channel(value: object, look: Look) -> int:
    scores = awareness_of(look.model, look.gate)[look.label]
    channel = fields.whole(value, f"the channel of gate {look.gate}", -1, len(scores) - 1)
    return int(channels.strongest(scores, 1)) if channel < 0 else channel


def _gates(value: object, look: Look) -> str:
    """The name of a group as it is, else a range."""
    count = gate_count(look)
    found = gate_range(value, count) if isinstance(value, str) else None
    if found is None:
        possible = f"choose {', '.join(GATES)}, or a range within 0-{count - 1}"
        raise RecipeError(f"the gates cannot be {quoted(value)}: {possible}")
    return value if value in GATES else f"{found[0]}-{found[-1]}"


@dataclass(frozen=True)
class Look(PictureRecipe, tab="inside", always=("model", "gate", "channel"), **TEXTS["recipe"]):
    """One picture of a class with one channel changed, and what the tab's experiments do with it.

    model: of a network with classes that can be opened now. label, other: a class by number or name; other -1: the next
    class. psi: truncation, None: the card's. gate, channel: -1: the middle gate, and its most aware channel of the
    class. amount: what the channel is multiplied with, 0 (off) to MOST. share: of a hybrid's channels that come from
    `other`, 0..1; gates: of the hybrid and of the cut, one of GATES or a range such as "2-5"; mix: a key of MIXES.
    keep: per cent of the channels. pieces: of the cut; weighted: by awareness.
    """

    model: str = checked(_model, MISSING, "name of a network with classes")
    label: int = checked(_label, 0, "class drawn, by name or number", type=int | str, control=CONTROLS["label"])
    psi: float | None = checked(_psi, None, TEXTS["said"]["psi"], type=float | None, control=CONTROLS["psi"])
    gate: int = checked(_gate, -1, "the gate; -1: the middle one", control=CONTROLS["gate"])
    channel: int = checked(_channel, -1, "the gate's channel; -1: its most aware one", control=CONTROLS["channel"])
    amount: float = number_field("the strength of the channel", 0, MOST, default=0.0, control=CONTROLS["amount"])
    other: int = checked(_other, -1, TEXTS["said"]["other"], type=int | str, control=CONTROLS["other"])
    share: float = number_field("the share of channels", 0, 1, default=0.3)
    gates: str = checked(_gates, "all", "all, early, late, or 2-5", control=CONTROLS["gates"])
    mix: str = choice_field("mix", MIXES, control=CONTROLS["mix"])
    keep: float = number_field("the per cent of channels", 0, 100, default=70.0)
    pieces: int = whole_field("the number of pieces", *PIECES, default=4, control=CONTROLS["pieces"])
    weighted: bool = flag_field("Weighted by awareness", default=True, control=CONTROLS["weighted"])

    @classmethod
    def default_model(cls) -> str:
        """The network that the tab opens with; "" where no channels belong to classes."""
        known = [name for name, card in zoo.CARDS.items() if card.gated]
        return next(
            (name for name in known if zoo.CARDS[name].own), BUNDLED if BUNDLED in known else next(iter(known), "")
        )

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        """Of a link that was made with other weights: with the usual gate, or channel, where these have fewer."""
        try:
            return super().from_query(query)
        except RecipeError:
            for fewer in (("channel",), ("channel", "gate")) if isinstance(query, Mapping) else ():
                with contextlib.suppress(RecipeError):
                    found = super().from_query({name: value for name, value in query.items() if name not in fewer})
                    if fields.other_weights(query, found.model, zoo.weights_hash(found.model)):
                        return found
            raise

    @classmethod
    def unread(cls, model: str, **values: object) -> dict:
        return super().unread(model, **{"amount": 1.0, **values})  # it arrives with the channel on

    def plain(self) -> Look:
        return Look(self.model, label=self.label)

    def to_query(self) -> dict[str, str]:
        written = super().to_query()
        return dict(written, label=str(self.label)) if self.label else written


# --- classes and gates


def classifier_of(model: str) -> nn.Module | None:
    return zoo.classifier_of(model, class_names(model))


def gate_count(look: Look) -> int:
    return len(opened(look.model).gates)


def awareness_of(model: str, gate: int) -> Tensor:
    """a_c(y) of a gate by formula, float64 [classes, channels]; made once, then shared."""
    return _awareness(model, zoo.weights_hash(model), gate)


@cached(64)
def _awareness(model: str, _weights: str, gate: int) -> Tensor:
    return channels.awareness(opened(model), gate=gate).cpu()


@cached(16)
def _sides(model: str, _weights: str) -> tuple[int, ...]:
    return channels.gate_sides(opened(model))


def gate_name(model: str, gate: int) -> str:
    return f"gate {gate}, {_sides(model, zoo.weights_hash(model))[gate]} px"


def gates_of(look: Look) -> range:
    """The gates that a hybrid or a cut uses."""
    return gate_range(look.gates, gate_count(look))


# --- the picture


def generator_of(look: Look) -> Generator:
    return opened(look.model).at(psi=look.psi)


def codes_of(look: Look, count: int = 1, *, label: int | None = None) -> Tensor:
    """[count, slots, dim] of the look's seed and those that follow, of its class or another one."""
    generator = opened(look.model)
    z = generator.sample(count, look.seed)
    return generator.codes(z, psi=look.psi, label=look.label if label is None else label)


def strength(look: Look) -> str:
    """What was done to the channel."""
    if look.amount == 0:
        return "switched off"
    return "as it is" if look.amount == 1 else f"at {look.amount:g} times its strength"


def alt_text(look: Look) -> str:
    """What the picture shows and how it was made, for those who do not see it."""
    noun, name = noun_of(look.model), look.label_name
    of = f"class {look.label}" + ("" if name == f"class {look.label}" else f" ({name})")
    return (
        f"{noun}, picture number {look.seed}, {of}, truncation {look.psi:g}, "
        f"channel {look.channel} of {gate_name(look.model, look.gate)} {strength(look)}"
    )


# --- code and notebook


def code_of(look: Look) -> Code:
    """The lines that change the channel."""
    drawer, _ = drawing_code(look)
    edit = f"ChannelEdit(gate={look.gate}, channels={look.channel}, multiply={look.amount:g})"
    imports, line = ["from core.channels.editing import ChannelEdit, edited"], f"edit = {edit}"
    comment = "        # 0 switches the channel off"
    return Code(imports, [line + comment], moves=False, drawn=f"edited({drawer}, [edit])(codes)")


def notebook_for(look: Look) -> bytes:
    """A notebook (nbformat 4) that gets itself running, makes the picture, ranks the channels, and turns this one."""
    (drawer, rows), written = drawing_code(look), TEXTS["notebook"]
    values = dict(label=look.label, gate=look.gate, channel=look.channel, drawer=drawer, rows=rows)
    values["amounts"] = [round(MOST * i / 6, 3) for i in range(7)]
    said = f"This notebook makes one picture ({alt_text(look)}). {FORMULATION}"
    cells = (
        ("markdown", about(look, said)),
        ("code", set_up()),
        ("code", lines_of(look, code_of(look)) + "picture.resize((320, 320))"),
        ("markdown", written["channels"]),
        ("code", written["rank"].format(**values)),
        ("markdown", f"Channel {look.channel} from off to {MOST:g} times its strength."),
        ("code", written["strip"].format(**values)),
    )
    return notebook_of(cells)
