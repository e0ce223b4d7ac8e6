"""Procedural motions: planted feet, plausible joints, consistent world and camera frames, any frame rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.body import load_body
from kinema.errors import UsageError
from kinema.geometry.camera import project, to_camera, to_world
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.motion import Motion
from kinema.skeleton import SMPL24
from kinema.synthetic import SCRIPTS, camera_around, procedural_motion, studio_camera
from kinema.synthetic.curves import Keys, Wander, minimum_jerk
from kinema.synthetic.limbs import TwoBones

BODY = load_body()
CASES = [(script, seed) for script in SCRIPTS for seed in (0, 1)]


def soles(motion: Motion) -> np.ndarray:
    (person,) = motion.people
    return BODY.posed_points("contacts", *person.require("pose_world", "betas", "transl_world"))


@pytest.mark.parametrize(("script", "seed"), CASES)
def test_planted_feet_do_not_slide_and_stand_on_the_ground(script, seed):
    betas = np.random.default_rng(seed).normal(size=10)
    motion = procedural_motion(BODY, script, seed=seed, fps=60, betas=betas)
    points, contacts = soles(motion), motion.people[0].contacts
    assert contacts.any(axis=0).all()
    for k in range(4):
        # Each contact phase separately: less than 1 mm from its first frame to any later one.
        edges = np.flatnonzero(np.diff(np.concatenate([[0], contacts[:, k].astype(int), [0]])))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            moved = np.linalg.norm(points[start:end, k] - points[start, k], axis=1)
            assert moved.max() < 1e-3
    assert np.abs(points[..., 1][contacts]).max() < 1e-3
    assert points[..., 1].min() > -0.01  # a rolling foot is rigid: its edges dip by millimetres at most


@pytest.mark.parametrize(("script", "seed"), CASES)
def test_camera_and_world_frames_are_consistent(script, seed):
    motion = procedural_motion(BODY, script, seed=seed, fps=20)
    (person,) = motion.people
    joints, joints_world = person.require("joints", "joints_world")
    np.testing.assert_allclose(to_camera(joints_world, motion.camera), joints, atol=1e-9)
    np.testing.assert_allclose(to_world(joints, motion.camera), joints_world, atol=1e-9)
    np.testing.assert_allclose(BODY.joints(person.pose, person.betas, person.transl), joints, atol=1e-9)
    world = BODY.joints(person.pose_world, person.betas, person.transl_world)
    np.testing.assert_allclose(world, joints_world, atol=1e-9)
    assert person.observed.all()
    pixels = project(joints, motion.camera.intrinsics)
    assert pixels.min() > 0
    assert np.all(pixels.max(axis=(0, 1)) < [motion.width, motion.height])
    assert np.all(person.boxes[:, None, :2] < pixels)
    assert np.all(person.boxes[:, None, 2:] > pixels)


@pytest.mark.parametrize(("script", "seed"), CASES)
def test_joints_stay_within_human_limits(script, seed):
    motion = procedural_motion(BODY, script, seed=seed, fps=30)
    (pose,) = motion.people[0].require("pose_world")
    angles = np.degrees(np.linalg.norm(pose.reshape(-1, 24, 3), axis=-1))
    limits = {"knee": 140, "elbow": 100, "hip": 130, "ankle": 50, "spine": 30, "neck": 30, "head": 30, "foot": 45}
    for name, limit in limits.items():
        columns = [i for i, joint in enumerate(SMPL24.joints) if joint.split("_")[-1].startswith(name)]
        assert columns
        assert angles[:, columns].max() < limit, name
    # Knees bend backwards and elbows forwards, never in the opposite direction.
    by_name = {joint: pose.reshape(-1, 24, 3)[:, i] for i, joint in enumerate(SMPL24.joints)}
    for side, sign in (("left", -1), ("right", 1)):
        assert by_name[f"{side}_knee"][:, 0].min() > 0
        assert (sign * by_name[f"{side}_elbow"][:, 1]).min() > 0


@pytest.mark.parametrize(("script", "seed"), CASES)
def test_motion_is_smooth(script, seed):
    motion = procedural_motion(BODY, script, seed=seed, fps=60)
    (joints,) = motion.people[0].require("joints_world")
    acceleration = np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1) * 60**2
    assert acceleration[:, 0].max() < 15  # pelvis, m/s2
    assert acceleration.max() < 90  # swinging feet and hands in brisk walking reach 50
    (pose,) = motion.people[0].require("pose_world")
    turns = geodesic_angle(*(axis_angle_to_matrix(part.reshape(-1, 24, 3)) for part in (pose[:-1], pose[1:])))
    assert np.degrees(turns.max()) * 60 < 1000  # degrees per second


@settings(max_examples=10)
@given(st.sampled_from(sorted(SCRIPTS)), st.integers(0, 1000), st.sampled_from([(15, 30), (25, 50), (24, 120)]))
def test_frame_rate_only_changes_the_sampling(script, seed, rates):
    slow, fast = (procedural_motion(BODY, script, seed=seed, fps=rate) for rate in rates)
    step = rates[1] // rates[0]
    count = min(slow.num_frames, -(-fast.num_frames // step))
    for name in ("joints_world", "joints", "contacts"):
        a, b = getattr(slow.people[0], name), getattr(fast.people[0], name)
        np.testing.assert_allclose(a[:count], b[::step][:count], atol=1e-9)


def test_the_seed_determines_the_motion():
    one, same, other = (procedural_motion(BODY, "demo", seed=seed, fps=10) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.people[0].pose, same.people[0].pose)
    assert np.abs(one.people[0].joints - other.people[0].joints).max() > 0.02
    assert one.provenance[0].arguments["seed"] == 4
    assert one.provenance[0].weights == {"free": BODY.sha256}


def test_demo_walks_turns_squats_and_reaches():
    motion = procedural_motion(BODY, "demo", seed=0, fps=30)
    assert motion.times[-1] == pytest.approx(10, abs=0.1)
    (joints, pose) = motion.people[0].require("joints_world", "pose_world")
    pelvis = joints[:, 0]
    assert np.linalg.norm(np.diff(pelvis[:, ::2], axis=0), axis=1).sum() > 1.5
    facing = axis_angle_to_matrix(pose[:, :3])[:, :, 2]
    turned = np.degrees(np.arccos(np.clip(facing[0] @ facing[-1], -1, 1)))
    assert turned > 15
    assert pelvis[:, 1].max() - pelvis[:, 1].min() > 0.3
    wrists = joints[:, SMPL24.indices(["left_wrist", "right_wrist"]), 1]
    assert wrists.max() > joints[:, SMPL24.index("head"), 1].max()


def test_unknown_scripts_and_rates_are_refused():
    with pytest.raises(UsageError, match="demo"):
        procedural_motion(BODY, "juggle")
    with pytest.raises(UsageError, match="fps"):
        procedural_motion(BODY, fps=0)


def test_studio_camera_looks_along_minus_z_and_down():
    camera = studio_camera(640, 480, position=(1, 2, 3), pitch=0.0)
    ahead = to_camera(np.array([[1.0, 2.0, -2.0]]), camera)
    np.testing.assert_allclose(ahead, [[0, 0, 5]], atol=1e-12)
    right_up = to_camera(np.array([[2.0, 3.0, -2.0]]), camera)
    np.testing.assert_allclose(right_up, [[1, -1, 5]], atol=1e-12)
    down = studio_camera(640, 480, pitch=0.2)
    below = to_camera(np.array([[0.0, 1.4 - 5 * np.tan(0.2), -5.0]]), down)
    np.testing.assert_allclose(below[0, :2], 0, atol=1e-12)
    left = to_camera(np.array([[-5 * np.tan(0.3), 1.4, -5.0]]), studio_camera(640, 480, pitch=0, yaw=0.3))
    np.testing.assert_allclose(left[0, :2], 0, atol=1e-12)


@given(st.floats(-3.1, 3.1), st.floats(-0.2, 1.2), st.integers(0, 100))
def test_camera_around_sees_everything(azimuth, elevation, seed):
    points = np.random.default_rng(seed).normal(size=(30, 3)) * [3, 1, 2] + [1, 1, -4]
    camera = camera_around(points, 640, 360, azimuth=azimuth, elevation=elevation)
    seen = to_camera(points, camera)
    assert seen[:, 2].min() > 1
    pixels = project(seen, camera.intrinsics)
    assert np.all(pixels > 0)
    assert np.all(pixels < [639, 359])
    assert camera.rotation[1] @ [0, 1, 0] < 0  # the image's down is not the world's up


@given(st.integers(0, 10_000))
def test_two_bones_reach_every_target_within_reach(seed):
    rng = np.random.default_rng(seed)
    leg = TwoBones(np.array([0.04, -0.4, 0.01]) + rng.normal(0, 0.01, 3), np.array([-0.01, -0.42, -0.03]))
    hip = rng.normal(size=(5, 3))
    direction = rng.normal(size=(5, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    ankle = hip + direction * rng.uniform(0.3, 0.99, (5, 1)) * leg.length
    lateral = np.cross(direction, rng.normal(size=(5, 3)))
    lateral /= np.linalg.norm(lateral, axis=1, keepdims=True)
    thigh, angle = leg.reach(hip, ankle, lateral)
    knee = axis_angle_to_matrix(np.stack([angle, 0 * angle, 0 * angle], axis=-1))
    found = hip + np.squeeze(thigh @ (leg.upper + np.squeeze(knee @ leg.lower[:, None], -1))[..., None], -1)
    np.testing.assert_allclose(found, ankle, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(thigh), 1, atol=1e-9)
    assert np.all(angle > 0)


def test_curves():
    keys = Keys([(1.0, 0.0), (2.0, 3.0), (4.0, 1.0)])
    np.testing.assert_allclose(keys(np.array([0.0, 1, 1.5, 2, 3, 4, 9])), [0, 0, 1.5, 3, 2, 1, 1])
    assert minimum_jerk(np.array([-1.0, 0, 0.5, 1, 2])).tolist() == [0, 0, 0.5, 1, 1]
    sway = Wander(np.random.default_rng(0), 0.02)(np.arange(0, 500, 0.1))
    assert np.sqrt(np.mean(sway**2)) == pytest.approx(0.02, rel=0.1)
    with pytest.raises(ValueError, match="increase"):
        Keys([(1.0, 0.0), (1.0, 3.0)])
