"""Motion and Person: the one value that every stage takes and returns.

A `Motion` is a clip: its frame times and size, its camera and its people. A `Person` is one track:
arrays whose first axis is the track's own frames, `None` where no stage has filled them yet. Both are
frozen and checked when they are made, so an inconsistent one cannot exist; `replace` makes a changed
copy that is checked again. Arrays inside are read-only.

Units and frames (docs/conventions.md): metres, radians, seconds, pixels with centres at integers.
Camera frame: OpenCV, x right, y down, z forward. World: right-handed, y up, ground at y = 0.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import ShapeError, UsageError
from kinema.skeleton import CONTACT_POINTS, JOINT_SETS

NUM_POSE = 72
NUM_BETAS = 10


@dataclass(frozen=True)
class StageRecord:
    """What one stage did to a motion: provenance that travels with the data.

    name: the stage ("tracking", "fit", "filter.oneeuro"). version: Kinema's version that ran it.
    arguments: every setting, defaults included, as JSON values. weights: sha256 by file name of each
    network or body model that the stage used.
    """

    name: str
    version: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("arguments", "weights"):
            try:
                value = json.loads(json.dumps(dict(getattr(self, key)), default=_jsonable))
            except TypeError as error:
                raise ShapeError(f"provenance of stage {self.name}: {key} must be JSON values ({error})") from None
            object.__setattr__(self, key, value)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


# Field name -> shape. "F": the person's frames; "K": points of the person's keypoint set; "T": the
# clip's frames; a number: exactly that many. The first entry of a Person field is always "F".
_PERSON_SHAPES: dict[str, tuple[str | int, ...]] = {
    "boxes": ("F", 4),
    "confidence": ("F",),
    "observed": ("F",),
    "keypoints": ("F", "K", 2),
    "keypoint_confidence": ("F", "K"),
    "keypoints3d": ("F", "K", 3),
    "joints": ("F", 24, 3),
    "pose": ("F", NUM_POSE),
    "betas": ("F", NUM_BETAS),
    "transl": ("F", 3),
    "joints_world": ("F", 24, 3),
    "pose_world": ("F", NUM_POSE),
    "transl_world": ("F", 3),
    "contacts": ("F", len(CONTACT_POINTS)),
    "reprojection_error": ("F",),
}
_BOOL_FIELDS = ("observed", "contacts")
_SHARES = ("confidence", "keypoint_confidence")
# A keypoint that was not seen is NaN with confidence 0; everything else must be finite.
_MAY_HOLD_NAN = ("keypoints", "keypoints3d", "boxes", "reprojection_error")


@dataclass(frozen=True, eq=False)
class Person:
    """One tracked person. F: frames in which the track exists, K: points of its keypoint set.

    id: the track's number, unique in the motion. frames (F,) int: indices into `Motion.times`,
    strictly increasing (gaps are legal: the person was away).

    Evidence in the image:
      boxes (F,4) x1 y1 x2 y2 pixels; confidence (F,) of the track in [0,1]; observed (F,) bool, False
      where a stage filled a gap; keypoint_set: name of the joint set; keypoints (F,K,2) pixels;
      keypoint_confidence (F,K) in [0,1]; keypoints3d (F,K,3) metres, mid-hip relative, camera axes: the
      keypoint network's own, weak guess.
    Body in the camera's frame:
      pose (F,72) axis-angle, SMPL order, the first three are global_orient; betas (F,10); transl (F,3)
      metres, added to vertices (not the pelvis: the pelvis is transl plus the rest pelvis); joints
      (F,24,3) metres, the SMPL joints of that body; reprojection_error (F,) pixels, mean over the
      points that counted.
    Body in the world (y up, ground at 0), after contact clean-up:
      pose_world (F,72), transl_world (F,3), joints_world (F,24,3); contacts (F,4) bool, columns
      `kinema.skeleton.CONTACT_POINTS`.
    """

    id: int
    frames: np.ndarray
    boxes: np.ndarray | None = None
    confidence: np.ndarray | None = None
    observed: np.ndarray | None = None
    keypoint_set: str | None = None
    keypoints: np.ndarray | None = None
    keypoint_confidence: np.ndarray | None = None
    keypoints3d: np.ndarray | None = None
    pose: np.ndarray | None = None
    betas: np.ndarray | None = None
    transl: np.ndarray | None = None
    joints: np.ndarray | None = None
    reprojection_error: np.ndarray | None = None
    pose_world: np.ndarray | None = None
    transl_world: np.ndarray | None = None
    joints_world: np.ndarray | None = None
    contacts: np.ndarray | None = None

    def __post_init__(self) -> None:
        who = f"person {self.id}"
        try:
            frames = np.asarray(self.frames)
        except ValueError as error:
            raise ShapeError(f"{who}: frames must be (F,) integers ({error})") from None
        if frames.ndim != 1 or (frames.size and not np.issubdtype(frames.dtype, np.integer)):
            raise ShapeError(f"{who}: frames must be (F,) integers, found {frames.shape} {frames.dtype}")
        if frames.size and (frames[0] < 0 or np.any(np.diff(frames) <= 0)):
            raise ShapeError(f"{who}: frames must be non-negative and strictly increasing")
        object.__setattr__(self, "frames", _frozen(frames, np.int64))
        sizes: dict[str, int] = {"F": len(frames)}
        if self.keypoint_set is not None:
            if self.keypoint_set not in JOINT_SETS:
                known = ", ".join(JOINT_SETS)
                raise ShapeError(f"{who}: keypoint_set is {self.keypoint_set!r}; known: {known}")
            sizes["K"] = len(JOINT_SETS[self.keypoint_set])
        for name, shape in _PERSON_SHAPES.items():
            value = getattr(self, name)
            if value is None:
                continue
            if "K" in shape and "K" not in sizes:
                raise ShapeError(f"{who}: {name} is given but keypoint_set is not; name its joint set")
            object.__setattr__(self, name, _checked(value, name, shape, sizes, who))

    def __len__(self) -> int:
        return len(self.frames)

    def replace(self, **changes: Any) -> Person:
        """A copy with these fields changed, checked again."""
        return dataclasses.replace(self, **changes)

    def select(self, rows: np.ndarray) -> Person:
        """The same person in some of its frames. rows: (F,) bool or increasing row indices."""
        rows = np.asarray(rows)
        if rows.size == 0:
            rows = rows.astype(int)
        if rows.dtype == bool and rows.shape != self.frames.shape:
            raise ShapeError(f"person {self.id}: rows has shape {rows.shape}, expected {self.frames.shape} = (F,)")
        changes = {n: v[rows] for n in _PERSON_SHAPES if (v := getattr(self, n)) is not None}
        return dataclasses.replace(self, frames=self.frames[rows], **changes)

    @property
    def global_orient(self) -> np.ndarray | None:
        """(F,3) axis-angle of the root in the camera's frame."""
        return None if self.pose is None else self.pose[:, :3]

    @property
    def filled(self) -> tuple[str, ...]:
        """Names of the fields that some stage has filled."""
        return tuple(n for n in _PERSON_SHAPES if getattr(self, n) is not None)

    def require(self, *names: str) -> tuple[np.ndarray, ...]:
        """The named fields, in order; the guard at a stage's entry.

        Raises UsageError that says which of them no stage has filled.
        """
        missing = [n for n in names if getattr(self, n) is None]
        if missing:
            raise UsageError(
                f"person {self.id} has no {', '.join(missing)}; run the stage that fills it first"
                f" (filled: {', '.join(self.filled) or 'nothing'})"
            )
        return tuple(getattr(self, n) for n in names)


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera of the clip: X_cam = rotation @ X_world + translation; pixels = K X_cam.

    width, height in pixels; intrinsics (3,3) in pixels; distortion (4,), (5,) or (8,) OpenCV order or
    None; rotation (3,3) or (T,3,3) and translation (3,) or (T,3) from world to camera, None while the
    world is unknown; moving: True / False once somebody looked, None before; focal_source says where
    the focal length came from ("metadata", "fov option", "default", "calibration", "estimated").
    """

    width: int
    height: int
    intrinsics: np.ndarray
    distortion: np.ndarray | None = None
    rotation: np.ndarray | None = None
    translation: np.ndarray | None = None
    moving: bool | None = None
    focal_source: str = "default"

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ShapeError(f"camera: size must be positive, found {self.width}x{self.height}")
        object.__setattr__(self, "intrinsics", _checked(self.intrinsics, "intrinsics", (3, 3), {}, "camera"))
        if self.intrinsics[0, 0] <= 0 or self.intrinsics[1, 1] <= 0:
            raise ShapeError("camera: the focal lengths must be positive")
        if self.distortion is not None:
            distortion = _frozen(self.distortion, np.float64)
            if distortion.shape not in ((4,), (5,), (8,)):
                raise ShapeError(f"camera: distortion must be (4,), (5,) or (8,), found {distortion.shape}")
            object.__setattr__(self, "distortion", distortion)
        if (self.rotation is None) != (self.translation is None):
            raise ShapeError("camera: rotation and translation belong together; one of them is missing")
        if self.rotation is not None and self.translation is not None:
            lead: tuple[str | int, ...] = ("T",) if np.ndim(self.rotation) == 3 else ()
            sizes = {"T": len(self.rotation)} if lead else {}
            rotation = _checked(self.rotation, "rotation", (*lead, 3, 3), sizes, "camera")
            object.__setattr__(self, "rotation", rotation)
            translation = _checked(self.translation, "translation", (*lead, 3), sizes, "camera")
            object.__setattr__(self, "translation", translation)
            if not np.allclose(rotation @ np.swapaxes(rotation, -1, -2), np.eye(3), atol=1e-4):
                raise ShapeError("camera: rotation is not a rotation matrix")
            if np.any(np.linalg.det(rotation) < 0):
                raise ShapeError("camera: rotation is a mirror, its determinant must be +1")

    def replace(self, **changes: Any) -> Camera:
        """A copy with these fields changed, checked again."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, eq=False)
class Motion:
    """A clip and its people.

    times (T,): seconds of every frame of the clip, strictly increasing, first frame as decoded.
    width, height: pixels after display rotation, 0 where a file does not tell. source: the video's file
    name. body_model: name of the body that the poses were fitted with ("free", or the file's name).
    provenance: one record for each stage, in order.
    """

    times: np.ndarray
    width: int
    height: int
    people: tuple[Person, ...] = ()
    camera: Camera | None = None
    source: str | None = None
    body_model: str | None = None
    provenance: tuple[StageRecord, ...] = ()

    def __post_init__(self) -> None:
        if self.width < 0 or self.height < 0:
            raise ShapeError(f"motion: size must not be negative, found {self.width}x{self.height}")
        times = _checked(self.times, "times", ("T",), {"T": _length(self.times)}, "motion")
        if np.any(np.diff(times) <= 0):
            raise ShapeError("motion: times must be strictly increasing")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "people", tuple(self.people))
        object.__setattr__(self, "provenance", tuple(self.provenance))
        ids = [person.id for person in self.people]
        if len(set(ids)) != len(ids):
            raise ShapeError(f"motion: two people carry the same id (ids: {ids})")
        for person in self.people:
            if len(person) and person.frames[-1] >= len(times):
                raise ShapeError(
                    f"person {person.id}: frame {person.frames[-1]} lies outside the clip of {len(times)} frames"
                )
        camera = self.camera
        if (
            camera is not None
            and camera.rotation is not None
            and camera.rotation.shape not in ((3, 3), (len(times), 3, 3))
        ):
            raise ShapeError(f"camera: rotation has {len(camera.rotation)} frames, the clip has {len(times)}")

    @property
    def num_frames(self) -> int:
        return len(self.times)

    @property
    def fps(self) -> float:
        """Mean frames per second over the clip (30 for a clip of fewer than two frames)."""
        if len(self.times) < 2:
            return 30.0
        return float((len(self.times) - 1) / (self.times[-1] - self.times[0]))

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)

    def person(self, id: int) -> Person:
        """The person with this id. Raises UsageError that lists the ids there are."""
        for person in self.people:
            if person.id == id:
                return person
        raise UsageError(f"no person {id} in this motion; it has {[p.id for p in self.people] or 'nobody'}")

    def replace(self, **changes: Any) -> Motion:
        """A copy with these fields changed, checked again."""
        return dataclasses.replace(self, **changes)

    def after(self, record: StageRecord, **changes: Any) -> Motion:
        """The motion that a stage returns: fields changed and the stage's record appended."""
        return dataclasses.replace(self, provenance=(*self.provenance, record), **changes)

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write the motion; the suffix chooses the format (.pkl, .npz). See `kinema.files`."""
        from kinema.files import save_motion

        return save_motion(self, path, **options)

    @staticmethod
    def load(path: str | Path) -> Motion:
        """Read a motion that Kinema wrote (.pkl or .npz); nothing in the file is executed."""
        from kinema.files import load_motion

        return load_motion(path)


def _length(value: Any) -> int:
    """How many values there are; 0 for what is no sequence of values, which the check then refuses."""
    try:
        return int(np.size(value))
    except ValueError:
        return 0


def _frozen(value: Any, dtype: Any) -> np.ndarray:
    array = np.array(value, dtype=dtype)  # a copy, so that nobody else can write into it
    array.flags.writeable = False
    return array


def _checked(value: Any, name: str, shape: tuple[str | int, ...], sizes: Mapping[str, int], who: str) -> np.ndarray:
    """`value` as a read-only array, after comparing it with the expected shape and range."""
    try:
        array = _frozen(value, np.float64)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"{who}: {name} must be numbers ({error})") from None
    expected = tuple(sizes[s] if isinstance(s, str) else s for s in shape)
    if array.shape != expected:
        letters = ", ".join(str(s) for s in shape) + ("," if len(shape) == 1 else "")
        raise ShapeError(f"{who}: {name} has shape {array.shape}, expected {expected} = ({letters})")
    wrong = np.isinf(array) if name in _MAY_HOLD_NAN else ~np.isfinite(array)
    if wrong.any():
        raise ShapeError(f"{who}: {name} holds a value that is not finite at {_place(wrong)}")
    if name in _SHARES:
        wrong = (array < -1e-6) | (array > 1 + 1e-6)
        if wrong.any():
            raise ShapeError(f"{who}: {name} must lie in [0, 1], found {array[wrong][0]:g} at {_place(wrong)}")
    if name in _BOOL_FIELDS:
        # A probability that is taken for a bool would be True wherever it is not exactly 0.
        wrong = (array != 0) & (array != 1)
        if wrong.any():
            raise ShapeError(f"{who}: {name} must be True or False, found {array[wrong][0]:g} at {_place(wrong)}")
        return _frozen(array, bool)
    return array


def _place(wrong: np.ndarray) -> tuple[int, ...]:
    """Index of the first True."""
    return tuple(int(i) for i in np.argwhere(wrong)[0])
