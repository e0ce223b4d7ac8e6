"""Which frame of a video a pose belongs to, by the names and numbers of its picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.errors import InputError
from kinema.keypoints.files.matching import VideoFrames, frames_of
from kinema.keypoints.files.poses import frames_of_names, poses_of


def poses(names: list[str]):
    points = np.ones((len(names), 17, 3)) * [10, 20, 1]
    return poses_of(frames_of_names(names)[0], list(points), "file.json", image_names=names)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(2, 400), start=st.integers(0, 1), padded=st.booleans(), data=st.data(),
)  # fmt: skip
def test_numbers_are_the_frames_whoever_counts(count, start, padded, data):
    """A video's frames counted from 0 or 1, some without anybody: the last one is there, which tells the count."""
    frames = sorted(
        data.draw(st.sets(st.integers(0, count - 2), max_size=20)) | {count - 1} | ({0} if padded else set())
    )
    names = [f"{f + start:06d}.png" if padded else f"{f + start}.jpg" for f in frames]
    found, notes = frames_of(poses(names), VideoFrames("clip.mp4", count), "file.json")
    assert sorted(found.tolist()) == frames
    assert bool(notes) == bool(start)


def test_pictures_from_the_middle_of_a_video_begin_at_their_first():
    names = [f"{f:06d}.jpg" for f in range(500, 510)]
    found, notes = frames_of(poses(names), VideoFrames("clip.mp4", 10), "file.json")
    assert found.tolist() == list(range(10))
    assert "number 500" in notes[0]


def test_a_length_that_is_not_certain_refuses_nothing():
    names = ["3.jpg", "12.jpg"]
    found, _ = frames_of(poses(names), VideoFrames("clip.mp4", 11, exact=False), "file.json")
    assert found[-1] - found[0] == 9
    with pytest.raises(InputError, match=r"poses up to frame 11, but clip\.mp4 has 11 frames"):
        frames_of(poses(["0.jpg", "11.jpg"]), VideoFrames("clip.mp4", 11), "file.json")


@pytest.mark.parametrize("ending", [".png", ".jpg", ""])
def test_images_of_a_folder_are_found_by_name(ending):
    folder = {f"shot_{n:03d}.jpg": i for i, n in enumerate((4, 9, 7))}
    found, _ = frames_of(poses([f"shot_{n:03d}{ending}" for n in (7, 4)]), VideoFrames("shots", 3, folder), "file.json")
    assert sorted(found.tolist()) == [0, 2]


def test_images_of_a_folder_are_found_by_number():
    folder = {f"coco_{n:012d}.jpg": i for i, n in enumerate((785, 900))}
    found, _ = frames_of(poses(["000000000900"]), VideoFrames("shots", 2, folder), "file.json")
    assert found.tolist() == [1]
    with pytest.raises(InputError, match=r"poses of the image '77\.jpg', which shots lacks"):
        frames_of(poses(["77.jpg"]), VideoFrames("shots", 2, folder), "file.json")
