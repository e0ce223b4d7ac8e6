"""A camera that loses the background for good: its path has pieces."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.camera.classical import _path
from kinema.camera.finding import summary
from kinema.camera.shot import solve_shot
from kinema.camera.tracks import PointTracks
from kinema.camera.turning import Lens
from kinema.geometry.camera import camera_from_focal
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from tests.camera.test_shot import FOCAL, SIZE, tracks_of

FRAMES, LOST, AGAIN = 100, 45, 60


def other_points(tracks: PointTracks, start: int) -> PointTracks:
    """The same, but from a frame on none of the points is known any more."""
    ids = [each + (1000 if frame >= start else 0) for frame, each in enumerate(tracks.ids)]
    return PointTracks([each.astype(np.int32) for each in ids], tracks.pixels, tracks.times, tracks.size)


@pytest.fixture(scope="module")
def orbit() -> tuple[np.ndarray, np.ndarray]:
    angle = np.linspace(0, 0.9, FRAMES)
    rotation = axis_angle_to_matrix(angle[:, None] * [0.0, 1.0, 0.0])
    return rotation, np.array([0, 0, 6.0]) - np.swapaxes(rotation, 1, 2) @ [0, 0, 6.0]


def test_each_piece_is_right_in_a_unit_of_its_own(orbit):
    rotation, centre = orbit
    found = solve_shot(other_points(tracks_of(rotation, centre, hidden=slice(LOST, AGAIN)), AGAIN), Lens(FOCAL, 0.0))
    assert found.kind == "full"
    assert found.breaks == (AGAIN,)
    assert not found.found[LOST:AGAIN].any()
    for piece in (slice(0, LOST), slice(AGAIN, FRAMES)):
        turned = found.rotation[piece] @ found.rotation[piece][0].T
        assert np.degrees(geodesic_angle(turned, rotation[piece] @ rotation[piece][0].T)).max() < 1.0
        own = (found.centre[piece] - found.centre[piece][0]) @ found.rotation[piece][0].T
        true = (centre[piece] - centre[piece][0]) @ rotation[piece][0].T
        scale = np.sum(own * true) / np.sum(own**2)
        length = np.linalg.norm(np.diff(true, axis=0), axis=1).sum()
        assert np.linalg.norm(scale * own - true, axis=1).max() < 0.03 * length
    told = found.facts["pieces"]
    assert [(piece["first"], piece["frames"]) for piece in told] == [(0, LOST), (AGAIN, FRAMES - AGAIN)]
    assert all("drift_degrees" in piece for piece in told)
    assert "2 pieces of 45, 40 frames" in summary({"shots": [found.facts]})


def test_a_short_glimpse_is_no_piece(orbit):
    rotation, centre = orbit
    tracks = other_points(tracks_of(rotation, centre, hidden=slice(LOST, 80)), 80)  # 20 frames: two thirds of a second
    found = solve_shot(tracks, Lens(FOCAL, 0.0))
    assert found.breaks == ()
    assert not found.found[LOST:].any()


def test_breaks_count_frames_of_the_clip(orbit):
    rotation, centre = orbit
    tracks = other_points(tracks_of(rotation, centre, hidden=slice(LOST, AGAIN)), AGAIN)
    shots = [solve_shot(tracks.part(slice(0, LOST)), Lens(FOCAL, 0.0)), solve_shot(tracks, Lens(FOCAL, 0.0))]
    path = _path(shots, camera_from_focal(*SIZE, FOCAL, "file"), 1.0)
    assert path.breaks.tolist() == [LOST, LOST + AGAIN]
