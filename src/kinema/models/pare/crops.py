"""Cropping people from images for a network: the demo's crops and the evaluation's.

A box is (cx, cy, w, h) in pixels. The demo's crop is an affine warp of the box onto the network's square, black outside
the image; the evaluation's is cut at whole pixels and resized with anti-aliasing. Both reproduce PARE's code, with
which the published weights were evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.ndimage

from kinema.errors import ShapeError
from kinema.models.imagenet import MEAN, STD
from kinema.models.pare.facts import IMAGE_SIZE, REFERENCE_HEIGHT

_LARGEST_SIDE = 100_000.0


def square_boxes(corners: np.ndarray) -> np.ndarray:
    """Boxes (n,4) x1 y1 x2 y2 -> (n,4) cx cy w h around the same centres, w = h = the longer side."""
    corners = np.asarray(corners, dtype=np.float64).reshape(-1, 4)
    size = corners[:, 2:] - corners[:, :2]
    side = size.max(axis=1, initial=0.0)
    return np.column_stack([corners[:, :2] + size / 2, side, side])


def crop_affine(box: np.ndarray, *, scale: float = 1.0, rotation: float = 0.0, size: int = IMAGE_SIZE) -> np.ndarray:
    """The map (2,3) from image pixels to those of the crop of a box (cx, cy, w, h).

    rotation: degrees by which the box is rotated about its centre, from x to y. Computed from three points, as PARE
    does: the centre and the midpoints of the lower and the right edge.
    """
    x, y, width, height = (float(value) for value in box)
    if not (np.all(np.isfinite(box)) and 0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE):
        raise ShapeError(f"a box must have a positive, finite size, found {np.asarray(box).tolist()}")
    # Rounded to single precision before the addition, as in PARE's code: the last digit changes grey levels.
    down, right = (float(np.float32(side * scale / 2)) for side in (height, width))
    sine, cosine = np.sin(np.radians(rotation)), np.cos(np.radians(rotation))
    source = np.array(
        [[x, y], [x - down * sine, y + down * cosine], [x + right * cosine, y + right * sine]], dtype=np.float32
    )
    half = size / 2
    target = np.array([[half, half], [half, size], [size, half]], dtype=np.float32)
    return cv2.getAffineTransform(source, target)


def crop(
    image: np.ndarray,
    box: np.ndarray,
    *,
    scale: float = 1.0,
    rotation: float = 0.0,
    size: int = IMAGE_SIZE,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """The crop (size,size,3) uint8 of a box (cx, cy, w, h) in an image (H,W,3) uint8; black outside the image.

    rotation: of the box, as for `crop_affine`. out: where to write it.
    """
    return cv2.warpAffine(
        image, crop_affine(box, scale=scale, rotation=rotation, size=size), (size, size), dst=out,
        flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
    )  # fmt: skip


def normalized(crops: np.ndarray) -> np.ndarray:
    """Crops (n,h,w,3) in 0..255 as network input (n,h,w,3) float32: scaled to [0,1], then mean 0, deviation 1."""
    # Whole rows at a time: numpy's loop over a last axis of three colours takes ten times as long.
    width = crops.shape[2]
    out = crops.astype(np.float32).reshape(-1, 3 * width)
    out *= np.tile(1 / (255 * STD), width)
    out -= np.tile(MEAN / STD, width)
    return out.reshape(crops.shape)


@dataclass(frozen=True, eq=False)
class CropBatch:
    """n crops (n,224,224,3) uint8 of several people and frames. track (n,) ids, row (n,) rows of their tracks."""

    crops: np.ndarray
    track: np.ndarray
    row: np.ndarray


def crop_batches(
    images: Iterable[np.ndarray],
    tracks: Mapping[int, tuple[np.ndarray, np.ndarray]],
    *,
    batch: int,
    scale: float = 1.0,
) -> Iterator[CropBatch]:
    """Crops of all people in batches as full as possible, across frames and people.

    images: of the frames 0, 1, ... tracks: id -> (frames (F,) increasing, boxes (F,4) cx cy w h). One batch is in
    memory at a time, whatever the number of frames; it is valid only until the next one is requested.
    """
    wanted: dict[int, list[tuple[int, int]]] = {}
    for id, (frames, _) in tracks.items():
        for row, frame in enumerate(frames):
            wanted.setdefault(int(frame), []).append((id, row))
    crops = np.empty((batch, IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    owners: list[tuple[int, int]] = []
    last = max(wanted, default=-1)
    for number, image in enumerate(images):
        for id, row in wanted.get(number, ()):
            crop(image, tracks[id][1][row], scale=scale, out=crops[len(owners)])
            owners.append((id, row))
            if len(owners) == batch:
                yield _batch(crops, owners)
                owners = []
        if number >= last:
            break
    if owners:
        yield _batch(crops[: len(owners)], owners)


def _batch(crops: np.ndarray, owners: list[tuple[int, int]]) -> CropBatch:
    track, row = np.array(owners, dtype=np.int64).T
    return CropBatch(crops, track, row)


# --- the evaluation's crops --------------------------------------------------------------------------


def evaluation_points(
    points: np.ndarray, center: np.ndarray, scale: float, *, rotation: float = 0.0, size: int = IMAGE_SIZE
) -> np.ndarray:
    """Image pixels (K,2) -> pixels of the evaluation's crop: whole numbers (K,2), counted from 1.

    center (2,), scale: of the person, `scale` times 200 pixels high. rotation: degrees, as for `evaluation_crop`.
    Truncated towards zero and then counted from 1, as the published evaluation does.
    """
    matrix = _evaluation_matrix(center, scale, size)
    if rotation:
        turn = np.eye(3)
        turn[:2] = cv2.getRotationMatrix2D((size / 2, size / 2), rotation, 1.0)
        matrix = turn @ matrix
    return _moved(np.asarray(points), matrix) + 1


def _evaluation_matrix(center: np.ndarray, scale: float, size: int) -> np.ndarray:
    """(3,3) from image pixels to crop pixels."""
    height = REFERENCE_HEIGHT * float(scale)
    if not (0 < height <= _LARGEST_SIDE and np.all(np.isfinite(center))):
        raise ShapeError(f"a person of scale {scale:g} at {np.asarray(center).tolist()} gives no crop")
    matrix = np.eye(3)
    matrix[0, 0] = matrix[1, 1] = size / height
    matrix[:2, 2] = size * (-np.asarray(center, dtype=np.float64) / height + 0.5)
    return matrix


def _moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (K,2) under a matrix (3,3), truncated: (K,2) int."""
    homogeneous = np.column_stack([points.astype(np.float64), np.ones(len(points))])
    return np.array([(matrix @ point)[:2] for point in homogeneous]).astype(np.int64).reshape(-1, 2)


def evaluation_crop(
    image: np.ndarray, center: np.ndarray, scale: float, *, rotation: float = 0.0, size: int = IMAGE_SIZE
) -> np.ndarray:
    """The evaluation's crop (size,size,3) float64 in 0..255 of an image (H,W,3).

    A square of whole pixels with side 200*scale, black outside the image, resized linearly after an anti-aliasing
    Gaussian if it shrinks (the arithmetic of scikit-image's `resize`). rotation: degrees by which the crop's content is
    rotated counter-clockwise, as in the release's training.
    """
    back = np.linalg.inv(_evaluation_matrix(center, scale, size))
    (left, top), (right, bottom) = _moved(np.array([[0, 0], [size, size]]), back).tolist()
    width, height = right - left, bottom - top
    if not (0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE):
        raise ShapeError(f"a person of scale {scale:g} at {np.asarray(center).tolist()} gives no crop")
    # The content that rotates into the square extends as far as its corners are from its centre.
    around = int(np.hypot(width, height) / 2 - width / 2) if rotation else 0
    square = _cut(image, left - around, top - around, right + around, bottom + around)
    if rotation:
        square = _turned(square, rotation)[around : around + height, around : around + width]
    factors = np.array([height / size, width / size, 1.0])
    sigma = np.maximum(0.0, (factors - 1) / 2)
    smooth = scipy.ndimage.gaussian_filter(square, sigma, mode="mirror") if np.any(sigma > 0) else square
    return np.asarray(scipy.ndimage.zoom(smooth, 1 / factors, order=1, mode="mirror", grid_mode=True))


def _cut(image: np.ndarray, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """A rectangle of whole pixels (bottom - top, right - left, 3) float64 of an image, black outside the image."""
    out = np.zeros((bottom - top, right - left, 3))
    x = slice(max(0, left), min(image.shape[1], right))
    y = slice(max(0, top), min(image.shape[0], bottom))
    if x.start < x.stop and y.start < y.stop:
        out[y.start - top : y.stop - top, x.start - left : x.stop - left] = image[y, x]
    return out


def _turned(image: np.ndarray, degrees: float) -> np.ndarray:
    """An image (H,W,3) rotated counter-clockwise about its centre, linearly interpolated, black outside."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    back = np.array([[cosine, sine], [-sine, cosine]])  # rows and columns, from the rotated image to this one
    centre = (np.array(image.shape[:2]) - 1) / 2
    planes = [
        scipy.ndimage.affine_transform(image[..., k], back, centre - back @ centre, order=1, mode="grid-constant")
        for k in range(image.shape[2])
    ]
    return np.stack(planes, axis=-1)
