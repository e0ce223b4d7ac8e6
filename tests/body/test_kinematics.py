"""The rig agrees with the body's own layer, and its Jacobians with finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinema.body.kinematics import Rig
from kinema.estimation.solver import FREE_JOINTS, PoseState, moved
from kinema.geometry.rotations import axis_angle_to_matrix

STEP = 1e-6


@pytest.fixture
def posed(body):
    rng = np.random.default_rng(3)
    local = Rotation.random(3 * 24, random_state=5).as_matrix().reshape(3, 24, 3, 3)
    root = rng.normal(size=(3, 3)) + np.array([0, 0, 4])
    return Rig.of(body, "blazepose33", rng.normal(size=10)), local, root


def test_forward_equals_the_bodys_joints_and_points(body):
    rng = np.random.default_rng(0)
    pose, betas, transl = 0.5 * rng.normal(size=(4, 72)), rng.normal(size=10), rng.normal(size=(4, 3))
    rig = Rig.of(body, "blazepose33", betas)
    local = axis_angle_to_matrix(pose.reshape(4, 24, 3))
    _, joints, points = rig.forward(local, transl + body.rest_joints(betas)[0])
    shape = np.tile(betas, (4, 1))
    np.testing.assert_allclose(joints, body.joints(pose, shape, transl), atol=1e-9)
    np.testing.assert_allclose(points, body.posed_points("blazepose33", pose, shape, transl), atol=1e-9)


def test_projected_jacobian_matches_finite_differences(posed):
    rig, local, root = posed
    rows = np.random.default_rng(1).normal(size=(3, 33, 2, 3))
    rotation, position, points = rig.forward(local, root)
    jacobian = rig.projected_jacobian(rotation, position, points, rows, FREE_JOINTS)
    state = PoseState(local, root)
    for column in range(jacobian.shape[-1]):
        step = np.zeros((3, jacobian.shape[-1]))
        step[:, column] = STEP
        shifted = moved(state, step, max_turn=1.0)
        change = (rig.forward(shifted.local, shifted.root)[2] - points) / STEP
        # Second derivatives are of the order of the arm's length, a metre.
        np.testing.assert_allclose(jacobian[..., column], np.einsum("fkmc,fkc->fkm", rows, change), atol=2e-5)


def test_shape_jacobian_matches_finite_differences(body, posed):
    _, local, root = posed
    rig = Rig.of(body, "blazepose33", np.zeros(10))
    rotation, _, points = rig.forward(local, root)
    jacobian = rig.shape_jacobian(rotation)
    for b in range(10):
        betas = np.eye(10)[b]
        _, _, other = Rig.of(body, "blazepose33", betas).forward(local, root)
        # Points are linear in the betas: the difference quotient is exact.
        np.testing.assert_allclose(jacobian[..., b], other - points, atol=1e-9)
