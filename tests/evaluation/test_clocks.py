"""The offset between two clocks, found from the movement."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from kinema.__main__ import main
from kinema.errors import UsageError
from kinema.evaluation.clocks import find_shift, require_shift
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.truth import load_truth
from kinema.skeleton import LIMBS12, SMPL24
from kinema.synthetic.motions import procedural_motion
from tests.evaluation.test_truth_files import write_trc

CLOCK = np.arange(0, 40, 0.001)
WANDER = gaussian_filter1d(np.random.default_rng(5).normal(size=(len(CLOCK), 3)), 200, axis=0)
"""Three angles that wander as a body's do, at a thousand samples a second."""


def seen_at(times):
    return np.stack([np.interp(times, CLOCK, column) for column in WANDER.T], axis=1)


@settings(max_examples=40, deadline=None)
@given(
    rate=st.floats(20, 120), true_rate=st.floats(20, 250), true_start=st.floats(0, 20), length=st.floats(4, 12),
    off=st.floats(-50, 50),
)  # fmt: skip
def test_a_shift_is_found_at_any_two_rates(rate, true_rate, true_start, length, off):
    """Within 5 ms, if the two share at least two seconds."""
    times = 8 + np.arange(0, 8, 1 / rate)
    true_times = np.arange(true_start, true_start + length, 1 / true_rate)
    shared = min(times[-1], true_times[-1]) - max(times[0], true_times[0])
    if shared < 2:
        return
    shift = find_shift(seen_at(times), times, seen_at(true_times), true_times - off)
    assert shift.seconds == pytest.approx(off, abs=0.005)
    assert shift.correlation > 0.98


def test_gaps_and_noise_do_not_mislead():
    times, true_times = np.arange(0, 10, 1 / 30), np.arange(2, 9, 0.01)
    ours, theirs = seen_at(times), seen_at(true_times)
    ours += np.random.default_rng(0).normal(size=ours.shape) * ours.std() * 0.3
    ours[60:90] = np.nan
    theirs[:, 1] = np.nan
    assert find_shift(ours, times, theirs, true_times - 3).seconds == pytest.approx(3, abs=0.02)


def test_a_movement_that_repeats_itself_is_said():
    times = np.arange(0, 10, 0.02)
    wave = np.sin(2 * np.pi * times)[:, None]
    shift = find_shift(wave, times, wave[100:300], times[100:300])
    assert shift.rival is not None
    assert abs((shift.rival - shift.seconds) % 1) == pytest.approx(0, abs=0.05) or abs(
        (shift.rival - shift.seconds) % 1
    ) == pytest.approx(1, abs=0.05)
    assert "repeats itself" in shift.note
    assert "repeats" not in find_shift(seen_at(times), times, seen_at(times), times).note


def test_movements_that_differ_have_no_shift():
    times = np.arange(0, 10, 0.02)
    shift = find_shift(seen_at(times), times, seen_at(times + 20)[:, ::-1], times)
    with pytest.raises(UsageError, match=r"no shift in time makes the movement of t\.trc agree.*set `offset`"):
        require_shift(shift, "t.trc")
    for other in (np.zeros((500, 3)), np.full((500, 3), np.nan)):
        with pytest.raises(UsageError, match="no shift in time"):
            require_shift(find_shift(seen_at(times), times, other, times), "t.trc")
    assert find_shift(np.zeros((2, 3)), times[:2], seen_at(times), times) is None


def test_auto_puts_a_later_recording_on_the_clips_clock(body, tmp_path, capsys):
    """Markers at 100 Hz that began 1.3 s before the clip, whose own clock says 500 s: found within 5 ms."""
    whole = procedural_motion(body, "demo").slice(0, 8)
    (person,) = whole.people
    joints = person.joints_world[:, [SMPL24.index(name) for name in LIMBS12]]
    write_trc(tmp_path / "t.trc", joints, names=LIMBS12, rate=whole.fps, start=500)
    clip = whole.slice(1.3, 6)
    begin = whole.times[np.abs(whole.times - 1.3).argmin()]
    clip = clip.replace(times=clip.times - clip.times[0])
    assert evaluate_motion(clip, load_truth(tmp_path / "t.trc")).total["mpjpe_mm"] > 20
    scores = evaluate_motion(clip, load_truth(tmp_path / "t.trc", offset="auto"))
    assert scores.total["mpjpe_mm"] < 5
    (note,) = (note for note in scores.notes if "shifted by" in note)
    assert float(note.split("shifted by ")[1].split(" s")[0]) == pytest.approx(-500 - begin, abs=0.005)
    clip.save(tmp_path / "clip.npz")
    argv = ["evaluate", "motion", str(tmp_path / "clip.npz"), "--truth", str(tmp_path / "t.trc"), "--offset"]
    assert main([*argv, "auto", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["scores"][0]["total"]["mpjpe_mm"] == pytest.approx(scores.total["mpjpe_mm"])
    with pytest.raises(SystemExit, match="2"):
        main([*argv, "soon"])
    assert "give a number of seconds or auto, not 'soon'" in capsys.readouterr().err


def test_clocks_that_differ_are_said_without_being_asked(body, tmp_path):
    """Markers that began 0.6 s later, though the file says that they begin with the clip."""
    clip = procedural_motion(body, "demo").slice(0, 8)
    (person,) = clip.people
    late = clip.times >= 0.6
    joints = person.joints_world[late][:, [SMPL24.index(name) for name in LIMBS12]]
    write_trc(tmp_path / "t.trc", joints, names=LIMBS12, rate=clip.fps)
    (note,) = (note for note in evaluate_motion(clip, load_truth(tmp_path / "t.trc")).notes if "clocks" in note)
    assert "shifted by +0.60 s" in note
    assert "set `offset` to auto" in note
    right = evaluate_motion(clip, load_truth(tmp_path / "t.trc", offset="auto"))
    assert not any("clocks" in note for note in right.notes)
    assert not any("clocks" in note for note in evaluate_motion(clip, clip).notes)
