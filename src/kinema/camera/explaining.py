"""What the keyframes of a stretch say about its camera: whether it turns or travels, and whether its lens bends."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinema.camera.bend import BEND_GAIN, bend_shown, straight
from kinema.camera.bundle import Solution, Unknowns
from kinema.camera.choice import Evidence, evidence
from kinema.camera.resection import INLIER
from kinema.camera.structure import solve_travelling
from kinema.camera.tracks import PointTracks, keyframes
from kinema.camera.turning import FOCAL_TRIES, Lens, Sighted, solve_turning

MAYBE = 0.12
"""Share of the pairs of keyframes that a turn does not explain from which a travelling camera is tried."""

BETTER = 0.85
"""The robust error of a travelling camera, as a share of that of a turning one, below which it is believed."""

CLOSER, NO_WORSE = 0.6, 1.1
"""The noise of its points, as a share of the other's, below which it is believed although fewer points are mapped, and
the highest robust error then, as a share of the other's: points that are not mapped count as far off in it."""

ZOOMS, ZOOM_SPAN = 0.8, 0.08
"""The robust error of a travelling camera that zooms, as a share of that of one that does not, below which it is
believed, and the least range of its log focal length. More focal lengths always explain a little more."""

PLACED = 0.7
"""Share of the keyframes that must have a place for a travelling camera to be believed."""

FAR = float(np.log1p(INLIER**2))
"""The robust error of a sighting that is not explained."""

WELL = 0.2
"""Pixels of noise in the residuals below which no other focal length is tried."""

BENDS = 3
"""Times that a lens's bend is sought again, in points that are straightened by what was found before."""


@dataclass(frozen=True, eq=False)
class Explained:
    """tracks: the points, without the bend of the lens; keys (K,): the keyframes; known: what they see; solution: their
    cameras, of those that are placed (K,) bool; kind: "rotation" or "full"; focal: whether the focal length is "fixed",
    "shared" or changes ("each"); asked: what pairs of keyframes say; turning, travelling: all that was tried; bend: of
    the lens."""

    tracks: PointTracks
    keys: np.ndarray
    known: Sighted
    solution: Solution
    placed: np.ndarray
    kind: str
    focal: str
    asked: Evidence
    turning: Solution
    travelling: _Travelling | None
    bend: float

    @property
    def error(self) -> float:
        """The robust error of a sighting, the mean."""
        whole = _error(self.turning.residuals)
        if self.kind == "full" and self.travelling is not None:
            whole = self.travelling.rate
        return whole / max(len(self.known.sightings.camera), 1)

    def bend_left(self, kind: str, lens: Lens) -> float | None:
        """The bend that the turning or the travelling camera shows in these tracks; None for none."""
        focal, more = "shared" if lens.sigma > 0 else "fixed", self.bend != 0
        wanted = Unknowns(False, focal, float(np.log(lens.focal)), max(lens.sigma, 1e-3))
        if kind == "rotation":
            return bend_shown(self.turning.views, self.known.sightings, wanted, more=more)
        if self.travelling is None or self.travelling.zooms:
            return None
        placed = self.travelling.placed
        held = ~placed
        held[np.flatnonzero(placed)[0]] = True
        sightings = self.known.sightings.where(self.travelling.fitting)
        wanted = replace(wanted, moves=True, held=held)
        return bend_shown(self.travelling.solution.views, sightings, wanted, more=more)


def explained(tracks: PointTracks, lens: Lens) -> Explained:
    """What explains a linked stretch best; with the bend of the lens, where that is not known, and the points show it.

    A bent picture of a camera that turns looks as if it travelled: from what either of them shows, both are asked again
    about the straightened picture.
    """
    best = _explained(tracks, lens, 0.0)
    if not lens.bends:
        return best
    chosen = best
    for kind in ("rotation", "full"):
        bend = best.bend_left(kind, lens)
        if bend is None:
            continue
        for _ in range(BENDS):
            trial = _explained(straight(tracks, bend), lens, bend)
            more = trial.bend_left(trial.kind, lens)
            if more is None:
                break
            bend += more
        simpler = chosen.kind == "rotation" and trial.kind == "full"
        if trial.error < (1 - BEND_GAIN) * best.error and trial.error < (BETTER if simpler else 1.0) * chosen.error:
            chosen = trial
    return chosen


def _explained(tracks: PointTracks, lens: Lens, bend: float) -> Explained:
    keys = keyframes(tracks)
    turning, known, focal = solve_turning(tracks, keys, lens)
    asked = evidence(tracks, keys, turning.views.log_focal)
    chosen, placed, kind, travelling = turning, np.ones(len(keys), bool), "rotation", None
    # Before far walls a camera that moves ahead looks much like one that zooms, so that pairs alone do not tell.
    if asked.travelled >= MAYBE or focal == "each":
        travelling = _best_travelling(tracks, keys, known, lens, zooms=focal == "each")
        if travelling is not None and _believed(travelling, turning, known):
            chosen, placed, kind = travelling.solution, travelling.placed, "full"
            focal = "each" if travelling.zooms else "shared" if lens.sigma > 0 else "fixed"
    return Explained(tracks, keys, known, chosen, placed, kind, focal, asked, turning, travelling, bend)


@dataclass(frozen=True, eq=False)
class _Travelling:
    """A travelling camera: the keyframes (K,) bool that it places, the sightings (N,) bool that fit, and its robust
    error over all that the keyframes see."""

    solution: Solution
    placed: np.ndarray
    fitting: np.ndarray
    error: float
    zooms: bool = False

    @property
    def rate(self) -> float:
        """The error, of a camera that would place all keyframes."""
        return self.error / max(float(self.placed.mean()), 1e-3)


def _best_travelling(
    tracks: PointTracks, keys: np.ndarray, known: Sighted, lens: Lens, *, zooms: bool
) -> _Travelling | None:
    """The travelling camera that explains most, from the first focal length that explains it well.

    zooms: one that zooms is tried even if one that does not explains it well.
    """
    best: _Travelling | None = None
    for shift in FOCAL_TRIES if lens.sigma > 0 else FOCAL_TRIES[:1]:
        found = _travelling(tracks, keys, known, lens, float(np.exp(shift)))
        if found is None:
            continue
        if best is None or found.rate < best.rate:
            best = found
        if found.solution.noise < WELL:
            break
    if best is not None and best.solution.noise < WELL and not zooms:
        return best
    zoomed = _travelling(tracks, keys, known, lens, 1.0, zoom=True)
    if zoomed is None or np.ptp(zoomed.solution.views.log_focal[zoomed.placed]) < ZOOM_SPAN:
        return best
    return zoomed if best is None or zoomed.rate < ZOOMS * best.rate else best


def _travelling(
    tracks: PointTracks, keys: np.ndarray, known: Sighted, lens: Lens, start: float, *, zoom: bool = False
) -> _Travelling | None:
    found = solve_travelling(tracks, keys, known, lens, start, zoom=zoom)
    if found is None:
        return None
    solution, placed, fitting = found
    missing = max(int(placed[known.sightings.camera].sum()) - len(solution.residuals), 0)
    return _Travelling(solution, placed, fitting, _error(solution.residuals) + missing * FAR, zoom)


def _believed(travelling: _Travelling, turning: Solution, known: Sighted) -> bool:
    """Whether a travelling camera explains clearly more than a turning one, in nearly all keyframes."""
    if travelling.placed.mean() < PLACED:
        return False
    share = travelling.error / max(_error(turning.residuals[travelling.placed[known.sightings.camera]]), 1e-9)
    return share < BETTER or (share < NO_WORSE and travelling.solution.noise < CLOSER * turning.noise)


def _error(residuals: np.ndarray) -> float:
    return float(np.log1p(np.minimum(np.sum(residuals**2, axis=1), INLIER**2)).sum())
