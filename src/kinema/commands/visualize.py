"""`kinema visualize`: a motion before and after refinement as a video."""

from __future__ import annotations

import argparse
from pathlib import Path

DESCRIPTION = """\
Show what a refinement did: the motion before (left) and after (right) as a video, with the acceleration of both below.
BEFORE and AFTER are motion files of one clip that Kinema reads. --video puts the source behind bodies and keypoints.
"""

EXAMPLES = """\
  kinema visualize smpl_output.pkl smpl_output_refined.pkl --video clip.mp4
  kinema visualize smpl_output.pkl smpl_output_refined.pkl --show 3d --out joints.mp4
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="BEFORE", type=Path, help="a motion file")
    parser.add_argument("after", metavar="AFTER", type=Path, help="the same motion, refined")
    parser.add_argument("--show", choices=("body", "3d", "2d"), default="body", help="default: %(default)s")
    parser.add_argument("--video", type=Path, metavar="VIDEO", help="the source video")
    parser.add_argument("--time-range", metavar="A-B", help="the seconds of the source that the motion was made from")
    parser.add_argument("--out", type=Path, metavar="MP4", help="default: AFTER with _comparison.mp4")
    parser.add_argument("--max-side", type=int, default=640, metavar="PX", help="of one picture (default: %(default)s)")
    parser.add_argument("--body-model", metavar="PATH", help="an SMPL file (.pkl or .npz) in place of the free body")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    from contextlib import nullcontext

    from kinema.body import load_body
    from kinema.commands._console import watcher
    from kinema.formats import load_motion
    from kinema.pipeline.options import time_range
    from kinema.video import open_video
    from kinema.visualization.comparison import ComparisonOptions, write_comparison

    before, after = load_motion(args.before), load_motion(args.after)
    out = args.out or args.after.with_name(f"{args.after.stem}_comparison.mp4")
    options = ComparisonOptions(args.show, args.max_side)
    start, end = time_range(args.time_range) if args.time_range else (None, None)
    opened = nullcontext() if args.video is None else open_video(args.video, start=start, end=end)
    with opened as video, watcher(quiet=args.quiet) as shown:
        body = load_body(args.body_model)
        write_comparison(before, after, body, out, options, video=video, progress=shown.start("overlay"))
    print(out)
    return 0
