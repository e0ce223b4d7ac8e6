"""Masks without flicker: a network's output for a frame, blended with that for the same places in the previous frame.

The places are followed by dense optical flow (Kroeger et al., "Fast optical flow using dense inverse search", ECCV
2016), and where the images then differ, the previous frame is not used: nothing lags behind a fast limb.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

from kinema.geometry.roi import crop_matrix

SHARE = 0.7
"""Weight of the previous frame where it shows the same."""

MOST_SURE = 3.0
"""Largest logit that counts in the mixture, so that a place that is no longer the person's is given up at once."""

DIFFERENT = 20.0
"""Grey levels by which a tracked place may look different: a third of the share is then left."""

NOBODY = -20.0
"""Logit where there is certainly nobody."""

_BLUR = 2.0
"""Pixels over which differences are averaged."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A person in a frame. index: of the frame; roi (4,): the region; logits (S,S) of its pixels (S,S,3) uint8 RGB."""

    index: int
    roi: np.ndarray
    logits: np.ndarray
    pixels: np.ndarray


class Steadier:
    """Call it with each person's logits, frame by frame; it starts again after a pause.

    share: see `SHARE`; 0 leaves each frame as it is.
    """

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._before: dict[int, Seen] = {}

    def __call__(self, person: int, seen: Seen) -> np.ndarray:
        """The steady logits (S,S) of a person (an id) in a frame."""
        before = self._before.get(person)
        logits = seen.logits
        if self._share and before is not None and before.index == seen.index - 1:
            there, weight = followed(before, seen)
            share = self._share * weight
            now, then = (np.clip(each, -MOST_SURE, MOST_SURE) for each in (logits, there))
            logits = np.asarray((1 - share) * now + share * then, np.float32)
        self._before[person] = Seen(seen.index, seen.roi, logits, seen.pixels)
        return logits


def followed(before: Seen, now: Seen) -> tuple[np.ndarray, np.ndarray]:
    """The previous frame's logits (S,S) at the places of this frame's pixels, and how surely (S,S) in [0,1] they
    show the same."""
    pixels = moved(before.pixels, before.roi, now.roi, border=cv2.BORDER_REPLICATE)
    logits = moved(before.logits, before.roi, now.roi)
    grey, grey_before = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (now.pixels, pixels))
    flow = _flow().calc(grey, grey_before, None)
    y, x = np.mgrid[: len(grey), : len(grey)].astype(np.float32)
    places = x + flow[..., 0], y + flow[..., 1]
    there = cv2.remap(logits, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=NOBODY)
    same = cv2.remap(pixels, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    difference = np.abs(same.astype(np.float32) - now.pixels).mean(axis=2)
    difference = cv2.GaussianBlur(difference, (0, 0), _BLUR)
    return there, np.exp(-np.square(difference / DIFFERENT))


@cache
def _flow() -> Any:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)


def moved(values: np.ndarray, roi: np.ndarray, onto: np.ndarray, *, border: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """Logits (S,S) or pixels (S,S,3) of a region (4,) in the pixels of another region."""
    size = len(values)
    there, here = (np.vstack([crop_matrix(each, size), [0, 0, 1]]) for each in (onto, roi))
    return warped(values, (np.linalg.inv(there) @ here)[:2], (size, size), border=border)


def warped(
    values: np.ndarray, matrix: np.ndarray, size: tuple[int, ...], *, border: int = cv2.BORDER_CONSTANT
) -> np.ndarray:
    """Values moved by an affine map (2,3) into an image of that width and height; a constant border is nobody."""
    return cv2.warpAffine(values, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=NOBODY)
