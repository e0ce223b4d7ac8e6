"""`kinema body`: the free body for other programs."""

from __future__ import annotations

import argparse

from kinema.commands._options import add_body, add_json
from kinema.errors import UsageError
from kinema.terminal import print_json

DESCRIPTION = (
    "Export the free body in the file layout that another package loads as an SMPL model. The files are CC0:\n"
    "nothing in them comes from SMPL; only the layout and the meaning of the parameters are the same."
)
EXAMPLES = """  kinema body export --layout smplx --out models
  kinema body export --layout smplfitter --out models"""

LAYOUTS = ("smplx", "smplfitter")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", choices=("export",), help="what to do")
    parser.add_argument("--layout", choices=LAYOUTS, required=True, help="the package that will load the body")
    parser.add_argument("--out", metavar="DIR", required=True, help="models folder; the files are written to DIR/smpl")
    add_body(parser)
    add_json(parser, "the paths")


def run(args: argparse.Namespace) -> int:
    """Write the files and print their paths."""
    from kinema.body import load_body
    from kinema.body.writing import write_layout

    if args.action != "export":
        raise UsageError(f"unknown action {args.action!r}; use: kinema body export")
    paths = write_layout(load_body(args.body_model), args.layout, args.out)
    if args.json:
        print_json([str(path) for path in paths], indent=None)
    else:
        for path in paths:
            print(path)
    return 0
