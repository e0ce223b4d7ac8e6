"""Random motion: walking, turning, sidestepping, crouching, with random movements of arms and trunk.

The only prior on human movement is the joints' range of motion, so that no two seeds look alike and no
pattern repeats: training and test data.
"""

from __future__ import annotations

import numpy as np

from kinema.synthetic.curves import Keys, Wander
from kinema.synthetic.feet import Steps, wrapped_angle
from kinema.synthetic.performer import Script

DURATION = 12.0
"""Seconds of one random motion."""

_ARM = {"raise": (-0.5, 2.9), "out": (0.05, 1.6), "elbow": (-0.25, 2.0), "spin": (-0.9, 0.9)}
_TRUNK = {"bow": (-0.25, 0.8), "twist": (-0.7, 0.7), "tilt": (-0.35, 0.35), "nod": (-0.4, 0.6), "look": (-0.9, 0.9)}
"""Range of each curve around its rest value, metres and radians."""

_RADIUS = 2.0
"""Maximum x and z of a walk's target, metres."""

_Curves = dict[str, list[tuple[float, float]]]


def random_motion(rng: np.random.Generator) -> Script:
    """Twelve seconds of random motion."""
    start = rng.uniform(-_RADIUS, _RADIUS, 2)
    steps = Steps(
        float(start[0]), float(start[1]), float(rng.uniform(-np.pi, np.pi)),
        width=float(rng.choice([0.06, 0.19, 0.19, rng.uniform(0.1, 0.5)])), splay=float(rng.uniform(0, 0.35)),
    )  # fmt: skip
    keys: _Curves = {}
    tempo = float(rng.uniform(0.42, 0.75))
    while steps.time < DURATION:
        act, _ = _LEG_ACTIONS[int(rng.choice(len(_LEG_ACTIONS), p=[share for _, share in _LEG_ACTIONS]))]
        act(steps, keys, rng, tempo * float(rng.uniform(0.9, 1.1)))
    activity = float(rng.uniform(0.2, 1.0))
    for name, reach in _ARM.items():
        keys[f"left_{name}"] = _random_keys(rng, reach, activity)
        keys[f"right_{name}"] = _random_keys(rng, reach, activity)
    if rng.random() < 0.3:  # both arms move in parallel
        keys |= {f"right_{name}": keys[f"left_{name}"] for name in _ARM}
    keys |= {name: _random_keys(rng, reach, 0.6 * activity) for name, reach in _TRUNK.items()}
    sway = {name: Wander(rng, 0.03) for name in keys if name not in ("drop", "back", "lean")}
    curves = {name: Keys(points) for name, points in keys.items()}
    return Script(steps, DURATION, curves, swing=float(rng.uniform(0.2, 0.9)), sway=sway)


def _random_keys(rng: np.random.Generator, reach: tuple[float, float], activity: float) -> list[tuple[float, float]]:
    """Keys of a curve that moves to random values in its range, pauses, and often returns to rest."""
    time, points = float(rng.uniform(0, 2)), [(0.0, 0.0)]
    while time < DURATION:
        points.append((time + 1e-3, points[-1][1]))  # constant until now
        time += float(rng.uniform(0.45, 1.4))
        points.append((time, float(rng.uniform(*reach)) if rng.random() < activity else 0.0))
        time += float(rng.exponential(0.8))
    return points


def _walk(steps: Steps, keys: _Curves, rng: np.random.Generator, tempo: float) -> None:
    """To a random target along a curved path, unless it is too close."""
    start, target = np.array([steps.x, steps.z]), rng.uniform(-_RADIUS, _RADIUS, 2)
    if np.linalg.norm(target - start) < 0.6:
        return
    path = np.linspace(start, target, 8)[1:]
    across = np.array([start[1] - target[1], target[0] - start[0]]) * rng.uniform(-0.4, 0.4)
    path += np.sin(np.linspace(0, np.pi, 8))[1:, None] * across
    turn = wrapped_angle(np.arctan2(*(path[0] - start)) - steps.yaw)
    if abs(turn) > 0.7:
        steps.turn(turn, period=0.8 * tempo)
    first = "left" if rng.random() < 0.5 else "right"
    steps.walk(path, length=float(rng.uniform(0.35, 0.75)), period=tempo, first=first)


def _turn(steps: Steps, keys: _Curves, rng: np.random.Generator, tempo: float) -> None:
    steps.turn(float(rng.uniform(-2.5, 2.5)), period=0.8 * tempo, steps=int(rng.choice([2, 4, 6])))


def _shuffle(steps: Steps, keys: _Curves, rng: np.random.Generator, tempo: float) -> None:
    """One to three steps sideways or backwards without turning; both feet follow."""
    angle = steps.yaw + rng.uniform(0.25, 1.75) * np.pi
    for _ in range(int(rng.integers(1, 4))):
        length = float(rng.uniform(0.15, 0.4))
        steps.x, steps.z = steps.x + length * float(np.sin(angle)), steps.z + length * float(np.cos(angle))
        # The foot on the side of the movement leads, so that the legs do not cross.
        leading = "left" if np.sin(angle - steps.yaw) > 0 else "right"
        for side in (leading, "right" if leading == "left" else "left"):
            steps.step(side, steps.x, steps.z, steps.yaw, tempo)


def _crouch(steps: Steps, keys: _Curves, rng: np.random.Generator, tempo: float) -> None:
    """Down, a pause, and up again, hips back and trunk forward for balance."""
    depth, seconds = float(rng.uniform(0.15, 1.1)), float(rng.uniform(1.0, 3.0))
    start = steps.time + 0.15
    down, up = start + 0.4 * seconds, start + float(rng.uniform(0.45, 0.65)) * seconds
    for name, size in (("drop", 0.46), ("back", 0.13), ("lean", float(rng.uniform(0.4, 0.8)))):
        amount = size * depth
        keys.setdefault(name, []).extend([(start, 0.0), (down, amount), (up, amount), (start + seconds, 0.0)])
    steps.wait(seconds + 0.3)


def _stand(steps: Steps, keys: _Curves, rng: np.random.Generator, tempo: float) -> None:
    steps.wait(float(rng.uniform(0.5, 1.5)))


_LEG_ACTIONS = ((_walk, 0.4), (_turn, 0.15), (_shuffle, 0.15), (_crouch, 0.2), (_stand, 0.1))
"""Actions of the legs, with their probabilities."""
