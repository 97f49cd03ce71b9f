"""Networks that this project does not draw, known by the names of their tensors: what they are, and what would help.

A row says which patterns must all be found among the names. FIRST are asked before the formats, because some part of
such a network looks like one that is drawn; OTHERS where no format matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

DRAWN = "StyleGAN3, StyleGAN2, StyleGAN, PGGAN, DCGAN, R3GAN or BigGAN"
NAMES, LONGEST = 1000, 80  # how many names are looked at, and how much of each
OPEN = f"open a generator of {DRAWN}"
NOT_DRAWN = f"which this project does not draw: {OPEN}"
CRITIC = "which judges pictures and draws none: open the generator that was trained with it"


class Row(NamedTuple):
    sentence: str
    patterns: tuple[str, ...]


def _row(sentence: str, *patterns: str) -> Row:
    return Row(sentence, patterns)


FIRST: tuple[Row, ...] = (
    _row("it is a StyleGAN2 as MMGeneration saves it, which is not read here: open the network that it was converted "
         "from, NVIDIA's or rosinality's", r"(^|\.)style_mapping\.\d", r"(^|\.)constant_input\."),
    _row("it is a StyleGAN2 as BasicSR saves it, which is not read here: open the network that it was converted from, "
         "rosinality's", r"^style_conv1\.modulated_conv\.", r"^constant_input\."),
    _row("it is a StyleGAN of NVIDIA's TensorFlow code, of which only StyleGAN2 is read here: open the .pth that "
         "GenForce made of it", r"(^|/)StyleMod/weight", r"Const"),
    _row(f"it is an EG3D, a generator of three-dimensional scenes, {NOT_DRAWN}", r"backbone\.synthesis\.",
         r"(superresolution|decoder\.net)\."),
    _row(f"it is a StyleGAN-XL, a StyleGAN3 with layers of its own, {NOT_DRAWN}", r"synthesis\.input\.",
         r"mapping\.embed_proj\."),
    _row(f"it is a StyleGAN-T, which draws what a text describes, {NOT_DRAWN}", r"synthesis\.input\.|synthesis\.b4\.",
         r"(mapping\.)?clip\.|text_encoder"),
    _row("it is a restorer of faces (GFPGAN), which turns a picture into a picture and has no code of its own: "
         f"{OPEN}", r"stylegan_decoder\.", r"(conv_body_first|conv_body_down)\."),
    _row(f"it is a discriminator of StyleGAN2 in rosinality's code, {CRITIC}", r"^final_linear\.0\.",
         r"^final_conv\.0\.", r"^convs\.0\.0\."),
    _row(f"it is a discriminator in NVIDIA's code, {CRITIC}", r"^b\d+\.fromrgb\.", r"^b4\.(fc|out|conv)\."),
    _row(f"it is a discriminator in GenForce's code, {CRITIC}", r"^input\d\.(conv\.)?weight$", r"^layer\d+\."),
    _row(f"it is a discriminator of PGGAN in pytorch_GAN_zoo, {CRITIC}", r"^fromRGBLayers\.", r"^decisionLayer\."),
)  # fmt: skip
OTHERS: tuple[Row, ...] = (
    _row("it is a PGGAN of NVIDIA's TensorFlow code, which is not read here: open the .pth that GenForce or "
         "pytorch_GAN_zoo made of it", r"(^|/|\.)ToRGB_lod\d+/weight"),
    _row("it is of lucidrains' stylegan2-pytorch, whose generator has other layers than StyleGAN2 in spite of its "
         f"name, {NOT_DRAWN}", r"(^|\.)GE?\.initial_block$", r"(^|\.)(S|SE|GE?)\."),
    _row(f"it is of lucidrains' lightweight-gan, {NOT_DRAWN}", r"(^|\.)GE?\.initial_conv\.",
         r"GE?\.(layers|out_conv)\."),
    _row(f"it is a GigaGAN, {NOT_DRAWN}", r"style_to_conv_modulations|style_network\..*to_conv|unet\.style_to"),
    _row(f"it is a FastGAN, or a Projected GAN, {NOT_DRAWN}", r"(^|\.)feat_\d+\.", r"(^|\.)(se_\d+|init)\."),
    _row(f"it is a StyleSwin, {NOT_DRAWN}", r"blocks\.\d+\.norm1\.style\.|blocks\.\d+\.attn\..*relative_position",
         r"to_rgbs?\."),
    _row(f"it is a SinGAN, which was trained on one picture, {NOT_DRAWN}", r"(^|\.)head\.conv\.weight$",
         r"(^|\.)body\.block\d+\.conv\.", r"(^|\.)tail\.0\."),
    _row(f"it is a StyleGAN of rosinality's style-based-gan-pytorch, {NOT_DRAWN}", r"generator\.progression\.\d+\.",
         r"(^|\.)style\.\d+\."),
    _row(f"it is a StarGAN v2, which turns a picture into a picture, {NOT_DRAWN}", r"(^|\.)decode\.\d+\.norm1\.fc\.",
         r"(^|\.)encode\.\d+\."),
    _row("it is a StarGAN, which turns a picture into a picture and has no code whose directions could be found: "
         f"{OPEN}", r"(^|\.)main\.\d+\.main\.\d+\.weight$"),
    _row("it is a CycleGAN or pix2pix, which turns a picture into a picture and has no code whose directions could be "
         f"found: {OPEN}", r"(^|\.)model\.\d+\.conv_block\.\d+\."),
    _row("it is a pix2pix, which turns a picture into a picture and has no code whose directions could be found: "
         f"{OPEN}", r"(^|\.)model\.model\.\d+\.model\."),
    _row("it enlarges pictures (ESRGAN or the like), and has no code whose directions could be found: " + OPEN,
         r"(^|\.)conv_first\.", r"(^|\.)(body|RRDB_trunk|trunk_conv|conv_body)\."),
    _row(f"it is a Stable Diffusion or another latent diffusion model, which is no GAN: {OPEN}",
         r"model\.diffusion_model\."),
    _row(f"it is a diffusion transformer, which is no GAN: {OPEN}",
         r"(^|\.)(t_embedder\.mlp|double_blocks|joint_blocks|transformer_blocks|adaln_single)\."),
    _row("it is a diffusion model (its U-Net), which takes noise away step by step and is no GAN: " + OPEN,
         r"(^|\.)(time_embed(ding)?|time_mlp|temb|time_proj)\.",
         r"(^|\.)(input_blocks|down_blocks|downs|down|output_blocks|ups|conv_in|init_conv)\."),
    _row(f"it is a LoRA, a small change to another network: {OPEN}", r"lora_(A|B|up|down)\b|\.lora_"),
    _row("it is an autoencoder (VAE or VQGAN), which packs pictures and draws none from noise alone: " + OPEN,
         r"(^|\.)encoder\.", r"(^|\.)decoder\.",
         r"(^|\.)(quant_conv|post_quant_conv|quantize|quantizer|fc_mu|fc_var|mu|logvar|to_mu|fc_logvar)\."),
    _row("it is an encoder of pSp or e4e, which finds codes of pictures and draws none: open the generator that it was "
         "trained for, or the whole file with its decoder", r"(^|\.)input_layer\.0\.", r"(^|\.)styles\.0\.convs\."),
    _row(f"it is a CLIP, which compares pictures with texts: {OPEN}", r"(^|\.)(visual|vision_model)\.",
         r"(^|\.)(text_projection|text_model|logit_scale|transformer)\b"),
    _row(f"it is a network that recognises faces (ArcFace): {OPEN}", r"(^|\.)body\.\d+\.res_layer\.",
         r"(^|\.)output_layer\."),
    _row(f"it is a classifier (ResNet), which sorts pictures and draws none: {OPEN}", r"(^|\.)layer\d\.0\.conv1\.",
         r"(^|\.)(fc|bn1|linear)\."),
    _row(f"it is a classifier (VGG or the like), which sorts pictures and draws none: {OPEN}",
         r"(^|\.)features\.\d+\.", r"(^|\.)classifier\."),
    _row(f"it is an Inception network, which sorts pictures and draws none: {OPEN}", r"(^|\.)Mixed_[567][a-e]\."),
    _row(f"it is a vision transformer, which describes pictures and draws none: {OPEN}",
         r"(^|\.)(cls_token|patch_embed\.proj\.weight|embeddings\.cls_token)"),
    _row(f"it is a language model: {OPEN}",
         r"(^|\.)(layers|h|layer)\.\d+\.(self_attn\.q_proj|attn\.c_attn|attention\.self\.query|attention\.wq)\."),
    _row(f"it is a vocoder, which makes sound: {OPEN}", r"(^|\.)conv_pre\.", r"(^|\.)ups\.\d+\."),
    _row(f"it is a detector of objects (YOLO): {OPEN}", r"(^|\.)model\.\d+\.(cv\d|m)\.\d*\.?(conv|cv\d)\."),
    _row(f"it is a SNGAN or SAGAN, {NOT_DRAWN}", r"(^|\.)l1\.weight", r"(^|\.)block2\.(c1|b1)\."),
    _row(f"it is a BigGAN of StudioGAN, {NOT_DRAWN}", r"(^|\.)linear0\.weight",
         r"(^|\.)blocks\.0\.0\.(conv2d1|bn1)\."),
    _row(f"it is a discriminator of BigGAN, {CRITIC}", r"^blocks\.0\.0\.conv1\.weight", r"^(embed|linear)\.weight"),
    _row("its layers have a spectral or weight norm, which is not folded in here: apply it where the network was made "
         "(torch.nn.utils.remove_spectral_norm, or parametrize.remove_parametrizations), and save the weights again",
         r"(^|\.)\d*\.?(weight_orig|weight_g|parametrizations\.weight\.original\d?)$"),
    _row(f"it is a discriminator, {CRITIC}", r"(^|\.)(discriminator|netD|critic|D|dis)\."),
)  # fmt: skip


def looked_at(names: Iterable[str]) -> str:
    """The beginnings of the first names, a line each: what rows are compared with, in bounded time."""
    lines = []
    for name in names:
        if len(lines) == NAMES:
            break
        lines.append(name[:LONGEST].replace("\n", "?"))
    return "\n".join(lines)


def among(rows: tuple[Row, ...], names: Iterable[str]) -> str | None:
    """The sentence of the first row whose patterns are all found."""
    text = looked_at(names)
    for row in rows:
        if all(re.search(pattern, text, re.M) for pattern in row.patterns):
            return row.sentence
    return None


def judges(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Is it a DCGAN's discriminator? Its layers are called as the generator's, but begin at a picture."""
    kernels = [shape for name, shape in shapes.items() if re.fullmatch(r"(main|model|net|layers)\.\d+\.weight", name)]
    kernels = [shape for shape in kernels if len(shape) == 4]
    return len(kernels) > 1 and kernels[0][1] in (1, 3) and kernels[-1][0] == 1
