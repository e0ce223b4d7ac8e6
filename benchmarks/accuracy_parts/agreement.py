"""How much of the wrists' speed that two keypoint networks agree on the body keeps.

A body that is compared with the keypoints it was fitted to loses wherever they tremble. Another network trembles, too,
but on its own: velocities along its own, summed, contain the movement alone.
"""

from __future__ import annotations

import numpy as np
from benchmarks.accuracy_parts.chains import Chain
from benchmarks.accuracy_parts.limbs import CLIPS, FEW, SURE, WRISTS, is_quick, shown

from kinema.body import BodyModel
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import joint_set

ANOTHER = Chain("another network", {"keypoints": "rtmpose-s-halpe26"})
AGREED = CLIPS[:3]
"""The network that judges the speed of wrists beside the default's own, and the clips on which it does."""

VISIBLE = 0.5
"""Confidence above which the other network's wrists count: its confidences are lower where images are blurred."""

SAME = 0.05
"""Distance between both networks' wrists, as a share of the person's height, up to which they see the same one."""

APART = 0.3
"""Mean distance of the sides of two boxes, in heights, from which they are two people's."""

FASTEST = 0.9
"""Quantile of the other network's speed above which frames count."""


def agreed_speed(motion: Motion, other: Motion, body: BodyModel) -> tuple[float, float]:
    """Percent, of all people and wrists: the body's speed of that of its keypoints, and theirs of the other's.

    other: the same clip tracked with another network. NaN where no quick wrist is surely seen for long enough.
    """
    kept, seen = [], []
    for person in motion:
        found = partner(person, other)
        if found is None:
            continue
        common = np.intersect1d(person.frames, found.frames)
        rows, others = np.searchsorted(person.frames, common), np.searchsorted(found.frames, common)
        ours, keypoints, sure = (each[rows] for each in shown(motion, person, body, WRISTS))
        columns = joint_set(str(found.keypoint_set)).indices(WRISTS)
        points, confidence = found.require("keypoints", "keypoint_confidence")
        theirs, as_sure = points[others][:, columns], confidence[others][:, columns]
        boxes = person.boxes[rows]
        near = np.linalg.norm(theirs - keypoints, axis=-1) < SAME * (boxes[:, 3] - boxes[:, 1])[:, None]
        usable = near & (sure > SURE) & (as_sure > VISIBLE)
        follows = np.diff(common) == 1
        interval = np.diff(motion.times[common])[:, None]
        for wrist in range(len(WRISTS)):
            use = follows & usable[1:, wrist] & usable[:-1, wrist]
            if use.sum() < FEW:
                continue
            a, b, c = ((np.diff(path[:, wrist], axis=0) / interval)[use] for path in (ours, keypoints, theirs))
            speed = np.linalg.norm(c, axis=1)
            fast = speed >= np.quantile(speed, FASTEST)
            if not is_quick(speed[fast], person):
                continue
            along = [float(np.sum((velocity * c)[fast])) for velocity in (a, b, c)]
            kept.append(along[0] / along[1])
            seen.append(along[1] / along[2])
    return (100 * float(np.mean(kept)), 100 * float(np.mean(seen))) if kept else (np.nan, np.nan)


def partner(person: Person, other: Motion) -> Person | None:
    """The person of another motion in the same boxes, None if there is none."""
    distances = {}
    for found in other:
        common = np.intersect1d(person.frames, found.frames)
        if len(common) < FEW:
            continue
        ours = person.boxes[np.searchsorted(person.frames, common)]
        theirs = found.boxes[np.searchsorted(found.frames, common)]
        distances[found.id] = float(np.median(np.abs(ours - theirs).mean(axis=1) / (ours[:, 3] - ours[:, 1])))
    nearest = min(distances, key=lambda each: distances[each], default=None)
    return other.person(nearest) if nearest is not None and distances[nearest] < APART else None
