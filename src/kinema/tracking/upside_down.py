"""Whether the video itself may be upside down: the same image as of people who stand on their heads."""

from __future__ import annotations

import numpy as np

from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import joint_set

UPSIDE_DOWN = (
    "everybody is upside down in all of the clip; if it is the video that is upside down, turn it with `rotate` 180"
)
"""Note if everyone is; handstands look the same."""

TURNED = "nobody was found as the image is, but somebody was with the image turned upside down: try `rotate` 180"
"""Note if a few frames show people only with the image turned by 180 degrees."""

_ALWAYS = 0.9  # share of the frames in which head and shoulders are below the hips
_LEAN = 0.5  # cosine of the largest angle between the trunk and straight down: 60 degrees
_SEEN = 0.3  # confidence of keypoints that count
_LEAST = 8  # frames with a visible trunk


def everyone_upside_down(motion: Motion) -> bool:
    """Whether every person is upside down in practically every frame; False without people."""
    return bool(motion.people) and all(_upside_down(person) for person in motion)


def _upside_down(person: Person) -> bool:
    points, confidence = person.keypoints, person.keypoint_confidence
    joints = None if person.keypoint_set is None else joint_set(person.keypoint_set)
    names = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    if points is None or confidence is None or joints is None or not all(name in joints for name in names):
        return False
    trunk = joints.indices(names)
    seen = confidence[:, trunk].min(axis=1) > _SEEN
    if np.count_nonzero(seen) < min(_LEAST, len(person)) or not seen.any():
        return False
    corners = points[seen][:, trunk]
    up = corners[:, :2].mean(axis=1) - corners[:, 2:].mean(axis=1)
    down = up[:, 1] > _LEAN * np.maximum(np.hypot(*up.T), 1e-9)  # the image's y points down
    return bool(down.mean() >= _ALWAYS)
