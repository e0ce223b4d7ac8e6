"""Deinterlacing: one picture of each frame whose two fields were taken at different times."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
from av.filter import Graph

# One picture per frame (the rate stays), fields in the order that frames state, progressive frames left alone.
_FILTER = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")

Timed = tuple[float, av.VideoFrame]


def deinterlaced(frames: Iterator[Timed]) -> Iterator[Timed]:
    """(time, frame) with the interlaced frames deinterlaced; the times stay.

    From the first interlaced frame on, frames pass through FFmpeg's bwdif, which looks at the frames before and after;
    it leaves out none and adds none, so the times are kept beside it.
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
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base or Fraction(1, 90000)
    )
    filter_, sink = graph.add(*_FILTER), graph.add("buffersink")
    source.link_to(filter_)
    filter_.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: Graph, times: deque[float], frame: av.VideoFrame | None) -> Iterator[Timed]:
    """Push a frame (None: the end) and give what comes out, each with its time."""
    graph.push(frame)
    while times:
        try:
            picture = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield times.popleft(), cast(av.VideoFrame, picture)
