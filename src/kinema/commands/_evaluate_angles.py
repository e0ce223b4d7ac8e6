"""`kinema evaluate motion` against joint angles of OpenSim."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from kinema.errors import UsageError
from kinema.options import in_flags
from kinema.terminal import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from kinema.evaluation.angle_scores import AngleScores

_POSITIONS_ONLY = ("calibration", "camera", "axes", "up", "align", "frame", "source", "body_model")
"""Options that do not apply to angles."""


def run(args: argparse.Namespace) -> int:
    from kinema.evaluation.angle_scores import evaluate_angles
    from kinema.formats import load_motion
    from kinema.storage.atomic import write_json

    given = next((name for name in _POSITIONS_ONLY if getattr(args, name) is not None), None)
    if given is not None or args.joints != "limbs12":
        raise UsageError(
            f"`{given or 'joints'}` applies to joints, and {args.truth.name} holds joint angles; leave it out"
        )
    scores = evaluate_angles(load_motion(args.result), args.truth, person=args.person, offset=args.offset)
    content = {"result": str(args.result), "angles": scores.to_dict()}
    if args.json == "-":
        print_json(content)
        return 0
    shown = console()
    shown.print(table(scores))
    for line in lines(scores):
        shown.print(f"- {in_flags(line, args.flags)}")
    if args.json is not None:
        write_json(args.json, content)
    return 0


def table(scores: AngleScores) -> Table:
    """The angles, one a row, and their means."""
    from rich.table import Table

    shown = Table(
        title=f"{scores.truth_source} against person {scores.person}, {scores.frames} frames", title_justify="left"
    )
    shown.add_column("angle, deg", no_wrap=True)
    for heading in ("mean\nerror", "RMSE", "offset", "RMSE less\nthe offset", "corre-\nlation"):
        shown.add_column(heading, justify="right")
    for name, measures in scores.angles.items():
        shown.add_row(name, *_cells(measures))
    shown.add_section()
    shown.add_row("mean", *_cells(scores.total))
    return shown


def _cells(measures: dict[str, float]) -> list[str]:
    digits = {"correlation": 2}
    return [f"{value:.{digits.get(key, 1)}f}" if math.isfinite(value) else "-" for key, value in measures.items()]


def lines(scores: AngleScores) -> list[str]:
    """The notes, and what was not compared by its reason."""
    reasons: dict[str, list[str]] = {}
    for name, why in scores.not_compared.items():
        reasons.setdefault(why, []).append(name)
    return [*scores.notes, *(f"not compared: {', '.join(names)} ({why})" for why, names in reasons.items())]
