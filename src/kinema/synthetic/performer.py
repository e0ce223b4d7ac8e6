"""Full-body poses from foot trajectories and a few curves.

The feet are given (`feet.Steps`); the pelvis follows them as in walking: it stays above the middle
of the feet, shifts to the supporting foot, drops where the legs could not reach, and rotates with the
stride, while the arms counter-swing. Curves (`Script.keys`) add actions: squat, reach, look.
Everything is a function of time, so that a motion is the same at every frame rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d, minimum_filter1d
from scipy.spatial.transform import Rotation

from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle, turn_about
from kinema.skeleton import CONTACT_POINTS, SMPL24
from kinema.synthetic.curves import Keys, Wander
from kinema.synthetic.feet import FootPath, FootShape, Steps, foot_path
from kinema.synthetic.limbs import TwoBones

if TYPE_CHECKING:
    from kinema.body import BodyModel

SIDES = ("left", "right")
# Legs are never fully straight: the largest fraction of their full length that is used, standing and
# walking. A knee near full extension would have to snap to follow a smoothly moving pelvis.
_STANDING, _WALKING = 0.995, 0.984
_GRID_RATE = 200.0

CURVES = {
    "drop": 0.0, "back": 0.0, "lean": 0.03, "bow": 0.05, "twist": 0.0, "tilt": 0.0, "nod": 0.0, "look": 0.0,
    "left_raise": 0.04, "right_raise": 0.04, "left_out": 0.17, "right_out": 0.17, "left_elbow": 0.28,
    "right_elbow": 0.28, "left_spin": 0.0, "right_spin": 0.0,
}  # fmt: skip
"""The curves of a script, with the value at rest. drop, back (m): pelvis down and backwards;
lean: pelvis forward, bow: spine forward, twist: spine to the left, tilt: spine to the right side, nod: head
down, look: head to the left; raise: arm forward and up, out: arm away from the body, elbow: flexion,
spin: upper arm about its axis, thumb outwards (radians)."""


@dataclass
class Script:
    """One person's performance: the steps, the curves, and the duration in seconds.

    swing: arm swing in radians per metre that the opposite foot is ahead.
    """

    steps: Steps
    duration: float
    keys: Mapping[str, Keys] = field(default_factory=dict)
    swing: float = 0.65
    sway: Mapping[str, Wander] = field(default_factory=dict)

    def value(self, name: str, times: np.ndarray) -> np.ndarray:
        """The curve `name` with its sway added, (T,)."""
        keys = self.keys.get(name)
        value = np.full(len(times), CURVES[name]) if keys is None else CURVES[name] + keys(times)
        return value + self.sway[name](times) if name in self.sway else value


@dataclass(frozen=True)
class Performance:
    """A performed script in the world: pose (T,72), transl (T,3), contacts (T,4), as in `Person`."""

    pose: np.ndarray
    transl: np.ndarray
    contacts: np.ndarray


def perform(script: Script, body: BodyModel, betas: np.ndarray, times: np.ndarray) -> Performance:
    """The pose of `body` with shape betas (10,) at `times` (T,), seconds."""
    times = np.asarray(times, dtype=np.float64)
    performer = _Performer(script, body, np.asarray(betas, dtype=np.float64))
    return performer.at(times)


class _Performer:
    def __init__(self, script: Script, body: BodyModel, betas: np.ndarray) -> None:
        self.script = script
        self.rest = body.rest_joints(betas)  # (24, 3)
        self.shapes = {side: _foot_shape(body, betas, side) for side in SIDES}
        self.legs = {
            side: TwoBones(self._bone(f"{side}_hip", f"{side}_knee"), self._bone(f"{side}_knee", f"{side}_ankle"))
            for side in SIDES
        }
        # The pelvis trajectory needs filters over time; they run on a fixed grid, independent of the queried times.
        grid = np.arange(-1.0, script.duration + 1.0, 1 / _GRID_RATE)
        self.smooth: dict[str, CubicSpline] = {}
        feet = self._feet(grid)
        self._smooth_foot_signals(grid, feet)
        self._smooth_pelvis_height(grid, feet)

    def at(self, times: np.ndarray) -> Performance:
        feet = self._feet(times)
        pelvis = self._pelvis_rotation(times)
        position = self._pelvis_ground(times)
        position[:, 1] = self.smooth["height"](times) - self.script.value("drop", times)
        local = np.broadcast_to(np.eye(3), (len(times), 24, 3, 3)).copy()
        local[:, 0] = pelvis
        self._spine(local, times)
        for side in SIDES:
            self._leg(local, side, pelvis, position, feet[side])
            self._arm(local, side, times)
        pose = matrix_to_axis_angle(local).reshape(len(times), 72)
        contacts = np.stack([getattr(feet[s], part) for s in SIDES for part in ("heel_down", "toes_down")], axis=-1)
        return Performance(pose, position - self.rest[0], contacts)

    def _bone(self, parent: str, child: str) -> np.ndarray:
        return np.asarray(self.rest[SMPL24.index(child)] - self.rest[SMPL24.index(parent)])

    def _feet(self, times: np.ndarray) -> dict[str, FootPath]:
        return {side: foot_path(self.script.steps.plants[side], self.shapes[side], times) for side in SIDES}

    def _smooth_foot_signals(self, grid: np.ndarray, feet: dict[str, FootPath]) -> None:
        """Signals derived from the feet, smoothed by the body's inertia."""
        left, right = feet["left"], feet["right"]
        self._fit_smooth("heading", grid, (left.yaw + right.yaw) / 2, 0.13)
        middle = (left.base + right.base) / 2
        self._fit_smooth("x", grid, middle[:, 0], 0.13)
        self._fit_smooth("z", grid, middle[:, 2], 0.13)
        heading = self.smooth["heading"](grid)
        ahead = np.sum((left.base - right.base) * _direction(heading), axis=-1)
        # Feet start and stop; hips and arms swing through.
        self._fit_smooth("ahead", grid, 1.2 * ahead, 0.11)
        loaded = [np.where(foot.heel_down | foot.toes_down, 1.0, 0.0) for foot in (left, right)]
        self._fit_smooth("weight", grid, (loaded[0] - loaded[1]) / np.maximum(loaded[0] + loaded[1], 1), 0.10)
        self._fit_smooth("speed", grid, np.hypot(self.smooth["x"](grid, 1), self.smooth["z"](grid, 1)), 0.2)

    def _smooth_pelvis_height(self, grid: np.ndarray, feet: dict[str, FootPath]) -> None:
        """The height of the pelvis: the maximum that both legs reach, then smoothed downwards."""
        pelvis, ground = self._pelvis_rotation(grid), self._pelvis_ground(grid)
        stretch = _STANDING + (_WALKING - _STANDING) * self._gait(grid)
        highest = np.full(len(grid), np.inf)
        for side in SIDES:
            hip = pelvis @ self._bone("pelvis", f"{side}_hip")
            to_ankle = feet[side].ankle - ground - hip
            reach = stretch * self.legs[side].length
            across = np.minimum(np.hypot(to_ankle[:, 0], to_ankle[:, 2]), 0.9 * reach)
            highest = np.minimum(highest, feet[side].ankle[:, 1] + np.sqrt(reach**2 - across**2) - hip[:, 1])
        # The minimum over the filter's support, so that smoothing never lifts the pelvis out of reach.
        sigma = 0.035 * _GRID_RATE
        lowest = minimum_filter1d(highest, 2 * int(3 * sigma) + 1)
        self.smooth["height"] = CubicSpline(grid, gaussian_filter1d(lowest, sigma, truncate=3))

    def _fit_smooth(self, name: str, grid: np.ndarray, value: np.ndarray, seconds: float) -> None:
        self.smooth[name] = CubicSpline(grid, gaussian_filter1d(value, seconds * _GRID_RATE))

    def _gait(self, times: np.ndarray) -> np.ndarray:
        """Gait intensity from 0 (standing) to 1 (0.9 m/s and faster), (T,)."""
        return np.asarray(np.clip(self.smooth["speed"](times) / 0.9, 0, 1))

    def _pelvis_rotation(self, times: np.ndarray) -> np.ndarray:
        yaw = self.smooth["heading"](times) - 0.2 * self.smooth["ahead"](times)
        lean = self.script.value("lean", times) + 0.03 * self._gait(times)
        roll = 0.06 * self.smooth["weight"](times) * self._gait(times)
        return np.asarray(Rotation.from_euler("YXZ", np.stack([yaw, lean, roll], axis=-1)).as_matrix())

    def _pelvis_ground(self, times: np.ndarray) -> np.ndarray:
        """The pelvis projected to the ground, (T,3) with y = 0."""
        heading = self.smooth["heading"](times)
        forward, left = _direction(heading), _direction(heading + np.pi / 2)
        shift = 0.025 * self.smooth["weight"](times)
        position = np.stack([self.smooth["x"](times), np.zeros(len(times)), self.smooth["z"](times)], axis=-1)
        # The ankles are behind the middle of the feet; the pelvis is above that middle.
        ahead = 0.03 - self.script.value("back", times)
        return np.asarray(position + forward * ahead[:, None] + left * shift[:, None])

    def _spine(self, local: np.ndarray, times: np.ndarray) -> None:
        value, ahead = self.script.value, self.smooth["ahead"](times)
        roll = -0.06 * self.smooth["weight"](times) * self._gait(times) + value("tilt", times)
        bend = np.stack([value("bow", times), value("twist", times) + 0.42 * ahead, roll], axis=-1)
        # The head stays level: it compensates half of the trunk's motion, and all of the stride's rotation.
        level = -0.55 * (value("lean", times) + value("bow", times))
        head = np.stack([value("nod", times) + level, value("look", times) - 0.22 * ahead, -roll * 0.6], axis=-1)
        for joints, angles in ((("spine1", "spine2", "spine3"), bend), (("neck", "head"), head)):
            turn = axis_angle_to_matrix(angles / len(joints))
            local[:, SMPL24.indices(joints)] = turn[:, None]

    def _leg(self, local: np.ndarray, side: str, pelvis: np.ndarray, position: np.ndarray, foot: FootPath) -> None:
        hip = position + pelvis @ self._bone("pelvis", f"{side}_hip")
        half = pelvis[:, :, 0] + turn_about("y", foot.yaw)[:, :, 0]
        thigh, angle = self.legs[side].reach(hip, foot.ankle, half / np.linalg.norm(half, axis=-1, keepdims=True))
        knee = turn_about("x", angle)
        tilt = np.stack([foot.yaw, foot.pitch + self.shapes[side].level], axis=-1)
        sole = Rotation.from_euler("YX", tilt).as_matrix()
        local[:, SMPL24.index(f"{side}_hip")] = _transposed(pelvis) @ thigh
        local[:, SMPL24.index(f"{side}_knee")] = knee
        local[:, SMPL24.index(f"{side}_ankle")] = _transposed(thigh @ knee) @ sole
        local[:, SMPL24.index(f"{side}_foot")] = turn_about("x", foot.toes)

    def _arm(self, local: np.ndarray, side: str, times: np.ndarray) -> None:
        sign = 1.0 if side == "left" else -1.0
        value = {name: self.script.value(f"{side}_{name}", times) for name in ("raise", "out", "elbow", "spin")}
        swing = -sign * self.script.swing * self.smooth["ahead"](times)
        # An arm swings further forward than back, and the elbow flexes on the forward swing.
        forward = _positive(swing)
        raised = value["raise"] + 0.85 * swing + 0.3 * forward
        elbow = value["elbow"] + 0.35 * forward + 0.12 * self._gait(times)
        shrug = 0.3 * _positive(np.hypot(raised, value["out"]) - np.radians(60))
        angles = np.stack([-raised, -sign * (np.pi / 2 - value["out"] + shrug), value["spin"]], axis=-1)
        local[:, SMPL24.index(f"{side}_collar")] = turn_about("z", sign * shrug)
        local[:, SMPL24.index(f"{side}_shoulder")] = Rotation.from_euler("XZX", angles).as_matrix()
        local[:, SMPL24.index(f"{side}_elbow")] = turn_about("y", -sign * elbow)


def _foot_shape(body: BodyModel, betas: np.ndarray, side: str) -> FootShape:
    """The foot of this body standing flat: rotated so that heel and toes touch the ground together."""
    ankle, ball = SMPL24.index(f"{side}_ankle"), SMPL24.index(f"{side}_foot")
    rest = body.rest_joints(betas)
    sole = body.posed_points("contacts", np.zeros((1, 72)), betas, np.zeros((1, 3)))[0]
    number = CONTACT_POINTS.index(f"{side}_toe")
    heel, toe = sole[CONTACT_POINTS.index(f"{side}_heel")], sole[number]
    level = float(np.arctan2(toe[1] - heel[1], toe[2] - heel[2]))
    turn = turn_about("x", level)
    # The foot rolls over the point that must not slide: the toe contact if it belongs to the foot, the
    # toe joint if it belongs to the toes.
    pivot = toe if body.points("contacts").joint[number] == ankle else rest[ball]
    heel, pivot = turn @ (heel - rest[ankle]), turn @ (pivot - rest[ankle])
    return FootShape(heel=heel, ball=pivot, height=float(-heel[1]), level=level)


def _direction(yaw: np.ndarray) -> np.ndarray:
    """Unit vectors (T,3) along the ground in the facing direction of this yaw."""
    return np.stack([np.sin(yaw), np.zeros_like(yaw), np.cos(yaw)], axis=-1)


def _positive(value: np.ndarray) -> np.ndarray:
    """A smooth max(value, 0), without the kink that would make a limb jerk."""
    return np.asarray(0.5 * (value + np.sqrt(value**2 + 0.15**2) - 0.15))


def _transposed(matrices: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrices, -1, -2)
