"""Scores of identities on ways that are made up: what is right is counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.evaluation.identities import FoundPerson, KnownPerson, identity_scores

FRAMES = 20
SIZE = np.full(FRAMES, 100.0)


def way(x: float, *, away: slice = slice(0, 0)) -> np.ndarray:
    """(T, 2, 2): two joints of somebody who stands at x."""
    points = np.tile([[x, 0.0], [x, 100.0]], (FRAMES, 1, 1))
    points[away] = np.nan
    return points


def found(points: np.ndarray, frames: range) -> FoundPerson:
    return FoundPerson(np.array(frames), points[list(frames)])


ONE, OTHER = KnownPerson(way(0.0), SIZE), KnownPerson(way(300.0), SIZE)


def test_everybody_right_is_perfect():
    whole = range(FRAMES)
    score = identity_scores([ONE, OTHER], [found(OTHER.points + 5, whole), found(ONE.points, whole)])
    assert (score.coverage, score.switches, score.idf1, score.extra, score.people) == (1.0, 0, 1.0, 0, 2)


def test_an_exchange_in_the_middle_is_two_switches_and_half_right():
    halves = range(10), range(10, 20)
    mixed = [
        FoundPerson(np.arange(FRAMES), np.concatenate([a.points[list(halves[0])], b.points[list(halves[1])]]))
        for a, b in ((ONE, OTHER), (OTHER, ONE))
    ]
    score = identity_scores([ONE, OTHER], mixed)
    assert (score.coverage, score.switches, score.idf1) == (1.0, 2, 0.5)


def test_who_comes_back_as_another_is_one_switch():
    score = identity_scores([ONE], [found(ONE.points, range(8)), found(ONE.points, range(12, 20))])
    assert (score.present, score.found, score.switches, score.people) == (20, 16, 1, 2)
    assert score.idf1 == pytest.approx(2 * 8 / (20 + 16))


def test_people_on_nobody_and_absent_people_count():
    gone = KnownPerson(way(0.0, away=slice(5, 20)), SIZE)
    score = identity_scores([gone], [found(way(0.0), range(FRAMES))])
    assert (score.present, score.found, score.extra, score.switches) == (5, 5, 15, 0)
    assert score.idf1 == pytest.approx(2 * 5 / (5 + 20))


def test_nobody_found_and_people_beyond_the_reach():
    assert identity_scores([ONE], []).coverage == 0.0
    near, far = (identity_scores([ONE], [found(ONE.points + [d, 0], range(FRAMES))]) for d in (19.0, 21.0))
    assert (near.found, far.found, far.extra) == (FRAMES, 0, FRAMES)


@given(st.permutations(range(3)), st.integers(0, 2**16))
def test_the_order_of_people_does_not_matter(order, seed):
    rng = np.random.default_rng(seed)
    known = [KnownPerson(way(x) + rng.normal(size=(FRAMES, 1, 1)), SIZE) for x in (0.0, 15.0, 40.0)]
    seen = [found(way(x) + rng.normal(0, 8, (FRAMES, 1, 1)), range(FRAMES)) for x in (0.0, 15.0, 40.0)]
    assert identity_scores(known, seen) == identity_scores(known, [seen[i] for i in order])
