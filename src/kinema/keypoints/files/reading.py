"""Reading keypoints of any known layout as a motion whose people have 2D keypoints and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kinema.checks import RATE_RANGE, is_rate
from kinema.errors import InputError, UsageError
from kinema.formats.foreign import ASSUMED_FPS, NOTES
from kinema.keypoints.files import json_layouts, json_more, npz_layouts, sports2d, tables, tracker_layouts
from kinema.keypoints.files.linkers import LINKERS
from kinema.keypoints.files.poses import Poses
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.json_file import load_json
from kinema.storage.safe_npz import NpzArchive

Reader = Callable[[Any, str, "str | None"], Poses]

_JSON: tuple[tuple[Callable[[Any], bool], Reader], ...] = (
    (json_layouts.is_mmpose, json_layouts.read_mmpose),
    (json_layouts.is_alphapose, json_layouts.read_alphapose),
    (json_layouts.is_coco, json_layouts.read_coco),
    (json_more.is_instances, json_more.read_instances),
    (json_more.is_by_image, json_more.read_by_image),
    (json_more.is_easy_vitpose, json_more.read_easy_vitpose),
    (tracker_layouts.is_forvis, tracker_layouts.read_forvis),
    (tracker_layouts.is_opensvai, tracker_layouts.read_opensvai),
)
_NPZ: tuple[tuple[Callable[[Any], bool], Reader], ...] = (
    (npz_layouts.is_detections, npz_layouts.read_detections),
    (npz_layouts.is_dataset, npz_layouts.read_dataset),
    (npz_layouts.is_kpts, npz_layouts.read_kpts),
    (npz_layouts.is_reconstruction, npz_layouts.read_reconstruction),
)

FOLLOWED = "the file does not identify people; they were followed from frame to frame"
"""Note on people without identities."""

BEYOND = 0.25
"""Fraction of the longer side by which keypoints may lie outside the image."""


def read_keypoints(
    path: str | Path,
    *,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    layout: str | None = None,
    tracker: str | None = None,
    checkpoint: Path | None = None,
) -> Motion:
    """The keypoints of a file, or of OpenPose's folder, as tracks.

    fps, size: where the file stores neither frame rate nor image size. layout: name of the joint set, where the number
    of joints does not tell it. tracker: a name in `linkers.LINKERS`, which assigns new ids; by default the file's
    identities, and where it has none, people are followed from frame to frame (`linking`); checkpoint: of the tracker.
    Frames without anybody keep their place. `data["notes"]` has what was assumed. Raises InputError (missing,
    malformed, of an unknown layout, of another size), UsageError (an impossible `fps` or `size`).
    """
    path = Path(path)
    if fps is not None and not is_rate(fps):
        raise UsageError(f"the frame rate must be {RATE_RANGE}, found {fps:g}")
    if size is not None and min(size) < 1:
        raise UsageError(f"`size` must be width and height in pixels, found {size[0]}x{size[1]}")
    if tracker is not None:
        LINKERS.find(tracker)
    elif checkpoint is not None:
        raise UsageError("a tracker's checkpoint needs its name; set `tracker` to lighttrack")
    return _motion(read_poses(path, layout), path, fps, size, tracker, checkpoint)


def read_poses(path: Path, layout: str | None = None) -> Poses:
    """Every pose of a file, or of OpenPose's folder. layout, errors: as for `read_keypoints`."""
    what = str(path)
    if path.is_dir():
        return _of_folder(path, layout)
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path")
    if path.suffix.lower() == ".npz":
        with NpzArchive(path) as archive:
            return _first(_NPZ, archive, what, f"it holds {', '.join(list(archive)[:6])}")(archive, what, layout)
    if path.suffix.lower() == ".csv":
        return tables.read_table(path, layout)
    if path.suffix.lower() == ".trc":
        return sports2d.read_sports2d([path], what, layout)
    if path.suffix.lower() == ".h5":
        raise InputError(f"{path} is an HDF5 file, which Kinema does not read; let DeepLabCut write .csv as well")
    if path.suffix.lower() != ".json":
        raise InputError(
            f"{path} is not a keypoint file; Kinema reads .json, .npz and .csv files, OpenPose's folders and"
            " Sports2D's .trc"
        )
    content = load_json(path)
    if json_layouts.is_openpose(content):
        return json_layouts.read_openpose_folder([path], what, layout)
    if content == []:
        raise InputError(f"{path} holds no pose")
    return _first(_JSON, content, what, "its JSON has another structure")(content, what, layout)


def _of_folder(path: Path, layout: str | None) -> Poses:
    """OpenPose's folder, Pose2Sim's of one camera, or Sports2D's."""
    files = sorted(path.glob("*.json"))
    if not files and (tables_of_people := sports2d.sports2d_files(path)):
        return sports2d.read_sports2d(tables_of_people, str(path), layout)
    if not files and (camera := sports2d.camera_folder(path)) is not None:
        path, files = camera, sorted(camera.glob("*.json"))
    if not files:
        raise InputError(
            f"{path} holds no .json file; give OpenPose's folder, with one file for each frame, or Sports2D's"
        )
    return json_layouts.read_openpose_folder(files, str(path), layout)


def _first(readers: tuple[tuple[Callable[[Any], bool], Reader], ...], content: Any, what: str, found: str) -> Reader:
    for recognises, reader in readers:
        if recognises(content):
            return reader
    raise InputError(
        f"{what} is not a keypoint file that Kinema knows ({found}); it knows AlphaPose, OpenPose, COCO results,"
        " MMPose, Sports2D, DeepLabCut, VideoPose3D, PoseFlow and OpenSVAI"
    )


def _motion(
    poses: Poses,
    path: Path,
    fps: float | None,
    size: tuple[int, int] | None,
    tracker: str | None,
    checkpoint: Path | None,
) -> Motion:
    notes = list(poses.notes)
    width, height = size_of(poses, size, str(path))
    rate = poses.rate if fps is None else fps
    if rate is None:
        rate = ASSUMED_FPS
        notes.append(f"the file does not store its frame rate; {ASSUMED_FPS:g} frames a second are assumed")
    if not is_rate(rate):
        raise InputError(f"{path}: the frame rate must be {RATE_RANGE}, found {rate:g}")
    ids = poses.ids
    if tracker is not None:
        placed = replace(poses, width=width, height=height)
        ids, said = LINKERS.find(tracker)(placed, rate, checkpoint)
        notes.extend(said)
    elif ids is None or clash(poses.frames, ids):
        ids, _ = LINKERS.find("kinema")(poses, rate, None)
        if len(np.unique(ids)) > 1:
            notes.append(FOLLOWED)
    people = []
    for number, identity in enumerate(np.unique(ids), start=1):
        rows = np.flatnonzero(ids == identity)
        people.append(_person(number, replace(poses, frames=poses.frames[rows], points=poses.points[rows])))
    return Motion(
        times=np.arange(poses.num_frames) / rate, width=width, height=height, people=tuple(people), source=path.name,
        data={NOTES: notes} if notes else {},
    ).recorded("read.keypoints", {"file": path.name, "fps": float(rate), "notes": notes})  # fmt: skip


def _person(number: int, poses: Poses) -> Person:
    points = poses.points[..., :2]
    seen = np.isfinite(points).all(axis=-1)
    low = np.where(seen[..., None], points, np.inf).min(axis=1)
    high = np.where(seen[..., None], points, -np.inf).max(axis=1)
    boxes = np.where(seen.any(axis=1)[:, None], np.hstack([low, high]), np.nan)
    return Person(
        id=number, frames=poses.frames, boxes=boxes, keypoint_set=poses.joints.name, keypoints=points,
        keypoint_confidence=poses.points[..., 2],
    )  # fmt: skip


def size_of(poses: Poses, given: tuple[int, int] | None, what: str) -> tuple[int, int]:
    """Width and height of the images, 0 where unknown. Raises InputError if the keypoints do not fit into them."""
    width, height = given if given is not None else (poses.width, poses.height)
    if not width or not height:
        return 0, 0
    seen = poses.points[np.isfinite(poses.points[..., 0]), :2]
    largest = np.percentile(seen, 99, axis=0) if len(seen) else np.zeros(2)
    beyond = BEYOND * max(width, height)
    if np.any(largest > np.array([width, height]) + beyond):
        raise InputError(
            f"{what}: keypoints reach to {largest[0]:.0f}, {largest[1]:.0f}, far beyond images of {width}x{height};"
            " give their size"
        )
    return int(width), int(height)


def clash(frames: np.ndarray, ids: np.ndarray) -> bool:
    """Whether somebody is in one frame twice: then the identities mean something else."""
    return len(np.unique(np.stack([frames, ids]), axis=1).T) < len(ids)
