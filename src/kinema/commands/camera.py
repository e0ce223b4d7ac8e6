"""`kinema camera`: the path of a video's camera."""

from __future__ import annotations

import argparse
from pathlib import Path

from kinema.commands._options import add_quiet, add_settings, options_from

DESCRIPTION = """\
Estimate the position and rotation of a video's camera in each frame from the background; people are masked out. Each
shot has its own frame of reference: the camera's at the shot's first frame, with OpenCV axes. Images alone do not show
the scale of the path; `kinema run` estimates it from the people and places everybody in one world.

layouts     .npz or .json: K, R, t, times, size and more (docs/file-formats.md); .txt: a TUM trajectory, no intrinsics
"""

EXAMPLES = """\
  kinema camera clip.mp4
  kinema camera clip.mp4 --out clip_camera.json --fov 62
  kinema camera clip.mp4 --out clip_camera.txt
  kinema camera clip.mp4 --camera-method droid --droid droid.pth --fov 62
  kinema run clip.mp4 --camera clip_camera.npz
"""


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.camera.options import CameraOptions
    from kinema.estimation.options import FitOptions
    from kinema.pipeline import RunOptions
    from kinema.tracking.options import TrackingOptions
    from kinema.video.options import VideoOptions

    parser.add_argument("video", metavar="VIDEO", help="a video, or a folder of images")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="file to write (default: VIDEO's name with _camera.npz, in this folder)",
    )
    add_settings(parser, CameraOptions, "method", "droid", "depth", "depth_network", "depth_family", "distortion")
    add_settings(parser, FitOptions, "fov")
    add_settings(parser, TrackingOptions, "cuts", "threads")
    add_settings(parser, RunOptions, "time_range")
    add_settings(parser, VideoOptions)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    from kinema.camera.options import CameraOptions
    from kinema.formats.camera_files import check_layout, write_camera_path
    from kinema.pipeline.camera_finding import CameraJob, find_camera_of
    from kinema.pipeline.showing import watcher
    from kinema.storage.atomic import check_place
    from kinema.tracking.options import TrackingOptions
    from kinema.video.frames import TimeRange
    from kinema.video.options import VideoOptions

    stem = "stdin" if args.video == "-" else Path(args.video).stem
    out = args.out or Path(f"{stem}_camera.npz")
    check_layout(out)
    check_place(out)
    job = CameraJob(
        camera=options_from(args, CameraOptions, fov=args.fov),
        tracking=options_from(args, TrackingOptions),
        time_range=TimeRange(*(args.time_range or ())),
        video=options_from(args, VideoOptions),
    )
    with watcher(quiet=args.quiet, flags=args.flags) as shown:
        found = find_camera_of(args.video, job, watcher=shown)
        if len(found.path.breaks) and check_layout(out).name == "tum":
            shown.note(
                f"the path has {len(found.path.breaks) + 1} pieces, which {out.name} does not tell; write .npz or .json"
            )
    motion = found.motion
    camera = motion.camera
    distortion = None if camera is None else camera.distortion
    write_camera_path(found.path, out, motion.times, (motion.width, motion.height), distortion)
    if not args.quiet:
        lens = "" if camera is None else f"field of view {camera.fov:.0f} degrees ({camera.focal_source})\n"
        print(f"{found.told}\n{lens}{out}")
    return 0
