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

from kinema.body import load_body
from kinema.body.kinematics import Rig
from kinema.estimation import FitOptions, fit_body
from kinema.geometry.camera import camera_from_focal, project
from kinema.metrics import mpjpe, pa_mpjpe
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, LIMBS12, SMPL24
from kinema.training.rendered import LIFTER_FILM, REFINER_FILM
from kinema.training.windows import load_windows

WIDTH = HEIGHT = 1000
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
    windows = {n: v.astype(np.float64) for n, v in load_windows(args.windows, "held_out", film).items()}
    body, camera = load_body(), camera_from_focal(WIDTH, HEIGHT, 1000.0, "calibration")
    limbs, marks = SMPL24.indices(LIMBS12), BLAZEPOSE33.indices(LIMBS12)
    chosen = np.unique(np.linspace(0, len(windows["root"]) - 1, args.count).astype(int))
    scores: dict[str, list[tuple[float, ...]]] = {name: [] for name in (RAW, *FITS)}
    for i in chosen:
        rig = Rig.of(body, "blazepose33", windows["betas"][i])
        _, joints, _ = rig.forward(windows["rotation"][i], windows["root"][i])
        truth = centred(joints[:, limbs])
        rays = windows["rays"][i]
        frames = len(rays)
        person = Person(
            1, np.arange(frames), keypoint_set="blazepose33",
            keypoints=project(np.concatenate([rays, np.ones_like(rays[..., :1])], -1), camera.intrinsics),
            keypoint_confidence=np.clip(windows["confidence"][i], 0, 1), keypoints3d=windows["landmarks"][i],
        )  # fmt: skip
        motion = Motion(np.arange(frames) / film.rate, WIDTH, HEIGHT, people=(person,), camera=camera)
        found = {RAW: person.keypoints3d[:, marks]}
        for name, options in FITS.items():
            (fitted,) = fit_body(motion, body, options).people
            found[name] = fitted.require("joints")[0][:, limbs]
        for name, points in found.items():
            estimate = centred(points)
            jitter = np.linalg.norm(np.diff(estimate - truth, 2, axis=0), axis=-1).mean() * film.rate**2
            scores[name].append(
                (1e3 * np.mean(mpjpe(estimate, truth)), 1e3 * np.mean(pa_mpjpe(estimate, truth)), jitter)
            )
    print(f"{f'{len(chosen)} windows of held-out people':44s}{'MPJPE':>10s}{'PA-MPJPE':>10s}{'acc.':>10s}")
    for name, rows in scores.items():
        print(f"{name:44s}" + "".join(f"{value:10.1f}" for value in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
