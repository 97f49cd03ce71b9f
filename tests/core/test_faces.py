"""Where a face is: on a photograph it is found and framed as the portraits are, on others none is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from core.faces import Square, around_face, middle


def test_a_face_is_found_wherever_it_stands_and_in_every_size():
    photo = Image.fromarray(data.astronaut())
    found = around_face(photo)
    eyes, mouth = (226, 113), (226, 155)  # where they are on this photograph, in pixels
    heights = [(place[1] - found.top) / found.side for place in (eyes, mouth)]
    assert heights == pytest.approx([0.448, 0.636], abs=0.08), "not where the portraits have eyes and mouth"
    assert abs((eyes[0] - found.left) / found.side - 0.5) < 0.08
    moved = around_face(photo.crop((60, 0, 512, 452)))
    assert [moved.left + 60, moved.top, moved.side] == pytest.approx(list(found), abs=30)
    large = around_face(photo.resize((1536, 1536)))
    assert [value / 3 for value in large] == pytest.approx(list(found), abs=30)


@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "brick"])
def test_where_there_is_no_face_none_is_found(name: str):
    assert around_face(Image.fromarray(getattr(data, name)()).convert("RGB")) is None


def test_a_square_over_the_edge_goes_on_with_the_outermost_pixels():
    values = np.arange(5 * 9 * 3, dtype=np.uint8).reshape(5, 9, 3)
    picture = Image.fromarray(values)
    assert np.array_equal(np.asarray(middle(picture.size).of(picture)), values[:, 2:7])
    cut = np.asarray(Square(-2, 3, 4).of(picture))
    assert np.array_equal(cut, np.stack([values[row][[0, 0, 0, 1]] for row in (3, 4, 4, 4)]))
    assert around_face(Image.new("RGB", (10, 10))) is None
