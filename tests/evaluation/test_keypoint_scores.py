"""2D keypoints against COCO's annotations: the numbers of pycocotools, and cases whose answer is plain."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest

from kinema.errors import InputError, UsageError
from kinema.evaluation.keypoints import evaluate_keypoints
from kinema.evaluation.oks import SIGMAS, Annotation, Detection, similarity
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import COCO17, H36M17

COUNT = len(COCO17)


def annotations(seed: int, images: int = 12) -> dict:
    """People of all sizes, some crowds, some without labelled keypoints, one image with nobody."""
    rng = np.random.default_rng(seed)
    rows = []
    for image in range(1, images):
        for _ in range(rng.integers(1, 5)):
            size = rng.uniform(20, 250)
            corner = rng.uniform(0, 300, 2)
            points = corner + rng.uniform(0, size, (COUNT, 2))
            flags = rng.choice([0, 1, 2], COUNT, p=[0.2, 0.2, 0.6])
            kind = rng.uniform()
            if kind < 0.1:
                flags[:] = 0
            keypoints = np.column_stack([np.where(flags[:, None] > 0, points, 0), flags])
            rows.append({
                "id": len(rows) + 1, "image_id": image, "category_id": 1, "iscrowd": int(kind > 0.93),
                "keypoints": keypoints.ravel().tolist(), "num_keypoints": int((flags > 0).sum()),
                "bbox": [*corner.tolist(), size, size], "area": float(0.6 * size * size),
            })  # fmt: skip
    names = [{"id": 1, "name": "person", "keypoints": list(COCO17.joints), "skeleton": []}]
    pictures = [{"id": i, "width": 640, "height": 640, "file_name": f"{i}.jpg"} for i in range(images)]
    return {"info": {}, "images": pictures, "annotations": rows, "categories": names}


def detections(truth: dict, seed: int) -> list[dict]:
    """Most people with errors of all sizes, some twice, and some who are not there."""
    rng = np.random.default_rng(seed + 100)
    rows = []
    for person in truth["annotations"]:
        points = np.array(person["keypoints"]).reshape(COUNT, 3)[:, :2]
        for _ in range(rng.choice([0, 1, 2, 12], p=[0.15, 0.6, 0.2, 0.05])):
            noise = rng.normal(0, rng.uniform(0.01, 0.12) * np.sqrt(person["area"]), (COUNT, 2))
            found = np.column_stack([points + noise, np.ones(COUNT)])
            rows.append({
                "image_id": person["image_id"], "category_id": 1, "keypoints": found.ravel().tolist(),
                "score": round(float(rng.uniform(0, 1)), 2),
            })  # fmt: skip
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_the_scores_are_those_of_pycocotools(seed, tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval

    truth, results = tmp_path / "truth.json", tmp_path / "results.json"
    people = annotations(seed)
    truth.write_text(json.dumps(people))
    results.write_text(json.dumps(detections(people, seed)))
    with contextlib.redirect_stdout(io.StringIO()):
        known = coco.COCO(str(truth))
        evaluation = COCOeval(known, known.loadRes(str(results)), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    ours = evaluate_keypoints(results, truth).coco
    found = [ours.ap, ours.ap50, ours.ap75, ours.ap_medium, ours.ap_large]
    found += [ours.ar, ours.ar50, ours.ar75, ours.ar_medium, ours.ar_large]
    np.testing.assert_allclose(found, evaluation.stats, atol=1e-12)


def person_at(points: np.ndarray, area: float = 10_000.0) -> Annotation:
    return Annotation(np.column_stack([points, np.full(COUNT, 2)]), np.array([0, 0, 100, 100.0]), area)


def test_similarity_is_that_of_the_definition():
    points = np.random.default_rng(0).uniform(0, 100, (COUNT, 2))
    assert similarity(Detection(points, 1.0), person_at(points)) == pytest.approx(1)
    apart = similarity(Detection(points + [7, 0], 1.0), person_at(points))
    assert apart == pytest.approx(np.exp(-49 / (2 * 10_000 * (2 * SIGMAS) ** 2)).mean())


def write_truth(path, count: int = 3):
    points = np.random.default_rng(1).uniform(50, 150, (COUNT, 2))
    labelled = [np.column_stack([points + i, np.full(COUNT, 2)]).ravel().tolist() for i in range(count)]
    rows = [
        {"id": i + 1, "image_id": 10 * i, "keypoints": each, "bbox": [50, 50, 100, 100], "area": 6000.0}
        for i, each in enumerate(labelled)
    ]
    path.write_text(json.dumps({"images": [{"id": 10 * i} for i in range(count)], "annotations": rows}))
    return points


def test_frames_of_a_motion_are_the_images_in_the_order_of_their_ids(tmp_path):
    points = write_truth(tmp_path / "truth.json")
    keypoints = points + np.arange(3)[:, None, None]
    keypoints[1, 0] += [15, 0]  # beyond 10 % of the box, within 20 %
    person = Person(
        id=1, frames=np.arange(3), keypoint_set="coco17", keypoints=keypoints,
        keypoint_confidence=np.ones((3, COUNT)), pose=np.zeros((3, 72)),
    )  # fmt: skip
    Motion(times=np.arange(3) / 30, width=640, height=480, people=(person,)).save(tmp_path / "m.pkl")
    scores = evaluate_keypoints(tmp_path / "m.pkl", tmp_path / "truth.json")
    assert (scores.images, scores.people, scores.detections) == (3, 3, 3)
    assert scores.pck["0.2"] == 100
    assert scores.pck["0.1"] == pytest.approx(100 * (3 * COUNT - 1) / (3 * COUNT))
    assert scores.joints["nose"] == pytest.approx(200 / 3)
    assert scores.joints["left_knee"] == 100


def test_people_who_are_not_found_have_no_correct_keypoints(tmp_path):
    write_truth(tmp_path / "truth.json")
    (tmp_path / "r.json").write_text(
        json.dumps([{"image_id": 0, "score": 1, "keypoints": np.zeros((COUNT, 3)).ravel().tolist()}])
    )
    scores = evaluate_keypoints(tmp_path / "r.json", tmp_path / "truth.json")
    assert scores.pck == {"0.05": 0, "0.1": 0, "0.2": 0}
    assert scores.coco.ap == 0


def test_what_cannot_be_compared_is_said_in_a_sentence(tmp_path):
    truth, result = tmp_path / "truth.json", tmp_path / "r.json"
    write_truth(truth)
    result.write_text(json.dumps([{"image_id": 0, "keypoints": [1, 2, 3] * 5}]))
    with pytest.raises(InputError, match="has 5 keypoints a person, COCO has 17"):
        evaluate_keypoints(result, truth)
    result.write_text(json.dumps([{"image_id": 0, "keypoints": ["a"] * 51}]))
    with pytest.raises(InputError, match="not a COCO keypoint result file"):
        evaluate_keypoints(result, truth)
    result.write_text(json.dumps([{"image_id": 0, "keypoints": [float("nan")] * 51}]))
    with pytest.raises(InputError, match="keypoints that are not numbers"):
        evaluate_keypoints(result, truth)
    result.write_text(json.dumps([{"image_id": 999_999, "keypoints": [1, 2, 3] * 17}]))
    with pytest.raises(InputError, match=r"has nobody in any of the \d+ images of .*truth\.json"):
        evaluate_keypoints(result, truth)
    (tmp_path / "empty.json").write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(InputError, match="annotates nobody's keypoints"):
        evaluate_keypoints(result, tmp_path / "empty.json")
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(InputError, match="has no images and annotations"):
        evaluate_keypoints(result, tmp_path / "other.json")
    person = Person(
        id=1, frames=np.arange(1), keypoint_set=H36M17.name, keypoints=np.ones((1, 17, 2)),
        keypoint_confidence=np.ones((1, 17)), pose=np.zeros((1, 72)),
    )  # fmt: skip
    Motion(times=np.zeros(1), width=640, height=480, people=(person,)).save(tmp_path / "m.pkl")
    with pytest.raises(UsageError, match="keypoints of h36m17, which lack COCO's nose"):
        evaluate_keypoints(tmp_path / "m.pkl", truth)
