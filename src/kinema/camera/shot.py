"""The path of the camera through one shot, from the points that were followed in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kinema.camera.bend import CORRELATED, straight
from kinema.camera.bundle import Solution, Unknowns
from kinema.camera.exactness import with_exactness
from kinema.camera.explaining import explained
from kinema.camera.landmarks import landmarks
from kinema.camera.resection import INLIER, resect
from kinema.camera.tracks import FEWEST, PointTracks, linked
from kinema.camera.turning import ZOOM_SIGMA, Lens, Sighted
from kinema.camera.views import Sightings
from kinema.geometry.rotations import geodesic_angle
from kinema.temporal.resampling import resample_linear, resample_rotations

STILL = np.radians(0.12)
"""Largest turn of a camera that stands still."""

FOLLOWING = 0.35
"""Share of a frame's points that must be where its camera says."""

LEAST_PIECE = 1.0
"""Seconds of a stretch between two losses of the background from which its path is worth having; the longest counts in
any case."""

AT_ONCE = 256
"""Frames whose cameras are found together."""

LEAST_SIGMA = 0.06
"""Least standard deviation of the log focal length, for what the model leaves out, distortion and rolling shutters: on
a real hand-held clip, different beginnings ended in focal lengths that differ so much."""


@dataclass(frozen=True, eq=False)
class ShotPath:
    """rotation (T,3,3), centre (T,3) in the first frame's camera, log_focal (T,) of pixels of the working image, found
    (T,), kind; facts: figures for the record; breaks: frames at which a piece with a unit of its own begins, after the
    points' thread was lost; places (P,3), places_sigma (P,), places_piece (P,): of the background, in the first frame's
    camera (`kinema.camera.landmarks`), and the number of their piece; focal_sigma: of the log focal length, None if it
    was not sought; bend: of the lens (`kinema.camera.bend`), 0 if none was found, or sought."""

    rotation: np.ndarray
    centre: np.ndarray
    log_focal: np.ndarray
    found: np.ndarray
    kind: str
    facts: dict[str, Any] = field(default_factory=dict)
    places: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    places_sigma: np.ndarray = field(default_factory=lambda: np.zeros(0))
    places_piece: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    breaks: tuple[int, ...] = ()
    focal_sigma: float | None = None
    bend: float = 0.0


def solve_shot(tracks: PointTracks, lens: Lens) -> ShotPath:
    """The path through a shot: in pieces where the background is out of sight, each in a unit of its own. In between
    the camera is taken to stay as it was, and such frames are not `found`."""
    stretches = [each for each in linked(tracks) if each.stop - each.start > 1]
    if not stretches:
        return _nothing(len(tracks), lens)
    longest = max(stretches, key=lambda each: each.stop - each.start)
    main = _solve_stretch(tracks.part(longest), lens)
    known = Lens(float(np.exp(main.log_focal.mean())), 0.0)
    tracks = straight(tracks, main.bend)
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
    turn, place, places = np.eye(3), np.zeros(3), []
    for number, (where, part) in enumerate(zip(stretches, parts, strict=True)):
        rotation[where] = part.rotation @ turn
        centre[where] = place + part.centre @ turn
        places.append(place + part.places @ turn)
        found[where], log_focal[where] = part.found, part.log_focal
        stop = stretches[number + 1].start if number + 1 < len(stretches) else frames
        turn, place = rotation[where.stop - 1], centre[where.stop - 1]
        rotation[where.stop : stop], centre[where.stop : stop] = turn, place
        log_focal[where.stop : stop] = part.log_focal[-1]
    kinds = [part.kind for part in parts]
    kind = next(each for each in ("full", "rotation", "static") if each in kinds)
    facts = main.facts | {"kind": kind, "found": round(float(found.mean()), 4)}
    sizes = [len(part.places) for part in parts]
    return ShotPath(
        rotation, centre, log_focal, found, kind, facts, np.concatenate(places),
        np.concatenate([part.places_sigma for part in parts]), np.repeat(np.arange(len(parts)), sizes),
        focal_sigma=main.focal_sigma, bend=main.bend,
    )  # fmt: skip


def _solve_stretch(tracks: PointTracks, lens: Lens) -> ShotPath:
    """The path through frames that share points from one to the next."""
    best, exact = explained(tracks, lens), None
    solution = best.solution
    if best.kind == "full":
        unsure = max(lens.sigma, ZOOM_SIGMA if best.focal == "each" else 1e-3)
        unknowns = Unknowns(True, best.focal, float(np.log(lens.focal)), unsure)
        solution, exact = with_exactness(solution, best.known.sightings, best.placed, unknowns)
    shot = _every_frame(best.tracks, best.keys, solution, best.known, best.kind, best.placed, exact)
    sigma = None if best.focal == "fixed" else LEAST_SIGMA
    if best.focal == "shared":
        sigma = _focal_sigma(solution, lens)
    facts = shot.facts | {
        "keyframes": len(best.keys),
        "parallax_pixels": round(best.asked.parallax, 3),
        "pairs_that_travel": round(best.asked.travelled, 3),
        "zoom": best.focal == "each",
        **({"bend": round(best.bend, 4)} if best.bend else {}),
        **_drift(solution, shot, best.kind),
    }
    angle = geodesic_angle(shot.rotation[shot.found], np.eye(3)) if shot.found.any() else np.zeros(1)
    if best.kind == "rotation" and best.focal != "each" and np.percentile(angle, 95) < STILL:
        still = _nothing(len(tracks), lens)
        return replace(still, found=shot.found, facts=facts | {"kind": "static"})
    return replace(shot, facts=facts, focal_sigma=sigma, bend=best.bend)


def _every_frame(
    tracks: PointTracks,
    keys: np.ndarray,
    solution: Solution,
    known: Sighted,
    kind: str,
    placed: np.ndarray,
    exact: np.ndarray | None,
) -> ShotPath:
    """The cameras of all frames, from the points that the keyframes fixed; exact (P,): of these, where known."""
    views, frames = solution.views, np.arange(len(tracks))
    keys = keys[placed]
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
        part = Sightings(camera, point, pixels, None if exact is None else exact[point]).where(point >= 0)
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
    places, sigma = np.zeros((0, 3)), np.zeros(0)
    if kind == "full":
        places, sigma = landmarks(views, known.sightings.where(placed[known.sightings.camera]), solution.noise, exact)
    return ShotPath(
        rotation @ first.T, (centre - centre[0]) @ first.T, log_focal, found, kind, facts,
        (places - centre[0]) @ first.T, sigma,
    )  # fmt: skip


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
    free = solution.columns[solution.columns >= 0]
    if not len(free):
        return {}
    column = int(free[-1])
    turn = solution.spread([column, column + 1, column + 2])
    facts: dict[str, Any] = {
        "drift_degrees": round(
            CORRELATED * solution.noise * float(np.degrees(np.sqrt(max(np.trace(turn), 0.0) / 3))), 3
        )
    }
    if kind == "full":
        facts["path_length"] = round(float(np.linalg.norm(np.diff(shot.centre, axis=0), axis=1).sum()), 4)
    return facts
