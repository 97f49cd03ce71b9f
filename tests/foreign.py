"""Our networks written as others write them, from the formats' descriptions and without the readers' tables.

`nvidia_state` renames; `rosinality`, `genforce` and `tf_variables` start from NVIDIA's names, as in their converters.
"""

from __future__ import annotations

import collections
import io
import pickle
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from core.generators.pggan import PGGAN
from core.generators.stylegan2 import StyleGAN2
from core.generators.stylegan3 import StyleGAN3

FIR = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64
BUFFERS = (
    *("w_avg", "resample_filter", "noise_const"),
    *("freqs", "phases", "transform", "magnitude_ema", "up_filter", "down_filter"),
)
State = dict[str, Tensor]


def nvidia_state(generator: StyleGAN2) -> State:
    """`Generator.state_dict()` of stylegan2-ada-pytorch."""
    state: State = {}
    for name, tensor in generator.state_dict().items():
        name = re.sub(r"^mapping\.(\d+)", r"mapping.fc\1", name)
        name = re.sub(r"^(embed|w_avg)", r"mapping.\1", name)
        found = re.match(r"layers\.(\d+)\.(.*)", name)
        if found:
            j, rest = int(found[1]), found[2]
            block = f"synthesis.b{4 * 2 ** ((j + 1) // 2)}"
            conv = f"{block}.conv{0 if j % 2 else 1}."
            own = {"const": f"{block}.const", "noise": conv + "noise_const", "rgb_bias": f"{block}.torgb.bias"}
            rgb = rest.startswith("to_rgb.")
            name = own.get(rest, f"{block}.torgb.{rest[7:]}" if rgb else conv + rest.removeprefix("conv."))
        state[name] = tensor.clone()
    for block in {name.rsplit(".", 2)[0] for name in state if name.endswith(".noise_const")}:
        for part in ("", ".conv0", ".conv1"):
            if part != ".conv0" or block != "synthesis.b4":
                state[f"{block}{part}.resample_filter"] = FIR.clone()
    return state


def stylegan3_state(generator: StyleGAN3) -> State:
    """`Generator.state_dict()` of stylegan3; the sizes in its names are those of maps that were really drawn."""
    codes, names, state = torch.zeros(1, generator.slots, generator.dim), ["input"], None
    for i in range(len(generator.layers)):
        state = generator.run(codes, state, start=i, stop=i + 1)
        x = state.x if state.rgb is None else state.rgb
        names += [f"L{i - 1}_{x.shape[-1]}_{x.shape[1]}"] if i else []
    found: State = {}
    for name, tensor in generator.state_dict().items():
        name = re.sub(r"^layers\.(\d+)\.(conv\.|filtered\.)?", lambda m: f"synthesis.{names[int(m[1])]}.", name)
        name = re.sub(r"^mapping\.(\d+)", r"mapping.fc\1", name)
        found[re.sub(r"^(embed|w_avg)", r"mapping.\1", name)] = tensor.clone()
    return found


def rosinality(state: State) -> dict[str, State | Tensor]:
    out: State = {}
    for name, x in state.items():
        if name.endswith("resample_filter") or name == "mapping.w_avg":
            continue
        if name.startswith("mapping.fc"):
            out[re.sub(r"mapping\.fc(\d+)", lambda found: f"style.{int(found[1]) + 1}", name)] = x
        elif name == "synthesis.b4.const":
            out["input.input"] = x[None]
        else:
            _, block, part, rest = name.split(".", 3)
            i = int(block[1:]).bit_length() - 4  # 8 px is 0
            if part == "torgb":
                theirs = "to_rgb1" if i < 0 else f"to_rgbs.{i}"
                value = x.view(1, -1, 1, 1) if rest == "bias" else x
            else:
                theirs, value = "conv1" if i < 0 else f"convs.{2 * i + int(part[-1])}", x
            k = 0 if i < 0 else 2 * i + 1 + int(part[-1] if part != "torgb" else 0)
            rest = rest.replace("affine", "conv.modulation")
            if rest == "weight":
                rest, value = "conv.weight", x[None]
            elif rest == "bias" and part != "torgb":
                rest = "activate.bias"
            elif rest == "noise_strength":
                rest, value = "noise.weight", x.view(1)
            noise = rest == "noise_const"
            out[f"noises.noise_{k}" if noise else f"{theirs}.{rest}"] = x[None, None] if noise else value
    for name in list(out):
        if re.fullmatch(r"convs\.\d*[02468]\.conv\.weight", name):
            out[name.replace("weight", "blur.kernel")] = FIR * 4
        if re.fullmatch(r"to_rgbs\.\d+\.bias", name):
            out[name.replace("bias", "upsample.kernel")] = FIR * 4
    return {"g_ema": out, "latent_avg": state["mapping.w_avg"]}


def genforce(state: State) -> State:
    out: State = {"synthesis.upsample.kernel": FIR[None, None] * 4}
    for name, x in state.items():
        if name.startswith("mapping.fc"):
            out[name.replace("fc", "dense")] = x
        elif name == "mapping.w_avg":
            out["truncation.w_avg"] = x
        elif name == "synthesis.b4.const":
            out["synthesis.early_layer.const"] = x[None]
        elif not name.endswith("resample_filter"):
            _, block, part, rest = name.split(".", 3)
            level = int(block[1:]).bit_length() - 3  # 4 px is 0
            if part == "torgb":
                theirs = f"synthesis.output{level}"
            else:
                theirs = f"synthesis.layer{2 * level - (part == 'conv0')}"
                if part == "conv0" and rest == "weight":
                    x = x.flip(2, 3)
                    out[f"{theirs}.filter.kernel"] = FIR[None, None] * 4
            x = x - 1 if rest == "affine.bias" else x[None, None] if rest == "noise_const" else x
            out[f"{theirs}.{rest.replace('affine', 'style').replace('noise_const', 'noise')}"] = x
    return out


def genforce_pggan(generator: PGGAN, *, old: bool = False, fused: bool = False) -> State:
    """old: the names of HiGAN and mGANprior; fused: up-sampling layers as transposed convolutions [in, out, 3, 3]."""
    out: State = {"lod": torch.zeros(())}
    for name, x in generator.state_dict().items():
        found = re.match(r"layers\.(\d+)\.(.*)", name)
        if not found:
            out[f"output{len(generator.channels) - 1}.{name.removeprefix('rgb_')}"] = x.clone()
            continue
        j = int(found[1])
        x = x.flip(2, 3) if (j, found[2]) == (0, "weight") else x
        x = x.flip(2, 3).transpose(0, 1) if fused and j and j % 2 == 0 and found[2] == "weight" else x
        out[f"layer{j}.{found[2]}"] = x.clone().contiguous()
    for i, width in enumerate(generator.channels[:-1]):
        out |= {f"output{i}.weight": torch.ones(3, width, 1, 1), f"output{i}.bias": torch.zeros(3)}
    new = {".weight": ".conv.weight", ".bias": ".wscale.bias"}
    return {re.sub(r"\.\w+$", lambda end: new[end[0]], name): x for name, x in out.items()} if old else out


class BaseConfig:
    """models.utils.config of pytorch_GAN_zoo: attributes."""


def gan_zoo_state(generator: PGGAN, *, old: bool = False) -> State:
    """A network of pytorch_GAN_zoo; old: the names of before layers were wrapped."""
    state, out = generator.state_dict(), {}
    last = len(generator.channels) - 1
    zoo = "" if old else "module."
    for j, layer in enumerate(generator.layers):
        weight, bias = state[f"layers.{j}.weight"], state[f"layers.{j}.bias"]
        theirs = f"scaleLayers.{j // 2 - 1}.{j % 2}" if j > 1 else "groupScale0.0" if j else "formatLayer"
        weight = weight if j else (weight / 4).permute(0, 2, 3, 1).flatten(0, 2)
        out[f"{theirs}.{zoo}weight"] = weight.contiguous()
        out[f"{theirs}.{zoo}bias"] = bias.flatten() / (2 / weight[0].numel()) ** 0.5
    for i, width in enumerate(generator.channels):
        ours = {last: "rgb_", last - 1: f"layers.{2 * i + 1}.to_rgb."}.get(i, "")
        weight, bias = (state.get(f"{ours}{part}") for part in ("weight", "bias"))
        if weight is None:
            weight, bias = torch.ones(generator.image_channels, width, 1, 1), torch.ones(generator.image_channels)
        out[f"toRGBLayers.{i}.{zoo}weight"] = weight / 2**0.5
        out[f"toRGBLayers.{i}.{zoo}bias"] = bias / (2 / width) ** 0.5
    return out


def gan_zoo(generator: PGGAN, *, loss: str = "WGANGP", old: bool = False, **said: object) -> bytes:
    """What `ProgressiveGAN.save` writes; `netG` is another network. said: more of its settings."""
    config, out = BaseConfig(), gan_zoo_state(generator, old=old)
    config.__dict__.update(
        dict(alpha=generator.fade, lossCriterion=loss, leakyReluLeak=0.2, categoryVectorDim=0), **said
    )
    other = {name: tensor + 1 for name, tensor in out.items()}
    with strangers(models={}, models__utils={}, models__utils__config=dict(BaseConfig=BaseConfig)):
        return torch_file(dict(config=config, netG=other, netD={"w": torch.ones(2)}, avgG=out))


# NVIDIA's pickles


@contextmanager
def strangers(**modules: dict) -> Iterator[None]:
    """Modules by name (`__` for a dot) that exist while the block runs; their members know where they come from."""
    names = {name.replace("__", "."): members for name, members in modules.items()}
    before = {name: sys.modules.get(name) for name in names}
    for name, members in names.items():
        sys.modules[name] = ModuleType(name)
        for member, value in members.items():
            value.__module__, value.__qualname__ = name, member
            setattr(sys.modules[name], member, value)
    yield
    for name, module in before.items():
        sys.modules.pop(name) if module is None else sys.modules.update({name: module})


class EasyDict(dict):
    pass


class Network:
    def __init__(self, **state: object):
        self.__dict__.update(state)


def _reconstruct_persistent_obj(meta: dict) -> None:
    raise AssertionError("nobody should rebuild the object")


class Persistent:
    def __init__(self, source: str, **state: object):
        self.source, self.state = source, state

    def __reduce__(self) -> tuple:
        return _reconstruct_persistent_obj, (
            dict(type="class", version=6, module_src=self.source, class_name="Generator", state=self.state),
        )


def dumped(tree: object, *, protocol: int = 4) -> bytes:
    with strangers(
        torch_utils={},
        dnnlib={},
        dnnlib__util=dict(EasyDict=EasyDict),
        dnnlib__tflib={},
        torch_utils__persistence=dict(_reconstruct_persistent_obj=_reconstruct_persistent_obj),
        dnnlib__tflib__network=dict(Network=Network),
    ):
        return pickle.dumps(tree, protocol=protocol)


def persistent(
    state: State,
    *,
    clamp: float | None = 256.0,
    source: str = "raise SystemExit",
    nested: bool = True,
    layers_say: bool = True,
    said: dict[str, int] | None = None,
    **also: object,
) -> Persistent:
    """The module tree of a flat state dict. nested: arguments as in stylegan2-ada-pytorch, not stylegan3.

    said: z_dim and c_dim, as attributes of the outermost module. also: what every module has besides, under these
    names.
    """
    own: dict[str, Tensor] = {}
    children: dict[str, State] = {}
    for name, tensor in state.items():
        first, _, rest = name.partition(".")
        children.setdefault(first, {})[rest] = tensor
        if not rest:
            own[first] = children.pop(first)[""]
    synthesis = EasyDict(channel_base=32768, conv_clamp=clamp)
    given = dict(synthesis_kwargs=synthesis) if nested else synthesis
    how = dict(clamp=clamp, source=source, nested=nested, layers_say=layers_say, **also)
    ordered = collections.OrderedDict
    return Persistent(
        source,
        training=False,
        _forward_hooks=ordered(),
        _non_persistent_buffers_set=set(),
        act_gain=np.sqrt(2),
        **also,
        _buffers=ordered((name, x) for name, x in own.items() if name in BUFFERS),
        _parameters=ordered((name, nn.Parameter(x)) for name, x in own.items() if name not in BUFFERS) | {"skip": None},
        _modules=ordered((name, persistent(inner, **how)) for name, inner in children.items()),
        _init_args=(),
        _init_kwargs=EasyDict(z_dim=512, mapping_kwargs=EasyDict(), **given),
        **(dict(conv_clamp=clamp) if layers_say and "bias" in own else {}),
        **(said or {}),
    )


def nvidia_pickle(state: State, *, protocol: int = 4, **how) -> bytes:
    """A training snapshot: critic and last generator lie beside the average, whose picture is wanted."""
    other = persistent({name: tensor + 1 for name, tensor in state.items()}, **how)
    return dumped(
        dict(
            training_set_kwargs=EasyDict(path="data.zip"),
            G=other,
            D=other,
            G_ema=persistent(state, **how),
            augment_pipe=None,
        ),
        protocol=protocol,
    )


def tf_variables(state: State) -> dict[str, np.ndarray]:
    """The inverse of stylegan2-ada-pytorch's legacy.py."""
    out: dict[str, np.ndarray] = {"lod": np.float32(0)}
    for name, tensor in state.items():
        x = tensor.numpy()
        block = re.match(r"synthesis\.b(\d+)\.(conv0|conv1|torgb)\.(.*)", name)
        if name == "mapping.w_avg":
            out["dlatent_avg"] = x
        elif name.startswith("mapping.fc"):
            out[re.sub(r"mapping\.fc(\d+)\.", r"mapping/Dense\1/", name)] = x.T if x.ndim == 2 else x
        elif name == "synthesis.b4.const":
            out["synthesis/4x4/Const/const"] = x[None]
        elif block and block[3] != "resample_filter":
            side, part, rest = int(block[1]), block[2], block[3]
            layer = {"torgb": "ToRGB", "conv0": "Conv0_up", "conv1": "Conv1" if side > 4 else "Conv"}[part]
            if rest == "noise_const":
                out[f"synthesis/noise{2 * int(np.log2(side)) - (5 if part == 'conv0' else 4)}"] = x[None, None]
                continue
            if rest == "weight":
                x = x.transpose(2, 3, 1, 0)
                x = x[::-1, ::-1] if part == "conv0" else x
            x = x.T if rest == "affine.weight" else x - 1 if rest == "affine.bias" else x
            x = x if x.ndim else np.float32(x)
            out[f"synthesis/{side}x{side}/{layer}/{rest.replace('affine.', 'mod_')}"] = x
    return out


def tf_pickle(state: State, *, protocol: int = 4, **settings: object) -> bytes:
    """(G, D, Gs), the average last."""

    def network(shift: float) -> Network:
        variables = {
            name: np.ascontiguousarray(x + np.float32(shift)) if np.ndim(x) else np.float32(x + shift)
            for name, x in tf_variables(state).items()
        }
        code = dict(version=4, build_module_src="raise SystemExit", build_func_name="G")
        parts = EasyDict()
        for part in ("mapping", "synthesis"):
            inner = [(name[len(part) + 1 :], x) for name, x in variables.items() if name.startswith(f"{part}/")]
            parts[part] = Network(name=part, static_kwargs={}, components=EasyDict(), variables=inner, **code)
        own = [(name, x) for name, x in variables.items() if "/" not in name]
        settings_of_all = EasyDict(resolution=16, **settings)
        return Network(name="Gs", static_kwargs=settings_of_all, components=parts, variables=own, **code)

    return dumped((network(1), network(2), network(0)), protocol=protocol)


def torch_file(tree: object, *, legacy: bool = False) -> bytes:
    out = io.BytesIO()
    torch.save(tree, out, _use_new_zipfile_serialization=not legacy)
    return out.getvalue()
