"""A skeleton of other proportions and another rest pose, told as SMPL's pose, shape and way.

Joints are matched by name (`joint_names`). In a BVH a joint's rotation is relative to the file's rest pose; SMPL's is
relative to its T-pose. So the rotation of SMPL's joint in the world is G A: G, the foreign joint's rotation in the
world, and A, what takes the bone from SMPL's rest direction to the file's: a turn of the whole trunk, and beyond it the
shortest turn for each limb bone (legs that rest astride, arms that rest at an angle). Joints that the file lacks keep
still relative to their parent; those of the spine share the bend evenly.

The free body takes the shape whose bones have the file's lengths, as near as ten numbers can, and the middle of its
hips goes where the file's is. A file with SMPL's 24 joints has SMPL's own rest pose: its rotations are taken as they
are.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.body import BodyModel
from kinema.body.kinematics import forward_kinematics
from kinema.errors import InputError
from kinema.formats.bvh_parsing import BvhFile
from kinema.formats.foreign import ZUP_FROM_YUP
from kinema.formats.joint_names import REQUIRED, is_smpl, smpl_joints
from kinema.formats.report import Notes
from kinema.geometry.rotations import matrix_to_axis_angle, shortest_rotation
from kinema.skeleton import NUM_BETAS, NUM_POSE, SMPL24

UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001, "inches": 0.0254, "CMU's units": 0.056444}
"""Units in which files are seen, in metres. CMU's conversions count in 0.45ths of an inch, 5.64 cm."""

LEGS = (0.55, 1.15)
"""Metres from hip to ankle between which a unit is believed."""

_LIMBS = {
    **{f"{side}_{a}": f"{side}_{b}" for side in ("left", "right")
       for a, b in (("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"), ("shoulder", "elbow"), ("elbow", "wrist"))},
}  # fmt: skip
_BONES = (*_LIMBS.items(), ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"), ("pelvis", "neck"))
_PARENTS = SMPL24.parents or ()
STANDING = -0.7
"""Cosine between trunk and legs at rest, at most: they point apart in a standing person."""

CHUNK = 1024
"""Frames that are worked on at once."""

_BONE_NOISE, _SHAPE_RANGE = 0.01, 2.0


@dataclass(frozen=True, eq=False)
class Retargeted:
    """pose (F,72) and transl (F,3) in the y-up world; betas (10,) of the body."""

    pose: np.ndarray
    transl: np.ndarray
    betas: np.ndarray


def retarget(file: BvhFile, body: BodyModel, what: str, notes: Notes) -> Retargeted:
    """The motion of a BVH on `body`. Raises InputError: joints missing, a rest pose that is no standing person's."""
    joints = smpl_joints(file.names, file.parents)
    missing = [name for name in REQUIRED if name not in joints]
    if missing:
        raise InputError(f"{what}: no joint is known by its name as {', '.join(missing)}; it has {_some(file.names)}")
    if moves := file.moves():
        notes.add(f"the places of {_some(tuple(moves))} move against their parents; that was left out")
    if file.offsets[0].any():
        notes.add("the root's offset was left out: its position channels are taken as its place")
    unit = _unit(file.rest(), joints, notes)
    rest = file.rest() * unit
    trunk = _trunk(rest, joints, what)
    upright = _upright(file, trunk, notes)
    own = is_smpl(file.names)
    betas = _shape_of_offsets(rest, joints, body, notes) if own else _shape_of_bones(rest, joints, body, notes)
    at_rest = body.rest_joints(betas)
    aligned = np.tile(np.eye(3), (24, 1, 1)) if own else bone_alignment(rest, joints, at_rest, trunk)
    hips = SMPL24.indices(["left_hip", "right_hip"])
    foreign_hips = [joints["left_hip"], joints["right_hip"]]
    pose, pelvis = np.empty((len(file), NUM_POSE)), np.empty((len(file), 3))
    for start in range(0, len(file), CHUNK):
        rows = slice(start, start + CHUNK)
        world, places = _chain(file, rows)
        turned = upright @ _turned(world, joints, aligned)
        local = turned.copy()
        local[:, 1:] = np.swapaxes(turned[:, body.parents[1:]], -1, -2) @ turned[:, 1:]
        pose[rows] = matrix_to_axis_angle(local).reshape(len(local), NUM_POSE)
        if own:
            pelvis[rows] = places[:, 0] @ upright.T * unit
        else:
            middle = places[:, foreign_hips].mean(axis=1) @ upright.T * unit
            pelvis[rows] = middle - turned[:, 0] @ (at_rest[hips].mean(axis=0) - at_rest[0])
    absent = [name for name in SMPL24.joints if name not in joints and not name.endswith("_hand")]
    if absent:
        notes.add(f"the file has no {', '.join(absent)}; they follow their neighbours")
    return Retargeted(pose=pose, transl=pelvis - at_rest[0], betas=betas)


def _chain(file: BvhFile, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (n,J,3,3) and places (n,J,3) of all joints in the world of the file, in its units."""
    rotations = np.stack([file.rotation(joint, rows) for joint in range(len(file.names))], axis=1)
    return forward_kinematics(rotations, file.offsets, file.parents, file.root(rows))


def _trunk(rest: np.ndarray, joints: dict[str, int], what: str) -> np.ndarray:
    """(3,3) that turns SMPL's rest pose (left +x, up +y, forward +z) to face and stand as the file's does.

    Its axes are the file's, since people rest along them; a spine that leans a little is another anatomy, no lean.
    """
    hips, shoulders, ankles = (
        rest[[joints[f"left_{part}"], joints[f"right_{part}"]]].mean(axis=0) for part in ("hip", "shoulder", "ankle")
    )
    trunk, legs = shoulders - hips, ankles - hips
    cosine = float(trunk @ legs) / max(float(np.linalg.norm(trunk) * np.linalg.norm(legs)), 1e-12)
    up = _nearest_axis(trunk)
    left = _nearest_axis((rest[joints["left_hip"]] - rest[joints["right_hip"]]) * (up == 0))
    if cosine > STANDING or not left.any():
        raise InputError(
            f"{what}: with all rotations zero its skeleton is no standing person; give it such a rest pose first,"
            " for example in Blender"
        )
    return np.stack([left, up, np.cross(left, up)], axis=1)


def _nearest_axis(vector: np.ndarray) -> np.ndarray:
    """(3,) the axis, with its sign, that lies nearest to a vector; zero for the zero vector."""
    axis = np.zeros(3)
    largest = int(np.argmax(np.abs(vector)))
    axis[largest] = np.sign(vector[largest])
    return axis


def _upright(file: BvhFile, trunk: np.ndarray, notes: Notes) -> np.ndarray:
    """(3,3) that turns the file's world y-up: it is y-up or z-up, as people's trunks point in it on the whole.

    Where that says little (people who lie about), the rest pose decides.
    """
    mean = np.mean(file.rotation(0) @ trunk[:, 1], axis=0)
    votes = mean[1:] + 0.5 * trunk[1:, 1]
    if votes[0] >= votes[1]:
        return np.eye(3)
    notes.add("the file's world is z-up and was turned y-up")
    return ZUP_FROM_YUP.T


def _unit(rest: np.ndarray, joints: dict[str, int], notes: Notes) -> float:
    """Metres in one of the file's units, by the length of the legs, since a BVH does not say."""
    legs = []
    for side in ("left", "right"):
        hip, knee, ankle = (rest[joints[f"{side}_{part}"]] for part in ("hip", "knee", "ankle"))
        legs.append(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    length = float(np.mean(legs))
    if not length > 0:
        raise InputError("the skeleton's legs have no length")
    for name, unit in UNITS.items():
        if LEGS[0] <= length * unit <= LEGS[1]:
            if unit != 1:
                notes.add(f"a BVH does not say its unit; the legs are {length:.4g} long, so {name} are assumed")
            return unit
    notes.add(f"the legs are {length:.4g} long, which fits no unit; the skeleton was scaled to legs of 0.82 m")
    return 0.82 / length


def bone_alignment(rest: np.ndarray, joints: dict[str, int], at_rest: np.ndarray, trunk: np.ndarray) -> np.ndarray:
    """(24,3,3) what turns each of SMPL's bones from its rest direction to the file's."""
    aligned = np.empty((24, 3, 3))
    for index, name in enumerate(SMPL24.joints):
        if name in _LIMBS and name in joints and _LIMBS[name] in joints:
            bone = rest[joints[_LIMBS[name]]] - rest[joints[name]]
            own = at_rest[SMPL24.index(_LIMBS[name])] - at_rest[index]
            aligned[index] = shortest_rotation(trunk @ own, bone) @ trunk
        elif name.endswith(("_wrist", "_hand", "_foot")):  # straight on where the file's is
            aligned[index] = aligned[_PARENTS[index]]
        else:
            aligned[index] = trunk
    return aligned


def _turned(world: np.ndarray, joints: dict[str, int], aligned: np.ndarray) -> np.ndarray:
    """(n,24,3,3) rotations of SMPL's joints in the world of the file."""
    turned = np.empty((len(world), 24, 3, 3))
    for index, name in enumerate(SMPL24.joints):
        if name in joints:
            turned[:, index] = world[:, joints[name]] @ aligned[index]
        else:
            turned[:, index] = turned[:, _PARENTS[index]]
    _share_bend(turned, joints)
    return turned


def _share_bend(turned: np.ndarray, joints: dict[str, int]) -> None:
    """Give spine joints that the file lacks their part of the turn between pelvis and chest, in place."""
    spine = ["pelvis", "spine1", "spine2", "spine3"]
    if "spine3" not in joints or all(name in joints for name in spine):
        return
    known = [i for i, name in enumerate(spine) if name in joints]
    for before, after in itertools.pairwise(known):
        for between in range(before + 1, after):
            part = (between - before) / (after - before)
            a, b = (SMPL24.index(spine[i]) for i in (before, after))
            relative = Rotation.from_matrix(np.swapaxes(turned[:, a], -1, -2) @ turned[:, b]).as_rotvec()
            turned[:, SMPL24.index(spine[between])] = turned[:, a] @ Rotation.from_rotvec(part * relative).as_matrix()


def _shape_of_offsets(rest: np.ndarray, joints: dict[str, int], body: BodyModel, notes: Notes) -> np.ndarray:
    """(10,) the shape whose joints at rest are the file's: exact where the file was made from this body."""
    places = rest[[joints[name] for name in SMPL24.joints]]
    template = body.J_template - body.J_template[0]
    dirs = body.J_shapedirs - body.J_shapedirs[0]
    wanted = (places - places[0] - template).ravel()
    betas = np.linalg.lstsq(dirs.reshape(-1, NUM_BETAS), wanted, rcond=None)[0]
    off = float(np.max(np.abs(dirs.reshape(-1, NUM_BETAS) @ betas - wanted)))
    if off > 1e-3:
        betas = _shape_of_bones(rest, joints, body, notes)
    return betas


def _shape_of_bones(rest: np.ndarray, joints: dict[str, int], body: BodyModel, notes: Notes) -> np.ndarray:
    """(10,) the shape whose bones are as long as the file's, with a centimetre of doubt, average elsewhere."""
    from scipy.optimize import least_squares  # here, since every reading of a motion file passes by this module

    bones = [(a, b) for a, b in _BONES if a in joints and b in joints]
    wanted = np.array([np.linalg.norm(rest[joints[b]] - rest[joints[a]]) for a, b in bones])
    first, last = SMPL24.indices([a for a, _ in bones]), SMPL24.indices([b for _, b in bones])

    def off(betas: np.ndarray) -> np.ndarray:
        places = body.rest_joints(betas)
        return np.asarray(np.linalg.norm(places[last] - places[first], axis=1) - wanted)

    found = least_squares(lambda betas: np.r_[off(betas) / _BONE_NOISE, betas / _SHAPE_RANGE], np.zeros(NUM_BETAS))
    worst = int(np.argmax(np.abs(off(found.x))))
    notes.add(
        f"the free body's shape follows the skeleton's bones (worst: {bones[worst][0]} to {bones[worst][1]},"
        f" {1000 * off(found.x)[worst]:+.0f} mm)"
    )
    return np.asarray(found.x)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
