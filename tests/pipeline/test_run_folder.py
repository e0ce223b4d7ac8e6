"""A run's folder: its content, what is reused, and what survives interruption."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from kinema.errors import InputError, OutputError
from kinema.pipeline import RunOptions, run
from kinema.pipeline.folder import find_run, folder_stem, only_one
from kinema.video import open_video
from tests.helpers.fakes import FakeChain, write_clip

QUICK = RunOptions.of(overlay=False)


def start(clip: Path, tmp_path: Path, fake: FakeChain, options: RunOptions = QUICK, **more):
    return run(clip, tmp_path / "out", options, steps=fake.steps(options), **more)


def test_a_run_leaves_every_file_and_a_true_record(clip, tmp_path, fake):
    result = start(clip, tmp_path, fake, command=["kinema", "run"])
    names = {path.name for path in result.folder.iterdir() if not path.name.startswith(".")}
    assert names == {"smpl_output.pkl", "smpl_output.npz", "motion_validation.json", "bad_frames.csv", "run.json"}
    record = json.loads((result.folder / "run.json").read_text())
    assert record == result.record
    assert record["status"] == "done"
    assert record["command"] == ["kinema", "run"]
    assert record["weights"]["net"] == "0" * 64
    assert set(record["seconds"]) == {"track", "fit", "filter", "world", "files", "total"}
    assert record["summary"]["people"][0]["coverage"] == 1.0
    assert record["summary"]["people"][0]["jitter_before"] == 10.0
    copy = result.files["copy"]
    assert copy.resolve() == (tmp_path / "out" / "output-pkl-files" / "clip.pkl").resolve()
    assert copy.read_bytes() == result.files["pkl"].read_bytes()
    with copy.open("rb") as file:
        assert pickle.load(file)[1]["pose"].shape == (12, 72)
    np.testing.assert_array_equal(result.motion.person(1).frames, np.arange(12))


def test_the_default_place_is_outputs_beside_output_pkl_files(clip, tmp_path, fake, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(clip, options=QUICK, steps=fake.steps(QUICK))
    assert result.folder.parent == Path("outputs")
    assert (tmp_path / "output-pkl-files" / "clip.pkl").is_file()


def test_a_finished_run_is_not_repeated(clip, tmp_path, fake):
    first = start(clip, tmp_path, fake)
    fake.calls.clear()
    again = start(clip, tmp_path, fake)
    assert fake.calls == []
    assert again.repeated
    assert again.folder == first.folder
    assert again.record == first.record


def test_force_repeats_in_a_new_folder(clip, tmp_path, fake):
    first = start(clip, tmp_path, fake)
    again = start(clip, tmp_path, fake, force=True)
    assert fake.calls == ["track", "fit", "filter", "world"] * 2
    assert again.folder != first.folder


def test_other_settings_use_what_they_do_not_touch(clip, tmp_path, fake):
    start(clip, tmp_path, fake)
    fake.calls.clear()
    result = start(clip, tmp_path, fake, RunOptions.of(overlay=False, strength=0.9))
    assert fake.calls == ["filter", "world"]
    assert result.record["reused"] == ["track", "fit"]
    fake.calls.clear()
    start(clip, tmp_path, fake, RunOptions.of(overlay=False, fov=70.0))
    assert fake.calls == ["fit", "filter", "world"]
    fake.calls.clear()
    start(clip, tmp_path, fake, RunOptions.of(overlay=False, max_persons=1))
    assert fake.calls == ["track", "fit", "filter", "world"]


@pytest.mark.parametrize("setting", [{"fps": 60.0}, {"slow_motion": 4.0}, {"rotate": 180}])
def test_how_the_video_is_read_is_part_of_the_run(clip, tmp_path, fake, setting):
    start(clip, tmp_path, fake)
    fake.calls.clear()
    result = start(clip, tmp_path, fake, RunOptions.of(overlay=False, **setting))
    assert fake.calls == ["track", "fit", "filter", "world"]
    assert result.record["arguments"]["video"] | setting == result.record["arguments"]["video"]


def test_a_pipe_is_a_video(clip, tmp_path, fake):
    """What a pipe gives is the same input each time; its run is named after it."""
    pipe = tmp_path / "camera.mp4"
    os.mkfifo(pipe)
    results = []
    for _ in range(2):
        writer = threading.Thread(target=pipe.write_bytes, args=(clip.read_bytes(),), daemon=True)
        writer.start()
        results.append(start(pipe, tmp_path, fake))
        writer.join(5)
    assert [result.repeated for result in results] == [False, True]
    assert results[0].folder.name.startswith("camera_")
    assert len(results[0].motion.times) == 12


def test_a_changed_video_is_another_input(clip, tmp_path, fake):
    start(clip, tmp_path, fake)
    write_clip(clip, seed=1)
    fake.calls.clear()
    assert not start(clip, tmp_path, fake).repeated
    assert fake.calls == ["track", "fit", "filter", "world"]


def test_a_moved_video_is_the_same_input(clip, tmp_path, fake):
    start(clip, tmp_path, fake)
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / "clip.mp4"
    shutil.move(clip, moved)
    assert start(moved, tmp_path, fake).repeated


def test_a_changed_program_continues_nothing(clip, tmp_path, fake, monkeypatch):
    start(clip, tmp_path, fake)
    fake.calls.clear()
    monkeypatch.setattr("kinema.pipeline.running.code_identity", lambda: "another")
    start(clip, tmp_path, fake)
    assert fake.calls == ["track", "fit", "filter", "world"]


@pytest.mark.parametrize("stage", ["track", "fit", "filter", "world"])
def test_an_interrupted_run_goes_on_in_its_folder(clip, tmp_path, fake, stage):
    def stop():
        raise KeyboardInterrupt

    fake.before[stage] = stop
    with pytest.raises(KeyboardInterrupt):
        start(clip, tmp_path, fake)
    (folder,) = (f for f in (tmp_path / "out").iterdir() if f.name.startswith("clip_"))
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    fake.before.clear()
    done = fake.calls[:-1]
    fake.calls.clear()
    result = start(clip, tmp_path, fake)
    assert result.folder == folder
    assert done + fake.calls == ["track", "fit", "filter", "world"]
    assert result.record["status"] == "done"


def _run_and_die(clip: Path, out: Path) -> None:
    fake = FakeChain()
    fake.before["filter"] = lambda: os.kill(os.getpid(), signal.SIGKILL)
    run(clip, out, QUICK, steps=fake.steps(QUICK))


def test_a_killed_run_goes_on(clip, tmp_path, fake):
    process = multiprocessing.get_context("spawn").Process(target=_run_and_die, args=(clip, tmp_path / "out"))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    result = start(clip, tmp_path, fake)
    assert fake.calls == ["filter", "world"]
    assert result.record["reused"] == ["track", "fit"]


def test_a_damaged_stage_file_is_computed_again(clip, tmp_path, fake):
    first = start(clip, tmp_path, fake)
    (kept,) = (first.folder / ".stages").glob("fit-*.npz")
    kept.write_bytes(kept.read_bytes()[:500])
    first.files["pkl"].unlink()
    fake.calls.clear()
    again = start(clip, tmp_path, fake)
    assert fake.calls == ["fit", "filter", "world"]
    assert again.folder == first.folder
    assert again.files["pkl"].is_file()


def test_two_at_once_second_is_told(clip, tmp_path, fake):
    def try_again():
        with pytest.raises(OutputError, match="already going on in another process"):
            start(clip, tmp_path, FakeChain())

    fake.before["fit"] = try_again
    assert start(clip, tmp_path, fake).record["status"] == "done"


def _hold(out: Path, key: str, held, release) -> None:
    with only_one(out, key, "clip"):
        held.set()
        release.wait(30)


def test_the_lock_is_between_processes_and_ends_with_them(tmp_path):
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, "k" * 64, held, release))
    process.start()
    assert held.wait(30)
    with pytest.raises(OutputError, match="another process"), only_one(tmp_path, "k" * 64, "clip"):
        pass
    process.kill()
    process.join()
    with only_one(tmp_path, "k" * 64, "clip"):
        pass


def test_nobody_is_one_sentence_and_remembered(clip, tmp_path):
    empty = FakeChain(people=0)
    for calls in (["track"], []):
        empty.calls.clear()
        with pytest.raises(InputError, match=r"nobody was found in .*clip.mp4"):
            start(clip, tmp_path, empty)
        assert empty.calls == calls
    folders = [f for f in (tmp_path / "out").iterdir() if f.name.startswith("clip_")]
    assert len(folders) == 1
    assert json.loads((folders[0] / "run.json").read_text())["status"] == "failed"


def test_a_full_disk_is_one_sentence_and_loses_nothing(clip, tmp_path, fake, monkeypatch):
    real = np.savez

    def full(file, **arrays):
        if "poses" in arrays:  # the AMASS file, after all stages were kept
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file, **arrays)

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OutputError, match="the disk is full"):
        start(clip, tmp_path, fake)
    monkeypatch.undo()
    fake.calls.clear()
    assert start(clip, tmp_path, fake).record["status"] == "done"
    assert fake.calls == []


def test_a_full_disk_for_the_record_itself(clip, tmp_path, fake, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        start(clip, tmp_path, fake)


def test_a_folder_that_is_a_file(clip, tmp_path, fake):
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(OutputError, match=r"not a folder.*`out`"):
        start(clip, tmp_path, fake)
    assert (tmp_path / "out").read_text() == "in the way"


def test_a_folder_that_is_not_writable(clip, tmp_path, fake, monkeypatch):
    def denied(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(OutputError, match="permission denied; choose another folder with `out`"):
        start(clip, tmp_path, fake)


def test_an_overlay_that_fails_does_not_fail_the_run(clip, tmp_path, fake, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("no such codec")

    monkeypatch.setattr("kinema.video.VideoWriter", broken)
    result = start(clip, tmp_path, fake, RunOptions())
    assert result.record["status"] == "done"
    assert "overlay" not in result.files
    assert any("no such codec" in warning for warning in result.record["warnings"])
    # ... and the next run tries again, without repeating anything else.
    monkeypatch.undo()
    fake.calls.clear()
    again = start(clip, tmp_path, fake, RunOptions())
    assert set(fake.calls) <= {"filter", "world"}
    assert again.folder == result.folder
    with open_video(again.files["overlay"]) as drawn:
        assert len(list(drawn)) == 12


def test_unreadable_records_of_other_runs_are_ignored(clip, tmp_path, fake):
    strange = tmp_path / "out" / "clip_20200101-000000"
    strange.mkdir(parents=True)
    (strange / "run.json").write_text("{ half")
    (tmp_path / "out" / "clip_of_mine").mkdir()
    assert start(clip, tmp_path, fake).record["status"] == "done"


def test_names_of_folders(tmp_path):
    assert folder_stem(tmp_path / "my clip.v2.mp4") == "my clip.v2"
    assert len(folder_stem(tmp_path / ("x" * 250 + ".mp4"))) == 120
    (tmp_path / "frames.d").mkdir()
    assert folder_stem(tmp_path / "frames.d") == "frames.d"


def test_runs_in_the_same_second_get_their_own_folders(clip, tmp_path, fake):
    folders = {start(clip, tmp_path, fake, force=True).folder for _ in range(3)}
    assert len(folders) == 3


def test_a_finished_run_wins_over_an_interrupted_newer_one(tmp_path):
    for name, status in (("clip_20250101-000000", "done"), ("clip_20250102-000000", "running")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({"key": "k", "status": status}))
    assert find_run(tmp_path, "clip", "k").path.name == "clip_20250101-000000"
