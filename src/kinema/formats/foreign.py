"""Shared by the readers of other systems' formats: poses in any layout, betas of any length, times, and notes.

Other systems' files differ in layout (axis-angle or matrices, one array or two), hold less than a Motion and lack some
of what it needs. Each reader notes what it assumed and left out; the notes are kept in the motion's provenance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, quoted
from kinema.formats.report import Notes
from kinema.geometry.camera import Camera
from kinema.geometry.rotations import matrix_to_axis_angle, nearest_rotation, turned_root
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import NUM_BETAS, NUM_POSE
from kinema.storage.fields import integers, numbers
from kinema.storage.fields import rate as checked_rate

NOTES = "notes"
"""Key of the motion's `data` that lists what a reader assumed, changed or left out, in sentences."""

ASSUMED_FPS = 30.0
"""Frame rate of files that do not store one; most systems assume it themselves."""

MAX_FRAMES = 10_000_000
"""Largest accepted frame number (93 hours at 30 frames a second)."""

FEW_FRAMES, EMPTY = 100_000, 100
"""Frames that a clip may always have, and additional ones per frame of a person: beyond these, empty frames are left
out, so that a wild frame number does not make a clip of hours."""

NOT_A_ROTATION = 0.5
"""Largest accepted difference per entry from the nearest rotation; filtered matrices are off by a few hundredths."""

REST_PELVIS = {
    "smpl": np.array([-0.0022, -0.2408, 0.0286]),
    "smplh": np.array([-0.0018, -0.2233, 0.0282]),
    "smplx": np.array([0.0031, -0.3514, 0.0120]),
}
"""Metres: rest position of the pelvis in the neutral bodies of average shape, relative to the model's origin.

For another gender, release or shape it differs by a centimetre or two. Without the licensed model, that difference is
the error if a file is converted from one world's axes to another's, or stores the pelvis instead of SMPL's translation.
"""

ZUP_FROM_YUP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Rotation from a y-up world to a z-up one: (x, y, z) becomes (x, -z, y)."""

YUP_FROM_CAMERA = np.diag([1.0, -1.0, -1.0])
"""Rotation of the camera's frame to y-up: (x, y, z) becomes (x, -y, -z), upright if the camera was level."""


def pose_from(value: Any, key: str, what: str, notes: Notes) -> np.ndarray:
    """(n,72) axis-angle from axis-angle (n,72), (n,24,3) or matrices (n,24,3,3), (n,216)."""
    pose = numbers(value, key, what, ("n", NUM_POSE), ("n", 24, 3), ("n", 24, 3, 3), ("n", 216))
    if pose.shape[1:] in ((24, 3, 3), (216,)):
        return joints_axis_angle(pose.reshape(len(pose), 24, 3, 3), key, what, notes).reshape(len(pose), NUM_POSE)
    return pose.reshape(len(pose), NUM_POSE)


def pose_from_parts(root: Any, body: Any, what: str, notes: Notes, keys: tuple[str, str]) -> np.ndarray:
    """(n,72) axis-angle from the root's and the body's rotations, each axis-angle or matrices.

    root: (n,3), (n,1,3), (n,3,3) or (n,1,3,3). body: 23 joints, or 21 (SMPL-H and SMPL-X; SMPL's hand joints become
    zero), as (n,69|63), (n,23|21,3) or (n,23|21,3,3).
    """
    root = numbers(root, keys[0], what, ("n", 3), ("n", 1, 3), ("n", 3, 3), ("n", 1, 3, 3))
    n = len(root)
    if root.ndim > 2 and root.shape[-2:] == (3, 3):
        root = joints_axis_angle(root.reshape(n, 1, 3, 3), keys[0], what, notes)
    shapes = [shape for j in (23, 21) for shape in ((n, 3 * j), (n, j, 3), (n, j, 3, 3))]
    body = numbers(body, keys[1], what, *shapes)
    if body.ndim == 4:
        body = joints_axis_angle(body, keys[1], what, notes)
    pose = np.zeros((n, NUM_POSE))
    pose[:, :3] = root.reshape(n, 3)
    flat = body.reshape(n, -1) if n else np.zeros((0, 69))
    pose[:, 3 : 3 + flat.shape[1]] = flat
    return pose


def joints_axis_angle(matrices: np.ndarray, key: str, what: str, notes: Notes) -> np.ndarray:
    """(n,J,3,3) -> (n,J,3), after projecting the matrices onto rotations (filters that work per entry break them)."""
    if not len(matrices):
        return np.zeros(matrices.shape[:-1])
    if np.any(np.linalg.det(matrices) <= 0):
        raise InputError(f"{what}: {key} holds a matrix that is not a rotation (its determinant is not positive)")
    proper = nearest_rotation(matrices)
    off = float(np.max(np.abs(proper - matrices), initial=0.0))
    if off > NOT_A_ROTATION:
        raise InputError(f"{what}: {key} holds a matrix that is not a rotation (off by {off:.2f})")
    if off > 1e-3:
        notes.add(f"matrices of {key} were projected onto rotations (they were off by up to {off:.3f})")
    return matrix_to_axis_angle(proper)


def betas_from(value: Any, n: int, what: str, notes: Notes, key: str = "betas") -> np.ndarray | None:
    """(n,10) from (B,), (1,B) or (n,B): truncated or zero-padded to ten components, repeated over the frames."""
    if value is None:
        return None
    given = np.atleast_2d(numbers(value, key, what, ("B",), (1, "B"), (n, "B")))
    if given[:, NUM_BETAS:].any():
        notes.add(f"{key} beyond the tenth were left out")
    betas = np.zeros((n, NUM_BETAS))
    kept = min(given.shape[1], NUM_BETAS)
    betas[:, :kept] = given[:, :kept]
    return betas


def frames_from(value: Any, n: int, what: str, key: str = "frame_ids") -> np.ndarray:
    """(n,) frame numbers; 0, 1, 2, ... if there are none."""
    if value is None:
        return np.arange(n)
    frames = integers(value, key, what)
    if len(frames) != n:
        raise InputError(f"{what}: {key} has {len(frames)} entries, the pose {n} frames")
    if n and (frames.min() < 0 or frames.max() > MAX_FRAMES):
        raise InputError(f"{what}: {key} must lie between 0 and {MAX_FRAMES}, found {frames.min()} to {frames.max()}")
    return frames


def track_id(key: Any, what: str) -> int:
    """A whole number from a key that is a number or text."""
    try:
        return int(key)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{what}: {quoted(key)} is not a track id; it must be a whole number") from None


def by_track(content: Mapping[Any, Any], *, needs: tuple[str, ...] = (), any_of: tuple[str, ...] = ()) -> bool:
    """Whether an unpickled object is `{track: {...}}` whose people all have the keys `needs` and one of `any_of`."""
    if not isinstance(content, dict) or not content:
        return False
    return all(
        isinstance(person, dict)
        and all(person.get(key) is not None for key in needs)
        and (not any_of or any(person.get(key) is not None for key in any_of))
        for person in content.values()
    )


def motion_from(
    name: str,
    people: Sequence[Person],
    path: Path,
    notes: Notes,
    *,
    fps: float | None,
    own_fps: float | None = None,
    body_model: str = "smpl",
    camera: Camera | None = None,
    num_frames: int = 0,
) -> Motion:
    """The motion that a reader returns.

    fps: the caller's frame rate, for files that do not store one; own_fps: the file's. Without either, `ASSUMED_FPS` is
    used and noted. num_frames: minimum number of frames. The image size is 0 x 0 where there is no camera.
    """
    given = own_fps if own_fps is not None else fps if fps is not None else ASSUMED_FPS
    rate = checked_rate(given, "the frame rate", str(path))
    if own_fps is None and fps is None:
        notes.add(f"the file does not store its frame rate; {ASSUMED_FPS:g} frames a second are assumed")
    last = max((int(person.frames[-1]) + 1 for person in people if len(person)), default=0)
    indices = np.arange(max(last, num_frames))
    if last > num_frames and last > FEW_FRAMES + EMPTY * sum(len(person) for person in people):
        indices = np.unique(np.concatenate([person.frames for person in people]))
        people = [person.replace(frames=np.searchsorted(indices, person.frames)) for person in people]
        notes.add(f"the frame numbers go up to {last - 1}, most without anybody; those were left out")
    sentences = list(notes)
    motion = Motion(
        times=indices / rate,
        width=camera.width if camera is not None else 0,
        height=camera.height if camera is not None else 0,
        people=tuple(people),
        camera=camera,
        source=path.name,
        body_model=body_model,
        data={NOTES: sentences} if sentences else {},
    )
    return motion.recorded(f"read.{name}", {"file": path.name, "fps": float(rate), "notes": sentences})


def yup_from_zup(pose: np.ndarray, pelvis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pose (n,72) and pelvis (n,3) of a z-up world, converted to the y-up world."""
    return turned_root(pose, ZUP_FROM_YUP.T), pelvis @ ZUP_FROM_YUP
