"""2D keypoints against annotations in COCO's format: average precision and recall, and correct keypoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from kinema.errors import InputError, UsageError
from kinema.evaluation.oks import Annotation, CocoScores, Detection, coco_scores, similarity
from kinema.formats import load_motion, motion_file
from kinema.keypoints.files import read_keypoints
from kinema.keypoints.files.json_layouts import is_coco
from kinema.motion import Motion
from kinema.skeleton import COCO17, joint_set
from kinema.storage.json_file import load_json

SHARES = (0.05, 0.1, 0.2)
"""Distances up to which a keypoint is correct, as fractions of the longer side of the person's box."""

FOUND = 0.1
"""Least similarity at which the keypoints of a detection and a person are compared."""


@dataclass(frozen=True)
class KeypointScores:
    """images, people: annotated; detections: found in those images; coco: COCO's measures.

    pck: percentage of correct keypoints among those labelled on all annotated people, by the allowed distance
    (`SHARES`); people who were not found have none. joints: the same at 0.1 by keypoint.
    """

    images: int
    people: int
    detections: int
    coco: CocoScores
    pck: Mapping[str, float]
    joints: Mapping[str, float]


def evaluate_keypoints(result: str | Path, truth: str | Path) -> KeypointScores:
    """Compare keypoints with annotations.

    result: COCO's results, whose image_id are the truth's; or a motion file, a run's folder or another file of
    keypoints, whose i-th frame is the truth's i-th image by its id. truth: annotations as COCO's
    person_keypoints_val2017.json. Raises InputError, UsageError (keypoints that are not COCO's).
    """
    annotations = load_annotations(truth)
    detections = _detections(Path(result), sorted(annotations))
    if not any(image in annotations for image in detections):
        raise InputError(
            f"{result} has nobody in any of the {len(annotations)} images of {truth}; was it made from other images?"
        )
    people = [(image, person) for image, group in annotations.items() for person in group if not person.crowd]
    shares, joints = _correct(detections, annotations)
    return KeypointScores(
        images=len(annotations),
        people=len(people),
        detections=sum(len(detections.get(image, ())) for image in annotations),
        coco=coco_scores(detections, annotations),
        pck=shares,
        joints=joints,
    )


def load_annotations(path: str | Path) -> dict[int, list[Annotation]]:
    """Every image's people, by the image's id; images without people included. Raises InputError."""
    content = load_json(path)
    if not isinstance(content, dict) or not {"images", "annotations"} <= set(content):
        raise InputError(f"{path} is not a COCO annotation file: it has no images and annotations")
    try:
        out: dict[int, list[Annotation]] = {int(image["id"]): [] for image in content["images"]}
        for row in content["annotations"]:
            if "keypoints" not in row:
                continue
            person = Annotation(
                keypoints=np.array(row["keypoints"], dtype=np.float64).reshape(len(COCO17), 3),
                box=np.array(row["bbox"], dtype=np.float64).reshape(4),
                area=float(row["area"]),
                crowd=bool(row.get("iscrowd", 0)),
            )
            out.setdefault(int(row["image_id"]), []).append(person)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a COCO annotation file with 17 keypoints ({str(error)[:80]})") from None
    if not any(out.values()):
        raise InputError(f"{path} annotates nobody's keypoints")
    return out


def _detections(path: Path, images: Sequence[int]) -> dict[int, list[Detection]]:
    """People by image. Raises InputError, UsageError."""
    if path.suffix.lower() == ".json" and path.is_file():
        content = load_json(path)
        if is_coco(content):
            return _results(content, path)
    is_keypoints = path.suffix.lower() in (".json", ".csv") or (path.is_dir() and motion_file(path) == path)
    motion = read_keypoints(path) if is_keypoints else load_motion(path)
    return _of_motion(motion, images, path)


def _results(content: Sequence[Any], path: Path) -> dict[int, list[Detection]]:
    out: dict[int, list[Detection]] = {}
    try:
        for row in content:
            points = np.array(row["keypoints"], dtype=np.float64).reshape(-1, 3)
            if len(points) != len(COCO17):
                raise InputError(f"{path} has {len(points)} keypoints a person, COCO has {len(COCO17)}")
            if not np.isfinite(points).all():
                raise InputError(f"{path} has keypoints that are not numbers; write what is not seen as 0, 0, 0")
            score = float(row["score"]) if "score" in row else float(points[:, 2].mean())
            out.setdefault(int(row["image_id"]), []).append(Detection(points[:, :2], score))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a COCO keypoint result file ({str(error)[:80]})") from None
    return out


def _of_motion(motion: Motion, images: Sequence[int], path: Path) -> dict[int, list[Detection]]:
    out: dict[int, list[Detection]] = {}
    for person in motion:
        if person.keypoints is None:
            raise InputError(f"{path}: person {person.id} has no 2D keypoints")
        joints = joint_set(person.keypoint_set or "")
        missing = [name for name in COCO17.joints if name not in joints]
        if missing:
            raise UsageError(f"{path} has keypoints of {joints.name}, which lack COCO's {', '.join(missing)}")
        columns = joints.indices(COCO17.joints)
        points = person.keypoints[:, columns]
        confidence = np.ones(points.shape[:2])
        if person.keypoint_confidence is not None:
            confidence = person.keypoint_confidence[:, columns]
        for row, frame in enumerate(person.frames.tolist()):
            if frame < len(images) and np.isfinite(points[row]).any():
                middle = np.nanmean(points[row], axis=0)
                filled = np.where(np.isfinite(points[row]), points[row], middle)
                out.setdefault(images[frame], []).append(Detection(filled, float(confidence[row].mean())))
    return out


def _correct(
    detections: Mapping[int, Sequence[Detection]], truth: Mapping[int, Sequence[Annotation]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Percentages of correct keypoints, by the allowed distance and by keypoint; people are matched by similarity."""
    right = {share: np.zeros(len(COCO17)) for share in SHARES}
    total = np.zeros(len(COCO17))
    for image, everybody in truth.items():
        people = [person for person in everybody if not person.crowd and person.labelled]
        found = list(detections.get(image, ()))
        alike = np.array([[similarity(d, p) for d in found] for p in people]).reshape(len(people), len(found))
        pairs = dict(zip(*linear_sum_assignment(-alike), strict=True)) if found and people else {}
        for i, person in enumerate(people):
            seen = person.keypoints[:, 2] > 0
            total += seen
            if i in pairs and alike[i, pairs[i]] >= FOUND:
                apart = np.linalg.norm(found[pairs[i]].keypoints - person.keypoints[:, :2], axis=1)
                for share in SHARES:
                    right[share] += seen & (apart <= share * person.box[2:].max())
    known = total > 0
    joints = {
        name: 100 * float(right[0.1][i] / total[i]) for i, name in enumerate(COCO17.joints) if known[i]
    }  # fmt: skip
    return {f"{share:g}": 100 * float(right[share].sum() / max(total.sum(), 1)) for share in SHARES}, joints
