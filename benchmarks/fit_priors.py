"""What the networks contribute to the fit: with and without lifter and refiner, on rendered held-out windows.

    python tools/train_pose_lifter.py render --mocap cmu_train.npz --out windows --minutes 10
    python benchmarks/fit_priors.py windows [--count N] [--rate 30]

Prints MPJPE and PA-MPJPE over twelve limb joints, mid-hip aligned, in millimetres, and the acceleration error in m/s2,
of BlazePose's raw 3D and of the fit with the analytic and the learned prior, each with raw and with refined landmarks,
on the same frames.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.limbs import centred
from benchmarks.accuracy_parts.windows import held_out_windows

from kinema.body import load_body
from kinema.body.kinematics import Rig
from kinema.estimation import FitOptions, fit_body
from kinema.metrics import mpjpe, pa_mpjpe
from kinema.skeleton import BLAZEPOSE33, LIMBS12, SMPL24
from kinema.training.rendered import LIFTER_FILM, REFINER_FILM

FITS = {
    f"fit, {prior} prior, {landmarks} landmarks": FitOptions(prior=prior, landmarks=landmarks)
    for prior in ("analytic", "learned")
    for landmarks in ("raw", "refined")
} | {"the last, its errors not taken to last": FitOptions(lasting=False)}
RAW = "BlazePose's raw 3D"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("windows", type=Path)
    parser.add_argument("--count", type=int, default=40, help="windows to fit (default: 40)")
    parser.add_argument(
        "--rate", type=float, default=10.0, choices=(10.0, 30.0), help="frames per second of the windows"
    )
    args = parser.parse_args()
    film = {f.rate: f for f in (LIFTER_FILM, REFINER_FILM)}[args.rate]
    body = load_body()
    limbs, marks = SMPL24.indices(LIMBS12), BLAZEPOSE33.indices(LIMBS12)
    scores: dict[str, list[tuple[float, ...]]] = {name: [] for name in (RAW, *FITS)}
    for window in held_out_windows(args.windows, film, args.count):
        _, joints, _ = Rig.of(body, "blazepose33", window.betas).forward(window.rotation, window.root)
        truth = centred(joints[:, limbs])
        found = {RAW: window.motion.people[0].require("keypoints3d")[0][:, marks]}
        for name, options in FITS.items():
            (fitted,) = fit_body(window.motion, body, options).people
            found[name] = fitted.require("joints")[0][:, limbs]
        for name, points in found.items():
            estimate = centred(points)
            jitter = np.linalg.norm(np.diff(estimate - truth, 2, axis=0), axis=-1).mean() * film.rate**2
            scores[name].append(
                (1e3 * np.mean(mpjpe(estimate, truth)), 1e3 * np.mean(pa_mpjpe(estimate, truth)), jitter)
            )
    print(f"{f'{len(scores[RAW])} windows of held-out people':44s}{'MPJPE':>10s}{'PA-MPJPE':>10s}{'acc.':>10s}")
    for name, rows in scores.items():
        print(f"{name:44s}" + "".join(f"{value:10.1f}" for value in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
