"""People who lie, sit, or stand on their hands: the ground is under what carries them, and the camera is above it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import kinema
from kinema.world import place_in_world
from kinema.world.posture import off_feet, supports
from kinema.world.tracks import Sight
from tests.helpers.monocular import as_fitted, blank, seen_from
from tests.helpers.postures import FEET, HANDS, POSTURES, lowest, off_their_feet


def ground_of(motion):
    return motion.provenance[-1].arguments


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("posture", POSTURES)
def test_the_ground_is_under_the_lowest_part_of_the_body(body, posture, noisy):
    truth = off_their_feet(body, posture)
    fitted = as_fitted(truth, body, np.random.default_rng(0)) if noisy else blank(truth)
    placed = place_in_world(fitted, body)
    height = lowest(body, placed)
    assert ground_of(placed)["camera_height"] > 0.3  # it is 1.3; a body that hardly moves tells its tilt only roughly
    up = placed.camera.rotation[:, 1]
    assert np.degrees(np.arccos(up @ truth.camera.rotation[:, 1])) < 13
    assert height.min() > -0.02
    assert abs(np.median(height)) < 0.02


@pytest.mark.parametrize("posture", ["push-up", "handstand"])
@pytest.mark.parametrize("heading", [0.0, 0.8, 1.57])
def test_hands_that_carry_the_body_are_on_the_ground(body, posture, heading):
    truth = off_their_feet(body, posture, heading=heading)
    placed = place_in_world(as_fitted(truth, body, np.random.default_rng(1)), body)
    assert np.abs(lowest(body, placed, HANDS)).max() < 0.02
    if posture == "push-up":
        assert np.percentile(np.abs(lowest(body, placed, FEET)), 90) < 0.02  # the toes roll with every push-up
    else:
        assert lowest(body, placed, FEET).min() > 1.2
        assert not placed.people[0].contacts.any()


def test_what_carries_a_body_lies_around_its_centre_of_mass(body):
    truth = off_their_feet(body, "push-up", heading=1.57)
    track = Sight(truth.times, truth.camera, body).track(truth.people[0])
    up = truth.camera.rotation[:, 1]
    off = off_feet(track, up)
    assert off.all()
    points, frames = supports(replace(track, off_feet=off), up)
    world = (points - truth.camera.translation) @ truth.camera.rotation
    assert np.abs(world[:, 1]).max() < 0.03  # all of it is on the ground
    middle = truth.people[0].joints_world[:, 0]
    beyond = (world - middle[frames])[:, 0]
    assert (beyond > 0.3).any()
    assert (beyond < -0.3).any()


def test_heights_of_the_surface_are_those_of_its_points(body):
    truth = off_their_feet(body, "push-up", heading=0.4)
    track = Sight(truth.times, truth.camera, body).track(truth.people[0])
    up = truth.camera.rotation[:, 1]
    posed = track.surface.posed(track.rig, track.local, track.root)
    heights = track.surface.heights(track.rig, track.local, track.root, up)
    np.testing.assert_allclose(heights, posed @ up, atol=1e-5)  # points are kept as float32


@pytest.mark.parametrize("script", ["demo", "rounds", "on-the-spot"])
def test_standing_walking_and_squatting_people_are_on_their_feet(body, script):
    motion = kinema.synthetic.procedural_motion(body, script, seed=1, fps=15)
    motion = seen_from(motion, motion.camera, body)
    track = Sight(motion.times, motion.camera, body).track(motion.people[0])
    assert not off_feet(track, motion.camera.rotation[:, 1]).any()


@pytest.mark.parametrize("posture", ["supine", "handstand"])
def test_lying_down_does_not_move_the_ground_of_those_who_walk(body, posture):
    walk = kinema.synthetic.procedural_motion(body, "rounds", seed=0, fps=15)
    camera = kinema.synthetic.studio_camera(position=(0.0, 1.6, 2.0), pitch=0.1)
    walker = seen_from(walk, camera, body)
    other = off_their_feet(body, posture)
    lying = seen_from(other.replace(times=walk.times[: other.num_frames]), camera, body).people[0]
    both = walker.replace(people=(*walker.people, lying.replace(id=2)))
    alone, together = place_in_world(blank(walker), body), place_in_world(blank(both), body)
    assert ground_of(together)["camera_height"] == pytest.approx(ground_of(alone)["camera_height"], abs=0.15)
    assert np.abs(lowest(body, together, row=1)).max() < 0.05


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("clip", ["handstand", "pushup_real"])
def test_real_clips(body, data_dir, clip):
    path = data_dir / "cases" / "video" / f"{clip}.mp4"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    motion = kinema.estimate(path)
    person = motion.people[0]
    height = lowest(body, motion)
    centre = -motion.camera.rotation.T @ motion.camera.translation
    assert centre[1] > 0.3
    assert height.min() > -0.02
    assert np.median(height) < 0.02
    if clip == "pushup_real":
        assert np.median(np.abs(lowest(body, motion, HANDS))) < 0.02
    else:  # a man on his head, with his arms beside him
        assert person.joints_world[:, 15, 1].max() < person.joints_world[:, 0, 1].min()
