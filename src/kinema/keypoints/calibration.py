"""What the confidences of published families of networks mean to tracking."""

from __future__ import annotations

from kinema.keypoints.source import Thresholds
from kinema.keypoints.top_down import Calibration

SIMCC = Calibration(
    Thresholds(
        visible=0.3, boxed=0.3, least_points=5, recovered_score=0.6, surely_person=0.6, certainly_person=0.7,
        certain_score=0.8, backward_visibility=0.5,
    ),
    person=0.4,
)  # fmt: skip

HEATMAPS = Calibration(
    Thresholds(
        visible=0.3, boxed=0.3, least_points=5, recovered_score=0.6, surely_person=0.6, certainly_person=0.7,
        certain_score=0.8, backward_visibility=0.5,
    ),
    person=0.4,
)  # fmt: skip

ONE_STAGE = Thresholds(
    visible=0.3, boxed=0.3, least_points=5, recovered_score=0.5, surely_person=0.6, certainly_person=0.7,
    certain_score=0.7, backward_visibility=0.5,
)  # fmt: skip
