"""RTMPose beside BlazePose: decoding, the way of a point from the crop to the image, and a real picture."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.geometry.crops import crop
from kinema.keypoints import open_source
from kinema.keypoints.rtmpose import SHARED, Estimator
from kinema.keypoints.source import Observation, View
from kinema.models.rtmpose.network import BINS, decode
from kinema.skeleton import BLAZEPOSE33
from kinema.video import Frame

HEIGHT, WIDTH, SIZE = 256, 192, 256


class BrightestPoint:
    """In RTMPose's place: every keypoint is the middle of what is bright in the crop."""

    height, width = HEIGHT, WIDTH

    def __init__(self, confidence: float = 1.0) -> None:
        self.confidence = confidence

    def __call__(self, crop):
        weight = crop[..., 0].astype(float) ** 2
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        middle = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
        return np.tile(middle, (26, 1)), np.full(26, self.confidence)


class Spread:
    """In BlazePose's place: landmarks over the whole width of the region."""

    crop_size, gives_masks = SIZE, True

    def __init__(self, width: float) -> None:
        self.width = width

    def observe(self, view, *, mask=False):
        from kinema.geometry.roi import from_crop

        unit = np.full((33, 2), 0.5)
        unit[15, 0], unit[16, 0] = 0.5 - self.width / 2, 0.5 + self.width / 2
        points = from_crop(unit, view.roi)
        return Observation(points, np.ones(33), np.ones(33), 1.0, view.roi, view.roi, np.zeros((33, 3)))


def dot(place) -> np.ndarray:
    """A picture of 640 x 480 with a soft white dot, at the centre of a pixel given by its number."""
    y, x = np.mgrid[:480, :640]
    bright = 255 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * 5.0**2))
    return np.repeat(bright[..., None], 3, axis=2).astype(np.uint8)


@settings(max_examples=30, deadline=None)
@given(
    x=st.floats(280, 360), y=st.floats(200, 280), side=st.floats(300, 460), angle=st.floats(-3, 3),
    width=st.sampled_from([0.2, 0.7, 1.0]),
)  # fmt: skip
def test_a_point_of_the_crop_is_found_in_the_picture(x, y, side, angle, width):
    """Within half a pixel of the picture: the dot is sampled twice."""
    image, roi = dot((x, y)), np.array([320.0, 240.0, side, angle])
    view = View(Frame(0, 0.0, image), roi, crop(image, roi, size=SIZE))
    seen = Estimator(Spread(width), BrightestPoint()).observe(view)
    for name in SHARED:
        np.testing.assert_allclose(seen.points[BLAZEPOSE33.index(name)], [x, y], atol=0.5)


def test_confidence_says_whose_point_counts():
    image, roi = dot((300, 240)), np.array([320.0, 240.0, 400.0, 0.0])
    view = View(Frame(0, 0.0, image), roi, crop(image, roi, size=SIZE))
    own = Spread(0.5).observe(view).points
    for confidence in (0.0, 0.25, 1.0):
        seen = Estimator(Spread(0.5), BrightestPoint(confidence)).observe(view)
        row = BLAZEPOSE33.index("left_knee")
        np.testing.assert_allclose(
            seen.points[row], own[row] + confidence * (np.array([300, 240]) - own[row]), atol=0.5
        )
        mouth = BLAZEPOSE33.index("left_mouth")
        np.testing.assert_array_equal(seen.points[mouth], own[mouth])  # RTMPose has none


@given(st.integers(0, BINS * WIDTH - 1), st.integers(0, BINS * HEIGHT - 1), st.floats(0.01, 2), st.floats(0.01, 2))
def test_the_greatest_value_along_each_axis_is_the_point(x, y, peak_x, peak_y):
    across, down = np.zeros((1, BINS * WIDTH)), np.zeros((1, BINS * HEIGHT))
    across[0, x], down[0, y] = peak_x, peak_y
    points, confidence = decode(across, down)
    np.testing.assert_array_equal(points[0], [x / BINS, y / BINS])
    assert confidence[0] == min(peak_x, peak_y, 1)


@pytest.mark.real
@pytest.mark.usefixtures("networks")
def test_both_networks_agree_on_a_real_person():
    """The real networks on a man who dances: their points are a few hundredths of his height apart."""
    data = Path(os.environ.get("KINEMA_DATA", Path(__file__).resolve().parents[2] / "../shared/data"))
    clip = data / "videos" / "taiji_single_static.mp4"
    if not clip.is_file():
        pytest.skip(f"there is no {clip}; set KINEMA_DATA")
    from kinema.errors import WeightsError
    from kinema.tracking import TrackingOptions, track_people
    from kinema.video import open_video

    try:
        open_source("rtmpose")
    except WeightsError as error:
        pytest.skip(str(error))
    found = {}
    for name in ("blazepose", "rtmpose"):
        with open_video(clip, end=1) as reader:
            found[name] = track_people(reader, TrackingOptions(keypoints=name, threads=2)).people[0]
    one, two = found["blazepose"], found["rtmpose"]
    assert one.frames.tolist() == two.frames.tolist()
    rows = BLAZEPOSE33.indices(SHARED)
    apart = np.linalg.norm(one.keypoints[:, rows] - two.keypoints[:, rows], axis=-1)
    height = np.ptp(one.keypoints[..., 1], axis=1).mean()
    assert 0.002 * height < np.median(apart) < 0.04 * height
    left = BLAZEPOSE33.index("left_mouth")
    np.testing.assert_allclose(two.keypoints[0, left], one.keypoints[0, left], atol=0.05 * height)
