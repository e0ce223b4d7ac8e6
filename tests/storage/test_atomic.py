"""Files appear complete or not at all, under concurrent writes and failures."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from kinema.errors import OutputError
from kinema.storage.atomic import atomic_path, check_place, explain_write_error, sweep, write_json


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_appears_at_the_end(tmp_path):
    target = tmp_path / "new" / "deep" / "a.pkl"
    with atomic_path(target) as temporary:
        assert temporary.suffix == ".pkl"
        assert temporary.parent == target.parent
        assert temporary.name.startswith(".a-")
        temporary.write_bytes(b"all of it")
        assert not target.exists()
    assert target.read_bytes() == b"all of it"
    assert names(target.parent) == ["a.pkl"]


def test_replaces_the_old_file_atomically(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(str(target)) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), KeyboardInterrupt(), SystemExit(3), OSError(errno.EIO, "broken")]
)
def test_failure_keeps_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_an_ordinary_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("x")
        (tmp_path / "plain.txt").write_text("x")
    finally:
        assert os.umask(before) == mask, "the umask of the process was changed"
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.txt", "plain.txt")}
    assert modes == {0o666 & ~mask}


def test_long_names(tmp_path):
    """A name of the maximum length leaves no room for a longer temporary one."""
    for name in ("n" * 251 + ".pkl", "ü" * 125 + ".pkl"):
        with atomic_path(tmp_path / name) as temporary:
            temporary.write_text("x")
        assert (tmp_path / name).read_text() == "x"
    with pytest.raises(OutputError, match="name is too long"), atomic_path(tmp_path / ("n" * 300)) as temporary:
        temporary.write_text("x")
    assert len(names(tmp_path)) == 2


def test_block_that_replaces_the_temporary_file(tmp_path):
    """Some writers create a new file instead of writing to the existing one."""
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.unlink()
        temporary.write_text("made anew")
    assert names(tmp_path) == ["a.txt"]


def test_block_that_loses_the_temporary_file(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.unlink()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "match"),
    [
        (errno.ENOSPC, "the disk is full: .*a.txt could not be written; free some space"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EFBIG, "exceeds the file size limit"),
        (errno.EROFS, "cannot write to .*: permission denied; choose another folder"),
        (errno.EACCES, "permission denied"),
    ],
)
def test_write_errors_are_explained(tmp_path, number, match):
    def fail():
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise OSError(number, os.strerror(number))

    with pytest.raises(OutputError, match=match) as caught:
        fail()
    assert caught.value.exit_code == 3
    assert isinstance(caught.value.__cause__, OSError)
    assert names(tmp_path) == []


def test_errors_about_other_files_are_left_alone(tmp_path):
    """An unreadable input must not be reported as an output folder that is not writable."""
    other = tmp_path / "elsewhere" / "input.txt"

    def fail():
        with atomic_path(tmp_path / "out" / "a.txt"):
            raise PermissionError(errno.EACCES, "Permission denied", str(other))

    with pytest.raises(PermissionError, match="input"):
        fail()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_is_full(tmp_path):
    """/dev/full refuses every byte with the error of a full disk; the link makes it the temporary file."""

    def fill():
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.unlink()
            temporary.symlink_to("/dev/full")
            temporary.write_text("x" * 10**6)

    with pytest.raises(OutputError, match="disk is full"):
        fill()
    assert names(tmp_path) == []


def test_locations_that_are_not_writable(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.txt").mkdir()
    for target, match in (
        (tmp_path / "file" / "a.txt", "is not a folder"),
        (tmp_path / "file" / "deeper" / "a.txt", "is not a folder"),
        (tmp_path / "folder.txt", "it is a folder"),
    ):
        with pytest.raises(OutputError, match=match), atomic_path(target) as temporary:
            temporary.write_text("x")
    assert names(tmp_path) == ["file", "folder.txt"]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a file system that takes no files is Linux's")
def test_a_place_that_takes_no_files():
    with pytest.raises(OutputError, match=r"^cannot write to /proc; choose another folder"), atomic_path("/proc/a.txt"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_write_permission(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(OutputError, match="permission denied"), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")


def test_a_place_is_checked_before_the_work(tmp_path, monkeypatch):
    check_place(tmp_path / "new" / "deep" / "a.txt")
    assert names(tmp_path) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"deep is not a folder; choose another one with `out`"):
        check_place(tmp_path / "file" / "deep" / "a.txt")
    monkeypatch.setattr(os, "access", lambda folder, how: folder != tmp_path)
    with pytest.raises(OutputError, match=r"^cannot write to .*new: permission denied; choose another folder"):
        check_place(tmp_path / "new" / "a.txt")


def test_no_explanation_for_other_errors():
    assert explain_write_error(OSError(errno.EIO, "broken"), "a.txt") is None


def test_many_writers_at_once(tmp_path):
    """A reader sees one writer's complete text at any time; the last one stays; no temporary file is left."""
    target = tmp_path / "a.txt"
    texts = {str(i) * 100_000 for i in range(6)}
    seen, stop = set(), threading.Event()

    def write(text):
        for _ in range(15):
            with atomic_path(target) as temporary:
                temporary.write_text(text)

    def read():
        while not stop.is_set():
            if target.exists():
                seen.add(target.read_text())

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert seen
    assert seen <= texts
    assert target.read_text() in texts
    assert names(tmp_path) == ["a.txt"]


def test_killed_while_writing(tmp_path):
    """SIGKILL leaves the hidden temporary file; the old file is intact."""
    code = textwrap.dedent(
        """
        import sys, time
        from kinema.storage.atomic import atomic_path
        with atomic_path(sys.argv[1]) as temporary:
            temporary.write_text("half")
            print("writing", flush=True)
            time.sleep(60)
        """
    )
    target = tmp_path / "a.txt"
    target.write_text("old")
    with subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert target.read_text() == "old"
    assert all(name.startswith(".") for name in names(tmp_path) if name != "a.txt")


def test_write_json(tmp_path):
    value = {"b": [1, 2.5, None], "a": "Überblick"}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "Überblick" in text
    assert text.endswith("}\n")
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == value
    assert names(tmp_path) == ["a.json"]


def test_numbers_that_are_not_finite_become_null(tmp_path):
    write_json(tmp_path / "a.json", {"a": [float("nan"), (1.5, float("-inf"))], "name": "\udcff\x1b[31m"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"a": [None, [1.5, None]], "name": "\udcff\x1b[31m"}
    assert "\x1b" not in text


def test_a_full_disk_is_explained_where_the_error_names_the_source(tmp_path):
    """`shutil.copyfile` names the file that it reads."""

    def fail():
        with atomic_path(tmp_path / "copy.pkl"):
            raise OSError(errno.ENOSPC, "No space left on device", "/elsewhere/source.pkl")

    with pytest.raises(OutputError, match="the disk is full"):
        fail()
    assert names(tmp_path) == []


_WRITER = """
    import sys, time
    from kinema.storage.atomic import atomic_path
    with atomic_path(sys.argv[1]) as temporary:
        temporary.write_bytes(b"half")
        print("writing", flush=True)
        time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="locks of the operating system")
def test_only_what_dead_processes_left_is_swept(tmp_path):
    (tmp_path / ".hidden-notes.txt").write_text("mine")
    (tmp_path / "smpl_output.pkl").write_bytes(b"done")
    command = [sys.executable, "-c", textwrap.dedent(_WRITER), str(tmp_path / "overlay.mp4")]
    dead, living = (subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2))
    try:
        for process in (dead, living):
            assert process.stdout.readline() == "writing\n"
        dead.kill()
        dead.wait()
        assert len(list(tmp_path.glob(".overlay-*"))) == 2
        sweep(tmp_path)
        assert len(list(tmp_path.glob(".overlay-*"))) == 1
    finally:
        living.kill()
        living.wait()
    sweep(tmp_path)
    assert names(tmp_path) == [".hidden-notes.txt", "smpl_output.pkl"]
    sweep(tmp_path / "missing")


def test_a_leftover_is_locked_while_it_is_removed(tmp_path, monkeypatch):
    """Otherwise a writer could lock a file of its own that is about to disappear."""
    fcntl = pytest.importorskip("fcntl", reason="files are not locked on Windows")
    leftover = tmp_path / ".overlay-0123456789ab.mp4"
    leftover.touch()
    refused = []
    unlink = os.unlink

    def watched(path):
        with open(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                refused.append(path)
        unlink(path)

    monkeypatch.setattr(os, "unlink", watched)
    sweep(tmp_path)
    assert refused == [str(leftover)]
    assert names(tmp_path) == []


def test_a_sweep_never_takes_a_file_that_is_being_made(tmp_path):
    """Sweeping all the time beside a writer: every file arrives."""
    stop = threading.Event()

    def always():
        while not stop.is_set():
            sweep(tmp_path)

    sweeper = threading.Thread(target=always)
    sweeper.start()
    try:
        for number in range(300):
            with atomic_path(tmp_path / f"{number}.txt") as temporary:
                temporary.write_text("x")
    finally:
        stop.set()
        sweeper.join()
    assert len(names(tmp_path)) == 300
