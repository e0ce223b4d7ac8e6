"""Sliding windows against the rule written out frame by frame, the published results, and the stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, UsageError
from kinema.temporal.windows import WindowStream, average_windows, cut_windows, slide, window_starts
from tests.helpers.goldens import each_case, recording


def naive_average(windows: np.ndarray, starts: np.ndarray, frames: int) -> np.ndarray:
    """The rule: collect every window's value for every frame, then take the mean."""
    collected: list[list[np.ndarray]] = [[] for _ in range(frames)]
    for window, start in zip(windows, starts, strict=True):
        for position, value in enumerate(window):
            collected[start + position].append(value)
    return np.stack([np.mean(values, axis=0) for values in collected])


def weights_of(window: int):
    """A smoother that is linear but depends on the position in the window, so that mistakes show."""
    matrix = np.random.default_rng(window).normal(size=(window, window)) / window
    return lambda windows: np.einsum("ab,nbc->nac", matrix, windows)


@given(frames=st.integers(1, 60), window=st.integers(1, 12), step=st.integers(1, 12), seed=st.integers(0, 99))
def test_average_is_the_rule_for_any_length_and_step(frames, window, step, seed):
    step = min(step, window)
    frames = max(frames, window)
    starts = window_starts(frames, window, step)
    windows = np.random.default_rng(seed).normal(size=(len(starts), window, 3))
    # float64 sums of at most 12 values: only their order differs
    np.testing.assert_allclose(
        average_windows(windows, step, frames=frames), naive_average(windows, starts, frames), rtol=1e-12, atol=1e-12
    )


@given(
    frames=st.integers(1, 40), window=st.integers(1, 10), step=st.integers(1, 10), batch=st.integers(1, 50),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_slide_does_not_depend_on_the_batch(frames, window, step, batch, seed):
    step = min(step, window)
    values = np.random.default_rng(seed).normal(size=(frames, 2))
    smooth = weights_of(window)
    whole = slide(values, window, smooth, step=step)
    np.testing.assert_allclose(slide(values, window, smooth, step=step, batch=batch), whole, rtol=1e-12, atol=1e-12)
    assert whole.shape == values.shape
    if frames >= window:
        starts = window_starts(frames, window, step)
        np.testing.assert_allclose(
            whole, naive_average(smooth(cut_windows(values, window, step)), starts, frames), rtol=1e-12, atol=1e-12
        )


@given(frames=st.integers(1, 30), window=st.integers(1, 9), lag=st.integers(0, 8), seed=st.integers(0, 99))
def test_stream_gives_what_slide_gives_with_that_lag(frames, window, lag, seed):
    lag = min(lag, window - 1)
    values = np.random.default_rng(seed).normal(size=(frames, 2))
    smooth = weights_of(window)
    stream = WindowStream(window, smooth, lag=lag)
    out, when = [], []
    for now, frame in enumerate(values):
        for index, value in stream.push(frame):
            out.append((index, value))
            when.append(now - index)
    out += stream.finish()
    assert [index for index, _ in out] == list(range(frames))
    assert all(delay == lag for delay in when)
    np.testing.assert_allclose(
        np.stack([value for _, value in out]), slide(values, window, smooth, lag=lag), rtol=1e-12, atol=1e-12
    )


def test_the_longest_lag_is_the_whole_clip_at_once():
    values = np.random.default_rng(0).normal(size=(50, 4))
    smooth = weights_of(8)
    np.testing.assert_allclose(slide(values, 8, smooth, lag=7), slide(values, 8, smooth), rtol=1e-12)


def test_a_lagged_result_does_not_know_the_future():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 3))
    changed = values.copy()
    changed[25:] += 1.0
    smooth = weights_of(8)
    before, after = (slide(v, 8, smooth, lag=3) for v in (values, changed))
    np.testing.assert_array_equal(before[:22], after[:22])
    assert np.abs(before[22:] - after[22:]).max() > 1e-3


def assert_averages(golden, case: str, step: int = 1) -> None:
    windows = golden[f"{case}.windows"]
    atol = 1e-6 * max(1, windows.shape[1] / 16)  # float32 sums of as many values as the window has frames
    np.testing.assert_allclose(average_windows(windows, step=step), golden[f"{case}.out"], rtol=0, atol=atol)


@pytest.mark.golden
@each_case("case", "synsp/golden.npz", r"(swa\.\w+)\.out")
def test_average_equals_synsps(case):
    assert_averages(recording("synsp/golden.npz"), case)


@pytest.mark.golden
@each_case("step", "smoothnet/golden.npz", r"swa\.step(\d+)\.out")
def test_average_in_steps_equals_smoothnets(step):
    assert_averages(recording("smoothnet/golden.npz"), f"swa.step{step}", step)


def test_short_clips():
    values = np.array([[1.0], [2.0], [4.0]])
    seen = []

    def look(windows):
        seen.append(windows.copy())
        return windows

    np.testing.assert_array_equal(slide(values, 5, look), values)
    np.testing.assert_array_equal(slide(values, 5, look, short="zero"), values)
    np.testing.assert_array_equal(seen[0][0, :, 0], [1, 2, 4, 4, 4])
    np.testing.assert_array_equal(seen[1][0, :, 0], [1, 2, 4, 0, 0])
    np.testing.assert_array_equal(slide(values, 5, lambda w: w * 0, short="keep"), values)
    assert slide(np.zeros((0, 3)), 5, look).shape == (0, 3)


def test_bad_calls_are_refused_with_a_sentence():
    values = np.zeros((20, 3))
    with pytest.raises(UsageError, match="step must lie between 1 and the window of 8 frames, found 9"):
        slide(values, 8, lambda w: w, step=9)
    with pytest.raises(UsageError, match="lag must lie between 0 and 7"):
        slide(values, 8, lambda w: w, lag=8)
    with pytest.raises(UsageError, match="step 4 leaves frames out"):
        slide(values, 8, lambda w: w, step=4, lag=2)
    with pytest.raises(UsageError, match="must be one of repeat, zero, keep"):
        slide(values, 8, lambda w: w, short="drop")
    with pytest.raises(UsageError, match=r"found \(20,\)"):
        slide(values[:, 0], 8, lambda w: w)
    with pytest.raises(UsageError, match="do not cover 40 frames"):
        average_windows(np.zeros((3, 8, 2)), frames=40)
    values[7, 1] = np.nan
    with pytest.raises(InputError, match="frame 7 holds a value that is not a number"):
        slide(values, 8, lambda w: w)
