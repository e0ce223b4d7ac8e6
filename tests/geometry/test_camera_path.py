"""The way of a camera: its conventions, its checks, its place in a motion."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import ShapeError
from kinema.geometry.camera import camera_from_fov
from kinema.geometry.camera_path import CameraPath, path_data, path_of, still_turns
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from kinema.person import Person

INTRINSICS = camera_from_fov(640, 480, 60.0).intrinsics


def made(frames: int = 5, **changes: object) -> CameraPath:
    turns = axis_angle_to_matrix(np.linspace(0, 0.5, frames)[:, None] * [0.0, 1.0, 0.0])
    given = {
        "rotation": turns,
        "centre": np.linspace(0, 1, frames)[:, None] * [1.0, 0.0, 2.0],
        "intrinsics": INTRINSICS,
    }
    return CameraPath(**(given | changes))  # type: ignore[arg-type]


def test_its_two_forms_agree():
    path = made()
    point = np.array([0.3, -0.2, 4.0])
    by_centre = np.einsum("tij,tj->ti", path.rotation, point - path.centre)
    np.testing.assert_allclose(path.rotation @ point + path.translation, by_centre, atol=1e-12)


def test_a_motion_keeps_it(tmp_path):
    path = made(up=np.array([0.0, -2.0, 0.0]), found=np.array([True, True, False, True, True]))
    person = Person(id=1, frames=np.arange(5), boxes=np.tile([0.0, 0.0, 9.0, 9.0], (5, 1)))
    motion = Motion(np.arange(5) / 25, 640, 480, (person,), data=path_data(path))
    for suffix in ("npz", "pkl"):
        motion.save(tmp_path / f"motion.{suffix}")
        back = path_of(Motion.load(tmp_path / f"motion.{suffix}").data)
        assert back is not None
        for name in ("rotation", "centre", "intrinsics", "found", "up"):
            np.testing.assert_array_equal(getattr(back, name), getattr(path, name))
        assert (back.kind, back.metric) == (path.kind, path.metric)
    np.testing.assert_array_equal(path.up, [0, -1, 0])
    assert path_of({}) is None


def test_a_part_and_a_scale():
    zoom = np.repeat(INTRINSICS[None], 5, axis=0)
    part = made(intrinsics=zoom).part(slice(1, 3))
    assert (len(part), part.intrinsics.shape) == (2, (2, 3, 3))
    scaled = made().scaled(2.5)
    assert scaled.metric
    np.testing.assert_allclose(scaled.centre, 2.5 * made().centre)


def test_places_of_the_background_stay_with_their_piece(tmp_path):
    """In parts of the path, in metres and in files."""
    places = np.arange(9.0).reshape(3, 3)
    path = made(
        breaks=np.array([3]), points=places, points_sigma=np.array([0.1, 0.2, 0.3]), points_piece=np.array([0, 1, 1])
    )
    after = path.part(slice(3, 5))
    np.testing.assert_array_equal(after.points, places[1:])
    np.testing.assert_array_equal(after.points_sigma, [0.2, 0.3])
    np.testing.assert_array_equal(after.points_piece, [0, 0])
    np.testing.assert_array_equal(path.part(slice(0, 2)).points, places[:1])
    np.testing.assert_allclose(path.scaled(2.0).points, 2 * places)
    person = Person(id=1, frames=np.arange(5), boxes=np.tile([0.0, 0.0, 9.0, 9.0], (5, 1)))
    Motion(np.arange(5) / 25, 640, 480, (person,), data=path_data(path)).save(tmp_path / "motion.npz")
    back = Motion.load(tmp_path / "motion.npz").camera_path
    for name in ("points", "points_sigma", "points_piece"):
        np.testing.assert_array_equal(getattr(back, name), getattr(path, name))
        assert not any(key.endswith(name) for key in path_data(made()))  # a path without them has no such entries


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": np.zeros((2, 2))}, "points has shape"),
        ({"points": np.zeros((2, 3)), "points_sigma": np.ones(1)}, "points_sigma has shape"),
        ({"points": np.ones((1, 3)), "points_sigma": np.zeros(1), "points_piece": np.zeros(1)}, "must be positive"),
        ({"kind": "wobble"}, "kind must be one of"),
        ({"rotation": np.zeros((5, 3, 3))}, "not a rotation"),
        ({"rotation": np.repeat(np.diag([1.0, 1.0, -1.0])[None], 5, axis=0)}, "not a rotation"),
        ({"rotation": np.eye(3)}, "rotation has shape"),
        ({"centre": np.zeros((4, 3))}, "centre has shape"),
        ({"centre": np.full((5, 3), np.nan)}, "not finite"),
        ({"intrinsics": np.zeros((3, 3))}, "focal lengths must be positive"),
        ({"found": np.zeros(3, bool)}, "found has shape"),
        ({"up": np.zeros(3)}, "no direction"),
    ],
)
def test_a_wrong_one_cannot_exist(changes, message):
    with pytest.raises(ShapeError, match=message):
        made(**changes)


def test_half_a_path_is_refused():
    data = path_data(made())
    del data["camera_path_centre"]
    with pytest.raises(ShapeError, match="not whole: centre"):
        path_of(data)


def test_axes_that_do_not_turn_with_the_camera():
    path = made(frames=9)
    still = still_turns(path, np.array([2, 3, 5, 8]))
    point = path.rotation[[2, 3, 5, 8]] @ np.array([0.3, -0.2, 4.0])
    fixed = np.einsum("fij,fj->fi", still, point)
    np.testing.assert_allclose(fixed, fixed[:1].repeat(4, axis=0), atol=1e-12)
    assert np.abs(still - np.eye(3)).max(axis=(1, 2)).min() < 1e-12  # those of one of the frames
    assert still_turns(made(kind="static"), np.arange(5)) is None
    assert still_turns(path, np.array([4, 4])) is None
    assert still_turns(path, np.zeros(0, dtype=int)) is None
