"""SORT and YOLO's post-processing against the outputs of the tracker in PARE's demo."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.models.pare.crops import square_boxes
from kinema.models.yolov3.output import letterboxed, people, suppressed
from kinema.tracking.sort import Sort, SortOptions, intersection_over_union, sort_tracks
from tests.helpers.goldens import each_case, recording


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    return recording("pare/tracker.npz")


def detections_of(recorded) -> list[np.ndarray]:
    rows = recorded["sort.dets"]
    return [rows[rows[:, 0] == frame, 1:5] for frame in range(int(recorded["sort.frames"]))]


@pytest.mark.golden
def test_tracks(recorded) -> None:
    tracker, rows = Sort(), []
    for frame, boxes in enumerate(detections_of(recorded)):
        rows += [(frame, *box, id) for id, box in tracker.step(boxes)]
    np.testing.assert_allclose(rows, recorded["sort.tracks"], atol=1e-6)


@pytest.mark.golden
def test_crop_boxes_of_the_tracks(recorded) -> None:
    tracks = sort_tracks(detections_of(recorded))
    assert list(tracks) == recorded["sort.ids"].tolist()
    for id, (frames, boxes) in tracks.items():
        np.testing.assert_array_equal(frames, recorded[f"sort.person{id}.frames"])
        np.testing.assert_allclose(square_boxes(boxes), recorded[f"sort.person{id}.bbox"], atol=1e-6)


@pytest.mark.golden
@each_case("number", "pare/tracker.npz", r"yolo\.nms(\d+)")
def test_yolo(recorded, number) -> None:
    rows = suppressed(recorded["yolo.prediction"][number])
    np.testing.assert_allclose(rows, recorded[f"yolo.nms{number}"], atol=1e-3)
    boxes, scores = people(rows, *recorded[f"yolo.frame_hw{number}"].tolist())
    np.testing.assert_allclose(boxes, recorded[f"yolo.person{number}.boxes"], atol=5e-3)
    np.testing.assert_allclose(scores, recorded[f"yolo.person{number}.scores"], atol=1e-5)


def test_empty_frames() -> None:
    """The original sleeps through a frame without detections; an honest tracker lets the track end."""
    box = np.array([[10.0, 10.0, 50.0, 90.0]])
    clip = [box, box, box, *[np.zeros((0, 4))] * 5, *[box] * 5]
    asleep = sort_tracks(clip)
    assert list(asleep) == [1]
    assert asleep[1][0].tolist() == [0, 1, 2, 8, 9, 10, 11, 12]
    assert len(sort_tracks(clip, SortOptions(sleep=False))) == 2


def test_nobody() -> None:
    assert sort_tracks([np.zeros((0, 4))] * 3) == {}
    assert suppressed(np.zeros((0, 85))).shape == (0, 7)
    assert people(np.zeros((0, 7)), 100, 50)[0].shape == (0, 4)


def test_overlap() -> None:
    a = np.array([[0.0, 0.0, 2.0, 2.0]])
    b = np.array([[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0]])
    np.testing.assert_allclose(intersection_over_union(a, b), [[1 / 7, 1, 0]])


def test_letterbox_keeps_the_picture_in_the_middle() -> None:
    image = np.full((50, 100, 3), 255, np.uint8)
    boxed = letterboxed(image)
    assert boxed.shape == (3, 416, 416)
    assert boxed[:, 208].min() == 1.0
    assert boxed[:, :100].max() == 0.0
