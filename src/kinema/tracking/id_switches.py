"""Whether people who met were mixed up: clothes and ways before and after are compared, and pasts exchanged.

While two people overlap, a crop may turn from one to the other without a jump. Afterwards, when they stand
apart again, each track's clothes are looked at afresh and compared with what it wore before, and its place
with where it was going; where the exchanged comparison fits clearly better, the tracks exchange everything
before their closest approach.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kinema.tracking.appearance import Appearance
from kinema.tracking.track import Encounter, Track, height

READY = 4
"""Fresh looks after which a track's clothes are known again."""

_DIFFERENT = 0.15  # distance of two people's clothes below which they cannot be told apart
_MARGIN = 0.25  # by which the exchange must fit better
_WAY_WEIGHT = 0.4  # what the ways of two people count beside their clothes
_PATIENCE = 3.0  # seconds to wait for the other's fresh looks


def meet(track: Track, others: Iterable[Track], frame: int) -> None:
    """Note who is near the track in this frame."""
    track.fresh, track.fresh_looks = None, 0
    if track.before is None:
        track.before = (track.time, track.centre.copy(), track.drift.copy())
    for other in others:
        gap = float(np.hypot(*(track.centre - other.centre)))
        known = track.rivals.get(id(other))
        if known is None or gap <= known.gap:
            track.rivals[id(other)] = Encounter(other, gap, frame)


def look_afresh(track: Track, clothes: Appearance) -> None:
    """Note the track's clothes in a frame in which nobody else is near."""
    if not track.rivals:
        track.appearance.update(clothes)
        return
    if track.fresh is None:
        track.fresh = clothes
    else:
        track.fresh.update(clothes)
    track.fresh_looks += 1


def settle(track: Track, active: list[Track], time: float) -> None:
    """Once the track's clothes are known again: exchange it with a rival where they were mixed up."""
    if track.fresh is None or track.fresh_looks < READY:
        return
    for key, encounter in sorted(track.rivals.items(), key=lambda item: item[1].gap):
        rival = encounter.other
        waiting = rival in active and rival.fresh_looks < READY and id(track) in rival.rivals
        if waiting and time - track.time < _PATIENCE and track.fresh_looks < 4 * READY:
            return
        if _mixed_up(track, rival, rival in active, time):
            exchange_pasts(track, rival, encounter.frame)
        rival.rivals.pop(id(track), None)
        track.rivals.pop(key)
    track.appearance.update(track.fresh)
    track.fresh, track.fresh_looks, track.before = None, 0, None


def _mixed_up(track: Track, rival: Track, present: bool, time: float) -> bool:
    """Whether exchanging the two fits clearly better. present: the rival is being followed now."""
    gain = 0.0
    if track.fresh is not None and track.appearance.distance(rival.appearance) > _DIFFERENT:
        gain += track.appearance.distance(track.fresh) - rival.appearance.distance(track.fresh)
        if rival.fresh is not None and rival.fresh_looks >= READY:
            gain += rival.appearance.distance(rival.fresh) - track.appearance.distance(rival.fresh)
    if present:
        gain += _WAY_WEIGHT * _way_gain(track, rival, time)
    return gain > _MARGIN


def _way_gain(a: Track, b: Track, time: float) -> float:
    """-1 to 1: how much better the exchanged people continue the ways they were going."""
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
    a.looks, b.looks = b.looks, a.looks
    a.run, b.run = a.rows.run(), b.rows.run()
