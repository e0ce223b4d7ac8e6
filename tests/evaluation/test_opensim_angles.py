"""Joint angles by OpenSim's definitions: known movements of SMPL, and `.mot` files as truth."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import kinema
from kinema.__main__ import main
from kinema.errors import UsageError
from kinema.evaluation.angle_scores import evaluate_angles
from kinema.evaluation.opensim_angles import (
    ANGLES,
    TRIPLES,
    from_three_turns,
    nearest_turns,
    opensim_angles,
    three_turns,
)
from kinema.formats.opensim_table import Coordinates
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import SMPL24

X, Y, Z = np.eye(3)
"""SMPL at rest: x to its left, y up, z forward."""


def posed(**joints):
    """(1, 72) the T-pose with joints turned by rotation vectors in degrees."""
    pose = np.zeros((1, 24, 3))
    for name, turn in joints.items():
        pose[0, SMPL24.index(name)] = np.radians(turn)
    return pose.reshape(1, 72)


def angles(**joints):
    return {name: float(np.degrees(value[0])) for name, value in opensim_angles(posed(**joints)).items()}


def test_the_t_pose_is_upright_with_arms_abducted_and_palms_down():
    found = angles()
    assert set(found) == set(ANGLES)
    expected = dict.fromkeys(ANGLES, 0.0) | {"arm_add_r": -90, "arm_add_l": -90, "pro_sup_r": 90, "pro_sup_l": 90}
    for name, value in expected.items():
        if not name.startswith(("arm_flex", "arm_rot")):  # not defined with the arm at 90 degrees
            assert found[name] == pytest.approx(value, abs=1e-5), name


@pytest.mark.parametrize(
    ("joint", "turn", "angle", "degrees", "moved", "way"),
    [
        # The thigh swings forward and the knee with it.
        ("right_hip", -40 * X, "hip_flexion_r", 40, "right_knee", Z),
        ("left_hip", -40 * X, "hip_flexion_l", 40, "left_knee", Z),
        # Towards the other leg.
        ("right_hip", 20 * Z, "hip_adduction_r", 20, "right_knee", X),
        ("left_hip", -20 * Z, "hip_adduction_l", 20, "left_knee", -X),
        # Toes inward: the right foot's to the person's left.
        ("right_hip", 30 * Y, "hip_rotation_r", 30, "right_foot", X),
        ("left_hip", -30 * Y, "hip_rotation_l", 30, "left_foot", -X),
        ("right_knee", 60 * X, "knee_angle_r", 60, "right_ankle", -Z),
        ("left_knee", 60 * X, "knee_angle_l", 60, "left_ankle", -Z),
        ("right_ankle", -20 * X, "ankle_angle_r", 20, "right_foot", Y),
        ("left_ankle", -20 * X, "ankle_angle_l", 20, "left_foot", Y),
        # Leaning back, to the right, and turning to the left.
        ("spine2", -25 * X, "lumbar_extension", 25, "head", -Z),
        ("spine1", 15 * Z, "lumbar_bending", 15, "head", -X),
        ("spine3", 30 * Y, "lumbar_rotation", 30, "right_shoulder", Z),
        ("right_elbow", 70 * Y, "elbow_flex_r", 70, "right_wrist", Z),
        ("left_elbow", -70 * Y, "elbow_flex_l", 70, "left_wrist", Z),
        ("pelvis", -20 * X, "pelvis_tilt", 20, "head", -Z),
        ("pelvis", 10 * Z, "pelvis_list", 10, "head", -X),
        ("pelvis", 50 * Y, "pelvis_rotation", 50, "right_hip", Z),
    ],
)
def test_one_turn_is_one_angle_and_moves_the_body_that_way(body, joint, turn, angle, degrees, moved, way):
    """The sign is checked twice: the angle's, and the direction in which the free body's joint goes."""
    found, rest = angles(**{joint: turn}), angles()
    assert found[angle] == pytest.approx(degrees, abs=1e-4)
    for name in ANGLES:
        if name != angle and not name.startswith(("arm_flex", "arm_rot")):
            assert found[name] == pytest.approx(rest[name], abs=1e-4), name
    where = SMPL24.index(moved)
    before, after = (
        body.joints(pose, np.zeros(10), np.zeros((1, 3)))[0, where] for pose in (posed(), posed(**{joint: turn}))
    )
    step = after - before
    assert step @ way > 0.02
    assert step @ way > 0.6 * np.abs(step).max()


@pytest.mark.parametrize(("side", "sign"), [("right", 1), ("left", -1)])
def test_a_hanging_arm_is_zero_and_swings_forward(body, side, sign):
    """Shoulders turned by 90 degrees about z hang at the side; from there 30 degrees forward, outward, inward."""
    letter = side[0]
    hang = Rotation.from_rotvec(np.radians(90) * sign * Z)

    def arm(turn):
        vector = np.degrees((Rotation.from_rotvec(np.radians(turn)) * hang).as_rotvec())
        found = angles(**{f"{side}_shoulder": vector})
        pose = posed(**{f"{side}_shoulder": vector})
        joints = body.joints(pose, np.zeros(10), np.zeros((1, 3)))[0]
        return found, joints[SMPL24.index(f"{side}_elbow")] - joints[SMPL24.index(f"{side}_shoulder")]

    found, along = arm([0, 0, 0])
    assert [found[f"{name}_{letter}"] for name in ("arm_flex", "arm_add", "arm_rot")] == pytest.approx(
        [0, 0, 0], abs=1e-4
    )
    assert along @ -Y > 0.97 * np.linalg.norm(along)
    found, along = arm(-30 * X)
    assert found[f"arm_flex_{letter}"] == pytest.approx(30, abs=1e-4)
    assert along @ Z > 0.1
    found, along = arm(-30 * sign * Z)
    assert found[f"arm_add_{letter}"] == pytest.approx(-30, abs=1e-4)
    assert along @ (-sign * X) > 0.1
    found, _ = arm(30 * sign * Y)
    assert found[f"arm_rot_{letter}"] == pytest.approx(30, abs=1e-4)


turns = st.tuples(*(st.floats(-3, 3) for _ in range(3)))


@settings(max_examples=60, deadline=None)
@given(made=turns, wanted=turns, side=st.sampled_from(["", "_l"]))
def test_turns_make_the_rotation_they_come_from(made, wanted, side):
    """R = Rz Rx Ry, as axis-angle rotations multiplied, with x and y mirrored on the left."""
    z, x, y = np.array(made) * ([1, -1, -1] if side else [1, 1, 1])
    product = Rotation.from_rotvec(z * Z) * Rotation.from_rotvec(x * X) * Rotation.from_rotvec(y * Y)
    made, wanted = np.array([made]), np.array([wanted])
    np.testing.assert_allclose(from_three_turns(made, side)[0], product.as_matrix(), atol=1e-12)
    again = nearest_turns(three_turns(product.as_matrix()[None], side), wanted)
    np.testing.assert_allclose(from_three_turns(again, side)[0], product.as_matrix(), atol=1e-6)
    if abs(np.cos(made[0, 1])) > 0.05:
        assert np.abs(again - wanted).sum() <= np.abs(made - wanted).sum() + 1e-6  # none is nearer than the nearest
        np.testing.assert_allclose(nearest_turns(again, made), made, atol=1e-5)


# --- .mot files --------------------------------------------------------------------------------------


def moving(times):
    """A motion whose hips, knees, arms and trunk swing, turned by a heading of its own."""
    pose = np.zeros((len(times), 24, 3))
    swing = np.sin(2 * np.pi * 0.7 * times) + 0.3 * np.sin(2 * np.pi * 0.31 * times)
    for name, turn in (
        ("left_hip", -0.5 * X + 0.1 * Z), ("right_hip", 0.4 * X + 0.1 * Y), ("left_knee", 0.4 * X),
        ("right_knee", 0.5 * X), ("left_ankle", 0.2 * X), ("right_ankle", -0.2 * X), ("spine1", 0.2 * Z),
        ("left_elbow", -0.5 * Y), ("right_elbow", 0.4 * Y + 0.2 * X),
    ):  # fmt: skip
        pose[:, SMPL24.index(name)] = swing[:, None] * turn
    pose[:, SMPL24.index("left_shoulder")] = -1.2 * Z + 0.3 * swing[:, None] * X
    pose[:, SMPL24.index("right_shoulder")] = 1.1 * Z + 0.3 * swing[:, None] * Y
    pose[:, 0] = (Rotation.from_rotvec(0.8 * Y) * Rotation.from_rotvec(0.1 * swing[:, None] * X)).as_rotvec()
    person = Person(1, np.arange(len(times)), pose_world=pose.reshape(len(times), 72))
    return Motion(times, 640, 480, (person,))


def turned(motion, angle):
    (person,) = motion.people
    pose = np.array(person.pose_world)
    pose[:, :3] = (Rotation.from_rotvec(angle * Y) * Rotation.from_rotvec(pose[:, :3])).as_rotvec()
    return motion.replace(people=(person.replace(pose_world=pose),))


def write_mot(path, motion, *, degrees=True, start=0.0, **changes):
    """The motion's own angles as OpenSim writes them. changes: columns to replace, None to leave out."""
    columns = {name: np.degrees(values) for name, values in opensim_angles(motion.people[0].pose_world).items()}
    columns |= {"pelvis_tx": np.linspace(0, 1, len(motion.times)), "mtp_angle_r": np.zeros(len(motion.times))}
    columns = {name: values for name, values in (columns | changes).items() if values is not None}
    factor = 1 if degrees else np.pi / 180
    lines = [
        "Coordinates", "version=1", f"nRows={len(motion.times)}", f"nColumns={len(columns) + 1}",
        f"inDegrees={'yes' if degrees else 'no'}", "endheader", "\t".join(["time", *columns]),
    ]  # fmt: skip
    for i, time in enumerate(motion.times + start):
        cells = [values[i] if "_t" in name[-3:-1] else values[i] * factor for name, values in columns.items()]
        lines.append("\t".join(f"{cell:.10f}" for cell in [time, *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("rate", "heading"), [(30, 0.0), (30, 2.5), (100, -1.0), (25, 0.4)])
def test_a_motions_own_angles_agree_at_any_rate_and_heading(tmp_path, rate, heading):
    """Interpolation from 25 rows a second costs up to 0.05 degrees."""
    truth = write_mot(tmp_path / "ik.mot", moving(np.arange(4 * rate + 1) / rate), start=7.0, degrees=rate != 30)
    scores = evaluate_angles(turned(moving(np.arange(120) / 30), heading), truth)
    assert scores.frames == 120
    assert scores.truth_interpolated == (rate != 30)
    assert len(scores.angles) >= 20
    for name, measures in scores.angles.items():
        assert measures["rmse_deg"] < 0.05, name
        assert measures["correlation"] > 0.999 or measures["rmse_deg"] < 1e-6, name
    assert scores.not_compared["pelvis_tx"] == "a length, not an angle"
    assert scores.not_compared["mtp_angle_r"] == "Kinema has no such angle"
    assert scores.not_compared["pro_sup_l"] == "it does not change in the truth"


def test_known_errors_are_measured_and_an_offset_is_kept_apart(tmp_path):
    motion = moving(np.arange(90) / 30)
    knee = np.degrees(opensim_angles(motion.people[0].pose_world)["knee_angle_r"])
    wave = 3 * (-1.0) ** np.arange(90)
    scores = evaluate_angles(motion, write_mot(tmp_path / "ik.mot", motion, knee_angle_r=knee + 10 + wave))
    found = scores.angles["knee_angle_r"]
    assert found["offset_deg"] == pytest.approx(-10, abs=1e-4)
    assert found["rmse_deg"] == pytest.approx(np.hypot(10, 3), abs=1e-4)
    assert found["rmse_without_offset_deg"] == pytest.approx(3, abs=1e-4)
    assert found["mean_error_deg"] == pytest.approx(10, abs=1e-4)
    assert scores.angles["knee_angle_l"]["rmse_deg"] < 1e-4


def test_knees_that_count_backwards_and_missing_columns(tmp_path):
    motion = moving(np.arange(90) / 30)
    own = {name: np.degrees(values) for name, values in opensim_angles(motion.people[0].pose_world).items()}
    bent = {name: np.abs(own[name]) for name in ("knee_angle_r", "knee_angle_l")}
    changes = {name: -values for name, values in bent.items()} | dict.fromkeys(("hip_rotation_r", "arm_flex_l"))
    scores = evaluate_angles(motion, write_mot(tmp_path / "ik.mot", motion, **changes))
    assert any("knee flexion as negative" in note for note in scores.notes)
    assert "hip_rotation_r" not in scores.angles
    assert scores.angles["hip_flexion_r"]["rmse_deg"] < 1e-4
    straight = evaluate_angles(motion, write_mot(tmp_path / "ik.mot", motion))
    assert not straight.notes


def test_angles_near_gimbal_lock_are_left_out(tmp_path):
    """With an arm at the height of the shoulder flexion and rotation cannot be told apart: that is no error."""
    motion = moving(np.arange(90) / 30)
    (person,) = motion.people
    pose = np.array(person.pose_world).reshape(90, 24, 3)
    pose[:, SMPL24.index("right_shoulder")] = 0.05 * np.sin(np.arange(90))[:, None] * X
    motion = motion.replace(people=(person.replace(pose_world=pose.reshape(90, 72)),))
    scores = evaluate_angles(motion, write_mot(tmp_path / "ik.mot", motion))
    assert scores.not_compared["arm_flex_r"] == "not defined or not known in any frame"


def test_the_offset_is_found_and_a_wrong_one_is_said(tmp_path):
    long = moving(np.arange(300) / 30)
    truth = write_mot(tmp_path / "ik.mot", long)
    clip = moving(np.arange(300) / 30).slice(3, 7)
    clip = clip.replace(times=clip.times - clip.times[0])
    scores = evaluate_angles(clip, truth, offset="auto")
    assert scores.total["rmse_deg"] < 0.2
    assert any("shifted by -3.0" in note for note in scores.notes)
    assert evaluate_angles(clip, truth, offset=-3.0).total["rmse_deg"] < 0.01
    with pytest.raises(UsageError, match=r"no frame of the result coincides with one of ik\.mot .*`offset`"):
        evaluate_angles(clip, truth, offset=60)


def test_what_cannot_be_compared_is_refused(tmp_path):
    motion = moving(np.arange(30) / 30)
    (person,) = motion.people
    with pytest.raises(UsageError, match="has no poses"):
        evaluate_angles(motion.replace(people=(Person(1, np.arange(30)),)), write_mot(tmp_path / "ik.mot", motion))
    strange = Coordinates(("x", "y"), motion.times, np.random.default_rng(0).normal(size=(30, 2)), np.zeros(2, bool))
    with pytest.raises(UsageError, match="has none of Kinema's angles"):
        evaluate_angles(motion, strange)
    in_camera = motion.replace(people=(person.replace(pose=person.pose_world, pose_world=None),))
    scores = evaluate_angles(in_camera, write_mot(tmp_path / "ik.mot", motion))
    assert scores.not_compared["pelvis_tilt"] == "the result is not placed in a world"
    assert scores.angles["knee_angle_l"]["rmse_deg"] < 1e-4


def test_the_command_prints_angles_and_names_what_is_missing(tmp_path, capsys):
    motion = moving(np.arange(60) / 30)
    write_mot(tmp_path / "ik.mot", motion)
    motion.save(tmp_path / "r.npz")
    argv = ["evaluate", "motion", str(tmp_path / "r.npz"), "--truth", str(tmp_path / "ik.mot")]
    assert main([*argv, "--json", str(tmp_path / "s.json")]) == 0
    shown = capsys.readouterr().out
    assert "hip_flexion_r" in shown
    assert "not compared: pelvis_tx (a length, not an angle)" in shown
    written = json.loads((tmp_path / "s.json").read_text())["angles"]
    assert written["angles"]["knee_angle_r"]["rmse_deg"] < 1e-3
    assert kinema.evaluate(motion, tmp_path / "ik.mot").angles["knee_angle_r"]["rmse_deg"] < 1e-3
    assert main([*argv, "--align", "none"]) == 2
    assert "--align applies to joints, and ik.mot holds joint angles; leave it out" in capsys.readouterr().err


@pytest.mark.real
def test_bodies_of_a_real_model_have_these_angles(data_dir):
    """OpenCap's scaled model on optical markers, five squats: its bodies' rotations, decomposed as here, are human.

    Knees and hips flex by over 90 degrees and agree on both sides within 10; nothing else turns the wrong way.
    """
    content = np.load(data_dir / "gt" / "opencap_squats_marker_truth" / "opensim_bodies.npz")
    names = list(content["bodies"])
    rotation = Rotation.from_euler("XYZ", content["rotation_xyz_rad"].reshape(-1, 3)).as_matrix()
    rotation = rotation.reshape(-1, len(names), 3, 3)

    def between(parent, child):
        return np.swapaxes(rotation[:, names.index(parent)], 1, 2) @ rotation[:, names.index(child)]

    for side in "rl":
        hip = np.degrees(three_turns(between("pelvis", f"femur_{side}"), f"_{side}"))
        knee = -np.degrees(three_turns(between(f"femur_{side}", f"tibia_{side}"), ""))
        assert 90 < hip[:, 0].max() < 120
        assert 90 < knee[:, 0].max() < 120
        assert np.abs(knee[:, 1:]).max() < 15  # a hinge about z
        assert np.corrcoef(hip[:, 0], knee[:, 0])[0, 1] > 0.95
    assert TRIPLES["hip_r"][0] == "hip_flexion_r"
