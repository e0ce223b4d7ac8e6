"""SMPL's 24 joints and skin weights from MakeHuman's rig, and the conversion of its A-pose to SMPL's T-pose."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from free_body.makehuman import MakeHuman
from scipy.spatial.transform import Rotation

from kinema.skeleton import SMPL24

PARENTS = SMPL24.parents
MIRROR_X = np.array([-1.0, 1.0, 1.0])
PELVIS = np.array([0.0, -0.24, 0.03])
"""Rest position of the pelvis joint in every shape, metres: the origin is in the chest, as in SMPL."""

HIP_WIDTH = 0.86
"""MakeHuman's hip cubes are at the outer thigh, 20 cm apart; adult hip joint centres are 17 cm apart."""
SHOULDER_RAISE = 0.011
"""Metres by which MakeHuman's shoulder cubes are moved up: they are 42 mm below the acromion's skin, the joint's centre
is 10.4 % of the upper arm's length below it, 31 mm (de Leva 1996, Joint center longitudinal positions)."""
CLAVICLE_RAISE = np.radians(12)
"""Part of the arm's elevation from A to T pose contributed by the shoulder girdle (about a quarter)."""

# Joint positions as mixtures of MakeHuman's cubes. Left side only; the right side is mirrored.
_BETWEEN = {
    "pelvis": {"pelvis": 0.13, "spine-4": 0.87},
    "left_hip": {"l-upper-leg": 1.0},
    "spine1": {"spine-3": 0.45, "spine-2": 0.55},
    "left_knee": {"l-knee": 1.0},
    "spine2": {"spine-2": 0.3, "spine-1": 0.7},
    "left_ankle": {"l-ankle": 1.0},
    "spine3": {"spine-1": 1.0},
    "left_foot": {"l-foot-1": 1.0},
    "neck": {"neck": 1.0},
    "left_collar": {"l-clavicle": 0.4, "l-scapula": 0.6},
    "head": {"head": 1.0},
    "left_shoulder": {"l-shoulder": 1.0},
    "left_elbow": {"l-elbow": 1.0},
    "left_wrist": {"l-hand": 1.0},
    "left_hand": {"l-hand": 0.15, "l-finger-3-1": 0.85},
}
# The bones whose weights are assigned to a joint, left side; the trunk is divided by height instead.
_BONES = {
    "left_hip": ("upperleg01", "upperleg02"),
    "left_knee": ("lowerleg01", "lowerleg02"),
    "left_ankle": ("foot",),
    "left_foot": ("toe1-1", "toe1-2", *(f"toe{i}-{j}" for i in range(2, 6) for j in range(1, 4))),
    "left_collar": ("clavicle", "shoulder01"),
    "left_shoulder": ("upperarm01", "upperarm02"),
    "left_elbow": ("lowerarm01", "lowerarm02"),
    "left_wrist": ("wrist", "finger1-1", "finger1-2", "finger1-3", *(f"metacarpal{i}" for i in range(1, 5))),
    "left_hand": tuple(f"finger{i}-{j}" for i in range(2, 6) for j in range(1, 4)),
}
# First joints of index and little finger, and the thumb's second (its first is in the wrist).
_KNUCKLES = {"index": {"l-finger-2-1": 1.0}, "pinky": {"l-finger-5-1": 1.0}, "thumb": {"l-finger-1-2": 1.0}}
KNUCKLES = tuple(f"{side}_{finger}" for side in ("left", "right") for finger in _KNUCKLES)
_TRUNK = ("spine01", "spine02", "spine03", "spine04", "spine05", "root", "pelvis.L", "pelvis.R", "breast.L", "breast.R")
_TRUNK_JOINTS = ("pelvis", "spine1", "spine2", "spine3")
_TRUNK_BLEND = 0.055
"""Half the height, metres, over which the weights of neighbouring trunk joints blend."""

_GIRDLE_SHARE = 0.8
"""Fraction of the trunk's weight over the shoulder blades and outer clavicles assigned to the collars."""

# Directions of SMPL's bones in its T-pose, left side.
_T_POSE = {
    "left_shoulder": ("left_elbow", (0.255, -0.016, -0.023)),
    "left_elbow": ("left_wrist", (0.266, 0.013, -0.007)),
    "left_wrist": ("left_hand", (0.087, -0.011, -0.010)),
    "left_hip": ("left_knee", (0.043, -0.386, 0.008)),
    "left_knee": ("left_ankle", (-0.015, -0.427, -0.037)),
}


def joints_of(data: MakeHuman, vertices: np.ndarray) -> np.ndarray:
    """The 24 joints of a shaped mesh in MakeHuman's A-pose, (24,3)."""
    joints = np.zeros((24, 3))
    for name, mixture in _BETWEEN.items():
        position = sum(share * data.cube(cube, vertices) for cube, share in mixture.items())
        if name == "left_hip":
            position = position * [HIP_WIDTH, 1, 1]
        if name == "left_shoulder":
            position = position + [0, SHOULDER_RAISE, 0]
        i = SMPL24.index(name)
        joints[i] = position
        if name.startswith("left_"):
            joints[SMPL24.mirror[i]] = position * MIRROR_X
        else:
            joints[i, 0] = 0.0
    return joints


def knuckles_of(data: MakeHuman, vertices: np.ndarray) -> np.ndarray:
    """The points of KNUCKLES of a shaped mesh in MakeHuman's A-pose, (6,3)."""
    left = [sum(share * data.cube(cube, vertices) for cube, share in mix.items()) for mix in _KNUCKLES.values()]
    return np.concatenate([left, np.array(left) * MIRROR_X])


def left_palm(data: MakeHuman, vertices: np.ndarray) -> np.ndarray:
    """The outward normal of the left palm, (3,), in MakeHuman's A-pose."""
    wrist, index, little = (data.cube(cube, vertices) for cube in ("l-hand", "l-finger-2-1", "l-finger-5-1"))
    normal = np.cross(little - wrist, index - wrist)
    return normal / np.linalg.norm(normal)


def merged_weights(data: MakeHuman, vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Unsmoothed skin weights of the 24 joints, (NUM_VERTICES, 24); zero rows for most helpers."""
    bones = data.bone_weights()
    used: set[str] = set()
    weights = np.zeros((len(vertices), 24))
    for name, parts in _BONES.items():
        for side, suffix in ((name, ".L"), ("right" + name[4:], ".R")):
            for bone in parts:
                weights[:, SMPL24.index(side)] += bones[bone + suffix]
                used.add(bone + suffix)
    for bone in ("neck01", "neck02", "neck03"):
        weights[:, SMPL24.index("neck")] += bones[bone]
        used.add(bone)
    trunk = sum(bones[bone] for bone in _TRUNK)
    used.update(_TRUNK)
    rest = sum(weight for bone, weight in bones.items() if bone not in used)
    weights[:, SMPL24.index("head")] += rest
    borders = joints[SMPL24.indices(_TRUNK_JOINTS[1:])][:, 1]
    above = np.stack([_rise(vertices[:, 1], border) for border in borders], axis=1)
    above = np.concatenate([np.ones((len(vertices), 1)), above, np.zeros((len(vertices), 1))], axis=1)
    for side, sign in (("left", 1), ("right", -1)):
        collar = SMPL24.index(f"{side}_collar")
        outward = _rise(sign * vertices[:, 0], abs(joints[collar, 0]) + 0.03, 0.04)
        girdle = _GIRDLE_SHARE * trunk * outward * _rise(vertices[:, 1], joints[collar, 1] - 0.08, 0.06)
        weights[:, collar] += girdle
        trunk = trunk - girdle
    for k, name in enumerate(_TRUNK_JOINTS):
        weights[:, SMPL24.index(name)] += trunk * np.maximum(above[:, k] - above[:, k + 1], 0)
    return weights


def _rise(position: np.ndarray, border: float, half_width: float = _TRUNK_BLEND) -> np.ndarray:
    """A smooth step from 0 to 1 at a border, over twice the half width."""
    t = np.clip((position - border) / (2 * half_width) + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def smoothed(weights: np.ndarray, neighbours: scipy.sparse.csr_matrix, rounds: int) -> np.ndarray:
    """Weights (V,24) averaged `rounds` times with their neighbours' mean. neighbours: rows sum to 1."""
    for _ in range(rounds):
        weights = 0.5 * weights + 0.5 * (neighbours @ weights)
    return weights


def four_largest(weights: np.ndarray) -> np.ndarray:
    """At most four weights per vertex, summing to 1: the excess over the fifth largest.

    Dropping only the fifth would leave a crease where two joints swap ranks; subtracting it from all
    varies smoothly over the skin. A left and a right joint that tie on the symmetry plane are treated alike.
    """
    fifth = -np.partition(-weights, 4, axis=1)[:, 4:5]
    weights = np.maximum(weights - fifth, 0)
    weights = np.where(weights > 1e-3, weights, 0)
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)


def to_t_pose(
    vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, palm: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Repose a shape from MakeHuman's A-pose to SMPL's T-pose, pelvis at PELVIS.

    vertices (V,3), joints (24,3), weights (V,24); palm (3,): the left palm's normal, pointing out of the palm.
    The rotation of the palm is distributed along the forearm, as with the radius. Returns vertices and joints.
    """
    rotation = np.tile(np.eye(3), (24, 1, 1))  # of each joint's body part, in the world
    for name, (end, target) in _T_POSE.items():
        i = SMPL24.index(name)
        rotation[i] = _swing(joints[SMPL24.index(end)] - joints[i], np.array(target))
    rotation[SMPL24.index("left_collar")] = Rotation.from_rotvec([0, 0, CLAVICLE_RAISE]).as_matrix()
    wrist, hand = SMPL24.index("left_wrist"), SMPL24.index("left_hand")
    along = np.array(_T_POSE["left_wrist"][1]) / np.linalg.norm(_T_POSE["left_wrist"][1])
    facing = rotation[wrist] @ palm
    facing, down = facing - along * (along @ facing), np.array([0, -1.0, 0]) + along * along[1]
    turn = np.arctan2(along @ np.cross(facing, down), facing @ down)
    rotation[wrist] = Rotation.from_rotvec(along * turn).as_matrix() @ rotation[wrist]
    rotation[hand] = rotation[wrist]
    twist = {SMPL24.index("left_elbow"): turn, SMPL24.index("right_elbow"): -turn}
    mirror = np.diag(MIRROR_X)
    for name in ("hip", "knee", "collar", "shoulder", "elbow", "wrist", "hand"):
        rotation[SMPL24.index(f"right_{name}")] = mirror @ rotation[SMPL24.index(f"left_{name}")] @ mirror
    moved = joints.copy()
    moved[0] = PELVIS
    for i, parent in enumerate(PARENTS[1:], start=1):
        moved[i] = moved[parent] + rotation[parent] @ (joints[i] - joints[parent])
    out = np.zeros_like(vertices)
    for i in range(24):
        rows = np.flatnonzero(weights[:, i])
        position = (vertices[rows] - joints[i]) @ rotation[i].T
        if i in twist:
            end = SMPL24.index(SMPL24.joints[i].replace("elbow", "wrist"))
            position = _twisted(position, rotation[i] @ (joints[end] - joints[i]), twist[i])
        out[rows] += weights[rows, i : i + 1] * (position + moved[i])
    return out, moved


def _swing(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The smallest rotation that takes the direction `source` to `target`."""
    a, b = source / np.linalg.norm(source), target / np.linalg.norm(target)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis)
    return Rotation.from_rotvec(axis / max(sine, 1e-12) * np.arctan2(sine, a @ b)).as_matrix()


def _twisted(points: np.ndarray, bone: np.ndarray, angle: float) -> np.ndarray:
    """Points relative to a bone's start, rotated about it by a fraction of `angle` that grows along the bone."""
    length = np.linalg.norm(bone)
    share = np.clip(points @ bone / length**2, 0, 1)
    return Rotation.from_rotvec((share * angle)[:, None] * bone / length).apply(points)
