"""The command line: finds the command, runs it, turns errors into one sentence and an exit code.

Only the chosen command's module is imported, so that `kinema --help` answers at once. A command is a
module of `kinema.commands` with three names: `DESCRIPTION` and `EXAMPLES` (strings for `--help`),
`configure(parser)`, which adds its arguments, and `run(args) -> int`, which returns the exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from kinema._version import __version__
from kinema.commands._parser import Parser
from kinema.errors import KinemaError

GROUPS = {
    "everyday": {
        "run": "turn videos into SMPL motion",
        "demo": "render a clip with known truth, run the main job on it, report the error",
        "export": "write a motion for Blender, Unity, Unreal, OpenSim and others",
        "visualize": "a motion before and after refinement, side by side as a video",
    },
    "files": {
        "validate": "check a motion file: structure, presence of motion, quality",
        "diagnose": "tell what is in a motion file, and draw it",
        "stabilize": "repair jumps and shaking in a motion file",
        "refine": "smooth a motion file with SmoothNet, SynSP or a filter",
        "convert": "turn one motion file into another",
    },
    "research": {
        "evaluate": "compare results with ground truth",
        "occlusion": "where a covered part of the picture changes an estimator's answer",
        "pare-demo": "PARE's own demo: pare_output.pkl and pictures, with the original's options",
        "train": "train a refiner: SmoothNet or SynSP",
        "body": "write the free body for the packages smplx and smplfitter",
        "weights": "list, get, add and check network weights",
        "info": "print what a bug report needs",
    },
}
"""Every command with its line in `kinema --help`, by heading; the module is `kinema.commands.<name>`, with _ for -."""

COMMANDS = {name: summary for commands in GROUPS.values() for name, summary in commands.items()}
"""The same without the headings."""

FAULT = 70
"""Exit code of an error that nobody foresaw (EX_SOFTWARE); the foreseen ones are listed in `kinema.errors`."""


def build_parser(command: str | None = None) -> Parser:
    """The whole parser; the arguments of `command` alone are filled in."""
    parser = Parser(
        prog="kinema",
        description="3D human motion from ordinary video: SMPL pose, shape and translation.",
        epilog="Start with:  kinema run clip.mp4      or, without a clip:  kinema demo",
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
        sub.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own). Returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    # OpenCV writes lines of its own about damaged pictures, which Kinema names in its own words.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    command = next((word for word in argv if not word.startswith("-")), None)
    parser = build_parser(command)
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 0
    try:
        return int(args.run(args))
    except KinemaError as error:
        if args.debug:
            raise
        from kinema.options import in_flags  # only here: help is quicker without it

        # The library's errors name a setting in backquotes; here they name its flag.
        print(f"kinema: {in_flags(str(error), args.flags)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        if args.debug:
            raise
        print("kinema: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if args.debug:
            raise
        fault = f"{type(error).__name__}: {error}".splitlines()[0]
        print(f"kinema: a fault in Kinema itself ({fault}); run again with --debug and report it", file=sys.stderr)
        return FAULT


if __name__ == "__main__":
    sys.exit(main())
