"""Decoding of the landmark network's outputs on synthetic tensors."""

import numpy as np
import pytest

from kinema.models.blazepose.landmarks import CROP, decode, refine

FAR = -30.0


def heat(places: np.ndarray, logit: float = 6.0) -> np.ndarray:
    """A heatmap (64, 64, 39) with one hot cell for each landmark; places (39, 2) cells."""
    heatmap = np.full((64, 64, 39), FAR, dtype=np.float32)
    for k, (column, row) in enumerate(places):
        heatmap[row, column, k] = logit
    return heatmap


def test_refine_moves_to_the_hot_cell_within_reach():
    unit = np.full((39, 2), 30.5 / 64)
    cells = np.tile([30, 30], (39, 1))
    cells[1] = [33, 28]  # at the kernel's rim
    cells[2] = [34, 30]  # one beyond
    refined = refine(unit, heat(cells))
    np.testing.assert_allclose(refined[0], [30 / 64, 30 / 64], atol=1e-6)
    np.testing.assert_allclose(refined[1], [33 / 64, 28 / 64], atol=1e-6)
    np.testing.assert_allclose(refined[2], unit[2])


def test_refine_takes_the_centre_of_mass():
    unit = np.full((39, 2), 30.5 / 64)
    heatmap = heat(np.tile([30, 30], (39, 1)))
    heatmap[30, 32] = 6.0
    np.testing.assert_allclose(refine(unit, heatmap)[:, 0], 31 / 64, atol=1e-6)


@pytest.mark.parametrize("logit", [-0.01, -5.0])
def test_refine_keeps_landmarks_where_the_heatmap_is_unsure(logit):
    unit = np.full((39, 2), 30.5 / 64)
    np.testing.assert_array_equal(refine(unit, heat(np.tile([31, 31], (39, 1)), logit)), unit)


def test_refine_at_the_border_and_outside():
    unit = np.tile([0.001, 0.999], (39, 1))
    unit[5] = [-0.2, 0.5]
    unit[6] = [0.5, 1.3]
    refined = refine(unit, heat(np.tile([1, 62], (39, 1))))
    np.testing.assert_allclose(refined[0], [1 / 64, 62 / 64], atol=1e-6)
    np.testing.assert_array_equal(refined[5:7], unit[5:7])


def outputs(angle: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = np.zeros((39, 5), dtype=np.float32)
    values[:, :2] = CROP / 2
    values[0, :2] = CROP / 2, CROP / 4  # the nose, above the middle
    values[33, :2] = CROP / 2, CROP / 2
    values[34, :2] = CROP / 2, CROP * 0.1
    values[0, 3:] = 2.0, -1.0
    world = np.zeros((39, 3), dtype=np.float32)
    world[0] = 0.0, -0.5, 0.2  # half a metre above the hips, away from the camera
    return values.reshape(-1), np.full((64, 64, 39), FAR, dtype=np.float32), world.reshape(-1)


def test_decode_places_landmarks_in_the_image_and_turns_the_world_back():
    values, heatmap, world = outputs(0.0)
    roi = np.array([100.0, 200.0, 400.0, np.pi / 2])  # the person lies, head to the image's right
    seen = decode(values, 0.75, heatmap, world, roi)
    np.testing.assert_allclose(seen.points[0], [200.0, 200.0], atol=1e-6)
    np.testing.assert_allclose(seen.world[0], [0.5, 0.0, 0.2], atol=1e-6)
    np.testing.assert_allclose(seen.next_roi, [100.0, 200.0, 400.0, np.pi / 2], atol=1e-4)
    assert seen.score == 0.75
    assert seen.visibility[0] == pytest.approx(1 / (1 + np.exp(-2)))
    assert seen.presence[0] == pytest.approx(1 / (1 + np.e))
    assert seen.mask is None
    assert seen.points.shape == (33, 2)
    assert seen.world.shape == (33, 3)
