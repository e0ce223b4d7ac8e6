"""The clock that makes any file's times strictly increasing."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import plural
from kinema.video.times import FrameClock, Gaps

BASE = Fraction(1, 1000)


def stamps(ticks, fps=25.0, origin=0):
    clock = FrameClock(BASE, origin, fps)
    return [clock.stamp(t) for t in ticks], clock


@given(st.lists(st.integers(-(10**6), 10**6), unique=True, min_size=1))
def test_valid_times_are_unchanged(ticks):
    ticks.sort()
    found, clock = stamps(ticks, origin=ticks[0])
    assert found == pytest.approx([(t - ticks[0]) / 1000 for t in ticks])
    assert clock.report() == []


@given(st.lists(st.one_of(st.none(), st.integers(-(10**5), 10**5)), max_size=200))
def test_times_increase_for_any_input(ticks):
    found = [t for t in stamps(ticks)[0] if t is not None]
    assert all(a < b for a, b in itertools.pairwise(found))


def test_missing_times_do_not_accumulate_rounding():
    found, clock = stamps([None] * 10000, fps=30.0)
    assert found == pytest.approx([i / 30 for i in range(10000)], abs=1e-9)
    assert clock.report() == ["10000 frames without a time: spaced at 30 per second"]


def test_missing_between_known():
    found, _ = stamps([0, 40, None, None, 160], fps=25.0)
    assert found == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


def test_repeated_time_is_moved_between_its_neighbours():
    found, clock = stamps([0, 40, 40, 80])
    assert found == pytest.approx([0, 0.04, 0.06, 0.08])
    assert "1 frame with a time that repeats" in clock.report()[0]


def test_late_frame_is_dropped():
    found, clock = stamps([0, 40, 4000, 120, 4040])
    assert found == pytest.approx([0, 0.04, 4.0, None, 4.04])
    assert "1 frame out of order" in clock.report()[0]


def test_times_continue_after_a_clock_reset():
    found, _ = stamps([*range(0, 4000, 40), *range(0, 4000, 40)])
    kept = [t for t in found if t is not None]
    assert len(kept) == 200 - 32
    assert kept[-1] == pytest.approx((len(kept) - 1) * 0.04)


def test_plural():
    assert (plural(1, "gap"), plural(2, "gap"), plural(0, "gap")) == ("1 gap", "2 gaps", "0 gaps")


def gaps_of(times):
    gaps = Gaps()
    for time in times:
        gaps.add(time)
    return gaps.report()


@given(st.floats(5, 240), st.integers(10, 80), st.integers(10, 80), st.integers(0, 60), st.floats(0, 0.02))
def test_gaps_of_a_regular_clip_are_counted(fps, before, after, missing, jitter):
    """Missing frames are counted whatever the rate, if they leave a gap of more than 0.1 s and 3.5 frames."""
    rng = np.random.default_rng(missing)
    index = np.concatenate([np.arange(before), np.arange(before + missing, before + missing + after)])
    times = (index + rng.uniform(-jitter, jitter, len(index))) / fps
    report = gaps_of(times)
    step = (missing + 1) / fps
    if missing >= 4 and step > 0.11:
        are = f"{missing} frames are missing"
        assert report == [f"1 gap without frames (from {times[before - 1]:.2f} to {times[before]:.2f} s), where {are}"]
    if missing <= 2 or step < 0.09:
        assert report == []


def test_gaps_of_irregular_clips():
    """A change of the rate and 2:3 pulldown are no gaps; a pause in an uneven clip is one, without a count."""
    assert gaps_of([*(i / 24 for i in range(48)), *(2 + i / 8 for i in range(32))]) == []
    assert gaps_of([*(i / 24 for i in range(48)), *(2 + float(i) for i in range(32))]) == []
    assert gaps_of(np.cumsum([2 + i % 2 for i in range(50)]) / 60) == []
    uneven = np.cumsum(np.random.default_rng(0).choice([0.02, 0.05, 0.13], 100))
    assert gaps_of(uneven) == []
    (sentence,) = gaps_of([*uneven, *(uneven + uneven[-1] + 2)])
    assert "1 gap" in sentence
    assert "missing" not in sentence


@given(st.lists(st.floats(0, 1e6), max_size=30, unique=True))
def test_gaps_of_anything_are_reported_in_one_sentence(times):
    assert len(gaps_of(sorted(times))) <= 1
