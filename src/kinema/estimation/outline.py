"""The outline of a person as evidence: where the body's contour lies beside that of the mask.

Each point of the contour is compared with the signed distance to the mask's outline: the distance is the residual, and
what moves the point along the distance's gradient changes it (as by Gall et al., "Motion capture using joint skeleton
tracking and surface estimation", CVPR 2009). Keypoints tell lengths; the outline tells girths, which they hardly show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from kinema.body import BodyModel
from kinema.body.kinematics import Rig
from kinema.estimation.contour import contours
from kinema.estimation.mask_files import opened_masks
from kinema.estimation.solver import Added, PoseState
from kinema.geometry.camera import Camera
from kinema.person import OUTLINES, Person, row_of

SIGMA = 0.02
"""Metres, at the person's depth: standard deviation of the contour about the outline."""

KERNEL = 5.0
"""Sigmas beyond which distances count less (Geman-McClure): hair, skirts, bags, errors of the mask."""

INDEPENDENT = 0.25
"""Metres of contour that count as one independent measurement: clothes and masks err over such lengths."""

PULL = 4.0
"""Weight of an outline for the pose, relative to that for the shape: errors that are the same in all frames have been
taken out of it by the shape."""

_CELLS = 256
"""Cells along the longer side of the grid on which distances are kept."""

_BLUR = 1.5
"""Cells over which distances are averaged."""

_MARGIN = 0.25
"""Of a mask's size, around it, that the grid covers."""

_POINTS = 100
"""Points of the contour that are enough; their neighbours say the same."""

_SAME_SIDE = 0.3
"""Cosine of the contour's normal with the gradient below which they belong to different edges of a limb."""


@dataclass(frozen=True, eq=False)
class Outline:
    """The mask of one frame. row: of the evidence. distance (h,w): to its outline in pixels of the image, positive
    outside; place (2,): the pixel of the first cell; step: pixels from cell to cell. hidden (n,4): boxes of the image
    inside which the mask's edge may be another person's."""

    row: int
    distance: np.ndarray
    place: np.ndarray
    step: float
    hidden: np.ndarray

    @classmethod
    def of(
        cls, row: int, polygons: Sequence[np.ndarray], size: tuple[int, int], hidden: np.ndarray | None = None
    ) -> Outline | None:
        """From the polygons of a mask, each (N,2) pixels, holes among them (even-odd rule); None without any inside.

        size: width and height of the image, at whose edge the mask does not end. hidden: see `Outline`.
        """
        if not polygons:
            return None
        points = np.concatenate(list(polygons))
        low, high = points.min(0), points.max(0)
        extent = float((high - low).max())
        place, reach = low - _MARGIN * extent, high - low + 2 * _MARGIN * extent
        step = max(float(reach.max()), 1.0) / _CELLS
        width, height = np.ceil(reach / step).astype(int) + 1
        inside = np.zeros((height, width), np.uint8)
        cv2.fillPoly(inside, [np.rint((each - place) / step * 16).astype(np.int32) for each in polygons], 1, shift=4)
        columns, rows = (
            np.clip(np.arange(count), *_in_image(first, step, pixels, count))
            for first, pixels, count in zip(place, size, (width, height), strict=True)
        )
        inside = np.ascontiguousarray(inside[rows][:, columns])
        if not inside.any() or inside.all():
            return None
        beyond, within = (cv2.distanceTransform(each, cv2.DIST_L2, 5) for each in (1 - inside, inside))
        # The cells that a polygon runs through are filled, too: their distance is 0.
        distance = np.where(inside > 0, 1.0 - within, beyond) * step
        # Distances from an image of cells have directions of their own near the outline.
        smooth = cv2.GaussianBlur(distance.astype(np.float32), (0, 0), _BLUR)
        return cls(row, smooth, place, step, np.zeros((0, 4)) if hidden is None else hidden)

    def at(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distances (N,), their gradients (N,2) and whether they are known (N,), at pixels (N,2)."""
        x, y = ((pixels - self.place) / self.step).T.astype(np.float32)
        height, width = self.distance.shape
        known = (x > 1) & (y > 1) & (x < width - 2) & (y < height - 2)
        for box in self.hidden:
            known &= ((pixels < box[:2]) | (pixels > box[2:])).any(axis=1)
        x, y = np.where(known, x, np.float32(1.5)), np.where(known, y, np.float32(1.5))
        left, right, above, below, here = (
            cv2.remap(self.distance, (x + dx)[None], (y + dy)[None], cv2.INTER_LINEAR)[0]
            for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1), (0, 0))
        )
        slope = np.stack([right - left, below - above], axis=-1) / (2 * self.step)
        return here, slope, known & (np.linalg.norm(slope, axis=-1) > 0.5)


def outlines_of(person: Person, size: tuple[int, int], rows: Sequence[int] | np.ndarray) -> list[Outline]:
    """The outlines of some frames (rows) of a person, of those that have one, in their order: from the person's masks,
    else those that tracking made (`kinema.person.OUTLINES`).

    size: width and height of the image. Raises InputError for masks of another video.
    """
    if person.masks is not None:
        masks, places = opened_masks(person, person.masks, size)
        found = {int(row): Outline.of(int(row), _polygons(masks[places[row]], size), size) for row in rows}
    else:
        kept: Mapping[str, Any] = person.data.get(OUTLINES, {})
        wanted = set(np.asarray(rows).tolist())
        frames, contours = kept.get("frames", ()), kept.get("contours", ())
        found = {}
        for frame, polygons, hidden in zip(frames, contours, kept.get("hidden", [[]] * len(frames)), strict=True):
            row = row_of(person, frame)
            if row is not None and row in wanted:
                points = [np.reshape(np.asarray(each, dtype=float), (-1, 2)) for each in polygons]
                found[row] = Outline.of(row, points, size, np.reshape(np.asarray(hidden, dtype=float), (-1, 4)))
    return [outline for _, outline in sorted(found.items()) if outline is not None]


def outlined_rows(person: Person) -> np.ndarray:
    """The rows of the frames of which a mask or an outline is known."""
    if person.masks is not None:
        return np.arange(len(person))
    frames = person.data.get(OUTLINES, {}).get("frames", ())
    return np.flatnonzero(np.isin(person.frames, np.asarray(frames, dtype=np.int64)))


def _polygons(mask: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    """The polygons of a mask (h,w), in the pixels of an image of a width and a height."""
    found, _ = cv2.findContours(np.asarray(mask, dtype=np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    ratio = np.array(size) / mask.shape[::-1]
    return [(each[:, 0] + 0.5) * ratio - 0.5 for each in found]


def _in_image(first: float, step: float, size: int, count: int) -> tuple[int, int]:
    """The first and the last of `count` cells, the first of which is at a pixel, that lie in an image."""
    low, high = np.ceil((0.5 - first) / step), np.floor((size - 1.5 - first) / step)
    return int(np.clip(low, 0, count - 1)), int(np.clip(high, 0, count - 1))


@dataclass(frozen=True, eq=False)
class OutlineTerms:
    """Of one frame with C points: by_pose (C,n), by_shape (C,10), residual (C,) in sigmas, weight (C,)."""

    by_pose: np.ndarray
    by_shape: np.ndarray
    residual: np.ndarray
    weight: np.ndarray

    def add_to(self, hessian: np.ndarray, gradient: np.ndarray, pull: float) -> None:
        """Add what pulls the pose, `pull` times as much, to normal equations (n,n) and (n,), in place."""
        weighted = (self.by_pose * (pull * self.weight[:, None])).T
        hessian += weighted @ self.by_pose
        gradient += weighted @ self.residual


def outline_terms(
    body: BodyModel, rig: Rig, betas: np.ndarray, outlines: Sequence[Outline], state: PoseState, camera: Camera
) -> Iterator[OutlineTerms]:
    """The evidence of outlines for the pose and the shape (10,). state: of their frames, in the same order."""
    for outline, seen in zip(outlines, contours(body, rig, betas, state, camera), strict=True):
        distance, slope, known = outline.at(seen.pixels)
        counted = np.flatnonzero(known & (np.sum(slope * seen.normals, axis=-1) > _SAME_SIDE))
        thinned = max(len(counted) // _POINTS, 1)
        counted = counted[::thinned]
        by_pose, by_shape = seen.derivatives(counted, slope[counted])
        residual = distance[counted] * (seen.metres / SIGMA)
        weight = thinned * seen.lengths[counted] * (seen.metres / INDEPENDENT) / (1.0 + (residual / KERNEL) ** 2) ** 2
        yield OutlineTerms(by_pose / SIGMA, by_shape / SIGMA, residual, weight)


@dataclass(frozen=True, eq=False)
class OutlinePull:
    """The outlines of a person's frames as evidence for the poses of a body of shape betas (10,), `rig`'s.

    image: width and height. rows: of the frames that have an outline.
    """

    body: BodyModel
    rig: Rig
    betas: np.ndarray
    person: Person
    image: tuple[int, int]
    camera: Camera
    rows: np.ndarray

    def of(self, piece: slice) -> Added | None:
        """What pulls the poses of some frames to their outlines; None if none of them has one."""
        rows = self.rows[(self.rows >= piece.start) & (self.rows < piece.stop)]
        outlines = outlines_of(self.person, self.image, rows)
        if not outlines:
            return None
        places = np.array([outline.row - piece.start for outline in outlines])

        def add(state: PoseState, hessian: np.ndarray, gradient: np.ndarray) -> None:
            found = outline_terms(self.body, self.rig, self.betas, outlines, state.take(places), self.camera)
            for place, terms in zip(places, found, strict=True):
                terms.add_to(hessian[place], gradient[place], PULL)

        return add
