"""Synthetic people for tests without networks: a walking skeleton of 33 points, and observations at a position."""

from __future__ import annotations

import numpy as np

from kinema.keypoints.source import REGION_PER_HEIGHT, Observation
from kinema.skeleton import BLAZEPOSE33
from kinema.tracking.appearance import Appearance
from kinema.tracking.body_parts import body_parts

PARTS = body_parts(BLAZEPOSE33)

_SIDES = {"left": 1.0, "right": -1.0}


def walker(times: np.ndarray, *, heading: np.ndarray | float = 0.0, noise: float = 0.004, seed: int = 0) -> np.ndarray:
    """World points (F, 33, 3), metres, mid-hip relative, camera axes (y down), of a person walking in place.

    heading (F,) or a number, radians: 0 faces the camera, pi shows the back.
    """
    phase = 2 * np.pi * 0.9 * times
    points = np.zeros((len(times), 33, 3))
    for i, joint in enumerate(BLAZEPOSE33.joints):
        side, _, part = joint.partition("_")
        s = _SIDES.get(side, 0.0)
        # x to the person's left, y down, z backward, before rotation; legs and arms swing against each other.
        leg, arm = 0.35 * np.sin(phase + (s > 0) * np.pi), 0.3 * np.sin(phase + (s < 0) * np.pi)
        x, y, z = 0.0, 0.0, np.zeros(len(times))
        if part.startswith(("eye", "mouth")) or joint == "nose":
            x, y, z = 0.03 * s, -0.62, np.full(len(times), -0.1)
        elif part == "ear":
            x, y = 0.08 * s, -0.62
        elif part == "shoulder":
            x, y = 0.18 * s, -0.48
        elif part == "elbow":
            x, y, z = 0.22 * s, -0.22, -0.4 * arm
        elif part in ("wrist", "pinky", "index", "thumb"):
            x, y, z = 0.24 * s, 0.0, -arm
        elif part == "hip":
            x = 0.1 * s
        elif part == "knee":
            x, y, z = 0.1 * s, 0.42, -0.6 * leg
        elif part == "ankle":
            x, y, z = 0.1 * s, 0.82, -leg
        elif part == "heel":
            x, y, z = 0.1 * s, 0.86, -leg + 0.05
        elif part == "big_toe":
            x, y, z = 0.11 * s, 0.88, -leg - 0.12
        points[:, i] = np.stack([np.full(len(times), x), np.full(len(times), y), z], axis=1)
    angle = np.broadcast_to(heading, times.shape)
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    rotated = points.copy()
    rotated[..., 0] = c * points[..., 0] + s * points[..., 2]
    rotated[..., 2] = -s * points[..., 0] + c * points[..., 2]
    return rotated + np.random.default_rng(seed).normal(0, noise, rotated.shape)


def image_of(world: np.ndarray, *, height: float = 400.0, hips: tuple[float, float] = (300.0, 300.0)) -> np.ndarray:
    """Pixels (..., 33, 2) of world points seen by a far camera; a standing person is `height` pixels tall."""
    return world[..., :2] * (height / 1.7) + np.array(hips)


def observe_at(
    hips: tuple[float, float] = (300.0, 300.0),
    *,
    height: float = 400.0,
    heading: float = 0.0,
    score: float = 1.0,
    visibility: float = 0.95,
    mask: np.ndarray | None = None,
) -> Observation:
    """A keypoint source's observation of a standing person with these hips."""
    world = walker(np.zeros(1), heading=heading, noise=0.0)[0]
    roi = np.array([*hips, REGION_PER_HEIGHT * height, 0.0])
    return Observation(
        points=image_of(world, height=height, hips=hips),
        visibility=np.full(33, visibility),
        presence=np.ones(33),
        score=score,
        roi=roi,
        next_roi=roi.copy(),
        points3d=world,
        mask=mask,
    )


def clothed(colour: int) -> Appearance:
    """The appearance of a person in one colour, 0 to 124; different numbers have nothing in common."""
    histogram = np.zeros((2, 125))
    histogram[:, colour] = 1.0
    return Appearance(histogram, np.ones(2))
