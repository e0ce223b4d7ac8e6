"""How much of a camera's tilt the pose lifter's vertical shows, and what the world makes of it.

    python benchmarks/lifted_vertical.py [--count 36]

Procedural motions before random cameras, rolled by up to 20 degrees, are rendered, tracked and fitted. Prints, for roll
and pitch, the straight line from the true angle to the lifter's and the scatter about it in degrees, and by motion the
error of the lifter's vertical and of the world's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.truths import between
from tests.helpers.monocular import random_camera, seen_from

from kinema.body import BodyModel, load_body
from kinema.estimation import fit_body
from kinema.refinement import filter_motion
from kinema.synthetic import procedural_motion, render_clip
from kinema.tracking import track_people
from kinema.video import open_video
from kinema.world import place_in_world
from kinema.world.fitted import LIFTED_UP

SCRIPTS = ("rounds", "demo", "on-the-spot")


def angles(up: np.ndarray) -> list[float]:
    """Roll and pitch in degrees of a camera with this vertical."""
    return [float(np.degrees(np.arctan2(up[0], -up[1]))), float(np.degrees(np.arcsin(-up[2])))]


def one(body: BodyModel, script: str, seed: int, folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The true vertical of a clip in the camera's axes, the lifter's, and the world's."""
    rng = np.random.default_rng(7000 + seed)
    motion = procedural_motion(body, script, seed=100 + seed, fps=15).slice(1, 6)
    camera = random_camera(motion.people[0].joints_world, rng, roll=20.0)
    clip = render_clip(seen_from(motion, camera, body), body, folder / f"{seed}.mp4", seed=seed)
    with open_video(clip) as video:
        found = track_people(video)
    longest = max(found.people, key=len)
    lens = camera.replace(rotation=None, translation=None)
    fitted = filter_motion(fit_body(found.replace(people=(longest,), camera=lens), body), body)
    lifted = np.mean(fitted.people[0].data[LIFTED_UP], axis=0)
    return camera.rotation[:, 1], lifted, place_in_world(fitted, body).camera.rotation[:, 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=36)
    args = parser.parse_args()
    body = load_body()
    names = [SCRIPTS[seed % len(SCRIPTS)] for seed in range(args.count)]
    with tempfile.TemporaryDirectory() as folder:
        rows = [one(body, name, seed, Path(folder)) for seed, name in enumerate(names)]
    true, lifted = (np.array([angles(row[k]) for row in rows]) for k in (0, 1))
    for axis, name in enumerate(("roll", "pitch")):
        slope, offset = np.polyfit(true[:, axis], lifted[:, axis], 1)
        scatter = (lifted[:, axis] - slope * true[:, axis] - offset).std()
        print(f"{name}: lifted = {slope:.2f} true {offset:+.1f}, +- {scatter:.1f}")
    for script in SCRIPTS:
        chosen = [row for row, name in zip(rows, names, strict=True) if name == script]
        if chosen:
            alone = np.mean([between(row[0], row[1]) for row in chosen])
            placed = [between(row[0], row[2]) for row in chosen]
            print(f"{script}: lifter {alone:.1f}, world {np.mean(placed):.1f} (worst {max(placed):.1f}) degrees off")


if __name__ == "__main__":
    main()
