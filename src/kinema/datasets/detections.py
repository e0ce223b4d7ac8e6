"""2D keypoints of single videos, in the files of the detectors that VideoPose3D's authors used.

    *.npz of Detectron      boxes, keypoints: for every frame [[], (P, 5)] and [[], P arrays (4 or 6, 17)]
    *.npz of CPN            keypoints: (F, 17, 2 or more)
    *.h5 of Stacked Hourglass   poses: (F, 16, 2)

Objects go through the safe reader; nothing in these files is executed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kinema.datasets.writing import Layout
from kinema.errors import InputError
from kinema.storage.fields import numbers
from kinema.storage.hdf5 import open_hdf5
from kinema.storage.safe_npz import load_npz

_SOFT_ARGMAX = slice(4, 6)
"""Rows for x and y in files of the authors' modified Detectron, which have six; in others the first two."""


def read_detections(path: Path, layout: Layout) -> np.ndarray:
    """(F, K, 2) float32 pixels. Where Detectron found nobody, the person of the previous frame is repeated, as by the
    authors. Raises InputError: another format, other joints, nobody at all.
    """
    if path.suffix == ".h5":
        with open_hdf5(path) as file:
            points = file.array("poses")
    else:
        content = load_npz(path)
        if "keypoints" not in content:
            raise InputError(f"{path} has no keypoints; it is not a file of Detectron's or CPN's")
        points = _of_detectron(path, content) if "boxes" in content else content["keypoints"]
    checked = numbers(points, "keypoints", str(path), *(("F", "K", n) for n in (2, 3, 4)))
    if checked.shape[1] != layout.joints:
        raise InputError(f"{path} has {checked.shape[1]} joints, {layout.name} has {layout.joints}; name its layout")
    if not len(checked):
        raise InputError(f"{path} has no frames")
    return checked[..., :2].astype(np.float32)


def _of_detectron(path: Path, content: dict[str, np.ndarray]) -> np.ndarray:
    boxes, keypoints = content["boxes"], content["keypoints"]
    if len(boxes) != len(keypoints):
        raise InputError(f"{path} has boxes of {len(boxes)} frames and keypoints of {len(keypoints)}; get a fresh copy")
    poses = [_best(path, number, *pair) for number, pair in enumerate(zip(boxes, keypoints, strict=True))]
    first = next((pose for pose in poses if pose is not None), None)
    if first is None:
        raise InputError(f"{path} has nobody in any frame")
    last, found = first, []
    for pose in poses:
        last = last if pose is None else pose
        found.append(last)
    return np.stack(found)


def _best(path: Path, number: int, boxes: Any, keypoints: Any) -> np.ndarray | None:
    """(17, 2) of the most confident person in one frame, None for nobody."""
    place = f"{path}, frame {number}"
    try:
        found, people = boxes[1], keypoints[1]
        count = len(found)
    except (TypeError, IndexError, KeyError):
        raise InputError(f"{place} does not have Detectron's boxes and keypoints by class") from None
    if not count:
        return None
    scores = numbers(found, "boxes", place, ("P", 5))[:, 4]
    if len(people) != count:
        raise InputError(f"{place} has {count} boxes and {len(people)} people")
    rows = numbers(people[int(np.argmax(scores))], "keypoints", place, *((n, "K") for n in (2, 3, 4, 6)))
    return np.asarray((rows[_SOFT_ARGMAX] if len(rows) == 6 else rows[:2]).T)
