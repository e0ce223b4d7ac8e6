"""The validator on whole tracks: the ground, gravity, feet that stand, flips, frames that are not of the movement."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import free_body
from kinema.errors import UsageError
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality import validate_file, validate_motion
from kinema.quality.trajectory import trajectory_of
from kinema.quality.upright import tilt
from kinema.refinement import stabilize_motion
from kinema.skeleton import SMPL24
from kinema.synthetic import procedural_motion

RATES = (10, 30, 120, 240)


def of_joints(joints: np.ndarray, fps: float) -> Motion:
    person = Person(id=1, frames=np.arange(len(joints)), joints_world=joints)
    return Motion(times=np.arange(len(joints)) / fps, width=0, height=0, people=(person,))


def walking(fps: float) -> np.ndarray:
    return procedural_motion(free_body(), "demo", fps=fps).people[0].joints_world.copy()


def standing(fps: float, seconds: float = 6.0) -> np.ndarray:
    """Somebody who stands and sways by 4 mm, hands and head a little more: arms hang, feet rest."""
    times = np.arange(round(seconds * fps)) / fps
    pose = np.zeros((len(times), 72))
    pose[:, 3 * SMPL24.index("left_shoulder") + 2] = -1.2
    pose[:, 3 * SMPL24.index("right_shoulder") + 2] = 1.2
    pose[:, 3 * SMPL24.index("neck")] = 0.02 * np.sin(2 * np.pi * 0.31 * times)
    sway = 0.002 * np.stack(
        [np.sin(2 * np.pi * 0.23 * times), np.zeros(len(times)), np.cos(2 * np.pi * 0.17 * times)], 1
    )
    joints = free_body().joints(pose, np.zeros((len(times), 10)), sway)
    joints[..., 1] -= joints[..., 1].min() - 0.01
    return joints


def found(motion: Motion, **options) -> set[str]:
    return {p.measure for p in validate_motion(motion, checks=["quality"], **options).all_problems() if p.severe}


@pytest.mark.parametrize("fps", RATES)
def test_standing_and_walking_pass_at_every_rate(fps):
    for joints in (standing(fps), walking(fps)):
        assert validate_motion(of_joints(joints, fps)).verdict == "PASS"


@pytest.mark.parametrize("fps", RATES)
def test_a_frozen_pelvis_is_found_at_every_rate(fps):
    joints = walking(fps)
    still = slice(round(2 * fps), round(4 * fps))
    joints[still] += (joints[still.start, 0] - joints[still, 0])[:, None]
    assert "frozen" in found(of_joints(joints, fps))


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize(
    ("measure", "move"),
    [
        ("floating", lambda times: np.outer(np.full(len(times), 0.2), [0, 1, 0])),
        ("rise", lambda times: np.outer(0.1 * times, [0, 1, 0])),
        ("rise", lambda times: np.outer(-0.1 * times, [0, 1, 0])),
        ("drift", lambda times: np.outer(0.45 * times, [0.6, 0, 0.8])),
    ],
)
def test_a_moved_body_is_found_at_every_rate(fps, measure, move):
    for joints in (standing(fps), walking(fps)):
        times = np.arange(len(joints)) / fps
        assert measure in found(of_joints(joints + move(times)[:, None], fps))


@pytest.mark.parametrize("heading", [0.0, 0.8, 1.6, 2.4])
def test_a_tilted_world_is_found_and_measured(heading):
    joints = walking(30)
    level = tilt(trajectory_of(of_joints(joints, 30), of_joints(joints, 30).people[0]))
    assert level is not None
    assert level.degrees < 5
    turn = axis_angle_to_matrix(np.radians(20) * np.array([np.cos(heading), 0, np.sin(heading)]))
    tilted = of_joints(joints @ turn.T, 30)
    assert "tilt" in found(tilted)
    # Within the lean of somebody who does all kinds of things.
    assert tilt(trajectory_of(tilted, tilted.people[0])).degrees == pytest.approx(20, abs=5)


def test_who_bends_or_sits_is_not_in_a_tilted_world():
    fps, joints = 30, standing(30)
    pose = np.zeros((len(joints), 72))
    pose[:, :3] = [
        1.2,
        0,
        0,
    ]  # the trunk bends forward over hips that go back: legs slant, the mass stays over the feet
    for side in ("left", "right"):
        pose[:, 3 * SMPL24.index(f"{side}_hip")] = -1.5
        pose[:, 3 * SMPL24.index(f"{side}_knee")] = 1.6
    sitting = free_body().joints(pose, np.zeros((len(pose), 10)), np.zeros((len(pose), 3)))
    sitting[..., 1] -= sitting[..., 1].min() - 0.01
    assert "tilt" not in found(of_joints(sitting, fps))


@pytest.mark.parametrize("fps", RATES)
def test_a_pose_that_is_stuck_while_the_body_travels_is_found(fps):
    joints = walking(fps)
    root, first = joints[:, 0], round(1.0 * fps)
    speed = np.array([0.8, 0.0, 0.3])
    rows = np.arange(first, first + round(1.5 * fps))
    joints[rows] = joints[first] + (speed * (rows - first)[:, None] / fps)[:, None]
    joints[rows[-1] + 1 :] += joints[rows[-1], :1] - root[rows[-1] + 1]
    assert "stuck" in found(of_joints(joints, fps))


def test_a_ground_below_zero_is_said_and_a_given_floor_is_taken(tmp_path):
    joints = walking(30)
    low = of_joints(joints - [0, 0.7, 0], 30)
    report = validate_motion(low)
    notes = [p for p in report.all_problems() if p.measure == "ground"]
    assert report.verdict == "PASS"
    assert notes[0].value == pytest.approx(-0.69, abs=0.02)
    assert "the ground is assumed to be at y = -0.6" in notes[0].sentence
    high = of_joints(joints + [0, 0.5, 0], 30)
    assert "floating" in found(high)
    assert not found(high, floor=0.5)
    assert not found(high, floor="auto")
    assert "penetration" in found(of_joints(joints, 30), floor=0.3)
    with pytest.raises(UsageError, match="must be a height in metres or 'auto'"):
        validate_motion(high, floor="here")


@pytest.mark.parametrize("fps", [24, 30, 120])
@pytest.mark.parametrize("count", [1, 2])
def test_t_pose_frames_at_the_start_are_removed_and_the_times_kept(fps, count):
    given = procedural_motion(free_body(), "demo", fps=fps)
    person = given.people[0]
    pose, transl = person.pose_world.copy(), person.transl_world.copy()
    pose[:count], transl[:count] = 0, [0.0, 0.95, 0.0]
    joints = free_body().joints(pose, person.betas, transl)
    hurt = given.replace(people=(person.replace(pose_world=pose, transl_world=transl, joints_world=joints, pose=None,
                                                transl=None, joints=None, contacts=None),))  # fmt: skip
    report = validate_motion(hurt)
    assert report.verdict == "PASS_WITH_CLEANUP"
    assert {p.measure for p in report.all_problems()} == {"ends"}
    stable = stabilize_motion(hurt)
    assert stable.people[0].frames[0] == count
    assert np.array_equal(stable.times, hurt.times)
    assert validate_motion(stable).verdict == "PASS"


@pytest.mark.parametrize("fps", [24, 30, 120])
def test_rotations_that_flip_are_found_and_other_signs_are_not(fps):
    given = procedural_motion(free_body(), "demo", fps=fps)
    person = given.people[0]
    bare = given.replace(people=(person.replace(contacts=None, joints=None, pose=None, transl=None),))
    assert not found(bare)
    for name in ("left_elbow", "right_wrist", "left_hip"):
        index = 3 * SMPL24.index(name)
        pose = person.pose_world.copy()
        rows = slice(round(2 * fps), round(2.3 * fps))
        twist = axis_angle_to_matrix(np.array([np.pi, 0.0, 0.0]))
        pose[rows, index : index + 3] = matrix_to_axis_angle(
            axis_angle_to_matrix(person.pose_world[rows, index : index + 3]) @ twist
        )
        # The joints stay where they were: what an exporter's twist looks like.
        flipped = bare.replace(people=(bare.people[0].replace(pose_world=pose),))
        assert "flip" in found(flipped)
        # The same rotation as an axis-angle the other way round is none.
        angle = np.linalg.norm(person.pose_world[rows, index : index + 3], axis=1, keepdims=True)
        pose = person.pose_world.copy()
        pose[rows, index : index + 3] *= (angle - 2 * np.pi) / np.maximum(angle, 1e-9)
        assert "flip" not in found(bare.replace(people=(bare.people[0].replace(pose_world=pose),)))


@pytest.mark.parametrize("fps", [15, 30, 120])
def test_an_angle_interpolated_across_its_wrap_is_found(fps):
    given = procedural_motion(free_body(), "demo", fps=fps)
    person = given.people[0]
    pose = person.pose_world.copy()
    rows = np.arange(round(2 * fps), round(2.25 * fps))
    pose[rows, 3 * SMPL24.index("left_wrist")] += 2 * np.pi * (np.arange(len(rows)) + 1) / (len(rows) + 1)
    bare = person.replace(pose_world=pose, contacts=None, joints=None, pose=None, transl=None)
    assert found(given.replace(people=(bare,))) & {"spin", "flip"}


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("amass_quiet_standing_30fps.npz", "PASS"), ("amass_quiet_standing_120fps.npz", "PASS"),
        ("float_0.20.npz", "PASS_WITH_CLEANUP"), ("tpose_first_frame.bvh", "PASS_WITH_CLEANUP"),
        ("ok_mixamo_names.bvh", "PASS"), ("amass_ok.npz", "PASS"),
    ],
)  # fmt: skip
def test_files_that_went_wrong(data_dir, name, verdict):
    assert validate_file(data_dir / "cases" / name).verdict == verdict
