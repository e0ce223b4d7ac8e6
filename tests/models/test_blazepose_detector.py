"""The detector's anchors, decoding and merging on made-up tensors, and people in a real image."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.detection.tiles import tile_plan
from kinema.models.blazepose.detector import (
    BlazePoseDetector,
    Detections,
    anchors,
    concatenate,
    decode,
    merge,
    no_detections,
)
from kinema.weights import locate


def test_anchors_cover_the_input_at_three_strides():
    places = anchors()
    assert places.shape == (2254, 2)
    np.testing.assert_allclose(places[0], [4 / 224, 4 / 224])
    np.testing.assert_allclose(places[2], [12 / 224, 4 / 224])  # two anchors a cell, row by row
    np.testing.assert_allclose(places[28 * 28 * 2], [8 / 224, 8 / 224])
    np.testing.assert_allclose(places[28 * 28 * 2 + 14 * 14 * 2], [16 / 224, 16 / 224])
    np.testing.assert_allclose(places[-1], [208 / 224, 208 / 224])


def test_decode_adds_the_anchor_and_keeps_the_sure_ones_best_first():
    values = np.zeros((2254, 12), dtype=np.float32)
    logits = np.full(2254, -9.0, dtype=np.float32)
    logits[[10, 2000]] = 1.0, 3.0
    values[2000] = [22.4, 0, 44.8, 44.8, 11.2, 22.4, 11.2, -67.2, 0, 0, 0, 0]
    found = decode(values, logits, threshold=0.5)
    assert len(found) == 2
    anchor = anchors()[2000]
    np.testing.assert_allclose(found.hips[0], anchor + [0.05, 0.1], atol=1e-6)
    np.testing.assert_allclose(found.rims[0], anchor + [0.05, -0.3], atol=1e-6)
    np.testing.assert_allclose(found.faces[0], [*(anchor + [0.0, -0.1]), *(anchor + [0.2, 0.1])], atol=1e-6)
    np.testing.assert_allclose(found.radii[0], 0.4, atol=1e-6)
    assert found.scores[0] == pytest.approx(1 / (1 + np.exp(-3)))


def person(x: float, y: float, radius: float, score: float) -> Detections:
    hips = np.array([[x, y]])
    faces = np.array([[x - 5, y - radius, x + 5, y - radius + 10]])
    return Detections(hips, hips + [0.0, -radius], faces, np.array([score]))


def test_merge_keeps_people_and_joins_what_lies_on_one():
    found = concatenate([person(100, 100, 50, 0.6), person(104, 102, 55, 0.9), person(160, 100, 50, 0.7)])
    merged = merge(found)
    assert len(merged) == 2
    assert list(merged.scores) == [0.9, 0.7]
    np.testing.assert_allclose(merged.hips[0], (0.9 * np.array([104, 102]) + 0.6 * np.array([100, 100])) / 1.5)


def test_merge_keeps_a_child_in_front_of_an_adult():
    assert len(merge(concatenate([person(100, 100, 100, 0.9), person(105, 110, 40, 0.8)]))) == 2


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500), st.floats(5, 200), st.floats(0.5, 1)), max_size=12))
def test_merging_twice_changes_little_and_never_adds(people):
    found = concatenate([person(*p) for p in people])
    merged = merge(found)
    assert len(merged) <= len(found)
    assert (len(merged) == 0) == (len(found) == 0)
    assert np.all(np.diff(merged.scores) <= 0)
    if len(found):
        assert merged.scores[0] == found.scores[0]


def test_nobody_stays_nobody():
    assert len(merge(no_detections())) == 0
    assert len(concatenate([])) == 0
    assert len(no_detections().moved(2.0, np.array([1.0, 2.0]))) == 0


@pytest.mark.real
def test_finds_the_skier_of_a_photograph(networks, data_dir):
    image = cv2.imread(str(data_dir / "images/coco_000000000785.jpg"))[..., ::-1]
    image = np.ascontiguousarray(image)
    detector = BlazePoseDetector(locate("blazepose-detector").path)
    tiles = np.concatenate(tile_plan(image.shape[1], image.shape[0]))
    found = merge(concatenate([detector(image, tile) for tile in tiles]))
    # Hand-made ground truth of the only person: mid-hip between the two hip keypoints.
    gap = np.hypot(*(found.hips[0] - [373.0, 207.0]))
    assert gap < 0.25 * found.radii[0]
