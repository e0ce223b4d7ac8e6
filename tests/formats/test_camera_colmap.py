"""COLMAP's models, text and binary, written here by the documented layout."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinema.errors import InputError
from kinema.formats.camera_files import files_of, read_camera_path
from kinema.geometry.camera import project
from tests.helpers.camera_files import Image, write_colmap

SIZE = (640, 480)
LENSES = {
    "SIMPLE_PINHOLE": [500.0, 320.0, 240.0],
    "PINHOLE": [500.0, 510.0, 321.0, 239.0],
    "SIMPLE_RADIAL": [500.0, 320.0, 240.0, -0.1],
    "RADIAL": [500.0, 320.0, 240.0, -0.1, 0.02],
    "OPENCV": [500.0, 510.0, 320.0, 240.0, -0.1, 0.02, 0.001, -0.002],
}


def images(numbers: list[int], camera: int = 1) -> list[Image]:
    rng = np.random.default_rng(3)
    return [
        (f"frames/clip7_{number:04}.png", Rotation.random(random_state=rng).as_matrix(), rng.normal(size=3), camera)
        for number in numbers
    ]


def seen_by_colmap(model: str, parameters: list[float], points: np.ndarray) -> np.ndarray:
    """Pixels (n,2), pixel centres at halves, of points (n,3) in the camera's axes: the models of COLMAP's page."""
    simple = model in ("SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")
    fx, fy, cx, cy = (parameters[0], *parameters[:3]) if simple else parameters[:4]
    k1, k2, p1, p2 = (*parameters[3 if simple else 4 :], 0.0, 0.0, 0.0, 0.0)[:4]
    u, v = (points[:, :2] / points[:, 2:]).T
    r = u**2 + v**2
    bend = 1 + k1 * r + k2 * r**2
    x = u * bend + 2 * p1 * u * v + p2 * (r + 2 * u**2)
    y = v * bend + 2 * p2 * u * v + p1 * (r + 2 * v**2)
    return np.stack([fx * x + cx, fy * y + cy], axis=1)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("model", LENSES)
def test_models_are_read(tmp_path, model, binary):
    made = images([3, 1, 2])
    folder = write_colmap(tmp_path / "sparse", {1: (model, SIZE, LENSES[model])}, made, binary=binary)
    poses = read_camera_path(folder)
    assert poses.numbers.tolist() == [0, 1, 2]
    assert poses.notes == (f"the image numbered 1 in images.{'bin' if binary else 'txt'} is taken for the first frame",)
    assert poses.size == SIZE
    for row, which in enumerate((1, 2, 0)):
        np.testing.assert_allclose(poses.path.rotation[row], made[which][1], atol=1e-12)
        np.testing.assert_allclose(poses.path.translation[row], made[which][2], atol=1e-12)
    points = np.random.default_rng(0).uniform([-1, -1, 3], [1, 1, 6], (40, 3))
    ours = project(points, poses.path.intrinsics, poses.distortion)
    np.testing.assert_allclose(ours + 0.5, seen_by_colmap(model, LENSES[model], points), atol=1e-9)
    assert len(files_of(folder)) == 2
    assert read_camera_path(files_of(folder)[0]).path.rotation.shape == (3, 3, 3)


def test_images_that_count_from_nought_and_two_lenses(tmp_path):
    cameras = {1: ("PINHOLE", SIZE, LENSES["PINHOLE"]), 4: ("SIMPLE_PINHOLE", SIZE, LENSES["SIMPLE_PINHOLE"])}
    folder = write_colmap(tmp_path, cameras, [*images([0]), *images([2], camera=4)], binary=False)
    poses = read_camera_path(folder)
    assert poses.numbers.tolist() == [0, 2]
    assert poses.notes == ()
    np.testing.assert_array_equal(poses.path.intrinsics[:, 1, 1], [510.0, 500.0])


@pytest.mark.parametrize("binary", [False, True])
def test_models_that_are_refused(tmp_path, binary):
    def read(cameras, listed):
        return read_camera_path(write_colmap(tmp_path, cameras, listed, binary=binary))

    good = {1: ("PINHOLE", SIZE, LENSES["PINHOLE"])}
    with pytest.raises(InputError, match="model OPENCV_FISHEYE, which is not supported; undistort"):
        read({1: ("OPENCV_FISHEYE", SIZE, [1.0] * 8)}, images([1]))
    with pytest.raises(InputError, match="no image; the model is empty"):
        read(good, [])
    with pytest.raises(InputError, match="the camera 2, which is not among"):
        read(good, images([1], camera=2))
    with pytest.raises(InputError, match="two images have the same number"):
        read(good, images([1, 1]))
    with pytest.raises(InputError, match="no frame's number"):
        read(good, [("first.png", np.eye(3), np.zeros(3), 1)])
    with pytest.raises(InputError, match="different sizes"):
        read(good | {2: ("PINHOLE", (64, 48), LENSES["PINHOLE"])}, [*images([1]), *images([2], camera=2)])
    lens = ("SIMPLE_RADIAL", SIZE, LENSES["SIMPLE_RADIAL"])
    with pytest.raises(InputError, match="distortion changes"):
        read(good | {2: lens}, [*images([1]), *images([2], camera=2)])
    with pytest.raises(InputError, match="not finite"):
        read(good, [("1.png", np.eye(3), np.full(3, np.nan), 1)])


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"holds no model of COLMAP \(images\.bin or images\.txt\)"):
        read_camera_path(tmp_path)
    folder = write_colmap(tmp_path, {1: ("PINHOLE", SIZE, LENSES["PINHOLE"])}, images([1, 2]), binary=True)
    whole = (folder / "images.bin").read_bytes()
    (folder / "images.bin").write_bytes(whole[:100])
    with pytest.raises(InputError, match=r"images\.bin is incomplete"):
        read_camera_path(folder)
    (folder / "images.bin").write_bytes(whole)
    (folder / "cameras.bin").unlink()
    with pytest.raises(InputError, match=r"there is no .*cameras\.bin, which COLMAP writes beside"):
        read_camera_path(folder)


@pytest.mark.parametrize("line", ["1 0 0 0 1 0 0 0 1", "x 0 0 0 1 0 0 0 1 a1.png", "1 0 0 b 1 0 0 0 1 a1.png"])
def test_bad_lines_are_named(tmp_path, line):
    folder = write_colmap(tmp_path, {1: ("PINHOLE", SIZE, LENSES["PINHOLE"])}, images([1]), binary=False)
    (folder / "images.txt").write_text(line.replace("x", "1 1", 1) + "\n\n")
    with pytest.raises(InputError, match=r"images\.txt(, line 1)?: "):
        read_camera_path(folder)
