"""Joint sets: names, trees, sides, mappings."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.person import Person
from kinema.skeleton import (
    CONTACT_POINTS,
    JOINT_SETS,
    LIMBS12,
    SMPL24,
    SPIN49,
    JointSet,
    joint_set,
    mirrored,
)

SETS = [pytest.param(s, id=s.name) for s in JOINT_SETS.values()]
COUNTS = {
    "smpl24": 24, "coco17": 17, "halpe26": 26, "h36m17": 17, "blazepose33": 33, "openpose25": 25, "spin49": 49,
    "fused59": 59,
}  # fmt: skip


def test_every_set_has_the_count_in_its_name():
    assert {name: len(JOINT_SETS[name]) for name in COUNTS} == COUNTS


@pytest.mark.parametrize("joints", SETS)
def test_names_are_unique_and_found(joints):
    assert len(set(joints.joints)) == len(joints)
    assert [joints.index(name) for name in joints.joints] == list(range(len(joints)))
    assert joints.indices(joints.joints[::-1]).tolist() == list(range(len(joints)))[::-1]
    assert all(name in joints for name in joints.joints)
    assert "tail" not in joints
    assert joint_set(joints.name) is joints
    with pytest.raises(UsageError, match=rf"joint set {joints.name} has no joint 'tail'; it has {joints.joints[0]}"):
        joints.index("tail")


@pytest.mark.parametrize("joints", SETS)
def test_mirror_exchanges_the_sides(joints):
    mirror = joints.mirror
    assert (mirror[mirror] == range(len(joints))).all()
    for i, name in enumerate(joints.joints):
        other = joints.joints[mirror[i]]
        assert other == mirrored(name)
        lateral = name.startswith(("left_", "right_"))
        assert (mirror[i] != i) == lateral
        assert ("left" in name or "right" in name) == lateral, "a lateral name must start with its side"


@pytest.mark.parametrize("joints", SETS)
def test_trees_have_one_root_and_parents_first(joints):
    if joints.parents is None:
        assert all(a in joints and b in joints for a, b in joints.links)
        return
    assert len(joints.parents) == len(joints)
    assert joints.parents[0] == -1
    assert all(0 <= parent < i for i, parent in enumerate(joints.parents) if i)
    assert len(joints.edges) == len(joints) - 1


@pytest.mark.parametrize("joints", SETS)
def test_trees_and_drawings_are_symmetric(joints):
    edges = {frozenset(edge) for edge in joints.edges}
    assert edges == {frozenset((int(joints.mirror[a]), int(joints.mirror[b]))) for a, b in joints.edges}


def test_smpl_order():
    """Facts of SMPL's own kinematic tree that poses depend on."""
    facts = {0: "pelvis", 1: "left_hip", 2: "right_hip", 12: "neck", 15: "head", 16: "left_shoulder", 23: "right_hand"}
    assert {i: SMPL24.joints[i] for i in facts} == facts
    assert SMPL24.parents == (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)


def test_spin49_begins_with_openpose25():
    assert SPIN49.joints[:25] == JOINT_SETS["openpose25"].joints


def test_limbs_are_in_the_common_sets():
    for name in ("smpl24", "coco17", "halpe26", "h36m17", "blazepose33", "openpose25"):
        assert all(limb in JOINT_SETS[name] for limb in LIMBS12), name


def test_edges_without_tree_or_links():
    assert JointSet("a", ("x", "y")).edges == ()


def test_unknown_set():
    with pytest.raises(UsageError, match="unknown joint set 'coco18'; known: smpl24, coco17"):
        joint_set("coco18")


def test_body25_is_a_second_name_of_openpose25():
    assert joint_set("body25") is JOINT_SETS["openpose25"]
    person = Person(1, [0], keypoint_set="body25", keypoints=np.zeros((1, 25, 2)), keypoint3d_set="body25")
    assert (person.keypoint_set, person.keypoint3d_set) == ("openpose25", "openpose25")
    with pytest.raises(UsageError, match="body25"):
        joint_set("body26")


def test_halpe_begins_with_coco_and_shares_its_names():
    halpe = JOINT_SETS["halpe26"]
    assert halpe.joints[:17] == JOINT_SETS["coco17"].joints
    assert [halpe.index(n) for n in ("head_top", "neck", "mid_hip", "left_big_toe", "right_heel")] == [
        17,
        18,
        19,
        20,
        25,
    ]
    assert all(name in JOINT_SETS["openpose25"] for name in halpe.joints if name != "head_top")


def test_contact_points_come_left_first():
    assert CONTACT_POINTS == ("left_heel", "left_toe", "right_heel", "right_toe")
