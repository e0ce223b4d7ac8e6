"""Does the camera move? Observing the background while the video is read for other purposes.

A few times per second, the detector tracks corners of the background, spread evenly over the image, from a reference
image into a small grey image (sparse Lucas-Kanade) and fits one similarity to their displacements (RANSAC). People are
masked by their boxes; those not detected are outliers. Every image is compared with the same reference as long as the
two overlap, so that no drift accumulates for a static camera.

`kinema.world.background` tells the background from overlays, such as text bars, and from parts of people beyond their
boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from kinema.errors import UsageError
from kinema.video import Frame
from kinema.world.background import MIN_CORNERS, background_motion, content, corners_of

WORKING_SIZE = 384
"""Longer side of the image that is analysed, pixels."""

FLOW: dict[str, Any] = {
    "winSize": (15, 15),
    "maxLevel": 3,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.02),
    "minEigThreshold": 1e-4,
}

UPPER_BODY = 0.6
"""Ratio of a box's width to its height from which it may show only an upper body."""

RENEW = 0.4
"""Share of the corners that must follow the background; below it, the image becomes the new reference."""

SEEN = 0.3
"""Share of the images in which the background must be tracked to tell whether the camera moves."""


@dataclass(frozen=True)
class CameraMotionOptions:
    """When a camera counts as moving. Lengths are fractions of the image's longer side.

    interval: seconds between analysed images. drift: displacement of the image from its initial position above which
    the camera is moving; body_drift: the same as a fraction of the height of the largest person, where only the upper
    body is seen: a crop does not make a camera move. shake: root mean square of the high-frequency part of the
    displacement above which it is shaky. box_margin: margin added to a person's box, as a fraction of its size;
    body_margin: the least margin, as a
    fraction of its shorter side (of somebody who is seen from the waist up, hair and arms reach far beyond the points).
    """

    interval: float = 0.25
    drift: float = 0.012
    body_drift: float = 0.016
    shake: float = 0.002
    box_margin: float = 0.12
    body_margin: float = 0.25

    def __post_init__(self) -> None:
        if not self.interval >= 0:
            raise UsageError(f"camera motion: interval must not be negative, found {self.interval}")
        for name in ("drift", "body_drift", "shake"):
            value = getattr(self, name)
            if not value > 0:
                raise UsageError(f"camera motion: {name} must be positive, found {value}")
        for name in ("box_margin", "body_margin"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise UsageError(f"camera motion: {name} must lie between 0 and 1, found {value}")


@dataclass(frozen=True)
class CameraMotion:
    """The detector's result.

    moving: the camera moved, so that one fixed camera does not describe the clip; None: too little background is seen
    to tell (a wall without texture, a person who fills the image). shaky: it stays in one place but
    shakes. drift: displacement of the image from its initial position, 95th percentile over time; shake: root mean
    square of its high-frequency part; speed: median displacement per second; all three as fractions of the image's
    longer side. looks: number of images compared; judged: fraction of them in which the background could be tracked.
    """

    moving: bool | None
    shaky: bool
    drift: float
    shake: float
    speed: float
    looks: int
    judged: float

    @property
    def verdict(self) -> str:
        """One of "moving", "shaky", "static" and "unknown"."""
        if self.moving is None:
            return "unknown"
        return "moving" if self.moving else "shaky" if self.shaky else "static"


class CameraMotionDetector:
    """An observer of a video's frames: call it with every frame in order, then get the `report`.

        detector = CameraMotionDetector()
        for frame in video:
            detector(frame, boxes)          # boxes (n,4) of people in that frame, pixels; may be empty
        detector.report().moving

    Memory is constant except for 48 bytes per analysed image.
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
        self._longer = 1.0  # side of the first image without a letterbox, as a fraction of the whole
        self._bodies: list[float] = []  # heights of the largest person, as a fraction of the image's longer side
        self._path: list[tuple[float, ...]] = []  # time, x and y of two points of the first image

    def __call__(self, frame: Frame, boxes: np.ndarray) -> None:
        if frame.time < self._next:
            return
        self._next = frame.time + self.options.interval * 0.999
        image = _downscaled(frame.image)
        scale = image.shape[1] / frame.image.shape[1]
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        boxes = boxes[np.isfinite(boxes).all(axis=1)]
        self._bodies.append(_cropped_body(boxes) / max(frame.image.shape[:2]))
        boxes = widened(boxes, self.options) * scale
        if self._reference is None or image.shape != self._reference.shape:
            self._path.clear()
            self._looks = 0
            self._longer = max(content(image)) / max(image.shape)
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
        if inliers < RENEW * len(self._corners):
            self._base = motion @ self._base
            self._set_reference(image, boxes)

    def report(self) -> CameraMotion:
        """The result so far. A clip of one frame has a static camera."""
        judged = (len(self._path) - 1) / self._looks if self._looks else 0.0
        if len(self._path) < 2:
            return CameraMotion(None if self._looks else False, False, 0.0, 0.0, 0.0, self._looks, max(judged, 0.0))
        path = np.array(self._path)
        times, points = path[:, 0], path[:, 1:].reshape(-1, 2, 2) / self._longer
        distances = np.linalg.norm(points - points[0], axis=-1).mean(axis=1)
        drift = float(np.percentile(distances, 95))
        allowed = max(self.options.drift, self.options.body_drift * float(np.median(self._bodies)) / self._longer)
        speed = np.linalg.norm(np.diff(points, axis=0), axis=-1).mean(axis=1) / np.diff(times)
        shake = 0.0
        if len(path) >= 3:
            # The residual from linear interpolation between the neighbours in time.
            share = ((times[1:-1] - times[:-2]) / (times[2:] - times[:-2]))[:, None, None]
            line = points[:-2] * (1 - share) + points[2:] * share
            shake = float(np.sqrt(np.mean(np.sum((points[1:-1] - line) ** 2, axis=-1))) / np.sqrt(1.5))
        return CameraMotion(
            moving=None if judged < SEEN else drift > allowed,
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
        self._corners = corners_of(image, mask)
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
        return background_motion(self._corners[good, 0], points[good], np.array(image.shape[::-1]))

    def _record(self, time: float, image: np.ndarray, motion: np.ndarray) -> None:
        """Record the current position of two points of the first image, a quarter of its size in from two corners."""
        height, width = image.shape
        ends = np.array([[[0.25 * width, 0.25 * height], [0.75 * width, 0.75 * height]]])
        places = cv2.perspectiveTransform(ends, motion)[0] / max(height, width)
        self._path.append((time, *places.ravel().tolist()))


def widened(boxes: np.ndarray, options: CameraMotionOptions) -> np.ndarray:
    """Boxes (n,4) of people with the options' margin around them."""
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    least = options.body_margin * size.min(axis=1, keepdims=True)
    margin = np.maximum(options.box_margin * size, least)
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


def _cropped_body(boxes: np.ndarray) -> float:
    """Height in pixels of the largest person among boxes (n,4) if only the upper body is seen, else 0.

    A standing person's box is less than half as wide as high; one that ends at the waist is about as wide as high.
    """
    if not len(boxes):
        return 0.0
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)
    width, height = size[size.prod(axis=1).argmax()]
    return float(2 * height) if width > UPPER_BODY * height else 0.0


def _downscaled(image: np.ndarray) -> np.ndarray:
    """The green channel (h,w) uint8 of an RGB image, its longer side at most `WORKING_SIZE`."""
    stride = max(1, max(image.shape[:2]) // (2 * WORKING_SIZE))
    green = cv2.extractChannel(np.ascontiguousarray(image[::stride, ::stride]), 1)
    factor = WORKING_SIZE / max(green.shape)
    if factor >= 1:
        return green
    size = (max(1, round(green.shape[1] * factor)), max(1, round(green.shape[0] * factor)))
    return cv2.resize(green, size, interpolation=cv2.INTER_AREA)
