"""`kinema run`: videos in, a folder of results each."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.errors import KinemaError, UsageError

if TYPE_CHECKING:
    from kinema.pipeline import RunOptions, RunResult

DESCRIPTION = (
    "Turn videos into SMPL motion: pose, shape, root translation and joints of every person in every frame,\n"
    "in the camera's frame and on the ground of a y-up world, checked, with a video of the body over\n"
    "the person. What an earlier run of the same video and settings has finished is not repeated."
)
EXAMPLES = """  kinema run clip.mp4
  kinema run clip.mp4 --time-range 2-8 --max-persons 1 --height 1.82
  kinema run *.mp4 --out results --no-overlay --json"""

FILTERS = ("whittaker", "gaussian", "savgol", "butterworth", "oneeuro", "oneeuro-causal", "median", "none")
VIEWS = ("camera", "side", "world")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments. Settings left out keep the defaults of `kinema.pipeline.RunOptions`."""
    parser.add_argument("videos", nargs="+", metavar="VIDEO", help="video file, or folder of images")
    parser.add_argument("--out", default=None, metavar="DIR", help="folder that holds the runs (default: outputs)")
    parser.add_argument("--estimator", metavar="NAME", help="what looks at the people: blazepose (default) or pare")
    parser.add_argument("--checkpoint", metavar="FILE", help="of the estimator pare: a file, pare-3dpw or pare")
    people = parser.add_argument_group("people")
    people.add_argument("--max-persons", type=int, metavar="N", help="keep the N people who are present longest")
    people.add_argument("--min-track-frames", type=int, metavar="N", help="leave out people seen in fewer frames")
    people.add_argument("--height", type=float, metavar="M", help="height of the people in metres; fixes the scale")
    people.add_argument("--body-model", metavar="PATH", help="an SMPL file (.pkl or .npz) in place of the free body")
    camera = parser.add_argument_group("camera")
    camera.add_argument(
        "--time-range", type=time_range, metavar="A-B", help="only these seconds; either may be left out"
    )
    camera.add_argument("--static-camera", action="store_true", help="the camera stands still: do not look at it")
    camera.add_argument("--fov", type=float, metavar="DEG", help="field of view over the longer side, in degrees")
    result = parser.add_argument_group("result")
    result.add_argument("--filter", choices=FILTERS, metavar="METHOD", help=f"smoothing: {', '.join(FILTERS)}")
    result.add_argument("--strength", type=float, metavar="S", help="of the smoothing: 0 (none) to 1; default 0.5")
    result.add_argument(
        "--landmarks",
        choices=("refined", "raw"),
        help="3D landmarks that the fit reads: refined (default) by Kinema's own network, or raw",
    )
    result.add_argument("--refine", metavar="METHOD", help="smoothnet, synsp or video2pkl in place of the filter")
    result.add_argument("--refiner-checkpoint", metavar="F", help="the refiner's weights (default: the cache's)")
    result.add_argument("--window-size", type=int, metavar="W", help="frames that the refiner sees at once")
    result.add_argument("--representation", choices=("2d", "3d", "smpl"), help="what the refiner smooths (default: 3d)")
    result.add_argument("--view", choices=VIEWS, help="show the world in overlay.mp4, too, from the side or from above")
    result.add_argument("--no-overlay", action="store_true", help="make no overlay.mp4")
    result.add_argument("--vertices", action="store_true", help="also write every frame's mesh into the .pkl (large)")
    running = parser.add_argument_group("running")
    running.add_argument("--force", action="store_true", help="do everything again in a new folder")
    running.add_argument("--threads", type=int, metavar="N", help="CPU threads for the networks")
    running.add_argument("--json", action="store_true", help="print each video's run.json as one JSON list")
    running.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    """Run each video; go on after one that fails. Returns the worst exit code."""
    options = options_of(args)
    outcomes: list[tuple[str, RunResult | KinemaError]] = []
    try:
        for video in args.videos:
            try:
                result = _one(video, args, options)
            except KinemaError as error:
                if (len(args.videos) == 1 and not args.json) or args.debug:
                    raise
                print(f"kinema: {error}", file=sys.stderr)
                outcomes.append((video, error))
            else:
                outcomes.append((video, result))
    except KeyboardInterrupt:
        print("kinema: stopped; the finished stages are kept, start the same command again to go on", file=sys.stderr)
        return 130
    if args.json:
        print(json.dumps([_outcome_as_json(video, outcome) for video, outcome in outcomes], indent=2))
    elif len(outcomes) > 1 and not args.quiet:
        _print_outcomes(outcomes)
    return max((o.exit_code for _, o in outcomes if isinstance(o, KinemaError)), default=0)


def options_of(args: argparse.Namespace) -> RunOptions:
    """The settings that the command line asks for. Raises UsageError."""
    from kinema.pipeline import RunOptions

    return RunOptions.of(
        estimator=args.estimator,
        checkpoint=args.checkpoint,
        time_range=args.time_range,
        body_model=args.body_model,
        static_camera=args.static_camera or None,
        overlay=False if args.no_overlay else None,
        vertices=args.vertices or None,
        max_persons=args.max_persons,
        min_track_frames=args.min_track_frames,
        threads=args.threads,
        fov=args.fov,
        height=args.height,
        filter=args.filter,
        strength=args.strength,
        landmarks=args.landmarks,
        refine=args.refine,
        refiner_checkpoint=args.refiner_checkpoint,
        window_size=args.window_size,
        representation=args.representation,
        view=args.view,
    )


def time_range(text: str) -> tuple[float | None, float | None]:
    """Start and end in seconds, None where left out, from 2-8, 2-, -8 or 1:05-1:20."""
    match = re.fullmatch(r"([\d.:]*)-([\d.:]*)", text.strip())
    if match is None or not any(match.groups()):
        raise argparse.ArgumentTypeError(f"{text!r} is no time range; write for instance 2-8, 2-, -8 or 1:05-1:20")
    try:
        start, end = (_seconds(part) if part else None for part in match.groups())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} holds a time that is no number of seconds") from None
    return start, end


def _seconds(text: str) -> float:
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total


def _one(video: str, args: argparse.Namespace, options: RunOptions) -> RunResult:
    from kinema.commands._console import watcher
    from kinema.pipeline import run as run_pipeline
    from kinema.pipeline.running import OUT

    if not video:
        raise UsageError("the video's name is empty; give the path of a video file")
    if len(args.videos) > 1 and not args.quiet:
        print(f"{video}:", file=sys.stderr)
    with watcher(quiet=args.quiet) as shown:
        result = run_pipeline(
            video, OUT if args.out is None else args.out, options, force=args.force, watcher=shown, command=sys.argv
        )
    if not args.quiet and not args.json:
        print_result(result)
    return result


def print_result(result: RunResult) -> None:
    """The summary of one finished run, on stdout."""
    from kinema.commands._console import print_table, title

    summary, record = result.summary, result.record
    people = summary["people"]
    count = "1 person" if len(people) == 1 else f"{len(people)} people"
    print(f"\n{count} in {summary['frames']} frames ({summary['fps']:.4g} fps), validation: {record['verdict']}")
    print_table(
        ["person", "frames", "seen", "reprojection", "jitter before > after", "travelled"],
        [_person_row(person) for person in people],
    )
    camera = summary["camera"]
    standing = {True: "moving", False: "static", None: "not looked at"}[camera["moving"]]
    print(f"camera: {standing}, field of view {camera['fov']:.0f} degrees ({camera['source']})")
    seconds = dict(record["seconds"])
    total = seconds.pop("total")
    print("time: " + ", ".join(f"{title(name)} {s:.1f} s" for name, s in seconds.items()) + f"; {total:.1f} s in all")
    if result.repeated:
        print(f"already done on {record['finished']}, nothing was repeated (--force repeats it):")
    print(f"{result.folder}/")
    for kind, path in result.files.items():
        print(f"  {path.name}" if kind != "copy" else f"copy: {_short(path)}")


def _person_row(person: dict[str, Any]) -> list[str]:
    pixels, share = person["reprojection"], person["reprojection_share"]
    before, after = person["jitter_before"], person["jitter_after"]
    return [
        str(person["id"]),
        str(person["frames"]),
        f"{100 * person['coverage']:.0f} %",
        "-" if pixels is None else f"{pixels:.1f} px" + ("" if share is None else f" ({100 * share:.1f} % of height)"),
        "-" if before is None else f"{before:.0f} > {after:.0f} m/s3",
        "-" if person["distance"] is None else f"{person['distance']:.1f} m",
    ]


def _short(path: Path) -> str:
    """The path from here where that is shorter."""
    path = path.resolve()
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _outcome_as_json(video: str, outcome: RunResult | KinemaError) -> dict[str, Any]:
    if isinstance(outcome, KinemaError):
        return {"video": video, "status": "failed", "error": str(outcome), "exit_code": outcome.exit_code}
    return {"video": video, "folder": str(outcome.folder), "exit_code": 0, **outcome.record}


def _print_outcomes(outcomes: list[tuple[str, RunResult | KinemaError]]) -> None:
    from kinema.commands._console import print_table

    rows = []
    for video, outcome in outcomes:
        if isinstance(outcome, KinemaError):
            rows.append([video, "failed", "-", str(outcome)])
        else:
            people = len(outcome.summary["people"])
            rows.append([video, outcome.record["verdict"], str(people), str(outcome.folder)])
    print()
    print_table(["video", "result", "people", "where or why"], rows)
