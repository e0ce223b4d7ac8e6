"""Reading BVH: Kinema's own files exactly, other systems' retargeted, broken ones refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.formats import infer_format, load_motion, save_motion
from kinema.formats.joint_names import smpl_joints
from kinema.formats.joint_words import split_side
from kinema.formats.rest_pose import bone_alignment
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.skeleton import SMPL24
from tests.helpers import foreign_skeletons as skeletons

ZUP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def notes(motion):
    return " ".join(motion.provenance[0].arguments["notes"])


def degrees_apart(a, b):
    """(F,24) angles between the rotations of two poses."""
    return np.degrees(geodesic_angle(*(axis_angle_to_matrix(p.reshape(-1, 24, 3)) for p in (a, b))))


def test_own_files_round_trip(walk, tmp_path):
    path = save_motion(walk, tmp_path / "walk.bvh", units="cm")
    assert infer_format(path).name == "bvh"
    back, person = load_motion(path), walk.people[0]
    assert back.body_model == "free"
    np.testing.assert_allclose(back.times, walk.times, atol=1e-9)
    (found,) = back.people
    assert np.radians(np.max(degrees_apart(found.pose_world, person.pose_world))) < 1e-5
    np.testing.assert_allclose(found.joints_world, person.joints_world, atol=1e-5)
    np.testing.assert_allclose(found.transl_world, person.transl_world, atol=1e-4)
    np.testing.assert_allclose(found.betas, person.betas, atol=1e-2)


FOREIGN = {
    "mixamo": (skeletons.mixamo, {}),
    "mixamo, arms down": (skeletons.mixamo, {"rest": skeletons.astride()}),
    "cmu, legs astride, its unit": (skeletons.cmu, {"rest": skeletons.astride(0, 20), "scale": 1 / 0.056444}),
    "daz, inches": (skeletons.daz, {"scale": 1 / 0.0254, "order": "ZXY"}),
    "unreal, z up": (skeletons.unreal, {"world": ZUP, "rest": np.tile(ZUP, (24, 1, 1))}),
    "studio, resting along x": (skeletons.motionbuilder, {"rest": skeletons.lying_along_x(), "order": "YXZ"}),
    "metres, few joints": (
        skeletons.mixamo,
        {"scale": 1.0, "drop": ("spine1", "spine2", "left_hand", "right_hand", "left_foot", "right_foot")},
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_systems_skeletons_are_retargeted(walk, body, tmp_path, name):
    names, layout = FOREIGN[name]
    person = walk.people[0]
    path = skeletons.foreign_bvh(tmp_path / "other.bvh", body, person, names(), **layout)
    (found,) = load_motion(path).people
    # The shape is estimated from fifteen bone lengths, so joints may be off by a centimetre; a bit more for the head,
    # whose bone is not among them, and the toes, which follow the ankle if the file has none.
    off = np.linalg.norm(found.joints_world - person.joints_world, axis=-1)
    limbs = [j for j, joint in enumerate(SMPL24.joints) if joint.endswith(("hip", "knee", "ankle", "elbow", "wrist"))]
    assert np.max(off[:, limbs]) < 0.02
    assert np.max(off) < 0.04
    # Limb bones twist a little if their rest direction differs; the trunk is exact.
    apart = degrees_apart(found.pose_world, person.pose_world)
    assert np.max(apart[:, 0]) < 0.1
    knees = SMPL24.indices(["left_knee", "right_knee", "left_elbow", "right_elbow"])
    assert np.max(apart[:, knees]) < 6


def test_a_bone_with_the_opposite_rest_direction_is_rotated_by_half_a_turn(body):
    at_rest = body.rest_joints(np.zeros(10))
    joints = {name: index for index, name in enumerate(SMPL24.joints)}
    shoulder, elbow = SMPL24.indices(["left_shoulder", "left_elbow"])
    bone = at_rest[elbow] - at_rest[shoulder]
    rest = np.array(at_rest)
    rest[elbow] = rest[shoulder] - bone
    turn = bone_alignment(rest, joints, at_rest, np.eye(3))[shoulder]
    np.testing.assert_allclose(turn @ bone, -bone, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turn), 1, atol=1e-9)


def test_assumptions_are_noted(walk, body, tmp_path):
    path = skeletons.foreign_bvh(tmp_path / "a.bvh", body, walk.people[0], skeletons.mixamo(), drop=("left_foot",))
    noted = notes(load_motion(path))
    assert "centimetres are assumed" in noted
    assert "the file has no left_foot" in noted
    assert "shape follows the skeleton's bones" in noted


def test_missing_spine_joints_share_the_bend(walk, body, tmp_path):
    path = skeletons.foreign_bvh(
        tmp_path / "a.bvh", body, walk.people[0], skeletons.mixamo(), drop=("spine1", "spine2")
    )
    (found,) = load_motion(path).people
    joints = SMPL24.indices(("spine1", "spine2", "spine3"))
    bends = [np.linalg.norm(found.pose_world[:, 3 * j : 3 * j + 3], axis=1) for j in joints]
    np.testing.assert_allclose(bends[1:], [bends[0], bends[0]], atol=1e-9)


def test_a_mocap_bvh_converts_to_other_formats(walk, body, tmp_path):
    path = skeletons.foreign_bvh(tmp_path / "a.bvh", body, walk.people[0], skeletons.cmu(), fps=120)
    motion = load_motion(path)
    assert motion.fps == pytest.approx(120, abs=1e-3)
    back = load_motion(save_motion(motion, tmp_path / "a.npz"))
    np.testing.assert_allclose(back.people[0].joints_world, motion.people[0].joints_world)
    save_motion(motion, tmp_path / "a.glb")


@pytest.mark.parametrize(
    ("name", "side", "part"),
    [
        ("mixamorig:LeftUpLeg", "left", "upleg"),
        ("mixamorig1:RightHand", "right", "hand"),
        ("lThigh", "left", "thigh"),
        ("RHipJoint", "right", "hipjoint"),
        ("thigh.L", "left", "thigh"),
        ("lowerarm_r", "right", "lowerarm"),
        ("L_Calf", "left", "calf"),
        ("left_hip", "left", "hip"),
        ("Head", "", "head"),
        ("LowerBack", "", "lowerback"),
        ("ribs", "", "ribs"),
    ],
)
def test_sides_are_parsed_from_names(name, side, part):
    assert split_side(name) == (side, part)


def test_all_naming_conventions_are_recognised():
    for table in (skeletons.mixamo, skeletons.cmu, skeletons.daz, skeletons.unreal, skeletons.motionbuilder):
        names = tuple(table()[joint] for joint in SMPL24.joints)
        found = smpl_joints(names, np.array(SMPL24.parents))
        kept = [joint for joint in SMPL24.joints if not joint.endswith("_hand") and joint != "neck"]
        assert {joint: found.get(joint) for joint in kept} == {joint: SMPL24.index(joint) for joint in kept}


GOOD = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  End Site
  {
    OFFSET 0 1 0
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
0 1 0 0 0 0
0 1 0 0 0 5
"""


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("HIERARCHY", "HIERACHY"), "starts with HIERARCHY"),
        (("CHANNELS 6", "CHANNELS 5"), "CHANNELS must be followed by their number"),
        (("Zrotation", "Wrotation"), "CHANNELS may be"),
        (("Zrotation", "Xrotation"), "each once"),
        (("OFFSET 0 1 0", "OFFSET 0 1"), "2 values where 3"),
        (("Frames: 2", "Frames: -2"), "must be positive"),
        (("Frames: 2", "Frames: 1e300"), r"beyond 1e\+09"),
        (("Frame Time: 0.0333333", "Frame Time: -0.1"), "frame time must be positive"),
        (("0 1 0 0 0 0", "0 1 0 0 0"), "6 values where 1 are needed"),
        (("0 1 0 0 0 0", "0 1 0 0 0 0 0"), "7 values where 6 are needed"),
        ((GOOD[GOOD.index("Frames") :], ""), "ends after its skeleton; it holds no motion"),
        (("0 1 0 0 0 0\n0 1 0 0 0 5", "0 1"), "cut off before its first frame"),
        (("0 1 0 0 0 5", "0 1 0 0 0 nan"), "not finite"),
        (("0 1 0 0 0 5", "0 1 0 0 0 x"), "not a number"),
        (("End Site", "ROOT Second"), "one root"),
        (("}\nMOTION", "MOTION"), "last brace"),
        (("ROOT Hips", "ROOT Hips\nOFFSET 1 1 1"), "has no place here"),
        (("ROOT Hips", "ROOT Hips\nEnd Site\n{\nOFFSET 1 1 1\n}"), "'End' has no place here"),
        (("End Site\n", "End Site\n{\nEnd Site\n"), "'End' has no place here"),
        ((GOOD[9:], ""), "cut off"),
        (("x", "x"), "no joint has a known name for left_hip"),
    ],
)
def test_broken_files_are_refused_in_one_sentence(tmp_path, change, match):
    path = tmp_path / "broken.bvh"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(InputError, match=match) as error:
        load_motion(path)
    assert "\n" not in str(error.value)


def test_deep_nesting_and_many_joints_are_refused(tmp_path):
    path = tmp_path / "deep.bvh"
    path.write_text("HIERARCHY\nROOT a\n{\n" + "".join(f"JOINT j{i}\n{{\n" for i in range(5000)))
    with pytest.raises(InputError, match="nested more than"):
        load_motion(path)
    flat = "".join(f"JOINT j{i}\n{{\nOFFSET 0 0 0\n}}\n" for i in range(5000))
    path.write_text("HIERARCHY\nROOT a\n{\n" + flat + "}\n")
    with pytest.raises(InputError, match="more than 2000 joints"):
        load_motion(path)


@pytest.mark.parametrize("cut", [0.1, 0.3, 0.5, 0.9, 0.999])
def test_truncated_files_are_read_as_far_as_they_go(walk, tmp_path, cut):
    """What was cut off is said; a last row whose last number may be cut is left out."""
    text = save_motion(walk, tmp_path / "walk.bvh").read_text()
    first = text.index("Frame Time")
    first = text.index("\n", first) + 1
    path = tmp_path / "cut.bvh"
    path.write_text(text[: first + int(cut * (len(text) - first))])
    back = load_motion(path)
    assert 1 <= back.num_frames < walk.num_frames
    assert f"promises {walk.num_frames} frames and holds {back.num_frames}; it was cut off" in notes(back)
    whole = load_motion(tmp_path / "walk.bvh")
    np.testing.assert_allclose(
        back.people[0].joints_world, whole.people[0].joints_world[: back.num_frames], atol=1e-6
    )  # fmt: skip
    path.write_text(text[: int(cut * text.index("MOTION"))])
    with pytest.raises(InputError):
        load_motion(path)
