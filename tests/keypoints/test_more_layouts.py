"""Layouts of fewer programs: of AlphaPose, MMPose and easy_ViTPose as JSON, of VideoPose3D and others as .npz."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.keypoints.files import read_keypoints
from kinema.keypoints.files.poses import COCO18_TO_17
from kinema.skeleton import COCO17, H36M17, HALPE26

FRAMES = 8


def points_of(count: int, people: int = 1) -> np.ndarray:
    """(M, F, K, 3): people who walk to the right, far apart."""
    rng = np.random.default_rng(5)
    points = rng.uniform(50, 250, (count, 2)) + np.arange(FRAMES)[:, None, None] * [4.0, 0.5]
    points = np.stack([points + [400.0 * who, 0] for who in range(people)])
    return np.concatenate([points, rng.uniform(0.5, 1, (*points.shape[:3], 1))], axis=-1)


@pytest.mark.parametrize("key", ["bodies", "people"])
def test_alphapose_by_image(key, tmp_path):
    """Its formats `cmu` and `open`: OpenPose's 18 points, an object for each picture, in any order."""
    points = points_of(18, 2)
    inner = "joints" if key == "bodies" else "pose_keypoints_2d"
    content = {
        f"{f}.jpg": {"version": "AlphaPose v0.3", key: [{inner: who[f].ravel().tolist()} for who in points]}
        for f in reversed(range(FRAMES))
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    motion = read_keypoints(tmp_path / "a.json")
    assert motion.num_frames == FRAMES
    for person, want in zip(motion, points, strict=True):
        assert person.keypoint_set == COCO17.name
        np.testing.assert_allclose(person.keypoints, want[:, COCO18_TO_17, :2])


@pytest.mark.parametrize("count", [26, 68, 94, 136])
def test_halpes_larger_sets_begin_with_the_body(count, tmp_path):
    """With hands, with a face, with both: of all the body is read."""
    points = points_of(count)[0]
    rows = [{"image_id": f"{f}.jpg", "category_id": 1, "keypoints": points[f].ravel().tolist(), "score": 3.1, "idx": 1,
             "box": [1, 2, 3, 4]} for f in range(FRAMES)]  # fmt: skip
    (tmp_path / "alphapose-results.json").write_text(json.dumps(rows))
    (person,) = read_keypoints(tmp_path / "alphapose-results.json")
    assert person.keypoint_set == HALPE26.name
    np.testing.assert_allclose(person.keypoints, points[:, :26, :2])


def mmpose(path, points, meta=None, width=2):
    frames = []
    for f in range(FRAMES):
        seen = [{"keypoints": who[f, :, :width].tolist(), "keypoint_scores": who[f, :, 2].tolist()} for who in points]
        frames.append({"frame_id": f, "instances": seen})
    path.write_text(json.dumps(frames if meta is None else {"meta_info": meta, "instance_info": frames}))
    return path


def test_mmposes_frames_without_what_is_known_of_the_joints(tmp_path):
    points = points_of(26)
    (person,) = read_keypoints(mmpose(tmp_path / "a.json", points))
    assert person.keypoint_set == HALPE26.name
    np.testing.assert_allclose(person.keypoints, points[0, :, :, :2])


def test_mmposes_names_tell_sets_that_their_number_does_not(tmp_path):
    """The 14 points of AI Challenger and CrowdPose, and Human3.6M's 17, which are not COCO's."""
    names = ["left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
             "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "top_head", "neck"]  # fmt: skip
    points = points_of(14)
    meta = {"dataset_name": "crowdpose", "keypoint_id2name": {str(i): name for i, name in enumerate(names)}}
    (person,) = read_keypoints(mmpose(tmp_path / "a.json", points, meta))
    assert person.keypoint_set == HALPE26.name
    joints = HALPE26.indices(["head_top" if name == "top_head" else name for name in names])
    np.testing.assert_allclose(person.keypoints[:, joints], points[0, :, :, :2])
    (person,) = read_keypoints(mmpose(tmp_path / "b.json", points_of(17), {"dataset_name": "h36m"}))
    assert person.keypoint_set == H36M17.name
    with pytest.raises(InputError, match="has 14 joints, of which Kinema knows no order"):
        read_keypoints(mmpose(tmp_path / "c.json", points))


def test_mmposes_people_of_one_picture(tmp_path):
    points = points_of(17, 2)
    rows = [{"keypoints": who[0, :, :2].tolist(), "keypoint_scores": who[0, :, 2].tolist(), "bbox": [[1, 2, 3, 4]]}
            for who in points]  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(rows))
    motion = read_keypoints(tmp_path / "a.json")
    assert [len(person) for person in motion] == [1, 1]
    np.testing.assert_allclose(motion.people[1].keypoints[0], points[1, 0, :, :2])


def test_mmposes_3d_joints_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds 3D joints, not points in the image; give the 2D keypoints"):
        read_keypoints(mmpose(tmp_path / "a.json", points_of(17), width=3))


def test_easy_vitpose(tmp_path):
    """y before x, people by number, and the names of the points."""
    names = [*COCO17.joints[:5], "neck", *COCO17.joints[5:13], "hip", *COCO17.joints[13:], "left_big_toe",
             "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel"]  # fmt: skip
    points = points_of(25, 2)
    content = {
        "keypoints": [{str(who): points[who, f][:, [1, 0, 2]].tolist() for who in range(2)} if f != 3 else {}
                      for f in range(FRAMES)],
        "skeleton": {str(i): name for i, name in enumerate(names)},
    }  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(content))
    motion = read_keypoints(tmp_path / "a.json")
    joints = HALPE26.indices(["mid_hip" if name == "hip" else name for name in names])
    assert motion.num_frames == FRAMES
    for person, want in zip(motion, points, strict=True):
        assert person.frames.tolist() == [0, 1, 2, 4, 5, 6, 7]
        np.testing.assert_allclose(person.keypoints[:, joints], want[person.frames, :, :2])


@pytest.mark.parametrize("people", [1, 3])
def test_the_reconstruction_of_mhformers_relatives(people, tmp_path):
    """Everybody in every frame, in Human3.6M's order."""
    points = points_of(17, people)
    np.savez(tmp_path / "keypoints.npz", reconstruction=points[..., :2])
    motion = read_keypoints(tmp_path / "keypoints.npz")
    for person, want in zip(motion, points, strict=True):
        assert person.keypoint_set == H36M17.name
        np.testing.assert_allclose(person.keypoints, want[:, :, :2])


@pytest.mark.parametrize(("layout", "joints"), [("coco", COCO17), ("h36m", H36M17)])
def test_a_data_set_of_videopose3d_names_its_layout(layout, joints, tmp_path):
    """Human3.6M's 17 joints are not COCO's."""
    about = {"layout_name": layout, "num_joints": 17, "video_metadata": {"a.mp4": {"w": 1280, "h": 720}}}
    points = points_of(17)[0, :, :, :2]
    np.savez(tmp_path / "a.npz", positions_2d={"a.mp4": {"custom": [points]}}, metadata=about)
    (person,) = read_keypoints(tmp_path / "a.npz")
    assert person.keypoint_set == joints.name
    np.testing.assert_allclose(person.keypoints, points)


def test_detections_without_anybody_in_some_frames(tmp_path):
    """Detectron 2 leaves an empty list where it found nobody, and NaN for what it is not sure of."""
    points = points_of(17)[0]
    points[2, 4, :2] = np.nan
    boxes, keypoints = np.empty((FRAMES, 2), object), np.empty((FRAMES, 2), object)
    for f in range(FRAMES):
        found = [] if f in (0, 5) else [np.column_stack([points[f, :, :2], np.zeros(17), points[f, :, 2]]).T]
        boxes[f] = [[], np.array([[1, 2, 3, 4, 0.9]] * len(found))]
        keypoints[f] = [[], np.array(found)]
    np.savez(tmp_path / "a.npz", boxes=boxes, keypoints=keypoints, segments=boxes, metadata={"w": 640, "h": 480})
    motion = read_keypoints(tmp_path / "a.npz")
    assert motion.num_frames == FRAMES
    assert motion.people[0].frames.tolist() == [1, 2, 3, 4, 6, 7]
    assert np.isnan(motion.people[0].keypoints[1, 4]).all()
    assert motion.people[0].keypoint_confidence[1, 4] == 0
