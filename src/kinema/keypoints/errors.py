"""Errors of networks' keypoints: a standard deviation for each point and confidence, measured on rendered people.

The free body in poses of CMU's motion capture, rendered before random cameras (`python tools/keypoint_errors.py`): the
standard deviation on one axis of the image, in metres at the person, of errors that include the difference between the
network's definition of a point and the body's. It grows as confidence c falls: spread = level * exp(growth * (1 - c)).
Real images differ, and so do the networks' confidences there; between two networks the ratio of their errors is what
counts, and that is alike on clips whose joints are known (docs/accuracy.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kinema.skeleton import BLAZEPOSE_OWN, FUSED59

WORST = 0.1
"""Metres: points that are off by more are outliers."""

_FULL = {
    "nose": (0.0332, 0.0), "eye": (0.0267, 0.0), "ear": (0.0299, 0.0), "shoulder": (0.0302, 0.0),
    "elbow": (0.0269, 1.07), "wrist": (0.0165, 1.74), "hip": (0.0306, 0.0), "knee": (0.0211, 1.46),
    "ankle": (0.0301, 0.84), "heel": (0.0308, 0.72), "big_toe": (0.026, 2.69),
}  # fmt: skip

_HEAVY = {
    "nose": (0.0309, 0.0), "eye": (0.0251, 0.0), "ear": (0.0271, 0.0), "shoulder": (0.025, 0.0),
    "elbow": (0.0176, 1.11), "wrist": (0.0129, 1.71), "hip": (0.0303, 0.0), "knee": (0.0177, 0.28),
    "ankle": (0.0249, 0.29), "heel": (0.0238, 0.37), "big_toe": (0.0246, 1.02),
}  # fmt: skip

_RTMPOSE = {
    "nose": (0.0166, 3.16), "eye": (0.0118, 3.24), "ear": (0.01, 3.61), "shoulder": (0.0094, 3.73),
    "elbow": (0.0063, 4.24), "wrist": (0.0034, 4.87), "hip": (0.0168, 1.43), "knee": (0.0146, 0.73),
    "ankle": (0.0291, 0.41), "heel": (0.0336, 0.2), "big_toe": (0.0132, 2.81),
}  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """How a network errs. levels: {point without its side: (metres on an axis at confidence 1, growth)}."""

    levels: Mapping[str, tuple[float, float]]

    def sigma(self, names: Sequence[str], confidence: np.ndarray | float) -> np.ndarray:
        """Standard deviations (..., K), metres on an axis, of points of these names with confidences (..., K)."""
        level, growth = np.array([self.levels[name.removeprefix("left_").removeprefix("right_")] for name in names]).T
        return np.asarray(np.minimum(level * np.exp(growth * (1.0 - np.asarray(confidence))), WORST))

    def precision(self, names: Sequence[str], confidence: np.ndarray) -> np.ndarray:
        """Inverse variances (..., K) of the same."""
        return np.asarray(1.0 / self.sigma(names, confidence) ** 2)


SPREADS: dict[str, Spread] = {
    "blazepose": Spread(_FULL),
    "blazepose-heavy": Spread(_HEAVY),
    "rtmpose": Spread(_RTMPOSE),
}
"""By family: sources whose names begin with one, the longest that fits. RTMPose's was measured with its size s."""


def spread_of(source: str) -> Spread:
    """How the keypoints of a source err. Raises KeyError for one whose family was not measured."""
    return SPREADS[max((family for family in SPREADS if source.startswith(family)), key=len, default=source)]


TYPICAL = 0.8
"""Confidence of points that the second of two fused networks sees clearly."""

_LESS = {"neck": 0.5, "mid_hip": 0.5, f"index{BLAZEPOSE_OWN}": 0.1, f"pinky{BLAZEPOSE_OWN}": 0.1}
"""Factors on the weights of points that networks and the body place differently, and of those of a worse network."""

MOST = 2.0
"""Largest weight of a point, that of BlazePose's being 1: the body's joints are not exactly where people's are."""


def reliability(set_name: str, names: Sequence[str]) -> np.ndarray:
    """Weights (K,) of a joint set's points in a fit whose scale of 2D errors was chosen for BlazePose's.

    For the fused set, ratios of variances; for others, whose networks are not known, ones.
    """
    counts = np.ones(len(names))
    if set_name != FUSED59.name:
        return counts
    for k, name in enumerate(names):
        part = name.removeprefix("left_").removeprefix("right_")
        if part in _FULL:
            better, usual = SPREADS["rtmpose"].sigma([part], TYPICAL), SPREADS["blazepose"].sigma([part], 1.0)
            counts[k] = min((usual[0] / better[0]) ** 2, MOST)
        counts[k] *= _LESS.get(part, 1.0)
    return counts
