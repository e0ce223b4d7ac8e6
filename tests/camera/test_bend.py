"""A lens that bends the picture, found from points whose true places and sightings are made up."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.camera.bend import bend_again, straight
from kinema.camera.bundle import Unknowns
from kinema.camera.shot import solve_shot
from kinema.camera.structure import solve_travelling
from kinema.camera.tracks import PointTracks
from kinema.camera.turning import Lens, sighted
from kinema.geometry.camera import project
from kinema.stage import given
from tests.camera.test_shot import FOCAL, MIDDLE, orbiting, path_error, tracks_of, turn_error, turning

LENS = np.array([[FOCAL, 0, MIDDLE[0]], [0, FOCAL, MIDDLE[1]], [0, 0, 1]])
REACH = FOCAL / float(np.linalg.norm(MIDDLE))


def bent(tracks: PointTracks, coefficient: float) -> PointTracks:
    """What a lens with this first radial coefficient shows of them."""
    pixels = []
    for each in tracks.pixels:
        flat = np.concatenate([(each - MIDDLE) / FOCAL, np.ones((len(each), 1))], axis=1)
        pixels.append(project(flat, LENS, np.array([coefficient, 0, 0, 0])).astype(np.float32))
    return PointTracks(tracks.ids, pixels, tracks.times, tracks.size)


@pytest.mark.parametrize("coefficient", [-0.25, 0.15])
@pytest.mark.parametrize("way", [turning, orbiting])
def test_the_bend_is_found_with_the_way(way, coefficient):
    """Within a tenth of it; a pan is a pan, and a way as exact as without a bend (`tests/camera/test_shot.py`)."""
    rotation, centre = way()
    found = solve_shot(bent(tracks_of(rotation, centre), coefficient), Lens(FOCAL, 0.0, bends=True))
    assert found.kind == ("rotation" if way is turning else "full")
    assert found.bend * REACH**2 == pytest.approx(coefficient, rel=0.1)
    assert turn_error(found, rotation) < 0.3
    if way is orbiting:
        assert path_error(found, centre) < 0.01


def test_a_lens_that_is_not_known_either():
    """The focal length is sought at the same time: 4 % of it, and a fifth of the coefficient, go together."""
    rotation, centre = turning()
    found = solve_shot(bent(tracks_of(rotation, centre), -0.2), Lens(0.85 * FOCAL, 0.2, bends=True))
    assert found.kind == "rotation"
    np.testing.assert_allclose(np.exp(found.log_focal), FOCAL, rtol=0.04)
    assert found.bend * REACH**2 == pytest.approx(-0.2, rel=0.2)


@pytest.mark.parametrize("way", [turning, orbiting])
def test_a_straight_lens_is_not_bent(way):
    rotation, centre = way()
    assert solve_shot(tracks_of(rotation, centre, noise=0.4), Lens(FOCAL, 0.0, bends=True)).bend == 0


def test_a_bend_that_was_taken_out_only_in_part_is_found_whole():
    """From cameras found in a picture straightened by three quarters of it, within 1 %; twice what is left there would
    be too much by a quarter."""
    rotation, centre = orbiting()
    plain = tracks_of(rotation, centre)
    keys, bend = np.arange(0, 60, 6), -0.1
    partly = straight(bent(plain, bend * REACH**2), 0.75 * bend)
    known = sighted(partly, keys)
    solution, placed, fitting = given(solve_travelling(partly, keys, known, Lens(FOCAL, 0.0)))
    filmed = sighted(bent(plain, bend * REACH**2), keys).sightings.where(fitting)
    assert placed.all()
    again = bend_again(solution.views, 0.75 * bend, filmed, Unknowns(True))
    assert again == pytest.approx(bend, rel=0.01)


def test_a_camera_that_stands_shows_no_bend():
    """Nothing tells how points would move elsewhere in the picture."""
    rotation, centre = turning(0.0)
    found = solve_shot(bent(tracks_of(rotation, centre), -0.2), Lens(FOCAL, 0.0, bends=True))
    assert found.kind == "static"
    assert found.bend == 0


def test_straightened_points_are_where_a_straight_lens_shows_them():
    rotation, centre = orbiting()
    plain = tracks_of(rotation, centre)
    straight = bent(plain, -0.2).straightened(FOCAL, np.array([-0.2, 0, 0, 0]))
    for frame in (0, 30, 59):
        np.testing.assert_allclose(straight.pixels[frame], plain.pixels[frame], atol=2e-3)
    np.testing.assert_allclose(straight.part(slice(10, 20)).pixels[3], plain.pixels[13], atol=2e-3)
