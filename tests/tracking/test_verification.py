"""The detector searches around people whom it has hardly found again: one at a time, rarely, and until it has."""

from types import SimpleNamespace

import numpy as np

from kinema.keypoints.blazepose import THRESHOLDS
from kinema.tracking.gate import Gate
from kinema.tracking.recovery import changed_tile, unclear_tile, verification_tiles
from kinema.tracking.track import Track
from kinema.video import Frame
from tests.helpers.walkers import clothed, observe_at

GATE = Gate((640, 360), 0.5, THRESHOLDS)
IMAGE = np.zeros((360, 640, 3), np.uint8)


def doubtful(rows: int = 40, hits: int = 1, centre: tuple[float, float] = (20.0, 100.0)) -> SimpleNamespace:
    return SimpleNamespace(rows=range(rows), hits=hits, verified=0.0, centre=np.array(centre), side=100.0, known=None)


def verified_at(people: list[SimpleNamespace], seconds: float) -> list[float]:
    frames = [Frame(i, i / 30, IMAGE) for i in range(round(30 * seconds))]
    return [frame.time for frame in frames if len(verification_tiles(people, frame, GATE))]


def test_the_tile_is_around_the_person_also_at_the_edge():
    tiles = verification_tiles([doubtful()], Frame(30, 1.0, IMAGE), GATE)
    np.testing.assert_allclose(tiles, [[20 - 65, 100 - 65, 130]])


def test_twice_a_second_and_one_at_a_time():
    times = verified_at([doubtful()], 3.0)
    assert 4 <= len(times) <= 6
    assert np.diff(times).min() >= 0.5
    assert len(verified_at([doubtful(), doubtful()], 3.0)) == 2 * len(times)


def test_who_is_known_new_or_out_of_the_image_is_left_alone():
    people = [doubtful(hits=3), doubtful(rows=10), doubtful(centre=(-5.0, 100.0))]
    assert verified_at(people, 3.0) == []


def test_who_suddenly_changed_is_looked_at_more_often_and_nobody_else():
    changed, steady = doubtful(rows=10, hits=9, centre=(200.0, 100.0)), doubtful(hits=9)
    changed.known = object()
    frames = [Frame(i, i / 30, IMAGE) for i in range(4, 34)]
    tiles = [tile for frame in frames for tile in changed_tile([steady, changed], frame, GATE)]
    assert 7 <= len(tiles) <= 9
    np.testing.assert_allclose(tiles, [[200 - 65, 100 - 65, 130]] * len(tiles))


def tiles_around(clear: float, frames: int = 30, *, crowded: bool = False) -> int:
    """In how many of 15 frames the detector looks around somebody after `frames` clear ones."""
    track = Track(0, 0, 0.0, observe_at((200.0, 180.0), height=150.0, visibility=0.95), clothed(3))
    looks = 0
    for frame in range(1, frames + 15):
        seen = observe_at((200.0, 180.0), height=150.0, visibility=0.95 if frame < frames else clear)
        track.add(frame, frame / 30, seen, crowded=crowded)
        looks += len(unclear_tile([track], Frame(frame, frame / 30, IMAGE), GATE))
    return looks


def test_who_becomes_unclear_is_looked_around():
    assert tiles_around(0.7) == 1  # in half a second
    assert tiles_around(0.9) == 0
    assert tiles_around(0.7, frames=4) == 0  # nothing is usual yet, and then it is
    assert tiles_around(0.7, crowded=True) == 0  # the reason is known
