"""Everybody's 2D keypoints frame by frame, as keypoint trackers write them: shared by their formats.

Images are named by their frame, `000012.jpg`. A joint that is not seen is 0, 0, 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import JointSet, joint_set
from kinema.storage.atomic import atomic_path
from kinema.storage.text import json_text

Convert = Callable[[np.ndarray, np.ndarray, JointSet], tuple[np.ndarray, np.ndarray]]
"""Keypoints (F, K, 2) and confidences (F, K) in a joint set -> (F, J, 2) and (F, J) in the layout's own."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A person in a frame. points: x, y and confidence of each joint, flat; box: x, y, width, height, pixels."""

    id: int
    points: list[float]
    box: list[float]
    score: float


def by_frame(motion: Motion, convert: Convert) -> Iterator[tuple[str, list[Seen]]]:
    """For every frame of the clip, its image's name and everybody in it. Raises UsageError if nobody has
    keypoints."""
    if not motion.people:
        raise UsageError("the motion has no people, so there are no keypoints to write")
    rows: dict[int, list[Seen]] = {}
    for person in motion:
        for frame, seen in zip(person.frames.tolist(), _rows(person, convert), strict=True):
            rows.setdefault(frame, []).append(seen)
    return ((f"{frame:06d}.jpg", rows.get(frame, [])) for frame in range(motion.num_frames))


def _rows(person: Person, convert: Convert) -> Iterator[Seen]:
    keypoints, confidence = person.require("keypoints", "keypoint_confidence")
    points, sure = convert(keypoints, confidence, joint_set(str(person.keypoint_set)))
    flat = np.concatenate([points, sure[..., None]], axis=-1)
    flat = np.where(np.isfinite(flat).all(axis=-1, keepdims=True), flat, 0.0).reshape(len(person), -1).round(3)
    boxes = np.zeros((len(person), 4)) if person.boxes is None else np.nan_to_num(person.boxes)
    boxes = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).round(2)
    scores = np.ones(len(person)) if person.confidence is None else person.confidence.round(4)
    for row in range(len(person)):
        yield Seen(person.id, flat[row].tolist(), boxes[row].tolist(), float(scores[row]))


def write_json_file(content: Any, path: Path) -> Path:
    """Write the file whole or not at all. Raises OutputError."""
    with atomic_path(path) as temporary:
        temporary.write_text(json_text(content, indent=None), encoding="utf-8")
    return path
