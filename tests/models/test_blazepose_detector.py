"""The detector's anchors and decoding on synthetic tensors, and people in a real image."""

import cv2
import numpy as np
import pytest

from kinema.detection.tiles import tile_plan
from kinema.geometry.circles import concatenate, merge
from kinema.models.blazepose.detector import BlazePoseDetector, anchors, decode
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
    np.testing.assert_allclose(found.radii[0], 0.4, atol=1e-6)
    assert found.scores[0] == pytest.approx(1 / (1 + np.exp(-3)))


@pytest.mark.real
def test_finds_the_skier_of_a_photograph(networks, data_dir):
    image = cv2.imread(str(data_dir / "images/coco_000000000785.jpg"))[..., ::-1]
    image = np.ascontiguousarray(image)
    detector = BlazePoseDetector(locate("blazepose-detector").path)
    tiles = np.concatenate(tile_plan(image.shape[1], image.shape[0], smallest_in_tile=0.35))
    found = merge(concatenate([detector(image, tile) for tile in tiles]))
    # Hand-made ground truth of the only person: mid-hip between the two hip keypoints.
    gap = np.hypot(*(found.hips[0] - [373.0, 207.0]))
    assert gap < 0.25 * found.radii[0]
