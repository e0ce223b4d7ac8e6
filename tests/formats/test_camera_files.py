"""Files of a camera's path: round trips, an independent reader's view of them, bad files."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinema.errors import InputError, UsageError
from kinema.formats.camera_files import read_camera_path, write_camera_path
from kinema.geometry.camera import camera_from_fov
from kinema.geometry.camera_path import CameraPath

FRAMES = 7
TIMES = np.arange(FRAMES) / 25


def made(**changes: object) -> CameraPath:
    turns = Rotation.from_rotvec(np.linspace(0, 0.6, FRAMES)[:, None] * [0.2, 1.0, -0.1]).as_matrix()
    centre = np.linspace(0, 2, FRAMES)[:, None] * [1.0, -0.2, 0.5]
    given = {"rotation": turns, "centre": centre, "intrinsics": camera_from_fov(640, 480, 60.0).intrinsics}
    return CameraPath(**(given | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("zoom", [False, True])
def test_our_own_layout_keeps_everything(tmp_path, zoom):
    path = made(kind="rotation", metric=True, up=np.array([0.0, -1.0, 0.1]), found=np.arange(FRAMES) != 3)
    if zoom:
        path = path.replace(intrinsics=np.tile(path.intrinsics, (FRAMES, 1, 1)))
    back = read_camera_path(write_camera_path(path, tmp_path / "a.npz", TIMES, (640, 480)))
    for name in ("rotation", "centre", "intrinsics", "found", "up"):
        np.testing.assert_array_equal(getattr(back, name), getattr(path, name))
    assert (back.kind, back.metric) == ("rotation", True)
    with np.load(tmp_path / "a.npz") as arrays:
        assert (int(arrays["width"]), int(arrays["height"])) == (640, 480)
        np.testing.assert_array_equal(arrays["times"], TIMES)


def test_tum_trajectories_are_what_the_benchmark_defines(tmp_path):
    path = made()
    file = write_camera_path(path, tmp_path / "a.txt", TIMES, (640, 480))
    rows = np.array([line.split() for line in file.read_text().splitlines()], float)
    np.testing.assert_allclose(rows[:, 0], TIMES, atol=1e-9)
    np.testing.assert_allclose(rows[:, 1:4], path.centre, atol=1e-8)
    # Column vectors of the camera's axes in the world, by another library's quaternions.
    np.testing.assert_allclose(Rotation.from_quat(rows[:, 4:]).as_matrix(), np.swapaxes(path.rotation, 1, 2), atol=1e-8)
    back = read_camera_path(file)
    np.testing.assert_allclose(back.rotation, path.rotation, atol=1e-8)
    np.testing.assert_allclose(back.centre, path.centre, atol=1e-8)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"written as \.npz or, as TUM trajectories, \.txt, not \.json"):
        write_camera_path(made(), tmp_path / "a.json", TIMES, (640, 480))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", b"no archive", "a.npz"),
        ("a.txt", b"1 2 3\n", "no TUM trajectory"),
        ("a.txt", b"\xff\xfe\x00", "no TUM trajectory"),
        ("a.txt", b"", "no TUM trajectory"),
        ("a.txt", b"0 0 0 0 0 0 0 0\n", "quaternion of no length"),
        ("a.txt", b"0 nan 0 0 0 0 0 1\n", "not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_bad_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_camera_path(tmp_path / name)


def test_files_of_other_content(tmp_path):
    with pytest.raises(InputError, match="no camera path"):
        read_camera_path(tmp_path / "nothing.npz")
    np.savez(tmp_path / "other.npz", rotation=np.zeros((3, 3, 3)))
    with pytest.raises(InputError, match="it has no centre, intrinsics"):
        read_camera_path(tmp_path / "other.npz")
    np.savez(tmp_path / "wrong.npz", rotation=np.zeros((3, 3, 3)), centre=np.zeros((3, 3)), intrinsics=np.eye(3))
    with pytest.raises(InputError, match="not a rotation"):
        read_camera_path(tmp_path / "wrong.npz")
    np.savez(
        tmp_path / "two.npz", rotation=np.eye(3)[None], centre=np.zeros((1, 3)), intrinsics=np.eye(3), kind=["a", "b"]
    )
    with pytest.raises(InputError, match="one word"):
        read_camera_path(tmp_path / "two.npz")
