"""Ground truth from files: TRC with a calibration, `.npz` joints, Kinema's own and other motion files.

Truth is a clip's times and, for each person, named joints in the camera's frame, in a y-up world, or in both.
Joint names are converted to Kinema's own (`RHip` becomes `right_hip`), so joints are compared by name.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinema.checks import RATE_RANGE, is_rate
from kinema.errors import InputError, UsageError, quoted
from kinema.evaluation.calibration import read_camera
from kinema.formats import load_motion
from kinema.formats.containers import open_container
from kinema.formats.trc_parsing import read_trc
from kinema.geometry.camera import Camera, to_camera
from kinema.motion import Motion
from kinema.skeleton import JOINT_SETS, SMPL24
from kinema.storage.fields import numbers, require_keys, scalar, text

FRAMES = ("camera", "world")


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
    """

    source: str
    times: np.ndarray
    people: tuple[TruthPerson, ...]
    camera: Camera | None = None
    cuts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    notes: tuple[str, ...] = ()


def load_truth(
    path: str | Path,
    *,
    calibration: str | Path | None = None,
    camera: str | None = None,
    axes: str = "ZXY",
    offset: float | None = None,
) -> Truth:
    """Read ground truth; the suffix and the contents choose the reader.

    - `.trc`: markers, y up. With `calibration` (TOML) and `camera` (its name) the joints are also transformed to
      that camera's frame; `axes` names the TRC's axes that make up the calibration's world: letters, with a
      minus for a reversed one. The default is Pose2Sim's, world = (Z, X, Y) of the TRC.
    - `.npz` with `joints` (T, J, 3) metres, `joint_names` (J,), `fps` or `times` (T,) seconds, and `frame`
      ("camera", the default, or "world", y up).
    - any motion file that `kinema.formats` reads, with all its people.

    offset: seconds added to the truth's times. By default the first row of a TRC lies on the clip's first
    frame, and other files keep their times. Raises InputError, UsageError.
    """
    path = Path(path)
    if camera is not None and calibration is None:
        raise UsageError("`camera` needs the calibration that defines it; set `calibration` to a .toml file")
    if path.suffix.lower() == ".trc":
        return _from_trc(path, calibration, camera, axes, offset)
    if calibration is not None:
        raise UsageError(f"a calibration applies to .trc files only, and {path.name} is none; leave out `calibration`")
    with open_container(path) as content:
        if path.suffix.lower() == ".npz" and "joints" in content and "joint_names" in content:
            truth = _from_npz(content, path)
        else:
            truth = truth_from_motion(load_motion(path), path.name)
    if not offset:
        return truth
    return dataclasses.replace(truth, times=truth.times + offset)


def truth_from_motion(motion: Motion, source: str = "motion") -> Truth:
    """A motion as ground truth: the SMPL joints of all its people, NaN where a person is absent."""
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
    return Truth(source, motion.times, tuple(people), motion.camera, motion.cuts)


def _from_trc(
    path: Path, calibration: str | Path | None, camera_name: str | None, axes: str, offset: float | None
) -> Truth:
    markers = read_trc(path)
    names, positions = _known_joints(markers.names, markers.positions)
    joints = camera = None
    if calibration is not None:
        camera = read_camera(calibration, camera_name)
        joints = to_camera(positions @ axes_matrix(axes).T, camera)
    times = markers.times - markers.times[0] if offset is None else markers.times + offset
    person = TruthPerson(label=path.stem, names=names, joints=joints, joints_world=positions)
    return Truth(path.name, times, (person,), camera)


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
    names, joints = _known_joints(tuple(text(name, "joint_names", what) for name in labels), joints)
    if "times" in arrays:
        times = numbers(arrays["times"], "times", what, (len(joints),))
        if np.any(np.diff(times) <= 0):
            raise InputError(f"{what}: times must increase")
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


_ALIASES = {
    "hip": "mid_hip",
    "midhip": "mid_hip",
    "chip": "mid_hip",
    "pelvis": "pelvis",
    "head": "head_top",
    "toe": "big_toe",
    "toes": "big_toe",
}
_WORDS = {"bigtoe": "big_toe", "smalltoe": "small_toe"}


_KNOWN = frozenset(joint for joint_set in JOINT_SETS.values() for joint in joint_set.joints)


def canonical_joint(name: str) -> str:
    """Kinema's name of a joint: `RHip`, `r_hip`, `hip_r` and `Right Hip` are all `right_hip`.

    A name of a known joint set is kept ("head" is SMPL's joint in the skull, a marker set's "Head" is
    the top of the head).
    """
    if name in _KNOWN:
        return name
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip())
    words = [word for word in re.split(r"[\s_.\-]+", spaced.lower()) if word]
    side = ""
    for end in (0, -1):
        if len(words) > 1 and words[end] in ("r", "right", "l", "left"):
            side = "right_" if words.pop(end)[0] == "r" else "left_"
            break
    rest = "_".join(words)
    rest = _WORDS.get(rest, rest)
    if side:
        return side + _ALIASES.get(rest, rest) if rest != "hip" else side + "hip"
    return _ALIASES.get(rest, rest)


def _known_joints(names: tuple[str, ...], positions: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Names converted to Kinema's own, keeping the first of duplicates; points at infinity become missing."""
    kept: dict[str, int] = {}
    for place, name in enumerate(names):
        kept.setdefault(canonical_joint(name), place)
    positions = np.where(np.isfinite(positions), positions, np.nan)
    return tuple(kept), positions[:, list(kept.values())]
