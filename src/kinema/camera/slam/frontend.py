"""From images, one after the other, to the poses of keyframes.

Teed and Deng 2021, section 3.4: an image becomes a keyframe if enough has moved since the last one; the frontend keeps
the last keyframes consistent; when all images are in, the backend looks at the whole graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kinema.camera.slam.correlation import compared, products, pyramid
from kinema.camera.slam.graph import FactorGraph
from kinema.camera.slam.keyframes import STORED, Keyframes
from kinema.camera.slam.projection import pixels
from kinema.camera.slam.proximity import nearby, neighbours
from kinema.camera.slam.settings import BACKEND_DAMPING, SlamSettings
from kinema.models.droid.facts import SHRINK
from kinema.models.droid.torch_run import DroidRun

_REACH = 3
"""Frames on either side that the first keyframes are compared with."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """An image that may be a keyframe. time: its frame; features, state, context (128,h,w); mask (h,w) bool, True
    where people are."""

    time: int
    features: Tensor
    state: Tensor
    context: Tensor
    mask: Tensor


class MotionFilter:
    """Call it with every image of a shot in order; it gives those in which enough has moved."""

    def __init__(self, net: DroidRun, moved: float) -> None:
        self._net, self._moved = net, moved
        self._last: Candidate | None = None

    def __call__(self, time: int, image: np.ndarray, people: np.ndarray) -> Candidate | None:
        """image (H,W,3) uint8 RGB; people (H,W) bool, whose pixels should be black in it."""
        features = self._net.features(image)
        if self._last is not None and self._motion(self._last, features) <= self._moved:
            return None
        state, context = self._net.context(image)
        mask = torch.from_numpy(np.ascontiguousarray(people[::SHRINK, ::SHRINK])).to(features.device)
        self._last = Candidate(time, features.to(STORED), state.to(STORED), context.to(STORED), mask)
        return self._last

    def _motion(self, last: Candidate, features: Tensor) -> float:
        """Mean motion from the last keyframe, in pixels of the features, by one look without a guess."""
        height, width = features.shape[1:]
        places = pixels(height, width, features.device)[None]
        found = compared(products(last.features[None].float(), pyramid(features[None])), places)
        still = features.new_zeros(1, 4, height, width)
        group = torch.zeros(1, dtype=torch.long, device=features.device)
        out = self._net.look(last.state[None].float(), last.context[None].float(), found, still, group)
        return float(out.delta.norm(dim=-1).mean())


class Frontend:
    """Call it with every keyframe, then `finish` it.

    lens (4,): fx, fy, cx, cy in pixels of the features.
    """

    def __init__(self, net: DroidRun, size: tuple[int, int], lens: Tensor, settings: SlamSettings) -> None:
        self._net, self._settings = net, settings
        self.frames = Keyframes(*size, lens)
        self._graph = FactorGraph(net, self.frames, most=settings.most)
        self._started = False
        self._disparity = 1.0  # of the next keyframe

    def __call__(self, each: Candidate) -> None:
        frames, settings = self.frames, self._settings
        frames.append(each.time, each.features, each.state, each.context, each.mask)
        if self._started:
            frames.poses[-1] = frames.poses[-2]
            frames.disparities[-1] = self._disparity
            self._extend()
        elif len(frames) == settings.warmup:
            self._start()

    def _start(self) -> None:
        """The first solution."""
        frames, graph, settings = self.frames, self._graph, self._settings
        count = len(frames)
        graph.add(neighbours(count, _REACH))
        for _ in range(settings.looks):
            graph.update(first=1, old=True)
        every = range(count)
        near = settings.beginning
        graph.add(
            nearby(
                graph.distances(every, every, settings.beta).numpy(), graph.pairs(), radius=near.radius,
                apart=near.apart, threshold=near.threshold, most=settings.most,
            )
        )  # fmt: skip
        for _ in range(settings.looks):
            graph.update(first=1, old=True)
        graph.retire(lambda edge: edge.start < settings.warmup - 4)
        self._started = True
        self._disparity = float(frames.disparities[-4:].mean())

    def _extend(self) -> None:
        """Make the last keyframe consistent with those before, and take out the one before it if it tells nothing."""
        frames, graph, settings = self.frames, self._graph, self._settings
        count = len(frames)
        graph.retire(lambda edge: edge.age > settings.oldest)
        rows, columns = max(count - settings.recent, 0), max(count - settings.window, 0)
        near = settings.frontend
        distance = graph.distances(range(rows, count), range(columns, count), settings.beta).numpy()
        graph.add(
            nearby(
                distance, graph.pairs(), rows_from=rows, columns_from=columns, radius=near.radius, apart=near.apart,
                threshold=near.threshold, most=settings.most,
            ),
            make_room=True,
        )  # fmt: skip
        for _ in range(4):
            graph.update(old=True)
        if float(graph.distances([count - 3], [count - 2], settings.beta)) < settings.redundant:
            graph.remove_frame(count - 2)
        else:
            for _ in range(2):
                graph.update(old=True)
        graph.forget(count - 2 * settings.window)
        self._disparity = float(frames.disparities[-1].mean())

    def finish(self) -> Keyframes:
        """The keyframes, before the backend has seen them; a first solution is made of those that there are.

        The edges, which take the most memory, are dropped.
        """
        if not self._started and len(self.frames) > 1:
            self._start()
        self._graph.active.clear()
        self._graph.inactive.clear()
        return self.frames


def optimised(
    net: DroidRun,
    frames: Keyframes,
    steps: int,
    settings: SlamSettings,
    *,
    fine: Sequence[int] = (),
) -> tuple[float, dict[int, Tensor]]:
    """Look at the whole graph so many times, and adjust everything after each.

    Returns how far pixels are from where poses and disparities say, on average, in pixels of the features; and the
    disparities (8h,8w) of some keyframes.
    """
    frames.normalise()
    graph = FactorGraph(net, frames)
    every, near = range(len(frames)), settings.backend
    graph.add(
        nearby(
            graph.distances(every, every, settings.beta).numpy(), (), radius=near.radius, apart=near.apart,
            threshold=near.threshold, most=16 * len(frames),
        )
    )  # fmt: skip
    found: dict[int, Tensor] = {}
    for step in range(1, steps + 1):
        found = graph.update(
            first=1, last=len(frames), rounds=2, damping=BACKEND_DAMPING, fine=fine if step == steps else ()
        )
    return graph.error(), found
