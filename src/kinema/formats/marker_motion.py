"""Labelled joints in a marker file (TRC, C3D) as a motion: the free body fitted to them, one person per subject.

Points at joint centres or under the names of joint sets are enough for a pose (`point_names`, `marker_fitting`); skin
markers alone are not, and the file is refused with an explanation. The vertical is the axis that people stand along. A
person is present in the frames that show at least half of the points; single missing points are interpolated relative
to the trunk, with low weight.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kinema.body import BodyModel, load_body
from kinema.errors import InputError, quoted
from kinema.formats.foreign import NOTES
from kinema.formats.marker_fitting import fit_points, shape_of_points
from kinema.formats.markers import OPENSIM_FROM_WORLD, Markers
from kinema.formats.point_names import REQUIRED, known_points, on_the_skin
from kinema.formats.report import Notes
from kinema.geometry.rotations import nearest_rotation
from kinema.motion import Motion
from kinema.person import Person
from kinema.temporal.gaps import fill_missing

WORLD_FROM = {
    "y": OPENSIM_FROM_WORLD.T,  # x forward, z to the right
    "z": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),  # x forward, y to the left
    "x": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
}
"""Rotation to Kinema's world from a file's axes, by the vertical axis."""

STANDING, LYING = 0.7, 0.4
"""Cosines between an axis and the mean direction from ankles to shoulders: above the first the axis is the vertical,
and up to the second it does not replace the stated one."""

SHOWN = 0.5
"""Fraction of the points that a frame must show."""

LEGS = (0.25, 1.4)
"""Metres from hips to ankles, of a small child and a giant: outside this range the stated unit is wrong."""

UNITS = (1.0, 0.001, 1000.0, 0.01, 100.0, 10.0, 0.1)
"""Factors between the stated unit and the true one, in the order in which they are tried."""


def motion_of_markers(markers: Markers, path: Path, kind: str) -> Motion:
    """The people of a marker file, on the free body, in the y-up world. Raises InputError."""
    notes, body = Notes(), load_body()
    for sentence in markers.notes:
        notes.add(sentence)
    subjects = _subjects(markers.names)
    people, refusals = [], []
    chosen = {subject: known_points([name for name, _ in columns]) for subject, columns in subjects.items()}
    whole = {subject: found for subject, found in chosen.items() if all(name in found[1] for name in REQUIRED)}
    for subject, columns in subjects.items():
        if subject not in whole:
            refusals.append(_refusal([name for name, _ in columns], chosen[subject][1], path))
    if not whole:
        raise InputError(refusals[0])
    world = _world_axes(markers, subjects, whole, notes)
    for number, (subject, (set_name, places)) in enumerate(whole.items(), start=1):
        columns = subjects[subject]
        names = tuple(places)
        points = markers.positions[:, [columns[place][1] for place in places.values()]] @ world.T
        person = _person(number, names, set_name, points, markers.times, body, path, notes)
        if person is not None:
            people.append(person)
    if not people:
        raise InputError(f"{path} shows too few of the joints in every frame, so there is no pose to read")
    if len(subjects) > len(people):
        notes.add(f"{len(subjects) - len(people)} of {len(subjects)} subjects have too few known joints; left out")
    sentences = list(notes)
    motion = Motion(
        times=markers.times, width=0, height=0, people=tuple(people), source=path.name, body_model=body.name,
        data={NOTES: sentences} if sentences else {},
    )  # fmt: skip
    return motion.recorded(f"read.{kind}", {"file": path.name, "fps": markers.rate, "notes": sentences})


def _subjects(names: tuple[str, ...]) -> dict[str, list[tuple[str, int]]]:
    """Subject -> its labels without their prefix, and their columns; one subject, "", if no label has a prefix."""
    found: dict[str, list[tuple[str, int]]] = {}
    for column, name in enumerate(names):
        subject, _, label = name.rpartition(":")
        found.setdefault(subject, []).append((label.strip(), column))
    return found


def _refusal(labels: list[str], found: dict[str, int], path: Path) -> str:
    missing = ", ".join(name for name in REQUIRED if name not in found)
    listed = ", ".join(quoted(label, mark="") for label in labels[:8]) + (", ..." if len(labels) > 8 else "")
    if skin := on_the_skin(labels):
        some = ", ".join(quoted(label, mark="") for label in skin[:4])
        return (
            f"{path} holds markers on the skin ({some}), not joint centres, and a body's pose cannot be read from them"
            f" (no {missing}); compute joint centres first, or compare with the file: kinema evaluate motion --truth"
        )
    return f"{path}: no point has a known name for {missing}; its points are {listed}"


def _world_axes(
    markers: Markers,
    subjects: dict[str, list[tuple[str, int]]],
    whole: dict[str, tuple[str, dict[str, int]]],
    notes: Notes,
) -> np.ndarray:
    """(3,3) rotation from the file's axes to the y-up world.

    The vertical is the stated axis (z by default), unless people stand, rather than lie, along another one.
    """
    found: list[list[np.ndarray]] = []
    for subject, (_, places) in whole.items():
        columns = {name: subjects[subject][place][1] for name, place in places.items()}
        sides = [[columns[f"{side}_{part}"] for side in ("left", "right")] for part in ("ankle", "shoulder")]
        found.append([markers.positions[:, side].mean(axis=1) for side in sides])
    ankles, shoulders = (np.concatenate(ends) for ends in zip(*found, strict=True))
    known = np.isfinite(ankles + shoulders).all(axis=-1)
    if not known.any():
        return _upright(markers.up or "z")
    ankles, shoulders = ankles[known], shoulders[known]
    length = np.linalg.norm(shoulders - ankles, axis=-1)
    size = max(float(np.median(length)), 1e-9)
    mean = ((shoulders - ankles) / np.maximum(length, 1e-9)[:, None]).mean(axis=0)
    along = "xyz"[int(np.argmax(np.abs(mean)))]
    along = f"-{along}" if mean["xyz".index(along)] < 0 else along
    stated = markers.up or "z"

    def heights(points: np.ndarray, axis: str) -> np.ndarray:
        """In lengths from ankles to shoulders."""
        return np.asarray(points[:, "xyz".index(axis[-1])] * (-1 if axis.startswith("-") else 1) / size)

    stands = float(heights(mean[None] * size, along)[0]) >= STANDING
    upright = float(heights(mean[None] * size, stated)[0]) > LYING
    low = np.percentile(np.concatenate([heights(ankles, stated), heights(shoulders, stated)]), [5, 95])
    lies = -0.25 < low[0] < 0.5 and low[1] < 0.8
    on_floor = -0.2 < float(np.percentile(heights(ankles, along), 5)) < 0.3
    if stands and not upright and (on_floor or not lies):
        notes.add(
            f"people stand along {along}, which was taken as up"
            + (f"; the file says that {stated} is up" if markers.up else "")
        )
        return _upright(along)
    if markers.up is None:
        notes.add(f"the file does not say which axis is up; {stated} was taken")
    return _upright(stated)


def _upright(up: str) -> np.ndarray:
    turn = WORLD_FROM[up[-1]]
    return np.diag([1.0, -1.0, -1.0]) @ turn if up.startswith("-") else turn


def _person(
    number: int, names: tuple[str, ...], set_name: str, points: np.ndarray, times: np.ndarray, body: BodyModel,
    path: Path, notes: Notes,
) -> Person | None:  # fmt: skip
    """The person of points (T,K,3) metres in the world, None if no frame shows enough of them."""
    seen = np.isfinite(points).all(axis=-1)
    known = seen.any(axis=0)
    if not known[[names.index(name) for name in REQUIRED]].all():
        return None
    names, points, seen = tuple(np.array(names)[known].tolist()), points[:, known], seen[:, known]
    frames = np.flatnonzero(seen.mean(axis=1) >= SHOWN)
    if not len(frames):
        return None
    points, seen = points[frames], seen[frames]
    if not seen.all():
        points = _filled(points, seen, names)
        missing = {name: int((~seen[:, place]).sum()) for place, name in enumerate(names) if not seen[:, place].all()}
        worst = max(missing, key=lambda name: missing[name])
        notes.add(
            f"{len(missing)} points of person {number} are missing in some frames ({worst} in {missing[worst]} of"
            f" {len(frames)}); they were interpolated"
        )
    points = points * _true_unit(points, names, path, notes)
    betas, (bone, error) = shape_of_points(body, names, points)
    pose, transl, left = fit_points(body, set_name, names, points, seen, betas, times[frames])
    notes.add(
        f"the free body was fitted to {len(names)} points of person {number}: they lie {1000 * left[seen].mean():.1f}"
        f" mm apart on average (worst bone: {bone}, {1000 * error:+.0f} mm)"
    )
    return Person(
        id=number, frames=frames, pose_world=pose, betas=np.repeat(betas[None], len(frames), axis=0),
        transl_world=transl, joints_world=body.joints(pose, betas, transl),
    )  # fmt: skip


def _true_unit(points: np.ndarray, names: tuple[str, ...], path: Path, notes: Notes) -> float:
    """The factor that gives the legs a plausible length. Raises InputError if no unit does."""
    sides = [[names.index(f"{side}_{part}") for side in ("left", "right")] for part in ("hip", "ankle")]
    length = float(np.median(np.linalg.norm(points[:, sides[0]] - points[:, sides[1]], axis=-1)))
    for factor in UNITS:
        if LEGS[0] <= length * factor <= LEGS[1]:
            if factor != 1:
                notes.add(
                    f"in the file's unit the legs are {length:.3g} m long; they were taken as {length * factor:.3g} m"
                )
            return factor
    raise InputError(f"{path}: in the file's unit the legs of a person are {length:.3g} m long, which no legs are")


def _filled(points: np.ndarray, seen: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Missing points (F,K,3) interpolated in time relative to the trunk, whose own points are interpolated in place."""
    points = np.where(seen[..., None], points, np.nan)
    times = np.arange(len(points), dtype=np.float64)
    trunk = [names.index(f"{side}_{part}") for part in ("hip", "shoulder") for side in ("left", "right")]
    points[:, trunk] = fill_missing(points[:, trunk].reshape(len(points), 12), times).reshape(-1, 4, 3)
    middle = points[:, trunk[:2]].mean(axis=1, keepdims=True)
    left, up = points[:, trunk[0]] - points[:, trunk[1]], points[:, trunk[2:]].mean(axis=1) - middle[:, 0]
    axes = nearest_rotation(np.stack([_unit(left), _unit(up), _unit(np.cross(left, up))], axis=-1))
    relative = fill_missing(((points - middle) @ axes).reshape(len(points), -1), times).reshape(points.shape)
    return np.asarray(np.where(seen[..., None], points, relative @ np.swapaxes(axes, -1, -2) + middle))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))
