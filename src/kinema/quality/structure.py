"""Is the file a valid motion file: keys, shapes, lengths, finite numbers, frame ids, rotations.

Any file gives findings, never an exception: reading it is the first check. Files that hold people by
track (`.pkl` of most systems) are checked key by key, so that every fault is reported and not only the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import KinemaError, quoted
from kinema.formats import load_motion
from kinema.formats.containers import open_container
from kinema.formats.foreign import NOT_A_ROTATION, NOTES
from kinema.motion import Motion
from kinema.quality.problems import CLEANUP, FAIL, Problem
from kinema.storage.fields import only_numbers

AXIS_ANGLE = 10.0
"""Radians beyond which an axis-angle is implausible (video2pkl's limit); readers accept any."""

FAR_AWAY = 1e4
"""Metres beyond which a position is implausible."""

# Shapes of the arrays in by-track files, whoever wrote them; "n" is the person's frame count, None any length.
_SHAPES: dict[str, tuple[tuple[Any, ...], ...]] = {
    "pose": (("n", 72), ("n", 24, 3), ("n", 24, 3, 3), ("n", 216)),
    "pose_world": (("n", 72), ("n", 24, 3), ("n", 24, 3, 3)),
    "global_orient": (("n", 3),),
    "betas": (("n", None), (None,), (1, None)),
    "betas_per_frame": (("n", None),),
    "trans": (("n", 3),),
    "trans_world": (("n", 3),),
    "joints": (("n", None, 3),),
    "joints_world": (("n", None, 3),),
    "joints3d": (("n", None, 3),),
    "frame_ids": (("n",),),
    "bboxes": (("n", 4),),
    "pred_cam": (("n", 3),),
    "orig_cam": (("n", 4),),
    "contacts": (("n", 4),),
    "times": (("n",),),
}
_NEEDED = ("pose", "pose_world")


def check_file(
    path: Path, *, format: str | None = None, fps: float | None = None
) -> tuple[Motion | None, list[Problem]]:
    """The motion in the file, None where it cannot be read, and the file's problems.

    Raises InputError only where there is no such file.
    """
    problems: list[Problem] = []
    if not path.is_file():
        with open_container(path):  # raises: the file is missing, or a folder
            pass
    try:
        with open_container(path) as content:
            problems += check_content(content)
    except KinemaError as error:
        return None, [_fault(None, "reading", str(error))]
    try:
        motion = load_motion(path, format=format, fps=fps)
    except KinemaError as error:
        explained = any(problem.severe for problem in problems)
        return None, problems if explained else [*problems, _fault(None, "reading", str(error))]
    return motion, problems + check_people(motion)


def check_content(content: Mapping[Any, Any]) -> list[Problem]:
    """Faults in the contents of a by-track file; none for other layouts, whose readers check them."""
    if not isinstance(content, dict) or not content or not all(_is_person(value) for value in content.values()):
        return []
    problems: list[Problem] = []
    for key, person in content.items():
        try:
            id: int | None = int(key)
        except (TypeError, ValueError, OverflowError):
            id = None
            problems.append(_fault(None, "track id", f"{quoted(key)} is not a track id; it must be a whole number"))
        problems += _check_track(id, person)
    return problems


def _is_person(value: Any) -> bool:
    return isinstance(value, dict) and any(key in value for key in ("pose", "trans", "betas", "frame_ids"))


def _check_track(id: int | None, person: Mapping[str, Any]) -> Iterator[Problem]:
    if all(person.get(key) is None for key in _NEEDED):
        yield _fault(id, "pose", "there is no pose")
    arrays: dict[str, np.ndarray] = {}
    for key in _SHAPES:
        if person.get(key) is None:
            continue
        value = person[key]
        if isinstance(value, (list, tuple)) and not only_numbers(value):
            yield _fault(id, key, f"{key} must hold numbers, found other values in its list")
            continue
        try:
            array = np.asarray(value)
        except (TypeError, ValueError):
            yield _fault(id, key, f"{key} is not an array of one shape")
            continue
        if array.dtype.kind not in "fiub":
            yield _fault(id, key, f"{key} must hold numbers, found {array.dtype}")
        else:
            arrays[key] = array
    lead = next((arrays[key] for key in _NEEDED if key in arrays and arrays[key].ndim), None)
    n = None if lead is None else len(lead)
    for key, array in arrays.items():
        yield from _check_array(id, key, array, n)


def _check_array(id: int | None, key: str, array: np.ndarray, n: int | None) -> Iterator[Problem]:
    shapes = _SHAPES[key]
    if not any(_fits(array.shape, shape, n) for shape in shapes):
        wanted = " or ".join(
            str(tuple("any" if s is None else s if s != "n" or n is None else n for s in shape)) for shape in shapes
        )
        yield _fault(id, key, f"{key} has shape {array.shape}, expected {wanted.replace(chr(39), '')}")
        return
    if not array.size:
        if key in _NEEDED:
            yield _fault(id, key, f"{key} has no frames")
        return
    finite = np.isfinite(array)
    if not finite.all():
        where = int(np.argwhere(~finite)[0][0])
        bad = int(array.size - np.count_nonzero(finite))
        yield _fault(id, key, f"{key} holds {bad} values that are not finite, the first in row {where}", frame=where)
        return
    if key == "frame_ids":
        yield from _check_frames(id, array)
    elif key in ("pose", "pose_world", "global_orient"):
        yield from _check_rotations(id, key, array)
    elif key in ("trans", "trans_world") and np.abs(array).max() > FAR_AWAY:
        value = float(np.abs(array).max())
        sentence = f"{key} reaches {value:.3g}; are these metres?"
        yield _doubt(id, key, sentence, value=value, limit=FAR_AWAY, unit="m")


def _check_frames(id: int | None, frames: np.ndarray) -> Iterator[Problem]:
    if np.any(frames != np.round(frames)) or frames.min() < 0:
        yield _fault(id, "frame_ids", f"frame_ids must be whole numbers from 0, the smallest is {frames.min():g}")
    elif np.any(np.diff(frames.astype(np.float64)) <= 0):
        row = int(np.argmax(np.diff(frames.astype(np.float64)) <= 0)) + 1
        yield _fault(id, "frame_ids", f"frame_ids must increase strictly, but do not in row {row}", frame=row)


def _check_rotations(id: int | None, key: str, array: np.ndarray) -> Iterator[Problem]:
    if array.shape[1:] in ((24, 3, 3), (216,)):
        matrices = array.reshape(-1, 3, 3).astype(np.float64)
        off = np.abs(matrices @ matrices.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2))
        worst = int(off.argmax())
        if off[worst] > NOT_A_ROTATION or np.linalg.det(matrices).min() <= 0:
            yield _fault(id, key, f"{key} holds matrices that are not rotations, the worst in row {worst // 24}")
        return
    angles = np.linalg.norm(array.reshape(-1, 3).astype(np.float64), axis=-1)
    if angles.max() > AXIS_ANGLE:
        row = int(angles.argmax()) * 3 // (array.size // len(array))
        sentence = f"{key} holds an axis-angle of {angles.max():.3g} rad in row {row}; are these degrees?"
        yield _doubt(id, key, sentence, value=float(angles.max()), limit=AXIS_ANGLE, unit="rad")


def check_people(motion: Motion) -> list[Problem]:
    """What a readable motion lacks."""
    if not motion.people:
        return [_fault(None, "people", "there is nobody in it")]
    problems = []
    for person in motion:
        if not len(person):
            problems.append(_fault(person.id, "frames", "the track has no frames"))
            continue
        if all(getattr(person, f) is None for f in ("pose", "pose_world", "joints", "joints_world")):
            problems.append(_fault(person.id, "pose", "there is neither a pose nor joints"))
    for note in motion.data.get(NOTES, ()):
        if "global_orient differs" in str(note):
            problems.append(_doubt(None, "global_orient", str(note)))
    return problems


def _fault(person: int | None, measure: str, sentence: str, frame: int | None = None) -> Problem:
    return Problem(person, "structure", measure, frame=frame, sentence=sentence, severe=True, verdict=FAIL)


def _doubt(person: int | None, measure: str, sentence: str, **numbers: Any) -> Problem:
    """What a file can be used with, if it is what was meant."""
    return Problem(person, "structure", measure, sentence=sentence, verdict=CLEANUP, **numbers)


def _fits(shape: tuple[int, ...], expected: tuple[Any, ...], n: int | None) -> bool:
    if len(shape) != len(expected):
        return False
    pairs = zip(shape, expected, strict=True)
    return all(want is None or (want == "n" and (n is None or found == n)) or found == want for found, want in pairs)
