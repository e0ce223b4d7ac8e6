"""Calibration of the confidences of published families of networks, for tracking."""

from __future__ import annotations

from kinema.keypoints.source import Thresholds
from kinema.keypoints.top_down import Calibration

SIMCC = Calibration(
    Thresholds(
        visible=0.3,
        boxed=0.3,
        least_points=5,
        recovered_score=0.7,
        surely_person=0.5,
        certainly_person=0.6,
        certain_score=0.95,
        backward_visibility=0.45,
    ),
    person=0.35,
)
"""Measured with RTMPose-s on the real clips: the better half of the keypoints has a mean confidence of 0.7 to 0.9 in
people, 0.4 to 0.8 in a crowd, at most 0.28 in 250 regions of background; all of them 0.6 to 0.85, 0.3 to 0.7, and at
most 0.2. Where nothing is, single keypoints reach 0.28."""

HEATMAPS = SIMCC
"""The peaks of heatmaps lie in the same range; not measured, because no published file is at hand."""

ONE_STAGE = Thresholds(
    visible=0.3,
    boxed=0.3,
    least_points=5,
    recovered_score=0.6,
    surely_person=0.5,
    certainly_person=0.6,
    certain_score=0.75,
    backward_visibility=0.45,
)
"""Of RTMO's boxes (`kinema.keypoints.one_stage.SHOWN`) and keypoints; not measured, because no published file is at
hand."""
