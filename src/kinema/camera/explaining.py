"""What the keyframes of a stretch say about its camera: whether it turns or travels, and whether its lens bends."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinema.camera.bend import BEND_GAIN, bend_again, bend_shown, straight
from kinema.camera.bundle import ROUGHLY, Solution, Unknowns, adjust
from kinema.camera.choice import Evidence, evidence
from kinema.camera.resection import INLIER
from kinema.camera.structure import resume_travelling, solve_travelling
from kinema.camera.tracks import PointTracks, keyframes
from kinema.camera.turning import FOCAL_TRIES, Lens, Sighted, sighted, solve_turning
from kinema.camera.views import LOSS, Sightings, Views

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
"""Pixels of noise in the residuals of points that are followed well: below it, no other focal length, zoom or bend is
tried."""

SURELY = 0.5
"""The robust error of a turning camera whose lens bends, as a share of that of one whose lens does not, below which
it is believed without asking whether a travelling one would explain as much."""

NEARLY_ALL = 0.9
"""Share of the sightings that a turning camera must explain within a pixel for nothing else to be asked."""

LEFT_ROUNDS = 8
"""Steps after which points of sightings that do not fit have found their place."""

BENDS = 3
"""Times that a lens's bend is sought, each but the first in points that are straightened by what was found before."""


@dataclass(frozen=True, eq=False)
class Explained:
    """tracks: the points, without the bend of the lens; keys (K,): the keyframes; known: what they see; solution: their
    cameras, of those that are placed (K,) bool; kind: "rotation" or "full"; focal: whether the focal length is "fixed",
    "shared" or changes ("each"); asked: what pairs of keyframes say; turned, travelling: all that was tried; bend: of
    the lens."""

    tracks: PointTracks
    keys: np.ndarray
    known: Sighted
    solution: Solution
    placed: np.ndarray
    kind: str
    focal: str
    asked: Evidence
    turned: _Turned
    travelling: _Travelling | None
    bend: float

    @property
    def error(self) -> float:
        """The robust error of a sighting, the mean."""
        whole = _error(self.turned.solution.residuals)
        if self.kind == "full" and self.travelling is not None:
            whole = self.travelling.rate
        return whole / max(len(self.known.sightings.camera), 1)

    def bend_shown(self, filmed: PointTracks, lens: Lens) -> float | None:
        """The bend that the camera which was found shows, or another than was taken out, of the points as they were
        `filmed`; None for none."""
        if self.kind == "rotation":
            return self.turned.bend_shown(filmed, lens)
        if self.travelling is None or self.travelling.zooms:
            return None
        placed = self.travelling.placed
        held = ~placed
        held[np.flatnonzero(placed)[0]] = True
        wanted = replace(_lens_unknowns(lens), moves=True, held=held)
        return _bend_shown(self, self.travelling.solution.views, filmed, self.travelling.fitting, wanted)


@dataclass(frozen=True, eq=False)
class _Turned:
    """The camera that turns in one place: as in `Explained`."""

    tracks: PointTracks
    keys: np.ndarray
    known: Sighted
    solution: Solution
    focal: str
    bend: float

    @property
    def error(self) -> float:
        """The robust error of a sighting, the mean."""
        return _error(self.solution.residuals) / max(len(self.known.sightings.camera), 1)

    @property
    def well(self) -> bool:
        """Whether it leaves no more than the noise of points that are followed well, of nearly all: before a far wall
        few points tell a way from a zoom."""
        missed = np.linalg.norm(self.solution.residuals, axis=1)
        return self.solution.noise < WELL and float(np.mean(missed > LOSS)) < 1 - NEARLY_ALL

    def bend_shown(self, filmed: PointTracks, lens: Lens) -> float | None:
        """As `Explained.bend_shown`."""
        every = np.ones(len(self.known.sightings.camera), bool)
        return _bend_shown(self, self.solution.views, filmed, every, _lens_unknowns(lens))


def _bend_shown(
    found: Explained | _Turned, views: Views, filmed: PointTracks, which: np.ndarray, wanted: Unknowns
) -> float | None:
    sightings = sighted(filmed, found.keys).sightings.where(which)
    if found.bend:
        return bend_again(views, found.bend, sightings, wanted)
    return bend_shown(views, sightings, wanted)


def _lens_unknowns(lens: Lens) -> Unknowns:
    focal = "shared" if lens.sigma > 0 else "fixed"
    return Unknowns(False, focal, float(np.log(lens.focal)), max(lens.sigma, 1e-3))


def explained(tracks: PointTracks, lens: Lens) -> Explained:
    """What explains a linked stretch best; with the bend of the lens, where that is not known, and the points show it.

    A bent picture of a camera that turns looks as if it travelled: from what either of them shows, both are asked again
    about the straightened picture; the turning one first, which is soon told.
    """
    plain = _turned(tracks, lens, 0.0)
    straightened: Explained | None = None
    if lens.bends and not plain.well:
        turned = _straightened(plain, tracks, lens)
        if turned is not None:
            straightened = _explained(turned, lens)
            if straightened.kind == "rotation" and straightened.error < SURELY * plain.error:
                return straightened
    best = _explained(plain, lens)
    if not lens.bends or (best.kind == "rotation" and plain.well):
        return best
    chosen = best
    if straightened is not None and _clearer(straightened, best, chosen):
        chosen = straightened
    bend = best.bend_shown(tracks, lens) if best.kind == "full" else None
    if bend is not None:
        trial = _explained(_turned(straight(tracks, bend), lens, bend), lens)
        for _ in range(BENDS - 1):
            bend = trial.bend_shown(tracks, lens)
            if bend is None:
                break
            trial = _rebent(trial, tracks, bend, lens)
        if _clearer(trial, best, chosen):
            chosen = trial
    return chosen


def _clearer(trial: Explained, best: Explained, chosen: Explained) -> bool:
    """Whether an explanation with a bend is believed: it must explain clearly more than the best without one, and a way
    more than a turn."""
    simpler = chosen.kind == "rotation" and trial.kind == "full"
    return trial.error < (1 - BEND_GAIN) * best.error and trial.error < (BETTER if simpler else 1.0) * chosen.error


def _straightened(plain: _Turned, tracks: PointTracks, lens: Lens) -> _Turned | None:
    """The turning camera in the picture without the bend that it shows; None if it shows none."""
    bend = plain.bend_shown(tracks, lens)
    if bend is None:
        return None
    trial = _turned(straight(tracks, bend), lens, bend)
    for _ in range(BENDS - 1):
        bend = trial.bend_shown(tracks, lens)
        if bend is None:
            break
        trial = _turned(straight(tracks, bend), lens, bend)
    return trial


def _rebent(trial: Explained, tracks: PointTracks, bend: float, lens: Lens) -> Explained:
    """An explanation again, of the picture without another bend, which is nearly the same: a way begins where it was
    found."""
    tracks = straight(tracks, bend)
    if trial.kind == "rotation" or trial.travelling is None:
        return _explained(_turned(tracks, lens, bend), lens)
    known = sighted(tracks, trial.keys)
    found = resume_travelling(tracks, trial.keys, known, lens, trial.solution.views, trial.placed)
    if found is None:
        return trial
    travelling = _judged(found, known, zooms=False)
    return replace(
        trial, tracks=tracks, known=known, solution=travelling.solution, placed=travelling.placed,
        travelling=travelling, bend=bend,
    )  # fmt: skip


def _turned(tracks: PointTracks, lens: Lens, bend: float) -> _Turned:
    keys = keyframes(tracks)
    turning, known, focal = solve_turning(tracks, keys, lens)
    return _Turned(tracks, keys, known, turning, focal, bend)


def _explained(turned: _Turned, lens: Lens) -> Explained:
    tracks, keys, known = turned.tracks, turned.keys, turned.known
    asked = evidence(tracks, keys, turned.solution.views.log_focal)
    chosen, placed, kind, focal = turned.solution, np.ones(len(keys), bool), "rotation", turned.focal
    travelling = None
    # Before far walls a camera that moves ahead looks much like one that zooms, so that pairs alone do not tell.
    if asked.travelled >= MAYBE or (focal == "each" and not turned.well):
        travelling = _best_travelling(tracks, keys, known, lens, zooms=focal == "each")
        if travelling is not None and _believed(travelling, turned.solution, known):
            chosen, placed, kind = travelling.solution, travelling.placed, "full"
            focal = "each" if travelling.zooms else "shared" if lens.sigma > 0 else "fixed"
    return Explained(tracks, keys, known, chosen, placed, kind, focal, asked, turned, travelling, turned.bend)


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
    return None if found is None else _judged(found, known, zooms=zoom)


def _judged(found: tuple[Solution, np.ndarray, np.ndarray], known: Sighted, *, zooms: bool) -> _Travelling:
    solution, placed, fitting = found
    left = known.sightings.where(placed[known.sightings.camera] & ~fitting)
    error = _error(solution.residuals) + _error_of_left(solution.views, left)
    return _Travelling(solution, placed, fitting, error, zooms)


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
    return error + _error(best.residuals)


def _believed(travelling: _Travelling, turning: Solution, known: Sighted) -> bool:
    """Whether a travelling camera explains clearly more than a turning one, in nearly all keyframes."""
    if travelling.placed.mean() < PLACED:
        return False
    share = travelling.error / max(_error(turning.residuals[travelling.placed[known.sightings.camera]]), 1e-9)
    return share < BETTER or (share < NO_WORSE and travelling.solution.noise < CLOSER * turning.noise)


def _error(residuals: np.ndarray) -> float:
    return float(np.log1p(np.minimum(np.sum(residuals**2, axis=1), INLIER**2)).sum())
