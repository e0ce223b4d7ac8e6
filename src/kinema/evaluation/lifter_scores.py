"""Scores of lifters as in their authors' tables. Positions are in millimetres, like the thresholds.

Every score is a mean over frames, so a table's row is the mean of its clips weighted by their frames. Actions are then
averaged without weights (Pavllo et al. 2019, section 6.1; P-STMO, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from kinema.metrics import (
    auc,
    joint_errors,
    n_mpjpe,
    pa_mpjpe,
    pck,
    velocity_error_per_frame,
)

PCK_THRESHOLD = 150.0
"""Millimetres (Mehta et al., "Monocular 3D human pose estimation in the wild", 3DV 2017)."""

MEASURES = {
    "mpjpe": "P1 mm",
    "pa_mpjpe": "P2 mm",
    "n_mpjpe": "P3 mm",
    "velocity": "MPJVE mm",
    "pck": "PCK150 %",
    "auc": "AUC %",
}
"""Every score and the heading of its column."""


@dataclass(frozen=True)
class LifterScores:
    """mpjpe: P1, relative to the root. pa_mpjpe: P2, after the best similarity of each frame. n_mpjpe: P3, after the
    best scale. velocity: MPJVE, mm per frame. pck, auc: percent of the scored joints, as MPI-INF-3DHP counts. groups:
    PCK and AUC by part of the body. NaN where there is nothing to score, such as the velocity of one frame.
    """

    frames: int
    mpjpe: float
    pa_mpjpe: float
    n_mpjpe: float
    velocity: float
    pck: float
    auc: float
    groups: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """The scores by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name in MEASURES}

    def to_dict(self) -> dict[str, object]:
        parts = {name: {"pck": values[0], "auc": values[1]} for name, values in self.groups.items()}
        return {"frames": self.frames, **self.values(), **({"groups": parts} if parts else {})}


def score_clip(
    lifted: np.ndarray,
    truth: np.ndarray,
    scored: Sequence[int],
    valid: np.ndarray | None = None,
    groups: Mapping[str, Sequence[int]] | None = None,
) -> LifterScores | None:
    """Scores of one clip: result and truth (F, J, 3) mm, both relative to the root. scored: joints of PCK and AUC.

    valid (F,) bool: the frames that count. Returns None if there are none. The root counts in MPJPE, as with the
    authors.
    """
    kept = np.ones(len(truth), dtype=bool) if valid is None else np.asarray(valid, dtype=bool)
    if not kept.any():
        return None
    a, b = np.asarray(lifted, dtype=np.float64)[kept], np.asarray(truth, dtype=np.float64)[kept]
    steps = velocity_error_per_frame(lifted, truth, kept)
    errors = joint_errors(a, b)
    on = errors[:, list(scored)]
    return LifterScores(
        frames=len(a),
        mpjpe=float(errors.mean()),
        pa_mpjpe=float(pa_mpjpe(a, b).mean()),
        n_mpjpe=float(n_mpjpe(a, b).mean()),
        velocity=float(steps.mean()) if len(steps) else math.nan,
        pck=pck(on, PCK_THRESHOLD, strict=True),
        auc=_area(on),
        groups={
            name: (pck(errors[:, list(joints)], PCK_THRESHOLD, strict=True), _area(errors[:, list(joints)]))
            for name, joints in (groups or {}).items()
        },
    )


def pooled(clips: Sequence[LifterScores]) -> LifterScores:
    """The mean scores of several clips, each weighted by its frames. Clips that lack a score are left out of it."""
    return _mean(clips, np.array([clip.frames for clip in clips], dtype=np.float64))


def averaged(rows: Sequence[LifterScores]) -> LifterScores:
    """The unweighted mean of rows, such as actions."""
    return _mean(rows, np.ones(len(rows)))


def _area(errors: np.ndarray) -> float:
    return auc(errors, PCK_THRESHOLD, strict=True)


def _mean(rows: Sequence[LifterScores], weights: np.ndarray) -> LifterScores:
    def mean(values: Sequence[float]) -> float:
        array = np.array(values)
        known = np.isfinite(array)
        return float(np.average(array[known], weights=weights[known])) if known.any() else math.nan

    return LifterScores(
        frames=sum(row.frames for row in rows),
        **{name: mean([getattr(row, name) for row in rows]) for name in MEASURES},
        groups={
            name: (mean([row.groups[name][0] for row in rows]), mean([row.groups[name][1] for row in rows]))
            for name in rows[0].groups
        },
    )
