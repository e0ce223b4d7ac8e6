"""A keypoint source without networks: people are upright rectangles of one colour, and COCO's joints lie in them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from kinema.geometry.circles import Circles, from_boxes
from kinema.geometry.roi import from_crop
from kinema.keypoints.source import (
    KeypointSource,
    Observation,
    OpenedSource,
    Thresholds,
    TileRange,
    View,
    region_of,
)
from kinema.skeleton import COCO17
from kinema.video import Frame, VideoReader

COLOURS = {"red": (220, 40, 40), "blue": (40, 60, 220), "green": (40, 180, 60)}
TALL, WIDE = 160, 50

_ROWS = {"nose": 0.08, "eye": 0.05, "ear": 0.06, "shoulder": 0.2, "elbow": 0.35, "wrist": 0.5, "hip": 0.5, "knee": 0.75}
_COLUMNS = {"nose": 0.0, "eye": 0.1, "ear": 0.15, "hip": 0.25, "knee": 0.25, "ankle": 0.25}


def layout() -> np.ndarray:
    """(17, 2): where the joints lie in a person's rectangle, parts of its width and height."""
    places = []
    for joint in COCO17.joints:
        side, _, part = joint.rpartition("_")
        sign = {"left": 1.0, "right": -1.0}.get(side, 0.0)
        places.append((0.5 + sign * _COLUMNS.get(part, 0.35), _ROWS.get(part, 0.95)))
    return np.array(places)


def _rectangles(pixels: np.ndarray) -> list[np.ndarray]:
    """x1 y1 x2 y2 of each colour that is there."""
    found = []
    for colour in COLOURS.values():
        near = (np.abs(pixels.astype(int) - colour).max(axis=2) < 25).astype(np.uint8)
        x, y, width, height = cv2.boundingRect(near)
        if width > 2 and height > 2:
            found.append(np.array([x, y, x + width, y + height], dtype=float))
    return found


class Colours:
    """Detector and estimator in one."""

    crop_size = 96
    gives_masks = False
    thresholds = Thresholds(
        visible=0.3,
        boxed=0.2,
        least_points=5,
        recovered_score=0.7,
        surely_person=0.6,
        certainly_person=0.8,
        certain_score=0.8,
        backward_visibility=0.5,
    )
    tile_range = TileRange(smallest=0.3, largest_radius=0.9, sure=(0.2, 0.4))

    def detect(self, frame: Frame, tile: np.ndarray, *, threshold: float) -> Circles:
        x, y = (max(int(v), 0) for v in tile[:2])
        part = frame.image[y : int(tile[1] + tile[2]), x : int(tile[0] + tile[2])]
        boxes = [box + [x, y, x, y] for box in _rectangles(part)]
        whole = [box for box in boxes if box[3] - box[1] > 0.8 * TALL and box[2] - box[0] > 0.8 * WIDE]
        return from_boxes(np.reshape(whole, (-1, 4)), np.full(len(whole), 0.9))

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        assert not mask, "this source gives no masks"
        size = len(view.pixels)
        middle = np.array([size / 2, size / 2, size / 2, size / 2])
        boxes = sorted(_rectangles(view.pixels), key=lambda box: float(np.abs(box - middle).sum()))
        if not boxes:
            return self._of(np.tile(view.roi[:2], (17, 1)), 0.0, view)
        box = min(boxes, key=lambda box: float(np.hypot(*((box[:2] + box[2:]) / 2 - size / 2))))
        places = (box[:2] + layout() * (box[2:] - box[:2])) / size
        return self._of(from_crop(places, view.roi), 0.95, view)

    def _of(self, points: np.ndarray, score: float, view: View) -> Observation:
        sure = np.full(17, 0.9 if score else 0.0)
        return Observation(
            points=points,
            visibility=sure,
            presence=np.ones(17),
            score=score,
            roi=view.roi,
            next_roi=region_of(points, sure, COCO17, visible=0.3) if score else view.roi,
        )


SOURCE = KeypointSource(
    name="colours",
    summary="rectangles of one colour",
    joint_set="coco17",
    joint3d_set=None,
    open="tests.helpers.coloured_people:open_colours",
    detects=True,
)


def open_colours(source: KeypointSource, *, threads: int) -> OpenedSource:
    eyes = Colours()
    return OpenedSource(source, eyes, eyes if source.detects else None)


Path = Callable[[int], tuple[float, float] | None]


class ColouredPeople(VideoReader):
    """A clip of people by colour: `path(i)` gives the middle of the rectangle in frame i, None while away."""

    def __init__(self, people: dict[str, Path], frames: int, size: tuple[int, int] = (640, 360)) -> None:
        super().__init__("coloured", *size, 30.0, frames)
        self.people, self.frames = people, frames

    def __iter__(self):
        for index in range(self.frames):
            image = np.full((self.height, self.width, 3), 128, dtype=np.uint8)
            for colour, path in self.people.items():
                place = path(index)
                if place is not None:
                    x, y = (round(v) for v in place)
                    left, top = max(x - WIDE // 2, 0), max(y - TALL // 2, 0)
                    image[top : max(y + TALL // 2, 0), left : max(x + WIDE // 2, 0)] = COLOURS[colour]
            yield Frame(index, index / 30, image)
