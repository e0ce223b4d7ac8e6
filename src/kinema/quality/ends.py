"""Frames at a track's ends that are not part of its movement: the rest pose or zeros that many programs write first.

The body jumps from them into the movement at once. They are judged separately and left out of all other measures;
`kinema stabilize` removes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.quality.trajectory import BASE, BodyTrajectory
from kinema.skeleton import SMPL24

JUMP, OTHER_JUMP = 0.06, 0.09
"""Metres by which the joints jump on average in 1/30 s, beyond twice what they do next to it: out of a T-pose, and out
of anything else."""

COARSE = 1.5
"""Largest factor by which the jump out of a T-pose must be larger in longer steps: the pose itself is evidence."""

FEW, LONGEST_REST = 0.1, 1.0
"""Longest duration in seconds of such frames: of any kind, and of a body at rest in its T-pose."""

T_POSE = 20.0
"""Largest mean rotation of the joints in a T-pose, degrees."""

_ARMS = SMPL24.indices(("left_shoulder", "right_shoulder")), SMPL24.indices(("left_wrist", "right_wrist"))


@dataclass(frozen=True)
class Ends:
    """first, last: the rows of the movement are first:last. size: metres of the larger jump. rest: whether the frames
    beyond are a T-pose."""

    first: int
    last: int
    size: float
    rest: bool

    @property
    def rows(self) -> slice:
        """The rows of the movement."""
        return slice(self.first, self.last)


def foreign_ends(trajectory: BodyTrajectory) -> Ends | None:
    """The frames at the ends that are not of the movement; None where all are."""
    count = len(trajectory.times)
    joints = trajectory.joints if trajectory.steady else trajectory.relative
    if joints is None or count < 5 or trajectory.interval <= 0:
        return None
    if not trajectory.steady:
        joints = joints[:, 1:]  # the root's way is the camera's
    first, size, rest = _leading(trajectory, joints)
    after, size_after, rest_after = _leading(trajectory, joints[::-1], backwards=True)
    if not first and not after:
        return None
    return Ends(first, count - after, max(size, size_after), (rest or not first) and (rest_after or not after))


def _leading(trajectory: BodyTrajectory, joints: np.ndarray, *, backwards: bool = False) -> tuple[int, float, bool]:
    """How many frames precede a jump into the movement, its size, and whether they are a T-pose."""
    k = trajectory.stride
    reach = int(LONGEST_REST / trajectory.interval) + 1
    part = joints[: reach + 6 * k]
    if len(part) < 3 * k + 2:
        return 0, 0.0, False
    steps = np.linalg.norm(part[k:] - part[:-k], axis=-1).mean(axis=1)
    whole = trajectory.unbroken[::-1] if backwards else trajectory.unbroken
    steps = np.where(whole[: len(steps)], steps, 0.0)
    longer = max(1.0, k * trajectory.interval / BASE)
    few = max(1, int(FEW / trajectory.interval))
    for i in range(min(reach, len(steps) - 2 * k) - 1, -1, -1):
        usual = float(np.median(steps[i + k : i + 5 * k]))
        if steps[i] <= JUMP * min(longer, COARSE) + 2 * usual or steps[i] < steps[i : i + k].max():
            continue
        number = i + 1
        if number > len(trajectory.times) // 3:
            continue
        if _is_t_pose(trajectory, number, backwards):
            return number, float(steps[i]), True
        usual = max(usual, float(np.median(steps[:i]))) if i else usual
        if number <= few and steps[i] > OTHER_JUMP * longer + 2 * usual:
            return number, float(steps[i]), False
    return 0, 0.0, False


def _is_t_pose(trajectory: BodyTrajectory, number: int, backwards: bool) -> bool:
    """Whether the body is in its T-pose in this many first or last frames, at least in the outermost one."""
    rows = slice(-number, None) if backwards else slice(0, number)
    outer = -1 if backwards else 0
    assert trajectory.joints is not None
    joints = trajectory.joints[rows]
    if np.ptp(joints - joints[:, :1], axis=0).max() > 0.02 and number > 2 * trajectory.stride:
        return False  # it moves: that is no rest
    arms = joints[outer, _ARMS[1]] - joints[outer, _ARMS[0]]
    level = bool(np.all(np.abs(arms[:, 1]) < 0.25 * np.linalg.norm(arms, axis=1)))
    if trajectory.quaternions is None:
        return level
    angles = 2 * np.arccos(np.abs(trajectory.quaternions[rows][outer, 1:, 3]).clip(max=1))
    return level or float(np.degrees(angles).mean()) < T_POSE
