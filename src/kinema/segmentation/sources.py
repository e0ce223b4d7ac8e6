"""Masks of the people in one frame after another: by the keypoint network, Mask R-CNN, DeepLabV3, or from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from kinema.geometry.crops import crop
from kinema.geometry.roi import crop_matrix
from kinema.keypoints.registry import open_source
from kinema.keypoints.source import View, region_of
from kinema.models.maskrcnn.boxes import overlaps
from kinema.motion import Motion
from kinema.person import Person, row_of
from kinema.progress import Progress
from kinema.segmentation.files import read_masks
from kinema.segmentation.masks import Masks
from kinema.segmentation.person_masks import near
from kinema.segmentation.registry import MaskedFrame, Setting
from kinema.segmentation.steady import SHARE, Seen, Steadier, warped
from kinema.video import Frame, VideoReader

if TYPE_CHECKING:
    from kinema.models.maskrcnn.torch_run import Detections

FrameMasks = Callable[[Frame], np.ndarray]
"""From a frame to the masks (P,H,W) bool of the motion's people; called once for each frame, in order."""

_SAME_PERSON = 0.3
"""Least intersection over union of a mask's box and a track's box."""

_SAME_TRACK = 0.1
"""The same on average over a track, whose person a file's masks may show only at times."""


class EachFrame:
    """A source whose masks of a frame are made from this frame, or those before it."""

    def __init__(self, masks_in: FrameMasks, frames: int = 0) -> None:
        self._masks_in, self._frames = masks_in, frames

    def frames(self, video: VideoReader, progress: Progress) -> Iterator[MaskedFrame]:
        total = self._frames or video.num_frames_estimate
        for frame in video:
            yield MaskedFrame(frame.index, frame.image, self._masks_in(frame))
            progress(frame.index + 1, total)


def open_keypoints(given: Setting) -> EachFrame:
    """The row blazepose."""
    return EachFrame(KeypointMasks(given.motion, threads=given.threads), given.motion.num_frames)


def open_instances(given: Setting) -> EachFrame:
    """The row maskrcnn."""
    from kinema.models.maskrcnn.torch_run import MaskRCNNRun

    people_in = MaskRCNNRun(given.checkpoints["maskrcnn"], threads=given.threads).people
    return EachFrame(partial(masks_of_tracks, people_in, given.motion), given.motion.num_frames)


def open_semantic(given: Setting) -> EachFrame:
    """The row deeplabv3."""
    from kinema.models.deeplabv3.torch_run import DeepLabRun

    return EachFrame(SemanticMasks(DeepLabRun(given.checkpoints["deeplabv3"], threads=given.threads)))


def open_file(given: Setting) -> EachFrame:
    """Masks of a file, each given to the track whose boxes it overlaps most over the whole clip; of masks of all people
    together each track has what lies in its box.

    Raises InputError if they are not of this video.
    """
    masks, motion, file = read_masks(given.options.source), given.motion, given.options.source
    masks.require_fit(motion.num_frames, motion.height, motion.width, source=str(file))
    if masks.semantic:
        return EachFrame(partial(divided, masks, motion), motion.num_frames)
    place_of = owners(masks, motion)
    lost = [str(person.id) for person, place in zip(motion, place_of, strict=True) if place is None]
    if lost:
        given.note(f"{file} has no masks of person {', '.join(lost)}")

    def masks_in(frame: Frame) -> np.ndarray:
        size = frame.image.shape[:2]
        every = masks.frame(frame.index, size)
        nobody = np.zeros(size, bool)
        return np.array([nobody if place is None else every[place] for place in place_of]).reshape(-1, *size)

    return EachFrame(masks_in, motion.num_frames)


def divided(masks: Masks, motion: Motion, frame: Frame) -> np.ndarray:
    """The masks (P,H,W) of the motion's people in a frame, from one of all people: what lies in the box of each."""
    size = frame.image.shape[:2]
    every, out = masks.union(frame.index, size), np.zeros((len(motion.people), *size), bool)
    for place, person in enumerate(motion):
        row = row_of(person, frame.index)
        if row is not None:
            out[place] = every & near(person.require("boxes")[0][row], size)
    return out


def owners(masks: Masks, motion: Motion) -> list[int | None]:
    """For each person of the motion the place of its masks, None where none overlap."""
    shared = np.zeros((len(motion.people), len(masks.ids)))
    for index in range(len(masks)):
        found = masks.boxes(index, (motion.height, motion.width))
        found = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1)
        rows = [(place, row_of(person, index)) for place, person in enumerate(motion)]
        here = [(place, motion.people[place].require("boxes")[0][row]) for place, row in rows if row is not None]
        if here:
            shared[[place for place, _ in here]] += overlap_of(np.array([box for _, box in here]), found)
    shared /= np.array([max(len(person), 1) for person in motion])[:, None]
    pairs = {int(a): int(b) for a, b in zip(*linear_sum_assignment(-shared), strict=True) if shared[a, b] > _SAME_TRACK}
    return [pairs.get(place) for place in range(len(motion.people))]


class KeypointMasks:
    """The masks that BlazePose's landmark network gives with the keypoints, in each person's region.

    Each is steadied by the previous frame (`kinema.segmentation.steady`). Where people overlap, a pixel belongs to the
    one of whom the network is surer.
    """

    def __init__(self, motion: Motion, *, threads: int = 1, share: float = SHARE) -> None:
        source = open_source("blazepose", threads=threads)
        self._estimator, self._joints = source.estimator, source.joint_set
        self._people = tuple(motion)
        self._steadier = Steadier(share)

    def __call__(self, frame: Frame) -> np.ndarray:
        height, width = frame.image.shape[:2]
        best = np.zeros((height, width), np.float32)
        owner = np.full((height, width), -1)
        for place, person in enumerate(self._people):
            row = row_of(person, frame.index)
            if row is None:
                continue
            seen = self._in_region(frame, person, row)
            if seen is None:
                continue
            roi, logits = seen
            here = warped(logits, crop_matrix(roi, len(logits)), (width, height))
            surer = here > best
            best[surer], owner[surer] = here[surer], place
        return np.asarray(owner[None] == np.arange(len(self._people))[:, None, None])

    def _in_region(self, frame: Frame, person: Person, row: int) -> tuple[np.ndarray, np.ndarray] | None:
        """The person's region (4,) and logits (S,S) in it, None where no keypoint is seen."""
        points, confidence = person.require("keypoints", "keypoint_confidence")
        sure = np.where(np.isfinite(points[row]).all(axis=1), confidence[row], 0.0)
        if not (sure >= self._estimator.thresholds.visible).any():
            return None
        # Of all keypoints, guessed ones too: a region of the sure ones would jump with each that is no longer sure.
        roi = region_of(points[row], sure, self._joints, visible=0.0)
        view = View(frame, roi, crop(frame.image, roi, size=self._estimator.crop_size))
        logits = self._estimator.observe(view, mask=True).mask
        assert logits is not None
        return roi, self._steadier(person.id, Seen(frame.index, roi, logits, view.pixels))


def masks_of_tracks(people_in: Callable[[np.ndarray], Detections], motion: Motion, frame: Frame) -> np.ndarray:
    """The masks (P,H,W) of the motion's people in a frame: each instance in it is given to the track whose box overlaps
    its own most, in all as much as possible.

    people_in: from an image to the people in it, as Mask R-CNN gives them.
    """
    out = np.zeros((len(motion.people), *frame.image.shape[:2]), bool)
    rows = [(place, row_of(person, frame.index)) for place, person in enumerate(motion)]
    here = [(place, motion.people[place].require("boxes")[0][row]) for place, row in rows if row is not None]
    if not here:
        return out
    found = people_in(frame.image)
    for track, instance in linked(np.array([box for _, box in here]), found.boxes):
        out[here[track][0]] = found.masks[instance] > 0
    return out


class SemanticMasks:
    """DeepLabV3's people, all in one mask (1,H,W)."""

    def __init__(self, network: Callable[[np.ndarray], np.ndarray]) -> None:
        self._network = network

    def __call__(self, frame: Frame) -> np.ndarray:
        from kinema.models.deeplabv3.facts import THRESHOLD

        height, width = frame.image.shape[:2]
        probability = cv2.resize(self._network(frame.image), (width, height), interpolation=cv2.INTER_LINEAR)
        return (probability >= THRESHOLD)[None]


def overlap_of(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Intersection over union (n,m) of boxes (n,4) and (m,4) x1 y1 x2 y2, 0 where one is NaN."""
    return np.asarray(np.nan_to_num(overlaps(one, two)))


def linked(tracks: np.ndarray, instances: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of indices of tracks' boxes (n,4) and instances' boxes (m,4) x1 y1 x2 y2 that are one person."""
    overlap = overlap_of(tracks, instances)
    pairs = zip(*linear_sum_assignment(-overlap), strict=True)
    return [(int(track), int(one)) for track, one in pairs if overlap[track, one] >= _SAME_PERSON]
