"""`kinema lift`: 2D keypoints that another program wrote, lifted to motion."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.commands._options import add_body, add_quiet, add_settings, options_from, output_file
from kinema.errors import UsageError

if TYPE_CHECKING:
    from kinema.pipeline.keypoint_file import KeypointFileJob

DESCRIPTION = """\
Turn 2D keypoints that another program wrote into motion: lifted by a network, a body fitted to them, smoothed, and
placed in the world, for everybody in the file.

files       AlphaPose .json, OpenPose's and Pose2Sim's folder, Sports2D's folder of .trc, COCO results, MMPose .json,
            DeepLabCut's, SLEAP's and other .csv, VideoPose3D's and video-to-pose3D's .npz
lifters     own: Kinema's, for any set with the twelve limb joints; videopose3d, pstmo: published checkpoints

Frames without anybody keep their place; people without identities are followed from frame to frame.
"""

EXAMPLES = """\
  kinema lift alphapose-results.json --size 1920x1080 --fps 30 --lifter videopose3d
      --lifter-checkpoint pretrained_h36m_detectron_coco.bin
  kinema lift openpose_json/ --size 1280x720 --fps 25 --out dance.pkl
  kinema lift keypoints.npz --lifter pstmo --lifter-checkpoint PSTMOS_no_refine_48_5137_in_the_wild.pth --parity
"""


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.estimation.options import FitOptions
    from kinema.lifting.options import KeypointFileOptions, LiftOptions
    from kinema.pipeline import RunOptions

    parser.add_argument(
        "file",
        metavar="KEYPOINTS",
        type=Path,
        help="a file of keypoints, or a folder of OpenPose, Pose2Sim or Sports2D",
    )
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="motion file to write (default: KEYPOINTS with _lifted, .pkl)"
    )
    add_settings(parser, KeypointFileOptions)
    add_settings(parser, LiftOptions, "method", "checkpoint", "input_set", "causal")
    add_settings(parser, FitOptions, "height", "fov")
    add_body(parser)
    add_settings(parser, RunOptions, "commercial_only")
    parser.add_argument(
        "--parity", action="store_true",
        help="write what the authors' programs for ordinary video compute, as .npy in their camera's axes and world",
    )  # fmt: skip
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    from kinema.errors import plural
    from kinema.estimation.options import FitOptions
    from kinema.formats import save_motion
    from kinema.formats.registry import format_by_suffix
    from kinema.lifting.options import KeypointFileOptions, LiftOptions
    from kinema.pipeline.keypoint_file import KeypointFileJob, motion_from_keypoints
    from kinema.pipeline.showing import watcher

    job = KeypointFileJob(
        file=options_from(args, KeypointFileOptions),
        lift=options_from(args, LiftOptions),
        fit=options_from(args, FitOptions),
        body_model=args.body_model,
        commercial_only=bool(args.commercial_only),
    )
    if args.parity:
        return _write_published(args, job)
    out = output_file(args.out, args.file.with_name(f"{args.file.stem}_lifted.pkl"), args.file)
    format_by_suffix(out)  # raises before the work
    with watcher(quiet=args.quiet, flags=args.flags) as shown:
        motion = motion_from_keypoints(args.file, job, watcher=shown)
    save_motion(motion, out)
    if not args.quiet:
        frames = ", ".join(f"person {person.id}: {plural(len(person), 'frame')}" for person in motion)
        print(f"{frames}\n{out}")
    return 0


def _write_published(args: argparse.Namespace, job: KeypointFileJob) -> int:
    import numpy as np

    from kinema.pipeline.keypoint_file import published_arrays
    from kinema.storage.atomic import atomic_path

    out = args.out or args.file.with_name(f"{args.file.stem}_lifted.npy")
    if out.suffix != ".npy":
        raise UsageError(f"`parity` writes .npy files, not {out.name}; name such a file with `out`")
    joints, world = published_arrays(args.file, job)
    for path, array in ((out, joints), (out.with_name(f"{out.stem}_world.npy"), world)):
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, array)
        if not args.quiet:
            print(path)
    return 0
