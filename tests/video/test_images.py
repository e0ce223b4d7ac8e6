"""Folders of images and single images as videos; EXIF."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, UsageError
from kinema.video import open_video
from kinema.video.exif import ImageHeader, read, read_header
from kinema.video.image_decoding import without_texts
from kinema.video.images import list_images
from kinema.video.options import VideoOptions
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
    video = open_video(tmp_path, options=VideoOptions(fps=30))
    assert (video.width, video.height, video.fps, video.num_frames_estimate) == (96, 64, 30.0, 7)
    assert video.time_source == "given"
    for _ in range(2):
        frames = list(video)
        assert [number_of(f.image) for f in frames] == [0, 1, 2, 9, 10, 11, 100]
        assert [f.index for f in frames] == list(range(7))
        assert [f.time for f in frames] == pytest.approx([i / 30 for i in (0, 1, 2, 9, 10, 11, 100)])
    # Lossless except for JPEG and WebP; those are off by a few levels in smooth areas.
    assert np.median(np.abs(frames[3].image.astype(int) - numbered(9, 96, 64))) <= (
        3 if suffix in ("jpg", "JPEG", "webp") else 0
    )
    assert video.warnings == [
        "94 images are missing, by the numbers in the names (3-8, 12-99): the time that they would fill is kept"
    ]


def test_fps_and_range(tmp_path):
    for index in range(20):
        save(tmp_path / f"{index}.png", numbered(index, 96, 64))
    video = open_video(tmp_path, options=VideoOptions(fps=10), start=0.5, end=1.0)
    assert [number_of(f.image) for f in video] == [5, 6, 7, 8, 9]
    assert [f.time for f in video] == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    assert video.num_frames_estimate == 5
    assert video.metadata["duration"] == 2.0
    with pytest.raises(InputError, match=r"no image .* lies in the time range .*2\.00 s long"):
        open_video(tmp_path, options=VideoOptions(fps=10), start=2.0)


@pytest.mark.parametrize(
    "setting",
    [{"fps": 0}, {"fps": -1}, {"fps": float("nan")}, {"fps": 1e9}, {"slow_motion": 0}, {"slow_motion": 1e9},
     {"rotate": 45}, {"fps": 30, "slow_motion": 2}],
)  # fmt: skip
def test_invalid_settings(setting):
    with pytest.raises(UsageError, match=f"`{next(iter(setting))}` must"):
        VideoOptions(**setting)


def test_single_image(tmp_path):
    (frame,) = open_video(save(tmp_path / "a.png", numbered(5, 96, 64)))
    assert (frame.index, frame.time, number_of(frame.image)) == (0, 0.0, 5)


def test_mixed_sizes_are_refused_by_name(tmp_path):
    save(tmp_path / "a.png", numbered(0, 96, 64))
    save(tmp_path / "b.jpg", numbered(0, 64, 96))
    with pytest.raises(InputError, match=r"b\.jpg has 64x96 pixels, but a\.png has 96x64"):
        open_video(tmp_path)


@pytest.mark.parametrize("first", [False, True])
def test_a_picture_of_another_size_is_left_out_and_the_rest_goes_on(tmp_path, first):
    """What has other proportions is a different picture; it takes no place in time."""
    for index in range(5):
        save(tmp_path / f"{index}.png", numbered(index, 96, 64))
    name = "00_cover.png" if first else "zz.png"
    save(tmp_path / name, numbered(99, 64, 64))
    video = open_video(tmp_path)
    assert [number_of(f.image) for f in video] == [0, 1, 2, 3, 4]
    assert [f.time for f in video] == pytest.approx(np.arange(5) / 30)
    assert f"1 image was left out, because the size is not 96x64, that of the others: {name} has 64x64 pixels" in (
        video.warnings
    )


def test_the_same_picture_at_another_size_is_scaled(tmp_path):
    for index in range(5):
        save(tmp_path / f"{index}.png", numbered(index, *((192, 128) if index == 2 else (96, 64))))
    video = open_video(tmp_path)
    assert [(number_of(f.image), f.image.shape) for f in video] == [(i, (64, 96, 3)) for i in range(5)]
    assert any("1 image was scaled" in each and "2.png has 192x128" in each for each in video.warnings)


def test_large_images_are_read_smaller(tmp_path, monkeypatch):
    """Beyond `LARGE_IMAGE` pixels at half the size; JPEG and PNG round odd sizes alike."""
    monkeypatch.setattr("kinema.video.limits.LARGE_IMAGE", 96 * 64)
    for suffix in ("png", "jpg", "bmp", "tif", "webp"):
        path = save(tmp_path / f"a.{suffix}", numbered(5, 191, 127))
        video = open_video(path)
        (frame,) = video
        assert frame.image.shape == (64, 96, 3) == (video.height, video.width, 3)
        assert number_of(frame.image) == 5
        assert "the images have 191x127 pixels and are read at 96x64" in video.warnings


def test_images_beyond_the_limit_are_refused_by_their_header(tmp_path):
    """The size is in the header; of what follows nothing is decoded. In a folder the rest goes on."""
    path = save(tmp_path / "a.png", numbered(0, 96, 64))
    data = path.read_bytes()
    path.write_bytes(data[:16] + struct.pack(">II", 30000, 30000) + data[24:])
    with pytest.raises(InputError, match="30000x30000 pixels; images of more than 128 million pixels"):
        open_video(path)
    save(tmp_path / "b.png", numbered(1, 96, 64))
    video = open_video(tmp_path)
    assert [number_of(f.image) for f in video] == [1]
    assert any("1 image was left out" in each and "128 million" in each for each in video.warnings)


def test_an_image_without_a_known_size_is_not_decoded(tmp_path):
    """OpenCV reads more formats than Kinema knows the header of, and would make room for 10 GB here."""
    (tmp_path / "a.png").write_bytes(b"P6 60000 60000 255\n" + bytes(1000))
    with pytest.raises(InputError, match="whose size can be read"):
        open_video(tmp_path / "a.png")


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8, 5])
def test_rotation_after_exif(tmp_path, rotate, orientation):
    path = save(tmp_path / "a.png", numbered(5, 96, 64), exif("<", [(0x0112, orientation)]))
    (shown,), (turned,) = open_video(path), open_video(path, options=VideoOptions(rotate=rotate))
    np.testing.assert_array_equal(turned.image, np.rot90(shown.image, -rotate // 90))


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
    with pytest.raises(InputError, match=r"contains no images .*; give a folder of images or videos"):
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
    video = open_video(tmp_path, options=VideoOptions(fps=30))
    assert [(f.index, number_of(f.image)) for f in video] == [(0, 0), (1, 1), (2, 3)]
    assert [f.time for f in video] == pytest.approx([0, 1 / 30, 3 / 30])
    assert video.warnings == ["2.png cannot be decoded and was left out"]
    (tmp_path / "2.png").write_bytes(b"nonsense")
    video = open_video(tmp_path, options=VideoOptions(fps=30))
    assert [(f.index, f.time, number_of(f.image)) for f in video] == [(0, 0, 0), (1, 1 / 30, 1), (2, 3 / 30, 3)]
    assert any("1 image was left out" in each and "2.png is not an image" in each for each in video.warnings)
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


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("tiff", [b"", b"nonsense", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
def test_malformed_exif_does_not_hide_the_image(tmp_path, suffix, tiff):
    (frame,) = open_video(save(tmp_path / f"a.{suffix}", numbered(5, 96, 64), tiff))
    assert number_of(frame.image) == 5


class Counting(io.BytesIO):
    """Counts what is read."""

    total = 0

    def read(self, size=-1):
        data = super().read(size)
        self.total += len(data)
        return data


@pytest.mark.parametrize("kind", ["png", "tif", "jpg", "webp"])
def test_endless_lists_are_read_in_part(kind):
    """65,535 texts that each cover the whole file: without a bound 65,535 times the file's size would be read."""
    entries = b"".join(struct.pack("<HHII", 0x010F, 2, 900_000, 8) for _ in range(65_535))
    tiff = b"II" + struct.pack("<HIH", 42, 8, 65_535) + entries + bytes(100_000)
    data = {
        "png": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII9x", 13, b"IHDR", 8, 8)
        + struct.pack(">I4s", len(tiff), b"eXIf") + tiff + bytes(4),
        "tif": tiff,
        "jpg": b"\xff\xd8" + (b"\xff\xe1" + struct.pack(">H", 65_535) + b"Exif\0\0" + tiff[:65_527]) * 3
        + bytes(1_000_000),
        "webp": b"RIFF" + bytes(4) + b"WEBP" + b"EXIF" + struct.pack("<I", len(tiff)) + tiff,
    }[kind]  # fmt: skip
    file = Counting(data)
    read(file, ImageHeader())
    assert file.total <= 3 * len(data)


def test_long_texts_do_not_reach_the_decoder(tmp_path):
    """OpenCV follows an EXIF list without end; what it gets is the same image without it."""
    tiff = b"II" + struct.pack("<HIH", 42, 8, 20_000) + bytes(12 * 20_000)
    for suffix in ("png", "webp"):
        path = save(tmp_path / f"a.{suffix}", numbered(5, 96, 64), tiff)
        plain = save(tmp_path / f"b.{suffix}", numbered(5, 96, 64))
        data = without_texts(np.fromfile(path, np.uint8))
        assert len(data) < len(plain.read_bytes()) + 100
        (one,), (other,) = open_video(path), open_video(plain)
        np.testing.assert_array_equal(one.image, other.image)


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
