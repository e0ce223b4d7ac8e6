"""Does the camera move? Observing the background while the video is read for other purposes.

A few times per second, the detector tracks corners of the background from a reference image into a small grey image
(sparse Lucas-Kanade) and fits one similarity to their displacements (RANSAC). People are masked by their boxes; those
not detected are outliers. Every image is compared with the same reference as long as the two overlap, so that no drift
accumulates for a static camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from kinema.errors import UsageError
from kinema.video import Frame

WORKING_SIZE = 384
"""Longer side of the image that is analysed, pixels."""

FLOW: dict[str, Any] = {
    "winSize": (15, 15),
    "maxLevel": 3,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.02),
    "minEigThreshold": 1e-4,
}
CORNERS: dict[str, Any] = {"maxCorners": 160, "qualityLevel": 0.01, "minDistance": 7, "blockSize": 5}
MIN_CORNERS = 12
"""Corners that must be tracked for an image to count."""

INLIER = 1.2
"""Reprojection threshold of RANSAC, pixels of the small image."""


@dataclass(frozen=True)
class CameraMotionOptions:
    """When a camera counts as moving. Lengths are fractions of the image's longer side.

    interval: seconds between analysed images. drift: displacement of the image from its initial position above which
    the camera is moving. shake: root mean square of the high-frequency part of the displacement above which it is
    shaky. box_margin: margin added to a person's box, as a fraction of its size.
    """

    interval: float = 0.25
    drift: float = 0.012
    shake: float = 0.002
    box_margin: float = 0.12

    def __post_init__(self) -> None:
        if not self.interval >= 0:
            raise UsageError(f"camera motion: interval must not be negative, found {self.interval}")
        if not (self.drift > 0 and self.shake > 0):
            raise UsageError(f"camera motion: drift and shake must be positive, found {self.drift} and {self.shake}")
        if not 0 <= self.box_margin <= 1:
            raise UsageError(f"camera motion: box_margin must lie between 0 and 1, found {self.box_margin}")


@dataclass(frozen=True)
class CameraMotion:
    """The detector's result.

    moving: the camera moved, so that one fixed camera does not describe the clip. shaky: it stays in one place but
    shakes. drift: displacement of the image from its initial position, 95th percentile over time; shake: root mean
    square of its high-frequency part; speed: median displacement per second; all three as fractions of the image's
    longer side. looks: number of images compared; judged: fraction of them in which the background could be tracked.
    Where that is small (a wall without texture, a person who fills the image) the camera is taken to be static.
    """

    moving: bool
    shaky: bool
    drift: float
    shake: float
    speed: float
    looks: int
    judged: float

    @property
    def verdict(self) -> str:
        """One of "moving", "shaky" and "static"."""
        return "moving" if self.moving else "shaky" if self.shaky else "static"


class CameraMotionDetector:
    """An observer of a video's frames: call it with every frame in order, then get the `report`.

        detector = CameraMotionDetector()
        for frame in video:
            detector(frame, boxes)          # boxes (n,4) of people in that frame, pixels; may be empty
        detector.report().moving

    Memory is constant except for 40 bytes per analysed image.
    """

    def __init__(self, options: CameraMotionOptions | None = None) -> None:
        self.options = options or CameraMotionOptions()
        self._reference: np.ndarray | None = None
        self._corners: np.ndarray = np.zeros((0, 1, 2), np.float32)
        self._base = np.eye(3)  # from the first image to the reference
        self._latest = np.eye(3)  # from the reference to the latest image
        self._latest_image: np.ndarray | None = None
        self._latest_boxes = np.zeros((0, 4))
        self._next = -np.inf
        self._looks = 0
        self._path: list[tuple[float, ...]] = []  # time, x and y of two points of the first image

    def __call__(self, frame: Frame, boxes: np.ndarray) -> None:
        if frame.time < self._next:
            return
        self._next = frame.time + self.options.interval * 0.999
        image = _downscaled(frame.image)
        scale = image.shape[1] / frame.image.shape[1]
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        boxes = self._with_margin(boxes[np.isfinite(boxes).all(axis=1)]) * scale
        if self._reference is None or image.shape != self._reference.shape:
            self._path.clear()
            self._looks = 0
            self._base = np.eye(3)
            self._set_reference(image, boxes)
            self._record(frame.time, image, np.eye(3))
            return
        self._looks += 1
        motion, inliers = self._track(image, boxes)
        if motion is None and self._latest_image is not None and self._latest_image is not self._reference:
            # The reference is out of view; the previous image may still overlap with this one.
            self._base = self._latest @ self._base
            self._set_reference(self._latest_image, self._latest_boxes)
            motion, inliers = self._track(image, boxes)
        if motion is None:
            self._base = self._latest @ self._base
            self._set_reference(image, boxes)
            return
        self._latest, self._latest_image, self._latest_boxes = motion, image, boxes
        self._record(frame.time, image, motion @ self._base)
        if inliers < 0.4 * len(self._corners):
            self._base = motion @ self._base
            self._set_reference(image, boxes)

    def report(self) -> CameraMotion:
        """The result so far. A clip of one frame, or without any texture, gives a static camera."""
        judged = (len(self._path) - 1) / self._looks if self._looks else 0.0
        if len(self._path) < 2:
            return CameraMotion(False, False, 0.0, 0.0, 0.0, self._looks, max(judged, 0.0))
        path = np.array(self._path)
        times, points = path[:, 0], path[:, 1:].reshape(-1, 2, 2)
        distances = np.linalg.norm(points - points[0], axis=-1).mean(axis=1)
        drift = float(np.percentile(distances, 95))
        speed = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(axis=1) / np.diff(times)
        shake = 0.0
        if len(path) >= 3:
            # The residual from linear interpolation between the neighbours in time.
            share = ((times[1:-1] - times[:-2]) / (times[2:] - times[:-2]))[:, None, None]
            line = points[:-2] * (1 - share) + points[2:] * share
            shake = float(np.sqrt(np.mean(np.sum((points[1:-1] - line) ** 2, axis=-1))) / np.sqrt(1.5))
        moving = drift > self.options.drift
        return CameraMotion(
            moving=moving,
            shaky=bool(shake > self.options.shake),
            drift=round(drift, 5),
            shake=round(shake, 5),
            speed=round(float(np.median(speed)), 5),
            looks=self._looks,
            judged=round(judged, 3),
        )

    def _set_reference(self, image: np.ndarray, boxes: np.ndarray) -> None:
        """Make `image` the new reference, and detect corners outside the boxes to track from here on."""
        self._reference = image
        mask = np.full(image.shape, 255, np.uint8)
        for x1, y1, x2, y2 in np.rint(np.clip(boxes, -10_000, 10_000)).astype(int):
            mask[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = 0
        corners = cv2.goodFeaturesToTrack(image, mask=mask, **CORNERS)
        self._corners = np.zeros((0, 1, 2), np.float32) if corners is None else corners
        self._latest, self._latest_image, self._latest_boxes = np.eye(3), image, boxes

    def _track(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray | None, int]:
        """The similarity (3,3) from the reference to `image`, None if it cannot be estimated, and its inlier count."""
        if len(self._corners) < MIN_CORNERS or self._reference is None:
            return None, 0
        guess = cv2.perspectiveTransform(self._corners, self._latest).astype(np.float32)
        found, ok, _ = cv2.calcOpticalFlowPyrLK(
            self._reference, image, self._corners, guess, flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **FLOW
        )
        points = found[:, 0]
        good = ok[:, 0].astype(bool) & (points >= 2).all(axis=1)
        good &= (points < np.array(image.shape[::-1]) - 3).all(axis=1)
        for x1, y1, x2, y2 in boxes:
            inside = (points > [x1, y1]).all(axis=1) & (points < [x2, y2]).all(axis=1)
            good &= ~inside
        if good.sum() < MIN_CORNERS:
            return None, 0
        matrix, kept = cv2.estimateAffinePartial2D(
            self._corners[good, 0], points[good], method=cv2.RANSAC, ransacReprojThreshold=INLIER, maxIters=500
        )
        if matrix is None or kept.sum() < max(MIN_CORNERS, 0.3 * good.sum()):
            return None, 0
        return np.vstack([matrix, [0, 0, 1]]), int(kept.sum())

    def _record(self, time: float, image: np.ndarray, motion: np.ndarray) -> None:
        """Record the current position of two points of the first image, a quarter of its size in from two corners."""
        height, width = image.shape
        ends = np.array([[[0.25 * width, 0.25 * height], [0.75 * width, 0.75 * height]]])
        places = cv2.perspectiveTransform(ends, motion)[0] / max(height, width)
        self._path.append((time, *places.ravel().tolist()))

    def _with_margin(self, boxes: np.ndarray) -> np.ndarray:
        size = np.maximum(boxes[:, 2:] - boxes[:, :2], 0) * self.options.box_margin
        return np.concatenate([boxes[:, :2] - size, boxes[:, 2:] + size], axis=1)


def _downscaled(image: np.ndarray) -> np.ndarray:
    """The green channel (h,w) uint8 of an RGB image, its longer side at most `WORKING_SIZE`."""
    stride = max(1, max(image.shape[:2]) // (2 * WORKING_SIZE))
    green = np.ascontiguousarray(image[::stride, ::stride, 1])
    factor = WORKING_SIZE / max(green.shape)
    if factor >= 1:
        return green
    size = (max(1, round(green.shape[1] * factor)), max(1, round(green.shape[0] * factor)))
    return cv2.resize(green, size, interpolation=cv2.INTER_AREA)
