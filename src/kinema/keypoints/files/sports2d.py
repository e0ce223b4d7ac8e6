"""Sports2D's tables of pixels (`*_px_person00.trc`), one for each person, and where Pose2Sim keeps its keypoints."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from kinema.errors import InputError
from kinema.formats.trc_parsing import read_trc
from kinema.keypoints.files.poses import Poses, poses_of

_PERSON = re.compile(r"_person(\d+)$", re.IGNORECASE)
_METRES = 30.0
"""Coordinates within this are metres: a person of 30 pixels at the corner of an image has no keypoints to speak of."""


def sports2d_files(folder: Path) -> list[Path]:
    """The tables of pixels in a folder of Sports2D's results."""
    return sorted(path for path in folder.glob("*.trc") if "_px" in path.stem and _PERSON.search(path.stem))


def read_sports2d(files: list[Path], what: str, layout: str | None) -> Poses:
    """Tables of one clip: x and y in pixels, z 0, at the times of the video. Raises InputError, also for metres."""
    frames, points, ids, labels, rates = [], [], [], None, []
    for place, path in enumerate(files):
        table = read_trc(path, unit="m")
        xy = table.positions[..., :2]
        if not np.isfinite(xy).any():
            continue
        if np.nanmax(np.abs(xy)) < _METRES:
            raise InputError(f"{path} holds metres, not pixels; give Sports2D's *_px_person*.trc")
        if labels not in (None, table.names):
            raise InputError(f"{path} names other points than {files[0].name}; give the files of one clip")
        labels = table.names
        rates.append(table.rate)
        seen = np.flatnonzero(np.isfinite(xy).all(axis=-1).any(axis=1))
        frames += np.round(table.times[seen] * table.rate).astype(int).tolist()
        points.append(np.concatenate([xy[seen], np.ones((len(seen), len(labels), 1))], axis=-1))
        found = _PERSON.search(path.stem)
        ids += [int(found[1]) if found is not None else place] * len(seen)
    if labels is None:
        raise InputError(f"{what} holds no pose")
    return poses_of(
        frames, np.concatenate(points), what, layout=layout, labels=labels, halpe=True, ids=ids, rate=rates[0],
        notes=("the file does not store how sure each point is",),
    )  # fmt: skip


def camera_folder(folder: Path) -> Path | None:
    """The one folder of OpenPose's files in a folder of Pose2Sim's (`pose/cam1_json`), None if there is none.

    Raises InputError if there are several cameras.
    """
    found = [
        each
        for parent in (folder, folder / "pose")
        if parent.is_dir()
        for each in sorted(parent.iterdir())
        if each.is_dir() and each.name.endswith("_json") and next(each.glob("*.json"), None) is not None
    ]
    if len(found) > 1:
        some = ", ".join(each.name for each in found[:4])
        raise InputError(f"{folder} holds the keypoints of {len(found)} cameras ({some}); give the folder of one")
    return found[0] if found else None
