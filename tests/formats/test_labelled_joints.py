"""Marker files of labelled joints as motions: the pose is that of the points, whatever their names and the axes."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.errors import InputError
from kinema.formats import infer_format, load_motion, save_motion
from kinema.formats.csv_table import bend_angles
from kinema.formats.foreign import NOTES
from kinema.formats.opensim_table import read_coordinates
from kinema.formats.point_names import known_points
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.skeleton import SMPL24
from tests.helpers.marker_files import c3d_bytes, trc_text

HALPE = {
    "RHip": "right_hip", "RKnee": "right_knee", "RAnkle": "right_ankle", "RBigToe": "right_big_toe",
    "RSmallToe": "right_small_toe", "RHeel": "right_heel", "LHip": "left_hip", "LKnee": "left_knee",
    "LAnkle": "left_ankle", "LBigToe": "left_big_toe", "LSmallToe": "left_small_toe", "LHeel": "left_heel",
    "Neck": "neck", "Head": "head_top", "Nose": "nose", "RShoulder": "right_shoulder", "RElbow": "right_elbow",
    "RWrist": "right_wrist", "LShoulder": "left_shoulder", "LElbow": "left_elbow", "LWrist": "left_wrist",
}  # fmt: skip
"""Pose2Sim's names -> Kinema's."""

GAIT = {"HJC": "hip", "KJC": "knee", "AJC": "ankle", "SJC": "shoulder", "EJC": "elbow", "WJC": "wrist"}
AXES = {"y": lambda p: p[..., [2, 1, 0]] * [1, 1, -1], "z": lambda p: p[..., [2, 0, 1]]}
"""Kinema's world in axes with x forward: OpenSim's (y up) and a laboratory's (z up)."""


@pytest.fixture(scope="module")
def walked(walk, body):
    person = walk.people[0]
    pose, betas, transl = person.pose_world, person.betas, person.transl_world
    posed = np.moveaxis(body.posed_points("halpe26", pose, betas, transl), 1, 0)
    return person, dict(zip(body.points("halpe26").names, posed, strict=True))


def errors(read, person):
    return np.linalg.norm(read.joints_world - person.joints_world, axis=-1)


@pytest.mark.parametrize("suffix", ["trc", "c3d"])
def test_kinema_s_own_export_comes_back(suffix, walk, tmp_path):
    path = save_motion(walk, tmp_path / f"walk.{suffix}")
    assert infer_format(path).name == suffix
    read = load_motion(path)
    person, own = read.people[0], walk.people[0]
    assert errors(person, own).mean() < 0.0005
    assert errors(person, own).max() < 0.005
    turned = geodesic_angle(*(axis_angle_to_matrix(p.pose_world.reshape(-1, 24, 3)) for p in (person, own)))
    assert np.degrees(turned[:, 0]).mean() < 1  # the pelvis
    assert np.degrees(turned).mean() < 8  # the twist of a straight limb is not in its joints
    np.testing.assert_allclose(read.times, walk.times, atol=1e-6)


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("stated", ["y", "z", None])
def test_pose2sim_s_names_in_either_axes(up, stated, walked, tmp_path):
    person, points = walked
    placed = AXES[up](np.stack([points[name] for name in HALPE.values()], axis=1))
    path = tmp_path / "a.c3d"
    path.write_bytes(c3d_bytes(1000 * placed, tuple(HALPE), rate=30.0, up=f"+{stated.upper()}" if stated else "?"))
    motion = load_motion(path)
    found = errors(motion.people[0], person)
    assert found[:, SMPL24.indices(["left_knee", "right_wrist", "right_ankle", "left_shoulder"])].mean() < 0.008
    assert found.mean() < 0.015
    noted = " ".join(motion.data[NOTES])
    assert ("as up" in noted or "axis is up" in noted) == (stated != up)


@pytest.mark.parametrize("up", ["y", "z"])
def test_people_who_lie_keep_the_stated_vertical(up, walked, tmp_path):
    _, points = walked
    placed = np.stack([points[name] for name in HALPE.values()], axis=1)
    placed = placed[:20] - points["mid_hip"][:20, None]
    lying = placed[..., [0, 2, 1]] * [1, -1, 1]  # on the front, head towards z
    lying = lying - lying.min(axis=(0, 1)) * [0, 1, 0] + [0.0, 0.1, 3.0]
    path = tmp_path / "a.c3d"
    path.write_bytes(c3d_bytes(1000 * AXES[up](lying), tuple(HALPE), rate=30.0, up=f"+{up.upper()}"))
    heights = load_motion(path).people[0].joints_world[..., 1]
    assert heights.max() < 1.2
    assert not any("as up" in note for note in load_motion(path).data[NOTES])


def test_joint_centres_of_a_gait_model_among_its_markers(walked, tmp_path):
    person, points = walked
    names = {
        f"{side[0].upper()}{short}": f"{side}_{part}" for side in ("left", "right") for short, part in GAIT.items()
    }
    skin = {"LASI": "left_hip", "RASI": "right_hip", "L.Knee": "left_heel", "R.Ankle": "right_knee"}  # anywhere
    placed = AXES["z"](np.stack([points[name] for name in {**names, **skin}.values()], axis=1))
    path = tmp_path / "gait.c3d"
    path.write_bytes(c3d_bytes(1000 * placed, (*names, *skin), rate=30.0))
    found = errors(load_motion(path).people[0], person)
    assert found[:, SMPL24.indices(["left_knee", "right_wrist", "right_ankle", "left_shoulder"])].mean() < 0.006


@pytest.mark.parametrize("size", [0.6, 1.2])
@pytest.mark.parametrize(("unit", "scale"), [("m", 1), ("mm", 1000), ("m", 1000), ("mm", 1)])
def test_people_of_any_size_in_the_wrong_unit(size, unit, scale, walked, tmp_path):
    person, points = walked
    placed = np.stack([points[name] for name in HALPE.values()], axis=1) * size * scale
    path = tmp_path / "a.trc"
    path.write_text(trc_text(AXES["y"](placed[:20]), tuple(HALPE), rate=30.0, units=unit))
    motion = load_motion(path)
    apart = np.linalg.norm(motion.people[0].joints_world - size * person.joints_world[:20], axis=-1)
    assert apart.mean() < 0.02
    assert any("legs" in note for note in motion.data[NOTES]) == (scale != {"m": 1, "mm": 1000}[unit])


def test_two_subjects_are_two_people(walked, tmp_path):
    _, points = walked
    one = np.stack([points[name] for name in HALPE.values()], axis=1)
    both = np.concatenate([one, one + [2.0, 0, 0]], axis=1)
    both[:20, 21:] = 0  # the second one comes later
    names = [f"{who}:{name}" for who in ("ann", "bob") for name in HALPE]
    path = tmp_path / "two.trc"
    path.write_text(trc_text(AXES["y"](both), names, rate=30.0))
    motion = load_motion(path)
    assert [(each.id, len(each)) for each in motion] == [(1, 60), (2, 40)]
    apart = motion.people[1].joints_world - motion.people[0].joints_world[20:]
    np.testing.assert_allclose(apart, np.broadcast_to([2.0, 0, 0], apart.shape), atol=5e-3)


def test_a_point_that_is_missing_for_a_while_costs_only_itself(walked, tmp_path):
    person, points = walked
    placed = np.stack([points[name] for name in HALPE.values()], axis=1)
    placed[10:18, list(HALPE).index("LWrist")] = np.nan
    path = tmp_path / "a.trc"
    path.write_text(trc_text(AXES["y"](placed), tuple(HALPE), rate=30.0))
    motion = load_motion(path)
    found = errors(motion.people[0], person)
    others = [j for j in range(24) if SMPL24.joints[j] not in ("left_wrist", "left_hand", "left_elbow")]
    assert found[10:18, others].mean() < 0.015
    assert found[10:18, SMPL24.index("left_wrist")].mean() < 0.08
    assert any("left_wrist in 8 of 60" in note for note in motion.data[NOTES])


def test_limbs_do_not_spin_when_they_straighten(walked, tmp_path):
    """Points of a straight limb say nothing about its twist: noise of 3 mm must not decide it anew in every frame."""
    person, points = walked
    placed = np.stack([points[name] for name in HALPE.values()], axis=1)
    placed = placed + 0.003 * np.random.default_rng(3).normal(size=placed.shape)
    path = tmp_path / "a.trc"
    path.write_text(trc_text(AXES["y"](placed), tuple(HALPE), rate=30.0))
    turned = []
    for each in (load_motion(path).people[0], person):
        local = axis_angle_to_matrix(each.pose_world.reshape(-1, 24, 3))
        limbs = local[:, SMPL24.indices([f"{s}_{p}" for s in ("left", "right") for p in ("hip", "shoulder", "elbow")])]
        turned.append(np.degrees(geodesic_angle(limbs[1:], limbs[:-1])))
    assert turned[0].max() < turned[1].max() + 8
    assert np.percentile(turned[0], 99) < np.percentile(turned[1], 99) + 5


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (("LASI", "RASI", "LKNE", "RKNE", "LANK", "C7"), r"markers on the skin \(LASI, .*kinema evaluate motion"),
        (("R.ASIS", "R.Knee", "R.Ankle", "R.Shoulder"), "markers on the skin"),
        (("a", "b"), "no point has a known name for left_hip, .*its points are a, b"),
        (("LHip", "RHip", "LKnee"), "known name for right_knee, left_ankle"),
    ],
)
def test_what_is_no_set_of_joints_is_refused_in_a_sentence(labels, match, tmp_path, capsys):
    path = tmp_path / "a.trc"
    path.write_text(trc_text(np.ones((4, len(labels), 3)), labels))
    with pytest.raises(InputError, match=match):
        load_motion(path)
    assert main(["convert", str(path), str(tmp_path / "a.npz")]) == 3
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("label", "point"),
    [("LHJC", "left_hip"), ("r_knee", "right_knee"), ("ankle_l", "left_ankle"), ("Left Shoulder", "left_shoulder"),
     ("RightWrist", "right_wrist"), ("L.Heel", "left_heel"), ("l_hip_joint", "left_hip"), ("Hips", "mid_hip"),
     ("LToe", "left_big_toe"), ("R_Knee_Joint_Center", "right_knee"), ("Head", "head_top"), ("RTHI", None),
     ("R.Thigh", None), ("r_knee_study", None), ("Lamp", None)],
)  # fmt: skip
def test_names_of_points(label, point):
    assert list(known_points([label])[1]) == ([point] if point else [])


@pytest.mark.real
def test_the_joint_angles_of_real_markers_are_inverse_kinematics_own(data_dir):
    """OpenSim's angles of the same points (the elbows of Pose2Sim's model are bent by 12.6 degrees more throughout)."""
    folder = data_dir / "gt" / "balance_single"
    person = load_motion(folder / "Pose2Sim_markers.trc").people[0]
    truth = read_coordinates(folder / "Pose2Sim_motion.mot")
    bends = bend_angles(person.joints_world)
    for column, name, within in ((1, "knee_angle_l", 6), (3, "knee_angle_r", 4), (0, "elbow_flex_l", 15),
                                 (2, "elbow_flex_r", 15)):  # fmt: skip
        assert np.abs(bends[:, column] - truth.degrees(name)).mean() < within
        assert np.corrcoef(bends[:, column], truth.degrees(name))[0, 1] > 0.95


@pytest.mark.real
@pytest.mark.parametrize(("name", "within", "missing"), [("trc_ok", 0.006, 0), ("trc_zero_is_missing", 0.006, 40)])
def test_cases_of_other_people(data_dir, name, within, missing):
    """The same movement as a BVH; in the second file the left wrist is at the origin in forty rows.

    The bones of both are another body's, with shorter arms: each way to the free body's shape ends within 6 mm.
    """
    folder = data_dir / "cases"
    if not folder.is_dir():
        pytest.skip("the cases are not in this data folder")
    found = load_motion(folder / f"{name}.trc")
    truth = load_motion(folder / "ok_mixamo_names.bvh").people[0]
    apart = errors(found.people[0], truth)
    assert apart.mean() < within
    assert apart.max() < 0.03
    assert any(f"left_wrist in {missing} of 90" in note for note in found.data[NOTES]) == bool(missing)
