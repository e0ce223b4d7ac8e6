"""The value that every layout of keypoint files is read into, and the joint sets by their number of joints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.errors import InputError, UsageError, quoted
from kinema.keypoints.files.names import joints_by_name
from kinema.skeleton import BLAZEPOSE33, COCO17, HALPE26, JOINT_SETS, OPENPOSE25, JointSet, joint_set

MAX_FRAMES = 10_000_000
"""Largest accepted frame number."""

COCO18_TO_17 = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)
"""Places of COCO's 17 joints in OpenPose's 18, which have a neck more and the right side first."""

_BY_COUNT: dict[int, tuple[JointSet, Sequence[int] | None]] = {
    17: (COCO17, None),
    18: (COCO17, COCO18_TO_17),
    25: (OPENPOSE25, None),
    26: (HALPE26, None),
    33: (BLAZEPOSE33, None),
    68: (HALPE26, range(26)),
    94: (HALPE26, range(26)),
    133: (COCO17, range(17)),
    136: (HALPE26, range(26)),
}
"""Number of joints in a file -> the set, and the places of its joints in the file's order (None: all of them)."""

KNOWN_COUNTS = frozenset(_BY_COUNT)


@dataclass(frozen=True, eq=False)
class Poses:
    """Every pose of a file, sorted by frame.

    frames (N,) int; points (N, K, 3): x and y in pixels, NaN where not seen, and confidence 0..1; joints: their set.
    ids (N,) int: who it is, None where the file does not say. boxes (N, 4): x1 y1 x2 y2, None where there are none.
    num_frames: of the clip, at least. width, height: 0 where the file does not say. rate: frames per second, None
    likewise. notes: what was assumed. image_names (N,) str: the name of each pose's image, None where the poses are
    numbered.
    """

    frames: np.ndarray
    points: np.ndarray
    joints: JointSet
    ids: np.ndarray | None = None
    boxes: np.ndarray | None = None
    num_frames: int = 0
    width: int = 0
    height: int = 0
    rate: float | None = None
    notes: tuple[str, ...] = ()
    image_names: np.ndarray | None = None


def poses_of(
    frames: Sequence[int], points: Sequence[Any], what: str, *, layout: str | None = None,
    ids: Sequence[int] | None = None, boxes: Sequence[Any] | None = None, labels: Sequence[str] | None = None,
    image_names: Sequence[str] | None = None, halpe: bool = False, **about: Any,
) -> Poses:  # fmt: skip
    """Poses from lists: points are (K, 3) or flat (3 K,), all of one K. layout: name of the joint set, None to tell it
    by the names of the points, `labels`, or by K. halpe: the names are Halpe's own. Raises InputError for ragged poses,
    wild frame numbers, unknown names and numbers of joints."""
    if not len(points):
        raise InputError(f"{what} holds no pose")
    sizes = {np.size(each) for each in points}
    if any(size % 3 for size in sizes):
        raise InputError(f"{what} holds a pose that is not x, y and confidence of each joint")
    if len(sizes) > 1:
        raise InputError(f"{what} holds poses of different numbers of joints ({_some(sizes, 3)})")
    try:
        array = np.array([np.asarray(each, dtype=np.float64).reshape(-1, 3) for each in points])
    except (TypeError, ValueError):
        raise InputError(f"{what} holds a pose that is not x, y and confidence of each joint") from None
    places: Sequence[int] | None
    if labels is None:
        joints, places = joints_by_count(array.shape[1], layout, what)
    else:
        joints, places = joints_by_name(labels, what, layout, halpe=halpe)
        array = np.concatenate([array, np.full((len(array), 1, 3), np.nan)], axis=1)  # -1: what the file lacks
    if places is not None:
        array = array[:, list(places)]
    numbers = np.asarray(frames, dtype=np.float64)
    if np.any(numbers < 0) or np.any(numbers > MAX_FRAMES) or np.any(numbers != np.round(numbers)):
        raise InputError(f"{what}: a frame number is not a whole number from 0 to {MAX_FRAMES}")
    order = np.argsort(numbers, kind="stable")
    whole = numbers.astype(np.int64)[order]
    return Poses(
        frames=whole,
        points=cleaned(array[order]),
        joints=joints,
        ids=None if ids is None else np.asarray(ids, dtype=np.int64)[order],
        boxes=None if boxes is None else np.asarray(boxes, dtype=np.float64).reshape(-1, 4)[order],
        image_names=None if image_names is None else np.array(image_names, dtype=str)[order],
        **{**about, "num_frames": max(int(whole[-1]) + 1, about.get("num_frames", 0))},
    )


def joints_by_count(count: int, layout: str | None, what: str) -> tuple[JointSet, Sequence[int] | None]:
    """The joint set of a file with this many joints, and their places in it. Raises InputError, UsageError."""
    if layout is not None:
        named = joint_set(layout)
        if len(named) != count:
            raise UsageError(f"{what} has {count} joints, {named.name} has {len(named)}; name another set")
        return named, None
    if count not in _BY_COUNT:
        known = ", ".join(f"{n} ({s.name})" for n, (s, _) in _BY_COUNT.items())
        raise InputError(
            f"{what} has {count} joints, of which Kinema knows no order; it knows {known}, or name one of"
            f" {', '.join(JOINT_SETS)}"
        )
    return _BY_COUNT[count]


def cleaned(points: np.ndarray) -> np.ndarray:
    """(N, K, 3) with NaN for points that are not seen, (0, 0) or not finite, and confidences within 0..1."""
    out = points.copy()
    confidence = np.nan_to_num(out[..., 2], nan=0.0, posinf=1.0, neginf=0.0)
    gone = ~np.isfinite(out[..., :2]).all(axis=-1) | ((out[..., 0] == 0) & (out[..., 1] == 0))
    out[..., :2][gone] = np.nan
    out[..., 2] = np.where(gone, 0.0, np.clip(confidence, 0.0, 1.0))
    return out


def number_in(name: str) -> tuple[int, bool] | None:
    """The last number in a file's name, and whether it has leading zeros; None without one."""
    found = re.findall(r"\d+", name.rsplit("/", 1)[-1].rsplit("\\", 1)[-1].rsplit(".", 1)[0])
    return (int(found[-1]), len(found[-1]) > len(str(int(found[-1])))) if found and len(found[-1]) < 18 else None


def frames_of_names(names: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """The frame of each image's name, and notes.

    Programs number a video's frames 0.jpg, 1.jpg, ...; images of a folder mostly have leading zeros and begin
    anywhere, so that the first one is frame 0. Names without numbers are counted in their order.
    """
    numbers = [number_in(name) for name in names]
    if any(number is None for number in numbers):
        places = {name: i for i, name in enumerate(dict.fromkeys(names))}
        return [places[name] for name in names], ("the images' names hold no number; they were counted in their order",)
    values = [number[0] for number in numbers if number is not None]
    padded = any(number[1] for number in numbers if number is not None)
    first = min(values) if padded else 0
    note = (f"frame 0 is the image of number {first}",) if first else ()
    return [value - first for value in values], note


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """`value`, which must be a mapping. Raises InputError."""
    if not isinstance(value, Mapping):
        raise InputError(f"{what} is a {type(value).__name__}, not a JSON object")
    return value


def listed(value: Any, what: str) -> Sequence[Any]:
    """`value`, which must be a list. Raises InputError."""
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{what} is a {type(value).__name__}, not a list")
    return value


def whole(value: Any, what: str) -> int:
    """A whole number, from a number or text. Raises InputError."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{what} is {quoted(str(value), 40)}, not a whole number") from None
    return number


def _some(sizes: set[int], per: int) -> str:
    return ", ".join(f"{size / per:g}" for size in sorted(sizes)[:5])
