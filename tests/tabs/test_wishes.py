"""Several wishes while other things stay, on the bundled network and its reader."""

from __future__ import annotations

import numpy as np

from core import zoo
from core.codes import codes_in_turn, edit
from core.truth.wish import turn_for
from demos.page.sources import directions_of
from demos.page.verdicts import measured_knobs
from demos.steer.recipe import Recipe
from demos.steer.wishes import find


def test_what_shall_stay_stays_on_pictures_that_were_not_measured():
    """With the bundled network and its reader; left free, the head turns with the hair."""
    recipe = Recipe("portraits-stylegan2")
    turned, said = find(recipe, "blond", "turn of the head, tone of the background")
    generator, judge = zoo.load(recipe.model), zoo.load_judge(recipe.model)
    (directions, steps), codes = directions_of(recipe), codes_in_turn(generator, 48, 777_000, psi=recipe.psi)

    def change(amounts) -> np.ndarray:
        after = generator(edit(codes, directions, [amount * float(step) for amount, step in zip(amounts, steps)]))
        return judge.change(generator(codes), after).mean(0).numpy()

    at = {name: judge.names.index(name) for name in ("hair_tone", "yaw", "background_tone")}
    seen = change(turned.amounts)
    assert seen[at["hair_tone"]] > 0.8 and max(abs(seen[at["yaw"]]), abs(seen[at["background_tone"]])) < 0.25
    free = change(turn_for(measured_knobs(recipe), {at["hair_tone"]: 1}).tolist())
    assert max(abs(free[at["yaw"]]), abs(free[at["background_tone"]])) > 0.4, "the control: left free it moves"
    assert "what was to stay moves: turn of the head by" in said and "left free" in said and "With it moves" in said
