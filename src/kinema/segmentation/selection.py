"""Choosing people: by their numbers, or by a point of the image and a time.

select(motion, (Choice.of("1,3"),))
select(motion, (Choice.of("640,360@0:12"),))
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.person import Person, row_of
from kinema.segmentation.choice import MASKS, SHEET, Choice, SelectOptions
from kinema.segmentation.files import read_masks
from kinema.segmentation.masks import Masks
from kinema.skeleton import joint_set
from kinema.stage import Context

_SEEN = 0.3
"""Confidence of a keypoint that counts."""


def select(
    motion: Motion, choices: Sequence[Choice], *, masks: Masks | None = None, slow_motion: float = 1.0
) -> Motion:
    """The motion with the chosen people only, in the motion's order; all of them without choices.

    masks: of the motion's people, which decide who is at a point; without them boxes and keypoints do. slow_motion: as
    the video's. Raises UsageError if there is no such person, nobody at a point, or no such time.
    """
    if not choices:
        return motion
    chosen: set[int] = set()
    for choice in choices:
        chosen |= set(_numbered(motion, choice))
        if choice.point is not None:
            chosen.add(_person_at(motion, choice.point, masks, slow_motion))
    return motion.select(*(person.id for person in motion if person.id in chosen))


def check(motion: Motion, choices: Sequence[Choice], slow_motion: float | None = None) -> None:
    """Raise UsageError for what is wrong with choices whatever the masks: numbers that nobody has, and, where
    `slow_motion` is known, times outside the clip and points outside the image."""
    for choice in choices:
        _numbered(motion, choice)
        if choice.point is not None and slow_motion is not None:
            _frame_of(motion, choice.point, slow_motion)


def _numbered(motion: Motion, choice: Choice) -> tuple[int, ...]:
    known = [person.id for person in motion]
    for number in choice.numbers:
        if number not in known:
            there = ", ".join(map(str, known)) or "nobody"
            raise UsageError(
                f"`select` {number}: there is no person {number}; the clip has {there} (`select` {SHEET} shows them)"
            )
    return choice.numbers


def _frame_of(motion: Motion, point: tuple[float, float, float], slow_motion: float) -> int:
    """The frame that a player shows at the point's time. Raises UsageError."""
    x, y, shown = point
    times = motion.times * slow_motion
    named = f"`select` {x:g},{y:g}@{shown:g}"
    end = motion.seconds * slow_motion + float(times[0]) if len(times) else 0.0
    if not len(times) or shown < times[0] - 1e-3 or shown > end + 1e-3:
        span = f"its frames go from {times[0]:.2f} to {times[-1]:.2f} s" if len(times) else "it is empty"
        raise UsageError(f"{named}: the clip has nothing at {shown:g} s; {span}")
    if motion.width and not (-0.5 <= x <= motion.width - 0.5 and -0.5 <= y <= motion.height - 0.5):
        raise UsageError(f"{named}: the point is outside the image of {motion.width}x{motion.height} pixels")
    return max(int(np.searchsorted(times, shown + 1e-3, side="right")) - 1, 0)


def _person_at(motion: Motion, point: tuple[float, float, float], masks: Masks | None, slow_motion: float) -> int:
    """The id of the person at a point. Raises UsageError."""
    frame, place = _frame_of(motion, point, slow_motion), np.array(point[:2])
    here = [(person, row) for person in motion if (row := row_of(person, frame)) is not None]
    inside = [person.id for person, row in here if _within(person, row, place)]
    if masks is not None and not masks.semantic:
        column, line = np.clip(np.round(place).astype(int), 0, [motion.width - 1, motion.height - 1])
        hit = masks.frame(frame, (motion.height, motion.width))[:, line, column]
        owner = [id for id, own in zip(masks.ids, hit, strict=True) if own and any(p.id == id for p in motion)]
        inside = owner or inside
    nearest = {person.id: _distance(person, row, place) for person, row in here}
    if inside:
        return min(inside, key=lambda id: nearest.get(id, np.inf))
    named = f"`select` {point[0]:g},{point[1]:g}@{point[2]:g}: nobody is at that point at that time"
    if not here:
        raise UsageError(f"{named}, nor anywhere else in that frame; `select` {SHEET} shows who is seen when")
    other, row = min(here, key=lambda each: nearest[each[0].id])
    middle = other.require("boxes")[0][row].reshape(2, 2).mean(axis=0)
    raise UsageError(f"{named}; the nearest is person {other.id}, around {middle[0]:.0f},{middle[1]:.0f}")


def _within(person: Person, row: int, place: np.ndarray) -> bool:
    (boxes,) = person.require("boxes")
    return bool((place >= boxes[row, :2]).all() and (place <= boxes[row, 2:]).all())


def _distance(person: Person, row: int, place: np.ndarray) -> float:
    """Pixels between a point and the nearest limb, or, where none is seen, the middle of the box."""
    if person.keypoints is not None and person.keypoint_set is not None:
        points = person.keypoints[row]
        sure = np.isfinite(points).all(axis=1)
        if person.keypoint_confidence is not None:
            sure &= person.keypoint_confidence[row] >= _SEEN
        ends = [(a, b) for a, b in joint_set(person.keypoint_set).edges if sure[a] and sure[b]]
        if ends:
            a, b = points[[a for a, _ in ends]], points[[b for _, b in ends]]
            along = np.sum((place - a) * (b - a), axis=1) / np.maximum(np.sum((b - a) ** 2, axis=1), 1e-9)
            return float(np.linalg.norm(a + np.clip(along, 0, 1)[:, None] * (b - a) - place, axis=1).min())
    (boxes,) = person.require("boxes")
    return float(np.linalg.norm(boxes[row].reshape(2, 2).mean(axis=0) - place))


def masks_of(motion: Motion) -> Masks | None:
    """The masks that a stage made of the motion's people. Raises InputError if their file is gone."""
    path = motion.data.get(MASKS)
    return None if path is None else read_masks(str(path))


def select_in(motion: Motion, context: Context, options: SelectOptions) -> Motion:
    """The stage `select`."""
    points = any(choice.point is not None for choice in options.choices)
    slow_motion = 1.0 if context.video is None else context.video.slow_motion
    return select(motion, options.choices, masks=masks_of(motion) if points else None, slow_motion=slow_motion)
