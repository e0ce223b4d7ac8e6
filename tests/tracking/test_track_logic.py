"""Tracks: growing rows, motion, appearance, encounters, and who counts as a person."""

import dataclasses

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.keypoints import SOURCES
from kinema.keypoints.blazepose import THRESHOLDS, Detector, Estimator
from kinema.keypoints.source import OpenedSource
from kinema.tracking import TrackingOptions
from kinema.tracking.appearance import Appearance, appearance_of
from kinema.tracking.gate import Gate
from kinema.tracking.id_switches import READY, exchange_pasts, learn_appearance, note_encounters, resolve_encounters
from kinema.tracking.people import body_boxes, is_person, person_from, real_tracks
from kinema.tracking.track import Rows, Track, moved, row_dtype
from tests.helpers.walkers import PARTS, clothed, observe_at

SIZE = (640, 480)
CROP = 256
SOURCE = OpenedSource(SOURCES.find("blazepose"), Estimator(None), Detector(None))


def follow(number: int, path, appearance_at=lambda frame: clothed(3), frames=range(40), height=200.0) -> Track:
    """A track along `path(frame)`, seen at 30 frames a second."""
    frames = list(frames)
    track = Track(
        number, frames[0], frames[0] / 30, observe_at(path(frames[0]), height=height), appearance_at(frames[0])
    )
    for frame in frames[1:]:
        track.add(frame, frame / 30, observe_at(path(frame), height=height), crowded=False)
    return track


def test_rows_grow_insert_and_cut():
    rows = Rows(row_dtype(33, 33))
    for frame in range(3, 200):
        rows.append(frame, observe_at((frame, 0)), crowded=frame % 2 == 0)
    rows.insert(0, [(1, observe_at((1, 0))), (2, observe_at((2, 0)))])
    assert list(rows.array()["frame"]) == list(range(1, 200))
    np.testing.assert_allclose(rows.array()["roi"][:, 0], np.arange(1, 200))
    assert rows.pose(0) is None
    assert rows.pose(7).next_roi[0] == 7
    removed = rows.cut(100)
    assert list(removed["frame"]) == list(range(101, 200))
    rows.append(150, observe_at((150, 0)), crowded=False)
    assert rows.array()["frame"][-1] == 150
    assert rows.run() == 1
    rows.cut(100)
    rows.extend(removed)
    assert list(rows.array()["frame"]) == list(range(1, 200))
    assert rows.run() == 199


def test_a_moving_person_is_expected_ahead_and_a_lost_one_comes_to_rest():
    track = follow(0, lambda frame: (100 + 6.0 * frame, 200))  # 180 pixels a second
    assert track.velocity[0] == pytest.approx(180, rel=0.05)
    last = 39 / 30
    assert track.predict(last + 1 / 30)[0] == pytest.approx(track.centre[0] + 6, abs=0.5)
    far = track.predict(last + 10.0)[0] - track.centre[0]
    assert 50 < far < 80  # what is left of 180 pixels a second when it fades within 0.4 s


def test_a_steady_crop_does_not_inherit_jitter():
    roi = np.array([100.0, 100.0, 250.0, 0.2])
    np.testing.assert_array_equal(moved(roi, np.array([3.0, -2.0])), roi)
    np.testing.assert_array_equal(moved(roi, np.array([40.0, 0.0])), [140.0, 100.0, 250.0, 0.2])


def test_the_gate():
    gate = Gate(SIZE, 0.5, THRESHOLDS)
    seen = observe_at((300, 240), height=200)
    assert gate.person(seen)
    assert not gate.person(observe_at((300, 240), height=200, score=0.4))
    assert not gate.person(observe_at((-200, 240), height=200))
    assert not gate.person(observe_at((300, 240), height=200, visibility=0.1))
    assert gate.expected(seen, np.array([320.0, 240.0, 250.0, 0.0]))
    assert not gate.expected(seen, np.array([420.0, 240.0, 250.0, 0.0]))
    assert not gate.expected(seen, np.array([300.0, 240.0, 700.0, 0.0]))


def test_appearances_are_told_apart_and_learned():
    crop = np.zeros((CROP, CROP, 3), dtype=np.uint8)
    seen = observe_at((128, 128), height=CROP / 1.25)
    red, blue = crop.copy(), crop.copy()
    red[...], blue[...] = (200, 30, 30), (30, 30, 200)
    brighter = np.clip(red.astype(int) + 12, 0, 255).astype(np.uint8)
    first, second, third = (appearance_of(pixels, seen, PARTS) for pixels in (red, blue, brighter))
    assert first.distance(first) == pytest.approx(0.0, abs=1e-9)
    assert first.distance(second) > 0.9
    assert first.distance(third) < 0.2
    for _ in range(60):
        first.update(second)
    assert first.distance(second) < 0.05


def test_only_pixels_inside_the_mask_are_of_the_person():
    """Whose left half somebody in blue covers: with the mask of the right half they are as red as alone, without it
    half blue; of somebody whose mask shows no torso nothing is known."""
    seen = observe_at((128, 128), height=CROP / 1.25)
    pixels = np.full((CROP, CROP, 3), (200, 30, 30), dtype=np.uint8)
    alone = appearance_of(pixels, seen, PARTS)
    pixels[:, : CROP // 2] = (30, 30, 200)
    mask = np.full((64, 64), -5.0, np.float32)
    mask[:, 33:] = 5.0
    own = appearance_of(pixels, dataclasses.replace(seen, mask=mask), PARTS)
    assert appearance_of(pixels, seen, PARTS).distance(alone) > 0.2
    assert own.distance(alone) == pytest.approx(0.0, abs=1e-9)
    assert 0.3 * alone.weight[0] < own.weight[0] < 0.7 * alone.weight[0]
    # A mask made earlier lies in a region of its own: here twice as large, so that all of it is to the right.
    moved_mask = dataclasses.replace(seen, mask=mask, mask_roi=seen.roi * [1, 1, 2, 1] + [seen.roi[2], 0, 0, 0])
    assert appearance_of(pixels, moved_mask, PARTS).weight.tolist() == [0.0, 0.0]


def test_an_unseen_appearance_says_nothing():
    nothing = Appearance(np.zeros((2, 125)), np.zeros(2))
    assert nothing.distance(clothed(1)) == 0.5
    outside = appearance_of(np.zeros((CROP, CROP, 3), np.uint8), observe_at((5000, 5000)), PARTS)
    assert outside.distance(clothed(1)) in (0.5, 1.0)


def crossing(turned_back: bool, same_appearance: bool) -> tuple[Track, Track]:
    """Two people who meet in frames 20-40; the tracks turned from one to the other there if not `turned_back`."""

    def left(frame):
        return (100 + 5 * frame, 240)

    def right(frame):
        return (400 - 5 * frame, 240)

    paths = (left, right)
    wear = (3, 3) if same_appearance else (3, 9)
    tracks = [Track(i, 0, 0.0, observe_at(paths[i](0), height=200), clothed(wear[i])) for i in range(2)]
    for frame in range(1, 70):
        for i, track in enumerate(tracks):
            path = paths[i] if turned_back or frame < 30 else paths[1 - i]
            track.add(frame, frame / 30, observe_at(path(frame), height=200), crowded=20 <= frame < 40)
        for i, track in enumerate(tracks):
            if 20 <= frame < 40:
                note_encounters(track, [tracks[1 - i]], frame)
            else:
                now = wear[i] if turned_back or frame < 30 else wear[1 - i]
                learn_appearance(track, clothed(now))
        for track in tracks:
            resolve_encounters(track, tracks, frame / 30)
    return tracks[0], tracks[1]


@pytest.mark.parametrize("same_appearance", [False, True])
def test_people_mixed_up_in_a_crossing_get_their_own_past_back(same_appearance):
    for track in crossing(turned_back=False, same_appearance=same_appearance):
        steps = np.diff(track.rows.array()["roi"][:, 0])
        assert len(set(np.sign(steps[5:20])) | set(np.sign(steps[45:]))) == 1  # each goes on as before
        assert not track.rivals


def test_people_who_were_not_mixed_up_stay_who_they_are():
    tracks = crossing(turned_back=True, same_appearance=False)
    assert [track.number for track in tracks] == [0, 1]
    assert tracks[0].rows.array()["roi"][0, 0] == 100


def test_exchanging_twice_changes_nothing():
    a, b = follow(0, lambda f: (100 + f, 100)), follow(1, lambda f: (300 - f, 100), lambda f: clothed(9))
    before = [track.rows.array().copy() for track in (a, b)]
    exchange_pasts(a, b, 17)
    assert [a.number, b.number] == [1, 0]
    assert a.rows.array()["roi"][0, 0] == 300
    exchange_pasts(a, b, 17)
    for track, rows in zip((a, b), before, strict=True):
        np.testing.assert_array_equal(track.rows.array(), rows)


def test_fresh_appearances_are_compared_only_when_there_are_enough():
    a, b = follow(0, lambda f: (100, 100)), follow(1, lambda f: (300, 100))
    note_encounters(a, [b], 39)
    for _ in range(READY - 1):
        learn_appearance(a, clothed(9))
    resolve_encounters(a, [a, b], 2.0)
    assert a.rivals
    assert a.appearance.distance(clothed(3)) == 0.0


def test_the_longer_and_larger_track_comes_first_and_things_do_not_come_at_all():
    large = follow(0, lambda f: (300, 240), height=300)
    small = follow(1, lambda f: (100, 240), height=100)
    short = follow(2, lambda f: (500, 240), frames=range(5))
    chair = follow(3, lambda f: (550, 240), frames=range(30))
    chair.rows.array()["visibility"] = 0.7
    missed = follow(4, lambda f: (550, 240), frames=range(30))
    missed.searches = 12
    missed.rows.array()["visibility"] = 0.8
    options = TrackingOptions()
    assert real_tracks([small, chair, short, missed, large], 40, SIZE, options, THRESHOLDS) == [large, small]
    assert is_person(short, 8, SIZE, options, THRESHOLDS)  # in a clip of eight frames five are enough
    assert not is_person(short, 40, SIZE, options, THRESHOLDS)


def test_a_person_is_complete_and_confidence_falls_outside_the_image():
    track = follow(0, lambda f: (300, 400), height=200)  # the feet are below the image
    person = person_from(track, 7, np.arange(40) / 30, SIZE, TrackingOptions(), SOURCE)
    assert person.id == 7
    assert set(person.filled) >= {"boxes", "confidence", "observed", "keypoints", "keypoint_confidence", "keypoints3d"}
    toes = person.keypoint_confidence[:, 31:33]
    assert toes.max() < 0.1 < 0.9 < person.keypoint_confidence[:, 11:13].min()
    assert person.boxes[:, 3].max() <= SIZE[1] - 1


def test_boxes_hold_the_visible_body_and_the_head():
    points = observe_at((300, 240), height=200).points[None]
    box = body_boxes(points, np.full((1, 33), 0.9), SIZE, PARTS, 0.2)[0]
    assert box[1] < points[0, 7, 1] - 8  # above the ears
    assert np.all(points[0] > box[:2])
    assert np.all(points[0] < box[2:])
    hidden = np.full((1, 33), 0.9)
    hidden[0, 25:] = 0.0
    assert body_boxes(points, hidden, SIZE, PARTS, 0.2)[0, 3] < points[0, 27, 1]
    nothing = body_boxes(points, np.zeros((1, 33)), SIZE, PARTS, 0.2)[0]
    assert np.all(np.isfinite(nothing))
    away = body_boxes(points + 5000, np.full((1, 33), 0.9), SIZE, PARTS, 0.2)[0]
    assert np.all((away >= 0) & (away <= 640))


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_persons": 0},
        {"min_track_frames": 0},
        {"threads": -1},
        {"landmark_threshold": 0.0},
        {"smallest_person": 1.5},
        {"detection_interval": 0.0},
        {"detection_interval": float("nan")},
        {"max_absence": -1.0},
        {"max_fill": float("nan")},
    ],
)
def test_impossible_options_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        TrackingOptions(**wrong)


@pytest.mark.parametrize(
    ("field", "option"),
    [("detection_threshold", "detector_threshold"), ("detection_overlap", "detector_nms_iou_threshold")],
)
def test_refusals_name_the_option_that_users_know(field, option):
    with pytest.raises(UsageError, match=option):
        TrackingOptions(**{field: 1.0})
