"""`kinema convert`: convert a motion file to another format."""

from __future__ import annotations

import argparse
from pathlib import Path

from kinema.commands._options import add_body, add_file, add_json, add_names, add_reading
from kinema.errors import UsageError

DESCRIPTION = """\
Convert a motion file to another format, keeping everything that both can hold and reporting what is lost. The format
follows from the suffix of OUT (.pkl and .npz: Kinema's own, which keep everything) or from --to:

  kinema-pkl kinema-npz amass pare gvhmr bvh trc c3d  read and write
  wham phalp romp video2pkl aistpp glamr emdb 3dpw    read only
"""
EXAMPLES = """\
  kinema convert smpl_output.pkl motion.npz
  kinema convert wham_output.pkl motion.pkl --fps 25
  kinema convert mocap.bvh motion.pkl
  kinema convert joints.trc motion.npz
  kinema convert smpl_output.pkl amass.npz --to amass
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_file(parser)
    parser.add_argument("out", metavar="OUT", nargs="?", default=argparse.SUPPRESS, help="the file to write; or --out")
    parser.add_argument("--out", metavar="OUT", type=Path, help="the file to write")
    parser.add_argument(
        "--to", dest="target_format", metavar="FORMAT", help="the format to write (default: from OUT's suffix)"
    )
    add_reading(parser)
    parser.add_argument(
        "--source-units",
        choices=("m", "cm", "mm", "in"),
        help="unit of a bvh (default: inferred from the length of the legs)",
    )
    add_body(parser, "an SMPL file (.pkl or .npz): the body model of the poses")
    add_names(parser)
    add_json(parser, "files and notes")


def run(args: argparse.Namespace) -> int:
    """Convert and print the notes and the files written."""
    from kinema.body import load_body
    from kinema.commands.export import print_report
    from kinema.formats import motion_file
    from kinema.formats.converting import convert

    if args.out is None:
        raise UsageError("`out` is missing; name the file to write")
    body = None if args.body_model is None else load_body(args.body_model)
    options = {} if args.names is None else {"names": args.names}
    report = convert(
        motion_file(args.file), args.out, source_format=args.format, target_format=args.target_format, fps=args.fps,
        source_units=args.source_units, body=body, **options,
    )  # fmt: skip
    print_report(report, args)
    return 0
