"""Pictures in and out: the only file that knows 127.5."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec

import numpy as np
import torch
from PIL import Image, ImageColor, PngImagePlugin
from torch import Tensor

RAMP = ("#0d0c10", "#144954", "#158c7a", "#c4d678", "#fffcf0")  # of maps, from dark to bright
FLAT = (  # of regions
    *("#0f766e", "#d97706", "#4f46e5", "#be185d", "#65a30d", "#0284c7"),
    *("#78350f", "#9333ea", "#52525b", "#eab308", "#14b8a6", "#f43f5e"),
)


def to_uint8(images: Tensor) -> np.ndarray:
    """Images [n, 3, h, w] in [-1, 1] (values outside are clamped) -> uint8 [n, h, w, 3],
    rounded to the nearest level.
    """
    levels = (images.detach().float().clamp(-1, 1) + 1) * 127.5
    return levels.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def to_pil(images: Tensor) -> list[Image.Image]:
    """Images [n, 3, h, w] in [-1, 1] -> n RGB pictures."""
    return [Image.fromarray(picture) for picture in to_uint8(images)]


def from_uint8(pictures: np.ndarray | Tensor) -> Tensor:
    """uint8 [n, h, w, 3] -> images [n, 3, h, w] in [-1, 1]."""
    return torch.tensor(np.asarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def in_levels(images: Tensor) -> Tensor:
    """Images [n, 3, h, w] in whole levels of 255, as they are shown and saved."""
    return from_uint8(to_uint8(images))


def from_pil(picture: Image.Image) -> Tensor:
    """A picture of any mode -> image [1, 3, h, w] in [-1, 1];
    transparency goes on white, 16-bit grey keeps its tones.
    """
    if picture.mode.startswith("I;16"):  # Pillow would cut every level above 255 to white
        picture = Image.fromarray((np.asarray(picture) / 257).round().astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return from_uint8(np.asarray(picture.convert("RGB"))[None])


def enlarge(picture: Image.Image, times: int) -> Image.Image:
    """A picture enlarged smoothly (Lanczos); `times` = 1 leaves it alone."""
    if times == 1:
        return picture
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.LANCZOS)


def grid(pictures: Sequence[Image.Image], *, columns: int, gap: int = 0, background: str = "white") -> Image.Image:
    """Pictures of one size laid out row by row; `gap` in pixels."""
    if not pictures:
        raise ValueError("a grid needs at least one picture")
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), background)
    for i, picture in enumerate(pictures):
        sheet.paste(picture, ((i % columns) * (width + gap), (i // columns) * (height + gap)))
    return sheet


def coloured(values: Tensor) -> Image.Image:
    """A map [h, w] of values in 0..1 (those outside are clamped) as a picture from dark to bright, see RAMP."""
    ramp = torch.tensor([ImageColor.getrgb(colour) for colour in RAMP], dtype=torch.float32)
    place = values.float().cpu().clamp(0, 1) * (len(ramp) - 1)
    low = place.floor().long().clamp(max=len(ramp) - 2)
    mixed = ramp[low] + (place - low)[..., None] * (ramp[low + 1] - ramp[low])
    return Image.fromarray(mixed.round().to(torch.uint8).numpy())


def painted(regions: Tensor) -> Image.Image:
    """Regions [h, w], numbered from 0, as a picture of flat colours; after the last colour they begin again."""
    colours = torch.tensor([ImageColor.getrgb(colour) for colour in FLAT], dtype=torch.uint8)
    return Image.fromarray(colours[regions.cpu() % len(colours)].numpy())


def strip(pictures: Sequence[Image.Image], *, gap: int = 0) -> Image.Image:
    """Pictures side by side."""
    return grid(pictures, columns=len(pictures), gap=gap)


def webp(picture: Image.Image, *, smallest: bool = False) -> bytes:
    """Lossless WebP, by the fastest exact encoding up to 256 px a side; smallest: by the encoder's full effort."""
    out, effort = io.BytesIO(), dict(method=6, quality=100) if smallest else dict(method=0)
    picture.save(out, "webp", lossless=True, **effort)
    return out.getvalue()


def png(picture: Image.Image, *, recipe: dict | None = None, licence: str = "") -> bytes:
    """PNG with the recipe as JSON in the text chunk `ganatomy`, and `licence` in the chunk `Copyright`."""
    info = PngImagePlugin.PngInfo()
    if licence:
        info.add_itxt("Copyright", licence)
    if recipe is not None:
        info.add_text("ganatomy", json.dumps(recipe, sort_keys=True))
    out = io.BytesIO()
    picture.save(out, "png", pnginfo=info)
    return out.getvalue()


_DESCRIPTION, _COPYRIGHT = 0x010E, 0x8298  # tags of EXIF


def animation(
    pictures: Sequence[Image.Image],
    *,
    milliseconds: int = 60,
    back_and_forth: bool = True,
    kind: str = "webp",
    recipe: dict | None = None,
    licence: str = "",
) -> bytes:
    """An endless animation; `milliseconds` a frame, of which a GIF keeps tens.

    kind: "webp", lossless, with the recipe as JSON in the EXIF tag ImageDescription and the licence in Copyright; or
    "gif", 256 colours a frame, with both in its comment, as JSON {"recipe": ..., "licence": ...}.
    """
    frames = there_and_back(pictures) if back_and_forth else list(pictures)
    if not frames:
        raise ValueError("an animation needs at least one picture")
    out, about = io.BytesIO(), dict(save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    if kind == "gif":
        comment = json.dumps(dict(recipe=recipe, licence=licence), sort_keys=True, ensure_ascii=True)
        frames[0].save(out, "gif", comment=comment.encode(), **about)
        return out.getvalue()
    exif = Image.Exif()
    if recipe is not None:
        exif[_DESCRIPTION] = json.dumps(recipe, sort_keys=True)
    if licence:
        exif[_COPYRIGHT] = licence
    frames[0].save(out, "webp", lossless=True, method=0, exif=exif, **about)
    return out.getvalue()


def there_and_back(pictures: Sequence[Image.Image]) -> list[Image.Image]:
    """Pictures to the last one and back again, without showing either end twice."""
    return list(pictures) + list(pictures)[-2:0:-1]


def has_video() -> bool:
    """Is PyAV installed, which `video` needs?"""
    return find_spec("av") is not None


def video(
    pictures: Sequence[Image.Image],
    *,
    milliseconds: int = 60,
    title: str = "",
    recipe: dict | None = None,
    licence: str = "",
) -> bytes:
    """MP4 that every browser and every slide plays: H.264, yuv420p, BT.709, back and forth once.

    Odd sides are made even by repeating the last row or column. The title is in the field `title`, recipe and licence
    as JSON {"recipe": ..., "licence": ...} in `comment`. Raises ValueError where PyAV is not installed.
    """
    if not has_video():
        raise ValueError("videos need PyAV: pip install -r requirements-mp4.txt")
    import av

    if not pictures:
        raise ValueError("a video needs at least one picture")
    out, (width, height) = io.BytesIO(), pictures[0].size
    with av.open(out, "w", format="mp4") as film:
        comment = json.dumps(dict(recipe=recipe, licence=licence), sort_keys=True)
        film.metadata.update(title=title, comment=comment)
        about = dict(width=width + width % 2, height=height + height % 2, pix_fmt="yuv420p")
        stream = film.add_stream("libx264", rate=Fraction(1000, milliseconds), options=dict(crf="14", preset="medium"))
        for name, value in about.items():
            setattr(stream, name, value)
        stream.codec_context.colorspace = stream.codec_context.color_primaries = stream.codec_context.color_trc = 1
        for picture in there_and_back(pictures):
            pixels = np.pad(np.asarray(picture), ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return out.getvalue()
