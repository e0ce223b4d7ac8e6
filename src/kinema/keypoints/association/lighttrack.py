"""LightTrack's identities: by overlap with the previous frame's boxes, else by the similarity of the poses.

Ning et al., "LightTrack: A Generic Framework for Online Top-Down Human Pose Tracking", CVPR Workshops 2020. Only the
previous frame counts: somebody who is away for a frame gets a new identity, unless the network says that the pose is
the same, which it is asked only of people who were there in the previous frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.keypoints.association.overlap import keypoint_boxes
from kinema.models.lighttrack.joints import graphs_of
from kinema.models.lighttrack.numpy_run import SGCN, distances
from kinema.skeleton import JointSet

ENLARGED = 0.1
"""Margin of keypoint boxes on either side, as a fraction of their width and height: 20 % in all, as published."""


@dataclass(frozen=True)
class LightTrackOptions:
    """The published values.

    overlap: intersection over union with a box of the previous frame, above which it is the same person; distance: of
    the network's features, up to which it is. found: least mean confidence of the `best` most confident joints of
    somebody who is not lost.
    """

    overlap: float = 0.3
    distance: float = 0.5
    found: float = 0.6
    best: int = 4


def is_lost(confidence: np.ndarray, options: LightTrackOptions) -> bool:
    """Whether the confidences (K,) of a pose mean that nobody is there."""
    return bool(np.sort(confidence)[-options.best :].mean() < options.found)


class LightTrack:
    """The identities of one clip so far. network: None compares boxes only."""

    def __init__(self, joints: JointSet, network: SGCN | None = None, options: LightTrackOptions | None = None) -> None:
        self.options = options or LightTrackOptions()
        self._joints, self._network = joints, network
        self._count = 0
        self.forget()

    def step(self, frame: int, points: np.ndarray) -> np.ndarray:
        """Identities (n,), from 1, of the detected poses (n, K, 2) in a frame. Joints that are not seen are NaN."""
        boxes = keypoint_boxes(points, ENLARGED)
        ids = np.zeros(len(points), dtype=np.int64)
        if frame == self._frame + 1:
            overlap = plain_overlap(boxes, self._boxes)
            self._take(ids, -overlap, overlap > self.options.overlap)
            if self._network is not None and not ids.all():
                apart = self._apart(points, boxes)
                self._take(ids, apart, apart <= self.options.distance)
        for place in np.flatnonzero(ids == 0):
            self._count += 1
            ids[place] = self._count
        self.follow(frame, points, ids)
        return ids

    def follow(self, frame: int, points: np.ndarray, ids: np.ndarray) -> None:
        """The poses (n, K, 2) of a frame in which everybody's identity (n,) is known already."""
        self._frame, self._ids = frame, np.array(ids, dtype=np.int64)
        self._points, self._boxes = points, keypoint_boxes(points, ENLARGED)

    def forget(self) -> None:
        """A new shot begins: no identity continues."""
        self._frame, self._ids = -2, np.zeros(0, dtype=np.int64)
        self._points, self._boxes = np.zeros((0, len(self._joints), 2)), np.zeros((0, 4))

    def _take(self, ids: np.ndarray, cost: np.ndarray, same: np.ndarray) -> None:
        """Give the identities of the previous frame to poses without one, the cheapest of all possible pairs first.
        cost, same (n, m)."""
        taken = np.isin(self._ids, ids)
        free = same & (ids == 0)[:, None] & ~taken[None]
        rows, columns = np.nonzero(free)
        for place in np.argsort(cost[rows, columns], kind="stable"):
            row, column = rows[place], columns[place]
            if ids[row] == 0 and not taken[column]:
                ids[row], taken[column] = self._ids[column], True

    def _apart(self, points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """(n, m) distances of the network's features, infinite for poses that lack one of its joints."""
        assert self._network is not None
        graphs = [graphs_of(*each, self._joints) for each in ((points, boxes), (self._points, self._boxes))]
        whole = [np.isfinite(each).all(axis=(1, 2)) for each in graphs]
        features = [self._network.features(np.nan_to_num(each)) for each in graphs]
        return np.where(whole[0][:, None] & whole[1][None], distances(*features), np.inf)

    def state(self) -> dict[str, Any]:
        """The state that later frames depend on, as plain values and arrays."""
        return {"count": self._count, "frame": self._frame, "ids": self._ids, "points": self._points}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a `state`."""
        self._count = int(state["count"])
        self.follow(int(state["frame"]), state["points"], state["ids"])


def plain_overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m): intersection over union of boxes (n, 4) and (m, 4) x1 y1 x2 y2; 0 for a NaN box."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=-1)
    areas = [np.prod(box[:, 2:] - box[:, :2], axis=-1) for box in (a, b)]
    whole = areas[0][:, None] + areas[1][None] - shared
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(shared / whole, posinf=0.0))
