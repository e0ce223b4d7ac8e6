"""`kinema stage`: one stage of a run alone, on a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.commands._options import add_debug, add_quiet, add_settings, output_file
from kinema.options import settings_of

if TYPE_CHECKING:
    from kinema.options import Setting
    from kinema.stage import Stage

DESCRIPTION = """\
Run one stage of `kinema run` alone: on a video (trackers) or on the motion file that the stage before it wrote. The
result is a motion file for the next stage. If a stage is interrupted, the same command continues it; a finished stage
is not repeated. What is kept for this is in .stages, next to the output file.

Other commands read and write such files, too: segment, camera and lift files of other layouts, refine, export, render.
"""

EXAMPLES = """\
  kinema stage track clip.mp4 --out 1.pkl
  kinema stage segment 1.pkl --video clip.mp4 --masks stcn --out 2.pkl
  kinema stage localize 2.pkl --video clip.mp4 --nlf nlf_l_multi.torchscript --boxes masks --out 3.pkl
  kinema stage fit-tracks 3.pkl --out 4.pkl
  kinema stage world 4.pkl --out 5.pkl
  kinema render 5.pkl --style overlay --video clip.mp4
"""


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.pipeline.registry import begins, stages_alone

    subparsers = parser.add_subparsers(dest="stage", metavar="STAGE", required=True)
    for name, stage in stages_alone().items():
        first = begins(stage)
        sub = subparsers.add_parser(
            name, help=stage.title, description=_described(stage),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        sub.add_argument(
            "file",
            type=Path,
            metavar="VIDEO" if first else "FILE",
            help="a video, or a folder of images" if first else "a motion file, or a run's folder",
        )
        sub.add_argument(
            "--out", type=Path, metavar="OUT", help=f"motion file to write (default: the input's name with _{name}.pkl)"
        )
        if stage.video and not first:
            sub.add_argument("--video", type=Path, metavar="VIDEO", help="the video (default: the run's)")
        add_settings(sub, _settings(stage).values())
        add_quiet(sub)
        add_debug(sub)


def _settings(stage: Stage) -> dict[str, Setting]:
    """The settings that reach the stage, the body, and how a video is read."""
    from kinema.pipeline.options import public_settings, settings_for
    from kinema.pipeline.registry import begins
    from kinema.video.options import VideoOptions

    known = public_settings()
    more = ["body_model"] if stage.body or stage.optional_body else []
    more += ["time_range"] if begins(stage) else []
    if stage.video:
        more += [one.public for one in settings_of(VideoOptions).values() if one.public is not None]
    return settings_for(stage) | {name: known[name].setting for name in more}


def _described(stage: Stage) -> str:
    lines = [f"{stage.title[0].upper()}{stage.title[1:]}."]
    for word, names in (("reads", stage.requires), ("fills", stage.fills), ("empties", stage.clears)):
        if names:
            lines.append(f"{word:<8} {', '.join(names)}")
    return "\n".join(lines)


def run(args: argparse.Namespace) -> int:
    from kinema.errors import plural
    from kinema.formats import motion_file
    from kinema.pipeline.one_stage import run_stage
    from kinema.pipeline.registry import begins, stages_alone
    from kinema.pipeline.showing import watcher

    stage = stages_alone()[args.stage]
    file = args.file if begins(stage) else motion_file(args.file)
    out = output_file(args.out, _default(file, stage), file)
    settings = {name: value for name in _settings(stage) if (value := getattr(args, name)) is not None}
    with watcher(quiet=args.quiet, flags=args.flags) as shown:
        motion = run_stage(
            stage, file, out, video=getattr(args, "video", None), settings=settings, watcher=shown
        )  # fmt: skip
    if not args.quiet:
        people = ", ".join(f"person {person.id}: {plural(len(person), 'frame')}" for person in motion)
        print(f"{people or 'nobody'}\n{out}")
    return 0


def _default(file: Path, stage: Stage) -> Path:
    """In this folder for a video, next to a motion file."""
    from kinema.pipeline.registry import begins

    name = f"{file.stem}_{stage.name}.pkl"
    return Path(name) if begins(stage) else file.with_name(name)
