"""Short gaps are interpolated in time and marked; long ones stay."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.tracking.gaps import fill_gaps, without_scraps
from kinema.tracking.track import Rows, row_dtype
from tests.helpers.walkers import observe_at


def rows_at(frames: list[int], times: np.ndarray) -> np.ndarray:
    rows = Rows(row_dtype(33, 33))
    for frame in frames:  # a person who moves steadily in time, not in frames
        rows.append(frame, observe_at((100 + 90 * times[frame], 200.0)), crowded=False)
    return rows.array()


@given(st.sets(st.integers(0, 40), min_size=1, max_size=20).map(sorted), st.floats(0, 1))
def test_filled_frames_lie_on_the_trajectory(frames, limit):
    times = np.cumsum(np.random.default_rng(1).uniform(0.02, 0.07, 41))  # variable frame rate
    rows = rows_at(frames, times)
    filled, observed = fill_gaps(rows, times, limit)
    assert len(filled) == len(observed)
    np.testing.assert_array_equal(filled["frame"][observed], frames)
    assert np.all(np.diff(filled["frame"]) > 0)
    np.testing.assert_allclose(filled["points"][:, 23:25, 0].mean(axis=1), 100 + 90 * times[filled["frame"]], atol=0.01)
    for before, after in itertools.pairwise(frames):
        inside = (filled["frame"] > before) & (filled["frame"] < after)
        expected = after - before - 1 if times[after] - times[before] <= limit else 0
        assert np.count_nonzero(inside) == expected
    assert np.all(filled["visibility"][~observed] < rows["visibility"].min())


def test_nothing_to_fill():
    times = np.arange(5) / 30
    rows = rows_at([0, 1, 2], times)
    filled, observed = fill_gaps(rows, times, 0.3)
    assert filled is rows
    assert observed.all()


@pytest.mark.parametrize("limit", [0.0, 0.05])
def test_gaps_above_the_limit_stay(limit):
    times = np.arange(10) / 10
    filled, observed = fill_gaps(rows_at([0, 1, 5, 6], times), times, limit)
    assert list(filled["frame"]) == [0, 1, 5, 6]
    assert observed.all()


@pytest.mark.parametrize(
    ("frames", "kept"),
    [
        ([0, *range(20, 40)], list(range(20, 40))),  # a guess in the first frame
        ([*range(20), 30, 31, *range(50, 60)], [*range(20), *range(50, 60)]),  # a glimpse in the middle
        ([*range(20), *range(40, 45)], [*range(20), *range(40, 45)]),  # five frames are somebody
        ([0, 1, *range(8, 20), 25], [0, 1, *range(8, 20), 25]),  # short gaps do not part
        ([0, 20, 21, 40], [20, 21]),  # the longest piece stays
        ([3], [3]),
    ],
)
def test_a_few_frames_between_long_gaps_are_left_out(frames, kept):
    times = np.arange(60) / 30
    assert without_scraps(rows_at(frames, times), times, 0.3)["frame"].tolist() == kept
