"""Person masks: telling overlapping people apart, and masking one out in the view of another."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from kinema.geometry.roi import crop_matrix, to_crop
from kinema.keypoints.source import Observation, View

_NOBODY = -20.0  # mask logit where there is certainly nobody
_OVERLAP_SIZE = 64  # pixels of the side at which masks are compared


def mask_in(seen: Observation, roi: np.ndarray, *, size: int) -> np.ndarray:
    """The person's mask (size, size), logits, resampled into another region (4,); far below zero outside its own.

    That low value everywhere if there is no mask.
    """
    if seen.mask is None:
        return np.full((size, size), _NOBODY, dtype=np.float32)
    to_image = np.vstack([crop_matrix(roi, size), [0, 0, 1]])
    place = seen.roi if seen.mask_roi is None else seen.mask_roi
    from_image = np.linalg.inv(np.vstack([crop_matrix(place, len(seen.mask)), [0, 0, 1]]))
    return cv2.warpAffine(
        seen.mask,
        (from_image @ to_image)[:2],
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_NOBODY,
    )


def shown(seen: Observation, points: np.ndarray) -> np.ndarray:
    """(n,) bool: whether points (n, 2) pixels of the image lie in the person's mask; none do without one."""
    inside = np.zeros(len(points), dtype=bool)
    if seen.mask is None:
        return inside
    size = len(seen.mask)
    place = seen.roi if seen.mask_roi is None else seen.mask_roi
    cells = np.floor(to_crop(points, place) * size).astype(int)
    within = np.all((cells >= 0) & (cells < size), axis=1)
    inside[within] = seen.mask[cells[within, 1], cells[within, 0]] > 0.0
    return inside


def with_mask_of(seen: Observation, before: Observation, elapsed: float) -> Observation:
    """The observation with the mask of `elapsed` seconds ago, translated with the hips."""
    place = np.array(before.roi if before.mask_roi is None else before.mask_roi)
    place[:2] += seen.next_roi[:2] - before.next_roi[:2]
    return dataclasses.replace(seen, mask=before.mask, mask_roi=place, mask_age=before.mask_age + elapsed)


def mask_overlap(a: Observation, b: Observation) -> float:
    """The fraction of the smaller mask that lies inside the other one, 0 to 1; 0 if a mask is missing."""
    if a.mask is None or b.mask is None:
        return 0.0
    large, small = (a, b) if a.roi[2] >= b.roi[2] else (b, a)
    one = mask_in(large, large.roi, size=_OVERLAP_SIZE) > 0.0
    two = mask_in(small, large.roi, size=_OVERLAP_SIZE) > 0.0
    least = min(np.count_nonzero(one), np.count_nonzero(two))
    return float(np.count_nonzero(one & two) / max(least, 1))


def hide_people(view: View, people: list[tuple[Observation, np.ndarray]], own: Observation | None = None) -> View:
    """The view with other people blurred beyond recognition, so that the network ignores them.

    people: their observations and their displacement since, (2,) pixels; own: the last observation of the
    view's own person, whose mask is left intact.
    """
    size = len(view.pixels)
    mine = -1.0 if own is None else np.maximum(mask_in(own, view.roi, size=size), -1.0)
    hide = np.zeros((size, size), dtype=bool)
    for seen, step in people:
        shifted = np.array([*(view.roi[:2] - step), *view.roi[2:]])
        hide |= mask_in(seen, shifted, size=size) > mine + 1.0
    return dataclasses.replace(view, pixels=blurred(view.pixels, hide)) if hide.any() else view


def blurred(pixels: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The pixels (S,S,3) uint8 of a view, beyond recognition `where` (S,S)."""
    if not where.any():
        return pixels
    size = len(pixels)
    coarse = cv2.resize(cv2.resize(pixels, (8, 8), interpolation=cv2.INTER_AREA), (size, size))
    return np.where(where[..., None], coarse, pixels)
