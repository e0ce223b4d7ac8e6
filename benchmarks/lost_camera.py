"""How well a moving camera's path is put together again after the background was out of sight.

    python benchmarks/lost_camera.py [--each 6]

Walks of 9 s filmed by moving cameras (`tests/helpers/moving.py`), with the errors of a fit and of a camera method.
In the middle the camera is lost for some seconds, in which it goes on as it did; what follows has another unit. Prints
means of the person's error in percent of the distance walked and of the camera's in percent of its way, after the best
shift and rotation about the vertical: placed in pieces, and, as a comparison, as if the path were one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.tables import heading, line
from tests.helpers.monocular import as_fitted
from tests.helpers.moving import filmed, lost_between, moving_camera, path_of_camera, score_moving

from kinema.body import BodyModel, load_body
from kinema.geometry.camera_path import path_data
from kinema.synthetic import procedural_motion
from kinema.world import place_in_world

GAPS = (0.5, 1.0, 2.0)


def one(body: BodyModel, kind: str, seed: int, gap: float) -> list[float]:
    """The person's and the camera's error in pieces, and the same as one."""
    rng = np.random.default_rng(2000 + seed)
    motion = procedural_motion(body, "rounds", seed=seed, fps=25).slice(0, 9.0)
    camera = moving_camera(kind, motion.people[0].joints_world, motion.times, rng)
    units = np.exp(rng.uniform(-2, 2, 2))
    whole = path_of_camera(camera, motion.times, unit=units[0], rng=rng, kind="rotation" if kind == "pan" else "full")
    middle = motion.num_frames // 2
    path = lost_between(whole, middle, middle + round(25 * gap), units[1] / units[0])
    truth = filmed(motion, camera, path, body)
    fitted = as_fitted(truth, body, rng)
    errors = []
    for breaks in (path.breaks, np.zeros(0, int)):
        data = {**fitted.data, **path_data(path.replace(breaks=breaks))}
        scores = score_moving(place_in_world(fitted.replace(data=data), body), truth, body)
        errors += [scores["person"], scores["camera"]]
    return errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=6)
    args = parser.parse_args()
    body = load_body()
    print(heading(["camera", "lost, s", "person, %", "camera, %", "as one: person, %", "camera, %"]))
    for kind in ("pan", "dolly", "orbit", "follow"):
        for gap in GAPS:
            means = np.mean([one(body, kind, seed, gap) for seed in range(args.each)], axis=0)
            cells = (f"{mean:.1f}" if np.isfinite(mean) else "-" for mean in means)
            print(line([kind, f"{gap:g}", *cells]), flush=True)


if __name__ == "__main__":
    main()
