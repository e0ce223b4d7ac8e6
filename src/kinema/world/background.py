"""The background between two images: corners to track, and the one motion that the background's corners follow.

What stands still and what moves can disagree. Text bars along the edges stand still in front of a moving camera: they
are overlays if everything between them moves as one. Otherwise what stands still is the background, and what moves is a
part of a person beyond the box.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

CELLS = (6, 8)
"""Rows and columns of the grid over which the corners are spread."""

PER_CELL, CORNER_DISTANCE, CORNER_BLOCK = 4, 7, 5
"""Corners in one cell (of lettering, there would be hundreds), pixels between two, and size of one."""

TEXTURE, TEXTURE_SHARE = 3e-4, 0.01
"""Least strength (smallest eigenvalue) of a corner: several times that of noise, and a share of that of strong ones."""

MIN_CORNERS = 12
"""Corners that must be tracked for an image to count."""

INLIER = 1.2
"""Reprojection threshold of RANSAC, pixels of the small image."""

STILL = 0.8
"""Displacement in pixels of the small image below which a corner stands still."""

STILL_SHARE = 0.3
"""Share of standing corners from which they are the background, unless they are an overlay."""

ACROSS = 0.75
"""Extent of what moves between two overlays, as a fraction of the image's width (bars above and below) or height."""

WITHIN = 0.12
"""Share of the corners between two overlays that may stand still, too: a logo."""

BROAD = 0.35
"""Extent of the background that must be seen moving, as a fraction of the image's width or height."""

UNIFORM, THINNEST = 8, 0.02
"""Largest difference of grey levels within a line of a uniform bar, and its least width, a fraction of the image's."""


def corners_of(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    cells: tuple[int, int] = CELLS,
    per_cell: int = PER_CELL,
    texture: tuple[float, float] = (TEXTURE, TEXTURE_SHARE),
) -> np.ndarray:
    """Corners (N,1,2) float32 of an image where the mask is not 0, a few from each cell of a grid. texture: their least
    strength, and as a share of that of strong ones."""
    strength = cv2.cornerMinEigenVal(image, CORNER_BLOCK, ksize=3)
    height, width = image.shape
    rows, columns = (
        np.linspace(0, size, count + 1).astype(int) for size, count in zip((height, width), cells, strict=True)
    )
    parts = [(slice(a, b), slice(c, d)) for a, b in pairwise(rows) for c, d in pairwise(columns) if b > a and d > c]
    best = [float((strength[part] * (mask[part] > 0)).max()) for part in parts]
    least = max(texture[0], texture[1] * float(np.percentile(best, 75)))
    found = []
    for part, strongest in zip(parts, best, strict=True):
        if strongest < least:
            continue
        corners = cv2.goodFeaturesToTrack(
            image[part], per_cell, least / strongest, CORNER_DISTANCE, mask=mask[part], blockSize=CORNER_BLOCK
        )
        if corners is not None:
            found.append(corners + np.array([part[1].start, part[0].start], np.float32))
    return np.concatenate(found).astype(np.float32) if found else np.zeros((0, 1, 2), np.float32)


def background_motion(before: np.ndarray, after: np.ndarray, size: np.ndarray) -> tuple[np.ndarray | None, int]:
    """The similarity (3,3) that the background's corners follow, None if too few do, and their number.

    before, after (N,2): the corners in the reference and in the image; size (2,): width and height of the images.
    """
    matrix, kept = _similarity(before, after)
    still = np.linalg.norm(after - before, axis=1) < STILL
    split = any(group.mean() > STILL_SHARE and (kept & group).sum() < 0.7 * group.sum() for group in (still, ~still))
    if split or matrix is None:
        matrix, kept = _background_of(before, after, still, size) or (matrix, kept)
    if matrix is None or kept.sum() < max(MIN_CORNERS, 0.3 * len(before)):
        return None, 0
    extent = np.ptp(before[kept], axis=0) / size
    if not still[kept].mean() > 0.5 and extent.max() < BROAD:
        return None, 0
    return np.vstack([matrix, [0, 0, 1]]), int(kept.sum())


def _background_of(
    before: np.ndarray, after: np.ndarray, still: np.ndarray, size: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray] | None:
    """The background's similarity (2,3) and its corners (N,) bool where some stand still and others move.

    None if neither is clearly the background.
    """
    matrix, kept = _similarity(before, after, ~still)
    if matrix is not None and kept.sum() > 0.5 * (~still).sum() and _overlays(before, still, kept, size):
        return matrix, kept
    return _similarity(before, after, still) if still.mean() > STILL_SHARE else None


def _overlays(before: np.ndarray, still: np.ndarray, moving: np.ndarray, size: np.ndarray) -> bool:
    """What stands still lies along edges of the image, and what moves fills everything between."""
    low, high = np.percentile(before[moving], [5, 95], axis=0)
    for along in (0, 1):
        across = 1 - along
        between = still & (before[:, across] > low[across]) & (before[:, across] < high[across])
        wide = high[along] - low[along] > ACROSS * size[along]
        if wide and between.sum() < WITHIN * moving.sum():
            return True
    return False


def _similarity(
    before: np.ndarray, after: np.ndarray, among: np.ndarray | None = None
) -> tuple[np.ndarray | None, np.ndarray]:
    """The similarity (2,3) that most of the corners `among` (N,) bool follow, and which do, (N,) bool."""
    rows = np.arange(len(before)) if among is None else np.flatnonzero(among)
    kept = np.zeros(len(before), dtype=bool)
    if len(rows) < MIN_CORNERS:
        return None, kept
    matrix, inliers = cv2.estimateAffinePartial2D(
        before[rows], after[rows], method=cv2.RANSAC, ransacReprojThreshold=INLIER, maxIters=500
    )
    if matrix is not None:
        kept[rows[inliers[:, 0].astype(bool)]] = True
    return matrix, kept


def content(image: np.ndarray) -> tuple[int, int]:
    """Width and height of a grey image (h,w) without uniform bars on two opposite sides (a letterbox)."""
    columns, rows = inside_bars(image)
    return columns.stop - columns.start, rows.stop - rows.start


def inside_bars(image: np.ndarray) -> tuple[slice, slice]:
    """Columns and rows of a grey image (h,w) between uniform bars on two opposite sides (a letterbox)."""
    extents = []
    for lines in (image, image.T):
        uniform = np.ptp(lines, axis=1) <= UNIFORM if lines.size else np.zeros(len(lines), dtype=bool)
        inside = np.flatnonzero(~uniform)
        first, last = (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, len(lines))
        least = THINNEST * len(lines)
        barred = first > least and len(lines) - last > least
        extents.append(slice(first, last) if barred else slice(0, len(lines)))
    return extents[1], extents[0]
