"""The joint names of other systems and what decorates them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.errors import InputError
from kinema.formats import load_motion
from kinema.formats.joint_names import smpl_joints
from kinema.skeleton import SMPL24
from tests.helpers.foreign_skeletons import foreign_bvh
from tests.helpers.skeleton_names import SYSTEMS

SPINE = {"spine1", "spine2", "spine3"}


def found_in(names, parents):
    """The joints found by name, and the pelvis; not the spine, which the hierarchy gives."""
    return {joint: index for joint, index in smpl_joints(names, parents).items() if joint not in SPINE}


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_joints_of_a_system_are_found_and_no_helper_bone(system):
    names, parents, expected = SYSTEMS[system].skeleton()
    found = found_in(names, parents)
    assert {joint: names[index] for joint, index in found.items()} == {
        joint: names[index] for joint, index in expected.items()
    }
    spine = [index for joint, index in sorted(smpl_joints(names, parents).items()) if joint in SPINE]
    assert spine == sorted(spine)
    assert not set(spine) & set(found.values())


WORDS = st.sampled_from(["hero", "Bob", "Take 001", "rigA", "x7", "skel2", "LOD0", "char"])
SEPARATORS = st.sampled_from(["_", ".", "-", " ", ":", "|"])


@settings(max_examples=150, deadline=None)
@given(
    system=st.sampled_from(sorted(SYSTEMS)),
    prefix=st.tuples(WORDS, SEPARATORS) | st.just(("", "")),
    suffix=st.tuples(st.sampled_from(["_", ".", " "]), st.sampled_from(["jnt", "Joint", "bind", "JNT", "hi", "v2"]))
    | st.just(("", "")),
    case=st.sampled_from([str, str.upper, str.lower]),
)
def test_decorations_that_all_names_share_change_nothing(system, prefix, suffix, case):
    names, parents, expected = SYSTEMS[system].skeleton()
    decorated = tuple("".join((*prefix, case(name), *suffix)) for name in names)
    found = found_in(decorated, parents)
    assert {joint: decorated[index] for joint, index in found.items()} == {
        joint: decorated[index] for joint, index in expected.items()
    }


@settings(max_examples=60, deadline=None)
@given(
    system=st.sampled_from(sorted(SYSTEMS)),
    helper=st.sampled_from(
        ["{}_end", "{}Nub", "ik_{}", "{}_IK", "ctrl_{}", "{}_ctrl", "{}Roll", "{}_twist", "{}_pole"]
    ),
    seed=st.integers(0, 999),
)
def test_helper_bones_are_never_joints_even_above_them(system, helper, seed):
    names, parents, expected = SYSTEMS[system].skeleton()
    rng = np.random.default_rng(seed)
    kept = list(expected.values())
    helpers = tuple(helper.format(names[joint]) for joint in rng.choice(kept, 6, replace=False))
    more = (*names, *helpers)
    found = found_in(more, np.r_[parents, np.zeros(len(helpers), dtype=int)])
    assert {joint: more[index] for joint, index in found.items() if joint != "pelvis"} == {
        joint: names[index] for joint, index in expected.items() if joint != "pelvis"
    }


def test_of_two_joints_of_a_name_the_one_in_the_limb_counts():
    names, parents, expected = SYSTEMS["lafan1"].skeleton()
    more = ("Root", "LeftFoot", "LeftForeArm", *names)
    above = np.r_[-1, 0, 0, np.where(parents < 0, 0, parents + 3)]
    found = found_in(more, above)
    assert found == {joint: index + 3 for joint, index in expected.items()}


def test_names_of_any_length_and_kind_are_only_unknown():
    names = ("_" * 10**6, "l" * 10**6 + "hip", "", ":", "|", "left", "l", "_l", "\0", "Ⅷ", "left_" * 10**5 + "hip")
    assert smpl_joints(names, np.full(len(names), -1)) == {"pelvis": 0}


def test_missing_joints_are_named_with_the_names_that_there_are(walk, body, tmp_path):
    names = {joint: f"bone{index:02}" for index, joint in enumerate(SMPL24.joints)} | {"left_hip": "LeftThigh"}
    path = foreign_bvh(tmp_path / "a.bvh", body, walk.people[0], names)
    with pytest.raises(
        InputError, match=r"known name for left_knee, .*its joints are bone00, LeftThigh, bone04"
    ) as error:
        load_motion(path)
    assert "left_hip" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.real
def test_names_with_a_suffix_have_the_motion_of_the_control(data_dir):
    files = [data_dir / "cases" / name for name in ("suffix_jnt.bvh", "ok_mixamo_names.bvh")]
    if not all(file.is_file() for file in files):
        pytest.skip(f"{files[0].parent} is not here")
    (found,), (control,) = (load_motion(file).people for file in files)
    np.testing.assert_allclose(found.joints_world, control.joints_world, atol=1e-9)  # the same numbers in both files
