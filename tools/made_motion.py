"""Honest motion made by scripts, anew at every frame rate, for `validator_sets.py`: nobody needs to be recorded for it,
and at 240 frames per second it is not interpolated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from kinema.body import free_body
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import SMPL24
from kinema.synthetic.curves import Keys, Wander
from kinema.synthetic.feet import Steps
from kinema.synthetic.performer import Script, perform
from kinema.synthetic.random_motion import random_motion

STANDING_HEIGHT = 0.02
"""Metres above the floor of the free body's toe joints when it stands."""

_GRAVITY = 9.81
_TOES = SMPL24.indices(("left_foot", "right_foot"))


def improvised(rate: float, seed: int) -> Motion:
    """Twelve seconds of random motion on a random body, feet on the floor, with contacts."""
    rng = np.random.default_rng([77, seed])
    script, betas = random_motion(rng), _shape(rng)
    times = np.arange(round(script.duration * rate)) / rate
    done = perform(script, free_body(), betas, times)
    transl = done.transl + _sway(rng, 0.0015, times)  # nobody stands as still as a script
    return _motion(times, done.pose, transl, betas, done.contacts)


def quiet(rate: float, seed: int) -> Motion:
    """Six seconds of standing: the root sways by 2 to 6 mm, the joints by half a degree, slowly."""
    rng = np.random.default_rng([78, seed])
    times = np.arange(round(6 * rate)) / rate
    pose = np.stack([Wander(rng, np.radians(0.5))(times) for _ in range(72)], axis=1)
    pose[:, 3 * SMPL24.index("left_shoulder") + 2] -= 1.2
    pose[:, 3 * SMPL24.index("right_shoulder") + 2] += 1.2
    transl = _sway(rng, rng.uniform(0.001, 0.003), times)
    toes = free_body().joints(pose[:1], np.zeros(10), transl[:1])[0, _TOES, 1].min()
    return _motion(times, pose, transl + [0, STANDING_HEIGHT - toes, 0], np.zeros(10))


def hopping(rate: float, seed: int) -> Motion:
    """Three jumps on the spot, 0.1 to 0.45 metres high: down, up, flight as gravity has it, and down again to land."""
    rng = np.random.default_rng([79, seed])
    fine = np.arange(0, 12, 1 / 1000)
    level, end = _jumps(fine, rng, height=rng.uniform(0.1, 0.45), depth=rng.uniform(0.2, 0.35))
    height = CubicSpline(fine, gaussian_filter1d(level, 10))
    # The legs push until a little after the feet have left the ground, so that no joint stops at once.
    bend = CubicSpline(fine, gaussian_filter1d(np.maximum(-level, 0.0), 30))
    steps, betas = Steps(0.0, 0.0, float(rng.uniform(-np.pi, np.pi)), width=0.19, splay=0.1), _shape(rng)
    steps.wait(end)
    script = Script(steps, end, sway={name: Wander(rng, 0.03) for name in ("bow", "twist", "nod")})
    times = np.arange(round(script.duration * rate)) / rate
    curves = {"drop": _Curve(lambda t: 0.06 + bend(t)), "lean": _Curve(lambda t: 1.2 * bend(t))}
    for side in ("left", "right"):
        curves[f"{side}_raise"] = _Curve(lambda t: 1.5 * height(t))
    script.keys = curves
    done = perform(script, free_body(), betas, times)
    lift = height(times) + bend(times)
    transl = done.transl + _sway(rng, 0.0015, times) + lift[:, None] * [0, 1, 0]
    return _motion(times, done.pose, transl, betas)


def _jumps(times: np.ndarray, rng: np.random.Generator, height: float, depth: float) -> tuple[np.ndarray, float]:
    """(F,) metres of the pelvis above its height when standing, over three jumps, and the time when it stands again."""
    speed = np.sqrt(2 * _GRAVITY * height)
    push, flight = 2 * depth / speed, 2 * speed / _GRAVITY
    level, start = np.zeros(len(times)), float(rng.uniform(0.3, 0.6))
    for _ in range(3):
        down = start + float(rng.uniform(0.4, 0.7))
        level += np.where(times < down, Keys([(start, 0.0), (down, -depth)])(times), 0)
        since = times - down
        level += np.where((since >= 0) & (since < push), -depth + speed / 2 / push * since**2, 0)
        since -= push
        level += np.where((since >= 0) & (since < flight), speed * since - _GRAVITY / 2 * since**2, 0)
        since -= flight
        level += np.where((since >= 0) & (since < push), -speed * since + speed / 2 / push * since**2, 0)
        rest = down + push + flight + push
        start = rest + float(rng.uniform(0.5, 0.9))
        level += np.where(times >= rest, Keys([(rest, -depth), (start, 0.0)])(times), 0)
    return level, start + 0.4


MADE: dict[str, tuple[Callable[[float, int], Motion], int]] = {
    "improvised": (improvised, 40),
    "quiet": (quiet, 20),
    "hopping": (hopping, 20),
}
"""By name: the function of frame rate and seed, and how many there are."""


class _Curve(Keys):
    """A curve of a script that is any function of time."""

    def __init__(self, values: Callable[[np.ndarray], np.ndarray]) -> None:
        super().__init__()
        self._values = values

    def __call__(self, times: np.ndarray) -> np.ndarray:
        return self._values(np.clip(times, 0, None))


def _shape(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, 1, 10).clip(-2, 2)


def _sway(rng: np.random.Generator, size: float, times: np.ndarray) -> np.ndarray:
    """(F,3) metres along the ground, of that root mean square."""
    x, z = Wander(rng, size)(times), Wander(rng, size)(times)
    return np.stack([x, np.zeros(len(times)), z], axis=1)


def _motion(
    times: np.ndarray, pose: np.ndarray, transl: np.ndarray, betas: np.ndarray, contacts: np.ndarray | None = None
) -> Motion:
    body = free_body()
    person = Person(
        id=1,
        frames=np.arange(len(times)),
        pose_world=pose,
        transl_world=transl,
        joints_world=body.joints(pose, betas, transl),
        betas=np.repeat(betas[None], len(times), axis=0),
        contacts=contacts,
    )
    return Motion(times=times, width=0, height=0, people=(person,), body_model=body.name)
