"""The NLF pipeline's viewing camera: it starts where the film was taken and rises to a place that shows everybody.

First the viewer sees what the filming camera saw, a little wider; then the view moves to one side and back, and stays
on the people, smoothly, whatever the filming camera does. Rebuilt from a description of its steps and recorded outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kinema.geometry.camera_path import CameraPath
from kinema.visualization.aiming import blended, smoothed, smootherstep, turned_towards

MOVE_START = 4.0
"""Seconds before the view leaves the filming camera."""

FILL = 0.6
"""Share of the image that people take up: its padding on every side is a fifth."""

_WIDER = 1.2
_ASIDE = np.array([-2.0, -0.8, 1.8])
"""Metres in the filming camera's axes: where the view rises over, to its left, before it steps back."""
_NEAR, _FAR = 2.0, 15.0
"""Metres that it steps back."""
_MOVE, _BLEND = 4.0, 8.0
"""Seconds that the view takes to reach its place, and that smoothing takes to act fully."""
_ROUNDS = 5
_CHUNK = 4096

Points = Callable[[slice], np.ndarray]
"""Frames -> points (n,N,3) in the world that must be in view in each, NaN where there is none."""


def viewing_path(
    source: CameraPath,
    size: tuple[int, int],
    points: Points,
    up: np.ndarray,
    resolution: tuple[int, int],
    fps: float,
    *,
    move_start: float = MOVE_START,
    scale: float = 1.0,
) -> CameraPath:
    """Where a viewer looks from in each frame, and through which lens.

    source: the filming camera in the world, in metres; size: width and height of its images; up (3,): the vertical of
    the world, about -y, as cameras have it; resolution: width and height of the images to be made; move_start:
    seconds; scale: of the smoothing, 1 for 71 frames.
    """
    begin = move_start * fps
    view = smoothed(follow(source, size, points, up, resolution, fps, move_start=move_start), up, scale)
    share = smootherstep(np.arange(len(source)), begin, begin + _BLEND * fps)
    shrunk = np.broadcast_to(source.intrinsics, (len(source), 3, 3)).copy()
    shrunk[:, :2] *= resolution[1] / size[1]
    seen = source.replace(intrinsics=shrunk)
    return blended(blended(seen, smoothed(seen, up, scale), share, up), view, share, up)


def follow(
    source: CameraPath,
    size: tuple[int, int],
    points: Points,
    up: np.ndarray,
    resolution: tuple[int, int],
    fps: float,
    *,
    move_start: float = MOVE_START,
) -> CameraPath:
    """The viewing camera before it is smoothed; arguments as of `viewing_path`. Without people it stays where it is."""
    count = len(source)
    along = np.clip((np.arange(count) - move_start * fps) / (_MOVE * fps), 0, 1)
    parts = []
    for start in range(0, count, _CHUNK):
        rows = slice(start, min(start + _CHUNK, count))
        parts.append(_views(source.part(rows), size, points(rows), up, resolution, along[rows]))
    rotation, centre, focal, there = (np.concatenate(values) for values in zip(*parts, strict=True))
    # The first frame keeps its own view; later ones without people keep that of the last frame that had some.
    held = np.maximum.accumulate(np.where(there, np.arange(count), 0))
    return CameraPath(rotation[held], centre[held], _lens(focal[held], resolution), metric=True)


@dataclass
class _Rig:
    """Cameras in n frames, and the points (n,N,3) that they are to show; changed in place.

    rotation (n,3,3) world to camera; centre (n,3); focal (n,) pixels; up (3,); resolution (2,): width and height.
    """

    rotation: np.ndarray
    centre: np.ndarray
    focal: np.ndarray
    points: np.ndarray
    up: np.ndarray
    resolution: np.ndarray

    def copy(self) -> _Rig:
        return _Rig(self.rotation, self.centre, self.focal, self.points, self.up, self.resolution)

    def seen(self) -> np.ndarray:
        """The points in the cameras' axes."""
        return np.asarray(np.einsum("nij,npj->npi", self.rotation, self.points - self.centre[:, None]))

    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Corners (n,2) of the points' box on the image plane at depth 1."""
        seen = self.seen()
        flat = seen[..., :2] / np.maximum(seen[..., 2:], 0.1)
        return np.nanmin(flat, axis=1), np.nanmax(flat, axis=1)

    def look_at(self, target: np.ndarray) -> None:
        self.rotation = turned_towards(target - self.centre, self.up)

    def look_at_box(self) -> None:
        low, high = self.box()
        ray = np.concatenate([(low + high) / 2, np.ones((len(low), 1))], axis=1)
        self.rotation = turned_towards(np.einsum("nij,ni->nj", self.rotation, ray), self.up)

    def zoom(self) -> None:
        """Change the focal length so that the box fills its share of the image."""
        low, high = self.box()
        self.focal = np.min(FILL * self.resolution / np.maximum(high - low, 1e-3), axis=1)

    def step_back(self) -> None:
        """Go back by the distance at which the points would fill their share of the image."""
        low, high = self.box()
        # Offsets are from the point half a pixel off the middle that is half of the image's size.
        reach = np.maximum(np.abs(low * self.focal[:, None] - 0.5), np.abs(high * self.focal[:, None] - 0.5))
        zoom = np.min(FILL * self.resolution / 2 / reach, axis=1)
        depth = np.clip(np.nanmean(self.seen()[..., 2], axis=1) / zoom, _NEAR, _FAR)
        self.centre = self.centre - depth[:, None] * self.rotation[:, 2]


def _views(
    source: CameraPath,
    size: tuple[int, int],
    points: np.ndarray,
    up: np.ndarray,
    resolution: tuple[int, int],
    along: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """rotation (n,3,3), centre (n,3), focal (n,) and there (n,): whether anybody is in the frame, of some frames.

    along (n,): 0 at the filming camera's place, 1 at the viewer's.
    """
    intrinsics = np.broadcast_to(source.intrinsics, (len(source), 3, 3))
    half = size[1] / 2 + np.abs(intrinsics[:, 1, 2] - size[1] / 2)
    focal = resolution[1] / 2 * intrinsics[:, 1, 1] / (_WIDER * half)
    rotation, centre = source.rotation.copy(), source.centre.copy()
    there = np.isfinite(points).all(axis=-1).any(axis=-1) if points.shape[1] else np.zeros(len(source), bool)
    if not there.any():
        return rotation, centre, focal, there
    own, sharp = points[there], focal[there]
    view = _Rig(rotation[there], centre[there], sharp, own, up, np.array(resolution, dtype=np.float64))
    bird = view.copy()
    bird.centre = view.centre + np.einsum("nij,i->nj", view.rotation, _ASIDE)
    mean = np.nanmean(own, axis=1)
    bird.look_at((view.centre + mean) / 2)
    for _ in range(_ROUNDS):
        bird.look_at_box()
    bird.step_back()
    bird.zoom()
    share = along[there]
    blend = _between(view, bird, share)
    close = blend.copy()
    close.look_at(mean)
    for _ in range(_ROUNDS):
        close.look_at_box()
    close.zoom()
    final = _between(blend, close, np.minimum(1, 10 * share))
    rotation[there], centre[there], focal[there] = final.rotation, final.centre, final.focal
    return rotation, centre, focal, there


def _between(one: _Rig, two: _Rig, share: np.ndarray) -> _Rig:
    """Cameras `share` (n,) of the way from one to two."""
    size = (int(one.resolution[0]), int(one.resolution[1]))
    paths = [CameraPath(rig.rotation, rig.centre, _lens(rig.focal, size)) for rig in (one, two)]
    path = blended(paths[0], paths[1], share, one.up)
    return _Rig(path.rotation, path.centre, path.intrinsics[:, 0, 0], one.points, one.up, one.resolution)


def _lens(focal: np.ndarray, resolution: tuple[int, int]) -> np.ndarray:
    """Intrinsics (n,3,3) of square pixels and a principal point in the middle, for focal lengths (n,)."""
    intrinsics = np.tile(np.eye(3), (len(focal), 1, 1))
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focal
    intrinsics[:, :2, 2] = (np.array(resolution) - 1) / 2
    return intrinsics
