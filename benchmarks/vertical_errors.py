"""Whether what people show of the vertical is as uncertain as it says, on rendered people never trained on.

    python tools/train_pose_lifter.py render --mocap cmu_train.npz --out windows --minutes 10
    python benchmarks/vertical_errors.py windows [--count N]

Fits every held-out window, three seconds before a camera that may be mounted high and rolled, and prints for roll and
pitch: the errors, in degrees, of the line from the feet to the centre of mass, of the lifter's vertical, and of the
world's, which combines them with the feet's plane and the habit of holding cameras level; each error over its stated
uncertainty (1 is right); and the correlation of the first two.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.windows import held_out_windows

from kinema.body import load_body
from kinema.body.sizes import stature
from kinema.commands._tables import print_table
from kinema.estimation import fit_body
from kinema.refinement import filter_motion
from kinema.stage import given
from kinema.training.rendered import LIFTER_FILM
from kinema.world.balance import balance_axis, tangent
from kinema.world.ground import estimate_ground
from kinema.world.ground_solver import LIFTED_SIGMA
from kinema.world.tracks import Sight

SHOWN = ("feet to centre of mass", "lifter", "world")


def measured(folder: Path, count: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Errors and stated uncertainties (N,3,2), degrees: of `SHOWN`, in roll and pitch."""
    body = load_body()
    off, stated = [], []
    for window in held_out_windows(folder, LIFTER_FILM, count):
        fitted = filter_motion(fit_body(window.motion, body), body)
        (person,) = fitted.people
        track = Sight(fitted.times, given(fitted.camera), body).track(person)
        height = np.array([stature(body, person.require("betas")[0][0])])
        ground = estimate_ground([track], height, np.array([False]))
        axis, sigma, _ = balance_axis(track, ground.up)
        if axis is None:
            continue
        verticals = np.stack([axis, given(track.lifted_up), ground.up])
        off.append(np.degrees(np.arcsin(np.clip(verticals @ tangent(window.up).T, -1, 1))))
        stated.append([np.degrees(sigma), np.degrees(LIFTED_SIGMA), ground.tilt_sigma])
    return np.array(off), np.array(stated)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("windows", type=Path)
    parser.add_argument("--count", type=int, help="windows to fit (default: all)")
    args = parser.parse_args()
    off, stated = measured(args.windows, args.count)
    root_mean_square = np.sqrt(np.mean(off**2, axis=0))
    ratio = np.sqrt(np.mean((off / stated) ** 2, axis=0))
    rows = [
        [name, *(f"{root_mean_square[k, axis]:.1f} ({ratio[k, axis]:.1f})" for axis in (0, 1))]
        for k, name in enumerate(SHOWN)
    ]
    shared = np.mean(off[:, 0] * off[:, 1], axis=0) / np.prod(root_mean_square[:2], axis=0)
    rows.append(["correlation of the first two", *(f"{value:.2f}" for value in shared)])
    print_table([f"{len(off)} windows", "roll, deg (over stated)", "pitch"], rows)


if __name__ == "__main__":
    main()
