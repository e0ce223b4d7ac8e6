"""HumanEva-I's converted poses -> VideoPose3D's layout: chunks, splits, detections, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.datasets.h36m import read_dataset, read_keypoints
from kinema.datasets.humaneva import HUMANEVA_CAMERAS, OFFSETS, frames_of
from kinema.datasets.prepare_humaneva import prepare_humaneva
from kinema.errors import InputError
from tests.helpers.original_datasets import write_detectron, write_mat

FRAMES = 395 - 5  # of the validation part of S1's gestures


def take(frames: int, joints: int = 15, lost: tuple[int, ...] = ()) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(frames)
    three, two = rng.normal(scale=300, size=(frames, joints, 3)), rng.uniform(0, 480, (3, frames, joints, 2))
    three[list(lost)], two[:, list(lost)] = np.nan, np.nan
    return {"poses_3d": three, "poses_2d": two}


def test_failing_motion_capture_is_split(tmp_path, capsys):
    parts = take(FRAMES, lost=(100, 101, 300))
    write_mat(tmp_path / "converted_15j/Validate/S1/Gestures_1.mat", **parts)
    out = tmp_path / "out"
    assert main(["data", "prepare", "humaneva", str(tmp_path), "--out", str(out), "--quiet"]) == 0
    assert not any(capsys.readouterr())
    data = read_dataset(out / "data_3d_humaneva15.npz", out / "data_2d_humaneva15_gt.npz", HUMANEVA_CAMERAS)
    lengths = {name: len(poses) for name, poses in data.positions.clips["Validate/S1"].items()}
    # Numbers count the breaks, too, as the authors' do.
    assert lengths == {"Gestures 1 chunk0": 100, "Gestures 1 chunk2": 198, "Gestures 1 chunk4": FRAMES - 301}
    clips = list(data.clips(["Validate/S1"], ["Gest"]))
    assert len(clips) == 9
    camera = clips[4].camera
    assert (camera.name, camera.width, camera.height, clips[4].kind) == ("C2", 640, 480, "Gestures")
    np.testing.assert_allclose(camera.to_world(clips[4].joints), parts["poses_3d"][102:300] / 1000, atol=1e-5)
    np.testing.assert_allclose(clips[4].keypoints, parts["poses_2d"][1, 102:300], atol=1e-3)


def test_detections_are_cut_at_the_synchronised_frames(tmp_path):
    parts = take(FRAMES, lost=(10,))
    write_mat(tmp_path / "Validate/S1/Gestures_1.mat", **parts)
    first, _ = frames_of("Validate", "S1", "Gestures 1") or (0, 0)
    for camera in ("C1", "C2", "C3"):
        # Each frame's keypoints are its number.
        frames = [[(1.0, np.full((17, 2), float(number)))] for number in range(FRAMES + 60)]
        write_detectron(tmp_path / "two/S1" / f"Gestures_1_({camera}).avi.npz", frames)
        write_detectron(tmp_path / "two/S4" / f"Box_2_({camera}).avi.npz", frames[:7])
    done = prepare_humaneva(tmp_path, tmp_path, keypoints=tmp_path / "two", name="detectron_pt_coco")
    found = read_keypoints(done.files[-1])
    assert list(found.clips) == ["Validate/S1", "Unlabeled/Validate/S1", "Unlabeled/S4"]
    for camera, offset in enumerate(OFFSETS["S1"]["Gestures 1"]):
        chunk = found.clips["Validate/S1"]["Gestures 1 chunk2"][camera]
        assert chunk[0, 0, 0] == first + 11 + offset - 1
        assert len(chunk) == FRAMES - 11
        assert found.clips["Unlabeled/Validate/S1"]["Gestures 1 chunk1"][camera].shape == (1, 17, 2)
        assert len(found.clips["Unlabeled/S4"]["Box 2"][camera]) == 7


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (take(FRAMES, joints=20), "has 20 joints; convert it with N_JOINTS = 15"),
        (take(100), "has 100 frames, this part of the take has 390"),
        ({**take(FRAMES), "poses_2d": take(100)["poses_2d"]}, "has 390 frames of poses_3d and 100 of poses_2d"),
        (
            {**take(FRAMES), "poses_2d": take(FRAMES, lost=(7,))["poses_2d"]},
            "only one of poses_3d and poses_2d in frame 7",
        ),
        (take(FRAMES, lost=tuple(range(FRAMES))), "has no frame with motion capture"),
    ],
)
def test_poses_that_are_wrong(tmp_path, parts, message):
    write_mat(tmp_path / "Validate/S1/Gestures_1.mat", **parts)
    with pytest.raises(InputError, match=message):
        prepare_humaneva(tmp_path, tmp_path / "out")


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(InputError, match=r"has no poses such as Train/S1/Walking_1\.mat"):
        prepare_humaneva(tmp_path, tmp_path / "out")
    write_mat(tmp_path / "Validate/S1/Gestures_1.mat", **take(FRAMES))
    (tmp_path / "two").mkdir()

    def prepared():
        return prepare_humaneva(tmp_path, tmp_path / "out", keypoints=tmp_path / "two", name="detectron_pt_coco")

    with pytest.raises(InputError, match="has no keypoints such as S1/Walking_1_"):
        prepared()
    frames = [[(1.0, np.zeros((17, 2)))]]
    write_detectron(tmp_path / "two/S1/Gestures_1_(C1).avi.npz", frames * 20)
    with pytest.raises(InputError, match="has 20 frames, fewer than Gestures 1 chunk0 of S1 needs"):
        prepared()
    write_detectron(tmp_path / "two/S1/Gestures_1_(C1).avi.npz", frames * 500)
    with pytest.raises(InputError, match="no keypoints of 'Gestures 1 chunk0' of Validate/S1 by camera C2"):
        prepared()
    write_detectron(tmp_path / "two/S1/Gestures_1_(BW1).avi.npz", frames)
    with pytest.raises(InputError, match="belongs to no known camera"):
        prepared()
