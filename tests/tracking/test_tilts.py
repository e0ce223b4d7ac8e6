"""Newcomers whom the detector took for tilted, and those who are gone before it has found them often."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinema.keypoints.blazepose import THRESHOLDS
from kinema.keypoints.source import Observation, OpenedSource, View
from kinema.tracking import TrackingOptions, track_people
from kinema.tracking.gate import Gate, clearness
from kinema.tracking.tilts import upright
from kinema.video import Frame, open_video
from tests.helpers.coloured_people import SOURCE, ColouredPeople, Colours
from tests.helpers.walkers import observe_at

SIZE = (640, 480)
FRAME = Frame(0, 0.0, np.zeros((SIZE[1], SIZE[0], 3), np.uint8))


class Perception:
    """Sees a standing person, by `clear` of the region's angle and side as clearly as that."""

    size = SIZE
    thresholds = THRESHOLDS
    gate = Gate(SIZE, 0.5, THRESHOLDS)

    def __init__(self, clear) -> None:
        self.clear = clear
        self.looks = 0

    def view(self, frame: Frame, roi: np.ndarray) -> View:
        return View(frame, roi, np.zeros((8, 8, 3), np.uint8))

    def observe(self, view: View, *, mask: bool = False) -> Observation:
        self.looks += 1
        x, y, side, angle = view.roi
        seen = observe_at((x, y), height=side / 1.25, visibility=self.clear(angle, side))
        return dataclasses.replace(seen, roi=view.roi, next_roi=np.array([x, y, side, angle]))


def first_look(perception: Perception, angle: float, side: float = 250.0, x: float = 2.0):
    """The observation and view of somebody of whom the left edge cuts off a half, or who is at `x`."""
    view = perception.view(FRAME, np.array([x, 240.0, side, angle]))
    return perception.observe(view), view


@pytest.mark.parametrize(
    ("angle", "tilted", "standing", "expected"),
    [
        (1.4, 0.6, 0.9, 0.0),  # an upright person in a tilted region
        (-1.4, 0.6, 0.9, 0.0),
        (1.4, 0.9, 0.95, 1.4),  # somebody who lies there is surely seen
        (1.4, 0.5, 0.7, 1.4),  # not surely anybody either way
        (0.3, 0.5, 0.9, 0.3),  # hardly tilted
    ],
)
def test_a_newcomer_in_a_tilted_region_is_taken_for_upright_only_if_surely_so(angle, tilted, standing, expected):
    perception = Perception(lambda angle, side: tilted if abs(angle) > 0.1 else standing)
    before, view = first_look(perception, angle)
    seen, shown = upright(before, view, perception, [])
    assert seen.next_roi[3] == expected
    assert (shown is view) == (seen is before)
    np.testing.assert_array_equal(seen.roi, shown.roi)


def test_the_size_that_shows_the_person_best_is_taken():
    perception = Perception(lambda angle, side: 0.6 if angle else 0.5 + side / 1000)
    seen, _ = upright(*first_look(perception, 1.4, 300.0), perception, [])
    assert seen.next_roi[2] == 375


@pytest.mark.parametrize(("clear", "x"), [(0.9, 2.0), (0.6, 300.0)])
def test_who_is_clearly_seen_or_in_the_picture_as_a_whole_is_left_alone(clear, x):
    perception = Perception(lambda angle, side: clear if angle else 0.95)
    upright(*first_look(perception, 1.4, x=x), perception, [])
    assert perception.looks == 1


def test_keypoints_outside_the_picture_say_nothing_of_how_clear_a_person_is():
    points = np.array([[[10.0, 10.0], [700.0, 10.0], [20.0, 20.0]]])
    confidence = np.array([[0.9, 0.1, 0.7]])
    assert clearness(points, confidence, SIZE) == pytest.approx(0.8)
    assert clearness(points - 1000.0, confidence, SIZE) == 0.0


class Faint(Colours):
    """Keypoints are never clear, and the detector finds people in the first `finds` frames."""

    def __init__(self, finds: int) -> None:
        self.finds = finds

    def detect(self, frame, tile, *, threshold):
        found = super().detect(frame, tile, threshold=threshold)
        return found if frame.index < self.finds else found.select(np.zeros(len(found), dtype=bool))

    def observe(self, view, *, mask=False):
        seen = super().observe(view, mask=mask)
        return dataclasses.replace(seen, visibility=np.minimum(seen.visibility, 0.57))


@pytest.mark.parametrize(("finds", "people"), [(100, 1), (1, 0)])
def test_who_passes_before_the_detector_has_its_turn_again_is_confirmed_where_last_seen_and_a_thing_is_not(
    finds, people
):
    """They are there for a third of a second; after the first frame the whole picture is searched once a minute."""
    eyes = Faint(finds)
    clip = ColouredPeople({"red": lambda i: (320.0, 180.0) if i < 10 else None}, 30)
    options = TrackingOptions(threads=1, detection_interval=60.0, smallest_person=0.3)
    motion = track_people(clip, options, source=OpenedSource(SOURCE, eyes, eyes))
    assert len(motion.people) == people


@pytest.mark.real
@pytest.mark.slow
def test_a_man_cut_by_the_edge_stands_from_the_first_frame_on(data_dir, networks):
    """The detector takes him for lying, since it sees a half of him; the hips were read from the pictures."""
    with open_video(data_dir / "videos/tennis_single_moving_camera.mp4", start=None, end=1.3) as video:
        motion = track_people(video, TrackingOptions(threads=1))
    hips = [person.keypoints[:, 23:25].mean(axis=1) for person in motion if len(person) == motion.num_frames]
    for frame, place in ((0, (5, 297)), (37, (10, 297))):
        assert min(np.linalg.norm(way[frame] - place) for way in hips) < 0.1 * 270
