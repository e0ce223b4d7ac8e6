"""Fits a body to the points of a whole track: one shape, a size per frame, smoothed except across jumps.

The track step of the NLF video pipeline (Sarandi, 2024; docs/nlf.md), for points of any origin. A network estimates a
person's size and distance independently in every frame, and the two are coupled. So every frame is first scaled about
the camera to the size of the track; then the distance of the pelvis and all points go through the robust filter
(`kinema.temporal.robust`), and a body of one shape is fitted to them, with each point's weight.

Letters in shapes: F frames, n fitted vertices, P = n + 24 points: the vertices, then the joints.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np

from kinema.body.mesh_fitting import MeshFit, MeshFitOptions, fit_mesh
from kinema.body.mesh_parts import BodyParts
from kinema.body.mesh_target import chunks
from kinema.body.model import NUM_JOINTS, BodyModel
from kinema.errors import ShapeError
from kinema.refinement.options import TrackFitOptions
from kinema.storage.scratch import scratch
from kinema.temporal.robust import (
    ROUNDS,
    distance_factors,
    filter_pieces,
    find_jumps,
    gentle_filter,
    given_back,
    kernels,
    noise_of,
    scale_about,
)

DEFAULTS = TrackFitOptions()

SHAPE_FRAMES = 256
"""Number of frames, spread over a longer track, from which its shape is estimated."""

EXPONENT, SUREST = -1.5, 1e-4
"""Weights are the uncertainty (metres, at least the second) to the power of the first, as in the original's fit."""

RIDGE = 1e-5
"""How strongly a unit of a beta is held at 0, per frame, in metres squared of a point of average weight: enough for a
track of one frame, negligible against many frames."""

_BLOCK = 256
"""Number of frames that are filtered or scaled at once."""


@dataclass(frozen=True, eq=False)
class TrackFit:
    """pose (F,72), betas (10,), transl (F,3), joints (F,24,3) metres.

    error (F,): metres, weighted mean distance to the smoothed points; known (F,) bool: False where no point was in
    reach; size (F,): scale of the frame about the camera, 1 on average; jumps (J,): frames at which the track begins
    anew.
    """

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray
    joints: np.ndarray
    error: np.ndarray
    known: np.ndarray
    size: np.ndarray
    jumps: np.ndarray


def weights_of(uncertainty: np.ndarray) -> np.ndarray:
    """Weights (F,P) of points by their uncertainty (F,P) metres, 1 on average; 0 where it is NaN."""
    weights = np.maximum(np.asarray(uncertainty, dtype=np.float64), SUREST) ** EXPONENT
    known = np.isfinite(weights)
    mean = weights[known].mean() if known.any() else 1.0
    return np.where(known, weights / mean, 0.0)


def fit_track(
    body: BodyModel,
    rows: np.ndarray,
    points: np.ndarray,
    weights: np.ndarray,
    *,
    fps: float,
    camera: np.ndarray | None = None,
    seen: bool = True,
    starts: np.ndarray | None = None,
    options: TrackFitOptions = DEFAULTS,
    doubled: bool = False,
) -> TrackFit:
    """The body of one track, in the frame of reference of its points.

    rows (n,): the given vertices of the body; points (F,n+24,3) metres, NaN if missing; weights (F,n+24) >= 0, as from
    `weights_of`; fps: frames per second. camera (F,3): its positions in the points' frame, None for the origin; seen:
    whether there is a camera about which to scale. starts (S,): frames that do not continue from the previous one.
    doubled: insert a frame between every two and repeat the last one, (2F). Raises ShapeError and UsageError.
    """
    track = _Track.of(points, weights, camera, len(rows) + NUM_JOINTS)
    size = np.ones(len(track.points))
    if options.rescale and seen:
        size = _sizes(body, rows, track, options)
        track = track.scaled(size)
    track, jumps = _smoothed(track, fps, options, starts, seen=seen)
    if doubled:
        track, jumps, fps = track.doubled(), 2 * jumps, 2 * fps
    fit = _fitted(body, rows, track, _fit_options(body, rows, options))
    joints, transl = body.joints(fit.pose, fit.betas, fit.transl), fit.transl
    error = _left(body, rows, track, fit)
    if options.smooth and seen:
        kernel = kernels(fps, parity=options.parity).distance
        moved = _path(joints[:, 0], track, kernel, jumps, options)
        factors = distance_factors(joints[:, 0], moved, track.camera)
        # The original moves bodies along the line from the origin of the world, not from the camera.
        ray = joints[:, 0] if options.parity else joints[:, 0] - track.camera
        shift = np.where(np.isfinite(factors), factors - 1, 0.0)[:, None] * ray
        joints, transl = joints + shift[:, None], transl + shift
    known = np.asarray((track.weights[:, -NUM_JOINTS:] > 0).any(axis=1))
    return TrackFit(fit.pose, fit.betas[0], transl, joints, error, known, size, jumps)


def smooth_joints(
    joints: np.ndarray,
    weights: np.ndarray,
    *,
    fps: float,
    camera: np.ndarray | None = None,
    seen: bool = True,
    starts: np.ndarray | None = None,
    options: TrackFitOptions = DEFAULTS,
) -> np.ndarray:
    """The joints (F,24,3) that `fit_track` would fit to if no surface is known; NaN where none is within reach."""
    track, _ = _smoothed(_Track.of(joints, weights, camera, NUM_JOINTS), fps, options, starts, seen=seen)
    return np.where(track.weights[..., None] > 0, track.points, np.nan)


def _smoothed(
    track: _Track, fps: float, options: TrackFitOptions, starts: np.ndarray | None, *, seen: bool
) -> tuple[_Track, np.ndarray]:
    """The track's distance from the camera and all its points, filtered, and the frames at which it begins anew."""
    jumps = np.zeros(0, dtype=int) if starts is None else np.asarray(starts, dtype=int)
    if not options.smooth:
        return track, jumps
    taps, frames = kernels(fps, parity=options.parity), len(track.points)
    bounds = [0, *jumps.tolist(), frames]
    for first, last in itertools.pairwise(bounds):
        found = find_jumps(
            track.pelvis[first:last], track.pelvis_weight[first:last], taps.pelvis, threshold=options.jump,
            parity=options.parity,
        )  # fmt: skip
        jumps = np.union1d(jumps, first + found)
    if seen:
        pelvis = _path(track.pelvis, track, taps.pelvis, jumps, options)
        nearer = distance_factors(track.pelvis, pelvis, track.camera)
        track = track.scaled(np.where(np.isfinite(nearer), nearer, 1.0))
    return track.filtered(taps.points, jumps, gentle=not options.parity), jumps


def _path(
    pelvis: np.ndarray, track: _Track, kernel: np.ndarray, jumps: np.ndarray, options: TrackFitOptions
) -> np.ndarray:
    """The filtered path of the pelvis (F,3)."""
    run = filter_pieces if options.parity else gentle_filter
    return run(pelvis, track.pelvis_weight, kernel, jumps)[0]


@dataclass(frozen=True, eq=False)
class _Track:
    """points (F,P,3), 0 where missing; weights (F,P), 0 there; camera (F,3)."""

    points: np.ndarray
    weights: np.ndarray
    camera: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, weights: np.ndarray, camera: np.ndarray | None, count: int) -> _Track:
        """Checked. camera: None for the origin."""
        frames = len(points)
        if not frames or np.shape(points) != (frames, count, 3) or np.shape(weights) != (frames, count):
            raise ShapeError(
                f"points (F, {count}, 3) and weights (F, {count}) of at least one frame are needed, found "
                f"{np.shape(points)} and {np.shape(weights)}"
            )
        camera = np.zeros((frames, 3)) if camera is None else np.asarray(camera, dtype=np.float64)
        if camera.shape != (frames, 3):
            raise ShapeError(f"the camera's positions must be ({frames}, 3), found {camera.shape}")
        own, counted = scratch(points.shape), scratch(weights.shape)
        for rows in _blocks(frames):
            there = np.isfinite(points[rows]).all(axis=-1) & np.isfinite(weights[rows])
            own[rows] = np.where(there[..., None], points[rows], 0.0)
            counted[rows] = np.where(there, weights[rows], 0.0)
        return cls(own, counted, camera)

    @property
    def pelvis(self) -> np.ndarray:
        return np.asarray(self.points[:, -NUM_JOINTS], dtype=np.float64)

    @property
    def pelvis_weight(self) -> np.ndarray:
        return np.asarray(self.weights[:, -NUM_JOINTS], dtype=np.float64)

    def scaled(self, factors: np.ndarray) -> _Track:
        """Every frame scaled about its camera by factors (F,)."""
        moved = scratch(self.points.shape)
        for rows in _blocks(len(moved)):
            moved[rows] = scale_about(self.points[rows].astype(np.float64), self.camera[rows], factors[rows])
        return dataclasses.replace(self, points=moved)

    def filtered(self, kernel: np.ndarray, jumps: np.ndarray, *, gentle: bool) -> _Track:
        """Every point filtered over time, in pieces; the weights are the filter's new ones.

        gentle: as in `gentle_filter`, for any number of frames.
        """
        moved, counted = scratch(self.points.shape), scratch(self.weights.shape)
        taken = scratch(self.points.shape if gentle else (0,))
        reach = (ROUNDS + 1) * (len(kernel) // 2) * (2 if gentle else 1)
        square, noise = [], []
        for rows in _blocks(len(moved)):
            first, last = max(0, rows.start - reach), min(len(moved), rows.stop + reach)
            starts = np.clip(jumps - first, 0, last - first)
            points, weights = self.points[first:last], self.weights[first:last]
            found, new = filter_pieces(points, weights, kernel, starts, goes_on=gentle)
            inside = slice(rows.start - first, min(rows.stop, len(moved)) - first)
            moved[rows], counted[rows] = np.nan_to_num(found[inside]), new[inside]
            if gentle:
                left, _ = filter_pieces(points - found, weights, kernel, starts, goes_on=True)
                taken[rows] = np.nan_to_num(left[inside])
                square.append(np.mean(np.sum(taken[rows].astype(np.float64) ** 2, axis=-1), axis=0))
                noise.append(noise_of(points, weights))
        if gentle:
            share = given_back(np.mean(square, axis=0), np.mean(noise, axis=0), kernel)
            for rows in _blocks(len(moved)):
                moved[rows] += (share[:, None] * taken[rows]).astype(np.float32)
        return dataclasses.replace(self, points=moved, weights=counted)

    def doubled(self) -> _Track:
        """The frames with one inserted between every two, and the last one repeated."""
        found = []
        for each in (self.points, self.weights, self.camera):
            after = np.concatenate([each[1:], each[-1:]])
            found.append(np.stack([each, (each + after) / 2], axis=1).reshape(2 * len(each), *each.shape[1:]))
        return _Track(*found)


def _blocks(frames: int) -> list[slice]:
    return [slice(start, start + _BLOCK) for start in range(0, frames, _BLOCK)]


def _fit_options(body: BodyModel, rows: np.ndarray, options: TrackFitOptions) -> MeshFitOptions:
    if options.parity:
        return MeshFitOptions(beta_ridge=10 * _share(body, rows), one_shape=True)
    return MeshFitOptions(
        rounds=2, beta_ridge=RIDGE, first_beta_ridge=RIDGE, one_shape=True, adjust=False, polish=options.polish
    )


def _share(body: BodyModel, rows: np.ndarray) -> float:
    """The fraction of the body's points that are fitted, by which the original multiplies its ridges."""
    return (len(rows) + NUM_JOINTS) / (body.num_vertices + NUM_JOINTS)


def _sizes(body: BodyModel, rows: np.ndarray, track: _Track, options: TrackFitOptions) -> np.ndarray:
    """The scale of each frame that gives all frames the same size, (F,); the median is 1."""
    chosen = dataclasses.replace(
        _fit_options(body, rows, options), scale="target", scale_ridge=_share(body, rows), adjust=False
    )
    if options.parity:
        chosen = dataclasses.replace(chosen, first_beta_ridge=0.2 * _share(body, rows))
    scale = _fitted(body, rows, track, chosen).scale
    known = np.ones(len(scale), bool) if options.parity else track.weights.any(axis=1)
    if not known.any():
        return np.ones(len(scale))
    # The lower of two medians, like torch's.
    middle = np.sort(scale[known])[(known.sum() - 1) // 2]
    return np.asarray(np.where(known, scale / middle, 1.0))


def _fitted(body: BodyModel, rows: np.ndarray, track: _Track, options: MeshFitOptions) -> MeshFit:
    """One shape from all frames, or from some of a long track; then the frames chunk by chunk."""

    def fit(some: slice | np.ndarray, betas: np.ndarray | None) -> MeshFit:
        points, weights = (np.asarray(each[some], dtype=np.float64) for each in (track.points, track.weights))
        return fit_mesh(
            body, points[:, :-NUM_JOINTS], points[:, -NUM_JOINTS:], subset=rows, betas=betas, options=options,
            vertex_weights=weights[:, :-NUM_JOINTS], joint_weights=weights[:, -NUM_JOINTS:],
        )  # fmt: skip

    frames = len(track.points)
    if frames <= SHAPE_FRAMES:
        return fit(slice(None), None)
    shape = fit(np.unique(np.linspace(0, frames - 1, SHAPE_FRAMES).astype(int)), None).betas[0]
    parts = [fit(some, shape) for some in _blocks(frames)]
    joined = {
        each.name: np.concatenate([getattr(part, each.name) for part in parts]) for each in dataclasses.fields(MeshFit)
    }
    return MeshFit(**joined)


def _left(body: BodyModel, rows: np.ndarray, track: _Track, fit: MeshFit) -> np.ndarray:
    """Weighted mean distance (F,) in metres of the fitted joints and vertices from the points."""
    found, parts = np.zeros(len(track.points)), BodyParts.of(body, rows)
    for some in chunks(len(found)):
        mesh, joints = parts.pose(fit.rotations[some], fit.betas[some], fit.transl[some])
        far = np.linalg.norm(np.concatenate([mesh, joints], axis=1) - track.points[some], axis=-1)
        weights = track.weights[some]
        found[some] = (far * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-12)
    return found
