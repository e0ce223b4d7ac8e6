"""Knees and elbows whose bones shrink in the network's own 3D count for less."""

import numpy as np
import pytest

from kinema.skeleton import BLAZEPOSE33, COCO17, JointSet
from kinema.tracking.bones import trust_in_bones
from tests.helpers.walkers import walker

KNEE, HIP = BLAZEPOSE33.index("right_knee"), BLAZEPOSE33.index("right_hip")
TIMES = np.arange(60) / 30


def walking() -> tuple[np.ndarray, np.ndarray]:
    """Points (60, 33, 3) of somebody who walks to the side, and their confidence (60, 33)."""
    points = walker(TIMES, heading=np.full_like(TIMES, np.pi / 2))
    return points, np.full(points.shape[:2], 0.9)


def test_a_body_whose_bones_keep_their_lengths_is_believed():
    np.testing.assert_array_equal(trust_in_bones(*walking(), BLAZEPOSE33), 1.0)


@pytest.mark.parametrize(("share", "trust"), [(0.9, 1.0), (0.7, 0.5), (0.4, 0.2)])
def test_a_knee_that_slides_up_the_thigh_is_doubted_and_nothing_else(share, trust):
    points, confidence = walking()
    thigh = points[:, KNEE] - points[:, HIP]
    length = np.linalg.norm(thigh, axis=1, keepdims=True)
    usual = np.median(np.linalg.norm(points[:, [KNEE, KNEE - 1]] - points[:, [HIP, HIP - 1]], axis=-1))
    points[20:30, KNEE] = (points[:, HIP] + share * usual * thigh / length)[20:30]
    found = trust_in_bones(points, confidence, BLAZEPOSE33)
    np.testing.assert_allclose(found[20:30, KNEE], trust, atol=0.05)  # the short ones move the median a little
    found[20:30, KNEE] = 1.0
    np.testing.assert_array_equal(found, 1.0)


def test_too_few_frames_tell_no_usual_length():
    points, confidence = walking()
    points[0, KNEE] = points[0, HIP]
    np.testing.assert_array_equal(trust_in_bones(points[:4], confidence[:4], BLAZEPOSE33), 1.0)
    np.testing.assert_array_equal(trust_in_bones(points, 0.3 * confidence, BLAZEPOSE33), 1.0)


def test_sets_without_limbs_or_all_in_one_place_have_nothing_to_doubt():
    head = JointSet("head", ("nose", "left_eye", "right_eye"))
    np.testing.assert_array_equal(trust_in_bones(np.zeros((20, 3, 3)), np.ones((20, 3)), head), 1.0)
    np.testing.assert_array_equal(trust_in_bones(np.zeros((20, 17, 3)), np.ones((20, 17)), COCO17), 1.0)
