"""Keypoints whose file names the joints: Sports2D's and Pose2Sim's folders, DeepLabCut's and other tables, MMPose's own
names. Every layout gives the same tracks; a file that names too little is refused."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.errors import InputError, KinemaError, UsageError
from kinema.formats.foreign import NOTES
from kinema.keypoints.files import read_keypoints
from kinema.keypoints.files.names import joint_named
from kinema.skeleton import COCO17, H36M17, HALPE26, LIMBS12

FRAMES, RATE = 12, 25.0
AWAY = (4, 5)
SPORTS2D = (
    *("Hip", "RHip", "RKnee", "RAnkle", "RBigToe", "RSmallToe", "RHeel", "LHip", "LKnee", "LAnkle", "LBigToe"),
    *("LSmallToe", "LHeel", "Neck", "Head", "Nose", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist"),
)
"""The points of its default skeleton, in its order: Halpe's without eyes and ears."""


def tracks(joints, people: int = 1) -> np.ndarray:
    """(M, F, K, 3): people who walk to the right, far from each other; confidences 0.5 and more."""
    rng = np.random.default_rng(3)
    body = rng.uniform(50, 250, (len(joints), 2))
    points = body + np.arange(FRAMES)[:, None, None] * [4.0, 0.5]
    points = np.stack([points + [400.0 * who, 0] for who in range(people)])
    return np.concatenate([points, rng.uniform(0.5, 1, (*points.shape[:3], 1))], axis=-1)


def camel(joint: str) -> str:
    """A joint's name as OpenPose and Sports2D write it: left_big_toe -> LBigToe."""
    name = {"mid_hip": "hip", "head_top": "head"}.get(joint, joint)
    side, _, rest = name.partition("_")
    letter = {"left": "L", "right": "R"}.get(side)
    return "".join(word.title() for word in name.split("_")) if letter is None else letter + camel(rest)


def write_trc(path, labels, points, *, first=0, unit="m"):
    """As Sports2D does: the frame, its time, x, y and 0 of each point, nothing where it is not seen."""
    head = ["PathFileType\t4\t(X/Y/Z)\tx.trc", "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\t"
            "OrigDataStartFrame\tOrigNumFrames", f"{RATE}\t{RATE}\t{len(points)}\t{len(labels)}\t{unit}\t{RATE}\t0\t"
            f"{len(points)}", "Frame#\tTime\t" + "\t\t\t".join(labels) + "\t\t\t",
            "\t\t" + "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, len(labels) + 1))]  # fmt: skip
    rows = [
        "\t".join([str(f), str((first + f) / RATE), *("\t\t0.0" if np.isnan(x) else f"{x}\t{y}\t0.0" for x, y in row)])
        for f, row in enumerate(points[..., :2])
    ]
    path.write_text("\n".join([*head, *rows]) + "\n")
    return path


def write_deeplabcut(path, labels, points, *, individuals=(), index=None, likelihood=True):
    """Three rows above the numbers, or four with individuals; points (M, F, K, 3)."""
    coords = ["x", "y", "likelihood"] if likelihood else ["x", "y"]
    people = list(individuals) or [None]
    first = [[""] * (2 if index and isinstance(index[0], tuple) else 0)] if index else [[]]
    columns = [(who, part, c) for who in people for part in labels for c in coords]
    rows = [["scorer", *first[0], *["DLC_model"] * len(columns)]]
    if individuals:
        rows.append(["individuals", *first[0], *[who for who, _, _ in columns]])
    rows += [
        ["bodyparts", *first[0], *[part for _, part, _ in columns]],
        ["coords", *first[0], *[c for *_, c in columns]],
    ]
    for f in range(points.shape[1]):
        cells = ["" if np.isnan(v) else repr(float(v)) for who in points[:, f] for p in who for v in p[: len(coords)]]
        head = index[f] if index else f
        rows.append([*(head if isinstance(head, tuple) else (head,)), *cells])
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def away(points: np.ndarray) -> np.ndarray:
    """Nobody is seen in the frames AWAY."""
    out = points.copy()
    out[:, list(AWAY)] = np.nan
    return out


def check(motion, want, joints, labels, *, confident=True):
    """Everybody's points, at the place of each joint in its set; what the file lacks is not seen."""
    assert len(motion.people) == len(want)
    places = joints.indices(labels)
    others = np.setdiff1d(np.arange(len(joints)), places)
    for person, points in zip(motion, want, strict=True):
        assert person.keypoint_set == joints.name
        assert person.frames.tolist() == [f for f in range(FRAMES) if f not in AWAY]
        np.testing.assert_allclose(person.keypoints[:, places], points[person.frames, :, :2], atol=1e-9)
        if confident:
            np.testing.assert_allclose(person.keypoint_confidence[:, places], points[person.frames, :, 2])
        assert np.isnan(person.keypoints[:, others]).all()
        assert (person.keypoint_confidence[:, others] == 0).all()
    assert motion.num_frames == FRAMES


@pytest.mark.parametrize("people", [1, 2])
def test_sports2d_writes_a_table_of_pixels_for_each_person(people, tmp_path):
    joints = [joint_named(label, halpe=True) for label in SPORTS2D]
    points = away(tracks(SPORTS2D, people))
    folder = tmp_path / "clip_Sports2D"
    folder.mkdir()
    for who in range(people):
        write_trc(folder / f"clip_Sports2D_px_person{who:02d}.trc", SPORTS2D, points[who])
        write_trc(folder / f"clip_Sports2D_m_person{who:02d}.trc", SPORTS2D, points[who] / 300)
    motion = read_keypoints(folder, size=(1280, 720))
    check(motion, points, HALPE26, joints, confident=False)
    assert motion.fps == pytest.approx(RATE)
    assert any("how sure" in note for note in motion.data[NOTES])
    (one, *_) = read_keypoints(folder / "clip_Sports2D_px_person00.trc")
    np.testing.assert_array_equal(one.keypoints, motion.people[0].keypoints)


def test_a_part_of_a_video_keeps_its_place_in_it(tmp_path):
    """Sports2D counts from 0, but its times are those of the video."""
    path = write_trc(tmp_path / "a_px_person00.trc", SPORTS2D, tracks(SPORTS2D)[0], first=30, unit="px")
    assert read_keypoints(path).people[0].frames.tolist() == list(range(30, 30 + FRAMES))


def test_a_table_of_metres_is_no_table_of_pixels(tmp_path):
    path = write_trc(tmp_path / "a_m_person00.trc", SPORTS2D, tracks(SPORTS2D)[0] / 300)
    with pytest.raises(InputError, match=r"holds metres, not pixels; give Sports2D's"):
        read_keypoints(path)


def openpose_folder(folder, points, frames=range(FRAMES)):
    folder.mkdir(parents=True)
    for f in frames:
        people = [
            {"person_id": [-1], "pose_keypoints_2d": who[f].ravel().tolist(), "face_keypoints_2d": []}
            for who in points if np.isfinite(who[f]).all()
        ]  # fmt: skip
        (folder / f"{folder.name[:-5]}_{f:06d}.json").write_text(json.dumps({"version": 1.3, "people": people}))


def test_pose2sims_folder_is_that_of_one_camera(tmp_path):
    points = away(tracks(HALPE26.joints, 2))
    openpose_folder(tmp_path / "trial" / "pose" / "cam1_json", points)
    motion = read_keypoints(tmp_path / "trial")
    check(motion, points, HALPE26, HALPE26.joints)
    assert any("does not identify people" in note for note in motion.data[NOTES])
    check(read_keypoints(tmp_path / "trial" / "pose"), points, HALPE26, HALPE26.joints)
    openpose_folder(tmp_path / "trial" / "pose" / "cam2_json", points)
    with pytest.raises(InputError, match=r"keypoints of 2 cameras \(cam1_json, cam2_json\); give the folder of one"):
        read_keypoints(tmp_path / "trial")


def test_frames_may_be_missing(tmp_path):
    """A folder whose files skip numbers keeps the time between them."""
    openpose_folder(tmp_path / "cam_json", tracks(HALPE26.joints), frames=[3, 4, 7, 11])
    motion = read_keypoints(tmp_path / "cam_json")
    assert motion.people[0].frames.tolist() == [0, 1, 4, 8]
    assert motion.num_frames == 9


SPELLINGS = {
    "plain": str,
    "camel": camel,
    "spaced": lambda joint: joint.replace("_", " ").title(),
    "glued": lambda joint: joint.replace("_", ""),
    "behind": lambda joint: (
        "_".join([*joint.split("_")[1:], joint[0]]) if joint.startswith(("left", "right")) else joint
    ),
    "dotted": lambda joint: joint.replace("left_", "L.").replace("right_", "R."),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_deeplabcuts_table_of_one_person(spelling, tmp_path):
    points = away(tracks(COCO17.joints))
    labels = [SPELLINGS[spelling](joint) for joint in COCO17.joints]
    check(read_keypoints(write_deeplabcut(tmp_path / "a.csv", labels, points)), points, COCO17, COCO17.joints)


def test_deeplabcuts_table_of_several(tmp_path):
    """Parts that belong to nobody ("single") are things, and parts that are no joints are left out."""
    labels = [*LIMBS12, "left_heel", "tail"]
    points = away(tracks(labels, 3))
    path = write_deeplabcut(tmp_path / "a.csv", labels, points, individuals=["ann", "bob", "single"])
    check(read_keypoints(path), points[:2, :, :-1], HALPE26, labels[:-1])


def test_deeplabcuts_labels_are_numbered_by_their_pictures(tmp_path):
    """Its labelled frames have a path in place of the number, in one cell or in three; they may stand in any order."""
    points = tracks(COCO17.joints)
    for index in (
        [f"labeled-data/clip/img{2 * f + 10:04d}.png" for f in range(FRAMES)],
        [("labeled-data", "clip", f"img{2 * f + 10:04d}.png") for f in range(FRAMES)],
    ):
        path = write_deeplabcut(tmp_path / "CollectedData.csv", COCO17.joints, points, index=index, likelihood=False)
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:3], *lines[:2:-1]]) + "\n")
        motion = read_keypoints(path)
        assert motion.people[0].frames.tolist() == list(range(0, 2 * FRAMES, 2))
        np.testing.assert_allclose(motion.people[0].keypoints, points[0, :, :, :2])
        assert (motion.people[0].keypoint_confidence == 1).all()


@pytest.mark.parametrize("people", [1, 2])
@pytest.mark.parametrize("form", ["{}.x {}.y {}.score", "{}_x {}_y {}_likelihood", "{}_X {}_Y {}_V"])
def test_tables_with_a_column_for_each_number(form, people, tmp_path):
    """SLEAP's, and those of many scripts: a row for each person and frame."""
    points = away(tracks(COCO17.joints, people))
    columns = [cell.format(*[joint] * 3) for joint in COCO17.joints for cell in form.split()]
    rows = [
        [f"track_{who}", f, *points[who, f].ravel()]
        for f in range(FRAMES) for who in range(people) if f not in AWAY
    ]  # fmt: skip
    rows.append(["track_0", AWAY[0], *[""] * len(columns)])  # a row without a point is nobody
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["track", "frame_idx", *columns], *rows])
    check(read_keypoints(tmp_path / "a.csv"), points, COCO17, COCO17.joints)


def test_a_table_without_people_or_frames(tmp_path):
    points = tracks(COCO17.joints)
    columns = [f"{joint}.{c}" for joint in COCO17.joints for c in "xy"]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *points[0, :, :, :2].reshape(FRAMES, -1)])
    (person,) = read_keypoints(tmp_path / "a.csv")
    np.testing.assert_allclose(person.keypoints, points[0, :, :, :2])


def test_several_people_without_numbers_are_followed(tmp_path):
    points = tracks(COCO17.joints, 2)
    columns = [f"{joint}.{c}" for joint in COCO17.joints for c in ("x", "y", "score")]
    rows = [[f, *points[(who + f) % 2, f].ravel()] for f in range(FRAMES) for who in range(2)]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["frame", *columns], *rows])
    motion = read_keypoints(tmp_path / "a.csv")
    assert any("does not identify people" in note for note in motion.data[NOTES])
    found = {tuple(person.keypoints[0, 0]): person for person in motion}
    for who in points:
        np.testing.assert_allclose(found[tuple(who[0, 0, :2])].keypoints, who[:, :, :2])


BAD = {
    "empty.csv": ("", "no columns are called like nose.x"),
    "words.csv": ("a,b\n1,2\n", "no columns are called like nose.x and nose.y (found 'a, b')"),
    "header.csv": ("scorer,m,m\nbodyparts,nose,nose\n", "ends within its header"),
    "strange.csv": ("scorer,m,m\nbody,nose,nose\n", "a row 'body' stands where DeepLabCut writes"),
    "short.csv": ("frame,nose.x,nose.y\n0,1\n", "row 1 has 2 cells, its header 3"),
    "half.csv": ("frame,nose.x,nose.y\n0.5,1,2\n", "a frame number is not a whole number"),
    "none.csv": ("frame,nose.x,nose.y\n", "holds no pose"),
    "mouse.csv": (
        "scorer,m,m,m,m\nbodyparts,snout,snout,tailbase,tailbase\ncoords,x,y,x,y\n0,11,12,13,14\n",
        "names 2 points (snout, tailbase), none of which is known; it must name hips or shoulders of both sides",
    ),
    "gait.csv": (
        "frame,hip.x,hip.y,left_knee.x,left_knee.y\n0,11,12,13,14\n",
        "names 2 points (hip, left_knee), of them left_knee are known; it must name",
    ),
    "numbers.csv": (
        "frame," + ",".join(f"{p}{n}.{c}" for p in ("hip", "knee", "ankle") for n in "12" for c in "xy") + "\n"
        + "0" + ",50" * 12 + "\n",
        "names 6 points (hip1, hip2, knee1, knee2, ankle1, ankle2), none of which is known",
    ),
    "people.csv": ("track,nose.x,nose.y\na,11,12\n", "has a column of people but none of frames"),
    "fractions.csv": (
        "frame," + ",".join(f"{j}.{c}" for j in LIMBS12 for c in "xy") + "\n0" + ",0.5" * 24 + "\n",
        "holds fractions of the image, not pixels",
    ),
    "a.h5": ("\x89HDF", "is an HDF5 file, which Kinema does not read; let DeepLabCut write .csv"),
    "a.trc": ("no trc\n", "is not a TRC file"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_in_a_sentence(name, tmp_path):
    content, sentence = BAD[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        read_keypoints(tmp_path / name)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_set_may_be_named(tmp_path):
    """Names that only a joint set has count if that set is asked for; a set that shares none is refused."""
    points = tracks(H36M17.joints)
    path = write_deeplabcut(tmp_path / "a.csv", H36M17.joints, points)
    (person,) = read_keypoints(path, layout="h36m17")
    np.testing.assert_allclose(person.keypoints, points[0, :, :, :2])
    path = write_deeplabcut(tmp_path / "b.csv", ["snout", "tail"], tracks(["snout", "tail"]))
    with pytest.raises(UsageError, match="names no joint of coco17; it names 2 points"):
        read_keypoints(path, layout="coco17")


@pytest.mark.parametrize("joint", [*HALPE26.joints, "left_big_toe"])
def test_names_are_known_however_they_are_written(joint):
    for spell in (str, str.upper, lambda j: j.replace("_", "-"), lambda j: j.replace("_", " ")):
        assert joint_named(spell(joint)) == joint
    assert joint_named(camel(joint), halpe=True) == joint


@pytest.mark.parametrize("label", ["hip", "head", "knee1", "learning", "rear", "leg", "", "left", "tail", "left_paw"])
def test_words_that_say_too_little_are_no_joints(label):
    assert joint_named(label) is None


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_any_label_is_a_joint_or_none(label):
    assert joint_named(label) in {None, *HALPE26.joints}


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='scorebdypartin,xy\n.01eLRhipkne "', max_size=200))
def test_any_table_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(text)
    sentence = ""
    try:
        read_keypoints(path)
    except KinemaError as error:
        sentence = str(error)
    assert "\n" not in sentence
