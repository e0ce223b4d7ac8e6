"""Pipes and the standard input are copied into a file, once, with a limit."""

from __future__ import annotations

import io
import os
import threading

import pytest

from kinema.errors import InputError
from kinema.video import open_video, sources
from kinema.video.sources import local_file
from tests.helpers.video_clips import number_of, write_clip


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4", range(20)).read_bytes()


def feed(path, data):
    """Write `data` to a pipe, from another thread."""
    thread = threading.Thread(target=path.write_bytes, args=(data,), daemon=True)
    thread.start()
    return thread


class Stdin:
    """Stands for sys.stdin with a descriptor of a pipe."""

    def __init__(self, data):
        self.read, self.write = os.pipe()
        self.thread = threading.Thread(target=self._fill, args=(data,), daemon=True)
        self.thread.start()

    def _fill(self, data):
        with os.fdopen(self.write, "wb") as file:
            file.write(data)

    def fileno(self):
        return self.read


def test_files_are_taken_as_they_are(tmp_path, clip):
    with local_file(tmp_path / "clip.mp4") as path:
        assert path == tmp_path / "clip.mp4"
    with local_file(str(tmp_path / "missing.mp4")) as path:
        assert path == tmp_path / "missing.mp4"


def test_standard_input(clip, monkeypatch):
    """The copy reads like the file, has one time whenever it is made, and is gone afterwards."""
    monkeypatch.setattr("sys.stdin", Stdin(clip))
    with local_file("-") as path:
        assert path.name == "stdin"
        assert path.stat().st_mtime == 0
        assert path.read_bytes() == clip
        assert [number_of(f.image) for f in open_video(path)] == list(range(20))
    assert not path.exists()


def test_named_pipe(tmp_path, clip):
    pipe = tmp_path / "camera.mp4"
    os.mkfifo(pipe)
    thread = feed(pipe, clip)
    with local_file(pipe) as path:
        assert path.name == "camera.mp4"
        assert path.read_bytes() == clip
    thread.join(5)


def test_errors_name_the_pipe_and_not_its_copy(monkeypatch):
    monkeypatch.setattr("sys.stdin", Stdin(bytes(1000)))
    with pytest.raises(InputError, match=r"^the standard input is not a video"), local_file("-") as path:
        open_video(path)


def test_too_much(tmp_path, clip, monkeypatch):
    monkeypatch.setattr(sources, "LARGEST_PIPED", len(clip) - 1)
    monkeypatch.setattr("sys.stdin", Stdin(clip))
    with pytest.raises(InputError, match=r"gives more than .* GB; save it to a file"), local_file("-"):
        pass


def test_nothing(tmp_path, monkeypatch):
    """An empty input, one that stalls, a pipe that nobody writes to, a closed one."""
    monkeypatch.setattr("sys.stdin", Stdin(b""))
    with pytest.raises(InputError, match="the standard input gives nothing"), local_file("-"):
        pass
    monkeypatch.setattr(sources, "STALLED_SECONDS", 0.05)
    stalled = Stdin(b"")
    stalled.thread.join()
    stalled.read, stalled.write = os.pipe()
    monkeypatch.setattr("sys.stdin", stalled)
    with pytest.raises(InputError, match="gave nothing for"), local_file("-"):
        pass
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="nothing"), local_file(tmp_path / "pipe"):
        pass
    for closed in (None, io.StringIO()):
        monkeypatch.setattr("sys.stdin", closed)
        with pytest.raises(InputError, match="the standard input cannot be read"), local_file("-"):
            pass


def test_a_terminal(monkeypatch):
    terminal, _ = os.openpty()
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"fileno": lambda self: terminal})())
    with pytest.raises(InputError, match="nothing is piped"), local_file("-"):
        pass
