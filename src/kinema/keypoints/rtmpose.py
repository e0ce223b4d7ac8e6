"""RTMPose as a keypoint source: its 2D keypoints beside BlazePose's 3D, from the same crop.

RTMPose's points lie nearer to the truth in the image, BlazePose gives depth, masks and the region of the next frame.
The result has BlazePose's 33 landmarks, so that everything that reads them works: those that RTMPose has, too, are its
own where it is sure.
"""

from __future__ import annotations

import cv2
import numpy as np

from kinema.geometry.roi import from_crop, to_crop
from kinema.keypoints.blazepose import THRESHOLDS, open_blazepose
from kinema.keypoints.source import KeypointEstimator, KeypointSource, Observation, OpenedSource, View
from kinema.keypoints.top_down import CropNetwork
from kinema.models.image_network import ImageNetwork
from kinema.models.rtmpose.network import RTMPose
from kinema.skeleton import BLAZEPOSE33, HALPE26
from kinema.weights import locate

SHARED = tuple(name for name in HALPE26.joints if name in BLAZEPOSE33)
MARGIN = 1.1
"""Size of the part of a crop that RTMPose sees over that of the person in it, at least."""


class Estimator:
    """Both networks as one `KeypointEstimator`."""

    gives_masks = True
    thresholds = THRESHOLDS

    def __init__(self, blazepose: KeypointEstimator, network: RTMPose) -> None:
        self._blazepose, self._network = blazepose, network
        self.crop_size = blazepose.crop_size
        self._ours, self._theirs = BLAZEPOSE33.indices(SHARED), HALPE26.indices(SHARED)

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        seen = self._blazepose.observe(view, mask=mask)
        points, confidence = points_in_view(self._network, view, seen.points)
        share = confidence[self._theirs]
        merged = seen.points.copy()
        merged[self._ours] += share[:, None] * (points[self._theirs] - merged[self._ours])
        return Observation(
            points=merged, visibility=seen.visibility, presence=seen.presence, score=seen.score, roi=seen.roi,
            next_roi=seen.next_roi, points3d=seen.points3d, mask=seen.mask,
        )  # fmt: skip


def points_in_view(network: CropNetwork, view: View, around: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The network's points (K, 2) in pixels of the image, and confidences (K,), of the person in a view.

    The network, whose crop is narrower than the view, sees as much of it as the points `around` (L, 2) need in width.
    """
    size, height, width = len(view.pixels), network.height, network.width
    unit = to_crop(around, view.roi)
    extent = 2 * np.abs(unit[:, 0] - 0.5).max() * MARGIN
    scale = min(1.0, width / height / max(extent, 1e-6)) * height / size
    shift = np.array([width - 1, height - 1]) / 2 - scale * (size - 1) / 2
    matrix = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    crop = cv2.warpAffine(view.pixels, matrix, (width, height), flags=cv2.INTER_LINEAR)
    points, confidence = network(crop)
    return from_crop(((points - shift) / scale + 0.5) / size, view.roi), confidence


def open_rtmpose(source: KeypointSource, *, threads: int) -> OpenedSource:
    """BlazePose's two networks and RTMPose. Raises WeightsError if they are unavailable."""
    below = open_blazepose(source, threads=threads)
    file = locate("rtmpose-s-halpe26")
    estimator = Estimator(below.estimator, RTMPose(ImageNetwork(file.path, threads=threads)))
    return OpenedSource(source, estimator, below.detector, (*below.weights, file))
