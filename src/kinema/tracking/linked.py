"""Followers that first find everybody in a frame and then assign identities: common to PoseFlow and LightTrack."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import Future
from typing import Any

import numpy as np

from kinema.keypoints.source import Observation, OpenedSource
from kinema.tracking.appearance import Appearance
from kinema.tracking.checkpoint import plain_fields, plain_tracks, tracks_from
from kinema.tracking.cuts import Cut
from kinema.tracking.everybody import Everybody, Found
from kinema.tracking.options import TrackingOptions
from kinema.tracking.people import is_person
from kinema.tracking.perception import Perception
from kinema.tracking.track import Track
from kinema.video import Frame
from kinema.video.prefetch import Worker

_APPEARANCE_EVERY = 5  # frames between two updates of a person's appearance


class LinkedFollower(ABC):
    """Tracks of everyone in the frames given to `step`, in order; used as `kinema.tracking.follower.Follower` is."""

    def __init__(
        self, source: OpenedSource, size: tuple[int, int], options: TrackingOptions, worker: Worker | None = None
    ) -> None:
        """size: width and height of the frames. worker: computes the boxes."""
        self._source = source.about.name
        self._options = options
        self._worker = worker or Worker(own_thread=False)
        self._perception = Perception(source, size, options)
        self._everybody = Everybody(self._perception)
        self._open: dict[int, Track] = {}
        self._ended: list[Track] = []
        self._before: list[Found] = []
        self._last: Frame | None = None
        self._count = 0

    @abstractmethod
    def _see(self, frame: Frame) -> tuple[list[Found], np.ndarray]:
        """Everybody in the frame, and their identities (n,)."""

    @abstractmethod
    def _remembered(self) -> int:
        """Frames for which somebody unseen may come back as the same person."""

    @abstractmethod
    def _forget(self) -> None:
        """A new shot begins: no identity continues."""

    @abstractmethod
    def _own_state(self) -> dict[str, Any]:
        """The state that the tracker's later frames depend on, as plain values and arrays."""

    @abstractmethod
    def _restore_own(self, state: dict[str, Any]) -> None:
        """Resume from an `_own_state`."""

    @property
    def tracks(self) -> list[Track]:
        """Every track so far, in the order of appearance."""
        return sorted((*self._open.values(), *self._ended), key=lambda track: track.number)

    def step(self, frame: Frame, cut: Cut | None = None) -> Future[np.ndarray]:
        """Everybody in the next frame. Returns their boxes (n, 4). cut: that has become known with this frame."""
        if cut is not None:
            self._begin_shot(cut.first)
        found, ids = self._see(frame)
        for each, number in zip(found, ids.tolist(), strict=True):
            self._add(frame, each, number)
        for number, track in list(self._open.items()):
            if frame.index - track.last_frame > self._remembered():
                del self._open[number]
                self._end(track, frame.index + 1)
        self._before, self._last = found, frame
        return self._worker.submit(self._perception.boxes, [each.seen for each in found])

    def _add(self, frame: Frame, each: Found, number: int) -> None:
        track = self._open.get(number)
        if track is None:
            self._open[number] = Track(self._count, frame.index, frame.time, each.seen, self._appearance(frame, each))
            self._count += 1
            return
        if each.hit is not None:
            track.looked_for(found=each.hit)
        if frame.index % _APPEARANCE_EVERY == 0:
            track.appearance.update(self._appearance(frame, each))
        track.add(frame.index, frame.time, each.seen, crowded=False)

    def _appearance(self, frame: Frame, each: Found) -> Appearance:
        return self._perception.appearance(self._perception.view(frame, each.seen.roi), each.seen)

    def _begin_shot(self, first: int) -> None:
        """A new shot began at frame `first`. Where that becomes known later (large frames), its first frames stay
        empty."""
        for track in (*self._open.values(), *self._ended):
            if track.last_frame >= first:
                track.rows.cut(first - 1)
        self._ended = [track for track in self._ended if len(track.rows)]
        for track in self._open.values():
            self._end(track, first)
        self._open, self._before, self._last = {}, [], None
        self._everybody.restart()
        self._forget()

    def _end(self, track: Track, num_frames: int) -> None:
        """Keep the track if it was a person. num_frames: of the clip so far."""
        thresholds = self._perception.thresholds
        if len(track.rows) and is_person(track, num_frames, self._perception.size, self._options, thresholds):
            self._ended.append(track)

    def state(self) -> dict[str, Any]:
        """Everything that later frames depend on except the last frame, as plain values and arrays."""
        return {
            "source": self._source,
            "count": self._count,
            "schedule": self._everybody.state(),
            "numbers": list(self._open),
            "before": [{**plain_fields(each), "seen": plain_fields(each.seen)} for each in self._before],
            "own": self._own_state(),
            **plain_tracks({"open": list(self._open.values()), "ended": self._ended}),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a `state`. The earlier frames must have been given to `remember`."""
        groups = tracks_from(state)
        self._open = dict(zip((int(number) for number in state["numbers"]), groups["open"], strict=True))
        self._ended, self._count = groups["ended"], int(state["count"])
        self._before = [Found(**{**each, "seen": Observation(**each["seen"])}) for each in state["before"]]
        self._everybody.restore(state["schedule"])
        self._restore_own(state["own"])

    def remember(self, frame: Frame, cut: Cut | None = None) -> None:
        """A frame from before the state was saved, and the cut that became known with it."""
        self._last = frame
