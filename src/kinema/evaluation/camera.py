"""Scores of a camera's path against the true one: ATE and RPE (Sturm et al. 2012, section IV), rotation, scale, lens.

Each path has its own world. Positions are compared after one alignment of a whole shot, rotations after one rotation of
it, and steps from one moment to another without alignment. Where a path is in pieces
(`kinema.geometry.camera_path.CameraPath.breaks`), each piece is compared like a shot: nothing relates its unit to
another's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from kinema.brief import Brief
from kinema.errors import UsageError
from kinema.evaluation.filmed import FilmedPath
from kinema.evaluation.moments import match_times
from kinema.evaluation.scoring import without_nan
from kinema.geometry.alignment import align, similarity
from kinema.geometry.camera_path import CameraPath
from kinema.geometry.rotations import geodesic_angle, nearest_rotation
from kinema.metrics import path_length

INTERVAL = 1.0
"""Seconds: length of the steps of the relative pose error."""

USUAL_RATE = 30.0
"""Frames per second assumed if both sides have frame numbers only."""

STANDS = 0.01
"""Metres, or units of the truth: a camera that travels less has no path to align."""

CAMERA_MEASURES = {
    "coverage": "coverage",
    "ate": "ATE, RMSE",
    "ate_similarity": "ATE with scale, RMSE",
    "ate_percent": "ATE with scale, % of the path",
    "scale_error_percent": "scale, %",
    "rpe_translation": "RPE over 1 s, position, RMSE",
    "rpe_rotation_deg": "RPE over 1 s, rotation, RMSE, deg",
    "rotation_mean_deg": "rotation, mean, deg",
    "rotation_median_deg": "rotation, median, deg",
    "rotation_worst_deg": "rotation, worst, deg",
    "focal_error_percent": "focal length, %",
    "path_length": "length of the true path",
}
"""Every measure: key in JSON, and name in tables; docs/evaluation.md defines them. Lengths are in metres, or in the
truth's unit if that is not metric."""


@dataclass(frozen=True, repr=False)
class ShotScores(Brief):
    """start, end: seconds, of the shot or the piece of a path. frames: number compared. measures: by `CAMERA_MEASURES`,
    NaN where undefined."""

    start: float
    end: float
    frames: int
    measures: dict[str, float]


@dataclass(frozen=True, repr=False)
class CameraScores(Brief):
    """total: the shots' means, weighted by frames. metric: whether lengths are in metres. notes: sentences."""

    result: str
    truth: str
    metric: bool
    shots: tuple[ShotScores, ...]
    total: dict[str, float]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """JSON values; a measure that is NaN becomes None."""
        plain: dict[str, object] = without_nan(asdict(self))
        return plain


def evaluate_camera(result: FilmedPath, truth: FilmedPath) -> CameraScores:
    """Compare two paths at the moments known on both sides, shot by shot and piece by piece. Raises UsageError if there
    are none."""
    rows, true_rows, clock = _matched(result, truth)
    if len(rows) < 2:
        raise UsageError(
            f"no two moments of {result.source} ({_span(result)}) lie on those of {truth.source} ({_span(truth)})"
        )
    shots = _shots(result, rows) + _shots(truth, true_rows)
    scored = []
    for shot in np.unique(shots):
        inside = shots == shot
        ours, theirs = result.path.part(rows[inside]), truth.path.part(true_rows[inside])
        times = clock[inside]
        if len(times) > 1:
            scores = shot_scores(ours, theirs, times)
            scores["focal_error_percent"] = _focal_error(result, truth, ours, theirs)
            scored.append(ShotScores(float(times[0]), float(times[-1]), len(times), scores))
    metric = truth.path.metric
    notes = [*truth.notes, *result.notes]
    if not metric:
        notes.append(f"{truth.source} does not say that it is in metres: lengths are in its own unit")
    elif not result.path.metric:
        notes.append(f"{result.source} is in a unit of its own: it is scaled to the truth before it is compared")
    for side in (result, truth):
        pieces = len(_joints(side)) - len(side.cuts)
        if pieces:
            notes.append(
                f"{side.source} has {pieces + 1} pieces, between which there is a cut or the camera was lost: each is"
                " aligned by itself, with a unit of its own"
            )
    total = {**_total(scored), "coverage": len(rows) / len(truth.path)}
    return CameraScores(result.source, truth.source, metric, tuple(scored), total, tuple(dict.fromkeys(notes)))


def _joints(side: FilmedPath) -> np.ndarray:
    """The poses at which a shot or a piece begins."""
    return np.union1d(side.cuts, side.path.breaks)


def _shots(side: FilmedPath, rows: np.ndarray) -> np.ndarray:
    """The number, from 0, of the shot or piece that each pose belongs to."""
    return np.searchsorted(_joints(side), rows, side="right")


def shot_scores(result: CameraPath, truth: CameraPath, times: np.ndarray) -> dict[str, float]:
    """The measures of one shot's poses, at the same `times` (T,) in seconds on both sides.

    A non-metric result is scaled by the best similarity before its steps are compared.
    """
    # A truth omits moments at which the camera is unknown; a result's guesses count.
    known = np.flatnonzero(np.asarray(truth.found))
    result, truth, times = result.part(known), truth.part(known), times[known]
    if len(known) < 2:
        return dict.fromkeys(CAMERA_MEASURES, math.nan)
    scale, positions = _position_scores(result, truth)
    rotations = _turned_apart(result, truth)
    return {
        **positions,
        **_step_scores(result, truth, times, scale),
        "rotation_mean_deg": float(rotations.mean()),
        "rotation_median_deg": float(np.median(rotations)),
        "rotation_worst_deg": float(rotations.max()),
    }


def _position_scores(result: CameraPath, truth: CameraPath) -> tuple[float, dict[str, float]]:
    """The factor from the result's unit to the truth's, and the measures of the positions."""
    travelled = path_length(truth.centre)
    both_metric = result.metric and truth.metric
    scores = {"path_length": travelled}
    if travelled < STANDS:  # neither the worlds' orientation nor the unit can be determined
        if both_metric:
            scores["ate"] = _rms(_centred(result.centre) - _centred(truth.centre))
        return 1.0, scores
    if both_metric:
        scores["ate"] = _rms(align(result.centre, truth.centre, scale=False) - truth.centre)
    scale = float(similarity(result.centre, truth.centre)[0])
    scores["ate_similarity"] = _rms(align(result.centre, truth.centre) - truth.centre)
    scores["ate_percent"] = 100 * scores["ate_similarity"] / travelled
    if not both_metric:
        return scale, scores
    scores["scale_error_percent"] = 100 * (1 / scale - 1) if scale > 0 else math.inf
    return 1.0, scores


def _turned_apart(result: CameraPath, truth: CameraPath) -> np.ndarray:
    """(T,) degrees between the rotations, after one rotation of the result's world that fits best."""
    turn = nearest_rotation(np.sum(np.swapaxes(truth.rotation, -1, -2) @ result.rotation, axis=0))
    return np.asarray(np.degrees(geodesic_angle(result.rotation, truth.rotation @ turn)))


def _step_scores(result: CameraPath, truth: CameraPath, times: np.ndarray, scale: float) -> dict[str, float]:
    """The relative pose error: steps of `INTERVAL` in the axes of the camera where they begin."""
    ends = np.searchsorted(times, times + INTERVAL - (step := float(np.median(np.diff(times)))) / 2)
    starts = np.flatnonzero(ends < len(times))
    starts = starts[np.abs(times[ends[starts]] - times[starts] - INTERVAL) <= step]
    if not len(starts):
        return {}
    ends = ends[starts]
    steps, turns = [], []
    for path, unit in ((result, scale), (truth, 1.0)):
        moved = unit * (path.centre[ends] - path.centre[starts])
        steps.append(np.einsum("tij,tj->ti", path.rotation[starts], moved))
        turns.append(path.rotation[ends] @ np.swapaxes(path.rotation[starts], -1, -2))
    return {
        "rpe_translation": _rms(steps[0] - steps[1]),
        "rpe_rotation_deg": float(np.degrees(np.sqrt(np.mean(geodesic_angle(*turns) ** 2)))),
    }


def _focal_error(result: FilmedPath, truth: FilmedPath, ours: CameraPath, theirs: CameraPath) -> float:
    """Percent by which the result's focal length is too long, median over the poses."""
    if not (result.lens and truth.lens):
        return math.nan
    larger = result.width / truth.width if result.width and truth.width else 1.0
    return 100 * float(np.median(ours.intrinsics[..., 0, 0] / theirs.intrinsics[..., 0, 0]) / larger - 1)


def _centred(positions: np.ndarray) -> np.ndarray:
    return np.asarray(positions - positions.mean(axis=0))


def _rms(differences: np.ndarray) -> float:
    """Root mean square of the lengths of vectors (T,3)."""
    return float(np.sqrt(np.mean(np.sum(differences**2, axis=-1))))


def _total(shots: Sequence[ShotScores]) -> dict[str, float]:
    total = {}
    for key in CAMERA_MEASURES:
        values = np.array([shot.measures.get(key, math.nan) for shot in shots])
        weights = np.array([shot.frames for shot in shots], dtype=np.float64)
        finite = np.isfinite(values)
        total[key] = float(np.average(values[finite], weights=weights[finite])) if finite.any() else math.nan
    total["path_length"] = float(np.nansum([shot.measures.get("path_length", 0.0) for shot in shots]))
    return total


def _matched(result: FilmedPath, truth: FilmedPath) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Poses of both sides at the same moments, and these moments in seconds; by frame numbers if a side has no times.

    Raises UsageError if one side has only times and the other only frame numbers.
    """
    if result.times is not None and truth.times is not None:
        rows, true_rows = match_times(result.times, truth.times)
        return rows, true_rows, truth.times[true_rows]
    if result.numbers is None or truth.numbers is None:
        bare = result if result.times is None else truth
        raise UsageError(f"{bare.source} has frame numbers and no times, and the other file has times only")
    numbers, rows, true_rows = np.intersect1d(result.numbers, truth.numbers, return_indices=True)
    for side, own in ((truth, true_rows), (result, rows)):
        if side.times is not None:
            return rows, true_rows, side.times[own]
    return rows, true_rows, numbers / USUAL_RATE


def _span(filmed: FilmedPath) -> str:
    if filmed.times is not None:
        return f"{filmed.times[0]:.2f} to {filmed.times[-1]:.2f} s"
    assert filmed.numbers is not None
    return f"frames {filmed.numbers[0]} to {filmed.numbers[-1]}"
