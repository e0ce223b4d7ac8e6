"""JSON files of fewer programs: AlphaPose's results by image, MMPose's of one image, and easy_ViTPose's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.keypoints.files.poses import Poses, frames_of_names, listed, mapping, poses_of, whole


def is_by_image(content: Any) -> bool:
    """AlphaPose's results in the formats `cmu` and `open`: an object for each image."""
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(each, Mapping) and ("bodies" in each or "people" in each) for each in content.values())
    )


def read_by_image(content: Any, what: str, layout: str | None) -> Poses:
    """Per image `bodies` of `joints`, or `people` of `pose_keypoints_2d`, 3 K numbers each."""
    names, points = [], []
    for name, each in content.items():
        for row in listed(each.get("bodies", each.get("people")), f"{what}: people of {name}"):
            person = mapping(row, what)
            names.append(str(name))
            points.append(person.get("joints", person.get("pose_keypoints_2d", ())))
    frames, _ = frames_of_names(list(content))
    places = dict(zip(content, frames, strict=True))
    _, notes = frames_of_names(list(content))
    return poses_of(
        [places[name] for name in names], points, what, layout=layout, num_frames=max(frames) + 1, notes=notes,
        image_names=names,
    )  # fmt: skip


def is_instances(content: Any) -> bool:
    """MMPose's people of one image: a list of keypoints (K, 2) and their scores."""
    row = content[0] if isinstance(content, list) and content else None
    return isinstance(row, Mapping) and {"keypoints", "keypoint_scores"} <= set(row) and "image_id" not in row


def read_instances(content: Any, what: str, layout: str | None) -> Poses:
    """The people of one frame."""
    people = [with_scores(row.get("keypoints"), row.get("keypoint_scores"), what) for row in content]
    return poses_of([0] * len(people), people, what, layout=layout, ids=list(range(len(people))))


def with_scores(points: Any, scores: Any, what: str) -> np.ndarray:
    """(K, 3) of keypoints (K, 2) and their scores (K,). Raises InputError, also for 3D joints."""
    try:
        places = np.array(points, dtype=np.float64)
        given = np.ones(len(places)) if scores is None else np.array(scores, dtype=np.float64)
        joined = np.column_stack([places[:, :2], given])
    except (TypeError, ValueError, IndexError):
        raise InputError(f"{what} holds keypoints and scores that do not fit each other") from None
    if places.shape[1] > 2 and scores is not None:
        raise InputError(f"{what} holds 3D joints, not points in the image; give the 2D keypoints")
    return joined


def is_easy_vitpose(content: Any) -> bool:
    """easy_ViTPose's results: a list of frames, and the skeleton's names."""
    return isinstance(content, Mapping) and {"keypoints", "skeleton"} <= set(content)


def read_easy_vitpose(content: Any, what: str, layout: str | None) -> Poses:
    """Per frame, by the person's number, (K, 3) of y, x and confidence; `skeleton`: the name of each point."""
    names = mapping(content["skeleton"], f"{what}: skeleton")
    try:
        labels = [str(names[str(place)]) for place in range(len(names))]
    except KeyError:
        raise InputError(f"{what}: the skeleton's points are not numbered from 0") from None
    frames, points, ids = [], [], []
    rows = listed(content["keypoints"], f"{what}: keypoints")
    for frame, people in enumerate(rows):
        for number, person in mapping(people, f"{what}: frame {frame}").items():
            try:
                found = np.array(person, dtype=np.float64).reshape(len(labels), 3)
            except (TypeError, ValueError):
                raise InputError(
                    f"{what}: a person of frame {frame} is not y, x and confidence of each point"
                ) from None
            frames.append(frame)
            points.append(found[:, [1, 0, 2]])
            ids.append(whole(number, f"{what}: the number of a person"))
    return poses_of(frames, points, what, layout=layout, labels=labels, halpe=True, ids=ids, num_frames=len(rows))
