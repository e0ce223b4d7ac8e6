"""The filming camera in exported files: other programs' readers see the joints through it where the video has them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kinema.formats import load_motion, save_motion
from kinema.formats.camera_files import read_camera_path
from kinema.formats.foreign import REST_PELVIS, ZUP_FROM_YUP
from kinema.formats.reader_body import AVERAGE_LEGS, legs_of
from kinema.formats.report import WriteReport
from kinema.geometry.camera import Camera, project, to_camera
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.motion import Motion
from tests.formats.test_bvh import positions
from tests.helpers.exchange_motions import camera_only, uneven
from tests.helpers.gltf_reader import Gltf

PIXELS = 0.1
"""Tolerance of reprojection: seven digits of a position some metres off are a thousandth of a pixel, and Blender stores
its lens in millimetres, as a float."""


def filmed(motion: Motion, *, moving: bool, off: tuple[float, float] = (0.0, 0.0)) -> Motion:
    """The motion seen by a camera of known pose, whose pixels are not square, its principal point `off` the middle."""
    count = motion.num_frames
    lens = np.array([[1100.0, 0, 639.5 + off[0]], [0, 1150, 359.5 + off[1]], [0, 0, 1]])
    at = np.linspace(0, 1, count)[:, None]
    facing = np.diag([1.0, -1.0, -1.0])  # level, along -z
    turn = axis_angle_to_matrix(at * [0.15, -0.6, 0.3] + [0.1, 0.1, -0.05]) @ facing
    centre = np.array([0.3, 1.7, 5.5]) + at * [1.5, -0.4, -1.0]
    translation = -np.einsum("tij,tj->ti", turn, centre)
    camera = Camera(1280, 720, lens, rotation=turn, translation=translation, moving=True)
    if not moving:
        camera = camera.replace(rotation=turn[0], translation=translation[0], moving=False)
    return motion.replace(width=1280, height=720, camera=camera)


def seen(motion: Motion, row: int) -> np.ndarray:
    """(24,2) pixels of the first person's joints in the world, as the motion's own camera has them."""
    person = motion.people[0]
    in_camera = to_camera(np.repeat(person.joints_world[row : row + 1], motion.num_frames, axis=0), motion.camera)
    return project(in_camera[person.frames[row]], motion.camera.intrinsics)


def through(matrix: np.ndarray, yfov: float, aspect: float, joints: np.ndarray, size=(1280, 720)) -> np.ndarray:
    """Pixels of joints by the rules of glTF: matrix (4,4) from the camera, which looks along -z, to the world."""
    local = (np.linalg.inv(matrix) @ np.c_[joints, np.ones(len(joints))].T).T[:, :3]
    half = np.tan(yfov / 2)
    x, y = local[:, 0] / -local[:, 2] / (half * aspect), local[:, 1] / -local[:, 2] / half
    return np.stack([(x + 1) / 2 * size[0] - 0.5, (1 - y) / 2 * size[1] - 0.5], axis=1)


ROWS = (0, 17, 41, 59)


@pytest.mark.parametrize("moving", [False, True])
def test_glb_by_pygltflib(walk, tmp_path, moving):
    motion = filmed(walk, moving=moving)
    report = WriteReport()
    file = Gltf(save_motion(motion, tmp_path / "walk.glb", report=report))
    assert not list(report.notes)
    node = file.nodes["camera"]
    (camera,) = file.file.cameras
    assert camera.type == "perspective"
    assert (file.curve(node, "rotation") is not None) == moving
    assert camera.extras["K"] == motion.camera.intrinsics.tolist()
    assert camera.extras["size"] == [1280, 720]
    for row in ROWS:
        moment = float(walk.times[row])
        lens = camera.perspective
        joints = file.joints("person_1_body", moment)
        found = through(file.world(moment)[node], lens.yfov, lens.aspectRatio, joints)
        np.testing.assert_allclose(found, seen(motion, row), atol=PIXELS / 10)


def test_glb_by_trimesh(walk, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    motion = filmed(walk, moving=False)
    scene = trimesh.load_scene(save_motion(motion, tmp_path / "walk.glb"))
    matrix, _ = scene.graph["camera"]
    found = through(matrix, motion_fov(motion), 1280 / 720 * 1150 / 1100, motion.people[0].joints_world[0])
    np.testing.assert_allclose(found, seen(motion, 0), atol=PIXELS)


def motion_fov(motion: Motion) -> float:
    return 2 * np.arctan(360 / motion.camera.intrinsics[1, 1])


def test_the_khronos_validator_accepts_the_camera(walk, tmp_path, gltf_validator):
    issues = gltf_validator(save_motion(filmed(walk, moving=True), tmp_path / "out.glb"))
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


@pytest.mark.parametrize("moving", [False, True])
def test_usd_by_pixars_library(walk, tmp_path, moving):
    pytest.importorskip("pxr", reason="usd-core is not installed")
    from pxr import Gf, Usd, UsdGeom

    from tests.formats.test_usd import Scene

    motion = filmed(walk, moving=moving, off=(23.0, -41.0))
    report = WriteReport()
    scene = Scene(save_motion(motion, tmp_path / "walk.usda", report=report))
    assert not list(report.notes)
    camera = UsdGeom.Camera(scene.stage.GetPrimAtPath("/motion/camera"))
    for row in ROWS:
        code = Usd.TimeCode(float(walk.times[row]) * 30)
        frustum = camera.GetCamera(code).frustum
        assert frustum.projectionType == Gf.Frustum.Perspective
        matrix = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
        flat = np.array([matrix.Transform(Gf.Vec3d(*map(float, p))) for p in scene.joints("person_1", walk.times[row])])
        found = np.stack([(flat[:, 0] + 1) / 2 * 1280 - 0.5, (1 - flat[:, 1]) / 2 * 720 - 0.5], axis=1)
        np.testing.assert_allclose(found, seen(motion, row), atol=PIXELS / 10)


def test_what_cannot_be_held_is_noted_and_the_camera_can_be_left_out(walk, tmp_path):
    report = WriteReport()
    motion = filmed(walk, moving=True, off=(23.0, -41.0))
    motion = motion.replace(camera=motion.camera.replace(distortion=np.array([0.1, 0, 0, 0])))
    save_motion(motion, tmp_path / "walk.glb", report=report)
    notes = " ".join(report.notes)
    assert "23.0 and 41.0 pixels off the middle" in notes
    assert "distortion of the camera's lens is left out" in notes
    unplaced = motion.replace(camera=motion.camera.replace(rotation=None, translation=None, distortion=None))
    for suffix in ("glb", "usda"):
        report = WriteReport()
        path = save_motion(unplaced, tmp_path / f"unplaced.{suffix}", report=report)
        assert any("has no camera" in note for note in report.notes)
        without = save_motion(motion, tmp_path / f"without.{suffix}", camera=False)
        assert b"amera" not in path.read_bytes().replace(b"skeleton", b"")
        assert path.read_bytes() == without.read_bytes()


def test_in_the_cameras_own_frame_it_stands_at_the_origin(walk, tmp_path):
    motion = camera_only(walk)
    file = Gltf(save_motion(motion, tmp_path / "walk.glb"))
    lens = file.file.cameras[0].perspective
    person, size = motion.people[0], (motion.width, motion.height)
    for row in (0, 30):
        moment = float(walk.times[row])
        found = through(
            file.world(moment)[file.nodes["camera"]], lens.yfov, lens.aspectRatio,
            file.joints("person_1_body", moment), size,
        )  # fmt: skip
        own = project(person.joints[row], motion.camera.intrinsics)
        np.testing.assert_allclose(found, own, atol=PIXELS)


def test_uneven_times_and_cuts(walk, tmp_path):
    motion = uneven(filmed(walk, moving=False))
    whole = filmed(walk, moving=True).camera
    kept = np.searchsorted(walk.times, motion.times)
    moved = whole.replace(rotation=whole.rotation[kept], translation=whole.translation[kept])
    motion = motion.replace(camera=moved, cuts=np.array([9]))
    file = Gltf(save_motion(motion, tmp_path / "walk.glb"))
    times, _, _ = file.curve(file.nodes["camera"], "translation")
    np.testing.assert_allclose(times, motion.times - motion.times[0], atol=1e-6)


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("units", ["m", "cm"])
def test_bvh_with_json_by_pybvh(walk, tmp_path, moving, units):
    """pybvh's forward kinematics and the few lines that a user writes see the joints where the video has them."""
    motion = filmed(walk, moving=moving, off=(23.0, -41.0))
    report = WriteReport()
    save_motion(motion, tmp_path / "walk.bvh", units=units, report=report)
    assert [path.name for path in report.paths] == ["walk.bvh", "walk_camera.json"]
    camera = json.loads((tmp_path / "walk_camera.json").read_text())
    assert camera["starts"] == {"walk.bvh": 0.0}
    assert (camera["unit"], camera["metric"], camera["size"]) == (units, units == "m", [1280, 720])
    if moving:
        path = read_camera_path(tmp_path / "walk_camera.json").path
        np.testing.assert_allclose(path.rotation, motion.camera.rotation, atol=1e-8)
        assert path.metric == (units == "m")
    joints, _ = positions(tmp_path / "walk.bvh")
    for row in ROWS:
        at = row if moving else 0
        local = joints[row] @ np.array(camera["R"][at]).T + np.array(camera["t"][at])
        pixels = local @ np.array(camera["K"]).T
        np.testing.assert_allclose(pixels[:, :2] / pixels[:, 2:], seen(motion, row), atol=PIXELS)


@pytest.mark.parametrize("moving", [False, True])
def test_npz_on_its_own_body(walk, tmp_path, moving):
    """With the layout's own body nothing is scaled: the pelvis is seen where it was."""
    motion = filmed(walk, moving=moving, off=(23.0, -41.0)).replace(body_model="smplx")
    with np.load(save_motion(motion, tmp_path / "walk.npz", format="amass")) as file:
        arrays = dict(file)
    assert arrays["fps"] == arrays["mocap_frame_rate"] == 30
    assert arrays["size"].tolist() == [1280, 720]
    rest = REST_PELVIS["smplx"]
    pelvis = arrays["trans"] + rest
    local = np.einsum("nij,nj->ni", arrays["cam_R"], pelvis) + arrays["cam_t"]
    pixels = local @ arrays["K"].T
    own = np.array([seen(motion, row)[0] for row in range(60)])
    np.testing.assert_allclose(pixels[:, :2] / pixels[:, 2:], own, atol=0.5)  # a millimetre is a third of a pixel here
    back = load_motion(tmp_path / "walk.npz")
    in_camera = to_camera(back.people[0].transl_world + rest, back.camera)
    np.testing.assert_allclose(project(in_camera, back.camera.intrinsics), own, atol=0.5)


def test_npz_on_another_body_keeps_people_where_they_were_seen(walk, body, tmp_path):
    """The way is scaled to the legs of the reader's body, and the camera with it: soles stay in the picture."""
    motion = filmed(walk, moving=True)
    with np.load(save_motion(motion, tmp_path / "walk.npz", format="amass")) as file:
        arrays = dict(file)
    person = motion.people[0]
    theirs = (arrays["trans"] + REST_PELVIS["smplx"]) @ ZUP_FROM_YUP
    theirs = AVERAGE_LEGS["smplx"].soles(np.array(person.pose_world)) + theirs[:, None]
    own = legs_of(body, person.betas[0]).soles(np.array(person.pose_world)) + person.joints_world[:, :1]
    lens = motion.camera.intrinsics
    scaled = np.einsum("nij,npj->npi", arrays["cam_R"], theirs @ ZUP_FROM_YUP.T) + arrays["cam_t"][:, None]
    truth = project(to_camera(own, motion.camera), lens)
    with_it = np.linalg.norm(project(scaled, lens) - truth, axis=-1)
    without = np.linalg.norm(project(to_camera(theirs, motion.camera), lens) - truth, axis=-1)
    # Of a body of 300 pixels whose legs stand a little wider than the person's.
    assert np.median(with_it) < 8
    assert np.median(with_it) < np.median(without) / 2
