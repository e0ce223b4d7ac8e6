"""People who overlap, examined again with each other's pixels hidden by masks.

Tracking hides people from each other's views by the keypoint network's masks of the previous frame, which are coarse
and wrong where it took one for the other. Masks of another source, or of a file, are better: the error of keypoints
that are seen falls by a tenth to a half, and people whom tracking took for each other are themselves again
(`python benchmarks/masked_views.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kinema.errors import UsageError
from kinema.geometry.crops import crop
from kinema.geometry.roi import crop_matrix
from kinema.keypoints.registry import open_source
from kinema.keypoints.source import REGION_PER_HEIGHT, Observation, OpenedSource, View, region_of
from kinema.motion import Motion
from kinema.person import Person, row_of
from kinema.stage import Context, given
from kinema.tracking.body_parts import body_parts
from kinema.tracking.gate import Gate
from kinema.tracking.masks import blurred
from kinema.tracking.options import TrackingOptions
from kinema.tracking.people import body_boxes, trusted
from kinema.tracking.swaps import exchange, find_swaps
from kinema.tracking.track import height
from kinema.tracking.tracker import threads_of
from kinema.video import Frame

_OVERLAPPED = 0.03
"""Share of a person's box covered by others' masks above which the person is examined again."""

_SEEN = 0.01
"""Smallest share of the box that the person's own mask must cover: with less, there is nothing to examine."""

_ASTRAY = 0.3
"""Agreement of keypoints with masks below which they are somebody else's, so that the mask says where to look."""

_ROOM = 0.02
"""Distance outside a mask up to which a keypoint still belongs to it, as a fraction of the box's longer side."""


def look_apart(motion: Motion, context: Context, options: TrackingOptions) -> Motion:
    """The motion with new keypoints, in 2D and 3D, of everybody in the frames in which others' masks cover them.

    They are kept where they lie in the person's own mask at least as well as the old ones. Raises UsageError if the
    people's keypoints are another source's.
    """
    source = open_source(
        options.keypoints, detector=options.detector, flip=options.flip, parity=options.parity,
        threads=threads_of(options),
    )  # fmt: skip
    for person in motion:
        if person.keypoint_set != source.joint_set.name:
            raise UsageError(
                f"person {person.id} has keypoints of {person.keypoint_set} and {options.keypoints} gives"
                f" {source.joint_set.name}; name the source of these as `keypoints`"
            )
    wanted = overlapped(motion)
    looker = _Looker(motion, source, Gate((motion.width, motion.height), options.landmark_threshold,
                                          source.estimator.thresholds))  # fmt: skip
    last = max((index for index, _ in wanted), default=-1)
    places: dict[int, list[int]] = {}
    for index, place in wanted:
        places.setdefault(index, []).append(place)
    if wanted:
        for frame in given(context.video):
            for place in places.get(frame.index, ()):
                looker.look(frame, place)
            context.progress(frame.index + 1, last + 1)
            if frame.index >= last:
                break
    context.facts |= {"looked_at": len(wanted), "replaced": looker.count}
    return motion.replace(people=looker.people())


def overlapped(motion: Motion) -> list[tuple[int, int]]:
    """(frame, place of the person) of all who are seen while others' masks cover a part of their box."""
    return list(_overlaps(motion))


def anybody_overlapped(motion: Motion) -> bool:
    """Whether there is anybody to look at; reads masks up to the first one."""
    return next(_overlaps(motion), None) is not None


def _overlaps(motion: Motion) -> Iterator[tuple[int, int]]:
    masks = _masks(motion)
    for frame in range(motion.num_frames):
        here = [(place, row) for place, person in enumerate(motion) if (row := row_of(person, frame)) is not None]
        here = [(place, row) for place, row in here if masks[place] is not None]
        if len(here) < 2:
            continue
        boxes = {place: given(motion.people[place].boxes)[row] for place, row in here}
        for place, box in boxes.items():
            if not any(k != place and _share(box, other) > _OVERLAPPED for k, other in boxes.items()):
                continue
            own, others = _own_and_others(masks, here, place)
            inside = _inside(box, own.shape, (motion.width, motion.height))
            area = max(own[inside].size, 1)
            if own[inside].sum() > _SEEN * area and (others & ~own)[inside].sum() > _OVERLAPPED * area:
                yield frame, place


@dataclass(eq=False)
class _Looker:
    """Examines single people, and keeps keypoints that are better than before."""

    motion: Motion
    source: OpenedSource
    gate: Gate

    def __post_init__(self) -> None:
        self._masks = _masks(self.motion)
        self._found: dict[int, dict[int, Observation]] = {}

    @property
    def count(self) -> int:
        return sum(len(rows) for rows in self._found.values())

    def look(self, frame: Frame, place: int) -> None:
        """Examine a person in a frame again."""
        person = self.motion.people[place]
        here = [(k, row) for k, each in enumerate(self.motion) if (row := row_of(each, frame.index)) is not None]
        row = dict(here)[place]
        own, others = _own_and_others(self._masks, [each for each in here if self._masks[each[0]] is not None], place)
        points, confidence = person.require("keypoints", "keypoint_confidence")
        known = np.where(np.isfinite(points[row]).all(axis=1), confidence[row], 0.0)
        if not known.any():
            return
        box, estimator = given(person.boxes)[row], self.source.estimator
        before = self._agreement(points[row], known, own, others, box)
        first = region_of(np.nan_to_num(points[row]), known, self.source.joint_set, visible=0.0)
        if before < _ASTRAY:
            first = self._region_of_mask(own, person)
        seen, roi = None, first
        for _ in range(2):  # the first look places the region as the network wants it
            pixels = crop(frame.image, roi, size=estimator.crop_size)
            hidden = _hidden(others & ~own, roi, len(pixels), frame.image.shape[:2])
            view = View(frame, roi, blurred(pixels, hidden))
            seen = estimator.observe(view)
            if not self.gate.expected(seen, first):
                return
            roi = seen.next_roi
        assert seen is not None
        if self._agreement(seen.points, seen.confidence, own, others, box) >= before:
            self._found.setdefault(place, {})[row] = seen

    def _region_of_mask(self, own: np.ndarray, person: Person) -> np.ndarray:
        """The region (4,) of somebody around their mask, of which a part may be hidden."""
        scale = self.motion.width / own.shape[1]
        cells = np.argwhere(own)[:, ::-1]
        low, high = np.percentile(cells, [2, 98], axis=0)  # slivers along others' edges are left out
        boxes = given(person.boxes)
        usual = float(np.nanmedian((boxes[:, 2:] - boxes[:, :2]).max(axis=1)))
        side = REGION_PER_HEIGHT * max(usual, scale * float((high - low).max()))
        return np.array([*(scale * ((low + high) / 2 + 0.5) - 0.5), side, 0.0])

    def _agreement(
        self, points: np.ndarray, confidence: np.ndarray, own: np.ndarray, others: np.ndarray, box: np.ndarray
    ) -> float:
        """Of the keypoints (K,2) that are seen, the share in the person's own mask minus the share in others' masks
        only."""
        sure = confidence >= self.gate.thresholds.visible
        if not sure.any():
            return 0.0
        scale = own.shape[1] / max(self.motion.width, 1)
        reach = max(round(_ROOM * float((box[2:] - box[:2]).max()) * scale), 1)
        wide = cv2.dilate(own.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
        column, line = np.rint((points[sure] + 0.5) * scale - 0.5).astype(int).T
        within = (column >= 0) & (line >= 0) & (column < own.shape[1]) & (line < own.shape[0])
        mine, theirs = (mask[line[within], column[within]] for mask in (wide, others & ~wide))
        return float((mine.sum() - theirs.sum()) / sure.sum())

    def people(self) -> tuple[Person, ...]:
        """Everybody, with the keypoints found."""
        return tuple(
            self._with(person, self._found[place]) if place in self._found else person
            for place, person in enumerate(self.motion)
        )

    def _with(self, person: Person, found: dict[int, Observation]) -> Person:
        joints, joints3d = self.source.joint_set, self.source.joint3d_set
        rows = np.array(sorted(found))
        seen = [found[row] for row in rows]
        points, confidence, boxes, scores = (
            np.array(each) for each in person.require("keypoints", "keypoint_confidence", "boxes", "confidence")
        )
        points3d = None if person.keypoints3d is None or joints3d is None else np.array(person.keypoints3d)
        points[rows], confidence[rows] = [each.points for each in seen], [each.confidence for each in seen]
        scores[rows] = np.clip([each.score for each in seen], 0.0, 1.0)
        if points3d is not None:
            points3d[rows] = [given(each.points3d) for each in seen]
        swapped = self._swapped(person, points, confidence, points3d)
        swapped[np.setdiff1d(np.arange(len(person)), rows)] = False
        points, confidence = exchange(points, swapped, joints), exchange(confidence, swapped, joints)
        if points3d is not None and joints3d is not None:
            points3d = exchange(points3d, swapped, joints3d)
        size = (self.motion.width, self.motion.height)
        confidence[rows] = trusted(points, confidence, points3d, size, joints, joints3d)[rows]
        boxed = body_boxes(points, confidence, size, body_parts(joints), self.gate.thresholds.boxed)
        boxes[rows] = boxed[rows]
        observed = None if person.observed is None else person.observed | np.isin(np.arange(len(person)), rows)
        return person.replace(
            keypoints=points, keypoint_confidence=confidence, keypoints3d=points3d, boxes=boxes, confidence=scores,
            observed=observed,
        )  # fmt: skip

    def _swapped(
        self, person: Person, points: np.ndarray, confidence: np.ndarray, points3d: np.ndarray | None
    ) -> np.ndarray:
        """(F,4): the groups of keypoints whose sides are exchanged, as in tracking."""
        sides = np.max(given(person.boxes)[:, 2:] - given(person.boxes)[:, :2], axis=1)
        return find_swaps(
            np.nan_to_num(points), points3d, confidence, self.motion.times[person.frames],
            np.maximum(np.nan_to_num(sides), height(1.0)), self.source.joint_set, self.source.joint3d_set,
        )  # fmt: skip


def _masks(motion: Motion) -> list[np.ndarray | None]:
    return [None if person.masks is None else person.masks.open() for person in motion]


def _own_and_others(
    masks: Sequence[np.ndarray | None], here: Sequence[tuple[int, int]], place: int
) -> tuple[np.ndarray, np.ndarray]:
    """The mask (h,w) bool of a person in a frame, and where any other is. here: places and rows of all in it."""
    found = {other: given(masks[other])[row].astype(bool) for other, row in here}
    others = [mask for other, mask in found.items() if other != place]
    return found[place], np.logical_or.reduce(others) if others else np.zeros_like(found[place])


def _share(box: np.ndarray, other: np.ndarray) -> float:
    """The share of a box (4,) that another covers."""
    shared = np.maximum(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0.0)
    return float(np.prod(shared) / max(float(np.prod(box[2:] - box[:2])), 1e-9))


def _inside(box: np.ndarray, shape: tuple[int, ...], size: tuple[int, int]) -> tuple[slice, slice]:
    """The cells of a mask of a shape (h,w) in a box (4,) of an image of a width and height."""
    low, high = (np.rint(np.nan_to_num(each) * (shape[1] / max(size[0], 1))).astype(int) for each in (box[:2], box[2:]))
    return slice(max(low[1], 0), max(high[1], 0)), slice(max(low[0], 0), max(high[0], 0))


def _hidden(mask: np.ndarray, roi: np.ndarray, size: int, shape: tuple[int, int]) -> np.ndarray:
    """(size,size) bool: a mask (h,w) of an image of a height and width, in a region (4,) of it."""
    ratio = shape[1] / mask.shape[1], shape[0] / mask.shape[0]
    to_image = np.array([[ratio[0], 0.0, 0.5 * ratio[0] - 0.5], [0.0, ratio[1], 0.5 * ratio[1] - 0.5], [0, 0, 1]])
    from_crop = np.linalg.inv(to_image) @ np.vstack([crop_matrix(roi, size), [0, 0, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(mask.astype(np.float32), from_crop[:2], (size, size), flags=flags) > 0.5)
