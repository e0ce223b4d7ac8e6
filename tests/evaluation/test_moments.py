"""Truth at other times than the result's: analytic movements, rates, gaps, cuts, rounded times."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.evaluation.moments import common_moments, without_rounding
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.truth import Truth, TruthPerson
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import SMPL24

REST = np.random.default_rng(3).normal(size=(24, 3)) * 0.35 + [0, 1, 0]
HIPS = [SMPL24.index("left_hip"), SMPL24.index("right_hip")]
MOVING = 10 / 12
"""Of the twelve limb joints all but the hips move."""


def swinging(times, amplitude=0.2, hertz=1.0):
    """(T, 24, 3): every joint but the hips swings along x as a sine, each with its own phase."""
    swing = amplitude * np.sin(2 * np.pi * hertz * np.asarray(times)[:, None] + np.arange(24) * 0.7)
    swing[:, HIPS] = 0
    joints = np.tile(REST, (len(times), 1, 1))
    joints[..., 0] += swing
    return joints


def result_at(times, cuts=(), **movement):
    times = np.asarray(times, dtype=np.float64)
    person = Person(1, np.arange(len(times)), joints_world=swinging(times, **movement))
    return Motion(times, 640, 480, (person,), cuts=np.array(cuts, dtype=np.int64))


def truth_at(times, joints=None, cuts=(), **movement):
    joints = swinging(times, **movement) if joints is None else joints
    person = TruthPerson("1", SMPL24.joints, joints_world=joints)
    return Truth("sine", np.asarray(times, dtype=np.float64), (person,), cuts=np.array(cuts, dtype=np.int64))


def variable_times(seconds, seed=0):
    """Frame times as phones write them: 1/30 s give or take a third."""
    steps = np.random.default_rng(seed).uniform(2 / 90, 4 / 90, size=int(30 * seconds))
    return np.r_[0, np.cumsum(steps)]


PAIRS = {
    "60 fps, truth 100 Hz": (np.arange(240) / 60, np.arange(401) / 100),
    "29.97 fps, truth 120 Hz": (np.arange(120) * 1001 / 30000, np.arange(481) / 120),
    "60 fps, truth 25 Hz": (np.arange(240) / 60, np.arange(101) / 25),
    "60 fps, truth 24 Hz": (np.arange(240) / 60, np.arange(97) / 24),
    "variable rate, truth 100 Hz": (variable_times(4), np.arange(451) / 100),
    "half a frame apart": (np.arange(120) / 30, (np.arange(122) - 0.5) / 30),
    "both written in milliseconds": (np.arange(240) / 60, np.arange(361) / 90),
    "both written in hundredths": (np.arange(120) / 30, np.arange(193) / 48),
}
DECIMALS = {"both written in milliseconds": 3, "both written in hundredths": 2}


@pytest.mark.parametrize("name", PAIRS)
def test_a_sine_has_its_analytic_errors_at_any_rate(name):
    """A result of 0.9 of the true amplitude: a tenth of the acceleration is missing, and a tenth of the jitter.

    Means over a whole number of periods of |sin| are 2/pi; finite differences at 24 Hz and more, and the spline's
    ends, are allowed 4 % of the true acceleration's mean.
    """
    times, true_times = PAIRS[name]
    result, truth = result_at(times, amplitude=0.18), truth_at(true_times)
    if name in DECIMALS:
        result = result.replace(times=np.round(times, DECIMALS[name]))
        truth = dataclasses.replace(truth, times=np.round(true_times, DECIMALS[name]))
    omega = 2 * np.pi
    acceleration, jerk = (MOVING * 2 / np.pi * 0.2 * omega**n for n in (2, 3))
    scores = evaluate_motion(result, truth, align="none", frame="world")
    total = scores.total
    assert total["acceleration_error_m_s2"] == pytest.approx(0.1 * acceleration, abs=0.04 * acceleration)
    assert total["jitter_truth_m_s3"] == pytest.approx(jerk, rel=0.08)
    assert total["jitter_m_s3"] == pytest.approx(0.9 * jerk, rel=0.08)
    assert total["jitter_ratio"] == pytest.approx(0.9, abs=0.07)
    assert scores.truth_interpolated
    assert total["coverage"] == 1


@settings(max_examples=40, deadline=None)
@given(rate=st.floats(15, 120), true_rate=st.floats(24, 250), start=st.floats(0, 1), hertz=st.floats(0.3, 2))
def test_a_perfect_result_is_perfect_at_any_two_rates(rate, true_rate, start, hertz):
    """Errors of the interpolation alone: below 1 mm and 2 % of the largest true acceleration, as means."""
    times = start + np.arange(int(3 * rate)) / rate
    truth = truth_at(np.arange(int(4.2 * true_rate)) / true_rate, hertz=hertz)
    total = evaluate_motion(result_at(times, hertz=hertz), truth, align="none", frame="world").total
    assert total["mpjpe_mm"] < 1
    assert total["acceleration_error_m_s2"] < 0.02 * 0.2 * (2 * np.pi * hertz) ** 2
    assert total["jitter_ratio"] == pytest.approx(1, abs=0.1)


def test_rows_that_lie_on_the_frames_are_taken_as_they_are():
    noisy = swinging(np.arange(200) / 100) + np.random.default_rng(0).normal(size=(200, 24, 3)) * 0.01
    for every in (1, 2):
        moments = common_moments(result_at(np.arange(0, 200, every) / 100), truth_at(np.arange(200) / 100, noisy))
        assert not moments.interpolated
        np.testing.assert_array_equal(moments.truth.people[0].joints_world, noisy[::every])
    # And a truth at a whole fraction of the result's rate chooses the frames.
    moments = common_moments(result_at(np.arange(400) / 200), truth_at(np.arange(200) / 100, noisy))
    assert moments.rows.tolist() == list(range(0, 400, 2))
    np.testing.assert_array_equal(moments.truth.people[0].joints_world, noisy)


def test_no_value_is_made_in_a_gap_or_beyond_the_ends():
    true_times = np.arange(301) / 100
    joints = swinging(true_times)
    joints[100:130] = np.nan  # 1.00-1.29 s: nobody
    joints[200:203] = np.nan  # three rows: bridged
    joints[230:260, SMPL24.index("left_wrist")] = np.nan  # one joint, 2.30-2.59 s
    moments = common_moments(result_at(np.arange(240) / 60), truth_at(true_times, joints))
    (person,) = moments.truth.people
    assert moments.times[-1] == pytest.approx(3.0)
    inside = (moments.times > 0.9901) & (moments.times < 1.2999)
    assert not inside.any()
    wrist = np.isfinite(person.joints_world[:, SMPL24.index("left_wrist")]).all(axis=-1)
    away = (moments.times > 2.2901) & (moments.times < 2.5999)
    np.testing.assert_array_equal(wrist, ~away)
    others = np.delete(person.joints_world, SMPL24.index("left_wrist"), axis=1)
    assert np.isfinite(others).all()
    np.testing.assert_allclose(
        others, np.delete(swinging(moments.times), SMPL24.index("left_wrist"), axis=1), atol=2e-4
    )
    total = evaluate_motion(result_at(np.arange(240) / 60), truth_at(true_times, joints), frame="world").total
    assert total["acceleration_error_m_s2"] < 0.1  # of up to 7.9: none is taken across a gap
    assert total["coverage"] == 1


def test_a_truth_shorter_than_the_result_says_how_much_was_compared():
    scores = evaluate_motion(result_at(np.arange(240) / 60), truth_at(1 + np.arange(51) / 100), frame="world")
    assert scores.people[0].frames == 31
    assert any("31 frames are compared: the result has 240 frames, the truth 51 rows" in note for note in scores.notes)
    assert scores.total["mpjpe_mm"] < 0.1


@pytest.mark.parametrize("rows", [[0.512], [0.512, 1.51, 2.49]])
def test_single_rows_are_compared_with_the_nearest_frames(rows):
    scores = evaluate_motion(result_at(np.arange(90) / 30), truth_at(np.array(rows)), frame="world")
    assert scores.people[0].frames == len(rows)
    assert not scores.truth_interpolated
    assert scores.largest_time_difference == pytest.approx(max(abs(t - round(t * 30) / 30) for t in rows))
    assert np.isnan(scores.total["acceleration_error_m_s2"])


def test_nothing_goes_on_across_a_cut():
    """The result, the truth, or both jump at a cut by half a metre, which is no acceleration."""
    times, true_times = np.arange(120) / 60, np.arange(200) / 100
    ours, theirs = result_at(times, cuts=[60]), truth_at(true_times, cuts=[100])
    (person,) = ours.people
    jumped = np.where(times[:, None, None] >= 1, person.joints_world + [0, 0, 0.5], person.joints_world)
    true_jumped = np.where(true_times[:, None, None] >= 1, swinging(true_times) + [0, 0, 0.5], swinging(true_times))
    ours = ours.replace(people=(person.replace(joints_world=jumped),))
    theirs = dataclasses.replace(theirs, people=(TruthPerson("1", SMPL24.joints, joints_world=true_jumped),))
    total = evaluate_motion(ours, theirs, align="none", frame="world").total
    assert total["acceleration_error_m_s2"] < 0.1
    assert total["mpjpe_mm"] < 1
    assert total["jitter_ratio"] == pytest.approx(1, abs=0.05)
    alone = evaluate_motion(ours.replace(cuts=np.zeros(0, int)), theirs.__class__(
        "t", times, (TruthPerson("1", SMPL24.joints, joints_world=swinging(times)),)
    ), align="none", frame="world").total  # fmt: skip
    assert alone["acceleration_error_m_s2"] > 10  # without the cut the jump is one


def test_rotations_are_interpolated_on_their_sphere():
    """A steady turn at 2 rad/s through more than pi, and its truth half a frame apart: less than 0.01 degrees off."""

    def pose(times):
        out = np.zeros((len(times), 72))
        out[:, 1] = np.mod(2 * times + np.pi, 2 * np.pi) - np.pi  # axis-angle jumps at pi
        out[:, 3 * 4] = np.sin(times)
        return out

    times, true_times = np.arange(120) / 30, (np.arange(122) - 0.5) / 30
    result = result_at(times)
    result = result.replace(people=(result.people[0].replace(pose_world=pose(times)),))
    truth = truth_at(true_times)
    truth = dataclasses.replace(truth, people=(dataclasses.replace(truth.people[0], pose_world=pose(true_times)),))
    total = evaluate_motion(result, truth, frame="world").total
    assert total["rotation_error_deg"] < 0.01
    assert total["orientation_error_deg"] < 0.01


@pytest.mark.parametrize("decimals", [2, 3, 4])
@pytest.mark.parametrize("rate", [23.976, 25, 30, 60])
def test_rounded_times_become_even(rate, decimals):
    even = np.delete(np.arange(200) / rate, [20, 21, 90])
    mended = without_rounding(np.round(even, decimals))
    # Half of the rounding may remain as a shift of all.
    np.testing.assert_allclose(np.diff(mended), np.diff(even), atol=0.05 * 10.0**-decimals)
    np.testing.assert_allclose(mended, even, atol=0.3 * 10.0**-decimals)


def test_times_of_no_constant_rate_stay():
    for times in (variable_times(2), np.round(variable_times(2), 3), np.array([0.0, 0.5]), np.zeros(0)):
        assert without_rounding(times) is times


def test_smoother_and_shakier_are_both_said():
    times = np.arange(120) / 30
    shaky = result_at(times)
    (person,) = shaky.people
    noise = np.random.default_rng(0).normal(size=person.joints_world.shape) * 0.01
    shaky = shaky.replace(people=(person.replace(joints_world=person.joints_world + noise),))
    assert evaluate_motion(shaky, truth_at(times), frame="world").total["jitter_ratio"] > 2
    assert evaluate_motion(result_at(times, amplitude=0.1), truth_at(times), frame="world").total[
        "jitter_ratio"
    ] == pytest.approx(0.5, abs=0.01)
    still = evaluate_motion(result_at(times), truth_at(times, amplitude=0), frame="world").total
    assert np.isnan(still["jitter_ratio"])  # no multiple of nothing
    assert still["jitter_m_s3"] > 1


def test_people_who_shake_do_not_make_up_for_those_who_are_too_smooth():
    """Two people, one of twice and one of half the true jitter: the total is of their averages, not of the ratios."""
    times = np.arange(120) / 30
    a = swinging(times)
    b = a - a.mean(axis=0) + a.mean(axis=0)[::-1]
    truth = Truth("two", times, tuple(TruthPerson(str(i), SMPL24.joints, joints_world=j) for i, j in enumerate((a, b))))
    still_a, still_b = a.mean(axis=0), b.mean(axis=0)
    people = (
        Person(1, np.arange(120), joints_world=still_a + 2 * (a - still_a)),
        Person(2, np.arange(120), joints_world=still_b + 0.5 * (b - still_b)),
    )
    scores = evaluate_motion(Motion(times, 640, 480, people), truth, frame="world")
    assert [p.measures["jitter_ratio"] for p in scores.people] == pytest.approx([2, 0.5], rel=1e-6)
    total = scores.total
    assert total["jitter_ratio"] == pytest.approx(total["jitter_m_s3"] / total["jitter_truth_m_s3"])
