"""The rig agrees with the body's own layer, and its Jacobians with finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from kinema.body.kinematics import Rig, bone_offsets, forward_kinematics
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


@pytest.mark.parametrize("points", ["smpl24", "halpe26", "coco17"])
def test_only_joints_that_turn_a_point_count_as_turning(body, posed, points):
    _, local, root = posed
    rig = Rig.of(body, points, np.zeros(10))
    rotation, position, placed = rig.forward(local, root)
    rows = np.broadcast_to(np.eye(3), (*placed.shape[:2], 3, 3))
    moves = np.abs(rig.projected_jacobian(rotation, position, placed, rows, np.arange(24)))[..., :-3]
    per_joint = moves.reshape(*moves.shape[:3], 24, 3).max(axis=(0, 1, 2, 4))
    np.testing.assert_array_equal(rig.turning, np.flatnonzero(per_joint > 1e-9))


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


@st.composite
def trees(draw):
    """Parents of a skeleton of 1 to 9 joints, each after its parent."""
    count = draw(st.integers(1, 9))
    return np.array([-1, *(draw(st.integers(0, joint - 1)) for joint in range(1, count))])


@given(trees(), st.integers(0, 10_000), st.sampled_from([(), (1,), (3,), (2, 2)]))
def test_any_tree_is_posed_joint_by_joint(parents, seed, lead):
    rng = np.random.default_rng(seed)
    local = axis_angle_to_matrix(rng.normal(size=(*lead, len(parents), 3)))
    offsets, root = rng.normal(size=(len(parents), 3)), rng.normal(size=(*lead, 3))
    rotation, position = forward_kinematics(local, offsets, parents, root)
    np.testing.assert_array_equal(rotation[..., 0, :, :], local[..., 0, :, :])
    np.testing.assert_array_equal(position[..., 0, :], root)
    for joint in range(1, len(parents)):
        above = rotation[..., parents[joint], :, :]
        np.testing.assert_allclose(rotation[..., joint, :, :], above @ local[..., joint, :, :], atol=1e-12)
        bone = position[..., joint, :] - position[..., parents[joint], :]
        np.testing.assert_allclose(bone, above @ offsets[joint], atol=1e-9)


@given(trees(), st.integers(0, 10_000))
def test_at_rest_joints_are_where_their_offsets_put_them(parents, seed):
    rest = np.random.default_rng(seed).normal(size=(2, len(parents), 3))
    still = np.tile(np.eye(3), (2, len(parents), 1, 1))
    _, position = forward_kinematics(still, bone_offsets(rest, parents), parents, rest[:, 0])
    np.testing.assert_allclose(position, rest, atol=1e-12)
