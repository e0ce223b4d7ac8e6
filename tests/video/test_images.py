"""Folders of images and single images as videos; EXIF."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, UsageError
from kinema.video import open_video
from kinema.video.exif import read_header
from kinema.video.images import list_images
from tests.helpers.video_clips import corners, number_of, numbered


def exif(order, entries, sub=()):
    """A TIFF block: entries of the first directory, and `sub` for its EXIF directory; (tag, value)."""

    def directory(items, offset):
        data = b""
        extra = b""
        at = offset + 2 + 12 * len(items) + 4
        for tag, value in items:
            if isinstance(value, str):
                text = value.encode() + b"\0"
                if len(text) > 4:
                    data += struct.pack(order + "HHII", tag, 2, len(text), at + len(extra))
                    extra += text
                else:
                    data += struct.pack(order + "HHI", tag, 2, len(text)) + text.ljust(4, b"\0")
            elif tag == 0x8769:
                data += struct.pack(order + "HHII", tag, 4, 1, value)
            else:
                data += struct.pack(order + "HHIHH", tag, 3, 1, value, 0)
        return struct.pack(order + "H", len(items)) + data + bytes(4) + extra

    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    main = [*entries, (0x8769, 0)] if sub else list(entries)
    if sub:
        main[-1] = (0x8769, 8 + len(directory(main, 8)))
    block = head + directory(main, 8)
    return block + (directory(list(sub), len(block)) if sub else b"")


def save(path, image, tiff=None):
    """Write an image; with `tiff`, put that EXIF block where the format expects it."""
    assert cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 and image.shape[2] == 3 else image)
    if tiff is None:
        return path
    data = path.read_bytes()
    if path.suffix == ".jpg":
        payload = b"Exif\0\0" + tiff
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + data[2:]
    elif path.suffix == ".png":
        import zlib

        chunk = b"eXIf" + tiff
        data = data[:33] + struct.pack(">I", len(tiff)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
    elif path.suffix == ".webp":
        height, width = image.shape[:2]
        size = struct.pack("<I", 10)
        vp8x = b"VP8X" + size + b"\x08\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        chunk = b"EXIF" + struct.pack("<I", len(tiff)) + tiff + (b"\0" if len(tiff) % 2 else b"")
        body = b"WEBP" + vp8x + data[12:] + chunk
        data = b"RIFF" + struct.pack("<I", len(body)) + body
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "bmp", "webp", "tif", "tiff"])
def test_folder_in_natural_order(tmp_path, suffix):
    for index in (0, 1, 2, 9, 10, 11, 100):
        save(tmp_path / f"shot {index}.{suffix}", numbered(index, 96, 64))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_bytes(b"not an image either")
    (tmp_path / "sub.png").mkdir()
    video = open_video(tmp_path)
    assert (video.width, video.height, video.fps, video.num_frames_estimate) == (96, 64, 30.0, 7)
    for _ in range(2):
        frames = list(video)
        assert [number_of(f.image) for f in frames] == [0, 1, 2, 9, 10, 11, 100]
        assert [f.index for f in frames] == list(range(7))
        assert [f.time for f in frames] == pytest.approx([i / 30 for i in range(7)])
    # Lossless except for JPEG and WebP; those are off by a few levels in smooth areas.
    assert np.median(np.abs(frames[3].image.astype(int) - numbered(9, 96, 64))) <= (
        3 if suffix in ("jpg", "JPEG", "webp") else 0
    )
    assert video.warnings == []


def test_fps_and_range(tmp_path):
    for index in range(20):
        save(tmp_path / f"{index}.png", numbered(index, 96, 64))
    video = open_video(tmp_path, fps=10, start=0.5, end=1.0)
    assert [number_of(f.image) for f in video] == [5, 6, 7, 8, 9]
    assert [f.time for f in video] == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    assert video.num_frames_estimate == 5
    assert video.metadata["duration"] == 2.0
    with pytest.raises(InputError, match=r"no image .* lies in the time range .*2\.00 s long"):
        open_video(tmp_path, fps=10, start=2.0)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), 1e9])
def test_invalid_fps(tmp_path, fps):
    save(tmp_path / "0.png", numbered(0, 96, 64))
    with pytest.raises(UsageError, match="frame rate"):
        open_video(tmp_path, fps=fps)


def test_single_image(tmp_path):
    (frame,) = open_video(save(tmp_path / "a.png", numbered(5, 96, 64)))
    assert (frame.index, frame.time, number_of(frame.image)) == (0, 0.0, 5)


def test_mixed_sizes_are_refused_by_name(tmp_path):
    save(tmp_path / "a.png", numbered(0, 96, 64))
    save(tmp_path / "b.jpg", numbered(0, 64, 96))
    with pytest.raises(InputError, match=r"b\.jpg has 64x96 pixels, but a\.png has 96x64"):
        open_video(tmp_path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_orientation(tmp_path, suffix, orientation, order):
    """The stored image is the upright one, transformed so that this orientation undoes it."""
    upright = numbered(77, 96, 64)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.swapaxes(0, 1), 6: np.rot90(upright),
        7: upright[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    path = save(tmp_path / f"a.{suffix}", np.ascontiguousarray(stored), exif(order, [(0x0112, orientation)]))
    video = open_video(path)
    (frame,) = video
    assert (video.width, video.height) == (96, 64)
    assert corners(frame.image) == ("top left", "top right")
    assert number_of(frame.image) == 77


def test_exif_metadata(tmp_path):
    block = exif("<", [(0x010F, "Google"), (0x0110, "Pixel 8")], [(0x9003, "2024:05:01 10:00:00"), (0xA405, 24)])
    metadata = open_video(save(tmp_path / "a.jpg", numbered(0, 96, 64), block)).metadata
    assert (metadata["make"], metadata["model"], metadata["focal_35mm"]) == ("Google", "Pixel 8", 24.0)
    assert metadata["created"] == "2024:05:01 10:00:00"


@pytest.mark.parametrize(
    "image",
    [
        np.full((64, 96), 100, np.uint8),
        np.full((64, 96), 100 * 257, np.uint16),
        np.full((64, 96, 3), 100 * 257, np.uint16),
        np.dstack([np.full((64, 96, 3), 100, np.uint8), np.full((64, 96), 7, np.uint8)]),
    ],
    ids=["gray", "gray16", "rgb16", "rgba"],
)
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_every_format_becomes_8_bit_rgb(tmp_path, image, suffix):
    (frame,) = open_video(save(tmp_path / f"a.{suffix}", image))
    assert frame.image.shape == (64, 96, 3)
    assert frame.image.dtype == np.uint8
    assert np.abs(frame.image.astype(int) - 100).max() <= 1


def test_no_images(tmp_path):
    with pytest.raises(InputError, match="contains no images"):
        open_video(tmp_path)
    (tmp_path / "b.mp4").touch()
    (tmp_path / "a.mov").touch()
    with pytest.raises(InputError, match=r"it contains videos, give one of them \(a\.mov\)"):
        open_video(tmp_path)


def test_corrupt_images(tmp_path):
    """A corrupt image in the middle is left out with a warning; only corrupt images are an error."""
    for index in range(4):
        save(tmp_path / f"{index}.png", numbered(index, 96, 64))
    data = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(data[:40])
    video = open_video(tmp_path)
    assert [(f.index, number_of(f.image)) for f in video] == [(0, 0), (1, 1), (2, 3)]
    assert [f.time for f in video] == pytest.approx([0, 1 / 30, 3 / 30])
    assert video.warnings == ["2.png cannot be decoded and was left out"]
    (tmp_path / "2.png").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"2\.png is not an image"):
        open_video(tmp_path)
    for name in ("0.png", "1.png", "3.png"):
        (tmp_path / name).unlink()
    (tmp_path / "2.png").write_bytes(data[:40])
    with pytest.raises(InputError, match="no image of"):
        list(open_video(tmp_path))


def test_heif_is_named(tmp_path):
    (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(InputError, match="HEIF"):
        open_video(tmp_path / "a.HEIC")


def test_natural_order_of_mixed_names(tmp_path):
    names = ["a1.png", "a02.png", "a10.png", "B.png", "b2.png", "10.png", "9.png", "_.png"]
    for name in names:
        save(tmp_path / name, numbered(0, 96, 64))
    found = [f.name for f in list_images(tmp_path)]
    assert found.index("9.png") < found.index("10.png")
    assert [n for n in found if n.startswith("a")] == ["a1.png", "a02.png", "a10.png"]


@given(st.binary(max_size=400), st.sampled_from(["jpg", "png", "webp", "bmp", "tif"]), st.data())
def test_header_reader_survives_anything(tmp_path_factory, junk, suffix, data):
    path = save(
        tmp_path_factory.getbasetemp() / f"junk.{suffix}",
        numbered(0, 96, 64),
        exif("<", [(0x0112, 6)], [(0xA405, 24)]) if suffix in ("jpg", "png", "webp") else None,
    )
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, min(len(content), 600)))
    content[at : at + len(junk)] = junk
    path.write_bytes(content)
    header = read_header(path)
    assert header.orientation in range(1, 9)
    assert header.width is None or isinstance(header.width, int)
