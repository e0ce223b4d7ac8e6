"""Keypoints that other programs wrote: every layout gives the same tracks, whoever is missing, however it is sorted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.errors import InputError, KinemaError, UsageError
from kinema.formats.foreign import NOTES
from kinema.keypoints.files import read_keypoints
from kinema.keypoints.files.linking import linked
from kinema.skeleton import COCO17, HALPE26, OPENPOSE25

FRAMES = 12
AWAY = (4, 5)


def points_of(count: int = 17, frames: int = FRAMES, shift: float = 0.0) -> np.ndarray:
    """(F, K, 3): somebody who walks to the right, scores 0.5 and more."""
    rng = np.random.default_rng(3)
    body = rng.uniform(50, 250, (count, 2))
    points = body + np.arange(frames)[:, None, None] * [4.0, 0.5] + [shift, 0]
    return np.concatenate([points, rng.uniform(0.5, 1, (frames, count, 1))], axis=-1)


def alphapose(path, poses, *, name=lambda f: f"{f}.jpg", ids=True):
    rows = [
        {"image_id": name(f), "category_id": 1, "keypoints": p[f].ravel().tolist(), "score": 2.5,
         "box": [1, 2, 30, 40], **({"idx": who} if ids else {})}
        for who, p in poses.items() for f in range(len(p)) if f not in AWAY
    ]  # fmt: skip
    path.write_text(json.dumps(rows))
    return path


def coco(path, poses):
    rows = [
        {"image_id": f, "category_id": 1, "keypoints": p[f].ravel().tolist(), "score": 0.9, "track_id": who}
        for who, p in poses.items() for f in range(len(p)) if f not in AWAY
    ]  # fmt: skip
    path.write_text(json.dumps(rows))
    return path


def mmpose(path, poses):
    frames = []
    for f in range(FRAMES):
        instances = [
            {"keypoints": p[f, :, :2].tolist(), "keypoint_scores": p[f, :, 2].tolist(), "track_id": who,
             "bbox": [[1, 2, 3, 4]]}
            for who, p in poses.items() if f not in AWAY
        ]  # fmt: skip
        frames.append({"frame_id": f + 1, "instances": instances})
    path.write_text(json.dumps({"meta_info": {"dataset_name": "coco"}, "instance_info": frames}))
    return path


def openpose(path, poses):
    path.mkdir()
    for f in range(FRAMES):
        people = [
            {"person_id": [who], "pose_keypoints_2d": p[f].ravel().tolist(), "face_keypoints_2d": []}
            for who, p in poses.items() if f not in AWAY
        ]  # fmt: skip
        (path / f"clip_{f:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))
    return path


def detections(path, poses):
    boxes, keypoints = np.empty((FRAMES, 2), object), np.empty((FRAMES, 2), object)
    for f in range(FRAMES):
        seen = [] if f in AWAY else [p[f] for p in poses.values()]
        boxes[f] = [[], np.array([[1, 2, 3, 4, 0.9]] * len(seen))]
        keypoints[f] = [[], np.array([[x[:, 0], x[:, 1], 0 * x[:, 2], x[:, 2]] for x in seen])]
    np.savez(path, boxes=boxes, keypoints=keypoints, metadata={"w": 640, "h": 480})
    return path


WRITERS = {
    "alphapose": (alphapose, "alphapose-results.json"),
    "coco": (coco, "results.json"),
    "mmpose": (mmpose, "results_clip.json"),
    "openpose": (openpose, "json"),
    "detections": (detections, "clip.mp4.npz"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_gives_the_same_tracks(name, tmp_path):
    write, file = WRITERS[name]
    poses = {1: points_of(), 2: points_of(shift=300)}
    motion = read_keypoints(write(tmp_path / file, poses), size=(640, 480), fps=25)
    assert (motion.width, motion.height, motion.fps) == (640, 480, pytest.approx(25))
    assert motion.num_frames == FRAMES
    assert len(motion.people) == 2
    for person, want in zip(motion, poses.values(), strict=True):
        assert person.frames.tolist() == [f for f in range(FRAMES) if f not in AWAY]
        assert person.keypoint_set == COCO17.name
        np.testing.assert_allclose(person.keypoints, want[person.frames, :, :2])
        np.testing.assert_allclose(person.keypoint_confidence, want[person.frames, :, 2])


@pytest.mark.parametrize("kind", ["kpts", "dataset"])
def test_the_npz_of_one_person(kind, tmp_path):
    points, path = points_of()[..., :2], tmp_path / "keypoints.npz"
    if kind == "kpts":
        np.savez(path, kpts=points.astype(np.float32))
    else:
        about = {"layout_name": "coco", "num_joints": 17, "video_metadata": {"a.mp4": {"w": 1280, "h": 720}}}
        np.savez(path, positions_2d={"a.mp4": {"custom": [points]}}, metadata=about)
    motion = read_keypoints(path)
    assert (motion.width, motion.height) == ((0, 0) if kind == "kpts" else (1280, 720))
    np.testing.assert_allclose(motion.people[0].keypoints, points, atol=1e-4)  # stored as float32
    np.testing.assert_array_equal(motion.people[0].keypoint_confidence, 1)
    assert "30 frames a second are assumed" in motion.data[NOTES][0]


def test_openposes_eighteen_joints_are_cocos_seventeen(tmp_path):
    """Neck second, the right side first, eyes and ears last."""
    order = ["nose", "neck"]
    order += [f"{side}_{part}" for side in ("right", "left") for part in ("shoulder", "elbow", "wrist")]
    order += [f"{side}_{part}" for side in ("right", "left") for part in ("hip", "knee", "ankle")]
    order += ["right_eye", "left_eye", "right_ear", "left_ear"]
    points = points_of(18)
    person = read_keypoints(openpose(tmp_path / "json", {0: points})).people[0]
    for i, joint in enumerate(COCO17.joints):
        np.testing.assert_allclose(person.keypoints[0, i], points[0, order.index(joint), :2])


@pytest.mark.parametrize(("count", "joints"), [(25, OPENPOSE25), (26, HALPE26), (133, COCO17), (136, HALPE26)])
def test_the_number_of_joints_tells_the_set(count, joints, tmp_path):
    motion = read_keypoints(alphapose(tmp_path / "a.json", {1: points_of(count)}))
    assert motion.people[0].keypoint_set == joints.name
    np.testing.assert_allclose(motion.people[0].keypoints[0], points_of(count)[0, : len(joints), :2])


def test_points_at_the_origin_are_not_seen(tmp_path):
    points = points_of()
    points[3, 9] = 0
    person = read_keypoints(coco(tmp_path / "a.json", {1: points})).people[0]
    assert np.isnan(person.keypoints[3, 9]).all()
    assert person.keypoint_confidence[3, 9] == 0


def test_rows_in_any_order_are_the_same_tracks(tmp_path):
    path = alphapose(tmp_path / "a.json", {1: points_of(), 2: points_of(shift=300)})
    rows = json.loads(path.read_text())
    np.random.default_rng(0).shuffle(rows)
    other = tmp_path / "b.json"
    other.write_text(json.dumps(rows))
    for one, two in zip(read_keypoints(path), read_keypoints(other), strict=True):
        np.testing.assert_array_equal(one.keypoints, two.keypoints)


def test_people_without_identities_are_followed(tmp_path):
    """Two who pass each other at some distance keep their tracks, and the note says that they were followed."""
    poses = {1: points_of(frames=60), 2: points_of(frames=60, shift=300)}
    poses[2][..., 0] -= 8 * np.arange(60)[:, None]
    poses[2][..., 1] += 220
    motion = read_keypoints(alphapose(tmp_path / "a.json", poses, ids=False))
    assert len(motion.people) == 2
    assert any("does not identify people" in note for note in motion.data[NOTES])
    for person, want in zip(motion, poses.values(), strict=True):
        np.testing.assert_allclose(person.keypoints, want[person.frames, :, :2])


@settings(max_examples=25, deadline=None)
@given(people=st.integers(1, 4), seed=st.integers(0, 1000))
def test_people_who_stay_apart_are_never_exchanged(people, seed):
    rng = np.random.default_rng(seed)
    frames, points, truth = [], [], []
    for frame in range(20):
        for who in rng.permutation(people):
            if rng.uniform() < 0.2:
                continue
            frames.append(frame)
            points.append(
                np.c_[rng.normal([100 + 400 * who, 200], 2, (17, 2)) + np.arange(17)[:, None] * 5, np.ones(17)]
            )
            truth.append(who)
    ids = linked(np.array(frames, int), np.array(points).reshape(-1, 17, 3), 10.0)
    pairs = set(zip(truth, ids.tolist(), strict=True))
    assert len(pairs) == len({identity for _, identity in pairs})  # no track has two people


@pytest.mark.parametrize(
    ("name", "first"), [(lambda f: f"{f}.jpg", 0), (lambda f: f"{f + 1000:06d}.png", 0), (lambda f: f"{f + 3}.jpg", 3)]
)
def test_pictures_are_numbered(name, first, tmp_path):
    """0.jpg, 1.jpg, ... are frames of a video; pictures with leading zeros begin anywhere."""
    motion = read_keypoints(alphapose(tmp_path / "a.json", {1: points_of()}, name=name))
    assert motion.people[0].frames[0] == first


BAD = {
    "nothing.json": (b"", "is empty"),
    "half.json": (b'[{"image_id": "0.jpg"', "not a complete JSON file"),
    "binary.json": (b"\xff\xfe\x00\x01" * 9, "not"),
    "deep.json": (b"[" * 100_000, "nested too deeply"),
    "empty.json": (b"[]", "holds no pose"),
    "other.json": (b'{"a": 1}', "not a keypoint file that Kinema knows"),
    "ragged.json": (
        json.dumps([{"image_id": "0.jpg", "keypoints": [1, 2, 3] * n} for n in (17, 16)]).encode(),
        r"different numbers of joints \(16, 17\)",
    ),
    "odd.json": (json.dumps([{"image_id": "0.jpg", "keypoints": [1, 2, 3] * 19}]).encode(), "has 19 joints"),
    "words.json": (
        json.dumps([{"image_id": "0.jpg", "keypoints": ["a", "b", "c"] * 17}]).encode(),
        "not x, y and conf",
    ),
    "wild.json": (json.dumps([{"image_id": 10**12, "keypoints": [1, 2, 3] * 17}] * 2).encode(), ""),
    "frame.json": (json.dumps({"people": [{"pose_keypoints_2d": [1, 2, 3] * 17}]}).encode(), ""),
    "file.txt": (b"1 2 3", r"is not a keypoint file; Kinema reads \.json, \.npz and \.csv"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_in_a_sentence(name, tmp_path):
    content, sentence = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    if not sentence:
        assert read_keypoints(path).people
        return
    with pytest.raises(InputError, match=sentence):
        read_keypoints(path)


def test_a_folder_without_json_and_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"holds no \.json file"):
        read_keypoints(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_keypoints(tmp_path / "none.json")


def test_a_size_that_cannot_be(tmp_path):
    path = alphapose(tmp_path / "a.json", {1: points_of()})
    with pytest.raises(InputError, match=r"keypoints reach to \d+, \d+, far beyond images of 100x80; give their size"):
        read_keypoints(path, size=(100, 80))
    with pytest.raises(UsageError, match="width and height in pixels, found 0x80"):
        read_keypoints(path, size=(0, 80))
    with pytest.raises(UsageError, match="frame rate must be"):
        read_keypoints(path, fps=-1)
    with pytest.raises(UsageError, match=r"has 17 joints, halpe26 has 26"):
        read_keypoints(path, layout="halpe26")


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["image_id", "keypoints", "people", "frame_id", "instances", "instance_info", "idx", "box",
                             "pose_keypoints_2d", "keypoint_scores", "person_id"]),
            inner, max_size=5,
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_any_json_is_read_or_refused(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(value))
    sentence = ""
    try:
        read_keypoints(path)
    except KinemaError as error:
        sentence = str(error)
    assert "\n" not in sentence
