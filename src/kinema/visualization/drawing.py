"""2D drawing on images: track colours, skeletons, labels, paths. Images are (H,W,3) uint8 RGB."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from kinema.skeleton import JointSet
from kinema.visualization.raster import Box

# Okabe and Ito, "Color Universal Design" (2008), without black: distinguishable with any kind of colour vision.
_OKABE_ITO = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip
MIN_CONFIDENCE = 0.3
"""Keypoints with lower confidence are not drawn."""


def track_colors(ids: Sequence[int]) -> dict[int, tuple[float, float, float]]:
    """A colour for each track, sRGB in [0,1], in order of the ids. After seven tracks the colours repeat, darker."""
    colors = {}
    for rank, id in enumerate(sorted(ids)):
        shade = 0.62 ** (rank // len(_OKABE_ITO) % 3)
        r, g, b = (shade * channel / 255 for channel in _OKABE_ITO[rank % len(_OKABE_ITO)])
        colors[id] = (r, g, b)
    return colors


def draw_skeleton(
    image: np.ndarray,
    points: np.ndarray,
    confidence: np.ndarray | None,
    joints: JointSet,
    color: tuple[float, float, float],
) -> None:
    """Draw bones and joints of 2D keypoints (K,2), in place. Invisible ones (NaN or low confidence) are left out."""
    visible = np.all(np.isfinite(points), axis=1)
    if confidence is not None:
        visible &= confidence >= MIN_CONFIDENCE
    thick = thickness(image)
    ink = to_8bit(color)
    for a, b in joints.edges:
        if visible[a] and visible[b]:
            cv2.line(image, pixel(points[a]), pixel(points[b]), ink, thick, cv2.LINE_AA, SHIFT)
    for k in np.flatnonzero(visible):
        cv2.circle(image, pixel(points[k]), (thick + 1) << SHIFT, (255, 255, 255), -1, cv2.LINE_AA, SHIFT)
        cv2.circle(image, pixel(points[k]), thick << SHIFT, ink, -1, cv2.LINE_AA, SHIFT)


def draw_box(image: np.ndarray, box: np.ndarray, color: tuple[float, float, float]) -> None:
    """Draw a box x1 y1 x2 y2, in place; nothing if it is not finite."""
    if np.all(np.isfinite(box)):
        cv2.rectangle(image, pixel(box[:2]), pixel(box[2:]), to_8bit(color), thickness(image), cv2.LINE_AA, SHIFT)


def around(points: np.ndarray, width: int, height: int) -> Box:
    """The pixels that `draw_skeleton` and `draw_box` may change in an image of this size, given points (K,2)."""
    points = points[np.all(np.isfinite(points), axis=1)]
    if not len(points):
        return Box(0, 0, 0, 0)
    margin = 3 * max(round(min(width, height) / 360), 1) + 2
    low = np.clip(np.floor(points.min(axis=0)) - margin, 0, [width, height]).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)) + margin + 1, 0, [width, height]).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def draw_label(image: np.ndarray, text: str, anchor: np.ndarray, color: tuple[float, float, float]) -> None:
    """Draw a small label whose bottom centre is at `anchor` (x, y), clamped to the image, in place."""
    (left, top, right, bottom), foot, scale, thick = _label(image.shape[1], image.shape[0], text, anchor)
    cv2.rectangle(image, (left, top), (right, bottom), to_8bit(color), -1)
    bright = np.dot(color, (0.299, 0.587, 0.114)) > 0.5
    ink = (0, 0, 0) if bright else (255, 255, 255)
    cv2.putText(image, text, foot, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)


def label_box(width: int, height: int, text: str, anchor: np.ndarray) -> Box:
    """The pixels that `draw_label` changes in an image of this size."""
    (left, top, right, bottom), *_ = _label(width, height, text, anchor)
    return Box(left, top, min(right + 1, width), min(bottom + 1, height))


def _label(
    width: int, height: int, text: str, anchor: np.ndarray
) -> tuple[tuple[int, int, int, int], tuple[int, int], float, int]:
    """Corners of a label (left, top, right, bottom, all drawn), the text's lower left one, its scale and thickness."""
    scale = max(min(height, width) / 1100, 0.3)
    thick = max(round(1.6 * scale), 1)
    (wide, high), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    pad = max(round(6 * scale), 2)
    left = int(np.clip(anchor[0] - wide / 2 - pad, 0, max(width - wide - 2 * pad, 0)))
    top = int(np.clip(anchor[1] - high - base - 2 * pad, 0, max(height - high - base - 2 * pad, 0)))
    right, bottom = left + wide + 2 * pad, top + high + base + 2 * pad
    return (left, top, right, bottom), (left + pad, bottom - pad - base), scale, thick


def draw_path(image: np.ndarray, points: np.ndarray, color: tuple[float, float, float]) -> None:
    """Draw a line through pixels (N,2), in place."""
    if len(points) > 1:
        fixed = np.rint(np.clip(points, -1e4, 1e4) * 2**SHIFT).astype(np.int32)
        cv2.polylines(image, [fixed.reshape(-1, 1, 2)], False, to_8bit(color), thickness(image), cv2.LINE_AA, SHIFT)


SHIFT = 3
"""OpenCV draws with subpixel precision when coordinates are given in units of 1/2**SHIFT."""


def pixel(point: np.ndarray) -> tuple[int, int]:
    """A point (2,) in the units in which `SHIFT` draws."""
    x, y = np.rint(np.clip(point, -1e4, 1e4) * 2**SHIFT).astype(int)
    return int(x), int(y)


def to_8bit(color: tuple[float, float, float]) -> tuple[int, int, int]:
    """A colour in [0,1] as OpenCV draws it."""
    r, g, b = (round(255 * channel) for channel in color)
    return r, g, b


def thickness(image: np.ndarray) -> int:
    """Pixels of a line in an image of this size."""
    result: int = max(round(min(image.shape[:2]) / 360), 1)
    return result
