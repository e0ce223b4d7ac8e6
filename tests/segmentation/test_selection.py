"""Choosing people: by number, by point and time, and what is said where nobody can be meant."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.person import Person
from kinema.segmentation.choice import Choice, SelectOptions
from kinema.segmentation.masks import Masks
from kinema.segmentation.selection import check, select
from kinema.skeleton import joint_set

WIDTH, HEIGHT, FRAMES = 200, 100, 20


def standing(id: int, x: float, frames: np.ndarray) -> Person:
    """Somebody whose limbs lie on a vertical line at x, in a box 40 pixels wide."""
    joints = len(joint_set("coco17"))
    points = np.stack([np.full(joints, x), np.linspace(15, 85, joints)], axis=1)
    return Person(
        id, frames, boxes=np.tile([x - 20, 10.0, x + 20, 90.0], (len(frames), 1)), keypoint_set="coco17",
        keypoints=np.tile(points, (len(frames), 1, 1)), keypoint_confidence=np.ones((len(frames), joints)),
    )  # fmt: skip


@pytest.fixture
def motion() -> Motion:
    """Persons 4 and 7, whose boxes overlap, all the time, and person 9 from one second on, at ten frames a second
    from second 5 of the video."""
    every = np.arange(FRAMES)
    people = (standing(4, 60, every), standing(7, 80, every), standing(9, 160, every[10:]))
    return Motion(5 + every / 10, WIDTH, HEIGHT, people=people)


def ids(motion: Motion) -> list[int]:
    return [person.id for person in motion]


def chosen(motion: Motion, *texts: str, **more) -> list[int]:
    return ids(select(motion, [Choice.of(text) for text in texts], **more))


def test_nothing_chosen_is_everybody(motion):
    assert select(motion, ()) is motion


def test_numbers_keep_the_order_of_the_motion(motion):
    assert chosen(motion, "9,4") == [4, 9]
    assert chosen(motion, "7") == [7]
    assert chosen(motion, "9", "4,9") == [4, 9]


@pytest.mark.parametrize(
    ("point", "who"),
    [
        ("61,50@5", 4),
        ("79,50@0:05.5", 7),
        ("69,50@6.9", 4),  # in both boxes, nearer to the limbs of 4
        ("71,50@6.9", 7),
        ("160,40@6.0", 9),
        ("160,40@0:06.99", 9),
    ],
)
def test_a_point_is_the_nearest_of_those_whose_box_it_is_in(motion, point, who):
    assert chosen(motion, point) == [who]


def test_points_and_numbers_may_be_mixed(motion):
    assert chosen(motion, "7", "160,40@6.5") == [7, 9]


def test_masks_tell_better_than_boxes(motion):
    frame = np.zeros((3, HEIGHT, WIDTH), bool)
    frame[1, 10:90, 50:70] = True  # person 7 stands before person 4
    masks = Masks.of([frame] * FRAMES, height=HEIGHT, width=WIDTH, ids=(4, 7, 9))
    assert chosen(motion, "60,50@5.5") == [4]
    assert chosen(motion, "60,50@5.5", masks=masks) == [7]
    assert chosen(motion, "45,50@5.5", masks=masks) == [4]
    together = Masks.of([frame.any(axis=0)[None]] * FRAMES, height=HEIGHT, width=WIDTH, ids=(1,), semantic=True)
    assert chosen(motion, "60,50@5.5", masks=together) == [4]


def test_times_are_those_that_a_player_shows(motion):
    assert chosen(motion, "160,40@25", slow_motion=4.0) == [9]
    with pytest.raises(UsageError, match=r"has nothing at 5 s; its frames go from 20.00 to 27.60 s"):
        chosen(motion, "160,40@5", slow_motion=4.0)


def test_people_without_keypoints_are_found_by_their_boxes(motion):
    plain = motion.replace(
        people=tuple(person.replace(keypoints=None, keypoint_confidence=None, keypoint_set=None) for person in motion)
    )
    assert chosen(plain, "71,50@5.5") == [7]
    assert chosen(plain, "69,50@5.5") == [4]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("3", r"`select` 3: there is no person 3; the clip has 4, 7, 9 \(`select` sheet shows them\)"),
        ("4,8", "there is no person 8"),
        ("160,40@5.2", "nobody is at that point at that time; the nearest is person 7, around 80,50"),
        ("60,50@4", "the clip has nothing at 4 s; its frames go from 5.00 to 6.90 s"),
        ("60,50@8", "the clip has nothing at 8 s"),
        ("250,50@5.5", "the point is outside the image of 200x100 pixels"),
        ("-3,50@5.5", "the point is outside the image"),
    ],
)
def test_who_is_not_there_is_said(motion, text, sentence):
    with pytest.raises(UsageError, match=sentence):
        chosen(motion, text)
    if "nobody is" not in sentence:
        with pytest.raises(UsageError, match=sentence):
            check(motion, [Choice.of(text)], 1.0)


def test_a_frame_without_anybody(motion):
    nobody = motion.select(9)
    with pytest.raises(UsageError, match="nor anywhere else in that frame"):
        chosen(nobody, "160,40@5.2")


@pytest.mark.parametrize("text", ["bob", "", "1,", "1;2", "640@3", "640,360@", "640,360@noon", "1.5", "640,3.6.0@2"])
def test_what_chooses_nobody_is_refused(text):
    with pytest.raises(UsageError, match="cannot be read; give ids"):
        Choice.of(text)


def test_settings():
    assert SelectOptions().choices == ()
    assert SelectOptions(people="1,3").choices == (Choice(numbers=(1, 3)),)
    assert SelectOptions(people=2).choices == (Choice(numbers=(2,)),)
    assert SelectOptions(people=("2", "3,4@0:01.5")).choices == (Choice(numbers=(2,)), Choice(point=(3.0, 4.0, 1.5)))
    assert SelectOptions(people=("sheet",)).sheet
    with pytest.raises(UsageError, match="shows everybody"):
        SelectOptions(people=("sheet", "1"))
    with pytest.raises(UsageError, match="cannot be read"):
        SelectOptions(people=("everybody",))
