"""Association of poses without identities: each pose continues the track that it fits best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

LOST = 0.5
"""Seconds after which a track that no pose continues ends."""

FARTHEST = 0.5
"""Mean distance of a pose's joints from a track's last ones, as a fraction of the person's size, beyond which it is
somebody else."""

_NEVER = 1e3


@dataclass
class _Track:
    id: int
    points: np.ndarray
    frame: int


def linked(frames: np.ndarray, points: np.ndarray, rate: float) -> np.ndarray:
    """(N,) identities, from 1, of poses (N, K, 3) in frames (N,), sorted. rate: frames per second.

    In every frame, poses and tracks are paired with the least sum of distances; remaining poses begin tracks.
    """
    ids = np.zeros(len(frames), dtype=np.int64)
    tracks: list[_Track] = []
    count = 0
    for frame in np.unique(frames):
        rows = np.flatnonzero(frames == frame)
        tracks = [track for track in tracks if frame - track.frame <= LOST * rate]
        cost = np.array([[_distance(points[row], track.points) for track in tracks] for row in rows])
        pairs = zip(*linear_sum_assignment(np.minimum(cost, _NEVER)), strict=True) if tracks else ()
        taken = {int(a): tracks[int(b)] for a, b in pairs if cost[a, b] <= FARTHEST}
        for place, row in enumerate(rows):
            track = taken.get(place)
            if track is None:
                count += 1
                track = _Track(count, points[row], int(frame))
                tracks.append(track)
            track.points, track.frame = _merged(track.points, points[row]), int(frame)
            ids[row] = track.id
    return ids


def _distance(pose: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of the joints that both have, as a fraction of the larger one's size; infinite without any."""
    both = np.isfinite(pose[:, 0]) & np.isfinite(other[:, 0])
    if not both.any():
        return np.inf
    apart = np.linalg.norm(pose[both, :2] - other[both, :2], axis=-1).mean()
    return float(apart / max(_size(pose), _size(other), 1.0))


def _size(pose: np.ndarray) -> float:
    seen = pose[np.isfinite(pose[:, 0]), :2]
    return float(np.ptp(seen, axis=0).max()) if len(seen) else 0.0


def _merged(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """The current pose, with the last known position of joints that it lacks."""
    return np.where(np.isfinite(now[:, :1]), now, before)
