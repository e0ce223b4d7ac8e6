"""`kinema data`: published data sets, prepared for evaluation and training."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kinema.commands._options import add_argument, add_debug, add_quiet
from kinema.errors import UsageError

DESCRIPTION = "Convert original downloads of data sets for `kinema evaluate lifter` and `kinema train lifter`."

EXAMPLES = """\
  kinema data prepare h36m ~/Human3.6M --out data
  kinema data prepare h36m ~/Human3.6M --out data --keypoints ~/detectron --name detectron_ft_h36m
  kinema data prepare 3dhp ~/mpi_inf_3dhp --out data
  kinema data prepare humaneva ~/HumanEva/converted_15j --out data
"""

PREPARE = """\
Convert what FOLDER has to VideoPose3D's and P-STMO's layouts, into DIR. Needs kinema[datasets]. FOLDER holds
  h36m      S1/MyPoseFeatures/D3_Positions/*.cdf (as distributed) or *.cdf.mat (converted with MATLAB), or
            S1/MyPoses/3D_positions/*.h5 (of Martinez et al.); also S1/StackedHourglass*/*.h5
  3dhp      S1/Seq1/annot.mat and so on, and TS1/annot_data.mat and so on
  humaneva  Train/S1/*.mat and Validate/S1/*.mat, as ConvertHumanEva.m writes them
--keypoints takes 2D keypoints of Detectron or CPN, one file per video: S1/Walking.54138969.mp4.npz for h36m,
S1/Walking_1_(C1).avi.npz for humaneva. The output files are the same as those of the authors' scripts.
"""

SETS = ("h36m", "3dhp", "humaneva")


def configure(parser: argparse.ArgumentParser) -> None:
    subparsers = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    sub = subparsers.add_parser(
        "prepare", help="convert the original files to the published layouts", description=PREPARE,
        epilog=f"examples:\n{EXAMPLES}", formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    sub.add_argument("dataset", choices=SETS, metavar="DATASET", help="h36m, 3dhp or humaneva")
    sub.add_argument("folder", metavar="FOLDER", type=Path, help="the folder of the original files")
    add_argument(
        sub, "--out", aliases=("output",), metavar="DIR", type=Path, required=True, help="where the files are written"
    )
    sub.add_argument("--keypoints", metavar="FOLDER", type=Path, help="2D keypoints of a detector, one file per video")
    sub.add_argument(
        "--name", metavar="NAME",
        help="name of these keypoints, such as cpn_ft_h36m_dbb or detectron_pt_coco, which determines their joint set",
    )  # fmt: skip
    add_quiet(sub)
    add_debug(sub)


def run(args: argparse.Namespace) -> int:
    from kinema.datasets.prepare_3dhp import prepare_3dhp
    from kinema.datasets.prepare_h36m import prepare_h36m
    from kinema.datasets.prepare_humaneva import prepare_humaneva
    from kinema.errors import InputError
    from kinema.pipeline.showing import watcher
    from kinema.pipeline.watching import timed
    from kinema.terminal import print_lines

    if not args.folder.is_dir():
        raise InputError(f"there is no folder {args.folder}; check the path")
    more: dict[str, Any] = {"keypoints": args.keypoints, "name": args.name}
    if args.dataset == "3dhp":
        if args.keypoints or args.name:
            raise UsageError("3dhp is used with its own 2D keypoints; leave out `keypoints` and `name`")
        more = {}
    prepare: Any = {"h36m": prepare_h36m, "3dhp": prepare_3dhp, "humaneva": prepare_humaneva}[args.dataset]
    with watcher(quiet=args.quiet, flags=args.flags) as shown:
        with timed(shown, f"preparing {args.dataset}") as progress:
            done = prepare(args.folder, args.out, progress=progress, **more)
        for note in done.notes:
            shown.note(note)
    if not args.quiet:
        print_lines(str(path) for path in done.files)
    return 0
