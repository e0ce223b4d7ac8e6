"""`kinema segment`: the masks of the people in a video."""

from __future__ import annotations

import argparse
from pathlib import Path

from kinema.commands._options import add_quiet, add_settings, options_from

DESCRIPTION = """\
Write a mask of each tracked person in each frame, in the layout that the suffix of --out selects, and an image of some
frames with the masks in colour and the people's ids (FILE with _sheet.jpg).

sources     blazepose: the masks of the default keypoint network, no torch; maskrcnn: torchvision's Mask R-CNN
            ResNet50-FPN (COCO_V1) in every frame, matched to the tracks; stcn: Mask R-CNN in the fewest frames that
            show everybody, propagated to all others by STCN; deeplabv3: all people in one mask, by torchvision's
            DeepLabV3-ResNet101 (COCO_WITH_VOC_LABELS_V1); or a mask file, whose masks are matched to the tracks. All
            but blazepose and mask files need torch.
layouts     .pkl: the NLF pipeline's; .json: COCO's; without a suffix: a folder of PNG for each person
"""

EXAMPLES = """\
  kinema segment clip.mp4
  kinema segment clip.mp4 --out clip_masks.json --time-range 2-8 --max-persons 2
  kinema segment clip.mp4 --select sheet
  kinema segment clip.mp4 --select 640,360@0:12
  kinema segment clip.mp4 --masks maskrcnn --mask-checkpoint maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth
  kinema segment clip.mp4 --masks stcn --seg-init-time 0:04 --passes 2 --permute-frames --morph-cleanup
"""


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.pipeline import RunOptions
    from kinema.segmentation.choice import SelectOptions
    from kinema.segmentation.options import MaskOptions
    from kinema.tracking.options import TrackingOptions
    from kinema.video.options import VideoOptions

    parser.add_argument("video", metavar="VIDEO", help="a video, or a folder of images")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="masks to write (default: VIDEO's name with _masks.pkl, in this folder)",
    )
    add_settings(parser, MaskOptions)
    add_settings(parser, TrackingOptions, "max_persons", "min_track_frames", "smallest_person", "cuts", "threads")
    add_settings(parser, SelectOptions)
    add_settings(parser, RunOptions, "time_range", "commercial_only")
    add_settings(parser, VideoOptions)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    from kinema.errors import plural
    from kinema.pipeline.segmenting import SegmentJob, segment_video, show_people
    from kinema.pipeline.showing import watcher
    from kinema.segmentation.choice import SelectOptions
    from kinema.segmentation.files import layout_of, write_masks
    from kinema.segmentation.options import MaskOptions
    from kinema.storage.atomic import check_place
    from kinema.tracking.options import TrackingOptions
    from kinema.video.frames import TimeRange
    from kinema.video.options import VideoOptions

    stem = "stdin" if args.video == "-" else Path(args.video).stem
    out = args.out or Path(f"{stem}_masks.pkl")
    layout_of(out)
    check_place(out)
    job = SegmentJob(
        masks=options_from(args, MaskOptions),
        tracking=options_from(args, TrackingOptions),
        select=options_from(args, SelectOptions),
        time_range=TimeRange(*(args.time_range or ())),
        video=options_from(args, VideoOptions),
        commercial_only=bool(args.commercial_only),
    )
    if job.select.sheet:
        sheet = out.with_name(f"{stem}_people.jpg")
        with watcher(quiet=args.quiet, flags=args.flags) as shown:
            show_people(args.video, job, sheet, watcher=shown)
        if not args.quiet:
            print(sheet)
        return 0
    sheet = out.with_name(f"{out.stem}_sheet.jpg")
    with watcher(quiet=args.quiet, flags=args.flags) as shown:
        masks = segment_video(args.video, job, watcher=shown, sheet=sheet)
    write_masks(masks, out)
    if not args.quiet:
        counts = masks.seen().sum(axis=0)
        names = ["everybody"] if masks.semantic else [f"person {person}" for person in masks.ids]
        print(", ".join(f"{name}: {plural(count, 'frame')}" for name, count in zip(names, counts, strict=True)))
        print(f"{out}\n{sheet}")
    return 0
