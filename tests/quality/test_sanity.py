"""The first sanity report: what it must find, and what it must leave alone."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from kinema.errors import OutputError, UsageError
from kinema.motion import Motion, Person
from kinema.quality import Limits, check_motion, write_report
from kinema.skeleton import SMPL24

FPS = 30.0


def walker(frames: int = 60, id: int = 1, **changes) -> Person:
    """A person whose joints swing calmly while the whole body moves at 1 m/s."""
    time = np.arange(frames) / FPS
    rest = np.random.default_rng(0).normal(0.0, 0.3, (24, 3))
    swing = 0.1 * np.sin(2 * np.pi * time)[:, None, None] * np.linspace(0, 1, 24)[:, None]
    joints = rest + swing + np.array([1.0, 0.0, 0.0]) * time[:, None, None] + [0, 0, 4]
    fields = {
        "pose": np.zeros((frames, 72)),
        "betas": np.zeros((frames, 10)),
        "transl": joints[:, 0],
        "joints": joints,
        "boxes": np.tile([100.0, 100.0, 200.0, 500.0], (frames, 1)),
        "reprojection_error": np.full(frames, 6.0),
    }
    return Person(id=id, frames=np.arange(frames), **(fields | changes))


def motion_of(*people: Person, frames: int = 60) -> Motion:
    return Motion(times=np.arange(frames) / FPS, width=640, height=640, people=people)


def with_joint(person: Person, frame: int, joint: str, offset: float) -> Person:
    joints = person.joints.copy()
    joints[frame, SMPL24.index(joint)] += [0, offset, 0]
    return person.replace(joints=joints)


def test_calm_walk_passes():
    report = check_motion(motion_of(walker()))
    assert report.verdict == "PASS"
    assert report.problems == ()
    assert report.people[0]["top_root_speed"] == pytest.approx(1.0, abs=0.05)


def test_a_jump_of_one_joint_is_found_with_frame_and_name():
    # One metre in one frame is 30 m/s there and 30 m/s back: frames 20 and 21.
    report = check_motion(motion_of(with_joint(walker(), 20, "left_wrist", 1.0)))
    assert report.verdict == "PASS_WITH_CLEANUP"
    assert [(p.frame, p.joint, p.kind) for p in report.problems] == [
        (20, "left_wrist", "joint too fast"),
        (21, "left_wrist", "joint too fast"),
    ]
    assert report.problems[0].value == pytest.approx(30.0, abs=1.0)
    assert report.people[0]["bad_frames"] == 2


def test_speeds_use_the_true_times():
    # The same metre, but the person was away for a second in between: 1 m/s, nothing wrong.
    person = walker(30)
    joints = person.joints.copy()
    joints[15:, :, 1] += 1.0
    calm = person.replace(frames=np.r_[0:15, 45:60], joints=joints)
    assert check_motion(motion_of(calm)).verdict == "PASS"
    assert check_motion(motion_of(person.replace(joints=joints))).problems[0].kind == "root too fast"


def test_frozen_person_fails():
    person = walker()
    still = person.replace(joints=np.repeat(person.joints[:1], len(person), axis=0))
    report = check_motion(motion_of(still))
    assert report.verdict == "FAIL"
    assert report.problems[0].kind == "frozen"


def test_many_bad_frames_fail():
    person = walker()
    noisy = person.replace(joints=person.joints + np.random.default_rng(1).normal(0, 0.5, person.joints.shape))
    assert check_motion(motion_of(noisy)).verdict == "FAIL"


def test_body_far_from_evidence_is_said():
    error = np.full(60, 6.0)
    error[7] = 80.0  # of a box 400 px high
    report = check_motion(motion_of(walker(reprojection_error=error)))
    assert [(p.frame, p.kind) for p in report.problems] == [(7, "far from the evidence")]


def test_person_without_body_fails_and_names_what_is_missing():
    report = check_motion(motion_of(Person(id=3, frames=np.arange(5))))
    assert report.verdict == "FAIL"
    assert report.problems[0].kind == "no pose, betas, transl, joints"


def test_nobody_fails():
    assert check_motion(motion_of()).verdict == "FAIL"


def test_one_frame_is_no_problem():
    assert check_motion(motion_of(walker(1), frames=1)).verdict == "PASS"


def test_worst_person_decides():
    report = check_motion(motion_of(walker(), with_joint(walker(id=2), 5, "head", 1.0)))
    assert [about["verdict"] for about in report.people] == ["PASS", "PASS_WITH_CLEANUP"]
    assert report.verdict == "PASS_WITH_CLEANUP"


def test_files_hold_the_report(tmp_path):
    report = check_motion(motion_of(with_joint(walker(), 20, "left_wrist", 1.0)))
    write_report(report, tmp_path / "v.json", tmp_path / "b.csv")
    written = json.loads((tmp_path / "v.json").read_text())
    assert written["verdict"] == "PASS_WITH_CLEANUP"
    assert written["limits"]["joint_speeds"]["left_wrist"] == 16.0
    rows = list(csv.DictReader((tmp_path / "b.csv").open()))
    assert [row["frame"] for row in rows] == ["20", "21"]
    assert rows[0]["joint"] == "left_wrist"


def test_unwritable_place_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is not a folder"):
        write_report(check_motion(motion_of(walker())), tmp_path / "file" / "v.json", tmp_path / "b.csv")


@pytest.mark.parametrize("changes", [{"root_speed": 0}, {"joint_speeds": np.ones(3)}, {"failing_share": -1}])
def test_impossible_limits_are_refused(changes):
    with pytest.raises(UsageError):
        Limits(**changes)
