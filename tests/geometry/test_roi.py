"""The rotated square: geometry as properties, pixel centres, smooth images keep their places."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.geometry.crops import crop
from kinema.geometry.roi import corners, crop_matrix, from_crop, roi_from_circle, rotate, to_crop

CROP = 256

numbers = st.floats(-2000, 2000)
rois = st.tuples(numbers, numbers, st.floats(4, 4000), st.floats(-np.pi, np.pi)).map(np.array)


@given(rois, st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5).map(np.array))
def test_to_crop_undoes_from_crop(roi, points):
    np.testing.assert_allclose(from_crop(to_crop(points, roi), roi), points, atol=1e-6)


@given(st.tuples(numbers, numbers), st.floats(1, 900), st.floats(-3.1, 3.1))
def test_roi_from_circle_puts_the_head_up(centre, radius, angle):
    rim = np.array(centre) + radius * np.array([np.sin(angle), -np.cos(angle)])
    roi = roi_from_circle(np.array(centre), rim, scale=1.25)
    np.testing.assert_allclose(roi, [*centre, 2.5 * radius, angle], rtol=1e-9, atol=1e-6)
    # In the crop the rim lies straight above the middle, at 1 / 1.25 of the half side.
    np.testing.assert_allclose(to_crop(rim[None], roi)[0], [0.5, 0.1], atol=1e-6)


def test_leaning_to_the_image_right_is_a_positive_angle():
    assert roi_from_circle(np.zeros(2), np.array([1.0, -1.0]))[3] == pytest.approx(np.pi / 4)


def test_corners_go_clockwise_from_the_crops_upper_left():
    np.testing.assert_allclose(corners(np.array([10.0, 20.0, 4.0, 0.0])), [[8, 18], [12, 18], [12, 22], [8, 22]])
    turned = corners(np.array([0.0, 0.0, 2.0, np.pi / 2]))  # the crop's up is the image's right
    np.testing.assert_allclose(turned, [[1, -1], [1, 1], [-1, 1], [-1, -1]], atol=1e-12)


@given(rois)
def test_crop_matrix_maps_pixel_centres(roi):
    matrix = crop_matrix(roi, 64)
    pixel = np.array([[0.0, 0.0], [10.0, 50.0]])
    np.testing.assert_allclose(pixel @ matrix[:, :2].T + matrix[:, 2], from_crop((pixel + 0.5) / 64, roi), atol=1e-6)


@given(st.floats(-3, 3))
def test_rotate_turns_the_third_axis_not(angle):
    points = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 0.5]])
    turned = rotate(points, angle)
    np.testing.assert_allclose(turned[:, 2], points[:, 2])
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(points, axis=1))


@pytest.mark.parametrize("side", [200.0, 400.0, 700.0, 1500.0])
@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5])
def test_crops_of_large_regions_stay_in_place(side, angle):
    """Halving before the warp must not shift the image: a plane of grey values reads the same."""
    height, width = 1400, 1600
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    image = np.repeat((x / 10.0 + y / 20.0)[..., None], 3, axis=2)
    roi = np.array([800.0, 700.0, side, angle])
    pixels = crop(np.round(image).astype(np.uint8), roi, size=CROP)
    grid = (np.stack(np.meshgrid(np.arange(CROP), np.arange(CROP)), axis=-1).reshape(-1, 2) + 0.5) / CROP
    places = from_crop(grid, roi)
    expected = places @ [0.1, 0.05]
    inside = np.all((places > 2) & (places < [width - 3, height - 3]), axis=1)
    difference = pixels[..., 0].reshape(-1)[inside] - expected[inside]
    # Rounding to whole grey levels twice; half a crop pixel of shift would be 0.6 grey levels at the largest side.
    assert np.abs(difference).max() <= 1.3
    assert abs(difference.mean()) < 0.1


def test_crops_beyond_the_image_repeat_its_border():
    image = np.full((20, 30, 3), 90, dtype=np.uint8)
    for roi in ([-500.0, -500.0, 100.0, 0.3], [15.0, 10.0, 5000.0, 0.0], [1e5, 0.0, 900.0, 1.0]):
        assert np.all(crop(image, np.array(roi), size=CROP) == 90)
