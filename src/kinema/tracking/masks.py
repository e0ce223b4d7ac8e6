"""People's outlines: telling overlapping people apart, and hiding one from a crop of the other."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from kinema.geometry.roi import crop_matrix
from kinema.models.blazepose.landmarks import CROP, Landmarks

_NOBODY = -20.0  # logit of the outline where there is certainly nobody


def outline_in(seen: Landmarks, roi: np.ndarray, *, size: int = CROP) -> np.ndarray:
    """The person's outline (size, size), logits, as it falls into another crop; far below zero outside its own.

    Nothing but that low value where the network was not asked for the outline.
    """
    if seen.mask is None:
        return np.full((size, size), _NOBODY, dtype=np.float32)
    to_image = np.vstack([crop_matrix(roi, size), [0, 0, 1]])
    place = seen.roi if seen.mask_roi is None else seen.mask_roi
    from_image = np.linalg.inv(np.vstack([crop_matrix(place, CROP), [0, 0, 1]]))
    return cv2.warpAffine(
        seen.mask,
        (from_image @ to_image)[:2],
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_NOBODY,
    )


def with_outline_of(seen: Landmarks, before: Landmarks, elapsed: float) -> Landmarks:
    """What was seen with the outline of `elapsed` seconds before, moved along with the hips."""
    place = np.array(before.roi if before.mask_roi is None else before.mask_roi)
    place[:2] += seen.next_roi[:2] - before.next_roi[:2]
    return dataclasses.replace(seen, mask=before.mask, mask_roi=place, mask_age=before.mask_age + elapsed)


def shared_outline(a: Landmarks, b: Landmarks) -> float:
    """How much of the smaller outline the other one holds, 0 to 1; 0 where an outline is not known."""
    if a.mask is None or b.mask is None:
        return 0.0
    size = CROP // 4
    large, small = (a, b) if a.roi[2] >= b.roi[2] else (b, a)
    one = outline_in(large, large.roi, size=size) > 0.0
    two = outline_in(small, large.roi, size=size) > 0.0
    least = min(np.count_nonzero(one), np.count_nonzero(two))
    return float(np.count_nonzero(one & two) / max(least, 1))


def without(
    pixels: np.ndarray, roi: np.ndarray, people: list[tuple[Landmarks, np.ndarray]], own: Landmarks | None = None
) -> np.ndarray:
    """A crop (256, 256, 3) with other people painted over, so that the network does not turn to them.

    roi (4,) of the crop; people: their landmarks and how far they have moved since, (2,) pixels; own: what
    was last seen of the crop's own person, who is left as is.
    """
    mine = -1.0 if own is None else np.maximum(outline_in(own, roi), -1.0)
    blurred = None
    for seen, step in people:
        shifted = np.array([*(roi[:2] - step), *roi[2:]])
        theirs = outline_in(seen, shifted)
        hide = theirs > mine + 1.0
        if not hide.any():
            continue
        if blurred is None:
            blurred = cv2.resize(cv2.resize(pixels, (8, 8), interpolation=cv2.INTER_AREA), (CROP, CROP))
        pixels = np.where(hide[..., None], blurred, pixels)
    return pixels
