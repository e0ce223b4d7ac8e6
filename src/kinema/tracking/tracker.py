"""The stage that turns a video into tracks of landmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kinema._version import __version__
from kinema.detection.blazepose import BlazePoseDetector, Detections, concatenate, merge
from kinema.detection.tiles import tile_plan
from kinema.keypoints.blazepose import BlazePoseLandmarker, Landmarks
from kinema.keypoints.roi import roi_from_circle
from kinema.motion import Motion, Person, StageRecord
from kinema.progress import Progress, silent
from kinema.tracking.options import TrackingOptions
from kinema.video import Frame, VideoReader

Observer = Callable[[Frame, np.ndarray], None]


class _Track:
    def __init__(self) -> None:
        self.frames: list[int] = []
        self.seen: list[Landmarks] = []
        self.next_roi = np.zeros(4)

    def add(self, frame: int, found: Landmarks) -> None:
        self.frames.append(frame)
        empty = np.zeros((0, 0), dtype=np.float32)
        self.seen.append(Landmarks(**{**found.__dict__, "mask": empty}))
        self.next_roi = found.next_roi


def track_people(
    video: VideoReader,
    options: TrackingOptions | None = None,
    *,
    progress: Progress = silent,
    observers: Sequence[Observer] = (),
) -> Motion:
    """Find and follow everyone in `video`."""
    from kinema.weights import locate

    options = options or TrackingOptions()
    files = [locate("blazepose-detector"), locate("blazepose-landmarks-full")]
    detector = BlazePoseDetector(files[0].path, threads=2)
    landmarker = BlazePoseLandmarker(files[1].path, threads=2)
    plan = np.concatenate(tile_plan(video.width, video.height))
    stride = max(1, round(options.detection_interval * video.fps))
    times: list[float] = []
    active: list[_Track] = []
    done: list[_Track] = []
    for frame in video:
        times.append(frame.time)
        alive: list[_Track] = []
        for track in active:
            found = landmarker(frame.image, track.next_roi)
            if found.score >= options.landmark_threshold and not _duplicate(found, alive):
                track.add(frame.index, found)
                alive.append(track)
            else:
                done.append(track)
        active = alive
        if frame.index % stride == 0 or not active:
            tiles = plan if frame.index % stride == 0 else plan[:1]
            for person in _detect(detector, frame.image, tiles, options.detection_threshold):
                found = landmarker(frame.image, person)
                if found.score >= options.landmark_threshold and not _duplicate(found, active):
                    active.append(_Track())
                    active[-1].add(frame.index, found)
        boxes = [_box(track.seen[-1]) for track in active]
        for observer in observers:
            observer(frame, np.array(boxes).reshape(-1, 4))
        progress(frame.index + 1, video.num_frames_estimate)
    done += active
    done = [track for track in done if len(track.frames) >= min(options.min_track_frames, (len(times) + 1) // 2)]
    done.sort(key=lambda track: -len(track.frames))
    people = tuple(_person(i + 1, track, video) for i, track in enumerate(done[: options.max_persons]))
    record = StageRecord("tracking", __version__, vars(options), {f.name: f.sha256 for f in files})
    motion = Motion(np.array(times), video.width, video.height, source=Path(video.path).name)
    return motion.after(record, people=people)


def _detect(detector: BlazePoseDetector, image: np.ndarray, tiles: np.ndarray, threshold: float) -> np.ndarray:
    parts: list[Detections] = [detector(image, tile, threshold=threshold) for tile in tiles]
    found = merge(concatenate(parts))
    return roi_from_circle(found.hips, found.rims)


def _duplicate(found: Landmarks, tracks: list[_Track]) -> bool:
    for track in tracks:
        other = track.seen[-1]
        size = min(found.next_roi[2], other.next_roi[2])
        if np.hypot(*(found.points - other.points).T).mean() < 0.1 * size:
            return True
    return False


def _box(found: Landmarks) -> np.ndarray:
    low, high = found.points.min(axis=0), found.points.max(axis=0)
    return np.concatenate([low, high])


def _person(number: int, track: _Track, video: VideoReader) -> Person:
    points = np.array([f.points for f in track.seen])
    confidence = np.array([f.visibility * f.presence for f in track.seen])
    inside = np.all((points >= 0) & (points < [video.width, video.height]), axis=-1)
    return Person(
        number,
        np.array(track.frames),
        boxes=np.array([_box(f) for f in track.seen]),
        confidence=np.array([f.score for f in track.seen]),
        observed=np.ones(len(track.frames), dtype=bool),
        keypoint_set="blazepose33",
        keypoints=points,
        keypoint_confidence=np.where(inside, confidence, 0.1 * confidence),
        keypoints3d=np.array([f.world for f in track.seen]),
    )
