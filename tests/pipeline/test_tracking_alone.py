"""Tracking for `kinema camera` and `kinema segment`: what it notes reaches the user in both."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.camera.methods import METHODS, CameraMethod
from kinema.camera.options import CameraOptions
from kinema.errors import InputError
from kinema.formats.camera_files import read_camera_path
from kinema.geometry.camera_path import CameraPath, path_data
from kinema.motion import Motion
from kinema.pipeline import tracking_alone
from kinema.pipeline.camera_finding import CameraJob, find_camera_of
from kinema.pipeline.segmenting import segment_video
from kinema.pipeline.watching import RunWatcher
from tests.helpers.fakes import write_clip

NOTE = "the clip has 2 shots"


class Notes(RunWatcher):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def note(self, sentence: str) -> None:
        self.seen.append(sentence)


def nobody(motion, context, options):
    context.notes.append(NOTE)
    times = [frame.time for frame in context.video]
    return Motion(times, context.video.width, context.video.height)


def stand(motion, context, options):
    frames = motion.num_frames
    turns, places = np.tile(np.eye(3), (frames, 1, 1)), np.zeros((frames, 3))
    path = CameraPath(turns, places, motion.camera.intrinsics, breaks=np.array([3]))
    return motion.replace(data={**motion.data, **path_data(path)})


@pytest.fixture
def clip(tmp_path, monkeypatch):
    stage = dataclasses.replace(tracking_alone.track_video, run=nobody)
    monkeypatch.setattr(tracking_alone, "track_video", stage)
    return write_clip(tmp_path / "clip.mp4")


@pytest.fixture
def method():
    yield METHODS.register(CameraMethod("stand", "never moves", stand))
    METHODS.unregister("stand")


def test_the_camera_command_shows_them(clip, method):
    shown = Notes()
    find_camera_of(clip, CameraJob(camera=CameraOptions(method="stand")), watcher=shown)
    assert NOTE in shown.seen


def test_a_file_without_room_for_pieces_says_so(clip, method, tmp_path, capsys):
    for name, told in (("a.txt", True), ("a.json", False)):
        assert main(["camera", str(clip), "--camera-method", "stand", "--out", str(tmp_path / name)]) == 0
        assert ("has 2 pieces, which a.txt does not tell" in capsys.readouterr().err) == told
    assert read_camera_path(tmp_path / "a.json").path.breaks.tolist() == [3]


def test_the_segment_command_shows_them(clip):
    shown = Notes()
    with pytest.raises(InputError, match="nobody is seen"):
        segment_video(clip, watcher=shown)
    assert NOTE in shown.seen
