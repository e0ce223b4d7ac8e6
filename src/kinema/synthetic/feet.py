"""Foot trajectories: stance phases on the ground and the swings between them.

A plant consists of heel strike, flat foot and push-off. While the toes are up the foot rotates about its heel,
while the heel is up about its ball with the toes kept flat: a planted foot never slides.
World axes: y up, ground at 0; a foot of yaw 0 points along +z.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import BPoly

from kinema.geometry.rotations import turn_about
from kinema.synthetic.curves import minimum_jerk

HEEL_STRIKE_TIME = 0.13
PUSH_OFF_TIME = 0.24
FLAT = np.radians(0.2)
"""Durations in seconds of rolling onto the sole and off it; pitch below which the whole sole counts as down."""


@dataclass(frozen=True)
class Plant:
    """One stance phase of a foot.

    x, z: position of the ankle, metres; yaw: direction of the foot, radians; land, lift: start and end of
    ground contact, seconds; strike <= 0 and push >= 0: the foot's pitch when it lands (toes up) and when
    it lifts (heel up), radians.
    """

    x: float
    z: float
    yaw: float
    land: float
    lift: float
    strike: float = 0.0
    push: float = 0.0


@dataclass(frozen=True)
class FootShape:
    """A flat foot with yaw 0, relative to its ankle: heel, ball (about which it rolls), (3,) metres.

    height: of the ankle above the ground; level: pitch (radians) at which the rest pose's sole is flat.
    """

    heel: np.ndarray
    ball: np.ndarray
    height: float
    level: float


@dataclass(frozen=True)
class FootPath:
    """A foot over time, T samples: base (T,3) the ankle projected to the ground for a flat foot; ankle (T,3); yaw,
    pitch, toes (T,) radians; heel_down, toes_down (T,) bool: whether that part of the sole is on the ground.
    """

    base: np.ndarray
    ankle: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    toes: np.ndarray
    heel_down: np.ndarray
    toes_down: np.ndarray


@dataclass
class Steps:
    """Generates the plants of two feet, step by step. `time` is the current time.

    width: metres between the ankles; splay: radians that each foot points outwards.
    """

    x: float
    z: float
    yaw: float
    width: float = 0.19
    splay: float = 0.10
    time: float = 0.0
    plants: dict[str, list[Plant]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for side in ("left", "right"):
            x, z, yaw = self._place(side, self.x, self.z, self.yaw)
            self.plants[side] = [Plant(x, z, yaw, land=-1e3, lift=1e3)]

    def _place(self, side: str, x: float, z: float, yaw: float) -> tuple[float, float, float]:
        out = 1.0 if side == "left" else -1.0
        half = out * self.width / 2
        return x + half * np.cos(yaw), z - half * np.sin(yaw), yaw + out * self.splay

    def wait(self, seconds: float) -> None:
        self.time += seconds

    def step(self, side: str, x: float, z: float, yaw: float, period: float) -> None:
        """Lift a foot now and set it down at its position for a body at x, z, yaw.

        period: seconds until the next step may begin; the foot is in the air for three quarters of it.
        """
        last = self.plants[side][-1]
        x, z, yaw = self._place(side, x, z, yaw)
        forward = (x - last.x) * np.sin(last.yaw) + (z - last.z) * np.cos(last.yaw)
        stride = np.clip(forward / 1.3, 0, 1)
        self.plants[side][-1] = Plant(last.x, last.z, last.yaw, last.land, self.time, last.strike, 0.08 + 0.55 * stride)
        self.plants[side].append(Plant(x, z, yaw, self.time + 0.76 * period, 1e3, -0.33 * stride))
        self.time += period

    def walk(self, points: np.ndarray, length: float, period: float, first: str = "left") -> None:
        """Walk along the polyline `points` (N,2) of x, z from the current position, then bring the feet together."""
        path = np.concatenate([[[self.x, self.z]], np.asarray(points, dtype=np.float64)])
        travelled = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
        count = max(round(float(travelled[-1] / length)), 1)
        side = first
        for i in range(count):
            # A step ends when the next foot would pass: the body is then half a step behind it.
            at = travelled[-1] * min((i + 1) / count, 1)
            x, z = (float(np.interp(at, travelled, path[:, k])) for k in range(2))
            ahead = np.array([np.interp(min(at + 0.1, travelled[-1]), travelled, path[:, k]) for k in range(2)])
            behind = np.array([np.interp(max(at - 0.3, 0), travelled, path[:, k]) for k in range(2)])
            self.yaw += wrapped_angle(np.arctan2(*(ahead - behind)) - self.yaw)
            self.step(side, x, z, self.yaw, period)
            side = "right" if side == "left" else "left"
        self.x, self.z = float(path[-1, 0]), float(path[-1, 1])
        self.step(side, self.x, self.z, self.yaw, period)

    def turn(self, angle: float, period: float, steps: int = 4) -> None:
        """Turn on the spot by `angle` radians (positive: to the left), ending with the feet together."""
        first = "left" if angle > 0 else "right"
        second = "right" if first == "left" else "left"
        start = self.yaw
        pairs = max(steps // 2, 1)
        for i in range(pairs):
            yaw = start + angle * (i + 1) / pairs
            for side in (first, second):
                self.step(side, self.x, self.z, yaw, period)
        self.yaw = start + angle


def wrapped_angle(angle: float) -> float:
    """The equivalent angle in [-pi, pi), radians."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def foot_path(plants: list[Plant], shape: FootShape, times: np.ndarray) -> FootPath:
    """The foot's path at `times` (T,), through its plants and the swings between them."""
    count = len(times)
    base, yaw, pitch = np.zeros((count, 3)), np.zeros(count), np.zeros(count)
    weight, relax = np.ones(count), np.zeros(count)  # of the ball as pivot; of the toes relaxing from flat
    planted = np.zeros(count, dtype=bool)
    for i, plant in enumerate(plants):
        stance = (times >= plant.land) & (times <= plant.lift)
        base[stance] = plant.x, 0, plant.z
        yaw[stance] = plant.yaw
        planted |= stance
        if i + 1 < len(plants):
            after = plants[i + 1]
            swing = (times > plant.lift) & (times < after.land)
            u = (times[swing] - plant.lift) / (after.land - plant.lift)
            s = minimum_jerk(u)[:, None]
            start, end = np.array([plant.x, 0, plant.z]), np.array([after.x, 0, after.z])
            clearance = 0.02 + 0.03 * min(float(np.linalg.norm(end - start)), 1.0)
            base[swing] = start + s * (end - start)
            base[swing, 1] = clearance * 64 * (u * (1 - u)) ** 3
            yaw[swing] = plant.yaw + s[:, 0] * (after.yaw - plant.yaw)
            weight[swing] = 1 - s[:, 0]
            relax[swing] = minimum_jerk(u / 0.5)
        pitch += _roll(plants, i, times)
    weight[planted] = pitch[planted] > 0
    toes = -np.maximum(pitch, 0) * (1 - relax)
    turn = turn_about("y", yaw)
    tilt = turn_about("x", pitch)
    about_ball = shape.ball - np.squeeze(tilt @ shape.ball[:, None], -1)
    about_heel = shape.heel - np.squeeze(tilt @ shape.heel[:, None], -1)
    offset = weight[:, None] * about_ball + (1 - weight)[:, None] * about_heel
    ankle = base + np.array([0, shape.height, 0]) + np.squeeze(turn @ offset[..., None], -1)
    return FootPath(base, ankle, yaw, pitch, toes, planted & (pitch <= FLAT), planted & (pitch >= -FLAT))


def _roll(plants: list[Plant], i: int, times: np.ndarray) -> np.ndarray:
    """Pitch of the foot (T,) from the push-off of plant i to the flat foot of plant i + 1; zero elsewhere."""
    if i + 1 >= len(plants):
        return np.zeros(len(times))
    plant, after = plants[i], plants[i + 1]
    ready = min(PUSH_OFF_TIME, 0.5 * (plant.lift - plant.land))
    settled = min(HEEL_STRIKE_TIME, 0.5 * (after.lift - after.land))
    knots = [plant.lift - ready, plant.lift, after.land, after.land + settled]
    speed = 1.6 * plant.push / ready
    curve = BPoly.from_derivatives(knots, [[0, 0, 0], [plant.push, speed, 0], [after.strike, 0, 0], [0, 0, 0]])
    inside = (times > knots[0]) & (times < knots[-1])
    out = np.zeros(len(times))
    out[inside] = curve(times[inside])
    return out
