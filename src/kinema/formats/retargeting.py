"""Retargets a skeleton with other proportions and another rest pose to SMPL's pose, shape and translation.

Joints are matched by name (`joint_names`) and posed with all channels of the file (`bvh_skeleton`). The
rotation of an SMPL joint in the world is W A: W is the foreign joint's rotation, A a constant (`rest_pose`). So limbs
point where the file's do. Joints that the file lacks do not move relative to their parent; those of the spine share
its bend evenly.

The free body gets the shape, and its trunk the constant bends, that bring its joints nearest to the file's
(`proportions`); the centre of its hips is placed at the file's, and its collars point at the file's shoulders. A file
with the skeleton of an SMPL body in its T-pose has SMPL's own rotations, which are taken unchanged.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.body import BodyModel
from kinema.body.free import earlier_skeletons
from kinema.body.kinematics import forward_kinematics
from kinema.errors import InputError, quoted
from kinema.formats.bvh_parsing import BvhFile
from kinema.formats.bvh_skeleton import BvhSkeleton, bvh_skeleton
from kinema.formats.joint_names import REQUIRED, all_joints, is_smpl, smpl_joints
from kinema.formats.proportions import BENDS, Proportions, fitted_proportions, shape_of_offsets, shared_spine
from kinema.formats.report import Notes
from kinema.formats.rest_from_movement import Samples
from kinema.formats.rest_pose import LIMBS, PARENTS, RestPose, rest_pose, upright_world
from kinema.formats.units import leg_length, metres_per_unit
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, shortest_rotation
from kinema.skeleton import NUM_BETAS, NUM_POSE, SMPL24

CHUNK = 1024
"""Frames processed at once."""

_USUAL_JOINTS = 100
"""Skeletons with more joints are processed in smaller parts."""

_T_POSE = 0.9
"""Least cosine between the bones of a file that has SMPL's own rest pose and SMPL's."""


_LARGEST_TURN = np.radians(45.0)
"""Largest rotation of a collar or neck towards where the file has the joint after it."""


@dataclass(frozen=True, eq=False)
class Retargeted:
    """pose (F,72) axis-angle and transl (F,3) metres in the y-up world; betas (10,) of the body."""

    pose: np.ndarray
    transl: np.ndarray
    betas: np.ndarray


@dataclass(frozen=True, eq=False)
class _Fit:
    """The constants of a file. unit: metres per unit; own: whether its rotations are SMPL's."""

    skeleton: BvhSkeleton
    joints: dict[str, int]
    rest: RestPose
    proportions: Proportions
    unit: float
    own: bool


def retarget(file: BvhFile, body: BodyModel, what: str, notes: Notes, *, unit: float | None = None) -> Retargeted:
    """The motion of a BVH on `body`. unit: metres per unit; by default inferred from the legs.

    Raises InputError: joints missing, or legs without a length.
    """
    fit = _fit(file, body, what, notes, unit)
    at_rest = body.rest_joints(fit.proportions.betas)
    offsets = at_rest - at_rest[np.maximum(body.parents, 0)]
    hips = SMPL24.indices(["left_hip", "right_hip"])
    foreign_hips = [fit.joints["left_hip"], fit.joints["right_hip"]]
    pose, pelvis = np.empty((len(file), NUM_POSE)), np.empty((len(file), 3))
    step = max(1, min(CHUNK, CHUNK * _USUAL_JOINTS // len(file.names)))
    for start in range(0, len(file), step):
        rows = slice(start, start + step)
        world, positions = fit.skeleton.pose(rows)
        rotations = fit.rest.upright @ _smpl_rotations(world, fit)
        positions = positions @ fit.rest.upright.T * fit.unit
        if fit.own:
            pelvis[rows] = positions[:, fit.joints["pelvis"]]
        else:
            _point_limbs(rotations, positions, fit, offsets)
            middle = positions[:, foreign_hips].mean(axis=1)
            pelvis[rows] = middle - rotations[:, 0] @ (at_rest[hips].mean(axis=0) - at_rest[0])
            _point_upper_body(rotations, pelvis[rows], positions, fit, offsets)
        local = rotations.copy()
        local[:, 1:] = np.swapaxes(rotations[:, body.parents[1:]], -1, -2) @ rotations[:, 1:]
        pose[rows] = matrix_to_axis_angle(local).reshape(len(local), NUM_POSE)
    absent = [name for name in SMPL24.joints if name not in fit.joints and not name.endswith("_hand")]
    if absent:
        notes.add(f"the file has no {', '.join(absent)}; they follow the joints next to them")
    return Retargeted(pose=pose, transl=pelvis - at_rest[0], betas=fit.proportions.betas)


def _fit(file: BvhFile, body: BodyModel, what: str, notes: Notes, unit: float | None) -> _Fit:
    joints = smpl_joints(file.names, file.parents)
    missing = [name for name in REQUIRED if name not in joints]
    if missing:
        raise InputError(
            f"{what}: no joint has a known name for {', '.join(missing)}; its joints are {_listed(file.names)}"
        )
    skeleton = bvh_skeleton(file, joints, notes)
    zero = skeleton.at_zero()
    legs = [[joints[f"{side}_{part}"] for part in ("hip", "knee", "ankle")] for side in ("left", "right")]
    leg = leg_length(np.diff(zero[legs], axis=1))
    unit = metres_per_unit(leg, notes) if unit is None else unit
    samples = Samples.of(skeleton, leg)
    if (own := _own_joints(file, zero * unit, body)) is not None:
        joints = own
        aligned = np.tile(np.eye(3), (24, 1, 1))
        upright = upright_world(samples, joints, aligned, np.eye(3), notes)
        rest = RestPose(aligned, np.tile(np.eye(3), (len(skeleton), 1, 1)), upright)
        betas = shape_of_offsets(zero[[joints[name] for name in SMPL24.joints]] * unit, body)
        if betas is None:
            betas = fitted_proportions(zero * unit, joints, body, notes).betas
        return _Fit(skeleton, joints, rest, Proportions(betas, aligned), unit, own=True)
    _add_wrists(skeleton, joints)
    tips = _tips(skeleton, samples, joints)
    rest = rest_pose(skeleton, samples, joints, tips, body.rest_joints(np.zeros(NUM_BETAS)), Notes())
    proportions = fitted_proportions(_in_smpl_rest(skeleton, joints, rest) * unit, joints, body, notes)
    at_rest = body.rest_joints(proportions.betas)
    rest = rest_pose(skeleton, samples, joints, tips, at_rest, notes)
    return _Fit(skeleton, joints, rest, proportions, unit, own=False)


def _own_joints(file: BvhFile, zero: np.ndarray, body: BodyModel) -> dict[str, int] | None:
    """Index of all joints, if rotations are SMPL's: its names and rest, or under other names the body's skeleton."""
    joints = all_joints(file.names)
    if joints is None or not _is_own_rest(zero, joints, body):
        return None
    moves = any(name.endswith("position") for channels in file.channels[1:] for name in channels)
    offsets = zero[[joints[name] for name in SMPL24.joints]]
    if not moves and shape_of_offsets(offsets, body) is not None:
        return joints
    # An earlier free body's joints are preserved better by retargeting than by copying its rotations.
    earlier = any(shape_of_offsets(offsets, each) is not None for each in earlier_skeletons())
    return joints if is_smpl(file.names) and not earlier else None


def _is_own_rest(zero: np.ndarray, joints: dict[str, int], body: BodyModel) -> bool:
    """Whether a skeleton with SMPL's names also rests in SMPL's T-pose, by its limbs."""
    own = body.rest_joints(np.zeros(NUM_BETAS))
    for start, end in LIMBS.items():
        bone, expected = zero[joints[end]] - zero[joints[start]], own[SMPL24.index(end)] - own[SMPL24.index(start)]
        if bone @ expected < _T_POSE * np.linalg.norm(bone) * np.linalg.norm(expected):
            return False
    return True


def _add_wrists(skeleton: BvhSkeleton, joints: dict[str, int]) -> None:
    """Forearms that end without a hand end at the wrist."""
    for side in ("left", "right"):
        if f"{side}_wrist" not in joints and (end := _child(skeleton, joints[f"{side}_elbow"])) is not None:
            forearm, arm = np.linalg.norm(skeleton.offsets[[end, joints[f"{side}_elbow"]]], axis=-1)
            if 0.5 * arm < forearm < 1.5 * arm:
                joints[f"{side}_wrist"] = end


def _tips(skeleton: BvhSkeleton, samples: Samples, joints: dict[str, int]) -> dict[str, int]:
    """Joints and end sites that show where feet and hands point, for those whose next joint has no name of SMPL's.

    Feet point away from the shin, hands along the forearm; other end sites are only formal.
    """
    tips = {}
    for side in ("left", "right"):
        for before, start, end in (("knee", "ankle", "foot"), ("elbow", "wrist", "hand")):
            if f"{side}_{end}" in joints or f"{side}_{start}" not in joints:
                continue
            chain = [joints[f"{side}_{name}"] for name in (before, start)]
            if (tip := _child(skeleton, chain[1])) is None:
                continue
            upper, lower = np.moveaxis(np.diff(samples.positions[:, [*chain, tip]], axis=1), 1, 0)
            lengths = np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1)
            along = float(np.mean(np.sum(upper * lower, axis=-1) / np.maximum(lengths, 1e-12)))
            if (along > 0.5) if end == "hand" else (-0.3 < along < 0.9):
                tips[f"{side}_{end}"] = tip
    return tips


def _child(skeleton: BvhSkeleton, joint: int) -> int | None:
    """The child of a joint with the median direction, among those away from it: a middle finger rather than a thumb."""
    children = np.flatnonzero(skeleton.parents == joint)
    bones = skeleton.offsets[children]
    lengths = np.linalg.norm(bones, axis=-1)
    away = lengths > 0.3 * lengths.max(initial=0.0)
    children, bones = children[away], bones[away] / np.maximum(lengths[away], 1e-12)[:, None]
    return int(children[np.argmax(np.sum(bones @ bones.T, axis=1))]) if len(children) and lengths.max() > 0 else None


def _in_smpl_rest(skeleton: BvhSkeleton, joints: dict[str, int], rest: RestPose) -> np.ndarray:
    """(J,3) positions of the file's joints in SMPL's rest pose, in its units."""
    matched = {index: rest.aligned[SMPL24.index(name)].T for name, index in joints.items()}
    rotations, places = np.tile(np.eye(3), (len(skeleton), 1, 1)), np.zeros((len(skeleton), 3))
    for joint, above in enumerate(skeleton.parents):
        if above >= 0:
            rotations[joint] = rotations[above] @ rest.between[joint]
            places[joint] = places[above] + rotations[above] @ skeleton.offsets[joint]
        rotations[joint] = matched.get(joint, rotations[joint])
    return places


def _smpl_rotations(world: np.ndarray, fit: _Fit) -> np.ndarray:
    """(n,24,3,3) rotations of SMPL's joints in the file's world."""
    rotations = np.empty((len(world), 24, 3, 3))
    for index, name in enumerate(SMPL24.joints):
        if name in fit.joints:
            rotations[:, index] = world[:, fit.joints[name]] @ fit.rest.aligned[index]
        else:
            rotations[:, index] = rotations[:, PARENTS[index]]
    bends = forward_kinematics(fit.proportions.bends, np.zeros((24, 3)), np.array(PARENTS), np.zeros(3))[0]
    for name in BENDS:
        if name not in shared_spine(fit.joints):
            rotations[:, SMPL24.index(name)] = rotations[:, SMPL24.index(name)] @ bends[SMPL24.index(name)]
    _share_bend(rotations, fit.joints)
    return rotations


def _share_bend(rotations: np.ndarray, joints: dict[str, int]) -> None:
    """Give the spine joints that the file lacks their share of the rotation between pelvis and chest, in place."""
    if not shared_spine(joints):
        return
    spine = ["pelvis", "spine1", "spine2", "spine3"]
    known = [i for i, name in enumerate(spine) if name in joints]
    for before, after in itertools.pairwise(known):
        for between in range(before + 1, after):
            part = (between - before) / (after - before)
            a, b = (SMPL24.index(spine[i]) for i in (before, after))
            relative = Rotation.from_matrix(np.swapaxes(rotations[:, a], -1, -2) @ rotations[:, b]).as_rotvec()
            rotations[:, SMPL24.index(spine[between])] = (
                rotations[:, a] @ Rotation.from_rotvec(part * relative).as_matrix()
            )


def _point_limbs(rotations: np.ndarray, positions: np.ndarray, fit: _Fit, offsets: np.ndarray) -> None:
    """Rotate limb bones whose ends move relative to them towards these ends, in place."""
    for name, end in LIMBS.items():
        if name in fit.joints and end in fit.joints and fit.joints[end] in fit.skeleton.moving:
            index = SMPL24.index(name)
            bone = positions[:, fit.joints[end]] - positions[:, fit.joints[name]]
            turn = shortest_rotation(rotations[:, index] @ offsets[SMPL24.index(end)], bone)
            rotations[:, index] = turn @ rotations[:, index]


def _point_upper_body(
    rotations: np.ndarray, pelvis: np.ndarray, positions: np.ndarray, fit: _Fit, offsets: np.ndarray
) -> None:
    """Rotate the collars towards the file's shoulders, and a neck that it lacks towards its head, in place.

    pelvis (n,3), positions (n,J,3) metres.
    """
    chest = pelvis
    for above, name in itertools.pairwise(("pelvis", "spine1", "spine2", "spine3")):
        chest = chest + rotations[:, SMPL24.index(above)] @ offsets[SMPL24.index(name)]
    ends = {"left_collar": "left_shoulder", "right_collar": "right_shoulder"}
    if "neck" not in fit.joints and "head" in fit.joints:
        ends["neck"] = "head"
    for name, end in ends.items():
        joint, tip = SMPL24.indices([name, end])
        start = chest + rotations[:, SMPL24.index("spine3")] @ offsets[joint]
        turn = shortest_rotation(rotations[:, joint] @ offsets[tip], positions[:, fit.joints[end]] - start)
        turn = matrix_to_axis_angle(turn)
        angle = np.linalg.norm(turn, axis=-1, keepdims=True)
        turn = turn * np.minimum(1.0, _LARGEST_TURN / np.maximum(angle, 1e-9))
        rotations[:, joint] = axis_angle_to_matrix(turn) @ rotations[:, joint]


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(quoted(name, mark="") for name in names[:12]) + (", ..." if len(names) > 12 else "")
