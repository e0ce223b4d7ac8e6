"""Newly detected people: observed, and assigned to the lost track that they continue or to a new one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from kinema.geometry.circles import Circles
from kinema.geometry.roi import roi_from_circle
from kinema.keypoints.source import REGION_PER_HEIGHT, Observation
from kinema.tracking.appearance import Appearance
from kinema.tracking.association import assign, continuity_cost, has_double, stranger
from kinema.tracking.crowds import CROWD_LIMIT, LINK_LIMIT, SWITCH_MARGIN, near
from kinema.tracking.masks import hide_people
from kinema.tracking.perception import Perception
from kinema.tracking.shadows import is_shadow
from kinema.tracking.tilts import upright
from kinema.tracking.track import Track, height
from kinema.video import Frame

Newcomer = tuple[Observation, Appearance]

_HIT = 0.4  # of the circle's radius: a detection with the hips this near is of the person


def radius_of(track: Track) -> float:
    """Pixels: the expected radius of the detector's circle around the person."""
    return track.side / (2.0 * REGION_PER_HEIGHT)


def count_detections(active: Sequence[Track], tiles: np.ndarray, found: Circles, sure: tuple[float, float]) -> None:
    """Count for each track whether the detector found the person where it should have.

    tiles (n, 3) that were searched; sure: radii, as fractions of the tile, at which the detector misses nobody.
    """
    for track in active:
        x, y = track.centre
        radius = radius_of(track)
        part = radius / tiles[:, 2]
        reach = 0.8 * radius
        covers = (part > sure[0]) & (part < sure[1])
        covers &= (x - reach > tiles[:, 0]) & (x + reach < tiles[:, 0] + tiles[:, 2])
        covers &= (y - radius > tiles[:, 1]) & (y + radius < tiles[:, 1] + tiles[:, 2])
        hit = is_among(track, found)
        if hit or bool(covers.any()):
            track.looked_for(found=hit)


def is_among(track: Track, found: Circles) -> bool:
    """Whether the detector found the track's person."""
    return len(found) > 0 and bool(np.any(np.hypot(*(found.hips - track.centre).T) < _HIT * radius_of(track)))


def newcomers(active: Sequence[Track], found: Circles, frame: Frame, perception: Perception) -> list[Newcomer]:
    """Observations of the detected people who are not tracked yet."""
    new: list[Newcomer] = []
    for hip, radius, roi in zip(found.hips, found.radii, roi_from_circle(found.hips, found.rims), strict=True):
        if any(
            np.hypot(*(track.centre - hip)) < 0.35 * min(radius, radius_of(track)) and 0.5 < track.side / roi[2] < 2.0
            for track in active
        ):
            continue
        crowd = near(active, roi, frame.time)
        for track in crowd:
            if track.seen.mask is None:
                track.seen = _masked(track.seen, frame, perception)
        for place, (other, appearance) in enumerate(new):
            if other.mask is None and _overlap(other.next_roi, roi):
                new[place] = (_masked(other, frame, perception), appearance)
        known = [track.seen for track in crowd] + [other for other, _ in new]
        others = [(other, np.zeros(2)) for other in known]
        rough = perception.observe(hide_people(perception.view(frame, roi), others))
        if rough.score < perception.options.landmark_threshold:
            continue
        view = hide_people(perception.view(frame, rough.next_roi), others)
        seen = perception.observe(view, mask=bool(known))
        if not perception.gate.person(seen):
            continue
        seen, view = upright(seen, view, perception, known)
        if any(perception.same_body(seen, other) for other in known):
            continue
        if any(is_shadow(seen, track.seen, perception.parts) for track in active):
            continue
        new.append((seen, perception.appearance(view, seen)))
    new = [each for each in new if not any(is_shadow(each[0], other, perception.parts) for other, _ in new)]
    return [_without(place, new, active, frame, perception) for place in range(len(new))]


def _without(
    place: int, new: list[Newcomer], active: Sequence[Track], frame: Frame, perception: Perception
) -> Newcomer:
    """A newcomer as seen once those who were found later, and may touch, are hidden from view."""
    seen, appearance = new[place]
    roi = seen.next_roi
    later = any(_overlap(other.next_roi, roi) for other, _ in new[place + 1 :])
    if not later or not perception.estimator.gives_masks:
        return seen, appearance
    others = [track.seen for track in near(active, roi, frame.time)]
    others += [other for other, _ in new[:place] + new[place + 1 :] if _overlap(other.next_roi, roi)]
    view = hide_people(perception.view(frame, roi), [(other, np.zeros(2)) for other in others], own=seen)
    again = perception.observe(view, mask=True)
    if not perception.gate.expected(again, roi) or any(perception.same_body(again, other) for other in others):
        return seen, appearance
    return again, perception.appearance(view, again)


def _masked(seen: Observation, frame: Frame, perception: Perception) -> Observation:
    """The observation with the person's mask, if the source has masks."""
    if not perception.estimator.gives_masks:
        return seen
    return dataclasses.replace(seen, mask=perception.observe(perception.view(frame, seen.roi), mask=True).mask)


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two people whose regions (4,) these are may touch."""
    return bool(np.hypot(*(one[:2] - other[:2])) < 0.6 * max(height(one[2]), height(other[2])))


def link(
    new: list[Newcomer], active: list[Track], lost: list[Track], frame: Frame, perception: Perception
) -> tuple[list[Track], list[tuple[Track | None, Newcomer]]]:
    """The track that each newcomer continues: (tracks whose assignment changes, [(track or None, newcomer)]).

    A track that left a crowd on the wrong person may belong to the one who leaves it now: tracks with encounters
    take part, with their current observation, and appear in both lists if anything changes.
    """
    unsure = [
        track
        for track in active
        if track.rivals and any(np.hypot(*(track.centre - seen.next_roi[:2])) < height(track.side) for seen, _ in new)
    ]
    kept = [(t.seen, perception.appearance(perception.view(frame, t.seen.roi), t.seen)) for t in unsure]
    sightings = new + kept
    tracks = [*lost, *unsure]
    # Of two hidden people in the same clothes, the way they went tells who comes out where.
    walks_on = [track in lost and has_double(track, lost, frame.time) for track in tracks]
    cost = np.array(
        [
            [continuity_cost(track, seen, appearance, frame.time, walks_on=on) for seen, appearance in sightings]
            for track, on in zip(tracks, walks_on, strict=True)
        ]
    ).reshape(len(tracks), len(sightings))
    for i in range(len(unsure)):
        cost[len(lost) + i, len(new) + i] -= SWITCH_MARGIN
    cost[: len(lost)][cost[: len(lost)] > LINK_LIMIT] = np.inf
    strangers = [[stranger(track, *sighting, frame.time) for sighting in sightings] for track in lost]
    cost[: len(lost)][np.array(strangers, dtype=bool).reshape(len(lost), len(sightings))] = np.inf
    # A newcomer may be new, and who is lost may stay away: people who are followed do not move up for the sake of a
    # pair for everybody.
    spare, absent = (np.repeat([LINK_LIMIT / 2, CROWD_LIMIT / 2], [some, len(kept)]) for some in (len(new), len(lost)))
    pairs = assign(cost, limit=CROWD_LIMIT, spare=spare, absent=absent)
    owners = {column: tracks[row] for row, column in pairs}
    if all(owners.get(len(new) + i) is track for i, track in enumerate(unsure)):
        unsure, sightings = [], new  # nothing changes
    return unsure, [(owners.get(column), sighting) for column, sighting in enumerate(sightings)]
