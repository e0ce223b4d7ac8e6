"""A run of a video whose camera moves: the path, the world that comes of it, a path from a file."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import kinema
from kinema.__main__ import main
from kinema.errors import InputError
from kinema.formats.camera_files import read_camera_path, write_camera_path
from kinema.geometry.camera_path import CameraPath, path_of

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.usefixtures("networks")]
CLIP, SECONDS = "street_crowd_moving_camera.mp4", (0.0, 1.6)
SETTINGS = {"overlay": False, "time_range": SECONDS, "threads": 1}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The folder of all runs: each after the first takes over what it has in common with an earlier one."""
    return tmp_path_factory.mktemp("street")


@pytest.fixture(scope="module")
def found(data_dir, networks, out):
    return kinema.run(data_dir / "videos" / CLIP, out, **SETTINGS)


def test_a_camera_that_travels_gives_everybody_a_world(found):
    motion = found.motion
    assert [record.name for record in motion.provenance][:3] == ["track", "camera", "fit"]
    path = path_of(motion.data)
    assert path.kind == "full"
    assert path.found.mean() > 0.95
    assert motion.camera.rotation.shape == (motion.num_frames, 3, 3)
    for person in motion:
        # The world is the camera's frame moved: the same joints, but for what the clean-up of the feet changed.
        there = np.einsum("fij,fkj->fki", motion.camera.rotation[person.frames], person.joints_world)
        there += motion.camera.translation[person.frames, None]
        apart = np.linalg.norm((there - there[:, :1]) - (person.joints - person.joints[:, :1]), axis=-1)
        assert np.median(apart) < 0.05


def test_the_background_stands_still_in_the_shots_frame(found, data_dir):
    """Corners of the first picture, followed by OpenCV, lie on the epipolar lines of the path, within 2.5 of 1280
    pixels, in which is what corners drift that are followed from picture to picture for so long.
    """
    import cv2

    from kinema.video import open_video

    path = path_of(found.motion.data)
    with open_video(data_dir / "videos" / CLIP, start=SECONDS[0], end=SECONDS[1]) as video:
        greys = [cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY) for frame in video]
    mask = np.full(greys[0].shape, 255, np.uint8)
    for person in found.motion:
        for x1, y1, x2, y2 in person.boxes.astype(int):
            mask[max(y1 - 20, 0) : y2 + 20, max(x1 - 20, 0) : x2 + 20] = 0
    corners = start = cv2.goodFeaturesToTrack(greys[0], 200, 0.02, 15, mask=mask)
    alive = np.ones(len(corners), bool)
    for before, after in itertools.pairwise(greys):
        corners, ok, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)
        alive &= ok[:, 0] > 0
    there = path.part(slice(len(greys) - 1, len(greys)))
    x, y, z = -there.rotation[0] @ there.centre[0]
    essential = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ there.rotation[0]
    lens = np.linalg.inv(path.intrinsics)
    one = np.ones((alive.sum(), 1))
    lines = np.hstack([start[alive, 0], one]) @ (lens.T @ essential @ lens).T
    after = np.hstack([corners[alive, 0], one])
    missed = np.abs(np.sum(lines * after, axis=1)) / np.linalg.norm(lines[:, :2], axis=1)
    assert alive.sum() > 40
    assert np.median(missed) < 2.5


def test_without_a_path_there_is_no_world(found, data_dir, out):
    result = kinema.run(data_dir / "videos" / CLIP, out, camera_method="none", **SETTINGS)
    assert result.motion.camera.rotation is None
    assert "camera" not in [record.name for record in result.motion.provenance]


def test_a_path_from_a_file_counts(found, data_dir, out, tmp_path):
    path = path_of(found.motion.data)
    frames = len(path)
    still = CameraPath(np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3)), path.intrinsics, kind="static")
    motion = found.motion
    file = write_camera_path(still, tmp_path / "still.npz", motion.times, (motion.width, motion.height))
    result = kinema.run(data_dir / "videos" / CLIP, out, camera=file, **SETTINGS)
    assert path_of(result.motion.data).kind == "static"
    assert result.motion.camera.focal_source == "file"
    short = write_camera_path(still.part(slice(0, 5)), tmp_path / "short.npz", motion.times[:5], (4, 4))
    with pytest.raises(InputError, match=r"poses from 0\.00 to .* but the clip goes from 0\.00"):
        kinema.run(data_dir / "videos" / CLIP, out, camera=short, **SETTINGS)


def test_the_command_writes_a_path(data_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["camera", str(data_dir / "videos" / CLIP), "--time-range", "0-1"]) == 0
    assert "the camera travels" in capsys.readouterr().out
    assert read_camera_path(tmp_path / "street_crowd_moving_camera_camera.npz").path.kind == "full"
    assert main(["camera", "clip.mp4", "--out", "path.csv"]) == 2
