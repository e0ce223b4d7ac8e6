"""Points that are followed less exactly than others count less."""

from __future__ import annotations

import numpy as np

from kinema.camera.exactness import RANGE, exactness
from kinema.camera.shot import solve_shot
from kinema.camera.tracks import PointTracks
from kinema.camera.turning import Lens
from tests.camera.test_shot import FOCAL, orbiting, path_error, tracks_of


def test_the_noise_of_each_point_tells():
    """A point four times as noisy as most is at the lower end, most are as exact as usual: the usual noise of all is
    a tenth more than theirs."""
    rng = np.random.default_rng(0)
    noise = np.array([0.1] * 20 + [0.4] * 4)
    point = np.repeat(np.arange(len(noise)), 40)
    exact = exactness(noise[point, None] * rng.normal(size=(len(point), 2)), point, len(noise) + 1)
    np.testing.assert_allclose(np.median(exact[:20]), 1.1, rtol=0.1)
    np.testing.assert_allclose(exact[20:24], RANGE[0], rtol=0.1)
    assert exact[24] == RANGE[0]  # it is not seen


def test_what_two_sightings_tell_is_little():
    """Three of their four coordinates went into the point's place."""
    residuals = np.concatenate([np.full((2, 2), 1e-4), np.full((60, 2), 0.2)])
    point = np.concatenate([np.zeros(2, int), np.repeat(np.arange(1, 7), 10)])
    assert 1.0 < exactness(residuals, point, 7)[0] < 1.3


def test_no_sightings():
    np.testing.assert_array_equal(exactness(np.zeros((0, 2)), np.zeros(0, int), 3), RANGE[0])


def test_a_way_before_a_dim_wall_and_some_posters():
    """Four fifths of the points are off by 0.7 pixels, the others by 0.05."""
    rotation, centre = orbiting()
    sharp, dim = (tracks_of(rotation, centre, noise=noise) for noise in (0.05, 0.7))
    pixels = [
        np.where(ids[:, None] % 5 == 0, first, second)
        for ids, first, second in zip(sharp.ids, sharp.pixels, dim.pixels, strict=True)
    ]
    found = solve_shot(PointTracks(sharp.ids, pixels, sharp.times, sharp.size), Lens(FOCAL, 0.0))
    assert found.kind == "full"
    print("PE", path_error(found, centre), np.exp(found.log_focal[0]) / FOCAL)
    assert path_error(found, centre) < 0.002
