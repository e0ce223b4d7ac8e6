"""Motion capture on the free body."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import ShapeError, UsageError
from kinema.geometry.camera import to_camera
from kinema.geometry.rotations import axis_angle_to_quaternion
from kinema.synthetic import motion_from_mocap, procedural_motion, studio_camera

BODY = load_body()


def capture(script="on-the-spot"):
    """A procedural motion in the format of motion capture."""
    motion = procedural_motion(BODY, script, seed=2, fps=30)
    pose, joints = motion.people[0].require("pose_world", "joints_world")
    return motion, joints[:, 0], axis_angle_to_quaternion(pose.reshape(-1, 24, 3))


def test_rotations_and_trajectory_are_recovered():
    motion, root, rotations = capture("demo")
    found = motion_from_mocap(BODY, root + np.array([0, 0.7, 0]), rotations, 30, camera=studio_camera())
    # The floor is found from the feet: the capture's height offset is removed.
    np.testing.assert_allclose(found.people[0].joints_world, motion.people[0].joints_world, atol=0.01)
    assert np.mean(found.people[0].contacts == motion.people[0].contacts) > 0.85
    np.testing.assert_allclose(to_camera(found.people[0].joints_world, found.camera), found.people[0].joints, atol=1e-9)


def test_heading_and_place_move_the_whole_motion():
    _, root, rotations = capture()
    still = motion_from_mocap(BODY, root, rotations, 30)
    moved = motion_from_mocap(BODY, root, rotations, 30, heading=np.pi / 2, place=(2.0, -3.0))
    a, b = still.people[0].joints_world, moved.people[0].joints_world
    np.testing.assert_allclose(a[..., 1], b[..., 1], atol=1e-9)
    turned = np.stack([a[..., 2], a[..., 1], -a[..., 0]], axis=-1)
    np.testing.assert_allclose(np.ptp(b - turned, axis=(0, 1)), 0, atol=1e-9)
    middle = (b[:, 0].min(axis=0) + b[:, 0].max(axis=0)) / 2
    np.testing.assert_allclose(middle[[0, 2]], [2, -3], atol=1e-9)


def test_leg_length_scales_the_trajectory():
    _, root, rotations = capture("demo")
    plain = motion_from_mocap(BODY, root, rotations, 30)
    rest = BODY.rest_joints(np.zeros(10))
    length = float(np.linalg.norm(rest[4] - rest[1]) + np.linalg.norm(rest[7] - rest[4]))
    half = motion_from_mocap(BODY, root, rotations, 30, leg_length=2 * length)
    extent = lambda motion: np.ptp(motion.people[0].joints_world[:, 0, ::2], axis=0)  # noqa: E731
    np.testing.assert_allclose(extent(half), 0.5 * extent(plain), rtol=2e-3)


def test_soles_are_as_high_as_captured():
    """Of somebody who crouches, a pelvis that moves by a ninth more than the legs do takes the soles through the floor
    by 4 cm; the captured soles hold them within one, since corrections are smoothed."""
    motion, root, rotations = capture()
    captured = motion.people[0]
    rest = BODY.rest_joints(np.zeros(10))
    length = float(np.linalg.norm(rest[4] - rest[1]) + np.linalg.norm(rest[7] - rest[4]))

    def lowest(person):
        return BODY.posed_points("contacts", person.pose_world, person.betas, person.transl_world)[..., 1].min(axis=1)

    def errors(**how):
        person = motion_from_mocap(BODY, root, rotations, 30, leg_length=0.9 * length, **how).people[0]
        return np.ptp(lowest(person) - lowest(captured))

    assert errors() > 0.03
    assert errors(soles=lowest(captured)) < 0.01


def test_bad_captures_are_refused():
    _, root, rotations = capture()
    with pytest.raises(ShapeError, match=r"rotations \(F, 24, 4\)"):
        motion_from_mocap(BODY, root, rotations[:, :22], 30)
    with pytest.raises(ShapeError, match="finite"):
        motion_from_mocap(BODY, root * np.nan, rotations, 30)
    with pytest.raises(UsageError, match="fps"):
        motion_from_mocap(BODY, root, rotations, 0)


@pytest.mark.real
def test_cmu_sequences_stand_on_the_floor(data_dir):
    archive = np.load(data_dir / "mocap" / "cmu_train.npz", allow_pickle=False)
    walks = np.flatnonzero(archive["description"] == "walk")[:4]
    for i in walks:
        start, end = archive["seq_start"][i], min(archive["seq_start"][i + 1], archive["seq_start"][i] + 120)
        rotations = archive["smpl24_quat_i16"][start:end] / 32767
        motion = motion_from_mocap(BODY, archive["root"][start:end], rotations, float(archive["fps"][i]))
        (person,) = motion.people
        points = BODY.posed_points("contacts", person.pose_world, person.betas, person.transl_world)
        # Captured skeletons differ from the body: soles may sink into the floor, but only by centimetres.
        assert -0.06 < points[..., 1].min() < 0.03
        assert person.contacts.any(axis=1).mean() > 0.5
        assert person.observed.all()
