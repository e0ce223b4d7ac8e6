"""Following points of the background through a shot, frame by frame, in constant memory.

Corners are spread evenly over the image outside people, bars and overlays, followed by sparse Lucas-Kanade from frame
to frame, checked backwards, and replaced where they are lost. After frames without sight of the background (blur, a
hand before the lens) they are looked for again from the last frame that had it.
"""

from __future__ import annotations

import cv2
import numpy as np

from kinema.camera.sightings import SightingFile
from kinema.camera.tracks import FEWEST, PointTracks
from kinema.world.background import corners_of, inside_bars
from kinema.world.camera_motion import FLOW

WORKING_SIZE = 640
"""Longer side of the image in which points are followed, pixels."""

CELLS, PER_CELL = (9, 14), 3
"""Rows and columns of the grid over which points are spread, and new points in a cell."""

ENOUGH, APART, EVERY = 240, 9, 5
"""Points below which new ones are looked for; their least distance in pixels; frames between two looks otherwise."""

SHORTEST = 6
"""Frames in which a point must be seen, or all where there are fewer: noise is followed for a few."""

TEXTURE = (1e-4, 0.004)
"""Least strength of a corner, and as a share of that of strong ones: weak ones are checked by following them back."""

BACK = 0.6
"""Pixels by which a point that is followed forward and back again may miss its place."""

LOST_SECONDS = 1.0
"""Seconds for which lost points are looked for again."""

TRAVELLED, STANDING = 25.0, 1.2
"""Pixels by which the image must have moved for a point that stayed within so many pixels to be an overlay."""

FADED = 0.04
"""Change of the contrast from one image to the next, as a share, beyond which it is taken out before points are
followed: a fade, or a camera that adjusts itself to the light."""

MARKED = 10
"""Radius in pixels around an overlay's point where no other is taken."""


def working_image(image: np.ndarray) -> np.ndarray:
    """The green channel (h,w) uint8 of an RGB image, its longer side at most `WORKING_SIZE`."""
    green = np.ascontiguousarray(image[..., 1])
    factor = WORKING_SIZE / max(green.shape)
    if factor >= 1:
        return green
    size = (max(1, round(green.shape[1] * factor)), max(1, round(green.shape[0] * factor)))
    return cv2.resize(green, size, interpolation=cv2.INTER_AREA)


class PointFollower:
    """Call it with every frame of a shot in order, then take the `tracks`.

    It records about three kilobytes for each frame, in a temporary file.
    """

    def __init__(self) -> None:
        # The last image in which the background was seen, when that was, and the points in it.
        self._image: np.ndarray | None = None
        self._time = -np.inf
        self._ids: np.ndarray = np.zeros(0, np.int32)
        self._points = np.zeros((0, 2), np.float32)
        self._born = np.zeros((0, 2), np.float32)  # where each was first seen
        self._strayed: np.ndarray = np.zeros(0)  # the furthest from there that each has been
        self._since: np.ndarray = np.zeros(0)  # how far the image had moved by then
        self._travelled = 0.0
        self._guess = np.eye(3)
        self._next, self._looked, self._kept = 0, EVERY, 0
        self._overlay: np.ndarray | None = None
        self._wrong: list[np.ndarray] = []
        self._times: list[float] = []
        self._recorded = SightingFile()

    def __call__(self, image: np.ndarray, time: float, people: np.ndarray) -> None:
        """image (h,w) uint8, of `working_image`; people (h,w) bool: where they hide the background."""
        if self._overlay is None or self._overlay.shape != image.shape:
            self._overlay = _bars(image)
        closed = np.where(people, np.uint8(255), self._overlay)
        visible = self._image is not None and self._follow(image, closed)
        self._looked += 1
        # Points that were followed for a few frames only, in an image that was still blurred, are not waited for.
        hopeless = not visible and (time - self._time > LOST_SECONDS or self._kept < SHORTEST)
        if hopeless:
            self._forget()
        few = len(self._ids) < ENOUGH / 2 or (len(self._ids) < ENOUGH and self._looked >= EVERY)
        if few and (visible or hopeless):
            self._add(image, closed)
            visible = len(self._ids) >= FEWEST
        if visible:
            self._image, self._time = image, time
            self._kept += 1
        self._times.append(time)
        rows = slice(None) if visible else slice(0)
        self._recorded.add(self._ids[rows], self._points[rows])

    def tracks(self) -> PointTracks:
        """What was seen, without overlays and points that were soon lost."""
        height, width = (1, 1) if self._overlay is None else self._overlay.shape
        return self._recorded.tracks(
            np.array(self._times),
            (width, height),
            fewest=min(SHORTEST, len(self._recorded)),
            wrong=np.concatenate([np.zeros(0, np.int32), *self._wrong]),
        )

    def _follow(self, image: np.ndarray, closed: np.ndarray) -> bool:
        """Find the points in the next image; False, and nothing is changed, if too few are seen in it."""
        assert self._image is not None
        if len(self._ids) < FEWEST or self._image.shape != image.shape:
            return False
        before = self._points
        like = _as_bright(image, self._image)
        after, good = _flow(self._image, like, before, self._guess)
        if good.sum() < 0.5 * len(before):
            again, better = _flow(self._image, like, before, np.eye(3))
            after, good = (again, better) if better.sum() > good.sum() else (after, good)
        height, width = image.shape
        good &= (after > 3).all(axis=1) & (after < [width - 4, height - 4]).all(axis=1)
        places = np.clip(np.rint(np.nan_to_num(after)), 0, [width - 1, height - 1]).astype(int)
        good &= closed[places[:, 1], places[:, 0]] == 0
        if good.sum() < FEWEST:
            return False
        self._travelled += float(np.percentile(np.linalg.norm(after[good] - before[good], axis=1), 75))
        self._guess = _similarity(before[good], after[good])
        self._points = after
        self._keep(good)
        self._strayed = np.maximum(self._strayed, np.linalg.norm(self._points - self._born, axis=1))
        self._drop_overlays()
        return len(self._ids) >= FEWEST

    def _drop_overlays(self) -> None:
        """Points that stay where they are while the image moves belong to something in front of it."""
        overlay = (self._strayed < STANDING) & (self._travelled - self._since > TRAVELLED)
        if not overlay.any():
            return
        assert self._overlay is not None
        self._wrong.append(self._ids[overlay])
        for x, y in self._points[overlay]:
            cv2.circle(self._overlay, (round(float(x)), round(float(y))), MARKED, 255, -1)
        self._keep(~overlay)

    def _add(self, image: np.ndarray, closed: np.ndarray) -> None:
        """New points where there are none."""
        open_ = 255 - closed
        for x, y in self._points:
            cv2.circle(open_, (round(float(x)), round(float(y))), APART, 0, -1)
        corners = corners_of(image, open_, cells=CELLS, per_cell=PER_CELL, texture=TEXTURE)[:, 0]
        number = len(corners)
        self._ids = np.concatenate([self._ids, np.arange(self._next, self._next + number, dtype=np.int32)])
        self._points = np.concatenate([self._points, corners])
        self._born = np.concatenate([self._born, corners])
        self._strayed = np.concatenate([self._strayed, np.zeros(number)])
        self._since = np.concatenate([self._since, np.full(number, self._travelled)])
        self._next += number
        self._looked = 0

    def _forget(self) -> None:
        self._kept = 0
        self._keep(np.zeros(len(self._ids), bool))
        self._guess = np.eye(3)

    def _keep(self, rows: np.ndarray) -> None:
        for name in ("_ids", "_points", "_born", "_strayed", "_since"):
            setattr(self, name, getattr(self, name)[rows])


def _bars(image: np.ndarray) -> np.ndarray:
    """255 (h,w) in the bars of a letterbox, and a little beyond, 0 elsewhere."""
    columns, rows = inside_bars(image)
    barred = np.full(image.shape, 255, np.uint8)
    top, left = (each.start + 3 * (each.start > 0) for each in (rows, columns))
    bottom, right = (
        each.stop - 3 * (each.stop < size) for each, size in ((rows, image.shape[0]), (columns, image.shape[1]))
    )
    barred[top:bottom, left:right] = 0
    return barred


def _as_bright(image: np.ndarray, model: np.ndarray) -> np.ndarray:
    """The image with the mean and the contrast of another, where its contrast differs."""
    (mean, spread), (wanted, contrast) = (np.ravel(cv2.meanStdDev(each)).tolist() for each in (image, model))
    gain = contrast / max(spread, 1e-6)
    if abs(np.log(max(gain, 1e-6))) < FADED:
        return image
    return np.asarray(cv2.addWeighted(image, gain, image, 0.0, wanted - gain * mean))


def _flow(
    image: np.ndarray, following: np.ndarray, before: np.ndarray, guess: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points (n,2) in the following image, and which were found there and back again."""
    start = cv2.perspectiveTransform(before[:, None], guess).astype(np.float32)
    after, ok, _ = cv2.calcOpticalFlowPyrLK(
        image, following, before[:, None], start, flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **FLOW
    )
    home = cv2.perspectiveTransform(after, np.linalg.inv(guess)).astype(np.float32)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(
        following, image, after, home, flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **FLOW
    )
    missed = np.linalg.norm(back[:, 0] - before, axis=1)
    return after[:, 0], (ok[:, 0] > 0) & (returned[:, 0] > 0) & (missed < BACK)


def _similarity(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The similarity (3,3) that most of the points follow."""
    matrix, _ = cv2.estimateAffinePartial2D(before, after, method=cv2.RANSAC, ransacReprojThreshold=3.0, maxIters=200)
    return np.eye(3) if matrix is None else np.vstack([matrix, [0, 0, 1]])
