"""Somebody who turned over while lost is followed back through the gap, in regions that turn with them."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np

from kinema.keypoints.blazepose import THRESHOLDS
from kinema.keypoints.source import Observation
from kinema.tracking.backward import RecentFrames, track_backward
from kinema.tracking.gate import Gate
from kinema.tracking.track import Track
from kinema.video import Frame
from tests.helpers.walkers import PARTS, clothed, observe_at

FPS, HEIGHT, CENTRE = 30, 200.0, (320.0, 240.0)
LAST_SEEN, FIRST_AGAIN, END = 19, 31, 36  # frames: lost between the two, seen again up to the last
SPIN = np.radians(22.0)  # a frame
KNOWN = 0.3  # radians, less than SPIN: how far a region may be turned from the body for the network to know it
NOBODY = dataclasses.replace(observe_at(CENTRE, height=HEIGHT), score=0.0)


def turned(frame: int) -> Observation:
    """The person in a frame, turning before `FIRST_AGAIN`."""
    seen = observe_at(CENTRE, height=HEIGHT)
    angle = min(frame - FIRST_AGAIN, 0) * SPIN
    cos, sin = np.cos(angle), np.sin(angle)
    points = (seen.points - CENTRE) @ np.array([[cos, sin], [-sin, cos]]) + CENTRE
    return dataclasses.replace(seen, points=points, next_roi=np.array([*seen.next_roi[:3], angle]))


def looking(dazzled: tuple[int, ...] = (), clothes: int = 3) -> SimpleNamespace:
    """The tracker's eyes: they know the person in regions that are turned like the body, and wear `clothes`."""

    def observe(view: tuple[int, np.ndarray]) -> Observation:
        frame, roi = view
        seen = turned(frame)
        away = abs(np.angle(np.exp(1j * (roi[3] - seen.next_roi[3]))))
        return NOBODY if away > KNOWN or frame in dazzled else seen

    return SimpleNamespace(
        parts=PARTS,
        thresholds=THRESHOLDS,
        view=lambda frame, roi: (frame.index, roi),
        observe=observe,
        gate=Gate((640, 480), 0.5, THRESHOLDS),
        appearance=lambda view, seen: clothed(clothes),
    )


def found_again() -> tuple[Track, RecentFrames]:
    """A track with a gap, as it is five frames after it, and all frames."""
    track = Track(0, 0, 0.0, observe_at(CENTRE, height=HEIGHT), clothed(3))
    recent = RecentFrames()
    for frame in range(END):
        recent.append(Frame(frame, frame / FPS, np.zeros((4, 4, 3), np.uint8)))
        if frame and not LAST_SEEN < frame < FIRST_AGAIN:
            track.add(frame, frame / FPS, observe_at(CENTRE, height=HEIGHT), crowded=False)
    return track, recent


def new_frames(track: Track, recent: RecentFrames, eyes: SimpleNamespace, others: list[Track]) -> list[int]:
    before = track.rows.array()["frame"].tolist()
    track_backward(track, recent, eyes, others)
    return [int(frame) for frame in track.rows.array()["frame"] if frame not in before]


def test_a_somersault_is_followed_back():
    track, recent = found_again()
    assert new_frames(track, recent, looking(), []) == list(range(LAST_SEEN + 1, FIRST_AGAIN))
    rows = track.rows.array()
    for frame in range(LAST_SEEN + 1, FIRST_AGAIN):
        np.testing.assert_allclose(rows["points"][frame], turned(frame).points, atol=1e-3)  # float32 of hundreds


def test_a_frame_in_which_nothing_is_seen_is_passed_over():
    track, recent = found_again()
    missing = [25]
    expected = [frame for frame in range(LAST_SEEN + 1, FIRST_AGAIN) if frame not in missing]
    assert new_frames(track, recent, looking(dazzled=(25,)), []) == expected


def test_somebody_in_other_clothes_is_not_the_person():
    track, recent = found_again()
    assert new_frames(track, recent, looking(clothes=17), []) == []


def test_who_may_be_hidden_by_somebody_near_is_not_turned():
    track, recent = found_again()
    other = Track(1, 0, 0.0, observe_at((380.0, 240.0), height=HEIGHT), clothed(9))
    for frame in range(1, END):
        other.add(frame, frame / FPS, observe_at((380.0, 240.0), height=HEIGHT), crowded=False)
    assert new_frames(track, recent, looking(), [other]) == []


def test_a_newcomer_is_not_turned():
    track = Track(0, FIRST_AGAIN, FIRST_AGAIN / FPS, observe_at(CENTRE, height=HEIGHT), clothed(3))
    for frame in range(FIRST_AGAIN + 1, END):
        track.add(frame, frame / FPS, observe_at(CENTRE, height=HEIGHT), crowded=False)
    assert new_frames(track, found_again()[1], looking(), []) == []
