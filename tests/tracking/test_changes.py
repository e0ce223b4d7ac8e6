"""A track that suddenly changes into something the detector does not find goes back to where the person was."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.keypoints.blazepose import THRESHOLDS
from kinema.tracking.appearance import Appearance
from kinema.tracking.changes import MISSES, PATIENCE, is_gone, note_change
from kinema.tracking.checkpoint import pack, plain_tracks, tracks_from, unpack
from kinema.tracking.track import Track
from kinema.video import Frame
from tests.helpers.walkers import clothed, observe_at

SHIRT, WOOD = clothed(3), clothed(9)
FRAME = Frame(60, 2.0, np.zeros((4, 4, 3), np.uint8))
PERFECT, CLEAR, DIM = 0.97, 0.88, 0.7


def looking_at(colours):
    """The tracker's eyes, before which whoever is tracked has these colours."""
    return SimpleNamespace(thresholds=THRESHOLDS, view=lambda frame, roi: None, appearance=lambda view, seen: colours)


def stander(frames: int = 20) -> Track:
    track = Track(0, 0, 0.0, observe_at((300, 240), height=200), SHIRT.copy())
    for frame in range(1, frames):
        step(track, frame)
    return track


def step(track: Track, frame: int, *, centre=(300.0, 240.0), height=200.0, visibility=CLEAR, score=1.0) -> None:
    seen = observe_at(centre, height=height, visibility=visibility, score=score)
    note_change(track, seen, frame / 30)
    track.add(frame, frame / 30, seen, crowded=False)


def ghost(*, visibility=DIM) -> Track:
    """A track that jumps to something half as large, at frame 20, and stays there."""
    track = stander(20)
    for frame in range(20, 40):
        step(track, frame, centre=(330.0, 280.0), height=110.0, visibility=visibility)
    return track


@given(st.lists(st.booleans(), max_size=30))
def test_searches_are_counted_and_misses_are_those_since_the_last_find(outcomes):
    track = ghost()
    for found in outcomes:
        track.looked_for(found=found)
    assert track.searches == 1 + len(outcomes)
    assert track.hits == 1 + sum(outcomes)
    assert track.misses == (outcomes[::-1].index(True) if True in outcomes else len(outcomes))
    assert (track.known is None) == any(outcomes)


@given(st.floats(-0.08, 0.08), st.floats(-0.04, 0.04), st.floats(0.85, 1.0))
def test_ordinary_movement_is_no_change(growth, way, score):
    track = stander()
    step(track, 20, centre=(300 + 200 * way, 240), height=200 * (1 + growth), score=score)
    assert track.known is None


@pytest.mark.parametrize(
    "changed", [{"height": 120.0}, {"height": 300.0}, {"centre": (345.0, 240.0)}, {"score": 0.6}], ids=str
)
def test_a_jump_of_size_place_or_score_is_one_and_the_first_is_kept(changed):
    track = stander()
    step(track, 20, **changed)
    step(track, 21, centre=(380.0, 240.0))
    assert track.known.frame == 19
    assert track.known.side == pytest.approx(250.0)


def mixed(share: float) -> Appearance:
    """The colours of the shirt, with this much wood instead."""
    return Appearance((1 - share) * SHIRT.histogram + share * WOOD.histogram, np.ones(2))


@given(st.integers(0, 20), st.sampled_from([PERFECT, CLEAR, DIM]), st.sampled_from([0.0, 0.6, 1.0]))
def test_it_is_given_up_only_if_everything_speaks_against_it(misses, visibility, wood):
    track = ghost(visibility=visibility)
    for _ in range(misses):
        track.looked_for(found=False)
    gone = is_gone(track, FRAME, looking_at(mixed(wood)))
    doubtful = {0.0: False, 0.6: visibility == DIM, 1.0: visibility < PERFECT}[wood]
    assert gone == (misses >= MISSES and doubtful)
    if not gone:
        assert (track.known is None) == (misses >= PATIENCE)  # then nobody looks more often than usual any longer


def test_without_a_change_the_detector_may_miss_as_often_as_it_likes():
    track = stander()
    for _ in range(100):
        track.looked_for(found=False)
    assert not is_gone(track, FRAME, looking_at(WOOD))


def test_going_back_leaves_the_track_as_it_was_before_the_change():
    track, before = ghost(), stander(20)
    track.go_back(track.known)
    np.testing.assert_array_equal(track.rows.array(), before.rows.array())
    for name in ("time", "side", "run"):
        assert getattr(track, name) == getattr(before, name)
    for name in ("velocity", "drift", "centre"):
        np.testing.assert_array_equal(getattr(track, name), getattr(before, name))
    assert track.appearance.distance(SHIRT) == pytest.approx(0.0, abs=1e-9)
    assert track.known is None


def test_the_state_before_a_change_survives_a_stopped_run():
    track = ghost()
    track.seen = observe_at((330, 280), height=110)
    (again,) = tracks_from(unpack(pack(plain_tracks({"active": [track]}))))["active"]
    again.go_back(again.known)
    track.go_back(track.known)
    np.testing.assert_array_equal(again.rows.array(), track.rows.array())
    np.testing.assert_array_equal(again.centre, track.centre)
    assert again.appearance.distance(track.appearance) == pytest.approx(0.0, abs=1e-9)
