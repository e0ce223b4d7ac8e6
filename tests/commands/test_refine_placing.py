"""`kinema refine`: the world after refining is that of the refined body."""

from __future__ import annotations

import numpy as np

from kinema.body import load_body
from kinema.commands.refine import placed
from kinema.world import place_in_world
from tests.contracts.samples import walk


def test_a_world_that_a_refiner_left_behind_is_made_anew():
    """A refiner of another package may move the body in the camera's frame and leave its world as it was."""
    body = load_body()
    before = place_in_world(walk(20), body)
    way = np.linspace(0, 0.5, before.num_frames)[:, None] * [1, 0, 0]
    moved = before.replace(people=tuple(p.replace(transl=p.transl + way[p.frames]) for p in before))
    result, notes = placed(before, moved, body)
    assert notes == []
    assert np.abs(result.people[0].transl_world - before.people[0].transl_world).max() > 0.1


def test_a_world_that_still_fits_is_kept():
    body = load_body()
    before = place_in_world(walk(20), body)
    same = before.replace(people=tuple(p.replace(transl=p.transl.copy()) for p in before))
    result, _ = placed(before, same, body)
    np.testing.assert_array_equal(result.people[0].transl_world, before.people[0].transl_world)
