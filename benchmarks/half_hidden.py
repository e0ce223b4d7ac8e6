"""Where people are who are half hidden for a while, in front of a moving camera.

    python benchmarks/half_hidden.py [--each 6] [--seconds 0.5 1 2]

Walks of 8 s ("rounds") filmed by moving cameras (`tests/helpers/moving.py`), with the errors of a fit and of a camera
method. In the middle the legs are hidden for some seconds, and the fit takes the person for somebody 25 % farther away,
or 20 % nearer, as happens in crowds. Prints means, placed as Kinema does and, as a comparison, as if the keypoints
were sure all the time: the person's error in percent of the distance walked, after the best shift and rotation about
the vertical; the largest error in centimetres while the legs are hidden; and the greatest speed along the view, m/s.
In the rows "right" the fit is right all the same.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.tables import heading, line
from tests.helpers.half_hidden import half_hidden, seen_with, spell
from tests.helpers.monocular import as_fitted
from tests.helpers.moving import filmed, moving_camera, path_of_camera, score_moving

from kinema.body import BodyModel, load_body
from kinema.metrics import align_trajectory
from kinema.motion import Motion
from kinema.synthetic import procedural_motion
from kinema.world import place_in_world

MISTAKES = (("farther", 0.25), ("nearer", -0.2), ("right", 0.0))


def scored(placed: Motion, truth: Motion, when: np.ndarray, body: BodyModel) -> list[float]:
    """Percent of the distance walked, largest error in centimetres when hidden, greatest speed along the view."""
    found, true = placed.people[0].joints_world[:, 0], truth.people[0].joints_world[:, 0]
    off = np.linalg.norm(align_trajectory(found, true, "yaw", 1) - true, axis=-1)
    ray = found + np.einsum("tji,tj->ti", placed.camera.rotation, placed.camera.translation)
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    speed = np.sum(np.diff(found, axis=0) * ray[1:], axis=-1) / np.diff(placed.times)
    return [score_moving(placed, truth, body)["person"], 100 * float(off[when > 0].max()), float(np.abs(speed).max())]


def one(body: BodyModel, kind: str, seed: int, seconds: float, share: float) -> list[float]:
    """Scores as Kinema places the person, and as if the keypoints were sure."""
    rng = np.random.default_rng(3000 + seed)
    motion = procedural_motion(body, "rounds", seed=seed, fps=25).slice(0, 8.0)
    camera = moving_camera(kind, motion.people[0].joints_world, motion.times, rng)
    unit = float(np.exp(rng.uniform(-2, 2)))
    path = path_of_camera(camera, motion.times, unit=unit, rng=rng, kind="rotation" if kind == "pan" else "full")
    truth = filmed(motion, camera, path, body)
    when = spell(truth.times, float(rng.uniform(3, 5)), seconds)
    hidden = half_hidden(as_fitted(truth, body, rng), body, when, share)
    sure = seen_with(hidden, np.ones_like(hidden.people[0].keypoint_confidence))
    return [score for each in (hidden, sure) for score in scored(place_in_world(each, body), truth, when, body)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=6)
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.5, 1.0, 2.0])
    parser.add_argument("--cameras", nargs="+", default=["pan", "dolly", "orbit", "follow"])
    args = parser.parse_args()
    body = load_body()
    names = ("person, %", "hidden, cm", "along, m/s")
    print(heading(["mistaken for", "camera", "hidden, s", *names, *(f"as sure: {name}" for name in names)]))
    for word, share in MISTAKES:
        for kind in args.cameras:
            for seconds in args.seconds:
                rows = [one(body, kind, seed, seconds, share) for seed in range(args.each)]
                means = (f"{value:.1f}" for value in np.mean(rows, axis=0))
                print(line([word, kind, f"{seconds:g}", *means]), flush=True)


if __name__ == "__main__":
    main()
