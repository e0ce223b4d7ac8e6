"""Gravity and ground from bodies in a known world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kinema.body.kinematics import Rig
from kinema.body.mass import centre_of_mass
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.synthetic import procedural_motion, studio_camera
from kinema.world.balance import LEVEL, balance_axis, world_from_camera
from kinema.world.fitted import FittedTrack
from kinema.world.ground import DEFAULT_HEIGHT, estimate_ground
from kinema.world.sizes import LOWEST_CAMERA
from kinema.world.tracks import ROLL_SHOWN, with_whole_roll
from tests.helpers.monocular import Noise, as_fitted, blank, random_camera, seen_from


def track_of(motion, body, row=0, feet_seen=True):
    """The person of a motion as the world stage processes them: a rig in the camera's frame."""
    person = motion.people[row]
    rig = Rig.of(body, "contacts", person.betas[0])
    root = person.transl + body.rest_joints(person.betas)[:, 0]
    local = axis_angle_to_matrix(person.pose.reshape(-1, 24, 3))
    return FittedTrack(rig, motion.times[person.frames], local, root, np.full(len(person), feet_seen))


def degrees_between(a, b):
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def truth(camera):
    """Up in the frame of a camera of known pose, and its height."""
    return camera.rotation[:, 1], float(-(camera.rotation.T @ camera.translation)[1])


@pytest.mark.parametrize("script", ["demo", "rounds"])
@pytest.mark.parametrize("seed", range(4))
def test_a_perfectly_fitted_walk_gives_gravity_and_ground(body, script, seed):
    motion = procedural_motion(body, script, seed=seed, fps=15)
    camera = random_camera(motion.people[0].joints_world, np.random.default_rng(seed))
    ground = estimate_ground([track_of(blank(seen_from(motion, camera, body)), body)])
    up, height = truth(camera)
    assert ground.source == "feet"
    # Not exact, as the estimate also relies on the level prior and on balance.
    assert degrees_between(ground.up, up) < 2.5
    assert ground.height == pytest.approx(height, abs=0.25)


@pytest.mark.parametrize("seed", range(6))
def test_a_fitted_walk_gives_gravity_within_three_degrees(body, seed):
    rng = np.random.default_rng(seed)
    motion = procedural_motion(body, "rounds", seed=seed, fps=15)
    camera = random_camera(motion.people[0].joints_world, rng)
    fitted = as_fitted(seen_from(motion, camera, body), body, rng)
    ground = estimate_ground([track_of(fitted, body)])
    assert degrees_between(ground.up, truth(camera)[0]) < 3.0
    assert max(ground.tilt_sigma) < 5.0


def test_standing_on_the_spot_relies_on_balance(body):
    errors, sigmas = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        motion = procedural_motion(body, "on-the-spot", seed=seed, fps=15)
        camera = random_camera(motion.people[0].joints_world, rng)
        fitted = as_fitted(seen_from(motion, camera, body), body, rng, Noise(lean=2.0, bias=2.0))
        ground = estimate_ground([track_of(fitted, body)])
        errors.append(degrees_between(ground.up, truth(camera)[0]))
        sigmas.append(max(ground.tilt_sigma))
        assert ground.source == "axis"
    # Leaning towards the camera cannot be told from a tilted camera: the reported sigma must account for that.
    assert np.mean(errors) < 5.0
    assert np.mean(np.array(errors) < 2 * np.array(sigmas)) > 0.8


def test_the_lifter_agreeing_with_the_balance_makes_the_pitch_little_surer(body):
    motion = procedural_motion(body, "on-the-spot", seed=0, fps=15)
    camera = random_camera(motion.people[0].joints_world, np.random.default_rng(0))
    track = track_of(as_fitted(seen_from(motion, camera, body), body, np.random.default_rng(0)), body)
    balanced = balance_axis(track, truth(camera)[0])[0]
    alone = estimate_ground([track]).tilt_sigma[1]
    both = estimate_ground([replace(track, lifted_up=balanced)]).tilt_sigma[1]
    # Independent, they would be surer by a quarter; a body is fitted leaning as it was lifted.
    assert 0.85 * alone < both < alone


def test_people_above_the_camera_do_not_make_the_tilt_sure(body):
    motion = procedural_motion(body, "rounds", seed=0, fps=15)
    camera = studio_camera(position=(0.0, 0.5, 1.0), pitch=-0.1)
    track = track_of(as_fitted(seen_from(motion, camera, body), body, np.random.default_rng(0)), body)
    ground = estimate_ground([track.moved(root=track.root + 0.8 * truth(camera)[0])])
    assert ground.height == pytest.approx(LOWEST_CAMERA, abs=0.05)
    # That the camera is not below the ground is a limit, not a measurement: as one, it would leave 0.3 degrees.
    assert ground.tilt_sigma[1] > 0.5


@pytest.mark.parametrize("roll", [-14.0, 14.0])
def test_a_rolled_camera_is_recovered(body, roll):
    motion = procedural_motion(body, "rounds", seed=1, fps=15)
    camera = studio_camera(position=(0.0, 2.2, 0.0), pitch=0.3)
    turn = axis_angle_to_matrix(np.array([0.0, 0.0, np.radians(roll)]))
    camera = camera.replace(rotation=turn @ camera.rotation, translation=turn @ camera.translation)
    ground = estimate_ground(
        [track_of(as_fitted(seen_from(motion, camera, body), body, np.random.default_rng(0)), body)]
    )
    assert degrees_between(ground.up, truth(camera)[0]) < 4.0


def test_two_people_share_the_ground_and_a_third_stands_on_something(body):
    motion = procedural_motion(body, "rounds", seed=0, fps=15)
    camera = studio_camera(position=(0.0, 1.8, 1.0), pitch=0.15)
    motion = seen_from(motion, camera, body)
    walker = track_of(motion, body)
    up, height = truth(camera)
    other = walker.moved(root=walker.root + camera.rotation @ [1.0, 0.0, -2.0])
    above = walker.moved(root=walker.root + camera.rotation @ [0.0, 1.2, -1.0])
    ground = estimate_ground([above, walker, other])
    assert ground.raised.tolist() == [True, False, False]
    assert ground.height == pytest.approx(height, abs=0.2)
    assert ground.drops[0] == pytest.approx(height - 1.2, abs=0.25)
    assert degrees_between(ground.up, up) < 2.5


def test_a_person_whose_size_was_misjudged_does_not_tilt_the_ground(body):
    motion = procedural_motion(body, "rounds", seed=0, fps=15)
    camera = studio_camera(position=(0.0, 1.8, 1.0), pitch=0.15)
    motion = seen_from(motion, camera, body)
    walker = track_of(motion, body)
    # A child fitted as an adult: 1.25 times as far away, the same size in the image.
    child = walker.moved(root=1.25 * (walker.root + camera.rotation @ [1.5, 0.0, 0.0]))
    both = estimate_ground([walker, child])
    assert degrees_between(both.up, truth(camera)[0]) < 3.0


def test_jumping_does_not_lift_the_ground(body):
    motion = procedural_motion(body, "rounds", seed=2, fps=30)
    camera = studio_camera(position=(0.0, 1.5, 1.0), pitch=0.1)
    track = track_of(seen_from(motion, camera, body), body)
    up, height = truth(camera)
    phase = track.times % 1.5
    hop = np.where(phase < 0.55, np.maximum(0.0, 2.7 * phase - 4.905 * phase**2), 0.0)
    ground = estimate_ground([track.moved(root=track.root + hop[:, None] * up)])
    assert degrees_between(ground.up, up) < 3.0
    assert ground.height == pytest.approx(height, abs=0.25)


def test_without_visible_feet_the_trunk_and_the_level_prior_decide(body):
    camera = studio_camera(position=(0.0, 1.3, -3.0), pitch=0.0)
    motion = seen_from(procedural_motion(body, "on-the-spot", seed=0, fps=15), camera, body)
    ground = estimate_ground([track_of(motion, body, feet_seen=False)])
    assert ground.source == "axis"
    assert ground.seen == 0.0
    assert np.isnan(ground.drops).all()
    assert degrees_between(ground.up, LEVEL) < 6.0
    assert ground.height == pytest.approx(1.3, abs=0.3)  # under the feet as extrapolated by the fit


def test_without_people_the_camera_is_level():
    ground = estimate_ground([])
    assert np.allclose(ground.up, LEVEL)
    assert ground.height == DEFAULT_HEIGHT
    assert ground.source == "level"


def test_one_frame_is_enough_for_an_estimate(body):
    camera = studio_camera(position=(0.0, 1.4, 0.0), pitch=0.09)
    motion = seen_from(procedural_motion(body, "on-the-spot", seed=0, fps=15), camera, body)
    track = track_of(motion, body).part(slice(0, 1))
    ground = estimate_ground([track])
    assert degrees_between(ground.up, truth(camera)[0]) < 6.0
    assert np.isfinite(ground.height)


def test_a_body_upside_down_is_ignored(body):
    camera = studio_camera(position=(0.0, 1.4, 0.0), pitch=0.0)
    motion = seen_from(procedural_motion(body, "on-the-spot", seed=0, fps=15), camera, body)
    track = track_of(motion, body)
    local = track.local.copy()
    local[:, 0] = np.diag([-1.0, -1.0, 1.0]) @ local[:, 0]
    ground = estimate_ground([track.moved(local=local)])
    assert degrees_between(ground.up, LEVEL) < 15.0


def test_the_centre_of_mass_lies_in_the_trunk_and_follows_the_arms(body):
    rest = body.J_template[None]
    mass = centre_of_mass(rest)[0]
    assert abs(mass[0]) < 0.01
    assert rest[0, 0, 1] < mass[1] < rest[0, 9, 1]  # between pelvis and chest
    raised = rest.copy()
    raised[:, [18, 19, 20, 21, 22, 23], 1] += 0.5
    assert centre_of_mass(raised)[0, 1] > mass[1] + 0.02
    away = np.array([1.0, 2.0, 3.0])
    assert np.allclose(centre_of_mass(rest + away)[0], mass + away)


@pytest.mark.parametrize("up", [LEVEL, [0.1, -0.9, -0.3], [0.0, 0.0, -1.0], [0.0, 0.0, 1.0]])
def test_the_camera_looks_along_minus_z_of_a_right_handed_world(up):
    up = np.asarray(up) / np.linalg.norm(up)
    turn = world_from_camera(up)
    assert np.allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    assert np.allclose(turn @ up, [0.0, 1.0, 0.0])
    view = turn @ [0.0, 0.0, 1.0]
    assert abs(view[0]) < 1e-9
    assert view[2] <= 1e-9


@pytest.mark.parametrize("roll", [-60.0, -12.0, 0.0, 3.0, 20.0])
@pytest.mark.parametrize("pitch", [-10.0, 25.0])
def test_the_roll_that_the_lifter_leaves_out_is_added(roll, pitch):
    """Its share of the roll is shown: up to 20 degrees all of the rest, never more, and the pitch is kept."""
    a, b = np.radians(roll), np.radians(pitch)
    up = np.array([[np.sin(a) * np.cos(b), -np.cos(a) * np.cos(b), -np.sin(b)]])
    whole = with_whole_roll(up)[0]
    found = np.degrees(np.arctan2(whole[0], -whole[1]))
    expected = roll / ROLL_SHOWN if abs(roll) <= 20 else roll + np.sign(roll) * 20 * (1 / ROLL_SHOWN - 1)
    assert found == pytest.approx(expected)
    assert np.degrees(np.arcsin(-whole[2])) == pytest.approx(pitch)
