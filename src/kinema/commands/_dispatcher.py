"""Finds and runs the command, and reports errors as one sentence and an exit code.

Only the chosen command's module is imported, so that `kinema --help` is fast. A command is a
module of `kinema.commands` with three names: `DESCRIPTION` and `EXAMPLES` (strings for `--help`),
`configure(parser)`, which adds its arguments, and `run(args) -> int`, which returns the exit code. A command whose only
product is what it prints says so by a fourth one, `only_prints(args) -> bool`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from kinema._version import __version__
from kinema.commands._memory import explain_memory, few_threads_in_little_memory, too_little_to_begin
from kinema.commands._parser import Parser
from kinema.commands._signals import exit_code, interruptible, stoppable
from kinema.errors import InputError, KinemaError, OutputError
from kinema.terminal import SafeStream, printed

GROUPS = {
    "everyday": {
        "run": "estimate SMPL motion from videos",
        "demo": "render a clip with known ground truth, run the pipeline on it, report the errors",
        "lift": "turn 2D keypoints of another program into motion",
        "camera": "find the path of a moving camera",
        "segment": "write the masks of the people in a video",
        "stage": "run one stage of a run alone, on a file",
        "export": "export a motion to Blender, Unity, Unreal, OpenSim and others",
        "render": "render a video of a result: 2D skeletons beside the 3D ones",
        "visualize": "compare a motion before and after refinement, side by side in a video",
    },
    "files": {
        "validate": "check a motion file: structure, presence of motion, quality",
        "diagnose": "show and plot the contents of a motion file",
        "stabilize": "repair jumps and jitter in a motion file",
        "refine": "smooth a motion file with SmoothNet, SynSP or a filter",
        "convert": "convert a motion file to another format",
    },
    "research": {
        "evaluate": "evaluate results against ground truth",
        "compare": "compare two results of a clip, or two estimators on it: tables, plots, video",
        "occlusion": "measure how occlusion of parts of an image affects an estimator",
        "pare-demo": "PARE's own demo: pare_output.pkl and rendered images, with the original options",
        "train": "train a refiner (SmoothNet, SynSP) or a lifter (VideoPose3D, P-STMO)",
        "body": "export the free body for the packages smplx and smplfitter",
        "data": "prepare data sets of their original downloads for evaluation and training",
        "weights": "list, download, add and check network weights",
        "info": "print the system information for a bug report",
    },
}
"""Every command and its line in `kinema --help`, by heading; the module is `kinema.commands.<name>`, with _ for -."""

COMMANDS = {name: summary for commands in GROUPS.values() for name, summary in commands.items()}
"""The same without the headings."""

FAULT = 70
"""Exit code of an unexpected error (EX_SOFTWARE); those of expected errors are listed in `kinema.errors`."""


def build_parser(command: str | None = None) -> Parser:
    """The parser of all commands, with the arguments of `command` only."""
    parser = Parser(
        prog="kinema",
        description="3D human motion from ordinary video: SMPL pose, shape and translation.",
        epilog="Get started with `kinema run clip.mp4`, or `kinema demo` without a clip of your own.",
        groups={heading: tuple(commands) for heading, commands in GROUPS.items()},
    )
    parser.add_argument("--version", action="version", version=f"kinema {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        if name != command:
            subparsers.add_parser(name, help=summary, add_help=False)
            continue
        module = import_module(f"kinema.commands.{name.replace('-', '_')}")
        sub = subparsers.add_parser(
            name,
            help=summary,
            description=module.DESCRIPTION,
            epilog=f"examples:\n{module.EXAMPLES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.configure(sub)
        sub.add_argument("--debug", action="store_true", help="show the full traceback of an error")
        sub.set_defaults(run=module.run, only_prints=getattr(module, "only_prints", None))
    return parser


def dispatch(argv: Sequence[str]) -> int:
    """Run the command line `argv`. Returns the exit code."""
    argv = list(argv)
    # OpenCV logs corrupted images itself; Kinema reports them in its own errors.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    few_threads_in_little_memory()
    command = next((word for word in argv if not word.startswith("-")), None)
    if command is not None and (lacking := too_little_to_begin() or _lost()) is not None:
        print(f"kinema: {lacking}", file=sys.stderr)
        return lacking.exit_code
    with printed() as out, stoppable():
        try:
            parser = build_parser(command)
            args = parser.parse_args(argv)
        except KeyboardInterrupt as stop:  # while the command's module was imported
            return _stopped(stop)
        except SystemExit as done:  # of --help, --version and wrong use
            raise SystemExit(_told(int(done.code or 0), out, product=True)) from None
        if args.command is None:
            parser.print_help()
            return _told(0, out, product=True)
        return _told(_run(args), out, product=_only_prints(args))


def _lost() -> KinemaError | None:
    """The error if the current folder has been deleted; libraries would fail in it one by one, with tracebacks."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return InputError("the current folder no longer exists; change to one that does")
    return None


def _run(args: argparse.Namespace) -> int:
    """Run the command; its errors become one sentence and an exit code."""
    from kinema.storage.text import one_line

    try:
        with interruptible():
            return int(args.run(args))
    except KinemaError as error:
        if args.debug:
            raise
        from kinema.options import in_flags  # imported here to keep help fast

        # The library's errors name a setting in backquotes; the command line shows its flag.
        print(f"kinema: {one_line(in_flags(str(error), args.flags))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stop:
        if args.debug:
            raise
        return _stopped(stop)
    except Exception as error:
        if args.debug:
            raise
        if (lacking := explain_memory(error)) is not None:
            print(f"kinema: {lacking}", file=sys.stderr)
            return lacking.exit_code
        fault = one_line(f"{type(error).__name__}: {error}".splitlines()[0])
        print(f"kinema: internal error ({fault}); run again with --debug and report it", file=sys.stderr)
        return FAULT


def _stopped(stop: KeyboardInterrupt) -> int:
    print("kinema: stopped", file=sys.stderr)
    return exit_code(stop)


def _only_prints(args: argparse.Namespace) -> bool:
    """Whether all that the command was asked for is its stdout."""
    if getattr(args, "json", None) in (True, "-"):
        return True
    only_prints: Callable[[argparse.Namespace], bool] | None = getattr(args, "only_prints", None)
    return only_prints is not None and only_prints(args)


def _told(code: int, out: SafeStream, *, product: bool) -> int:
    """The exit code, once stdout has taken everything: success is not claimed for an answer that arrived nowhere.

    A reader that stops listening (`| head -1`) has all that it wanted. product: whether stdout is all there is.
    """
    out.flush()
    out.styled.flush()
    if code or not product or out.failed is None or isinstance(out.failed, BrokenPipeError):
        return code
    reason = out.failed.strerror or out.failed
    print(f"kinema: the output could not be written ({reason}); send it to another place", file=sys.stderr)
    return OutputError.exit_code
