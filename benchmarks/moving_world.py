"""How accurately a motion is placed in the world when the camera moves: known motions, known ways of the camera.

    python benchmarks/moving_world.py [--each 8] [--seconds 10] [--cameras handheld] [--scripts demo] [--exact path]

The demo's motions and walks ("rounds") are filmed by cameras that turn, sway, travel, circle, walk along and fly
(`tests/helpers/moving.py`). Their camera-frame truth gets the errors of one camera (as in `world_accuracy.py`); the
true path gets those of a camera-motion method (0.2 degrees, 0.5 % of the way) and a random unit; the body is too tall
or too small by 5 % (a population's spread; --size), with a given height by 1 %. Prints means, in brackets the 90th
percentile: the error of the metric scale in percent, the standard deviation that it states, and the centimetres that
the error makes over the range of the camera's places; of the person's path in percent of the distance walked, of the
camera's in percent of its way, both after the best shift and rotation about the vertical; of the vertical; of the
ground under the person; speed of feet in contact. --exact leaves out the errors of the path, or of people's poses and
distances.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.tables import heading, line
from tests.helpers.monocular import as_fitted
from tests.helpers.moving import (
    KINDS,
    filmed,
    moving_camera,
    of_other_size,
    path_of_camera,
    score_moving,
)

from kinema.body import BodyModel, load_body
from kinema.body.sizes import BODY_HEIGHT
from kinema.synthetic import procedural_motion
from kinema.world import place_in_world

COLUMNS = (
    ("scale, %", "scale"), ("stated, %", "stated"), ("scale, cm", "off"), ("person, %", "person"),
    ("camera, %", "camera"), ("vertical, deg", "gravity"), ("ground, cm", "ground"), ("sliding, mm/s", "sliding"),
)  # fmt: skip


def one(
    body: BodyModel, script: str, kind: str, seed: int, seconds: float, size: float, exact: Collection[str] = ()
) -> dict[str, float]:
    """Scores of one clip; size: standard deviation of the fitted size as a fraction, stated as in a fit; exact: what
    has no errors, of "path" and "people"."""
    rng = np.random.default_rng(1000 + seed)
    motion = procedural_motion(body, script, seed=seed, fps=25).slice(0, seconds)
    camera = moving_camera(kind, motion.people[0].joints_world, motion.times, rng)
    unit = float(np.exp(rng.uniform(-2, 2)))
    noise = None if "path" in exact else rng
    path = path_of_camera(camera, motion.times, unit=unit, rng=noise, kind="rotation" if kind == "pan" else "full")
    truth = filmed(motion, camera, path, body)
    fitted = truth if "people" in exact else as_fitted(truth, body, rng)
    fitted = of_other_size(fitted, body, float(np.exp(size * rng.normal())))
    height = {BODY_HEIGHT: {"metres": 1.7, "source": "assumed", "uncertainty": 1.7 * size}}
    fitted = fitted.replace(people=tuple(person.replace(data={**person.data, **height}) for person in fitted))
    placed = place_in_world(fitted, body)
    found = placed.provenance[-1].arguments["path"]
    scores = score_moving(placed, truth, body)
    told = kind != "pan"
    scale = 100 * abs(found["scale"] / unit - 1) if told else float("nan")
    stated = 100 * found["sigma_scale"] if told else float("nan")
    reach = 100 * float(np.linalg.norm(np.ptp(path.centre, axis=0))) * unit
    return {
        **scores, "ground": 100 * abs(scores["ground"]), "scale": scale, "stated": stated, "off": scale / 100 * reach,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=float, nargs="+", default=[0.05, 0.01])
    parser.add_argument("--scripts", nargs="+", default=["rounds", "demo"])
    parser.add_argument("--cameras", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument(
        "--exact", nargs="+", default=[], choices=("path", "people"), help="leave out the errors of these"
    )
    args = parser.parse_args()
    body = load_body()
    print(heading(["motion", "camera", "size +-", *(name for name, _ in COLUMNS)]))
    for script in args.scripts:
        for size in args.size:
            for kind in args.cameras:
                rows = [one(body, script, kind, seed, args.seconds, size, args.exact) for seed in range(args.each)]
                cells = []
                for _, key in COLUMNS:
                    values = np.array([row[key] for row in rows])
                    known = np.isfinite(values).any()
                    cells.append(f"{values.mean():.1f} ({np.percentile(values, 90):.1f})" if known else "-")
                print(line([script, kind, f"{100 * size:.0f} %", *cells]), flush=True)


if __name__ == "__main__":
    main()
