"""Steps that the keypoints show: of a limb that strikes within a frame or two, not of one that jumps.

A motion alone cannot tell them apart: at 24 frames per second a fist crosses half of its way between two frames. Where
the person was seen in an image, the keypoints can: a sure one that makes the same step, and does not undo it at once,
as a slip of the network does.
"""

from __future__ import annotations

import numpy as np

from kinema.geometry.camera import NEAREST_DEPTH, project
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality.trajectory import BodyTrajectory
from kinema.skeleton import SMPL24, joint_set

SURE = 0.5
"""Confidence from which a keypoint counts."""

ENOUGH = 0.5
"""Share of a step in metres that keypoints must show: they do not show its depth."""

SLIP = 0.09
"""Seconds within which no limb makes a step and takes it back: a shaken fist takes 0.15 s."""

BACK = 0.5
"""Share of a step: if the limb ends closer than this to where it began, the step was taken back."""

SHOWN_BY = {"elbow": "elbow", "wrist": "wrist", "hand": "wrist", "knee": "knee", "ankle": "ankle", "foot": "ankle"}
"""Joint of a side -> the keypoint, and the joint, that show its steps: hands and feet go with the forearm and shank."""


def shown_steps(motion: Motion, person: Person, trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) in [0, 1]: how far keypoints show the step that ends in a frame; None where nothing can show it.

    Steps are those of `BodyTrajectory.speeds`. trajectory: of this person, for its stride.
    """
    k, joints, camera = trajectory.stride, person.joints, motion.camera
    if joints is None or camera is None or person.keypoints is None or person.keypoint_confidence is None:
        return None
    names = joint_set(person.keypoint_set or "")
    out = np.zeros(joints.shape[:2])
    if len(joints) <= k:
        return out
    pixels = project(joints, camera.intrinsics, camera.distortion)
    metres = np.maximum(joints[..., 2], NEAREST_DEPTH) / camera.intrinsics[0, 0]
    for side in ("left", "right"):
        for part, shows in SHOWN_BY.items():
            point = f"{side}_{shows}"
            if point not in names:
                continue
            column, joint = names.index(point), SMPL24.index(point)
            seen, confidence = person.keypoints[:, column], person.keypoint_confidence[:, column]
            body, image = pixels[k:, joint] - pixels[:-k, joint], seen[k:] - seen[:-k]
            whole = np.linalg.norm(joints[k:, joint] - joints[:-k, joint], axis=-1)
            shown = np.linalg.norm(body, axis=-1) - np.linalg.norm(body - image, axis=-1)
            share = np.clip(shown * metres[k:, joint] / np.maximum(ENOUGH * whole, 1e-9), 0.0, 1.0)
            sure = np.minimum(confidence[k:], confidence[:-k]) >= SURE
            share = np.where(sure & ~_taken_back(seen, k, trajectory.interval), share, 0.0)
            out[k:, SMPL24.index(f"{side}_{part}")] = np.nan_to_num(share)
    return out


def _taken_back(path: np.ndarray, k: int, interval: float) -> np.ndarray:
    """(F - k,) bool: the step over k frames of a path (F,2) is one there or one back of a slip."""
    start, end = path[:-k], path[k:]
    limit = BACK * np.linalg.norm(end - start, axis=-1)
    slip = np.zeros(len(start), dtype=bool)
    for more in range(1, int(SLIP / max(interval, 1e-9) + 1e-6) - k + 1):
        if more >= len(start):
            break
        slip[:-more] |= np.linalg.norm(end[more:] - start[:-more], axis=-1) < limit[:-more]
        slip[more:] |= np.linalg.norm(end[more:] - start[:-more], axis=-1) < limit[more:]
    return slip
