"""`kinema run`: estimate motion from videos, one results folder each."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.commands._memory import require_memory
from kinema.commands._options import add_json, add_quiet, add_settings, group_of
from kinema.commands._signals import exit_code
from kinema.errors import KinemaError, UsageError
from kinema.options import in_flags
from kinema.storage.text import one_line
from kinema.terminal import print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kinema.pipeline import RunOptions, RunResult

DESCRIPTION = (
    "Estimate SMPL motion from videos: pose, shape, root translation and joints of every person in every frame,\n"
    "in the camera's frame and in a y-up world with ground at y = 0, validated, with a video of the bodies\n"
    "rendered over the people. Stages that an earlier run with the same video and settings finished are reused."
)
EXAMPLES = """  kinema run clip.mp4
  kinema run clip.mp4 --time-range 2-8 --max-persons 1 --height 1.82
  kinema run clip.mp4 --select sheet
  kinema run clip.mp4 --select 1,3
  kinema run clip.mp4 --select 640,360@0:12 --masks blazepose
  kinema run *.mp4 --out results --no-overlay --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments. The defaults are those of `kinema.pipeline.RunOptions`."""
    from kinema.pipeline.options import public_settings

    parser.add_argument(
        "videos",
        nargs="+",
        metavar="VIDEO",
        help="a video file, a folder of images or videos, or - for a video from a pipe",
    )
    parser.add_argument("--out", default=None, metavar="DIR", help="parent folder of the runs (default: outputs)")
    add_settings(parser, [each.setting for each in public_settings().values()])
    running = group_of(parser, "running")
    running.add_argument("--force", action="store_true", help="repeat everything in a new folder")
    add_json(running, "the run.json of each video, in one list,")
    add_quiet(running)


def run(args: argparse.Namespace) -> int:
    """Run each video, continuing after failures. Returns the worst exit code."""
    from kinema.keypoints.registry import keypoint_file
    from kinema.pipeline.inputs import expanded

    require_memory()
    options = options_of(args)
    args.videos = expanded(args.videos)
    if options.select.sheet:
        return _sheets(args, options)
    if len(args.videos) > 1 and (file := keypoint_file(options.tracking.keypoints)) is not None:
        raise UsageError(f"`keypoints` {file} belongs to one video; give one, not {len(args.videos)}")
    outcomes: list[tuple[str, RunResult | KinemaError]] = []
    try:
        for video in args.videos:
            try:
                result = _one(video, args, options)
            except KinemaError as error:
                if (len(args.videos) == 1 and not args.json) or args.debug:
                    raise
                print(f"kinema: {one_line(in_flags(str(error), args.flags))}", file=sys.stderr)
                outcomes.append((video, error))
            else:
                outcomes.append((video, result))
    except KeyboardInterrupt as stop:
        print("kinema: stopped; finished stages are kept, run the same command again to continue", file=sys.stderr)
        return exit_code(stop)
    if args.json:
        print_json([_outcome_as_json(video, outcome) for video, outcome in outcomes])
    elif len(outcomes) > 1 and not args.quiet:
        _print_outcomes(outcomes, args.flags)
    return max((o.exit_code for _, o in outcomes if isinstance(o, KinemaError)), default=0)


def _sheets(args: argparse.Namespace, options: RunOptions) -> int:
    """Write an image of everybody in each video, to choose people from."""
    from kinema.pipeline.choosing import people_sheet
    from kinema.pipeline.running import OUT
    from kinema.pipeline.showing import watcher

    for video in args.videos:
        with watcher(quiet=args.quiet, flags=args.flags) as shown:
            found = people_sheet(video, OUT if args.out is None else args.out, options, watcher=shown)
        numbers = [person.id for person in found.motion]
        if args.json:
            print_json({"video": video, "people": numbers, "sheet": str(found.path)})
        elif not args.quiet:
            people = "1 person" if len(numbers) == 1 else f"{len(numbers)} people"
            print(f"{people} in {one_line(video)}; choose with --select, for instance --select {numbers[0]}")
        if not args.json:
            print(found.path)
    return 0


def options_of(args: argparse.Namespace) -> RunOptions:
    """The settings given on the command line. Raises UsageError."""
    from kinema.pipeline import RunOptions
    from kinema.pipeline.options import public_settings

    return RunOptions.of(**{name: getattr(args, name) for name in public_settings()})


def _one(video: str, args: argparse.Namespace, options: RunOptions) -> RunResult:
    from kinema.pipeline import run as run_pipeline
    from kinema.pipeline.running import OUT
    from kinema.pipeline.showing import watcher

    if not video:
        raise UsageError("the video's path is empty; give the path of a video file")
    if len(args.videos) > 1 and not args.quiet:
        print(f"{one_line(video)}:", file=sys.stderr)
    with watcher(quiet=args.quiet, flags=args.flags) as shown:
        result = run_pipeline(
            video, OUT if args.out is None else args.out, options, force=args.force, watcher=shown, command=sys.argv
        )
    if not args.quiet and not args.json:
        print_result(result)
    return result


def print_result(result: RunResult) -> None:
    """The summary of one finished run, on stdout."""
    from kinema.commands._tables import print_table
    from kinema.errors import plural
    from kinema.pipeline.showing import title

    summary, record = result.summary, result.record
    people = summary["people"]
    count = "1 person" if len(people) == 1 else f"{len(people)} people"
    print(
        f"\n{count} in {plural(summary['frames'], 'frame')} ({summary['fps']:.4g} fps), validation: {record['verdict']}"
    )
    for reason in record["verdict_reasons"]:
        print(f"  {reason}")
    print_table(
        ["person", "frames", "seen", "body height", "reprojection", "jitter before > after", "travelled"],
        [_person_row(person) for person in people],
    )
    camera = summary["camera"]
    motion = {True: "moving", False: "static", None: "motion not estimated"}[camera["moving"]]
    spread = "" if not camera["uncertainty"] else f" +- {camera['uncertainty']:.0f}"
    print(f"camera: {motion}, field of view {camera['fov']:.0f}{spread} degrees ({camera['source']})")
    advice = _advice(summary)
    if advice:
        print(advice)
    seconds = dict(record["seconds"])
    total = seconds.pop("total")
    print("time: " + ", ".join(f"{title(name)} {s:.1f} s" for name, s in seconds.items()) + f"; {total:.1f} s in total")
    if result.repeated:
        print(f"already done on {record['finished']}, nothing was repeated (--force repeats it):")
    print(f"{result.folder}/")
    for kind, path in result.files.items():
        print(f"  {path.name}" if kind != "copy" else f"copy: {_short(path)}")


def _advice(summary: dict[str, Any]) -> str:
    """What was assumed and how to state it; empty if nothing was."""
    names, what = [], "distances"
    if any((person.get("height") or {}).get("source") in ("assumed", "estimated") for person in summary["people"]):
        names.append("body height (--height)")
        what = "sizes and distances"
    if summary["camera"]["source"] == "assumed":
        names.append("field of view (--fov)")
    return (
        f"assumed: {' and '.join(names)}; {what} are off by as much as {'they are' if names[1:] else 'it is'}"
        if names
        else ""
    )


def _person_row(person: dict[str, Any]) -> list[str]:
    pixels, share = person["reprojection"], person["reprojection_share"]
    before, after = person["jitter_before"], person["jitter_after"]
    return [
        str(person["id"]),
        str(person["frames"]),
        f"{100 * person['coverage']:.0f} %",
        _height(person.get("height")),
        "-" if pixels is None else f"{pixels:.1f} px" + ("" if share is None else f" ({100 * share:.1f} % of height)"),
        "-" if before is None else f"{before:.0f} > {after:.0f} m/s3",
        "-" if person["distance"] is None else f"{person['distance']:.1f} m",
    ]


def _height(height: dict[str, Any] | None) -> str:
    if height is None:
        return "-"
    spread = "" if height["source"] == "given" else f" +- {height['uncertainty']:.2f}"
    return f"{height['metres']:.2f}{spread} m ({height['source']})"


def _short(path: Path) -> str:
    """The path relative to the working directory if it lies inside."""
    path = path.resolve()
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _outcome_as_json(video: str, outcome: RunResult | KinemaError) -> dict[str, Any]:
    if isinstance(outcome, KinemaError):
        return {"video": video, "status": "failed", "error": str(outcome), "exit_code": outcome.exit_code}
    return {"video": video, "folder": str(outcome.folder), "exit_code": 0, **outcome.record}


def _print_outcomes(outcomes: list[tuple[str, RunResult | KinemaError]], flags: Mapping[str, str]) -> None:
    from kinema.commands._tables import print_table

    rows = []
    for video, outcome in outcomes:
        if isinstance(outcome, KinemaError):
            rows.append([video, "failed", "-", in_flags(str(outcome), flags)])
        else:
            people = len(outcome.summary["people"])
            rows.append([video, outcome.record["verdict"], str(people), str(outcome.folder)])
    print()
    print_table(["video", "result", "people", "folder or error"], rows)
