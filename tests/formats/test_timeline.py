"""Cuts, pauses and uneven rates in files for other programs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.errors import InputError, KinemaError
from kinema.formats import load_motion, save_motion
from kinema.formats.c3d import write as write_c3d
from kinema.formats.report import WriteReport
from kinema.formats.timeline import held_at_cuts, without_pauses
from kinema.formats.trc_parsing import read_trc
from kinema.motion import Motion
from kinema.storage.safe_npz import load_npz
from tests.helpers.foreign_samples import video2pkl, write_pkl

WRITTEN = {"bvh": "bvh", "trc": "trc", "c3d": "c3d", "glb": "glb", "usd": "usda", "kinema-npz": "npz", "amass": "npz"}
WRITTEN |= {"gvhmr": "pt", "csv": "csv", "kinema-pkl": "pkl"}


@pytest.fixture
def motion(walk) -> Motion:
    return walk.slice(0.0, 2.0)


def paused(motion: Motion, seconds: float, at: int = 20) -> Motion:
    late = np.arange(motion.num_frames) >= at
    return motion.replace(times=motion.times + np.where(late, seconds, 0.0))


def written(motion: Motion, folder, name: str):
    report = WriteReport()
    path = save_motion(motion, folder / f"{name}.{WRITTEN[name]}", format=name, report=report)
    return path, " ".join(report.notes)


@pytest.mark.parametrize("name", [name for name in WRITTEN if name not in ("csv", "kinema-pkl")])
@pytest.mark.parametrize("seconds", [60.0, 1e6])
def test_a_long_pause_is_left_out_and_said(motion, tmp_path, name, seconds):
    plain, _ = written(motion, tmp_path, name)
    size = plain.stat().st_size
    path, notes = written(paused(motion, seconds), tmp_path, name)
    # The times differ in their last digits, nothing else does.
    assert path.stat().st_size == pytest.approx(size, rel=0.01)
    if name != "kinema-npz":
        assert "the pause is left out" in notes
    if name not in ("kinema-npz", "glb", "usd", "c3d"):
        read = load_motion(path) if name != "trc" else None
        times = read_trc(path).times if read is None else read.times
        assert len(times) == motion.num_frames
        assert np.ptp(times) == pytest.approx(np.ptp(motion.times), abs=1e-3)


def test_kinemas_own_files_keep_the_pause(motion, tmp_path):
    long = paused(motion, 1e6)
    for name in ("kinema-pkl", "kinema-npz"):
        np.testing.assert_array_equal(load_motion(written(long, tmp_path, name)[0]).times, long.times)
    path, notes = written(long, tmp_path, "csv")
    assert "pause" not in notes
    assert float(path.read_text().splitlines()[-1].split(",")[1]) == pytest.approx(long.times[-1], rel=1e-8)


@pytest.mark.parametrize("last", [1e5, 1e12])
def test_one_wild_timestamp_makes_no_large_file(motion, tmp_path, last):
    times = np.r_[motion.times[:-1], last]
    path, _ = written(motion.replace(times=times), tmp_path, "bvh")
    assert f"Frames: {motion.num_frames}\n" in path.read_text()


def test_two_people_are_paused_together(motion):
    one = motion.people[0]
    both = motion.replace(people=(one.select(np.arange(10)), one.select(np.arange(25, 40)).replace(id=2)))
    report = WriteReport()
    short = without_pauses(paused(both, 100.0, at=22), report)
    assert len(list(report.notes)) == 1
    assert short.num_frames == 25  # the frames without anybody go with the pause
    assert np.diff(short.times).max() == pytest.approx(1 / motion.fps, rel=1e-6)
    assert short.cuts.tolist() == [10]
    assert short.people[1].frames.tolist() == list(range(10, 25))
    assert without_pauses(both) is both


@pytest.mark.parametrize("name", ["bvh", "trc", "c3d", "amass", "gvhmr", "kinema-npz", "glb", "usd"])
@pytest.mark.parametrize("first", [0, 1])
def test_pulldown_is_written_at_the_rate_of_the_film(motion, tmp_path, name, first):
    steps = np.where((np.arange(motion.num_frames - 1) + first) % 2, 2 / 60, 3 / 60)
    film = motion.replace(times=np.r_[0.0, np.cumsum(steps)])
    path, _ = written(film, tmp_path, name)
    if name == "bvh":
        assert load_motion(path).fps == pytest.approx(24.0, rel=2e-3)
    if name == "amass":
        assert load_npz(path)["mocap_frame_rate"] == 30.0
        assert load_npz(path)["mocap_time_length"] == pytest.approx(np.ptp(film.times), abs=1 / 20)
    if name == "trc":
        assert read_trc(path).rate == pytest.approx(24.0, rel=2e-3)


@pytest.mark.parametrize("name", ["bvh", "trc", "amass", "gvhmr"])
@pytest.mark.parametrize(
    "steps", [np.r_[np.full(24, 1 / 24), np.full(14, 1 / 8)], np.r_[np.full(20, 1 / 24), 2.0, np.full(17, 1 / 24)]]
)
def test_the_rate_and_the_duration_are_the_true_ones(motion, tmp_path, name, steps):
    clip = motion.slice(0.0, motion.times[39]).replace(times=np.r_[0.0, np.cumsum(steps)])
    path, _ = written(clip, tmp_path, name)
    times = read_trc(path).times if name == "trc" else load_motion(path).times
    rate = 30.0 if name in ("amass", "gvhmr") else 24.0  # what their readers take for granted
    assert 1 / np.diff(times).mean() == pytest.approx(rate, rel=2e-3)
    assert np.ptp(times) == pytest.approx(np.ptp(clip.times), abs=0.5 / 24)


def test_nothing_is_interpolated_across_a_cut(motion, tmp_path):
    """A person who jumps three metres at a cut is never between the two places, whatever the grid."""
    person = motion.people[0]
    far = person.joints_world + np.where(np.arange(len(person)) >= 20, 3.0, 0.0)[:, None, None] * [1.0, 0.0, 0.0]
    transl = person.transl_world + np.where(np.arange(len(person)) >= 20, 3.0, 0.0)[:, None] * [1.0, 0.0, 0.0]
    clip = motion.replace(people=(person.replace(joints_world=far, transl_world=transl),), cuts=[20])
    for each, across in ((clip, False), (clip.replace(cuts=[]), True)):
        path = save_motion(each, tmp_path / "a.trc", fps=90.0)
        side = read_trc(path).positions[:, 0, 2]  # OpenSim's z is the world's -x
        step = np.abs(np.diff(side)).max()
        assert (step < 1.1) == across
        amass = load_npz(save_motion(each.replace(times=each.times * 1.01), tmp_path / "a.npz", format="amass"))
        middle = np.abs(amass["trans"][:, 0] - np.median(amass["trans"][:, 0]))
        assert np.isfinite(middle).all()


def test_between_two_shots_the_nearer_frame_is_held():
    times = np.array([0.0, 1.0, 2.0, 3.0])
    grid = np.array([0.5, 1.2, 1.6, 2.5])
    assert held_at_cuts(grid, times, np.array([2])).tolist() == [0.5, 1.0, 2.0, 2.5]
    assert held_at_cuts(grid, times, np.zeros(0, dtype=int)).tolist() == grid.tolist()


def test_a_wild_frame_number_makes_no_long_clip(tmp_path):
    content = video2pkl(6)
    for person in content.values():
        person["frame_ids"] = np.r_[0:5, 9_999_999]
    read = load_motion(write_pkl(content, tmp_path / "wild.pkl"), fps=25)
    assert read.num_frames == 6
    assert read.times[-1] == pytest.approx(9_999_999 / 25)
    assert read.fps == pytest.approx(25.0)
    assert "left out" in json.dumps(read.data["notes"])
    assert read.people[0].frames.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("rate", [1e-300, 1e300, float("inf")])
def test_an_impossible_rate_is_refused_in_one_sentence(tmp_path, motion, rate):
    path = write_pkl(video2pkl(6), tmp_path / "a.pkl")
    with pytest.raises(KinemaError, match="the frame rate must be a number between") as caught:
        load_motion(path, fps=rate)
    assert len(str(caught.value)) < 200
    with pytest.raises(KinemaError, match="must be a number between"):
        save_motion(motion, tmp_path / "a.bvh", fps=rate)
    with pytest.raises(KinemaError, match="must be a number between"):
        write_c3d(motion, tmp_path / "a.c3d", fps=rate)


def test_impossible_rates_in_files_are_refused(tmp_path, motion):
    arrays = dict(load_npz(save_motion(motion, tmp_path / "a.npz", format="amass")))
    for rate in (1e-300, 1e300):
        np.savez(tmp_path / "b.npz", **{**arrays, "mocap_frame_rate": rate, "mocap_framerate": rate})
        with pytest.raises(InputError, match="the frame rate must be a number between"):
            load_motion(tmp_path / "b.npz")
    fast = save_motion(motion.replace(times=motion.times * 1e-200), tmp_path / "c.pkl")
    with pytest.raises(InputError, match="the rate of clip_times must be a number between"):
        load_motion(fast)
