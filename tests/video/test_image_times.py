"""The times of a folder's images: given, from EXIF, from the numbers in the names, or assumed and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.video import open_video
from kinema.video.image_times import exif_times, image_times, name_numbers
from kinema.video.options import VideoOptions
from tests.video.test_images import exif, numbered, save


def timed(names, tags=None, **options):
    files = [Path(name) for name in names]
    return image_times(files, tags or [{}] * len(files), VideoOptions(**options))


def taken(seconds, digits=3):
    """The tags of images taken at these seconds of a day."""
    tags = []
    for each in np.round(np.asarray(seconds, np.float64), digits):
        whole = int(np.floor(each + 1e-9))
        clock = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
        tags.append({"created": f"2024:05:01 {clock}"})
        if digits:
            tags[-1]["subsecond"] = f"{each - whole:.{digits}f}"[2:]
    return tags


def test_what_is_assumed_is_said():
    found = timed(["a.png", "b.png", "d.png"])
    assert found.times == pytest.approx([0, 1 / 30, 2 / 30])
    assert (found.fps, found.source) == (30, "assumed")
    assert found.notes == ["no times in the images: 30 frames per second assumed; `fps` says otherwise"]
    found = timed(["a.png", "b.png", "d.png"], fps=10)
    assert found.times == pytest.approx([0, 0.1, 0.2])
    assert (found.fps, found.source, found.notes) == (10, "given", [])
    assert timed(["a.png", "b.png"], slow_motion=4).times == pytest.approx([0, 1 / 120])
    assert timed(["a.png"]).notes == []


@given(
    st.sets(st.integers(0, 300), min_size=2, max_size=60).map(sorted),
    st.sampled_from(["frame_{}.png", "{:06d}.jpg", "cam1 {:04d} left.png", "x-{}.PNG"]),
    st.floats(1, 240),
)
def test_missing_numbers_are_kept_as_time(numbers, pattern, fps):
    """Times follow the numbers in any spelling, as long as one step is the usual one."""
    names = [pattern.format(n) for n in numbers]
    found = name_numbers([Path(name) for name in names])
    assert found is not None
    assert found.tolist() == numbers
    steps = np.diff(numbers)
    values, counts = np.unique(steps, return_counts=True)
    times = timed(names, fps=fps).times
    if counts.max() >= 0.5 * len(steps):
        usual = values[counts.argmax()]
        assert times == pytest.approx((np.array(numbers) - numbers[0]) / usual / fps)
    else:
        assert times == pytest.approx(np.arange(len(numbers)) / fps)


def test_gaps_in_the_numbers_are_said():
    names = [f"frame_{n}.jpg" for n in (*range(1, 10), *range(20, 30), *range(31, 46))]
    found = timed(names, fps=30)
    assert found.notes == [
        "11 images are missing, by the numbers in the names (10-19, 30): the time that they would fill is kept"
    ]
    assert found.times[9] == pytest.approx(19 / 30)
    assert timed([f"{n}.png" for n in range(0, 100, 10)], fps=3).notes == []
    assert any("rise by 10" in note for note in timed([f"{n}.png" for n in range(0, 100, 10)]).notes)


@pytest.mark.parametrize(
    "names",
    [
        ["a1.png", "b2.png", "c4.png"],  # the text differs
        ["1_1.png", "1_2.png", "2_1.png"],  # two numbers
        ["1.png", "01.png", "3.png"],  # one number twice
        [f"{n}.png" for n in (1, 2, 3, 4, 900_000)],  # eight hours
        [f"{14036365797635555 * 100 + n}.png" for n in (0, 50, 101)],  # nanoseconds
    ],
)
def test_numbers_that_are_no_frame_numbers(names):
    assert timed(names, fps=30).times == pytest.approx(np.arange(len(names)) / 30)


@given(st.floats(1.2, 240), st.integers(4, 60), st.integers(2, 3), st.sampled_from([0, 1, 10]), st.integers(0, 80_000))
def test_times_from_exif(fps, count, digits, pause, start):
    """Within two of the last digit of the truth; even recordings become even."""
    truth = start + np.arange(count) / fps
    truth[count // 2 :] += pause
    rounded = np.round(truth, digits)
    found = exif_times(taken(truth, digits))
    if np.diff(rounded).min() <= 0:
        assert found is None
        return
    assert found is not None
    np.testing.assert_allclose(found, truth - truth[0], atol=2.1 * 10.0**-digits)
    if not pause:
        np.testing.assert_allclose(np.diff(found), np.diff(found)[0], atol=1e-9)


@pytest.mark.parametrize(
    "tags",
    [
        taken([0, 1, 1, 2], 0),  # a burst without parts of a second
        taken([0, 0.2, 0.1]),  # another order
        taken([0, 60, 120]),  # photographs
        [*taken([0, 0.1]), {}],  # one without
        [{"created": "no date"}] * 3,
        [{"created": "2024:13:45 99:99:99"}] * 3,
    ],
)
def test_implausible_exif_times_are_not_used(tags):
    assert exif_times(tags) is None
    assert timed(["a.png"] * len(tags), tags).source == "assumed"


def test_exif_of_files(tmp_path):
    """The times come from the files; a given rate overrules them."""
    for index in range(6):
        second, part = divmod(index * 125, 1000)
        block = exif("<", [], [(0x9003, f"2024:05:01 10:00:{second:02d}"), (0x9291, f"{part:03d}")])
        save(tmp_path / f"{index}.jpg", numbered(index, 96, 64), block)
    video = open_video(tmp_path)
    assert [f.time for f in video] == pytest.approx(np.arange(6) / 8)
    assert (video.fps, video.time_source) == (pytest.approx(8), "exif")
    assert any("8 per second" in note for note in video.warnings)
    assert [f.time for f in open_video(tmp_path, options=VideoOptions(fps=4))] == pytest.approx(np.arange(6) / 4)


@pytest.mark.real
def test_shared_sequences(data_dir):
    folder = data_dir / "cases" / "video"
    if not folder.is_dir():
        pytest.skip("no cases/video in KINEMA_DATA")
    video = open_video(folder / "seq_10fps", options=VideoOptions(fps=10))
    assert [f.time for f in video] == pytest.approx(np.arange(35) / 10)
    video = open_video(folder / "seq_gap")
    numbers = np.array([*range(1, 10), *range(20, 30), *range(31, 46)])
    assert [f.time for f in video] == pytest.approx((numbers - 1) / 30)
    assert len(video.warnings) == 2
