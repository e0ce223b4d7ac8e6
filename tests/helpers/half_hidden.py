"""People of whom half is hidden for a while: what a keypoint network and a fit make of them."""

from __future__ import annotations

import numpy as np

from kinema.body import BodyModel
from kinema.motion import Motion
from kinema.skeleton import BLAZEPOSE33
from tests.helpers.monocular import mistaken_for_farther

LEGS = [k for k, name in enumerate(BLAZEPOSE33.joints) if name.split("_")[-1] in ("knee", "ankle", "heel", "index")]
"""Points that are hidden behind a wall, a car, other people; of BlazePose's hands, whose index fingers are as well."""


def spell(times: np.ndarray, middle: float, seconds: float, edge: float = 0.15) -> np.ndarray:
    """(T,) 1 for some seconds about a time, 0 otherwise, in between within `edge` seconds."""
    return np.clip((0.5 * seconds - np.abs(times - middle)) / edge + 0.5, 0.0, 1.0)


def seen_with(motion: Motion, confidence: np.ndarray) -> Motion:
    """The motion with keypoints of a confidence (F,33) for its first person."""
    person = motion.people[0]
    points = np.zeros((*confidence.shape, 2))
    person = person.replace(keypoint_set=BLAZEPOSE33.name, keypoints=points, keypoint_confidence=confidence)
    return motion.replace(people=(person, *motion.people[1:]))


def half_hidden(motion: Motion, body: BodyModel, when: np.ndarray, share: float) -> Motion:
    """A fitted motion whose person's legs are hidden for some time, when (F,) from 0 to 1, and who is mistaken for
    somebody farther away by a share of the distance meanwhile (negative: nearer), with legs bent by as much less."""
    confidence = np.ones((len(motion.people[0]), len(BLAZEPOSE33)))
    confidence[:, LEGS] = 1.0 - 0.9 * when[:, None]
    return seen_with(mistaken_for_farther(motion, body, share, when, legs=0.75), confidence)
