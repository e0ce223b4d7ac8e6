"""Following people from frame to frame: the online part of tracking.

Each person's crop in the next frame comes from the landmarks in this one. The detector looks over the
whole picture at intervals for newcomers, and around the place where somebody was lost.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from kinema.detection.blazepose import BlazePoseDetector, Detections, concatenate, merge
from kinema.detection.scanning import TileSchedule
from kinema.keypoints.blazepose import CROP, BlazePoseLandmarker, Landmarks, crop
from kinema.keypoints.roi import roi_from_circle
from kinema.tracking.appearance import Appearance, look
from kinema.tracking.association import (
    assign,
    continuity_cost,
    hip_distance,
    outline_in,
    pose_distance,
    same_body,
    shared_outline,
)
from kinema.tracking.identity import look_afresh, meet, settle
from kinema.tracking.options import TrackingOptions
from kinema.tracking.people import boxes_of
from kinema.tracking.track import Track, height, moved
from kinema.video import Frame

_LINK_LIMIT = 0.9  # continuity cost up to which a newcomer is somebody who was lost
_CROWD_LIMIT = 2.5  # the same where a track has been followed up to here
_HABIT = 0.15  # what another track must fit better than the one whose crop it was
_HIDDEN_SECONDS = 2.0  # for so long somebody who was lost may be behind somebody else
_LOOK_EVERY = 5  # frames between two looks at a person's clothes
_MAX_JUMP = 0.45  # of the body's height: hips do not move further between frames that follow each other
_MOST_SEARCHES = 2  # people lost a moment ago who are searched for in a frame
_SEARCH_SECONDS = 1.0
_ESTABLISHED = 10  # frames that somebody must have been followed to be searched for where they were lost
_TURNS = ((0.0, 1.0), (0.5, 1.0), (-0.5, 1.0), (0.0, 1.25), (1.5, 1.0), (-1.5, 1.0))  # radians, scale of the crop
_SMALL_TURNS = 4  # of them for somebody who was upright
_SURE_SCORE = 0.7  # of a person found in such a crop
_SAME_CLOTHES = 0.45
_SHARED = 0.2  # of an outline with somebody else's, from which a find is not believed
_UPRIGHT = 0.7  # radians: the detector finds people who lean less
_MEMORY_BYTES = 100_000_000  # of frames kept to look back at where a newcomer came from
_MEMORY_SECONDS = 1.5
_SURE_VISIBILITY = 0.7  # a newcomer less visible than this is not worth the look back
_PROBATION = 5  # frames that a newcomer is followed before the look back


@dataclass(eq=False)
class _Found:
    """What this frame shows of a track. crowded: somebody else reaches into the crop."""

    track: Track
    seen: Landmarks
    crowded: bool


class Follower:
    """Tracks of everyone in the frames that `step` was given, in order."""

    def __init__(
        self,
        detector: BlazePoseDetector,
        landmarker: BlazePoseLandmarker,
        size: tuple[int, int],
        options: TrackingOptions,
    ) -> None:
        self._detector = detector
        self._landmarker = landmarker
        self._size = size
        self._options = options
        self._schedule = TileSchedule(*size, interval=options.detection_interval, smallest=options.smallest_person)
        self.active: list[Track] = []
        self.lost: list[Track] = []
        self.ended: list[Track] = []
        self._count = 0
        self._recent: deque[Frame] = deque()

    @property
    def tracks(self) -> list[Track]:
        """Every track so far, in the order of appearance."""
        return sorted((*self.active, *self.lost, *self.ended), key=lambda track: track.number)

    def step(self, frame: Frame) -> list[Track]:
        """Look at the next frame. Returns the tracks of the people who are in it."""
        self._follow(frame)
        self._retire(frame.time)
        boxes = boxes_of(self.active, self._size)
        tiles = np.concatenate([self._schedule.due(frame.image, frame.time, boxes), self._search_tiles(frame)])
        if len(tiles):
            threshold = self._options.detection_threshold
            found = merge(concatenate([self._detector(frame.image, tile, threshold=threshold) for tile in tiles]))
            self._count_support(tiles, found)
            self._welcome(frame, self._newcomers(frame, found))
        for track in self.active:
            if track.run == _PROBATION:
                self._look_back(track)
        self._remember(frame)
        return self.active

    def _remember(self, frame: Frame) -> None:
        self._recent.append(frame)
        while len(self._recent) > 1 and (
            len(self._recent) * frame.image.nbytes > _MEMORY_BYTES
            or frame.time - self._recent[0].time > _MEMORY_SECONDS
        ):
            self._recent.popleft()

    def _look_back(self, track: Track) -> None:
        """Follow a newcomer backwards, from where the detector noticed them to where they came into view."""
        rows = track.rows.array()
        start = len(rows) - track.run
        before = int(rows["frame"][start - 1]) if start else -1
        known = {int(frame): i for i, frame in enumerate(rows["frame"][start:], start)}
        frames = [frame for frame in self._recent if frame.index > before]
        if not frames or rows["visibility"][start:].mean() < _SURE_VISIBILITY:
            return
        roi = rows["roi"][start].astype(np.float64)
        times = {frame.index: frame.time for frame in frames}
        later = known.get(max(times, default=-1))
        drift = np.zeros(2)
        time = times.get(int(rows["frame"][start]), track.time)
        if later is not None and later > start:
            drift = (rows["roi"][later] - rows["roi"][start])[:2] / (times[int(rows["frame"][later])] - time)
        found = []
        for frame in reversed(frames):
            if frame.index >= rows["frame"][start]:
                continue
            guess = moved(roi, -drift * (time - frame.time))
            seen = self._landmarker(frame.image, guess)
            if not self._believable(seen, guess) or self._taken(frame.index, seen, track):
                break
            drift = 0.6 * drift + 0.4 * (roi - seen.next_roi)[:2] / max(time - frame.time, 1e-6)
            roi, time = seen.next_roi, frame.time
            found.append((frame.index, seen))
        track.rows.insert(start, found[::-1])

    def _taken(self, frame: int, seen: Landmarks, track: Track) -> bool:
        """Whether another track has this person in that frame."""
        for other in self.tracks:
            past = None if other is track else other.rows.pose(frame)
            if past is not None and hip_distance(seen, past) < 0.5 and pose_distance(seen, past) < 0.13:
                return True
        return False

    def _follow(self, frame: Frame) -> None:
        """Find the followed people again, each in the crop that the last frame's landmarks ask for."""
        found: list[_Found] = []
        lost: list[Track] = []
        for track in self.active:
            roi = track.next_roi(frame.time)
            pixels = crop(frame.image, roi)
            crowd = self._near(roi, frame.time, besides=track)
            if crowd:
                others = [(other.seen, other.predict(frame.time) - other.centre) for other in crowd]
                pixels = without(pixels, roi, others, own=track.seen)
            seen = self._landmarker.run_crop(pixels, roi, outline=bool(crowd))
            if not self._believable(seen, track.expected(frame.time)):
                lost.append(track)
                continue
            met = crowd + self._hidden_near(track, frame.time)
            if met:
                meet(track, met, frame.index)
            elif frame.index % (2 if track.rivals else _LOOK_EVERY) == 0:
                look_afresh(track, look(pixels, seen))
            found.append(_Found(track, seen, bool(met)))
        lost += self._resolve_collapses(found, frame)
        lost += self._reassign(found, frame)
        self._search(found, lost, frame)
        for entry in found:
            entry.track.add(frame.index, frame.time, entry.seen, crowded=entry.crowded)
        self.active = [entry.track for entry in found]
        for track in self.active:
            settle(track, self.active, frame.time)
        self.lost = [track for track in [*self.lost, *lost] if track not in self.active]

    def _search(self, found: list[_Found], lost: list[Track], frame: Frame) -> None:
        """Look for people who were lost a moment ago where they should be, in turned and wider crops.

        Somebody who falls or turns over leaves the upright crop within a frame or two, and the detector
        hardly knows such poses. What is found must wear the same clothes. Adds to `found`.
        """
        present = {id(entry.track) for entry in found}
        wanted = [
            track
            for track in (*lost, *self.lost)
            if id(track) not in present
            and len(track.rows) >= _ESTABLISHED
            and frame.time - track.time < _SEARCH_SECONDS
            and self._inside(track, frame)
        ]
        for track in sorted(wanted, key=lambda track: -len(track.rows))[:_MOST_SEARCHES]:
            missing = frame.index - track.last_frame
            expected = track.expected(frame.time)
            upright = abs(expected[3]) < _UPRIGHT
            turns = _TURNS[:_SMALL_TURNS] if upright else _TURNS
            crops = turns[1:] if missing <= 1 else [turns[(2 * missing + i) % len(turns)] for i in range(2)]
            taken = [entry.seen for entry in found if entry.track in self._near(expected, frame.time, besides=track)]
            if upright and (taken or track.rivals):
                continue  # rather hidden than turned over
            best, strangeness = None, _SAME_CLOTHES
            for turn, scale in crops:
                roi = expected * [1.0, 1.0, scale, 1.0] + [0.0, 0.0, 0.0, turn]
                pixels = without(crop(frame.image, roi), roi, [(other, np.zeros(2)) for other in taken])
                seen = self._landmarker.run_crop(pixels, roi, outline=bool(taken))
                if seen.score < _SURE_SCORE or not self._believable(seen, expected):
                    continue
                strange = track.appearance.distance(look(pixels, seen))
                if strange < strangeness and not any(shared_outline(seen, other) > _SHARED for other in taken):
                    best, strangeness = seen, strange
            if best is not None:
                found.append(_Found(track, best, bool(taken)))

    def _inside(self, track: Track, frame: Frame) -> bool:
        """Whether the track should be in the picture."""
        x, y = track.predict(frame.time)
        return bool(0 <= x < self._size[0] and 0 <= y < self._size[1])

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
        clothes = [look(crop(frame.image, entry.seen.roi), entry.seen) for entry in crowd]
        cost = np.array(
            [
                [
                    continuity_cost(track, entry.seen, worn, frame.time)
                    for entry, worn in zip(crowd, clothes, strict=True)
                ]
                for track in tracks
            ]
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

    def _believable(self, seen: Landmarks, expected: np.ndarray) -> bool:
        """Whether the network saw a person, who is in the picture and may be the one expected in that ROI (4,)."""
        if seen.score < self._options.landmark_threshold or not self._in_picture(seen):
            return False
        if not 0.5 < seen.next_roi[2] / expected[2] < 2.0:
            return False
        jump = np.hypot(*(seen.next_roi - expected)[:2]) / height(expected[2])
        return bool(jump < _MAX_JUMP)

    def _in_picture(self, seen: Landmarks) -> bool:
        inside = np.all((seen.points >= 0) & (seen.points < self._size), axis=1)
        return np.count_nonzero(inside & (seen.visibility * seen.presence > 0.3)) >= 5

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
            pixels = without(crop(frame.image, roi), roi, [(winner.seen, np.zeros(2))])
            seen = self._landmarker.run_crop(pixels, roi, outline=True)
            others = [other.seen for other in found if other is not loser]
            apart = self._believable(seen, roi) and not any(
                same_body(seen, other) or shared_outline(seen, other) > _SHARED for other in others
            )
            if apart and loser.track.appearance.distance(look(pixels, seen)) < _SAME_CLOTHES:
                loser.seen = seen
            else:
                found.remove(loser)
                lost.append(loser.track)
        return lost

    def _ranked(self, a: _Found, b: _Found, frame: Frame) -> tuple[_Found, _Found]:
        """The two tracks, the one that better continues as what lies on their common person first."""
        costs = []
        for entry in (a, b):
            clothes = look(crop(frame.image, entry.seen.roi), entry.seen)
            novice = 0.5 * np.exp(-len(entry.track.rows) / 10.0)
            costs.append(continuity_cost(entry.track, entry.seen, clothes, frame.time) + novice)
        return (a, b) if costs[0] <= costs[1] else (b, a)

    def _retire(self, time: float) -> None:
        """End the tracks that were lost too long ago."""
        limit = self._options.max_absence
        self.ended += [track for track in self.lost if time - track.time > limit]
        self.lost = [track for track in self.lost if time - track.time <= limit]

    def _search_tiles(self, frame: Frame) -> np.ndarray:
        """Where the detector looks for people who were lost a moment ago."""
        tiles = []
        for track in sorted(self.lost, key=lambda track: -len(track.rows)):
            missing = frame.index - track.last_frame
            if len(track.rows) < 5 or (missing > 8 and missing % 4) or frame.time - track.time > 1.5:
                continue
            if not self._inside(track, frame):
                continue
            x, y = track.predict(frame.time)
            side = 1.3 * track.side
            tiles.append(np.array([x - side / 2, y - side / 2, side]))
        return np.array(tiles[:_MOST_SEARCHES]).reshape(-1, 3)

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
            seen = self._landmarker.run_crop(pixels, rough.next_roi, outline=True)
            if seen.score < self._options.landmark_threshold or not self._in_picture(seen):
                continue
            if any(same_body(seen, other) for other in known):
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


def without(
    pixels: np.ndarray, roi: np.ndarray, people: list[tuple[Landmarks, np.ndarray]], own: Landmarks | None = None
) -> np.ndarray:
    """A crop (256, 256, 3) with other people painted over, so that the network does not turn to them.

    roi (4,) of the crop; people: their landmarks and how far they have moved since, (2,) pixels; own: what
    was last seen of the crop's own person, who is left as is.
    """
    mine = -1.0 if own is None else np.maximum(outline_in(own, roi), -1.0)
    blurred = None
    for seen, step in people:
        shifted = np.array([*(roi[:2] - step), *roi[2:]])
        theirs = outline_in(seen, shifted)
        hide = theirs > mine + 1.0
        if not hide.any():
            continue
        if blurred is None:
            blurred = cv2.resize(cv2.resize(pixels, (8, 8), interpolation=cv2.INTER_AREA), (CROP, CROP))
        pixels = np.where(hide[..., None], blurred, pixels)
    return pixels
