"""`kinema run VIDEO --keypoints FILE`: people of another program's keypoints, in the user's own video."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.errors import InputError
from kinema.geometry.alignment import similarity
from kinema.motion import Motion
from kinema.pipeline import RunOptions
from kinema.pipeline import run as run_pipeline
from kinema.skeleton import SMPL24
from tests.helpers.keypoint_files import alphapose_file, openpose_folder, projected
from tests.helpers.video_clips import write_clip

FPS = 10


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def video(tmp_path_factory, pictures) -> Path:
    """The rendered person of `truth` as a video."""
    height, width = pictures[0].shape[:2]
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    return write_clip(
        path, range(len(pictures)), width=width, height=height, time_base=Fraction(1, FPS), rate=FPS,
        draw=lambda i, w, h: pictures[i],
    )  # fmt: skip


def result(video: Path, file: Path, **settings) -> Motion:
    options = RunOptions.of(keypoints=str(file), overlay=False, static_camera=True, **settings)
    return run_pipeline(video, "outputs", options).motion


def refused(capsys, *arguments: str) -> str:
    """What `kinema run` says in the one sentence with which it refuses."""
    code = main(["run", *arguments, "--quiet", "--no-overlay", "--static-camera"])
    printed = capsys.readouterr().err
    assert code in (2, 3)
    assert printed.startswith("kinema: ")
    assert printed.count("\n") == 1
    return printed


FEET, HANDS = {"left_foot", "right_foot"}, {"left_hand", "right_hand"}
SETS = {"coco17": FEET | HANDS, "halpe26": HANDS, "openpose25": HANDS, "h36m17": FEET | HANDS}


@pytest.mark.parametrize("name", SETS)
def test_every_joint_set_gives_the_body_and_says_what_it_estimates(name, video, truth, tmp_path):
    (points,) = projected(truth, name)
    if name == "openpose25":
        file, layout = openpose_folder(tmp_path / "json", [points]), None
    elif name == "h36m17":
        np.savez(tmp_path / "keypoints.npz", kpts=points)
        file, layout = tmp_path / "keypoints.npz", name
    else:
        file, layout = alphapose_file(tmp_path / "poses.json", [points]), None
    motion = result(video, file, joints=layout)
    (person,) = motion.people
    assert person.keypoint_set == name
    defined = points[0, :, 2] > 0
    # The track's rows are float32.
    np.testing.assert_allclose(person.keypoints[:, defined], points[:, defined, :2], atol=1e-3)
    assert np.isnan(person.keypoints[:, ~defined]).all()
    assert person.joint_seen.all(axis=0).tolist() == [joint not in SETS[name] for joint in SMPL24.joints]
    assert not person.joint_seen[:, SMPL24.indices(sorted(SETS[name]))].any()
    # The image is explained: 1.5 % of a person of about 350 pixels. Depth is a guess where 2D is all there is, so
    # that the aligned error of the joints that are shown is a loose 120 mm, of which a body in its rest pose has 250.
    assert np.nanmedian(person.reprojection_error) < 6
    shown = np.flatnonzero(person.joint_seen[0])
    errors = []
    for found, want in zip(person.joints[:, shown], truth.people[0].joints[:, shown], strict=True):
        scale, turn, shift = similarity(found, want)
        errors.append(np.linalg.norm(scale * found @ turn.T + shift - want, axis=-1).mean())
    assert np.mean(errors) < 0.12
    assert person.contacts is not None


def test_the_file_belongs_to_the_whole_video_in_any_time_range(video, truth, tmp_path):
    (points,) = projected(truth, "coco17")
    file = alphapose_file(tmp_path / "poses.json", [points])
    motion = result(video, file, time_range=(0.5, 1.2))
    assert motion.num_frames == 7
    np.testing.assert_allclose(motion.people[0].keypoints, points[5:12, :, :2], atol=1e-3)


def test_frames_that_are_missing_or_out_of_order_keep_their_place(video, truth, tmp_path):
    (points,) = projected(truth, "coco17")
    frames = [15, 3, 0, 1, 2, 9, 10, 14, 11, 12, 13]  # 4 to 8 are missing: half a second, which is no short gap
    motion = result(video, alphapose_file(tmp_path / "poses.json", [points], frames=frames))
    (person,) = motion.people
    assert person.frames.tolist() == sorted(frames)
    np.testing.assert_allclose(person.keypoints, points[sorted(frames), :, :2], atol=1e-3)


def test_a_short_gap_is_filled_and_marked(video, truth, tmp_path):
    (points,) = projected(truth, "coco17")
    motion = result(video, alphapose_file(tmp_path / "poses.json", [points], frames=[f for f in range(16) if f != 7]))
    (person,) = motion.people
    assert person.frames.tolist() == list(range(16))
    assert np.flatnonzero(~person.observed).tolist() == [7]


def test_people_without_identities_are_followed_and_named_by_size(video, truth, tmp_path, capsys):
    (points,) = projected(truth, "coco17")
    small = points.copy()
    small[..., :2] = 0.5 * small[..., :2] + [10, 200]
    file = alphapose_file(tmp_path / "poses.json", [small, points], ids=False)
    motion = result(video, file)
    assert len(motion.people) == 2
    np.testing.assert_allclose(motion.people[0].keypoints, points[..., :2], atol=1e-3)
    np.testing.assert_allclose(motion.people[1].keypoints, small[..., :2], atol=1e-3)


@pytest.mark.parametrize("tracker", ["poseflow", "lighttrack"])
def test_another_tracker_says_anew_who_is_who(tracker, video, truth, tmp_path):
    (points,) = projected(truth, "coco17")
    left = points.copy()
    left[..., :2] = 0.5 * left[..., :2] + [10, 200]
    mixed = [np.concatenate([points[:8], left[8:]]), np.concatenate([left[:8], points[8:]])]
    motion = result(video, alphapose_file(tmp_path / "poses.json", mixed), tracker=tracker)
    assert len(motion.people) == 2
    np.testing.assert_allclose(motion.people[0].keypoints, points[..., :2], atol=1e-3)


def test_left_and_right_that_change_places_for_a_moment_are_put_back(video, truth, tmp_path):
    from kinema.skeleton import COCO17

    (points,) = projected(truth, "coco17")
    swapped = points.copy()
    swapped[7:9] = swapped[7:9][:, COCO17.mirror]
    motion = result(video, alphapose_file(tmp_path / "poses.json", [swapped]))
    np.testing.assert_allclose(motion.people[0].keypoints, points[..., :2], atol=1e-3)


def test_points_that_are_not_numbers_are_not_seen(video, truth, tmp_path):
    (points,) = projected(truth, "coco17")
    points[:, 9] = np.nan
    points[4:6] = np.nan
    motion = result(video, alphapose_file(tmp_path / "poses.json", [points]))
    (person,) = motion.people
    assert np.isnan(person.keypoints[:, 9]).all()
    assert (person.keypoint_confidence[:, 9] == 0).all()
    assert not person.joint_seen[:, SMPL24.index("left_wrist")].any()
    assert np.flatnonzero(~person.observed).tolist() == [4, 5]


def test_a_run_is_resumed_and_another_file_is_another_run(video, truth, tmp_path):
    (points,) = projected(truth, "coco17")
    file = alphapose_file(tmp_path / "poses.json", [points])
    options = RunOptions.of(keypoints=str(file), overlay=False, static_camera=True)
    first, again = run_pipeline(video, "outputs", options), run_pipeline(video, "outputs", options)
    assert again.repeated
    assert again.folder == first.folder
    changed = points.copy()
    changed[..., 0] += 3
    alphapose_file(file, [changed])
    other = run_pipeline(video, "outputs", options)
    assert not other.repeated
    np.testing.assert_allclose(other.motion.people[0].keypoints, changed[..., :2], atol=1e-3)
    assert first.record["weights"]["poses.json"] != other.record["weights"]["poses.json"]


def test_one_frame(tmp_path, pictures, truth):
    import cv2

    (points,) = projected(truth, "coco17")
    cv2.imwrite(str(tmp_path / "shot_12.png"), pictures[0][..., ::-1])
    file = alphapose_file(tmp_path / "poses.json", [points[:1]], picture=lambda f: "shot_12.png")
    motion = result(tmp_path / "shot_12.png", file)
    assert len(motion.people[0]) == 1
    assert np.isfinite(motion.people[0].joints).all()


def test_images_are_found_by_their_names(tmp_path, pictures, truth):
    import cv2

    (points,) = projected(truth, "coco17")
    (tmp_path / "shots").mkdir()
    for f, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / "shots" / f"shot_{f + 30:03d}.png"), picture[..., ::-1])
    name = "shot_{:03d}.jpg".format
    frames = range(4, 16)
    file = alphapose_file(tmp_path / "poses.json", [points], picture=lambda f: name(f + 30), frames=frames)
    motion = result(tmp_path / "shots", file, fps=FPS)
    assert motion.people[0].frames.tolist() == list(frames)
    file = alphapose_file(tmp_path / "poses.json", [points], picture=lambda f: name(f + 300), frames=frames)
    with pytest.raises(InputError, match=r"has poses of the image 'shot_304\.jpg', which .*shots lacks"):
        result(tmp_path / "shots", file, fps=FPS)


class TestRefused:
    def test_more_frames_than_the_video(self, video, truth, tmp_path, capsys):
        (points,) = projected(truth, "coco17")
        file = alphapose_file(tmp_path / "poses.json", [np.concatenate([points, points])])
        printed = refused(capsys, str(video), "--keypoints", str(file))
        assert "poses up to frame 31, but" in printed
        assert "has 16 frames" in printed

    def test_pictures_of_another_size(self, video, truth, tmp_path, capsys):
        (points,) = projected(truth, "coco17")
        about = {"layout_name": "coco", "num_joints": 17, "video_metadata": {"a.mp4": {"w": 1280, "h": 960}}}
        np.savez(tmp_path / "poses.npz", positions_2d={"a.mp4": {"custom": [points[..., :2]]}}, metadata=about)
        printed = refused(capsys, str(video), "--keypoints", "poses.npz")
        assert "was made for images of 1280x960" in printed
        assert "have 640x480" in printed

    def test_keypoints_far_beyond_the_picture(self, video, truth, tmp_path, capsys):
        (points,) = projected(truth, "coco17")
        file = alphapose_file(tmp_path / "poses.json", [points * [4, 4, 1]])
        assert "far beyond images of 640x480" in refused(capsys, str(video), "--keypoints", str(file))

    def test_coordinates_that_are_no_pixels(self, video, truth, tmp_path, capsys):
        (points,) = projected(truth, "coco17")
        file = alphapose_file(tmp_path / "poses.json", [points / [640, 480, 1]])
        assert "keypoints must be in pixels" in refused(capsys, str(video), "--keypoints", str(file))

    def test_another_skeleton(self, video, truth, tmp_path, capsys):
        (points,) = projected(truth, "coco17")
        file = alphapose_file(tmp_path / "poses.json", [points[:, :16]])
        printed = refused(capsys, str(video), "--keypoints", str(file))
        assert "has 16 joints, of which Kinema knows no order" in printed
        file = alphapose_file(tmp_path / "poses.json", [points])
        printed = refused(capsys, str(video), "--keypoints", str(file), "--joints", "halpe26")
        assert "has 17 joints, halpe26 has 26" in printed

    def test_nothing_but_nan(self, video, truth, tmp_path, capsys):
        (points,) = projected(truth, "coco17")
        file = alphapose_file(tmp_path / "poses.json", [points * np.nan])
        assert "has no pose in enough frames" in refused(capsys, str(video), "--keypoints", str(file))

    def test_nobody_in_the_time_range(self, video, truth, tmp_path, capsys):
        (points,) = projected(truth, "coco17")
        file = alphapose_file(tmp_path / "poses.json", [points], frames=range(8))
        printed = refused(capsys, str(video), "--keypoints", str(file), "--time-range", "1-")
        assert "has no pose in enough frames" in printed

    def test_a_file_that_is_not_there_and_a_source_that_is_unknown(self, video, capsys):
        assert "there is no keypoint file poses.json" in refused(capsys, str(video), "--keypoints", "poses.json")
        assert "unknown keypoint source 'blazepos'" in refused(capsys, str(video), "--keypoints", "blazepos")

    def test_a_file_that_holds_something_else(self, video, tmp_path, capsys):
        (tmp_path / "poses.json").write_text(json.dumps({"what": 1}))
        printed = refused(capsys, str(video), "--keypoints", "poses.json")
        assert "not a keypoint file that Kinema knows" in printed

    def test_several_videos(self, video, truth, tmp_path, capsys):
        (points,) = projected(truth, "coco17")
        file = alphapose_file(tmp_path / "poses.json", [points])
        printed = refused(capsys, str(video), str(video), "--keypoints", str(file))
        assert "belongs to one video" in printed
