"""Tracking with a source of another joint set, without 3D, masks and networks."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from kinema.keypoints.calibration import SIMCC
from kinema.keypoints.source import Observation
from kinema.skeleton import COCO17, WHOLEBODY133
from kinema.tracking import TrackingOptions, checkpoint, track_people
from kinema.tracking.people import is_person
from kinema.tracking.track import Rows, row_dtype
from tests.helpers.coloured_people import SOURCE, TALL, ColouredPeople, layout


def to_the_right(index: int) -> tuple[float, float]:
    return 80 + 6.0 * index, 180


def to_the_left(index: int) -> tuple[float, float]:
    return 560 - 6.0 * index, 190


def away_for_a_second(index: int) -> tuple[float, float] | None:
    return None if 30 <= index < 60 else (320, 180)


CLIPS = {
    "crossing": ({"red": to_the_right, "blue": to_the_left}, 80),
    "gap": ({"red": lambda i: (120, 180), "green": away_for_a_second}, 90),
}


def clip(name: str) -> ColouredPeople:
    return ColouredPeople(*CLIPS[name])


def share_on(path, frames: np.ndarray, hips: np.ndarray) -> float:
    """In which part of the frames hips (n, 2) lie on the person who follows the path."""
    places = [path(int(frame)) for frame in frames]
    return float(np.mean([p is not None and abs(x - p[0]) < 30 for p, x in zip(places, hips[:, 0], strict=True)]))


@pytest.mark.parametrize("name", CLIPS)
def test_people_keep_their_ids(name):
    people, frames = CLIPS[name]
    motion = track_people(clip(name), source=SOURCE)
    assert len(motion.people) == 2
    matched = set()
    for person in motion:
        assert person.keypoint_set == "coco17"
        assert person.keypoints.shape == (len(person), 17, 2)
        assert person.keypoints3d is None
        assert person.keypoint3d_set is None
        hips = person.keypoints[:, COCO17.indices(("left_hip", "right_hip"))].mean(axis=1)
        frames_seen, hips = person.frames[person.observed], hips[person.observed]
        shares = {colour: share_on(path, frames_seen, hips) for colour, path in people.items()}
        colour = max(shares, key=shares.get)
        assert shares[colour] > 0.95
        matched.add(colour)
        present = sum(people[colour](i) is not None for i in range(frames))
        assert np.count_nonzero(person.observed) > 0.85 * present  # one of them is hidden in the crossing
    assert matched == set(people)


def test_who_is_away_for_too_long_is_somebody_new():
    assert len(track_people(clip("gap"), TrackingOptions(max_absence=0.5), source=SOURCE).people) == 3


def test_keypoints_lie_where_the_source_has_seen_them():
    motion = track_people(ColouredPeople({"blue": lambda i: (300, 180)}, 20), source=SOURCE)
    (person,) = motion.people
    expected = np.array([300, 180]) + (layout() - 0.5) * [50, TALL]
    assert np.abs(person.keypoints - expected).max() < 6.0
    assert np.all(person.boxes[:, 0] < expected[:, 0].min())


class Kept:
    arrays = None

    def load(self):
        return self.arrays

    def save(self, arrays):
        self.arrays = arrays


class Stopped(Exception):
    pass


def test_a_stopped_run_goes_on_with_the_same_numbers(monkeypatch):
    monkeypatch.setattr(checkpoint, "FIRST", 20)

    def stop(done, total):
        if done == 50:
            raise Stopped

    expected = track_people(clip("crossing"), source=SOURCE)
    kept = Kept()
    with pytest.raises(Stopped):
        track_people(clip("crossing"), source=SOURCE, progress=stop, checkpoint=kept)
    result = track_people(clip("crossing"), source=SOURCE, checkpoint=kept)
    assert len(result.people) == len(expected.people) == 2
    for one, two in zip(result, expected, strict=True):
        assert one.filled == two.filled
        for name in ("frames", *one.filled):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


def test_the_checkpoint_of_another_source_counts_as_none(monkeypatch):
    import dataclasses

    monkeypatch.setattr(checkpoint, "FIRST", 5)
    kept = Kept()
    still = ColouredPeople({"blue": lambda i: (300, 180)}, 12)
    track_people(still, TrackingOptions(threads=1), source=SOURCE, checkpoint=kept)
    assert checkpoint.Past.load(kept, "colours").boxes
    assert not checkpoint.Past.load(kept, "blazepose").boxes
    other = dataclasses.replace(SOURCE, name="other")
    assert len(track_people(still, source=other, checkpoint=kept).people) == 1


def test_hands_that_are_not_clear_make_nobody_less_of_a_person():
    """A set with the body first and then face and hands, whose confidences are low."""
    rows = Rows(row_dtype(len(WHOLEBODY133), 0))
    confidence = np.where(np.arange(len(WHOLEBODY133)) < 33, 0.7, 0.1)
    points, roi = np.full((len(WHOLEBODY133), 2), 50.0), np.array([50.0, 50, 80, 0])
    seen = Observation(points, confidence, np.ones(len(confidence)), 0.99, roi, roi)
    for frame in range(20):
        rows.append(frame, seen, crowded=False)
    track = SimpleNamespace(rows=rows, hits=1, searches=3)
    assert is_person(track, 20, (100, 100), TrackingOptions(), SIMCC.thresholds)
    assert not is_person(track, 20, (100, 100), TrackingOptions(), replace(SIMCC.thresholds, surely_person=0.8))
