"""Two motions of a clip side by side as a video: body, joints or keypoints, and their acceleration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kinema.errors import InputError
from kinema.geometry.camera import camera_from_fov, project
from kinema.metrics import time_derivative
from kinema.motion import Motion
from kinema.person import Person
from kinema.progress import Progress, silent
from kinema.skeleton import SMPL24, JointSet, joint_set
from kinema.visualization.drawing import draw_label, draw_path, draw_skeleton, label_box, track_colors
from kinema.visualization.framing import framing_translation, looking_from
from kinema.visualization.options import ComparisonOptions
from kinema.visualization.views import CameraView, fitted

if TYPE_CHECKING:
    from kinema.body import BodyModel
    from kinema.video import VideoReader

TITLES = ("before", "after")

_PAPER = 238
_INK = (0.15, 0.15, 0.15)
_BEFORE, _AFTER = (0.83, 0.37, 0.0), (0.0, 0.45, 0.70)
"""Colours of the two curves (Okabe and Ito's vermilion and blue)."""


def write_comparison(
    before: Motion, after: Motion, body: BodyModel, out: str | Path, options: ComparisonOptions | None = None,
    *, video: VideoReader | None = None, titles: tuple[str, str] = TITLES, progress: Progress = silent,
) -> Path:  # fmt: skip
    """Write the video: `before` to the left, `after` to the right, below them the acceleration of both.

    The curve is the mean over what is drawn, m/s^2 (px/s^2 for keypoints), of the people that both have. video: the
    source, whose frames lie behind bodies and keypoints; without it the ground is plain. Raises InputError where the
    motions are of different clips or hold nothing to draw.
    """
    options = options or ComparisonOptions()
    if before.num_frames != after.num_frames or not np.allclose(before.times, after.times):
        raise InputError(
            f"{titles[0]} has {before.num_frames} frames, {titles[1]} {after.num_frames}; compare motions of one clip"
        )
    from kinema.video import VideoWriter

    panels = [_panel(motion, body, options) for motion in (before, after)]
    width, height = panels[0].size
    curves = [shaking(motion, body, options.kind) for motion in (before, after)]
    unit = "px/s2" if options.kind == "2d" else "m/s2"
    strip = _Strip(before.times, curves, 2 * width, max(height // 5, 40), unit, titles)
    with VideoWriter(out, 2 * width, height + strip.height, crf=options.crf) as writer:
        for index, time, image in _frames(before, video, (width, height)):
            images = [panel.draw(index, image.copy()) for panel in panels]
            for half, title in zip(images, titles, strict=True):
                draw_label(half, title, np.array([width / 2, height * 0.08]), _INK)
            writer.write(np.concatenate([np.concatenate(images, axis=1), strip.at(index)]), time)
            progress(index + 1, before.num_frames)
    return Path(out)


def shaking(motion: Motion, body: BodyModel, kind: str) -> np.ndarray:
    """Mean size of the acceleration at each frame (T,), NaN where nobody has three frames around it."""
    total, count = np.zeros(motion.num_frames), np.zeros(motion.num_frames)
    for person in motion.people:
        points = _points(person, body, kind)[0]
        if points is None or len(person) < 3:
            continue
        times = motion.times[person.frames]
        usual = float(np.median(np.diff(times)))
        size = np.linalg.norm(time_derivative(points, times, 2, max_step=2.5 * usual), axis=-1)
        seen = np.isfinite(size)
        mean = np.where(seen, size, 0).sum(1) / np.maximum(seen.sum(1), 1)
        rows = person.frames[1:-1]
        total[rows] += np.where(seen.any(1), mean, 0)
        count[rows] += seen.any(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _points(person: Person, body: BodyModel, kind: str) -> tuple[np.ndarray | None, JointSet | None]:
    """What is drawn of a person: (F,K,D) and its joint set."""
    if kind == "2d":
        return person.keypoints, None if person.keypoint_set is None else joint_set(person.keypoint_set)
    if person.joints is None and person.pose is not None and person.betas is not None and person.transl is not None:
        return body.joints(person.pose, person.betas, person.transl), SMPL24
    return person.joints, SMPL24


def _size(motion: Motion, most: int) -> tuple[int, int]:
    """Even width and height of one panel."""
    width, height = (motion.width, motion.height) if motion.width and motion.height else (640, 480)
    shrink = min(1.0, most / max(width, height))
    return 2 * max(1, round(width * shrink / 2)), 2 * max(1, round(height * shrink / 2))


def _frames(
    motion: Motion, video: VideoReader | None, size: tuple[int, int]
) -> Iterator[tuple[int, float, np.ndarray]]:
    if video is None:
        paper = np.full((size[1], size[0], 3), _PAPER, dtype=np.uint8)
        for index, time in enumerate(motion.times):
            yield index, float(time), paper
        return
    for frame in video:
        if frame.index >= motion.num_frames:
            return
        yield frame.index, frame.time * video.slow_motion, fitted(frame.image, *size)


def _panel(motion: Motion, body: BodyModel, options: ComparisonOptions) -> _Bodies | _Points:
    size = _size(motion, options.max_side)
    if options.kind == "body":
        return _Bodies(motion, body, size)
    return _Points(motion, body, size, options.kind)


class _Bodies:
    def __init__(self, motion: Motion, body: BodyModel, size: tuple[int, int]) -> None:
        if all(person.pose is None and person.vertices is None for person in motion.people):
            raise InputError("nobody in the motion has a pose to draw; choose 3d or 2d")
        if motion.camera is None:
            camera = camera_from_fov(*size, 50.0)
            motion = motion.replace(camera=camera, width=size[0], height=size[1])
        self.size = size
        self.view = CameraView(motion, body, size, opacity=0.85)

    def draw(self, index: int, image: np.ndarray) -> np.ndarray:
        # The other panel may show the same image.
        return self.view.draw(index, image.copy(), self.view.prepare(index))


class _Points:
    """Keypoints in the image, or joints seen at a slant from a camera that has all of them in view."""

    def __init__(self, motion: Motion, body: BodyModel, size: tuple[int, int], kind: str) -> None:
        self.size, self.kind = size, kind
        self.colors = track_colors([person.id for person in motion])
        self.people: list[tuple[Person, np.ndarray, JointSet]] = []
        for person in motion.people:
            points, joints = _points(person, body, kind)
            if points is not None and joints is not None and len(person):
                self.people.append((person, points, joints))
        if not self.people:
            raise InputError(f"nobody in the motion has {'keypoints' if kind == '2d' else 'joints'} to draw")
        if kind == "2d":
            scale = size[0] / motion.width if motion.width else 1.0
            self.people = [(person, points * scale, joints) for person, points, joints in self.people]
        else:
            self.people = [(person, self._seen(points), joints) for person, points, joints in self.people]

    def _seen(self, points: np.ndarray) -> np.ndarray:
        """Joints (F,K,3) of the camera's frame in pixels of the panel."""
        upright = points * [1.0, -1.0, -1.0]
        rotation = looking_from(np.radians(25), np.radians(10))
        intrinsics = camera_from_fov(*self.size, 40.0).intrinsics
        everything = np.concatenate([(p * [1.0, -1.0, -1.0]).reshape(-1, 3) for _, p, _ in self.people])
        shift = framing_translation(everything, rotation, intrinsics, self.size)
        return project((upright.reshape(-1, 3) @ rotation.T + shift), intrinsics).reshape(*points.shape[:2], 2)

    def draw(self, index: int, image: np.ndarray) -> np.ndarray:
        if self.kind == "3d":
            image = np.full_like(image, _PAPER)
        for person, points, joints in self.people:
            row = int(np.searchsorted(person.frames, index))
            if row < len(person) and person.frames[row] == index:
                sure = (
                    person.keypoint_confidence[row]
                    if self.kind == "2d" and person.keypoint_confidence is not None
                    else None
                )
                draw_skeleton(image, points[row], sure, joints, self.colors[person.id])
        return image


class _Strip:
    """The two curves of acceleration over the clip, drawn up to the frame that is shown."""

    def __init__(
        self, times: np.ndarray, curves: list[np.ndarray], width: int, height: int, unit: str, titles: tuple[str, str]
    ) -> None:
        self.height = height + height % 2
        self.times, self.curves, self.width = times, curves, width
        finite = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
        self.top = float(np.percentile(finite, 99.5)) if len(finite) else 1.0
        means = [float(np.nanmean(curve)) if np.isfinite(curve).any() else float("nan") for curve in curves]
        self.legend = [f"{name} {mean:.1f} {unit}" for name, mean in zip(titles, means, strict=True)]

    def at(self, index: int) -> np.ndarray:
        """The strip (height, width, 3) at a frame."""
        image = np.full((self.height, self.width, 3), 255, dtype=np.uint8)
        span = max(float(self.times[-1] - self.times[0]), 1e-9)
        x = (self.times[: index + 1] - self.times[0]) / span * (self.width - 1)
        for curve, color in zip(self.curves, (_BEFORE, _AFTER), strict=True):
            y = (self.height - 4) * (1 - np.clip(curve[: index + 1] / max(self.top, 1e-9), 0, 1)) + 2
            known = np.isfinite(y)
            draw_path(image, np.stack([x[known], y[known]], axis=1), color)
        cv2.line(image, (round(x[-1]), 0), (round(x[-1]), self.height), (120, 120, 120), 1)
        left, foot = self.width * 0.02, self.height * 0.45
        for text, color in zip(self.legend, (_BEFORE, _AFTER), strict=True):
            box = label_box(self.width, self.height, text, np.zeros(2))
            middle = left + (box.right - box.left) / 2
            draw_label(image, text, np.array([middle, foot]), color)
            left += box.right - box.left + self.width * 0.02
        return image
