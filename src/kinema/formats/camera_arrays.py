"""Kinema's own layouts of camera paths, `.npz` and `.json`, with the same keys.

`R` (T,3,3) and `t` (T,3): X_camera = R @ X + t, OpenCV axes; `K` (3,3) or, with zoom, (T,3,3) in pixels, for images
of `size` (width, height); `distortion` (4, 5 or 8 coefficients in OpenCV's order); `times` (T,) seconds; `up` (3,) the
vertical in the axes of X; `found` (T,) bool, `kind`, `metric`, `breaks`, `points` (P,3), `points_sigma` and
`points_piece` (P,): as in `kinema.geometry.camera_path`. R and t are needed. The keys `rotation`, `centre`,
`intrinsics`, `width`, `height` of earlier files are read, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.formats.camera_poses import LONGEST_CLOCK, CameraPoses, one_distortion
from kinema.geometry.camera_path import POINTS, CameraPath, centres
from kinema.storage.atomic import atomic_path
from kinema.storage.fields import integers, numbers, scalar, text
from kinema.storage.json_file import load_json
from kinema.storage.safe_npz import load_npz
from kinema.storage.text import json_text


def read_npz(file: Path) -> CameraPoses:
    """The poses of an `.npz`. Raises InputError, ShapeError."""
    return _poses(load_npz(file), str(file))


def read_json(file: Path) -> CameraPoses:
    """The poses of a `.json`. Raises InputError, ShapeError."""
    content = load_json(file)
    if not isinstance(content, dict):
        raise InputError(f"{file} is not a camera path: it must be an object with R and t")
    return _poses({name: value for name, value in content.items() if value is not None}, str(file))


def _poses(content: Mapping[str, Any], what: str) -> CameraPoses:
    old = "R" not in content and "rotation" in content
    names = ("rotation", "centre", "intrinsics") if old else ("R", "t", "K")
    missing = [name for name in names[:2] if name not in content]
    if missing:
        raise InputError(f"{what} is not a camera path: it has no {', '.join(missing)}")
    rotation = numbers(content[names[0]], names[0], what, ("T", 3, 3))
    place = numbers(content[names[1]], names[1], what, (len(rotation), 3))
    lens = names[2] in content
    intrinsics = np.eye(3)
    if lens:
        intrinsics = numbers(content[names[2]], names[2], what, (3, 3), (len(rotation), 3, 3))
    optional: dict[str, Any] = {}
    if "up" in content:
        optional["up"] = numbers(content["up"], "up", what, (3,))
    if "found" in content:
        optional["found"] = numbers(content["found"], "found", what, (len(rotation),))
    if "kind" in content:
        optional["kind"] = text(content["kind"], "kind", what)
    if "metric" in content:
        optional["metric"] = bool(scalar(content["metric"], "metric", what))
    if "breaks" in content:
        optional["breaks"] = integers(content["breaks"], "breaks", what)
    if "points" in content:
        optional["points"] = points = numbers(content["points"], "points", what, ("P", 3))
        optional["points_sigma"] = numbers(content.get("points_sigma"), "points_sigma", what, (len(points),))
        optional["points_piece"] = integers(content.get("points_piece"), "points_piece", what)
    centre = place if old else centres(rotation, place)
    path = CameraPath(rotation, centre, intrinsics, **optional)
    times = numbers(content["times"], "times", what, ("T",), largest=LONGEST_CLOCK) if "times" in content else None
    distortion = None
    if "distortion" in content:
        distortion = one_distortion(numbers(content["distortion"], "distortion", what), what)
        if not lens and distortion is not None:
            raise InputError(f"{what} has a distortion without the K that it belongs to; add K")
    return CameraPoses(path, lens, times, size=_size(content, what), distortion=distortion)


def _size(content: Mapping[str, Any], what: str) -> tuple[int, int] | None:
    if "size" in content:
        size = integers(content["size"], "size", what)
        if size.shape != (2,):
            raise InputError(f"{what}: size must be width and height, found {len(size)} numbers")
        return int(size[0]), int(size[1])
    if "width" in content and "height" in content:
        return int(scalar(content["width"], "width", what)), int(scalar(content["height"], "height", what))
    return None


def arrays_of(poses: CameraPoses) -> dict[str, Any]:
    """The entries of a file, by key."""
    path = poses.path
    arrays: dict[str, Any] = {"R": path.rotation, "t": path.translation}
    arrays |= {"K": path.intrinsics} if poses.lens else {}
    for name in ("times", "size", "distortion"):
        value = getattr(poses, name)
        if value is not None:
            arrays[name] = np.asarray(value)
    arrays |= {} if path.up is None else {"up": path.up}
    arrays |= {"found": path.found, "kind": path.kind, "metric": path.metric}
    arrays |= {"breaks": path.breaks} if len(path.breaks) else {}
    return arrays | ({name: getattr(path, name) for name in POINTS} if len(path.points) else {})


def write_npz(poses: CameraPoses, file: Path) -> None:
    """Write an `.npz`."""
    with atomic_path(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays_of(poses))


def write_json(poses: CameraPoses, file: Path) -> None:
    """Write a `.json`."""
    plain = {
        name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in arrays_of(poses).items()
    }
    with atomic_path(file) as temporary:
        temporary.write_text(json_text(plain, indent=None) + "\n", encoding="utf-8")
