"""NVIDIA's TensorFlow StyleGAN2: a pickle of dnnlib networks (G, D, Gs), arrays in TensorFlow's order of axes."""

from __future__ import annotations

from torch import Tensor

from ..generators.stylegan2 import StyleGAN2
from . import nvidia
from .convert import Layout, Said, plus_one, stylegan2
from .vocabulary import AGAIN, Array, Network, Refused, shown

DEEPEST = 4  # networks within networks; the real ones nest two
MANY = 100_000  # variables; the real ones have some 200
# Settings that change pictures, and the values that this project draws; absent means usual.
USUAL = dict(
    mapping_lrmul=(0.01,),
    resample_kernel=([1, 3, 3, 1], (1, 3, 3, 1), None),
    use_noise=(True,),
    architecture=("skip",),
    nonlinearity=("lrelu",),
    mapping_nonlinearity=("lrelu",),
    normalize_latents=(True,),
)


def transposed(weight: Tensor) -> Tensor:
    """[i, o] -> [o, i]"""
    return weight.T if weight.ndim == 2 else weight


def kernel(weight: Tensor) -> Tensor:
    """[k, k, i, o] -> [o, i, k, k]"""
    return weight.permute(3, 2, 0, 1) if weight.ndim == 4 else weight


def turned_kernel(weight: Tensor) -> Tensor:
    """`kernel`, turned by 180 degrees: TensorFlow's transposed convolution does not turn it."""
    return kernel(weight).flip(-2, -1)


def _size(level: int) -> str:
    return "synthesis/{0}x{0}/".format(4 * 2**level)


LAYOUT = Layout(
    mapping=lambda i: f"mapping/Dense{i}/",
    embed="mapping/LabelEmbed/",
    w_avg="dlatent_avg",
    const="synthesis/4x4/Const/const",
    rgb=lambda i: _size(i) + "ToRGB/",
    conv=lambda j: _size((j + 1) // 2) + ("Conv0_up/" if j % 2 else "Conv1/" if j else "Conv/"),
    noise=lambda j: f"synthesis/noise{j}",
    affine=("mod_weight", "mod_bias"),
    kernel=lambda j: turned_kernel if j % 2 else kernel,
    rgb_kernel=kernel,
    dense=transposed,
    affine_bias=plus_one,
)


def matches(state: dict[str, Tensor]) -> bool:
    return any(name.startswith("synthesis/4x4/") for name in state)


def from_state(state: dict[str, Tensor], config: dict | None = None) -> StyleGAN2:
    """config: the network's static_kwargs. Raises ValueError for settings that would draw other pictures than ours."""
    config = config or {}
    for name, usual in USUAL.items():
        if name in config and config[name] not in usual:
            raise Refused(f"its {name} is {shown(config[name])}, {nvidia.UNUSUAL}")
    state = {name: tensor for name, tensor in state.items() if name not in ("lod", "synthesis/lod")}
    said = Said.of({"label_size": 0, **config}, "latent_size", "label_size")  # its default
    return stylegan2(state, LAYOUT, clamp=nvidia.checked_clamp(config.get("conv_clamp")), said=said)


def flattened(network: Network) -> tuple[dict[str, Array], dict]:
    """Variables by path through the components, and the settings; the code beside them is left aside."""
    state: dict[str, Array] = {}
    seen: set[int] = set()
    left = MANY

    def walk(found: object, prefix: str, depth: int) -> None:
        nonlocal left
        fits = isinstance(found, Network) and depth <= DEEPEST and isinstance(found.state.get("variables"), list)
        left -= len(found.state["variables"]) if fits else 0  # many networks may share one list
        if not fits or id(found) in seen or left < 0:
            raise Refused(f"its network {shown(prefix)} is broken: {AGAIN}")
        seen.add(id(found))
        for pair in found.state["variables"]:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[0], str):
                raise Refused(f"the variables of its network {shown(prefix)} are broken: {AGAIN}")
            name, value = prefix + pair[0], pair[1]
            state[name] = Array.of(value) if type(value) in (int, float) else value  # noise strengths are numbers
        components = found.state.get("components") or {}
        for name, child in components.items() if isinstance(components, dict) else ():
            walk(child, f"{prefix}{name}/", depth + 1)

    walk(network, "", 0)
    settings = network.state.get("static_kwargs")
    return state, settings if isinstance(settings, dict) else {}
