"""The lens in the boxes of MP4 and MOV files: where cameras write it, in every type, and in damaged files."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from kinema.video import open_video
from kinema.video.boxes import MOST_BYTES
from kinema.video.quicktime import MOST_TEXT, quicktime_tags
from tests.helpers.mp4_boxes import APPLE_LENS, box, insert, metadata, value, xmp
from tests.helpers.video_clips import write_clip


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "a.mov", range(3))


def focal(path):
    return open_video(path).metadata.get("focal_35mm")


@pytest.mark.parametrize(
    ("data", "millimetres"),
    [
        (value("26.00mm"), 26.0),
        (value("26"), 26.0),
        (value("13 mm"), 13.0),
        (value("77.5"), 77.5),
        (value("28,0 mm"), 28.0),
        (value("240/10"), 24.0),
        (value(struct.pack(">q", 27), 21), 27.0),
        (value(struct.pack(">i", 27), 21), 27.0),
        (value(struct.pack(">I", 24), 22), 24.0),
        (value(bytes([26]), 77), 26.0),
        (value(struct.pack(">f", 26.5), 23), 26.5),
        (value(struct.pack(">d", 26.5), 24), 26.5),
    ],
)
@pytest.mark.parametrize("iso", [False, True])
def test_the_lens_of_the_video_track(clip, data, millimetres, iso):
    """FFmpeg does not show the metadata of a track."""
    insert(clip, metadata({"com.apple.quicktime.camera.lens_model": value("x"), APPLE_LENS: data}, iso=iso), track=0)
    assert focal(clip) == millimetres


@pytest.mark.parametrize(
    "text", ["", "0", "0.00mm", "-26mm", "26 inches", "1e3", "26/0", "nan", "9" * 2000, "26mm26mm"]
)
def test_what_is_no_lens_is_ignored(clip, text):
    insert(clip, metadata({APPLE_LENS: value(text)}), track=0)
    assert focal(clip) is None


def test_the_file_has_it_or_its_user_data(tmp_path, clip):
    assert focal(insert(clip, metadata({APPLE_LENS: value("48mm")}))) == 48.0
    other = write_clip(tmp_path / "b.mp4", range(3))
    assert focal(insert(other, box(b"udta", metadata({APPLE_LENS: value("52mm")}, iso=True)))) == 52.0


def test_the_track_is_more_specific_than_the_file_and_sound_has_no_lens(tmp_path):
    path = write_clip(tmp_path / "a.mov", range(3), audio="aac")
    insert(path, metadata({APPLE_LENS: value("13mm")}), track=1)
    assert focal(path) is None
    insert(path, metadata({APPLE_LENS: value("26mm")}))
    insert(path, metadata({APPLE_LENS: value("77mm")}), track=0)
    assert focal(path) == 77.0


@pytest.mark.parametrize(
    "packet",
    [
        '<rdf:Description exif:FocalLengthIn35mmFilm="35" tiff:Make="SONY"/>',
        "<exif:FocalLengthIn35mmFilm>35</exif:FocalLengthIn35mmFilm><tiff:Make>SONY</tiff:Make>",
        "<exif:FocalLengthIn35mmFilm>350/10</exif:FocalLengthIn35mmFilm><tiff:Make> SONY </tiff:Make>",
    ],
)
def test_xmp_of_cameras_and_editors(tmp_path, packet):
    """In a box of the file, of the movie, and of its user data."""
    for name, added in (("a", xmp(packet)), ("b", xmp(packet)), ("c", box(b"udta", box(b"XMP_", packet.encode())))):
        path = write_clip(tmp_path / f"{name}.mp4", range(3))
        if name == "a":
            path.write_bytes(path.read_bytes() + added)
        else:
            insert(path, added)
        metadata_ = open_video(path).metadata
        assert (metadata_["focal_35mm"], metadata_["make"]) == (35.0, "SONY")


def test_damaged_files_have_fewer_tags_and_nothing_else_happens(clip):
    """200 files with bytes changed in the index, and a cut one of many lengths: no exception, short texts."""
    data = insert(clip, metadata({APPLE_LENS: value("26.00mm")}), track=0).read_bytes()
    rng = np.random.default_rng(7)
    start = data.index(b"moov")
    for _ in range(200):
        changed = bytearray(data)
        for at in rng.integers(start, len(data), rng.integers(1, 12)):
            changed[at] = rng.choice([0, 1, 8, 127, 255, int(rng.integers(256))])
        clip.write_bytes(changed)
        assert all(len(text) <= MOST_TEXT for tag in quicktime_tags(clip).items() for text in tag)
    for length in range(start, len(data), 7):
        clip.write_bytes(data[:length])
        assert quicktime_tags(clip).get(APPLE_LENS, "26.00mm") == "26.00mm"


@pytest.mark.parametrize("kind", ["deep", "many", "long names", "wide", "endless"])
def test_hostile_boxes_cost_nothing(tmp_path, kind):
    """Nested 100,000 deep, 300,000 of them, names of 4 GB, a list of 500,000 names, sizes beyond the file's end."""
    path = tmp_path / "a.mov"
    if kind == "deep":
        data = b"".join(struct.pack(">I4s", 8 * (100_000 - i), b"moov" if i == 0 else b"trak") for i in range(100_000))
    elif kind == "many":
        data = box(b"moov", box(b"trak", box(b"udta", box(b"meta")) * 100_000))
    elif kind == "long names":
        names = box(b"keys", struct.pack(">II", 0, 1), struct.pack(">I4s", 0xFFFFFFFF, b"mdta"))
        data = box(b"moov", box(b"meta", box(b"hdlr", bytes(24)), names))
    elif kind == "wide":
        names = (struct.pack(">I4s", 9, b"mdta") + b"a") * 500_000
        data = box(b"moov", box(b"meta", box(b"hdlr", bytes(24)), box(b"keys", bytes(8), names)))
        assert len(names) > MOST_BYTES
    else:
        data = struct.pack(">I4sQ", 1, b"moov", 2**63) + box(b"moov", struct.pack(">I4s", 2**31, b"trak"))
    path.write_bytes(data)
    assert quicktime_tags(path) == {}
