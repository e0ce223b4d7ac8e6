"""Slow motion and time lapse: the times of frames are those of life, a player's are `slow_motion` times as long."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kinema.errors import InputError
from kinema.video import open_video
from kinema.video.options import VideoOptions
from kinema.video.rates import true_rate
from kinema.video.sony import capture_rate
from tests.helpers.video_clips import number_of, write_clip

CAPTURE = "com.android.capture.fps"
TAGS = {"movflags": "use_metadata_tags"}


def times(video):
    return np.array([frame.time for frame in video])


def tagged(path, captured, *, count=60, **more):
    return write_clip(path, range(count), metadata={CAPTURE: captured}, container_options=TAGS, **more)


@given(st.floats(5, 1000), st.floats(5, 120), st.booleans())
def test_the_tag_is_believed_where_it_must_be_slow_motion(captured, stored, sound):
    """Times 2.5 and more are slow motion or a time lapse. Up to 1.8 some frames were left out, as in the dark."""
    found = true_rate(VideoOptions(), stored, captured, has_audio=sound)
    factor = captured / stored
    size = max(factor, 1 / factor)
    assume(min(abs(size - limit) for limit in (1.8, 2.5)) > 1e-6)
    if size < 1.8 or (size < 2.5 and sound):
        assert (found.slow_motion, found.source) == (1, "container")
        assert (found.note is None) == (size < 1.8)
    else:
        # Cameras stretch by whole numbers.
        assert found.slow_motion == pytest.approx(factor, rel=0.05)
        assert found.source == "tag"
        assert "slow motion" in found.note or "time lapse" in found.note


def test_settings_overrule_the_tag():
    assert true_rate(VideoOptions(fps=240), 30, 120, has_audio=False).slow_motion == 8
    assert true_rate(VideoOptions(slow_motion=1), 30, 120, has_audio=False).slow_motion == 1
    assert true_rate(VideoOptions(slow_motion=1), 30, 120, has_audio=False).source == "given"


def test_a_tagged_video(tmp_path):
    video = open_video(tagged(tmp_path / "a.mp4", "120.000000"))
    np.testing.assert_allclose(times(video), np.arange(60) / 120, atol=1e-9)
    assert (video.fps, video.slow_motion, video.time_source) == (120, 4, "tag")
    assert video.metadata["duration"] == pytest.approx(0.5)
    assert len(video.warnings) == 1
    assert "recorded at 120 frames per second and played at 30: slow motion, 4 times slower" in video.warnings[0]
    plain = open_video(video.path, options=VideoOptions(slow_motion=1))
    np.testing.assert_allclose(times(plain), np.arange(60) / 30, atol=1e-9)
    assert plain.warnings == []


@pytest.mark.parametrize("captured", ["30.000000", "29.7", "24", "0", "nan", "many", "-120"])
def test_ordinary_and_implausible_tags_change_nothing(tmp_path, captured):
    video = open_video(tagged(tmp_path / "a.mp4", captured))
    np.testing.assert_allclose(times(video), np.arange(60) / 30, atol=1e-9)
    assert (video.slow_motion, video.time_source, video.warnings) == (1, "container", [])


def test_frames_that_are_missing_do_not_change_the_factor(tmp_path):
    """The factor is that of the usual steps: every fifth frame is missing, and the times stay those of the others."""
    kept = [i for i in range(150) if i % 5]
    path = write_clip(tmp_path / "a.mp4", kept, metadata={CAPTURE: "240"}, container_options=TAGS)
    found = times(open_video(path))
    np.testing.assert_allclose(found, (np.array(kept) - kept[0]) / 240, atol=1e-4)


def box(name, content):
    return struct.pack(">I4s", 8 + len(content), name) + content


@pytest.mark.parametrize(
    ("captured", "factor"), [("120p", 4), ("959.04p", 32), ("29.97p", 1), ("59.94i", 1), ("0p", 1), ("...p", 1)]
)
def test_slow_motion_of_sony_cameras(tmp_path, captured, factor):
    """The rate is in an XML document beside the film, in a box of its own."""
    path = write_clip(tmp_path / "a.mp4", range(60))
    text = f'<NonRealTimeMeta><VideoFormat><VideoFrame captureFps="{captured}" formatFps="29.97p"/></VideoFormat>'
    meta = box(b"meta", bytes(4) + box(b"hdlr", bytes(24)) + box(b"xml ", bytes(4) + text.encode()))
    path.write_bytes(path.read_bytes() + meta)
    np.testing.assert_allclose(times(open_video(path)), np.arange(60) / 30 / factor, atol=1e-9)


@given(st.binary(max_size=200))
def test_anything_behind_the_film_is_survived(tmp_path_factory, junk):
    path = tmp_path_factory.getbasetemp() / "junk.bin"
    path.write_bytes(box(b"free", b"") + box(b"meta", bytes(4) + junk) + junk)
    assert capture_rate(path) is None or b"captureFps" in junk


def test_a_time_lapse(tmp_path):
    found = times(open_video(tagged(tmp_path / "a.mp4", "1")))
    np.testing.assert_allclose(found, np.arange(60), atol=1e-9)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "h264", "webm"])
def test_a_given_rate(tmp_path, suffix):
    """`fps` is the rate between gaps, whatever the file counts in; Matroska's milliseconds become quarters of them."""
    codec, options = ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}) if suffix == "webm" else ("libx264", {})
    path = write_clip(tmp_path / f"a.{suffix}", range(60), codec=codec, options=options)
    video = open_video(path, options=VideoOptions(fps=120))
    np.testing.assert_allclose(times(video), np.arange(60) / 120, atol=3e-4)
    assert video.fps == pytest.approx(120)
    assert video.time_source == "given"


def test_uneven_times_keep_their_proportions(tmp_path):
    ticks = [*range(0, 90000, 3000), *range(180000, 270000, 3000)]
    path = write_clip(tmp_path / "a.mp4", ticks, time_base=Fraction(1, 90000))
    found = times(open_video(path, options=VideoOptions(fps=300)))
    np.testing.assert_allclose(found, np.array(ticks) / 90000 / 10, atol=1e-9)


def test_a_time_range_is_that_of_a_player(tmp_path):
    path = tagged(tmp_path / "a.mp4", "120")
    video = open_video(path, start=1.0, end=1.1)
    frames = list(video)
    assert [number_of(f.image) for f in frames] == [30, 31, 32]
    assert [f.time for f in frames] == pytest.approx(np.array([30, 31, 32]) / 120)
    assert video.num_frames_estimate == 3
    with pytest.raises(InputError, match=r"no frame .*2\.00 s long"):
        open_video(path, start=50)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "webm", "avi"])
def test_the_rate_of_pulldown(tmp_path, suffix):
    """24 frames a second in steps of 2/60 and 3/60 s: the mean rate is 24, within the encoder's last duration."""
    ticks = np.cumsum([0, *(2 + i % 2 for i in range(95))])
    codec, options = ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}) if suffix == "webm" else ("libx264", {})
    path = write_clip(
        tmp_path / f"a.{suffix}", ticks.tolist(), time_base=Fraction(1, 60), rate=60, codec=codec, options=options
    )
    video = open_video(path)
    np.testing.assert_allclose(times(video), ticks / 60, atol=1.1e-3)
    assert video.fps == pytest.approx(24, rel=0.02)
    assert video.warnings == []


def test_webm_with_a_gap(tmp_path):
    ticks = [*range(30), *range(43, 90)]
    path = write_clip(tmp_path / "a.webm", ticks, codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})
    video = open_video(path)
    assert len(times(video)) == 77
    assert video.warnings == ["1 gap without frames (from 0.97 to 1.43 s), where 13 frames are missing"]


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "frames", "last", "source", "note"),
    [
        ("android_capture_fps", 92, 92 / 120, "tag", "slow motion, 4 times"),
        ("editlist_cut", 98, 97 / 24, "container", None),
        ("vfr_gap2s", 59, 4 - 1 / 30, "container", "61 frames are missing"),
        ("vfr_drop", 80, 5.875, "container", None),
    ],
)
def test_shared_clips(data_dir, name, frames, last, source, note):
    path = data_dir / "cases" / "video" / f"{name}.mp4"
    if not path.is_file():
        pytest.skip("no cases/video in KINEMA_DATA")
    video = open_video(path)
    found = times(video)
    assert len(found) == frames
    assert found[-1] == pytest.approx(last, abs=1e-3)
    assert video.time_source == source
    assert [note in each for each in video.warnings] == ([] if note is None else [True])
