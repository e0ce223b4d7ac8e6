"""A run that was stopped goes on from its last checkpoint and ends with the same numbers, bit for bit."""

import dataclasses

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.models.blazepose.landmarks import BlazePoseLandmarker
from kinema.pipeline.store import StageStore
from kinema.tracking import TrackingOptions, checkpoint, track_people
from kinema.tracking.checkpoint import next_save, pack, unpack
from kinema.video import Frame, VideoReader, open_video


def test_a_tree_comes_back():
    tree = {
        "a": [1, 2.5, None, "text", True, float("inf"), np.float64(0.1), np.int64(7)],
        "b": {"array": np.arange(6).reshape(2, 3), "dict": {"empty": np.zeros((0, 4), np.float32)}},
        "c": (np.array([(1, 2.0)], dtype=[("frame", np.int64), ("score", np.float32)]),),
    }
    again = unpack(pack(tree))
    assert again["a"] == [1, 2.5, None, "text", True, float("inf"), 0.1, 7]
    np.testing.assert_array_equal(again["b"]["array"], tree["b"]["array"])
    assert again["b"]["dict"]["empty"].dtype == np.float32
    np.testing.assert_array_equal(again["c"][0], tree["c"][0])


def test_all_saves_together_cost_no_more_than_the_frames():
    done, written = 0, 0
    while (done := next_save(done)) < 1_000_000:
        written += done
    assert written < 10 * 1_000_000
    assert next_save(0) == checkpoint.FIRST


class Kept:
    """A checkpoint in memory."""

    def __init__(self) -> None:
        self.arrays = None
        self.saves = 0

    def load(self):
        return self.arrays

    def save(self, arrays):
        self.arrays = arrays
        self.saves += 1


class Stopped(Exception):
    pass


def stop_at(frame: int):
    def progress(done, total):
        if done == frame:
            raise Stopped

    return progress


def assert_same(one, two) -> None:
    assert [person.id for person in one] == [person.id for person in two]
    np.testing.assert_array_equal(one.times, two.times)
    for a, b in zip(one, two, strict=True):
        for name in ("frames", *a.filled):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def goes_on(clip, monkeypatch, tmp_path, *, every: int, stop: int, **range_) -> None:
    monkeypatch.setattr(checkpoint, "FIRST", every)
    options = TrackingOptions(threads=2)
    expected_boxes, boxes = [], []
    expected = track_people(
        open_video(clip, **range_), options, observers=[lambda frame, b: expected_boxes.append((frame.index, b))]
    )
    assert expected.num_frames > stop
    kept = StageStore(tmp_path).partial("track", "0" * 64)
    for _ in range(2):  # stopped twice: the second time after going on
        with pytest.raises(Stopped):
            track_people(open_video(clip, **range_), options, progress=stop_at(stop), checkpoint=kept)
        stop += every
    done = next_save(0)
    while next_save(done) <= stop - every:
        done = next_save(done)
    looked = []
    run_crop = BlazePoseLandmarker.run_crop
    monkeypatch.setattr(BlazePoseLandmarker, "run_crop", lambda *a, **k: looked.append(1) or run_crop(*a, **k))
    result = track_people(
        open_video(clip, **range_),
        options,
        observers=[lambda frame, b: boxes.append((frame.index, b))],
        checkpoint=kept,
    )
    assert_same(result, expected)
    assert [index for index, _ in boxes] == list(range(expected.num_frames))
    for (_, a), (_, b) in zip(boxes, expected_boxes, strict=True):
        np.testing.assert_array_equal(a, b)
    most = max(len(b) for _, b in boxes) + 2
    assert len(looked) <= most * (expected.num_frames - done)


@pytest.mark.real
@pytest.mark.usefixtures("networks")
def test_a_single_person(data_dir, monkeypatch, tmp_path):
    goes_on(data_dir / "videos/one_leg_stand_single_static.mp4", monkeypatch, tmp_path, every=5, stop=12, end=0.8)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.usefixtures("networks")
def test_a_crowd_with_masks_rivals_and_lost_people(data_dir, monkeypatch, tmp_path):
    clip = data_dir / "videos/street_crowd_moving_camera.mp4"
    goes_on(clip, monkeypatch, tmp_path, every=11, stop=30, end=1.0)


class Noise(VideoReader):
    def __init__(self, frames: int) -> None:
        super().__init__("noise", 64, 48, 30.0, frames)
        self.frames = frames

    def __iter__(self):
        noise = np.random.default_rng(0)
        for index in range(self.frames):
            yield Frame(index, index / 30, noise.integers(0, 255, (48, 64, 3), dtype=np.uint8))


@pytest.mark.usefixtures("networks")
def test_no_people_so_far(monkeypatch):
    monkeypatch.setattr(checkpoint, "FIRST", 4)
    kept = Kept()
    with pytest.raises(Stopped):
        track_people(Noise(20), progress=stop_at(10), checkpoint=kept)
    assert kept.saves == 2
    assert track_people(Noise(20), checkpoint=kept).num_frames == 20
    with pytest.raises(InputError, match="start over with"):
        track_people(Noise(6), checkpoint=kept)


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04torn"])
def test_a_corrupted_file_counts_as_none(tmp_path, content):
    kept = StageStore(tmp_path).partial("track", "0" * 64)
    kept.path.parent.mkdir()
    kept.path.write_bytes(content)
    assert kept.load() is None
    assert track_people(Noise(3), checkpoint=kept).num_frames == 3


@pytest.mark.usefixtures("networks")
def test_arrays_of_something_else_count_as_none():
    kept = Kept()
    kept.arrays = {"about": np.array("[]"), "other": np.zeros(3)}
    assert track_people(Noise(3), checkpoint=kept).num_frames == 3


def test_the_fields_of_what_is_kept_are_plain():
    """A field that is neither plain nor an array would be lost: this fails when one is added."""
    from kinema.keypoints.source import Observation
    from kinema.tracking.appearance import Appearance

    for kind in (Observation, Appearance):
        types = {field.type for field in dataclasses.fields(kind)}
        assert types <= {"np.ndarray", "np.ndarray | None", "float"}
