"""Online tracking: following people from frame to frame.

Each person's region in the next frame comes from the observation in this one. The detector searches the whole
image at intervals for newcomers, and where people were lost.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np

from kinema.detection.scanning import TileSchedule
from kinema.detection.tiles import SMALLEST_PERSON
from kinema.geometry.circles import Circles, concatenate, merge
from kinema.keypoints.source import OpenedSource
from kinema.tracking.association import ESTABLISHED
from kinema.tracking.backward import RecentFrames, look_back, track_backward
from kinema.tracking.changes import LOST_MISSES, give_up, note_change
from kinema.tracking.checkpoint import plain_tracks, tracks_from
from kinema.tracking.confirmation import confirm
from kinema.tracking.crowds import Sighting, hidden_near, mask_is_fresh, near, reassign, resolve_collapses
from kinema.tracking.cuts import Cut
from kinema.tracking.id_switches import learn_appearance, note_encounters, resolve_encounters
from kinema.tracking.masks import hide_people, with_mask_of
from kinema.tracking.newcomers import Newcomer, count_detections, link, newcomers
from kinema.tracking.options import TrackingOptions
from kinema.tracking.people import is_person
from kinema.tracking.perception import Perception
from kinema.tracking.recovery import (
    changed_tile,
    recover,
    recoverable,
    recovery_tiles,
    unclear_tile,
    verification_tiles,
)
from kinema.tracking.track import Track
from kinema.video import Frame
from kinema.video.prefetch import Worker

_APPEARANCE_EVERY = 5  # frames between two updates of a person's appearance


class Follower:
    """Tracks of everyone in the frames given to `step`, in order. boxes (n, 4): of the `active` ones."""

    def __init__(
        self, source: OpenedSource, size: tuple[int, int], options: TrackingOptions, worker: Worker | None = None
    ) -> None:
        """size: width and height of the frames. worker: runs the detector while people are followed."""
        self._source = source.about.name
        self._perception = Perception(source, size, options)
        self._gate = self._perception.gate
        self._options = options
        self._worker = worker or Worker(own_thread=False)
        self._tile_range = self._perception.detector.tile_range
        self._schedule = TileSchedule(
            *size,
            interval=options.detection_interval,
            smallest=options.smallest_person or SMALLEST_PERSON,
            smallest_in_tile=self._tile_range.smallest,
        )
        self.active: list[Track] = []
        self.lost: list[Track] = []
        self.ended: list[Track] = []
        self.boxes = self._worker.submit(self._perception.boxes, [])
        self._count = 0
        self._recent = RecentFrames(ESTABLISHED)

    @property
    def tracks(self) -> list[Track]:
        """Every track so far, in the order of appearance."""
        return sorted((*self.active, *self.lost, *self.ended), key=lambda track: track.number)

    def step(self, frame: Frame, cut: Cut | None = None) -> Future[np.ndarray]:
        """Follow everyone into the next frame. Returns the boxes (n, 4) of the people in it, those of `active`.

        cut: that has become known with this frame.
        """
        if cut is not None:
            self._begin_shot(cut.first)
        steps = np.array([track.predict(frame.time) - track.centre for track in self.active]).reshape(-1, 2)
        scan = self._worker.submit(self._scan, frame, self.boxes, steps)
        self._follow(frame)
        self._end_lost(frame)
        more = np.concatenate(
            [
                recovery_tiles(self.lost, frame, self._gate),
                verification_tiles(self.active, frame, self._gate),
                unclear_tile(self.active, frame, self._gate),
            ]
        )
        tiles, parts = scan.result()
        self._check_changes(frame)
        if len(more):
            tiles, parts = np.concatenate([tiles, more]), parts + self._perception.detect(frame, more)
        if len(tiles):
            found = merge(concatenate(parts))
            count_detections(self.active, tiles, found, self._tile_range.sure)
            self._add(frame, newcomers(self.active, found, frame, self._perception))
        self._confirm(self.lost, frame.index - 1)
        for track in self.active:
            if track.run == ESTABLISHED:
                others = [other for other in (*self.active, *self.lost) if other is not track]
                look_back(track, self._recent, self._perception, others)
                track_backward(track, self._recent, self._perception, others)
        self._recent.append(frame)
        self.boxes = self._worker.submit(self._perception.boxes, [track.seen for track in self.active])
        return self.boxes

    def _begin_shot(self, first: int) -> None:
        """A new shot began at frame `first`: every track ends before it, and the whole image is searched."""
        before, self.active, self.lost = [*self.active, *self.lost], [], []
        for track in (*before, *self.ended):
            if track.last_frame >= first:
                track.rows.cut(first - 1)
        self.ended = [track for track in self.ended if len(track.rows)]
        self._confirm(before, first - 1)
        for track in before:
            self._end(track, first)
        self._recent.forget(first)
        self._schedule.restart()
        self.boxes = self._worker.submit(self._perception.boxes, [])

    def state(self) -> dict[str, Any]:
        """Everything that later frames depend on except the recent frames, as plain values and arrays."""
        groups = {"active": self.active, "lost": self.lost, "ended": self.ended}
        return {
            "source": self._source,
            "count": self._count,
            "schedule": self._schedule.state(),
            **plain_tracks(groups),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a `state`. The earlier frames must have been given to `remember`."""
        groups = tracks_from(state)
        self.active, self.lost, self.ended = groups["active"], groups["lost"], groups["ended"]
        self._count = int(state["count"])
        self._schedule.restore(state["schedule"])
        self.boxes = self._worker.submit(self._perception.boxes, [track.seen for track in self.active])

    def remember(self, frame: Frame, cut: Cut | None = None) -> None:
        """A frame from before the state was saved, and the cut that became known with it."""
        if cut is not None:
            self._recent.forget(cut.first)
        self._recent.append(frame)

    def _scan(self, frame: Frame, boxes: Future[np.ndarray], steps: np.ndarray) -> tuple[np.ndarray, list[Circles]]:
        """The tiles (m, 3) that are due, and the people detected in each. Runs in the worker.

        boxes (n, 4): of the previous frame, also from the worker; steps (n, 2): predicted motion of the people.
        """
        tiles = self._schedule.due(frame.image, frame.time, boxes.result() + np.tile(steps, 2))
        return tiles, self._perception.detect(frame, tiles)

    def _follow(self, frame: Frame) -> None:
        """Find the tracked people again, each in the region predicted from the last frame."""
        found: list[Sighting] = []
        lost: list[Track] = []
        for track in self.active:
            sighting = self._observe(track, frame)
            if sighting is None:
                lost.append(track)
            else:
                found.append(sighting)
        lost += resolve_collapses(found, frame, self._perception)
        lost += reassign(found, self.lost, frame.time)
        for track in lost:
            give_up(track, frame, self._perception, misses=LOST_MISSES)
        self._recover(found, [*lost, *self.lost], frame)
        for entry in found:
            if not entry.crowded:  # where people overlap, a jump is the crowd's doing
                note_change(entry.track, entry.seen, frame.time)
            entry.track.add(frame.index, frame.time, entry.seen, crowded=entry.crowded)
        self.active = [entry.track for entry in found]
        for track in self.active:
            resolve_encounters(track, self.active, frame.time)
        self.lost = [track for track in [*self.lost, *lost] if track not in self.active]

    def _observe(self, track: Track, frame: Frame) -> Sighting | None:
        """The person in this frame, None if not seen where expected."""
        roi = track.next_roi(frame.time)
        view = whole = self._perception.view(frame, roi)
        crowd = near(self.active, roi, frame.time, besides=track)
        if crowd:
            others = [(other.seen, other.predict(frame.time) - other.centre) for other in crowd]
            view = hide_people(whole, others, own=track.seen)
        fresh = bool(crowd) and mask_is_fresh(track, crowd, frame.time)
        seen = self._perception.observe(view, mask=bool(crowd) and not fresh)
        if not self._gate.expected(seen, track.expected(frame.time)):
            return None
        if fresh:
            seen = with_mask_of(seen, track.seen, frame.time - track.time)
        met = crowd + hidden_near(track, self.lost, frame.time)
        if met:
            note_encounters(track, met, frame.index)
        elif track.known is None and frame.index % (2 if track.rivals else _APPEARANCE_EVERY) == 0:
            learn_appearance(track, self._perception.appearance(view, seen))
        return Sighting(track, seen, bool(met), whole, self._perception)

    def _recover(self, found: list[Sighting], lost: list[Track], frame: Frame) -> None:
        """Search for lost people where they are expected. Modifies `found`."""
        present = [entry.track for entry in found]
        missing = [track for track in lost if track not in present]
        for track in recoverable(missing, frame, self._gate):
            crowd = near(self.active, track.expected(frame.time), frame.time, besides=track)
            others = [entry.seen for entry in found if entry.track in crowd]
            hidden = bool(hidden_near(track, [other for other in missing if other is not track], frame.time))
            seen = recover(track, frame, self._perception, others, hidden=hidden)
            if seen is not None:
                view = self._perception.view(frame, seen.roi)
                found.append(Sighting(track, seen, bool(others), view, self._perception))

    def _check_changes(self, frame: Frame) -> None:
        """Search for somebody who suddenly changed; tracks that turn out to be on nobody are lost.

        Only that person is looked for: whoever else is in the tile has a turn in the search of the whole image.
        """
        tile = changed_tile(self.active, frame, self._gate)
        if len(tile):
            found = merge(concatenate(self._perception.detect(frame, tile)))
            changed = [track for track in self.active if track.known is not None]
            count_detections(changed, tile, found, self._tile_range.sure)
        gone = [track for track in self.active if give_up(track, frame, self._perception)]
        self.active = [track for track in self.active if track not in gone]
        self.lost += gone

    def _confirm(self, tracks: Sequence[Track], last: int) -> None:
        """Search once more for those last seen in the frame `last` who are not confirmed yet."""
        gone = [track for track in tracks if track.last_frame == last and not self._is_person(track, last + 1)]
        shown = self._recent.find(last) if gone else None
        if shown is not None:
            confirm(
                [each for each in gone if len(each.rows) >= self._options.min_track_frames], shown, self._perception
            )

    def _end_lost(self, frame: Frame) -> None:
        """End the tracks that were lost too long ago, and drop those that were not people."""
        limit = self._options.max_absence
        for track in [track for track in self.lost if frame.time - track.time > limit]:
            self.lost.remove(track)
            self._end(track, frame.index + 1)

    def _end(self, track: Track, num_frames: int) -> None:
        """Keep the track if it was a person. num_frames: of the clip so far."""
        track.rivals.clear()
        if len(track.rows) and self._is_person(track, num_frames):
            track.seen = dataclasses.replace(track.seen, mask=None)
            self.ended.append(track)

    def _is_person(self, track: Track, num_frames: int) -> bool:
        return is_person(track, num_frames, self._perception.size, self._options, self._perception.thresholds)

    def _add(self, frame: Frame, new: list[Newcomer]) -> None:
        """Assign each newcomer to the lost track that it continues, or to a new track."""
        if not new:
            return
        unsure, owners = link(new, self.active, self.lost, frame, self._perception)
        for track in unsure:
            track.rows.cut(frame.index - 1)
        self.active = [track for track in self.active if track not in unsure]
        for owner, (seen, appearance) in owners:
            if owner is None:
                self.active.append(Track(self._count, frame.index, frame.time, seen, appearance))
                self._count += 1
            else:
                owner.add(frame.index, frame.time, seen, crowded=bool(owner.rivals))
                self.active.append(owner)
        self.lost = [track for track in [*self.lost, *unsure] if track not in self.active]
