"""What the pose lifter brings: the fit with and without it on rendered windows of held-out people.

    python tools/train_pose_lifter.py render --mocap cmu_train.npz --out windows --minutes 10
    python benchmarks/fit_priors.py windows [--count N]

Prints MPJPE and PA-MPJPE over twelve limb joints, mid-hip aligned, in millimetres, of BlazePose's raw 3D,
of the fit with the direct prior, and of the fit with the learned prior, on the same frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from kinema.body import load_body
from kinema.estimation import FitOptions, fit_body
from kinema.estimation.rig import Rig
from kinema.evaluation.metrics import mpjpe, pa_mpjpe
from kinema.geometry.cameras import camera_from_focal, project
from kinema.motion import Motion, Person
from kinema.skeleton import BLAZEPOSE33, LIMBS12, SMPL24
from kinema.training.rendered import LIFTER_FILM
from kinema.training.windows import load_windows

WIDTH = HEIGHT = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("windows", type=Path)
    parser.add_argument("--count", type=int, default=40, help="windows to fit (default: 40)")
    args = parser.parse_args()
    windows = {n: v.astype(np.float64) for n, v in load_windows(args.windows, "held_out", LIFTER_FILM).items()}
    body, camera = load_body(), camera_from_focal(WIDTH, HEIGHT, 1000.0, "calibration")
    limbs, marks = SMPL24.indices(LIMBS12), BLAZEPOSE33.indices(LIMBS12)
    chosen = np.unique(np.linspace(0, len(windows["root"]) - 1, args.count).astype(int))
    scores: dict[str, list[tuple[float, float]]] = {"raw": [], "direct": [], "learned": []}
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
        motion = Motion(np.arange(frames) / LIFTER_FILM.rate, WIDTH, HEIGHT, people=(person,), camera=camera)
        found = {"raw": person.keypoints3d[:, marks]}
        for prior in ("direct", "learned"):
            (fitted,) = fit_body(motion, body, FitOptions(prior=prior)).people
            found[prior] = fitted.require("joints")[0][:, limbs]
        for name, points in found.items():
            guess = centred(points)
            scores[name].append((1e3 * np.mean(mpjpe(guess, truth)), 1e3 * np.mean(pa_mpjpe(guess, truth))))
    print(f"{len(chosen)} windows of people never trained on        MPJPE  PA-MPJPE")
    for name, rows in scores.items():
        print(f"{name:48s}{np.mean(rows, axis=0)[0]:6.1f}    {np.mean(rows, axis=0)[1]:6.1f}")


def centred(limbs: np.ndarray) -> np.ndarray:
    """(F,12,3) relative to the mid-hip."""
    return limbs - 0.5 * (limbs[:, 6:7] + limbs[:, 7:8])


if __name__ == "__main__":
    main()
