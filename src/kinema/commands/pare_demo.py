"""`kinema pare-demo`: PARE's own demo, with its options and files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.commands._options import (
    add_aliases,
    add_argument,
    add_body,
    add_quiet,
    add_settings,
    group_of,
    options_from,
)
from kinema.errors import UsageError

if TYPE_CHECKING:
    from kinema.pipeline.pare_demo_options import PareDemoOptions, PareDemoResult

DESCRIPTION = (
    "PARE's own demo on a video or a folder of images: `pare_output.pkl` with the documented keys, and the bodies\n"
    "rendered over the images. Needs `kinema[torch]` and a checkpoint of the PARE release (docs/pare.md). For motion\n"
    "in a world, on the ground and temporally refined, use `kinema run --estimator pare`. The original flags\n"
    "(--vid_file, --ckpt, --output_folder, ...) are accepted as well."
)
EXAMPLES = """  kinema pare-demo --vid-file clip.mp4 --out results --sideview
  kinema pare-demo --vid-file clip.mp4 --data ~/PARE/data --smooth --parity
  kinema pare-demo --image-folder images --show-attention"""

ORIGINAL_FOLDER = "logs/demo/demo_results"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: the original names, and those of other commands for the same settings."""
    from kinema.models.pare.options import DemoOptions, PareOptions
    from kinema.pipeline import RunOptions
    from kinema.tracking.options import TrackingOptions
    from kinema.video.options import VideoOptions

    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--vid-file", metavar="VIDEO", help="a video")
    source.add_argument("--image-folder", metavar="DIR", help="a folder of images, or one image")
    add_argument(
        parser, "--out", metavar="DIR", aliases=("output_folder", "output-folder"),
        help=f"parent folder of the results (default: outputs; with --parity {ORIGINAL_FOLDER})",
    )  # fmt: skip
    parser.add_argument("--exp", default="", metavar="NAME", help="suffix of the results folder's name")
    add_settings(parser, VideoOptions)
    network = parser.add_argument_group("network and body")
    network.add_argument("--data", type=Path, metavar="DIR", help="the data folder of the PARE release")
    add_body(network, "an SMPL file to use instead of the release's or the free body")
    names = ("checkpoint", "batch_size", "crop_scale", "precision", "device", "threads")
    add_settings(parser, PareOptions, *names, group="network and body")
    people = parser.add_argument_group("people")
    people.add_argument(
        "--tracking-method", choices=("bbox", "pose"), default="bbox",
        help="crop by boxes or by keypoints (default: %(default)s)",
    )  # fmt: skip
    people.add_argument(
        "--detections", type=Path, metavar="FILE", help="detections to track: rows frame,x1,y1,x2,y2,score (.csv, .npz)"
    )
    add_settings(parser, TrackingOptions, "max_persons", group="people")
    people.add_argument("--tracker-batch-size", type=int, metavar="N", help="accepted for old scripts, no effect")
    add_settings(parser, DemoOptions, "smooth", "min_cutoff", "beta", "parity", group="result")
    result = group_of(parser, "result")
    result.add_argument("--run-smplify", action="store_true", help="refine with the 2D keypoints, by Kinema's fit")
    vertices = result.add_mutually_exclusive_group()
    vertices.add_argument(
        "--no-verts", action="store_true", help="leave the vertices out of the .pkl (83 KB per frame and person)"
    )
    vertices.add_argument(
        "--verts", action="store_true", help="keep the vertices however long the video (default: up to 2 GB)"
    )
    result.add_argument("--save-obj", action="store_true", help="also write every mesh as .obj")
    rendering = parser.add_argument_group("rendering")
    rendering.add_argument("--no-render", action="store_true", help="do not render")
    rendering.add_argument("--wireframe", action="store_true", help="draw wireframes instead of surfaces")
    rendering.add_argument("--sideview", action="store_true", help="also show the bodies from the side")
    rendering.add_argument("--draw-keypoints", action="store_true", help="draw the body's 49 joints")
    rendering.add_argument("--show-attention", action="store_true", help="show the network's attention for each joint")
    rendering.add_argument("--display", action="store_true", help="open the result when done")
    add_settings(parser, RunOptions, "commercial_only")
    add_quiet(parser)
    for action in parser._actions:  # the original flags have underscores
        add_aliases(parser, action, [flag[2:].replace("-", "_") for flag in action.option_strings])


def run(args: argparse.Namespace) -> int:
    """Run the demo. Returns 0."""
    from kinema.pipeline.pare_demo import demo_folder, demo_video
    from kinema.pipeline.showing import watcher

    options = options_of(args)
    source = Path(args.vid_file or args.image_folder)
    base = Path(args.out or (ORIGINAL_FOLDER if args.parity else "outputs"))
    stem = source.name.replace(".mp4", "") if args.parity else source.resolve().stem
    folder = base / (f"{stem}_{args.exp}" if args.parity or args.exp else f"{stem}_pare")
    with watcher(quiet=args.quiet, flags=args.flags) as shown:
        work = demo_video if args.vid_file else demo_folder
        result = work(source, folder, options, watcher=shown)
    if not args.quiet:
        print_result(result)
    if args.display:
        show(result)
    return 0


def options_of(args: argparse.Namespace) -> PareDemoOptions:
    """The settings given on the command line. Raises UsageError."""
    from kinema.models.pare.options import DemoOptions, PareOptions
    from kinema.pipeline.pare_demo_options import PareDemoOptions
    from kinema.tracking import TrackingOptions
    from kinema.video.options import VideoOptions

    return PareDemoOptions(
        video=options_from(args, VideoOptions),
        demo=options_from(args, DemoOptions, vertices=False if args.no_verts else args.verts or None),
        pare=options_from(args, PareOptions),
        tracking=TrackingOptions(max_persons=args.max_persons, threads=args.threads),
        data=args.data,
        body_model=args.body_model,
        tracking_method=args.tracking_method,
        detections=args.detections,
        run_smplify=args.run_smplify,
        render=not args.no_render,
        wireframe=args.wireframe,
        sideview=args.sideview,
        draw_keypoints=args.draw_keypoints,
        save_obj=args.save_obj,
        show_attention=args.show_attention,
        commercial_only=bool(args.commercial_only),
    )  # fmt: skip


def print_result(result: PareDemoResult) -> None:
    """The number of people, the body model and the output files."""
    people = "1 person" if result.people == 1 else f"{result.people} people"
    frames = "1 frame" if result.frames == 1 else f"{result.frames} frames"
    print(f"\n{people} in {frames}; body: {result.body}; joints: {result.definition}")
    print(f"{result.folder}/")
    for path in result.files.values():
        print(f"  {path.relative_to(result.folder)}")


def show(result: PareDemoResult) -> None:
    """Open the video or image in the system's default viewer. Raises UsageError if nothing was rendered."""
    import webbrowser

    path = result.files.get("video") or result.files.get("picture")
    if path is None:
        raise UsageError("nothing was rendered to display; leave out `no_render`")
    webbrowser.open(path.resolve().as_uri())
