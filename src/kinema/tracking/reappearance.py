"""Re-identification across camera cuts: tracks of different shots that look like one person become one person. Only the
appearance can tell, because a cut changes place, size and pose. Two tracks are joined only if their colours agree
closely, and each more with the other than with anybody else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.keypoints.source import OpenedSource
from kinema.person import Person, join_people
from kinema.temporal.gaps import shot_of
from kinema.tracking.association import assign
from kinema.tracking.cuts import Cut
from kinema.tracking.options import TrackingOptions
from kinema.tracking.people import person_from
from kinema.tracking.track import Track

_ALIKE = 0.05  # greatest distance of colours of one person in two scenes; of 790 pairs of people none is as near
_ALIKE_HERE = 0.2  # the same where only a piece of a recording was cut out: the light is the same
_MARGIN = 0.05  # by which anybody else must be further away


def people_from(
    tracks: Sequence[Track],
    cuts: Sequence[Cut],
    times: np.ndarray,
    size: tuple[int, int],
    options: TrackingOptions,
    source: OpenedSource,
) -> tuple[Person, ...]:
    """The people, numbered from 1, of tracks that each lie in one shot, the most present first.

    times (T,): seconds of the clip's frames; size: width and height of the frame.
    """
    groups = same_people(tracks, cuts)[: options.max_persons]
    return tuple(
        join_people(number, tuple(person_from(track, number, times, size, options, source) for track in group))
        for number, group in enumerate(groups, start=1)
    )


def same_people(tracks: Sequence[Track], cuts: Sequence[Cut]) -> list[list[Track]]:
    """The tracks of each person, in the order of the shots; people in the order of their tracks, longest first.

    Tracks of one number are parts of a track that was followed across a jump in one scene: one person.
    """
    if not cuts:
        return [[track] for track in tracks]
    firsts = np.array([cut.first for cut in cuts])
    shot = {id(track): int(shot_of(track.rows.array()["frame"][0], firsts)) for track in tracks}
    groups: list[list[Track]] = []
    for number in sorted(set(shot.values())):
        new = [track for track in tracks if shot[id(track)] == number]
        cost = np.array([[group[-1].appearance.distance(track.appearance) for track in new] for group in groups])
        cost = cost.reshape(len(groups), len(new))
        followed = {group[-1].number: row for row, group in enumerate(groups)}
        pairs = {column: followed[track.number] for column, track in enumerate(new) if track.number in followed}
        cost[list(pairs.values())], cost[:, list(pairs)] = np.inf, np.inf
        for row, column in assign(cost, limit=_ALIKE_HERE):
            between = cuts[shot[id(groups[row][-1])] : number]
            limit = _ALIKE_HERE if all(cut.same_scene for cut in between) else _ALIKE
            if cost[row, column] <= limit and _is_clear(cost, row, column):
                pairs[column] = row
        for column, track in enumerate(new):
            if column in pairs:
                groups[pairs[column]].append(track)
            else:
                groups.append([track])
    order = {id(track): place for place, track in enumerate(tracks)}
    length = {id(group): sum(len(track.rows) for track in group) for group in groups}
    alone = all(len(group) == 1 for group in groups)
    groups.sort(key=lambda group: (0 if alone else -length[id(group)], min(order[id(track)] for track in group)))
    return groups


def _is_clear(cost: np.ndarray, row: int, column: int) -> bool:
    """Whether nobody else looks like either of a pair."""
    others = np.concatenate([np.delete(cost[row], column), np.delete(cost[:, column], row)])
    return not len(others) or bool(others.min() - cost[row, column] >= _MARGIN)
