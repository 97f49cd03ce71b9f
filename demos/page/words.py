"""Plain words first, the field's term second: one table that every label on the page is taken from."""

from __future__ import annotations

from html import escape
from typing import NamedTuple


class Word(NamedTuple):
    """plain: what the page shows. term: what the field calls it. tip: one sentence for who points at it."""

    plain: str
    term: str
    tip: str


WORDS: dict[str, Word] = {
    "seed": Word(
        "Picture number", "seed", "The number that the picture grows from: the same number is always the same picture."
    ),
    "label": Word("Class", "label", "Which kind of thing the network draws, by its name or number."),
    "psi": Word("How unusual", "truncation psi", "0 is the average picture, 1 is anything the network can draw."),
    "layers": Word("Which layers listen", "layers, slots", "Coarse layers lay out the head, fine layers colour it in."),
    "coarse": Word("coarse", "4 and 8 px", "The first layers: pose and shape."),
    "middle": Word("middle", "16 and 32 px", "The layers in between: features."),
    "fine": Word("fine", "64 px and more", "The last layers: colours and light."),
    "all": Word("all", "every slot", "The knob moves what every layer reads."),
    "own": Word("own", "slots by number", "Numbers from 0 on, such as 0-3,6."),
    "fit": Word(
        "How a knob is found",
        "fit",
        "Labels say which pictures have more of an attribute; a fit makes a direction of it.",
    ),
    "lam": Word(
        "From pure to strong",
        "lambda",
        "0: a step moves one attribute alone, at first order; more: it moves further, and more besides.",
    ),
    "fixed": Word(
        "What must stay", "conditions", "The other knobs are made so that these do not move; none: all stay."
    ),
    "knob": Word(
        "knob",
        "direction",
        "One way to move the numbers behind a picture; a step is one standard deviation of w along it.",
    ),
    "strength": Word(
        "strength",
        "eigenvalue, as a share of the largest",
        "SeFa: how strongly the network's first maps react to this knob; "
        "GANSpace: how much codes vary along it. The strongest is 100.",
    ),
    "method": Word(
        "Where the knobs come from", "method", "Every method names ways to move; none is told what a face is."
    ),
    "sefa/paper": Word(
        "From the weights, as the paper says", "SeFa", "Eigenvectors of A^T A, with the gains that the network applies."
    ),
    "sefa/official": Word(
        "From the weights, as the published code does",
        "SeFa, official",
        "The same, with every row of A scaled to length 1.",
    ),
    "ganspace": Word("From many pictures", "GANSpace", "The principal components of 10,000 sampled codes."),
    "random": Word("At random", "random directions", "What any method has to beat."),
    "file": Word("From my file", ".npy, .npz, .safetensors", "Directions that you bring."),
    "correlation": Word(
        "by watching",
        "|corr(w . v, factor)| at least 0.7",
        "Over 512 unedited pictures, the position along the knob goes with the factor.",
    ),
    "causal": Word(
        "by experiment",
        "from −2 to +2 steps it changes most, by 2 sd or more",
        "Turn the knob, read the picture again, and see what changed, "
        "in standard deviations over the training pictures.",
    ),
    "supervised": Word(
        "what labels would give",
        "supervised fit",
        "The least-squares direction for each factor, fitted with the true answers.",
    ),
    "purity": Word("Purity", "share of the strongest factor", "At 100 % the knob moves one thing only."),
    "same_sign": Word(
        "in the same sense", "sign agreement", "The share of pictures that move in the sense of the mean."
    ),
    "percentile": Word(
        "random ones that move it less",
        "percentile among random directions",
        "What share of 200 random directions, each turned by a step of its own, moves it less.",
    ),
    "region": Word("Region", "mask", "The outlined part of the picture that a knob is made for."),
    "ban": Word(
        "Forbid changes outside",
        "null-space projection",
        "Knobs may only go where the rest of the picture, as far as the network knows it, does not react.",
    ),
    "paint/step": Word(
        "Step",
        "RMS change inside of 0.05, at first order",
        "One step changes the region by 6 of 255 levels (root mean square), whatever the knob.",
    ),
    "ratio": Word(
        "inside moves so many times as much", "ratio, RMS", "The change inside of the region over that outside of it."
    ),
    "energy": Word("Visible strength", "energy", "The mean squared change inside for a unit step."),
    "jacobian": Word(
        "How every pixel reacts to every number", "Jacobian", "The derivative of the picture by the numbers behind it."
    ),
    "lambda": Word(
        "How strict",
        "lambda",
        "How readily changes count as scattered, not shared: it sets how many ways outside are protected.",
    ),
    "rank": Word(
        "How many knobs this region has", "rank", "The number of independent ways in which the region changes."
    ),
    "lowrank": Word(
        "Forbidden ways removed", "LowRankGAN", "Ways that move the region, projected to where the rest stays still."
    ),
    "resefa": Word("In closed form", "ReSeFa", "Ways that move the region most for what they change elsewhere."),
    "official": Word(
        "As the published code does",
        "LowRankGAN, official",
        "The mean over RGB, lambda 1/60, a penalty and a stopping rule of its own.",
    ),
    "codes": Word(
        "How many at once", "latent codes N", "How many sets of numbers are found for one picture and mixed."
    ),
    "mixed": Word(
        "Where they are mixed",
        "composing layer",
        "How many layers each runs through alone: early, the network draws what it knows; late, it copies.",
    ),
    "steps": Word(
        "How long to search",
        "steps, one gradient each",
        "The search may end earlier, where fifty steps gained less than one per cent.",
    ),
    "start": Word(
        "Where the search begins", "seed of the start", "Another start often ends at another answer that fits as well."
    ),
    "loss": Word(
        "What is compared",
        "loss",
        "What is left of the answer is compared with what was observed: pixel by pixel, or in features as well.",
    ),
    "optimiser": Word(
        "Which way is downhill",
        "optimiser",
        "Adam moves a little at each step; L-BFGS remembers how the slope changed.",
    ),
    "gate": Word(
        "Which layer",
        "gate",
        "A normalisation and its ReLU, where a class opens and closes channels; "
        "the first ones lay out, the last ones colour in.",
    ),
    "channel": Word(
        "Which channel", "channel of the gate", "One of the maps that a gate lets through, by its name or number."
    ),
    "aware": Word(
        "How much it matters for this class",
        "channel awareness",
        "The mean that the gate lets through, by formula, were its input a normal number.",
    ),
    "amount": Word("How strong the channel is", "multiplier", "0 is off, 1 as it is, more is louder."),
    "share": Word(
        "How many channels come from the other class",
        "share of channels",
        "Those that the other class opens most come first.",
    ),
    "mix": Word(
        "What comes from the other class",
        "mixing",
        "Gains and biases act on this picture’s features; activations are the other picture’s own.",
    ),
    "gates": Word(
        "In which layers", "range of gates", "All gates, the early or the late half, or numbers such as 2-5."
    ),
    "other": Word("The other class", "class label", "The class whose channels come into this picture."),
    "pieces": Word("How many pieces", "clusters k", "The picture’s pixels are put into so many groups."),
}


def word(key: str) -> Word:
    """Raises KeyError with the words there are."""
    if key not in WORDS:
        raise KeyError(f"no word {key!r}; the table has {', '.join(WORDS)}")
    return WORDS[key]


def signed(value: float, digits: int | None = None) -> str:
    """A number that is shown with its sign, and a true minus; `digits` after the point, None: as few as it has."""
    said = f"{value:+g}" if digits is None else f"{round(float(value), digits) + 0.0:+.{digits}f}"  # no -0.00
    return said.replace("-", "−")


def plain(key: str) -> str:
    return word(key).plain


def label(key: str) -> str:
    """Plain word and term as text: "Picture number (seed)"."""
    found = word(key)
    return f"{found.plain} ({found.term})"


def marked(key: str) -> str:
    """A word of the page as HTML: the term small, the tip on pointing at it."""
    found = word(key)
    names = f"{escape(found.plain)} <small>{escape(found.term)}</small>"
    return f'<span class="word" title="{escape(found.tip)}">{names}</span>'


def table() -> dict[str, dict[str, str]]:
    """The whole table as plain values, for scripts in the page."""
    return {key: found._asdict() for key, found in WORDS.items()}
