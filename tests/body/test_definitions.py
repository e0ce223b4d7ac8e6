"""Joints of other definitions as means of vertices: they follow the body, lie where they should, and are mirrored."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body.definitions import CLICKED, DEFINITIONS, joint_regressor
from kinema.errors import UsageError
from kinema.skeleton import HALPE26, LIMBS12, SMPL24, joint_set, mirrored

PAIRED = ("knee", "ankle", "elbow", "wrist")


def posed(body, seed: int = 0, frames: int = 3):
    rng = np.random.default_rng(seed)
    pose = 0.5 * rng.normal(size=(frames, 72))
    return pose, np.tile(rng.normal(size=10), (frames, 1)), rng.normal(size=(frames, 3))


def rest(body, name: str) -> np.ndarray:
    return joint_regressor(body, name).weights @ body.v_template


@pytest.mark.parametrize("name", DEFINITIONS)
def test_rows_sum_to_one_and_move_with_the_body(body, name):
    regressor = joint_regressor(body, name)
    np.testing.assert_allclose(np.asarray(regressor.weights.sum(axis=1)).ravel(), 1.0, atol=1e-9)
    assert set(LIMBS12) <= set(regressor.names) <= set(joint_set(DEFINITIONS[name]).joints)
    pose, betas, transl = posed(body)
    shift = np.array([0.3, -0.2, 1.5])
    np.testing.assert_allclose(
        regressor.posed(body, pose, betas, transl + shift),
        regressor.posed(body, pose, betas, transl) + shift,
        atol=1e-9,
    )


@pytest.mark.parametrize("name", DEFINITIONS)
def test_where_nothing_bends_joints_are_means_of_posed_vertices(body, name):
    pose, betas, transl = posed(body)
    pose[:, 3:] = 0.0
    regressor = joint_regressor(body, name)
    vertices = body.vertices(pose, betas, transl, dtype=np.float64)
    expected = np.stack([regressor.weights @ frame for frame in vertices])
    np.testing.assert_allclose(regressor.posed(body, pose, betas, transl), expected, atol=1e-8)


def test_smpls_joints_are_the_bodys_own_in_the_rest_pose(body):
    np.testing.assert_allclose(rest(body, "smpl"), body.J_template, atol=1e-6)


def test_smpls_joints_in_any_pose_are_the_chains(body):
    pose, betas, transl = posed(body)
    found = joint_regressor(body, "smpl").posed(body, pose, betas, transl)
    np.testing.assert_allclose(found, body.joints(pose, betas, transl), atol=1e-6)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_left_and_right_are_mirror_images(body, name):
    """The free body is symmetric to 2 mm."""
    regressor = joint_regressor(body, name)
    found = dict(zip(regressor.names, rest(body, name), strict=True))
    for joint, place in found.items():
        np.testing.assert_allclose(found[mirrored(joint)], place * [-1, 1, 1], atol=0.004)


@pytest.mark.parametrize("name", ["coco", "halpe"])
def test_clicked_points_lie_at_their_offsets(body, name):
    points = body.points(HALPE26.name)
    known = dict(zip(points.names, points.weights @ body.v_template, strict=True))
    found = dict(zip(joint_regressor(body, name).names, rest(body, name), strict=True))
    for joint, offset in CLICKED.items():
        if joint in found:
            np.testing.assert_allclose(found[joint] - known[joint], offset, atol=1e-6)


def test_opensims_centres_lie_inside_the_limb_and_hips_are_smpls(body):
    smpl, opensim = (rest(body, name) for name in ("smpl", "opensim"))
    for joint in SMPL24.joints:
        away = np.linalg.norm(opensim[SMPL24.index(joint)] - smpl[SMPL24.index(joint)])
        assert away < 0.025 if joint.partition("_")[2] in PAIRED else away == 0.0


def test_an_unknown_definition_is_one_sentence(body):
    with pytest.raises(UsageError, match="unknown joint definition 'vicon'; known: smpl, opensim"):
        joint_regressor(body, "vicon")
