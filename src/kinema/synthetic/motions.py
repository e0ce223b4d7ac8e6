"""Procedural motions with known ground truth: walk, turn, squat, reach, on any body, at any frame rate.

    motion = procedural_motion(load_body(), "demo", seed=3, fps=30)

A procedural motion is complete: world and camera frame, joints, contacts, and the camera that observes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from kinema.checks import RATE_RANGE, is_rate
from kinema.errors import UsageError
from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.options import require
from kinema.skeleton import NUM_BETAS
from kinema.synthetic.curves import Keys, Wander
from kinema.synthetic.feet import Steps
from kinema.synthetic.performer import Script, perform
from kinema.synthetic.truth import person_in_view, studio_camera

if TYPE_CHECKING:
    from kinema.body import BodyModel


def procedural_motion(
    body: BodyModel,
    script: str = "demo",
    *,
    seed: int = 0,
    fps: float = 30.0,
    betas: np.ndarray | None = None,
    camera: Camera | None = None,
) -> Motion:
    """A person who performs a script in front of a camera with a known pose.

    script: a name from `SCRIPTS`. seed: determines lengths, angles and tempo of the actions; the same seed
    gives the same motion at every frame rate. betas: (10,), default the average body. camera: one with
    rotation and translation, default `studio_camera()`. The person has pose, betas, transl, joints,
    pose_world, transl_world, joints_world and contacts. Raises UsageError for an unknown script.
    """
    if script not in SCRIPTS:
        raise UsageError(f"unknown script {script!r}; known: {', '.join(SCRIPTS)}")
    require(is_rate(fps), "fps", f"be {RATE_RANGE}", fps)
    betas = np.zeros(NUM_BETAS) if betas is None else np.asarray(betas, dtype=np.float64)
    performed = SCRIPTS[script](np.random.default_rng(seed))
    times = np.arange(round(performed.duration * fps)) / fps
    performance = perform(performed, body, betas, times)
    camera = studio_camera() if camera is None else camera
    person = person_in_view(body, camera, 1, performance.pose, betas, performance.transl, contacts=performance.contacts)
    arguments = {"script": script, "seed": seed, "fps": fps, "betas": betas}
    motion = Motion(
        times=times,
        width=camera.width,
        height=camera.height,
        people=(person,),
        camera=camera,
        body_model=body.name,
    )
    return motion.recorded("synthetic.motion", arguments, {body.name: body.sha256})


def _idle(rng: np.random.Generator) -> dict[str, Wander]:
    """The slight sway of a standing person: balance, breathing, glances."""
    sizes = {
        "back": 0.006, "lean": 0.006, "bow": 0.012, "twist": 0.02, "tilt": 0.01, "nod": 0.03, "look": 0.06,
        "left_raise": 0.015, "right_raise": 0.015, "left_out": 0.01, "right_out": 0.01, "left_elbow": 0.03,
        "right_elbow": 0.03,
    }  # fmt: skip
    return {name: Wander(rng, size) for name, size in sizes.items()}


def _squat(keys: dict[str, list[tuple[float, float]]], start: float, seconds: float, depth: float) -> None:
    """Down, a short pause, and up again; hips move back, trunk and arms forward."""
    down, up = start + 0.42 * seconds, start + 0.55 * seconds
    amounts = {"drop": 0.46 * depth, "back": 0.13 * depth, "lean": 0.62 * depth, "bow": 0.25 * depth}
    amounts |= {"left_raise": 1.9 * depth, "right_raise": 1.9 * depth}
    for name, size in amounts.items():
        _key(keys, name, (start, 0.0), (down, size), (up, size), (start + seconds, 0.0))


def _reach(
    keys: dict[str, list[tuple[float, float]]], side: str, start: float, seconds: float, height: float, across: float
) -> None:
    """One arm moves forward and up (height, radians) and sideways (across); trunk and head follow."""
    sign = 1.0 if side == "left" else -1.0
    reached, released = start + 0.4 * seconds, start + 0.58 * seconds
    high = min(max(height - 1.4, 0.0), 1.0)
    amounts = {
        f"{side}_raise": height, f"{side}_out": across + 0.3 * high, f"{side}_elbow": -0.18,
        "twist": sign * (0.4 * across - 0.22 * (1 - high)), "tilt": sign * 0.14 * high, "bow": 0.12 - 0.18 * high,
        "nod": -0.3 * high, "look": sign * (0.35 * across + 0.1 * high),
    }  # fmt: skip
    for name, size in amounts.items():
        _key(keys, name, (start, 0.0), (reached, size), (released, size), (start + seconds, 0.0))


def _key(keys: dict[str, list[tuple[float, float]]], name: str, *points: tuple[float, float]) -> None:
    keys.setdefault(name, []).extend(points)


def _script(
    steps: Steps, rng: np.random.Generator, keys: dict[str, list[tuple[float, float]]], duration: float
) -> Script:
    curves = {name: Keys(points) for name, points in keys.items()}
    return Script(steps, duration, curves, swing=float(rng.uniform(0.55, 0.75)), sway=_idle(rng))


def demo(rng: np.random.Generator) -> Script:
    """Ten seconds: walk diagonally towards the camera, turn to it, squat, reach up and to the side."""
    keys: dict[str, list[tuple[float, float]]] = {}
    start, end = np.array([-1.35, -5.5]), np.array([0.1, -4.15]) + rng.uniform(-0.15, 0.15, 2)
    steps = Steps(float(start[0]), float(start[1]), float(np.arctan2(*(end - start))))
    steps.wait(0.2)
    steps.walk(end[None], length=float(rng.uniform(0.56, 0.64)), period=float(rng.uniform(0.52, 0.58)))
    steps.turn(-steps.yaw + float(rng.uniform(-0.35, 0.35)), period=0.45, steps=4)
    clock = steps.time + 0.1
    _squat(keys, clock, 1.9, float(rng.uniform(0.85, 1.0)))
    first, second = ("right", "left") if rng.random() < 0.5 else ("left", "right")
    clock += 1.95
    remaining = 9.9 - clock
    _reach(keys, first, clock, 0.55 * remaining, float(rng.uniform(2.3, 2.7)), 0.1)
    _reach(keys, second, clock + 0.56 * remaining, 0.44 * remaining, float(rng.uniform(1.2, 1.6)), 0.7)
    return _script(steps, rng, keys, 10.0)


def on_the_spot(rng: np.random.Generator) -> Script:
    """Eight seconds facing the camera: idle, reach with each arm, squat, look around."""
    keys: dict[str, list[tuple[float, float]]] = {}
    steps = Steps(float(rng.uniform(-0.2, 0.2)), -4.1, yaw=float(rng.uniform(-0.5, 0.5)), width=0.24)
    _reach(keys, "right", 0.6, 2.0, float(rng.uniform(1.2, 2.7)), float(rng.uniform(0, 0.6)))
    _squat(keys, 2.7, 2.2, float(rng.uniform(0.7, 1.0)))
    _reach(keys, "left", 5.0, 2.0, float(rng.uniform(1.2, 2.7)), float(rng.uniform(0, 0.6)))
    return _script(steps, rng, keys, 8.0)


def rounds(rng: np.random.Generator) -> Script:
    """A walk around an oval in front of the camera, seen from all sides."""
    turn = 1.0 if rng.random() < 0.5 else -1.0
    angle = np.linspace(0, 2 * np.pi, 60) * turn
    path = np.stack([1.3 * np.sin(angle), -5.0 + np.cos(angle)], axis=-1)
    steps = Steps(float(path[0, 0]), float(path[0, 1]), float(np.arctan2(*(path[1] - path[0]))))
    steps.wait(0.4)
    steps.walk(path[1:], length=float(rng.uniform(0.5, 0.6)), period=float(rng.uniform(0.52, 0.6)))
    return _script(steps, rng, {}, steps.time + 0.8)


SCRIPTS: dict[str, Callable[[np.random.Generator], Script]] = {
    "demo": demo,
    "on-the-spot": on_the_spot,
    "rounds": rounds,
}
"""All scripts by name."""
