"""`kinema pare-demo`: PARE's own demo, with its options and files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.errors import UsageError

if TYPE_CHECKING:
    from kinema.pipeline.pare_demo_options import PareDemoOptions, PareDemoResult

DESCRIPTION = (
    "PARE's own demo on a video or a folder of pictures: `pare_output.pkl` with the documented keys, and the bodies\n"
    "over the pictures. Needs `kinema[torch]` and a checkpoint of the PARE release (docs/pare.md). For motion in a\n"
    "world, on the ground and refined over time, use `kinema run --estimator pare`."
)
EXAMPLES = """  kinema pare-demo --vid_file clip.mp4 --output_folder results --sideview
  kinema pare-demo --vid_file clip.mp4 --data ~/PARE/data --smooth --parity
  kinema pare-demo --image_folder pictures --show-attention"""

ORIGINAL_FOLDER = "logs/demo/demo_results"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments; the original's names, with either _ or - in them."""

    def add(target: argparse._ActionsContainer, name: str, **settings) -> None:  # type: ignore[no-untyped-def]
        names = dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}"))
        target.add_argument(*names, dest=name, **settings)

    source = parser.add_mutually_exclusive_group(required=True)
    add(source, "vid_file", metavar="VIDEO", help="a video")
    add(source, "image_folder", metavar="DIR", help="a folder of pictures, or one picture")
    add(parser, "output_folder", metavar="DIR", help=f"default: outputs (with --parity {ORIGINAL_FOLDER})")
    add(parser, "exp", default="", metavar="NAME", help="added to the name of the results' folder")
    network = parser.add_argument_group("network and body")
    add(network, "data", type=Path, metavar="DIR", help="the data folder of the PARE release")
    add(network, "ckpt", metavar="FILE", help="a checkpoint: a file, pare-3dpw (default) or pare")
    add(
        network, "body_model", type=Path, metavar="FILE", help="an SMPL file in place of the release's or the free body"
    )
    add(network, "batch_size", type=int, default=16, metavar="N", help="crops in memory at once (default: 16)")
    add(network, "crop_scale", type=float, default=1.0, metavar="S", help="crop's side over the box's (default: 1)")
    add(network, "precision", choices=("float32", "bfloat16", "float16"), default="float32", help="default: float32")
    add(network, "device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    add(network, "threads", type=int, metavar="N", help="CPU threads")
    people = parser.add_argument_group("people")
    add(people, "tracking_method", choices=("bbox", "pose"), default="bbox", help="crops from boxes or from keypoints")
    add(people, "detections", type=Path, metavar="FILE", help="follow these: rows frame,x1,y1,x2,y2,score (.csv, .npz)")
    add(people, "max_persons", type=int, metavar="N", help="keep the N people who are present longest")
    add(
        people,
        "tracker_batch_size",
        type=int,
        metavar="N",
        help="accepted for old scripts; the tracker goes frame by frame",
    )
    result = parser.add_argument_group("result")
    add(result, "smooth", action="store_true", help="One-Euro over the rotations")
    add(result, "min_cutoff", type=float, default=0.004, metavar="X", help="of it (default: 0.004)")
    add(result, "beta", type=float, default=1.0, metavar="X", help="of it (default: 1.0)")
    add(result, "run_smplify", action="store_true", help="refine on the 2D keypoints, by Kinema's fit")
    add(result, "parity", action="store_true", help="the original's habits: matrices in pose, SORT, 25 frames a second")
    vertices = result.add_mutually_exclusive_group()
    add(vertices, "no_verts", action="store_true", help="leave the vertices out of the .pkl (83 KB a frame and person)")
    add(vertices, "verts", action="store_true", help="keep them, however long the video (default: up to 2 GB)")
    add(result, "save_obj", action="store_true", help="write every mesh as .obj, too")
    pictures = parser.add_argument_group("pictures")
    add(pictures, "no_render", action="store_true", help="make no pictures")
    add(pictures, "wireframe", action="store_true", help="draw lines in place of surfaces")
    add(pictures, "sideview", action="store_true", help="also show the bodies from the side")
    add(pictures, "draw_keypoints", action="store_true", help="draw the body's 49 joints")
    add(pictures, "show_attention", action="store_true", help="show where the network looks for each joint")
    add(pictures, "display", action="store_true", help="open the result when it is done")
    add(parser, "quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    """Run the demo. Returns 0."""
    from kinema.commands._console import watcher
    from kinema.pipeline.pare_demo import demo_folder, demo_video

    options = options_of(args)
    source = Path(args.vid_file or args.image_folder)
    base = Path(args.output_folder or (ORIGINAL_FOLDER if args.parity else "outputs"))
    stem = source.name.replace(".mp4", "") if args.parity else source.resolve().stem
    folder = base / (f"{stem}_{args.exp}" if args.parity or args.exp else f"{stem}_pare")
    with watcher(quiet=args.quiet) as shown:
        work = demo_video if args.vid_file else demo_folder
        result = work(source, folder, options, watcher=shown)
    if not args.quiet:
        print_result(result)
    if args.display:
        show(result)
    return 0


def options_of(args: argparse.Namespace) -> PareDemoOptions:
    """The settings that the command line asks for. Raises UsageError."""
    from kinema.models.pare.options import DemoOptions, PareOptions
    from kinema.pipeline.pare_demo_options import PareDemoOptions
    from kinema.tracking import TrackingOptions

    return PareDemoOptions(
        demo=DemoOptions(
            smooth=args.smooth, min_cutoff=args.min_cutoff, beta=args.beta, batch_size=args.batch_size,
            crop_scale=args.crop_scale, vertices=False if args.no_verts else args.verts or None, parity=args.parity,
        ),
        pare=PareOptions(
            checkpoint=args.ckpt, crop_scale=args.crop_scale, batch_size=args.batch_size, precision=args.precision,
            device=args.device, threads=args.threads,
        ),
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
    )  # fmt: skip


def print_result(result: PareDemoResult) -> None:
    """Who was found, with which body, and where it lies."""
    people = "1 person" if result.people == 1 else f"{result.people} people"
    pictures = "1 picture" if result.frames == 1 else f"{result.frames} pictures"
    print(f"\n{people} in {pictures}; body: {result.body}; joints: {result.definition}")
    print(f"{result.folder}/")
    for path in result.files.values():
        print(f"  {path.relative_to(result.folder)}")


def show(result: PareDemoResult) -> None:
    """Open the video or the picture with the system's own player. Raises UsageError where nothing was drawn."""
    import webbrowser

    path = result.files.get("video") or result.files.get("picture")
    if path is None:
        raise UsageError("there is nothing to display with --no_render")
    webbrowser.open(path.resolve().as_uri())
