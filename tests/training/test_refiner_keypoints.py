"""The keypoint pipeline's measured errors applied to captured motion."""

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import InputError
from kinema.skeleton import BLAZEPOSE33
from kinema.training.mocap import MocapSequence
from kinema.training.refiner_keypoints import KeypointSource, corrupted, statistics
from kinema.training.windows import KeypointErrors

FRAMES = 96
WRIST = BLAZEPOSE33.index("left_wrist")


def standing(rng: np.random.Generator, count: int) -> np.ndarray:
    """(N,T,33,3) people with landmarks on both sides of the midline, swaying slightly."""
    position = rng.normal(size=(33, 3)) * [0.1, 0.5, 0.1]
    side = np.array(
        [1.0 if n.startswith("left") else -1.0 if n.startswith("right") else 0.0 for n in BLAZEPOSE33.joints]
    )
    position = (position + position[BLAZEPOSE33.mirror]) / 2 + side[:, None] * [0.25, 0, 0]
    sway = np.sin(np.linspace(0, 6, FRAMES))[None, :, None, None] * rng.normal(size=(count, 1, 1, 3)) * 0.1
    return position + sway


def errors_of(truth: np.ndarray, solid: np.ndarray, confidence: float = 0.9) -> KeypointErrors:
    response = np.diag(np.tile([1.0, 1.0, 0.6], 33))
    flat = np.zeros((*truth.shape[:3], 2))
    return KeypointErrors(truth, flat, response, solid, np.full(truth.shape[:3], confidence))


def test_corrupted_motion_carries_the_measured_response_and_residual():
    rng = np.random.default_rng(0)
    truth = standing(rng, 20)
    solid = rng.normal(size=truth.shape) * 0.03
    errors = errors_of(truth, solid)
    estimated = np.stack([corrupted(truth[i], errors, rng) for i in range(20)])
    # Depth is estimated at 0.6 of the truth; the residual of 30 mm is scaled by 0.8 to 1.2.
    residual = estimated - truth * [1, 1, 0.6]
    assert residual.std() == pytest.approx(0.03 * np.sqrt(1 + 0.4**2 / 12), rel=0.05)
    # The residual is unaltered: white here, so frames are uncorrelated (1 / sqrt of 190,000 values).
    assert abs((residual[:, 1:] * residual[:, :-1]).mean() / residual.var()) < 0.02


def test_errors_come_from_similar_poses():
    rng = np.random.default_rng(1)
    near, far = standing(rng, 1)[0], standing(rng, 1)[0] + np.linspace(-1, 1, 33)[:, None]
    errors = errors_of(np.stack([near, far]), np.stack([np.full_like(near, 0.01), np.full_like(far, 0.5)]))
    for _ in range(10):
        estimated = corrupted(near, errors, rng)
        assert np.abs(estimated - near * [1, 1, 0.6]).max() < 0.02


def test_statistics_recover_the_simulated_errors():
    rng = np.random.default_rng(2)
    truth = standing(rng, 40)
    solid = rng.normal(size=truth.shape) * [0.01, 0.01, 0.03]
    swapped = rng.random(truth.shape[:2]) < 0.1
    both = [WRIST, BLAZEPOSE33.mirror[WRIST]]
    exchanged = (truth[:, :, both[::-1]] - truth[:, :, both]) * [1, 1, 0.6]
    solid[:, :, both] += np.where(swapped[..., None, None], exchanged, 0.0)
    found = statistics(errors_of(truth, solid))
    assert found["exchanged"][WRIST] == pytest.approx(swapped.mean(), abs=0.01)
    assert found["exchanged"][BLAZEPOSE33.index("left_knee")] < 0.001
    assert found["outliers"][WRIST] == pytest.approx(swapped.mean(), abs=0.03)
    knee = BLAZEPOSE33.index("left_knee")
    np.testing.assert_allclose(found["rms_mm"][knee], [10 * np.sqrt(2), 30], rtol=0.06)
    assert np.abs(found["correlation"][knee]).max() < 0.06
    assert found["lost"].max() == 0


def test_clips_of_captured_motion_are_reproducible():
    rng = np.random.default_rng(3)
    truth = standing(rng, 4)
    rotation = np.tile(np.eye(3), (150, 24, 1, 1))
    sequence = MocapSequence("a", "1", "walk", 60.0, rotation, np.zeros((150, 3)))
    source = KeypointSource([sequence], errors_of(truth, np.zeros_like(truth)), load_body(), stretches=2)
    first, again = (source.clips(2, np.random.default_rng(7)) for _ in range(2))
    assert first.detected[0].shape == (FRAMES, 99)
    np.testing.assert_array_equal(first.detected[1], again.detected[1])
    # Only the response has errors: x and y are the true ones.
    estimated, true = (clips[0].reshape(-1, 33, 3) for clips in (first.detected, first.truth))
    np.testing.assert_allclose(estimated[..., :2], true[..., :2], atol=1e-9)
    hips = BLAZEPOSE33.indices(("left_hip", "right_hip"))
    np.testing.assert_allclose(true[:, hips].mean(1), 0, atol=1e-9)
    batches = list(source.epoch(64, 16, np.random.default_rng(7)))
    assert sum(len(estimated) for estimated, _ in batches) == 2 * (FRAMES - 15)


def test_missing_capture_is_reported():
    rng = np.random.default_rng(4)
    truth = standing(rng, 2)
    with pytest.raises(InputError, match="no sequence"):
        KeypointSource([], errors_of(truth, truth * 0), load_body())
