"""PoseFlow's general tracker: every frame's poses are matched with all people of the last hundred frames.

Xiu et al., "Pose Flow: Efficient Online Pose Tracking", BMVC 2018; the rules are those of the tracker in AlphaPose
(`tracker-general`). A pair's grade is the weighted sum of four overlaps: of boxes and of joints, each in pixels and in
points of the image that correspond between the frames; the pairs of the largest sum of grades are chosen. What
differs from that program: it drops every image with fewer than 21 people and repeats the former poses in images
without any; here all poses count, and an empty frame is one in which nobody is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from kinema.keypoints.association.overlap import (
    Matching,
    SamePixels,
    box_overlap,
    clipped,
    graded,
    keypoint_boxes,
    matched_box_overlap,
    matched_pose_overlap,
    pose_overlap,
)


@dataclass(frozen=True)
class PoseFlowOptions:
    """The published values.

    memory: frames for which somebody is remembered. accepted: a pair's grade must be above it. joints: that count,
    those that overlap most; reach: pixels from a joint to the sides of its square. recent, older: weights of the
    overlaps of boxes in corresponding points, of boxes, of joints in corresponding points, of joints, for people who
    were seen in the previous frame and for others. margin: of boxes around keypoints, on either side.
    """

    memory: int = 100
    accepted: float = 0.2
    joints: int = 7
    reach: float = 30.0
    recent: tuple[float, float, float, float] = (1.0, 2.0, 1.0, 2.0)
    older: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)
    margin: float = 0.1


@dataclass(frozen=True, eq=False)
class _Known:
    """Somebody's last pose: points (K, 2), box (4,)."""

    id: int
    frame: int
    points: np.ndarray
    box: np.ndarray


class PoseFlow:
    """The people of one clip so far. size: width and height of the images, 0 where unknown."""

    def __init__(self, size: tuple[int, int] = (0, 0), options: PoseFlowOptions | None = None) -> None:
        self.options = options or PoseFlowOptions()
        self._size = size
        self._known: list[_Known] = []
        self._count = 0

    def step(self, frame: int, points: np.ndarray, matching: Matching | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Identities (n,), from 1, of the poses (n, K, 2) in a frame later than the former ones, and their grades
        (n,), 0 for newcomers. Joints that are not seen are NaN.

        matching: between the previous frame and this one; None: every pixel corresponds to itself.
        """
        self._known = [known for known in self._known if frame - known.frame <= self.options.memory]
        boxes = clipped(keypoint_boxes(points, self.options.margin), self._size)
        ids, grades = np.zeros(len(points), dtype=np.int64), np.zeros(len(points))
        if self._known and len(points):
            grade = self._grades(frame, points, boxes, matching or SamePixels(self._size))
            for row, column in zip(*linear_sum_assignment(-grade), strict=True):
                if grade[row, column] > self.options.accepted:
                    ids[column], grades[column] = self._known[row].id, grade[row, column]
        for place in np.flatnonzero(ids == 0):
            self._count += 1
            ids[place] = self._count
        seen = [_Known(int(ids[i]), frame, points[i], boxes[i]) for i in range(len(points))]
        self._known = [*seen, *(known for known in self._known if known.id not in ids)]
        return ids, grades

    def _grades(self, frame: int, points: np.ndarray, boxes: np.ndarray, matching: Matching) -> np.ndarray:
        """Grades (n, m) of the n people known so far with m poses."""
        before = np.stack([known.points for known in self._known])
        around = np.stack([known.box for known in self._known])
        count, reach = self.options.joints, self.options.reach
        terms = [
            matched_box_overlap(around, boxes, matching),
            box_overlap(around[:, None], boxes[None]),
            matched_pose_overlap(before, points, matching, count, reach),
            pose_overlap(before, points, count, reach),
        ]
        recent = np.array([known.frame == frame - 1 for known in self._known])[:, None]
        return np.where(recent, graded(terms, self.options.recent), graded(terms, self.options.older))

    def forget(self) -> None:
        """A new shot begins: no identity continues."""
        self._known = []

    def state(self) -> dict[str, Any]:
        """The state that later frames depend on, as plain values and arrays."""
        return {
            "count": self._count,
            "known": [{"id": k.id, "frame": k.frame, "points": k.points, "box": k.box} for k in self._known],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a `state`."""
        self._count = int(state["count"])
        self._known = [_Known(**known) for known in state["known"]]
