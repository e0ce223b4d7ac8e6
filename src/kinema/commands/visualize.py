"""`kinema visualize`: compare a motion before and after refinement in a video."""

from __future__ import annotations

import argparse
from pathlib import Path

from kinema.commands._options import add_body, add_file, add_quiet, add_settings, options_from, output_file

DESCRIPTION = """\
Show the effect of a refinement: a video of the motion before (left) and after (right), with the acceleration of both
below. BEFORE and AFTER are motion files of the same clip. --video shows the source behind bodies and keypoints.
"""

EXAMPLES = """\
  kinema visualize smpl_output.pkl smpl_output_refined.pkl --video clip.mp4
  kinema visualize smpl_output.pkl smpl_output_refined.pkl --show 3d --out joints.mp4
"""


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.video.options import VideoOptions
    from kinema.visualization.options import ComparisonOptions

    add_file(parser, "before")
    add_file(parser, "after", "the same motion, refined")
    add_settings(parser, ComparisonOptions)
    parser.add_argument("--video", type=Path, metavar="VIDEO", help="the source video")
    parser.add_argument("--time-range", metavar="A-B", help="seconds of the source that the motion covers")
    add_settings(parser, VideoOptions, "rotate")
    parser.add_argument("--out", type=Path, metavar="MP4", help="file to write (default: AFTER with _comparison)")
    add_body(parser)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    from contextlib import nullcontext

    from kinema.body import load_body
    from kinema.formats import load_motion, motion_file
    from kinema.pipeline.options import time_range
    from kinema.pipeline.showing import watcher
    from kinema.video import open_video
    from kinema.video.options import VideoOptions
    from kinema.visualization.comparison import write_comparison
    from kinema.visualization.options import ComparisonOptions

    file = motion_file(args.after)
    read = [path for path in (args.before, file, args.video) if path is not None]
    out = output_file(args.out, file.with_name(f"{file.stem}_comparison.mp4"), *read)
    before, after = load_motion(args.before), load_motion(file)
    options = options_from(args, ComparisonOptions)
    start, end = time_range(args.time_range) if args.time_range else (None, None)
    opened = (
        nullcontext()
        if args.video is None
        else open_video(args.video, start=start, end=end, options=options_from(args, VideoOptions))
    )
    with opened as video, watcher(quiet=args.quiet, flags=args.flags) as shown:
        body = load_body(args.body_model)
        write_comparison(before, after, body, out, options, video=video, progress=shown.start("overlay"))
    print(out)
    return 0
