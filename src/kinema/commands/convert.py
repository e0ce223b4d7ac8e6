"""`kinema convert`: one motion file into another."""

from __future__ import annotations

import argparse
from pathlib import Path

DESCRIPTION = """\
Convert a motion file into another format, keeping all that both can hold and saying what is lost. The suffix of OUT
tells the format (.pkl and .npz: Kinema's own, which keep everything), or --to:

  kinema-pkl kinema-npz amass pare gvhmr bvh          read and written
  wham phalp romp video2pkl aistpp glamr              read only
"""
EXAMPLES = """\
  kinema convert smpl_output.pkl motion.npz
  kinema convert wham_output.pkl motion.pkl --fps 25
  kinema convert mocap.bvh motion.pkl
  kinema convert smpl_output.pkl amass.npz --to amass
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", metavar="IN", type=Path, help="a motion file (.pkl, .npz, .pt, .bvh)")
    parser.add_argument("out", metavar="OUT", type=Path, help="the file to write")
    parser.add_argument("--from", dest="source", metavar="FORMAT", help="IN's format (default: by its contents)")
    parser.add_argument("--to", dest="target", metavar="FORMAT", help="OUT's format (default: by its suffix)")
    parser.add_argument("--fps", type=float, help="frames a second of a file that does not say (default: 30)")
    parser.add_argument("--body-model", metavar="PATH", help="an SMPL file (.pkl or .npz): the body of the poses")
    parser.add_argument("--json", action="store_true", help="print files and notes as JSON")


def run(args: argparse.Namespace) -> int:
    """Convert and print the notes and the files written."""
    from kinema.body import load_body
    from kinema.commands.export import print_report
    from kinema.formats.converting import convert

    body = None if args.body_model is None else load_body(args.body_model)
    report = convert(args.file, args.out, source_format=args.source, target_format=args.target, fps=args.fps, body=body)
    print_report(report, as_json=args.json)
    return 0
