"""Truth from files: TRC and calibration, `.npz` joints, names of joints, bad files."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from kinema.errors import InputError, KinemaError, UsageError
from kinema.evaluation.calibration import read_camera, read_cameras, scaled
from kinema.evaluation.joint_labels import canonical_joint
from kinema.evaluation.truth import axes_matrix, load_truth
from kinema.formats.trc_parsing import read_trc
from kinema.geometry.camera import project
from kinema.skeleton import LIMBS12

NAMES = ("RHip", "LHip", "RKnee")


def write_trc(path, positions, names=NAMES, rate=60.0, units="m", start=1 / 60, empty=()):
    positions = np.asarray(positions)
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{rate:g}\t{rate:g}\t{len(positions)}\t{len(names)}\t{units}\t{rate:g}\t1\t{len(positions)}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(len(names)) for axis in "XYZ"),
    ]
    for i, row in enumerate(positions.reshape(len(positions), -1)):
        cells = ["" if (i, j // 3) in empty else f"{value:.9f}" for j, value in enumerate(row)]
        lines.append("\t".join([str(i + 1), f"{start + i / rate:.9f}", *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


CALIBRATION = """
[left]
name = "left"
size = [ 1000.0, 500.0]
matrix = [ [ 800.0, 0.0, 499.5], [ 0.0, 810.0, 249.5], [ 0.0, 0.0, 1.0]]
distortions = [ 0.01, -0.02, 0.001, 0.002]
rotation = [ 1.2, -0.3, 0.4]
translation = [ 0.1, 0.2, 3.0]
fisheye = false

[right]
size = [ 1000.0, 500.0]
matrix = [ [ 800.0, 0.0, 499.5], [ 0.0, 810.0, 249.5], [ 0.0, 0.0, 1.0]]
rotation = [ 0.0, 0.0, 0.0]
translation = [ 0.0, 0.0, 0.0]

[metadata]
error = 0.0
"""


@pytest.mark.parametrize(("units", "metres"), [("m", 1), ("mm", 0.001), ("cm", 0.01)])
def test_trc_positions_times_and_units(tmp_path, units, metres):
    positions = np.random.default_rng(0).normal(size=(5, 3, 3))
    markers = read_trc(write_trc(tmp_path / "a.trc", positions, units=units, empty={(2, 1)}))
    assert markers.names == NAMES
    assert markers.rate == 60
    np.testing.assert_allclose(markers.times, (1 + np.arange(5)) / 60, atol=1e-8)
    assert np.isnan(markers.positions[2, 1]).all()
    markers.positions[2, 1] = positions[2, 1] * metres
    np.testing.assert_allclose(markers.positions, positions * metres, atol=1e-8)


def test_trc_goes_into_the_cameras_frame_as_opencv_does(tmp_path):
    """World of the calibration = (Z, X, Y) of the TRC, then X_cam = R X + t, checked by OpenCV's projection."""
    positions = np.random.default_rng(0).normal(size=(5, 3, 3))
    (tmp_path / "c.toml").write_text(CALIBRATION)
    truth = load_truth(write_trc(tmp_path / "a.trc", positions), calibration=tmp_path / "c.toml", camera="left")
    person = truth.people[0]
    assert person.names == ("right_hip", "left_hip", "right_knee")
    np.testing.assert_allclose(person.joints_world, positions, atol=1e-8)
    world = positions[..., [2, 0, 1]].reshape(-1, 3)
    camera = read_camera(tmp_path / "c.toml", "left")
    pixels, _ = cv2.projectPoints(
        world, np.array([1.2, -0.3, 0.4]), np.array([0.1, 0.2, 3.0]), camera.intrinsics, camera.distortion
    )
    ours = project(person.joints.reshape(-1, 3), camera.intrinsics, camera.distortion)
    np.testing.assert_allclose(ours, pixels[:, 0], atol=1e-4)
    np.testing.assert_allclose(truth.times, np.arange(5) / 60, atol=1e-8)  # the first row lies on the first frame
    assert load_truth(tmp_path / "a.trc", offset=2.0).times[0] == pytest.approx(2 + 1 / 60)


@pytest.mark.real
def test_pose2sim_truth_lies_on_the_body(data_dir):
    """The projected limbs of the real clip fall inside the image, and thigh and shank have human lengths."""
    folder = data_dir / "gt" / "balance_single"
    for name in ("cam_01", "cam_03"):
        truth = load_truth(folder / "Pose2Sim_markers.trc", calibration=folder / "Pose2Sim_cameras.toml", camera=name)
        person = truth.people[0]
        assert set(LIMBS12) <= set(person.names)
        pixels = project(person.joints, truth.camera.intrinsics, truth.camera.distortion)
        assert np.all((pixels > 0) & (pixels < [1088, 1920]))
        at = {joint: person.joints[:, i] for i, joint in enumerate(person.names)}
        assert np.all(at["nose"][:, 1] < at["left_ankle"][:, 1] - 0.7)  # y points down
        thigh = np.linalg.norm(at["left_hip"] - at["left_knee"], axis=-1)
        assert np.all((thigh > 0.3) & (thigh < 0.55))


def test_cameras_by_name(tmp_path):
    (tmp_path / "c.toml").write_text(CALIBRATION)
    assert list(read_cameras(tmp_path / "c.toml")) == ["left", "right"]
    assert read_camera(tmp_path / "c.toml", "right").distortion is None
    with pytest.raises(UsageError, match="set `camera` to one of left, right"):
        read_camera(tmp_path / "c.toml", None)
    with pytest.raises(UsageError, match="there is no camera 'up'"):
        read_camera(tmp_path / "c.toml", "up")


def test_scaled_camera_keeps_the_rays(tmp_path):
    (tmp_path / "c.toml").write_text(CALIBRATION)
    camera = read_camera(tmp_path / "c.toml", "right")
    half = scaled(camera, 500, 250)
    points = np.random.default_rng(0).normal(size=(9, 3)) + np.array([0, 0, 5])
    # Pixel centres at integers: x + 0.5 scales with the image.
    np.testing.assert_allclose(
        project(points, half.intrinsics) + 0.5, (project(points, camera.intrinsics) + 0.5) / 2, atol=1e-9
    )


@pytest.mark.parametrize("axes", ["XYZ", "ZXY", "X-ZY", "-X-YZ"])
def test_axes_are_rotations(axes):
    matrix = axes_matrix(axes)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3))
    assert np.linalg.det(matrix) == pytest.approx(1)


@pytest.mark.parametrize("axes", ["XXY", "XY", "XYZW", "", "YXZ"])
def test_impossible_axes_are_refused(axes):
    with pytest.raises(UsageError, match="axes"):
        axes_matrix(axes)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("RHip", "right_hip"), ("l_knee", "left_knee"), ("ankle_r", "right_ankle"), ("Left Wrist", "left_wrist"),
        ("LBigToe", "left_big_toe"), ("Neck", "neck"), ("Head", "head_top"), ("head", "head"), ("Hip", "mid_hip"),
        ("left_shoulder", "left_shoulder"), ("R.Elbow", "right_elbow"), ("spine1", "spine1"),
    ],
)  # fmt: skip
def test_names_of_joints(written, name):
    assert canonical_joint(written) == name


def test_npz_truth(tmp_path):
    joints = np.random.default_rng(0).normal(size=(4, 3, 3))
    joints[1, 1] = np.nan
    np.savez(tmp_path / "t.npz", joints=joints, joint_names=list(NAMES), fps=25)
    truth = load_truth(tmp_path / "t.npz")
    np.testing.assert_allclose(truth.times, np.arange(4) / 25)
    np.testing.assert_array_equal(truth.people[0].joints, joints)
    np.savez(tmp_path / "t.npz", joints=joints, joint_names=list(NAMES), times=np.array([0, 1, 2, 4.0]), frame="world")
    truth = load_truth(tmp_path / "t.npz", offset=1.0)
    assert truth.people[0].joints is None
    np.testing.assert_allclose(truth.times, [1, 2, 3, 5])
    np.testing.assert_array_equal(truth.people[0].present, True)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"joints": np.zeros((4, 3))}, r"joints has shape \(4, 3\), expected \(T, J, 3\)"),
        ({"joint_names": ["a", "b"]}, "joint_names must be 3 strings"),
        ({"joint_names": np.arange(3)}, "joint_names must be 3 strings"),
        ({"fps": 0}, "fps must be a number between"),
        ({"fps": np.zeros(2)}, "fps must be one number"),
        ({"fps": None}, "lacks fps"),
        ({"frame": "sky"}, "frame must be camera or world"),
        ({"times": np.zeros(4)}, "times must increase"),
        ({"times": np.arange(3.0)}, "times has shape"),
    ],
)
def test_bad_npz_truth(tmp_path, changes, match):
    content = {"joints": np.zeros((4, 3, 3)), "joint_names": list(NAMES), "fps": 25, **changes}
    np.savez(tmp_path / "t.npz", **{key: value for key, value in content.items() if value is not None})
    with pytest.raises(InputError, match=match):
        load_truth(tmp_path / "t.npz")


def edit(path, old, new):
    text = path.read_text()
    assert re.search(old, text)
    path.write_text(re.sub(old, new, text, count=1))


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("PathFileType", "Path", "is not a TRC file"),
        ("\tm\t", "\tfoot\t", "its unit is 'foot'"),
        ("RHip", "LHip", "two markers have the same name"),
        (r"\n3\t[^\n]*", "\n3\t0.05\t1\t2\t3\tx", "line 8: a cell is not a number"),
        (r"\n3\t[^\n]*", "\n3\t0.05" + "\t1" * 11, "line 8: 13 columns where 3 markers need 11"),
        (r"\n3\t[^\n]*", "\n3", "line 8: 1 columns"),
        (r"\n3\t0.05", "\n3\t0.01", "must increase"),
        (r"(?s)\n1\t0.*", "\n", "has a header but no frames"),
        ("RHip\t\t\tLHip\t\t\tRKnee", "", "names no markers"),
    ],
)
def test_bad_trc(tmp_path, old, new, match):
    path = write_trc(tmp_path / "a.trc", np.ones((5, 3, 3)))
    edit(path, old, new)
    with pytest.raises(InputError, match=match):
        load_truth(path)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (r"\[left\]", "[left", "is not a TOML calibration"),
        ("fisheye = false", "fisheye = true", "fisheye camera"),
        (r"rotation = \[ 1.2.*", "", "lacks rotation"),
        (r"translation = \[ 0.1, 0.2, 3.0\]", "translation = [1.0]", "translation has shape"),
        (r"(?s).*\[metadata\]", "[metadata]", "describes no camera"),
        (r"800.0", "-800.0", "focal lengths must be positive"),
    ],
)
def test_bad_calibration(tmp_path, old, new, match):
    path = tmp_path / "c.toml"
    path.write_text(CALIBRATION)
    edit(path, old, new)
    with pytest.raises(KinemaError, match=match):
        read_camera(path, "left")


def test_options_that_do_not_fit_are_reported(tmp_path):
    write_trc(tmp_path / "a.trc", np.ones((5, 3, 3)))
    with pytest.raises(UsageError, match="`camera` needs the calibration"):
        load_truth(tmp_path / "a.trc", camera="left")
    np.savez(tmp_path / "t.npz", joints=np.zeros((4, 3, 3)), joint_names=list(NAMES), fps=25)
    with pytest.raises(UsageError, match=r"applies to \.trc and \.c3d files"):
        load_truth(tmp_path / "t.npz", calibration=tmp_path / "c.toml")
    with pytest.raises(InputError, match="does not exist"):
        load_truth(tmp_path / "a.trc", calibration=tmp_path / "none.toml", camera="left")
    with pytest.raises(InputError, match=r"none\.trc does not exist; check the path"):
        load_truth(tmp_path / "none.trc")
