"""Rendered people with furniture and pillars painted over them: who is where is known."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from kinema.body import BodyModel
from kinema.motion import Motion
from kinema.synthetic import procedural_motion, studio_camera
from kinema.synthetic.render import render_frames
from kinema.video import Frame, VideoReader


class Painted(VideoReader):
    """A clip of given images (H, W, 3) uint8."""

    def __init__(self, images: Sequence[np.ndarray], fps: float) -> None:
        height, width = images[0].shape[:2]
        super().__init__("painted.mp4", width, height, fps, len(images))
        self.images, self.fps = images, fps

    def __iter__(self):
        for index, image in enumerate(self.images):
            yield Frame(index, index / self.fps, image)

    def changed(self, change) -> Painted:
        """The clip with `change(image)` in place of each image."""
        return Painted([np.ascontiguousarray(change(image)) for image in self.images], self.fps)


def rendered(body: BodyModel, seconds: float, *, fps: float = 15.0, seed: int = 1) -> tuple[Painted, Motion]:
    """Somebody who walks from the left to the middle of a room, 640 x 360, and the truth."""
    motion = procedural_motion(body, "demo", seed=seed, fps=fps, camera=studio_camera(640, 360))
    count = round(seconds * fps)
    images = [image for image, _ in zip(render_frames(motion, body, seed=seed), range(count), strict=False)]
    return Painted(images, fps), motion


def pillar(left: int, right: int, colour: tuple[int, int, int] = (96, 92, 88)):
    """Paint a pillar from floor to ceiling in front of everything."""

    def paint(image: np.ndarray) -> np.ndarray:
        image = image.copy()
        image[:, left:right] = colour
        return image

    return paint


def chair(x: int, y: int, size: int, colour: tuple[int, int, int] = (90, 50, 25)):
    """Paint a chair with a high back, its feet at (x, y), `size` pixels high, in front of everything."""

    def paint(image: np.ndarray) -> np.ndarray:
        image = image.copy()
        thick = max(size // 14, 2)
        seat, wide = y - size * 4 // 10, size * 4 // 10
        for leg in (x, x + wide):
            cv2.line(image, (leg, y), (leg, y - size), colour, thick)
        cv2.rectangle(image, (x, seat), (x + wide, seat + thick), colour, -1)
        for bar in (x + wide // 3, x + 2 * wide // 3):
            cv2.line(image, (bar, seat), (bar, y - size), colour, thick // 2 + 1)
        cv2.line(image, (x - thick, y - size), (x + wide + thick, y - size), colour, thick)
        return image

    return paint


def far_away(height: int, width: int, factor: float, seed: int = 0):
    """Shrink the picture by `factor` into the middle of a larger one that shows nothing but a grainy wall."""
    grain = np.random.default_rng(seed).normal(0, 6, (height, width, 1))
    wall = np.clip(150 + grain, 0, 255).astype(np.uint8).repeat(3, axis=2)

    def shrink(image: np.ndarray) -> np.ndarray:
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        large = wall.copy()
        top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
        large[top : top + small.shape[0], left : left + small.shape[1]] = small
        return large

    return shrink
