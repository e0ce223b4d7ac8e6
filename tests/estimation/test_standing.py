"""The initial stance of a fit without 3D, oriented by the torso in the image."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body.kinematics import Rig
from kinema.estimation.standing import stance, torso_orientations
from kinema.geometry.camera import unproject
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.skeleton import SMPL24
from tests.helpers.fit_scenes import make_scene


def degrees_apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.linalg.norm(matrix_to_axis_angle(np.swapaxes(a, -1, -2) @ b), axis=-1))


@pytest.mark.parametrize("name", ["coco17", "h36m17", "openpose25"])
@pytest.mark.parametrize("degrees", [0, 40, -40, 90, -90, 140, -140, 180])
def test_the_torso_tells_the_turn(body, name, degrees):
    upright = axis_angle_to_matrix(np.array([np.pi, 0, 0])) @ axis_angle_to_matrix(
        np.array([0, np.radians(degrees), 0])
    )
    pose = np.zeros((20, 24, 3))
    pose[:, 0] = matrix_to_axis_angle(upright)
    scene = make_scene(body, frames=20, pose=pose.reshape(20, 72), keypoint_set=name, keypoint3d_set=None)
    (person,) = scene.seen.people
    points, rig = body.points(name), Rig.of(body, name, np.zeros(10))
    rays = unproject(person.keypoints, scene.seen.camera.intrinsics, scene.seen.camera.distortion)
    found, mirrored = torso_orientations(points.names, rig, scene.seen.times, rays, person.keypoint_confidence)
    # The person stands up to 9 degrees beside the camera's axis, and the torso's width is no measure near 0 and 180.
    assert degrees_apart(found, upright).max() < 30
    np.testing.assert_allclose(mirrored * [[1, 1, -1], [1, 1, -1], [-1, 1, 1]], found, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(found), 1.0, atol=1e-9)


def test_without_a_torso_the_person_faces_the_camera(body):
    names = ("left_wrist", "right_wrist", "nose")
    rig = Rig.of(body, "coco17", np.zeros(10), body.points("coco17").rows[[9, 10, 0]])
    for found in torso_orientations(names, rig, np.arange(3) / 30, np.zeros((3, 3, 2)), np.ones((3, 3))):
        np.testing.assert_allclose(found, np.tile(np.diag([1.0, -1.0, -1.0]), (3, 1, 1)), atol=1e-12)


def test_shoulders_alone_tell_front_from_back(body):
    names = ("left_shoulder", "right_shoulder")
    rig = Rig.of(body, "coco17", np.zeros(10), body.points("coco17").rows[[5, 6]])
    for sign in (1.0, -1.0):
        rays = np.tile([[0.1 * sign, 0.0], [-0.1 * sign, 0.0]], (3, 1, 1))
        for found in torso_orientations(names, rig, np.arange(3) / 30, rays, np.ones((3, 2))):
            np.testing.assert_allclose(found, np.tile(np.diag([sign, -1.0, -sign]), (3, 1, 1)), atol=1e-12)


def test_the_stance_is_symmetric():
    sign = np.array([1.0, -1.0, -1.0])
    turn = matrix_to_axis_angle(stance())
    np.testing.assert_allclose(turn[SMPL24.mirror] * sign, turn, atol=1e-12)
