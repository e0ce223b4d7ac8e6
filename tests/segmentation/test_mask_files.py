"""Mask files of every layout: there and back, files of other programs, and what is wrong in one sentence."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zlib

import cv2
import numpy as np
import pytest

from kinema.errors import InputError, OutputError, ShapeError, UnsafeFileError, UsageError
from kinema.segmentation.files import read_masks, write_masks
from kinema.segmentation.masks import Masks
from kinema.segmentation.rle import encode, runs_of

HEIGHT, WIDTH = 24, 33


def drawn(frames: int = 5, people: int = 2) -> np.ndarray:
    """Rectangles that move (frames,people,H,W); they overlap, and the last person is not in the first frame."""
    out = np.zeros((frames, people, HEIGHT, WIDTH), bool)
    for frame, person in np.ndindex(frames, people):
        out[frame, person, 3 + person : 12 + 4 * person, 2 + frame + 5 * person : 14 + frame + 5 * person] = True
    out[0, -1] = False
    return out


def sample(ids: tuple[int, ...] = (1, 2)) -> Masks:
    return Masks.of(drawn(people=len(ids)), height=HEIGHT, width=WIDTH, ids=ids)


def semantic() -> Masks:
    return Masks.of(drawn(people=1)[1:], height=HEIGHT, width=WIDTH, ids=(1,), semantic=True)


def assert_same(found: Masks, expected: Masks) -> None:
    assert (found.height, found.width, found.ids, found.semantic) == (
        expected.height,
        expected.width,
        expected.ids,
        expected.semantic,
    )
    assert found.rows == expected.rows


@pytest.mark.parametrize("name", ["masks.pkl", "masks.json", "masks"])
@pytest.mark.parametrize("masks", [sample(), semantic()], ids=["people", "together"])
def test_there_and_back(tmp_path, name, masks):
    write_masks(masks, tmp_path / name)
    assert_same(read_masks(tmp_path / name), masks)
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["masks.json", "masks"])
def test_ids_are_kept_where_the_layout_has_room_for_them(tmp_path, name):
    write_masks(sample((3, 8)), tmp_path / name)
    assert read_masks(tmp_path / name).ids == (3, 8)


def test_the_pipelines_pickles_hold_what_it_expects(tmp_path):
    """A list over frames of lists over people of COCO's dictionaries; compressed, one a frame, for all together."""
    coco = pytest.importorskip("pycocotools.mask")
    write_masks(sample(), tmp_path / "tracks.pkl")
    write_masks(semantic(), tmp_path / "semseg.pkl")
    tracks = pickle.loads((tmp_path / "tracks.pkl").read_bytes())
    for row, expected in zip(tracks, drawn(), strict=True):
        np.testing.assert_array_equal(coco.decode(row).transpose(2, 0, 1), expected)
    for each, expected in zip(pickle.loads((tmp_path / "semseg.pkl").read_bytes()), drawn()[1:, 0], strict=True):
        text = zlib.decompress(each["zcounts"])
        np.testing.assert_array_equal(coco.decode({"size": each["size"], "counts": text}), expected)


def test_pycocotools_opens_what_is_written(tmp_path, capsys):
    coco = pytest.importorskip("pycocotools.coco")
    write_masks(sample(), tmp_path / "masks.json")
    opened = coco.COCO(str(tmp_path / "masks.json"))
    for annotation in opened.loadAnns(opened.getAnnIds()):
        expected = drawn()[annotation["image_id"] - 1, annotation["track_id"] - 1]
        np.testing.assert_array_equal(opened.annToMask(annotation), expected)
        assert annotation["area"] == expected.sum()


def text(mask: np.ndarray) -> dict:
    return {"size": list(mask.shape), "counts": encode(mask).decode()}


def by_frames(masks: np.ndarray) -> object:
    return [[text(mask) for mask in frame] for frame in masks]


def by_lengths(masks: np.ndarray) -> object:
    return [[{"size": list(mask.shape), "counts": runs_of(mask).tolist()} for mask in frame] for frame in masks]


def by_videos(masks: np.ndarray) -> object:
    people = [
        {"video_id": 1, "segmentations": [text(mask) if mask.any() else None for mask in person]}
        for person in masks.swapaxes(0, 1)
    ]
    return {"annotations": people, "videos": [{"id": 1}]}


def by_results(masks: np.ndarray) -> object:
    """Detections with other classes among them, the images numbered from 0."""
    found = [
        {"image_id": frame, "instance_id": person, "category_id": 1, "segmentation": text(masks[frame, person])}
        for frame, person in np.ndindex(masks.shape[:2])
    ]
    return [*found, {"image_id": 1, "category_id": 17, "segmentation": text(masks[0, 0])}]


@pytest.mark.parametrize("layout", [by_frames, by_lengths, by_videos, by_results])
def test_json_of_other_programs(tmp_path, layout):
    path = tmp_path / "masks.json"
    path.write_text(json.dumps(layout(drawn())))
    found = read_masks(path)
    np.testing.assert_array_equal([found.frame(i) for i in range(len(found))], drawn())


def indexed_png(labels: np.ndarray, colours: np.ndarray) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", labels.shape[1], labels.shape[0], 8, 3, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in labels.astype(np.uint8))
    parts = (
        chunk(b"IHDR", head),
        chunk(b"PLTE", colours.astype(np.uint8).tobytes()),
        chunk(b"IDAT", zlib.compress(rows)),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


@pytest.mark.parametrize("palette", [False, True])
def test_pictures_of_labels(tmp_path, palette):
    """As DAVIS has them: the value, or the index of the palette, is the person; the number order, not the name's."""
    labels = np.zeros((11, HEIGHT, WIDTH), np.uint8)
    for frame in range(len(labels)):
        labels[frame, 2:9, frame : frame + 6], labels[frame, 12:20, 4:13] = 1, 3
    colours = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]])
    for frame, picture in enumerate(labels):
        data = indexed_png(picture, colours) if palette else cv2.imencode(".png", picture)[1].tobytes()
        (tmp_path / f"{frame}.png").write_bytes(data)
    found = read_masks(tmp_path)
    assert found.ids == (1, 3)
    for frame, picture in enumerate(labels):
        np.testing.assert_array_equal(found.frame(frame), [picture == 1, picture == 3])


def test_an_hour_fits():
    """108,000 frames of one person: the text of a mask, not its pixels, is what is kept."""
    one = encode(drawn()[1, 0])
    masks = Masks(HEIGHT, WIDTH, ((one,),) * 108_000, (1,))
    assert len(masks) == 108_000
    np.testing.assert_array_equal(masks.frame(107_999)[0], drawn()[1, 0])


def test_masks_are_scaled_to_the_video():
    """A rectangle at whole pixels keeps its corners at twice the size, and comes back the same."""
    masks = sample()
    large = masks.scaled(2 * HEIGHT, 2 * WIDTH)
    for index in range(len(masks)):
        np.testing.assert_array_equal(large.frame(index), np.kron(masks.frame(index), np.ones((1, 2, 2), bool)))
        np.testing.assert_array_equal(large.boxes(index), masks.boxes(index, (2 * HEIGHT, 2 * WIDTH)))
    assert_same(large.scaled(HEIGHT, WIDTH), masks)
    np.testing.assert_array_equal(masks.seen(), drawn().any(axis=(2, 3)))
    assert np.isnan(masks.boxes(0)[1]).all()


def test_masks_of_another_video_are_refused():
    masks = sample()
    masks.require_fit(5, 2 * HEIGHT, 2 * WIDTH)
    with pytest.raises(InputError, match=r"m\.pkl has masks of 5 frames and the video has 6"):
        masks.require_fit(6, HEIGHT, WIDTH, source="m.pkl")
    with pytest.raises(InputError, match="another shape than the video's 24x33"):
        masks.require_fit(5, WIDTH, HEIGHT)
    with pytest.raises(ShapeError, match="frame 0 has 1 masks, expected 2"):
        Masks(HEIGHT, WIDTH, ((b"0",),), (1, 2))


GOOD = text(drawn()[1, 0])


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({}, "must hold annotations"),
        ([], "must hold annotations"),
        ([[GOOD], 3], "frame 1 is not a list"),
        ([[{"counts": "0"}]], "it has no size"),
        ([[{"size": [HEIGHT, WIDTH]}]], "it has no counts"),
        ([[{"size": [HEIGHT, "x"], "counts": "0"}]], "expected height and width"),
        ([[{"size": [10**6, 10**6], "counts": "0"}]], "expected an image's size"),
        ([[{"size": [HEIGHT, WIDTH], "counts": "1"}]], "do not fill 33x24 pixels"),
        ([[{"size": [HEIGHT, WIDTH], "counts": [0.5]}]], "not whole numbers"),
        ([[{"size": [HEIGHT, WIDTH], "counts": [-1, 2]}]], "do not fill"),
        ([[GOOD], [{"size": [2, 2], "counts": [4]}]], "has 2x2 pixels, and the ones before 33x24"),
        ([[], []], "holds no masks"),
        ([{"image_id": "a", "segmentation": GOOD}], "has the image_id 'a'"),
        ([{"image_id": 10**9, "segmentation": GOOD}], "cannot be a frame's number"),
        ([{"image_id": 1, "track_id": 1, "segmentation": GOOD}] * 2, "two masks in image 1"),
        ({"annotations": [{"segmentations": [GOOD]}, {"segmentations": []}]}, "one item for each frame"),
    ],
)
def test_what_is_wrong_with_json_is_said(tmp_path, value, sentence):
    path = tmp_path / "masks.json"
    path.write_text(json.dumps(value))
    with pytest.raises(InputError, match=sentence):
        read_masks(path)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"a": 1}, "must hold a list"),
        ([[GOOD], None], "frame 1 is not a list"),
        ([{"size": [HEIGHT, WIDTH], "zcounts": b"no"}], "not compressed text"),
        ([{"size": [HEIGHT, WIDTH], "zcounts": zlib.compress(b"0" * 2**25)}], "incomplete or too long"),
    ],
)
def test_what_is_wrong_with_a_pickle_is_said(tmp_path, value, sentence):
    path = tmp_path / "masks.pkl"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match=sentence):
        read_masks(path)


class Command:
    def __reduce__(self) -> tuple:
        return os.system, ("false",)


def test_nothing_in_a_pickle_is_executed(tmp_path):
    path = tmp_path / "masks.pkl"
    path.write_bytes(pickle.dumps([[Command()]]))
    with pytest.raises(UnsafeFileError):
        read_masks(path)


def test_what_is_wrong_with_a_folder_is_said(tmp_path):
    with pytest.raises(InputError, match=r"holds no \.png images"):
        read_masks(tmp_path)
    (tmp_path / "0.png").write_bytes(cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes())
    with pytest.raises(InputError, match="all images are black"):
        read_masks(tmp_path)
    (tmp_path / "1.png").write_bytes(cv2.imencode(".png", np.ones((4, 5), np.uint8))[1].tobytes())
    with pytest.raises(InputError, match=r"1\.png has 5x4 pixels, and the others 4x4"):
        read_masks(tmp_path)
    (tmp_path / "1.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match="not a complete PNG"):
        read_masks(tmp_path)
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16)
    (tmp_path / "0.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    with pytest.raises(InputError, match="255 grey levels"):
        read_masks(tmp_path)


def test_people_need_pictures_of_every_frame(tmp_path):
    write_masks(sample(), tmp_path / "masks")
    (tmp_path / "masks" / "person_2" / "000001.png").unlink()
    with pytest.raises(InputError, match="'person_2' has 4 images and 'person_1' 5"):
        read_masks(tmp_path / "masks")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    write_masks(sample(), tmp_path / "masks")
    with pytest.raises(OutputError, match="exists already"):
        write_masks(sample(), tmp_path / "masks")
    assert [each.name for each in tmp_path.iterdir()] == ["masks"]


def test_other_endings_and_missing_files_are_refused(tmp_path):
    with pytest.raises(UsageError, match="has no suffix of a mask file"):
        write_masks(sample(), tmp_path / "masks.txt")
    with pytest.raises(InputError, match="does not exist"):
        read_masks(tmp_path / "none.pkl")
