"""`kinema evaluate lifter`: a lifter on the data sets of its authors, next to what they published."""

from __future__ import annotations

import argparse
import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.commands._options import add_json, add_settings, options_from
from kinema.terminal import print_json, print_lines

if TYPE_CHECKING:
    from kinema.evaluation.lifters import LifterEvaluation, LifterRow

DESCRIPTION = """\
Errors of a lifter on your copy of a data set, by action, next to the published results: P1 (MPJPE), P2 (PA-MPJPE),
P3 (N-MPJPE), MPJVE in mm, PCK at 150 mm and AUC as MPI-INF-3DHP defines them. FOLDER holds, in VideoPose3D's and
P-STMO's layouts (`kinema data prepare` makes the files of the original downloads):
  h36m        data_3d_h36m.npz        data_2d_h36m_NAME.npz
  humaneva    data_3d_humaneva15.npz  data_2d_humaneva15_NAME.npz
  3dhp        data_test_3dhp.npz
Results are averaged with those of the mirror image, as the authors do.
"""

EXAMPLES = """\
  kinema evaluate lifter data --keypoints cpn_ft_h36m_dbb --lifter videopose3d
      --lifter-checkpoint pretrained_h36m_cpn.bin
  kinema evaluate lifter data --dataset 3dhp --lifter pstmo --lifter-checkpoint PSTMOS_no_refine_50_3203_3dhp.pth
  kinema evaluate lifter data --keypoints gt --lifter pstmo --lifter-checkpoint own.pth --by-subject --csv scores.csv
"""


def configure(parser: argparse.ArgumentParser) -> None:
    from kinema.evaluation.lifter_options import LifterEvaluationOptions

    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the folder with the prepared files")
    add_settings(parser, LifterEvaluationOptions)
    parser.add_argument("--by-subject", action="store_true", help="a table for each subject")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write the table to FILE")
    add_json(parser, "everything", file=True)


def run(args: argparse.Namespace) -> int:
    from kinema.evaluation.lifter_options import LifterEvaluationOptions
    from kinema.evaluation.lifters import evaluate_lifter
    from kinema.options import in_flags
    from kinema.pipeline.showing import watcher
    from kinema.pipeline.watching import timed
    from kinema.storage.atomic import atomic_path, write_json

    options = options_from(args, LifterEvaluationOptions)
    with watcher(quiet=args.json == "-", flags=args.flags) as shown, timed(shown, "lifting") as progress:
        found = evaluate_lifter(args.folder, options, by_subject=args.by_subject, progress=progress)
    if args.csv is not None:
        with atomic_path(args.csv) as temporary:
            temporary.write_text(csv_of(found), encoding="utf-8", newline="")
    if args.json == "-":
        print_json(found.to_dict())
        return 0
    _print(found)
    print_lines(f"- {in_flags(note, args.flags)}" for note in found.notes)
    if args.json is not None:
        write_json(args.json, found.to_dict())
    print_lines(str(path) for path in (args.csv, args.json) if path is not None)
    return 0


def _print(found: LifterEvaluation) -> None:
    from kinema.commands._tables import print_table
    from kinema.evaluation.lifter_scores import MEASURES

    beside = [each for each in found.published if each.actions]
    columns = [*MEASURES.values(), *(f"{each.heading}: {each.protocol}" for each in beside)]
    for average, pooled in zip(found.averages, found.all_frames, strict=True):
        rows = [row for row in found.rows if row.subject == average.subject]
        where = f" of {average.subject}" if average.subject else ""
        mirror = "averaged with its mirror image" if found.flip else "without the mirror image"
        print(f"\n{found.dataset}{where}, keypoints {found.keypoints}, {found.lifter}, {mirror}")
        lines = [[*_numbers(row), *(_number(each.actions.get(row.action)) for each in beside)] for row in rows]
        means = [next(iter(each.scores.values())) for each in beside]
        lines += [[*_numbers(row), *(_number(mean) for mean in means)] for row in (average, pooled)]
        if average.scores.groups:
            lines += [
                [name, "", *(["-"] * (len(MEASURES) - 2)), *map(_number, values), *([""] * len(beside))]
                for name, values in average.scores.groups.items()
            ]
        print_table(["sequence" if found.dataset == "3dhp" else "action", "frames", *columns], lines)
    if found.published:
        print("\npublished (not measured here)")
        print_table(
            ["method", "2D", *MEASURES.values(), "source"],
            [
                [each.method, each.keypoints, *(_number(each.scores.get(name)) for name in MEASURES), each.source]
                for each in found.published
            ],
        )


def _numbers(row: LifterRow) -> list[str]:
    return [row.action, str(row.scores.frames), *map(_number, row.scores.values().values())]


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.1f}"


def csv_of(found: LifterEvaluation) -> str:
    """The rows, the averages and the means over all frames as CSV with a header; empty where there is no score."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(found.averages[0].scores.values()) if found.averages else []
    writer.writerow(["subject", "action", "frames", *names])
    for row in (*found.rows, *found.averages, *found.all_frames):
        values = ["" if math.isnan(value) else f"{value:.6g}" for value in row.scores.values().values()]
        writer.writerow([row.subject, row.action, row.scores.frames, *values])
    return text.getvalue()
