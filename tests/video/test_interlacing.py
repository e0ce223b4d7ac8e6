"""Interlaced video is deinterlaced, one picture per frame; progressive video is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.video import open_video
from tests.helpers.video_clips import number_of, write_clip

WIDTH, HEIGHT, SPEED = 160, 120, 3
"""A bar moves by SPEED pixels from field to field."""


def scene(field):
    """The scene at the time of a field: a vertical bar that moves, before fine horizontal stripes that stand still."""
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    image[80:, :] = np.where(np.arange(40) // 2 % 2, 60, 110)[:, None, None]
    left = 10 + SPEED * field
    image[:80, left : left + 12] = 220
    return image


def woven(index, width, height):
    """Two fields, half a frame apart: the even rows are the first."""
    image = scene(2 * index)
    image[1::2] = scene(2 * index + 1)[1::2]
    return image


def progressive(index, width, height):
    return scene(2 * index)


def combing(image):
    """How much rows differ from both neighbours where the bar moves, grey levels."""
    rows = image[4:76].astype(np.float64).mean(-1)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


def clip(path, draw, *, flagged, count=12):
    options = {"x264-params": "tff=1:interlaced=1"} if flagged else {}
    return write_clip(path, range(count), draw=draw, options={"crf": "10", **options})


def test_interlaced_frames_are_deinterlaced(tmp_path):
    """The comb at moving edges (7 grey levels on average) falls below a fifth; times and count stay."""
    plain = [f.image for f in open_video(clip(tmp_path / "a.mp4", woven, flagged=False))]
    video = open_video(clip(tmp_path / "b.mp4", woven, flagged=True))
    assert video.metadata["interlaced"]
    for _ in range(2):
        frames = list(video)
        assert [f.index for f in frames] == list(range(12))
        np.testing.assert_allclose([f.time for f in frames], np.arange(12) / 30, atol=1e-9)
        before = np.mean([combing(image) for image in plain])
        after = np.mean([combing(f.image) for f in frames])
        assert before > 5
        assert after < 0.2 * before
    assert video.warnings == ["the video is interlaced: its frames were deinterlaced, one image from each"]


def test_the_picture_is_that_of_its_own_time(tmp_path):
    """The bar is where it was at one of the frame's two fields, within 2 pixels: not that of a neighbour (6 away)."""
    for frame in open_video(clip(tmp_path / "a.mp4", woven, flagged=True)):
        bright = np.flatnonzero(frame.image[10:70].mean((0, 2)) > 140)
        left = 10 + SPEED * 2 * frame.index
        assert left - 2 <= bright.min() <= left + SPEED + 2


def test_progressive_content_flagged_interlaced_is_hardly_hurt(tmp_path):
    """Within one grey level on average, fine stripes that stand still as well, once a second frame is known."""
    plain = list(open_video(clip(tmp_path / "a.mp4", progressive, flagged=False)))
    flagged = list(open_video(clip(tmp_path / "b.mp4", progressive, flagged=True)))
    errors = [
        np.abs(one.image.astype(int) - other.image.astype(int)).mean()
        for one, other in zip(plain, flagged, strict=True)
    ]
    assert errors[0] < 6
    assert max(errors[1:]) < 1


def test_progressive_video_is_left_alone(tmp_path):
    video = open_video(clip(tmp_path / "a.mp4", progressive, flagged=False))
    list(video)
    assert video.warnings == []
    assert not video.metadata["interlaced"]


@pytest.mark.parametrize(("start", "end"), [(0.2, None), (0.2, 0.3), (0, 0.01)])
def test_ranges(tmp_path, start, end):
    """A range of an interlaced video has the right frames, also a single one."""
    path = write_clip(tmp_path / "a.mp4", range(15), options={"x264-params": "tff=1:interlaced=1"})
    expected = [i for i in range(15) if start - 1e-6 <= i / 30 < (end or 9) - 1e-6]
    frames = list(open_video(path, start=start, end=end))
    assert [number_of(f.image) for f in frames] == expected
    np.testing.assert_allclose([f.time for f in frames], np.array(expected) / 30, atol=1e-9)


def test_a_recording_that_changes_to_interlaced(tmp_path):
    """Every frame arrives once, in order, whichever part of a transport stream is interlaced."""
    options = {"x264-params": "tff=1:interlaced=1"}
    parts = [
        write_clip(tmp_path / "a.ts", range(10)),
        write_clip(tmp_path / "b.ts", range(10, 20), options=options),
        write_clip(tmp_path / "c.ts", range(20, 30), width=320, height=240, options=options),
        write_clip(tmp_path / "d.ts", range(30, 40)),
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = list(open_video(path))
    assert [number_of(f.image) for f in frames] == 4 * list(range(10))
    assert np.diff([f.time for f in frames]).min() > 0


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le"])
def test_colours_stay(tmp_path, pix_fmt):
    """Matrix, range and depth survive the filter: within 3 levels of the same video read as progressive."""

    def still(index, width, height):
        image = np.zeros((height, width, 3), np.uint8)
        for i, colour in enumerate([(200, 30, 30), (30, 200, 30), (30, 30, 200), (220, 220, 220)]):
            image[:, i * width // 4 : (i + 1) * width // 4] = colour
        return image

    clips = [
        write_clip(tmp_path / f"{name}.mp4", range(5), draw=still, pix_fmt=pix_fmt, options={"x264-params": parameters})
        for name, parameters in (("a", "tff=0"), ("b", "tff=1:interlaced=1"))
    ]
    one, other = (list(open_video(path))[2].image.astype(int) for path in clips)
    assert np.abs(one - other).mean() < 3
