"""Newcomers at the image's edge whom the detector took to be tilted: examined upright as well.

The detector tells how somebody is tilted from the top of a circle around the body. Of somebody who is half out of the
image it may guess that wrongly, and a keypoint network that is shown an upright person lying down finds a lying one
there, frame after frame, though it is never sure of it. Shown the same person upright it is. Whoever is in the image
as a whole is left alone: people who bend are unclear at times, and rightly tilted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.keypoints.source import BODY, Observation, View
from kinema.tracking.gate import clearness
from kinema.tracking.masks import hide_people
from kinema.tracking.perception import Perception
from kinema.tracking.recovery import UPRIGHT

_CUT = 0.75  # share of the keypoints inside the image below which its edge cuts the body
_SCALES = (1.0, 1.25)  # of the region: somebody whom the edge cuts is larger than what is seen


def upright(
    seen: Observation, view: View, perception: Perception, others: Sequence[Observation]
) -> tuple[Observation, View]:
    """The newcomer, seen upright if the edge cuts them and only so it is surely a person; and the view of that.

    seen: as observed in the view; others: people who are hidden from the view.
    """
    least = perception.thresholds.surely_person
    inside = np.all((seen.points[BODY] >= 0) & (seen.points[BODY] < perception.size), axis=1)
    if abs(seen.next_roi[3]) < UPRIGHT or inside.mean() >= _CUT or _clear(seen, perception) >= least:
        return seen, view
    best = seen, view
    for scale in _SCALES:
        roi = np.array([*seen.next_roi[:2], scale * seen.next_roi[2], 0.0])
        shown = hide_people(perception.view(view.frame, roi), [(other, np.zeros(2)) for other in others])
        again = perception.observe(shown, mask=seen.mask is not None)
        clear = _clear(again, perception)
        if clear > least and perception.gate.expected(again, roi):
            best, least = (again, shown), clear
    return best


def _clear(seen: Observation, perception: Perception) -> float:
    return clearness(seen.points, seen.confidence, perception.size)
