"""`kinema train lifter`: VideoPose3D and P-STMO on data sets in the published layout."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.commands._options import add_quiet, add_settings, given, options_from
from kinema.commands._signals import exit_code
from kinema.errors import UsageError
from kinema.options import require, settings_of
from kinema.runtime import MOST_THREADS

if TYPE_CHECKING:
    from kinema.training.lifters.options import LifterTraining

DESCRIPTION = """\
Train a published lifter on 2D keypoints and motion capture in the layout of VideoPose3D's authors (data_2d_*.npz and
data_3d_*.npz), or P-STMO on MPI-INF-3DHP in the layout of its authors (data_train_3dhp.npz), with the published losses
and schedules. The result is a checkpoint in the authors' own format, which kinema lift and kinema run open with
--lifter-checkpoint, and their programs, too.

networks    videopose3d     convolutions over time; with --unlabelled-subjects also on keypoints without motion capture
            pstmo-masked    P-STMO's first stage: it fills in hidden frames and joints of 2D clips, needs no 3D
            pstmo           P-STMO, from the first stage's checkpoint (--start-from) or from nothing
            pstmo-refine    its last stage for data sets with cameras, on top of a trained P-STMO (--start-from)

Repeat the command to go on where it was stopped; the result is the same as without the stop. Writes to --out:
the checkpoint, training.json (settings, data, scores of every epoch) and state.pt.
"""

EXAMPLES = """\
  kinema train lifter --positions data_3d_h36m.npz --keypoints data_2d_h36m_cpn_ft_h36m_dbb.npz --out v --device cuda
  kinema train lifter --network pstmo-masked --keypoints data_2d_h36m_gt.npz --out masked --device cuda
  kinema train lifter --network pstmo --positions data_3d_h36m.npz --keypoints data_2d_h36m_gt.npz
      --start-from masked/pstmo_masked_h36m.pth --out pstmo --device cuda
  kinema train lifter --network pstmo --sequences data_train_3dhp.npz --test-sequences data_test_3dhp.npz --out 3dhp
"""


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.training.lifters.data_options import LifterData
    from kinema.training.lifters.options import LifterTraining

    add_settings(parser, LifterTraining, "network")
    add_settings(parser, LifterData)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder")
    add_settings(parser, [each for name, each in settings_of(LifterTraining).items() if name != "network"])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="device to train on (default: cpu)")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="CPU threads (default: %(default)s)")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    from kinema.training.packages import require_packages

    require_packages(("torch",))
    import torch

    from kinema.training.lifters.options import LifterTraining

    if args.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("torch finds no GPU; leave out `device` to train on the CPU")
    require(1 <= args.threads <= MOST_THREADS, "threads", f"lie between 1 and {MOST_THREADS}", args.threads)
    torch.set_num_threads(args.threads)
    wanted = given(args, LifterTraining)
    network = wanted.pop("network", LifterTraining.network)
    options = LifterTraining.published(network, of_3dhp=args.sequences is not None, **wanted)
    try:
        result = _trained(args, options)
    except KeyboardInterrupt as stop:
        print("kinema: stopped; run the same command again to go on", file=sys.stderr)
        return exit_code(stop)
    print(result)
    return 0


def _trained(args: argparse.Namespace, options: LifterTraining) -> Path:
    from kinema.pipeline.showing import watcher
    from kinema.training.lifters.data import train_lifter
    from kinema.training.lifters.data_options import LifterData

    with watcher(quiet=args.quiet, flags=args.flags) as shown:
        return train_lifter(
            options_from(args, LifterData), options, args.out, device=args.device,
            say=(lambda line: None) if args.quiet else print, progress=shown.start("training"),
        )  # fmt: skip
