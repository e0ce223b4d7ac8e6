"""The path of the camera through one shot, from the points that were followed in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kinema.camera.bundle import Sightings, Solution
from kinema.camera.choice import evidence
from kinema.camera.resection import INLIER, resect
from kinema.camera.structure import solve_travelling
from kinema.camera.tracks import FEWEST, PointTracks, keyframes, linked
from kinema.camera.turning import FOCAL_TRIES, Lens, Sighted, solve_turning
from kinema.geometry.rotations import geodesic_angle
from kinema.temporal.resampling import resample_linear, resample_rotations

STILL = np.radians(0.12)
"""Largest turn of a camera that stands still."""

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

FOLLOWING = 0.35
"""Share of a frame's points that must be where its camera says."""

LEAST_PIECE = 1.0
"""Seconds of a stretch between two losses of the background from which its path is worth having; the longest counts in
any case."""

AT_ONCE = 256
"""Frames whose cameras are found together."""

CORRELATED = 2.0
"""Factor on uncertainties: points err alike from frame to frame, which the equations do not know."""

LEAST_SIGMA = 0.06
"""Least standard deviation of the log focal length, for what the model leaves out, distortion and rolling shutters: on
a real hand-held clip, different beginnings ended in focal lengths that differ so much."""


FAR = float(np.log1p(INLIER**2))
"""The robust error of a sighting that is not explained."""

WELL = 0.2
"""Pixels of noise in the residuals below which no other focal length is tried."""


@dataclass(frozen=True, eq=False)
class ShotPath:
    """rotation (T,3,3), centre (T,3) in the first frame's camera, log_focal (T,) of pixels of the working image, found
    (T,), kind; facts: figures for the record; breaks: frames at which a piece with a unit of its own begins, after the
    points' thread was lost; focal_sigma: of the log focal length, None if it was not sought."""

    rotation: np.ndarray
    centre: np.ndarray
    log_focal: np.ndarray
    found: np.ndarray
    kind: str
    facts: dict[str, Any] = field(default_factory=dict)
    breaks: tuple[int, ...] = ()
    focal_sigma: float | None = None


def solve_shot(tracks: PointTracks, lens: Lens) -> ShotPath:
    """The path through a shot: in pieces where the background is out of sight, each in a unit of its own. In between
    the camera is taken to stay as it was, and such frames are not `found`."""
    stretches = [each for each in linked(tracks) if each.stop - each.start > 1]
    if not stretches:
        return _nothing(len(tracks), lens)
    longest = max(stretches, key=lambda each: each.stop - each.start)
    main = _solve_stretch(tracks.part(longest), lens)
    known = Lens(float(np.exp(main.log_focal.mean())), 0.0)
    pieces = []
    for each in stretches:
        if each is longest:
            pieces.append((each, main))
        elif tracks.times[each.stop - 1] - tracks.times[each.start] >= LEAST_PIECE:
            part = _solve_stretch(tracks.part(each), known)
            if part.found.any():
                pieces.append((each, part))
    shot = _joined([each for each, _ in pieces], [part for _, part in pieces], len(tracks), main)
    if len(pieces) == 1:
        return shot
    told = [part.facts | {"first": where.start, "frames": where.stop - where.start} for where, part in pieces]
    return replace(shot, facts=shot.facts | {"pieces": told}, breaks=tuple(where.start for where, _ in pieces[1:]))


def _nothing(frames: int, lens: Lens) -> ShotPath:
    return ShotPath(
        np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3)), np.full(frames, np.log(lens.focal)),
        np.zeros(frames, bool), "static", {"kind": "unknown", "found": 0.0},
    )  # fmt: skip


def _joined(stretches: list[slice], parts: list[ShotPath], frames: int, main: ShotPath) -> ShotPath:
    """Stretches one after the other, each beginning with the pose that the one before it ended with. Figures that one
    number tells are those of the longest."""
    rotation, centre = np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3))
    found, log_focal = np.zeros(frames, bool), np.full(frames, main.log_focal.mean())
    turn, place = np.eye(3), np.zeros(3)
    for number, (where, part) in enumerate(zip(stretches, parts, strict=True)):
        rotation[where] = part.rotation @ turn
        centre[where] = place + part.centre @ turn
        found[where], log_focal[where] = part.found, part.log_focal
        stop = stretches[number + 1].start if number + 1 < len(stretches) else frames
        turn, place = rotation[where.stop - 1], centre[where.stop - 1]
        rotation[where.stop : stop], centre[where.stop : stop] = turn, place
        log_focal[where.stop : stop] = part.log_focal[-1]
    kinds = [part.kind for part in parts]
    kind = next(each for each in ("full", "rotation", "static") if each in kinds)
    facts = main.facts | {"kind": kind, "found": round(float(found.mean()), 4)}
    return ShotPath(rotation, centre, log_focal, found, kind, facts, focal_sigma=main.focal_sigma)


def _solve_stretch(tracks: PointTracks, lens: Lens) -> ShotPath:
    """The path through frames that share points from one to the next."""
    keys = keyframes(tracks)
    turning, known, focal = solve_turning(tracks, keys, lens)
    asked = evidence(tracks, keys, turning.views.log_focal)
    chosen, placed, kind = turning, np.ones(len(keys), bool), "rotation"
    # Before far walls a camera that moves ahead looks much like one that zooms, so that pairs alone do not tell.
    if asked.travelled >= MAYBE or focal == "each":
        travelling = _best_travelling(tracks, keys, known, lens, zooms=focal == "each")
        if travelling is not None and _believed(travelling, turning, known):
            chosen, placed, zooms = travelling.solution, travelling.placed, travelling.zooms
            kind, focal = "full", "each" if zooms else "shared" if lens.sigma > 0 else "fixed"
    shot = _every_frame(tracks, keys[placed], chosen, known, kind, placed)
    sigma = _focal_sigma(chosen, lens) if focal == "shared" else None if focal == "fixed" else LEAST_SIGMA
    facts = shot.facts | {
        "keyframes": len(keys),
        "parallax_pixels": round(asked.parallax, 3),
        "pairs_that_travel": round(asked.travelled, 3),
        "zoom": focal == "each",
        **_drift(chosen, shot, kind),
    }
    angle = geodesic_angle(shot.rotation[shot.found], np.eye(3)) if shot.found.any() else np.zeros(1)
    if kind == "rotation" and focal != "each" and np.percentile(angle, 95) < STILL:
        still = _nothing(len(tracks), lens)
        return replace(still, found=shot.found, facts=facts | {"kind": "static"})
    return replace(shot, facts=facts, focal_sigma=sigma)


@dataclass(frozen=True, eq=False)
class _Travelling:
    """A travelling camera: the keyframes (K,) bool that it places, and its robust error over all that they see."""

    solution: Solution
    placed: np.ndarray
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
    solution, placed = found
    missing = max(int(placed[known.sightings.camera].sum()) - len(solution.residuals), 0)
    return _Travelling(solution, placed, _error(solution.residuals) + missing * FAR, zoom)


def _believed(travelling: _Travelling, turning: Solution, known: Sighted) -> bool:
    """Whether a travelling camera explains clearly more than a turning one, in nearly all keyframes."""
    if travelling.placed.mean() < PLACED:
        return False
    share = travelling.error / max(_error(turning.residuals[travelling.placed[known.sightings.camera]]), 1e-9)
    return share < BETTER or (share < NO_WORSE and travelling.solution.noise < CLOSER * turning.noise)


def _error(residuals: np.ndarray) -> float:
    return float(np.log1p(np.minimum(np.sum(residuals**2, axis=1), INLIER**2)).sum())


def _every_frame(
    tracks: PointTracks, keys: np.ndarray, solution: Solution, known: Sighted, kind: str, placed: np.ndarray
) -> ShotPath:
    """The cameras of all frames, from the points that the keyframes fixed. keys: those that are placed."""
    views, frames = solution.views, np.arange(len(tracks))
    rotation, centre = _between(keys, views.rotation[placed], views.centre[placed], frames)
    log_focal = np.interp(frames, keys, views.log_focal[placed])
    row_of = np.full(int(known.ids.max(initial=0)) + 1, -1)
    row_of[known.ids] = np.arange(len(known.ids))
    found, error = np.zeros(len(tracks), bool), []
    for start in range(0, len(tracks), AT_ONCE):
        chunk = range(start, min(start + AT_ONCE, len(tracks)))
        ids = np.concatenate([tracks.ids[i] for i in chunk])
        camera = np.repeat(np.arange(len(chunk)), [len(tracks.ids[i]) for i in chunk])
        pixels = np.concatenate([tracks.pixels[i] for i in chunk]).astype(float)
        point = np.where(ids < len(row_of), row_of[np.minimum(ids, len(row_of) - 1)], -1)
        part = Sightings(camera, point, pixels).where(point >= 0)
        here = slice(start, start + len(chunk))
        begin = replace(views, rotation=rotation[here], centre=centre[here], log_focal=log_focal[here])
        placed_here, residuals = resect(begin, part, moves=kind == "full")
        missed = np.linalg.norm(residuals, axis=1)
        inside = np.bincount(part.camera, missed < INLIER, len(chunk))
        good = (inside >= FEWEST) & (inside >= FOLLOWING * np.bincount(part.camera, minlength=len(chunk)))
        rotation[here][good], centre[here][good] = placed_here.rotation[good], placed_here.centre[good]
        found[here] = good
        error.append(missed[good[part.camera] & (missed < INLIER)])
    rotation, centre = _bridged(rotation, centre, found)
    missed = np.concatenate(error) * (2**0.5 / 2)  # root mean square of one coordinate
    facts = {
        "kind": kind,
        "found": round(float(found.mean()), 4),
        "reprojection_error": round(float(np.sqrt(np.mean(missed**2))), 3) if len(missed) else None,
    }
    first = rotation[0].copy()
    return ShotPath(rotation @ first.T, (centre - centre[0]) @ first.T, log_focal, found, kind, facts)


def _bridged(rotation: np.ndarray, centre: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The poses of frames that were not found, between those that were."""
    known = np.flatnonzero(found)
    if not len(known) or found.all():
        return rotation, centre
    between, places = _between(known, rotation[known], centre[known], np.arange(len(found)))
    return np.where(found[:, None, None], rotation, between), np.where(found[:, None], centre, places)


def _between(
    keys: np.ndarray, rotation: np.ndarray, centre: np.ndarray, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses (K,..) at keyframes interpolated at all frames; constant beyond the ends."""
    turned = resample_rotations(rotation[:, None], keys, frames)[:, 0]
    return turned, resample_linear(centre, keys, frames)


def _focal_sigma(solution: Solution, lens: Lens) -> float:
    """Standard deviation of the log focal length that was found: of what the points and the expected one say together.

    The adjustment weighs the expected one as if a residual's noise were one pixel; it is taken out, and put back at its
    own uncertainty.
    """
    prior = max(lens.sigma, LEAST_SIGMA)
    if solution.focal < 0:
        return prior
    told = max(1 / max(float(solution.spread([solution.focal])[0, 0]), 1e-12) - 1 / lens.sigma**2, 0.0)
    precision = told / (CORRELATED * max(solution.noise, 1e-3)) ** 2 + 1 / lens.sigma**2
    return float(np.clip(1 / np.sqrt(precision), LEAST_SIGMA, prior))


def _drift(solution: Solution, shot: ShotPath, kind: str) -> dict[str, Any]:
    """How uncertain the last keyframe is, seen from the first, in degrees; and how far a travelling camera went."""
    column = int(solution.columns[-1])
    if column < 0:
        return {}
    turn = solution.spread([column, column + 1, column + 2])
    facts: dict[str, Any] = {
        "drift_degrees": round(
            CORRELATED * solution.noise * float(np.degrees(np.sqrt(max(np.trace(turn), 0.0) / 3))), 3
        )
    }
    if kind == "full":
        facts["path_length"] = round(float(np.linalg.norm(np.diff(shot.centre, axis=0), axis=1).sum()), 4)
    return facts
