"""Measured errors and their application to motion."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle, matrix_to_axis_angle
from kinema.training.mocap import MocapSequence
from kinema.training.refiner_noise import Bodies, FittedWindows, MeasuredErrors, fit_windows
from kinema.training.refiner_sources import SEGMENT, ClipSource, MocapSource, rendered_clips

BODY = load_body()


def windows(count: int = 3, frames: int = 40, seed: int = 0) -> FittedWindows:
    """Windows whose fit has a constant rotation error at the left knee and a drifting one at the right shoulder."""
    rng = np.random.default_rng(seed)
    pose = 0.3 * np.cumsum(rng.normal(size=(count, frames, 72)), axis=1) / np.sqrt(frames)
    truth = Bodies(pose, rng.normal(size=(count, 10)), rng.normal(size=(count, frames, 3)) + [0, 0, 4])
    wrong = np.zeros((count, frames, 24, 3))
    wrong[:, :, 4] = [0.2, 0, 0]
    wrong[:, :, 17] = 0.05 * np.cumsum(rng.normal(size=(count, frames, 3)), axis=1)
    turned = axis_angle_to_matrix(pose.reshape(count, frames, 24, 3)) @ axis_angle_to_matrix(wrong)
    fitted = Bodies(matrix_to_axis_angle(turned).reshape(count, frames, 72), truth.betas + 0.5, truth.transl + 0.1)
    return FittedWindows(fitted, truth)


def sequences(count: int = 3, frames: int = 80) -> list[MocapSequence]:
    rng = np.random.default_rng(1)
    out = []
    for i in range(count):
        turns = 0.2 * np.cumsum(rng.normal(size=(frames, 24, 3)), axis=0) / np.sqrt(frames)
        out.append(MocapSequence(f"s{i}", str(i), "walk", 30.0, axis_angle_to_matrix(turns), np.zeros((frames, 3))))
    return out


def test_errors_transform_the_truth_into_the_fit(tmp_path):
    made = windows()
    errors = MeasuredErrors.of(made, BODY)
    true = axis_angle_to_matrix(made.truth.pose.reshape(3, 40, 24, 3))
    estimated = axis_angle_to_matrix(made.fitted.pose.reshape(3, 40, 24, 3))
    np.testing.assert_allclose(true @ errors.rotations, estimated, atol=1e-9)
    np.testing.assert_allclose(errors.betas, 0.5)
    found = errors.statistics()
    assert found["rms_degrees"][4] == pytest.approx(np.degrees(0.2), rel=1e-6)
    assert found["constant_share"][4] == pytest.approx(1.0)
    assert found["correlation"][17, 0] > 0.8
    assert found["rms_degrees"][5] == pytest.approx(0, abs=1e-6)
    made.save(tmp_path / "fitted.npz")
    again = FittedWindows.load(tmp_path / "fitted.npz")
    np.testing.assert_allclose(again.fitted.pose, made.fitted.pose, atol=1e-6)


def test_drawn_errors_are_segments_of_measured_ones():
    errors = MeasuredErrors.of(windows(), BODY)
    rng = np.random.default_rng(0)
    for _ in range(20):
        turns, betas, path = errors.draw(70, rng)
        assert turns.shape == (70, 24, 3, 3)
        assert betas.shape == (10,)
        assert path.shape == (70, 3)
        angle = geodesic_angle(np.broadcast_to(np.eye(3), turns.shape), turns)
        knees = angle[:, [4, 5]]
        # mirrored or not, one knee has the constant error and the other none
        np.testing.assert_allclose(np.sort(knees, axis=1), np.tile([0, 0.2], (70, 1)), atol=1e-7)
        assert np.abs(np.diff(angle[:, [16, 17]], axis=0)).max() < 0.5  # no jump where a segment is reflected


@pytest.mark.parametrize(("representation", "coordinates"), [("3d", 72), ("smpl", 144)])
def test_captured_motion_gets_new_errors_every_epoch(representation, coordinates):
    errors = MeasuredErrors.of(windows(), BODY)
    source = MocapSource(sequences(), errors, BODY, representation, stretches=2)
    assert source.coordinates == coordinates
    rng = np.random.default_rng(0)
    first, again = (list(source.epoch(32, 16, rng)) for _ in range(2))
    estimated, true = (np.concatenate([pair[side] for pair in first]) for side in (0, 1))
    assert estimated.shape == true.shape == (2 * (SEGMENT - 15), 16, coordinates)
    assert not np.allclose(estimated[:32], again[0][0])
    assert 0.001 < np.abs(estimated - true).mean() < 0.5
    if representation == "3d":
        np.testing.assert_array_equal(true[..., :3], 0)  # the pelvis is the origin


def test_every_window_occurs_once_per_epoch():
    clips = rendered_clips(windows(), BODY, "3d")
    pairs = list(ClipSource(clips).epoch(7, 16, np.random.default_rng(0)))
    found = np.concatenate([estimated for estimated, _ in pairs])
    expected = np.concatenate([[clip[i : i + 16] for i in range(25)] for clip in clips.detected]).astype(np.float32)
    order = [np.lexsort(x.reshape(len(x), -1).T[::-1]) for x in (found, expected)]
    np.testing.assert_array_equal(found[order[0]], expected[order[1]])
    short = list(ClipSource(clips).epoch(7, 64, np.random.default_rng(0)))
    assert sum(len(estimated) for estimated, _ in short) == 3
    np.testing.assert_array_equal(short[0][0][0, 40], short[0][0][0, 63])


def test_rendered_windows_are_fitted_as_in_a_run():
    truth = windows(count=1, frames=6).truth
    pose, betas = 0.2 * truth.pose[0], truth.betas[0]
    pose[:, :3] = [np.pi, 0, 0]  # upright in front of the camera
    root = np.tile([0.0, 0.0, 4.0], (6, 1))
    transl = root - BODY.rest_joints(betas)[0]
    points = BODY.posed_points("blazepose33", pose, np.tile(betas, (6, 1)), transl)
    middle = points[:, 23:25].mean(axis=1, keepdims=True)
    made = {
        "rays": points[None, ..., :2] / points[None, ..., 2:], "confidence": np.ones((1, 6, 33)),
        "landmarks": (points - middle)[None], "rotation": axis_angle_to_matrix(pose.reshape(1, 6, 24, 3)),
        "root": root[None], "betas": betas[None],
    }  # fmt: skip
    done = fit_windows(made, BODY)
    assert len(done) == 1
    estimated, true = done.fitted.joints(BODY), done.truth.joints(BODY)
    relative = (estimated - estimated[:, :, :1]) - (true - true[:, :, :1])
    # The observations are exact, but the random pose is unlikely under the fit's priors: depth suffers, not x and y.
    assert np.linalg.norm(relative, axis=-1).mean() < 0.12
    assert np.abs(relative[..., :2]).mean() < 0.03


def test_invalid_input_is_refused(tmp_path):
    errors = MeasuredErrors.of(windows(), BODY)
    with pytest.raises(UsageError, match="trains refiners of 3d or smpl, not 2d"):
        MocapSource(sequences(), errors, BODY, "2d")
    with pytest.raises(InputError, match="no sequence of motion capture is left"):
        MocapSource([], errors, BODY, "3d")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(InputError, match="contains no fitted windows"):
        FittedWindows.load(tmp_path / "other.npz")
