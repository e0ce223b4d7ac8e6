"""NLF's boxes from masks: their extent in the video's pixels, the track's box where a mask is empty, bad masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.estimation.nlf_boxes import boxes_of, mask_boxes
from kinema.estimation.nlf_choosing import surest_people
from kinema.estimation.nlf_people import locate_people
from kinema.estimation.nlf_points import CanonicalPoints
from kinema.models.nlf.options import NlfOptions
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline import RunOptions
from kinema.pipeline.stages import chain
from kinema.stage import Context
from kinema.storage.stored import StoredArray
from tests.helpers.black_frames import BlackFrames

SIZE = (640, 480)
TRACK = np.array([100.0, 50.0, 300.0, 400.0])


def masked(path, masks: np.ndarray, rows: np.ndarray | None = None, frames: int | None = None) -> Motion:
    """A motion of one person with these masks (F,H,W) in a file."""
    np.save(path, masks)
    count = (len(masks) if rows is None else len(rows)) if frames is None else frames
    person = Person(
        id=4, frames=np.arange(count), boxes=np.tile(TRACK, (count, 1)), masks=StoredArray(path, rows)
    )  # fmt: skip
    return Motion(np.arange(count) / 10, *SIZE, people=(person,))


@given(
    x=st.integers(0, 159), y=st.integers(0, 119), w=st.integers(1, 160), h=st.integers(1, 120), factor=st.integers(1, 2)
)
def test_a_box_is_the_extent_of_the_mask(tmp_path_factory, x, y, w, h, factor):
    """Of masks at a quarter or half of the video's size; two corners are enough."""
    masks = np.zeros((1, 120 * factor, 160 * factor), bool)
    right, bottom = min(x + w, 160 * factor), min(y + h, 120 * factor)
    masks[0, y, x] = masks[0, bottom - 1, right - 1] = True
    motion = masked(tmp_path_factory.mktemp("masks") / "masks.npy", masks)
    expected = np.array([x, y, right, bottom]) * 4 / factor
    np.testing.assert_array_equal(mask_boxes(motion.people[0], motion), [expected])


def test_the_network_is_given_the_boxes_of_masks(tmp_path):
    """In the frames whose mask is empty the track's; the tracked boxes stay in the result."""
    masks = np.zeros((4, 240, 320), np.uint8)
    masks[0, 10:50, 20:60] = masks[3, 100:101, 200:202] = 1
    motion = masked(tmp_path / "masks.npy", masks)
    seen = []

    class Watching:
        def cropped(self, image, boxes, lens, settings):
            seen.extend(boxes.tolist())
            return [None] * len(boxes)

        def located(self, people):
            return np.zeros((len(people), 25, 3)), np.zeros((len(people), 25))

    body, points = load_body(), CanonicalPoints(np.zeros((1, 3)), np.zeros((24, 3)))
    context = Context(body=body, video=BlackFrames(4, SIZE), folder=tmp_path)
    found = locate_people(motion, context, body, points, Watching(), NlfOptions(boxes="masks"))
    track = [100, 50, 200, 350]
    assert seen == [[40, 20, 80, 80], track, track, [400, 200, 4, 2]]
    assert [note for note in context.notes if "masks are empty in 2 frames" in note]
    np.testing.assert_array_equal(found.people[0].boxes, motion.people[0].boxes)
    seen.clear()
    locate_people(motion, context, body, points, Watching(), NlfOptions())
    assert seen == [track] * 4


def test_the_gamma_is_decoded_as_often_as_is_asked_for(tmp_path):
    seen = []

    class Watching:
        def cropped(self, image, boxes, lens, settings):
            seen.append(settings.decodings)
            return [None] * len(boxes)

        def located(self, people):
            return np.zeros((len(people), 25, 3)), np.zeros((len(people), 25))

    body, points = load_body(), CanonicalPoints(np.zeros((1, 3)), np.zeros((24, 3)))
    motion = masked(tmp_path / "masks.npy", np.ones((1, 240, 320), np.uint8))
    for options in (NlfOptions(), NlfOptions(double_gamma=True)):
        locate_people(motion, Context(body=body, video=BlackFrames(1, SIZE)), body, points, Watching(), options)
    assert seen == [1, 2]


def test_chosen_frames_have_their_own_masks(tmp_path):
    masks = np.zeros((6, 48, 64), bool)
    for index in range(6):
        masks[index, 0, index] = True
    motion = masked(tmp_path / "masks.npy", masks, np.array([1, 5]))
    np.testing.assert_array_equal(mask_boxes(motion.people[0], motion)[:, 0], [10, 50])


@pytest.mark.parametrize(
    ("shape", "frames", "rows", "message"),
    [
        ((3, 64, 48), None, None, r"has masks of 48x64 pixels, which is another shape than the video's 640x480"),
        ((3, 48, 64), 5, None, r"has 3 masks and person 4 has 5 frames; make the masks"),
        ((3, 48, 64), None, [1, 3], r"has 3 masks and person 4 has 2 frames; make the masks"),
        ((3, 48), None, None, r"holds no masks: its shape is \(3, 48\), not \(frames, height, width\)"),
        ((3, 0, 64), None, None, r"holds no masks"),
    ],
)
def test_masks_that_do_not_fit(tmp_path, shape, frames, rows, message):
    rows = None if rows is None else np.array(rows)
    motion = masked(tmp_path / "masks.npy", np.zeros(shape, bool), rows, frames)
    with pytest.raises(InputError, match=message):
        boxes_of(motion, "masks", [])


def test_without_masks(tmp_path):
    person = Person(id=1, frames=np.arange(2), boxes=np.tile(TRACK, (2, 1)))
    motion = Motion(np.arange(2) / 10, *SIZE, people=(person,))
    with pytest.raises(UsageError, match="boxes from masks need masks of the people; choose `masks`"):
        boxes_of(motion, "masks", [])
    np.testing.assert_array_equal(boxes_of(motion, "tracks", [])[1], person.boxes)
    with pytest.raises(UsageError, match="boxes from masks need masks of the people"):
        chain(RunOptions.of(estimator="nlf", boxes="masks"))
    with pytest.raises(UsageError, match="`boxes` must be tracks or masks"):
        RunOptions.of(boxes="faces")


def test_the_surest_people_of_every_frame_are_kept():
    """Of three, two a frame; who is nowhere among them is left out; of equals the lower id stays."""
    scores = {1: [0.9, 0.5, 0.7, 0.7], 2: [0.8, 0.6, 0.7, 0.7], 5: [0.1, 0.4, 0.7, 0.6]}
    people = tuple(
        Person(id, np.arange(4), boxes=np.tile(TRACK, (4, 1)), confidence=np.array(each)) for id, each in scores.items()
    )
    motion = Motion(np.arange(4) / 10, *SIZE, people=people)
    kept, dropped = surest_people(motion, 2)
    assert {person.id: person.frames.tolist() for person in kept} == {1: [0, 1, 2, 3], 2: [0, 1, 2, 3]}
    assert dropped == 4
    kept, dropped = surest_people(motion, 1)
    assert {person.id: person.frames.tolist() for person in kept} == {1: [0, 2, 3], 2: [1]}
    assert surest_people(motion, 3)[1] == 0


def test_a_limit_of_people_is_one_setting_of_the_run(tmp_path):
    """Only the surest person of a frame is given to the network, and a note says how many frames that cost."""
    people = tuple(
        Person(id, np.arange(3), boxes=np.tile(TRACK, (3, 1)), confidence=np.full(3, 1 - id / 10)) for id in (1, 2)
    )
    motion = Motion(np.arange(3) / 10, *SIZE, people=people)
    given_boxes = []

    class Watching:
        def cropped(self, image, boxes, lens, settings):
            given_boxes.append(len(boxes))
            return [None] * len(boxes)

        def located(self, people):
            return np.ones((len(people), body.num_vertices + 24, 3)), np.ones((len(people), body.num_vertices + 24))

    body = load_body()
    options = RunOptions.of(max_detections=1).nlf
    context = Context(body=body, video=BlackFrames(3, SIZE), folder=tmp_path)
    points = CanonicalPoints(body.v_template, body.J_template)
    found = locate_people(motion, context, body, points, Watching(), options)
    assert given_boxes == [1, 1, 1]
    assert [person.id for person in found] == [1]
    assert "at most 1 person of a frame were kept" in context.notes[0]
    assert RunOptions.of(max_detections=-1).nlf.max_detections is None
    with pytest.raises(UsageError, match="`max_detections` must be at least 1, or -1"):
        RunOptions.of(max_detections=0)
