"""Surfaces in a GLB: for each person a node `person_<id>`, below which every frame has a node with its own mesh.

A mesh is shown from its frame to the person's next one, by its node's scale, which is 0 before and after (keys of
interpolation STEP). All meshes share one list of triangles; without the triangles of the body they are clouds of
points. Morph targets would need a weight for every pair of frames, and many viewers draw only a few of them. Meshes
have no normals, so that viewers shade their triangles flat, as the standard says: normals would double the file.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kinema.formats.glb_asset import INDICES, UINT, USHORT, VERTICES, Asset, require_size
from kinema.formats.surfaces import SurfaceTrack
from kinema.temporal.gaps import AWAY

_POINTS, _TRIANGLES = 0, 4


def add_surface(asset: Asset, track: SurfaceTrack, start: float, end: float, interval: float) -> None:
    """One person's surface. start, end: seconds of the clip; interval: of a frame, for which the last mesh before an
    absence is shown. Raises UsageError for more than a file can hold."""
    require_size(12.0 * track.count * len(track))
    primitive = {"material": 0, "mode": _POINTS}
    if len(track.faces):
        index, component = (np.uint16, USHORT) if track.count < 2**16 else (np.uint32, UINT)
        corners = track.faces.reshape(-1).astype(index)
        indices = asset.numbers(len(corners), "SCALAR", lambda: corners, component=component, target=INDICES)
        primitive = {"material": 0, "mode": _TRIANGLES, "indices": indices}
    lows, highs = [np.empty((len(track), 3), np.float32) for _ in range(2)]
    for rows in track.chunks():
        points = track.vertices(rows)
        lows[rows], highs[rows] = points.min(axis=1), points.max(axis=1)
    children = []
    ends = _shown_until(track.times, end, interval)
    on = asset.numbers(2, "VEC3", lambda: np.repeat([[1.0], [0]], 3, axis=1).astype(np.float32))
    off_on = asset.numbers(2, "VEC3", lambda: np.repeat([[0.0], [1]], 3, axis=1).astype(np.float32))
    both = asset.numbers(3, "VEC3", lambda: np.repeat([[0.0], [1], [0]], 3, axis=1).astype(np.float32))
    for row, (first, last) in enumerate(zip(track.times - start, ends - start, strict=True)):
        bounds = lows[row].tolist(), highs[row].tolist()
        place = asset.numbers(track.count, "VEC3", _Vertices(track, row), target=VERTICES, bounds=bounds)
        name = f"{track.name}_{track.frames[row]:06}"
        asset.meshes.append({"name": name, "primitives": [{**primitive, "attributes": {"POSITION": place}}]})
        shown = first <= 0
        node = asset.node(name=name, mesh=len(asset.meshes) - 1, scale=[1.0] * 3 if shown else [0.0] * 3)
        children.append(node)
        before, after = first > 0, last < end - start
        if not (before or after):
            continue
        moments = np.array([*([0.0] if before else []), max(first, 0.0), *([last] if after else [])], np.float32)
        scales = both if before and after else off_on if before else on
        clock = asset.numbers(len(moments), "SCALAR", _held(moments), bounds=([moments[0]], [moments[-1]]))
        asset.animate(node, "scale", clock, scales, "STEP")
    asset.roots.append(asset.node(name=track.name, children=children))


def _shown_until(times: np.ndarray, end: float, interval: float) -> np.ndarray:
    """The times at which meshes are replaced: at the person's next frame or, if that is too far away or there is none
    before the clip's end, after one frame interval."""
    following = np.append(times[1:], np.inf if times[-1] >= end else times[-1] + interval)
    away = np.isfinite(following) & (following - times > AWAY)
    return np.where(away, times + interval, following)


def _held(values: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: values


class _Vertices:
    """A frame's vertices, read or computed when they are written."""

    def __init__(self, track: SurfaceTrack, row: int) -> None:
        self._track, self._row = track, row

    def __call__(self) -> np.ndarray:
        return np.asarray(self._track.vertices(slice(self._row, self._row + 1))[0])
