"""Damage of the place in the world: a body that floats, rises, tilts with its world, drifts, hovers or freezes."""

from __future__ import annotations

import numpy as np

from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.quality.corruption.applying import along_ground, placed, wander

_UP = np.array([0.0, 1.0, 0.0])


def floating(motion: Motion, rng: np.random.Generator, *, height: float) -> Motion:
    """The whole clip at `height` metres above the ground."""
    return placed(motion, lambda pelvis, times: (np.eye(3), np.full(len(times), height)[:, None] * _UP))


def rising(motion: Motion, rng: np.random.Generator, *, speed: float) -> Motion:
    """The body rises steadily at `speed` metres per second; negative: it sinks."""
    return placed(motion, lambda pelvis, times: (np.eye(3), (speed * (times - times[0]))[:, None] * _UP))


def tilted(motion: Motion, rng: np.random.Generator, *, degrees: float) -> Motion:
    """The world is tilted about a random horizontal axis through the middle of the person's way on the ground."""
    rotation = axis_angle_to_matrix(np.radians(degrees) * along_ground(rng))
    return placed(motion, lambda pelvis, times: (rotation, np.zeros((len(times), 3))))


def hovering(motion: Motion, rng: np.random.Generator) -> Motion:
    """The body hovers at 5 to 30 centimetres that change slowly: the feet never touch the ground."""

    def place(pelvis: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.eye(3), (0.05 + 0.25 * wander(times, rng))[:, None] * _UP

    return placed(motion, place)


def drifting(motion: Motion, rng: np.random.Generator, *, low: float, high: float) -> Motion:
    """The root drifts along the ground at low to high metres per second on top of its own movement."""

    def place(pelvis: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        velocity = rng.uniform(low, high) * along_ground(rng)
        return np.eye(3), (times - times[0])[:, None] * velocity

    return placed(motion, place)


def teleport(motion: Motion, rng: np.random.Generator) -> Motion:
    """The root jumps by 0.5 to 2 metres along the ground; with probability 1/2 it returns after 0.3 seconds."""

    def place(pelvis: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        start = int(rng.integers(len(times) // 4, max(len(times) // 4 + 1, 3 * len(times) // 4)))
        back = times[start] + 0.3 if rng.uniform() < 0.5 else np.inf
        away = (np.arange(len(times)) >= start) & (times < back)
        return np.eye(3), away[:, None] * (rng.uniform(0.5, 2) * along_ground(rng))

    return placed(motion, place)


def frozen_root(motion: Motion, rng: np.random.Generator) -> Motion:
    """The root stays in place while the limbs keep moving, from some frame in the first half to the end."""

    def place(pelvis: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        start = int(rng.integers(0, len(times) // 2 + 1))
        shift = np.zeros((len(times), 3))
        shift[start:] = pelvis[start] - pelvis[start:]
        return np.eye(3), shift

    return placed(motion, place)
