"""Where people are for the camera: their masks, and their boxes where they have none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from kinema.camera.hiding import HiddenPeople
from kinema.camera.slam.images import WorkingImages
from kinema.geometry.camera import camera_from_fov
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.stored import StoredArray

SIZE = (50, 100)


def motion_of(tmp_path, masked: bool = True) -> Motion:
    """Person 1 has a mask in the first of two frames, person 2 has none."""
    masks = np.zeros((2, 25, 50), bool)
    masks[0, 5:20, 5:10] = True
    np.save(tmp_path / "masks.npy", masks)
    boxes = np.array([[20.0, 20, 60, 80], [24, 20, 64, 80]])
    stored = StoredArray(tmp_path / "masks.npy") if masked else None
    first = Person(1, np.array([0, 1]), boxes=boxes, masks=stored)
    second = Person(2, np.array([0]), boxes=np.array([[140.0, 30, 160, 70]]))
    return Motion(np.array([0.0, 0.1]), 200, 100, people=(first, second))


def test_a_mask_counts_where_there_is_one(tmp_path):
    hidden = HiddenPeople(motion_of(tmp_path))
    mask = hidden.people(0, SIZE)
    assert mask.shape == SIZE
    assert mask[10:40, 10:20].all()
    assert not mask[10:40, 22:30].any()  # inside the box, outside the mask
    assert mask[15:35, 70:80].all()  # the box of the one without
    empty = hidden.people(1, SIZE)
    assert empty[10:40, 12:32].all()
    assert hidden.people(7, SIZE).sum() == 0


def test_people_beyond_the_picture_hide_nothing(tmp_path):
    outside = Person(1, np.array([0]), boxes=np.array([[-90.0, -90, -50, -50]]))
    assert not HiddenPeople(Motion(np.array([0.0]), 200, 100, people=(outside,))).people(0, SIZE).any()


def test_without_masks_there_are_boxes_only(tmp_path):
    hidden = HiddenPeople(motion_of(tmp_path, masked=False))
    assert hidden.people(0, SIZE)[15:35, 10:30].all()
    np.testing.assert_array_equal(hidden.closed(0, SIZE), hidden.people(0, SIZE))
    assert hidden.closed(0, SIZE)[10:40, 10:30].all()
    assert hidden.closed(0, SIZE)[15:35, 70:80].all()
    assert not hidden.closed(0, SIZE)[:, 45:60].any()
    assert not hidden.closed(7, SIZE).any()


def test_masks_serve_where_boxes_leave_too_little(tmp_path):
    """The box of one who is near fills the picture, the mask does not."""
    motion = motion_of(tmp_path)
    near, other = motion.people
    assert HiddenPeople(motion).closed(0, SIZE)[10:40, 10:30].all()  # the box, although there is a mask
    near = near.replace(boxes=np.array([[0.0, 0, 200, 100], [20, 20, 60, 80]]))
    hidden = HiddenPeople(motion.replace(people=(near, other)))
    crowded, plain = hidden.closed(0, SIZE), hidden.people(0, SIZE)
    assert 0 < crowded.mean() < 0.35
    assert crowded.sum() > plain.sum()  # a margin around the mask
    assert (crowded | ~plain).all()
    assert hidden.closed(1, SIZE)[10:40, 10:30].all()


def test_pictures_for_the_networks_are_straightened():
    """A box in a corner of what a wide lens shows lies further out in a picture without its distortion."""
    camera = camera_from_fov(640, 480, 90.0)
    person = Person(1, np.array([0]), boxes=np.array([[80.0, 60, 120, 100]]))
    motion = Motion(np.array([0.0]), 640, 480, people=(person,), camera=camera)
    bent = motion.replace(camera=camera.replace(distortion=np.array([-0.1, 0.0, 0.0, 0.0])))
    middles = []
    for each in (motion, bent):
        frames: Any = [SimpleNamespace(image=np.full((480, 640, 3), 90, np.uint8))]
        [(_, picture, people)] = WorkingImages(frames, each).read(range(1))
        assert picture.shape[:2] == people.shape
        middles.append(np.argwhere(people).mean(axis=0) * 640 / people.shape[1])
    assert (middles[1] < middles[0] - 5).all()
