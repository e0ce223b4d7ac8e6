"""Skeletons whose right side and left side have colours of their own, in images and as solid bodies."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import cv2
import numpy as np

from kinema.geometry.rotations import shortest_rotation
from kinema.skeleton import JointSet
from kinema.visualization.drawing import MIN_CONFIDENCE, SHIFT, pixel, thickness, to_8bit

RIGHT, LEFT, MIDDLE = (0.84, 0.37, 0.0), (0.0, 0.45, 0.70), (0.30, 0.30, 0.33)
"""Colours of the person's own right and left side (Okabe and Ito's vermilion and blue), and of the midline."""

_PALE = 0.6  # how far the colour of what is estimated moves towards white
_WHITE = (255, 255, 255)
_JOINT, _BONE = 0.033, 0.019  # metres: radii
_SEGMENTS, _RINGS = 12, 7


def side_color(names: Iterable[str]) -> tuple[float, float, float]:
    """The colour of a joint, or of a bone between joints, of these names."""
    sides = {name.split("_", 1)[0] for name in names}
    if "left" in sides and "right" not in sides:
        return LEFT
    if "right" in sides and "left" not in sides:
        return RIGHT
    return MIDDLE


def draw_sides(image: np.ndarray, points: np.ndarray, confidence: np.ndarray | None, joints: JointSet) -> None:
    """Draw keypoints (K, 2), in place, with a light outline. Invisible ones (NaN, low confidence) are left out."""
    visible = np.all(np.isfinite(points), axis=1)
    if confidence is not None:
        visible &= confidence >= MIN_CONFIDENCE
    thick = max(2, round(1.6 * thickness(image)))
    bones = [(a, b) for a, b in joints.edges if visible[a] and visible[b]]
    for width, outline in ((thick + 2, True), (thick, False)):
        for a, b in bones:
            ink = _WHITE if outline else to_8bit(side_color((joints.joints[a], joints.joints[b])))
            cv2.line(image, pixel(points[a]), pixel(points[b]), ink, width, cv2.LINE_AA, SHIFT)
    for k in np.flatnonzero(visible):
        ink = to_8bit(side_color((joints.joints[k],)))
        cv2.circle(image, pixel(points[k]), (thick + 1) << SHIFT, _WHITE, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(image, pixel(points[k]), thick << SHIFT, ink, -1, cv2.LINE_AA, SHIFT)


class SolidSkeleton:
    """A joint set as balls and rods. faces (N, 3): of the vertices that `vertices` gives."""

    def __init__(self, joints: JointSet) -> None:
        self.edges = np.array(joints.edges, dtype=int).reshape(-1, 2)
        ball, ball_faces = _ball()
        rod, _ = _rod()
        self._ball = _JOINT * ball
        count = len(joints)
        balls = [ball_faces + k * len(ball) for k in range(count)]
        self.faces = np.concatenate([*balls, rod_faces(len(self.edges)) + count * len(ball)])
        names = joints.joints
        ball_colors = [side_color((name,)) for name in names]
        rod_colors = [side_color((names[a], names[b])) for a, b in self.edges]
        self._colors = np.concatenate([np.repeat(ball_colors, len(ball), 0), np.repeat(rod_colors, len(rod), 0)])
        ends = np.concatenate([np.repeat(np.arange(count), len(ball)), np.repeat(self.edges[:, 1], len(rod))])
        starts = np.concatenate([np.repeat(np.arange(count), len(ball)), np.repeat(self.edges[:, 0], len(rod))])
        self._ends = np.stack([starts, ends], axis=1)

    def vertices(self, joints: np.ndarray) -> np.ndarray:
        """(V, 3) of joints (J, 3)."""
        balls = joints[:, None] + self._ball
        rods = rod_vertices(joints[self.edges[:, 0]], joints[self.edges[:, 1]], _BONE)
        return np.concatenate([balls.reshape(-1, 3), rods])

    def colors(self, shown: np.ndarray | None) -> np.ndarray:
        """(V, 3) sRGB; pale where one of the joints is not shown (J,) by keypoints."""
        if shown is None:
            return np.asarray(self._colors)
        pale = ~shown[self._ends].all(axis=1)
        return np.asarray(np.where(pale[:, None], self._colors + _PALE * (1 - self._colors), self._colors))


def rod_vertices(start: np.ndarray, end: np.ndarray, radius: float) -> np.ndarray:
    """Vertices (V, 3) of thin tubes between points `start` (K, 3) and `end` (K, 3)."""
    bone = end - start
    length = np.linalg.norm(bone, axis=-1)
    turn = shortest_rotation(np.broadcast_to([0.0, 0.0, 1.0], bone.shape), bone)
    scaled = np.stack([np.full_like(length, radius), np.full_like(length, radius), length], axis=-1)
    rods = start[:, None] + (_rod()[0] * scaled[:, None]) @ np.swapaxes(turn, -1, -2)
    return np.asarray(rods.reshape(-1, 3))


def rod_faces(count: int) -> np.ndarray:
    """Faces (N, 3) of `count` tubes, of the vertices that `rod_vertices` gives."""
    rod, faces = _rod()
    return np.concatenate([faces + k * len(rod) for k in range(count)])


@lru_cache
def _ball() -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a ball of radius 1."""
    polar = np.pi * np.arange(1, _RINGS) / _RINGS
    around = 2 * np.pi * np.arange(_SEGMENTS) / _SEGMENTS
    p, a = np.meshgrid(polar, around, indexing="ij")
    rings = np.stack([np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)], axis=-1).reshape(-1, 3)
    vertices = np.concatenate([rings, [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]])
    top, bottom = len(rings), len(rings) + 1
    faces = [np.concatenate([_band(ring * _SEGMENTS, (ring + 1) * _SEGMENTS) for ring in range(_RINGS - 2)])]
    here = np.arange(_SEGMENTS)
    following, last = (here + 1) % _SEGMENTS, (_RINGS - 2) * _SEGMENTS
    faces.append(np.stack([np.full(_SEGMENTS, top), here, following], axis=1))
    faces.append(np.stack([np.full(_SEGMENTS, bottom), last + following, last + here], axis=1))
    return vertices, np.concatenate(faces)


@lru_cache
def _rod() -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of an open tube of radius 1 along z, from 0 to 1."""
    around = 2 * np.pi * np.arange(_SEGMENTS) / _SEGMENTS
    ring = np.stack([np.cos(around), np.sin(around)], axis=-1)
    low, high = (np.column_stack([ring, np.full(_SEGMENTS, z)]) for z in (0.0, 1.0))
    return np.concatenate([high, low]), _band(0, _SEGMENTS)


def _band(upper: int, lower: int) -> np.ndarray:
    """Faces between two rings of vertices, the one at `upper` with the greater z."""
    here = np.arange(_SEGMENTS)
    following = (here + 1) % _SEGMENTS
    first = np.stack([upper + here, lower + here, lower + following], axis=1)
    second = np.stack([upper + here, lower + following, upper + following], axis=1)
    return np.concatenate([first, second])
