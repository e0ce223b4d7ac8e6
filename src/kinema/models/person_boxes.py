"""What detectors of boxes share: the letterboxed image, overlap, and boxes in pixels of the image.

YOLOX (Ge et al. 2021), RTMDet (Lyu et al. 2022) and RTMO (Lu et al. 2024) are used alike: the image is scaled to
fit the input, put into its top left corner, and what remains is grey (114).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

GREY = 114
PERSON = 0
"""Label of a person in COCO, and of the only class of networks for people."""


@dataclass(frozen=True, eq=False)
class Letterbox:
    """A part of an image in a network's input.

    pixels (height, width, 3) uint8, the channels reversed (BGR); scale: pixels of the input per pixel of the image;
    corner (2,): the image's pixel in the input's top left corner.
    """

    pixels: np.ndarray
    scale: np.ndarray
    corner: np.ndarray

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2) of the input in pixels of the image."""
        return np.asarray((points + 0.5) / self.scale - 0.5 + self.corner)

    def boxes_to_image(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) x1 y1 x2 y2 of the input in pixels of the image."""
        return np.asarray(self.to_image(boxes.reshape(-1, 2, 2)).reshape(-1, 4))


def part_of(image: np.ndarray, tile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of an image (H, W, 3) in a square tile (x, y, side), a view that may be empty, and its corner (x, y)."""
    x, y, side = (float(value) for value in tile)
    left, top = max(round(x), 0), max(round(y), 0)
    part = image[top : max(round(y + side), 0), left : max(round(x + side), 0)]
    return part, np.array([left, top], dtype=np.float64)


def letterbox(image: np.ndarray, tile: np.ndarray, height: int, width: int) -> Letterbox | None:
    """The part of an image (H, W, 3) uint8 RGB that lies in a square tile (x, y, side); None if there is none."""
    part, corner = part_of(image, tile)
    if not part.size:
        return None
    scale = min(width / part.shape[1], height / part.shape[0])
    inside = max(int(part.shape[1] * scale), 1), max(int(part.shape[0] * scale), 1)
    pixels = np.full((height, width, 3), GREY, dtype=np.uint8)
    pixels[: inside[1], : inside[0]] = cv2.resize(part, inside, interpolation=cv2.INTER_LINEAR)[..., ::-1]
    return Letterbox(pixels, np.array(inside) / np.array([part.shape[1], part.shape[0]]), corner)


def suppressed(boxes: np.ndarray, scores: np.ndarray, *, threshold: float, overlap: float) -> np.ndarray:
    """Which of the boxes (n, 4) are kept, best first: those with a sufficient score (n,) that no better one covers.

    overlap: intersection over union from which two boxes are one.
    """
    sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), threshold, overlap)
    return np.asarray(kept, dtype=np.int64).reshape(-1)
