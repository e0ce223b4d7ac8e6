"""A camera that travels: keyframe by keyframe, with the points that it passes (structure from motion).

Two keyframes with parallax begin; the next ones are found from the points that are known, and find new points; bundle
adjustment of the latest keeps errors small, of all at the end makes them consistent. No place is recognised again: a
path that returns to its beginning drifts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from kinema.camera.bundle import ROUGHLY, SETTLED, Solution, Unknowns, adjust
from kinema.camera.choice import far_pairs
from kinema.camera.resection import INLIER, resect
from kinema.camera.tracks import FEWEST, PointTracks
from kinema.camera.turning import ZOOM_SIGMA, Lens, Sighted, rays
from kinema.camera.views import Sightings, Views, seen

PARALLAX = np.radians(1.0)
"""Angle between the rays to a point that fixes its place; of a smaller one it is taken to be far away at first."""

START_PARALLAX = np.radians(4.0)
"""Median angle of the first two keyframes beyond which more is no better."""

STARTS = 16
"""Pairs that are tried as the first two."""

LATEST, LATELY = 6, 0.005
"""Keyframes that are adjusted after each new one, and the share of the cost by which a step must lower it for there to
be another: what is left, the next ones take along."""

GROWN = 1.3
"""All are adjusted whenever they have become so many times as many."""


def solve_travelling(
    tracks: PointTracks, keys: np.ndarray, known: Sighted, lens: Lens, start: float = 1.0, *, zoom: bool = False
) -> tuple[Solution, np.ndarray, np.ndarray] | None:
    """The keyframes' cameras and the points, which keyframes (K,) bool were found, and which sightings (N,) bool fit;
    None if it cannot be begun.

    known: what the keyframes see. start: factor on the expected focal length from which it is sought. zoom: each
    keyframe has a focal length of its own, near those of its neighbours. The first keyframe is the frame of reference;
    the distance between the two that began is the unit.
    """
    growing = _Growing(tracks, keys, known, lens, start, zoom=zoom)
    if not growing.begin():
        return None
    growing.grow()
    return growing.finish()


def resume_travelling(
    tracks: PointTracks, keys: np.ndarray, known: Sighted, lens: Lens, views: Views, placed: np.ndarray
) -> tuple[Solution, np.ndarray, np.ndarray] | None:
    """As `solve_travelling`, from what was found in nearly the same image: the keyframes' cameras that are placed."""
    growing = _Growing(tracks, keys, known, lens, 1.0, zoom=False)
    growing.resume(views, placed)
    return growing.finish()


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two keyframes' essential matrix, the pixels (n,2) in both of the points that follow it, and their share of those
    that both see."""

    matrix: np.ndarray
    before: np.ndarray
    after: np.ndarray
    share: float

    @property
    def promise(self) -> float:
        """What `_Growing._two` scores at most."""
        return self.share * float(np.sqrt(len(self.before)))


class _Growing:
    """What is known so far: cameras that are `placed`, points that are `mapped`, sightings that are `good`."""

    def __init__(
        self, tracks: PointTracks, keys: np.ndarray, known: Sighted, lens: Lens, start: float, *, zoom: bool
    ) -> None:
        self.tracks, self.keys, self.known, self.lens, self.zoom = tracks, keys, known, lens, zoom
        count = len(keys)
        points = np.zeros((len(known.ids), 4))
        points[:, 2] = 1.0
        self.views = Views(
            np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3)), np.full(count, np.log(lens.focal * start)), points,
            tracks.middle,
        )  # fmt: skip
        self.placed = np.zeros(count, bool)
        self.mapped = np.zeros(len(points), bool)
        self.good = np.ones(len(known.sightings.camera), bool)

    @property
    def focal(self) -> float:
        return float(np.exp(self.views.log_focal[0]))

    def begin(self) -> bool:
        """Place the two keyframes that promise most."""
        best: tuple[float, int, int, np.ndarray, np.ndarray] | None = None
        pairs = far_pairs(self.tracks, self.keys, 40) or far_pairs(self.tracks, self.keys, 16, 0.1)
        chosen = [pairs[i] for i in np.unique(np.linspace(0, len(pairs) - 1, STARTS).astype(int))] if pairs else []
        tried = [(a, b, each) for a, b in chosen if (each := self._epipolar(a, b)) is not None]
        # What costs most is asked of those that can still be the best only.
        for a, b, each in sorted(tried, key=lambda one: one[2].promise, reverse=True):
            if best is not None and each.promise < best[0]:
                break
            found = self._two(each)
            if found is not None and (best is None or found[0] > best[0]):
                best = (found[0], a, b, found[1], found[2])
        if best is None:
            return False
        _, a, b, rotation, centre = best
        rotations, centres = self.views.rotation.copy(), self.views.centre.copy()
        rotations[b], centres[b] = rotation, centre
        self.views = replace(self.views, rotation=rotations, centre=centres)
        self.placed[[a, b]] = True
        self._triangulate()
        if self.mapped.sum() < FEWEST:
            return False
        self._adjust(np.flatnonzero(self.placed), held=[a], rounds=10, settled=ROUGHLY)
        return True

    def resume(self, views: Views, placed: np.ndarray) -> None:
        """Take cameras that are known; the points are found again."""
        self.views = replace(
            self.views, rotation=views.rotation, centre=views.centre, log_focal=views.log_focal
        )  # fmt: skip
        self.placed = placed.copy()
        self._triangulate()

    def _epipolar(self, a: int, b: int) -> _Pair | None:
        """The epipolar geometry of two keyframes."""
        _, before, after = self.tracks.common(self.keys[a], self.keys[b])
        before, after = before.astype(float), after.astype(float)
        matrix, kept = cv2.findEssentialMat(
            before, after, self.focal, tuple(self.tracks.middle), cv2.RANSAC, 0.999, 1.0
        )  # fmt: skip
        if matrix is None or matrix.shape != (3, 3) or not kept.any():
            return None
        inside = kept[:, 0] > 0
        return _Pair(matrix, before[inside], after[inside], float(inside.mean()))

    def _two(self, pair: _Pair) -> tuple[float, np.ndarray, np.ndarray] | None:
        """How good a beginning two keyframes are, and the second one's rotation and centre seen from the first."""
        middle, focal = self.tracks.middle, self.focal
        _, rotation, shift, front = cv2.recoverPose(
            pair.matrix, pair.before, pair.after, focal=focal, pp=tuple(middle), mask=None
        )
        inside = front[:, 0] > 0
        if inside.sum() < FEWEST:
            return None
        back = rays(pair.after[inside], focal, middle) @ rotation
        angle = np.arccos(np.clip(np.sum(rays(pair.before[inside], focal, middle) * back, axis=1), -1, 1))
        parallax = min(float(np.median(angle)) / START_PARALLAX, 1.0)
        score = pair.share * inside.mean() * parallax * np.sqrt(inside.sum())
        return float(score), rotation, -rotation.T @ shift[:, 0]

    def grow(self) -> None:
        """Place one keyframe after another, nearest first; those that see too little stay out."""
        adjusted, refused = 2, np.zeros(len(self.keys), bool)
        while True:
            open_ = ~self.placed & ~refused
            if not open_.any():
                if not refused.any() or self.placed.sum() == adjusted:
                    return
                adjusted, refused = int(self.placed.sum()), np.zeros(len(self.keys), bool)
                continue
            placed = np.flatnonzero(self.placed)
            candidates = np.flatnonzero(open_)
            distance = np.abs(candidates[:, None] - placed).min(axis=1)
            key = int(candidates[distance.argmin()])
            near = int(placed[np.abs(placed - key).argmin()])
            if not self._place(key, near):
                refused[key] = True
                continue
            self._triangulate()
            window = np.argsort(np.abs(np.arange(len(self.keys)) - key), kind="stable")
            window = np.array([each for each in window if self.placed[each]][:LATEST])
            self._adjust(window, held=[], rounds=4, settled=LATELY)
            if self.placed.sum() > GROWN * adjusted:
                everything = np.flatnonzero(self.placed)
                focal = self.placed.sum() >= 5
                self._adjust(everything, held=[everything[0]], rounds=8, settled=ROUGHLY, focal=focal)
                self._reject()
                self._triangulate()
                adjusted = int(self.placed.sum())

    def _place(self, key: int, near: int) -> bool:
        """Find a keyframe's camera from the known points that it sees, beginning where its neighbour is."""
        seen_here = self.known.sightings
        rows = (seen_here.camera == key) & self.mapped[seen_here.point]
        if rows.sum() < FEWEST:
            return False
        part = seen_here.where(rows)
        one = Sightings(np.zeros(len(part.camera), int), part.point, part.pixels)
        start = replace(
            self.views, rotation=self.views.rotation[[near]], centre=self.views.centre[[near]],
            log_focal=self.views.log_focal[[near]],
        )  # fmt: skip
        found, residuals = resect(start, one, moves=True, rounds=20)
        inside = np.linalg.norm(residuals, axis=1) < INLIER
        if inside.sum() < FEWEST or inside.mean() < 0.4:
            return False
        rotations, centres = self.views.rotation.copy(), self.views.centre.copy()
        log_focal = self.views.log_focal.copy()
        rotations[key], centres[key], log_focal[key] = found.rotation[0], found.centre[0], found.log_focal[0]
        self.views = replace(self.views, rotation=rotations, centre=centres, log_focal=log_focal)
        self.placed[key] = True
        return True

    def _triangulate(self) -> None:
        """Map the points that placed keyframes see at least twice: by their rays, or far away if these are parallel."""
        part = self.known.sightings
        rows = self.placed[part.camera] & ~self.mapped[part.point] & self.good
        rows &= np.bincount(part.point[rows], minlength=len(self.mapped))[part.point] >= 2
        if not rows.any():
            return
        part = part.where(rows)
        views = self.views
        focal = np.exp(views.log_focal[part.camera])
        ray = np.einsum("nji,nj->ni", views.rotation[part.camera], rays(part.pixels, focal, views.middle))
        centre = views.centre[part.camera]
        across = np.eye(3) - ray[:, :, None] * ray[:, None]  # the component across a ray
        size = len(self.mapped)

        def total(values: np.ndarray) -> np.ndarray:
            flat = values.reshape(len(values), -1)
            return np.stack([np.bincount(part.point, column, size) for column in flat.T], axis=1)

        matrix = total(across).reshape(size, 3, 3)
        target = total(np.einsum("nij,nj->ni", across, centre))
        mean = total(ray)
        mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
        apart = np.arccos(np.clip(np.sum(ray * mean[part.point], axis=1), -1, 1))
        angle = np.zeros(size)
        np.maximum.at(angle, part.point, 2 * apart)
        new = np.unique(part.point)
        wide = new[angle[new] > PARALLAX]
        points = views.points.copy()
        points[new] = np.concatenate([mean[new], np.zeros((len(new), 1))], axis=1)
        if len(wide):
            place = np.linalg.solve(matrix[wide] + 1e-12 * np.eye(3), target[wide, :, None])[..., 0]
            points[wide] = np.concatenate([place, np.ones((len(wide), 1))], axis=1)
        points[new] /= np.linalg.norm(points[new], axis=1, keepdims=True)
        trial = replace(views, points=points)
        local, pixels = seen(trial, part)
        wrong = (np.linalg.norm(pixels - part.pixels, axis=1) > INLIER) | (local[:, 2] <= 0)
        kept = new[np.bincount(part.point[wrong], minlength=size)[new] == 0]
        self.mapped[kept] = True
        self.views = trial

    def fitting(self, cameras: np.ndarray) -> np.ndarray:
        """The good sightings of mapped points that some of the cameras see, by any that is placed."""
        part = self.known.sightings
        usable = self.good & self.mapped[part.point] & self.placed[part.camera]
        inside = np.zeros(len(self.placed), bool)
        inside[cameras] = True
        shared = np.zeros(len(self.mapped), bool)
        shared[part.point[usable & inside[part.camera]]] = True
        usable &= shared[part.point]
        counts = np.bincount(part.point[usable], minlength=len(self.mapped))
        return np.asarray(usable & (counts[part.point] >= 2))

    def _adjust(
        self, cameras: np.ndarray, held: list[int], rounds: int, *, settled: float = SETTLED, focal: bool = False
    ) -> Solution | None:
        """Adjust some cameras and the points that they see; the others that see those stay."""
        rows = self.fitting(cameras)
        part = self.known.sightings.where(rows)
        if not len(part.camera):
            return None
        used, camera = np.unique(part.camera, return_inverse=True)
        points, point = np.unique(part.point, return_inverse=True)
        stays = ~np.isin(used, cameras) | np.isin(used, held)
        if not stays.any():
            stays[0] = True
        small = replace(
            self.views, rotation=self.views.rotation[used], centre=self.views.centre[used],
            log_focal=self.views.log_focal[used], points=self.views.points[points],
        )  # fmt: skip
        kind = "each" if self.zoom else "shared" if focal and self.lens.sigma > 0 else "fixed"
        sigma = max(self.lens.sigma, ZOOM_SIGMA if self.zoom else 1e-3)
        wanted = Unknowns(True, kind, float(np.log(self.lens.focal)), sigma, held=stays)
        solution = adjust(small, Sightings(camera, point, part.pixels), wanted, rounds=rounds, settled=settled)
        found = solution.views
        rotation, centre, points_ = self.views.rotation.copy(), self.views.centre.copy(), self.views.points.copy()
        rotation[used], centre[used], points_[points] = found.rotation, found.centre, found.points
        log_focal = self.views.log_focal.copy()
        log_focal[used if self.zoom else slice(None)] = found.log_focal if self.zoom else found.log_focal[0]
        self.views = replace(self.views, rotation=rotation, centre=centre, points=points_, log_focal=log_focal)
        return solution

    def _reject(self) -> None:
        """Sightings far from where their points are do not count, and points left with fewer than two are unmapped."""
        part = self.known.sightings
        rows = self.placed[part.camera] & self.mapped[part.point]
        chosen = part.where(rows)
        local, pixels = seen(self.views, chosen)
        self.good[rows] = (np.linalg.norm(pixels - chosen.pixels, axis=1) < 2 * INLIER) & (local[:, 2] > 0)
        counts = np.bincount(part.point[rows & self.good], minlength=len(self.mapped))
        self.mapped &= counts >= 2

    def finish(self) -> tuple[Solution, np.ndarray, np.ndarray] | None:
        """Adjust everything, without what does not fit; unit and frame of reference, and what is given, as promised."""
        everything = np.flatnonzero(self.placed)
        if len(everything) < 2:
            return None
        solution = None
        for rounds in (15, 20):
            solution = self._adjust(everything, held=[everything[0]], rounds=rounds, focal=True)
            self._reject()
            self._triangulate()
        if solution is None:
            return None
        return replace(solution, views=self.views), self.placed, self.fitting(everything)
