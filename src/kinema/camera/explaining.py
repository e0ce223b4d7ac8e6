"""What the keyframes of a stretch say about its camera: whether it turns or travels, and whether its lens bends."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinema.camera.bend import BEND_GAIN, bend_again, bend_shown, straight
from kinema.camera.bundle import Solution, Unknowns
from kinema.camera.choice import Evidence, evidence
from kinema.camera.structure import resume_travelling
from kinema.camera.tracks import PointTracks, keyframes
from kinema.camera.travelling import WELL, Travelling, judged, maybe_zoomed, robust_error, unzoomed
from kinema.camera.turning import Lens, Sighted, sighted, solve_turning
from kinema.camera.views import LOSS, Views

MAYBE = 0.12
"""Share of the pairs of keyframes that a turn does not explain from which a travelling camera is tried."""

BETTER = 0.85
"""The robust error of a travelling camera, as a share of that of a turning one, below which it is believed."""

CLOSER, NO_WORSE = 0.6, 1.1
"""The noise of its points, as a share of the other's, below which it is believed although fewer points are mapped, and
the highest robust error then, as a share of the other's: points that are not mapped count as far off in it."""

PLACED = 0.7
"""Share of the keyframes that must have a place for a travelling camera to be believed."""

SURELY = 0.5
"""The robust error of a turning camera whose lens bends, as a share of that of one whose lens does not, below which
it is believed without asking whether a travelling one would explain as much."""

NEARLY_ALL = 0.9
"""Share of the sightings that a turning camera must explain within a pixel for nothing else to be asked."""

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
    travelling: Travelling | None
    bend: float

    @property
    def error(self) -> float:
        """The robust error of a sighting, the mean."""
        whole = robust_error(self.turned.solution.residuals)
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
        return robust_error(self.solution.residuals) / max(len(self.known.sightings.camera), 1)

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

    A bent image of a camera that turns looks as if it travelled: from what either of them shows, both are asked again
    about the straightened image; the turning one first, which is soon told.
    """
    plain = _turned(tracks, lens, 0.0)
    straightened: Explained | None = None
    if lens.bends and not plain.well:
        turned = _straightened(plain, tracks, lens)
        if turned is not None:
            straightened = _explained(turned, lens)
            if straightened.kind == "rotation" and straightened.error < SURELY * plain.error:
                return straightened
    # Whether a travelling camera zooms is asked last: a bend that leaves nothing to explain is sooner found.
    first = _explained(plain, lens, zoom=not lens.bends or plain.focal == "each")
    if not lens.bends or (first.kind == "rotation" and plain.well):
        return first
    chosen, trial = _with_bend(first, straightened, tracks, lens)
    if plain.focal == "each" or (trial is not None and chosen is trial and trial.solution.noise < WELL):
        return chosen
    best = _explained(plain, lens, begun=first)
    return chosen if best.travelling is first.travelling else _with_bend(best, straightened, tracks, lens)[0]


def _with_bend(
    best: Explained, straightened: Explained | None, tracks: PointTracks, lens: Lens
) -> tuple[Explained, Explained | None]:
    """The best explanation without a bend, or one with a bend that is believed; and what was tried with the bend that a
    travelling camera shows, if it shows one."""
    chosen, trial = best, None
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
    return chosen, trial


def _clearer(trial: Explained, best: Explained, chosen: Explained) -> bool:
    """Whether an explanation with a bend is believed: it must explain clearly more than the best without one, and a way
    more than a turn."""
    simpler = chosen.kind == "rotation" and trial.kind == "full"
    return trial.error < (1 - BEND_GAIN) * best.error and trial.error < (BETTER if simpler else 1.0) * chosen.error


def _straightened(plain: _Turned, tracks: PointTracks, lens: Lens) -> _Turned | None:
    """The turning camera in the image without the bend that it shows; None if it shows none."""
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
    """An explanation again, of the image without another bend, which is nearly the same: a way begins where it was
    found."""
    tracks = straight(tracks, bend)
    if trial.kind == "rotation" or trial.travelling is None:
        return _explained(_turned(tracks, lens, bend), lens)
    known = sighted(tracks, trial.keys)
    found = resume_travelling(tracks, trial.keys, known, lens, trial.solution.views, trial.placed)
    if found is None:
        return trial
    travelling = judged(found, known, zooms=False)
    return replace(
        trial, tracks=tracks, known=known, solution=travelling.solution, placed=travelling.placed,
        travelling=travelling, bend=bend,
    )  # fmt: skip


def _turned(tracks: PointTracks, lens: Lens, bend: float) -> _Turned:
    keys = keyframes(tracks)
    turning, known, focal = solve_turning(tracks, keys, lens)
    return _Turned(tracks, keys, known, turning, focal, bend)


def _explained(turned: _Turned, lens: Lens, *, zoom: bool = True, begun: Explained | None = None) -> Explained:
    """zoom: whether a travelling camera may zoom. begun: the same without, from which it goes on."""
    tracks, keys, known = turned.tracks, turned.keys, turned.known
    asked = evidence(tracks, keys, turned.solution.views.log_focal) if begun is None else begun.asked
    chosen, placed, kind, focal = turned.solution, np.ones(len(keys), bool), "rotation", turned.focal
    travelling = None
    # Before far walls a camera that moves ahead looks much like one that zooms, so that pairs alone do not tell.
    if asked.travelled >= MAYBE or (focal == "each" and not turned.well):
        travelling = unzoomed(tracks, keys, known, lens) if begun is None else begun.travelling
        if zoom:
            travelling = maybe_zoomed(travelling, tracks, keys, known, lens, zooms=focal == "each")
        if travelling is not None and _believed(travelling, turned.solution, known):
            chosen, placed, kind = travelling.solution, travelling.placed, "full"
            focal = "each" if travelling.zooms else "shared" if lens.sigma > 0 else "fixed"
    return Explained(tracks, keys, known, chosen, placed, kind, focal, asked, turned, travelling, turned.bend)


def _believed(travelling: Travelling, turning: Solution, known: Sighted) -> bool:
    """Whether a travelling camera explains clearly more than a turning one, in nearly all keyframes."""
    if travelling.placed.mean() < PLACED:
        return False
    share = travelling.error / max(robust_error(turning.residuals[travelling.placed[known.sightings.camera]]), 1e-9)
    return share < BETTER or (share < NO_WORSE and travelling.solution.noise < CLOSER * turning.noise)
