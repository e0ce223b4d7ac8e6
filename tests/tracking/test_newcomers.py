"""People of whom the tracker has one look: several at once who overlap, and those of a clip's last frame."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from kinema.geometry.circles import Circles, no_circles
from kinema.keypoints.blazepose import THRESHOLDS, TILE_RANGE
from kinema.skeleton import BLAZEPOSE33
from kinema.tracking import TrackingOptions, track_people
from kinema.tracking.confirmation import confirm
from kinema.tracking.gate import Gate
from kinema.tracking.track import Track
from kinema.video import Frame, open_video
from tests.helpers.walkers import clothed, observe_at

WIDTH, HEIGHT = 640, 480
HIPS = BLAZEPOSE33.indices(("left_hip", "right_hip"))


class Detector:
    """Finds the person at `place`, of that radius, in tiles of at least `smallest` pixels. Knows a mirrored frame."""

    tile_range = TILE_RANGE

    def __init__(self, place: tuple[float, float] | None, radius: float, smallest: float = 0.0) -> None:
        self.place, self.radius, self.smallest = place, radius, smallest
        self.calls = 0

    def detect(self, frame: Frame, tile: np.ndarray, *, threshold: float) -> Circles:
        self.calls += 1
        if self.place is None or tile[2] < self.smallest:
            return no_circles()
        x, y = self.place
        if frame.image[0, 0, 0]:  # the mark has come to the left
            x = WIDTH - 1 - x
        if not (tile[0] <= x <= tile[0] + tile[2] and tile[1] <= y <= tile[1] + tile[2]):
            return no_circles()
        return Circles(np.array([[x, y]]), np.array([[x, y - self.radius]]), np.array([0.9]))


def last_frame() -> Frame:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[0, -1] = 255
    return Frame(0, 0.0, image)


def confirmed(track: Track, detector: Detector) -> tuple[int, int]:
    """Hits and searches of the track after the last frame."""
    gate = Gate((WIDTH, HEIGHT), 0.5, THRESHOLDS)
    confirm([track], last_frame(), SimpleNamespace(detector=detector, options=TrackingOptions(), gate=gate))
    return track.hits, track.searches


def newcomer(centre: tuple[float, float]) -> tuple[Track, float]:
    """A track of one frame, and its circle's radius."""
    track = Track(0, 0, 0.0, observe_at(centre, height=200.0), clothed(3))
    return track, track.side / 2.5


def test_whoever_the_detector_sees_in_every_tile_is_found_in_all_looks_also_in_the_mirrored_frame():
    track, radius = newcomer((150.0, 240.0))
    assert confirmed(track, Detector((150.0, 240.0), radius)) == (9, 9)


def test_whoever_it_sees_in_large_tiles_only_is_missed_only_where_it_should_have_seen_them():
    track, radius = newcomer((150.0, 240.0))
    hits, searches = confirmed(track, Detector((150.0, 240.0), radius, smallest=1.2 * track.side))
    assert hits == 5
    assert searches == 7  # not in the smallest tiles, which the person more than fills


def test_nobody_is_no_person():
    track, radius = newcomer((150.0, 240.0))
    assert confirmed(track, Detector(None, radius)) == (1, 7)


def test_whose_hips_are_outside_the_picture_is_not_held_to_be_missed():
    track, radius = newcomer((150.0, HEIGHT + 30.0))
    assert confirmed(track, Detector(None, radius)) == (1, 1)


def test_who_was_looked_for_often_enough_or_is_gone_is_left_alone():
    detector = Detector((150.0, 240.0), 100.0)
    known, _ = newcomer((150.0, 240.0))
    known.searches = 3
    assert confirmed(known, detector) == (1, 3)
    earlier, _ = newcomer((150.0, 240.0))
    frame = Frame(5, 0.2, last_frame().image)
    confirm([earlier], frame, SimpleNamespace(detector=detector))
    assert detector.calls == 0


@pytest.mark.real
def test_three_men_who_hide_parts_of_each_other_are_all_found_in_one_picture(data_dir, networks):
    """Without the masks of those found first, the man behind is not told from the one in front of him."""
    motion = track_people(open_video(data_dir / "images/three_people.jpg"))
    assert len(motion.people) == 3
    shoulders = BLAZEPOSE33.indices(("left_shoulder", "right_shoulder"))
    middles = np.array([person.keypoints[0, shoulders].mean(axis=0) for person in motion])
    # Read from the picture: collars of the man who waves, who sits, who stands on the right; shoulders are 200 wide.
    for collar in ((145, 235), (375, 640), (905, 300)):
        assert np.linalg.norm(middles - collar, axis=1).min() < 80


@pytest.mark.real
def test_the_skier_far_behind_is_found_in_one_picture(data_dir, networks):
    motion = track_people(open_video(data_dir / "images/coco_000000197388.jpg"))
    middles = np.array([person.keypoints[0, HIPS].mean(axis=0) for person in motion])
    assert len(motion.people) == 4  # the fifth is hidden but for the head and an arm
    assert np.linalg.norm(middles - (571, 143), axis=1).min() < 20
