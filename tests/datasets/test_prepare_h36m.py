"""Human3.6M's original files of every kind -> the published layout, and what is wrong with such files."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.datasets.h36m import KEPT, read_dataset, read_keypoints
from kinema.datasets.h36m_cameras import H36M_CAMERAS
from kinema.datasets.prepare_h36m import canonical, prepare_h36m
from kinema.errors import InputError, UsageError
from tests.helpers.original_datasets import (
    KINDS,
    cells,
    poses,
    write_cdf,
    write_detectron,
    write_h5,
    write_h36m,
    write_mat,
)

TAKES = {
    "S9": {"Directions 1": poses(4, 0), "TakingPhoto": poses(5, 1)},
    "S11": {"Directions": poses(3, 2), "WalkingDog 1": poses(6, 3)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_poses_of_every_kind(tmp_path, kind, capsys):
    folder = write_h36m(tmp_path / "original", kind, TAKES)
    out = tmp_path / "out"
    assert main(["data", "prepare", "h36m", str(folder), "--output", str(out)]) == 0
    captured = capsys.readouterr()
    files = [out / "data_3d_h36m.npz", out / "data_2d_h36m_gt.npz"]
    assert captured.out.split() == [str(path) for path in files]
    assert "S9 has 2 files of poses; all of Human3.6M's are 30" in captured.err
    assert "has no poses of S1, S5, S6, S7, S8, which are left out" in captured.err
    data = read_dataset(*files)
    # The corrupt take is left out, and names are the common ones.
    assert {s: list(takes) for s, takes in data.positions.clips.items()} == {
        "S9": ["Directions 1", "Photo"], "S11": ["WalkDog 1"]
    }  # fmt: skip
    np.testing.assert_allclose(
        data.positions.clips["S11"]["WalkDog 1"], TAKES["S11"]["WalkingDog 1"][:, KEPT] / 1000, atol=1e-6
    )
    assert data.keypoints.layout == "h36m"
    assert (data.keypoints.left, data.keypoints.right) == (data.positions.left, data.positions.right)
    for clip in data.clips(["S9"]):
        camera = clip.camera
        rays = clip.joints[..., :2] / clip.joints[..., 2:]
        k, p, square = np.array(camera.radial), np.array(camera.tangential), (rays**2).sum(-1, keepdims=True)
        growth = 1 + k[0] * square + k[1] * square**2 + k[2] * square**3 + (p * rays).sum(-1, keepdims=True)
        want = np.array(camera.focal) * (rays * growth + p * square) + np.array(camera.centre)
        np.testing.assert_allclose(clip.keypoints, want, atol=2e-3)  # pixels; joints are rounded to float32


def test_names_of_actions(tmp_path):
    names = {"WalkingDog 1.cdf.mat": "WalkDog 1", "TakingPhoto.cdf": "Photo", "Walking_1.54138969.h5": "Walking 1"}
    assert {name: canonical(tmp_path / name) for name in names} == names


def prepared_with(tmp_path, kind: str, write, name: str):
    write_h36m(tmp_path, "h5", {"S9": {"Walking 1": poses(3)}})
    for camera in H36M_CAMERAS["S9"]:
        write(tmp_path / kind / "S9" / f"Walking 1.{camera.name}.mp4.npz", int(camera.name))
    done = prepare_h36m(tmp_path, tmp_path / "out", keypoints=tmp_path / kind, name=name)
    return read_keypoints(done.files[-1])


@pytest.mark.parametrize("rows", [4, 6])
def test_detectron_s_best_person_and_frames_without_anybody(tmp_path, rows):
    def write(path, seed):
        a, b = (np.full((17, 2), float(seed % 1000 + number)) for number in range(2))
        frames = [[], [(0.5, b), (0.9, a)], []]
        write_detectron(path, frames, rows)

    found = prepared_with(tmp_path, "detectron", write, "detectron_pt_coco")
    assert (found.layout, found.joints, found.left[0]) == ("coco", 17, 1)
    for camera, view in zip(H36M_CAMERAS["S9"], found.clips["S9"]["Walking 1"], strict=True):
        assert view.shape == (3, 17, 2)
        assert np.all(view == int(camera.name) % 1000)  # the surest, kept before and after


def test_cpn_and_hourglass(tmp_path):
    def write(path, seed):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, keypoints=np.full((4, 17, 3), float(seed)))

    assert prepared_with(tmp_path, "cpn", write, "cpn_ft_h36m_dbb").layout == "h36m"
    for camera in H36M_CAMERAS["S9"]:
        place = tmp_path / "h36m" / "S9" / "StackedHourglass" / f"Walking_1.{camera.name}.h5"
        write_h5(place, poses=np.full((3, 16, 2), float(camera.name)))
    done = prepare_h36m(tmp_path, tmp_path / "out")
    found = read_keypoints(done.files[-1])
    assert done.files[-1].name == "data_2d_h36m_sh_pt_mpii.npz"
    assert (found.layout, found.joints) == ("mpii", 16)
    assert [view[0, 0, 0] for view in found.clips["S9"]["Walking 1"]] == [
        np.float32(c.name) for c in H36M_CAMERAS["S9"]
    ]


def place(tmp_path, name: str = "Walking.cdf.mat"):
    return tmp_path / "S9" / "MyPoseFeatures" / "D3_Positions" / name


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 95)), r"has poses of shape \(4, 95\); 96 numbers a frame are expected"),
        (np.zeros((0, 96)), r"has poses of shape \(0, 96\)"),
        (np.full((4, 96), np.nan), r"holds a value that is not finite at \(0, 0, 0\)"),
    ],
)
def test_poses_that_are_none(tmp_path, values, message):
    write_mat(place(tmp_path), data=cells([values]))
    with pytest.raises(InputError, match=message):
        prepare_h36m(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_files(tmp_path, kind):
    write_h36m(tmp_path, kind, {"S9": {"Walking": poses(40)}})
    (path,) = (each for each in tmp_path.rglob("Walking*") if each.is_file())
    whole = path.read_bytes()
    for size in (0, 3, len(whole) // 2, len(whole) - 200):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"Walking.*(corrupt|not a MATLAB file)"):
            prepare_h36m(tmp_path, tmp_path / "out")


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(InputError, match=r"has no poses of Human3.6M; it must hold folders such as S1/"):
        prepare_h36m(tmp_path, tmp_path / "out")
    write_mat(place(tmp_path), other=np.zeros((4, 96)))
    with pytest.raises(InputError, match=r"Walking.cdf.mat has no data; it is not the file that is expected"):
        prepare_h36m(tmp_path, tmp_path / "out")
    place(tmp_path).unlink()
    write_cdf(place(tmp_path, "Walking.cdf"), np.zeros((4, 96)), "Angles")
    with pytest.raises(InputError, match=r"Walking.cdf has no variable 'Pose'; it has Angles"):
        prepare_h36m(tmp_path, tmp_path / "out")


def test_keypoints_that_do_not_belong_are_said(tmp_path):
    write_h36m(tmp_path, "h5", {"S9": {"Walking": poses(4)}})
    two = tmp_path / "two"

    def prepared(name="cpn_ft_h36m_dbb"):
        return prepare_h36m(tmp_path, tmp_path / "out", keypoints=two, name=name)

    two.mkdir()
    with pytest.raises(InputError, match="has no keypoints such as S1/Directions 1"):
        prepared()
    (two / "S9").mkdir()
    for camera in H36M_CAMERAS["S9"]:
        np.savez(two / "S9" / f"Walking.{camera.name}.mp4.npz", keypoints=np.zeros((3, 17, 2)))
    with pytest.raises(InputError, match="'Walking' of S9 have 3 frames, its poses 4"):
        prepared()
    with pytest.raises(InputError, match="has 17 joints, mpii has 16"):
        prepared("sh_pt_mpii")
    with pytest.raises(UsageError, match="'mine' does not tell the joints of the keypoints"):
        prepared("mine")
    (two / "S9" / "Walking.58860488.mp4.npz").unlink()
    with pytest.raises(InputError, match="no keypoints of 'Walking' of S9 by camera 58860488"):
        prepared()
    (two / "S9" / "Walking.60457274.mp4.npz").rename(two / "S9" / "Walking.1.mp4.npz")
    with pytest.raises(InputError, match="belongs to no known camera"):
        prepared()
    write_detectron(two / "S9" / "Walking.54138969.mp4.npz", [[], []])
    (two / "S9" / "Walking.1.mp4.npz").unlink()
    with pytest.raises(InputError, match="has nobody in any frame"):
        prepared("detectron_pt_coco")
    with pytest.raises(UsageError, match="give both `keypoints` and `name`"):
        prepare_h36m(tmp_path, tmp_path / "out", keypoints=two)


def test_objects_in_detections_are_not_executed(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (print, ("executed",))

    write_h36m(tmp_path, "h5", {"S9": {"Walking": poses(4)}})
    boxes = np.empty(1, dtype=object)
    boxes[0] = Bomb()
    (tmp_path / "two/S9").mkdir(parents=True)
    np.savez(tmp_path / "two/S9/Walking.54138969.mp4.npz", boxes=boxes, keypoints=boxes)
    with pytest.raises(InputError, match="nothing in it was executed"):
        prepare_h36m(tmp_path, tmp_path / "out", keypoints=tmp_path / "two", name="detectron_pt_coco")


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["data", "prepare", "h36m", str(tmp_path / "no"), "--output", str(tmp_path)]) == 3
    assert "there is no folder" in capsys.readouterr().err
