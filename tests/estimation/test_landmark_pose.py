"""Poses computed directly from 3D landmarks put the limbs where the landmarks are."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body.kinematics import Rig
from kinema.estimation.landmark_pose import pose_from_landmarks
from kinema.geometry.rotations import matrix_to_axis_angle
from kinema.skeleton import LIMBS12, SMPL24, joint_set
from tests.helpers.fit_scenes import make_scene


def test_exact_landmarks_give_the_limbs_back(body):
    scene = make_scene(body)
    rig = Rig.of(body, "blazepose33", np.zeros(10))
    rotation = pose_from_landmarks(scene.seen.people[0].keypoints3d, rig.offsets)
    _, joints, _ = rig.forward(rotation, scene.truth.joints[:, 0])
    limbs = SMPL24.indices(LIMBS12)
    error = np.linalg.norm(joints[:, limbs] - scene.truth.joints[:, limbs], axis=-1)
    # The collars stay at rest and the spine bends evenly: some centimetres at the shoulders and below.
    assert error.mean() < 0.035
    assert error.max() < 0.09


@pytest.mark.parametrize("name", ["coco17", "h36m17", "halpe26", "openpose25", "smpl24"])
def test_any_set_with_limbs_gives_them_back(body, name):
    scene = make_scene(body, keypoint3d_set=name)
    rig = Rig.of(body, name, np.zeros(10))
    rotation = pose_from_landmarks(scene.seen.people[0].keypoints3d, rig.offsets, joint_set(name))
    _, joints, _ = rig.forward(rotation, scene.truth.joints[:, 0])
    limbs = SMPL24.indices(LIMBS12)
    error = np.linalg.norm(joints[:, limbs] - scene.truth.joints[:, limbs], axis=-1)
    assert error.mean() < 0.04  # as above; Human3.6M's wider hips tilt the thighs
    upright = rotation[:, SMPL24.indices(("neck", "head", "left_ankle", "left_wrist"))]
    turn = np.degrees(np.linalg.norm(matrix_to_axis_angle(upright), axis=-1))
    assert turn.max() < 30  # at rest in truth, and near it found; heel to big toe points outward less than the foot


def test_rotations_are_proper_even_for_folded_landmarks():
    rng = np.random.default_rng(0)
    offsets = np.where(np.arange(24)[:, None] == 0, 0.0, rng.normal(size=(24, 3)))
    landmarks = np.concatenate([np.zeros((1, 33, 3)), rng.normal(size=(5, 33, 3))])
    rotation = pose_from_landmarks(landmarks, offsets)
    np.testing.assert_allclose(rotation @ np.swapaxes(rotation, -1, -2), np.eye(3) + 0 * rotation, atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0, atol=1e-6)
