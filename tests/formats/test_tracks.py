"""Tracks: one upright skeleton per person, whatever fields the motion has."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinema.errors import UsageError
from kinema.formats import formats, save_motion
from kinema.formats.angles import ORDERS, euler_angles, joint_quaternions
from kinema.formats.foreign import REST_PELVIS
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import constant_rate, in_frame, skeleton_tracks
from kinema.geometry.camera import to_world
from kinema.geometry.rotations import axis_angle_to_matrix
from tests.helpers.exchange_motions import camera_only, uneven


def test_the_worlds_joints_are_the_tracks_joints(walk):
    (track,) = skeleton_tracks(walk)
    assert track.frame == "world"
    np.testing.assert_allclose(track.joints(), walk.people[0].joints_world, atol=1e-9)


def test_the_cameras_frame_is_rotated_upright(walk, body):
    report = WriteReport()
    (track,) = skeleton_tracks(camera_only(walk), report=report)
    assert track.frame == "camera"
    assert any("y-up" in note for note in report.notes)
    np.testing.assert_allclose(track.joints(), walk.people[0].joints * [1, -1, -1], atol=1e-9)
    # The same motion as in the world, up to the camera's rigid transform.
    seen = to_world(track.joints() * [1, -1, -1], walk.camera)
    np.testing.assert_allclose(seen, walk.people[0].joints_world, atol=1e-9)
    assert np.all(track.joints()[:, 15, 1] > track.joints()[:, 10, 1])  # heads above feet


def test_the_frame_of_reference_can_be_chosen(walk):
    assert skeleton_tracks(in_frame(walk, "camera"))[0].frame == "camera"
    assert in_frame(walk, "world") is walk
    with pytest.raises(UsageError, match="no pose in the world frame; try `frame` camera"):
        in_frame(camera_only(walk), "world")
    with pytest.raises(UsageError, match="unknown frame"):
        in_frame(walk, "floor")


def test_a_motion_without_poses_is_refused(walk):
    bare = walk.people[0].replace(pose=None, pose_world=None)
    with pytest.raises(UsageError, match="nobody in this motion has a pose"):
        skeleton_tracks(walk.replace(people=(bare,)))


def test_an_unavailable_body_is_replaced_and_the_pelvis_kept(walk):
    report = WriteReport()
    bare = walk.people[0].replace(joints_world=None)
    (track,) = skeleton_tracks(walk.replace(body_model="smpl", people=(bare,)), report=report)
    np.testing.assert_allclose(track.pelvis, bare.transl_world + REST_PELVIS["smpl"], atol=1e-12)
    np.testing.assert_array_equal(track.betas, 0)
    assert any("`body_model`" in note for note in report.notes)


def test_changing_shapes_are_noted(walk):
    betas = np.array(walk.people[0].betas)
    betas[:, 0] += np.linspace(-1, 1, len(betas))
    report = WriteReport()
    skeleton_tracks(walk.replace(people=(walk.people[0].replace(betas=betas),)), report=report)
    assert any("changes from frame to frame" in note for note in report.notes)


def test_even_frames_are_unchanged(walk):
    report = WriteReport()
    (track,) = skeleton_tracks(walk)
    even = constant_rate(track, report)
    assert not list(report.notes)
    np.testing.assert_array_equal(even.pose, track.pose)
    assert even.rate == pytest.approx(30, abs=1e-9)


def test_uneven_frames_are_interpolated_at_true_times(walk):
    report = WriteReport()
    (track,) = skeleton_tracks(uneven(walk))
    even = constant_rate(track, report, fps=30)
    assert any("resampled" in note for note in report.notes)
    # The motion's own frames are on this grid, so those that were kept must not change.
    truth = walk.people[0].joints_world
    kept = np.isin(np.round(walk.times * 30), np.round(track.times * 30))
    np.testing.assert_allclose(even.joints()[kept], truth[kept], atol=1e-9)
    # Linear interpolation between two of them is off by a h^2 / 8, h = 1/15 s, a = 47 m/s2 where feet land.
    assert np.max(np.linalg.norm(even.joints() - truth, axis=-1)) < 0.03


def test_gaps_are_bridged_and_noted(pair):
    report = WriteReport()
    late, lying = skeleton_tracks(pair)
    assert late.spans() == [(0, 29), (30, 49)]
    assert lying.spans() == [(0, 88)]  # one missing frame is not an absence
    even = constant_rate(late, report)
    assert len(even) == 80
    assert even.rate == pytest.approx(29.97, abs=1e-6)
    assert any("away from" in note for note in report.notes)


@pytest.mark.parametrize("order", ORDERS)
def test_euler_angles_are_exact_and_continuous(order):
    # A knee bending by 150 degrees about x with a little twist, and a body turning round three times.
    t = np.linspace(0, 1, 400)
    knee = Rotation.from_euler("XYZ", np.stack([150 * np.sin(np.pi * t), 5 * t, 3 * t], 1), degrees=True)
    turn = Rotation.from_euler("y", 3 * 360 * t[:, None], degrees=True)
    pose = np.stack([knee.as_rotvec(), turn.as_rotvec()], axis=1).reshape(len(t), 6)
    angles = euler_angles(pose, order)
    for joint, rotation in enumerate((knee, turn)):
        again = Rotation.from_euler(order, angles[:, joint], degrees=True)
        assert np.max((again * rotation.inv()).magnitude()) < 1e-9
        first_half = euler_angles(pose[:200], order)
        rest = euler_angles(pose[200:], order, first_half[-1])
        np.testing.assert_allclose(np.concatenate([first_half, rest]), angles, atol=1e-9)
    if order in ("YXZ", "YZX"):  # y is the outermost axis: its angle keeps growing
        assert angles[-1, 1, 0] - angles[0, 1, 0] == pytest.approx(3 * 360)


def test_quaternions_do_not_flip_sign():
    t = np.linspace(0, 4 * np.pi, 200)
    pose = np.zeros((200, 72))
    pose[:, 4] = t
    pose[:, 3:6] = Rotation.from_rotvec(pose[:, 3:6]).as_rotvec()
    quaternions = joint_quaternions(pose, 1)
    assert np.min(np.sum(quaternions[1:] * quaternions[:-1], axis=1)) > 0.99
    np.testing.assert_allclose(Rotation.from_quat(quaternions).as_matrix(), axis_angle_to_matrix(pose[:, 3:6]))


@pytest.mark.parametrize("entry", [pytest.param(f, id=f.name) for f in formats() if f.writes and f.name != "fbx"])
def test_a_clip_without_a_frame_is_written_or_refused(walk, tmp_path, entry):
    """FBX asks for Blender first; its tracks are made as those of glb."""
    empty = walk.replace(times=walk.times[:0], people=tuple(p.select(np.zeros(len(p), bool)) for p in walk))
    path = tmp_path / f"empty{entry.suffixes[0]}"
    try:
        save_motion(empty, path, format=entry.name)
    except UsageError:
        assert not list(tmp_path.iterdir())
    else:
        assert path.is_file()
