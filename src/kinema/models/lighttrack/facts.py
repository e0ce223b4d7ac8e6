"""LightTrack's SGCN: its joints, its graph, its sizes."""

from __future__ import annotations

import numpy as np

JOINTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
    "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "nose", "head_top",
)  # fmt: skip
"""PoseTrack's fifteen joints in LightTrack's order."""

EDGES = (
    (0, 1), (1, 2), (3, 4), (4, 5), (2, 8), (8, 7), (7, 6), (8, 12), (12, 9), (9, 10), (10, 11), (9, 3), (12, 13),
    (13, 14),
)  # fmt: skip
"""The graph's edges."""

CENTRE = 12
"""The joint from which the graph's partitions count: the neck."""

PARTITIONS, WIDTH, FEATURES, EPSILON = 3, 64, 128, 1e-5
"""Partitions of the adjacency, channels of a layer, numbers of the result, epsilon of the batch norm."""

LAYERS = (2, WIDTH)
"""Channels that each graph layer takes."""


def adjacency() -> np.ndarray:
    """(3, 15, 15) float32: every joint with itself, with its neighbours as near or nearer to the centre, with those
    farther away.

    The spatial partition of Yan et al. 2018, "Spatial Temporal Graph Convolutional Networks", section 3.3; columns of
    the whole sum to one. As in the authors' code, all joints beyond the centre's neighbours count as equally far.
    """
    count = len(JOINTS)
    linked = np.eye(count, dtype=bool)
    for a, b in EDGES:
        linked[a, b] = linked[b, a] = True
    steps = np.where(np.arange(count) == CENTRE, 0, np.where(linked[CENTRE], 1, 2))
    whole = linked / linked.sum(axis=0)
    itself = np.eye(count, dtype=bool)
    farther = steps[:, None] < steps[None]
    parts = [np.where(itself, whole, 0), np.where(~itself & ~farther, whole, 0), np.where(farther, whole, 0)]
    return np.stack(parts).astype(np.float32)
