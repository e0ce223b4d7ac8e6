"""The outlines of people in a few frames, for the shape of their bodies.

The keypoint network's mask takes as long as its keypoints, so it is made in a few frames only; they are kept while the
video is tracked, since decoding it again would take an eighth of the time of tracking.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kinema.geometry.crops import crop
from kinema.geometry.roi import crop_matrix
from kinema.keypoints.source import KeypointEstimator, OpenedSource, View, region_of
from kinema.motion import Motion
from kinema.person import OUTLINES, Person, row_of
from kinema.video import Frame

_LONGEST = 960
"""Longer side of the frames that are kept, pixels."""

_LARGEST = 3_000_000
"""Bytes of an image that is kept as it is until it is used."""

_EVERY, _MOST = 8, 16
"""Interval in frames of those that are kept, and their largest number: then every second one is dropped, and the
interval doubles."""

_SHARE, _OUTLINES = 24, 8
"""Frames of a person per outline, and the largest number of outlines: a twentieth of the time of tracking, or less."""

_ALONE = 0.05
"""Share of a person's box that another's may cover."""

_COVERED = 0.5
"""The same for somebody who is never alone: half of the outline shows the girths nearly as well as all of it."""

_AGREES = 0.8
"""Share of the clearly seen keypoints that must lie in the mask."""

_FINER = 2
"""Pixels of the outline's grid per pixel of the mask, along each side."""

_PIECE = 0.02
"""Area of the smallest piece or hole, as a fraction of the largest piece."""


@dataclass(frozen=True, eq=False)
class _Kept:
    """A frame's image (h,w,3), and its size relative to the video's."""

    index: int
    image: np.ndarray
    scale: float = 1.0

    def small(self) -> _Kept:
        """The same, its longer side at most `_LONGEST`."""
        height, width = self.image.shape[:2]
        if max(width, height) <= _LONGEST:
            return self
        scale = _LONGEST / max(width, height)
        size = (max(round(scale * width), 1), max(round(scale * height), 1))
        return _Kept(self.index, cv2.resize(self.image, size, interpolation=cv2.INTER_AREA), scale)


class Album:
    """An observer of a video's frames that keeps some of them, evenly spread and small.

    The frames must not be written to later. Those a little too large become small only when they are used, which few
    are.
    """

    def __init__(self) -> None:
        self._every, self._kept = _EVERY, list[_Kept]()

    def __call__(self, frame: Frame, boxes: np.ndarray) -> None:
        if frame.index % self._every or not len(boxes):
            return
        kept = _Kept(frame.index, frame.image)
        self._kept.append(kept if frame.image.nbytes <= _LARGEST else kept.small())
        while len(self._kept) > _MOST:
            self._every *= 2
            self._kept = [kept for kept in self._kept if kept.index % self._every == 0]

    def chosen(self, motion: Motion, person: Person) -> list[tuple[_Kept, int]]:
        """The frames in which a person is seen best of each section of the clip, alone, or at least by half if never
        alone, and the person's rows."""
        boxes, confidence, observed = person.require("boxes", "keypoint_confidence", "observed")
        found, shares = [], []
        for kept in self._kept:
            row = row_of(person, kept.index)
            if row is not None and observed[row]:
                found.append((kept, row))
                shares.append(_covered(boxes[row], _others(motion, person, kept.index)))
        most = _ALONE if min(shares, default=1.0) <= _ALONE else _COVERED
        found = [each for each, share in zip(found, shares, strict=True) if share <= most]
        count = int(np.clip(len(person) // _SHARE, 1, _OUTLINES))
        sections = np.array_split(np.arange(len(found)), min(count, len(found))) if found else []
        return [found[max(section, key=lambda i: float(confidence[found[i][1]].mean()))] for section in sections]


def with_outlines(motion: Motion, album: Album, source: OpenedSource) -> Motion:
    """The motion with the outlines (`kinema.person.OUTLINES`) of everybody who is seen alone in a frame of the album,
    or at least by half.

    source: of the people's keypoints; the motion stays as it was if that gives no masks.
    """
    chosen = [album.chosen(motion, person) for person in motion]
    if not any(chosen) or not source.estimator.gives_masks:
        return motion
    people = []
    for person, frames in zip(motion, chosen, strict=True):
        found = [(kept.index, _outline(kept.small(), person, row, source)) for kept, row in frames]
        found = [(index, outline) for index, outline in found if outline]
        indices, contours = [index for index, _ in found], [outline for _, outline in found]
        hidden = [_others(motion, person, index).tolist() for index in indices]
        own = {OUTLINES: {"frames": indices, "contours": contours, "hidden": hidden}} if found else {}
        people.append(person.replace(data={**person.data, **own}))
    return motion.replace(people=tuple(people))


def _outline(kept: _Kept, person: Person, row: int, source: OpenedSource) -> list[list[float]]:
    """The polygons of a person in a frame, none if the mask does not agree with the keypoints."""
    points, confidence = person.require("keypoints", "keypoint_confidence")
    sure = np.where(np.isfinite(points[row]).all(axis=1), confidence[row], 0.0)
    seen = points[row][sure >= source.estimator.thresholds.visible]
    if not len(seen):
        return []
    # Of all keypoints, guessed ones too: a region of the sure ones would leave out what is hardly seen.
    roi = region_of(points[row], sure, source.joint_set, visible=0.0)
    mask, to_image = _mask(kept, roi, source.estimator)
    if mask is None:
        return []
    to_mask = cv2.invertAffineTransform(to_image)
    column, line = np.rint(seen @ to_mask[:, :2].T + to_mask[:, 2]).astype(int).T
    inside = (column >= 0) & (line >= 0) & (column < len(mask)) & (line < len(mask))
    if not inside.any() or mask[line[inside], column[inside]].mean() < _AGREES:
        return []
    return [(polygon @ to_image[:, :2].T + to_image[:, 2]).round(2).ravel().tolist() for polygon in polygons(mask)]


def _others(motion: Motion, person: Person, frame: int) -> np.ndarray:
    """The boxes (n,4) of everybody else in a frame."""
    rows = [(other, row_of(other, frame)) for other in motion if other is not person]
    boxes = [other.require("boxes")[0][row] for other, row in rows if row is not None]
    return np.array([box for box in boxes if np.isfinite(box).all()]).reshape(-1, 4)


def _covered(box: np.ndarray, others: np.ndarray) -> float:
    """The largest share of a person's box (4,) that one of others' boxes (n,4) covers; 1 of no box at all."""
    area = float(np.prod(box[2:] - box[:2]))
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return float(np.prod(np.maximum(shared, 0.0), axis=1).max(initial=0.0)) / area if area > 0 else 1.0


def _mask(kept: _Kept, roi: np.ndarray, estimator: KeypointEstimator) -> tuple[np.ndarray | None, np.ndarray]:
    """The mask (S,S) bool of the person in a region (4,) of the image, None where nobody is, and the map (2,3) from its
    pixels to the image's."""
    small = np.array([*((roi[:2] + 0.5) * kept.scale - 0.5), roi[2] * kept.scale, roi[3]])
    view = View(Frame(kept.index, 0.0, kept.image), small, crop(kept.image, small, size=estimator.crop_size))
    logits = estimator.observe(view, mask=True).mask
    if logits is None:
        return None, np.zeros((2, 3))
    size = _FINER * len(logits)
    mask = cv2.resize(logits, (size, size), interpolation=cv2.INTER_LINEAR) > 0
    return mask, crop_matrix(roi, size)


def polygons(mask: np.ndarray) -> list[np.ndarray]:
    """The outlines (N,2) of a mask (H,W) bool in its pixels: its pieces and their holes, without specks."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(each) for each in found]
    least = _PIECE * max(areas, default=0.0)
    kept = [cv2.approxPolyDP(each, 1.0, True)[:, 0] for each, area in zip(found, areas, strict=True) if area > least]
    return [each.astype(float) for each in kept if len(each) > 2]
