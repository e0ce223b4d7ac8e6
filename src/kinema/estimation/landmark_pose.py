"""A pose computed directly from 3D keypoints, frame by frame: bone directions and bending planes, no learning.

The fit's analytic prior: used if no learned prior is requested or none supports the keypoints, and the baseline for the
learned prior.
"""

from __future__ import annotations

import numpy as np

from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, shortest_rotation
from kinema.skeleton import BLAZEPOSE33, LIMBS12, SMPL24, JointSet

_MIN_LENGTH = 1e-9

_UPRIGHT = (("thorax", "head_top", 8.0), ("neck", "head_top", 8.0), ("neck", "head", 20.0))
"""Lines through neck and head, and the degrees by which each leans forward on the free body in its rest pose."""


NEEDED = LIMBS12
"""Joints that the analytic pose requires."""


def pose_from_landmarks(landmarks: np.ndarray, offsets: np.ndarray, joints: JointSet = BLAZEPOSE33) -> np.ndarray:
    """Joint rotations that point the bones along the landmarks.

    landmarks (F,L,3): 3D keypoints of set `joints`, which has the twelve limb joints `NEEDED`, in camera axes, any
    origin and scale. offsets (24,3): the body's rest offsets from parent to joint. Returns (F,24,3,3) rotations
    relative to the parent (joint 0: in the camera's frame). A limb's twist follows its bending plane; that of a
    straight limb follows its parent. The head follows nose and ears, or the line from the neck to its top, the feet
    heel and toe, the hands the knuckles; they keep their rest pose if the set has none of these.
    """

    def at(name: str) -> np.ndarray:
        return landmarks[:, joints.index(name)]

    joint = SMPL24.index
    num_frames = len(landmarks)
    rotation = np.tile(np.eye(3), (num_frames, len(SMPL24), 1, 1))
    hips = at("left_hip") - at("right_hip")
    shoulders = at("left_shoulder") - at("right_shoulder")
    spine = 0.5 * (at("left_shoulder") + at("right_shoulder")) - 0.5 * (at("left_hip") + at("right_hip"))
    rotation[:, 0] = _frame(spine, hips) @ _frame(np.array([[0.0, 1, 0]]), np.array([[1.0, 0, 0]])).swapaxes(-1, -2)
    chest = _frame(spine, shoulders) @ _frame(np.array([[0.0, 1, 0]]), np.array([[1.0, 0, 0]])).swapaxes(-1, -2)
    bend = axis_angle_to_matrix(matrix_to_axis_angle(rotation[:, 0].swapaxes(-1, -2) @ chest) / 3)
    for name in ("spine1", "spine2", "spine3"):
        rotation[:, joint(name)] = bend
    head = _head(landmarks, joints, chest)
    turn = axis_angle_to_matrix(matrix_to_axis_angle(chest.swapaxes(-1, -2) @ head) / 2)
    rotation[:, joint("neck")] = rotation[:, joint("head")] = turn
    for side, out in (("left", 1.0), ("right", -1.0)):
        thigh = at(f"{side}_knee") - at(f"{side}_hip")
        shin = at(f"{side}_ankle") - at(f"{side}_knee")
        rest = [offsets[joint(f"{side}_{n}")] for n in ("knee", "ankle", "foot")]
        upper, lower = _two_bones(thigh, shin, rest[0], rest[1], np.array([1.0, 0, 0]), rotation[:, 0])
        ankle = lower
        if f"{side}_big_toe" in joints and f"{side}_heel" in joints:
            level = rest[2] * [1, 0, 1]  # heel to toe is level at rest; ankle to foot slopes down
            ankle = _swing(at(f"{side}_big_toe") - at(f"{side}_heel"), level, lower)
        elif f"{side}_foot" in joints:
            ankle = _swing(at(f"{side}_foot") - at(f"{side}_ankle"), rest[2], lower)
        rotation[:, joint(f"{side}_hip")] = rotation[:, 0].swapaxes(-1, -2) @ upper
        rotation[:, joint(f"{side}_knee")] = upper.swapaxes(-1, -2) @ lower
        rotation[:, joint(f"{side}_ankle")] = lower.swapaxes(-1, -2) @ ankle
        arm = at(f"{side}_elbow") - at(f"{side}_shoulder")
        forearm = at(f"{side}_wrist") - at(f"{side}_elbow")
        rest = [offsets[joint(f"{side}_{n}")] for n in ("elbow", "wrist", "hand")]
        upper, lower = _two_bones(arm, forearm, rest[0], rest[1], np.array([0.0, -out, 0]), chest)
        wrist = lower
        if f"{side}_index" in joints and f"{side}_pinky" in joints:
            hand = 0.5 * (at(f"{side}_index") + at(f"{side}_pinky")) - at(f"{side}_wrist")
            wrist = _swing(hand, rest[2], lower)
        elif f"{side}_hand" in joints:
            wrist = _swing(at(f"{side}_hand") - at(f"{side}_wrist"), rest[2], lower)
        rotation[:, joint(f"{side}_shoulder")] = chest.swapaxes(-1, -2) @ upper
        rotation[:, joint(f"{side}_elbow")] = upper.swapaxes(-1, -2) @ lower
        rotation[:, joint(f"{side}_wrist")] = lower.swapaxes(-1, -2) @ wrist
    return rotation


def _head(landmarks: np.ndarray, joints: JointSet, chest: np.ndarray) -> np.ndarray:
    """Global rotations (F,3,3) of the head; the chest's if the set has no head landmarks."""

    def at(name: str) -> np.ndarray:
        return landmarks[:, joints.index(name)]

    if all(name in joints for name in ("nose", "left_ear", "right_ear")):
        ears = at("left_ear") - at("right_ear")
        ahead = at("nose") - 0.5 * (at("left_ear") + at("right_ear"))
        # Seen from the ears, the nose lies about 20 degrees below straight ahead.
        rest_forward = np.array([[0.0, -np.sin(np.radians(20)), np.cos(np.radians(20))]])
        return np.asarray(_frame(ears, ahead) @ _frame(np.array([[1.0, 0, 0]]), rest_forward).swapaxes(-1, -2))
    for lower, upper, forward in _UPRIGHT:
        if lower in joints and upper in joints:
            rest_up = np.array([0.0, np.cos(np.radians(forward)), np.sin(np.radians(forward))])
            return _swing(at(upper) - at(lower), rest_up, chest)
    return chest


def _unit(v: np.ndarray) -> np.ndarray:
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), _MIN_LENGTH))


def _frame(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Right-handed frames (F,3,3): the first column along `first`, the second in the plane of `first` and `second`.

    If the two do not span a plane (coincident landmarks), any plane will do.
    """
    first = np.where(np.linalg.norm(first, axis=-1, keepdims=True) > _MIN_LENGTH, first, [1.0, 0.0, 0.0])
    x = _unit(first)
    across = second - np.sum(second * x, axis=-1, keepdims=True) * x
    spare = np.eye(3)[np.abs(x).argmin(axis=-1)]
    spare = spare - np.sum(spare * x, axis=-1, keepdims=True) * x
    y = _unit(np.where(np.linalg.norm(across, axis=-1, keepdims=True) > _MIN_LENGTH, across, spare))
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _swing(direction: np.ndarray, rest: np.ndarray, base: np.ndarray) -> np.ndarray:
    """`base` (F,3,3) followed by the smallest rotation that brings the rest direction (3,) onto `direction` (F,3)."""
    return np.asarray(shortest_rotation(base @ rest, direction) @ base)


def _two_bones(
    upper: np.ndarray,
    lower: np.ndarray,
    rest_upper: np.ndarray,
    rest_lower: np.ndarray,
    hinge: np.ndarray,
    base: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Global rotations of a limb's two bones: the upper aligned with the bending plane, the lower swung within it."""
    straight = _swing(upper, rest_upper, base)
    # A nearly straight limb has no bending plane; the parent's hinge axis takes over smoothly.
    plane = np.cross(_unit(upper), _unit(lower)) + 0.2 * (straight @ hinge)
    turned = _frame(upper, plane) @ _frame(rest_upper[None], hinge[None]).swapaxes(-1, -2)
    return turned, _swing(lower, rest_lower, turned)
