"""When to look where: the tiles of every frame, so that all of the picture is searched regularly."""

from __future__ import annotations

import numpy as np

from kinema.detection.tiles import tile_plan


class TileSchedule:
    """Spreads the search for people over the frames.

    Every tile has a period, in seconds: coarse tiles (large people, one or few tiles) come often, fine
    ones (small people, many tiles) at `interval`. In the first frame everything is due; later the finer
    tiles take turns, so that the cost of every frame is about the same.
    """

    def __init__(self, width: int, height: int, *, interval: float, smallest: float) -> None:
        plan = tile_plan(width, height, smallest=smallest)
        self._tiles = np.concatenate(plan)
        levels = np.concatenate([np.full(len(tiles), level) for level, tiles in enumerate(plan)])
        last = max(len(plan) - 1, 1)
        share = np.array([0.3 + 0.7 * min(level, last) / last for level in range(len(plan))])
        self._period = interval * share[levels]
        # The first round is staggered: tile i of a level of n comes i/n of its period early.
        place = np.concatenate([np.arange(len(tiles)) / len(tiles) for tiles in plan])
        self._stagger = place * self._period
        self._due: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self._tiles)

    def due(self, time: float) -> np.ndarray:
        """The tiles (n, 3) to look at in the frame at `time`; they count as looked at."""
        if self._due is None:
            self._due = time + self._period - self._stagger
            self._due[self._due <= time] += self._period[self._due <= time]
            return self._tiles
        now = np.flatnonzero(self._due <= time + 1e-9)
        self._due[now] = np.maximum(self._due[now] + self._period[now], time)
        return self._tiles[now]
