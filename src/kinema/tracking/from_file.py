"""People from a file of the video's keypoints: nobody is detected, everything else is as in tracking.

The frames are read all the same: for the camera's motion, for cuts, and for the times of the frames.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.errors import InputError
from kinema.formats.foreign import NOTES
from kinema.keypoints.files.linkers import LINKERS
from kinema.keypoints.files.matching import VideoFrames, frames_of
from kinema.keypoints.files.poses import Poses
from kinema.keypoints.files.reading import FOLLOWED, clash, read_poses, size_of
from kinema.keypoints.source import REGION_PER_HEIGHT
from kinema.motion import Motion
from kinema.person import Person, join_people
from kinema.progress import Progress, silent
from kinema.temporal.gaps import shot_of
from kinema.temporal.rate import frame_rate
from kinema.tracking.body_parts import body_parts
from kinema.tracking.cuts import AHEAD, with_cuts
from kinema.tracking.options import TrackingOptions
from kinema.tracking.people import body_boxes, person_of_rows
from kinema.tracking.track import row_dtype
from kinema.tracking.tracker import Observer, ShotBegins
from kinema.video import VideoReader
from kinema.video.frames import TimeRange
from kinema.video.images import ImageSequence
from kinema.video.prefetch import Worker, prefetched

BOXED = 0.2
"""Smallest confidence with which a keypoint counts for a person's box."""


def people_of_file(
    video: VideoReader,
    path: Path,
    options: TrackingOptions,
    *,
    linker: str | None = None,
    progress: Progress = silent,
    observers: Sequence[Observer] = (),
    shot_begins: ShotBegins = lambda first: None,
) -> Motion:
    """A Motion of the video whose people are those of the file: boxes, confidence, observed, keypoints in the file's
    joint set. `data["notes"]` has what was assumed.

    linker: a name in `kinema.keypoints.files.linkers.LINKERS` that assigns new ids; None for the file's
    identities. People without identities are followed from frame to frame. Raises InputError if the file cannot be
    read or is not one of this video's, UsageError for another joint set.
    """
    poses = read_poses(path, options.joints)
    _check_size(poses, video, str(path))
    clock = _Clock.of(video)
    found = _read(video, clock, poses, path, options, progress, observers, shot_begins)
    whole = video.time_range.end is None
    there = clock.video_frames(clock.before + len(found.times) if whole else None)
    frames, more = frames_of(poses, there, str(path))
    poses, frames = _in_view(poses, frames, found.frames)
    poses = dataclasses.replace(poses, width=video.width, height=video.height)
    people, notes = _people(poses, frames, found, options, linker)
    return Motion(
        found.times, video.width, video.height, people=people, source=Path(video.path).name, cuts=found.cuts,
        data={NOTES: [*poses.notes, *more, *notes]} if (*poses.notes, *more, *notes) else {},
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Frames:
    """What was read from the video. times (T,); frames (T,): their numbers in the whole video; cuts (C,)."""

    times: np.ndarray
    frames: np.ndarray
    cuts: np.ndarray


@dataclass(frozen=True)
class _Clock:
    """The place of the frames that are read in the whole video. before: frames that are skipped; names, moments: of a
    folder's images, the number of each name and of each time."""

    video: VideoReader
    before: int
    names: dict[str, int]
    moments: dict[float, int]

    @classmethod
    def of(cls, video: VideoReader) -> _Clock:
        if isinstance(video, ImageSequence):
            names = {image.file.name: i for i, image in enumerate(video.pictures)}
            return cls(video, 0, names, {time: i for i, time in enumerate(video.times)})
        before = 0
        if video.time_range.start:
            earlier = TimeRange(None, video.time_range.start)
            before = sum(1 for _ in dataclasses.replace(video, time_range=earlier, warnings=[]))
        return cls(video, before, {}, {})

    def video_frames(self, count: int | None, *, exact: bool = True) -> VideoFrames:
        """The numbers to which poses are matched, in a video of this many frames, None if that is not known."""
        names = self.names
        return VideoFrames(str(self.video.path), len(names) if names else count, names, exact)

    def place(self, index: int, time: float) -> int:
        """The number in the whole video of a frame that was read."""
        return self.moments[time] if self.moments else self.before + index


def _check_size(poses: Poses, video: VideoReader, what: str) -> None:
    """Raise InputError if the keypoints were made for images of another size."""
    size = (video.width, video.height)
    if poses.width and poses.height and (poses.width, poses.height) != size:
        raise InputError(
            f"{what} was made for images of {poses.width}x{poses.height}, those of {video.path} have"
            f" {size[0]}x{size[1]}; give the keypoints of this video"
        )
    size_of(poses, size, what)
    seen = poses.points[np.isfinite(poses.points[..., 0]), :2]
    if len(seen) and np.abs(seen).max() <= 2.0:
        raise InputError(f"{what} holds coordinates up to {np.abs(seen).max():.3g}; keypoints must be in pixels")


def _read(
    video: VideoReader, clock: _Clock, poses: Poses, path: Path, options: TrackingOptions, progress: Progress,
    observers: Sequence[Observer], shot_begins: ShotBegins,
) -> _Frames:  # fmt: skip
    """Read the video once, for the observers, which see the boxes of the people in each frame."""
    estimate = video.num_frames_estimate
    likely = None if estimate is None or video.time_range.end is not None else clock.before + estimate
    near, _ = frames_of(poses, clock.video_frames(likely, exact=False), str(path))
    order = np.argsort(near, kind="stable")
    near = near[order]
    boxes = _boxes(poses, (video.width, video.height))[order]
    times, places, cuts = [], [], []
    with ExitStack() as stack:
        reader = stack.enter_context(Worker())
        frames = stack.enter_context(closing(prefetched(video, reader, 1)))
        for frame, cut in with_cuts(frames, AHEAD) if options.cuts else zip(frames, itertools.repeat(None)):
            if cut is not None:
                cuts.append(cut.first)
                shot_begins(cut.first)
            place = clock.place(frame.index, frame.time)
            first, last = np.searchsorted(near, [place, place + 1])
            for observer in observers:
                observer(frame, boxes[first:last])
            times.append(frame.time)
            places.append(place)
            progress(len(times), estimate)
    return _Frames(np.array(times), np.array(places, dtype=np.int64), np.array(cuts, dtype=np.int64))


def _boxes(poses: Poses, size: tuple[int, int]) -> np.ndarray:
    """(N, 4) boxes of the poses; of those without points, an empty one."""
    boxes = np.zeros((len(poses.points), 4))
    seen = np.isfinite(poses.points[..., 0]).any(axis=1)
    points = poses.points[seen]
    boxes[seen] = body_boxes(points[..., :2], points[..., 2], size, body_parts(poses.joints), BOXED)
    return boxes


def _in_view(poses: Poses, frames: np.ndarray, read: np.ndarray) -> tuple[Poses, np.ndarray]:
    """The poses in the frames that were read (T,), sorted, and the place of each among these."""
    order = np.argsort(frames, kind="stable")
    order = order[np.isin(frames[order], read)]
    kept = dataclasses.replace(
        poses, frames=frames[order], points=poses.points[order], ids=None if poses.ids is None else poses.ids[order],
        boxes=None, image_names=None,
    )  # fmt: skip
    return kept, np.searchsorted(read, frames[order])


def _people(
    poses: Poses, frames: np.ndarray, found: _Frames, options: TrackingOptions, linker: str | None
) -> tuple[tuple[Person, ...], list[str]]:
    """The people, those who are seen longest and largest first, and notes. frames (N,): of the poses, sorted."""
    size, notes = (poses.width, poses.height), []
    shots = shot_of(frames, found.cuts)
    ids = poses.ids
    if linker is not None or ids is None or clash(frames, ids):
        ids = _linked(poses, frames, shots, found.times, linker, options)
        if linker is None and len(np.unique(ids)) > 1:
            notes.append(FOLLOWED)
    tracks = []
    fewest = min(options.min_track_frames, max(1, len(found.times) // 2))
    for identity in np.unique(ids):
        own = np.flatnonzero(ids == identity)
        rows = _rows(poses.points[own], frames[own])
        rows, parts = rows[rows["score"] > 0], shots[own][_scores(poses.points[own]) > 0]
        if len(rows) >= fewest:
            tracks.append([rows[parts == shot] for shot in np.unique(parts)])
    dropped = len(np.unique(ids)) - len(tracks)
    if dropped:
        who = "1 person" if dropped == 1 else f"{dropped} people"
        notes.append(f"{who} of the file left out, as they are seen in fewer than {fewest} frames")
    tracks.sort(key=lambda track: -_presence(track))
    people = tuple(
        join_people(number, tuple(person_of_rows(
            rows, number, found.times, size, options, poses.joints, None, BOXED
        ) for rows in track))
        for number, track in enumerate(tracks[: options.max_persons], start=1)
    )  # fmt: skip
    return people, notes


def _linked(
    poses: Poses, frames: np.ndarray, shots: np.ndarray, times: np.ndarray, linker: str | None, options: TrackingOptions
) -> np.ndarray:
    """(N,) identities of poses in frames (N,), each within one of the shots (N,)."""
    ids = np.zeros(len(frames), dtype=np.int64)
    rate = frame_rate(times) if len(times) > 1 else 1.0
    for shot in np.unique(shots):
        own = shots == shot
        part = dataclasses.replace(poses, frames=frames[own], points=poses.points[own], ids=None)
        found, _ = LINKERS.find(linker or "kinema")(part, rate, options.tracker_checkpoint)
        ids[own] = found + ids.max()
    return ids


def _rows(points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Poses (n, K, 3) as rows of a track."""
    rows = np.zeros(len(points), dtype=row_dtype(points.shape[1], 0))
    rows["frame"], rows["points"], rows["visibility"] = frames, points[..., :2], points[..., 2]
    rows["presence"], rows["score"] = 1.0, _scores(points)
    low = np.where(np.isfinite(points[..., :2]), points[..., :2], np.inf).min(axis=1)
    high = np.where(np.isfinite(points[..., :2]), points[..., :2], -np.inf).max(axis=1)
    rows["roi"][:, 2] = REGION_PER_HEIGHT * np.maximum(high - low, 1.0).max(axis=1)
    return rows


def _scores(points: np.ndarray) -> np.ndarray:
    """(n,) mean confidence of the points that are seen, 0 without any."""
    seen = points[..., 2] > 0
    return np.asarray(points[..., 2].sum(axis=1) / np.maximum(seen.sum(axis=1), 1))


def _presence(track: Sequence[np.ndarray]) -> float:
    """For how long somebody is seen, and how large."""
    rows = np.concatenate(list(track))
    return float(len(rows) * np.mean(rows["roi"][:, 2]) ** 0.5)
