"""Where a view of the world looks from, frame by frame, so that everybody is in the image and large enough to see.

From one side ("side"), from above at a slant ("world"), or as the NLF pipeline does: from the filming camera's place to
one that shows everybody ("follow", `viewing`). From the side and from above the view stands still if the whole way of
everybody fits into it; where that makes people tiny, it goes along with them.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy.ndimage import maximum_filter1d

from kinema.errors import UsageError
from kinema.geometry.camera import Camera, camera_from_fov
from kinema.geometry.camera_path import CameraPath, path_in_world
from kinema.motion import Motion
from kinema.person import Person
from kinema.temporal.resampling import resample_linear
from kinema.visualization.aiming import averaged, reach
from kinema.visualization.framing import framing_translation, limits, looking_from, translation_of
from kinema.visualization.viewing import MOVE_START, Points, viewing_path

ANGLES = {"side": (math.radians(90), math.radians(8)), "world": (math.radians(35), math.radians(22))}
"""Azimuth and elevation of the views that keep their direction, radians (`framing.looking_from`)."""

FOV = 38.0
"""Degrees that a view of the world spans."""

_PERSON = 1.7
_SMALLEST, _WITH_CAMERA = 0.2, 0.16
"""Shares of the image's height below which people are too small: a view then goes along with them, or does without
the filming camera."""
_MARGIN_ABOVE, _MARGIN_BELOW = np.array([0.12, 0.22, 0.12]), np.array([0.12, 0.05, 0.12])
"""Metres from joints to the body's outside."""
_CORNERS = np.array(list(itertools.product([False, True], repeat=3)))
_CHUNK = 4096
_RATE = 30.0
"""Frames a second at which the smoothing of `aiming` has its scale of 1."""
_INTRO = 0.3
"""Share of a short clip after which the view leaves the filming camera."""
_DOWN = np.diag([1.0, -1.0, -1.0])
"""From the y-up world to one whose y axis points down, as `viewing` wants it, and back."""


def filming_path(motion: Motion) -> CameraPath | None:
    """The filming camera in the world, one pose a frame, None while it is not known there."""
    return path_in_world(motion.camera, motion.num_frames)


def in_world(person: Person) -> bool:
    """Whether views of the world can show the person."""
    return person.joints_world is not None and person.pose_world is not None and len(person) > 0


def vantage(motion: Motion, size: tuple[int, int], view: str, *, camera: bool = True) -> CameraPath:
    """Where `view` looks from: the path has a pose for each frame, or one alone, for all.

    size: width and height of the image; camera: keep the filming camera in the image, too, unless that makes people
    too small. Raises UsageError if nobody has a pose in the world or the filming camera is not known there ("follow").
    """
    if not any(in_world(person) for person in motion):
        raise UsageError("nobody in this motion has a world-space pose; run the world stage first")
    filming = filming_path(motion)
    if view == "follow":
        if filming is None or motion.camera is None:
            raise UsageError("the view from the filming camera needs its place in the world; run the world stage first")
        return _following(motion, filming, motion.camera, size)
    azimuth, elevation = ANGLES[view]
    return steady_vantage(motion, size, azimuth, elevation, filming=filming if camera else None)


def steady_vantage(
    motion: Motion, size: tuple[int, int], azimuth: float, elevation: float, *, filming: CameraPath | None = None
) -> CameraPath:
    """A view that keeps its direction: it stands still if that leaves people large enough, else it goes along.

    filming: the camera to be kept in the image, if it leaves people large enough.
    """
    intrinsics = camera_from_fov(*size, FOV).intrinsics
    aim = CameraPath(looking_from(azimuth, elevation)[None], np.zeros((1, 3)), intrinsics, metric=True)
    people = np.concatenate([_points_in_view(p.joints_world) for p in motion if p.joints_world is not None])
    if filming is not None:
        chosen = _still(aim, np.concatenate([people, filming.centre[:: len(filming) // 400 + 1]]), size)
        if _share(chosen, motion, size) >= _WITH_CAMERA:
            return chosen
    chosen = _still(aim, people, size)
    if _share(chosen, motion, size) >= _SMALLEST or motion.num_frames < 2:
        return chosen
    if filming is not None:
        chosen = _along(motion, aim, size, filming)
        if _share(chosen, motion, size) >= _WITH_CAMERA:
            return chosen
    return _along(motion, aim, size, None)


def _share(path: CameraPath, motion: Motion, size: tuple[int, int]) -> float:
    """The share of the image's height that the nearest person, standing, takes up in nine of ten frames at least."""
    nearest = np.full(motion.num_frames, np.inf)
    for person in motion:
        if person.joints_world is not None:
            rows = np.minimum(person.frames, len(path) - 1)
            away = person.joints_world[:, 0] - path.centre[rows]
            depth = np.einsum("ni,ni->n", away, path.rotation[rows, 2])
            nearest[person.frames] = np.minimum(nearest[person.frames], depth)
    depth = float(np.percentile(nearest[np.isfinite(nearest)], 90))
    return _PERSON * float(path.intrinsics[1, 1]) / max(depth, 1e-3) / size[1]


def _still(aim: CameraPath, points: np.ndarray, size: tuple[int, int]) -> CameraPath:
    """The view of the direction and lens of `aim` (one pose) that shows all points (N,3)."""
    (rotation,) = aim.rotation
    return aim.replace(centre=(-framing_translation(points, rotation, aim.intrinsics, size) @ rotation)[None])


def _along(motion: Motion, aim: CameraPath, size: tuple[int, int], filming: CameraPath | None) -> CameraPath:
    """A view of the direction and lens of `aim` (one pose) that goes along with everybody, and the filming camera if it
    is given, in each shot by itself."""
    (rotation,), scale, people = aim.rotation, motion.fps / _RATE, people_points(motion)

    def points(rows: slice) -> np.ndarray:
        there = people(rows)
        return there if filming is None else np.concatenate([there, filming.centre[rows, None]], axis=1)

    centre = np.zeros((motion.num_frames, 3))
    for shot in motion.shots:
        pieces = [slice(a, min(a + _CHUNK, shot.stop)) for a in range(shot.start, shot.stop, _CHUNK)]
        asked = np.concatenate([limits(points(rows), rotation, aim.intrinsics, size) for rows in pieces])
        known = np.flatnonzero(np.isfinite(asked).all(axis=1))
        if not len(known):  # nobody in this shot
            centre[shot] = _still(aim, np.zeros((1, 3)), size).centre
            continue
        asked = resample_linear(asked[known], known, np.arange(len(asked)))
        # Views that each show a point have a mean that shows it, too, so each shows what its neighbours in the mean do.
        asked = maximum_filter1d(asked, 2 * reach(scale) + 1, axis=0, mode="nearest")
        centre[shot] = averaged(-translation_of(asked, aim.intrinsics, size) @ rotation, scale)
    return CameraPath(np.repeat(aim.rotation, len(centre), axis=0), centre, aim.intrinsics, metric=True)


def _following(motion: Motion, filming: CameraPath, camera: Camera, size: tuple[int, int]) -> CameraPath:
    """The NLF pipeline's viewing camera, in each shot by itself; it leaves the filming camera early in short shots."""
    source = filming.replace(rotation=filming.rotation @ _DOWN, centre=filming.centre @ _DOWN)
    points, up = people_points(motion), np.array([0.0, -1.0, 0.0])
    parts = []
    for shot in motion.shots:
        seconds = (shot.stop - shot.start) / motion.fps

        def downwards(rows: slice, start: int = shot.start) -> np.ndarray:
            return np.asarray(points(slice(rows.start + start, rows.stop + start)) @ _DOWN)

        parts.append(
            viewing_path(
                source.part(shot), (camera.width, camera.height), downwards, up, size, motion.fps,
                move_start=min(MOVE_START, _INTRO * seconds), scale=motion.fps / _RATE,
            )
        )  # fmt: skip
    rotation, centre, lens = (
        np.concatenate([getattr(p, n) for p in parts]) for n in ("rotation", "centre", "intrinsics")
    )
    return CameraPath(rotation @ _DOWN, centre @ _DOWN, lens, metric=True)


def people_points(motion: Motion) -> Points:
    """Frames -> the corners (n, 8 P, 3) of the boxes around everybody's joints in the world, with a margin for the
    body; NaN for those who are not there."""

    def points(rows: slice) -> np.ndarray:
        corners = np.full((rows.stop - rows.start, len(motion.people), 8, 3), np.nan)
        for number, person in enumerate(motion):
            first, last = np.searchsorted(person.frames, [rows.start, rows.stop])
            if person.joints_world is None or first == last:
                continue
            joints = person.joints_world[first:last]
            low, high = joints.min(axis=1) - _MARGIN_BELOW, joints.max(axis=1) + _MARGIN_ABOVE
            corners[person.frames[first:last] - rows.start, number] = np.where(_CORNERS, high[:, None], low[:, None])
        return corners.reshape(len(corners), -1, 3)

    return points


def _points_in_view(joints: np.ndarray) -> np.ndarray:
    """Points (N,3) that must be in view: joints (F,24,3) subsampled over time, with a margin for the body."""
    points = joints[:: max(len(joints) // 400, 1)].reshape(-1, 3)
    return np.concatenate([points + np.array([0.0, 0.22, 0.0]), points - np.array([0.0, 0.05, 0.0])])
