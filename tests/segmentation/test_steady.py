"""Steady masks: what stands still stops flickering, what moves is followed, and what is gone is given up."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kinema.segmentation.steady import MOST_SURE, Seen, Steadier, followed, moved

SIZE = 128
ROI = np.array([64.0, 64.0, 128.0, 0.0])


def picture(x: float, y: float = 40.0) -> tuple[np.ndarray, np.ndarray]:
    """A textured square of 40 pixels before a textured background, and where it is."""
    random = np.random.default_rng(7)
    background = cv2.GaussianBlur(random.uniform(40, 120, (SIZE, SIZE, 3)).astype(np.float32), (0, 0), 2)
    patch = cv2.GaussianBlur(random.uniform(140, 250, (40, 40, 3)).astype(np.float32), (0, 0), 1.5)
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    where = cv2.warpAffine(np.ones((40, 40), np.float32), matrix, (SIZE, SIZE))
    image = background * (1 - where[..., None]) + cv2.warpAffine(patch, matrix, (SIZE, SIZE)) * where[..., None]
    return image.astype(np.uint8), where >= 0.5


def logits_of(where: np.ndarray, level: float = 4.0) -> np.ndarray:
    return np.where(where, level, -level).astype(np.float32)


def overlap(logits: np.ndarray, where: np.ndarray) -> float:
    found = logits > 0
    return float((found & where).sum() / (found | where).sum())


def test_a_network_that_wavers_about_what_stands_still_is_held():
    image, where = picture(30)
    hand = where.copy()
    hand[:, :60] = False
    steady, alone = Steadier(), Steadier(0.0)
    found = {True: [], False: []}
    for index in range(12):
        unsure = logits_of(where)
        unsure[hand] = 1.5 if index % 3 else -1.0
        seen = Seen(index, ROI, unsure, image)
        found[True].append(overlap(steady(1, seen), where))
        found[False].append(overlap(alone(1, seen), where))
    # Seen in two frames of three: a hand that vanishes every third frame stays after the first ones.
    assert min(found[True][4:]) > 0.95
    assert min(found[False]) < 0.9


@pytest.mark.parametrize("speed", [1, 3, 6])
def test_nothing_lags_behind(speed):
    steady = Steadier()
    for index in range(8):
        image, where = picture(20 + speed * index)
        found = steady(1, Seen(index, ROI, logits_of(where), image))
        assert overlap(found, where) > 0.93


def test_what_the_picture_no_longer_shows_is_given_up():
    steady = Steadier()
    image, where = picture(30)
    for index in range(6):
        steady(1, Seen(index, ROI, logits_of(where), image))
    empty, _ = picture(300)
    found = steady(1, Seen(6, ROI, logits_of(np.zeros_like(where)), empty))
    assert (found > 0).sum() < 0.02 * where.sum()


def test_people_and_pauses_are_kept_apart():
    image, where = picture(30)
    steady = Steadier()
    steady(1, Seen(0, ROI, logits_of(where), image))
    weak = logits_of(where, 0.5)
    np.testing.assert_array_equal(steady(2, Seen(1, ROI, weak, image)), weak)
    np.testing.assert_array_equal(steady(1, Seen(5, ROI, weak, image)), weak)
    assert np.abs(steady(1, Seen(6, ROI, logits_of(where, 9.0), image))).max() <= MOST_SURE


def test_a_region_that_moves_is_no_motion():
    """The same picture, seen through a region that has moved and grown: every place is found again."""
    image, where = picture(40)
    other = ROI + [6.0, -4.0, 12.0, 0.0]
    pixels = moved(image, ROI, other, border=cv2.BORDER_REPLICATE)
    there, same = followed(
        Seen(0, ROI, logits_of(where), image), Seen(1, other, np.zeros((SIZE, SIZE), np.float32), pixels)
    )
    expected = moved(logits_of(where), ROI, other) > 0
    assert overlap(there, expected) > 0.97
    assert same[expected].min() > 0.9
