"""Maps a foreign skeleton to SMPL's rest pose: a constant rotation for each joint.

The rotation of an SMPL joint in the world is G = W A: W is the foreign joint's rotation, A takes SMPL's rest axes to
the joint's own. A follows from a pose of the file in which the person's own axes are known:

- the zero pose (all rotations zero) if a person stands in it, with the arms anywhere, or if the movement confirms it (a
sitting person): one rotation for the whole trunk, followed by the shortest rotation for each limb bone;
- otherwise the first frame, if it is a T-pose;
- otherwise, in files whose bones rest along axes of their own, the movement alone (`rest_from_movement`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.formats.bvh_skeleton import BvhSkeleton
from kinema.formats.foreign import ZUP_FROM_YUP
from kinema.formats.report import Notes
from kinema.formats.rest_from_movement import Samples, alignment_by_movement
from kinema.geometry.rotations import geodesic_angle, shortest_rotation
from kinema.skeleton import SMPL24

LIMBS = {
    **{f"{side}_{a}": f"{side}_{b}" for side in ("left", "right")
       for a, b in (("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"), ("shoulder", "elbow"), ("elbow", "wrist"))},
}  # fmt: skip
"""The joint at the end of each limb bone."""

PARENTS = SMPL24.parents or ()

STANDING = -np.cos(np.radians(30.0))
"""Largest cosine between the trunk and each leg bone of a standing person; bones that rest along axes of their own
hardly ever satisfy it."""

SNAP = np.cos(np.radians(25.0))
"""Cosine within which a trunk at rest is aligned with an axis: a slightly leaning spine is anatomy."""

BACKWARDS = -0.5
"""A limb with a smaller cosine to SMPL's is too far from it for a shortest rotation to determine its twist."""

ALIKE = np.radians(40.0)
"""Largest angle between two estimates of the same rest pose."""

_UPSIDE_DOWN = -0.2
"""Limit on the evidence of a downward trunk against an axis, because people also stand on their hands."""

T_POSE = np.cos(np.radians(15.0))
"""Smallest cosine between the limbs of a T-pose and their axes."""


@dataclass(frozen=True, eq=False)
class RestPose:
    """aligned (24,3,3): A of every SMPL joint that the file has. between (J,3,3): local rotations, in SMPL's rest pose,
    of the file's joints that no SMPL joint matches. upright (3,3): the rotation of the file's world to y-up."""

    aligned: np.ndarray
    between: np.ndarray
    upright: np.ndarray


def rest_pose(
    skeleton: BvhSkeleton,
    samples: Samples,
    joints: dict[str, int],
    tips: dict[str, int],
    at_rest: np.ndarray,
    notes: Notes,
) -> RestPose:
    """The rest pose of a skeleton. Adds notes on assumptions.

    joints: index of the file's joint by SMPL joint; tips: of the ends of feet and hands, where they have other names.
    at_rest (24,3): SMPL's own joints.
    """
    zero = skeleton.at_zero()
    trunk = trunk_axes(zero, joints, snap=True)
    neutral = np.broadcast_to(np.eye(3), (len(skeleton), 3, 3))
    if trunk is not None and _stands(zero, joints, trunk[:, 1]):
        aligned = bone_alignment(zero, joints, at_rest, trunk)
        if wrong := _backwards(zero, joints, at_rest, trunk):
            moved = alignment_by_movement(samples, {**joints, **tips}, at_rest)[0]
            for joint in wrong:
                aligned[SMPL24.index(joint)] = moved[SMPL24.index(joint)]
        return RestPose(aligned, neutral, upright_world(samples, joints, aligned, trunk, notes))
    moved, between = alignment_by_movement(samples, {**joints, **tips}, at_rest)
    if trunk is not None:
        aligned = bone_alignment(zero, joints, at_rest, trunk)
        known = SMPL24.indices([name for name in joints if not name.endswith(("_foot", "_hand"))])
        if np.max(geodesic_angle(aligned[known], moved[known])) < ALIKE:
            return RestPose(aligned, neutral, upright_world(samples, joints, aligned, trunk, notes))
    rotations, positions = samples.rotations[0], samples.positions[0]
    trunk = trunk_axes(positions, joints, snap=False)
    if trunk is not None and _is_t_pose(positions, joints, trunk):
        notes.add("with all rotations zero nobody stands; the first frame, a T-pose, was taken as the rest pose")
        world = bone_alignment(positions, joints, at_rest, trunk)
        found = SMPL24.indices(list(joints))
        aligned = np.array(world)
        aligned[found] = np.swapaxes(rotations[list(joints.values())], -1, -2) @ world[found]
        above = rotations[np.maximum(skeleton.parents, 0)]
        between = np.swapaxes(above, -1, -2) @ rotations
        return RestPose(aligned, between, upright_world(samples, joints, aligned, None, notes))
    notes.add(
        "with all rotations zero nobody stands; the rest pose was estimated from the bones and how the limbs bend"
    )
    return RestPose(moved, between, upright_world(samples, joints, moved, None, notes))


def trunk_axes(rest: np.ndarray, joints: dict[str, int], *, snap: bool) -> np.ndarray | None:
    """(3,3) rotation of SMPL's axes (left +x, up +y, forward +z) to those of a skeleton at rest; None if it has none.

    snap: align a trunk that is nearly along an axis with it, since rest poses are; otherwise only its up.
    """
    hips, shoulders = (
        rest[[joints[f"left_{part}"], joints[f"right_{part}"]]].mean(axis=0) for part in ("hip", "shoulder")
    )
    up = _snapped(shoulders - hips)
    if up is None:
        return None
    across = rest[joints["left_hip"]] - rest[joints["right_hip"]]
    across = across - (across @ up) * up
    if np.linalg.norm(across) < 0.05 * np.linalg.norm(shoulders - hips):
        return None
    snapped = _snapped(across) if snap and np.max(np.abs(up)) == 1.0 else None
    left = across / np.linalg.norm(across) if snapped is None else snapped
    return np.stack([left, up, np.cross(left, up)], axis=1)


def bone_alignment(rest: np.ndarray, joints: dict[str, int], at_rest: np.ndarray, trunk: np.ndarray) -> np.ndarray:
    """(24,3,3) rotation of each SMPL bone from its rest direction to the file's."""
    aligned = np.empty((24, 3, 3))
    for index, name in enumerate(SMPL24.joints):
        if name in LIMBS and name in joints and LIMBS[name] in joints:
            bone = rest[joints[LIMBS[name]]] - rest[joints[name]]
            own = at_rest[SMPL24.index(LIMBS[name])] - at_rest[index]
            aligned[index] = shortest_rotation(trunk @ own, bone) @ trunk
        elif name.endswith(("_wrist", "_hand", "_foot")):  # in line with the bone before it
            aligned[index] = aligned[PARENTS[index]]
        else:
            aligned[index] = trunk
    return aligned


def upright_world(
    samples: Samples, joints: dict[str, int], aligned: np.ndarray, trunk: np.ndarray | None, notes: Notes
) -> np.ndarray:
    """(3,3) rotation of the file's world to y-up: it is y-up or z-up.

    Three signs: the trunk points upwards most of the time, it does so at rest, and the lowest joint is near the ground.
    The axis with more of them is up. People who lie or stand on their hands have the other two. trunk: the axes at
    rest, if known.
    """
    up = samples.rotations[:, joints["pelvis"]] @ aligned[0][:, 1]
    at_rest = np.array([0.3, 0.0]) if trunk is None else 0.6 * trunk[1:, 1]
    votes = np.maximum(np.mean(up, axis=0)[1:], _UPSIDE_DOWN) + at_rest
    lowest = np.percentile(samples.positions[..., 1:].min(axis=1), 5, axis=0) / samples.leg
    votes = votes + 0.5 * ((lowest > -0.15) & (lowest < 0.25))
    if votes[0] >= votes[1]:
        return np.eye(3)
    notes.add("the file's world is z-up and was converted to y-up")
    return ZUP_FROM_YUP.T


def _stands(rest: np.ndarray, joints: dict[str, int], up: np.ndarray) -> bool:
    """Whether both legs are straight and point away from the trunk."""
    legs = rest[[[joints[f"{side}_{part}"] for part in ("hip", "knee", "ankle")] for side in ("left", "right")]]
    bones = np.diff(legs, axis=1)
    return bool(np.all(bones @ up <= STANDING * np.linalg.norm(bones, axis=-1)))


def _backwards(rest: np.ndarray, joints: dict[str, int], at_rest: np.ndarray, trunk: np.ndarray) -> list[str]:
    """Joints of arms that rest nearly opposite to SMPL's, as when all bones of both arms lie along one axis."""
    wrong = []
    for side in ("left", "right"):
        chain = [f"{side}_{part}" for part in ("shoulder", "elbow", "wrist")]
        own = at_rest[SMPL24.index(f"{side}_elbow")] - at_rest[SMPL24.index(f"{side}_shoulder")]
        bone = rest[joints[f"{side}_elbow"]] - rest[joints[f"{side}_shoulder"]]
        if bone @ (trunk @ own) < BACKWARDS * np.linalg.norm(bone) * np.linalg.norm(own):
            wrong += [name for name in chain if name in joints]
    return wrong


def _is_t_pose(positions: np.ndarray, joints: dict[str, int], trunk: np.ndarray) -> bool:
    """Whether arms and legs are straight, the arms to the sides, the legs down."""
    left, up = trunk[:, 0], trunk[:, 1]
    bones = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for name, axis in (("hip", -up), ("knee", -up), ("shoulder", sign * left), ("elbow", sign * left)):
            end = LIMBS[f"{side}_{name}"]
            if end in joints:
                bones.append((positions[joints[end]] - positions[joints[f"{side}_{name}"]], axis))
    return all(bone @ axis >= T_POSE * np.linalg.norm(bone) for bone, axis in bones)


def _snapped(vector: np.ndarray) -> np.ndarray | None:
    """(3,) the direction of a vector, or the signed coordinate axis near it; None for the zero vector."""
    length = float(np.linalg.norm(vector))
    if length < 1e-12:
        return None
    largest = int(np.argmax(np.abs(vector)))
    if abs(vector[largest]) < SNAP * length:
        return vector / length
    axis = np.zeros(3)
    axis[largest] = np.sign(vector[largest])
    return axis
