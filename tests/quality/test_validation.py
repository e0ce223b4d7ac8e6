"""The validator: real movement passes at any frame rate, every kind of corruption is located."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from kinema.body import free_body
from kinema.errors import InputError, OutputError, UsageError
from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality import Limits, default_limits, validate_file, validate_motion, write_report
from kinema.quality.corruption import CORRUPTIONS
from kinema.quality.limits import Threshold
from kinema.skeleton import SMPL24
from kinema.synthetic import procedural_motion


def changed(motion: Motion, **changes) -> Motion:
    return motion.replace(people=(motion.people[0].replace(**changes), *motion.people[1:]))


def with_joint(motion: Motion, frame: int, joint: str, offset: float) -> Motion:
    joints = motion.people[0].joints_world.copy()
    joints[frame, SMPL24.index(joint)] += [0, offset, 0]
    return changed(motion, joints_world=joints)


def measures(validation) -> set[str]:
    return {problem.measure for problem in validation.all_problems()}


def test_walking_passes(walk):
    validation = validate_motion(walk)
    assert validation.verdicts == {"structure": "PASS", "motion": "PASS", "quality": "PASS"}
    assert validation.people[0].figures["foot_speed"] < 0.1


@pytest.mark.parametrize("fps", [10, 24, 59.94, 120])
def test_walking_passes_at_any_frame_rate(fps):
    assert validate_motion(procedural_motion(free_body(), "demo", fps=fps)).verdict == "PASS"


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_corrupted_motions_do_not_pass(walk, corruption):
    for seed in range(3):
        assert validate_motion(CORRUPTIONS[corruption](walk, np.random.default_rng(seed))).verdict != "PASS"


def test_a_jump_of_one_joint_is_reported_with_frame_and_joint(walk):
    validation = validate_motion(with_joint(walk, 20, "left_wrist", 1.0))
    found = [p for p in validation.all_problems() if p.measure == "jump"]
    assert {(p.frame, p.joint) for p in found} == {(20, "left_wrist"), (21, "left_wrist")}
    assert found[0].value == pytest.approx(1.0 / (walk.times[20] - walk.times[19]), rel=0.1)
    assert validation.verdict == "PASS_WITH_CLEANUP"


def test_limits_are_looser_for_the_wrist_than_for_the_spine(walk):
    frames = default_limits().frames
    for measure in ("speed", "jump", "shake"):
        usual = frames[measure].usual
        assert usual[SMPL24.index("left_wrist")] > 1.2 * usual[SMPL24.index("spine2")]


def test_speeds_use_the_true_times(walk):
    # Half a metre sideways is a jump, unless the person was out of sight for two seconds in between.
    person = walk.people[0]
    joints = person.joints_world.copy()
    joints[60:, :, 0] += 0.5
    jumped = validate_motion(changed(walk, joints_world=joints))
    assert "jump" in measures(jumped)
    keep = np.r_[0:60, 120:180]
    times = np.arange(180) / walk.fps
    away = person.replace(joints_world=joints).select(np.arange(120)).replace(frames=keep)
    assert measures(validate_motion(walk.replace(times=times, people=(away,), camera=None))) == {"gap"}


def test_a_frozen_person_fails_the_motion_check(walk):
    still = np.repeat(walk.people[0].joints_world[:1], walk.num_frames, axis=0)
    validation = validate_motion(changed(walk, joints_world=still))
    assert validation.verdicts["motion"] == "FAIL"
    assert "nothing moves at all" in next(iter(validation.people[0].problems)).sentence


def test_a_locked_root_fails_though_the_limbs_move(walk):
    person = walk.people[0]
    joints = person.joints_world - person.joints_world[:, :1] + person.joints_world[0, 0]
    validation = validate_motion(changed(walk, joints_world=joints), checks=["motion"])
    assert validation.verdict == "FAIL"
    assert "the root stays in one place while the limbs move" in validation.people[0].problems[0].sentence


def test_sunken_feet_are_penetration(walk):
    joints = walk.people[0].joints_world.copy()
    joints[30:40, :, 1] -= 0.12
    found = [
        p for p in validate_motion(changed(walk, joints_world=joints)).all_problems() if p.measure == "penetration"
    ]
    assert [p.frame for p in found] == list(range(30, 40))
    assert all(p.joint.endswith(("foot", "ankle")) for p in found)


def test_a_head_on_the_ground_is_no_penetration(walk):
    """A headstand: the feet are up, and the ground is where it is."""
    joints = walk.people[0].joints_world * [1, -1, 1]
    joints[..., 1] += 0.05 - joints[..., 1].min()
    assert "penetration" not in measures(validate_motion(changed(walk, joints_world=joints)))
    joints[np.argsort(joints[..., 1].min(axis=1))[:20], :, 1] -= 0.4
    assert "penetration" in measures(validate_motion(changed(walk, joints_world=joints)))


def test_ground_far_from_zero_is_no_penetration(walk):
    # Other systems' files have the ground at any height.
    joints = walk.people[0].joints_world - [0, 1.3, 0]
    assert "penetration" not in measures(validate_motion(changed(walk, joints_world=joints)))


def test_sliding_contacts_are_found(walk):
    person = walk.people[0]
    transl = person.transl_world.copy()
    transl[50:60, 0] += 0.5 * (np.arange(10) / walk.fps)
    transl[60:, 0] += 0.5 * 10 / walk.fps
    slid = changed(
        walk, transl_world=transl, joints_world=person.joints_world + (transl - person.transl_world)[:, None]
    )
    found = {p.frame for p in validate_motion(slid).all_problems() if p.measure == "sliding"}
    assert found
    assert found <= set(range(50, 62))


def test_a_knee_bent_forward_is_found(walk):
    pose = walk.people[0].pose_world.copy()
    pose[40:45, 3 * SMPL24.index("right_knee")] = np.radians(-50)
    found = [p for p in validate_motion(changed(walk, pose_world=pose)).all_problems() if p.measure == "overstretch"]
    assert [(p.frame, p.joint) for p in found] == [(frame, "right_knee") for frame in range(40, 45)]
    assert found[0].value == pytest.approx(50, abs=1)


def test_a_large_reprojection_error_is_reported(walk):
    person = walk.people[0]
    error = np.full(len(person), 3.0)
    error[7] = 0.3 * (person.boxes[7, 3] - person.boxes[7, 1])
    found = validate_motion(changed(walk, reprojection_error=error)).all_problems()
    assert [(p.measure, p.frame) for p in found] == [("reprojection", 7)]


def test_gaps_are_reported(walk):
    person = walk.people[0]
    keep = np.r_[0:100, 130 : walk.num_frames]
    validation = validate_motion(walk.replace(people=(person.select(keep),)))
    assert validation.verdict == "PASS_WITH_CLEANUP"
    assert validation.people[0].figures["gaps"] == {
        "count": 1, "missing_frames": 30, "longest_seconds": pytest.approx(31 / walk.fps, rel=1e-3),
    }  # fmt: skip


@pytest.mark.parametrize("seconds", [2.0, 60.0, 1e6])
def test_seconds_without_frames_are_a_gap_though_no_number_is_missing(walk, seconds):
    late = np.arange(walk.num_frames) >= 100
    validation = validate_motion(walk.replace(times=walk.times + np.where(late, seconds, 0.0)))
    assert validation.verdict == "PASS_WITH_CLEANUP"
    gaps = validation.people[0].figures["gaps"]
    assert (gaps["count"], gaps["missing_frames"]) == (1, round(seconds * walk.fps))
    assert gaps["longest_seconds"] == pytest.approx(seconds + 1 / walk.fps, rel=1e-3)
    assert [p.frame for p in validation.all_problems() if p.measure == "gap"] == [99]


def test_a_slower_second_half_is_no_gap(walk):
    steps = np.where(np.arange(walk.num_frames - 1) < 100, 1 / 24, 1 / 8)
    slower = validate_motion(walk.replace(times=np.r_[0.0, np.cumsum(steps)]))
    assert slower.people[0].figures["gaps"]["count"] == 0


def test_who_is_not_in_a_shot_is_not_missing(walk):
    person = walk.people[0]
    keep = np.r_[0:100, 130 : walk.num_frames]
    clip = walk.replace(people=(person.select(keep),), cuts=[100, 130])
    assert validate_motion(clip).people[0].figures["gaps"]["count"] == 0


def test_camera_movement_is_not_attributed_to_the_person(walk):
    person = walk.people[0]
    joints = person.joints + np.random.default_rng(0).normal(0, 0.3, (len(person), 1, 3))
    bare = person.replace(joints=joints, pose_world=None, transl_world=None, joints_world=None, contacts=None)
    camera = Camera(640, 640, np.array([[600.0, 0, 320], [0, 600, 320], [0, 0, 1]]))
    for moving, expected in ((True, "PASS"), (False, "FAIL")):
        motion = walk.replace(people=(bare,), camera=camera.replace(moving=moving))
        assert validate_motion(motion, checks=["quality"]).verdict == expected


def test_the_worst_person_decides_the_verdict(walk):
    good = walk.people[0]
    bad = CORRUPTIONS["teleport"](walk, np.random.default_rng(1)).people[0].replace(id=7)
    validation = validate_motion(walk.replace(people=(good, bad)))
    assert [report.verdict for report in validation.people] == ["PASS", "PASS_WITH_CLEANUP"]
    assert validation.verdict == "PASS_WITH_CLEANUP"


def test_poses_alone_are_judged_on_a_stand_in_body(walk):
    person = walk.people[0]
    motion = walk.replace(
        body_model="smpl", camera=None,
        people=(Person(id=1, frames=person.frames, pose_world=person.pose_world, transl_world=person.transl_world),),
    )  # fmt: skip
    assert validate_motion(motion).verdict == "PASS"


def test_nobody_nothing_and_one_frame():
    times = np.arange(5) / 30
    assert validate_motion(Motion(times=times, width=0, height=0)).verdict == "FAIL"
    empty = Motion(times=times, width=0, height=0, people=(Person(id=3, frames=np.arange(5)),))
    validation = validate_motion(empty)
    assert validation.verdict == "FAIL"
    assert validation.people[0].problems[0].sentence == "there is neither a pose nor joints"
    one = Person(id=1, frames=np.array([2]), pose=np.zeros((1, 72)), transl=np.zeros((1, 3)))
    assert validate_motion(Motion(times=times, width=0, height=0, people=(one,))).verdict == "PASS"


def test_the_report_is_written_to_both_files(walk, tmp_path):
    validation = validate_motion(with_joint(walk, 20, "left_wrist", 1.0))
    write_report(validation, tmp_path / "v.json", tmp_path / "b.csv")
    written = json.loads((tmp_path / "v.json").read_text())
    assert written["verdict"] == "PASS_WITH_CLEANUP"
    assert written["limits"]["frames"]["speed"]["usual"]["pelvis"] == 13.0
    assert written["people"][0]["measures"]["jump"]["joint"] == "left_wrist"
    rows = list(csv.DictReader((tmp_path / "b.csv").open()))
    assert {"frame", "time", "person", "joint", "measure", "value", "limit"} <= set(rows[0])
    assert [row["frame"] for row in rows if row["measure"] == "jump"] == ["20", "21"]
    assert float(rows[0]["time"]) == pytest.approx(walk.times[20], abs=1e-4)


def reports_why(validation, folder) -> None:
    """Each verdict is the worst of those that the listed problems lead to, in the report and in the JSON."""
    write_report(validation, folder / "v.json", folder / "b.csv")
    written = json.loads((folder / "v.json").read_text())
    ranks = ["PASS", "PASS_WITH_CLEANUP", "FAIL"]
    listed = [*written["problems"], *(problem for person in written["people"] for problem in person["problems"])]
    for check, verdict in written["verdicts"].items():
        said = [p["verdict"] for p in listed if p["check"] == check and p["sentence"]]
        assert verdict == max(said, key=ranks.index, default="PASS")
    assert (validation.verdict != "PASS") == bool(validation.reasons())


@pytest.mark.parametrize("profile", ["default", "video2pkl"])
@pytest.mark.parametrize("corruption", [None, *CORRUPTIONS])
def test_no_verdict_without_a_reason(walk, tmp_path, corruption, profile):
    motion = walk if corruption is None else CORRUPTIONS[corruption](walk, np.random.default_rng(0))
    reports_why(validate_motion(motion, profile=profile), tmp_path)


@pytest.mark.parametrize("checks", [("structure", "motion", "quality"), ("motion",), ("quality",)])
def test_no_verdict_without_a_reason_where_there_is_nothing(walk, tmp_path, checks):
    times = np.arange(5) / 30
    for people in ((), (Person(id=3, frames=np.arange(5)),), (Person(id=3, frames=np.arange(0)),)):
        validation = validate_motion(Motion(times=times, width=0, height=0, people=people), checks=checks)
        assert set(validation.verdicts.values()) == {"FAIL"}
        reports_why(validation, tmp_path)
    (tmp_path / "no.pkl").write_bytes(b"nothing")
    reports_why(validate_file(tmp_path / "no.pkl"), tmp_path)


def test_too_many_shaking_frames_say_so(walk):
    noise = np.random.default_rng(0).normal(scale=0.05, size=(100, 3))
    joints = walk.people[0].joints_world.copy()
    joints[:100, SMPL24.index("left_wrist")] += noise
    validation = validate_motion(changed(walk, joints_world=joints))
    assert validation.verdict == "FAIL"
    assert "frames exceed a limit: shake of left wrist" in validation.reasons()[0]


def test_an_unwritable_folder_gives_one_sentence(walk, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is not a folder"):
        write_report(validate_motion(walk), tmp_path / "file" / "v.json", tmp_path / "b.csv")


def test_invalid_arguments_are_refused(walk, tmp_path):
    with pytest.raises(UsageError, match="unknown check looks"):
        validate_motion(walk, checks=["looks"])
    with pytest.raises(UsageError, match="unknown profile"):
        validate_motion(walk, profile="strict")
    with pytest.raises(InputError, match="does not exist"):
        validate_file(tmp_path / "nothing.pkl")


@pytest.mark.parametrize(
    "changes", [{"foot_speed": 0}, {"pass_share": -1}, {"pass_share": 0.5}, {"frames": {"beauty": Threshold(1, 2)}}]
)
def test_invalid_limits_are_refused(changes):
    with pytest.raises(UsageError):
        Limits(**changes)


def test_a_threshold_must_be_consistent():
    with pytest.raises(UsageError, match="below"):
        Threshold(np.array(2.0), np.array(1.0))
    with pytest.raises(UsageError, match="24"):
        Threshold(np.ones(3), np.ones(3))
