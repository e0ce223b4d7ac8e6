"""YOLOv3's post-processing: one box for each object, and people's boxes in image pixels.

Redmon and Farhadi 2018. The details are those of the detector in PARE's demo, for parity with it.
"""

from __future__ import annotations

import numpy as np

SIZE = 416
PERSON = 0
OBJECT_CONFIDENCE = 0.8
OVERLAP = 0.4


def suppressed(
    prediction: np.ndarray, *, confidence: float = OBJECT_CONFIDENCE, overlap: float = OVERLAP
) -> np.ndarray:
    """One row for each object: prediction (N,5+C), boxes as centre and size, object confidence, class scores ->
    (n,7) x1 y1 x2 y2, object confidence, class score, class; the most confident first.

    A box absorbs those of its class that overlap it by more than `overlap`, and becomes their mean, weighted by the
    object confidence.
    """
    prediction = np.asarray(prediction, dtype=np.float32)
    prediction = prediction[prediction[:, 4] >= confidence]
    best = prediction[:, 5:].argmax(axis=1) if len(prediction) else np.zeros(0, dtype=int)
    score = prediction[np.arange(len(prediction)), 5 + best]
    half = prediction[:, 2:4] / 2
    corners = np.hstack([prediction[:, :2] - half, prediction[:, :2] + half])
    rows = np.column_stack([corners, prediction[:, 4], score, best.astype(np.float32)])
    rows = rows[np.argsort(-(rows[:, 4] * rows[:, 5]), kind="stable")]
    kept = []
    while len(rows):
        first = rows[0]
        same = (_overlap(first[:4], rows[:, :4]) > overlap) & (rows[:, 6] == first[6])
        same[0] = True
        weight = rows[same, 4:5]
        merged = first.copy()
        merged[:4] = (weight * rows[same, :4]).sum(axis=0) / weight.sum()
        kept.append(merged)
        rows = rows[~same]
    return np.array(kept, dtype=np.float32).reshape(-1, 7)


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union, with sides counted in whole pixels, both ends included."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low + 1, 0), axis=1)
    area, areas = np.prod(box[2:] - box[:2] + 1), np.prod(boxes[:, 2:] - boxes[:, :2] + 1, axis=1)
    return np.asarray(shared / (area + areas - shared + 1e-16))


def people(rows: np.ndarray, height: int, width: int, *, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """The people among `suppressed` objects: boxes (n,4) corners in an image of this size, scores (n,).

    The network saw the image letterboxed to a square of `size` pixels; the inverse halves the borders in whole pixels.
    """
    rows = rows[rows[:, 6] == PERSON]
    longer = max(height, width)
    pad_x, pad_y = max(height - width, 0) * size / longer, max(width - height, 0) * size / longer
    inside = np.array([size - pad_x, size - pad_y])
    border = np.array([pad_x // 2, pad_y // 2])
    scale = np.array([width, height]) / inside
    boxes = (rows[:, :4].reshape(-1, 2, 2) - border) * scale
    return boxes.reshape(-1, 4).astype(np.float32), rows[:, 4] * rows[:, 5]


def letterboxed(image: np.ndarray, *, size: int = SIZE) -> np.ndarray:
    """An image (H,W,3) uint8 as network input: (3,size,size) float32 in [0,1], made square with black borders.

    Resized by nearest neighbour.
    """
    height, width = image.shape[:2]
    longer = max(height, width)
    top, left = (longer - height) // 2, (longer - width) // 2
    square = np.zeros((longer, longer, 3), dtype=np.float32)
    square[top : top + height, left : left + width] = image
    near = np.minimum((np.arange(size) * (longer / size)).astype(int), longer - 1)
    return np.ascontiguousarray(square[near][:, near].transpose(2, 0, 1)) / np.float32(255)
