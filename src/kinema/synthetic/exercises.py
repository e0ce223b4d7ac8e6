"""Random exercises: squats, lunges, bends and arm raises, repeated as in training and physiotherapy.

Captures of dance and sport hardly contain them. Their combinations are special: arms held forward or behind the head
while the knees bend, both sides symmetric, the same movement repeated.
"""

from __future__ import annotations

import numpy as np

from kinema.synthetic.curves import Keys, Wander
from kinema.synthetic.feet import Steps
from kinema.synthetic.performer import CURVES, Script
from kinema.synthetic.random_motion import DURATION

_ARMS = {
    "sides": ((-0.2, 0.2), (-0.1, 0.15), (-0.2, 0.3), (-0.2, 0.2)),
    "forward": ((1.0, 1.75), (-0.2, 0.25), (-0.28, 0.6), (-0.4, 0.4)),
    "overhead": ((2.3, 2.95), (-0.1, 0.4), (-0.28, 0.5), (-0.3, 0.3)),
    "lateral": ((-0.1, 0.2), (0.9, 1.5), (-0.28, 0.4), (-0.4, 0.4)),
    "hips": ((-0.5, -0.1), (0.4, 0.8), (1.1, 1.6), (-0.9, -0.4)),
    "chest": ((0.3, 0.9), (-0.1, 0.3), (1.5, 2.2), (-0.7, 0.0)),
    "head": ((1.6, 2.3), (0.5, 1.1), (1.6, 2.2), (-0.3, 0.3)),
}
"""Ranges of raise, out, elbow and spin around their rest values, radians, for places where arms are held."""

QUICKEST = 0.45
"""Shortest duration of a movement, seconds."""

_PARTS = ("raise", "out", "elbow", "spin")

_Curves = dict[str, list[tuple[float, float]]]


def random_exercise(rng: np.random.Generator) -> Script:
    """A dozen seconds of one or a few exercises."""
    steps = Steps(0.0, 0.0, float(rng.uniform(-np.pi, np.pi)), width=float(rng.uniform(0.12, 0.5)),
                  splay=float(rng.uniform(0, 0.5)))  # fmt: skip
    keys: _Curves = {}
    acts = list(_EXERCISES)
    while steps.time < DURATION:
        act = acts[int(rng.choice(len(acts), p=[share for _, share in acts]))][0]
        seconds = float(rng.uniform(1.2, 3.5))
        for _ in range(int(rng.integers(2, 6))):
            if steps.time >= DURATION:
                break
            act(steps, keys, rng, seconds * float(rng.uniform(0.9, 1.1)))
    sway = {name: Wander(rng, 0.03) for name in CURVES if name not in ("drop", "back", "lean")}
    return Script(steps, DURATION, {name: Keys(points) for name, points in keys.items()}, swing=0.3, sway=sway)


def _held(rng: np.random.Generator, where: str | None = None) -> dict[str, float]:
    """Values of the arms' curves: one place for both or, for one in eight people, one for each."""
    names = [where or str(rng.choice(list(_ARMS))) for _ in range(2)]
    if where is None and rng.random() < 0.875:
        names[1] = names[0]
    alike = [float(rng.uniform()) for _ in _PARTS]
    return {
        f"{side}_{part}": low + (high - low) * float(np.clip(u + 0.1 * rng.normal(), 0, 1))
        for side, name in zip(("left", "right"), names, strict=True)
        for part, (low, high), u in zip(_PARTS, _ARMS[name], alike, strict=True)
    }


def _go(keys: _Curves, values: dict[str, float], start: float, end: float) -> None:
    """Move curves from where they are to these values."""
    for name, value in values.items():
        points = keys.setdefault(name, [(-1.0, 0.0)])
        begin = max(start, points[-1][0] + 1e-3)
        points.extend([(begin, points[-1][1]), (max(end, begin + QUICKEST), value)])


def _repetition(steps: Steps, keys: _Curves, rng: np.random.Generator, seconds: float, there: dict[str, float]) -> None:
    """To these values, mostly together with the arms, a pause, and back."""
    style = rng.random()
    if 0.45 <= style < 0.75:  # the arms move first and stay there
        _go(keys, _held(rng), steps.time, steps.time + 0.7)
        steps.wait(0.7)
    start = steps.time + 0.05
    down, up, end = start + 0.4 * seconds, start + float(rng.uniform(0.42, 0.55)) * seconds, start + seconds
    if style < 0.45:  # the arms move with the body and return
        _go(keys, there | _held(rng), start, down)
        _go(keys, dict.fromkeys(there, 0.0) | _held(rng, "sides"), up, end)
    else:
        _go(keys, there, start, down)
        _go(keys, dict.fromkeys(there, 0.0), up, end)
    steps.wait(seconds + 0.1)


def _squat(steps: Steps, keys: _Curves, rng: np.random.Generator, seconds: float) -> None:
    """Down to anything from a quarter to a deep squat, hips back and trunk forward for balance."""
    depth = float(rng.uniform(0.2, 1.1))
    there = {"drop": 0.46 * depth, "back": 0.15 * depth, "lean": depth * float(rng.uniform(0.2, 0.8)),
             "bow": float(rng.uniform(-0.1, 0.4)), "nod": float(rng.uniform(-0.5, 0.1))}  # fmt: skip
    _repetition(steps, keys, rng, seconds, there)


def _bend(steps: Steps, keys: _Curves, rng: np.random.Generator, seconds: float) -> None:
    """The trunk forward, over knees that are nearly straight or give way a little."""
    lean = float(rng.uniform(0.2, 1.1))
    there = {"lean": lean, "bow": float(rng.uniform(0.1, 0.9)), "drop": float(rng.uniform(0.02, 0.2)),
             "back": 0.12 * lean, "nod": float(rng.uniform(-0.3, 0.4))}  # fmt: skip
    _repetition(steps, keys, rng, seconds, there)


def _lunge(steps: Steps, keys: _Curves, rng: np.random.Generator, seconds: float) -> None:
    """One foot forward or sideways, down, up, and the foot back."""
    side, far = str(rng.choice(["left", "right"])), float(rng.uniform(0.3, 0.8))
    angle = steps.yaw + float(rng.choice([0.0, 0.0, np.pi / 2 if side == "left" else -np.pi / 2]))
    x, z = steps.x, steps.z
    steps.step(side, x + far * float(np.sin(angle)), z + far * float(np.cos(angle)), steps.yaw, 0.6)
    _repetition(
        steps, keys, rng, seconds, {"drop": float(rng.uniform(0.1, 0.38)), "bow": float(rng.uniform(-0.1, 0.3))}
    )
    steps.step(side, x, z, steps.yaw, 0.6)


def _lean(steps: Steps, keys: _Curves, rng: np.random.Generator, seconds: float) -> None:
    """The trunk aside and turned."""
    there = {"tilt": float(rng.uniform(-0.5, 0.5)), "twist": float(rng.uniform(-0.9, 0.9))}
    _repetition(steps, keys, rng, seconds, there)


def _arms(steps: Steps, keys: _Curves, rng: np.random.Generator, seconds: float) -> None:
    """The arms alone."""
    start = steps.time + 0.05
    _go(keys, _held(rng), start, start + 0.5 * seconds)
    _go(keys, _held(rng, "sides"), start + 0.5 * seconds + 0.1, start + seconds)
    steps.wait(seconds + 0.1)


_EXERCISES = ((_squat, 0.4), (_bend, 0.15), (_lunge, 0.15), (_lean, 0.1), (_arms, 0.2))
"""Exercises, with their probabilities."""
