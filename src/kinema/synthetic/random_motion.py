"""Somebody who does as he likes: walks, turns, steps aside, crouches, and moves arms and trunk as it comes.

What is known about everyday movement here is only how far joints go, so that no two seeds look alike and no
habit repeats: a source of movement to learn from, and to try things on.
"""

from __future__ import annotations

import numpy as np

from kinema.synthetic.curves import Keys, Wander
from kinema.synthetic.feet import Steps, shorter_way
from kinema.synthetic.performer import Script

DURATION = 12.0
"""Seconds of one improvisation."""

_ARM = {"raise": (-0.5, 2.9), "out": (0.05, 1.6), "elbow": (-0.25, 2.0), "spin": (-0.9, 0.9)}
_TRUNK = {"bow": (-0.25, 0.8), "twist": (-0.7, 0.7), "tilt": (-0.35, 0.35), "nod": (-0.4, 0.6), "look": (-0.9, 0.9)}
"""How far each curve may go beyond its rest, metres and radians."""

_ROOM = 2.0
"""Metres from the middle that a walk may aim at."""

_Curves = dict[str, list[tuple[float, float]]]


def improvised(rng: np.random.Generator) -> Script:
    """Twelve seconds of whatever comes."""
    start = rng.uniform(-_ROOM, _ROOM, 2)
    steps = Steps(
        float(start[0]), float(start[1]), float(rng.uniform(-np.pi, np.pi)),
        width=float(rng.choice([0.06, 0.19, 0.19, rng.uniform(0.1, 0.5)])), splay=float(rng.uniform(0, 0.35)),
    )  # fmt: skip
    keys: _Curves = {}
    tempo = float(rng.uniform(0.42, 0.75))
    while steps.time < DURATION:
        move, _ = _LEGS[int(rng.choice(len(_LEGS), p=[share for _, share in _LEGS]))]
        move(steps, keys, rng, tempo * float(rng.uniform(0.9, 1.1)))
    lively = float(rng.uniform(0.2, 1.0))
    for name, reach in _ARM.items():
        keys[f"left_{name}"] = _as_it_comes(rng, reach, lively)
        keys[f"right_{name}"] = _as_it_comes(rng, reach, lively)
    if rng.random() < 0.3:  # both arms do the same
        keys |= {f"right_{name}": keys[f"left_{name}"] for name in _ARM}
    keys |= {name: _as_it_comes(rng, reach, 0.6 * lively) for name, reach in _TRUNK.items()}
    sway = {name: Wander(rng, 0.03) for name in keys if name not in ("drop", "back", "lean")}
    curves = {name: Keys(points) for name, points in keys.items()}
    return Script(steps, DURATION, curves, swing=float(rng.uniform(0.2, 0.9)), sway=sway)


def _as_it_comes(rng: np.random.Generator, reach: tuple[float, float], lively: float) -> list[tuple[float, float]]:
    """Keys of a curve that goes somewhere within its reach now and then, stays, and often comes back."""
    time, points = float(rng.uniform(0, 2)), [(0.0, 0.0)]
    while time < DURATION:
        points.append((time + 1e-3, points[-1][1]))  # until now it has stayed
        time += float(rng.uniform(0.45, 1.4))
        points.append((time, float(rng.uniform(*reach)) if rng.random() < lively else 0.0))
        time += float(rng.exponential(0.8))
    return points


def _walk(steps: Steps, keys: _Curves, rng: np.random.Generator, tempo: float) -> None:
    """To some place in the room, if it is not too near, by a bent way."""
    here, there = np.array([steps.x, steps.z]), rng.uniform(-_ROOM, _ROOM, 2)
    if np.linalg.norm(there - here) < 0.6:
        return
    way = np.linspace(here, there, 8)[1:]
    across = np.array([here[1] - there[1], there[0] - here[0]]) * rng.uniform(-0.4, 0.4)
    way += np.sin(np.linspace(0, np.pi, 8))[1:, None] * across
    turn = shorter_way(np.arctan2(*(way[0] - here)) - steps.yaw)
    if abs(turn) > 0.7:
        steps.turn(turn, period=0.8 * tempo)
    first = "left" if rng.random() < 0.5 else "right"
    steps.walk(way, length=float(rng.uniform(0.35, 0.75)), period=tempo, first=first)


def _turn(steps: Steps, keys: _Curves, rng: np.random.Generator, tempo: float) -> None:
    steps.turn(float(rng.uniform(-2.5, 2.5)), period=0.8 * tempo, steps=int(rng.choice([2, 4, 6])))


def _shuffle(steps: Steps, keys: _Curves, rng: np.random.Generator, tempo: float) -> None:
    """A step or two aside or backwards, without a turn; both feet follow."""
    angle = steps.yaw + rng.uniform(0.25, 1.75) * np.pi
    for _ in range(int(rng.integers(1, 4))):
        length = float(rng.uniform(0.15, 0.4))
        steps.x, steps.z = steps.x + length * float(np.sin(angle)), steps.z + length * float(np.cos(angle))
        # The foot on the side that is walked to goes first, so that legs do not cross.
        leading = "left" if np.sin(angle - steps.yaw) > 0 else "right"
        for side in (leading, "right" if leading == "left" else "left"):
            steps.step(side, steps.x, steps.z, steps.yaw, tempo)


def _crouch(steps: Steps, keys: _Curves, rng: np.random.Generator, tempo: float) -> None:
    """Down, a while there, and up again, hips back and trunk forward to keep the balance."""
    depth, seconds = float(rng.uniform(0.15, 1.1)), float(rng.uniform(1.0, 3.0))
    start = steps.time + 0.15
    down, up = start + 0.4 * seconds, start + float(rng.uniform(0.45, 0.65)) * seconds
    for name, size in (("drop", 0.46), ("back", 0.13), ("lean", float(rng.uniform(0.4, 0.8)))):
        amount = size * depth
        keys.setdefault(name, []).extend([(start, 0.0), (down, amount), (up, amount), (start + seconds, 0.0)])
    steps.wait(seconds + 0.3)


def _stand(steps: Steps, keys: _Curves, rng: np.random.Generator, tempo: float) -> None:
    steps.wait(float(rng.uniform(0.5, 1.5)))


_LEGS = ((_walk, 0.4), (_turn, 0.15), (_shuffle, 0.15), (_crouch, 0.2), (_stand, 0.1))
"""What the legs do next, and how often."""
