"""The camera's path through a shot, from points whose true places and sightings are made up."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.camera.shot import ShotPath, solve_shot
from kinema.camera.tracks import PointTracks
from kinema.camera.turning import Lens
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle

SIZE, FOCAL, FRAMES = (640, 360), 600.0, 60
SHARE = np.linspace(0, 1, FRAMES)
MIDDLE = (np.array(SIZE) - 1) / 2


def tracks_of(
    rotation: np.ndarray, centre: np.ndarray, *, focal: np.ndarray | float = FOCAL, noise: float = 0.1,
    hidden: slice = slice(0, 0), points: np.ndarray | None = None,
) -> PointTracks:  # fmt: skip
    """Sightings of points by cameras (T,3,3), (T,3): of a cloud 4 to 12 m away, unless others are given; in the frames
    `hidden` none is seen."""
    rng = np.random.default_rng(4)
    if points is None:
        points = np.stack([rng.uniform(-9, 9, 900), rng.uniform(-4, 4, 900), rng.uniform(4, 12, 900)], axis=1)
    ids, pixels = [], []
    for frame in range(len(rotation)):
        local = (points - centre[frame]) @ rotation[frame].T
        seen = np.broadcast_to(focal, len(rotation))[frame] * local[:, :2] / local[:, 2:] + MIDDLE
        inside = (local[:, 2] > 0.5) & (seen > 3).all(axis=1) & (seen < np.array(SIZE) - 4).all(axis=1)
        inside &= not hidden.start <= frame < hidden.stop
        ids.append(np.flatnonzero(inside).astype(np.int32))
        pixels.append((seen + rng.normal(scale=noise, size=seen.shape))[inside].astype(np.float32))
    return PointTracks(ids, pixels, np.arange(len(rotation)) / 30, SIZE)


def turning(degrees: float = 25.0) -> tuple[np.ndarray, np.ndarray]:
    return axis_angle_to_matrix(np.radians(degrees) * SHARE[:, None] * [0.2, 1.0, 0.0]), np.zeros((FRAMES, 3))


def orbiting() -> tuple[np.ndarray, np.ndarray]:
    """A quarter of a way around a place 6 m away, looking at it."""
    angle = 0.6 * SHARE
    rotation = axis_angle_to_matrix(angle[:, None] * [0.0, 1.0, 0.0])
    return rotation, np.array([0, 0, 6.0]) - np.swapaxes(rotation, 1, 2) @ [0, 0, 6.0]


def path_error(found: ShotPath, centre: np.ndarray) -> float:
    """Largest distance from the true way after the best scale, as a share of its length; both begin at 0."""
    scale = np.sum(found.centre * centre) / np.sum(found.centre**2)
    length = np.linalg.norm(np.diff(centre, axis=0), axis=1).sum()
    return float(np.linalg.norm(scale * found.centre - centre, axis=1).max() / length)


def turn_error(found: ShotPath, rotation: np.ndarray) -> float:
    return float(np.degrees(geodesic_angle(found.rotation, rotation @ rotation[0].T)).max())


def test_a_camera_that_stands_still():
    found = solve_shot(tracks_of(np.tile(np.eye(3), (FRAMES, 1, 1)), np.zeros((FRAMES, 3))), Lens(FOCAL, 0.0))
    assert found.kind == "static"
    assert found.found.all()
    np.testing.assert_array_equal(found.centre, 0)


@pytest.mark.parametrize("assumed", [1.0, 0.8, 1.25])
def test_a_camera_that_turns(assumed):
    """Within 0.2 degrees and 2 % of the focal length, from 0.1 pixels of noise on hundreds of points."""
    rotation, centre = turning()
    found = solve_shot(tracks_of(rotation, centre), Lens(FOCAL * assumed, 0.0 if assumed == 1 else 0.2))
    assert found.kind == "rotation"
    assert turn_error(found, rotation) < 0.2
    np.testing.assert_allclose(np.exp(found.log_focal), FOCAL, rtol=0.02)


def test_zoom():
    rotation, centre = turning(15.0)
    focal = FOCAL * np.exp(0.4 * SHARE)
    found = solve_shot(tracks_of(rotation, centre, focal=focal), Lens(FOCAL, 0.2))
    assert found.kind == "rotation"
    assert found.facts["zoom"]
    np.testing.assert_allclose(np.exp(found.log_focal), focal, rtol=0.03)


@pytest.mark.parametrize("assumed", [1.0, 0.8])
def test_a_camera_that_travels(assumed):
    """Its way within 1 % of its length, from a lens that is assumed 20 % too short, too."""
    rotation, centre = orbiting()
    found = solve_shot(tracks_of(rotation, centre), Lens(FOCAL * assumed, 0.0 if assumed == 1 else 0.2))
    assert found.kind == "full"
    assert found.found.all()
    assert turn_error(found, rotation) < 0.3
    assert path_error(found, centre) < 0.01
    np.testing.assert_allclose(np.exp(found.log_focal), FOCAL, rtol=0.02)


def test_a_walk_towards_a_far_wall_is_no_zoom():
    """All that is seen is a wall 12 m away and some of the floor: a zoom leaves a fifth of a pixel of it unexplained,
    and is wrong about how the camera turned."""
    rng = np.random.default_rng(2)
    wall = np.stack([rng.uniform(-12, 12, 900), rng.uniform(-5, 1.5, 900), np.full(900, 12.0)], axis=1)
    floor = np.stack([rng.uniform(-6, 6, 200), np.full(200, 1.5), rng.uniform(3, 12, 200)], axis=1)
    centre = SHARE[:, None] * [0.2, 0.0, 1.5]
    rotation = axis_angle_to_matrix(np.radians(2.0) * np.sin(9 * SHARE)[:, None] * [0.5, 1.0, 0.0])
    found = solve_shot(tracks_of(rotation, centre, points=np.concatenate([wall, floor])), Lens(FOCAL, 0.0))
    assert found.kind == "full"
    assert not found.facts["zoom"]
    assert turn_error(found, rotation) < 0.2
    assert path_error(found, centre) < 0.02


def test_zoom_while_travelling():
    """Each keyframe's focal length is found with the way: within 2 %, and 2 % of its length."""
    rotation, centre = orbiting()
    focal = FOCAL * np.exp(0.3 * SHARE)
    found = solve_shot(tracks_of(rotation, centre, focal=focal), Lens(FOCAL, 0.0))
    assert found.kind == "full"
    assert found.facts["zoom"]
    assert path_error(found, centre) < 0.02
    np.testing.assert_allclose(np.exp(found.log_focal), focal, rtol=0.02)


def test_a_straight_way_does_not_show_the_lens():
    """Its focal length stays what was assumed, and is not said to be known better than that."""
    centre = SHARE[:, None] * [1.5, 0.0, 0.0]
    found = solve_shot(tracks_of(np.tile(np.eye(3), (FRAMES, 1, 1)), centre), Lens(1.25 * FOCAL, 0.2))
    assert found.kind == "full"
    assert found.focal_sigma > 0.1
    assert path_error(found, centre) < 0.02


def test_frames_without_background_are_bridged():
    rotation, centre = turning()
    found = solve_shot(tracks_of(rotation, centre, hidden=slice(25, 30)), Lens(FOCAL, 0.0))
    np.testing.assert_array_equal(np.flatnonzero(~found.found), np.arange(25, 30))
    assert turn_error(found, rotation) < 1.0


@pytest.mark.parametrize("frames", [1, 7])
def test_no_background_at_all(frames):
    """Nothing is found, and that is said."""
    none = [np.zeros(0, np.int32)] * frames
    empty = PointTracks(none, [np.zeros((0, 2), np.float32)] * frames, np.arange(frames) / 30, SIZE)
    found = solve_shot(empty, Lens(FOCAL, 0.2))
    assert not found.found.any()
    assert found.facts["kind"] == "unknown"
    np.testing.assert_array_equal(found.rotation, np.tile(np.eye(3), (frames, 1, 1)))
