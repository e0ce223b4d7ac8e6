"""Clips with several people and known identities: real people cut out of real clips, moved over a still picture.

A cut-out follows a path of its own, so who is where in which frame is known by construction: crossings,
occlusions, leaving and coming back can be scored without labels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kinema.detection.tiles import whole_frame
from kinema.geometry.roi import crop_matrix, roi_from_circle
from kinema.keypoints.source import REGION_PER_HEIGHT
from kinema.models.blazepose.detector import BlazePoseDetector
from kinema.models.blazepose.landmarks import CROP, BlazePoseLandmarker
from kinema.motion import Motion
from kinema.skeleton import BLAZEPOSE33, LIMBS12
from kinema.video import Frame, VideoReader, open_video
from kinema.weights import locate

LIMBS = BLAZEPOSE33.indices(LIMBS12)


@dataclass(frozen=True, eq=False)
class CutOut:
    """A person cut out of a clip: images (n, H, W, 4) RGBA float32, hips (n, 2) and points (n, 33, 2) in them."""

    images: list[np.ndarray]
    hips: np.ndarray
    points: np.ndarray


@functools.cache
def cut_out(path: Path, *, body_height: float, start: int = 0, frames: int = 100) -> CutOut:
    """Cut the main person out of a single-person clip and scale them to `body_height` pixels (about)."""
    detector = BlazePoseDetector(locate("blazepose-detector").path)
    landmarker = BlazePoseLandmarker(locate("blazepose-landmarks-full").path)
    images, hips, points = [], [], []
    roi = None
    for frame in open_video(path):
        if frame.index < start:
            continue
        if len(images) == frames:
            break
        if roi is None:
            found = detector(frame.image, whole_frame(frame.image.shape[1], frame.image.shape[0])[0])
            roi = roi_from_circle(found.hips[:1], found.rims[:1])[0]
            roi = landmarker(frame.image, roi).next_roi
            scale = body_height / (roi[2] / REGION_PER_HEIGHT)
        seen = landmarker(frame.image, roi, mask=True)
        window = np.array([roi[0], roi[1], roi[2], 0.0])
        size = round(roi[2] * scale)
        to_image = crop_matrix(window, size)
        shrunk = cv2.GaussianBlur(frame.image, (0, 0), max(0.3 / scale, 0.1)) if scale < 1 else frame.image
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        colour = cv2.warpAffine(shrunk, to_image, (size, size), flags=flags)
        mask_from_image = np.linalg.inv(np.vstack([crop_matrix(seen.roi, CROP), [0, 0, 1]]))
        to_mask = (mask_from_image @ np.vstack([to_image, [0, 0, 1]]))[:2]
        logits = cv2.warpAffine(seen.mask, to_mask, (size, size), flags=flags, borderValue=-20.0)
        alpha = 1.0 / (1.0 + np.exp(-2.0 * np.clip(logits, -20, 20)))
        images.append(np.concatenate([colour.astype(np.float32), alpha[..., None].astype(np.float32)], axis=2))
        placed = (seen.points - to_image[:, 2]) / (roi[2] / size)
        points.append(placed)
        hips.append((seen.next_roi[:2] - to_image[:, 2]) / (roi[2] / size))
        roi = seen.next_roi
    return CutOut(images, np.array(hips), np.array(points))


@dataclass(frozen=True, eq=False)
class Actor:
    """A cut-out with a path: `place(i)` gives the hips' pixels in frame i, None while away."""

    cut: CutOut
    place: Callable[[int], tuple[float, float] | None]
    offset: int = 0

    def at(self, index: int) -> tuple[int, np.ndarray] | None:
        """Which picture of the cut-out shows in frame `index`, and where its corner lies (2,) whole pixels."""
        hips = self.place(index)
        if hips is None:
            return None
        period = 2 * len(self.cut.images) - 2  # played forward and backward, so that it never jumps
        step = (index + self.offset) % max(period, 1)
        picture = step if step < len(self.cut.images) else period - step
        return picture, np.round(np.array(hips) - self.cut.hips[picture])

    def points(self, index: int) -> np.ndarray | None:
        found = self.at(index)
        return None if found is None else self.cut.points[found[0]] + found[1]


class Composite(VideoReader):
    """Actors over a background (H, W, 3) uint8; the first actors stand behind the later ones."""

    def __init__(self, background: np.ndarray, actors: list[Actor], frames: int, fps: float = 30.0) -> None:
        height, width = background.shape[:2]
        super().__init__(Path("composite.mp4"), width, height, fps, frames)
        self.background = background
        self.actors = actors
        self.frames = frames

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.frames):
            image = self.background.astype(np.float32)
            for actor in self.actors:
                found = actor.at(index)
                if found is not None:
                    _paste(image, actor.cut.images[found[0]], found[1].astype(int))
            yield Frame(index, index / self.fps, np.round(image).astype(np.uint8))

    def masks(self, index: int) -> np.ndarray:
        """The visible pixels (P, H, W) bool of each actor in a frame."""
        owner = np.full((self.height, self.width, 1), -1.0, np.float32)
        for number, actor in enumerate(self.actors):
            found = actor.at(index)
            if found is not None:
                alpha = actor.cut.images[found[0]][..., 3:] > 0.5
                picture = np.concatenate([np.full(alpha.shape, float(number)), alpha], axis=2)
                _paste(owner, picture.astype(np.float32), found[1].astype(int))
        return np.asarray(owner[..., 0][None] == np.arange(len(self.actors))[:, None, None])


def _paste(image: np.ndarray, picture: np.ndarray, corner: np.ndarray) -> None:
    x, y = corner
    height, width = image.shape[:2]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + picture.shape[1], width), min(y + picture.shape[0], height)
    if right <= left or bottom <= top:
        return
    part = picture[top - y : bottom - y, left - x : right - x]
    alpha = part[..., -1:]
    image[top:bottom, left:right] = alpha * part[..., :-1] + (1 - alpha) * image[top:bottom, left:right]


@dataclass(frozen=True)
class Score:
    """coverage, purity per actor: frames in which somebody was found on the actor; of these, those with the
    actor's most frequent id. switches: changes of the id on actors. error: median distance of limbs from the cut-out's
    own landmarks, as a part of the body's height. extra: frames of people on nobody, as a part of all frames.
    """

    coverage: list[float]
    purity: list[float]
    switches: int
    error: float
    extra: float


def score(motion: Motion, clip: Composite) -> Score:
    """Compare tracks with the actors: a person is on the actor whose limbs are nearest, within 0.2 of the height."""
    ids: list[list[int]] = [[] for _ in clip.actors]
    present = [0] * len(clip.actors)
    errors, extra = [], 0
    for index in range(clip.frames):
        truth = {}
        for i, actor in enumerate(clip.actors):
            points = actor.points(index)
            inside = points is not None and np.all((points > 0) & (points < [clip.width, clip.height]), axis=1)
            if np.mean(inside) > 0.6:
                truth[i] = points
                present[i] += 1
        pairs = []
        people = 0
        for person in motion:
            row = np.flatnonzero(person.frames == index)
            if not len(row) or not person.observed[row[0]]:
                continue
            people += 1
            for i, points in truth.items():
                size = np.ptp(points[:, 1])
                gap = np.hypot(*(person.keypoints[row[0], LIMBS] - points[LIMBS]).T).mean() / size
                if gap < 0.2:
                    pairs.append((gap, i, person.id))
        used_actors, used_people = set(), set()
        for gap, i, number in sorted(pairs):
            if i not in used_actors and number not in used_people:
                used_actors.add(i)
                used_people.add(number)
                ids[i].append(number)
                errors.append(gap)
        extra += people - len(used_people)
    switches = sum(int(np.count_nonzero(np.diff(found))) for found in ids)
    purity = [max(found.count(n) for n in set(found)) / len(found) if found else 0.0 for found in ids]
    coverage = [len(found) / max(n, 1) for found, n in zip(ids, present, strict=True)]
    return Score(coverage, purity, switches, float(np.median(errors)) if errors else 1.0, extra / clip.frames)
