"""Masks and chosen people in a run: which stages it has, whose masks it keeps, and the picture to choose from."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from kinema.__main__ import main
from kinema.errors import InputError, UsageError
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline.options import RunOptions
from kinema.pipeline.people_sheet import shown_rows, tile, write_sheet
from kinema.pipeline.segmenting import SegmentJob, segment_video
from kinema.pipeline.stages import Job, chain, run_chain
from kinema.pipeline.watching import RunWatcher
from kinema.segmentation.choice import SelectOptions, select_people
from kinema.segmentation.files import read_masks, write_masks
from kinema.segmentation.making import require_of_video
from kinema.segmentation.masks import Masks
from kinema.segmentation.options import MaskOptions
from kinema.segmentation.stage import RunMaskOptions, segment_people
from kinema.stage import Context
from kinema.video import open_video
from tests.helpers.fakes import FRAMES, FakeChain, write_clip

WIDTH, HEIGHT = 96, 64
BOXES = {1: (4, 8, 24, 56), 2: (50, 10, 74, 60)}


def motion_of() -> Motion:
    """Two people, the second of whom is there from the third frame on."""
    people = []
    for id, box in BOXES.items():
        frames = np.arange(2 * (id - 1), FRAMES)
        people.append(Person(id, frames, boxes=np.tile(np.array(box, float), (len(frames), 1))))
    return Motion(np.arange(FRAMES) / 30, WIDTH, HEIGHT, people=tuple(people))


def masks_of(ids: tuple[int, ...] = (7, 8), semantic: bool = False) -> Masks:
    """The whole boxes of person 2 and person 1, in this order."""
    frames = []
    for frame in range(FRAMES):
        each = np.zeros((2, HEIGHT, WIDTH), bool)
        for place, id in enumerate((2, 1)):
            x1, y1, x2, y2 = BOXES[id]
            each[place, y1:y2, x1:x2] = frame >= 2 * (id - 1)
        frames.append(each.any(axis=0)[None] if semantic else each)
    return Masks.of(frames, height=HEIGHT, width=WIDTH, ids=ids[:1] if semantic else ids, semantic=semantic)


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4")


@pytest.fixture
def mask_file(tmp_path):
    path = tmp_path / "given.json"
    write_masks(masks_of(), path)
    return path


def segmented(clip, motion: Motion, source: object, folder) -> Motion:
    with open_video(clip) as video:
        context = Context(video=video, folder=folder)
        return segment_people(motion, options=RunMaskOptions(source=str(source)), context=context)


def test_masks_of_a_file_go_to_those_whom_they_cover(clip, mask_file, tmp_path):
    motion = segmented(clip, motion_of(), mask_file, tmp_path / "arrays")
    kept = read_masks(motion.data["masks"])
    assert kept.ids == (1, 2)
    np.testing.assert_array_equal(kept.frame(5), masks_of().frame(5)[::-1])
    assert not kept.frame(1)[1].any()
    for person in motion:
        own = person.masks.open()
        assert own.shape == (len(person), HEIGHT, WIDTH)
        x1, y1, x2, y2 = BOXES[person.id]
        assert own[-1, y1:y2, x1:x2].all()
        assert own[-1].sum() == (x2 - x1) * (y2 - y1)
        assert person.select(np.arange(len(person)) > 4).masks.open().shape[0] == len(person) - 5


def test_a_mask_of_all_people_is_divided_by_their_boxes(clip, tmp_path, monkeypatch):
    from kinema.segmentation import sources
    from kinema.segmentation.registry import SOURCES, MaskSource

    every = masks_of(semantic=True)
    opened = sources.EachFrame(lambda frame: every.frame(frame.index))
    monkeypatch.setattr(sources, "open_everybody", lambda setting: opened, raising=False)
    row = SOURCES.register(
        MaskSource("everybody", "for this test", "kinema.segmentation.sources:open_everybody", semantic=True)
    )
    try:
        motion = segmented(clip, motion_of(), row.name, tmp_path / "arrays")
    finally:
        SOURCES.unregister(row.name)
    assert read_masks(motion.data["masks"]).ids == (1,)
    for person in motion:
        x1, y1, x2, y2 = BOXES[person.id]
        assert person.masks.open()[-1].sum() == (x2 - x1) * (y2 - y1)


def test_a_file_of_masks_of_all_people_is_divided_by_their_boxes(clip, tmp_path):
    """As the same masks of a source are: nobody gets the pixels of everybody."""
    write_masks(masks_of(semantic=True), tmp_path / "everybody.pkl")
    motion = segmented(clip, motion_of(), tmp_path / "everybody.pkl", tmp_path / "arrays")
    assert read_masks(motion.data["masks"]).ids == (1, 2)
    for person in motion:
        x1, y1, x2, y2 = BOXES[person.id]
        own = person.masks.open()
        assert own[-1, y1:y2, x1:x2].all()
        assert own[-1].sum() == (x2 - x1) * (y2 - y1)


def test_masks_of_another_video_are_refused(clip, tmp_path):
    path = tmp_path / "short.json"
    frames = [masks_of().frame(index) for index in range(4)]
    write_masks(Masks.of(frames, height=HEIGHT, width=WIDTH, ids=(1, 2)), path)
    with pytest.raises(InputError, match="masks of 4 frames and the video has 12"):
        segmented(clip, motion_of(), path, tmp_path / "arrays")
    assert not list((tmp_path / "arrays").iterdir())


def wrong(kind: str, folder: Path) -> Path:
    """A file or folder of masks that is broken in a way."""
    path = folder / kind
    contents = {
        "cut.pkl": pickle.dumps([[{"size": [HEIGHT, WIDTH], "counts": b"0"}]])[:-9],
        "nothing.pkl": b"",
        "cut.json": b'{"annotations": [{"image_id": 1',
        "nothing.json": b"",
        "other.npz": b"PK",
    }
    if kind in contents:
        path.write_bytes(contents[kind])
        return path
    path.mkdir()
    if kind == "cut_pictures":
        (path / "000000.png").write_bytes(cv2.imencode(".png", np.full((HEIGHT, WIDTH), 255, np.uint8))[1][:40])
    return path


@pytest.mark.parametrize("command", ["run", "segment"])
@pytest.mark.parametrize(
    ("kind", "code", "sentence"),
    [
        ("cut.pkl", 3, "cut.pkl is corrupt or not a pickle file"),
        ("nothing.pkl", 3, "nothing.pkl is empty"),
        ("cut.json", 3, "cut.json is not a complete JSON file"),
        ("nothing.json", 3, "nothing.json is empty"),
        ("other.npz", 2, "other.npz has no suffix of a mask file"),
        ("no_pictures", 3, "no_pictures holds no .png images"),
        ("cut_pictures", 3, "000000.png is not a complete PNG image"),
    ],
)
def test_a_broken_file_of_masks_is_one_sentence_before_anybody_is_tracked(
    clip, tmp_path, monkeypatch, capsys, command, kind, code, sentence
):
    def tracking(*_, **__):
        raise AssertionError("people were tracked first")

    monkeypatch.setattr("kinema.pipeline.segmenting.tracked", tracking)
    monkeypatch.setattr("kinema.tracking.tracker.track_people", tracking)
    monkeypatch.chdir(tmp_path)
    assert main([command, str(clip), "--quiet", "--masks", str(wrong(kind, tmp_path))]) == code
    told = capsys.readouterr().err
    assert sentence in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("command", ["run", "segment"])
@pytest.mark.parametrize(
    ("frames", "size", "sentence"),
    [
        (4, (HEIGHT, WIDTH), "has masks of 4 frames and the video has about 12"),
        (FRAMES, (WIDTH, HEIGHT), "which is another shape than the video's 96x64"),
    ],
    ids=["shorter", "turned"],
)
def test_masks_of_another_video_are_refused_before_anybody_is_tracked(
    clip, tmp_path, monkeypatch, capsys, command, frames, size, sentence
):
    def tracking(*_, **__):
        raise AssertionError("people were tracked first")

    masks = Masks.of([np.ones((1, *size), bool)] * frames, height=size[0], width=size[1], ids=(1,))
    write_masks(masks, tmp_path / "m.pkl")
    monkeypatch.setattr("kinema.pipeline.segmenting.tracked", tracking)
    monkeypatch.setattr("kinema.tracking.tracker.track_people", tracking)
    monkeypatch.chdir(tmp_path)
    assert main([command, str(clip), "--quiet", "--masks", str(tmp_path / "m.pkl")]) == 3
    told = capsys.readouterr().err
    assert sentence in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(("frames", "start"), [(11, None), (FRAMES, 0.0)])
def test_a_header_that_is_a_little_off_refuses_nothing(clip, tmp_path, frames, start):
    """Frames that an edit list leaves out are in its count; a part's is its length times a mean rate."""
    one = np.ones((1, HEIGHT, WIDTH), bool)
    write_masks(Masks.of([one] * frames, height=HEIGHT, width=WIDTH, ids=(1,)), tmp_path / "m.pkl")
    with open_video(clip, start=start) as video:
        require_of_video(MaskOptions(source=str(tmp_path / "m.pkl")), video)


@pytest.mark.parametrize("layout", ["given.pkl", "given.json", "given"])
@pytest.mark.parametrize(
    ("every", "size", "sentence"),
    [
        (slice(0, 4), (HEIGHT, WIDTH), "has masks of 4 frames and the video has 12"),
        (slice(0, None, 2), (HEIGHT, WIDTH), "has masks of 6 frames and the video has 12"),
        (slice(None), (WIDTH, HEIGHT), "which is another shape than the video's 96x64"),
    ],
    ids=["shorter", "half the frame rate", "turned"],
)
def test_masks_of_other_frames_or_pictures_are_refused_in_every_layout(clip, tmp_path, layout, every, size, sentence):
    frames = [masks_of().frame(index)[:, : min(size), : min(size)] for index in range(FRAMES)][every]
    padded = [np.pad(each, ((0, 0), (0, size[0] - each.shape[1]), (0, size[1] - each.shape[2]))) for each in frames]
    write_masks(Masks.of(padded, height=size[0], width=size[1], ids=(1, 2)), tmp_path / layout)
    with pytest.raises(InputError, match=sentence):
        segmented(clip, motion_of(), tmp_path / layout, tmp_path / "arrays")


@pytest.mark.parametrize("layout", ["given.pkl", "given.json", "given"])
def test_masks_of_half_the_size_serve_as_well(clip, tmp_path, layout):
    write_masks(masks_of().scaled(HEIGHT // 2, WIDTH // 2), tmp_path / layout)
    for person in segmented(clip, motion_of(), tmp_path / layout, tmp_path / "arrays"):
        x1, y1, x2, y2 = BOXES[person.id]
        assert person.masks.open()[-1].sum() == (x2 - x1) * (y2 - y1)


def test_annotations_in_any_order_are_the_same_masks(clip, tmp_path):
    write_masks(masks_of(), tmp_path / "given.json")
    value = json.loads((tmp_path / "given.json").read_text(encoding="utf-8"))
    for key in ("images", "annotations"):
        value[key].reverse()
    (tmp_path / "given.json").write_text(json.dumps(value), encoding="utf-8")
    assert read_masks(tmp_path / "given.json").rows == masks_of().rows


def test_settings_choose_the_stages(mask_file):
    names = [step.stage.name for step in chain(RunOptions.of(masks=str(mask_file), select="1,2"))]
    assert names[:6] == ["track", "segment", "apart", "camera", "select", "fit"]
    assert [step.stage.name for step in chain(RunOptions.of(masks="none"))][:3] == ["track", "camera", "fit"]
    one, other = (chain(RunOptions.of(select=who)) for who in ("1", "2"))
    assert one[0].options == other[0].options
    with pytest.raises(UsageError, match="unknown source of masks"):
        RunOptions.of(masks="blazpose")
    with pytest.raises(InputError, match=r"there is no file of masks gone\.pkl"):
        RunOptions.of(masks="gone.pkl")


def test_numbers_are_checked_before_anything_else_is_done(clip):
    fake = FakeChain(people=2)
    steps = fake.steps()
    then = next(step.then for step in chain(RunOptions.of(select="3")) if step.stage.name == "track")
    steps = (type(steps[0])(steps[0].stage, steps[0].options, then), *steps[1:])
    with open_video(clip) as video, pytest.raises(UsageError, match="there is no person 3; the clip has 1, 2"):
        run_chain(Job(video, None), steps, RunWatcher())
    assert fake.calls == ["track"]


def test_the_stage_keeps_whom_was_chosen_by_the_masks(clip, mask_file, tmp_path):
    motion = segmented(clip, motion_of(), mask_file, tmp_path / "arrays")
    for point, who in (("60,30@0.3", 2), ("10,30@0.3", 1)):
        assert [person.id for person in select_people(motion, options=SelectOptions(people=(point,)))] == [who]
    with pytest.raises(UsageError, match="nobody is at that point"):
        select_people(motion, options=SelectOptions(people=("40,30@0.3",)))


def test_a_mask_of_everybody_cannot_be_of_somebody():
    with pytest.raises(UsageError, match="all people together; leave out `select`"):
        SegmentJob(masks=MaskOptions(source="deeplabv3"), select=SelectOptions(people=("1",)))


def test_chosen_masks_alone_are_given(clip, mask_file, monkeypatch, tmp_path):
    monkeypatch.setattr("kinema.pipeline.segmenting.tracked", lambda reader, options, watcher: motion_of())
    job = SegmentJob(masks=MaskOptions(source=str(mask_file)), select=SelectOptions(people=("60,30@0.3",)))
    masks = segment_video(clip, job, sheet=tmp_path / "sheet.jpg")
    assert masks.ids == (2,)
    assert cv2.imread(str(tmp_path / "sheet.jpg")) is not None


def test_the_picture_has_a_row_for_each_person(clip, tmp_path):
    with open_video(clip) as video:
        write_sheet(motion_of(), video, tmp_path / "people.jpg")
    picture = cv2.imread(str(tmp_path / "people.jpg"))
    assert picture.shape == (2 * 272, 4 * 180, 3)
    below = picture.reshape(2, 272, 4, 180, 3)[:, 40:]
    assert (below.std(axis=(1, 3)) > 20).all()


def test_a_person_is_shown_where_nobody_is_in_front_of_them():
    motion = motion_of()
    walking = np.tile(np.array(BOXES[1], float), (FRAMES, 1)) + np.arange(FRAMES)[:, None] * [4.0, 0, 4, 0]
    first = motion.people[0].replace(boxes=walking, confidence=np.ones(FRAMES))
    rows = shown_rows(first, motion.replace(people=(first, motion.people[1])))
    assert len(rows) == 4
    assert rows[-1] == 9  # the earliest of the last quarter overlaps least
    unseen = first.replace(observed=np.arange(FRAMES) != 9)
    assert shown_rows(unseen, motion.replace(people=(unseen, motion.people[1])))[-1] == 10


def test_a_tile_shows_the_box_whole():
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[10:60, 50:74] = 200
    shown = tile(image, np.array([50.0, 10, 74, 60]))
    assert shown.shape == (240, 180, 3)
    assert (shown[120, 90] == 200).all()
    assert not shown[:5].any()


def test_the_command_writes_the_picture_and_stops(clip, tmp_path, monkeypatch, capsys):
    """It has a row for everybody who is tracked; where that is nobody, one sentence and the code of bad input."""
    monkeypatch.chdir(tmp_path)
    fake = FakeChain(people=3)
    monkeypatch.setattr("kinema.pipeline.choosing.chain", fake.steps)
    assert main(["run", str(clip), "--select", "sheet", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["people"] == [1, 2, 3]
    assert cv2.imread(told["sheet"]) is not None
    assert fake.calls == ["track"]
    fake.people = 0
    fake.calls.clear()
    assert main(["run", str(clip), "--select", "sheet", "--out", "other", "--quiet"]) == 3
    assert "nobody was found in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--select", "bob"], 2, "--select 'bob' cannot be read"),
        (["--select", "sheet", "--select", "1"], 2, "--select sheet shows everybody"),
        (["--passes", "2"], 2, "--passes is of the masks of stcn"),
        (["--masks", "gone.pkl"], 3, "there is no file of masks gone.pkl"),
    ],
)
def test_wrong_use_is_one_sentence(clip, tmp_path, monkeypatch, capsys, arguments, code, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(clip), "--quiet", *arguments]) == code
    assert sentence in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]
