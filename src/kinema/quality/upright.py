"""Is the world's up the direction against gravity: on average, a standing body's centre of mass lies above its feet.

The force from the ground goes through the feet and, unless the body accelerates, through its centre of mass. The
mean over a track tells which way is up, to a few degrees: how weight is shared between two feet is unknown and averages
out only as people turn and step. What that leaves open, the direction from foot to foot, is just what two feet on one
floor show: in a tilted world one stands higher.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.body.mass import centre_of_mass
from kinema.quality.trajectory import BodyTrajectory
from kinema.skeleton import SMPL24

GRAVITY = 9.81

SPAN = 0.2
"""Seconds over which feet are seen to stand, and accelerations are measured."""

STANDING = 0.25
"""Speed of a foot, m/s, at which it half counts as standing."""

STRAIGHT, STRAIGHT_WIDTH = 0.9, 0.02
"""Distance from hip to ankle, as a fraction of the leg, above which a leg carries; people who sit bend theirs."""

HIGH = 0.7
"""Height of the centre of mass above the feet, as a fraction of the leg, below which nobody stands."""

LOW = 0.25
"""Metres above the body's lowest joint beyond which a foot carries nothing."""

STRIDE, WAY = 0.5, 1.5
"""Seconds within which a runner touches the ground; metres of way from which the ground's slope is measured."""

FORWARD = 0.06
"""Metres from the ankle forward to the middle of the foot, where the skeleton has no toes."""

MEMORY = 0.5
"""Seconds after which a frame's error counts as independent."""

LONG_ENOUGH = 0.8
"""Seconds of standing needed to estimate the vertical."""

FRAME, SYSTEMATIC = np.radians(4.0), np.radians(2.0)
"""Lean (sigma) of the line from feet to centre of mass in one frame, and on average over everything a person does."""

LEVEL = 0.015
"""Metres by which two feet on one floor usually differ in height, in the same direction all the time."""

UNKNOWN_WEIGHT = 0.6
"""Error of the centre of pressure between two standing feet, as a fraction of half their distance."""


@dataclass(frozen=True)
class Tilt:
    """degrees: angle from y to the direction against gravity. sigma: of that, degrees, in its direction. seconds: of
    the track, that say so."""

    degrees: float
    sigma: float
    seconds: float


def tilt(trajectory: BodyTrajectory) -> Tilt | None:
    """The tilt of the world, while the person stands, or else the slope of the ground that they run over.

    None where there is no world, and for people who neither stand nor run.
    """
    if trajectory.joints is None or not trajectory.world or trajectory.interval <= 0:
        return None
    every = max(1, round(SPAN / 2 / trajectory.interval))
    joints, times, step = trajectory.joints[::every], trajectory.times[::every], every * trajectory.interval
    if len(times) < 4:
        return None
    now = slice(1, len(times) - 1)
    mass = centre_of_mass(joints)
    before, after = np.diff(times)[:-1, None], np.diff(times)[1:, None]
    speeds = np.diff(mass, axis=0) / np.diff(times)[:, None]
    acceleration = np.diff(speeds, axis=0) / (0.5 * (after + before))
    feet = _feet(joints)
    weight = _carrying(joints[now], np.linalg.norm(feet[2:] - feet[:-2], axis=-1) / (after + before))
    share = weight.sum(axis=1).clip(max=1) * _straight(joints[now])
    left = weight[:, 0] / np.maximum(weight.sum(axis=1), 1e-9)
    up = mass[now] - left[:, None] * feet[now, 0] - (1 - left)[:, None] * feet[now, 1]
    height = up[:, 1]
    whole = (after + before)[:, 0] < 3 * step
    if trajectory.shots is not None:
        shots = trajectory.shots[::every]
        whole &= shots[2:] == shots[:-2]
    share = np.where((height > HIGH * np.median(_legs(joints))) & whole, share, 0.0)
    rows = share > 0.05
    seconds = float(share.sum()) * step
    if seconds < LONG_ENOUGH:
        return _slope(trajectory)
    height, share, left = height[rows, None], share[rows], left[rows]
    lean = (up[rows] - height / GRAVITY * acceleration[rows])[:, [0, 2]] / height
    between = 0.5 * (feet[now, 0] - feet[now, 1])[rows][:, [0, 2]] * (4 * left * (1 - left))[:, None] / height
    level = _level(joints[now][rows], weight[rows].min(axis=1) * share)
    return _estimate(lean, UNKNOWN_WEIGHT * between, share * step / MEMORY, level, seconds)


def _level(joints: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What feet that stand on one floor say of its up: information (2,2), and information times lean (2,).

    share (N,): how much both feet stand in each frame. Their heights err alike in every frame, so that more frames say
    more only where the feet stand in another direction.
    """
    toes = np.median(np.linalg.norm(joints[:, [10, 11]] - joints[:, [7, 8]], axis=-1)) > 0.05
    feet = joints[:, [10, 11]] if toes else joints[:, [7, 8]]
    line = feet[:, 0] - feet[:, 1]
    weight = np.where(share > 0.3, share, 0.0)
    if weight.sum() <= 0:
        return np.zeros((2, 2)), np.zeros(2)
    weight = weight / max(weight.sum(), 0.2 * len(weight)) / (LEVEL if toes else 2 * LEVEL) ** 2
    along = line[:, [0, 2]]
    information = np.einsum("n,ni,nj->ij", weight, along, along)
    return information, -np.einsum("n,ni,n->i", weight, along, line[:, 1])


def _estimate(
    lean: np.ndarray, unsure: np.ndarray, weight: np.ndarray, level: tuple[np.ndarray, np.ndarray], seconds: float
) -> Tilt:
    """The mean of leans (N,2), radians, each with a further error along `unsure` (N,2), and of what `_level` says."""
    spread = FRAME**2 * np.eye(2) + unsure[:, :, None] * unsure[:, None]
    information = np.linalg.inv(spread) * weight[:, None, None]
    covariance = np.linalg.inv(information.sum(axis=0))
    mean = covariance @ np.einsum("nij,nj->i", information, lean)
    # A person who keeps standing in the same way keeps the same error.
    same = np.average(unsure, axis=0, weights=weight)
    certain = np.linalg.inv(covariance + SYSTEMATIC**2 * np.eye(2) + np.outer(same, same))
    covariance = np.linalg.inv(certain + level[0])
    mean = covariance @ (certain @ mean + level[1])
    size = float(np.linalg.norm(mean))
    direction = mean / max(size, 1e-9)
    sigma = 1 / np.sqrt(direction @ np.linalg.inv(covariance) @ direction)
    return Tilt(float(np.degrees(np.arctan(size))), float(np.degrees(sigma)), seconds)


def _feet(joints: np.ndarray) -> np.ndarray:
    """The middle of each foot (F,2,3)."""
    ankles, toes = joints[:, [7, 8]], joints[:, [10, 11]]
    if np.median(np.linalg.norm(toes - ankles, axis=-1)) > 0.05:
        return np.asarray(0.5 * (ankles + toes))
    across = joints[:, SMPL24.index("left_hip")] - joints[:, SMPL24.index("right_hip")]
    forward = np.cross(across, [0.0, 1.0, 0.0])
    forward /= np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)
    return np.asarray(ankles + FORWARD * forward[:, None])


def _legs(joints: np.ndarray) -> np.ndarray:
    """Length of each leg (F,2) metres, from hip over knee to ankle."""
    hips, knees, ankles = (joints[:, SMPL24.indices((f"left_{n}", f"right_{n}"))] for n in ("hip", "knee", "ankle"))
    return np.asarray(np.linalg.norm(hips - knees, axis=-1) + np.linalg.norm(knees - ankles, axis=-1))


def _straight(joints: np.ndarray) -> np.ndarray:
    """Whether one leg is straight (F,), from 0 to 1."""
    reach = np.linalg.norm(joints[:, [1, 2]] - joints[:, [7, 8]], axis=-1) / np.maximum(_legs(joints), 1e-6)
    return np.asarray(1 / (1 + np.exp(-(reach.max(axis=1) - STRAIGHT) / STRAIGHT_WIDTH)))


def _carrying(joints: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """How much each foot (F,2) may carry, from 0 to 1: one that stands and is low."""
    low = joints[:, [7, 8], 1] - joints[..., 1].min(axis=1)[:, None] < LOW
    return np.asarray(low / (1 + (speeds / STANDING) ** 4))


def _slope(trajectory: BodyTrajectory) -> Tilt | None:
    """The slope of the ground that somebody runs over; None for one who stays where they are."""
    assert trajectory.joints is not None
    bins = ((trajectory.times - trajectory.times[0]) / STRIDE).astype(int)
    lowest = trajectory.joints[np.arange(len(bins)), trajectory.joints[..., 1].argmin(axis=1)]
    order = np.lexsort((lowest[:, 1], bins))
    touch = lowest[order[np.flatnonzero(np.diff(bins[order], prepend=-1))]]
    if len(touch) < 4:
        return None
    centred = touch - touch.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred[:, [0, 2]], full_matrices=False)
    along = centred[:, [0, 2]] @ axes[0]
    if np.ptp(along) < WAY:
        return None
    slope = float(along @ centred[:, 1]) / float(sizes[0] ** 2)
    error = np.sqrt(np.mean((centred[:, 1] - slope * along) ** 2) * len(touch) / (len(touch) - 2)) / sizes[0]
    sigma = float(np.hypot(np.degrees(error), np.degrees(SYSTEMATIC)))
    return Tilt(float(np.degrees(np.arctan(abs(slope)))), sigma, float(trajectory.times[-1] - trajectory.times[0]))
