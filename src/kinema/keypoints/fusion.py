"""Two networks as one keypoint source, `blazepose+rtmpose-s-halpe26`: 2D of both, BlazePose's depth, masks and regions.

Each point is the mean of both by inverse variance: a network counts by how far off it usually is at this point with
this confidence (`kinema.keypoints.errors`, measured on rendered people). BlazePose's own 33 points follow unchanged,
since the pose lifter has learned how their errors in 2D and 3D belong together.
"""

from __future__ import annotations

import numpy as np

from kinema.errors import UsageError
from kinema.keypoints.calibration import SIMCC
from kinema.keypoints.errors import spread_of
from kinema.keypoints.rtmpose import points_in_view
from kinema.keypoints.source import KeypointEstimator, KeypointSource, Observation, OpenedSource, View
from kinema.keypoints.top_down import CropNetwork, TopDown
from kinema.skeleton import BLAZEPOSE33, FUSED59, HALPE26

JOINED = "+"
"""Between the names of two sources."""

APART = 0.15
"""Distance of two estimates of a point, as a fraction of the region's side, above which only the better one counts."""

SHARED = tuple(name for name in HALPE26.joints if name in BLAZEPOSE33)


class Fused:
    """A `KeypointEstimator` of BlazePose's and of a network of Halpe's points, which looks at the same view.

    names: of the two sources, whose errors are known.
    """

    gives_masks = True
    thresholds = SIMCC.thresholds

    def __init__(self, blazepose: KeypointEstimator, network: CropNetwork, names: tuple[str, str]) -> None:
        self._blazepose, self._network = blazepose, network
        self.crop_size = blazepose.crop_size
        self._theirs, self._ours = HALPE26.indices(SHARED), BLAZEPOSE33.indices(SHARED)
        self._spreads = tuple(spread_of(name) for name in names)

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        seen = self._blazepose.observe(view, mask=mask)
        points, confidence = points_in_view(self._network, view, seen.points)
        points, confidence = self._fused(points, confidence, seen)
        return Observation(
            points=np.concatenate([points, seen.points]),
            visibility=np.concatenate([confidence, seen.visibility]),
            presence=np.concatenate([np.ones(len(points)), seen.presence]),
            score=seen.score,  # whose region is followed decides whether somebody is in it
            roi=seen.roi,
            next_roi=seen.next_roi,
            points3d=seen.points3d,
            mask=seen.mask,
        )

    def _fused(self, points: np.ndarray, confidence: np.ndarray, seen: Observation) -> tuple[np.ndarray, np.ndarray]:
        """Halpe's points (26, 2) and confidences (26,); those that BlazePose has as well are the means of both."""
        ours, sure = seen.points[self._ours], seen.confidence[self._ours]
        theirs, surer = points[self._theirs], confidence[self._theirs]
        first, second = self._spreads
        precision = np.stack([first.precision(SHARED, sure), second.precision(SHARED, surer)])
        apart = np.hypot(*(ours - theirs).T) > APART * seen.roi[2]
        precision[:, apart] *= precision[:, apart] == precision[:, apart].max(axis=0)
        share = precision[1] / precision.sum(axis=0)
        points, confidence = points.copy(), confidence.copy()
        points[self._theirs] = ours + share[:, None] * (theirs - ours)
        confidence[self._theirs] = sure + share * (surer - sure)
        return points, confidence


def fused_source(name: str, first: KeypointSource, second: KeypointSource) -> KeypointSource:
    """The row of two sources together. Raises UsageError if they cannot be fused."""
    if first.joint_set != BLAZEPOSE33.name or not first.name.startswith("blazepose"):
        raise UsageError(
            f"`keypoints` {name}: the first of two sources gives depth and regions; name blazepose or blazepose-heavy"
        )
    if second.joint_set != HALPE26.name:
        raise UsageError(
            f"`keypoints` {name}: the second of two sources has Halpe's 26 points; name for instance rtmpose-s-halpe26"
        )
    return KeypointSource(
        name=name,
        summary=f"{first.name} and {second.name}, fused",
        joint_set=FUSED59.name,
        joint3d_set=BLAZEPOSE33.name,
        open=f"{__name__}:open_fused",
        weights=(*first.weights, *second.weights),
        detects=first.detects,
    )


def open_fused(source: KeypointSource, *, threads: int) -> OpenedSource:
    """Both sources' networks. Raises WeightsError if they are unavailable."""
    from kinema.keypoints.registry import find_source

    names = source.name.split(JOINED)
    first, second = (find_source(name).opened(threads=threads) for name in names)
    if not isinstance(second.estimator, TopDown):
        raise UsageError(f"{names[1]} does not look at one person at a time, and cannot be fused")
    estimator = Fused(first.estimator, second.estimator.network, (names[0], names[1]))
    return OpenedSource(source, estimator, first.detector, (*first.weights, *second.weights))
