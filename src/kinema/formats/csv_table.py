"""CSV: joints and angles as a table, for spreadsheets, R and pandas. One row per person and frame, at true times.

Columns: `frame` (of the clip), `time` (seconds), `person`; for each SMPL joint `<joint>.x`, `.y`, `.z` (metres, y up,
world or camera frame as for the other formats) and `<joint>.rx`, `.ry`, `.rz` (degrees): its rotation relative to its
parent (the pelvis: to the frame of reference) as axis times angle, i.e. SMPL's pose; and for elbows and knees
`<joint>.bend` (degrees, 0 when straight): the angle between the two bones.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.formats.report import WriteReport
from kinema.formats.skeletal import skeleton_tracks
from kinema.motion import Motion
from kinema.skeleton import SMPL24
from kinema.storage.atomic import atomic_path

if TYPE_CHECKING:
    from kinema.body import BodyModel

HINGES = {
    f"{side}_{joint}": (f"{side}_{before}", f"{side}_{after}")
    for side in ("left", "right")
    for joint, before, after in (("elbow", "shoulder", "wrist"), ("knee", "hip", "ankle"))
}
"""Joints with a bend angle -> the joints at the other ends of their two bones."""


def header() -> list[str]:
    """The names of the columns."""
    positions = [f"{joint}.{axis}" for joint in SMPL24.joints for axis in "xyz"]
    rotations = [f"{joint}.r{axis}" for joint in SMPL24.joints for axis in "xyz"]
    return ["frame", "time", "person", *positions, *rotations, *(f"{joint}.bend" for joint in HINGES)]


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    report: WriteReport | None = None,
) -> Path:
    """Write everybody into one table, person after person. Raises UsageError, OutputError."""
    report = WriteReport() if report is None else report
    tracks = skeleton_tracks(motion, body, report)
    numbers = len(header()) - 3
    row = "%d,%.9g,%d," + ",".join(["%.6f"] * numbers) + "\n"
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(header()) + "\n")
        for track in tracks:
            frames = motion.person(track.id).frames
            for rows in track.chunks():
                joints = track.joints(rows)
                cells = [joints.reshape(len(joints), -1), np.degrees(track.pose[rows]), bend_angles(joints)]
                lines = np.hstack(cells).tolist()
                for frame, moment, line in zip(frames[rows], track.times[rows], lines, strict=True):
                    file.write(row % (frame, moment, track.id, *line))
    report.paths.append(path)
    return path


def bend_angles(joints: np.ndarray) -> np.ndarray:
    """(F,24,3) -> (F,4) degrees between the bones at the joints of `HINGES`; 0 when straight."""
    angles = []
    for joint, (before, after) in HINGES.items():
        arriving = joints[:, SMPL24.index(joint)] - joints[:, SMPL24.index(before)]
        leaving = joints[:, SMPL24.index(after)] - joints[:, SMPL24.index(joint)]
        sine = np.linalg.norm(np.cross(arriving, leaving), axis=-1)
        angles.append(np.degrees(np.arctan2(sine, np.sum(arriving * leaving, axis=-1))))
    return np.stack(angles, axis=1)
