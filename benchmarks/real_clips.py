"""`kinema run` on every real clip of KINEMA_DATA: people found, how well the body fits the image, and speed.

    python benchmarks/real_clips.py [CLIP...] [--out DIR] [--overlay]

One line per clip: people, fraction of the clip's frames in which the longest-visible person was observed, reprojection
error relative to the person's height, jitter before and after smoothing, frames per second over all stages.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.data import all_videos

from kinema.commands._tables import print_table
from kinema.errors import KinemaError
from kinema.pipeline import RunOptions, run


def line(clip: Path, out: Path, options: RunOptions) -> list[str]:
    """The table row of one clip."""
    try:
        result = run(clip, out, options, force=True)
    except KinemaError as error:
        return [clip.stem, *["-"] * 8, str(error)]
    record, summary = result.record, result.summary
    first = max(summary["people"], key=lambda person: person["observed"])
    seconds = {name: s for name, s in record["seconds"].items() if name not in ("overlay", "total")}
    total = sum(seconds.values())
    return [
        clip.stem,
        str(summary["frames"]),
        str(len(summary["people"])),
        f"{100 * first['coverage']:.1f} %",
        f"{100 * first['reprojection_share']:.2f} %",
        f"{first['jitter_before']:.0f} > {first['jitter_after']:.0f}",
        "moving" if summary["camera"]["moving"] else "static",
        f"{summary['frames'] / total:.1f}",
        f"{100 * seconds['track'] / total:.0f} %",
        record["verdict"],
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--out", type=Path, default=Path("outputs/real_clips"))
    parser.add_argument("--overlay", action="store_true", help="also write each overlay.mp4 for inspection")
    args = parser.parse_args()
    clips = args.clips or all_videos()
    options = RunOptions.of(overlay=args.overlay)
    rows = []
    for clip in clips:
        rows.append(line(clip, args.out, options))
        print(" ".join(rows[-1]), file=sys.stderr)
    columns = ["clip", "frames", "people", "seen", "reprojection", "jitter m/s3", "camera", "fps", "tracking", "check"]
    print_table(columns, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
