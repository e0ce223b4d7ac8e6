"""How tall people are taken to be: people of known stature, adults and children, alone and on one ground.

    python benchmarks/stature.py [--made N] [--rendered N] [--cache DIR]

People of random build act on the spot before random static cameras. Adults have the heights of adults (a normal
distribution, 1.70 +- 0.09 m), the children in every second scene are 0.95 to 1.40 m tall. `made`: fitted as if
everybody were 1.70 m tall, with the errors of a fit (`tests.helpers.monocular.Noise`), and placed. `rendered`: tracked,
fitted and placed by the default chain, at ten frames a second. Errors of the stature in cm: mean and 90th percentile,
what they are if everybody is 1.70 m tall, and the share of people within one and two of the stated standard deviations;
`differences`: of the statures of two people in one scene; `taken for small`: of the people below 1.45 m, and others.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for its neighbours and the tests' helpers

from benchmarks.accuracy_parts.chains import Chain, Kept
from benchmarks.accuracy_parts.rendered import MAKING
from tests.helpers.monocular import as_fitted

from kinema.body import BodyModel, load_body
from kinema.body.sizes import BODY_HEIGHT, resized_betas, stature
from kinema.commands._tables import print_table
from kinema.geometry.camera import Camera, camera_from_fov, project
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline.keys import code_identity, digest
from kinema.synthetic import person_in_view, procedural_motion, render_clip
from kinema.world import place_in_world

ASSUMED, SPREAD = 1.70, 0.09
TALLEST, SHORTEST = 1.96, 1.48
CHILDREN = (0.95, 1.40)
SMALL = 1.45
"""Metres: below, somebody is no adult (`kinema.world.sizes.ADULT`)."""

SECONDS, RATE = 2.0, 10.0
SIZE = (640, 480)
APART = 1.1
"""Metres between neighbours, across; in depth they differ by up to 2 m."""

NEAR = 0.2
"""Of the image's height: distance of the hips within which a body is somebody's."""

DEFAULT = Chain("default")
Judged = list[tuple[float, float, float]]
"""(true stature, found, standard deviation) of the people of one scene, metres."""


def heights_of(seed: int, count: int) -> list[float]:
    """Of the people of a scene: adults, with a child first in every second scene."""
    rng = np.random.default_rng([seed, 7])
    heights = [float(np.clip(rng.normal(ASSUMED, SPREAD), SHORTEST, TALLEST)) for _ in range(count)]
    if seed % 2:
        heights[0] = float(rng.uniform(*CHILDREN))
    return heights


def scene(body: BodyModel, heights: list[float], seed: int) -> Motion:
    """People of these heights and of random build who act on one ground, and a random camera that sees all of them."""
    rng = np.random.default_rng([seed, len(heights)])
    acts = []
    for place, height in enumerate(heights):
        betas = np.append(rng.normal(size=9), 0.0)
        betas = resized_betas(body, betas, height / stature(body, betas))
        act = procedural_motion(body, "on-the-spot", seed=seed + 100 * place, fps=RATE, betas=betas)
        act = act.slice(0.5, 0.5 + SECONDS)
        person = act.people[0]
        aside = np.array([APART * (place - (len(heights) - 1) / 2), 0.0, rng.uniform(-1.0, 1.0) * (len(heights) > 1)])
        acts.append((person.pose_world, betas, person.transl_world + aside))
    joints = [body.joints(pose, np.tile(betas, (len(pose), 1)), transl) for pose, betas, transl in acts]
    camera = _camera(np.concatenate(joints), rng)
    people = tuple(person_in_view(body, camera, place + 1, *each) for place, each in enumerate(acts))
    times = act.times - act.times[0]
    return act.replace(times=times, width=camera.width, height=camera.height, camera=camera, people=people)


def _camera(joints: np.ndarray, rng: np.random.Generator) -> Camera:
    """A static camera 0.8 to 2.2 m above the ground, rolled by up to 3 degrees, that sees all joints (N,24,3)."""
    low, high = joints.min(axis=(0, 1)), joints.max(axis=(0, 1))
    centre, half = (low + high) / 2, float(np.linalg.norm((high - low)[[0, 2]])) / 2
    yaw = rng.uniform(-0.6, 0.6)
    distance = rng.uniform(2.3, 3.5) + 1.3 * half
    position = np.array([centre[0] + distance * np.sin(yaw), rng.uniform(0.8, 2.2), centre[2] + distance * np.cos(yaw)])
    forward = centre - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    roll = np.radians(rng.uniform(-3, 3))
    turn = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    rotation = turn @ np.stack([right, np.cross(forward, right), forward])
    camera = camera_from_fov(*SIZE, float(rng.uniform(55, 75)))
    return camera.replace(rotation=rotation, translation=-rotation @ position, moving=False)


def made(body: BodyModel, heights: list[float], seed: int) -> Judged:
    """A scene as fitted to adults of average height, placed."""
    truth = scene(body, heights, seed)
    people = []
    for person in truth:
        factor = ASSUMED / stature(body, person.betas[0])
        betas = np.tile(resized_betas(body, person.betas[0], factor), (len(person), 1))
        root = factor * (person.transl + body.rest_joints(person.betas)[:, 0])
        transl = root - body.rest_joints(betas)[:, 0]
        joints = body.joints(person.pose, betas, transl)
        people.append(person.replace(betas=betas, transl=transl, joints=joints))
    fitted = as_fitted(truth.replace(people=tuple(people)), body, np.random.default_rng([seed, 99]))
    about = {BODY_HEIGHT: {"metres": ASSUMED, "source": "assumed", "uncertainty": SPREAD}}
    fitted = fitted.replace(people=tuple(person.replace(data={**person.data, **about}) for person in fitted))
    return [_judged(body, *pair) for pair in zip(truth, place_in_world(fitted, body), strict=True)]


def rendered(kept: Kept, body: BodyModel, heights: list[float], seed: int) -> Judged:
    """A scene as a video, of those who were found in it."""
    truth = scene(body, heights, seed)
    path = kept.folder / f"stature_{len(heights)}_{seed}_{digest(code_identity(*MAKING))[:8]}.mp4"
    if not path.is_file():
        kept.folder.mkdir(parents=True, exist_ok=True)
        render_clip(truth, body, path, seed=seed)
    result = kept.result(path, DEFAULT)
    found = []
    for known in truth:
        hips = _hips(truth, known)
        bodies = [person for person in result if len(person) > len(known) / 2]
        if bodies:
            away = [float(np.linalg.norm(_hips(result, person) - hips)) for person in bodies]
            if min(away) < NEAR * truth.height:
                found.append(_judged(body, known, bodies[int(np.argmin(away))]))
    return found


def _hips(motion: Motion, person: Person) -> np.ndarray:
    """The pixel of the pelvis in the middle of a track (2,)."""
    (joints,) = person.require("joints")
    assert motion.camera is not None
    return project(joints[len(person) // 2, :1], motion.camera.intrinsics, motion.camera.distortion)[0]


def _judged(body: BodyModel, truth: Person, found: Person) -> tuple[float, float, float]:
    about = found.data[BODY_HEIGHT]
    return stature(body, truth.require("betas")[0][0]), about["metres"], about["uncertainty"]


def row(name: str, scenes: list[Judged]) -> list[str]:
    """The table row of some scenes."""
    everybody = np.array([each for people in scenes for each in people])
    if not len(everybody):
        return [name, "0", *["-"] * 7]
    true, found, sigma = everybody.T
    pairs = [
        (people[i][0] - people[j][0], people[i][1] - people[j][1])
        for people in scenes
        for i in range(len(people))
        for j in range(i)
    ]
    apart = np.array(pairs).reshape(-1, 2)
    small = true < SMALL
    return [
        name,
        str(len(true)),
        _errors(true - found),
        _errors(true - ASSUMED),
        f"{100 * np.mean(np.abs(true - found) < sigma):.0f} %",
        f"{100 * np.mean(np.abs(true - found) < 2 * sigma):.0f} %",
        _errors(apart[:, 0] - apart[:, 1]) if len(apart) else "-",
        _errors(apart[:, 0]) if len(apart) else "-",
        f"{np.sum(found[small] < SMALL)} of {small.sum()}, {np.sum(found[~small] < SMALL)} others",
    ]


def _errors(metres: np.ndarray) -> str:
    return f"{100 * np.abs(metres).mean():.1f} / {100 * np.percentile(np.abs(metres), 90):.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--made", type=int, default=10, metavar="N", help="scenes of each kind, made")
    parser.add_argument("--rendered", type=int, default=6, metavar="N", help="scenes of each kind, rendered")
    parser.add_argument("--cache", type=Path, default=Path("outputs/stature"), help="folder of what was tracked")
    args = parser.parse_args()
    body, kept, rows = load_body(), Kept(args.cache), []
    ways: list[tuple[str, int, Callable[[list[float], int], Judged]]] = [
        ("made", args.made, lambda heights, seed: made(body, heights, seed)),
        ("rendered", args.rendered, lambda heights, seed: rendered(kept, body, heights, seed)),
    ]
    for way, count, judge in ways:
        for people in (1, 2, 4):
            for who, first in (("adults", 0), ("with a child", 1)):
                scenes = [judge(heights_of(seed, people), seed) for seed in range(first, 2 * count, 2)]
                rows.append(row(f"{way}: {people}, {who}", scenes))
                print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    columns = ["scenes", "people", "error, cm", "if all are 1.70 m", "within 1 sigma", "2 sigma"]
    columns += ["differences, cm", "if all are 1.70 m", "taken for small"]
    print_table(columns, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
