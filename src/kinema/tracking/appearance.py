"""Appearance of a person: colour histograms of torso and thighs, cheap enough to keep for every track.

Where the person has a mask, only pixels inside it count: another person's arm or body may be in front.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from kinema.geometry.roi import from_crop, to_crop
from kinema.keypoints.source import Observation
from kinema.tracking.body_parts import BodyParts
from kinema.tracking.masks import shown

_BINS = 5
_GRID = 10
_MEMORY = 0.85


@dataclass
class Appearance:
    """Colour histograms (2, 125) of torso and thighs, each summing to one; weight (2,): how much was seen."""

    histogram: np.ndarray
    weight: np.ndarray

    def copy(self) -> Appearance:
        return Appearance(self.histogram.copy(), self.weight.copy())

    def update(self, other: Appearance) -> None:
        """Learn from another observation of the same person."""
        for part in range(2):
            if other.weight[part] <= 0.0:
                continue
            memory = _MEMORY if self.weight[part] > 0.0 else 0.0
            self.histogram[part] = memory * self.histogram[part] + (1.0 - memory) * other.histogram[part]
            self.weight[part] = memory * self.weight[part] + (1.0 - memory) * other.weight[part]

    def distance(self, other: Appearance) -> float:
        """0 for the same colours, 1 for none in common (1 - Bhattacharyya coefficient); 0.5 if nothing was seen."""
        weight = np.minimum(self.weight, other.weight)
        if weight.sum() <= 0.0:
            return 0.5
        overlap = np.sqrt(self.histogram * other.histogram).sum(axis=1)
        return float(1.0 - (weight * overlap).sum() / weight.sum())


def appearance_of(pixels: np.ndarray, seen: Observation, parts: BodyParts) -> Appearance:
    """The appearance of the person in the pixels (S, S, 3) uint8 RGB of the view that `seen` was observed in.

    A part of the body that the joint set lacks counts as not seen, one that the person's mask leaves out as far as it
    does.
    """
    unit = to_crop(seen.points, seen.roi)
    sure = seen.confidence
    size = pixels.shape[0]
    histogram = np.zeros((2, _BINS**3))
    weight = np.zeros(2)
    for part, (sample, joints) in enumerate(((_torso, parts.torso), (_thighs, parts.thighs))):
        if not len(joints):
            continue
        places = sample(unit[joints])
        cells = np.round(places * size).astype(int)
        counts = np.all((cells >= 0) & (cells < size), axis=1)
        if seen.mask is not None:
            counts &= shown(seen, from_crop(places, seen.roi))
        cells = cells[counts]
        weight[part] = float(sure[joints].mean()) * (len(cells) / len(places))
        if len(cells):
            histogram[part] = _histogram(pixels[cells[:, 1], cells[:, 0]])
    return Appearance(histogram, weight)


_ALONG = (np.arange(_GRID) + 0.5) / _GRID


def _torso(quad: np.ndarray) -> np.ndarray:
    """Points (n*n, 2) on a regular grid inside the quadrilateral left/right shoulder, left/right hip (4, 2)."""
    u, v = np.meshgrid(0.15 + 0.7 * _ALONG, 0.15 + 0.7 * _ALONG)
    u, v = u.reshape(-1, 1), v.reshape(-1, 1)
    top = quad[0] + u * (quad[1] - quad[0])
    bottom = quad[2] + u * (quad[3] - quad[2])
    return np.asarray(top + v * (bottom - top))


def _thighs(joints: np.ndarray) -> np.ndarray:
    """Points (6 n, 2) on and next to the lines from hip to knee; joints (4, 2): left hip, knee, right hip, knee."""
    pairs = joints.reshape(2, 2, 2)
    steps = (0.2 + 0.7 * _ALONG)[:, None]
    thighs = np.concatenate([a + steps * (b - a) for a, b in pairs])
    # Three samples across each thigh, a twelfth of its length apart.
    across = np.repeat([[b[1] - a[1], a[0] - b[0]] for a, b in pairs], _GRID, axis=0) / 12.0
    return np.concatenate([thighs, thighs + across, thighs - across])


def _histogram(colours: np.ndarray) -> np.ndarray:
    """(125,) histogram of colours (n, 3) uint8 RGB as luma and chroma, with linear interpolation between bins."""
    luma_chroma = cv2.cvtColor(colours[None], cv2.COLOR_RGB2YCrCb)[0].astype(np.float64)
    # Luma over its full range; the chroma of clothes stays near the middle of its range.
    spans = np.array([[0.0, 255.0], [88.0, 168.0], [88.0, 168.0]])
    place = (luma_chroma - spans[:, 0]) / (spans[:, 1] - spans[:, 0]) * (_BINS - 1)
    place = np.clip(place, 0.0, _BINS - 1 - 1e-6)
    low = place.astype(int)
    part = place - low
    histogram = np.zeros(_BINS**3)
    for corner in np.ndindex(2, 2, 2):
        cell = low + corner
        share = np.prod(np.where(np.array(corner) == 1, part, 1.0 - part), axis=1)
        index = (cell[:, 0] * _BINS + cell[:, 1]) * _BINS + cell[:, 2]
        histogram += np.bincount(index, weights=share, minlength=_BINS**3)
    return histogram / len(colours)
