"""Tracking of a whole video: detection, tracking and clean-up of people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from kinema.errors import InputError
from kinema.keypoints.registry import open_source
from kinema.keypoints.source import KeypointSource, OpenedSource
from kinema.motion import Motion
from kinema.progress import Progress, silent
from kinema.tracking.body_parts import body_parts
from kinema.tracking.checkpoint import Checkpoint, Past, next_save
from kinema.tracking.confirmation import confirm
from kinema.tracking.cuts import AHEAD, Cut, with_cuts
from kinema.tracking.follower import Follower
from kinema.tracking.jumps import split, with_jumps
from kinema.tracking.options import TrackingOptions
from kinema.tracking.people import real_tracks
from kinema.tracking.perception import Perception
from kinema.tracking.reappearance import people_from
from kinema.tracking.shadows import without_shadows
from kinema.tracking.track import Track
from kinema.video import Frame, VideoReader
from kinema.video.prefetch import Trailing, Worker, prefetched

Observer = Callable[[Frame, np.ndarray], None]
"""Called for every frame in order with the frame and the boxes (n, 4) of the people in it."""

_MOST_THREADS = 4  # the networks are too small to benefit from more
_MOST_AHEAD, _BYTES_AHEAD = 6, 24_000_000  # limits of the frames decoded ahead, and of those yet to be observed

ShotBegins = Callable[[int], None]
"""Called with the first frame of every shot but the first one, before the observers see the next frame."""


class FrameFollower(Protocol):
    """What follows people from frame to frame; see `kinema.tracking.follower.Follower`, the default."""

    @property
    def tracks(self) -> list[Track]: ...

    def step(self, frame: Frame, cut: Cut | None = None) -> Future[np.ndarray]: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...

    def remember(self, frame: Frame, cut: Cut | None = None) -> None: ...


OpenFollower = Callable[[OpenedSource, tuple[int, int], TrackingOptions, Worker], FrameFollower]
"""(source, width and height of the frames, settings, worker) -> what follows people."""


def track_people(
    video: VideoReader,
    options: TrackingOptions | None = None,
    *,
    source: KeypointSource | OpenedSource | Callable[[], OpenedSource] | None = None,
    progress: Progress = silent,
    observers: Sequence[Observer] = (),
    shot_begins: ShotBegins = lambda first: None,
    checkpoint: Checkpoint | None = None,
    follower: OpenFollower = Follower,
) -> Motion:
    """Detect and track everyone in `video`.

    source: the keypoint source, instead of the one named in the options; an opened one keeps its detector; a function
    opens it while the first frames are read. follower: what follows people.

    Returns a Motion whose people carry boxes, confidence, observed, keypoints (pixels, in the source's joint set),
    keypoint_confidence, and, if the source has 3D, keypoints3d (metres, mid-hip relative, the camera's axes).
    A video without people gives a Motion without people. Every track ends at a camera cut, which `cuts` of the motion
    lists; a person who looks the same in several shots keeps the id. People are numbered 1, 2, ... by length and size
    of their tracks. Apart from the tracks, memory does not depend on the number of frames. With a `checkpoint` the
    state is saved every thousand frames or more, and a stopped run resumes from it; the result is the same.

    Raises UsageError for an unknown source, WeightsError if its networks are unavailable, InputError if the
    video cannot be read.
    """
    options = options or TrackingOptions()
    threads = threads_of(options)
    size = (video.width, video.height)
    times: list[float] = []
    cuts: list[Cut] = []
    suspects: list[int] = []
    with _one_opencv_thread(), ExitStack() as stack:
        reader, worker, watcher = (stack.enter_context(Worker(own_thread=threads > 1)) for _ in range(3))
        ahead = _frames_ahead(*size)
        held = min(ahead, AHEAD) if options.cuts else 0
        # The reader looks for cuts, too: tracking waits for one frame's people before the next one's.
        marked = with_cuts(video, held, suspects) if held else ((frame, None) for frame in video)
        frames = stack.enter_context(closing(prefetched(marked, reader, max(1, ahead - held))))
        source = in_use(_opened(source, options), options)
        following = follower(source, size, options, worker)
        before = Past.load(checkpoint, source.about.name)
        done = Past()
        watchers = list(observers)
        if checkpoint is not None:
            watchers.append(lambda _, boxes: done.boxes.append(boxes))
        save_at = next_save(len(before.boxes))
        observing = Trailing(watcher, ahead)
        for frame, cut in frames:
            if cut is not None:
                cuts.append(cut)
                observing.finish()
                shot_begins(cut.first)
            if frame.index < len(before.boxes):
                following.remember(frame, cut)
                boxes = worker.submit(before.boxes.__getitem__, frame.index)
                if frame.index + 1 == len(before.boxes):
                    following.restore(before.state)
            else:
                boxes = following.step(frame, cut)
            observing.submit(_observe, watchers, frame, boxes)
            times.append(frame.time)
            if checkpoint is not None and len(times) == save_at:
                observing.finish()
                done.state = following.state()
                checkpoint.save(done.arrays())
                save_at = next_save(len(times))
            progress(len(times), video.num_frames_estimate)
        observing.finish()
    if len(times) < len(before.boxes):
        raise InputError(
            f"{video.path} ended after {len(times)} frames, but an earlier run that was stopped read"
            f" {len(before.boxes)}; start over with `force`"
        )
    if times:
        confirm(following.tracks, frame, Perception(source, size, options))
    seconds = np.array(times, dtype=np.float64)
    tracks = real_tracks(following.tracks, len(times), size, options, source.estimator.thresholds)
    tracks = without_shadows(tracks, body_parts(source.joint_set))
    cuts = with_jumps(cuts, suspects, tracks, source.joint_set)
    people = people_from(split(tracks, cuts), cuts, seconds, size, options, source)
    first = np.array([cut.first for cut in cuts], dtype=np.int64)
    return Motion(seconds, *size, people=people, source=Path(video.path).name, cuts=first)


def networks_of(options: TrackingOptions, source: KeypointSource | None = None) -> OpenedSource:
    """The networks of the options' source, or of another one. Raises like `kinema.keypoints.open_source`."""
    return open_source(
        source or options.keypoints, detector=options.detector, parity=options.parity, threads=threads_of(options)
    )


def _opened(
    source: KeypointSource | OpenedSource | Callable[[], OpenedSource] | None, options: TrackingOptions
) -> OpenedSource:
    if isinstance(source, OpenedSource):
        return source
    return networks_of(options, source) if source is None or isinstance(source, KeypointSource) else source()


def in_use(source: OpenedSource, options: TrackingOptions) -> OpenedSource:
    """Networks in the way in which tracking uses them. Raises like `kinema.keypoints.open_source`."""
    return open_source(source, detecting=options.detecting, flip=options.flip, parity=options.parity)


def threads_of(options: TrackingOptions) -> int:
    """The number of threads for the networks."""
    return options.threads or min(_available_threads(), _MOST_THREADS)


def _observe(observers: Sequence[Observer], frame: Frame, boxes: Future[np.ndarray]) -> None:
    for observer in observers:
        observer(frame, boxes.result())


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Restrict OpenCV to one thread: the images are small, and idle threads of its pool would spin."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _frames_ahead(width: int, height: int) -> int:
    """Number of frames decoded ahead, fewer for large frames."""
    return int(np.clip(_BYTES_AHEAD // (3 * width * height), 1, _MOST_AHEAD))


def _available_threads() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
