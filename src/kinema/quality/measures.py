"""Measures of a motion per frame and per joint: plain functions of a `BodyTrajectory`.

Each returns (F,24) or (F,) numbers; larger is worse, NaN means undefined. Below 30 frames per second the measures of
change (jump, snap, shake, tremor, swap) are scaled to that rate, see `BodyTrajectory.coarseness`. docs/validation.md
explains each in words; `kinema.quality.limits` holds the limits.
"""

from __future__ import annotations

import numpy as np

from kinema.quality.stance import FEET
from kinema.quality.trajectory import GAP, BodyTrajectory
from kinema.skeleton import SMPL24

WINDOW = 0.5
"""Seconds of the window in which shaking is detected."""

SHAKY = 1.5
"""Ratio of third to first difference above which movement is shaking: white noise has 3.2, a 5 Hz swing 1.1."""

SWAP_NOISE = 0.02
"""Metres of movement between two frames below which left and right cannot be told apart."""

BENT = 30.0
"""Smallest angle of a bent elbow in degrees, one way or the other."""

SPIN = 0.35
"""Seconds in which no joint makes a full turn about its parent."""

COARSE_FLIP, COARSEST_FLIP = 0.85, 1.85
"""How much a rotation may change more in a step longer than 1/30 s: as this power of its length, at most so much."""

_LEGS = ("left_knee", "left_ankle", "left_foot", "right_knee", "right_ankle", "right_foot")
_ARMS = ("left_elbow", "left_wrist", "left_hand", "right_elbow", "right_wrist", "right_hand")
PARTS = {"legs": _LEGS, "arms": _ARMS}
# Hinge joints: flexion axis (in the parent's frame at rest), and the sign of natural flexion.
HINGES = {"left_knee": (0, 1), "right_knee": (0, 1), "left_elbow": (1, -1), "right_elbow": (1, 1)}


def _at_frames(trajectory: BodyTrajectory, values: np.ndarray) -> np.ndarray:
    """Values of steps (F - stride, ...) at the frames that end the steps: (F, ...), NaN before the first."""
    out = np.full((len(trajectory.times), *values.shape[1:]), np.nan)
    out[len(out) - len(values) :] = values
    return out


def speed(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) m/s of the pelvis (column 0), and of every other joint relative to it."""
    if trajectory.speeds is None:
        return None
    speeds = trajectory.speeds.copy()
    if not trajectory.steady:
        speeds[:, 0] = np.nan
    return _at_frames(trajectory, speeds)


def jump(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) m/s by which a joint exceeds the speed expected from the two steps before and after.

    That is its speed minus twice the median of its four neighbours in time: about zero or negative in real movement,
    where speed builds up gradually, and the full speed of the step at a jump.
    """
    if trajectory.speeds is None:
        return None
    excess = trajectory.excess(trajectory.speeds)
    if not trajectory.steady:
        excess[:, 0] = np.nan
    return _at_frames(trajectory, excess)


def snap(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) degrees per second by which a rotation exceeds the rate expected from its neighbours, as `jump`."""
    return None if trajectory.excess_turns is None else _at_frames(trajectory, trajectory.excess_turns)


def turn(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) degrees per second at which each joint rotates relative to its parent."""
    return None if trajectory.turns is None else _at_frames(trajectory, trajectory.turns)


def flip(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) degrees by which a rotation relative to the parent exceeds, in 1/30 s, what its neighbours lead to expect.

    As `snap`, but as an angle: no joint of a living person turns by 75 degrees from one frame to the next out of rest,
    whatever limb is at its end. Steps longer than 1/30 s may be larger.
    """
    if trajectory.excess_turns is None:
        return None
    longer = trajectory.coarseness / min(trajectory.coarseness**COARSE_FLIP, COARSEST_FLIP)
    return _at_frames(trajectory, trajectory.excess_turns * (longer * trajectory.spans)[:, None])


def spin(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) degrees by which a joint has turned about its parent in `SPIN` seconds, counted beyond 180: a full turn is
    360. NaN for the pelvis: people as a whole turn as often as they like.

    Angles that were interpolated across their wrap from 180 to -180 degrees turn the long way round.
    """
    if trajectory.quaternions is None:
        return None
    out = np.full(trajectory.quaternions.shape[:2], np.nan)
    k = max(1, round(SPIN / trajectory.interval)) if trajectory.interval > 0 else 1
    if len(out) <= k:
        return out
    # Signs are continuous: after a full turn a quaternion is minus what it was.
    half = np.einsum("fjc,fjc->fj", trajectory.quaternions[k:], trajectory.quaternions[:-k])
    whole = trajectory.times[k:] - trajectory.times[:-k] < GAP * k * trajectory.interval
    if trajectory.shots is not None:
        whole &= trajectory.shots[k:] == trajectory.shots[:-k]
    out[k:] = np.where(whole[:, None], np.degrees(2 * np.arccos(half.clip(-1, 1))), np.nan)
    out[:, 0] = np.nan
    return out


def shake(trajectory: BodyTrajectory, *, surely: bool = True) -> np.ndarray | None:
    """(F,24) mm: amplitude of the noise on each joint's position where it shakes, else 0.

    From third differences, over half a second, of joints relative to the pelvis (column 0: the pelvis itself). Movement
    that goes on for two frames or more, however fast, is no noise. surely: what is surely noise, not what may be.
    """
    if trajectory.relative is None:
        return None
    noise = 1000 * _noise(trajectory, trajectory.relative, surely)
    if not trajectory.steady:
        noise[:, 0] = np.nan
    return noise


def tremor(trajectory: BodyTrajectory, *, surely: bool = True) -> np.ndarray | None:
    """(F,24) degrees: amplitude of the noise on each joint's rotation where it shakes, else 0, as `shake`."""
    # A quaternion's vector part is the sine of half the angle.
    return (
        None if trajectory.quaternions is None else np.degrees(2 * _noise(trajectory, trajectory.quaternions, surely))
    )


def _noise(trajectory: BodyTrajectory, values: np.ndarray, surely: bool) -> np.ndarray:
    """(F,24) standard deviation per coordinate of white noise on values (F,24,D); 0 where none is detected.

    Third differences hardly contain smooth movement, but a strike that takes one or two frames is in them like noise.
    Over twice the step, what noise leaves in them is as large as before; what movement leaves is larger, at least twice
    in square: that much where velocities are unrelated from frame to frame, more if they are not. Of a square n + m of
    noise and movement over the single step there is at least n + 2 m over the double one, which tells n from m.
    """
    k, count = trajectory.stride, len(values)
    out = np.zeros(values.shape[:2])
    if count < 3 * k + 2:
        return out
    first = values[k:] - values[:-k]
    # Medians take most of the time; single precision halves it.
    length1 = np.sqrt(np.einsum("fjd,fjd->fj", first[k:-k], first[k:-k])).astype(np.float32)
    length3 = _third_differences(trajectory, first, 1)
    length1[_interrupted(trajectory, 1)] = 0.0
    double = _third_differences(trajectory, values[2 * k :] - values[: -2 * k], 2)
    window = max(3, round(WINDOW / trajectory.interval))
    hop = max(1, window // 4)
    starts = np.arange(0, max(1, len(length3) - window + 1), hop)
    # Three independent coordinates of variance 20 s^2 have a median length of 1.538 sqrt(20) s.
    scale = 1 / (1.538 * np.sqrt(20) * trajectory.coarseness**3)
    median1, median3 = _medians(length1, window, starts), _medians(length3, window, starts)
    if surely and len(double):
        # The middle of a double difference is later by half of what it is longer.
        median6 = _medians(double, window, np.clip(starts - 3 * k // 2, 0, max(0, len(double) - window)))
        noise = np.sqrt(np.clip(2 * median3**2 - median6**2, 0.0, median3**2))
    else:
        noise = median3
    noise = np.where(median3 > SHAKY * median1, scale * noise, 0.0)
    for row, start in zip(noise, starts, strict=True):
        # Each window counts for its middle half; windows overlap, so that every frame is covered.
        left = start + (0 if start == 0 else k + window // 4)
        right = start + k + (window + hop) // 2 + hop if start != starts[-1] else count
        np.maximum(out[left:right], row, out=out[left:right])
    return out


def _third_differences(trajectory: BodyTrajectory, first: np.ndarray, times: int) -> np.ndarray:
    """(n,24) lengths of the third differences over `times` strides, of first differences over as many; 0 in a gap."""
    k = times * trajectory.stride
    if len(first) <= 2 * k:
        return np.zeros((0, first.shape[1]), dtype=np.float32)
    third = first[2 * k :] - 2 * first[k:-k] + first[: -2 * k]
    length = np.sqrt(np.einsum("fjd,fjd->fj", third, third)).astype(np.float32)
    length[_interrupted(trajectory, times)] = 0.0
    return np.asarray(length)


def _interrupted(trajectory: BodyTrajectory, times: int) -> np.ndarray:
    """(n,) bool: a gap or a cut lies within the third difference over `times` strides."""
    k, broken = trajectory.stride, ~trajectory.unbroken
    count = len(broken) + k - 3 * k * times
    return np.asarray(np.any([broken[i * k : i * k + count] for i in range(3 * times)], axis=0))


def _medians(lengths: np.ndarray, window: int, starts: np.ndarray) -> np.ndarray:
    """(len(starts),24) medians of lengths (n,24) over windows of frames; of all, if there are fewer."""
    if len(lengths) < window:
        return np.repeat(np.median(lengths, axis=0)[None], len(starts), axis=0)
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(lengths, window, axis=0)[starts], axis=-1))


def angle(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) degrees by which each joint is rotated from the T-pose; NaN for the pelvis, which is unconstrained."""
    if trajectory.quaternions is None:
        return None
    angles = np.degrees(2 * np.arccos(np.abs(trajectory.quaternions[..., 3]).clip(max=1)))
    angles[:, 0] = np.nan
    return np.asarray(angles)


def overstretch(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) degrees of hyperextension of knees and elbows; NaN for other joints.

    An elbow that bends the wrong way more often than not belongs to a rig whose upper arms are twisted: NaN.
    """
    if trajectory.quaternions is None:
        return None
    out = np.full(trajectory.quaternions.shape[:2], np.nan)
    for joint, (axis, sign) in HINGES.items():
        index = SMPL24.index(joint)
        quaternion = trajectory.quaternions[:, index]
        # The rotation about the hinge axis (swing-twist decomposition), in -180..180 degrees.
        bend = np.degrees(2 * np.arctan2(sign * quaternion[:, axis], quaternion[:, 3]))
        over = -((bend + 180) % 360 - 180)
        if joint.endswith("knee") or np.mean(over > BENT) < 0.5:
            out[:, index] = over
    return out


def limb(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,24) percent by which the length of each bone (parent to joint) differs from its median over the track."""
    if trajectory.joints is None or not len(trajectory.times):
        return None
    parents = list(SMPL24.parents or ())
    bones = trajectory.joints[:, 1:] - trajectory.joints[:, parents[1:]]
    lengths = np.sqrt(np.einsum("fjd,fjd->fj", bones, bones))
    usual = np.median(lengths, axis=0)
    out = np.full(trajectory.joints.shape[:2], np.nan)
    out[:, 1:] = 100 * np.abs(lengths - usual) / np.maximum(usual, 0.03)
    return out


def swap(trajectory: BodyTrajectory, part: str) -> np.ndarray | None:
    """(F,): how much closer the limbs are to the other side's previous positions than to their own, as a ratio.

    1: undecided; 5: swapped. part: "legs" or "arms".
    """
    if trajectory.relative is None:
        return None
    joints = PARTS[part]
    own = trajectory.relative[:, SMPL24.indices(joints)]
    other = own[:, [3, 4, 5, 0, 1, 2]]
    k = trajectory.stride
    kept = np.linalg.norm(own[k:] - own[:-k], axis=-1).mean(axis=1)
    swapped = np.linalg.norm(other[k:] - own[:-k], axis=-1).mean(axis=1)
    ratio = kept / (swapped + SWAP_NOISE) / trajectory.coarseness
    return _at_frames(trajectory, np.where(trajectory.unbroken, ratio, np.nan))


def foot_speed(trajectory: BodyTrajectory) -> np.ndarray | None:
    """(F,) m/s of the slowest of ankles and toes; None where the frame of reference moves."""
    if trajectory.joints is None or not trajectory.steady:
        return None
    feet = trajectory.joints[:, SMPL24.indices(FEET)]
    return _at_frames(trajectory, trajectory.steps(feet).min(axis=1))
