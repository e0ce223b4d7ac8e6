"""Cameras: what cannot exist, projection there and back, defaults, world and camera frames."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kinema.errors import ShapeError, UsageError
from kinema.geometry import camera as c
from kinema.geometry.camera import Camera
from kinema.geometry.rotations import axis_angle_to_matrix
from tests.helpers.values import camera

INTRINSICS = np.array([[1000.0, 0, 959.5], [0, 1010.0, 539.5], [0, 0, 1]])
DISTORTIONS = {
    "none": None,
    "4": [-0.3, 0.1, 0.001, -0.001],
    "5, wide": [-0.4, 0.15, 0.001, -0.001, -0.02],
    "5, pillow": [0.2, -0.1, 0.0, 0.0, 0.05],
    "8": [0.3, -0.1, 0.0005, 0.001, 0.02, 0.5, -0.05, 0.01],
}


@pytest.mark.parametrize("name", DISTORTIONS)
@given(hnp.arrays(float, (4, 3, 3), elements=st.floats(-1, 1)))
def test_project_and_back(name, points):
    """The ray through a pixel leads back to the point: 1e-6 of the depth, a thousandth of a pixel."""
    distortion = None if DISTORTIONS[name] is None else np.array(DISTORTIONS[name])
    points = points * [0.9, 0.5, 1] + [0, 0, 3]
    points[..., :2] *= points[..., 2:] / 2  # all over a view of 84 x 53 degrees
    pixels = c.project(points, INTRINSICS, distortion)
    assert pixels.shape == (4, 3, 2)
    rays = c.unproject(pixels, INTRINSICS, distortion)
    np.testing.assert_allclose(rays, points[..., :2] / points[..., 2:], atol=1e-6)
    if distortion is not None:
        centred = np.abs(points[..., :2] / points[..., 2:]).max(axis=-1) > 0.2
        plain = c.project(points, INTRINSICS)
        assert (np.abs(pixels - plain).max(axis=-1)[centred] > 0.1).all()


def test_zero_distortion_changes_nothing():
    points = np.random.default_rng(0).normal(size=(20, 3)) + np.array([0, 0, 5])
    np.testing.assert_allclose(c.project(points, INTRINSICS, np.zeros(5)), c.project(points, INTRINSICS), atol=1e-9)


def test_pixel_centres_are_at_integers():
    """The optical axis meets the centre of the image, half a pixel before width/2."""
    camera = c.camera_from_focal(640, 480, 500.0, "calibration")
    np.testing.assert_allclose(c.project([0.0, 0, 2], camera.intrinsics), [319.5, 239.5])
    assert camera.focal_source == "calibration"
    # x to the right, y down
    assert (c.project([1.0, 1, 2], camera.intrinsics) > [319.5, 239.5]).all()


def test_skew_is_kept():
    skewed = INTRINSICS.copy()
    skewed[0, 1] = 30.0
    pixels = c.project(np.array([[0.3, -0.2, 2.0]]), skewed)
    np.testing.assert_allclose(pixels[0, 0], 1000 * 0.15 + 30 * -0.1 + 959.5)
    np.testing.assert_allclose(c.unproject(pixels, skewed), [[0.15, -0.1]])


def test_points_at_or_behind_the_camera_stay_finite():
    points = np.array([[1.0, 1, 0], [1, 1, -5], [1, 1, c.NEAREST_DEPTH]])
    pixels = c.project(points, INTRINSICS)
    assert np.isfinite(pixels).all()
    np.testing.assert_allclose(pixels, np.broadcast_to(pixels[2], (3, 2)))


@pytest.mark.parametrize("distortion", [None, np.zeros(5)])
def test_nothing_to_project(distortion):
    assert c.project(np.zeros((0, 3)), INTRINSICS, distortion).shape == (0, 2)
    assert c.unproject(np.zeros((2, 0, 2)), INTRINSICS, distortion).shape == (2, 0, 2)


@given(st.integers(1, 5000), st.integers(1, 5000), st.floats(1.5, 174))
def test_field_of_view_spans_the_longer_side(width, height, fov):
    camera = c.camera_from_fov(width, height, fov, "fov option")
    focal = camera.intrinsics[0, 0]
    assert camera.intrinsics[1, 1] == focal
    assert 2 * math.degrees(math.atan(max(width, height) / 2 / focal)) == pytest.approx(fov)
    assert camera.focal_source == "fov option"


@pytest.mark.parametrize("fov", [0, 1, 175, 400, -20, float("nan")])
def test_impossible_field_of_view(fov):
    with pytest.raises(UsageError, match="`fov` must lie between 1 and 175"):
        c.camera_from_fov(640, 480, fov)


def test_impossible_focal_length():
    with pytest.raises(ShapeError, match="focal lengths must be positive"):
        c.camera_from_focal(640, 480, 0.0, "metadata")


@given(st.floats(0.05, 8), hnp.arrays(float, (5, 3), elements=st.floats(-1, 1)))
def test_scaled_intrinsics_project_to_the_scaled_image(scale, points):
    """A pixel's corner (-0.5) scales like everything else, so its centre goes to scale * (u + 0.5) - 0.5."""
    points = points + np.array([0, 0, 3])
    pixels = c.project(points, INTRINSICS)
    np.testing.assert_allclose(
        c.project(points, c.scaled_intrinsics(INTRINSICS, scale)), scale * (pixels + 0.5) - 0.5, atol=1e-8
    )


def placed(count=None):
    rng = np.random.default_rng(1)
    lead = () if count is None else (count,)
    return Camera(
        width=640,
        height=480,
        intrinsics=INTRINSICS,
        rotation=axis_angle_to_matrix(rng.normal(size=(*lead, 3))),
        translation=rng.normal(size=(*lead, 3)),
    )


@pytest.mark.parametrize("shape", [(6, 3), (6, 24, 3), (6, 2, 5, 3)])
@pytest.mark.parametrize("count", [None, 6])
def test_world_and_camera_frames(shape, count):
    camera = placed(count)
    points = np.random.default_rng(2).normal(size=shape)
    seen = c.to_camera(points, camera)
    assert seen.shape == shape
    np.testing.assert_allclose(c.to_world(seen, camera), points, atol=1e-12)
    frame = 4
    rotation = camera.rotation if count is None else camera.rotation[frame]
    translation = camera.translation if count is None else camera.translation[frame]
    np.testing.assert_allclose(seen[frame], points[frame] @ rotation.T + translation, atol=1e-12)


def test_the_cameras_own_place_is_its_origin():
    camera = placed()
    np.testing.assert_allclose(c.to_world(np.zeros((1, 3)), camera)[0], -camera.rotation.T @ camera.translation)


def test_unknown_world():
    camera = c.camera_from_fov(640, 480)
    for function in (c.to_camera, c.to_world):
        with pytest.raises(UsageError, match="pose in the world is unknown"):
            function(np.zeros((2, 3)), camera)


@pytest.mark.parametrize("size", [(0, 48), (64, 0), (-1, 48)])
def test_camera_size(size):
    with pytest.raises(ShapeError, match=f"camera: size must be positive, found {size[0]}x{size[1]}"):
        camera(width=size[0], height=size[1])


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"intrinsics": np.eye(4)}, r"intrinsics has shape \(4, 4\), expected \(3, 3\)"),
        ({"intrinsics": np.full((3, 3), np.nan)}, r"intrinsics holds a value that is not finite at \(0, 0\)"),
        ({"intrinsics": np.diag([-50.0, 50, 1])}, "focal lengths must be positive"),
        ({"intrinsics": np.diag([50.0, 0, 1])}, "focal lengths must be positive"),
        ({"distortion": np.zeros(6)}, r"distortion must be \(4,\), \(5,\) or \(8,\), found \(6,\)"),
        ({"rotation": np.eye(3)}, "must be given together"),
        ({"translation": np.zeros(3)}, "must be given together"),
        ({"rotation": np.eye(3), "translation": np.zeros(4)}, r"translation has shape \(4,\), expected \(3,\)"),
        (
            {"rotation": np.zeros((5, 3, 3)), "translation": np.zeros(3)},
            r"translation has shape \(3,\), expected \(5, 3\)",
        ),
        ({"rotation": np.eye(3) * 2, "translation": np.zeros(3)}, "is not a rotation matrix"),
        ({"rotation": np.diag([1.0, 1, -1]), "translation": np.zeros(3)}, "contains a reflection"),
        ({"rotation": np.stack([np.eye(3), -np.eye(3)]), "translation": np.zeros((2, 3))}, "contains a reflection"),
    ],
)
def test_camera_refuses(changes, match):
    with pytest.raises(ShapeError, match=match):
        camera(**changes)


@pytest.mark.parametrize("count", [4, 5, 8])
def test_camera_takes_opencv_distortions(count):
    assert camera(distortion=np.zeros(count)).distortion.shape == (count,)


@pytest.mark.parametrize(
    ("size", "millimetres", "degrees"),
    [
        ((4032, 3024), 26.0, 67.3),  # a photo: by the diagonal
        ((3024, 4032), 26.0, 67.3),
        ((6000, 4000), 50.0, 39.6),  # a photo of 3:2: the film's own frame
        ((1920, 1080), 27.0, 67.4),  # an iPhone's video with the same lens as the first photo
        ((1080, 1920), 27.0, 67.4),
        ((3840, 1600), 27.0, 67.4),
    ],
)
def test_equivalent_focal_lengths_are_by_the_diagonal_of_what_was_not_cut(size, millimetres, degrees):
    camera = c.camera_from_35mm(*size, millimetres)
    assert camera.fov == pytest.approx(degrees, abs=0.1)
    assert camera.focal_source == "metadata"
    # 6 % of a focal length.
    wider = c.camera_from_focal(*size, camera.intrinsics[0, 0] * math.exp(-c.TAG_UNCERTAINTY), "metadata")
    assert camera.fov_uncertainty == pytest.approx(wider.fov - camera.fov, abs=0.25)
