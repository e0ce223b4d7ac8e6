"""Flip averaging: the mirrored view leads back to the same person, and errors to one side cancel."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kinema.geometry.roi import from_crop, roi_from_circle, rotate
from kinema.keypoints.flipping import Flipped, mean_of, unmirrored
from kinema.keypoints.source import Observation, View
from kinema.skeleton import BLAZEPOSE33
from kinema.video import Frame

SIZE = 64
POINTS = np.random.default_rng(1).uniform(0.2, 0.8, (33, 2))
DEPTHS = np.random.default_rng(2).normal(0, 0.3, (33, 3))
LEAN = np.array([[0.5, 0.5], [0.6, 0.2]])
"""Mid-hip and top of the circle in the crop."""


class Painted:
    """A network that recognises the picture, or its mirror image, and knows where everything is in it. Whichever it
    sees, its points are too far to the right by `bias` of the crop, and left ones are surer than right ones."""

    crop_size, gives_masks, thresholds = SIZE, True, None

    def __init__(self, bias: float = 0.0) -> None:
        self.bias = bias

    def observe(self, view, *, mask=False):
        mirrored = view.pixels[0, 0, 0] < view.pixels[0, -1, 0]
        unit, world, lean = POINTS.copy(), DEPTHS.copy(), LEAN.copy()
        if mirrored:
            unit, world = unit[BLAZEPOSE33.mirror], world[BLAZEPOSE33.mirror]
            unit[:, 0], lean[:, 0], world[:, 0] = 1 - unit[:, 0], 1 - lean[:, 0], -world[:, 0]
        unit[:, 0] += self.bias
        left = np.array([name.startswith("left") for name in BLAZEPOSE33.joints])
        circle = from_crop(lean, view.roi)
        picture = np.zeros((8, 8), dtype=np.float32)
        picture[:, 6 if not mirrored else 1] = 1.0
        return Observation(
            points=from_crop(unit, view.roi), visibility=np.where(left, 0.9, 0.5), presence=np.ones(33), score=0.9,
            roi=view.roi, next_roi=roi_from_circle(*circle), points3d=rotate(world, float(view.roi[3])),
            mask=picture if mask else None,
        )  # fmt: skip


def view_at(roi) -> View:
    pixels = np.zeros((SIZE, SIZE, 3), dtype=np.uint8)
    pixels[:] = np.linspace(200, 50, SIZE)[:, None]
    return View(Frame(0, 0.0, np.zeros((9, 9, 3), np.uint8)), np.array(roi, dtype=float), pixels)


regions = st.tuples(st.floats(-50, 500), st.floats(-50, 500), st.floats(20, 500), st.floats(-3.1, 3.1))


@given(roi=regions)
def test_a_network_that_is_right_stays_right(roi):
    view = view_at(roi)
    alone = Painted().observe(view, mask=True)
    both = Flipped(Painted(), BLAZEPOSE33, BLAZEPOSE33).observe(view, mask=True)
    for name in ("points", "points3d", "mask", "presence"):
        np.testing.assert_allclose(getattr(both, name), getattr(alone, name), atol=1e-6 * max(roi[2], 1), err_msg=name)
    np.testing.assert_allclose(both.next_roi[:3], alone.next_roi[:3], atol=1e-6 * roi[2])
    assert abs(np.angle(np.exp(1j * (both.next_roi[3] - alone.next_roi[3])))) < 1e-6
    np.testing.assert_allclose(both.visibility, np.where(BLAZEPOSE33.mirror == np.arange(33), 0.5, 0.7))


@given(roi=regions, bias=st.floats(-0.08, 0.08))
def test_errors_to_one_side_cancel(roi, bias):
    """Those of points on the midline entirely; those of left and right by their confidences."""
    view = view_at(roi)
    both = Flipped(Painted(bias), BLAZEPOSE33, BLAZEPOSE33).observe(view)
    error = np.hypot(*(both.points - from_crop(POINTS, view.roi)).T) / roi[2]
    middle = BLAZEPOSE33.mirror == np.arange(33)
    np.testing.assert_allclose(error[middle], 0, atol=1e-6)
    np.testing.assert_allclose(error[~middle], abs(bias) * (0.9 - 0.5) / 1.4, atol=1e-5)


def test_of_two_places_the_surer_one_counts():
    roi = np.array([0.0, 0, 100, 0])
    one, other = np.zeros((33, 2)), np.zeros((33, 2))
    other[7] = [60.0, 0]  # more than a quarter of the region away
    other[8] = [10.0, 0]
    sure, unsure = np.full(33, 0.8), np.full(33, 0.4)
    a = Observation(one, sure, np.ones(33), 1.0, roi, roi)
    b = Observation(other, unsure, np.ones(33), 0.5, roi, roi)
    both = mean_of(a, b)
    np.testing.assert_allclose(both.points[7], [0, 0])
    np.testing.assert_allclose(both.points[8], [10 / 3, 0], rtol=1e-5)
    assert both.score == 0.75


def test_the_mirror_of_a_mirror_is_the_same():
    seen = Painted(0.1).observe(view_at([100, 80, 200, 0.3]), mask=True)
    twice = unmirrored(unmirrored(seen, BLAZEPOSE33, BLAZEPOSE33), BLAZEPOSE33, BLAZEPOSE33)
    for name in ("points", "visibility", "points3d", "mask", "next_roi"):
        np.testing.assert_allclose(getattr(twice, name), getattr(seen, name), atol=1e-9, err_msg=name)
