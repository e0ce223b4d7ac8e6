"""What the body keeps of limbs that two keypoint networks agree on: the wrists' speed, and every limb's place.

A body that is compared with the keypoints it was fitted to loses wherever they tremble or are wrong. Another network
trembles, too, but on its own: velocities along its own, summed, contain the movement alone. And where both see a point
in the same place, it is most likely there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.accuracy_parts.chains import Chain
from benchmarks.accuracy_parts.limbs import CLIPS, FEW, LIMBS, OFF, SURE, WRISTS, is_quick, shown

from kinema.body import BodyModel
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import joint_set

ANOTHER = Chain("another network", {"keypoints": "rtmpose-s-halpe26"})
"""The network that judges beside the default's own."""

AGREED = CLIPS[:3]
"""The clips on which it judges the speed of wrists: in crowds the networks often see different people's."""

VISIBLE = 0.5
"""Confidence above which the other network's points count: its confidences are lower where images are blurred."""

SAME = 0.05
"""Distance between both networks' points, as a share of the person's height, up to which they see the same place."""

CLOSE = 0.03
"""The same for fast wrists: a dribbling hand moves by 0.13 between two frames, of which `SAME` is a good part, and
keypoints slip to the ball where it is blurred."""

APART = 0.3
"""Mean distance of the sides of two boxes, in heights, from which they are two people's."""

FASTEST = 0.9
"""Quantile of the other network's speed above which frames count."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """Points of a person in the frames in which both networks found them.

    frames (N,); body, keypoints, others (N,K,2): pixels of the body's points, of the keypoints that it was fitted to,
    and of the other network's; agreed (N,K): both are sure and see the same; height (N,1): of the person, in pixels.
    """

    person: Person
    frames: np.ndarray
    body: np.ndarray
    keypoints: np.ndarray
    others: np.ndarray
    agreed: np.ndarray
    height: np.ndarray


def agreements(
    motion: Motion, other: Motion, body: BodyModel, names: Sequence[str], same: float = SAME
) -> Iterator[Agreement]:
    """Of each person whom the other motion, the same clip tracked with another network, contains, too.

    same: distance up to which points agree, as a share of the person's height.
    """
    for person in motion:
        found = partner(person, other)
        if found is None:
            continue
        common = np.intersect1d(person.frames, found.frames)
        rows, others = np.searchsorted(person.frames, common), np.searchsorted(found.frames, common)
        ours, keypoints, sure = (each[rows] for each in shown(motion, person, body, names))
        columns = joint_set(str(found.keypoint_set)).indices(names)
        points, confidence = found.require("keypoints", "keypoint_confidence")
        theirs, as_sure = points[others][:, columns], confidence[others][:, columns]
        boxes = person.boxes[rows]
        height = (boxes[:, 3] - boxes[:, 1])[:, None]
        near = np.linalg.norm(theirs - keypoints, axis=-1) < same * height
        agreed = near & (sure > SURE) & (as_sure > VISIBLE)
        yield Agreement(person, common, ours, keypoints, theirs, agreed, height)


def agreed_speed(motion: Motion, other: Motion, body: BodyModel, same: float = SAME) -> tuple[float, float]:
    """Percent, of all people and wrists: the body's speed of that of its keypoints, and theirs of the other's.

    other: the same clip tracked with another network; same: as in `agreements`. NaN where no quick wrist is surely
    seen for long enough.
    """
    kept, seen = [], []
    for both in agreements(motion, other, body, WRISTS, same):
        follows = np.diff(both.frames) == 1
        interval = np.diff(motion.times[both.frames])[:, None]
        for wrist in range(len(WRISTS)):
            use = follows & both.agreed[1:, wrist] & both.agreed[:-1, wrist]
            if use.sum() < FEW:
                continue
            paths = (each[:, wrist] for each in (both.body, both.keypoints, both.others))
            a, b, c = ((np.diff(path, axis=0) / interval)[use] for path in paths)
            speed = np.linalg.norm(c, axis=1)
            fast = speed >= np.quantile(speed, FASTEST)
            if not is_quick(speed[fast], both.person):
                continue
            along = [float(np.sum((velocity * c)[fast])) for velocity in (a, b, c)]
            kept.append(along[0] / along[1])
            seen.append(along[1] / along[2])
    return (100 * float(np.mean(kept)), 100 * float(np.mean(seen))) if kept else (np.nan, np.nan)


def agreed_off(motion: Motion, other: Motion, body: BodyModel) -> float:
    """Per mille of the elbows, wrists, knees and ankles that both networks see in the same place: those from which the
    body's are far. NaN if there are none."""
    seen = wrong = 0
    for both in agreements(motion, other, body, LIMBS):
        far = np.linalg.norm(both.body - both.keypoints, axis=-1) > OFF * both.height
        seen += int(both.agreed.sum())
        wrong += int((both.agreed & far).sum())
    return 1000 * wrong / seen if seen else np.nan


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
