"""How accurate the fit is with keypoints of each joint set, from 2D alone and with 3D.

    python benchmarks/joint_sets.py [--seeds N]

Procedural motions before the studio camera. Their body's own keypoints, with 2 px of noise on each axis of the image,
and in 3D with 30 mm in depth and 9 mm across, are fitted; there is no detector, and keypoints and truth are the same
points of the same body, so real keypoints do worse. Prints MPJPE and PA-MPJPE over twelve limb joints, mid-hip
aligned, in millimetres.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.limbs import centred
from benchmarks.accuracy_parts.tables import heading, line

from kinema.body import BodyModel, load_body
from kinema.estimation import fit_body
from kinema.geometry.camera import project
from kinema.metrics import mpjpe, pa_mpjpe
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import LIMBS12, SMPL24, joint_set
from kinema.synthetic import procedural_motion

SETS = ("coco17", "h36m17", "halpe26", "body25", "blazepose33")
SCRIPTS = {"rounds": "a walk seen from all sides", "on-the-spot": "on the spot, facing the camera", "demo": "the demo"}
LIMBS = SMPL24.indices(LIMBS12)
PIXELS = 2.0
METRES = np.array([0.009, 0.009, 0.030])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="motions of each kind (default: 1)")
    seeds = parser.parse_args().seeds
    body = load_body()
    print(heading(["motion", "keypoints", "2D alone: MPJPE, PA-MPJPE", "with 3D: MPJPE, PA-MPJPE"]))
    for script, title in SCRIPTS.items():
        motions = [procedural_motion(body, script, seed=seed) for seed in range(seeds)]
        for name in SETS:
            cells = []
            for with_3d in (False, True):
                rows = [error(motion, body, name, with_3d, seed) for seed, motion in enumerate(motions)]
                cells.append(", ".join(f"{value:.0f}" for value in np.mean(rows, axis=0)))
            print(line([title, name, *cells]), flush=True)


def error(motion: Motion, body: BodyModel, name: str, with_3d: bool, seed: int) -> tuple[float, float]:
    """MPJPE and PA-MPJPE, millimetres, of the fit to the keypoints of joint set `name`."""
    (truth,) = motion.people
    (fitted,) = fit_body(motion.replace(people=(observed(motion, body, name, with_3d, seed),)), body).people
    wanted, found = (centred(person.require("joints")[0][:, LIMBS]) for person in (truth, fitted))
    return 1e3 * float(np.mean(mpjpe(found, wanted))), 1e3 * float(np.mean(pa_mpjpe(found, wanted)))


def observed(motion: Motion, body: BodyModel, name: str, with_3d: bool, seed: int) -> Person:
    """The person as a detector of this joint set would see it, without its pose."""
    rng = np.random.default_rng(seed)
    (truth,) = motion.people
    points = body.posed_points(name, *truth.require("pose", "betas", "transl"))
    pixels = project(points, motion.camera.intrinsics)
    person = Person(
        truth.id, truth.frames, keypoint_set=name, keypoints=pixels + PIXELS * rng.normal(size=pixels.shape),
        keypoint_confidence=np.full(pixels.shape[:2], 0.9),
    )  # fmt: skip
    if not with_3d:
        return person
    hips = points[:, joint_set(name).indices(("left_hip", "right_hip"))].mean(axis=1, keepdims=True)
    return person.replace(keypoint3d_set=name, keypoints3d=points - hips + METRES * rng.normal(size=points.shape))


if __name__ == "__main__":
    main()
