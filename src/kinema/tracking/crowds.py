"""Overlapping people: neighbours, assignment of observations to tracks, and two tracks on one person."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.keypoints.source import Observation, View
from kinema.tracking.appearance import Appearance
from kinema.tracking.association import ESTABLISHED, assign, continuity_cost
from kinema.tracking.masks import hide_people, mask_overlap
from kinema.tracking.perception import Perception
from kinema.tracking.recovery import MAX_OVERLAP, SAME_APPEARANCE
from kinema.tracking.track import Track, height
from kinema.video import Frame

LINK_LIMIT = 0.9
"""Continuity cost up to which an observation continues a lost track."""

CROWD_LIMIT = 2.5
"""Continuity cost up to which an observation continues an active track."""

SWITCH_MARGIN = 0.15
"""How much better another track must match than the track whose region it was."""

_HIDDEN_SECONDS = 2.0  # for which a lost person may be hidden behind another
_MASK_SECONDS = 0.1  # for which a mask is reused while people are near but do not touch
_TOUCHING = 0.9  # distance of the hips up to which people may touch, as a fraction of the smaller one's height


@dataclass(eq=False)
class Sighting:
    """A track's observation in one frame. crowded: another person is near. view: with nobody masked out."""

    track: Track
    seen: Observation
    crowded: bool
    view: View
    perception: Perception
    _appearance: Appearance | None = None

    @property
    def appearance(self) -> Appearance:
        """The person's appearance; computed once."""
        if self._appearance is None:
            self._appearance = self.perception.appearance(self.view, self.seen)
        return self._appearance

    def replace(self, seen: Observation, view: View) -> None:
        """Replace the observation in this frame."""
        self.seen, self.view, self._appearance = seen, view, None


def near(tracks: Sequence[Track], roi: np.ndarray, time: float, *, besides: Track | None = None) -> list[Track]:
    """The tracks that reach into a region (4,) at `time`."""
    found = []
    for other in tracks:
        gap = np.hypot(*(other.predict(time) - roi[:2]))
        if other is not besides and gap < 0.6 * max(height(roi[2]), height(other.side)):
            found.append(other)
    return found


def hidden(lost: Sequence[Track], time: float) -> list[Track]:
    """The lost people who may still be hidden behind another person."""
    return [t for t in lost if len(t.rows) >= ESTABLISHED and time - t.time < _HIDDEN_SECONDS]


def hidden_near(track: Track, lost: Sequence[Track], time: float) -> list[Track]:
    """The lost people who may reappear from behind this one."""
    return [
        other
        for other in hidden(lost, time)
        if np.hypot(*(other.predict(time) - track.predict(time))) < height(max(track.side, other.side))
    ]


def mask_is_fresh(track: Track, crowd: Sequence[Track], time: float) -> bool:
    """Whether the person's last mask can be reused: it is recent, and nobody in the crowd may touch the person."""
    if track.seen.mask is None or track.seen.mask_age + time - track.time > _MASK_SECONDS:
        return False
    return all(
        np.hypot(*(other.predict(time) - track.predict(time))) > _TOUCHING * height(min(other.side, track.side))
        for other in crowd
    )


def reassign(found: list[Sighting], lost: Sequence[Track], time: float) -> list[Track]:
    """Where people meet, assign observations to the tracks that they continue best, including lost ones.

    A region in which two people overlap may show either of them: position, size and appearance decide jointly,
    for all of them at once. Modifies `found`; returns the tracks without an observation.
    """
    crowd = [entry for entry in found if entry.crowded]
    behind = hidden(lost, time)
    if not crowd or len(crowd) + len(behind) < 2:
        return []
    tracks = [entry.track for entry in crowd] + behind
    cost = np.array(
        [[continuity_cost(track, entry.seen, entry.appearance, time) for entry in crowd] for track in tracks]
    )
    cost[np.arange(len(crowd)), np.arange(len(crowd))] -= SWITCH_MARGIN
    cost[len(crowd) :][cost[len(crowd) :] > LINK_LIMIT] = np.inf
    pairs = dict(assign(cost, limit=CROWD_LIMIT))
    owners = {column: row for row, column in pairs.items()}
    for column, entry in enumerate(crowd):
        if column in owners:
            entry.track = tracks[owners[column]]
        else:
            found.remove(entry)
    return [track for row, track in enumerate(tracks[: len(crowd)]) if row not in pairs]


def resolve_collapses(found: list[Sighting], frame: Frame, perception: Perception) -> list[Track]:
    """Two tracks on one person: the worse match is observed again with that person masked out, or lost.

    Modifies `found`; returns the lost tracks.
    """
    lost: list[Track] = []
    for first, second in itertools.combinations(list(found), 2):
        if first not in found or second not in found or not perception.same_body(first.seen, second.seen):
            continue
        winner, loser = _ranked(first, second, frame.time)
        roi = loser.track.expected(frame.time)
        whole = perception.view(frame, roi)
        view = hide_people(whole, [(winner.seen, np.zeros(2))])
        seen = perception.observe(view, mask=True)
        others = [other.seen for other in found if other is not loser]
        apart = perception.gate.expected(seen, roi) and not any(
            perception.same_body(seen, other) or mask_overlap(seen, other) > MAX_OVERLAP for other in others
        )
        if apart and loser.track.appearance.distance(perception.appearance(view, seen)) < SAME_APPEARANCE:
            loser.replace(seen, whole)
        else:
            found.remove(loser)
            lost.append(loser.track)
    return lost


def _ranked(a: Sighting, b: Sighting, time: float) -> tuple[Sighting, Sighting]:
    """The two sightings of one person, the better continuation of its track first."""
    costs = []
    for entry in (a, b):
        novice = 0.5 * np.exp(-len(entry.track.rows) / 10.0)
        costs.append(continuity_cost(entry.track, entry.seen, entry.appearance, time) + novice)
    return (a, b) if costs[0] <= costs[1] else (b, a)
