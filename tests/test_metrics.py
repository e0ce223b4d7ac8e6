"""Metrics: known errors give exact scores, and the original authors' numbers come out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema import metrics
from kinema.errors import ShapeError, UsageError
from kinema.geometry.rotations import axis_angle_to_matrix
from tests.helpers.goldens import cases, recording


def some_joints(frames=6, joints=8, seed=0):
    return np.random.default_rng(seed).normal(size=(frames, joints, 3))


seeds = st.integers(0, 10_000)


def test_a_shift_is_its_length():
    truth = some_joints()
    np.testing.assert_allclose(metrics.mpjpe(truth + np.array([0.03, 0, 0.04]), truth), 0.05, atol=1e-12)
    np.testing.assert_allclose(metrics.pa_mpjpe(truth + np.array([0.03, 0, 0.04]), truth), 0, atol=1e-12)


@given(seeds, st.floats(0.1, 10), st.floats(-3, 3))
def test_pa_mpjpe_forgives_any_similarity_and_no_mirror(seed, scale, angle):
    truth = some_joints(seed=seed)
    turn = axis_angle_to_matrix(np.array([0.2, angle, -0.4]))
    moved = scale * truth @ turn.T + [1, -2, 3]
    np.testing.assert_allclose(metrics.pa_mpjpe(moved, truth), 0, atol=1e-9)
    mirrored = truth * [-1, 1, 1]
    assert np.all(metrics.pa_mpjpe(mirrored, truth) > 0.05)


@given(seeds)
def test_alignment_never_makes_the_squared_error_larger(seed):
    a, b = some_joints(seed=seed), some_joints(seed=seed + 1)
    before = np.sum(metrics.joint_errors(a, b) ** 2, axis=-1)
    after = np.sum(metrics.pa_joint_errors(a, b) ** 2, axis=-1)
    assert np.all(after <= before + 1e-9)


def test_n_mpjpe_forgives_scale_only():
    truth = some_joints()
    np.testing.assert_allclose(metrics.n_mpjpe(1.7 * truth, truth), 0, atol=1e-12)
    turned = truth @ axis_angle_to_matrix(np.array([0, 0.5, 0])).T
    assert np.all(metrics.n_mpjpe(turned, truth) > 0.1)


def test_missing_joints_are_left_out_not_counted_as_zero():
    truth = some_joints()
    result = truth + np.array([0.1, 0, 0])
    result[2, 3] = np.nan
    truth[4, :6] = np.nan  # two joints left: too few for an alignment
    assert np.isnan(metrics.joint_errors(result, truth)[2, 3])
    np.testing.assert_allclose(metrics.mpjpe(result, truth), 0.1, atol=1e-12)
    aligned = metrics.pa_mpjpe(result, truth)
    assert np.isnan(aligned[4])
    np.testing.assert_allclose(np.delete(aligned, 4), 0, atol=1e-12)
    truth[0] = np.nan
    assert np.isnan(metrics.mpjpe(result, truth)[0])


def test_alignment_with_missing_joints_equals_alignment_of_the_others():
    truth, result = some_joints(), some_joints(seed=1)
    result[:, 5] = np.nan
    rest = np.delete(np.arange(8), 5)
    np.testing.assert_allclose(
        metrics.procrustes(result, truth)[:, rest], metrics.procrustes(result[:, rest], truth[:, rest]), atol=1e-12
    )


@given(st.lists(st.floats(0.005, 0.2), min_size=6, max_size=12), st.floats(-20, 20))
def test_derivatives_of_polynomials_are_exact_at_uneven_times(steps, a):
    """Divided differences of order k are exact for polynomials of degree k, whatever the times."""
    t = np.cumsum(steps)
    cubic = (a * t**3 - 2 * t**2 + t)[:, None] * [1.0, 0.5, 0]
    third = metrics.time_derivative(cubic, t, 3)
    np.testing.assert_allclose(third, np.tile([6 * a, 3 * a, 0], (len(t) - 3, 1)), rtol=1e-5, atol=1e-4)
    quadratic = (a * t**2)[:, None] * [1.0, 0, 0]
    np.testing.assert_allclose(metrics.time_derivative(quadratic, t, 2)[:, 0], 2 * a, rtol=1e-5, atol=1e-6)


def test_acceleration_error_knows_the_frame_rate():
    """The same movement filmed at 30 and at 60 frames a second has the same acceleration."""
    for fps in (25, 30, 60):
        t = np.arange(fps) / fps
        fall = np.zeros((fps, 2, 3))
        fall[..., 1] = -0.5 * 9.81 * t[:, None] ** 2
        error = metrics.acceleration_error(fall, np.zeros_like(fall), t)
        assert error.shape == (fps - 2, 2)
        np.testing.assert_allclose(error, 9.81, atol=1e-6)
    per_frame = metrics.acceleration_error_per_frame(fall, np.zeros_like(fall))
    np.testing.assert_allclose(per_frame, 9.81 / 60**2, atol=1e-12)


def test_jitter_of_alternating_noise():
    """x = +-a at dt: the third difference is 8 a, the jerk 8 a / dt^3."""
    t = np.arange(10) / 50
    x = np.zeros((10, 1, 3))
    x[:, 0, 0] = 0.001 * (-1.0) ** np.arange(10)
    np.testing.assert_allclose(metrics.jitter(x, t), 8 * 0.001 * 50**3, rtol=1e-9)


def test_no_derivative_across_a_gap():
    t = np.array([0, 1, 2, 6, 7, 8]) / 30
    x = np.random.default_rng(0).normal(size=(6, 1, 3))
    known = np.isfinite(metrics.time_derivative(x, t, 2, max_step=0.05)).all(axis=(1, 2))
    assert known.tolist() == [True, False, False, True]


def test_too_few_frames_give_nothing():
    assert metrics.jitter(np.zeros((3, 4, 3)), np.arange(3.0)).shape == (0, 4)
    assert metrics.acceleration_error(np.zeros((2, 4, 3)), np.zeros((2, 4, 3)), np.arange(2.0)).shape == (0, 4)


def test_pck_and_auc():
    errors = np.array([0.0, 0.05, 0.1, 0.2, np.nan])
    assert metrics.pck(errors, 0.1) == 75
    assert metrics.pck(np.array([np.nan]), 0.1) != metrics.pck(np.array([np.nan]), 0.1)  # NaN
    assert metrics.auc(np.zeros(4)) == 100
    assert metrics.auc(np.full(4, 0.075)) == pytest.approx(100 * 16 / 31)


@pytest.mark.parametrize("how", ["yaw", "rigid"])
@given(seeds, st.floats(-3.1, 3.1))
def test_root_error_forgives_heading_and_place(how, seed, heading):
    truth = np.cumsum(some_joints(20, 1, seed)[:, 0], axis=0)
    turn = axis_angle_to_matrix(np.array([0, heading, 0]))
    moved = truth @ turn.T + [4, 5, 6]
    assert metrics.root_trajectory_error(moved, truth, how) < 1e-6
    np.testing.assert_allclose(metrics.align_trajectory(moved, truth, how), truth, atol=1e-8)


def test_root_error_is_percent_of_the_way():
    truth = np.zeros((11, 3))
    truth[:, 0] = np.linspace(0, 2, 11)
    off = truth.copy()
    off[:, 1] = [0.1, -0.1] * 5 + [0]
    assert metrics.path_length(truth) == pytest.approx(2)
    assert metrics.root_trajectory_error(off, truth, "none") == pytest.approx(100 * (10 / 11) * 0.1 / 2)
    assert np.isnan(metrics.root_trajectory_error(truth, np.zeros((11, 3))))
    with pytest.raises(UsageError, match="unknown alignment"):
        metrics.align_trajectory(truth, truth, "best")


def test_yaw_alignment_does_not_tilt():
    """A path that climbs cannot be laid onto a level one by a turn about the vertical axis."""
    truth = np.zeros((11, 3))
    truth[:, 0] = np.linspace(0, 2, 11)
    climbing = truth.copy()
    climbing[:, 1] = np.linspace(0, 1, 11)
    assert metrics.root_trajectory_error(climbing, truth, "yaw") > 5


def test_foot_sliding_counts_contact_steps_only():
    points = np.zeros((4, 2, 3))
    points[:, 0, 0] = [0, 0.01, 0.02, 0.5]  # slides, then lifts off
    points[:, 1, 1] = [0, 0.1, 0.2, 0.3]  # rises: not horizontal
    contacts = np.array([[1, 1], [1, 1], [1, 1], [0, 1]], dtype=bool)
    speed = metrics.foot_sliding(points, contacts, np.arange(4) / 10)
    np.testing.assert_allclose(speed, [[0.1, 0], [0.1, 0], [np.nan, 0]], atol=1e-12)
    with pytest.raises(ShapeError):
        metrics.foot_sliding(points, contacts[:, :1], np.arange(4) / 10)


def test_bend_angles_of_a_right_and_a_straight_arm():
    names = ("left_shoulder", "left_elbow", "left_wrist")
    bent = np.array([[[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 0, 0], [1, 0, 0], [2, 0, 0]]], dtype=float)
    angles = metrics.bend_angles(bent, names)
    assert list(angles) == ["left_elbow"]
    np.testing.assert_allclose(np.degrees(angles["left_elbow"]), [90, 180], atol=1e-9)


def test_wrong_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"result \(6, 8, 3\) and truth \(6, 7, 3\)"):
        metrics.mpjpe(some_joints(), some_joints(joints=7))
    with pytest.raises(ShapeError, match="times has shape"):
        metrics.jitter(some_joints(), np.arange(5.0))
    with pytest.raises(ShapeError, match="strictly increasing"):
        metrics.jitter(some_joints(), np.zeros(6))
    with pytest.raises(ShapeError, match="rotations have shapes"):
        metrics.rotation_errors(np.zeros((1, 24, 3)), np.zeros((1, 24, 3)))


# --- the authors' numbers ----------------------------------------------------------------------------


@pytest.mark.golden
def test_pare_metrics():
    """PARE's metrics on recorded arrays; both sides in float64 but V2V and angles (float32): 1e-12 and 1e-6."""
    recorded = recording("pare/processing.npz")
    golden = {key: recorded[f"metric.{key}"] for key in cases(recorded, r"metric\.(\w+)")}
    result, truth = golden["pred"], golden["gt"]
    errors = metrics.joint_errors(result, truth)
    np.testing.assert_allclose(errors, golden["mpjpe_per_joint"], atol=1e-12)
    np.testing.assert_allclose(metrics.mpjpe(result, truth), golden["mpjpe"], atol=1e-12)
    np.testing.assert_allclose(metrics.procrustes(result, truth), golden["aligned"], atol=1e-12)
    np.testing.assert_allclose(metrics.pa_mpjpe(result, truth), golden["pampjpe"], atol=1e-12)
    np.testing.assert_allclose(metrics.pa_joint_errors(result, truth), golden["pampjpe_per_joint"], atol=1e-12)
    np.testing.assert_allclose(
        metrics.vertex_errors(golden["verts_pred"], golden["verts_gt"]), golden["v2v"], atol=1e-6
    )
    np.testing.assert_allclose(metrics.acceleration_error_per_frame(result, truth), golden["accel_error"], atol=1e-12)
    np.testing.assert_allclose(
        metrics.acceleration_error_per_frame(result, truth, golden["vis"]), golden["accel_error_vis"], atol=1e-12
    )
    compared = [0, 1, 2, 4, 5, 16, 17, 18, 19]  # pelvis, hips, knees, shoulders, elbows
    angles = metrics.rotation_errors(golden["rot_pred"], golden["rot_gt"])[:, compared]
    assert angles.mean() == pytest.approx(float(golden["joint_angle_error"]), abs=1e-6)
    for threshold, percent in zip(golden["pck_thresholds"], golden["pck_percent"], strict=True):
        assert metrics.pck(errors, threshold) == pytest.approx(percent)
    assert metrics.auc(errors) == pytest.approx(float(golden["auc_percent"]))


@pytest.mark.golden
def test_smoothnet_metrics():
    """SmoothNet's refiner metrics, recorded in float32: 1e-6 m. Its padded acceleration is not reproduced."""
    data = recording("smoothnet/golden_filters_metrics.npz")
    result, truth = data["met.pred"], data["met.gt"]
    np.testing.assert_allclose(metrics.mpjpe(result, truth), data["met.mpjpe"], atol=1e-6)
    np.testing.assert_allclose(metrics.pa_mpjpe(result, truth), data["met.pampjpe"], atol=1e-6)
    np.testing.assert_allclose(metrics.procrustes(result, truth), data["met.aligned"], atol=1e-6)
    np.testing.assert_allclose(metrics.acceleration_error_per_frame(result, truth), data["met.accel_error"], atol=1e-6)
