"""Assignment is optimal; distances distinguish one body from two."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kinema.keypoints.source import View
from kinema.tracking.association import (
    assign,
    continuity_cost,
    has_double,
    hip_distance,
    pose_distance,
    same_body,
    stranger,
)
from kinema.tracking.masks import hide_people, mask_in, mask_overlap
from kinema.tracking.track import Track
from kinema.video import Frame
from tests.helpers.walkers import PARTS, clothed, observe_at

SIZE = 256

costs = st.tuples(st.integers(0, 4), st.integers(0, 4)).flatmap(
    lambda shape: arrays(float, shape, elements=st.floats(0, 3, allow_subnormal=False))
)


def best_total(cost: np.ndarray, limit: float) -> float:
    """The least total of any assignment, every row or column left alone costing half the limit: by trying all."""
    rows, columns = cost.shape
    best = np.inf
    for size in range(min(rows, columns) + 1):
        for chosen in itertools.combinations(range(rows), size):
            for order in itertools.permutations(range(columns), size):
                pairs = [cost[r, c] for r, c in zip(chosen, order, strict=True)]
                if all(p <= limit for p in pairs):
                    best = min(best, sum(pairs) + (rows + columns - 2 * size) * limit / 2)
    return best


@given(costs, st.floats(0.1, 3))
def test_assignment_is_the_best_of_all(cost, limit):
    pairs = assign(cost, limit=limit)
    rows, columns = [r for r, _ in pairs], [c for _, c in pairs]
    assert len(set(rows)) == len(rows)
    assert len(set(columns)) == len(columns)
    assert all(cost[pair] <= limit for pair in pairs)
    total = sum(cost[pair] for pair in pairs) + (sum(cost.shape) - 2 * len(pairs)) * limit / 2
    assert total == pytest.approx(best_total(cost, limit), abs=1e-6)


def test_greedy_would_be_wrong():
    assert sorted(assign(np.array([[0.1, 0.2], [0.15, 5.0]]), limit=1.0)) == [(0, 1), (1, 0)]


def test_infinite_costs_are_never_chosen():
    assert assign(np.array([[np.inf, np.inf]]), limit=2.0) == []


def test_distances_are_parts_of_the_smaller_height():
    a, b = observe_at((100, 300), height=400), observe_at((140, 300), height=200)
    assert hip_distance(a, b) == pytest.approx(0.2)
    assert pose_distance(a, observe_at((140, 300), height=400), PARTS) == pytest.approx(0.1)


def ellipse(width: float) -> np.ndarray:
    """A person's mask (256, 256), logits: an upright ellipse of that width (part of the crop)."""
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    return np.where((x / width) ** 2 + (y / 0.4) ** 2 < 1, 6.0, -6.0).astype(np.float32)


def test_same_body_by_keypoints_and_by_mask():
    one = observe_at((300, 300), mask=ellipse(0.1))
    assert same_body(one, observe_at((310, 300)), PARTS)
    assert not same_body(one, observe_at((400, 300)), PARTS)
    turned_over = observe_at((300, 310), mask=ellipse(0.1))
    turned_over.points[:] = turned_over.points[::-1] + 60.0  # other keypoints, the same mask
    assert same_body(one, turned_over, PARTS)
    adjacent = observe_at((380, 310), mask=ellipse(0.05))
    adjacent.points[:] = adjacent.points[::-1]
    assert not same_body(one, adjacent, PARTS)


def test_masks_move_with_their_person():
    seen = observe_at((300, 300), mask=ellipse(0.1))
    there = mask_in(seen, seen.roi, size=SIZE)
    np.testing.assert_array_equal(there > 0, seen.mask > 0)
    shifted = mask_in(seen, seen.roi + [50.0, 0, 0, 0], size=SIZE) > 0  # the crop moved right: the person is left in it
    columns = np.flatnonzero(shifted.any(axis=0))
    assert columns.mean() == pytest.approx(SIZE / 2 - 50 / (500 / SIZE), abs=1.0)
    assert mask_overlap(seen, observe_at((300, 300), mask=ellipse(0.05))) == pytest.approx(1.0, abs=0.03)
    assert mask_overlap(seen, observe_at((500, 300), mask=ellipse(0.1))) == 0.0
    assert mask_overlap(seen, observe_at((300, 300))) == 0.0  # no mask, no evidence


def test_other_people_are_hidden_but_the_own_person_is_not():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    own, other = observe_at((300, 300), mask=ellipse(0.1)), observe_at((330, 300), mask=ellipse(0.1))
    view = View(Frame(0, 0.0, pixels), own.roi, pixels)
    painted = hide_people(view, [(other, np.zeros(2))], own=own)
    changed = np.any(painted.pixels != pixels, axis=2)
    mine, theirs = mask_in(own, own.roi, size=SIZE) > 0, mask_in(other, own.roi, size=SIZE) > 0
    assert not changed[mine].any()
    assert changed[theirs & ~mine].mean() > 0.95
    assert not changed[~theirs & ~mine].any()
    assert hide_people(view, [], own=own) is view


def test_continuity_grows_with_place_size_and_appearance():
    track = Track(0, 0, 0.0, observe_at((300, 300)), clothed(3))
    same = continuity_cost(track, observe_at((300, 300)), clothed(3), 0.1)
    assert same == pytest.approx(0.0, abs=1e-9)
    assert continuity_cost(track, observe_at((500, 300)), clothed(3), 0.1) > 0.3
    assert continuity_cost(track, observe_at((300, 300), height=700), clothed(3), 0.1) > 0.3
    assert continuity_cost(track, observe_at((300, 300)), clothed(9), 0.1) > 0.9
    later = continuity_cost(track, observe_at((500, 300)), clothed(3), 2.0)
    assert later < continuity_cost(track, observe_at((500, 300)), clothed(3), 0.1)


def test_nobody_is_continued_across_the_picture():
    """A body's height in a thirtieth of a second is out of reach, three in two seconds are not; of two tracks of one
    person the second is not given somebody far away because nobody else is left for it."""
    track = Track(0, 0, 0.0, observe_at((300, 300)), clothed(3))
    assert np.isinf(continuity_cost(track, observe_at((700, 300)), clothed(3), 1 / 30))
    assert np.isfinite(continuity_cost(track, observe_at((1500, 300)), clothed(3), 2.0))
    lost = Track(1, 0, 0.0, observe_at((310, 300)), clothed(3))
    sightings = [observe_at((305, 300)), observe_at((1500, 300))]
    cost = np.array([[continuity_cost(each, seen, clothed(3), 1 / 30) for seen in sightings] for each in (track, lost)])
    assert len(assign(cost, limit=2.5)) == 1


def test_a_newcomer_may_stay_new():
    """A track on its person (first row, second column), a lost one that fits this person a little, and a newcomer whom
    the first would have to jump to: all three paired cost less than leaving two alone, unless a newcomer may be one."""
    cost = np.array([[1.4, -0.1], [np.inf, 0.7]])
    assert assign(cost, limit=2.5) == [(0, 0), (1, 1)]
    assert assign(cost, limit=2.5, spare=np.array([0.45, 1.25])) == [(0, 1)]
    switched = np.array([[0.3, 0.8], [np.inf, 0.1]])
    assert assign(switched, limit=2.5, spare=np.array([0.45, 1.25])) == [(0, 0), (1, 1)]


def hidden(number: int, start: float, speed: float, colour: int = 3) -> Track:
    """Somebody 200 pixels high who walked to `start`, `speed` pixels a second, and was last seen at one second."""
    track = Track(number, 0, 0.0, observe_at((start - speed, 240), height=200), clothed(colour))
    for frame in range(1, 31):
        track.add(frame, frame / 30, observe_at((start - speed * (1 - frame / 30), 240), height=200), crowded=False)
    return track


@given(st.floats(100, 250), st.floats(0.5, 1.5), st.floats(60, 190))
def test_of_two_in_the_same_clothes_each_comes_out_where_it_was_going(speed, seconds, width):
    """They walk towards each other and are hidden between x = 300 and 300 + width until both have passed, within two
    seconds, for which somebody is taken to walk on."""
    seconds = max(seconds, width / speed)
    right, left = hidden(0, 300.0, speed), hidden(1, 300.0 + width, -speed)
    out = [observe_at((x, 240), height=200) for x in (300 + speed * seconds, 300 + width - speed * seconds)]
    cost = np.array(
        [[continuity_cost(t, seen, clothed(3), 1 + seconds, walks_on=True) for seen in out] for t in (right, left)]
    )
    assert has_double(right, [right, left], 1 + seconds)
    assert assign(cost, limit=0.9) == [(0, 0), (1, 1)]


def test_a_double_wears_the_same_is_near_and_not_long_gone():
    one = hidden(0, 300.0, 100.0)
    assert not has_double(one, [one], 1.5)
    assert not has_double(one, [one, hidden(1, 400.0, -100.0, colour=9)], 1.5)
    assert not has_double(one, [one, hidden(1, 1200.0, -100.0)], 1.5)
    assert has_double(one, [one, hidden(1, 400.0, -100.0)], 1.5)
    assert not has_double(one, [one, hidden(1, 400.0, -100.0)], 4.0)


def test_who_is_lost_may_stay_away_without_others_moving_up():
    """The followed one (row 1) has a perfect place; the lost one would take it, and push them to the newcomer's."""
    cost = np.array([[np.inf, 0.58], [0.95, -0.13]])
    spare, absent = np.array([0.45, 1.25]), np.array([0.45, 1.25])
    assert sorted(assign(cost, limit=2.5, spare=spare)) == [(0, 1), (1, 0)]
    assert assign(cost, limit=2.5, spare=spare, absent=absent) == [(1, 1)]


def lost_person(frames: int) -> Track:
    track = Track(0, 0, 0.0, observe_at((300, 300), height=200), clothed(3))
    for frame in range(1, frames):
        track.add(frame, frame / 30, observe_at((300, 300), height=200), crowded=False)
    return track


@pytest.mark.parametrize(
    ("height", "colour", "same"),
    [(200, 3, True), (260, 3, True), (460, 3, False), (87, 3, False), (200, 90, False)],
    ids=["the same", "nearer", "2.3 times the size", "2.3 times smaller", "other clothes"],
)
def test_lost_people_return_in_their_clothes_and_size(height, colour, same):
    track = lost_person(30)
    assert stranger(track, observe_at((300, 300), height=height), clothed(colour), track.time + 1.0) is not same


def test_who_was_hardly_seen_is_not_known_again_for_long():
    track, seen = lost_person(2), observe_at((300, 300), height=200)
    assert not stranger(track, seen, clothed(3), track.time + 0.1)
    assert stranger(track, seen, clothed(3), track.time + 0.9)
