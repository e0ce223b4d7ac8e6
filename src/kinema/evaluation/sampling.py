"""Interpolates the truth at other times: cubic splines through its rows, joint by joint, never across a gap."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from kinema.evaluation.truth import Truth, TruthPerson
from kinema.formats.angles import pose_quaternions
from kinema.temporal.gaps import shot_of, split_after, usual_steps

BRIDGED = 0.05
"""Seconds: gaps up to this are bridged at any rate. A wrist that swings by 0.3 m three times a second is then off by
less than a millimetre."""

LONGEST = 0.2
"""Seconds: longer steps are never bridged, at any rate of the truth; a limb completes a swing in that time."""

_GAP = 1.5
"""Steps longer than this multiple of the usual one nearby are gaps, if they are longer than `BRIDGED`."""


def truth_at_rows(truth: Truth, rows: np.ndarray) -> Truth:
    """The truth's own rows (N,), unchanged, without its cuts."""
    people = tuple(_each_array(person, lambda values, name: values[rows]) for person in truth.people)
    return Truth(truth.source, truth.times[rows], people, truth.camera)


def sample_truth(truth: Truth, times: np.ndarray, at: np.ndarray, tolerance: float) -> Truth:
    """The truth at the times `at` (N,), increasing; times (T,): those of its rows.

    Joint by joint, as in `sample`. Rotations are interpolated as normalized quaternions.
    """
    longest = longest_steps(times, truth.cuts)

    def sampled(values: np.ndarray, name: str) -> np.ndarray:
        if name.startswith("pose"):
            return sample(values[:, None], times, at, longest, tolerance, _rotations)[:, 0]
        return sample(values, times, at, longest, tolerance)

    people = tuple(_each_array(person, sampled) for person in truth.people)
    return Truth(truth.source, at, people, truth.camera)


def longest_steps(times: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """(T - 1,) seconds: the longest step from each row that is not a gap, 0 at a cut."""
    longest = np.minimum(np.fmax(_GAP * usual_steps(times), BRIDGED), LONGEST)
    return np.where(np.diff(shot_of(np.arange(len(times)), cuts)) > 0, 0.0, longest)


def cubic(known: np.ndarray, times: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(F, ...) at `times` -> (N, ...) at the times `at`: a cubic spline; a parabola or line through fewer than four."""
    return np.asarray(CubicSpline(times, known)(at))


def sample(
    values: np.ndarray,
    times: np.ndarray,
    at: np.ndarray,
    longest: np.ndarray,
    tolerance: float,
    through: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] = cubic,
) -> np.ndarray:
    """(T, J, D) at `times` -> (N, J, D) at the times `at`, each of the J separately.

    NaN before the first known row, after the last and within gaps (steps of more than `longest`, see `longest_steps`);
    a joint known in one row only is unknown at other times. Times up to `tolerance` seconds outside count as inside.
    through: the curve.
    """
    out = np.full((len(at), *values.shape[1:]), np.nan)
    for rows, joints in _known_together(values, times, longest):
        inside = (at >= times[rows[0]] - tolerance) & (at <= times[rows[-1]] + tolerance)
        if inside.any():
            known = values[np.ix_(rows, joints)]
            out[np.ix_(inside, joints)] = known if len(rows) == 1 else through(known, times[rows], at[inside])
    return out


def _each_array(person: TruthPerson, change: Callable[[np.ndarray, str], np.ndarray]) -> TruthPerson:
    arrays = {name: getattr(person, name) for name in ("joints", "joints_world", "pose", "pose_world")}
    changed: dict[str, Any] = {name: change(values, name) for name, values in arrays.items() if values is not None}
    return dataclasses.replace(person, **changed)


def _known_together(
    columns: np.ndarray, times: np.ndarray, longest: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(rows, joints) of columns (T, J, D): joints that are known in the same rows, without a gap between them.

    longest (T - 1,): seconds, as returned by `longest_steps`.
    """
    known = np.isfinite(columns).all(axis=-1)
    patterns, which = np.unique(known, axis=1, return_inverse=True)
    for number, pattern in enumerate(patterns.T):
        rows = np.flatnonzero(pattern)
        joints = np.flatnonzero(which.ravel() == number)
        if not len(rows):
            continue
        # A step over missing rows is limited by the strictest of the steps in it, so none crosses a cut.
        allowed = np.minimum.reduceat(longest[: rows[-1]], rows[:-1]) if len(rows) > 1 else longest[:0]
        for piece in split_after(np.diff(times[rows]) > allowed, len(rows)):
            yield rows[piece], joints


def _rotations(pose: np.ndarray, times: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(F, 1, 3 J) axis-angle at `times` -> (N, 1, 3 J) at the times `at`."""
    spline = cubic(pose_quaternions(pose[:, 0]), times, at)
    turned = Rotation.from_quat(spline.reshape(-1, 4))  # normalizes
    return np.asarray(turned.as_rotvec().reshape(len(at), 1, -1))
