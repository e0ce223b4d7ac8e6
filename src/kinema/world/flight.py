"""How tall somebody is who jumps: whoever is in the air falls with 9.81 m/s2, whatever their size.

A single camera shows how fast a jumper's centre of mass falls in bodies a second squared. A body that is fitted too
large falls too fast, by the same factor. This is the one thing in an image of somebody alone that tells metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.body import BodyModel
from kinema.body.points import POINT_SETS
from kinema.body.sizes import BODY_HEIGHT
from kinema.geometry.camera import Camera, project
from kinema.person import Person
from kinema.world.fitted import FittedTrack
from kinema.world.sizes import ADULT, CHILD, SMALLEST, TALLEST

GRAVITY = 9.81
"""m/s2."""

IN_AIR = 0.03
"""Metres above what a person stands on beyond which both feet are in the air, at the fitted size."""

EDGE = 0.06
"""Seconds at both ends of a flight that are left out: soles and the ground are known to 2 or 3 cm, so that a foot may
be taken to be in the air while it still pushes."""

SHORTEST, FEWEST = 0.25, 6
"""Seconds and frames of the rest: the error of an acceleration grows with the inverse square of the time."""

POSITION, INDEPENDENT = 0.01, 30.0
"""Metres: error of the centre of mass, and errors a second that are independent of each other."""

COMMON = 0.04
"""Error that all flights of a clip share, as a fraction: of the lens, the vertical, and where a body's mass is."""

SWINGING = 0.2
"""Difference between the accelerations of the centre of mass and of the pelvis, as a fraction, beyond which a flight is
left out: in a dancer's leap the legs decide where the mass is, and their masses are those of an average person."""

MASSES = 0.3
"""Of a smaller difference, what may be wrong."""

PARABOLA = 0.01
"""Metres by which, root mean square, a flight may differ from a parabola."""

SURE, AGAIN = 0.07, 2
"""Error, as a fraction, up to which flights can make a child of somebody, and how many it takes at least."""

TRUNK = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("shoulder", "hip"))
"""Keypoints that show where the body is: the fit's own path is smoothed, and too flat where the speed changes most."""


@dataclass(frozen=True)
class Flights:
    """What flights tell of a person's size. count: of the flights; factor: the true size over the fitted one; sigma: of
    its logarithm, with what is known of people's sizes."""

    count: int
    factor: float
    sigma: float


def size_by_flight(
    person: Person, track: FittedTrack, body: BodyModel, camera: Camera, up: np.ndarray, drop: float
) -> Flights | None:
    """A person's size by their flights before a static camera; None without a clear one.

    track: of the person, in the camera's frame. up (3,): the vertical there. drop: metres from the camera down to what
    the person stands on.
    """
    about = person.data.get(BODY_HEIGHT)
    if about is None or about["source"] != "assumed" or not np.isfinite(drop):
        return None
    lag = _lag(person, body, camera)
    paths = np.stack([(place + lag) @ up for place in (track.mass, track.root)], axis=-1)
    aloft = track.feet_seen & ((track.feet @ up).min(axis=1) > IN_AIR - drop)
    measured = [_fall(track.times[rows], paths[rows]) for rows in _runs(aloft, person.frames)]
    found = np.array([each for each in measured if each is not None]).reshape(-1, 2)
    # Who hangs, climbs or is lifted hardly accelerates: nobody would be as tall as that.
    sizes = about["metres"] * GRAVITY / np.maximum(found[:, 0], 1e-3)
    found = found[(sizes > SMALLEST) & (sizes < TALLEST)]
    if not len(found):
        return None
    logs, variances = np.log(GRAVITY / found[:, 0]), (found[:, 1] / found[:, 0]) ** 2
    weights = 1 / variances
    mean = float(weights @ logs / weights.sum())
    # Flights that differ by more than their errors have larger errors.
    spread = max(1.0, float(weights @ (logs - mean) ** 2) / max(len(logs) - 1, 1))
    return _weighed(len(found), mean, spread / float(weights.sum()) + COMMON**2, about)


def _weighed(count: int, log: float, variance: float, about: dict[str, float]) -> Flights:
    """The logarithm of a measured factor of size, and its variance, beside what adults and children measure."""
    size = about["metres"] * float(np.exp(log))
    prior = (about["uncertainty"] / about["metres"]) ** 2
    adult = np.exp(-0.5 * log**2 / (prior + variance)) / np.sqrt(2 * np.pi * (prior + variance))
    child = CHILD / np.log(ADULT / SMALLEST)  # of all sizes alike
    sure = count >= AGAIN and variance < SURE**2
    if size < ADULT and sure and child > (1 - CHILD) * adult:
        return Flights(count, float(np.exp(log)), float(np.sqrt(variance)))
    share = prior / (prior + variance)
    return Flights(count, float(np.exp(share * log)), float(np.sqrt(share * variance)))


def _fall(times: np.ndarray, paths: np.ndarray) -> tuple[float, float] | None:
    """The downward acceleration of the centre of mass in m/s2, and its error; None if it is not clearly a flight.

    paths (F,2): the heights of the centre of mass and of the pelvis.
    """
    inner = (times > times[0] + EDGE) & (times < times[-1] - EDGE)
    times, paths = times[inner], paths[inner]
    if len(times) < FEWEST or times[-1] - times[0] < SHORTEST:
        return None
    powers = np.vander(times - times.mean(), 3)
    found, *_ = np.linalg.lstsq(powers, paths, rcond=None)
    away = float(np.sqrt(np.mean((paths - powers @ found)[:, 0] ** 2)))
    mass, pelvis = -2 * found[0]
    if mass <= 0 or away > PARABOLA or abs(mass - pelvis) > SWINGING * mass:
        return None
    redundant = max(1.0, len(times) / (1 + INDEPENDENT * (times[-1] - times[0])))
    error = 2 * POSITION * np.sqrt(redundant * np.linalg.inv(powers.T @ powers)[0, 0])
    return float(mass), float(np.hypot(error, MASSES * (mass - pelvis)))


def _runs(here: np.ndarray, frames: np.ndarray) -> list[np.ndarray]:
    """The rows of each run of consecutive frames in which something (F,) is so; those at a track's ends are left out,
    where nobody sees the feet leave the ground or come back to it."""
    rows = np.flatnonzero(here)
    runs = np.split(rows, np.flatnonzero((np.diff(rows) > 1) | (np.diff(frames[rows]) > 1)) + 1)
    return [run for run in runs if len(run) and run[0] > 0 and run[-1] < len(here) - 1]


def _lag(person: Person, body: BodyModel, camera: Camera) -> np.ndarray:
    """How far the keypoints of the trunk lie from those of the body, (F,3) metres across the camera's axis; 0 without
    them."""
    pose, betas, transl = person.require("pose", "betas", "transl")
    none = np.zeros((len(person), 3))
    shown, confidence = person.keypoints, person.keypoint_confidence
    if shown is None or confidence is None or person.keypoint_set not in POINT_SETS or body.landmark_weights is None:
        return none
    points = body.points(person.keypoint_set)
    names = [points.names.index(name) for name in TRUNK if name in points.names]
    if not names:
        return none
    columns = points.rows[names]
    places = body.posed_points(person.keypoint_set, pose, betas, transl)[:, names]
    pixels = project(places, camera.intrinsics, camera.distortion)
    seen = np.isfinite(shown[:, columns]).all(-1)
    weight = np.where(seen, confidence[:, columns], 0.0)[..., None]
    apart = np.where(seen[..., None], shown[:, columns] - pixels, 0.0)
    apart = (weight * apart).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    focal = np.diag(camera.intrinsics)[:2]
    none[:, :2] = apart / focal * places[..., 2].mean(axis=1)[:, None]
    return none
