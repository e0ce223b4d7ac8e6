"""Masks carried from some frames to all others: which frames, in which order, whose, with what memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError, UsageError
from kinema.models.maskrcnn.torch_run import Detections
from kinema.motion import Motion
from kinema.person import Person
from kinema.segmentation.initial import initial_frames
from kinema.segmentation.making import make_masks
from kinema.segmentation.options import MaskOptions, frame_numbers
from kinema.segmentation.propagation import FrameStore, PropagatedMasks, labelled, orders_of, small
from kinema.segmentation.registry import Setting
from kinema.video import open_video
from tests.helpers.fakes import write_images

HEIGHT, WIDTH, FRAMES = 60, 120, 12
COLOURS = np.array([[230, 20, 20], [20, 20, 230]])
"""Of person 1, who crosses the whole clip, and of person 2, who is there in its second half."""


def squares(frame: int) -> list[tuple[int, int, int]]:
    """Person, left and top of the squares in a frame; they are 20 pixels wide."""
    return [(0, 4 * frame, 4), *([(1, 90 - 2 * frame, 34)] if frame >= FRAMES // 2 else [])]


def truth(frame: int) -> np.ndarray:
    masks = np.zeros((2, HEIGHT, WIDTH), bool)
    for person, left, top in squares(frame):
        masks[person, top : top + 20, left : left + 20] = True
    return masks


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    images = []
    for frame in range(FRAMES):
        image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
        for mask, colour in zip(truth(frame), COLOURS, strict=True):
            image[mask] = colour
        images.append(image)
    return write_images(tmp_path_factory.mktemp("clip") / "squares.mp4", images)


def motion_of(people: tuple[int, ...] = (0, 1)) -> Motion:
    made = []
    for person in people:
        found = [(frame, x, y) for frame in range(FRAMES) for who, x, y in squares(frame) if who == person]
        boxes = np.array([[x, y, x + 20, y + 20] for _, x, y in found], float)
        made.append(Person(person + 3, np.array([frame for frame, _, _ in found]), boxes=boxes))
    return Motion(np.arange(FRAMES) / 30, WIDTH, HEIGHT, people=tuple(made))


def detector(image: np.ndarray) -> Detections:
    """In place of Mask R-CNN: squares by their colour."""
    masks = [(np.abs(image.astype(int) - colour).sum(axis=-1) < 150) for colour in COLOURS]
    masks = [mask for mask in masks if mask.sum() > 50]
    boxes = [[*np.argwhere(mask).min(axis=0)[::-1], *(np.argwhere(mask).max(axis=0)[::-1] + 1)] for mask in masks]
    count = len(masks)
    return Detections(
        np.reshape(np.array(boxes, np.float32), (count, 4)), np.ones(count, int), np.ones(count, np.float32),
        np.array(masks, np.float32),
    )  # fmt: skip


class ByColour:
    """In place of the network: remembers the mean colour of what it was shown, and finds that again."""

    def __init__(self, objects: int, height: int, width: int) -> None:
        self.colours: dict[int, np.ndarray] = {}
        self.size, self.objects = (height, width), objects
        self.steps: list[bool] = []
        self.forgot = 0
        self.memory = self

    def forget(self) -> None:
        self.forgot += 1

    def show(self, image, masks):
        assert image.shape[:2] == masks.shape[1:] == self.size
        assert len(masks) == self.objects
        for number, mask in enumerate(masks):
            if mask.any():
                self.colours[number] = image[mask].mean(axis=0)

    def step(self, image, *, temporary=False):
        self.steps.append(temporary)
        out = np.full((self.objects + 1, *self.size), 0.05, np.float32)
        out[0] = 0.5
        for number, colour in self.colours.items():
            out[number + 1] = np.where(np.abs(image - colour).sum(axis=-1) < 150, 0.9, 0.05)
        return out


def propagate(clip, options: MaskOptions, motion: Motion | None = None):
    runs, notes = [], []

    def start(*size):
        runs.append(ByColour(*size))
        return runs[-1]

    motion = motion_of() if motion is None else motion
    setting = Setting(options, motion, 1, {}, None, notes.append)
    source = PropagatedMasks(detector, start, setting)
    told = []
    with open_video(clip) as video:
        ids = tuple(person.id for person in motion)
        masks = make_masks(source, video, ids, progress=lambda done, total: told.append((done, total)))
    return masks, runs[0] if runs else None, notes, told


@pytest.mark.parametrize(
    "settings",
    [{}, {"passes": 2}, {"permute": True}, {"passes": 3, "permute": True}, {"init_frame": (8,)}, {"init_time": 0.3}],
)
def test_everybody_is_followed_in_file_order(clip, settings):
    """Whatever the order in which frames are seen: person 2, who is missing in the first half, has no pixel there."""
    options = MaskOptions(source="stcn", **settings)
    masks, run, notes, told = propagate(clip, options)
    assert masks.ids == (3, 4)
    assert len(masks) == FRAMES
    assert not notes
    for frame in range(FRAMES):
        found, expected = masks.frame(frame), truth(frame)
        shared = (found & expected).sum(axis=(1, 2)) / np.maximum((found | expected).sum(axis=(1, 2)), 1)
        # 60 pixels are worked with as 320, and lossy video blurs the edges of squares of 20 pixels.
        assert (shared[expected.any(axis=(1, 2))] > 0.75).all()
        assert not found[~expected.any(axis=(1, 2))].any()
    assert told[-1] == (FRAMES * options.passes, FRAMES * options.passes)
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    # The last of several passes remembers for a while only.
    assert sum(run.steps) == (FRAMES - 1 if options.passes > 1 else 0)


def test_whom_the_frame_does_not_show_is_named(clip):
    masks, run, notes, _ = propagate(clip, MaskOptions(source="stcn", init_frame=(2,)))
    assert run.objects == 1
    assert masks.seen()[:, 0].all()
    assert not masks.seen()[:, 1].any()
    assert notes == [
        "person 4 has no masks: Mask R-CNN does not find them in frame 2; choose other frames with `init_frame`"
    ]


def test_the_frame_half_way(clip):
    """That of the original's `run_all`: of twelve frames the one with number 6."""
    half, numbered = (propagate(clip, MaskOptions(source="stcn", init_frame=each))[0] for each in ("half", (6,)))
    assert half.rows == numbered.rows
    assert half.seen()[6].any()


def test_several_frames_together_show_everybody(clip):
    masks, run, notes, _ = propagate(clip, MaskOptions(source="stcn", init_frame=(2, 9)))
    assert run.objects == 2
    assert not notes
    assert masks.seen()[FRAMES // 2 :].all()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"init_frame": (12,)}, "`init_frame` 12 is not in the clip, whose frames are 0 to 11"),
        ({"init_time": 3.0}, "`seg_init_time` 3 s is after the clip's last frame at 0.37 s"),
    ],
)
def test_a_frame_outside_the_clip_is_refused(clip, settings, sentence):
    with pytest.raises(InputError, match=sentence):
        propagate(clip, MaskOptions(source="stcn", **settings))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"init_frame": (1,), "init_time": 2.0}, "say the same"),
        ({"init_frame": (-1,)}, "`init_frame` must be a frame's number"),
        ({"init_frame": "third"}, "`init_frame` must be a frame's number, from 0, or half"),
        ({"passes": 0}, "`passes` must be at least 1"),
        ({"memory": 0}, "`mask_memory` must be at least 1"),
        ({"source": "maskrcnn", "passes": 2}, "`passes` is of the masks of stcn"),
        ({"source": "blazepose", "permute": True}, "`permute_frames` is of the masks of stcn"),
    ],
)
def test_wrong_settings_are_refused(settings, sentence):
    with pytest.raises(UsageError, match=sentence):
        MaskOptions(**{"source": "stcn", **settings})


def test_frame_numbers_of_the_command_line():
    assert frame_numbers("40,200") == (40, 200)
    with pytest.raises(UsageError, match="is not a frame number"):
        frame_numbers("third")


@given(
    frames=st.integers(1, 40),
    passes=st.integers(1, 4),
    permute=st.booleans(),
    data=st.data(),
)
def test_every_pass_sees_every_frame_once_and_begins_with_the_initial_one(frames, passes, permute, data):
    initial = data.draw(st.lists(st.integers(0, frames - 1), min_size=1, max_size=3, unique=True))
    orders = orders_of(frames, initial, passes, permute=permute)
    assert len(orders) == passes
    for order in orders:
        assert order[0] == initial[0]
        assert sorted(order) == list(range(frames))
    if passes > 1 or not permute:
        steps = np.diff(orders[-1])
        # Neighbours follow each other, but for the turn at the end of the clip.
        assert (np.abs(steps) != 1).sum() <= 1


def test_the_first_frame_shows_the_most_people_apart_near_the_middle():
    assert initial_frames(motion_of()) == [FRAMES // 2]
    assert initial_frames(Motion(np.arange(7.0), 8, 8)) == [3]
    apart = Person(9, np.array([0, 1]), boxes=np.tile([80.0, 40, 110, 60], (2, 1)))
    motion = motion_of()
    assert initial_frames(motion.replace(people=(*motion.people, apart))) == [FRAMES // 2, 1]


def test_frames_are_kept_as_they_are_and_read_in_any_order(tmp_path):
    random = np.random.default_rng(1)
    images = random.integers(0, 255, (5, 6, 8, 3)).astype(np.uint8)
    with FrameStore(tmp_path) as store:
        for image in images:
            store.append(image)
        assert len(store) == 5
        for index in (4, 0, 2, 1, 3):
            np.testing.assert_array_equal(store[index], images[index])
    assert not list(tmp_path.iterdir())


def test_a_frame_is_worked_with_at_the_published_size():
    assert small(np.zeros((1080, 1920, 3), np.uint8)).shape == (320, 569, 3)
    assert small(np.zeros((1280, 720, 3), np.uint8)).shape == (568, 320, 3)


def test_a_pixel_belongs_to_the_likeliest():
    probabilities = np.zeros((3, 2, 2), np.float32)
    probabilities[0] = 0.4
    probabilities[1, 0, 0], probabilities[2, 1, 1] = 0.6, 0.5
    found = labelled(probabilities, (2, 2))
    np.testing.assert_array_equal(found[0], [[True, False], [False, False]])
    np.testing.assert_array_equal(found[1], [[False, False], [False, True]])
