"""Detectors that look at mirrored pictures, too, and whose double boxes are told apart as the user says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.geometry.circles import from_boxes
from kinema.keypoints import open_source
from kinema.keypoints.detectors import BoxDetector
from kinema.keypoints.mirrored import detecting_so
from kinema.keypoints.registry import find_detector
from kinema.keypoints.source import TileRange
from kinema.models.detecting import Detecting
from kinema.models.image_network import ImageNetwork
from kinema.models.yolov8.network import YOLOv8
from kinema.models.yolox.network import YOLOX
from kinema.tracking.options import TrackingOptions
from kinema.video import Frame
from tests.helpers.picture_networks import boxes_network, candidates_network

SIZE = (90, 160)
WHOLE = np.array([0.0, -35.0, 160.0])


class OneSided:
    """Finds what is white in the left, or the upper, half of the picture it is shown: a box, pixel by pixel."""

    overlap = 0.5

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def __call__(self, image, tile, *, threshold):
        start, stop = (slice(max(round(v), 0), round(v + tile[2])) for v in tile[:2]), 0
        columns, rows = start
        seen = np.zeros(image.shape[:2], np.uint8)
        seen[rows, columns] = image[rows, columns, 0] > 128
        if self.axis == 0:
            seen[:, image.shape[1] // 2 :] = stop
        else:
            seen[image.shape[0] // 2 :] = stop
        x, y, width, height = cv2.boundingRect(seen)
        found = np.array([[x, y, x + width - 1, y + height - 1]] if width else np.zeros((0, 4)), float)
        return found.reshape(-1, 4), np.full(len(found), 0.9)


class Circled:
    """The same as circles."""

    tile_range = TileRange(smallest=0.1, largest_radius=1.0, sure=(0.1, 0.5))

    def __init__(self, axis: int) -> None:
        self.network = OneSided(axis)

    def detect(self, frame, tile, *, threshold):
        return from_boxes(*self.network(frame.image, tile, threshold=threshold))


def picture(x: int, y: int) -> np.ndarray:
    image = np.zeros((*SIZE, 3), np.uint8)
    image[y : y + 30, x : x + 12] = 255
    return image


@pytest.mark.parametrize("tile", [WHOLE, np.array([70.0, 20, 60])])
@pytest.mark.parametrize(
    ("axis", "place", "settings"),
    [(0, (100, 25), Detecting(flip=True)), (0, (100, 25), Detecting(both_flips=True)),
     (1, (100, 48), Detecting(both_flips=True))],
)  # fmt: skip
def test_whom_a_detector_misses_it_finds_in_the_mirror(axis, place, settings, tile):
    image = picture(*place)
    network = OneSided(axis)
    assert not len(network(image, tile, threshold=0.3)[0])
    boxes, scores = detecting_so(BoxDetector(network), settings).network(image, tile, threshold=0.3)
    x, y = place
    np.testing.assert_array_equal(boxes, [[x, y, x + 11, y + 29]])
    np.testing.assert_array_equal(scores, [0.9])
    (hip,) = detecting_so(Circled(axis), settings).detect(Frame(0, 0.0, image), tile, threshold=0.3).hips
    np.testing.assert_allclose(hip, [x + 5.5, y + 14.5])


def test_the_head_is_where_the_detector_saw_it():
    """Boxes are of upright people, however the picture lay; circles are turned with it."""
    image = picture(100, 48)
    frame = Frame(0, 0.0, image)
    boxed = detecting_so(BoxDetector(OneSided(1)), Detecting(both_flips=True)).detect(frame, WHOLE, threshold=0.3)
    assert boxed.rims[0, 1] < boxed.hips[0, 1]
    circled = detecting_so(Circled(1), Detecting(both_flips=True)).detect(frame, WHOLE, threshold=0.3)
    assert circled.rims[0, 1] > circled.hips[0, 1]


def test_who_is_found_in_both_is_one_person():
    image = picture(20, 20)
    image[:, 80:] = image[:, 79::-1]  # the mirrored picture is the same
    found = detecting_so(Circled(0), Detecting(flip=True)).detect(Frame(0, 0.0, image), WHOLE, threshold=0.3)
    assert len(found) == 2  # one on each side, each found once


def test_an_overlap_of_ones_own(tmp_path):
    """Two boxes that share 3/5 are one with the network's own 0.7 less, and two with 0.7."""
    columns = np.zeros((84, 64 + 16 + 4))
    columns[:4] = [[20.0], [16], [10], [20]]
    columns[4, :2] = 0.9, 0.8
    columns[0, 1] += 2.5  # 7.5 of 12.5 in common
    path = candidates_network(tmp_path / "d.onnx", columns)
    image = np.zeros((64, 64, 3), np.uint8)
    for overlap, count in ((None, 2), (0.5, 1), (0.65, 2)):
        detector = detecting_so(BoxDetector(YOLOv8(ImageNetwork(path))), Detecting(overlap=overlap))
        assert len(detector.network(image, np.array([0.0, 0, 64]), threshold=0.3)[0]) == count


@pytest.mark.usefixtures("networks")
def test_a_detector_without_double_boxes_says_so(tmp_path):
    with pytest.raises(UsageError, match="no effect on this detector, which gives every person once; leave it out, or"):
        open_source("blazepose", detecting=Detecting(overlap=0.6))
    exported = YOLOX(ImageNetwork(boxes_network(tmp_path / "d.onnx", [[0, 0, 9, 9, 0.9]], [0])))
    with pytest.raises(UsageError, match="detector_nms_iou_threshold"):
        detecting_so(BoxDetector(exported), Detecting(overlap=0.6))


def test_wrong_numbers_are_named_as_the_user_wrote_them():
    with pytest.raises(UsageError, match="`detector_threshold` must lie between 0 and 1"):
        TrackingOptions(detection_threshold=0.0)
    with pytest.raises(UsageError, match="`detector_nms_iou_threshold` must lie between 0 and 1"):
        TrackingOptions(detection_overlap=1.5)


@pytest.mark.parametrize("name", ["nlf_l_crop_0.3.2.pt", "yolov8x.pt"])
def test_a_state_dict_is_refused_and_what_to_use_is_said(name):
    with pytest.raises(UsageError, match=rf"{name} is not a detector that can be read; give .* ONNX .*`yolo export"):
        find_detector(name)
