"""A motion with twice the frames: a new one in the middle of every two, for images of it.

Where motion does not go on between two frames, at a cut or in a pause of the video, the new frame is a copy of the one
before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.geometry.camera import Camera
from kinema.geometry.camera_path import CameraPath
from kinema.motion import Motion
from kinema.person import PERSON_FIELDS, Person
from kinema.temporal.gaps import AWAY, LONG_PAUSE, pauses
from kinema.temporal.resampling import resample_axis_angle, resample_linear, resample_rotations
from kinema.visualization.aiming import lenses_between

_ROTATIONS = ("pose", "pose_world")


def breaks(motion: Motion) -> np.ndarray:
    """Where nothing is known between a frame and the next: at cuts and in pauses, (T - 1,) bool."""
    steps = np.diff(motion.times)
    found = (pauses(motion.times) & (steps > AWAY)) | (steps > LONG_PAUSE)
    found[motion.cuts - 1] = True
    return np.asarray(found)


def doubled(motion: Motion) -> Motion:
    """The motion with 2 T - 1 frames; frame i of `motion` is frame 2 i, at its own time.

    A person is in a new frame if they are in both of its neighbours: joints turn half of the shortest arc, positions
    are in the middle, and a yes (a contact) is what both say. Joints in space are in the middle too, not posed anew.
    Nobody is added in the gaps of a track. At `breaks` everybody stays as in the frame before. `data` and what lies in
    files (masks, vertices) are left out.
    """
    count = motion.num_frames
    if count < 2:
        return motion
    apart = breaks(motion)
    times = np.empty(2 * count - 1)
    times[::2] = motion.times
    times[1::2] = (motion.times[:-1] + motion.times[1:]) / 2
    return motion.replace(
        times=times,
        people=tuple(_person(person, apart) for person in motion),
        camera=None if motion.camera is None else _camera(motion.camera, apart),
        data={},
        cuts=2 * motion.cuts,
    )


def _person(person: Person, apart: np.ndarray) -> Person:
    frames = person.frames
    held = np.zeros(len(frames), dtype=bool)
    inside = frames < len(apart)  # nothing follows the clip's last frame
    held[inside] = apart[frames[inside]]
    followed = np.append(np.diff(frames) == 1, False) if len(frames) else held
    before = np.flatnonzero(held | followed)
    share = np.where(held[before], 0.0, 0.5)
    order = np.argsort(np.r_[2 * frames, 2 * frames[before] + 1], kind="stable")
    changes: dict[str, Any] = {}
    for name in person.filled:
        value = getattr(person, name)
        changes[name] = None if PERSON_FIELDS[name].stored else _between(name, value, before, share, order)
    return person.replace(frames=np.r_[2 * frames, 2 * frames[before] + 1][order], data={}, **changes)


def _between(name: str, value: np.ndarray, before: np.ndarray, share: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The values (F, ...) of a field and those `share` of the way from the rows `before` to the next, in `order`."""
    rows, places = np.arange(len(value), dtype=float), before + share
    if value.dtype == bool:
        new = value[before] & value[np.ceil(places).astype(int)]
    elif not len(before):
        new = value[before]
    elif name in _ROTATIONS:
        new = resample_axis_angle(value, rows, places)
    else:
        new = _middle(value, before, share)
    return np.asarray(np.concatenate([value, new])[order])


def _middle(value: np.ndarray, before: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Values (M, ...) `share` of the way to the next row; not known where either of the two is not."""
    after = np.where(share > 0, before + 1, before)
    share = share.reshape(-1, *(1,) * (value.ndim - 1))
    return np.asarray(value[before] * (1 - share) + value[after] * share)


def doubled_path(path: CameraPath, apart: np.ndarray) -> CameraPath:
    """The path (T frames) in 2 T - 1: between two frames cameras turn half of the shortest arc, are midway and zoom
    geometrically. After frames that are `apart` (T - 1,) the new one is that frame again."""
    rows, places = np.arange(len(apart) + 1.0), _places(apart)
    before, after = (turn(places).astype(int) for turn in (np.floor, np.ceil))
    return path.replace(
        rotation=resample_rotations(path.rotation[:, None], rows, places)[:, 0],
        centre=resample_linear(path.centre, rows, places),
        intrinsics=lenses_between(path.part(before), path.part(after), places - before),
        found=None if path.found is None else path.found[before],
        breaks=2 * path.breaks,
    )


def _camera(camera: Camera, apart: np.ndarray) -> Camera:
    """The camera in the doubled frames: one that moves turns and moves on between them."""
    if camera.rotation is None or camera.translation is None or camera.rotation.ndim == 2:
        return camera
    rows, places = np.arange(len(apart) + 1.0), _places(apart)
    return camera.replace(
        rotation=resample_rotations(camera.rotation[:, None], rows, places)[:, 0],
        translation=resample_linear(camera.translation, rows, places),
    )


def _places(apart: np.ndarray) -> np.ndarray:
    """The doubled frames (2 T - 1,) as places in the frames that there were."""
    places = np.arange(2 * len(apart) + 1) / 2
    places[1::2][apart] -= 0.5
    return places
