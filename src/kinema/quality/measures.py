"""What is measured of a motion, frame by frame and joint by joint: plain functions of a `Course`.

Each returns (F,24) or (F,) numbers, larger is worse, NaN where it cannot be told. Those of change (jump, snap, shake,
tremor, swap) are as at 30 frames a second where frames are farther apart, see `Course.coarseness`.
docs/validation.md says in words what each one means; `kinema.quality.limits` holds the limits.
"""

from __future__ import annotations

import numpy as np

from kinema.quality.trajectory import Course
from kinema.skeleton import SMPL24
from kinema.temporal.gaps import runs

WINDOW = 0.5
"""Seconds over which shaking is judged."""

SHAKY = 1.5
"""Third difference over first from which movement is shaking: white noise has 3.2, a swing of 5 Hz 1.1."""

FLOOR_NOISE = 0.02
"""Metres that bodies move between two frames without it telling anything about left and right."""

STILL = 2e-4
"""Metres: a pelvis that stays within them stands still as no living one does."""

ELSEWHERE = 0.25
"""Metres off y = 0 from which the ground is taken to be where the feet stand."""

_LEGS = ("left_knee", "left_ankle", "left_foot", "right_knee", "right_ankle", "right_foot")
_ARMS = ("left_elbow", "left_wrist", "left_hand", "right_elbow", "right_wrist", "right_hand")
PARTS = {"legs": _LEGS, "arms": _ARMS}
FEET = ("left_ankle", "right_ankle", "left_foot", "right_foot")
# Hinges: the axis (in the parent's frame at rest) about which they bend, with the sign of the natural bend.
HINGES = {"left_knee": (0, 1), "right_knee": (0, 1), "left_elbow": (1, -1), "right_elbow": (1, 1)}


def _placed(course: Course, values: np.ndarray) -> np.ndarray:
    """Values of steps (F - stride, ...) at the frames that the steps lead into: (F, ...), NaN before."""
    out = np.full((len(course.times), *values.shape[1:]), np.nan)
    out[len(out) - len(values) :] = values
    return out


def speed(course: Course) -> np.ndarray | None:
    """(F,24) m/s: of the pelvis (column 0), of every other joint relative to it."""
    if course.speeds is None:
        return None
    speeds = course.speeds.copy()
    if not course.steady:
        speeds[:, 0] = np.nan
    return _placed(course, speeds)


def jump(course: Course) -> np.ndarray | None:
    """(F,24) m/s by which a joint is faster than its usual speed two steps before and after allows.

    That is its speed less twice the median of its four neighbours in time: near zero or below it in real movement,
    where speed builds up, and the whole of the step where something jumps.
    """
    return None if course.speeds is None else _jump(course, course.speeds, steady_root=True)


def snap(course: Course) -> np.ndarray | None:
    """(F,24) degrees per second by which a rotation is faster than its neighbours in time allow, as `jump`."""
    return None if course.turns is None else _jump(course, course.turns, steady_root=False)


def turn(course: Course) -> np.ndarray | None:
    """(F,24) degrees per second by which each joint turns relative to its parent."""
    return None if course.turns is None else _placed(course, course.turns)


def _jump(course: Course, rates: np.ndarray, *, steady_root: bool) -> np.ndarray:
    k, count = course.stride, len(rates)
    rates = np.where(course.unbroken[:, None], rates, np.nan)
    usual = np.full(rates.shape, np.nan)
    if count:
        near = np.stack([_shifted(rates, k * offset) for offset in (-2, -1, 1, 2)])
        usual = _median_of_four(near)
    excess = (rates - 2 * usual) / course.coarseness
    if steady_root and not course.steady:
        excess[:, 0] = np.nan
    return _placed(course, excess)


def _shifted(values: np.ndarray, offset: int) -> np.ndarray:
    """values[i + offset] at i; NaN beyond the ends."""
    out = np.full(values.shape, np.nan)
    if abs(offset) < len(values):
        if offset >= 0:
            out[: len(values) - offset] = values[offset:]
        else:
            out[-offset:] = values[:offset]
    return out


def _median_of_four(near: np.ndarray) -> np.ndarray:
    """Median along the first axis (4,F,J) of the numbers there are; 0 where there are none."""
    # The two in the middle are what the least and the greatest leave over.
    a, b = np.minimum(near[0], near[1]), np.maximum(near[0], near[1])
    c, d = np.minimum(near[2], near[3]), np.maximum(near[2], near[3])
    out = 0.5 * (np.maximum(a, c) + np.minimum(b, d))
    holes = np.flatnonzero(np.isnan(out).any(axis=1))  # at the ends and beside gaps
    order = np.sort(near[:, holes], axis=0)  # NaN last
    known = np.isfinite(order).sum(axis=0)
    low = np.take_along_axis(order, np.maximum((known - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(order, np.maximum(known // 2, 0).clip(max=3)[None], axis=0)[0]
    out[holes] = np.where(known > 0, 0.5 * (low + high), 0.0)
    return out


def shake(course: Course) -> np.ndarray | None:
    """(F,24) mm: size of the noise on each joint's place where it shakes, else 0.

    From the third difference, over half a second, of joints relative to the pelvis (column 0: the pelvis itself).
    """
    if course.relative is None:
        return None
    noise = 1000 * _noise(course, course.relative)
    if not course.steady:
        noise[:, 0] = np.nan
    return noise


def tremor(course: Course) -> np.ndarray | None:
    """(F,24) degrees: size of the noise on each joint's rotation where it shakes, else 0, as `shake`."""
    # Half an angle's sine is the quaternion's vector part.
    return None if course.quaternions is None else np.degrees(2 * _noise(course, course.quaternions))


def _noise(course: Course, values: np.ndarray) -> np.ndarray:
    """(F,24) standard deviation per coordinate of white noise on values (F,24,D), where there is any to see."""
    k, count = course.stride, len(values)
    out = np.zeros(values.shape[:2])
    if count < 3 * k + 2:
        return out
    first = values[k:] - values[:-k]
    third = first[2 * k :] - 2 * first[k:-k] + first[: -2 * k]  # (F - 3k)
    broken = ~course.unbroken
    gap = broken[2 * k :] | broken[k:-k] | broken[: -2 * k]
    # Medians are the dear part; single precision halves it.
    length1 = np.sqrt(np.einsum("fjd,fjd->fj", first[k:-k], first[k:-k])).astype(np.float32)
    length3 = np.sqrt(np.einsum("fjd,fjd->fj", third, third)).astype(np.float32)
    length1[gap] = length3[gap] = 0.0
    window = max(3, round(WINDOW / course.interval))
    hop = max(1, window // 4)
    starts = np.arange(0, max(1, len(third) - window + 1), hop)
    # Three independent coordinates of variance 20 s^2 have a median length of 1.538 sqrt(20) s.
    scale = 1 / (1.538 * np.sqrt(20) * course.coarseness**3)
    if len(third) >= window:
        rows = np.lib.stride_tricks.sliding_window_view
        median1 = np.median(rows(length1, window, axis=0)[starts], axis=-1)
        median3 = np.median(rows(length3, window, axis=0)[starts], axis=-1)
    else:
        median1, median3 = np.median(length1, axis=0)[None], np.median(length3, axis=0)[None]
    noise = np.where(median3 > SHAKY * median1, scale * median3, 0.0)
    for row, start in zip(noise, starts, strict=True):
        # A window's middle half stands for it; windows overlap, so each frame is told by those around it.
        left = start + (0 if start == 0 else k + window // 4)
        right = start + k + (window + hop) // 2 + hop if start != starts[-1] else count
        np.maximum(out[left:right], row, out=out[left:right])
    return out


def angle(course: Course) -> np.ndarray | None:
    """(F,24) degrees by which each joint is turned from the T-pose; NaN for the pelvis, which may lie anyhow."""
    if course.quaternions is None:
        return None
    angles = np.degrees(2 * np.arccos(np.abs(course.quaternions[..., 3]).clip(max=1)))
    angles[:, 0] = np.nan
    return angles


def overstretch(course: Course) -> np.ndarray | None:
    """(F,24) degrees by which knees and elbows bend the wrong way; NaN for other joints."""
    if course.quaternions is None:
        return None
    out = np.full(course.quaternions.shape[:2], np.nan)
    for joint, (axis, sign) in HINGES.items():
        index = SMPL24.index(joint)
        quaternion = course.quaternions[:, index]
        # The part of the rotation about the hinge (swing and twist), in -180..180 degrees.
        bend = np.degrees(2 * np.arctan2(sign * quaternion[:, axis], quaternion[:, 3]))
        out[:, index] = -((bend + 180) % 360 - 180)
    return out


def limb(course: Course) -> np.ndarray | None:
    """(F,24) percent by which each bone (parent to joint) differs from its median length over the track."""
    if course.joints is None or not len(course.times):
        return None
    parents = list(SMPL24.parents or ())
    bones = course.joints[:, 1:] - course.joints[:, parents[1:]]
    lengths = np.sqrt(np.einsum("fjd,fjd->fj", bones, bones))
    usual = np.median(lengths, axis=0)
    out = np.full(course.joints.shape[:2], np.nan)
    out[:, 1:] = 100 * np.abs(lengths - usual) / np.maximum(usual, 0.03)
    return out


def swap(course: Course, part: str) -> np.ndarray | None:
    """(F,): how much nearer the limbs are to their other side's places a moment before than to their own.

    1: no telling; 5: exchanged. part: "legs" or "arms".
    """
    if course.relative is None:
        return None
    joints = PARTS[part]
    own = course.relative[:, SMPL24.indices(joints)]
    other = own[:, [3, 4, 5, 0, 1, 2]]
    k = course.stride
    kept = np.linalg.norm(own[k:] - own[:-k], axis=-1).mean(axis=1)
    exchanged = np.linalg.norm(other[k:] - own[:-k], axis=-1).mean(axis=1)
    ratio = kept / (exchanged + FLOOR_NOISE) / course.coarseness
    return _placed(course, np.where(course.unbroken, ratio, np.nan))


def ground_level(course: Course) -> float:
    """Metres: the height on which the feet stand: 0, unless they are far from it in the whole track."""
    if course.joints is None or not len(course.times):
        return 0.0
    lowest = course.joints[:, SMPL24.indices(FEET), 1].min(axis=1)
    level = float(np.percentile(lowest, 5))
    return level if abs(level) > ELSEWHERE else 0.0


def penetration(course: Course) -> np.ndarray | None:
    """(F,24) metres by which each joint's centre lies below the ground; None where there is no world."""
    if course.joints is None or not course.world:
        return None
    return ground_level(course) - course.joints[..., 1]


def foot_speed(course: Course) -> np.ndarray | None:
    """(F,) m/s of the slowest of ankles and toes; None where the frame of reference moves."""
    if course.joints is None or not course.steady:
        return None
    feet = course.joints[:, SMPL24.indices(FEET)]
    return _placed(course, course.steps(feet).min(axis=1))


def frozen(course: Course) -> np.ndarray | None:
    """(F,) seconds for which the pelvis stands stock-still around each frame, in a frame that stands still."""
    if course.joints is None or not course.steady or len(course.times) < 2:
        return None
    root = course.joints[:, 0]
    still = np.linalg.norm(np.diff(root, axis=0), axis=-1) < STILL / 4
    out = np.zeros(len(root))
    for first, last in runs(still):
        out[first : last + 1] = course.times[last] - course.times[first]
    return out
