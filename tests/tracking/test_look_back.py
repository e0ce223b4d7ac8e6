"""The first frames of a track, seen again from the frames that follow."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from kinema.keypoints.source import Observation
from kinema.tracking.backward import RecentFrames, look_back
from kinema.tracking.track import Track
from kinema.video import Frame
from tests.helpers.walkers import PARTS, clothed, observe_at

HEIGHT = 200.0
FEET, WRISTS = slice(27, 33), [15, 16]


def truth(frame: int) -> Observation:
    return observe_at((300.0 + 2.0 * frame, 240.0), height=HEIGHT)


def shifted(seen: Observation, which, up: float) -> Observation:
    points = seen.points.copy()
    points[which, 1] -= up
    return dataclasses.replace(seen, points=points)


def tracked(first: Observation, frames: int = 5) -> tuple[Track, RecentFrames]:
    """A track that saw `first` in frame 0 and the truth from then on, and the frames before its last one."""
    track = Track(0, 0, 0.0, first, clothed(3))
    recent = RecentFrames()
    for frame in range(frames):
        if frame:
            track.add(frame, frame / 30, truth(frame), crowded=False)
        if frame < frames - 1:
            recent.append(Frame(frame, frame / 30, np.zeros((4, 4, 3), np.uint8)))
    return track, recent


def looking(see):
    """The tracker's eyes: `see(frame)` is what they see."""
    return SimpleNamespace(
        parts=PARTS,
        view=lambda frame, roi: frame,
        observe=lambda frame: see(frame.index),
        gate=SimpleNamespace(expected=lambda seen, roi: seen.score > 0.5),
    )


def test_feet_that_the_first_frame_has_too_high_are_put_right():
    track, recent = tracked(shifted(truth(0), FEET, 24.0))
    look_back(track, recent, looking(truth), [])
    np.testing.assert_allclose(track.rows.array()["points"][0], truth(0).points, atol=1e-3)  # float32 of hundreds
    np.testing.assert_array_equal(track.rows.array()["frame"], np.arange(5))


def test_each_keypoint_is_taken_from_the_look_that_goes_with_the_next_frame():
    track, recent = tracked(shifted(truth(0), FEET, 24.0))
    look_back(track, recent, looking(lambda i: truth(i) if i else shifted(truth(0), WRISTS, 60.0)), [])
    np.testing.assert_allclose(track.rows.array()["points"][0], truth(0).points, atol=1e-3)


@pytest.mark.parametrize(
    "see",
    [
        lambda i: shifted(truth(i), FEET, -40.0 * (i == 3)),  # the last two frames do not agree
        lambda i: dataclasses.replace(truth(i), score=0.0 if i == 2 else 1.0),  # nobody is seen on the way
        lambda i: shifted(truth(i), FEET, -60.0 * (i == 0)),  # the second look is worse
    ],
    ids=["unsure all along", "lost on the way", "worse"],
)
def test_the_first_look_stays(see):
    track, recent = tracked(shifted(truth(0), FEET, 24.0))
    before = track.rows.array().copy()
    look_back(track, recent, looking(see), [])
    np.testing.assert_array_equal(track.rows.array(), before)


def test_frames_that_are_no_longer_kept_stay_as_they_are():
    track, _ = tracked(shifted(truth(0), FEET, 24.0))
    before = track.rows.array().copy()
    look_back(track, RecentFrames(), looking(truth), [])
    np.testing.assert_array_equal(track.rows.array(), before)


def test_slow_videos_keep_the_frames_of_a_search_and_of_a_new_track():
    recent = RecentFrames(5)
    for index in range(100):
        recent.append(Frame(index, index / 10, np.zeros((4, 4, 3), np.uint8)))
    assert [frame.index for frame in recent.between(-1, 100)] == list(range(74, 100))  # 2 s and 5 frames
