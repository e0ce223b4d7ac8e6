"""From images to YOLOv3's input and from its boxes to people, as AlphaPose and the HRNet path of video-to-pose3D do.

(`kinema.models.yolov3.output` has what PARE's demo does instead.)
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

PERSON = 0
STRIDE = 32
"""Pixels of the input per cell of the coarsest map."""

_GREY = 128
_CROWD, _CROWD_OVERLAP = 100, 0.05
"""With more people than this, AlphaPose suppresses again, with an overlap that is lower by this."""


@dataclass(frozen=True)
class Letterbox:
    """How an image lies in the network's input.

    scale: pixels of the input per pixel of the image; left, top: where it begins; width, height: of the image in
    the input; size: (width, height) of the input.
    """

    scale: float
    left: int
    top: int
    width: int
    height: int
    size: tuple[int, int]


def letterbox_of(width: int, height: int, size: int, *, square: bool = True) -> Letterbox:
    """The letterbox of an image of `width` x `height` in an input of `size` pixels.

    square: as published. Otherwise the shorter side is cut to the next multiple of `STRIDE`: what lies there is grey.
    """
    scale = min(size / width, size / height)
    inside = max(int(width * scale), 1), max(int(height * scale), 1)
    whole = (size, size) if square else tuple(min(-(-side // STRIDE) * STRIDE, size) for side in inside)
    return Letterbox(scale, (whole[0] - inside[0]) // 2, (whole[1] - inside[1]) // 2, *inside, (whole[0], whole[1]))


def letterboxed(image: np.ndarray, box: Letterbox) -> np.ndarray:
    """An image (H,W,3) uint8 RGB as the network's input (3,h,w) float32 in [0,1], by cubic interpolation."""
    canvas = np.full((box.size[1], box.size[0], 3), _GREY, dtype=np.uint8)
    small = cv2.resize(image, (box.width, box.height), interpolation=cv2.INTER_CUBIC)
    canvas[box.top : box.top + box.height, box.left : box.left + box.width] = small
    return np.ascontiguousarray(canvas.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def unletterboxed(corners: np.ndarray, width: int, height: int, box: Letterbox) -> np.ndarray:
    """Corners (n,4) x1 y1 x2 y2 in pixels of the input as pixels of the image, inside it.

    The published code halves the border without rounding, although the image lies at a whole pixel.
    """
    scale = np.float32(box.scale)
    border = (np.array(box.size, dtype=np.float32) - scale * np.array([width, height], dtype=np.float32)) / 2
    points = (np.asarray(corners, dtype=np.float32).reshape(-1, 2, 2) - border) / scale
    return np.clip(points, 0, np.array([width, height], dtype=np.float32)).reshape(-1, 4)


def objects(prediction: np.ndarray, *, confidence: float, overlap: float, people_only: bool = False) -> np.ndarray:
    """The objects among the network's boxes of one image (N,85): (n,7) x1 y1 x2 y2, objectness, class score, class.

    Boxes with an objectness above `confidence`, class by class, the most certain first; of those of a class that
    overlap by at least `overlap`, the most certain remains. people_only: without the other classes, as in AlphaPose.
    """
    prediction = np.asarray(prediction, dtype=np.float32)
    prediction = prediction[prediction[:, 4] > confidence]
    best = prediction[:, 5:].argmax(axis=1)
    if people_only:
        prediction, best = prediction[best == PERSON], best[best == PERSON]
    half = prediction[:, 2:4] / 2
    corners = np.hstack([prediction[:, :2] - half, prediction[:, :2] + half])
    score = prediction[np.arange(len(best)), 5 + best]
    rows = np.column_stack([corners, prediction[:, 4], score, best.astype(np.float32)]).astype(np.float32)
    kept = [_suppressed(rows[best == number], overlap) for number in np.unique(best)]
    return np.concatenate(kept) if kept else np.zeros((0, 7), np.float32)


def _suppressed(rows: np.ndarray, overlap: float) -> np.ndarray:
    """The rows that no more certain one overlaps, the most certain first."""
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    kept = []
    while len(rows):
        kept.append(rows[0])
        rows = rows[1:][_overlap(rows[0, :4], rows[1:, :4]) < overlap]
    return np.array(kept, dtype=np.float32).reshape(-1, 7)


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union, with sides counted in whole pixels, both ends included."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low + 1, 0), axis=1)
    area, areas = np.prod(box[2:] - box[:2] + 1), np.prod(boxes[:, 2:] - boxes[:, :2] + 1, axis=1)
    return np.asarray(shared / (area + areas - shared))


def people_of_alphapose(predictions: np.ndarray, *, confidence: float = 0.05, overlap: float = 0.6) -> np.ndarray:
    """AlphaPose's people in a batch of images (B,N,85): (n,8), the image's number before `objects`' columns."""
    rows = _each(predictions, confidence, overlap)
    return _each(predictions, confidence, overlap - _CROWD_OVERLAP) if len(rows) > _CROWD else rows


def _each(predictions: np.ndarray, confidence: float, overlap: float) -> np.ndarray:
    parts = [objects(one, confidence=confidence, overlap=overlap, people_only=True) for one in predictions]
    numbers = np.repeat(np.arange(len(parts), dtype=np.float32), [len(part) for part in parts])
    return np.column_stack([numbers, np.concatenate(parts)])


def people_of_hrnet(rows: np.ndarray, *, certain: float = 0.8, most: int = 5) -> np.ndarray:
    """The people among `objects`, as video-to-pose3D hands them to HRNet: the most certain, above `certain`, at most
    `most`."""
    people = rows[(rows[:, 6] == PERSON) & (rows[:, 4] > certain)]
    return np.asarray(people[np.argsort(-people[:, 4], kind="stable")][:most])
