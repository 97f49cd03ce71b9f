"""What the tab Look inside says: its sentences, its equation, and what was measured of a network's channels."""

from __future__ import annotations

import json
from functools import lru_cache
from html import escape

from core import zoo

from ..page.blocks import table

BARE_SENTENCE = "Every class opens channels of its own in this network. Switch one off and see what goes."
LEAD = "A formula finds the channels that a class opens most, from the weights alone; what they do, you try."
NO_NETWORK = (
    "This tab looks into networks that draw by class, and none is on this machine yet: "
    "fetch one from the list below, which says its size and licence, or start the page with "
    "python app.py --weights FILE and a BigGAN or BigGAN-deep of yours."
)
FEW = (
    "How few channels make a class?",
    "Of every gate only the most aware channels are kept, all others are off; beside it, as many random ones.",
)
CROSS = ("Cross two classes", "The same noise, two classes: the channels that the other class opens most come from it.")
CUT = (
    "Cut out",
    "Nobody labelled a pixel: places where the channels say the same become one piece (k-means), "
    "weighted by awareness or not.",
)
ALIKE = ("Who is like whom?", "Two classes are alike where they open the same channels more than other classes do.")
COMPARE = (
    "By formula, from the weights; by watching, the mean of what the channel lets through; by experiment, "
    "switching the channel off and comparing pictures. The experiment is the truth about what a channel does; "
    "it takes longest."
)
LIMITS = (
    "That a picture changes when a channel is switched off does not say that this channel alone draws what went: "
    "channels work together, and a channel that nobody misses may still help. Awareness is our formulation, "
    "not the paper’s published one."
)
EQUATION = (
    r"""
**Our formulation.** The paper (He et al., *Interpreting Class Conditional GANs with Channel Awareness*, """
    r"""arXiv 2203.11173) has neither
code nor text that is public; what follows is how we read its abstract and its figures, and may differ from it.

A class-conditional gate normalises every channel, scales and shifts it as class $y$ (and noise $z$) says, """
    r"""and lets through what is positive:

$$ h_c = \mathrm{ReLU}\big(g_c(y, z)\, x_c + b_c(y, z)\big). $$

Were $x_c$ a standard normal number, its mean would be known in closed form, """
    r"""with $t = b_c / |g_c|$ and $\varphi, \Phi$ the normal
density and distribution:

$$ a_c(y) = \mathrm{E}[h_c] = |g_c|\, \varphi(t) + b_c\, \Phi(t), $$

which is the *awareness* of channel $c$ for class $y$, here at $z = 0$: """
    r"""for all classes and channels at once, without drawing a picture.
$x_c$ is normal over all classes together, not within one: """
    r"""so the page puts two other measures beside it, the mean of $h_c$ over
pictures and pixels (by watching), and the mean squared difference of pictures with $h_c$ at 0 (by experiment).

**Off and up**: $h_c$ is multiplied by the amount. """
    r"""**Few channels**: of every gate the $q$ per cent with the highest $a_c(y)$ stay.
**Cross**: with the same $z$, the channels with the highest $a_c(y_B)$ """
    r"""have the gains and biases of class $B$, or its activations.
**Who is like whom**: the cosine of $a(y) - \mathrm{mean}_y\, a$, each gate scaled to the same size. """
    r"""**Cut out**: k-means of $a_c h_c(p)$ over
pixels $p$, every gate centred and scaled to the same variance.
"""
)
NOT_MEASURED = (
    "<p>Not measured yet for this network. What stands on this page is measured on the pictures on screen; "
    "“Compare methods” puts formula, observation and experiment side by side for the chosen "
    "gate.</p>"
)


def truth_html(model: str) -> str:
    """The tables of weights/evidence/<card>-channels.json, where it was measured with exactly these weights.

    It holds weights_sha256, command, date, sentences [text] and tables [{caption, head [text],
    rows [[text or number]]}].
    """
    found = _evidence(model, zoo.weights_hash(model))
    if found is None:
        return NOT_MEASURED
    sentences = "".join(f"<p>{escape(one)}</p>" for one in found["sentences"])
    tables = "".join(table(one["head"], one["rows"], caption=one["caption"]) for one in found["tables"])
    made = f"Measured on {escape(found['date'])} with {escape(found['command'])}."
    return f'{sentences}{tables}<p class="caption">{made}</p>'


@lru_cache(maxsize=8)
def _evidence(model: str, weights: str) -> dict | None:
    try:
        found = json.loads((zoo.WEIGHTS / "evidence" / f"{model}-channels.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(found, dict) and all(name in found for name in ("sentences", "tables", "date", "command"))
    return found if whole and found.get("weights_sha256") == weights else None
