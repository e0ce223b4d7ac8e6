"""The layout of VideoPose3D's data sets: what is read, the published cameras, and refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.datasets.cameras import DatasetCamera, read_cameras
from kinema.datasets.h36m import read_dataset, read_keypoints, read_positions, subjects_of
from kinema.datasets.h36m_cameras import H36M_CAMERAS
from kinema.errors import InputError, UsageError
from tests.helpers.goldens import each_case, recording
from tests.helpers.lifter_datasets import motion, seen, write_dataset, write_keypoints, write_positions

CAMERAS = "videopose3d/golden_metrics_cameras.npz"


@pytest.mark.golden
@each_case("subject,number", CAMERAS, r"cam\.(S\d+)\.(\d)\.camera")
def test_human36m_s_cameras_are_the_published_ones(subject, number):
    golden = recording(CAMERAS)
    camera = H36M_CAMERAS[subject][number]
    stem = f"cam.{subject}.{number}"
    points = camera.to_camera(golden["cam.world"])
    np.testing.assert_allclose(points, golden[f"{stem}.camera"], atol=1e-5)  # metres; recorded in float32
    np.testing.assert_allclose(camera.lens, golden[f"{stem}.intrinsic"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(camera.to_world(points), golden["cam.world"], atol=1e-9)


def test_clips_are_the_motion_in_the_camera_s_axes(tmp_path):
    data = read_dataset(*write_dataset(tmp_path, frames=20, actions=("Walking", "Eating 1")))
    assert data.subjects == ("S1", "S5", "S9")
    clips = list(data.clips(["S5"], ["Walk"]))
    assert [(clip.kind, clip.camera.name) for clip in clips] == [("Walking", c.name) for c in H36M_CAMERAS["S5"]]
    world = motion(20, 10, 0.95)
    for clip in clips:
        np.testing.assert_allclose(clip.camera.to_world(clip.joints), world, atol=1e-5)
        np.testing.assert_allclose(clip.keypoints, seen(world, clip.camera), atol=1e-3)
    assert len(list(data.clips())) == 3 * 2 * 4


def test_detections_that_run_on_are_cut_and_further_columns_left_out(tmp_path):
    three, two = write_dataset(tmp_path, frames=10, subjects=("S1",))
    views = [np.concatenate([np.full((12, 17, 2), 3.0), np.ones((12, 17, 1))], -1)] * 4
    write_keypoints(two, {"S1": {"Walking 1": views}})
    assert all(clip.keypoints.shape == (10, 17, 2) for clip in read_dataset(three, two).clips())
    write_keypoints(two, {"S1": {"Walking 1": [view[:9] for view in views]}})
    with pytest.raises(InputError, match=r"keypoints of 9 frames for 'Walking 1' of 'S1', .* has 10 frames"):
        list(read_dataset(three, two).clips())


def test_other_cameras_come_from_a_file(tmp_path):
    camera = {
        "name": "a",
        "width": 640,
        "height": 480,
        "focal": [600, 600],
        "centre": [320, 240],
        "position": [0, 0, -3],
    }
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps({"Ann": [camera]}))
    cameras = read_cameras(path)
    assert cameras["Ann"] == (DatasetCamera("a", 640, 480, (600, 600), (320, 240), position=(0, 0, -3)),)
    positions = write_positions(tmp_path / "3.npz", {"Ann": {"Jump": motion(4, 0)}})
    keypoints = write_keypoints(tmp_path / "2.npz", {"Ann": {"Jump": [np.ones((4, 17, 2))]}})
    (clip,) = read_dataset(positions, keypoints, cameras).clips()
    np.testing.assert_allclose(clip.joints, motion(4, 0) + [0, 0, 3], atol=1e-6)
    with pytest.raises(InputError, match=r"the cameras of 'Ann' in 3.npz are not known; give them with `cameras`"):
        list(read_dataset(positions, keypoints).clips())
    for broken, message in [
        ([], "not a file of cameras"),
        ({"Ann": [{**camera, "zoom": 1}]}, "has the unknown field 'zoom'"),
        ({"Ann": [{**camera, "focal": [0, 600]}]}, "needs positive sizes"),
        ({"Ann": [{"width": 640, "height": 480}]}, "has no focal"),
    ]:
        path.write_text(json.dumps(broken))
        with pytest.raises(InputError, match=message):
            read_cameras(path)


def test_what_is_not_in_the_layout_is_refused(tmp_path):
    three, two = write_dataset(tmp_path, frames=4, subjects=("S1",))
    with pytest.raises(InputError, match=r"data_2d_h36m_gt.npz has no positions_3d; it has positions_2d, metadata"):
        read_positions(two)
    with pytest.raises(InputError, match=r"data_3d_h36m.npz has no subject 'S7'; it has S1"):
        list(read_dataset(three, two).clips(["S7"]))
    with pytest.raises(InputError, match="'Walking 1' of 'S1' has 21 joints"):
        read_positions(write_positions(tmp_path / "a.npz", {"S1": {"Walking 1": np.zeros((4, 21, 3))}}))
    broken = np.zeros((4, 17, 3))
    broken[2, 0, 1] = np.nan
    with pytest.raises(InputError, match=r"holds a value that is not finite at \(2, 0, 1\)"):
        read_positions(write_positions(tmp_path / "a.npz", {"S1": {"Walking 1": broken}}))
    with pytest.raises(InputError, match="camera 0 has 17 joints, the metadata of the file says 15"):
        read_keypoints(write_keypoints(tmp_path / "b.npz", {"S1": {"a": [np.zeros((4, 17, 2))]}}, 15))
    write_keypoints(two, {"S1": {"Eating": [np.zeros((4, 17, 2))] * 4}})
    with pytest.raises(InputError, match="lacks the action 'Walking 1' of 'S1'"):
        list(read_dataset(three, two).clips())
    write_keypoints(two, {"S1": {"Walking 1": [np.zeros((4, 17, 2))]}})
    with pytest.raises(InputError, match="has 1 views of 'Walking 1' of 'S1'; 4 cameras are known"):
        list(read_dataset(three, two).clips())
    np.savez(tmp_path / "c.npz", positions_3d=np.zeros(3))
    with pytest.raises(InputError, match="positions_3d must be a dict in an array"):
        read_positions(tmp_path / "c.npz")
    with pytest.raises(UsageError, match="no subject is named"):
        subjects_of(" ,")


ODD = (
    None,
    3,
    -1,
    1.5,
    "x",
    b"x",
    [],
    {},
    [[]],
    {"a": 1},
    np.zeros(2),
    np.zeros((2, 17, 2), dtype=object),
    [np.nan],
    1e300,
)
"""Values where others belong."""


def places(value, path=()):
    """Every place in nested dicts and lists."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def test_nothing_but_an_input_error_comes_of_odd_contents(tmp_path):
    content = {
        "positions_2d": {"S1": {"a": [np.ones((2, 17, 2))]}},
        "metadata": {
            "layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": [[4, 5], [1, 2]],
            "video_metadata": {"S1": {"w": 10, "h": 10}},
        },
        "positions_3d": {"S1": {"a": np.ones((2, 17, 3))}},
    }  # fmt: skip
    path = tmp_path / "odd.npz"
    refused = 0
    for place in places(content):
        for odd in ODD if place else ():
            changed = replaced(content, place, odd)
            arrays = {}
            for key, value in changed.items():
                arrays[key] = np.empty((), dtype=object)
                arrays[key][()] = value
            np.savez(path, **arrays)
            refused += sum(is_refused(read, path) for read in (read_positions, read_keypoints))
    assert refused > 100


def is_refused(read, path) -> bool:
    """Whether a file is refused, in one sentence; any other error fails the test."""
    try:
        read(path)
    except InputError as error:
        return len(str(error).splitlines()) == 1
    return False
