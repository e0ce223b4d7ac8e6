"""Places of the background that come with a camera's path: where they are, and how exactly their distance is known."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.camera.landmarks import VAGUE, landmarks
from kinema.camera.shot import solve_shot
from kinema.camera.turning import Lens
from kinema.camera.views import Sightings, Views, seen
from tests.camera.test_shot import FOCAL, MIDDLE, orbiting, tracks_of, turning

CAMERAS, NOISE = 6, 0.3


def sighted_from_a_line(rng: np.random.Generator, length: float, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """True places, and places with their stated deviation, of points that cameras on a line see with noise."""
    points = np.stack([rng.uniform(-1, 1, 400), rng.uniform(-1, 1, 400), np.full(400, distance)], axis=1)
    centre = np.linspace(-0.5, 0.5, CAMERAS)[:, None] * [length, 0.0, 0.0]
    whole = np.concatenate([points, np.ones((400, 1))], axis=1)
    views = Views(
        np.tile(np.eye(3), (CAMERAS, 1, 1)), centre, np.full(CAMERAS, np.log(FOCAL)),
        whole / np.linalg.norm(whole, axis=1, keepdims=True), MIDDLE,
    )  # fmt: skip
    camera, point = (each.reshape(-1) for each in np.meshgrid(np.arange(CAMERAS), np.arange(400), indexing="ij"))
    exact = Sightings(camera, point, np.zeros((len(camera), 2)))
    pixels = seen(views, exact)[1]
    # Each point from its noisy rays, on its own: linear least squares of the inverse distance.
    shift = (pixels + NOISE * rng.normal(size=pixels.shape) - MIDDLE)[:, 0].reshape(CAMERAS, 400)
    baseline = centre[:, 0] - centre[:, 0].mean()
    inverse = -(baseline @ (shift - shift.mean(axis=0))) / (baseline @ baseline) / FOCAL
    return inverse * distance, landmarks(views, Sightings(camera, point, pixels), NOISE, None)[1]


@pytest.mark.parametrize(("length", "distance"), [(1.0, 5.0), (0.3, 4.0)])
def test_the_stated_deviation_is_that_of_the_distance(length, distance):
    """Of points whose distance is fitted to noisy pixels: within 15 %, of 400 points."""
    ratio, sigma = sighted_from_a_line(np.random.default_rng(0), length, distance)
    np.testing.assert_allclose(np.median(sigma), ratio.std(), rtol=0.15)


def test_places_whose_distance_is_vague_are_left_out():
    """A base of 1 cm shows 5 m to 30 % only."""
    assert not len(sighted_from_a_line(np.random.default_rng(0), 0.01, 5.0)[1])


def test_they_come_with_the_path_in_its_frame_and_unit():
    """Within 3 %, for nearly all; so that the way and the places have one scale."""
    rotation, centre = orbiting()
    rng = np.random.default_rng(4)
    cloud = np.stack([rng.uniform(-9, 9, 900), rng.uniform(-4, 4, 900), rng.uniform(4, 12, 900)], axis=1)
    found = solve_shot(tracks_of(rotation, centre), Lens(FOCAL, 0.0))
    unit = np.sum(found.centre * centre) / np.sum(found.centre**2)
    places = unit * found.places
    nearest = np.linalg.norm(places[:, None] - cloud, axis=2).min(axis=1) / np.linalg.norm(places, axis=1)
    assert len(places) > 200
    assert np.mean(nearest < 0.03) > 0.95
    assert found.places_sigma.max() < VAGUE
    assert set(found.places_piece.tolist()) == {0}


def test_a_camera_that_turns_sees_none():
    assert not len(solve_shot(tracks_of(*turning()), Lens(FOCAL, 0.0)).places)
