"""One world for the pieces of a camera's path, between which the camera was lost (`CameraPath.breaks`).

Each piece is placed separately, which gives it metres, a vertical and the ground. What is left between two pieces is a
turn about the vertical and a shift along the ground. They follow from what goes on: people, who walk on as they walked
and look where they looked, and the camera, which goes on as it went. How uncertain each is grows with the seconds
between. With places a_i before and b_i after, and headings, each with an inverse variance as its weight, the turn that
fits best has a closed form (Kabsch in the plane; a heading adds to the same cosine and sine).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.geometry.camera import Camera
from kinema.geometry.camera_path import path_in_world
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    continuous_axis_angle,
    geodesic_angle,
    turn_about,
    turned_root,
)
from kinema.motion import Motion
from kinema.person import Person
from kinema.stage import given
from kinema.temporal.resampling import resample_linear, resample_rotations

NEAR = 0.4
"""Seconds before a loss, and after it, in which people show where they are and how they walk."""

LONGEST = 3.0
"""Seconds after which people may be anywhere."""

PLACE, SPEED = 0.1, 0.5
"""Metres, and metres for each second of the gap, by which a person may be off the way ahead: standard deviation."""

HEADING, TURNING = np.radians(10.0), np.radians(45.0)
"""The same of where a person looks, and of the seconds."""

CAMERA_PLACE, CAMERA_SPEED, CAMERA_TURNING = 0.1, 0.2, np.radians(10.0)
"""The same of the camera's place, m/s and rad/s at least: what a camera does where nobody saw it is as uncertain as
what it does before and after."""

STANDING = 0.1
"""m/s of a camera that stays in its place on both sides."""


@dataclass(frozen=True, eq=False)
class Seam:
    """How a piece is joined to the one before it, in the world: turn (3,3) about the vertical, shift (3,) metres along
    the ground; seconds between the two; people: ids of those who tell; sigma_degrees, sigma_metres: of the seam."""

    turn: np.ndarray
    shift: np.ndarray
    seconds: float
    people: tuple[int, ...]
    sigma_degrees: float
    sigma_metres: float

    def facts(self) -> dict[str, Any]:
        """As recorded in the provenance."""
        return {
            "seconds": round(self.seconds, 3),
            "people": list(self.people),
            "sigma_degrees": round(self.sigma_degrees, 1),
            "sigma_metres": round(self.sigma_metres, 2),
        }


@dataclass(frozen=True, eq=False)
class _Clue:
    """Something seen on both sides: places (2,) in the ground's plane (z, x), headings there as angles; inverse
    variances of both."""

    before: np.ndarray
    after: np.ndarray
    heading: float
    place_weight: float
    heading_weight: float


def poses_of(camera: Camera, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The camera's rotation (T,3,3) to the world and its place (T,3), in each of a number of frames."""
    path = given(path_in_world(camera, frames))
    return np.swapaxes(path.rotation, -1, -2), path.centre


def seam_between(before: Motion, after: Motion) -> Seam:
    """How `after` goes on from `before`: two placed pieces of a shot, without the frames between them."""
    gap = float(after.times[0] - before.times[-1])
    clues, people = [_camera_clue(before, after, gap)], []
    for person in before:
        match = [each for each in after if each.id == person.id]
        clue = _person_clue(person, match[0], before, after) if match else None
        if clue is not None:
            clues.append(clue)
            people.append(person.id)
    weight = np.array([clue.place_weight for clue in clues])
    there, here = np.array([clue.before for clue in clues]), np.array([clue.after for clue in clues])
    middle, own = np.average(there, axis=0, weights=weight), np.average(here, axis=0, weights=weight)
    a, b = there - middle, here - own
    cosine = float(np.sum(weight * np.sum(a * b, axis=1)))
    sine = float(np.sum(weight * (b[:, 0] * a[:, 1] - b[:, 1] * a[:, 0])))
    cosine += sum(clue.heading_weight * np.cos(clue.heading) for clue in clues)
    sine += sum(clue.heading_weight * np.sin(clue.heading) for clue in clues)
    turn = turn_about("y", float(np.arctan2(sine, cosine)))
    shift = _in_space(middle) - turn @ _in_space(own)
    sure = max(float(np.hypot(cosine, sine)), 1e-9)
    return Seam(turn, shift, gap, tuple(people), float(np.degrees(sure**-0.5)), float(weight.sum() ** -0.5))


def _in_space(plane: np.ndarray) -> np.ndarray:
    """(z, x) on the ground as a point of the world."""
    return np.array([plane[1], 0.0, plane[0]])


def _in_plane(points: np.ndarray) -> np.ndarray:
    """The coordinates (..., 2) along z and x of points or directions: a turn about y turns z towards x."""
    return np.asarray(points[..., [2, 0]])


def _camera_clue(before: Motion, after: Motion, gap: float) -> _Clue:
    """What the camera tells: it goes on as it went, less surely the faster it moves."""
    ends = []
    for piece, row in ((before, -1), (after, 0)):
        assert piece.camera is not None
        looks, place = poses_of(piece.camera, piece.num_frames)
        near = np.abs(piece.times - piece.times[row]) < NEAR
        here = np.flatnonzero(near)
        at, speed = _going(place[near], piece.times[near], row)
        seconds = max(float(np.ptp(piece.times[near])), 1e-3)
        turning = float(geodesic_angle(looks[here[0]], looks[here[-1]])) / seconds
        ends.append((looks[row, :, 2], at, speed, turning, bool(np.ptp(place, axis=0).max() > 1e-6)))
    (look, place, speed, turning, travels), (look_after, place_after, speed_after, turning_after, travels_after) = ends
    heading, sure = _turned(look, look_after)
    fast = max(float(np.linalg.norm(each)) for each in (speed, speed_after))
    fast = max(CAMERA_SPEED, fast) if travels or travels_after else STANDING
    return _Clue(
        _in_plane(place + speed * gap / 2),
        _in_plane(place_after - speed_after * gap / 2),
        heading,
        1 / (CAMERA_PLACE + fast * gap) ** 2,
        sure / (HEADING + max(CAMERA_TURNING, turning, turning_after) * gap) ** 2,
    )


def _turned(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """The angle about the vertical from a direction after to one before, and how much it tells: 0 if one is upright."""
    (z, x), (w, y) = _in_plane(before), _in_plane(after)
    return float(np.arctan2(x, z) - np.arctan2(y, w)), float(np.hypot(z, x) * np.hypot(w, y))


def _person_clue(person: Person, same: Person, before: Motion, after: Motion) -> _Clue | None:
    """What a person tells who is seen on both sides; None if not near enough in time."""
    if person.joints_world is None or same.joints_world is None:
        return None
    left = before.times[-1] - before.times[person.frames]
    came = after.times[same.frames] - after.times[0]
    rows, later = np.flatnonzero(left < NEAR), np.flatnonzero(came < NEAR)
    if not len(rows) or not len(later):
        return None
    start, end = before.times[person.frames[rows[-1]]], after.times[same.frames[later[0]]]
    gap = float(end - start)
    if gap > LONGEST:
        return None
    place, speed = _going(person.joints_world[rows, 0], before.times[person.frames[rows]], -1)
    place_after, speed_after = _going(same.joints_world[later, 0], after.times[same.frames[later]], 0)
    heading, sure = _turned(_looking(person, rows), _looking(same, later))
    return _Clue(
        _in_plane(place + speed * gap / 2),
        _in_plane(place_after - speed_after * gap / 2),
        heading,
        1 / (PLACE + SPEED * gap) ** 2,
        sure / (HEADING + TURNING * gap) ** 2,
    )


def _going(places: np.ndarray, times: np.ndarray, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Where somebody is in a row of (F,3), and the mean velocity (3,)."""
    if len(places) < 3:
        return places[row], np.zeros(3)
    speed, place = np.polynomial.polynomial.polyfit(times - times[row], places, 1)[::-1]
    return place, speed


def _looking(person: Person, rows: np.ndarray) -> np.ndarray:
    """The direction (3,) in which the chest points, on average."""
    assert person.pose_world is not None
    return np.asarray(axis_angle_to_matrix(person.pose_world[rows, :3])[:, :, 2].mean(axis=0))


def moved(piece: Motion, turn: np.ndarray, shift: np.ndarray) -> Motion:
    """A placed piece, its people and its camera, turned (3,3) and shifted (3,) in the world."""
    people = []
    for person in piece:
        if person.pose_world is None or person.transl_world is None or person.joints_world is None:
            people.append(person)
            continue
        joints = person.joints_world @ turn.T + shift
        # The root turns about the pelvis, which is the first joint.
        transl = person.transl_world + joints[:, 0] - person.joints_world[:, 0]
        pose = _steadily_turned(person.pose_world, turn)
        people.append(person.replace(pose_world=pose, transl_world=transl, joints_world=joints))
    assert piece.camera is not None
    looks, place = poses_of(piece.camera, piece.num_frames)
    return piece.replace(people=tuple(people), camera=_posed(piece.camera, turn @ looks, place @ turn.T + shift))


def _steadily_turned(pose: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """`turned_root` without jumps of the root's axis-angle."""
    turned = turned_root(pose, turn)
    turned[:, :3] = continuous_axis_angle(turned[:, :3])
    return turned


def _posed(camera: Camera, looks: np.ndarray, place: np.ndarray) -> Camera:
    """The camera with its rotation to the world (T,3,3) and its places (T,3)."""
    rotation = np.swapaxes(looks, -1, -2)
    return camera.replace(rotation=rotation, translation=-np.einsum("tij,tj->ti", rotation, place), moving=True)


def joined(pieces: Sequence[Motion]) -> tuple[list[Motion], dict[int, Seam]]:
    """The placed pieces of a shot in the world of the first one, and the seams by the number of the piece after them.

    Pieces without a camera's pose stay as they are.
    """
    done, seams = list(pieces), dict[int, Seam]()
    before: int | None = None
    for number, piece in enumerate(pieces):
        if not is_placed(piece):
            continue
        if before is not None:
            seam = seams[number] = seam_between(done[before], piece)
            done[number] = moved(piece, seam.turn, seam.shift)
        before = number
    return done, seams


def seam_note(seam: Seam, time: float) -> str:
    """What the user must know about a seam at `time` seconds of the video."""
    by = " and ".join(f"person {each}" for each in seam.people) if seam.people else "where the camera was last"
    return (
        f"the camera was lost for {seam.seconds:.1f} s up to {time:.2f} s; what follows is joined by {by}, to within"
        f" about {max(seam.sigma_degrees, 1):.0f} degrees and {max(seam.sigma_metres, 0.1):.1f} m"
    )


def is_placed(piece: Motion) -> bool:
    """Whether the pose of the piece's camera is known."""
    return piece.camera is not None and piece.camera.rotation is not None


def bridged(lost: Motion, before: Motion | None, after: Motion | None) -> Motion:
    """Frames in which the camera was lost, between two placed pieces: it goes evenly from where it was to where it is
    found again, and takes along everybody as the fit sees them, without contacts. None: it stays where it is or was.
    """
    ends = [
        (piece.times[row], looks[row], place[row])
        for piece, row in ((before, -1), (after, 0)) if piece is not None and piece.camera is not None
        for looks, place in [poses_of(piece.camera, piece.num_frames)]
    ]  # fmt: skip
    if not ends or lost.camera is None:
        return lost
    times, turns, places = (np.array(each) for each in zip(*ends, strict=True))
    looks = resample_rotations(turns[:, None], times, lost.times)[:, 0]
    place = resample_linear(places, times, lost.times)
    people = []
    for person in lost:
        if person.pose is None or person.transl is None or person.joints is None:
            people.append(person)
            continue
        turn = looks[person.frames]
        joints = np.einsum("fij,fkj->fki", turn, person.joints) + place[person.frames, None]
        transl = joints[:, 0] - (person.joints[:, 0] - person.transl)
        changes = {"pose_world": _steadily_turned(person.pose, turn), "transl_world": transl, "joints_world": joints}
        people.append(person.replace(**changes, contacts=np.zeros((len(person), 4), dtype=bool)))
    return lost.replace(people=tuple(people), camera=_posed(lost.camera, looks, place))
