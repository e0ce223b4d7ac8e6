"""The overlay video: a run's result drawn over its source. A failing overlay never makes a run fail."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from kinema.errors import InputError, KinemaError
from kinema.motion import Motion
from kinema.progress import Progress, silent
from kinema.storage.atomic import explain_write_error
from kinema.visualization.doubled_motion import breaks, doubled, doubled_path
from kinema.visualization.doubled_video import DoubledVideo, Frames, interpolator
from kinema.visualization.motion_blur import Blurred
from kinema.visualization.options import OverlayOptions
from kinema.visualization.paper import Paper
from kinema.visualization.vantage import filming_path, in_world, vantage
from kinema.visualization.views import CameraView, View
from kinema.visualization.world_view import WorldView

if TYPE_CHECKING:
    from kinema.body import BodyModel
    from kinema.geometry.camera_path import CameraPath
    from kinema.video import Frame, VideoReader
    from kinema.video.file import VideoFile
    from kinema.video.frames import PlanarFrame
    from kinema.video.planes import Planes

_Frame = TypeVar("_Frame", "Frame", "PlanarFrame")
_Image = TypeVar("_Image", "np.ndarray", "Planes")

_UNKNOWN = (1280, 720)
"""Size of the view of a motion that does not store the size of its images."""
_WORKERS = 2
_PIXELS_IN_FLIGHT = 32_000_000
"""Total pixels of the frames drawn concurrently: bounds memory, whatever the clip's length and size."""


@dataclass(frozen=True)
class OverlayReport:
    """The outcome of writing an overlay. path: the video, None if none could be written; frames: how many it has;
    warnings: sentences for the user.
    """

    path: Path | None
    frames: int
    warnings: tuple[str, ...] = ()


def write_overlay(
    motion: Motion,
    body: BodyModel,
    video: VideoReader | None,
    out: str | Path,
    options: OverlayOptions | None = None,
    *,
    threads: int | None = None,
    progress: Progress = silent,
) -> OverlayReport:
    """Write the overlay of `motion` on `video` to `out` (.mp4), whole or not at all.

    video: the reader that the motion was made from, with the same time range; its frame i belongs to
    motion.times[i]. The overlay plays as fast as the source, also slow motion, with its audio. Without a video there is
    the view of the world alone. Frames without people are copied unchanged; a person without a pose is shown by 2D
    keypoints, or by a box. Every failure, a full disk included, becomes a warning in the report; only KeyboardInterrupt
    and the like propagate. threads: of the network that makes new frames (`fps_factor`), for the whole process.
    """
    out, options = Path(out), options or OverlayOptions()
    warnings: list[str] = []
    try:
        frames = _write(motion, body, video, out, options, threads, progress, warnings)
    except KinemaError as error:
        return OverlayReport(None, 0, (*warnings, f"no overlay was written: {error}"))
    except OSError as error:
        explained = explain_write_error(error, out)
        return OverlayReport(None, 0, (*warnings, f"no overlay was written: {explained or error}"))
    except Exception as error:
        # A failure while drawing must not cost the user the motion itself.
        return OverlayReport(None, 0, (*warnings, f"no overlay was written: {type(error).__name__}: {error}"))
    return OverlayReport(out, frames, tuple(warnings))


def _write(
    motion: Motion,
    body: BodyModel,
    video: VideoReader | None,
    out: Path,
    options: OverlayOptions,
    threads: int | None,
    progress: Progress,
    warnings: list[str],
) -> int:
    from kinema.video import VideoWriter

    placed = any(in_world(person) for person in motion)
    if video is None and (shows_frames(options) or not placed):
        raise InputError("without a video there is only the view of the world to show, and this motion has none")
    if options.view != "camera" and not placed:
        warnings.append(
            f"the {options.view} view needs people in the world, and nobody has one (a moving camera needs its path);"
            f" {out.name} shows the camera's view alone"
        )
        options = dataclasses.replace(options, view="camera", beside=False)
    if options.view == "follow" and filming_path(motion) is None:
        warnings.append(f"where the camera was is not known, so {out.name} has the view from above, not from its place")
        options = dataclasses.replace(options, view="world")
    if options.surface != "fitted" and not any(person.vertices is not None for person in motion):
        warnings.append(f"nobody has a located surface, so {out.name} shows the fitted bodies alone")
        options = dataclasses.replace(options, surface="fitted")
    source = (motion.width or _UNKNOWN[0], motion.height or _UNKNOWN[1])
    frames: Frames = Paper(motion, *source) if video is None else video
    likely = motion.num_frames if video is None else max(video.num_frames_estimate or 0, motion.num_frames)
    source = frames.width, frames.height
    size = _view_size(source, options)
    looks = None if options.view == "camera" else vantage(motion, size, options.view, camera=options.frustum)
    if options.fps_factor == 2:
        between, note = interpolator(options.rife, threads=threads) if shows_frames(options) else (None, None)
        warnings += [] if note is None else [note]
        apart = breaks(motion)
        frames, motion = DoubledVideo(frames, apart, between), doubled(motion)
        looks = doubled_path(looks, apart) if looks is not None and len(looks) > 1 else looks
        likely = max(2 * likely - 1, 1)
    views = _views(motion, body, source, options, looks)
    width, height = sum(view.width for view in views), views[0].height
    audio = video.path if video is not None and options.audio and video.metadata.get("has_audio") else None
    slow = 1.0 if video is None else video.slow_motion
    done = 0
    stored = _as_stored(frames, views)
    matrix = None if stored is None else stored[1].planar
    with VideoWriter(out, width, height, audio_from=audio, crf=options.crf, fast=True, matrix=matrix) as writer:
        images = drawn(views, frames) if stored is None else _drawn_as_stored(*stored)
        for time, image in images:
            if isinstance(image, np.ndarray):
                writer.write(image, time * slow)
            else:
                writer.write_planes(image, time * slow)
            done += 1
            progress(done, max(likely, done))
    warnings.extend(writer.warnings)
    return done


def shows_frames(options: OverlayOptions) -> bool:
    """Whether the video's own frames are seen."""
    return options.view == "camera" or options.beside


def _view_size(source: tuple[int, int], options: OverlayOptions) -> tuple[int, int]:
    """Width and height of the view of the world, for a source of this size."""
    width, height = _camera_size(source, options)
    return max(width, height), height  # a portrait video would leave it too narrow


def _camera_size(source: tuple[int, int], options: OverlayOptions) -> tuple[int, int]:
    if options.max_side is None or max(source) <= options.max_side:
        return source
    shrink = options.max_side / max(source)
    return max(round(source[0] * shrink), 1), max(round(source[1] * shrink), 1)


def _views(
    motion: Motion, body: BodyModel, source: tuple[int, int], options: OverlayOptions, looks: CameraPath | None
) -> list[View]:
    """The views, from left to right, all of one height. looks: where that of the world looks from, if there is one."""

    def blurred(sharp: CameraView | WorldView) -> View:
        return Blurred(sharp, sharp.people, motion, options.motion_blur) if options.motion_blur else sharp

    def view(located: bool, *, world: bool) -> View:
        if world:
            assert looks is not None
            world_view = WorldView(
                motion, body, _view_size(source, options), looks,
                labels=options.labels, contacts=options.contacts, camera=options.frustum, located=located,
            )  # fmt: skip
            return blurred(world_view)
        camera_view = CameraView(
            motion, body, _camera_size(source, options), opacity=options.opacity, labels=options.labels,
            keypoints=options.keypoints, located=located,
        )  # fmt: skip
        return blurred(camera_view)

    shown = {"fitted": (False,), "located": (True,), "both": (False, True)}[options.surface]
    views = [view(located, world=False) for located in shown if shows_frames(options)]
    return views + [view(located, world=True) for located in shown if looks is not None]


def drawn(views: Sequence[View], video: Frames) -> Iterator[tuple[float, np.ndarray]]:
    """Time and drawn image of each frame, in order; a few frames are drawn concurrently."""

    def task(frame: Frame) -> Callable[[], np.ndarray]:
        return partial(_draw, views, frame, [view.prepare(frame.index) for view in views])

    return _concurrently(video, video.width * video.height, task)


def _as_stored(frames: Frames, views: Sequence[View]) -> tuple[CameraView, VideoFile] | None:
    """The view and the video, if all that is shown is what the first draws on the frames of the second."""
    from kinema.video.file import VideoFile

    view = views[0]
    if len(views) > 1 or not isinstance(view, CameraView) or not isinstance(frames, VideoFile):
        return None
    same = (view.width, view.height) == (frames.width, frames.height)
    return (view, frames) if same and frames.planar is not None else None


def _drawn_as_stored(view: CameraView, video: VideoFile) -> Iterator[tuple[float, Planes]]:
    """`drawn` without a way through RGB, for what of the frames is not drawn on."""

    def task(frame: PlanarFrame) -> Callable[[], Planes]:
        return partial(view.draw_planes, frame.index, frame.planes, view.prepare(frame.index))

    return _concurrently(video.planes(), video.width * video.height, task)


def _concurrently(
    frames: Iterable[_Frame], pixels: int, task: Callable[[_Frame], Callable[[], _Image]]
) -> Iterator[tuple[float, _Image]]:
    """Time and image of each frame, in order. task: called in order, gives what may run in another thread."""
    in_flight = int(np.clip(_PIXELS_IN_FLIGHT // pixels, 1, 2 * _WORKERS))
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="overlay") as workers:
        pending: deque[tuple[float, Future[_Image]]] = deque()
        try:
            for frame in frames:
                pending.append((frame.time, workers.submit(task(frame))))
                if len(pending) >= in_flight:
                    time, image = pending.popleft()
                    yield time, image.result()
            while pending:
                time, image = pending.popleft()
                yield time, image.result()
        finally:
            for _, left in pending:
                left.cancel()


def _draw(views: Sequence[View], frame: Frame, bodies: list[list]) -> np.ndarray:
    given = [frame.image, *(frame.image.copy() for _ in views[1:])]  # views draw into what they are given
    images = [view.draw(frame.index, image, posed) for view, image, posed in zip(views, given, bodies, strict=True)]
    return images[0] if len(images) == 1 else np.concatenate(images, axis=1)
