"""Tiles cover people of every size down to the chosen one; the schedule searches everything in time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.detection.scanning import Thumbnailer, TileSchedule
from kinema.detection.tiles import SMALLEST_PERSON, cover, tile_plan

SCHEDULE = {"interval": 1.0, "smallest": SMALLEST_PERSON, "smallest_in_tile": 0.35}

sizes = st.tuples(st.integers(200, 4000), st.integers(200, 4000)).filter(lambda s: 0.4 < s[0] / s[1] < 2.5)


@given(sizes, st.floats(SMALLEST_PERSON, 0.95), st.floats(0, 1), st.floats(0, 1))
def test_every_standing_person_fills_a_good_part_of_some_tile(size, part, right, down):
    width, height = size
    tall = part * min(size)
    wide = 0.3 * tall
    x, y = right * (width - wide), down * (height - tall)
    tiles = np.concatenate(tile_plan(width, height, smallest_in_tile=0.35))
    inside = (x >= tiles[:, 0] - 1e-6) & (x + wide <= tiles[:, 0] + tiles[:, 2] + 1e-6)
    inside &= (y >= tiles[:, 1] - 0.12 * tall) & (y + tall <= tiles[:, 1] + tiles[:, 2] + 0.12 * tall)
    share = tall / tiles[:, 2]
    assert np.any(inside & (share > 0.3) & (share < 1.2))


@given(sizes, st.floats(60, 3000))
def test_tiles_of_one_size_cover_the_frame(size, side):
    width, height = size
    tiles = cover(width, height, side)
    for x, y in ((0, 0), (width - 1, height - 1), (width // 2, height // 3), (width - 1, 0)):
        held = (tiles[:, 0] <= x) & (x <= tiles[:, 0] + side) & (tiles[:, 1] <= y) & (y <= tiles[:, 1] + side)
        assert held.any()


def test_the_first_tile_is_the_whole_frame():
    tiles = tile_plan(1920, 1080, smallest_in_tile=0.35)
    np.testing.assert_array_equal(tiles[0], [[0, -420, 1920]])
    assert [len(level) for level in tiles] == [1, 3, 15]


@pytest.mark.parametrize("size", [(16, 16), (17, 9), (1, 1), (7680, 4320)])
def test_odd_sizes_have_a_plan(size):
    tiles = np.concatenate(tile_plan(*size, smallest_in_tile=0.35))
    assert 1 <= len(tiles) < 80


def frames(seconds: float, change: bool, size: tuple[int, int] = (640, 360)):
    rng = np.random.default_rng(0)
    still = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    for i in range(round(seconds * 30)):
        yield i / 30, np.roll(still, 37 * i, axis=1) if change else still


def looks(change: bool, seconds: float) -> tuple[dict[tuple, list[float]], int]:
    schedule = TileSchedule(640, 360, **SCHEDULE)
    seen: dict[tuple, list[float]] = {}
    for time, image in frames(seconds, change):
        for tile in schedule.due(image, time, np.zeros((0, 4))):
            seen.setdefault(tuple(tile), []).append(time)
    return seen, len(schedule.tiles)


def test_everything_is_searched_at_once_and_then_within_the_interval():
    seen, count = looks(change=True, seconds=5.0)
    assert len(seen) == count
    for times in seen.values():
        assert times[0] == 0.0
        assert np.diff([*times, 5.0]).max() <= 1.0 + 2 / 30
    whole = max(seen, key=lambda tile: tile[2])
    assert len(seen[whole]) > 20  # large people are looked for every fifth of the interval


def test_the_search_is_spread_over_the_frames():
    schedule = TileSchedule(640, 360, **SCHEDULE)
    counts = [len(schedule.due(image, time, np.zeros((0, 4)))) for time, image in frames(4.0, change=True)]
    assert max(counts[1:]) <= 4


def test_a_still_picture_is_searched_less_but_not_never():
    moving, _ = looks(change=True, seconds=10.0)
    still, count = looks(change=False, seconds=10.0)
    total = [sum(len(times) for times in seen.values()) for seen in (moving, still)]
    assert total[1] < 0.4 * total[0]
    assert len(still) == count
    assert all(np.diff([*times, 10.0]).max() <= 4.0 + 2 / 30 for times in still.values())


def test_what_moves_inside_the_boxes_of_known_people_is_no_news():
    size = (640, 360)
    schedule = TileSchedule(*size, **SCHEDULE)
    image = np.full((360, 640, 3), 60, dtype=np.uint8)
    box = np.array([[200.0, 100.0, 300.0, 300.0]])
    schedule.due(image, 0.0, box)
    moved = image.copy()
    moved[110:290, 210:290] = 200
    known = sum(len(schedule.due(moved, t / 30, box)) for t in range(1, 35))
    other = TileSchedule(*size, **SCHEDULE)
    other.due(image, 0.0, np.zeros((0, 4)))
    news = sum(len(other.due(moved, t / 30, np.zeros((0, 4)))) for t in range(1, 35))
    assert known <= 1  # the whole frame's turn comes, whatever happens
    assert news > 3


def test_thumbnails_of_tiny_and_huge_frames():
    for width, height in ((1, 1), (16, 9), (7680, 4320)):
        thumbnailer = Thumbnailer(width, height)
        assert thumbnailer(np.zeros((height, width, 3), np.uint8)).shape == thumbnailer.shape
