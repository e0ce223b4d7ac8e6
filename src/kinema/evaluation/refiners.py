"""Scores of refiners as in the published tables: MPJPE, PA-MPJPE and acceleration error, before and after.

Units: mm and mm/frame^2 for 3D, pixels for 2D (normalised by the image size where the data is), degrees for SMPL.
Means run over all frames of all clips. Of F frames, F - 2 have an acceleration; the authors' tables add two zeros
per clip, which `padded` reproduces (docs/refinement.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from kinema.geometry.rotations import geodesic_angle, matrix_from_6d
from kinema.metrics import acceleration_error_per_frame, pa_mpjpe

if TYPE_CHECKING:
    from kinema.models.smoothnet.datasets import RefinerClips

WORST = 0.1
"""Fraction of frames, those with the largest input error, in the "worst" columns."""


@dataclass(frozen=True)
class RefinerScores:
    """Means before (input_*) and after. position: MPJPE (3D), distance (2D) or angle (SMPL); aligned: PA-MPJPE, NaN
    except in 3D; acceleration: error of the second difference; worst: position over the frames of worst input.
    """

    input_position: float
    position: float
    input_aligned: float
    aligned: float
    input_acceleration: float
    acceleration: float
    input_worst: float
    worst: float

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


def score_refiner(clips: RefinerClips, refined: Sequence[np.ndarray], *, padded: bool = False) -> RefinerScores:
    """Score refined clips, shaped like `clips.detected`; multiple views count as separate clips."""
    rows: dict[str, list[np.ndarray]] = {name: [] for name in ("p0", "p1", "a0", "a1", "s0", "s1")}
    for detected, after, true in zip(clips.detected, refined, clips.truth, strict=True):
        views = (detected[None], after[None], true[None]) if detected.ndim == 2 else (detected, after, true)
        for one in zip(*views, strict=True):
            truth = _values(clips, one[2])
            for side, each in enumerate(one[:2]):
                values = _values(clips, each)
                acceleration = acceleration_error_per_frame(values, truth)
                rows[f"p{side}"].append(_position(clips, values, truth))
                rows[f"a{side}"].append(_aligned(clips, values, truth))
                rows[f"s{side}"].append(np.pad(acceleration, 1) if padded else acceleration)
    together = {name: np.concatenate(parts) for name, parts in rows.items()}
    before = together["p0"]
    count = max(1, round(WORST * len(before)))
    worst = np.argsort(before)[-count:]
    means = {name: float(values.mean()) if len(values) else float("nan") for name, values in together.items()}
    return RefinerScores(
        means["p0"], means["p1"], means["a0"], means["a1"], means["s0"], means["s1"],
        float(before[worst].mean()), float(together["p1"][worst].mean()),
    )  # fmt: skip


def _values(clips: RefinerClips, values: np.ndarray) -> np.ndarray:
    """(F,K,D) in the unit of the scores, relative to the root if there is one."""
    depth = {"2d": 2, "3d": 3, "smpl": 6}[clips.representation]
    points = np.asarray(values, dtype=np.float64).reshape(len(values), -1, depth) * clips.scale
    return points if clips.root is None else points - points[:, list(clips.root)].mean(axis=1, keepdims=True)


def _position(clips: RefinerClips, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    if clips.representation == "smpl":
        return np.asarray(np.degrees(geodesic_angle(matrix_from_6d(values), matrix_from_6d(truth))).mean(axis=-1))
    return np.asarray(np.linalg.norm(values - truth, axis=-1).mean(axis=-1))


def _aligned(clips: RefinerClips, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return pa_mpjpe(values, truth) if clips.representation == "3d" else np.full(len(values), np.nan)
