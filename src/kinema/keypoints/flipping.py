"""Flip averaging: the mean of a network's results for an image and for its mirror image.

Its errors on the two differ, and left and right are treated equally. It takes twice the time.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from kinema.geometry.roi import from_crop, rotate, to_crop
from kinema.keypoints.source import KeypointEstimator, Observation, View
from kinema.skeleton import JointSet

APART = 0.25
"""Distance of two estimates of a point, as a fraction of the region's side, above which only the more confident one
counts."""


class Flipped:
    """A `KeypointEstimator` that averages another one's results, which must depend on the view's pixels only."""

    def __init__(self, estimator: KeypointEstimator, joints: JointSet, joints3d: JointSet | None) -> None:
        self._estimator, self._joints, self._joints3d = estimator, joints, joints3d
        self.crop_size, self.gives_masks = estimator.crop_size, estimator.gives_masks
        self.thresholds = estimator.thresholds

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        mirrored = dataclasses.replace(view, pixels=np.ascontiguousarray(view.pixels[:, ::-1]))
        first = self._estimator.observe(view, mask=mask)
        second = unmirrored(self._estimator.observe(mirrored, mask=mask), self._joints, self._joints3d)
        return mean_of(first, second)


def unmirrored(seen: Observation, joints: JointSet, joints3d: JointSet | None) -> Observation:
    """The observation of the mirrored pixels of a view, mapped back to the view: left and right are exchanged, too."""
    roi = np.asarray(seen.roi, dtype=np.float64)
    unit = to_crop(seen.points, roi)[joints.mirror]
    unit[:, 0] = 1.0 - unit[:, 0]
    centre = to_crop(seen.next_roi[None, :2], roi)
    centre[:, 0] = 1.0 - centre[:, 0]
    turned = 2.0 * roi[3] - seen.next_roi[3]
    points3d = seen.points3d
    if points3d is not None and joints3d is not None:
        inside = rotate(points3d[joints3d.mirror], -roi[3])
        inside[:, 0] *= -1.0
        points3d = rotate(inside, roi[3])
    return dataclasses.replace(
        seen,
        points=from_crop(unit, roi),
        visibility=seen.visibility[joints.mirror],
        presence=seen.presence[joints.mirror],
        next_roi=np.array([*from_crop(centre, roi)[0], seen.next_roi[2], turned]),
        points3d=points3d,
        mask=None if seen.mask is None else np.ascontiguousarray(seen.mask[:, ::-1]),
    )


def mean_of(a: Observation, b: Observation) -> Observation:
    """The mean of two observations in one view, their points weighted by confidence."""
    weights = np.stack([a.confidence, b.confidence]) + 1e-6
    apart = np.hypot(*(a.points - b.points).T) > APART * a.roi[2]
    weights[:, apart] *= weights[:, apart] == weights[:, apart].max(axis=0)
    share = (weights[1] / weights.sum(axis=0))[:, None]
    turn = np.angle(np.exp(1j * (b.next_roi[3] - a.next_roi[3])))
    return dataclasses.replace(
        a,
        points=a.points + share * (b.points - a.points),
        visibility=(a.visibility + b.visibility) / 2.0,
        presence=(a.presence + b.presence) / 2.0,
        score=(a.score + b.score) / 2.0,
        next_roi=np.array([*(a.next_roi[:3] + b.next_roi[:3]) / 2.0, a.next_roi[3] + turn / 2.0]),
        points3d=None if a.points3d is None or b.points3d is None else (a.points3d + b.points3d) / 2.0,
        mask=None if a.mask is None or b.mask is None else (a.mask + b.mask) / 2.0,
    )
