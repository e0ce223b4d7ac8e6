"""The fork profile gives the numbers and verdicts that the video-to-PKL pipeline's own tools gave."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.motion import Motion, Person
from kinema.quality import validate_motion
from kinema.quality.fork import motion_type_report, turn_rates, validator_report

KINDS = ("progressing", "looping", "oscillating", "stationary", "mixed", "cleanup", "jitter")
FPS = 30.0


@pytest.fixture(scope="module")
def goldens(goldens_dir):
    arrays = np.load(goldens_dir / "pare" / "motion.npz")
    return arrays, json.loads((goldens_dir / "pare" / "motion_reports.json").read_text())


def assert_same(found, expected, where=""):
    """Equal in keys and counts; floats to 1e-6 (degrees per second, centimetres), which is their rounding there."""
    if isinstance(expected, dict):
        assert set(found) == set(expected), where
        for key, value in expected.items():
            assert_same(found[key], value, f"{where}/{key}")
    elif isinstance(expected, float) or (isinstance(expected, list) and any(isinstance(v, float) for v in expected)):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-6, err_msg=where)
    else:
        assert found == expected, where


@pytest.mark.golden
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("when", "report", "suffix"), [("in", "validator", ""), ("stable", "validator_after", "_out")])
def test_reports_are_the_recorded_ones(goldens, kind, when, report, suffix):
    arrays, reports = goldens
    pose, trans, root = (arrays[f"{kind}.{when}.{name}"] for name in ("pose", "trans", "global_orient"))
    assert_same(validator_report(pose, trans, root, FPS, f"{kind}{suffix}.pkl"), reports[kind][report], kind)


@pytest.mark.golden
@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_motion_are_the_recorded_ones(goldens, kind):
    arrays, reports = goldens
    assert_same(motion_type_report(arrays[f"{kind}.in.trans"], FPS), reports[kind]["motion_type"], kind)


@pytest.mark.golden
@pytest.mark.parametrize("kind", KINDS)
def test_a_motion_gets_the_recorded_verdict_and_bad_frames(goldens, kind):
    arrays, reports = goldens
    pose, trans = arrays[f"{kind}.in.pose"], arrays[f"{kind}.in.trans"]
    person = Person(id=4, frames=np.arange(len(pose)), pose=pose, transl=-trans)
    motion = Motion(times=np.arange(len(pose)) / FPS, width=0, height=0, people=(person,), body_model="smpl")
    validation = validate_motion(motion, checks=["quality"], profile="fork")
    expected = reports[kind]["validator"]["bad_frames"]
    assert validation.verdict == expected["decision"]
    assert validation.people[0].bad_rows.tolist() == expected["bad_frame_indices"]
    assert {p.frame for p in validation.all_problems()} == set(expected["bad_frame_indices"])


def test_turn_rates_do_not_care_how_a_rotation_is_written():
    # The same turn of 0.2 degrees, once across the seam at 180 degrees and once with a whole turn added.
    axis = np.array([0.0, 1.0, 0.0])
    before, after = np.radians(179.9) * axis, np.radians(-179.9) * axis
    assert turn_rates(np.array([before, after]), 10.0) == pytest.approx([2.0], abs=1e-9)
    assert turn_rates(np.array([before, before + 2 * np.pi * axis]), 10.0) == pytest.approx([0.0], abs=1e-9)


def test_a_constant_root_fails():
    person = Person(id=1, frames=np.arange(5), pose=np.zeros((5, 72)), transl=np.ones((5, 3)))
    motion = Motion(times=np.arange(5) / FPS, width=0, height=0, people=(person,), body_model="smpl")
    assert validate_motion(motion, profile="fork").verdicts == {
        "structure": "PASS",
        "motion": "FAIL",
        "quality": "PASS",
    }
