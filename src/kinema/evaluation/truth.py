"""Ground truth from files: TRC and C3D with a calibration, `.npz` joints, Kinema's own and other motion files.

Truth is a clip's times and, for each person, named joints in the camera's frame, in a y-up world, or in both.
Joint names are converted to Kinema's own (`RHip` becomes `right_hip`), so joints are compared by name.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.checks import RATE_RANGE, is_rate
from kinema.errors import InputError, UsageError, quoted
from kinema.evaluation.calibration import read_camera
from kinema.evaluation.joint_labels import by_subject, known_joints
from kinema.evaluation.joints import with_joints
from kinema.evaluation.upright import VERTICALS, body_axis, to_y_up
from kinema.formats import load_motion
from kinema.formats.c3d_parsing import read_c3d
from kinema.formats.containers import open_container
from kinema.formats.markers import Markers
from kinema.formats.registry import FORMATS
from kinema.formats.trc_parsing import read_trc
from kinema.geometry.camera import Camera, to_camera
from kinema.motion import Motion
from kinema.skeleton import SMPL24
from kinema.storage.fields import numbers, require_keys, scalar, text

if TYPE_CHECKING:
    from kinema.body import BodyModel

FRAMES = ("camera", "world")

AUTO = "auto"
"""An offset that is estimated from both motions (`kinema.evaluation.clocks`)."""

MARKER_FILES = {".trc": read_trc, ".c3d": read_c3d}
_AXES = {".trc": "ZXY", ".c3d": "XYZ"}
"""Default axes of a file that make up a calibration's world. Pose2Sim permutes the axes of its TRC files; a C3D is in
the laboratory's axes."""


@dataclass(frozen=True, eq=False)
class TruthPerson:
    """One person of the truth. T: rows of the truth.

    names: of the joints. joints, joints_world (T, J, 3): metres, camera frame and y-up world, NaN where
    missing; at least one of the two. pose, pose_world (T, 72): SMPL rotations in those frames, or None.
    label: the person's name in reports.
    """

    label: str
    names: tuple[str, ...]
    joints: np.ndarray | None = None
    joints_world: np.ndarray | None = None
    pose: np.ndarray | None = None
    pose_world: np.ndarray | None = None

    def in_frame(self, frame: str) -> np.ndarray:
        """(T, J, 3): the joints in the "camera" or the "world" frame. Raises UsageError if they are unknown."""
        joints = self.joints if frame == "camera" else self.joints_world
        if joints is None:
            raise UsageError(f"the truth has no joints of person {self.label} in the {frame}'s frame")
        return joints

    @property
    def present(self) -> np.ndarray:
        """(T,) bool: rows with any known joint."""
        joints = self.in_frame("camera" if self.joints is not None else "world")
        return np.asarray(np.isfinite(joints).all(axis=-1).any(axis=-1))


@dataclass(frozen=True, eq=False)
class Truth:
    """times (T,): seconds on the clip's clock (0 is the video's first frame). camera: that of `joints`, if known.

    cuts (C,) int: the rows at which a new shot begins. notes: what the reader assumed or left out, in sentences.
    clock_known: False if the times have yet to be shifted to the clip's clock.
    """

    source: str
    times: np.ndarray
    people: tuple[TruthPerson, ...]
    camera: Camera | None = None
    cuts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    notes: tuple[str, ...] = ()
    clock_known: bool = True


def load_truth(
    path: str | Path,
    *,
    calibration: str | Path | None = None,
    camera: str | None = None,
    axes: str | None = None,
    up: str | None = None,
    offset: float | str | None = None,
    body: BodyModel | None = None,
) -> Truth:
    """Read ground truth; the suffix and the contents choose the reader.

    - `.trc`, `.c3d`: named points; "Anna:RHip" is Anna's right hip, and each subject is a person. up: the file's
      vertical axis, "x", "y", "z", or one of them with a minus; by default y in a TRC, and in a C3D what the file says,
      else the axis along which the body extends. With `calibration` (TOML) and `camera` (its name) the joints are also
      transformed to that camera's frame; axes: the file's axes that make up the calibration's world, letters, with a
      minus for a reversed one. By default the world is (Z, X, Y) of a TRC, as Pose2Sim's, and (X, Y, Z) of a C3D.
    - `.npz` with `joints` (T, J, 3) metres, `joint_names` (J,), `fps` or `times` (T,) seconds, and `frame`
      ("camera", the default, or "world", y up).
    - any motion file that `kinema.formats` reads, with all its people. body: the body of its poses, if it holds no
    joints.

    offset: seconds added to the truth's times, or "auto" to estimate them. By default the first row of a TRC or C3D
    lies on the clip's first frame, and other files keep their times. Raises InputError, UsageError.
    """
    path = Path(path)
    if isinstance(offset, str) and offset != AUTO:
        raise UsageError(f"`offset` must be a number of seconds or auto, found {offset!r}")
    if camera is not None and calibration is None:
        raise UsageError("`camera` needs the calibration that defines it; set `calibration` to a .toml file")
    if path.suffix.lower() in MARKER_FILES:
        truth = _from_markers(path, calibration, camera, axes, up)
        if offset is None:
            offset = -float(truth.times[0])
    else:
        for name, value in (("calibration", calibration), ("axes", axes), ("up", up)):
            if value is not None:
                raise UsageError(f"`{name}` applies to .trc and .c3d files only; {path.name} is none, leave it out")
        known = {suffix for entry in FORMATS.rows() for suffix in entry.suffixes if entry.reads}
        if path.is_file() and path.suffix.lower() not in known:
            raise InputError(
                f"{path.name} is not a truth file that Kinema reads: markers (.trc, .c3d), joint angles (.mot, .sto),"
                f" joints in .npz, or a motion file ({', '.join(sorted(known - set(MARKER_FILES)))})"
            )
        with open_container(path) as content:
            if path.suffix.lower() == ".npz" and "joints" in content and "joint_names" in content:
                truth = _from_npz(content, path)
            else:
                truth = truth_from_motion(load_motion(path), path.name, body)
    if isinstance(offset, str):
        return dataclasses.replace(truth, clock_known=False)
    return dataclasses.replace(truth, times=truth.times + offset) if offset else truth


def truth_from_motion(motion: Motion, source: str = "motion", body: BodyModel | None = None) -> Truth:
    """A motion as ground truth: the SMPL joints of all its people, NaN where a person is absent.

    body: poses a motion that holds rotations and no joints (`kinema.evaluation.joints`).
    """
    motion, notes = with_joints(motion, body, source)
    people = []
    for person in motion:
        filled: dict[str, np.ndarray] = {}
        for name in ("joints", "joints_world", "pose", "pose_world"):
            value = getattr(person, name)
            if value is not None:
                filled[name] = np.full((motion.num_frames, *value.shape[1:]), np.nan)
                filled[name][person.frames] = value
        if "joints" in filled or "joints_world" in filled:
            people.append(TruthPerson(label=str(person.id), names=SMPL24.joints, **filled))
    if not people:
        raise InputError(f"{source} holds no joints to compare with; run the fit that fills them first")
    return Truth(source, motion.times, tuple(people), motion.camera, motion.cuts, notes)


def _from_markers(
    path: Path, calibration: str | Path | None, camera_name: str | None, axes: str | None, up: str | None
) -> Truth:
    suffix = path.suffix.lower()
    markers = MARKER_FILES[suffix](path)
    turn = axes_matrix(axes or _AXES[suffix])
    camera = None if calibration is None else read_camera(calibration, camera_name)
    subjects = by_subject(markers.names)
    labelled = {
        subject: known_joints([markers.names[i].rpartition(":")[2] for i in places], markers.positions[:, places])
        for subject, places in subjects.items()
    }
    up, notes = _vertical(up, suffix, markers, labelled)
    people = [
        TruthPerson(
            label=subject or path.stem,
            names=names,
            joints=None if camera is None else to_camera(positions @ turn.T, camera),
            joints_world=to_y_up(positions, up),
        )
        for subject, (names, positions) in labelled.items()
    ]
    return Truth(path.name, markers.times, tuple(people), camera, notes=(*markers.notes, *notes))


def _vertical(
    up: str | None, suffix: str, markers: Markers, labelled: Mapping[str, tuple[tuple[str, ...], np.ndarray]]
) -> tuple[str, tuple[str, ...]]:
    """The vertical axis of a file of markers, and a note where it is assumed or looks wrong."""
    if up is not None and up.lower() not in VERTICALS:
        raise UsageError(f"`up` must be one of {', '.join(VERTICALS)}, found {up!r}")
    seen = {body_axis(names, positions) for names, positions in labelled.values()}
    body = seen.pop() if len(seen) == 1 else None
    stated = up.lower() if up is not None else "y" if suffix == ".trc" else markers.up
    if stated is None:
        chosen = body or "z"
        why = "the bodies in it extend along it" if body else "laboratories mostly use it"
        return chosen, (f"the file does not say its vertical axis; {chosen} is assumed, since {why} (`up` sets it)",)
    if body is not None and body != stated:
        return stated, (f"{stated} is taken as up, but the body extends along {body}; unless it lies down, set `up`",)
    return stated, ()


def axes_matrix(axes: str) -> np.ndarray:
    """(3,3): rows of the new axes. "ZXY": x is the old z, y the old x, z the old y; "-Z" reverses an axis."""
    letters = re.findall(r"[+-]?[XYZ]", axes.upper())
    if "".join(letters) != axes.upper() or sorted(letter[-1] for letter in letters) != ["X", "Y", "Z"]:
        raise UsageError(f"`axes` must name X, Y and Z once each, with a minus for a reversed one; found {axes!r}")
    matrix = np.zeros((3, 3))
    for row, letter in enumerate(letters):
        matrix[row, "XYZ".index(letter[-1])] = -1.0 if letter[0] == "-" else 1.0
    if np.linalg.det(matrix) < 0:
        raise UsageError(f"`axes` {axes!r} would mirror the motion; swap two letters or flip one sign")
    return matrix


def _from_npz(arrays: Mapping[Any, Any], path: Path) -> Truth:
    what = str(path)
    require_keys(arrays, ("joints", "joint_names"), what)
    joints = numbers(arrays["joints"], "joints", what, ("T", "J", 3), nan=True)
    labels = np.asarray(arrays["joint_names"])
    if labels.dtype.kind not in "US" or labels.shape != (joints.shape[1],):
        raise InputError(f"{what}: joint_names must be {joints.shape[1]} strings, found {labels.shape} {labels.dtype}")
    names, joints = known_joints(tuple(text(name, "joint_names", what) for name in labels), joints)
    if "times" in arrays:
        times = numbers(arrays["times"], "times", what, (len(joints),))
        if np.any(np.diff(times) <= 0):
            row = int(np.argmax(np.diff(times) <= 0)) + 1
            raise InputError(
                f"{what}: times must increase from row to row; row {row} is at {times[row]:g} s, after"
                f" {times[row - 1]:g} s"
            )
    elif "fps" in arrays:
        fps = scalar(arrays["fps"], "fps", what)
        if not is_rate(fps):
            raise InputError(f"{what}: fps must be {RATE_RANGE}, found {fps:g}")
        times = np.arange(len(joints)) / fps
    else:
        raise InputError(f"{what} lacks fps (or times), without which frames cannot be matched")
    frame = text(arrays["frame"], "frame", what) if "frame" in arrays else "camera"
    if frame not in FRAMES:
        raise InputError(f"{what}: frame must be camera or world, found {quoted(frame)}")
    fields = {"joints": joints} if frame == "camera" else {"joints_world": joints}
    return Truth(path.name, times, (TruthPerson(label=path.stem, names=names, **fields),))
