"""Files of a camera's path: round trips, an independent reader's view of them, bad files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinema.errors import InputError, UnsafeFileError, UsageError
from kinema.formats.camera_files import files_of, read_camera_path, write_camera_path
from kinema.geometry.camera import camera_from_fov
from kinema.geometry.camera_path import CameraPath
from tests.helpers.camera_files import pickled_cameras

FRAMES = 7
TIMES = np.arange(FRAMES) / 25


def made(**changes: object) -> CameraPath:
    turns = Rotation.from_rotvec(np.linspace(0, 0.6, FRAMES)[:, None] * [0.2, 1.0, -0.1]).as_matrix()
    centre = np.linspace(0, 2, FRAMES)[:, None] * [1.0, -0.2, 0.5]
    given = {"rotation": turns, "centre": centre, "intrinsics": camera_from_fov(640, 480, 60.0).intrinsics}
    return CameraPath(**(given | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("zoom", [False, True])
def test_our_own_layouts_keep_everything(tmp_path, zoom, suffix):
    path = made(
        kind="rotation", metric=True, up=np.array([0.0, -1.0, 0.1]), found=np.arange(FRAMES) != 3, breaks=np.array([4]),
        points=np.array([[0.1, 0.2, 3.0], [-1.0, 0.5, 7.0]]), points_sigma=np.array([0.01, 0.08]),
        points_piece=np.array([0, 1]),
    )  # fmt: skip
    if zoom:
        path = path.replace(intrinsics=np.tile(path.intrinsics, (FRAMES, 1, 1)))
    lens = np.array([-0.1, 0.02, 0.001, 0.0])
    poses = read_camera_path(write_camera_path(path, tmp_path / f"a{suffix}", TIMES, (640, 480), lens))
    for name in ("rotation", "intrinsics", "found", "up", "breaks", "points", "points_sigma", "points_piece"):
        np.testing.assert_array_equal(getattr(poses.path, name), getattr(path, name))
    np.testing.assert_allclose(poses.path.centre, path.centre, atol=1e-12)
    assert (poses.path.kind, poses.path.metric, poses.lens, poses.size) == ("rotation", True, True, (640, 480))
    np.testing.assert_array_equal(poses.times, TIMES)
    np.testing.assert_array_equal(poses.distortion, lens)


def test_json_is_what_the_page_says(tmp_path):
    """The keys, read with json and numpy alone: X_camera = R X + t."""
    path = made()
    content = json.loads(write_camera_path(path, tmp_path / "a.json", TIMES, (640, 480)).read_text())
    point = np.array([0.3, 0.1, 5.0])
    there = np.array(content["R"]) @ point + np.array(content["t"])
    np.testing.assert_allclose(there, np.einsum("tij,tj->ti", path.rotation, point - path.centre), atol=1e-12)
    assert content["size"] == [640, 480]
    assert "distortion" not in content
    with np.load(write_camera_path(path, tmp_path / "a.npz", TIMES, (640, 480))) as arrays:
        assert set(arrays) == set(content)


def test_files_with_the_earlier_keys_are_read(tmp_path):
    path = made()
    np.savez(
        tmp_path / "old.npz", rotation=path.rotation, centre=path.centre, intrinsics=path.intrinsics, found=path.found,
        kind="full", metric=False, times=TIMES, width=640, height=480,
    )  # fmt: skip
    poses = read_camera_path(tmp_path / "old.npz")
    np.testing.assert_array_equal(poses.path.centre, path.centre)
    assert poses.size == (640, 480)


def test_a_file_with_no_more_than_poses(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"R": np.tile(np.eye(3), (3, 1, 1)).tolist(), "t": [[0, 0, 0]] * 3}))
    poses = read_camera_path(tmp_path / "a.json")
    assert (poses.lens, poses.times, poses.size, poses.distortion) == (False, None, None, None)


def test_tum_trajectories_are_what_the_benchmark_defines(tmp_path):
    path = made()
    file = write_camera_path(path, tmp_path / "a.txt", TIMES, (640, 480))
    rows = np.array([line.split() for line in file.read_text().splitlines()], float)
    np.testing.assert_allclose(rows[:, 0], TIMES, atol=1e-9)
    np.testing.assert_allclose(rows[:, 1:4], path.centre, atol=1e-8)
    # Column vectors of the camera's axes in the world, by another library's quaternions.
    np.testing.assert_allclose(Rotation.from_quat(rows[:, 4:]).as_matrix(), np.swapaxes(path.rotation, 1, 2), atol=1e-8)
    poses = read_camera_path(file)
    np.testing.assert_allclose(poses.path.rotation, path.rotation, atol=1e-8)
    np.testing.assert_allclose(poses.path.centre, path.centre, atol=1e-8)
    np.testing.assert_allclose(poses.times, TIMES, atol=1e-9)
    assert not poses.lens


def test_tum_trajectories_of_others(tmp_path):
    """Comments, empty lines, quaternions of two decimals, a clock that counts from 1970."""
    (tmp_path / "a.txt").write_text("# time x y z\n\n1305031102.1758 0 0 1 0 0 0.71 0.71\n1305031102.2 0 0 2 0 0 0 1\n")
    poses = read_camera_path(tmp_path / "a.txt")
    assert poses.times[0] == 1305031102.1758
    np.testing.assert_allclose(np.linalg.det(poses.path.rotation), 1.0, atol=1e-12)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"written as \.npz \(npz\), \.json \(json\), \.txt \(tum\), not \.csv"):
        write_camera_path(made(), tmp_path / "a.csv", TIMES, (640, 480))
    (tmp_path / "a.csv").write_text("a")
    with pytest.raises(UsageError, match="no ending of camera paths"):
        read_camera_path(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", b"no archive", "a.npz"),
        ("a.txt", b"1 2 3\n", "line 1 is not a line of a TUM trajectory"),
        ("a.txt", b"\xff\xfe\x00", "not text"),
        ("a.txt", b"", "no line with a pose"),
        ("a.txt", b"0 0 0 0 0 0 0 0\n", "line 1: its quaternion has the length 0"),
        ("a.txt", b"0 0 0 0 0 0 0 1\n1 0 0 0 0 0 0 2\n", "line 2: its quaternion has the length 2"),
        ("a.txt", b"0 nan 0 0 0 0 0 1\n", "not finite"),
        ("a.txt", b"0 0 0 0 0 0 0 1 5\n", "not a line of a TUM trajectory"),
        ("a.txt", b"1 0 0 0 0 0 0 1\n1 0 0 0 0 0 0 1\n", "line 2: its time 1 s is not after"),
        ("a.txt", b"0 1e30 0 0 0 0 0 1\n", "far too large"),
        ("a.json", b"[]", "must be an object with R and t"),
        ("a.json", b"{", "not a complete JSON file"),
        ("a.json", b'{"R": [[[1,0,0],[0,1,0],[0,0,1]]]}', "it has no t"),
        ("a.json", b'{"R": "x", "t": [[0,0,0]]}', "R must be numbers"),
        ("a.json", b'{"R": [[[1,0,0],[0,1,0],[0,0,1]]], "t": [[0,0,NaN]]}', "not finite"),
        ("a.json", b'{"R": [[[1,0,0],[0,1,0],[0,0,2]]], "t": [[0,0,0]]}', "not a rotation"),
        ("a.json", b'{"R": [[[1,0,0],[0,1,0],[0,0,1]]], "t": [[0,0,0]], "times": [0, 1]}', "times has shape"),
        ("a.json", b'{"R": [[[1,0,0],[0,1,0],[0,0,1]]], "t": [[0,0,0]], "distortion": [0.1,0,0,0]}', "without the K"),
        (
            "a.json",
            b'{"R": [[[1,0,0],[0,1,0],[0,0,1]]], "t": [[0,0,0]], "K": [[9,0,4],[0,9,4],[0,0,1]], "distortion": [1]}',
            "must be 4, 5 or 8 coefficients",
        ),
        ("a.json", b'{"R": [[[1,0,0],[0,1,0],[0,0,1]]], "t": [[0,0,0]], "size": [0, 5]}', "size must be positive"),
        ("a.json", b'{"R": [], "t": []}', "shape"),
        ("a.pkl", b"no pickle", "not a pickle"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_camera_path(tmp_path / name)


def test_a_lens_that_changes_its_distortion_is_refused(tmp_path):
    path = made()
    rows = np.zeros((FRAMES, 4))
    rows[3, 0] = 0.1
    np.savez(tmp_path / "a.npz", R=path.rotation, t=path.translation, K=path.intrinsics, distortion=rows)
    with pytest.raises(InputError, match="distortion changes"):
        read_camera_path(tmp_path / "a.npz")


def test_files_of_other_content(tmp_path):
    with pytest.raises(InputError, match="no camera path"):
        read_camera_path(tmp_path / "nothing.npz")
    np.savez(tmp_path / "other.npz", rotation=np.zeros((3, 3, 3)))
    with pytest.raises(InputError, match="it has no centre"):
        read_camera_path(tmp_path / "other.npz")
    np.savez(tmp_path / "wrong.npz", rotation=np.zeros((3, 3, 3)), centre=np.zeros((3, 3)), intrinsics=np.eye(3))
    with pytest.raises(InputError, match="not a rotation"):
        read_camera_path(tmp_path / "wrong.npz")
    np.savez(
        tmp_path / "two.npz", rotation=np.eye(3)[None], centre=np.zeros((1, 3)), intrinsics=np.eye(3), kind=["a", "b"]
    )
    with pytest.raises(InputError, match="kind must be text"):
        read_camera_path(tmp_path / "two.npz")


def of_pipeline(path: CameraPath, **changes: object) -> list[dict[str, object]]:
    """The attributes of the NLF pipeline's cameras: positions in millimetres."""
    return [
        {
            "R": rotation.astype(np.float32), "t": 1000 * centre, "intrinsic_matrix": path.intrinsics,
            "distortion_coeffs": None, "world_up": np.array([0.0, -1.0, 0.0]),
        } | changes
        for rotation, centre in zip(path.rotation, path.centre, strict=True)
    ]  # fmt: skip


@pytest.mark.parametrize("library", ["deltacamera", "cameravision"])
@pytest.mark.parametrize("slots", [False, True])
def test_cameras_of_the_nlf_pipeline(tmp_path, library, slots):
    path = made()
    (tmp_path / "a.pkl").write_bytes(pickled_cameras(of_pipeline(path), library=library, slots=slots))
    poses = read_camera_path(tmp_path / "a.pkl")
    np.testing.assert_allclose(poses.path.rotation, path.rotation, atol=1e-6)  # float32
    np.testing.assert_allclose(poses.path.centre, path.centre, atol=1e-12)
    np.testing.assert_array_equal(poses.path.intrinsics, path.intrinsics)
    assert poses.path.metric
    assert poses.path.up is None
    assert poses.times is None


def test_cameras_of_the_nlf_pipeline_that_stand_or_see_bent(tmp_path):
    path = made(rotation=np.tile(np.eye(3), (FRAMES, 1, 1)), centre=np.zeros((FRAMES, 3)))
    lens, up = np.array([0.1, 0, 0, 0, 0.0]), np.array([0.0, -0.8, -0.6])
    (tmp_path / "a.pkl").write_bytes(pickled_cameras(of_pipeline(path, distortion_coeffs=lens, world_up=up)))
    poses = read_camera_path(tmp_path / "a.pkl")
    assert poses.path.kind == "static"
    np.testing.assert_array_equal(poses.distortion, lens)
    np.testing.assert_allclose(poses.path.up, up)


def test_pickles_of_other_things_are_refused(tmp_path):
    file = tmp_path / "a.pkl"
    file.write_bytes(pickled_cameras(of_pipeline(made()), library="os_path_of_evil"))
    with pytest.raises(UnsafeFileError, match="os_path_of_evil"):
        read_camera_path(file)
    file.write_bytes(pickled_cameras([{"R": np.eye(3)}]))
    with pytest.raises(InputError, match="camera 0 has no intrinsic_matrix, t"):
        read_camera_path(file)
    file.write_bytes(pickled_cameras(of_pipeline(made(), R=np.eye(4))))
    with pytest.raises(InputError, match="camera 0: R has shape"):
        read_camera_path(file)


def test_the_files_that_a_path_is_read_from(tmp_path):
    file = write_camera_path(made(), tmp_path / "a.npz", TIMES, (640, 480))
    assert files_of(file) == (file,)
