"""A known vertical as an input of the lifters: validated, turned, mirrored; without effect where it is not known."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.geometry.camera import camera_from_fov
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.models.pose_lifter.lifter import KeypointLifter, Lifter, PoseLifter
from kinema.models.pose_lifter.vertical import HALF_TRUST, VAGUE, Vertical, trust, with_vertical
from kinema.person import Person
from kinema.skeleton import BLAZEPOSE33, SMPL24

UP = np.array([0.05, -0.9, -0.3])


@pytest.fixture(scope="module", params=[PoseLifter, KeypointLifter])
def lifter(request) -> Lifter:
    return request.param(threads=1)


def somebody(frames: int = 20) -> Person:
    """Points that are no person: the properties below hold for any."""
    rng = np.random.default_rng(0)
    pixels = [640, 360] + 100 * rng.normal(size=(frames, 33, 2))
    return Person(
        1, np.arange(frames), keypoint_set="blazepose33", keypoints=pixels,
        keypoint_confidence=np.full((frames, 33), 0.9), keypoints3d=0.3 * rng.normal(size=(frames, 33, 3)),
    )  # fmt: skip


def test_a_vertical_that_nothing_is_known_of_is_none(lifter):
    person, camera = somebody(), camera_from_fov(1281, 721, 55.0)
    times = person.frames / 30.0
    without = lifter(person, times, camera)
    vague = lifter(person, times, camera, vertical=Vertical(UP, VAGUE + 1))
    for name in ("rotation", "sigma", "betas", "up", "contacts"):
        np.testing.assert_array_equal(getattr(without, name), getattr(vague, name))


def test_one_vertical_is_that_of_every_frame(lifter):
    person, camera = somebody(), camera_from_fov(1281, 721, 55.0)
    times = person.frames / 30.0
    one = lifter(person, times, camera, vertical=Vertical(UP, 1.0))
    each = lifter(person, times, camera, vertical=Vertical(np.tile(3 * UP, (20, 1)), 1.0))
    np.testing.assert_allclose(one.rotation, each.rotation, atol=1e-9)
    with pytest.raises(UsageError, match="19 verticals for 20 frames"):
        lifter(person, times, camera, vertical=Vertical(np.tile(UP, (19, 1)), 1.0))


def test_a_mirror_image_with_its_vertical_gives_the_mirrored_answer(lifter):
    person, camera = somebody(), camera_from_fov(1281, 721, 55.0)
    flipped = person.replace(
        keypoints=(person.keypoints * [-1, 1] + [1280, 0])[:, BLAZEPOSE33.mirror],
        keypoints3d=(person.keypoints3d * [-1, 1, 1])[:, BLAZEPOSE33.mirror],
    )
    times, sign = person.frames / 30.0, np.array([-1.0, 1.0, 1.0])
    plain = lifter(person, times, camera, vertical=Vertical(UP, 1.0))
    other = lifter(flipped, times, camera, vertical=Vertical(UP * sign, 1.0))
    mirrored = other.rotation[:, SMPL24.mirror] * (sign[:, None] * sign)
    assert geodesic_angle(plain.rotation, mirrored).max() < 1e-3  # single precision
    np.testing.assert_allclose(other.up, plain.up * sign, atol=1e-5)


def test_the_inputs_follow_a_camera_that_moves():
    times, grid = np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0])
    path = Vertical(np.array([[0.0, -1, 0], [0, -1, -1]]), 3.0)
    inputs = path.inputs(times, grid)
    np.testing.assert_allclose(inputs[:, 3], trust(HALF_TRUST))
    np.testing.assert_allclose(np.linalg.norm(inputs[:, :3], axis=-1), 0.5)
    np.testing.assert_allclose(inputs[2, :3], 0.5 * np.array([0, -1, -1]) / np.sqrt(2))
    assert inputs[0, 2] > inputs[1, 2] > inputs[2, 2]


def test_the_inputs_are_in_the_rotated_camera():
    turn = axis_angle_to_matrix(np.array([[0.1, 0.3, -0.2], [0.0, 0.5, 0.0]]))
    inputs = np.array([[0.0, -0.5, 0.1, 0.6], [0.1, -0.7, 0.0, 0.8]])
    found = with_vertical(np.zeros((2, 5)), turn, inputs, np)
    for row in range(2):
        np.testing.assert_allclose(turn[row] @ found[row, 5:8], inputs[row, :3], atol=1e-12)
    np.testing.assert_array_equal(found[:, 8], inputs[:, 3])
    np.testing.assert_array_equal(found[:, :5], 0)


@pytest.mark.parametrize(
    ("direction", "sigma", "complaint"),
    [
        ([0.0, 0, 0], 1.0, "length 0"),
        ([0.0, -1], 1.0, "shape"),
        ([0.0, np.nan, 0], 1.0, "finite"),
        ([0.0, -1, 0], -1.0, "at least 0"),
        ([0.0, -1, 0], np.nan, "at least 0"),
    ],
)
def test_what_is_no_vertical_is_refused(direction, sigma, complaint):
    with pytest.raises(UsageError, match=complaint):
        Vertical(np.array(direction), sigma)
