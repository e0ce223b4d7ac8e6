"""A finished run is believed only while its files are what it wrote, of the input that it was given."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

import kinema
from kinema.__main__ import main
from kinema.errors import InputError, OutputError
from kinema.pipeline import RunOptions, RunWatcher, run
from kinema.pipeline.folder import folder_stem, read_record
from kinema.weights import hub
from tests.helpers.fakes import FakeChain, write_clip, write_images

QUICK = RunOptions.of(overlay=False)


class Notes(RunWatcher):
    def __init__(self):
        self.notes = []

    def note(self, sentence):
        self.notes.append(sentence)


def start(clip: Path, tmp_path: Path, fake: FakeChain, options: RunOptions = QUICK, **more):
    return run(clip, tmp_path / "out", options, steps=fake.steps(options), **more)


def test_every_file_is_listed_with_its_size_and_sha256(clip, tmp_path):
    result = start(clip, tmp_path, FakeChain(people=3), RunOptions())
    names = {path.name for path in result.folder.iterdir() if not path.name.startswith(".")} - {"run.json"}
    assert {"smpl_output_2.npz", "smpl_output_3.npz", "overlay.mp4"} < names
    assert set(result.record["written"]) == names
    for name, facts in result.record["written"].items():
        content = (result.folder / name).read_bytes()
        assert facts == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    listed = {path.resolve() for path in result.files.values()}
    assert listed == {(result.folder / name).resolve() for name in names} | {result.files["copy"].resolve()}
    assert result.files["npz_3"].name == "smpl_output_3.npz"


def same(content: bytes, other: bytes, name: str) -> bool:
    """Whether two files are one result; a pickle refers to equal objects by one or by two copies, as it happens."""
    if not name.endswith(".pkl"):
        return content == other
    one, two = pickle.loads(content), pickle.loads(other)
    np.testing.assert_equal(one, two)
    return True


@pytest.mark.parametrize("name", ["smpl_output.pkl", "smpl_output.npz", "smpl_output_2.npz", "overlay.mp4"])
@pytest.mark.parametrize("damage", ["emptied", "cut", "one bit", "gone"])
def test_a_result_that_was_lost_is_made_again(clip, tmp_path, name, damage):
    fake = FakeChain(people=2)
    first = start(clip, tmp_path, fake, RunOptions())
    path, copy = first.folder / name, first.files["copy"]
    whole, kept = path.read_bytes(), copy.read_bytes()
    flipped = bytes([whole[40] ^ 1])
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"emptied": b"", "cut": whole[:-40], "one bit": whole[:40] + flipped + whole[41:]}[damage])
    changed = path.read_bytes() if damage in ("cut", "one bit") else None
    again = start(clip, tmp_path, fake, RunOptions())
    assert not again.repeated
    assert fake.calls.count("track") == fake.calls.count("fit") == 1
    assert same(path.read_bytes(), whole, name)
    assert same(copy.read_bytes(), kept, copy.name)
    aside = path.with_name(f"{path.stem}.changed{path.suffix}")
    assert (aside.read_bytes() if aside.exists() else None) == changed
    assert start(clip, tmp_path, fake, RunOptions()).repeated


def test_another_validation_of_the_run_is_not_damage(clip, tmp_path, fake):
    first = start(clip, tmp_path, fake)
    assert main(["validate", str(first.folder), "--profile", "video2pkl"]) in (0, 1)
    assert start(clip, tmp_path, fake).repeated
    (first.folder / "motion_validation.json").write_text('{"half')
    assert not start(clip, tmp_path, fake).repeated


def test_the_notes_are_told_again(clip, tmp_path, fake):
    told, again = Notes(), Notes()
    lost = "232 of 240 frames lost"
    steps = fake.steps(QUICK)
    track = steps[0].stage.run

    def track_with_losses(motion, context, options):
        context.notes.append(lost)
        return track(motion, context, options)

    object.__setattr__(steps[0].stage, "run", track_with_losses)
    run(clip, tmp_path / "out", QUICK, steps=steps, watcher=told)
    result = run(clip, tmp_path / "out", QUICK, steps=steps, watcher=again)
    assert result.repeated
    assert told.notes == again.notes == [lost]


def test_an_input_that_is_cut_while_it_is_read(tmp_path, fake):
    """Cut, read, restored with its old time: the frames that were missed are not missing for ever."""
    clip = write_clip(tmp_path / "clip.mkv")  # of which half can be read
    whole, stat = clip.read_bytes(), clip.stat()
    fake.before["fit"] = lambda: pytest.fail("half a video was taken for all of it")
    fake.before["track"] = lambda: os.truncate(clip, len(whole) // 2)
    with pytest.raises(InputError, match="was changed while it was read"):
        start(clip, tmp_path, fake)
    clip.write_bytes(whole)
    os.utime(clip, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    fake.before.clear()
    result = start(clip, tmp_path, fake)
    assert not result.repeated
    assert result.motion.num_frames == 12


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps no time of the last change")
def test_an_input_that_was_another_for_a_while_is_read_again(clip, tmp_path, fake):
    whole, stat = clip.read_bytes(), clip.stat()

    def swap():
        clip.write_bytes(whole[::-1])
        clip.write_bytes(whole)
        os.utime(clip, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    fake.before["track"] = swap
    start(clip, tmp_path, fake)
    fake.before.clear()
    assert not start(clip, tmp_path, fake).repeated
    assert fake.calls.count("track") == 2


@pytest.mark.skipif(os.name != "posix", reason="an open file cannot be moved on Windows")
@pytest.mark.parametrize("fate", ["moved", "deleted"])
def test_an_input_that_goes_away_whole_has_been_read(clip, tmp_path, fake, fate):
    fake.before["fit"] = lambda: shutil.move(clip, tmp_path / "moved.mp4") if fate == "moved" else clip.unlink()
    assert start(clip, tmp_path, fake).record["status"] == "done"


def test_a_disk_that_is_full_for_the_copy(clip, tmp_path, fake, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device", str(source))  # as the system's copy reports it

    monkeypatch.setattr("kinema.pipeline.copies.shutil.copyfile", full)
    with pytest.raises(OutputError, match="the disk is full"):
        start(clip, tmp_path, fake)
    monkeypatch.undo()
    assert start(clip, tmp_path, fake).record["status"] == "done"
    assert fake.calls == ["track", "fit", "filter", "world"]


RECORDS = {
    "empty": b"",
    "half": b'{"status": "done", "key"',
    "a list": b"[1, 2]",
    "deep": b'{"a":' * 100_000,
    "deep and whole": b"[" * 100_000 + b"]" * 100_000,
    "not UTF-8": b'{"status": "\xff"}',
    "NUL bytes": b"\0" * 4096,
}


@pytest.mark.parametrize("content", RECORDS.values(), ids=RECORDS)
def test_a_damaged_record_is_none(clip, tmp_path, fake, content):
    first = start(clip, tmp_path, fake)
    (first.folder / "run.json").write_bytes(content)
    again = start(clip, tmp_path, fake)
    assert not again.repeated
    assert again.record["reused"] == ["track", "fit"]


@pytest.mark.parametrize("name", ["files", "summary", "warnings", "written", "seconds", "check"])
@pytest.mark.parametrize("value", [None, 3, {"people": 7}, "gone"])
def test_a_record_that_was_changed_is_not_believed(clip, tmp_path, fake, name, value):
    first = start(clip, tmp_path, fake)
    record = json.loads((first.folder / "run.json").read_text())
    if value == "gone":
        del record[name]
    else:
        record[name] = value
    (first.folder / "run.json").write_text(json.dumps(record))
    again = start(clip, tmp_path, fake)
    if (name, value) not in (("check", "gone"), ("check", None)):
        assert not again.repeated
    assert again.summary["people"][0]["id"] == 1


DAMAGES = {
    "no zip": lambda content: b"PK\x03\x04 nonsense",
    "half": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "a wild compression": lambda content: content.replace(b"\x00\x00\x00\x00\x00\x00\x21\x00", b"\x63" * 8),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_stages_are_none(clip, tmp_path, fake, damage):
    first = start(clip, tmp_path, fake)
    for path in (first.folder / ".stages").glob("*.npz"):
        path.write_bytes(damage(path.read_bytes()))
    first.files["pkl"].unlink()
    assert start(clip, tmp_path, fake).record["reused"] == []


@pytest.mark.parametrize("error", [NotImplementedError, MemoryError, RecursionError, AttributeError, OverflowError])
def test_whatever_reading_a_stage_raises(clip, tmp_path, fake, monkeypatch, error):
    first = start(clip, tmp_path, fake)
    first.files["pkl"].unlink()

    def broken(*args, **kwargs):
        raise error

    monkeypatch.setattr(np, "load", broken)
    assert start(clip, tmp_path, fake).record["reused"] == []


def test_what_dead_processes_left_is_swept(clip, tmp_path, fake):
    first = start(clip, tmp_path, fake)
    other = tmp_path / "out" / "other_20250101-000000"
    left = [
        first.folder / ".overlay-0123456789ab.mp4",
        first.folder / ".stages" / ".fit-0123456789abcdef-0123456789ab.npz",
        other / ".stages" / ".track-1-0123456789ab.part",
        first.files["copy"].with_name(".clip-0123456789ab.pkl"),
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    (first.folder / ".notes").write_text("mine")
    start(clip, tmp_path, fake)
    assert [path.name for path in left if path.exists()] == []
    assert (first.folder / ".notes").exists()


def test_threads_are_no_part_of_a_run(clip, tmp_path, fake):
    first = start(clip, tmp_path, fake, RunOptions.of(overlay=False, threads=1))
    assert start(clip, tmp_path, fake, RunOptions.of(overlay=False, threads=2)).repeated
    assert start(clip, tmp_path, fake).folder == first.folder


@pytest.mark.parametrize("name", ["é" * 120, "日本" * 40, "🤸" * 60, "x" * 250, "a" + "\udcff" * 200])
def test_long_names_are_cut_by_their_bytes(tmp_path, name):
    stem = folder_stem(tmp_path / f"{name}.mp4")
    assert name.startswith(stem)
    assert 117 <= len(os.fsencode(stem)) <= 120


def test_records_without_the_check_are_read(tmp_path):
    (tmp_path / "run.json").write_text('{"status": "done"}')
    assert read_record(tmp_path) == {"status": "done"}
    (tmp_path / "run.json").write_text('{"status": "done", "check": "0"}')
    assert read_record(tmp_path) == {}


def test_another_seed_is_another_input(clip, tmp_path, fake):
    start(clip, tmp_path, fake)
    write_clip(clip, seed=3)
    assert not start(clip, tmp_path, fake).repeated


def test_threads_change_no_bit(networks, pictures, tmp_path):
    """Why threads are no part of a run: from tracking to the body, every array is the same."""
    clip = write_images(tmp_path / "clip.mp4", pictures)
    one, three = (kinema.estimate(clip, threads=number, min_track_frames=1) for number in (1, 3))
    assert len(one.people) == len(three.people) == 1
    for name in ("frames", "keypoints", "keypoint_confidence", "keypoints3d", "boxes", "pose", "betas", "transl"):
        np.testing.assert_array_equal(getattr(one.people[0], name), getattr(three.people[0], name))


def test_a_doubled_overlay_is_drawn_anew_with_another_network(clip, tmp_path, monkeypatch):
    """Frames are repeated until RIFE's checkpoint is there; a file that cannot be used ends the run before any work."""
    torch = pytest.importorskip("torch")
    from kinema.models.rife.network import RIFE

    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    fake, notes = FakeChain(), Notes()
    options = RunOptions.of(fps_factor=2, threads=1)
    first = start(clip, tmp_path, fake, options, watcher=notes)
    assert any("shown twice" in note for note in notes.notes)
    assert start(clip, tmp_path, fake, options).repeated
    path = tmp_path / "flownet.pkl"
    with pytest.raises(InputError, match=r"flownet.pkl is not a file; give RIFE's checkpoint"):
        start(clip, tmp_path, fake, RunOptions.of(fps_factor=2, rife=path))
    path.write_bytes(b"nothing")
    calls = list(fake.calls)
    with pytest.raises(InputError, match=r"flownet\.pkl"):
        start(clip, tmp_path, fake, RunOptions.of(fps_factor=2, rife=path))
    assert fake.calls == calls
    torch.save({f"module.{key}": 0.01 * torch.ones_like(value) for key, value in RIFE().state_dict().items()}, path)
    hub.add("rife", path)
    second = start(clip, tmp_path, fake, options)
    assert second.folder != first.folder
    assert second.record["warnings"] == []
    assert fake.calls.count("fit") == calls.count("fit")
