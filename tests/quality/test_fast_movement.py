"""Strikes are no shaking and no jumps where keypoints show them; noise, slips and jumps of the body alone are."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.motion import Motion
from kinema.quality import validate_motion
from kinema.quality.judging import judge_quality
from kinema.quality.limits import default_limits
from kinema.quality.measures import shake
from kinema.quality.trajectory import trajectory_of
from kinema.skeleton import BLAZEPOSE33, SMPL24
from tests.helpers.fit_scenes import make_scene

BODY = load_body()
WRIST, POINT = SMPL24.index("left_wrist"), BLAZEPOSE33.index("left_wrist")


def boxer(fps: float, seconds: float = 4.0, noise: float = 2.0) -> Motion:
    """Somebody who strikes with the left arm, out in 0.08 s and back later, three times in two seconds.

    The keypoints are those of the body, with noise of so many pixels.
    """
    frames = int(fps * seconds)
    t = np.arange(frames) / fps
    pose = np.zeros((frames, 24, 3))
    pose[:, 0] = [np.pi, 0, 0]
    out = sum(np.tanh((t - at) / 0.04) - np.tanh((t - at - 0.33) / 0.04) for at in np.arange(0.3, seconds, 0.67)) / 2
    for side, sign in (("left", -1), ("right", 1)):
        pose[:, SMPL24.index(f"{side}_shoulder"), 2] = sign * 1.2
    pose[:, SMPL24.index("left_shoulder"), 2] += 1.1 * out
    pose[:, SMPL24.index("left_elbow"), 2] = 0.6 * out
    flat = pose.reshape(frames, 72)
    transl = np.stack([0.02 * np.sin(2 * t), 0.2 + 0 * t, 3.5 + 0 * t], axis=1)
    scene = make_scene(BODY, frames=frames, fps=fps, pose=flat, transl=transl, pixel_noise=noise)
    (seen,) = scene.seen.people
    truth = scene.truth
    person = seen.replace(pose=truth.pose, betas=truth.betas, transl=truth.transl, joints=truth.joints)
    return scene.seen.replace(people=(person,))


def with_joints(motion: Motion, joints: np.ndarray, keypoints: np.ndarray | None = None) -> Motion:
    (person,) = motion.people
    changes = {} if keypoints is None else {"keypoints": keypoints}
    return motion.replace(people=(person.replace(joints=joints, **changes),))


def found(motion: Motion) -> set[str]:
    return {p.measure for p in validate_motion(motion, checks=["quality"]).all_problems()}


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_strikes_that_the_keypoints_show_pass(fps):
    motion = boxer(fps)
    (person,) = motion.people
    speed = np.linalg.norm(np.diff(person.joints[:, WRIST], axis=0), axis=1).max() * fps
    assert speed > 6  # metres per second: a punch
    assert not {"jump", "shake", "tremor"} & found(motion)


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_noise_on_a_wrist_that_strikes_is_shaking(fps):
    motion = boxer(fps)
    joints = motion.people[0].joints.copy()
    joints[:, WRIST] += np.random.default_rng(0).normal(scale=0.04, size=(len(joints), 3))
    assert "shake" in found(with_joints(motion, joints))


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_the_amplitude_of_noise_is_found(fps):
    """Of a wrist at rest: 20 mm on each axis, of which a window of half a second tells to a third."""
    motion = boxer(fps)
    joints = np.repeat(motion.people[0].joints[:1], motion.num_frames, axis=0)
    joints[:, WRIST] += np.random.default_rng(1).normal(scale=0.02, size=(len(joints), 3))
    moved = with_joints(motion, joints)
    level = shake(trajectory_of(moved, moved.people[0]))[:, WRIST]
    # At 24 frames per second the limits' own growth of real movement, (30 / 24) cubed, is taken off.
    assert np.median(level) * max(1.0, 30 / fps) ** 3 == pytest.approx(20, rel=0.35)


def test_a_strike_that_the_keypoints_do_not_show_is_a_jump():
    motion = boxer(24)
    (person,) = motion.people
    still = np.repeat(person.keypoints[:1], len(person), axis=0)
    assert "jump" in found(with_joints(motion, person.joints, still))
    unsure = person.replace(keypoint_confidence=np.full(person.keypoints.shape[:2], 0.2))
    assert "jump" in found(motion.replace(people=(unsure,)))


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_a_slip_of_the_keypoints_that_the_body_follows_is_a_jump(fps):
    motion = boxer(fps)
    (person,) = motion.people
    joints, keypoints = person.joints.copy(), person.keypoints.copy()
    row = int(0.15 * fps)  # at rest
    joints[row, WRIST, 0] += 0.4
    keypoints[row, POINT, 0] += 0.4 / joints[row, WRIST, 2] * motion.camera.intrinsics[0, 0]
    jumps = [
        (p.frame, p.joint)
        for p in validate_motion(with_joints(motion, joints, keypoints)).all_problems()
        if p.measure == "jump" and p.frame is not None
    ]
    assert (row, "left_wrist") in jumps


def test_a_body_that_jumps_as_a_whole_is_not_excused():
    """Keypoints excuse limbs alone: a root that jumps has gone to somebody else."""
    motion = boxer(30)
    (person,) = motion.people
    joints, keypoints = person.joints.copy(), person.keypoints.copy()
    joints[60:, :, 0] += 0.6
    keypoints[60:, :, 0] += 0.6 / 3.5 * motion.camera.intrinsics[0, 0]
    report = judge_quality(with_joints(motion, joints, keypoints), person.replace(joints=joints), default_limits())
    assert report.figures["jump"]["joint"] == "pelvis"
    assert report.verdict != "PASS"
