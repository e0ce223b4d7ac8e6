"""Clips of people in front of a camera that moves in a known way: pan, tilt, zoom, hand-held, dolly, orbit, walking.

scene = moving_scene(load_body(), "pan", people=2, seconds=3, seed=1)
for image in scene.images(): ...     # (H,W,3) uint8
scene.motion, scene.path             # the people with their boxes, and the truth
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinema.geometry.camera import camera_from_fov
from kinema.geometry.camera_path import CameraPath
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.options import require
from kinema.synthetic.curves import Wander
from kinema.synthetic.motions import SCRIPTS
from kinema.synthetic.performer import perform
from kinema.synthetic.render import render_frames
from kinema.synthetic.style import Style
from kinema.synthetic.truth import FACING_MINUS_Z, person_in_view

if TYPE_CHECKING:
    from kinema.body import BodyModel

EYE = 1.5
"""Height of the camera above the floor, metres."""

SUBJECT = np.array([0.0, 1.0, -4.6])
"""Centre of an orbit, metres."""

_AWAY = ((0.0, 0.0), (1.5, -1.4), (-1.6, -0.8))
"""Offsets of people from the script's place: x and z, metres."""


@dataclass(frozen=True)
class _Way:
    """yaw, pitch, roll (T,) radians: to the left, down, clockwise; place (T,3) metres; zoom (T,): factor on the focal
    length."""

    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    place: np.ndarray
    zoom: np.ndarray | None = None


def _still(times: np.ndarray) -> _Way:
    zero = np.zeros(len(times))
    return _Way(zero, zero + 0.09, zero, np.tile([0.0, EYE, 0.0], (len(times), 1)))


def _smooth(times: np.ndarray) -> np.ndarray:
    """From 0 to 1 over the clip, eased at both ends."""
    return np.asarray((1 - np.cos(np.pi * (times - times[0]) / max(times[-1] - times[0], 1e-9))) / 2)


def _pan(times: np.ndarray, rng: np.random.Generator) -> _Way:
    way = _still(times)
    return _Way(np.radians(45) * (_smooth(times) - 0.5), way.pitch, way.roll, way.place)


def _tilt(times: np.ndarray, rng: np.random.Generator) -> _Way:
    way = _still(times)
    return _Way(way.yaw, np.radians(-12 + 30 * _smooth(times)), way.roll, way.place)


def _zoom(times: np.ndarray, rng: np.random.Generator) -> _Way:
    pan = _pan(times, rng)
    return _Way(0.4 * pan.yaw, pan.pitch, pan.roll, pan.place, np.exp(0.45 * _smooth(times)))


def _shaken(way: _Way, times: np.ndarray, rng: np.random.Generator, turn: float, shift: float) -> _Way:
    """The same, hand-held. turn: radians, shift: metres, root mean square."""
    angles = [Wander(rng, turn)(2.5 * times) for _ in range(3)]
    moved = np.stack([Wander(rng, shift)(1.5 * times) for _ in range(3)], axis=1)
    return _Way(
        way.yaw + angles[0], way.pitch + angles[1], way.roll + 0.5 * angles[2], way.place + moved - moved[0], way.zoom
    )


def _handheld(times: np.ndarray, rng: np.random.Generator) -> _Way:
    return _shaken(_still(times), times, rng, 0.03, 0.03)


def _handheld_pan(times: np.ndarray, rng: np.random.Generator) -> _Way:
    return _shaken(_pan(times, rng), times, rng, 0.015, 0.0)


def _dolly(times: np.ndarray, rng: np.random.Generator) -> _Way:
    way = _still(times)
    return _Way(way.yaw, way.pitch, way.roll, way.place + _smooth(times)[:, None] * [0.0, 0.0, -1.5])


def _truck(times: np.ndarray, rng: np.random.Generator) -> _Way:
    way = _still(times)
    return _Way(way.yaw, way.pitch, way.roll, way.place + (_smooth(times)[:, None] - 0.5) * [2.4, 0.0, 0.0])


def _orbit(times: np.ndarray, rng: np.random.Generator) -> _Way:
    way = _still(times)
    angle = np.radians(60) * (_smooth(times) - 0.5)
    place = SUBJECT + 4.6 * np.stack([np.sin(angle), np.zeros(len(angle)), np.cos(angle)], axis=1)
    place[:, 1] = EYE
    return _Way(angle, way.pitch, way.roll, place)


def _walking(times: np.ndarray, rng: np.random.Generator) -> _Way:
    way = _still(times)
    step = 2 * np.pi * 1.8 * times
    bob = np.stack([0.02 * np.sin(step / 2), 0.02 * np.sin(step), np.zeros(len(times))], axis=1)
    place = way.place + bob + (times - times[0])[:, None] * [0.3, 0.0, -0.7] + [0.0, 0.0, 1.0]
    return _shaken(_Way(way.yaw, way.pitch, way.roll, place), times, rng, 0.025, 0.01)


def _crane(times: np.ndarray, rng: np.random.Generator) -> _Way:
    way, up = _still(times), _smooth(times)
    return _Way(way.yaw, 0.09 + 0.25 * up, way.roll, way.place + up[:, None] * [0.4, 1.4, 0.0])


def _zoom_orbit(times: np.ndarray, rng: np.random.Generator) -> _Way:
    way = _orbit(times, rng)
    return _Way(way.yaw, way.pitch, way.roll, way.place, np.exp(0.35 * _smooth(times)))


WAYS: dict[str, Callable[[np.ndarray, np.random.Generator], _Way]] = {
    "static": lambda times, rng: _still(times),
    "pan": _pan,
    "tilt": _tilt,
    "zoom": _zoom,
    "handheld": _handheld,
    "handheld-pan": _handheld_pan,
    "dolly": _dolly,
    "truck": _truck,
    "orbit": _orbit,
    "walking": _walking,
    "crane": _crane,
    "zoom-orbit": _zoom_orbit,
}
"""The camera movements by name."""

TURNING = ("static", "pan", "tilt", "zoom", "handheld-pan")
"""The movements in which it stays in one place."""


@dataclass(frozen=True, eq=False)
class MovingScene:
    """motion: people with boxes, and a camera with a pose for each frame; path: the camera's true path in the world."""

    motion: Motion
    path: CameraPath
    body: BodyModel
    seed: int
    style: Style
    surroundings: float

    def images(self) -> Iterator[np.ndarray]:
        """Every frame, (H,W,3) uint8 RGB."""
        intrinsics = self.path.intrinsics if self.path.intrinsics.ndim == 3 else None
        return render_frames(
            self.motion, self.body, seed=self.seed, style=self.style, intrinsics=intrinsics,
            surroundings=self.surroundings,
        )  # fmt: skip


def moving_scene(
    body: BodyModel,
    way: str,
    *,
    people: int = 1,
    seconds: float = 3.0,
    fps: float = 30.0,
    size: tuple[int, int] = (1280, 720),
    fov: float = 60.0,
    seed: int = 0,
    style: Style | None = None,
    surroundings: float = 0.0,
    distortion: np.ndarray | None = None,
) -> MovingScene:
    """People who walk and move in front of a camera. way: a name from `WAYS`; people: 1 to 3; fov: degrees over the
    longer side, at the clip's beginning; style: default a random one with walls that have texture; surroundings: metres
    by which the walls are further away; distortion: of the lens, OpenCV's coefficients. Raises UsageError."""
    require(way in WAYS, "way", f"be one of {', '.join(WAYS)}", repr(way))
    require(1 <= people <= len(_AWAY), "people", f"lie between 1 and {len(_AWAY)}", people)
    times = np.arange(round(seconds * fps)) / fps
    rng = np.random.default_rng([seed, 0xCA3E])
    moved = WAYS[way](times, rng)
    turn = axis_angle_to_matrix(np.stack([moved.pitch, np.zeros(len(times)), moved.roll], axis=1) * [1, 1, -1])
    rotation = turn @ FACING_MINUS_Z @ axis_angle_to_matrix(np.stack([0 * moved.yaw, -moved.yaw, 0 * moved.yaw], 1))
    lens = camera_from_fov(*size, fov, source="calibration").replace(distortion=distortion)
    zoom = np.ones(len(times)) if moved.zoom is None else moved.zoom
    intrinsics = np.tile(lens.intrinsics, (len(times), 1, 1))
    intrinsics[:, [0, 1], [0, 1]] *= zoom[:, None]
    centre = moved.place
    camera = lens.replace(rotation=rotation, translation=-np.einsum("tij,tj->ti", rotation, centre), moving=True)
    cast = []
    for number in range(people):
        script = tuple(SCRIPTS.values())[(seed + number) % len(SCRIPTS)](np.random.default_rng([seed, number]))
        done = perform(script, body, np.zeros(10), times)
        away = np.array([_AWAY[number][0], 0.0, _AWAY[number][1]])
        person = person_in_view(body, camera, number + 1, done.pose, np.zeros(10), done.transl + away)
        middle = np.tile((np.array(size) - 1) / 2, 2)
        boxes = np.clip((person.require("boxes")[0] - middle) * zoom[:, None] + middle, 0, np.tile(size, 2) - 1.0)
        cast.append(person.replace(boxes=boxes))
    motion = Motion(times, *size, people=tuple(cast), camera=camera, body_model=body.name)
    kind = "static" if way == "static" else "rotation" if way in TURNING else "full"
    path = CameraPath(
        rotation, centre, lens.intrinsics if moved.zoom is None else intrinsics, kind, metric=True,
        up=np.array([0.0, 1.0, 0.0]),
    )  # fmt: skip
    if style is None:
        style = dataclasses.replace(Style.random(seed), wall=("bricks", "panels")[seed % 2], jpeg=None)
    return MovingScene(motion, path, body, seed, style, surroundings)
