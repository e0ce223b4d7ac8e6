"""The joints of a BVH file in space: its rotations and all of its position channels, frame by frame.

A position channel replaces the joint's offset from its parent, according to the format's descriptions and in most
programs. Some write positions relative to the offset instead. These are recognised by their values: they stay near zero
although the offset is long, or they leave the feet far from the floor unless added to the offset. Constant channels of
joints inside the body are a constant offset, whatever their value.

End sites count as joints that never rotate: the end of a forearm is a wrist, the end of a foot its toes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.body.kinematics import forward_kinematics
from kinema.formats.bvh_parsing import BvhFile
from kinema.formats.report import Notes

_AXES = {"Xposition": 0, "Yposition": 1, "Zposition": 2}

RELATIVE = 0.1
"""Positions shorter than this fraction of the joint's offset are relative to it."""

STILL = 0.01
"""Positions that vary by less than this fraction of the joint's offset do not move."""

SAMPLES = 240
"""Number of frames from which constants of a file are estimated."""


@dataclass(frozen=True, eq=False)
class BvhSkeleton:
    """A BVH file's joints and end sites, J in all, in its units and axes.

    The joints of the file are the first of the J, end sites follow. parents (J,), -1 for the root; offsets (J,3) from
    the parent, median where they move. moving: by joint that moves relative to its parent, the column of the file's
    values for each axis, and the constant (3,) added to them.
    """

    file: BvhFile
    parents: np.ndarray
    offsets: np.ndarray
    moving: dict[int, tuple[dict[int, int], np.ndarray]]

    def __len__(self) -> int:
        return len(self.parents)

    def pose(self, rows: Any) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (n,J,3,3) and positions (n,J,3) of all joints in the file's world. rows: slice or (n,) indices."""
        file = self.file
        count = len(file.values[rows])
        rotations = np.broadcast_to(np.eye(3), (count, len(self), 3, 3)).copy()
        for joint in range(len(file.names)):
            rotations[:, joint] = file.rotation(joint, rows)
        offsets = np.broadcast_to(self.offsets, (count, len(self), 3)).copy()
        for joint, (columns, base) in self.moving.items():
            offsets[:, joint] = base
            for axis, column in columns.items():
                offsets[:, joint, axis] += file.values[rows, column]
        return forward_kinematics(rotations, offsets, self.parents, offsets[:, 0])

    def at_zero(self) -> np.ndarray:
        """(J,3) positions with all rotations zero and moving joints at their median, the root at the origin."""
        identity = np.broadcast_to(np.eye(3), (len(self), 3, 3))
        return np.asarray(forward_kinematics(identity, self.offsets, self.parents, np.zeros(3))[1])

    def samples(self) -> np.ndarray:
        """Indices of frames spread evenly over the file."""
        spread = np.linspace(0, len(self.file) - 1, min(len(self.file), SAMPLES))
        return np.asarray(np.unique(spread.round().astype(int)))


def bvh_skeleton(file: BvhFile, joints: dict[str, int], notes: Notes) -> BvhSkeleton:
    """The skeleton of a file. joints: index of the file's joint for SMPL joints, the pelvis and ankles among them."""
    parents = np.concatenate([file.parents, np.array(sorted(file.ends), dtype=int)])
    offsets = np.concatenate([file.offsets, *(file.ends[joint][None] for joint in sorted(file.ends))]).astype(float)
    above = set(ancestors(file.parents, joints["pelvis"])) | {joints["pelvis"]}
    moving: dict[int, tuple[dict[int, int], np.ndarray]] = {}
    loose, relative = [], []
    for joint, name in enumerate(file.names):
        first, channels = file.columns(joint)
        columns = {_AXES[channel]: first + i for i, channel in enumerate(channels) if channel in _AXES}
        if not columns:
            continue
        axes = list(columns)
        values = file.values[:, list(columns.values())]
        usual = np.median(values, axis=0)
        length = float(np.linalg.norm(offsets[joint]))
        base = offsets[joint].copy()
        if np.linalg.norm(usual) < RELATIVE * length:
            relative.append(joint)
        else:
            base[axes] = 0.0
        offsets[joint] = base
        offsets[joint, axes] += usual
        still = STILL * max(float(np.linalg.norm(offsets[joint])), 1e-6)
        if joint in above or np.max(np.abs(values - usual), initial=0.0) > still:
            moving[joint] = columns, base
            if joint not in above:
                loose.append(name)
    if loose:
        notes.add(f"joints that move relative to their parents: {', '.join(loose[:6])}{', ...' * (len(loose) > 6)}")
    skeleton = BvhSkeleton(file, parents, offsets, moving)
    return _on_floor(skeleton, joints, above, relative, notes)


def _on_floor(
    skeleton: BvhSkeleton, joints: dict[str, int], above: set[int], relative: list[int], notes: Notes
) -> BvhSkeleton:
    """Add the offsets of the nodes down to the pelvis if that puts the feet on the floor."""
    file = skeleton.file
    replaced = [j for j in sorted(above) if j in skeleton.moving and j not in relative and file.offsets[j].any()]
    legs = [file.offsets[joints[f"{side}_{part}"]] for side in ("left", "right") for part in ("knee", "ankle")]
    leg = float(np.linalg.norm(legs, axis=1).sum()) / 2
    moving = dict(skeleton.moving)
    for joint in replaced:
        axis = int(np.argmax(np.abs(file.offsets[joint])))
        rise = float(file.offsets[joint, axis])
        columns = moving[joint][0]
        if rise < 0.3 * leg or axis not in columns:
            continue
        heights = skeleton.pose(skeleton.samples())[1][..., axis].min(axis=1)
        floor = float(np.percentile(heights, 5))
        if floor < -0.3 * leg and abs(floor + rise) < 0.15 * leg:
            moving[joint] = columns, file.offsets[joint].astype(float)
            relative.append(joint)
    if named := [file.names[joint] for joint in sorted(relative) if joint in above]:
        notes.add(f"the positions of {', '.join(named)} are relative to the offset in the file's skeleton")
    return BvhSkeleton(file, skeleton.parents, skeleton.offsets, moving)


def ancestors(parents: np.ndarray, joint: int) -> list[int]:
    """The joints above a joint, nearest first."""
    chain = []
    while parents[joint] >= 0:
        joint = int(parents[joint])
        chain.append(joint)
    return chain
