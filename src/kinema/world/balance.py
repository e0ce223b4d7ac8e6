"""Balance: on average, the centre of mass of a standing or walking body lies above its supporting feet."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from kinema.world.fitted import MEMORY, FittedTrack

AXIS_SIDEWAYS, AXIS_DEPTH = np.radians(2.5), np.radians(5.5)
"""Systematic lean (sigma) of the mean line from feet to centre of mass, in the image and in depth."""

AXIS_FRAME, AXIS_MOVING = np.radians(3.0), np.radians(5.0)
"""Additional lean (sigma) in a single frame, and the increase for a body that moves at 1 m/s or faster."""

ROBUST = np.radians(16.0)
"""Deviation from the mean line above which a frame loses its weight."""

BENT_KNEE = np.radians(50.0)
"""Flexion of the supporting knee at which the person may be sitting."""

SUPPORT = 0.05
"""Scale of the softmax over foot heights, metres: a foot this much lower carries three quarters of the weight."""

UNKNOWN_WEIGHT = 0.6
"""Error of the centre of pressure between two supporting feet, as a fraction of half their distance."""

TRUNK = np.radians(12.0)
"""Lean (sigma) of the trunk, used for a person whose legs are uninformative (sitting, or out of view)."""

LEVEL = np.array([0.0, -1.0, 0.0])
"""Up in the frame of a level camera."""


def balance_axis(track: FittedTrack, up: np.ndarray) -> tuple[np.ndarray | None, np.ndarray, float]:
    """The balanced direction of a track: unit (3,), its sigma (sideways, in depth) in radians, and the evidence.

    Averaged over a balanced movement, the centre of mass lies vertically above the supporting feet (determined with
    the current estimate of `up`). None where the direction is far from a level camera's up. Evidence: the number of
    independent observations. Frames off the feet say nothing.
    """
    standing = ~track.on_other_parts
    if not standing.any():
        return None, np.full(2, TRUNK), 0.0
    heights = (track.feet @ up).reshape(-1, 2, 2)  # left and right foot, heel and toe
    within = softmax(-heights / SUPPORT, axis=2)
    # A supporting foot is flat on the ground: one that touches with its toes alone counts as half lifted.
    support_weight = softmax(-heights.mean(axis=2) / SUPPORT, axis=1)
    support = np.einsum("fs,fsk,fskc->fc", support_weight, within, track.feet.reshape(-1, 2, 2, 3))
    # A sitting or kneeling body is supported by more than its feet: the knee of the supporting leg shows that.
    left = support_weight[:, 0]
    flexion = np.sum(support_weight * track.knee_flexion, axis=1)
    weight = np.exp(-((flexion / BENT_KNEE) ** 4)) * (track.feet_seen & standing) * track.durations / MEMORY
    axis, systematic = unit(track.mass - support), np.array([AXIS_SIDEWAYS, AXIS_DEPTH])
    legs = weight.sum() >= 0.3
    if not legs:
        axis, weight = unit(track.joints[:, 12] - track.joints[:, 0]), standing * track.durations / MEMORY
        systematic = np.array([TRUNK, TRUNK])
    frame = AXIS_FRAME + AXIS_MOVING * np.minimum(track.mass_speed, 1.0)
    weight = weight * (AXIS_FRAME / frame) ** 2
    mean = _robust_direction(axis, weight)
    if legs:
        # The distribution of weight between two supporting feet is unknown; it averages out only as they alternate.
        shared = 4 * left * (1 - left) / np.linalg.norm(track.mass - support, axis=-1)
        between = 0.25 * (track.feet[:, :2].sum(axis=1) - track.feet[:, 2:].sum(axis=1)) * shared[:, None]
        apart = np.average(between, axis=0, weights=weight) @ tangent(up).T
        systematic = np.sqrt(systematic**2 + (UNKNOWN_WEIGHT * apart) ** 2)
    sigma = np.sqrt(systematic**2 + AXIS_FRAME**2 / max(weight.sum(), 0.1))
    return mean if mean @ LEVEL > 0.3 else None, sigma, float(weight.sum())


def _robust_direction(directions: np.ndarray, weight: np.ndarray) -> np.ndarray:
    mean = unit((directions * weight[:, None]).sum(axis=0))
    for _ in range(5):
        angle = np.arccos((directions @ mean).clip(-1, 1))
        robust = weight / (1 + (angle / ROBUST) ** 2) ** 2
        mean = unit((directions * robust[:, None]).sum(axis=0))
    return mean


def unit(v: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) normalised to length 1; zero stays zero."""
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12))


def tangent(up: np.ndarray) -> np.ndarray:
    """(2,3): unit vectors orthogonal to `up`: right in the view (tilt along it is roll) and forward (pitch)."""
    forward = np.array([0.0, 0.0, 1.0]) - up[2] * up
    if np.linalg.norm(forward) < 1e-6:  # looking straight down or up: forward is the top of the image
        forward = LEVEL - (LEVEL @ up) * up
    forward = forward / np.linalg.norm(forward)
    return np.stack([np.cross(forward, up), forward])


def world_from_camera(up: np.ndarray, ahead: np.ndarray | None = None) -> np.ndarray:
    """The rotation (3,3) from the camera's frame to world axes: `up` to +y, the view's horizontal part to -z.

    ahead (3,): what to turn to -z in place of the view.
    """
    right, forward = tangent(up)
    flat = np.zeros(3) if ahead is None else ahead - (ahead @ up) * up
    if np.linalg.norm(flat) > 1e-6:
        forward = unit(flat)
        right = np.cross(forward, up)
    return np.stack([right, up, -forward])
