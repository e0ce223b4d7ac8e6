"""Circles around people are merged where they lie on one, and made from boxes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kinema.geometry.circles import Circles, concatenate, from_boxes, merge, no_circles


def person(x: float, y: float, radius: float, score: float) -> Circles:
    hips = np.array([[x, y]])
    return Circles(hips, hips + [0.0, -radius], np.array([score]))


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


def test_merging_none_gives_none():
    assert len(merge(no_circles())) == 0
    assert len(concatenate([])) == 0
    assert len(no_circles().moved(2.0, np.array([1.0, 2.0]))) == 0


def test_circles_from_boxes_hold_them_upright_and_best_first():
    found = from_boxes(np.array([[0, 0, 40, 100], [200, 50, 300, 90]]), np.array([0.5, 0.8]))
    np.testing.assert_allclose(found.hips, [[250, 70], [20, 50]])
    np.testing.assert_allclose(found.rims, [[250, 20], [20, 0]])
    np.testing.assert_allclose(found.radii, [50, 50])
    assert list(found.scores) == [0.8, 0.5]
    assert len(from_boxes(np.zeros((0, 4)), np.zeros(0))) == 0
