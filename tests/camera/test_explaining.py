"""What counts against a camera that travels: sightings that it does not explain, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.camera.travelling import FAR, _error_of_left
from kinema.camera.turning import sighted
from kinema.camera.views import Sightings, Views
from tests.camera.test_shot import FOCAL, MIDDLE, orbiting, tracks_of

KEYS = np.arange(0, 60, 10)


@pytest.fixture
def way() -> tuple[Views, Sightings]:
    """True cameras of six keyframes, whose points are not known, and what they see of 40 points that all see."""
    rotation, centre = orbiting()
    known = sighted(tracks_of(rotation, centre, noise=0.02), KEYS).sightings
    everywhere = np.flatnonzero(np.bincount(known.point) == len(KEYS))[:40]
    points = np.tile([0.0, 0.0, 1.0, 0.1], (int(known.point.max()) + 1, 1))
    views = Views(rotation[KEYS], centre[KEYS], np.full(len(KEYS), np.log(FOCAL)), points, MIDDLE)
    return views, known.where(np.isin(known.point, everywhere))


def test_a_point_with_one_wrong_sighting_counts_with_that_one(way):
    """Each of 40 is seen six times, once 30 pixels off: that it was refused makes 40 far sightings, not 240."""
    views, left = way
    pixels = left.pixels + 30.0 * (left.camera == left.point % len(KEYS))[:, None]
    error = _error_of_left(views, Sightings(left.camera, left.point, pixels))
    assert error == pytest.approx(40 * FAR, rel=0.15)


def test_what_fits_counts_nothing_and_one_sighting_proves_nothing(way):
    views, left = way
    assert _error_of_left(views, left) < 1.0
    assert _error_of_left(views, left.where(left.camera == 2)) == pytest.approx(40 * FAR)
    assert _error_of_left(views, left.where(np.zeros(len(left.camera), bool))) == 0.0
