"""Interruptions of a track, stretches of a state, and values that are missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.temporal.gaps import (
    LONG_PAUSE,
    fill_missing,
    near_in_time,
    pauses,
    runs,
    shortened,
    shot_of,
    uninterrupted,
)

seeds = st.integers(0, 2**32 - 1)


def times_of(frames):
    return np.asarray(frames) / 10


def test_only_missing_frames_interrupt():
    frames = np.array([0, 1, 2, 5, 6, 20])
    assert uninterrupted(times_of(frames), frames, 0.35) == [slice(0, 5), slice(5, 6)]
    assert uninterrupted(times_of(frames), frames, 0.2) == [slice(0, 3), slice(3, 5), slice(5, 6)]
    slow = np.arange(4)
    assert uninterrupted(slow * 2.0, slow, 0.2) == uninterrupted(slow * 2.0, None, 0.2) == [slice(0, 4)]
    assert near_in_time(slow * 2.0, 0.2) == [slice(i, i + 1) for i in range(4)]
    assert uninterrupted(np.zeros(0), None, 1.0) == near_in_time(np.zeros(0), 1.0) == []


@given(seeds, st.integers(1, 40), st.floats(0.05, 1.0))
def test_pieces_cover_the_track_and_end_at_gaps(seed, count, max_gap):
    frames = np.cumsum(np.random.default_rng(seed).integers(1, 12, count))
    times = times_of(frames)
    pieces = near_in_time(times, max_gap)
    assert [frame for piece in pieces for frame in range(piece.start, piece.stop)] == list(range(count))
    for piece in pieces:
        assert np.all(np.diff(times[piece]) <= max_gap)
        assert piece.stop == count or times[piece.stop] - times[piece.stop - 1] > max_gap


@given(seeds, st.integers(1, 40), st.floats(0.05, 1.0), st.floats(0.001, 0.3))
def test_pieces_end_at_cuts_gaps_and_pauses_and_nowhere_else(seed, count, max_gap, usual):
    rng = np.random.default_rng(seed)
    frames = np.cumsum(rng.choice([1, 1, 1, 1, 7], count))
    times = usual * frames + np.cumsum(rng.choice([0.0, 0.0, 0.0, 0.0, 60.0], count))
    cuts = np.unique(rng.integers(1, frames[-1] + 2, 3))
    pieces = uninterrupted(times, frames, max_gap, cuts)
    assert [row for piece in pieces for row in range(piece.start, piece.stop)] == list(range(count))
    ends = {piece.stop for piece in pieces[:-1]}
    for row in range(1, count):
        crosses = np.any((cuts > frames[row - 1]) & (cuts <= frames[row]))
        step = times[row] - times[row - 1]
        away = frames[row] - frames[row - 1] > 1 or pauses(times)[row - 1]
        assert (row in ends) == bool(crosses or step > LONG_PAUSE or (step > max_gap and away))
    # The clock's origin makes no difference.
    assert uninterrupted(times + 1000.0, frames, max_gap, cuts) == pieces


@pytest.mark.parametrize("pause", [1.0, 60.0, 1e6])
@pytest.mark.parametrize("at", [1, 30, 59])
def test_a_pause_ends_a_piece_though_no_frame_number_is_missing(pause, at):
    times = np.arange(60) / 30 + np.where(np.arange(60) >= at, pause, 0.0)
    assert uninterrupted(times, np.arange(60), 0.2) == [slice(0, at), slice(at, 60)]


@pytest.mark.parametrize(
    "steps",
    [
        np.full(50, 0.5),  # a slow video
        np.r_[np.full(48, 1 / 24), np.full(16, 1 / 4)],  # the rate falls
        np.tile([2 / 60, 3 / 60], 20),  # 2:3 pulldown
        np.r_[np.full(20, 1 / 30), 2 / 30, np.full(20, 1 / 30)],  # one frame is dropped
    ],
    ids=["slow", "falling", "pulldown", "dropped"],
)
def test_frames_of_another_rate_are_no_pause(steps):
    times = np.r_[0.0, np.cumsum(steps)]
    assert not pauses(times).any()
    assert uninterrupted(times, None, 0.2) == [slice(0, len(times))]


@given(seeds, st.integers(2, 40), st.floats(0.1, 5.0))
def test_shortened_times_keep_their_short_steps(seed, count, longest):
    times = np.cumsum(10.0 ** np.random.default_rng(seed).uniform(-2, 3, count))
    steps = np.diff(times)
    found = np.diff(shortened(times, longest))
    np.testing.assert_allclose(found, np.minimum(steps, longest), atol=1e-9)
    np.testing.assert_allclose(
        np.diff(shortened(times, longest, 0.05)), np.where(steps > longest, 0.05, steps), atol=1e-9
    )


def test_a_shot_begins_at_its_cut():
    assert shot_of(np.arange(6), np.array([2, 3])).tolist() == [0, 0, 1, 2, 2, 2]
    assert shot_of(np.array([4]), np.zeros(0, dtype=int)).tolist() == [0]


@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_the_stretches_that_are_true(state):
    out = np.zeros(len(state), dtype=bool)
    found = runs(np.array(state, dtype=bool))
    for first, last in found:
        out[first:last] = True
        assert first == 0 or not state[first - 1]
        assert last == len(state) or not state[last]
    np.testing.assert_array_equal(out, np.array(state, dtype=bool))


@given(seeds, st.integers(1, 20), st.sampled_from([(), (3,), (2, 2)]))
def test_what_is_missing_lies_between_its_neighbours(seed, count, shape):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.5, count))
    values = rng.normal(size=(count, *shape))
    holes = rng.random((count, *shape)) < 0.4
    given_values = np.where(holes, np.nan, values)
    filled = fill_missing(given_values, times)
    np.testing.assert_array_equal(filled[~holes], values[~holes])
    known = ~holes.all(axis=0)
    assert np.isfinite(filled[:, known]).all()
    assert np.isnan(filled[:, ~known]).all()
    for column, seen, was in zip(filled.reshape(count, -1).T, ~holes.reshape(count, -1).T, values.reshape(count, -1).T,
                                 strict=True):  # fmt: skip
        if seen.any():
            assert was[seen].min() - 1e-12 <= column.min()
            assert column.max() <= was[seen].max() + 1e-12
    masked = fill_missing(np.where(holes, 7.0, values), times, ~holes)
    np.testing.assert_array_equal(masked[:, known], filled[:, known])
    np.testing.assert_array_equal(masked[:, ~known], 7.0)


def test_a_straight_line_is_completed_and_ends_are_held():
    times = np.array([0.0, 0.1, 0.3, 0.4, 1.0])
    line = np.stack([2 * times, 1 - times], axis=1)
    holes = line.copy()
    holes[1:3] = np.nan
    holes[-1, 1] = np.nan
    expected = line.copy()
    expected[-1, 1] = line[-2, 1]
    np.testing.assert_allclose(fill_missing(holes, times), expected, atol=1e-12)
    assert np.isnan(holes[1]).all()
