"""Points that correspond between two frames: ORB features, matched by their descriptors, as PoseFlow uses them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kinema.keypoints.association.overlap import Correspondences, Matching, SamePixels
from kinema.video import Frame

FEATURES = 10_000
"""Largest number of features of a frame."""

RATIO = 0.8
"""Ratio test: a match counts if its distance is below this fraction of the next best one's (Lowe 2004, section 7.1)."""

LEAST_PAIRS = 400
"""Matches of two frames below which every pixel corresponds to itself."""


@dataclass(frozen=True, eq=False)
class Features:
    """Of one frame. index: the frame's; places (n, 2): whole pixels; descriptors (n, 32) uint8; size: the frame's."""

    index: int
    places: np.ndarray
    descriptors: np.ndarray
    size: tuple[int, int]

    @classmethod
    def of(cls, frame: Frame) -> Features:
        orb = cv2.ORB_create(nfeatures=FEATURES, scoreType=cv2.ORB_FAST_SCORE)  # type: ignore[attr-defined]
        points, descriptors = orb.detectAndCompute(frame.image, None)
        places = np.trunc([point.pt for point in points]).reshape(-1, 2)
        if descriptors is None:
            descriptors = np.zeros((0, 32), dtype=np.uint8)
        return cls(frame.index, places, descriptors, (frame.image.shape[1], frame.image.shape[0]))


def corresponding(before: Features, after: Features, near: np.ndarray) -> Matching:
    """Where the features of a frame are in the next one, for those that lie in one of the boxes `near` (n, 4): the
    others say nothing about people.

    Features are compared exhaustively. The published tracker uses locality-sensitive hashing, which approximates that;
    on the real clips it gave the same pairs and took three times as long.
    """
    if len(before.places) * len(after.places) < LEAST_PAIRS:
        return SamePixels(after.size)
    places = before.places[:, None]
    inside: np.ndarray = np.all((places >= near[None, :, :2]) & (places <= near[None, :, 2:]), axis=-1)
    chosen = inside.any(axis=1)
    if len(after.places) < 2 or not chosen.any():
        return Correspondences(np.zeros((0, 4)))
    rows = np.flatnonzero(chosen)
    matches = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(before.descriptors[rows], after.descriptors, k=2)
    pairs = [(rows[best.queryIdx], best.trainIdx) for best, next in matches if best.distance < RATIO * next.distance]
    if not pairs:
        return Correspondences(np.zeros((0, 4)))
    one, other = np.array(pairs).T
    return Correspondences(np.hstack([before.places[one], after.places[other]]))
