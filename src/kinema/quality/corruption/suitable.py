"""For which clips a kind of damage makes sense: on the others it changes nothing visible."""

from __future__ import annotations

import numpy as np

from kinema.motion import Motion
from kinema.quality.corruption.rotation import longest_way
from kinema.quality.corruption.tracking import mirrored_limbs
from kinema.quality.skeletons import skeleton_of
from kinema.quality.trajectory import trajectory_of
from kinema.skeleton import SMPL24

_FEET = SMPL24.indices(("left_ankle", "right_ankle", "left_foot", "right_foot"))
_LIMBS = SMPL24.indices(
    [f"{side}_{name}" for side in ("left", "right") for name in ("knee", "ankle", "elbow", "wrist")]
)


def any_clip(motion: Motion) -> bool:
    """Every clip."""
    return True


def root_moves(motion: Motion) -> bool:
    """The pelvis moves by more than 5 millimetres in the second half."""
    root = _joints(motion)[motion.num_frames // 2 :, 0]
    return bool(np.ptp(root, axis=0).max() > 0.005)


def sides_differ(motion: Motion) -> bool:
    """With left and right swapped, knees, ankles, elbows and wrists are 10 centimetres away, in half of the frames."""
    person = motion.people[0]
    pose, transl = person.require("pose_world", "transl_world")
    mirrored = mirrored_limbs(pose.reshape(-1, 24, 3)).reshape(-1, 72)
    apart = skeleton_of(motion, person).joints(mirrored, transl) - _joints(motion)
    return bool(np.median(np.linalg.norm(apart[:, _LIMBS], axis=-1).mean(axis=1)) > 0.1)


def feet_rest(motion: Motion) -> bool:
    """At least two seconds, in a tenth of which some foot is slower than 0.15 m/s."""
    if motion.times[-1] - motion.times[0] < 2:
        return False
    feet = _joints(motion)[:, _FEET]
    stride = max(1, round(1 / 30 * motion.fps))
    seconds = motion.times[stride:] - motion.times[:-stride]
    speeds = np.linalg.norm(feet[stride:] - feet[:-stride], axis=-1) / seconds[:, None]
    return bool(np.percentile(speeds.min(axis=1), 10) < 0.15)


def on_the_ground(motion: Motion) -> bool:
    """In half of the frames the lower foot's joints are within 12 centimetres of y = 0."""
    return bool(np.mean(np.abs(_lowest(motion)) < 0.12) > 0.5)


def long_on_the_ground(motion: Motion) -> bool:
    """As `on_the_ground`, for at least three seconds."""
    return bool(motion.times[-1] - motion.times[0] >= 3) and on_the_ground(motion)


def upright(motion: Motion) -> bool:
    """As `on_the_ground`, and the trunk is within 30 degrees of the vertical on average."""
    joints = _joints(motion)
    trunk = (joints[:, SMPL24.index("neck")] - joints[:, 0]).mean(axis=0)
    return on_the_ground(motion) and bool(trunk[1] > np.cos(np.radians(30)) * np.linalg.norm(trunk))


def goes_somewhere(motion: Motion) -> bool:
    """The pelvis gets 0.5 metres along the ground within 1.5 seconds."""
    root = _joints(motion)[:, 0]
    if motion.times[-1] - motion.times[0] < 1.6:
        return False
    first, last = longest_way(root, motion.times)
    return bool(np.linalg.norm((root[last] - root[first])[[0, 2]]) > 0.5)


def _joints(motion: Motion) -> np.ndarray:
    joints = trajectory_of(motion, motion.people[0]).joints
    return np.zeros((motion.num_frames, 24, 3)) if joints is None else joints


def _lowest(motion: Motion) -> np.ndarray:
    """(F,) metres, height of the lowest of ankles and toes."""
    return np.asarray(_joints(motion)[:, _FEET, 1].min(axis=1))
