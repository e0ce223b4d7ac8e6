"""Shadows on the floor and reflections in it: bodies upside down that stand on somebody's feet.

A keypoint network is as sure of them as of people. But they begin where the person stands, and those that it takes for
a body reach down in the image from there. Two people hardly ever meet like that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.keypoints.source import Observation
from kinema.tracking.body_parts import BodyParts
from kinema.tracking.track import Pose, Track

_FEET = 0.25
"""Largest distance of the two pairs of ankles, as a fraction of the smaller body's length from ankles to shoulders."""

_AGAINST = -0.7
"""Cosine of 135 degrees: smallest angle between the two bodies, and of the shadow with the image's vertical."""

_MOSTLY = 0.5
"""Share of a track's frames as somebody's shadow above which the whole track is one."""


def is_shadow(seen: Observation | Pose, other: Observation | Pose, parts: BodyParts) -> bool:
    """Whether `seen` is the other person's shadow or reflection. False for joint sets without ankles or shoulders."""
    if not len(parts.ankles) or not len(parts.shoulders):
        return False
    feet, theirs = (each.points[parts.ankles].mean(axis=0) for each in (seen, other))
    up, their_up = (
        each.points[parts.shoulders].mean(axis=0) - ankles for each, ankles in ((seen, feet), (other, theirs))
    )
    length, their_length = float(np.hypot(*up)), float(np.hypot(*their_up))
    if not min(length, their_length) > 0.0 or np.hypot(*(feet - theirs)) > _FEET * min(length, their_length):
        return False
    down = -up[1] / length  # the image's y points down
    return bool(down < _AGAINST and up @ their_up < _AGAINST * length * their_length)


def without_shadows(tracks: Sequence[Track], parts: BodyParts) -> list[Track]:
    """The tracks without those that are a shadow of another most of the time."""
    return [track for track in tracks if not any(_shadows(track, other, parts) for other in tracks)]


def _shadows(track: Track, other: Track, parts: BodyParts) -> bool:
    if other is track:
        return False
    frames = track.rows.array()["frame"]
    both = np.intersect1d(frames, other.rows.array()["frame"])
    if len(both) < _MOSTLY * len(frames):
        return False
    poses = ((track.rows.pose(int(frame)), other.rows.pose(int(frame))) for frame in both)
    hits = sum(is_shadow(one, two, parts) for one, two in poses if one is not None and two is not None)
    return bool(hits >= _MOSTLY * len(frames))
