"""Does the camera move? Watching the background while the video is read for other reasons.

The detector looks at a small grey image a few times a second, follows corners of the background from a
reference image (sparse Lucas-Kanade) and explains their displacement by one similarity (RANSAC). People are
left out by their boxes, and whoever was not found is outvoted. Because every look compares with the same
reference as long as the two overlap, nothing adds up for a camera that stands still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from kinema.errors import UsageError
from kinema.video import Frame

WORKING_SIZE = 384
"""Pixels of the longer side of the image that is looked at."""

FLOW: dict[str, Any] = {
    "winSize": (15, 15),
    "maxLevel": 3,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.02),
    "minEigThreshold": 1e-4,
}
CORNERS: dict[str, Any] = {"maxCorners": 160, "qualityLevel": 0.01, "minDistance": 7, "blockSize": 5}
FEWEST = 12
"""Corners that must be followed for a look to count."""

INLIER = 1.2
"""Pixels of the small image within which a corner agrees with the common motion."""


@dataclass(frozen=True)
class CameraMotionOptions:
    """When a camera counts as moving. Lengths are shares of the image's longer side.

    interval: seconds between looks. drift: a camera whose picture wanders further than this from where it
    began is moving. shake: root-mean-square of the fast part of the wandering, from which it is shaky.
    box_margin: how much larger than its box a person is taken.
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
    """What the detector saw.

    moving: the camera moved, so that one fixed camera does not describe the clip. shaky: it stands in one
    place but trembles. drift: how far the picture wandered from its first place, 95th percentile over time;
    shake: root-mean-square of its fast part; speed: median wandering per second; all three in shares of the
    image's longer side. looks: images compared; judged: share of them in which the background could be
    followed. Where that is small (a wall without texture, a person that fills the picture) the camera is
    taken to be static.
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
    """An observer of a video's frames: call it with every frame in order, then ask for the `report`.

        detector = CameraMotionDetector()
        for frame in video:
            detector(frame, boxes)          # boxes (n,4) of people in that frame, pixels; may be empty
        detector.report().moving

    Memory is constant but for 40 bytes a look.
    """

    def __init__(self, options: CameraMotionOptions | None = None) -> None:
        self.options = options or CameraMotionOptions()
        self._reference: np.ndarray | None = None
        self._corners: np.ndarray = np.zeros((0, 1, 2), np.float32)
        self._base = np.eye(3)  # from the first image to the reference
        self._latest = np.eye(3)  # from the reference to the image looked at last
        self._latest_image: np.ndarray | None = None
        self._latest_boxes = np.zeros((0, 4))
        self._next = -np.inf
        self._looks = 0
        self._path: list[tuple[float, ...]] = []  # time, x and y of two points of the first image

    def __call__(self, frame: Frame, boxes: np.ndarray) -> None:
        if frame.time < self._next:
            return
        self._next = frame.time + self.options.interval * 0.999
        image = _small(frame.image)
        scale = image.shape[1] / frame.image.shape[1]
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        boxes = self._grown(boxes[np.isfinite(boxes).all(axis=1)]) * scale
        if self._reference is None or image.shape != self._reference.shape:
            self._path.clear()
            self._looks = 0
            self._base = np.eye(3)
            self._refer_to(image, boxes)
            self._note(frame.time, image, np.eye(3))
            return
        self._looks += 1
        motion, inliers = self._follow(image, boxes)
        if motion is None and self._latest_image is not None and self._latest_image is not self._reference:
            # The reference is out of sight; the image before may still overlap with this one.
            self._base = self._latest @ self._base
            self._refer_to(self._latest_image, self._latest_boxes)
            motion, inliers = self._follow(image, boxes)
        if motion is None:
            self._base = self._latest @ self._base
            self._refer_to(image, boxes)
            return
        self._latest, self._latest_image, self._latest_boxes = motion, image, boxes
        self._note(frame.time, image, motion @ self._base)
        if inliers < 0.4 * len(self._corners):
            self._base = motion @ self._base
            self._refer_to(image, boxes)

    def report(self) -> CameraMotion:
        """What was seen so far. A clip of one frame, or without any texture, reports a static camera."""
        judged = (len(self._path) - 1) / self._looks if self._looks else 0.0
        if len(self._path) < 2:
            return CameraMotion(False, False, 0.0, 0.0, 0.0, self._looks, max(judged, 0.0))
        path = np.array(self._path)
        times, points = path[:, 0], path[:, 1:].reshape(-1, 2, 2)
        away = np.linalg.norm(points - points[0], axis=-1).mean(axis=1)
        drift = float(np.percentile(away, 95))
        speed = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(axis=1) / np.diff(times)
        shake = 0.0
        if len(path) >= 3:
            # What a straight line between the neighbours in time does not explain.
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

    def _refer_to(self, image: np.ndarray, boxes: np.ndarray) -> None:
        """Take `image` as the new reference; follow corners outside the boxes from here on."""
        self._reference = image
        mask = np.full(image.shape, 255, np.uint8)
        for x1, y1, x2, y2 in np.rint(np.clip(boxes, -10_000, 10_000)).astype(int):
            mask[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = 0
        corners = cv2.goodFeaturesToTrack(image, mask=mask, **CORNERS)
        self._corners = np.zeros((0, 1, 2), np.float32) if corners is None else corners
        self._latest, self._latest_image, self._latest_boxes = np.eye(3), image, boxes

    def _follow(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray | None, int]:
        """The similarity (3,3) that takes the reference to `image`, None if it cannot be told, and its inliers."""
        if len(self._corners) < FEWEST or self._reference is None:
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
        if good.sum() < FEWEST:
            return None, 0
        matrix, kept = cv2.estimateAffinePartial2D(
            self._corners[good, 0], points[good], method=cv2.RANSAC, ransacReprojThreshold=INLIER, maxIters=500
        )
        if matrix is None or kept.sum() < max(FEWEST, 0.3 * good.sum()):
            return None, 0
        return np.vstack([matrix, [0, 0, 1]]), int(kept.sum())

    def _note(self, time: float, image: np.ndarray, motion: np.ndarray) -> None:
        """Remember where two points of the first image are now: a quarter inside from two corners."""
        height, width = image.shape
        ends = np.array([[[0.25 * width, 0.25 * height], [0.75 * width, 0.75 * height]]])
        places = cv2.perspectiveTransform(ends, motion)[0] / max(height, width)
        self._path.append((time, *places.ravel().tolist()))

    def _grown(self, boxes: np.ndarray) -> np.ndarray:
        size = np.maximum(boxes[:, 2:] - boxes[:, :2], 0) * self.options.box_margin
        return np.concatenate([boxes[:, :2] - size, boxes[:, 2:] + size], axis=1)


def _small(image: np.ndarray) -> np.ndarray:
    """The green channel (h,w) uint8 of an RGB image, its longer side at most `WORKING_SIZE`."""
    stride = max(1, max(image.shape[:2]) // (2 * WORKING_SIZE))
    green = np.ascontiguousarray(image[::stride, ::stride, 1])
    factor = WORKING_SIZE / max(green.shape)
    if factor >= 1:
        return green
    size = (max(1, round(green.shape[1] * factor)), max(1, round(green.shape[0] * factor)))
    return cv2.resize(green, size, interpolation=cv2.INTER_AREA)
