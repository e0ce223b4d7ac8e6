"""How long the pose lifter's errors last: of rendered people whom it was never trained on, joint by joint.

    python benchmarks/lasting_errors.py WINDOWS

WINDOWS: the folder of `tools/train_pose_lifter.py render`, of which the held-out windows are taken, three seconds each.
Prints the error over the stated uncertainty, its correlation after a while, the share of the error's variance that
is that of the window's mean: what lasts (`kinema.estimation.lasting`), and its correlation with the errors that the
lifter of 2D keypoints makes of the same points.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.windows import held_out_windows

from kinema.commands._tables import print_table
from kinema.geometry.rotations import matrix_to_axis_angle
from kinema.models.pose_lifter.lifter import KeypointLifter, Lifter, PoseLifter
from kinema.skeleton import SMPL24
from kinema.stage import given
from kinema.training.rendered import LIFTER_FILM

AFTER = (0.1, 0.5, 1.0, 2.0)
JOINTS = ("pelvis", "hip", "knee", "spine1", "spine2", "spine3", "collar", "shoulder", "elbow")
MOST = 3.0
"""Errors in stated uncertainties beyond which all count alike: of people who are not found at all."""


def errors(folder: Path, lifter: Lifter) -> np.ndarray:
    """(N,F,24,3): tangents of the error's rotation over the stated uncertainty, of N windows."""
    found = []
    for window in held_out_windows(folder, LIFTER_FILM):
        (person,), camera = window.motion.people, given(window.motion.camera)
        lifted = lifter(person, window.motion.times, camera)
        off = matrix_to_axis_angle(np.swapaxes(lifted.rotation, -1, -2) @ window.rotation)
        found.append(off / lifted.sigma[..., None])
    return np.clip(found, -MOST, MOST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("windows", type=Path)
    windows = parser.parse_args().windows
    off, other = errors(windows, PoseLifter()), errors(windows, KeypointLifter())
    rows = []
    for name in (*JOINTS, "all of these"):
        columns = [k for k, joint in enumerate(SMPL24.joints) if joint.removeprefix("left_").removeprefix("right_") in
                   (JOINTS if name not in JOINTS else (name,))]  # fmt: skip
        part, apart = off[:, :, columns], other[:, :, columns]
        variance = np.mean(part**2)
        steps = [round(delay * LIFTER_FILM.rate) for delay in AFTER]
        left = [np.mean(part[:, step:] * part[:, :-step]) / variance for step in steps]
        lasts = np.mean(part.mean(axis=1) ** 2) / variance
        shared = np.mean(part * apart) / np.sqrt(variance * np.mean(apart**2))
        rows.append([name, *(f"{value:.2f}" for value in (np.sqrt(variance), *left, lasts, shared))])
    print_table(["", "error / sigma", *(f"after {delay:g} s" for delay in AFTER), "lasts", "shared"], rows)


if __name__ == "__main__":
    main()
