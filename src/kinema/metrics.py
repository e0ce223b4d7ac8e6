"""Metrics of 3D human motion as pure functions on arrays. docs/evaluation.md defines each one.

Positions are in metres, times in seconds, rotations are matrices; results are in the same units (the caller converts
them to millimetres or degrees). F: frames, J: joints. A missing joint is NaN and is ignored; a mean over no joints
is NaN, never zero.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from kinema.errors import ShapeError, UsageError
from kinema.geometry.alignment import align, similarity
from kinema.geometry.rotations import geodesic_angle

BENDS = {
    "left_elbow": ("left_shoulder", "left_elbow", "left_wrist"),
    "right_elbow": ("right_shoulder", "right_elbow", "right_wrist"),
    "left_knee": ("left_hip", "left_knee", "left_ankle"),
    "right_knee": ("right_hip", "right_knee", "right_ankle"),
    "left_shoulder": ("left_hip", "left_shoulder", "left_elbow"),
    "right_shoulder": ("right_hip", "right_shoulder", "right_elbow"),
    "left_hip": ("left_shoulder", "left_hip", "left_knee"),
    "right_hip": ("right_shoulder", "right_hip", "right_knee"),
}
"""Angles computed from positions alone: at the middle joint, between the first and the last."""


# --- position errors ---------------------------------------------------------------------------------


def joint_errors(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distance of each joint from its truth: (F, J, 3), (F, J, 3) -> (F, J)."""
    result, truth = _pair(result, truth)
    return np.asarray(np.linalg.norm(result - truth, axis=-1))


def mpjpe(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean per-joint position error of each frame, (F,). Align the roots first if desired."""
    return nan_mean(joint_errors(result, truth), axis=-1)


def pa_joint_errors(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(F, J) errors after aligning each frame to its truth by the best similarity, without reflection."""
    return joint_errors(procrustes(result, truth), truth)


def pa_mpjpe(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Procrustes-aligned MPJPE of each frame, (F,)."""
    return nan_mean(pa_joint_errors(result, truth), axis=-1)


def n_mpjpe(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """MPJPE after scaling each frame to fit its truth best (Rhodin et al. 2018), (F,). Align the roots first."""
    result, truth = _pair(result, truth)
    seen = np.isfinite(result).all(axis=-1) & np.isfinite(truth).all(axis=-1)
    a, b = np.where(seen[..., None], result, 0.0), np.where(seen[..., None], truth, 0.0)
    power = np.sum(a * a, axis=(-1, -2))
    scale = np.divide(np.sum(a * b, axis=(-1, -2)), power, out=np.ones_like(power), where=power > 1e-18)
    return mpjpe(scale[:, None, None] * result, truth)


def procrustes(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """`result` (F, J, 3) aligned to `truth` by the best similarity of each frame, without reflection.

    Joints that are missing on either side are ignored. A frame with fewer than three joints is NaN.
    """
    result, truth = _pair(result, truth)
    seen = np.isfinite(result).all(axis=-1) & np.isfinite(truth).all(axis=-1)
    moved = np.full_like(result, np.nan)
    whole = seen.all(axis=-1)
    if seen.shape[1] < 3:
        return moved
    moved[whole] = align(result[whole], truth[whole])
    for frame in np.flatnonzero(~whole & (seen.sum(axis=-1) >= 3)):
        use = seen[frame]
        s, rotation, translation = similarity(result[frame, use], truth[frame, use])
        moved[frame] = s * result[frame] @ rotation.T + translation
    return moved


def vertex_errors(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean distance of the vertices, not aligned (V2V, PVE): (F, V, 3), (F, V, 3) -> (F,)."""
    return nan_mean(joint_errors(result, truth), axis=-1)


def pck(errors: np.ndarray, threshold: float, *, strict: bool = False) -> float:
    """Percent of the finite `errors` that are at most `threshold`; less than it if `strict`."""
    errors = np.asarray(errors)
    errors = errors[np.isfinite(errors)]
    if not errors.size:
        return math.nan
    return 100.0 * float(np.mean(errors < threshold if strict else errors <= threshold))


def auc(errors: np.ndarray, largest: float = 0.15, steps: int = 31, *, strict: bool = False) -> float:
    """Mean PCK over `steps` thresholds from 0 to `largest`, percent (MPI-INF-3DHP's area under the curve).

    strict: as that benchmark's own program counts, so that 96.8 % is the most that can be reached.
    """
    return float(np.mean([pck(errors, threshold, strict=strict) for threshold in np.linspace(0, largest, steps)]))


# --- motion ------------------------------------------------------------------------------------------


def time_derivative(
    positions: np.ndarray,
    times: np.ndarray,
    order: int,
    max_step: float | None = None,
    pieces: np.ndarray | None = None,
) -> np.ndarray:
    """The `order`-th time derivative by divided differences: (F, ...) at `times` (F,) -> (F - order, ...).

    For uniform steps these are the plain differences over dt**order; other steps are accounted for. Entry i
    spans frames i to i + order. max_step: seconds; entries that span a longer step are NaN (a gap). pieces (F,): a
    number for each frame; entries that span frames of different numbers are NaN (a cut).
    """
    positions, times = np.asarray(positions, dtype=np.float64), np.asarray(times, dtype=np.float64)
    if times.shape != positions.shape[:1]:
        raise ShapeError(f"times has shape {times.shape}, expected {positions.shape[:1]}, one time per frame")
    if np.any(np.diff(times) <= 0):
        raise ShapeError("times must be strictly increasing")
    if len(times) <= order:
        return np.zeros((0, *positions.shape[1:]))
    column = (slice(None), *(None,) * (positions.ndim - 1))
    difference = positions
    for k in range(1, order + 1):
        difference = (difference[1:] - difference[:-1]) / (times[k:] - times[:-k])[column]
    derivative = math.factorial(order) * difference
    apart = np.zeros(len(times) - 1, dtype=bool) if max_step is None else np.diff(times) > max_step
    if pieces is not None:
        apart |= np.diff(pieces) != 0
    if apart.any():
        derivative[np.lib.stride_tricks.sliding_window_view(apart, order).any(axis=-1)] = np.nan
    return derivative


def acceleration_error(
    result: np.ndarray,
    truth: np.ndarray,
    times: np.ndarray,
    max_step: float | None = None,
    pieces: np.ndarray | None = None,
) -> np.ndarray:
    """Norm of the difference of the accelerations, m/s^2: (F, J, 3), (F, J, 3), (F,) -> (F - 2, J)."""
    result, truth = _pair(result, truth)
    difference = time_derivative(result - truth, times, 2, max_step, pieces)
    return np.asarray(np.linalg.norm(difference, axis=-1))


def acceleration_error_per_frame(
    result: np.ndarray, truth: np.ndarray, visible: np.ndarray | None = None
) -> np.ndarray:
    """VIBE's acceleration error: second differences without the frame rate, (n,), in the input's unit per frame^2.

    result, truth: (F, J, D) of any D. visible (F,) bool: of the F - 2 values, those that involve an invisible frame are
    dropped.
    """
    result, truth = _pair(result, truth, dimensions=None)
    errors = np.linalg.norm(np.diff(result - truth, n=2, axis=0), axis=-1)
    if visible is not None:
        seen = np.asarray(visible, dtype=bool)
        errors = errors[seen[:-2] & seen[1:-1] & seen[2:]]
    return nan_mean(errors, axis=-1)


def velocity_error_per_frame(result: np.ndarray, truth: np.ndarray, visible: np.ndarray | None = None) -> np.ndarray:
    """Norm of the difference of the steps from frame to frame, metres per frame: (F, J, 3), (F, J, 3) -> (n, J).

    Its mean is MPJVE (Pavllo et al. 2019, section 6.1). visible (F,) bool: of the F - 1 steps, those from or to an
    invisible frame are dropped.
    """
    result, truth = _pair(result, truth)
    errors = np.asarray(np.linalg.norm(np.diff(result - truth, axis=0), axis=-1))
    if visible is not None:
        seen = np.asarray(visible, dtype=bool)
        errors = errors[seen[:-1] & seen[1:]]
    return errors


def jitter(
    positions: np.ndarray, times: np.ndarray, max_step: float | None = None, pieces: np.ndarray | None = None
) -> np.ndarray:
    """Norm of the jerk, m/s^3: (F, J, 3), (F,) -> (F - 3, J). Not an error: true motion has its own."""
    return np.asarray(np.linalg.norm(time_derivative(positions, times, 3, max_step, pieces), axis=-1))


def foot_sliding(
    points: np.ndarray, contacts: np.ndarray, times: np.ndarray, *, frames: np.ndarray | None = None, up: int = 1
) -> np.ndarray:
    """Horizontal speed, m/s, of points while they touch the ground: (F, P, 3), (F, P) bool, (F,) -> (F - 1, P).

    A step counts if the point is in contact in both of its frames; all others are NaN. frames (F,): frame
    indices, where some may be missing; steps across missing frames do not count. up: index of the world's vertical
    axis.
    """
    points, contacts = np.asarray(points, dtype=np.float64), np.asarray(contacts, dtype=bool)
    if points.ndim != 3 or points.shape[-1] != 3 or contacts.shape != points.shape[:2]:
        raise ShapeError(f"points {points.shape} and contacts {contacts.shape} must be (F, P, 3) and (F, P)")
    velocity = np.delete(time_derivative(points, times, 1), up, axis=-1)
    counted = contacts[1:] & contacts[:-1]
    if frames is not None:
        counted &= np.diff(frames)[:, None] == 1
    return np.where(counted, np.linalg.norm(velocity, axis=-1), np.nan)


def align_trajectory(result: np.ndarray, truth: np.ndarray, how: str = "yaw", up: int = 1) -> np.ndarray:
    """A path (F, 3) aligned to the true one (F, 3) by one rigid transform for all frames.

    how: "none", "translation", "yaw" (translation and a rotation about the vertical axis `up`), "rigid".
    """
    result, truth = _pair(result, truth)
    seen = np.isfinite(result).all(axis=-1) & np.isfinite(truth).all(axis=-1)
    if how == "none" or not seen.any():
        return result
    a, b = result[seen], truth[seen]
    rotation = np.eye(3)
    if how == "rigid":
        _, rotation, _ = similarity(a, b, scale=False)
    elif how == "yaw":
        # The best rotation about one axis: angle of the summed complex products in the horizontal plane.
        across = [axis for axis in range(3) if axis != up]
        za = (a - a.mean(axis=0))[:, across] @ [1, 1j]
        zb = (b - b.mean(axis=0))[:, across] @ [1, 1j]
        angle = np.angle(np.sum(zb * np.conj(za)))
        rotation[np.ix_(across, across)] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    elif how != "translation":
        raise UsageError(f"unknown alignment {how!r}; known: none, translation, yaw, rigid")
    return np.asarray((result - a.mean(axis=0)) @ rotation.T + b.mean(axis=0))


def path_length(positions: np.ndarray) -> float:
    """Metres travelled along (F, 3); missing frames are bridged by straight lines."""
    positions = np.asarray(positions, dtype=np.float64)
    positions = positions[np.isfinite(positions).all(axis=-1)]
    return float(np.sum(np.linalg.norm(np.diff(positions, axis=0), axis=-1)))


def root_trajectory_error(result: np.ndarray, truth: np.ndarray, how: str = "yaw", up: int = 1) -> float:
    """Mean distance of the aligned path (F, 3) from the true one, in percent of the distance travelled.

    NaN if the truth stands still (less than 1 cm travelled).
    """
    travelled = path_length(truth)
    if travelled < 0.01:
        return math.nan
    distance = np.linalg.norm(align_trajectory(result, truth, how, up) - truth, axis=-1)
    return 100.0 * float(nan_mean(distance)) / travelled


# --- angles ------------------------------------------------------------------------------------------


def rotation_errors(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Geodesic angle, radians, between rotations: (F, J, 3, 3), (F, J, 3, 3) -> (F, J)."""
    result, truth = np.asarray(result, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if result.shape != truth.shape or result.shape[-2:] != (3, 3):
        raise ShapeError(f"rotations have shapes {result.shape} and {truth.shape}; both must be (F, J, 3, 3)")
    return geodesic_angle(result, truth)


def bend_angles(joints: np.ndarray, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Joint angles from positions, radians in [0, pi], pi being straight: (F, J, 3) -> {joint: (F,)}.

    Only those of `BENDS` whose three joints are among `names`.
    """
    joints = np.asarray(joints, dtype=np.float64)
    place = {name: i for i, name in enumerate(names)}
    angles = {}
    for name, three in BENDS.items():
        if not all(joint in place for joint in three):
            continue
        first, middle, last = (joints[:, place[joint]] for joint in three)
        a, b = first - middle, last - middle
        # atan2 of cross and dot is accurate near 0 and pi, where arccos is not.
        angles[name] = np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1))
    return angles


# --- helpers -----------------------------------------------------------------------------------------


def nan_mean(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Mean of the finite values; NaN (without a warning) if there are none."""
    values = np.asarray(values, dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(np.where(np.isfinite(values), values, np.nan), axis=axis))


def _pair(result: np.ndarray, truth: np.ndarray, dimensions: int | None = 3) -> tuple[np.ndarray, np.ndarray]:
    result, truth = np.asarray(result, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if result.shape != truth.shape or result.ndim < 2 or result.shape[-1] != (dimensions or result.shape[-1]):
        raise ShapeError(f"result {result.shape} and truth {truth.shape} must both be (F, J, {dimensions or 'D'})")
    return result, truth
