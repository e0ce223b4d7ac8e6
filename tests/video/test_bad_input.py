"""Unreadable input is refused in one sentence; corrupt input is used as far as possible, with a warning."""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError
from kinema.video import open_video
from kinema.video.sources import local_file
from tests.helpers.video_clips import number_of, sine_blocks, write_clip

FRAMES = 150


@pytest.fixture(scope="module")
def clip_bytes(tmp_path_factory):
    """A clip with its index at the front and a key frame every second."""
    path = tmp_path_factory.mktemp("clips") / "a.mp4"
    write_clip(path, range(FRAMES), options={"g": "30"}, container_options={"movflags": "+faststart"})
    return path.read_bytes()


def one_sentence(error: pytest.ExceptionInfo[Exception], path: Path) -> bool:
    text = str(error.value)
    return "\n" not in text and path.name in text and len(text) < 400 and not text.endswith(".")


def refused(path: Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as error:
        list(open_video(path))
    assert one_sentence(error, path)
    assert error.value.exit_code == 3


def test_missing(tmp_path):
    refused(tmp_path / "nothing.mp4", "does not exist")


def test_empty(tmp_path):
    (tmp_path / "a.mp4").touch()
    refused(tmp_path / "a.mp4", "is empty")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path):
    path = write_clip(tmp_path / "a.mp4", range(2))
    path.chmod(0)
    refused(path, "permission denied")


def test_unreadable_according_to_the_system(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", range(2))
    monkeypatch.setattr(os, "access", lambda *_: False)
    refused(path, "permission denied")


def test_pipe_cannot_be_read_twice(tmp_path):
    """`open_video` reads a file several times; `local_file` copies a pipe for it."""
    os.mkfifo(tmp_path / "pipe.mp4")
    refused(tmp_path / "pipe.mp4", "is a pipe")


@pytest.mark.parametrize(
    "address",
    ["https://example.org/a.mp4", "HTTP://example.org/a.mp4", "rtsp://camera:554/1", "rtmp://a/b", "s3://bucket/a.mp4"],
)
def test_addresses_come_with_advice(address):
    with pytest.raises(InputError, match=rf"^{address} is an address.*download") as error:
        open_video(address)
    assert error.value.exit_code == 3
    with pytest.raises(InputError, match="is an address"), local_file(address):
        pass
    with pytest.raises(InputError, match="without file://"):
        open_video("file:///home/me/a.mp4")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.mp4", np.random.default_rng(0).bytes(20000)),
        ("a.mp4", bytes(5000)),
        ("a.txt", b"a text that a terminal could show\n" * 100),
        ("a.mp4", b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1.0,\nhttp://localhost:9/a.ts\n#EXT-X-ENDLIST\n"),
        ("a.m3u8", b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1.0,\nhttp://localhost:9/a.ts\n#EXT-X-ENDLIST\n"),
        ("a.txt", b"ffconcat version 1.0\nfile 'secret.mp4'\n"),
        ("a.sdp", b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
        ("a.mpd", b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='dynamic'></MPD>"),
        ("a.srt", b"1\n00:00:00,000 --> 00:00:02,000\nHello\n\n"),
        ("a.pdf", b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n"),
    ],
)
def test_not_a_video(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, "not a video|no video|can be decoded")


@pytest.mark.parametrize("name", ["live.m3u8", "live.mp4", "list.txt", "list.mkv"])
def test_playlists_are_refused_before_they_are_opened(tmp_path, name):
    """Even of a playlist on this disk nothing is read; a live one, without its end mark, would be waited for."""
    write_clip(tmp_path / "a.ts", range(10))
    live = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\na.ts\n"
    (tmp_path / name).write_bytes(live if "live" in name else b"ffconcat version 1.0\nfile a.ts\n")
    refused(tmp_path / name, "is not a video but a playlist")


def test_large_frames_are_refused_by_the_header(tmp_path):
    """Nothing is decoded: the content behind the header is not even a picture."""
    path = write_clip(tmp_path / "a.avi", range(2), codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    at = data.index(b"strf") + 8 + 4
    data[at : at + 8] = (16000).to_bytes(4, "little") + (16000).to_bytes(4, "little")
    path.write_bytes(data)
    refused(path, "16000x16000 pixels; videos of more than 40 million pixels")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "a.gif",
            b"GIF89a" + struct.pack("<HH3x", 65535, 65535) + b"," + struct.pack("<4xHHB", 65535, 65535, 0) + b";",
        ),
        ("a.y4m", b"YUV4MPEG2 W16000 H16000 F30:1 Ip A1:1 C420jpeg\nFRAME\n" + bytes(1000)),
        ("a.ivf", b"DKIF" + struct.pack("<HH4sHHIIII", 0, 32, b"VP80", 16383, 16383, 30, 1, 1, 0) + bytes(50)),
    ],
)
def test_promises_of_huge_frames(tmp_path, name, content):
    """A few bytes that promise a gigabyte for each frame are refused for that promise."""
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, "more than 40 million pixels are not read")


def test_frames_larger_than_promised_are_errors(tmp_path, monkeypatch):
    """A header may lie about the size; the decoder has the same limit. (PyAV versions give different reasons.)"""
    monkeypatch.setattr("kinema.video.decoding.VIDEO_PIXELS", 100 * 100)
    monkeypatch.setattr("kinema.video.decoding.check_size", lambda *_: None)
    refused(write_clip(tmp_path / "a.mp4", range(5)), "decoded")


@pytest.mark.parametrize(("aspect", "size"), [((16, 1), (160, 120)), ((1, 16), (160, 120)), ((4, 1), (640, 120))])
def test_pixels_of_any_shape(tmp_path, aspect, size):
    """A shape that no recording has is ignored with a note."""
    path = write_clip(
        tmp_path / "a.mp4",
        range(3),
        configure=lambda stream: setattr(stream.codec_context, "sample_aspect_ratio", Fraction(*aspect)),
    )
    video = open_video(path)
    assert {frame.image.shape for frame in video} == {(size[1], size[0], 3)}
    assert any("as wide as high" in each for each in video.warnings) == (size == (160, 120))


def test_audio_only(tmp_path):
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        for block in sine_blocks(1.0):
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))
    refused(path, "audio but no video")


def test_cover_art_is_not_a_video(tmp_path):
    """A song with cover art is audio only; of a film with cover art the film is read."""
    for name, film in (("song.mp4", False), ("film.mp4", True)):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            cover = container.add_stream("mjpeg", rate=1, width=320, height=240, pix_fmt="yuvj420p")
            cover.disposition = av.stream.Disposition.attached_pic.value
            sound = container.add_stream("aac", rate=48000)
            video = container.add_stream("libx264", rate=30, width=160, height=120) if film else None
            frame = av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8), format="rgb24")
            container.mux(cover.encode(frame.reformat(format="yuvj420p")))
            container.mux(cover.encode(None))
            for block in sine_blocks(1.0):
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))
            for index in range(10 if video is not None else 0):
                frame = av.VideoFrame.from_ndarray(np.full((120, 160, 3), 100, np.uint8), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 30)
                container.mux(video.encode(frame))
            if video is not None:
                container.mux(video.encode(None))
    refused(tmp_path / "song.mp4", "audio but no video")
    film = open_video(tmp_path / "film.mp4")
    assert (film.width, film.height, len(list(film))) == (160, 120, 10)


@pytest.mark.parametrize("part", [0.9, 0.75, 0.6])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_truncated(tmp_path, part, suffix):
    """The frames before the cut are read with correct content and times; a warning reports how much is missing."""
    options = {"movflags": "+faststart"} if suffix == "mp4" else {}
    path = write_clip(tmp_path / f"a.{suffix}", range(FRAMES), options={"g": "30"}, container_options=options)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    video = open_video(path)
    frames = list(video)
    assert 0.3 * FRAMES < len(frames) < FRAMES
    assert [number_of(f.image) for f in frames[:-3]] == list(range(len(frames) - 3))
    np.testing.assert_allclose([f.time for f in frames[:-3]], np.arange(len(frames) - 3) / 30, atol=1.1e-3)
    (warning,) = [w for w in video.warnings if "ends at" in w]
    lost = int(warning.split("about ")[1].split()[0])
    assert abs(lost - (FRAMES - len(frames))) <= 3


def test_truncated_before_the_index(tmp_path):
    path = write_clip(tmp_path / "a.mp4", range(30))
    path.write_bytes(path.read_bytes()[:-2000])
    refused(path, "without its index")


def test_truncated_before_the_first_frame(tmp_path, clip_bytes):
    path = tmp_path / "a.mp4"
    path.write_bytes(clip_bytes[: clip_bytes.index(b"mdat") + 8])
    refused(path, "no frame of")


def test_hole_in_the_middle(tmp_path, clip_bytes):
    """The frames on both sides of a hole keep their own times."""
    data = bytearray(clip_bytes)
    start, end = (
        clip_bytes.index(b"mdat") + int(part * (len(data) - clip_bytes.index(b"mdat"))) for part in (0.4, 0.6)
    )
    data[start:end] = bytes(end - start)
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    video = open_video(path)
    frames = list(video)
    right = [f for f in frames if number_of(f.image) == round(f.time * 30)]
    assert len(right) >= 0.5 * FRAMES
    assert right[0].time == 0
    assert right[-1].time == pytest.approx((FRAMES - 1) / 30)
    assert np.diff([f.time for f in frames]).min() > 0
    assert video.warnings


@given(seed=st.integers(0, 10**6), share=st.floats(0.0005, 0.05))
def test_flipped_bytes(clip_bytes, tmp_path_factory, seed, share):
    """Whichever bytes are wrong: an InputError or frames of the right size at strictly increasing times, no crash."""
    rng = np.random.default_rng(seed)
    data = np.frombuffer(clip_bytes, np.uint8).copy()
    hit = rng.random(len(data)) < share
    hit[: clip_bytes.index(b"mdat") + 4] &= rng.random() < 0.5
    data[hit] ^= rng.integers(1, 256, hit.sum(), dtype=np.uint8)
    path = tmp_path_factory.mktemp("flip") / "a.mp4"
    path.write_bytes(data.tobytes())
    try:
        video = open_video(path)
        frames = list(video)
    except InputError:
        return
    assert {f.image.shape for f in frames} == {(video.height, video.width, 3)}
    assert len(frames) == 1 or np.diff([f.time for f in frames]).min() > 0


def test_times_that_repeat_or_run_backwards(tmp_path):
    """All frames are kept, in order, and their times increase; valid times are unchanged."""
    # FLV stores each packet's time explicitly; rewriting one creates the disorder.
    path = write_clip(tmp_path / "a.flv", range(30), options={"bf": "0"})
    data = bytearray(path.read_bytes())
    tags, at = [], 13
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        if data[at] == 9:
            tags.append(at)
        at += size + 15
    frames = [t for t in tags if data[t + 12] == 1]  # AVC NALU, not the sequence header
    for index, time in ((10, 300), (20, 600)):
        data[frames[index] + 4 : frames[index] + 7] = time.to_bytes(3, "big")
    path.write_bytes(data)
    video = open_video(path)
    found = [f.time for f in video]
    assert len(found) == 30
    assert np.diff(found).min() > 0
    kept = [i for i in range(30) if i not in (10, 20)]
    np.testing.assert_allclose(np.array(found)[kept], np.array(kept) / 30, atol=1.1e-3)
    assert any("2 frames with a time that repeats or runs backwards" in w for w in video.warnings)


def test_joined_recordings_whose_clock_restarts(tmp_path):
    """Two transport streams, concatenated in one file: the times continue."""
    first = write_clip(tmp_path / "a.ts", range(300, 345), options={"g": "15"}).read_bytes()
    second = write_clip(tmp_path / "b.ts", range(45), options={"g": "15"}).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(first + second)
    video = open_video(path)
    frames = list(video)
    assert [number_of(f.image) for f in frames] == [*range(45), *range(45)]
    np.testing.assert_allclose(np.diff([f.time for f in frames]), 1 / 30, atol=0.05)
    assert frames[-1].time == pytest.approx(89 / 30, abs=0.1)
    assert any("timestamps jump" in w for w in video.warnings)


def test_frame_size_changes_midway(tmp_path):
    first = write_clip(tmp_path / "a.ts", range(15)).read_bytes()
    second = write_clip(tmp_path / "b.ts", range(15, 30), width=320, height=240).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(first + second)
    video = open_video(path)
    frames = list(video)
    assert {f.image.shape for f in frames} == {(120, 160, 3)}
    assert number_of(frames[-1].image) == 14
    assert sum("frame size changes" in w for w in video.warnings) == 1


def test_warnings_are_not_repeated_by_reading_again(tmp_path, clip_bytes):
    path = tmp_path / "a.mp4"
    path.write_bytes(clip_bytes[: int(0.8 * len(clip_bytes))])
    video = open_video(path)
    list(video)
    once = list(video.warnings)
    list(video)
    assert video.warnings == once != []
