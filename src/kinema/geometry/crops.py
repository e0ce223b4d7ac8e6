"""Cropping rotated squares (`kinema.geometry.roi`) from images."""

from __future__ import annotations

import cv2
import numpy as np

from kinema.geometry.roi import crop_matrix


def crop(image: np.ndarray, roi: np.ndarray, *, size: int) -> np.ndarray:
    """The ROI (4,) of an image (H, W, 3) uint8, upright, (size, size, 3) uint8; border pixels are replicated outside.

    If the ROI is at least twice as large as the crop, its part of the image is first halved, once or more:
    sampling single pixels of a large image makes keypoints jitter (by a tenth in acceleration, measured).
    """
    matrix = crop_matrix(roi, size)
    times = 1
    while roi[2] >= 2.0 * times * size:
        times *= 2
    if times > 1:
        turned = abs(np.cos(roi[3])) + abs(np.sin(roi[3]))
        reach = 0.5 * float(roi[2]) * turned + times
        x, y = (max(int(c - reach), 0) for c in roi[:2])
        width = (min(int(roi[0] + reach), image.shape[1]) - x) // times
        height = (min(int(roi[1] + reach), image.shape[0]) - y) // times
        if width >= 1 and height >= 1:
            image = image[y : y + height * times, x : x + width * times]
            for _ in range(times.bit_length() - 1):
                halved = (image.shape[1] // 2, image.shape[0] // 2)
                image = cv2.resize(image, halved, interpolation=cv2.INTER_AREA)
            # Pixel i of the reduced image is the mean of `times` pixels from i * times on, and shares their centre.
            matrix[:, 2] = (matrix[:, 2] - (x, y) + 0.5) / times - 0.5
            matrix[:, :2] /= times
    return cv2.warpAffine(
        image,
        matrix,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
