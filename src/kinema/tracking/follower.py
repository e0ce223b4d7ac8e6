"""Following people from frame to frame: the online part of tracking.

Each person's crop in the next frame comes from the landmarks in this one. The detector looks over the
whole picture at intervals for newcomers, and around the place where somebody was lost.
"""

from __future__ import annotations

import cv2
import numpy as np

from kinema.detection.blazepose import BlazePoseDetector, Detections, concatenate, merge
from kinema.detection.scanning import TileSchedule
from kinema.keypoints.blazepose import CROP, BlazePoseLandmarker, Landmarks, crop
from kinema.keypoints.roi import crop_matrix, roi_from_circle
from kinema.tracking.appearance import Appearance, look
from kinema.tracking.association import assign, continuity_cost, height, same_body
from kinema.tracking.options import TrackingOptions
from kinema.tracking.track import Track
from kinema.video import Frame

_LINK_LIMIT = 0.9  # continuity cost up to which a newcomer is somebody who was lost
_LOOK_EVERY = 5  # frames between two looks at a person's clothes
_MAX_JUMP = 0.45  # of the body's height: hips do not move further between frames that follow each other


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

    @property
    def tracks(self) -> list[Track]:
        """Every track so far, in the order of appearance."""
        return sorted((*self.active, *self.lost, *self.ended), key=lambda track: track.number)

    def step(self, frame: Frame) -> list[Track]:
        """Look at the next frame. Returns the tracks of the people who are in it."""
        self._follow(frame)
        self._retire(frame.time)
        tiles = [(tile, False) for tile in self._schedule.due(frame.time)]
        tiles += [(tile, True) for tile in self._search_tiles(frame)]
        if tiles:
            found = merge(
                concatenate(
                    [
                        self._detector(frame.image, tile, threshold=self._options.detection_threshold)
                        for tile, _ in tiles
                    ]
                )
            )
            self._count_support(np.array([tile for tile, _ in tiles]), found)
            self._welcome(frame, self._newcomers(frame, found))
        return self.active

    def _follow(self, frame: Frame) -> None:
        """Find the followed people again, each in the crop that the last frame's landmarks ask for."""
        found: list[tuple[Track, Landmarks, bool]] = []
        lost: list[Track] = []
        for track in self.active:
            roi = track.next_roi(frame.time)
            pixels = crop(frame.image, roi)
            crowd = self._neighbours(track, frame.time)
            if crowd:
                pixels = self._without(pixels, roi, track, crowd)
            seen = self._landmarker.run_crop(pixels, roi)
            if self._believable(track, seen, frame.time):
                found.append((track, seen, bool(crowd)))
                if not crowd and len(track.rows) % _LOOK_EVERY == 0:
                    track.appearance.update(look(pixels, seen))
            else:
                lost.append(track)
        lost += self._resolve_collapses(found, frame)
        for track, seen, crowded in found:
            track.add(frame.index, frame.time, seen, crowded=crowded)
        self.active = [track for track, _, _ in found]
        self.lost += lost

    def _believable(self, track: Track, seen: Landmarks, time: float) -> bool:
        """Whether the network saw a person, who is in the picture and may be the one that is followed."""
        if seen.score < self._options.landmark_threshold or not self._in_picture(seen):
            return False
        ratio = float(seen.next_roi[2]) / track.side
        if not 0.5 < ratio < 2.0:
            return False
        jump = np.hypot(*(seen.next_roi[:2] - track.predict(time))) / height(track.side)
        return bool(jump < _MAX_JUMP)

    def _in_picture(self, seen: Landmarks) -> bool:
        inside = np.all((seen.points >= 0) & (seen.points < self._size), axis=1)
        return np.count_nonzero(inside & (seen.visibility * seen.presence > 0.3)) >= 5

    def _neighbours(self, track: Track, time: float) -> list[Track]:
        """The other people who reach into the track's crop."""
        near = []
        for other in self.active:
            if other is track:
                continue
            gap = np.hypot(*(other.predict(time) - track.predict(time)))
            if gap < 0.6 * max(height(track.side), height(other.side)):
                near.append(other)
        return near

    def _without(self, pixels: np.ndarray, roi: np.ndarray, track: Track, crowd: list[Track]) -> np.ndarray:
        """The crop with the other people painted over, as far as their last outlines tell them apart."""
        own = _outline_in(track.seen, roi)
        blurred = cv2.resize(cv2.resize(pixels, (8, 8), interpolation=cv2.INTER_AREA), (CROP, CROP))
        for other in crowd:
            theirs = _outline_in(other.seen, roi)
            hide = (theirs > 0.0) & (theirs > own + 1.0)
            pixels = np.where(hide[..., None], blurred, pixels)
        return pixels

    def _resolve_collapses(self, found: list[tuple[Track, Landmarks, bool]], frame: Frame) -> list[Track]:
        """Two tracks on one person: the one that fits worse is lost. Removes it from `found`."""
        lost: list[Track] = []
        changed = True
        while changed:
            changed = False
            for i in range(len(found)):
                for j in range(i + 1, len(found)):
                    if not same_body(found[i][1], found[j][1]):
                        continue
                    loser = self._worse(found[i], found[j], frame)
                    lost.append(loser)
                    found[:] = [entry for entry in found if entry[0] is not loser]
                    changed = True
                    break
                if changed:
                    break
        return lost

    def _worse(self, a: tuple[Track, Landmarks, bool], b: tuple[Track, Landmarks, bool], frame: Frame) -> Track:
        costs = []
        for track, seen, _ in (a, b):
            clothes = look(crop(frame.image, seen.roi), seen)
            novice = 0.5 * np.exp(-len(track.rows) / 10.0)
            costs.append(continuity_cost(track, seen, clothes, frame.time) + novice)
        return a[0] if costs[0] > costs[1] else b[0]

    def _retire(self, time: float) -> None:
        """End the tracks that were lost too long ago."""
        limit = self._options.max_absence
        self.ended += [track for track in self.lost if time - track.time > limit]
        self.lost = [track for track in self.lost if time - track.time <= limit]

    def _search_tiles(self, frame: Frame) -> list[np.ndarray]:
        """Where the detector looks for people who were lost a moment ago."""
        tiles = []
        for track in sorted(self.lost, key=lambda track: -len(track.rows)):
            missing = frame.index - track.last_frame
            if len(track.rows) < 5 or (missing > 8 and missing % 4) or frame.time - track.time > 1.5:
                continue
            x, y = track.predict(frame.time)
            if not (0 <= x < self._size[0] and 0 <= y < self._size[1]):
                continue
            side = 1.3 * track.side
            tiles.append(np.array([x - side / 2, y - side / 2, side]))
        return tiles[:2]

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
            rough = self._landmarker(frame.image, roi)
            if rough.score < self._options.landmark_threshold:
                continue
            pixels = crop(frame.image, rough.next_roi)
            seen = self._landmarker.run_crop(pixels, rough.next_roi)
            if seen.score < self._options.landmark_threshold or not self._in_picture(seen):
                continue
            known = [track.seen for track in self.active] + [other for other, _ in new]
            if any(same_body(seen, other) for other in known):
                continue
            new.append((seen, look(pixels, seen)))
        return new

    def _welcome(self, frame: Frame, new: list[tuple[Landmarks, Appearance]]) -> None:
        """Give each newcomer to the lost track that it continues, or a track of their own."""
        cost = np.array(
            [[continuity_cost(track, seen, clothes, frame.time) for seen, clothes in new] for track in self.lost]
        ).reshape(len(self.lost), len(new))
        back = {column: self.lost[row] for row, column in assign(cost, limit=_LINK_LIMIT)}
        for i, (seen, clothes) in enumerate(new):
            track = back.get(i)
            if track is not None:
                track.add(frame.index, frame.time, seen, crowded=False)
                self.lost.remove(track)
            else:
                track = Track(self._count, frame.index, frame.time, seen, clothes)
                self._count += 1
            self.active.append(track)


def _outline_in(seen: Landmarks, roi: np.ndarray) -> np.ndarray:
    """The person's outline (256, 256), logits, as it falls into another crop; far below zero outside its own."""
    to_image = np.vstack([crop_matrix(roi, CROP), [0, 0, 1]])
    from_image = np.linalg.inv(np.vstack([crop_matrix(seen.roi, CROP), [0, 0, 1]]))
    return cv2.warpAffine(
        seen.mask,
        (from_image @ to_image)[:2],
        (CROP, CROP),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=-20.0,
    )
