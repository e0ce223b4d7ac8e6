"""Following people from frame to frame: the online part of tracking.

Each person's crop in the next frame comes from the landmarks in this one. The detector looks over the
whole picture at intervals for newcomers, and around the place where somebody was lost.
"""

from __future__ import annotations

import dataclasses
import itertools
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.detection.scanning import TileSchedule
from kinema.geometry.roi import roi_from_circle
from kinema.models.blazepose.detector import BlazePoseDetector, Detections, concatenate, merge
from kinema.models.blazepose.landmarks import BlazePoseLandmarker, Landmarks, crop
from kinema.tracking.appearance import Appearance, look
from kinema.tracking.association import assign, continuity_cost, same_body
from kinema.tracking.backward import LastFrames, look_back
from kinema.tracking.checkpoint import plain_tracks, tracks_from
from kinema.tracking.gate import Gate
from kinema.tracking.id_switches import look_afresh, meet, settle
from kinema.tracking.masks import shared_outline, with_outline_of, without
from kinema.tracking.options import TrackingOptions
from kinema.tracking.people import boxes_of, is_person
from kinema.tracking.prefetch import Lane
from kinema.tracking.recovery import SAME_CLOTHES, SHARED, doubt_tiles, search, search_tiles, worth_searching
from kinema.tracking.track import Track, height
from kinema.video import Frame

_LINK_LIMIT = 0.9  # continuity cost up to which a newcomer is somebody who was lost
_CROWD_LIMIT = 2.5  # the same where a track has been followed up to here
_HABIT = 0.15  # what another track must fit better than the one whose crop it was
_HIDDEN_SECONDS = 2.0  # for so long somebody who was lost may be behind somebody else
_LOOK_EVERY = 5  # frames between two looks at a person's clothes
_OUTLINE_SECONDS = 0.1  # so long an outline serves while people are not quite near
_APART = 0.9  # of the smaller person's height: distance of the hips beyond which they are not
_LARGEST_IN_TILE = 0.85  # radius of a person, as a part of the tile's side, that the detector is believed up to
_PROBATION = 5  # frames that a newcomer is followed before the look back


@dataclass(eq=False)
class _Found:
    """What this frame shows of a track. crowded: somebody else reaches into the crop. pixels: the crop, whole."""

    track: Track
    seen: Landmarks
    crowded: bool
    pixels: np.ndarray
    _clothes: Appearance | None = None

    @property
    def clothes(self) -> Appearance:
        """What the person wears; looked at once."""
        if self._clothes is None:
            self._clothes = look(self.pixels, self.seen)
        return self._clothes

    def instead(self, seen: Landmarks, pixels: np.ndarray) -> None:
        """The track shows something else in this frame."""
        self.seen, self.pixels, self._clothes = seen, pixels, None


class Follower:
    """Tracks of everyone in the frames that `step` was given, in order. boxes (n, 4): of the `active` ones."""

    def __init__(
        self,
        detector: BlazePoseDetector,
        landmarker: BlazePoseLandmarker,
        size: tuple[int, int],
        options: TrackingOptions,
        lane: Lane | None = None,
    ) -> None:
        """size: width and height of the frames. lane: where tiles are searched while people are followed."""
        self._detector = detector
        self._landmarker = landmarker
        self._size = size
        self._options = options
        self._lane = lane or Lane(own_thread=False)
        self._gate = Gate(size, options.landmark_threshold)
        self._schedule = TileSchedule(*size, interval=options.detection_interval, smallest=options.smallest_person)
        self.active: list[Track] = []
        self.lost: list[Track] = []
        self.ended: list[Track] = []
        self.boxes = self._lane.give(boxes_of, [], size)
        self._count = 0
        self._last = LastFrames()

    @property
    def tracks(self) -> list[Track]:
        """Every track so far, in the order of appearance."""
        return sorted((*self.active, *self.lost, *self.ended), key=lambda track: track.number)

    def step(self, frame: Frame) -> Future[np.ndarray]:
        """Look at the next frame. Returns the boxes (n, 4) of the people who are in it, those of `active`."""
        steps = np.array([track.predict(frame.time) - track.centre for track in self.active]).reshape(-1, 2)
        scan = self._lane.give(self._scan, frame, self.boxes, steps)
        self._follow(frame)
        self._retire(frame)
        more = np.concatenate([search_tiles(self.lost, frame, self._gate), doubt_tiles(self.active, frame, self._gate)])
        tiles, parts = scan.result()
        if len(more):
            tiles, parts = np.concatenate([tiles, more]), parts + self._detect(frame, more)
        if len(tiles):
            found = merge(concatenate(parts))
            self._count_support(tiles, found)
            self._welcome(frame, self._newcomers(frame, found))
        for track in self.active:
            if track.run == _PROBATION:
                others = [other for other in (*self.active, *self.lost) if other is not track]
                look_back(track, self._last, self._landmarker, self._gate, others)
        self._last.append(frame)
        self.boxes = self._lane.give(boxes_of, [track.seen for track in self.active], self._size)
        return self.boxes

    def state(self) -> dict[str, Any]:
        """Everything that later frames depend on but the last frames themselves: plain values and arrays."""
        groups = {"active": self.active, "lost": self.lost, "ended": self.ended}
        return {"count": self._count, "schedule": self._schedule.state(), **plain_tracks(groups)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`. The frames before must have been shown to `remember`."""
        groups = tracks_from(state)
        self.active, self.lost, self.ended = groups["active"], groups["lost"], groups["ended"]
        self._count = int(state["count"])
        self._schedule.restore(state["schedule"])
        self.boxes = self._lane.give(boxes_of, [track.seen for track in self.active], self._size)

    def remember(self, frame: Frame) -> None:
        """A frame that was followed before the state was kept."""
        self._last.append(frame)

    def _scan(self, frame: Frame, boxes: Future[np.ndarray], steps: np.ndarray) -> tuple[np.ndarray, list[Detections]]:
        """The tiles (m, 3) whose turn it is, and what the detector sees in each. In the lane.

        boxes (n, 4) of the frame before, made in the lane, too; steps (n, 2): how far the people should be from there.
        """
        tiles = self._schedule.due(frame.image, frame.time, boxes.result() + np.tile(steps, 2))
        return tiles, self._detect(frame, tiles)

    def _detect(self, frame: Frame, tiles: np.ndarray) -> list[Detections]:
        """What the detector sees in each tile, without whom a larger tile shows better.

        In somebody who reaches far over a tile it finds a second, smaller body.
        """
        parts = []
        for tile in tiles:
            found = self._detector(frame.image, tile, threshold=self._options.detection_threshold)
            whole = tile[2] >= max(self._size)
            parts.append(found if whole else found.select(found.radii < _LARGEST_IN_TILE * tile[2]))
        return parts

    def _follow(self, frame: Frame) -> None:
        """Find the followed people again, each in the crop that the last frame's landmarks ask for."""
        found: list[_Found] = []
        lost: list[Track] = []
        for track in self.active:
            roi = track.next_roi(frame.time)
            pixels = whole = crop(frame.image, roi)
            crowd = self._near(roi, frame.time, besides=track)
            if crowd:
                others = [(other.seen, other.predict(frame.time) - other.centre) for other in crowd]
                pixels = without(whole, roi, others, own=track.seen)
            draw = bool(crowd) and not self._outline_lasts(track, crowd, frame.time)
            seen = self._landmarker.run_crop(pixels, roi, outline=draw)
            if not self._gate.expected(seen, track.expected(frame.time)):
                lost.append(track)
                continue
            if crowd and not draw:
                seen = with_outline_of(seen, track.seen, frame.time - track.time)
            met = crowd + self._hidden_near(track, frame.time)
            if met:
                meet(track, met, frame.index)
            elif frame.index % (2 if track.rivals else _LOOK_EVERY) == 0:
                look_afresh(track, look(pixels, seen))
            found.append(_Found(track, seen, bool(met), whole))
        lost += self._resolve_collapses(found, frame)
        lost += self._reassign(found, frame)
        present = [entry.track for entry in found]
        missing = [track for track in (*lost, *self.lost) if track not in present]
        for track in worth_searching(missing, frame, self._gate):
            crowd = self._near(track.expected(frame.time), frame.time, besides=track)
            near = [entry.seen for entry in found if entry.track in crowd]
            again = search(track, frame, self._landmarker, self._gate, near)
            if again is not None:
                found.append(_Found(track, again, bool(near), crop(frame.image, again.roi)))
        for entry in found:
            entry.track.add(frame.index, frame.time, entry.seen, crowded=entry.crowded)
        self.active = [entry.track for entry in found]
        for track in self.active:
            settle(track, self.active, frame.time)
        self.lost = [track for track in [*self.lost, *lost] if track not in self.active]

    def _outline_lasts(self, track: Track, crowd: list[Track], time: float) -> bool:
        """Whether the person's last outline still does: it is fresh, and nobody is so near that more is asked of it."""
        if track.seen.mask is None or track.seen.mask_age + time - track.time > _OUTLINE_SECONDS:
            return False
        return all(
            np.hypot(*(other.predict(time) - track.predict(time))) > _APART * height(min(other.side, track.side))
            for other in crowd
        )

    def _hidden_near(self, track: Track, time: float) -> list[Track]:
        """The people lost so near, so recently, that they may come out from behind this one."""
        return [
            other
            for other in self.lost
            if len(other.rows) >= _PROBATION
            and time - other.time < _HIDDEN_SECONDS
            and np.hypot(*(other.predict(time) - track.predict(time))) < height(max(track.side, other.side))
        ]

    def _reassign(self, found: list[_Found], frame: Frame) -> list[Track]:
        """Where people meet, give what was seen to the tracks that it continues best, lost ones included.

        A crop in which two people overlap may show either of them: place, size and clothes decide together,
        for all of them at once. Changes `found`; returns the tracks that got nothing.
        """
        crowd = [entry for entry in found if entry.crowded]
        hidden = [t for t in self.lost if len(t.rows) >= _PROBATION and frame.time - t.time < _HIDDEN_SECONDS]
        if not crowd or len(crowd) + len(hidden) < 2:
            return []
        tracks = [entry.track for entry in crowd] + hidden
        cost = np.array(
            [[continuity_cost(track, entry.seen, entry.clothes, frame.time) for entry in crowd] for track in tracks]
        )
        cost[np.arange(len(crowd)), np.arange(len(crowd))] -= _HABIT
        cost[len(crowd) :][cost[len(crowd) :] > _LINK_LIMIT] = np.inf
        pairs = dict(assign(cost, limit=_CROWD_LIMIT))
        owners = {column: row for row, column in pairs.items()}
        for column, entry in enumerate(crowd):
            if column in owners:
                entry.track = tracks[owners[column]]
            else:
                found.remove(entry)
        return [track for row, track in enumerate(tracks[: len(crowd)]) if row not in pairs]

    def _near(self, roi: np.ndarray, time: float, *, besides: Track | None = None) -> list[Track]:
        """The people who reach into a crop."""
        near = []
        for other in self.active:
            gap = np.hypot(*(other.predict(time) - roi[:2]))
            if other is not besides and gap < 0.6 * max(height(roi[2]), height(other.side)):
                near.append(other)
        return near

    def _resolve_collapses(self, found: list[_Found], frame: Frame) -> list[Track]:
        """Two tracks on one person: the one that fits worse looks again without that person, or is lost.

        Changes `found`; returns the lost tracks.
        """
        lost: list[Track] = []
        for first, second in itertools.combinations(list(found), 2):
            if first not in found or second not in found or not same_body(first.seen, second.seen):
                continue
            winner, loser = self._ranked(first, second, frame)
            roi = loser.track.expected(frame.time)
            whole = crop(frame.image, roi)
            pixels = without(whole, roi, [(winner.seen, np.zeros(2))])
            seen = self._landmarker.run_crop(pixels, roi, outline=True)
            others = [other.seen for other in found if other is not loser]
            apart = self._gate.expected(seen, roi) and not any(
                same_body(seen, other) or shared_outline(seen, other) > SHARED for other in others
            )
            if apart and loser.track.appearance.distance(look(pixels, seen)) < SAME_CLOTHES:
                loser.instead(seen, whole)
            else:
                found.remove(loser)
                lost.append(loser.track)
        return lost

    def _ranked(self, a: _Found, b: _Found, frame: Frame) -> tuple[_Found, _Found]:
        """The two tracks, the one that better continues as what lies on their common person first."""
        costs = []
        for entry in (a, b):
            novice = 0.5 * np.exp(-len(entry.track.rows) / 10.0)
            costs.append(continuity_cost(entry.track, entry.seen, entry.clothes, frame.time) + novice)
        return (a, b) if costs[0] <= costs[1] else (b, a)

    def _retire(self, frame: Frame) -> None:
        """End the tracks that were lost too long ago; what was no person is forgotten."""
        limit = self._options.max_absence
        for track in [track for track in self.lost if frame.time - track.time > limit]:
            self.lost.remove(track)
            track.rivals.clear()
            if is_person(track, frame.index + 1, self._size, self._options):
                track.seen = dataclasses.replace(track.seen, mask=None)
                self.ended.append(track)

    def _count_support(self, tiles: np.ndarray, found: Detections) -> None:
        """Note for each track whether the detector sees the person where it should."""
        for track in self.active:
            x, y = track.centre
            radius = track.side / 2.5
            part = radius / tiles[:, 2]
            reach = 0.8 * radius
            covers = (part > 0.18) & (part < 0.42)
            covers &= (x - reach > tiles[:, 0]) & (x + reach < tiles[:, 0] + tiles[:, 2])
            covers &= (y - radius > tiles[:, 1]) & (y + radius < tiles[:, 1] + tiles[:, 2])
            hit = len(found) > 0 and bool(np.any(np.hypot(*(found.hips - track.centre).T) < 0.4 * radius))
            track.looks += bool(covers.any()) or hit
            track.hits += hit

    def _newcomers(self, frame: Frame, found: Detections) -> list[tuple[Landmarks, Appearance]]:
        """Landmarks of the detected people whom no track follows."""
        new: list[tuple[Landmarks, Appearance]] = []
        for hip, radius, roi in zip(found.hips, found.radii, roi_from_circle(found.hips, found.rims), strict=True):
            if any(
                np.hypot(*(track.centre - hip)) < 0.35 * min(radius, track.side / 2.5)
                and 0.5 < track.side / roi[2] < 2.0
                for track in self.active
            ):
                continue
            near = self._near(roi, frame.time)
            for track in near:
                if track.seen.mask is None:
                    outlined = self._landmarker(frame.image, track.seen.roi, outline=True)
                    track.seen = dataclasses.replace(track.seen, mask=outlined.mask)
            known = [track.seen for track in near] + [other for other, _ in new]
            others = [(other, np.zeros(2)) for other in known]
            rough = self._landmarker.run_crop(without(crop(frame.image, roi), roi, others), roi)
            if rough.score < self._options.landmark_threshold:
                continue
            pixels = without(crop(frame.image, rough.next_roi), rough.next_roi, others)
            seen = self._landmarker.run_crop(pixels, rough.next_roi, outline=bool(known))
            if not self._gate.person(seen) or any(same_body(seen, other) for other in known):
                continue
            new.append((seen, look(pixels, seen)))
        return new

    def _welcome(self, frame: Frame, new: list[tuple[Landmarks, Appearance]]) -> None:
        """Give each newcomer to the lost track that it continues, or a track of their own.

        Who followed somebody else out of a crowd may be the one who comes out of it now: people who have
        met others take part, with what they were just given.
        """
        if not new:
            return
        unsure = [
            track
            for track in self.active
            if track.rivals
            and any(np.hypot(*(track.centre - seen.next_roi[:2])) < height(track.side) for seen, _ in new)
        ]
        sights = new + [(track.seen, look(crop(frame.image, track.seen.roi), track.seen)) for track in unsure]
        tracks = [*self.lost, *unsure]
        lost = len(self.lost)
        cost = np.array(
            [[continuity_cost(track, seen, clothes, frame.time) for seen, clothes in sights] for track in tracks]
        ).reshape(len(tracks), len(sights))
        for i in range(len(unsure)):
            cost[lost + i, len(new) + i] -= _HABIT
        cost[:lost][cost[:lost] > _LINK_LIMIT] = np.inf
        owners = {column: tracks[row] for row, column in assign(cost, limit=_CROWD_LIMIT)}
        if all(owners.get(len(new) + i) is track for i, track in enumerate(unsure)):
            unsure, sights = [], new  # everybody keeps what they had
        for track in unsure:
            track.rows.cut(frame.index - 1)
        self.active = [track for track in self.active if track not in unsure]
        for column, (seen, clothes) in enumerate(sights):
            owner = owners.get(column)
            if owner is None:
                track = Track(self._count, frame.index, frame.time, seen, clothes)
                self._count += 1
            else:
                track = owner
                track.add(frame.index, frame.time, seen, crowded=bool(track.rivals))
            self.active.append(track)
        self.lost = [track for track in [*self.lost, *unsure] if track not in self.active]
