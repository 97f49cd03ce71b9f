"""`python -m commands.photograph`: cuts the photograph of `core.photograph` out of the one that scikit-image ships.

The rule: the middle of the square that `core.faces` finds, narrower by NARROW, as faces-dcgan frames its faces.
"""

from __future__ import annotations

from PIL import Image

from core.faces import Square, around_face
from core.images import webp
from core.photograph import FILE

NARROW = 0.78


def cut() -> Image.Image:
    """The square around the face, RGB."""
    from skimage import data

    whole = Image.fromarray(data.astronaut())
    found = around_face(whole)
    side = round(NARROW * found.side)
    margin = (found.side - side) // 2
    return Square(found.left + margin, found.top + margin, side).of(whole)


def main() -> None:
    FILE.write_bytes(webp(cut(), smallest=True))
    print(f"wrote {FILE.name}, {FILE.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
