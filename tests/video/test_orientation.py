"""Display matrices and EXIF orientations against their definition."""

from __future__ import annotations

import itertools
import struct

import numpy as np
import pytest

from kinema.video.orientation import EXIF_ORIENTATIONS, UPRIGHT, Orientation, from_display_matrix, from_rotation

IMAGE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
ALL = [Orientation(*flags) for flags in itertools.product([False, True], repeat=3)]


def apply(orientation, image):
    """`orientation.apply` on an image whose rows are padded, as a decoder's are."""
    padded = np.zeros((image.shape[0], image.shape[1] * 3 + 5), np.uint8)
    view = np.lib.stride_tricks.as_strided(padded, image.shape, (padded.strides[0], 3, 1))
    view[:] = image
    width, height = orientation.size(image.shape[1], image.shape[0])
    out = np.full((height, width, 3), 255, np.uint8)
    found = orientation.apply(view, out)
    assert found is out
    return found


def packed(a, b, c, d):
    return struct.pack("=9i", *(round(v * 65536) for v in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)


@pytest.mark.parametrize("orientation", ALL)
def test_apply_moves_pixels_as_defined(orientation):
    expected = IMAGE.swapaxes(0, 1) if orientation.transpose else IMAGE
    expected = expected[:, ::-1] if orientation.flip_x else expected
    expected = expected[::-1] if orientation.flip_y else expected
    found = apply(orientation, IMAGE)
    np.testing.assert_array_equal(found, expected)
    assert (found.shape[1], found.shape[0]) == orientation.size(3, 2)


@pytest.mark.parametrize("orientation", ALL)
def test_degrees_and_mirror_name_the_orientation(orientation):
    """Mirroring along x if `mirrored`, then rotating clockwise, gives the same image."""
    image = IMAGE[:, ::-1] if orientation.mirrored else IMAGE
    np.testing.assert_array_equal(apply(orientation, IMAGE), np.rot90(image, -orientation.degrees // 90))


@pytest.mark.parametrize(
    ("a", "b", "c", "d"),
    [
        m
        for m in itertools.product((-1, 0, 1), repeat=4)
        if abs(m[0] * m[3] - m[1] * m[2]) == 1 and sum(map(abs, m)) == 2
    ],
)
def test_display_matrix_moves_points_as_defined(a, b, c, d):
    """The pixel at (x, y) lands at (a x + c y, b x + d y), up to the shift that brings it into view."""
    rotated = apply(from_display_matrix(packed(a, b, c, d)), IMAGE)
    points = {(x, y): (a * x + c * y, b * x + d * y) for x in range(3) for y in range(2)}
    left, top = min(p[0] for p in points.values()), min(p[1] for p in points.values())
    for (x, y), (u, v) in points.items():
        np.testing.assert_array_equal(rotated[v - top, u - left], IMAGE[y, x])


def test_exif_orientations():
    """EXIF 2.32, table 8: where the stored first row and first column are displayed."""
    sides = {1: "top left", 2: "top right", 3: "bottom right", 4: "bottom left",
             5: "left top", 6: "right top", 7: "right bottom", 8: "left bottom"}  # fmt: skip
    for value, text in sides.items():
        row, column = text.split()
        shown = apply(EXIF_ORIENTATIONS[value], IMAGE)
        edge = {"top": shown[0], "bottom": shown[-1], "left": shown[:, 0], "right": shown[:, -1]}
        assert sorted(map(tuple, edge[row])) == sorted(map(tuple, IMAGE[0]))
        assert sorted(map(tuple, edge[column])) == sorted(map(tuple, IMAGE[:, 0]))


@pytest.mark.parametrize(("degrees", "clockwise"), [(0, 0), (-90, 90), (90, 270), (180, 180), (-180, 180), (-88, 90)])
def test_from_rotation(degrees, clockwise):
    assert from_rotation(degrees).degrees == clockwise
    assert not from_rotation(degrees).mirrored


def test_broken_matrix_is_upright():
    assert from_display_matrix(b"short") == UPRIGHT
    assert from_display_matrix(bytes(36)) == UPRIGHT
