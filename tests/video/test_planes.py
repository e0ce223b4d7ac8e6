"""Pictures in planes: drawing on a part of them is drawing on the RGB image, and the rest is left alone."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from kinema.video import VideoWriter, open_video
from kinema.video.planes import Planes

BT709, BT601 = 1, 5
WEIGHTS = {BT709: (0.2126, 0.7152, 0.0722), BT601: (0.299, 0.587, 0.114)}


def smooth(rng, height, width):
    coarse = rng.integers(60, 196, (height // 32, width // 32, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def planes_of(image, matrix):
    """By the standards' definition: Y' of 16 to 235, chroma of 16 to 240 around 128, averaged over 2x2."""
    red, _, blue = weights = np.array(WEIGHTS[matrix])
    rgb = image / 255
    luma = rgb @ weights
    b, r = (rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)
    height, width = luma.shape
    halves = [224 * part.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)) + 128 for part in (b, r)]
    parts = [np.rint(16 + 219 * luma).ravel(), *(np.rint(half).ravel() for half in halves)]
    return of_array(np.concatenate(parts).astype(np.uint8).reshape(-1, width), matrix)


def of_array(data, matrix):
    """data (3 * height / 2, width): luma, then both planes of chroma."""
    return Planes(av.VideoFrame.from_ndarray(data, format="yuv420p"), matrix)


def array_of(planes):
    return planes.frame.to_ndarray()


@pytest.mark.parametrize("matrix", [BT709, BT601])
def test_a_part_shows_the_image(matrix):
    image = smooth(np.random.default_rng(0), 96, 128)
    planes = planes_of(image, matrix)
    rows, columns = slice(11, 60), slice(21, 99)
    with planes.part(rows, columns) as seen:
        error = np.abs(seen[rows, columns].astype(int) - image[rows, columns])
    # Chroma of half the size blurs the colours of a smooth picture by a few levels.
    assert error.mean() < 2
    assert error.max() <= 12


@pytest.mark.parametrize("matrix", [BT709, BT601])
def test_drawing_on_a_part_is_drawing_on_the_image(matrix):
    """Equal to converting the whole drawn image: within 2 levels of 255 in each plane."""
    image = smooth(np.random.default_rng(1), 96, 128)
    planes = planes_of(image, matrix)
    before = array_of(planes)
    box = slice(20, 70), slice(31, 90)  # an odd border, through the middle of chroma's pixels

    def draw(on):
        on[30:50, 40:80] = (200, 30, 90)
        on[50:70, 31:90] = on[50:70, 31:90] // 2 + 60

    with planes.part(*box) as part:
        draw(part)
    expected = image.copy()
    draw(expected)
    for found, wanted, old in zip(
        planes.split(), planes_of(expected, matrix).split(), of_array(before, matrix).split(), strict=True
    ):
        grown = 96 // found.shape[0]
        outside = np.ones(found.shape, bool)
        outside[20 // grown : 70 // grown, 30 // grown : 90 // grown] = False
        np.testing.assert_array_equal(found[outside], old[outside])
        assert np.abs(found.astype(int) - wanted).max() <= 2


@pytest.mark.parametrize("matrix", [BT709, BT601])
def test_blending_is_blending_in_rgb(matrix):
    """Equal to converting the blended image: within 2 levels of 255 in each plane, and nothing else changes."""
    rng = np.random.default_rng(3)
    image = smooth(rng, 96, 128)
    planes = planes_of(image, matrix)
    before = of_array(array_of(planes), matrix)
    box = slice(21, 70), slice(31, 90)
    color = (smooth(rng, 64, 64)[:49, :59] / 255).astype(np.float32)
    alpha = cv2.resize(rng.random((7, 7)).astype(np.float32), (59, 49))
    planes.blend(*box, np.moveaxis(color, -1, 0), np.eye(3, 4), alpha)
    expected = image.astype(float)
    expected[box] += alpha[..., None] * (255 * color - expected[box])
    wanted = planes_of(expected, matrix)
    for found, right, old in zip(planes.split(), wanted.split(), before.split(), strict=True):
        grown = 96 // found.shape[0]
        outside = np.ones(found.shape, bool)
        outside[20 // grown : 70 // grown, 30 // grown : 90 // grown] = False
        np.testing.assert_array_equal(found[outside], old[outside])
        assert np.abs(found.astype(int) - right).max() <= 2
        assert np.abs(found.astype(int) - old).max() > 20


def test_blending_of_one_shade_is_that_of_the_colours_it_stands_for():
    rng = np.random.default_rng(4)
    planes = planes_of(smooth(rng, 32, 32), BT709)
    same = of_array(array_of(planes), BT709)
    box, tint = (slice(4, 20), slice(6, 30)), np.array([[0.5, 0.3], [0.7, -0.1], [0.0, 0.2]])
    shade, alpha = rng.random((2, 16, 24)).astype(np.float32) * 0.5 + 0.25
    planes.blend(*box, shade[None], tint, alpha)
    same.blend(*box, (tint[:, :1, None] * shade + tint[:, 1:, None]).astype(np.float32), np.eye(3, 4), alpha)
    # Two orders of the same sums: one level where they round differently.
    assert np.abs(array_of(planes).astype(int) - array_of(same)).max() <= 1


def test_a_part_that_nothing_is_drawn_on_stays_as_it_was():
    """Also where luma and chroma say what no RGB can: within the rounding of the values that can be."""
    planes = planes_of(smooth(np.random.default_rng(2), 64, 64), BT709)
    before = array_of(planes)
    with planes.part(slice(0, 64), slice(0, 64)):
        pass
    with planes.part(slice(5, 5), slice(9, 9)):
        pass
    assert np.abs(array_of(planes).astype(int) - before).max() <= 1


@pytest.mark.parametrize("matrix", [BT709, BT601])
def test_files_are_read_and_written_in_planes(tmp_path, matrix):
    """What is written as planes of a matrix reads as the picture, also by FFmpeg's own conversion."""
    images = [smooth(np.random.default_rng(i), 96, 128) for i in range(3)]
    path = tmp_path / "planes.mp4"
    with VideoWriter(path, 128, 96, crf=1, matrix=matrix) as out:
        for i, image in enumerate(images):
            out.write_planes(planes_of(image, matrix), i / 10)
    video = open_video(path)
    assert video.planar == matrix
    with av.open(str(path)) as container:
        stored = [frame.to_ndarray() for frame in container.decode(video=0)]
    found = list(video.planes())
    assert [(frame.index, round(10 * frame.time)) for frame in found] == [(0, 0), (1, 1), (2, 2)]
    for frame, picture, image, raw in zip(found, video, images, stored, strict=True):
        np.testing.assert_array_equal(array_of(frame.planes), raw)
        assert np.abs(picture.image.astype(int) - image).mean() < 3


def test_pictures_are_encoded_whatever_kind_of_frame_they_were_decoded_from(tmp_path):
    """A file of key frames alone, as editing programs write them, does not become another one."""
    with av.open(str(tmp_path / "all.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10, width=128, height=96, options={"g": "1"})
        image = smooth(np.random.default_rng(0), 96, 128)
        frames = [av.VideoFrame.from_ndarray(image, format="rgb24") for _ in range(6)]
        for packet in (*(packet for frame in frames for packet in stream.encode(frame)), *stream.encode(None)):
            container.mux(packet)
    video = open_video(tmp_path / "all.mp4")
    with VideoWriter(tmp_path / "again.mp4", 128, 96, matrix=video.planar) as out:
        for frame in video.planes():
            out.write_planes(frame.planes, frame.time)
    for name, expected in (("all", 6), ("again", 1)):
        with av.open(str(tmp_path / f"{name}.mp4")) as container:
            assert sum(packet.is_keyframe for packet in container.demux(video=0) if packet.size) == expected


def test_other_frames_are_not_planar(tmp_path):
    """Odd sizes and other formats go through RGB."""
    with VideoWriter(tmp_path / "even.mp4", 128, 96) as out:
        out.write(np.zeros((96, 128, 3), np.uint8), 0)
    assert open_video(tmp_path / "even.mp4").planar == BT601
    with av.open(str(tmp_path / "full.mp4"), "w") as container:
        stream = container.add_stream("mjpeg", rate=10, width=128, height=96, pix_fmt="yuvj420p")
        for packet in (*stream.encode(av.VideoFrame(128, 96, "yuvj420p")), *stream.encode(None)):
            container.mux(packet)
    assert open_video(tmp_path / "full.mp4").planar is None
