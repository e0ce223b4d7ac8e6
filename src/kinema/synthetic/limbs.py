"""Analytic two-bone inverse kinematics: the hip and knee rotations that place an ankle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TwoBones:
    """A thigh and a shin in the rest pose: upper (3,) hip to knee, lower (3,) knee to ankle, metres.

    The knee is a hinge about the x axis of the rest pose; a positive angle bends it backwards.
    """

    upper: np.ndarray
    lower: np.ndarray

    @property
    def length(self) -> float:
        """Maximum distance from hip to ankle that the hinge allows."""
        along = self.upper[0] + self.lower[0]
        planar = np.hypot(*self.upper[1:]) + np.hypot(*self.lower[1:])
        return float(np.hypot(along, planar))

    def bend(self, distance: np.ndarray) -> np.ndarray:
        """Knee angles (T,) at which hip and ankle are `distance` (T,) apart, clipped to the reachable range.

        |upper + Rx(angle) lower|^2 = constant + 2 (cos(angle) p + sin(angle) q), solved for the angle.
        """
        (x1, y1, z1), (x2, y2, z2) = self.upper, self.lower
        p, q = y1 * y2 + z1 * z2, z1 * y2 - y1 * z2
        constant = self.upper @ self.upper + self.lower @ self.lower + 2 * x1 * x2
        cosine = (np.asarray(distance) ** 2 - constant) / (2 * np.hypot(p, q))
        return np.asarray(np.arctan2(q, p) + np.arccos(np.clip(cosine, -1, 1)))

    def reach(self, hip: np.ndarray, ankle: np.ndarray, lateral: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Global rotations of the thigh (T,3,3) and knee angles (T,) for hips and ankles (T,3).

        lateral: (T,3) unit vectors to the person's left: preferred direction of the knee's axis, as far as
        the ankle position allows.
        """
        towards = ankle - hip
        angle = self.bend(np.linalg.norm(towards, axis=-1))
        c, s = np.cos(angle), np.sin(angle)
        lower = np.stack([np.full_like(c, self.lower[0]), c * self.lower[1] - s * self.lower[2]], axis=-1)
        lower = np.concatenate([lower, (s * self.lower[1] + c * self.lower[2])[:, None]], axis=-1)
        rest = _frame(self.upper + lower, np.broadcast_to([1.0, 0, 0], towards.shape))
        return _frame(towards, lateral) @ np.swapaxes(rest, -1, -2), angle


def _frame(along: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    """Right-handed frames (T,3,3) whose first column is parallel to `along` and second closest to `lateral`."""
    first = along / np.linalg.norm(along, axis=-1, keepdims=True)
    second = lateral - np.sum(lateral * first, axis=-1, keepdims=True) * first
    second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=-1)
