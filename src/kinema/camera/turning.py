"""A camera that turns in one place, with or without zoom: rotations and focal lengths of the keyframes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from kinema.camera.bundle import ROUGHLY, Solution, Unknowns, adjust
from kinema.camera.tracks import PointTracks
from kinema.camera.views import Sightings, Views
from kinema.geometry.alignment import kabsch

FOCAL_TRIES = (0.0, -0.35, 0.35)
"""Log factors of the assumed focal length that the search starts from, where the lens is not known."""

ZOOM_GAIN = 0.12
"""Share by which zoom must lower the robust cost to be taken for one: a focal length for each keyframe always lowers it
a little."""

ZOOM_SIGMA = 0.2
"""Standard deviation of the mean log focal length of a zoom whose lens is known at one end."""

ZOOM_LEAST = 0.05
"""Least range of the log focal length that counts as zoom."""


@dataclass(frozen=True)
class Lens:
    """What is known of the focal length: its value in pixels of the working image, and the standard deviation of its
    logarithm, 0 if it is certain. bends: whether it may have a distortion that is not known."""

    focal: float
    sigma: float
    bends: bool = False


@dataclass(frozen=True, eq=False)
class Sighted:
    """The sightings in the keyframes of the points that at least two of them see. ids (P,): of the rows of points."""

    sightings: Sightings
    ids: np.ndarray


def sighted(tracks: PointTracks, keys: np.ndarray) -> Sighted:
    """Collect them; `camera` counts keyframes."""
    ids = np.concatenate([tracks.ids[key] for key in keys])
    pixels = np.concatenate([tracks.pixels[key] for key in keys]).astype(float)
    cameras = np.repeat(np.arange(len(keys)), [len(tracks.ids[key]) for key in keys])
    known, point, count = np.unique(ids, return_inverse=True, return_counts=True)
    enough = count >= 2
    row = np.cumsum(enough) - 1
    kept = enough[point]
    return Sighted(Sightings(cameras[kept], row[point[kept]], pixels[kept]), known[enough])


def rays(pixels: np.ndarray, focal: np.ndarray | float, middle: np.ndarray) -> np.ndarray:
    """Unit directions (n,3) of pixels (n,2)."""
    flat = (pixels - middle) / np.reshape(focal, (-1, 1))
    directions = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True))


def turn_between(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The rotation (3,3) that takes most unit directions (n,3) to those after it: Kabsch with weights that forget
    what does not follow."""
    weight = np.ones(len(before))
    rotation = np.eye(3)
    for _ in range(12):
        rotation = kabsch(before, after * weight[:, None])
        missed = np.linalg.norm(after - before @ rotation.T, axis=1)
        scale = max(1.5 * float(np.median(missed)), 1e-4)
        weight = 1 / (1 + (missed / scale) ** 2) ** 2
    return rotation


def turned(tracks: PointTracks, keys: np.ndarray, focal: float) -> np.ndarray:
    """Rotations (K,3,3) of the keyframes, each from that before it."""
    rotation = [np.eye(3)]
    for a, b in itertools.pairwise(keys):
        _, before, after = tracks.common(a, b)
        before, after = _plane_like(before, after)
        step = turn_between(rays(before, focal, tracks.middle), rays(after, focal, tracks.middle))
        rotation.append(step @ rotation[-1])
    return np.array(rotation)


def _plane_like(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points that one homography explains, which every turn is; all where there is none."""
    if len(before) < 8:
        return before, after
    _, kept = cv2.findHomography(before, after, cv2.RANSAC, 3.0, maxIters=500)
    inliers = np.zeros(len(before), bool) if kept is None else kept[:, 0] > 0
    return (before[inliers], after[inliers]) if inliers.sum() >= 8 else (before, after)


def solve_turning(tracks: PointTracks, keys: np.ndarray, lens: Lens) -> tuple[Solution, Sighted, str]:
    """The keyframes' rotations, and whether the focal length is "fixed", "shared" or changes ("each")."""
    known = sighted(tracks, keys)
    kind = "fixed" if lens.sigma == 0 else "shared"
    wanted = _unknowns(kind, lens)
    tries = [
        adjust(_start(tracks, keys, known, lens.focal * np.exp(shift)), known.sightings, wanted, settled=ROUGHLY)
        for shift in (FOCAL_TRIES if lens.sigma > 0 else FOCAL_TRIES[:1])
    ]
    best = min(tries, key=lambda solution: solution.cost)
    zooming = _unknowns("each", Lens(lens.focal, max(lens.sigma, ZOOM_SIGMA)))
    zoomed = adjust(best.views, known.sightings, zooming, settled=ROUGHLY)
    if np.ptp(zoomed.views.log_focal) > ZOOM_LEAST and zoomed.cost < (1 - ZOOM_GAIN) * best.cost:
        best, wanted, kind = zoomed, zooming, "each"
    return adjust(best.views, known.sightings, wanted), known, kind


def _unknowns(kind: str, lens: Lens) -> Unknowns:
    return Unknowns(False, kind, float(np.log(lens.focal)), max(lens.sigma, 1e-3))


def _start(tracks: PointTracks, keys: np.ndarray, known: Sighted, focal: float) -> Views:
    rotation = turned(tracks, keys, focal)
    seen = known.sightings
    back = np.einsum("nji,nj->ni", rotation[seen.camera], rays(seen.pixels, focal, tracks.middle))
    total = np.stack([np.bincount(seen.point, column, len(known.ids)) for column in back.T], axis=1)
    points = np.concatenate([total, np.zeros((len(total), 1))], axis=1)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return Views(rotation, np.zeros((len(keys), 3)), np.full(len(keys), np.log(focal)), points, tracks.middle)
