"""Which frames are kept while a video is tracked, whose outlines are made in them, and what they are."""

from __future__ import annotations

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from kinema.estimation.outline import Outline
from kinema.keypoints.source import Observation
from kinema.motion import Motion
from kinema.person import OUTLINES, Person
from kinema.skeleton import BLAZEPOSE33
from kinema.tracking.options import TrackingOptions
from kinema.tracking.outlines import Album, polygons, with_outlines
from kinema.tracking.stage import track_video
from kinema.video import Frame, open_video

WIDTH, HEIGHT, FRAMES = 320, 240, 100


def album_of(frames: int, size: tuple[int, int] = (HEIGHT, WIDTH), boxes: int = 1) -> Album:
    album, image = Album(), np.zeros((*size, 3), np.uint8)
    for index in range(frames):
        album(Frame(index, index / 30, image), np.zeros((boxes, 4)))
    return album


def person(number: int, left: float, frames: int = FRAMES) -> Person:
    """Somebody whose keypoints fill a box of 60 x 160 pixels."""
    box = np.array([left, 40.0, left + 60.0, 200.0])
    spread = np.random.default_rng(number).uniform(0.15, 0.85, (33, 2))
    return Person(
        number,
        np.arange(frames),
        boxes=np.tile(box, (frames, 1)),
        observed=np.ones(frames, bool),
        keypoint_set="blazepose33",
        keypoints=np.tile(box[:2] + spread * (box[2:] - box[:2]), (frames, 1, 1)),
        keypoint_confidence=np.full((frames, 33), 0.9),
    )


def clip(*people: Person, frames: int = FRAMES) -> Motion:
    return Motion(np.arange(frames) / 30, WIDTH, HEIGHT, people=people)


class Masking:
    """Gives a mask of the whole region, or of nothing."""

    crop_size = 64
    gives_masks = True
    thresholds = SimpleNamespace(visible=0.3)

    def __init__(self, logit: float = 5.0) -> None:
        self.logit, self.seen = logit, 0

    def observe(self, view, *, mask=False):
        self.seen += 1
        logits = np.full((64, 64), -5.0, np.float32)
        logits[4:-4, 4:-4] = self.logit
        nothing = np.zeros(33)
        return Observation(np.zeros((33, 2)), nothing, nothing, 1.0, view.roi, view.roi, mask=logits)


@pytest.fixture
def source():
    return SimpleNamespace(estimator=Masking(), joint_set=BLAZEPOSE33)


@pytest.mark.parametrize("frames", [1, 50, 500, 3000])
def test_an_album_spreads_over_the_video_and_stays_small(frames):
    kept = [each.index for each in album_of(frames)._kept]
    assert kept[0] == 0
    assert len(kept) <= 16
    assert len(np.unique(np.diff(kept))) <= 1, "evenly spaced"
    assert len(kept) >= min(8, frames // 8), "however long the video is"


def test_frames_without_people_are_not_kept_and_large_ones_are_made_smaller():
    assert not album_of(50, boxes=0)._kept
    kept = album_of(1, size=(1080, 1920))._kept[0]
    assert kept.image.shape == (540, 960, 3)
    assert kept.scale == 0.5
    assert kept.small() is kept


def test_frames_a_little_too_large_are_made_smaller_when_they_are_used():
    kept = album_of(1, size=(720, 1280))._kept[0]
    assert kept.image.shape == (720, 1280, 3)
    assert kept.small().image.shape == (540, 960, 3)
    assert kept.small().scale == 0.75


def test_everybody_alone_gets_outlines_around_their_keypoints(source):
    found = with_outlines(clip(person(1, 20), person(2, 200)), album_of(FRAMES), source)
    for each in found:
        kept = each.data[OUTLINES]
        assert len(kept["frames"]) == len(kept["contours"]) == FRAMES // 24
        points = np.reshape(kept["contours"][0][0], (-1, 2))
        assert np.all(points.min(0) < each.keypoints[0].min(0))
        assert np.all(points.max(0) > each.keypoints[0].max(0))
    assert source.estimator.seen == 2 * (FRAMES // 24)


def test_people_who_are_hidden_by_half_get_outlines_that_say_where(source):
    found = with_outlines(clip(person(1, 20), person(2, 55)), album_of(FRAMES), source)
    for each, other in zip(found, reversed(found.people), strict=True):
        kept = each.data[OUTLINES]
        assert len(kept["frames"]) == len(kept["hidden"]) == FRAMES // 24
        assert kept["hidden"][0] == [other.boxes[0].tolist()]


def test_frames_in_which_somebody_is_alone_are_preferred(source):
    """The second one walks past the first in the second half of the clip."""
    walker = person(2, 200)
    boxes = walker.boxes.copy()
    boxes[FRAMES // 2 :] -= [145.0, 0.0, 145.0, 0.0]
    found = with_outlines(clip(person(1, 20), walker.replace(boxes=boxes)), album_of(FRAMES), source)
    assert max(found.people[0].data[OUTLINES]["frames"]) < FRAMES // 2


def test_people_who_overlap_more_get_none(source):
    motion = clip(person(1, 20), person(2, 40))
    assert with_outlines(motion, album_of(FRAMES), source) is motion
    assert not source.estimator.seen


def test_a_mask_without_the_keypoints_is_not_taken(source):
    source.estimator.logit = -3.0
    found = with_outlines(clip(person(1, 20)), album_of(FRAMES), source)
    assert OUTLINES not in found.people[0].data


def test_a_source_without_masks_changes_nothing(source):
    source.estimator.gives_masks = False
    motion = clip(person(1, 20))
    assert with_outlines(motion, album_of(FRAMES), source) is motion


def test_polygons_have_holes_and_no_specks():
    mask = np.zeros((100, 100), bool)
    mask[10:60, 10:60] = True
    mask[25:45, 25:45] = False
    mask[90, 90] = True
    found = polygons(mask)
    assert sorted(int(np.ptp(each[:, 0])) for each in found) == [21, 49]


@pytest.mark.real
@pytest.mark.usefixtures("networks")
def test_the_outline_in_a_photo_is_the_hand_drawn_one(data_dir):
    """A skier of COCO's. 0.92 of both masks together is in common; masks of another size or place have less."""
    photo = data_dir / "images/coco_000000000785.jpg"
    if not photo.is_file():
        pytest.skip(f"no {photo}; set KINEMA_DATA")
    with open_video(photo) as video:
        motion = track_video(None, options=TrackingOptions(outlines=True), video=video)
        plain = track_video(None, options=TrackingOptions(), video=video)
    assert OUTLINES not in plain.people[0].data
    (found,) = motion.people[0].data[OUTLINES]["contours"]
    drawn = json.loads((data_dir / "images/coco_keypoints_gt.json").read_text())
    number = next(each["id"] for each in drawn["images"] if each["file_name"] == photo.name)
    true = max((each for each in drawn["annotations"] if each["image_id"] == number), key=lambda each: each["area"])
    masks = [np.zeros((motion.height, motion.width), np.uint8) for _ in range(2)]
    for mask, parts in zip(masks, (found, true["segmentation"]), strict=True):
        cv2.fillPoly(mask, [np.rint(np.reshape(part, (-1, 2))).astype(np.int32) for part in parts], 1)
    assert (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum() > 0.85
    polygons_ = [np.reshape(part, (-1, 2)) for part in found]
    assert Outline.of(0, polygons_, (motion.width, motion.height)) is not None
