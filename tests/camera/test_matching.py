"""Which pose of a file belongs to which frame, and whose lens counts: through the stage, as a run calls it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinema.camera.options import CameraOptions
from kinema.camera.stage import find_camera
from kinema.errors import InputError
from kinema.formats.camera_files import write_camera_path
from kinema.geometry.camera import camera_from_fov, project
from kinema.geometry.camera_path import CameraPath, path_of
from kinema.motion import Motion
from kinema.stage import Context
from kinema.video.frames import TimeRange
from tests.helpers.camera_files import write_colmap

RATE = 25.0
SIZE = (640, 480)


def pose_at(seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A camera that turns and travels evenly, so that poses between two are known exactly."""
    turns = Rotation.from_rotvec(0.3 * seconds[:, None] * [0.0, 1.0, 0.0]).as_matrix()
    return turns, seconds[:, None] * [0.5, 0.0, 1.0]


def path_at(seconds: np.ndarray, **changes: object) -> CameraPath:
    rotation, centre = pose_at(seconds)
    given = {"rotation": rotation, "centre": centre, "intrinsics": camera_from_fov(*SIZE, 60.0).intrinsics}
    return CameraPath(**(given | changes))  # type: ignore[arg-type]


def clip(times: np.ndarray, size: tuple[int, int] = SIZE, **changes: object) -> Motion:
    return Motion(times, *size, **changes)  # type: ignore[arg-type]


def given_to(
    motion: Motion, file: Path, *, fov: float | None = None, slow_motion: float = 1.0, range_: TimeRange | None = None
) -> tuple[Motion, CameraPath, list[str]]:
    """The motion after the stage, its path, the notes."""
    video = SimpleNamespace(slow_motion=slow_motion, time_range=range_ or TimeRange())
    context = Context(video=video)  # type: ignore[arg-type]
    found = find_camera(motion, options=CameraOptions(file=file, fov=fov), context=context)
    path = path_of(found.data)
    assert path is not None
    return found, path, context.notes


def written(tmp_path: Path, seconds: np.ndarray, name: str = "a.npz", size: tuple[int, int] = SIZE, **changes) -> Path:
    return write_camera_path(path_at(seconds, **changes), tmp_path / name, seconds, size)


def check_poses(path: CameraPath, seconds: np.ndarray, atol: float = 1e-9) -> None:
    rotation, centre = pose_at(seconds)
    np.testing.assert_allclose(path.rotation, rotation, atol=atol)
    np.testing.assert_allclose(path.centre, centre, atol=atol)


WHOLE = np.arange(100) / RATE


@pytest.mark.parametrize("suffix", ["npz", "json", "txt"])
def test_a_path_of_the_whole_clip_serves_a_part(tmp_path, suffix):
    file = written(tmp_path, WHOLE, f"a.{suffix}")
    part = WHOLE[25:60]
    _, path, notes = given_to(clip(part), file, range_=TimeRange(1.0, 2.4))
    check_poses(path, part)
    assert notes == []


def test_a_path_of_another_part_is_refused_although_it_is_as_long(tmp_path):
    file = written(tmp_path, WHOLE[50:85])
    with pytest.raises(InputError, match=r"poses from 2\.00 to 3\.36 s, but the clip goes from 0\.00 to 1\.36 s"):
        given_to(clip(WHOLE[:35]), file)


def test_a_path_of_another_rate_is_refused(tmp_path):
    file = written(tmp_path, np.arange(100) / 10.0)
    with pytest.raises(InputError, match=r"no pose within half a frame of frame 1 \(0\.040 s\)"):
        given_to(clip(WHOLE), file)


def test_a_path_of_a_higher_rate_is_interpolated(tmp_path):
    """Times that agree within half a frame, but not exactly: the pose is that of the frame's own time."""
    file = written(tmp_path, np.arange(400) / 90.0)
    _, path, _ = given_to(clip(WHOLE), file)
    check_poses(path, WHOLE)


def test_slow_motion_goes_by_the_players_clock(tmp_path):
    """A path found before it was known that the clip plays four times slower than life."""
    file = written(tmp_path, WHOLE)
    _, path, _ = given_to(clip(WHOLE / 4), file, slow_motion=4.0)
    check_poses(path, WHOLE)
    again = written(tmp_path, WHOLE / 4, "b.npz")
    _, path, _ = given_to(clip(WHOLE / 4), again, slow_motion=4.0)
    check_poses(path, WHOLE / 4)


def test_nothing_is_interpolated_across_a_break(tmp_path):
    seconds = np.arange(40) / 50.0
    _, centre = pose_at(seconds)
    centre[20:] += [100.0, 0, 0]
    file = written(tmp_path, seconds, centre=centre, breaks=np.array([20]))
    _, path, _ = given_to(clip((np.arange(39) + 0.4) / 50.0), file)
    assert path.breaks.tolist() == [20]
    assert not np.any((path.centre[:, 0] > 1) & (path.centre[:, 0] < 99))


def test_a_clock_that_counts_from_another_moment(tmp_path):
    path = path_at(WHOLE)
    file = write_camera_path(path, tmp_path / "a.txt", WHOLE + 1305031102.0, SIZE)
    _, found, notes = given_to(clip(WHOLE), file)
    check_poses(found, WHOLE, atol=1e-6)
    assert "counts its seconds from another moment" in notes[0]
    with pytest.raises(InputError, match="has 100 poses by a clock of its own"):
        given_to(clip(WHOLE[:50]), file)
    with pytest.raises(InputError, match="at other times"):
        given_to(clip(WHOLE * 2), file)


def test_times_that_are_numbers_of_frames(tmp_path):
    file = write_camera_path(path_at(WHOLE), tmp_path / "a.txt", np.arange(100.0), SIZE)
    _, path, notes = given_to(clip(WHOLE), file)
    check_poses(path, WHOLE, atol=1e-8)
    assert notes == ["the times in a.txt are taken for numbers of frames"]


def without_times(tmp_path: Path, seconds: np.ndarray) -> Path:
    path = path_at(seconds)
    np.savez(tmp_path / "a.npz", R=path.rotation, t=path.translation, K=path.intrinsics)
    return tmp_path / "a.npz"


def test_without_times_the_numbers_must_agree(tmp_path):
    file = without_times(tmp_path, WHOLE)
    _, path, _ = given_to(clip(WHOLE), file)
    check_poses(path, WHOLE)
    with pytest.raises(InputError, match="has 100 poses, but the clip has 50 frames; they must agree"):
        given_to(clip(WHOLE[:50]), file)
    _, path, notes = given_to(clip(WHOLE[25:60]), file, range_=TimeRange(1.0, 2.4))
    check_poses(path, WHOLE[25:60])
    assert "begin with frame 25 of its video" in notes[0]


def colmap(tmp_path: Path, numbers: list[int]) -> Path:
    rotation, centre = pose_at(np.array(numbers) / RATE)
    shift = -np.einsum("tij,tj->ti", rotation, centre)
    listed = [(f"{number + 1:05}.jpg", rotation[i], shift[i], 1) for i, number in enumerate(numbers)]
    return write_colmap(tmp_path / "sparse", {1: ("PINHOLE", SIZE, [500.0, 500.0, 320.0, 240.0])}, listed, binary=True)


def test_missing_images_are_interpolated_over_short_gaps(tmp_path):
    missing = {7, 8, 40, 41, 42, 43, 44, 45}
    folder = colmap(tmp_path, [number for number in range(100) if number not in missing])
    _, path, notes = given_to(clip(WHOLE), folder)
    check_poses(path, WHOLE)
    assert set(np.flatnonzero(~path.found)) == missing
    assert notes[1] == "images.bin has no pose for 8 of 100 frames, which are interpolated"


def test_long_gaps_and_other_clips_are_refused(tmp_path):
    folder = colmap(tmp_path, [*range(40), *range(50, 100)])
    with pytest.raises(InputError, match=r"no pose for frames 40 to 49 \(0\.40 s\); gaps of up to 0\.25 s"):
        given_to(clip(WHOLE), folder)
    with pytest.raises(InputError, match="a pose for frame 99, but the clip has 60 frames"):
        given_to(clip(WHOLE[:60]), folder)
    _, path, _ = given_to(clip(WHOLE[60:]), folder, range_=TimeRange(2.4))
    check_poses(path, WHOLE[60:])


def test_a_lens_of_another_size_is_scaled(tmp_path):
    file = written(tmp_path, WHOLE, size=SIZE)
    motion, path, notes = given_to(clip(WHOLE, (1280, 960)), file)
    np.testing.assert_allclose(motion.camera.intrinsics, camera_from_fov(1280, 960, 60.0).intrinsics, atol=1e-9)
    np.testing.assert_array_equal(path.intrinsics, motion.camera.intrinsics)
    assert motion.camera.focal_source == "file"
    assert notes == ["the lens in a.npz was scaled from 640x480 to 1280x960 pixels"]


def test_a_lens_of_another_shape_is_refused(tmp_path):
    file = written(tmp_path, WHOLE, size=SIZE)
    with pytest.raises(InputError, match="for images of 640x480, but the clip has 480x640, which is another shape"):
        given_to(clip(WHOLE, (480, 640)), file)


def test_a_lens_without_a_size_must_be_of_such_a_picture(tmp_path):
    file = without_times(tmp_path, WHOLE)
    with pytest.raises(InputError, match=r"its middle at \(320, 240\), outside the clip's 200x200 pixels"):
        given_to(clip(WHOLE, (200, 200)), file)


def test_the_users_field_of_view_counts_for_path_and_camera(tmp_path):
    file = written(tmp_path, WHOLE)
    motion, path, notes = given_to(clip(WHOLE), file, fov=75.0)
    assert (motion.camera.focal_source, round(motion.camera.fov, 6)) == ("fov option", 75.0)
    np.testing.assert_array_equal(path.intrinsics, motion.camera.intrinsics)
    assert notes == ["the 75.0 degrees that are known of the lens count, not the field of view in a.npz (60.0 degrees)"]
    _, _, notes = given_to(clip(WHOLE), file, fov=60.0)
    assert notes == []


def test_a_trajectory_gets_the_runs_lens(tmp_path):
    file = written(tmp_path, WHOLE, "a.txt")
    own = camera_from_fov(*SIZE, 48.0, "metadata")
    motion, path, _ = given_to(clip(WHOLE, camera=own), file)
    np.testing.assert_array_equal(path.intrinsics, own.intrinsics)
    assert motion.camera.focal_source == "metadata"


def test_a_distortion_reaches_the_camera(tmp_path):
    """The fit undistorts the keypoints with the camera's distortion, and everything drawn is bent by it."""
    lens = np.array([-0.2, 0.05, 0.0, 0.0])
    file = write_camera_path(path_at(WHOLE), tmp_path / "a.json", WHOLE, SIZE, lens)
    motion, _, _ = given_to(clip(WHOLE), file)
    np.testing.assert_array_equal(motion.camera.distortion, lens)
    bent = project(np.array([[1.0, 0.5, 2.0]]), motion.camera.intrinsics, motion.camera.distortion)
    assert np.linalg.norm(bent - project(np.array([[1.0, 0.5, 2.0]]), motion.camera.intrinsics)) > 5
    motion, _, notes = given_to(clip(WHOLE), file, fov=75.0)
    assert motion.camera.distortion is None
    assert "not the field of view and the distortion in a.json" in notes[0]


def test_zoom_keeps_its_focal_lengths_and_the_camera_their_median(tmp_path):
    zoom = np.array([camera_from_fov(*SIZE, fov).intrinsics for fov in np.linspace(40, 60, 100)])
    file = written(tmp_path, WHOLE, intrinsics=zoom)
    motion, path, notes = given_to(clip(WHOLE), file)
    np.testing.assert_array_equal(path.intrinsics, zoom)
    assert motion.camera.intrinsics[0, 0] == np.median(zoom[:, 0, 0])
    assert "zooms" in notes[0]
