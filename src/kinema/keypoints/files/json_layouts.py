"""The JSON files of AlphaPose, COCO's results, MMPose, and OpenPose's folders (Sports2D and Pose2Sim write the same).

Each layout is a function that recognises the parsed JSON and one that reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.keypoints.files.json_more import with_scores
from kinema.keypoints.files.poses import (
    KNOWN_COUNTS,
    Poses,
    frames_of_names,
    listed,
    mapping,
    number_in,
    poses_of,
    whole,
)
from kinema.skeleton import H36M17
from kinema.storage.json_file import load_json


def is_alphapose(content: Any) -> bool:
    """A list of poses with the name of their image; also AlphaPose's results by image (`cmu`, `open`)."""
    return _first_of(content, "keypoints", "image_id") is not None and isinstance(content[0]["image_id"], str)


def read_alphapose(content: Any, what: str, layout: str | None) -> Poses:
    """AlphaPose's `alphapose-results.json`: image_id, keypoints (3 K), score, box x y w h, idx of the person."""
    rows = [mapping(row, what) for row in listed(content, what)]
    names = [str(row.get("image_id", "")) for row in rows]
    frames, notes = frames_of_names(names)
    ids = [identity(row.get("idx"), what) for row in rows]
    boxes = [row.get("box") for row in rows]
    return poses_of(
        frames, [row.get("keypoints", ()) for row in rows], what, layout=layout,
        ids=known(ids),
        boxes=corners(boxes, what), notes=notes, image_names=names,
    )  # fmt: skip


def is_coco(content: Any) -> bool:
    """COCO's results: a list of poses with the number of their image."""
    row = _first_of(content, "keypoints", "image_id")
    return row is not None and isinstance(row["image_id"], (int, float))


def read_coco(content: Any, what: str, layout: str | None) -> Poses:
    """COCO's keypoint results: image_id, keypoints (3 K), score; the first image is frame 0."""
    rows = [mapping(row, what) for row in listed(content, what)]
    numbers = [whole(row.get("image_id"), f"{what}: image_id") for row in rows]
    first = min(numbers)
    first = 0 if first == 1 else first
    ids = [identity(row.get("track_id"), what) for row in rows]
    return poses_of(
        [number - first for number in numbers], [row.get("keypoints", ()) for row in rows], what, layout=layout,
        ids=known(ids),
        boxes=corners([row.get("bbox") for row in rows], what), image_names=[f"{number:012d}" for number in numbers],
        notes=(f"frame 0 is the image of number {first}",) if first else (),
    )  # fmt: skip


def is_mmpose(content: Any) -> bool:
    """MMPose's predictions: frames with instances, with or without what is known of the joints."""
    rows = content.get("instance_info") if isinstance(content, dict) else content
    row = _first_of(rows, "instances", "frame_id")
    return row is not None


def read_mmpose(content: Any, what: str, layout: str | None) -> Poses:
    """MMPose 1's `--save-predictions`: per frame its number and instances of keypoints (K, 2) and their scores.

    What is known of the joints, if anything, tells sets that their number does not.
    """
    rows = content["instance_info"] if isinstance(content, dict) else content
    frames, points, ids = [], [], []
    for row in listed(rows, what):
        frame = whole(mapping(row, what).get("frame_id"), f"{what}: frame_id")
        for each in listed(row.get("instances"), f"{what}: instances"):
            instance = mapping(each, what)
            frames.append(frame)
            points.append(with_scores(instance.get("keypoints"), instance.get("keypoint_scores"), what))
            ids.append(identity(instance.get("track_id", instance.get("instance_id")), what))
    if not frames:
        raise InputError(f"{what} holds no pose")
    numbers = [whole(row.get("frame_id"), what) for row in rows]
    first, last = (1 if min(numbers) else 0), max(numbers)  # they begin with 0 or 1
    about = content.get("meta_info") if isinstance(content, dict) else None
    layout, labels = _described(about if isinstance(about, dict) else {}, len(points[0]), layout)
    return poses_of(
        [frame - first for frame in frames], points, what, layout=layout, labels=labels, halpe=True,
        ids=known(ids),
        num_frames=last - first + 1,
    )  # fmt: skip


def _described(about: dict[str, Any], count: int, layout: str | None) -> tuple[str | None, list[str] | None]:
    """The layout and the names of so many joints from MMPose's `meta_info`, where their number says too little."""
    if layout is not None:
        return layout, None
    if "h36m" in str(about.get("dataset_name", "")).lower() and count == len(H36M17):
        return H36M17.name, None
    names = about.get("keypoint_id2name")
    if count in KNOWN_COUNTS or not isinstance(names, dict) or len(names) != count:
        return None, None
    return None, [str(names.get(str(place), "")) for place in range(count)]


def is_openpose(content: Any) -> bool:
    """One frame of OpenPose."""
    return isinstance(content, dict) and "people" in content


def read_openpose_folder(files: list[Path], what: str, layout: str | None) -> Poses:
    """OpenPose's `--write_json` folder: one file for each frame, with people of pose_keypoints_2d (3 K)."""
    numbered = sorted(((number_in(path.name.replace("_keypoints", "")), path) for path in files), key=_by_number)
    values = [number[0] for number, _ in numbered if number is not None]
    if len(files) == 1:
        values = [0]
    elif len(values) < len(files):
        raise InputError(f"{what}: a file's name holds no frame number, as clip_000000000012_keypoints.json does")
    frames, points, ids, names = [], [], [], []
    for value, (_, path) in zip(values, numbered, strict=True):
        content = load_json(path)
        if not is_openpose(content):
            raise InputError(f"{path} is not a frame of OpenPose: it has no people")
        for each in listed(content["people"], f"{path}: people"):
            person = mapping(each, str(path))
            flat = person.get("pose_keypoints_2d", person.get("pose_keypoints"))
            if not flat:
                continue
            frames.append(value - values[0])
            points.append(flat)
            names.append(path.stem.removesuffix("_keypoints"))
            given = person.get("person_id", -1)
            ids.append(identity(given[0] if isinstance(given, list) and given else given, what))
    if not frames:
        raise InputError(f"{what} holds no pose")
    known = all(i is not None and i >= 0 for i in ids)
    return poses_of(
        frames, points, what, layout=layout, ids=[i for i in ids if i is not None] if known else None,
        num_frames=values[-1] - values[0] + 1, image_names=names,
        notes=(f"frame 0 is the file of number {values[0]}",) if values[0] else (),
    )  # fmt: skip


def _by_number(row: tuple[tuple[int, bool] | None, Path]) -> tuple[int, str]:
    number, path = row
    return (-1 if number is None else number[0], path.name)


def _first_of(rows: Any, *keys: str) -> dict[str, Any] | None:
    """The first of a list of objects that have these keys; None for anything else."""
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and all(key in rows[0] for key in keys):
        return rows[0]
    return None


def identity(value: Any, what: str) -> int | None:
    """A person's number; None where there is none. AlphaPose writes lists of one where it tracks by pose flow."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    return None if value is None else whole(value, f"{what}: the number of a person")


def known(ids: list[int | None]) -> list[int] | None:
    """The numbers of people; None if somebody has none."""
    return None if any(number is None for number in ids) else [number for number in ids if number is not None]


def corners(boxes: list[Any], what: str) -> list[Any] | None:
    """(N, 4) corners of boxes x y w h; None if one has none."""
    if any(box is None for box in boxes):
        return None
    try:
        given = np.array(boxes, dtype=np.float64).reshape(len(boxes), 4)
    except (TypeError, ValueError):
        raise InputError(f"{what} holds a box that is not four numbers") from None
    return list(np.hstack([given[:, :2], given[:, :2] + given[:, 2:]]))
