"""The JSON files that PoseFlow and LightTrack read and write: AlphaPose's results by image, and OpenSVAI's."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.keypoints.files.json_layouts import corners, identity, known
from kinema.keypoints.files.poses import Poses, frames_of_names, listed, mapping, poses_of
from kinema.models.lighttrack.facts import JOINTS
from kinema.skeleton import HALPE26


def is_forvis(content: Any) -> bool:
    """AlphaPose's results by image, {image: [{keypoints, scores}]}; PoseFlow adds `idx`."""
    if not isinstance(content, dict) or not content:
        return False
    people = [each for each in content.values() if isinstance(each, list)]
    return len(people) == len(content) and any(
        isinstance(each[0], dict) and "keypoints" in each[0] for each in people if each
    )


def read_forvis(content: Any, what: str, layout: str | None) -> Poses:
    """Poses of flat keypoints (3 K); images without anybody keep their place."""
    places, notes = frames_of_names([str(name) for name in content])
    frames, points, ids = [], [], []
    for frame, people in zip(places, content.values(), strict=True):
        for each in listed(people, what):
            person = mapping(each, what)
            frames.append(frame)
            points.append(person.get("keypoints", ()))
            ids.append(identity(person.get("idx"), what))
    return poses_of(
        frames, points, what, layout=layout, ids=known(ids),
        num_frames=max(places) + 1, notes=notes,
    )  # fmt: skip


def is_opensvai(content: Any) -> bool:
    """OpenSVAI's results: a list of images with candidates."""
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "candidates" in content[0]


def read_opensvai(content: Any, what: str, layout: str | None) -> Poses:
    """Poses of flat pose_keypoints_2d (3 K), PoseTrack's 15 joints of LightTrack as Halpe's 26 without those that they
    lack; det_bbox x y width height; track_id of the person."""
    rows = [mapping(row, what) for row in listed(content, what)]
    about = [mapping(row.get("image", {}), f"{what}: image") for row in rows]
    places, notes = frames_of_names([str(each.get("name", "")) for each in about])
    frames, points, ids, boxes = [], [], [], []
    for frame, row in zip(places, rows, strict=True):
        for each in listed(row.get("candidates", ()), f"{what}: candidates"):
            person = mapping(each, what)
            if not person.get("pose_keypoints_2d"):
                continue
            frames.append(frame)
            points.append(_widened(person["pose_keypoints_2d"]))
            ids.append(identity(person.get("track_id"), what))
            boxes.append(person.get("det_bbox"))
    return poses_of(
        frames, points, what, layout=layout, ids=known(ids),
        boxes=corners(boxes, what), num_frames=max(places) + 1, notes=notes,
    )  # fmt: skip


def _widened(flat: Any) -> Any:
    """PoseTrack's fifteen joints among Halpe's; anything else as it is."""
    if not isinstance(flat, list) or len(flat) != 3 * len(JOINTS):
        return flat
    wide = np.zeros((len(HALPE26), 3), dtype=object)
    wide[HALPE26.indices(JOINTS)] = np.array(flat, dtype=object).reshape(-1, 3)
    return wide.tolist()
