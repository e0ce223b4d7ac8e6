"""The camera's field of view when nobody states it: what recordings usually have, and what straight lines show.

An image of one person says little about the lens: seen from twice the distance with twice the focal length, the
person looks nearly the same, and the keypoint networks' errors are larger than the difference in perspective
(measured: on real clips, the field of view at which the fit's error is least has little to do with the true one).
What is known without looking closely is how recordings are made: phones upright, webcams in front of people at a
desk, cameras further away. Each of these has its usual lens and distance, and the size of the person in the image
ties the two together. Where the background shows corners of a room, `kinema.world.vanishing` measures the focal
length to a few percent.

All of this is one posterior over the logarithm of the focal length, of which the mean is reported. Which peak stands
out may be chance, where few lines are seen or none of a room, and the posterior knows nothing of that. So the standard
deviation is that of the mean of the posteriors of lines that were drawn again (Buhlmann 2014, "Discussion of Big Bayes
stories and BayesBag"), about the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.geometry.camera import Camera, camera_from_focal
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import joint_set
from kinema.world.vanishing import NEIGHBOURHOOD, VanishingLines, log_focal, peak_of

_GRID = log_focal(np.linspace(130.0, 12.0, 237))
"""Log focal lengths that are considered, in units of half the longer side."""


@dataclass(frozen=True)
class Recording:
    """One way of recording. fov: degrees over the longer side, distance: metres to the nearest person; with the
    standard deviations of the logarithms of focal length and distance. cut: how often that person's hips are out of the
    image. upright, still, moving: how common it is among videos higher than wide, and others, by camera motion.
    """

    fov: float
    fov_sigma: float
    distance: float
    distance_sigma: float
    cut: float
    upright: float
    still: float
    moving: float


RECORDINGS = {
    "phone": Recording(65.0, 0.12, 3.0, 0.45, 0.10, upright=0.88, still=0.30, moving=0.40),
    "webcam": Recording(78.0, 0.15, 0.9, 0.35, 0.80, upright=0.02, still=0.25, moving=0.02),
    "camera": Recording(50.0, 0.30, 5.0, 0.60, 0.15, upright=0.06, still=0.35, moving=0.48),
    "other": Recording(62.0, 0.45, 3.0, 1.00, 0.20, upright=0.04, still=0.10, moving=0.10),
}
"""Main cameras of phones have 24-28 mm (equivalent), of which stabilisation cuts 5-15 %; webcams 65-90 degrees;
camcorders and edited footage less; and nothing is impossible.
"""

_LENGTHS = {("shoulder", "hip"): 0.50, ("hip", "knee"): 0.40, ("knee", "ankle"): 0.41}
"""Metres between joints of a person of average height. Foreshortening only shortens them."""

_SHOULDERS = 0.36
"""Metres between the shoulders."""

SMALLEST, LARGEST = 0.02, 4.0
"""Halves of the longer side that a metre can span: beyond, it is no more surprising."""

SEEN = 0.5
"""Confidence of a keypoint above which it counts as seen."""

TEMPERATURE = 0.008
"""Prominence of a peak that makes it e times as likely to be right, if it is not chance."""

MOST_EVIDENCE = 12.0
"""Prominence, in temperatures, above which it adds nothing."""

PEAK_SIGMA = 0.035
"""Standard deviation of a right peak's log focal length."""


def estimate_camera(
    motion: Motion, *, seen: VanishingLines | None = None, moving: bool | None = None
) -> tuple[Camera | None, dict[str, float]]:
    """The most likely camera of a motion with keypoints, and what it rests on: shares of the recordings, by name, and
    "lines", the probability that the vanishing points are right: the share of the draws that show the same ones, too.

    seen: the lines of the background; moving: whether the camera moves. The camera's focal_source is "estimated" if the
    lines decided, else "assumed". None if there are no keypoints from which a size can be told and no lines.
    """
    if motion.width < 1 or motion.height < 1:
        return None, {}
    half = 0.5 * max(motion.width, motion.height)
    sizes = [(size, cut) for person in motion if (size := _size(person)) is not None for cut in [_is_cut(person)]]
    if not sizes and seen is None:
        return None, {}
    size, cut = max(sizes) if sizes else (None, None)
    relative = None if size is None else float(np.clip(size / half, SMALLEST, LARGEST))
    prior, shares = _prior(relative, cut, motion.height > motion.width, bool(moving))
    posterior = prior / prior.sum()
    mean, lines = float(posterior @ _GRID), 0.0
    if seen is not None:
        own, peak, _ = _with_lines(prior, seen, seen.support)
        mean = float(own @ _GRID)
        drawn = [_with_lines(prior, seen, support) for support in seen.resampled]
        posterior = np.mean([each for each, _, _ in drawn], axis=0)
        lines = float(np.mean([right if abs(where - peak) < NEIGHBOURHOOD else 0.0 for _, where, right in drawn]))
    sigma = float(np.sqrt(posterior @ (_GRID - mean) ** 2))
    fov = 2 * np.arctan(np.exp(-mean))
    camera = camera_from_focal(
        motion.width,
        motion.height,
        half * float(np.exp(mean)),
        "estimated" if lines > 0.5 else "assumed",
        uncertainty=float(np.degrees(np.sin(fov)) * sigma),
    )
    return camera, {**shares, "lines": lines}


def _with_lines(prior: np.ndarray, seen: VanishingLines, support: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The posterior on the grid, the log focal length of the peak, and the probability that it is right. support: one
    of those of the lines."""
    where, prominence = peak_of(seen.fovs, support)
    evidence = np.expm1(min(prominence / TEMPERATURE, MOST_EVIDENCE))
    bump = prior * evidence * np.exp(-0.5 * ((_GRID - where) / PEAK_SIGMA) ** 2)
    total = prior.sum() + bump.sum()
    return (prior + bump) / total, where, float(bump.sum() / total)


def _prior(size: float | None, cut: bool | None, upright: bool, moving: bool) -> tuple[np.ndarray, dict[str, float]]:
    """Densities on the grid, and the shares of the recordings. size: of one metre at the nearest person, in units of
    half the longer side."""
    parts = {}
    for name, kind in RECORDINGS.items():
        density = kind.upright if upright else kind.moving if moving else kind.still
        density *= 1.0 if cut is None else kind.cut if cut else 1 - kind.cut
        part = density * _normal(_GRID, float(log_focal(np.array(kind.fov))), kind.fov_sigma)
        if size is not None:
            part = part * _normal(_GRID - np.log(size), np.log(kind.distance), kind.distance_sigma)
        parts[name] = part
    total = sum(float(part.sum()) for part in parts.values())
    return np.sum(list(parts.values()), axis=0), {name: float(part.sum()) / total for name, part in parts.items()}


def _normal(values: np.ndarray, mean: float, sigma: float) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * ((values - mean) / sigma) ** 2) / sigma)


def _size(person: Person) -> float | None:
    """Pixels of one metre at the person where it is nearest, from the longest torso, thighs, shins and shoulders."""
    if person.keypoints is None or person.keypoint_confidence is None or person.keypoint_set is None:
        return None
    joints = joint_set(person.keypoint_set)
    seen = np.where(person.keypoint_confidence >= SEEN, 1.0, np.nan)[..., None] * person.keypoints

    def longest(first: str, second: str, metres: float) -> float:
        if first not in joints or second not in joints:
            return np.nan
        length = np.linalg.norm(seen[:, joints.index(first)] - seen[:, joints.index(second)], axis=-1)
        length = length[np.isfinite(length)]
        return float(np.percentile(length, 90)) / metres if len(length) else np.nan

    found = [longest("left_shoulder", "right_shoulder", _SHOULDERS)]
    for (upper, lower), metres in _LENGTHS.items():
        found += [longest(f"{side}_{upper}", f"{side}_{lower}", metres) for side in ("left", "right")]
    known = [size for size in found if np.isfinite(size) and size > 0]
    return float(np.median(sorted(known)[-4:])) if known else None


def _is_cut(person: Person) -> bool:
    """Whether the hips are out of the image or unseen in most frames."""
    joints = joint_set(person.keypoint_set or "")
    names = [name for name in ("left_hip", "right_hip") if name in joints]
    if not names or person.keypoint_confidence is None:
        return False
    return bool(np.mean(person.keypoint_confidence[:, joints.indices(names)] >= SEEN) < 0.3)
