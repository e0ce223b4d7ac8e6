"""Projection of the data sets' authors, against their recorded numbers and OpenCV."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.datasets.h36m_cameras import H36M_CAMERAS
from kinema.datasets.projection import project, to_pixels
from kinema.geometry.rotations import quaternion_to_matrix
from kinema.lifting.inputs import to_screen
from tests.helpers.goldens import each_case, goldens, recording

GOLDEN = "videopose3d/golden_metrics_cameras.npz"


@pytest.mark.golden
@each_case("stem", GOLDEN, r"(cam\.S\d+\.\d)\.proj")
def test_lenses(stem):
    """Recorded in float32 of points some metres away: 1e-5 of the image's width."""
    golden = recording(GOLDEN)
    points, lens = golden[f"{stem}.camera"].astype(np.float64), golden[f"{stem}.intrinsic"].astype(np.float64)
    np.testing.assert_allclose(project(points, lens), golden[f"{stem}.proj"], atol=1e-5)
    np.testing.assert_allclose(project(points, lens, distorted=False), golden[f"{stem}.proj_linear"], atol=1e-5)


@pytest.mark.golden
@each_case("width,height", GOLDEN, r"cam\.norm_(\d+)x(\d+)")
def test_screens(width, height):
    golden = recording(GOLDEN)
    screen = to_screen(golden["cam.px"], width, height, width)
    np.testing.assert_allclose(screen, golden[f"cam.norm_{width}x{height}"], atol=1e-12)
    np.testing.assert_allclose(to_pixels(screen, width, height), golden[f"cam.back_{width}x{height}"], atol=1e-9)
    np.testing.assert_allclose(golden[f"cam.back_{width}x{height}"], golden["cam.px"], atol=1e-9)


@pytest.mark.golden
def test_quaternions():
    golden = recording(GOLDEN)
    order = [1, 2, 3, 0]  # w x y z -> x y z w
    turned = np.squeeze(quaternion_to_matrix(golden["quat.q"][:, order]) @ golden["quat.v"][..., None], -1)
    np.testing.assert_allclose(turned, golden["quat.qrot"], atol=1e-9)
    back = np.squeeze(quaternion_to_matrix(golden["quat.qinverse"][:, order]) @ turned[..., None], -1)
    np.testing.assert_allclose(back, golden["quat.v"], atol=1e-9)


@pytest.mark.golden
def test_places_of_human36m_s_cameras():
    """The published numbers have float32's seven digits: a millionth in the orientation, a micrometre in metres."""
    places = json.loads((goldens() / "videopose3d/h36m_extrinsics.json").read_text())
    known = {subject: cameras for subject, cameras in places.items() if all(cameras)}
    assert set(known) == set(H36M_CAMERAS)
    for subject, cameras in known.items():
        for camera, place in zip(H36M_CAMERAS[subject], cameras, strict=True):
            np.testing.assert_allclose(camera.orientation, place["orientation"], atol=1e-6)
            np.testing.assert_allclose(camera.position, np.array(place["translation_mm"]) / 1000, atol=1e-6)


@pytest.mark.golden
@each_case("subject,number", GOLDEN, r"cam\.(S\d+)\.(\d)\.camera")
def test_there_and_back(subject, number):
    golden = recording(GOLDEN)
    camera = H36M_CAMERAS[subject][number]
    np.testing.assert_allclose(golden["cam.roundtrip"], golden["cam.world"], atol=1e-5)
    np.testing.assert_allclose(
        camera.to_world(golden[f"cam.{subject}.{number}.camera"]), golden["cam.roundtrip"], atol=1e-5
    )


def test_without_tangential_distortion_it_is_opencv_s():
    import cv2

    camera = H36M_CAMERAS["S1"][0]
    points = np.random.default_rng(0).normal(size=(50, 3)) * [0.8, 0.8, 0.5] + [0, 0, 5]
    lens = camera.lens.copy()
    lens[7:] = 0
    matrix = np.array([[camera.focal[0], 0, camera.centre[0]], [0, camera.focal[1], camera.centre[1]], [0, 0, 1]])
    k1, k2, k3 = camera.radial
    want, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), matrix, np.array([k1, k2, 0, 0, k3]))
    pixels = to_pixels(project(points, lens), camera.width, camera.height)
    np.testing.assert_allclose(pixels, want[:, 0], atol=1e-9)


def test_rays_at_the_side_are_clamped():
    lens = np.array([1.0, 1, 0, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(project(np.array([[5.0, -3, 2]]), lens), [[1, -1]])
