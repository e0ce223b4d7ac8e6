"""Writing videos: times, content, audio, and no leftovers after a failure."""

from __future__ import annotations

import contextlib
import itertools
import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import OutputError, ShapeError, UsageError
from kinema.video import VideoWriter, open_video, writer
from tests.helpers.video_clips import loudness, number_of, numbered, write_clip


def write(path, times, *, size=(96, 64), **options):
    with VideoWriter(path, *size, **options) as out:
        for index, time in enumerate(times):
            out.write(numbered(index, *size), time)
    return out


@pytest.mark.parametrize("fps", [10, 24000 / 1001, 24, 25, 30, 50, 60, 120])
def test_frame_rates_are_preserved(tmp_path, fps):
    write(tmp_path / "a.mp4", [i / fps for i in range(40)])
    video = open_video(tmp_path / "a.mp4")
    frames = list(video)
    assert [number_of(f.image) for f in frames] == list(range(40))
    # A tick is 1/90000 s.
    np.testing.assert_allclose([f.time for f in frames], np.arange(40) / fps, atol=6e-6)
    assert video.fps == pytest.approx(fps, rel=1e-3)
    assert video.metadata["duration"] == pytest.approx(40 / fps, abs=1e-3)
    assert video.warnings == []


@given(
    steps=st.lists(st.floats(0.001, 3.0), min_size=1, max_size=12),
    first=st.floats(0, 1000),
)
def test_uneven_times_are_preserved(tmp_path_factory, steps, first):
    times = list(itertools.accumulate(steps, initial=first))
    path = tmp_path_factory.getbasetemp() / "uneven.mp4"
    write(path, times, size=(32, 32))
    found = [f.time for f in open_video(path)]
    np.testing.assert_allclose(found, np.array(times) - first, atol=7e-6)


@pytest.mark.parametrize("size", [(96, 64), (97, 64), (96, 65), (97, 55), (16, 16), (17, 15), (1, 1)])
def test_sizes(tmp_path, size):
    write(tmp_path / "a.mp4", [0, 0.1, 0.2], size=size)
    video = open_video(tmp_path / "a.mp4")
    assert (video.width, video.height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    frames = list(video)
    assert len(frames) == 3
    if min(size) >= 55:
        part = frames[2].image[: size[1], : size[0]]
        assert number_of(part) == 2
        assert np.abs(part.astype(int) - numbered(2, *size)).mean() < 6


def test_colours_are_preserved(tmp_path):
    """Large areas of saturated colour: the file's tags and the reader agree about the YUV matrix."""
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (230, 230, 30), (128, 128, 128), (10, 240, 240)]
    image = np.repeat(np.repeat(np.array([colours], np.uint8), 64, axis=0), 32, axis=1)
    for size in (1, 12):  # below and above high definition, where the defaults for an untagged file differ
        big = np.tile(image, (size, size, 1))
        with VideoWriter(tmp_path / "a.mp4", big.shape[1], big.shape[0], crf=5) as out:
            out.write(big, 0.0)
        (frame,) = open_video(tmp_path / "a.mp4")
        for i in range(6):
            area = frame.image[8:-8, 32 * i + 8 : 32 * i + 24]
            assert np.abs(np.median(area, axis=(0, 1)) - colours[i]).max() <= 4


def test_one_frame(tmp_path):
    write(tmp_path / "a.mp4", [5.0])
    video = open_video(tmp_path / "a.mp4")
    assert [(f.time, number_of(f.image)) for f in video] == [(0.0, 0)]
    assert video.metadata["duration"] == pytest.approx(1 / 30, abs=1e-3)


@pytest.mark.slow
def test_8k(tmp_path):
    write(tmp_path / "a.mp4", [0.0, 1 / 30], size=(7680, 4320))
    assert [number_of(f.image) for f in open_video(tmp_path / "a.mp4")] == [0, 1]


def test_index_is_at_the_front(tmp_path):
    """A web player can start before it has the whole file."""
    write(tmp_path / "a.mp4", [0, 0.1])
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_crf_controls_quality(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    for crf in (10, 40):
        with VideoWriter(tmp_path / f"{crf}.mp4", 96, 64, crf=crf) as out:
            out.write(noise, 0.0)
    assert (tmp_path / "10.mp4").stat().st_size > 2 * (tmp_path / "40.mp4").stat().st_size


@pytest.mark.parametrize("size", [(640, 360), (2600, 1600)])
def test_fast_encoding_looks_alike(tmp_path, size):
    """A textured picture that moves; the larger size is above that up to which the encoder looks ahead."""
    width, height = size
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (height + 32, width + 32, 3)).astype(np.float32), (0, 0), 3)
    texture = np.clip(3 * (texture - 128) + 128, 0, 255).astype(np.uint8)
    images = [np.ascontiguousarray(texture[2 * i : 2 * i + height, i : i + width]) for i in range(6)]
    quality = {}
    for fast in (False, True):
        out = tmp_path / f"{fast}.mp4"
        with VideoWriter(out, width, height, fast=fast) as writing:
            for i, image in enumerate(images):
                writing.write(image, i / 30)
        found = list(open_video(out))
        assert [round(30 * frame.time) for frame in found] == list(range(6))
        quality[fast] = np.mean([cv2.PSNR(frame.image, image) for frame, image in zip(found, images, strict=True)])
    # 0.2 dB on real clips; a single dB is hard to see.
    assert quality[True] > quality[False] - 1


@pytest.mark.parametrize("encoder", ["libopenh264", "mpeg4"])
def test_other_encoders(tmp_path, monkeypatch, encoder):
    if encoder not in av.codecs_available:
        pytest.skip(f"PyAV {av.__version__} has no encoder {encoder}")
    monkeypatch.setattr(writer, "ENCODERS", (encoder,))
    out = write(tmp_path / "a.mp4", [0, 1 / 60, 3 / 60, 0.5, 0.51], size=(160, 121))
    assert out.encoder == encoder
    assert bool(out.warnings) == (encoder == "mpeg4")
    frames = list(open_video(tmp_path / "a.mp4"))
    assert [number_of(f.image) for f in frames] == [0, 1, 2, 3, 4]
    assert [f.time for f in frames] == pytest.approx([0, 1 / 60, 3 / 60, 0.5, 0.51], abs=1e-5)


@pytest.mark.parametrize(
    ("container", "codec", "copied"),
    [
        ("mp4", "aac", True),
        ("mkv", "libmp3lame", True),
        ("mkv", "ac3", True),
        ("mkv", "libopus", True),
        ("ts", "aac", True),
        ("avi", "pcm_s16le", False),
        ("mkv", "libvorbis", False),
        ("mkv", "flac", False),
    ],
)
@pytest.mark.parametrize(("start", "end"), [(None, None), (1.25, 2.75)])
def test_audio(tmp_path, container, codec, copied, start, end):
    """The source's audio, in sync with the video: silent and loud half seconds stay where they were."""
    source = write_clip(tmp_path / f"in.{container}", range(120), options={"g": "30"}, audio=codec)
    video = open_video(source, start=start, end=end)
    with VideoWriter(tmp_path / "out.mp4", video.width, video.height, audio_from=source) as out:
        for frame in video:
            out.write(frame.image, frame.time)
    assert out.warnings == []
    with av.open(str(tmp_path / "out.mp4")) as result:
        name = result.streams.audio[0].codec_context.name
        same = codec.removeprefix("lib").replace("mp3lame", "mp3") in name
        assert same if copied else name == "aac"
        length = float(result.streams.video[0].duration * result.streams.video[0].time_base)
        audio = float(result.streams.audio[0].duration * result.streams.audio[0].time_base)
    offset = start or 0.0
    assert length == pytest.approx((end or 4.0) - offset, abs=0.04)
    assert audio == pytest.approx(length, abs=0.1)
    # 0.1 s away from every switch, so that a shift of more than 0.1 s shows.
    ask = [t for t in np.arange(0.15, length - 0.15, 0.05) if 0.15 < (t + offset) % 0.5 < 0.35]
    for t, level in zip(ask, loudness(tmp_path / "out.mp4", ask), strict=True):
        assert (level > 0.1) == ((t + offset) % 1.0 >= 0.5), f"at {t:.2f} s: {level:.3f}"


def test_audio_in_sync_to_a_few_milliseconds(tmp_path):
    source = write_clip(tmp_path / "in.mp4", range(60), audio="aac")
    video = open_video(source, start=0.2)
    with VideoWriter(tmp_path / "out.mp4", video.width, video.height, audio_from=source) as out:
        for frame in video:
            out.write(frame.image, frame.time)
    edges = []
    for path, offset in ((source, 0.0), (tmp_path / "out.mp4", 0.2)):
        ask = np.arange(0.4, 0.6, 0.002) - offset
        level = loudness(path, ask, window=0.004)
        edges.append(ask[np.argmax(np.array(level) > 0.17)] + offset)
    assert edges[0] == pytest.approx(0.5, abs=0.01)
    assert edges[1] == pytest.approx(edges[0], abs=0.006)


def test_source_that_starts_late_keeps_its_audio_in_sync(tmp_path):
    source = write_clip(tmp_path / "in.ts", range(0, 90), audio="aac", audio_delay=0.5)
    video = open_video(source)
    with VideoWriter(tmp_path / "out.mp4", video.width, video.height, audio_from=source) as out:
        for frame in video:
            out.write(frame.image, frame.time)
    levels = loudness(tmp_path / "out.mp4", [0.75, 1.25, 1.75, 2.25])
    assert [level > 0.1 for level in levels] == [False, True, False, True]


def test_without_audio(tmp_path):
    silent = write_clip(tmp_path / "silent.mp4", range(3))
    for source, warned in (
        (silent, False),
        (tmp_path, False),
        (tmp_path / "missing.mp4", True),
        (Path(__file__), True),
    ):
        out = write(tmp_path / "a.mp4", [0, 0.1], audio_from=source)
        assert len(list(open_video(tmp_path / "a.mp4"))) == 2
        assert bool(out.warnings) == warned
        assert not open_video(tmp_path / "a.mp4").metadata["has_audio"]


def leftovers(folder):
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("error", [RuntimeError("a stage failed"), KeyboardInterrupt()])
def test_failure_leaves_nothing_behind(tmp_path, error):
    def run():
        with VideoWriter(tmp_path / "a.mp4", 96, 64) as out:
            for index in range(40):
                out.write(numbered(index, 96, 64), index / 30)
            raise error

    with pytest.raises(type(error)):
        run()
    assert leftovers(tmp_path) == []


def test_failure_keeps_the_old_file(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"precious")
    with pytest.raises(UsageError):
        write(tmp_path / "a.mp4", [0.0, 0.1, 0.1])
    assert (tmp_path / "a.mp4").read_bytes() == b"precious"
    assert leftovers(tmp_path) == ["a.mp4"]


def test_nothing_written(tmp_path):
    with pytest.raises(OutputError, match="no frame"), VideoWriter(tmp_path / "a.mp4", 96, 64):
        pass
    assert leftovers(tmp_path) == []


def test_times_must_increase(tmp_path):
    for times in ([0.5, 0.5], [0.5, 0.4], [0, float("nan")]):
        with pytest.raises(UsageError, match="time"):
            write(tmp_path / "a.mp4", times)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    "image", [np.zeros((64, 95, 3), np.uint8), np.zeros((64, 96), np.uint8), np.zeros((64, 96, 3), np.float32)]
)
def test_wrong_images(tmp_path, image):
    with pytest.raises(ShapeError, match=r"expected \(64, 96, 3\) uint8"), VideoWriter(tmp_path / "a.mp4", 96, 64) as o:
        o.write(image, 0.0)


def test_wrong_settings(tmp_path):
    with pytest.raises(UsageError, match="pixel"):
        VideoWriter(tmp_path / "a.mp4", 0, 64)
    with pytest.raises(UsageError, match="crf"):
        VideoWriter(tmp_path / "a.mp4", 96, 64, crf=52)
    with pytest.raises(UsageError, match=r"\.mp4"):
        VideoWriter(tmp_path / "a.gif", 96, 64)
    with pytest.raises(UsageError, match="with"):
        VideoWriter(tmp_path / "a.mp4", 96, 64).write(numbered(0, 96, 64), 0.0)


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not a folder"):
        write(tmp_path / "file" / "a.mp4", [0.0])


DISK = textwrap.dedent(
    """
    import json, signal, resource, sys
    import numpy as np
    from kinema.errors import OutputError
    from kinema.video import VideoWriter
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    noise = np.random.default_rng(0)
    try:
        with VideoWriter(sys.argv[1], 320, 240) as out:
            for i in range(60):
                out.write(noise.integers(0, 256, (240, 320, 3), np.uint8), i / 30)
    except OutputError as error:
        print(json.dumps(str(error)))
    """
)


@pytest.mark.parametrize("limit", [20_000, 500_000, 1_500_000])
def test_no_space_left(tmp_path, limit):
    """The file may not grow further, early, midway and while the index is moved to the front."""
    run = subprocess.run(
        [sys.executable, "-c", DISK, str(tmp_path / "a.mp4"), str(limit)], capture_output=True, text=True, check=True
    )
    assert "a.mp4" in json.loads(run.stdout)
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk_is_reported(tmp_path, monkeypatch):
    """/dev/full refuses every byte with the error of a full disk."""
    monkeypatch.setattr(writer, "atomic_path", lambda path: contextlib.nullcontext(Path("/dev/full")))
    with pytest.raises(OutputError, match=r"disk is full: .*a\.mp4"):
        write(tmp_path / "a.mp4", [i / 30 for i in range(60)])


def test_ctrl_c_while_writing(tmp_path):
    code = textwrap.dedent(
        """
        import signal, sys
        import numpy as np
        from kinema.video import VideoWriter
        # A test run started in the background passes an ignored Ctrl-C on to its children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with VideoWriter(sys.argv[1], 320, 240) as out:
            for i in range(10**6):
                out.write(np.zeros((240, 320, 3), np.uint8), i / 30)
                if i == 100:
                    print("writing", flush=True)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "a.mp4")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait(30) != 0
    assert leftovers(tmp_path) == []


@pytest.mark.real
def test_real_clip_round_trip(data_dir, tmp_path):
    """Times of a real variable-frame-rate clip to the tick; images within H.264's loss."""
    source = open_video(data_dir / "videos" / "tennis_single_moving_camera_vfr_original.mp4", end=2.0)
    with VideoWriter(tmp_path / "a.mp4", source.width, source.height, audio_from=source.path) as out:
        kept = []
        for frame in source:
            out.write(frame.image, frame.time)
            kept.append((frame.time, frame.image[::8, ::8].astype(int)))
    frames = list(open_video(tmp_path / "a.mp4"))
    assert [f.time for f in frames] == pytest.approx([t for t, _ in kept], abs=6e-6)
    errors = [np.abs(f.image[::8, ::8] - image).mean() for f, (_, image) in zip(frames, kept, strict=True)]
    assert max(errors) < 6
