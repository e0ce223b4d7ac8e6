"""The folder of copies: every result keeps a name of its own."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest

from kinema.pipeline import RunOptions, RunWatcher, run
from kinema.pipeline.copies import suffix_of
from kinema.video.frames import TimeRange
from tests.helpers.fakes import FakeChain, write_clip

QUICK = RunOptions.of(overlay=False)


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(video: str | Path, options: RunOptions = QUICK, people: int = 1, **more) -> str:
    """Run it on fake stages; returns the name of the copy, which is the result's."""
    result = run(video, "out", options, steps=FakeChain(people).steps(options), **more)
    assert result.files["copy"].read_bytes() == result.files["pkl"].read_bytes()
    return result.files["copy"].name


def clip(path: str, seed: int = 0) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return write_clip(Path(path), seed=seed)


def copies() -> set[str]:
    return {path.name for path in Path("out/output-pkl-files").iterdir() if path.suffix == ".pkl"}


def test_videos_of_one_name_keep_their_results(place):
    first, second = clip("a/trial.mp4"), clip("b/trial.mp4", seed=1)
    third = clip("x/b/trial.mp4", seed=2)
    assert [start(each) for each in (first, second, third)] == ["trial.pkl", "b-trial.pkl", "x-b-trial.pkl"]
    # ... which they have whenever they are run again, in any order.
    assert [start(each, force=True) for each in (third, first, second)] == ["x-b-trial.pkl", "trial.pkl", "b-trial.pkl"]
    assert copies() == {"trial.pkl", "b-trial.pkl", "x-b-trial.pkl"}


def test_the_user_is_told_where_the_copy_is(place):
    notes = []

    class Watcher(RunWatcher):
        def note(self, sentence):
            notes.append(sentence)

    start(clip("a/trial.mp4"), watcher=Watcher())
    assert notes == []
    start(clip("b/trial.mp4", seed=1), watcher=Watcher())
    (note,) = notes
    assert "b-trial.pkl" in note


def test_videos_that_differ_in_their_ending(place):
    assert [start(clip("v/clip.mp4")), start(clip("v/clip.mkv", 1))] == ["clip.pkl", "clip.mkv.pkl"]


def test_a_part_does_not_replace_the_whole(place):
    video = clip("clip.mp4")
    names = [
        start(video, RunOptions.of(overlay=False, time_range=range_))
        for range_ in (None, (0.0, 0.2), (0.1, None), (None, 0.25))
    ]
    assert names == ["clip.pkl", "clip_0-0.2s.pkl", "clip_from-0.1s.pkl", "clip_to-0.25s.pkl"]
    assert suffix_of(TimeRange(2, 8)) == "_2-8s"
    with Path("out/output-pkl-files/clip.pkl").open("rb") as file:
        assert len(pickle.load(file)[1]["frame_ids"]) == 12


def test_other_settings_do_not_replace_a_result(place):
    video = clip("clip.mp4")
    plain = start(video)
    stronger = RunOptions.of(overlay=False, strength=0.9)
    other = start(video, stronger)
    assert plain == "clip.pkl"
    assert other in {f"{folder.name}.pkl" for folder in Path("out").glob("clip_*")}
    assert start(video, stronger, force=True) == other
    assert start(video, force=True) == plain
    # Whether a video was rendered, and by how many threads, changes no result.
    assert start(video, RunOptions.of(overlay=True, threads=3)) == plain
    assert len(copies()) == 2


def test_another_video_in_the_same_place(place):
    first = start(clip("clip.mp4"))
    second = start(clip("clip.mp4", seed=1))
    assert first == "clip.pkl" != second
    assert len(copies()) == 2


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_links_keep_the_names_that_they_have(place):
    stored = clip("store/0a1b2c.mp4")
    names = [f"subject{number}.mp4" for number in range(6)]
    for name in names:
        Path(name).symlink_to(stored)
    assert [start(name) for name in names] == [f"{Path(name).stem}.pkl" for name in names]
    assert {folder.name.split("_")[0] for folder in Path("out").glob("*_*")} == {Path(name).stem for name in names}


def test_a_moved_video_keeps_its_copy(place):
    video = clip("a/clip.mp4")
    assert start(video) == "clip.pkl"
    Path("b").mkdir()
    assert start(shutil.move(video, "b/clip.mp4")) == "clip.pkl"
    assert copies() == {"clip.pkl"}
    # A second one beside it is another input, even if it is the same to the bit.
    Path("c").mkdir()
    assert start(shutil.copy2("b/clip.mp4", "c/clip.mp4")) == "c-clip.pkl"
    assert copies() == {"clip.pkl", "c-clip.pkl"}


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[1]", b'{"copies": 3}', b'{"copies": {"clip.pkl": {"input": 7}}}', b"[" * 100_000]
)
def test_a_damaged_index_loses_nothing(place, damage):
    first = start(clip("a/clip.mp4"))
    before = Path("out/output-pkl-files", first).read_bytes()
    Path("out/output-pkl-files/index.json").write_bytes(damage)
    assert start(clip("b/clip.mp4", seed=1), people=2) == "b-clip.pkl"
    assert Path("out/output-pkl-files", first).read_bytes() == before
    assert "b-clip.pkl" in json.loads(Path("out/output-pkl-files/index.json").read_text())["copies"]


def test_a_file_of_unknown_origin_is_left_alone(place):
    mine = Path("out/output-pkl-files/clip.pkl")
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"somebody's work")
    name = start(clip("a/clip.mp4"))
    assert name == "a-clip.pkl"
    assert mine.read_bytes() == b"somebody's work"


def test_a_result_from_before_there_was_an_index_is_recognised(place):
    video = clip("a/clip.mp4")
    start(video)
    Path("out/output-pkl-files/index.json").unlink()
    assert start(video) == "clip.pkl"


def test_a_copy_that_was_deleted_frees_its_name(place):
    start(clip("a/clip.mp4"))
    Path("out/output-pkl-files/clip.pkl").unlink()
    assert start(clip("b/clip.mp4", seed=1)) == "clip.pkl"


def test_a_lost_copy_is_made_again(place):
    video = clip("clip.mp4")
    start(video)
    kept = Path("out/output-pkl-files/clip.pkl")
    whole = kept.read_bytes()
    kept.write_bytes(b"")
    assert start(video) == "clip.pkl"
    assert kept.read_bytes() == whole


def test_the_shared_clips_of_one_name(data_dir, place):
    videos = [data_dir / "cases" / "video" / "samename" / folder / "clip.mp4" for folder in "ab"]
    if not all(video.is_file() for video in videos):
        pytest.skip("cases/video/samename is not there")
    assert [start(video) for video in videos] == ["clip.pkl", "b-clip.pkl"]
