"""The effect of the published SmoothNet weights on the default pipeline's results for real clips of one person.

    python benchmarks/published_smoothnet.py --weights FOLDER [CLIP...] [--out outputs/published_smoothnet]

FOLDER holds checkpoint_8.pth.tar and so on (3DPW-SPIN, 3D). Each clip of KINEMA_DATA is run without a filter (reused
by later calls), then refined with every window, with Kinema's defaults and as published. For each: the
acceleration of the joints relative to the unrefined one, and the mean displacement of the joints, mm; then the means
over the clips. Targets: at most 0.5 and less than 20 mm.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import DATA

from kinema.body import load_body
from kinema.commands._tables import print_table
from kinema.formats import load_motion
from kinema.pipeline import RunOptions, run
from kinema.refinement import refine

CLIPS = ("taiji", "football_juggle", "one_leg_stand", "treadmill_collapse", "balance_single_multiview_cam01")
WINDOWS = (8, 16, 32, 64)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--weights", type=Path, default=DATA.parent / "weights" / "smoothnet" / "pw3d_spin_3D")
    parser.add_argument("--out", type=Path, default=Path("outputs/published_smoothnet"))
    args = parser.parse_args()
    clips = args.clips or [path for name in CLIPS for path in sorted((DATA / "videos").glob(f"{name}*.mp4"))]
    checkpoints = [(w, args.weights / f"checkpoint_{w}.pth.tar") for w in WINDOWS]
    checkpoints = [(w, path) for w, path in checkpoints if path.is_file()]
    if not clips or not checkpoints:
        print(f"no clips in {DATA / 'videos'} or no checkpoint_W.pth.tar in {args.weights}", file=sys.stderr)
        return 3
    body = load_body()
    rows = []
    means: dict[str, list[list[tuple[float, float]]]] = {"as published": [], "kinema": []}
    for clip in clips:
        options = RunOptions.of(max_persons=1, filter="none", overlay=False)
        motion = load_motion(run(clip, args.out, options).folder / "smpl_output.pkl")
        person = motion.people[0]
        for as_published in (False, True):
            how = "as published" if as_published else "kinema"
            row = [clip.stem if not as_published else "", f"{motion.fps:.0f}", how]
            means[how].append([])
            for _, path in checkpoints:
                refined = refine(
                    motion, body, "smoothnet", checkpoint=path, representation="3d", as_published=as_published
                )
                record = refined.provenance[-1].arguments["people"][str(person.id)]
                share = record["after"]["acceleration"] / record["before"]["acceleration"]
                moved = 1000 * np.linalg.norm(refined.people[0].joints - person.joints, axis=-1).mean()
                row.append(f"{share:.2f}, {moved:.1f} mm")
                means[how][-1].append((share, moved))
            rows.append(row)
        print(" ".join(rows[-2]), file=sys.stderr, flush=True)
    for how in ("kinema", "as published"):
        mean = [f"{share:.2f}, {moved:.1f} mm" for share, moved in np.mean(means[how], axis=0)]
        rows.append(["mean" if how == "kinema" else "", "", how, *mean])
    print_table(["clip", "fps", "run", *(f"{w} frames" for w, _ in checkpoints)], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
