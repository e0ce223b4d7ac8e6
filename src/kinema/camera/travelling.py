"""A camera that travels as an explanation of a shot: with which focal length, whether it zooms, and what it misses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinema.camera.bundle import ROUGHLY, Solution, Unknowns, adjust
from kinema.camera.resection import INLIER
from kinema.camera.structure import solve_travelling
from kinema.camera.tracks import PointTracks
from kinema.camera.turning import FOCAL_TRIES, Lens, Sighted
from kinema.camera.views import Sightings, Views

ZOOMS, ZOOM_SPAN = 0.8, 0.08
"""The robust error of a travelling camera that zooms, as a share of that of one that does not, below which it is
believed, and the least range of its log focal length. More focal lengths always explain a little more."""

FAR = float(np.log1p(INLIER**2))
"""The robust error of a sighting that is not explained."""

WELL = 0.2
"""Pixels of noise in the residuals of points that are followed well: below it, no other focal length, zoom or bend is
tried."""

LEFT_ROUNDS = 8
"""Steps after which points of sightings that do not fit have found their place."""


@dataclass(frozen=True, eq=False)
class Travelling:
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


def unzoomed(tracks: PointTracks, keys: np.ndarray, known: Sighted, lens: Lens) -> Travelling | None:
    """The travelling camera of one focal length that explains most, from the first that explains it well."""
    best: Travelling | None = None
    for shift in FOCAL_TRIES if lens.sigma > 0 else FOCAL_TRIES[:1]:
        found = _travelling(tracks, keys, known, lens, float(np.exp(shift)))
        if found is None:
            continue
        if best is None or found.rate < best.rate:
            best = found
        if found.solution.noise < WELL:
            break
    return best


def maybe_zoomed(
    best: Travelling | None, tracks: PointTracks, keys: np.ndarray, known: Sighted, lens: Lens, *, zooms: bool
) -> Travelling | None:
    """The travelling camera that explains most: the best that does not zoom, or one that does. zooms: one that zooms is
    tried even if the other explains it well."""
    if best is not None and best.solution.noise < WELL and not zooms:
        return best
    zoomed = _travelling(tracks, keys, known, lens, 1.0, zoom=True)
    if zoomed is None or np.ptp(zoomed.solution.views.log_focal[zoomed.placed]) < ZOOM_SPAN:
        return best
    return zoomed if best is None or zoomed.rate < ZOOMS * best.rate else best


def _travelling(
    tracks: PointTracks, keys: np.ndarray, known: Sighted, lens: Lens, start: float, *, zoom: bool = False
) -> Travelling | None:
    found = solve_travelling(tracks, keys, known, lens, start, zoom=zoom)
    return None if found is None else judged(found, known, zooms=zoom)


def judged(found: tuple[Solution, np.ndarray, np.ndarray], known: Sighted, *, zooms: bool) -> Travelling:
    """What `kinema.camera.structure.solve_travelling` found, with what it misses."""
    solution, placed, fitting = found
    left = known.sightings.where(placed[known.sightings.camera] & ~fitting)
    error = robust_error(solution.residuals) + _error_of_left(solution.views, left)
    return Travelling(solution, placed, fitting, error, zooms)


def _error_of_left(views: Views, left: Sightings) -> float:
    """The robust error of sightings that do not fit, their points where the cameras see them best. Most of a point that
    was refused for one of its sightings is explained."""
    points, point, count = np.unique(left.point, return_inverse=True, return_counts=True)
    alone = count[point] < 2  # a place on its ray explains it, whatever the camera did
    error = float(alone.sum()) * FAR
    if alone.all():
        return error
    stay = Unknowns(True, held=np.ones(len(views.rotation), bool))
    part = Sightings(left.camera, point, left.pixels).where(~alone)
    best = adjust(replace(views, points=views.points[points]), part, stay, rounds=LEFT_ROUNDS, settled=ROUGHLY)
    return error + robust_error(best.residuals)


def robust_error(residuals: np.ndarray) -> float:
    """Of residuals (N,2), the sum."""
    return float(np.log1p(np.minimum(np.sum(residuals**2, axis=1), INLIER**2)).sum())
