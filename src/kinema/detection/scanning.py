"""Scheduling of detector tiles over frames, so that the whole image is searched regularly."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from kinema.detection.tiles import tile_plan

_CELLS = 80  # of the thumbnail's long side
_SAMPLES = 4  # pixels averaged along each side of a cell
_CHANGED = 12.0  # grey levels: change of the mean over 3x3 cells that noise and compression do not reach
_CHANGED_CELLS = 6  # least number of cells that change when a person appears; camera shake at an edge changes fewer
_STATIC_FACTOR = 4.0  # a tile in which nothing changes is searched less often by this factor
_CATCH_UP = 1.5  # limit on the search rate when tiles are overdue, relative to the required rate
_STATE = ("due", "forced", "seen", "hidden")
_COARSE, _FINE = 0.2, 1.0  # periods of the coarsest and the finest tiles as fractions of the interval


class TileSchedule:
    """Distributes the search for people over frames, favouring parts of the image where something moves.

    Coarse tiles (large people, few tiles) are searched often, the finest ones (small people, many tiles) once per
    `interval` seconds. In the first frame all tiles are due; later the tiles of a scale take turns, so that
    every frame costs about the same. A tile in which nothing has changed since its last search, apart from
    people who are tracked already, is searched four times less often. If several tiles are due at once,
    some wait for later frames.
    """

    def __init__(self, width: int, height: int, *, interval: float, smallest: float, smallest_in_tile: float) -> None:
        plan = tile_plan(width, height, smallest=smallest, smallest_in_tile=smallest_in_tile)
        self.tiles = np.concatenate(plan)
        scale = np.linspace(0.0, 1.0, len(plan)) if len(plan) > 1 else np.zeros(1)
        self._period = interval * np.concatenate(
            [np.full(len(tiles), _COARSE + (_FINE - _COARSE) * s) for s, tiles in zip(scale, plan, strict=True)]
        )
        self._turn = np.concatenate([np.arange(len(tiles)) / len(tiles) for tiles in plan])
        self._due = np.zeros(len(self.tiles))
        self._forced = np.zeros(len(self.tiles))
        self._last: float | None = None
        self._thumbnailer = Thumbnailer(width, height)
        self._seen = np.zeros((len(self.tiles), *self._thumbnailer.shape), dtype=np.float32)
        self._hidden = np.zeros(self._seen.shape, dtype=bool)
        self._windows = [self._thumbnailer.window(tile) for tile in self.tiles]

    def due(self, image: np.ndarray, time: float, boxes: np.ndarray) -> np.ndarray:
        """The tiles (n, 3) to search in this frame; they count as searched.

        image (H, W, 3) uint8 RGB at `time` seconds; boxes (m, 4): the people who are tracked.
        """
        elapsed = 0.0 if self._last is None else time - self._last
        if self._last is None:
            self._last = time
            # The second round is staggered, so that the tiles take turns from then on.
            self._due = time + self._period * (1.0 - self._turn)
            self._forced = time + _STATIC_FACTOR * self._period * (1.0 - 0.5 * self._turn)
            self._seen[:] = self._thumbnailer(image)
            self._hidden[:] = self._thumbnailer.covered(boxes)
            return np.asarray(self.tiles)
        self._last = time
        waiting = np.flatnonzero(self._due <= time)
        if not len(waiting):
            return np.asarray(self.tiles[:0])
        waiting = waiting[np.argsort(self._due[waiting], kind="stable")]
        most = max(1, int(np.ceil(_CATCH_UP * elapsed * np.sum(1.0 / self._period))))
        now = self._thumbnailer(image)
        covered = self._thumbnailer.covered(boxes)
        chosen: list[int] = []
        for i in waiting:
            if len(chosen) == most:
                break
            if time > self._forced[i] - self._period[i] or self._changed(i, now, covered):
                chosen.append(int(i))
                self._seen[i], self._hidden[i] = now, covered
                self._forced[i] = time + _STATIC_FACTOR * self._period[i]
            self._due[i] = max(self._due[i] + self._period[i], time)
        return np.asarray(self.tiles[chosen])

    def restart(self) -> None:
        """In the next frame all tiles are due, as in the first one."""
        self._last = None

    def state(self) -> dict[str, Any]:
        """The state that later results depend on, as plain values and arrays."""
        return {"last": self._last, **{name: getattr(self, f"_{name}") for name in _STATE}}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a `state`."""
        self._last = state["last"]
        for name in _STATE:
            setattr(self, f"_{name}", np.array(state[name]))

    def _changed(self, tile: int, now: np.ndarray, covered: np.ndarray) -> bool:
        """Whether something other than the people tracked then or now moved."""
        window = self._windows[tile]
        known = covered[window] | self._hidden[tile][window]
        difference = np.where(known, 0.0, np.abs(now[window] - self._seen[tile][window]))
        return np.count_nonzero(cv2.blur(difference, (3, 3)) > _CHANGED) >= _CHANGED_CELLS


class Thumbnailer:
    """Grey thumbnails of frames, for change detection."""

    def __init__(self, width: int, height: int) -> None:
        self._cell = max(width, height) / _CELLS
        self.shape = (max(1, round(height / self._cell)), max(1, round(width / self._cell)))
        self._step = max(1, int(self._cell / _SAMPLES))

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The thumbnail (rows, columns) float32 of an image (H, W, 3) uint8: its green channel, averaged."""
        sparse = np.ascontiguousarray(image[:: self._step, :: self._step, 1])
        small = cv2.resize(sparse, self.shape[::-1], interpolation=cv2.INTER_AREA)
        return small.astype(np.float32)

    def window(self, tile: np.ndarray) -> tuple[slice, slice]:
        """The cells of a tile (x, y, side)."""
        x, y, side = (float(v) / self._cell for v in tile)
        return slice(max(int(y), 0), int(np.ceil(y + side))), slice(max(int(x), 0), int(np.ceil(x + side)))

    def covered(self, boxes: np.ndarray) -> np.ndarray:
        """(rows, columns) bool: the cells that boxes (m, 4) touch, dilated by one."""
        covered = np.zeros(self.shape, dtype=bool)
        for x1, y1, x2, y2 in np.asarray(boxes, dtype=np.float64).reshape(-1, 4) / self._cell:
            covered[max(int(y1) - 1, 0) : int(y2) + 2, max(int(x1) - 1, 0) : int(x2) + 2] = True
        return covered
