"""Human3.6M and other data in the layout of VideoPose3D's authors, which P-STMO's also read (users' copies).

    data_3d_h36m.npz          positions_3d: {subject: {action: (F, 32 | 17 | 15, 3)}}, metres, world
    data_2d_h36m_NAME.npz     positions_2d: {subject: {action: [(F, K, 2), one for each camera]}}, pixels
                              metadata: {layout_name, num_joints, keypoints_symmetry: [left, right]}

Both are dicts in object arrays, read by the safe reader; nothing is executed. The 3D file has no cameras: those of
Human3.6M are known (`kinema.datasets.h36m_cameras`), others come from a file (`kinema.datasets.cameras`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.datasets.cameras import DatasetCamera
from kinema.datasets.h36m_cameras import H36M_CAMERAS
from kinema.errors import InputError, UsageError, quoted
from kinema.storage.fields import numbers
from kinema.storage.safe_npz import load_npz

ORIGINAL = 32
"""Joints of Human3.6M's motion capture, many of them coincident."""

KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Indices of the commonly used 17 joints among them (`kinema.skeleton.H36M17`)."""

SIDES: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {
    17: ((4, 5, 6, 11, 12, 13), (1, 2, 3, 14, 15, 16)),
    15: ((2, 3, 4, 8, 9, 10), (5, 6, 7, 11, 12, 13)),
}
"""Left and right 3D joints of the known skeletons, by number of joints: Human3.6M and HumanEva-I."""

Clips = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Positions:
    """The 3D file. clips: subject -> action -> (F, J, 3) float32, metres, world. left, right: joints."""

    name: str
    clips: Mapping[str, Mapping[str, np.ndarray]]
    joints: int
    left: tuple[int, ...]
    right: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Keypoints:
    """The 2D file. clips: subject -> action -> one (F, K, 2) float32 for each camera, pixels. left, right: joints.

    layout: of the joints, such as "h36m" or "coco". sizes: width and height of a video, if the file states them.
    """

    name: str
    clips: Mapping[str, Mapping[str, tuple[np.ndarray, ...]]]
    joints: int
    left: tuple[int, ...]
    right: tuple[int, ...]
    layout: str = ""
    sizes: Mapping[str, tuple[int, int]] | None = None


@dataclass(frozen=True, eq=False)
class DatasetClip:
    """One action seen by one camera: keypoints (F, K, 2) pixels, and joints (F, J, 3), metres in the camera's axes."""

    subject: str
    action: str
    camera: DatasetCamera
    keypoints: np.ndarray
    joints: np.ndarray

    @property
    def kind(self) -> str:
        """The action without the number of its take: "Walking" of "Walking 1"."""
        return self.action.split(" ")[0]


@dataclass(frozen=True, eq=False)
class LifterDataset:
    """A 3D and a 2D file that belong together, with the cameras of every subject."""

    positions: Positions
    keypoints: Keypoints
    cameras: Mapping[str, tuple[DatasetCamera, ...]]

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects in both files, in the order of the 2D file."""
        return tuple(name for name in self.keypoints.clips if name in self.positions.clips)

    def clips(self, subjects: Sequence[str] | None = None, actions: Sequence[str] = ()) -> Iterator[DatasetClip]:
        """Every camera's view of every action of some or all subjects. actions: prefixes of their names.

        Raises InputError for an unknown subject, and for an action or view without keypoints or with too few of them.
        """
        for subject in self.subjects if subjects is None else subjects:
            takes = chosen_subject(self.positions.clips, subject, self.positions.name)
            seen = chosen_subject(self.keypoints.clips, subject, self.keypoints.name)
            cameras = self.cameras.get(subject)
            if cameras is None:
                raise InputError(
                    f"the cameras of {quoted(subject)} in {self.positions.name} are not known; give them with `cameras`"
                )
            for action, world in takes.items():
                if actions and not action.startswith(tuple(actions)):
                    continue
                yield from self._views(subject, action, world, seen.get(action), cameras)

    def _views(
        self, subject: str, action: str, world: np.ndarray, views: Any, cameras: tuple[DatasetCamera, ...]
    ) -> Iterator[DatasetClip]:
        take = f"{quoted(action)} of {quoted(subject)}"
        if views is None:
            raise InputError(f"{self.keypoints.name} lacks the action {take}, which {self.positions.name} has")
        if len(views) != len(cameras):
            raise InputError(
                f"{self.keypoints.name} has {len(views)} views of {take}; {len(cameras)} cameras are known of it"
            )
        for camera, view in zip(cameras, views, strict=True):
            # Detections continue to the end of the video; the motion capture may end earlier.
            if len(view) < len(world):
                raise InputError(
                    f"{self.keypoints.name} has keypoints of {len(view)} frames for {take}, "
                    f"{self.positions.name} has {len(world)} frames of it; the files do not belong together"
                )
            joints = camera.to_camera(world).astype(np.float32)
            yield DatasetClip(subject, action, camera, view[: len(world)], joints)


def chosen_subject(clips: Clips, subject: str, name: str) -> Mapping[str, Any]:
    """A subject's actions. Raises InputError that lists the subjects of the file `name`."""
    if subject not in clips:
        has = ", ".join(quoted(each, 30, mark="") for each in list(clips)[:12])
        raise InputError(f"{name} has no subject {quoted(subject)}; it has {has or 'none'}")
    return clips[subject]


def read_dataset(
    positions: Path, keypoints: Path, cameras: Mapping[str, tuple[DatasetCamera, ...]] | None = None
) -> LifterDataset:
    """Both files. cameras: by subject, if they are not Human3.6M's. Raises InputError."""
    return LifterDataset(read_positions(positions), read_keypoints(keypoints), cameras or H36M_CAMERAS)


def read_positions(path: Path) -> Positions:
    """A `data_3d_*.npz`. Raises InputError for another layout and for values that cannot be positions."""
    content = load_npz(path)
    what = path.name
    clips = _subjects(content, "positions_3d", what)
    found: dict[str, dict[str, np.ndarray]] = {}
    joints = 0
    for subject, actions in clips.items():
        found[subject] = {}
        for action, value in actions.items():
            place = f"{what}, {quoted(action)} of {quoted(subject)}"
            points = numbers(value, "positions_3d", place, ("F", "J", 3))
            if points.shape[1] == ORIGINAL:
                points = points[:, KEPT]
            joints = joints or points.shape[1]
            if points.shape[1] != joints or joints not in SIDES:
                known = f"{ORIGINAL}, {' or '.join(map(str, SIDES))}"
                raise InputError(f"{place} has {points.shape[1]} joints; {known} are known, the same in all actions")
            found[subject][action] = points.astype(np.float32)
    if not joints:
        raise InputError(f"{what} contains no motion")
    return Positions(what, found, joints, *SIDES[joints])


def read_keypoints(path: Path) -> Keypoints:
    """A `data_2d_*.npz`, also of ordinary videos. Raises InputError like `read_positions`."""
    content = load_npz(path)
    what = path.name
    clips = _subjects(content, "positions_2d", what)
    about = _inside(content, "metadata", what)
    count, sides = about.get("num_joints"), about.get("keypoints_symmetry")
    if not isinstance(count, (int, np.integer)) or not isinstance(sides, (list, tuple)) or len(sides) != 2:
        raise InputError(f"{what} lacks num_joints or keypoints_symmetry in its metadata; prepare it again")
    count = int(count)
    left, right = (tuple(int(j) for j in numbers(side, "keypoints_symmetry", what, ("n",))) for side in sides)
    if len(left) != len(right) or not all(0 <= j < count for j in (*left, *right)):
        raise InputError(f"{what}: keypoints_symmetry must pair joints below {count}, found {left} and {right}")
    found: dict[str, dict[str, tuple[np.ndarray, ...]]] = {}
    for subject, actions in clips.items():
        found[subject] = {}
        for action, views in actions.items():
            place = f"{what}, {quoted(action)} of {quoted(subject)}"
            if not isinstance(views, (list, tuple)) and not (isinstance(views, np.ndarray) and views.ndim):
                raise InputError(f"{place}: positions_2d must be a list with the keypoints of each camera")
            found[subject][action] = tuple(
                _view(view, count, f"{place}, camera {number}") for number, view in enumerate(views)
            )
    if not any(views for actions in found.values() for views in actions.values()):
        raise InputError(f"{what} contains no keypoints")
    layout = str(about.get("layout_name", ""))
    return Keypoints(what, found, count, left, right, layout, _sizes(about))


def _view(value: Any, joints: int, place: str) -> np.ndarray:
    points = numbers(value, "positions_2d", place, ("F", "K", 2), ("F", "K", 3), ("F", "K", 4))
    if points.shape[1] != joints:
        raise InputError(f"{place} has {points.shape[1]} joints, the metadata of the file says {joints}")
    return points[..., :2].astype(np.float32)


def _sizes(about: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    videos = about.get("video_metadata")
    if not isinstance(videos, Mapping):
        return {}
    sizes = {}
    for name, size in videos.items():
        if isinstance(size, Mapping) and all(isinstance(size.get(side), int) and size[side] > 0 for side in ("w", "h")):
            sizes[str(name)] = size["w"], size["h"]
    return sizes


def _subjects(content: Mapping[str, np.ndarray], key: str, what: str) -> dict[str, dict[str, Any]]:
    """The dict of dicts under a key, with names as text."""
    subjects = _inside(content, key, what)
    wrong = next((name for name, actions in subjects.items() if not isinstance(actions, Mapping)), None)
    if wrong is not None:
        raise InputError(f"{what}: {key} must have the actions of {quoted(str(wrong))} by name")
    return {str(name): {str(action): value for action, value in actions.items()} for name, actions in subjects.items()}


def _inside(content: Mapping[str, np.ndarray], key: str, what: str) -> Mapping[Any, Any]:
    """The dict in a 0-d object array. Raises InputError."""
    if key not in content:
        has = ", ".join(quoted(name, 30, mark="") for name in list(content)[:8])
        raise InputError(f"{what} has no {key}; it has {has or 'nothing'}: it is not in VideoPose3D's layout")
    value = content[key]
    inside = value.item() if isinstance(value, np.ndarray) and value.shape == () else value
    if not isinstance(inside, Mapping):
        raise InputError(f"{what}: {key} must be a dict in an array; it is not in VideoPose3D's layout")
    return inside


def mirror_order(joints: int, left: Sequence[int], right: Sequence[int]) -> np.ndarray:
    """(J,) the mirror counterpart of each joint."""
    order = np.arange(joints)
    order[list(left)], order[list(right)] = right, left
    return order


def subjects_of(text: str) -> tuple[str, ...]:
    """The names in "S1,S5,S6". Raises UsageError if there are none."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError("no subject is named; name some, as in S1,S5")
    return names
