"""Jump cuts in which little of the image changes, found by the people who jump.

Where a piece of a recording was cut out, the background stays. If the people are small or move fast, the image's step
hardly stands out; but then somebody's body steps, too, in just that frame, by far more than before and after.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from kinema.skeleton import JointSet
from kinema.tracking.body_parts import body_parts
from kinema.tracking.cuts import Cut
from kinema.tracking.track import Rows, Track, height

_NEAR = 5  # steps on either side of the one that stands out
_FEWEST = 4  # of those steps; with fewer nothing is known
_STANDS_OUT = 1.7  # times the greatest step nearby; with a step of the image, real movement reaches 1.0
_LEAST = 0.05  # of the body's height
_NOISE = 0.01  # of the body's height, added to the steps nearby


def with_jumps(cuts: Sequence[Cut], suspects: Sequence[int], tracks: Sequence[Track], joints: JointSet) -> list[Cut]:
    """The cuts, and those suspected ones at which somebody's body jumps.

    suspects: frames at which the image's step stands out a little, see `with_cuts`.
    """
    known = [cut.first for cut in cuts]
    found = [
        Cut(first, True)
        for first in suspects
        if all(abs(first - each) > _NEAR for each in known) and any(jumps(track, first, joints) for track in tracks)
    ]
    return sorted([*cuts, *found], key=lambda cut: cut.first)


def jumps(track: Track, first: int, joints: JointSet) -> bool:
    """Whether the body jumps from the frame before `first` to it. Left and right may be exchanged."""
    rows = track.rows.array()
    place = int(np.searchsorted(rows["frame"], first))
    rows = rows[max(0, place - _NEAR - 1) : place + _NEAR + 1]
    frames = rows["frame"]
    if first not in frames or first - 1 not in frames:
        return False
    parts = body_parts(joints).body
    points, weight = rows["points"].astype(np.float64), (rows["visibility"] * rows["presence"]).astype(np.float64)
    weight = np.minimum(weight[1:], weight[:-1])[:, parts] + 1e-3
    before = points[:-1]
    distance = [
        (np.linalg.norm(points[1:, parts] - each[:, parts], axis=-1) * weight).sum(axis=1) / weight.sum(axis=1)
        for each in (before, before[:, joints.mirror])
    ]
    steps = np.minimum(*distance) / height(float(np.median(rows["roi"][:, 2])))
    at = int(np.flatnonzero(frames == first)[0]) - 1
    near = np.delete(steps / np.diff(frames), at)
    return bool(len(near) >= _FEWEST and steps[at] > _LEAST and steps[at] > _STANDS_OUT * (near.max() + _NOISE))


def split(tracks: Sequence[Track], cuts: Sequence[Cut]) -> list[Track]:
    """The tracks, each cut into its parts in the shots; the parts keep the number."""
    parts: list[Track] = []
    for track in tracks:
        parts.append(track)
        for cut in cuts:
            if parts[-1].rows.array()["frame"][0] < cut.first <= parts[-1].last_frame:
                later = copy.copy(parts[-1])
                removed = parts[-1].rows.cut(cut.first - 1)
                later.rows = Rows(removed.dtype)
                later.rows.extend(removed)
                parts.append(later)
    return parts
