"""Reading video files: content, times, orientation, ranges."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from kinema.errors import InputError, UsageError
from kinema.video import open_video
from kinema.video.options import VideoOptions
from tests.helpers.video_clips import corners, number_of, numbered, rotation_matrix, set_display_matrix, write_clip

TICK = Fraction(1, 90000)


def numbers(video):
    return [number_of(frame.image) for frame in video]


def times(video):
    return [frame.time for frame in video]


def test_frames_are_complete_in_order_and_repeatable(tmp_path):
    video = open_video(write_clip(tmp_path / "a.mp4", range(40)))
    assert (video.width, video.height, video.fps, video.num_frames_estimate) == (160, 120, 30.0, 40)
    for _ in range(2):
        frames = list(video)
        assert [f.index for f in frames] == list(range(40))
        assert [number_of(f.image) for f in frames] == list(range(40))
        np.testing.assert_allclose([f.time for f in frames], np.arange(40) / 30, atol=1e-9)
    image = frames[7].image
    assert image.shape == (120, 160, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    # H.264 at its default quality: off by a few grey levels, mostly at block edges.
    assert np.abs(image.astype(int) - numbered(7, 160, 120)).mean() < 6
    assert video.warnings == []
    assert video.metadata["duration"] == pytest.approx(4 / 3)


def test_frames_belong_to_the_caller(tmp_path):
    """A kept image must not change while reading continues: its buffer is not reused."""
    kept = [(f.image, f.image.copy()) for f in open_video(write_clip(tmp_path / "a.mp4", range(12), width=128))]
    for image, copy in kept:
        np.testing.assert_array_equal(image, copy)


def test_two_iterations_are_independent(tmp_path):
    with open_video(write_clip(tmp_path / "a.mp4", range(8))) as video:
        pairs = list(zip(video, video, strict=True))
    assert [(a.index, number_of(b.image)) for a, b in pairs] == [(i, i) for i in range(8)]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "ts", "avi", "flv", "mpg", "webm", "h264"])
def test_containers(tmp_path, suffix):
    """The same frames at the same times from every container, with B-frames where the codec has them."""
    codec = {"mpg": "mpeg1video", "webm": "libvpx-vp9"}.get(suffix, "libx264")
    options = {"deadline": "realtime", "cpu-used": "8"} if suffix == "webm" else {}
    video = open_video(write_clip(tmp_path / f"a.{suffix}", range(45), codec=codec, options=options))
    frames = list(video)
    assert [number_of(f.image) for f in frames] == list(range(45))
    # Matroska and FLV count in milliseconds; their first frame may be off by half of one.
    np.testing.assert_allclose([f.time for f in frames], np.arange(45) / 30, atol=1.1e-3)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi", "h264"])
@pytest.mark.parametrize(("start", "end"), [(0.5, 1.0), (2.0, None), (None, 0.2), (1.51, 1.6)])
def test_time_range(tmp_path, suffix, start, end):
    """Frames with start <= time < end, however far apart the key frames are; times are relative to the source."""
    path = write_clip(tmp_path / f"a.{suffix}", range(90), options={"g": "40", "bf": "3"})
    video = open_video(path, start=start, end=end)
    expected = [i for i in range(90) if (start or 0) - 1e-6 <= i / 30 < (end or 99) - 1e-6]
    frames = list(video)
    assert [number_of(f.image) for f in frames] == expected
    assert [f.index for f in frames] == list(range(len(expected)))
    np.testing.assert_allclose([f.time for f in frames], np.array(expected) / 30, atol=1.1e-3)
    if video.num_frames_estimate is not None:
        assert abs(video.num_frames_estimate - len(expected)) <= 1


@pytest.mark.parametrize("range_", [(-1, None), (2, 1), (1, 1), (float("nan"), None), (0, float("inf"))])
def test_invalid_time_range(tmp_path, range_):
    path = write_clip(tmp_path / "a.mp4", range(3))
    with pytest.raises(UsageError, match="time range"):
        open_video(path, start=range_[0], end=range_[1])


@pytest.mark.parametrize("range_", [(50, None), (0.99, 1.5), (0.001, 0.002)])
def test_range_without_frames_reports_the_length_of_the_video(tmp_path, range_):
    path = write_clip(tmp_path / "a.mp4", range(30))
    with pytest.raises(InputError, match=r"no frame lies in the time range .*1\.00 s long"):
        open_video(path, start=range_[0], end=range_[1])


def test_variable_frame_rate(tmp_path):
    ticks = [0, 3000, 4500, 9000, 9100, 50000, 90000, 93003]
    video = open_video(write_clip(tmp_path / "a.mp4", ticks, time_base=TICK))
    assert times(video) == pytest.approx([t / 90000 for t in ticks], abs=1e-9)
    video = open_video(video.path, start=0.1, end=0.9)
    assert numbers(video) == [3, 4, 5]


@pytest.mark.parametrize("fps", [24, 25, Fraction(30000, 1001), 50, 60, 120])
def test_frame_rates(tmp_path, fps):
    video = open_video(write_clip(tmp_path / "a.mp4", range(30), time_base=1 / Fraction(fps), rate=fps))
    assert video.fps == pytest.approx(float(fps), rel=1e-3)
    assert times(video) == pytest.approx([float(i / Fraction(fps)) for i in range(30)], abs=5e-5)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_start_offset_is_removed(tmp_path, suffix):
    """A stream that starts at 10 s on its container's clock starts at 0 here, also for a range."""
    path = write_clip(tmp_path / f"a.{suffix}", range(300, 345))
    video = open_video(path)
    assert times(video) == pytest.approx([i / 30 for i in range(45)], abs=1.1e-3)
    assert video.warnings == []
    assert video.metadata["duration"] == pytest.approx(1.5, abs=0.01)
    assert numbers(open_video(path, start=1.0, end=1.1)) == [30, 31, 32]


def test_edit_list(tmp_path):
    """A phone's "trim": the file holds the whole recording, an edit list selects a part of it."""
    path = write_clip(tmp_path / "a.mp4", range(60))
    data = bytearray(path.read_bytes())
    entry = data.index(b"elst") + 12
    media_time = int.from_bytes(data[entry + 4 : entry + 8], "big")
    tick = 512  # 1/15360 s, FFmpeg's time base for 1/30
    data[entry : entry + 8] = (1000).to_bytes(4, "big") + (media_time + 10 * tick).to_bytes(4, "big")
    path.write_bytes(data)
    video = open_video(path)
    assert numbers(video) == list(range(10, 40))
    assert times(video) == pytest.approx([i / 30 for i in range(30)], abs=1e-9)
    assert video.warnings == []
    assert numbers(open_video(path, start=0.5)) == list(range(25, 40))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_display_rotation(tmp_path, degrees):
    path = write_clip(tmp_path / "a.mp4", range(3), width=160, height=96)
    set_display_matrix(path, rotation_matrix(degrees))
    video = open_video(path)
    first = next(iter(video)).image
    assert (video.width, video.height) == ((160, 96) if degrees % 180 == 0 else (96, 160))
    assert first.shape == (video.height, video.width, 3)
    assert number_of(np.rot90(first, degrees // 90)) == 0
    assert corners(np.rot90(first, degrees // 90)) == ("top left", "top right")
    assert video.metadata.get("rotation", 0) == degrees
    assert number_of(np.rot90(list(video)[2].image, degrees // 90)) == 2


@pytest.mark.parametrize(
    ("matrix", "red", "green"),
    [
        ((-1, 0, 0, 1), "top right", "top left"),
        ((1, 0, 0, -1), "bottom left", "bottom right"),
        ((0, 1, 1, 0), "top left", "bottom left"),
        ((0, -1, -1, 0), "bottom right", "top right"),
        ((0.98, 0.17, -0.17, 0.98), "top left", "top right"),
    ],
)
def test_display_mirrors_and_odd_angles(tmp_path, matrix, red, green):
    path = write_clip(tmp_path / "a.mp4", range(2))
    set_display_matrix(path, matrix)
    assert corners(next(iter(open_video(path))).image) == (red, green)


@pytest.mark.parametrize("own", [0, 90, 180, 270])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_rotation_after_the_file_s_own(tmp_path, own, rotate):
    """`rotate` turns what a player shows, clockwise."""
    path = write_clip(tmp_path / "a.mp4", range(2), width=160, height=96)
    set_display_matrix(path, rotation_matrix(own))
    shown = next(iter(open_video(path))).image
    video = open_video(path, options=VideoOptions(rotate=rotate))
    np.testing.assert_array_equal(next(iter(video)).image, np.rot90(shown, -rotate // 90))
    assert video.metadata.get("rotation", 0) == (own + rotate) % 360


@pytest.mark.parametrize(
    ("aspect", "degrees", "size"),
    [(Fraction(4, 3), 0, (213, 120)), (Fraction(8, 9), 0, (160, 135)), (Fraction(8, 9), 90, (135, 160))],
)
def test_pixels_become_square(tmp_path, aspect, degrees, size):
    def configure(stream):
        stream.codec_context.sample_aspect_ratio = aspect

    path = write_clip(tmp_path / "a.mp4", range(4), configure=configure)
    set_display_matrix(path, rotation_matrix(degrees))
    video = open_video(path)
    assert (video.width, video.height) == size
    assert [number_of(np.rot90(f.image, degrees // 90)) for f in video] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt", "bits"),
    [
        ("mp4", "libx265", "yuv420p10le", 10),
        ("mp4", "libx264", "yuv444p", 8),
        ("mp4", "libx264", "yuvj420p", 8),
        ("mkv", "ffv1", "gray", 8),
        ("mkv", "ffv1", "gray16le", 16),
        ("mkv", "ffv1", "yuv422p12le", 12),
        ("mov", "png", "rgba", 8),
        ("mkv", "ffv1", "bgr0", 8),
        ("avi", "mjpeg", "yuvj422p", 8),
    ],
)
def test_pixel_formats(tmp_path, suffix, codec, pix_fmt, bits):
    path = write_clip(
        tmp_path / f"a.{suffix}",
        range(6),
        codec=codec,
        pix_fmt=pix_fmt,
        options={"x265-params": "log-level=0"} if codec == "libx265" else {},
    )
    video = open_video(path)
    frames = list(video)
    assert [number_of(f.image) for f in frames] == list(range(6))
    assert video.metadata["bit_depth"] == bits
    error = frames[3].image.astype(int) - numbered(3, 160, 120)
    if "gray" in pix_fmt:
        assert np.ptp(frames[3].image, axis=2).max() == 0
        error = error[20:]  # below the coloured corners
    # A wrong matrix or range would shift whole areas by 10 and more.
    assert abs(np.median(error)) <= 2
    assert np.percentile(np.abs(error), 90) <= 10


@pytest.mark.parametrize("matrix", [1, 5])
@pytest.mark.parametrize("full", [False, True])
def test_colour_matrix_and_range(tmp_path, matrix, full):
    """Saturated colours survive in every YUV variant, if the file is tagged."""

    def stripes(index, width, height):
        image = np.zeros((height, width, 3), np.uint8)
        for i, colour in enumerate([(200, 30, 30), (30, 200, 30), (30, 30, 200), (220, 220, 220)]):
            image[:, i * width // 4 : (i + 1) * width // 4] = colour
        return image

    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30, width=64, height=64, pix_fmt="yuv444p")
        context = stream.codec_context
        context.colorspace, context.color_range = matrix, 2 if full else 1
        frame = av.VideoFrame.from_ndarray(stripes(0, 64, 64), format="rgb24").reformat(
            format="yuv444p", src_colorspace=7, dst_colorspace=matrix, dst_color_range=2 if full else 1
        )
        frame.colorspace, frame.color_range = matrix, 2 if full else 1
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (frame,) = open_video(path)
    assert np.abs(frame.image.astype(int) - stripes(0, 64, 64)).max() <= 3


def test_pq_is_tone_mapped(tmp_path):
    """HDR10 codes: black stays black, diffuse white (203 cd/m2, code 0.58) is bright, 10000 cd/m2 is white."""

    def steps(index, width, height):
        image = np.empty((height, width, 3), np.uint8)
        for i, code in enumerate([0, 0.3, 0.58, 0.75, 1.0]):
            image[:, i * width // 5 : (i + 1) * width // 5] = round(255 * code)
        return image

    def configure(stream):
        stream.codec_context.color_trc = 16

    # Without B-frames: for a single frame the encoder sometimes gives no usable decoding time.
    options = {"x265-params": "log-level=0:bframes=0"}
    path = write_clip(
        tmp_path / "a.mp4",
        [0],
        codec="libx265",
        pix_fmt="yuv420p10le",
        options=options,
        draw=steps,
        configure=configure,
    )
    video = open_video(path)
    assert video.metadata["transfer"] == "pq"
    (frame,) = video
    black, dark, white, bright, top = (int(np.median(frame.image[:, 32 * i + 8 : 32 * i + 24])) for i in range(5))
    assert black <= 2
    assert 40 < dark < 110
    assert 170 < white < 205  # sRGB of one half, which Reinhard's curve maps 1 to
    assert white < bright < top
    assert top >= 252


@pytest.mark.parametrize(("width", "height"), [(16, 16), (97, 55), (161, 121), (2, 2), (1, 3)])
def test_small_and_odd_sizes(tmp_path, width, height):
    path = write_clip(tmp_path / "a.mov", range(3), width=width, height=height, codec="png", pix_fmt="rgb24")
    video = open_video(path)
    assert (video.width, video.height) == (width, height)
    assert [f.image.shape for f in video] == [(height, width, 3)] * 3


@pytest.mark.slow
def test_8k(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [0], width=7680, height=4320, options={"preset": "ultrafast"})
    (frame,) = open_video(path)
    assert frame.image.shape == (4320, 7680, 3)
    assert number_of(frame.image) == 0


def test_one_frame(tmp_path):
    video = open_video(write_clip(tmp_path / "a.mp4", [0]))
    assert [(f.index, f.time) for f in video] == [(0, 0.0)]
    assert video.warnings == []


def test_recording_metadata(tmp_path):
    path = write_clip(
        tmp_path / "a.mov",
        range(3),
        audio="aac",
        metadata={
            "com.apple.quicktime.camera.focal_length.35mm_equivalent": "26",
            "com.apple.quicktime.make": "Apple",
            "com.apple.quicktime.model": "iPhone 15",
            "creation_time": "2024-05-01T10:00:00Z",
        },
        container_options={"movflags": "use_metadata_tags"},
    )
    metadata = open_video(path).metadata
    assert metadata["focal_35mm"] == 26.0
    assert (metadata["make"], metadata["model"]) == ("Apple", "iPhone 15")
    assert metadata["created"].startswith("2024-05-01T10:00:00")
    assert metadata["has_audio"] is True


@pytest.mark.parametrize("focal", ["0", "-3", "nan", "many", "99999"])
def test_implausible_focal_length_is_ignored(tmp_path, focal):
    path = write_clip(
        tmp_path / "a.mov",
        range(2),
        metadata={"com.apple.quicktime.camera.focal_length.35mm_equivalent": focal},
        container_options={"movflags": "use_metadata_tags"},
    )
    assert "focal_35mm" not in open_video(path).metadata


def test_largest_of_several_video_streams(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=30, width=w, height=w * 3 // 4) for w in (64, 160, 96)]
        for index in range(5):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(numbered(index, stream.width, stream.height), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 30)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    video = open_video(path)
    assert (video.width, video.height) == (160, 120)
    assert numbers(video) == list(range(5))


def test_names_that_look_like_urls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("http:clip.mp4", "a%03d.mp4", "-x.mp4", "Überblick 1.mp4"):
        write_clip(tmp_path / "plain.mp4", range(2)).rename(tmp_path / name)
        assert numbers(open_video(Path(name))) == [0, 1]


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "size", "fps", "frames", "duration"),
    [
        ("walk_two_people_backlit_static", (1280, 720), 30, 230, 7.667),
        ("football_juggle_single_handheld", (1280, 720), 24, 240, 10),
        ("one_leg_stand_single_static", (576, 576), 30, 120, 4),
        ("balance_single_multiview_cam01", (1080, 1920), 60, 100, 1.667),
        ("balance_single_multiview_cam03", (1088, 1920), 60, 100, 1.667),
        ("sign_language_upper_body_static", (640, 480), 30, 89, 2.967),
        ("exercise_three_people_static_10fps", (384, 288), 10, 200, 20),
        ("taiji_single_static", (1280, 720), 23.976, 240, 10.01),
        ("tennis_single_moving_camera_vfr_original", (812, 720), 29.83, 312, 10.44),
        ("street_crowd_moving_camera", (1280, 720), 50, 205, 4.1),
        ("breakdance_crowd_moving_camera", (854, 480), 25, 64, 2.56),
    ],
)
def test_real_clips(data_dir, name, size, fps, frames, duration):
    video = open_video(data_dir / "videos" / f"{name}.mp4")
    assert (video.width, video.height) == size
    assert video.fps == pytest.approx(fps, abs=0.01)
    assert video.metadata["duration"] == pytest.approx(duration, abs=0.01)
    found = times(video)
    assert len(found) == video.num_frames_estimate == frames
    assert np.diff(found).min() > 0
    assert found[0] == 0
    assert found[-1] + 1 / fps == pytest.approx(duration, abs=0.01)
    assert video.warnings == []


@pytest.mark.real
def test_header_of_60_with_30_frames_per_second(data_dir):
    """The tennis clip's header says 60; its frames are at 30 with three longer steps, and those times are used."""
    video = open_video(data_dir / "videos" / "tennis_single_moving_camera_vfr_original.mp4")
    steps = np.diff(times(video))
    assert np.median(steps) == pytest.approx(1 / 30, abs=1e-4)
    assert np.sum(np.abs(steps - 1 / 30) > 0.005) == 3
