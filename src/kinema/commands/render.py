"""`kinema render`: videos of a result."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.commands._options import add_body, add_file, add_quiet, add_settings, given, options_from, output_file
from kinema.errors import InputError, UsageError
from kinema.options import settings_of

if TYPE_CHECKING:
    from kinema.motion import Motion
    from kinema.pipeline.source_video import SourceVideo
    from kinema.progress import Progress
    from kinema.video import VideoReader

DESCRIPTION = """\
Render a video of a result: of a run, of `kinema lift`, or of any motion file.

lift        2D skeletons in the video's frames to the left, the same people in 3D to the right, at the video's own
            times; the right side of a body is orange, the left one blue, joints that no keypoint shows are pale
overlay     what a run writes: the bodies over the people in the video (--view camera), or beside that, or alone
            where there is no video, a view of the world with the filming camera and everybody's paths: from the side,
            from above (world), or starting at the filming camera and moving to where everybody is in view (follow)

For a run's folder, the run's video is used. Without a video, the 2D skeletons are drawn on a blank background.
"""

EXAMPLES = """\
  kinema render outputs/clip_20260131-142501 --style lift
  kinema render alphapose-results_lifted.pkl --style lift --video clip.mp4 --out lift.mp4
  kinema render outputs/clip_20260131-142501 --style overlay --view follow
  kinema render mocap.bvh --style overlay --view world
"""

STYLES = ("lift", "overlay")


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.video.options import VideoOptions
    from kinema.visualization.options import LiftVideoOptions, OverlayOptions

    add_file(parser)
    parser.add_argument(
        "--style", choices=STYLES, default=STYLES[0], help="the kind of video, see above (default: %(default)s)"
    )
    add_settings(parser, LiftVideoOptions, "panel_height")
    add_settings(parser, OverlayOptions)
    add_body(parser, "an SMPL file (.pkl or .npz), the body of an overlay (default: the free body)")
    parser.add_argument(
        "--video", type=Path, metavar="VIDEO", help="the video that the motion was made from (default: the run's)"
    )
    parser.add_argument(
        "--no-video", action="store_true", help="do not show the video: a blank background, or the world alone"
    )
    parser.add_argument("--time-range", metavar="A-B", help="seconds of the video that the motion covers")
    add_settings(parser, VideoOptions)
    parser.add_argument(
        "--out", type=Path, metavar="MP4", help="file to write (default: FILE with _lift or _overlay, .mp4)"
    )
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    from kinema.body.loading import other_version
    from kinema.formats import load_motion, motion_file
    from kinema.pipeline.showing import watcher
    from kinema.video import open_video

    file = motion_file(args.file)
    source = _source(args, file)
    read = [file] if source is None else [file, source.path]
    out = output_file(args.out, file.with_name(f"{file.stem}_{args.style}.mp4"), *read)
    draw = _STYLES[args.style](args, out, source is not None)
    motion = load_motion(file)
    opened: Any = contextlib.nullcontext()
    if source is not None:
        span = source.time_range
        opened = open_video(source.path, start=span.start, end=span.end, options=source.options)
    with opened as video, watcher(quiet=args.quiet, flags=args.flags) as shown:
        older = other_version(motion)
        if older is not None:
            shown.note(older)
        for sentence in draw(motion, video, shown.start("overlay")):
            shown.note(sentence)
    print(out)
    return 0


_Draw = Callable[["Motion", "VideoReader | None", "Progress"], "tuple[str, ...]"]
"""Writes the video of a motion; returns warnings."""


def _lift(args: argparse.Namespace, out: Path, has_video: bool) -> _Draw:
    from kinema.visualization.lift_video import write_lift_video
    from kinema.visualization.options import LiftVideoOptions, OverlayOptions

    del has_video
    _refuse(args, OverlayOptions)
    options = options_from(args, LiftVideoOptions)

    def draw(motion: Motion, video: VideoReader | None, progress: Progress) -> tuple[str, ...]:
        return write_lift_video(motion, out, options, video=video, progress=progress)[1]

    return draw


def _overlay(args: argparse.Namespace, out: Path, has_video: bool) -> _Draw:
    from kinema.body import load_body
    from kinema.visualization.options import LiftVideoOptions, OverlayOptions
    from kinema.visualization.overlay import write_overlay

    _refuse(args, LiftVideoOptions)
    options = options_from(args, OverlayOptions)
    if options.view == "camera" and not has_video:
        raise UsageError("the bodies are drawn over the video; name it with `video`, or set `view` to one of the world")
    options = dataclasses.replace(options, beside=options.view != "camera" and has_video)
    body = load_body(args.body_model)

    def draw(motion: Motion, video: VideoReader | None, progress: Progress) -> tuple[str, ...]:
        report = write_overlay(motion, body, video, out, options, progress=progress)
        if report.path is None:
            raise InputError(report.warnings[-1])
        return report.warnings

    return draw


_STYLES = {"lift": _lift, "overlay": _overlay}


def _refuse(args: argparse.Namespace, other: type) -> None:
    """Raise UsageError for settings of another style's options."""
    known = settings_of(other)
    for name in given(args, other):
        setting = known[name].public or name
        raise UsageError(f"`{setting}` does not apply to the style {args.style}; leave it out")


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
