"""Following points of the background through pictures that are made up."""

from __future__ import annotations

import cv2
import numpy as np

from kinema.camera.points import LOST_SECONDS, PointFollower
from kinema.camera.tracks import FEWEST

WIDTH, HEIGHT, RATE = 320, 240, 25
NOBODY = np.zeros((HEIGHT, WIDTH), bool)


def wall() -> np.ndarray:
    """A picture (h,w) uint8 wider than the views that are cut from it, full of corners."""
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT // 8, WIDTH // 4), dtype=np.uint8)
    return cv2.resize(noise, (2 * WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


def counts(blurred: slice, glimpse: int) -> list[int]:
    """Points in each frame of a pan, blurred in some frames; in one of them something else is sharp in a corner."""
    picture, follower = wall(), PointFollower()
    for frame in range(80):
        view = np.ascontiguousarray(picture[:, 2 * frame : 2 * frame + WIDTH])
        if blurred.start <= frame < blurred.stop:
            soft = cv2.resize(cv2.resize(view, (3, 2), interpolation=cv2.INTER_AREA), (WIDTH, HEIGHT))
            if frame == glimpse:
                soft[:40, :80] = picture[-40:, -80:]
            view = soft
        follower(view, frame / RATE, NOBODY)
    return [len(ids) for ids in follower.tracks().ids]


def test_points_are_taken_again_after_a_loss():
    seen = counts(slice(20, 50), glimpse=-1)
    assert min(seen[:20]) >= FEWEST
    assert max(seen[20:50]) == 0
    assert min(seen[51:]) >= FEWEST


def test_a_glimpse_during_the_loss_does_not_put_it_off():
    """A few points taken in one frame, and lost in the next, were waited for as long as good ones."""
    glimpse = 20 + round(LOST_SECONDS * RATE) + 2
    seen = counts(slice(20, 50), glimpse)
    assert min(seen[51:]) >= FEWEST
