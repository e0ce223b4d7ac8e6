"""COCO's keypoint measures: object keypoint similarity, average precision and recall.

The protocol is COCO's (https://cocodataset.org/#keypoints-eval); results agree with pycocotools. Detections of an image
are matched, best score first, to the annotated person of greatest similarity; crowds and people without labelled
keypoints are ignored, as are detections that match them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Similarities above which a detection counts as found."""

RECALLS = np.linspace(0, 1, 101)
"""Recalls at which precision is averaged."""

MOST = 20
"""Number of detections per image that count, best scores first."""

SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
"""COCO's standard deviation of each of its 17 keypoints, relative to the person's size."""

AREAS = {"all": (0.0, 1e10), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Ranges of people's areas in square pixels."""

_LEAST = float(np.spacing(1))


@dataclass(frozen=True, eq=False)
class Annotation:
    """One annotated person. keypoints (17, 3): x, y and visibility, 0 where not labelled; box: x y w h; area: square
    pixels; crowd: a group."""

    keypoints: np.ndarray
    box: np.ndarray
    area: float
    crowd: bool = False

    @property
    def labelled(self) -> int:
        """Number of labelled keypoints."""
        return int((self.keypoints[:, 2] > 0).sum())


@dataclass(frozen=True, eq=False)
class Detection:
    """One found person. keypoints (17, 2): x and y; score: higher is more confident; area: of the keypoints' box."""

    keypoints: np.ndarray
    score: float

    @property
    def area(self) -> float:
        low, high = self.keypoints.min(axis=0), self.keypoints.max(axis=0)
        return float(np.prod(high - low))


@dataclass(frozen=True)
class CocoScores:
    """Average precision (ap) and recall (ar) over all thresholds, at 0.5 and 0.75, of medium and large people.

    -1 where no counted person is annotated.
    """

    ap: float
    ap50: float
    ap75: float
    ap_medium: float
    ap_large: float
    ar: float
    ar50: float
    ar75: float
    ar_medium: float
    ar_large: float


def similarity(detection: Detection, truth: Annotation) -> float:
    """Object keypoint similarity, 0 to 1; without labelled keypoints, by the distance beyond the enlarged box."""
    variance = (2 * SIGMAS) ** 2
    seen = truth.keypoints[:, 2] > 0
    if seen.any():
        apart = detection.keypoints - truth.keypoints[:, :2]
    else:
        x, y, w, h = truth.box
        low, high = np.array([x - w, y - h]), np.array([x + 2 * w, y + 2 * h])
        apart = np.maximum(0, low - detection.keypoints) + np.maximum(0, detection.keypoints - high)
    error = (apart**2).sum(axis=1) / variance / (truth.area + _LEAST) / 2
    return float(np.exp(-(error[seen] if seen.any() else error)).mean())


def coco_scores(detections: Mapping[int, Sequence[Detection]], truth: Mapping[int, Sequence[Annotation]]) -> CocoScores:
    """The scores of detections by image against all annotated images."""
    results = {name: _accumulated(detections, truth, bounds) for name, bounds in AREAS.items()}
    precision, recall = results["all"]
    return CocoScores(
        ap=_mean(precision), ap50=_mean(precision[:1]), ap75=_mean(precision[5:6]),
        ap_medium=_mean(results["medium"][0]), ap_large=_mean(results["large"][0]),
        ar=_mean(recall), ar50=_mean(recall[:1]), ar75=_mean(recall[5:6]),
        ar_medium=_mean(results["medium"][1]), ar_large=_mean(results["large"][1]),
    )  # fmt: skip


def _mean(values: np.ndarray) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0


def _accumulated(
    detections: Mapping[int, Sequence[Detection]], truth: Mapping[int, Sequence[Annotation]], area: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Precision (10, 101) at each threshold and recall level, and the greatest recall (10,); -1 without people."""
    scores: list[np.ndarray] = []
    found: list[np.ndarray] = []
    ignored: list[np.ndarray] = []
    people = 0
    for image in sorted(truth):
        best = _best(detections.get(image, ()))
        matched, left_out, count = _matches(best, truth[image], area)
        scores.append(np.array([d.score for d in best]))
        found.append(matched)
        ignored.append(left_out)
        people += count
    precision, recall = np.full((len(THRESHOLDS), len(RECALLS)), -1.0), np.full(len(THRESHOLDS), -1.0)
    if not people:
        return precision, recall
    order = np.argsort(-np.concatenate(scores), kind="mergesort")
    hits = np.concatenate(found, axis=1)[:, order]
    counted = ~np.concatenate(ignored, axis=1)[:, order]
    right = np.cumsum(hits & counted, axis=1, dtype=float)
    wrong = np.cumsum(~hits & counted, axis=1, dtype=float)
    for t in range(len(THRESHOLDS)):
        recalls = right[t] / people
        exact = right[t] / (right[t] + wrong[t] + _LEAST)
        recall[t] = recalls[-1] if recalls.size else 0.0
        envelope = np.maximum.accumulate(exact[::-1])[::-1]
        places = np.searchsorted(recalls, RECALLS, side="left")
        precision[t] = np.where(
            places < len(envelope), np.append(envelope, 0.0)[np.minimum(places, len(envelope))], 0.0
        )
    return precision, recall


def _best(detections: Sequence[Detection]) -> list[Detection]:
    order = np.argsort([-d.score for d in detections], kind="mergesort")
    return [detections[i] for i in order[:MOST]]


def _matches(
    detections: Sequence[Detection], people: Sequence[Annotation], area: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, int]:
    """(10, D) bool each: whether a detection matches at a threshold, and is ignored; and the counted people."""
    apart = np.array([p.crowd or not p.labelled or not area[0] <= p.area <= area[1] for p in people], dtype=bool)
    order = np.argsort(apart, kind="mergesort")
    people, apart = [people[i] for i in order], apart[order]
    alike = np.array([[similarity(d, p) for p in people] for d in detections]).reshape(len(detections), len(people))
    hit = np.zeros((len(THRESHOLDS), len(detections)), dtype=bool)
    left_out = np.zeros_like(hit)
    for t, threshold in enumerate(THRESHOLDS):
        taken = np.zeros(len(people), dtype=bool)
        for i, detection in enumerate(detections):
            place, most = -1, min(threshold, 1 - 1e-10)
            for j, person in enumerate(people):
                if taken[j] and not person.crowd:
                    continue
                if place > -1 and not apart[place] and apart[j]:
                    break  # people who count come first, and one was found
                if alike[i, j] >= most:
                    place, most = j, alike[i, j]
            if place > -1:
                taken[place] = True
                hit[t, i], left_out[t, i] = True, apart[place]
            else:
                left_out[t, i] = not area[0] <= detection.area <= area[1]
    return hit, left_out, int((~apart).sum())
