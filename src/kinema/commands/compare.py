"""`kinema compare`: two results of one clip, or two estimators on it, as tables, plots and a video."""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.commands._options import add_body, add_json, add_quiet, add_settings, options_from
from kinema.commands._tables import number
from kinema.errors import UsageError
from kinema.options import in_flags
from kinema.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from kinema.body import BodyModel
    from kinema.evaluation.agreement import Agreement
    from kinema.motion import Motion
    from kinema.visualization.options import ComparisonOptions

DESCRIPTION = """\
Compare two results of one clip. Each is a motion file, a run's folder, or an estimator's name, which is then run on
--video; options of `kinema run` may follow the name, in the same quotes. People are matched by position and movement,
frames by their times. The tables show how far apart the joints are, and the jitter, foot sliding and distance
travelled of each side. Neither side is taken as ground truth; `kinema evaluate` compares with ground truth.

--out FOLDER writes comparison.json, comparison.png (with matplotlib) and comparison.mp4, the two side by side.
"""

EXAMPLES = """\
  kinema compare outputs/clip_1 outputs/clip_2
  kinema compare smpl_output.pkl wham_output.pkl --video clip.mp4 --out apart
  kinema compare nlf pare --video clip.mp4 --out apart --nlf nlf_l_multi.torchscript
  kinema compare nlf "keypoints --lifter videopose3d --lifter-checkpoint model.bin" --video clip.mp4
  kinema compare first.pkl second.pkl --people 1:3 --json
"""

FILES = ("comparison.json", "comparison.png", "comparison.mp4")


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.commands._sides import shared_settings
    from kinema.evaluation.options import FRAMES
    from kinema.pipeline.options import public_settings
    from kinema.visualization.options import ComparisonOptions

    for name in ("first", "second"):
        parser.add_argument(
            name, metavar=name.upper(), help="a motion file, a run's folder, or an estimator's name, with options"
        )
    parser.add_argument(
        "--video",
        type=Path,
        metavar="VIDEO",
        help="the clip: what estimators run on, and the background of comparison.mp4",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder for the JSON, the plot and the video")
    parser.add_argument("--people", metavar="A:B", help="compare person A of the first with B of the second")
    parser.add_argument("--frame", choices=FRAMES, help="frame to compare in (default: the camera's if known)")
    parser.add_argument("--fps", type=float, metavar="N", help="frame rate of files that have none (default: 30)")
    add_settings(parser, ComparisonOptions)
    add_settings(parser, [public_settings()[name].setting for name in shared_settings()])
    add_body(parser)
    add_json(parser, "everything")
    add_quiet(parser)


def only_prints(args: argparse.Namespace) -> bool:
    return args.out is None


def run(args: argparse.Namespace) -> int:
    from kinema.body import load_body
    from kinema.commands._sides import Side, motions_of, names_of
    from kinema.evaluation.agreement import compare_motions
    from kinema.storage.atomic import check_place
    from kinema.visualization.options import ComparisonOptions

    options = options_from(args, ComparisonOptions)
    people = None if args.people is None else _ids(args.people)
    body = None if args.body_model is None else load_body(args.body_model)
    sides = Side.of(args.first), Side.of(args.second)
    names = names_of(*sides)
    if args.out is not None and args.out.is_file():
        raise UsageError(f"{args.out} is a file; name a folder with `out`")
    if args.out is not None:
        check_place(args.out / FILES[0])
    first, second = motions_of(sides, args)
    agreement = compare_motions(first, second, names=names, frame=args.frame, people=people, body=body)
    content = {"first": args.first, "second": args.second, **agreement.to_dict()}
    written = [] if args.out is None else _write(args, options, agreement, content, (first, second), body)
    if args.json:
        print_json(content)
        return 0
    shown = console()
    for table in tables(agreement):
        shown.print(table)
    for side, ids in zip(names, agreement.alone, strict=True):
        if ids:
            shown.print(f"- only in {side}: person {', '.join(map(str, ids))}")
    for note in agreement.notes:
        shown.print(f"- {in_flags(note, args.flags)}")
    for path in written:
        shown.print(str(path), soft_wrap=True)
    return 0


def _ids(text: str) -> tuple[int, int]:
    parts = text.split(":")
    if len(parts) != 2 or not all(part.strip().lstrip("-").isdigit() for part in parts):
        raise UsageError(f"`people` must be two ids such as 1:3, found {text!r}")
    return int(parts[0]), int(parts[1])


def _write(
    args: argparse.Namespace, options: ComparisonOptions, agreement: Agreement, content: dict[str, Any],
    motions: tuple[Motion, Motion], body: BodyModel | None,
) -> list[Path]:  # fmt: skip
    """The files in the folder, in the order of `FILES`; the plot only where matplotlib is installed."""
    from contextlib import nullcontext

    from kinema.body import load_body
    from kinema.evaluation.agreement import on_frames_of
    from kinema.evaluation.calibration import scaled
    from kinema.pipeline.showing import watcher
    from kinema.storage.atomic import write_json
    from kinema.video import open_video
    from kinema.visualization.agreement_plot import plot_agreement
    from kinema.visualization.comparison import write_comparison

    first, second = motions
    paths = [args.out / name for name in FILES]
    if args.show is None and not all(map(_has_bodies, motions)):
        options = dataclasses.replace(options, kind="3d")
    write_json(paths[0], content)
    with watcher(quiet=args.quiet or args.json, flags=args.flags) as shown:
        drawn = on_frames_of(first, second)
        try:
            plot_agreement(agreement, first, drawn, paths[1])
        except UsageError as missing:
            shown.note(str(missing))
            del paths[1]
        if drawn.camera is None or not drawn.camera.width or not first.width:
            drawn = drawn.replace(camera=first.camera)
        else:
            drawn = drawn.replace(camera=scaled(drawn.camera, first.width, first.height))
        drawn = drawn.replace(width=first.width, height=first.height)
        opened = nullcontext() if args.video is None else open_video(args.video)
        with opened as video:
            write_comparison(
                first, drawn, body or load_body(), paths[-1], options, video=video,
                titles=agreement.names, progress=shown.start("overlay"),
            )  # fmt: skip
    return paths


def _has_bodies(motion: Motion) -> bool:
    return any(person.pose is not None or person.vertices is not None for person in motion)


def tables(agreement: Agreement) -> list[Table]:
    """What is apart and what each side has of its own, and the joints, as rich tables."""
    from rich.table import Table

    from kinema.evaluation.agreement import APART, SIDES

    a, b = agreement.names
    summary = Table(title=f"{a} and {b}, {agreement.frame} frame", title_justify="left")
    summary.add_column("measure", no_wrap=True)
    for pair in agreement.pairs:
        summary.add_column(f"person {pair.first} and {pair.second}", justify="right")
    summary.add_row("frames compared", *(str(pair.frames) for pair in agreement.pairs))
    for key, label in APART.items():
        if any(math.isfinite(pair.apart[key]) for pair in agreement.pairs):
            summary.add_row(label, *(number(pair.apart[key]) for pair in agreement.pairs))
    for key, label in SIDES.items():
        if any(math.isfinite(side[key]) for pair in agreement.pairs for side in pair.sides):
            summary.add_row(label, *(" | ".join(number(s[key]) for s in pair.sides) for pair in agreement.pairs))
    joints = Table(title="by joint: MPJPE, PA-MPJPE between them, mm; acceleration apart, m/s2", title_justify="left")
    joints.add_column("joint", no_wrap=True)
    for pair in agreement.pairs:
        joints.add_column(f"person {pair.first} and {pair.second}", justify="right")
    keys = ("mpjpe_mm", "pa_mpjpe_mm", "acceleration_error_m_s2")
    for name in agreement.pairs[0].joints:
        joints.add_row(
            name,
            *(
                " | ".join(number(pair.joints[name][key]) for key in keys) if name in pair.joints else "-"
                for pair in agreement.pairs
            ),
        )
    return [summary, joints]
