"""Joint names of other systems in exported files: read by other programs' libraries, and read back exactly."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.commands._options import NAMES
from kinema.errors import UsageError
from kinema.formats import load_motion, save_motion
from kinema.formats.joint_names import all_joints, is_smpl
from kinema.formats.naming import NAMINGS
from kinema.skeleton import SMPL24

# As the systems' own documents spell them: UE4_Mannequin, UnityEngine.HumanBodyBones, VRM 1.0's humanoid.md, Mixamo.
KNOWN = {
    "smpl": {"left_hip": "left_hip", "pelvis": "pelvis", "right_wrist": "right_wrist"},
    "mixamo": {"left_hip": "mixamorig:LeftUpLeg", "left_foot": "mixamorig:LeftToeBase", "spine3": "mixamorig:Spine2",
               "right_elbow": "mixamorig:RightForeArm", "left_collar": "mixamorig:LeftShoulder"},
    "unreal": {"left_hip": "thigh_l", "left_foot": "ball_l", "spine3": "spine_03", "right_elbow": "lowerarm_r",
               "left_collar": "clavicle_l", "neck": "neck_01", "head": "head"},
    "unity": {"left_hip": "LeftUpperLeg", "left_foot": "LeftToes", "spine3": "UpperChest",
              "right_elbow": "RightLowerArm", "left_collar": "LeftShoulder"},
    "vrm": {"left_hip": "leftUpperLeg", "left_foot": "leftToes", "spine3": "upperChest",
            "right_elbow": "rightLowerArm", "left_collar": "leftShoulder", "left_hand": "leftMiddleProximal"},
}  # fmt: skip


def test_the_command_offers_every_table():
    assert tuple(NAMINGS) == NAMES
    assert set(KNOWN) == set(NAMINGS)


@pytest.mark.parametrize("naming", NAMINGS)
def test_tables_spell_names_as_their_systems_do(naming):
    names = dict(zip(SMPL24.joints, NAMINGS[naming], strict=True))
    assert {joint: names[joint] for joint in KNOWN[naming]} == KNOWN[naming]
    assert len(set(names.values())) == 24


@pytest.mark.parametrize("naming", NAMINGS)
def test_a_table_is_recognised_in_any_order_and_decoration(naming):
    rng = np.random.default_rng(5)
    order = rng.permutation(24)
    for decorated in (str, str.upper, "rig|{}".format, "{}_jnt".format, "Bob_{}".format):
        names = tuple(decorated(NAMINGS[naming][joint]) for joint in order)
        assert is_smpl(names) == (naming == "smpl")
        assert all_joints(names) == {SMPL24.joints[joint]: place for place, joint in enumerate(order)}
    assert all_joints(NAMINGS[naming][:-1]) is None
    assert all_joints((*NAMINGS[naming][:-1], "tail")) is None


@pytest.mark.parametrize("naming", NAMINGS)
def test_bvh_of_any_names_has_one_motion(walk, tmp_path, naming):
    path = save_motion(walk, tmp_path / "walk.bvh", units="cm", names=naming)
    (found,), person = load_motion(path).people, walk.people[0]
    plain = load_motion(save_motion(walk, tmp_path / "plain.bvh", units="cm")).people[0]
    np.testing.assert_array_equal(found.pose_world, plain.pose_world)
    np.testing.assert_array_equal(found.joints_world, plain.joints_world)
    np.testing.assert_allclose(found.joints_world, person.joints_world, atol=1e-5)


def test_another_skeleton_under_a_tables_names_is_retargeted(walk, tmp_path):
    """The rotations of a file are SMPL's only if its skeleton is: here the thighs are a fifth longer."""
    path = save_motion(walk, tmp_path / "walk.bvh", names="unreal")
    lines = path.read_text().splitlines()
    for place, line in enumerate(lines):
        if line.strip() in ("JOINT calf_l", "JOINT calf_r"):
            word, *offset = lines[place + 2].split()
            lines[place + 2] = f"{word} {' '.join(str(1.2 * float(value)) for value in offset)}"
    path.write_text("\n".join(lines) + "\n")
    assert "shape follows" in " ".join(load_motion(path).provenance[0].arguments["notes"])


@pytest.mark.parametrize("naming", NAMINGS)
def test_other_readers_of_bvh_find_the_names(walk, tmp_path, naming):
    pybvh = pytest.importorskip("pybvh")
    path = save_motion(walk, tmp_path / "walk.bvh", names=naming)
    file = pybvh.read_bvh_file(str(path))
    places = {node.name: place for place, node in enumerate(file.nodes)}
    assert set(NAMINGS[naming]) <= set(places)
    positions = file.node_positions()[:, [places[name] for name in NAMINGS[naming]]]
    np.testing.assert_allclose(positions, walk.people[0].joints_world, atol=2e-5)  # six decimals of metres and degrees


@pytest.mark.parametrize("naming", NAMINGS)
def test_bvhio_finds_the_names(walk, tmp_path, naming):
    bvhio = pytest.importorskip("bvhio")
    root = bvhio.readAsHierarchy(str(save_motion(walk, tmp_path / "walk.bvh", names=naming)))
    assert {joint.Name for joint, _, _ in root.layout()} >= set(NAMINGS[naming])
    root.loadPose(30)
    for joint, name in enumerate(NAMINGS[naming]):
        (found,) = [each for each, _, _ in root.layout() if each.Name == name]
        np.testing.assert_allclose(np.array(found.PositionWorld), walk.people[0].joints_world[30, joint], atol=1e-4)


@pytest.mark.parametrize("naming", NAMINGS)
def test_glb_has_the_names_at_its_joints(walk, tmp_path, naming):
    data = save_motion(walk, tmp_path / "walk.glb", names=naming).read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    header = json.loads(data[20 : 20 + length])
    (skin,) = header["skins"]
    assert tuple(header["nodes"][joint]["name"] for joint in skin["joints"]) == NAMINGS[naming]


@pytest.mark.parametrize("naming", NAMINGS)
def test_usd_has_the_names_as_identifiers(walk, tmp_path, naming):
    pytest.importorskip("pxr", reason="usd-core is not installed")
    from pxr import Usd, UsdSkel

    stage = Usd.Stage.Open(str(save_motion(walk, tmp_path / "walk.usda", names=naming)))
    skeleton = UsdSkel.Skeleton(stage.GetPrimAtPath("/motion/person_1/skeleton"))
    joints = list(skeleton.GetJointsAttr().Get())
    assert UsdSkel.Topology(joints).Validate()[0]
    assert [path.split("/")[-1] for path in joints] == [name.replace(":", "_") for name in NAMINGS[naming]]
    (animation,) = [prim for prim in stage.Traverse() if prim.IsA(UsdSkel.Animation)]
    assert list(UsdSkel.Animation(animation).GetJointsAttr().Get()) == joints


def test_unknown_names_are_refused(walk, tmp_path):
    with pytest.raises(UsageError, match="unknown joint names 'maya'; use one of smpl, mixamo"):
        save_motion(walk, tmp_path / "walk.bvh", names="maya")
    with pytest.raises(UsageError, match="trc files are written without names"):
        save_motion(walk, tmp_path / "walk.trc", names="vrm")


def test_the_commands_pass_names_on(walk, tmp_path, capsys):
    file = save_motion(walk, tmp_path / "walk.npz")
    for command in (["export", file, "--format", "bvh", "--out"], ["convert", file]):
        out = tmp_path / f"{command[0]}.bvh"
        assert main([*map(str, command), str(out), "--names", "unreal"]) == 0
        assert "ROOT pelvis\n" in out.read_text()
        assert "JOINT clavicle_l\n" in out.read_text()
    assert main(["export", str(file), "--format", "csv", "--names", "unreal"]) == 2
    assert "--names does not apply to csv files" in capsys.readouterr().err
