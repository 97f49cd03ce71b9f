"""What copies tell of a network: sentences whose every number is checked against planted ones."""

from __future__ import annotations

import pytest

from core.truth.copies import among_renders, by_layer, codes_said, gap_by_layer, restored


def test_the_closest_of_all_copies_is_named_with_its_layer_and_its_codes() -> None:
    rows = {
        "the codes themselves": [10.0, 11.0, 12.0],
        "after 1 layer, 4 px": [13.0, 20.5, 14.0],
        "after 2 layers, 8 px": [9.0, 9.5, 19.0],
    }
    assert by_layer(rows, (1, 5, 10), 80) == (
        "With 10 codes the copy is 12.0 dB close where the codes themselves are mixed, "
        "19.0 dB mixed after 2 layers, 8 px; closest of all, 20.5 dB: "
        "5 codes, after 1 layer, 4 px. One picture, 80 steps each."
    )


def test_the_gap_between_faces_and_mugs_is_widest_and_least_where_it_is() -> None:
    faces = {"the codes themselves": 20.0, "after 1 layer, 4 px": 22.0, "after 2 layers, 8 px": 25.0}
    mugs = {"the codes themselves": 12.0, "after 1 layer, 4 px": 21.0, "after 2 layers, 8 px": 25.5}
    assert gap_by_layer(faces, mugs, 2) == (
        "Faces are copied closer than mugs at 2 of 3 layers. The gap is widest mixing the codes themselves: "
        "faces 20.0 dB, mugs 12.0 dB; least mixing after 2 layers at 8 px: 25.0 and 25.5 dB. (2 faces, 2 mugs)"
    )


@pytest.mark.parametrize(
    "close, where, worse",
    [
        (26.9, "far outside what it knows", 0),
        (29.0, "outside what it knows", 0),
        (30.5, "at the edge of what it knows", 1),
        (40.2, "within what it knows", 11),
    ],
)
def test_a_picture_lies_where_held_out_renders_say(close: float, where: str, worse: int) -> None:
    said = among_renders(close, [30.0 + i for i in range(20)][::-1])
    assert f"your picture is {where}: {worse} of 20 renders were copied less well." in said
    assert f"Your picture was copied to {close:.1f} dB; 20 held-out renders to 30.0 to 49.0, median 39.5 dB." in said


def test_one_code_is_not_called_codes() -> None:
    assert [codes_said(1), codes_said(3)] == ["1 code", "3 codes"]


def test_how_close_an_answer_is_stands_beside_what_tools_without_a_gan_reach() -> None:
    tools = {"bicubic": 20.04, "Lanczos": 21.0}
    assert restored(23.456, tools, "60 steps in 3.2 s") == (
        "Closeness to the truth: 23.5 dB (bicubic 20.0, Lanczos 21.0), on this picture; 60 steps in 3.2 s."
    )
    assert restored(9.0, {}, "x", hole=True) == "Closeness to the truth in the hole: 9.0 dB, on this picture; x."
    assert restored(None, {}, "x").startswith("Found in x. Nobody knows what the true picture was")
