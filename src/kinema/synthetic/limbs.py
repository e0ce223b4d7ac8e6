"""Two-bone limbs in closed form: the rotations of hip and knee that bring an ankle where it should be."""

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
        """Longest distance from hip to ankle that the hinge allows."""
        along = self.upper[0] + self.lower[0]
        planar = np.hypot(*self.upper[1:]) + np.hypot(*self.lower[1:])
        return float(np.hypot(along, planar))

    def bend(self, distance: np.ndarray) -> np.ndarray:
        """Knee angles (T,) at which hip and ankle are `distance` (T,) apart, clipped to what can be reached.

        |upper + Rx(angle) lower|^2 = constant + 2 (cos(angle) p + sin(angle) q), solved for the angle.
        """
        (x1, y1, z1), (x2, y2, z2) = self.upper, self.lower
        p, q = y1 * y2 + z1 * z2, z1 * y2 - y1 * z2
        constant = self.upper @ self.upper + self.lower @ self.lower + 2 * x1 * x2
        wanted = (np.asarray(distance) ** 2 - constant) / (2 * np.hypot(p, q))
        return np.arctan2(q, p) + np.arccos(np.clip(wanted, -1, 1))

    def reach(self, hip: np.ndarray, ankle: np.ndarray, lateral: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Global rotations of the thigh (T,3,3) and knee angles (T,) for hips and ankles (T,3).

        lateral: (T,3) unit vectors to the person's left: where the knee's axis should point as nearly as
        the ankle allows.
        """
        towards = ankle - hip
        angle = self.bend(np.linalg.norm(towards, axis=-1))
        c, s = np.cos(angle), np.sin(angle)
        lower = np.stack([np.full_like(c, self.lower[0]), c * self.lower[1] - s * self.lower[2]], axis=-1)
        lower = np.concatenate([lower, (s * self.lower[1] + c * self.lower[2])[:, None]], axis=-1)
        rest = _frame(self.upper + lower, np.broadcast_to([1.0, 0, 0], towards.shape))
        return _frame(towards, lateral) @ np.swapaxes(rest, -1, -2), angle


def _frame(along: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    """Right-handed frames (T,3,3) whose first column runs `along` and whose second is nearest to `lateral`."""
    first = along / np.linalg.norm(along, axis=-1, keepdims=True)
    second = lateral - np.sum(lateral * first, axis=-1, keepdims=True) * first
    second = second / np.linalg.norm(second, axis=-1, keepdims=True)
    return np.stack([first, second, np.cross(first, second)], axis=-1)
