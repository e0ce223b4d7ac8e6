"""A path of another video is refused before anybody is tracked, as far as that can be known by then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.camera.finding import require_of_video
from kinema.errors import InputError
from kinema.formats.camera_files import write_camera_path
from kinema.geometry.camera import camera_from_fov
from kinema.geometry.camera_path import CameraPath
from kinema.video import open_video
from kinema.video.file import VideoFile
from tests.helpers.fakes import FRAMES, write_clip
from tests.helpers.video_clips import write_clip as write_timed

SIZE = (96, 64)


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


def path_of(folder: Path, frames: int, *, times: bool = True, size: tuple[int, int] = SIZE) -> Path:
    lens = camera_from_fov(*size, 60.0).intrinsics
    path = CameraPath(np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3)), lens, kind="static")
    if times:
        return write_camera_path(path, folder / "a.npz", np.arange(frames) / 30, size)
    np.savez(folder / "a.npz", R=path.rotation, t=path.translation, K=path.intrinsics)
    return folder / "a.npz"


@pytest.mark.parametrize(
    ("frames", "times", "size", "sentence"),
    [
        (FRAMES - 1, False, SIZE, "has 11 poses, but the clip has 12 frames; they must agree"),
        (FRAMES - 1, True, SIZE, "has poses from 0.00 to 0.33 s, but the clip goes from 0.00 to 0.37 s"),
        (FRAMES, True, SIZE[::-1], "but the clip has 96x64, which is another shape"),
    ],
    ids=["one less", "shorter", "turned"],
)
def test_a_path_of_another_video_is_refused_before_anybody_is_tracked(
    clip, tmp_path, monkeypatch, capsys, frames, times, size, sentence
):
    def tracking(*_, **__):
        raise AssertionError("people were tracked first")

    monkeypatch.setattr("kinema.tracking.tracker.track_people", tracking)
    monkeypatch.chdir(tmp_path)
    file = path_of(tmp_path, frames, times=times, size=size)
    assert main(["run", str(clip), "--quiet", "--camera", str(file)]) == 3
    told = capsys.readouterr().err
    assert sentence in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("times", [True, False])
def test_the_header_is_enough_where_it_agrees(clip, tmp_path, monkeypatch, times):
    file = path_of(tmp_path, FRAMES, times=times)
    with open_video(clip) as video:
        monkeypatch.setattr(VideoFile, "__iter__", lambda _: pytest.fail("the frames were decoded for nothing"))
        require_of_video(file, video)


@pytest.mark.parametrize("likely", [FRAMES - 1, FRAMES + 5, None])
def test_a_header_that_is_wrong_refuses_nothing(clip, tmp_path, likely):
    """Frames that an edit list leaves out are in its count, and some headers have none."""
    file = path_of(tmp_path, FRAMES, times=False)
    with open_video(clip) as video:
        video.num_frames_estimate = likely
        require_of_video(file, video)
        assert video.warnings == []
    path_of(tmp_path, FRAMES + 1, times=False)
    with open_video(clip) as video:
        video.num_frames_estimate = likely
        with pytest.raises(InputError, match="has 13 poses, but the clip has 12 frames"):
            require_of_video(file, video)


def test_a_part_and_frames_at_uneven_times(tmp_path):
    """The header's mean rate is not when each frame is shown; the frames tell."""
    clip = write_timed(tmp_path / "uneven.mp4", (0, 1, 2, 3, 10, 11, 12, 13, 14, 20), width=96, height=64)
    file = path_of(tmp_path, 21)
    for start in (None, 0.1):
        with open_video(clip, start=start) as video:
            require_of_video(file, video)
    file = path_of(tmp_path, 12)
    with open_video(clip, start=0.1) as video, pytest.raises(InputError, match=r"the clip goes from 0\.10 to 0\.67 s"):
        require_of_video(file, video)
