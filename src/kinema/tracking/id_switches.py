"""Identity switches: after an encounter, appearance and trajectories before and after it are compared.

While two people overlap, a region may move from one to the other without a jump. Once they are apart
again, each track's appearance is learned afresh and compared with that before, and its position
with its predicted trajectory; if the exchanged assignment matches clearly better, the tracks exchange everything
before their closest approach.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kinema.tracking.appearance import Appearance
from kinema.tracking.track import Encounter, Track, height

READY = 4
"""Frames in which a track must be seen alone before its appearance counts as known again."""

_DIFFERENT = 0.15  # distance of two people's appearances below which they cannot be told apart
_MARGIN = 0.25  # by which the exchange must match better
_TRAJECTORY_WEIGHT = 0.4  # of the trajectories, relative to the appearance
_HIDDEN = 0.15  # of a person's height: at a smaller distance one hides the other
_PATIENCE = 3.0  # seconds to wait until the other's appearance is known, too


def note_encounters(track: Track, others: Iterable[Track], frame: int) -> None:
    """Record who is near the track in this frame."""
    track.fresh, track.fresh_looks = None, 0
    if track.before is None:
        track.before = (track.time, track.centre.copy(), track.drift.copy())
    for other in others:
        gap = float(np.hypot(*(track.centre - other.centre)))
        known = track.rivals.get(id(other))
        if known is None or gap <= known.gap:
            track.rivals[id(other)] = Encounter(other, gap, frame)


def learn_appearance(track: Track, now: Appearance) -> None:
    """Update the track's appearance from a frame in which nobody else is near."""
    if not track.rivals:
        track.appearance.update(now)
        return
    if track.fresh is None:
        track.fresh = now
    else:
        track.fresh.update(now)
    track.fresh_looks += 1


def resolve_encounters(track: Track, active: list[Track], time: float) -> None:
    """Once the track's appearance is known again: exchange pasts with a rival if the two were switched."""
    if track.fresh is None or track.fresh_looks < READY:
        return
    for key, encounter in sorted(track.rivals.items(), key=lambda item: item[1].gap):
        rival = encounter.other
        waiting = rival in active and rival.fresh_looks < READY and id(track) in rival.rivals
        if waiting and time - track.time < _PATIENCE and track.fresh_looks < 4 * READY:
            return
        if _switched(track, rival, encounter.gap, rival in active, time):
            exchange_pasts(track, rival, encounter.frame)
        rival.rivals.pop(id(track), None)
        track.rivals.pop(key)
    track.appearance.update(track.fresh)
    track.fresh, track.fresh_looks, track.before = None, 0, None


def _switched(track: Track, rival: Track, gap: float, present: bool, time: float) -> bool:
    """Whether the exchange matches clearly better.

    gap: pixels between the two at their closest; present: the rival is being tracked now. Two in the same clothes who
    meet and turn back look as if they had crossed: unless one hid the other, tracking is the better evidence.
    """
    gain = 0.0
    alike = track.appearance.distance(rival.appearance) <= _DIFFERENT
    if alike and gap > _HIDDEN * height(0.5 * (track.side + rival.side)):
        return False
    if track.fresh is not None and not alike:
        gain += track.appearance.distance(track.fresh) - rival.appearance.distance(track.fresh)
        if rival.fresh is not None and rival.fresh_looks >= READY:
            gain += rival.appearance.distance(rival.fresh) - track.appearance.distance(rival.fresh)
    if present:
        gain += _TRAJECTORY_WEIGHT * _trajectory_gain(track, rival, time)
    return gain > _MARGIN


def _trajectory_gain(a: Track, b: Track, time: float) -> float:
    """-1 to 1: how much better the exchanged people continue the earlier trajectories."""
    if a.before is None or b.before is None:
        return 0.0
    heading_a, heading_b = (place + drift * (time - start) for start, place, drift in (a.before, b.before))
    stays = np.hypot(*(heading_a - a.centre)) + np.hypot(*(heading_b - b.centre))
    swaps = np.hypot(*(heading_a - b.centre)) + np.hypot(*(heading_b - a.centre))
    return float(np.clip((stays - swaps) / height(a.side + b.side), -1.0, 1.0))


def exchange_pasts(a: Track, b: Track, frame: int) -> None:
    """Exchange the tracks' numbers and everything up to and including `frame`; the present stays."""
    future_a, future_b = a.rows.cut(frame), b.rows.cut(frame)
    a.rows, b.rows = b.rows, a.rows
    a.rows.extend(future_a)
    b.rows.extend(future_b)
    a.number, b.number = b.number, a.number
    a.appearance, b.appearance = b.appearance, a.appearance
    a.before, b.before = b.before, a.before
    a.hits, b.hits = b.hits, a.hits
    a.searches, b.searches = b.searches, a.searches
    a.known = b.known = None
    a.run, b.run = a.rows.run(), b.rows.run()
