"""Scoring a motion: known errors, matching by time and by person, missing data, the command."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.errors import UsageError
from kinema.evaluation.moments import match_times
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.truth import Truth, TruthPerson, truth_from_motion
from kinema.geometry.camera import Camera
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, LIMBS12, SMPL24

FPS = 30


def walking_joints(times, seed=0, speed=1.2):
    """(T,24,3): a body of fixed proportions whose joints swing smoothly, walking along x."""
    rng = np.random.default_rng(seed)
    rest, swing = rng.normal(size=(24, 3)) * 0.35, rng.normal(size=(24, 3)) * 0.1
    joints = rest + swing * np.sin(2 * np.pi * 1.1 * times[:, None, None] + rng.uniform(0, 6, size=(24, 1)))
    joints[..., 0] += speed * times[:, None]
    return joints + np.array([0, 1, 0])


def make_truth(n=40, seed=0, fps=FPS, start=0.0, pose=True):
    times = start + np.arange(n) / fps
    world = walking_joints(times, seed)
    rng = np.random.default_rng(seed + 7)
    rotations = rng.normal(size=(n, 72)) * 0.3 if pose else None
    return Motion(times, 640, 480, (person_at(1, np.arange(n), world, rotations),), camera=CAMERA)


CAMERA = Camera(
    640, 480, [[600, 0, 320], [0, 600, 240], [0, 0, 1]],
    rotation=np.diag([1.0, -1, -1]), translation=np.array([0, 1, 6.0]),
)  # fmt: skip


def person_at(id, frames, world, pose=None, **more):
    camera_joints = world @ CAMERA.rotation.T + CAMERA.translation
    return Person(
        id,
        frames,
        joints=camera_joints,
        joints_world=world,
        pose=pose,
        pose_world=pose,
        transl=camera_joints[:, 0],
        **more,
    )


def changed(motion, joints=None, world=None, **changes):
    (person,) = motion.people
    edits = {}
    if joints is not None:
        edits["joints"] = joints(person.joints)
        edits["joints_world"] = joints(person.joints_world)
    return motion.replace(people=(person.replace(**edits, **changes),))


def test_the_truth_against_itself_is_perfect():
    truth = make_truth()
    scores = evaluate_motion(truth, truth)
    total = scores.total
    assert scores.frame == "camera"
    assert total["coverage"] == 1
    zero = [
        "mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm", "bend_error_deg", "rotation_error_deg", "orientation_error_deg",
        "acceleration_error_m_s2", "root_error_percent", "root_error_mm",
    ]  # fmt: skip
    for key in zero:
        assert total[key] == pytest.approx(0, abs=1e-5), key
    assert total["pck150_percent"] == total["auc_percent"] == 100
    assert total["jitter_m_s3"] == pytest.approx(total["jitter_truth_m_s3"])
    assert [pair.name for pair in scores.pairs] == list(LIMBS12)
    assert set(scores.people[0].joints) == set(LIMBS12)


def test_known_errors_give_known_scores():
    truth = make_truth()
    # One joint of twelve moved by 120 mm: 10 mm on average, none for the others.
    elbow = SMPL24.index("left_elbow")

    def move(joints):
        joints = joints.copy()
        joints[:, elbow, 2] += 0.12
        return joints

    scores = evaluate_motion(changed(truth, move), truth)
    assert scores.total["mpjpe_mm"] == pytest.approx(10)
    assert scores.people[0].joints["left_elbow"]["mpjpe_mm"] == pytest.approx(120)
    assert scores.people[0].joints["right_elbow"]["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    assert scores.total["acceleration_error_m_s2"] == pytest.approx(0, abs=1e-6)
    assert scores.people[0].bends["left_elbow"] > 1
    assert scores.people[0].bends["right_knee"] == pytest.approx(0, abs=1e-6)

    # A body twice as large: similarity and scale forgive it, position does not.
    large = evaluate_motion(changed(truth, lambda joints: 2 * joints), truth).total
    assert large["pa_mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    assert large["n_mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    assert large["mpjpe_mm"] > 100

    # A shift of the whole body is forgiven by the alignment at the hips, and only by it.
    shifted = changed(truth, lambda joints: joints + np.array([0.3, 0, 0.4]))
    assert evaluate_motion(shifted, truth).total["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    assert evaluate_motion(shifted, truth, align="none").total["mpjpe_mm"] == pytest.approx(500)
    assert evaluate_motion(shifted, truth).total["root_error_mm"] == pytest.approx(0, abs=1e-6)


def test_jitter_of_one_joint_is_measured():
    truth = make_truth()
    wrist = SMPL24.index("right_wrist")
    noise = 0.01 * (-1.0) ** np.arange(40)

    def shake(joints):
        joints = joints.copy()
        joints[:, wrist, 1] += noise
        return joints

    scores = evaluate_motion(changed(truth, shake), truth)
    # Second difference of +-a is 4 a; one joint of twelve.
    assert scores.people[0].joints["right_wrist"]["acceleration_error_m_s2"] == pytest.approx(0.04 * FPS**2)
    assert scores.total["acceleration_error_m_s2"] == pytest.approx(0.04 * FPS**2 / 12)
    assert scores.total["jitter_m_s3"] > scores.total["jitter_truth_m_s3"] + 0.9 * 0.08 * FPS**3 / 12 - 200


def test_rotation_errors_are_geodesic():
    truth = make_truth()
    (person,) = truth.people
    turned = person.pose.reshape(-1, 24, 3).copy()
    by = axis_angle_to_matrix(np.radians([0, 0, 21.0]))
    turned[:, 5] = matrix_to_axis_angle(axis_angle_to_matrix(turned[:, 5]) @ by)
    turned[:, 0] = matrix_to_axis_angle(by @ axis_angle_to_matrix(turned[:, 0]))
    total = evaluate_motion(changed(truth, pose=turned.reshape(-1, 72)), truth).total
    assert total["rotation_error_deg"] == pytest.approx(1.0)  # 21 degrees at one of 21 joints
    assert total["orientation_error_deg"] == pytest.approx(21.0)


@pytest.mark.parametrize("heading", [0.0, 1.0, -2.5])
def test_in_the_world_heading_and_place_are_free(heading):
    truth = make_truth()
    turn = axis_angle_to_matrix(np.array([0, heading, 0]))
    (person,) = truth.people
    pose = person.pose_world.copy()
    pose[:, :3] = matrix_to_axis_angle(turn @ axis_angle_to_matrix(pose[:, :3]))
    result = truth.replace(
        people=(person.replace(joints_world=person.joints_world @ turn.T + [3, 0, -1], pose_world=pose, joints=None),)
    )
    for align in ("mid_hip", "none"):
        scores = evaluate_motion(result, truth, align=align)
        assert scores.frame == "world"
        assert scores.total["mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    assert scores.total["orientation_error_deg"] == pytest.approx(0, abs=1e-5)
    assert scores.total["root_error_percent"] == pytest.approx(0, abs=1e-6)
    assert 1.2 * 39 / FPS < scores.total["distance_m"] < 1.4 * 1.2 * 39 / FPS  # forward, and swaying


# --- time --------------------------------------------------------------------------------------------


def test_times_match_at_different_rates():
    slow, fast = np.arange(10) / 30, np.arange(25) / 60
    rows, others = match_times(slow, fast)
    assert rows.tolist() == list(range(10))
    assert others.tolist() == list(range(0, 20, 2))
    rows, others = match_times(fast, slow)
    assert others.tolist() == list(range(10))
    assert rows.tolist() == list(range(0, 20, 2))


def test_times_apart_do_not_match_and_none_is_used_twice():
    assert len(match_times(np.arange(5.0), 100 + np.arange(5.0))[0]) == 0
    assert len(match_times(np.zeros(0), np.arange(5.0))[0]) == 0
    rows, others = match_times(np.arange(40) / 24, np.arange(50) / 25)
    assert len(set(rows)) == len(rows)
    assert len(set(others)) == len(others)
    rows, others = match_times(np.array([0.0]), np.array([0.0, 0.1]))
    assert (rows.tolist(), others.tolist()) == ([0], [0])
    # Frames lost in the result: the others keep their partners.
    times = np.delete(np.arange(20) / 30, [3, 4, 11])
    rows, others = match_times(times, np.arange(20) / 30)
    np.testing.assert_allclose(times[rows], np.arange(20)[others] / 30)
    assert len(rows) == 17


def test_a_result_at_half_the_rate_scores_perfect():
    truth = make_truth(60, fps=60)
    (person,) = truth.people
    half = person.select(np.arange(0, 60, 2))
    result = Motion(truth.times[::2], 640, 480, (half.replace(frames=np.arange(30)),))
    scores = evaluate_motion(result, truth)
    assert scores.people[0].frames == 30
    assert scores.total["coverage"] == 1
    assert scores.total["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    assert any("30 frames match" in note or scores.people[0].truth_frames == 30 for note in scores.notes)


def test_no_common_frame_is_reported():
    with pytest.raises(UsageError, match=r"no frame of the result coincides with one of the truth .*`offset`"):
        evaluate_motion(make_truth(), make_truth(start=100))


# --- people ------------------------------------------------------------------------------------------


def test_each_true_person_gets_the_track_that_fits():
    times = np.arange(40) / FPS
    a, b = walking_joints(times, 1), walking_joints(times, 2)
    truth = Motion(times, 640, 480, (person_at(1, np.arange(40), a), person_at(2, np.arange(40), b)))
    bystander = walking_joints(times, 3, speed=0)
    result = Motion(
        times, 640, 480,
        (person_at(5, np.arange(40), bystander), person_at(7, np.arange(40), b), person_at(9, np.arange(20), a[:20])),
    )  # fmt: skip
    scores = evaluate_motion(result, truth)
    assert [(p.truth, p.result) for p in scores.people] == [("1", 9), ("2", 7)]
    assert [p.measures["coverage"] for p in scores.people] == [0.5, 1]
    assert scores.total["coverage"] == pytest.approx(0.75)
    assert scores.total["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    one = evaluate_motion(result, truth, person=5)
    assert [p.result for p in one.people] == [5]
    assert one.total["mpjpe_mm"] > 50


def test_totals_weigh_people_by_their_frames():
    times = np.arange(40) / FPS
    a, b = walking_joints(times, 1), walking_joints(times, 2)
    truth = Motion(times, 640, 480, (person_at(1, np.arange(40), a), person_at(2, np.arange(40), b)))
    wrong = b[:10].copy()
    wrong[:, SMPL24.index("left_wrist"), 0] += 0.12
    result = Motion(times, 640, 480, (person_at(1, np.arange(40), a), person_at(2, np.arange(10), wrong)))
    assert evaluate_motion(result, truth).total["mpjpe_mm"] == pytest.approx(10 * 10 / 50)


def test_nobody_found_is_a_score_not_an_error():
    truth = make_truth()
    scores = evaluate_motion(Motion(truth.times, 640, 480), truth)
    assert scores.people[0].result is None
    assert scores.total["coverage"] == 0
    assert np.isnan(scores.total["mpjpe_mm"])
    assert scores.to_dict()["total"]["mpjpe_mm"] is None


# --- missing data ------------------------------------------------------------------------------------


def test_missing_joints_and_frames_of_the_truth_are_left_out():
    truth = truth_from_motion(make_truth(pose=False))
    (person,) = truth.people
    joints = person.joints.copy()
    joints[:, SMPL24.index("left_wrist")] = np.nan
    joints[5:10] = np.nan
    joints[12, SMPL24.index("left_hip")] = np.nan
    holes = Truth("holes", truth.times, (TruthPerson("1", person.names, joints=joints),))
    scores = evaluate_motion(make_truth(), holes)
    assert scores.people[0].truth_frames == 35
    assert scores.people[0].frames == 34  # without a hip there is no root to align at
    assert np.isnan(scores.people[0].joints["left_wrist"]["mpjpe_mm"])
    assert scores.total["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    assert np.isfinite(scores.total["acceleration_error_m_s2"])


def test_truth_with_fewer_joints_is_compared_on_those():
    full = truth_from_motion(make_truth(pose=False))
    (person,) = full.people
    keep = [SMPL24.index(n) for n in ("left_hip", "right_hip", "left_knee", "right_knee")]
    few = Truth("few", full.times, (TruthPerson("1", tuple(SMPL24.joints[k] for k in keep), person.joints[:, keep]),))
    scores = evaluate_motion(make_truth(), few)
    assert [pair.name for pair in scores.pairs] == ["left_hip", "right_hip", "left_knee", "right_knee"]
    assert any("compared without left_ankle" in note for note in scores.notes)
    two = Truth("two", full.times, (TruthPerson("1", ("left_hip", "right_hip"), person.joints[:, keep[:2]]),))
    with pytest.raises(UsageError, match="share too few joints"):
        evaluate_motion(make_truth(), two)
    with pytest.raises(UsageError, match="do not both have head, left_wrist"):
        evaluate_motion(make_truth(), few, joints=["left_hip", "head", "left_wrist"])
    no_hips = Truth("x", full.times, (TruthPerson("1", SMPL24.joints[4:10], person.joints[:, 4:10]),))
    with pytest.raises(UsageError, match="no hips to align among"):
        evaluate_motion(make_truth(), no_hips, joints="shared")


# --- the keypoint network's own 3D ------------------------------------------------------------------


def with_keypoints3d(truth, noise=0.0):
    (person,) = truth.people
    points = np.zeros((len(person), 33, 3))
    hips = person.joints[:, [1, 2]].mean(axis=1)
    for j, name in enumerate(BLAZEPOSE33.joints):
        if name in SMPL24:
            points[:, j] = person.joints[:, SMPL24.index(name)] - hips
    points += noise
    return truth.replace(people=(person.replace(keypoint_set="blazepose33", keypoints3d=points),))


def test_raw_network_points_use_the_same_code():
    truth = make_truth()
    result = with_keypoints3d(truth)
    scores = evaluate_motion(result, truth, source="keypoints3d")
    assert scores.total["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(scores.total["root_error_mm"])  # they have no place
    assert np.isnan(scores.total["rotation_error_deg"])
    in_world = evaluate_motion(result, truth, source="keypoints3d", frame="world")
    assert in_world.total["mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    with pytest.raises(UsageError, match="have no position"):
        evaluate_motion(result, truth, source="keypoints3d", align="none")
    with pytest.raises(UsageError, match="no person in this result has keypoints3d"):
        evaluate_motion(truth, truth, source="keypoints3d")


def test_two_sources_on_the_same_frames():
    truth = make_truth()
    result = with_keypoints3d(truth)
    (person,) = result.people
    points = person.keypoints3d.copy()
    points[10:20] = np.nan
    result = result.replace(people=(person.replace(keypoints3d=points),))
    body = evaluate_motion(result, truth, also_require=["keypoints3d"])
    raw = evaluate_motion(result, truth, source="keypoints3d", also_require=["body"])
    assert body.people[0].frames == raw.people[0].frames == 30


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"source": "mesh"}, "unknown source 'mesh'; known: body, keypoints3d"),
        ({"align": "pelvis"}, "`align` must be one of"),
        ({"frame": "sky"}, "unknown frame"),
        ({"joints": "arms"}, "`joints` must be limbs12, shared or"),
        ({"person": 9}, "no person 9"),
    ],
)
def test_wrong_options_are_reported(options, match):
    with pytest.raises(UsageError, match=match):
        evaluate_motion(make_truth(), make_truth(), **options)


def test_a_result_without_bodies_is_refused():
    tracked = Motion(np.arange(5) / 30, 640, 480, (Person(1, np.arange(5)),))
    truth = truth_from_motion(make_truth())
    camera_only = Truth("t", truth.times, (TruthPerson("1", SMPL24.joints, truth.people[0].joints),))
    with pytest.raises(UsageError, match="run the fit"):
        evaluate_motion(tracked, camera_only)


# --- the command -------------------------------------------------------------------------------------


def test_command_prints_tables_and_writes_json(tmp_path, capsys):
    truth = make_truth()
    result = with_keypoints3d(truth, noise=0.0)
    truth.save(tmp_path / "truth.pkl")
    result.save(tmp_path / "result.npz")
    argv = ["evaluate", "motion", str(tmp_path / "result.npz"), "--truth", str(tmp_path / "truth.pkl")]
    assert main([*argv, "--source", "body", "--source", "keypoints3d", "--json", str(tmp_path / "s.json")]) == 0
    shown = capsys.readouterr().out
    assert "PA-MPJPE, mm" in shown
    assert "left_wrist" in shown
    written = json.loads((tmp_path / "s.json").read_text())
    assert [each["source"] for each in written["scores"]] == ["body", "keypoints3d"]
    assert written["scores"][0]["total"]["mpjpe_mm"] == pytest.approx(0, abs=1e-6)
    assert written["scores"][0]["pairs"][0] == {
        "name": "left_shoulder", "result": "left_shoulder", "truth": "left_shoulder",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "match"),
    [
        (["--truth", "no.npz"], 3, "no.npz does not exist"),
        (["--truth", "TRUTH", "--camera", "cam_01"], 2, "--camera needs the calibration"),
        (["--truth", "TRUTH", "--joints", "left_hip,nose"], 2, "do not both have nose"),
        (["--truth", "TRUTH", "--offset", "50"], 2, "shift the truth with --offset"),
    ],
)
def test_command_errors_are_one_sentence(tmp_path, capsys, arguments, code, match):
    make_truth().save(tmp_path / "truth.pkl")
    arguments = [str(tmp_path / "truth.pkl") if a == "TRUTH" else a for a in arguments]
    assert main(["evaluate", "motion", str(tmp_path / "truth.pkl"), *arguments]) == code
    said = capsys.readouterr().err
    assert match in said
    assert said.count("\n") == 1
