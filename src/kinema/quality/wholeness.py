"""Whether a track shows a whole person: a body is fitted to whatever was tracked, be it a hand, legs or a lamp.

What tells, measured on real clips (people, and things that a detector with lower thresholds takes for people):

- the distance of the fitted body from the keypoints: 0.5 to 2.2 % of the person's size for people, 3.5 % for one who
  spins on the floor, 4 to 27 % for things and single limbs, with few exceptions;
- the confidence of the keypoints: 0.75 to 0.98 for people, 0.46 to 0.88 for things;
- how keypoints move: on a thing they flicker fast without going anywhere, or stay where they are, and the body that
  they make is not upright.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from kinema.motion import Motion
from kinema.person import Person
from kinema.quality.problems import CLEANUP, Problem
from kinema.skeleton import BLAZEPOSE33, BLAZEPOSE_OWN, FUSED59, joint_set

MISFIT = 0.05
"""Median reprojection error, as a fraction of the person's size, from which the body does not match the image."""

_NO_BODY = 0.1  # misfit of no whole person, however clear the keypoints
_UNCLEAR = ((0.09, 0.8), (0.03, 0.7))  # misfit with a lower confidence than this: no person either
_NOWHERE = 0.85  # and nobody with a misfit above MISFIT and a lower confidence than this who does not go anywhere
_STILL, _UPRIGHT, _LEANING = 0.1, 0.1, 45.0  # spread; share of frames; degrees of the trunk from the vertical
_STILL_MISFIT, _STILL_CONFIDENCE, _DIM = 0.025, 0.85, 0.65  # of a thing that stays on the spot and is not upright
_FLICKER_MISFIT, _FLICKER_CONFIDENCE = 0.035, 0.9
_FLICKER_SPEED, _FLICKER_SPREAD = 0.9, 0.3  # sizes per second of the keypoints; sizes over which the trunk moves
_STEP = 1 / 30  # seconds between the frames of which the speed is measured, if the video has as many
_SMALL = 0.35  # of the image's shorter side: larger ones, who may be acrobats, are never left out for flickering
_SEEN = 0.3  # confidence from which a keypoint is seen
_HARDLY_EVER = 0.1  # share of frames
_UPPER = ("nose", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow")
_LOWER = ("left_knee", "right_knee", "left_ankle", "right_ankle")
_TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")


@dataclass(frozen=True)
class Wholeness:
    """The measures of one track; NaN where the motion lacks what they need.

    misfit: median reprojection error, as a fraction of the size, the box's longer side. confidence: mean of the
    keypoints inside the image. speed: median speed of the keypoints, sizes per second; spread: extent of the
    trunk's way, sizes, without the outermost tenths. upright: share of the frames in which the trunk stands within 45
    degrees of the image's vertical. size: fraction of the image's shorter side. upper, lower: share of the frames
    in which the upper body, the lower legs are seen.
    """

    misfit: float = np.nan
    confidence: float = np.nan
    speed: float = np.nan
    spread: float = np.nan
    upright: float = np.nan
    size: float = np.nan
    upper: float = np.nan
    lower: float = np.nan

    @property
    def flickers(self) -> bool:
        """Whether the keypoints jump about on one spot."""
        return (
            self.misfit > _FLICKER_MISFIT
            and self.confidence < _FLICKER_CONFIDENCE
            and self.speed > _FLICKER_SPEED
            and self.spread < _FLICKER_SPREAD
        )

    @property
    def lies_about(self) -> bool:
        """Whether it stays on one spot, is never upright, and looks little like a person: a thing."""
        unlike = self.confidence < _DIM or (self.misfit > _STILL_MISFIT and self.confidence < _STILL_CONFIDENCE)
        return self.spread < _STILL and self.upright < _UPRIGHT and unlike

    @property
    def is_nobody(self) -> bool:
        """Whether the track is certainly not a whole person."""
        unclear = any(self.misfit > misfit and self.confidence < clear for misfit, clear in _UNCLEAR)
        nowhere = self.misfit > MISFIT and self.confidence < _NOWHERE and self.spread < _FLICKER_SPREAD
        flickers = self.flickers and self.size < _SMALL
        return self.misfit > _NO_BODY or unclear or nowhere or flickers or self.lies_about

    @property
    def only_legs(self) -> bool:
        """Whether the upper body is outside the image or hidden, while the legs are seen."""
        return self.upper < _HARDLY_EVER and self.lower > 0.5


def wholeness(motion: Motion, person: Person) -> Wholeness:
    """The measures of a person with boxes and keypoints."""
    rows = np.ones(len(person), dtype=bool) if person.observed is None else person.observed
    if person.boxes is None or not rows.any() or not motion.width:
        return Wholeness()
    boxes = person.boxes[rows]
    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0).max(axis=1)
    found = {"size": float(np.median(sizes)) / min(motion.width, motion.height)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all NaN: nothing was measured
        if person.reprojection_error is not None:
            found["misfit"] = float(np.nanmedian(person.reprojection_error[rows] / sizes))
        found |= _seen_parts(person, rows)
        own = _blazepose_of(person.keypoint_set)
        if own is not None:
            found |= _keypoint_measures(motion, person, rows, own, float(np.median(sizes)))
    return Wholeness(**found)


def wholeness_problems(motion: Motion, person: Person) -> list[Problem]:
    """What rules out that this is a whole person, one severe problem for each reason."""
    found = wholeness(motion, person)
    problems = []
    if found.misfit > MISFIT or found.flickers or found.is_nobody:
        sentence = f"the body does not match the image (reprojection {100 * found.misfit:.2g} % of the height)"
        if found.lies_about:
            sentence = (
                f"it never moves, is never upright and hardly looks like a person (confidence {found.confidence:.2f},"
                f" reprojection {100 * found.misfit:.2g} % of the height)"
            )
        problems.append(_problem(person, "misfit", found.misfit, MISFIT, "of the height", sentence))
    if found.only_legs:
        sentence = "only the legs are visible, so the upper body is a guess"
        problems.append(_problem(person, "legs_only", found.upper, _HARDLY_EVER, "of frames", sentence))
    return problems


def _seen_parts(person: Person, rows: np.ndarray) -> dict[str, float]:
    """The shares of the frames in which the upper body and the lower legs are seen, of any joint set that has them."""
    if person.keypoint_confidence is None or person.keypoint_set is None:
        return {}
    joints, confidence, found = joint_set(person.keypoint_set), person.keypoint_confidence[rows], {}
    for name, parts in (("upper", _UPPER), ("lower", _LOWER)):
        known = [part for part in parts if part in joints]
        if len(known) >= 2:
            seen = confidence[:, joints.indices(known)] >= _SEEN
            found[name] = float(np.mean(np.count_nonzero(seen, axis=1) >= 2))
    return found


def _blazepose_of(set_name: str | None) -> np.ndarray | None:
    """(33,) the columns of BlazePose's points in a set, None without: other confidences mean something else."""
    if set_name == BLAZEPOSE33.name:
        return np.arange(len(BLAZEPOSE33))
    if set_name == FUSED59.name:
        return FUSED59.indices([f"{name}{BLAZEPOSE_OWN}" for name in BLAZEPOSE33.joints])
    return None


def _keypoint_measures(
    motion: Motion, person: Person, rows: np.ndarray, own: np.ndarray, size: float
) -> dict[str, float]:
    """What BlazePose's points, columns `own` (33,), tell."""
    if person.keypoints is None or person.keypoint_confidence is None:
        return {}
    points, confidence = person.keypoints[rows][:, own], person.keypoint_confidence[rows][:, own]
    joints = BLAZEPOSE33
    inside = np.all((points >= 0) & (points < [motion.width, motion.height]), axis=-1)
    found = {"confidence": float(np.nanmean(np.where(inside, confidence, np.nan)))}
    times = motion.times[person.frames[rows]]
    # The same noise makes greater speeds at higher frame rates.
    stride = max(1, round(_STEP / float(np.median(np.diff(times))))) if len(times) > 2 else len(times)
    if len(points) > 2 * stride:
        seconds = times[stride:] - times[:-stride]
        steps = np.linalg.norm(points[stride:] - points[:-stride], axis=-1).mean(axis=1)
        found["speed"] = float(np.nanmedian(steps / seconds)) / size
        way = points[:, joints.indices(_TRUNK)].mean(axis=1)
        found["spread"] = float(np.hypot(*(np.nanpercentile(way, 90, axis=0) - np.nanpercentile(way, 10, axis=0))))
        found["spread"] /= size
        up = points[:, joints.indices(_TRUNK[:2])].mean(axis=1) - points[:, joints.indices(_TRUNK[2:])].mean(axis=1)
        lean = np.degrees(np.abs(np.arctan2(up[:, 0], -up[:, 1])))
        found["upright"] = float(np.mean(lean[np.isfinite(lean)] < _LEANING)) if np.isfinite(lean).any() else np.nan
    return found


def _problem(person: Person, measure: str, value: float, limit: float, unit: str, sentence: str) -> Problem:
    return Problem(person.id, "quality", measure, value=value, limit=limit, unit=unit, sentence=sentence, severe=True,
                   verdict=CLEANUP)  # fmt: skip
