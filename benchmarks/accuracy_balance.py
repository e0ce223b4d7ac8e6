"""Errors of `kinema run` against triangulated ground truth, two views of `balance_single`, and of BlazePose's raw 3D.

    python benchmarks/accuracy_balance.py [--out DIR] [--landmarks raw] [--keypoints rtmpose] [--detector NAME] [--flip]

12 limb joints, mid-hip aligned, millimetres, in the camera's frame, on the frames that both sources have. The ground
truth is Pose2Sim's multi-view triangulation (1-3 cm on the large joints), not markers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA, require_data
from benchmarks.accuracy_parts.truths import BALANCE_VIEWS, balance_truth

from kinema.commands._tables import print_table
from kinema.evaluation.motion import evaluate_motion
from kinema.pipeline import RunOptions, run

MEASURES = {
    "mpjpe_mm": "MPJPE mm",
    "pa_mpjpe_mm": "PA-MPJPE mm",
    "acceleration_error_m_s2": "acceleration m/s2",
    "bend_error_deg": "bend deg",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("outputs/accuracy_balance"))
    parser.add_argument("--landmarks", choices=("refined", "raw"), default="refined", help="landmarks used by the fit")
    parser.add_argument("--keypoints", default="blazepose", help="the source of keypoints")
    parser.add_argument("--detector", default=None, help="the person detector")
    parser.add_argument("--flip", action="store_true", help="average the keypoints with those of the mirrored image")
    args = parser.parse_args()
    require_data(DATA / "gt" / "balance_single")
    rows = []
    for view in BALANCE_VIEWS:
        clip = DATA / "videos" / f"balance_single_multiview_{view}.mp4"
        options = RunOptions.of(
            overlay=False, landmarks=args.landmarks, keypoints=args.keypoints, detector=args.detector, flip=args.flip
        )
        motion = run(clip, args.out, options).motion
        truth = balance_truth(view)
        sources = ("body", "keypoints3d") if motion.people[0].keypoints3d is not None else ("body",)
        for source in sources:
            others = [other for other in sources if other != source]
            total = evaluate_motion(motion, truth, source=source, also_require=others).total
            rows.append([f"{view} {source}", *(f"{total[key]:.1f}" for key in MEASURES)])
    print_table(["view and source", *MEASURES.values()], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
