"""A clip of several shots: each has a ground, an origin and a camera of its own."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.motion import Motion
from kinema.person import join_people
from kinema.quality import validate_motion
from kinema.stage import Context
from kinema.synthetic import procedural_motion
from kinema.world import WorldOptions, place_in_world
from tests.helpers.monocular import as_fitted, random_camera, seen_from


def fitted(body, seed: int, id: int) -> Motion:
    """Somebody who walks before a camera of their own, as a fit sees it, without a world."""
    rng = np.random.default_rng(seed)
    truth = procedural_motion(body, "demo", seed=seed, fps=20).slice(0, 3)
    truth = seen_from(truth, random_camera(truth.people[0].joints_world, rng), body)
    seen = as_fitted(truth, body, rng)
    # One lens for both, as a motion has one; the places in the image play no part here.
    camera = seen.camera.replace(rotation=None, translation=None, intrinsics=np.diag([900.0, 900.0, 1.0]))
    return seen.replace(camera=camera, provenance=(), data={}).rename({1: id})


@pytest.fixture(scope="module")
def halves(body):
    return fitted(body, 1, 1), fitted(body, 2, 2)


def joined(halves, **changes) -> Motion:
    first, second = halves
    whole = Motion.concatenate([first, second.replace(width=first.width, height=first.height)])
    return whole.replace(cuts=[first.num_frames], **changes)


def test_each_shot_is_placed_as_if_it_were_alone(body, halves):
    whole = place_in_world(joined(halves), body)
    for half in halves:
        alone = place_in_world(half, body).people[0]
        part = whole.person(alone.id)
        for name in ("pose_world", "transl_world", "joints_world", "contacts"):
            np.testing.assert_allclose(getattr(part, name), getattr(alone, name), atol=1e-9, err_msg=name)
    count = halves[0].num_frames
    assert whole.camera.rotation.shape == (whole.num_frames, 3, 3)
    assert np.ptp(whole.camera.translation[:count], axis=0).max() == 0
    assert np.abs(whole.camera.translation[0] - whole.camera.translation[-1]).max() > 0.01
    facts = whole.provenance[-1].arguments
    assert facts["placed"]
    assert [shot["placed"] for shot in facts["shots"]] == [True, True]


@pytest.mark.parametrize("moving", [0, 1])
def test_a_moving_shot_takes_no_world_from_the_others(body, halves, moving):
    shots = [{"first": number * halves[0].num_frames, "moving": number == moving} for number in range(2)]
    clip = joined(halves, data={"camera_motion": {"moving": True, "shots": shots}})
    clip = clip.replace(camera=clip.camera.replace(moving=True))
    context = Context(body)
    placed = place_in_world(clip, context=context)
    assert [person.pose_world is None for person in placed] == [number == moving for number in range(2)]
    assert placed.camera.rotation is None
    assert placed.camera.moving is True
    assert len(context.notes) == 1
    assert context.notes[0].startswith(f"in the shots from {placed.times[placed.shots[moving].start]:.2f} s:")
    still = place_in_world(clip, body, WorldOptions(camera="static"))
    assert all(person.pose_world is not None for person in still)


def test_one_person_in_two_shots(body, halves):
    first, second = (half.people[0].replace(data={}) for half in halves)
    clip = joined(halves)
    both = join_people(1, (first, second.replace(frames=second.frames + halves[0].num_frames, id=1)))
    placed = place_in_world(clip.replace(people=(both,)), body)
    (person,) = placed.people
    np.testing.assert_array_equal(person.frames, both.frames)
    alone = place_in_world(halves[1], body).people[0]
    np.testing.assert_allclose(person.joints_world[person.frames >= clip.cuts[0]], alone.joints_world, atol=1e-9)
    jumped = validate_motion(placed.replace(cuts=[]), checks=["quality"])
    kept = validate_motion(placed, checks=["quality"])
    at = int(clip.cuts[0])
    faults = [{p.measure for p in found.all_problems() if p.frame == at} for found in (jumped, kept)]
    assert faults[0] & {"jump", "speed"}
    assert not faults[1] & {"jump", "speed", "snap", "turn", "sliding", "swap"}
