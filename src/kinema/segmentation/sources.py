"""Masks of the people in one frame after another: by the keypoint network, by Mask R-CNN, by DeepLabV3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from kinema.errors import InputError
from kinema.geometry.crops import crop
from kinema.geometry.roi import crop_matrix
from kinema.keypoints.registry import open_source
from kinema.keypoints.source import View, explained, region_of
from kinema.motion import Motion
from kinema.person import Person
from kinema.segmentation.options import MaskOptions
from kinema.video import Frame
from kinema.weights import locate

FrameMasks = Callable[[Frame], np.ndarray]
"""From a frame to the masks (P,H,W) bool of the motion's people; called once for each frame, in order."""

_STEADY = 0.25
"""Share of the frame before in a mask, whose border otherwise flickers from frame to frame."""

_MOST_STEADY = 3.0
"""Largest logit of the frame before that counts, so that a limb that has moved away leaves nothing behind."""

_NOBODY = -20.0
_SAME_PERSON = 0.3
"""Least intersection over union of a mask's box and a track's box."""


def open_masks(options: MaskOptions, motion: Motion, *, threads: int = 1) -> FrameMasks:
    """The source that the options name, ready to run.

    motion: of the same frames, with boxes and, for blazepose, its 33 keypoints; deeplabv3 does without people. Raises
    WeightsError, InputError (the checkpoint), UsageError if torch is missing.
    """
    if options.source == "blazepose":
        return KeypointMasks(motion, threads=threads)
    checkpoint = checkpoint_of(options)
    assert checkpoint is not None
    with explained(f"masks by {options.source}", "torch"):
        if options.source == "maskrcnn":
            from kinema.models.maskrcnn.torch_run import MaskRCNNRun

            return InstanceMasks(MaskRCNNRun(checkpoint, threads=threads), motion)
        from kinema.models.deeplabv3.torch_run import DeepLabRun

        return SemanticMasks(DeepLabRun(checkpoint, threads=threads))


def checkpoint_of(options: MaskOptions) -> Path | None:
    """The published weights of the source, the user's file or the cache's; None for blazepose.

    Raises InputError if there is no such file, WeightsError if none is in the cache.
    """
    if options.source == "blazepose":
        return None
    if options.checkpoint is None:
        return locate(options.source).path
    if not options.checkpoint.exists():
        raise InputError(f"{options.checkpoint} does not exist; check the path of the weights")
    return options.checkpoint


class KeypointMasks:
    """The masks that BlazePose's landmark network gives with the keypoints, in each person's region.

    A mask is mixed with that of the frame before, moved along with the region's centre, the hips. Where people overlap,
    a pixel belongs to the one of whom the network is surer.
    """

    def __init__(self, motion: Motion, *, threads: int = 1) -> None:
        source = open_source("blazepose", threads=threads)
        self._estimator, self._joints = source.estimator, source.joint_set
        self._people = tuple(motion)
        self._before: dict[int, tuple[int, np.ndarray, np.ndarray]] = {}

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
        visible = self._estimator.thresholds.visible
        sure = np.where(np.isfinite(points[row]).all(axis=1), confidence[row], 0.0)
        if not (sure >= visible).any():
            return None
        roi = region_of(points[row], sure, self._joints, visible=visible)
        view = View(frame, roi, crop(frame.image, roi, size=self._estimator.crop_size))
        logits = self._estimator.observe(view, mask=True).mask
        assert logits is not None
        steady = logits
        index, before, last = self._before.get(person.id, (-2, roi, logits))
        if index == frame.index - 1:
            moved = np.array([*roi[:2], *before[2:]])
            there = np.clip(placed(last, moved, onto=roi), -_MOST_STEADY, _MOST_STEADY)
            steady = (1 - _STEADY) * logits + _STEADY * there
        self._before[person.id] = frame.index, roi, logits
        return roi, np.asarray(steady, np.float32)


class InstanceMasks:
    """Mask R-CNN's people, each given to the track whose box overlaps its own most, in all as much as possible."""

    def __init__(self, network: Callable, motion: Motion) -> None:
        self._people_in = network.people  # type: ignore[attr-defined]
        self._people = tuple(motion)

    def __call__(self, frame: Frame) -> np.ndarray:
        out = np.zeros((len(self._people), *frame.image.shape[:2]), bool)
        rows = [(place, row_of(person, frame.index)) for place, person in enumerate(self._people)]
        here = [(place, self._people[place].require("boxes")[0][row]) for place, row in rows if row is not None]
        if not here:
            return out
        found = self._people_in(frame.image)
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


def placed(logits: np.ndarray, roi: np.ndarray, *, onto: np.ndarray) -> np.ndarray:
    """Logits (S,S) of the region `roi` (4,) in the pixels of another region."""
    there = np.vstack([crop_matrix(onto, len(logits)), [0, 0, 1]])
    here = np.vstack([crop_matrix(roi, len(logits)), [0, 0, 1]])
    return warped(logits, (np.linalg.inv(there) @ here)[:2], logits.shape)


def warped(logits: np.ndarray, matrix: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Logits moved by an affine map (2,3) into a picture of that width and height; nobody is beyond their border."""
    return cv2.warpAffine(
        logits, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=_NOBODY
    )


def row_of(person: Person, frame: int) -> int | None:
    """The row of a person's arrays for a frame, None where the person is not seen."""
    row = int(np.searchsorted(person.frames, frame))
    return row if row < len(person.frames) and person.frames[row] == frame else None


def linked(tracks: np.ndarray, instances: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of indices of tracks' boxes (n,4) and instances' boxes (m,4) x1 y1 x2 y2 that are one person."""
    low = np.maximum(tracks[:, None, :2], instances[None, :, :2])
    high = np.minimum(tracks[:, None, 2:], instances[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (tracks, instances)]
    overlap = np.nan_to_num(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9))
    pairs = zip(*linear_sum_assignment(-overlap), strict=True)
    return [(int(track), int(one)) for track, one in pairs if overlap[track, one] >= _SAME_PERSON]
