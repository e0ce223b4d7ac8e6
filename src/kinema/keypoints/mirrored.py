"""Person detectors that are also run on mirrored images, or with another threshold of overlap.

The mirrored run finds people whom the first one misses; overlapping boxes of both are one person. Mirrored upside down,
the image of somebody who stands on their hands is an ordinary one.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from kinema.errors import UsageError
from kinema.geometry.circles import Circles, concatenate, merge
from kinema.keypoints.detectors import BoxDetector, BoxNetwork, Looking
from kinema.keypoints.source import PersonDetector
from kinema.models.detecting import Detecting
from kinema.models.person_boxes import suppressed
from kinema.video import Frame

OVERLAP = 0.7
"""Intersection over union above which boxes of two runs are one person's, for networks that do not state it."""

_X, _Y = 0, 1


_NO_OVERLAP = (
    "`detector_nms_iou_threshold` has no effect on this detector, which gives every person once; leave it out, or"
    " choose a `detector` whose boxes overlap: yolox-tiny-coco, yolov3, or an ONNX file of YOLOX or YOLOv8"
)


def detecting_so(detector: PersonDetector, wanted: Detecting) -> PersonDetector:
    """The detector with these settings applied. Raises UsageError if it has no boxes whose overlap could be chosen."""
    axes = (_X, _Y) if wanted.both_flips else (_X,) if wanted.flip else ()
    if isinstance(detector, BoxDetector):
        network = detector.network
        if isinstance(network, Looking):
            return BoxDetector(network.looking(wanted))
        if wanted.overlap is not None:
            network = _suppressing(network, wanted.overlap)
        return BoxDetector(_MirroredBoxes(network, axes) if axes else network)
    if wanted.overlap is not None:
        raise UsageError(_NO_OVERLAP)
    return _MirroredCircles(detector, axes) if axes else detector


def _suppressing(network: BoxNetwork, overlap: float) -> BoxNetwork:
    if getattr(network, "overlap", None) is None:
        raise UsageError(_NO_OVERLAP)
    network.overlap = overlap  # type: ignore[attr-defined]
    return network


class _Mirror:
    """The mirrored image of a frame, made once for all its tiles."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __call__(self, image: np.ndarray, tile: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """The image and the tile (x, y, side) in it, mirrored along x or y."""
        if axis not in self._of or self._of[axis][0] is not image:
            self._of[axis] = image, np.ascontiguousarray(image[:, ::-1] if axis == _X else image[::-1])
        other = np.array(tile, dtype=np.float64)
        other[axis] = image.shape[1 - axis] - other[axis] - other[2]
        return self._of[axis][1], other


class _MirroredBoxes:
    """A `BoxNetwork` that looks at every tile once more for each of the axes, mirrored."""

    def __init__(self, network: BoxNetwork, axes: tuple[int, ...]) -> None:
        self._network, self._axes, self._mirror = network, axes, _Mirror()

    def __call__(self, image: np.ndarray, tile: np.ndarray, *, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        parts = [self._network(image, tile, threshold=threshold)]
        for axis in self._axes:
            boxes, scores = self._network(*self._mirror(image, tile, axis), threshold=threshold)
            back = np.array(boxes, dtype=np.float64)
            back[:, [axis, axis + 2]] = image.shape[1 - axis] - 1 - back[:, [axis + 2, axis]]
            parts.append((back, scores))
        boxes, scores = (np.concatenate(each) for each in zip(*parts, strict=True))
        if not len(boxes):
            return boxes, scores
        overlap = getattr(self._network, "overlap", None) or OVERLAP
        kept = suppressed(boxes, scores, threshold=threshold, overlap=overlap)
        return boxes[kept], scores[kept]


class _MirroredCircles:
    """A `PersonDetector` that looks at every tile once more for each of the axes, mirrored."""

    def __init__(self, detector: PersonDetector, axes: tuple[int, ...]) -> None:
        self._detector, self._axes, self._mirror = detector, axes, _Mirror()
        self.tile_range = detector.tile_range

    def detect(self, frame: Frame, tile: np.ndarray, *, threshold: float) -> Circles:
        parts = [self._detector.detect(frame, tile, threshold=threshold)]
        for axis in self._axes:
            image, other = self._mirror(frame.image, tile, axis)
            seen = self._detector.detect(dataclasses.replace(frame, image=image), other, threshold=threshold)
            hips, rims = (np.array(each, dtype=np.float64) for each in (seen.hips, seen.rims))
            for each in (hips, rims):
                each[:, axis] = image.shape[1 - axis] - 1 - each[:, axis]
            parts.append(Circles(hips, rims, seen.scores))
        return merge(concatenate(parts))
