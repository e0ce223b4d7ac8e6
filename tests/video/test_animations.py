"""Animated GIF, PNG and WebP: every picture, with its own duration."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from kinema.errors import InputError
from kinema.video import open_video
from kinema.video.options import VideoOptions
from tests.helpers.video_clips import number_of, numbered


def part(image, x, y, milliseconds, *, blend=True, dispose=False):
    """An ANMF chunk: `image` (H, W, 3 or 4) BGR, lossless, at (x, y), which are even."""
    ok, data = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert ok
    chunks = data.tobytes()[12:]
    if chunks[:4] == b"VP8X":
        chunks = chunks[18:]
    height, width = image.shape[:2]
    numbers = (x // 2, y // 2, width - 1, height - 1, milliseconds)
    head = b"".join(n.to_bytes(3, "little") for n in numbers)
    head += bytes([(0 if blend else 2) | int(dispose)])
    return b"ANMF" + struct.pack("<I", len(head) + len(chunks)) + head + chunks


def webp(path, parts, width, height):
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\x12\0\0\0" + size
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6) + b"".join(parts)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def bgr(index, width=96, height=64):
    return np.ascontiguousarray(numbered(index, width, height)[..., ::-1])


def test_webp(tmp_path):
    """Every picture at its own time, lossless; ranges and slow motion as for videos."""
    durations = [40, 60, 100, 40, 5, 80]
    path = webp(tmp_path / "a.webp", [part(bgr(i), 0, 0, d) for i, d in enumerate(durations)], 96, 64)
    video = open_video(path)
    starts = np.cumsum([0, 40, 60, 100, 40, 100]) / 1000  # 5 ms is shown as 100 ms
    for _ in range(2):
        frames = list(video)
        assert [f.time for f in frames] == pytest.approx(starts)
        for frame in frames:
            np.testing.assert_array_equal(frame.image, numbered(frame.index, 96, 64))
    assert (video.width, video.height, video.num_frames_estimate) == (96, 64, 6)
    assert video.metadata["duration"] == pytest.approx(0.42)
    assert video.warnings == []
    part_ = open_video(path, start=0.1, end=0.24)
    assert [number_of(f.image) for f in part_] == [2, 3]
    slow = open_video(path, options=VideoOptions(slow_motion=2, rotate=180))
    assert [f.time for f in slow] == pytest.approx(starts / 2)
    np.testing.assert_array_equal(next(iter(slow)).image, numbered(0, 96, 64)[::-1, ::-1])
    with pytest.raises(InputError, match=r"no frame lies in the time range .*0\.42 s long"):
        open_video(path, start=5)


def test_webp_parts_are_laid_over_each_other(tmp_path):
    """Half transparent parts, parts that replace, parts that are cleared, against the definition."""
    rng = np.random.default_rng(0)
    canvas = np.zeros((40, 60, 4))
    parts, expected = [], []
    for index in range(12):
        width, height = rng.integers(4, 40), rng.integers(4, 30)
        x, y = 2 * rng.integers(0, (60 - width) // 2 + 1), 2 * rng.integers(0, (40 - height) // 2 + 1)
        image = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
        image[..., 3] = rng.choice([0, 255, 90], (height, width))
        blend, dispose = bool(index % 3), index % 4 == 1
        parts.append(part(image, int(x), int(y), 50, blend=blend, dispose=dispose))
        stored = cv2.imdecode(cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])[1], -1).astype(float)
        place = canvas[y : y + height, x : x + width]
        alpha, below = stored[..., 3:] / 255, place[..., 3:] / 255
        mixed = alpha + below * (1 - alpha)
        colour = stored[..., :3] * alpha + place[..., :3] * below * (1 - alpha)
        over = np.concatenate([colour / np.where(mixed > 0, mixed, 1), 255 * mixed], -1)
        place[:] = over if blend else stored
        expected.append(canvas[..., 2::-1].copy())
        if dispose:
            place[:] = 0
    frames = [f.image for f in open_video(webp(tmp_path / "a.webp", parts, 60, 40))]
    for frame, right in zip(frames, expected, strict=True):
        assert np.abs(frame - right).max() <= 2  # rounding, once per part


def test_corrupt_parts_are_left_out(tmp_path):
    path = webp(tmp_path / "a.webp", [part(bgr(i), 0, 0, 50) for i in range(5)], 96, 64)
    data = bytearray(path.read_bytes())
    third = [i for i in range(len(data)) if data[i : i + 4] == b"ANMF"][2]
    data[third + 24 : third + 60] = bytes(36)
    path.write_bytes(data)
    video = open_video(path)
    frames = list(video)
    assert [number_of(f.image) for f in frames] == [0, 1, 3, 4]
    assert [f.time for f in frames] == pytest.approx([0, 0.05, 0.15, 0.2])
    assert any("image 3" in each for each in video.warnings)
    path.write_bytes(data[:40])
    with pytest.raises(InputError, match=r"no image of .*a\.webp"):
        open_video(path)


def test_a_huge_canvas_is_refused(tmp_path):
    """16384x16384 pixels would be 1 GB, for a file of 300 bytes."""
    path = webp(tmp_path / "a.webp", [part(bgr(0, 8, 8), 0, 0, 50)] * 3, 16384, 16384)
    with pytest.raises(InputError, match="16384x16384 pixels; videos of more than 40 million"):
        open_video(path)


@pytest.mark.parametrize("suffix", ["png", "apng", "gif"])
def test_png_and_gif(tmp_path, suffix):
    """FFmpeg reads these; a .png with one picture is an image. GIF has 256 colours and counts in 1/100 s."""
    path = tmp_path / f"a.{suffix}"
    codec = "gif" if suffix == "gif" else "apng"
    ticks = [0, 10, 15, 40, 44]
    with av.open(str(path), "w", format=codec) as container:
        stream = container.add_stream(codec, rate=100, width=96, height=64)
        stream.pix_fmt = "rgb8" if suffix == "gif" else "rgb24"
        stream.codec_context.time_base = Fraction(1, 100)
        for index, tick in enumerate(ticks):
            frame = av.VideoFrame.from_ndarray(numbered(index, 96, 64), format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts = tick
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    video = open_video(path)
    frames = list(video)
    assert [number_of(f.image) for f in frames] == list(range(5))
    assert [f.time for f in frames] == pytest.approx(np.array(ticks) / 100, abs=0.006)


@pytest.mark.real
def test_shared_animation(data_dir):
    path = data_dir / "cases" / "video" / "anim.webp"
    if not path.is_file():
        pytest.skip("no cases/video in KINEMA_DATA")
    video = open_video(path)
    frames = list(video)
    assert len(frames) == video.num_frames_estimate == 30
    if not hasattr(cv2, "imreadanimation"):
        pytest.skip("this OpenCV reads no animations to compare with")
    _, animation = cv2.imreadanimation(str(path))
    starts = np.cumsum([0, *animation.durations[:-1]]) / 1000
    assert [f.time for f in frames] == pytest.approx(starts)
    for frame, other in zip(frames, animation.frames, strict=True):
        assert np.abs(frame.image.astype(int) - other[..., 2::-1].astype(int)).max() <= 1
