"""The frames in which people are found before their masks are carried to all others."""

from __future__ import annotations

import numpy as np

from kinema.motion import Motion

_APART = 0.1
"""Intersection over union of two boxes below which neither person hides the other."""


def initial_frames(motion: Motion) -> list[int]:
    """The fewest frames that show every person, if possible apart from others.

    The first one shows the most people; each further one the most of those who are in none so far. Of equal frames the
    one nearest to the middle of the clip is taken; without people that is the middle itself.
    """
    count = motion.num_frames
    if not motion.people:
        return [count // 2]
    there, apart = _seen(motion)
    nearness = 1.0 - np.abs(np.arange(count) - count // 2) / (count + 1)
    waiting = np.ones(len(motion.people), bool)
    chosen: list[int] = []
    while waiting.any():
        # Somebody who is apart counts more than anybody who is merely there, and place decides between equals.
        worth = (apart[:, waiting].sum(axis=1) * (len(waiting) + 1) + there[:, waiting].sum(axis=1)) + 0.5 * nearness
        best = int(worth.argmax())
        if not there[best, waiting].any():
            break
        chosen.append(best)
        covered = apart[best] if apart[best, waiting].any() else there[best]
        waiting &= ~covered
    return chosen or [count // 2]


def _seen(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """(T,P) bool: who is observed in each frame, and who is so without overlapping another box."""
    boxes = np.full((motion.num_frames, len(motion.people), 4), np.nan)
    there = np.zeros(boxes.shape[:2], bool)
    for place, person in enumerate(motion):
        (own,) = person.require("boxes")
        boxes[person.frames, place] = own
        there[person.frames, place] = True if person.observed is None else person.observed
    apart = there.copy()
    area = np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)
    for one in range(len(motion.people)):
        for other in range(one):
            low = np.maximum(boxes[:, one, :2], boxes[:, other, :2])
            high = np.minimum(boxes[:, one, 2:], boxes[:, other, 2:])
            shared = np.prod(np.maximum(high - low, 0), axis=1)
            near = np.nan_to_num(shared / (area[:, one] + area[:, other] - shared)) >= _APART
            apart[:, [one, other]] &= ~near[:, None]
    return there, apart
