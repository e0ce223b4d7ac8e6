"""Retargeting a skeleton of other proportions and another rest pose to SMPL's pose, shape and translation.

Joints are matched by name (`joint_names`). In a BVH a joint's rotation is relative to the file's rest pose; SMPL's is
relative to its T-pose. So the rotation of an SMPL joint in the world is G A: G is the foreign joint's rotation in the
world, A takes the bone from SMPL's rest direction to the file's: one rotation for the whole trunk, followed by the
shortest rotation for each limb bone (legs that rest apart, arms that rest at an angle). Joints that the file lacks do
not move relative to their parent; those of the spine share its bend evenly.

The free body gets the shape whose bones match the file's lengths best, and the centre of its hips is placed at the
file's. A file with SMPL's 24 joints has SMPL's own rest pose: its rotations are taken unchanged.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.body import BodyModel
from kinema.body.kinematics import forward_kinematics
from kinema.errors import InputError, quoted
from kinema.formats.bvh_parsing import BvhFile
from kinema.formats.foreign import ZUP_FROM_YUP
from kinema.formats.joint_names import REQUIRED, is_smpl, smpl_joints
from kinema.formats.report import Notes
from kinema.geometry.rotations import matrix_to_axis_angle, shortest_rotation
from kinema.skeleton import NUM_BETAS, NUM_POSE, SMPL24

UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001, "inches": 0.0254, "CMU's units": 0.056444}
"""Units found in files, in metres. CMU's conversions use units of 1/0.45 inch, 5.64 cm."""

LEG_LENGTHS = (0.55, 1.15)
"""Range of plausible leg lengths, hip to ankle, metres: it decides the unit."""

_LIMBS = {
    **{f"{side}_{a}": f"{side}_{b}" for side in ("left", "right")
       for a, b in (("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"), ("shoulder", "elbow"), ("elbow", "wrist"))},
}  # fmt: skip
_BONES = (*_LIMBS.items(), ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"), ("pelvis", "neck"))
_PARENTS = SMPL24.parents or ()
STANDING = -0.7
"""Largest cosine between trunk and legs at rest: they point in opposite directions in a standing person."""

CHUNK = 1024
"""Frames processed at once."""

_USUAL_JOINTS = 100
"""Skeletons with more joints are processed in smaller parts."""

_BONE_NOISE, _SHAPE_RANGE = 0.01, 2.0


@dataclass(frozen=True, eq=False)
class Retargeted:
    """pose (F,72) axis-angle and transl (F,3) metres in the y-up world; betas (10,) of the body."""

    pose: np.ndarray
    transl: np.ndarray
    betas: np.ndarray


def retarget(file: BvhFile, body: BodyModel, what: str, notes: Notes) -> Retargeted:
    """The motion of a BVH on `body`. Raises InputError: joints missing, or no standing person at rest."""
    joints = smpl_joints(file.names, file.parents)
    missing = [name for name in REQUIRED if name not in joints]
    if missing:
        raise InputError(
            f"{what}: no joint has a known name for {', '.join(missing)}; its joints are {_listed(file.names)}"
        )
    if moving := file.moving_joints():
        notes.add(f"{_listed(tuple(moving))} move relative to their parents; that was left out")
    if file.offsets[0].any():
        notes.add("the root's offset was left out: its position channels are taken as its position")
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
    step = max(1, min(CHUNK, CHUNK * _USUAL_JOINTS // len(file.names)))
    for start in range(0, len(file), step):
        rows = slice(start, start + step)
        world, positions = _posed(file, rows)
        rotations = upright @ _smpl_rotations(world, joints, aligned)
        local = rotations.copy()
        local[:, 1:] = np.swapaxes(rotations[:, body.parents[1:]], -1, -2) @ rotations[:, 1:]
        pose[rows] = matrix_to_axis_angle(local).reshape(len(local), NUM_POSE)
        if own:
            pelvis[rows] = positions[:, 0] @ upright.T * unit
        else:
            middle = positions[:, foreign_hips].mean(axis=1) @ upright.T * unit
            pelvis[rows] = middle - rotations[:, 0] @ (at_rest[hips].mean(axis=0) - at_rest[0])
    absent = [name for name in SMPL24.joints if name not in joints and not name.endswith("_hand")]
    if absent:
        notes.add(f"the file has no {', '.join(absent)}; they follow the joints next to them")
    return Retargeted(pose=pose, transl=pelvis - at_rest[0], betas=betas)


def _posed(file: BvhFile, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (n,J,3,3) and positions (n,J,3) of all joints in the file's world, in its units."""
    rotations = np.stack([file.rotation(joint, rows) for joint in range(len(file.names))], axis=1)
    return forward_kinematics(rotations, file.offsets, file.parents, file.root(rows))


def _trunk(rest: np.ndarray, joints: dict[str, int], what: str) -> np.ndarray:
    """(3,3) rotation of SMPL's rest pose (left +x, up +y, forward +z) to the orientation of the file's.

    It maps axes to axes, since rest poses are aligned with them; a slightly leaning spine is anatomy, not orientation.
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
            f"{what}: with all rotations zero its skeleton is not a standing person; give it such a rest pose first,"
            " for example in Blender"
        )
    return np.stack([left, up, np.cross(left, up)], axis=1)


def _nearest_axis(vector: np.ndarray) -> np.ndarray:
    """(3,) the signed coordinate axis closest to a vector; zero for the zero vector."""
    axis = np.zeros(3)
    largest = int(np.argmax(np.abs(vector)))
    axis[largest] = np.sign(vector[largest])
    return axis


def _upright(file: BvhFile, trunk: np.ndarray, notes: Notes) -> np.ndarray:
    """(3,3) rotation of the file's world to y-up: it is y-up or z-up, whichever the trunk points along on average.

    Where that is undecided (people lying down), the rest pose decides.
    """
    mean = np.mean(file.rotation(0) @ trunk[:, 1], axis=0)
    votes = mean[1:] + 0.5 * trunk[1:, 1]
    if votes[0] >= votes[1]:
        return np.eye(3)
    notes.add("the file's world is z-up and was converted to y-up")
    return ZUP_FROM_YUP.T


def _unit(rest: np.ndarray, joints: dict[str, int], notes: Notes) -> float:
    """Metres per unit of the file, guessed from the length of the legs, since a BVH does not store it."""
    legs = []
    for side in ("left", "right"):
        hip, knee, ankle = (rest[joints[f"{side}_{part}"]] for part in ("hip", "knee", "ankle"))
        legs.append(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    length = float(np.mean(legs))
    if not length > 0:
        raise InputError("the skeleton's legs have no length")
    for name, unit in UNITS.items():
        if LEG_LENGTHS[0] <= length * unit <= LEG_LENGTHS[1]:
            if unit != 1:
                notes.add(f"a BVH does not store its unit; the legs are {length:.4g} long, so {name} are assumed")
            return unit
    notes.add(f"the legs are {length:.4g} long, which fits no unit; the skeleton was scaled to legs of 0.82 m")
    return 0.82 / length


def bone_alignment(rest: np.ndarray, joints: dict[str, int], at_rest: np.ndarray, trunk: np.ndarray) -> np.ndarray:
    """(24,3,3) rotation of each SMPL bone from its rest direction to the file's."""
    aligned = np.empty((24, 3, 3))
    for index, name in enumerate(SMPL24.joints):
        if name in _LIMBS and name in joints and _LIMBS[name] in joints:
            bone = rest[joints[_LIMBS[name]]] - rest[joints[name]]
            own = at_rest[SMPL24.index(_LIMBS[name])] - at_rest[index]
            aligned[index] = shortest_rotation(trunk @ own, bone) @ trunk
        elif name.endswith(("_wrist", "_hand", "_foot")):  # in line with the bone before it
            aligned[index] = aligned[_PARENTS[index]]
        else:
            aligned[index] = trunk
    return aligned


def _smpl_rotations(world: np.ndarray, joints: dict[str, int], aligned: np.ndarray) -> np.ndarray:
    """(n,24,3,3) rotations of SMPL's joints in the file's world."""
    rotations = np.empty((len(world), 24, 3, 3))
    for index, name in enumerate(SMPL24.joints):
        if name in joints:
            rotations[:, index] = world[:, joints[name]] @ aligned[index]
        else:
            rotations[:, index] = rotations[:, _PARENTS[index]]
    _share_bend(rotations, joints)
    return rotations


def _share_bend(rotations: np.ndarray, joints: dict[str, int]) -> None:
    """Give the spine joints that the file lacks their share of the rotation between pelvis and chest, in place."""
    spine = ["pelvis", "spine1", "spine2", "spine3"]
    if "spine3" not in joints or all(name in joints for name in spine):
        return
    known = [i for i, name in enumerate(spine) if name in joints]
    for before, after in itertools.pairwise(known):
        for between in range(before + 1, after):
            part = (between - before) / (after - before)
            a, b = (SMPL24.index(spine[i]) for i in (before, after))
            relative = Rotation.from_matrix(np.swapaxes(rotations[:, a], -1, -2) @ rotations[:, b]).as_rotvec()
            rotations[:, SMPL24.index(spine[between])] = (
                rotations[:, a] @ Rotation.from_rotvec(part * relative).as_matrix()
            )


def _shape_of_offsets(rest: np.ndarray, joints: dict[str, int], body: BodyModel, notes: Notes) -> np.ndarray:
    """(10,) betas whose rest joints are the file's: exact if the file was written from this body."""
    positions = rest[[joints[name] for name in SMPL24.joints]]
    template = body.J_template - body.J_template[0]
    dirs = body.J_shapedirs - body.J_shapedirs[0]
    wanted = (positions - positions[0] - template).ravel()
    betas = np.linalg.lstsq(dirs.reshape(-1, NUM_BETAS), wanted, rcond=None)[0]
    error = float(np.max(np.abs(dirs.reshape(-1, NUM_BETAS) @ betas - wanted)))
    if error > 1e-3:
        betas = _shape_of_bones(rest, joints, body, notes)
    return np.asarray(betas)


def _shape_of_bones(rest: np.ndarray, joints: dict[str, int], body: BodyModel, notes: Notes) -> np.ndarray:
    """(10,) betas whose bone lengths match the file's, to about a centimetre, and are otherwise average."""
    from scipy.optimize import least_squares  # here, since loading any motion file imports this module

    bones = [(a, b) for a, b in _BONES if a in joints and b in joints]
    wanted = np.array([np.linalg.norm(rest[joints[b]] - rest[joints[a]]) for a, b in bones])
    first, last = SMPL24.indices([a for a, _ in bones]), SMPL24.indices([b for _, b in bones])

    def errors(betas: np.ndarray) -> np.ndarray:
        joints_at_rest = body.rest_joints(betas)
        return np.asarray(np.linalg.norm(joints_at_rest[last] - joints_at_rest[first], axis=1) - wanted)

    found = least_squares(lambda betas: np.r_[errors(betas) / _BONE_NOISE, betas / _SHAPE_RANGE], np.zeros(NUM_BETAS))
    worst = int(np.argmax(np.abs(errors(found.x))))
    notes.add(
        f"the free body's shape follows the skeleton's bones (worst: {bones[worst][0]} to {bones[worst][1]},"
        f" {1000 * errors(found.x)[worst]:+.0f} mm)"
    )
    return np.asarray(found.x)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(quoted(name, mark="") for name in names[:12]) + (", ..." if len(names) > 12 else "")
