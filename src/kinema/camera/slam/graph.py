"""The graph of keyframes: edges on which the operator looks at how pixels of one frame moved to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinema.camera.slam.adjustment import Damping, Sightings, adjusted
from kinema.camera.slam.correlation import compared, products, pyramid
from kinema.camera.slam.keyframes import Keyframes
from kinema.camera.slam.projection import distances, pixels, reprojected
from kinema.camera.slam.proximity import Pair
from kinema.models.droid.network import enlarged
from kinema.models.droid.torch_run import DroidRun

AT_ONCE = 4
"""Edges that the operator looks at together, or all of one frame: it needs about 90 MB for each at the working size."""

KEPT = 48
"""Edges whose products of features are kept, in half precision, 25 MB each at the working size; those of others are
made whenever they are looked at. The frontend has no more edges than that."""

BEFORE = 3
"""Frames before the window whose old edges still count in an adjustment."""

_ETA = 0.2, 1e-7


@dataclass(eq=False, slots=True)
class Edge:
    """start, end: rows of keyframes; state (128,h,w); target, weight (h,w,2): where pixels of `start` are in `end`, and
    how sure that is; age: looks so far; levels: products of the
    features, if they are kept."""

    start: int
    end: int
    state: Tensor
    target: Tensor
    weight: Tensor
    age: int = 0
    levels: tuple[Tensor, ...] | None = None


class FactorGraph:
    """Edges that are looked at (`active`), and old ones, which count as they were (`inactive`).

    most: active edges; where there are to be more, the oldest become inactive (None: no limit).
    """

    def __init__(self, net: DroidRun, frames: Keyframes, *, most: int | None = None) -> None:
        self.net, self.frames, self.most = net, frames, most
        self.active: list[Edge] = []
        self.inactive: list[Edge] = []
        self._past: list[Pair] = []

    def pairs(self) -> list[Pair]:
        """All edges, active ones first."""
        return [(each.start, each.end) for each in (*self.active, *self.inactive)] + self._past

    def add(self, pairs: Iterable[Pair], *, make_room: bool = False) -> None:
        """Add edges that are not there, as poses and disparities have them. make_room: let the oldest go for them."""
        known = set(self.pairs())
        new = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        if not new:
            return
        if make_room and self.most is not None:
            spare = len(self.active) + len(new) - self.most
            if spare > 0:
                self.retire(sorted(self.active, key=lambda each: -each.age)[:spare].__contains__)
        start, end = self._rows(pair[0] for pair in new), self._rows(pair[1] for pair in new)
        target, _ = reprojected(self.frames.poses, self.frames.disparities, self.frames.lens, start, end)
        for (i, j), place in zip(new, target, strict=True):
            self.active.append(Edge(i, j, self.frames.states[i], place, torch.zeros_like(place)))

    def retire(self, chosen: Callable[[Edge], bool]) -> None:
        """Make the chosen of the active edges inactive."""
        retired = [each for each in self.active if chosen(each)]
        for each in retired:
            each.state, each.levels = each.state.new_zeros(0), None  # it is not looked at again
        self.inactive += retired
        self.active = [each for each in self.active if each not in retired]

    def forget(self, before: int) -> None:
        """Keep no more of inactive edges from or to frames before some row than that they were there."""
        kept = [each for each in self.inactive if min(each.start, each.end) >= before]
        self._past += [(each.start, each.end) for each in self.inactive if min(each.start, each.end) < before]
        self.inactive = kept

    def remove_frame(self, row: int) -> None:
        """Take a keyframe out, with its edges; one of the last, after all that are forgotten."""
        self.frames.remove(row)
        for edges in (self.active, self.inactive):
            edges[:] = [each for each in edges if row not in (each.start, each.end)]
            for each in edges:
                each.start -= each.start > row
                each.end -= each.end > row

    def update(
        self,
        *,
        first: int | None = None,
        last: int | None = None,
        rounds: int = 3,
        old: bool = False,
        damping: Damping | None = None,
        motion_only: bool = False,
        fine: Sequence[int] = (),
    ) -> dict[int, Tensor]:
        """Look at all active edges, then adjust the frames [first, last).

        first: by default the frame after the first from which an edge starts; last: after the last frame of an edge.
        old: inactive edges near the window count. fine: frames of which disparities are wanted in the images'
        resolution; they are returned, (8h,8w) by frame.
        """
        first = max(1, min(each.start for each in self.active) + 1) if first is None else first
        masks = self._look(set(fine))
        edges = list(self.active)
        if old:
            edges = [each for each in self.inactive if min(each.start, each.end) >= first - BEFORE] + edges
        last = max(max(each.start, each.end) for each in edges) + 1 if last is None else last
        seen = Sightings(
            self._rows(each.start for each in edges),
            self._rows(each.end for each in edges),
            torch.stack([each.target for each in edges]),
            torch.stack([each.weight for each in edges]),
        )
        frames = self.frames
        factor, least = _ETA
        frames.place(
            *adjusted(
                frames.poses, frames.disparities, frames.lens, seen, factor * frames.eta + least, (first, last),
                rounds=rounds, damping=damping, motion_only=motion_only,
            )
        )  # fmt: skip
        return {row: enlarged(frames.disparities[row][None], mask[None])[0] for row, mask in masks.items()}

    def error(self) -> float:
        """How far targets are from where poses and disparities say, on average over the active edges, in pixels of the
        features."""
        total = 0.0
        for edges in self._chunks():
            start, end = self._rows(each.start for each in edges), self._rows(each.end for each in edges)
            places, _ = reprojected(self.frames.poses, self.frames.disparities, self.frames.lens, start, end)
            off = torch.stack([each.target for each in edges]) - places
            total += float(off.norm(dim=-1).mean(dim=(1, 2)).sum())
        return total / max(len(self.active), 1)

    def distances(self, rows: Sequence[int], columns: Sequence[int], beta: float) -> Tensor:
        """(n,m) pixels between frames."""
        start = self._rows(i for i in rows for _ in columns)
        end = self._rows(j for _ in rows for j in columns)
        frames = self.frames
        found = distances(frames.poses, frames.disparities, frames.lens, start, end, beta=beta)
        return found.view(len(rows), len(columns)).cpu()

    def _look(self, fine: set[int]) -> dict[int, Tensor]:
        """One look of the operator at all active edges; the upmasks (576,h,w) of some source frames."""
        masks: dict[int, Tensor] = {}
        frames = self.frames
        grid = pixels(*frames.size, frames.lens.device)
        for edges in self._chunks():
            starts = sorted({each.start for each in edges})
            group = self._rows(starts.index(each.start) for each in edges)
            start, end = self._rows(each.start for each in edges), self._rows(each.end for each in edges)
            places, _ = reprojected(frames.poses, frames.disparities, frames.lens, start, end)
            target = torch.stack([each.target for each in edges])
            motion = torch.cat([places - grid, target - places], -1).permute(0, 3, 1, 2)
            out = self.net.look(
                _stacked([each.state for each in edges]),
                _stacked([frames.contexts[each] for each in starts]),
                self._compared(edges, places),
                motion,
                group,
                upmask=not fine.isdisjoint(starts),
            )
            weight = torch.where(torch.stack([frames.masks[each.start] for each in edges])[..., None], 0, out.weight)
            for each, state, place, delta, sure in zip(edges, out.state, places, out.delta, weight, strict=True):
                each.state, each.target, each.weight = state.to(each.state.dtype), place + delta, sure
                each.age += 1
            for number, row in enumerate(starts):
                frames.eta[row] = out.eta[number]
                if row in fine:
                    masks[row] = out.upmask[number]
        return masks

    def _compared(self, edges: list[Edge], places: Tensor) -> Tensor:
        """Correlations of some edges: of their products, or of those that are made, and kept while there is room."""
        frames = self.frames
        room = KEPT - sum(each.levels is not None for each in self.active)
        found = []
        for each, place in zip(edges, places[:, None], strict=True):
            levels = each.levels
            if levels is None:
                second = pyramid(frames.features[each.end][None].float())
                levels = products(frames.features[each.start][None].float(), second)
                if room > 0:
                    each.levels = tuple(level.to(frames.stored) for level in levels)
                    room -= 1
            found.append(compared(levels, place))
        return torch.cat(found)

    def _chunks(self) -> Iterable[list[Edge]]:
        """The active edges, all from one frame together, as few frames as make `AT_ONCE`."""
        by_start: dict[int, list[Edge]] = {}
        for each in self.active:
            by_start.setdefault(each.start, []).append(each)
        chunk: list[Edge] = []
        for _, edges in sorted(by_start.items()):
            chunk += edges
            if len(chunk) >= AT_ONCE:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _rows(self, rows: Iterable[int]) -> Tensor:
        return torch.tensor(list(rows), dtype=torch.long, device=self.frames.lens.device)


def _stacked(maps: Sequence[Tensor]) -> Tensor:
    """Maps (C,h,w) as (N,C,h,w) float32, channels-last in memory, as the operator makes and takes them."""
    return torch.stack([each.permute(1, 2, 0) for each in maps]).permute(0, 3, 1, 2).float()
