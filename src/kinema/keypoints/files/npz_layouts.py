"""The `.npz` files of VideoPose3D and of video-to-pose3D."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.keypoints.files.poses import Poses, poses_of
from kinema.skeleton import H36M17
from kinema.storage.fields import numbers


def is_kpts(content: Mapping[str, Any]) -> bool:
    """The file that video-to-pose3D's detectors write and its `--input-npz` reads."""
    return "kpts" in content


def read_kpts(content: Mapping[str, Any], what: str, layout: str | None) -> Poses:
    """`kpts` (N, K, 2 or 3) pixels of one person in every frame."""
    points = numbers(content["kpts"], "kpts", what, ("N", "K", 2), ("N", "K", 3), nan=True)
    return poses_of(range(len(points)), list(_confident(points)), what, layout=layout, ids=[1] * len(points))


def is_dataset(content: Mapping[str, Any]) -> bool:
    """A data set of 2D keypoints in VideoPose3D's layout."""
    return "positions_2d" in content and "metadata" in content


def read_dataset(content: Mapping[str, Any], what: str, layout: str | None) -> Poses:
    """`data_2d_custom_NAME.npz`: one video, one action, one camera, pixels (N, K, 2); its size is in the metadata."""
    videos = _item(content["positions_2d"], "positions_2d", what)
    about = _item(content["metadata"], "metadata", what)
    if len(videos) != 1:
        some = ", ".join(quoted(str(name), 40, mark="") for name in list(videos)[:4])
        raise InputError(f"{what} holds {len(videos)} videos ({some}); give a file of one video")
    (name, actions) = next(iter(videos.items()))
    clips = next(iter(actions.values()), None) if isinstance(actions, Mapping) and len(actions) == 1 else None
    if clips is None or len(clips) != 1:
        raise InputError(f"{what}: {quoted(str(name), 40)} must hold one action of one camera")
    points = numbers(np.asarray(clips[0]), "positions_2d", what, ("N", "K", 2), ("N", "K", 3), nan=True)
    if layout is None and "h36m" in str(about.get("layout_name", "")).lower():
        layout = H36M17.name
    size = about.get("video_metadata", {})
    size = size.get(name, {}) if isinstance(size, Mapping) else {}
    return poses_of(
        range(len(points)), list(_confident(points)), what, layout=layout, ids=[1] * len(points),
        width=int(size.get("w", 0)), height=int(size.get("h", 0)), rate=_rate(size),
    )  # fmt: skip


def is_reconstruction(content: Mapping[str, Any]) -> bool:
    """The keypoints that the demos of MHFormer and its relatives store, in Human3.6M's order."""
    return "reconstruction" in content


def read_reconstruction(content: Mapping[str, Any], what: str, layout: str | None) -> Poses:
    """`reconstruction` (M, F, K, 2 or 3) pixels of M people in every frame."""
    shapes = (("M", "F", "K", 2), ("M", "F", "K", 3))
    points = numbers(content["reconstruction"], "reconstruction", what, *shapes, nan=True)
    people, frames, count = points.shape[:3]
    if layout is None and count == len(H36M17):
        layout = H36M17.name
    return poses_of(
        np.tile(np.arange(frames), people).tolist(), list(_confident(points.reshape(-1, *points.shape[2:]))), what,
        layout=layout, ids=np.repeat(np.arange(people), frames).tolist(),
    )  # fmt: skip


def is_detections(content: Mapping[str, Any]) -> bool:
    """Detectron's detections of one video, as VideoPose3D's script stores them."""
    return "boxes" in content and "keypoints" in content and "metadata" in content


def read_detections(content: Mapping[str, Any], what: str, layout: str | None) -> Poses:
    """Per frame [nothing, people]: boxes (n, 5), keypoints (n, 4, 17) with rows x, y, logit and probability."""
    frames, points, boxes = [], [], []
    found = content["keypoints"]
    for frame, (people, around) in enumerate(zip(found, content["boxes"], strict=False)):
        seen = np.asarray(people[1], dtype=np.float64) if len(people) == 2 else np.zeros(0)
        for i, person in enumerate(seen if seen.ndim == 3 else ()):
            if len(person) < 4:
                raise InputError(f"{what}: keypoints of frame {frame} are not rows of x, y, logit and probability")
            frames.append(frame)
            points.append(person[[0, 1, 3]].T)
            boxes.append(np.asarray(around[1], dtype=np.float64)[i, :4])
    about = _item(content["metadata"], "metadata", what)
    return poses_of(
        frames, points, what, layout=layout, boxes=boxes, num_frames=len(found),
        width=int(about.get("w", 0)), height=int(about.get("h", 0)), rate=_rate(about),
    )  # fmt: skip


def _item(value: Any, key: str, what: str) -> Mapping[Any, Any]:
    """The dict in an object array without axes. Raises InputError."""
    inside = value.item() if isinstance(value, np.ndarray) and value.shape == () else value
    if not isinstance(inside, Mapping):
        raise InputError(f"{what}: {key} must be a dict in an array, found {type(inside).__name__}")
    return inside


def _confident(points: np.ndarray) -> np.ndarray:
    """(N, K, 3) with a confidence of 1 where the file has none."""
    if points.shape[-1] == 3:
        return points
    return np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=-1)


def _rate(about: Mapping[Any, Any]) -> float | None:
    value = about.get("fps")
    return float(value) if isinstance(value, (int, float)) and value > 0 else None
