"""AlphaPose's suppression of double poses: what it keeps, and how it merges what it drops.

Fang et al. 2017, section 3.3 (parametric pose NMS), with the parameters of the published code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SOFTNESS = 1.0
"""How softly a joint's score enters the similarity (delta 1)."""

WEIGHT = 1.7
"""Weight of the spatial part of the similarity (mu)."""

REACH = 2.65
"""Pixels over which that part falls by a factor e (delta 2)."""

SIMILAR = 22.48
"""Similarity above which two poses are one (gamma)."""

MATCHES = 5
"""Joints that lie close together in two poses that are one."""

CLOSE = 0.1
"""Distance of such joints over the larger side of the box, and the most pixels of it, for matching and for merging."""
_CLOSE_MATCH, _CLOSE_MERGE = 7.0, 15.0

LEAST_SCORE = 0.3
"""Least score of the best joint of a pose that is kept."""

_SHIFT = 0.3
_ZERO = 1e-5
"""Takes the place of a score of 0."""


@dataclass(frozen=True, eq=False)
class Poses:
    """n poses of J joints: keypoints (n,J,2) pixels, scores (n,J), proposal (n,): how sure each is as a whole."""

    keypoints: np.ndarray
    scores: np.ndarray
    proposal: np.ndarray

    def __len__(self) -> int:
        return len(self.keypoints)


def suppress_poses(boxes: np.ndarray, box_scores: np.ndarray, points: np.ndarray, scores: np.ndarray) -> Poses:
    """The poses that remain, in the order in which they were picked: the one with the highest mean score first.

    boxes (n,4) x1 y1 x2 y2 and box_scores (n,) of the detector; points (n,J,2) pixels and scores (n,J) of the network.
    A pose takes those that resemble it along; they are merged joint by joint, weighted by their scores.
    """
    points, boxes = np.asarray(points, dtype=np.float32), np.asarray(boxes, dtype=np.float32)
    scores = np.where(np.asarray(scores) == 0, _ZERO, scores).astype(np.float32)
    close = np.float32(CLOSE) * (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0)
    left = np.arange(len(points))
    kept: list[tuple[np.ndarray, np.ndarray, np.float32]] = []
    while len(left):
        best = left[scores[left].mean(axis=1).argmax()]
        near = _resembling(points[best], points[left], scores[best], scores[left], close[best])
        near[left == best] |= not near.any()
        group, left = left[near], left[~near]
        merged, score = _merged(points[best], points[group], scores[group], close[best])
        if min(scores[best].max(), score.max()) >= LEAST_SCORE:
            proposal = score.mean() + box_scores[best] + np.float32(1.25) * score.max()
            kept.append((merged - np.float32(_SHIFT), score, proposal))
    joints = points.shape[1]
    return Poses(
        np.array([pose for pose, _, _ in kept], dtype=np.float32).reshape(-1, joints, 2),
        np.array([score for _, score, _ in kept], dtype=np.float32).reshape(-1, joints),
        np.array([proposal for _, _, proposal in kept], dtype=np.float32),
    )


def _resembling(
    pose: np.ndarray, poses: np.ndarray, score: np.ndarray, scores: np.ndarray, close: np.float32
) -> np.ndarray:
    """Which of the poses (n,J,2) are the same person as one of them (J,2): (n,) bool."""
    distance = np.sqrt(((pose - poses) ** 2).sum(axis=2))
    agree = np.tanh(score / SOFTNESS) * np.tanh(scores / SOFTNESS) * (distance <= 1)
    similarity = agree.sum(axis=1) + WEIGHT * np.exp(-distance / REACH).sum(axis=1)
    matches = (distance <= min(float(close), _CLOSE_MATCH)).sum(axis=1)
    return np.asarray((similarity > SIMILAR) | (matches >= MATCHES))


def _merged(
    pose: np.ndarray, poses: np.ndarray, scores: np.ndarray, close: np.float32
) -> tuple[np.ndarray, np.ndarray]:
    """A pose (J,2) and its scores (J,), merged from those (n,J,2) that resemble it where they lie close to it."""
    distance = np.sqrt(((pose - poses) ** 2).sum(axis=2))
    weight = scores * (distance <= min(float(close), _CLOSE_MERGE))
    share = weight / weight.sum(axis=0)
    return (poses * share[..., None]).sum(axis=0), (weight * share).sum(axis=0)


def prominence(poses: Poses) -> np.ndarray:
    """(n,): the proposal score times the area of the keypoints' bounding box, the greatest of which video-to-pose3D
    takes for the one person of a frame."""
    sides = poses.keypoints.max(axis=1) - poses.keypoints.min(axis=1) if len(poses) else np.zeros((0, 2))
    return np.asarray(poses.proposal.astype(np.float64) * sides.astype(np.float64).prod(axis=1))
