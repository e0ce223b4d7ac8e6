"""BVH: every position channel on the way to the pelvis counts, offsets mean what they do, units are told from legs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinema.__main__ import main
from kinema.errors import UsageError
from kinema.formats import load_motion, save_motion
from kinema.formats.report import Notes
from kinema.formats.units import metres_per_unit
from tests.helpers import foreign_skeletons as skeletons

EXACT = 0.003
"""Metres: the shape is found by least squares, so even the free body's own skeleton is off by a millimetre or two."""


def notes(motion):
    return " ".join(motion.provenance[0].arguments["notes"])


def worst(motion, person):
    """Largest distance of a joint from the truth, metres."""
    return float(np.max(np.linalg.norm(motion.people[0].joints_world - person.joints_world, axis=-1)))


def still(person):
    return np.tile(np.eye(3), (len(person), 1, 1)), np.zeros((len(person), 3))


def way(person):
    """A node on the ground that carries the way and the heading."""
    turn = Rotation.from_euler("y", np.linspace(0, 200, len(person)), degrees=True).as_matrix()
    return turn, person.transl_world * [1.0, 0.0, 1.0]


def scaled_lift(person):
    """A node that lies on its side and far from the person, as a studio's origin may."""
    turn = np.tile(Rotation.from_euler("xyz", [-90, 20, 5], degrees=True).as_matrix(), (len(person), 1, 1))
    return turn, np.tile([2.0, -0.5, 1.0], (len(person), 1))


ABOVE = {
    "a ground node that stands still": lambda person: [("Reference", *still(person))],
    "a ground node that carries the way": lambda person: [("Root", *way(person))],
    "a node that lies elsewhere": lambda person: [("Armature", *scaled_lift(person))],
    "three nodes": lambda person: [("World", *still(person)), ("Bip01", *scaled_lift(person)), ("COM", *way(person))],
}


@pytest.mark.parametrize("name", ABOVE)
@pytest.mark.parametrize("positions", [False, True], ids=["hips", "every joint"])
def test_nodes_above_the_pelvis_move_it(walk, body, tmp_path, name, positions):
    person = walk.people[0]
    path = skeletons.foreign_bvh(
        tmp_path / "a.bvh", body, person, skeletons.mixamo(), nodes=ABOVE[name](person), positions=positions
    )
    assert worst(load_motion(path), person) < EXACT


@pytest.mark.parametrize("nodes", [(), ("Reference",)], ids=["root", "below a node"])
def test_positions_relative_to_the_offset_are_told_by_the_floor(walk, body, tmp_path, nodes):
    """Pelvis positions that start at zero, its height in the OFFSET: replaced, the person would sink to the hips."""
    person = walk.people[0]
    height = float(person.joints_world[0, 0, 1])
    path = skeletons.foreign_bvh(
        tmp_path / "a.bvh", body, person, skeletons.mixamo(), offset=(0, height, 0),
        nodes=[(name, *still(person)) for name in nodes],
    )  # fmt: skip
    motion = load_motion(path)
    assert worst(motion, person) < EXACT
    assert "are relative to the offset" in notes(motion)


def test_an_offset_that_repeats_the_position_is_replaced(walk, body, tmp_path):
    """LAFAN1 and others store the first frame's position as the root's OFFSET."""
    person = walk.people[0]
    path = skeletons.foreign_bvh(tmp_path / "a.bvh", body, person, skeletons.mixamo())
    first = path.read_text().split("Frame Time:")[1].splitlines()[1].split()[:3]
    path.write_text(path.read_text().replace("OFFSET 0.000000 0.000000 0.000000", f"OFFSET {' '.join(first)}", 1))
    assert worst(load_motion(path), person) < EXACT


def test_positions_of_zero_below_the_pelvis_keep_the_bones(walk, body, tmp_path):
    """Programs that write positions relative to the offset give zeros to every joint that does not move."""
    person = walk.people[0]
    path = skeletons.foreign_bvh(tmp_path / "a.bvh", body, person, skeletons.mixamo(), positions=True)
    head, rows = path.read_text().split("Frame Time:")
    step, *rows = rows.splitlines()
    values = np.array([row.split() for row in rows], dtype=float)
    places = np.arange(values.shape[1]) // 3 % 2 == 0
    places[:3] = False
    values[:, places] = 0.0
    path.write_text("\n".join([f"{head}Frame Time:{step}", *(" ".join(map(str, row)) for row in values)]) + "\n")
    assert worst(load_motion(path), person) < EXACT


def test_a_joint_that_moves_in_its_parent_is_followed(walk, body, tmp_path):
    """The knee slides by up to 5 cm across the thigh: the thigh points at it."""
    person = walk.people[0]
    path = skeletons.foreign_bvh(tmp_path / "a.bvh", body, person, skeletons.mixamo(), positions=True)
    head, rows = path.read_text().split("Frame Time:")
    names = [line.split()[1] for line in head.splitlines() if line.split()[0] in ("ROOT", "JOINT")]
    step, *rows = rows.splitlines()
    values = np.array([row.split() for row in rows], dtype=float)
    slide = 5.0 * np.sin(np.linspace(0, 6, len(values)))
    values[:, 6 * names.index("mixamorig:LeftLeg") + 2] += slide
    path.write_text("\n".join([f"{head}Frame Time:{step}", *(" ".join(map(str, row)) for row in values)]) + "\n")
    motion = load_motion(path)
    assert "mixamorig:LeftLeg" in notes(motion)
    rotation, _ = body.chain(person.pose_world, person.betas[0], person.transl_world)
    knee = person.joints_world[:, 4] + rotation[:, 1] @ [0, 0, 0.01] * slide[:, None]
    found = motion.people[0].joints_world
    thigh, expected = found[:, 4] - found[:, 1], knee - person.joints_world[:, 1]
    cosine = np.sum(thigh * expected, axis=1) / np.linalg.norm(thigh, axis=1) / np.linalg.norm(expected, axis=1)
    assert np.degrees(np.arccos(cosine.min().clip(max=1))) < 0.5


UNITS = {
    "a man in metres": (0.85, 1.0, ""),
    "a tall man in metres": (1.0, 1.0, ""),
    "a woman in centimetres": (76.0, 0.01, "centimetres are assumed"),
    "millimetres": (820.0, 0.001, "millimetres"),
    "inches": (31.0, 0.0254, "inches"),
    "CMU": (14.5, 0.056444, "CMU's units"),
    "a child in metres": (0.55, 1.0, "child"),
    "a child in centimetres": (60.0, 0.01, "child"),
    "no unit": (21.7, 0.82 / 21.7, "fits no unit"),
    "tiny": (0.0082, 100.0, "fits no unit"),
    "between metres and CMU's": (2.6, 0.82 / 2.6, "fits no unit"),
}


@pytest.mark.parametrize("name", UNITS)
def test_units_are_those_in_which_the_legs_are_somebodys(name):
    length, unit, said = UNITS[name]
    found = Notes()
    assert metres_per_unit(length, found) == pytest.approx(unit)
    assert said in " ".join(found)
    assert bool(list(found)) == bool(said)


def test_a_skeleton_of_no_unit_is_scaled_to_an_adult(walk, body, tmp_path):
    person = walk.people[0]
    path = skeletons.foreign_bvh(tmp_path / "a.bvh", body, person, skeletons.mixamo(), scale=26.0)
    found = load_motion(path).people[0].joints_world
    legs = np.linalg.norm(np.diff(found[0, [1, 4, 7]], axis=0), axis=1).sum()
    assert legs == pytest.approx(0.82, abs=0.01)


def test_the_unit_may_be_given(walk, body, tmp_path):
    """A child of 0.6 times the size in inches, whose legs are an adult's in no unit."""
    person = walk.people[0]
    joints = 0.6 * body.rest_joints(person.betas[0])
    path = skeletons.foreign_bvh(tmp_path / "a.bvh", body, person, skeletons.mixamo(), joints=joints, scale=1 / 0.0254)
    (found,) = load_motion(path, units="in").people
    thigh = np.linalg.norm(found.joints_world[:, 4] - found.joints_world[:, 1], axis=1)
    np.testing.assert_allclose(thigh, np.linalg.norm(joints[4] - joints[1]), atol=0.01)
    with pytest.raises(UsageError, match="may be m, cm, mm, in"):
        load_motion(path, units="ft")
    with pytest.raises(UsageError, match="read without `units`"):
        load_motion(save_motion(walk, tmp_path / "a.npz"), units="cm")
    assert main(["convert", str(path), str(tmp_path / "b.npz"), "--source-units", "in"]) == 0
    np.testing.assert_allclose(load_motion(tmp_path / "b.npz").people[0].joints_world, found.joints_world, atol=1e-6)


def test_our_own_files_are_read_below_a_node(walk, tmp_path):
    """A program that imports one of Kinema's files and writes it again below an armature of its own."""
    path = save_motion(walk, tmp_path / "walk.bvh")
    text = path.read_text()
    text = text.replace("ROOT pelvis", "ROOT Armature\n{\nOFFSET 0 0 0\nCHANNELS 0\nJOINT pelvis", 1)
    path.write_text(text.replace("MOTION", "}\nMOTION", 1))
    assert worst(load_motion(path), walk.people[0]) < EXACT
