"""Poses straight from 3D landmarks put the limbs where the landmarks are."""

from __future__ import annotations

import numpy as np

from kinema.body.kinematics import Rig
from kinema.estimation.landmark_pose import pose_from_landmarks
from kinema.skeleton import LIMBS12, SMPL24
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


def test_rotations_are_proper_even_for_folded_landmarks():
    rng = np.random.default_rng(0)
    offsets = np.where(np.arange(24)[:, None] == 0, 0.0, rng.normal(size=(24, 3)))
    landmarks = np.concatenate([np.zeros((1, 33, 3)), rng.normal(size=(5, 33, 3))])
    rotation = pose_from_landmarks(landmarks, offsets)
    np.testing.assert_allclose(rotation @ np.swapaxes(rotation, -1, -2), np.eye(3) + 0 * rotation, atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0, atol=1e-6)
