"""Marker files as truth: TRC and C3D of Kinema's own export and of others, axes, subjects, missing points, units."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.interpolate import interp1d
from scipy.signal import savgol_filter

from kinema import load
from kinema.__main__ import main
from kinema.errors import InputError, UsageError
from kinema.evaluation.joint_labels import known_joints
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.truth import Truth, TruthPerson, load_truth
from kinema.evaluation.upright import VERTICALS, body_axis, to_y_up
from kinema.formats import save_motion
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import LIMBS12, SMPL24
from kinema.synthetic.motions import procedural_motion
from tests.evaluation.test_truth_files import write_trc


@pytest.fixture(scope="module")
def walk(body):
    return procedural_motion(body, "demo").slice(0, 3)


def limbs(motion):
    """(T, 12, 3) in the y-up world."""
    (person,) = motion.people
    return person.joints_world[:, [SMPL24.index(name) for name in LIMBS12]]


@pytest.mark.parametrize("suffix", [".trc", ".c3d"])
def test_kinemas_own_markers_are_the_motion(walk, tmp_path, suffix):
    """Exported and compared with itself: only the file's rounding remains (TRC: micrometres; C3D: float32)."""
    save_motion(walk, tmp_path / f"walk{suffix}")
    total = evaluate_motion(walk, load_truth(tmp_path / f"walk{suffix}")).total
    assert total["coverage"] == 1
    assert total["mpjpe_mm"] < 0.002
    assert total["root_error_mm"] < 0.01
    assert total["jitter_ratio"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("up", VERTICALS)
def test_any_axis_may_be_up(walk, tmp_path, up):
    """Positions turned so that `up` is vertical come back upright; the heading is free."""
    turn = np.array([to_y_up(row, up) for row in np.eye(3)]).T  # file -> world
    assert np.linalg.det(turn) == pytest.approx(1)
    write_trc(tmp_path / "a.trc", limbs(walk) @ turn, names=LIMBS12, rate=walk.fps)
    truth = load_truth(tmp_path / "a.trc", up=up)
    assert not truth.notes
    assert evaluate_motion(walk, truth).total["mpjpe_mm"] < 0.001
    if up != "y":
        (note,) = load_truth(tmp_path / "a.trc").notes
        assert f"the body extends along {up}" in note
        assert "`up`" in note


def test_a_body_without_a_clear_axis_says_nothing():
    lying = np.zeros((4, 12, 3))
    assert body_axis(LIMBS12, lying) is None
    assert body_axis(("left_wrist", "right_wrist"), lying[:, :2]) is None
    assert body_axis(LIMBS12, np.full((4, 12, 3), np.nan)) is None


def test_an_unknown_axis_is_refused(tmp_path):
    write_trc(tmp_path / "a.trc", np.ones((3, 3, 3)))
    with pytest.raises(UsageError, match="`up` must be one of x, y, z, -x, -y, -z, found 'w'"):
        load_truth(tmp_path / "a.trc", up="w")


def test_subjects_are_people(walk, tmp_path):
    """Points of "Anna:" and "Ben:" are two people, each found in the result."""
    (person,) = walk.people
    beside = person.replace(id=2, joints_world=person.joints_world[::-1] * [1, 0.8, 0.8], pose_world=None)
    result = walk.replace(people=(person, beside))
    anna, ben = limbs(walk), limbs(walk.replace(people=(beside,)))
    names = [f"{who}:{name}" for who in ("Anna", "Ben") for name in LIMBS12]
    write_trc(tmp_path / "two.trc", np.concatenate([anna, ben], axis=1), names=names, rate=walk.fps)
    scores = evaluate_motion(result, load_truth(tmp_path / "two.trc"))
    assert [(each.truth, each.result) for each in scores.people] == [("Anna", 1), ("Ben", 2)]
    assert scores.total["mpjpe_mm"] < 0.001


def test_joint_centres_go_before_markers_of_the_same_name():
    names = ("LASI", "R.Knee", "RKJC", "LHJC", "RHJC", "LKJC", "LAJC", "RAJC", "LSJC", "RSJC")
    positions = np.arange(len(names), dtype=np.float64)[None, :, None] * np.ones((1, 1, 3))
    labels, kept = known_joints(names, positions)
    place = dict(zip(labels, kept[0, :, 0], strict=True))
    assert place["right_knee"] == names.index("RKJC")
    assert place["left_hip"] == names.index("LHJC")
    assert {"left_ankle", "right_shoulder"} <= set(labels)


def test_the_origin_and_blanks_are_missing_points(walk, tmp_path):
    """A wrist at (0,0,0) in 20 rows and blank in five: those are no positions, nothing else changes."""
    positions = limbs(walk)
    wrist = LIMBS12.index("left_wrist")
    positions[10:30, wrist] = 0
    write_trc(tmp_path / "a.trc", positions, names=LIMBS12, rate=walk.fps, empty={(i, wrist) for i in range(40, 45)})
    truth = load_truth(tmp_path / "a.trc")
    known = np.isfinite(truth.people[0].joints_world[:, truth.people[0].names.index("left_wrist")]).all(axis=-1)
    assert known.sum() == len(positions) - 25
    scores = evaluate_motion(walk, truth)
    assert scores.total["coverage"] == 1
    assert scores.total["mpjpe_mm"] < 0.001
    assert scores.total["acceleration_error_m_s2"] < 0.01


@pytest.mark.real
@pytest.mark.parametrize("name", ["trc_ok.trc", "trc_zero_is_missing.trc"])
def test_cases_agree_with_the_control(data_dir, name):
    """The same movement in a BVH and a TRC, on every frame, also where a wrist is away.

    Under 6 mm: the BVH has the bones of another body, with shorter arms, to which the free body comes that near.
    """
    cases = data_dir / "cases"
    if not (cases / name).exists():
        pytest.skip("no cases there")
    total = evaluate_motion(load(cases / "ok_mixamo_names.bvh"), load_truth(cases / name)).total
    assert total["coverage"] == 1
    assert total["mpjpe_mm"] < 6
    assert total["acceleration_error_m_s2"] < 0.08
    assert total["jitter_ratio"] == pytest.approx(1, abs=0.02)


@pytest.mark.real
def test_optical_markers_at_100_hz_and_a_video_at_60(data_dir):
    """The true movement, smoothed, at a video's times: the saw-tooth of the nearest rows alone was 13.6 m/s2."""
    truth = load_truth(data_dir / "gt" / "opencap_squats_marker_truth" / "truth_world.npz")
    (person,) = truth.people
    smooth = interp1d(truth.times, savgol_filter(person.joints_world, 15, 3, axis=0), axis=0, kind="cubic")
    times = np.arange(300) / 60
    joints = np.zeros((300, 24, 3))
    joints[:, [SMPL24.index(name) for name in person.names]] = smooth(times)
    result = Motion(times, 640, 480, (Person(1, np.arange(300), joints_world=joints),))
    total = evaluate_motion(result, truth, frame="world").total
    assert total["mpjpe_mm"] < 2
    assert total["acceleration_error_m_s2"] < 2.5


@pytest.mark.parametrize(("factor", "unit"), [(1000, "millimetres"), (100, "centimetres"), (1e-3, None)])
def test_a_wrong_unit_is_said_not_scored(walk, factor, unit):
    truth = Truth("t.npz", walk.times, (TruthPerson("1", LIMBS12, joints_world=limbs(walk) * factor),))
    with pytest.raises(InputError, match="impossible for a body in metres") as error:
        evaluate_motion(walk, truth)
    assert "the truth t.npz" in str(error.value)
    assert (unit is None) == ("its unit may be" not in str(error.value))
    assert unit is None or f"its unit may be {unit};" in str(error.value)


def test_rotations_alone_are_posed_on_a_body(walk, body):
    """A result, or a truth, without joints gets those of its own body: the same motion, no error."""
    (person,) = walk.people
    bare = walk.replace(people=(person.replace(joints=None, joints_world=None),))
    for pair in ((bare, walk), (walk, bare)):
        scores = evaluate_motion(*pair)
        assert scores.total["mpjpe_mm"] < 1e-3
        assert any("holds rotations and no joints; they are those of the free body" in note for note in scores.notes)
    other = bare.replace(body_model="smplx")
    assert any("set `body_model`" in note for note in evaluate_motion(other, walk).notes)
    assert not any("body_model" in note for note in evaluate_motion(other, walk, body=body).notes)


def write_npz(path, walk, **changes):
    content = {"joints": limbs(walk), "joint_names": list(LIMBS12), "fps": walk.fps, "frame": "world", **changes}
    np.savez(path, **content)


@pytest.mark.parametrize(
    ("changes", "code", "match"),
    [
        ({"joints": np.zeros((0, 12, 3))}, 3, "the truth t.npz has no rows"),
        ({"joints": np.full((60, 12, 3), np.nan)}, 3, "none of the joints of the truth t.npz is known"),
        ({"joint_names": [f"M{i}" for i in range(12)]}, 2, "share too few joints of those asked for (none;"),
        ({"fps": None, "times": np.r_[np.arange(59) / 30, 0.5]}, 3, "row 59 is at 0.5 s, after 1.93333 s"),
    ],
)
def test_bad_truth_is_one_sentence(walk, tmp_path, capsys, changes, code, match):
    joints = limbs(walk)[:60]
    write_npz(tmp_path / "t.npz", walk, **{"joints": joints, **changes})
    if "fps" in changes:
        np.savez(tmp_path / "t.npz", joints=joints, joint_names=list(LIMBS12), times=changes["times"], frame="world")
    walk.save(tmp_path / "walk.npz")
    assert main(["evaluate", "motion", str(tmp_path / "walk.npz"), "--truth", str(tmp_path / "t.npz")]) == code
    said = capsys.readouterr().err
    assert match in said
    assert said.count("\n") == 1


def test_command_shows_both_ways_of_being_wrong(walk, tmp_path, capsys):
    (person,) = walk.people
    middle = person.joints_world.mean(axis=1, keepdims=True)
    rng = np.random.default_rng(0)
    for name, joints, verdict in (
        ("shaky", person.joints_world + rng.normal(size=person.joints_world.shape) * 0.01, "shakier"),
        ("smooth", middle + (person.joints_world - middle).mean(axis=0) * 1.0, "smoother"),
        ("same", person.joints_world, "alike"),
    ):
        result = walk.replace(people=(person.replace(joints=None, joints_world=joints, pose_world=None),))
        result.save(tmp_path / "r.npz")
        write_npz(tmp_path / "t.npz", walk)
        argv = ["evaluate", "motion", str(tmp_path / "r.npz"), "--truth", str(tmp_path / "t.npz")]
        assert main([*argv, "--frame", "world", "--json", str(tmp_path / "s.json")]) == 0
        assert f"({verdict})" in capsys.readouterr().out, name
        ratio = json.loads((tmp_path / "s.json").read_text())["scores"][0]["total"]["jitter_ratio"]
        assert {"shakier": ratio > 1.25, "smoother": ratio < 0.8, "alike": 0.8 <= ratio <= 1.25}[verdict]
