"""Who is who in files of keypoints by the published trackers, and the trackers' own files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.commands import lift
from kinema.errors import InputError, KinemaError, UsageError
from kinema.formats import save_motion
from kinema.formats.foreign import NOTES
from kinema.keypoints.files import read_keypoints
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, COCO17, HALPE26, JOINT_SETS, LIMBS12
from tests.keypoints.test_files import alphapose, points_of
from tests.models.test_lighttrack import random_tensors

SIZE = (1280, 720)
TWO = {3: points_of(), 8: points_of(shift=500.0)}


@pytest.fixture
def checkpoint(tmp_path):
    np.savez(tmp_path / "sgcn.npz", **random_tensors())
    return tmp_path / "sgcn.npz"


@pytest.mark.parametrize("tracker", ["kinema", "poseflow", "lighttrack"])
@pytest.mark.parametrize("ids", [True, False])
def test_a_tracker_says_who_is_who(tmp_path, tracker, ids):
    """Both are away in frames 4 and 5: only LightTrack forgets them."""
    path = alphapose(tmp_path / "a.json", TWO, ids=ids)
    motion = read_keypoints(path, size=SIZE, tracker=tracker)
    lengths = sorted(len(person) for person in motion)
    assert lengths == ([4, 4, 6, 6] if tracker == "lighttrack" else [10, 10])
    for person in motion:
        assert np.ptp(person.keypoints[:, 0, 0]) < 60  # nobody becomes the other, 500 pixels away
    assert any("boxes only" in note for note in motion.data[NOTES]) == (tracker == "lighttrack")


def test_a_network_joins_what_boxes_cannot(tmp_path, checkpoint):
    """Somebody is 700 pixels farther from one frame to the next in the same pose."""
    points = points_of(frames=6)
    points[3:, :, 0] += 700.0
    path = alphapose(tmp_path / "a.json", {1: points[:4]}, ids=False)
    apart = read_keypoints(path, size=SIZE, tracker="lighttrack")
    assert [len(person) for person in apart] == [3, 1]
    # With random weights nothing but the same pose is near; whole pixels may make it another one.
    points[3:] = points[2] + [700.0, 0.0, 0.0]
    path = alphapose(tmp_path / "b.json", {1: points[:4]}, ids=False)
    joined = read_keypoints(path, size=SIZE, tracker="lighttrack", checkpoint=checkpoint)
    assert [len(person) for person in joined] == [4]
    assert not any("boxes only" in note for note in joined.data[NOTES])


def test_settings_that_do_not_fit_are_refused(tmp_path, checkpoint):
    path = alphapose(tmp_path / "a.json", TWO)
    with pytest.raises(UsageError, match="unknown tracker for files of keypoints 'sort'; known: kinema, poseflow"):
        read_keypoints(path, tracker="sort")
    with pytest.raises(UsageError, match="only the tracker lighttrack has a checkpoint"):
        read_keypoints(path, tracker="poseflow", checkpoint=checkpoint)
    with pytest.raises(UsageError, match="a tracker's checkpoint needs its name"):
        read_keypoints(path, checkpoint=checkpoint)
    other = tmp_path / "other.npz"
    np.savez(other, weights=np.zeros(3))
    with pytest.raises(InputError, match=r"other\.npz is not a LightTrack SGCN checkpoint"):
        read_keypoints(path, tracker="lighttrack", checkpoint=other)


def person_of(number: int, name: str, frames: np.ndarray, shift: float = 0.0) -> Person:
    rng = np.random.default_rng(number)
    points = rng.uniform(50, 400, (len(frames), len(JOINT_SETS[name]), 2)) + [shift, 0]
    confidence = rng.uniform(0.3, 1.0, points.shape[:2])
    confidence[0, 2], points[0, 2] = 0.0, np.nan
    boxes = np.tile([10.0, 20, 110, 320], (len(frames), 1))
    return Person(
        number, frames, boxes=boxes, confidence=np.full(len(frames), 0.75), keypoint_set=name, keypoints=points,
        keypoint_confidence=confidence,
    )  # fmt: skip


def two_people(name: str) -> Motion:
    """The first frames are empty, and so is one in between."""
    people = (person_of(4, name, np.array([2, 3, 5])), person_of(9, name, np.array([3]), 600.0))
    return Motion(np.arange(7) / 25, 1280, 720, people=people)


@pytest.mark.parametrize("layout", ["poseflow", "opensvai"])
@pytest.mark.parametrize("name", ["coco17", "halpe26", "blazepose33", "openpose25"])
def test_what_is_written_comes_back(tmp_path, layout, name):
    motion = two_people(name)
    path = save_motion(motion, tmp_path / "tracks.json", format=layout)
    back = read_keypoints(path, fps=25)
    assert back.num_frames == motion.num_frames
    read = COCO17 if layout == "poseflow" else HALPE26
    shared = COCO17.joints if layout == "poseflow" else (*LIMBS12, "nose")
    for one, other in zip(motion, back, strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)
        assert other.keypoint_set == read.name
        places = JOINT_SETS[name].indices(shared), read.indices(shared)
        # Written with three decimals.
        np.testing.assert_allclose(one.keypoints[:, places[0]], other.keypoints[:, places[1]], rtol=0, atol=6e-4)
        np.testing.assert_allclose(
            one.keypoint_confidence[:, places[0]], other.keypoint_confidence[:, places[1]], rtol=0, atol=6e-4
        )
    if layout == "opensvai":
        eyes = HALPE26.indices(("left_eye", "right_eye"))
        assert np.isnan(back.people[0].keypoints[:, eyes]).all()


def test_the_files_have_the_programs_keys(tmp_path):
    motion = two_people("coco17")
    forvis = json.loads(save_motion(motion, tmp_path / "forvis.json", format="poseflow").read_text())
    assert list(forvis) == [f"{i:06d}.jpg" for i in range(7)]
    assert forvis["000004.jpg"] == []
    assert [each["idx"] for each in forvis["000003.jpg"]] == [4, 9]
    assert set(forvis["000003.jpg"][0]) == {"keypoints", "scores", "idx"}
    assert len(forvis["000003.jpg"][0]["keypoints"]) == 51
    svai = json.loads(save_motion(motion, tmp_path / "svai.json", format="opensvai").read_text())
    assert svai[3]["image"] == {"folder": "svai", "name": "000003.jpg", "id": 3}
    candidate = svai[3]["candidates"][0]
    assert set(candidate) == {"det_bbox", "det_score", "pose_keypoints_2d", "track_id"}
    assert candidate["det_bbox"] == [10, 20, 100, 300]
    assert len(candidate["pose_keypoints_2d"]) == 45
    assert candidate["det_score"] == 0.75


def test_motions_without_these_joints_are_refused(tmp_path):
    bare = Motion(np.zeros(1), 10, 10, people=(Person(1, np.array([0]), boxes=np.zeros((1, 4))),))
    for layout in ("poseflow", "opensvai"):
        with pytest.raises(UsageError, match="no people"):
            save_motion(bare.replace(people=()), tmp_path / "a.json", format=layout)
        with pytest.raises(KinemaError, match="keypoints"):
            save_motion(bare, tmp_path / "a.json", format=layout)
    with pytest.raises(UsageError, match="has no joint 'nose'"):
        save_motion(two_people("h36m17"), tmp_path / "a.json", format="poseflow")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"0.jpg": [{"keypoints": [1, 2, 3]}]}, "1 joints"),
        ({"0.jpg": [{"keypoints": [1, 2] * 17}]}, "not x, y and confidence|joints"),
        ({"0.jpg": [{"keypoints": [1] * 51, "idx": "me"}]}, "'me', not a whole number"),
        ({"0.jpg": [{"keypoints": [1] * 51}], "1.jpg": [7]}, "int, not a JSON object"),
        ([{"image": {"name": "0.jpg"}, "candidates": []}], "holds no pose"),
        ([{"image": {"name": "0.jpg"}, "candidates": 3}], "not a list"),
        ([{"image": 5, "candidates": []}], "not a JSON object"),
        ([{"image": {"name": "0.jpg"}, "candidates": [{"pose_keypoints_2d": ["x"] * 45}]}], "not x, y and confidence"),
        (
            [{"image": {"name": "0.jpg"}, "candidates": [{"pose_keypoints_2d": [1] * 45, "det_bbox": [1, 2]}]}],
            "not four numbers",
        ),
    ],
)
def test_malformed_files_are_refused_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message) as error:
        read_keypoints(path)
    assert "\n" not in str(error.value)
    assert "bad.json" in str(error.value)


def test_the_command_takes_a_tracker():
    import argparse

    parser = argparse.ArgumentParser()
    lift.configure(parser)
    args = parser.parse_args(["a.json", "--tracker", "lighttrack", "--tracker-checkpoint", "sgcn.pt"])
    assert (args.tracker, str(args.tracker_checkpoint)) == ("lighttrack", "sgcn.pt")


def test_blazepose_has_what_both_layouts_need():
    assert set(COCO17.joints) <= set(BLAZEPOSE33.joints)
