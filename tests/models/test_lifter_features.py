"""The lifter's features: independent of the person's position in the image, identical in numpy and torch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from kinema.models.pose_lifter.features import NUM_FEATURES, NUM_POINTS, NUM_VERTICAL, lifter_features, turn_towards


def person(seed: int, frames: int = 3) -> np.ndarray:
    """(F,33,3) points about a metre around a place four metres ahead."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(frames, NUM_POINTS, 3)) * [0.3, 0.5, 0.2] + [0.2, 0.1, 4.0]


def seen(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    middle = points[:, 23:25].mean(axis=1, keepdims=True)
    return points[..., :2] / points[..., 2:], np.full(points.shape[:2], 0.9), points - middle


@given(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2))
def test_turn_brings_the_axis_onto_the_ray(u, v):
    turn = turn_towards(np.array([u, v]), np)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    axis = turn[:, 2]
    np.testing.assert_allclose(axis[:2] / axis[2], [u, v], atol=1e-9)


@given(st.integers(0, 1000), st.floats(-0.4, 0.4), st.floats(-0.3, 0.3))
def test_turning_the_camera_changes_only_the_direction(seed, yaw, pitch):
    points = person(seed)
    turned = points @ Rotation.from_euler("yx", [yaw, pitch]).as_matrix().T
    plain, plain_turn = lifter_features(*seen(points), np)
    other, other_turn = lifter_features(*seen(turned), np)
    # The turned cameras look at the same torso; they differ by a small roll about the viewing axis.
    relative = np.swapaxes(other_turn, 1, 2) @ Rotation.from_euler("yx", [yaw, pitch]).as_matrix() @ plain_turn
    np.testing.assert_allclose(relative[:, 2, 2], 1.0, atol=4e-3)
    size = plain.shape[1] - 2
    np.testing.assert_allclose(plain[:, size], other[:, size], atol=5e-2)  # the logarithm of the angular size
    roll = relative[:, None, :2, :2]
    flat = np.squeeze(roll @ plain[:, :66].reshape(-1, 33, 2)[..., None], -1)
    # The torso's centre is a mean in the image, which a turn moves by its perspective, hence per cent.
    # The torso's centre is a mean in the image, which a turn moves by its perspective: 0.30 at most over all seeds and
    # the corners of the angles above.
    np.testing.assert_allclose(flat, other[:, :66].reshape(-1, 33, 2), atol=0.31)


def test_unseen_points_leave_no_trace():
    rays, confidence, landmarks = seen(person(0))
    confidence[:, 5] = 0.0
    plain, _ = lifter_features(rays, confidence, landmarks, np)
    rays[:, 5], landmarks[:, 5] = 77.0, -55.0
    other, _ = lifter_features(rays, confidence, landmarks, np)
    # The torso's centre gives unseen points a weight of nothing, not of little.
    np.testing.assert_allclose(plain, other, atol=1e-9)


def test_frames_without_anybody_are_finite_and_say_so():
    rays, confidence, landmarks = seen(person(1))
    features, _ = lifter_features(0 * rays, 0 * confidence, 0 * landmarks, np)
    assert features.shape == (3, NUM_FEATURES - NUM_VERTICAL)
    assert np.isfinite(features).all()
    assert (features[:, -1] == 0).all()
    assert (lifter_features(rays, confidence, landmarks, np)[0][:, -1] == 1).all()


@pytest.mark.torch
def test_torch_computes_what_numpy_computes():
    torch = pytest.importorskip("torch", reason="needs kinema[torch]")
    inputs = seen(person(2))
    plain, turn = lifter_features(*inputs, np)
    other, other_turn = lifter_features(*(torch.tensor(a) for a in inputs), torch)
    np.testing.assert_allclose(other.numpy(), plain, atol=1e-12)
    np.testing.assert_allclose(other_turn.numpy(), turn, atol=1e-12)
