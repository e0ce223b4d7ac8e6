"""Deinterlacing: one image from each frame whose two fields were taken at different times."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import cast

import av
from av.filter import Graph

# idet finds interlaced frames by looking at the images, because whole films are flagged wrongly; bwdif makes one image
# of each (the rate stays) and leaves progressive frames as they are.
_FILTERS = (("idet", ""), ("bwdif", "mode=send_frame:parity=auto:deint=interlaced"))

Timed = tuple[float, av.VideoFrame]


def deinterlaced(frames: Iterator[Timed]) -> Iterator[Timed]:
    """(time, frame) with the interlaced frames deinterlaced; the times are unchanged.

    From the first frame flagged as interlaced on, frames pass through FFmpeg's idet and bwdif, which look at the frames
    before and after; they drop none and add none, so the times are kept separately.
    """
    times: deque[float] = deque()
    graph: Graph | None = None
    shape: tuple[int, int, str] | None = None
    pushed = 0
    for time, frame in frames:
        kind = (frame.width, frame.height, frame.format.name)
        if graph is not None and kind != shape:
            yield from _pulled(graph, times, None)
            graph = None
        if graph is None:
            if not frame.interlaced_frame:
                yield time, frame
                continue
            graph, shape = _graph(frame), kind
        times.append(time)
        frame.pts = pushed
        pushed += 1
        yield from _pulled(graph, times, frame)
    if graph is not None:
        yield from _pulled(graph, times, None)


def _graph(frame: av.VideoFrame) -> Graph:
    graph = Graph()
    base = frame.time_base or Fraction(1, 90000)
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)
    chain = [source, *(graph.add(name, arguments) for name, arguments in _FILTERS), graph.add("buffersink")]
    for before, after in pairwise(chain):
        before.link_to(after)
    graph.configure()
    return graph


def _pulled(graph: Graph, times: deque[float], frame: av.VideoFrame | None) -> Iterator[Timed]:
    """Push a frame (None: the end) and yield the finished ones, each with its time."""
    graph.push(frame)
    while times:
        try:
            image = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield times.popleft(), cast(av.VideoFrame, image)
