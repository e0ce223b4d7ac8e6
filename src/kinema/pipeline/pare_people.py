"""The people for PARE's demo: in an image, and the crop boxes of everyone in a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kinema.errors import InputError, quoted
from kinema.models.pare.crops import square_boxes
from kinema.models.pare.facts import LEAST_SCORE
from kinema.models.pare.keypoint_boxes import boxes_from_keypoints
from kinema.models.pare.regression import whole_boxes
from kinema.motion import Motion
from kinema.pipeline.pare_demo_options import PareDemoOptions
from kinema.storage.safe_npz import load_npz
from kinema.tracking import TrackingOptions, track_people
from kinema.tracking.sort import sort_tracks
from kinema.video import open_video
from kinema.video.options import VideoOptions

Tracks = dict[int, tuple[np.ndarray, np.ndarray]]
"""id -> frames (F,) and boxes (F,4) cx cy w h."""


def people_in_images(
    files: Sequence[Path], tracking: TrackingOptions | None, warnings: list[str], video: VideoOptions | None = None
) -> Iterator[tuple[Path, np.ndarray, np.ndarray]]:
    """Each image with people in it, as from `people_in`; the others add to `warnings`.

    Raises InputError if the only image cannot be read.
    """
    for file in files:
        try:
            image, boxes = people_in(file, tracking, video)
        except InputError as error:
            if len(files) == 1:
                raise
            warnings.append(f"left out: {error}")
            continue
        if len(boxes):
            yield file, image, boxes
        else:
            warnings.append(f"nobody was found in {file.name}")


def people_in(
    file: Path, tracking: TrackingOptions | None = None, video: VideoOptions | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """An image (H,W,3) uint8 RGB and the square boxes (n,4) cx cy w h of the people in it. Raises InputError."""
    with open_video(file, options=video) as reader:
        motion = track_people(reader, tracking)
        image = next(iter(reader)).image
    found = [whole for person in motion if (whole := whole_boxes(person)) is not None]
    return image, square_boxes(np.array([boxes[0] for boxes in found]))


def demo_tracks(motion: Motion | None, options: PareDemoOptions) -> tuple[Tracks, dict[int, np.ndarray]]:
    """Frames and crop boxes (F,4) cx cy w h of each track and, with tracking by pose, their keypoints."""
    if motion is None:
        return _sort_tracks(read_detections(Path(str(options.detections))), options), {}
    if options.tracking_method == "pose":
        tracks, keypoints = {}, {}
        for person in motion:
            points, confidence = person.require("keypoints", "keypoint_confidence")
            whole = np.concatenate([np.nan_to_num(points), confidence[..., None]], axis=-1)
            boxes, start, stop = boxes_from_keypoints(whole)
            if len(boxes):
                tracks[person.id] = (person.frames[start:stop], boxes)
                keypoints[person.id] = whole[start:stop]
        return tracks, keypoints
    found = {person.id: (person.frames, whole) for person in motion if (whole := whole_boxes(person)) is not None}
    if options.demo.parity:
        rows = [np.column_stack([frames, boxes, np.ones(len(frames))]) for frames, boxes in found.values()]
        return _sort_tracks(np.concatenate(rows) if rows else np.zeros((0, 6)), options), {}
    return {id: (frames, square_boxes(boxes)) for id, (frames, boxes) in found.items()}, {}


def _sort_tracks(rows: np.ndarray, options: PareDemoOptions) -> Tracks:
    """Detections (n,6) to tracks by SORT, as in the original."""
    rows = rows[rows[:, 5] > LEAST_SCORE]
    last = int(rows[:, 0].max()) if len(rows) else -1
    tracks = sort_tracks(rows[rows[:, 0] == frame, 1:5] for frame in range(last + 1))
    return {id: (frames, square_boxes(boxes)) for id, (frames, boxes) in tracks.items()}


def read_detections(path: Path) -> np.ndarray:
    """Detections (n,6) frame x1 y1 x2 y2 score from an .npz (array "detections") or a .csv. Raises InputError."""
    try:
        if path.suffix == ".npz":
            rows = np.asarray(load_npz(path)["detections"], dtype=np.float64)
        else:
            rows = np.loadtxt(path, delimiter=",", ndmin=2, comments="#")
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = quoted(str(error), 200, mark="")
        raise InputError(
            f"{path} contains no detections ({reason}); give rows frame,x1,y1,x2,y2,score as .csv, or as the array"
            " 'detections' of an .npz"
        ) from None
    if rows.ndim != 2 or rows.shape[1] != 6 or not np.all(np.isfinite(rows)):
        raise InputError(f"{path}: detections must be finite numbers (n, 6), found {rows.shape}")
    if np.any(rows[:, 0] < 0) or np.any(rows[:, 3:5] <= rows[:, 1:3]):
        raise InputError(f"{path}: detections must have frames from 0 on and boxes x1 < x2, y1 < y2")
    return rows
