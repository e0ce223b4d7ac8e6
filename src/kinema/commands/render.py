"""`kinema render`: videos of a result."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.commands._options import add_file, add_quiet, add_settings, given, options_from, output_file

if TYPE_CHECKING:
    from kinema.pipeline.source_video import SourceVideo

DESCRIPTION = """\
Render a video of a result: of a run, of `kinema lift`, or of any motion file.

lift        2D skeletons in the video's frames to the left, the same people in 3D to the right, at the video's own
            times; the right side of a body is orange, the left one blue, joints that no keypoint shows are pale

A run's folder knows its video. Without a video, the 2D skeletons are drawn on plain paper.
"""

EXAMPLES = """\
  kinema render outputs/clip_20260131-142501 --style lift
  kinema render alphapose-results_lifted.pkl --style lift --video clip.mp4 --out lift.mp4
"""

STYLES = ("lift",)


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.video.options import VideoOptions
    from kinema.visualization.options import LiftVideoOptions

    add_file(parser)
    parser.add_argument("--style", choices=STYLES, default=STYLES[0], help="what is shown (default: %(default)s)")
    add_settings(parser, LiftVideoOptions, "panel_height")
    parser.add_argument("--video", type=Path, metavar="VIDEO", help="the source (default: the one of the run)")
    parser.add_argument("--no-video", action="store_true", help="plain paper in place of the source")
    parser.add_argument("--time-range", metavar="A-B", help="seconds of the source that the motion covers")
    add_settings(parser, VideoOptions)
    parser.add_argument("--out", type=Path, metavar="MP4", help="file to write (default: FILE with _lift, .mp4)")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    from kinema.formats import load_motion, motion_file
    from kinema.pipeline.showing import watcher
    from kinema.video import open_video
    from kinema.visualization.lift_video import write_lift_video
    from kinema.visualization.options import LiftVideoOptions

    file = motion_file(args.file)
    source = _source(args, file)
    read = [file] if source is None else [file, source.path]
    out = output_file(args.out, file.with_name(f"{file.stem}_{args.style}.mp4"), *read)
    options = options_from(args, LiftVideoOptions)
    motion = load_motion(file)
    opened: Any = contextlib.nullcontext()
    if source is not None:
        span = source.time_range
        opened = open_video(source.path, start=span.start, end=span.end, options=source.options)
    with opened as video, watcher(quiet=args.quiet, flags=args.flags) as shown:
        _, warnings = write_lift_video(motion, out, options, video=video, progress=shown.start("overlay"))
        for sentence in warnings:
            shown.note(sentence)
    print(out)
    return 0


def _source(args: argparse.Namespace, file: Path) -> SourceVideo | None:
    """The video behind the motion: the one given, else that of the run, if it is still there."""
    from kinema.pipeline.options import time_range
    from kinema.pipeline.source_video import SourceVideo, source_of_run
    from kinema.video.frames import TimeRange
    from kinema.video.options import VideoOptions

    if args.no_video:
        return None
    known = source_of_run(file) if args.video is None else None
    if known is not None and not known.path.exists():
        print(f"note: {known.path}, which the run read, is gone; --video names another place", file=sys.stderr)
        return None
    path = args.video if known is None else known.path
    if path is None:
        return None
    changed = given(args, VideoOptions)
    span = TimeRange(*time_range(args.time_range)) if args.time_range else None
    if known is None:
        return SourceVideo(path, span or TimeRange(), VideoOptions(**changed))
    return SourceVideo(path, span or known.time_range, VideoOptions(**changed) if changed else known.options)
