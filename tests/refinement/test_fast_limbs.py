"""What fast limbs keep of their speed, and what everything else keeps of its calm."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.motion import Motion
from kinema.refinement import FilterOptions, filter_motion
from kinema.refinement.fast_limbs import limb_joints
from kinema.skeleton import SMPL24
from tests.helpers.fit_scenes import make_scene

BODY = load_body()
FRAMES, FPS, STRIKE = 90, 30.0, 1.5
PLAIN = FilterOptions(fast_limbs=False)
WRIST, OTHER_WRIST = SMPL24.index("left_wrist"), SMPL24.index("right_wrist")


def striking(noise: float = 0.0, confidence: float = 1.0, keypoint_set: str = "blazepose33") -> tuple[Motion, Motion]:
    """A person who stands and strikes once with the left arm, and the same with noise of `noise` radians on every
    rotation; the keypoints are the true ones."""
    t = np.arange(FRAMES) / FPS
    pose = np.zeros((FRAMES, 24, 3))
    pose[:, 0] = [np.pi, 0, 0]
    for side, sign in (("left", -1), ("right", 1)):
        pose[:, SMPL24.index(f"{side}_shoulder"), 2] = sign * 1.2
    pose[:, SMPL24.index("left_shoulder"), 2] += 1.8 * np.exp(-(((t - STRIKE) / 0.08) ** 2))
    scene = make_scene(BODY, frames=FRAMES, fps=FPS, pose=pose.reshape(FRAMES, 72), keypoint_set=keypoint_set).seen
    (person,) = scene.people
    shape, transl = np.zeros((FRAMES, 10)), np.tile([0.0, 0.2, 3.5], (FRAMES, 1))
    points = BODY.posed_points(keypoint_set, pose.reshape(FRAMES, 72), shape, transl)
    pixels = points[..., :2] / points[..., 2:] * scene.camera.intrinsics[0, 0] + scene.camera.intrinsics[:2, 2]
    person = person.replace(keypoints=pixels, keypoint_confidence=np.full(pixels.shape[:2], confidence))
    tremble = np.random.default_rng(1).normal(scale=noise, size=pose.shape)
    motions = []
    for each in (pose, pose + tremble):
        flat = each.reshape(FRAMES, 72)
        joints = BODY.joints(flat, shape, transl)
        motions.append(scene.replace(people=(person.replace(pose=flat, betas=shape, transl=transl, joints=joints),)))
    return motions[0], motions[1]


def top_speed(motion: Motion, joint: int) -> float:
    return float(np.linalg.norm(np.diff(motion.people[0].joints[:, joint], axis=0), axis=-1).max() * FPS)


@pytest.mark.parametrize("keypoint_set", ["blazepose33", "coco17"])
def test_a_strike_keeps_its_speed(keypoint_set):
    truth, noisy = striking(noise=0.01, keypoint_set=keypoint_set)
    plain, kept = filter_motion(noisy, BODY, PLAIN), filter_motion(noisy, BODY)
    assert top_speed(plain, WRIST) < 0.7 * top_speed(truth, WRIST)
    assert top_speed(kept, WRIST) > 0.9 * top_speed(truth, WRIST)
    away = [
        np.linalg.norm(m.people[0].joints[:, WRIST] - truth.people[0].joints[:, WRIST], axis=-1).max()
        for m in (plain, kept)
    ]
    assert away[1] < 0.4 * away[0]


def test_what_does_not_strike_is_as_calm_as_before():
    _, noisy = striking(noise=0.01)
    plain, kept = (filter_motion(noisy, BODY, options).people[0].joints for options in (PLAIN, FilterOptions()))
    np.testing.assert_allclose(kept[:, OTHER_WRIST], plain[:, OTHER_WRIST], atol=2e-3)
    rest = np.abs(np.arange(FRAMES) / FPS - STRIKE) > 0.6
    np.testing.assert_allclose(kept[rest], plain[rest], atol=2e-3)


def test_unsure_keypoints_keep_nothing():
    _, noisy = striking(noise=0.01, confidence=0.01)
    plain, kept = (filter_motion(noisy, BODY, options).people[0].joints for options in (PLAIN, FilterOptions()))
    np.testing.assert_allclose(kept, plain, atol=5e-3)


def test_noise_that_the_keypoints_do_not_show_goes():
    """The arm's rotations jump although its keypoints stay: that is no movement."""
    truth, _ = striking()
    (person,) = truth.people
    pose = person.pose.reshape(FRAMES, 24, 3).copy()
    pose[20::7, SMPL24.index("right_elbow"), 1] += 0.8
    flat = pose.reshape(FRAMES, 72)
    shaken = truth.replace(people=(person.replace(pose=flat, joints=BODY.joints(flat, person.betas, person.transl)),))
    plain, kept = (filter_motion(shaken, BODY, options).people[0].joints for options in (PLAIN, FilterOptions()))
    np.testing.assert_allclose(kept[:, OTHER_WRIST], plain[:, OTHER_WRIST], atol=5e-3)


@pytest.mark.parametrize("lacking", ["camera", "keypoints", "joints of the set"])
def test_without_evidence_everything_is_smoothed_alike(lacking):
    _, noisy = striking(noise=0.01)
    if lacking == "camera":
        noisy = noisy.replace(camera=None)
    elif lacking == "keypoints":
        gone = dict.fromkeys(("keypoints", "keypoint_confidence", "keypoint_set"))
        noisy = noisy.replace(people=(noisy.people[0].replace(**gone),))
    else:
        few = {"keypoints": np.zeros((FRAMES, 133, 2)), "keypoint_confidence": np.zeros((FRAMES, 133))}
        noisy = noisy.replace(people=(noisy.people[0].replace(keypoint_set="wholebody133", **few),))
    plain, kept = (filter_motion(noisy, BODY, options).people[0].pose for options in (PLAIN, FilterOptions()))
    np.testing.assert_allclose(kept, plain, atol=1e-9)


def test_keypoints_that_tremble_keep_less():
    """White noise of the keypoints is no movement, however sure they are."""
    _, noisy = striking(noise=0.01)
    (person,) = noisy.people
    tremble = np.random.default_rng(3).normal(scale=12.0, size=person.keypoints.shape)
    noisy = noisy.replace(people=(person.replace(keypoints=person.keypoints + tremble),))
    plain, kept = (filter_motion(noisy, BODY, options).people[0].joints for options in (PLAIN, FilterOptions()))
    # Noise that is measured over 0.4 s is passed by four of its standard deviations once or twice, for 0.2 s each.
    assert np.mean(np.linalg.norm(kept[:, OTHER_WRIST] - plain[:, OTHER_WRIST], axis=-1) > 4e-3) < 0.25


def test_the_distance_from_the_camera_stays_smooth():
    """A step sideways that the keypoints show is kept; one in depth, which they hardly show, is smoothed."""
    truth, _ = striking()
    (person,) = truth.people
    for axis, kept_speed in ((0, True), (2, False)):
        transl = person.transl.copy()
        transl[:, axis] += np.interp(np.arange(FRAMES), [44, 47], [0.0, 0.5])
        joints = BODY.joints(person.pose, person.betas, transl)
        points = BODY.posed_points("blazepose33", person.pose, person.betas, transl)
        pixels = points[..., :2] / points[..., 2:] * truth.camera.intrinsics[0, 0] + truth.camera.intrinsics[:2, 2]
        stepping = truth.replace(people=(person.replace(transl=transl, joints=joints, keypoints=pixels),))
        plain, kept = (filter_motion(stepping, BODY, options).people[0].transl for options in (PLAIN, FilterOptions()))
        step = [np.diff(each[:, axis]).max() for each in (plain, kept)]
        assert (step[1] > 1.3 * step[0]) == kept_speed


def test_the_limbs_tell_of_themselves_and_the_trunks_ends_of_the_trunk():
    tells = limb_joints()
    names = np.array(SMPL24.joints)
    assert set(names[tells[SMPL24.index("left_shoulder")]]) == {
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "left_hand",
    }
    assert set(names[tells[0]]) == {"left_shoulder", "right_shoulder", "left_hip", "right_hip"}
    assert tells[SMPL24.index("spine2"), SMPL24.index("left_hip")]
