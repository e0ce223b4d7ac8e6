"""What docs/conventions.md states, checked against the code."""

from __future__ import annotations

import numpy as np

from kinema.body import load_body
from kinema.geometry.camera import camera_from_fov, project, to_camera, to_world
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.skeleton import SMPL24


def test_the_body_in_camera_and_world():
    """R_root_world = R.T R_root; transl_world = R.T (p0 + transl - t) - p0; pelvis = p0 + transl."""
    body = load_body()
    rng = np.random.default_rng(0)
    pose, betas, transl = rng.normal(size=(5, 72)) * 0.3, rng.normal(size=(5, 10)), rng.normal(size=(5, 3))
    rotation, t = axis_angle_to_matrix(rng.normal(size=3)), rng.normal(size=3)
    camera = camera_from_fov(640, 480).replace(rotation=rotation, translation=t)
    p0 = body.rest_joints(betas)[:, 0]
    joints = body.joints(pose, betas, transl)
    np.testing.assert_allclose(joints[:, 0], p0 + transl, atol=1e-12)
    pose_world = pose.copy()
    pose_world[:, :3] = matrix_to_axis_angle(rotation.T @ axis_angle_to_matrix(pose[:, :3]))
    transl_world = (p0 + transl - t) @ rotation - p0
    in_world = body.joints(pose_world, betas, transl_world)
    np.testing.assert_allclose(in_world, to_world(joints, camera), atol=1e-9)
    np.testing.assert_allclose(to_camera(in_world, camera), joints, atol=1e-9)


def test_the_rest_pose():
    """x to the person's left, y up, z out of the chest (toes point there)."""
    rest = load_body().rest_joints(np.zeros(10))
    place = {name: rest[i] for i, name in enumerate(SMPL24.joints)}
    assert place["left_wrist"][0] > 0.4 > -0.4 > place["right_wrist"][0]
    assert place["head"][1] > place["pelvis"][1] > place["left_ankle"][1]
    assert place["left_foot"][2] > place["left_ankle"][2]


def test_left_is_on_the_pictures_right_when_facing_the_camera():
    body = load_body()
    facing = np.zeros((1, 72))
    facing[0, 0] = np.pi  # the camera's y points down: half a turn about x puts the body upright, facing it
    joints = body.joints(facing, np.zeros(10), np.array([[0, 0, 4.0]]))[0]
    camera = camera_from_fov(640, 480)
    pixels = project(joints, camera.intrinsics)
    left, right = SMPL24.index("left_wrist"), SMPL24.index("right_wrist")
    assert pixels[left, 0] > pixels[right, 0]
    assert pixels[SMPL24.index("head"), 1] < pixels[SMPL24.index("left_ankle"), 1]
